//! [`ProcessMemory`]: how the emulated kernel reaches the memory of the process that calls it.
//!
//! The emulator never follows an address that it was given. It asks this interface, which fails where a kernel would
//! fail. There is one implementation for the [process itself](OwnProcess), one for [another process](RemoteProcess) and
//! one for a [made-up address space](SimulatedMemory), in which every kind of page can be expressed.

use std::fmt;
use std::sync::Arc;

mod foreign;
mod maps;
mod process;
mod shared;
mod simulated;

pub use process::{OwnProcess, RemoteProcess};
pub use shared::{DRIVER_MEMORY_FILE, SharedMemory, SharedRegion};
pub use simulated::{DmaBuf, PageKind, SimulatedMemory};

pub(crate) use process::ArgumentOverlay;
pub(crate) use shared::map_driver_memory;

/// The size of a page, in bytes. The driver was observed with this one.
pub const PAGE_SIZE: u64 = 4096;

/// The size of a page of the processes here, which they can map memory of the driver in.
pub(crate) fn host_page_size() -> u64 {
    PAGE_SIZE.max(rustix::param::page_size() as u64)
}

/// The first address that does not belong to processes (x86-64 with four-level page tables).
const TASK_SIZE: u64 = 0x7fff_ffff_f000;

/// An access that faulted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address is not accessible")]
pub struct Fault;

/// Why pages could not be pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// Not even the first page.
    #[error("the first page cannot be pinned")]
    First,
    /// The first page, but not all.
    #[error("a page behind the first cannot be pinned")]
    Later,
}

/// Memory that stays where it is until it is dropped, for the device to read and write.
pub trait Pages: Send + Sync + fmt::Debug {
    /// How many bytes there are.
    fn length(&self) -> u64;

    /// Reads bytes.
    ///
    /// # Errors
    /// [`Fault`] if the range is not within the memory, or the process has given it up in the meantime.
    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Fault>;

    /// Writes bytes.
    ///
    /// # Errors
    /// As [`Pages::read`].
    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Fault>;
}

/// What is at an address that is to be mapped for the device.
#[derive(Clone, Debug)]
pub enum Pinned {
    /// The pages that were asked for.
    Pages(Arc<dyn Pages>),
    /// The address lies in a mapped dma-buf. The driver then maps the whole dma-buf, from its start.
    DmaBuf(Arc<dyn Pages>),
}

/// The memory of a process, as its kernel sees it.
pub trait ProcessMemory {
    /// Copies from the process (`copy_from_user`).
    ///
    /// # Errors
    /// [`Fault`] if any byte is not readable.
    fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), Fault>;

    /// Copies to the process (`copy_to_user`).
    ///
    /// # Errors
    /// [`Fault`] if any byte is not writable.
    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Fault>;

    /// Pins pages for the device, as a driver does that may write to them whatever the process may do itself.
    ///
    /// `address` is the start of a page. With `driver_pages`, memory of the driver itself that the process has mapped can
    /// be pinned too, as behind an IOMMU.
    ///
    /// # Errors
    /// [`PinError`] says how far it got.
    fn pin(&self, address: u64, pages: u64, driver_pages: bool) -> Result<Pinned, PinError>;

    /// The memory behind a file descriptor of the process, if that is a dma-buf.
    fn dma_buf(&self, descriptor: u64) -> Option<Arc<dyn Pages>>;

    /// Whether a range lies where processes have no memory (what `access_ok` refuses).
    fn is_kernel_address(&self, address: u64, length: u64) -> bool {
        address.checked_add(length).is_none_or(|end| end > TASK_SIZE)
    }
}
