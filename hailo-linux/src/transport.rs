//! [`DeviceFile`]: the transport over a device node.

use std::ffi::c_void;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

use hailo_abi::{Errno, Frame, Mapping, Transport};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::ioctl::{Ioctl, IoctlOutput, Opcode};
use rustix::mm::{MapFlags, ProtFlags};

use crate::error::{Error, ErrorKind};

/// An open device node (`/dev/hailo0`, `/dev/h1x-0`): each request is one `ioctl`, each mapping one `mmap`.
///
/// [`Device::open`](crate::Device::open) is the way to use one without `unsafe`.
#[derive(Debug)]
pub struct DeviceFile {
    file: OwnedFd,
    path: PathBuf,
}

impl DeviceFile {
    /// Opens a device node for reading and writing; it is not inherited by programs that the process starts.
    ///
    /// # Errors
    /// [`ErrorKind::NoNode`], [`ErrorKind::Permission`], [`ErrorKind::NotANode`], [`ErrorKind::Disconnected`],
    /// [`ErrorKind::Refused`]: each says what to do.
    ///
    /// # Safety
    /// A driver reads and writes memory at the addresses in the bytes that it is sent. That these may be sent is promised
    /// by whoever made the [`Frame`]. So the caller promises that every layer between the maker of a frame and this file
    /// passes the frame's bytes on as they are, and the answer back as it is. (It may fail a call instead of passing it
    /// on, delay it or look at it.)
    pub unsafe fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let failed = |kind| Error::new(&path.to_string_lossy(), "open the device", kind);
        let file =
            rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| failed(ErrorKind::of_open(convert(errno))))?;
        let status = rustix::fs::fstat(&file).map_err(|errno| failed(ErrorKind::Refused(convert(errno))))?;
        if FileType::from_raw_mode(status.st_mode) != FileType::CharacterDevice {
            return Err(failed(ErrorKind::NotANode));
        }
        Ok(Self { file, path: path.to_owned() })
    }

    /// The path with which the node was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AsFd for DeviceFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// The same error number in the other crate's type.
pub(crate) fn convert(errno: rustix::io::Errno) -> Errno {
    // A kernel reports only numbers that `Errno` can carry; anything else would be a broken C library.
    Errno::from_raw(errno.raw_os_error()).unwrap_or(Errno::EINVAL)
}

/// One `ioctl` of a driver that we know only by its request code.
struct Call<'a>(Frame<'a>);

// SAFETY:
// * the pointer is to exactly as many bytes as the request code says, which live and are borrowed mutably while the call
//   lasts (`Frame` checks the length), and the driver neither reads nor writes more of the argument than that;
// * `output_from_ptr` does not follow the pointer;
// * the opcode is the frame's, and that this call with these bytes may be made was promised by the maker of the frame;
// * `IS_MUTATING` is true, so nothing is assumed about what the call leaves unchanged.
unsafe impl Ioctl for Call<'_> {
    type Output = u32;

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        // The code's 32 bits, whatever integer this C library uses for it.
        self.0.request().raw() as Opcode
    }

    fn as_ptr(&mut self) -> *mut c_void {
        self.0.argument_mut().as_mut_ptr().cast()
    }

    unsafe fn output_from_ptr(output: IoctlOutput, _: *mut c_void) -> rustix::io::Result<u32> {
        u32::try_from(output).map_err(|_| rustix::io::Errno::INVAL)
    }
}

impl Transport for DeviceFile {
    fn submit(&self, frame: Frame<'_>) -> Result<u32, Errno> {
        // SAFETY: `Call` implements `Ioctl` as proved there; whoever owns a frame may have it carried out, and the caller
        // of `open` promised that it is still the frame that was made.
        unsafe { rustix::ioctl::ioctl(&self.file, Call(frame)) }.map_err(convert)
    }

    fn map(&self, offset: u64, length: usize) -> Result<Mapping, Errno> {
        if length == 0 {
            return Err(Errno::EINVAL);
        }
        let (anywhere, protection) = (std::ptr::null_mut(), ProtFlags::READ | ProtFlags::WRITE);
        // SAFETY: with a null address the kernel chooses a free range, so no mapping of the process is replaced.
        let address = unsafe { rustix::mm::mmap(anywhere, length, protection, MapFlags::SHARED, &self.file, offset) };
        let address = NonNull::new(address.map_err(convert)?.cast()).ok_or(Errno::EFAULT)?;
        // SAFETY: the range was just mapped for reading and writing, nothing else knows it, and `unmap` undoes it.
        Ok(unsafe { Mapping::from_raw(address, length, crate::memory::unmap) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(path: &str) -> ErrorKind {
        // SAFETY: nothing is layered around the file, and no frame is sent.
        unsafe { DeviceFile::open(path) }.unwrap_err().kind().clone()
    }

    #[test]
    fn what_is_no_device_is_refused_with_the_reason() {
        assert!(matches!(kind_of("/dev/hailo-that-does-not-exist"), ErrorKind::NoNode));
        assert!(matches!(kind_of("/dev/null/hailo0"), ErrorKind::NoNode));
        assert!(matches!(kind_of("/dev"), ErrorKind::NotANode));
        assert!(matches!(
            kind_of("/proc/self/exe"),
            ErrorKind::NotANode | ErrorKind::Permission | ErrorKind::Refused(_)
        ));
    }

    #[test]
    fn another_driver_knows_no_such_request() {
        // SAFETY: nothing is layered around the file.
        let file = unsafe { DeviceFile::open("/dev/null") }.unwrap();
        let request = hailo_abi::Request::iow(b'g', 2, 12);
        let mut argument = [0; 12];
        let frame = Frame::harmless(request, &mut argument).unwrap();
        assert_eq!(file.submit(frame), Err(Errno::ENOTTY));
        assert!(file.map(0, 0).is_err());
    }
}
