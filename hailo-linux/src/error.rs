//! [`Error`]: which operation on which device failed, why, and what a person can do about it.

use std::fmt;
use std::time::Duration;

use hailo_abi::firmware::control::{Opcode, ResponseError};
use hailo_abi::firmware::user_config::UserConfigError;
use hailo_abi::firmware::{FirmwareRelease, FirmwareStatus, KnownReleases};
use hailo_abi::interface::Nearest;
use hailo_abi::{ChannelId, DriverRelease, EncodeError, Errno};

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An operation on a device that failed.
///
/// It displays as one sentence: the device, the operation, the reason, and what to do about it where there is something.
#[derive(Clone, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Failure>);

#[derive(Clone, Debug, thiserror::Error)]
struct Failure {
    device: Box<str>,
    operation: &'static str,
    kind: ErrorKind,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, operation, kind } = self;
        write!(f, "{device}: cannot {operation}: {kind}")?;
        match kind.remedy() {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl Error {
    /// `operation` completes "cannot …".
    pub(crate) fn new(device: &str, operation: &'static str, kind: ErrorKind) -> Self {
        Self(Box::new(Failure { device: device.into(), operation, kind }))
    }

    /// Why it failed.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The device, as it was named when it was opened.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.0.device
    }

    /// What was tried, in words that complete "cannot …".
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// What the driver answered, if it was the driver that refused.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self.0.kind {
            ErrorKind::NoNode => Some(Errno::ENOENT),
            ErrorKind::Permission => Some(Errno::EACCES),
            ErrorKind::Disconnected => Some(Errno::ENXIO),
            ErrorKind::Interrupted => Some(Errno::EINTR),
            ErrorKind::Refused(errno) | ErrorKind::Gone(errno) => Some(errno),
            _ => None,
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such device node.
    #[error("there is no such device node")]
    NoNode,
    /// The node may not be opened by this user.
    #[error("permission denied")]
    Permission,
    /// The path names something else than a device node.
    #[error("this is not a device node")]
    NotANode,
    /// The node is that of another driver: it knows none of the version queries.
    #[error("the driver behind this node is not a Hailo driver")]
    NotHailo,
    /// The board does not answer on its bus.
    #[error("the board is disconnected")]
    Disconnected,
    /// The device was removed, or the file made stale by a suspend, while it was open.
    #[error("the device is gone ({0}): it was removed, reset or suspended while it was open")]
    Gone(Errno),
    /// The driver has no firmware running on the board.
    #[error("no firmware is running on the board")]
    NoFirmware,
    /// The driver is of a release that this library does not know.
    #[error("the driver is of release {release}, which is not known here (the nearest known: {nearest})")]
    UnknownRelease {
        /// What the driver answered.
        release: DriverRelease,
        /// The known releases before and after it.
        nearest: Nearest,
    },
    /// The interface of this release cannot express what was asked.
    #[error("{0}")]
    Inexpressible(EncodeError),
    /// Another process has the device.
    #[error("another process is using the device")]
    InUse,
    /// An argument that can be told to be wrong before the driver is asked.
    #[error("{0}")]
    Invalid(Invalid),
    /// The descriptor list has no room for the transfer until others are completed.
    #[error("the ring of {channel} is full")]
    RingFull {
        /// The channel.
        channel: ChannelId,
    },
    /// The driver keeps at most 127 transfers per channel.
    #[error("{channel} has as many transfers pending as the driver keeps (127)")]
    TooManyPending {
        /// The channel.
        channel: ChannelId,
    },
    /// The channel was not started by the firmware since it was enabled.
    #[error("{channel} was not started")]
    NotStarted {
        /// The channel.
        channel: ChannelId,
    },
    /// The channel was disabled, so that its transfers will not complete.
    #[error("{channel} was disabled")]
    Disabled {
        /// The channel.
        channel: ChannelId,
    },
    /// The hardware stopped the channel.
    #[error("{channel} was stopped by the device")]
    Stopped {
        /// The channel.
        channel: ChannelId,
    },
    /// The hardware reported an error on the channel.
    #[error("the hardware reported an error on {channel} (host {host_error:#04x}, device {device_error:#04x})")]
    Hardware {
        /// The channel.
        channel: ChannelId,
        /// The error bits of the host's side, where the release reports them.
        host_error: u8,
        /// The error bits of the device's side, where the release reports them.
        device_error: u8,
    },
    /// Driver and library no longer agree on the state of the channel.
    #[error("driver and device are out of step on {channel}")]
    OutOfStep {
        /// The channel.
        channel: ChannelId,
    },
    /// Something did not happen in time.
    #[error("nothing came within {0:?}")]
    Timeout(Duration),
    /// The firmware did not answer a control in time.
    #[error("the firmware did not answer within {0:?}")]
    NoAnswer(Duration),
    /// A signal interrupted the call, which may have been carried out.
    #[error("a signal interrupted the call, which may have been carried out all the same")]
    Interrupted,
    /// There is not enough memory.
    #[error("there is not enough memory")]
    NoMemory,
    /// The MD5 of the firmware's answer is not that of its bytes.
    #[error("the answer of the firmware is damaged (its MD5 does not fit)")]
    DamagedAnswer,
    /// The firmware's answer belongs to another control.
    #[error("the firmware's answer belongs to another control")]
    ForeignAnswer,
    /// The bytes of the firmware's answer are not what was asked for.
    #[error("the answer of the firmware makes no sense: {0}")]
    BadAnswer(&'static str),
    /// The firmware's answer is not what a control of this kind brings: a wrong header, version or length.
    #[error("{0}")]
    Response(ResponseError),
    /// The firmware's release knows no such control, or cannot express it.
    #[error("{0}")]
    Control(hailo_abi::firmware::control::EncodeError),
    /// The firmware refused the control.
    #[error("the firmware refused: {major}{}", Origin { major: *.major, minor: *.minor })]
    Firmware {
        /// Why.
        major: FirmwareStatus,
        /// Where the failure came from.
        minor: FirmwareStatus,
    },
    /// The firmware is of a release that this library does not know, and the control is not the same in all that it knows.
    #[error(
        "the firmware is of release {release}, which is not known here ({KnownReleases} are), and {opcode} is not the same \
         in all known releases"
    )]
    UnknownFirmware {
        /// What the firmware answered.
        release: FirmwareRelease,
        /// The control.
        opcode: Opcode,
    },
    /// Notifications of this file were switched off before, which the driver cannot undo.
    #[error("notifications were already stopped on this file")]
    NotificationsStopped,
    /// The operating system refused a thread.
    #[error("the operating system gives no thread (error {0})")]
    NoThread(i32),
    /// A description of a device (`mock:…`) that makes no sense, or names what this build does not have.
    #[error("{0}")]
    BadName(Box<str>),
    /// The driver refused.
    #[error("the driver refused with {0}")]
    Refused(Errno),
}

/// Where a failure came from, unless that says no more than why.
struct Origin {
    major: FirmwareStatus,
    minor: FirmwareStatus,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.minor.is_success() || self.minor == self.major { Ok(()) } else { write!(f, ", from {}", self.minor) }
    }
}

impl ErrorKind {
    /// What a person can do about it, as an imperative.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoNode => {
                "load the driver (modprobe hailo_pci or hailo1x_pci) and see `hailo scan` for what is there"
            }
            Self::Permission => "run as root, or add a udev rule that gives the node mode 0666",
            Self::NotANode | Self::NotHailo => "name a node such as /dev/hailo0 or /dev/h1x-0, or `mock`",
            Self::Disconnected => "check that the board sits firmly in its slot and rescan the bus",
            Self::Gone(_) => "open the device again",
            Self::NoFirmware => "install the firmware file and load the driver again (the kernel log names the file)",
            Self::UnknownRelease { .. } => "assume the release that is nearest if you know that they agree",
            Self::UnknownFirmware { .. } => "install firmware of a known release, and the driver that belongs to it",
            Self::Control(_) => "use a device with firmware of a release that has it",
            Self::Inexpressible(_) => "use a driver of a release that has it",
            Self::InUse => "stop the other process (`fuser` names it)",
            Self::RingFull { .. } | Self::TooManyPending { .. } => "wait for a transfer first",
            Self::NotStarted { .. } => "activate the network that uses it first",
            Self::Disabled { .. } => "enable and start it again",
            Self::Stopped { .. } | Self::Hardware { .. } | Self::OutOfStep { .. } => {
                "disable the channel, then enable and start it again"
            }
            Self::Timeout(_) => "check that the network runs and got all its inputs",
            Self::NoAnswer(_) => "try again; if it stays so, reset the device",
            Self::DamagedAnswer | Self::ForeignAnswer | Self::BadAnswer(_) | Self::Response(_) => "try again",
            Self::NotificationsStopped => "open the device again",
            Self::Refused(Errno::ENOBUFS | Errno::ENOMEM) | Self::NoMemory => "use less or smaller buffers and lists",
            Self::Refused(Errno::ENOTTY) => "this driver does not offer it on this board",
            Self::Interrupted | Self::Invalid(_) | Self::Firmware { .. } | Self::NoThread(_) | Self::BadName(_) => {
                return None;
            }
            Self::Refused(_) => "the kernel log may say more",
        })
    }

    /// The kind that an errno of `open` stands for.
    pub(crate) fn of_open(errno: Errno) -> Self {
        /// What opening a directory for writing gives; no driver ever answers it.
        const EISDIR: i32 = 21;
        /// What a path through something that is no directory gives.
        const ENOTDIR: i32 = 20;
        match errno {
            Errno::ENOENT | Errno::ENODEV => Self::NoNode,
            Errno::EACCES | Errno::EPERM => Self::Permission,
            Errno::ENXIO => Self::Disconnected,
            errno if errno.raw() == EISDIR => Self::NotANode,
            errno if errno.raw() == ENOTDIR => Self::NoNode,
            errno => Self::Refused(errno),
        }
    }

    /// The kind that an errno stands for where it has no special meaning for the operation.
    pub(crate) fn of(errno: Errno) -> Self {
        match errno {
            Errno::ENODEV | Errno::ENXIO => Self::Gone(errno),
            Errno::EINTR => Self::Interrupted,
            errno => Self::Refused(errno),
        }
    }
}

/// What is wrong with an argument.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// A buffer needs at least one byte and at most what fits into 32 bits in whole pages.
    #[error("a buffer has 1 to {max} bytes, not {given}")]
    BufferLength {
        /// The length asked for.
        given: usize,
        /// The largest.
        max: usize,
    },
    /// A descriptor's page size is a power of two and at most what the device takes.
    #[error("the page size of a descriptor list is a power of two from {min} to {max} bytes, not {given}")]
    PageSize {
        /// The page size asked for.
        given: u32,
        /// The smallest.
        min: u32,
        /// The largest that this device takes.
        max: u32,
    },
    /// How many descriptors a list can have.
    #[error("a descriptor list has {min} to {max} descriptors, not {given}")]
    DescriptorCount {
        /// The count asked for.
        given: u32,
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A circular list has a power of two of descriptors.
    #[error("a circular descriptor list has a power of two of descriptors, not {0}")]
    NotAPowerOfTwo(u32),
    /// A channel runs on a circular list.
    #[error("a channel needs a circular descriptor list")]
    NotCircular,
    /// The channel does not exist on the board.
    #[error("the board has no {0}")]
    NoChannel(ChannelId),
    /// No channel was named.
    #[error("no channel was named")]
    NoChannels,
    /// A channel is used twice.
    #[error("{0} is already in use")]
    ChannelTaken(ChannelId),
    /// A channel was not among those that were enabled.
    #[error("{0} is not among the enabled channels")]
    NotEnabled(ChannelId),
    /// Something of one device was given to another.
    #[error("it belongs to another opened device")]
    OtherDevice,
    /// A transfer has at least one buffer and at most what the release takes.
    #[error("a transfer has 1 to {max} buffers, not {given}")]
    BufferCount {
        /// How many were given.
        given: usize,
        /// The most that this release takes.
        max: usize,
    },
    /// A part of a buffer that is empty, out of bounds, or does not start at a descriptor page.
    #[error(
        "a transfer uses a part of a buffer that is not empty and starts at a multiple of {page_size} bytes, not bytes \
         {start} to {end} of {length}"
    )]
    Range {
        /// The first byte.
        start: usize,
        /// The byte after the last.
        end: usize,
        /// The length of the buffer.
        length: usize,
        /// The page size of the descriptor list.
        page_size: u32,
    },
    /// A buffer that is mapped for the other direction.
    #[error("the buffer is not mapped for the direction of {0}")]
    Direction(ChannelId),
    /// A transfer that would never fit.
    #[error("the transfer needs {needed} descriptors, but the list has room for {room}")]
    TooLong {
        /// How many descriptors it needs.
        needed: u64,
        /// How many the list can have in use: one fewer than it has, since a full ring looks like an empty one.
        room: u32,
    },
    /// A control has a limited length.
    #[error("a control has {min} to {max} bytes, not {given}")]
    ControlLength {
        /// The length given.
        given: usize,
        /// The least: the header.
        min: usize,
        /// The most.
        max: usize,
    },
    /// A configuration has a limited length.
    #[error("the {what} configuration has {}, not {given}", Count { min: *.min, max: *.max })]
    ConfigLength {
        /// Which configuration.
        what: &'static str,
        /// The length given.
        given: usize,
        /// The least.
        min: usize,
        /// The most.
        max: usize,
    },
    /// A user configuration that is not well formed.
    #[error("{0}")]
    UserConfig(UserConfigError),
    /// A value that the firmware or the driver does not take.
    #[error("{what} cannot be {given}")]
    Value {
        /// What it is.
        what: &'static str,
        /// What was given.
        given: u64,
    },
}

/// A number of bytes, or a range of it.
struct Count {
    min: usize,
    max: usize,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min, max } = self;
        if min == max { write!(f, "{max} bytes") } else { write!(f, "{min} to {max} bytes") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_sentence_that_says_what_where_why_and_what_to_do() {
        let error = Error::new("/dev/hailo0", "open the device", ErrorKind::Permission);
        assert_eq!(
            error.to_string(),
            "/dev/hailo0: cannot open the device: permission denied; run as root, or add a udev rule that gives the \
             node mode 0666"
        );
        assert_eq!(error.errno(), Some(Errno::EACCES));
        let nearest = Nearest { before: Some(DriverRelease::new(4, 23, 0)), after: None };
        let unknown = ErrorKind::UnknownRelease { release: DriverRelease::new(9, 0, 1), nearest };
        let text = Error::new("mock", "open the device", unknown).to_string();
        assert!(text.contains("9.0.1") && text.contains("4.23.0"), "{text}");
        let (major, minor) = (FirmwareStatus::UNSUPPORTED_OPCODE, FirmwareStatus::SRAM_MEMORY_FULL);
        let refused = "the firmware refused: HAILO_CONTROL_STATUS_UNSUPPORTED_OPCODE (0x4003000f, module CONTROL)";
        assert_eq!(ErrorKind::Firmware { major, minor: major }.to_string(), refused);
        assert_eq!(
            ErrorKind::Firmware { major, minor }.to_string(),
            format!("{refused}, from CONTEXT_SWITCH_STATUS_SRAM_MEMORY_FULL (0x4013007a, module CONTEXT_SWITCH_TASK)")
        );
        assert!(size_of::<Result<(), Error>>() <= size_of::<usize>(), "an error makes no result larger than a pointer");
    }
}
