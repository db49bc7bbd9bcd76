//! Power measurement.

use super::enums::{AveragingFactor, DvmOption, PowerMeasurementType, SamplingPeriod};
use super::parameter_macros::parameter_structs;
use crate::firmware::layout::{Be16, Be32, Bool, LeF32};

/// Periodic measurements that are kept at a time.
#[doc(alias = "CONTROL_PROTOCOL__MAX_NUMBER_OF_POWER_MEASUREMETS")]
pub const MAX_POWER_MEASUREMENTS: u32 = 4;

/// How long a sample takes unless said otherwise.
#[doc(alias = "CONTROL_PROTOCOL__DEFAULT_INIT_SAMPLING_PERIOD_US")]
pub const DEFAULT_SAMPLING_PERIOD: SamplingPeriod = SamplingPeriod::PERIOD_1100US;

parameter_structs! {
    /// Measures once.
    struct PowerMeasurement => PowerMeasurementRequest = "CONTROL_PROTOCOL__power_measurement_request_t", 16, V4_17..=V5_2 {
        /// Where.
        [4] dvm: DvmOption as Be32,
        /// What.
        [12] measurement_type: PowerMeasurementType as Be32,
    }

    /// What was measured once.
    struct MeasuredPower => PowerMeasurementResponse = "CONTROL_PROTOCOL__power_measurement_response_t", 24, V4_17..=V5_2 {
        /// The value; its unit follows from the type.
        [4] power_measurement: f32 as LeF32,
        /// Where it was measured.
        [12] dvm: DvmOption as Be32,
        /// What was measured.
        [20] measurement_type: PowerMeasurementType as Be32,
    }

    /// Prepares a periodic measurement.
    struct SetPowerMeasurement => SetPowerMeasurementRequest = "CONTROL_PROTOCOL__set_power_measurement_request_t", 24, V4_17..=V5_2 {
        /// The place to keep it, below [`MAX_POWER_MEASUREMENTS`].
        [4] index: u32 as Be32,
        /// Where.
        [12] dvm: DvmOption as Be32,
        /// What.
        [20] measurement_type: PowerMeasurementType as Be32,
    }

    /// What will be measured periodically.
    struct PowerMeasurementSet => SetPowerMeasurementResponse = "CONTROL_PROTOCOL__set_power_measurement_response_t", 16, V4_17..=V5_2 {
        /// Where.
        [4] dvm: DvmOption as Be32,
        /// What.
        [12] measurement_type: PowerMeasurementType as Be32,
    }

    /// Asks for the results of a periodic measurement.
    struct GetPowerMeasurement => GetPowerMeasurementRequest = "CONTROL_PROTOCOL__get_power_measurement_request_t", 13, V4_17..=V5_2 {
        /// The place where it is kept.
        [4] index: u32 as Be32,
        /// Whether to begin anew.
        [12] should_clear: Bool as Bool,
    }

    /// The results of a periodic measurement.
    struct PowerStatistics => GetPowerMeasurementResponse = "CONTROL_PROTOCOL__get_power_measurement_response_t", 40, V4_17..=V5_2 {
        /// Samples since it was started or cleared.
        [4] total_number_of_samples: u32 as Be32,
        /// The smallest value.
        [12] min_value: f32 as LeF32,
        /// The largest value.
        [20] max_value: f32 as LeF32,
        /// The average.
        [28] average_value: f32 as LeF32,
        /// Milliseconds of a sample, on average.
        [36] average_time_value_milliseconds: f32 as LeF32,
    }

    /// Starts the periodic measurements.
    struct StartPowerMeasurement => StartPowerMeasurementRequest = "CONTROL_PROTOCOL__start_power_measurement_request_t", 20, V4_17..=V5_2 {
        /// Milliseconds between two samples.
        [4] delay_milliseconds: u32 as Be32,
        /// Samples of the sensor for one of these.
        [12] averaging_factor: AveragingFactor as Be16,
        /// How long one of the sensor takes.
        [18] sampling_period: SamplingPeriod as Be16,
    }
}
