//! [`Recording`]: everything that the supervised processes asked and were answered, in a file.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::time::{Duration, Instant};

use hailo_abi::Errno;
use hailo_linux::recording::{Call, Origin, Recorder, What};
use hailo_mock::{ProcessMemory, RemoteProcess};

pub(super) struct Recording {
    started: Instant,
    recorder: Recorder,
}

/// A call that has begun.
#[derive(Clone, Copy)]
pub(super) struct Begun {
    sequence: u64,
    at: Instant,
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Recording {
    /// A recording in a new file.
    ///
    /// # Errors
    /// What the system said about the file.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let memory = |process: Option<u32>, address, bytes: &mut [u8]| {
            process.is_some_and(|process| RemoteProcess::new(process).read(address, bytes).is_ok())
        };
        let recorder = Recorder::with_memory(BufWriter::new(File::create(path)?), memory);
        Ok(Self { started: Instant::now(), recorder })
    }

    /// A call begins.
    pub(super) fn begin(&self) -> Begun {
        Begun { sequence: self.recorder.begin(), at: Instant::now() }
    }

    /// The bytes in a process's memory; none if they cannot be read.
    pub(super) fn read(memory: &RemoteProcess, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        if memory.read(address, &mut bytes).is_err() {
            bytes.clear();
        }
        bytes
    }

    /// A call of a thread of a process has returned.
    pub(super) fn add(
        &self,
        Begun { sequence, at }: Begun,
        (process, thread): (u32, u32),
        file: Option<u32>,
        what: What,
        result: Result<i64, Errno>,
    ) {
        let began_us = microseconds(at.duration_since(self.started));
        let origin = Some(Origin { process, began_us, took_us: microseconds(at.elapsed()) });
        let call = Call { sequence, end: 0, thread: thread.into(), file, what, result: Some(result), origin };
        // The recorder keeps the error.
        let _ = self.recorder.write(&call);
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The first error of all that was written.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.recorder.flush()
    }
}
