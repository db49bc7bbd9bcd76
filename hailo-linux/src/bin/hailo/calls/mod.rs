//! Calls of a program to an accelerator, as seen from outside: what a trace prints and a recording holds.

mod decode;
pub(crate) mod descriptor;
mod firmware;
mod record;
mod summary;

use std::time::Duration;

pub(crate) use decode::{Decoder, outcome};
pub(crate) use record::Recorder;
pub(crate) use summary::Summary;

/// An open file, numbered from 1 in the order in which they were seen. Copies of a descriptor are the same file.
pub(crate) type FileNumber = u32;

/// What a call was about.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A device node was opened.
    Open { path: String, flags: u64 },
    /// A request, with the bytes of its argument before and after.
    Ioctl { request: u32, argument: u64, before: Vec<u8>, after: Vec<u8> },
    /// Memory of the driver was mapped.
    Map { length: u64, offset: u64 },
    /// A descriptor was closed.
    Close,
}

/// A call that has returned.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// In the order in which calls began, from 1.
    pub(crate) sequence: u64,
    pub(crate) process: u32,
    pub(crate) thread: u32,
    pub(crate) file: Option<FileNumber>,
    pub(crate) what: What,
    /// The return value, or the error number; `None` if the program ended within the call.
    pub(crate) result: Option<Result<i64, i32>>,
    /// When it began, counted from the start of the trace.
    pub(crate) began: Duration,
    pub(crate) took: Duration,
}

impl Call {
    pub(crate) fn succeeded(&self) -> bool {
        matches!(self.result, Some(Ok(_)))
    }
}

/// What the kernel itself calls the error of a call that a signal has ended.
const ERESTARTSYS: i32 = 512;

/// The symbolic name of an error number, or the number.
pub(crate) fn errno_name(number: i32) -> String {
    match hailo_abi::Errno::from_raw(number) {
        // Not for programs: they see EINTR, or the call is made again.
        _ if number == ERESTARTSYS => "ERESTARTSYS".into(),
        Some(errno) => match errno.name() {
            Some(name) => name.to_owned(),
            None => format!("{:?}", nix::errno::Errno::from_raw(number)),
        },
        None => number.to_string(),
    }
}

/// The bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes without the zeros at the end.
pub(crate) fn trimmed(bytes: &[u8]) -> &[u8] {
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..used]
}

#[cfg(test)]
mod tests {
    use super::{errno_name, hex, trimmed};

    #[test]
    fn errors_have_names() {
        assert_eq!(errno_name(25), "ENOTTY");
        assert_eq!(errno_name(11), "EAGAIN");
        assert_eq!(errno_name(98), "EADDRINUSE");
        assert_eq!(errno_name(512), "ERESTARTSYS");
        assert_eq!(errno_name(0), "0");
    }

    #[test]
    fn zeros_at_the_end_are_cut() {
        assert_eq!(hex(trimmed(&[0, 10, 0, 0])), "000a");
        assert_eq!(hex(trimmed(&[0; 4])), "");
    }
}
