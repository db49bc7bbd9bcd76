//! Parameters of the queries, firmware controls, notifications, logs and ownership.

use crate::enums::{AllocationMode, CpuId, DmaType, TransferDirection};
use crate::release::DriverRelease;

/// The most bytes that a firmware control or its answer has (`MAX_CONTROL_LENGTH`).
pub const MAX_CONTROL_LENGTH: usize = 1500;
/// The most bytes that a notification has (`MAX_NOTIFICATION_LENGTH`).
pub const MAX_NOTIFICATION_LENGTH: usize = 1500;
/// The most bytes that one read of a log gives (`MAX_FW_LOG_BUFFER_LENGTH`).
pub const MAX_FW_LOG_BUFFER_LENGTH: usize = 512;
/// The most bytes that one memory transfer moves (`MAX_MEMORY_TRANSFER_LENGTH`).
pub const MAX_MEMORY_TRANSFER_LENGTH: usize = 4096;
/// The length of the MD5 that goes with a control (`PCIE_EXPECTED_MD5_LENGTH`).
pub const MD5_LENGTH: usize = 16;

/// The driver's release, as it answers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DriverInfo {
    /// The release.
    pub release: DriverRelease,
}

/// What the driver knows of its board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceProperties {
    /// The largest page size of a descriptor list, in bytes.
    pub desc_max_page_size: u16,
    /// The board's number. The numbers changed between releases: [`Interface::board`](crate::Interface::board) gives their meaning.
    pub board_type: u32,
    /// Who allocates buffers; from 5.0.1 on always the process.
    pub allocation_mode: AllocationMode,
    /// How the accelerator reaches memory.
    pub dma_type: DmaType,
    /// How many vDMA engines the board has: 1 on PCIe boards.
    pub dma_engines_count: u64,
    /// Whether firmware is running.
    pub is_fw_loaded: bool,
}

/// Reads or writes memory of the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryTransfer<'a> {
    /// Read from the device or write to it.
    pub transfer_direction: TransferDirection,
    /// Which memory: a number of the interface's `TransferMemoryType`.
    pub memory_type: u32,
    /// The address or offset within that memory.
    pub address: u64,
    /// How many bytes, at most 4096.
    pub count: u64,
    /// The bytes to write; only the first `count` matter.
    pub buffer: &'a [u8; MAX_MEMORY_TRANSFER_LENGTH],
}

/// A firmware control. The MD5 is that of the first `buffer_len` bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FwControl<'a> {
    /// The MD5 of the request.
    pub expected_md5: [u8; MD5_LENGTH],
    /// The length of the request in bytes. The driver does not check it: more than 1500 reads past the argument.
    pub buffer_len: u32,
    /// The request; encoding fills up with zeros, decoding gives all 1500 bytes.
    pub buffer: &'a [u8],
    /// How long to wait for the answer, in milliseconds.
    pub timeout_ms: u32,
    /// The CPU it is for. The driver takes everything but [`CpuId::CPU1`] for the application CPU.
    pub cpu_id: CpuId,
}

/// The answer of the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FwControlReply<'a> {
    /// The MD5 that the firmware computed, to be verified.
    pub expected_md5: [u8; MD5_LENGTH],
    /// The length of the answer in bytes; not to be trusted.
    pub buffer_len: u32,
    /// All 1500 bytes of the buffer.
    pub buffer: &'a [u8; MAX_CONTROL_LENGTH],
}

impl<'a> FwControlReply<'a> {
    /// The answer itself, or `None` if the stated length is more than there can be.
    #[must_use]
    pub fn message(&self) -> Option<&'a [u8]> {
        self.buffer.get(..usize::try_from(self.buffer_len).ok()?)
    }
}

/// A notification of the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notification<'a> {
    /// Its length in bytes; not to be trusted.
    pub buffer_len: u64,
    /// All 1500 bytes of the buffer.
    pub buffer: &'a [u8; MAX_NOTIFICATION_LENGTH],
}

impl<'a> Notification<'a> {
    /// The notification itself, or `None` if the stated length is more than there can be.
    #[must_use]
    pub fn message(&self) -> Option<&'a [u8]> {
        self.buffer.get(..usize::try_from(self.buffer_len).ok()?)
    }
}

/// Reads the log of a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReadLog {
    /// Whose log. Only [`CpuId::CPU0`] and [`CpuId::CPU1`] have one.
    pub cpu_id: CpuId,
    /// The most bytes to read, at most 512.
    pub buffer_size: u64,
}

/// Bytes of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log<'a> {
    /// How many bytes were read; not to be trusted.
    pub read_bytes: u64,
    /// All 512 bytes of the buffer.
    pub buffer: &'a [u8; MAX_FW_LOG_BUFFER_LENGTH],
}

impl<'a> Log<'a> {
    /// The bytes that were read, or `None` if the stated length is more than there can be.
    #[must_use]
    pub fn bytes(&self) -> Option<&'a [u8]> {
        self.buffer.get(..usize::try_from(self.read_bytes).ok()?)
    }
}

/// Whether another file already had the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MarkAsInUseReply {
    /// True: the device belongs to another open file; false: it belongs to this one now.
    pub in_use: bool,
}
