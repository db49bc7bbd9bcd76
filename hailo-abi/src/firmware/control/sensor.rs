//! Sensors and I²C devices.

use super::buffer::MAX_CONTROL_LENGTH;
use super::enums::I2cEndianness;
use super::parameter_macros::parameter_structs;
use super::text::Text;
use crate::firmware::layout::{Be16, Be32, Bool, Field, Unrepresentable};

/// The most bytes of a register that are read at a time.
#[doc(alias = "CONTROL_PROTOCOL__MAX_I2C_REGISTER_SIZE")]
pub const MAX_I2C_REGISTER_SIZE: usize = 4;

/// Bytes of a configuration's name.
pub const MAX_CONFIG_NAME_LEN: usize = 100;

parameter_structs! {
    /// An I²C device.
    struct I2cSlaveConfig => I2cSlaveConfigParameters = "CONTROL_PROTOCOL__i2c_slave_config_t", 26, V4_17..=V5_2 {
        /// The order of the bytes in its registers.
        [4] endianness: I2cEndianness as u8,
        /// Its address on the bus.
        [9] slave_address: u16 as Be16,
        /// Bytes of a register's address.
        [15] register_address_size: u8 as u8,
        /// The bus.
        [20] bus_index: u8 as u8,
        /// Whether the bus is kept between writing the register's address and reading.
        [25] should_hold_bus: Bool as Bool,
    }

    /// Writes to an I²C device.
    struct I2cWrite<'m> => I2cWriteRequest = "CONTROL_PROTOCOL__i2c_write_request_t", 38, V4_17..=V5_2 {
        nested /// The device.
        slave_config: I2cSlaveConfig as I2cSlaveConfigParameters,
        /// The register.
        [30] register_address("register_address_size"): u32 as Be32,
        tail /// What is written.
        [38] data: [u8; 0] up to MAX_CONTROL_LENGTH,
    }

    /// Reads from an I²C device.
    struct I2cRead => I2cReadRequest = "CONTROL_PROTOCOL__i2c_read_request_t", 42, V4_17..=V5_2 {
        nested /// The device.
        slave_config: I2cSlaveConfig as I2cSlaveConfigParameters,
        /// The register.
        [30] register_address("register_address_size"): u32 as Be32,
        /// How many bytes, at most [`MAX_I2C_REGISTER_SIZE`].
        [38] data_length: u32 as Be32,
    }

    /// What was read from an I²C device.
    struct I2cData<'m> => I2cReadResponse = "CONTROL_PROTOCOL__i2c_read_response_t", 8, V4_17..=V5_2 {
        tail /// The bytes.
        [4] data: [u8; 4] up to MAX_I2C_REGISTER_SIZE,
    }

    /// Stores a part of a sensor's configuration.
    struct SensorStoreConfig<'m> => SensorStoreConfigRequest = "CONTROL_PROTOCOL__sensor_store_config_request_t", 174, V4_17..=V5_2 {
        /// The section of flash memory.
        [4] section_index: u32 as Be32,
        /// 1 for the first part, which the others continue.
        [12] is_first: u32 as Be32,
        /// Where the part begins, in bytes.
        [20] start_offset: u32 as Be32,
        /// Bytes of the part that resets the sensor.
        [28] reset_data_size: u32 as Be32,
        /// The vendor's number of the sensor.
        [36] sensor_type: u32 as Be32,
        /// Bytes of all parts.
        [44] total_data_size: u32 as Be32,
        /// Height of the image, in pixels.
        [52] config_height: u16 as Be16,
        /// Width of the image, in pixels.
        [58] config_width: u16 as Be16,
        /// Frames per second.
        [64] config_fps: u16 as Be16,
        /// The configuration's name, filled up with zeros.
        [70] config_name: Text<MAX_CONFIG_NAME_LEN> as [u8; MAX_CONFIG_NAME_LEN],
        tail /// The part.
        [174] data: [u8; 0] up to MAX_CONTROL_LENGTH,
    }

    /// Reads a part of a sensor's configuration.
    struct SensorGetConfig => SensorGetConfigRequest = "CONTROL_PROTOCOL__sensor_get_config_request_t", 24, V4_17..=V5_2 {
        /// The section of flash memory.
        [4] section_index: u32 as Be32,
        /// Where the part begins, in bytes.
        [12] offset: u32 as Be32,
        /// How many bytes.
        [20] data_size: u32 as Be32,
    }

    /// A part of a sensor's configuration.
    struct SensorConfigData<'m> => SensorGetConfigResponse = "CONTROL_PROTOCOL__sensor_get_config_response_t", 1028, V4_17..=V5_2 {
        tail /// The part: [`SensorOperationConfig`](super::SensorOperationConfig) after another.
        [4] data: [u8; 1024] up to 1024,
    }

    /// What is stored for sensors.
    struct SensorSections<'m> => SensorGetSectionsInfoResponse = "CONTROL_PROTOCOL__sensor_get_sections_info_response_t", 1028, V4_17..=V5_2 {
        tail /// Eight times [`SensorSectionInfo`](super::SensorSectionInfo).
        [4] data: [u8; 1024] up to 1024,
    }

    /// Loads a sensor's configuration and starts it.
    struct SensorLoadConfig => SensorLoadConfigRequest = "CONTROL_PROTOCOL__sensor_load_config_request_t", 8, V4_17..=V5_2 {
        /// The section of flash memory.
        [4] section_index: u32 as Be32,
    }

    /// Resets a sensor.
    struct SensorReset => SensorResetRequest = "CONTROL_PROTOCOL__sensor_reset_request_t", 8, V4_17..=V5_2 {
        /// The section of flash memory.
        [4] section_index: u32 as Be32,
    }

    /// Says which I²C device a sensor is.
    struct SensorSetGenericI2cSlave => SensorSetGenericI2cSlaveRequest = "CONTROL_PROTOCOL__sensor_set_generic_i2c_slave_request_t", 26, V4_17..=V5_2 {
        /// Its address on the bus.
        [4] slave_address: u16 as Be16,
        /// Bytes of a register's address.
        [10] register_address_size: u8 as u8,
        /// The bus.
        [15] bus_index: u8 as u8,
        /// Whether the bus is kept between two transfers.
        [20] should_hold_bus: Bool as Bool,
        /// The order of the bytes in its registers.
        [25] endianness: I2cEndianness as u8,
    }

    /// Says on which I²C bus a sensor is.
    struct SensorSetI2cBusIndex => SensorSetI2cBusIndexRequest = "CONTROL_PROTOCOL__sensor_set_i2c_bus_index_t", 16, V4_17..=V5_2 {
        /// The vendor's number of the sensor.
        [4] sensor_type: u32 as Be32,
        /// The bus.
        [12] i2c_bus_index: u32 as Be32,
    }
}

impl Field<I2cSlaveConfigParameters> for I2cSlaveConfig {
    fn to_wire(&self) -> Result<I2cSlaveConfigParameters, Unrepresentable> {
        I2cSlaveConfigParameters::pack(self)
    }
    fn from_wire(wire: &I2cSlaveConfigParameters) -> Self {
        I2cSlaveConfigParameters::unpack(wire)
    }
}
