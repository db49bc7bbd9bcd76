#![no_main]

use hailo_tests::fuzzing::npy::run;

libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
