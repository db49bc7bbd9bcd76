//! [`Errno`]: what a driver answers when it refuses a request.

use core::fmt;

/// An error number of the Linux kernel, as `ioctl` reports it (positive).
///
/// Any value can be carried; those that the Hailo driver returns have a constant whose documentation says what it means
/// there. What was observed case by case is in the project's conformance table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Errno(u16);

macro_rules! errnos {
    ($($(#[$meta:meta])* $name:ident = $value:literal;)*) => {
        impl Errno {
            $($(#[$meta])* pub const $name: Self = Self($value);)*

            /// The symbolic name (`"EINVAL"`), for the numbers that have a constant here.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }

            /// The number with the symbolic name `name`, among those that have a constant here.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

errnos! {
    /// Operation not permitted.
    EPERM = 1;
    /// No such device node: the module is not loaded, or the board was removed.
    ENOENT = 2;
    /// A signal arrived while the call was waiting. A wait may simply be repeated; a firmware control may have been
    /// carried out.
    EINTR = 4;
    /// Input/output error: from 5.1.0 on, the hardware's descriptor counter is not where the driver expects it.
    EIO = 5;
    /// The file was made stale by a suspend or a removal (from 5.0.1 on), or the board is disconnected (on open).
    ENXIO = 6;
    /// A bad file descriptor.
    EBADF = 9;
    /// The resource is busy, for example a module with an open file.
    EAGAIN = 11;
    /// Out of memory; also what many requests of the releases up to 5.0.1 answer to an argument pointer that faults.
    ENOMEM = 12;
    /// The caller may not open the device node.
    EACCES = 13;
    /// An address that faults; up to 5.1.0 also an unknown handle, a buffer that is not mapped, or a channel out of step.
    EFAULT = 14;
    /// The device or resource is busy.
    EBUSY = 16;
    /// No device: no firmware is loaded, the board was removed, or (in the emulator) the kernel crashed.
    ENODEV = 19;
    /// An argument that the driver refuses.
    EINVAL = 22;
    /// Too many open files.
    EMFILE = 24;
    /// The driver of this release has no such request: the code names another layout, number or direction.
    ENOTTY = 25;
    /// Seeking is not possible.
    ESPIPE = 29;
    /// Past the end of a descriptor list.
    ERANGE = 34;
    /// The kernel has no such system call.
    ENOSYS = 38;
    /// The operation is not supported.
    EOPNOTSUPP = 95;
    /// The channel is not running: its transfer cannot be launched (since 4.18.0).
    ECONNRESET = 104;
    /// A descriptor list or continuous buffer is larger than the driver can allocate (since 4.18.0).
    ENOBUFS = 105;
    /// The firmware did not answer in time.
    ETIMEDOUT = 110;
    /// A wait was cancelled: notifications were disabled.
    ECANCELED = 125;
}

impl Errno {
    /// The error with the given positive number, or `None` where no kernel uses it (0, negative, above 4095).
    #[must_use]
    pub const fn from_raw(number: i32) -> Option<Self> {
        if number > 0 && number < 4096 { Some(Self(number as u16)) } else { None }
    }

    /// The positive number.
    #[must_use]
    pub const fn raw(self) -> i32 {
        self.0 as i32
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl core::error::Error for Errno {}
