//! Frames through the loopback, with every release of the driver.

mod common;

use common::{Client, releases};
use hailo_abi::command::{Command, LaunchTransfer, Progress, TransferBuffer};
use hailo_abi::enums::DataDirection;
use hailo_abi::{DriverRelease, Operation, Reply};
use hailo_mock::{Accelerator, Loopback, Machine, Outputs};

fn frames(client: &Client, size: u32, page: u16, ring: u64, frames: u32) {
    let pages = u64::from(size).div_ceil(4096);
    let (input, output) = (client.pages(pages), client.pages(pages));
    let input_handle = client.map(input, size.into(), DataDirection::TO_DEVICE).unwrap();
    let output_handle = client.map(output, size.into(), DataDirection::FROM_DEVICE).unwrap();
    let (input_list, input_address) = client.create(ring, page, true).unwrap();
    let (output_list, output_address) = client.create(ring, page, true).unwrap();
    client.enable(0x1_0001).unwrap();
    let depth = ring.ilog2() as u8 & 15;
    client.start(0, input_address, depth);
    client.start(16, output_address, depth);
    let descriptors = size.div_ceil(page.into());
    let mut start = 0;
    for frame in 0..frames {
        let bytes: Vec<u8> = (0..size).map(|at| (at.wrapping_mul(31) ^ at >> 8 ^ frame) as u8).collect();
        client.write(input, &bytes);
        client.write(output, &vec![0; size as usize]);
        let count = client.launch(16, output_list, start, output_handle, output, size).unwrap();
        assert_eq!(count, descriptors);
        assert_eq!(client.launch(0, input_list, start, input_handle, input, size).unwrap(), descriptors);
        let mut done = [false; 2];
        while done != [true; 2] {
            for interrupt in client.wait(0x1_0001).unwrap() {
                match interrupt.progress {
                    Progress::Transfers(count) => assert_eq!(count, 1),
                    Progress::Descriptors(count) => {
                        assert_eq!(u32::from(count), (start + descriptors) % ring as u32);
                    }
                }
                done[usize::from(interrupt.channel_index / 16)] = true;
            }
        }
        assert!(
            client.read(output, size as usize) == bytes,
            "frame {frame} of {size} bytes, {}",
            client.machine.driver()
        );
        start = (start + descriptors) % ring as u32;
    }
    client.disable(0x1_0001).unwrap();
}

#[test]
fn every_release_moves_frames() {
    for release in releases() {
        for (size, page, ring) in
            [(4096, 4096, 16), (1, 4096, 16), (5000, 4096, 64), (12345, 512, 64), (61440, 4096, 16)]
        {
            let client = Client::of(release);
            frames(&client, size, page, ring, 40);
            let machine = client.machine.clone();
            drop(client);
            assert!(machine.report().crashes.is_empty(), "{:?}", machine.report());
            assert_eq!(machine.report().boards[0].mappings, 0);
        }
    }
}

#[test]
fn a_large_ring_wraps() {
    let client = Client::of(DriverRelease::new(4, 23, 0));
    frames(&client, 100_000, 512, 65536, 400);
    assert_eq!(client.counters(16).1, (400u32 * 196 % 65536) as u16);
}

#[test]
fn an_owner_leaves_nothing_behind() {
    for release in releases() {
        let client = Client::of(release);
        client.plain(&Command::MarkAsInUse).unwrap();
        frames(&client, 5000, 4096, 64, 3);
        let machine = client.machine.clone();
        drop(client);
        assert!(machine.report().is_clean(), "{release}: {:?}", machine.report());
        assert_eq!(machine.report().boards[0].firmware.shutdowns, 1);
    }
}

#[test]
fn every_release_says_which_it_is() {
    for release in releases() {
        let client = Client::of(release);
        client.call(&Command::QueryDriverInfo, |result, reply| {
            assert_eq!(result, Ok(0));
            assert!(matches!(reply, Reply::DriverInfo(info) if info.release == release));
        });
        client.call(&Command::QueryDeviceProperties, |result, reply| {
            assert_eq!(result, Ok(0));
            let Reply::DeviceProperties(properties) = reply else { panic!("another reply") };
            assert!(properties.is_fw_loaded);
            assert_eq!(Some(properties.board_type), client.machine.board_kind().number(release));
        });
        assert_eq!(client.control(0, &[]).unwrap().len(), 190);
        assert!(client.has(Operation::LaunchTransfer));
    }
}

/// Does what the loopback does, but is given the bytes.
#[derive(Debug)]
struct Wrapped(Loopback);

impl Accelerator for Wrapped {
    fn input(&mut self, channel: u8, bytes: &[u8], outputs: &mut Outputs) {
        self.0.input(channel, bytes, outputs);
    }
}

#[test]
fn a_loopback_in_another_accelerator_does_the_same() {
    let machine = Machine::builder().accelerator(|_| Wrapped(Loopback)).build().unwrap();
    frames(&Client::new(&machine), 12345, 512, 64, 10);
}

#[test]
fn buffers_that_follow_one_another_are_read_to_their_ends() {
    let client = Client::of(DriverRelease::new(4, 23, 0));
    // Of the second one only the beginning is sent, and nothing of what is behind it comes out.
    let (input, output) = (client.pages(2), client.pages(2));
    let bytes: Vec<u8> = (0..8192u32).map(|at| ((at * 7) ^ (at >> 8)) as u8).collect();
    client.write(input, &bytes);
    for page in [input, input + 4096] {
        client.map(page, 4096, DataDirection::TO_DEVICE).unwrap();
    }
    let handle = client.map(output, 8192, DataDirection::FROM_DEVICE).unwrap();
    let (input_list, input_address) = client.create(16, 4096, true).unwrap();
    let (output_list, output_address) = client.create(16, 4096, true).unwrap();
    client.enable(0x1_0001).unwrap();
    client.start(0, input_address, 4);
    client.start(16, output_address, 4);
    assert_eq!(client.launch(16, output_list, 0, handle, output, 4196), Ok(2));
    assert_eq!(client.machine.report().boards[0].pending_transfers, 1);
    let buffer = |address_or_fd, size| TransferBuffer { address_or_fd, size, ..TransferBuffer::EMPTY };
    let buffers = [buffer(input, 4096), buffer(input + 4096, 100)];
    assert_eq!(client.launch_as(&LaunchTransfer::new(0, input_list, buffers)), Ok(2));
    let mut done = 0;
    while done < 2 {
        done += client.wait(0x1_0001).unwrap().len();
    }
    assert_eq!(client.machine.report().boards[0].pending_transfers, 0);
    assert!(client.read(output, 4196) == bytes[..4196]);
    assert_eq!(client.read(output + 4196, 3996), [0; 3996]);
}

#[test]
fn descriptors_of_transfers_for_debugging_are_looked_at() {
    let client = Client::of(DriverRelease::new(4, 23, 0));
    let input = client.pages(1);
    client.map(input, 4096, DataDirection::TO_DEVICE).unwrap();
    let (list, address) = client.create(16, 512, true).unwrap();
    client.enable(1).unwrap();
    client.start(0, address, 4);
    let buffer = TransferBuffer { address_or_fd: input, size: 4096, ..TransferBuffer::EMPTY };
    let validated = |starting_desc: u32, is_debug: bool| {
        let launch = LaunchTransfer { starting_desc, is_debug, ..LaunchTransfer::new(0, list, [buffer]) };
        assert_eq!(client.launch_as(&launch), Ok(8));
        client.wait(1).unwrap()[0].validation_success
    };
    assert!(validated(0, true));
    // The device says of no descriptor that it is done.
    client.flags(0, 0x02);
    assert!(!validated(8, true));
    assert!(validated(0, false), "nobody looks");
}

#[test]
fn what_the_host_does_not_take_holds_up_what_it_sends() {
    const FRAME: u32 = 1 << 20;
    // More than waits for a host.
    const FRAMES: u8 = 70;
    let (sender, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let client = Client::of(DriverRelease::new(4, 23, 0));
        let (input, output) = (client.pages(256), client.pages(256));
        let input_handle = client.map(input, FRAME.into(), DataDirection::TO_DEVICE).unwrap();
        let output_handle = client.map(output, FRAME.into(), DataDirection::FROM_DEVICE).unwrap();
        let (input_list, input_address) = client.create(1024, 4096, true).unwrap();
        let (output_list, output_address) = client.create(1024, 4096, true).unwrap();
        client.enable(0x1_0001).unwrap();
        client.start(0, input_address, 10);
        client.start(16, output_address, 10);
        let send = |number: u8| {
            client.write(input, &vec![number; FRAME as usize]);
            client.launch(0, input_list, u32::from(number) * 256 % 1024, input_handle, input, FRAME).unwrap();
        };
        let receive = |number: u8| {
            client.launch(16, output_list, u32::from(number) * 256 % 1024, output_handle, output, FRAME).unwrap();
        };
        let is_pending = || client.machine.report().boards[0].pending_transfers > 0;
        let mut sent = 0;
        // Nothing is held up before 64 MiB wait.
        while sent < 64 {
            send(sent);
            sent += 1;
            assert_eq!(client.wait(0x1).unwrap().len(), 1);
        }
        send(sent);
        sent += 1;
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(is_pending(), "the host has to take something first");
        for number in 0..FRAMES {
            receive(number);
            while !client.wait(0x1_0000).unwrap().iter().any(|interrupt| interrupt.channel_index == 16) {}
            assert!(client.read(output, FRAME as usize) == vec![number; FRAME as usize], "frame {number}");
            if number + 1 == sent {
                send(sent);
                sent += 1;
            }
        }
        sender.send(()).unwrap();
    });
    end.recv_timeout(std::time::Duration::from_secs(60)).expect("it goes on when the host takes something");
}
