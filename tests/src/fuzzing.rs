//! What the fuzz targets check. Each module has one `run(data)`, which the target of the same name in `fuzz/` calls with
//! bytes of the fuzzer, and which a test calls with the committed corpus.

pub mod decode_request;
pub mod driver_operations;
pub mod firmware_messages;
pub mod model_file;
pub mod npy;
pub mod safe_api;
mod source;
pub mod traces;
pub mod transform;
pub mod two_releases;

use std::path::{Path, PathBuf};

/// The files of a target's committed corpus, in the order of their names.
///
/// # Panics
/// If the corpus is missing or empty: a target without one is not replayed.
#[must_use]
pub fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .map(|path| {
            let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, bytes)
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}
