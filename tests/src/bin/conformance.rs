//! `conformance`: every observed case of the real driver, run against the emulator or a device node.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use hailo_tests::conformance::{DriverRelease, Options, names, release_of, run};

/// Runs the observed cases of the real kernel driver and says which were answered alike.
///
/// Without a device the emulator in this process answers. Each case is one line: its name, the return value, the
/// errno, the values written back as JSON, and `ok`, `FAIL` or `skip: reason`, separated by tabs; the last line counts.
/// The exit status is 1 if a case failed.
#[derive(Debug, Parser)]
#[command(name = "conformance", version)]
struct Arguments {
    /// A device node, such as /dev/hailo0; `mock` means the emulator in this process.
    #[arg(long, env = "HAILO_DEVICE", value_name = "NODE")]
    device: Option<PathBuf>,
    /// The emulated driver's release; on a device, the release to hold it against instead of its own.
    #[arg(long, value_name = "RELEASE")]
    release: Option<DriverRelease>,
    /// Run only cases whose name contains this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Print the names of the cases and run none.
    #[arg(long)]
    list: bool,
    /// On a device, also run cases that crash or hang the kernel, suspend the machine or remove the board.
    #[arg(long)]
    dangerous: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let device = arguments.device.filter(|path| path.as_os_str() != "mock" && !path.as_os_str().is_empty());
    let options =
        Options { device, release: arguments.release, filter: arguments.filter, dangerous: arguments.dangerous };
    if arguments.list {
        return match release_of(&options) {
            Ok(release) => {
                names(release, options.filter.as_deref()).iter().for_each(|name| println!("{name}"));
                ExitCode::SUCCESS
            }
            Err(error) => complain(&error),
        };
    }
    match run(&options, &mut std::io::stdout()) {
        Ok(summary) => {
            summary.failures.iter().for_each(|failure| eprintln!("{failure}"));
            if summary.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => complain(&error),
    }
}

fn complain(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("conformance: {error}");
    ExitCode::FAILURE
}
