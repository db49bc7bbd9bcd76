#![no_main]

use hailo_tests::fuzzing::traces::run;

libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
