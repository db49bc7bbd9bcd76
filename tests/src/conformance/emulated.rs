//! The emulator in this process, behind the same calls as a device node.
//!
//! The memory is this process's own, reached by system calls that fail where there is none, so that pages of any
//! protection, holes and files are what they are for a real driver.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hailo_abi::Mapping;
use hailo_mock::{Caller, File, Machine, MachineOptions, OwnProcess, Process, Signals, SysfsEntry};
use nix::libc;

use crate::conformance::kernel::{peek, poke};
use crate::conformance::system::{Access, Answer, Descriptor, Events, Fate, Laboratory, Release, Signal, System};

/// Descriptors of emulated files begin here, so that they never are numbers of real ones.
const FIRST_DESCRIPTOR: Descriptor = 1 << 20;

/// Machines with one board and a driver of one release.
#[derive(Debug)]
pub(crate) struct Emulator {
    release: Release,
}

impl Emulator {
    pub(crate) fn new(release: Release) -> Self {
        Self { release }
    }
}

impl Laboratory for Emulator {
    fn boot(&self) -> Arc<dyn System> {
        let options = MachineOptions { driver: self.release, ..MachineOptions::default() };
        let machine = Machine::new(options).unwrap_or_else(|error| panic!("driver {}: {error}", self.release));
        Arc::new(Emulated::on(machine))
    }

    fn harmless(&self) -> bool {
        true
    }

    fn fresh(&self) -> bool {
        true
    }
}

/// What a process has open.
#[derive(Debug, Default)]
struct Files {
    open: HashMap<Descriptor, File>,
    issued: Descriptor,
    /// Memory of the driver that is mapped, by address.
    mapped: HashMap<usize, Mapping>,
    exported: HashMap<Descriptor, (OwnedFd, Arc<hailo_mock::SharedRegion>)>,
}

impl Files {
    fn add(&mut self, file: File) -> Descriptor {
        let descriptor = FIRST_DESCRIPTOR + self.issued;
        self.issued += 1;
        self.open.insert(descriptor, file);
        descriptor
    }
}

#[derive(Debug)]
struct State {
    machine: Machine,
    process: Process,
    files: Mutex<Files>,
}

impl State {
    fn file(&self, descriptor: Descriptor) -> Result<File, i32> {
        self.files.lock().unwrap().open.get(&descriptor).cloned().ok_or(libc::EBADF)
    }
}

/// One process on an emulated machine.
#[derive(Clone, Debug)]
pub(crate) struct Emulated {
    state: Arc<State>,
}

impl Emulated {
    /// This process on a machine.
    pub(crate) fn on(machine: Machine) -> Self {
        Self { state: Arc::new(State { machine, process: Process::current(), files: Mutex::default() }) }
    }
}

thread_local! {
    /// The signals of this thread, while some are on their way.
    static SIGNALS: RefCell<Option<Signals>> = const { RefCell::new(None) };
}

impl System for Emulated {
    fn open(&self, _access: Access) -> Result<Descriptor, i32> {
        let file = self.state.machine.open(0, &self.state.process).map_err(|errno| errno.raw())?;
        Ok(self.state.files.lock().unwrap().add(file))
    }

    fn close(&self, file: Descriptor) -> Answer {
        let mut files = self.state.files.lock().unwrap();
        if files.exported.remove(&file).is_some() {
            return Ok(0);
        }
        let closed = files.open.remove(&file).ok_or(libc::EBADF)?;
        // The driver cleans up when the last reference goes, and others may want the table meanwhile.
        drop(files);
        drop(closed);
        Ok(0)
    }

    fn dup(&self, file: Descriptor) -> Result<Descriptor, i32> {
        let copy = self.state.file(file)?;
        Ok(self.state.files.lock().unwrap().add(copy))
    }

    fn ioctl(&self, file: Descriptor, request: u32, argument: usize) -> Answer {
        let file = self.state.file(file)?;
        let signals = SIGNALS.with_borrow(Option::clone).unwrap_or_default();
        let caller = Caller { memory: &OwnProcess, process: self.state.process.id, interruption: &signals };
        file.ioctl(&caller, request, argument as u64).map(i64::from).map_err(|errno| errno.raw())
    }

    fn mmap(&self, file: Descriptor, length: usize, _shared: bool, offset: u64) -> Result<usize, i32> {
        let files = self.state.files.lock().unwrap();
        if let Some((_, region)) = files.exported.get(&file) {
            return Ok(region.as_ptr() as usize);
        }
        drop(files);
        // Checked by the kernel before any driver sees it.
        if !offset.is_multiple_of(4096) {
            return Err(libc::EINVAL);
        }
        let memory = self.state.file(file)?.mmap(offset, length as u64).map_err(|errno| errno.raw())?;
        let mapping = memory.map_here().map_err(|error| error.raw_os_error().unwrap_or(libc::ENOMEM))?;
        let address = mapping.address().as_ptr() as usize;
        self.state.files.lock().unwrap().mapped.insert(address, mapping);
        Ok(address)
    }

    fn munmap(&self, address: usize, _length: usize) {
        self.state.files.lock().unwrap().mapped.remove(&address);
    }

    fn peek(&self, address: usize, length: usize) -> Vec<u8> {
        peek(address, length)
    }

    fn poke(&self, address: usize, bytes: &[u8]) {
        poke(address, bytes);
    }

    fn read(&self, file: Descriptor, length: usize) -> Answer {
        let read = self.state.file(file)?.read(&mut vec![0; length]);
        read.map(|count| count as i64).map_err(|errno| errno.raw())
    }

    fn write(&self, file: Descriptor, length: usize) -> Answer {
        let written = self.state.file(file)?.write(&vec![0; length]);
        written.map(|count| count as i64).map_err(|errno| errno.raw())
    }

    fn seek(&self, file: Descriptor, offset: i64) -> Answer {
        let position = self.state.file(file)?.seek(offset);
        position.map(|position| position as i64).map_err(|errno| errno.raw())
    }

    fn mode(&self, _file: Descriptor) -> Answer {
        Ok(self.state.machine.node_mode().into())
    }

    fn signalled(&self, signal: Signal, call: &mut dyn FnMut() -> Answer) -> Answer {
        let outer = SIGNALS.with_borrow(Option::clone);
        let signals = outer.clone().unwrap_or_default();
        SIGNALS.set(Some(signals.clone()));
        let over = AtomicBool::new(false);
        let answer = std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let mut pause = signal.after;
                loop {
                    std::thread::park_timeout(pause);
                    if over.load(Ordering::Acquire) {
                        return;
                    }
                    signals.raise(signal.restart);
                    pause = if signal.restart { Duration::from_secs(3600) } else { Duration::from_millis(100) };
                }
            });
            let answer = call();
            over.store(true, Ordering::Release);
            sender.thread().unpark();
            answer
        });
        SIGNALS.set(outer);
        answer
    }

    fn in_child(&self, calls: &dyn Fn(&dyn System) -> Vec<Answer>) -> Vec<Answer> {
        let files = self.state.files.lock().unwrap();
        let inherited = Files { open: files.open.clone(), issued: files.issued, ..Files::default() };
        drop(files);
        let child = State {
            machine: self.state.machine.clone(),
            process: Process { id: self.state.process.id + 1 },
            files: Mutex::new(inherited),
        };
        calls(&Self { state: Arc::new(child) })
    }

    fn survive(&self, call: &dyn Fn() -> Answer) -> Fate {
        let before = self.state.machine.report().crashes.len();
        let answer = call();
        if self.state.machine.report().crashes.len() > before { Fate::Oops } else { Fate::Answered(answer) }
    }

    fn share(&self) -> Arc<dyn System> {
        Arc::new(self.clone())
    }

    fn attribute(&self, path: &str) -> Option<(String, u32)> {
        match self.state.machine.sysfs().remove(path) {
            Some(SysfsEntry::Link { target }) => Some((target, 0)),
            _ => self.state.machine.attribute(path),
        }
    }

    fn dmabuf(&self, size: usize) -> Option<Descriptor> {
        let region = self.state.machine.shared_memory().allocate(size).ok()?;
        region.export_dma_buf().ok()?;
        let file = region.file().try_clone_to_owned().ok()?;
        let descriptor = file.as_raw_fd();
        self.state.files.lock().unwrap().exported.insert(descriptor, (file, region));
        Some(descriptor)
    }

    fn events(&self) -> Option<&dyn Events> {
        Some(self)
    }
}

impl Events for Emulated {
    fn suspend_and_resume(&self) {
        self.state.machine.suspend_resume();
    }

    fn remove(&self) {
        self.state.machine.remove(0);
    }

    fn unload_driver(&self) -> Answer {
        self.state.machine.unload_driver().map(|()| 0).map_err(|errno| errno.raw())
    }

    fn restore(&self) {
        self.state.machine.load_driver();
    }
}
