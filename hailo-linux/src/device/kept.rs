//! [`Kept`]: what the hardware may still use although its owner is gone.
//!
//! Disabling a channel stops the driver, not the hardware: a transfer that was pending may still be carried out. Its buffers
//! and its list therefore stay mapped until the firmware is known to have stopped the channel, or until the file is closed,
//! when the driver resets the hardware before it lets go of the memory.

use std::sync::PoisonError;

use hailo_abi::{ChannelBitmaps, ChannelId};

use super::Inner;
use super::buffer::Mapped;
use super::list::{DescriptorList, RawList};
use crate::memory::Pages;

/// Buffers, and the list that points to them.
#[derive(Debug)]
pub(crate) struct Kept {
    channel: Option<ChannelId>,
    /// Whether the driver has let go of them, so that only the hardware may still use them.
    disabled: bool,
    buffers: Vec<Mapped>,
    list: Option<RawList>,
}

impl Kept {
    pub(crate) fn new(channel: ChannelId, disabled: bool, buffers: Vec<Mapped>, list: Option<DescriptorList>) -> Self {
        let list = list.and_then(DescriptorList::into_raw);
        Self { channel: Some(channel), disabled, buffers, list }
    }
}

/// Everything that is kept of a device. Dropping it frees the memory: for when the file was closed.
#[derive(Debug, Default)]
pub(crate) struct KeptUntilClosed {
    entries: Vec<Kept>,
    /// Memory that the driver would not unmap.
    pages: Vec<Pages>,
}

impl KeptUntilClosed {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.pages.is_empty()
    }
}

impl Inner {
    pub(crate) fn keep(&self, kept: Kept) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).entries.push(kept);
    }

    pub(crate) fn keep_mapped(&self, mapped: Mapped) {
        self.keep(Kept { channel: None, disabled: false, buffers: vec![mapped], list: None });
    }

    pub(crate) fn keep_memory(&self, pages: Pages) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).pages.push(pages);
    }

    /// Releases what was kept for these channels, which the firmware has stopped: for those who know it from the firmware.
    pub(crate) fn channels_stopped(&self, channels: ChannelBitmaps) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let stopped: Vec<Kept> = kept
            .entries
            .extract_if(.., |kept| kept.disabled && kept.channel.is_some_and(|channel| channels.contains(channel)))
            .collect();
        drop(kept);
        for Kept { buffers, list, .. } in stopped {
            for mapped in buffers {
                self.unmap(mapped);
            }
            list.map(|list| self.release_list(list));
        }
    }
}
