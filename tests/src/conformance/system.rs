//! What a case asks of the system it runs on: the calls of a process that uses the accelerator.
//!
//! [`Kernel`](super::kernel::Kernel) answers them with real system calls, [`Emulated`](super::emulated::Emulated)
//! with the emulator in this process. The cases cannot tell which one they have.

use std::sync::Arc;
use std::time::Duration;

pub(crate) use hailo_abi::DriverRelease as Release;

/// What a call gave: its non-negative value, or the errno.
pub(crate) type Answer = Result<i64, i32>;

/// A file descriptor's number.
pub(crate) type Descriptor = i32;

/// A signal that arrives while a call blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signal {
    pub(crate) after: Duration,
    /// Whether its handler was installed with `SA_RESTART`.
    pub(crate) restart: bool,
}

impl Signal {
    /// A signal whose handler was installed without `SA_RESTART`.
    pub(crate) fn interrupting(milliseconds: u64) -> Self {
        Self { after: Duration::from_millis(milliseconds), restart: false }
    }

    /// A signal whose handler was installed with `SA_RESTART`.
    pub(crate) fn restarting(milliseconds: u64) -> Self {
        Self { after: Duration::from_millis(milliseconds), restart: true }
    }
}

/// How a file of the driver is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Access {
    #[default]
    ReadWrite,
    ReadOnly,
    NonBlocking,
}

/// What a crashing call did to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered(Answer),
    /// The kernel crashed in the call.
    Oops,
}

/// One process on one machine with one board.
pub(crate) trait System: Send + Sync {
    fn open(&self, access: Access) -> Result<Descriptor, i32>;
    fn close(&self, file: Descriptor) -> Answer;
    fn dup(&self, file: Descriptor) -> Result<Descriptor, i32>;
    fn ioctl(&self, file: Descriptor, request: u32, argument: usize) -> Answer;
    /// Maps memory of the driver, readable and writable; the address.
    fn mmap(&self, file: Descriptor, length: usize, shared: bool, offset: u64) -> Result<usize, i32>;
    fn munmap(&self, address: usize, length: usize);
    /// Reads from memory that [`System::mmap`] gave.
    fn peek(&self, address: usize, length: usize) -> Vec<u8>;
    /// Writes to memory that [`System::mmap`] gave.
    fn poke(&self, address: usize, bytes: &[u8]);
    fn read(&self, file: Descriptor, length: usize) -> Answer;
    fn write(&self, file: Descriptor, length: usize) -> Answer;
    fn seek(&self, file: Descriptor, offset: i64) -> Answer;
    /// The permission bits of the node.
    fn mode(&self, file: Descriptor) -> Answer;

    /// Runs a call of this thread with a signal that arrives meanwhile.
    fn signalled(&self, signal: Signal, call: &mut dyn FnMut() -> Answer) -> Answer;
    /// Runs calls in a forked child, which has the same descriptors, and then ends; their answers.
    fn in_child(&self, calls: &dyn Fn(&dyn System) -> Vec<Answer>) -> Vec<Answer>;
    /// Runs a call that may crash the kernel.
    fn survive(&self, call: &dyn Fn() -> Answer) -> Fate;
    /// The same system for a thread that may be left behind, blocked for ever.
    fn share(&self) -> Arc<dyn System>;

    /// A file in sysfs: its text and permission bits; a symbolic link: its target, with no bits.
    fn attribute(&self, path: &str) -> Option<(String, u32)>;
    /// A dmabuf of that many bytes: its descriptor, if something here exports one.
    fn dmabuf(&self, size: usize) -> Option<Descriptor>;
    /// Whether the machine can be suspended, lose the board or its driver.
    fn events(&self) -> Option<&dyn Events>;
}

/// What happens to a machine rather than to a file.
pub(crate) trait Events: Send + Sync {
    /// Suspends all devices and resumes them.
    fn suspend_and_resume(&self);
    /// Removes the board through sysfs.
    fn remove(&self);
    /// Unloads the driver.
    fn unload_driver(&self) -> Answer;
    /// Brings back what was removed or unloaded.
    fn restore(&self);
}

/// A machine that was just started, for a script of cases.
pub(crate) trait Laboratory: Send + Sync {
    /// A system on a freshly booted machine where that can be had, else on the one there is.
    fn boot(&self) -> Arc<dyn System>;
    /// Whether crashing, hanging, suspending and removing harm nobody.
    fn harmless(&self) -> bool;
    /// Whether [`Laboratory::boot`] really starts anew.
    fn fresh(&self) -> bool;
}
