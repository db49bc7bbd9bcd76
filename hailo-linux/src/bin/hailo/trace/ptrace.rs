//! `ptrace` as safe calls: on threads by their number, which fail where a thread is none of ours.
//!
//! Not nix's: a signal that it cannot name (real-time ones) could not be passed on.

use std::io;
use std::time::Duration;

use libc::{c_int, c_long, c_uint, pid_t};
// The C library of static programs has none of these.
use linux_raw_sys::ptrace::{
    PTRACE_GET_SYSCALL_INFO, PTRACE_SYSCALL_INFO_ENTRY, PTRACE_SYSCALL_INFO_EXIT, PTRACE_SYSCALL_INFO_SECCOMP,
    ptrace_syscall_info,
};

/// What a stopped thread asks of the kernel, or what it got.
#[derive(Clone, Copy, Debug)]
pub(super) enum SystemCall {
    /// About to be carried out.
    Entry { number: c_long, arguments: [u64; 6] },
    /// Carried out, with the value that the kernel returned (negative: an error).
    Exit { value: i64 },
    /// None of the two, or one of another architecture.
    Other,
}

/// What happened to a traced thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It is gone, with this status of `wait`.
    Ended(c_int),
    /// It entered or left the kernel.
    SystemCall,
    /// The filter asks to look at a call.
    Filtered,
    /// It made another thread or process.
    Created,
    /// It runs another program now.
    Executed,
    /// It stopped, as a new thread or because it was asked to.
    Attached,
    /// It stopped with its whole process, by this signal.
    Stopped,
    /// A signal is about to be delivered.
    Signal(c_int),
}

#[cfg(target_arch = "x86_64")]
pub(super) const AUDIT_ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
pub(super) const AUDIT_ARCH: u32 = 0xc000_00b7;

fn check(result: c_long) -> io::Result<c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn request(request: c_uint, thread: u32, address: usize, data: usize) -> io::Result<c_long> {
    // SAFETY: none of the requests that this is called with makes the kernel write through `address` or `data`; they are
    // numbers.
    check(unsafe { libc::ptrace(request as _, thread as pid_t, address, data) })
}

/// Begins to trace a thread, without stopping it.
pub(super) fn seize(thread: u32, kill_on_exit: bool) -> io::Result<()> {
    let mut options = libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_TRACESECCOMP
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEEXEC;
    if kill_on_exit {
        options |= libc::PTRACE_O_EXITKILL;
    }
    request(libc::PTRACE_SEIZE as c_uint, thread, 0, options as usize).map(drop)
}

/// Stops a thread that was [seized](seize).
pub(super) fn interrupt(thread: u32) -> io::Result<()> {
    request(libc::PTRACE_INTERRUPT as c_uint, thread, 0, 0).map(drop)
}

/// Lets a stopped thread go on, up to the next system call or not.
pub(super) fn resume(thread: u32, to_system_call: bool, signal: c_int) -> io::Result<()> {
    let how = if to_system_call { libc::PTRACE_SYSCALL } else { libc::PTRACE_CONT };
    request(how as c_uint, thread, 0, signal as usize).map(drop)
}

/// Leaves a stopped thread stopped until its process is told to continue.
pub(super) fn listen(thread: u32) -> io::Result<()> {
    request(libc::PTRACE_LISTEN as c_uint, thread, 0, 0).map(drop)
}

/// Stops tracing a stopped thread.
pub(super) fn detach(thread: u32, signal: c_int) -> io::Result<()> {
    request(libc::PTRACE_DETACH as c_uint, thread, 0, signal as usize).map(drop)
}

/// The number that belongs to an event: the new thread, or the thread that the program had before.
pub(super) fn message(thread: u32) -> io::Result<u32> {
    let mut message: libc::c_ulong = 0;
    // SAFETY: the kernel writes one unsigned long through the last argument.
    check(unsafe { libc::ptrace(libc::PTRACE_GETEVENTMSG as _, thread as pid_t, 0usize, &raw mut message) })?;
    Ok(message as u32)
}

/// The system call in which a thread stopped.
pub(super) fn system_call(thread: u32) -> io::Result<SystemCall> {
    // SAFETY: an all-zero struct is a valid one: numbers and a union of numbers.
    let mut info: ptrace_syscall_info = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes at most as many bytes through the last argument as the one before says.
    let written = check(unsafe {
        libc::ptrace(PTRACE_GET_SYSCALL_INFO as _, thread as pid_t, size_of::<ptrace_syscall_info>(), &raw mut info)
    })?;
    if written <= 0 || info.arch != AUDIT_ARCH {
        return Ok(SystemCall::Other);
    }
    // SAFETY: `op` says which member of the union was written; all are plain numbers.
    Ok(unsafe {
        match info.op.into() {
            PTRACE_SYSCALL_INFO_ENTRY => SystemCall::Entry {
                number: info.__bindgen_anon_1.entry.nr as c_long,
                arguments: info.__bindgen_anon_1.entry.args,
            },
            PTRACE_SYSCALL_INFO_SECCOMP => SystemCall::Entry {
                number: info.__bindgen_anon_1.seccomp.nr as c_long,
                arguments: info.__bindgen_anon_1.seccomp.args,
            },
            PTRACE_SYSCALL_INFO_EXIT => SystemCall::Exit { value: info.__bindgen_anon_1.exit.rval },
            _ => SystemCall::Other,
        }
    })
}

/// Waits for something to happen to any traced thread. `None`: there is none left, or nothing yet and nobody is to wait.
pub(super) fn wait(block: bool) -> io::Result<Option<(u32, Event)>> {
    let mut status = 0;
    let flags = libc::__WALL | if block { 0 } else { libc::WNOHANG };
    let thread = loop {
        // SAFETY: the kernel writes one int.
        match check(unsafe { libc::waitpid(-1, &raw mut status, flags) }.into()) {
            Ok(thread) => break thread,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(None),
            Err(error) => return Err(error),
        }
    };
    if thread == 0 {
        return Ok(None);
    }
    Ok(Some((thread as u32, event(status))))
}

fn event(status: c_int) -> Event {
    if !libc::WIFSTOPPED(status) {
        return Event::Ended(status);
    }
    let signal = libc::WSTOPSIG(status);
    match status >> 16 {
        libc::PTRACE_EVENT_SECCOMP => Event::Filtered,
        libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => Event::Created,
        libc::PTRACE_EVENT_EXEC => Event::Executed,
        libc::PTRACE_EVENT_STOP if signal == libc::SIGTRAP => Event::Attached,
        libc::PTRACE_EVENT_STOP => Event::Stopped,
        _ if signal == libc::SIGTRAP | 0x80 => Event::SystemCall,
        _ => Event::Signal(signal),
    }
}

/// Whether two descriptors of two threads are copies of one another.
pub(super) fn same_file(one: (u32, i32), other: (u32, i32)) -> bool {
    const KCMP_FILE: c_int = 0;
    // SAFETY: `kcmp` takes numbers only.
    let result = unsafe {
        libc::syscall(
            libc::SYS_kcmp,
            one.0 as pid_t,
            other.0 as pid_t,
            KCMP_FILE,
            one.1 as libc::c_ulong,
            other.1 as libc::c_ulong,
        )
    };
    result == 0
}

/// Whether somebody who may stop the trace has sent a signal, or a traced thread has news: blocks until one of them.
///
/// The three signals must be [blocked](block_signals).
pub(super) fn stop_requested(timeout: Option<Duration>) -> bool {
    let set = signals();
    let limit = timeout.unwrap_or(Duration::from_secs(3600));
    let limit = libc::timespec { tv_sec: limit.as_secs() as _, tv_nsec: limit.subsec_nanos() as _ };
    // SAFETY: a valid set and a valid time; no information about the signal is asked for.
    let signal = unsafe { libc::sigtimedwait(&raw const set, std::ptr::null_mut(), &raw const limit) };
    signal == libc::SIGINT || signal == libc::SIGTERM
}

fn signals() -> libc::sigset_t {
    // SAFETY: an all-zero set is initialised by `sigemptyset`; the signals exist.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGCHLD] {
            libc::sigaddset(&raw mut set, signal);
        }
        set
    }
}

/// Keeps the signals for [`stop_requested`].
pub(super) fn block_signals() {
    let set = signals();
    // SAFETY: a valid set; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
}

/// Leaves the keyboard's signals to the traced program.
pub(super) fn ignore_keyboard() {
    for signal in [libc::SIGINT, libc::SIGQUIT] {
        // SAFETY: no handler is installed.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}
