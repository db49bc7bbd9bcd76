//! [`OwnProcess`] and [`RemoteProcess`]: real processes, reached by system calls that fail where there is no memory.

use std::cell::RefCell;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};

use super::foreign::{AddressSpace, read, write};
use super::{Fault, PAGE_SIZE, Pages, PinError, Pinned, ProcessMemory, maps, shared};

/// Another process.
///
/// Its pages cannot be held as a kernel holds them. Whoever learns of it before it happens tells of pages that the process
/// unmaps, and of programs that it runs; then the device sees what it would see with a kernel. What a process moves
/// (`mremap`), drops (`madvise`, `brk`) or takes with it when it ends while other processes have its files open is lost for
/// the device.
///
/// The caller needs the right to trace the process. A clone is the same process.
#[derive(Clone, Debug)]
pub struct RemoteProcess {
    process: u32,
    space: Arc<Mutex<Arc<AddressSpace>>>,
}

impl RemoteProcess {
    /// The process with this id.
    #[must_use]
    pub fn new(process: u32) -> Self {
        Self { process, space: Arc::new(Mutex::new(Arc::new(AddressSpace::new(process)))) }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process
    }

    fn space(&self) -> Arc<AddressSpace> {
        self.space.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The process is about to unmap a range of its memory, or to map something else there.
    pub fn will_unmap(&self, address: u64, length: u64) {
        let end = address.saturating_add(length).checked_next_multiple_of(PAGE_SIZE).unwrap_or(u64::MAX);
        self.space().give_up(address, end);
    }

    /// The process is about to run another program, and may have other memory then.
    pub fn will_execute(&self) {
        let mut space = self.space.lock().unwrap_or_else(PoisonError::into_inner);
        space.leave();
        *space = Arc::new(AddressSpace::new(self.process));
    }
}

fn pin(space: &Arc<AddressSpace>, address: u64, pages: u64, driver_pages: bool) -> Result<Pinned, PinError> {
    let process = space.process();
    let length = pages.checked_mul(PAGE_SIZE).ok_or(PinError::Later)?;
    let end = address.checked_add(length).ok_or(PinError::Later)?;
    let failure = |at: u64| if at == address { PinError::First } else { PinError::Later };
    let mut next = address;
    for area in maps::areas(process, address, end) {
        if area.start > next || !area.can_be_pinned() || (area.driver && !driver_pages) {
            return Err(failure(next));
        }
        let area_end = area.end.min(end);
        if area.file && area.readable {
            // A file may be shorter than its area; what lies behind its end is no memory.
            while next < area_end {
                read(process, next, &mut [0]).map_err(|Fault| failure(next))?;
                next += PAGE_SIZE;
            }
        }
        next = area_end;
    }
    if next < end {
        return Err(failure(next));
    }
    Ok(Pinned::Pages(space.pin(address, length)))
}

fn dma_buf(process: u32, descriptor: u64) -> Option<Arc<dyn Pages>> {
    let number = u32::try_from(descriptor).ok()?.cast_signed();
    let file = std::fs::metadata(format!("/proc/{process}/fd/{number}")).ok()?;
    shared::exported((file.dev(), file.ino())).map(|region| region as Arc<dyn Pages>)
}

impl ProcessMemory for RemoteProcess {
    fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        read(self.process, address, bytes)
    }

    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Fault> {
        write(self.process, address, bytes)
    }

    fn pin(&self, address: u64, pages: u64, driver_pages: bool) -> Result<Pinned, PinError> {
        pin(&self.space(), address, pages, driver_pages)
    }

    fn dma_buf(&self, descriptor: u64) -> Option<Arc<dyn Pages>> {
        dma_buf(self.process, descriptor)
    }
}

/// The process that the emulator runs in.
///
/// Regions of [`SharedMemory`](super::SharedMemory) are recognised by their address and copied directly; everything else
/// is copied by system calls that fail where there is no memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnProcess;

impl ProcessMemory for OwnProcess {
    fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        read(std::process::id(), address, bytes)
    }

    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Fault> {
        write(std::process::id(), address, bytes)
    }

    fn pin(&self, address: u64, pages: u64, driver_pages: bool) -> Result<Pinned, PinError> {
        match shared::find(address, pages, driver_pages) {
            Some(found) => found,
            None => pin(&Arc::new(AddressSpace::new(std::process::id())), address, pages, driver_pages),
        }
    }

    fn dma_buf(&self, descriptor: u64) -> Option<Arc<dyn Pages>> {
        dma_buf(std::process::id(), descriptor)
    }
}

/// [`OwnProcess`] with the argument of one request on top, which is reached through the borrow that its owner lent.
pub(crate) struct ArgumentOverlay<'a> {
    address: u64,
    argument: RefCell<&'a mut [u8]>,
}

impl<'a> ArgumentOverlay<'a> {
    pub(crate) fn new(argument: &'a mut [u8]) -> Self {
        Self { address: argument.as_ptr() as u64, argument: RefCell::new(argument) }
    }

    pub(crate) fn address(&self) -> u64 {
        self.address
    }

    /// The position in the argument, if the range starts in it.
    fn position(&self, address: u64, length: usize) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(address.checked_sub(self.address)?).ok()?;
        let end = start.checked_add(length)?;
        (end <= self.argument.borrow().len()).then_some(start..end)
    }
}

impl ProcessMemory for ArgumentOverlay<'_> {
    fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        match self.position(address, bytes.len()) {
            Some(range) => {
                bytes.copy_from_slice(self.argument.borrow().get(range).ok_or(Fault)?);
                Ok(())
            }
            None => OwnProcess.read(address, bytes),
        }
    }

    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Fault> {
        match self.position(address, bytes.len()) {
            Some(range) => {
                self.argument.borrow_mut().get_mut(range).ok_or(Fault)?.copy_from_slice(bytes);
                Ok(())
            }
            None => OwnProcess.write(address, bytes),
        }
    }

    fn pin(&self, address: u64, pages: u64, driver_pages: bool) -> Result<Pinned, PinError> {
        OwnProcess.pin(address, pages, driver_pages)
    }

    fn dma_buf(&self, descriptor: u64) -> Option<Arc<dyn Pages>> {
        OwnProcess.dma_buf(descriptor)
    }
}
