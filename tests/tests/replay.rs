//! Recordings of driver calls, read and played.

use hailo_linux::emulator::Emulator;
use hailo_linux::recording::{PlayError, PlayOptions, Played, Recording, play_emulated};
use hailo_tests::recordings::{VENDORS, vendors};

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
