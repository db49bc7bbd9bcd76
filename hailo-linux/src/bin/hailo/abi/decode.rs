//! `hailo abi decode`: an argument field by field.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::Args;
use hailo_abi::interface::RequestEntry;
use hailo_abi::wire::Kind;
use hailo_abi::{DataModel, Interface, Request};
use serde::Serialize;

use super::Which;
use crate::failure::Failure;
use crate::output::{Output, Paper, Report};

/// Print the argument of a request field by field
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    hailo abi decode --release 4.23.0 HAILO_QUERY_DRIVER_INFO 040000001700000000000000\n  \
    hailo abi decode --release 4.20.0 0x400c6702 - < argument.hex")]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The request: its code, such as 0x400c6702, or its name in the vendor's header
    #[arg(value_name = "REQUEST")]
    request: String,
    /// The bytes in hexadecimal, spaces allowed; - reads them from the standard input
    #[arg(value_name = "HEX")]
    hex: String,
    /// Take bytes that are missing at the end for zeros
    #[arg(long)]
    pad: bool,
}

/// A number in an argument.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) field: String,
    offset: usize,
    size: usize,
    pub(crate) value: String,
}

/// The value of places at the end of an array that hold nothing.
pub(crate) const ALL_ZERO: &str = "all zero";

#[derive(Serialize)]
struct Decoded {
    name: &'static str,
    request: String,
    release: String,
    data_model: &'static str,
    r#struct: Option<&'static str>,
    size: usize,
    fields: Vec<Row>,
}

impl Report for Decoded {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        let Self { name, request, release, data_model, size, .. } = self;
        write!(out, "{name} {request}, driver {release}, {data_model}: ")?;
        match self.r#struct {
            Some(name) => writeln!(out, "struct {name}, {size} bytes")?,
            None => writeln!(out, "no argument")?,
        }
        let width = self.fields.iter().map(|row| row.field.len()).max().unwrap_or(0);
        for Row { field, offset, size, value } in &self.fields {
            writeln!(out, "{offset:>6} {size:>5}  {field:width$}  {value}")?;
        }
        Ok(())
    }
}

/// The request with this code or name.
fn find(interface: &'static Interface, model: DataModel, text: &str) -> Result<&'static RequestEntry, Failure> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let code = match digits {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    let found = match code {
        Some(code) => interface.find(Request::from_raw(code), model),
        None => interface.requests.iter().find(|entry| entry.name == text || entry.operation.name() == text),
    };
    found.ok_or_else(|| {
        let mut message = format!("the driver interface of {} has no request {text}", interface.first_release);
        let elsewhere = code.and_then(|code| elsewhere(Request::from_raw(code)));
        match elsewhere {
            Some(place) => message += &format!("; {place} has"),
            None => message += "; `hailo abi requests` lists those that it has",
        }
        Failure::new(message)
    })
}

/// A release and data model that do have the request.
fn elsewhere(request: Request) -> Option<String> {
    hailo_abi::interface::RELEASES.iter().rev().find_map(|(release, interface)| {
        let model = DataModel::ALL.into_iter().find(|model| interface.find(request, *model).is_some())?;
        Some(format!("that of {release}, {},", model.name()))
    })
}

/// The bytes that the digits stand for.
fn bytes(hex: &str) -> Result<Vec<u8>, Failure> {
    let hex = hex.trim();
    let hex = hex.strip_prefix("0x").unwrap_or(hex);
    let digits: Vec<char> = hex.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    let nibble = |character: char| {
        character.to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or_else(|| {
            Failure::new(format_args!("{character:?} is no hexadecimal digit; give the bytes as in 0a1b2c"))
        })
    };
    if !digits.len().is_multiple_of(2) {
        let count = digits.len();
        return Err(Failure::new(format_args!(
            "{count} hexadecimal digits are no whole number of bytes; give an even number"
        )));
    }
    digits.chunks_exact(2).map(|pair| Ok(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

/// Adds what is at `offset`, one row for each number in it.
pub(crate) fn expand(rows: &mut Vec<Row>, name: &str, kind: &Kind, offset: usize, bytes: &[u8]) {
    let size = bytes.len();
    let mut row = |value: String| rows.push(Row { field: name.to_owned(), offset, size, value });
    match kind {
        Kind::Number => row(match number(bytes) {
            Some(small @ 0..=9) => small.to_string(),
            Some(number) => format!("{number} ({number:#x})"),
            None => hex(bytes),
        }),
        Kind::Bool => row(match bytes {
            [0] => "false".into(),
            [1] => "true".into(),
            [other] => format!("true (the byte is {other})"),
            _ => hex(bytes),
        }),
        Kind::Enum { c_name, enumerators } => row(match number(bytes) {
            Some(number) => match enumerators.iter().find(|(_, value)| u64::from(*value) == number) {
                Some((name, _)) => format!("{number} ({name})"),
                None => format!("{number} (not in enum {c_name})"),
            },
            None => hex(bytes),
        }),
        Kind::Struct(layout) => {
            for field in layout.fields {
                let Some(bytes) = field.of(bytes) else { continue };
                let name = if name.is_empty() { field.name.to_owned() } else { format!("{name}.{}", field.name) };
                expand(rows, &name, &field.kind, offset + field.offset, bytes);
            }
        }
        Kind::Array { element: Kind::Number, count } if size == *count => row(hex(bytes)),
        Kind::Array { element, count } => {
            let step = size / (*count).max(1);
            // Empty places at the end of a long array say nothing.
            let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last / step.max(1) + 1);
            for (index, bytes) in bytes.chunks_exact(step.max(1)).enumerate().take(used) {
                expand(rows, &format!("{name}[{index}]"), element, offset + index * step, bytes);
            }
            if used < *count {
                let at = used * step;
                let field = format!("{name}[{used}..{count}]");
                rows.push(Row { field, offset: offset + at, size: size - at, value: ALL_ZERO.into() });
            }
        }
    }
}

/// The little-endian number, if it has at most 8 bytes.
fn number(bytes: &[u8]) -> Option<u64> {
    let mut number = [0; 8];
    number.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u64::from_le_bytes(number))
}

/// The bytes in hexadecimal, without the zeros at the end.
fn hex(bytes: &[u8]) -> String {
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let mut text: String = bytes[..used].iter().map(|byte| format!("{byte:02x}")).collect();
    match bytes.len() - used {
        0 => {}
        zeros if used == 0 => text = format!("{zeros} zero bytes"),
        zeros => text += &format!(" and {zeros} zero bytes"),
    }
    text
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode, Failure> {
    let model = arguments.which.model();
    let entry = find(arguments.which.interface()?, model, &arguments.request)?;
    let codec = entry.codec(model);
    let mut text = String::new();
    if arguments.hex == "-" {
        // Twice as many digits as the longest argument has bytes, and room for spaces.
        let limit = 16 * hailo_abi::interface::MAX_ARGUMENT_LENGTH as u64;
        let input = io::stdin().lock().take(limit).read_to_string(&mut text);
        input.map_err(|error| Failure::new(format_args!("cannot read the standard input: {error}")))?;
    } else {
        text.push_str(&arguments.hex);
    }
    let mut bytes = bytes(&text)?;
    let (given, size) = (bytes.len(), codec.request.size());
    if given > size || given < size && !arguments.pad {
        let hint = if given < size { "; --pad fills up with zeros" } else { "" };
        return Err(Failure::new(format_args!("the argument of {} has {size} bytes, not {given}{hint}", entry.name)));
    }
    bytes.resize(size, 0);
    let mut fields = Vec::new();
    if let Some(layout) = &codec.layout {
        for field in layout.fields {
            expand(&mut fields, field.name, &field.kind, field.offset, field.of(&bytes).unwrap_or_default());
        }
    }
    output.report(&Decoded {
        name: entry.name,
        request: codec.request.to_string(),
        release: arguments.which.release.to_string(),
        data_model: model.name(),
        r#struct: codec.layout.map(|layout| layout.c_name),
        size,
        fields,
    })?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::{bytes, hex};

    #[test]
    fn digits_become_bytes() {
        assert_eq!(bytes(" 0x0aB1 2c\n").unwrap(), [0x0a, 0xb1, 0x2c]);
        assert!(bytes("123").is_err());
        assert!(bytes("zz").is_err());
        assert!(bytes("é1").is_err());
    }

    #[test]
    fn zeros_at_the_end_are_counted() {
        assert_eq!(hex(&[1, 2]), "0102");
        assert_eq!(hex(&[1, 0, 0]), "01 and 2 zero bytes");
        assert_eq!(hex(&[0; 3]), "3 zero bytes");
    }
}
