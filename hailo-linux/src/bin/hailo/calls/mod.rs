//! Calls of a program to an accelerator, as seen from outside: what a trace prints and a recording holds.

mod decode;
pub(crate) mod descriptor;
mod firmware;
mod summary;

use hailo_abi::Errno;

pub(crate) use decode::{Decoded, Decoder, outcome};
pub(crate) use summary::Summary;

/// What the kernel itself calls the error of a call that a signal has ended.
const ERESTARTSYS: i32 = 512;

/// The symbolic name of an error, or its number.
pub(crate) fn errno_name(errno: Errno) -> String {
    match errno.name() {
        Some(name) => name.to_owned(),
        // Not for programs: they see EINTR, or the call is made again.
        None if errno.raw() == ERESTARTSYS => "ERESTARTSYS".into(),
        None => format!("{:?}", nix::errno::Errno::from_raw(errno.raw())),
    }
}

/// The bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes without the zeros at the end.
pub(crate) fn trimmed(bytes: &[u8]) -> &[u8] {
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..used]
}

#[cfg(test)]
mod tests {
    use super::{Errno, errno_name, hex, trimmed};

    #[test]
    fn errors_have_names() {
        for (number, name) in [(25, "ENOTTY"), (11, "EAGAIN"), (98, "EADDRINUSE"), (512, "ERESTARTSYS")] {
            assert_eq!(errno_name(Errno::from_raw(number).unwrap()), name);
        }
    }

    #[test]
    fn zeros_at_the_end_are_cut() {
        assert_eq!(hex(trimmed(&[0, 10, 0, 0])), "000a");
        assert_eq!(hex(trimmed(&[0; 4])), "");
    }
}
