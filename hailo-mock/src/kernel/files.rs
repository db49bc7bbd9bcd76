//! Open files: open, close, `mmap`, suspend and resume, removal.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hailo_abi::Errno;

use super::buffers::Mapping;
use super::lists::{Continuous, List, LowMemory};
use super::notifications::Reader;
use super::{Board, Kernel, Presence, Stop};
use crate::dma::ListMemory;
use crate::file::OpenFile;
use crate::memory::{PAGE_SIZE, Pages, SharedRegion, host_page_size, map_driver_memory};
use crate::report::{BoardReport, FileReport};

/// What makes an open file different from all others of its board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileId(u64);

/// The driver's state for an open file.
#[derive(Debug)]
pub(crate) struct FileState {
    /// The process that opened it.
    pub(crate) process: u32,
    stale: Arc<AtomicBool>,
    mapping_numbers: u64,
    resource_numbers: u64,
    pub(crate) mappings: BTreeMap<u64, Arc<Mapping>>,
    pub(super) lists: BTreeMap<u64, Arc<List>>,
    pub(super) low_memory: BTreeMap<u64, LowMemory>,
    pub(super) continuous: BTreeMap<u64, Continuous>,
    /// Channels that this file has enabled, as far as it knows.
    pub(super) enabled: u64,
    /// Those of them that interrupted and were not waited for (from 5.0.0 on).
    pub(super) interrupted: u64,
    pub(super) reader: Reader,
}

impl FileState {
    pub(super) fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Acquire)
    }

    /// A number for a mapping; they are never used again.
    pub(super) fn next_mapping(&mut self) -> u64 {
        self.mapping_numbers += 1;
        self.mapping_numbers
    }

    /// A number for a list or a buffer of the driver, as the offset of a page to map it at.
    pub(super) fn next_resource(&mut self) -> u64 {
        let number = self.following_resource();
        self.resource_numbers += 1;
        number
    }

    /// What [`next_resource`](Self::next_resource) will give.
    pub(super) fn following_resource(&self) -> u64 {
        (self.resource_numbers + 1) * host_page_size()
    }
}

impl Kernel {
    pub(super) fn file(&self, file: FileId) -> Result<&FileState, Stop> {
        self.files.get(&file).ok_or_else(Board::no_such_file)
    }

    /// What is held.
    pub(crate) fn report(&self) -> BoardReport {
        let mut report = BoardReport {
            open_files: self.files.len(),
            enabled_channels: self.enabled,
            pending_transfers: self.channels.iter().map(|channel| channel.pending.len()).sum(),
            in_use: self.owner.is_some(),
            ..BoardReport::default()
        };
        for file in self.files.values() {
            report.mappings += file.mappings.len();
            report.lists += file.lists.len();
            report.low_memory_buffers += file.low_memory.len();
            report.continuous_buffers += file.continuous.len();
            let prepared = file.lists.values().map(|list| crate::device::lock(&list.counters).prepared.len());
            report.prepared_transfers += prepared.sum::<usize>();
        }
        report
    }

    pub(super) fn file_mut(&mut self, file: FileId) -> Result<&mut FileState, Stop> {
        self.files.get_mut(&file).ok_or_else(Board::no_such_file)
    }
}

/// Memory of the driver that is being mapped into a process.
#[derive(Clone, Debug)]
pub struct DriverMemory {
    pub(crate) region: Arc<SharedRegion>,
    pub(crate) length: u64,
}

impl DriverMemory {
    /// The memory, from its start.
    #[must_use]
    pub fn region(&self) -> &Arc<SharedRegion> {
        &self.region
    }

    /// Maps it into the process that this code runs in.
    ///
    /// # Errors
    /// The system has no address space left.
    pub fn map_here(&self) -> std::io::Result<hailo_abi::Mapping> {
        map_driver_memory(&self.region, self.length as usize)
    }

    /// How many bytes of it, in whole pages.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl Board {
    /// What an open file holds.
    pub(crate) fn held(&self, file: FileId) -> FileReport {
        let kernel = self.kernel();
        let Some(state) = kernel.files.get(&file) else { return FileReport::default() };
        let enabled = state.enabled & kernel.enabled;
        let own = kernel.channels.iter().enumerate().filter(|(index, _)| enabled >> index & 1 != 0);
        FileReport {
            process: state.process,
            mappings: state.mappings.len(),
            lists: state.lists.len(),
            low_memory_buffers: state.low_memory.len(),
            continuous_buffers: state.continuous.len(),
            enabled_channels: enabled.count_ones() as usize,
            pending_transfers: own.map(|(_, channel)| channel.pending.len()).sum(),
            in_use: kernel.owner == Some(file),
        }
    }

    pub(crate) fn open(&self, process: u32) -> Result<OpenFile, Errno> {
        match self.presence() {
            Presence::Present => {}
            Presence::Removed => return Err(Errno::ENOENT),
            Presence::Crashed => return Err(Errno::ENODEV),
        }
        if self.device.is_unplugged() {
            return Err(Errno::ENXIO);
        }
        let board = self.counted().ok_or(Errno::ENODEV)?;
        let stale = Arc::new(AtomicBool::new(false));
        let mut kernel = self.kernel();
        let id = kernel.next_file;
        kernel.next_file = FileId(id.0 + 1);
        kernel.files.insert(
            id,
            FileState {
                process,
                stale: stale.clone(),
                mapping_numbers: 0,
                resource_numbers: 0,
                mappings: BTreeMap::new(),
                lists: BTreeMap::new(),
                low_memory: BTreeMap::new(),
                continuous: BTreeMap::new(),
                enabled: 0,
                interrupted: 0,
                reader: Reader::default(),
            },
        );
        drop(kernel);
        Ok(OpenFile { board, id, stale })
    }

    /// The last reference to an open file is gone.
    pub(crate) fn release(&self, file: FileId) {
        if let Err(Stop::Crash(cause)) = self.try_release(file) {
            self.crash("close", cause);
        }
    }

    fn try_release(&self, file: FileId) -> Result<(), Stop> {
        let mut kernel = self.kernel();
        let alive = self.presence() == Presence::Present;
        if kernel.owner == Some(file) {
            kernel.owner = None;
            if alive && self.device.is_firmware_loaded() {
                drop(kernel);
                self.device.count_shutdown();
                self.with_firmware(|firmware, hardware| firmware.shutdown(hardware));
                kernel = self.kernel();
            }
        }
        // What it has enabled, also if another file disabled it and enabled it for itself.
        let channels = kernel.files.get(&file).map_or(0, |state| state.enabled);
        let crash = kernel.stop_channels(self, channels);
        // Only a kernel that runs can crash.
        let crash = if self.presence() == Presence::Crashed { Ok(()) } else { crash };
        let Some(state) = kernel.files.remove(&file) else { return crash };
        for mapping in state.mappings.values() {
            kernel.free_mapping(self, mapping);
        }
        for list in state.lists.values() {
            self.release_list(list);
        }
        for buffer in state.continuous.values() {
            self.release_continuous(buffer);
        }
        self.notify();
        crash
    }

    /// What is at an offset of the file, to be mapped with a length.
    pub(crate) fn mmap(&self, open: &OpenFile, offset: u64, length: u64) -> Result<DriverMemory, Errno> {
        // The kernel refuses these before it asks any driver.
        if !offset.is_multiple_of(PAGE_SIZE) || length == 0 {
            return Err(Errno::EINVAL);
        }
        match self.presence() {
            Presence::Present => {}
            Presence::Removed | Presence::Crashed => return Err(Errno::ENODEV),
        }
        if open.is_stale() {
            return Err(self.behaviour.stale);
        }
        let length = length.checked_next_multiple_of(PAGE_SIZE).ok_or(Errno::ENOMEM)?;
        let kernel = self.kernel();
        let state = kernel.files.get(&open.id).ok_or(Errno::EBADF)?;
        if let Some(buffer) = state.low_memory.get(&offset) {
            let region = buffer.as_ref().filter(|region| region.length() == length).ok_or(Errno::EINVAL)?;
            return Ok(DriverMemory { region: region.clone(), length });
        }
        if let Some(buffer) = state.continuous.get(&offset).filter(|buffer| length <= buffer.region.length()) {
            return Ok(DriverMemory { region: buffer.region.clone(), length });
        }
        match state.lists.get(&offset).map(|list| &*list.memory) {
            Some(ListMemory::Shared(region)) if length <= region.length() => {
                Ok(DriverMemory { region: region.clone(), length })
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// The system sleeps and wakes up. Files of before are stale; the firmware is loaded anew.
    pub(crate) fn suspend_resume(&self) {
        if self.presence() != Presence::Present {
            return;
        }
        let mut kernel = self.kernel();
        for file in kernel.files.values() {
            file.stale.store(true, Ordering::Release);
        }
        let freed = if self.behaviour.suspend_frees {
            kernel.owner = None;
            let enabled = kernel.enabled;
            for file in kernel.files.values_mut() {
                file.enabled = 0;
                file.interrupted = 0;
            }
            kernel.stop_channels(self, enabled)
        } else {
            Ok(())
        };
        drop(kernel);
        self.device.count_soft_reset();
        self.with_firmware(|firmware, hardware| firmware.restart(hardware));
        self.wake();
        if let Err(Stop::Crash(cause)) = freed {
            self.crash("suspend", cause);
        } else if self.behaviour.resume_crashes {
            self.crash("resume", "5.1.0 cannot reset a board whose firmware runs".into());
        }
    }

    /// The board is taken out. Files stay open, but nothing is behind them.
    pub(crate) fn remove(&self) {
        if self.presence() != Presence::Present {
            return;
        }
        for channel in 0..crate::device::HARDWARE_CHANNELS {
            self.reset_channel(channel, false, 0, 0);
        }
        self.set_presence(Presence::Removed);
        if !self.behaviour.removal_wakes_waiters {
            self.cancel_readers();
        }
    }

    pub(crate) fn open_files(&self) -> usize {
        self.kernel().files.len()
    }
}
