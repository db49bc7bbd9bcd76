//! `hailo config read`: the two configurations that a board stores.

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

/// Read what a board stores of its configuration
#[derive(Args)]
#[command(after_help = "Example:\n  hailo config read --output config.bin", arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Read(ReadArguments),
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
    let Command::Read(arguments) = &arguments.command;
    let (device, firmware) = super::open(global)?;
    let mut config = Config {
        device,
        kind: if arguments.board { "board" } else { "user" },
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
            config.version = Some(size.version);
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
