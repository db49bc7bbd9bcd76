//! What the firmware is asked for: identity, temperature, power, health, configuration, resets.

pub(crate) mod config;
pub(crate) mod health;
pub(crate) mod identify;
pub(crate) mod power;
pub(crate) mod reset;
pub(crate) mod temperature;

use hailo_abi::firmware::control::HealthInformation;
use hailo_linux::Firmware;

use crate::failure::Failure;
use crate::{Global, device};

/// Opens the device and identifies its firmware.
pub(crate) fn open(global: &Global) -> Result<(String, Firmware), Failure> {
    let device = device::open(global)?;
    let name = device.name().to_owned();
    Ok((name, device.firmware()?))
}

/// The temperature zones, from cool to hot.
const TEMPERATURE_ZONES: [&str; 3] = ["green", "orange", "red"];
/// The zones of the current.
const CURRENT_ZONES: [&str; 2] = ["green", "red"];

fn zone(names: &[&'static str], number: u8) -> &'static str {
    names.get(usize::from(number)).copied().unwrap_or("unknown")
}

/// The name of the temperature's zone.
pub(crate) fn temperature_zone(health: &HealthInformation) -> &'static str {
    zone(&TEMPERATURE_ZONES, health.current_temperature_zone)
}

/// The name of the current's zone.
pub(crate) fn current_zone(health: &HealthInformation) -> &'static str {
    zone(&CURRENT_ZONES, health.current_overcurrent_zone)
}

/// The level of throttling by temperature that the clock is at, if it is lowered.
pub(crate) fn throttling_level(health: &HealthInformation) -> Option<u8> {
    u8::try_from(health.current_temperature_throttling_level).ok()
}

/// Bytes as the vendor prints them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
