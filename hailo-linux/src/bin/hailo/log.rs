//! `hailo log`: what the firmware writes about itself.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use hailo_abi::command::MAX_FW_LOG_BUFFER_LENGTH;
use hailo_abi::enums::CpuId;
use hailo_abi::firmware::log::LogLines;
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
    let mut buffer = [0; MAX_FW_LOG_BUFFER_LENGTH];
    loop {
        for log in &mut logs {
            loop {
                let length = device.read_log(log.cpu, &mut buffer)?;
                if length == 0 {
                    break;
                }
                let bytes = &buffer[..length];
                if let Some((path, file)) = &mut file {
                    File::write_all(file, bytes).map_err(|error| Failure::file("write", path, &error))?;
                    continue;
                }
                let mut lines = Vec::new();
                log.lines.push(bytes, |line| lines.push(text(line)));
                print(output, log.name, lines)?;
            }
            if !arguments.follow {
                let mut rest = Vec::new();
                log.lines.finish(|line| rest.push(text(line)));
                print(output, log.name, rest)?;
            }
        }
        if !arguments.follow {
            return Ok(ExitCode::SUCCESS);
        }
        std::thread::sleep(INTERVAL);
    }
}
