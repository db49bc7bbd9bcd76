//! `hailo scan`: which accelerators there are.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Output, Paper, Report};
use crate::{Global, device};

/// List the accelerators of this machine
#[derive(Args)]
#[command(after_help = "Example:\n  hailo scan --json")]
pub(crate) struct Arguments {}

#[derive(Serialize)]
pub(crate) struct Board {
    /// What `--device` takes.
    pub(crate) device: String,
    /// The place on the PCI bus.
    pub(crate) address: Option<String>,
    /// Vendor and device id.
    pub(crate) pci_id: Option<String>,
    pub(crate) class: Option<&'static str>,
}

#[derive(Serialize)]
pub(crate) struct Boards {
    pub(crate) devices: Vec<Board>,
    /// Places of boards that have no driver.
    pub(crate) without_driver: Vec<String>,
}

impl Report for Boards {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        // Scripts read these lines, which are the vendor's; what is added stands on lines of its own.
        writeln!(out, "Hailo Devices:")?;
        for Board { device, address, pci_id, .. } in &self.devices {
            writeln!(out, "[-] Device: {}", address.as_deref().unwrap_or(device))?;
            let id = pci_id.as_deref().map_or_else(String::new, |id| format!(" ({id})"));
            writeln!(out, "    {device}{id}")?;
        }
        for address in &self.without_driver {
            writeln!(out, "[!] Without driver: {address} (`hailo doctor` says why)")?;
        }
        if self.devices.is_empty() && self.without_driver.is_empty() {
            writeln!(out, "    none (`hailo doctor` says why)")?;
        }
        Ok(())
    }
}

fn of_this_machine() -> Result<Boards, Failure> {
    let boards = hailo_linux::scan::scan()?;
    let without = hailo_linux::scan::boards_without_driver(&hailo_linux::sysfs::Sysfs::default())?;
    let devices = boards.into_iter().map(|board| Board {
        device: board.node.to_string_lossy().into_owned(),
        address: board.location,
        pci_id: board.pci_id.map(|(vendor, device)| format!("{vendor:04x}:{device:04x}")),
        class: Some(board.class),
    });
    let devices = devices.collect();
    Ok(Boards { devices, without_driver: without.into_iter().map(|board| board.location).collect() })
}

pub(crate) fn run(_: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let boards = match global.device.as_deref() {
        Some(name) if device::is_emulated(name) => crate::emulated::boards(name)?,
        Some(name) => {
            let mut boards = of_this_machine()?;
            boards.devices.retain(|board| board.device == name);
            boards.without_driver.clear();
            if boards.devices.is_empty() {
                return Err(Failure::new(format_args!(
                    "no accelerator has the device node {name} (`hailo scan` without --device lists those that there are, \
                     `hailo doctor` says why one is missing)"
                )));
            }
            boards
        }
        None => of_this_machine()?,
    };
    output.report(&boards)?;
    Ok(ExitCode::SUCCESS)
}
