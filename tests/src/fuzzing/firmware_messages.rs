//! Every parser of firmware messages on any bytes: none panics, and what is read is written as it was.
//!
//! The first byte chooses the generation of the protocol, the rest is the message for all parsers.

use hailo_abi::firmware::actions::{ActionReader, MAX_PIECE_SIZE};
use hailo_abi::firmware::control::{
    CommonHeader, Expected, HealthInformation, MessageBuffer, Request, Response, ResponseHeader,
};
use hailo_abi::firmware::image::{FirmwareImage, FirmwareType};
use hailo_abi::firmware::log::LogLines;
use hailo_abi::firmware::notification::{Event, MAX_NOTIFICATION_SIZE, Notification, NotificationError};
use hailo_abi::firmware::user_config::UserConfigReader;
use hailo_abi::firmware::{FirmwareInterface, FirmwareStatus, NetworkGroupHeader};

/// Checks all parsers.
///
/// # Panics
/// If one of them is wrong.
pub fn run(data: &[u8]) {
    let Some((&choice, message)) = data.split_first() else { return };
    let interface = FirmwareInterface::ALL[usize::from(choice) % FirmwareInterface::ALL.len()];
    actions(interface, message);
    request(interface, message);
    response(interface, message);
    notification(interface, message);
    stored(interface, message);
}

/// The pieces that can be read are those bytes.
fn actions(interface: FirmwareInterface, message: &[u8]) {
    let mut reader = ActionReader::new(interface, message);
    let mut buffer = [0; MAX_PIECE_SIZE];
    let mut written = 0;
    while let Some(piece) = reader.next() {
        match piece {
            Ok(piece) => {
                let length = piece.encode(interface, &mut buffer).expect("a piece that was read");
                assert_eq!(buffer[..length], message[written..written + length]);
                written += length;
                assert_eq!(reader.offset(), written);
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                assert!(reader.next().is_none());
                return;
            }
        }
    }
    assert_eq!(written, message.len());
}

fn request(interface: FirmwareInterface, message: &[u8]) {
    match Request::decode(interface, message) {
        Ok((header, read)) => match read.encode(interface, header.sequence) {
            // The reserved flags are not kept.
            Ok(written) => {
                assert_eq!(written.as_slice()[..4], message[..4]);
                assert_eq!(written.as_slice()[8..], message[8..]);
            }
            Err(_) => assert!(message.len() > MessageBuffer::new().capacity()),
        },
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    // What is the same in all generations is read alike by all.
    if let Some((CommonHeader { opcode, .. }, _)) = CommonHeader::parse(message)
        && opcode.is_release_independent()
    {
        let read = Request::decode(FirmwareInterface::RELEASE_INDEPENDENT, message);
        assert_eq!(Request::decode(interface, message), read);
    }
}

fn response(interface: FirmwareInterface, message: &[u8]) {
    let Some((header, payload)) = ResponseHeader::parse(message) else { return };
    let CommonHeader { opcode, sequence, .. } = header.common;
    match Response::decode(interface, Expected::request(opcode, sequence), message) {
        Ok((_, read)) => {
            if let Response::HealthInformation(health) = &read {
                let threshold = HealthInformation::red_overcurrent_threshold_of(health.red_overcurrent_milliamperes());
                assert!(threshold >= 0.0);
            }
            if let Response::MainHeaderAnswer(headers) = &read {
                for index in 0..usize::from(headers.application_count()) {
                    let _ = headers.header(interface, index);
                }
            }
            match read.encode(interface, &header.common) {
                Ok(written) => assert_eq!(written.as_slice()[24..], *payload),
                Err(_) => assert!(message.len() > MessageBuffer::new().capacity()),
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Whether a notification is refused for its event, which another generation may read.
fn of_event(error: &NotificationError) -> bool {
    !matches!(error, NotificationError::Header { .. } | NotificationError::PayloadLength { .. })
}

/// Not a number is not equal to itself, so that the words are compared.
fn assert_same(one: Result<Notification<'_>, NotificationError>, other: Notification<'_>) {
    assert_eq!(format!("{one:?}"), format!("Ok({other:?})"));
}

fn notification(interface: FirmwareInterface, message: &[u8]) {
    let decoded = Notification::decode(interface, message);
    let independent = Notification::decode_release_independent(message);
    assert_eq!(decoded.is_err_and(|error| !of_event(&error)), independent.is_err_and(|error| !of_event(&error)));
    if let Ok(independent) = independent
        && Event::is_release_independent(independent.event.id())
    {
        assert_same(decoded, independent);
    }
    match decoded {
        Ok(read) => {
            assert!(!read.event.to_string().is_empty());
            let mut first = [0; MAX_NOTIFICATION_SIZE];
            let Ok(length) = read.encode(interface, &mut first) else {
                assert!(message.len() > MAX_NOTIFICATION_SIZE);
                return;
            };
            // Padding is not kept, so the bytes are compared after one turn.
            assert_eq!(length, message.len());
            let again = Notification::decode(interface, &first[..length]).expect("what was written");
            let mut second = [0; MAX_NOTIFICATION_SIZE];
            assert_eq!(again.encode(interface, &mut second), Ok(length));
            assert_eq!(first[..], second[..]);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The entries that can be read are those bytes.
fn user_config(message: &[u8]) {
    let checked = UserConfigReader::check(message);
    let mut entries = match UserConfigReader::new(message) {
        Ok(entries) => entries,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(checked, Err(error));
            return;
        }
    };
    let header = entries.header();
    let mut written = header.to_bytes().expect("a header that was read").to_vec();
    let mut count = 0;
    for entry in entries.by_ref() {
        match entry {
            Ok((entry, value)) => {
                assert_eq!(entry.entry_size as usize, value.len());
                written.extend(entry.to_bytes().expect("an entry that was read"));
                written.extend_from_slice(value);
                count += 1;
            }
            Err(error) => assert_eq!(checked, Err(error)),
        }
    }
    // Each entry takes bytes, so the stated number cannot keep it going.
    assert!(count <= header.entry_count && written.len() <= message.len());
    assert_eq!([&written, entries.rest()].concat(), message);
    assert_eq!(checked.is_ok(), count == header.entry_count && entries.rest().is_empty());
    assert!(entries.next().is_none());
}

/// A name leads back to its number.
fn status(message: &[u8]) {
    let Some(word) = message.first_chunk() else { return };
    let status = FirmwareStatus(u32::from_le_bytes(*word));
    assert!(status.to_string().contains(&format!("{:#010x}", status.0)) || status.is_success());
    assert_eq!(status.since().is_some(), status.name().is_some());
}

fn stored(interface: FirmwareInterface, message: &[u8]) {
    if let Ok(header) = NetworkGroupHeader::decode(interface, message) {
        let mut written = [0; NetworkGroupHeader::MAX_SIZE];
        let length = header.encode(interface, &mut written).expect("a header that was read");
        assert_eq!(written[..length], *message);
        assert!(header.config_channels.as_slice().len() <= 24);
    }
    for chip in [FirmwareType::HAILO8, FirmwareType::HAILO15, FirmwareType::HAILO15L, FirmwareType::MARS] {
        match FirmwareImage::parse(interface, chip, message) {
            Ok(image) => {
                let mut written = Vec::new();
                image.write(|bytes| written.extend_from_slice(bytes)).expect("an image that was read");
                assert_eq!(written, message);
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    user_config(message);
    status(message);
    let mut lines = LogLines::<16>::new();
    let mut length = 0;
    lines.push(message, |line| length += line.len());
    lines.finish(|line| length += line.len());
    assert_eq!(length, message.iter().filter(|&&byte| byte != b'\n').count());
}
