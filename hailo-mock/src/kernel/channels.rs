//! Channels: enable, disable, interrupts, waits, timestamps.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use hailo_abi::Errno;
use hailo_abi::channels::ChannelBitmaps;
use hailo_abi::command::{ChannelInterrupt, EnableChannels, InterruptTimestamp, InterruptsReadTimestamps, Progress};

use super::lists::List;
use super::transfers::Transfer;
use super::{Board, FileId, Kernel, Presence, Stop, Waited};
use crate::file::{Caller, OpenFile};

/// The most timestamps that are kept for a channel. Later ones are lost.
const MAX_TIMESTAMPS: usize = 255;
/// The data of a channel that does not run.
const NOT_ACTIVE: u8 = 0xff;
/// The data of a channel whose descriptors do not look as they should.
const WITH_ERROR: u8 = 0xfe;

/// The most channels that one wait can report.
pub(super) type Interrupts = heapless::Vec<ChannelInterrupt, 64>;

/// The driver's state for a channel.
#[derive(Debug, Default)]
pub(crate) struct Channel {
    /// The list of the first launch since the channel was enabled.
    pub(super) list: Option<Arc<List>>,
    pub(super) num_avail: u16,
    pub(super) num_proc: u16,
    pub(super) pending: VecDeque<Transfer>,
    timestamps: VecDeque<InterruptTimestamp>,
    measures: bool,
}

impl Kernel {
    /// The channels of engine 0 that there are.
    fn channel_bits(board: &Board, channels: &ChannelBitmaps) -> u64 {
        if board.behaviour.file_channels { channels.0[0] } else { channels.0[0] & u64::from(u32::MAX) }
    }

    /// `ENABLE_CHANNELS`.
    pub(super) fn enable_channels(
        &mut self,
        board: &Board,
        file: FileId,
        params: &EnableChannels,
    ) -> Result<u32, Stop> {
        let bits = Self::channel_bits(board, &params.channels);
        if self.enabled & bits != 0 {
            return Err(Errno::EINVAL.into());
        }
        self.enabled |= bits;
        let state = self.file_mut(file)?;
        state.enabled |= bits;
        state.interrupted &= !bits;
        let chosen = self.channels.iter_mut().enumerate().filter(|(index, _)| bits >> index & 1 != 0);
        for (_, channel) in chosen {
            channel.measures = params.enable_timestamps_measure;
            channel.timestamps.clear();
            if channel.measures && channel.timestamps.capacity() < MAX_TIMESTAMPS {
                channel.timestamps.reserve(MAX_TIMESTAMPS);
            }
        }
        Ok(0)
    }

    /// `DISABLE_CHANNELS`.
    pub(super) fn disable_channels(
        &mut self,
        board: &Board,
        file: FileId,
        channels: &ChannelBitmaps,
    ) -> Result<u32, Stop> {
        let bits = Self::channel_bits(board, channels);
        if board.behaviour.disable_checks && self.enabled & bits != bits {
            return Err(Errno::EINVAL.into());
        }
        let state = self.file_mut(file)?;
        state.enabled &= !bits;
        state.interrupted &= !bits;
        self.stop_channels(board, bits)?;
        Ok(0)
    }

    /// Forgets what happens on some channels.
    pub(super) fn stop_channels(&mut self, board: &Board, bits: u64) -> Result<(), Stop> {
        self.enabled &= !bits;
        self.interrupted &= !bits;
        let mut crash = Ok(());
        for index in (0..self.channels.len()).filter(|index| bits >> index & 1 != 0) {
            let channel = &mut self.channels[index];
            channel.measures = false;
            channel.num_avail = 0;
            channel.num_proc = 0;
            let pending = std::mem::take(&mut channel.pending);
            if let Some(list) = channel.list.take().filter(|list| !list.is_released()) {
                let mut counters = crate::device::lock(&list.counters);
                counters.launched = 0;
                counters.programmed = counters.skew;
            }
            for transfer in &pending {
                let cleaned = if board.behaviour.released_list_crashes || !transfer.list.is_released() {
                    transfer.clean()
                } else {
                    Ok(())
                };
                // Without references nothing is done to the buffers.
                let ended = if board.behaviour.counted_mappings {
                    cleaned.and_then(|()| self.finish_parts(board, &transfer.parts))
                } else {
                    cleaned
                };
                crash = crash.and(ended);
            }
            // The memory is used again.
            let mut pending = pending;
            pending.clear();
            self.channels[index].pending = pending;
        }
        board.notify();
        crash
    }

    /// `INTERRUPTS_READ_TIMESTAMPS`.
    pub(super) fn read_timestamps(
        &mut self,
        board: &Board,
        params: &InterruptsReadTimestamps,
    ) -> Result<heapless::Vec<InterruptTimestamp, MAX_TIMESTAMPS>, Stop> {
        let channel = self.channels.get_mut(usize::from(params.channel_index));
        let known = params.engine_index == 0 && params.channel_index < board.behaviour.channels;
        let channel = channel.filter(|_| known).ok_or(Errno::EINVAL)?;
        Ok(channel.timestamps.drain(..).collect())
    }

    /// What a wait reports of a channel, or `None` if nothing was launched on it since it was enabled.
    fn channel_progress(&mut self, board: &Board, index: u8) -> Result<Option<ChannelInterrupt>, Stop> {
        let Some(channel) = self.channels.get_mut(usize::from(index)) else { return Ok(None) };
        let Some(list) = channel.list.clone() else { return Ok(None) };
        let mask = list.mask() as u16;
        let registers = board.device.channel(index);
        let unplugged = board.device.is_unplugged();
        let processed = match registers {
            Some(registers) if !unplugged => registers.num_proc.load(Ordering::Acquire),
            _ => u16::MAX,
        };
        let is_active = registers.is_none_or(|registers| unplugged || registers.is_started());
        let host_error = registers.map_or(u8::MAX, |registers| registers.error.load(Ordering::Acquire));
        let pending = self.channels.get(usize::from(index)).and_then(|channel| channel.pending.front());
        if pending.is_some_and(|transfer| transfer.list.is_released()) && board.behaviour.released_list_crashes {
            return Err(Stop::Crash("a descriptor list was released with a transfer pending on it".into()));
        }
        let mut transfers: u8 = 0;
        let mut validation_success = true;
        let mut debugged = false;
        while let Some(channel) = self.channels.get_mut(usize::from(index)) {
            let Some(transfer) = channel.pending.front() else { break };
            if !is_done(channel.num_proc, processed & mask, channel.num_avail, transfer.last & mask) {
                break;
            }
            let Some(transfer) = channel.pending.pop_front() else { break };
            channel.num_proc = transfer.end();
            debugged |= transfer.debug;
            if transfer.debug && !transfer.looks_done() {
                validation_success = false;
            }
            if !transfer.list.is_released() {
                transfer.clean()?;
            }
            self.finish_parts(board, &transfer.parts)?;
            transfers = transfers.saturating_add(1);
        }
        let progress = if !board.behaviour.counts_transfers {
            Progress::Descriptors(processed & mask)
        } else if !board.behaviour.status_in_count {
            Progress::Transfers(transfers)
        } else if !is_active {
            Progress::Transfers(NOT_ACTIVE)
        } else if !validation_success {
            Progress::Transfers(WITH_ERROR)
        } else {
            Progress::Transfers(transfers)
        };
        Ok(Some(ChannelInterrupt {
            engine_index: 0,
            channel_index: index,
            is_active,
            progress,
            // The register is looked at only for transfers that are to be checked.
            host_error: if debugged { host_error } else { 0 },
            device_error: 0,
            validation_success,
        }))
    }

    /// Channels among these that a wait has to do with at once: interrupted or disabled.
    fn signalled(&self, board: &Board, file: FileId, bits: u64) -> u64 {
        let (interrupted, enabled) = self.interrupts_of(board, file);
        bits & (interrupted | !enabled)
    }

    fn interrupts_of(&self, board: &Board, file: FileId) -> (u64, u64) {
        if board.behaviour.file_channels {
            self.files.get(&file).map_or((0, 0), |state| (state.interrupted, state.enabled))
        } else {
            (self.interrupted, self.enabled)
        }
    }

    fn take_interrupts(&mut self, board: &Board, file: FileId, bits: u64) -> u64 {
        let interrupted = if board.behaviour.file_channels {
            match self.files.get_mut(&file) {
                Some(state) => &mut state.interrupted,
                None => return 0,
            }
        } else {
            &mut self.interrupted
        };
        let taken = *interrupted & bits;
        *interrupted &= !bits;
        taken
    }
}

/// Whether the hardware is past the last descriptor of a transfer.
///
/// The driver takes a hardware that has caught up for one that has done everything, also what it never saw.
fn is_done(begin: u16, end: u16, num_avail: u16, last: u16) -> bool {
    if num_avail == end {
        return true;
    }
    if begin <= end { begin <= last && last < end } else { begin <= last || last < end }
}

impl Board {
    /// The device interrupts the host for some channels.
    pub(crate) fn interrupt(&self, channels: u64) {
        let mut kernel = self.kernel();
        let kernel = &mut *kernel;
        for (index, channel) in kernel.channels.iter_mut().enumerate() {
            let measured = channels >> index & 1 != 0 && channel.measures;
            if measured && channel.timestamps.len() < MAX_TIMESTAMPS {
                let registers = u8::try_from(index).ok().and_then(|index| self.device.channel(index));
                channel.timestamps.push_back(InterruptTimestamp {
                    timestamp_ns: 1 + START.elapsed().as_nanos() as u64,
                    desc_num_processed: registers.map_or(0, |registers| registers.num_proc.load(Ordering::Acquire)),
                });
            }
        }
        if self.behaviour.file_channels {
            let enabled = kernel.enabled;
            for state in kernel.files.values_mut() {
                state.interrupted |= channels & enabled & state.enabled;
            }
        } else {
            kernel.interrupted |= channels;
        }
        self.notify();
    }

    /// `INTERRUPTS_WAIT`.
    pub(super) fn interrupts_wait(
        &self,
        open: &OpenFile,
        caller: &Caller<'_>,
        channels: &ChannelBitmaps,
    ) -> Result<Interrupts, Stop> {
        let file = open.id;
        let bits = Kernel::channel_bits(self, channels);
        if bits == 0 {
            return Err(Errno::EINVAL.into());
        }
        let others = self.behaviour.other_engines_disabled && channels.0[1] | channels.0[2] != 0;
        let removal_ends = self.behaviour.removal_wakes_waiters;
        let kernel = self.kernel();
        let (mut kernel, waited) = self.wait(kernel, caller, None, |kernel| {
            if self.presence() == Presence::Removed {
                // Up to 5.0.0 the interrupts that would end the wait are gone, and nobody else ends it.
                return removal_ends;
            }
            others || open.is_stale() || kernel.signalled(self, file, bits) != 0
        });
        if waited == Waited::Interrupted {
            return Err(Stop::Restart);
        }
        self.check_after_wait(&open.stale)?;
        if self.presence() == Presence::Removed {
            return Err(self.behaviour.removed.into());
        }
        let taken = kernel.take_interrupts(self, file, bits);
        let mut interrupts = Interrupts::new();
        for index in (0..64).filter(|index| taken >> index & 1 != 0) {
            if let Some(interrupt) = kernel.channel_progress(self, index)? {
                // There are as many places as bits.
                let _ = interrupts.push(interrupt);
            }
        }
        Ok(interrupts)
    }
}

/// The zero of the kernel's monotonic clock.
static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

#[cfg(test)]
mod tests {
    use super::is_done;

    #[test]
    fn a_transfer_is_done_when_the_hardware_has_passed_its_end() {
        // Nothing done, one descriptor available.
        assert!(!is_done(0, 0, 1, 0));
        assert!(is_done(0, 1, 1, 0));
        // Two of three transfers of one descriptor done.
        assert!(is_done(5, 7, 8, 6));
        assert!(!is_done(5, 7, 8, 7));
        // Around the end of the ring.
        assert!(is_done(14, 2, 4, 15));
        assert!(is_done(14, 2, 4, 1));
        assert!(!is_done(14, 2, 4, 3));
        // The whole ring, which the hardware does not see.
        assert!(is_done(0, 0, 0, 7));
    }
}
