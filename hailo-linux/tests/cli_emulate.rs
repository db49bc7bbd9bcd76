//! `hailo emulate`: unmodified programs find boards that are not there.

#[path = "support/programs.rs"]
mod programs;
#[path = "support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};

use programs::Program;
use serde_json::Value;
use support::{command, hailo, other, run};

#[test]
fn a_script_identifies_the_board_of_every_release() {
    let identify = Program::identify();
    for release in ["4.17.0", "4.20.0", "4.23.0", "5.0.0", "5.3.0"] {
        let ran = identify.emulated(&["--device", &format!("mock:driver={release}")]);
        assert_eq!(ran.status, 0, "{release}: {}", ran.stderr);
        let text = format!(": driver {release}\n");
        assert!(ran.stdout.contains(&text) && ran.stdout.contains("firmware"), "{}", ran.stdout);
        assert_eq!(ran.stderr, "", "{release}: nothing was left behind");
    }
}

#[test]
fn a_scan_finds_each_board() {
    let list = Program::shell("ls /dev/hailo* && cat /sys/class/hailo_chardev/hailo1/board_location && ls /sys/class");
    let ran = list.emulated(&["--device", "mock:boards=2"]).ok();
    assert!(ran.stdout.starts_with("/dev/hailo0\n/dev/hailo1\n0000:02:00.0"), "{}", ran.stdout);
    assert!(ran.stdout.contains("net\n"), "what is there besides is seen as well: {}", ran.stdout);
}

#[test]
fn a_waiter_and_a_launcher_are_two_threads() {
    let ran = Program::c("threads").emulated(&[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "5 frames\n"), "{}", ran.stderr);
}

#[test]
fn copies_of_a_descriptor_are_one_file_and_memory_of_the_driver_is_mapped() {
    let ran = Program::c("files").emulated(&[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (3, "ok\n"), "{}", ran.stderr);
}

#[test]
fn signals_end_calls_as_with_the_driver() {
    let ran = Program::c("signals").emulated(&["--quiet"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "ok\n"), "{}", ran.stderr);
}

#[test]
fn a_static_program_without_a_c_library_is_emulated() {
    let ran = Program::bare_c("raw").emulated(&[]);
    assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (23, "driver 4.2\n", ""));
}

#[test]
fn what_would_have_crashed_the_kernel_is_named() {
    let ran = Program::python("crash.py").emulated(&[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "No such device\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("HAILO_VDMA_BUFFER_MAP would have crashed the kernel: size 0x0"), "{}", ran.stderr);
    assert_eq!(Program::python("crash.py").emulated(&["--quiet"]).stderr, "");
}

#[test]
fn what_a_file_still_held_is_named() {
    let ran = Program::python("leak.py").emulated(&[]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("file 1, /dev/hailo0, of process "), "{}", ran.stderr);
    assert!(ran.stderr.contains(": 2 mapped buffers, 1 descriptor list\n"), "{}", ran.stderr);
}

#[test]
fn the_end_of_the_program_is_passed_on() {
    assert_eq!(Program::shell("exit 42").emulated(&[]).status, 42);
    assert_eq!(Program::shell("kill -TERM $$").emulated(&[]).status, 128 + 15);
    let missing = hailo("emulate -- /no/such/program").sentence();
    assert!(missing.contains("/no/such/program") && missing.contains("no such program"), "{missing}");
    assert!(hailo("emulate --device /dev/hailo0 -- true").sentence().contains("--device mock"));
}

#[test]
fn a_second_supervisor_is_explained() {
    let line = format!("{} emulate -- true", env!("CARGO_BIN_EXE_hailo"));
    let ran = Program::shell(&line).emulated(&["--quiet"]);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("have a supervisor already"), "{}", ran.stderr);
}

#[test]
fn everything_is_recorded() {
    let program = Program::c("threads");
    let path = program.file("calls.jsonl");
    let ran = program.emulated(&["--quiet", "--record", path.to_str().unwrap()]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let text = std::fs::read_to_string(&path).expect("the recording");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let named = |name: &str| lines.iter().filter(|line| line["name"] == name).count();
    assert_eq!(named("HAILO_VDMA_LAUNCH_TRANSFER"), 10);
    assert_eq!(named("HAILO_FW_CONTROL"), 2);
    assert_eq!((&lines[0]["call"], &lines[0]["ret"]), (&"open".into(), &"fd#1".into()));
    let last = &lines[lines.len() - 1];
    assert_eq!((&last["call"], &last["left_mapped"], &last["left_descs"]), (&"close".into(), &0.into(), &0.into()));
    // Two threads, and a call of one returned while one of the other waited.
    assert!(lines.iter().any(|line| line["t"] == 1));
    assert!(lines.iter().any(|line| line["seq"].as_u64() < line["end"].as_u64()));
    let launch = lines.iter().find(|line| line["name"] == "HAILO_VDMA_LAUNCH_TRANSFER").unwrap();
    assert_eq!(launch["p"]["buffers"][0]["addr"], "buf#2+0");
    assert_eq!(launch["ret"], 2);
}

#[test]
fn an_open_without_a_descriptor_is_recorded_as_one_that_failed() {
    let program = Program::python("no_descriptor.py");
    let path = program.file("calls.jsonl");
    let ran = program.emulated(&["--quiet", "--record", path.to_str().unwrap()]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "Too many open files\n"), "{}", ran.stderr);
    let text = std::fs::read_to_string(&path).expect("the recording");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let calls: Vec<_> = lines.iter().map(|line| (line["call"].as_str(), line["errno"].as_i64())).collect();
    let errno = nix::errno::Errno::EMFILE as i64;
    assert_eq!(calls, [(Some("open"), Some(errno)), (Some("open"), Some(0)), (Some("close"), Some(0))], "{text}");
    assert_eq!(lines[0]["ret"], -1);
}

#[test]
fn calls_are_struck() {
    let identify = Program::identify();
    let struck = |fault: &str| identify.emulated(&["--fault", fault]);
    assert!(struck("query_driver_info#1=EIO").stderr.contains("Input/output error"));
    assert!(struck("HAILO_FW_CONTROL=after:ETIMEDOUT").stderr.contains("Connection timed out"));
    assert!(struck("fw_control=corrupt:30:01").stderr.contains("MD5"), "the answer's digest does not fit");
    assert_eq!(struck("any#2-=lose").stderr.matches("No such device").count(), 1);
    let begin = std::time::Instant::now();
    assert_eq!(struck("fw_control=delay:300ms").ok().stdout.lines().count(), 2);
    assert!(begin.elapsed() >= std::time::Duration::from_millis(300));
    let unused = struck("launch_transfer#3=EIO");
    assert_eq!(unused.status, 0);
    assert!(unused.stderr.contains("no call that the fault launch_transfer#3=EIO strikes"), "{}", unused.stderr);
    let named = identify.emulated(&["--device", "mock:fault=fw_control=EIO,driver=4.20.0"]);
    assert!(named.stderr.contains("Input/output error"), "{}", named.stderr);
}

#[test]
fn interrupts_are_lost_and_reported_again() {
    let program = Program::c("threads");
    // The waiter takes the second report for another frame.
    let doubled = program.emulated(&["--quiet", "--fault", "interrupts_wait#5=double"]);
    assert_eq!((doubled.status, doubled.stdout.as_str()), (0, "6 frames\n"), "{}", doubled.stderr);
    let failed = program.emulated(&["--quiet", "--fault", "launch_transfer#4=ECONNRESET"]);
    assert_eq!(failed.status, 2);
    assert!(failed.stderr.contains("Connection reset by peer"), "{}", failed.stderr);
}

#[test]
fn faults_strike_the_commands_too() {
    let infer = |fault: &str| hailo(&format!("infer --frames 20 --device mock:fault={fault}"));
    let failed = infer("launch_transfer#7=EIO").sentence();
    assert!(failed.contains("launch") && failed.contains("EIO"), "{failed}");
    assert!(infer("interrupts_wait=delay:1ms").ok().stdout.contains("Mismatches   0"));
    assert!(infer("soup").sentence().contains("CALLS=FAULT"));
}

#[test]
fn a_fault_that_cannot_be_is_refused() {
    let refused = hailo("emulate --fault lunch_transfer=EIO -- true");
    assert_eq!(refused.status, 2);
    assert!(
        refused.stderr.contains("lunch_transfer") && refused.stderr.contains("launch_transfer"),
        "{}",
        refused.stderr
    );
    let refused = hailo("emulate --device mock:driver=5.3.0 --fault low_memory_buffer_alloc=EIO -- true").sentence();
    assert!(refused.contains("this driver release has no low_memory_buffer_alloc"), "{refused}");
}

#[test]
fn a_board_is_new_after_a_crash() {
    let ran = Program::shell("python3 $CRASH; echo $?; python3 $CRASH; echo $?");
    let crash = Program::python("crash.py");
    let mut emulated = command();
    emulated.args(["emulate", "--on-crash", "reboot", "--"]).args(ran.words()).env("CRASH", &crash.words()[1]);
    let ran = run(&mut emulated);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "137\n137\n"), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("would have crashed the kernel").count(), 2, "{}", ran.stderr);
}

#[test]
fn a_program_that_does_not_start_is_explained() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str, mode: u32| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("a file");
        path.to_str().expect("a path").to_owned()
    };
    for (program, part) in [
        (file("text", "echo", 0o644), "it is no file that may be executed"),
        (file("script", "#!/no/such/interpreter\n", 0o755), "what is to interpret it"),
        ("no-such-program".into(), "there is no such program"),
        (directory.path().to_str().expect("a path").into(), "it is no file that may be executed"),
    ] {
        let sentence = run(command().args(["emulate", "--", &program])).sentence();
        assert!(sentence.contains(&program) && sentence.contains(part), "{sentence}");
    }
    assert_eq!(hailo("emulate").status, 2);
    assert!(hailo("emulate --device mock:board=toaster -- true").sentence().contains("toaster"));
}

#[test]
fn signals_reach_the_program() {
    let trap = "trap 'echo caught; exit 3' TERM; echo ready; while :; do sleep 0.02; done";
    let mut emulated = command();
    emulated.args(["emulate", "--", "sh", "-c", trap]).stdout(std::process::Stdio::piped());
    let mut emulated = emulated.spawn().expect("it runs");
    let mut lines = BufReader::new(emulated.stdout.take().expect("a pipe")).lines();
    assert_eq!(lines.next().expect("a line").expect("text"), "ready");
    let supervisor = nix::unistd::Pid::from_raw(emulated.id() as i32);
    nix::sys::signal::kill(supervisor, nix::sys::signal::Signal::SIGTERM).expect("it runs");
    assert_eq!(lines.next().expect("a line").expect("text"), "caught");
    assert_eq!(emulated.wait().expect("it ends").code(), Some(3));
}

#[test]
fn a_system_that_forbids_supervision_is_explained() {
    use nix::libc;
    let deny = Program::c("deny");
    let denied = |call: i64, errno: i32| {
        let mut denied = other(&deny.words()[0]);
        denied.args([call.to_string(), errno.to_string()]).arg(env!("CARGO_BIN_EXE_hailo"));
        run(denied.args(["emulate", "--", "true"]))
    };
    for errno in [libc::EPERM, libc::ENOSYS] {
        let sentence = denied(libc::SYS_seccomp, errno).sentence();
        assert!(sentence.contains("SECCOMP_SET_MODE_FILTER") && sentence.contains("Linux 5.14"), "{sentence}");
    }
    let sentence = denied(libc::SYS_process_vm_readv, libc::EPERM).sentence();
    assert!(sentence.contains("cannot read the memory of true") && sentence.contains("process_vm"), "{sentence}");
}
