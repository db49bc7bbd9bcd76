//! Why a command has no bytes, or bytes are no command.

use core::fmt;

use crate::command::Operation;
use crate::release::DriverRelease;
use crate::request::Request;

/// Why a command has no bytes in an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The interface has no such operation.
    NoOperation {
        /// The operation.
        operation: Operation,
        /// The first release of the interface.
        interface: DriverRelease,
    },
    /// The interface cannot express a parameter with the value that it was given.
    Inexpressible {
        /// The operation.
        operation: Operation,
        /// The parameter.
        parameter: &'static str,
        /// The first release of the interface.
        interface: DriverRelease,
    },
    /// The buffer for the argument is too small.
    Buffer {
        /// The length needed, in bytes.
        needed: usize,
        /// The length given, in bytes.
        given: usize,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoOperation { operation, interface } => {
                write!(f, "the driver interface of {interface} has no operation {}", operation.name())
            }
            Self::Inexpressible { operation, parameter, interface } => {
                write!(f, "the driver interface of {interface} cannot express this {parameter} in {}", operation.name())
            }
            Self::Buffer { needed, given } => write!(f, "an argument of {needed} bytes does not fit into {given}"),
        }
    }
}

impl core::error::Error for EncodeError {}

/// Why bytes are no command or reply of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The interface has no such request code.
    UnknownRequest {
        /// The code.
        request: Request,
        /// The first release of the interface.
        interface: DriverRelease,
    },
    /// The argument has another length than the code says.
    Length {
        /// The code.
        request: Request,
        /// The length given, in bytes; the expected one is [`Request::size`].
        given: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownRequest { request, interface } => {
                write!(f, "the driver interface of {interface} has no request {request}")
            }
            Self::Length { request, given } => {
                write!(f, "the argument of request {request} has {} bytes, not {given}", request.size())
            }
        }
    }
}

impl core::error::Error for DecodeError {}
