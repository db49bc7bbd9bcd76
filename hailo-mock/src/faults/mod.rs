//! [`FaultTransport`]: a layer around any transport that makes calls fail, late, lost or wrong.
//!
//! Faults are data: each names the calls that it strikes and what happens to them. The layer counts every call, so that a
//! test can first run undisturbed and then fail each call of that run once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use hailo_abi::{DataModel, Errno, Frame, Interface, Mapping, Operation, Transport};

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails, and nothing is passed on.
    Fail(Errno),
    /// It is carried out, but reported as failed, and nothing is written back.
    FailAfter(Errno),
    /// It is carried out so much later.
    Delay(Duration),
    /// It is carried out, and its result is held back for so long.
    DelayAnswer(Duration),
    /// It fails, and so does everything after it: the device is lost.
    Lose(Errno),
    /// A firmware control is carried out, but times out (`ETIMEDOUT`). The next control gets its answer, and its own is lost.
    AnswerLate,
    /// An interrupt wait loses what it was to report, and waits for the next interrupt.
    DropInterrupts,
    /// The next interrupt wait reports the same again, at once.
    DoubleInterrupts,
    /// The bytes of the answer from `offset` on are combined with these by exclusive or.
    Corrupt {
        /// The first byte of the argument that changes.
        offset: usize,
        /// What it and the following are combined with.
        bits: Vec<u8>,
    },
}

/// A fault and the calls that it strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// Only calls of this operation count; `None`: all do.
    pub operation: Option<Operation>,
    /// The first call that is struck, counted from 0.
    pub from: u64,
    /// How many calls are struck.
    pub count: u64,
    /// What happens to them.
    pub fault: Fault,
}

impl Strike {
    /// The `index`-th call of an operation, counted from 0, once.
    #[must_use]
    pub fn once(operation: Operation, index: u64, fault: Fault) -> Self {
        Self { operation: Some(operation), from: index, count: 1, fault }
    }

    /// Every call of an operation from the `index`-th on, counted from 0.
    #[must_use]
    pub fn from(operation: Operation, index: u64, fault: Fault) -> Self {
        Self { operation: Some(operation), from: index, count: u64::MAX, fault }
    }

    fn hits(&self, operation: Option<Operation>, of_operation: u64, of_all: u64) -> bool {
        let index = match self.operation {
            None => of_all,
            Some(named) if Some(named) == operation => of_operation,
            Some(_) => return false,
        };
        index >= self.from && index - self.from < self.count
    }
}

/// The bytes of an answer, with the return value.
type Answer = (u32, Vec<u8>);

#[derive(Debug, Default)]
struct State {
    strikes: Vec<Strike>,
    calls: BTreeMap<Option<Operation>, u64>,
    all: u64,
    struck: u64,
    late_answer: Option<Answer>,
    doubled_interrupts: Option<Answer>,
}

/// A transport that disturbs another. See the [module](self).
pub struct FaultTransport<T> {
    transport: T,
    interface: &'static Interface,
    lost: AtomicBool,
    lost_with: Mutex<Option<Errno>>,
    state: Mutex<State>,
}

impl<T: Transport> FaultTransport<T> {
    /// Disturbs `transport`, whose driver has this interface.
    pub fn new(transport: T, interface: &'static Interface, strikes: Vec<Strike>) -> Self {
        Self {
            transport,
            interface,
            lost: AtomicBool::new(false),
            lost_with: Mutex::new(None),
            state: Mutex::new(State { strikes, ..State::default() }),
        }
    }

    /// Replaces what is to happen; the counting goes on.
    pub fn set_strikes(&self, strikes: Vec<Strike>) {
        self.state().strikes = strikes;
    }

    /// How many calls of each operation there were; `None` are codes that the interface does not know.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<Option<Operation>, u64> {
        self.state().calls.clone()
    }

    /// How many calls were struck.
    #[must_use]
    pub fn struck(&self) -> u64 {
        self.state().struck
    }

    /// The transport below.
    pub fn inner(&self) -> &T {
        &self.transport
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, errno: Errno) -> Errno {
        *self.lost_with.lock().unwrap_or_else(PoisonError::into_inner) = Some(errno);
        self.lost.store(true, Ordering::Release);
        errno
    }

    fn check_lost(&self) -> Result<(), Errno> {
        if self.lost.load(Ordering::Acquire) {
            let lost_with = *self.lost_with.lock().unwrap_or_else(PoisonError::into_inner);
            return Err(lost_with.unwrap_or(Errno::ENODEV));
        }
        Ok(())
    }

    /// Counts a call and says what is to happen to it.
    fn next(&self, operation: Option<Operation>) -> Option<Fault> {
        let mut state = self.state();
        let calls = state.calls.entry(operation).or_default();
        let (of_operation, of_all) = (*calls, state.all);
        *state.calls.entry(operation).or_default() += 1;
        state.all += 1;
        let fault = state.strikes.iter().find(|strike| strike.hits(operation, of_operation, of_all))?.fault.clone();
        state.struck += 1;
        Some(fault)
    }

    fn strike(&self, fault: Fault, mut frame: Frame<'_>) -> Result<u32, Errno> {
        match fault {
            Fault::Fail(errno) => Err(errno),
            Fault::FailAfter(errno) => {
                let before = frame.argument().to_vec();
                let _ = self.transport.submit(frame.reborrow());
                frame.argument_mut().copy_from_slice(&before);
                Err(errno)
            }
            Fault::Delay(time) => {
                thread::sleep(time);
                self.transport.submit(frame)
            }
            Fault::DelayAnswer(time) => {
                let result = self.transport.submit(frame);
                thread::sleep(time);
                result
            }
            Fault::Lose(errno) => Err(self.lose(errno)),
            Fault::AnswerLate => {
                let before = frame.argument().to_vec();
                let value = self.transport.submit(frame.reborrow())?;
                self.state().late_answer = Some((value, frame.argument().to_vec()));
                frame.argument_mut().copy_from_slice(&before);
                Err(Errno::ETIMEDOUT)
            }
            Fault::DropInterrupts => {
                let before = frame.argument().to_vec();
                self.transport.submit(frame.reborrow())?;
                frame.argument_mut().copy_from_slice(&before);
                self.transport.submit(frame)
            }
            Fault::DoubleInterrupts => {
                let value = self.transport.submit(frame.reborrow())?;
                self.state().doubled_interrupts = Some((value, frame.argument().to_vec()));
                Ok(value)
            }
            Fault::Corrupt { offset, bits } => {
                let value = self.transport.submit(frame.reborrow())?;
                for (byte, bits) in frame.argument_mut().iter_mut().skip(offset).zip(bits) {
                    *byte ^= bits;
                }
                Ok(value)
            }
        }
    }
}

impl<T: Transport> Transport for FaultTransport<T> {
    fn submit(&self, mut frame: Frame<'_>) -> Result<u32, Errno> {
        let operation = self.interface.find(frame.request(), DataModel::NATIVE).map(|entry| entry.operation);
        self.check_lost()?;
        let fault = self.next(operation);
        let prepared = match operation {
            Some(Operation::FwControl) => self.state().late_answer.take(),
            Some(Operation::InterruptsWait) => self.state().doubled_interrupts.take(),
            _ => None,
        };
        let result = match (prepared, fault) {
            (Some((value, bytes)), _) => {
                if operation == Some(Operation::FwControl) {
                    // It is carried out, but what the firmware answers to it comes when nobody waits for it any more.
                    self.transport.submit(frame.reborrow())?;
                }
                frame.argument_mut().copy_from_slice(&bytes);
                Ok(value)
            }
            (None, Some(fault)) => self.strike(fault, frame),
            (None, None) => self.transport.submit(frame),
        };
        // A call that was on its way when the device was lost finds it lost.
        self.check_lost()?;
        result
    }

    fn map(&self, offset: u64, length: usize) -> Result<Mapping, Errno> {
        self.check_lost()?;
        self.transport.map(offset, length)
    }
}

impl<T> fmt::Debug for FaultTransport<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultTransport").field("interface", &self.interface).finish_non_exhaustive()
    }
}
