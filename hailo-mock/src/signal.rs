//! [`Interruption`]: signals that end a call which waits.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use crate::device::lock;
use crate::kernel::Board;

/// Whether a signal has arrived at a thread that may be waiting in the driver.
pub trait Interruption {
    /// Whether a signal is waiting to be handled.
    fn is_pending(&self) -> bool;

    /// The signal is handled. Returns whether the call is to be restarted, if the driver allows that (`SA_RESTART`).
    fn handle(&self) -> bool;

    /// The signal is handled, and the call has ended whatever its handler wants.
    fn end(&self) {
        self.handle();
    }

    /// A call begins to wait: the waker ends the wait, to look at [`is_pending`](Self::is_pending) again.
    fn subscribe(&self, waker: Waker) {
        let _ = waker;
    }

    /// How often to look, where nobody calls the waker.
    fn interval(&self) -> Option<Duration> {
        None
    }
}

/// Lets a call that waits look whether a signal has arrived.
#[derive(Clone)]
pub struct Waker {
    board: Weak<Board>,
}

impl Waker {
    pub(crate) fn new(board: &Arc<Board>) -> Self {
        Self { board: Arc::downgrade(board) }
    }

    /// Wakes all calls that wait at the board.
    pub fn wake(&self) {
        if let Some(board) = self.board.upgrade() {
            board.wake();
        }
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waker")
    }
}

/// A thread to which no signal is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSignals;

impl Interruption for NoSignals {
    fn is_pending(&self) -> bool {
        false
    }

    fn handle(&self) -> bool {
        false
    }
}

/// A thread to which signals can be sent from another one. Clones stand for the same thread.
#[derive(Clone, Debug, Default)]
pub struct Signals(Arc<SignalState>);

#[derive(Debug, Default)]
struct SignalState {
    pending: AtomicBool,
    restart: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Signals {
    /// A thread that has no signal waiting.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a signal, whose handler asks for calls to be restarted or not.
    pub fn raise(&self, restart: bool) {
        self.0.restart.store(restart, Ordering::SeqCst);
        self.0.pending.store(true, Ordering::SeqCst);
        let waker = lock(&self.0.waker).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Interruption for Signals {
    fn is_pending(&self) -> bool {
        self.0.pending.load(Ordering::SeqCst)
    }

    fn handle(&self) -> bool {
        self.0.pending.store(false, Ordering::SeqCst);
        self.0.restart.load(Ordering::SeqCst)
    }

    fn subscribe(&self, waker: Waker) {
        *lock(&self.0.waker) = Some(waker);
    }
}
