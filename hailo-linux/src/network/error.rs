//! Why a network cannot be configured or run.

use crate::hef::{self, LibraryStatus, Refusal};

/// Why a network cannot be configured or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model file could not be loaded.
    #[error(transparent)]
    Model(#[from] hef::Error),
    /// The model cannot be carried out on this device with these options.
    #[error("the model cannot be configured: {0}")]
    Refused(#[from] Refusal),
    /// What the driver or the firmware answered.
    #[error(transparent)]
    Device(#[from] crate::Error),
    /// There is no network of that name.
    #[error("the model file has no network group `{wanted}`; it has {}", .known.join(", "))]
    NoGroup {
        /// The name that was asked for.
        wanted: String,
        /// The names in the file.
        known: Vec<String>,
    },
    /// Another network of the device is active.
    #[error("another network is active on the device; deactivate it first")]
    AlreadyActive,
    /// The firmware has no room for one more.
    #[error("{limit} networks are configured on the device, which is the most; drop some, all of them to start anew")]
    TooMany {
        /// The most.
        limit: usize,
    },
    /// It is not known whether the firmware has taken a network, because its answer was lost, and so not under which number it
    /// would know the next one.
    #[error("the firmware's answer to a network was lost; drop all networks of the device, and configure them anew")]
    CountLost,
    /// The device could not be stopped when the network was deactivated, so that its memory had to be given up.
    #[error("the network lost its descriptor lists when the device could not be stopped; configure it again")]
    Lost,
    /// A frame has another length than the stream's.
    #[error("a frame of stream `{stream}` has {expected} bytes on the device's side, not {given}")]
    FrameLength {
        /// The stream.
        stream: String,
        /// Bytes of its frames.
        expected: usize,
        /// Bytes that were given.
        given: usize,
    },
    /// As many frames as there are streams have to be given.
    #[error("{given} frames for {expected} streams")]
    FrameCount {
        /// Number of streams.
        expected: usize,
        /// Number of frames.
        given: usize,
    },
    /// The network was configured for the other way of giving it frames.
    #[error("the network was configured for the {configured:?} interface")]
    OtherApi {
        /// For which.
        configured: super::Api,
    },
    /// Boxes of non-maximum suppression are no transfer of their own.
    #[error("stream `{stream}` gives boxes, which come in many transfers: read them, or submit whole frames")]
    ManyTransfers {
        /// The stream.
        stream: String,
    },
    /// The device sent what boxes of non-maximum suppression cannot be. The network has to be activated again.
    #[error("the device sent {what}")]
    Boxes {
        /// What.
        what: &'static str,
    },
    /// An earlier frame failed when the device may have had a part of it: from then on results would be taken for those of
    /// other frames.
    #[error(
        "an earlier frame failed half-way, and its results would be taken for those of this one; activate the network again"
    )]
    Unfinished,
    /// As many frames are under way as the network takes.
    #[error("{0} frames are under way, which is the most; take one out first")]
    QueueFull(usize),
    /// No frame is under way.
    #[error("no frame is under way")]
    QueueEmpty,
}

impl Error {
    /// The code with which the vendor's library reports the same, where it is one of a model's.
    #[must_use]
    pub const fn library_status(&self) -> Option<LibraryStatus> {
        match self {
            Self::Model(error) => error.library_status(),
            Self::Refused(refusal) => Some(refusal.status),
            Self::AlreadyActive
            | Self::TooMany { .. }
            | Self::CountLost
            | Self::OtherApi { .. }
            | Self::ManyTransfers { .. } => Some(LibraryStatus::InvalidOperation),
            Self::FrameLength { .. } | Self::FrameCount { .. } | Self::NoGroup { .. } => {
                Some(LibraryStatus::InvalidArgument)
            }
            _ => None,
        }
    }

    /// Whether something was not done in time, and may still be.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Device(error) if matches!(error.kind(), crate::ErrorKind::Timeout(_)))
    }
}

/// What most functions of this module return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::{Error, LibraryStatus};

    #[test]
    fn the_librarys_codes_tell_wrong_arguments_from_wrong_times() {
        let stream = || String::from("input");
        for (error, status) in [
            (Error::NoGroup { wanted: stream(), known: Vec::new() }, Some(LibraryStatus::InvalidArgument)),
            (Error::FrameLength { stream: stream(), expected: 4, given: 5 }, Some(LibraryStatus::InvalidArgument)),
            (Error::FrameCount { expected: 1, given: 2 }, Some(LibraryStatus::InvalidArgument)),
            (Error::AlreadyActive, Some(LibraryStatus::InvalidOperation)),
            (Error::CountLost, Some(LibraryStatus::InvalidOperation)),
            (Error::TooMany { limit: 32 }, Some(LibraryStatus::InvalidOperation)),
            (Error::ManyTransfers { stream: stream() }, Some(LibraryStatus::InvalidOperation)),
            (Error::QueueEmpty, None),
        ] {
            assert_eq!(error.library_status(), status, "{error}");
        }
    }
}
