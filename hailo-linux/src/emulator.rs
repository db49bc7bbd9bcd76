//! Emulated devices.

use crate::device::{Device, Options};
use crate::error::{Error, ErrorKind, Result};

/// Opens the emulated device that `options.name` describes.
pub(crate) fn open(options: Options) -> Result<Device> {
    let kind = ErrorKind::BadName("this build has no emulator".into());
    Err(Error::new(&options.name, "open the device", kind))
}
