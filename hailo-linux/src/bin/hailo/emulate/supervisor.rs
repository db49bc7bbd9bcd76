//! The loop that answers the supervised processes' calls.

use std::cell::Cell;
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
use hailo_mock::{Caller, Faults, File, Machine, Process, RemoteProcess};

use super::caller::{CallerMemory, RemoteSignals, SIGNAL_INTERVAL};
use super::events::Events;
use super::faults::Asked;
use super::files::Files;
use super::lookups::{self, Outcome};
use super::outstanding::Outstanding;
use super::pool::Pool;
use super::recording::{Begun, Recording};
use super::seccomp::{Call, Listener};
use super::signals;
use super::tree::Tree;

/// How long the calls of threads that have ended may take to return, and their descriptors to be closed.
const CLOSING: Duration = Duration::from_secs(2);

/// What the supervised programs are to find.
pub(super) struct Setting {
    pub(super) machine: Machine,
    pub(super) interface: &'static Interface,
    pub(super) recording: Option<Recording>,
    /// What strikes the calls.
    pub(super) faults: Option<Faults>,
    /// Whether a process in whose call the kernel crashes is killed, and whoever opens the board then finds a new one.
    pub(super) reboots: bool,
}

/// Whatever the calls of all threads need.
struct Shared {
    listener: Listener,
    setting: Setting,
    tree: Mutex<Arc<Tree>>,
    events: Events,
    files: Files<Opened>,
    /// Calls that are being answered by other threads of this process.
    outstanding: Outstanding,
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

/// What there is to say when no supervised thread is left.
pub(super) struct Ended {
    /// What closed files still held, in words.
    pub(super) left: Vec<String>,
    /// Whether every call has returned. With the real driver, the end of a process hangs on one that does not.
    pub(super) all_returned: bool,
    /// Faults that have struck nothing.
    pub(super) unused: Vec<String>,
}

/// Runs until no supervised thread is left.
pub(super) struct Supervisor {
    shared: Arc<Shared>,
    /// The process of each thread that made a call.
    processes: HashMap<u32, u32>,
    /// The memory of those processes.
    memories: HashMap<u32, RemoteProcess>,
    pool: Pool,
    last_file: u32,
}

thread_local! {
    /// Whether the call that this thread carries out has crashed the kernel.
    static CRASHED: Cell<bool> = const { Cell::new(false) };
}

/// The process that a thread belongs to.
fn process_of(thread: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}

impl Supervisor {
    pub(super) fn new(listener: Listener, setting: Setting, tree: Tree) -> io::Result<Self> {
        let files = Files::new()?;
        setting.machine.on_crash(|_| CRASHED.set(true));
        let shared = Shared {
            listener,
            setting,
            tree: Mutex::new(Arc::new(tree)),
            events: Events::default(),
            files,
            outstanding: Outstanding::default(),
            left: Mutex::default(),
            ended: Mutex::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            processes: HashMap::new(),
            memories: HashMap::new(),
            pool: Pool::default(),
            last_file: 0,
        })
    }

    /// Answers calls until no supervised thread is left.
    ///
    /// # Errors
    /// The system allows no supervision, or the recording could not be written.
    pub(super) fn run(mut self) -> io::Result<Ended> {
        let mut is_first = true;
        while let Some(call) = self.shared.listener.receive()? {
            let [first, second, third, fourth, fifth, _] = call.arguments;
            if std::mem::take(&mut is_first) && call.number == libc::SYS_execve {
                // The program is about to be started, and the path is good.
                lookups::may_read(call.thread, first)?;
            }
            match call.number {
                libc::SYS_ioctl => self.ioctl(call),
                libc::SYS_mmap => self.mmap(&call),
                libc::SYS_munmap => {
                    self.gives_up(&call, first, second);
                    self.shared.listener.let_through(call.id);
                }
                libc::SYS_mremap => {
                    // Memory that shrinks, and what other memory is moved onto. What is moved away is lost (see the
                    // documentation of `RemoteProcess`).
                    self.gives_up(&call, first.saturating_add(third), second.saturating_sub(third));
                    if fourth as i32 & libc::MREMAP_FIXED != 0 {
                        self.gives_up(&call, fifth, third);
                    }
                    self.shared.listener.let_through(call.id);
                }
                libc::SYS_execve | libc::SYS_execveat => {
                    let process = self.process(call.thread);
                    if let Some(memory) = self.memories.get(&process) {
                        memory.will_execute();
                    }
                    self.shared.listener.let_through(call.id);
                }
                libc::SYS_lseek => match self.shared.files.find(call.thread, first as i32) {
                    Some(_) => self.shared.listener.answer(call.id, Err(libc::ESPIPE)),
                    None => self.shared.listener.let_through(call.id),
                },
                _ => self.lookup(&call),
            }
        }
        let all_returned = self.pool.finish(CLOSING);
        // The kernel lets the last thread out of its supervision before it closes the thread's descriptors.
        let closing = Instant::now();
        self.shared.close_files();
        while all_returned && self.shared.files.any() && closing.elapsed() < CLOSING {
            thread::sleep(SIGNAL_INTERVAL);
            self.shared.close_files();
        }
        self.shared.setting.recording.as_ref().map_or(Ok(()), Recording::finish)?;
        let left = std::mem::take(&mut *self.shared.left.lock().unwrap_or_else(PoisonError::into_inner));
        let unused = self.shared.setting.faults.as_ref().map_or_else(Vec::new, Faults::unused);
        Ok(Ended { left, all_returned, unused: unused.iter().map(ToString::to_string).collect() })
    }

    /// The memory of a process, the same as long as the process is there.
    fn memory(&mut self, process: u32) -> RemoteProcess {
        if !self.memories.contains_key(&process) {
            self.memories.retain(|process, _| fs::exists(format!("/proc/{process}")).unwrap_or(true));
        }
        self.memories.entry(process).or_insert_with(|| RemoteProcess::new(process)).clone()
    }

    /// A thread is about to give memory up.
    fn gives_up(&mut self, call: &Call, address: u64, length: u64) {
        if self.memories.is_empty() || length == 0 {
            return;
        }
        let process = self.process(call.thread);
        if let Some(memory) = self.memories.get(&process) {
            memory.will_unmap(address, length);
        }
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
        shared.let_happen();
        if call.number == libc::SYS_delete_module {
            shared.close_files();
        }
        let find = |descriptor| shared.files.find(call.thread, descriptor).map(|opened| opened.file.board());
        let listener = &shared.listener;
        let machine = &shared.setting.machine;
        match lookups::handle(machine, &shared.tree(), call, &find) {
            Outcome::LetThrough => listener.let_through(call.id),
            Outcome::Answer(result) => listener.answer(call.id, result),
            Outcome::Descriptor(file, close_on_exec) => {
                _ = listener.answer_with_fd(call.id, file.as_fd(), close_on_exec);
            }
            Outcome::OpenEvent(event, close_on_exec) => {
                let other = shared.clone();
                match shared.events.open(event, move || other.let_happen()) {
                    Ok(file) => _ = listener.answer_with_fd(call.id, file.as_fd(), close_on_exec),
                    Err(_) => listener.answer(call.id, Err(libc::EMFILE)),
                }
            }
            Outcome::OpenNode(board, flags) => {
                // Files that were closed in the meantime are so before this one is opened.
                shared.close_files();
                let began = shared.begin();
                let process = Process { id: self.process(call.thread) };
                if shared.setting.reboots && machine.has_crashed(board) {
                    machine.rebuild(board);
                }
                let file = shared.check_lost().and_then(|()| machine.open(board, &process)).map_err(Errno::raw);
                self.last_file += 1;
                let path = format!("/dev/{}", machine.node_name(board));
                let number = self.last_file;
                let descriptor = file.and_then(|file| {
                    let opened = Opened { file, number, path: path.as_str().into() };
                    let nonblocking = flags & libc::O_NONBLOCK != 0;
                    let inserted = shared.files.insert(opened, nonblocking);
                    inserted.map_err(|error| error.raw_os_error().unwrap_or(libc::EMFILE))
                });
                let result = match descriptor {
                    Ok(descriptor) => {
                        let given = listener.answer_with_fd(call.id, descriptor.as_fd(), flags & libc::O_CLOEXEC != 0);
                        if given.is_err() {
                            drop(shared.files.withdraw(&descriptor));
                        }
                        given
                    }
                    Err(errno) => {
                        listener.answer(call.id, Err(errno));
                        Err(errno)
                    }
                };
                // This thread takes the program's next call not before that was noted.
                let file = result.is_ok().then_some(number);
                let what = What::Open { path, flags: flags as u64 };
                shared.record(began, call.thread, process.id, file, what, result.map(|()| 0));
            }
        }
    }

    fn ioctl(&mut self, call: Call) {
        let [descriptor, request, argument, ..] = call.arguments;
        let Some(opened) = self.shared.files.find(call.thread, descriptor as i32) else {
            self.shared.listener.let_through(call.id);
            return;
        };
        self.shared.let_happen();
        self.shared.close_files();
        let process = self.process(call.thread);
        // A thread makes one call at a time: one that is not answered yet was ended by a signal, and must not take what
        // comes from now on.
        let earlier = self.shared.outstanding.end_earlier(call.thread);
        let request = request as u32;
        let memory = self.memory(process);
        let Setting { interface, faults, .. } = &self.shared.setting;
        let entry = interface.find(Request::from_raw(request), DataModel::NATIVE);
        let may_take_long = faults.is_some()
            || matches!(
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
            let id = call.id;
            let begun = self.pool.run(move || {
                shared.outstanding.wait_for(&earlier);
                shared.call(opened, call, &memory, request, argument);
                shared.outstanding.end(id);
            });
            if begun.is_err() {
                self.shared.outstanding.end(id);
                self.shared.listener.answer(id, Err(libc::ENOMEM));
            }
        } else {
            shared.call(opened, call, &memory, request, argument);
        }
    }

    /// Maps memory of a buffer that the driver allocated: the program's descriptor is replaced by one of that memory, and
    /// the kernel carries the call out with it.
    fn mmap(&mut self, call: &Call) {
        let [address, length, _, flags, descriptor, offset] = call.arguments;
        let flags = flags as i32;
        if flags & libc::MAP_FIXED != 0 {
            self.gives_up(call, address, length);
        }
        let has_file = flags & libc::MAP_ANONYMOUS == 0;
        let opened = if has_file { self.shared.files.find(call.thread, descriptor as i32) } else { None };
        let Some(opened) = opened else {
            self.shared.listener.let_through(call.id);
            return;
        };
        let process = self.process(call.thread);
        let shared = &self.shared;
        let began = shared.begin();
        let memory = shared.check_lost().and_then(|()| opened.file.mmap(offset, length)).map_err(Errno::raw);
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
        let closed = self.files.closed();
        if !closed.is_empty() {
            // Calls that a signal has ended no longer use them, but may not know yet.
            let left = self.outstanding.end_left(|call| self.listener.is_waiting(call));
            self.outstanding.wait_for(&left);
        }
        for Opened { file, number, path } in closed {
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

    fn tree(&self) -> Arc<Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets happen what programs have written to files of `/sys`.
    fn let_happen(&self) {
        // Locked before, so that nobody sees the machine as it is with the files as they were.
        let mut tree = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
        if self.events.happen(&self.setting.machine)
            && let Ok(changed) = Tree::new(&self.setting.machine)
        {
            *tree = Arc::new(changed);
        }
    }

    /// Whether a fault has lost the device.
    fn check_lost(&self) -> Result<(), Errno> {
        self.setting.faults.as_ref().map_or(Ok(()), Faults::check_lost)
    }

    /// A call begins: what [`record`](Self::record) needs to know.
    fn begin(&self) -> Option<Begun> {
        self.setting.recording.as_ref().map(Recording::begin)
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
        if let (Some(recording), Some(began)) = (&self.setting.recording, began) {
            let result = result.map_err(|errno| Errno::from_raw(errno).unwrap_or(Errno::EINVAL));
            recording.add(began, (process, thread), file, what, result);
        }
    }

    fn call(&self, opened: Opened, call: Call, process_memory: &RemoteProcess, request: u32, argument: u64) {
        if self.ended().remove(&call.thread) == Some((u64::from(request), argument)) {
            // The driver ends a control that waits for its answer for good, whatever the handler asked for.
            drop(opened);
            self.listener.answer(call.id, Err(libc::EINTR));
            return;
        }
        let process = process_memory.id();
        let memory = CallerMemory { process: process_memory, listener: &self.listener, call: call.id };
        let began = self.begin();
        let size = Request::from_raw(request).size();
        let bytes = || Recording::read(process_memory, argument, size);
        let before = began.map(|_| bytes());
        let signals = RemoteSignals {
            listener: &self.listener,
            call: call.id,
            outstanding: &self.outstanding,
            restartable: AtomicBool::new(false),
        };
        let caller = Caller { memory: &memory, process, interruption: &signals };
        CRASHED.set(false);
        let result = match &self.setting.faults {
            None => opened.file.ioctl(&caller, request, argument),
            Some(faults) => {
                let mut asked = Asked { file: &opened.file, caller, request, argument, size };
                faults.submit(Request::from_raw(request), &mut asked)
            }
        };
        if let Some(before) = before {
            let what = What::Ioctl { request: Request::from_raw(request), before, after: bytes() };
            let result = result.map(i64::from).map_err(Errno::raw);
            self.record(began, call.thread, process, Some(opened.number), what, result);
        }
        // The program may close its file as soon as it has the answer, and that must be the last of it then.
        drop(opened);
        if CRASHED.get() && self.setting.reboots {
            signals::end(process);
            return;
        }
        let interrupted = result == Err(Errno::EINTR);
        if interrupted && !signals.restartable.load(Ordering::Relaxed) {
            self.ended().insert(call.thread, (u64::from(request), argument));
        }
        self.listener.answer(call.id, result.map(i64::from).map_err(Errno::raw));
    }
}
