//! [`OwnProcess`] and [`RemoteProcess`]: real processes, reached by system calls that fail where there is no memory.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{IoSlice, IoSliceMut};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;

use super::{Fault, PAGE_SIZE, Pages, PinError, Pinned, ProcessMemory, maps, shared};

/// Another process. Its pages cannot be held: what it gives up is lost for the device too.
///
/// The caller needs the right to trace the process.
#[derive(Clone, Copy, Debug)]
pub struct RemoteProcess {
    process: u32,
}

impl RemoteProcess {
    /// The process with this id.
    #[must_use]
    pub fn new(process: u32) -> Self {
        Self { process }
    }
}

fn pid(process: u32) -> Pid {
    Pid::from_raw(process.cast_signed())
}

fn read(process: u32, address: u64, bytes: &mut [u8]) -> Result<(), Fault> {
    if bytes.is_empty() {
        return Ok(());
    }
    let length = bytes.len();
    let base = usize::try_from(address).map_err(|_| Fault)?;
    match process_vm_readv(pid(process), &mut [IoSliceMut::new(bytes)], &[RemoteIoVec { base, len: length }]) {
        Ok(count) if count == length => Ok(()),
        _ => Err(Fault),
    }
}

fn write(process: u32, address: u64, bytes: &[u8]) -> Result<(), Fault> {
    if bytes.is_empty() {
        return Ok(());
    }
    let length = bytes.len();
    let base = usize::try_from(address).map_err(|_| Fault)?;
    match process_vm_writev(pid(process), &[IoSlice::new(bytes)], &[RemoteIoVec { base, len: length }]) {
        Ok(count) if count == length => Ok(()),
        _ => Err(Fault),
    }
}

/// Reaches pages that the process itself may not access: the kernel lets a tracer do what a driver does when it pins
/// private memory.
fn forced(process: u32, write: bool) -> Result<File, Fault> {
    OpenOptions::new().read(true).write(write).open(format!("/proc/{process}/mem")).map_err(|_| Fault)
}

/// Pages of a process, by address.
#[derive(Debug)]
struct ForeignPages {
    process: u32,
    address: u64,
    length: u64,
}

impl ForeignPages {
    fn address(&self, offset: u64, length: usize) -> Result<u64, Fault> {
        match offset.checked_add(length as u64) {
            Some(end) if end <= self.length => Ok(self.address + offset),
            _ => Err(Fault),
        }
    }
}

impl Pages for ForeignPages {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        let address = self.address(offset, bytes.len())?;
        read(self.process, address, bytes)
            .or_else(|Fault| forced(self.process, false)?.read_exact_at(bytes, address).map_err(|_| Fault))
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        let address = self.address(offset, bytes.len())?;
        write(self.process, address, bytes)
            .or_else(|Fault| forced(self.process, true)?.write_all_at(bytes, address).map_err(|_| Fault))
    }
}

fn pin(process: u32, address: u64, pages: u64, driver_pages: bool) -> Result<Pinned, PinError> {
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
    Ok(Pinned::Pages(Arc::new(ForeignPages { process, address, length })))
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
        pin(self.process, address, pages, driver_pages)
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
            None => pin(std::process::id(), address, pages, driver_pages),
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
