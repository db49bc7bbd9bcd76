//! Mapped buffers: map, unmap, synchronise, and finding them again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hailo_abi::Errno;
use hailo_abi::command::{BufferMap, BufferSync, BufferUnmap};
use hailo_abi::enums::{BufferType, DataDirection, SyncType};

use super::{Board, FileId, FileState, Kernel, Stop};
use crate::dma::{Range, Target};
use crate::file::Caller;
use crate::memory::{PAGE_SIZE, Pages, PinError, Pinned};

/// A buffer that the device can reach.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) handle: u64,
    file: FileId,
    /// The address, or the descriptor of a dma-buf, at which launches find it.
    start: u64,
    /// How many bytes launches and synchronisation may name: what the request said, also for a dma-buf.
    pub(crate) size: u64,
    buffer_type: BufferType,
    direction: DataDirection,
    pub(crate) range: Range,
    /// How many bytes there are for programming.
    pub(crate) length: u64,
    references: AtomicUsize,
    freed: AtomicBool,
}

impl Mapping {
    pub(crate) fn is_freed(&self) -> bool {
        self.freed.load(Ordering::Acquire)
    }

    pub(crate) fn add_reference(&self) {
        self.references.fetch_add(1, Ordering::AcqRel);
    }

    fn is_dma_buf(&self) -> bool {
        self.buffer_type == BufferType::DMABUF
    }

    /// Whether bytes may go the way that a transfer wants.
    fn allows(&self, direction: DataDirection) -> bool {
        self.direction == DataDirection::BIDIRECTIONAL || self.direction == direction
    }

    /// Whether a launch that names the mapping by its handle may use a part of it.
    pub(super) fn can_hold(&self, direction: DataDirection, offset: u64, size: u64) -> bool {
        self.allows(direction) && offset.checked_add(size).is_some_and(|end| end <= self.length)
    }

    /// Where in the mapping a range starts, if it lies in it.
    fn offset_of(&self, buffer_type: BufferType, address: u64, size: u64) -> Option<u64> {
        if self.buffer_type != buffer_type {
            return None;
        }
        if self.is_dma_buf() {
            return (self.start == address).then_some(0);
        }
        let offset = address.checked_sub(self.start)?;
        (offset.checked_add(size)? <= self.size).then_some(offset)
    }
}

/// A buffer as a request names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    pub(super) buffer_type: BufferType,
    pub(super) address: u64,
    pub(super) size: u64,
    pub(super) direction: DataDirection,
}

fn is_direction(direction: DataDirection) -> bool {
    [DataDirection::BIDIRECTIONAL, DataDirection::TO_DEVICE, DataDirection::FROM_DEVICE].contains(&direction)
}

/// The page-aligned start and end of a range of user memory, in the 32 bits in which the driver computes sizes.
fn whole_pages(address: u64, size: u64) -> (u64, u32) {
    let offset = (address % PAGE_SIZE) as u32;
    let length = offset.wrapping_add(size as u32).wrapping_add(PAGE_SIZE as u32 - 1) & !(PAGE_SIZE as u32 - 1);
    (address - u64::from(offset), length)
}

/// What a mapping of no pages does to the kernel.
fn no_pages(named: Named) -> Stop {
    Stop::Crash(format!("size {:#x} at address {:#x} is a mapping of no pages", named.size, named.address))
}

impl FileState {
    /// The mapping that a range of a launch lies in, newest first, and where.
    pub(super) fn find_mapping(&self, named: Named) -> Option<(Arc<Mapping>, u64)> {
        self.mappings.values().rev().filter(|mapping| mapping.allows(named.direction)).find_map(|mapping| {
            let offset = mapping.offset_of(named.buffer_type, named.address, named.size)?;
            Some((mapping.clone(), offset))
        })
    }

    /// The mapping that is the same as what a request names, newest first (from 5.1.1 on).
    fn same_mapping(&self, named: Named) -> Option<Arc<Mapping>> {
        let same = |mapping: &&Arc<Mapping>| {
            let (start, size) = match named.buffer_type {
                BufferType::USER_PTR => {
                    let (start, size) = whole_pages(named.address, named.size);
                    (start, size.into())
                }
                BufferType::DMABUF => (named.address, mapping.size),
                _ => return false,
            };
            mapping.buffer_type == named.buffer_type
                && mapping.start == start
                && mapping.size == size
                && mapping.allows(named.direction)
        };
        self.mappings.values().rev().find(same).cloned()
    }
}

impl Kernel {
    /// Takes a reference to a mapping away; the last one frees it.
    pub(super) fn put_mapping(&mut self, board: &Board, mapping: &Mapping) {
        if mapping.references.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.free_mapping(board, mapping);
        }
    }

    pub(super) fn free_mapping(&mut self, board: &Board, mapping: &Mapping) {
        mapping.freed.store(true, Ordering::Release);
        board.device.dma.remove(mapping.range);
        if let Some(file) = self.files.get_mut(&mapping.file) {
            file.mappings.remove(&mapping.handle);
        }
    }
}

impl Board {
    /// Maps a buffer and gives it the file's next handle.
    pub(super) fn map_buffer(
        &self,
        kernel: &mut Kernel,
        file: FileId,
        caller: &Caller<'_>,
        named: Named,
        allocated: Option<u64>,
    ) -> Result<Arc<Mapping>, Stop> {
        if !is_direction(named.direction) {
            return Err(Errno::EINVAL.into());
        }
        let state = kernel.file(file)?;
        let low_memory = allocated.and_then(|handle| state.low_memory.get(&handle));
        let (start, size, length, memory) = if named.buffer_type == BufferType::DMABUF {
            let pages = caller.memory.dma_buf(named.address).ok_or(Errno::EINVAL)?;
            (named.address, named.size & u64::from(u32::MAX), pages.length(), pages)
        } else if let Some(buffer) = low_memory {
            // The number of pages must be that of the buffer; the address is not looked at.
            let size = named.size & u64::from(u32::MAX);
            let pages = size.div_ceil(PAGE_SIZE);
            if buffer.as_ref().map_or(0, |region| region.length() / PAGE_SIZE) != pages {
                return Err(Errno::EINVAL.into());
            }
            let region = buffer.as_ref().ok_or_else(|| no_pages(named))?;
            (named.address, size, size, region.clone() as Arc<dyn Pages>)
        } else {
            self.pin_user_memory(caller, named)?
        };
        // Behind an IOMMU everything lies next to each other for the device.
        let target = if self.iommu { Target::Continuous(memory) } else { Target::Pieces(memory) };
        let state = kernel.file_mut(file)?;
        let handle = state.next_mapping();
        let mapping = Arc::new(Mapping {
            handle,
            file,
            start,
            size,
            buffer_type: named.buffer_type,
            direction: named.direction,
            range: self.device.dma.insert_shared(target, length),
            length,
            references: AtomicUsize::new(1),
            freed: AtomicBool::new(false),
        });
        state.mappings.insert(handle, mapping.clone());
        Ok(mapping)
    }

    fn pin_user_memory(&self, caller: &Caller<'_>, named: Named) -> Result<(u64, u64, u64, Arc<dyn Pages>), Stop> {
        let (page, start, size) = if self.behaviour.whole_pages {
            let (page, size) = whole_pages(named.address, named.size);
            (page, page, u64::from(size))
        } else {
            // The page count comes from the size alone, wherever in its page the buffer starts.
            (named.address & !(PAGE_SIZE - 1), named.address, named.size & u64::from(u32::MAX))
        };
        let is_kernel_address = caller.memory.is_kernel_address(page, 1);
        if is_kernel_address && size > 0 {
            return Err(Errno::EFAULT.into());
        }
        // What the address belongs to is found out first: of a dma-buf the size does not matter.
        let pages = size.div_ceil(PAGE_SIZE).max(1);
        match caller.memory.pin(page, pages, self.iommu) {
            Ok(Pinned::DmaBuf(memory)) => Ok((start, size, memory.length(), memory)),
            _ if size == 0 => Err(no_pages(named)),
            Ok(Pinned::Pages(memory)) => Ok((start, size, size, memory)),
            Err(PinError::First) => Err(Errno::EFAULT.into()),
            Err(PinError::Later) => Err(Errno::EINVAL.into()),
        }
    }

    /// `BUFFER_MAP`. Returns the handle and the mapping, to be dropped again if the answer cannot be delivered.
    pub(super) fn buffer_map(
        &self,
        kernel: &mut Kernel,
        file: FileId,
        caller: &Caller<'_>,
        params: &BufferMap,
    ) -> Result<Arc<Mapping>, Stop> {
        let named = Named {
            buffer_type: params.buffer_type,
            address: params.address_or_fd,
            size: params.size,
            direction: params.data_direction,
        };
        if self.behaviour.mappings_by_range {
            if !is_direction(named.direction) || named.buffer_type.raw() >= BufferType::MAX_ENUM.raw() {
                return Err(Errno::EINVAL.into());
            }
            if let Some(mapping) = kernel.file(file)?.same_mapping(named) {
                mapping.add_reference();
                return Ok(mapping);
            }
        }
        self.map_buffer(kernel, file, caller, named, params.allocated_buffer_handle)
    }

    /// `BUFFER_UNMAP`.
    pub(super) fn buffer_unmap(&self, kernel: &mut Kernel, file: FileId, params: &BufferUnmap) -> Result<u32, Stop> {
        let state = kernel.file(file)?;
        let mapping = if self.behaviour.mappings_by_range {
            let named = Named {
                buffer_type: params.buffer_type,
                address: params.address_or_fd,
                size: params.size,
                direction: params.data_direction,
            };
            is_direction(named.direction).then(|| state.same_mapping(named)).flatten()
        } else {
            state.mappings.get(&params.mapped_handle).cloned()
        };
        let mapping = mapping.ok_or(Errno::EINVAL)?;
        if self.behaviour.counted_mappings {
            kernel.put_mapping(self, &mapping);
        } else {
            kernel.free_mapping(self, &mapping);
        }
        Ok(0)
    }

    /// `BUFFER_SYNC`.
    pub(super) fn buffer_sync(kernel: &Kernel, file: FileId, params: &BufferSync) -> Result<u32, Stop> {
        let mapping = kernel.file(file)?.mappings.get(&params.handle).ok_or(Errno::EINVAL)?;
        let known = [SyncType::FOR_CPU, SyncType::FOR_DEVICE].contains(&params.sync_type);
        // The sum wraps, and so passes.
        if !known || params.offset.wrapping_add(params.count) > mapping.size {
            return Err(Errno::EINVAL.into());
        }
        Ok(0)
    }
}
