//! Starting the command.

use std::path::PathBuf;
use std::process::Command;

use crate::{Case, Work};

fn program() -> PathBuf {
    // This program is in target/release/deps.
    let own = std::env::current_exe().expect("a program");
    own.ancestors().nth(2).expect("a folder").join("hailo")
}

/// Builds `hailo` as it is released.
pub(crate) fn build() -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let built = Command::new(cargo)
        .args([
            "build",
            "--release",
            "--quiet",
            "--package",
            "hailo-linux",
            "--bin",
            "hailo",
            "--manifest-path",
            manifest,
        ])
        .status();
    match built {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("cargo build: {status}")),
        Err(error) => Err(format!("cargo cannot be run: {error}")),
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let case = |arguments: &[&str]| Case {
        name: format!("start hailo {}", arguments.join(" ")),
        unit: "start",
        units: 1,
        in_c: false,
        runs: 1,
        steady: true,
        work: Work::Program(
            std::iter::once(program().to_string_lossy().into_owned())
                .chain(arguments.iter().map(|argument| (*argument).to_owned()))
                .collect(),
        ),
    };
    vec![case(&["--version"]), case(&["identify", "--device", "mock"])]
}
