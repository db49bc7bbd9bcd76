//! `hailo events`: the notifications of the firmware as they come.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use hailo_abi::firmware::FirmwareRelease;
use hailo_abi::firmware::notification::EventPriority;
use hailo_linux::RawNotification;
use hailo_linux::error::ErrorKind;
use serde::Serialize;

use crate::failure::Failure;
use crate::firmware::hex;
use crate::output::{Output, Paper, Report};
use crate::{Global, device};

/// Print the notifications of the firmware as they come
#[derive(Args)]
#[command(after_help = "Examples:\n  hailo events\n  hailo events --count 1 --timeout 60 --json")]
pub(crate) struct Arguments {
    /// Stop after so many
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Stop after so long
    #[arg(long, value_name = "SECONDS", value_parser = crate::parse::seconds)]
    timeout: Option<Duration>,
}

/// A notification in words.
#[derive(Clone, Serialize)]
pub(crate) struct Event {
    /// When it came here, in UTC.
    pub(crate) time: String,
    /// What it is about.
    pub(crate) event: String,
    pub(crate) critical: bool,
    sequence: Option<u32>,
    pub(crate) text: String,
    bytes: String,
}

impl Event {
    /// What a notification that has just come from firmware of this release says.
    pub(crate) fn new(release: FirmwareRelease, notification: &RawNotification) -> Self {
        let bytes = notification.bytes();
        let mut event = Self {
            time: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            event: "unreadable".into(),
            critical: false,
            sequence: None,
            text: String::new(),
            bytes: hex(bytes),
        };
        match notification.read(release) {
            Ok(notification) => {
                let number = notification.event.id().0;
                event.event = notification.event.name().map_or_else(|| format!("unknown ({number})"), str::to_owned);
                event.critical = notification.priority == EventPriority::CRITICAL;
                event.sequence = Some(notification.sequence);
                event.text = notification.event.to_string();
            }
            Err(error) => event.text = format!("{error}; the bytes are {}", event.bytes),
        }
        event
    }
}

impl Report for Event {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        let critical = if self.critical { " critical:" } else { "" };
        writeln!(out, "{} {}:{critical} {}", self.time, self.event, self.text)
    }
}

/// How long a wait is at most, so that the end of all waiting is not missed.
const SLICE: Duration = Duration::from_secs(3600);

pub(crate) fn run(arguments: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let device = device::open(global)?;
    let release = device.firmware()?.release();
    let notifications = device.notifications()?;
    if io::stderr().is_terminal() {
        let _ = writeln!(io::stderr(), "Waiting for notifications of {}; Ctrl-C ends.", device.name());
    }
    let deadline = arguments.timeout.map(|timeout| Instant::now() + timeout);
    let mut count = 0;
    while arguments.count.is_none_or(|wanted| count < wanted) {
        let rest = deadline.map_or(SLICE, |deadline| deadline.saturating_duration_since(Instant::now()).min(SLICE));
        match notifications.receive(rest) {
            Ok(notification) => {
                output.report(&Event::new(release, &notification))?;
                count += 1;
            }
            Err(error) if matches!(error.kind(), ErrorKind::Timeout(_)) => {
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    break;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    match arguments.count {
        Some(wanted) if count < wanted => Err(Failure::new(format_args!(
            "{}: {count} of {wanted} notifications came in time; wait longer with --timeout, or without end",
            device.name()
        ))),
        _ => Ok(ExitCode::SUCCESS),
    }
}
