//! [`MockTransport`]: the emulated driver for code that speaks to a driver through a [`Transport`].

use std::sync::Arc;

use hailo_abi::{Errno, Frame, Mapping, Transport};

use crate::file::{Caller, File};
use crate::machine::{Machine, Process};
use crate::memory::ArgumentOverlay;
use crate::signal::{Interruption, NoSignals};

/// An open file of an emulated machine, used by the process that the emulator runs in.
#[derive(Clone)]
pub struct MockTransport {
    file: File,
    interruption: Arc<dyn Interruption + Send + Sync>,
}

impl std::fmt::Debug for MockTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MockTransport").field("file", &self.file).finish_non_exhaustive()
    }
}

impl MockTransport {
    /// Opens a board.
    ///
    /// # Errors
    /// As [`Machine::open`].
    pub fn open(machine: &Machine, board: usize) -> Result<Self, Errno> {
        Ok(Self::new(machine.open(board, &Process::current())?))
    }

    /// Uses a file that is open already.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self { file, interruption: Arc::new(NoSignals) }
    }

    /// The same file, for a thread to which signals can be sent.
    #[must_use]
    pub fn with_signals(&self, signals: impl Interruption + Send + Sync + 'static) -> Self {
        Self { file: self.file.clone(), interruption: Arc::new(signals) }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl Transport for MockTransport {
    fn submit(&self, mut frame: Frame<'_>) -> Result<u32, Errno> {
        let request = frame.request();
        let memory = ArgumentOverlay::new(frame.argument_mut());
        // This process may be a fork of the one that opened the file. To ask which one it is takes a system call, and few
        // requests want to know.
        let process = if self.file.tells_processes_apart(request) { std::process::id() } else { 0 };
        let caller = Caller { memory: &memory, process, interruption: &*self.interruption };
        self.file.ioctl(&caller, request.raw(), memory.address())
    }

    fn map(&self, offset: u64, length: usize) -> Result<Mapping, Errno> {
        self.file.mmap(offset, length as u64)?.map_here().map_err(|_| Errno::ENOMEM)
    }
}
