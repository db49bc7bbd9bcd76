//! `--record`: every call of a command to the driver, in a file.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use clap::Args;
use hailo_linux::recording::Recorder;

use crate::failure::Failure;

/// What every command that records takes.
#[derive(Args)]
pub(crate) struct RecordArguments {
    /// Write every call to the driver into this file, for `hailo replay`: JSON, a line for each
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// A recording, or none.
pub(crate) struct Record(Option<(PathBuf, Recorder)>);

impl RecordArguments {
    /// Begins the recording that was asked for.
    pub(crate) fn begin(&self) -> Result<Record, Failure> {
        let Some(path) = &self.record else { return Ok(Record(None)) };
        let file = File::create(path).map_err(|error| Failure::file("write", path, &error))?;
        Ok(Record(Some((path.clone(), Recorder::new(BufWriter::new(file))))))
    }
}

impl Record {
    /// For the options of the device.
    pub(crate) fn recorder(&self) -> Option<Recorder> {
        self.0.as_ref().map(|(_, recorder)| recorder.clone())
    }

    /// Another phase begins.
    pub(crate) fn mark(&self, name: &str) {
        if let Some((_, recorder)) = &self.0 {
            recorder.mark(name);
        }
    }

    /// A frame is given to the device.
    pub(crate) fn mark_frame(&self, number: u64) {
        if self.0.is_some() {
            self.mark(&format!("frame{number}"));
        }
    }

    /// Everything is written, once the device is closed.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        match &self.0 {
            Some((path, recorder)) => recorder.flush().map_err(|error| Failure::file("write", path, &error)),
            None => Ok(()),
        }
    }
}
