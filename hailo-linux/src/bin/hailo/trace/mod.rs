//! `hailo trace`: prints every call that a program makes to the accelerator, decoded.

mod launch;
mod ptrace;
mod tracer;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::Args;
use hailo_linux::recording::{Call, Recorder};

use crate::calls::{Decoded, Decoder, Summary, outcome};
use crate::failure::Failure;
use launch::LaunchError;
use tracer::{Sink, Tracer};

/// Print every call that a program makes to the accelerator, decoded
#[derive(Args)]
#[command(after_help = "Examples:\n  hailo trace -- python3 hailo-linux/examples/identify.py\n  \
                        hailo trace -- hailo emulate -- python3 hailo-linux/examples/identify.py\n  \
                        hailo trace --json --output calls.jsonl --pid 4711\n\n\
                        The trace goes to the standard error output, the program's exit status is that of this \
                        command. The release of the driver is found from the calls themselves.")]
pub(crate) struct Arguments {
    /// Write the trace to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Trace a process that runs already, until it ends or Ctrl-C is pressed
    #[arg(long, value_name = "PID", conflicts_with = "program")]
    pid: Option<u32>,
    /// Print only what is counted at the end
    #[arg(long)]
    summary_only: bool,
    /// Print long values whole, and each action of a context
    #[arg(long, short)]
    verbose: bool,
    /// The program and its arguments
    #[arg(required_unless_present = "pid", trailing_var_arg = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

type Writer = BufWriter<Box<dyn Write + Send>>;

/// Where calls are printed.
enum Paper {
    Text(Writer),
    Json(Recorder),
    Nothing,
}

struct Printer {
    paper: Paper,
    decoder: Decoder,
    summary: Summary,
    /// Whether the program goes on without a trace when that cannot be written.
    goes_on: bool,
    /// Why nothing more is written.
    failed: Option<io::Error>,
}

fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}

impl Sink for Printer {
    fn call(&mut self, call: &Call) -> io::Result<()> {
        let decoded = self.decoder.decode(call);
        self.summary.add(call, &decoded);
        match self.print(call, &decoded) {
            Err(error) if self.goes_on => {
                (self.paper, self.failed) = (Paper::Nothing, Some(error));
                Ok(())
            }
            result => result,
        }
    }
}

impl Printer {
    fn print(&mut self, call: &Call, decoded: &Decoded) -> io::Result<()> {
        match &mut self.paper {
            Paper::Text(out) => {
                let (began, took) = call.origin.map_or((0, 0), |origin| (origin.began_us, origin.took_us));
                write!(out, "{:>5} {:>12.6} {:>7} ", call.sequence, seconds(began), call.thread)?;
                if let Some(file) = call.file {
                    write!(out, "fd#{file} ")?;
                }
                write!(out, "{}", decoded.name)?;
                if !decoded.asked.is_empty() {
                    write!(out, " {}", decoded.asked)?;
                }
                write!(out, " = {}", outcome(call))?;
                if call.result.is_none() {
                    write!(out, " (did not return)")?;
                } else if !decoded.answered.is_empty() {
                    write!(out, " → {}", decoded.answered)?;
                }
                if let Some(held) = decoded.held.filter(|held| *held != Default::default()) {
                    write!(out, " (left: {} mapped buffers, {} descriptor lists)", held.mappings, held.lists)?;
                }
                writeln!(out, " <{:.6}>", seconds(took))?;
                decoded.more.iter().try_for_each(|line| writeln!(out, "{:14}{line}", ""))?;
                out.flush()
            }
            Paper::Json(recorder) => {
                recorder.write(call)?;
                recorder.flush()
            }
            Paper::Nothing => Ok(()),
        }
    }

    /// Prints what was counted: after the lines of text, and beside a file.
    fn finish(mut self, to_file: bool) -> io::Result<()> {
        match self.failed.take() {
            // Whoever read the trace has enough of it; the program did not notice.
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Some(error) => return Err(error),
            None => {}
        }
        let mut counted = Vec::new();
        if let Some(release) = self.decoder.release() {
            writeln!(counted, "driver {release}")?;
        }
        self.summary.print(&mut counted)?;
        match &mut self.paper {
            Paper::Text(out) => {
                out.write_all(&counted)?;
                out.flush()
            }
            Paper::Json(_) if !to_file => Ok(()),
            Paper::Json(_) | Paper::Nothing => io::stderr().write_all(&counted),
        }
    }
}

/// Why a process cannot be traced, in one sentence.
fn refused(what: &str, process: Option<u32>, error: &io::Error) -> Failure {
    let status = process.and_then(|process| fs::read_to_string(format!("/proc/{process}/status")).ok());
    let tracer = status.iter().flat_map(|status| status.lines()).find_map(|line| line.strip_prefix("TracerPid:"));
    let tracer = tracer.map(str::trim).filter(|tracer| *tracer != "0");
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let reason = match (error.raw_os_error(), tracer, scope.trim()) {
        (Some(libc::ESRCH | libc::ENOENT), ..) => "there is no such process".to_owned(),
        (Some(libc::EPERM), Some(tracer), _) => format!("process {tracer} traces it already"),
        (Some(libc::EPERM), None, "3") => {
            "kernel.yama.ptrace_scope is 3, which forbids tracing until the next start".into()
        }
        (Some(libc::EPERM), None, "2") => "kernel.yama.ptrace_scope is 2, which allows tracing to root only".into(),
        (Some(libc::EPERM), None, "1") if process.is_some() => {
            "kernel.yama.ptrace_scope is 1, which allows to trace one's own children only: be root, start the program \
             with `hailo trace -- PROGRAM`, or set it to 0 with sysctl"
                .into()
        }
        (Some(libc::EPERM), ..) => {
            "the process is another user's, or the system allows no tracing: in a container, add \
                                    the capability SYS_PTRACE (for example --cap-add SYS_PTRACE)"
                .into()
        }
        _ => return Failure::new(format_args!("cannot trace {what}: {error}")),
    };
    Failure::new(format_args!("cannot trace {what}: {reason}"))
}

fn failed(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
        _ => Failure::new(format_args!("the trace ended: {error}")),
    }
}

/// The exit status of a program, as shells give it.
fn exit_code(status: i32) -> ExitCode {
    let code = if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) };
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}

pub(crate) fn run(arguments: &Arguments, json: bool) -> Result<ExitCode, Failure> {
    let out: Box<dyn Write + Send> = match &arguments.output {
        Some(path) => Box::new(File::create(path).map_err(|error| Failure::file("write", path, &error))?),
        None => Box::new(io::stderr()),
    };
    let out = BufWriter::new(out);
    let read = |process: Option<u32>, address, bytes: &mut [u8]| {
        process.is_some_and(|process| tracer::fill(process, address, bytes))
    };
    let paper = match (arguments.summary_only, json) {
        (true, _) => Paper::Nothing,
        (false, true) => Paper::Json(Recorder::with_memory(out, read)),
        (false, false) => Paper::Text(out),
    };
    let decoder = Decoder::new(arguments.verbose);
    let goes_on = arguments.pid.is_none();
    let mut printer = Printer { paper, decoder, summary: Summary::default(), goes_on, failed: None };
    let mut tracer = Tracer::new(&mut printer);
    let code = if let Some(process) = arguments.pid {
        ptrace::block_signals();
        tracer.attach(process).map_err(|error| refused(&format!("process {process}"), Some(process), &error))?;
        tracer.run_until_stopped().map_err(|error| failed(&error))?;
        ExitCode::SUCCESS
    } else {
        let [program, rest @ ..] = arguments.program.as_slice() else {
            return Err(Failure::new("trace needs a program to run, or --pid"));
        };
        let mut command = Command::new(program);
        command.args(rest);
        let name = program.to_string_lossy();
        let launched = launch::launch(command).map_err(|error| match error {
            LaunchError::Start(error) => Failure::not_started(program, &error),
            LaunchError::Trace(error) => refused(&name, None, &error),
        })?;
        ptrace::ignore_keyboard();
        tracer.launched(launched.process, launched.filtered);
        let status = tracer.run().map_err(|error| failed(&error))?;
        status.map_or(ExitCode::FAILURE, exit_code)
    };
    printer.finish(arguments.output.is_some()).map_err(|error| failed(&error))?;
    Ok(code)
}
