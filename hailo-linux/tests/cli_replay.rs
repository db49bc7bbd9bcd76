//! `hailo replay`, and the recordings that it plays: `--record`, `hailo trace --json`, `hailo emulate --record`.

#[path = "support/programs.rs"]
mod programs;
#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use hailo_tests::golden;
use hailo_tests::models::artificial;
use hailo_tests::recordings::{VENDORS, vendors};
use programs::Program;
use support::{Ran, command, hailo, run};
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("a file");
        path
    }
}

fn replay(path: &Path, options: &str) -> Ran {
    run(command().arg("replay").arg(path).args(options.split_whitespace()))
}

/// Plays a recording, which must have so many launches and no difference.
fn same(path: &Path, options: &str, launches: u64) -> serde_json::Value {
    let ran = replay(path, &format!("--json {options}"));
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    let summary = ran.json();
    assert_eq!(
        (&summary["difference"], &summary["launches"]),
        (&serde_json::Value::Null, &launches.into()),
        "{summary}"
    );
    summary
}

#[test]
fn the_vendors_recordings_have_no_difference() {
    for (name, calls) in VENDORS {
        let path = golden::path(&format!("traces/{name}.jsonl.gz"));
        for device in ["", "--device mock", "--device mock:dma=recorded"] {
            let ran = replay(&path, &format!("--json {device}"));
            assert_eq!(ran.status, 0, "{name} {device}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.json()["calls"], calls, "{name} {device}");
        }
    }
    let ran = replay(&golden::path("traces/identify.jsonl.gz"), "--device mock").ok();
    for part in [
        "identify.jsonl.gz, driver 4.23.0\n",
        "Device       mock, driver 4.23.0\n",
        "12 calls, 8 firmware controls and 0 launches",
        "Differences  none\n",
    ] {
        assert!(ran.stdout.contains(part), "{part} in {}", ran.stdout);
    }
}

#[test]
fn what_was_inferred_replays_on_every_interface() {
    let folder = Folder::new();
    for release in ["4.17.0", "4.18.0", "4.20.0", "4.23.0", "5.0.0", "5.2.0", "5.3.0"] {
        let path = folder.path(release);
        let record = format!("infer --frames 7 --device mock:driver={release} --record {}", path.display());
        hailo(&record).ok();
        let summary = same(&path, "", 14);
        assert_eq!(summary["device"], format!("mock:driver={release}"), "the recording says of which release it is");
        let text = fs::read_to_string(&path).expect("a recording");
        assert!(
            text.ends_with("\"t\":0}\n") && text.contains("\"left_mapped\":0,\"left_descs\":0}\n{\"mark\":\"end\"")
        );
    }
    let old = folder.path("4.20.0");
    let ran = replay(&old, "--device mock");
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.contains("Hint         the recording is of another driver: try --device mock:driver=4.20.0\n"));
}

#[test]
fn runs_of_networks_replay() {
    let folder = Folder::new();
    let model = artificial::all().into_iter().find(|model| model.name == "m7097").expect("a small model");
    let model = folder.file("model.hef", model.hef);
    for release in ["4.20.0", "4.23.0"] {
        for api in ["blocking", "pipelined"] {
            let path = folder.path("calls.jsonl");
            let ran = run(command().arg("run").arg(&model).args(["--frames", "5", "--api", api]).args([
                "--device",
                &format!("mock:driver={release}"),
                "--record",
                path.to_str().expect("a path"),
            ]));
            ran.ok();
            let text = fs::read_to_string(&path).expect("a recording");
            for mark in ["create", "configure", "activate", "frame0", "frame4", "deactivate", "destroy_device", "end"] {
                assert!(text.contains(&format!("{{\"mark\":\"{mark}\",")), "{mark}");
            }
            let launches = text.matches("HAILO_VDMA_LAUNCH_TRANSFER").count() as u64;
            assert!(launches >= 10, "{launches}");
            same(&path, "", launches);
        }
    }
}

#[test]
fn traces_and_recordings_of_programs_replay() {
    let folder = Folder::new();
    let (traced, recorded) = (folder.path("traced"), folder.path("recorded"));
    let names = [&traced, &recorded].map(|path| path.to_str().expect("a path"));
    let binary = env!("CARGO_BIN_EXE_hailo");
    let program = Program::shell(&format!("{binary} infer --frames 6 --device /dev/hailo0"));
    // Frames come back as they were sent, so the results are not those of the network.
    let ran = program.traced(&["--json", "--output", names[0]], &["--record", names[1]]);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("Frames       6"), "{}", ran.stdout);
    for path in [&traced, &recorded] {
        same(path, "", 12);
    }
    for (program, launches) in [(Program::c("threads"), 10), (Program::c("files"), 0), (Program::identify(), 0)] {
        let ran = program.traced(&["--json", "--output", names[0]], &["--record", names[1]]);
        assert!(ran.stderr.contains("calls  errors"), "{}", ran.stderr);
        same(&traced, "", launches);
        same(&recorded, "", launches);
    }
}

#[test]
fn a_network_that_was_traced_replays() {
    let folder = Folder::new();
    let model = artificial::all().into_iter().find(|model| model.name == "m7097").expect("a small model");
    let model = folder.file("model.hef", model.hef);
    let traced = folder.path("traced");
    let binary = env!("CARGO_BIN_EXE_hailo");
    for api in ["blocking", "pipelined"] {
        let line = format!("{binary} run {} --frames 4 --api {api} --device /dev/hailo0", model.display());
        let ran = Program::shell(&line).traced(&["--json", "--output", traced.to_str().expect("a path")], &[]);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        let text = fs::read_to_string(&traced).expect("a trace");
        same(&traced, "", text.matches("HAILO_VDMA_LAUNCH_TRANSFER").count() as u64);
    }
}

#[test]
fn the_first_difference_is_printed() {
    let folder = Folder::new();
    let text = vendors("arcface-v1");
    let page = text.replacen("\"after\":\"0010000000000000", "\"after\":\"0020000000000000", 1);
    let path = folder.file("calls.jsonl", page);
    let ran = replay(&path, "--device mock");
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    assert!(ran.stdout.contains("Played       1 calls"), "{}", ran.stdout);
    assert!(ran.stdout.contains("Difference   call 15, HAILO_QUERY_DEVICE_PROPERTIES\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("recorded") && ran.stdout.contains("desc_max_page_size: 8192"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("Hint"), "{}", ran.stdout);
    let summary = replay(&path, "--device mock --json");
    assert_eq!(summary.status, 1);
    let difference = &summary.json()["difference"];
    assert_eq!((&difference["sequence"], &difference["name"]), (&15.into(), &"HAILO_QUERY_DEVICE_PROPERTIES".into()));

    // A wait that the recording saw answered.
    let errno = text.replacen("\"ret\":-1,\"errno\":125", "\"ret\":-1,\"errno\":5", 1);
    let ran = replay(&folder.file("errno.jsonl", errno), "");
    assert!(ran.stdout.contains("HAILO_READ_NOTIFICATION") && ran.stdout.contains("EIO"), "{}", ran.stdout);
}

#[test]
fn what_cannot_be_played_is_said() {
    let folder = Folder::new();
    let text = vendors("identify");
    let packed = fs::read(golden::path("traces/identify.jsonl.gz")).expect("a golden file");
    for (path, options, part) in [
        (folder.path("none"), "", "cannot read"),
        (folder.path(""), "", "Is a directory"),
        (folder.file("empty", ""), "", "it has no driver call in it"),
        (folder.file("text", "hello\n"), "", "line 1 is none of a recording of driver calls"),
        (folder.file("other", "{\"mark\":\"a\",\"after_seq\":0,\"t\":0}\n{\"b\":1}\n{}\n"), "", "line 2 is none"),
        (folder.file("cut", &text[..text.len() - 600]), "", "the file was cut off"),
        (folder.file("packed", &packed[..packed.len() / 2]), "", "the compressed file was cut off"),
        (folder.file("binary", [0x7f, 0x45, 0xff]), "", "it is no text"),
        (folder.file("whole", &text), "--device /dev/hailo0", "use --device mock"),
        (folder.file("whole", &text), "--device mock:driver=9.9.9", "9.9.9"),
        (folder.file("two", text.replace("/dev/hailo0", "/dev/hailo1")), "", "/dev/hailo1 cannot be opened: ENOENT"),
    ] {
        let sentence = replay(&path, options).sentence();
        assert!(sentence.contains(part), "{sentence}");
    }
    assert_eq!(hailo("replay").status, 2);
    assert_eq!(hailo("replay --timeout 0 x").status, 2);
    let help = hailo("replay --help").ok().stdout;
    assert!(
        help.contains("Examples:") && help.contains("hailo replay calls.jsonl --device mock:driver=4.20.0"),
        "{help}"
    );
    let record = hailo("infer --frames 1 --device mock --record /no/such/folder/calls.jsonl").sentence();
    assert!(record.contains("cannot write /no/such/folder/calls.jsonl"), "{record}");
    let full = hailo("infer --frames 1 --device mock --record /dev/full").sentence();
    assert!(full.contains("cannot write /dev/full: No space left"), "{full}");
}

#[test]
fn a_recording_comes_from_the_standard_input_too() {
    let packed = fs::read(golden::path("traces/identify.jsonl.gz")).expect("a golden file");
    for bytes in [packed, vendors("identify").into_bytes()] {
        let mut child = command()
            .args(["replay", "-", "--json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command was built");
        child.stdin.take().expect("a pipe").write_all(&bytes).expect("it reads");
        let output = child.wait_with_output().expect("it ended");
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("\"difference\":null"));
    }
}

#[test]
fn constants_of_the_hardware_come_from_a_recording() {
    let folder = Folder::new();
    let packed = golden::path("traces/arcface-v1.jsonl.gz");
    for path in [folder.file("plain.jsonl", vendors("arcface-v1")), packed] {
        let device = format!("mock:hw_consts={}", path.display());
        run(command().args(["identify", "--device", &device])).ok();
    }
    let without = golden::path("traces/identify.jsonl.gz");
    for (path, part) in [
        (without, "no answer to GET_HW_CONSTS in it"),
        (folder.path("none"), "it cannot be opened: No such file"),
        (folder.file("text", "x"), "line 1 is none of a recording"),
    ] {
        let device = format!("mock:hw_consts={}", path.display());
        let sentence = run(command().args(["identify", "--device", &device])).sentence();
        assert!(sentence.contains(part) && sentence.contains(path.to_str().expect("a path")), "{sentence}");
    }
}
