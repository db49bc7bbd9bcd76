//! From a model to what a device is sent, and running it.
//!
//! A [`Plan`] says, for one group of a [model file](crate::hef), everything that has to be sent to a driver and to a
//! firmware to configure it: buffers, descriptor lists and their programming in order, the network group header and the
//! action lists of its contexts. Making one needs no device, only [facts](DeviceFacts) about it; the addresses that a
//! driver gives to lists are put into the action lists [afterwards](ContextPlan::encode). The numbers are those of the
//! vendor's library 4.23.0, byte for byte.
//!
//! A [`Model`] is loaded once; [`Device::configure`](crate::Device::configure) carries out its plan;
//! [`Configured::activate`] starts it; frames then go through in one of two ways, chosen by [`Options::api`]:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use hailo_linux::Device;
//! use hailo_linux::network::{Model, Options};
//!
//! # fn main() -> Result<(), hailo_linux::network::Error> {
//! let device = Device::open("/dev/hailo0")?;
//! let model = Model::load("arcface.hef")?;
//! let mut network = device.configure(&model, &Options::default())?;
//! let mut active = network.activate()?;
//! let image = vec![0; active.inputs()[0].frame_size()];
//! let mut features = vec![0; active.outputs()[0].frame_size()];
//! active.infer(&[&image], &mut [&mut features], Duration::from_secs(1))?;
//! # Ok(())
//! # }
//! ```
//!
//! Pipelined, the frames are in the caller's buffers, which come back:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use hailo_linux::Device;
//! use hailo_linux::network::{Api, Model, Options};
//!
//! # fn main() -> Result<(), hailo_linux::network::Error> {
//! let device = Device::open("/dev/hailo0")?;
//! let model = Model::load("arcface.hef")?;
//! let mut network = device.configure(&model, &Options { api: Api::Pipelined, ..Options::default() })?;
//! let mut active = network.activate()?;
//! while active.in_flight() < active.capacity() {
//!     let frame = active.allocate_frame()?;
//!     active.submit(frame)?;
//! }
//! for _ in 0..1000 {
//!     let mut frame = active.receive(Duration::from_secs(1))?;
//!     frame.inputs[0].as_mut_slice().fill(7);
//!     active.submit(frame)?;
//! }
//! active.deactivate()?;
//! # Ok(())
//! # }
//! ```
//!
//! Several networks can be configured on one device; one of them is active at a time. They keep their memory and their
//! place in the firmware, so that changing takes no more than stopping one and starting the other:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use hailo_linux::Device;
//! use hailo_linux::network::{Error, Model, Options};
//!
//! # fn main() -> Result<(), hailo_linux::network::Error> {
//! let device = Device::open("/dev/hailo0")?;
//! let mut detector = device.configure(&Model::load("detect.hef")?, &Options::default())?;
//! let mut recogniser = device.configure(&Model::load("arcface.hef")?, &Options::default())?;
//! for network in [&mut detector, &mut recogniser] {
//!     let mut active = network.activate()?;
//!     let image = vec![0; active.inputs()[0].frame_size()];
//!     let mut result = vec![0; active.outputs()[0].frame_size()];
//!     active.infer(&[&image], &mut [&mut result], Duration::from_secs(1))?;
//!     active.deactivate()?;
//! }
//! # Ok(())
//! # }
//! ```

mod active;
mod boxes;
mod buffers;
mod cache;
mod channels;
mod configuration;
mod configure;
mod contexts;
mod controls;
mod error;
mod lists;
mod model;
mod options;
mod plan;
mod planner;
mod registers;
mod stream;
mod work;

pub use active::{Active, Buffers, Frame, SubmitError};
pub use cache::{CachePlan, CacheSide};
pub use configure::Configured;
pub(crate) use controls::{Networks, forget_networks};
pub use error::{Error, Result};
pub use model::Model;
pub use options::{Api, DeviceFacts, Options, PowerMode};
pub use plan::{Boundary, Buffer, BufferId, ContextPlan, ListId, Plan, Planned, Program, Step};
pub use planner::Outline;
pub use stream::{InputStream, OutputStream};
