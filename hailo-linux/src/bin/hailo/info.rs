//! `hailo info`: what the driver says of itself and its board, without asking the firmware.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Output, Paper, Report};
use crate::{Global, device};

/// Show the driver's release and what it says of the board
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
        row("DMA", &format_args!("{}, engines: {}", self.dma_type, self.dma_engines_count))?;
        row("Largest descriptor page", &format_args!("{} bytes", self.desc_max_page_size))?;
        row("Buffers allocated by", &self.allocation_mode)
    }
}

pub(crate) fn run(_: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let device = device::open(global)?;
    let properties = device.properties();
    output.report(&Info {
        device: device.name().to_owned(),
        driver_release: device.release().to_string(),
        interface: device.interface().first_release.to_string(),
        board: device.interface().board(properties.board_type).map(hailo_abi::board::Board::name),
        board_type: properties.board_type,
        is_fw_loaded: properties.is_fw_loaded,
        dma_type: properties.dma_type.to_string(),
        dma_engines_count: properties.dma_engines_count,
        desc_max_page_size: properties.desc_max_page_size,
        allocation_mode: properties.allocation_mode.to_string(),
    })?;
    Ok(ExitCode::SUCCESS)
}
