//! What `hailo emulate` and `hailo trace` cost: nanoseconds per system call, with and without them.
//!
//!     cargo bench -p hailo-linux --bench intercept [-- CALLS]
//!
//! A C program measures its own calls: those to the accelerator, and those of a program that never touches it. The ways take
//! turns, and the best of each counts, so that other work of the computer strikes all of them or none. Needs a C compiler.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// How the program is started.
const WAYS: [(&str, &[&str]); 4] = [
    ("alone", &[]),
    ("emulate", &["emulate", "--quiet", "--"]),
    ("trace", &["trace", "--summary-only", "--"]),
    ("trace emulate", &["trace", "--summary-only", "--", env!("CARGO_BIN_EXE_hailo"), "emulate", "--quiet", "--"]),
];

/// How often the ways take turns.
const TURNS: usize = 10;

/// The lines of the table, in the order of the program.
const CALLS: [&str; 8] = [
    "write to a file",
    "getppid",
    "open and close a file",
    "map and unmap memory",
    "ioctl of another file",
    "QUERY_DRIVER_INFO",
    "BUFFER_MAP and UNMAP",
    "IDENTIFY control",
];

fn run(program: &Path, way: &[&str], calls: &str) -> BTreeMap<String, f64> {
    let mut command = match way {
        [] => Command::new(program),
        way => {
            let mut command = Command::new(env!("CARGO_BIN_EXE_hailo"));
            command.args(way).arg(program);
            command
        }
    };
    let output = command.env_remove("HAILO_DEVICE").arg(calls).output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let line = |line: &str| {
        let (name, time) = line.split_once('\t').expect("a name and a time");
        (name.to_owned(), time.parse().expect("nanoseconds"))
    };
    text.lines().map(line).collect()
}

fn main() {
    // `cargo bench` and `cargo test --benches` say so themselves; the latter only wants to see it run.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = arguments.iter().find(|argument| argument.parse::<u32>().is_ok());
    let short = !arguments.iter().any(|argument| argument == "--bench");
    let calls = given.map_or(if short { "10" } else { "2000" }, String::as_str);

    let directory = tempfile::tempdir().expect("a directory");
    let program = directory.path().join("calls");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/calls.c");
    let cc = Command::new("cc").args(["-O2", "-w", "-o"]).arg(&program).arg(source).arg("-lm").status();
    assert!(cc.expect("the system has a C compiler").success());

    let mut results: Vec<BTreeMap<String, f64>> = vec![BTreeMap::new(); WAYS.len()];
    for _ in 0..if short { 1 } else { TURNS } {
        for (best, (_, way)) in results.iter_mut().zip(WAYS) {
            for (name, time) in run(&program, way, calls) {
                let best = best.entry(name).or_insert(time);
                *best = best.min(time);
            }
        }
    }
    print!("{:24}", format!("ns, {calls} calls"));
    WAYS.iter().for_each(|(name, _)| print!("{name:>15}"));
    println!();
    for name in CALLS {
        print!("{name:24}");
        for result in &results {
            match result.get(name) {
                Some(time) => print!("{time:>15.0}"),
                None => print!("{:>15}", "-"),
            }
        }
        println!();
    }
}
