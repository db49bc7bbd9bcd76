//! Runs this program again under callgrind, and reads what it counted.

use std::collections::HashMap;
use std::process::Command;

/// What callgrind counted in one run, or the difference of two.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    /// Instructions of the program.
    pub(crate) total: u64,
    /// Of each function: the calls, and the instructions of it and what it called.
    functions: HashMap<String, (u64, u64)>,
}

impl Profile {
    /// Counts what `frames` frames cost when this program is run with `way` and their number: the difference of two runs,
    /// so that start and end cancel out.
    ///
    /// # Errors
    /// If valgrind cannot be run, or the program fails under it.
    pub(crate) fn of(way: &str, frames: u64) -> Result<Self, String> {
        let (few, many) = (run(way, frames)?, run(way, 2 * frames)?);
        let functions = many.functions.into_iter().map(|(name, (calls, instructions))| {
            let (calls_before, before) = few.functions.get(&name).copied().unwrap_or_default();
            (name, (calls.saturating_sub(calls_before), instructions.saturating_sub(before)))
        });
        Ok(Self { total: many.total.saturating_sub(few.total), functions: functions.collect() })
    }

    /// Calls and instructions of all functions whose name contains all of `parts`.
    pub(crate) fn function(&self, parts: &[&str]) -> (u64, u64) {
        let of = self.functions.iter().filter(|(name, _)| parts.iter().all(|part| name.contains(part)));
        of.fold((0, 0), |(calls, instructions), (_, of)| (calls + of.0, instructions + of.1))
    }
}

fn run(way: &str, frames: u64) -> Result<Profile, String> {
    let report = std::env::temp_dir().join(format!("callgrind-{}-{way}-{frames}", std::process::id()));
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", &format!("--callgrind-out-file={}", report.display())])
        .arg(program)
        .args([way, &frames.to_string()])
        .output()
        .map_err(|error| format!("valgrind cannot be run: {error}"))?;
    let text = std::fs::read_to_string(&report);
    let _ = std::fs::remove_file(&report);
    if !output.status.success() {
        return Err(format!("valgrind failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(read(&text.map_err(|error| format!("{}: {error}", report.display()))?))
}

/// Reads the report: lines of positions and costs, those behind `calls=` being the cost of what `cfn=` names.
fn read(text: &str) -> Profile {
    let mut names = HashMap::new();
    let mut profile = Profile::default();
    let mut called = String::new();
    let mut calls: Option<u64> = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("cfn=") {
            called = full_name(&mut names, name);
        } else if let Some(name) = line.strip_prefix("fn=") {
            full_name(&mut names, name);
        } else if let Some(count) = line.strip_prefix("calls=") {
            calls = count.split(' ').next().and_then(|count| count.parse().ok());
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost: u64 = line.split(' ').nth(1).and_then(|cost| cost.parse().ok()).unwrap_or(0);
            match calls.take() {
                Some(count) => {
                    let function = profile.functions.entry(called.clone()).or_insert((0, 0));
                    *function = (function.0 + count, function.1 + cost);
                }
                None => profile.total += cost,
            }
        }
    }
    profile
}

/// Names are written once, with a number, and later by the number alone.
fn full_name(names: &mut HashMap<String, String>, text: &str) -> String {
    let (number, name) = text.split_once(' ').unwrap_or((text, ""));
    if !name.is_empty() {
        names.insert(number.to_owned(), name.to_owned());
    }
    names.get(number).cloned().unwrap_or_default()
}
