//! What the bytes of a line mean: its `p` and `fw`.

use hailo_abi::command::{Command, FwControl, FwControlReply, InterruptsWaitReply, LaunchTransfer, Progress, Reply};
use hailo_abi::enums::{DataDirection, SyncType};
use hailo_abi::firmware::control::{CommonHeader, Opcode};
use hailo_abi::firmware::notification::Notification;
use hailo_abi::wire::{Access, Field, Kind};
use hailo_abi::{ChannelId, DataModel, Operation};
use md5::{Digest, Md5};
use serde_json::{Map, Value, json};

use super::line::{hex, hexadecimal, trimmed};
use super::{Call, Follower, Known, Memory, What};

type Object = Map<String, Value>;

/// The most bytes of which a sum is written.
const MAX_SUMMED: u64 = 64 << 20;

/// The integers from here on are not exact in programs that keep numbers as floating point, as JavaScript does.
const FIRST_INEXACT: u64 = 1 << 53;

/// What a `mmap` asked for.
pub(super) fn mapping(length: u64, offset: u64) -> Object {
    object(json!({ "length": length, "offset": hexadecimal(offset) }))
}

/// The fields and the firmware messages of a request.
pub(super) fn of(
    known: &Known<'_>,
    call: &Call,
    follower: &Follower,
    memory: Option<&Memory>,
) -> (Option<Object>, Option<Object>) {
    if let Some(Command::FwControl(control)) = &known.command {
        let answer = match &known.reply {
            Some(Reply::FwControl(answer)) => Some(answer),
            _ => None,
        };
        return (None, Some(messages(control, answer)));
    }
    let What::Ioctl { before, after, .. } = &call.what else { return (None, None) };
    let file = Fields { follower, file: call.file.unwrap_or_default(), operation: known.entry.operation };
    let mut fields = match known.entry.operation {
        // Bytes for the firmware's own programs, and messages that `notification` explains.
        Operation::ReadLog | Operation::ReadNotification => Object::new(),
        _ => file.all(known, call.succeeded(), before, after),
    };
    match (&known.command, &known.reply) {
        (_, Some(Reply::InterruptsWait(reply))) => {
            fields.insert("irq".into(), interrupts(reply));
        }
        (_, Some(Reply::Notification(notification))) => {
            let bytes = notification.message().unwrap_or(notification.buffer);
            let words = match Notification::decode(follower.firmware(), bytes) {
                Ok(Notification { event, .. }) => match event.name() {
                    Some(name) => format!("{name}: {event}"),
                    None => event.to_string(),
                },
                Err(error) => error.to_string(),
            };
            fields.insert("notification".into(), words.into());
        }
        _ => {}
    }
    fields.extend(known.frame.map(|frame| ("frame".to_owned(), frame.into())));
    let given = memory.filter(|_| call.succeeded()).and_then(|memory| {
        let process = call.origin.map(|origin| origin.process);
        file.given(known.command.as_ref()?, |address, bytes| memory(process, address, bytes))
    });
    fields.extend(given.map(|sum| ("md5".to_owned(), sum.into())));
    (Some(fields).filter(|fields| !fields.is_empty()), None)
}

/// What the fields of a call are read with.
struct Fields<'a> {
    follower: &'a Follower,
    file: u32,
    operation: Operation,
}

impl Fields<'_> {
    /// The fields that the process set, and of a call that succeeded, those that the driver did.
    fn all(&self, known: &Known<'_>, succeeded: bool, before: &[u8], after: &[u8]) -> Object {
        let mut fields = Object::new();
        let layout = known.entry.codec(DataModel::NATIVE).layout;
        for field in layout.map_or(&[][..], |layout| layout.fields) {
            let bytes = match field.access {
                Some(Access::Out) if !succeeded => continue,
                Some(Access::Out | Access::InOut) => after,
                _ => before,
            };
            let Some(bytes) = field.of(bytes) else { continue };
            let Some(name) = self.name(field.name) else { continue };
            fields.insert(name.to_owned(), self.value(field.name, &field.kind, bytes));
            if field.name == "user_address" && known.entry.operation == Operation::BufferMap {
                let address = number(bytes).filter(|address| *address != 0);
                fields.insert("align".into(), address.map_or(0, |address| 1u64 << address.trailing_zeros()).into());
            }
        }
        fields
    }

    /// What a field is called in a recording, if it is not said otherwise there.
    fn name<'n>(&self, field: &'n str) -> Option<&'n str> {
        Some(match (self.operation, field) {
            (Operation::QueryDriverInfo, _) => field.strip_suffix("_version").unwrap_or(field),
            // Those of the vendor's boards are 0; how many buffers there are is seen.
            (Operation::LaunchTransfer, "engine_index" | "buffers_count") => return None,
            // Said by `irq`.
            (Operation::InterruptsWait, "channels_count" | "irq_data") => return None,
            (_, "channels_bitmap_per_engine") => "bitmap",
            (_, "enable_timestamps_measure") => "timestamps",
            _ => field,
        })
    }

    fn value(&self, name: &str, kind: &Kind, bytes: &[u8]) -> Value {
        match kind {
            Kind::Number | Kind::Bool | Kind::Enum { .. } => {
                let Some(number) = number(bytes) else { return hex(trimmed(bytes)).into() };
                match name {
                    "user_address" | "addr_or_fd" => match self.follower.place(self.file, number) {
                        Some(place) => place.into(),
                        None => hexadecimal(number).into(),
                    },
                    "desc_handle" | "dma_address" | "allocated_buffer_handle" | "channels_bitmap_per_engine" => {
                        hexadecimal(number).into()
                    }
                    _ if number >= FIRST_INEXACT => hexadecimal(number).into(),
                    _ => number.into(),
                }
            }
            Kind::Struct(layout) => {
                let member = |field: &Field| {
                    let name = match field.name {
                        "buffer_type" => "type",
                        "addr_or_fd" => "addr",
                        name => name,
                    };
                    Some((name.to_owned(), self.value(field.name, &field.kind, field.of(bytes)?)))
                };
                Value::Object(layout.fields.iter().filter_map(member).collect())
            }
            Kind::Array { element: Kind::Number, count } if bytes.len() == *count => hex(trimmed(bytes)).into(),
            Kind::Array { element, count } => {
                let step = (bytes.len() / (*count).max(1)).max(1);
                let used = match (self.operation, name) {
                    (Operation::InterruptsWait, "channels_bitmap_per_engine") => {
                        trimmed(bytes).len().div_ceil(step).max(1)
                    }
                    (_, "channels_bitmap_per_engine") => *count,
                    _ => trimmed(bytes).len().div_ceil(step),
                };
                bytes.chunks_exact(step).take(used).map(|bytes| self.value(name, element, bytes)).collect()
            }
        }
    }

    /// The MD5 of the bytes that a call gives to the device.
    fn given(&self, command: &Command<'_>, read: impl Fn(u64, &mut [u8]) -> bool) -> Option<String> {
        let mut pieces = Vec::new();
        match command {
            Command::BufferSync(sync) if sync.sync_type == SyncType::FOR_DEVICE => {
                let buffer = self.follower.buffer(self.file, sync.handle)?;
                pieces.push((buffer.address.checked_add(sync.offset)?, sync.count));
            }
            Command::LaunchTransfer(launch) if ChannelId::new(launch.channel_index).is_to_device() => {
                pieces = self.pieces(launch)?;
            }
            _ => return None,
        }
        let length = pieces.iter().try_fold(0u64, |sum, (_, length)| sum.checked_add(*length))?;
        if length > MAX_SUMMED {
            return None;
        }
        let mut sum = Md5::new();
        let mut chunk = [0; 4096];
        for (mut address, mut length) in pieces {
            while length > 0 {
                let count = usize::try_from(length).unwrap_or(usize::MAX).min(chunk.len());
                let part = chunk.get_mut(..count)?;
                if !read(address, part) {
                    return None;
                }
                sum.update(&*part);
                length -= part.len() as u64;
                address = address.checked_add(part.len() as u64)?;
            }
        }
        Some(hex(&sum.finalize()))
    }

    /// Where the bytes of a transfer are; `None` if some are not in a buffer for the device.
    fn pieces(&self, launch: &LaunchTransfer) -> Option<Vec<(u64, u64)>> {
        let buffers = launch.buffers.iter().take(launch.buffers_count.into());
        buffers
            .map(|buffer| {
                if buffer.address_or_fd != 0 {
                    return Some((buffer.address_or_fd, buffer.size.into()));
                }
                let known = self.follower.buffer(self.file, buffer.mapped_buffer_handle)?;
                let is_given = known.direction != DataDirection::FROM_DEVICE && known.address != 0;
                let end = u64::from(buffer.offset).checked_add(buffer.size.into())?;
                let address = known.address.checked_add(buffer.offset.into())?;
                (is_given && end <= known.size).then_some((address, buffer.size.into()))
            })
            .collect()
    }
}

/// The interrupts: engine, channel, and what the driver says of it.
fn interrupts(reply: &InterruptsWaitReply<'_>) -> Value {
    const NOT_ACTIVE: u16 = 0xff;
    const ERROR: u16 = 0xfe;
    let word = |interrupt: &hailo_abi::command::ChannelInterrupt| {
        let failed = !interrupt.validation_success || interrupt.host_error != 0 || interrupt.device_error != 0;
        match interrupt.progress {
            _ if !interrupt.is_active => NOT_ACTIVE,
            _ if failed => ERROR,
            Progress::Transfers(count) => count.into(),
            Progress::Descriptors(index) => index,
        }
    };
    reply.iter().map(|interrupt| json!([interrupt.engine_index, interrupt.channel_index, word(&interrupt)])).collect()
}

/// A control and its answer.
fn messages(control: &FwControl<'_>, answer: Option<&FwControlReply<'_>>) -> Object {
    let length = usize::try_from(control.buffer_len).unwrap_or(usize::MAX);
    let Some(message) = control.buffer.get(..length) else {
        return object(json!({ "req_len": control.buffer_len, "req": hex(trimmed(control.buffer)) }));
    };
    let opcode = CommonHeader::parse(message).map(|(header, _)| header.opcode);
    let mut messages = object(json!({
        "opcode": opcode.map(|opcode| opcode.0),
        "opcode_name": opcode.and_then(opcode_name),
        "cpu_id": control.cpu_id.raw(),
        "timeout_ms": control.timeout_ms,
        "req_len": length,
        "req": hex(message),
    }));
    if let Some(answer) = answer {
        messages.insert("resp_len".into(), answer.buffer_len.into());
        messages.insert("resp".into(), hex(answer.message().unwrap_or(answer.buffer)).into());
    }
    messages
}

/// The opcode's name in the vendor's header.
fn opcode_name(opcode: Opcode) -> Option<&'static str> {
    let enumerators = Opcode::ENUMERATION.enumerators.iter();
    enumerators.rev().find(|enumerator| enumerator.value == u64::from(opcode.0)).map(|enumerator| enumerator.c_name)
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

/// The little-endian number, if it has at most 8 bytes.
fn number(bytes: &[u8]) -> Option<u64> {
    let mut number = [0; 8];
    number.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u64::from_le_bytes(number))
}

#[cfg(test)]
mod tests {
    use hailo_abi::command::ChannelInterrupt;

    use super::{InterruptsWaitReply, Progress, interrupts, json};

    #[test]
    fn interrupts_are_written_as_the_later_drivers_write_them() {
        let done = ChannelInterrupt {
            engine_index: 0,
            channel_index: 16,
            is_active: true,
            progress: Progress::Transfers(3),
            host_error: 0,
            device_error: 0,
            validation_success: true,
        };
        for (interrupt, word) in [
            (done, 3),
            (ChannelInterrupt { progress: Progress::Descriptors(300), ..done }, 300),
            (ChannelInterrupt { host_error: 1, ..done }, 0xfe),
            (ChannelInterrupt { device_error: 1, ..done }, 0xfe),
            (ChannelInterrupt { validation_success: false, ..done }, 0xfe),
            (ChannelInterrupt { is_active: false, host_error: 1, ..done }, 0xff),
        ] {
            assert_eq!(interrupts(&InterruptsWaitReply::new(&[interrupt])), json!([[0, 16, word]]), "{interrupt:?}");
        }
    }
}
