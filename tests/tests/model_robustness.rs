//! Truncated and damaged model files: refused or read, never a panic.

use hailo_linux::hef::Hef;
use hailo_linux::network::Options;
use hailo_tests::fuzzing::{self, model_file};
use hailo_tests::models::{self, artificial, files};

/// A small generator of numbers, the same on every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

/// The description and the words of a file of version 1.
fn parts(file: &[u8]) -> (&[u8], &[u8]) {
    const HEADER: usize = 28;
    let length = u32::from_be_bytes(file[8..12].try_into().expect("four bytes")) as usize;
    file[HEADER..].split_at(length)
}

#[test]
fn truncated_models_are_refused() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut refused = 0;
    for model in artificial::all() {
        for _ in 0..40 {
            let cut = numbers.next(model.hef.len());
            assert!(Hef::from_bytes(model.hef[..cut].to_vec()).is_err(), "{}: {cut} bytes", model.name);
            refused += 1;
        }
    }
    for name in ["arcface-v1.hef", "arcface-v2.hef", "arcface-v3-hailo15h.hef"] {
        let Some(path) = models::real(name) else {
            println!("skipped: {name} is not on this machine (HAILO_HEF_DIR)");
            continue;
        };
        let bytes = std::fs::read(path).expect("a file");
        for _ in 0..40 {
            let cut = numbers.next(bytes.len());
            assert!(Hef::from_bytes(bytes[..cut].to_vec()).is_err(), "{name}: {cut} bytes");
            refused += 1;
        }
    }
    println!("{refused} truncated files refused");
}

#[test]
fn models_with_damage_that_no_checksum_shows_do_not_panic() {
    let mut numbers = Numbers(0x1234_5678_9abc_def1);
    let (mut planned, mut refused) = (0, 0);
    let facts = models::hailo8(4096);
    for model in artificial::all() {
        let (description, words) = parts(&model.hef);
        let options = Options { batch_size: model.batch, ..Options::default() };
        for round in 0..200 {
            let mut damaged = description.to_vec();
            match round % 4 {
                0 => {
                    let place = numbers.next(damaged.len());
                    damaged[place] ^= 1 << numbers.next(8);
                }
                1 => {
                    let place = numbers.next(damaged.len());
                    damaged[place] = [0, 1, 0x7f, 0x80, 0xff][numbers.next(5)];
                }
                2 => damaged.truncate(numbers.next(damaged.len())),
                _ => {
                    for _ in 0..8 {
                        let place = numbers.next(damaged.len());
                        damaged[place] = numbers.next(256) as u8;
                    }
                }
            }
            match model_file::plan(files::pack(1, &damaged, words), &options, &facts) {
                Ok(_) => planned += 1,
                Err(_) => refused += 1,
            }
        }
    }
    println!("{planned} planned, {refused} refused");
    assert!(planned > 1000 && refused > 1000);
}

#[test]
fn the_corpus_is_replayed() {
    for (_, bytes) in fuzzing::corpus("model_file") {
        model_file::run(&bytes);
    }
}
