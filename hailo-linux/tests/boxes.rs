//! Boxes of non-maximum suppression, from an emulated device to the user.
#![cfg(feature = "emulator")]

use std::collections::VecDeque;
use std::time::Duration;

use hailo_abi::firmware::actions::Action;
use hailo_abi::{Errno, Operation};
use hailo_linux::emulator::Emulator;
use hailo_linux::hef::{Hef, proto_layers};
use hailo_linux::network::{Active, Api, Error, Model, Options};
use hailo_mock::{BoardFirmware, Fault, InputFrame, Machine, NetworkFunction, Strike};
use hailo_tests::models::artificial;
use hailo_tests::models::files::Builder;

const TIMEOUT: Duration = Duration::from_secs(20);
const CLASSES: u8 = 4;

/// Sends as many boxes of each class as the first bytes of the input say, in bursts of so many words.
#[derive(Clone, Copy, Debug)]
struct Sender {
    burst: usize,
    /// A channel with something else: the first byte, over and over.
    plain: Option<u8>,
}

impl Sender {
    /// Words by their first byte; boxes of class `c` begin with 10 `c`.
    fn words(self, counts: &[u8]) -> Vec<u8> {
        let mut words = Vec::new();
        for (class, count) in counts.iter().enumerate() {
            words.extend((0..*count).map(|number| [10 * class as u8 + number; 8]));
            words.push([0xff; 8]);
            words.resize(words.len().next_multiple_of(self.burst), [0xff; 8]);
        }
        words.concat()
    }
}

impl NetworkFunction for Sender {
    fn compute(&self, inputs: &[InputFrame<'_>], _: u8, output: &mut [u8]) {
        output.fill(inputs[0].bytes[0]);
    }

    fn send(&self, inputs: &[InputFrame<'_>], channel: u8, output: &mut [u8], send: &mut dyn FnMut(&[u8])) {
        if self.plain == Some(channel) {
            self.compute(inputs, channel, output);
            return send(output);
        }
        send(&self.words(&inputs[0].bytes[..CLASSES.into()]));
    }
}

/// A model with one input and boxes as its output.
fn model(bursts: Option<u32>, change: impl Fn(&mut proto_layers::NmsInfo)) -> Model {
    with_boxes(1, &[0], bursts, change)
}

/// A model with one input and so many outputs, these of which give boxes.
fn with_boxes(
    outputs: usize,
    boxes: &[usize],
    bursts: Option<u32>,
    change: impl Fn(&mut proto_layers::NmsInfo),
) -> Model {
    let made_up = artificial::file(1, outputs);
    let mut seen = 0;
    let builder = Builder::of_version_1(&made_up).with_boundary(1, |layer| {
        seen += 1;
        if !boxes.contains(&(seen - 1)) {
            return;
        }
        let Some(proto_layers::EdgeKind::LayerInfo(info)) = &mut layer.edge else { return };
        let base = info.edge_layer_base.get_or_insert_default();
        base.format = 6;
        let mut nms_info = proto_layers::NmsInfo {
            number_of_classes: CLASSES.into(),
            max_output_size: 6,
            bbox_size: 8,
            burst_size: bursts.unwrap_or_default(),
            burst_type: i32::from(bursts.is_some()),
            ..proto_layers::NmsInfo::default()
        };
        change(&mut nms_info);
        base.additional_info = Some(proto_layers::AdditionalInfo { nms_info: Some(nms_info) });
    });
    let builder = if bursts.is_some() { builder.with_extension(19, "NMS_OUTPUT_BURST") } else { builder };
    Model::new(Hef::from_bytes(builder.version_1()).expect("a model"), None).expect("a group")
}

fn emulator(burst: usize) -> Emulator {
    let firmware = move |_| BoardFirmware::default().computing(Sender { burst, plain: None });
    Emulator::with_machine(Machine::builder().firmware(firmware).build().unwrap(), "mock")
}

/// The frame for these numbers of boxes.
fn frame(counts: &[u8], size: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    for (class, count) in counts.iter().enumerate() {
        frame.extend([*count, 0]);
        (0..*count).for_each(|number| frame.extend([10 * class as u8 + number; 8]));
    }
    frame.resize(size, 0);
    frame
}

#[test]
fn frames_of_boxes_are_put_together() {
    for bursts in [None, Some(4), Some(8)] {
        let emulator = emulator(bursts.unwrap_or(1) as usize);
        let device = emulator.open(0).unwrap();
        let mut network = device.configure(&model(bursts, |_| ()), &Options::default()).unwrap();
        let mut active = network.activate().unwrap();
        let mut input = vec![0; active.inputs()[0].frame_size()];
        let mut output = vec![9; active.outputs()[0].frame_size()];
        // More transfers than the ring has room for at a time.
        for number in 0..200u8 {
            let counts = counts(number);
            input[..4].copy_from_slice(&counts);
            active.infer(&[&input], &mut [&mut output], TIMEOUT).unwrap();
            assert_eq!(output, frame(&counts, output.len()), "bursts of {bursts:?}, frame {number}");
        }
        active.deactivate().unwrap();
        drop((network, device));
        assert!(emulator.machine().report().is_clean());
    }
}

#[test]
fn outputs_of_boxes_are_moved_in_bursts() {
    // Where a class fits a burst, a transfer has the bursts of all four.
    for (bursts, bytes) in [(None, 8), (Some(4), 4 * 8), (Some(8), 4 * 8 * 8)] {
        let device = Emulator::new("mock").unwrap().open(0).unwrap();
        let network = device.configure(&model(bursts, |_| ()), &Options::default()).unwrap();
        let actions = network.plan().contexts.iter().flat_map(|context| &context.actions).flatten();
        let registers: Vec<_> = actions
            .filter_map(|planned| match planned.action {
                Action::ActivateBoundaryOutput(body) => Some(body.stream_reg_info),
                _ => None,
            })
            .map(|registers| (u32::from(registers.periph_bytes_per_buffer), registers.periph_buffers_per_frame))
            .collect();
        // The channel is opened once to find out what it needs, and then to run.
        assert_eq!(registers, [(bytes, 1); 2], "bursts of {bursts:?}");
    }
}

#[test]
fn no_frame_gets_boxes_of_another_one_after_a_failed_launch() {
    let options = Options { api: Api::Pipelined, ..Options::default() };
    let mut failed = 0;
    for launch in (0..200).step_by(7) {
        let strike = Strike::once(Operation::LaunchTransfer, launch, Fault::Fail(Errno::ENOMEM));
        let device = emulator(4).with_faults(vec![strike]).unwrap().open(0).unwrap();
        let mut network = device.configure(&model(Some(4), |_| ()), &options).unwrap();
        let Ok(mut active) = network.activate() else { continue };
        let mut under_way = VecDeque::new();
        for number in 0..12 {
            let mut frame = active.allocate_frame().unwrap();
            frame.inputs[0].as_mut_slice()[..4].copy_from_slice(&counts(number));
            match active.submit(frame) {
                Ok(()) => under_way.push_back(number),
                Err(_) => failed += 1,
            }
            if under_way.len() < 3 && number < 11 {
                continue;
            }
            let Some(number) = under_way.pop_front() else { continue };
            match active.receive(Duration::from_millis(200)) {
                Ok(came) => {
                    let output = came.outputs[0].as_slice();
                    assert_eq!(output, self::frame(&counts(number), output.len()), "launch {launch}, frame {number}");
                }
                Err(error) if error.is_timeout() => break,
                Err(_) => failed += 1,
            }
        }
    }
    assert!(failed > 0);
}

/// How many boxes of each class there are in a frame.
fn counts(number: u8) -> [u8; CLASSES as usize] {
    [number % 7, 0, 6, number / 7 % 7]
}

/// Runs frames with a queue that is always full, and looks at what comes back.
fn pipelined(active: &mut Active<'_>, frames: u8, look: impl Fn(u8, usize, &[u8])) {
    let mut under_way = VecDeque::new();
    let mut spare = Vec::new();
    for number in 0..frames {
        while active.in_flight() < active.capacity().min(usize::from(frames - number)) {
            let mut frame = spare.pop().unwrap_or_else(|| active.allocate_frame().unwrap());
            let next = number + active.in_flight() as u8;
            frame.inputs.iter_mut().for_each(|input| input.as_mut_slice()[..4].copy_from_slice(&counts(next)));
            frame.outputs.iter_mut().for_each(|output| output.as_mut_slice().fill(9));
            under_way.push_back(frame.outputs.iter().map(|output| output.as_slice().as_ptr()).collect::<Vec<_>>());
            active.submit(frame).unwrap();
        }
        let frame = active.receive(TIMEOUT).unwrap();
        let own: Vec<_> = frame.outputs.iter().map(|output| output.as_slice().as_ptr()).collect();
        assert_eq!(Some(own), under_way.pop_front(), "each frame comes back in its own buffers");
        (0..).zip(&frame.outputs).for_each(|(index, output)| look(number, index, output.as_slice()));
        spare.push(frame);
    }
    assert!(matches!(active.receive(TIMEOUT), Err(Error::QueueEmpty)));
}

#[test]
fn boxes_come_into_buffers_of_the_caller() {
    let options = Options { api: Api::Pipelined, ..Options::default() };
    for bursts in [None, Some(4), Some(8)] {
        let emulator = emulator(bursts.unwrap_or(1) as usize);
        let device = emulator.open(0).unwrap();
        let mut network = device.configure(&model(bursts, |_| ()), &options).unwrap();
        for _ in 0..2 {
            let mut active = network.activate().unwrap();
            assert!(active.capacity() > 1);
            pipelined(&mut active, 200, |number, _, output| {
                assert_eq!(output, frame(&counts(number), output.len()), "bursts of {bursts:?}, frame {number}");
            });
            // Some stay under way.
            for _ in 0..2 {
                let frame = active.allocate_frame().unwrap();
                active.submit(frame).unwrap();
            }
            active.deactivate().unwrap();
        }
        drop((network, device));
        assert!(emulator.machine().report().is_clean());
    }
}

#[test]
fn boxes_come_beside_each_other_and_other_outputs() {
    for (boxes, plain) in [(&[0, 1][..], None), (&[1], Some(0)), (&[0], Some(1))] {
        for api in [Api::Blocking, Api::Pipelined] {
            let model = with_boxes(2, boxes, Some(2), |_| ());
            let sender = Sender { burst: 2, plain: plain.map(|index| 16 + index) };
            let firmware = move |_| BoardFirmware::default().computing(sender);
            let machine = Machine::builder().firmware(firmware).build().unwrap();
            let device = Emulator::with_machine(machine, "mock").open(0).unwrap();
            let mut network = device.configure(&model, &Options { api, ..Options::default() }).unwrap();
            let mut active = network.activate().unwrap();
            let look = |number: u8, index: usize, output: &[u8]| {
                if plain == Some(index as u8) {
                    assert!(output.iter().all(|byte| *byte == counts(number)[0]), "frame {number}");
                } else {
                    assert_eq!(output, frame(&counts(number), output.len()), "frame {number}");
                }
            };
            if api == Api::Pipelined {
                pipelined(&mut active, 100, look);
                continue;
            }
            let mut input = vec![0; active.inputs()[0].frame_size()];
            let mut outputs: Vec<_> = active.outputs().iter().map(|output| vec![9; output.frame_size()]).collect();
            for number in 0..100 {
                input[..4].copy_from_slice(&counts(number));
                let mut outputs: Vec<&mut [u8]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
                active.infer(&[&input], &mut outputs, TIMEOUT).unwrap();
                outputs.iter().enumerate().for_each(|(index, output)| look(number, index, output));
            }
        }
    }
}

#[test]
fn boxes_are_read_or_come_with_whole_frames() {
    let device = emulator(1).open(0).unwrap();
    let options = Options { api: Api::Pipelined, ..Options::default() };
    let mut network = device.configure(&model(None, |_| ()), &options).unwrap();
    let mut active = network.activate().unwrap();
    let mut output = vec![9; active.outputs()[0].frame_size()];
    // Each stream for itself.
    for number in 0..100 {
        let mut input = active.inputs()[0].allocate().unwrap();
        input.as_mut_slice()[..4].copy_from_slice(&counts(number));
        let sent = active.inputs()[0].launch(input).unwrap();
        active.outputs()[0].read(&mut output, TIMEOUT).unwrap();
        assert_eq!(output, frame(&counts(number), output.len()));
        sent.wait(TIMEOUT).unwrap();
    }
    let buffer = active.outputs()[0].allocate().unwrap();
    assert_eq!(buffer.len(), output.len());
    let (error, buffer) = active.outputs()[0].launch(buffer).unwrap_err();
    assert!(matches!(error, Error::ManyTransfers { .. }) && buffer.is_some(), "{error}");
    // No frame is there to be received.
    let short = Duration::from_millis(20);
    assert!(matches!(active.outputs()[0].read(&mut output, short), Err(Error::Device(_))));
    // What belongs to a frame that was submitted is not given to anybody else.
    let mut whole = active.allocate_frame().unwrap();
    whole.inputs[0].as_mut_slice()[..4].copy_from_slice(&counts(5));
    active.submit(whole).unwrap();
    assert!(matches!(active.outputs()[0].read(&mut output, TIMEOUT), Err(Error::OtherApi { .. })));
    let whole = active.receive(TIMEOUT).unwrap();
    assert_eq!(whole.outputs[0].as_slice(), frame(&counts(5), output.len()));
}

#[test]
fn more_boxes_than_the_model_allows_are_an_error() {
    for api in [Api::Blocking, Api::Pipelined] {
        let device = emulator(1).open(0).unwrap();
        let mut network = device.configure(&model(None, |_| ()), &Options { api, ..Options::default() }).unwrap();
        let mut active = network.activate().unwrap();
        let error = match api {
            Api::Blocking => {
                let mut input = vec![0; active.inputs()[0].frame_size()];
                input[0] = 7;
                let mut output = vec![9; active.outputs()[0].frame_size()];
                active.infer(&[&input], &mut [&mut output], TIMEOUT).unwrap_err()
            }
            Api::Pipelined => {
                // The second frame is sound, but nobody knows where it begins.
                for first in [7, 1] {
                    let mut frame = active.allocate_frame().unwrap();
                    frame.inputs[0].as_mut_slice().fill(0);
                    frame.inputs[0].as_mut_slice()[0] = first;
                    active.submit(frame).unwrap();
                }
                active.receive(TIMEOUT).unwrap_err();
                active.receive(TIMEOUT).unwrap_err()
            }
        };
        assert!(matches!(error, Error::Boxes { .. }), "{error}");
        assert_eq!(active.in_flight(), 0);
    }
}

#[test]
fn what_cannot_be_put_together_is_refused_by_name() {
    let refused = |model: Model, api: Api| {
        let refusal = model.can_run().unwrap_err().to_string();
        let device = emulator(1).open(0).unwrap();
        let mut network = device.configure(&model, &Options { api, ..Options::default() }).unwrap();
        let error = network.activate().unwrap_err();
        assert!(matches!(&error, Error::Refused(_)) && error.to_string().contains(&refusal), "{error}");
        refusal
    };
    let output = model(None, |_| ()).outputs().next().unwrap().tensor.name.clone();
    for (model, api, what) in [
        (model(None, |info| info.input_division_factor = 2), Api::Blocking, "2 chunks"),
        (model(None, |info| info.bbox_size = 16), Api::Pipelined, "boxes of 16 bytes"),
    ] {
        let description = model.hef().describe().to_string();
        let refusal = refused(model, api);
        assert!(refusal.contains(&output) && refusal.contains(what), "{refusal}");
        assert!(description.contains(what), "{description}");
    }
}
