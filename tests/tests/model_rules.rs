//! Rules that the recorded models do not exercise, with the numbers of the written rules.

use std::time::Duration;

use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::control::HwConsts;
use hailo_abi::{Command, DataModel, Interface};
use hailo_linux::emulator::Emulator;
use hailo_linux::hef::{Hef, NmsMode, proto_layers};
use hailo_linux::network::{Api, DeviceFacts, Model, Options, Plan, PowerMode, Step};
use hailo_linux::recording::{Recorder, Recording, What};
use hailo_tests::fuzzing::model_file::CONSTANTS;
use hailo_tests::models::artificial::{self, Artificial, Outcome};
use hailo_tests::models::files::Builder;
use hailo_tests::models::{self, hailo8, simulation};
use hailo_tests::recordings::Bytes;

/// The real model, or nothing with a word about it.
fn arcface() -> Option<Vec<u8>> {
    let path = models::real("arcface-v1.hef");
    if path.is_none() {
        println!("skipped: arcface-v1.hef is not on this machine (HAILO_HEF_DIR)");
    }
    path.map(|path| std::fs::read(path).expect("a file"))
}

fn plan(file: &[u8], options: &Options, facts: &DeviceFacts, constants: &HwConsts) -> Plan {
    let hef = Hef::from_bytes(file.to_vec()).expect("a model");
    Plan::new(&hef, hef.group(None).expect("a group"), options, facts, constants).expect("a plan")
}

/// Bytes per buffer and buffers per frame of the input, out of the action that opens its channel.
fn input_registers(plan: &Plan) -> (u16, u32) {
    use hailo_abi::firmware::actions::Action;
    plan.contexts
        .iter()
        .flat_map(|context| &context.actions)
        .flatten()
        .find_map(|planned| match planned.action {
            Action::ActivateBoundaryInput(body) => {
                let registers = body.stream_reg_info;
                Some((registers.periph_bytes_per_buffer, registers.periph_buffers_per_frame))
            }
            _ => None,
        })
        .expect("an input")
}

#[test]
fn constants_and_power_mode_decide_how_the_input_is_fed() {
    let Some(file) = arcface() else { return };
    let performance = Options::default();
    let ultra = Options { power_mode: PowerMode::UltraPerformance, ..performance };
    let none = HwConsts { should_optimize_credits: false.into(), ..CONSTANTS };
    let small = HwConsts { max_acceptable_bytes_per_buffer: 1024, ..CONSTANTS };
    for (options, constants, expected) in [
        (performance, CONSTANTS, (1792, 21)),
        (performance, small, (896, 42)),
        (performance, none, (336, 112)),
        (ultra, CONSTANTS, (336, 112)),
    ] {
        let plan = plan(&file, &options, &hailo8(4096), &constants);
        assert_eq!(input_registers(&plan), expected, "{options:?} {constants:?}");
    }
}

#[test]
fn batch_and_page_decide_how_long_the_lists_of_streams_are() {
    let Some(file) = arcface() else { return };
    for (batch_size, queue, lists) in [
        (0, 32, [4096, 128]),
        (16, 32, [4096, 128]),
        (17, 34, [4096, 128]),
        (32, 64, [8192, 256]),
        (63, 126, [16384, 256]),
    ] {
        let plan = plan(&file, &Options { batch_size, ..Options::default() }, &hailo8(4096), &CONSTANTS);
        let found: Vec<_> = plan.boundary.iter().map(|stream| plan.lists[stream.list.0].desc_count).collect();
        assert_eq!(found, lists, "batch {batch_size}");
        assert!(plan.boundary.iter().all(|stream| stream.queue_depth == queue), "batch {batch_size}");
    }
    let too_many = Options { batch_size: 64, ..Options::default() };
    let hef = Hef::from_bytes(file.clone()).expect("a model");
    let refusal = Plan::new(&hef, &hef.groups()[0], &too_many, &hailo8(4096), &CONSTANTS).expect_err("batch 64");
    assert_eq!(refusal.status.code(), 2, "{refusal}");

    let small = plan(&file, &Options::default(), &hailo8(256), &CONSTANTS);
    assert!(small.lists.iter().all(|list| list.desc_page_size == 256));
    assert_eq!(small.lists[0].desc_count, 8192);
    let asked = Options { page_size: Some(256), ..Options::default() };
    assert_eq!(plan(&file, &asked, &hailo8(4096), &CONSTANTS).lists, small.lists);
    assert_eq!(plan(&file, &Options::default(), &hailo8(512), &CONSTANTS).lists[0].desc_page_size, 512);
}

#[test]
fn words_inside_the_description_are_counted_by_runs() {
    let Some(file) = arcface() else { return };
    let builder = Builder::of_version_1(&file);
    let old = plan(&builder.version_0(), &Options::default(), &hailo8(4096), &CONSTANTS);
    let sizes: Vec<_> = old.buffers.iter().map(|buffer| buffer.size).collect();
    assert_eq!(sizes, [1_258_496, 1_249_792]);
    let new = plan(&builder.version_1(), &Options::default(), &hailo8(4096), &CONSTANTS);
    let contents = |plan: &Plan| {
        let mut words: Vec<(usize, u64, Vec<u8>)> = plan
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Fill { buffer, offset, words } => {
                    let bytes = words.iter().flat_map(|words| words.bytes().iter().copied()).collect();
                    Some((buffer.0, *offset, bytes))
                }
                _ => None,
            })
            .collect();
        words.sort();
        words
    };
    assert_eq!(contents(&old), contents(&new));
}

#[test]
fn every_generation_of_firmware_gets_its_own_layout() {
    let Some(file) = arcface() else { return };
    for (firmware, header, activation) in [
        (FirmwareInterface::V4_17, 41, 63),
        (FirmwareInterface::V4_20, 41, 63),
        (FirmwareInterface::V4_21, 32, 63),
        (FirmwareInterface::V5_0, 52, 63),
        (FirmwareInterface::V5_1, 53, 63),
    ] {
        let facts = DeviceFacts { firmware, ..hailo8(4096) };
        let plan = plan(&file, &Options::default(), &facts, &CONSTANTS);
        let sent = models::simulation::sent(&plan);
        assert_eq!(sent.header.len(), header, "{firmware:?}");
        assert_eq!(sent.contexts[0].data.len(), activation, "{firmware:?}");
    }
}

/// The made-up models that the vendor's library configured.
fn made_up() -> impl Iterator<Item = (Artificial, HwConsts)> {
    artificial::all().into_iter().filter_map(|model| match model.outcome {
        Outcome::Sent(constants, _) => Some((model, constants)),
        Outcome::Refused(_) => None,
    })
}

#[test]
fn the_wrapping_of_a_network_makes_no_difference() {
    let mut compared = 0;
    for (model, constants) in made_up() {
        let builder = Builder::of_version_1(&model.hef);
        let options = Options { batch_size: model.batch, ..Options::default() };
        let facts = hailo8(model.desc_max_page_size);
        let sent = |file: &[u8]| simulation::sent(&plan(file, &options, &facts, &constants));
        let plain = sent(&model.hef);
        assert_eq!(sent(&builder.clone().with_networks_as_operations().version_2()), plain, "{}", model.name);
        assert_eq!(sent(&builder.with_clusters(&[0x6, 0x3]).version_3()), plain, "{}", model.name);
        compared += 1;
    }
    assert_eq!(compared, 120);
}

#[test]
fn a_hailo8l_takes_the_network_for_its_clusters() {
    use hailo_abi::firmware::control::DeviceArchitecture;
    let (model, constants) = made_up().next().expect("a model");
    let file = Builder::of_version_1(&model.hef).with_clusters(&[0x6, 0x3]).version_1();
    let hef = Hef::from_bytes(file).expect("a model");
    let facts = |clusters| DeviceFacts { architecture: DeviceArchitecture::HAILO8L, clusters, ..hailo8(512) };
    let with = |clusters| Plan::new(&hef, &hef.groups()[0], &Options::default(), &facts(clusters), &constants);
    with(0x6).expect("a network for these clusters");
    let refusal = with(0x5).expect_err("no network for these clusters");
    assert_eq!(refusal.status.code(), 26, "{refusal}");
    // A file for a Hailo-8 does not run there.
    let hef = Hef::from_bytes(model.hef).expect("a model");
    let refusal = Plan::new(&hef, &hef.groups()[0], &Options::default(), &facts(0x6), &constants).expect_err("refused");
    assert_eq!(refusal.status.code(), 93, "{refusal}");
}

#[test]
fn boxes_come_in_the_portions_of_the_rules() {
    let (model, _) = made_up().next().expect("a model");
    let with = |bursts: Option<u32>| {
        let builder = Builder::of_version_1(&model.hef).with_boundary(1, |layer| {
            let Some(proto_layers::EdgeKind::LayerInfo(info)) = &mut layer.edge else { return };
            let base = info.edge_layer_base.get_or_insert_default();
            base.format = 6;
            base.additional_info = Some(proto_layers::AdditionalInfo {
                nms_info: Some(proto_layers::NmsInfo {
                    number_of_classes: 80,
                    max_output_size: 100,
                    bbox_size: 8,
                    burst_size: bursts.unwrap_or_default(),
                    burst_type: i32::from(bursts.is_some()),
                    ..proto_layers::NmsInfo::default()
                }),
            });
        });
        let builder = if bursts.is_some() { builder.with_extension(19, "NMS_OUTPUT_BURST") } else { builder };
        let hef = Hef::from_bytes(builder.version_1()).expect("a model");
        let core_op = hef.groups()[0].core_op(None).expect("a network");
        let output = core_op.boundary(hailo_linux::transform::Direction::Output).next().expect("an output");
        let nms = output.tensor.nms.clone().expect("boxes");
        (nms.mode, output.transfer_size, output.transfers_per_frame(), nms.hw_frame_size())
    };
    assert_eq!(with(None), (NmsMode::PerBox, 8, 80 * 100, 80 * (2 + 8 * 100) + 8));
    // 101 words a class, the end included, in bursts of 16.
    assert_eq!(with(Some(16)), (NmsMode::PerBurst, 128, 7 * 80, 80 * (2 + 8 * 100) + 128));
    assert_eq!(with(Some(128)), (NmsMode::PerFrame, 128 * 8 * 80, 80, 80 * (2 + 8 * 128) + 1024));
}

/// A model with a cache of entries of 48 bytes, of which a frame reads 3 and writes 5.
fn with_cache() -> (Vec<u8>, HwConsts) {
    // A model of several contexts without other layers between them would be best; one of the made-up ones has an input and
    // an output at the boundary of its first context, which become the two sides of a cache.
    let (model, constants) = made_up()
        .find(|(model, _)| {
            let hef = Hef::from_bytes(model.hef.clone()).expect("a model");
            let core_op = hef.groups()[0].core_op(None).expect("a network");
            let boundary = |context: &hailo_linux::hef::Context, direction| {
                context.layers.iter().filter(|layer| layer.is_boundary() && layer.direction == direction).count()
            };
            use hailo_linux::transform::Direction::{Input, Output};
            core_op.contexts.len() > 1
                && core_op.contexts.iter().map(|context| boundary(context, Output)).sum::<usize>() > 1
                && core_op.contexts.iter().map(|context| boundary(context, Input)).sum::<usize>() > 1
        })
        .expect("a model of several contexts");
    let mut sides = [false; 2];
    let mut builder = Builder::of_version_1(&model.hef);
    for direction in [0, 1] {
        builder = builder.with_boundary(direction, |layer| {
            if std::mem::replace(&mut sides[direction as usize], true) {
                return;
            }
            layer.context_switch_info = Some(proto_layers::ContextSwitchInformation {
                edge_connection_type: 3,
                cache_id: 9,
                ..proto_layers::ContextSwitchInformation::default()
            });
            let Some(proto_layers::EdgeKind::LayerInfo(info)) = &mut layer.edge else { return };
            let base = info.edge_layer_base.get_or_insert_default();
            base.format = 0;
            base.data_bytes = 1;
            base.max_shmifo_size = 0;
            base.height = 1;
            base.padded_height = 1;
            base.width = if direction == 0 { 3 } else { 5 };
            base.padded_width = base.width;
            base.features = 48;
            base.padded_features = 48;
        });
    }
    (builder.version_1(), constants)
}

#[test]
fn caches_are_laid_out_by_the_rules() {
    let (file, constants) = with_cache();
    let plan = plan(&file, &Options::default(), &hailo8(4096), &constants);
    // 48 bytes are padded to 64.
    assert_eq!(plan.buffers[0].size, (3 + 5) * 64);
    let strided: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Program(program) if program.stride > 0 => Some((program.stride, program.size, program.offset)),
            _ => None,
        })
        .collect();
    assert_eq!(strided, [(48, 3 * 64, 0), (48, 5 * 64, 3 * 64)]);
    let last = plan.contexts.last().and_then(|context| context.actions.last().copied().flatten()).expect("an action");
    assert_eq!(last.action, hailo_abi::firmware::actions::Action::WaitForCacheUpdated);
    let hef = Hef::from_bytes(file).expect("a model");
    assert!(!hef.describe().not_supported.iter().any(|sentence| sentence.contains("cache")));
    let batch = Options { batch_size: 2, ..Options::default() };
    let refusal = Plan::new(&hef, &hef.groups()[0], &batch, &hailo8(4096), &constants).expect_err("a batch");
    assert_eq!(refusal.status.code(), 2, "{refusal}");
}

/// Bytes and offset of each call that told a list of the cache where its entries are.
fn programs_of_the_cache(text: &str) -> Vec<(u64, u64)> {
    let recording = Recording::parse(text).expect("a recording");
    let release = recording.release().expect("the driver said it");
    let interface = Interface::of(release).expect("a known release");
    let mut programs = Vec::new();
    for call in recording.calls() {
        let What::Ioctl { request, before, .. } = &call.what else { continue };
        if let Ok(Command::DescListProgram(program)) = interface.decode(DataModel::NATIVE, *request, before)
            && program.stride == 48
        {
            programs.push((program.buffer_size, program.buffer_offset));
        }
    }
    programs
}

#[test]
fn caches_move_on_with_each_frame() {
    const PATIENCE: Duration = Duration::from_secs(10);
    let (file, _) = with_cache();
    let model = Model::new(Hef::from_bytes(file).expect("a model"), None).expect("a network");
    for api in [Api::Blocking, Api::Pipelined] {
        let emulator = Emulator::new("mock").expect("an emulator");
        let bytes = Bytes::default();
        let recorder = Recorder::new(bytes.clone());
        let device = hailo_linux::Options { recorder: Some(recorder.clone()), ..hailo_linux::Options::default() };
        let device = emulator.open_with(0, device).expect("a device");
        let mut network = device.configure(&model, &Options { api, ..Options::default() }).expect("configured");
        let mut active = network.activate().expect("active");
        let error = active.move_caches(None, Duration::from_millis(10)).expect_err("no frame is through");
        assert!(error.is_timeout(), "{error}");
        // As many entries as a frame writes, and others; the ring has 8.
        let moved = [None, Some(1), Some(0), None, Some(100)];
        let inputs: Vec<Vec<u8>> = active.inputs().iter().map(|input| vec![7; input.frame_size()]).collect();
        let mut outputs: Vec<Vec<u8>> = active.outputs().iter().map(|output| vec![0; output.frame_size()]).collect();
        let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        for entries in moved {
            match api {
                Api::Blocking => {
                    let mut outputs: Vec<&mut [u8]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
                    active.infer(&inputs, &mut outputs, PATIENCE).expect("a frame");
                }
                Api::Pipelined => {
                    while active.in_flight() < active.capacity().min(2) {
                        let frame = active.allocate_frame().expect("a frame");
                        active.submit(frame).expect("there is room");
                    }
                    active.receive(PATIENCE).expect("a frame");
                    let error = active.receive(Duration::from_millis(20)).expect_err("the caches were not moved on");
                    assert!(error.is_timeout(), "{error}");
                }
            }
            active.move_caches(entries, PATIENCE).expect("the frame is through");
        }
        if api == Api::Pipelined {
            active.receive(PATIENCE).expect("the frame that was under way");
            active.move_caches(Some(0), PATIENCE).expect("it is through");
        }
        active.deactivate().expect("stopped");
        // Once more, from where the caches are.
        drop(network.activate().expect("active again"));
        drop((network, device));
        recorder.flush().expect("written");
        // Reading begins at 0, 5, 6, 6, 3, 7 (100 is 4 more than 12 times 8); what goes over the end takes two calls.
        let (read, write) = (3, 5);
        let mut expected = Vec::new();
        for first in [0, 5, 6, 6, 3, 7, 7].into_iter().take(if api == Api::Pipelined { 7 } else { 6 }) {
            for (first, count) in [(first, read), ((first + read) % 8, write)] {
                let to_end = count.min(8 - first);
                expected.push((to_end * 64, first * 64));
                expected.extend((to_end < count).then_some(((count - to_end) * 64, 0)));
            }
        }
        assert_eq!(programs_of_the_cache(&bytes.text()), expected);
        assert!(emulator.machine().report().is_clean());
    }
}

#[test]
fn a_group_has_one_network_and_a_file_says_who_compiled_it() {
    let mut builder = Builder::of_version_1(&artificial::file(1, 1));
    let once = builder.clone().with_networks_as_operations();
    assert!(Hef::from_bytes(once.version_2()).is_ok());
    let refused = Hef::from_bytes(once.with_networks_as_operations().version_2()).expect_err("two networks");
    assert!(refused.to_string().contains("more than one network among its operations"), "{refused}");
    builder.message().header.get_or_insert_default().sdk_version = "3.30.0 of nobody".to_owned();
    let file = Hef::from_bytes(builder.version_2()).expect("a model");
    assert_eq!(file.compiler(), "3.30.0 of nobody");
    assert!(file.describe().to_string().contains("compiler  3.30.0 of nobody\n"));
}
