//! What the crates cost, in one table: `cargo bench -p hailo-tests --bench speed [-- PART-OF-A-NAME…]`.
//!
//! Instructions are counted by callgrind (needs valgrind), which time on a busy machine does not disturb. Every case runs
//! in a process of its own with two numbers of repetitions, so that start and end cancel out; the start of a program is
//! counted as a whole. What C does of the same is in `encode.c`. The emulator is compared with `memcpy`, in time.
//!
//! `baseline.tsv` has the numbers of the last renewal:
//!
//!     cargo bench -p hailo-tests --bench speed -- --check    fails if a number rose by more than 5 %
//!     cargo bench -p hailo-tests --bench speed -- --renew    writes the file anew
//!
//! The numbers are those of x86-64 and of the compiler that the file names; other versions of it are usually well within
//! the 5 %. Where they are not, renew the file with the old state and the new compiler first.

mod baseline;
mod callgrind;
mod encode;
mod frame;
mod model;
mod start;
mod throughput;
mod transforms;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use baseline::Baseline;
use callgrind::instructions;

/// What is repeated.
type Run = Box<dyn Fn(u64) + Send + Sync>;

/// How a case is measured.
enum Work {
    /// So many repetitions, and many more.
    Repeated { few: u64, many: u64, run: Run },
    /// A program and its arguments, from start to end.
    Program(Vec<String>),
}

/// A line of the table.
struct Case {
    name: String,
    /// What the number is for: a call, a frame, …
    unit: &'static str,
    /// How many of these one repetition has.
    units: usize,
    /// Whether `encode.c` has the case, under this name.
    in_c: bool,
    /// How often it is measured; the median counts.
    runs: usize,
    /// Whether the number is always the same. That of threads depends on who is first, so it is shown but not checked.
    steady: bool,
    work: Work,
}

impl Case {
    fn new(name: impl Into<String>, unit: &'static str, (few, many): (u64, u64), run: Run) -> Self {
        Self {
            name: name.into(),
            unit,
            units: 1,
            in_c: false,
            runs: 1,
            steady: true,
            work: Work::Repeated { few, many, run },
        }
    }
}

/// What was measured of a case, for one repetition.
struct Measured {
    instructions: u64,
    in_c: Option<u64>,
}

fn cases() -> Vec<Case> {
    [encode::cases(), frame::cases(), model::cases(), transforms::cases(), start::cases()]
        .into_iter()
        .flatten()
        .collect()
}

/// Instructions of one repetition.
fn count_once(program: &str, arguments: &[&str], (few, many): (u64, u64)) -> Result<u64, String> {
    let total = |count: u64| instructions(program, &[arguments, &[&count.to_string()]].concat());
    Ok((total(many)? - total(few)?) / (many - few))
}

/// The median of some runs.
fn count(runs: usize, program: &str, arguments: &[&str], repetitions: (u64, u64)) -> Result<u64, String> {
    let counts = (0..runs).map(|_| count_once(program, arguments, repetitions));
    let mut counts = counts.collect::<Result<Vec<_>, _>>()?;
    counts.sort_unstable();
    Ok(counts[runs / 2])
}

fn measure(case: &Case, own: &str, c: &Path) -> Result<Measured, String> {
    let (few, many) = match &case.work {
        Work::Repeated { few, many, .. } => (*few, *many),
        Work::Program(words) => {
            let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
            return Ok(Measured { instructions: instructions(&words[0], &arguments)?, in_c: None });
        }
    };
    let in_c = match case.in_c {
        true => Some(count(1, &c.to_string_lossy(), &[&case.name], (few, many))?),
        false => None,
    };
    Ok(Measured { instructions: count(case.runs, own, &["--case", &case.name], (few, many))?, in_c })
}

/// Measures all cases, on all processors.
fn measure_all(cases: &[Case]) -> Result<Vec<Measured>, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let c = encode::c_program();
    let (next, measured) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let worker = || {
        while let Some((index, case)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, cases.get(i)?)))
        {
            let result = measure(case, &own.to_string_lossy(), &c).map_err(|error| format!("{}: {error}", case.name));
            measured.lock().expect("no panic").push((index, result));
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(worker)));
    });
    let mut measured = measured.into_inner().expect("no panic");
    measured.sort_by_key(|(index, _)| *index);
    measured.into_iter().map(|(_, result)| result).collect()
}

/// Nanoseconds of one repetition: the least of a few measurements.
fn nanoseconds(case: &Case) -> Option<f64> {
    let Work::Repeated { few, many, run } = &case.work else { return None };
    let time = |count: u64| {
        let start = Instant::now();
        run(count);
        start.elapsed()
    };
    let least = |count: u64| (0..5).map(|_| time(count)).min().unwrap_or(Duration::MAX);
    Some(least(*many).saturating_sub(least(*few)).as_secs_f64() * 1e9 / (many - few) as f64)
}

fn table(cases: &[Case], measured: &[Measured], baseline: &Baseline) {
    println!("{:78} {:>12} {:>8} {:>12} {:>12}  per", "case", "instructions", "C", "baseline", "nanoseconds");
    for (case, measured) in cases.iter().zip(measured) {
        let each = |value: Option<f64>, digits: usize| match (value, case.units) {
            (None, _) => "-".to_owned(),
            (Some(value), 1) => format!("{value:.*}", digits.saturating_sub(2)),
            (Some(value), units) => format!("{:.digits$}", value / units as f64),
        };
        println!(
            "{:78} {:>12} {:>8} {:>12} {:>12}  {}",
            case.name,
            each(Some(measured.instructions as f64), 2),
            each(measured.in_c.map(|count| count as f64), 2),
            each(baseline.of(&case.name).map(|count| count as f64), 2),
            each(nanoseconds(case), 3),
            case.unit,
        );
    }
}

fn run(arguments: &[&str]) -> Result<ExitCode, String> {
    if let ["--case", name, count] = arguments {
        let count = count.parse().map_err(|error| format!("{count}: {error}"))?;
        let case = cases().into_iter().find(|case| case.name == *name).ok_or("no such case")?;
        let Work::Repeated { run, .. } = case.work else { return Err("not a case of this program".to_owned()) };
        run(count);
        return Ok(ExitCode::SUCCESS);
    }
    let (options, parts): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|argument| argument.starts_with("--"));
    let mut cases = cases();
    cases.retain(|case| parts.is_empty() || parts.iter().any(|part| case.name.contains(part)));
    let given = |option: &str| options.contains(&option);
    if !given("--bench") {
        // Run as a test: whether it works.
        for case in &cases {
            if let Work::Repeated { run, .. } = &case.work {
                run(1);
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    start::build()?;
    let baseline = Baseline::read()?;
    let measured = measure_all(&cases)?;
    let steady = || cases.iter().zip(&measured).filter(|(case, _)| case.steady);
    let counts = || steady().map(|(case, measured)| (case.name.as_str(), measured.instructions));
    if given("--renew") {
        return Baseline::write(counts()).map(|()| ExitCode::SUCCESS);
    }
    if given("--check") {
        let rose = baseline.compare(counts());
        return Ok(if rose { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    table(&cases, &measured, &baseline);
    throughput::print(&parts);
    Ok(ExitCode::SUCCESS)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}
