//! Running real models against what the vendor's library did, call by call.

use std::sync::Arc;
use std::time::Duration;

use hailo_linux::hef::Hef;
use hailo_linux::network::{Active, Api, Configured, Error, Model, Options};
use hailo_linux::{Device, ErrorKind};
use hailo_tests::models;
use hailo_tests::models::artificial::{self, Outcome};
use hailo_tests::models::canned::{Calls, Canned};
use hailo_tests::models::recording::Recording;
use hailo_tests::models::simulation::Call;

const PATIENCE: Duration = Duration::from_secs(10);

/// A device that answers like the recording, and a model; or nothing with a word about it.
fn set_up(file: &str, recording: &Recording) -> Option<(Arc<Canned>, Device, Model)> {
    let Some(path) = models::real(file) else {
        println!("skipped: {file} is not on this machine (HAILO_HEF_DIR)");
        return None;
    };
    let driver = Arc::new(Canned::new(recording));
    let device =
        Device::with_transport(Arc::<Canned>::clone(&driver), hailo_linux::Options::default()).expect("a device");
    Some((driver, device, Model::load(path).expect("a model")))
}

/// The vendor's calls; a query that is repeated counts once.
fn vendors(recording: &Recording, until: &str) -> Vec<String> {
    let mut asked = Vec::new();
    let mut calls = Calls::recorded(recording, until).words;
    // Opcodes IDENTIFY and GET_HW_CONSTS, which have no parameters.
    calls.retain(|call| {
        let repeatable = ["0000000200000000000000000000000000000000", "0000000200000000000000000000004800000000"];
        let is_query = repeatable.iter().any(|message| call.ends_with(message));
        let known = is_query && asked.contains(call);
        if is_query {
            asked.push(call.clone());
        }
        !known
    });
    calls
}

fn same(ours: &[String], vendors: &[String]) {
    for (index, (ours, vendors)) in ours.iter().zip(vendors).enumerate() {
        assert_eq!(ours, vendors, "call {index}");
    }
    assert_eq!(ours.len(), vendors.len(), "{:?}", ours.get(vendors.len()).or(vendors.get(ours.len())));
}

fn infer(active: &mut Active<'_>) {
    let input = vec![7; active.inputs()[0].frame_size()];
    let mut output = vec![0; active.outputs()[0].frame_size()];
    active.infer(&[&input], &mut [&mut output], PATIENCE).expect("a frame");
}

fn blocking(file: &str, name: &str, batch_size: u16, activations: &[usize]) {
    let recording = Recording::read(name);
    let Some((driver, device, model)) = set_up(file, &recording) else { return };
    let mut network: Configured =
        device.configure(&model, &Options { batch_size, ..Options::default() }).expect("a network");
    for frames in activations {
        let mut active = network.activate().expect("an active network");
        for _ in 0..*frames {
            infer(&mut active);
        }
        active.deactivate().expect("a stopped network");
    }
    let ours = driver.take();
    let vendors = vendors(&recording, "release_network_group");
    same(&ours, &vendors);
    println!("{} calls of {name} compared", vendors.len());
    drop(network);
    drop(model);
    assert_eq!(driver.held(), 0, "lists and buffers that were not released");
    // What was released is the same, if not in the same order.
    let mut ours = driver.take();
    let mut vendors = Calls::recorded(&recording, "destroy_device").words.split_off(vendors_before(&recording));
    ours.sort();
    vendors.sort();
    same(&ours, &vendors);
    drop(device);
    let end = driver.take();
    let recorded = Calls::recorded(&recording, "end").words;
    same(&end, &recorded[recorded.len() - 2..]);
}

fn vendors_before(recording: &Recording) -> usize {
    Calls::recorded(recording, "release_network_group").words.len()
}

#[test]
fn a_model_runs_as_recorded() {
    // The second time without frames.
    blocking("arcface-v1.hef", "arcface-v1", 1, &[3, 0]);
}

#[test]
fn a_model_runs_in_batches_as_recorded() {
    blocking("arcface-v1.hef", "arcface-v1-batch4", 4, &[8]);
}

#[test]
fn another_model_runs_as_recorded() {
    blocking("arcface-v2.hef", "arcface-v2", 1, &[3]);
}

#[test]
fn buffers_of_the_caller_run_as_recorded() {
    let recording = Recording::read("arcface-v1-async");
    let Some((driver, device, model)) = set_up("arcface-v1.hef", &recording) else { return };
    let options = Options { api: Api::Pipelined, ..Options::default() };
    let mut network = device.configure(&model, &options).expect("a network");
    let mut active = network.activate().expect("an active network");
    same(&driver.take(), &vendors(&recording, "frame0"));
    let mut frame = active.allocate_frame().expect("a frame");
    let _mapped = driver.take();
    for _ in 0..3 {
        active.submit(frame).expect("room");
        frame = active.receive(PATIENCE).expect("a frame");
    }
    active.deactivate().expect("a stopped network");
    // The vendor's library maps and unmaps every buffer for every transfer; the numbers of the mappings differ by that.
    let without_numbers = |calls: Vec<String>| -> Vec<String> {
        calls
            .into_iter()
            .filter(|call| !call.starts_with("map") && !call.starts_with("unmap"))
            .map(|call| match (call.find("buf#"), call.find('+')) {
                (Some(start), Some(end)) => format!("{}{}", &call[..start], &call[end..]),
                _ => call,
            })
            .collect()
    };
    let before = vendors(&recording, "frame0").len();
    let recorded = vendors(&recording, "release_network_group").split_off(before);
    same(&without_numbers(driver.take()), &without_numbers(recorded));
}

#[test]
fn the_queue_is_kept_full_and_gives_buffers_back() {
    let recording = Recording::read("arcface-v1-async");
    let Some((driver, device, model)) = set_up("arcface-v1.hef", &recording) else { return };
    let options = Options { api: Api::Pipelined, ..Options::default() };
    let mut network = device.configure(&model, &options).expect("a network");
    let mut active = network.activate().expect("an active network");
    assert_eq!(active.capacity(), 32);
    for _ in 0..32 {
        let frame = active.allocate_frame().expect("a frame");
        active.submit(frame).expect("room");
    }
    let one_more = active.allocate_frame().expect("a frame");
    let refused = active.submit(one_more).expect_err("a full queue");
    assert!(matches!(refused.error, Error::QueueFull(32)));
    assert_eq!(refused.frame.map(|frame| (frame.inputs.len(), frame.outputs.len())), Some((1, 1)));
    let _before = driver.take();
    for _ in 0..500 {
        let mut frame = active.receive(PATIENCE).expect("a frame");
        frame.inputs[0].as_mut_slice().fill(3);
        active.submit(frame).expect("room");
    }
    // The rings wrap, and nothing is called but the two launches.
    let calls = driver.take();
    assert_eq!(calls.len(), 1000);
    assert!(calls.iter().all(|call| call.starts_with("launch")));
    let mut other = [0; 512];
    assert!(matches!(active.outputs()[0].read(&mut other, PATIENCE), Err(Error::OtherApi { .. })));
    drop(active);
    drop(network);
    drop(refused.error);
    assert_eq!(driver.held(), 0);
}

#[test]
fn rings_wrap_in_blocking_use() {
    let recording = Recording::read("arcface-v1");
    let Some((driver, device, model)) = set_up("arcface-v1.hef", &recording) else { return };
    let mut network = device.configure(&model, &Options::default()).expect("a network");
    let mut active = network.activate().expect("an active network");
    let _before = driver.take();
    for _ in 0..300 {
        infer(&mut active);
    }
    let calls = driver.take();
    assert_eq!(calls.len(), 600, "a launch for each stream and frame");
    // 4070 descriptors are 55 frames of 74: the next one goes over the end of the ring of 4096.
    let cut = calls.iter().find(|call| call.contains("from 4070,")).expect("a frame at the end of the ring");
    assert!(cut.contains("buf#36+2083840 (13312 bytes") && cut.contains("buf#36+0 (24320 bytes"), "{cut}");
    assert!(matches!(
        active.inputs()[0].write(&[0; 3], PATIENCE),
        Err(Error::FrameLength { expected: 37632, given: 3, .. })
    ));
    let mut output = vec![0; 512];
    let timed_out = active.outputs()[0].read(&mut output, Duration::from_millis(20));
    assert!(
        matches!(&timed_out, Err(Error::Device(error)) if matches!(error.kind(), ErrorKind::Timeout(_))),
        "{timed_out:?}"
    );
    infer(&mut active);
}

#[test]
fn models_share_a_device_and_take_turns() {
    let recording = Recording::read("arcface-v1");
    let Some((driver, device, one)) = set_up("arcface-v1.hef", &recording) else { return };
    let two = Model::load(models::real("arcface-v2.hef").expect("both models")).expect("a model");
    let mut one = device.configure(&one, &Options::default()).expect("a network");
    let first = driver.take();
    let mut two = device.configure(&two, &Options::default()).expect("another network");
    let second = driver.take();
    assert_eq!((one.application_index(), two.application_index()), (0, 1));
    let resets = |calls: &[String]| {
        calls.iter().filter(|call| call.ends_with("0000000200000000000000000000004700000000")).count()
    };
    assert_eq!((resets(&first), resets(&second)), (1, 0), "what others configured is cleared once");
    for _ in 0..2 {
        let mut active = one.activate().expect("an active network");
        assert!(matches!(two.activate(), Err(Error::AlreadyActive)));
        infer(&mut active);
        drop(active);
        let mut active = two.activate().expect("an active network");
        infer(&mut active);
        active.deactivate().expect("a stopped network");
    }
    drop((one, two));
    assert_eq!(driver.held(), 0);
}

#[test]
fn a_network_that_is_leaked_keeps_its_memory() {
    let recording = Recording::read("arcface-v1");
    let Some((driver, device, model)) = set_up("arcface-v1.hef", &recording) else { return };
    let mut network = device.configure(&model, &Options::default()).expect("a network");
    std::mem::forget(network.activate().expect("an active network"));
    assert!(matches!(network.activate(), Err(Error::Lost)));
    let held = driver.held();
    drop(network);
    // The device may still fetch configuration words; only what no list points to is gone.
    let released = held - driver.held();
    assert_eq!(released, 32, "the bounce buffers");
}

/// What the run-time asked for in words, as the golden calls say it.
fn in_words(call: &Call) -> String {
    match *call {
        Call::Map { size, .. } => format!("map {size} bytes"),
        Call::Create { desc_count, desc_page_size, is_circular, .. } => {
            format!(
                "DescListCreate {{ desc_count: {desc_count}, desc_page_size: {desc_page_size}, is_circular: {} }}",
                is_circular == 1
            )
        }
        Call::Program { buffer_size, buffer_offset, batch_size, starting_desc, .. } => {
            format!("program {buffer_size} bytes at {buffer_offset}, {batch_size} times from {starting_desc}")
        }
    }
}

#[test]
fn made_up_models_are_configured_as_the_vendor_does_it() {
    let recording = Recording::read("arcface-v1");
    let (mut configured, mut contexts) = (0, 0);
    for model in artificial::all() {
        let driver = Arc::new(Canned::new(&recording).with_page(model.desc_max_page_size));
        let device =
            Device::with_transport(Arc::<Canned>::clone(&driver), hailo_linux::Options::default()).expect("a device");
        let options = Options { batch_size: model.batch, ..Options::default() };
        let loaded = Hef::from_bytes(model.hef.clone()).map_err(Error::from).and_then(|hef| Model::new(hef, None));
        let network = loaded.and_then(|loaded| device.configure(&loaded, &options));
        let calls = driver.take();
        let sent = match (network, &model.outcome) {
            (Ok(_network), Outcome::Sent(_, sent)) => sent,
            (Err(error), Outcome::Refused(code)) => {
                let status = error.library_status().expect("a status of the library's");
                assert_eq!(&status.to_string(), code, "{}: {error}", model.name);
                continue;
            }
            (network, outcome) => panic!("{}: {:?} instead of {outcome:?}", model.name, network.err()),
        };
        // Everything up to the last action list; rings and bounce buffers come behind.
        let last = calls.iter().rposition(|call| call.starts_with("control")).expect("controls");
        let expected: Vec<String> = sent.calls.iter().map(in_words).collect();
        let ours: Vec<String> = calls[..last]
            .iter()
            .filter(|call| ["map", "DescListCreate", "program"].iter().any(|kind| call.starts_with(kind)))
            .map(|call| call.split(" as ").next().unwrap_or(call).to_owned())
            .collect();
        same(&ours, &expected);
        let action_lists: Vec<&String> =
            calls.iter().filter(|call| call.contains(": 00000002000000000000000000000021")).collect();
        assert_eq!(action_lists.len(), sent.contexts.len(), "{}", model.name);
        for (ours, vendors) in action_lists.iter().zip(&sent.contexts) {
            assert!(ours.ends_with(&models::hex(&vendors.data)), "{}: {ours}", model.name);
        }
        configured += 1;
        contexts += action_lists.len();
        assert_eq!(driver.held(), 0, "{}", model.name);
    }
    assert_eq!((configured, contexts), (120, 532));
}
