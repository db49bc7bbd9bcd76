//! Driver 5.0.0.
//!
//! Against [`v4_23_0`](crate::v4_23_0):
//!
//! * Bitmaps of channels have 64 bits for each engine, of which 40 stand for channels ([`EnableChannels`],
//!   [`DisableChannels`], [`InterruptsWait`]).
//! * [`LaunchTransfer`] says whether to synchronise the buffers.
//! * Memory transfers are back.
//! * A board can listen on a port ([`PciEpListen`]).
//! * Boards: accelerator mode, and two that boot in the way of former releases; Mars has another number.

use zerocopy::little_endian::{U16, U32, U64};

use crate::argument::argument;
use crate::channels::MAX_VDMA_ENGINES;
use crate::constants;
use crate::doorbell;
use crate::driver::launch_argument;
use crate::enums::{self, InterruptsDomain};
use crate::interface::{EnumEntry, interface};
use crate::v4_17_0::interrupts_wait;
use crate::wire::{Bool, wire, wire_enum};

pub use crate::v4_17_0::MemoryTransfer;
pub use crate::v4_23_0::{
    AllocateContinuousBuffer, AllocateLowMemoryBuffer, BufferMap, BufferSync, BufferUnmap, CHANNEL_IRQ_TIMESTAMPS_SIZE,
    CHANNEL_NOT_ACTIVE, CHANNEL_WITH_ERROR, ChannelInterruptTimestamp, D2hBufferDetails, D2hNotification,
    DescListCreate, DescListProgram, DescListRelease, DeviceProperties, DriverInfo, FreeContinuousBuffer,
    FreeLowMemoryBuffer, FwControl, InterruptsChannelData, InterruptsReadTimestamp, MAX_BUFFERS_PER_SINGLE_TRANSFER,
    MarkAsInUse, PciEpAccept, PciEpClose, ReadLog, SocClose, SocConnect, TransferBuffer, WriteActionList,
};

/// The most channels of an engine since 5.0.0 (`MAX_VDMA_CHANNELS_PER_ENGINE`).
pub const MAX_VDMA_CHANNELS_PER_ENGINE: usize = 40;

wire! {
    /// Enables channels.
    "hailo_vdma_enable_channels_params", 25;
    pub struct EnableChannels {
        /// *in*: one bit for each channel, one word for each engine.
        0 => channels_bitmap_per_engine: [U64; MAX_VDMA_ENGINES],
        /// *in*: whether to keep the times of their interrupts.
        24 => enable_timestamps_measure: Bool,
    }
}

argument! {
    EnableChannels: EnableChannels
    in { enable_timestamps_measure }
    renamed { channels_bitmap_per_engine = channels }
}

wire! {
    /// Disables channels.
    "hailo_vdma_disable_channels_params", 24;
    pub struct DisableChannels {
        /// *in*: one bit for each channel, one word for each engine.
        0 => channels_bitmap_per_engine: [U64; MAX_VDMA_ENGINES],
    }
}

argument! {
    DisableChannels: DisableChannels
    renamed { channels_bitmap_per_engine = channels }
}

wire! {
    /// Waits for interrupts of channels.
    "hailo_vdma_interrupts_wait_params", 385;
    pub struct InterruptsWait {
        /// *in*: one bit for each channel, one word for each engine.
        0 => channels_bitmap_per_engine: [U64; MAX_VDMA_ENGINES],
        /// *out*: how many entries of `irq_data` were written.
        24 => channels_count: u8,
        /// *out*: what happened.
        25 => irq_data: [InterruptsChannelData; MAX_VDMA_ENGINES * MAX_VDMA_CHANNELS_PER_ENGINE],
    }
}

interrupts_wait!(InterruptsWait, Data);

wire! {
    /// Programs a transfer and hands it to the channel. The call returns how many descriptors it took.
    "hailo_vdma_launch_transfer_params", 154 / 118;
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
        /// *in*: whether to synchronise the buffers.
        15 / 11 => should_sync: Bool,
        /// *in*: how many of `buffers` are meant.
        16 / 12 => buffers_count: u8,
        /// *in*: the buffers.
        17 / 13 => buffers: [TransferBuffer<W>; MAX_BUFFERS_PER_SINGLE_TRANSFER],
        /// *in*: whom the first descriptor interrupts.
        145 / 109 => first_interrupts_domain: InterruptsDomain,
        /// *in*: whom the last descriptor interrupts.
        149 / 113 => last_interrupts_domain: InterruptsDomain,
        /// *in*: whether descriptors ask for their status to be written back.
        153 / 117 => is_debug: Bool,
    }
}

launch_argument! {
    LaunchTransfer<W>
    in {
        engine_index, channel_index, desc_handle, starting_desc, should_bind, should_sync, buffers_count,
        first_interrupts_domain, last_interrupts_domain, is_debug,
    }
    fixed { is_cyclic: false }
    buffers { buffers }
}

wire! {
    /// Listens on a port, on the board's side.
    "hailo_pci_ep_listen_params", 3;
    pub struct PciEpListen {
        /// *in*: the port.
        0 => port_number: U16,
        /// *in*: how many connections may wait.
        2 => backlog_size: u8,
    }
}

argument! {
    PciEpListen: PciEpListen
    in { port_number, backlog_size }
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
        HAILO15L = 2, "HAILO_BOARD_TYPE_HAILO15L";
        /// Hailo-10H.
        HAILO10H = 3, "HAILO_BOARD_TYPE_HAILO10H";
        /// Hailo-10H that boots in the way of former releases.
        HAILO10H_LEGACY_BOOT = 4, "HAILO_BOARD_TYPE_HAILO10H_LEGACY_BOOT";
        /// The same chip used as a mere accelerator.
        HAILO15H_ACCELERATOR_MODE = 5, "HAILO_BOARD_TYPE_HAILO15H_ACCELERATOR_MODE";
        /// Mars.
        MARS = 6, "HAILO_BOARD_TYPE_MARS";
        /// Mars that boots in the way of former releases.
        MARS_LEGACY_BOOT = 7, "HAILO_BOARD_TYPE_MARS_LEGACY_BOOT";
        /// How many there are.
        COUNT = 8, "HAILO_BOARD_TYPE_COUNT";
        /// Not a board.
        MAX_ENUM = 0x7fff_ffff, "HAILO_BOARD_TYPE_MAX_ENUM";
    }
}

interface! {
    /// The interface of 5.0.0.
    (5, 0, 0)
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
        LowMemoryBufferAlloc: "HAILO_VDMA_LOW_MEMORY_BUFFER_ALLOC", iowr b'v' 10, AllocateLowMemoryBuffer<W>;
        LowMemoryBufferFree: "HAILO_VDMA_LOW_MEMORY_BUFFER_FREE", ior b'v' 11, FreeLowMemoryBuffer<W>;
        MarkAsInUse: "HAILO_MARK_AS_IN_USE", iow b'v' 12, MarkAsInUse;
        ContinuousBufferAlloc: "HAILO_VDMA_CONTINUOUS_BUFFER_ALLOC", iowr b'v' 13, AllocateContinuousBuffer<W>;
        ContinuousBufferFree: "HAILO_VDMA_CONTINUOUS_BUFFER_FREE", ior b'v' 14, FreeContinuousBuffer<W>;
        LaunchTransfer: "HAILO_VDMA_LAUNCH_TRANSFER", ior b'v' 15, LaunchTransfer<W>;
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
        EnumEntry::of::<enums::AllocationMode>(), EnumEntry::of::<enums::BufferType>(),
        EnumEntry::of::<enums::CpuId>(), EnumEntry::of::<enums::DataDirection>(), EnumEntry::of::<enums::DmaType>(),
        EnumEntry::of::<enums::InterruptsDomain>(), EnumEntry::of::<enums::SyncType>(),
        EnumEntry::of::<enums::TransferDirection>(), EnumEntry::of::<enums::TransferMemoryType>(),
        doorbell::NNC_INTERRUPT_MASKS, doorbell::SOC_INTERRUPT_MASKS,
    }
    constants {
        constants::COMMON, constants::ACCELERATOR_GROUPS, constants::CHANNELS_PER_DIRECTION,
        constants::DESCRIPTOR_LISTS, constants::INTERRUPT_DATA, constants::MEMORY_TRANSFER, constants::TIMESTAMPS,
    }
    boards {
        BoardType:
        HAILO8 => Hailo8, HAILO15 => Hailo15, HAILO15L => Hailo15L, HAILO10H => Hailo10H,
        HAILO10H_LEGACY_BOOT => Hailo10HLegacyBoot, HAILO15H_ACCELERATOR_MODE => Hailo15HAcceleratorMode,
        MARS => Mars, MARS_LEGACY_BOOT => MarsLegacyBoot,
    }
}
