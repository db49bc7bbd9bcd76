//! The binary interface of the Hailo accelerators.
#![no_std]
#![deny(unsafe_op_in_unsafe_fn)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod channels;
pub mod command;
pub mod data_model;
pub mod enums;
pub mod errno;
pub mod firmware;
pub mod interface;
pub mod release;
pub mod request;
pub mod transport;
pub mod v4_21_0;
pub mod wire;

pub use channels::{ChannelBitmaps, ChannelId};
pub use command::{Command, Operation, Reply};
pub use data_model::{DataModel, Ilp32, Lp64, Word};
pub use errno::Errno;
pub use interface::{DecodeError, EncodeError, Interface};
pub use release::DriverRelease;
pub use request::Request;
pub use transport::{Frame, FrameError, Mapping, Transport};
