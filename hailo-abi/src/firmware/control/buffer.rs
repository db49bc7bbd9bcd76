//! The bytes of one message, in a buffer of fixed size.

use core::fmt;

use super::parameters::EncodeError;
use crate::firmware::layout::Be32;

/// The most bytes that a control carries, either way (`CONTROL_PROTOCOL__MAX_CONTROL_LENGTH`).
pub const MAX_CONTROL_LENGTH: usize = 1500;

/// A message of at most [`MAX_CONTROL_LENGTH`] bytes. Nothing is allocated.
///
/// What the driver is given beside these bytes is their MD5 digest, which is calculated over exactly
/// [`MessageBuffer::as_slice`]; the answer's digest covers exactly its stated length.
#[derive(Clone)]
pub struct MessageBuffer {
    bytes: [u8; MAX_CONTROL_LENGTH],
    length: usize,
}

impl MessageBuffer {
    /// A buffer with nothing in it.
    pub const fn new() -> Self {
        Self { bytes: [0; MAX_CONTROL_LENGTH], length: 0 }
    }

    /// The bytes of the message.
    pub fn as_slice(&self) -> &[u8] {
        // The length never exceeds the array.
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }

    /// The number of bytes of the message.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether there is no message yet.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The most bytes that a message can have.
    pub const fn capacity(&self) -> usize {
        MAX_CONTROL_LENGTH
    }

    /// Empties the buffer.
    pub const fn clear(&mut self) {
        self.length = 0;
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let needed = self.length.saturating_add(bytes.len());
        let place = self
            .bytes
            .get_mut(self.length..needed)
            .ok_or(EncodeError::TooLong { needed, maximum: MAX_CONTROL_LENGTH })?;
        place.copy_from_slice(bytes);
        self.length = needed;
        Ok(())
    }

    /// Overwrites a big-endian word that was appended before.
    pub(super) fn set_word(&mut self, offset: usize, value: u32) {
        if let Some(place) = self.bytes.get_mut(offset..offset.saturating_add(size_of::<Be32>())) {
            place.copy_from_slice(&value.to_be_bytes());
        }
    }
}

impl Default for MessageBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl AsRef<[u8]> for MessageBuffer {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl PartialEq for MessageBuffer {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for MessageBuffer {}

impl fmt::Debug for MessageBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageBuffer(")?;
        for byte in self.as_slice() {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}
