//! `hailo emulate`: runs a program that finds emulated boards.
//!
//! The program needs no change and no privilege: the kernel hands its system calls that open or look at files, and its
//! ioctls, to a supervisor (seccomp user notification), which lets through what does not concern a board.

mod caller;
mod events;
mod faults;
mod files;
mod lookups;
mod outstanding;
mod pool;
mod recording;
mod seccomp;
mod signals;
mod supervisor;
mod tree;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};

use clap::{Args, ValueEnum};
use hailo_abi::Interface;
use hailo_linux::emulator::{self, Emulator};
use hailo_mock::{Faults, Machine, Strike};

use crate::device;
use crate::failure::Failure;
use recording::Recording;
use supervisor::{Ended, Setting, Supervisor};
use tree::Tree;

/// Run a program that finds emulated boards, as if they were in this computer
#[derive(Args)]
#[command(after_help = "\
Examples:
  hailo emulate -- python3 hailo-linux/examples/identify.py
  hailo emulate --device mock:driver=4.20.0,boards=2 -- ls -l /sys/class/hailo_chardev
  hailo emulate --fault launch_transfer#3=ECONNRESET -- ./application
  hailo emulate --fault fw_control=delay:20ms --fault any#500-=lose -- ./application

The boards are described by --device: mock[:driver=RELEASE,board=BOARD,boards=N,firmware=VERSION,seed=N,…].

A fault is CALLS=FAULT. CALLS is any or a call of the driver (query_driver_info, fw_control, launch_transfer, \
interrupts_wait, buffer_map, …), alone for every one, or with numbers from 1 on: fw_control#3, fw_control#3-5, fw_control#3-. \
FAULT is one of
  EIO, 5              fails with this error, and is not carried out
  after:EIO           is carried out, but fails with this error
  delay:20ms          is carried out so much later
  hold:20ms           is carried out at once, and answered so much later
  lose, lose:ENXIO    the device is lost: this and every later call fails (ENODEV if nothing is said)
  late                fw_control times out, and the next one gets its answer
  drop, double        interrupts_wait loses what it was to report, or the next one reports it again
  corrupt:16:ff       bits of the answer are turned over, from this byte of the argument on

The program's exit status is that of this command. Signals that are sent to this command go to the program. Programs with \
a set-user-id bit get no privileges below it, and 32-bit programs find no board.")]
pub(crate) struct Arguments {
    /// Print nothing about what the program left behind
    #[arg(long)]
    quiet: bool,
    /// Write every call and its answer to this file, one JSON object per line
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Let calls fail, come late, get lost or be answered wrongly; may be given more than once
    #[arg(long, value_name = "CALLS=FAULT")]
    fault: Vec<Strike>,
    /// What becomes of a call that crashes the kernel
    #[arg(long, value_name = "WHAT", default_value = "dead")]
    on_crash: OnCrash,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnCrash {
    /// It fails with ENODEV, as all later calls to the board do
    Dead,
    /// Its process is killed, as by a kernel; whoever opens the board afterwards finds a new one
    Reboot,
}

/// What keeps the system from supervising a program, in words.
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
        _ => return Failure::new(format_args!("cannot run {program}: {error}")),
    };
    Failure::new(format_args!("cannot run {program}: {error} ({remedy})"))
}

/// Why a program's calls were not answered any more, in words.
fn failed(program: &str, error: &io::Error) -> Failure {
    let remedy = match error.raw_os_error() {
        Some(libc::EPERM | libc::ENOSYS) => {
            let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
            match scope.trim() {
                "2" => "kernel.yama.ptrace_scope is 2, which allows that to root only",
                "3" => "kernel.yama.ptrace_scope is 3, which forbids that until the next start of the system",
                _ => "in a container, allow the system calls process_vm_readv and process_vm_writev",
            }
        }
        _ => return Failure::new(format_args!("the supervision of {program} failed: {error}")),
    };
    Failure::new(format_args!("cannot read the memory of {program}: {error} ({remedy})"))
}

/// The exit status of a program, as shells give it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}

/// What strikes the calls: the faults of the options, and those in the device's name.
fn faults(arguments: &Arguments, name: &str, interface: &'static Interface) -> Result<Option<Faults>, Failure> {
    let mut strikes = emulator::strikes(name)?;
    strikes.extend(arguments.fault.iter().cloned());
    strikes.iter().try_for_each(|strike| strike.check(interface)).map_err(Failure::new)?;
    Ok((!strikes.is_empty()).then(|| Faults::new(interface, strikes)))
}

pub(crate) fn run(arguments: &Arguments, device: Option<&str>) -> Result<ExitCode, Failure> {
    // Before there is another thread.
    let signals = signals::block();
    let device = device.filter(|device| !device.is_empty()).unwrap_or(emulator::NAME);
    if !device::is_emulated(device) {
        return Err(Failure::new("emulate takes an emulated device: --device mock[:driver=RELEASE,…]"));
    }
    let machine = Emulator::new(device)?.machine().clone();
    let interface = Interface::of(machine.driver())
        .ok_or_else(|| Failure::new(format_args!("driver {} is not known", machine.driver())))?;
    let faults = faults(arguments, device, interface)?;
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
    let launched = seccomp::launch(command, signals).map_err(|error| refused(&name, &error))?;
    let passed_on = signals::pass_on(launched.process);

    let reboots = arguments.on_crash == OnCrash::Reboot;
    let setting = Setting { machine: machine.clone(), interface, recording, faults, reboots };
    let supervised = match launched.listener.is_complete() {
        true => Supervisor::new(launched.listener, setting, tree).and_then(Supervisor::run),
        false => Err(io::Error::from_raw_os_error(libc::EINVAL)),
    };
    drop(passed_on);
    if supervised.is_err() {
        signals::end(launched.process);
    }
    let started =
        launched.starter.join().unwrap_or_else(|_| Err(io::Error::other("the thread that starts it panicked")));
    let ended = match supervised {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return Err(refused(&name, &error)),
        Err(error) => return Err(failed(&name, &error)),
        Ok(ended) => ended,
    };
    let mut child = started.map_err(|error| Failure::not_started(program, &error))?;
    let status = child.wait().map_err(|error| Failure::new(format_args!("cannot wait for {name}: {error}")))?;
    if !arguments.quiet {
        report(&machine, &ended);
    }
    Ok(exit_code(status))
}

/// Says what the program did that a real kernel would not have survived, what went on after it, and what it left to the
/// driver to release.
fn report(machine: &Machine, ended: &Ended) {
    // Whoever closed the standard error output does not want to know.
    let mut error = io::stderr().lock();
    for fault in &ended.unused {
        let _ = writeln!(error, "hailo emulate: the program made no call that the fault {fault} strikes");
    }
    if !ended.all_returned {
        let _ = writeln!(error, "hailo emulate: a call never returns; with the real driver, its process cannot end");
    }
    if !ended.left.is_empty() {
        let _ = writeln!(error, "hailo emulate: files were closed that still held something");
        ended.left.iter().for_each(|line| drop(writeln!(error, "  {line}")));
    }
    let report = machine.report();
    if !report.is_clean() {
        let _ = write!(error, "hailo emulate: the program left something behind\n{report}");
    }
}
