//! Descriptor lists, and the buffers that the driver allocates: low memory and continuous ones.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use hailo_abi::Errno;
use hailo_abi::command::DescListCreate;

use super::transfers::Transfer;
use super::{Board, FileId, Kernel, Stop};
use crate::device::lock;
use crate::dma::{ListMemory, Range, Target};
use crate::memory::{PAGE_SIZE, Pages, SharedRegion};

/// The most bytes that lie next to each other in physical memory.
const MAX_CONTIGUOUS: u64 = 4 << 20;

/// The largest power of two that 32 bits hold: no list has more descriptors.
const MAX_POWER_OF_TWO: u32 = 1 << 31;
/// The size of a descriptor in bytes.
const DESCRIPTOR_SIZE: u64 = 16;
/// The memory of the emulated machine.
const SYSTEM_MEMORY: u64 = 2 << 30;

/// How far a list that counts by itself got (from 5.0.1 on).
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Where the next transfer is programmed.
    pub(super) programmed: u32,
    /// Up to where transfers were launched.
    pub(super) launched: u32,
    /// How far failed launches have put the list out of step for good (5.0.1).
    pub(super) skew: u32,
    /// Transfers that were programmed but not launched.
    pub(super) prepared: std::collections::VecDeque<Transfer>,
}

/// A descriptor list.
#[derive(Debug)]
pub(crate) struct List {
    pub(super) memory: Arc<ListMemory>,
    pub(super) count: u32,
    pub(super) page_size: u32,
    pub(super) circular: bool,
    pub(super) range: Range,
    pub(super) counters: Mutex<Counters>,
    pub(super) released: AtomicBool,
}

impl List {
    /// The bits of an index; a list that is not circular is counted as if it had a power of two of descriptors.
    pub(super) fn mask(&self) -> u32 {
        self.count.next_power_of_two().wrapping_sub(1)
    }

    pub(super) fn is_released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }
}

/// A buffer of low memory; `None` has no pages.
pub(super) type LowMemory = Option<Arc<SharedRegion>>;

/// A physically continuous buffer.
#[derive(Debug)]
pub(super) struct Continuous {
    pub(super) region: Arc<SharedRegion>,
    range: Range,
}

impl Board {
    /// `DESC_LIST_CREATE`. Returns the handle and the device's address.
    pub(super) fn desc_list_create(
        &self,
        kernel: &mut Kernel,
        file: FileId,
        params: &DescListCreate,
    ) -> Result<(u64, u64), Stop> {
        let page_size = u32::from(params.desc_page_size);
        let circular_fits = !params.is_circular || params.desc_count & params.desc_count.wrapping_sub(1) == 0;
        if !circular_fits || page_size & page_size.wrapping_sub(1) != 0 {
            return Err(Errno::EINVAL.into());
        }
        let handle = kernel.file_mut(file)?.next_resource();
        // The count is cut to 32 bits.
        let count = params.desc_count as u32;
        let bytes = u64::from(count) * DESCRIPTOR_SIZE;
        if bytes == 0 && self.iommu {
            return Err(Stop::Crash(format!("desc_count {:#x} is a list of no descriptors", params.desc_count)));
        }
        if count > MAX_POWER_OF_TWO {
            return Err(self.behaviour.too_many_descriptors.into());
        }
        if bytes == 0 || bytes > if self.iommu { SYSTEM_MEMORY } else { MAX_CONTIGUOUS } {
            return Err(self.behaviour.no_buffers.into());
        }
        let memory = if self.behaviour.lists_can_be_mapped {
            let region = SharedRegion::create(bytes as usize, handle).map_err(|_| self.behaviour.no_buffers)?;
            Arc::new(ListMemory::Shared(region))
        } else {
            Arc::new(ListMemory::private(count))
        };
        let range = self.device.dma.insert(Target::List(memory.clone()), bytes);
        let list = List {
            memory,
            count,
            page_size,
            circular: params.is_circular,
            range,
            counters: Mutex::default(),
            released: AtomicBool::new(false),
        };
        kernel.file_mut(file)?.lists.insert(handle, Arc::new(list));
        Ok((handle, range.base))
    }

    /// `DESC_LIST_RELEASE`.
    pub(super) fn desc_list_release(&self, kernel: &mut Kernel, file: FileId, handle: u64) -> Result<u32, Stop> {
        let list = kernel.file_mut(file)?.lists.remove(&handle).ok_or(Errno::EINVAL)?;
        self.release_list(&list);
        Ok(0)
    }

    pub(super) fn release_list(&self, list: &List) {
        // What was prepared refers to the list and goes with it; the mappings stay until the file is closed.
        let prepared = std::mem::take(&mut lock(&list.counters).prepared);
        drop(prepared);
        list.released.store(true, Ordering::Release);
        self.device.dma.remove(list.range);
    }

    /// `LOW_MEMORY_BUFFER_ALLOC`. Returns the handle.
    pub(super) fn low_memory_alloc(&self, kernel: &mut Kernel, file: FileId, size: u64) -> Result<u64, Stop> {
        // Rounding up may wrap to no pages at all, which are allocated without trouble.
        let bytes = size.wrapping_add(PAGE_SIZE - 1) & !(PAGE_SIZE - 1);
        let state = kernel.file_mut(file)?;
        let buffer = match bytes {
            0 => None,
            bytes if bytes >= SYSTEM_MEMORY => return Err(Errno::ENOMEM.into()),
            bytes => {
                let region = SharedRegion::create_low_memory(bytes as usize, state.following_resource());
                Some(region.map_err(|_| Errno::ENOMEM)?)
            }
        };
        let handle = state.next_resource();
        state.low_memory.insert(handle, buffer);
        Ok(handle)
    }

    /// `LOW_MEMORY_BUFFER_FREE`.
    pub(super) fn low_memory_free(kernel: &mut Kernel, file: FileId, handle: u64) -> Result<u32, Stop> {
        kernel.file_mut(file)?.low_memory.remove(&handle).ok_or(Errno::EINVAL)?;
        Ok(0)
    }

    /// `CONTINUOUS_BUFFER_ALLOC`. Returns the handle and the device's address.
    pub(super) fn continuous_alloc(&self, kernel: &mut Kernel, file: FileId, size: u64) -> Result<(u64, u64), Stop> {
        let bytes = size.wrapping_add(PAGE_SIZE - 1) & !(PAGE_SIZE - 1);
        if bytes == 0 && self.iommu {
            return Err(Stop::Crash(format!("buffer_size {size:#x} is a buffer of no pages")));
        }
        if bytes == 0 || bytes > if self.iommu { SYSTEM_MEMORY } else { MAX_CONTIGUOUS } {
            return Err(self.behaviour.no_buffers.into());
        }
        let state = kernel.file_mut(file)?;
        let region = SharedRegion::create(bytes as usize, state.following_resource());
        let region = region.map_err(|_| self.behaviour.no_buffers)?;
        let range = self.device.dma.insert(Target::Continuous(region.clone()), region.length());
        let handle = state.next_resource();
        state.continuous.insert(handle, Continuous { region, range });
        Ok((handle, range.base))
    }

    /// `CONTINUOUS_BUFFER_FREE`.
    pub(super) fn continuous_free(&self, kernel: &mut Kernel, file: FileId, handle: u64) -> Result<u32, Stop> {
        let buffer = kernel.file_mut(file)?.continuous.remove(&handle).ok_or(Errno::EINVAL)?;
        self.release_continuous(&buffer);
        Ok(0)
    }

    pub(super) fn release_continuous(&self, buffer: &Continuous) {
        self.device.dma.remove(buffer.range);
    }
}
