//! Driver 4.19.0.
//!
//! Against [`v4_18_0`](crate::v4_18_0):
//!
//! * [`SocConnect`] and [`PciEpAccept`] have a port number.
//! * [`WriteActionList`] is new.
//! * The doorbell bit for system-on-chip boards is named for controls, not for connecting.

use zerocopy::little_endian::{U16, U64};

use crate::argument::argument;
use crate::constants;
use crate::enums;
use crate::interface::{EnumEntry, interface};
use crate::wire::wire;

pub use crate::v4_18_0::{
    AllocateContinuousBuffer, AllocateLowMemoryBuffer, BoardType, BufferMap, BufferSync, BufferUnmap,
    CHANNEL_IRQ_TIMESTAMPS_SIZE, ChannelInterruptTimestamp, D2hBufferDetails, D2hNotification, DescListCreate,
    DescListProgram, DescListRelease, DeviceProperties, DisableChannels, DriverInfo, EnableChannels,
    FreeContinuousBuffer, FreeLowMemoryBuffer, FwControl, InterruptsChannelData, InterruptsReadTimestamp,
    InterruptsWait, LaunchTransfer, MAX_BUFFERS_PER_SINGLE_TRANSFER, MAX_VDMA_CHANNELS_PER_ENGINE, MarkAsInUse,
    MemoryTransfer, PciEpClose, ReadLog, SocClose, TransferBuffer,
};

wire! {
    /// Connects to a port of a system-on-chip board.
    "hailo_soc_connect_params", 20 / 12;
    pub struct SocConnect<W> {
        /// *in*: the port.
        0 / 0 => port_number: U16,
        /// *out*: the channel to the device.
        2 / 2 => input_channel_index: u8,
        /// *out*: the channel from the device.
        3 / 3 => output_channel_index: u8,
        /// *in*: the list for bytes to the device.
        4 / 4 => input_desc_handle: W,
        /// *in*: the list for bytes from the device.
        12 / 8 => output_desc_handle: W,
    }
}

argument! {
    SocConnect<W>: SocConnect
    in { port_number, input_desc_handle, output_desc_handle }
    reply SocConnect: ConnectionReply { input_channel_index, output_channel_index }
}

wire! {
    /// Accepts a connection, on the board's side.
    "hailo_pci_ep_accept_params", 20 / 12;
    pub struct PciEpAccept<W> {
        /// *in*: the port.
        0 / 0 => port_number: U16,
        /// *out*: the channel to this side.
        2 / 2 => input_channel_index: u8,
        /// *out*: the channel from this side.
        3 / 3 => output_channel_index: u8,
        /// *in*: the list for bytes to this side.
        4 / 4 => input_desc_handle: W,
        /// *in*: the list for bytes from this side.
        12 / 8 => output_desc_handle: W,
    }
}

argument! {
    PciEpAccept<W>: PciEpAccept
    in { port_number, input_desc_handle, output_desc_handle }
    reply PciEpAccept: ConnectionReply { input_channel_index, output_channel_index }
}

wire! {
    /// Hands an action list to the device.
    "hailo_write_action_list_params", 24 / 16;
    pub struct WriteActionList<W> {
        /// *in*: the address of the action list in the process.
        0 / 0 => data: W,
        /// *in*: its length in bytes.
        8 / 4 => size: W,
        /// *out*: the address for the device.
        16 / 8 => dma_address: U64,
    }
}

argument! {
    WriteActionList<W>: WriteActionList
    in { data, size }
    reply WriteActionList: WriteActionListReply { dma_address }
}

interface! {
    /// The interface of 4.19.0.
    (4, 19, 0)
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
        constants::COMMON, constants::ACCELERATOR_GROUPS, constants::CHANNELS_PER_DIRECTION,
        constants::MEMORY_TRANSFER, constants::TIMESTAMPS, constants::DOORBELL, constants::DOORBELL_SOC_CONTROL,
    }
    boards {
        BoardType:
        HAILO8 => Hailo8, HAILO15 => Hailo15, PLUTO => Hailo15L, HAILO10H => Hailo10H,
        HAILO10H_LEGACY => Hailo15HAcceleratorMode,
    }
}
