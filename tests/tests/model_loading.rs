//! Configuration words are read from the file once, and copied once: to where the device fetches them.

use std::path::Path;

use hailo_linux::emulator::Emulator;
use hailo_linux::hef::{Action, Hef};
use hailo_linux::network::{Model, Options};
use hailo_tests::counting::{Counting, bytes_allocated};
use hailo_tests::models::files::Builder;
use hailo_tests::models::{self, artificial};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that this thread has asked files for and got, by the kernel's count.
fn bytes_read() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/io").expect("the kernel's count");
    let count = text.lines().find_map(|line| line.strip_prefix("rchar: ")).expect("a count");
    count.parse().expect("a number")
}

/// How many bytes the thread reads in the course of `work`, and what comes of it.
fn reading<R>(work: impl FnOnce() -> R) -> (u64, R) {
    let first = bytes_read();
    let second = bytes_read();
    let result = work();
    // Asking takes some bytes as well, of which there may be a few more when the numbers have become longer.
    ((bytes_read() - second).saturating_sub(second - first), result)
}

/// What reading the count may take more than before.
const SLACK: u64 = 16;

/// The ranges of the words in memory.
fn words(hef: &Hef) -> Vec<std::ops::Range<usize>> {
    let core_ops = hef.groups().iter().flat_map(|group| &group.core_ops);
    let operations = core_ops.flat_map(|core_op| {
        core_op.preliminary.iter().chain(core_op.contexts.iter().flat_map(|context| &context.operations))
    });
    operations
        .flat_map(|operation| &operation.actions)
        .filter_map(|action| match action {
            Action::WriteWords { words, .. } => {
                let start = words.bytes().as_ptr() as usize;
                Some(start..start + words.len())
            }
            _ => None,
        })
        .collect()
}

/// Loads and configures what is in a file.
fn check(path: &Path) {
    let length = std::fs::metadata(path).expect("a file").len();
    let (read, (allocated, model)) = reading(|| bytes_allocated(|| Model::load(path).expect("a model")));
    assert!((length..=length + SLACK).contains(&read), "{read} bytes were read of {length}");
    let container = model.hef().container();
    let size = container.words.len();
    // The file, and the description in its own form.
    assert!(allocated < length as usize + size / 2, "{allocated} bytes were allocated for a file of {length}");
    let words = words(model.hef());
    let total: usize = words.iter().map(std::iter::ExactSizeIterator::len).sum();
    assert!(total >= size / 2, "{total} bytes of {size}");
    let start = words.iter().map(|range| range.start).min().expect("words");
    let end = words.iter().map(|range| range.end).max().expect("words");
    assert!(end - start <= size, "words are where they were in the file");
    let device = Emulator::new("mock").expect("an emulator").open(0).expect("a device");
    let configure = || device.configure(&model, &Options::default()).expect("a network");
    let (read, (allocated, _network)) = reading(|| bytes_allocated(configure));
    assert!(read <= SLACK, "{read} bytes were read again");
    assert!(allocated < size / 2, "{allocated} bytes were allocated to configure {size} bytes of words");
}

#[test]
fn words_are_read_and_copied_once() {
    // The count counts.
    let directory = tempfile();
    let path = directory.join("model.hef");
    std::fs::write(&path, [7; 1000]).expect("a file");
    let (read, bytes) = reading(|| std::fs::read(&path).expect("a file"));
    assert!((1000..=1000 + SLACK).contains(&read) && bytes.len() == 1000, "{read}");

    let builder = Builder::of_version_1(&artificial::file(1, 1)).with_long_words(2 << 20);
    for file in [builder.version_1(), builder.version_2(), builder.version_3()] {
        std::fs::write(&path, file).expect("a file");
        check(&path);
    }
    std::fs::remove_dir_all(directory).expect("a directory of this test");
    for name in ["arcface-v1.hef", "arcface-v2.hef"] {
        match models::real(name) {
            Some(path) => check(&path),
            None => println!("skipped: {name} is not on this machine (HAILO_HEF_DIR)"),
        }
    }
}

/// A directory of this test.
fn tempfile() -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("hailo-model-loading-{}", std::process::id()));
    std::fs::create_dir(&path).expect("a directory");
    path
}
