//! [`Faults`]: calls that fail, come late, get lost or are answered wrongly; [`FaultTransport`] is the layer of them around
//! any transport.
//!
//! Faults are data: each [`Strike`] names the calls that it strikes and what happens to them, and can be [read from
//! text](Strike#impl-FromStr-for-Strike). Every call is counted, so that a test can first run undisturbed and then fail each call of that
//! run once.

mod text;

pub use text::{BadStrike, take_faults};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use hailo_abi::{DataModel, Errno, Frame, Interface, Mapping, Operation, Request, Transport};

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
    /// A firmware control is carried out, but times out (`ETIMEDOUT`). The next control that is not late as well gets its
    /// answer, and its own is lost.
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

/// A call that may be struck: it can be carried out, and its argument looked at and changed.
pub trait Struck {
    /// Carries it out, once for each time this is called.
    ///
    /// # Errors
    /// What the driver answers.
    fn submit(&mut self) -> Result<u32, Errno>;

    /// The bytes of the argument.
    fn argument(&mut self) -> Vec<u8>;

    /// Writes the argument, as many bytes as [`argument`](Self::argument) gave.
    fn set_argument(&mut self, bytes: &[u8]);

    /// Lets time pass.
    ///
    /// # Errors
    /// [`Errno::EINTR`] if a signal has ended the call meanwhile. Here, none does.
    fn sleep(&mut self, time: Duration) -> Result<(), Errno> {
        thread::sleep(time);
        Ok(())
    }
}

/// The bytes of an answer, with the return value.
type Answer = (u32, Vec<u8>);

#[derive(Debug, Default)]
struct State {
    strikes: Vec<Strike>,
    calls: BTreeMap<Option<Operation>, u64>,
    all: u64,
    /// How often each strike has struck.
    struck: Vec<u64>,
    lost_with: Option<Errno>,
    late_answer: Option<Answer>,
    doubled_interrupts: Option<Answer>,
}

/// What strikes the calls to a device, and what it has counted. See the [module](self).
pub struct Faults {
    interface: &'static Interface,
    state: Mutex<State>,
}

impl Faults {
    /// Strikes for a device whose driver has this interface.
    #[must_use]
    pub fn new(interface: &'static Interface, strikes: Vec<Strike>) -> Self {
        let struck = vec![0; strikes.len()];
        Self { interface, state: Mutex::new(State { strikes, struck, ..State::default() }) }
    }

    /// Replaces what is to happen; the counting of calls goes on.
    pub fn set_strikes(&self, strikes: Vec<Strike>) {
        let mut state = self.state();
        state.struck = vec![0; strikes.len()];
        state.strikes = strikes;
    }

    /// How many calls of each operation there were; `None` are codes that the interface does not know.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<Option<Operation>, u64> {
        self.state().calls.clone()
    }

    /// How many calls were struck.
    #[must_use]
    pub fn struck(&self) -> u64 {
        self.state().struck.iter().sum()
    }

    /// The strikes that have not struck any call.
    #[must_use]
    pub fn unused(&self) -> Vec<Strike> {
        let state = self.state();
        let unused = state.strikes.iter().zip(&state.struck).filter(|(_, struck)| **struck == 0);
        unused.map(|(strike, _)| strike.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the device can still be reached.
    ///
    /// # Errors
    /// What every call gets since the device was [lost](Fault::Lose).
    pub fn check_lost(&self) -> Result<(), Errno> {
        self.state().lost_with.map_or(Ok(()), Err)
    }

    /// Counts a call and says what is to happen to it.
    fn next(&self, operation: Option<Operation>) -> Option<Fault> {
        let mut state = self.state();
        let calls = state.calls.entry(operation).or_default();
        let of_operation = *calls;
        *calls += 1;
        let of_all = state.all;
        state.all += 1;
        let index = state.strikes.iter().position(|strike| strike.hits(operation, of_operation, of_all))?;
        state.struck[index] += 1;
        Some(state.strikes[index].fault.clone())
    }

    /// Makes a call with this request code, or what is to become of it.
    ///
    /// # Errors
    /// What the driver answers, or what the fault says.
    pub fn submit(&self, request: Request, call: &mut dyn Struck) -> Result<u32, Errno> {
        let operation = self.interface.find(request, DataModel::NATIVE).map(|entry| entry.operation);
        self.check_lost()?;
        let result = match self.next(operation) {
            Some(fault) => self.strike(fault, operation, call),
            None => self.carry_out(operation, call),
        };
        // A call that was on its way when the device was lost finds it lost.
        self.check_lost()?;
        result
    }

    /// Carries a call out. It gets the answer that was prepared for it, if there is one.
    fn carry_out(&self, operation: Option<Operation>, call: &mut dyn Struck) -> Result<u32, Errno> {
        let prepared = match operation {
            Some(Operation::FwControl) => self.state().late_answer.take(),
            Some(Operation::InterruptsWait) => self.state().doubled_interrupts.take(),
            _ => None,
        };
        let Some((value, bytes)) = prepared else { return call.submit() };
        if operation == Some(Operation::FwControl) {
            // It is carried out, but what the firmware answers to it comes when nobody waits for it any more.
            call.submit()?;
        }
        call.set_argument(&bytes);
        Ok(value)
    }

    fn strike(&self, fault: Fault, operation: Option<Operation>, call: &mut dyn Struck) -> Result<u32, Errno> {
        match fault {
            Fault::Fail(errno) => Err(errno),
            Fault::FailAfter(errno) => {
                let before = call.argument();
                let _ = self.carry_out(operation, call);
                call.set_argument(&before);
                Err(errno)
            }
            Fault::Delay(time) => {
                call.sleep(time)?;
                self.carry_out(operation, call)
            }
            Fault::DelayAnswer(time) => {
                let result = self.carry_out(operation, call);
                call.sleep(time)?;
                result
            }
            Fault::Lose(errno) => {
                self.state().lost_with = Some(errno);
                Err(errno)
            }
            Fault::AnswerLate => {
                let before = call.argument();
                let value = call.submit()?;
                self.state().late_answer = Some((value, call.argument()));
                call.set_argument(&before);
                Err(Errno::ETIMEDOUT)
            }
            Fault::DropInterrupts => {
                let before = call.argument();
                self.carry_out(operation, call)?;
                call.set_argument(&before);
                call.submit()
            }
            Fault::DoubleInterrupts => {
                let value = self.carry_out(operation, call)?;
                self.state().doubled_interrupts = Some((value, call.argument()));
                Ok(value)
            }
            Fault::Corrupt { offset, bits } => {
                let value = self.carry_out(operation, call)?;
                let mut bytes = call.argument();
                for (byte, bits) in bytes.iter_mut().skip(offset).zip(bits) {
                    *byte ^= bits;
                }
                call.set_argument(&bytes);
                Ok(value)
            }
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("interface", &self.interface).finish_non_exhaustive()
    }
}

/// A transport that disturbs another. See the [module](self).
#[derive(Debug)]
pub struct FaultTransport<T> {
    transport: T,
    faults: Arc<Faults>,
}

impl<T: Transport> FaultTransport<T> {
    /// Disturbs `transport`, whose driver has this interface.
    pub fn new(transport: T, interface: &'static Interface, strikes: Vec<Strike>) -> Self {
        Self::with(transport, Arc::new(Faults::new(interface, strikes)))
    }

    /// Disturbs `transport` by faults that other transports may share: all their calls count.
    pub fn with(transport: T, faults: Arc<Faults>) -> Self {
        Self { transport, faults }
    }

    /// Replaces what is to happen; the counting goes on.
    pub fn set_strikes(&self, strikes: Vec<Strike>) {
        self.faults.set_strikes(strikes);
    }

    /// How many calls of each operation there were; `None` are codes that the interface does not know.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<Option<Operation>, u64> {
        self.faults.calls()
    }

    /// How many calls were struck.
    #[must_use]
    pub fn struck(&self) -> u64 {
        self.faults.struck()
    }

    /// The transport below.
    pub fn inner(&self) -> &T {
        &self.transport
    }
}

/// A call through a transport.
struct Submitted<'a, 'f, T> {
    transport: &'a T,
    frame: Frame<'f>,
}

impl<T: Transport> Struck for Submitted<'_, '_, T> {
    fn submit(&mut self) -> Result<u32, Errno> {
        self.transport.submit(self.frame.reborrow())
    }

    fn argument(&mut self) -> Vec<u8> {
        self.frame.argument().to_vec()
    }

    fn set_argument(&mut self, bytes: &[u8]) {
        for (byte, new) in self.frame.argument_mut().iter_mut().zip(bytes) {
            *byte = *new;
        }
    }
}

impl<T: Transport> Transport for FaultTransport<T> {
    fn submit(&self, frame: Frame<'_>) -> Result<u32, Errno> {
        let request = frame.request();
        self.faults.submit(request, &mut Submitted { transport: &self.transport, frame })
    }

    fn map(&self, offset: u64, length: usize) -> Result<Mapping, Errno> {
        self.faults.check_lost()?;
        self.transport.map(offset, length)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        DataModel, Errno, Fault, FaultTransport, Faults, Frame, Interface, Operation, Strike, Struck, Transport,
    };
    use crate::{Machine, MockTransport};

    /// A call to a driver that answers with the number of calls that it has carried out, with 0 in the argument before.
    struct Call<'a> {
        carried_out: &'a mut u8,
        argument: u8,
    }

    impl Struck for Call<'_> {
        fn submit(&mut self) -> Result<u32, Errno> {
            *self.carried_out += 1;
            self.argument = *self.carried_out;
            Ok(self.argument.into())
        }

        fn argument(&mut self) -> Vec<u8> {
            vec![self.argument]
        }

        fn set_argument(&mut self, bytes: &[u8]) {
            self.argument = bytes[0];
        }
    }

    /// The answers to five calls, by value and argument, and how many were carried out by then.
    fn course(operation: Operation, strikes: &[(u64, Fault)]) -> Vec<(Result<u32, Errno>, u8, u8)> {
        let interface = Interface::of(hailo_abi::DriverRelease::new(4, 23, 0)).unwrap();
        let request = interface.request(operation, DataModel::NATIVE).unwrap();
        let strike = |(index, fault): &(u64, Fault)| Strike::once(operation, *index, fault.clone());
        let faults = Faults::new(interface, strikes.iter().map(strike).collect());
        let mut carried_out = 0;
        let mut answer = || {
            let mut call = Call { carried_out: &mut carried_out, argument: 0 };
            let result = faults.submit(request, &mut call);
            let argument = call.argument;
            (result, argument, carried_out)
        };
        let answers = (0..5).map(|_| answer()).collect();
        assert_eq!(faults.struck(), strikes.len() as u64);
        answers
    }

    #[test]
    fn a_control_that_would_get_a_late_answer_is_struck_as_any_other() {
        let course = |strikes: &[_]| course(Operation::FwControl, strikes);
        let late = (Err(Errno::ETIMEDOUT), 0, 1);
        let fail = Fault::Fail(Errno::EIO);
        assert_eq!(
            course(&[(0, Fault::AnswerLate), (1, fail)]),
            [late, (Err(Errno::EIO), 0, 1), (Ok(1), 1, 2), (Ok(3), 3, 3), (Ok(4), 4, 4)],
            "nobody has read the late answer"
        );
        assert_eq!(
            course(&[(0, Fault::AnswerLate), (1, Fault::FailAfter(Errno::EIO))]),
            [late, (Err(Errno::EIO), 0, 2), (Ok(3), 3, 3), (Ok(4), 4, 4), (Ok(5), 5, 5)],
            "the late answer is lost with the call that failed"
        );
        assert_eq!(
            course(&[(0, Fault::AnswerLate), (1, Fault::AnswerLate)]),
            [late, (Err(Errno::ETIMEDOUT), 0, 2), (Ok(2), 2, 3), (Ok(4), 4, 4), (Ok(5), 5, 5)],
            "the second late answer takes the place of the first"
        );
        assert_eq!(
            course(&[(0, Fault::AnswerLate), (1, Fault::Corrupt { offset: 0, bits: vec![0x80] })]),
            [late, (Ok(1), 0x81, 2), (Ok(3), 3, 3), (Ok(4), 4, 4), (Ok(5), 5, 5)],
            "what is corrupted is what the call gets"
        );
    }

    #[test]
    fn a_wait_that_would_report_the_same_again_is_struck_as_any_other() {
        let course = |strikes: &[_]| course(Operation::InterruptsWait, strikes);
        let first = (Ok(1), 1, 1);
        assert_eq!(
            course(&[(0, Fault::DoubleInterrupts), (1, Fault::Fail(Errno::EIO))]),
            [first, (Err(Errno::EIO), 0, 1), first, (Ok(2), 2, 2), (Ok(3), 3, 3)]
        );
        assert_eq!(
            course(&[(0, Fault::DoubleInterrupts), (1, Fault::DoubleInterrupts)]),
            [first, first, first, (Ok(2), 2, 2), (Ok(3), 3, 3)]
        );
        assert_eq!(
            course(&[(0, Fault::DoubleInterrupts), (1, Fault::DropInterrupts)]),
            [first, (Ok(2), 2, 2), (Ok(3), 3, 3), (Ok(4), 4, 4), (Ok(5), 5, 5)]
        );
    }

    #[test]
    fn a_lost_device_answers_nothing_more() {
        let lost = |count| (Err(Errno::ENODEV), 0, count);
        let answers = course(Operation::FwControl, &[(1, Fault::Lose(Errno::ENODEV))]);
        assert_eq!(answers, [(Ok(1), 1, 1), lost(1), lost(1), lost(1), lost(1)]);
    }

    #[test]
    fn what_strikes_a_transport_can_be_replaced() {
        let machine = Machine::builder().build().unwrap();
        let interface = Interface::of(machine.driver()).unwrap();
        let request = interface.request(Operation::QueryDeviceProperties, DataModel::NATIVE).unwrap();
        let strike = |index, errno| Strike::once(Operation::QueryDeviceProperties, index, Fault::Fail(errno));
        let transport = MockTransport::open(&machine, 0).unwrap();
        let transport = FaultTransport::new(transport, interface, vec![strike(0, Errno::EIO), strike(2, Errno::EIO)]);
        let ask = || transport.submit(Frame::harmless(request, &mut vec![0; request.size()]).unwrap());
        assert_eq!(transport.struck(), 0);
        assert_eq!((ask(), ask(), transport.struck()), (Err(Errno::EIO), Ok(0), 1));
        // Calls are counted on, and what has struck before is forgotten.
        transport.set_strikes(vec![strike(3, Errno::EBUSY), strike(4, Errno::EFAULT)]);
        assert_eq!((ask(), transport.struck()), (Ok(0), 0));
        assert_eq!((ask(), ask(), ask()), (Err(Errno::EBUSY), Err(Errno::EFAULT), Ok(0)));
        assert_eq!((transport.struck(), transport.calls()[&Some(Operation::QueryDeviceProperties)]), (2, 6));
        // What is corrupted is what the caller gets.
        let answer = || {
            let mut argument = vec![0; request.size()];
            transport.submit(Frame::harmless(request, &mut argument).unwrap()).unwrap();
            argument
        };
        let mut whole = answer();
        transport.set_strikes(vec![Strike::once(
            Operation::QueryDeviceProperties,
            7,
            Fault::Corrupt { offset: 1, bits: vec![0x81] },
        )]);
        whole[1] ^= 0x81;
        assert_eq!(answer(), whole);
    }
}
