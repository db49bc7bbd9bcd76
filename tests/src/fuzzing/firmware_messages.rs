//! Every parser of firmware messages on any bytes: none panics, and what is read is written as it was.
//!
//! The first byte chooses the generation of the protocol, the rest is the message for all parsers.

use hailo_abi::firmware::actions::{ActionReader, MAX_PIECE_SIZE};
use hailo_abi::firmware::control::{
    CommonHeader, Expected, HealthInformation, MessageBuffer, Request, Response, ResponseHeader,
};
use hailo_abi::firmware::image::{FirmwareImage, FirmwareType};
use hailo_abi::firmware::log::LogLines;
use hailo_abi::firmware::notification::{MAX_NOTIFICATION_SIZE, Notification};
use hailo_abi::firmware::user_config::UserConfigReader;
use hailo_abi::firmware::{FirmwareInterface, NetworkGroupHeader};

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

fn notification(interface: FirmwareInterface, message: &[u8]) {
    match Notification::decode(interface, message) {
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
    if let Ok(entries) = UserConfigReader::new(message) {
        // Each entry takes bytes, so the stated number cannot keep it going.
        assert!(entries.take_while(Result::is_ok).count() <= message.len());
    }
    let mut lines = LogLines::<16>::new();
    let mut length = 0;
    lines.push(message, |line| length += line.len());
    lines.finish(|line| length += line.len());
    assert_eq!(length, message.iter().filter(|&&byte| byte != b'\n').count());
}
