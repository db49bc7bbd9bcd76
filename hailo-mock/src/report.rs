//! [`Report`]: what an emulated machine holds, and what has happened to it.

use std::fmt;

use crate::device::{FirmwareStatistics, HARDWARE_CHANNELS};
use crate::kernel::{Board, Presence};

/// Why the kernel would have crashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashReport {
    /// The board's index.
    pub board: usize,
    /// The request, by its name in the vendor's header, or `close`, `suspend`, `resume`.
    pub operation: &'static str,
    /// Which argument did it, and how.
    pub cause: String,
}

impl fmt::Display for CrashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "board {}: {} would have crashed the kernel: {}", self.board, self.operation, self.cause)
    }
}

/// What is held on a board.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoardReport {
    /// Open files, stale ones too.
    pub open_files: usize,
    /// Mapped buffers.
    pub mappings: usize,
    /// Descriptor lists.
    pub lists: usize,
    /// Low-memory buffers.
    pub low_memory_buffers: usize,
    /// Continuous buffers.
    pub continuous_buffers: usize,
    /// Ranges of addresses that the device can reach.
    pub device_ranges: usize,
    /// Channels that are enabled in the driver, by bit.
    pub enabled_channels: u64,
    /// Channels that run in hardware, by bit.
    pub running_channels: u64,
    /// Channels that run in hardware on a list that there is no more, by bit.
    pub runaway_channels: u64,
    /// Transfers that were launched and not reported as done.
    pub pending_transfers: usize,
    /// Transfers that were prepared and not launched.
    pub prepared_transfers: usize,
    /// Whether a file has taken the board.
    pub in_use: bool,
    /// Whether the board was removed.
    pub removed: bool,
    /// Whether the kernel has crashed over it.
    pub crashed: bool,
    /// How often the device accessed an address with no memory behind it.
    pub stray_accesses: u64,
    /// What the device has counted.
    pub firmware: FirmwareStatistics,
}

impl BoardReport {
    /// Whether a process has left nothing behind.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.open_files == 0
            && self.mappings == 0
            && self.lists == 0
            && self.low_memory_buffers == 0
            && self.continuous_buffers == 0
            && self.device_ranges == 0
            && self.enabled_channels == 0
            && self.runaway_channels == 0
            && self.pending_transfers == 0
            && self.prepared_transfers == 0
            && !self.in_use
            && self.stray_accesses == 0
            && !self.crashed
    }
}

/// What an open file holds, and loses when it is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The process that opened it.
    pub process: u32,
    /// Mapped buffers.
    pub mappings: usize,
    /// Descriptor lists.
    pub lists: usize,
    /// Low-memory buffers.
    pub low_memory_buffers: usize,
    /// Continuous buffers.
    pub continuous_buffers: usize,
    /// Channels that it has enabled.
    pub enabled_channels: usize,
    /// Transfers on those channels that were launched and not reported as done.
    pub pending_transfers: usize,
    /// Whether it has taken the board. That ends with the file, and is nothing to be released.
    pub in_use: bool,
}

impl FileReport {
    fn counts(&self) -> [(usize, &'static str); 6] {
        [
            (self.mappings, "mapped buffers"),
            (self.lists, "descriptor lists"),
            (self.low_memory_buffers, "low-memory buffers"),
            (self.continuous_buffers, "continuous buffers"),
            (self.enabled_channels, "enabled channels"),
            (self.pending_transfers, "pending transfers"),
        ]
    }

    /// Whether there is nothing to release.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts().iter().all(|(count, _)| *count == 0)
    }
}

impl fmt::Display for FileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (count, what) in self.counts().iter().filter(|(count, _)| *count > 0) {
            let what = if *count == 1 { what.strip_suffix('s').unwrap_or(what) } else { what };
            write!(f, "{separator}{count} {what}")?;
            separator = ", ";
        }
        if separator.is_empty() { f.write_str("nothing") } else { Ok(()) }
    }
}

/// The state of an emulated machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The boards, by index.
    pub boards: Vec<BoardReport>,
    /// Every crash since the machine was built.
    pub crashes: Vec<CrashReport>,
}

impl Report {
    /// Whether nothing is held on any board, and nothing has crashed.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.crashes.is_empty() && self.boards.iter().all(BoardReport::is_clean)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, board) in self.boards.iter().enumerate() {
            let firmware = &board.firmware;
            writeln!(f, "board {index}: {} controls, {} shutdowns", firmware.controls, firmware.shutdowns)?;
            for (count, what) in [
                (board.open_files as u64, "open files"),
                (board.mappings as u64, "mapped buffers"),
                (board.lists as u64, "descriptor lists"),
                (board.low_memory_buffers as u64, "low-memory buffers"),
                (board.continuous_buffers as u64, "continuous buffers"),
                (board.enabled_channels.count_ones().into(), "enabled channels"),
                (board.runaway_channels.count_ones().into(), "channels running on memory that was freed"),
                (board.pending_transfers as u64, "pending transfers"),
                (board.prepared_transfers as u64, "prepared transfers"),
                (board.stray_accesses, "accesses of the device to memory that is not there"),
            ] {
                if count > 0 {
                    writeln!(f, "  left: {count} {what}")?;
                }
            }
        }
        self.crashes.iter().try_for_each(|crash| writeln!(f, "{crash}"))
    }
}

impl Board {
    pub(crate) fn report(&self) -> BoardReport {
        let kernel = self.kernel();
        let mut report = kernel.report();
        drop(kernel);
        for channel in 0..HARDWARE_CHANNELS {
            let Some(registers) = self.device.channel(channel).filter(|registers| registers.is_started()) else {
                continue;
            };
            report.running_channels |= 1 << channel;
            let list = registers.list.load(std::sync::atomic::Ordering::Acquire);
            if self.device.dma.find(list).is_none() {
                report.runaway_channels |= 1 << channel;
            }
        }
        report.device_ranges = self.device.dma.ranges();
        report.stray_accesses = self.device.dma.strays();
        report.removed = self.presence() == Presence::Removed;
        report.crashed = self.presence() == Presence::Crashed;
        report.firmware = self.device.statistics();
        report
    }
}
