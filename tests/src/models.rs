//! Model files for tests, and what the vendor's library sent for them.

pub mod artificial;
pub mod canned;
pub mod files;
pub mod recording;
pub mod simulation;

use std::io::Read;
use std::path::PathBuf;

use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::control::{DeviceArchitecture, Expected, HwConsts, HwConstsAnswer, Opcode};
use hailo_linux::network::DeviceFacts;
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
///
/// # Panics
/// If the folder is named, as where the tests must not be skipped, and the file is not there.
#[must_use]
pub fn real(name: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("HAILO_HEF_DIR") {
        let path = PathBuf::from(folder).join(name);
        assert!(path.is_file(), "{} does not exist", path.display());
        return Some(path);
    }
    let beside: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "..", "shared", "hef", name].iter().collect();
    Some(beside).filter(|path| path.is_file())
}

/// A Hailo-8 with firmware 4.23.0.
#[must_use]
pub fn hailo8(desc_max_page_size: u16) -> DeviceFacts {
    DeviceFacts {
        architecture: DeviceArchitecture::HAILO8,
        clusters: 0,
        firmware: FirmwareInterface::V4_21,
        desc_max_page_size,
    }
}

/// The constants in a recorded answer to GET_HW_CONSTS. Panics if it is none.
#[must_use]
pub fn constants(answer: &[u8]) -> HwConsts {
    let expected = Expected { opcode: Opcode::GET_HW_CONSTS, sequence: None };
    let answer: HwConstsAnswer = expected.read(FirmwareInterface::V4_21, answer).expect("an answer");
    answer.hw_consts
}
