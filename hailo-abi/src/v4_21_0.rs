//! Driver 4.21.0 to 4.22.0.

use zerocopy::little_endian::U32;

use crate::command::{self, Command, Operation, Reply};
use crate::data_model::{Ilp32, Lp64, Word};
use crate::enums::{BufferType, InterruptsDomain};
use crate::interface::{Argument, Inexpressible, Interface, RequestEntry, codec};
use crate::release::DriverRelease;
use crate::wire::{Bool, wire};

wire! {
    /// The driver's release.
    "hailo_driver_info", 12;
    pub struct DriverInfo {
        /// *out*: major version.
        0 => major_version: U32,
        /// *out*: minor version.
        4 => minor_version: U32,
        /// *out*: revision.
        8 => revision_version: U32,
    }
}

impl Argument for DriverInfo {
    fn encode(&mut self, _: &Command<'_>) -> Result<(), Inexpressible> {
        Ok(())
    }

    fn decode(&self) -> Command<'_> {
        Command::QueryDriverInfo
    }

    fn encode_reply(&mut self, reply: &Reply<'_>) -> Result<(), Inexpressible> {
        let Reply::DriverInfo(info) = reply else { return Err(Inexpressible("reply")) };
        self.set_major_version(info.release.major);
        self.set_minor_version(info.release.minor);
        self.set_revision_version(info.release.revision);
        Ok(())
    }

    fn decode_reply(&self) -> Reply<'_> {
        Reply::DriverInfo(command::DriverInfo {
            release: DriverRelease::new(self.major_version(), self.minor_version(), self.revision_version()),
        })
    }
}

wire! {
    /// One buffer of a transfer, by address.
    "hailo_vdma_transfer_buffer", 16 / 12;
    pub struct TransferBuffer<W> {
        /// *in*: what `addr_or_fd` is.
        0 / 0 => buffer_type: BufferType,
        /// *in*: the address of the first byte, or the file descriptor of a dma-buf.
        4 / 4 => addr_or_fd: W,
        /// *in*: the length in bytes.
        12 / 8 => size: U32,
    }
}

wire! {
    /// Programs a transfer and hands it to the channel.
    "hailo_vdma_launch_transfer_params", 153 / 117;
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
        16 / 12 => buffers: [TransferBuffer<W>; 8],
        /// *in*: whom the first descriptor interrupts.
        144 / 108 => first_interrupts_domain: InterruptsDomain,
        /// *in*: whom the last descriptor interrupts.
        148 / 112 => last_interrupts_domain: InterruptsDomain,
        /// *in*: whether descriptors ask for their status to be written back.
        152 / 116 => is_debug: Bool,
    }
}

/// The interface of 4.21.0 to 4.22.0.
pub static INTERFACE: Interface = Interface {
    first_release: DriverRelease::new(4, 21, 0),
    requests: &[RequestEntry {
        operation: Operation::QueryDriverInfo,
        name: "HAILO_QUERY_DRIVER_INFO",
        lp64: codec!(iow b'g', 2, DriverInfo),
        ilp32: codec!(iow b'g', 2, DriverInfo),
    }],
    structs: &[],
    enums: &[],
    constants: &[],
};

const _: usize = size_of::<LaunchTransfer<Lp64>>() + size_of::<LaunchTransfer<Ilp32>>();
