//! Driver 4.21.0, 4.21.1 and 4.22.0.
//!
//! Against [`v4_20_0`](crate::v4_20_0):
//!
//! * A launch names its buffers by address or dma-buf, not by the handle of their mapping ([`TransferBuffer`]), has room
//!   for 8 of them, and writes nothing back: its return value is the number of descriptors ([`LaunchTransfer`]).
//! * [`DescListProgram`] programs several transfers at once (`batch_size`), with a `stride`.
//! * A wait reports one byte for each channel ([`InterruptsChannelData`]): completed transfers, or that the channel is not
//!   active, or has an error.
//! * A system-on-chip can be switched off.
//! * Boards: Mars.

use zerocopy::little_endian::U32;

use crate::argument::{Inexpressible, Param, argument};
use crate::channels::MAX_VDMA_ENGINES;
use crate::command::{self, ChannelInterrupt, InterruptEntry, MAX_BUFFERS_PER_TRANSFER, Progress};
use crate::constants;
use crate::data_model::Word;
use crate::doorbell;
use crate::driver::launch_argument;
use crate::enums::{self, BufferType, InterruptsDomain};
use crate::interface::{EnumEntry, interface};
use crate::v4_17_0::interrupts_wait;
use crate::wire::{Bool, wire, wire_enum};

pub use crate::v4_20_0::{
    AllocateContinuousBuffer, AllocateLowMemoryBuffer, BufferMap, BufferSync, BufferUnmap, CHANNEL_IRQ_TIMESTAMPS_SIZE,
    ChannelInterruptTimestamp, D2hBufferDetails, D2hNotification, DescListCreate, DescListRelease, DeviceProperties,
    DisableChannels, DriverInfo, EnableChannels, FreeContinuousBuffer, FreeLowMemoryBuffer, FwControl,
    InterruptsReadTimestamp, MAX_VDMA_CHANNELS_PER_ENGINE, MarkAsInUse, MemoryTransfer, PciEpAccept, PciEpClose,
    ReadLog, SocClose, SocConnect, WriteActionList,
};

/// The most buffers of one transfer since 4.21.0 (`HAILO_MAX_BUFFERS_PER_SINGLE_TRANSFER`).
pub const MAX_BUFFERS_PER_SINGLE_TRANSFER: usize = 8;
/// The `data` of a channel that is not active (`HAILO_VDMA_TRANSFER_DATA_CHANNEL_NOT_ACTIVE`).
pub const CHANNEL_NOT_ACTIVE: u8 = 0xff;
/// The `data` of a channel whose descriptors did not look as they should
/// (`HAILO_VDMA_TRANSFER_DATA_CHANNEL_WITH_ERROR`).
pub const CHANNEL_WITH_ERROR: u8 = 0xfe;

wire! {
    /// What happened on one channel.
    "hailo_vdma_interrupts_channel_data", 3;
    pub struct InterruptsChannelData {
        /// *out*: the engine.
        0 => engine_index: u8,
        /// *out*: the channel.
        1 => channel_index: u8,
        /// *out*: how many transfers were completed since the last wait, or [`CHANNEL_NOT_ACTIVE`], or
        /// [`CHANNEL_WITH_ERROR`].
        2 => data: u8,
    }
}

impl InterruptEntry for InterruptsChannelData {
    #[inline]
    fn interrupt(&self) -> ChannelInterrupt {
        let (is_active, validation_success, transfers) = match self.data {
            CHANNEL_NOT_ACTIVE => (false, true, 0),
            CHANNEL_WITH_ERROR => (true, false, 0),
            transfers => (true, true, transfers),
        };
        ChannelInterrupt {
            engine_index: self.engine_index,
            channel_index: self.channel_index,
            is_active,
            progress: Progress::Transfers(transfers),
            host_error: 0,
            device_error: 0,
            validation_success,
        }
    }

    /// The error bits are not told apart: whoever has some says that the validation failed.
    fn from_interrupt(interrupt: &ChannelInterrupt) -> Result<Self, Inexpressible> {
        let data = match interrupt.progress {
            _ if !interrupt.is_active => CHANNEL_NOT_ACTIVE,
            _ if !interrupt.validation_success => CHANNEL_WITH_ERROR,
            Progress::Transfers(transfers) if transfers < CHANNEL_WITH_ERROR => transfers,
            _ => return Err(Inexpressible("progress")),
        };
        Ok(Self { engine_index: interrupt.engine_index, channel_index: interrupt.channel_index, data })
    }
}

wire! {
    /// Waits for interrupts of channels.
    "hailo_vdma_interrupts_wait_params", 301;
    pub struct InterruptsWait {
        /// *in*: one bit for each channel, one word for each engine.
        0 => channels_bitmap_per_engine: [U32; MAX_VDMA_ENGINES],
        /// *out*: how many entries of `irq_data` were written.
        12 => channels_count: u8,
        /// *out*: what happened.
        13 => irq_data: [InterruptsChannelData; MAX_VDMA_ENGINES * MAX_VDMA_CHANNELS_PER_ENGINE],
    }
}

interrupts_wait!(InterruptsWait, Data);

wire! {
    /// Programs descriptors with addresses of a mapped buffer. The call returns how many.
    "hailo_desc_list_program_params", 51 / 35;
    pub struct DescListProgram<W> {
        /// *in*: the mapping's handle.
        0 / 0 => buffer_handle: W,
        /// *in*: the bytes of one transfer.
        8 / 4 => buffer_size: W,
        /// *in*: where the first transfer starts in the mapping, in bytes.
        16 / 8 => buffer_offset: W,
        /// *in*: how many transfers.
        24 / 12 => batch_size: U32,
        /// *in*: the list's handle.
        28 / 16 => desc_handle: W,
        /// *in*: the channel.
        36 / 20 => channel_index: u8,
        /// *in*: the first descriptor.
        37 / 21 => starting_desc: U32,
        /// *in*: whether to write addresses, or only sizes and control bits.
        41 / 25 => should_bind: Bool,
        /// *in*: whom the last descriptor interrupts.
        42 / 26 => last_interrupts_domain: InterruptsDomain,
        /// *in*: whether descriptors ask for their status to be written back.
        46 / 30 => is_debug: Bool,
        /// *in*: the bytes from the start of one page to the next; 0 is the page size.
        47 / 31 => stride: U32,
    }
}

argument! {
    DescListProgram<W>: DescListProgram
    in {
        buffer_handle, buffer_size, buffer_offset, batch_size, desc_handle, channel_index, starting_desc, should_bind,
        last_interrupts_domain, is_debug, stride,
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

impl<W: Word> Param<command::TransferBuffer> for TransferBuffer<W> {
    #[inline]
    fn put(&mut self, buffer: &command::TransferBuffer) -> bool {
        self.buffer_type = buffer.buffer_type;
        self.size = U32::new(buffer.size);
        self.addr_or_fd.put(&buffer.address_or_fd)
    }

    fn take(&self) -> command::TransferBuffer {
        command::TransferBuffer {
            mapped_buffer_handle: 0,
            offset: 0,
            buffer_type: self.buffer_type,
            address_or_fd: self.addr_or_fd.get(),
            size: self.size.get(),
        }
    }
}

impl<W: Word> Param<[command::TransferBuffer; MAX_BUFFERS_PER_TRANSFER]>
    for [TransferBuffer<W>; MAX_BUFFERS_PER_SINGLE_TRANSFER]
{
    fn put(&mut self, buffers: &[command::TransferBuffer; MAX_BUFFERS_PER_TRANSFER]) -> bool {
        self.iter_mut().zip(buffers).all(|(field, buffer)| field.put(buffer))
    }

    fn take(&self) -> [command::TransferBuffer; MAX_BUFFERS_PER_TRANSFER] {
        self.each_ref().map(Param::take)
    }
}

wire! {
    /// Programs a transfer and hands it to the channel. The call returns how many descriptors it took.
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
        16 / 12 => buffers: [TransferBuffer<W>; MAX_BUFFERS_PER_SINGLE_TRANSFER],
        /// *in*: whom the first descriptor interrupts.
        144 / 108 => first_interrupts_domain: InterruptsDomain,
        /// *in*: whom the last descriptor interrupts.
        148 / 112 => last_interrupts_domain: InterruptsDomain,
        /// *in*: whether descriptors ask for their status to be written back.
        152 / 116 => is_debug: Bool,
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
        /// Hailo-10H used as a mere accelerator.
        HAILO10H_LEGACY = 4, "HAILO_BOARD_TYPE_HAILO10H_LEGACY";
        /// Mars.
        MARS = 5, "HAILO_BOARD_TYPE_MARS";
        /// How many there are.
        COUNT = 6, "HAILO_BOARD_TYPE_COUNT";
        /// Not a board.
        MAX_ENUM = 0x7fff_ffff, "HAILO_BOARD_TYPE_MAX_ENUM";
    }
}

interface! {
    /// The interface of 4.21.0, 4.21.1 and 4.22.0.
    (4, 21, 0)
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
        SocConnect: "HAILO_SOC_CONNECT" ("HAILO_SOC_IOCTL_CONNECT_CODE"), iowr b's' 0, SocConnect<W>;
        SocClose: "HAILO_SOC_CLOSE" ("HAILO_SOC_IOCTL_CLOSE_CODE"), ior b's' 1, SocClose;
        SocPowerOff: "HAILO_SOC_POWER_OFF" ("HAILO_SOC_IOCTL_POWER_OFF_CODE"), io b's' 2;
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
        doorbell::NNC_INTERRUPT_MASKS, doorbell::SOC_INTERRUPT_MASKS,
    }
    constants {
        constants::COMMON, constants::ACCELERATOR_GROUPS, constants::CHANNELS_PER_DIRECTION,
        constants::DESCRIPTOR_LISTS, constants::INTERRUPT_DATA, constants::MEMORY_TRANSFER, constants::TIMESTAMPS,
    }
    boards {
        BoardType:
        HAILO8 => Hailo8, HAILO15 => Hailo15, HAILO15L => Hailo15L, HAILO10H => Hailo10H,
        HAILO10H_LEGACY => Hailo15HAcceleratorMode, MARS => Mars,
    }
}
