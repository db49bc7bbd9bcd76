//! Resets, watchdogs, the log, clocks, protections and tests.

use super::enums::{
    ConfigCoreTopType, EventCommunicationType, LoggerLevel, PhyOperation, ResetType, SleepState, WatchdogMode,
};
use super::parameter_macros::parameter_structs;
use crate::firmware::enums::open_enums;
use crate::firmware::layout::{Be16, Be32, Be64, Bool};

parameter_structs! {
    /// Resets the device or a part of it.
    struct Reset => ResetRequest = "CONTROL_PROTOCOL__reset_request_t", 8, V4_17..=V5_2 {
        /// What is reset.
        [4] reset_type: ResetType as Be32,
    }

    /// Operates the Ethernet PHY.
    struct PhyOperate => PhyOperationRequest = "CONTROL_PROTOCOL__phy_operation_request_t", 8, V4_17..=V5_2 {
        /// What it is to do.
        [4] operation_type: PhyOperation as Be32,
    }

    /// Configures the core's top level.
    struct ConfigCoreTop => ConfigCoreTopRequest = "CONTROL_PROTOCOL__config_core_top_request_t", 13, V4_17..=V5_2 {
        /// What is configured.
        [4] config_type: ConfigCoreTopType as Be32,
        /// Its value; for [`ConfigCoreTopType::AHB_TO_AXI`] whether only 64-bit data is used.
        [12] config_params: u8 as u8,
    }

    /// Switches a processor's watchdog.
    struct WatchdogEnable => WatchdogEnableRequest = "CONTROL_PROTOCOL__wd_enable_request_t", 5, V4_17..=V5_2 {
        /// Whether it watches.
        [4] should_enable: Bool as Bool,
    }

    /// Configures a processor's watchdog.
    struct WatchdogConfig => WatchdogConfigRequest = "CONTROL_PROTOCOL__wd_config_request_t", 13, V4_17..=V5_2 {
        /// Clock cycles until it bites.
        [4] wd_cycles: u32 as Be32,
        /// What it watches.
        [12] wd_mode: WatchdogMode as u8,
    }

    /// Why a processor was reset before it started.
    struct PreviousSystemState => PreviousSystemStateResponse = "CONTROL_PROTOCOL__previous_system_state_response_t", 8, V4_17..=V5_2 {
        /// The vendor's number of the reason.
        [4] system_state: u32 as Be32,
    }

    /// Sets the level and the interfaces of the log.
    struct SetFirmwareLogger => SetFirmwareLoggerRequest = "CONTROL_PROTOCOL__set_fw_logger_request_t", 10, V4_17..=V5_2 {
        /// The lowest level that is logged.
        [4] level: LoggerLevel as u8,
        /// Where to: bit 0 the host, bit 1 the serial port.
        [9] logger_interface_bit_mask: u8 as u8,
    }

    /// Opens the debugging interface.
    struct EnableDebugging => EnableDebuggingRequest = "CONTROL_PROTOCOL__enable_debugging_request_t", 5, V4_17..=V5_2 {
        /// Whether for a returned device.
        [4] is_rma: Bool as Bool,
    }

    /// Switches Ethernet pause frames.
    struct SetPauseFrames => SetPauseFramesRequest = "CONTROL_PROTOCOL__set_pause_frames_t", 5, V4_17..=V5_2 {
        /// Whether received ones are obeyed.
        [4] rx_pause_frames_enable: Bool as Bool,
    }

    /// Sets the core's clock.
    struct SetClockFrequency => SetClockFrequencyRequest = "CONTROL_PROTOCOL__set_clock_freq_request_t", 8, V4_17..=V5_2 {
        /// Hertz.
        [4] clock_freq: u32 as Be32,
    }

    /// Switches throttling by temperature.
    struct SetThrottlingState => SetThrottlingStateRequest = "CONTROL_PROTOCOL__set_throttling_state_request_t", 5, V4_17..=V5_2 {
        /// Whether it is on.
        [4] should_activate: Bool as Bool,
    }

    /// Whether throttling by temperature is on.
    struct ThrottlingState => GetThrottlingStateResponse = "CONTROL_PROTOCOL__get_throttling_state_response_t", 5, V4_17..=V5_2 {
        /// Whether it is on.
        [4] is_active: Bool as Bool,
    }

    /// Switches the protection against too much current.
    struct SetOvercurrentState => SetOvercurrentStateRequest = "CONTROL_PROTOCOL__set_overcurrent_state_request_t", 5, V4_17..=V5_2 {
        /// Whether it is on.
        [4] should_activate: Bool as Bool,
    }

    /// Whether the protection against too much current is on.
    struct OvercurrentState => GetOvercurrentStateResponse = "CONTROL_PROTOCOL__get_overcurrent_state_response_t", 5, V4_17..=V5_2 {
        /// Whether it is on.
        [4] is_required: Bool as Bool,
    }

    /// Puts the device to sleep or wakes it.
    struct SetSleepState => SetSleepStateRequest = "CONTROL_PROTOCOL__set_sleep_state_request_t", 5, V4_17..=V5_2 {
        /// Whether it sleeps.
        [4] sleep_state: SleepState as u8,
    }

    /// Says where notifications go.
    struct SetHostInfo => SetHostInfoRequest = "CONTROL_PROTOCOL__d2h_event_manager_set_new_host_info_request_t", 19, V4_17..=V5_2 {
        /// Over what.
        [4] connection_type: EventCommunicationType as u8,
        /// The host's IPv4 address.
        [9] host_ip_address: u32 as Be32,
        /// The host's UDP port.
        [17] host_port: u16 as Be16,
    }

    /// Has a notification about the host sent.
    struct SendHostInfoEvent => SendHostInfoEventRequest = "CONTROL_PROTOCOL__d2h_event_manager_send_host_info_event_request_t", 5, V4_17..=V5_2 {
        /// Its priority.
        [4] priority: u8 as u8,
    }

    /// Runs the built-in test of memories.
    struct RunBistTest => RunBistTestRequest = "CONTROL_PROTOCOL__run_bist_test_request_t", 34, V4_17..=V5_2 {
        /// Whether the top level is tested, or else a cluster.
        [4] is_top_test: Bool as Bool,
        /// Memories of the top level that are left out, one bit for each [`BistMemoryBlock`].
        [9] top_bypass_bitmap: u32 as Be32,
        /// The cluster.
        [17] cluster_index: u8 as u8,
        /// Memories of the cluster that are left out, the first 32.
        [22] cluster_bypass_bitmap_0: u32 as Be32,
        /// The others.
        [30] cluster_bypass_bitmap_1: u32 as Be32,
    }

    /// Switches the measurement of idle time.
    struct IdleTimeSetMeasurement => IdleTimeSetMeasurementRequest = "CONTROL_PROTOCOL__idle_time_set_measurement_request_t", 5, V4_17..=V5_2 {
        /// Whether it is measured.
        [4] measurement_enable: Bool as Bool,
    }

    /// The idle time.
    struct IdleTime => IdleTimeGetMeasurementResponse = "CONTROL_PROTOCOL__idle_time_get_measurement_response_t", 12, V4_17..=V5_2 {
        /// Nanoseconds.
        [4] idle_time_ns: u64 as Be64,
    }
}

open_enums! {
    /// A memory of the top level that [`RunBistTest`] tests.
    enum BistMemoryBlock(u32) = "CONTROL_PROTOCOL__bist_top_mem_block_t" count "CONTROL_PROTOCOL__TOP_NUM_MEM_BLOCKS" {
        /// Memory 0.
        CRYPTO_1 = 0, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_CRYPTO_1";
        /// Memory 1.
        L4_0_2 = 1, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_L4_0_2";
        /// Memory 2.
        L4_1_3 = 2, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_L4_1_3";
        /// Memory 3.
        L4_2_4 = 3, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_L4_2_4";
        /// Memory 4.
        L4_3_5 = 4, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_L4_3_5";
        /// Memory 5.
        SAGE1_CPU_6 = 5, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SAGE1_CPU_6";
        /// Memory 6.
        SAGE1_CPU_FAST_BUS_7 = 6, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SAGE1_CPU_FAST_BUS_7";
        /// Memory 7.
        SAGE1_DEBUG_8 = 7, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SAGE1_DEBUG_8";
        /// Memory 8.
        SAGE1_ETH_9 = 8, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SAGE1_ETH_9";
        /// Memory 9.
        SAGE1_FLASH_10 = 9, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SAGE1_FLASH_10";
        /// Memory 10.
        SAGE1_H264_11 = 10, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SAGE1_H264_11";
        /// Memory 11.
        SAGE1_ISP_12 = 11, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SAGE1_ISP_12";
        /// Memory 12.
        SAGE1_MIPI_RX_13 = 12, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SAGE1_MIPI_RX_13";
        /// Memory 13.
        SAGE1_MIPI_TX_14 = 13, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SAGE1_MIPI_TX_14";
        /// Memory 14.
        SAGE1_PCIE_15 = 14, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SAGE1_PCIE_15";
        /// Memory 15.
        SAGE1_SDIO_16 = 15, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SAGE1_SDIO_16";
        /// Memory 16.
        SAGE1_SOFTMAX_17 = 16, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SAGE1_SOFTMAX_17";
        /// Memory 17.
        SAGE1_USB_18 = 17, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SAGE1_USB_18";
        /// Memory 18.
        SAGE1_19 = 18, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SAGE1_19";
        /// Memory 19.
        SUB_SERVER0_20 = 19, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SUB_SERVER0_20";
        /// Memory 20.
        SUB_SERVER1_21 = 20, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SUB_SERVER1_21";
        /// Memory 21.
        SUB_SERVER2_22 = 21, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SUB_SERVER2_22";
        /// Memory 22.
        SUB_SERVER3_23 = 22, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SUB_SERVER3_23";
        /// Memory 23.
        SUB_SERVER4_24 = 23, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SUB_SERVER4_24";
        /// Memory 24.
        SUB_SERVER5_25 = 24, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SUB_SERVER5_25";
        /// Memory 25.
        SUB_SERVER6_26 = 25, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SUB_SERVER6_26";
        /// Memory 26.
        SUB_SERVER7_27 = 26, "CONTROL_PROTOCOL__TOP_MEM_BLOCK_SUB_SERVER7_27";
    }
}
