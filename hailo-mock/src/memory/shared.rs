//! [`SharedMemory`]: memory that the emulated device copies directly. The only unsafe code of the crate.
//!
//! A region is a mapped memory file. It is found by its address, and whoever uses it holds a reference, so that it stays
//! mapped while the device may access it. Its bytes are only copied, never referenced: the process that owns the buffer
//! may write to it at any time, as it may while real hardware reads it.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hailo_abi::Mapping;
use rustix::fs::{MemfdFlags, fstat, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::{Fault, PAGE_SIZE, Pages, PinError, Pinned};

/// Where [`SharedRegion`]s come from.
#[derive(Clone, Copy, Debug, Default)]
pub struct SharedMemory(());

impl SharedMemory {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// Allocates zeroed, page-aligned memory that the emulated device copies directly.
    ///
    /// # Errors
    /// The system has no memory or no file descriptor left; a length of 0 is refused.
    pub fn allocate(&self, length: usize) -> io::Result<Arc<SharedRegion>> {
        let region = SharedRegion::create(length, 0)?;
        register(region.address(), Entry { length: region.size, kind: Kind::Buffer(Arc::downgrade(&region)) });
        Ok(region)
    }
}

/// Page-aligned memory, mapped as long as there is a reference to it.
#[derive(Debug)]
pub struct SharedRegion {
    start: NonNull<u8>,
    /// What was asked for.
    length: usize,
    /// What is mapped: whole pages.
    size: usize,
    file: OwnedFd,
    /// It passes for a dma-buf.
    exported: AtomicBool,
    /// Where the region starts in its file, in bytes.
    place: u64,
    /// Never pinned as user memory, whoever maps it.
    is_low_memory: bool,
}

/// What the names of files (`memfd_create`) with memory of the driver begin with, by which mappings and descriptors of them
/// are known: `/proc` shows them behind `/memfd:`.
pub const DRIVER_MEMORY_FILE: &str = "hailo-driver";

/// The name of those with low-memory buffers.
pub(super) const LOW_MEMORY_FILE: &str = "hailo-driver-low";

// SAFETY: the region is an address range that this value alone unmaps; it is not tied to a thread.
unsafe impl Send for SharedRegion {}
// SAFETY: shared references only copy bytes through raw pointers or use atomics; races with the owner of the buffer give
// arbitrary bytes, as with real hardware.
unsafe impl Sync for SharedRegion {}

impl SharedRegion {
    /// A region that starts at `place` in its file, a multiple of the page size. For memory of the driver that is its
    /// handle, so that a process can map the file as it would map the driver's.
    pub(crate) fn create(length: usize, place: u64) -> io::Result<Arc<Self>> {
        Self::named(if place == 0 { "hailo" } else { DRIVER_MEMORY_FILE }, length, place)
    }

    /// As [`create`](Self::create), for a low-memory buffer.
    pub(crate) fn create_low_memory(length: usize, place: u64) -> io::Result<Arc<Self>> {
        Self::named(LOW_MEMORY_FILE, length, place)
    }

    fn named(name: &str, length: usize, place: u64) -> io::Result<Arc<Self>> {
        let size = length.checked_next_multiple_of(PAGE_SIZE as usize).filter(|size| *size > 0);
        let size = size.ok_or(io::ErrorKind::InvalidInput)?;
        let file = memfd_create(name, MemfdFlags::CLOEXEC)?;
        ftruncate(&file, place.checked_add(size as u64).ok_or(io::ErrorKind::InvalidInput)?)?;
        let start = map(&file, place, size)?;
        let is_low_memory = name == LOW_MEMORY_FILE;
        Ok(Arc::new(Self { start, length, size, file, exported: AtomicBool::new(false), place, is_low_memory }))
    }

    /// The first byte. Valid for reads and writes of [`len`](Self::len) bytes as long as the region lives.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// The length that was asked for, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether the region has no bytes (it always has some).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The memory file behind the region, to map it elsewhere. Memory of the driver starts in it at its handle, other
    /// regions at 0.
    #[must_use]
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Lets file descriptors of the region's file pass for dma-bufs of the emulated system.
    ///
    /// # Errors
    /// The file's identity cannot be read.
    pub fn export_dma_buf(self: &Arc<Self>) -> io::Result<()> {
        let status = fstat(&self.file)?;
        self.exported.store(true, Ordering::Release);
        lock(&EXPORTED).insert((status.st_dev, status.st_ino), Arc::downgrade(self));
        Ok(())
    }

    fn address(&self) -> usize {
        self.start.as_ptr() as usize
    }

    /// The region as 32-bit words.
    pub(crate) fn words(&self) -> &[AtomicU32] {
        // SAFETY: the range is mapped for the life of `self`, aligned to pages, and an atomic word has no invalid bytes.
        // Everybody in this crate reaches it by atomics or by raw copies.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.size / 4) }
    }

    fn check(&self, offset: u64, length: usize) -> Result<NonNull<u8>, Fault> {
        let start = usize::try_from(offset).map_err(|_| Fault)?;
        match start.checked_add(length) {
            // SAFETY: `start` is within the mapped range.
            Some(end) if end <= self.size => Ok(unsafe { self.start.add(start) }),
            _ => Err(Fault),
        }
    }
}

impl Pages for SharedRegion {
    fn length(&self) -> u64 {
        self.size as u64
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        let from = self.check(offset, bytes.len())?;
        // SAFETY: `check` made sure of the source; the destination is a unique borrow. They may only overlap if the caller
        // lent a part of the region itself, which `copy` allows.
        unsafe { from.as_ptr().copy_to(bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        let to = self.check(offset, bytes.len())?;
        // SAFETY: as in `read`, the other way round.
        unsafe { to.as_ptr().copy_from(bytes.as_ptr(), bytes.len()) };
        Ok(())
    }
}

impl Drop for SharedRegion {
    fn drop(&mut self) {
        lock(&REGISTRY).remove(&self.address());
        if self.exported.load(Ordering::Acquire) {
            lock(&EXPORTED).retain(|_, region| region.strong_count() > 0);
        }
        // SAFETY: the range was mapped by `create`, and nobody can have a reference to it any more.
        unsafe { unmap(self.start, self.size) };
    }
}

/// Pages within a region, kept alive by it.
#[derive(Debug)]
struct RegionPages {
    region: Arc<SharedRegion>,
    offset: u64,
    length: u64,
}

impl Pages for RegionPages {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        self.region.read(self.offset.checked_add(offset).ok_or(Fault)?, bytes)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.region.write(self.offset.checked_add(offset).ok_or(Fault)?, bytes)
    }
}

#[derive(Debug)]
enum Kind {
    /// A buffer of the process.
    Buffer(Weak<SharedRegion>),
    /// Memory of the emulated driver that the process mapped: pinned only behind an IOMMU, low memory never.
    Driver(Weak<SharedRegion>),
}

#[derive(Debug)]
struct Entry {
    length: usize,
    kind: Kind,
}

/// Every region that is mapped in this process, by address.
static REGISTRY: Mutex<BTreeMap<usize, Entry>> = Mutex::new(BTreeMap::new());

/// Regions whose file descriptors pass for dma-bufs, by device and inode.
static EXPORTED: Mutex<BTreeMap<(u64, u64), Weak<SharedRegion>>> = Mutex::new(BTreeMap::new());

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn register(address: usize, entry: Entry) {
    lock(&REGISTRY).insert(address, entry);
}

/// The pages at an address, if a region is there. `None`: look elsewhere.
pub(super) fn find(address: u64, pages: u64, driver_pages: bool) -> Option<Result<Pinned, PinError>> {
    let address = usize::try_from(address).ok()?;
    let length = usize::try_from(pages.checked_mul(PAGE_SIZE)?).ok()?;
    let registry = lock(&REGISTRY);
    let (start, entry) = registry.range(..=address).next_back()?;
    let offset = address - start;
    if offset >= entry.length {
        return None;
    }
    let region = match &entry.kind {
        Kind::Buffer(region) => region.upgrade()?,
        Kind::Driver(region) => {
            let region = region.upgrade()?;
            if !driver_pages || region.is_low_memory {
                return Some(Err(PinError::First));
            }
            region
        }
    };
    drop(registry);
    if region.exported.load(Ordering::Acquire) {
        return Some(Ok(Pinned::DmaBuf(region)));
    }
    if offset + length > region.size {
        // Memory of another kind may follow; the general way finds out.
        return None;
    }
    let pages = RegionPages { region, offset: offset as u64, length: length as u64 };
    Some(Ok(Pinned::Pages(Arc::new(pages))))
}

/// The region whose file has this device and inode, if it was exported as a dma-buf.
pub(super) fn exported(file: (u64, u64)) -> Option<Arc<SharedRegion>> {
    lock(&EXPORTED).get(&file)?.upgrade()
}

/// Maps memory of the emulated driver into this process once more.
pub(crate) fn map_driver_memory(region: &Arc<SharedRegion>, length: usize) -> io::Result<Mapping> {
    let size = length.next_multiple_of(PAGE_SIZE as usize).min(region.size);
    let start = map(&region.file, region.place, size)?;
    register(start.as_ptr() as usize, Entry { length: size, kind: Kind::Driver(Arc::downgrade(region)) });
    // SAFETY: the range was just mapped for this value alone, and `release` unmaps it.
    Ok(unsafe { Mapping::from_raw(start, size, release) })
}

/// Undoes [`map_driver_memory`].
///
/// # Safety
/// The range was mapped by it and is unmapped once.
unsafe fn release(start: NonNull<u8>, size: usize) {
    lock(&REGISTRY).remove(&(start.as_ptr() as usize));
    // SAFETY: promised by the caller.
    unsafe { unmap(start, size) };
}

fn map(file: &OwnedFd, place: u64, size: usize) -> io::Result<NonNull<u8>> {
    let (anywhere, protection) = (std::ptr::null_mut(), ProtFlags::READ | ProtFlags::WRITE);
    // SAFETY: the kernel chooses an address range that nothing else uses.
    let start = unsafe { mmap(anywhere, size, protection, MapFlags::SHARED, file, place) }?;
    NonNull::new(start.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

/// # Safety
/// The range was mapped by [`map`], and nobody uses it any more.
unsafe fn unmap(start: NonNull<u8>, size: usize) {
    // SAFETY: promised by the caller. It cannot fail for a range that is mapped.
    let _ = unsafe { munmap(start.as_ptr().cast::<c_void>(), size) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{OwnProcess, ProcessMemory};

    #[test]
    fn a_region_is_found_by_its_address_and_outlives_its_owner() {
        let region = SharedMemory::new().allocate(3 * 4096 - 5).unwrap();
        region.write(4096, b"hello").unwrap();
        let address = region.as_ptr() as u64;
        let Ok(Pinned::Pages(pages)) = OwnProcess.pin(address + 4096, 2, false) else { panic!("not found") };
        drop(region);
        let mut bytes = [0; 5];
        pages.read(0, &mut bytes).unwrap();
        assert_eq!(&bytes, b"hello");
        assert_eq!(pages.read(2 * 4096, &mut bytes), Err(Fault));
    }

    #[test]
    fn memory_of_the_driver_is_not_pinned() {
        let region = SharedRegion::create(4096, 0).unwrap();
        let mapping = map_driver_memory(&region, 4096).unwrap();
        let address = mapping.address().as_ptr() as u64;
        assert_eq!(OwnProcess.pin(address, 1, false).unwrap_err(), PinError::First);
        assert!(OwnProcess.pin(address, 1, true).is_ok());
        drop(mapping);
        assert_eq!(OwnProcess.pin(address, 1, true).unwrap_err(), PinError::First);
    }

    #[test]
    fn ordinary_memory_is_reached_by_system_calls() {
        let buffer = vec![7u8; 3 * 4096];
        let start = (buffer.as_ptr() as u64).next_multiple_of(4096);
        let Ok(Pinned::Pages(pages)) = OwnProcess.pin(start, 2, false) else { panic!("not pinned") };
        let mut bytes = [0; 4];
        pages.read(4096, &mut bytes).unwrap();
        assert_eq!(bytes, [7; 4]);
        assert_eq!(OwnProcess.read(0, &mut bytes), Err(Fault));
        assert_eq!(OwnProcess.pin(0, 1, false).unwrap_err(), PinError::First);
    }
}
