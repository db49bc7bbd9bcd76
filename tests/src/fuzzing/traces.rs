//! Any text as a recording of driver calls: it is read or refused; what was read is written and read again as it was; and
//! played against the emulator it comes to an end, with nothing left open.

use std::time::Duration;

use hailo_linux::recording::{PlayOptions, Recording, emulator, play_emulated};

/// The most calls that are played: each may take as long as the player's patience.
const MAX_CALLS: usize = 24;

/// Few bytes and a short time, so that much is tried.
const OPTIONS: PlayOptions = PlayOptions { dma_addresses: false, memory: 1 << 22, patience: Duration::from_millis(30) };

/// Runs one input. Panics on a violation.
///
/// # Panics
/// If a property does not hold.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let recording = match Recording::parse(text) {
        Ok(recording) => recording,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let mut written = Vec::new();
    recording.write(&mut written).expect("memory");
    let written = String::from_utf8(written).expect("text");
    assert_eq!(Recording::parse(&written).as_ref(), Ok(&recording), "{written}");
    if recording.calls().len() > MAX_CALLS {
        return;
    }
    let release = recording.release().filter(|release| hailo_abi::Interface::of(*release).is_some());
    let name = release.map_or_else(|| "mock".to_owned(), |release| format!("mock:driver={release}"));
    let emulator = emulator(&recording, &name).expect("a known release");
    // Whether there is a difference does not matter here.
    let _ = play_emulated(&recording, &emulator, OPTIONS);
    for board in emulator.machine().report().boards {
        assert_eq!((board.open_files, board.mappings, board.lists), (0, 0, 0), "{board:?}\n{text}");
    }
}
