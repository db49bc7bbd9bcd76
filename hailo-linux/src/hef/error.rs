//! What is wrong with a model file.

use std::fmt;
use std::path::PathBuf;

use prost::Message;
use prost::bytes::Bytes;

/// The code with which the vendor's library reports the same fault, for people who compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "hailo_status")]
#[non_exhaustive]
pub enum LibraryStatus {
    /// A number does not lead to any possible configuration.
    InvalidArgument,
    /// More of something than can be had at a time.
    InvalidOperation,
    /// A kind of trigger that nobody implements.
    NotImplemented,
    /// The vendor's library has no better name for it.
    InternalFailure,
    /// The contents contradict themselves.
    InvalidHef,
    /// Descriptor lists or buffers of such sizes cannot be had.
    CantMeetBufferRequirements,
    /// The container is damaged.
    HefFileCorrupted,
    /// The file needs something that is not supported.
    HefNotSupported,
    /// The file is for another device.
    HefNotCompatibleWithDevice,
}

impl LibraryStatus {
    /// The number and the C name.
    const fn parts(self) -> (u16, &'static str) {
        match self {
            Self::InvalidArgument => (2, "HAILO_INVALID_ARGUMENT"),
            Self::InvalidOperation => (6, "HAILO_INVALID_OPERATION"),
            Self::NotImplemented => (7, "HAILO_NOT_IMPLEMENTED"),
            Self::InternalFailure => (8, "HAILO_INTERNAL_FAILURE"),
            Self::InvalidHef => (26, "HAILO_INVALID_HEF"),
            Self::CantMeetBufferRequirements => (84, "HAILO_CANT_MEET_BUFFER_REQUIREMENTS"),
            Self::HefFileCorrupted => (91, "HAILO_HEF_FILE_CORRUPTED"),
            Self::HefNotSupported => (92, "HAILO_HEF_NOT_SUPPORTED"),
            Self::HefNotCompatibleWithDevice => (93, "HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE"),
        }
    }

    /// The number.
    #[must_use]
    pub const fn code(self) -> u16 {
        self.parts().0
    }

    /// The C name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.parts().1
    }
}

impl fmt::Display for LibraryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.code())
    }
}

/// Something in a well-formed model file that cannot be carried out: what, where in the model, and what the vendor's
/// library would call it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Refusal {
    /// How the vendor's library reports it.
    pub status: LibraryStatus,
    /// Where, from the network group inwards: ``group `net`, context 2, action 14``.
    pub place: String,
    /// What is wrong, with the numbers.
    pub what: String,
}

impl Refusal {
    /// A refusal whose place is to be put around it by the callers, from the inside outwards.
    pub(crate) fn new(status: LibraryStatus, what: impl Into<String>) -> Self {
        Self { status, place: String::new(), what: what.into() }
    }

    /// The same, found in `place`.
    #[must_use]
    pub(crate) fn within(mut self, place: impl fmt::Display) -> Self {
        self.place = if self.place.is_empty() { place.to_string() } else { format!("{place}, {}", self.place) };
        self
    }

    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        Self::new(LibraryStatus::InvalidHef, what)
    }

    pub(crate) fn argument(what: impl Into<String>) -> Self {
        Self::new(LibraryStatus::InvalidArgument, what)
    }

    pub(crate) fn internal(what: impl Into<String>) -> Self {
        Self::new(LibraryStatus::InternalFailure, what)
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::new(LibraryStatus::HefNotSupported, what)
    }

    pub(crate) fn buffers(what: impl Into<String>) -> Self {
        Self::new(LibraryStatus::CantMeetBufferRequirements, what)
    }
}

/// Decodes a part of the description that was left for later. Contents that protobuf does not accept are a damaged file
/// to the library, wherever they are.
pub(super) fn decode<M: Message + Default>(message: &Bytes) -> Result<M, Refusal> {
    M::decode(message.clone())
        .map_err(|error| Refusal::new(LibraryStatus::HefFileCorrupted, format!("cannot be decoded: {error}")))
}

/// Puts a place around the refusals of a result.
pub(crate) trait Within<T> {
    fn within<P: fmt::Display>(self, place: impl FnOnce() -> P) -> Result<T, Refusal>;
}

impl<T> Within<T> for Result<T, Refusal> {
    fn within<P: fmt::Display>(self, place: impl FnOnce() -> P) -> Self {
        self.map_err(|refusal| refusal.within(place()))
    }
}

/// Why a model file was not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    #[error("cannot read the model file `{}`: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file does not begin like a model file.
    #[error(
        "not a model file: it begins with {found:#010x}, a model file (HEF) with {:#010x}",
        super::container::MAGIC
    )]
    NotAModel {
        /// The first four bytes, big-endian.
        found: u32,
    },
    /// The container's version is not one of 0 to 3.
    #[error(
        "the model file has version {version}, only 0 to {} are known: it was made for a newer library",
        super::container::LAST_VERSION
    )]
    UnknownVersion {
        /// The version that the file states.
        version: u32,
    },
    /// The file is shorter than its header says.
    #[error(
        "the model file is truncated: its header announces {stated} bytes, the file has {actual} ({} are missing); \
         fetch or copy it again",
        stated - actual
    )]
    Truncated {
        /// The length that follows from the header, in bytes.
        stated: u64,
        /// The length of the file, in bytes.
        actual: u64,
    },
    /// The file is longer than its header says.
    #[error(
        "the model file is {actual} bytes long, but its header accounts for {stated} only ({} too many)",
        actual - stated
    )]
    TooLong {
        /// The length that follows from the header, in bytes.
        stated: u64,
        /// The length of the file, in bytes.
        actual: u64,
    },
    /// The sizes in the header contradict each other.
    #[error("the sizes in the model file's header contradict each other: {what}")]
    Header {
        /// Which, with the numbers.
        what: String,
    },
    /// The contents do not have the checksum that the header states.
    #[error("the model file is damaged: its {kind} is {computed}, the header says {stated}; fetch or copy it again")]
    Damaged {
        /// The kind of checksum: MD5, CRC-32 or XXH3-64.
        kind: &'static str,
        /// The checksum in the header, in hexadecimal.
        stated: String,
        /// The checksum of the contents, in hexadecimal.
        computed: String,
    },
    /// The description of the network cannot be decoded.
    #[error("the model file's description (protobuf) cannot be decoded: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// The file was read, but what it describes cannot be carried out.
    #[error("the model cannot be used: {0}")]
    Refused(#[from] Refusal),
}

impl Error {
    /// The code with which the vendor's library reports the same; `None` when the file could not be read at all.
    #[must_use]
    pub const fn library_status(&self) -> Option<LibraryStatus> {
        match self {
            Self::Read { .. } => None,
            Self::NotAModel { .. } | Self::UnknownVersion { .. } => Some(LibraryStatus::HefNotSupported),
            Self::Truncated { .. }
            | Self::TooLong { .. }
            | Self::Header { .. }
            | Self::Damaged { .. }
            | Self::Protobuf(_) => Some(LibraryStatus::HefFileCorrupted),
            Self::Refused(refusal) => Some(refusal.status),
        }
    }
}
