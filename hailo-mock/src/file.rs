//! [`File`]: an open file of the emulated driver, and who calls it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hailo_abi::{Errno, Operation, Request};

use crate::kernel::{Board, DriverMemory, FileId};
use crate::memory::ProcessMemory;
use crate::report::FileReport;
use crate::signal::Interruption;

/// Who makes a call: a thread of a process.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// The memory of the process.
    pub memory: &'a dyn ProcessMemory,
    /// The id of the process (not of the thread).
    pub process: u32,
    /// The signals of the thread.
    pub interruption: &'a dyn Interruption,
}

impl fmt::Debug for Caller<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("process", &self.process).finish_non_exhaustive()
    }
}

/// An open file description, as the kernel calls it: what the descriptors of a `dup` or a `fork` have in common.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) board: Arc<Board>,
    pub(crate) id: FileId,
    pub(crate) stale: Arc<AtomicBool>,
}

impl OpenFile {
    pub(crate) fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Acquire)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.board.release(self.id);
    }
}

/// A reference to an open file of the emulated driver. A clone is what a `dup` or a `fork` makes; when the last one is
/// dropped, the driver cleans up.
#[derive(Clone, Debug)]
pub struct File {
    open: Arc<OpenFile>,
}

/// What `poll` answers: always readable and writable (`POLLIN`, `POLLOUT`, `POLLRDNORM`, `POLLWRNORM`).
pub const POLL_EVENTS: u16 = 0x0145;

impl File {
    /// Whether the answer to a request depends on the process that makes it.
    pub(crate) fn tells_processes_apart(&self, request: Request) -> bool {
        let entry = self.open.board.interface.find(request, self.open.board.model);
        entry.is_some_and(|entry| {
            matches!(entry.operation, Operation::ReadNotification | Operation::DisableNotification)
        })
    }

    pub(crate) fn new(open: OpenFile) -> Self {
        Self { open: Arc::new(open) }
    }

    /// `ioctl`: makes a request whose argument is at an address of the caller.
    ///
    /// # Errors
    /// What the driver answers. [`Errno::ENODEV`] also if the kernel has crashed, now or earlier.
    pub fn ioctl(&self, caller: &Caller<'_>, request: u32, argument: u64) -> Result<u32, Errno> {
        self.open.board.ioctl(&self.open, caller, Request::from_raw(request), argument)
    }

    /// `mmap`: the memory at an offset, which is the handle of a buffer that the driver allocated.
    ///
    /// # Errors
    /// What the driver answers.
    pub fn mmap(&self, offset: u64, length: u64) -> Result<DriverMemory, Errno> {
        self.open.board.mmap(&self.open, offset, length)
    }

    /// `read`: the driver has none.
    ///
    /// # Errors
    /// Always.
    pub fn read(&self, _: &mut [u8]) -> Result<usize, Errno> {
        Err(Errno::EINVAL)
    }

    /// `write`: the driver has none.
    ///
    /// # Errors
    /// Always.
    pub fn write(&self, _: &[u8]) -> Result<usize, Errno> {
        Err(Errno::EINVAL)
    }

    /// `lseek`: the file has no positions.
    ///
    /// # Errors
    /// Always.
    pub fn seek(&self, _: i64) -> Result<u64, Errno> {
        Err(Errno::ESPIPE)
    }

    /// `poll`: see [`POLL_EVENTS`].
    #[must_use]
    pub fn poll(&self) -> u16 {
        POLL_EVENTS
    }

    /// What the file holds.
    ///
    /// ```
    /// use hailo_mock::{Machine, Process};
    /// let machine = Machine::builder().build()?;
    /// let file = machine.open(0, &Process::current()).unwrap();
    /// assert!(file.held().is_empty());
    /// assert_eq!(file.held().process, std::process::id());
    /// # Ok::<(), hailo_mock::OptionsError>(())
    /// ```
    #[must_use]
    pub fn held(&self) -> FileReport {
        self.open.board.held(self.open.id)
    }

    /// The board's index.
    #[must_use]
    pub fn board(&self) -> usize {
        self.open.board.index
    }
}
