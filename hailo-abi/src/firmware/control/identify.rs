//! Who the device is and how it fares: identity, extended information, temperature, health, constants.

use super::enums::{BootSource, DeviceArchitecture};
use super::parameter_macros::{by_generation, parameter_layout, parameter_structs};
use super::text::Text;
use crate::firmware::FirmwareVersion;
use crate::firmware::layout::{Be16, Be32, BeI32, Bool, LayoutInfo, Le16, Le32, LeF32, layouts, wire_structs};
use crate::firmware::release::FirmwareVersionLayout;

parameter_structs! {
    /// The identity of the device and of its application firmware.
    struct Identity => IdentifyResponse = "CONTROL_PROTOCOL_identify_response_t", 162, V4_17..=V5_2 {
        /// The version of the control protocol.
        [4] protocol_version: u32 as Be32,
        /// The version of the application processor's firmware.
        [12] fw_version: FirmwareVersion as FirmwareVersionLayout,
        /// The version of the log.
        [28] logger_version: u32 as Be32,
        /// The board's name, filled up with spaces or zeros.
        [36] board_name: Text<MAX_BOARD_NAME_LENGTH> as [u8; MAX_BOARD_NAME_LENGTH],
        /// The chip.
        [72] device_architecture: DeviceArchitecture as Be32,
        /// The serial number, filled up with zeros.
        [80] serial_number: Text<16> as [u8; 16],
        /// The part number, filled up with zeros.
        [100] part_number: Text<16> as [u8; 16],
        /// The product's name, filled up with zeros.
        [120] product_name: Text<MAX_PRODUCT_NAME_LENGTH> as [u8; MAX_PRODUCT_NAME_LENGTH],
    }

    /// The version of the core processor's firmware.
    struct CoreIdentity => CoreIdentifyResponse = "CONTROL_PROTOCOL__core_identify_response_t", 16, V4_17..=V5_2 {
        /// The version, whose flag [`FirmwareVersion::CORE`] is set.
        [4] fw_version: FirmwareVersion as FirmwareVersionLayout,
    }

    /// Extended information on the device.
    struct ExtendedDeviceInformation => ExtendedDeviceInformationResponse =
        "CONTROL_PROTOCOL__get_extended_device_information_response_t", 131, V4_17..=V5_2
    {
        /// The core's clock, in hertz.
        [4] neural_network_core_clock_rate: u32 as Be32,
        /// What the device can do, in the first word: bits of [`SupportedFeatures`].
        [12] supported_features: [u32; 2] as [Be32; 2],
        /// From where it has booted.
        [24] boot_source: BootSource as Be32,
        /// Its stage of life.
        [32] lcs: u8 as u8,
        /// The chip's identity.
        [37] soc_id: [u8; SOC_ID_LENGTH] as [u8; SOC_ID_LENGTH],
        /// The Ethernet address.
        [73] eth_mac_address("eth_mac_length"): [u8; 6] as [u8; 6],
        /// From which lot and wafer the chip is.
        [83] fuse_info: FuseInfo as FuseInfoLayout,
        /// Results of process monitors.
        [99] pd_info: [u8; PM_RESULTS_LENGTH] as [u8; PM_RESULTS_LENGTH],
        /// Which clusters a Hailo-8L has, one bit for each.
        [127] partial_clusters_layout_bitmap: u32 as Be32,
    }

    /// The temperatures of the two sensors.
    struct ChipTemperature => ChipTemperatureResponse =
        "CONTROL_PROTOCOL__get_chip_temperature_response_t", 14, V4_17..=V5_2
    {
        /// The temperatures.
        [4] info: TemperatureInfo as TemperatureInfoLayout,
    }

    /// Thresholds and throttling.
    struct HealthInformation => HealthInformationResponse =
        "CONTROL_PROTOCOL__get_health_information_response_t", 138, V4_17..=V5_2
    {
        /// Whether the protection against too much current is on.
        [4] overcurrent_protection_active: Bool as Bool,
        /// The zone of the current: 0 green, 1 red.
        [9] current_overcurrent_zone: u8 as u8,
        /// The threshold of the red zone, but as it travels: [`HealthInformation::red_overcurrent_milliamperes`].
        [14] red_overcurrent_threshold: f32 as LeF32,
        /// Whether the clock is lowered by current.
        [22] overcurrent_throttling_active: Bool as Bool,
        /// Whether the clock may be lowered by temperature.
        [27] temperature_throttling_active: Bool as Bool,
        /// The zone of the temperature: 0 green, 1 orange, 2 red.
        [32] current_temperature_zone: u8 as u8,
        /// The level of throttling, an index of the levels, or −1 for none.
        [37] current_temperature_throttling_level: i8 as i8,
        /// The levels of throttling by temperature.
        [42] temperature_throttling_levels: [ThrottlingLevel; MAX_TEMPERATURE_THROTTLING_LEVELS]
            as [ThrottlingLevelLayout; MAX_TEMPERATURE_THROTTLING_LEVELS],
        /// Where the orange zone begins, in degrees Celsius.
        [94] orange_temperature_threshold: i32 as BeI32,
        /// Where the orange zone ends again, in degrees Celsius.
        [102] orange_hysteresis_temperature_threshold: i32 as BeI32,
        /// Where the red zone begins, in degrees Celsius.
        [110] red_temperature_threshold: i32 as BeI32,
        /// Where the red zone ends again, in degrees Celsius.
        [118] red_hysteresis_temperature_threshold: i32 as BeI32,
        /// The clock that the current allows, in hertz; 0 for any.
        [126] requested_overcurrent_clock_freq: u32 as Be32,
        /// The clock that the temperature allows, in hertz.
        [134] requested_temperature_clock_freq: u32 as Be32,
    }
}

/// Bytes of the board's name (`CONTROL_PROTOCOL__MAX_BOARD_NAME_LENGTH`).
pub const MAX_BOARD_NAME_LENGTH: usize = 32;
/// Bytes of the product's name (`CONTROL_PROTOCOL__MAX_PRODUCT_NAME_LENGTH`).
pub const MAX_PRODUCT_NAME_LENGTH: usize = 42;
/// Bytes of the chip's identity (`CONTROL_PROTOCOL__SOC_ID_LENGTH`).
pub const SOC_ID_LENGTH: usize = 32;
/// Bytes of the process monitors' results.
pub const PM_RESULTS_LENGTH: usize = 24;
/// Levels of throttling by temperature (`MAX_TEMPERATURE_THROTTLING_LEVELS_NUMBER`).
pub const MAX_TEMPERATURE_THROTTLING_LEVELS: usize = 4;

impl HealthInformation {
    /// The threshold of the red zone of current, in milliamperes.
    ///
    /// It travels as a float whose value, taken as an integer, has its four bytes in the wrong order.
    pub fn red_overcurrent_milliamperes(&self) -> u32 {
        // A value outside the integers becomes the nearest one.
        (self.red_overcurrent_threshold as u32).swap_bytes()
    }

    /// What [`HealthInformation::red_overcurrent_threshold`] is for a threshold in milliamperes, as near as a
    /// float can say it.
    pub fn red_overcurrent_threshold_of(milliamperes: u32) -> f32 {
        milliamperes.swap_bytes() as f32
    }
}

bitflags::bitflags! {
    /// What a device can do.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct SupportedFeatures: u32 {
        /// Ethernet.
        #[doc(alias = "CONTROL_PROTOCOL__SUPPORTED_FEATURES_ETHERNET_BIT_OFFSET")]
        const ETHERNET = 1 << 0;
        /// MIPI.
        #[doc(alias = "CONTROL_PROTOCOL__SUPPORTED_FEATURES_MIPI_BIT_OFFSET")]
        const MIPI = 1 << 1;
        /// PCIe.
        #[doc(alias = "CONTROL_PROTOCOL__SUPPORTED_FEATURES_PCIE_BIT_OFFSET")]
        const PCIE = 1 << 2;
        /// It can measure current.
        #[doc(alias = "CONTROL_PROTOCOL__SUPPORTED_FEATURES_CURRENT_MONITORING_BIT_OFFSET")]
        const CURRENT_MONITORING = 1 << 3;
        /// MDIO.
        #[doc(alias = "CONTROL_PROTOCOL__SUPPORTED_FEATURES_MDIO_BIT_OFFSET")]
        const MDIO = 1 << 4;
    }
}

impl ExtendedDeviceInformation {
    /// What the device can do; unknown bits are kept.
    pub const fn features(&self) -> SupportedFeatures {
        let [first, _] = self.supported_features;
        SupportedFeatures::from_bits_retain(first)
    }
}

mod parts {
    use super::*;

    wire_structs! {
        /// From which lot and wafer a chip is.
        #[derive(Default, Eq, Hash)]
        struct FuseInfo => FuseInfoLayout = "CONTROL_PROTOCOL_fuse_info_t", 12, V4_17..=V5_2 {
            /// The lot.
            [0] lot_id: [u8; 8] as [u8; 8],
            /// The wafer and the place on it.
            [8] die_wafer_info: u32 as Be32,
        }

        /// The temperatures of the two sensors.
        #[derive(Default)]
        struct TemperatureInfo => TemperatureInfoLayout = "CONTROL_PROTOCOL__temperature_info_t", 10, V4_17..=V5_2 {
            /// The first sensor, in degrees Celsius.
            [0] ts0_temperature: f32 as LeF32,
            /// The second sensor, in degrees Celsius.
            [4] ts1_temperature: f32 as LeF32,
            /// Samples since the device has started; it wraps.
            [8] sample_count: u16 as Be16,
        }

        /// From which temperature on the clock is lowered, and how far.
        #[derive(Default)]
        struct ThrottlingLevel => ThrottlingLevelLayout = "CONTROL_PROTOCOL__throttling_level_t", 12, V4_17..=V5_2 {
            /// Where the level begins, in degrees Celsius.
            [0] temperature_threshold: f32 as LeF32,
            /// Where it ends again, in degrees Celsius.
            [4] hysteresis_temperature_threshold: f32 as LeF32,
            /// The clock, in hertz.
            [8] throttling_nn_clock_freq: u32 as Le32,
        }
    }
}

pub use parts::*;

/// Constants of the hardware that buffer sizes depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(alias = "CONTROL_PROTOCOL__hw_consts_t")]
pub struct HwConsts {
    /// Bytes of a word of the stream's queue.
    pub fifo_word_granularity_bytes: u32,
    /// The most buffers of a frame on the host's side.
    pub max_periph_buffers_per_frame: u16,
    /// The most bytes of a buffer on the host's side.
    pub max_periph_bytes_per_buffer: u16,
    /// The most bytes of a buffer that are worth while.
    pub max_acceptable_bytes_per_buffer: u16,
    /// Bytes of the queue of an output.
    pub outbound_data_stream_size: u32,
    /// Whether fewer, larger buffers are to be used. Not said from 5.1.0 on, where it reads as true.
    pub should_optimize_credits: Bool,
    /// Bytes of the queue of an input whose size the model file does not say.
    pub default_initial_credit_size: u32,
}

impl Default for HwConsts {
    /// Nothing but the flag that later generations do not say.
    fn default() -> Self {
        Self {
            fifo_word_granularity_bytes: 0,
            max_periph_buffers_per_frame: 0,
            max_periph_bytes_per_buffer: 0,
            max_acceptable_bytes_per_buffer: 0,
            outbound_data_stream_size: 0,
            should_optimize_credits: Bool::new(true),
            default_initial_credit_size: 0,
        }
    }
}

mod hw_consts {
    use super::*;

    layouts! {
        /// The constants up to 5.0.1.
        struct HwConstsLayoutV4_17 for HwConsts = "CONTROL_PROTOCOL__hw_consts_t", 19, V4_17..=V5_0_1 {
            [0] fifo_word_granularity_bytes: Le32,
            [4] max_periph_buffers_per_frame: Le16,
            [6] max_periph_bytes_per_buffer: Le16,
            [8] max_acceptable_bytes_per_buffer: Le16,
            [10] outbound_data_stream_size: Le32,
            [14] should_optimize_credits: Bool,
            [15] default_initial_credit_size: Le32,
        }
        /// The constants from 5.1.0 on.
        struct HwConstsLayoutV5_1 for HwConsts = "CONTROL_PROTOCOL__hw_consts_t", 18, V5_1..=V5_2 {
            [0] fifo_word_granularity_bytes: Le32,
            [4] max_periph_buffers_per_frame: Le16,
            [6] max_periph_bytes_per_buffer: Le16,
            [8] max_acceptable_bytes_per_buffer: Le16,
            [10] outbound_data_stream_size: Le32,
            [14] default_initial_credit_size: Le32,
        }
        absent { should_optimize_credits: Bool::new(true), }
    }
}

pub use hw_consts::{HwConstsLayoutV4_17, HwConstsLayoutV5_1};

/// The answer to GET_HW_CONSTS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "CONTROL_PROTOCOL__get_hw_consts_response_t")]
pub struct HwConstsAnswer {
    /// The constants.
    pub hw_consts: HwConsts,
}

parameter_layout! {
    /// The answer up to 5.0.1.
    struct HwConstsResponseV4_17 for HwConstsAnswer =
        "CONTROL_PROTOCOL__get_hw_consts_response_t", 23, V4_17..=V5_0_1
    {
        [4] hw_consts: HwConstsLayoutV4_17,
    } absent {}
}
parameter_layout! {
    /// The answer from 5.1.0 on.
    struct HwConstsResponseV5_1 for HwConstsAnswer = "CONTROL_PROTOCOL__get_hw_consts_response_t", 22, V5_1..=V5_2 {
        [4] hw_consts: HwConstsLayoutV5_1,
    } absent {}
}
by_generation! { HwConstsAnswer { HwConstsResponseV4_17 HwConstsResponseV5_1 } }

pub(crate) const ALL_LAYOUTS: &[&[LayoutInfo]] = &[
    LAYOUTS,
    parts::LAYOUTS,
    hw_consts::LAYOUTS,
    &[
        <HwConstsResponseV4_17 as crate::firmware::layout::Layout>::INFO,
        <HwConstsResponseV5_1 as crate::firmware::layout::Layout>::INFO,
    ],
];
