//! `hailo emulate`: unmodified programs find boards that are not there.

#[path = "support/programs.rs"]
mod programs;
#[path = "support/mod.rs"]
mod support;

use hailo_tests::conformance::{Options, run};
use programs::Program;
use serde_json::Value;
use support::{command, hailo, run as ran};

#[test]
fn a_script_identifies_the_board_of_every_release() {
    let identify = Program::identify();
    for release in ["4.17.0", "4.20.0", "4.23.0", "5.0.0", "5.3.0"] {
        let ran = identify.emulated(&["--device", &format!("mock:driver={release}")]);
        assert_eq!(ran.status, 0, "{release}: {}", ran.stderr);
        let text = format!(": driver {release}\n");
        assert!(ran.stdout.contains(&text) && ran.stdout.contains("firmware"), "{}", ran.stdout);
        assert_eq!(ran.stderr, "", "{release}: nothing was left behind");
    }
}

#[test]
fn a_scan_finds_each_board() {
    let list = Program::shell("ls /dev/hailo* && cat /sys/class/hailo_chardev/hailo1/board_location && ls /sys/class");
    let ran = list.emulated(&["--device", "mock:boards=2"]).ok();
    assert!(ran.stdout.starts_with("/dev/hailo0\n/dev/hailo1\n0000:02:00.0"), "{}", ran.stdout);
    assert!(ran.stdout.contains("net\n"), "what is there besides is seen as well: {}", ran.stdout);
}

#[test]
fn a_waiter_and_a_launcher_are_two_threads() {
    let ran = Program::c("threads").emulated(&[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "5 frames\n"), "{}", ran.stderr);
}

#[test]
fn copies_of_a_descriptor_are_one_file_and_memory_of_the_driver_is_mapped() {
    let ran = Program::c("files").emulated(&[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (3, "ok\n"), "{}", ran.stderr);
}

#[test]
fn signals_end_calls_as_with_the_driver() {
    let ran = Program::c("signals").emulated(&["--quiet"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "ok\n"), "{}", ran.stderr);
}

#[test]
fn a_static_program_without_a_c_library_is_emulated() {
    let ran = Program::bare_c("raw").emulated(&[]);
    assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (23, "driver 4.2\n", ""));
}

#[test]
fn what_would_have_crashed_the_kernel_is_named() {
    let ran = Program::python("crash.py").emulated(&[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "No such device\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("HAILO_VDMA_BUFFER_MAP would have crashed the kernel: size 0x0"), "{}", ran.stderr);
    assert_eq!(Program::python("crash.py").emulated(&["--quiet"]).stderr, "");
}

#[test]
fn what_a_file_still_held_is_named() {
    let ran = Program::python("leak.py").emulated(&[]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("file 1, /dev/hailo0, of process "), "{}", ran.stderr);
    assert!(ran.stderr.contains(": 2 mapped buffers, 1 descriptor list\n"), "{}", ran.stderr);
}

#[test]
fn the_end_of_the_program_is_passed_on() {
    assert_eq!(Program::shell("exit 42").emulated(&[]).status, 42);
    assert_eq!(Program::shell("kill -TERM $$").emulated(&[]).status, 128 + 15);
    let missing = hailo("emulate -- /no/such/program").sentence();
    assert!(missing.contains("/no/such/program") && missing.contains("no such program"), "{missing}");
    assert!(hailo("emulate --device /dev/hailo0 -- true").sentence().contains("--device mock"));
}

#[test]
fn a_second_supervisor_is_explained() {
    let line = format!("{} emulate -- true", env!("CARGO_BIN_EXE_hailo"));
    let ran = Program::shell(&line).emulated(&["--quiet"]);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("have a supervisor already"), "{}", ran.stderr);
}

#[test]
fn everything_is_recorded() {
    let program = Program::c("threads");
    let path = program.file("calls.jsonl");
    let ran = program.emulated(&["--quiet", "--record", path.to_str().unwrap()]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let text = std::fs::read_to_string(&path).expect("the recording");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let named = |name: &str| lines.iter().filter(|line| line["name"] == name).count();
    assert_eq!(named("HAILO_VDMA_LAUNCH_TRANSFER"), 10);
    assert_eq!(named("HAILO_FW_CONTROL"), 2);
    assert_eq!((&lines[0]["call"], &lines[0]["ret"]), (&"open".into(), &"fd#1".into()));
    let last = &lines[lines.len() - 1];
    assert_eq!((&last["call"], &last["left_mapped"], &last["left_descs"]), (&"close".into(), &0.into(), &0.into()));
    // Two threads, and a call of one returned while one of the other waited.
    assert!(lines.iter().any(|line| line["t"] == 1));
    assert!(lines.iter().any(|line| line["seq"].as_u64() < line["end"].as_u64()));
    let launch = lines.iter().find(|line| line["name"] == "HAILO_VDMA_LAUNCH_TRANSFER").unwrap();
    assert_eq!(launch["p"]["buffers"][0]["addr"], "buf#2+0");
    assert_eq!(launch["ret"], 2);
}

/// The conformance program: every observed case of the real driver, on a device node.
#[test]
#[ignore = "a program that opens /dev/hailo0, which the next test runs under the emulator"]
fn conformance_program() {
    let options = Options { device: Some("/dev/hailo0".into()), ..Options::default() };
    let summary = run(&options, &mut std::io::sink()).expect("a board");
    assert_eq!(summary.failures, Vec::<String>::new());
    assert!(summary.passed > 400, "{summary:?}");
}

#[test]
fn the_observed_cases_come_out_as_in_the_process() {
    let program = std::env::current_exe().expect("a path");
    let mut emulated = command();
    emulated.args(["emulate", "--quiet", "--device", "mock:driver=4.23.0", "--"]).arg(program);
    let ran = ran(emulated.args(["--ignored", "--exact", "conformance_program"]));
    assert_eq!(ran.status, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("1 passed"), "{}", ran.stdout);
}
