//! Queries, logs, memory transfers, ownership.

use hailo_abi::Errno;
use hailo_abi::command::{DeviceProperties, DriverInfo, MAX_FW_LOG_BUFFER_LENGTH, MemoryTransfer, ReadLog};
use hailo_abi::enums::{AllocationMode, CpuId, DmaType, TransferDirection};

use super::{Board, FileId, Kernel, Stop};
use crate::device::Cpu;

/// The largest page of a descriptor list that the driver recommends.
const DESC_MAX_PAGE_SIZE: u16 = 4096;
/// The most bytes of one memory transfer.
const MAX_MEMORY_TRANSFER: u64 = 4096;
/// Memory of the device by number (`HAILO_TRANSFER_…`), as far as a PCIe board has it.
const MEMORY_TYPES: [u32; 7] = [0x000, 0x100, 0x200, 0x202, 0x204, 0x400, 0x401];

impl Board {
    /// `QUERY_DRIVER_INFO`.
    pub(super) fn driver_info(&self) -> DriverInfo {
        DriverInfo { release: self.behaviour.release }
    }

    /// `QUERY_DEVICE_PROPERTIES`.
    pub(super) fn device_properties(&self) -> DeviceProperties {
        DeviceProperties {
            desc_max_page_size: DESC_MAX_PAGE_SIZE,
            board_type: self.board_type,
            allocation_mode: AllocationMode::USERSPACE,
            dma_type: DmaType::PCIE,
            dma_engines_count: 1,
            is_fw_loaded: self.device.is_firmware_loaded(),
        }
    }

    /// `READ_LOG`. `buffer` holds what the process has sent, and gets the bytes; their number is returned.
    pub(super) fn read_log(&self, params: &ReadLog, buffer: &mut [u8; MAX_FW_LOG_BUFFER_LENGTH]) -> Result<u64, Stop> {
        let cpu = match params.cpu_id {
            CpuId::CPU0 => Cpu::Application,
            CpuId::CPU1 => Cpu::Core,
            _ => return Err(Errno::EINVAL.into()),
        };
        let size = usize::try_from(params.buffer_size).unwrap_or(usize::MAX);
        let bytes = buffer.get_mut(..size).ok_or(Errno::EINVAL)?;
        Ok(self.device.read_log(cpu, bytes) as u64)
    }

    /// `MEMORY_TRANSFER`. Returns the buffer for the answer.
    pub(super) fn memory_transfer(&self, params: &MemoryTransfer<'_>) -> Result<Box<[u8; 4096]>, Stop> {
        let mut buffer = Box::new(*params.buffer);
        let write = match params.transfer_direction {
            TransferDirection::READ => false,
            TransferDirection::WRITE => true,
            _ => return Err(Errno::EINVAL.into()),
        };
        if params.count > MAX_MEMORY_TRANSFER || !MEMORY_TYPES.contains(&params.memory_type) {
            return Err(Errno::EINVAL.into());
        }
        let bytes = &mut buffer[..params.count as usize];
        if !write && self.device.is_unplugged() {
            bytes.fill(0xff);
        } else {
            self.device.access_memory(params.memory_type, params.address, bytes, write);
        }
        Ok(buffer)
    }
}

impl Kernel {
    /// `MARK_AS_IN_USE`. Returns whether the device belongs to another file.
    pub(super) fn mark_as_in_use(&mut self, file: FileId) -> bool {
        *self.owner.get_or_insert(file) != file
    }
}
