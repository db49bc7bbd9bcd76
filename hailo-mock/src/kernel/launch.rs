//! Launching, preparing and cancelling transfers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hailo_abi::Errno;
use hailo_abi::channels::VDMA_DEST_CHANNELS_START;
use hailo_abi::command::{LaunchTransfer, PrepareTransfer, TransferBuffer};
use hailo_abi::enums::{BufferType, DataDirection, InterruptsDomain};

use super::buffers::Named;
use super::lists::List;
use super::program::Stretch;
use super::transfers::{MAX_PENDING, Part, Parts, Transfer};
use super::{Board, FileId, Kernel, Stop};
use crate::behaviour::LaunchStyle;
use crate::device::lock;
use crate::file::Caller;

/// The most buffers of a transfer up to 4.20.1, where they are named by handle.
const MAX_HANDLES: u8 = 2;
/// The most buffers of a transfer later.
const MAX_ADDRESSES: u8 = 8;

/// How a launch ended that got as far as the channel.
#[derive(Debug)]
pub(super) struct Launched {
    /// The number of descriptors, or why not. The first four fields of the older argument are written in both cases.
    pub(super) result: Result<u32, Stop>,
    /// The hardware has something to do.
    pub(super) kick: bool,
}

/// The interrupts of a transfer.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    first: InterruptsDomain,
    last: InterruptsDomain,
    debug: bool,
    bind: bool,
    cyclic: bool,
}

impl Board {
    fn direction(channel: u8) -> DataDirection {
        if channel < VDMA_DEST_CHANNELS_START { DataDirection::TO_DEVICE } else { DataDirection::FROM_DEVICE }
    }

    fn max_buffers(&self) -> u8 {
        if self.behaviour.launch == LaunchStyle::ByHandle { MAX_HANDLES } else { MAX_ADDRESSES }
    }

    /// `LAUNCH_TRANSFER`.
    pub(super) fn launch_transfer(
        &self,
        kernel: &mut Kernel,
        file: FileId,
        caller: &Caller<'_>,
        params: &LaunchTransfer,
    ) -> Result<Launched, Stop> {
        if params.engine_index != 0
            || params.channel_index >= self.behaviour.channels
            || params.buffers_count > self.max_buffers()
        {
            return Err(Errno::EINVAL.into());
        }
        let list = kernel.file(file)?.lists.get(&params.desc_handle).ok_or(self.behaviour.launch_unknown)?.clone();
        let buffers = &params.buffers[..usize::from(params.buffers_count)];
        let wanted = Wanted {
            first: params.first_interrupts_domain,
            last: params.last_interrupts_domain,
            debug: params.is_debug,
            bind: params.should_bind,
            cyclic: params.is_cyclic,
        };
        if self.behaviour.launch == LaunchStyle::Counted {
            return self.launch_counted(kernel, file, caller, params.channel_index, &list, buffers, wanted);
        }
        let parts = self.find_parts(kernel, file, caller, params.channel_index, buffers)?;
        if parts.is_empty() && self.behaviour.no_buffers_crashes {
            return Err(Stop::Crash("buffers_count 0 is a transfer of no buffers".into()));
        }
        Ok(self.launch_placed(kernel, params, list, parts, wanted))
    }

    /// The mappings of the buffers of a launch, up to 5.0.0.
    fn find_parts(
        &self,
        kernel: &mut Kernel,
        file: FileId,
        caller: &Caller<'_>,
        channel: u8,
        buffers: &[TransferBuffer],
    ) -> Result<Parts, Stop> {
        let direction = Self::direction(channel);
        let mut parts = Parts::new();
        for buffer in buffers {
            let size = u64::from(buffer.size);
            let found = match self.behaviour.launch {
                LaunchStyle::ByHandle => {
                    let mapping = kernel.file(file)?.mappings.get(&buffer.mapped_buffer_handle).cloned();
                    let offset = u64::from(buffer.offset);
                    mapping.filter(|mapping| mapping.can_hold(direction, offset, size)).map(|mapping| (mapping, offset))
                }
                _ if !is_known(buffer.buffer_type) => None,
                _ => kernel.file(file)?.find_mapping(named(buffer, direction)),
            };
            let part = match (found, self.behaviour.launch) {
                (Some((mapping, offset)), _) => {
                    if self.behaviour.counted_mappings {
                        mapping.add_reference();
                    }
                    Ok(Part { mapping, offset, size })
                }
                (None, LaunchStyle::ByAddress { maps: true }) if is_known(buffer.buffer_type) => {
                    self.map_for_transfer(kernel, file, caller, buffer, direction)
                }
                (None, _) => Err(Errno::EFAULT.into()),
            };
            match part {
                // There are as many places as buffers.
                Ok(part) => drop(parts.push(part)),
                Err(stop) => {
                    self.drop_parts(kernel, &parts);
                    return Err(stop);
                }
            }
        }
        Ok(parts)
    }

    /// Maps a buffer for the time of a transfer.
    fn map_for_transfer(
        &self,
        kernel: &mut Kernel,
        file: FileId,
        caller: &Caller<'_>,
        buffer: &TransferBuffer,
        direction: DataDirection,
    ) -> Result<Part, Stop> {
        let mapping = self.map_buffer(kernel, file, caller, named(buffer, direction), None)?;
        let is_dma_buf = buffer.buffer_type == BufferType::DMABUF;
        let offset = if is_dma_buf { 0 } else { buffer.address_or_fd % crate::memory::PAGE_SIZE };
        Ok(Part { mapping, offset, size: buffer.size.into() })
    }

    /// Gives back what a transfer holds that never reached the hardware.
    fn drop_parts(&self, kernel: &mut Kernel, parts: &Parts) {
        if self.behaviour.counted_mappings {
            for part in parts {
                kernel.put_mapping(self, &part.mapping);
            }
        }
    }

    /// Ties the list to the channel and looks whether the channel is ready for it.
    fn check_channel(&self, kernel: &mut Kernel, index: u8, list: &Arc<List>) -> Result<(), Stop> {
        let channel = kernel.channels.get_mut(usize::from(index)).ok_or(Errno::EINVAL)?;
        match &channel.list {
            Some(first) if !Arc::ptr_eq(first, list) => return Err(Errno::EINVAL.into()),
            Some(_) => {}
            None => channel.list = Some(list.clone()),
        }
        let num_avail = match self.device.channel(index) {
            Some(registers) if !self.device.is_unplugged() => {
                if self.behaviour.checks_running && !registers.is_started() {
                    return Err(Errno::ECONNRESET.into());
                }
                registers.num_avail.load(Ordering::Acquire)
            }
            // Registers that are not there read all ones.
            _ => u16::MAX,
        };
        if num_avail != channel.num_avail {
            return Err(self.behaviour.out_of_step.into());
        }
        Ok(())
    }

    /// Writes `num_avail`, and with it hands descriptors to the hardware.
    fn hand_over(&self, kernel: &mut Kernel, index: u8, num_avail: u16) {
        if let Some(channel) = kernel.channels.get_mut(usize::from(index)) {
            channel.num_avail = num_avail;
        }
        if let Some(registers) = self.device.channel(index).filter(|_| !self.device.is_unplugged()) {
            registers.num_avail.store(num_avail, Ordering::Release);
        }
    }

    /// A launch that says where in the list it starts (up to 5.0.0).
    fn launch_placed(
        &self,
        kernel: &mut Kernel,
        params: &LaunchTransfer,
        list: Arc<List>,
        parts: Parts,
        wanted: Wanted,
    ) -> Launched {
        let index = params.channel_index;
        let mut checked = self.check_channel(kernel, index, &list);
        let channel_avail = kernel.channels.get(usize::from(index)).map(|channel| channel.num_avail);
        if checked.is_ok() && channel_avail != Some(params.starting_desc as u16) {
            checked = Err(self.behaviour.out_of_step.into());
        }
        if let Err(stop) = checked {
            self.drop_parts(kernel, &parts);
            return Launched { result: Err(stop), kick: false };
        }
        let mask = list.mask();
        let mut transfer = Transfer::new(list.clone(), wanted.debug);
        let mut total: i64 = 0;
        let mut start = params.starting_desc;
        for (position, part) in parts.iter().enumerate() {
            let is_last = position + 1 == parts.len();
            let stretch = Stretch {
                start,
                offset: part.offset,
                size: part.size,
                stride: 0,
                bind: wanted.bind,
                domain: if is_last { wanted.last } else { InterruptsDomain::NONE },
                debug: wanted.debug,
            };
            // A failure is added into the sum as a negative number, and the transfer goes on.
            let count = match self.program(&list, &part.mapping, stretch) {
                Ok(count) => i64::from(count),
                Err(Stop::Errno(errno)) => -i64::from(errno.raw()),
                Err(stop) => return Launched { result: Err(stop), kick: false },
            };
            total += count;
            start = start.wrapping_add(count as u32) & mask;
            transfer.last = (start.wrapping_sub(1) & mask) as u16;
            transfer.mark_dirty(transfer.last.into());
        }
        let first_bits = wanted.first.raw() & (InterruptsDomain::DEVICE.raw() | InterruptsDomain::HOST.raw());
        if first_bits != 0 {
            list.add_interrupts(params.starting_desc, wanted.first, wanted.debug);
            transfer.mark_dirty(params.starting_desc);
        }
        transfer.parts = parts;
        let end = transfer.end();
        let channel = kernel.channels.get_mut(usize::from(index)).filter(|channel| channel.pending.len() < MAX_PENDING);
        let Some(channel) = channel else {
            self.drop_parts(kernel, &transfer.parts);
            return Launched { result: Err(self.behaviour.too_many.unwrap_or(Errno::EFAULT).into()), kick: false };
        };
        channel.pending.push_back(transfer);
        self.hand_over(kernel, index, end);
        let result = match u32::try_from(total) {
            Ok(count) => Ok(count),
            Err(_) => Err(Errno::from_raw(-total as i32).unwrap_or(Errno::EFAULT).into()),
        };
        Launched { result, kick: true }
    }

    /// A launch on a list that counts by itself (from 5.0.1 on).
    #[allow(clippy::too_many_arguments, reason = "they are the parameters of the request")]
    fn launch_counted(
        &self,
        kernel: &mut Kernel,
        file: FileId,
        caller: &Caller<'_>,
        index: u8,
        list: &Arc<List>,
        buffers: &[TransferBuffer],
        wanted: Wanted,
    ) -> Result<Launched, Stop> {
        let pending = kernel.channels.get(usize::from(index)).map_or(0, |channel| channel.pending.len());
        if let Some(errno) = self.behaviour.too_many.filter(|_| pending >= MAX_PENDING) {
            return Err(errno.into());
        }
        let prepared = lock(&list.counters).prepared.pop_front();
        let transfer = match prepared {
            Some(transfer) => transfer,
            None => {
                let direction = Self::direction(index);
                let transfer = self.program_transfer(kernel, file, caller, direction, list, buffers, wanted);
                transfer.inspect_err(|_| self.note_skew(list))?
            }
        };
        let checked = self.check_channel(kernel, index, list).and_then(|()| {
            let channel_avail = kernel.channels.get(usize::from(index)).map(|channel| channel.num_avail);
            let counters = lock(&list.counters);
            let is_skewed = counters.skew != 0;
            let in_step = channel_avail == Some((counters.launched & list.mask()) as u16) && !is_skewed;
            if in_step { Ok(()) } else { Err(self.behaviour.out_of_step.into()) }
        });
        if let Err(stop) = checked {
            // The descriptors stay programmed and counted; what they refer to is let go.
            self.note_skew(list);
            let let_go = kernel.finish_parts(self, &transfer.parts);
            return Ok(Launched { result: Err(let_go.err().unwrap_or(stop)), kick: false });
        }
        let end = transfer.end();
        let count = {
            let mut counters = lock(&list.counters);
            let count = u32::from(end).wrapping_sub(counters.launched) & list.mask();
            counters.launched = end.into();
            count
        };
        let channel = kernel.channels.get_mut(usize::from(index)).filter(|_| pending < MAX_PENDING);
        if let Some(channel) = channel {
            channel.pending.push_back(transfer);
        }
        // Else the transfer is forgotten, and its buffers keep their references.
        self.hand_over(kernel, index, end);
        Ok(Launched { result: Ok(count), kick: true })
    }

    /// A launch has failed: in 5.0.1 the list stays out of step from now on, until its counters happen to meet again.
    fn note_skew(&self, list: &List) {
        if !self.behaviour.programs_atomically {
            let mut counters = lock(&list.counters);
            counters.skew = counters.programmed.wrapping_sub(counters.launched) & list.mask();
        }
    }

    /// Maps the buffers of a transfer and programs them behind what is programmed already.
    #[allow(clippy::too_many_arguments, reason = "they are the parameters of the request")]
    fn program_transfer(
        &self,
        kernel: &mut Kernel,
        file: FileId,
        caller: &Caller<'_>,
        direction: DataDirection,
        list: &Arc<List>,
        buffers: &[TransferBuffer],
        wanted: Wanted,
    ) -> Result<Transfer, Stop> {
        if buffers.is_empty() && self.behaviour.no_buffers_refused {
            return Err(Errno::EFAULT.into());
        }
        let mut transfer = Transfer::new(list.clone(), wanted.debug);
        for buffer in buffers {
            let part = self.part_of_transfer(kernel, file, caller, buffer, direction);
            match part {
                Ok(part) => drop(transfer.parts.push(part)),
                Err(stop) => {
                    self.drop_parts(kernel, &transfer.parts);
                    return Err(stop);
                }
            }
        }
        match self.program_parts(list, &mut transfer, wanted) {
            Ok(()) => Ok(transfer),
            Err(stop) => {
                self.drop_parts(kernel, &transfer.parts);
                Err(stop)
            }
        }
    }

    fn part_of_transfer(
        &self,
        kernel: &mut Kernel,
        file: FileId,
        caller: &Caller<'_>,
        buffer: &TransferBuffer,
        direction: DataDirection,
    ) -> Result<Part, Stop> {
        if !is_known(buffer.buffer_type) {
            return Err(self.behaviour.launch_type.into());
        }
        if buffer.address_or_fd == 0 || buffer.size == 0 {
            return Err(self.behaviour.launch_type.into());
        }
        match kernel.file(file)?.find_mapping(named(buffer, direction)) {
            Some((mapping, offset)) => {
                mapping.add_reference();
                Ok(Part { mapping, offset, size: buffer.size.into() })
            }
            None => self.map_for_transfer(kernel, file, caller, buffer, direction),
        }
    }

    /// Programs all buffers of a transfer, or none from 5.1.0 on.
    fn program_parts(&self, list: &List, transfer: &mut Transfer, wanted: Wanted) -> Result<(), Stop> {
        let mask = list.mask();
        let begin = lock(&list.counters).programmed;
        let mut start = begin;
        let last_domain = if self.behaviour.host_interrupts { InterruptsDomain::HOST } else { wanted.last };
        let parts = transfer.parts.clone();
        for (position, part) in parts.iter().enumerate() {
            let is_last = position + 1 == parts.len();
            let interrupts = is_last || self.behaviour.every_buffer_interrupts;
            let stretch = Stretch {
                start,
                offset: part.offset,
                size: part.size,
                stride: 0,
                bind: true,
                domain: if interrupts { last_domain } else { InterruptsDomain::NONE },
                debug: wanted.debug,
            };
            let programmed = if wanted.cyclic {
                Self::program_unbound(list, stretch)
            } else {
                self.program(list, &part.mapping, stretch)
            };
            let count = match programmed {
                Ok(count) => count,
                Err(stop) => {
                    if !self.behaviour.programs_atomically {
                        self.count_before_failure(list, begin, start, part, &stop);
                    }
                    return Err(stop);
                }
            };
            start = start.wrapping_add(count) & mask;
            transfer.last = (start.wrapping_sub(1) & mask) as u16;
            transfer.mark_dirty(transfer.last.into());
        }
        let first_bits = wanted.first.raw() & (InterruptsDomain::DEVICE.raw() | InterruptsDomain::HOST.raw());
        if first_bits != 0 && !parts.is_empty() {
            list.add_interrupts(begin, wanted.first, wanted.debug);
            transfer.mark_dirty(begin);
        }
        lock(&list.counters).programmed = start;
        Ok(())
    }

    /// In 5.0.1 a list keeps counting what was programmed before a failure.
    fn count_before_failure(&self, list: &List, begin: u32, start: u32, part: &Part, stop: &Stop) {
        let page = u64::from(list.page_size.max(1));
        let fits = |bytes: u64| bytes.div_ceil(page) <= u64::from(list.count);
        let mut programmed = 0;
        if *stop == Stop::Errno(self.behaviour.past_list) {
            // Whole pieces of physical memory were programmed before the one that did not fit.
            while programmed < part.size {
                let piece = part.mapping.range.contiguous(part.offset + programmed).min(part.size - programmed);
                if !fits(programmed + piece) {
                    break;
                }
                programmed += piece;
            }
        }
        let count = start.wrapping_sub(begin).wrapping_add(programmed.div_ceil(page) as u32);
        let mut counters = lock(&list.counters);
        counters.programmed = counters.programmed.wrapping_add(count) & list.mask();
    }

    /// `PREPARE_TRANSFER`.
    pub(super) fn prepare_transfer(
        &self,
        kernel: &mut Kernel,
        file: FileId,
        caller: &Caller<'_>,
        params: &PrepareTransfer,
    ) -> Result<u32, Stop> {
        if params.buffers_count > self.max_buffers() {
            return Err(Errno::EINVAL.into());
        }
        let list = kernel.file(file)?.lists.get(&params.desc_handle).ok_or(Errno::EFAULT)?.clone();
        if lock(&list.counters).prepared.len() >= MAX_PENDING {
            return Err(self.behaviour.too_many_prepared.into());
        }
        let wanted = Wanted {
            first: params.first_interrupts_domain,
            last: params.last_interrupts_domain,
            debug: params.is_debug,
            bind: true,
            cyclic: false,
        };
        let buffers = &params.buffers[..usize::from(params.buffers_count)];
        let direction = Self::direction(params.channel_index);
        let transfer = self.program_transfer(kernel, file, caller, direction, &list, buffers, wanted)?;
        lock(&list.counters).prepared.push_back(transfer);
        Ok(0)
    }

    /// `CANCEL_PREPARED_TRANSFER`.
    pub(super) fn cancel_prepared(&self, kernel: &mut Kernel, file: FileId, handle: u64) -> Result<u32, Stop> {
        let list = kernel.file(file)?.lists.get(&handle).ok_or(Errno::EINVAL)?.clone();
        let prepared = std::mem::take(&mut *lock(&list.counters)).prepared;
        for transfer in &prepared {
            kernel.finish_parts(self, &transfer.parts)?;
        }
        Ok(0)
    }
}

fn is_known(buffer_type: BufferType) -> bool {
    [BufferType::USER_PTR, BufferType::DMABUF].contains(&buffer_type)
}

fn named(buffer: &TransferBuffer, direction: DataDirection) -> Named {
    Named { buffer_type: buffer.buffer_type, address: buffer.address_or_fd, size: buffer.size.into(), direction }
}
