//! [`Request`]: the 32-bit code that names an ioctl.

use core::fmt;

/// An ioctl request code: direction, argument size, group ("magic") and number.
///
/// The code contains the argument's size, so another release's layout usually means another code. The direction macros
/// of the vendor's header are named from the driver's point of view, and not every request is declared with the one that
/// its use suggests: [`Request::ior`] sets the bit that Linux calls `_IOC_READ`, whatever is copied. The driver compares
/// all 32 bits.
///
/// ```
/// use hailo_abi::Request;
/// // HAILO_VDMA_LAUNCH_TRANSFER of 4.21.0 to 4.23.0: 153 bytes, declared with `_IOR`.
/// let launch = Request::ior(b'v', 15, 153);
/// assert_eq!(launch.raw(), 0x8099_760f);
/// assert_eq!((launch.group(), launch.number(), launch.size()), (b'v', 15, 153));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Request(u32);

/// The direction bits of a [`Request`], as the vendor's macro names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `_IO`: no argument.
    None,
    /// `_IOW`: bit 30, `_IOC_WRITE`.
    Write,
    /// `_IOR`: bit 31, `_IOC_READ`.
    Read,
    /// `_IOWR`: both.
    ReadWrite,
}

impl Direction {
    const fn bits(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Write => 1 << 30,
            Self::Read => 2 << 30,
            Self::ReadWrite => 3 << 30,
        }
    }

    /// The vendor's macro without the underscore: `IO`, `IOW`, `IOR` or `IOWR`.
    #[must_use]
    pub const fn macro_name(self) -> &'static str {
        match self {
            Self::None => "IO",
            Self::Write => "IOW",
            Self::Read => "IOR",
            Self::ReadWrite => "IOWR",
        }
    }
}

/// The largest argument size a code can state (14 bits).
pub const MAX_ARGUMENT_SIZE: usize = (1 << 14) - 1;

impl Request {
    /// The request with these parts. Panics, at compile time where it is used in a constant, if `size` needs more than
    /// 14 bits.
    #[must_use]
    pub const fn new(direction: Direction, group: u8, number: u8, size: usize) -> Self {
        assert!(size <= MAX_ARGUMENT_SIZE, "the argument size of a request has 14 bits");
        Self(direction.bits() | (size as u32) << 16 | (group as u32) << 8 | number as u32)
    }

    /// `_IO(group, number)`: no argument.
    #[must_use]
    pub const fn io(group: u8, number: u8) -> Self {
        Self::new(Direction::None, group, number, 0)
    }

    /// `_IOR(group, number, …)`: `_IOC_READ`, an argument of `size` bytes.
    #[must_use]
    pub const fn ior(group: u8, number: u8, size: usize) -> Self {
        Self::new(Direction::Read, group, number, size)
    }

    /// `_IOW(group, number, …)`: `_IOC_WRITE`, an argument of `size` bytes.
    #[must_use]
    pub const fn iow(group: u8, number: u8, size: usize) -> Self {
        Self::new(Direction::Write, group, number, size)
    }

    /// `_IOWR(group, number, …)`: both, an argument of `size` bytes.
    #[must_use]
    pub const fn iowr(group: u8, number: u8, size: usize) -> Self {
        Self::new(Direction::ReadWrite, group, number, size)
    }

    /// The request with this code, whatever it means.
    #[must_use]
    pub const fn from_raw(code: u32) -> Self {
        Self(code)
    }

    /// The 32-bit code.
    #[must_use]
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// The direction bits.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self.0 >> 30 {
            0 => Direction::None,
            1 => Direction::Write,
            2 => Direction::Read,
            _ => Direction::ReadWrite,
        }
    }

    /// The group ("magic"): `g`, `v`, `n`, `s`, `p` or `w` for the Hailo driver.
    #[must_use]
    pub const fn group(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The number within the group.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0 as u8
    }

    /// The size of the argument in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        (self.0 >> 16) as usize & MAX_ARGUMENT_SIZE
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}
