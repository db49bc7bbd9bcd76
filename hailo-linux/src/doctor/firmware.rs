//! Are the firmware files there, and of the driver's release?

use hailo_abi::DriverRelease;
use hailo_abi::firmware::image::{self, FirmwareHeader, FirmwareImage, FirmwareType, ImageError};
use hailo_abi::firmware::{FirmwareInterface, FirmwareRelease, KnownReleases};

use super::names::{FirmwareFile, firmware};
use super::survey::{Board, Survey};
use super::{Fault, Severity};

/// What compressed firmware files end with; the kernel takes either.
const COMPRESSED: &[&str] = &[".zst", ".xz"];

/// The directories in which the kernel looks for firmware, in its order.
fn directories(survey: &Survey<'_>) -> Vec<String> {
    let own = survey.tree.text("/sys/module/firmware_class/parameters/path").filter(|path| path.starts_with('/'));
    let kernel = survey.kernel.as_deref().unwrap_or("unknown");
    let mut directories: Vec<_> = own.into_iter().collect();
    directories.push(format!("/lib/firmware/updates/{kernel}"));
    directories.push("/lib/firmware/updates".into());
    directories.push(format!("/lib/firmware/{kernel}"));
    directories.push("/lib/firmware".into());
    directories
}

/// Where a file is.
fn place(survey: &Survey<'_>, file: &FirmwareFile) -> Option<String> {
    directories(survey).into_iter().find_map(|directory| match file {
        FirmwareFile::Exact(path) => {
            let plain = format!("{directory}/{path}");
            let compressed = COMPRESSED.iter().map(|suffix| format!("{plain}{suffix}"));
            [plain.clone()].into_iter().chain(compressed).find(|path| survey.tree.exists(path))
        }
        FirmwareFile::Variant { directory: below, start, end } => {
            let below = format!("{directory}/{below}");
            let fits = |name: &String| name.starts_with(start) && name.ends_with(end);
            survey.tree.list(&below).into_iter().find(fits).map(|name| format!("{below}/{name}"))
        }
    })
}

fn name(file: &FirmwareFile) -> String {
    match file {
        FirmwareFile::Exact(path) => format!("/lib/firmware/{path}"),
        FirmwareFile::Variant { directory, start, end } => format!("/lib/firmware/{directory}/{start}*{end}"),
    }
}

pub(super) fn check(survey: &mut Survey<'_>) {
    for board in survey.boards.clone() {
        check_board(survey, &board);
    }
}

fn check_board(survey: &mut Survey<'_>, board: &Board) {
    let module = survey.module_of(board);
    let is_set = |parameter: &str| module.is_some_and(|module| module.is_set(parameter));
    let legacy = is_set("force_hailo10h_legacy_mode") || is_set("force_hailo15_legacy_mode");
    let from_emmc = is_set("force_boot_linux_from_eemc");
    // Where the release is not known, the files of any release will do; those of the newest are asked for.
    let wanted: Vec<_> = survey
        .releases_of(board)
        .into_iter()
        .rev()
        .map(|release| firmware(board.device_id, release, legacy, from_emmc))
        .filter(|files| !files.is_empty())
        .collect();
    let missing = |files: &[FirmwareFile]| -> Vec<String> {
        files.iter().filter(|file| place(survey, file).is_none()).map(name).collect()
    };
    let Some(newest) = wanted.first() else { return };
    match wanted.iter().find(|files| missing(files).is_empty()) {
        Some(files) => {
            let image =
                files.iter().find(|file| matches!(file, FirmwareFile::Exact(path) if path.ends_with("_fw.bin")));
            if let Some(path) = image.and_then(|file| place(survey, file)) {
                check_image(survey, board, &path);
            }
        }
        None => {
            let missing = missing(newest);
            let runs = survey.answers_of(board).is_some_and(|device| device.is_fw_loaded == Some(true));
            let (severity, now) = match runs {
                true => (Severity::Warning, "The firmware that runs was loaded before; the next start will fail."),
                false => (Severity::Error, "Without it the board does not start."),
            };
            let release = survey.release_of(board).map_or_else(String::new, |release| format!(" {release}"));
            let s = if missing.len() == 1 { ("file", "is") } else { ("files", "are") };
            survey.add(
                Fault::FirmwareFileMissing,
                severity,
                format!("The firmware {} for the {} {} missing: {}.", s.0, board.label(), s.1, missing.join(", ")),
                format!("The driver{release} loads it into the board whenever it starts it. {now}"),
                "Install the vendor's firmware package of the same release as the driver, then reload the module."
                    .into(),
            );
        }
    }
}

fn check_image(survey: &mut Survey<'_>, board: &Board, path: &str) {
    if COMPRESSED.iter().any(|suffix| path.ends_with(suffix)) {
        return;
    }
    let Ok(bytes) = survey.tree.bytes(path) else { return };
    match release_in(&bytes, board.device_id) {
        Ok(file) => {
            if let Some(driver) = survey.release_of(board) {
                mismatch(survey, &format!("The firmware file {path}"), file, driver);
            }
        }
        Err(cause) => survey.add(
            Fault::FirmwareFileDamaged,
            Severity::Error,
            format!("The firmware file {path} is not what it should be."),
            cause,
            "Install the vendor's firmware package of the driver's release again.".into(),
        ),
    }
}

/// Says that a firmware and a driver do not belong together.
pub(super) fn mismatch(survey: &mut Survey<'_>, who: &str, firmware: FirmwareRelease, driver: DriverRelease) {
    if firmware.matches(FirmwareRelease::new(driver.major, driver.minor, driver.revision)) {
        return;
    }
    survey.add(
        Fault::FirmwareMismatch,
        Severity::Error,
        format!("{who} is of release {firmware}, but the driver is {driver}."),
        "Firmware and driver must have the same major and minor release; one package was updated without the other."
            .into(),
        format!(
            "Install firmware {}.{} (or the driver of the firmware's release) and reload the module; the firmware that \
                 runs stays until the board is started again.",
            driver.major, driver.minor
        ),
    );
}

/// Says that firmware that runs is not known here.
pub(super) fn unknown(survey: &mut Survey<'_>, node: &str, release: FirmwareRelease) {
    if release.interface().is_some() {
        return;
    }
    survey.add(
        Fault::UnknownFirmware,
        Severity::Warning,
        format!("The firmware that runs on {node} is of release {release}, which is not known here."),
        format!("Known are {KnownReleases}; it is only asked what is the same in all of them, and no network can be run."),
        "Nothing has to be done to look at the board; to run networks with this library, install firmware and driver of a \
         known release."
            .into(),
    );
}

/// The chip that a board's firmware is for.
fn chip(device_id: u16) -> Option<FirmwareType> {
    match device_id {
        0x2864 => Some(FirmwareType::HAILO8),
        0x45c4 => Some(FirmwareType::HAILO15),
        0x43a2 => Some(FirmwareType::HAILO15L),
        0x26a2 => Some(FirmwareType::MARS),
        _ => None,
    }
}

/// The release that a firmware image for a board names in its header.
fn release_in(bytes: &[u8], device_id: u16) -> Result<FirmwareRelease, String> {
    let header = FirmwareHeader::peek(bytes).ok_or_else(|| match bytes.len() {
        0 => "It is empty.".to_owned(),
        length => format!("It ends after {length} bytes, within its header."),
    })?;
    let release = header.version().release();
    let Some(chip) = chip(device_id) else { return Ok(release) };
    let known = FirmwareInterface::ALL.into_iter().filter_map(|interface| image::magic(chip, interface));
    if !known.clone().any(|magic| magic == header.magic) {
        return Err(format!("It starts with {:#010x}, which no firmware for this board does.", header.magic));
    }
    // Files that were cut short while they were fetched are common. Of other boards' files only the header is known.
    if let (FirmwareType::HAILO8, Some(interface)) = (chip, release.interface())
        && let Err(error @ ImageError::Truncated { .. }) = FirmwareImage::parse(interface, chip, bytes)
    {
        return Err(format!("It was cut short: {error}."));
    }
    Ok(release)
}
