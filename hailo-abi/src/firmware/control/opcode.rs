//! The numbers of the controls: who carries them out, and which are allowed whatever the release.

use super::request::Request;
use super::response::Response;
use crate::firmware::FirmwareInterface;
use crate::firmware::enums::open_enums;
use crate::firmware::layout::LayoutInfo;

open_enums! {
    /// What a control asks for. The numbers have never changed.
    enum Opcode(u32) = "CONTROL_PROTOCOL__OPCODE_t" count "HAILO_CONTROL_OPCODE_COUNT" {
        /// Asks for the identity of the device and its application firmware.
        IDENTIFY = 0, "HAILO_CONTROL_OPCODE_IDENTIFY";
        /// Writes the device's memory.
        WRITE_MEMORY = 1, "HAILO_CONTROL_OPCODE_WRITE_MEMORY";
        /// Reads the device's memory.
        READ_MEMORY = 2, "HAILO_CONTROL_OPCODE_READ_MEMORY";
        /// Configures a stream.
        CONFIG_STREAM = 3, "HAILO_CONTROL_OPCODE_CONFIG_STREAM";
        /// Opens a stream.
        OPEN_STREAM = 4, "HAILO_CONTROL_OPCODE_OPEN_STREAM";
        /// Closes a stream.
        CLOSE_STREAM = 5, "HAILO_CONTROL_OPCODE_CLOSE_STREAM";
        /// Operates the Ethernet PHY.
        PHY_OPERATION = 6, "HAILO_CONTROL_OPCODE_PHY_OPERATION";
        /// Resets the device or a part of it.
        RESET = 7, "HAILO_CONTROL_OPCODE_RESET";
        /// Configures the core's top level.
        CONFIG_CORE_TOP = 8, "HAILO_CONTROL_OPCODE_CONFIG_CORE_TOP";
        /// Measures power, voltage or current once.
        POWER_MEASUREMENT = 9, "HAILO_CONTROL_OPCODE_POWER_MEASUEMENT";
        /// Prepares a periodic measurement.
        SET_POWER_MEASUREMENT = 10, "HAILO_CONTROL_OPCODE_SET_POWER_MEASUEMENT";
        /// Asks for the results of a periodic measurement.
        GET_POWER_MEASUREMENT = 11, "HAILO_CONTROL_OPCODE_GET_POWER_MEASUEMENT";
        /// Starts the periodic measurements.
        START_POWER_MEASUREMENT = 12, "HAILO_CONTROL_OPCODE_START_POWER_MEASUEMENT";
        /// Stops the periodic measurements.
        STOP_POWER_MEASUREMENT = 13, "HAILO_CONTROL_OPCODE_STOP_POWER_MEASUEMENT";
        /// Begins an update of the firmware in flash memory.
        START_FIRMWARE_UPDATE = 14, "HAILO_CONTROL_OPCODE_START_FIRMWARE_UPDATE";
        /// Sends a part of the firmware.
        WRITE_FIRMWARE_UPDATE = 15, "HAILO_CONTROL_OPCODE_WRITE_FIRMWARE_UPDATE";
        /// Has the sent firmware checked.
        VALIDATE_FIRMWARE_UPDATE = 16, "HAILO_CONTROL_OPCODE_VALIDATE_FIRMWARE_UPDATE";
        /// Ends the update.
        FINISH_FIRMWARE_UPDATE = 17, "HAILO_CONTROL_OPCODE_FINISH_FIRMWARE_UPDATE";
        /// Asks how large the user configuration is.
        EXAMINE_USER_CONFIG = 18, "HAILO_CONTROL_OPCODE_EXAMINE_USER_CONFIG";
        /// Reads the user configuration.
        READ_USER_CONFIG = 19, "HAILO_CONTROL_OPCODE_READ_USER_CONFIG";
        /// Erases the user configuration.
        ERASE_USER_CONFIG = 20, "HAILO_CONTROL_OPCODE_ERASE_USER_CONFIG";
        /// Writes the user configuration.
        WRITE_USER_CONFIG = 21, "HAILO_CONTROL_OPCODE_WRITE_USER_CONFIG";
        /// Writes to an I²C device.
        I2C_WRITE = 22, "HAILO_CONTROL_OPCODE_I2C_WRITE";
        /// Reads from an I²C device.
        I2C_READ = 23, "HAILO_CONTROL_OPCODE_I2C_READ";
        /// Configures the measurement of the core's latency.
        NN_CORE_LATENCY_MEASUREMENT_CONFIG = 24, "HAILO_CONTROL_OPCODE_NN_CORE_LATENCY_MEASUREMENT_CONFIG";
        /// Reads the core's latency.
        NN_CORE_LATENCY_MEASUREMENT_READ = 25, "HAILO_CONTROL_OPCODE_NN_CORE_LATENCY_MEASUREMENT_READ";
        /// Stores a sensor's configuration.
        SENSOR_STORE_CONFIG = 26, "HAILO_CONTROL_OPCODE_SENSOR_STORE_CONFIG";
        /// Reads a sensor's configuration.
        SENSOR_GET_CONFIG = 27, "HAILO_CONTROL_OPCODE_SENSOR_GET_CONFIG";
        /// Says which I²C device a sensor is.
        SENSOR_SET_GENERIC_I2C_SLAVE = 28, "HAILO_CONTROL_OPCODE_SENSOR_SET_GENERIC_I2C_SLAVE";
        /// Loads a sensor's configuration and starts it.
        SENSOR_LOAD_AND_START = 29, "HAILO_CONTROL_OPCODE_SENSOR_LOAD_AND_START";
        /// Resets a sensor.
        SENSOR_RESET = 30, "HAILO_CONTROL_OPCODE_SENSOR_RESET";
        /// Reads what is stored for sensors.
        SENSOR_GET_SECTIONS_INFO = 31, "HAILO_CONTROL_OPCODE_SENSOR_GET_SECTIONS_INFO";
        /// Begins the configuration of a network group.
        CONTEXT_SWITCH_SET_NETWORK_GROUP_HEADER = 32, "HAILO_CONTROL_OPCODE_CONTEXT_SWITCH_SET_NETWORK_GROUP_HEADER";
        /// Sends a part of a context.
        CONTEXT_SWITCH_SET_CONTEXT_INFO = 33, "HAILO_CONTROL_OPCODE_CONTEXT_SWITCH_SET_CONTEXT_INFO";
        /// Switches the measurement of idle time.
        IDLE_TIME_SET_MEASUREMENT = 34, "HAILO_CONTROL_OPCODE_IDLE_TIME_SET_MEASUREMENT";
        /// Reads the idle time.
        IDLE_TIME_GET_MEASUREMENT = 35, "HAILO_CONTROL_OPCODE_IDLE_TIME_GET_MEASUREMENT";
        /// Reads back a part of a context.
        DOWNLOAD_CONTEXT_ACTION_LIST = 36, "HAILO_CONTROL_OPCODE_DOWNLOAD_CONTEXT_ACTION_LIST";
        /// Starts or stops a network group.
        CHANGE_CONTEXT_SWITCH_STATUS = 37, "HAILO_CONTROL_OPCODE_CHANGE_CONTEXT_SWITCH_STATUS";
        /// Switches the application processor's watchdog.
        APP_WD_ENABLE = 38, "HAILO_CONTROL_OPCODE_APP_WD_ENABLE";
        /// Configures the application processor's watchdog.
        APP_WD_CONFIG = 39, "HAILO_CONTROL_OPCODE_APP_WD_CONFIG";
        /// Asks why the application processor was reset.
        APP_PREVIOUS_SYSTEM_STATE = 40, "HAILO_CONTROL_OPCODE_APP_PREVIOUS_SYSTEM_STATE";
        /// Raises an interrupt of the data flow.
        SET_DATAFLOW_INTERRUPT = 41, "HAILO_CONTROL_OPCODE_SET_DATAFLOW_INTERRUPT";
        /// Asks for the version of the core processor's firmware.
        CORE_IDENTIFY = 42, "HAILO_CONTROL_OPCODE_CORE_IDENTIFY";
        /// Says where notifications go.
        D2H_EVENT_MANAGER_SET_HOST_INFO = 43, "HAILO_CONTROL_OPCODE_D2H_EVENT_MANAGER_SET_HOST_INFO";
        /// Has a notification about the host sent.
        D2H_EVENT_MANAGER_SEND_EVENT_HOST_INFO = 44, "HAILO_CONTROL_OPCODE_D2H_EVENT_MANAGER_SEND_EVENT_HOST_INFO";
        /// Changes to another network group.
        SWITCH_APPLICATION = 45, "HAILO_CONTROL_OPCODE_SWITCH_APPLICATION";
        /// Reads the two temperature sensors.
        GET_CHIP_TEMPERATURE = 46, "HAILO_CONTROL_OPCODE_GET_CHIP_TEMPERATURE";
        /// Reads the board configuration.
        READ_BOARD_CONFIG = 47, "HAILO_CONTROL_OPCODE_READ_BOARD_CONFIG";
        /// Writes the board configuration.
        WRITE_BOARD_CONFIG = 48, "HAILO_CONTROL_OPCODE_WRITE_BOARD_CONFIG";
        /// Asks for the chip's identity.
        GET_SOC_ID = 49, "HAILO_CONTROL_OPCODE_GET_SOC_ID";
        /// Opens the debugging interface.
        ENABLE_DEBUGGING = 50, "HAILO_CONTROL_OPCODE_ENABLE_DEBUGGING";
        /// Asks for extended information on the device.
        GET_DEVICE_INFORMATION = 51, "HAILO_CONTROL_OPCODE_GET_DEVICE_INFORMATION";
        /// Sets, passes or clears a breakpoint.
        CONFIG_CONTEXT_SWITCH_BREAKPOINT = 52, "HAILO_CONTROL_OPCODE_CONFIG_CONTEXT_SWITCH_BREAKPOINT";
        /// Asks for a breakpoint's state.
        GET_CONTEXT_SWITCH_BREAKPOINT_STATUS = 53, "HAILO_CONTROL_OPCODE_GET_CONTEXT_SWITCH_BREAKPOINT_STATUS";
        /// Reads back the headers of all network groups.
        GET_CONTEXT_SWITCH_MAIN_HEADER = 54, "HAILO_CONTROL_OPCODE_GET_CONTEXT_SWITCH_MAIN_HEADER";
        /// Sets the level and the interfaces of the log.
        SET_FW_LOGGER = 55, "HAILO_CONTROL_OPCODE_SET_FW_LOGGER";
        /// Sends a part of the second stage boot loader.
        WRITE_SECOND_STAGE_TO_INTERNAL_MEMORY = 56, "HAILO_CONTROL_OPCODE_WRITE_SECOND_STAGE_TO_INTERNAL_MEMORY";
        /// Writes the sent second stage boot loader to flash memory.
        COPY_SECOND_STAGE_TO_FLASH = 57, "HAILO_CONTROL_OPCODE_COPY_SECOND_STAGE_TO_FLASH";
        /// Switches Ethernet pause frames.
        SET_PAUSE_FRAMES = 58, "HAILO_CONTROL_OPCODE_SET_PAUSE_FRAMES";
        /// Says of which batch time stamps are kept.
        CONFIG_CONTEXT_SWITCH_TIMESTAMP = 59, "HAILO_CONTROL_OPCODE_CONFIG_CONTEXT_SWITCH_TIMESTAMP";
        /// Runs the built-in test of memories.
        RUN_BIST_TEST = 60, "HAILO_CONTROL_OPCODE_RUN_BIST_TEST";
        /// Sets the core's clock.
        SET_CLOCK_FREQ = 61, "HAILO_CONTROL_OPCODE_SET_CLOCK_FREQ";
        /// Asks for thresholds and throttling.
        GET_HEALTH_INFORMATION = 62, "HAILO_CONTROL_OPCODE_GET_HEALTH_INFORMATION";
        /// Switches throttling by temperature.
        SET_THROTTLING_STATE = 63, "HAILO_CONTROL_OPCODE_SET_THROTTLING_STATE";
        /// Asks whether throttling by temperature is on.
        GET_THROTTLING_STATE = 64, "HAILO_CONTROL_OPCODE_GET_THROTTLING_STATE";
        /// Says on which I²C bus a sensor is.
        SENSOR_SET_I2C_BUS_INDEX = 65, "HAILO_CONTROL_OPCODE_SENSOR_SET_I2C_BUS_INDEX";
        /// Switches the protection against too much current.
        SET_OVERCURRENT_STATE = 66, "HAILO_CONTROL_OPCODE_SET_OVERCURRENT_STATE";
        /// Asks whether the protection against too much current is on.
        GET_OVERCURRENT_STATE = 67, "HAILO_CONTROL_OPCODE_GET_OVERCURRENT_STATE";
        /// Asks why the core processor was reset.
        CORE_PREVIOUS_SYSTEM_STATE = 68, "HAILO_CONTROL_OPCODE_CORE_PREVIOUS_SYSTEM_STATE";
        /// Switches the core processor's watchdog.
        CORE_WD_ENABLE = 69, "HAILO_CONTROL_OPCODE_CORE_WD_ENABLE";
        /// Configures the core processor's watchdog.
        CORE_WD_CONFIG = 70, "HAILO_CONTROL_OPCODE_CORE_WD_CONFIG";
        /// Forgets all network groups.
        CONTEXT_SWITCH_CLEAR_CONFIGURED_APPS = 71, "HAILO_CONTROL_OPCODE_CONTEXT_SWITCH_CLEAR_CONFIGURED_APPS";
        /// Asks for the constants that buffer sizes depend on.
        GET_HW_CONSTS = 72, "HAILO_CONTROL_OPCODE_GET_HW_CONSTS";
        /// Puts the device to sleep or wakes it.
        SET_SLEEP_STATE = 73, "HAILO_CONTROL_OPCODE_SET_SLEEP_STATE";
        /// Starts or stops inference without data of the host.
        CHANGE_HW_INFER_STATUS = 74, "HAILO_CONTROL_OPCODE_CHANGE_HW_INFER_STATUS";
        /// Says that the driver goes away.
        SIGNAL_DRIVER_DOWN = 75, "HAILO_CONTROL_OPCODE_SIGNAL_DRIVER_DOWN";
        /// Tells the sizes of caches. From 4.18.0.
        CONTEXT_SWITCH_INIT_CACHE_INFO = 76, "HAILO_CONTROL_OPCODE_CONTEXT_SWITCH_INIT_CACHE_INFO", V4_18..=V5_2;
        /// Asks for the state of caches. From 4.18.0.
        CONTEXT_SWITCH_GET_CACHE_INFO = 77, "HAILO_CONTROL_OPCODE_CONTEXT_SWITCH_GET_CACHE_INFO", V4_18..=V5_2;
        /// Moves the reading side of caches. From 4.18.0.
        CONTEXT_SWITCH_UPDATE_CACHE_READ_OFFSET = 78, "HAILO_CONTROL_OPCODE_CONTEXT_SWITCH_UPDATE_CACHE_READ_OFFSET", V4_18..=V5_2;
        /// Says that the host has moved the caches on. From 4.18.0.
        CONTEXT_SWITCH_SIGNAL_CACHE_UPDATED = 79, "HAILO_CONTROL_OPCODE_CONTEXT_SWITCH_SIGNAL_CACHE_UPDATED", V4_18..=V5_2;
    }
    /// The processor that carries a control out.
    enum CpuId(u8) = "CPU_ID_t" {
        /// The application processor.
        APP_CPU = 0, "CPU_ID_APP_CPU";
        /// The core processor.
        CORE_CPU = 1, "CPU_ID_CORE_CPU";
        /// Neither; never sent.
        UNKNOWN = 2, "CPU_ID_UNKNOWN";
    }
}

impl Opcode {
    /// Not a control (`CONTROL_PROTOCOL__OPCODE_INVALID`).
    #[doc(alias = "CONTROL_PROTOCOL__OPCODE_INVALID")]
    pub const INVALID: Self = Self(u32::MAX);

    /// The processor that the driver is to hand the control to. Unknown numbers go to the application processor.
    ///
    /// ```
    /// use hailo_abi::firmware::control::{CpuId, Opcode};
    ///
    /// assert_eq!(Opcode::IDENTIFY.cpu(), CpuId::APP_CPU);
    /// assert_eq!(Opcode::CORE_IDENTIFY.cpu(), CpuId::CORE_CPU);
    /// ```
    pub const fn cpu(self) -> CpuId {
        match self {
            Self::CONTEXT_SWITCH_SET_NETWORK_GROUP_HEADER
            | Self::CONTEXT_SWITCH_SET_CONTEXT_INFO
            | Self::DOWNLOAD_CONTEXT_ACTION_LIST
            | Self::CHANGE_CONTEXT_SWITCH_STATUS
            | Self::SET_DATAFLOW_INTERRUPT
            | Self::CORE_IDENTIFY
            | Self::SWITCH_APPLICATION
            | Self::CONFIG_CONTEXT_SWITCH_BREAKPOINT
            | Self::GET_CONTEXT_SWITCH_BREAKPOINT_STATUS
            | Self::GET_CONTEXT_SWITCH_MAIN_HEADER
            | Self::CONFIG_CONTEXT_SWITCH_TIMESTAMP
            | Self::CORE_PREVIOUS_SYSTEM_STATE
            | Self::CORE_WD_ENABLE
            | Self::CORE_WD_CONFIG
            | Self::CONTEXT_SWITCH_CLEAR_CONFIGURED_APPS
            | Self::GET_HW_CONSTS
            | Self::CHANGE_HW_INFER_STATUS
            | Self::SIGNAL_DRIVER_DOWN
            | Self::CONTEXT_SWITCH_INIT_CACHE_INFO
            | Self::CONTEXT_SWITCH_GET_CACHE_INFO
            | Self::CONTEXT_SWITCH_UPDATE_CACHE_READ_OFFSET
            | Self::CONTEXT_SWITCH_SIGNAL_CACHE_UPDATED => CpuId::CORE_CPU,
            _ => CpuId::APP_CPU,
        }
    }

    /// Whether the vendor's library sends the control to a firmware of any release, known or not: identifying, resetting,
    /// updating, and the two configurations. Here it is [`Opcode::is_release_independent`] that counts.
    pub const fn is_critical(self) -> bool {
        matches!(
            self,
            Self::IDENTIFY
                | Self::RESET
                | Self::START_FIRMWARE_UPDATE
                | Self::WRITE_FIRMWARE_UPDATE
                | Self::VALIDATE_FIRMWARE_UPDATE
                | Self::FINISH_FIRMWARE_UPDATE
                | Self::EXAMINE_USER_CONFIG
                | Self::READ_USER_CONFIG
                | Self::ERASE_USER_CONFIG
                | Self::WRITE_USER_CONFIG
                | Self::CORE_IDENTIFY
                | Self::READ_BOARD_CONFIG
                | Self::WRITE_BOARD_CONFIG
                | Self::WRITE_SECOND_STAGE_TO_INTERNAL_MEMORY
                | Self::COPY_SECOND_STAGE_TO_FLASH
        )
    }

    /// Whether firmware of this generation knows the control.
    pub fn exists_in(self, interface: FirmwareInterface) -> bool {
        Self::ENUMERATION.find(u64::from(self.0), interface).is_some()
    }

    /// Whether the control is the same in all known releases: all of them know it, and its parameters and those of its
    /// answer have one layout in all. Then it may be sent to a firmware of unknown release, which will very likely have left
    /// it as it is, too; every critical control is one of them.
    ///
    /// This follows from the layouts. The one exception is CONTEXT_SWITCH_SET_CONTEXT_INFO, whose own parameters are the
    /// same everywhere, but carry an action list, which is not.
    ///
    /// ```
    /// use hailo_abi::firmware::control::Opcode;
    ///
    /// assert!(Opcode::GET_CHIP_TEMPERATURE.is_release_independent());
    /// assert!(!Opcode::GET_HW_CONSTS.is_release_independent()); // 19 bytes up to 5.0.1, 18 later
    /// ```
    pub fn is_release_independent(self) -> bool {
        let agreed = |layouts: Option<&[LayoutInfo]>| {
            layouts.is_some_and(|layouts| match layouts {
                [] => true,
                [only] => only.first == FirmwareInterface::OLDEST && only.last == FirmwareInterface::NEWEST,
                _ => false,
            })
        };
        self != Self::CONTEXT_SWITCH_SET_CONTEXT_INFO
            && FirmwareInterface::ALL.into_iter().all(|interface| self.exists_in(interface))
            && agreed(Request::layouts(self))
            && agreed(Response::layouts(self))
    }
}
