//! `hailo log`: what the firmware writes about itself.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};
use hailo_abi::command::MAX_FW_LOG_BUFFER_LENGTH;
use hailo_abi::enums::CpuId;
use hailo_abi::firmware::log::LogLines;
use hailo_linux::Device;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Output, Paper, Report, printable};
use crate::{Global, device};

/// Print the log of the firmware
///
/// Lines are printed as they are; what is no text is escaped. The vendor's tools take the bytes that --output writes.
#[derive(Args)]
#[command(after_help = "Examples:\n  hailo log\n  hailo log --follow --cpu core\n  hailo log --output firmware.log")]
pub(crate) struct Arguments {
    /// Wait for more, until the command is interrupted
    #[arg(long, short)]
    follow: bool,
    /// Whose log
    #[arg(long, value_enum, default_value_t = Cpu::Both)]
    cpu: Cpu,
    /// Append the bytes as they are to a file instead of printing lines
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    output: Option<PathBuf>,
}

/// Whose log.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Cpu {
    /// That of the application processor
    App,
    /// That of the core's processor
    Core,
    /// One after the other
    Both,
}

/// How often a log that is followed is looked at.
const INTERVAL: Duration = Duration::from_millis(100);
/// The longest line; longer ones are cut.
const MAX_LINE: usize = 1024;

#[derive(Serialize)]
struct Line {
    cpu: &'static str,
    line: String,
}

impl Report for Line {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        writeln!(out, "{}: {}", self.cpu, self.line)
    }
}

/// The text of a line.
fn text(line: &[u8]) -> String {
    printable(line.trim_ascii_end())
}

/// One processor's log.
struct Log {
    name: &'static str,
    cpu: CpuId,
    lines: LogLines<MAX_LINE>,
}

impl Log {
    fn new(name: &'static str, cpu: CpuId) -> Self {
        Self { name, cpu, lines: LogLines::new() }
    }
}

fn print(output: &mut Output, cpu: &'static str, lines: Vec<String>) -> Result<(), Failure> {
    lines.into_iter().try_for_each(|line| output.report(&Line { cpu, line }))
}

/// Hands what is logged on to `take`, until something fails. Each log is followed by a thread, which ends with the program.
fn follow(
    device: &Device,
    logs: &mut [Log],
    mut take: impl FnMut(&mut Log, &[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (sender, received) = mpsc::sync_channel(16);
    for (index, log) in logs.iter().enumerate() {
        let (followed, sender) = (device.follow_log(log.cpu, INTERVAL), sender.clone());
        // Whoever received has failed if nobody does any more.
        thread::spawn(move || followed.map(|bytes| (index, bytes)).try_for_each(|read| sender.send(read)));
    }
    drop(sender);
    for (index, bytes) in received {
        if let Some(log) = logs.get_mut(index) {
            take(log, &bytes?)?;
        }
    }
    Ok(())
}

pub(crate) fn run(arguments: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let device = device::open(global)?;
    let mut file = match &arguments.output {
        Some(path) => {
            let opened = OpenOptions::new().append(true).create(true).open(path);
            Some((path, opened.map_err(|error| Failure::file("open", path, &error))?))
        }
        None => None,
    };
    let mut logs = Vec::new();
    if arguments.cpu != Cpu::Core {
        logs.push(Log::new("app", CpuId::CPU0));
    }
    if arguments.cpu != Cpu::App {
        logs.push(Log::new("core", CpuId::CPU1));
    }
    let mut take = |log: &mut Log, bytes: &[u8]| match &mut file {
        Some((path, file)) => file.write_all(bytes).map_err(|error| Failure::file("write", path, &error)),
        None => {
            let mut lines = Vec::new();
            log.lines.push(bytes, |line| lines.push(text(line)));
            print(output, log.name, lines)
        }
    };
    if arguments.follow {
        follow(&device, &mut logs, take)?;
    } else {
        for log in &mut logs {
            let mut buffer = [0; MAX_FW_LOG_BUFFER_LENGTH];
            loop {
                match device.read_log(log.cpu, &mut buffer)? {
                    0 => break,
                    length => take(log, &buffer[..length])?,
                }
            }
        }
        for mut log in logs {
            let mut rest = Vec::new();
            log.lines.finish(|line| rest.push(text(line)));
            print(output, log.name, rest)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
