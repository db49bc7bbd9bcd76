#![no_main]

use hailo_tests::fuzzing::safe_api::run;

libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
