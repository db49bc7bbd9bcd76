//! [`Emulator`]: emulated accelerators, opened like real ones (feature `emulator`).

use std::sync::Arc;

use hailo_abi::{DataModel, Interface, Transport};
use hailo_mock::faults::take_faults;
use hailo_mock::{FaultTransport, Faults, Machine, MachineOptions, MockTransport, Strike};

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
    faults: Option<Arc<Faults>>,
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

fn bad(name: &str, message: &dyn std::fmt::Display) -> Error {
    Error::new(name, "emulate the device", ErrorKind::BadName(message.to_string().into()))
}

/// The options and the faults in the name of an emulated device.
fn parse(name: &str) -> Result<(MachineOptions, Vec<Strike>)> {
    let options = options(name).ok_or_else(|| bad(name, &format_args!("it does not begin with `{NAME}`")))?;
    let (options, strikes) = take_faults(options).map_err(|error| bad(name, &error))?;
    Ok((options.parse().map_err(|error: hailo_mock::OptionsError| bad(name, &error))?, strikes))
}

/// The options in the name of an emulated device, `mock` or `mock:driver=R,board=B,…`: those of [`MachineOptions`] as text.
///
/// # Errors
/// [`ErrorKind::BadName`] says what is wrong with it.
pub fn machine_options(name: &str) -> Result<MachineOptions> {
    parse(name).map(|(options, _)| options)
}

/// The faults in the name of an emulated device: what is to strike its calls, each as `fault=CALLS=FAULT` (see
/// [`Strike`]).
///
/// # Errors
/// [`ErrorKind::BadName`] says what is wrong with it.
pub fn strikes(name: &str) -> Result<Vec<Strike>> {
    parse(name).map(|(_, strikes)| strikes)
}

impl Emulator {
    /// The computer that a name describes; its boards send back what they are sent.
    ///
    /// ```
    /// use hailo_linux::emulator::Emulator;
    ///
    /// let emulator = Emulator::new("mock:fault=query_device_properties#1=EIO")?;
    /// assert!(emulator.open(0).is_err());
    /// assert!(emulator.open(0).is_ok(), "the first call only");
    /// # Ok::<(), hailo_linux::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`machine_options`].
    pub fn new(name: &str) -> Result<Self> {
        let (options, strikes) = parse(name)?;
        let machine = Machine::new(options).map_err(|error| bad(name, &error))?;
        Self::with_machine(machine, name).with_faults(strikes)
    }

    /// The same computer, but faults strike the calls to its boards. Each call counts, whatever the board and the file.
    ///
    /// # Errors
    /// [`ErrorKind::BadName`] for a fault that the driver's release knows no call for.
    pub fn with_faults(mut self, strikes: Vec<Strike>) -> Result<Self> {
        let interface = Interface::of(self.machine.driver());
        let interface = interface.ok_or_else(|| bad(&self.name, &"its driver release is not known"))?;
        strikes.iter().try_for_each(|strike| strike.check(interface)).map_err(|error| bad(&self.name, &error))?;
        self.faults = (!strikes.is_empty()).then(|| Arc::new(Faults::new(interface, strikes)));
        Ok(self)
    }

    /// A machine that was built otherwise, with an accelerator of its own for example.
    #[must_use]
    pub fn with_machine(machine: Machine, name: &str) -> Self {
        Self { machine, name: name.into(), faults: None }
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
        let faults = self.faults.clone();
        let open = move || {
            let transport = MockTransport::open(&machine, board);
            let transport =
                transport.map_err(|errno| Error::new(&name, "open the device", ErrorKind::of_open(errno)))?;
            let transport = layer(transport);
            let transport = match &faults {
                Some(faults) => Arc::new(FaultTransport::with(transport, faults.clone())) as Arc<dyn Transport>,
                None => transport,
            };
            Ok(layers.around(transport, &path))
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
