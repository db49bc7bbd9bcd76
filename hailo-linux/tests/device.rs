//! What a device offers beside transfers, and many of everything at once, on the emulator.
#![cfg(feature = "emulator")]

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use hailo_abi::enums::CpuId;
use hailo_abi::interface::RELEASES;
use hailo_abi::{ChannelBitmaps, ChannelId, Errno};
use hailo_linux::control::ControlBuffer;
use hailo_linux::emulator::Emulator;
use hailo_linux::infer::{InferOptions, Inference};
use hailo_linux::{Channels, Device, Direction, ErrorKind, Invalid, Result};
use hailo_mock::MachineOptions;

const SOON: Duration = Duration::from_secs(20);

/// A control of the test bench: header, opcode, payload.
fn request(opcode: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = [2, 0, 0, opcode].map(u32::to_be_bytes).concat();
    bytes.extend_from_slice(payload);
    bytes
}

fn control(device: &Device, opcode: u32, payload: &[u8], timeout: Duration) -> Result<Vec<u8>> {
    let mut buffer: ControlBuffer = [0; 1500];
    // SAFETY: these controls of the bench do not make the device write to memory of the host.
    let answer = unsafe { device.control(CpuId::CPU0, &request(opcode, payload), timeout, &mut buffer) }?;
    Ok(answer.to_vec())
}

#[test]
fn controls_are_echoed_on_every_release() {
    for (release, _) in RELEASES {
        let device = Device::open(&format!("mock:driver={release}")).unwrap();
        let answer = control(&device, 0xf00c, b"hello", SOON).unwrap();
        assert!(answer.ends_with(b"hello"), "driver {release}: {answer:?}");
        let error = control(&device, 0xf00c, &[0; 1485], SOON).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Invalid(Invalid::ControlLength { given: 1501, .. })));
        // The firmware answers with a length that there cannot be.
        let error = control(&device, 0xf006, &1501u32.to_le_bytes(), SOON).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::BadAnswer(_)), "{error}");
        assert!(control(&device, 0xf00c, b"again", SOON).unwrap().ends_with(b"again"));
    }
}

#[test]
fn a_late_answer_is_waited_for_before_the_next_control() {
    let device = Device::open("mock").unwrap();
    for _ in 0..3 {
        // Answered after 60 ms, which is too late.
        let error = control(&device, 0xf00e, &60u16.to_le_bytes(), Duration::from_millis(10)).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::NoAnswer(Duration::from_millis(10)));
        assert!(control(&device, 0xf00c, b"mine", SOON).unwrap().ends_with(b"mine"));
    }
}

#[test]
fn no_firmware_is_said_so() {
    let device = Device::open("mock").unwrap();
    control(&device, 0xf009, &2000u16.to_le_bytes(), SOON).unwrap();
    thread::sleep(Duration::from_millis(100));
    let error = control(&device, 0xf00c, b"", SOON).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NoFirmware, "{error}");
    assert!(!device.query_properties().unwrap().is_fw_loaded);
}

#[test]
fn notifications_arrive_and_stop() {
    for (release, _) in RELEASES {
        let emulator = Emulator::new(&format!("mock:driver={release}")).unwrap();
        let device = emulator.open(0).unwrap();
        for round in 0..3u8 {
            let notifications = device.notifications().unwrap();
            let quiet = notifications.receive(Duration::from_millis(5)).unwrap_err();
            assert!(matches!(quiet.kind(), ErrorKind::Timeout(_)), "driver {release}: {quiet}");
            let mut payload = [0u16.to_le_bytes(), 3u16.to_le_bytes()].concat();
            payload.extend_from_slice(&[round, 2, 3]);
            control(&device, 0xf002, &payload, SOON).unwrap();
            assert_eq!(notifications.receive(SOON).unwrap().bytes(), [round, 2, 3], "driver {release}");
            assert_eq!(notifications.lost(), 0);
        }
        drop(device);
        assert!(emulator.machine().report().is_clean(), "driver {release}");
    }
}

#[test]
fn logs_are_read_to_their_end() {
    let device = Device::open("mock").unwrap();
    for cpu in [CpuId::CPU0, CpuId::CPU1] {
        let mut payload = vec![cpu.raw() as u8];
        payload.extend_from_slice(&1300u16.to_le_bytes());
        let bytes: Vec<u8> = (0..1300u32).map(|index| index as u8).collect();
        payload.extend_from_slice(&bytes);
        control(&device, 0xf004, &payload, SOON).unwrap();
        assert_eq!(device.read_whole_log(cpu, 1000).unwrap(), bytes[..1000]);
        assert_eq!(device.read_whole_log(cpu, 1000).unwrap(), bytes[1000..]);
        assert_eq!(device.read_log(cpu, &mut [0; 10]).unwrap(), 0);
    }
    let error = device.read_log(CpuId::NONE, &mut [0; 10]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Invalid(Invalid::Value { .. })));
}

#[test]
fn what_was_read_of_a_log_is_not_lost_with_an_error() {
    let device = Device::open("mock:fault=read_log#2=EIO").unwrap();
    let mut payload = vec![CpuId::CPU0.raw() as u8];
    payload.extend_from_slice(&1300u16.to_le_bytes());
    payload.resize(payload.len() + 1300, 7);
    control(&device, 0xf004, &payload, SOON).unwrap();
    let [before, after] = [(); 2].map(|()| device.read_whole_log(CpuId::CPU0, usize::MAX).unwrap());
    assert_eq!((before.len() + after.len(), before.is_empty(), after.is_empty()), (1300, false, false));
}

#[test]
fn a_log_is_followed_until_it_is_stopped() {
    let device = Device::open("mock").unwrap();
    let write = |text: &[u8]| {
        let mut payload = vec![1];
        payload.extend_from_slice(&(text.len() as u16).to_le_bytes());
        payload.extend_from_slice(text);
        control(&device, 0xf004, &payload, SOON).unwrap();
    };
    write(b"before\n");
    let mut log = device.follow_log(CpuId::CPU1, Duration::from_millis(1));
    assert_eq!(log.next().unwrap().unwrap(), b"before\n");
    write(b"meanwhile\n");
    assert_eq!(log.next().unwrap().unwrap(), b"meanwhile\n");
    // It waits for more, for ever, until another thread stops it.
    let mut slow = device.follow_log(CpuId::CPU1, Duration::from_secs(3600));
    let stopper = slow.stopper();
    let waiting = thread::spawn(move || slow.next().is_none() && slow.next().is_none());
    stopper.stop();
    assert!(waiting.join().unwrap());
    // An error is the last that comes.
    let mut wrong = device.follow_log(CpuId::from_raw(7), Duration::from_millis(1));
    let kind = wrong.next().unwrap().unwrap_err().kind().clone();
    assert!(matches!(kind, ErrorKind::Invalid(Invalid::Value { given: 7, .. })), "{kind}");
    assert!(wrong.next().is_none());
}

#[test]
fn what_cannot_be_opened_is_named() {
    for (name, part) in [
        ("/dev/hailo-nowhere", "modprobe"),
        ("/dev/null", "not a Hailo driver"),
        ("mock:driver=4.16.0", "4.16.0"),
        ("mock:boards=0", "no such device node"),
        ("mock:color=red", "color"),
        ("mockery", "no such device node"),
    ] {
        let error = Device::open(name).unwrap_err().to_string();
        assert!(error.starts_with(name) && error.contains(part), "{error}");
    }
}

#[test]
fn a_device_belongs_to_one_file_at_a_time() {
    let emulator = Emulator::new("mock").unwrap();
    let (first, second) = (emulator.open(0).unwrap(), emulator.open(0).unwrap());
    let channel: ChannelBitmaps = [ChannelId::new(1)].into_iter().collect();
    let channels = first.enable_channels(channel).unwrap();
    assert_eq!(second.enable_channels(channel).unwrap_err().kind(), &ErrorKind::InUse);
    let taken = first.enable_channels(channel).unwrap_err();
    assert!(matches!(taken.kind(), ErrorKind::Invalid(Invalid::ChannelTaken(_))));
    drop((channels, first));
    assert!(second.enable_channels(channel).is_ok());
}

#[test]
fn a_device_that_is_suspended_or_removed_is_gone() {
    for (release, _) in RELEASES {
        let emulator = Emulator::new(&format!("mock:driver={release}")).unwrap();
        let device = emulator.open(0).unwrap();
        let buffer = device.allocate(100, Direction::Both).unwrap();
        emulator.machine().remove(0);
        let error = device.query_properties().unwrap_err();
        assert!(matches!(error.errno(), Some(Errno::ENODEV | Errno::ENXIO)), "driver {release}: {error}");
        drop((buffer, device));
        assert_eq!(emulator.open(0).unwrap_err().errno(), Some(Errno::ENOENT), "driver {release}");
        emulator.machine().rebuild(0);
        emulator.open(0).unwrap();
        assert!(emulator.machine().report().crashes.is_empty());
    }
}

#[test]
fn many_boards_run_at_once() {
    let options = InferOptions { inputs: 100, outputs: 10, timeout: SOON, ..InferOptions::default() };
    let machine = MachineOptions { boards: 4, ..MachineOptions::default() };
    let emulator = options.emulator(machine, "mock:boards=4").unwrap();
    thread::scope(|scope| {
        for board in 0..4 {
            let emulator = emulator.clone();
            scope.spawn(move || {
                for _ in 0..3 {
                    let device = emulator.open(board).unwrap();
                    // Others look in meanwhile.
                    let visitor = emulator.open(board).unwrap();
                    let mut inference = Inference::start(&device, options).unwrap();
                    let report =
                        inference.run(30, |_| assert!(visitor.query_properties().unwrap().is_fw_loaded)).unwrap();
                    assert_eq!((report.frames, report.mismatches), (30, 0));
                    inference.finish().unwrap();
                }
            });
        }
    });
    assert!(emulator.machine().report().is_clean());
}

/// A pair of channels that loop back, on rings of 64 descriptors of 512 bytes.
fn loopback(device: &Device, channels: &Channels, index: u8) -> (hailo_linux::Channel, hailo_linux::Channel) {
    let open = |index| {
        let list = device.create_descriptor_list(64, 512, true).unwrap();
        let channel = channels.open(ChannelId::new(index), list).unwrap();
        device.bench().start(&channel).unwrap();
        channel
    };
    let output = open(16 + index);
    (open(index), output)
}

#[test]
fn channels_are_driven_from_many_threads() {
    let emulator = Emulator::new("mock").unwrap();
    let device = emulator.open(0).unwrap();
    let channels = Arc::new(device.enable_channels(ChannelBitmaps::engine0(0x00ff_00ff)).unwrap());
    thread::scope(|scope| {
        for index in 0..8u8 {
            let (device, channels) = (device.clone(), Arc::clone(&channels));
            scope.spawn(move || {
                let (input, output) = loopback(&device, &channels, index);
                // One thread receives while this one sends.
                let receiver = thread::spawn({
                    let device = device.clone();
                    move || {
                        let mut received = Vec::new();
                        let mut buffer = device.allocate(1000, Direction::FromDevice).unwrap();
                        for _ in 0..50 {
                            buffer = output.launch(buffer).unwrap().wait(SOON).unwrap();
                            received.push(buffer.as_slice()[999]);
                        }
                        received
                    }
                });
                let mut buffer = device.allocate(1000, Direction::ToDevice).unwrap();
                for number in 0..50 {
                    buffer.as_mut_slice().fill(number);
                    buffer = input.launch(buffer).unwrap().wait(SOON).unwrap();
                }
                assert_eq!(receiver.join().unwrap(), (0..50).collect::<Vec<u8>>());
                device.bench().stop(&input).unwrap();
            });
        }
    });
    drop((channels, device));
    assert!(emulator.machine().report().is_clean());
}

#[test]
fn continuous_memory_is_read_and_written() {
    let device = Device::open("mock").unwrap();
    let mut buffer = device.allocate_continuous(5000).unwrap();
    assert_eq!(buffer.as_slice(), [0; 5000]);
    buffer.as_mut_slice()[4999] = 7;
    buffer.as_mut_slice()[..3].copy_from_slice(b"abc");
    assert_eq!((&buffer.as_slice()[..4], buffer.as_slice()[4999]), (&b"abc\0"[..], 7));
}

#[test]
fn a_transfer_is_finished_when_its_bytes_have_come() {
    let device = Device::open("mock").unwrap();
    let channels = device.enable_channels(ChannelBitmaps::engine0(0x1_0001)).unwrap();
    let (input, output) = loopback(&device, &channels, 0);
    let receiving = output.launch(device.allocate(1000, Direction::FromDevice).unwrap()).unwrap();
    assert!(!receiving.is_finished(), "nothing was sent yet");
    let sending = input.launch(device.allocate(1000, Direction::ToDevice).unwrap()).unwrap();
    let deadline = Instant::now() + SOON;
    while !(sending.is_finished() && receiving.is_finished()) {
        assert!(Instant::now() < deadline);
        thread::yield_now();
    }
    sending.wait(Duration::ZERO).unwrap();
    receiving.wait(Duration::ZERO).unwrap();
}

#[test]
fn who_waits_learns_that_the_channel_begins_anew() {
    let device = Device::open("mock").unwrap();
    let channels = device.enable_channels(ChannelBitmaps::engine0(0x1_0001)).unwrap();
    let (_input, output) = loopback(&device, &channels, 0);
    let receiving = output.launch(device.allocate(1000, Direction::FromDevice).unwrap()).unwrap();
    thread::scope(|scope| {
        let begin = Instant::now();
        let waiter = scope.spawn(move || receiving.wait(4 * SOON).unwrap_err());
        // The sooner it waits the better the test; it passes in any order.
        thread::sleep(Duration::from_millis(50));
        device.bench().start(&output).unwrap();
        assert!(matches!(waiter.join().unwrap().kind(), ErrorKind::OutOfStep { .. }));
        assert!(begin.elapsed() < 2 * SOON);
    });
}

#[test]
fn a_channel_that_is_opened_when_nobody_waits_any_more_fails() {
    let device = Device::open("mock:fault=interrupts_wait#1=EIO").unwrap();
    let channels = device.enable_channels(ChannelBitmaps::engine0(0x1_0001)).unwrap();
    // Long enough for the thread to end; in any order the transfers fail for the same reason.
    thread::sleep(Duration::from_millis(50));
    let (_input, output) = loopback(&device, &channels, 0);
    let failed = match output.launch(device.allocate(1000, Direction::FromDevice).unwrap()) {
        Ok(receiving) => receiving.wait(SOON).map(drop).unwrap_err(),
        Err(refused) => refused.error,
    };
    assert_eq!(failed.kind(), &ErrorKind::Refused(Errno::EIO));
}

#[test]
fn controls_of_the_bench_are_for_channels_of_the_device() {
    let emulator = Emulator::new("mock:boards=2").unwrap();
    let (first, second) = (emulator.open(0).unwrap(), emulator.open(1).unwrap());
    let channels = first.enable_channels(ChannelBitmaps::engine0(1)).unwrap();
    let channel = channels.open(ChannelId::new(0), first.create_descriptor_list(64, 512, true).unwrap()).unwrap();
    for outcome in [second.bench().start(&channel), second.bench().stop(&channel)] {
        assert!(matches!(outcome.unwrap_err().kind(), ErrorKind::Invalid(Invalid::OtherDevice)));
    }
    first.bench().start(&channel).unwrap();
}

#[test]
fn buffers_come_back_from_launches_that_the_device_has_nothing_of() {
    for (release, errno, comes_back) in [
        ("4.23.0", "ECONNRESET", true),
        ("4.23.0", "ENODEV", true),
        // The driver may have launched it all the same.
        ("4.23.0", "EFAULT", false),
        ("4.23.0", "ENOMEM", false),
        ("5.3.0", "EFAULT", true),
        ("5.3.0", "ENOMEM", false),
    ] {
        let device = Device::open(&format!("mock:driver={release},fault=launch_transfer#1={errno}")).unwrap();
        let channels = device.enable_channels(ChannelBitmaps::engine0(0x1_0001)).unwrap();
        let (input, _output) = loopback(&device, &channels, 0);
        let failed = input.launch(device.allocate(1000, Direction::ToDevice).unwrap()).unwrap_err();
        assert_eq!(failed.load.is_some(), comes_back, "driver {release}, {errno}: {}", failed.error);
    }
}
