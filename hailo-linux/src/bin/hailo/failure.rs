//! [`Failure`]: why a subcommand could not do what it was asked.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// The exit status of a program that was ended by a signal is this and its number, as shells report it.
pub(crate) const SIGNALLED: u8 = 128;
/// That of a program that was ended by `SIGPIPE`.
const BROKEN_PIPE: u8 = SIGNALLED + 13;

/// Why a subcommand stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A sentence for a person: what is wrong and what can be done. Exit status 1.
    Sentence(String),
    /// Somebody ended it.
    Interrupted {
        /// After so many frames.
        frames: u64,
        /// By this signal.
        signal: u8,
    },
    /// Whoever read the output went away; there is nobody to tell.
    BrokenPipe,
}

impl Failure {
    /// A failure with this sentence.
    pub(crate) fn new(sentence: impl Display) -> Self {
        Self::Sentence(sentence.to_string())
    }

    /// A failure of an operation on a file.
    pub(crate) fn file(action: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(format_args!("cannot {action} {}: {error}", path.display()))
    }

    /// A program could not be started.
    #[cfg(all(feature = "trace", any(target_arch = "x86_64", target_arch = "aarch64")))]
    pub(crate) fn not_started(program: &std::ffi::OsStr, error: &io::Error) -> Self {
        let name = program.to_string_lossy();
        let is_there = Path::new(program).components().count() > 1 && Path::new(program).exists();
        let reason = match error.raw_os_error() {
            Some(libc::ENOENT) if is_there => {
                "what is to interpret it, named in its first line or its header, is not there"
            }
            Some(libc::ENOENT) => "there is no such program",
            Some(libc::EACCES) => "it is no file that may be executed",
            Some(libc::ENOEXEC) => "it is no program for this computer, and no script that begins with #!",
            _ => return Self::new(format_args!("cannot run {name}: {error}")),
        };
        Self::new(format_args!("cannot run {name}: {error} ({reason})"))
    }

    /// Prints the sentence and gives the exit status.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Sentence(sentence) => {
                // Not `eprintln!`, which panics where the standard error output is closed.
                let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("hailo: {sentence}\n"));
                ExitCode::FAILURE
            }
            Self::Interrupted { frames, signal } => {
                let _ = io::Write::write_fmt(
                    &mut io::stderr(),
                    format_args!("hailo: interrupted after {frames} frames; the network was stopped\n"),
                );
                ExitCode::from(SIGNALLED + signal)
            }
            Self::BrokenPipe => ExitCode::from(BROKEN_PIPE),
        }
    }
}

/// Only the standard output is written to with errors passed on as they are.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::BrokenPipe
        } else {
            Self::new(format_args!("cannot write to the standard output: {error}"))
        }
    }
}
