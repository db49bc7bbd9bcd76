//! The committed inputs of fuzz targets that have no test file of their own subject.

use hailo_abi::interface::RELEASES;
use hailo_tests::fuzzing::{corpus, traces, two_releases};

#[test]
fn any_text_is_read_or_refused_and_played_to_an_end() {
    for (path, bytes) in corpus("traces") {
        println!("{}", path.display());
        traces::run(&bytes);
        // Cut off anywhere, and with a digit changed.
        for cut in (0..bytes.len()).step_by(bytes.len() / 5 + 1) {
            traces::run(&bytes[..cut]);
        }
        for place in (0..bytes.len()).step_by(bytes.len() / 5 + 1) {
            let mut changed = bytes.clone();
            changed[place] = b'7';
            traces::run(&changed);
        }
    }
}

#[test]
fn two_releases_mean_the_same_or_say_what_they_cannot() {
    for (_, bytes) in corpus("two_releases") {
        two_releases::run(&bytes);
    }
    // Every request between all interfaces, with all fields 0 and with small numbers.
    let count = u8::try_from(RELEASES.len()).expect("few");
    for (first, second) in (0..count).flat_map(|first| (0..count).map(move |second| (first, second))) {
        for flags in [0, 1, 2, 3, 0x80, 0x81, 0x82, 0x83] {
            for number in 0..40 {
                for fill in [0, 1, 2] {
                    let head = [first, second, flags, number];
                    two_releases::run(&[&head[..], &[fill; 64]].concat());
                }
            }
        }
    }
}
