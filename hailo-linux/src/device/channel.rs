//! [`Channel`]: launches transfers on one enabled channel.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use hailo_abi::ChannelId;
use hailo_abi::command::{ChannelInterrupt, LaunchTransfer, MAX_BUFFERS_PER_TRANSFER, Progress, TransferBuffer};
use hailo_abi::driver::Launched;
use hailo_abi::enums::{BufferType, DmaType, InterruptsDomain};

use super::Inner;
use super::kept::Kept;
use super::list::DescriptorList;
use super::queue::{Queue, SlotState};
use super::ring::{NoRoom, Ring};
use super::shared::SharedBuffer;
use super::transfer::{InPlace, LaunchError, Load, Parts, Transfer};
use crate::error::{Error, ErrorKind, Invalid, Result};
use crate::memory::page_size;
use crate::sync::{Condvar, Mutex, MutexGuard};

/// An enabled channel with the descriptor list that its transfers go through.
///
/// It can be used from many threads at once. Transfers complete in the order in which they were launched.
///
/// The firmware, not the host, starts and stops the hardware of a channel. Whoever had it started says so with
/// [`assume_started`](Self::assume_started); before, nothing is launched.
#[derive(Debug)]
pub struct Channel {
    pub(super) state: Arc<ChannelState>,
}

/// Whose list the hardware of a channel may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// That of this value, at this address.
    Own(u64),
    /// Nobody's: the channel was disabled.
    None,
    /// Another value's: the channel was disabled and enabled again.
    OfAnother,
}

/// What a [`Channel`], its [`Transfer`]s and the thread that waits for interrupts share.
#[derive(Debug)]
pub(crate) struct ChannelState {
    id: ChannelId,
    device: Arc<Inner>,
    queue: Mutex<Queue>,
    progress: Condvar,
}

const LAUNCH: &str = "launch a transfer";
const WAIT: &str = "wait for a transfer";

impl Channel {
    /// Which channel it is.
    #[must_use]
    pub fn id(&self) -> ChannelId {
        self.state.id
    }

    /// Where the device finds the first descriptor of the channel's list.
    #[must_use]
    pub fn list_address(&self) -> u64 {
        self.state.lock().list.as_ref().map_or(0, DescriptorList::dma_address)
    }

    /// How many descriptors the channel's list has.
    #[must_use]
    pub fn descriptors(&self) -> u32 {
        self.state.lock().ring.room() + 1
    }

    /// How many transfers are launched and not completed.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.state.lock().ring.pending()
    }

    /// How many more descriptors can be launched before a transfer has to complete.
    #[must_use]
    pub fn free_descriptors(&self) -> u32 {
        let queue = self.state.lock();
        queue.ring.room() - queue.ring.in_use()
    }

    /// Notes that the firmware started the channel.
    ///
    /// # Safety
    /// The firmware did so after the channel was enabled, with the list of this channel, from its first descriptor. (If it
    /// still follows the list of an earlier user of the channel, a launch makes it use memory that was freed.)
    pub unsafe fn assume_started(&self) {
        self.mark_started();
    }

    /// As [`assume_started`](Self::assume_started), for those who know it from the firmware, within
    /// [`change_hardware`](Self::change_hardware).
    pub(crate) fn mark_started(&self) {
        let mut queue = self.state.lock();
        queue.running = true;
        if queue.launched {
            // The hardware begins anew, the driver goes on counting until the channel is disabled.
            queue.fail(&ErrorKind::OutOfStep { channel: self.state.id });
        }
        queue.started = true;
    }

    /// Notes that the firmware stopped the channel: what is pending fails, nothing is launched any more, and the buffers of
    /// unfinished transfers are released when the channel is disabled, or now if it is. Only for those who know it from the
    /// firmware, within [`change_hardware`](Self::change_hardware).
    pub(crate) fn mark_stopped(&self) {
        let channel = self.state.id;
        let mut queue = self.state.lock();
        queue.started = false;
        queue.running = false;
        drop(queue);
        self.state.fail(&ErrorKind::Stopped { channel });
        self.state.device.channels_stopped([channel].into_iter().collect());
    }

    /// Calls a function that changes whether the hardware runs, with the list that it may follow and its count of
    /// descriptors. There is one such call at a time, and the channel is not disabled meanwhile.
    pub(crate) fn change_hardware<R>(&self, change: impl FnOnce(List, u32) -> R) -> R {
        let device = &self.state.device;
        let _one_at_a_time = device.lock_hardware();
        let queue = self.state.lock();
        let list = match &queue.list {
            Some(list) if !queue.closing => List::Own(list.dma_address()),
            _ if device.is_taken(self.id()) => List::OfAnother,
            _ => List::None,
        };
        let count = queue.ring.room() + 1;
        drop(queue);
        change(list, count)
    }

    pub(crate) fn belongs_to(&self, device: &Arc<Inner>) -> bool {
        Arc::ptr_eq(&self.state.device, device)
    }

    /// Launches a transfer of one buffer, of a part of one, or of several parts that follow each other.
    ///
    /// # Errors
    /// [`ErrorKind::RingFull`] and [`ErrorKind::TooManyPending`] mean that an earlier transfer has to complete first.
    /// [`ErrorKind::NotStarted`], [`ErrorKind::Disabled`], and [`ErrorKind::Stopped`] and the like if the channel failed
    /// before. [`ErrorKind::Invalid`] for what can never work. Otherwise what the driver answered; the channel then has to
    /// be disabled. The buffers come back with the error unless the device may still use them.
    #[doc(alias = "HAILO_VDMA_LAUNCH_TRANSFER")]
    pub fn launch<B: Load>(&self, load: B) -> Result<Transfer<B>, LaunchError<B>> {
        match self.state.launch(load.into_parts()) {
            Ok(slot) => Ok(Transfer::new(Arc::clone(&self.state), slot)),
            Err((error, parts)) => Err(LaunchError { error, load: parts.and_then(B::from_parts) }),
        }
    }

    /// Where in `buffer`, with which the whole list was programmed once, the next transfer of `length` bytes would be: the
    /// bytes up to the end of the ring, and how many follow at its start.
    pub(crate) fn next_in_place(&self, length: usize) -> (std::ops::Range<usize>, usize) {
        let queue = self.state.lock();
        in_place(&queue.ring, length)
    }

    /// Launches a transfer of the next `length` bytes of `buffer`, with which the whole list was programmed once.
    ///
    /// # Errors
    /// As [`launch`](Self::launch); [`Invalid::Value`] if the list was not programmed with the buffer.
    pub(crate) fn launch_in_place(&self, buffer: &SharedBuffer, length: usize) -> Result<Transfer<InPlace>> {
        let slot = self.state.launch_in_place(buffer, length)?;
        Ok(Transfer::new(Arc::clone(&self.state), slot))
    }
}

/// See [`Channel::next_in_place`].
fn in_place(ring: &Ring, length: usize) -> (std::ops::Range<usize>, usize) {
    let page = ring.page_size() as usize;
    let start = ring.next() as usize * page;
    let end = (ring.room() as usize + 1) * page;
    let first = length.min(end - start);
    (start..start + first, length - first)
}

impl ChannelState {
    pub(super) fn new(id: ChannelId, device: Arc<Inner>, list: DescriptorList) -> Self {
        let queue = Queue::new(list);
        Self { id, device, queue: Mutex::new(queue), progress: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No code that can panic runs under the lock while its content is inconsistent.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, operation: &'static str, kind: ErrorKind) -> Error {
        self.device.failed(operation, kind)
    }

    /// The error for what the channel's own bookkeeping rules out.
    pub(super) fn lost(&self, operation: &'static str) -> Error {
        self.failed(operation, ErrorKind::OutOfStep { channel: self.id })
    }

    #[expect(clippy::result_large_err, reason = "the buffers go back the way they came, which no box makes cheaper")]
    fn launch(&self, parts: Parts) -> Result<u32, (Error, Option<Parts>)> {
        let mut queue = self.lock();
        let needed = match self.check(&queue, &parts) {
            Ok(needed) => needed,
            Err(kind) => return Err((self.failed(LAUNCH, kind), Some(parts))),
        };
        let launch = self.request(&queue, &parts);
        // SAFETY: list and mappings exist and belong to this file; every part lies within its mapping, is not empty and
        // starts at a descriptor page; the transfer fits into the free descriptors of the ring, and fewer than 127 are
        // pending. The buffers are owned by the channel from here on until the transfer has completed or, after the channel
        // was disabled, the hardware is known not to use them.
        let launched = unsafe { self.device.driver.launch_transfer(&launch) };
        queue.launched = true;
        let kind = match launched {
            Ok(Launched { descriptors, .. }) if descriptors > 0 && u64::from(descriptors) <= needed => {
                let slot = queue.store(parts, SlotState::Pending);
                queue.ring.launched(slot, descriptors);
                return Ok(slot);
            }
            Ok(_) => return Err((self.hold(&mut queue, parts, None), None)),
            Err(error) => match error.errno() {
                Some(errno) if self.device.rules.failed_launch_is_harmless(errno) => {
                    if errno == hailo_abi::Errno::ECONNRESET {
                        ErrorKind::NotStarted { channel: self.id }
                    } else {
                        ErrorKind::of(errno)
                    }
                }
                Some(errno) => return Err((self.hold(&mut queue, parts, Some(ErrorKind::of(errno))), None)),
                None => return Err((self.device.call_failed(LAUNCH, error), Some(parts))),
            },
        };
        self.launch_refused(&mut queue);
        Err((self.failed(LAUNCH, kind), Some(parts)))
    }

    /// Notes that the driver refused a launch, and the device was given nothing.
    fn launch_refused(&self, queue: &mut Queue) {
        queue.started = false;
        if self.device.rules.failed_launch_spoils_list {
            queue.failed = Some(ErrorKind::OutOfStep { channel: self.id });
        }
    }

    /// See [`Channel::launch_in_place`].
    fn launch_in_place(&self, buffer: &SharedBuffer, length: usize) -> Result<u32> {
        let mut queue = self.lock();
        let whole = queue.list.as_ref().is_some_and(|list| {
            list.is_programmed_with(buffer)
                && buffer.len() as u64 == u64::from(list.count()) * u64::from(list.page_size())
        });
        if !whole || length == 0 {
            let invalid = Invalid::Value { what: "the length of a transfer in place", given: length as u64 };
            return Err(self.device.invalid(LAUNCH, invalid));
        }
        let needed = queue.ring.needed(std::iter::once(length), page_size());
        if let Err(NoRoom::Never { needed, room }) = queue.ring.check(needed) {
            return Err(self.device.invalid(LAUNCH, Invalid::TooLong { needed, room }));
        }
        self.check_state(&queue, needed).map_err(|kind| self.failed(LAUNCH, kind))?;
        let (first, rest) = in_place(&queue.ring, length);
        let address = buffer.address();
        let mut buffers = [TransferBuffer::EMPTY; MAX_BUFFERS_PER_TRANSFER];
        // The casts are exact: a buffer has less than 4 GiB.
        let part = |offset: usize, size: usize| TransferBuffer {
            mapped_buffer_handle: buffer.handle(),
            offset: offset as u32,
            buffer_type: BufferType::USER_PTR,
            address_or_fd: address + offset as u64,
            size: size as u32,
        };
        let [one, two, ..] = &mut buffers;
        *one = part(first.start, first.len());
        *two = if rest > 0 { part(0, rest) } else { TransferBuffer::EMPTY };
        let launch = LaunchTransfer {
            should_bind: false,
            buffers_count: if rest > 0 { 2 } else { 1 },
            buffers,
            ..self.request(&queue, &Parts::new())
        };
        // SAFETY: the list's descriptors point to `buffer`, descriptor by page, and the list keeps it mapped; the parts are
        // those of the descriptors from the next one on, which are free, and fewer than 127 transfers are pending. Bytes of
        // the buffer are only ever copied in and out.
        let launched = unsafe { self.device.driver.launch_transfer(&launch) };
        queue.launched = true;
        match launched {
            Ok(Launched { descriptors, .. }) if u64::from(descriptors) == needed => {
                let slot = queue.store(Parts::new(), SlotState::Pending);
                queue.ring.launched(slot, descriptors);
                Ok(slot)
            }
            Ok(_) => Err(self.hold(&mut queue, Parts::new(), None)),
            Err(error) => match error.errno() {
                Some(hailo_abi::Errno::ECONNRESET) => {
                    self.launch_refused(&mut queue);
                    Err(self.failed(LAUNCH, ErrorKind::NotStarted { channel: self.id }))
                }
                Some(errno) => Err(self.hold(&mut queue, Parts::new(), Some(ErrorKind::of(errno)))),
                None => Err(self.device.call_failed(LAUNCH, error)),
            },
        }
    }

    /// Keeps the buffers of a launch that failed although the driver may have handed them to the device.
    fn hold(&self, queue: &mut Queue, parts: Parts, kind: Option<ErrorKind>) -> Error {
        let out_of_step = ErrorKind::OutOfStep { channel: self.id };
        let slot = queue.store(parts, SlotState::Failed(out_of_step.clone()));
        queue.slots[slot as usize].abandoned = true;
        queue.failed = Some(out_of_step.clone());
        self.failed(LAUNCH, kind.unwrap_or(out_of_step))
    }

    /// Everything that can be told to be wrong before the driver is asked. Returns the descriptors needed.
    fn check(&self, queue: &Queue, parts: &Parts) -> Result<u64, ErrorKind> {
        let channel = self.id;
        let max = self.device.rules.max_buffers;
        if parts.is_empty() || parts.len() > max {
            return Err(ErrorKind::Invalid(Invalid::BufferCount { given: parts.len(), max }));
        }
        let page_size_of_list = queue.ring.page_size();
        for part in parts {
            if !part.buffer.belongs_to(&self.device) {
                return Err(ErrorKind::Invalid(Invalid::OtherDevice));
            }
            let pcie = self.device.properties.dma_type == DmaType::PCIE;
            if pcie && !part.buffer.direction().allows(channel.is_to_device()) {
                return Err(ErrorKind::Invalid(Invalid::Direction(channel)));
            }
            let (start, end, length) = (part.range.start, part.range.end, part.buffer.len());
            if start >= end || end > length || !start.is_multiple_of(page_size_of_list as usize) {
                let page_size = page_size_of_list;
                return Err(ErrorKind::Invalid(Invalid::Range { start, end, length, page_size }));
            }
        }
        let needed = queue.ring.needed(parts.iter().map(|part| part.range.len()), page_size());
        if let Err(NoRoom::Never { needed, room }) = queue.ring.check(needed) {
            return Err(ErrorKind::Invalid(Invalid::TooLong { needed, room }));
        }
        self.check_state(queue, needed).map(|()| needed)
    }

    /// Whether the channel can take a transfer of so many descriptors now.
    fn check_state(&self, queue: &Queue, needed: u64) -> Result<(), ErrorKind> {
        let channel = self.id;
        if queue.closing {
            return Err(ErrorKind::Disabled { channel });
        }
        if let Some(kind) = &queue.failed {
            return Err(kind.clone());
        }
        if !queue.started {
            return Err(ErrorKind::NotStarted { channel });
        }
        match queue.ring.check(needed) {
            Ok(()) => Ok(()),
            Err(NoRoom::TooMany) => Err(ErrorKind::TooManyPending { channel }),
            Err(_) => Err(ErrorKind::RingFull { channel }),
        }
    }

    fn request(&self, queue: &Queue, parts: &Parts) -> LaunchTransfer {
        let mut buffers = [TransferBuffer::EMPTY; MAX_BUFFERS_PER_TRANSFER];
        for (buffer, part) in buffers.iter_mut().zip(parts) {
            // Both names of the same bytes; each interface takes the one that it knows. The casts are exact: a buffer has
            // less than 4 GiB.
            *buffer = TransferBuffer {
                mapped_buffer_handle: part.buffer.handle(),
                offset: part.range.start as u32,
                buffer_type: BufferType::USER_PTR,
                address_or_fd: part.buffer.address() + part.range.start as u64,
                size: part.range.len() as u32,
            };
        }
        LaunchTransfer {
            engine_index: self.id.engine,
            channel_index: self.id.index,
            desc_handle: queue.list_handle,
            starting_desc: queue.ring.next(),
            should_bind: true,
            should_sync: self.device.rules.should_sync,
            is_cyclic: false,
            buffers_count: parts.len() as u8,
            buffers,
            first_interrupts_domain: InterruptsDomain::NONE,
            last_interrupts_domain: InterruptsDomain::HOST,
            is_debug: false,
        }
    }

    /// Takes what the interrupt wait reported of this channel.
    pub(super) fn interrupted(&self, interrupt: &ChannelInterrupt) {
        let channel = self.id;
        let mut queue = self.lock();
        let completed = match interrupt.progress {
            Progress::Transfers(count) => Some(usize::from(count)),
            Progress::Descriptors(processed) => queue.ring.completed_at(processed),
        };
        let completed = completed.filter(|count| *count <= queue.ring.pending());
        let abandoned = completed.map_or(Parts::new(), |count| queue.complete(count));
        if completed.is_none() {
            queue.fail(&ErrorKind::OutOfStep { channel });
        } else if !interrupt.is_active {
            queue.fail(&ErrorKind::Stopped { channel });
        } else if !interrupt.validation_success || interrupt.host_error != 0 || interrupt.device_error != 0 {
            let (host_error, device_error) = (interrupt.host_error, interrupt.device_error);
            queue.fail(&ErrorKind::Hardware { channel, host_error, device_error });
        }
        drop(queue);
        self.progress.notify_all();
        // Unmapping is a call of its own, for which nobody needs to wait.
        drop(abandoned);
    }

    /// Fails everything that is pending: there will be no more interrupts.
    pub(super) fn fail(&self, kind: &ErrorKind) {
        self.lock().fail(kind);
        self.progress.notify_all();
    }

    pub(super) fn id(&self) -> ChannelId {
        self.id
    }

    /// Refuses all later launches. When it returns, no launch is on its way to the driver.
    pub(super) fn close(&self) {
        let _nobody_starts_it = self.device.lock_hardware();
        self.lock().closing = true;
    }

    /// Releases the buffers of unfinished transfers after the channel was disabled, and gives the list back; or keeps what
    /// the driver (if it was not) or the hardware (if it was not `stopped`) may still use.
    pub(super) fn disabled(&self, by_driver: bool, stopped: bool) -> Option<DescriptorList> {
        let mut queue = self.lock();
        queue.started = false;
        queue.running &= !stopped;
        queue.fail(&ErrorKind::Disabled { channel: self.id });
        let unfinished: Vec<Parts> = queue
            .slots
            .iter_mut()
            .filter(|slot| matches!(slot.state, SlotState::Failed(_)))
            .map(|slot| std::mem::take(&mut slot.parts))
            .collect();
        let list = queue.list.take();
        let may_be_used = !by_driver || queue.running;
        drop(queue);
        self.progress.notify_all();
        if may_be_used {
            let buffers = unfinished.into_iter().flatten().filter_map(|part| part.buffer.into_mapped()).collect();
            self.device.keep(Kept::new(self.id, by_driver, buffers, list));
            return None;
        }
        list
    }

    pub(super) fn is_finished(&self, slot: u32) -> bool {
        self.lock().is_finished(slot)
    }

    pub(super) fn wait_until_finished(&self, slot: u32, timeout: Duration) -> Result<()> {
        let mut queue = self.lock();
        if queue.is_finished(slot) {
            return Ok(());
        }
        let deadline = Instant::now().checked_add(timeout);
        loop {
            queue = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return Err(self.failed(WAIT, ErrorKind::Timeout(timeout))),
                Some(rest) => self.progress.wait_timeout(queue, rest).unwrap_or_else(PoisonError::into_inner).0,
                // Longer than the clock reaches.
                None => self.progress.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
            if queue.is_finished(slot) {
                return Ok(());
            }
        }
    }

    /// The buffers of a finished transfer.
    pub(super) fn claim(&self, slot: u32) -> Result<Parts> {
        let mut queue = self.lock();
        let entry = &mut queue.slots[slot as usize];
        match &entry.state {
            SlotState::Done => Ok(queue.release(slot)),
            SlotState::Failed(kind) => {
                let kind = kind.clone();
                entry.abandoned = true;
                Err(self.failed(WAIT, kind))
            }
            SlotState::Pending | SlotState::Free => Err(self.lost(WAIT)),
        }
    }

    /// Nobody will claim the transfer.
    pub(super) fn abandon(&self, slot: u32) {
        let mut queue = self.lock();
        let entry = &mut queue.slots[slot as usize];
        entry.abandoned = true;
        let parts = (entry.state == SlotState::Done).then(|| queue.release(slot));
        drop(queue);
        drop(parts);
    }
}
