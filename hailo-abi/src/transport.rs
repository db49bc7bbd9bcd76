//! [`Transport`]: what carries a request and its argument to a driver, and [`Frame`]: what it carries.
#![allow(unsafe_code, reason = "a frame is a permission, and a mapping owns memory")]

use core::fmt;
use core::ptr::NonNull;

use crate::{Errno, Request, interface};

/// Carries requests to a driver: `ioctl` on a device node, an emulator, a layer that injects faults, a remote machine.
///
/// It moves bytes and knows nothing of what they mean. It is used from many threads at once, and never repeats a request
/// by itself: whether an interrupted call may be repeated is known only to who made it.
pub trait Transport: Send + Sync {
    /// Sends one request and returns the driver's non-negative return value. The argument is read and written in place.
    ///
    /// # Errors
    /// Whatever the driver answered. After an error the argument may or may not have been written.
    fn submit(&self, frame: Frame<'_>) -> Result<u32, Errno>;

    /// Maps `length` bytes of the driver-allocated buffer whose handle is `offset` into this process (`mmap`).
    ///
    /// # Errors
    /// Whatever the driver answered, or [`Errno::EOPNOTSUPP`] where the transport has no such memory.
    fn map(&self, offset: u64, length: usize) -> Result<Mapping, Errno> {
        let _ = (offset, length);
        Err(Errno::EOPNOTSUPP)
    }
}

impl<T: Transport + ?Sized> Transport for &T {
    fn submit(&self, frame: Frame<'_>) -> Result<u32, Errno> {
        (**self).submit(frame)
    }

    fn map(&self, offset: u64, length: usize) -> Result<Mapping, Errno> {
        (**self).map(offset, length)
    }
}

#[cfg(feature = "alloc")]
mod shared {
    use super::{Errno, Frame, Mapping, Transport};

    macro_rules! forward {
        ($($pointer:ident)::+) => {
            impl<T: Transport + ?Sized> Transport for $($pointer)::+<T> {
                fn submit(&self, frame: Frame<'_>) -> Result<u32, Errno> {
                    (**self).submit(frame)
                }

                fn map(&self, offset: u64, length: usize) -> Result<Mapping, Errno> {
                    (**self).map(offset, length)
                }
            }
        };
    }

    forward!(alloc::boxed::Box);
    forward!(alloc::sync::Arc);
}

/// One request with exactly as many borrowed argument bytes as its code says.
///
/// Owning a frame is the permission to send it. [`Frame::harmless`] gives one for the requests that can do no damage
/// whatever their bytes; every other request needs the `unsafe` [`Frame::new_unchecked`].
pub struct Frame<'a> {
    request: Request,
    argument: &'a mut [u8],
}

/// Why there is no [`Frame`] for a request and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The argument has another length than the request's code says.
    Length {
        /// The request.
        request: Request,
        /// The length given, in bytes; the expected one is [`Request::size`].
        given: usize,
    },
    /// The request can do harm in some release (or is unknown), so that it needs [`Frame::new_unchecked`].
    Harmful {
        /// The request.
        request: Request,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { request, given } => {
                write!(f, "request {request} takes an argument of {} bytes, not {given}", request.size())
            }
            Self::Harmful { request } => {
                write!(f, "request {request} is not one of those that can do no harm")
            }
        }
    }
}

impl core::error::Error for FrameError {}

impl<'a> Frame<'a> {
    /// A frame for a request that can do no harm with any argument bytes, on any release: the two queries, waiting for
    /// interrupts and reading their timestamps, notifications, logs, marking the device as in use.
    ///
    /// # Errors
    /// [`FrameError::Harmful`] for every other code, [`FrameError::Length`] if `argument` has another length than the
    /// code says.
    pub fn harmless(request: Request, argument: &'a mut [u8]) -> Result<Self, FrameError> {
        if !interface::is_harmless(request) {
            return Err(FrameError::Harmful { request });
        }
        Self::checked(request, argument)
    }

    /// A frame for any request.
    ///
    /// # Errors
    /// [`FrameError::Length`] if `argument` has another length than the code says.
    ///
    /// # Safety
    /// A driver trusts much of what it is told. The caller promises that for the release that will answer
    /// * every address, length and file descriptor in the argument names memory that this process may give to the device,
    ///   and which stays allocated and is not used by safe code in a conflicting way until the device is done with it;
    /// * no buffer is unmapped and no descriptor list released while a transfer is pending on it;
    /// * sizes are such that the driver survives them (no mapping of 0 bytes, no descriptor page of 0 bytes, no firmware
    ///   control longer than 1500 bytes, no transfer of 0 bytes, …);
    /// * a firmware control does not make the device write to memory of the host other than that above.
    pub unsafe fn new_unchecked(request: Request, argument: &'a mut [u8]) -> Result<Self, FrameError> {
        Self::checked(request, argument)
    }

    /// A frame for an argument that has the right length.
    ///
    /// # Safety
    /// As for [`Frame::new_unchecked`].
    #[inline]
    pub(crate) unsafe fn exact(request: Request, argument: &'a mut [u8]) -> Self {
        debug_assert_eq!(argument.len(), request.size());
        Self { request, argument }
    }

    fn checked(request: Request, argument: &'a mut [u8]) -> Result<Self, FrameError> {
        if argument.len() == request.size() {
            Ok(Self { request, argument })
        } else {
            Err(FrameError::Length { request, given: argument.len() })
        }
    }

    /// The request code.
    #[inline]
    #[must_use]
    pub fn request(&self) -> Request {
        self.request
    }

    /// The argument's bytes.
    #[inline]
    #[must_use]
    pub fn argument(&self) -> &[u8] {
        self.argument
    }

    /// The argument's bytes, to be overwritten with the driver's answer.
    #[inline]
    pub fn argument_mut(&mut self) -> &mut [u8] {
        self.argument
    }

    /// The same frame for a shorter time, to send it and look at the argument afterwards.
    pub fn reborrow(&mut self) -> Frame<'_> {
        Frame { request: self.request, argument: self.argument }
    }
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("request", &self.request).field("size", &self.argument.len()).finish()
    }
}

/// Memory of a driver-allocated buffer, mapped into this process. Dropping it unmaps it.
///
/// The device may write to it, so that it is only reached through its address.
#[derive(Debug)]
pub struct Mapping {
    address: NonNull<u8>,
    length: usize,
    release: unsafe fn(NonNull<u8>, usize),
}

// SAFETY: the mapping is an address range that this value alone releases; it is not tied to a thread.
unsafe impl Send for Mapping {}
// SAFETY: through a shared reference only the address and the length can be read.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// A mapping of `length` bytes at `address`, which `release` undoes.
    ///
    /// # Safety
    /// The range is mapped for reading and writing and belongs to the new value alone, until `release` is called with the
    /// same two values, exactly once, from any thread.
    #[must_use]
    pub unsafe fn from_raw(address: NonNull<u8>, length: usize, release: unsafe fn(NonNull<u8>, usize)) -> Self {
        Self { address, length, release }
    }

    /// The first byte.
    #[must_use]
    pub fn address(&self) -> NonNull<u8> {
        self.address
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether the mapping has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `from_raw` was promised that these two values may be released once, and a value is dropped once.
        unsafe { (self.release)(self.address, self.length) }
    }
}
