//! `hailo model`: what is in a model file.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use hailo_linux::hef::{Description, Hef};

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

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode, Failure> {
    let hef = Hef::open(&arguments.file)
        .map_err(|error| Failure::new(format_args!("{}: {error}", arguments.file.display())))?;
    output.report(&hef.describe())?;
    Ok(ExitCode::SUCCESS)
}
