//! What is said to the firmware and by it.

use std::collections::HashMap;

use hailo_abi::command::{FwControl, FwControlReply};
use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::actions::{ActionReader, Piece};
use hailo_abi::firmware::control::{CommonHeader, Expected, Opcode, Request, Response};
use hailo_abi::firmware::notification::Notification;

use super::hex;

/// A context longer than this is not put together: no firmware takes it.
const MAX_CONTEXT: usize = 1 << 16;

/// Contexts that are being sent to the firmware, in parts, by open file.
#[derive(Default)]
pub(super) struct Firmware {
    contexts: HashMap<u32, Vec<u8>>,
}

/// A control in words.
#[derive(Default)]
pub(super) struct Control {
    pub(super) asked: String,
    pub(super) answered: String,
    pub(super) actions: Actions,
}

/// The actions of a context.
#[derive(Default)]
pub(super) struct Actions {
    pub(super) each: Vec<String>,
    /// Equal ones that follow each other are counted.
    pub(super) summary: Vec<String>,
}

impl Firmware {
    /// What a control asked and brought.
    pub(super) fn control(
        &mut self,
        interface: FirmwareInterface,
        file: u32,
        control: &FwControl<'_>,
        answer: Option<&FwControlReply<'_>>,
    ) -> Control {
        let length = usize::try_from(control.buffer_len).unwrap_or(usize::MAX);
        let Some(message) = control.buffer.get(..length) else {
            let asked = format!("a message of {} bytes, which is longer than any can be", control.buffer_len);
            return Control { asked, ..Control::default() };
        };
        let header = CommonHeader::parse(message).map(|(header, _)| header);
        let opcode = header.map(|header| header.opcode);
        let mut actions = Actions::default();
        let what = match Request::decode(interface, message) {
            Ok((_, Request::SetContextInfo(part))) => {
                let context = self.contexts.entry(file).or_default();
                if part.is_first_chunk_per_context.get() {
                    context.clear();
                }
                let bytes = part.context_network_data;
                if context.len() + bytes.len() <= MAX_CONTEXT {
                    context.extend_from_slice(bytes);
                }
                if part.is_last_chunk_per_context.get() {
                    actions = list(interface, context);
                    context.clear();
                }
                format!("SET_CONTEXT_INFO {} {} bytes", part.context_type, bytes.len())
            }
            Ok((_, request)) => words(request.opcode(), &format!("{request:?}")),
            Err(error) => error.to_string(),
        };
        let cpu = if control.cpu_id.raw() == 1 { "core" } else { "app" };
        let answered = answer.map_or_else(String::new, |answer| {
            let message = answer.message().unwrap_or(answer.buffer);
            opcode.map_or_else(|| hex(message), |opcode| response(interface, opcode, message))
        });
        Control { asked: format!("{what}, {cpu} CPU"), answered, actions }
    }
}

/// What the firmware answered.
fn response(interface: FirmwareInterface, opcode: Opcode, message: &[u8]) -> String {
    match Response::decode(interface, Expected::opcode(opcode), message) {
        Ok((_, Response::Identity(identity))) => format!("{identity:?}"),
        Ok((_, Response::Done)) => "done".into(),
        Ok((_, Response::Other(payload))) => hex(payload),
        Ok((_, response)) => inner(&format!("{response:?}")),
        Err(error) => error.to_string(),
    }
}

/// What a notification says.
pub(super) fn notification(interface: FirmwareInterface, message: &[u8]) -> String {
    match Notification::decode(interface, message) {
        Ok(Notification { event, .. }) => match event.name() {
            Some(name) => format!("{name}: {event}"),
            None => event.to_string(),
        },
        Err(error) => error.to_string(),
    }
}

/// `Variant(Struct { … })` without the variant.
fn inner(debug: &str) -> String {
    let stripped = debug.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    stripped.unwrap_or(debug).to_owned()
}

/// A request by its vendor's name and with its parameters.
fn words(opcode: Opcode, debug: &str) -> String {
    let parameters = debug.split_once(" { ").and_then(|(_, rest)| rest.rsplit_once(" }")).map(|(inside, _)| inside);
    match parameters {
        Some(parameters) => format!("{opcode} {parameters}"),
        None => opcode.to_string(),
    }
}

/// The actions of a whole context.
fn list(interface: FirmwareInterface, bytes: &[u8]) -> Actions {
    let mut actions = Actions::default();
    let mut last: Option<(String, usize)> = None;
    let flush = |summary: &mut Vec<String>, last: &mut Option<(String, usize)>| match last.take() {
        Some((name, 1)) => summary.push(name),
        Some((name, count)) => summary.push(format!("{name} ×{count}")),
        None => {}
    };
    for piece in ActionReader::new(interface, bytes) {
        match piece {
            Ok(Piece::Repetition { header, .. }) => {
                actions.each.push(format!("{} times {}", header.count, header.sub_action_type));
            }
            Ok(piece) => {
                let Some(action) = piece.action() else { continue };
                actions.each.push(words_of_action(&format!("{action:?}"), action.action_type()));
                let name = action.action_type().to_string();
                match &mut last {
                    Some((same, count)) if *same == name => *count += 1,
                    _ => {
                        flush(&mut actions.summary, &mut last);
                        last = Some((name, 1));
                    }
                }
            }
            Err(error) => {
                flush(&mut actions.summary, &mut last);
                actions.each.push(error.to_string());
                actions.summary.push(error.to_string());
            }
        }
    }
    flush(&mut actions.summary, &mut last);
    // Many to a line: the details are for those who ask for them.
    actions.summary = actions.summary.chunks(6).map(|names| names.join(", ")).collect();
    actions
}

fn words_of_action(debug: &str, kind: hailo_abi::firmware::actions::ActionType) -> String {
    match debug.split_once(" { ").and_then(|(_, rest)| rest.rsplit_once(" }")) {
        Some((parameters, _)) => format!("{kind} {parameters}"),
        None => kind.to_string(),
    }
}
