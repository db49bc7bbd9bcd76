//! Transfers.

use zerocopy::little_endian::U32;

use crate::argument::Param;
use crate::command::{self, MAX_BUFFERS_PER_TRANSFER};
use crate::data_model::Word;
use crate::driver::launch_argument;
use crate::enums::{BufferType, InterruptsDomain};
use crate::wire::{Bool, wire};

/// The most buffers of one transfer up to 4.20.1 (`HAILO_MAX_BUFFERS_PER_SINGLE_TRANSFER`).
pub const MAX_BUFFERS_PER_SINGLE_TRANSFER: usize = 2;

wire! {
    /// One buffer of a transfer, by the handle of its mapping.
    "hailo_vdma_transfer_buffer", 16 / 12;
    pub struct TransferBuffer<W> {
        /// *in*: the mapping's handle.
        0 / 0 => mapped_buffer_handle: W,
        /// *in*: where it starts in the mapping, in bytes.
        8 / 4 => offset: U32,
        /// *in*: the length in bytes.
        12 / 8 => size: U32,
    }
}

impl<W: Word> Param<command::TransferBuffer> for TransferBuffer<W> {
    fn put(&mut self, buffer: &command::TransferBuffer) -> bool {
        self.offset = U32::new(buffer.offset);
        self.size = U32::new(buffer.size);
        self.mapped_buffer_handle.put(&buffer.mapped_buffer_handle)
    }

    fn take(&self) -> command::TransferBuffer {
        command::TransferBuffer {
            mapped_buffer_handle: self.mapped_buffer_handle.get(),
            offset: self.offset.get(),
            buffer_type: BufferType::USER_PTR,
            address_or_fd: 0,
            size: self.size.get(),
        }
    }
}

/// What has less room than the command expresses only commands without buffers there.
impl<W: Word> Param<[command::TransferBuffer; MAX_BUFFERS_PER_TRANSFER]>
    for [TransferBuffer<W>; MAX_BUFFERS_PER_SINGLE_TRANSFER]
{
    fn put(&mut self, buffers: &[command::TransferBuffer; MAX_BUFFERS_PER_TRANSFER]) -> bool {
        let (room, rest) = buffers.split_at(MAX_BUFFERS_PER_SINGLE_TRANSFER);
        rest.iter().all(|buffer| *buffer == command::TransferBuffer::EMPTY)
            && self.iter_mut().zip(room).all(|(field, buffer)| field.put(buffer))
    }

    fn take(&self) -> [command::TransferBuffer; MAX_BUFFERS_PER_TRANSFER] {
        let mut buffers = [command::TransferBuffer::EMPTY; MAX_BUFFERS_PER_TRANSFER];
        for (buffer, field) in buffers.iter_mut().zip(self) {
            *buffer = field.take();
        }
        buffers
    }
}

wire! {
    /// Programs a transfer and hands it to the channel.
    "hailo_vdma_launch_transfer_params", 61 / 49;
    pub struct LaunchTransfer<W> {
        /// *in*: the engine.
        0 / 0 => engine_index: u8,
        /// *in*: the channel.
        1 / 1 => channel_index: u8,
        /// *in*: the list's handle.
        2 / 2 => desc_handle: W,
        /// *in*: the first descriptor.
        10 / 6 => starting_desc: U32,
        /// *in*: whether to write addresses into the descriptors.
        14 / 10 => should_bind: Bool,
        /// *in*: how many of `buffers` are meant.
        15 / 11 => buffers_count: u8,
        /// *in*: the buffers.
        16 / 12 => buffers: [TransferBuffer<W>; MAX_BUFFERS_PER_SINGLE_TRANSFER],
        /// *in*: whom the first descriptor interrupts.
        48 / 36 => first_interrupts_domain: InterruptsDomain,
        /// *in*: whom the last descriptor interrupts.
        52 / 40 => last_interrupts_domain: InterruptsDomain,
        /// *in*: whether descriptors ask for their status to be written back.
        56 / 44 => is_debug: Bool,
        /// *out*: how many descriptors the transfer took.
        57 / 45 => descs_programed: U32,
    }
}

launch_argument! {
    LaunchTransfer<W>
    in {
        engine_index, channel_index, desc_handle, starting_desc, should_bind, buffers_count, first_interrupts_domain,
        last_interrupts_domain, is_debug,
    }
    fixed { should_sync: false, is_cyclic: false }
    buffers { buffers }
    reply LaunchTransfer: LaunchTransferReply { descs_programed } fixed { launch_transfer_status: 0 }
}
