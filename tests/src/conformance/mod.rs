//! The conformance program: every observed case of the real driver as code, run against the emulator in this process
//! or against a device node, and held against what the driver answered.
//!
//! A *script* is a function that opens files and makes calls in an order; the calls that the tables list are recorded
//! under the table's case name, the others are the set-up that the table's `given` tells of. What to expect stands only
//! in the tables (`tests/golden/driver-behaviour-*`), which are part of the program.

mod emulated;
mod firmware;
#[expect(unsafe_code, reason = "system calls and raw memory are what this file is for")]
mod kernel;
mod layout;
mod log;
mod loopback;
mod new;
mod old;
#[cfg(test)]
mod prose;
mod rules;
mod stage;
mod system;
mod table;
mod transfer;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

pub use hailo_abi::DriverRelease;
pub use log::Summary;
pub use table::OBSERVED;

use layout::Layout;
use log::Log;
use stage::{Stage, Step, Stop};
use system::Laboratory;

/// A script gets stuck if it records nothing for this long.
const STUCK: Duration = Duration::from_secs(90);

/// A sequence of calls that records cases of some families.
struct Script {
    families: &'static [&'static str],
    run: fn(&Stage<'_>) -> Step,
}

/// What to run, and where.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The device node; the emulator in this process if there is none.
    pub device: Option<PathBuf>,
    /// The release of the emulated driver, or of the device if it cannot be asked.
    pub release: Option<DriverRelease>,
    /// Only cases whose name contains this.
    pub filter: Option<String>,
    /// Also run, on a device, cases that crash, hang, suspend or remove.
    pub dangerous: bool,
}

/// Why nothing could be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The device node could not be asked for its release.
    #[error("{path} does not answer the driver's version query: {reason}; is it a Hailo device node?")]
    NoAnswer {
        /// The node.
        path: String,
        /// What happened.
        reason: String,
    },
    /// There is no table for the release.
    #[error("driver {release} was not observed; there are tables for 4.17.0, 4.20.0, 4.23.0, 5.2.0 and 5.3.0")]
    NotObserved {
        /// The release.
        release: DriverRelease,
    },
}

/// The names of the cases for a release, in the order of its table.
#[must_use]
pub fn names(release: DriverRelease, filter: Option<&str>) -> Vec<String> {
    let wanted = |case: &String| filter.is_none_or(|filter| case.contains(filter));
    table::rows(release).into_iter().map(|row| row.case).filter(wanted).collect()
}

/// The release that a run would be about.
///
/// # Errors
///
/// If the device does not answer, or if nobody observed its release.
pub fn release_of(options: &Options) -> Result<DriverRelease, Error> {
    let own = match &options.device {
        None => DriverRelease::new(4, 23, 0),
        Some(path) => kernel::ask_release(path)
            .map_err(|reason| Error::NoAnswer { path: path.display().to_string(), reason: reason.to_string() })?,
    };
    let release = options.release.unwrap_or(own);
    if OBSERVED.contains(&release) { Ok(release) } else { Err(Error::NotObserved { release }) }
}

/// Runs the cases and prints a line for each.
///
/// # Errors
///
/// As [`release_of`].
pub fn run(options: &Options, output: &mut (dyn Write + Send)) -> Result<Summary, Error> {
    let release = release_of(options)?;
    let layout = Layout::of(release);
    let laboratory: Box<dyn Laboratory> = match &options.device {
        Some(path) => Box::new(kernel::Bench::new(path)),
        None => Box::new(emulated::Emulator::new(release)),
    };
    let dangerous = options.dangerous || laboratory.harmless();
    let (sender, lines) = channel();
    let log = Log::new(table::rows(release), options.filter.clone(), dangerous, sender);
    let (over, ended) = channel::<()>();
    let summary = std::thread::scope(|scope| {
        scope.spawn(move || lines.iter().try_for_each(|line: String| writeln!(output, "{line}")));
        log.skip_dangerous();
        scope.spawn(|| watch(&log, ended));
        perform(&log, &layout, laboratory.as_ref(), dangerous);
        drop(over);
        log.finish()
    });
    Ok(summary)
}

/// Runs the scripts of a release.
fn perform(log: &Log, layout: &Layout, laboratory: &dyn Laboratory, dangerous: bool) {
    let scripts = if layout.release.major < 5 { old::SCRIPTS } else { new::SCRIPTS };
    for script in scripts {
        play(script, log, layout, laboratory, dangerous);
    }
}

/// Runs one script, and records for its open cases why it ended early.
fn play(script: &Script, log: &Log, layout: &Layout, laboratory: &dyn Laboratory, dangerous: bool) {
    let risky = script.families.contains(&"danger");
    if (risky && !dangerous) || !script.families.iter().any(|family| log.wants_family(family)) {
        return;
    }
    let stage = Stage::new(laboratory, layout, log);
    let ended = catch_unwind(AssertUnwindSafe(|| (script.run)(&stage)));
    if !laboratory.fresh() {
        tidy(&stage);
    }
    let families = script.families.iter();
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(Stop::Skip(reason))) => families.for_each(|family| log.skip_family(family, reason)),
        Ok(Err(Stop::Broken(reason))) => families.for_each(|family| log.break_family(family, &reason)),
        Err(_) => families.for_each(|family| log.break_family(family, "the script panicked")),
    }
}

/// Leaves the channels as they were found: when the owner of the device closes it, the driver has the firmware reset
/// them all. A channel left running on a list that is gone would read memory that is somebody else's by now.
fn tidy(stage: &Stage<'_>) {
    if let Ok(file) = stage.open() {
        // Not the owner: then somebody else is, and the channels are theirs.
        let _ = file.mark();
    }
}

/// Ends the program if nothing happens any more: a call that should have returned did not.
fn watch(log: &Log, ended: std::sync::mpsc::Receiver<()>) {
    let mut before = log.progress.load(Ordering::Relaxed);
    while ended.recv_timeout(STUCK) == Err(RecvTimeoutError::Timeout) {
        let now = log.progress.load(Ordering::Relaxed);
        if now == before {
            eprintln!("conformance: a call did not return within {} s; giving up", STUCK.as_secs());
            log.finish();
            // The lines are printed by a thread of their own.
            std::thread::sleep(Duration::from_millis(500));
            std::process::exit(1);
        }
        before = now;
    }
}
