//! `hailo abi releases`: every driver release that is known.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use hailo_abi::interface::RELEASES;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Output, Paper, Report};

/// List the driver releases that are known, each with the first release that has its interface
#[derive(Args)]
#[command(after_help = "Example:\n  hailo abi releases")]
pub(super) struct Arguments {}

#[derive(Serialize)]
struct Known {
    release: String,
    /// The first release with the same interface.
    interface: String,
}

#[derive(Serialize)]
struct Releases {
    releases: Vec<Known>,
}

impl Report for Releases {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        writeln!(out, "release\tinterface")?;
        self.releases.iter().try_for_each(|Known { release, interface }| writeln!(out, "{release}\t{interface}"))
    }
}

pub(super) fn run(_: &Arguments, output: &mut Output) -> Result<ExitCode, Failure> {
    let known = RELEASES.iter().map(|(release, interface)| Known {
        release: release.to_string(),
        interface: interface.first_release.to_string(),
    });
    output.report(&Releases { releases: known.collect() })?;
    Ok(ExitCode::SUCCESS)
}
