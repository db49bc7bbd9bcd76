//! Transfers that the hardware works on, and their end.

use std::sync::Arc;

use hailo_abi::command::MAX_BUFFERS_PER_TRANSFER;

use super::buffers::Mapping;
use super::lists::List;
use super::{Board, Kernel, Stop};
use crate::device::control_bits;

/// The most transfers that can be pending on a channel, or prepared on a list.
pub(super) const MAX_PENDING: usize = 127;
/// The last descriptor of each buffer, and the first of all.
const MAX_DIRTY: usize = MAX_BUFFERS_PER_TRANSFER + 1;

/// A buffer of a transfer.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) mapping: Arc<Mapping>,
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// The buffers of a transfer.
pub(super) type Parts = heapless::Vec<Part, MAX_BUFFERS_PER_TRANSFER>;

/// A transfer that was programmed.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) list: Arc<List>,
    pub(super) parts: Parts,
    pub(super) last: u16,
    /// Descriptors that do not look as plain ones do, to be made plain again.
    pub(super) dirty: heapless::Vec<u32, MAX_DIRTY>,
    pub(super) debug: bool,
}

impl Transfer {
    pub(super) fn new(list: Arc<List>, debug: bool) -> Self {
        // With no buffer at all the end stays before the first descriptor.
        Self { list, parts: Parts::new(), last: u16::MAX, dirty: heapless::Vec::new(), debug }
    }

    /// The index behind the last descriptor, which `num_avail` is set to.
    pub(super) fn end(&self) -> u16 {
        self.last.wrapping_add(1) & self.list.mask() as u16
    }

    pub(super) fn mark_dirty(&mut self, index: u32) {
        // There is room for all that a transfer marks.
        let _ = self.dirty.push(index);
    }

    /// Whether the hardware says that the last descriptor is done, without an error.
    pub(super) fn looks_done(&self) -> bool {
        self.list.descriptor(self.last.into()).is_some_and(|descriptor| descriptor.status() == 1)
    }

    /// Makes its descriptors plain again.
    pub(super) fn clean(&self) -> Result<(), Stop> {
        if self.list.is_released() {
            return Err(Stop::Crash("a descriptor list was released with a transfer pending on it".into()));
        }
        for index in &self.dirty {
            if let Some(descriptor) = self.list.descriptor(*index) {
                descriptor.set_size_and_control(self.list.page_size, control_bits::REQUEST_STATUS_ON_ERROR);
                descriptor.clear_status();
            }
        }
        Ok(())
    }
}

impl Kernel {
    /// Gives the buffers of a transfer back.
    pub(super) fn finish_parts(&mut self, board: &Board, parts: &Parts) -> Result<(), Stop> {
        if let Some(part) = parts.iter().find(|part| part.mapping.is_freed()) {
            return Err(Stop::Crash(format!(
                "buffer {} was unmapped while a transfer was pending on it",
                part.mapping.handle
            )));
        }
        if board.behaviour.counted_mappings {
            for part in parts {
                self.put_mapping(board, &part.mapping);
            }
        }
        Ok(())
    }
}
