#![no_main]

use hailo_tests::fuzzing::two_releases::run;

libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
