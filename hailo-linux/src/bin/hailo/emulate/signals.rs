//! Signals that are sent to `hailo emulate` go to the program: it may want to clean up, and needs its supervisor for that.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What asks a program to end.
const SIGNALS: [libc::c_int; 4] = [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP];

fn set() -> libc::sigset_t {
    // SAFETY: an all-zero set is initialised by `sigemptyset`; the signals exist.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in SIGNALS {
            libc::sigaddset(&raw mut set, signal);
        }
        set
    }
}

/// Keeps the signals for [`pass_on`], in this thread and those that it makes. Returns what was blocked before.
pub(super) fn block() -> libc::sigset_t {
    let set = set();
    // SAFETY: a valid set, and room for another.
    unsafe {
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before);
        before
    }
}

/// Signals are passed on until this is dropped.
pub(super) struct PassedOn(Arc<Mutex<Option<u32>>>);

impl Drop for PassedOn {
    fn drop(&mut self) {
        *lock(&self.0) = None;
    }
}

fn lock(process: &Mutex<Option<u32>>) -> MutexGuard<'_, Option<u32>> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Passes signals on to a child of this process, until nobody needs to: before it is waited for. Those of the keyboard it
/// gets by itself.
pub(super) fn pass_on(process: u32) -> PassedOn {
    let receiver = Arc::new(Mutex::new(Some(process)));
    let shared = receiver.clone();
    thread::spawn(move || {
        let set = set();
        loop {
            // SAFETY: an all-zero siginfo is a valid one, which the kernel overwrites; the set is valid.
            let (signal, code) = unsafe {
                let mut info: libc::siginfo_t = std::mem::zeroed();
                (libc::sigwaitinfo(&raw const set, &raw mut info), info.si_code)
            };
            let process = lock(&shared);
            match *process {
                // SAFETY: `kill` takes numbers only. The child was not waited for, so that the number is still its own.
                Some(process) if signal > 0 && code <= 0 => unsafe {
                    libc::kill(process as libc::pid_t, signal);
                },
                _ => {}
            }
        }
    });
    PassedOn(receiver)
}

/// Kills a supervised process, whose number is its own as long as one of its calls waits for an answer.
pub(super) fn end(process: u32) {
    // SAFETY: `kill` takes numbers only.
    unsafe { libc::kill(process as libc::pid_t, libc::SIGKILL) };
}
