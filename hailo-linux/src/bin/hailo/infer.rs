//! `hailo infer`: frames through a small network whose every output is recomputed here.

use std::process::ExitCode;

use clap::Args;

use crate::Global;
use crate::failure::Failure;
use crate::output::Output;
use crate::record::RecordArguments;

/// Run frames through a small network on an emulated device and check every result
///
/// The network is one fully connected layer in integers. Frames go the whole way: buffers are mapped, descriptor lists
/// created, channels enabled, transfers launched and waited for. Every output is computed again here. The exit status is 0
/// only if all of them are right.
///
/// A real board's firmware starts channels only for a configured network: use `hailo run MODEL` there.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  hailo infer --device mock --frames 1000\n  hailo infer --device mock:driver=4.20.0 --json"
)]
pub(crate) struct Arguments {
    /// How many frames
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    frames: u64,
    #[command(flatten)]
    record: RecordArguments,
}

#[cfg(not(feature = "emulator"))]
pub(crate) fn run(_: &Arguments, _: &Global, _: &mut Output) -> Result<ExitCode, Failure> {
    Err(crate::emulated::missing("infer"))
}

#[cfg(feature = "emulator")]
pub(crate) fn run(arguments: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    checked::run(arguments, global, output)
}

#[cfg(feature = "emulator")]
mod checked {
    use std::io::{self, Write};
    use std::process::ExitCode;
    use std::time::Instant;

    use hailo_linux::emulator::machine_options;
    use hailo_linux::error::ErrorKind;
    use hailo_linux::infer::{InferOptions, InferReport, Inference};
    use hailo_linux::{Device, Options};
    use indicatif::{ProgressBar, ProgressStyle};
    use serde::Serialize;

    use super::Arguments;
    use crate::failure::Failure;
    use crate::output::{Output, Paper, Report};
    use crate::{Global, device};

    #[derive(Serialize)]
    struct Inferred {
        device: String,
        driver_release: String,
        frames: u64,
        mismatches: u64,
        seconds: f64,
        frames_per_second: f64,
        /// Bytes moved, both ways.
        bytes: u64,
        bytes_to_device: u64,
        bytes_from_device: u64,
    }

    impl Report for Inferred {
        fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
            let Self { device, driver_release, frames, mismatches, seconds, frames_per_second, .. } = self;
            let Self { bytes, bytes_to_device: to, bytes_from_device: from, .. } = self;
            writeln!(out, "Device       {device}, driver {driver_release}")?;
            writeln!(out, "Frames       {frames} in {seconds:.3} s, {frames_per_second:.0} per second")?;
            writeln!(out, "Bytes        {bytes} ({to} to the device, {from} from it)")?;
            match mismatches {
                0 => writeln!(out, "Mismatches   0: every output is right"),
                _ => writeln!(out, "Mismatches   {mismatches}: so many frames have wrong outputs"),
            }
        }
    }

    /// Firmware of a real board knows no bench controls.
    fn not_on_a_board(error: hailo_linux::Error) -> Failure {
        match error.kind() {
            ErrorKind::Firmware { .. } => Failure::new(format_args!(
                "{}: the firmware of a real board starts channels only for a configured network; \
                 use `hailo run MODEL.hef` there, or --device mock here",
                error.device()
            )),
            _ => error.into(),
        }
    }

    /// A bar on a terminal, and nothing elsewhere.
    fn progress(frames: u64) -> ProgressBar {
        let bar = ProgressBar::new(frames);
        match ProgressStyle::with_template("{wide_bar} {pos}/{len} frames, {per_sec}, {eta} left") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    pub(super) fn run(arguments: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
        let name = device::name(global)?;
        let (options, frames) = (InferOptions::default(), arguments.frames);
        let record = arguments.record.begin()?;
        record.mark("create");
        let opening = Options { recorder: record.recorder(), ..device::options(global) };
        let device = match device::is_emulated(&name) {
            true => options.emulator(machine_options(&name)?, &name)?.open_with(0, opening)?,
            false => Device::open_with(&name, opening)?,
        };
        record.mark("configure");
        let mut inference = Inference::start(&device, options).map_err(not_on_a_board)?;
        let bar = progress(frames);
        record.mark("frames");
        let start = Instant::now();
        let InferReport { frames: done, mismatches, bytes } =
            inference.run(frames, |report| bar.set_position(report.frames))?;
        let seconds = start.elapsed().as_secs_f64();
        bar.finish_and_clear();
        record.mark("deactivate");
        inference.finish()?;
        let driver_release = device.release().to_string();
        record.mark("destroy_device");
        drop(device);
        record.mark("end");
        record.finish()?;
        let to = done * options.inputs as u64;
        output.report(&Inferred {
            device: name,
            driver_release,
            frames: done,
            mismatches,
            seconds,
            frames_per_second: done as f64 / seconds,
            bytes,
            bytes_to_device: to,
            bytes_from_device: bytes - to,
        })?;
        Ok(if mismatches == 0 && done == frames { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
