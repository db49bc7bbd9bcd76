//! Recordings of driver calls: the vendor's, and those that tests make.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use hailo_linux::Device;
use hailo_linux::emulator::Emulator;
use hailo_linux::recording::Recorder;

use crate::golden;

/// What the vendor's library did, and how many requests it made.
pub const VENDORS: [(&str, u64); 6] = [
    ("arcface-v1", 339),
    ("arcface-v1-batch4", 317),
    ("arcface-v1-async", 276),
    ("arcface-v2", 302),
    ("controls", 35),
    ("identify", 12),
];

/// The text of one of the vendor's recordings.
///
/// # Panics
/// If it cannot be read: the file is part of this repository.
#[must_use]
pub fn vendors(name: &str) -> String {
    let path = golden::path(&format!("traces/{name}.jsonl.gz"));
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    let read = flate2::read::GzDecoder::new(file).read_to_string(&mut text);
    read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text
}

/// Bytes that are written in one place and read in another.
#[derive(Clone, Debug, Default)]
pub struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    /// What was written so far.
    ///
    /// # Panics
    /// If it is no text.
    #[must_use]
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(bytes.clone()).expect("text")
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The recording of what is done with the first board of an emulated computer.
///
/// # Panics
/// If the board cannot be opened.
#[must_use]
pub fn recorded(emulator: &Emulator, work: impl FnOnce(&Device)) -> String {
    let bytes = Bytes::default();
    let recorder = Recorder::new(bytes.clone());
    let options = hailo_linux::Options { recorder: Some(recorder.clone()), ..hailo_linux::Options::default() };
    let device = emulator.open_with(0, options).expect("a device");
    work(&device);
    drop(device);
    recorder.flush().expect("memory");
    bytes.text()
}
