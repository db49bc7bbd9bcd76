//! The loop that answers the supervised processes' calls.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hailo_abi::{DataModel, Errno, Interface, Operation, Request};
use hailo_linux::recording::What;
use hailo_mock::{
    Caller, File, Interruption, Machine, MemoryFault, Pages, PinError, Pinned, Process, ProcessMemory, RemoteProcess,
    Waker,
};

use super::files::Files;
use super::lookups::{self, Outcome};
use super::outstanding::Outstanding;
use super::pool::Pool;
use super::recording::{Begun, Recording};
use super::seccomp::{Call, Listener};
use super::tree::Tree;

/// How often a call that waits looks whether its thread was interrupted by a signal.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(5);

/// How long the descriptors of threads that have ended may take to be closed.
const CLOSING: Duration = Duration::from_secs(2);

/// Whatever the calls of all threads need.
struct Shared {
    listener: Listener,
    machine: Machine,
    interface: &'static Interface,
    tree: Tree,
    files: Files<Opened>,
    /// Calls that are being answered by other threads of this process.
    outstanding: Outstanding,
    recording: Option<Recording>,
    /// What closed files still held, in words.
    left: Mutex<Vec<String>>,
    /// Controls that a signal ended for good, by thread, request and argument: the kernel may make them again by itself.
    ended: Mutex<HashMap<u32, (u64, u64)>>,
}

/// An open device file of the supervised processes.
#[derive(Clone)]
struct Opened {
    file: File,
    number: u32,
    path: Arc<str>,
}

/// Runs until no supervised thread is left.
pub(super) struct Supervisor {
    shared: Arc<Shared>,
    /// The process of each thread that made a call.
    processes: HashMap<u32, u32>,
    pool: Pool,
    last_file: u32,
}

/// The signals of a thread of another process: they show in that the thread does not wait for its answer any more. Whether
/// the call is made again is then up to the kernel.
struct RemoteSignals<'a> {
    listener: &'a Listener,
    call: u64,
    outstanding: &'a Outstanding,
    /// Whether the driver would let the call be restarted.
    restartable: AtomicBool,
}

impl Interruption for RemoteSignals<'_> {
    fn is_pending(&self) -> bool {
        !self.listener.is_waiting(self.call)
    }

    fn handle(&self) -> bool {
        self.restartable.store(true, Ordering::Relaxed);
        false
    }

    fn end(&self) {}

    fn subscribe(&self, waker: Waker) {
        self.outstanding.waits(self.call, waker);
    }

    fn interval(&self) -> Option<Duration> {
        Some(SIGNAL_INTERVAL)
    }
}

/// The memory of a process, as far as a call may write there: one that a signal has ended must leave it alone.
struct CallerMemory<'a> {
    process: RemoteProcess,
    listener: &'a Listener,
    call: u64,
}

impl ProcessMemory for CallerMemory<'_> {
    fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), MemoryFault> {
        self.process.read(address, bytes)
    }

    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), MemoryFault> {
        if self.listener.is_waiting(self.call) { self.process.write(address, bytes) } else { Err(MemoryFault) }
    }

    fn pin(&self, address: u64, pages: u64, driver_pages: bool) -> Result<Pinned, PinError> {
        self.process.pin(address, pages, driver_pages)
    }

    fn dma_buf(&self, descriptor: u64) -> Option<Arc<dyn Pages>> {
        self.process.dma_buf(descriptor)
    }
}

/// The process that a thread belongs to.
fn process_of(thread: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}

impl Supervisor {
    pub(super) fn new(
        listener: Listener,
        machine: Machine,
        interface: &'static Interface,
        tree: Tree,
        recording: Option<Recording>,
    ) -> io::Result<Self> {
        let files = Files::new()?;
        let shared = Shared {
            listener,
            machine,
            interface,
            tree,
            files,
            outstanding: Outstanding::default(),
            recording,
            left: Mutex::default(),
            ended: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared), processes: HashMap::new(), pool: Pool::default(), last_file: 0 })
    }

    /// Answers calls until no supervised thread is left. Returns what closed files still held, in words.
    pub(super) fn run(mut self) -> io::Result<Vec<String>> {
        while let Some(call) = self.shared.listener.receive()? {
            match call.number {
                libc::SYS_ioctl => self.ioctl(call),
                libc::SYS_mmap => self.mmap(&call),
                libc::SYS_lseek => match self.shared.files.find(call.thread, call.arguments[0] as i32) {
                    Some(_) => self.shared.listener.answer(call.id, Err(libc::ESPIPE)),
                    None => self.shared.listener.let_through(call.id),
                },
                _ => self.lookup(&call),
            }
        }
        self.pool.finish();
        // The kernel lets the last thread out of its supervision before it closes the thread's descriptors.
        let closing = Instant::now();
        self.shared.close_files();
        while self.shared.files.any() && closing.elapsed() < CLOSING {
            thread::sleep(SIGNAL_INTERVAL);
            self.shared.close_files();
        }
        self.shared.recording.as_ref().map_or(Ok(()), Recording::finish)?;
        Ok(std::mem::take(&mut *self.shared.left.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// The process of a thread. Threads come and go, and their numbers are used again.
    fn process(&mut self, thread: u32) -> u32 {
        if let Some(process) = self.processes.get(&thread)
            && fs::exists(format!("/proc/{process}/task/{thread}")).unwrap_or(false)
        {
            return *process;
        }
        let process = process_of(thread).unwrap_or(thread);
        self.processes.insert(thread, process);
        process
    }

    fn lookup(&mut self, call: &Call) {
        let shared = self.shared.clone();
        let find = |descriptor| shared.files.find(call.thread, descriptor).map(|opened| opened.file.board());
        let listener = &shared.listener;
        match lookups::handle(&shared.machine, &shared.tree, call, &find) {
            Outcome::LetThrough => listener.let_through(call.id),
            Outcome::Answer(result) => listener.answer(call.id, result),
            Outcome::Descriptor(file, close_on_exec) => {
                listener.answer_with_fd(call.id, file.as_fd(), close_on_exec);
            }
            Outcome::OpenNode(board, close_on_exec) => {
                // Files that were closed in the meantime are so before this one is opened.
                shared.close_files();
                let began = shared.begin();
                let process = Process { id: self.process(call.thread) };
                let file = shared.machine.open(board, &process).map_err(Errno::raw);
                self.last_file += 1;
                let path = format!("/dev/{}", shared.machine.node_name(board));
                let number = self.last_file;
                let descriptor = file.and_then(|file| {
                    let opened = Opened { file, number, path: path.as_str().into() };
                    shared.files.insert(opened).map_err(|error| error.raw_os_error().unwrap_or(libc::EMFILE))
                });
                let result = descriptor.as_ref().map(|_| 0).map_err(|errno| *errno);
                let file = descriptor.is_ok().then_some(number);
                // Whether it is to be closed on exec is all that is known of the flags here.
                let flags = libc::O_RDWR | if close_on_exec { libc::O_CLOEXEC } else { 0 };
                let what = What::Open { path, flags: flags as u64 };
                shared.record(began, call.thread, process.id, file, what, result);
                match descriptor {
                    Ok(descriptor) => {
                        listener.answer_with_fd(call.id, descriptor.as_fd(), close_on_exec);
                    }
                    Err(errno) => listener.answer(call.id, Err(errno)),
                }
            }
        }
    }

    fn ioctl(&mut self, call: Call) {
        let [descriptor, request, argument, ..] = call.arguments;
        let Some(opened) = self.shared.files.find(call.thread, descriptor as i32) else {
            self.shared.listener.let_through(call.id);
            return;
        };
        self.shared.close_files();
        let process = self.process(call.thread);
        // A thread makes one call at a time: one that is not answered yet was ended by a signal, and must not take what
        // comes from now on.
        let earlier = self.shared.outstanding.end_earlier(call.thread);
        let request = request as u32;
        let entry = self.shared.interface.find(Request::from_raw(request), DataModel::NATIVE);
        let may_take_long = matches!(
            entry.map(|entry| entry.operation),
            Some(
                Operation::InterruptsWait
                    | Operation::FwControl
                    | Operation::ReadNotification
                    | Operation::LaunchTransfer
            )
        );
        let shared = self.shared.clone();
        if may_take_long || !earlier.is_empty() {
            shared.outstanding.begin(call.id, call.thread);
            self.pool.run(move || {
                shared.outstanding.wait_for(&earlier);
                shared.call(&opened, call, process, request, argument);
                shared.outstanding.end(call.id);
            });
        } else {
            shared.call(&opened, call, process, request, argument);
        }
    }

    /// Maps memory of a buffer that the driver allocated: the program's descriptor is replaced by one of that memory, and
    /// the kernel carries the call out with it.
    fn mmap(&mut self, call: &Call) {
        let [_, length, _, _, descriptor, offset] = call.arguments;
        let process = self.process(call.thread);
        let shared = &self.shared;
        let Some(opened) = shared.files.find(call.thread, descriptor as i32) else {
            shared.listener.let_through(call.id);
            return;
        };
        let began = shared.begin();
        let memory = opened.file.mmap(offset, length).map_err(Errno::raw);
        let replaced = memory.and_then(|memory| {
            let lent = shared.files.lend(call.thread, descriptor as i32, memory.region().file());
            lent.and_then(|lent| shared.listener.replace_fd(call.id, lent.as_fd(), descriptor as i32, true))
                .map_err(|error| error.raw_os_error().unwrap_or(libc::ENOMEM))
        });
        let what = What::Map { length, offset };
        shared.record(began, call.thread, process, Some(opened.number), what, replaced.map(|()| 0));
        match replaced {
            Ok(()) => shared.listener.let_through(call.id),
            Err(errno) => shared.listener.answer(call.id, Err(errno)),
        }
    }
}

impl Shared {
    fn ended(&self) -> std::sync::MutexGuard<'_, HashMap<u32, (u64, u64)>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the files that were closed, and keeps what they held.
    fn close_files(&self) {
        for Opened { file, number, path } in self.files.closed() {
            let began = self.begin();
            let held = file.held();
            if !held.is_empty() {
                let line = format!("file {number}, {path}, of process {}: {held}", held.process);
                self.left.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
            drop(file);
            // The descriptor was closed some time ago, by whatever thread.
            self.record(began, held.process, held.process, Some(number), What::Close, Ok(0));
        }
    }

    /// A call begins: what [`record`](Self::record) needs to know.
    fn begin(&self) -> Option<Begun> {
        self.recording.as_ref().map(Recording::begin)
    }

    fn record(
        &self,
        began: Option<Begun>,
        thread: u32,
        process: u32,
        file: Option<u32>,
        what: What,
        result: Result<i64, i32>,
    ) {
        if let (Some(recording), Some(began)) = (&self.recording, began) {
            let result = result.map_err(|errno| Errno::from_raw(errno).unwrap_or(Errno::EINVAL));
            recording.add(began, (process, thread), file, what, result);
        }
    }

    fn call(&self, opened: &Opened, call: Call, process: u32, request: u32, argument: u64) {
        if self.ended().remove(&call.thread) == Some((u64::from(request), argument)) {
            // The driver ends a control that waits for its answer for good, whatever the handler asked for.
            self.listener.answer(call.id, Err(libc::EINTR));
            return;
        }
        let process_memory = RemoteProcess::new(process);
        let memory = CallerMemory { process: process_memory, listener: &self.listener, call: call.id };
        let began = self.begin();
        let bytes = || Recording::read(&process_memory, argument, Request::from_raw(request).size());
        let before = began.map(|_| bytes());
        let signals = RemoteSignals {
            listener: &self.listener,
            call: call.id,
            outstanding: &self.outstanding,
            restartable: AtomicBool::new(false),
        };
        let caller = Caller { memory: &memory, process, interruption: &signals };
        let result = opened.file.ioctl(&caller, request, argument);
        if let Some(before) = before {
            let what = What::Ioctl { request: Request::from_raw(request), before, after: bytes() };
            let result = result.map(i64::from).map_err(Errno::raw);
            self.record(began, call.thread, process, Some(opened.number), what, result);
        }
        let interrupted = result == Err(Errno::EINTR);
        if interrupted && !signals.restartable.load(Ordering::Relaxed) {
            self.ended().insert(call.thread, (u64::from(request), argument));
        }
        self.listener.answer(call.id, result.map(i64::from).map_err(Errno::raw));
    }
}
