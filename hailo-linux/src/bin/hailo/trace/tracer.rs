//! The loop that follows the traced threads.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use hailo_abi::{Errno, Request};
use hailo_linux::recording::{Call, Origin, What};
use libc::c_int;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use super::ptrace::{self, Event, SystemCall};
use crate::calls::descriptor::{is_accelerator, is_lent_memory, is_node};

/// Whoever wants to know of the calls. An error ends the trace.
pub(super) trait Sink {
    fn call(&mut self, call: &Call) -> io::Result<()>;
}

/// A call that has not returned.
struct Pending {
    /// What a printed line needs; `None` for calls that are only followed.
    call: Option<Call>,
    /// When it began.
    began: Instant,
    /// The descriptor of an ioctl, mmap or close; the one of an open is its result.
    descriptor: i32,
    /// Where the argument of an ioctl is.
    argument: u64,
    /// Whether a supervisor takes over the thread's system calls if it succeeds.
    supervises: bool,
}

struct Thread {
    process: u32,
    /// Whether it stops at each system call, because there is no filter or another one hides what ours would stop at.
    everywhere: bool,
    pending: Option<Pending>,
}

/// The traced threads and what they have open.
pub(super) struct Tracer<'a> {
    sink: &'a mut dyn Sink,
    started: Instant,
    threads: HashMap<u32, Thread>,
    /// Threads that stopped before the call that made them was seen.
    early: Vec<u32>,
    files: HashMap<(u32, i32), u32>,
    last_file: u32,
    last_sequence: u64,
    /// The program that was started, and how it ended.
    program: Option<u32>,
    status: Option<c_int>,
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Notes how long a call took.
fn took(call: &mut Call, time: Duration) {
    if let Some(origin) = &mut call.origin {
        origin.took_us = microseconds(time);
    }
}

/// The process of a thread.
fn process_of(thread: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    line.and_then(|line| line.trim().parse().ok()).unwrap_or(thread)
}

/// Fills `bytes` from the memory of a process; false if not all of it can be read.
pub(super) fn fill(process: u32, address: u64, bytes: &mut [u8]) -> bool {
    let found = read(process, address, bytes.len());
    let whole = found.len() == bytes.len();
    if whole {
        bytes.copy_from_slice(&found);
    }
    whole
}

/// The bytes in a thread's memory, as many as there are up to `length`.
fn read(thread: u32, address: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let Ok(base) = usize::try_from(address) else { return Vec::new() };
    let remote = [RemoteIoVec { base, len: length }];
    let read = process_vm_readv(Pid::from_raw(thread as i32), &mut [io::IoSliceMut::new(&mut bytes)], &remote);
    bytes.truncate(read.unwrap_or(0));
    bytes
}

/// The path in a thread's memory, if it can be that of a device node: others are not read to their end.
fn node_at(thread: u32, address: u64) -> Option<String> {
    // Up to the end of the page, and then the next: the second one may not be there.
    let first = usize::try_from(4096 - address % 4096).ok()?.min(64);
    let mut bytes = read(thread, address, first);
    if bytes.len() == first && first < 64 && !bytes.contains(&0) {
        bytes.extend(read(thread, address.checked_add(first as u64)?, 64 - first));
    }
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let path = std::str::from_utf8(&bytes[..end]).ok()?;
    let relative = !path.contains('/') && is_node(&format!("/dev/{path}"));
    (is_node(path) || relative).then(|| path.to_owned())
}

impl<'a> Tracer<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink) -> Self {
        Self {
            sink,
            started: Instant::now(),
            threads: HashMap::new(),
            early: Vec::new(),
            files: HashMap::new(),
            last_file: 0,
            last_sequence: 0,
            program: None,
            status: None,
        }
    }

    /// Follows a program that was started to be traced.
    pub(super) fn launched(&mut self, process: u32, filtered: bool) {
        self.program = Some(process);
        self.threads.insert(process, Thread { process, everywhere: !filtered, pending: None });
    }

    /// Follows all threads of a process that runs.
    ///
    /// # Errors
    /// What the system said to the first of them, if none can be traced.
    pub(super) fn attach(&mut self, process: u32) -> io::Result<()> {
        // A thread may make others while its siblings are being seized.
        loop {
            let (mut news, mut refused) = (false, None);
            for entry in fs::read_dir(format!("/proc/{process}/task"))? {
                let Some(thread) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
                if self.threads.contains_key(&thread) {
                    continue;
                }
                match ptrace::seize(thread, false).and_then(|()| ptrace::interrupt(thread)) {
                    Ok(()) => {}
                    // It has ended, as the first one may have long before the others, or was seized with the thread that
                    // made it.
                    Err(error) => {
                        refused.get_or_insert(error);
                        continue;
                    }
                }
                self.threads.insert(thread, Thread { process, everywhere: true, pending: None });
                news = true;
            }
            match refused {
                Some(error) if self.threads.is_empty() => return Err(error),
                _ if !news => return Ok(()),
                _ => {}
            }
        }
    }

    /// Runs until no traced thread is left. Returns how the program ended that was started, as `wait` says it.
    ///
    /// # Errors
    /// What the sink or the system said.
    pub(super) fn run(&mut self) -> io::Result<Option<c_int>> {
        while let Some((thread, event)) = ptrace::wait(true)? {
            self.event(thread, event)?;
        }
        Ok(self.status)
    }

    /// As [`run`](Self::run), until somebody asks to stop; then the threads run on without being traced.
    ///
    /// # Errors
    /// What the sink or the system said.
    pub(super) fn run_until_stopped(&mut self) -> io::Result<()> {
        loop {
            while let Some((thread, event)) = ptrace::wait(false)? {
                self.event(thread, event)?;
            }
            if self.threads.is_empty() {
                return Ok(());
            }
            if ptrace::stop_requested(None) {
                return self.detach();
            }
        }
    }

    fn detach(&mut self) -> io::Result<()> {
        self.threads.keys().for_each(|thread| drop(ptrace::interrupt(*thread)));
        while !self.threads.is_empty() {
            let Some((thread, event)) = ptrace::wait(true)? else { break };
            let signal = match event {
                Event::Signal(signal) => signal,
                _ => 0,
            };
            if !matches!(event, Event::Ended(_)) {
                // A thread that is gone needs no letting go.
                let _ = ptrace::detach(thread, signal);
            }
            if let Some(gone) = self.threads.remove(&thread) {
                self.unfinished(gone)?;
            }
        }
        Ok(())
    }

    fn resume(&self, thread: u32, signal: c_int) {
        let stops = self.threads.get(&thread).is_none_or(|thread| thread.everywhere || thread.pending.is_some());
        // It fails only if the thread was killed; then its end is the next event.
        let _ = ptrace::resume(thread, stops, signal);
    }

    fn event(&mut self, thread: u32, event: Event) -> io::Result<()> {
        match event {
            Event::Ended(status) => return self.ended(thread, status),
            Event::Filtered => {
                if self.threads.get(&thread).is_some_and(|thread| !thread.everywhere) {
                    self.system_call(thread)?;
                }
            }
            Event::SystemCall => self.system_call(thread)?,
            Event::Created => self.created(thread),
            Event::Executed => self.executed(thread)?,
            Event::Attached => {
                if !self.threads.contains_key(&thread) {
                    self.early.push(thread);
                    return Ok(());
                }
            }
            Event::Stopped => {
                let _ = ptrace::listen(thread);
                return Ok(());
            }
            Event::Signal(signal) => {
                self.resume(thread, signal);
                return Ok(());
            }
        }
        self.resume(thread, 0);
        Ok(())
    }

    /// A new thread or process behaves as the one that made it.
    fn created(&mut self, parent: u32) {
        let Ok(child) = ptrace::message(parent) else { return };
        let everywhere = self.threads.get(&parent).is_none_or(|parent| parent.everywhere);
        let process = process_of(child);
        self.threads.entry(child).or_insert(Thread { process, everywhere, pending: None });
        if let Some(position) = self.early.iter().position(|early| *early == child) {
            self.early.swap_remove(position);
            self.resume(child, 0);
        }
        // A process has what its parent had open.
        let of = self.threads.get(&parent).map_or(parent, |parent| parent.process);
        if process != of {
            let inherited: Vec<_> =
                self.files.iter().filter(|((owner, _), _)| *owner == of).map(|((_, fd), file)| (*fd, *file)).collect();
            self.files.extend(inherited.into_iter().map(|(fd, file)| ((process, fd), file)));
        }
    }

    /// After an exec, one thread is left, and it has the number of the process.
    fn executed(&mut self, thread: u32) -> io::Result<()> {
        let former = ptrace::message(thread).unwrap_or(thread);
        let Some(mut survivor) = self.threads.remove(&former) else { return Ok(()) };
        survivor.pending = None;
        // What was to be closed by it is, and its descriptors may soon be those of something else.
        let process = survivor.process;
        self.files.retain(|(owner, descriptor), _| {
            *owner != process || is_accelerator(thread, *descriptor) || is_lent_memory(thread, *descriptor)
        });
        if let Some(replaced) = self.threads.insert(thread, survivor) {
            self.unfinished(replaced)?;
        }
        Ok(())
    }

    fn ended(&mut self, thread: u32, status: c_int) -> io::Result<()> {
        if self.program == Some(thread) {
            self.status = Some(status);
        }
        if let Some(gone) = self.threads.remove(&thread) {
            if gone.process == thread {
                self.files.retain(|(process, _), _| *process != thread);
            }
            self.unfinished(gone)?;
        }
        Ok(())
    }

    /// A thread is gone, in the middle of a call perhaps.
    fn unfinished(&mut self, thread: Thread) -> io::Result<()> {
        let Some(Pending { call: Some(mut call), began, .. }) = thread.pending else { return Ok(()) };
        took(&mut call, began.elapsed());
        self.sink.call(&call)
    }

    /// A thread stopped before or after a system call.
    fn system_call(&mut self, thread: u32) -> io::Result<()> {
        match ptrace::system_call(thread) {
            Ok(SystemCall::Entry { number, arguments }) => {
                let pending = self.entry(thread, number, &arguments);
                if let Some(thread) = self.threads.get_mut(&thread) {
                    thread.pending = pending;
                }
                Ok(())
            }
            Ok(SystemCall::Exit { value }) => {
                match self.threads.get_mut(&thread).and_then(|thread| thread.pending.take()) {
                    Some(pending) => self.exit(thread, pending, value),
                    None => Ok(()),
                }
            }
            Ok(SystemCall::Other) | Err(_) => Ok(()),
        }
    }

    /// What there is to see of a call that begins.
    fn entry(&mut self, thread: u32, number: libc::c_long, arguments: &[u64; 6]) -> Option<Pending> {
        let [first, second, third, ..] = *arguments;
        let process = self.threads.get(&thread)?.process;
        let open = |path: u64, flags: u64| Some((What::Open { path: node_at(thread, path)?, flags }, -1));
        let mut argument = 0;
        let (what, descriptor) = match number {
            libc::SYS_ioctl => {
                let descriptor = first as i32;
                if !self.is_device(process, thread, descriptor) {
                    return None;
                }
                let request = Request::from_raw(second as u32);
                argument = third;
                let before = read(thread, argument, request.size());
                (What::Ioctl { request, before, after: Vec::new() }, descriptor)
            }
            libc::SYS_mmap => {
                let (descriptor, flags) = (arguments[4] as i32, arguments[3] as c_int);
                if flags & libc::MAP_ANONYMOUS != 0 || !self.is_device(process, thread, descriptor) {
                    return None;
                }
                (What::Map { length: second, offset: arguments[5] }, descriptor)
            }
            libc::SYS_openat => open(second, third)?,
            libc::SYS_openat2 => {
                let flags = read(thread, third, 8).try_into().map_or(0, u64::from_le_bytes);
                open(second, flags)?
            }
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open => open(first, second)?,
            libc::SYS_close => {
                let descriptor = first as i32;
                self.files.get(&(process, descriptor))?;
                (What::Close, descriptor)
            }
            libc::SYS_seccomp => {
                let listens = second & libc::SECCOMP_FILTER_FLAG_NEW_LISTENER != 0;
                let supervises = first == u64::from(libc::SECCOMP_SET_MODE_FILTER) && listens;
                let pending = Pending { call: None, began: Instant::now(), descriptor: -1, argument: 0, supervises };
                return supervises.then_some(pending);
            }
            _ => return None,
        };
        self.last_sequence += 1;
        let file = (descriptor >= 0).then(|| self.file(process, thread, descriptor));
        let origin = Some(Origin { process, began_us: microseconds(self.started.elapsed()), took_us: 0 });
        let (sequence, thread) = (self.last_sequence, thread.into());
        let call = Call { sequence, end: 0, thread, file, what, result: None, origin };
        Some(Pending { call: Some(call), began: Instant::now(), descriptor, argument, supervises: false })
    }

    /// Whether a descriptor is an open device file, or was one until memory of the driver was mapped through it.
    fn is_device(&self, process: u32, thread: u32, descriptor: i32) -> bool {
        is_accelerator(thread, descriptor)
            || is_lent_memory(thread, descriptor) && self.known(process, thread, descriptor).is_some()
    }

    /// The number of an open file that was seen before, from a descriptor of it.
    fn known(&self, process: u32, thread: u32, descriptor: i32) -> Option<u32> {
        if let Some(file) = self.files.get(&(process, descriptor)) {
            return Some(*file);
        }
        let same =
            |((process, other), _): &(&(u32, i32), &u32)| ptrace::same_file((thread, descriptor), (*process, *other));
        self.files.iter().find(same).map(|(_, file)| *file)
    }

    /// The number of an open file, from a descriptor of it.
    fn file(&mut self, process: u32, thread: u32, descriptor: i32) -> u32 {
        let file = self.known(process, thread, descriptor).unwrap_or_else(|| {
            self.last_file += 1;
            self.last_file
        });
        self.files.insert((process, descriptor), file);
        file
    }

    /// A call has returned.
    fn exit(&mut self, thread: u32, pending: Pending, value: i64) -> io::Result<()> {
        let elapsed = pending.began.elapsed();
        if pending.supervises && value >= 0 {
            // From now on, the supervisor's filter is asked first, and ours would not see what it takes.
            let process = self.threads.get(&thread).map_or(thread, |thread| thread.process);
            let same = |thread: &&mut Thread| thread.process == process;
            self.threads.values_mut().filter(same).for_each(|thread| thread.everywhere = true);
        }
        let Some(mut call) = pending.call else { return Ok(()) };
        let process = call.origin.map_or(thread, |origin| origin.process);
        took(&mut call, elapsed);
        // The kernel's errors are the negative numbers down to -4095.
        let errno = value.checked_neg().and_then(|errno| i32::try_from(errno).ok()).and_then(Errno::from_raw);
        call.result = Some(errno.map_or(Ok(value), Err));
        match &mut call.what {
            What::Ioctl { request, after, .. } => *after = read(thread, pending.argument, request.size()),
            What::Open { .. } => {
                if value >= 0 {
                    let descriptor = value as i32;
                    self.files.remove(&(process, descriptor));
                    if !is_accelerator(thread, descriptor) {
                        return Ok(());
                    }
                    call.file = Some(self.file(process, thread, descriptor));
                }
            }
            What::Close => {
                let file = self.files.remove(&(process, pending.descriptor));
                // As long as there are copies, nothing happens.
                if self.files.values().any(|other| Some(*other) == file) {
                    return Ok(());
                }
            }
            What::Map { .. } => {}
        }
        self.sink.call(&call)
    }
}
