//! [`Recording`]: everything that the supervised processes asked and were answered, in a file.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hailo_mock::{ProcessMemory, RemoteProcess};

use crate::calls::{Call, Decoder, Recorder};

pub(super) struct Recording {
    started: Instant,
    calls: AtomicU64,
    state: Mutex<State>,
}

struct State {
    recorder: Recorder<BufWriter<File>>,
    decoder: Decoder,
    /// Why nothing more is written.
    failed: Option<io::Error>,
}

impl Recording {
    /// A recording in a new file.
    ///
    /// # Errors
    /// What the system said about the file.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let recorder = Recorder::new(BufWriter::new(File::create(path)?));
        let state = State { recorder, decoder: Decoder::new(false), failed: None };
        Ok(Self { started: Instant::now(), calls: AtomicU64::new(0), state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call begins: its number, and when.
    pub(super) fn begin(&self) -> (u64, Duration, Instant) {
        let sequence = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        (sequence, self.started.elapsed(), Instant::now())
    }

    /// The bytes in a process's memory; none if they cannot be read.
    pub(super) fn read(memory: &RemoteProcess, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        if memory.read(address, &mut bytes).is_err() {
            bytes.clear();
        }
        bytes
    }

    /// A call has returned.
    pub(super) fn add(&self, call: &Call) {
        let mut state = self.state();
        let decoded = state.decoder.decode(call);
        if state.failed.is_none() {
            state.failed = state.recorder.write(call, &decoded).err();
        }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The first error of all that was written.
    pub(super) fn finish(&self) -> io::Result<()> {
        let mut state = self.state();
        match state.failed.take() {
            Some(error) => Err(error),
            None => state.recorder.flush(),
        }
    }
}
