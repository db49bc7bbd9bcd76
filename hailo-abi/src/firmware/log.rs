//! The firmware's log.
//!
//! The driver hands it out as it lies in a ring of bytes, cut anywhere. The vendor does not publish what the bytes of
//! an entry mean, so they are kept as they are; [`LogLines`] puts lines together again where the log is text.

/// Bit of [`SetFirmwareLogger`](super::control::SetFirmwareLogger): the log goes to the ring that the host reads.
pub const LOGGER_INTERFACE_HOST: u8 = 1 << 0;
/// Bit of [`SetFirmwareLogger`](super::control::SetFirmwareLogger): the log goes to the serial port.
pub const LOGGER_INTERFACE_UART: u8 = 1 << 1;
/// All interfaces (`CONTROL_PROTOCOL__FW_MAX_LOGGER_INTERFACE`).
pub const MAX_LOGGER_INTERFACE: u8 = LOGGER_INTERFACE_HOST | LOGGER_INTERFACE_UART;

/// Cuts a stream of bytes into lines, however the stream comes. A line of more than `N` bytes is given in parts.
///
/// ```
/// use hailo_abi::firmware::log::LogLines;
///
/// let mut lines = LogLines::<64>::new();
/// let mut seen = Vec::new();
/// lines.push(b"first\nsec", |line| seen.push(line.to_vec()));
/// lines.push(b"ond\n", |line| seen.push(line.to_vec()));
/// assert_eq!(seen, [b"first".to_vec(), b"second".to_vec()]);
/// ```
#[derive(Clone, Debug)]
pub struct LogLines<const N: usize> {
    line: heapless::Vec<u8, N>,
}

impl<const N: usize> LogLines<N> {
    /// Nothing has come yet.
    pub const fn new() -> Self {
        Self { line: heapless::Vec::new() }
    }

    /// Takes the next bytes and calls `line` with every line that they complete, without its end.
    pub fn push(&mut self, bytes: &[u8], mut line: impl FnMut(&[u8])) {
        for &byte in bytes {
            if byte == b'\n' {
                line(&self.line);
                self.line.clear();
            } else if self.line.push(byte).is_err() {
                line(&self.line);
                self.line.clear();
                // It holds at least this byte, unless it holds none at all.
                let _ = self.line.push(byte);
            }
        }
    }

    /// Calls `line` with what has come of an unfinished line.
    pub fn finish(&mut self, mut line: impl FnMut(&[u8])) {
        if !self.line.is_empty() {
            line(&self.line);
            self.line.clear();
        }
    }
}

impl<const N: usize> Default for LogLines<N> {
    fn default() -> Self {
        Self::new()
    }
}
