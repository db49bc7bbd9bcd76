//! Whole recordings of real models that were run on the emulator, held against the vendor's. DMA addresses and constants of
//! the hardware are those of the recording; see `model_runs` for the calls alone.

use std::collections::HashMap;
use std::time::Duration;

use hailo_linux::emulator::Emulator;
use hailo_linux::network::{Api, Model, Options};
use hailo_linux::recording::{PlayOptions, Recording, play_emulated};
use hailo_tests::recordings::{recorded, vendors};
use hailo_tests::{golden, models};
use md5::{Digest, Md5};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(20);

/// The recording of a model that is activated several times, each time for so many frames.
fn run(file: &str, name: &str, options: &Options, activations: &[usize]) -> Option<String> {
    let Some(path) = models::real(file) else {
        println!("skipped: {file} is not on this machine (HAILO_HEF_DIR)");
        return None;
    };
    let constants = golden::path(&format!("traces/{name}.jsonl.gz"));
    let device = format!("mock:dma=recorded,hw_consts={}", constants.display());
    let emulator = Emulator::new(&device).expect("an emulator");
    let text = recorded(&emulator, |device| {
        let model = Model::load(path).expect("a model");
        let mut network = device.configure(&model, options).expect("a network");
        for frames in activations {
            let mut active = network.activate().expect("an active network");
            for _ in 0..*frames {
                if options.api == Api::Pipelined {
                    let frame = active.allocate_frame().expect("memory");
                    active.submit(frame).expect("room");
                    active.receive(PATIENCE).expect("a frame");
                } else {
                    let input = vec![7; active.inputs()[0].frame_size()];
                    let mut output = vec![0; active.outputs()[0].frame_size()];
                    active.infer(&[&input], &mut [&mut output], PATIENCE).expect("a frame");
                }
            }
            active.deactivate().expect("a stopped network");
        }
    });
    assert!(emulator.machine().report().is_clean());
    Some(text)
}

/// What was asked and answered, without what may differ: when waits and notifications are, synchronisation, addresses of the
/// process, the numbers of descriptors that no driver programmed in the vendor's recordings, and repeated queries.
fn essence(text: &str) -> Vec<String> {
    const QUERIES: [u64; 2] = [0, 72];
    let mut asked = Vec::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let name = line["name"].as_str().unwrap_or_default();
        let timed = ["HAILO_READ_NOTIFICATION", "HAILO_VDMA_INTERRUPTS_WAIT", "HAILO_VDMA_BUFFER_SYNC"];
        // Which codes are tried for the version is not the vendor's business.
        if line["call"] != "ioctl" || timed.contains(&name) || line["errno"] == 25 {
            continue;
        }
        let opcode = line["fw"]["opcode"].as_u64();
        if opcode.is_some_and(|opcode| QUERIES.contains(&opcode)) {
            if asked.contains(&opcode) {
                continue;
            }
            asked.push(opcode);
        }
        let mut fields = line["p"].clone();
        if let Some(fields) = fields.as_object_mut() {
            fields.retain(|name, _| !["align", "md5"].contains(&name.as_str()));
        }
        let constants = if opcode == Some(72) { &line["fw"]["resp"] } else { &Value::Null };
        calls.push(format!("{name} {fields} {} {constants} {}", line["fw"]["req"], line["errno"]));
    }
    calls
}

/// The releases at the end, whose order is free among lists and among buffers, sorted.
fn with_sorted_end(mut calls: Vec<String>) -> Vec<String> {
    let is_release = |call: &String| call.starts_with("HAILO_DESC_LIST_RELEASE") || call.contains("BUFFER_UNMAP");
    let mut start = 0;
    while start < calls.len() {
        let length = calls[start..].iter().take_while(|call| is_release(call)).count();
        calls[start..start + length].sort();
        start += length.max(1);
    }
    calls
}

fn same(text: &str, name: &str) {
    // A device of ours asks for notifications only when somebody wants them.
    let of_notifications = |call: &String| call.starts_with("HAILO_DISABLE_NOTIFICATION");
    let prepare = |text: &str| {
        let mut calls = essence(text);
        calls.retain(|call| !of_notifications(call));
        with_sorted_end(calls)
    };
    let (ours, theirs) = (prepare(text), prepare(&vendors(name)));
    for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(ours, theirs, "call {index} of {name}");
    }
    assert_eq!(ours.len(), theirs.len(), "{name}: {:?}", ours.get(theirs.len()).or(theirs.get(ours.len())));
    assert!(theirs.len() > 100, "{name}");
    println!("{} calls of {name} compared", theirs.len());
}

fn replays(text: &str) {
    let recording = Recording::parse(text).expect("a recording");
    let emulator = Emulator::new("mock:dma=recorded").expect("an emulator");
    let options = PlayOptions { dma_addresses: true, ..PlayOptions::default() };
    play_emulated(&recording, &emulator, options).unwrap_or_else(|error| panic!("{error}"));
    assert!(emulator.machine().report().is_clean());
}

#[test]
fn a_model_is_recorded_as_by_the_vendor() {
    let Some(text) = run("arcface-v1.hef", "arcface-v1", &Options::default(), &[3, 0]) else { return };
    same(&text, "arcface-v1");
    replays(&text);
}

#[test]
fn batches_are_recorded_as_by_the_vendor() {
    let options = Options { batch_size: 4, ..Options::default() };
    let Some(text) = run("arcface-v1.hef", "arcface-v1-batch4", &options, &[8]) else { return };
    same(&text, "arcface-v1-batch4");
    replays(&text);
}

#[test]
fn another_model_is_recorded_as_by_the_vendor() {
    let Some(text) = run("arcface-v2.hef", "arcface-v2", &Options::default(), &[3]) else { return };
    same(&text, "arcface-v2");
    replays(&text);
}

#[test]
fn pipelined_frames_replay() {
    let options = Options { api: Api::Pipelined, ..Options::default() };
    let Some(text) = run("arcface-v1.hef", "arcface-v1-async", &options, &[5, 2]) else { return };
    replays(&text);
}

#[test]
fn the_sums_are_those_of_the_bytes() {
    let Some(text) = run("arcface-v1.hef", "arcface-v1", &Options::default(), &[1]) else { return };
    let mut sums: HashMap<String, usize> = HashMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let is_input = line["p"]["channel_index"] == 2 && line["name"] == "HAILO_VDMA_LAUNCH_TRANSFER";
        if is_input && line["p"]["buffers"][0]["size"] == 112 * 112 * 3 {
            *sums.entry(line["p"]["md5"].as_str().expect("a sum").to_owned()).or_default() += 1;
        }
    }
    let frame = models::hex(&Md5::digest([7; 112 * 112 * 3]));
    assert_eq!(sums.get(&frame), Some(&1), "{sums:?}");
}
