//! Programming descriptors with the addresses of a mapped buffer.

use hailo_abi::Errno;
use hailo_abi::command::DescListProgram;
use hailo_abi::enums::InterruptsDomain;

use super::buffers::Mapping;
use super::lists::List;
use super::{Board, FileId, Kernel, Stop};
use crate::device::{DescriptorView, control_bits};

/// What a descriptor gets when it is programmed.
const PLAIN: u32 = control_bits::REQUEST_STATUS_ON_ERROR;

/// One stretch of descriptors to program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) start: u32,
    pub(super) offset: u64,
    pub(super) size: u64,
    /// The bytes in each descriptor; 0: the page size of the list.
    pub(super) stride: u32,
    /// Whether to write addresses.
    pub(super) bind: bool,
    pub(super) domain: InterruptsDomain,
    pub(super) debug: bool,
}

/// The control bits for those who are to be interrupted. The number of the domain is used as two bits.
pub(super) fn interrupt_bits(domain: InterruptsDomain, debug: bool) -> u32 {
    let device = domain.raw() & InterruptsDomain::DEVICE.raw() != 0;
    let host = domain.raw() & InterruptsDomain::HOST.raw() != 0;
    if !device && !host {
        return 0;
    }
    let bit = |set, bit| if set { bit } else { 0 };
    control_bits::REQUEST_INTERRUPT
        | control_bits::REQUEST_INTERRUPT_ON_ERROR
        | bit(device, control_bits::INTERRUPT_DEVICE)
        | bit(host, control_bits::INTERRUPT_HOST)
        | bit(debug, control_bits::REQUEST_STATUS)
}

/// The index of the last of so many descriptors, to be taken modulo the list's count. That of none is the one before the
/// first, in 32 bits.
fn last_of(start: u32, count: u32) -> u32 {
    start.wrapping_add(count).wrapping_sub(1)
}

impl List {
    /// The descriptor with an index, which is taken modulo the list's count.
    pub(super) fn descriptor(&self, index: u32) -> Option<DescriptorView<'_>> {
        DescriptorView::new(&self.memory, index.checked_rem(self.count)?)
    }

    /// Gives a descriptor the interrupts of a domain.
    pub(super) fn add_interrupts(&self, index: u32, domain: InterruptsDomain, debug: bool) {
        if let Some(descriptor) = self.descriptor(index) {
            descriptor.add_control(interrupt_bits(domain, debug));
        }
    }

    /// The size of a page, which descriptors are counted by.
    pub(super) fn divisor(&self) -> Result<u64, Stop> {
        if self.page_size == 0 {
            return Err(Stop::Crash("the descriptor list has desc_page_size 0".into()));
        }
        Ok(self.page_size.into())
    }
}

impl Board {
    /// Programs a stretch and returns how many descriptors that were. What was programmed before a failure stays.
    pub(super) fn program(&self, list: &List, mapping: &Mapping, stretch: Stretch) -> Result<u32, Stop> {
        if stretch.bind { self.bind(list, mapping, stretch) } else { Self::program_unbound(list, stretch) }
    }

    /// Only the last descriptor gets its size and interrupts, and nothing is checked.
    pub(super) fn program_unbound(list: &List, stretch: Stretch) -> Result<u32, Stop> {
        let page = list.divisor()?;
        let size = stretch.size & u64::from(u32::MAX);
        let count = size.div_ceil(page) as u32;
        let last_size = size.wrapping_sub(u64::from(count).wrapping_sub(1).wrapping_mul(page)) as u32;
        if let Some(descriptor) = list.descriptor(last_of(stretch.start, count)) {
            let control = PLAIN | interrupt_bits(stretch.domain, stretch.debug);
            descriptor.set_size_and_control(last_size & 0x00ff_ffff, control);
        }
        Ok(count)
    }

    fn bind(&self, list: &List, mapping: &Mapping, stretch: Stretch) -> Result<u32, Stop> {
        let behaviour = &self.behaviour;
        if stretch.start >= list.count {
            return Err(behaviour.misplaced.into());
        }
        let page = list.divisor()?;
        let offset = stretch.offset & u64::from(u32::MAX);
        let size = if behaviour.program_wide_size { stretch.size } else { stretch.size & u64::from(u32::MAX) };
        if !offset.is_multiple_of(page) {
            return Err(behaviour.misplaced.into());
        }
        let stride = u64::from(stretch.stride);
        let filled = if stride % page == 0 {
            page
        } else if size % page != 0 || stride > page {
            return Err(Errno::EINVAL.into());
        } else {
            stride
        };
        if behaviour.program_wide_size && offset.saturating_add(size) > mapping.length {
            return Err(behaviour.past_buffer.into());
        }
        let room = if list.circular { list.count } else { list.count - stretch.start };
        if behaviour.program_whole {
            // Later releases look at the whole before they write anything.
            if offset.saturating_add(size) > mapping.length {
                return Err(behaviour.past_buffer.into());
            }
            if size.div_ceil(page) > room.into() {
                return Err(behaviour.past_list.into());
            }
        }
        let mut programmed: u32 = 0;
        let mut done: u64 = 0;
        while done < size {
            let at = offset + done;
            let left = mapping.length.saturating_sub(at).min(size - done);
            if left == 0 {
                return Err(behaviour.past_buffer.into());
            }
            // A piece of physical memory is programmed as a whole or not at all. How large they are depends on the machine.
            let piece =
                if behaviour.scattered_pages { mapping.range.on_one_page(at) } else { mapping.range.contiguous(at) };
            let piece = left.min(piece);
            let count = piece.div_ceil(page);
            if count > u64::from(room - programmed) {
                return Err(behaviour.past_list.into());
            }
            for index in 0..count {
                let bytes = page.min(piece - index * page).min(filled) as u32;
                if let Some(descriptor) = list.descriptor(stretch.start + programmed) {
                    descriptor.program(bytes, PLAIN, mapping.range.address(at + index * page), 0);
                }
                programmed += 1;
            }
            done += piece;
        }
        list.add_interrupts(last_of(stretch.start, programmed), stretch.domain, stretch.debug);
        Ok(programmed)
    }

    /// `DESC_LIST_PROGRAM`.
    pub(super) fn desc_list_program(
        &self,
        kernel: &Kernel,
        file: FileId,
        params: &DescListProgram,
    ) -> Result<u32, Stop> {
        let unknown = self.behaviour.program_unknown;
        let state = kernel.file(file)?;
        let mapping = state.mappings.get(&params.buffer_handle).ok_or(unknown)?;
        let list = state.lists.get(&params.desc_handle).ok_or(unknown)?;
        if self.behaviour.program_whole {
            return self.program_transfers(list, mapping, params);
        }
        let mut stretch = Stretch {
            start: params.starting_desc,
            offset: params.buffer_offset,
            size: params.buffer_size,
            stride: params.stride,
            bind: params.should_bind,
            domain: params.last_interrupts_domain,
            debug: params.is_debug,
        };
        let mut total: u32 = 0;
        for _ in 0..params.batch_size {
            let count = self.program(list, mapping, stretch)?;
            total = total.wrapping_add(count);
            stretch.start = stretch.start.wrapping_add(count);
            if list.circular {
                stretch.start %= list.count;
            }
            stretch.offset = stretch.offset.wrapping_add(u64::from(count) * u64::from(list.page_size));
            if count == 0 {
                // The rest of a batch of nothing is nothing too.
                break;
            }
        }
        Ok(total)
    }

    /// Programs transfers of the same size one behind the other (from 5.1.1 on).
    fn program_transfers(&self, list: &List, mapping: &Mapping, params: &DescListProgram) -> Result<u32, Stop> {
        let size = params.buffer_size as u32;
        let offset = params.buffer_offset as u32;
        if params.starting_desc >= list.count {
            return Err(Errno::EINVAL.into());
        }
        let page = list.divisor()?;
        if u64::from(offset) % page != 0 {
            return Err(Errno::EINVAL.into());
        }
        if size == 0 {
            return Err(Stop::Crash(format!("transfer_size {:#x} is a transfer of no bytes", params.buffer_size)));
        }
        // The product is computed in 32 bits, and nothing is nothing.
        if size.wrapping_mul(params.batch_size) == 0 {
            return Ok(0);
        }
        let each = u64::from(size).div_ceil(page);
        let total = each * u64::from(params.batch_size);
        let room = if list.circular { list.count } else { list.count - params.starting_desc };
        let end = u64::from(offset) + (u64::from(params.batch_size) - 1) * each * page + u64::from(size);
        if total > room.into() || end > mapping.length {
            return Err(Errno::EINVAL.into());
        }
        for transfer in 0..params.batch_size {
            let first = transfer * each as u32;
            for index in 0..each {
                let bytes = page.min(u64::from(size) - index * page) as u32;
                let at = u64::from(offset) + (u64::from(first) + index) * page;
                if let Some(descriptor) = list.descriptor(params.starting_desc + first + index as u32) {
                    descriptor.program(bytes, PLAIN, mapping.range.address(at), 0);
                }
            }
        }
        if !self.behaviour.program_silent {
            let last = params.starting_desc + total as u32 - 1;
            list.add_interrupts(last, params.last_interrupts_domain, params.is_debug);
        }
        Ok(total as u32)
    }
}
