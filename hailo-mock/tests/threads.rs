//! Many at once: channels driven from several threads, waits that are woken, files that come and go during traffic.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use common::Client;
use hailo_abi::command::{Command, Progress};
use hailo_abi::enums::DataDirection;
use hailo_abi::{DriverRelease, Errno};
use hailo_mock::{Machine, Process};

const V4_23_0: DriverRelease = DriverRelease::new(4, 23, 0);
const V5_3_0: DriverRelease = DriverRelease::new(5, 3, 0);

/// Frames through one pair of channels, each waited for.
fn traffic(client: &Client, channel: u8, frames: u32) {
    const SIZE: u32 = 3 * 4096 + 5;
    let (input, output) = (client.pages(4), client.pages(4));
    let to_device = client.map(input, SIZE.into(), DataDirection::TO_DEVICE).unwrap();
    let from_device = client.map(output, SIZE.into(), DataDirection::FROM_DEVICE).unwrap();
    let (input_list, input_address) = client.create(32, 4096, true).unwrap();
    let (output_list, output_address) = client.create(32, 4096, true).unwrap();
    let bits = 0x1_0001 << channel;
    client.enable(bits).unwrap();
    client.start(channel, input_address, 5);
    client.start(channel + 16, output_address, 5);
    for frame in 0..frames {
        let bytes: Vec<u8> = (0..SIZE).map(|at| (at ^ frame ^ u32::from(channel) << 3) as u8).collect();
        client.write(input, &bytes);
        client.launch(channel + 16, output_list, frame * 4 % 32, from_device, output, SIZE).unwrap();
        client.launch(channel, input_list, frame * 4 % 32, to_device, input, SIZE).unwrap();
        let mut left = bits;
        while left != 0 {
            for done in client.wait(left).unwrap() {
                assert_eq!(done.progress, Progress::Transfers(1));
                left &= !(1 << done.channel_index);
            }
        }
        assert!(client.read(output, SIZE as usize) == bytes, "channel {channel}, frame {frame}");
    }
    client.disable(bits).unwrap();
}

#[test]
fn channels_files_and_boards_do_not_disturb_each_other() {
    for release in [V4_23_0, V5_3_0] {
        let machine = Machine::builder().driver(release).boards(2).build().unwrap();
        let boards = [0, 1].map(|board| machine.open(board, &Process { id: 1 }).unwrap().board());
        assert_eq!(boards, [0, 1]);
        let owner = Client::new(&machine);
        owner.plain(&Command::MarkAsInUse).unwrap();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let comings_and_goings = scope.spawn(|| {
                let mut count = 0;
                while !over.load(Ordering::Relaxed) {
                    let client = owner.reopened();
                    client.map(client.pages(2), 8192, DataDirection::BIDIRECTIONAL).unwrap();
                    client.create(64, 512, true).unwrap();
                    client.plain(&Command::QueryDeviceProperties).unwrap();
                    client.control(0xF00C, b"hello").unwrap();
                    count += 1;
                }
                count
            });
            let workers: Vec<_> = (0..4)
                .map(|channel| {
                    // Every other one has a file of its own.
                    let client = if channel % 2 == 0 { owner.thread() } else { owner.reopened() };
                    scope.spawn(move || traffic(&client, channel, 200))
                })
                .collect();
            workers.into_iter().for_each(|worker| worker.join().unwrap());
            over.store(true, Ordering::Relaxed);
            assert!(comings_and_goings.join().unwrap() > 0);
        });
        drop(owner);
        assert!(machine.report().is_clean(), "{:?}", machine.report());
    }
}

/// A wait on channel 0 in another thread, what ends it, and what it answers then.
fn ended_by(client: &Client, what: impl FnOnce()) -> Result<usize, Errno> {
    let waiter = client.thread();
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || sender.send(waiter.wait(1).map(|done| done.len())));
        std::thread::sleep(Duration::from_millis(30));
        assert!(receiver.try_recv().is_err(), "it did not wait");
        what();
        receiver.recv_timeout(Duration::from_secs(10)).expect("the wait to end")
    })
}

#[test]
fn waits_are_ended() {
    for (release, stale, removed) in [(V4_23_0, Errno::EINVAL, None), (V5_3_0, Errno::ENXIO, Some(Errno::ENXIO))] {
        let client = Client::of(release);
        client.enable(1).unwrap();
        let interrupt = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(ended_by(&client, || drop(client.control(0xF007, &interrupt).unwrap())), Ok(0));
        assert_eq!(ended_by(&client, || assert_eq!(client.disable(1), Ok(0))), Ok(0));
        client.enable(1).unwrap();
        assert_eq!(ended_by(&client, || client.machine.suspend_resume()), Err(stale));
        let client = client.reopened();
        client.machine.rebuild(0);
        let client = client.reopened();
        client.enable(1).unwrap();
        // A crash in another thread.
        assert_eq!(
            ended_by(&client, || assert!(client.map(client.pages(1), 0, DataDirection::TO_DEVICE).is_err())),
            Err(Errno::ENODEV)
        );
        if let Some(removed) = removed {
            client.machine.rebuild(0);
            let client = client.reopened();
            client.enable(1).unwrap();
            assert_eq!(ended_by(&client, || client.machine.remove(0)), Err(removed));
        }
    }
}

#[test]
fn a_signal_ends_a_wait_or_restarts_it() {
    let client = Client::of(V4_23_0);
    client.enable(1).unwrap();
    let waiter = client.thread();
    let signals = waiter.signals.clone();
    std::thread::scope(|scope| {
        let wait = scope.spawn(|| waiter.wait(1));
        std::thread::sleep(Duration::from_millis(20));
        signals.raise(true);
        std::thread::sleep(Duration::from_millis(20));
        assert!(!wait.is_finished(), "restarted");
        signals.raise(false);
        assert_eq!(wait.join().unwrap(), Err(Errno::EINTR));
    });
}

#[test]
fn only_one_control_at_a_time() {
    let client = Client::of(V4_23_0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let client = client.thread();
            scope.spawn(move || client.control(0xF00E, &100u16.to_le_bytes()).unwrap());
        }
        std::thread::sleep(Duration::from_millis(20));
        let before = Instant::now();
        client.plain(&Command::QueryDriverInfo).unwrap();
        assert!(before.elapsed() < Duration::from_millis(80), "a query does not wait");
    });
    assert!(start.elapsed() >= Duration::from_millis(190));
}

#[test]
fn files_are_shared_and_closed_with_the_last_reference() {
    let client = Client::of(V4_23_0);
    let (list, _) = client.create(64, 512, true).unwrap();
    let copy = client.thread();
    let machine = client.machine.clone();
    drop(client);
    assert_eq!(machine.report().boards[0].lists, 1);
    assert_eq!(list, 0x1000);
    assert_eq!(copy.create(64, 512, true).unwrap().0, 0x2000);
    drop(copy);
    assert!(machine.report().is_clean());
    assert_eq!(machine.open(1, &Process { id: 1 }).unwrap_err(), Errno::ENOENT);
}

#[test]
fn a_channel_is_reset_while_its_bytes_are_moved() {
    const SIZE: u32 = 4 << 20;
    let client = Client::of(V4_23_0);
    let input = client.pages(1024);
    let handle = client.map(input, SIZE.into(), DataDirection::TO_DEVICE).unwrap();
    let (list, address) = client.create(4096, 4096, true).unwrap();
    client.enable(1).unwrap();
    client.start(0, address, 12);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let resets = scope.spawn(|| {
            let client = client.thread();
            let mut count = 0;
            while !over.load(Ordering::Relaxed) {
                client.start(0, address, 12);
                count += 1;
            }
            count
        });
        let mut moved = 0;
        let deadline = Instant::now() + Duration::from_millis(300);
        while Instant::now() < deadline && !resets.is_finished() {
            // Where it begins does not matter: the device begins anew with each reset.
            if client.launch(0, list, 0, handle, input, SIZE).is_ok() {
                moved += 1;
            } else {
                client.disable(1).unwrap();
                client.enable(1).unwrap();
            }
        }
        over.store(true, Ordering::Relaxed);
        assert!(resets.join().unwrap() > 0 && moved > 0);
    });
    client.disable(1).unwrap();
    assert!(client.machine.report().crashes.is_empty());
}
