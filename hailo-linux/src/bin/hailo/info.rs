//! `hailo info`: what the driver says of itself and its board, and of which release the firmware is.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use hailo_abi::firmware::KnownReleases;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Output, Paper, Report};
use crate::{Global, device};

/// Show the releases of driver and firmware, and what the driver says of the board
#[derive(Args)]
#[command(after_help = "Example:\n  hailo info --device /dev/hailo0")]
pub(crate) struct Arguments {}

#[derive(Serialize)]
struct Info {
    device: String,
    driver_release: String,
    /// The first release with the interface that is spoken.
    interface: String,
    board: Option<&'static str>,
    board_type: u32,
    is_fw_loaded: bool,
    /// What the firmware answered, if it did.
    firmware_release: Option<String>,
    /// Whether that release is known here.
    firmware_known: Option<bool>,
    /// Why it did not answer.
    firmware_problem: Option<String>,
    dma_type: String,
    dma_engines_count: u64,
    desc_max_page_size: u16,
    allocation_mode: String,
}

impl Report for Info {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        let mut row = |name: &str, value: &dyn std::fmt::Display| writeln!(out, "{name:<24} {value}");
        row("Device", &self.device)?;
        row("Driver release", &self.driver_release)?;
        row("Interface since", &self.interface)?;
        row("Board", &format_args!("{} (number {})", self.board.unwrap_or("unknown"), self.board_type))?;
        row("Firmware loaded", &if self.is_fw_loaded { "yes" } else { "no" })?;
        match (&self.firmware_release, &self.firmware_problem) {
            (Some(release), _) if self.firmware_known == Some(false) => {
                row("Firmware release", &format_args!("{release}, which is not known here ({KnownReleases} are)"))?;
            }
            (Some(release), _) => row("Firmware release", release)?,
            (None, Some(problem)) => row("Firmware release", &format_args!("unknown: {problem}"))?,
            (None, None) => {}
        }
        row("DMA", &format_args!("{}, engines: {}", self.dma_type, self.dma_engines_count))?;
        row("Largest descriptor page", &format_args!("{} bytes", self.desc_max_page_size))?;
        row("Buffers allocated by", &self.allocation_mode)
    }
}

pub(crate) fn run(_: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let device = device::open(global)?;
    let properties = device.properties();
    // What the driver said is shown even if the firmware does not answer.
    let asked = properties.is_fw_loaded.then(|| device.firmware());
    let (firmware, problem) = match asked {
        Some(Ok(firmware)) => (Some(firmware), None),
        Some(Err(error)) => (None, Some(error.to_string())),
        None => (None, None),
    };
    output.report(&Info {
        device: device.name().to_owned(),
        driver_release: device.release().to_string(),
        interface: device.interface().first_release.to_string(),
        board: device.interface().board(properties.board_type).map(hailo_abi::board::Board::name),
        board_type: properties.board_type,
        is_fw_loaded: properties.is_fw_loaded,
        firmware_release: firmware.as_ref().map(|firmware| firmware.release().to_string()),
        firmware_known: firmware.as_ref().map(|firmware| firmware.interface().is_some()),
        firmware_problem: problem,
        dma_type: properties.dma_type.to_string(),
        dma_engines_count: properties.dma_engines_count,
        desc_max_page_size: properties.desc_max_page_size,
        allocation_mode: properties.allocation_mode.to_string(),
    })?;
    Ok(ExitCode::SUCCESS)
}
