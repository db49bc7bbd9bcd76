//! A frame in the steady state allocates nothing.

#[path = "null_driver/allocations.rs"]
mod allocations;
mod null_driver;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use allocations::during;
#[cfg(feature = "emulator")]
use hailo_linux::{
    Device,
    emulator::Emulator,
    hef::{Hef, proto_layers},
    memory::EmulatorMemory,
    network::{Api, Model, Options},
};
use hailo_linux::{Direction, DmaBuffer};
#[cfg(feature = "emulator")]
use hailo_mock::MockTransport;
#[cfg(feature = "emulator")]
use hailo_tests::models::{artificial, files::Builder};
use null_driver::{Bed, NullDriver};

const TIMEOUT: Duration = Duration::from_secs(10);

fn frame(bed: &Bed, (input, output): (DmaBuffer, DmaBuffer)) -> (DmaBuffer, DmaBuffer) {
    let receive = bed.output.launch(output).unwrap();
    let send = bed.input.launch(input).unwrap();
    (send.wait(TIMEOUT).unwrap(), receive.wait(TIMEOUT).unwrap())
}

/// Four classes of boxes in each frame.
#[cfg(feature = "emulator")]
const CLASSES: u8 = 4;

/// A network with one output, of boxes if they are wanted.
#[cfg(feature = "emulator")]
fn model(boxes: bool) -> Model {
    let builder = Builder::of_version_1(&artificial::file(1, 1)).with_boundary(1, |layer| {
        let Some(proto_layers::EdgeKind::LayerInfo(info)) = layer.edge.as_mut().filter(|_| boxes) else { return };
        let base = info.edge_layer_base.get_or_insert_default();
        base.format = 6;
        let nms_info = proto_layers::NmsInfo {
            number_of_classes: CLASSES.into(),
            max_output_size: 6,
            bbox_size: 8,
            ..proto_layers::NmsInfo::default()
        };
        base.additional_info = Some(proto_layers::AdditionalInfo { nms_info: Some(nms_info) });
    });
    Model::new(Hef::from_bytes(builder.version_1()).unwrap(), None).unwrap()
}

/// Frames through a network, with a queue that is always full or one at a time.
#[cfg(feature = "emulator")]
fn network(api: Api, boxes: bool) {
    let emulator = Emulator::new("mock").unwrap();
    let transport = MockTransport::open(emulator.machine(), 0).unwrap();
    let driver = Arc::new(NullDriver::before(Box::new(transport)));
    let memory = Arc::new(EmulatorMemory::new(emulator.machine().shared_memory()));
    let options = hailo_linux::Options { memory, ..hailo_linux::Options::default() };
    let device = Device::with_transport(Arc::<NullDriver>::clone(&driver), options).unwrap();
    driver.transfers_per_frame.store(if boxes { 4 * CLASSES } else { 1 }, Ordering::Relaxed);
    let model = model(boxes);
    let mut network = device.configure(&model, &Options { api, ..Options::default() }).unwrap();
    let mut active = network.activate().unwrap();
    let allocations = match api {
        Api::Blocking => {
            let input = vec![1; active.inputs()[0].frame_size()];
            let mut output = vec![0; active.outputs()[0].frame_size()];
            let mut run = |frames: usize| {
                for _ in 0..frames {
                    active.infer(&[&input], &mut [&mut output], TIMEOUT).unwrap();
                }
            };
            run(300);
            during(|| run(1000)).0
        }
        Api::Pipelined => {
            while active.in_flight() < active.capacity() {
                let frame = active.allocate_frame().unwrap();
                active.submit(frame).unwrap();
            }
            let mut run = |frames: usize| {
                for _ in 0..frames {
                    let frame = active.receive(TIMEOUT).unwrap();
                    assert!(!boxes || frame.outputs[0].as_slice()[..3] == [3, 0, 1], "three boxes of each class");
                    active.submit(frame).unwrap();
                }
            };
            run(300);
            during(|| run(1000)).0
        }
    };
    assert_eq!(allocations, 0, "allocations in 1000 frames, {api:?}, boxes: {boxes}");
    active.deactivate().unwrap();
}

// The allocations of all threads are counted, so this is the only test of the program.
#[test]
fn a_frame_allocates_nothing() {
    let driver = Arc::new(NullDriver::default());
    // The device is the last that has the driver, so that dropping it closes the file.
    let held = Arc::clone(&driver.held);
    let bed = Bed::new(driver);
    assert_eq!(bed.channels.bitmaps().0, [1 << 16 | 1, 0, 0]);
    let input = bed.device.allocate(10_000, Direction::ToDevice).unwrap();
    let output = bed.device.allocate(100, Direction::FromDevice).unwrap();
    let buffers = (0..10).fold((input, output), |buffers, _| frame(&bed, buffers));
    let (allocations, buffers) = during(|| (0..1000).fold(buffers, |buffers, _| frame(&bed, buffers)));
    assert_eq!(allocations, 0, "allocations in 1000 frames");

    // The counter does count.
    assert_eq!(during(|| drop(std::hint::black_box(Box::new(1)))).0, 1);

    assert_eq!(held.load(Ordering::Relaxed), 4, "two buffers and two lists");
    drop((buffers, bed));
    // Nobody has stopped the hardware, so the lists stay until the file is closed.
    assert_eq!(held.load(Ordering::Relaxed), 2, "the buffers were unmapped");

    #[cfg(feature = "emulator")]
    for (api, boxes) in [Api::Blocking, Api::Pipelined].into_iter().flat_map(|api| [(api, false), (api, true)]) {
        network(api, boxes);
    }
}
