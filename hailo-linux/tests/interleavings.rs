//! What threads share, in many orders of their steps: `RUSTFLAGS="--cfg shuttle" cargo test -p hailo-linux --test
//! interleavings --target-dir target/shuttle`.
//!
//! The real channels, transfers, rings and waiter thread run on a driver that does nothing; only locks, atomics and threads
//! are those of `shuttle`. A wait there never times out, so that one for which nobody wakes is found as a deadlock.
#![cfg(shuttle)]

mod null_driver;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hailo_linux::{Direction, ErrorKind};
use null_driver::{Bed, NullDriver};
use shuttle::thread;

const TIMEOUT: Duration = Duration::from_secs(3600);

/// Runs a model in random orders, and in those where few switches at odd places do harm.
fn explore(model: fn()) {
    shuttle::check_random(model, 1500);
    shuttle::check_pct(model, 1500, 3);
}

fn bed() -> Bed {
    Bed::new(Arc::new(NullDriver::default()))
}

#[test]
fn frames_come_back() {
    explore(|| {
        let bed = bed();
        let mut input = bed.device.allocate(4096, Direction::ToDevice).unwrap();
        let mut output = bed.device.allocate(4096, Direction::FromDevice).unwrap();
        for _ in 0..2 {
            let receive = bed.output.launch(output).unwrap();
            let send = bed.input.launch(input).unwrap();
            input = send.wait(TIMEOUT).unwrap();
            output = receive.wait(TIMEOUT).unwrap();
        }
    });
}

#[test]
fn several_transfers_of_a_channel_complete_in_order() {
    explore(|| {
        let bed = bed();
        let allocate = |_| bed.device.allocate(4096, Direction::ToDevice).unwrap();
        let transfers: Vec<_> = (0..3).map(|n| bed.input.launch(allocate(n)).unwrap()).collect();
        // The last is done only if all are.
        let mut transfers = transfers.into_iter().rev();
        transfers.next().unwrap().wait(TIMEOUT).unwrap();
        for earlier in transfers {
            assert!(earlier.is_finished());
            earlier.wait(Duration::ZERO).unwrap();
        }
    });
}

#[test]
fn both_directions_have_threads_of_their_own() {
    explore(|| {
        let bed = bed();
        let input = bed.device.allocate(4096, Direction::ToDevice).unwrap();
        let output = bed.device.allocate(4096, Direction::FromDevice).unwrap();
        let Bed { device, channels, input: to, output: from } = bed;
        let sender = thread::spawn(move || drop(to.launch(input).unwrap().wait(TIMEOUT).unwrap()));
        let receiver = thread::spawn(move || drop(from.launch(output).unwrap().wait(TIMEOUT).unwrap()));
        sender.join().unwrap();
        receiver.join().unwrap();
        drop(channels);
        drop(device);
    });
}

#[test]
fn a_wait_ends_when_the_channels_are_disabled() {
    explore(|| {
        let driver = Arc::new(NullDriver::default());
        driver.hold.store(true, Ordering::SeqCst);
        let Bed { device, channels, input, output } = Bed::new(driver);
        let transfer = input.launch(device.allocate(4096, Direction::ToDevice).unwrap()).unwrap();
        let waiter = thread::spawn(move || transfer.wait(TIMEOUT).map(drop));
        channels.disable().unwrap();
        let error = waiter.join().unwrap().expect_err("it never completes");
        assert!(matches!(error.kind(), ErrorKind::Disabled { .. }), "{error}");
        drop((input, output, device));
    });
}

#[test]
fn a_wait_ends_when_the_device_is_lost() {
    explore(|| {
        let driver = Arc::new(NullDriver::default());
        driver.hold.store(true, Ordering::SeqCst);
        let Bed { device, channels, input, output } = Bed::new(Arc::clone(&driver));
        let transfer = input.launch(device.allocate(4096, Direction::ToDevice).unwrap()).unwrap();
        let waiter = thread::spawn(move || transfer.wait(TIMEOUT).map(drop));
        driver.lose();
        let error = waiter.join().unwrap().expect_err("it never completes");
        assert!(!matches!(error.kind(), ErrorKind::Timeout(_)), "{error}");
        drop((input, output, channels, device));
    });
}

#[test]
fn a_transfer_is_dropped_while_it_completes() {
    explore(|| {
        let driver = Arc::new(NullDriver::default());
        let held = Arc::clone(&driver.held);
        let Bed { device, channels, input, output } = Bed::new(driver);
        let before = held.load(Ordering::SeqCst);
        let transfer = input.launch(device.allocate(4096, Direction::ToDevice).unwrap()).unwrap();
        let dropper = thread::spawn(move || drop(transfer));
        let next = input.launch(device.allocate(4096, Direction::ToDevice).unwrap()).unwrap();
        dropper.join().unwrap();
        next.wait(TIMEOUT).unwrap();
        // The waiter thread unmaps what nobody claims, and has ended after this.
        drop(channels);
        assert_eq!(held.load(Ordering::SeqCst), before, "both buffers are unmapped");
        drop((input, output, device));
    });
}
