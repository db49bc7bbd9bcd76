//! `hailo monitor`: temperature, power, throttling, channels and notifications on one page that keeps itself up to date.

mod page;
mod sample;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use clap::Args;
use hailo_abi::firmware::FirmwareRelease;
use hailo_linux::error::ErrorKind;
use hailo_linux::{Device, Firmware, Notifications};
use ratatui::crossterm::event::{self, KeyCode, KeyEventKind, KeyModifiers};
use signal_hook::consts::{SIGHUP, SIGTERM};

use crate::events::Event;
use crate::failure::Failure;
use crate::output::Output;
use crate::{Global, device};

use page::Page;
use sample::{Sample, Who};

/// Watch temperature, power, throttling, channels and notifications on a live page
///
/// With --json it prints one object per reading and one per notification instead.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  hailo monitor\n  hailo monitor --interval 5 --json\n\nKeys: q, Esc or Ctrl-C ends."
)]
pub(crate) struct Arguments {
    /// The time between two readings
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = crate::parse::seconds)]
    interval: Duration,
    /// Stop after so many readings
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// How soon a key or a notification is seen.
const REACTION: Duration = Duration::from_millis(50);

/// What the page is told.
enum News {
    Sample(Box<Sample>),
    Event(Event),
    /// There will be no more notifications.
    Deaf(String),
}

/// Reads again and again. A firmware that does not answer holds up this thread only.
fn read(firmware: &Firmware, interval: Duration, sender: &SyncSender<News>) {
    loop {
        let begin = Instant::now();
        if sender.send(News::Sample(Box::new(Sample::of(firmware)))).is_err() {
            // Nobody looks any more.
            return;
        }
        std::thread::sleep(interval.saturating_sub(begin.elapsed()));
    }
}

/// Hands on notifications as they come.
fn listen(notifications: &Notifications, release: FirmwareRelease, sender: &SyncSender<News>) {
    loop {
        let news = match notifications.receive(REACTION) {
            Ok(notification) => News::Event(Event::new(release, &notification)),
            Err(error) if matches!(error.kind(), ErrorKind::Timeout(_)) => continue,
            Err(error) => News::Deaf(error.to_string()),
        };
        let last = matches!(news, News::Deaf(_));
        if sender.send(news).is_err() || last {
            return;
        }
    }
}

/// Starts reading and listening.
fn watch(device: &Device, firmware: &Firmware, interval: Duration) -> Result<Receiver<News>, Failure> {
    let (sender, news) = sync_channel(64);
    let notifications = device.notifications()?;
    let (release, ears) = (firmware.release(), sender.clone());
    let firmware = firmware.clone();
    // Both end with the program.
    std::thread::spawn(move || listen(&notifications, release, &ears));
    std::thread::spawn(move || read(&firmware, interval, &sender));
    Ok(news)
}

/// Whether a key was pressed that ends the page.
fn ended() -> io::Result<bool> {
    if !event::poll(REACTION)? {
        return Ok(false);
    }
    let event::Event::Key(key) = event::read()? else { return Ok(false) };
    let interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    Ok(key.kind == KeyEventKind::Press && (interrupt || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc)))
}

/// Prints readings and notifications one by one.
fn lines(news: &Receiver<News>, count: u64, output: &mut Output) -> Result<(), Failure> {
    let mut readings = 0;
    while readings < count {
        match news.recv() {
            Ok(News::Sample(sample)) => {
                output.report(&*sample)?;
                readings += 1;
            }
            Ok(News::Event(event)) => output.report(&event)?,
            Ok(News::Deaf(error)) => return Err(Failure::new(error)),
            Err(_) => break,
        }
    }
    Ok(())
}

/// Shows the page until a key ends it.
fn show(who: Who, news: &Receiver<News>, count: u64) -> io::Result<()> {
    let mut page = Page::new(who);
    // A terminal that was left as it is drawn on would be of no use to the one who ended this program.
    let ended_by_signal = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&ended_by_signal))?;
    }
    // It leaves the terminal as it was, also if this program panics.
    let mut terminal = ratatui::try_init()?;
    let mut run = || -> io::Result<()> {
        loop {
            for news in news.try_iter() {
                match news {
                    News::Sample(sample) => page.sample(*sample),
                    News::Event(event) => page.event(event),
                    News::Deaf(error) => page.trouble(error),
                }
            }
            terminal.draw(|frame| page.draw(frame))?;
            if page.readings() >= count || ended_by_signal.load(Ordering::Relaxed) || ended()? {
                return Ok(());
            }
        }
    };
    let outcome = run();
    ratatui::try_restore().and(outcome)
}

pub(crate) fn run(arguments: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    if !global.json && !io::stdout().is_terminal() {
        return Err(Failure::new("monitor draws its page on a terminal only; --json prints the same line by line"));
    }
    let device = device::open(global)?;
    let firmware = device.firmware()?;
    let news = watch(&device, &firmware, arguments.interval)?;
    let count = arguments.count.unwrap_or(u64::MAX);
    if global.json {
        lines(&news, count, output)?;
    } else {
        let shown = show(Who::new(&device, &firmware), &news, count);
        shown.map_err(|error| Failure::new(format_args!("cannot draw on the terminal: {error}")))?;
    }
    Ok(ExitCode::SUCCESS)
}
