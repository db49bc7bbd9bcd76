//! [`Queue`]: the transfers of a channel and the buffers that they own. It makes no calls.

use hailo_abi::ChannelId;
use hailo_abi::command::LaunchTransfer;

use super::list::DescriptorList;
use super::ring::{MAX_PENDING_TRANSFERS, Ring};
use super::transfer::{Held, Load};
use crate::error::ErrorKind;

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) ring: Ring,
    /// `None` once the channel was disabled.
    pub(super) list: Option<DescriptorList>,
    /// The launch that is sent next, but for what differs from one to the next.
    pub(super) launch: LaunchTransfer,
    pub(super) slots: Vec<Slot>,
    pub(super) free: Vec<u32>,
    pub(super) started: bool,
    /// Whether the hardware was started since the channel was enabled, and may still follow the list.
    pub(super) running: bool,
    /// Whether anything was launched, or tried to be, since the channel was enabled.
    pub(super) launched: bool,
    /// Whether nothing may be launched any more, since the channel is about to be disabled.
    pub(super) closing: bool,
    /// Why the channel failed; so did every transfer whose state says so.
    pub(super) failed: Option<ErrorKind>,
    /// Buffers of completed transfers that nobody will claim, to be dropped without the lock.
    pub(super) unclaimed: Vec<Held>,
}

#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) held: Held,
    pub(super) state: SlotState,
    /// Nobody will claim it.
    pub(super) abandoned: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SlotState {
    #[default]
    Free,
    Pending,
    Done,
    /// The driver or the hardware may still use the buffers.
    Failed,
}

impl Queue {
    pub(super) fn new(id: ChannelId, list: DescriptorList, should_sync: bool) -> Self {
        let launch =
            LaunchTransfer { engine_index: id.engine, should_sync, ..LaunchTransfer::new(id.index, list.handle(), []) };
        Self {
            ring: Ring::new(list.count(), list.page_size()),
            list: Some(list),
            launch,
            slots: Vec::with_capacity(MAX_PENDING_TRANSFERS),
            free: Vec::with_capacity(MAX_PENDING_TRANSFERS),
            started: false,
            running: false,
            launched: false,
            closing: false,
            failed: None,
            unclaimed: Vec::new(),
        }
    }

    pub(super) fn is_finished(&self, slot: u32) -> bool {
        matches!(self.slots[slot as usize].state, SlotState::Done | SlotState::Failed)
    }

    /// A place for a transfer in this state.
    #[inline]
    pub(super) fn store<B: Load>(&mut self, load: B, state: SlotState) -> u32 {
        let index = self.free.pop().unwrap_or_else(|| self.one_more_slot());
        let slot = &mut self.slots[index as usize];
        load.hold(&mut slot.held);
        slot.state = state;
        slot.abandoned = false;
        index
    }

    #[cold]
    fn one_more_slot(&mut self) -> u32 {
        self.slots.push(Slot::default());
        // Fewer than 2^32 buffers fit into memory.
        (self.slots.len() - 1) as u32
    }

    /// Empties the place of a transfer that is finished. What it held is left for the caller to take first.
    pub(super) fn release(&mut self, slot: u32) {
        self.slots[slot as usize].state = SlotState::Free;
        self.free.push(slot);
    }

    /// Completes the `count` oldest transfers.
    fn complete(&mut self, count: usize) {
        for _ in 0..count {
            let Some(pending) = self.ring.complete() else { break };
            let entry = &mut self.slots[pending.slot as usize];
            entry.state = SlotState::Done;
            if entry.abandoned {
                self.unclaimed.push(std::mem::take(&mut entry.held));
                self.release(pending.slot);
            }
        }
    }

    /// Takes note that so many transfers have completed, by what the driver says.
    pub(super) fn reported(&mut self, count: Option<usize>) {
        match count.filter(|count| *count <= self.ring.pending()) {
            Some(count) => self.complete(count),
            None => self.fail(&ErrorKind::OutOfStep { channel: self.channel() }),
        }
    }

    fn channel(&self) -> ChannelId {
        ChannelId { engine: self.launch.engine_index, index: self.launch.channel_index }
    }

    /// Fails everything that is pending and all later launches. The first reason stays.
    pub(super) fn fail(&mut self, kind: &ErrorKind) {
        self.failed.get_or_insert_with(|| kind.clone());
        while let Some(pending) = self.ring.complete() {
            self.slots[pending.slot as usize].state = SlotState::Failed;
        }
    }
}
