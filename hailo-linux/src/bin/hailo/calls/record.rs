//! [`Recorder`]: calls as JSON, one object per line.

use std::collections::HashMap;
use std::io::{self, Write};

use hailo_abi::Request;
use serde::Serialize;
use serde_json::{Map, Value};

use super::decode::{Decoded, Held};
use super::{Call, What, hex, trimmed};

/// One line. Bytes are in hexadecimal, without the zeros at their end.
#[derive(Serialize)]
struct Line<'a> {
    /// In the order in which calls began.
    seq: u64,
    /// In the order in which they returned.
    end: u64,
    /// The thread, numbered in the order in which threads made their first call.
    t: usize,
    process: u32,
    call: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fd: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arg_len: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    ret: Value,
    errno: i32,
    /// From the start of the recording, in microseconds.
    time_us: u128,
    duration_us: u128,
    #[serde(skip_serializing_if = "Map::is_empty")]
    p: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fw: &'a Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_mapped: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_descs: Option<usize>,
}

/// Writes calls in the order in which they returned.
pub(crate) struct Recorder<W> {
    out: W,
    ended: u64,
    threads: HashMap<u32, usize>,
}

impl<W: Write> Recorder<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, ended: 0, threads: HashMap::new() }
    }

    /// Writes a line.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn write(&mut self, call: &Call, decoded: &Decoded) -> io::Result<()> {
        self.ended += 1;
        let known = self.threads.len();
        let thread = *self.threads.entry(call.thread).or_insert(known);
        let file = call.file.map(|file| format!("fd#{file}"));
        let (ret, errno) = match (call.result, &call.what) {
            (Some(Ok(_)), What::Open { .. }) => (file.clone().into(), 0),
            (Some(Ok(value)), _) => (value.into(), 0),
            (Some(Err(errno)), _) => ((-1).into(), errno),
            (None, _) => (Value::Null, 0),
        };
        let mut line = Line {
            seq: call.sequence,
            end: self.ended,
            t: thread,
            process: call.process,
            call: "ioctl",
            path: None,
            flags: None,
            fd: file,
            name: None,
            code: None,
            arg_len: None,
            before: None,
            after: None,
            ret,
            errno,
            time_us: call.began.as_micros(),
            duration_us: call.took.as_micros(),
            p: &decoded.fields,
            fw: &decoded.control,
            left_mapped: None,
            left_descs: None,
        };
        match &call.what {
            What::Open { path, flags } => {
                line.call = "open";
                line.fd = None;
                line.path = Some(path);
                line.flags = Some(format!("{flags:#x}"));
            }
            What::Ioctl { request, before, after, .. } => {
                line.name = decoded.operation.is_some().then_some(&decoded.name);
                line.code = Some(format!("{request:#010x}"));
                line.arg_len = Some(Request::from_raw(*request).size());
                line.before = Some(hex(trimmed(before)));
                line.after = Some(hex(trimmed(after)));
            }
            What::Map { .. } => line.call = "mmap",
            What::Close => {
                line.call = "close";
                let Held { mappings, lists } = decoded.held.unwrap_or_default();
                (line.left_mapped, line.left_descs) = (Some(mappings), Some(lists));
            }
        }
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")
    }

    /// Hands all lines on.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
