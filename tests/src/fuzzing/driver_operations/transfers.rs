//! Descriptor lists, channels and transfers.

use hailo_abi::channels::ChannelBitmaps;
use hailo_abi::command::{
    CancelPreparedTransfer, Command, DescListCreate, DescListProgram, DescListRelease, DisableChannels, EnableChannels,
    InterruptsReadTimestamps, InterruptsWait, LaunchTransfer, MAX_BUFFERS_PER_TRANSFER, PrepareTransfer,
    TransferBuffer,
};
use hailo_abi::enums::InterruptsDomain;
use hailo_abi::{DriverRelease, Operation, Reply};
use hailo_mock::File;

use super::Run;

impl Run<'_> {
    pub(super) fn create(&mut self, file: &File, model: usize) {
        let params = DescListCreate {
            desc_count: match self.source.byte() {
                0xf0.. => self.source.number(),
                byte => 1 << (byte % 9),
            },
            desc_page_size: self.source.pick(&[512, 4096, 64, 4096, 512, 3, 0, 8192]),
            is_circular: self.source.byte() & 3 != 0,
        };
        let created = self.call(file, &Command::DescListCreate(params), |result, reply| match (result, reply) {
            (Ok(_), Reply::DescListCreate(reply)) => Some((reply.desc_handle, reply.dma_address)),
            _ => None,
        });
        if let Some(Some((handle, address))) = created {
            assert!(address.is_multiple_of(1 << 16));
            self.expect_resource(model, handle);
            self.models.get_mut(&model).expect("an open file").lists.insert(handle);
        }
    }

    pub(super) fn release_list(&mut self, file: &File, model: usize) {
        let last = self.models[&model].last_resource;
        let desc_handle = self.source.handle(last, 4096);
        let result = self.call(file, &Command::DescListRelease(DescListRelease { desc_handle }), |result, _| result);
        let alive = self.is_alive(model);
        let known = alive && self.models.get_mut(&model).expect("an open file").lists.remove(&desc_handle);
        self.expect_release(model, known, result);
    }

    pub(super) fn program(&mut self, file: &File, model: usize) {
        let (mapping, resource) = (self.models[&model].last_mapping, self.models[&model].last_resource);
        let params = DescListProgram {
            buffer_handle: self.source.handle(mapping, 1),
            buffer_size: self.size(),
            buffer_offset: self.source.pick(&[0, 512, 4096, 100, 1 << 20]),
            batch_size: if self.has(Operation::PrepareTransfer) { self.source.byte().into() } else { 1 },
            desc_handle: self.source.handle(resource, 4096),
            channel_index: self.source.byte(),
            starting_desc: self.source.number() as u32,
            should_bind: true,
            last_interrupts_domain: InterruptsDomain::NONE,
            is_debug: false,
            stride: 0,
        };
        self.call(file, &Command::DescListProgram(params), |_, _| ());
    }

    pub(super) fn channels(&mut self, file: &File) {
        let bits = match self.source.byte() {
            0xf0.. => self.source.word() & 0xffff_ffff,
            byte => 1 << (byte % 4) | u64::from(byte >> 4 & 1) << 16,
        };
        let channels = ChannelBitmaps::engine0(bits);
        let command = match self.source.byte() % 8 {
            0..=3 => Command::EnableChannels(EnableChannels { channels, enable_timestamps_measure: false }),
            4 => Command::DisableChannels(DisableChannels { channels }),
            5 => Command::InterruptsReadTimestamps(InterruptsReadTimestamps {
                engine_index: 0,
                channel_index: self.source.byte(),
            }),
            _ => Command::InterruptsWait(InterruptsWait { channels }),
        };
        self.call(file, &command, |_, _| ());
    }

    pub(super) fn launch(&mut self, file: &File, model: usize) {
        let (mapping, resource) = (self.models[&model].last_mapping, self.models[&model].last_resource);
        let mut buffers = [TransferBuffer::EMPTY; MAX_BUFFERS_PER_TRANSFER];
        let buffers_count = self.source.pick(&[1, 1, 1, 1, 2, 8, 0, 9]);
        let by_handle = self.release < DriverRelease::new(4, 21, 0);
        for buffer in buffers.iter_mut().take(if by_handle { 2 } else { buffers_count.into() }) {
            let size = self.size() as u32;
            *buffer = if by_handle {
                let mapped_buffer_handle = self.source.handle(mapping, 1);
                TransferBuffer { mapped_buffer_handle, size, ..TransferBuffer::EMPTY }
            } else {
                let buffer_type = self.buffer_type();
                TransferBuffer { buffer_type, address_or_fd: self.address(), size, ..TransferBuffer::EMPTY }
            };
        }
        let counted = self.has(Operation::PrepareTransfer);
        let channel_index = self.source.pick(&[0, 16, 0, 16, 1, 17, 31, 39, 200]);
        let desc_handle = self.source.handle(resource, 4096);
        let command = match self.source.byte() % 8 {
            0 if counted => Command::PrepareTransfer(PrepareTransfer {
                channel_index,
                desc_handle,
                buffers_count,
                buffers,
                first_interrupts_domain: InterruptsDomain::NONE,
                last_interrupts_domain: InterruptsDomain::HOST,
                is_debug: false,
            }),
            1 if counted => Command::CancelPreparedTransfer(CancelPreparedTransfer { desc_handle }),
            _ => Command::LaunchTransfer(LaunchTransfer {
                engine_index: 0,
                channel_index,
                desc_handle,
                starting_desc: if counted { 0 } else { self.source.pick(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 100]) },
                should_bind: true,
                should_sync: false,
                is_cyclic: counted && self.source.byte() & 15 == 0,
                buffers_count,
                buffers,
                first_interrupts_domain: InterruptsDomain::NONE,
                last_interrupts_domain: InterruptsDomain::HOST,
                is_debug: self.source.byte() & 7 == 0,
            }),
        };
        self.call(file, &command, |_, _| ());
    }
}
