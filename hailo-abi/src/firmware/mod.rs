//! What the firmware understands: controls, notifications, logs, action lists and its own image.
//!
//! The messages are packed structures, as the ioctl arguments are, but they belong to the firmware and follow
//! its release, not the driver's. [`FirmwareRelease::interface`] tells the generation of the protocol from what
//! the firmware says when it is identified, and everything that differs is chosen by that
//! [`FirmwareInterface`].

pub mod actions;
pub mod constants;
pub mod control;
pub mod enums;
pub mod image;
pub mod layout;
pub mod log;
pub mod network_group;
pub mod notification;
mod release;
mod status;
pub mod user_config;

use enums::EnumInfo;
use layout::LayoutInfo;

pub use network_group::{
    BatchSizes, ConfigChannels, InferFeatures, MAX_CONFIG_CHANNELS, NetworkGroupHeader, NetworkGroupHeaderError,
    ValidationFeatures,
};
pub use release::{
    FirmwareInterface, FirmwareRelease, FirmwareVersion, FirmwareVersionLayout, KnownReleases, RELEASES,
};
pub use status::{CommonStatus, FirmwareStatus};

const LAYOUTS: &[&[&[LayoutInfo]]] = &[
    &[release::LAYOUTS],
    actions::LAYOUTS,
    network_group::ALL_LAYOUTS,
    notification::ALL_LAYOUTS,
    &[image::LAYOUTS, user_config::LAYOUTS],
];
const ENUMS: &[&[EnumInfo]] = &[actions::ENUMS, status::ENUMS, notification::ENUMS, image::ENUMS, user_config::ENUMS];

/// Every packed structure, with the generations that have it: for tools, and for comparing with what was
/// measured from the vendor's headers.
pub fn layouts() -> impl Iterator<Item = &'static LayoutInfo> {
    LAYOUTS.iter().chain(control::LAYOUTS).copied().flatten().copied().flatten()
}

/// Every enumeration, likewise.
pub fn enumerations() -> impl Iterator<Item = &'static EnumInfo> {
    ENUMS.iter().chain(control::ENUMS).copied().flatten()
}
