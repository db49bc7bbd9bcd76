//! The thread that made a call, as the emulated kernel sees it: its signals, and the memory of its process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hailo_mock::{Interruption, MemoryFault, Pages, PinError, Pinned, ProcessMemory, RemoteProcess, Waker};

use super::outstanding::Outstanding;
use super::seccomp::Listener;

/// How often a call that waits looks whether its thread was interrupted by a signal.
pub(super) const SIGNAL_INTERVAL: Duration = Duration::from_millis(5);

/// The signals of a thread of another process: they show in that the thread does not wait for its answer any more. Whether
/// the call is made again is then up to the kernel.
pub(super) struct RemoteSignals<'a> {
    pub(super) listener: &'a Listener,
    pub(super) call: u64,
    pub(super) outstanding: &'a Outstanding,
    /// Whether the driver would let the call be restarted.
    pub(super) restartable: AtomicBool,
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
pub(super) struct CallerMemory<'a> {
    pub(super) process: &'a RemoteProcess,
    pub(super) listener: &'a Listener,
    pub(super) call: u64,
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
