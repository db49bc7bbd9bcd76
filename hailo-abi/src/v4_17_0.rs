//! Driver 4.17.0 and 4.17.1, the oldest interface known here.

mod buffer;
mod channel;
mod descriptor_list;
mod device;
mod transfer;

use crate::constants;
use crate::enums::{self, DmaType, TransferMemoryType};
use crate::interface::{EnumEntry, interface, without};
use crate::wire::{WireEnum, wire_enum};

pub use buffer::*;
pub(crate) use channel::interrupts_wait;
pub use channel::*;
pub use descriptor_list::*;
pub use device::*;
pub use transfer::*;

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
        /// How many there are.
        COUNT = 3, "HAILO_BOARD_TYPE_COUNT";
        /// Not a board.
        MAX_ENUM = 0x7fff_ffff, "HAILO_BOARD_TYPE_MAX_ENUM";
    }
}

interface! {
    /// The interface of 4.17.0 and 4.17.1.
    (4, 17, 0)
    channels_per_engine: MAX_VDMA_CHANNELS_PER_ENGINE,
    buffers_per_transfer: MAX_BUFFERS_PER_SINGLE_TRANSFER,
    requests {
        MemoryTransfer: "HAILO_MEMORY_TRANSFER", iowr b'g' 0, MemoryTransfer<W>;
        FwControl: "HAILO_FW_CONTROL", iowr b'g' 1, FwControl;
        ReadNotification: "HAILO_READ_NOTIFICATION", iow b'g' 2, D2hNotification<W>;
        DisableNotification: "HAILO_DISABLE_NOTIFICATION", io b'g' 3;
        QueryDeviceProperties: "HAILO_QUERY_DEVICE_PROPERTIES", iow b'g' 4, DeviceProperties<W>;
        QueryDriverInfo: "HAILO_QUERY_DRIVER_INFO", iow b'g' 5, DriverInfo;
        ReadLog: "HAILO_READ_LOG", iowr b'g' 6, ReadLog<W>;
        ResetNnCore: "HAILO_RESET_NN_CORE", io b'g' 7;
        EnableChannels: "HAILO_VDMA_INTERRUPTS_ENABLE", ior b'v' 0, InterruptsEnable;
        DisableChannels: "HAILO_VDMA_INTERRUPTS_DISABLE", ior b'v' 1, InterruptsDisable;
        InterruptsWait: "HAILO_VDMA_INTERRUPTS_WAIT", iowr b'v' 2, InterruptsWait;
        InterruptsReadTimestamps: "HAILO_VDMA_INTERRUPTS_READ_TIMESTAMPS", iowr b'v' 3, InterruptsReadTimestamp;
        BufferMap: "HAILO_VDMA_BUFFER_MAP", iowr b'v' 4, BufferMap<W>;
        BufferUnmap: "HAILO_VDMA_BUFFER_UNMAP", ior b'v' 5, BufferUnmap<W>;
        BufferSync: "HAILO_VDMA_BUFFER_SYNC", ior b'v' 6, BufferSync<W>;
        DescListCreate: "HAILO_DESC_LIST_CREATE", iowr b'v' 7, DescListCreate<W>;
        DescListRelease: "HAILO_DESC_LIST_RELEASE", ior b'v' 8, DescListRelease<W>;
        DescListProgram: "HAILO_DESC_LIST_BIND_VDMA_BUFFER", ior b'v' 9, DescListBindVdmaBuffer<W>;
        LowMemoryBufferAlloc: "HAILO_VDMA_LOW_MEMORY_BUFFER_ALLOC", iowr b'v' 10, AllocateLowMemoryBuffer<W>;
        LowMemoryBufferFree: "HAILO_VDMA_LOW_MEMORY_BUFFER_FREE", ior b'v' 11, FreeLowMemoryBuffer<W>;
        MarkAsInUse: "HAILO_MARK_AS_IN_USE", iow b'v' 12, MarkAsInUse;
        ContinuousBufferAlloc: "HAILO_VDMA_CONTINUOUS_BUFFER_ALLOC", iowr b'v' 13, AllocateContinuousBuffer<W>;
        ContinuousBufferFree: "HAILO_VDMA_CONTINUOUS_BUFFER_FREE", ior b'v' 14, FreeContinuousBuffer<W>;
        LaunchTransfer: "HAILO_VDMA_LAUNCH_TRANSFER", iowr b'v' 15, LaunchTransfer<W>;
        NonLinuxDescListMmap: "HAILO_NON_LINUX_DESC_LIST_MMAP", iowr b'w' 0, NonLinuxDescListMmap<W>;
    }
    contained { TransferBuffer<W>, InterruptsChannelData, ChannelInterruptTimestamp, D2hBufferDetails }
    enums {
        EnumEntry::of::<BoardType>(),
        EnumEntry::of::<enums::AllocationMode>(), EnumEntry::of::<enums::CpuId>(),
        EnumEntry::of::<enums::DataDirection>(), EnumEntry::of::<enums::InterruptsDomain>(),
        EnumEntry::of::<enums::SyncType>(), EnumEntry::of::<enums::TransferDirection>(),
        EnumEntry {
            c_name: DmaType::C_NAME,
            enumerators: &without::<{ DmaType::ENUMERATORS.len() - 1 }>(
                DmaType::ENUMERATORS,
                &["HAILO_DMA_TYPE_PCI_EP"],
            ),
        },
        EnumEntry {
            c_name: TransferMemoryType::C_NAME,
            enumerators: &without::<{ TransferMemoryType::ENUMERATORS.len() - 2 }>(
                TransferMemoryType::ENUMERATORS,
                &["HAILO_TRANSFER_MEMORY_PCIE_EP_CONFIG", "HAILO_TRANSFER_MEMORY_PCIE_EP_BRIDGE"],
            ),
        },
    }
    constants {
        constants::COMMON, constants::NON_LINUX, constants::MEMORY_TRANSFER, constants::TIMESTAMPS, constants::DOORBELL,
    }
    boards { BoardType: HAILO8 => Hailo8, HAILO15 => Hailo15, PLUTO => Hailo15L }
}
