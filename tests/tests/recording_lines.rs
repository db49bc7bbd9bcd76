//! The lines of recordings: those of the vendor's library are read and written again as they were, and ours look like them.

use std::collections::{BTreeMap, BTreeSet};

use hailo_abi::interface::RELEASES;
use hailo_abi::{ChannelBitmaps, ChannelId};
use hailo_linux::Direction;
use hailo_linux::emulator::Emulator;
use hailo_linux::hef::Hef;
use hailo_linux::infer::{InferOptions, Inference};
use hailo_linux::network::{Api, Model, Options};
use hailo_linux::recording::{PlayOptions, ReadError, Recorder, Recording, play_emulated};
use hailo_tests::models::{artificial, json_lines};
use hailo_tests::recordings::{Bytes, VENDORS, recorded, vendors};
use md5::{Digest, Md5};
use serde_json::{Map, Value};

/// What only the vendor's recordings have: sums of memory that the recorded program had.
const NOT_REPRODUCED: [&str; 2] = ["md5", "live_buffers"];

/// The members of a line in their order, and those of the objects in it.
fn shape(line: &Map<String, Value>) -> Vec<String> {
    let mut shape = Vec::new();
    for (name, value) in line.iter().filter(|(name, _)| !NOT_REPRODUCED.contains(&name.as_str())) {
        shape.push(name.clone());
        if let Value::Object(object) = value {
            shape.extend(object.keys().filter(|name| *name != "md5").map(|inner| format!("{name}.{inner}")));
        }
    }
    shape
}

/// What a line is about: the call, or the request and whether it succeeded.
fn subject(line: &Value) -> String {
    let name = line["name"].as_str().or(line["call"].as_str()).unwrap_or("mark");
    let has_interrupts = line["p"]["irq"].as_array().is_some_and(|list| !list.is_empty());
    format!("{name} {} {has_interrupts}", line["errno"])
}

fn object(line: &Value) -> &Map<String, Value> {
    line.as_object().expect("an object")
}

fn parsed(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn the_vendors_lines_are_written_as_they_were_read() {
    let mut compared = 0;
    for (name, _) in VENDORS {
        let recording = Recording::parse(&vendors(name)).expect("a recording");
        let mut bytes = Vec::new();
        recording.write(&mut bytes).expect("memory");
        let text = String::from_utf8(bytes).expect("text");
        assert_eq!(Recording::parse(&text).as_ref(), Ok(&recording), "{name}");
        let theirs = json_lines(&format!("traces/{name}.jsonl.gz"));
        let mut theirs: Vec<&Value> =
            theirs.iter().filter(|line| matches!(line["call"].as_str(), Some("open" | "ioctl" | "close"))).collect();
        theirs.sort_by_key(|line| line["end"].as_u64());
        let ours = parsed(&text);
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (ours, theirs) in ours.iter().zip(theirs) {
            let mut theirs = theirs.clone();
            theirs.as_object_mut().expect("an object").shift_remove("live_buffers");
            if let Some(fields) = theirs.get_mut("p").and_then(Value::as_object_mut) {
                fields.shift_remove("md5");
            }
            // As text, for the order of the members.
            assert_eq!(ours.to_string(), theirs.to_string(), "{name}");
            compared += 1;
        }
    }
    assert_eq!(compared, 1293);
}

/// What the vendor's lines about the same look like.
fn shapes() -> BTreeMap<String, BTreeSet<Vec<String>>> {
    let mut shapes: BTreeMap<String, BTreeSet<Vec<String>>> = BTreeMap::new();
    for (name, _) in VENDORS {
        for line in json_lines(&format!("traces/{name}.jsonl.gz")) {
            shapes.entry(subject(&line)).or_default().insert(shape(object(&line)));
        }
    }
    shapes
}

#[test]
fn our_lines_look_like_the_vendors() {
    let shapes = shapes();
    let text = network("mock", Api::Blocking, true);
    let mut compared = BTreeSet::new();
    for line in parsed(&text) {
        let subject = subject(&line);
        // The vendor's library asked the version once, and knew how.
        let Some(known) = shapes.get(&subject).filter(|_| line["errno"] != 25) else {
            assert_eq!(line["errno"], 25, "the vendor's library never did this: {line}");
            continue;
        };
        let shape = shape(object(&line));
        assert!(known.contains(&shape), "{subject}: {shape:?} is none of {known:?}");
        compared.insert(subject);
    }
    for name in ["open", "close", "mark", "HAILO_FW_CONTROL", "HAILO_VDMA_BUFFER_MAP", "HAILO_VDMA_BUFFER_SYNC"] {
        assert!(compared.iter().any(|subject| subject.starts_with(name)), "{name} is not in {compared:?}");
    }
    assert!(compared.len() >= 16, "{compared:?}");
}

/// Records a run of a made-up network.
fn network(device: &str, api: Api, with_marks: bool) -> String {
    let file = artificial::all()
        .into_iter()
        .find(|model| model.name == "small")
        .or_else(|| artificial::all().into_iter().find(|model| matches!(model.outcome, artificial::Outcome::Sent(..))));
    let file = file.expect("a model that runs");
    run(device, api, &file, with_marks).expect("it runs")
}

fn run(
    device: &str,
    api: Api,
    file: &artificial::Artificial,
    with_marks: bool,
) -> Result<String, hailo_linux::network::Error> {
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
    let bytes = Bytes::default();
    let recorder = Recorder::new(bytes.clone());
    let mark = |name: &str| {
        if with_marks {
            recorder.mark(name)
        }
    };
    let model = Model::new(Hef::from_bytes(file.hef.clone())?, None)?;
    let emulator = Emulator::new(device).expect("an emulator");
    mark("create");
    let device = hailo_linux::Options { recorder: Some(recorder.clone()), ..hailo_linux::Options::default() };
    let device = emulator.open_with(0, device).expect("a device");
    mark("configure");
    let options = Options { batch_size: file.batch, api, ..Options::default() };
    let mut network = device.configure(&model, &options)?;
    let mut active = network.activate()?;
    // Only small frames are run.
    let frame: usize = active.inputs().iter().map(|input| input.frame_size()).sum();
    for _ in 0..if frame <= 16 << 10 { 2 } else { 0 } {
        match api {
            Api::Blocking => {
                let inputs: Vec<Vec<u8>> = active.inputs().iter().map(|input| vec![7; input.frame_size()]).collect();
                let mut outputs: Vec<Vec<u8>> =
                    active.outputs().iter().map(|output| vec![0; output.frame_size()]).collect();
                let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
                let mut outputs: Vec<&mut [u8]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
                active.infer(&inputs, &mut outputs, PATIENCE)?;
            }
            Api::Pipelined => {
                let mut submitted = 0;
                while submitted < active.capacity().min(4) {
                    let frame = active.allocate_frame()?;
                    active.submit(frame).map_err(|error| error.error)?;
                    submitted += 1;
                }
                for _ in 0..submitted {
                    active.receive(PATIENCE)?;
                }
            }
        }
    }
    active.deactivate()?;
    drop((network, device));
    mark("end");
    recorder.flush().expect("everything was written");
    assert!(emulator.machine().report().is_clean());
    Ok(bytes.text())
}

#[test]
fn made_up_networks_replay_without_a_difference() {
    let (mut played, mut launches) = (0, 0);
    for (index, file) in artificial::all().into_iter().enumerate() {
        // A third of them: the emulated engine is slow in builds for tests.
        if !index.is_multiple_of(3) || !matches!(file.outcome, artificial::Outcome::Sent(..)) {
            continue;
        }
        let release = ["4.23.0", "4.20.0", "4.21.0"][index / 3 % 3];
        let api = [Api::Blocking, Api::Pipelined][index % 2];
        let device = format!("mock:driver={release}");
        // Drivers before 4.21.0 cannot program what is needed for some batch sizes.
        let Ok(text) = run(&device, api, &file, false) else { continue };
        let recording = Recording::parse(&text).expect("a recording");
        let emulator = Emulator::new(&device).expect("an emulator");
        let options = PlayOptions { dma_addresses: true, ..PlayOptions::default() };
        let result = play_emulated(&recording, &emulator, options);
        let result = result.unwrap_or_else(|error| panic!("{} {release}: {error}", file.name));
        assert!(emulator.machine().report().is_clean());
        played += 1;
        launches += result.launches;
    }
    println!("{played} networks, {launches} launches");
    assert!(played > 30 && launches > 100, "{played} networks, {launches} launches");
}

#[test]
fn inferences_of_every_release_replay_without_a_difference() {
    for (release, _) in hailo_abi::interface::RELEASES {
        let name = format!("mock:driver={release}");
        let options = InferOptions { depth: 3, ..InferOptions::default() };
        let machine = hailo_linux::emulator::machine_options(&name).expect("options");
        let emulator = options.emulator(machine, &name).expect("an emulator");
        let text = recorded(&emulator, |device| {
            let mut inference = Inference::start(device, options).expect("a network");
            assert_eq!(inference.run(20, |_| {}).expect("frames").mismatches, 0);
            inference.finish().expect("an end");
        });
        let recording = Recording::parse(&text).expect("a recording");
        assert_eq!(recording.release(), Some(*release));
        let emulator = hailo_linux::recording::emulator(&recording, &name).expect("an emulator");
        let options = PlayOptions { dma_addresses: true, ..PlayOptions::default() };
        let played = play_emulated(&recording, &emulator, options).unwrap_or_else(|error| panic!("{release}: {error}"));
        assert_eq!(played.launches, 40, "{release}");
        assert!(emulator.machine().report().is_clean(), "{release}");
    }
}

#[test]
fn what_is_no_recording_is_refused_with_its_line() {
    let problem = |text: &str| match Recording::parse(text) {
        Err(ReadError::Line { line, problem }) => (line, problem),
        other => panic!("{other:?}"),
    };
    let call = r#"{"seq":1,"end":1,"t":0,"call":"close","fd":"fd#1","ret":0,"errno":0}"#;
    let ioctl = |rest: &str| format!(r#"{{"seq":1,"end":1,"t":0,"call":"ioctl","fd":"fd#1",{rest},"errno":0}}"#);
    for (text, line, part) in [
        (format!("{call}\nhello\n"), 2, "expected value"),
        (format!("{call}\n{{\"a\":1}}\n"), 2, "neither a `call` nor a `mark`"),
        (ioctl(r#""ret":0"#), 1, "`code` is missing"),
        (ioctl(r#""code":"0x1ffffffff","ret":0"#), 1, "32 bits"),
        (ioctl(r#""code":"0x400c6702","arg_len":13,"ret":0"#), 1, "`arg_len`"),
        (ioctl(r#""code":"0x400c6702","before":"0g","ret":0"#), 1, "hexadecimal"),
        (ioctl(r#""code":"0x400c6702","after":"00000000000000000000000000","ret":0"#), 1, "more than the argument has"),
        (ioctl(r#""code":"0x400c6702","ret":-1"#), 1, "`ret`"),
        (call.replace("fd#1", "3"), 1, "fd#N"),
        (call.replace(r#""fd":"fd#1","#, ""), 1, "`fd`, is missing"),
        (call.replace(r#""errno":0"#, r#""errno":-5"#), 1, "negative"),
        (call.replace("close", "mmap"), 1, "`length` and `offset`"),
        (call.replace("close", "open"), 1, "open is no fd#N"),
    ] {
        let (number, problem) = problem(&text);
        assert_eq!(number, line, "{text}");
        assert!(problem.contains(part), "{problem}");
    }
    assert_eq!(Recording::parse(""), Err(ReadError::Empty));
    assert_eq!(Recording::parse("{\"mark\":\"end\",\"after_seq\":0,\"t\":0}\n\n"), Err(ReadError::Empty));
    let cut = format!("{call}\n{}", &call[..20]);
    assert_eq!(Recording::parse(&cut), Err(ReadError::Truncated { line: 2 }));
}

#[test]
fn sums_are_those_of_what_the_device_was_given() {
    let mut compared = 0;
    for (release, _) in RELEASES {
        let bytes = Bytes::default();
        let recorder = Recorder::new(bytes.clone());
        let options = hailo_linux::Options { recorder: Some(recorder.clone()), ..hailo_linux::Options::default() };
        let emulator = Emulator::new(&format!("mock:driver={release}")).expect("an emulator");
        let device = emulator.open_with(0, options).expect("a device");
        let channels = device.enable_channels(ChannelBitmaps::engine0(0x1_0001)).expect("channels");
        let open = |index| {
            let list = device.create_descriptor_list(64, 512, true).expect("a list");
            let channel = channels.open(ChannelId::new(index), list).expect("a channel");
            device.bench().start(&channel).expect("it starts");
            channel
        };
        let (output, input) = (open(16), open(0));
        let patience = std::time::Duration::from_secs(20);
        let receiving = output.launch(device.allocate(5000, Direction::FromDevice).expect("memory")).expect("a launch");
        let mut buffer = device.allocate(5000, Direction::ToDevice).expect("memory");
        buffer.as_mut_slice().iter_mut().zip(0u32..).for_each(|(byte, at)| *byte = ((at * 7) ^ (at >> 8)) as u8);
        let sum: String = Md5::digest(buffer.as_slice()).iter().map(|byte| format!("{byte:02x}")).collect();
        input.launch(buffer).expect("a launch").wait(patience).expect("it was sent");
        receiving.wait(patience).expect("it has come");
        drop((channels, output, input, device));
        recorder.flush().expect("everything was written");
        let text = bytes.text();
        for line in parsed(&text).iter().filter(|line| line["name"] == "HAILO_VDMA_LAUNCH_TRANSFER") {
            // In some releases the driver calls it a preparation.
            let prepared = &line["p"]["prepare_transfer_params"]["channel_index"];
            let is_input = line["p"]["channel_index"] == 0 || *prepared == 0;
            assert_eq!(line["p"]["md5"].as_str(), is_input.then_some(sum.as_str()), "driver {release}: {line}");
            compared += 1;
        }
    }
    assert_eq!(compared, 2 * RELEASES.len());
}
