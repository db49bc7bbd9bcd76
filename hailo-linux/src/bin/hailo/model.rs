//! `hailo model`: what is in a model file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use hailo_linux::hef::{self, Description, Hef};

use crate::failure::Failure;
use crate::output::{Output, Paper, Report};

/// Describe a model file (HEF): networks, streams, quantisation, contexts, what is not supported
#[derive(Args)]
#[command(after_help = "Example:\n  hailo model arcface.hef")]
pub(crate) struct Arguments {
    /// The model file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Report for Description {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        write!(out, "{self}")
    }
}

/// Reads a model file. Whatever is wrong, its name is in the sentence, once.
pub(crate) fn open(file: &Path) -> Result<Hef, Failure> {
    Hef::open(file).map_err(|error| match error {
        hef::Error::Read { .. } => Failure::new(error),
        error => Failure::new(format_args!("{}: {error}", file.display())),
    })
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode, Failure> {
    let hef = open(&arguments.file)?;
    output.report(&hef.describe())?;
    Ok(ExitCode::SUCCESS)
}
