//! Any sequence of calls on the emulated driver, by several files: it answers, never panics, numbers its handles as the
//! driver does, and keeps nothing when all files are closed.
//!
//! The first byte chooses the release; every operation takes its parameters from the bytes that follow. A call that would
//! wait returns `EINTR`, since a signal is always pending.

mod buffers;
mod firmware;
mod machine;
mod transfers;

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;
use hailo_abi::command::Command;
use hailo_abi::interface::RELEASES;
use hailo_abi::{DataModel, DriverRelease, Errno, Interface, Operation, Reply};
use hailo_mock::memory::PageKind;
use hailo_mock::{Caller, File, Interruption, Machine, Process, ProcessMemory, SimulatedMemory};

/// The address at which arguments lie.
const ARGUMENT: u64 = 0x7000_0000;
/// The address of a few pages of every kind.
const BUFFERS: u64 = 0x100_0000;
/// The most operations of one run.
const MAX_OPERATIONS: usize = 400;
/// The most files that are open at once.
const MAX_FILES: usize = 4;

/// A thread with a signal that never goes away.
struct Interrupted;

impl Interruption for Interrupted {
    fn is_pending(&self) -> bool {
        true
    }

    fn handle(&self) -> bool {
        false
    }
}

/// What a file must know of itself.
#[derive(Debug, Default)]
struct Model {
    last_mapping: u64,
    last_resource: u64,
    /// Lists, low-memory and continuous buffers that can be released.
    lists: BTreeSet<u64>,
    low: BTreeSet<u64>,
    continuous: BTreeSet<u64>,
    stale: bool,
}

struct Run<'a> {
    source: Source<'a>,
    machine: Machine,
    interface: &'static Interface,
    release: DriverRelease,
    memory: SimulatedMemory,
    /// Descriptors: the file, and which model is its.
    files: Vec<(File, usize)>,
    models: BTreeMap<usize, Model>,
    next_model: usize,
    crashes: usize,
    /// Files of a board that is there no more get other answers.
    lost: bool,
}

/// Makes the calls that `data` describes.
///
/// # Panics
/// If the emulator breaks one of its promises.
pub fn run(data: &[u8]) {
    let mut source = Source(data);
    let (release, interface) = RELEASES[usize::from(source.byte()) % RELEASES.len()];
    let machine = Machine::builder().driver(release).iommu(source.byte() == 1).build().expect("a known release");
    let memory = SimulatedMemory::new();
    memory.map(ARGUMENT, 2, PageKind::ReadWrite);
    memory.map(BUFFERS, 20, PageKind::ReadWrite);
    memory.map(BUFFERS + 20 * 4096, 1, PageKind::ReadOnly);
    memory.map(BUFFERS + 21 * 4096, 1, PageKind::SharedFileReadOnly);
    memory.map(BUFFERS + 22 * 4096, 1, PageKind::NoAccess);
    memory.export_dma_buf(7, 4);
    let mut run = Run {
        source,
        machine,
        interface,
        release,
        memory,
        files: Vec::new(),
        models: BTreeMap::new(),
        next_model: 0,
        crashes: 0,
        lost: false,
    };
    run.open();
    for _ in 0..MAX_OPERATIONS {
        if run.source.0.is_empty() {
            break;
        }
        run.step();
    }
    run.finish();
}

impl Run<'_> {
    fn open(&mut self) {
        if self.files.len() >= MAX_FILES {
            return;
        }
        if let Ok(file) = self.machine.open(0, &Process { id: 1 }) {
            self.files.push((file, self.next_model));
            self.models.insert(self.next_model, Model::default());
            self.next_model += 1;
        }
    }

    fn ioctl(&mut self, file: &File, request: u32, address: u64) -> Result<u32, Errno> {
        let process = if self.source.byte() == 0xee { 2 } else { 1 };
        let caller = Caller { memory: &self.memory, process, interruption: &Interrupted };
        let result = file.ioctl(&caller, request, address);
        if self.has_crashed() {
            assert_eq!(result, Err(Errno::ENODEV), "a call that crashes the kernel");
        }
        result
    }

    /// Whether the kernel crashed since this was asked last: nothing can be done with the board then.
    fn has_crashed(&mut self) -> bool {
        let crashes = self.machine.report().crashes.len();
        if crashes == self.crashes {
            return false;
        }
        self.crashes = crashes;
        self.lost = true;
        assert_eq!(self.machine.open(0, &Process { id: 1 }).unwrap_err(), Errno::ENODEV);
        true
    }

    /// Makes a call, unless this release has none of that kind or cannot express it.
    fn call<R>(
        &mut self,
        file: &File,
        command: &Command<'_>,
        look: impl FnOnce(Result<u32, Errno>, Reply<'_>) -> R,
    ) -> Option<R> {
        let mut bytes = [0; 5000];
        let (request, argument) = self.interface.encode(DataModel::Lp64, command, &mut bytes).ok()?;
        self.memory.write(ARGUMENT, argument).expect("mapped memory");
        let result = self.ioctl(file, request.raw(), ARGUMENT);
        let length = argument.len();
        self.memory.read(ARGUMENT, &mut bytes[..length]).expect("mapped memory");
        Some(look(result, self.interface.decode_reply(DataModel::Lp64, request, &bytes[..length]).ok()?))
    }

    fn step(&mut self) {
        let kind = self.source.byte();
        if kind % 32 < 2 || self.files.is_empty() {
            self.open();
            return;
        }
        let index = usize::from(self.source.byte()) % self.files.len();
        let (file, model) = self.files[index].clone();
        match kind % 32 {
            2 => {
                drop(file);
                self.close(index);
            }
            3 if self.files.len() < MAX_FILES => self.files.push((file, model)),
            4..=6 => self.map(&file, model),
            7 => self.unmap(&file, model),
            8 => self.sync(&file, model),
            9..=10 => self.create(&file, model),
            11 => self.release_list(&file, model),
            12 => self.program(&file, model),
            13..=14 => self.channels(&file),
            15..=19 => self.launch(&file, model),
            20..=23 => self.control(&file, model),
            24 => self.notifications(&file),
            25..=26 => self.driver_buffers(&file, model),
            27 => self.mmap(&file, model),
            28 => self.change_memory(),
            29 => self.raw(&file),
            30 => {
                drop(file);
                self.events();
            }
            _ => self.queries(&file),
        }
    }

    /// Closes a descriptor. The last one of a file releases what the file has, which may crash the kernel.
    fn close(&mut self, index: usize) {
        let (file, model) = self.files.swap_remove(index);
        drop(file);
        if !self.files.iter().any(|(_, other)| *other == model) {
            self.models.remove(&model);
        }
        self.has_crashed();
    }

    /// Whether this file's calls reach the driver's tables.
    fn is_alive(&self, model: usize) -> bool {
        !self.lost && self.models.get(&model).is_some_and(|model| !model.stale)
    }

    /// A number that must be the next one of a file's lists and buffers, or a later one.
    fn expect_resource(&mut self, model: usize, handle: u64) {
        let model = self.models.get_mut(&model).expect("an open file");
        assert!(handle > model.last_resource && handle.is_multiple_of(4096), "handle {handle:#x} again");
        model.last_resource = handle;
    }

    /// Releasing what there is succeeds, releasing anything else is refused.
    fn expect_release(&mut self, model: usize, known: bool, result: Option<Result<u32, Errno>>) {
        if let Some(result) = result.filter(|_| self.is_alive(model)) {
            assert_eq!(result, if known { Ok(0) } else { Err(Errno::EINVAL) });
        }
    }

    fn has(&self, operation: Operation) -> bool {
        self.interface.entry(operation).is_some()
    }

    /// With all files closed nothing is left.
    fn finish(mut self) {
        while !self.files.is_empty() {
            self.close(0);
        }
        let report = &self.machine.report().boards[0];
        let left = [
            report.open_files,
            report.mappings,
            report.lists,
            report.low_memory_buffers,
            report.continuous_buffers,
            report.device_ranges,
            report.prepared_transfers,
        ];
        assert_eq!(left, [0; 7], "{report:?}");
        assert!(report.crashed || report.enabled_channels == 0, "{report:?}");
        assert!(!report.in_use);
    }
}
