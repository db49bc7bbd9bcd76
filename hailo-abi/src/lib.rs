//! The binary interface of the Hailo accelerators: the bytes that go between a program, the kernel driver, and the
//! firmware, for every driver release from 4.17.0 to 5.3.0.
//!
//! The bytes of an ioctl argument *are* the interface. This crate describes them and does nothing else: it needs no
//! operating system and no allocator, so that a kernel, a hypervisor, an emulator, a tracer or a firmware tool can use it.
//! `hailo-linux` carries the bytes to `/dev/hailo*`, `hailo-mock` answers them as a driver would.
//!
//! # Where things are
//!
//! | to… | use |
//! |---|---|
//! | talk to a driver | [`Driver`] over your [`Transport`]: finds the release, has a method for every operation |
//! | turn operations into bytes and back | [`Interface`]: [`encode`](Interface::encode), [`decode`](Interface::decode), and the same for answers |
//! | know what an operation takes and gives | [`command`]: plain structs, the union of all releases |
//! | look at bytes without any of this | the wire structs of a release's module ([`v4_23_0`], …), and the [`Field`](wire::Field) constants beside their fields |
//! | build descriptor lists by hand | [`descriptor`] |
//! | speak to the firmware | [`firmware`] |
//!
//! Every distinct interface is a module named by its first release, which says what changed; the
//! [version table](interface::RELEASES) maps releases to modules. The C data model is a type ([`Lp64`], [`Ilp32`]), not a
//! build target.
//!
//! # From an operation to bytes
//!
//! ```
//! use hailo_abi::command::DescListCreate;
//! use hailo_abi::{Command, DataModel, DriverRelease, Interface};
//!
//! let interface = Interface::of(DriverRelease::new(4, 23, 0)).expect("a known release");
//! let create = DescListCreate { desc_count: 64, desc_page_size: 512, is_circular: true };
//! let mut buffer = [0; 32];
//! let (request, argument) =
//!     interface.encode(DataModel::Lp64, &Command::DescListCreate(create), &mut buffer)?;
//! assert_eq!(request.raw(), 0xc01b_7607);
//! assert_eq!(argument.len(), 27);
//! # Ok::<(), hailo_abi::EncodeError>(())
//! ```
//!
//! What a release cannot express is refused by name, before anything is sent.
//!
//! # From bytes to an operation
//!
//! A request code means nothing without the release: this one frees a buffer up to 5.0.0 and cancels a transfer in 5.3.0.
//!
//! ```
//! use hailo_abi::command::{CancelPreparedTransfer, ContinuousBufferFree};
//! use hailo_abi::{Command, DataModel, DriverRelease, Interface, Request};
//!
//! let request = Request::from_raw(0x8008_760e);
//! let bytes = 0x1000_u64.to_le_bytes();
//! let decode = |release| {
//!     Interface::of(release).expect("a known release").decode(DataModel::Lp64, request, &bytes)
//! };
//! assert_eq!(
//!     decode(DriverRelease::new(4, 23, 0)),
//!     Ok(Command::ContinuousBufferFree(ContinuousBufferFree { buffer_handle: 0x1000 })),
//! );
//! assert_eq!(
//!     decode(DriverRelease::new(5, 3, 0)),
//!     Ok(Command::CancelPreparedTransfer(CancelPreparedTransfer { desc_handle: 0x1000 })),
//! );
//! assert!(decode(DriverRelease::new(5, 2, 0)).is_err()); // no such request
//! ```
//!
//! # Carrying bytes
//!
//! [`Transport`] has one required method, and implementing it takes no `unsafe`. This one prints what another carries:
//!
//! ```
//! use hailo_abi::{Errno, Frame, Transport};
//!
//! struct Printing<T>(T);
//!
//! impl<T: Transport> Transport for Printing<T> {
//!     fn submit(&self, mut frame: Frame<'_>) -> Result<u32, Errno> {
//!         let request = frame.request();
//!         let result = self.0.submit(frame.reborrow());
//!         println!("{request} {:02x?} -> {result:?}", frame.argument());
//!         result
//!     }
//! }
//! # struct Gone;
//! # impl Transport for Gone {
//! #     fn submit(&self, _: Frame<'_>) -> Result<u32, Errno> {
//! #         Err(Errno::ENODEV)
//! #     }
//! # }
//! # let error = hailo_abi::Driver::detect(Printing(Gone)).map(|_| ()).unwrap_err();
//! # assert_eq!(error.errno(), Some(Errno::ENODEV));
//! ```
//!
//! # Panics and unsafe code
//!
//! No function here panics on bytes from outside, whatever they are. Requests that can do harm (crash a kernel, make a
//! device write to memory) need `unsafe` to be sent; decoding never does.
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
