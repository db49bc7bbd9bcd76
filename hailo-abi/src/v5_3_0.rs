//! Driver 5.3.0.
//!
//! Against [`v5_1_1`](crate::v5_1_1):
//!
//! * The times of interrupts are gone, also from [`EnableChannels`]. The requests behind them in group `v` move up, so that
//!   two codes of former releases have another meaning.
//! * Whom a descriptor interrupts cannot be chosen: the last of a transfer interrupts the host, programming alone sets
//!   none ([`DescListProgram`], [`PrepareTransfer`], [`LaunchTransfer`]).
//! * Listening on a port is gone.
//! * The accelerator type is named device type ([`DevType`]); its numbers stay.
//! * The header states sizes of lists in static memory.

use zerocopy::little_endian::{U32, U64};

use crate::argument::argument;
use crate::channels::MAX_VDMA_ENGINES;
use crate::constants;
use crate::doorbell;
use crate::driver::launch_argument;
use crate::enums::{self, InterruptsDomain};
use crate::interface::{EnumEntry, interface, without};
use crate::wire::{Bool, WireEnum, wire, wire_enum};

pub use crate::v5_1_1::{
    AllocateContinuousBuffer, BoardType, BufferParams, BufferSync, BufferUnmap, CHANNEL_NOT_ACTIVE, CHANNEL_WITH_ERROR,
    CancelPreparedTransfer, D2hBufferDetails, D2hNotification, DescListCreate, DescListRelease, DeviceProperties,
    DisableChannels, DriverInfo, FreeContinuousBuffer, FwControl, InterruptsChannelData, InterruptsWait,
    MAX_BUFFERS_PER_SINGLE_TRANSFER, MAX_VDMA_CHANNELS_PER_ENGINE, MarkAsInUse, PciEpAccept, PciEpClose, ReadLog,
    SocClose, SocConnect, TransferBuffer, WriteActionList,
};

wire! {
    /// Enables channels.
    "hailo_vdma_enable_channels_params", 24;
    pub struct EnableChannels {
        /// *in*: one bit for each channel, one word for each engine.
        0 => channels_bitmap_per_engine: [U64; MAX_VDMA_ENGINES],
    }
}

argument! {
    EnableChannels: EnableChannels
    renamed { channels_bitmap_per_engine = channels }
    fixed { enable_timestamps_measure: false }
}

wire! {
    /// Programs descriptors with addresses of a mapped buffer. The call returns how many.
    "hailo_desc_list_program_params", 42 / 26;
    pub struct DescListProgram<W> {
        /// *in*: the mapping's handle.
        0 / 0 => buffer_handle: W,
        /// *in*: where the first transfer starts in the mapping, in bytes.
        8 / 4 => buffer_offset: W,
        /// *in*: the bytes of one transfer.
        16 / 8 => transfer_size: W,
        /// *in*: how many transfers.
        24 / 12 => transfers_count: U32,
        /// *in*: the list's handle.
        28 / 16 => desc_handle: W,
        /// *in*: the channel.
        36 / 20 => channel_index: u8,
        /// *in*: the first descriptor.
        37 / 21 => starting_desc: U32,
        /// *in*: without effect.
        41 / 25 => is_debug: Bool,
    }
}

argument! {
    DescListProgram<W>: DescListProgram
    in { buffer_handle, buffer_offset, desc_handle, channel_index, starting_desc, is_debug }
    renamed { transfer_size = buffer_size, transfers_count = batch_size }
    fixed { should_bind: true, last_interrupts_domain: InterruptsDomain::NONE, stride: 0 }
}

wire! {
    /// Programs a transfer to be launched later.
    "hailo_vdma_prepare_transfer_params", 139 / 103;
    pub struct PrepareTransfer<W> {
        /// *in*: the channel.
        0 / 0 => channel_index: u8,
        /// *in*: the list's handle.
        1 / 1 => desc_handle: W,
        /// *in*: how many of `buffers` are meant.
        9 / 5 => buffers_count: u8,
        /// *in*: the buffers.
        10 / 6 => buffers: [TransferBuffer<W>; MAX_BUFFERS_PER_SINGLE_TRANSFER],
        /// *in*: whether descriptors ask for their status to be written back.
        138 / 102 => is_debug: Bool,
    }
}

argument! {
    PrepareTransfer<W>: PrepareTransfer
    in { channel_index, desc_handle, buffers_count, buffers, is_debug }
    fixed { first_interrupts_domain: InterruptsDomain::NONE, last_interrupts_domain: InterruptsDomain::HOST }
}

wire! {
    /// Hands a transfer to the channel: the oldest that was prepared on the list, or else this one. The call returns how
    /// many descriptors were launched.
    "hailo_vdma_launch_transfer_params", 141 / 105;
    pub struct LaunchTransfer<W> {
        /// *in*: the transfer, if none was prepared; otherwise only the list counts.
        0 / 0 => prepare_transfer_params: PrepareTransfer<W>,
        /// *in*: the engine.
        139 / 103 => engine_index: u8,
        /// *in*: whether the descriptors are a ring that runs by itself.
        140 / 104 => is_cyclic: Bool,
    }
}

launch_argument! {
    LaunchTransfer<W>
    in { engine_index, is_cyclic }
    in prepare_transfer_params { channel_index, desc_handle, buffers_count, is_debug }
    fixed {
        should_bind: true, should_sync: false, first_interrupts_domain: InterruptsDomain::NONE,
        last_interrupts_domain: InterruptsDomain::HOST,
    }
    ignored { starting_desc: 0 }
    buffers { prepare_transfer_params.buffers }
}

wire_enum! {
    /// What an accelerator is to the host: what former releases call
    /// [`AcceleratorType`](crate::enums::AcceleratorType).
    "hailo_dev_type";
    pub struct DevType {
        /// A neural network core whose firmware the host controls.
        INTEGRATED = 0, "HAILO_DEV_TYPE_INTEGRATED";
        /// A system-on-chip with an operating system of its own.
        DISCRETE = 1, "HAILO_DEV_TYPE_DISCRETE";
        /// Not a type.
        MAX_ENUM = 0x7fff_ffff, "HAILO_DEV_TYPE_MAX_ENUM";
    }
}

interface! {
    /// The interface of 5.3.0.
    (5, 3, 0)
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
        BufferMap: "HAILO_VDMA_BUFFER_MAP", iowr b'v' 3, BufferParams<W>;
        BufferUnmap: "HAILO_VDMA_BUFFER_UNMAP", ior b'v' 4, BufferUnmap<W>;
        BufferSync: "HAILO_VDMA_BUFFER_SYNC", ior b'v' 5, BufferSync<W>;
        DescListCreate: "HAILO_DESC_LIST_CREATE", iowr b'v' 6, DescListCreate<W>;
        DescListRelease: "HAILO_DESC_LIST_RELEASE", ior b'v' 7, DescListRelease<W>;
        DescListProgram: "HAILO_DESC_LIST_PROGRAM", ior b'v' 8, DescListProgram<W>;
        MarkAsInUse: "HAILO_MARK_AS_IN_USE", iow b'v' 9, MarkAsInUse;
        ContinuousBufferAlloc: "HAILO_VDMA_CONTINUOUS_BUFFER_ALLOC", iowr b'v' 10, AllocateContinuousBuffer<W>;
        ContinuousBufferFree: "HAILO_VDMA_CONTINUOUS_BUFFER_FREE", ior b'v' 11, FreeContinuousBuffer<W>;
        LaunchTransfer: "HAILO_VDMA_LAUNCH_TRANSFER", ior b'v' 12, LaunchTransfer<W>;
        PrepareTransfer: "HAILO_VDMA_PREPARE_TRANSFER", ior b'v' 13, PrepareTransfer<W>;
        CancelPreparedTransfer: "HAILO_VDMA_CANCEL_PREPARED_TRANSFER", ior b'v' 14, CancelPreparedTransfer<W>;
        SocConnect: "HAILO_SOC_CONNECT", iowr b's' 0, SocConnect<W>;
        SocClose: "HAILO_SOC_CLOSE", ior b's' 1, SocClose;
        SocPowerOff: "HAILO_SOC_POWER_OFF", io b's' 2;
        PciEpAccept: "HAILO_PCI_EP_ACCEPT", iowr b'p' 0, PciEpAccept<W>;
        PciEpClose: "HAILO_PCI_EP_CLOSE", ior b'p' 1, PciEpClose;
    }
    contained { TransferBuffer<W>, InterruptsChannelData, D2hBufferDetails }
    enums {
        EnumEntry::of::<BoardType>(), EnumEntry::of::<DevType>(), EnumEntry::of::<enums::BufferType>(),
        EnumEntry::of::<enums::CpuId>(), EnumEntry::of::<enums::DataDirection>(), EnumEntry::of::<enums::DmaType>(),
        EnumEntry::of::<enums::SyncType>(), doorbell::NNC_INTERRUPT_MASKS, doorbell::SOC_INTERRUPT_MASKS,
        EnumEntry {
            c_name: InterruptsDomain::C_NAME,
            enumerators: &without::<{ InterruptsDomain::ENUMERATORS.len() - 1 }>(
                InterruptsDomain::ENUMERATORS,
                &["HAILO_VDMA_INTERRUPTS_DOMAIN_DEVICE"],
            ),
        },
    }
    constants {
        constants::COMMON, constants::ACCELERATOR_GROUPS, constants::CHANNELS_PER_DIRECTION,
        constants::DESCRIPTOR_LISTS, constants::INTERRUPT_DATA, constants::RINGS, constants::STATIC_MEMORY,
    }
    boards {
        BoardType:
        HAILO15 => Hailo15, HAILO15L => Hailo15L, HAILO10H => Hailo10H,
        HAILO15H_ACCELERATOR_MODE => Hailo15HAcceleratorMode, MARS => Mars,
    }
}
