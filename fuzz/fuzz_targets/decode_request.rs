#![no_main]

use hailo_tests::fuzzing::decode_request::run;

libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
