//! Recordings of driver calls, read and played.

use hailo_abi::Driver;
use hailo_abi::command::{BufferMap, BufferUnmap};
use hailo_abi::enums::{BufferType, DataDirection};
use hailo_linux::emulator::Emulator;
use hailo_linux::recording::{PlayError, PlayOptions, Played, Recorder, Recording, RecordingTransport, play_emulated};
use hailo_mock::MockTransport;
use hailo_tests::recordings::{Bytes, VENDORS, vendors};

fn replay(text: &str, device: &str, options: PlayOptions) -> Result<Played, PlayError> {
    let emulator = Emulator::new(device).expect("an emulator");
    let result = play_emulated(&Recording::parse(text).expect("a recording"), &emulator, options);
    if result.is_ok() {
        let report = emulator.machine().report();
        assert!(report.is_clean(), "{report:#?}");
    }
    result
}

#[test]
fn the_vendors_recordings_replay_without_a_difference() {
    for (name, ioctls) in VENDORS {
        let text = vendors(name);
        assert_eq!(text.lines().filter(|line| line.contains("\"call\":\"ioctl\"")).count() as u64, ioctls, "{name}");
        for (device, dma_addresses) in [("mock", false), ("mock:dma=recorded", true)] {
            let played = replay(&text, device, PlayOptions { dma_addresses, ..PlayOptions::default() });
            let played = played.unwrap_or_else(|error| panic!("{name} on {device}: {error}"));
            assert_eq!(played.calls, ioctls, "{name}");
        }
        println!("{name}: {ioctls} calls");
    }
}

#[test]
fn an_altered_recording_differs() {
    let text = vendors("arcface-v1");
    // The greatest page, and an error.
    let page = text.replacen("\"after\":\"0010000000000000", "\"after\":\"0020000000000000", 1);
    let errno = text.replacen("\"ret\":-1,\"errno\":125", "\"ret\":-1,\"errno\":5", 1);
    for (altered, name) in [(page, "HAILO_QUERY_DEVICE_PROPERTIES"), (errno, "HAILO_READ_NOTIFICATION")] {
        assert_ne!(altered, text);
        match replay(&altered, "mock", PlayOptions::default()) {
            Err(PlayError::Difference(difference)) => assert_eq!(difference.name, name, "{difference}"),
            other => panic!("{other:?}"),
        }
    }
    match replay(&text, "mock", PlayOptions { dma_addresses: true, ..PlayOptions::default() }) {
        Err(PlayError::Difference(difference)) => assert_eq!(difference.name, "HAILO_DESC_LIST_CREATE"),
        other => panic!("{other:?}"),
    }
}

/// Two pages.
#[repr(align(4096))]
struct Pages([u8; 8192]);

#[test]
fn what_was_mapped_again_is_the_same_buffer() {
    let device = "mock:driver=5.2.0";
    let (bytes, emulator) = (Bytes::default(), Emulator::new(device).expect("an emulator"));
    let recorder = Recorder::new(bytes.clone());
    let transport = MockTransport::open(emulator.machine(), 0).expect("a board");
    let transport = RecordingTransport::new(transport, "/dev/hailo0", recorder.clone());
    let driver = Driver::detect(transport).expect("a driver");
    let mut memory = Box::new(Pages([0; 8192]));
    let (address_or_fd, size) = (memory.0.as_mut_ptr().expose_provenance() as u64, 8192);
    let (data_direction, buffer_type) = (DataDirection::TO_DEVICE, BufferType::USER_PTR);
    let map = BufferMap { address_or_fd, size, data_direction, buffer_type, allocated_buffer_handle: None };
    let unmap = |mapped_handle| BufferUnmap { mapped_handle, address_or_fd, size, data_direction, buffer_type };
    // SAFETY: the emulator survives any call, and the memory is kept until the file is closed.
    unsafe {
        let handle = driver.buffer_map(&map).expect("a mapping").mapped_handle;
        assert_eq!(driver.buffer_map(&map).map(|reply| reply.mapped_handle), Ok(handle));
        // The handle is not looked at.
        assert_eq!(driver.buffer_unmap(&unmap(0)), Ok(()));
        assert_eq!(driver.buffer_unmap(&unmap(0)), Ok(()));
        assert!(driver.buffer_unmap(&unmap(handle)).is_err());
        driver.buffer_map(&map).expect("a mapping");
    }
    drop(driver);
    drop(memory);
    recorder.flush().expect("memory");
    let text = bytes.text();
    assert!(text.contains("\"left_mapped\":1,"), "{text}");
    // There is memory for one buffer.
    let options = PlayOptions { memory: 8192, ..PlayOptions::default() };
    let emulator = Emulator::new(device).expect("an emulator");
    let played = play_emulated(&Recording::parse(&text).expect("a recording"), &emulator, options);
    assert_eq!(played.map(|played| played.calls), Ok(text.matches("\"call\":\"ioctl\"").count() as u64), "{text}");
}

#[test]
fn a_recording_of_very_many_waits_is_refused() {
    let open = r#"{"seq":1,"end":1,"call":"open","path":"/dev/hailo0","ret":"fd#1","errno":0}"#;
    // Notifications that were waited for to the end of the recording.
    let wait = |number: u32| {
        let members = r#""call":"ioctl","fd":"fd#1","code":"0x45e46e01","before":"","after":"","ret":null,"errno":0"#;
        format!("{{\"seq\":{number},\"t\":{number},{members}}}\n")
    };
    let waits: String = (2..300).map(wait).collect();
    match replay(&format!("{open}\n{waits}"), "mock", PlayOptions::default()) {
        Err(PlayError::Call { sequence: 258, reason, .. }) => assert!(reason.contains("too many"), "{reason}"),
        other => panic!("{other:?}"),
    }
}
