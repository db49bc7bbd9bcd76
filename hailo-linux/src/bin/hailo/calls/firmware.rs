//! What is said to the firmware and by it.

use std::collections::HashMap;

use hailo_abi::DriverRelease;
use hailo_abi::command::{FwControl, FwControlReply};
use hailo_abi::firmware::actions::{ActionReader, Piece};
use hailo_abi::firmware::control::{CommonHeader, Expected, Opcode, Request, Response};
use hailo_abi::firmware::notification::Notification;
use hailo_abi::firmware::{FirmwareInterface, FirmwareRelease};
use serde_json::{Value, json};

use super::{FileNumber, hex, trimmed};

/// A context longer than this is not put together: no firmware takes it.
const MAX_CONTEXT: usize = 1 << 16;

/// What is known of the firmware.
pub(super) struct Firmware {
    interface: FirmwareInterface,
    /// Whether the firmware itself said what it is.
    identified: bool,
    /// Contexts that are being sent, in parts.
    contexts: HashMap<FileNumber, Vec<u8>>,
}

impl Default for Firmware {
    fn default() -> Self {
        let interface = FirmwareInterface::ALL[FirmwareInterface::ALL.len() - 1];
        Self { interface, identified: false, contexts: HashMap::new() }
    }
}

/// A control in words and as JSON.
#[derive(Default)]
pub(super) struct Control {
    pub(super) asked: String,
    pub(super) answered: String,
    pub(super) actions: Actions,
    pub(super) json: Value,
}

/// The actions of a context.
#[derive(Default)]
pub(super) struct Actions {
    pub(super) each: Vec<String>,
    /// Equal ones that follow each other are counted.
    pub(super) summary: Vec<String>,
}

impl Firmware {
    /// Firmware is of the driver's release as long as it has not said otherwise.
    pub(super) fn driver_is(&mut self, driver: DriverRelease) {
        let release = FirmwareRelease::new(driver.major, driver.minor, driver.revision);
        if let (false, Some(interface)) = (self.identified, release.interface()) {
            self.interface = interface;
        }
    }

    /// What a control asked and brought.
    pub(super) fn control(
        &mut self,
        file: FileNumber,
        control: &FwControl<'_>,
        answer: Option<&FwControlReply<'_>>,
    ) -> Control {
        let length = usize::try_from(control.buffer_len).unwrap_or(usize::MAX);
        let Some(message) = control.buffer.get(..length) else {
            let asked = format!("a message of {} bytes, which is longer than any can be", control.buffer_len);
            let json = json!({ "req_len": control.buffer_len, "req": hex(trimmed(control.buffer)) });
            return Control { asked, json, ..Control::default() };
        };
        let header = CommonHeader::parse(message).map(|(header, _)| header);
        let opcode = header.map(|header| header.opcode);
        let mut actions = Actions::default();
        let what = match Request::decode(self.interface, message) {
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
                    actions = list(self.interface, context);
                    context.clear();
                }
                format!("SET_CONTEXT_INFO {} {} bytes", part.context_type, bytes.len())
            }
            Ok((_, request)) => words(request.opcode(), &format!("{request:?}")),
            Err(error) => error.to_string(),
        };
        let cpu = if control.cpu_id.raw() == 1 { "core" } else { "app" };
        let mut json = json!({
            "opcode": opcode.map(|opcode| opcode.0),
            "opcode_name": opcode.and_then(c_name),
            "cpu_id": control.cpu_id.raw(),
            "timeout_ms": control.timeout_ms,
            "req_len": length,
            "req": hex(message),
        });
        let mut answered = String::new();
        if let Some(answer) = answer {
            let message = answer.message().unwrap_or(answer.buffer);
            answered = opcode.map_or_else(|| hex(message), |opcode| self.response(opcode, message));
            json["resp_len"] = answer.buffer_len.into();
            json["resp"] = hex(message).into();
        }
        Control { asked: format!("{what}, {cpu} CPU"), answered, actions, json }
    }

    fn response(&mut self, opcode: Opcode, message: &[u8]) -> String {
        match Response::decode(self.interface, Expected::opcode(opcode), message) {
            Ok((_, Response::Identity(identity))) => {
                if let Some(interface) = identity.fw_version.release().interface() {
                    (self.interface, self.identified) = (interface, true);
                }
                format!("{identity:?}")
            }
            Ok((_, Response::Done)) => "done".into(),
            Ok((_, Response::Other(payload))) => hex(payload),
            Ok((_, response)) => inner(&format!("{response:?}")),
            Err(error) => error.to_string(),
        }
    }

    /// What a notification says.
    pub(super) fn notification(&self, message: &[u8]) -> String {
        match Notification::decode(self.interface, message) {
            Ok(Notification { event, .. }) => match event.name() {
                Some(name) => format!("{name}: {event}"),
                None => event.to_string(),
            },
            Err(error) => error.to_string(),
        }
    }
}

/// The opcode's name in the vendor's header.
fn c_name(opcode: Opcode) -> Option<&'static str> {
    let enumerators = Opcode::ENUMERATION.enumerators.iter();
    enumerators.rev().find(|enumerator| enumerator.value == u64::from(opcode.0)).map(|enumerator| enumerator.c_name)
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
