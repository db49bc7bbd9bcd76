//! Small programs in C and Python that use an accelerator, and running them.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::{Ran, command, run};

/// Where the programs' text is.
fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name)
}

/// The system's Python, not a shim in front of it.
fn python() -> String {
    let found = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    String::from_utf8(found.expect("python3 runs").stdout).expect("a path").trim().to_owned()
}

/// A program that was compiled, in a directory of its own.
pub(crate) struct Program {
    directory: TempDir,
    words: Vec<String>,
}

impl Program {
    /// Compiles a C program.
    pub(crate) fn c(name: &str) -> Self {
        Self::compiled(name, &["-O1", "-Wall", "-Werror", "-Wno-unused-function", "-pthread"], &["-lm"])
    }

    /// Compiles a C program without a C library.
    pub(crate) fn bare_c(name: &str) -> Self {
        Self::compiled(name, &["-O1", "-Wall", "-Werror", "-static", "-nostdlib", "-fno-stack-protector"], &[])
    }

    fn compiled(name: &str, options: &[&str], libraries: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let binary = directory.path().join(name);
        let mut cc = Command::new("cc");
        cc.args(options).arg("-o").arg(&binary).arg(source(&format!("{name}.c"))).args(libraries);
        let output = cc.output().expect("the system has a C compiler");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { directory, words: vec![binary.to_str().expect("a path").to_owned()] }
    }

    /// A Python program of these tests.
    pub(crate) fn python(name: &str) -> Self {
        Self::script(&source(name))
    }

    pub(crate) fn script(path: &Path) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { directory, words: vec![python(), path.to_str().expect("a path").to_owned()] }
    }

    /// The example that asks a board who it is.
    pub(crate) fn identify() -> Self {
        Self::script(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/identify.py"))
    }

    pub(crate) fn shell(line: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { directory, words: vec!["sh".into(), "-c".into(), line.into()] }
    }

    /// A path for a file that the test wants.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }

    /// Runs it under `hailo emulate` with these options.
    pub(crate) fn emulated(&self, options: &[&str]) -> Ran {
        run(command().arg("emulate").args(options).arg("--").args(&self.words))
    }

    /// Runs it under `hailo trace -- hailo emulate`.
    pub(crate) fn traced(&self, trace: &[&str], emulate: &[&str]) -> Ran {
        let mut command = command();
        // Where the suite runs under AddressSanitizer: leaks cannot be looked for in a program that is traced.
        command.env("ASAN_OPTIONS", "detect_leaks=0");
        command.arg("trace").args(trace).args(["--", env!("CARGO_BIN_EXE_hailo"), "emulate", "--quiet"]);
        run(command.args(emulate).arg("--").args(&self.words))
    }
}
