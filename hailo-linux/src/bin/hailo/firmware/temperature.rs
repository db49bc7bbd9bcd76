//! `hailo temperature`: the two sensors, once or again and again.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use hailo_abi::firmware::control::TemperatureInfo;
use serde::Serialize;

use crate::Global;
use crate::failure::Failure;
use crate::output::{Output, Paper, Report};

/// Read the temperature of the chip
#[derive(Args)]
#[command(after_help = "Examples:\n  hailo temperature\n  hailo temperature --watch --interval 0.5 --count 20")]
pub(crate) struct Arguments {
    /// Read it again and again, until the command is interrupted
    #[arg(long)]
    watch: bool,
    /// The time between two readings
    #[arg(long, value_name = "SECONDS", default_value = "1", requires = "watch", value_parser = crate::parse::seconds)]
    interval: Duration,
    /// Stop after so many readings
    #[arg(long, value_name = "N", requires = "watch")]
    count: Option<u64>,
}

#[derive(Serialize)]
struct Temperature {
    device: String,
    /// The sensors, in degrees Celsius.
    ts0_temperature: f32,
    ts1_temperature: f32,
    /// Samples since the device has started.
    sample_count: u16,
}

impl Report for Temperature {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        writeln!(out, "TS0: {:.2} C  TS1: {:.2} C", self.ts0_temperature, self.ts1_temperature)
    }
}

pub(crate) fn run(arguments: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let (name, firmware) = super::open(global)?;
    let count = if arguments.watch { arguments.count.unwrap_or(u64::MAX) } else { 1 };
    for reading in 0..count {
        if reading > 0 {
            std::thread::sleep(arguments.interval);
        }
        let TemperatureInfo { ts0_temperature, ts1_temperature, sample_count } = firmware.temperature()?;
        output.report(&Temperature { device: name.clone(), ts0_temperature, ts1_temperature, sample_count })?;
    }
    Ok(ExitCode::SUCCESS)
}
