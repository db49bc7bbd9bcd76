//! Rules that the recorded models do not exercise, with the numbers of the written rules.

use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::control::HwConsts;
use hailo_linux::hef::Hef;
use hailo_linux::network::{DeviceFacts, Options, Plan, PowerMode, Step};
use hailo_tests::fuzzing::model_file::CONSTANTS;
use hailo_tests::models::files::Builder;
use hailo_tests::models::{self, hailo8};

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
