//! [`Sample`]: everything that is read at one time.

use std::io;
use std::time::SystemTime;

use hailo_abi::firmware::NetworkGroupHeader;
use hailo_abi::firmware::control::{DvmOption, PowerMeasurementType};
use hailo_linux::{Device, Firmware};
use serde::Serialize;

use crate::firmware::{current_zone, temperature_zone, throttling_level};
use crate::output::{Paper, Report, printable};

/// Which device it is.
pub(super) struct Who {
    pub(super) device: String,
    pub(super) driver: String,
    pub(super) firmware: String,
    pub(super) board: String,
}

impl Who {
    pub(super) fn new(device: &Device, firmware: &Firmware) -> Self {
        let identity = firmware.identity();
        Self {
            device: device.name().to_owned(),
            driver: device.release().to_string(),
            firmware: match firmware.interface() {
                Some(_) => firmware.release().to_string(),
                None => format!("{} (not known here)", firmware.release()),
            },
            board: printable(format!("{} {}", identity.board_name, identity.serial_number).as_bytes()),
        }
    }
}

/// The channels of a network group that is configured.
#[derive(Clone, Serialize)]
pub(super) struct Group {
    pub(super) contexts: u32,
    pub(super) batch_size: u32,
    pub(super) config_channels: Vec<u8>,
}

/// What was read. What the board cannot say is `None`.
#[derive(Clone, Default, Serialize)]
pub(super) struct Sample {
    pub(super) time: String,
    /// In degrees Celsius.
    pub(super) temperatures: Option<[f32; 2]>,
    pub(super) temperature_zone: Option<&'static str>,
    pub(super) throttling_level: Option<u8>,
    /// In hertz.
    pub(super) clock: Option<u32>,
    /// In watts.
    pub(super) power: Option<f32>,
    pub(super) overcurrent_zone: Option<&'static str>,
    pub(super) network_groups: Option<Vec<Group>>,
    /// Why something could not be read.
    pub(super) problem: Option<String>,
}

impl Sample {
    /// Reads everything.
    pub(super) fn of(firmware: &Firmware) -> Self {
        let mut problem = None;
        let mut note = |error: hailo_linux::Error| {
            problem.get_or_insert(error.to_string());
        };
        let temperature = firmware.temperature().map_err(&mut note).ok();
        let health = firmware.health().map_err(&mut note).ok();
        // Many boards have no sensor, which is no problem.
        let power = firmware.measure_power(DvmOption::AUTO, PowerMeasurementType::AUTO).ok();
        let groups = firmware.network_groups().ok();
        Self {
            time: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            temperatures: temperature.map(|info| [info.ts0_temperature, info.ts1_temperature]),
            temperature_zone: health.as_ref().map(temperature_zone),
            throttling_level: health.as_ref().and_then(throttling_level),
            clock: health.as_ref().map(|health| health.requested_temperature_clock_freq),
            power: power.map(|measured| measured.power_measurement),
            overcurrent_zone: health.as_ref().map(current_zone),
            network_groups: groups.map(|groups| groups.iter().map(Group::from).collect()),
            problem,
        }
    }
}

impl Report for Sample {
    fn text(&self, _: &mut Paper<'_>) -> io::Result<()> {
        // As text it is drawn on a page.
        Ok(())
    }
}

impl From<&NetworkGroupHeader> for Group {
    fn from(header: &NetworkGroupHeader) -> Self {
        Self {
            contexts: header.dynamic_contexts_count.into(),
            batch_size: header.batch_size.0.first().copied().unwrap_or(0).into(),
            config_channels: header.config_channels.as_slice().iter().map(|channel| channel.0).collect(),
        }
    }
}
