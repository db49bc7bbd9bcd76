//! [`DescriptorList`]: where the hardware reads which memory to move.

use std::sync::Arc;

use hailo_abi::command::{DescListCreate, DescListProgram, DescListRelease};
use hailo_abi::enums::InterruptsDomain;

use super::Inner;
use super::channels::MAX_CHANNELS_PER_ENGINE;
use super::shared::SharedBuffer;
use crate::error::{Invalid, Result};

/// The fewest descriptors of a list. (One could never be used: a full ring looks like an empty one.)
pub const MIN_DESCRIPTORS: u32 = 2;
/// The most descriptors of a circular list: the hardware counts them in 16 bits.
pub const MAX_CIRCULAR_DESCRIPTORS: u32 = 1 << 16;
/// The most descriptors of any list: 4 MiB of them is the most that the driver can allocate everywhere.
pub const MAX_DESCRIPTORS: u32 = 1 << 18;
/// The smallest page size in bytes: a descriptor holds its address in units of 64 bytes.
pub const MIN_DESCRIPTOR_PAGE_SIZE: u32 = 64;

/// A list of descriptors in the driver's memory, each of which moves up to a page. It is released when dropped.
///
/// A circular list carries the transfers of a [`Channel`](crate::Channel). Another one is programmed once
/// ([`program`](Self::program)) and then followed by the device on its own.
#[derive(Debug)]
pub struct DescriptorList {
    device: Arc<Inner>,
    raw: Option<RawList>,
    dma_address: u64,
    count: u32,
    page_size: u32,
    circular: bool,
    bound: Vec<SharedBuffer>,
}

/// A list's handle: it must be released or kept.
#[derive(Debug)]
pub(crate) struct RawList(u64);

/// What [`DescriptorList::program`] writes into descriptors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The first descriptor.
    pub start: u32,
    /// Where the bytes start in the buffer: a multiple of the page size.
    pub offset: usize,
    /// How many bytes one transfer has, at least 1.
    pub length: usize,
    /// How many transfers follow each other, at least 1 (4.21.0 on; before only 1).
    pub transfers: u32,
    /// How many bytes of each page of the buffer a descriptor moves, where it does not move the whole page (4.21.0 to 5.1.0);
    /// otherwise 0. The length has to be a multiple of the page size then.
    pub stride: u32,
    /// The channel that will use the list.
    pub channel: u8,
    /// Whether to write addresses, or only sizes and interrupt bits (where the release makes the difference, 4.18.0 to
    /// 5.1.0; elsewhere it must be true).
    pub bind: bool,
    /// Whom the last descriptor interrupts (4.18.0 to 5.2.0; elsewhere it must be nobody).
    pub last_interrupts: InterruptsDomain,
}

impl Program {
    /// One transfer of `length` bytes from the start of a buffer, with addresses and without interrupts.
    #[must_use]
    pub fn whole(length: usize) -> Self {
        Self {
            start: 0,
            offset: 0,
            length,
            transfers: 1,
            stride: 0,
            channel: 0,
            bind: true,
            last_interrupts: InterruptsDomain::NONE,
        }
    }
}

impl Inner {
    pub(super) fn create_list(self: &Arc<Self>, count: u32, page_size: u32, circular: bool) -> Result<DescriptorList> {
        let operation = "create a descriptor list";
        let invalid = |invalid| self.invalid(operation, invalid);
        let max = u32::from(self.properties.desc_max_page_size);
        let fits = (MIN_DESCRIPTOR_PAGE_SIZE..=max).contains(&page_size) && page_size.is_power_of_two();
        let desc_page_size = u16::try_from(page_size)
            .ok()
            .filter(|_| fits)
            .ok_or_else(|| invalid(Invalid::PageSize { given: page_size, min: MIN_DESCRIPTOR_PAGE_SIZE, max }))?;
        let max = if circular { MAX_CIRCULAR_DESCRIPTORS } else { MAX_DESCRIPTORS };
        if !(MIN_DESCRIPTORS..=max).contains(&count) {
            return Err(invalid(Invalid::DescriptorCount { given: count, min: MIN_DESCRIPTORS, max }));
        }
        if circular && !count.is_power_of_two() {
            return Err(invalid(Invalid::NotAPowerOfTwo(count)));
        }
        let create = DescListCreate { desc_count: count.into(), desc_page_size, is_circular: circular };
        // SAFETY: count and page size were checked above to be what every driver survives, and creating a list does nothing
        // to memory of this process.
        let reply = unsafe { self.driver.desc_list_create(&create) };
        let reply = reply.map_err(|error| self.call_failed(operation, error))?;
        Ok(DescriptorList {
            device: Arc::clone(self),
            raw: Some(RawList(reply.desc_handle)),
            dma_address: reply.dma_address,
            count,
            page_size,
            circular,
            bound: Vec::new(),
        })
    }

    /// Releases a list that no channel uses. Should the driver refuse, it does so when the file is closed.
    pub(crate) fn release_list(&self, list: RawList) -> bool {
        // SAFETY: the handle is that of a list made by `create_list`, released once, since `list` is consumed; the callers do
        // so only after the channel that used it was disabled, with nothing pending in the hardware.
        unsafe { self.driver.desc_list_release(&DescListRelease { desc_handle: list.0 }) }.is_ok()
    }
}

impl DescriptorList {
    /// How many descriptors it has.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The most bytes that one descriptor moves.
    #[must_use]
    pub fn page_size(&self) -> u32 {
        self.page_size
    }

    /// Whether it starts again at its end.
    #[must_use]
    pub fn is_circular(&self) -> bool {
        self.circular
    }

    /// Where the device finds the first descriptor. Telling it takes an `unsafe` control.
    #[must_use]
    pub fn dma_address(&self) -> u64 {
        self.dma_address
    }

    /// The driver's handle.
    #[must_use]
    pub fn handle(&self) -> u64 {
        self.raw.as_ref().map_or(0, |raw| raw.0)
    }

    /// Whether the list was programmed with the buffer, which therefore stays mapped as long as the list exists.
    pub(crate) fn is_programmed_with(&self, buffer: &SharedBuffer) -> bool {
        self.bound.iter().any(|bound| bound.is_same(buffer))
    }

    pub(crate) fn belongs_to(&self, device: &Arc<Inner>) -> bool {
        Arc::ptr_eq(&self.device, device)
    }

    /// Programs descriptors with a part of a buffer. Returns how many. The buffer stays mapped as long as the list exists:
    /// the device may follow the descriptors at any time.
    ///
    /// # Errors
    /// [`Invalid::OtherDevice`]; [`Invalid::Range`] for a part that is empty, outside the buffer or not at a page;
    /// [`Invalid::TooLong`] if it does not end within the list; [`Invalid::Value`] for the other parameters; what the
    /// interface cannot express; what the driver answered.
    #[doc(alias = "HAILO_DESC_LIST_PROGRAM")]
    pub fn program(&mut self, buffer: &SharedBuffer, program: &Program) -> Result<u32> {
        let operation = "program a descriptor list";
        self.check(buffer, program).map_err(|invalid| self.device.invalid(operation, invalid))?;
        if !self.bound.iter().any(|bound| bound.is_same(buffer)) {
            self.bound.push(buffer.clone());
        }
        let program = DescListProgram {
            buffer_handle: buffer.handle(),
            buffer_size: program.length as u64,
            buffer_offset: program.offset as u64,
            batch_size: program.transfers,
            desc_handle: self.handle(),
            channel_index: program.channel,
            starting_desc: program.start,
            should_bind: program.bind,
            last_interrupts_domain: program.last_interrupts,
            is_debug: false,
            stride: program.stride,
        };
        // SAFETY: list and mapping exist and belong to this file; the part is not empty and lies within the mapping, and the
        // descriptors within the list. The buffer stays with the list, so that what the device finds in the descriptors is
        // memory to which nobody has references. No transfer is pending: a list that a channel uses belongs to it.
        unsafe { self.device.driver.desc_list_program(&program) }
            .map_err(|error| self.device.call_failed(operation, error))
    }

    fn check(&self, buffer: &SharedBuffer, program: &Program) -> Result<(), Invalid> {
        let &Program { start, offset, length, transfers, stride, channel, last_interrupts, .. } = program;
        if !buffer.belongs_to(&self.device) {
            return Err(Invalid::OtherDevice);
        }
        let value = |what, given| Err(Invalid::Value { what, given });
        let page = self.page_size as usize;
        let end = offset.checked_add(length).filter(|end| *end <= buffer.len());
        if length == 0 || !offset.is_multiple_of(page) || end.is_none() {
            let end = offset.saturating_add(length);
            return Err(Invalid::Range { start: offset, end, length: buffer.len(), page_size: self.page_size });
        }
        // A stride of whole pages is none.
        let stride = if stride.is_multiple_of(self.page_size) { 0 } else { stride };
        if stride > self.page_size || (stride != 0 && !length.is_multiple_of(page)) {
            return value("the stride", stride.into());
        }
        if transfers == 0 {
            return value("the number of transfers", 0);
        }
        if u64::from(transfers) * length as u64 > u64::from(u32::MAX) {
            return value("the number of transfers", transfers.into());
        }
        if channel >= MAX_CHANNELS_PER_ENGINE {
            return value("the channel", channel.into());
        }
        if last_interrupts.raw() > InterruptsDomain::DEVICE.raw() | InterruptsDomain::HOST.raw() {
            return value("the interrupts domain", last_interrupts.raw().into());
        }
        // Pages of memory need not be contiguous, so that a descriptor may reach no further than one of them. The driver does
        // not look where the last one is if it writes no addresses.
        let reach = page.min(crate::memory::page_size());
        let needed = u64::from(transfers) * length.div_ceil(reach) as u64;
        let room = self.count.saturating_sub(start);
        if needed > u64::from(room) { Err(Invalid::TooLong { needed, room }) } else { Ok(()) }
    }

    /// Gives the list up without releasing it or the buffers bound to it, until the device is closed. For a list that the
    /// device may still follow, because it could not be told to stop.
    pub fn keep_until_closed(self) {
        let _never_released = self.into_raw();
    }

    /// The handle without its owner: the list must be released or kept. Its buffers are kept until the device is closed.
    pub(crate) fn into_raw(mut self) -> Option<RawList> {
        self.bound.iter().for_each(SharedBuffer::keep);
        self.raw.take()
    }
}

impl Drop for DescriptorList {
    fn drop(&mut self) {
        let Some(raw) = self.raw.take() else { return };
        if !self.device.release_list(raw) {
            // While a list exists, its descriptors point to the buffers.
            self.bound.iter().for_each(SharedBuffer::keep);
        }
    }
}
