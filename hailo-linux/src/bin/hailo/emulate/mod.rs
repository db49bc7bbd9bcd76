//! `hailo emulate`: runs a program that finds emulated boards.
//!
//! The program needs no change and no privilege: the kernel hands its system calls that open or look at files, and its
//! ioctls, to a supervisor (seccomp user notification), which lets through what does not concern a board.

mod files;
mod lookups;
mod outstanding;
mod pool;
mod recording;
mod seccomp;
mod supervisor;
mod tree;

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};

use clap::Args;
use hailo_abi::Interface;
use hailo_mock::{Machine, MachineOptions};

use crate::failure::Failure;
use recording::Recording;
use supervisor::Supervisor;
use tree::Tree;

/// Run a program that finds emulated boards, as if they were in this computer
#[derive(Args)]
#[command(after_help = "Examples:\n  hailo emulate -- python3 hailo-linux/examples/identify.py\n  \
                        hailo emulate --device mock:driver=4.20.0,boards=2 -- ls -l /sys/class/hailo_chardev\n\n\
                        The boards are described by --device: mock[:driver=RELEASE,board=BOARD,boards=N,\
                        firmware=VERSION,seed=N,…]. The program's exit status is that of this command.")]
pub(crate) struct Arguments {
    /// Print nothing about what the program left behind
    #[arg(long)]
    quiet: bool,
    /// Write every call and its answer to this file, one JSON object per line
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

/// What may keep the system from supervising a program, in words.
fn refused(program: &str, error: &io::Error) -> Failure {
    let remedy = match error.raw_os_error() {
        Some(libc::EBUSY) => {
            "the program's system calls have a supervisor already, and the kernel allows one: is this running below \
             another `hailo emulate`?"
        }
        Some(libc::EACCES | libc::EPERM | libc::ENOSYS | libc::EINVAL) => {
            "this system allows no supervision by seccomp: in a container, allow the system call seccomp with \
             SECCOMP_SET_MODE_FILTER (for example --security-opt seccomp=unconfined); outside, Linux 5.14 or newer is needed"
        }
        Some(libc::ENOENT) => "there is no such program",
        _ => return Failure::new(format_args!("cannot run {program}: {error}")),
    };
    Failure::new(format_args!("cannot run {program}: {error} ({remedy})"))
}

/// The exit status of a program, as shells give it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}

pub(crate) fn run(arguments: &Arguments, device: Option<&str>) -> Result<ExitCode, Failure> {
    let options: MachineOptions = match device.unwrap_or("mock").strip_prefix("mock") {
        Some("") => MachineOptions::default(),
        Some(options) if options.starts_with(':') => options[1..].parse().map_err(Failure::new)?,
        _ => return Err(Failure::new("emulate takes an emulated device: --device mock[:driver=RELEASE,…]")),
    };
    let machine = Machine::new(options).map_err(Failure::new)?;
    let interface = Interface::of(machine.driver())
        .ok_or_else(|| Failure::new(format_args!("driver {} is not known", machine.driver())))?;
    let tree = Tree::new(&machine)
        .map_err(|error| Failure::new(format_args!("cannot write the files of the emulated boards: {error}")))?;

    let recording = match &arguments.record {
        Some(path) => Some(Recording::create(path).map_err(|error| Failure::file("write", path, &error))?),
        None => None,
    };
    let [program, rest @ ..] = arguments.program.as_slice() else {
        return Err(Failure::new("emulate needs a program to run"));
    };
    let mut command = Command::new(program);
    command.args(rest);
    let name = program.to_string_lossy();
    let (mut child, listener) = seccomp::spawn(command).map_err(|error| refused(&name, &error))?;
    let supervised = Supervisor::new(listener, machine.clone(), interface, tree, recording).and_then(Supervisor::run);
    let status = child.wait();
    let left = supervised.map_err(|error| Failure::new(format_args!("the supervision of {name} failed: {error}")))?;
    let status = status.map_err(|error| Failure::new(format_args!("cannot wait for {name}: {error}")))?;

    if !arguments.quiet {
        report(&machine, &left);
    }
    Ok(exit_code(status))
}

/// Says what the program did that a real kernel would not have survived, what went on after it, and what it left to the
/// driver to release.
fn report(machine: &Machine, left: &[String]) {
    // Whoever closed the standard error output does not want to know.
    let mut error = io::stderr().lock();
    if !left.is_empty() {
        let _ = writeln!(error, "hailo emulate: files were closed that still held something");
        left.iter().for_each(|line| drop(writeln!(error, "  {line}")));
    }
    let report = machine.report();
    if !report.is_clean() {
        let _ = write!(error, "hailo emulate: the program left something behind\n{report}");
    }
}
