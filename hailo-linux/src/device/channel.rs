//! [`Channel`]: launches transfers on one enabled channel.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use hailo_abi::ChannelId;
use hailo_abi::command::{ChannelInterrupt, Progress, TransferBuffer};
use hailo_abi::driver::Launched;
use hailo_abi::enums::{BufferType, DmaType};

use super::Inner;
use super::buffer::DmaBuffer;
use super::kept::Kept;
use super::list::DescriptorList;
use super::queue::{Queue, SlotState};
use super::ring::{NoRoom, Ring};
use super::shared::SharedBuffer;
use super::transfer::{Held, InPlace, LaunchError, Load, Patience, Transfer};
use crate::error::{Error, ErrorKind, Invalid, Result};
use crate::memory::page_size;
use crate::sync::atomic::{AtomicU32, Ordering};
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
    /// Transfers that the driver has reported as complete and the queue does not know of yet: whoever locks it next tells it,
    /// so that the thread that waits for interrupts need not wait for threads that launch.
    reported: AtomicU32,
    /// Threads that wait for a transfer, and transfers that nobody will claim: while there are any, the thread that waits for
    /// interrupts has to look after the queue at once. Changed only under the lock.
    attention: AtomicU32,
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
        drop(queue);
        // Somebody may wait for what has failed.
        self.state.progress.notify_all();
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
        let slot = self.launch_unguarded(load)?;
        Ok(Transfer::new(Arc::clone(&self.state), slot))
    }

    /// As [`launch`](Self::launch), without a value that stands for the transfer: what it gives back is had by its number,
    /// once, or else is released with the channel.
    pub(crate) fn launch_unguarded<B: Load>(&self, load: B) -> Result<u32, LaunchError<B>> {
        self.state.launch(load)
    }

    /// Launches a transfer of the next `length` bytes of `buffer`, with which the whole list was programmed once.
    ///
    /// # Errors
    /// As [`launch`](Self::launch); [`Invalid::Value`] if the list was not programmed with the buffer.
    pub(crate) fn launch_in_place(&self, buffer: &SharedBuffer, length: usize) -> Result<u32> {
        self.state.launch_in_place(buffer, length)
    }

    /// Blocks until a transfer that was launched as a `B` has completed, and gives back what it took.
    ///
    /// # Errors
    /// As [`Transfer::wait`]; but after a timeout it can be tried again.
    pub(crate) fn claim<B: Load>(&self, slot: u32, patience: &mut Patience) -> Result<B> {
        let queue = self.state.wait_until_finished(slot, patience)?;
        self.state.claim(queue, slot)
    }

    /// As [`claim`](Self::claim), if there is nothing to wait for.
    pub(crate) fn claim_if_finished<B: Load>(&self, slot: u32) -> Option<Result<B>> {
        let queue = self.state.if_finished(slot)?;
        Some(self.state.claim(queue, slot))
    }
}

/// Where in a buffer, with which the whole list was programmed once, the next transfer of `length` bytes is: the bytes up to
/// the end of the ring, and how many follow at its start.
fn in_place(ring: &Ring, length: usize) -> (std::ops::Range<usize>, usize) {
    let page = ring.page_size() as usize;
    let start = ring.next() as usize * page;
    let end = (ring.room() as usize + 1) * page;
    let first = length.min(end - start);
    (start..start + first, length - first)
}

/// What tells the driver of bytes of a buffer. The casts are exact: a buffer has less than 4 GiB.
fn transfer_buffer(handle: u64, address: u64, offset: usize, size: usize) -> TransferBuffer {
    // Both names of the same bytes; each interface takes the one that it knows.
    TransferBuffer {
        mapped_buffer_handle: handle,
        offset: offset as u32,
        buffer_type: BufferType::USER_PTR,
        address_or_fd: address + offset as u64,
        size: size as u32,
    }
}

impl ChannelState {
    pub(super) fn new(id: ChannelId, device: Arc<Inner>, list: DescriptorList) -> Self {
        let queue = Queue::new(id, list, device.rules.should_sync);
        Self {
            id,
            device,
            queue: Mutex::new(queue),
            progress: Condvar::new(),
            reported: AtomicU32::new(0),
            attention: AtomicU32::new(0),
        }
    }

    // Not inlined, so that a profile counts the calls.
    #[inline(never)]
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No code that can panic runs under the lock while its content is inconsistent.
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        self.settle(&mut queue);
        queue
    }

    /// Tells the queue what was reported.
    fn settle(&self, queue: &mut Queue) {
        if self.reported.load(Ordering::SeqCst) != 0 {
            queue.reported(Some(self.reported.swap(0, Ordering::SeqCst) as usize));
        }
    }

    fn failed(&self, operation: &'static str, kind: ErrorKind) -> Error {
        self.device.failed(operation, kind)
    }

    /// The error of a wait for what the channel's own bookkeeping rules out.
    fn lost(&self) -> Error {
        self.failed(WAIT, ErrorKind::OutOfStep { channel: self.id })
    }

    fn launch<B: Load>(&self, load: B) -> Result<u32, LaunchError<B>> {
        let refused = |error, load| Err(LaunchError { error, load });
        let mut guard = self.lock();
        let queue = &mut *guard;
        let needed = match self.check(queue, &load) {
            Ok(needed) => needed,
            Err(kind) => return refused(self.failed(LAUNCH, kind), Some(load)),
        };
        let pieces = load.pieces();
        // At most 8, as was checked.
        queue.launch.buffers_count = pieces.len() as u8;
        for (buffer, (memory, range)) in queue.launch.buffers.iter_mut().zip(pieces) {
            *buffer = transfer_buffer(memory.handle(), memory.address(), range.start, range.len());
        }
        queue.launch.should_bind = true;
        queue.launch.starting_desc = queue.ring.next();
        // SAFETY: list and mappings exist and belong to this file; every part lies within its mapping, is not empty and
        // starts at a descriptor page; the transfer fits into the free descriptors of the ring, and fewer than 127 are
        // pending. The buffers are owned by the channel from here on until the transfer has completed or, after the channel
        // was disabled, the hardware is known not to use them.
        let launched = unsafe { self.device.driver.launch_transfer(&queue.launch) };
        queue.launched = true;
        let kind = match launched {
            Ok(Launched { descriptors, .. }) if descriptors > 0 && u64::from(descriptors) <= needed => {
                let slot = queue.store(load, SlotState::Pending);
                queue.ring.launched(slot, descriptors);
                return Ok(slot);
            }
            Ok(_) => return refused(self.hold(queue, load, None), None),
            Err(error) => match error.errno() {
                Some(errno) if self.device.rules.failed_launch_is_harmless(errno) => {
                    if errno == hailo_abi::Errno::ECONNRESET {
                        ErrorKind::NotStarted { channel: self.id }
                    } else {
                        ErrorKind::of(errno)
                    }
                }
                Some(errno) => return refused(self.hold(queue, load, Some(ErrorKind::of(errno))), None),
                None => return refused(self.device.call_failed(LAUNCH, error), Some(load)),
            },
        };
        self.launch_refused(queue);
        refused(self.failed(LAUNCH, kind), Some(load))
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
        let mut guard = self.lock();
        let queue = &mut *guard;
        let whole = queue.list.as_ref().is_some_and(|list| {
            list.is_programmed_with(buffer)
                && buffer.len() as u64 == u64::from(list.count()) * u64::from(list.page_size())
        });
        if !whole || length == 0 {
            let invalid = Invalid::Value { what: "the length of a transfer in place", given: length as u64 };
            return Err(self.device.invalid(LAUNCH, invalid));
        }
        let needed = queue.ring.needed(std::iter::once(length), page_size());
        self.check_room(queue, needed).map_err(|kind| self.failed(LAUNCH, kind))?;
        let (first, rest) = in_place(&queue.ring, length);
        let part = |offset, size| transfer_buffer(buffer.handle(), buffer.address(), offset, size);
        let [one, two, ..] = &mut queue.launch.buffers;
        *one = part(first.start, first.len());
        *two = part(0, rest);
        queue.launch.buffers_count = if rest > 0 { 2 } else { 1 };
        queue.launch.should_bind = false;
        queue.launch.starting_desc = queue.ring.next();
        // SAFETY: the list's descriptors point to `buffer`, descriptor by page, and the list keeps it mapped; the parts are
        // those of the descriptors from the next one on, which are free, and fewer than 127 transfers are pending. Bytes of
        // the buffer are only ever copied in and out.
        let launched = unsafe { self.device.driver.launch_transfer(&queue.launch) };
        queue.launched = true;
        match launched {
            Ok(Launched { descriptors, .. }) if u64::from(descriptors) == needed => {
                let slot = queue.store(InPlace, SlotState::Pending);
                queue.ring.launched(slot, descriptors);
                Ok(slot)
            }
            Ok(_) => Err(self.hold(queue, InPlace, None)),
            Err(error) => match error.errno() {
                Some(hailo_abi::Errno::ECONNRESET) => {
                    self.launch_refused(queue);
                    Err(self.failed(LAUNCH, ErrorKind::NotStarted { channel: self.id }))
                }
                Some(errno) => Err(self.hold(queue, InPlace, Some(ErrorKind::of(errno)))),
                None => Err(self.device.call_failed(LAUNCH, error)),
            },
        }
    }

    /// Keeps the buffers of a launch that failed although the driver may have handed them to the device.
    fn hold<B: Load>(&self, queue: &mut Queue, load: B, kind: Option<ErrorKind>) -> Error {
        let out_of_step = ErrorKind::OutOfStep { channel: self.id };
        let slot = queue.store(load, SlotState::Failed);
        queue.slots[slot as usize].abandoned = true;
        queue.failed = Some(out_of_step.clone());
        self.failed(LAUNCH, kind.unwrap_or(out_of_step))
    }

    /// Everything that can be told to be wrong before the driver is asked. Returns the descriptors needed.
    fn check<B: Load>(&self, queue: &Queue, load: &B) -> Result<u64, ErrorKind> {
        let channel = self.id;
        let max = self.device.rules.max_buffers;
        let given = load.pieces().len();
        if given == 0 || given > max {
            return Err(ErrorKind::Invalid(Invalid::BufferCount { given, max }));
        }
        let page_size_of_list = queue.ring.page_size();
        let pcie = self.device.properties.dma_type == DmaType::PCIE;
        for (buffer, range) in load.pieces() {
            if !buffer.belongs_to(&self.device) {
                return Err(ErrorKind::Invalid(Invalid::OtherDevice));
            }
            if pcie && !buffer.direction().allows(channel.is_to_device()) {
                return Err(ErrorKind::Invalid(Invalid::Direction(channel)));
            }
            let (start, end, length) = (range.start, range.end, buffer.len());
            if start >= end || end > length || !start.is_multiple_of(page_size_of_list as usize) {
                let page_size = page_size_of_list;
                return Err(ErrorKind::Invalid(Invalid::Range { start, end, length, page_size }));
            }
        }
        let needed = queue.ring.needed(load.pieces().map(|(_, range)| range.len()), page_size());
        self.check_room(queue, needed).map(|()| needed)
    }

    /// Whether the channel can take a transfer of so many descriptors now.
    #[inline]
    fn check_room(&self, queue: &Queue, needed: u64) -> Result<(), ErrorKind> {
        let channel = self.id;
        let room = queue.ring.check(needed);
        if let Err(NoRoom::Never { needed, room }) = room {
            return Err(ErrorKind::Invalid(Invalid::TooLong { needed, room }));
        }
        if queue.closing {
            return Err(ErrorKind::Disabled { channel });
        }
        if let Some(kind) = &queue.failed {
            return Err(kind.clone());
        }
        if !queue.started {
            return Err(ErrorKind::NotStarted { channel });
        }
        match room {
            Ok(()) => Ok(()),
            Err(NoRoom::TooMany) => Err(ErrorKind::TooManyPending { channel }),
            Err(_) => Err(ErrorKind::RingFull { channel }),
        }
    }

    /// Takes what the interrupt wait reported of this channel.
    pub(super) fn interrupted(&self, interrupt: &ChannelInterrupt) {
        let channel = self.id;
        let &ChannelInterrupt { is_active, host_error, device_error, validation_success, .. } = interrupt;
        let is_sound = is_active && validation_success && host_error == 0 && device_error == 0;
        if let (Progress::Transfers(count), true) = (interrupt.progress, is_sound) {
            self.reported.fetch_add(count.into(), Ordering::SeqCst);
            // Who begins to wait says so first and then looks at what was reported; here it is the other way round, so that
            // one of the two sees the other.
            if self.attention.load(Ordering::SeqCst) == 0 {
                return;
            }
        }
        let mut queue = self.lock();
        match interrupt.progress {
            Progress::Transfers(_) if is_sound => {}
            Progress::Transfers(count) => queue.reported(Some(count.into())),
            // Of a channel that has stopped the counter says nothing.
            Progress::Descriptors(_) if !is_active => {}
            Progress::Descriptors(processed) => {
                let completed = queue.ring.completed_at(processed);
                queue.reported(completed);
            }
        }
        if !is_active {
            queue.fail(&ErrorKind::Stopped { channel });
        } else if !is_sound {
            queue.fail(&ErrorKind::Hardware { channel, host_error, device_error });
        }
        if !queue.unclaimed.is_empty() {
            self.drop_unclaimed(queue);
        } else {
            drop(queue);
        }
        self.progress.notify_all();
    }

    /// Drops the buffers that nobody will claim. Unmapping is a call of its own, for which nobody needs to wait.
    #[cold]
    fn drop_unclaimed(&self, mut queue: MutexGuard<'_, Queue>) {
        let unclaimed = std::mem::take(&mut queue.unclaimed);
        self.attention.fetch_sub(unclaimed.len() as u32, Ordering::SeqCst);
        drop(queue);
        drop(unclaimed);
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
        let unfinished: Vec<Held> = queue
            .slots
            .iter_mut()
            .filter(|slot| slot.state == SlotState::Failed)
            .map(|slot| std::mem::take(&mut slot.held))
            .collect();
        let list = queue.list.take();
        let may_be_used = !by_driver || queue.running;
        drop(queue);
        self.progress.notify_all();
        if may_be_used {
            let buffers =
                unfinished.into_iter().flat_map(Held::into_buffers).filter_map(DmaBuffer::into_mapped).collect();
            self.device.keep(Kept::new(self.id, by_driver, buffers, list));
            return None;
        }
        list
    }

    pub(super) fn is_finished(&self, slot: u32) -> bool {
        self.lock().is_finished(slot)
    }

    /// The queue, if the transfer has completed or failed.
    pub(super) fn if_finished(&self, slot: u32) -> Option<MutexGuard<'_, Queue>> {
        Some(self.lock()).filter(|queue| queue.is_finished(slot))
    }

    /// The queue, once the transfer has completed or failed.
    #[inline]
    pub(super) fn wait_until_finished(&self, slot: u32, patience: &mut Patience) -> Result<MutexGuard<'_, Queue>> {
        let queue = self.lock();
        if queue.is_finished(slot) { Ok(queue) } else { self.wait_for(queue, slot, patience) }
    }

    #[cold]
    fn wait_for<'q>(
        &'q self,
        mut queue: MutexGuard<'q, Queue>,
        slot: u32,
        patience: &mut Patience,
    ) -> Result<MutexGuard<'q, Queue>> {
        self.attention.fetch_add(1, Ordering::SeqCst);
        let outcome = loop {
            self.settle(&mut queue);
            if queue.is_finished(slot) {
                break Ok(());
            }
            queue = match patience.left() {
                Some(Duration::ZERO) => break Err(ErrorKind::Timeout(patience.timeout)),
                Some(left) => self.progress.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.progress.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        };
        self.attention.fetch_sub(1, Ordering::SeqCst);
        match outcome {
            Ok(()) => Ok(queue),
            Err(kind) => {
                drop(queue);
                Err(self.failed(WAIT, kind))
            }
        }
    }

    /// What a finished transfer gives back.
    #[inline]
    pub(super) fn claim<B: Load>(&self, mut queue: MutexGuard<'_, Queue>, slot: u32) -> Result<B> {
        let entry = &mut queue.slots[slot as usize];
        match entry.state {
            SlotState::Done => {
                let load = B::release(&mut entry.held);
                queue.release(slot);
                drop(queue);
                load.ok_or_else(|| self.lost())
            }
            SlotState::Failed => {
                entry.abandoned = true;
                let kind = queue.failed.clone();
                drop(queue);
                Err(kind.map_or_else(|| self.lost(), |kind| self.failed(WAIT, kind)))
            }
            SlotState::Pending | SlotState::Free => Err(self.lost()),
        }
    }

    /// Nobody will claim the transfer.
    pub(super) fn abandon(&self, slot: u32) {
        let mut queue = self.lock();
        let entry = &mut queue.slots[slot as usize];
        entry.abandoned = true;
        if entry.state == SlotState::Pending {
            self.attention.fetch_add(1, Ordering::SeqCst);
        }
        let held = (entry.state == SlotState::Done).then(|| std::mem::take(&mut entry.held));
        if held.is_some() {
            queue.release(slot);
        }
        // What has been reported meanwhile, the thread that reported it may not look after.
        self.settle(&mut queue);
        self.drop_unclaimed(queue);
        drop(held);
    }
}
