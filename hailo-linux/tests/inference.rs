//! Inference from end to end on the emulator, for every release of the driver.
#![cfg(feature = "emulator")]

use std::time::Duration;

use hailo_abi::interface::RELEASES;
use hailo_linux::infer::{InferOptions, Inference};
use hailo_linux::memory::PageMemory;
use hailo_linux::{Device, Options};
use hailo_mock::{BoardKind, MachineOptions};

const TIMEOUT: Duration = Duration::from_secs(20);

fn run(machine: MachineOptions, options: InferOptions, frames: u64) {
    let emulator = options.emulator(machine, "mock").unwrap();
    let device = emulator.open(0).unwrap();
    assert_eq!(device.release(), machine.driver);
    let mut inference = Inference::start(&device, options).unwrap();
    let report = inference.run(frames, |_| ()).unwrap();
    assert_eq!((report.frames, report.mismatches), (frames, 0), "driver {}", machine.driver);
    assert_eq!(report.bytes, frames * (options.inputs + options.outputs) as u64);
    inference.finish().unwrap();
    let held = &emulator.machine().report().boards[0];
    assert_eq!((held.mappings, held.lists, held.enabled_channels), (0, 0, 0), "driver {}", machine.driver);
    drop(device);
    let report = emulator.machine().report();
    assert!(report.is_clean(), "driver {}: {report}", machine.driver);
}

#[test]
fn every_release_infers_right() {
    for (release, _) in RELEASES {
        let options = InferOptions { timeout: TIMEOUT, ..InferOptions::default() };
        run(MachineOptions { driver: *release, ..MachineOptions::default() }, options, 100);
    }
}

#[test]
fn every_board_of_every_release_infers_right() {
    for (release, _) in RELEASES {
        for board in BoardKind::ALL.into_iter().filter(|board| board.number(*release).is_some()) {
            let machine = MachineOptions { driver: *release, board: Some(board), iommu: true, ..Default::default() };
            run(machine, InferOptions { timeout: TIMEOUT, ..InferOptions::default() }, 5);
        }
    }
}

#[test]
fn odd_sizes_depths_and_pages_make_no_difference() {
    for (inputs, outputs, depth, page_size) in
        [(1, 1, 1, 64), (4097, 3, 2, 4096), (10_000, 6, 127, 512), (65, 513, 16, 256)]
    {
        for driver in ["4.17.0", "4.20.1", "4.23.0", "5.0.0", "5.0.1", "5.3.0"] {
            let machine = MachineOptions { driver: driver.parse().unwrap(), ..MachineOptions::default() };
            let options = InferOptions { inputs, outputs, seed: 3, depth, page_size, timeout: TIMEOUT };
            run(machine, options, 140);
        }
    }
}

#[test]
fn memory_of_the_process_does_as_well_as_shared_memory() {
    let options = InferOptions { timeout: TIMEOUT, ..InferOptions::default() };
    let emulator = options.emulator(MachineOptions::default(), "mock").unwrap();
    let transport = hailo_mock::MockTransport::open(emulator.machine(), 0).unwrap();
    let own = Options { memory: std::sync::Arc::new(PageMemory), ..Options::default() };
    let device = Device::with_transport(std::sync::Arc::new(transport), own).unwrap();
    let mut inference = Inference::start(&device, options).unwrap();
    let report = inference.run(50, |_| ()).unwrap();
    assert_eq!((report.frames, report.mismatches), (50, 0));
    drop((inference, device));
    assert!(emulator.machine().report().is_clean());
}

#[test]
fn an_inference_that_is_dropped_half_way_leaves_nothing() {
    let options = InferOptions { timeout: TIMEOUT, ..InferOptions::default() };
    let emulator = options.emulator(MachineOptions::default(), "mock").unwrap();
    let device = emulator.open(0).unwrap();
    for frames in 0..3 {
        let mut inference = Inference::start(&device, options).unwrap();
        (0..frames).for_each(|_| assert_eq!(inference.step(10).unwrap().mismatches, 0));
    }
    let held = &emulator.machine().report().boards[0];
    assert_eq!((held.mappings, held.lists, held.pending_transfers), (0, 0, 0));
    drop(device);
    assert!(emulator.machine().report().is_clean());
}
