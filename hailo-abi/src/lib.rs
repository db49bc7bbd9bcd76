//! The binary interface of the Hailo accelerators.
#![no_std]
#![deny(unsafe_code)]
#![deny(unsafe_op_in_unsafe_fn)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod argument;
pub mod board;
pub mod channels;
pub mod command;
pub mod constants;
pub mod data_model;
pub mod descriptor;
pub mod doorbell;
pub mod driver;
pub mod enums;
pub mod errno;
pub mod firmware;
pub mod interface;
pub mod release;
pub mod request;
pub mod transport;
pub mod v4_17_0;
pub mod v4_18_0;
pub mod v4_19_0;
pub mod v4_20_0;
pub mod v4_21_0;
pub mod v4_23_0;
pub mod v5_0_0;
pub mod v5_0_1;
pub mod v5_1_0;
pub mod v5_1_1;
pub mod v5_3_0;
pub mod wire;

pub use board::Board;
pub use channels::{ChannelBitmaps, ChannelId};
pub use command::{Command, Operation, Reply};
pub use data_model::{DataModel, Ilp32, Lp64, Word};
pub use driver::{Driver, DriverError, Launched};
pub use errno::Errno;
pub use interface::{DecodeError, EncodeError, Interface};
pub use release::DriverRelease;
pub use request::Request;
pub use transport::{Frame, FrameError, Mapping, Transport};
