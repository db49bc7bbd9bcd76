//! `hailo power`: once, or the statistics of some time as the vendor's `measure-power` prints them.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use hailo_abi::firmware::control::{
    AveragingFactor, DvmOption, MeasuredPower, PowerMeasurementType, PowerStatistics, SamplingPeriod,
};
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::failure::Failure;
use crate::output::{Output, Paper, Report};
use crate::{Global, device};

/// Measure power
///
/// Without --duration it is measured once. The text of a longer measurement is laid out like the vendor's.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  hailo power\n  hailo power --duration 10\n  hailo power --dvm vdd-core --type voltage"
)]
pub(crate) struct Arguments {
    /// Measure for so long
    #[arg(long, value_name = "SECONDS", value_parser = crate::parse::seconds)]
    duration: Option<Duration>,
    /// Where
    #[arg(long, value_enum, default_value_t = Dvm::Auto)]
    dvm: Dvm,
    /// What
    #[arg(long = "type", value_enum, default_value_t = Kind::Auto)]
    kind: Kind,
    /// Average over so many samples of the sensor: 1, 4, 16, 64, 128, 256, 512 or 1024
    #[arg(long, value_name = "N", default_value = "256", requires = "duration", value_parser = averaging_factor)]
    averaging_factor: AveragingFactor,
    /// How long a sample of the sensor takes, in microseconds: 140, 204, 332, 588, 1100, 2116, 4156 or 8244
    #[arg(long, value_name = "US", default_value = "1100", requires = "duration", value_parser = sampling_period)]
    sampling_period: SamplingPeriod,
}

/// A supply.
#[derive(Clone, Copy, ValueEnum)]
enum Dvm {
    Auto,
    VddCore,
    VddIo,
    MipiAvdd,
    MipiAvddH,
    UsbAvddIo,
    VddTop,
    UsbAvddIoHv,
    AvddH,
    SdioVddIo,
    OvercurrentProtection,
    EvbTotalPower,
}

impl From<Dvm> for DvmOption {
    fn from(dvm: Dvm) -> Self {
        match dvm {
            Dvm::Auto => Self::AUTO,
            Dvm::VddCore => Self::VDD_CORE,
            Dvm::VddIo => Self::VDD_IO,
            Dvm::MipiAvdd => Self::MIPI_AVDD,
            Dvm::MipiAvddH => Self::MIPI_AVDD_H,
            Dvm::UsbAvddIo => Self::USB_AVDD_IO,
            Dvm::VddTop => Self::VDD_TOP,
            Dvm::UsbAvddIoHv => Self::USB_AVDD_IO_HV,
            Dvm::AvddH => Self::AVDD_H,
            Dvm::SdioVddIo => Self::SDIO_VDD_IO,
            Dvm::OvercurrentProtection => Self::OVERCURRENT_PROTECTION,
            Dvm::EvbTotalPower => Self::EVB_TOTAL_POWER,
        }
    }
}

/// What is measured.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Power where the board can measure it
    Auto,
    /// In watts
    Power,
    /// In milliamperes
    Current,
    /// Of the supply, in millivolts
    Voltage,
    /// Over the shunt, in millivolts
    ShuntVoltage,
}

impl Kind {
    fn unit(self) -> &'static str {
        match self {
            Self::Auto | Self::Power => "W",
            Self::Current => "mA",
            Self::Voltage | Self::ShuntVoltage => "mV",
        }
    }
}

impl From<Kind> for PowerMeasurementType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Auto => Self::AUTO,
            Kind::Power => Self::POWER,
            Kind::Current => Self::CURRENT,
            Kind::Voltage => Self::BUS_VOLTAGE,
            Kind::ShuntVoltage => Self::SHUNT_VOLTAGE,
        }
    }
}

fn averaging_factor(text: &str) -> Result<AveragingFactor, String> {
    let place = ["1", "4", "16", "64", "128", "256", "512", "1024"].iter().position(|factor| *factor == text);
    let place = place.and_then(|place| u16::try_from(place).ok());
    place.map(AveragingFactor).ok_or_else(|| "it is one of 1, 4, 16, 64, 128, 256, 512, 1024".into())
}

fn sampling_period(text: &str) -> Result<SamplingPeriod, String> {
    let place = ["140", "204", "332", "588", "1100", "2116", "4156", "8244"].iter().position(|period| *period == text);
    let place = place.and_then(|place| u16::try_from(place).ok());
    place.map(SamplingPeriod).ok_or_else(|| "it is one of 140, 204, 332, 588, 1100, 2116, 4156, 8244".into())
}

#[derive(Serialize)]
struct Once {
    device: String,
    value: f32,
    unit: &'static str,
    /// Where it was measured.
    dvm: String,
    /// What was measured.
    measurement_type: String,
}

impl Report for Once {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        writeln!(out, "{} {} ({}, {})", self.value, self.unit, self.measurement_type, self.dvm)
    }
}

#[derive(Serialize)]
struct Statistics {
    device: String,
    address: String,
    seconds: f64,
    unit: &'static str,
    total_number_of_samples: u32,
    max_value: f32,
    min_value: f32,
    average_value: f32,
    average_time_value_milliseconds: f32,
}

impl Report for Statistics {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        let unit = self.unit;
        writeln!(out, "Executing on device: {}", self.address)?;
        writeln!(out, "Measuring power consumption over {} seconds:", self.seconds)?;
        writeln!(out, "Total samples: {}", self.total_number_of_samples)?;
        writeln!(out, "Max value ({unit}): {}", self.max_value)?;
        writeln!(out, "Min value ({unit}): {}", self.min_value)?;
        writeln!(out, "Average value ({unit}): {}", self.average_value)?;
        writeln!(out, "Average time per sample (ms): {}", self.average_time_value_milliseconds)
    }
}

/// How soon a signal is seen.
const REACTION: Duration = Duration::from_millis(50);

/// The signal that ends the program, once it came.
struct Ended(Arc<AtomicUsize>);

impl Ended {
    fn watch() -> io::Result<Self> {
        let received = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register_usize(signal, Arc::clone(&received), signal as usize)?;
        }
        Ok(Self(received))
    }

    /// Waits for so long, or for the signal.
    fn wait(&self, duration: Duration) -> Option<i32> {
        let end = Instant::now() + duration;
        loop {
            let rest = end.saturating_duration_since(Instant::now());
            match self.0.load(Ordering::Relaxed) {
                0 if rest.is_zero() => return None,
                0 => std::thread::sleep(rest.min(REACTION)),
                signal => return Some(signal as i32),
            }
        }
    }
}

/// The place in which the firmware keeps the measurement; the vendor's command takes the same.
const INDEX: u32 = 0;

pub(crate) fn run(arguments: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let (name, firmware) = super::open(global)?;
    let (dvm, kind, unit) = (arguments.dvm.into(), arguments.kind.into(), arguments.kind.unit());
    let Some(duration) = arguments.duration else {
        let MeasuredPower { power_measurement, dvm, measurement_type } = firmware.measure_power(dvm, kind)?;
        let (dvm, measurement_type) = (dvm.to_string(), measurement_type.to_string());
        output.report(&Once { device: name, value: power_measurement, unit, dvm, measurement_type })?;
        return Ok(ExitCode::SUCCESS);
    };
    let (factor, period) = (arguments.averaging_factor, arguments.sampling_period);
    let ended = Ended::watch()?;
    let measurement = firmware.measure_power_periodically(INDEX, dvm, kind, factor, period)?;
    if io::stderr().is_terminal() {
        let _ = writeln!(io::stderr(), "Measuring for {} seconds; Ctrl-C ends.", duration.as_secs_f64());
    }
    if let Some(signal) = ended.wait(duration) {
        // The firmware would go on measuring.
        drop(measurement);
        signal_hook::low_level::emulate_default_handler(signal)?;
        return Ok(ExitCode::FAILURE);
    }
    let PowerStatistics {
        total_number_of_samples,
        min_value,
        max_value,
        average_value,
        average_time_value_milliseconds,
    } = measurement.read(true)?;
    output.report(&Statistics {
        address: device::address(&name),
        device: name,
        seconds: duration.as_secs_f64(),
        unit,
        total_number_of_samples,
        max_value,
        min_value,
        average_value,
        average_time_value_milliseconds,
    })?;
    Ok(ExitCode::SUCCESS)
}
