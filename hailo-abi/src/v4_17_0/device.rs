//! Queries, memory transfers, firmware controls, notifications, logs and ownership.

use zerocopy::little_endian::{U16, U32, U64};

use crate::argument::{Argument, Inexpressible, Param, argument};
use crate::command::{
    self, Command, FwControlReply, Log, MAX_CONTROL_LENGTH, MAX_FW_LOG_BUFFER_LENGTH, MAX_MEMORY_TRANSFER_LENGTH,
    MAX_NOTIFICATION_LENGTH, MD5_LENGTH, MarkAsInUseReply, Notification, Reply,
};
use crate::data_model::Word;
use crate::enums::{AllocationMode, BoardNumber, CpuId, DmaType, TransferDirection, TransferMemoryType};
use crate::release::DriverRelease;
use crate::wire::{Bool, wire};

wire! {
    /// The driver's release. The only argument that is the same 12 bytes in every release, though not under the same code.
    "hailo_driver_info", 12;
    pub struct DriverInfo {
        /// *out*: the major version.
        0 => major_version: U32,
        /// *out*: the minor version.
        4 => minor_version: U32,
        /// *out*: the revision.
        8 => revision_version: U32,
    }
}

impl Argument for DriverInfo {
    fn encode(&mut self, command: &Command<'_>) -> Result<(), Inexpressible> {
        match command {
            Command::QueryDriverInfo => Ok(()),
            _ => Err(Inexpressible::COMMAND),
        }
    }

    fn decode(&self) -> Command<'_> {
        Command::QueryDriverInfo
    }

    fn encode_reply(&mut self, reply: &Reply<'_>) -> Result<(), Inexpressible> {
        let Reply::DriverInfo(info) = reply else { return Err(Inexpressible::REPLY) };
        self.set_major_version(info.release.major);
        self.set_minor_version(info.release.minor);
        self.set_revision_version(info.release.revision);
        Ok(())
    }

    fn decode_reply(&self) -> Reply<'_> {
        Reply::DriverInfo(command::DriverInfo {
            release: DriverRelease::new(self.major_version(), self.minor_version(), self.revision_version()),
        })
    }
}

wire! {
    /// What the driver knows of its board.
    "hailo_device_properties", 23 / 19;
    pub struct DeviceProperties<W> {
        /// *out*: the largest page size of a descriptor list, in bytes.
        0 / 0 => desc_max_page_size: U16,
        /// *out*: the board, by the number that it has in this release.
        2 / 2 => board_type: BoardNumber,
        /// *out*: who allocates buffers.
        6 / 6 => allocation_mode: AllocationMode,
        /// *out*: how the accelerator reaches memory.
        10 / 10 => dma_type: DmaType,
        /// *out*: how many vDMA engines the board has.
        14 / 14 => dma_engines_count: W,
        /// *out*: whether firmware is running.
        22 / 18 => is_fw_loaded: Bool,
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
        desc_max_page_size, board_type, allocation_mode, dma_type, dma_engines_count, is_fw_loaded
    });
}

wire! {
    /// Reads or writes memory of the device.
    "hailo_memory_transfer_params", 4120 / 4116;
    pub struct MemoryTransfer<W> {
        /// *in*: read from the device or write to it.
        0 / 0 => transfer_direction: TransferDirection,
        /// *in*: which memory.
        4 / 4 => memory_type: TransferMemoryType,
        /// *in*: the address or offset within that memory.
        8 / 8 => address: U64,
        /// *in*: how many bytes, at most 4096.
        16 / 16 => count: W,
        /// *in/out*: the bytes.
        24 / 20 => buffer: [u8; MAX_MEMORY_TRANSFER_LENGTH],
    }
}

impl<W: Word> Argument for MemoryTransfer<W> {
    fn encode(&mut self, command: &Command<'_>) -> Result<(), Inexpressible> {
        let Command::MemoryTransfer(params) = command else { return Err(Inexpressible::COMMAND) };
        self.transfer_direction = params.transfer_direction;
        self.memory_type = TransferMemoryType::from_raw(params.memory_type);
        self.address = U64::new(params.address);
        self.buffer = *params.buffer;
        if self.count.put(&params.count) { Ok(()) } else { Err(Inexpressible("count")) }
    }

    fn decode(&self) -> Command<'_> {
        Command::MemoryTransfer(command::MemoryTransfer {
            transfer_direction: self.transfer_direction,
            memory_type: self.memory_type.raw(),
            address: self.address.get(),
            count: self.count.get(),
            buffer: &self.buffer,
        })
    }

    fn encode_reply(&mut self, reply: &Reply<'_>) -> Result<(), Inexpressible> {
        let Reply::MemoryTransfer(buffer) = reply else { return Err(Inexpressible::REPLY) };
        self.buffer = **buffer;
        Ok(())
    }

    fn decode_reply(&self) -> Reply<'_> {
        Reply::MemoryTransfer(&self.buffer)
    }
}

wire! {
    /// A control of the firmware and its answer.
    "hailo_fw_control", 1528;
    pub struct FwControl {
        /// *in/out*: the MD5 of the first `buffer_len` bytes of the request; afterwards the one that the firmware sent.
        0 => expected_md5: [u8; MD5_LENGTH],
        /// *in/out*: the length of the request in bytes; afterwards that of the answer.
        16 => buffer_len: U32,
        /// *in/out*: the request; afterwards the answer.
        20 => buffer: [u8; MAX_CONTROL_LENGTH],
        /// *in*: how long to wait for the answer, in milliseconds.
        1520 => timeout_ms: U32,
        /// *in*: the CPU it is for.
        1524 => cpu_id: CpuId,
    }
}

impl Argument for FwControl {
    fn encode(&mut self, command: &Command<'_>) -> Result<(), Inexpressible> {
        let Command::FwControl(params) = command else { return Err(Inexpressible::COMMAND) };
        let Some((request, rest)) = self.buffer.split_at_mut_checked(params.buffer.len()) else {
            return Err(Inexpressible("buffer"));
        };
        request.copy_from_slice(params.buffer);
        rest.fill(0);
        self.expected_md5 = params.expected_md5;
        self.set_buffer_len(params.buffer_len);
        self.set_timeout_ms(params.timeout_ms);
        self.cpu_id = params.cpu_id;
        Ok(())
    }

    fn decode(&self) -> Command<'_> {
        Command::FwControl(command::FwControl {
            expected_md5: self.expected_md5,
            buffer_len: self.buffer_len(),
            buffer: &self.buffer,
            timeout_ms: self.timeout_ms(),
            cpu_id: self.cpu_id,
        })
    }

    fn encode_reply(&mut self, reply: &Reply<'_>) -> Result<(), Inexpressible> {
        let Reply::FwControl(reply) = reply else { return Err(Inexpressible::REPLY) };
        self.expected_md5 = reply.expected_md5;
        self.set_buffer_len(reply.buffer_len);
        self.buffer = *reply.buffer;
        Ok(())
    }

    fn decode_reply(&self) -> Reply<'_> {
        Reply::FwControl(FwControlReply {
            expected_md5: self.expected_md5,
            buffer_len: self.buffer_len(),
            buffer: &self.buffer,
        })
    }
}

wire! {
    /// A notification of the firmware.
    "hailo_d2h_notification", 1508 / 1504;
    pub struct D2hNotification<W> {
        /// *out*: its length in bytes.
        0 / 0 => buffer_len: W,
        /// *out*: the notification.
        8 / 4 => buffer: [u8; MAX_NOTIFICATION_LENGTH],
    }
}

impl<W: Word> Argument for D2hNotification<W> {
    fn encode(&mut self, command: &Command<'_>) -> Result<(), Inexpressible> {
        match command {
            Command::ReadNotification => Ok(()),
            _ => Err(Inexpressible::COMMAND),
        }
    }

    fn decode(&self) -> Command<'_> {
        Command::ReadNotification
    }

    fn encode_reply(&mut self, reply: &Reply<'_>) -> Result<(), Inexpressible> {
        let Reply::Notification(reply) = reply else { return Err(Inexpressible::REPLY) };
        self.buffer = *reply.buffer;
        if self.buffer_len.put(&reply.buffer_len) { Ok(()) } else { Err(Inexpressible("buffer_len")) }
    }

    fn decode_reply(&self) -> Reply<'_> {
        Reply::Notification(Notification { buffer_len: self.buffer_len.get(), buffer: &self.buffer })
    }
}

wire! {
    /// The head of the area in which the firmware puts a notification. No request takes it.
    "hailo_d2h_buffer_details_t", 4;
    pub struct D2hBufferDetails {
        /// Whether the notification was not read yet.
        0 => is_buffer_in_use: U16,
        /// Its length in bytes.
        2 => buffer_len: U16,
    }
}

wire! {
    /// Reads the log of a CPU.
    "hailo_read_log_params", 532 / 524;
    pub struct ReadLog<W> {
        /// *in*: whose log.
        0 / 0 => cpu_id: CpuId,
        /// *out*: the bytes of the log.
        4 / 4 => buffer: [u8; MAX_FW_LOG_BUFFER_LENGTH],
        /// *in*: the most bytes to read, at most 512.
        516 / 516 => buffer_size: W,
        /// *out*: how many bytes were read.
        524 / 520 => read_bytes: W,
    }
}

impl<W: Word> Argument for ReadLog<W> {
    fn encode(&mut self, command: &Command<'_>) -> Result<(), Inexpressible> {
        let Command::ReadLog(params) = command else { return Err(Inexpressible::COMMAND) };
        self.cpu_id = params.cpu_id;
        if self.buffer_size.put(&params.buffer_size) { Ok(()) } else { Err(Inexpressible("buffer_size")) }
    }

    fn decode(&self) -> Command<'_> {
        Command::ReadLog(command::ReadLog { cpu_id: self.cpu_id, buffer_size: self.buffer_size.get() })
    }

    fn encode_reply(&mut self, reply: &Reply<'_>) -> Result<(), Inexpressible> {
        let Reply::Log(reply) = reply else { return Err(Inexpressible::REPLY) };
        self.buffer = *reply.buffer;
        if self.read_bytes.put(&reply.read_bytes) { Ok(()) } else { Err(Inexpressible("read_bytes")) }
    }

    fn decode_reply(&self) -> Reply<'_> {
        Reply::Log(Log { read_bytes: self.read_bytes.get(), buffer: &self.buffer })
    }
}

wire! {
    /// Takes the device for this file.
    "hailo_mark_as_in_use_params", 1;
    pub struct MarkAsInUse {
        /// *out*: whether another file already has the device.
        0 => in_use: Bool,
    }
}

impl Argument for MarkAsInUse {
    fn encode(&mut self, command: &Command<'_>) -> Result<(), Inexpressible> {
        match command {
            Command::MarkAsInUse => Ok(()),
            _ => Err(Inexpressible::COMMAND),
        }
    }

    fn decode(&self) -> Command<'_> {
        Command::MarkAsInUse
    }

    fn encode_reply(&mut self, reply: &Reply<'_>) -> Result<(), Inexpressible> {
        let Reply::MarkAsInUse(reply) = reply else { return Err(Inexpressible::REPLY) };
        self.set_in_use(reply.in_use);
        Ok(())
    }

    fn decode_reply(&self) -> Reply<'_> {
        Reply::MarkAsInUse(MarkAsInUseReply { in_use: self.in_use() })
    }
}
