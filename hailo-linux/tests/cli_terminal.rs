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
fn a_long_measurement_ends_with_a_signal() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut terminal = start("power --duration 600 --device mock");
        terminal.wait_for("Measuring for 600 seconds; Ctrl-C ends.");
        terminal.kill(signal);
        let (status, text) = terminal.finish();
        assert_eq!(status, None, "ended by the signal");
        assert!(!text.contains("Total samples"), "{text}");
    }
}

#[test]
fn monitor_shows_what_happens_until_a_key_ends_it() {
    for key in ["q", "\u{1b}", "\u{3}"] {
        let mut terminal = start("monitor --interval 0.2 --device mock:notify=0.3");
        // Everything that is read, and a notification that came meanwhile.
        terminal.wait_for_page(&[
            "hailo monitor: mock:notify=0.3 ",
            "Hailo-8 HLLWM2B000000000, driver 4.23.0, firmware 4.23.0",
            " °C orange ",
            " Power 1.",
            "By temperature  level 0",
            "Clock           300 MHz",
            "Current zone    green",
            " Channels ",
            "no network group is configured",
            " Notifications ",
            "the core's clock was changed from 400 MHz to 300 MHz",
            " q ends ",
        ]);
        terminal.press(key);
        let (status, text) = terminal.finish();
        assert_eq!(status, Some(0), "{text}");
        // It leaves the alternate screen that it entered.
        let (enter, leave) = (text.find("\u{1b}[?1049h").unwrap(), text.rfind("\u{1b}[?1049l").unwrap());
        assert!(enter < leave, "{text}");
    }
}

#[test]
fn monitor_of_firmware_of_unknown_release_shows_what_can_be_read() {
    let mut terminal = start("monitor --interval 0.2 --device mock:driver=5.3.0,notify=0.3");
    terminal.wait_for_page(&[
        "driver 5.3.0, firmware 5.3.0 (not known here)",
        " °C green ",
        " Power 1.",
        "not to be read from this firmware",
        "the core's clock was changed",
    ]);
    terminal.press("q");
    assert_eq!(terminal.finish().0, Some(0));
}

#[test]
fn monitor_fits_into_small_terminals() {
    let start = |columns, rows| {
        let mut monitor = command();
        Terminal::run(monitor.args(["monitor", "--interval", "0.1", "--device", "mock:notify=0.2"]), columns, rows)
    };
    // In a narrow one, the panels stand below each other and say the same.
    let mut narrow = start(40, 30);
    narrow.wait_for_page(&[
        " °C green ",
        " Power 1.",
        "By temperature  none",
        "Clock           400 MHz",
        "no network group is configured",
        "the core's clock was changed",
    ]);
    narrow.press("q");
    assert_eq!(narrow.finish().0, Some(0));
    // In one that has no room for anything, nothing breaks.
    for (columns, rows) in [(1, 1), (20, 5), (12, 40), (200, 8)] {
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
