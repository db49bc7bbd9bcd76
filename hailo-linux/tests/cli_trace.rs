//! `hailo trace`: what a program asks of the accelerator, in words.

#[path = "support/programs.rs"]
mod programs;
#[path = "support/mod.rs"]
mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use programs::Program;
use serde_json::Value;
use support::{command, hailo, interruptible, other, run};

/// The lines of a trace in JSON.
fn calls(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn names(calls: &[Value]) -> Vec<&str> {
    calls.iter().map(|call| call["name"].as_str().or(call["call"].as_str()).expect("a name")).collect()
}

#[test]
fn an_emulated_program_is_decoded() {
    let ran = Program::identify().traced(&[], &[]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("driver 4.23.0\n"), "{}", ran.stdout);
    for part in [
        "open /dev/hailo0, 0x80002 = ",
        "HAILO_QUERY_DRIVER_INFO = 0 → major_version=4 minor_version=23 revision_version=0",
        "HAILO_FW_CONTROL IDENTIFY, app CPU = 0 → Identity { protocol_version: 2",
        "fd#1 close = 0",
        "\ndriver 4.23.0\n",
    ] {
        assert!(ran.stderr.contains(part), "{part} in {}", ran.stderr);
    }
}

#[test]
fn the_release_is_found_from_the_calls() {
    for release in ["4.17.0", "5.3.0"] {
        let ran = Program::identify().traced(&[], &["--device", &format!("mock:driver={release}")]);
        assert!(ran.stderr.contains(&format!("\ndriver {release}\n")), "{}", ran.stderr);
        assert!(ran.stderr.contains("= ENOTTY"), "the other codes of the version query: {}", ran.stderr);
        assert!(ran.stderr.contains("HAILO_FW_CONTROL IDENTIFY"), "{}", ran.stderr);
    }
}

#[test]
fn threads_frames_and_interrupts_are_counted() {
    let program = Program::c("threads");
    let ran = program.traced(&[], &[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "5 frames\n"), "{}", ran.stderr);
    for part in [
        "→ channel 16: 1 done",
        "→ no interrupt",
        "buffers[0].addr_or_fd=buf#2+0",
        "channel 0: 5 transfers, 5120 bytes",
        "channel 16: 5 transfers, 5120 bytes, 5 reported as done",
        "5 frames: 5120 bytes to the device, 5120 bytes asked from it",
    ] {
        assert!(ran.stderr.contains(part), "{part} in {}", ran.stderr);
    }
    let calls = calls(&program.traced(&["--json"], &[]).stderr);
    let launches: Vec<_> = calls.iter().filter(|call| call["name"] == "HAILO_VDMA_LAUNCH_TRANSFER").collect();
    assert_eq!(launches.len(), 10);
    for launch in launches {
        let sum = launch["p"]["md5"].as_str().map(str::len);
        assert_eq!(sum, (launch["p"]["channel_index"] == 0).then_some(32), "of what was sent: {launch}");
    }
    let summary = program.traced(&["--summary-only"], &[]);
    assert!(!summary.stderr.contains('→') && summary.stderr.contains("5 frames:"), "{}", summary.stderr);
}

#[test]
fn copies_and_errors_are_seen() {
    let program = Program::c("files");
    let path = program.file("calls.jsonl");
    let ran = program.traced(&["--json", "--output", path.to_str().unwrap()], &[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (3, "ok\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("calls  errors"), "the summary goes beside the file: {}", ran.stderr);
    let calls = calls(&std::fs::read_to_string(path).unwrap());
    let maps: Vec<_> = calls.iter().filter(|call| call["name"] == "HAILO_VDMA_BUFFER_MAP").collect();
    let handles: Vec<_> = maps.iter().map(|map| (map["fd"].as_str(), map["p"]["mapped_handle"].as_u64())).collect();
    let (first, second) = (Some("fd#1"), Some("fd#2"));
    let expected = [(first, 1), (first, 2), (second, 1), (first, 3), (first, 4), (first, 5)];
    assert_eq!(handles, expected.map(|(file, handle)| (file, Some(handle))), "the child's is the parent's file");
    let failed: Vec<_> = calls.iter().filter_map(|call| call["errno"].as_i64().filter(|errno| *errno != 0)).collect();
    assert_eq!(failed, [2, 22, 22, 12, 25], "no board, twice no memory to map, a bad address, an unknown code");
    assert_eq!(names(&calls).iter().filter(|name| **name == "mmap").count(), 6, "private ones too");
}

#[test]
fn a_static_program_is_traced() {
    let ran = Program::bare_c("raw").traced(&["--json"], &[]);
    assert_eq!(ran.status, 23);
    assert_eq!(names(&calls(&ran.stderr)), ["open", "HAILO_QUERY_DRIVER_INFO"]);
}

#[test]
fn a_recording_says_the_same_as_a_trace() {
    let program = Program::identify();
    let path = program.file("calls.jsonl");
    let ran = program.traced(&["--json"], &["--record", path.to_str().unwrap()]);
    let traced = calls(&ran.stderr);
    let recorded = calls(&std::fs::read_to_string(path).unwrap());
    assert_eq!(names(&traced), names(&recorded));
    for (traced, recorded) in traced.iter().zip(&recorded) {
        for field in ["fd", "code", "arg_len", "before", "after", "errno", "p", "fw", "flags"] {
            assert_eq!(traced[field], recorded[field], "{field}");
        }
    }
}

#[test]
fn the_end_of_the_program_is_passed_on() {
    let trace = |words: &[&str]| run(command().args(["trace", "--"]).args(words));
    let ran = trace(&["sh", "-c", "exit 42"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (42, "no call to an accelerator\n"));
    assert_eq!(trace(&["sh", "-c", "kill -KILL $$"]).status, 128 + 9);
    assert_eq!(trace(&["sh", "-c", "trap 'exit 5' RTMIN; kill -RTMIN $$; exit 1"]).status, 5, "a real-time signal");
    assert!(hailo("trace -- /no/such/program").sentence().contains("there is no such program"));
    assert!(hailo("trace --pid 99999999").sentence().contains("there is no such process"));
    assert_eq!(hailo("trace").status, 2);
}

#[test]
fn files_that_a_new_program_does_not_get_are_forgotten() {
    // The loader of the second program opens and closes libraries, with the number that the device had.
    let line = "import os; os.open('/dev/hailo0', os.O_RDWR); os.execvp('true', ['true'])";
    let ran = Program::shell(&format!("exec python3 -c \"{line}\"")).traced(&["--json"], &[]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(names(&calls(&ran.stderr)), ["open"], "{}", ran.stderr);
}

#[test]
fn a_process_whose_first_thread_has_ended_is_traced() {
    let script = "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(60,)).start(); \
                  print(flush=True); ctypes.CDLL(None).pthread_exit(None)";
    let mut child =
        std::process::Command::new("python3").args(["-c", script]).stdout(Stdio::piped()).spawn().expect("python3");
    let process = child.id();
    let until = Instant::now() + Duration::from_secs(30);
    let state = |thread| std::fs::read_to_string(format!("/proc/{process}/task/{thread}/stat")).unwrap_or_default();
    while !state(process).contains(") Z ") {
        assert!(Instant::now() < until, "the first thread has not ended: {}", state(process));
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut tracer = command();
    let mut tracer =
        tracer.args(["trace", "--pid", &process.to_string()]).stderr(Stdio::piped()).spawn().expect("hailo");
    let traced = || {
        let threads = std::fs::read_dir(format!("/proc/{process}/task")).expect("a process").flatten();
        let status =
            |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        threads.map(status).any(|status| status.contains(&format!("TracerPid:\t{}\n", tracer.id())))
    };
    let mut found = traced();
    while !found && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
        found = traced();
    }
    child.kill().expect("a process");
    child.wait().expect("a process");
    let status = tracer.wait().expect("hailo");
    assert!(found && status.success(), "{status}");
}

#[test]
fn a_reader_who_has_enough_does_not_end_the_program() {
    let program = Program::identify();
    let done = program.file("done");
    let line = format!("{} && touch {}", program.words().join(" "), done.display());
    let hailo = env!("CARGO_BIN_EXE_hailo");
    for json in ["", "--json"] {
        let pipe = format!(
            "{{ {hailo} trace {json} -- {hailo} emulate --quiet -- sh -c '{line}' 2>&1 >&3 3>&-; echo $? >&3; }} | head -1"
        );
        let mut bash = other("bash");
        // As for every program that is traced.
        bash.env("ASAN_OPTIONS", "detect_leaks=0").args(["-c", &format!("exec 3>&2; {pipe}")]);
        let ran = run(&mut bash);
        assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
        assert!(ran.stderr.contains("driver 4.23.0") && ran.stderr.ends_with("0\n"), "{}", ran.stderr);
        assert!(done.exists(), "the program ran to its end");
        std::fs::remove_file(&done).expect("it is there");
    }
    let full = program.traced(&["--output", "/dev/full"], &[]);
    assert_eq!(full.status, 1);
    assert!(full.stdout.contains("driver 4.23.0") && full.stderr.contains("No space left"), "{}", full.stderr);
}

#[test]
fn a_running_program_is_watched_for_a_while() {
    let program = Program::identify();
    let (pid, stop) = (program.file("pid"), program.file("stop"));
    let words = program.words().join(" ");
    // Each time another process, which a tracer of the shell follows.
    let line = format!("echo $$ > {}; while [ ! -e {} ]; do {words} >/dev/null; done", pid.display(), stop.display());
    let mut emulated = command().args(["emulate", "--quiet", "--", "sh", "-c", &line]).spawn().expect("it runs");
    let deadline = Instant::now() + Duration::from_secs(60);
    let number = loop {
        match std::fs::read_to_string(&pid).ok().and_then(|text| text.trim().parse::<u32>().ok()) {
            Some(number) => break number,
            None => assert!(Instant::now() < deadline, "the program did not start"),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let path = program.file("calls.jsonl");
    let output = path.to_str().expect("a path");
    let mut tracer = command();
    tracer.args(["trace", "--json", "--output", output, "--pid", &number.to_string()]).stderr(Stdio::piped());
    let tracer = tracer.spawn().expect("it runs");
    while std::fs::read_to_string(&path).map_or(0, |text| text.matches("\"HAILO_FW_CONTROL\"").count()) < 2 {
        assert!(Instant::now() < deadline, "no call was seen");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = nix::unistd::Pid::from_raw(tracer.id() as i32);
    nix::sys::signal::kill(pid, Signal::SIGINT).expect("it runs");
    let ran = tracer.wait_with_output().expect("it ended");
    let words = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && words.contains("driver 4.23.0") && words.contains("HAILO_FW_CONTROL"), "{words}");
    let status = std::fs::read_to_string(format!("/proc/{number}/status")).expect("the program goes on");
    assert!(status.contains("TracerPid:\t0\n"), "{status}");
    std::fs::write(&stop, "").expect("a file");
    assert!(emulated.wait().expect("it ended").success());
}

#[test]
fn a_running_process_is_traced_until_it_ends() {
    let mut sleeper = std::process::Command::new("sleep").arg("0.5").spawn().expect("sleep");
    let begin = Instant::now();
    let ran = hailo(&format!("trace --pid {}", sleeper.id()));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, "no call to an accelerator\n"));
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert!(sleeper.wait().expect("it ended").success());
}

#[test]
fn a_tracer_that_is_interrupted_lets_the_process_go() {
    let mut sleeper = std::process::Command::new("sleep").arg("3").spawn().expect("sleep");
    let tracer = command().args(["trace", "--pid", &sleeper.id().to_string()]).stderr(Stdio::piped()).spawn();
    let tracer = tracer.expect("it runs");
    let status = || std::fs::read_to_string(format!("/proc/{}/status", sleeper.id())).unwrap();
    let traced = || !status().contains("TracerPid:\t0\n");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !traced() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(traced());
    let second = hailo(&format!("trace --pid {}", sleeper.id())).sentence();
    assert!(second.contains(&format!("process {} traces it already", tracer.id())), "{second}");
    let pid = nix::unistd::Pid::from_raw(tracer.id() as i32);
    nix::sys::signal::kill(pid, Signal::SIGINT).expect("it runs");
    let output = tracer.wait_with_output().expect("it ended");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!traced() && sleeper.try_wait().expect("a child").is_none(), "it sleeps on");
    assert!(sleeper.wait().expect("it ended").success());
}

#[test]
fn the_keyboard_interrupts_the_program_and_not_the_tracer() {
    // Both get the signal; it is the program that says what becomes of that.
    let script = "trap 'exit 7' INT; kill -INT $PPID $$; exit 1";
    let mut tracer = command();
    tracer.args(["trace", "--", "sh", "-c", script]);
    interruptible(&mut tracer);
    let ran = run(&mut tracer);
    assert_eq!((ran.status, ran.stderr.as_str()), (7, "no call to an accelerator\n"));
}
