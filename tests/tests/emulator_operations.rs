//! Arbitrary sequences of calls on the emulated driver.

use hailo_tests::fuzzing;
use proptest::prelude::*;

#[test]
fn the_committed_corpus_finds_nothing() {
    for (path, bytes) in fuzzing::corpus("driver_operations") {
        println!("{}", path.display());
        fuzzing::driver_operations::run(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_calls_is_answered(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        fuzzing::driver_operations::run(&bytes);
    }
}
