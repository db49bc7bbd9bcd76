//! [`Emulator`]: emulated accelerators, opened like real ones (feature `emulator`).

use std::sync::Arc;

use hailo_abi::{DataModel, Transport};
use hailo_mock::{Machine, MachineOptions, MockTransport};

use crate::device::{Device, Options};
use crate::error::{Error, ErrorKind, Result};
use crate::memory::EmulatorMemory;

/// What the names of emulated devices begin with; alone, or before a colon and options.
pub const NAME: &str = "mock";

/// An emulated computer with accelerators. Cloning gives another reference to the same one.
///
/// ```
/// use hailo_linux::emulator::Emulator;
///
/// let emulator = Emulator::new("mock:driver=4.20.0")?;
/// let device = emulator.open(0)?;
/// assert_eq!(device.release().to_string(), "4.20.0");
/// drop(device);
/// assert!(emulator.machine().report().is_clean());
/// # Ok::<(), hailo_linux::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Emulator {
    machine: Machine,
    name: Box<str>,
}

/// Whether a device of this name is an emulated one.
#[must_use]
pub fn is_emulated(name: &str) -> bool {
    options(name).is_some()
}

/// What follows `mock:`, if the name begins so.
fn options(name: &str) -> Option<&str> {
    match name.strip_prefix(NAME)? {
        "" => Some(""),
        rest => rest.strip_prefix(':'),
    }
}

/// The options in the name of an emulated device, `mock` or `mock:driver=R,board=B,…`: those of [`MachineOptions`] as text.
///
/// # Errors
/// [`ErrorKind::BadName`] says what is wrong with it.
pub fn machine_options(name: &str) -> Result<MachineOptions> {
    let bad = |message: String| Error::new(name, "emulate the device", ErrorKind::BadName(message.into()));
    let options = options(name).ok_or_else(|| bad(format!("it does not begin with `{NAME}`")))?;
    options.parse().map_err(|error: hailo_mock::OptionsError| bad(error.to_string()))
}

impl Emulator {
    /// The computer that a name describes; its boards send back what they are sent.
    ///
    /// # Errors
    /// As [`machine_options`].
    pub fn new(name: &str) -> Result<Self> {
        let machine = Machine::new(machine_options(name)?)
            .map_err(|error| Error::new(name, "emulate the device", ErrorKind::BadName(error.to_string().into())))?;
        Ok(Self { machine, name: name.into() })
    }

    /// A machine that was built otherwise, with an accelerator of its own for example.
    #[must_use]
    pub fn with_machine(machine: Machine, name: &str) -> Self {
        Self { machine, name: name.into() }
    }

    /// The machine, to look at or to disturb.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Opens a board by its number.
    ///
    /// # Errors
    /// As [`Device::open`].
    pub fn open(&self, board: usize) -> Result<Device> {
        self.open_with(board, Options::default())
    }

    /// As [`open`](Self::open), with options; the memory is the emulator's.
    ///
    /// # Errors
    /// As [`Device::open`].
    pub fn open_with(&self, board: usize, options: Options) -> Result<Device> {
        self.open_through(board, options, |transport| Arc::new(transport))
    }

    /// As [`open_with`](Self::open_with), with a layer around the transport.
    ///
    /// # Errors
    /// As [`Device::open`].
    pub fn open_through(
        &self,
        board: usize,
        mut options: Options,
        layer: impl Fn(MockTransport) -> Arc<dyn Transport> + Send + Sync + 'static,
    ) -> Result<Device> {
        options.memory = Arc::new(EmulatorMemory::new(self.machine.shared_memory()));
        options.name = self.board_name(board);
        let machine = self.machine.clone();
        let name = options.name.clone();
        // The layers are put on here, where it is known what the node is called.
        let layers = options.take_layers();
        let path = format!("/dev/{}", machine.node_name(board));
        if machine.data_model() != DataModel::NATIVE {
            let kind = ErrorKind::BadName("its kernel has another data model than this program".into());
            return Err(Error::new(&name, "open the device", kind));
        }
        let open = move || {
            let transport = MockTransport::open(&machine, board);
            let transport =
                transport.map_err(|errno| Error::new(&name, "open the device", ErrorKind::of_open(errno)))?;
            Ok(layers.around(layer(transport), &path))
        };
        Device::with_transports(open, options)
    }

    /// What errors call a board.
    fn board_name(&self, board: usize) -> String {
        if self.machine.boards() > 1 { format!("{} (board {board})", self.name) } else { self.name.to_string() }
    }
}

/// Opens the first board of the emulated computer that `options.name` describes.
pub(crate) fn open(options: Options) -> Result<Device> {
    let emulator = Emulator::new(&options.name)?;
    emulator.open_with(0, options)
}
