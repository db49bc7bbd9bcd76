//! The Hailo kernel driver, its vDMA engine and a small accelerator, in memory.
//!
//! * [`Machine`] is a computer with boards and a driver of some release. It can be asked what is [held](Machine::report).
//! * [`File`] is an open file of that driver: `ioctl`, `mmap`, and what happens when the last reference goes. It sees the
//!   memory of who calls only through [`ProcessMemory`].
//! * [`MockTransport`] is the same for code that speaks to a driver through a [`Transport`](hailo_abi::Transport).
//! * [`Accelerator`] is what the boards compute, [`Firmware`] what answers the controls.
//!
//! The driver answers as the real one does, good or bad; where that would crash the kernel, the call returns, the board is
//! dead, and the report names the argument.
//!
//! # In five minutes
//!
//! A machine with two boards and driver 4.20.0, opened as a program would open it, and asked what was left behind:
//!
//! ```
//! use hailo_abi::{Driver, DriverRelease};
//! use hailo_mock::{Machine, MockTransport};
//!
//! let machine = Machine::builder().driver(DriverRelease::new(4, 20, 0)).boards(2).build()?;
//! let driver = Driver::detect(MockTransport::open(&machine, 1)?)?;
//! assert_eq!(driver.query_driver_info()?.release, DriverRelease::new(4, 20, 0));
//! drop(driver);
//! assert!(machine.report().is_clean());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The safe interface of `hailo-linux` opens such machines too (`hailo_linux::emulator`), and so does any program under
//! `hailo emulate`.

mod accelerator;
mod behaviour;
mod device;
mod dma;
pub mod faults;
mod file;
pub mod firmware;
mod kernel;
mod machine;
pub mod memory;
mod options;
mod recorded;
mod report;
mod signal;
mod sysfs;
mod timer;
mod transport;

pub use accelerator::{Accelerator, FullyConnected, Loopback};
pub use device::{Cpu, FirmwareStatistics, Outputs};
pub use faults::{BadStrike, Fault, FaultTransport, Faults, Strike, Struck};
pub use file::{Caller, File, POLL_EVENTS};
pub use firmware::{BoardFirmware, Firmware, FirmwareState, FirmwareValues, InputFrame, NetworkFunction, Pattern};
pub use kernel::DriverMemory;
pub use machine::{Machine, MachineBuilder, Process};
pub use memory::{
    DRIVER_MEMORY_FILE, Fault as MemoryFault, OwnProcess, Pages, PinError, Pinned, ProcessMemory, RemoteProcess,
    SharedMemory, SharedRegion, SimulatedMemory,
};
pub use options::{BoardKind, MAX_BOARDS, MachineOptions, OptionsError};
pub use recorded::{MAX_RECORDING, read_recording};
pub use report::{BoardReport, CrashReport, FileReport, Report};
pub use signal::{Interruption, NoSignals, Signals, Waker};
pub use sysfs::SysfsEntry;
pub use transport::MockTransport;
