//! Driver 4.18.0 and 4.18.1.
//!
//! Against [`v4_17_0`](crate::v4_17_0):
//!
//! * Firmware controls, notifications, logs and the core's reset leave group `g` for the new group `n`; the two queries
//!   move up in `g`. Groups `s` and `p` are new, for boards that are a system-on-chip and for such a board's own side.
//! * Enabling and disabling interrupts becomes [`EnableChannels`] and [`DisableChannels`], with the same bytes.
//! * A wait reports completed transfers instead of the descriptor counter ([`InterruptsChannelData`]).
//! * [`BufferMap`] has a buffer type: dma-bufs can be mapped.
//! * Binding a descriptor list becomes [`DescListProgram`], which can leave the addresses alone and sets interrupts.
//! * [`LaunchTransfer`] also writes back a status.
//! * Mapping a descriptor list on other operating systems is gone.
//! * Boards: Hailo-10H and its legacy mode; [`DmaType::PCI_EP`](crate::enums::DmaType::PCI_EP) and the memory types of a
//!   PCI endpoint.

use zerocopy::little_endian::U32;

use crate::argument::{Inexpressible, argument};
use crate::channels::MAX_VDMA_ENGINES;
use crate::command::{ChannelInterrupt, InterruptEntry, Progress};
use crate::constants;
use crate::driver::launch_argument;
use crate::enums;
use crate::enums::{BufferType, DataDirection, InterruptsDomain};
use crate::interface::{EnumEntry, interface};
use crate::v4_17_0::interrupts_wait;
use crate::wire::{Bool, wire, wire_enum};

pub use crate::v4_17_0::{
    AllocateContinuousBuffer, AllocateLowMemoryBuffer, BufferSync, BufferUnmap, CHANNEL_IRQ_TIMESTAMPS_SIZE,
    ChannelInterruptTimestamp, D2hBufferDetails, D2hNotification, DescListCreate, DescListRelease, DeviceProperties,
    DriverInfo, FreeContinuousBuffer, FreeLowMemoryBuffer, FwControl, InterruptsReadTimestamp,
    MAX_BUFFERS_PER_SINGLE_TRANSFER, MAX_VDMA_CHANNELS_PER_ENGINE, MarkAsInUse, MemoryTransfer, ReadLog,
    TransferBuffer,
};

wire! {
    /// Enables channels.
    "hailo_vdma_enable_channels_params", 13;
    pub struct EnableChannels {
        /// *in*: one bit for each channel, one word for each engine.
        0 => channels_bitmap_per_engine: [U32; MAX_VDMA_ENGINES],
        /// *in*: whether to keep the times of their interrupts.
        12 => enable_timestamps_measure: Bool,
    }
}

argument! {
    EnableChannels: EnableChannels
    in { enable_timestamps_measure }
    renamed { channels_bitmap_per_engine = channels }
}

wire! {
    /// Disables channels.
    "hailo_vdma_disable_channels_params", 12;
    pub struct DisableChannels {
        /// *in*: one bit for each channel, one word for each engine.
        0 => channels_bitmap_per_engine: [U32; MAX_VDMA_ENGINES],
    }
}

argument! {
    DisableChannels: DisableChannels
    renamed { channels_bitmap_per_engine = channels }
}

wire! {
    /// What happened on one channel.
    "hailo_vdma_interrupts_channel_data", 7;
    pub struct InterruptsChannelData {
        /// *out*: the engine.
        0 => engine_index: u8,
        /// *out*: the channel.
        1 => channel_index: u8,
        /// *out*: whether the channel runs.
        2 => is_active: Bool,
        /// *out*: how many transfers were completed since the last wait.
        3 => transfers_completed: u8,
        /// *out*: the error bits of the host's side.
        4 => host_error: u8,
        /// *out*: the error bits of the device's side.
        5 => device_error: u8,
        /// *out*: whether the descriptors looked as they should; only checked with `is_debug`.
        6 => validation_success: Bool,
    }
}

impl InterruptEntry for InterruptsChannelData {
    fn interrupt(&self) -> ChannelInterrupt {
        ChannelInterrupt {
            engine_index: self.engine_index,
            channel_index: self.channel_index,
            is_active: self.is_active(),
            progress: Progress::Transfers(self.transfers_completed),
            host_error: self.host_error,
            device_error: self.device_error,
            validation_success: self.validation_success(),
        }
    }

    fn from_interrupt(interrupt: &ChannelInterrupt) -> Result<Self, Inexpressible> {
        let Progress::Transfers(transfers_completed) = interrupt.progress else {
            return Err(Inexpressible("progress"));
        };
        Ok(Self {
            engine_index: interrupt.engine_index,
            channel_index: interrupt.channel_index,
            is_active: Bool::new(interrupt.is_active),
            transfers_completed,
            host_error: interrupt.host_error,
            device_error: interrupt.device_error,
            validation_success: Bool::new(interrupt.validation_success),
        })
    }
}

wire! {
    /// Waits for interrupts of channels.
    "hailo_vdma_interrupts_wait_params", 685;
    pub struct InterruptsWait {
        /// *in*: one bit for each channel, one word for each engine.
        0 => channels_bitmap_per_engine: [U32; MAX_VDMA_ENGINES],
        /// *out*: how many entries of `irq_data` were written.
        12 => channels_count: u8,
        /// *out*: what happened.
        13 => irq_data: [InterruptsChannelData; MAX_VDMA_ENGINES * MAX_VDMA_CHANNELS_PER_ENGINE],
    }
}

interrupts_wait!(InterruptsWait, Transfers);

wire! {
    /// Maps a buffer for the device.
    "hailo_vdma_buffer_map_params", 40 / 24;
    pub struct BufferMap<W> {
        /// *in*: the address of the first byte, or the file descriptor of a dma-buf.
        0 / 0 => user_address: W,
        /// *in*: the length in bytes.
        8 / 4 => size: W,
        /// *in*: which way the buffer is used.
        16 / 8 => data_direction: DataDirection,
        /// *in*: what `user_address` is.
        20 / 12 => buffer_type: BufferType,
        /// *in*: the driver's buffer behind this range, or all ones.
        24 / 16 => allocated_buffer_handle: W,
        /// *out*: the mapping's handle.
        32 / 20 => mapped_handle: W,
    }
}

argument! {
    BufferMap<W>: BufferMap
    in { size, data_direction, buffer_type, allocated_buffer_handle }
    renamed { user_address = address_or_fd }
    reply BufferMap: BufferMapReply { mapped_handle }
}

wire! {
    /// Programs descriptors with addresses of a mapped buffer. The call returns how many.
    "hailo_desc_list_program_params", 43 / 27;
    pub struct DescListProgram<W> {
        /// *in*: the mapping's handle.
        0 / 0 => buffer_handle: W,
        /// *in*: how many bytes.
        8 / 4 => buffer_size: W,
        /// *in*: where they start in the mapping, in bytes.
        16 / 8 => buffer_offset: W,
        /// *in*: the list's handle.
        24 / 12 => desc_handle: W,
        /// *in*: the channel.
        32 / 16 => channel_index: u8,
        /// *in*: the first descriptor.
        33 / 17 => starting_desc: U32,
        /// *in*: whether to write addresses, or only sizes and control bits.
        37 / 21 => should_bind: Bool,
        /// *in*: whom the last descriptor interrupts.
        38 / 22 => last_interrupts_domain: InterruptsDomain,
        /// *in*: whether descriptors ask for their status to be written back.
        42 / 26 => is_debug: Bool,
    }
}

argument! {
    DescListProgram<W>: DescListProgram
    in {
        buffer_handle, buffer_size, buffer_offset, desc_handle, channel_index, starting_desc, should_bind,
        last_interrupts_domain, is_debug,
    }
    fixed { batch_size: 1, stride: 0 }
}

wire! {
    /// Programs a transfer and hands it to the channel.
    "hailo_vdma_launch_transfer_params", 65 / 53;
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
        /// *out*: zero or a negative error number.
        61 / 49 => launch_transfer_status: U32,
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
    reply LaunchTransfer: LaunchTransferReply { descs_programed, launch_transfer_status }
}

wire! {
    /// Connects to a system-on-chip board.
    "hailo_soc_connect_params", 18 / 10;
    pub struct SocConnect<W> {
        /// *out*: the channel to the device.
        0 / 0 => input_channel_index: u8,
        /// *out*: the channel from the device.
        1 / 1 => output_channel_index: u8,
        /// *in*: the list for bytes to the device.
        2 / 2 => input_desc_handle: W,
        /// *in*: the list for bytes from the device.
        10 / 6 => output_desc_handle: W,
    }
}

argument! {
    SocConnect<W>: SocConnect
    in { input_desc_handle, output_desc_handle }
    fixed { port_number: 0 }
    reply SocConnect: ConnectionReply { input_channel_index, output_channel_index }
}

wire! {
    /// Closes a connection to a system-on-chip board.
    "hailo_soc_close_params", 2;
    pub struct SocClose {
        /// *in*: the channel to the device.
        0 => input_channel_index: u8,
        /// *in*: the channel from the device.
        1 => output_channel_index: u8,
    }
}

argument! {
    SocClose: SocClose
    in { input_channel_index, output_channel_index }
}

wire! {
    /// Accepts a connection, on the board's side.
    "hailo_pci_ep_accept_params", 18 / 10;
    pub struct PciEpAccept<W> {
        /// *out*: the channel to this side.
        0 / 0 => input_channel_index: u8,
        /// *out*: the channel from this side.
        1 / 1 => output_channel_index: u8,
        /// *in*: the list for bytes to this side.
        2 / 2 => input_desc_handle: W,
        /// *in*: the list for bytes from this side.
        10 / 6 => output_desc_handle: W,
    }
}

argument! {
    PciEpAccept<W>: PciEpAccept
    in { input_desc_handle, output_desc_handle }
    fixed { port_number: 0 }
    reply PciEpAccept: ConnectionReply { input_channel_index, output_channel_index }
}

wire! {
    /// Closes a connection, on the board's side.
    "hailo_pci_ep_close_params", 2;
    pub struct PciEpClose {
        /// *in*: the channel to this side.
        0 => input_channel_index: u8,
        /// *in*: the channel from this side.
        1 => output_channel_index: u8,
    }
}

argument! {
    PciEpClose: PciEpClose
    in { input_channel_index, output_channel_index }
}

wire_enum! {
    /// The boards that this release can name.
    "hailo_board_type";
    pub struct BoardType {
        /// Hailo-8.
        HAILO8 = 0, "HAILO_BOARD_TYPE_HAILO8";
        /// Hailo-15.
        HAILO15 = 1, "HAILO_BOARD_TYPE_HAILO15";
        /// Hailo-15L.
        PLUTO = 2, "HAILO_BOARD_TYPE_PLUTO";
        /// Hailo-10H.
        HAILO10H = 3, "HAILO_BOARD_TYPE_HAILO10H";
        /// Hailo-10H used as a mere accelerator.
        HAILO10H_LEGACY = 4, "HAILO_BOARD_TYPE_HAILO10H_LEGACY";
        /// How many there are.
        COUNT = 5, "HAILO_BOARD_TYPE_COUNT";
        /// Not a board.
        MAX_ENUM = 0x7fff_ffff, "HAILO_BOARD_TYPE_MAX_ENUM";
    }
}

interface! {
    /// The interface of 4.18.0 and 4.18.1.
    (4, 18, 0)
    channels_per_engine: MAX_VDMA_CHANNELS_PER_ENGINE,
    buffers_per_transfer: MAX_BUFFERS_PER_SINGLE_TRANSFER,
    requests {
        MemoryTransfer: "HAILO_MEMORY_TRANSFER", iowr b'g' 0, MemoryTransfer<W>;
        QueryDeviceProperties: "HAILO_QUERY_DEVICE_PROPERTIES", iow b'g' 1, DeviceProperties<W>;
        QueryDriverInfo: "HAILO_QUERY_DRIVER_INFO", iow b'g' 2, DriverInfo;
        FwControl: "HAILO_FW_CONTROL", iowr b'n' 0, FwControl;
        ReadNotification: "HAILO_READ_NOTIFICATION", iow b'n' 1, D2hNotification<W>;
        DisableNotification: "HAILO_DISABLE_NOTIFICATION", io b'n' 2;
        ReadLog: "HAILO_READ_LOG", iowr b'n' 3, ReadLog<W>;
        ResetNnCore: "HAILO_RESET_NN_CORE", io b'n' 4;
        EnableChannels: "HAILO_VDMA_ENABLE_CHANNELS", ior b'v' 0, EnableChannels;
        DisableChannels: "HAILO_VDMA_DISABLE_CHANNELS", ior b'v' 1, DisableChannels;
        InterruptsWait: "HAILO_VDMA_INTERRUPTS_WAIT", iowr b'v' 2, InterruptsWait;
        InterruptsReadTimestamps: "HAILO_VDMA_INTERRUPTS_READ_TIMESTAMPS", iowr b'v' 3, InterruptsReadTimestamp;
        BufferMap: "HAILO_VDMA_BUFFER_MAP", iowr b'v' 4, BufferMap<W>;
        BufferUnmap: "HAILO_VDMA_BUFFER_UNMAP", ior b'v' 5, BufferUnmap<W>;
        BufferSync: "HAILO_VDMA_BUFFER_SYNC", ior b'v' 6, BufferSync<W>;
        DescListCreate: "HAILO_DESC_LIST_CREATE", iowr b'v' 7, DescListCreate<W>;
        DescListRelease: "HAILO_DESC_LIST_RELEASE", ior b'v' 8, DescListRelease<W>;
        DescListProgram: "HAILO_DESC_LIST_PROGRAM", ior b'v' 9, DescListProgram<W>;
        LowMemoryBufferAlloc: "HAILO_VDMA_LOW_MEMORY_BUFFER_ALLOC", iowr b'v' 10, AllocateLowMemoryBuffer<W>;
        LowMemoryBufferFree: "HAILO_VDMA_LOW_MEMORY_BUFFER_FREE", ior b'v' 11, FreeLowMemoryBuffer<W>;
        MarkAsInUse: "HAILO_MARK_AS_IN_USE", iow b'v' 12, MarkAsInUse;
        ContinuousBufferAlloc: "HAILO_VDMA_CONTINUOUS_BUFFER_ALLOC", iowr b'v' 13, AllocateContinuousBuffer<W>;
        ContinuousBufferFree: "HAILO_VDMA_CONTINUOUS_BUFFER_FREE", ior b'v' 14, FreeContinuousBuffer<W>;
        LaunchTransfer: "HAILO_VDMA_LAUNCH_TRANSFER", iowr b'v' 15, LaunchTransfer<W>;
        SocConnect: "HAILO_SOC_CONNECT" ("HAILO_SOC_IOCTL_CONNECT_CODE"), iowr b's' 0, SocConnect<W>;
        SocClose: "HAILO_SOC_CLOSE" ("HAILO_SOC_IOCTL_CLOSE_CODE"), ior b's' 1, SocClose;
        PciEpAccept: "HAILO_PCI_EP_ACCEPT", iowr b'p' 0, PciEpAccept<W>;
        PciEpClose: "HAILO_PCI_EP_CLOSE", ior b'p' 1, PciEpClose;
    }
    contained { TransferBuffer<W>, InterruptsChannelData, ChannelInterruptTimestamp, D2hBufferDetails }
    enums {
        EnumEntry::of::<BoardType>(), EnumEntry::of::<enums::AcceleratorType>(),
        EnumEntry::of::<enums::AllocationMode>(), EnumEntry::of::<enums::BufferType>(),
        EnumEntry::of::<enums::CpuId>(), EnumEntry::of::<enums::DataDirection>(), EnumEntry::of::<enums::DmaType>(),
        EnumEntry::of::<enums::InterruptsDomain>(), EnumEntry::of::<enums::SyncType>(),
        EnumEntry::of::<enums::TransferDirection>(), EnumEntry::of::<enums::TransferMemoryType>(),
    }
    constants {
        constants::COMMON, constants::ACCELERATOR_GROUPS, constants::MEMORY_TRANSFER, constants::TIMESTAMPS,
        constants::DOORBELL, constants::DOORBELL_SOC_CONNECT,
    }
    boards {
        BoardType:
        HAILO8 => Hailo8, HAILO15 => Hailo15, PLUTO => Hailo15L, HAILO10H => Hailo10H,
        HAILO10H_LEGACY => Hailo15HAcceleratorMode,
    }
}
