//! `hailo identify`: laid out like the vendor's `fw-control identify`, which scripts read line by line.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use hailo_abi::firmware::control::{ExtendedDeviceInformation, Identity, SupportedFeatures};
use hailo_abi::firmware::{FirmwareVersion, KnownReleases};
use serde::Serialize;

use super::hex;
use crate::failure::Failure;
use crate::output::{Output, Paper, Report, printable};
use crate::{Global, device};

/// Ask the firmware who it is
///
/// The text is laid out like that of the vendor's `fw-control identify`.
#[derive(Args)]
#[command(after_help = "Example:\n  hailo identify --extended")]
pub(crate) struct Arguments {
    /// Ask for clock, features, boot source and the chip's identity, too
    #[arg(long)]
    extended: bool,
}

#[derive(Serialize)]
struct Extended {
    boot_source: String,
    neural_network_core_clock_rate: u32,
    supported_features: Vec<&'static str>,
    lcs: u8,
    soc_id: String,
    ult_id: String,
    pm_values: String,
}

#[derive(Serialize)]
struct Identified {
    device: String,
    address: String,
    protocol_version: u32,
    firmware_release: String,
    /// Whether that release is known here.
    firmware_known: bool,
    /// What kind of firmware it is: `release`, `app` and so on.
    firmware_flags: Vec<&'static str>,
    logger_version: u32,
    board_name: String,
    device_architecture: String,
    serial_number: String,
    part_number: String,
    product_name: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    extended: Option<Extended>,
}

/// What the vendor writes in parentheses behind a version.
pub(super) fn flags(version: FirmwareVersion) -> Vec<&'static str> {
    let has = |flag| version.has(flag);
    let mut flags = vec![if has(FirmwareVersion::DEVELOPMENT) { "develop" } else { "release" }];
    flags.push(if has(FirmwareVersion::CORE) { "core" } else { "app" });
    if has(FirmwareVersion::EXTENDED_CONTEXT_SWITCH_BUFFER) {
        flags.push("extended context switch buffer");
    }
    flags
}

/// The features, in the vendor's words and order.
fn features(features: SupportedFeatures) -> Vec<&'static str> {
    let all = [
        (SupportedFeatures::CURRENT_MONITORING, "Current Monitoring"),
        (SupportedFeatures::ETHERNET, "Ethernet"),
        (SupportedFeatures::MDIO, "MDIO"),
        (SupportedFeatures::MIPI, "MIPI"),
        (SupportedFeatures::PCIE, "PCIE"),
    ];
    all.into_iter().filter(|(feature, _)| features.contains(*feature)).map(|(_, name)| name).collect()
}

impl From<&ExtendedDeviceInformation> for Extended {
    fn from(information: &ExtendedDeviceInformation) -> Self {
        let fuse = &information.fuse_info;
        Self {
            boot_source: information.boot_source.to_string(),
            neural_network_core_clock_rate: information.neural_network_core_clock_rate,
            supported_features: features(information.features()),
            lcs: information.lcs,
            soc_id: hex(&information.soc_id),
            ult_id: hex(&fuse.lot_id) + &hex(&fuse.die_wafer_info.to_be_bytes()),
            pm_values: hex(&information.pd_info),
        }
    }
}

impl Report for Identified {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        writeln!(out, "Executing on device: {}", self.address)?;
        writeln!(out, "Identifying board")?;
        writeln!(out, "Control Protocol Version: {}", self.protocol_version)?;
        writeln!(out, "Firmware Version: {} ({})", self.firmware_release, self.firmware_flags.join(","))?;
        writeln!(out, "Logger Version: {}", self.logger_version)?;
        // The vendor fills the name up with zero bytes, which no terminal and no `grep` wants.
        writeln!(out, "Board Name: {}", self.board_name)?;
        writeln!(out, "Device Architecture: {}", self.device_architecture)?;
        writeln!(out, "Serial Number: {}", self.serial_number)?;
        writeln!(out, "Part Number: {}", self.part_number)?;
        writeln!(out, "Product Name: {}", self.product_name)?;
        if let Some(extended) = &self.extended {
            extended.text(out)?;
        }
        if !self.firmware_known {
            writeln!(out, "Note: firmware {} is not known here ({KnownReleases} are)", self.firmware_release)?;
        }
        Ok(())
    }
}

impl Extended {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        writeln!(out, "Boot source: {}", self.boot_source)?;
        writeln!(out, "Neural Network Core Clock Rate: {}MHz", self.neural_network_core_clock_rate / 1_000_000)?;
        if !self.supported_features.is_empty() {
            writeln!(out, "Device supported features: {}", self.supported_features.join(", "))?;
        }
        // The vendor writes no line end behind LCS.
        writeln!(out, "LCS: {}SoC ID: {}", self.lcs, self.soc_id)?;
        writeln!(out, "ULT ID: {}", self.ult_id)?;
        writeln!(out, "PM Values: {}", self.pm_values)
    }
}

pub(crate) fn run(arguments: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let (name, firmware) = super::open(global)?;
    let identity: &Identity = firmware.identity();
    let extended = match arguments.extended {
        true => Some(Extended::from(&firmware.extended_information()?)),
        false => None,
    };
    output.report(&Identified {
        address: device::address(&name),
        device: name,
        protocol_version: identity.protocol_version,
        firmware_release: firmware.release().to_string(),
        firmware_known: firmware.interface().is_some(),
        firmware_flags: flags(identity.fw_version),
        logger_version: identity.logger_version,
        board_name: printable(identity.board_name.as_str().as_bytes()),
        device_architecture: identity.device_architecture.to_string(),
        serial_number: printable(identity.serial_number.as_str().as_bytes()),
        part_number: printable(identity.part_number.as_str().as_bytes()),
        product_name: printable(identity.product_name.as_str().as_bytes()),
        extended,
    })?;
    Ok(ExitCode::SUCCESS)
}
