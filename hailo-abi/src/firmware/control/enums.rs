//! The enumerations of the controls' parameters.

use crate::firmware::enums::open_enums;

open_enums! {
    /// The version of the control protocol, the first word of every message.
    enum ProtocolVersion(u32) = "CONTROL_PROTOCOL__protocol_version_t" {
        /// The first one.
        INITIAL = 0, "CONTROL_PROTOCOL__PROTOCOL_VERSION_INITIAL";
        /// The second one.
        VERSION_1 = 1, "CONTROL_PROTOCOL__PROTOCOL_VERSION_1";
        /// The one of all releases described here.
        VERSION_2 = 2, "CONTROL_PROTOCOL__PROTOCOL_VERSION_2";
    }

    /// Whether a message acknowledges a request; bit 0 of the flags.
    enum Acknowledge(u8) = "CONTROL_PROTOCOL__ACK_VALUES_t" {
        /// A request.
        UNSET = 0, "CONTROL_PROTOCOL__ACK_UNSET";
        /// A response.
        SET = 1, "CONTROL_PROTOCOL__ACK_SET";
    }

    /// What a message is.
    enum MessageType(u8) = "CONTROL_PROTOCOL__message_type_t" {
        /// A request.
        REQUEST = 0, "CONTROL_PROTOCOL__MESSAGE_TYPE__REQUEST";
        /// A response.
        RESPONSE = 1, "CONTROL_PROTOCOL__MESSAGE_TYPE__RESPONSE";
    }

    /// The chip. Numbers 4 and 5 have the vendor's internal names of products that are sold under others.
    enum DeviceArchitecture(u32) = "CONTROL_PROTOCOL__device_architecture_t"
        count "CONTROL_PROTOCOL__DEVICE_ARCHITECTURE_COUNT"
    {
        /// The first stepping of Hailo-8.
        HAILO8_A0 = 0, "CONTROL_PROTOCOL__HAILO8_A0";
        /// Hailo-8.
        HAILO8 = 1, "CONTROL_PROTOCOL__HAILO8";
        /// Hailo-8L.
        HAILO8L = 2, "CONTROL_PROTOCOL__HAILO8L";
        /// Hailo-15H.
        HAILO15H = 3, "CONTROL_PROTOCOL__HAILO15H";
        /// Hailo-15L.
        PLUTO = 4, "CONTROL_PROTOCOL__PLUTO";
        /// Hailo-12L. From 4.20.0.
        MARS = 5, "CONTROL_PROTOCOL__MARS", V4_20..=V5_2;
    }

    /// From where the device has booted.
    enum BootSource(u32) = "CONTROL_PROTOCOL__boot_source_t" {
        /// Not known.
        INVALID = 0, "CONTROL_PROTOCOL__BOOT_SOURCE_INVALID";
        /// The host gave it its firmware over PCIe.
        PCIE = 1, "CONTROL_PROTOCOL__BOOT_SOURCE_PCIE";
        /// Its own flash memory.
        FLASH = 2, "CONTROL_PROTOCOL__BOOT_SOURCE_FLASH";
    }

    /// What is reset.
    enum ResetType(u32) = "CONTROL_PROTOCOL__reset_type_t" count "CONTROL_PROTOCOL__RESET_TYPE__COUNT" {
        /// The whole chip; not possible over PCIe.
        CHIP = 0, "CONTROL_PROTOCOL__RESET_TYPE__CHIP";
        /// The neural network core; answered.
        NN_CORE = 1, "CONTROL_PROTOCOL__RESET_TYPE__NN_CORE";
        /// The firmware; not answered.
        SOFT = 2, "CONTROL_PROTOCOL__RESET_TYPE__SOFT";
        /// The firmware, whatever it does; not answered.
        FORCED_SOFT = 3, "CONTROL_PROTOCOL__RESET_TYPE__FORCED_SOFT";
    }

    /// Where power is measured.
    enum DvmOption(u32) = "CONTROL_PROTOCOL__dvm_options_t" count "CONTROL_PROTOCOL__DVM_OPTIONS_COUNT" {
        /// The core's supply.
        VDD_CORE = 0, "CONTROL_PROTOCOL__DVM_OPTIONS_VDD_CORE";
        /// The supply of inputs and outputs.
        VDD_IO = 1, "CONTROL_PROTOCOL__DVM_OPTIONS_VDD_IO";
        /// The supply of MIPI.
        MIPI_AVDD = 2, "CONTROL_PROTOCOL__DVM_OPTIONS_MIPI_AVDD";
        /// The higher supply of MIPI.
        MIPI_AVDD_H = 3, "CONTROL_PROTOCOL__DVM_OPTIONS_MIPI_AVDD_H";
        /// The supply of USB.
        USB_AVDD_IO = 4, "CONTROL_PROTOCOL__DVM_OPTIONS_USB_AVDD_IO";
        /// The top level's supply.
        VDD_TOP = 5, "CONTROL_PROTOCOL__DVM_OPTIONS_VDD_TOP";
        /// The higher supply of USB.
        USB_AVDD_IO_HV = 6, "CONTROL_PROTOCOL__DVM_OPTIONS_USB_AVDD_IO_HV";
        /// The higher analogue supply.
        AVDD_H = 7, "CONTROL_PROTOCOL__DVM_OPTIONS_AVDD_H";
        /// The supply of SDIO.
        SDIO_VDD_IO = 8, "CONTROL_PROTOCOL__DVM_OPTIONS_SDIO_VDD_IO";
        /// The sensor of the protection against too much current.
        OVERCURRENT_PROTECTION = 9, "CONTROL_PROTOCOL__DVM_OPTIONS_OVERCURRENT_PROTECTION";
        /// The sum over an evaluation board.
        EVB_TOTAL_POWER = 2147483646, "CONTROL_PROTOCOL__DVM_OPTIONS_EVB_TOTAL_POWER";
        /// Whatever the board has.
        AUTO = 2147483647, "CONTROL_PROTOCOL__DVM_OPTIONS_AUTO";
    }

    /// What is measured.
    enum PowerMeasurementType(u32) = "CONTROL_PROTOCOL__power_measurement_types_t"
        count "CONTROL_PROTOCOL__POWER_MEASUREMENT_TYPES__COUNT"
    {
        /// The voltage over the shunt, in millivolts.
        SHUNT_VOLTAGE = 0, "CONTROL_PROTOCOL__POWER_MEASUREMENT_TYPES__SHUNT_VOLTAGE";
        /// The supply's voltage, in millivolts.
        BUS_VOLTAGE = 1, "CONTROL_PROTOCOL__POWER_MEASUREMENT_TYPES__BUS_VOLTAGE";
        /// Power, in watts.
        POWER = 2, "CONTROL_PROTOCOL__POWER_MEASUREMENT_TYPES__POWER";
        /// Current, in milliamperes.
        CURRENT = 3, "CONTROL_PROTOCOL__POWER_MEASUREMENT_TYPES__CURRENT";
        /// Power where the board can measure it.
        AUTO = 2147483647, "CONTROL_PROTOCOL__POWER_MEASUREMENT_TYPES__AUTO";
    }

    /// Over how many samples a measurement is averaged.
    enum AveragingFactor(u16) = "CONTROL_PROTOCOL__averaging_factor_t" {
        /// 1 sample.
        AVERAGE_1 = 0, "CONTROL_PROTOCOL__AVERAGE_FACTOR_1";
        /// 4 samples.
        AVERAGE_4 = 1, "CONTROL_PROTOCOL__AVERAGE_FACTOR_4";
        /// 16 samples.
        AVERAGE_16 = 2, "CONTROL_PROTOCOL__AVERAGE_FACTOR_16";
        /// 64 samples.
        AVERAGE_64 = 3, "CONTROL_PROTOCOL__AVERAGE_FACTOR_64";
        /// 128 samples.
        AVERAGE_128 = 4, "CONTROL_PROTOCOL__AVERAGE_FACTOR_128";
        /// 256 samples.
        AVERAGE_256 = 5, "CONTROL_PROTOCOL__AVERAGE_FACTOR_256";
        /// 512 samples.
        AVERAGE_512 = 6, "CONTROL_PROTOCOL__AVERAGE_FACTOR_512";
        /// 1024 samples.
        AVERAGE_1024 = 7, "CONTROL_PROTOCOL__AVERAGE_FACTOR_1024";
    }

    /// How long a sample takes.
    enum SamplingPeriod(u16) = "CONTROL_PROTOCOL__sampling_period_t" {
        /// 140 µs.
        PERIOD_140US = 0, "CONTROL_PROTOCOL__PERIOD_140US";
        /// 204 µs.
        PERIOD_204US = 1, "CONTROL_PROTOCOL__PERIOD_204US";
        /// 332 µs.
        PERIOD_332US = 2, "CONTROL_PROTOCOL__PERIOD_332US";
        /// 588 µs.
        PERIOD_588US = 3, "CONTROL_PROTOCOL__PERIOD_588US";
        /// 1100 µs.
        PERIOD_1100US = 4, "CONTROL_PROTOCOL__PERIOD_1100US";
        /// 2116 µs.
        PERIOD_2116US = 5, "CONTROL_PROTOCOL__PERIOD_2116US";
        /// 4156 µs.
        PERIOD_4156US = 6, "CONTROL_PROTOCOL__PERIOD_4156US";
        /// 8244 µs.
        PERIOD_8244US = 7, "CONTROL_PROTOCOL__PERIOD_8244US";
    }

    /// What a watchdog watches.
    enum WatchdogMode(u8) = "CONTROL_PROTOCOL__WATCHDOG_MODE_t" count "CONTROL_PROTOCOL__WATCHDOG_NUM_MODES" {
        /// Hardware and software.
        HW_SW = 0, "CONTROL_PROTOCOL__WATCHDOG_MODE_HW_SW";
        /// Hardware only.
        HW_ONLY = 1, "CONTROL_PROTOCOL__WATCHDOG_MODE_HW_ONLY";
    }

    /// Whether the device sleeps.
    enum SleepState(u8) = "CONTROL_PROTOCOL__sleep_state_t" count "CONTROL_PROTOCOL_SLEEP_STATE_COUNT" {
        /// It sleeps.
        SLEEPING = 0, "CONTROL_PROTOCOL_SLEEP_STATE_SLEEPING";
        /// It is awake.
        AWAKE = 1, "CONTROL_PROTOCOL_SLEEP_STATE_AWAKE";
    }

    /// What an Ethernet PHY is to do.
    enum PhyOperation(u32) = "CONTROL_PROTOCOL__phy_operation_t" count "CONTROL_PROTOCOL__PHY_OPERATION_COUNT" {
        /// Reset itself.
        RESET = 0, "CONTROL_PROTOCOL__PHY_OPERATION_RESET";
    }

    /// What of the core's top level is configured.
    enum ConfigCoreTopType(u32) = "CONTROL_PROTOCOL__config_core_top_type_t"
        count "CONTROL_PROTOCOL__CONFIG_CORE_TOP_OPCODE_COUNT"
    {
        /// The bridge between its buses.
        AHB_TO_AXI = 0, "CONTROL_PROTOCOL__CONFIG_CORE_TOP_TYPE_AHB_TO_AXI";
    }

    /// How a stream reaches the device.
    enum CommunicationType(u32) = "CONTROL_PROTOCOL__communication_type_t"
        count "CONTROL_PROTOCOL__COMMUNICATION_TYPE_COUNT"
    {
        /// Ethernet.
        UDP = 0, "CONTROL_PROTOCOL__COMMUNICATION_TYPE_UDP";
        /// A camera.
        MIPI = 1, "CONTROL_PROTOCOL__COMMUNICATION_TYPE_MIPI";
        /// PCIe.
        PCIE = 2, "CONTROL_PROTOCOL__COMMUNICATION_TYPE_PCIE";
        /// The other processor.
        INTER_CPU = 3, "CONTROL_PROTOCOL__COMMUNICATION_TYPE_INTER_CPU";
    }

    /// Which words a stream over PCIe is made of.
    enum PcieDataflowType(u8) = "CONTROL_PROTOCOL__pcie_dataflow_type_t"
        count "CONTROL_PROTOCOL__PCIE_DATAFLOW_TYPE_COUNT"
    {
        /// A continuous flow.
        CONTINUOUS = 0, "CONTROL_PROTOCOL__PCIE_DATAFLOW_TYPE_CONTINUOUS";
        /// Bursts.
        BURST = 2, "CONTROL_PROTOCOL__PCIE_DATAFLOW_TYPE_BURST";
    }

    /// How the skew of MIPI lanes is corrected.
    enum MipiDeskew(u8) = "CONTROL_PROTOCOL__mipi_deskew_enable_t" {
        /// Never.
        FORCE_DISABLE = 0, "CONTROL_PROTOCOL__MIPI_DESKEW__FORCE_DISABLE";
        /// Always.
        FORCE_ENABLE = 1, "CONTROL_PROTOCOL__MIPI_DESKEW__FORCE_ENABLE";
        /// As the data rate requires.
        DEFAULT = 2, "CONTROL_PROTOCOL__MIPI_DESKEW__DEFAULT";
    }

    /// How a stream trades power for speed. Up to 5.0.1.
    enum PowerMode(u8) = "CONTROL_PROTOCOL__power_mode_t" count "CONTROL_PROTOCOL__POWER_MODE_COUNT" {
        /// The usual one.
        PERFORMANCE = 0, "CONTROL_PROTOCOL__MODE_PERFORMANCE", V4_17..=V5_0_1;
        /// The fastest one.
        ULTRA_PERFORMANCE = 1, "CONTROL_PROTOCOL__MODE_ULTRA_PERFORMANCE", V4_17..=V5_0_1;
    }

    /// Over which interface a control came.
    enum ControlInterface(u8) = "CONTROL_PROTOCOL_interface_t" {
        /// PCIe.
        PCIE = 1, "CONTROL_PROTOCOL__INTERFACE_PCIE";
        /// The serial port.
        UART = 2, "CONTROL_PROTOCOL__INTERFACE_UART";
    }

    /// How much the firmware logs.
    enum LoggerLevel(u8) = "FW_LOGGER_LEVEL_t" {
        /// Everything.
        TRACE = 0, "FW_LOGGER_LEVEL_TRACE";
        /// What helps to find faults.
        DEBUG = 1, "FW_LOGGER_LEVEL_DEBUG";
        /// What happens.
        INFO = 2, "FW_LOGGER_LEVEL_INFO";
        /// What should not happen.
        WARN = 3, "FW_LOGGER_LEVEL_WARN";
        /// What has failed.
        ERROR = 4, "FW_LOGGER_LEVEL_ERROR";
        /// What ends the firmware.
        FATAL = 5, "FW_LOGGER_LEVEL_FATAL";
    }

    /// In which order an I²C device's registers have their bytes.
    enum I2cEndianness(u8) = "i2c_slave_endianness_t" count "I2C_SLAVE_ENDIANNESS_COUNT" {
        /// The highest first.
        BIG_ENDIAN = 0, "I2C_SLAVE_ENDIANNESS_BIG_ENDIAN";
        /// The lowest first.
        LITTLE_ENDIAN = 1, "I2C_SLAVE_ENDIANNESS_LITTLE_ENDIAN";
    }

    /// What one entry of a sensor's configuration does.
    enum SensorOperation(u8) = "SENSOR_CONFIG_OPCODES_t" {
        /// Writes a register.
        WRITE = 0, "SENSOR_CONFIG_OPCODES_WR";
        /// Reads a register.
        READ = 1, "SENSOR_CONFIG_OPCODES_RD";
        /// Reads a register and writes some bits of it.
        READ_MODIFY_WRITE = 2, "SENSOR_CONFIG_OPCODES_RMW";
        /// Waits.
        DELAY = 3, "SENSOR_CONFIG_OPCODES_DELAY";
    }

    /// Over what notifications go to the host.
    enum EventCommunicationType(u8) = "D2H_EVENT_COMMUNICATION_TYPE_t"
        count "D2H_EVENT_COMMUNICATION_TYPE__COUNT"
    {
        /// Ethernet.
        UDP = 0, "D2H_EVENT_COMMUNICATION_TYPE_UDP";
        /// The driver.
        VDMA = 1, "D2H_EVENT_COMMUNICATION_TYPE_VDMA";
    }
}
