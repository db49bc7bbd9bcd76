//! What is stored for sensors. The words' order is not confirmed by any recording.

use super::enums::{I2cEndianness, SensorOperation};
use super::sensor::MAX_CONFIG_NAME_LEN;
use super::text::Text;
use crate::firmware::layout::{Be16, Be32, Bool, Le16, Padded, wire_structs};

/// Sections of flash memory for sensors.
#[doc(alias = "SENSOR_CONFIG__SENSOR_SECTION_BLOCK_COUNT")]
pub const SENSOR_SECTIONS: usize = 7;
/// Sections of flash memory for the image processor.
#[doc(alias = "SENSOR_CONFIG__ISP_SECTIONS_BLOCK_COUNT")]
pub const ISP_SECTIONS: usize = 1;
/// The section of the image processor.
#[doc(alias = "SENSOR_CONFIG__ISP_SECTION_INDEX")]
pub const ISP_SECTION_INDEX: usize = SENSOR_SECTIONS;
/// All sections.
#[doc(alias = "SENSOR_CONFIG__TOTAL_SECTIONS_BLOCK_COUNT")]
pub const TOTAL_SECTIONS: usize = SENSOR_SECTIONS + ISP_SECTIONS;
/// Bytes of what is said about all sections.
#[doc(alias = "SENSOR_SECTIONS_INFO_SIZE")]
pub const SENSOR_SECTIONS_INFO_LENGTH: usize = TOTAL_SECTIONS * size_of::<SensorSectionInfoLayout>();

wire_structs! {
    /// One step of a sensor's configuration.
    #[derive(Default, Eq, Hash)]
    struct SensorOperationConfig => SensorOperationConfigLayout =
        "SENSOR_CONFIG__operation_cfg_t", 15, V4_17..=V5_2
    {
        /// What it does.
        [0] operation: SensorOperation as u8,
        /// Bits of the register.
        [1] length: u8 as u8,
        /// The page of registers.
        [2] page: u8 as u8,
        /// The register, or milliseconds to wait.
        [3] address: u32 as Be32,
        /// Bits that are changed.
        [7] bitmask: u32 as Be32,
        /// The value.
        [11] value: u32 as Be32,
    }

    /// What is stored in a section.
    #[derive(Default, Eq, Hash)]
    struct SensorSectionInfo => SensorSectionInfoLayout = "SENSOR_CONFIG__section_info_t", 120, V4_17..=V5_2 {
        /// The vendor's number of the sensor.
        [0] sensor_type: u32 as Be32,
        /// Bytes of the configuration.
        [4] config_size: u32 as Be32,
        /// Bytes of the part that resets the sensor.
        [8] reset_config_size: u16 as Be16,
        /// Whether the section is free.
        [10] is_free: u8 as u8,
        /// Whether there is no part that resets the sensor.
        [11] no_reset_offset: u8 as u8,
        /// Height of the image, in pixels.
        [12] config_height: u16 as Be16,
        /// Width of the image, in pixels.
        [14] config_width: u16 as Be16,
        /// Frames per second.
        [16] config_fps: u16 as Be16,
        /// The version of the section.
        [18] section_version: u16 as Be16,
        /// The configuration's name.
        [20] config_name: Text<MAX_CONFIG_NAME_LEN> as [u8; MAX_CONFIG_NAME_LEN],
    }

    /// An I²C device as the host's encoder is told of it; it does not travel in this form.
    #[derive(Default, Eq, Hash)]
    struct I2cSlaveInfo => I2cSlaveInfoLayout = "SENSOR_I2C_SLAVE_INFO_t", 8, V4_17..=V5_2 {
        /// The bus.
        [0] bus_index: u8 as Padded<u8, 1>,
        /// The address on the bus.
        [2] slave_address: u16 as Le16,
        /// Bytes of a register's address.
        [4] register_address_size: u8 as u8,
        /// Whether the bus is kept between two transfers.
        [5] should_hold_bus: Bool as Bool,
        /// The order of the bytes in its registers.
        [6] endianness: I2cEndianness as Padded<u8, 1>,
    }
}
