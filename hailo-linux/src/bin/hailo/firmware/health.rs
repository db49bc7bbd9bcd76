//! `hailo health`: zones, thresholds and throttling.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::{current_zone, temperature_zone, throttling_level};
use crate::Global;
use crate::failure::Failure;
use crate::output::{Output, Paper, Report};

/// Show zones, thresholds and throttling by temperature and current
#[derive(Args)]
#[command(after_help = "Example:\n  hailo health --json")]
pub(crate) struct Arguments {}

#[derive(Serialize)]
struct Level {
    /// In degrees Celsius.
    temperature_threshold: f32,
    hysteresis_temperature_threshold: f32,
    /// In hertz.
    clock: u32,
}

#[derive(Serialize)]
struct Health {
    device: String,
    temperature_zone: &'static str,
    /// Whether the clock may be lowered by temperature.
    temperature_throttling_active: bool,
    /// At which level it is lowered now.
    temperature_throttling_level: Option<u8>,
    temperature_throttling_levels: Vec<Level>,
    orange_temperature_threshold: i32,
    orange_hysteresis_temperature_threshold: i32,
    red_temperature_threshold: i32,
    red_hysteresis_temperature_threshold: i32,
    /// In hertz.
    requested_temperature_clock_freq: u32,
    overcurrent_protection_active: bool,
    overcurrent_zone: &'static str,
    red_overcurrent_threshold_milliamperes: u32,
    overcurrent_throttling_active: bool,
    /// In hertz; 0 for any.
    requested_overcurrent_clock_freq: u32,
}

const fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// A clock in megahertz.
fn megahertz(hertz: u32) -> String {
    format!("{} MHz", f64::from(hertz) / 1e6)
}

impl Report for Health {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        let mut row = |name: &str, value: &dyn std::fmt::Display| writeln!(out, "{name:<28} {value}");
        row("Temperature zone", &self.temperature_zone)?;
        let (orange, until) = (self.orange_temperature_threshold, self.orange_hysteresis_temperature_threshold);
        row("Orange zone", &format_args!("from {orange} °C, until {until} °C"))?;
        let (red, until) = (self.red_temperature_threshold, self.red_hysteresis_temperature_threshold);
        row("Red zone", &format_args!("from {red} °C, until {until} °C"))?;
        row("Throttling by temperature", &format_args!("enabled: {}", yes(self.temperature_throttling_active)))?;
        match self.temperature_throttling_level {
            Some(level) => row("Throttling now", &format_args!("level {level}"))?,
            None => row("Throttling now", &"no")?,
        }
        for (number, level) in self.temperature_throttling_levels.iter().enumerate() {
            let Level { temperature_threshold, hysteresis_temperature_threshold, clock } = level;
            let clock = megahertz(*clock);
            let text = format!("from {temperature_threshold} °C, until {hysteresis_temperature_threshold} °C: {clock}");
            row(&format!("Throttling level {number}"), &text)?;
        }
        row("Clock for the temperature", &megahertz(self.requested_temperature_clock_freq))?;
        row("Overcurrent protection", &format_args!("enabled: {}", yes(self.overcurrent_protection_active)))?;
        row("Overcurrent zone", &self.overcurrent_zone)?;
        row("Overcurrent threshold", &format_args!("{} mA", self.red_overcurrent_threshold_milliamperes))?;
        row("Throttling by current", &yes(self.overcurrent_throttling_active))?;
        match self.requested_overcurrent_clock_freq {
            0 => row("Clock for the current", &"any"),
            clock => row("Clock for the current", &megahertz(clock)),
        }
    }
}

pub(crate) fn run(_: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let (name, firmware) = super::open(global)?;
    let health = firmware.health()?;
    let levels = health.temperature_throttling_levels.iter().map(|level| Level {
        temperature_threshold: level.temperature_threshold,
        hysteresis_temperature_threshold: level.hysteresis_temperature_threshold,
        clock: level.throttling_nn_clock_freq,
    });
    output.report(&Health {
        device: name,
        temperature_zone: temperature_zone(&health),
        temperature_throttling_active: health.temperature_throttling_active.get(),
        temperature_throttling_level: throttling_level(&health),
        temperature_throttling_levels: levels.collect(),
        orange_temperature_threshold: health.orange_temperature_threshold,
        orange_hysteresis_temperature_threshold: health.orange_hysteresis_temperature_threshold,
        red_temperature_threshold: health.red_temperature_threshold,
        red_hysteresis_temperature_threshold: health.red_hysteresis_temperature_threshold,
        requested_temperature_clock_freq: health.requested_temperature_clock_freq,
        overcurrent_protection_active: health.overcurrent_protection_active.get(),
        overcurrent_zone: current_zone(&health),
        red_overcurrent_threshold_milliamperes: health.red_overcurrent_milliamperes(),
        overcurrent_throttling_active: health.overcurrent_throttling_active.get(),
        requested_overcurrent_clock_freq: health.requested_overcurrent_clock_freq,
    })?;
    Ok(ExitCode::SUCCESS)
}
