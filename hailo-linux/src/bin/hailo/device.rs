//! Which device a subcommand works on, and how it is opened.

use hailo_linux::error::ErrorKind;
use hailo_linux::{Device, Options, scan};

use crate::Global;
use crate::failure::Failure;
use crate::record::Record;

/// Whether a device is an emulated one.
pub(crate) fn is_emulated(name: &str) -> bool {
    name == "mock" || name.starts_with("mock:")
}

/// The name of the device that was asked for, or of the first that there is.
pub(crate) fn name(global: &Global) -> Result<String, Failure> {
    if let Some(name) = global.device.as_ref().filter(|name| !name.is_empty()) {
        return Ok(name.clone());
    }
    match scan::scan()?.first() {
        Some(board) => Ok(board.node.to_string_lossy().into_owned()),
        None => Err(Failure::new(
            "no accelerator was found; `hailo doctor` says why, and --device mock takes an emulated one",
        )),
    }
}

/// How a device is opened.
pub(crate) fn options(global: &Global) -> Options {
    Options { assume_release: global.assume_release, ..Options::default() }
}

/// Opens the device that was asked for, or the first that there is.
pub(crate) fn open(global: &Global) -> Result<Device, Failure> {
    Ok(Device::open_with(&name(global)?, options(global))?)
}

/// As [`open`], with every call in a recording.
pub(crate) fn open_recorded(global: &Global, record: &Record) -> Result<Device, Failure> {
    let options = Options { recorder: record.recorder(), ..options(global) };
    Ok(Device::open_with(&name(global)?, options)?)
}

/// What the vendor's command calls a device: its place on the PCI bus. Where that is not known, its name.
pub(crate) fn address(name: &str) -> String {
    if is_emulated(name) {
        return "0000:01:00.0".into();
    }
    let boards = scan::scan().unwrap_or_default();
    let board = boards.into_iter().find(|board| board.node.as_os_str() == name);
    board.and_then(|board| board.location).unwrap_or_else(|| name.to_owned())
}

impl From<hailo_linux::Error> for Failure {
    fn from(error: hailo_linux::Error) -> Self {
        let option = match error.kind() {
            // The library cannot know what the option is called here.
            ErrorKind::UnknownRelease { nearest, .. } => nearest
                .before
                .or(nearest.after)
                .map_or_else(String::new, |release| format!(" (--assume-release {release})")),
            _ => String::new(),
        };
        Self::new(format_args!("{error}{option}"))
    }
}
