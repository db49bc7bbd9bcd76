//! Counting instructions.

use std::process::{Command, Stdio};

/// The instructions of one run of a program.
pub(crate) fn instructions(program: &str, arguments: &[&str]) -> Result<u64, String> {
    // A program also works through its environment, which is not the same everywhere.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let output = Command::new("valgrind")
        .env_clear()
        .env("PATH", path)
        .stdin(Stdio::null())
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", program])
        .args(arguments)
        .output()
        .map_err(|error| format!("valgrind cannot be run: {error}. Install the package valgrind"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected.filter(|_| output.status.success()).ok_or_else(|| format!("valgrind failed:\n{text}"))
}
