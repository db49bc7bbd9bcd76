//! Safe access to Hailo accelerators on Linux: every driver from 4.17.0 to 5.3.0, a board or an emulated one, without the
//! vendor's library.
//!
//! # In five minutes
//!
//! [`Device::open`] takes the path of a node, or `mock` for an emulated board (feature `emulator`), so that all of this runs
//! anywhere. The driver's release is found by asking; the firmware has typed controls:
//!
//! ```
//! # #[cfg(feature = "emulator")] {
//! use hailo_linux::Device;
//!
//! let device = Device::open("mock")?; // or "/dev/hailo0"
//! println!("driver {}, {:?}", device.release(), device.properties().board_type);
//! let firmware = device.firmware()?;
//! println!("firmware {}, {} °C", firmware.release(), firmware.temperature()?.ts0_temperature);
//! # }
//! # Ok::<(), hailo_linux::Error>(())
//! ```
//!
//! A compiled network is loaded, configured, activated, and given frames:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use hailo_linux::Device;
//! use hailo_linux::network::{Model, Options};
//!
//! # fn main() -> Result<(), hailo_linux::network::Error> {
//! let device = Device::open("/dev/hailo0")?;
//! let mut network = device.configure(&Model::load("arcface.hef")?, &Options::default())?;
//! let mut active = network.activate()?;
//! let image = vec![0; active.inputs()[0].frame_size()];
//! let mut features = vec![0; active.outputs()[0].frame_size()];
//! active.infer(&[&image], &mut [&mut features], Duration::from_secs(1))?;
//! # Ok(())
//! # }
//! ```
//!
//! Below that are the parts: memory that the device may use, lists of descriptors, channels and transfers. A transfer owns its
//! buffer until the device is done with it:
//!
//! ```
//! # #[cfg(feature = "emulator")] {
//! use hailo_linux::{Device, Direction};
//!
//! let device = Device::open("mock")?;
//! let mut buffer = device.allocate(4096, Direction::ToDevice)?;
//! buffer.as_mut_slice().fill(7);
//! let list = device.create_descriptor_list(64, 512, true)?;
//! assert_eq!((list.count(), list.page_size()), (64, 512));
//! # }
//! # Ok::<(), hailo_linux::Error>(())
//! ```
//!
//! # Where things are
//!
//! | to… | use |
//! |---|---|
//! | run a compiled network | [`network`]; its file is read by [`hef`], its pixels are converted by [`transform`] |
//! | ask or configure the firmware | [`Device::firmware`] |
//! | hear of what happens | [`Device::notifications`], [`Device::follow_log`] |
//! | move bytes on channels of your own | [`Device::allocate`], [`Device::create_descriptor_list`], [`Device::enable_channels`] |
//! | find boards, and what is wrong with them | [`scan`], [`doctor`] |
//! | test an application without a board | [`emulator`] |
//! | write calls down and play them again | [`recording`] |
//! | send what has no method here | [`Device::driver`]; what can do harm there is `unsafe` |
//!
//! How it is made, extended and verified: [`guide`].
//!
//! # What it promises
//!
//! No order of safe calls, drops or leaks, on any thread, makes the driver crash the kernel or the device use memory that was
//! given up. Errors ([`Error`]) say what failed, on which device, why, and what to do about it.

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
