//! Makes messages that are in order out of nothing but what the parsers say is wrong with them.
//!
//! This gives a message of every kind without a second description of them, and it shows that the errors say enough:
//! whoever follows them arrives.

use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::control::{
    CommonHeader, ControlStatus, Expected, Opcode, ParameterError, Request, RequestError, Response, ResponseError,
};
use hailo_abi::firmware::notification::{Event, EventId, Notification, NotificationError};

/// The bytes of values, one after another, over and over.
#[derive(Clone, Debug)]
pub struct Values {
    bytes: Vec<u8>,
    next: usize,
}

impl Values {
    /// These bytes; zeros if there are none.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, next: 0 }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let mut values = vec![0; count];
        for value in &mut values {
            *value = self.bytes.get(self.next % self.bytes.len().max(1)).copied().unwrap_or(0);
            self.next += 1;
        }
        values
    }
}

fn mend(
    values: &mut Values,
    mut read: impl FnMut(&[u8]) -> Result<(), ParameterError>,
) -> Result<Vec<u8>, FirmwareInterface> {
    let mut payload = Vec::new();
    for _ in 0..100 {
        match read(&payload) {
            Ok(()) => return Ok(payload),
            Err(ParameterError::NoCount { available: 0 }) => payload.extend([0; 4]),
            Err(ParameterError::Count { stated, expected }) => {
                assert_eq!(payload[..4], stated.to_be_bytes());
                payload[..4].copy_from_slice(&expected.to_be_bytes());
            }
            Err(ParameterError::Truncated { needed, available: 0, .. }) => {
                // Only a parameter of any length needs no more than its length; four bytes fit all of them.
                let size = if needed == 4 { usize::from(values.take(1)[0] % 5) } else { needed - 4 };
                payload.extend(u32::try_from(size).expect("a small size").to_be_bytes());
                payload.extend(values.take(size));
            }
            Err(ParameterError::NotInRelease { interface }) => return Err(interface),
            Err(error) => panic!("{error} after {payload:02x?}"),
        }
    }
    panic!("never in order: {payload:02x?}")
}

/// A request for a control that this generation knows, and `None` for others.
///
/// # Panics
/// If the errors lead nowhere.
#[must_use]
pub fn request(interface: FirmwareInterface, opcode: Opcode, sequence: u32, values: &mut Values) -> Option<Vec<u8>> {
    let message = |payload: &[u8]| {
        let words = [2, 0, sequence, opcode.0].map(u32::to_be_bytes).concat();
        [&words[..], payload].concat()
    };
    let mended = mend(values, |payload| match Request::decode(interface, &message(payload)) {
        Ok(_) => Ok(()),
        Err(RequestError::Parameters { error, .. }) => Err(error),
        Err(RequestError::NotInRelease { interface, .. }) => Err(ParameterError::NotInRelease { interface }),
        Err(error) => panic!("{error}"),
    });
    mended.ok().map(|payload| message(&payload))
}

/// An answer to a control that this generation knows, and `None` for others.
///
/// # Panics
/// If the errors lead nowhere.
#[must_use]
pub fn response(interface: FirmwareInterface, opcode: Opcode, sequence: u32, values: &mut Values) -> Option<Vec<u8>> {
    let header = CommonHeader { version: 2, flags: 0, sequence, opcode };
    let refused = Response::encode_failure(&header, ControlStatus::default()).expect("a short message");
    // Without the count of parameters that a refusal has.
    let words = &refused.as_slice()[..24];
    let expected = Expected::request(opcode, sequence);
    let mended = mend(values, |payload| match Response::decode(interface, expected, &[words, payload].concat()) {
        Ok(_) => Ok(()),
        Err(ResponseError::Parameters { error, .. }) => Err(error),
        Err(error) => panic!("{error}"),
    });
    mended.ok().map(|payload| [words, &payload].concat())
}

/// A notification of any number as this generation sends it.
///
/// # Panics
/// If the errors lead nowhere.
#[must_use]
pub fn notification(interface: FirmwareInterface, event: EventId, values: &mut Values) -> Vec<u8> {
    let mut parameter_count = 0_u32;
    let mut payload = Vec::new();
    for _ in 0..4 {
        let length = u32::try_from(payload.len()).expect("a short message");
        let words = [1, 7, 0, 3, event.0, parameter_count, length].map(u32::to_le_bytes).concat();
        let message = [&words[..], &payload].concat();
        match Notification::decode(interface, &message) {
            Ok(read) => {
                assert_eq!(read.event.id(), event);
                let described = Event::parameter_count(interface, event).is_some();
                assert_ne!(described, matches!(read.event, Event::Unknown { .. } | Event::NnCoreCrcError(_)));
                return message;
            }
            Err(NotificationError::ParameterCount { expected, .. }) => parameter_count = expected,
            Err(NotificationError::MessageLength { expected, .. }) => payload = values.take(expected),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("never in order: event {event}")
}
