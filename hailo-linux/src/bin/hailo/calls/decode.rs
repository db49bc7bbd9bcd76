//! [`Decoder`]: what a call means.
//!
//! The release of the driver is found from the calls themselves: from the answer to the version query, and before there is
//! one, from the codes that are used.

use std::collections::{BTreeMap, HashMap, HashSet};

use hailo_abi::command::{Command, InterruptsWaitReply, Progress, Reply};
use hailo_abi::interface::{RELEASES, RequestEntry};
use hailo_abi::wire::{Access, Field, Kind};
use hailo_abi::{DataModel, DriverRelease, Interface, Operation, Request};
use serde_json::{Map, Value, json};

use super::firmware::{Control, Firmware};
use super::{Call, FileNumber, What, errno_name};
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
    /// The fields.
    pub(crate) fields: Map<String, Value>,
    /// The messages of a firmware control.
    pub(crate) control: Option<Value>,
    /// What the driver was asked for.
    pub(crate) operation: Option<Operation>,
    /// A launch: the channel and the bytes.
    pub(crate) launched: Option<(u8, u64)>,
    /// Transfers that were reported as done, by channel.
    pub(crate) completed: Vec<(u8, u64)>,
    /// At a close: what the file still held.
    pub(crate) held: Option<Held>,
}

/// How many resources an open file holds, as far as its calls tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) mappings: usize,
    pub(crate) lists: usize,
}

/// What is known of an open file.
#[derive(Default)]
struct File {
    /// Address and size of mapped buffers, by handle.
    buffers: BTreeMap<u64, (u64, u64)>,
    lists: HashSet<u64>,
}

impl File {
    /// An address as a place in a mapped buffer, the newest one if there are several.
    fn place(&self, address: u64) -> Option<String> {
        let holds = |(_, (start, size)): &(&u64, &(u64, u64))| address >= *start && address - start < *size;
        let (handle, (start, _)) = self.buffers.iter().rev().find(holds)?;
        Some(format!("buf#{handle}+{}", address - start))
    }
}

/// Reads calls in the order in which they returned.
pub(crate) struct Decoder {
    /// The interfaces that the driver can have.
    candidates: Vec<(DriverRelease, &'static Interface)>,
    /// What the driver said.
    release: Option<DriverRelease>,
    firmware: Firmware,
    files: HashMap<FileNumber, File>,
    /// Whether long values are printed whole.
    verbose: bool,
}

impl Decoder {
    pub(crate) fn new(verbose: bool) -> Self {
        let candidates = RELEASES.to_vec();
        Self { candidates, release: None, firmware: Firmware::default(), files: HashMap::new(), verbose }
    }

    /// The release that the driver named.
    pub(crate) fn release(&self) -> Option<DriverRelease> {
        self.release
    }

    /// The request with a code: of the driver's release, or of the newest one that it can be.
    fn find(&self, code: u32) -> Option<(&'static Interface, &'static RequestEntry)> {
        let entry = |interface: &'static Interface| {
            interface.find(Request::from_raw(code), DataModel::NATIVE).map(|entry| (interface, entry))
        };
        let likely = self.candidates.iter().rev().find_map(|(_, interface)| entry(interface));
        // Whoever looks for the release asks with codes of others too.
        likely.or_else(|| RELEASES.iter().rev().find_map(|(_, interface)| entry(interface)))
    }

    /// Learns from a call which releases the driver can be of.
    fn learn(&mut self, code: u32, call: &Call, reply: Option<&Reply<'_>>) {
        if let Some(Reply::DriverInfo(info)) = reply {
            self.release = Some(info.release);
            self.firmware.driver_is(info.release);
            if let Some(interface) = Interface::of(info.release) {
                self.candidates = vec![(info.release, interface)];
            }
        } else if self.release.is_none() && call.succeeded() {
            let has = |interface: &Interface| interface.find(Request::from_raw(code), DataModel::NATIVE).is_some();
            if self.candidates.iter().any(|(_, interface)| has(interface)) {
                self.candidates.retain(|(_, interface)| has(interface));
            }
        }
    }

    /// What a call means.
    pub(crate) fn decode(&mut self, call: &Call) -> Decoded {
        match &call.what {
            What::Open { path, flags } => {
                let asked = format!("{path}, {flags:#x}");
                Decoded { name: "open".into(), asked, ..Decoded::default() }
            }
            What::Map { length, offset } => {
                let fields = json!({ "length": length, "offset": format!("{offset:#x}") });
                let asked = format!("{length} bytes at {offset:#x}");
                Decoded { name: "mmap".into(), asked, fields: object(fields), ..Decoded::default() }
            }
            What::Close => {
                let file = call.file.and_then(|number| self.files.remove(&number)).unwrap_or_default();
                let held = Some(Held { mappings: file.buffers.len(), lists: file.lists.len() });
                Decoded { name: "close".into(), held, ..Decoded::default() }
            }
            What::Ioctl { request, before, after, .. } => self.ioctl(call, *request, before, after),
        }
    }

    fn ioctl(&mut self, call: &Call, request: u32, before: &[u8], after: &[u8]) -> Decoded {
        let Some((interface, entry)) = self.find(request) else {
            let code = Request::from_raw(request);
            let asked = format!("{} bytes {}", code.size(), self.cut(&super::hex(super::trimmed(before))));
            return Decoded { name: format!("ioctl {request:#010x}"), asked, ..Decoded::default() };
        };
        let model = DataModel::NATIVE;
        let code = Request::from_raw(request);
        let command = interface.decode(model, code, before).ok();
        let reply = interface.decode_reply(model, code, after).ok().filter(|_| call.succeeded());
        self.learn(request, call, reply.as_ref());
        let number = call.file.unwrap_or_default();
        self.track(number, call.succeeded(), command.as_ref(), reply.as_ref());

        let mut decoded =
            Decoded { name: entry.name.to_owned(), operation: Some(entry.operation), ..Decoded::default() };
        let file = self.files.entry(number).or_default();
        let fields = entry.codec(model).layout.map_or(&[][..], |layout| layout.fields);
        let (mut asked, mut answered) = (Vec::new(), Vec::new());
        for field in fields {
            let is_out = matches!(field.access, Some(Access::Out));
            let bytes = if is_out || field.access == Some(Access::InOut) { after } else { before };
            if is_out && !call.succeeded() {
                continue;
            }
            let Some(bytes) = field.of(bytes) else { continue };
            decoded.fields.insert(field.name.to_owned(), value(field, bytes, file));
            let text = if is_out { &mut answered } else { &mut asked };
            words(text, field, bytes, file);
        }
        (decoded.asked, decoded.answered) = (self.join(&asked), self.join(&answered));
        self.explain(&mut decoded, number, command.as_ref(), reply.as_ref());
        decoded
    }

    /// Follows what the file holds.
    fn track(&mut self, number: FileNumber, done: bool, command: Option<&Command<'_>>, reply: Option<&Reply<'_>>) {
        let file = self.files.entry(number).or_default();
        match (command, reply) {
            (Some(Command::BufferMap(map)), Some(Reply::BufferMap(reply))) => {
                file.buffers.insert(reply.mapped_handle, (map.address_or_fd, map.size));
            }
            (Some(Command::BufferUnmap(unmap)), _) if done => {
                file.buffers.remove(&unmap.mapped_handle);
            }
            (_, Some(Reply::DescListCreate(reply))) => {
                file.lists.insert(reply.desc_handle);
            }
            (Some(Command::DescListRelease(release)), _) if done => {
                file.lists.remove(&release.desc_handle);
            }
            _ => {}
        }
    }

    /// What the fields alone do not say.
    fn explain(
        &mut self,
        decoded: &mut Decoded,
        file: FileNumber,
        command: Option<&Command<'_>>,
        reply: Option<&Reply<'_>>,
    ) {
        match command {
            Some(Command::FwControl(control)) => {
                let answer = match reply {
                    Some(Reply::FwControl(answer)) => Some(answer),
                    _ => None,
                };
                let Control { asked, answered, actions, json } = self.firmware.control(file, control, answer);
                (decoded.asked, decoded.answered) = (self.cut(&asked), self.cut(&answered));
                decoded.more = if self.verbose { actions.each } else { actions.summary };
                decoded.control = Some(json);
                decoded.fields.clear();
            }
            Some(Command::LaunchTransfer(launch)) => {
                let buffers = launch.buffers.iter().take(launch.buffers_count.into());
                let bytes = buffers.map(|buffer| u64::from(buffer.size)).sum();
                decoded.launched = Some((launch.channel_index, bytes));
            }
            _ => {}
        }
        match reply {
            Some(Reply::InterruptsWait(interrupts)) => {
                decoded.answered = describe(interrupts, decoded);
            }
            Some(Reply::Notification(notification)) => {
                let bytes = notification.message().unwrap_or(notification.buffer);
                decoded.answered = self.firmware.notification(bytes);
                decoded.fields.insert("notification".into(), decoded.answered.clone().into());
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

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The interrupts in words; they are also counted.
fn describe(interrupts: &InterruptsWaitReply<'_>, decoded: &mut Decoded) -> String {
    let mut list = Vec::new();
    let mut words = Vec::new();
    for interrupt in interrupts.iter() {
        let channel = interrupt.channel_index;
        let (done, unit) = match interrupt.progress {
            Progress::Transfers(count) => (u64::from(count), "done"),
            Progress::Descriptors(index) => (u64::from(index), "at descriptor"),
        };
        list.push(json!([interrupt.engine_index, channel, done]));
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
    decoded.fields.insert("irq".into(), Value::Array(list));
    if words.is_empty() { "no interrupt".into() } else { words.join(", ") }
}

/// Whether a field is an address of the process.
fn is_address(name: &str) -> bool {
    matches!(name.rsplit('.').next(), Some("user_address" | "addr_or_fd" | "address_or_fd"))
}

fn number(bytes: &[u8]) -> Option<u64> {
    let mut number = [0; 8];
    number.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u64::from_le_bytes(number))
}

/// A field as `name=value`, one for each number in it.
fn words(words: &mut Vec<String>, field: &Field, bytes: &[u8], file: &File) {
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
        let value = address.and_then(|address| file.place(address)).unwrap_or_else(|| short(&row.value));
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

/// A field as JSON.
fn value(field: &Field, bytes: &[u8], file: &File) -> Value {
    fn of(name: &str, kind: &Kind, bytes: &[u8], file: &File) -> Value {
        match kind {
            Kind::Number | Kind::Bool | Kind::Enum { .. } => match number(bytes) {
                Some(address) if is_address(name) && file.place(address).is_some() => file.place(address).into(),
                // What JSON cannot hold in many languages.
                Some(large) if large >= 1 << 53 => format!("{large:#x}").into(),
                number => number.into(),
            },
            Kind::Struct(layout) => {
                let fields = layout.fields.iter();
                let member = |field: &Field| {
                    let bytes = field.of(bytes)?;
                    Some((field.name.to_owned(), of(field.name, &field.kind, bytes, file)))
                };
                Value::Object(fields.filter_map(member).collect())
            }
            Kind::Array { element: Kind::Number, count } if bytes.len() == *count => {
                super::hex(super::trimmed(bytes)).into()
            }
            Kind::Array { element, count } => {
                let step = (bytes.len() / (*count).max(1)).max(1);
                let used = super::trimmed(bytes).len().div_ceil(step);
                bytes.chunks_exact(step).take(used).map(|bytes| of(name, element, bytes, file)).collect()
            }
        }
    }
    of(field.name, &field.kind, bytes, file)
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
