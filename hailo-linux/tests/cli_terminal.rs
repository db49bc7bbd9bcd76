//! Commands that go on and on, in a terminal, with something that arrives while they run.
#![cfg(all(feature = "cli", feature = "emulator"))]

#[path = "support/pty.rs"]
mod pty;
#[path = "support/mod.rs"]
mod support;

use nix::sys::signal::Signal;
use pty::Terminal;
use support::command;

fn start(arguments: &str) -> Terminal {
    Terminal::run(command().args(arguments.split_whitespace()), 100, 40)
}

#[test]
fn events_come_while_it_waits() {
    let mut terminal = start("events --device mock:notify=0.3");
    terminal.wait_for("Waiting for notifications of mock:notify=0.3");
    terminal.wait_for("TEMPERATURE_ALARM: critical: the temperature has entered the orange zone");
    terminal.wait_for("CLOCK_CHANGED: the core's clock was changed from 400 MHz to 300 MHz");
    terminal.kill(Signal::SIGINT);
    let (status, text) = terminal.finish();
    assert_eq!(status, None, "ended by the signal");
    assert!(text.find("TEMPERATURE_ALARM").unwrap() < text.find("CLOCK_CHANGED").unwrap());
}

#[test]
fn events_as_json_come_at_once() {
    let mut terminal = start("events --device mock:notify=0.3 --json");
    terminal.wait_for("\"event\":\"TEMPERATURE_ALARM\"");
    terminal.wait_for("\"event\":\"CLOCK_CHANGED\"");
    terminal.kill(Signal::SIGTERM);
    assert_eq!(terminal.finish().0, None);
}

#[test]
fn log_lines_come_while_it_follows() {
    let mut terminal = start("log --follow --cpu app --device mock:log=0.2");
    for number in 0..3 {
        terminal.wait_for(&format!("app: emulated firmware: line {number}\r\n"));
    }
    terminal.kill(Signal::SIGINT);
    assert_eq!(terminal.finish().0, None);
    let mut terminal = start("log --follow --json --device mock:log=0.2");
    terminal.wait_for("{\"cpu\":\"app\",\"line\":\"emulated firmware: line 1\"}");
    terminal.kill(Signal::SIGINT);
}

#[test]
fn temperature_is_watched_until_interrupted() {
    let mut terminal = start("temperature --watch --interval 0.05 --device mock:temperature=70");
    for _ in 0..3 {
        terminal.wait_for("TS0: ");
    }
    terminal.kill(Signal::SIGINT);
    let (status, text) = terminal.finish();
    assert_eq!(status, None);
    assert!(text.lines().count() >= 1 && text.contains(" C"), "{text}");
}

#[test]
fn monitor_shows_what_happens_until_a_key_ends_it() {
    for key in ["q", "\u{1b}", "\u{3}"] {
        let mut terminal = start("monitor --interval 0.2 --device mock:notify=0.3,temperature=107");
        // The frame of the page, readings, and a notification that came meanwhile. Words that are drawn together.
        for part in ["monitor:", "Temperature", "orange", "level", "Power", "Notifications", "temperature", "MHz"] {
            terminal.wait_for(part);
        }
        terminal.wait_for("zone");
        terminal.press(key);
        let (status, text) = terminal.finish();
        assert_eq!(status, Some(0), "{text}");
        // It leaves the alternate screen that it entered.
        let (enter, leave) = (text.find("\u{1b}[?1049h").unwrap(), text.rfind("\u{1b}[?1049l").unwrap());
        assert!(enter < leave, "{text}");
    }
}

#[test]
fn monitor_fits_into_small_terminals() {
    for (columns, rows) in [(20, 5), (40, 12), (200, 60)] {
        let mut monitor = command();
        monitor.args(["monitor", "--interval", "0.1", "--count", "2", "--device", "mock"]);
        let (status, text) = Terminal::run(&mut monitor, columns, rows).finish();
        assert_eq!(status, Some(0), "{columns} x {rows}: {text}");
    }
}

#[test]
fn monitor_leaves_the_terminal_in_order_when_it_is_told_to_end() {
    let mut terminal = start("monitor --interval 0.1 --device mock");
    terminal.wait_for("Temperature");
    terminal.kill(Signal::SIGTERM);
    let (status, text) = terminal.finish();
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("\u{1b}[?1049l"), "{text}");
}
