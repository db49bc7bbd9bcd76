//! Safe access to Hailo accelerators on Linux.

pub mod bench;
pub mod control;
pub mod device;
pub mod doctor;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod error;
pub mod firmware;
#[cfg(any(doc, doctest))]
pub mod guide;
pub mod hef;
#[cfg(feature = "emulator")]
pub mod infer;
pub mod logs;
pub mod memory;
pub mod network;
pub mod notifications;
pub mod npy;
#[cfg(feature = "recording")]
pub mod recording;
pub mod scan;
mod sync;
pub mod sysfs;
pub mod transform;
pub mod transport;
mod worker;

pub use device::buffer::{ContinuousBuffer, Direction, DmaBuffer};
pub use device::channel::Channel;
pub use device::channels::Channels;
pub use device::list::{DescriptorList, Program};
pub use device::shared::SharedBuffer;
pub use device::transfer::{LaunchError, Load, Part, Parts, Transfer};
pub use device::{Device, Options};
pub use error::{Error, ErrorKind, Invalid, Result};
pub use firmware::Firmware;
pub use logs::{FollowedLog, LogStopper};
pub use notifications::{Notifications, RawNotification};
pub use transport::DeviceFile;

/// What drivers and hardware take at most, and at least.
pub mod limits {
    pub use crate::device::channels::MAX_CHANNELS_PER_ENGINE;
    pub use crate::device::list::{
        MAX_CIRCULAR_DESCRIPTORS, MAX_DESCRIPTORS, MIN_DESCRIPTOR_PAGE_SIZE, MIN_DESCRIPTORS,
    };
    pub use crate::device::ring::MAX_PENDING_TRANSFERS;
}
