//! What all commands have in common: help with an example, completions, manual pages, errors, broken pipes.
#![cfg(feature = "cli")]

#[path = "support/pty.rs"]
mod pty;
#[path = "support/mod.rs"]
mod support;

use std::io::Read;
use std::process::Stdio;

use pty::Terminal;
use support::{command, hailo, run};

/// The names of the subcommands of a command, from its help.
fn subcommands(path: &str) -> Vec<String> {
    let help = hailo(&format!("{path} --help")).ok().stdout;
    let Some((_, list)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let list = list.split("\n\n").next().unwrap();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.map(|line| line.split_whitespace().next().unwrap().to_owned());
    names.filter(|name| name != "help").map(|name| format!("{path} {name}")).collect()
}

/// Every command and subcommand.
fn commands() -> Vec<String> {
    let mut all = subcommands("");
    let mut next = 0;
    while next < all.len() {
        all.extend(subcommands(&all[next]));
        next += 1;
    }
    all
}

#[test]
fn help_shows_an_example_that_the_command_understands() {
    let commands = commands();
    assert!(commands.len() > 5, "{commands:?}");
    for name in commands {
        for flag in ["-h", "--help"] {
            let help = hailo(&format!("{name} {flag}")).ok().stdout;
            let (_, examples) = help.split_once("Example").unwrap_or_else(|| panic!("an example in the help of{name}"));
            assert!(examples.contains(&format!("hailo{name}")), "{name}: {help}");
            assert!(help.lines().all(|line| line.chars().count() <= 120), "{help}");
        }
    }
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = hailo(&format!("completions {shell}")).ok().stdout;
        for word in ["doctor", "abi", "--assume-release"] {
            let word = if shell == "fish" { word.trim_start_matches("--") } else { word };
            assert!(script.contains(word), "{word} for {shell}");
        }
    }
    assert_eq!(hailo("completions csh").status, 2);
}

#[test]
fn manual_pages_of_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("deep/man1");
    let ran = run(command().args(["man", "--dir"]).arg(&pages)).ok();
    let mut wanted: Vec<_> = commands().iter().map(|name| format!("hailo{}.1", name.replace(' ', "-"))).collect();
    wanted.push("hailo.1".into());
    wanted.sort();
    let mut written: Vec<_> =
        std::fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    written.sort();
    assert_eq!(written, wanted);
    for name in &written {
        let page = std::fs::read_to_string(pages.join(name)).unwrap();
        assert!(page.contains(".TH") && page.contains(".SH SYNOPSIS"), "{name}");
        assert!(ran.stdout.contains(name.as_str()));
    }
    let json = run(command().args(["man", "--json", "--dir"]).arg(&pages)).ok().json();
    assert_eq!(json["pages"].as_array().unwrap().len(), wanted.len());
    std::fs::write(dir.path().join("file"), "").unwrap();
    let refused = run(command().args(["man", "--dir"]).arg(dir.path().join("file"))).sentence();
    assert!(refused.contains("file"), "{refused}");
}

#[test]
fn what_clap_refuses_has_status_2() {
    for wrong in ["", "nonsense", "abi", "abi structs", "--assume-release four abi diff 4.20.0 4.23.0"] {
        let ran = hailo(wrong);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{wrong}");
        assert!(ran.stderr.contains("Usage:") || ran.stderr.contains("--help"), "{}", ran.stderr);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error_to_talk_about() {
    let mut child =
        command().args(["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    let status = child.wait().unwrap();
    // 141 is what a shell reports of a program that SIGPIPE ended.
    assert_eq!((status.code(), stderr.as_str()), (Some(141), ""));
}

#[test]
fn a_full_disk_is_one() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let child = command().args(["completions", "bash"]).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("hailo: cannot write to the standard output: "), "{stderr}");
}

#[test]
fn running_text_fits_into_a_narrow_terminal() {
    let root = tempfile::tempdir().unwrap();
    for columns in [30, 60, 200] {
        let mut doctor = command();
        doctor.args(["doctor", "--root"]).arg(root.path());
        let (status, text) = Terminal::run(&mut doctor, columns, 24).finish();
        assert_eq!(status, Some(1), "{text}");
        assert!(text.contains("Remedy:"), "{text}");
        let widest = text.lines().map(|line| line.trim_end().chars().count()).max().unwrap();
        assert!(widest <= usize::from(columns.min(100)), "{widest} columns in {columns}:\n{text}");
    }
}
