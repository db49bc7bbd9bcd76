//! The safe interface of hailo-linux under arbitrary operations; see [`hailo_tests::fuzzing::safe_api`].

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use hailo_tests::fuzzing::{self, safe_api};
use proptest::prelude::*;

/// Runs an input; panics if it hangs.
fn run(bytes: Vec<u8>) {
    let (sender, done) = mpsc::channel();
    let input = bytes.clone();
    let run = thread::spawn(move || {
        safe_api::run(&input);
        let _ = sender.send(());
    });
    match done.recv_timeout(Duration::from_secs(100)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{bytes:?} hangs"),
        _ => run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_in_whatever_order_does_no_harm(bytes in prop::collection::vec(any::<u8>(), 20..1500)) {
        run(bytes);
    }
}

#[test]
fn the_committed_corpus_finds_nothing() {
    for (path, bytes) in fuzzing::corpus("safe_api") {
        eprintln!("{}", path.display());
        run(bytes);
    }
}
