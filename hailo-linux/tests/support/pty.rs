//! A pseudo-terminal with a program in it.
#![allow(dead_code)]

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};

use crate::support::interruptible;

/// How long a program may take to print something.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that runs in a terminal.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    size: (u16, u16),
}

impl Terminal {
    /// Starts a program in a terminal of this size.
    pub(crate) fn run(command: &mut Command, columns: u16, rows: u16) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let terminal = openpty(&size, None).expect("a pseudo-terminal");
        let end = |file: &std::os::fd::OwnedFd| Stdio::from(file.try_clone().expect("another descriptor"));
        command.stdin(end(&terminal.slave)).stdout(end(&terminal.slave)).stderr(end(&terminal.slave));
        command.env("TERM", "xterm-256color");
        interruptible(command);
        let child = command.spawn().expect("the command was built");
        // The command keeps its own copies of the terminal's end, which would keep the terminal open.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        drop(terminal.slave);
        let mut reader = File::from(terminal.master.try_clone().expect("another descriptor"));
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading fails once the program has gone.
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keyboard: File::from(terminal.master), screen, seen: Vec::new(), size: (columns, rows) }
    }

    /// What was printed so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Waits until something was printed, wherever it is.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait(&[text], Self::text);
    }

    /// What stands on the screen now, line by line, without the blanks at the ends of lines.
    pub(crate) fn page(&self) -> String {
        let (columns, rows) = self.size;
        let size = |size| std::num::NonZero::new(size).expect("a terminal has lines and columns");
        let mut screen = vt100::Parser::new(size(rows), size(columns), 0);
        screen.process(&self.seen);
        let lines: Vec<_> = screen.screen().rows(0, columns).map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }

    /// Waits until all of these stand on the screen at the same time, each in one line.
    #[track_caller]
    pub(crate) fn wait_for_page(&mut self, texts: &[&str]) {
        self.wait(texts, Self::page);
    }

    #[track_caller]
    fn wait(&mut self, texts: &[&str], seen: impl Fn(&Self) -> String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = seen(self);
            if texts.iter().all(|text| shown.contains(text)) {
                return;
            }
            let rest = deadline.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(rest) {
                // A program that goes on printing is not waited for any longer than one that is silent.
                Ok(bytes) if !rest.is_zero() => self.seen.extend(bytes),
                _ => panic!("{texts:?} did not come; the screen shows:\n{shown}"),
            }
        }
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Ends the program by a signal.
    pub(crate) fn kill(&mut self, signal: nix::sys::signal::Signal) {
        let process = nix::unistd::Pid::from_raw(self.child.id().try_into().expect("a process number"));
        nix::sys::signal::kill(process, signal).expect("the program runs");
    }

    /// Waits for the end of the program; gives its exit status, if it was not killed, and everything that it printed.
    #[track_caller]
    pub(crate) fn finish(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + PATIENCE;
        let mut rest = PATIENCE;
        while !rest.is_zero()
            && let Ok(bytes) = self.screen.recv_timeout(rest)
        {
            self.seen.extend(bytes);
            rest = deadline.saturating_duration_since(Instant::now());
        }
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("the program is a child") {
                return (status.code(), self.text());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the program does not end; the screen shows:\n{}", self.text());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
