//! Reads the tables in `golden/firmware`.

use std::path::Path;

use hailo_abi::firmware::FirmwareRelease;

/// The text of a file in `golden/firmware`.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/firmware").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of a table, cut into columns, without the row of headings.
///
/// # Panics
/// If the table is missing or has not the given headings.
#[must_use]
pub fn rows<const N: usize>(name: &str, headings: [&str; N]) -> Vec<[String; N]> {
    let text = text(name);
    let mut lines = text.lines();
    let split = |line: &str| -> [String; N] {
        let columns: Vec<_> = line.split('\t').map(str::to_owned).collect();
        columns.try_into().unwrap_or_else(|columns| panic!("{name}: {columns:?}"))
    };
    assert_eq!(split(lines.next().expect("headings")), headings.map(str::to_owned), "{name}");
    lines.map(split).collect()
}

/// The bytes of a hexadecimal text.
///
/// # Panics
/// If it is not one.
#[must_use]
pub fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("hexadecimal")).collect()
}

/// A release such as `4.23.0`.
///
/// # Panics
/// If it is not one.
#[must_use]
pub fn release(text: &str) -> FirmwareRelease {
    let numbers: Vec<u32> = text.split('.').map(|n| n.parse().expect("a number")).collect();
    let [major, minor, revision] = numbers[..] else { panic!("{text}") };
    FirmwareRelease::new(major, minor, revision)
}

/// All releases of the tables.
#[must_use]
pub fn releases() -> Vec<FirmwareRelease> {
    rows("firmware-versions.tsv", ["version"]).iter().map(|[version]| release(version)).collect()
}

/// The releases that a row holds for.
#[must_use]
pub fn releases_of(first: &str, last: &str) -> Vec<FirmwareRelease> {
    let range = release(first)..=release(last);
    releases().into_iter().filter(|release| range.contains(release)).collect()
}
