//! The conformance program under `hailo emulate`: an ordinary program that makes system calls on a device node gets the
//! same answers as in the emulator's own process.

#[path = "support/mod.rs"]
mod support;

use std::collections::VecDeque;
use std::path::Path;

use hailo_tests::conformance::{DriverRelease, Options, run};
use support::{command, run as ran};

/// Names the case that [`conformance_program`] is to run; otherwise it runs all.
const FILTER: &str = "HAILO_CONFORMANCE_FILTER";

/// Why a program cannot do under the emulator what can be done in its process.
const REASONS: [&str; 3] = [
    // A node's mode is that of the vendor's udev rule, as on a computer where the library was installed.
    "skip: machine dependent, expected mode = \"0600\"",
    // The emulator gives programs no exporter of dma-bufs, and this computer may have none.
    "skip: nothing here exports a dmabuf",
    // A process's end, seen from a thread of it.
    "skip: a program cannot watch its own end",
];

#[test]
#[ignore = "a program that opens a device node, which the other tests run under the emulator"]
fn conformance_program() {
    let node = ["/dev/hailo0", "/dev/h1x-0"].into_iter().find(|node| Path::new(node).exists()).expect("a board");
    let options = Options {
        device: Some(node.into()),
        filter: std::env::var(FILTER).ok(),
        dangerous: true,
        ..Options::default()
    };
    run(&options, &mut std::io::stdout()).expect("a board");
}

/// The cases of a run in order, each with its verdict.
fn cases(output: &str) -> VecDeque<(String, String)> {
    let line = |line: &str| {
        let fields: Vec<_> = line.split('\t').collect();
        (fields.len() == 5).then(|| (fields[0].to_owned(), fields[4].to_owned()))
    };
    output.lines().filter_map(line).collect()
}

fn emulated(release: DriverRelease, filter: Option<&str>) -> VecDeque<(String, String)> {
    let program = std::env::current_exe().expect("a path");
    let mut emulated = command();
    emulated.args(["emulate", "--quiet", "--on-crash", "reboot", "--device", &format!("mock:driver={release}"), "--"]);
    emulated.arg(program).args(["--ignored", "--exact", "--nocapture", "--test-threads=2", "conformance_program"]);
    // Where the suite runs under AddressSanitizer: to look for leaks it stops all threads, which ends their calls, and a call
    // that a removal left behind in the driver of 5.3.0 crashes the kernel when it ends.
    emulated.env("ASAN_OPTIONS", "detect_leaks=0");
    match filter {
        Some(filter) => emulated.env(FILTER, filter),
        None => emulated.env_remove(FILTER),
    };
    let ran = ran(&mut emulated);
    assert_eq!(ran.status, 0, "{release}: {}", ran.stderr);
    assert!(ran.stdout.contains("1 passed"), "{release}: {}", ran.stdout);
    cases(&ran.stdout)
}

/// What is ok in the emulator's process is ok under the emulator, or skipped for one of the reasons.
fn check(major: u32, minor: u32, revision: u32) {
    let release = DriverRelease::new(major, minor, revision);
    let mut output = Vec::new();
    let summary = run(&Options { release: Some(release), ..Options::default() }, &mut output).expect("the emulator");
    let mut emulated_cases = emulated(release, None);
    assert_eq!(emulated_cases.len(), summary.passed + summary.failed + summary.skipped);
    let mut passed = 0;
    // The same name may stand for several cases, in the order of the table; lines come in the order in which they end.
    for (case, verdict) in cases(&String::from_utf8(output).expect("text")) {
        let index = emulated_cases.iter().position(|(other, _)| *other == case).expect("the same cases");
        let (_, other) = emulated_cases.remove(index).expect("it was found");
        match other.as_str() {
            "ok" => passed += 1,
            "FAIL" => {
                // Some cases tell how long a call took, and this machine may have been busy.
                let again = emulated(release, Some(&case));
                let failed: Vec<_> = again.iter().filter(|(_, verdict)| verdict == "FAIL").collect();
                assert!(failed.is_empty(), "{release}: failed twice: {failed:?}");
            }
            skipped => {
                assert!(verdict != "ok" || REASONS.contains(&skipped), "{release}: {case}: {skipped}");
            }
        }
    }
    assert!(passed + 20 >= summary.passed, "{release}: {passed} passed, in the process {summary}");
}

#[test]
fn release_4_17_0() {
    check(4, 17, 0);
}

#[test]
fn release_4_20_0() {
    check(4, 20, 0);
}

#[test]
fn release_4_23_0() {
    check(4, 23, 0);
}

#[test]
fn release_5_2_0() {
    check(5, 2, 0);
}

#[test]
fn release_5_3_0() {
    check(5, 3, 0);
}
