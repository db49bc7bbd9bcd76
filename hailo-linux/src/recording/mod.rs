//! Recordings of driver calls: [`RecordingTransport`] and [`Recorder`] write them, [`Recording`] reads them, [`play`] plays
//! them (feature `recording`).
//!
//! A recording has one JSON object per line, for each call: `seq` and `end`, its places in the order in which calls began
//! and returned, `t`, the thread, `fd`, the open file, `name` and `code` of the request, `arg_len`, the length of its
//! argument in bytes, `before` and `after`, these bytes in hexadecimal without the zeros at their end (missing where the
//! address was not that of so many bytes), `ret` and `errno` (-1 and the error's number; `null` and 0 for a call that did not
//! return).
//!
//! What follows from these is for people, and not read back: `p`, the fields, with addresses as `buf#HANDLE+OFFSET` of a
//! mapped buffer and the MD5 of the bytes that a device is given; `fw`, the two messages of a firmware control; at a
//! `close`, how many buffers and lists the file still held. The recordings of several processes also say which `process`
//! made a call, and when, in microseconds. Lines with a `mark` divide a recording into phases.

mod fields;
mod follow;
mod line;
mod play;
mod read;
mod transport;
mod write;

use hailo_abi::{Errno, Request};

pub use follow::{Follower, Held, Known};
pub use play::{Difference, PlayError, PlayOptions, Played, play};
#[cfg(feature = "emulator")]
pub use play::{emulator, play_emulated};
pub use read::{MAX_ARGUMENTS, MAX_LENGTH, ReadError, Recording};
pub use transport::RecordingTransport;
pub use write::{Memory, Recorder};

/// A call of a driver: a line of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its place in the order in which calls began, from 1.
    pub sequence: u64,
    /// Its place in the order in which they returned, from 1. [`Recorder::write`] does not look at it.
    pub end: u64,
    /// The thread: a number of the system's, or, in a recording that was read, the n-th that made a call, from 0.
    pub thread: u64,
    /// The open file, from 1, in the order in which files were opened. Copies of a descriptor are the same file.
    pub file: Option<u32>,
    /// What was called.
    pub what: What,
    /// The return value (0 for an opened file), or the error; `None` for a call that did not return.
    pub result: Option<Result<i64, Errno>>,
    /// Who made it, and when.
    pub origin: Option<Origin>,
}

/// What was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A device node was opened.
    Open {
        /// Its path.
        path: String,
        /// The flags of `open`.
        flags: u64,
    },
    /// A request was made.
    Ioctl {
        /// Its code.
        request: Request,
        /// The argument's bytes: as many as the code says; fewer, and not recorded, if the address is not that of so many.
        before: Vec<u8>,
        /// The same after the call.
        after: Vec<u8>,
    },
    /// Memory of the driver was mapped.
    Map {
        /// How many bytes.
        length: u64,
        /// The offset in the file: the handle of a buffer.
        offset: u64,
    },
    /// A file was closed.
    Close,
}

/// Who made a call, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The process.
    pub process: u32,
    /// When it began, in microseconds since the recording did.
    pub began_us: u64,
    /// How long it took, in microseconds.
    pub took_us: u64,
}

impl Call {
    /// Whether it returned without an error.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        matches!(self.result, Some(Ok(_)))
    }

    /// Its place in the order in which calls returned; the greatest number for one that did not.
    fn returned(&self) -> u64 {
        if self.result.is_some() { self.end } else { u64::MAX }
    }
}
