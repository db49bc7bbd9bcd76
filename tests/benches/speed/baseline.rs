//! The committed numbers, and what has become of them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

/// The file.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/speed/baseline.tsv");
/// How much a number may rise, in percent.
const MARGIN: u64 = 5;

/// Instructions of one repetition, by the name of the case.
pub(crate) struct Baseline {
    compiler: String,
    counts: BTreeMap<String, u64>,
}

/// The compiler of this run, and the processor.
fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    format!("{version}, {}", std::env::consts::ARCH)
}

impl Baseline {
    /// The file, or nothing where there is none yet.
    pub(crate) fn read() -> Result<Self, String> {
        let text = std::fs::read_to_string(FILE).unwrap_or_default();
        let mut baseline = Self { compiler: String::new(), counts: BTreeMap::new() };
        for line in text.lines() {
            match line.split_once('\t') {
                Some((name, count)) => {
                    let count = count.parse().map_err(|error| format!("{FILE}: {name}: {error}"))?;
                    baseline.counts.insert(name.to_owned(), count);
                }
                None => baseline.compiler = line.trim_start_matches("# ").to_owned(),
            }
        }
        Ok(baseline)
    }

    pub(crate) fn write<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> Result<(), String> {
        let mut text = format!("# {}\n", compiler());
        for (name, count) in counts {
            let _ = writeln!(text, "{name}\t{count}");
        }
        std::fs::write(FILE, text).map_err(|error| format!("{FILE}: {error}"))
    }

    pub(crate) fn of(&self, name: &str) -> Option<u64> {
        self.counts.get(name).copied()
    }

    /// Says what differs by more than the margin, and returns whether anything rose or is new.
    pub(crate) fn compare<'a>(&self, counts: impl Iterator<Item = (&'a str, u64)>) -> bool {
        let (mut rose, mut same) = (0, 0);
        for (name, now) in counts {
            let Some(then) = self.of(name) else {
                println!("{name}: {now} instructions, not in the baseline");
                rose += 1;
                continue;
            };
            let percent = (now as f64 / then as f64 - 1.0) * 100.0;
            if now * 100 > then * (100 + MARGIN) {
                println!("{name}: {now} instructions instead of {then}, {percent:.1} % more");
                rose += 1;
            } else if now * (100 + MARGIN) < then * 100 {
                println!("{name}: {now} instructions instead of {then}, {percent:.1} %: the baseline can be renewed");
            } else {
                same += 1;
            }
        }
        println!("{same} cases as in the baseline, {rose} more than {MARGIN} % above");
        if rose > 0 {
            println!("baseline: {}; here: {}", self.compiler, compiler());
            println!("to accept: cargo bench -p hailo-tests --bench speed -- --renew");
        }
        rose > 0
    }
}
