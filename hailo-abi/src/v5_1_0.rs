//! Driver 5.1.0.
//!
//! Against [`v5_0_1`](crate::v5_0_1): prepared transfers can be dropped ([`CancelPreparedTransfer`]), memory transfers are
//! gone for good, and the two queries move up in group `g`.

use crate::argument::argument;
use crate::constants;
use crate::doorbell;
use crate::enums;
use crate::interface::{EnumEntry, interface};
use crate::wire::wire;

pub use crate::v5_0_1::{
    AllocateContinuousBuffer, BoardType, BufferMap, BufferSync, BufferUnmap, CHANNEL_IRQ_TIMESTAMPS_SIZE,
    CHANNEL_NOT_ACTIVE, CHANNEL_WITH_ERROR, ChannelInterruptTimestamp, D2hBufferDetails, D2hNotification,
    DescListCreate, DescListProgram, DescListRelease, DeviceProperties, DisableChannels, DriverInfo, EnableChannels,
    FreeContinuousBuffer, FwControl, InterruptsChannelData, InterruptsReadTimestamp, InterruptsWait, LaunchTransfer,
    MAX_BUFFERS_PER_SINGLE_TRANSFER, MAX_VDMA_CHANNELS_PER_ENGINE, MarkAsInUse, PciEpAccept, PciEpClose, PciEpListen,
    PrepareTransfer, ReadLog, SocClose, SocConnect, TransferBuffer, WriteActionList,
};

wire! {
    /// Drops every transfer prepared on a list.
    "hailo_vdma_cancel_prepared_transfer_params", 8 / 4;
    pub struct CancelPreparedTransfer<W> {
        /// *in*: the list's handle.
        0 / 0 => desc_handle: W,
    }
}

argument! {
    CancelPreparedTransfer<W>: CancelPreparedTransfer
    in { desc_handle }
}

interface! {
    /// The interface of 5.1.0.
    (5, 1, 0)
    channels_per_engine: MAX_VDMA_CHANNELS_PER_ENGINE,
    buffers_per_transfer: MAX_BUFFERS_PER_SINGLE_TRANSFER,
    requests {
        QueryDeviceProperties: "HAILO_QUERY_DEVICE_PROPERTIES", iow b'g' 0, DeviceProperties<W>;
        QueryDriverInfo: "HAILO_QUERY_DRIVER_INFO", iow b'g' 1, DriverInfo;
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
        CancelPreparedTransfer: "HAILO_VDMA_CANCEL_PREPARED_TRANSFER", ior b'v' 15, CancelPreparedTransfer<W>;
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
        doorbell::NNC_INTERRUPT_MASKS, doorbell::SOC_INTERRUPT_MASKS,
    }
    constants {
        constants::COMMON, constants::ACCELERATOR_GROUPS, constants::CHANNELS_PER_DIRECTION,
        constants::DESCRIPTOR_LISTS, constants::INTERRUPT_DATA, constants::TIMESTAMPS, constants::RINGS,
    }
    boards {
        BoardType:
        HAILO15 => Hailo15, HAILO15L => Hailo15L, HAILO10H => Hailo10H,
        HAILO15H_ACCELERATOR_MODE => Hailo15HAcceleratorMode, MARS => Mars,
    }
}
