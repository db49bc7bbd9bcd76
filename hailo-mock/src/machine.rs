//! [`Machine`]: an emulated computer with boards and a driver.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use hailo_abi::{DataModel, DriverRelease, Errno};

use crate::accelerator::{Accelerator, Loopback};
use crate::device::{Device, lock};
use crate::file::File;
use crate::firmware::{BoardFirmware, Firmware, spontaneous};
use crate::kernel::{Board, BoardParts, Presence, Shared};
use crate::memory::SharedMemory;
use crate::options::{BoardKind, MachineOptions, OptionsError};
use crate::report::{CrashReport, Report};

type MakeAccelerator = dyn Fn(usize) -> Box<dyn Accelerator> + Send + Sync;
type MakeFirmware = dyn Fn(usize) -> Box<dyn Firmware> + Send + Sync;

/// A process, as far as the driver tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    /// Its id.
    pub id: u32,
}

impl Process {
    /// The process that this code runs in.
    #[must_use]
    pub fn current() -> Self {
        Self { id: std::process::id() }
    }
}

/// How a [`Machine`] is to be built.
#[must_use = "the machine is made by build()"]
pub struct MachineBuilder {
    options: MachineOptions,
    model: DataModel,
    accelerator: Arc<MakeAccelerator>,
    firmware: Option<Arc<MakeFirmware>>,
}

impl fmt::Debug for MachineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineBuilder").field("options", &self.options).finish_non_exhaustive()
    }
}

impl MachineBuilder {
    /// All options at once.
    pub fn options(mut self, options: MachineOptions) -> Self {
        self.options = options;
        self
    }

    /// The release of the driver; 4.23.0 if nothing is said.
    pub fn driver(mut self, release: DriverRelease) -> Self {
        self.options.driver = release;
        self
    }

    /// The kind of the boards; if nothing is said, one that the driver knows.
    pub fn board(mut self, kind: BoardKind) -> Self {
        self.options.board = Some(kind);
        self
    }

    /// How many boards there are; one if nothing is said.
    pub fn boards(mut self, count: usize) -> Self {
        self.options.boards = count;
        self
    }

    /// The version of the firmware; that of the driver if nothing is said.
    pub fn firmware_version(mut self, version: DriverRelease) -> Self {
        self.options.firmware = Some(version);
        self
    }

    /// Makes the boards differ from those of other machines.
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// Whether the boards are behind an IOMMU; they are not if nothing is said.
    pub fn iommu(mut self, on: bool) -> Self {
        self.options.iommu = on;
        self
    }

    /// The data model of the kernel and its processes; 64-bit if nothing is said.
    pub fn data_model(mut self, model: DataModel) -> Self {
        self.model = model;
        self
    }

    /// What each board computes, by its index; [`Loopback`] if nothing is said.
    pub fn accelerator<A: Accelerator + 'static>(mut self, make: impl Fn(usize) -> A + Send + Sync + 'static) -> Self {
        self.accelerator = Arc::new(move |board| Box::new(make(board)));
        self
    }

    /// The firmware of each board, by its index; [`BoardFirmware`] if nothing is said. Firmware that is given here answers
    /// as it likes, whatever the options say of the temperature.
    pub fn firmware<F: Firmware + 'static>(mut self, make: impl Fn(usize) -> F + Send + Sync + 'static) -> Self {
        self.firmware = Some(Arc::new(move |board| Box::new(make(board))));
        self
    }

    /// The machine, with its driver loaded and all boards ready.
    ///
    /// # Errors
    /// The release is not known, or does not drive the board.
    pub fn build(self) -> Result<Machine, OptionsError> {
        self.options.resolve()?;
        let inner = Inner { boards: RwLock::new(Vec::new()), shared: Arc::default(), builder: self };
        let boards =
            (0..inner.builder.options.boards).map(|index| inner.make_board(index)).collect::<Result<_, _>>()?;
        *inner.boards.write().unwrap_or_else(PoisonError::into_inner) = boards;
        Ok(Machine { inner: Arc::new(inner) })
    }
}

struct Inner {
    /// The boards by index, removed ones too.
    boards: RwLock<Vec<Arc<Board>>>,
    shared: Arc<Shared>,
    builder: MachineBuilder,
}

impl Inner {
    fn make_board(&self, index: usize) -> Result<Arc<Board>, OptionsError> {
        let options = &self.builder.options;
        let (interface, kind, board_type) = options.resolve()?;
        let firmware = match &self.builder.firmware {
            Some(make) => make(index),
            None => Box::new(BoardFirmware::new(options.values())),
        };
        let device = Device::new(firmware, (self.builder.accelerator)(index), options.recorded_dma);
        let board = Board::new(BoardParts {
            index,
            kind,
            board_type,
            seed: options.seed.wrapping_add(index as u64),
            firmware_version: options.firmware.unwrap_or(options.driver),
            interface,
            model: self.builder.model,
            release: options.driver,
            iommu: options.iommu,
            device,
            shared: self.shared.clone(),
        });
        spontaneous::start(&board, options);
        Ok(board)
    }

    fn boards(&self) -> Vec<Arc<Board>> {
        self.boards.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn board(&self, index: usize) -> Option<Arc<Board>> {
        self.boards.read().unwrap_or_else(PoisonError::into_inner).get(index).cloned()
    }
}

/// An emulated computer: boards, a driver that is loaded, and what they hold. Cloning gives another reference to it.
///
/// ```
/// use hailo_mock::{Machine, Process};
/// let machine = Machine::builder().boards(2).build()?;
/// let file = machine.open(1, &Process::current()).unwrap();
/// assert_eq!(machine.report().boards[1].open_files, 1);
/// drop(file);
/// assert!(machine.report().is_clean());
/// # Ok::<(), hailo_mock::OptionsError>(())
/// ```
#[derive(Clone)]
pub struct Machine {
    inner: Arc<Inner>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("options", &self.inner.builder.options).finish_non_exhaustive()
    }
}

impl Machine {
    /// A machine to be described.
    pub fn builder() -> MachineBuilder {
        MachineBuilder {
            options: MachineOptions::default(),
            model: DataModel::Lp64,
            accelerator: Arc::new(|_| Box::new(Loopback)),
            firmware: None,
        }
    }

    /// A machine with these options, and all else as [`Machine::builder`] has it.
    ///
    /// # Errors
    /// The release is not known, or does not drive the board.
    pub fn new(options: MachineOptions) -> Result<Self, OptionsError> {
        Self::builder().options(options).build()
    }

    /// The options it was built with.
    #[must_use]
    pub fn options(&self) -> MachineOptions {
        self.inner.builder.options
    }

    /// The release of the driver.
    #[must_use]
    pub fn driver(&self) -> DriverRelease {
        self.options().driver
    }

    /// The data model of the kernel.
    #[must_use]
    pub fn data_model(&self) -> DataModel {
        self.inner.builder.model
    }

    /// The kind of its boards.
    #[must_use]
    pub fn board_kind(&self) -> BoardKind {
        let options = self.options();
        options.board.unwrap_or(BoardKind::default_for(options.driver))
    }

    /// How many boards there are, removed ones too.
    #[must_use]
    pub fn boards(&self) -> usize {
        self.options().boards
    }

    /// Whether a board has a device node.
    #[must_use]
    pub fn has_node(&self, board: usize) -> bool {
        self.inner.board(board).is_some_and(|board| board.presence() != Presence::Removed)
    }

    /// Whether a call has crashed the kernel over a board, which then answers nothing until it is [rebuilt](Self::rebuild).
    #[must_use]
    pub fn has_crashed(&self, board: usize) -> bool {
        self.inner.board(board).is_some_and(|board| board.presence() == Presence::Crashed)
    }

    /// Opens the device node of a board.
    ///
    /// # Errors
    /// [`Errno::ENOENT`] without such a node, [`Errno::ENXIO`] if the board looks disconnected, [`Errno::ENODEV`] if the
    /// kernel has crashed.
    pub fn open(&self, board: usize, process: &Process) -> Result<File, Errno> {
        let board = self.inner.board(board).ok_or(Errno::ENOENT)?;
        Ok(File::new(board.open(process.id)?))
    }

    /// Memory that the emulated device copies directly.
    #[must_use]
    pub fn shared_memory(&self) -> SharedMemory {
        SharedMemory::new()
    }

    /// The system sleeps and wakes up again: files that are open become stale, and the firmware starts anew.
    pub fn suspend_resume(&self) {
        for board in self.inner.boards() {
            board.suspend_resume();
        }
    }

    /// A board is removed from the bus: its node vanishes; open files stay.
    pub fn remove(&self, board: usize) {
        if let Some(board) = self.inner.board(board) {
            board.remove();
        }
    }

    /// Puts a new board in the place of another, whatever has become of that: after a removal, or after a crash. Files of
    /// the old one stay with it.
    pub fn rebuild(&self, board: usize) {
        self.remove(board);
        let mut boards = self.inner.boards.write().unwrap_or_else(PoisonError::into_inner);
        // The options were good when the machine was built.
        if let (Some(place), Ok(new)) = (boards.get_mut(board), self.inner.make_board(board)) {
            *place = new;
        }
    }

    /// Unloads the driver: all nodes vanish.
    ///
    /// # Errors
    /// [`Errno::EAGAIN`] as long as a file is open.
    pub fn unload_driver(&self) -> Result<(), Errno> {
        let boards = self.inner.boards();
        if boards.iter().any(|board| board.open_files() > 0) {
            return Err(Errno::EAGAIN);
        }
        boards.iter().for_each(|board| board.remove());
        Ok(())
    }

    /// Loads the driver again: every board without node gets one.
    pub fn load_driver(&self) {
        for board in (0..self.boards()).filter(|board| !self.has_node(*board)) {
            self.rebuild(board);
        }
    }

    /// Calls a function with each crash, besides keeping it for the [report](Machine::report).
    pub fn on_crash(&self, call: impl Fn(&CrashReport) + Send + Sync + 'static) {
        *lock(&self.inner.shared.on_crash) = Some(Arc::new(call));
    }

    /// What is held, and what has happened.
    #[must_use]
    pub fn report(&self) -> Report {
        let boards = self.inner.boards().iter().map(|board| board.report()).collect();
        Report { boards, crashes: lock(&self.inner.shared.crashes).clone() }
    }
}
