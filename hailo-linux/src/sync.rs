//! Locks, atomics and threads: those of the standard library, or, with `--cfg shuttle`, those of `shuttle`, which runs the
//! tests in `tests/interleavings.rs` in many orders of their steps.

#[cfg(not(shuttle))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard, atomic},
    thread,
};

#[cfg(shuttle)]
pub(crate) use shuttle::{
    sync::{Condvar, Mutex, MutexGuard, atomic},
    thread,
};
