//! The kernel's side of a board: the state of the driver, and what happens to it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use hailo_abi::{DataModel, DriverRelease, Errno, Interface};

use crate::behaviour::Behaviour;
use crate::device::{Device, lock};
use crate::file::Caller;
use crate::firmware::{ChannelState, Hardware};
use crate::options::BoardKind;
use crate::report::CrashReport;
use crate::signal::Waker;
use crate::timer::Timer;

mod buffers;
mod call;
mod channels;
mod control;
mod files;
mod launch;
mod lists;
mod notifications;
mod program;
mod queries;
mod transfers;

pub(crate) use channels::Channel;
pub(crate) use control::Control;
pub use files::DriverMemory;
pub(crate) use files::{FileId, FileState};
pub(crate) use notifications::Notifications;

/// Why a call ends without success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The call returns this.
    Errno(Errno),
    /// A signal has come. The call is made again if its handler wants that, and otherwise returns `EINTR`.
    Restart,
    /// The kernel crashes; the text says by what.
    Crash(String),
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

/// Whether the board is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Presence {
    Present = 0,
    Removed = 1,
    Crashed = 2,
}

/// The driver's state for a board.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) files: BTreeMap<FileId, FileState>,
    next_file: FileId,
    /// The file that has taken the device.
    owner: Option<FileId>,
    /// Channels that are enabled, whoever did it.
    enabled: u64,
    /// Channels that interrupted and were not waited for (up to 4.23).
    interrupted: u64,
    pub(crate) channels: Vec<Channel>,
    control: Control,
    notifications: Notifications,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    Ready,
    Interrupted,
    TimedOut,
}

type Crashed = dyn Fn(&CrashReport) + Send + Sync;

/// What a machine's boards have in common.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) timer: Timer,
    pub(crate) crashes: Mutex<Vec<CrashReport>>,
    pub(crate) on_crash: Mutex<Option<Arc<Crashed>>>,
}

/// A board and the driver's state for it.
pub(crate) struct Board {
    pub(crate) index: usize,
    pub(crate) kind: BoardKind,
    pub(crate) board_type: u32,
    pub(crate) seed: u64,
    pub(crate) firmware_version: DriverRelease,
    pub(crate) interface: &'static Interface,
    pub(crate) model: DataModel,
    pub(crate) behaviour: Behaviour,
    pub(crate) iommu: bool,
    pub(crate) device: Device,
    kernel: Mutex<Kernel>,
    woken: Condvar,
    /// How many calls wait; changed with the kernel's lock held.
    waiting: AtomicUsize,
    presence: AtomicU8,
    shared: Arc<Shared>,
    this: Weak<Self>,
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Board").field("index", &self.index).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What a board is made of.
pub(crate) struct BoardParts {
    pub(crate) index: usize,
    pub(crate) kind: BoardKind,
    pub(crate) board_type: u32,
    pub(crate) seed: u64,
    pub(crate) firmware_version: DriverRelease,
    pub(crate) interface: &'static Interface,
    pub(crate) model: DataModel,
    pub(crate) release: DriverRelease,
    pub(crate) iommu: bool,
    pub(crate) device: Device,
    pub(crate) shared: Arc<Shared>,
}

impl Board {
    pub(crate) fn new(parts: BoardParts) -> Arc<Self> {
        let behaviour = Behaviour::of(parts.release);
        Arc::new_cyclic(|this| Self {
            index: parts.index,
            kind: parts.kind,
            board_type: parts.board_type,
            seed: parts.seed,
            firmware_version: parts.firmware_version,
            interface: parts.interface,
            model: parts.model,
            behaviour,
            iommu: parts.iommu,
            device: parts.device,
            kernel: Mutex::new(Kernel {
                files: BTreeMap::new(),
                next_file: FileId::default(),
                owner: None,
                enabled: 0,
                interrupted: 0,
                channels: (0..u64::BITS).map(|_| Channel::default()).collect(),
                control: Control::default(),
                notifications: Notifications::default(),
            }),
            woken: Condvar::new(),
            waiting: AtomicUsize::new(0),
            presence: AtomicU8::new(Presence::Present as u8),
            shared: parts.shared,
            this: this.clone(),
        })
    }

    pub(crate) fn kernel(&self) -> MutexGuard<'_, Kernel> {
        lock(&self.kernel)
    }

    /// A counted reference to this board. It exists as long as somebody calls its methods.
    pub(crate) fn counted(&self) -> Option<Arc<Self>> {
        self.this.upgrade()
    }

    pub(crate) fn presence(&self) -> Presence {
        match self.presence.load(Ordering::Acquire) {
            0 => Presence::Present,
            1 => Presence::Removed,
            _ => Presence::Crashed,
        }
    }

    fn set_presence(&self, presence: Presence) {
        self.presence.store(presence as u8, Ordering::Release);
        self.wake();
    }

    /// Lets all who wait look again.
    pub(crate) fn wake(&self) {
        // Whoever is about to wait has either seen the change or holds the lock.
        drop(self.kernel());
        self.notify();
    }

    /// Wakes those who wait, after a change that was made with the kernel's lock held.
    fn notify(&self) {
        if self.waiting.load(Ordering::Acquire) > 0 {
            self.woken.notify_all();
        }
    }

    /// Does something later, or now.
    pub(crate) fn after(&self, delay: Duration, event: impl FnOnce(&Arc<Self>) + Send + 'static) {
        if delay.is_zero() {
            if let Some(board) = self.counted() {
                event(&board);
            }
            return;
        }
        let board = self.this.clone();
        self.shared.timer.after(delay, move || {
            if let Some(board) = board.upgrade() {
                event(&board);
            }
        });
    }

    /// The kernel has crashed: the board answers nothing any more, and the report says why.
    pub(crate) fn crash(&self, operation: &'static str, cause: String) {
        let report = CrashReport { board: self.index, operation, cause };
        self.set_presence(Presence::Crashed);
        lock(&self.shared.crashes).push(report.clone());
        let on_crash = lock(&self.shared.on_crash).clone();
        if let Some(on_crash) = on_crash {
            on_crash(&report);
        }
    }

    /// Waits until `ready` says so, a signal comes, or it gets too late.
    fn wait<'k>(
        &'k self,
        mut kernel: MutexGuard<'k, Kernel>,
        caller: &Caller<'_>,
        deadline: Option<Instant>,
        mut ready: impl FnMut(&Kernel) -> bool,
    ) -> (MutexGuard<'k, Kernel>, Waited) {
        let interval = caller.interruption.interval();
        let mut subscribed = false;
        loop {
            if ready(&kernel) || self.presence() == Presence::Crashed {
                // A thread that is only looked at now and then may have left its call since: what it waited for is not its
                // own any more, and neither is the memory of its argument.
                let left = subscribed && interval.is_some() && caller.interruption.is_pending();
                return (kernel, if left { Waited::Interrupted } else { Waited::Ready });
            }
            if !subscribed {
                subscribed = true;
                if let Some(board) = self.counted() {
                    caller.interruption.subscribe(Waker::new(&board));
                }
            }
            if caller.interruption.is_pending() {
                return (kernel, Waited::Interrupted);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return (kernel, Waited::TimedOut);
            }
            self.waiting.fetch_add(1, Ordering::AcqRel);
            kernel = match (left, interval) {
                (None, None) => self.woken.wait(kernel).unwrap_or_else(PoisonError::into_inner),
                (left, interval) => {
                    let timeout = left.into_iter().chain(interval).min().unwrap_or(Duration::MAX);
                    self.woken.wait_timeout(kernel, timeout).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            self.waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// What a call gets that was waiting when something happened to the board or its file.
    fn check_after_wait(&self, stale: &AtomicBool) -> Result<(), Stop> {
        if self.presence() == Presence::Crashed {
            return Err(Errno::ENODEV.into());
        }
        if stale.load(Ordering::Acquire) {
            return Err(self.behaviour.stale.into());
        }
        Ok(())
    }

    /// Lets the engine work on some channels.
    pub(crate) fn run(&self, channels: u64) {
        self.device.engine.run(&self.device, channels, &|channels| self.interrupt(channels));
    }

    pub(crate) fn reset_channel(&self, channel: u8, start: bool, list: u64, depth: u8) {
        let Some(registers) = self.device.channel(channel) else { return };
        self.device.engine.reset_channel(channel, || registers.reset(start, list, depth));
    }

    pub(crate) fn set_flags(&self, channel: u8, flags: u8) {
        if let Some(registers) = self.device.channel(channel) {
            registers.flags.store(flags, Ordering::Release);
            self.run(1 << channel);
        }
    }

    pub(crate) fn poke(&self, channel: u8, control: u8, num_avail: u16, error: u8) {
        if let Some(registers) = self.device.channel(channel) {
            self.device.engine.reset_channel_registers(channel, || {
                registers.control.store(control, Ordering::Release);
                registers.num_avail.store(num_avail, Ordering::Release);
                registers.error.store(error, Ordering::Release);
            });
        }
    }

    pub(crate) fn channel_state(&self, channel: u8) -> Option<ChannelState> {
        let registers = self.device.channel(channel)?;
        Some(ChannelState {
            registers: registers.block(),
            descriptors: registers.descriptors.load(Ordering::Relaxed),
            bytes: registers.bytes.load(Ordering::Relaxed),
            interrupts: registers.interrupts.load(Ordering::Relaxed),
            flags: registers.flags(),
        })
    }

    /// Lets the firmware do something.
    pub(crate) fn with_firmware<R>(
        &self,
        work: impl FnOnce(&mut dyn crate::firmware::Firmware, &Hardware<'_>) -> R,
    ) -> Option<R> {
        let board = self.counted()?;
        let mut firmware = lock(&self.device.firmware);
        Some(work(&mut **firmware, &Hardware::new(&board)))
    }
}
