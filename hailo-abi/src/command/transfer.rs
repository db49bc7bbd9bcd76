//! Parameters of transfers.

use crate::enums::{BufferType, InterruptsDomain};

/// The most buffers of one transfer, over all releases (`HAILO_MAX_BUFFERS_PER_SINGLE_TRANSFER`: 2 up to 4.20.1, then 8).
pub const MAX_BUFFERS_PER_TRANSFER: usize = 8;

/// One buffer of a transfer. Up to 4.20.1 a mapping's handle and an offset name it, later an address or a file descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransferBuffer {
    /// The mapping's handle (up to 4.20.1).
    pub mapped_buffer_handle: u64,
    /// Where it starts in the mapping, in bytes (up to 4.20.1).
    pub offset: u32,
    /// What the address is (since 4.21.0).
    pub buffer_type: BufferType,
    /// The address of the first byte, or the file descriptor of a dma-buf (since 4.21.0).
    pub address_or_fd: u64,
    /// The length in bytes.
    pub size: u32,
}

impl TransferBuffer {
    /// No buffer: all zeros.
    pub const EMPTY: Self =
        Self { mapped_buffer_handle: 0, offset: 0, buffer_type: BufferType::USER_PTR, address_or_fd: 0, size: 0 };
}

/// Programs a transfer and hands it to the channel. The call returns how many descriptors it took (up to 4.20.1 it
/// returns 0 and the number is in [`LaunchTransferReply`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LaunchTransfer {
    /// The engine: 0 on PCIe boards.
    pub engine_index: u8,
    /// The channel within the engine.
    pub channel_index: u8,
    /// The list's handle.
    pub desc_handle: u64,
    /// The first descriptor; from 5.0.1 on the list counts by itself.
    pub starting_desc: u32,
    /// Whether to write addresses into the descriptors (up to 5.0.0; later always).
    pub should_bind: bool,
    /// Whether to synchronise the buffers (5.0.0 alone).
    pub should_sync: bool,
    /// Whether the descriptors are a ring that runs by itself (since 5.0.1).
    pub is_cyclic: bool,
    /// How many of `buffers` are meant; the driver refuses more than there is room for.
    pub buffers_count: u8,
    /// The buffers.
    pub buffers: [TransferBuffer; MAX_BUFFERS_PER_TRANSFER],
    /// Whom the first descriptor interrupts (up to 5.2.0; later [`InterruptsDomain::NONE`]).
    pub first_interrupts_domain: InterruptsDomain,
    /// Whom the last descriptor interrupts (up to 5.2.0; later always the host).
    pub last_interrupts_domain: InterruptsDomain,
    /// Whether descriptors ask for their status to be written back.
    pub is_debug: bool,
}

impl LaunchTransfer {
    /// A transfer of at most [`MAX_BUFFERS_PER_TRANSFER`] buffers on a channel of engine 0, from the first descriptor of a list
    /// on: it writes addresses into the descriptors, and the last of them interrupts the host.
    ///
    /// ```
    /// use hailo_abi::command::{LaunchTransfer, TransferBuffer};
    ///
    /// let buffer = TransferBuffer { address_or_fd: 0x7000, size: 4096, ..TransferBuffer::EMPTY };
    /// let launch = LaunchTransfer { starting_desc: 3, ..LaunchTransfer::new(16, 0x1000, [buffer]) };
    /// assert_eq!((launch.buffers_count, launch.buffers[0]), (1, buffer));
    /// ```
    ///
    /// More buffers do not compile:
    ///
    /// ```compile_fail
    /// # use hailo_abi::command::{LaunchTransfer, TransferBuffer};
    /// LaunchTransfer::new(16, 0x1000, [TransferBuffer::EMPTY; 9]);
    /// ```
    #[must_use]
    pub const fn new<const N: usize>(channel_index: u8, desc_handle: u64, given: [TransferBuffer; N]) -> Self {
        const { assert!(N <= MAX_BUFFERS_PER_TRANSFER, "no transfer has so many buffers") };
        let mut buffers = [TransferBuffer::EMPTY; MAX_BUFFERS_PER_TRANSFER];
        let mut index = 0;
        while index < N {
            buffers[index] = given[index];
            index += 1;
        }
        Self {
            engine_index: 0,
            channel_index,
            desc_handle,
            starting_desc: 0,
            should_bind: true,
            should_sync: false,
            is_cyclic: false,
            buffers_count: N as u8,
            buffers,
            first_interrupts_domain: InterruptsDomain::NONE,
            last_interrupts_domain: InterruptsDomain::HOST,
            is_debug: false,
        }
    }
}

/// What a launch wrote back, up to 4.20.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LaunchTransferReply {
    /// How many descriptors it took.
    pub descs_programed: u32,
    /// Zero, or a negative error number (4.18.0 to 4.20.1; elsewhere 0).
    pub launch_transfer_status: i32,
}

/// Programs a transfer to be launched later (since 5.0.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PrepareTransfer {
    /// The channel within the engine; not checked.
    pub channel_index: u8,
    /// The list's handle.
    pub desc_handle: u64,
    /// How many of `buffers` are meant.
    pub buffers_count: u8,
    /// The buffers.
    pub buffers: [TransferBuffer; MAX_BUFFERS_PER_TRANSFER],
    /// Whom the first descriptor interrupts (up to 5.2.0).
    pub first_interrupts_domain: InterruptsDomain,
    /// Whom the last descriptor interrupts (up to 5.2.0; later always the host).
    pub last_interrupts_domain: InterruptsDomain,
    /// Whether descriptors ask for their status to be written back.
    pub is_debug: bool,
}

/// Drops every transfer prepared on a list (since 5.1.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CancelPreparedTransfer {
    /// The list's handle.
    pub desc_handle: u64,
}
