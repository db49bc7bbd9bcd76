//! [`Recording`]: recordings that were written earlier.

use std::io;

use hailo_abi::{DriverRelease, Errno, Request};
use serde_json::Value;

use super::line::{self, Line};
use super::write::Writer;
use super::{Call, Follower, Origin, What};

/// The longest recording that is read, in bytes.
pub const MAX_LENGTH: usize = 1 << 30;

/// The most bytes that the arguments of a recording may have, before and after the calls. A line need not have the zeros at
/// their ends, so that a short recording can have long arguments.
pub const MAX_ARGUMENTS: usize = 1 << 31;

/// Why a recording cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is longer than is read.
    #[error("it has {length} bytes, and at most {MAX_LENGTH} are read: record less")]
    Length {
        /// Its length.
        length: usize,
    },
    /// The arguments of its calls are longer than is read.
    #[error(
        "line {line}: the arguments up to here have more than {MAX_ARGUMENTS} bytes, and no more are read: record less"
    )]
    Arguments {
        /// The number of the line, from 1.
        line: usize,
    },
    /// A line is not one of a recording.
    #[error("line {line} is none of a recording of driver calls: {problem}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The last line has no end.
    #[error("line {line}, the last, ends in the middle: the file was cut off; record it again")]
    Truncated {
        /// Its number, from 1.
        line: usize,
    },
    /// There is no call in it.
    #[error(
        "it has no driver call in it: record one with `hailo run --record`, `hailo trace --json` or `hailo emulate --record`"
    )]
    Empty,
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
        Self::parse_up_to(text, MAX_ARGUMENTS)
    }

    /// Reads a recording whose arguments have at most so many bytes.
    fn parse_up_to(text: &str, mut left: usize) -> Result<Self, ReadError> {
        let mut calls = Vec::new();
        let mut lines = text.lines().enumerate().peekable();
        while let Some((index, text)) = lines.next() {
            let number = index + 1;
            if text.trim().is_empty() {
                continue;
            }
            let line: Line = serde_json::from_str(text).map_err(|error| match lines.peek() {
                None if error.is_eof() => ReadError::Truncated { line: number },
                _ => ReadError::Line { line: number, problem: error.to_string() },
            })?;
            let bad = |problem: &str| ReadError::Line { line: number, problem: problem.to_owned() };
            let Some(call) = call(line, text).map_err(bad)? else { continue };
            if let What::Ioctl { before, after, .. } = &call.what {
                let rest = left.checked_sub(before.len() + after.len());
                left = rest.ok_or(ReadError::Arguments { line: number })?;
            }
            calls.push(call);
        }
        if calls.is_empty() {
            return Err(ReadError::Empty);
        }
        calls.sort_by_key(|call| (call.sequence, call.end));
        Ok(Self { calls })
    }

    /// The calls.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The release of the driver, if it was asked in the recording.
    #[must_use]
    pub fn release(&self) -> Option<DriverRelease> {
        let mut follower = Follower::new();
        self.calls.iter().find_map(|call| {
            follower.follow(call);
            follower.release()
        })
    }

    /// Writes the calls in the order in which they returned.
    ///
    /// # Errors
    /// What the writer said.
    pub fn write(&self, out: impl io::Write) -> io::Result<()> {
        let mut calls: Vec<&Call> = self.calls.iter().collect();
        calls.sort_by_key(|call| call.end);
        let mut writer = Writer::new(out);
        calls.into_iter().try_for_each(|call| writer.write(call, call.end, call.thread, None))?;
        writer.flush()
    }
}

/// The call of a line, if it is one of a driver.
fn call(line: Line, text: &str) -> Result<Option<Call>, &'static str> {
    let what = match line.call.as_str() {
        "open" => What::Open {
            path: line.path.unwrap_or_default(),
            flags: line.flags.as_deref().and_then(line::from_hexadecimal).unwrap_or_default(),
        },
        "close" => What::Close,
        "mmap" => {
            let parameters = line.p.unwrap_or_default();
            let offset = parameters.get("offset").and_then(Value::as_str).and_then(line::from_hexadecimal);
            let length = parameters.get("length").and_then(Value::as_u64);
            let (Some(length), Some(offset)) = (length, offset) else {
                return Err("a mapping has no `length` and `offset` in its `p`");
            };
            What::Map { length, offset }
        }
        "ioctl" => {
            let code = line.code.as_deref().ok_or("the `code` is missing")?;
            let code = line::from_hexadecimal(code).and_then(|code| u32::try_from(code).ok());
            let request = Request::from_raw(code.ok_or("the `code` is no hexadecimal number of 32 bits")?);
            if line.arg_len.is_some_and(|length| length != request.size()) {
                return Err("`arg_len` is not the length of the `code`'s argument");
            }
            let bytes = |digits: Option<String>| match digits {
                Some(digits) => line::unhex(&digits, request.size()),
                None => Some(Vec::new()),
            };
            let wrong = "`before` or `after` are no hexadecimal digits, or more than the argument has";
            let (before, after) = (bytes(line.before).ok_or(wrong)?, bytes(line.after).ok_or(wrong)?);
            What::Ioctl { request, before, after }
        }
        "" if serde_json::from_str::<line::Mark<'_>>(text).is_ok() => return Ok(None),
        "" => return Err("it is neither a `call` nor a `mark`"),
        // Looking at files, for example.
        _ => return Ok(None),
    };
    let file_number = |name: &str| name.strip_prefix("fd#").and_then(|number| number.parse().ok());
    let opened = matches!(what, What::Open { .. });
    let file = if opened { line.ret.as_str().map(str::to_owned) } else { line.fd };
    let file = file.map(|name| file_number(&name).ok_or("the open file is not called fd#N")).transpose()?;
    let result = match (&line.ret, line.errno) {
        (Value::Null, _) => None,
        (_, 1..) => Some(Err(Errno::from_raw(line.errno).ok_or("`errno` is no number of an error")?)),
        (_, ..0) => return Err("`errno` is negative"),
        (Value::String(_), 0) if opened => Some(Ok(0)),
        (ret, 0) => Some(Ok(ret.as_i64().filter(|ret| *ret >= 0).ok_or("`ret` is no number that a call returns")?)),
    };
    if opened && file.is_some() != matches!(result, Some(Ok(_))) {
        return Err("`ret` of a successful open is no fd#N");
    }
    if !opened && file.is_none() {
        return Err("the open file, `fd`, is missing");
    }
    let origin = line.process.map(|process| Origin {
        process,
        began_us: line.time_us.unwrap_or_default(),
        took_us: line.duration_us.unwrap_or_default(),
    });
    Ok(Some(Call { sequence: line.seq, end: line.end, thread: line.t, file, what, result, origin }))
}

#[cfg(test)]
mod tests {
    use super::{ReadError, Recording};

    #[test]
    fn short_lines_with_long_arguments_are_not_read_without_end() {
        let line = r#"{"seq":1,"call":"ioctl","fd":"fd#1","code":"0xffff7600","before":"","after":"","ret":0}"#;
        let text = format!("{line}\n{line}\n{line}\n");
        // Each argument has 0x3fff bytes.
        let read = |most| Recording::parse_up_to(&text, most).map(|recording| recording.calls().len());
        assert_eq!(read(6 * 0x3fff), Ok(3));
        assert_eq!(read(6 * 0x3fff - 1), Err(ReadError::Arguments { line: 3 }));
    }
}
