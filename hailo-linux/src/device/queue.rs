//! [`Queue`]: the transfers of a channel and the buffers that they own. It makes no calls.

use super::list::DescriptorList;
use super::ring::{MAX_PENDING_TRANSFERS, Ring};
use super::transfer::Parts;
use crate::error::ErrorKind;

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) ring: Ring,
    /// `None` once the channel was disabled.
    pub(super) list: Option<DescriptorList>,
    pub(super) list_handle: u64,
    pub(super) slots: Vec<Slot>,
    pub(super) free: Vec<u32>,
    pub(super) started: bool,
    /// Whether the hardware was started since the channel was enabled, and may still follow the list.
    pub(super) running: bool,
    /// Whether anything was launched, or tried to be, since the channel was enabled.
    pub(super) launched: bool,
    /// Whether nothing may be launched any more, since the channel is about to be disabled.
    pub(super) closing: bool,
    pub(super) failed: Option<ErrorKind>,
}

#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) parts: Parts,
    pub(super) state: SlotState,
    /// Nobody will claim it.
    pub(super) abandoned: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum SlotState {
    #[default]
    Free,
    Pending,
    Done,
    /// The driver or the hardware may still use the buffers.
    Failed(ErrorKind),
}

impl Queue {
    pub(super) fn new(list: DescriptorList) -> Self {
        Self {
            ring: Ring::new(list.count(), list.page_size()),
            list_handle: list.handle(),
            list: Some(list),
            slots: Vec::with_capacity(MAX_PENDING_TRANSFERS),
            free: Vec::with_capacity(MAX_PENDING_TRANSFERS),
            started: false,
            running: false,
            launched: false,
            closing: false,
            failed: None,
        }
    }

    pub(super) fn is_finished(&self, slot: u32) -> bool {
        matches!(self.slots[slot as usize].state, SlotState::Done | SlotState::Failed(_))
    }

    pub(super) fn store(&mut self, parts: Parts, state: SlotState) -> u32 {
        let slot = Slot { parts, state, abandoned: false };
        match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = slot;
                index
            }
            None => {
                self.slots.push(slot);
                // Fewer than 2^32 buffers fit into memory.
                (self.slots.len() - 1) as u32
            }
        }
    }

    pub(super) fn release(&mut self, slot: u32) -> Parts {
        let entry = &mut self.slots[slot as usize];
        entry.state = SlotState::Free;
        self.free.push(slot);
        std::mem::take(&mut entry.parts)
    }

    /// Completes the `count` oldest transfers. Returns buffers that nobody will claim, to be dropped without the lock; where
    /// there are more than fit, the others are dropped here.
    pub(super) fn complete(&mut self, count: usize) -> Parts {
        let mut unclaimed = Parts::new();
        for _ in 0..count {
            let Some(pending) = self.ring.complete() else { break };
            let entry = &mut self.slots[pending.slot as usize];
            entry.state = SlotState::Done;
            if entry.abandoned {
                let parts = self.release(pending.slot);
                unclaimed.extend(parts.into_iter().take(unclaimed.capacity() - unclaimed.len()));
            }
        }
        unclaimed
    }

    /// Fails everything that is pending and all later launches. The first reason stays.
    pub(super) fn fail(&mut self, kind: &ErrorKind) {
        let kind = self.failed.get_or_insert_with(|| kind.clone()).clone();
        while let Some(pending) = self.ring.complete() {
            self.slots[pending.slot as usize].state = SlotState::Failed(kind.clone());
        }
    }
}
