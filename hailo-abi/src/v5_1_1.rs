//! Driver 5.1.1 and 5.2.0.
//!
//! Against [`v5_1_0`](crate::v5_1_0):
//!
//! * Mapping and unmapping take the same struct ([`BufferParams`]), and a buffer is unmapped by its range, not its handle.
//! * [`DescListProgram`] names what it programs transfers, always binds, and has no stride.

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::argument::{Argument, Inexpressible, Param, argument};
use crate::command::{self, Command};
use crate::constants;
use crate::data_model::{Native, Word};
use crate::doorbell;
use crate::enums::{self, BufferType, DataDirection, InterruptsDomain};
use crate::interface::{EnumEntry, interface};
use crate::wire::{Access, Bool, Field, Layout, WireStruct, wire};

pub use crate::v5_1_0::{
    AllocateContinuousBuffer, BoardType, BufferSync, CHANNEL_IRQ_TIMESTAMPS_SIZE, CHANNEL_NOT_ACTIVE,
    CHANNEL_WITH_ERROR, CancelPreparedTransfer, ChannelInterruptTimestamp, D2hBufferDetails, D2hNotification,
    DescListCreate, DescListRelease, DeviceProperties, DisableChannels, DriverInfo, EnableChannels,
    FreeContinuousBuffer, FwControl, InterruptsChannelData, InterruptsReadTimestamp, InterruptsWait, LaunchTransfer,
    MAX_BUFFERS_PER_SINGLE_TRANSFER, MAX_VDMA_CHANNELS_PER_ENGINE, MarkAsInUse, PciEpAccept, PciEpClose, PciEpListen,
    PrepareTransfer, ReadLog, SocClose, SocConnect, TransferBuffer, WriteActionList,
};

wire! {
    /// Maps a buffer for the device; as [`BufferUnmap`], unmaps it.
    "hailo_vdma_buffer_params", 32 / 20;
    pub struct BufferParams<W> {
        /// *in*: the address of the first byte, or the file descriptor of a dma-buf.
        0 / 0 => addr_or_fd: W,
        /// *in*: the length in bytes.
        8 / 4 => size: W,
        /// *in*: which way the buffer is used.
        16 / 8 => direction: DataDirection,
        /// *in*: what `addr_or_fd` is.
        20 / 12 => type_: BufferType,
        /// *out*: the mapping's handle. Unmapping does not look at it.
        24 / 16 => mapped_handle: W,
    }
}

argument! {
    BufferParams<W>: BufferMap
    in { size }
    renamed { addr_or_fd = address_or_fd, direction = data_direction, type_ = buffer_type }
    fixed { allocated_buffer_handle: None }
    reply BufferMap: BufferMapReply { mapped_handle }
}

/// [`BufferParams`] as the argument that unmaps.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct BufferUnmap<W: Word = Native>(pub BufferParams<W>);

impl<W: Word> WireStruct for BufferUnmap<W> {
    const LAYOUT: Layout = Layout {
        fields: &[
            BufferParams::<W>::ADDR_OR_FD,
            BufferParams::<W>::SIZE,
            BufferParams::<W>::DIRECTION,
            BufferParams::<W>::TYPE_,
            // A process may leave the handle there that mapping gave it.
            Field { access: Some(Access::In), ..BufferParams::<W>::MAPPED_HANDLE },
        ],
        ..<BufferParams<W> as WireStruct>::LAYOUT
    };
}

impl<W: Word> Argument for BufferUnmap<W> {
    fn encode(&mut self, command: &Command<'_>) -> Result<(), Inexpressible> {
        let Command::BufferUnmap(params) = command else { return Err(Inexpressible::COMMAND) };
        let buffer = &mut self.0;
        argument!(@put buffer.addr_or_fd, params.address_or_fd, address_or_fd);
        argument!(@put buffer.size, params.size, size);
        argument!(@put buffer.direction, params.data_direction, data_direction);
        argument!(@put buffer.type_, params.buffer_type, buffer_type);
        argument!(@put buffer.mapped_handle, params.mapped_handle, mapped_handle);
        Ok(())
    }

    fn decode(&self) -> Command<'_> {
        Command::BufferUnmap(command::BufferUnmap {
            mapped_handle: self.0.mapped_handle.take(),
            address_or_fd: self.0.addr_or_fd.take(),
            size: self.0.size.take(),
            data_direction: self.0.direction,
            buffer_type: self.0.type_,
        })
    }
}

wire! {
    /// Programs descriptors with addresses of a mapped buffer. The call returns how many.
    "hailo_desc_list_program_params", 46 / 30;
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
        /// *in*: whom the last descriptor interrupts.
        41 / 25 => last_interrupts_domain: InterruptsDomain,
        /// *in*: whether descriptors ask for their status to be written back.
        45 / 29 => is_debug: Bool,
    }
}

argument! {
    DescListProgram<W>: DescListProgram
    in {
        buffer_handle, buffer_offset, desc_handle, channel_index, starting_desc, last_interrupts_domain, is_debug,
    }
    renamed { transfer_size = buffer_size, transfers_count = batch_size }
    fixed { should_bind: true, stride: 0 }
}

interface! {
    /// The interface of 5.1.1 and 5.2.0.
    (5, 1, 1)
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
        BufferMap: "HAILO_VDMA_BUFFER_MAP", iowr b'v' 4, BufferParams<W>;
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
