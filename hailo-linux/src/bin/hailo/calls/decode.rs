//! [`Decoder`]: what a call means.
//!
//! The release of the driver is found from the calls themselves: from the answer to the version query, and before there is
//! one, from the codes that are used.

use hailo_abi::command::{Command, InterruptsWaitReply, Progress, Reply};
use hailo_abi::wire::{Access, Field, Kind};
use hailo_abi::{DataModel, DriverRelease};
use hailo_linux::recording::{Call, Follower, Held, Known, What};

use super::errno_name;
use super::firmware::{Control, Firmware};
use crate::abi::decode::{ALL_ZERO, expand};

/// How long a value may be in a line of text, in characters.
const WIDTH: usize = 160;

/// What a call means, in words and as JSON.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// The request by its name in the vendor's header, or the system call.
    pub(crate) name: String,
    /// What was asked.
    pub(crate) asked: String,
    /// What came back, beside the return value.
    pub(crate) answered: String,
    /// More lines: the actions of a context.
    pub(crate) more: Vec<String>,
    /// A launch: the channel and the bytes.
    pub(crate) launched: Option<(u8, u64)>,
    /// Transfers that were reported as done, by channel.
    pub(crate) completed: Vec<(u8, u64)>,
    /// At a close: what the file still held.
    pub(crate) held: Option<Held>,
}

/// Reads calls in the order in which they returned.
pub(crate) struct Decoder {
    follower: Follower,
    firmware: Firmware,
    /// Whether long values are printed whole.
    verbose: bool,
}

impl Decoder {
    pub(crate) fn new(verbose: bool) -> Self {
        Self { follower: Follower::new(), firmware: Firmware::default(), verbose }
    }

    /// The release that the driver named.
    pub(crate) fn release(&self) -> Option<DriverRelease> {
        self.follower.release()
    }

    /// What a call means.
    pub(crate) fn decode(&mut self, call: &Call) -> Decoded {
        let held = self.follower.held(call.file.unwrap_or_default());
        let known = self.follower.follow(call);
        match &call.what {
            What::Open { path, flags } => {
                let asked = format!("{path}, {flags:#x}");
                Decoded { name: "open".into(), asked, ..Decoded::default() }
            }
            What::Map { length, offset } => {
                let asked = format!("{length} bytes at {offset:#x}");
                Decoded { name: "mmap".into(), asked, ..Decoded::default() }
            }
            What::Close => Decoded { name: "close".into(), held: Some(held), ..Decoded::default() },
            What::Ioctl { request, before, after } => match known {
                Some(known) => self.known(call, &known, before, after),
                None => {
                    let asked = self.cut(&super::hex(super::trimmed(before)));
                    let asked = format!("{} bytes {asked}", request.size());
                    Decoded { name: format!("ioctl {:#010x}", request.raw()), asked, ..Decoded::default() }
                }
            },
        }
    }

    fn known(&mut self, call: &Call, known: &Known<'_>, before: &[u8], after: &[u8]) -> Decoded {
        let Known { entry, .. } = known;
        let mut decoded = Decoded { name: entry.name.to_owned(), ..Decoded::default() };
        let file = call.file.unwrap_or_default();
        let place = |address| self.follower.place(file, address);
        let fields = entry.codec(DataModel::NATIVE).layout.map_or(&[][..], |layout| layout.fields);
        let (mut asked, mut answered) = (Vec::new(), Vec::new());
        for field in fields {
            let is_out = matches!(field.access, Some(Access::Out));
            let bytes = if is_out || field.access == Some(Access::InOut) { after } else { before };
            if is_out && !call.succeeded() {
                continue;
            }
            let Some(bytes) = field.of(bytes) else { continue };
            words(if is_out { &mut answered } else { &mut asked }, field, bytes, place);
        }
        (decoded.asked, decoded.answered) = (self.join(&asked), self.join(&answered));
        self.explain(&mut decoded, file, known);
        decoded
    }

    /// What the fields alone do not say.
    fn explain(&mut self, decoded: &mut Decoded, file: u32, known: &Known<'_>) {
        let interface = self.follower.firmware();
        match &known.command {
            Some(Command::FwControl(control)) => {
                let answer = match &known.reply {
                    Some(Reply::FwControl(answer)) => Some(answer),
                    _ => None,
                };
                let Control { asked, answered, actions } = self.firmware.control(interface, file, control, answer);
                (decoded.asked, decoded.answered) = (self.cut(&asked), self.cut(&answered));
                decoded.more = if self.verbose { actions.each } else { actions.summary };
            }
            Some(Command::LaunchTransfer(launch)) => {
                let buffers = launch.buffers.iter().take(launch.buffers_count.into());
                let bytes = buffers.map(|buffer| u64::from(buffer.size)).sum();
                decoded.launched = Some((launch.channel_index, bytes));
            }
            _ => {}
        }
        match &known.reply {
            Some(Reply::InterruptsWait(interrupts)) => {
                decoded.answered = describe(interrupts, decoded);
            }
            Some(Reply::Notification(notification)) => {
                let bytes = notification.message().unwrap_or(notification.buffer);
                decoded.answered = super::firmware::notification(interface, bytes);
            }
            Some(Reply::Log(_) | Reply::MemoryTransfer(_)) if !self.verbose => {
                decoded.answered = self.cut(&decoded.answered);
            }
            _ => {}
        }
    }

    fn join(&self, words: &[String]) -> String {
        let words: Vec<String> = words.iter().map(|word| self.cut(word)).collect();
        words.join(" ")
    }

    /// A text, without its end if it is long.
    fn cut(&self, text: &str) -> String {
        match text.char_indices().nth(WIDTH) {
            Some((end, _)) if !self.verbose => format!("{}…", &text[..end]),
            _ => text.to_owned(),
        }
    }
}

/// The interrupts in words; they are also counted.
fn describe(interrupts: &InterruptsWaitReply<'_>, decoded: &mut Decoded) -> String {
    let mut words = Vec::new();
    for interrupt in interrupts.iter() {
        let channel = interrupt.channel_index;
        let (done, unit) = match interrupt.progress {
            Progress::Transfers(count) => (u64::from(count), "done"),
            Progress::Descriptors(index) => (u64::from(index), "at descriptor"),
        };
        let state = if !interrupt.is_active {
            "not active".to_owned()
        } else if !interrupt.validation_success {
            "failed its validation".to_owned()
        } else if interrupt.host_error != 0 || interrupt.device_error != 0 {
            format!("error, host {:#x}, device {:#x}", interrupt.host_error, interrupt.device_error)
        } else if unit == "done" {
            decoded.completed.push((channel, done));
            format!("{done} done")
        } else {
            format!("{unit} {done}")
        };
        words.push(format!("channel {channel}: {state}"));
    }
    if words.is_empty() { "no interrupt".into() } else { words.join(", ") }
}

/// Whether a field is an address of the process.
fn is_address(name: &str) -> bool {
    matches!(name.rsplit('.').next(), Some("user_address" | "addr_or_fd" | "address_or_fd"))
}

/// A field as `name=value`, one for each number in it.
fn words(words: &mut Vec<String>, field: &Field, bytes: &[u8], place: impl Fn(u64) -> Option<String>) {
    if let Kind::Array { element: Kind::Number, count } = &field.kind
        && bytes.len() == *count
        && *count > 16
    {
        let used = super::trimmed(bytes);
        words.push(format!("{}={} bytes {}", field.name, used.len(), super::hex(used)));
        return;
    }
    let mut rows = Vec::new();
    expand(&mut rows, field.name, &field.kind, 0, bytes);
    for row in rows.into_iter().filter(|row| row.value != ALL_ZERO) {
        let address = is_address(&row.field).then(|| row.value.split(' ').next()?.parse().ok()).flatten();
        let value = address.and_then(&place).unwrap_or_else(|| short(&row.value));
        words.push(format!("{}={value}", row.field));
    }
}

/// A number with its meaning, shorter: an enumerator by its name, a large number in hexadecimal.
fn short(value: &str) -> String {
    match value.split_once(" (").and_then(|(number, rest)| Some((number, rest.strip_suffix(')')?))) {
        Some((number, hex)) if hex.starts_with("0x") => {
            if hex.len() > 8 {
                hex.to_owned()
            } else {
                number.to_owned()
            }
        }
        Some((_, name)) if !name.contains(' ') => name.to_owned(),
        _ => value.to_owned(),
    }
}

/// How a call ended: the return value, or the error by its name.
pub(crate) fn outcome(call: &Call) -> String {
    match call.result {
        Some(Ok(value)) if matches!(call.what, What::Map { .. }) => format!("{value:#x}"),
        Some(Ok(value)) => value.to_string(),
        Some(Err(errno)) => errno_name(errno),
        None => "?".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn numbers_are_as_short_as_they_can_be_read() {
        for (value, expected) in [
            ("7", "7"),
            ("7 (0x7)", "7"),
            ("65535 (0xffff)", "65535"),
            ("4294967295 (0xffffffff)", "0xffffffff"),
            ("1 (TO_DEVICE)", "TO_DEVICE"),
            ("1 (two words)", "1 (two words)"),
            ("1 (no end", "1 (no end"),
        ] {
            assert_eq!(short(value), expected);
        }
    }
}
