//! [`FirmwareValues`]: what emulated firmware says of its board.

use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::control::{HwConsts, ThrottlingLevel};
use hailo_abi::firmware::user_config::{
    DEFAULT_ORANGE_ALARM_THRESHOLD, DEFAULT_ORANGE_HYSTERESIS_ALARM_THRESHOLD, DEFAULT_RED_ALARM_THRESHOLD,
    DEFAULT_RED_HYSTERESIS_ALARM_THRESHOLD,
};
use hailo_abi::wire::Bool;

use super::settings::Settings;

/// What emulated firmware answers when it is asked for a measurement or a property. All values are invented; they are
/// those of a board that is well.
#[derive(Clone, Debug, PartialEq)]
pub struct FirmwareValues {
    /// The temperatures of the two sensors, in degrees Celsius. Each sample adds a little noise.
    pub temperatures: [f32; 2],
    /// The power, in watts. Each sample adds a little noise.
    pub power: f32,
    /// The core's clock, in hertz.
    pub clock_rate: u32,
    /// The constants of the hardware that buffer sizes depend on.
    pub hw_consts: HwConsts,
    /// Where the orange zone of temperature begins and ends again, in degrees Celsius.
    pub orange_threshold: [i32; 2],
    /// Where the red zone of temperature begins and ends again, in degrees Celsius.
    pub red_threshold: [i32; 2],
    /// The threshold of the red zone of current, in milliamperes.
    pub red_overcurrent: u32,
    /// The levels of throttling by temperature.
    pub throttling_levels: [ThrottlingLevel; 4],
    /// The user configuration; empty if there is none.
    pub user_config: Vec<u8>,
    /// The board configuration.
    pub board_config: Vec<u8>,
}

impl Default for FirmwareValues {
    fn default() -> Self {
        let level = |temperature: f32, megahertz: u32| ThrottlingLevel {
            temperature_threshold: temperature,
            hysteresis_temperature_threshold: temperature - 5.0,
            throttling_nn_clock_freq: megahertz * 1_000_000,
        };
        Self {
            temperatures: [48.5, 47.75],
            power: 1.875,
            clock_rate: 400_000_000,
            hw_consts: HwConsts {
                fifo_word_granularity_bytes: 8,
                max_periph_buffers_per_frame: 0x3fff,
                max_periph_bytes_per_buffer: 0xfff8,
                max_acceptable_bytes_per_buffer: 2048,
                outbound_data_stream_size: 0x1_0000,
                should_optimize_credits: Bool::new(true),
                default_initial_credit_size: 0x8000,
            },
            orange_threshold: [DEFAULT_ORANGE_ALARM_THRESHOLD, DEFAULT_ORANGE_HYSTERESIS_ALARM_THRESHOLD],
            red_threshold: [DEFAULT_RED_ALARM_THRESHOLD, DEFAULT_RED_HYSTERESIS_ALARM_THRESHOLD],
            red_overcurrent: 2600,
            throttling_levels: [level(104.0, 300), level(107.0, 200), level(110.0, 100), level(113.0, 50)],
            user_config: Vec::new(),
            board_config: (0..500u32).map(|index| (index * 7 % 251) as u8).collect(),
        }
    }
}

/// What emulated firmware says, and what it was told. Who shares it with a [`BoardFirmware`](super::BoardFirmware) can change
/// and look at it while the board runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FirmwareState {
    /// What it says.
    pub values: FirmwareValues,
    /// What it was told since it was started.
    pub settings: Settings,
}

/// The generation of the protocol that a firmware version speaks; for a version that is not known, the one in which what all
/// have in common is written.
pub(super) fn interface(version: [u32; 3]) -> FirmwareInterface {
    let [major, minor, revision] = version;
    hailo_abi::firmware::FirmwareRelease::new(major, minor, revision)
        .interface()
        .unwrap_or(FirmwareInterface::RELEASE_INDEPENDENT)
}
