//! `hailo config`: the two configurations that a board stores.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use hailo_abi::firmware::user_config::UserConfigReader;
use serde::Serialize;

use super::hex;
use crate::Global;
use crate::failure::Failure;
use crate::output::{Output, Paper, Report};

/// Read, write or erase what a board stores of its configuration
#[derive(Args)]
#[command(
    after_help = "Examples:\n  hailo config read --output config.bin\n  hailo config write config.bin --yes",
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Read(ReadArguments),
    Write(WriteArguments),
    Erase(EraseArguments),
}

/// Read the user configuration, or that of the board
#[derive(Args)]
#[command(after_help = "Examples:\n  hailo config read\n  hailo config read --board --output board.bin")]
struct ReadArguments {
    /// Read the board configuration instead of the user configuration
    #[arg(long)]
    board: bool,
    /// Write the bytes as they are to a file
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Replace the user configuration, or that of the board, and read it back
///
/// It takes effect when the firmware starts again.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  hailo config write config.bin --yes\n  hailo config write --board board.bin --yes\n\n\
                  FILE has the bytes as `hailo config read --output FILE` writes them."
)]
struct WriteArguments {
    /// The bytes of the configuration
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the board configuration instead of the user configuration: a wrong one can keep the board from starting
    #[arg(long)]
    board: bool,
    /// Do it, instead of only saying what would be done
    #[arg(long)]
    yes: bool,
}

/// Erase the user configuration
///
/// When the firmware starts again, it uses values of its own.
#[derive(Args)]
#[command(after_help = "Example:\n  hailo config erase --yes")]
struct EraseArguments {
    /// Do it, instead of only saying what would be done
    #[arg(long)]
    yes: bool,
}

/// What was changed.
#[derive(Serialize)]
struct Changed {
    device: String,
    kind: &'static str,
    done: &'static str,
    size: usize,
}

impl Report for Changed {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        match self.done {
            "written" => writeln!(out, "{} configuration: {} bytes written and read back", self.kind, self.size),
            done => writeln!(out, "{} configuration: {done}", self.kind),
        }
    }
}

#[derive(Serialize)]
struct Entry {
    category: u16,
    entry_id: u16,
    value: String,
}

#[derive(Serialize)]
struct Config {
    device: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    size: usize,
    /// The entries of a user configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<Vec<Entry>>,
    /// What is wrong with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    bytes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
}

/// How many bytes stand in a line.
const LINE: usize = 16;

impl Report for Config {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        let version = self.version.map_or_else(String::new, |version| format!(", version {version}"));
        writeln!(out, "{} configuration: {} bytes{version}", self.kind, self.size)?;
        for Entry { category, entry_id, value } in self.entries.iter().flatten() {
            writeln!(out, "category {category} entry {entry_id}: {value}")?;
        }
        if let Some(problem) = &self.problem {
            writeln!(out, "{problem}")?;
        }
        match &self.file {
            Some(file) => writeln!(out, "written to {}", file.display()),
            None => {
                let digits = self.bytes.as_bytes().chunks(2 * LINE).enumerate();
                digits.into_iter().try_for_each(|(index, line)| {
                    writeln!(out, "{:04X}  {}", index * LINE, String::from_utf8_lossy(line))
                })
            }
        }
    }
}

pub(crate) fn run(arguments: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    match &arguments.command {
        Command::Read(arguments) => read(arguments, global, output),
        Command::Write(arguments) => write(arguments, global, output),
        Command::Erase(arguments) => erase(arguments, global, output),
    }
}

/// Nothing is changed without being asked twice.
fn confirmed(yes: bool, device: &str, what: &str) -> Result<(), Failure> {
    match yes {
        true => Ok(()),
        false => Err(Failure::new(format_args!("{device}: this would {what}; with --yes it is done"))),
    }
}

const fn kind(board: bool) -> &'static str {
    if board { "board" } else { "user" }
}

fn write(arguments: &WriteArguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let WriteArguments { file, board, yes } = arguments;
    let bytes = std::fs::read(file).map_err(|error| Failure::file("read", file, &error))?;
    if !board {
        // Also without --yes it is worth knowing.
        UserConfigReader::check(&bytes).map_err(|error| Failure::new(format_args!("{}: {error}", file.display())))?;
    }
    let (device, firmware) = super::open(global)?;
    let kind = kind(*board);
    confirmed(*yes, &device, &format!("replace the {kind} configuration by the {} bytes of the file", bytes.len()))?;
    let stored = match board {
        true => {
            firmware.write_board_config(&bytes)?;
            firmware.board_config()?
        }
        false => {
            firmware.write_user_config(&bytes)?;
            firmware.user_config()?.1
        }
    };
    if !stored.starts_with(&bytes) {
        return Err(Failure::new(format_args!(
            "{device}: the {kind} configuration that is read back is not what was written; write it again before the board \
             is started again"
        )));
    }
    output.report(&Changed { device, kind, done: "written", size: bytes.len() })?;
    Ok(ExitCode::SUCCESS)
}

fn erase(arguments: &EraseArguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let (device, firmware) = super::open(global)?;
    confirmed(arguments.yes, &device, "erase the user configuration")?;
    firmware.erase_user_config()?;
    output.report(&Changed { device, kind: "user", done: "erased", size: 0 })?;
    Ok(ExitCode::SUCCESS)
}

fn read(arguments: &ReadArguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let (device, firmware) = super::open(global)?;
    let mut config = Config {
        device,
        kind: kind(arguments.board),
        version: None,
        size: 0,
        entries: None,
        problem: None,
        bytes: String::new(),
        file: arguments.output.clone(),
    };
    let bytes = match arguments.board {
        true => firmware.board_config()?,
        false => {
            let (size, bytes) = firmware.user_config()?;
            config.version = (!bytes.is_empty()).then_some(size.version);
            let mut entries = Vec::new();
            match UserConfigReader::new(&bytes) {
                Err(_) if bytes.is_empty() => config.problem = Some("no user configuration is stored".into()),
                Ok(reader) => {
                    for entry in reader {
                        match entry {
                            Ok((entry, value)) => {
                                let (category, entry_id) = (entry.category, entry.entry_id);
                                entries.push(Entry { category, entry_id, value: hex(value) });
                            }
                            Err(error) => config.problem = Some(error.to_string()),
                        }
                    }
                }
                Err(error) => config.problem = Some(error.to_string()),
            }
            config.entries = Some(entries);
            bytes
        }
    };
    config.size = bytes.len();
    config.bytes = hex(&bytes);
    if let Some(file) = &arguments.output {
        std::fs::write(file, &bytes).map_err(|error| Failure::file("write", file, &error))?;
    }
    output.report(&config)?;
    Ok(ExitCode::SUCCESS)
}
