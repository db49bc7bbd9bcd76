//! A line of a recording.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A line, with its members in the order in which they are written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Line {
    pub(super) seq: u64,
    pub(super) end: u64,
    pub(super) t: u64,
    pub(super) call: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flags: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fd: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arg_len: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
    pub(super) ret: Value,
    pub(super) errno: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    pub(super) fw: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    pub(super) left_mapped: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    pub(super) left_descs: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) process: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) duration_us: Option<u64>,
}

/// A line between two phases.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Mark<'a> {
    #[serde(borrow)]
    pub(super) mark: Cow<'a, str>,
    pub(super) after_seq: u64,
    pub(super) t: u64,
}

/// What stands for an open file.
pub(super) fn file_name(file: u32) -> String {
    format!("fd#{file}")
}

/// A number in hexadecimal, as it is written where a number would not say much.
pub(super) fn hexadecimal(number: u64) -> String {
    format!("{number:#x}")
}

/// The number of hexadecimal digits behind `0x`.
pub(super) fn from_hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// The bytes without the zeros at their end.
pub(super) fn trimmed(bytes: &[u8]) -> &[u8] {
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.get(..used).unwrap_or_default()
}

/// The bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    bytes.iter().flat_map(digits).collect()
}

/// The bytes of hexadecimal digits, with zeros up to `length`; `None` if they are none or too many.
pub(super) fn unhex(digits: &str, length: usize) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if !digits.len().is_multiple_of(2) || digits.len() / 2 > length {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let mut bytes = Vec::with_capacity(length);
    for pair in digits.chunks_exact(2) {
        let [high, low] = pair else { return None };
        bytes.push((digit(*high)? << 4 | digit(*low)?) as u8);
    }
    bytes.resize(length, 0);
    Some(bytes)
}
