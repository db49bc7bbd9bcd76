//! [`DmaBuffer`]: memory that a device may use; [`ContinuousBuffer`]: the same in one physical piece.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use hailo_abi::command::{
    BufferMap, BufferSync, BufferUnmap, ContinuousBufferAlloc, ContinuousBufferFree, LowMemoryBufferAlloc,
    LowMemoryBufferFree,
};
use hailo_abi::enums::{BufferType, DataDirection, SyncType};

use super::Inner;
use crate::error::{ErrorKind, Invalid, Result};
use crate::memory::{Pages, page_size};

/// Which way a buffer is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The host writes, the device reads.
    ToDevice,
    /// The device writes, the host reads.
    FromDevice,
    /// Both.
    Both,
}

impl Direction {
    /// What the driver calls `direction`; anything that it does not know is both.
    pub(crate) fn from_raw(direction: DataDirection) -> Self {
        match direction {
            DataDirection::TO_DEVICE => Self::ToDevice,
            DataDirection::FROM_DEVICE => Self::FromDevice,
            _ => Self::Both,
        }
    }

    fn raw(self) -> DataDirection {
        match self {
            Self::ToDevice => DataDirection::TO_DEVICE,
            Self::FromDevice => DataDirection::FROM_DEVICE,
            Self::Both => DataDirection::BIDIRECTIONAL,
        }
    }

    /// Whether a buffer for this direction can be used on a channel towards the device, or towards the host.
    #[must_use]
    pub fn allows(self, to_device: bool) -> bool {
        match self {
            Self::ToDevice => to_device,
            Self::FromDevice => !to_device,
            Self::Both => true,
        }
    }
}

/// Memory that was mapped for a device, and everything that is needed to undo that.
#[derive(Debug)]
pub(crate) struct Mapped {
    pages: Pages,
    pub(crate) handle: u64,
    size: NonZeroUsize,
    direction: Direction,
    /// The driver's handle, where the driver allocated the memory.
    low_memory: Option<u64>,
}

impl Mapped {
    pub(crate) fn address(&self) -> u64 {
        self.pages.address()
    }
}

/// The longest buffer: whole pages whose number of bytes fits into the driver's 32 bits.
fn longest() -> usize {
    usize::try_from(u32::MAX).unwrap_or(usize::MAX) / page_size() * page_size()
}

/// `length` rounded up to pages.
fn whole_pages(length: usize) -> Result<NonZeroUsize, Invalid> {
    let max = longest();
    let invalid = Invalid::BufferLength { given: length, max };
    if length > max {
        return Err(invalid);
    }
    NonZeroUsize::new(length.next_multiple_of(page_size())).ok_or(invalid)
}

impl Inner {
    fn map(&self, pages: Pages, size: NonZeroUsize, direction: Direction, low_memory: Option<u64>) -> Result<Mapped> {
        let map = BufferMap {
            address_or_fd: pages.address(),
            size: size.get() as u64,
            data_direction: direction.raw(),
            buffer_type: BufferType::USER_PTR,
            allocated_buffer_handle: low_memory,
        };
        // SAFETY: the range is memory that `pages` owns, from its first page on, not empty and less than 4 GiB. It is not mapped
        // already, since it was just allocated and every mapping is undone, or its memory kept, before it is freed. It
        // stays until `unmap`. Nothing uses it while the device may: see `DmaBuffer`.
        let reply = unsafe { self.driver.buffer_map(&map) }.map_err(|error| self.call_failed("map a buffer", error))?;
        Ok(Mapped { pages, handle: reply.mapped_handle, size, direction, low_memory })
    }

    /// Unmaps and frees a buffer that no transfer uses. If the driver will not unmap it, the memory is kept until the
    /// device is closed: a new buffer at the same address would be taken for the old one.
    pub(crate) fn unmap(&self, mapped: Mapped) {
        let unmap = BufferUnmap {
            mapped_handle: mapped.handle,
            address_or_fd: mapped.address(),
            size: mapped.size.get() as u64,
            data_direction: mapped.direction.raw(),
            buffer_type: BufferType::USER_PTR,
        };
        // SAFETY: the mapping was made by `map` and is undone once, since `mapped` is consumed; the callers do so only when
        // no transfer that uses it is pending in the driver or in the hardware.
        if unsafe { self.driver.buffer_unmap(&unmap) }.is_err() {
            self.keep_memory(mapped.pages);
            return;
        }
        let Mapped { pages, low_memory, .. } = mapped;
        drop(pages);
        if let Some(buffer_handle) = low_memory {
            // SAFETY: the buffer is neither mapped for the device nor into this process any more. Should the driver refuse,
            // it frees the buffer when the file is closed.
            let _ = unsafe { self.driver.low_memory_buffer_free(&LowMemoryBufferFree { buffer_handle }) };
        }
    }

    pub(super) fn allocate(self: &Arc<Self>, length: usize, direction: Direction) -> Result<DmaBuffer> {
        let operation = "allocate a buffer";
        let size = whole_pages(length).map_err(|invalid| self.invalid(operation, invalid))?;
        let block = self.memory.allocate(size).map_err(|errno| self.no_memory(operation, errno))?;
        let pages = Pages::new(block, size).map_err(|errno| self.no_memory(operation, errno))?;
        // The rest of the last page is nobody else's either, but the device has no business there.
        let exact = NonZeroUsize::new(length).unwrap_or(size);
        let mapped = self.map(pages, exact, direction, None)?;
        Ok(DmaBuffer::new(Arc::clone(self), mapped, length))
    }

    pub(super) fn allocate_low_memory(self: &Arc<Self>, length: usize, direction: Direction) -> Result<DmaBuffer> {
        let operation = "allocate a low-memory buffer";
        let size = whole_pages(length).map_err(|invalid| self.invalid(operation, invalid))?;
        let allocate = LowMemoryBufferAlloc { buffer_size: size.get() as u64 };
        // SAFETY: allocating does nothing to memory of this process; the size is neither 0 nor too large for 32 bits.
        let reply = unsafe { self.driver.low_memory_buffer_alloc(&allocate) }
            .map_err(|error| self.call_failed(operation, error))?;
        let handle = reply.buffer_handle;
        let mapped = self
            .driver
            .transport()
            .map(handle, size.get())
            .and_then(|mapping| Pages::new(mapping.into(), size))
            .map_err(|errno| self.failed("map a low-memory buffer", ErrorKind::of(errno)))
            .and_then(|pages| self.map(pages, size, direction, Some(handle)));
        match mapped {
            Ok(mapped) => Ok(DmaBuffer::new(Arc::clone(self), mapped, length)),
            Err(error) => {
                // SAFETY: the buffer is not mapped for the device, and a mapping into this process was dropped above.
                let _ = unsafe { self.driver.low_memory_buffer_free(&LowMemoryBufferFree { buffer_handle: handle }) };
                Err(error)
            }
        }
    }

    pub(super) fn allocate_continuous(self: &Arc<Self>, length: usize) -> Result<ContinuousBuffer> {
        let operation = "allocate a continuous buffer";
        let size = whole_pages(length).map_err(|invalid| self.invalid(operation, invalid))?;
        let allocate = ContinuousBufferAlloc { buffer_size: size.get() as u64 };
        // SAFETY: as for low memory.
        let reply = unsafe { self.driver.continuous_buffer_alloc(&allocate) }
            .map_err(|error| self.call_failed(operation, error))?;
        let pages = self.driver.transport().map(reply.buffer_handle, size.get());
        match pages.and_then(|mapping| Pages::new(mapping.into(), size)) {
            Ok(pages) => Ok(ContinuousBuffer {
                device: Arc::clone(self),
                pages: Some(pages),
                handle: reply.buffer_handle,
                dma_address: reply.dma_address,
                length,
            }),
            Err(errno) => {
                let free = ContinuousBufferFree { buffer_handle: reply.buffer_handle };
                // SAFETY: nobody was told of the buffer.
                let _ = unsafe { self.driver.continuous_buffer_free(&free) };
                Err(self.failed("map a continuous buffer", ErrorKind::of(errno)))
            }
        }
    }
}

/// Page-aligned memory that is mapped for a device as long as it lives. See
/// [`Device::allocate`](crate::Device::allocate).
///
/// Its bytes can be reached while this value is at hand. A transfer takes the value and gives it back when the device is
/// done with it; so nobody looks at memory that the device is writing.
pub struct DmaBuffer(Box<Owned>);

struct Owned {
    device: Arc<Inner>,
    /// `None` only while being dropped or after `into_mapped`.
    mapped: Option<Mapped>,
    length: usize,
}

impl DmaBuffer {
    fn new(device: Arc<Inner>, mapped: Mapped, length: usize) -> Self {
        Self(Box::new(Owned { device, mapped: Some(mapped), length }))
    }

    fn mapped(&self) -> &Mapped {
        // Only `into_mapped` and `drop`, which consume the buffer, take it.
        self.0.mapped.as_ref().expect("a live buffer is mapped")
    }

    /// The length in bytes, as it was asked for.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a buffer is never empty")]
    pub fn len(&self) -> usize {
        self.0.length
    }

    /// Which way it is used.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.mapped().direction
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: the device uses the memory only during a transfer or through a descriptor list, and both own the buffer
        // then; they give it back when driver and hardware are done with it.
        unsafe { self.mapped().pages.bytes(self.0.length) }
    }

    /// The bytes, to write.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        let length = self.0.length;
        // SAFETY: as in `as_slice`.
        let pages = self.0.mapped.as_mut().map(|mapped| unsafe { mapped.pages.bytes_mut(length) });
        pages.unwrap_or_default()
    }

    /// Makes what the device wrote visible to the processor. A completed transfer has done so already; this is for
    /// memory that a descriptor list gave to the device.
    ///
    /// # Errors
    /// What the driver answered.
    #[doc(alias = "HAILO_VDMA_BUFFER_SYNC")]
    pub fn sync_for_cpu(&mut self, range: Range<usize>) -> Result<()> {
        self.sync(range, SyncType::FOR_CPU)
    }

    /// Makes what the processor wrote visible to the device. Launching a transfer does so by itself.
    ///
    /// # Errors
    /// What the driver answered.
    #[doc(alias = "HAILO_VDMA_BUFFER_SYNC")]
    pub fn sync_for_device(&self, range: Range<usize>) -> Result<()> {
        self.sync(range, SyncType::FOR_DEVICE)
    }

    fn sync(&self, range: Range<usize>, sync_type: SyncType) -> Result<()> {
        let operation = "synchronise a buffer";
        let Range { start, end } = range;
        if start >= end || end > self.len() {
            let invalid = Invalid::Range { start, end, length: self.len(), page_size: 1 };
            return Err(self.0.device.invalid(operation, invalid));
        }
        let handle = self.mapped().handle;
        let sync = BufferSync { handle, sync_type, offset: start as u64, count: (end - start) as u64 };
        // SAFETY: the mapping exists and the range lies within it.
        unsafe { self.0.device.driver.buffer_sync(&sync) }
            .map_err(|error| self.0.device.call_failed(operation, error))
            .map(drop)
    }

    /// Copies bytes into the memory while the device may use it; `range` lies within the buffer.
    pub(super) fn copy_in(&mut self, range: Range<usize>, bytes: &[u8]) {
        if let Some(mapped) = self.0.mapped.as_mut() {
            mapped.pages.copy_in(range.start, bytes);
        }
    }

    /// Copies bytes out of the memory while the device may use it.
    pub(super) fn copy_out(&self, range: Range<usize>, bytes: &mut [u8]) {
        self.mapped().pages.copy_out(range.start, bytes);
    }

    pub(super) fn device(&self) -> Arc<Inner> {
        Arc::clone(&self.0.device)
    }

    /// The driver's handle of the mapping.
    #[must_use]
    pub fn handle(&self) -> u64 {
        self.mapped().handle
    }

    /// The address of the first byte, by which the driver knows the buffer.
    pub(crate) fn address(&self) -> u64 {
        self.mapped().address()
    }

    pub(crate) fn belongs_to(&self, device: &Arc<Inner>) -> bool {
        Arc::ptr_eq(&self.0.device, device)
    }

    /// The mapping without its owner: it must be unmapped or kept.
    pub(crate) fn into_mapped(mut self) -> Option<Mapped> {
        self.0.mapped.take()
    }
}

impl Drop for DmaBuffer {
    fn drop(&mut self) {
        if let Some(mapped) = self.0.mapped.take() {
            self.0.device.unmap(mapped);
        }
    }
}

impl fmt::Debug for DmaBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DmaBuffer")
            .field("device", &self.0.device.name())
            .field("length", &self.0.length)
            .field("mapped", &self.0.mapped)
            .finish()
    }
}

/// Memory in one physical piece, allocated by the driver and freed when this value is dropped. See
/// [`Device::allocate_continuous`](crate::Device::allocate_continuous).
pub struct ContinuousBuffer {
    device: Arc<Inner>,
    pages: Option<Pages>,
    handle: u64,
    dma_address: u64,
    length: usize,
}

impl ContinuousBuffer {
    /// The length in bytes, as it was asked for.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a buffer is never empty")]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Where the device finds it. Telling the device takes an `unsafe` control, whose caller answers for the memory.
    #[must_use]
    pub fn dma_address(&self) -> u64 {
        self.dma_address
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: whoever told the device of the address by an unsafe control promised that it does not write to the memory
        // while safe code can look at it.
        self.pages.as_ref().map(|pages| unsafe { pages.bytes(self.length) }).unwrap_or_default()
    }

    /// The bytes, to write.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_slice`.
        self.pages.as_mut().map(|pages| unsafe { pages.bytes_mut(self.length) }).unwrap_or_default()
    }
}

impl Drop for ContinuousBuffer {
    fn drop(&mut self) {
        // The memory leaves this process before the driver may use it for something else.
        self.pages = None;
        let free = ContinuousBufferFree { buffer_handle: self.handle };
        // SAFETY: the process has no mapping of it any more, and whoever told the device of the address by an unsafe control
        // promised that it stopped using it. Should the driver refuse, it frees the buffer when the file is closed.
        let _ = unsafe { self.device.driver.continuous_buffer_free(&free) };
    }
}

impl fmt::Debug for ContinuousBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContinuousBuffer")
            .field("device", &self.device.name())
            .field("handle", &self.handle)
            .field("dma_address", &self.dma_address)
            .field("length", &self.length)
            .finish()
    }
}
