//! Recordings of driver calls: what an emulated board can take from one.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::control::{Expected, HwConsts, HwConstsAnswer, Opcode};
use serde_json::Value;

/// The longest recording that is read, in bytes.
pub const MAX_RECORDING: u64 = 1 << 30;

/// What a gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The text of a recording, compressed with gzip or not.
///
/// # Errors
/// What the system says; [`io::ErrorKind::InvalidData`] for what is no text, no whole gzip file, or more than
/// [`MAX_RECORDING`].
pub fn read_recording(mut file: impl Read) -> io::Result<String> {
    let mut start = Vec::with_capacity(GZIP.len());
    file.by_ref().take(GZIP.len() as u64).read_to_end(&mut start)?;
    let is_compressed = start == GZIP;
    let whole = io::Cursor::new(start).chain(file);
    let mut bytes = Vec::new();
    let invalid = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
    if is_compressed {
        let unpacked = MultiGzDecoder::new(whole).take(MAX_RECORDING + 1).read_to_end(&mut bytes);
        unpacked.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => invalid("the compressed file was cut off".into()),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                invalid("the compressed file is damaged".into())
            }
            _ => error,
        })?;
    } else {
        whole.take(MAX_RECORDING + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > MAX_RECORDING {
        return Err(invalid(format!("it has more than {MAX_RECORDING} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        invalid(format!("it is no text: line {line} is not UTF-8"))
    })
}

/// The first answer to `GET_HW_CONSTS` in the recording at `path`.
pub(crate) fn hw_consts(path: &Path) -> Result<HwConsts, String> {
    let file = File::open(path).map_err(|error| format!("it cannot be opened: {error}"))?;
    let text = read_recording(file).map_err(|error| format!("it cannot be read: {error}"))?;
    let opcode = u64::from(Opcode::GET_HW_CONSTS.0);
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Value = serde_json::from_str(line)
            .map_err(|error| format!("line {} is none of a recording of driver calls: {error}", index + 1))?;
        let control = line.get("fw").filter(|control| control.get("opcode").and_then(Value::as_u64) == Some(opcode));
        let Some(answer) = control.and_then(|control| control.get("resp")).and_then(Value::as_str) else { continue };
        let expected = Expected { opcode: Opcode::GET_HW_CONSTS, sequence: None };
        let answer = unhex(answer).and_then(|bytes| {
            let read =
                |interface| expected.read::<HwConstsAnswer>(interface, &bytes).ok().map(|answer| answer.hw_consts);
            FirmwareInterface::ALL.into_iter().rev().find_map(read)
        });
        return answer.ok_or_else(|| format!("the answer to GET_HW_CONSTS in line {} has no constants", index + 1));
    }
    Err("there is no answer to GET_HW_CONSTS in it: take a recording in which a network was configured".into())
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let pair = |pair: &[u8]| Some((digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?) as u8);
    digits.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn texts_are_read_compressed_or_not() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"one\ntwo\n").unwrap();
        let packed = encoder.finish().unwrap();
        for whole in [&b"one\ntwo\n"[..], &packed] {
            assert_eq!(read_recording(whole).unwrap(), "one\ntwo\n");
        }
        for short in ["", "o"] {
            assert_eq!(read_recording(short.as_bytes()).unwrap(), short);
        }
        let problem = |bytes: &[u8]| read_recording(bytes).unwrap_err().to_string();
        assert!(problem(&packed[..packed.len() - 9]).contains("cut off"));
        assert!(problem(&[&packed[..10], &[0xff; 40]].concat()).contains("damaged"));
        assert!(problem(b"one\n\xff\n").contains("line 2 is not UTF-8"));
    }
}
