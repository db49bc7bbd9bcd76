#![no_main]

use hailo_tests::fuzzing::driver_operations::run;

libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
