//! `hailo reset`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use hailo_abi::firmware::control::ResetType;
use serde::Serialize;

use crate::Global;
use crate::failure::Failure;
use crate::output::{Output, Paper, Report};

/// Reset the neural network core or the firmware
///
/// Whatever runs on the device stops. The chip as a whole cannot be reset over PCI Express.
#[derive(Args)]
#[command(after_help = "Example:\n  hailo reset --type nn-core")]
pub(crate) struct Arguments {
    /// What is reset
    #[arg(long = "type", value_enum)]
    kind: Kind,
}

/// What is reset.
#[derive(Clone, Copy, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// The neural network core
    #[value(alias = "nn_core")]
    NnCore,
    /// The firmware, which starts anew
    Soft,
    /// The firmware, whatever it is doing
    #[value(alias = "forced_soft")]
    ForcedSoft,
    /// The whole chip, which PCI Express does not allow
    Chip,
}

impl From<Kind> for ResetType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::NnCore => Self::NN_CORE,
            Kind::Soft => Self::SOFT,
            Kind::ForcedSoft => Self::FORCED_SOFT,
            Kind::Chip => Self::CHIP,
        }
    }
}

#[derive(Serialize)]
struct Done {
    device: String,
    reset: Kind,
}

impl Report for Done {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        writeln!(out, "Board has been reset successfully")
    }
}

pub(crate) fn run(arguments: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let (name, firmware) = super::open(global)?;
    firmware.reset(arguments.kind.into())?;
    output.report(&Done { device: name, reset: arguments.kind })?;
    Ok(ExitCode::SUCCESS)
}
