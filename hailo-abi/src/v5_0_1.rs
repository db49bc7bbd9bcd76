//! Driver 5.0.1.
//!
//! Against [`v5_0_0`](crate::v5_0_0):
//!
//! * Transfers can be prepared ahead ([`PrepareTransfer`]). A list counts its descriptors by itself, always binds them and
//!   may run as a ring: [`LaunchTransfer`] contains what is prepared, the engine and `is_cyclic`, and no first descriptor.
//! * Low-memory buffers are gone, and with them the allocation mode in [`DeviceProperties`] and the handle in
//!   [`BufferMap`]. The requests behind them in group `v` move up.
//! * Boards: Hailo-8 is gone, and all others have other numbers.
//! * The header states sizes of rings ("CCB") and of descriptor lists.

use zerocopy::little_endian::U16;

use crate::argument::{Argument, Inexpressible, argument};
use crate::command::Command;
use crate::constants;
use crate::data_model::Word;
use crate::doorbell;
use crate::driver::launch_argument;
use crate::enums::{self, AllocationMode, BoardNumber, BufferType, DataDirection, DmaType, InterruptsDomain};
use crate::interface::{EnumEntry, interface};
use crate::wire::{Bool, wire, wire_enum};

pub use crate::v5_0_0::{
    AllocateContinuousBuffer, BufferSync, BufferUnmap, CHANNEL_IRQ_TIMESTAMPS_SIZE, CHANNEL_NOT_ACTIVE,
    CHANNEL_WITH_ERROR, ChannelInterruptTimestamp, D2hBufferDetails, D2hNotification, DescListCreate, DescListProgram,
    DescListRelease, DisableChannels, DriverInfo, EnableChannels, FreeContinuousBuffer, FwControl,
    InterruptsChannelData, InterruptsReadTimestamp, InterruptsWait, MAX_BUFFERS_PER_SINGLE_TRANSFER,
    MAX_VDMA_CHANNELS_PER_ENGINE, MarkAsInUse, MemoryTransfer, PciEpAccept, PciEpClose, PciEpListen, ReadLog, SocClose,
    SocConnect, TransferBuffer, WriteActionList,
};

wire! {
    /// What the driver knows of its board.
    "hailo_device_properties", 19 / 15;
    pub struct DeviceProperties<W> {
        /// *out*: the largest page size of a descriptor list, in bytes.
        0 / 0 => desc_max_page_size: U16,
        /// *out*: the board, by the number that it has in this release.
        2 / 2 => board_type: BoardNumber,
        /// *out*: how the accelerator reaches memory.
        6 / 6 => dma_type: DmaType,
        /// *out*: how many vDMA engines the board has.
        10 / 10 => dma_engines_count: W,
        /// *out*: whether firmware is running.
        18 / 14 => is_fw_loaded: Bool,
    }
}

impl<W: Word> Argument for DeviceProperties<W> {
    fn encode(&mut self, command: &Command<'_>) -> Result<(), Inexpressible> {
        match command {
            Command::QueryDeviceProperties => Ok(()),
            _ => Err(Inexpressible::COMMAND),
        }
    }

    fn decode(&self) -> Command<'_> {
        Command::QueryDeviceProperties
    }

    argument!(@reply DeviceProperties: DeviceProperties {
        desc_max_page_size, board_type, dma_type, dma_engines_count, is_fw_loaded
    } fixed { allocation_mode: AllocationMode::USERSPACE });
}

wire! {
    /// Maps a buffer for the device.
    "hailo_vdma_buffer_map_params", 32 / 20;
    pub struct BufferMap<W> {
        /// *in*: the address of the first byte, or the file descriptor of a dma-buf.
        0 / 0 => user_address: W,
        /// *in*: the length in bytes.
        8 / 4 => size: W,
        /// *in*: which way the buffer is used.
        16 / 8 => data_direction: DataDirection,
        /// *in*: what `user_address` is.
        20 / 12 => buffer_type: BufferType,
        /// *out*: the mapping's handle.
        24 / 16 => mapped_handle: W,
    }
}

argument! {
    BufferMap<W>: BufferMap
    in { size, data_direction, buffer_type }
    renamed { user_address = address_or_fd }
    fixed { allocated_buffer_handle: None }
    reply BufferMap: BufferMapReply { mapped_handle }
}

wire! {
    /// Programs a transfer to be launched later.
    "hailo_vdma_prepare_transfer_params", 147 / 111;
    pub struct PrepareTransfer<W> {
        /// *in*: the channel.
        0 / 0 => channel_index: u8,
        /// *in*: the list's handle.
        1 / 1 => desc_handle: W,
        /// *in*: how many of `buffers` are meant.
        9 / 5 => buffers_count: u8,
        /// *in*: the buffers.
        10 / 6 => buffers: [TransferBuffer<W>; MAX_BUFFERS_PER_SINGLE_TRANSFER],
        /// *in*: whom the first descriptor interrupts.
        138 / 102 => first_interrupts_domain: InterruptsDomain,
        /// *in*: whom the last descriptor interrupts.
        142 / 106 => last_interrupts_domain: InterruptsDomain,
        /// *in*: whether descriptors ask for their status to be written back.
        146 / 110 => is_debug: Bool,
    }
}

argument! {
    PrepareTransfer<W>: PrepareTransfer
    in {
        channel_index, desc_handle, buffers_count, buffers, first_interrupts_domain, last_interrupts_domain, is_debug,
    }
}

wire! {
    /// Hands a transfer to the channel: the oldest that was prepared on the list, or else this one. The call returns how
    /// many descriptors were launched.
    "hailo_vdma_launch_transfer_params", 149 / 113;
    pub struct LaunchTransfer<W> {
        /// *in*: the transfer, if none was prepared; otherwise only the list counts.
        0 / 0 => prepare_transfer_params: PrepareTransfer<W>,
        /// *in*: the engine.
        147 / 111 => engine_index: u8,
        /// *in*: whether the descriptors are a ring that runs by itself.
        148 / 112 => is_cyclic: Bool,
    }
}

launch_argument! {
    LaunchTransfer<W>
    in { engine_index, is_cyclic }
    in prepare_transfer_params {
        channel_index, desc_handle, buffers_count, first_interrupts_domain, last_interrupts_domain, is_debug,
    }
    fixed { should_bind: true, should_sync: false }
    ignored { starting_desc: 0 }
    buffers { prepare_transfer_params.buffers }
}

wire_enum! {
    /// The boards that this release can name.
    "hailo_board_type";
    pub struct BoardType {
        /// Hailo-15.
        HAILO15 = 0, "HAILO_BOARD_TYPE_HAILO15";
        /// Hailo-15L.
        HAILO15L = 1, "HAILO_BOARD_TYPE_HAILO15L";
        /// Hailo-10H.
        HAILO10H = 2, "HAILO_BOARD_TYPE_HAILO10H";
        /// The same chip used as a mere accelerator.
        HAILO15H_ACCELERATOR_MODE = 3, "HAILO_BOARD_TYPE_HAILO15H_ACCELERATOR_MODE";
        /// Mars.
        MARS = 4, "HAILO_BOARD_TYPE_MARS";
        /// How many there are.
        COUNT = 5, "HAILO_BOARD_TYPE_COUNT";
        /// Not a board.
        MAX_ENUM = 0x7fff_ffff, "HAILO_BOARD_TYPE_MAX_ENUM";
    }
}

interface! {
    /// The interface of 5.0.1.
    (5, 0, 1)
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
        WriteActionList: "HAILO_WRITE_ACTION_LIST", iow b'n' 5, WriteActionList<W>;
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
        MarkAsInUse: "HAILO_MARK_AS_IN_USE", iow b'v' 10, MarkAsInUse;
        ContinuousBufferAlloc: "HAILO_VDMA_CONTINUOUS_BUFFER_ALLOC", iowr b'v' 11, AllocateContinuousBuffer<W>;
        ContinuousBufferFree: "HAILO_VDMA_CONTINUOUS_BUFFER_FREE", ior b'v' 12, FreeContinuousBuffer<W>;
        LaunchTransfer: "HAILO_VDMA_LAUNCH_TRANSFER", ior b'v' 13, LaunchTransfer<W>;
        PrepareTransfer: "HAILO_VDMA_PREPARE_TRANSFER", ior b'v' 14, PrepareTransfer<W>;
        SocConnect: "HAILO_SOC_CONNECT", iowr b's' 0, SocConnect<W>;
        SocClose: "HAILO_SOC_CLOSE", ior b's' 1, SocClose;
        SocPowerOff: "HAILO_SOC_POWER_OFF", io b's' 2;
        PciEpAccept: "HAILO_PCI_EP_ACCEPT", iowr b'p' 0, PciEpAccept<W>;
        PciEpClose: "HAILO_PCI_EP_CLOSE", ior b'p' 1, PciEpClose;
        PciEpListen: "HAILO_PCI_EP_LISTEN", ior b'p' 2, PciEpListen;
    }
    contained { TransferBuffer<W>, InterruptsChannelData, ChannelInterruptTimestamp, D2hBufferDetails }
    enums {
        EnumEntry::of::<BoardType>(), EnumEntry::of::<enums::AcceleratorType>(),
        EnumEntry::of::<enums::BufferType>(), EnumEntry::of::<enums::CpuId>(),
        EnumEntry::of::<enums::DataDirection>(), EnumEntry::of::<enums::DmaType>(),
        EnumEntry::of::<enums::InterruptsDomain>(), EnumEntry::of::<enums::SyncType>(),
        EnumEntry::of::<enums::TransferDirection>(), EnumEntry::of::<enums::TransferMemoryType>(),
        doorbell::NNC_INTERRUPT_MASKS, doorbell::SOC_INTERRUPT_MASKS,
    }
    constants {
        constants::COMMON, constants::ACCELERATOR_GROUPS, constants::CHANNELS_PER_DIRECTION,
        constants::DESCRIPTOR_LISTS, constants::INTERRUPT_DATA, constants::MEMORY_TRANSFER, constants::TIMESTAMPS,
        constants::RINGS,
    }
    boards {
        BoardType:
        HAILO15 => Hailo15, HAILO15L => Hailo15L, HAILO10H => Hailo10H,
        HAILO15H_ACCELERATOR_MODE => Hailo15HAcceleratorMode, MARS => Mars,
    }
}
