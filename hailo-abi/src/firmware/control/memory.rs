//! Memory, the two configurations, and updates of the firmware.

use super::buffer::MAX_CONTROL_LENGTH;
use super::parameter_macros::parameter_structs;
use crate::firmware::layout::Be32;

/// The most bytes that one control reads.
#[doc(alias = "CONTROL_PROTOCOL__MAX_READ_MEMORY_DATA_SIZE")]
pub const MAX_READ_MEMORY_DATA_SIZE: usize = 1024;

parameter_structs! {
    /// Reads memory, the user configuration or the board configuration.
    struct ReadMemory => ReadMemoryRequest = "CONTROL_PROTOCOL__read_memory_request_t", 16, V4_17..=V5_2 {
        /// Where, in bytes; an offset in the case of a configuration.
        [4] address: u32 as Be32,
        /// How many bytes, at most [`MAX_READ_MEMORY_DATA_SIZE`].
        [12] data_count: u32 as Be32,
    }

    /// Writes memory, the user configuration or the board configuration.
    struct WriteMemory<'m> => WriteMemoryRequest = "CONTROL_PROTOCOL__write_memory_request_t", 12, V4_17..=V5_2 {
        /// Where, in bytes; an offset in the case of a configuration.
        [4] address: u32 as Be32,
        tail /// What is written.
        [12] data: [u8; 0] up to MAX_CONTROL_LENGTH,
    }

    /// Sends a part of a firmware or of a second stage boot loader.
    struct WriteFirmwareUpdate<'m> => WriteFirmwareUpdateRequest = "CONTROL_PROTOCOL__write_firmware_update_request_t", 12, V4_17..=V5_2 {
        /// Where the part begins, in bytes.
        [4] offset: u32 as Be32,
        tail /// The part.
        [12] data: [u8; 0] up to MAX_CONTROL_LENGTH,
    }

    /// Has the sent firmware checked.
    struct ValidateFirmwareUpdate => ValidateFirmwareUpdateRequest = "CONTROL_PROTOCOL__validate_firmware_update_request_t", 28, V4_17..=V5_2 {
        /// The MD5 digest of all parts together.
        [4] expected_md5: [u8; 16] as [u8; 16],
        /// Bytes of all parts together.
        [24] firmware_size: u32 as Be32,
    }

    /// Writes the sent second stage boot loader to flash memory.
    struct CopySecondStageToFlash => CopySecondStageToFlashRequest = "CONTROL_PROTOCOL__copy_second_stage_to_flash_request_t", 28, V4_17..=V5_2 {
        /// The MD5 digest of all parts together.
        [4] expected_md5: [u8; 16] as [u8; 16],
        /// Bytes of all parts together.
        [24] second_stage_size: u32 as Be32,
    }

    /// Memory that was read.
    struct MemoryData<'m> => ReadMemoryResponse = "CONTROL_PROTOCOL__read_memory_response_t", 1028, V4_17..=V5_2 {
        tail /// The bytes.
        [4] data: [u8; 1024] up to MAX_READ_MEMORY_DATA_SIZE,
    }

    /// How large the user configuration is.
    struct UserConfigSize => ExamineUserConfigResponse = "CONTROL_PROTOCOL__examine_user_config_response_t", 24, V4_17..=V5_2 {
        /// Its version.
        [4] version: u32 as Be32,
        /// Entries.
        [12] entry_count: u32 as Be32,
        /// Bytes.
        [20] total_size: u32 as Be32,
    }
}
