//! Model files for tests, and what the vendor's library sent for them.

pub mod artificial;
pub mod files;
pub mod recording;
pub mod simulation;

use std::io::Read;
use std::path::PathBuf;

use hailo_abi::firmware::FirmwareInterface;
use hailo_linux::network::{DeviceFacts, HardwareConstants};
use serde_json::Value;

use crate::golden;

/// The lines of a compressed golden file of JSON values.
///
/// # Panics
/// If it cannot be read: the file is part of this repository.
#[must_use]
pub fn json_lines(name: &str) -> Vec<Value> {
    let path = golden::path(name);
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .collect()
}

/// The bytes of hexadecimal digits. Panics at anything else.
#[must_use]
pub fn unhex(digits: &str) -> Vec<u8> {
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("ASCII");
            u8::from_str_radix(pair, 16).unwrap_or_else(|error| panic!("{pair}: {error}"))
        })
        .collect()
}

/// The hexadecimal digits of bytes.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A real model file, where the machine has it: in the folder `HAILO_HEF_DIR`, or `../shared/hef` beside the checkout.
#[must_use]
pub fn real(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("HAILO_HEF_DIR")
        .map_or_else(|| [env!("CARGO_MANIFEST_DIR"), "..", "..", "shared", "hef"].iter().collect(), PathBuf::from);
    let candidates = [folder.join(name), PathBuf::from("/").join("shared/hef").join(name)];
    candidates.into_iter().find(|path| path.is_file())
}

/// A Hailo-8 with firmware 4.23.0.
#[must_use]
pub fn hailo8(desc_max_page_size: u16) -> DeviceFacts {
    DeviceFacts { architecture: 1, clusters: 0, firmware: FirmwareInterface::V4_21, desc_max_page_size }
}

/// The constants in a recorded answer to GET_HW_CONSTS, with its header and lengths. Panics if it is too short.
#[must_use]
pub fn constants(answer: &[u8]) -> HardwareConstants {
    /// Header of the answer with two status words, number of parameters, length of the first.
    const BEFORE: usize = 32;
    let word = |offset: usize, length: usize| {
        let mut bytes = [0; 4];
        bytes[..length].copy_from_slice(&answer[BEFORE + offset..][..length]);
        u32::from_le_bytes(bytes)
    };
    HardwareConstants {
        fifo_word_granularity_bytes: word(0, 4),
        max_periph_buffers_per_frame: word(4, 2) as u16,
        max_periph_bytes_per_buffer: word(6, 2) as u16,
        max_acceptable_bytes_per_buffer: word(8, 2) as u16,
        outbound_data_stream_size: word(10, 4),
        should_optimize_credits: word(14, 1) != 0,
        default_initial_credit_size: word(15, 4),
    }
}
