//! Runs the real `hailo` binary.
#![allow(dead_code)]

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::sys::signal::{SigHandler, Signal, signal};

/// What a run of the command gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The one JSON value that was printed.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The same run, which must have succeeded.
    pub(crate) fn ok(self) -> Self {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""), "{}", self.stdout);
        self
    }

    /// The sentence of a run that must have failed with status 1.
    pub(crate) fn sentence(self) -> String {
        assert_eq!((self.status, self.stdout.as_str()), (1, ""), "{}", self.stderr);
        let sentence = self.stderr.strip_prefix("hailo: ").expect("the sentence starts with the program's name");
        assert_eq!(sentence.matches('\n').count(), 1, "one line: {sentence}");
        sentence.trim_end().to_owned()
    }
}

/// The command, without anything of this process's environment that it looks at.
pub(crate) fn command() -> Command {
    other(env!("CARGO_BIN_EXE_hailo"))
}

/// Another program that runs the command.
pub(crate) fn other(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_remove("HAILO_DEVICE").env_remove("COLUMNS").env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    command
}

/// Runs the command with these arguments, separated by spaces.
pub(crate) fn hailo(arguments: &str) -> Ran {
    run(command().args(arguments.split_whitespace()))
}

/// Lets Ctrl-C end a program: whoever starts the tests in the background has them ignore it, which a program inherits.
pub(crate) fn interruptible(command: &mut Command) {
    // SAFETY: setting a signal's action is allowed between fork and exec.
    unsafe {
        command.pre_exec(|| {
            signal(Signal::SIGINT, SigHandler::SigDfl)?;
            Ok(())
        });
    }
}

pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command.output().expect("the command was built");
    let text = |bytes| String::from_utf8(bytes).expect("the command prints UTF-8");
    Ran {
        status: output.status.code().expect("it ended by itself"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}
