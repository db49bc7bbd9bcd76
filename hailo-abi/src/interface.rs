//! [`Interface`]: what one span of releases understands, and the version table.

use core::fmt;

use crate::command::{Command, Operation, Reply};
use crate::data_model::DataModel;
use crate::release::DriverRelease;
use crate::request::Request;
use crate::wire::{Layout, WireStruct};

/// The argument of one request in one data model: a wire struct that knows its plain form.
pub trait Argument: WireStruct {
    /// Writes the command's parameters into a zeroed argument.
    ///
    /// # Errors
    /// The name of a parameter that this layout cannot express.
    fn encode(&mut self, command: &Command<'_>) -> Result<(), Inexpressible>;

    /// The command that these bytes are.
    fn decode(&self) -> Command<'_>;

    /// Writes what the driver answers, and nothing else.
    ///
    /// # Errors
    /// The name of a value that this layout cannot express.
    fn encode_reply(&mut self, reply: &Reply<'_>) -> Result<(), Inexpressible> {
        match reply {
            Reply::None => Ok(()),
            _ => Err(Inexpressible("reply")),
        }
    }

    /// What the driver answered.
    fn decode_reply(&self) -> Reply<'_> {
        Reply::None
    }
}

/// A parameter that a layout cannot express, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inexpressible(pub &'static str);

/// How one request is written in one data model.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    /// The request code.
    pub request: Request,
    /// The argument's layout; none for a request without argument.
    pub layout: Option<Layout>,
    pub(crate) encode: fn(&Command<'_>, &mut [u8]) -> Result<(), Inexpressible>,
    pub(crate) decode: fn(&[u8]) -> Option<Command<'_>>,
    pub(crate) encode_reply: fn(&Reply<'_>, &mut [u8]) -> Result<(), Inexpressible>,
    pub(crate) decode_reply: fn(&[u8]) -> Option<Reply<'_>>,
}

/// One request of an interface.
#[derive(Clone, Copy, Debug)]
pub struct RequestEntry {
    /// What it does.
    pub operation: Operation,
    /// Its name in the vendor's header.
    pub name: &'static str,
    pub(crate) lp64: Codec,
    pub(crate) ilp32: Codec,
}

impl RequestEntry {
    /// The code, layout and coding in one data model.
    #[must_use]
    pub const fn codec(&self, model: DataModel) -> &Codec {
        match model {
            DataModel::Lp64 => &self.lp64,
            DataModel::Ilp32 => &self.ilp32,
        }
    }
}

/// Everything that a span of driver releases has in common: requests, layouts, enums and constants.
pub struct Interface {
    /// The first release with this interface, which names its module (`v4_21_0`).
    pub first_release: DriverRelease,
    /// Every request.
    pub requests: &'static [RequestEntry],
    /// Every struct of the header: the arguments and what they contain.
    pub structs: &'static [StructEntry],
    /// Every enum of the header.
    pub enums: &'static [EnumEntry],
    /// Every integer constant of the header.
    pub constants: &'static [(&'static str, i64)],
}

/// One struct of an interface, in both data models.
#[derive(Clone, Copy, Debug)]
pub struct StructEntry {
    /// The layout on 64-bit kernels.
    pub lp64: Layout,
    /// The layout on 32-bit kernels.
    pub ilp32: Layout,
}

impl StructEntry {
    /// The layout in one data model.
    #[must_use]
    pub const fn layout(&self, model: DataModel) -> &Layout {
        match model {
            DataModel::Lp64 => &self.lp64,
            DataModel::Ilp32 => &self.ilp32,
        }
    }
}

/// One enum of an interface.
#[derive(Clone, Copy, Debug)]
pub struct EnumEntry {
    /// The name in the vendor's header.
    pub c_name: &'static str,
    /// Names and values.
    pub enumerators: &'static [(&'static str, u32)],
}

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

impl Interface {
    /// The interface of a release, or `None` for a release that is not in the [version table](RELEASES).
    #[must_use]
    pub fn of(release: DriverRelease) -> Option<&'static Self> {
        RELEASES.iter().find(|(known, _)| *known == release).map(|(_, interface)| *interface)
    }

    /// The request for an operation, if the interface has it.
    #[must_use]
    pub fn entry(&self, operation: Operation) -> Option<&'static RequestEntry> {
        self.requests.iter().find(|entry| entry.operation == operation)
    }

    /// The code of an operation's request, if the interface has it.
    #[must_use]
    pub fn request(&self, operation: Operation, model: DataModel) -> Option<Request> {
        self.entry(operation).map(|entry| entry.codec(model).request)
    }

    /// The request with a code, if the interface has it.
    #[must_use]
    pub fn find(&self, request: Request, model: DataModel) -> Option<&'static RequestEntry> {
        self.requests.iter().find(|entry| entry.codec(model).request == request)
    }

    /// What a process asks with these argument bytes.
    ///
    /// # Errors
    /// [`DecodeError::UnknownRequest`], [`DecodeError::Length`].
    pub fn decode<'a>(&self, model: DataModel, request: Request, bytes: &'a [u8]) -> Result<Command<'a>, DecodeError> {
        let interface = self.first_release;
        let entry = self.find(request, model).ok_or(DecodeError::UnknownRequest { request, interface })?;
        (entry.codec(model).decode)(bytes).ok_or(DecodeError::Length { request, given: bytes.len() })
    }

    /// What the driver answered in these argument bytes.
    ///
    /// # Errors
    /// [`DecodeError::UnknownRequest`], [`DecodeError::Length`].
    pub fn decode_reply<'a>(
        &self,
        model: DataModel,
        request: Request,
        bytes: &'a [u8],
    ) -> Result<Reply<'a>, DecodeError> {
        let interface = self.first_release;
        let entry = self.find(request, model).ok_or(DecodeError::UnknownRequest { request, interface })?;
        (entry.codec(model).decode_reply)(bytes).ok_or(DecodeError::Length { request, given: bytes.len() })
    }

    /// Writes the argument of a command to the start of `buffer`. Returns the request and the argument's bytes.
    ///
    /// # Errors
    /// [`EncodeError`]; nothing was sent.
    pub fn encode<'b>(
        &self,
        model: DataModel,
        command: &Command<'_>,
        buffer: &'b mut [u8],
    ) -> Result<(Request, &'b mut [u8]), EncodeError> {
        let operation = command.operation();
        let interface = self.first_release;
        let entry = self.entry(operation).ok_or(EncodeError::NoOperation { operation, interface })?;
        let codec = entry.codec(model);
        let needed = codec.request.size();
        let given = buffer.len();
        let argument = buffer.get_mut(..needed).ok_or(EncodeError::Buffer { needed, given })?;
        argument.fill(0);
        (codec.encode)(command, argument).map_err(|Inexpressible(parameter)| EncodeError::Inexpressible {
            operation,
            parameter,
            interface,
        })?;
        Ok((codec.request, argument))
    }

    /// Writes the driver's answer into an argument that holds the process's bytes; all other bytes stay as they are.
    ///
    /// # Errors
    /// [`EncodeError`]; the bytes may have been written in part.
    pub fn encode_reply(
        &self,
        model: DataModel,
        operation: Operation,
        reply: &Reply<'_>,
        bytes: &mut [u8],
    ) -> Result<(), EncodeError> {
        let interface = self.first_release;
        let entry = self.entry(operation).ok_or(EncodeError::NoOperation { operation, interface })?;
        let codec = entry.codec(model);
        if bytes.len() != codec.request.size() {
            return Err(EncodeError::Buffer { needed: codec.request.size(), given: bytes.len() });
        }
        (codec.encode_reply)(reply, bytes).map_err(|Inexpressible(parameter)| EncodeError::Inexpressible {
            operation,
            parameter,
            interface,
        })
    }
}

impl fmt::Debug for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Interface({})", self.first_release)
    }
}

/// The size in bytes of the largest argument over all releases (`MEMORY_TRANSFER`).
pub const MAX_ARGUMENT_LENGTH: usize = 4120;

/// Every known release and its interface, oldest first.
pub const RELEASES: &[(DriverRelease, &Interface)] = &[(DriverRelease::new(4, 21, 0), &crate::v4_21_0::INTERFACE)];

/// Whether a code stands for a [harmless](Operation::is_harmless) operation in some interface, and for no other in any.
#[must_use]
pub fn is_harmless(request: Request) -> bool {
    let mut harmless = false;
    for (_, interface) in RELEASES {
        for model in DataModel::ALL {
            if let Some(entry) = interface.find(request, model) {
                if !entry.operation.is_harmless() {
                    return false;
                }
                harmless = true;
            }
        }
    }
    harmless
}

pub(crate) fn encode_as<T: Argument>(command: &Command<'_>, bytes: &mut [u8]) -> Result<(), Inexpressible> {
    T::mut_from_bytes(bytes).map_err(|_| Inexpressible("argument length"))?.encode(command)
}

pub(crate) fn decode_as<T: Argument>(bytes: &[u8]) -> Option<Command<'_>> {
    T::ref_from_bytes(bytes).ok().map(T::decode)
}

pub(crate) fn encode_reply_as<T: Argument>(reply: &Reply<'_>, bytes: &mut [u8]) -> Result<(), Inexpressible> {
    T::mut_from_bytes(bytes).map_err(|_| Inexpressible("argument length"))?.encode_reply(reply)
}

pub(crate) fn decode_reply_as<T: Argument>(bytes: &[u8]) -> Option<Reply<'_>> {
    T::ref_from_bytes(bytes).ok().map(T::decode_reply)
}

/// Makes a [`Codec`] for an argument type: `codec!(ior b'v', 15, LaunchTransfer<Lp64>)`.
macro_rules! codec {
    ($direction:ident $group:literal, $number:literal, $argument:ty) => {
        $crate::interface::Codec {
            request: $crate::request::Request::$direction($group, $number, size_of::<$argument>()),
            layout: Some(<$argument as $crate::wire::WireStruct>::LAYOUT),
            encode: $crate::interface::encode_as::<$argument>,
            decode: $crate::interface::decode_as::<$argument>,
            encode_reply: $crate::interface::encode_reply_as::<$argument>,
            decode_reply: $crate::interface::decode_reply_as::<$argument>,
        }
    };
}
pub(crate) use codec;
