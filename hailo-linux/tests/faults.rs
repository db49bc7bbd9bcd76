//! The inference with every call failed once by every error: it ends with a clear error or the right result, in time,
//! leaves nothing behind, and the device can be used again.
#![cfg(feature = "emulator")]

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use hailo_abi::interface::RELEASES;
use hailo_abi::{DriverRelease, Errno, Interface, Operation};
use hailo_linux::emulator::Emulator;
use hailo_linux::infer::{InferOptions, InferReport, Inference};
use hailo_linux::{Device, Error, Options};
use hailo_mock::{Fault, FaultTransport, MachineOptions, MockTransport, Strike};

/// Every error that a driver of some release returns for some request.
const ERRORS: [Errno; 17] = [
    Errno::EPERM,
    Errno::EINTR,
    Errno::EIO,
    Errno::ENXIO,
    Errno::EAGAIN,
    Errno::ENOMEM,
    Errno::EFAULT,
    Errno::EBUSY,
    Errno::ENODEV,
    Errno::EINVAL,
    Errno::ENOTTY,
    Errno::ERANGE,
    Errno::EOPNOTSUPP,
    Errno::ECONNRESET,
    Errno::ENOBUFS,
    Errno::ETIMEDOUT,
    Errno::ECANCELED,
];
/// Those that are tried on every release.
const SOME_ERRORS: [Errno; 5] = [Errno::EINTR, Errno::EFAULT, Errno::ENODEV, Errno::EINVAL, Errno::ECONNRESET];

const FRAMES: u64 = 4;
/// No run takes longer, or it hangs.
const WATCHDOG: Duration = Duration::from_secs(60);

type Layer = FaultTransport<MockTransport>;

fn options() -> InferOptions {
    InferOptions { inputs: 600, outputs: 8, depth: 2, timeout: Duration::from_secs(5), ..InferOptions::default() }
}

/// A device with a layer of faults, and the way to the layer.
fn open(emulator: &Emulator, release: DriverRelease, strikes: Vec<Strike>) -> (Result<Device, Error>, Weak<Layer>) {
    let interface = Interface::of(release).unwrap();
    let layer = Arc::new(Mutex::new(Weak::new()));
    let seen = Arc::clone(&layer);
    let device = emulator.open_through(0, Options::default(), move |transport| {
        let transport = Arc::new(FaultTransport::new(transport, interface, strikes.clone()));
        *seen.lock().unwrap() = Arc::downgrade(&transport);
        transport
    });
    let layer = layer.lock().unwrap().clone();
    (device, layer)
}

fn infer(device: &Device, options: InferOptions, frames: u64) -> Result<InferReport, Error> {
    let mut inference = Inference::start(device, options)?;
    inference.run(frames, |_| ())?;
    inference.finish()
}

/// Runs an inference with faults and then one without, on the same machine; panics if anything is left behind.
fn disturbed(release: DriverRelease, options: InferOptions, strikes: Vec<Strike>) -> Result<InferReport, Error> {
    let (sender, result) = mpsc::channel();
    let what = format!("driver {release}, {strikes:?}");
    let name = what.clone();
    thread::spawn(move || {
        let machine = MachineOptions { driver: release, ..MachineOptions::default() };
        let emulator = options.emulator(machine, "mock").unwrap();
        let (device, _) = open(&emulator, release, strikes);
        let outcome = device.and_then(|device| infer(&device, options, FRAMES));
        let report = emulator.machine().report();
        assert!(report.is_clean(), "{name}: {outcome:?}: {report}");
        let again = emulator.open(0).and_then(|device| infer(&device, options, 2)).unwrap();
        assert_eq!((again.frames, again.mismatches), (2, 0), "{name}");
        assert!(emulator.machine().report().is_clean(), "{name}");
        let _ = sender.send(outcome);
    });
    result.recv_timeout(WATCHDOG).unwrap_or_else(|_| panic!("{what}: hangs, or panicked above"))
}

/// An error has to name the device, what failed and why.
fn assert_clear(what: &str, outcome: &Result<InferReport, Error>) {
    match outcome {
        Ok(report) => assert_eq!((report.frames, report.mismatches), (FRAMES, 0), "{what}"),
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with("mock: cannot ") && text.len() > 30 && !text.contains('\n'), "{what}: {text}");
        }
    }
}

fn calls(release: DriverRelease) -> BTreeMap<Operation, u64> {
    let machine = MachineOptions { driver: release, ..MachineOptions::default() };
    let emulator = options().emulator(machine, "mock").unwrap();
    let (device, layer) = open(&emulator, release, Vec::new());
    let layer = layer.upgrade().unwrap();
    let report = infer(&device.unwrap(), options(), FRAMES).unwrap();
    assert_eq!((report.frames, report.mismatches), (FRAMES, 0));
    let counted = layer.calls();
    counted.into_iter().filter_map(|(operation, count)| Some((operation?, count))).collect()
}

fn matrix(release: DriverRelease, errors: &[Errno]) -> (usize, usize) {
    let (mut runs, mut failed) = (0, 0);
    for (operation, count) in calls(release) {
        for index in 0..count {
            for errno in errors {
                let strike = Strike::once(operation, index, Fault::Fail(*errno));
                let what = format!("driver {release}, {strike:?}");
                let outcome = disturbed(release, options(), vec![strike]);
                assert_clear(&what, &outcome);
                runs += 1;
                failed += usize::from(outcome.is_err());
            }
        }
    }
    (runs, failed)
}

#[test]
fn every_call_may_fail_with_every_error() {
    let (runs, failed) = matrix(DriverRelease::new(4, 23, 0), &ERRORS);
    assert!(runs > 400 && failed > runs / 3, "{failed} of {runs} failed");
}

#[test]
fn every_call_may_fail_on_every_release() {
    for (release, interface) in RELEASES.iter().filter(|(release, interface)| *release == interface.first_release) {
        let (runs, failed) = matrix(interface.first_release, &SOME_ERRORS);
        assert!(runs > 100 && failed > runs / 3, "driver {release}: {failed} of {runs} failed");
    }
}

#[test]
fn waits_go_on_after_a_signal() {
    for (release, _) in RELEASES {
        let strikes = vec![Strike::from(Operation::InterruptsWait, 0, Fault::Fail(Errno::EINTR))];
        // Every second wait would be enough; all of them would be a storm.
        let strikes = strikes.into_iter().map(|strike| Strike { count: 5, ..strike }).collect();
        let report = disturbed(*release, options(), strikes).unwrap();
        assert_eq!((report.frames, report.mismatches), (FRAMES, 0), "driver {release}");
    }
}

#[test]
fn delays_change_nothing() {
    let delay = Duration::from_millis(3);
    for operation in [Operation::LaunchTransfer, Operation::InterruptsWait, Operation::FwControl] {
        for fault in [Fault::Delay(delay), Fault::DelayAnswer(delay)] {
            let strike = Strike::from(operation, 0, fault);
            let report = disturbed(DriverRelease::new(4, 23, 0), options(), vec![strike]).unwrap();
            assert_eq!((report.frames, report.mismatches), (FRAMES, 0));
        }
    }
}

#[test]
fn a_late_answer_is_not_taken_for_that_of_the_next_control() {
    for index in 0..3 {
        let strike = Strike::once(Operation::FwControl, index, Fault::AnswerLate);
        let outcome = disturbed(DriverRelease::new(4, 23, 0), options(), vec![strike]);
        // The control itself failed; what it was for did happen, but cannot be relied upon.
        let error = outcome.unwrap_err();
        assert!(error.to_string().contains("did not answer"), "{error}");
    }
}

#[test]
fn a_damaged_answer_of_the_firmware_is_noticed() {
    for offset in [0, 16, 20, 30, 40] {
        let fault = Fault::Corrupt { offset, bits: vec![0x40] };
        let outcome =
            disturbed(DriverRelease::new(4, 23, 0), options(), vec![Strike::once(Operation::FwControl, 0, fault)]);
        let error = outcome.unwrap_err();
        assert!(error.to_string().contains("answer"), "offset {offset}: {error}");
    }
}

#[test]
fn lost_interrupts_are_a_timeout_and_doubled_ones_are_noticed() {
    let impatient = InferOptions { timeout: Duration::from_millis(200), ..options() };
    for (release, _) in RELEASES.iter().filter(|(release, interface)| *release == interface.first_release) {
        for index in 0..4 {
            let lost = Strike::once(Operation::InterruptsWait, index, Fault::DropInterrupts);
            let outcome = disturbed(*release, impatient, vec![lost]);
            assert_clear(&format!("driver {release}, lost interrupt {index}"), &outcome);
            let doubled = Strike::once(Operation::InterruptsWait, index, Fault::DoubleInterrupts);
            // A driver that reports a transfer twice while another is pending cannot be told from one that is right, so
            // that only one is under way here.
            let outcome = disturbed(*release, InferOptions { depth: 1, ..options() }, vec![doubled]);
            assert_clear(&format!("driver {release}, doubled interrupt {index}"), &outcome);
        }
    }
}

#[test]
fn a_device_that_is_lost_at_any_call_is_given_up() {
    let release = DriverRelease::new(4, 23, 0);
    let all: u64 = calls(release).values().sum();
    for index in 0..all {
        let (sender, result) = mpsc::channel();
        thread::spawn(move || {
            let machine = MachineOptions { driver: release, ..MachineOptions::default() };
            let emulator = options().emulator(machine, "mock").unwrap();
            let fault = Fault::Lose(Errno::ENODEV);
            let strike = Strike { operation: None, from: index, count: 1, fault };
            let (device, _) = open(&emulator, release, vec![strike]);
            let outcome = device.and_then(|device| infer(&device, options(), FRAMES));
            assert_clear(&format!("lost at call {index}"), &outcome);
            // The thread in the driver cannot be called back any more, as with the real one; so the file stays open.
            assert_eq!(emulator.machine().report().crashes, [], "lost at call {index}");
            emulator.machine().rebuild(0);
            let again = emulator.open(0).and_then(|device| infer(&device, options(), 2)).unwrap();
            assert_eq!((again.frames, again.mismatches), (2, 0));
            let _ = sender.send(());
        });
        result.recv_timeout(WATCHDOG).unwrap_or_else(|_| panic!("lost at call {index}: hangs, or panicked above"));
    }
}
