//! Why an operation of a driver failed.

use core::fmt;

use crate::command::Operation;
use crate::errno::Errno;
use crate::interface::{EncodeError, Nearest};
use crate::release::DriverRelease;

/// Why an operation of a [`Driver`](super::Driver) failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DriverError {
    /// This release cannot be asked for that; nothing was sent.
    Encode(EncodeError),
    /// The driver, or what carries requests to it, answered an error.
    Errno {
        /// What was asked.
        operation: Operation,
        /// The error.
        errno: Errno,
    },
    /// None of the codes of the version query was understood: this is no driver of a Hailo accelerator, or one of another
    /// generation.
    NoVersionQuery,
    /// The driver is of a release that is not in the version table.
    UnknownRelease {
        /// The release.
        found: DriverRelease,
        /// The known ones around it.
        nearest: Nearest,
    },
    /// The driver answered a version query under a code that the release it named does not have.
    WrongVersionQuery {
        /// The release that it named.
        found: DriverRelease,
    },
    /// The interface answers another operation: a fault of its table.
    WrongReply {
        /// What was asked.
        operation: Operation,
    },
}

impl DriverError {
    /// The error number, where it is one of the driver.
    #[must_use]
    pub const fn errno(&self) -> Option<Errno> {
        match self {
            Self::Errno { errno, .. } => Some(*errno),
            _ => None,
        }
    }

    pub(super) fn unknown_release(found: DriverRelease) -> Self {
        Self::UnknownRelease { found, nearest: Nearest::to(found) }
    }
}

impl From<EncodeError> for DriverError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(error) => fmt::Display::fmt(error, f),
            Self::Errno { operation, errno } => write!(f, "the driver answered {} with {errno}", operation.name()),
            Self::NoVersionQuery => f.write_str("the driver understands no version query: it is not a Hailo driver"),
            Self::UnknownRelease { found, nearest } => {
                write!(f, "the driver's release {found} is not known (the nearest known: {nearest})")
            }
            Self::WrongVersionQuery { found } => {
                write!(f, "the driver says that it is {found}, but does not answer as that release does")
            }
            Self::WrongReply { operation } => {
                write!(f, "the interface of this release answers {} with something else", operation.name())
            }
        }
    }
}

impl core::error::Error for DriverError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            Self::Errno { errno, .. } => Some(errno),
            _ => None,
        }
    }
}
