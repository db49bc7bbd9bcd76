//! Recordings of driver calls: [`RecordingTransport`] writes them, [`Recording`] reads them, [`play`] plays them (feature
//! `recording`).
//!
//! A recording has one JSON object per line, for each call: `seq` and `end`, its places in the order in which calls began
//! and returned, `t`, the thread, `fd`, the open file, `name` and `code` of the request, `arg_len`, the length of its
//! argument in bytes, `before` and `after`, these bytes in hexadecimal without the zeros at their end, `ret` and `errno`.
//! Other fields, and lines of anything but calls, are passed over.

mod play;
mod write;

use hailo_abi::{Errno, Request};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[cfg(feature = "emulator")]
pub use play::play_emulated;
pub use play::{Difference, PlayError, PlayOptions, Played, play};
pub use write::{Recorder, RecordingTransport};

/// The longest recording that is read, in bytes.
pub const MAX_LENGTH: usize = 1 << 30;

/// A line as it is written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Line {
    seq: u64,
    end: u64,
    t: u64,
    call: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fd: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
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
}

/// A recorded call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its place in the order in which calls began.
    pub sequence: u64,
    /// Its place in the order in which they returned; the greatest number for one that did not.
    pub end: u64,
    /// The thread.
    pub thread: u64,
    /// The open file.
    pub file: String,
    /// What was called.
    pub what: What,
}

/// What was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A file was closed.
    Close,
    /// A request was made.
    Ioctl {
        /// Its name in the vendor's header, if the recording has it.
        name: String,
        /// Its code.
        request: Request,
        /// The argument's bytes, as many as the code says.
        before: Vec<u8>,
        /// The same after the call.
        after: Vec<u8>,
        /// The return value, or the error; `None` if the call did not return.
        result: Option<Result<u32, Errno>>,
    },
}

/// Why a recording cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is longer than is read.
    #[error("the recording has {length} bytes; at most {MAX_LENGTH} are read")]
    Length {
        /// Its length.
        length: usize,
    },
    /// A line is not one of a recording.
    #[error("line {line} of the recording is not what it should be: {problem}; record it again")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// A recording: calls in the order in which they began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    calls: Vec<Call>,
}

impl Recording {
    /// Reads a recording.
    ///
    /// # Errors
    /// [`ReadError`], with the number of the line.
    pub fn parse(text: &str) -> Result<Self, ReadError> {
        if text.len() > MAX_LENGTH {
            return Err(ReadError::Length { length: text.len() });
        }
        let mut calls = Vec::new();
        for (index, text) in text.lines().enumerate() {
            let bad = |problem: String| ReadError::Line { line: index + 1, problem };
            if text.trim().is_empty() {
                continue;
            }
            let line: Line = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
            calls.extend(call(line).map_err(|problem| bad(problem.to_owned()))?);
        }
        calls.sort_by_key(|call| call.sequence);
        Ok(Self { calls })
    }

    /// The calls.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }
}

/// The call of a line, if it is one that can be played.
fn call(line: Line) -> Result<Option<Call>, &'static str> {
    let end = if line.ret.is_null() { u64::MAX } else { line.end };
    let file = line.fd.unwrap_or_default();
    let what = match line.call.as_str() {
        "close" => What::Close,
        "ioctl" => {
            let code = line.code.as_deref().and_then(|code| code.strip_prefix("0x")).ok_or("the code is missing")?;
            let code = u32::from_str_radix(code, 16).map_err(|_| "the code is no hexadecimal number")?;
            let request = Request::from_raw(code);
            if line.arg_len.is_some_and(|length| length != request.size()) {
                return Err("the length of the argument is not that of the code");
            }
            let bytes = |digits: &str| unhex(digits, request.size()).ok_or("the bytes of the argument");
            let before = bytes(line.before.as_deref().unwrap_or_default())?;
            let after = bytes(line.after.as_deref().unwrap_or_default())?;
            let result = match (&line.ret, line.errno) {
                (Value::Null, _) => None,
                (ret, 0) => Some(Ok(ret.as_u64().and_then(|ret| u32::try_from(ret).ok()).ok_or("the return value")?)),
                (_, errno) => Some(Err(Errno::from_raw(errno).ok_or("the error number")?)),
            };
            What::Ioctl { name: line.name.unwrap_or_else(|| request.to_string()), request, before, after, result }
        }
        _ => return Ok(None),
    };
    Ok(Some(Call { sequence: line.seq, end, thread: line.t, file, what }))
}

/// The bytes of hexadecimal digits, with zeros up to `length`; `None` if they are none or too many.
fn unhex(digits: &str, length: usize) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if !digits.len().is_multiple_of(2) || digits.len() / 2 > length {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let mut bytes = Vec::with_capacity(length);
    for pair in digits.chunks_exact(2) {
        let [high, low] = pair else { return None };
        bytes.push((digit(*high)? << 4 | digit(*low)?) as u8);
    }
    bytes.resize(length, 0);
    Some(bytes)
}

/// The bytes in hexadecimal, without the zeros at their end.
fn hex(bytes: &[u8]) -> String {
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.iter().take(used).map(|byte| format!("{byte:02x}")).collect()
}
