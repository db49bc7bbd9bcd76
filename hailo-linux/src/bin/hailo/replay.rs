//! `hailo replay`: the calls of a recording once more, against an emulated device.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::Global;
use crate::failure::Failure;
use crate::output::Output;

/// Play a recording of driver calls against an emulated device, call by call
///
/// Addresses, handles and DMA addresses are replaced by those of now. What the driver answers is compared with the
/// recording; what the firmware answers is its own, but for the status. With mock:dma=recorded, DMA addresses are compared
/// too. The first difference is printed, and the exit status is 1 then.
///
/// Recordings are made by `hailo run --record`, `hailo infer --record`, `hailo trace --json` and `hailo emulate --record`,
/// also on real boards. Data is not in them: buffers hold zeros.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    hailo infer --device mock --frames 10 --record calls.jsonl\n  \
    hailo replay calls.jsonl\n  \
    hailo replay calls.jsonl --device mock:driver=4.20.0\n  \
    hailo replay vendor.jsonl.gz --device mock:dma=recorded --json\n\n\
    Without --device, the emulated driver is of the recording's release.")]
pub(crate) struct Arguments {
    /// The recording: JSON, a line for each call, compressed with gzip or not; - for the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How long a call may take that returned in the recording
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = crate::parse::seconds)]
    timeout: Duration,
}

#[cfg(not(feature = "emulator"))]
pub(crate) fn run(_: &Arguments, _: &Global, _: &mut Output) -> Result<ExitCode, Failure> {
    Err(crate::emulated::missing("replay"))
}

#[cfg(feature = "emulator")]
pub(crate) fn run(arguments: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    played::run(arguments, global, output)
}

#[cfg(feature = "emulator")]
mod played {
    use std::fs::File;
    use std::io::{self, Write};
    use std::path::Path;
    use std::process::ExitCode;

    use hailo_linux::recording::{self, Difference, PlayError, PlayOptions, Played, Recording};
    use hailo_mock::read_recording;
    use serde::Serialize;

    use super::Arguments;
    use crate::failure::Failure;
    use crate::output::{Output, Paper, Report};
    use crate::{Global, device};

    /// The answer that is another one than the recorded.
    #[derive(Serialize)]
    struct Different {
        sequence: u64,
        name: String,
        recorded: String,
        played: String,
    }

    #[derive(Serialize)]
    struct Replayed {
        recording: String,
        /// The release of the recorded driver, if it was asked.
        recorded_release: Option<String>,
        device: String,
        driver_release: String,
        calls: u64,
        controls: u64,
        launches: u64,
        skipped: u64,
        difference: Option<Different>,
    }

    impl Report for Replayed {
        fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
            let Self { recording, recorded_release, device, driver_release, .. } = self;
            let recorded = recorded_release
                .as_deref()
                .map_or("of a driver whose release was not asked".into(), |release| format!("driver {release}"));
            writeln!(out, "Recording    {recording}, {recorded}")?;
            writeln!(out, "Device       {device}, driver {driver_release}")?;
            let Self { calls, controls, launches, skipped, .. } = self;
            let skipped = match skipped {
                0 => String::new(),
                _ => format!("; {skipped} were left out, which depend on more than the driver"),
            };
            writeln!(
                out,
                "Played       {calls} calls, {controls} firmware controls and {launches} launches among them{skipped}"
            )?;
            let Some(Different { sequence, name, recorded, played }) = &self.difference else {
                return writeln!(out, "Differences  none");
            };
            out.paragraph("Difference   ", "             ", &format!("call {sequence}, {name}"))?;
            out.paragraph("  recorded   ", "             ", recorded)?;
            out.paragraph("  played     ", "             ", played)?;
            match recorded_release {
                Some(recorded) if recorded != driver_release => {
                    let hint = format!("the recording is of another driver: try --device mock:driver={recorded}");
                    out.paragraph("Hint         ", "             ", &hint)
                }
                _ => Ok(()),
            }
        }
    }

    fn read(path: &Path) -> Result<Recording, Failure> {
        let text = if path == Path::new("-") {
            read_recording(io::stdin().lock())
        } else {
            File::open(path).and_then(read_recording)
        };
        let text = text.map_err(|error| Failure::file("read", path, &error))?;
        Recording::parse(&text).map_err(|error| Failure::new(format_args!("cannot replay {}: {error}", path.display())))
    }

    pub(super) fn run(arguments: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
        let asked = global.device.clone().filter(|name| !name.is_empty());
        if let Some(name) = asked.as_ref().filter(|name| !device::is_emulated(name)) {
            return Err(Failure::new(format_args!(
                "recordings are not played on {name}: a real driver would be given addresses and orders that were right \
                 for another program, and might not survive it; use --device mock"
            )));
        }
        let recording = read(&arguments.file)?;
        let recorded = recording.release();
        let name = asked.unwrap_or_else(|| recorded.map_or("mock".into(), |release| format!("mock:driver={release}")));
        let emulator = recording::emulator(&recording, &name)?;
        let dma_addresses = emulator.machine().options().recorded_dma;
        let options = PlayOptions { dma_addresses, patience: arguments.timeout, ..PlayOptions::default() };
        let (Played { calls, controls, launches, skipped }, difference) =
            match recording::play_emulated(&recording, &emulator, options) {
                Ok(played) => (played, None),
                Err(PlayError::Difference(difference)) => {
                    let Difference { sequence, name, recorded, played, before } = *difference;
                    (before, Some(Different { sequence, name, recorded, played }))
                }
                Err(error) => return Err(Failure::new(format_args!("{}: {error}", arguments.file.display()))),
            };
        let same = difference.is_none();
        output.report(&Replayed {
            recording: arguments.file.display().to_string(),
            recorded_release: recorded.map(|release| release.to_string()),
            device: name,
            driver_release: emulator.machine().driver().to_string(),
            calls,
            controls,
            launches,
            skipped,
            difference,
        })?;
        Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
