//! The loop that answers the supervised processes' calls.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hailo_abi::{DataModel, Errno, Interface, Operation, Request};
use hailo_mock::{Caller, File, Interruption, Machine, Process, RemoteProcess};

use super::files::Files;
use super::lookups::{self, Outcome};
use super::pool::Pool;
use super::seccomp::{Call, Listener};
use super::tree::Tree;

/// How often a call that waits looks whether its thread was interrupted by a signal.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(5);

/// Whatever the calls of all threads need.
struct Shared {
    listener: Listener,
    machine: Machine,
    interface: &'static Interface,
    tree: Tree,
    files: Files<File>,
    /// Controls that a signal ended for good, by thread, request and argument: the kernel may make them again by itself.
    ended: Mutex<HashMap<u32, (u64, u64)>>,
}

/// Runs until no supervised thread is left.
pub(super) struct Supervisor {
    shared: Arc<Shared>,
    /// The process of each thread that made a call.
    processes: HashMap<u32, u32>,
    pool: Pool,
}

/// The signals of a thread of another process: they show in that the thread does not wait for its answer any more. Whether
/// the call is made again is then up to the kernel.
struct RemoteSignals<'a> {
    listener: &'a Listener,
    call: u64,
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

    fn interval(&self) -> Option<Duration> {
        Some(SIGNAL_INTERVAL)
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
    ) -> io::Result<Self> {
        let files = Files::new()?;
        let shared = Shared { listener, machine, interface, tree, files, ended: Mutex::default() };
        Ok(Self { shared: Arc::new(shared), processes: HashMap::new(), pool: Pool::default() })
    }

    /// Answers calls until no supervised thread is left.
    pub(super) fn run(mut self) -> io::Result<()> {
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
        drop(self.shared.files.closed());
        Ok(())
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
        let find = |descriptor| shared.files.find(call.thread, descriptor).map(|file| file.board());
        let listener = &shared.listener;
        match lookups::handle(&shared.machine, &shared.tree, call, &find) {
            Outcome::LetThrough => listener.let_through(call.id),
            Outcome::Answer(result) => listener.answer(call.id, result),
            Outcome::Descriptor(file, close_on_exec) => {
                listener.answer_with_fd(call.id, file.as_fd(), close_on_exec);
            }
            Outcome::OpenNode(board, close_on_exec) => {
                // Files that were closed in the meantime are so before this one is opened.
                drop(shared.files.closed());
                let process = Process { id: self.process(call.thread) };
                let file = shared.machine.open(board, &process).map_err(Errno::raw);
                let descriptor = file.and_then(|file| {
                    shared.files.insert(file).map_err(|error| error.raw_os_error().unwrap_or(libc::EMFILE))
                });
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
        let Some(file) = self.shared.files.find(call.thread, descriptor as i32) else {
            self.shared.listener.let_through(call.id);
            return;
        };
        drop(self.shared.files.closed());
        let process = self.process(call.thread);
        let again = self.shared.ended().remove(&call.thread) == Some((request, argument));
        if again {
            // The driver ends a control that waits for its answer for good, whatever the handler asked for.
            self.shared.listener.answer(call.id, Err(libc::EINTR));
            return;
        }
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
        let work = move || shared.call(&file, call, process, request, argument);
        if may_take_long { self.pool.run(work) } else { work() }
    }

    /// Maps memory of a buffer that the driver allocated: the program's descriptor is replaced by one of that memory, and
    /// the kernel carries the call out with it.
    fn mmap(&mut self, call: &Call) {
        let [_, length, _, _, descriptor, offset] = call.arguments;
        let shared = &self.shared;
        let Some(file) = shared.files.find(call.thread, descriptor as i32) else {
            shared.listener.let_through(call.id);
            return;
        };
        let memory = file.mmap(offset, length).map_err(Errno::raw);
        let replaced = memory.and_then(|memory| {
            let lent = shared.files.lend(call.thread, descriptor as i32, memory.region().file());
            lent.and_then(|lent| shared.listener.replace_fd(call.id, lent.as_fd(), descriptor as i32, true))
                .map_err(|error| error.raw_os_error().unwrap_or(libc::ENOMEM))
        });
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

    fn call(&self, file: &File, call: Call, process: u32, request: u32, argument: u64) {
        let memory = RemoteProcess::new(process);
        let signals = RemoteSignals { listener: &self.listener, call: call.id, restartable: AtomicBool::new(false) };
        let caller = Caller { memory: &memory, process, interruption: &signals };
        let result = file.ioctl(&caller, request, argument);
        let interrupted = result == Err(Errno::EINTR);
        if interrupted && !signals.restartable.load(Ordering::Relaxed) {
            self.ended().insert(call.thread, (u64::from(request), argument));
        }
        self.listener.answer(call.id, result.map(i64::from).map_err(Errno::raw));
    }
}
