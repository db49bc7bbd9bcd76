//! [`Memory`]: where the buffers of a device come from, and [`PageMemory`], which takes pages of this process.
//!
//! A device reads and writes buffers behind the compiler's back. So this crate allocates them itself, never lends out a
//! byte while the device may use it, and hands a transfer nothing but what it owns.

use std::any::Any;
use std::fmt::{self, Debug};
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::slice;

use hailo_abi::{Errno, Mapping};
use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::transport::convert;

/// Allocates the memory of buffers.
pub trait Memory: Debug + Send + Sync {
    /// Zeroed memory for a buffer, at least `length` bytes, starting at a page. `length` is a multiple of [`page_size`].
    ///
    /// # Errors
    /// [`Errno::ENOMEM`], as a rule.
    fn allocate(&self, length: NonZeroUsize) -> Result<Block, Errno>;
}

/// A piece of memory, and whatever keeps it: dropping it frees the memory.
pub struct Block {
    address: NonNull<u8>,
    length: usize,
    /// Only to be dropped.
    _owner: Box<dyn Any + Send + Sync>,
}

// SAFETY: a block is an address range that is not tied to a thread, and its owner is `Send`.
unsafe impl Send for Block {}
// SAFETY: through a shared reference the memory can only be read, by `Pages`, whose callers keep writers away.
unsafe impl Sync for Block {}

impl Block {
    /// The `length` bytes at `address`, which `owner` keeps.
    ///
    /// # Safety
    /// As long as `owner` lives, the range is mapped for reading and writing, and apart from a device nobody else uses it.
    #[must_use]
    pub unsafe fn new(address: NonNull<u8>, length: usize, owner: Box<dyn Any + Send + Sync>) -> Self {
        Self { address, length, _owner: owner }
    }
}

impl From<Mapping> for Block {
    fn from(mapping: Mapping) -> Self {
        Self { address: mapping.address(), length: mapping.len(), _owner: Box::new(mapping) }
    }
}

impl Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("address", &self.address).field("length", &self.length).finish_non_exhaustive()
    }
}

/// The size of a page of this machine in bytes.
#[must_use]
pub fn page_size() -> usize {
    rustix::param::page_size()
}

/// Private, anonymous pages of this process.
///
/// A process that was forked off finds them filled with zeros: the parent's pages, which the device knows by their
/// physical address, must stay the parent's own, or its next write would move it to a copy.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageMemory;

impl Memory for PageMemory {
    fn allocate(&self, length: NonZeroUsize) -> Result<Block, Errno> {
        let (anywhere, protection) = (std::ptr::null_mut(), ProtFlags::READ | ProtFlags::WRITE);
        // SAFETY: with a null address the kernel chooses a free range, so no mapping of the process is replaced.
        let address = unsafe { rustix::mm::mmap_anonymous(anywhere, length.get(), protection, MapFlags::PRIVATE) };
        let address = address.map_err(convert)?;
        let start = NonNull::new(address.cast()).ok_or(Errno::ENOMEM)?;
        // SAFETY: the range was just mapped for reading and writing, nothing else knows it, and `unmap` undoes it.
        let mapping = unsafe { Mapping::from_raw(start, length.get(), unmap) };
        // SAFETY: the advice is for the range mapped above, which holds nothing yet, and takes effect in forked processes
        // only, which find other (zeroed) bytes in memory that they own as well.
        unsafe { rustix::mm::madvise(address, length.get(), Advice::LinuxWipeOnFork) }.map_err(convert)?;
        Ok(mapping.into())
    }
}

/// Memory that emulated devices copy directly, where they reach other memory of the process by system calls.
#[cfg(feature = "emulator")]
#[derive(Clone, Debug)]
pub struct EmulatorMemory(hailo_mock::SharedMemory);

#[cfg(feature = "emulator")]
impl EmulatorMemory {
    /// The shared memory of an emulated machine.
    #[must_use]
    pub fn new(memory: hailo_mock::SharedMemory) -> Self {
        Self(memory)
    }
}

#[cfg(feature = "emulator")]
impl Memory for EmulatorMemory {
    fn allocate(&self, length: NonZeroUsize) -> Result<Block, Errno> {
        let region = self.0.allocate(length.get()).map_err(|_| Errno::ENOMEM)?;
        let address = NonNull::new(region.as_ptr()).ok_or(Errno::ENOMEM)?;
        // SAFETY: the region is mapped for reading and writing as long as there is a reference to it, which the block holds;
        // apart from the emulated device nobody knows it.
        Ok(unsafe { Block::new(address, region.len(), Box::new(region)) })
    }
}

/// Undoes a mapping. Its only use is in [`Mapping::from_raw`].
///
/// # Safety
/// As promised to [`Mapping::from_raw`]: the range is mapped, belongs to the caller and is not used any more.
pub(crate) unsafe fn unmap(address: NonNull<u8>, length: usize) {
    // SAFETY: promised by the caller. It can only fail for arguments that were never mapped, so there is nothing to report.
    let _ = unsafe { rustix::mm::munmap(address.as_ptr().cast(), length) };
}

/// Memory that this process and a device take turns in using.
#[derive(Debug)]
pub(crate) struct Pages(Block);

impl Pages {
    /// Takes memory as it came from an allocator or a driver, unless it is less than `length` bytes or starts within a page.
    pub(crate) fn new(block: Block, length: NonZeroUsize) -> Result<Self, Errno> {
        let aligned = block.address.as_ptr().addr().is_multiple_of(page_size());
        if aligned && block.length >= length.get() { Ok(Self(block)) } else { Err(Errno::ENOMEM) }
    }

    /// The address of the first byte, for the driver.
    pub(crate) fn address(&self) -> u64 {
        self.0.address.as_ptr().expose_provenance() as u64
    }

    /// Copies bytes in from `offset` on, as far as they fit, also while a device uses the memory.
    // Neither this nor the next is inlined, so that a profile can tell copying from the rest.
    #[inline(never)]
    pub(crate) fn copy_in(&mut self, offset: usize, bytes: &[u8]) {
        let room = self.0.length.saturating_sub(offset);
        let count = bytes.len().min(room);
        if count > 0 {
            // SAFETY: `offset` and the bytes behind it are within the block, which is writable; nobody has a reference to
            // it, since `self` is borrowed exclusively, and the source is elsewhere. A device at work on the same bytes sees
            // old or new ones.
            unsafe { self.0.address.as_ptr().add(offset).copy_from_nonoverlapping(bytes.as_ptr(), count) };
        }
    }

    /// Copies bytes out from `offset` on, as far as there are any, also while a device uses the memory.
    #[inline(never)]
    pub(crate) fn copy_out(&self, offset: usize, bytes: &mut [u8]) {
        let room = self.0.length.saturating_sub(offset);
        let count = bytes.len().min(room);
        if count > 0 {
            // SAFETY: as in `copy_in`; this process does not write meanwhile, and the destination is elsewhere.
            unsafe { self.0.address.as_ptr().add(offset).copy_to_nonoverlapping(bytes.as_mut_ptr(), count) };
        }
    }

    /// The first `length` bytes.
    ///
    /// # Safety
    /// No device writes to them while the slice lives.
    pub(crate) unsafe fn bytes(&self, length: usize) -> &[u8] {
        let length = length.min(self.0.length);
        // SAFETY: a `Block` is readable memory that belongs to it alone, of at least that length; this process writes to it
        // only through `bytes_mut`, which borrows `self` exclusively, and the caller answers for devices.
        unsafe { slice::from_raw_parts(self.0.address.as_ptr(), length) }
    }

    /// The first `length` bytes, to write.
    ///
    /// # Safety
    /// No device reads or writes them while the slice lives.
    pub(crate) unsafe fn bytes_mut(&mut self, length: usize) -> &mut [u8] {
        let length = length.min(self.0.length);
        // SAFETY: as in `bytes`; the exclusive borrow of `self` keeps every other slice away.
        unsafe { slice::from_raw_parts_mut(self.0.address.as_ptr(), length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_aligned_zeroed_and_writable() {
        let length = NonZeroUsize::new(3 * page_size()).unwrap();
        let mut pages = Pages::new(PageMemory.allocate(length).unwrap(), length).unwrap();
        assert_eq!(pages.address() % page_size() as u64, 0);
        // SAFETY: no device knows this memory.
        let bytes = unsafe { pages.bytes_mut(length.get()) };
        assert!(bytes.iter().all(|byte| *byte == 0));
        bytes.fill(7);
        // SAFETY: as above.
        assert!(unsafe { pages.bytes(usize::MAX) }.iter().all(|byte| *byte == 7));
    }

    #[test]
    fn memory_that_an_allocator_made_too_small_or_unaligned_is_refused() {
        fn keep(_: NonNull<u8>, _: usize) {}
        static BYTES: [u8; 2] = [0; 2];
        let odd = NonNull::from(&BYTES[usize::from((&raw const BYTES).addr().is_multiple_of(2))]);
        // SAFETY: nothing is read or written through this mapping: it is refused for its address and its length.
        let mapping = unsafe { Mapping::from_raw(odd, 1, keep) };
        assert_eq!(Pages::new(mapping.into(), NonZeroUsize::MIN).unwrap_err(), Errno::ENOMEM);
    }

    #[test]
    fn more_than_there_is_gives_an_error() {
        let length = NonZeroUsize::new(isize::MAX as usize / page_size() * page_size()).unwrap();
        assert_eq!(PageMemory.allocate(length).unwrap_err(), Errno::ENOMEM);
    }
}
