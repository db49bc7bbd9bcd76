//! Boxes of non-maximum suppression, from an emulated device to the user.
#![cfg(feature = "emulator")]

use std::sync::Arc;
use std::time::Duration;

use hailo_linux::emulator::Emulator;
use hailo_linux::hef::{Hef, proto_layers};
use hailo_linux::network::{Api, Error, Model, Options};
use hailo_mock::{BoardFirmware, InputFrame, Machine, NetworkFunction};
use hailo_tests::models::artificial;
use hailo_tests::models::files::Builder;

const TIMEOUT: Duration = Duration::from_secs(20);
const CLASSES: u8 = 4;

/// Sends as many boxes of each class as the first bytes of the input say, in bursts of so many words.
#[derive(Clone, Copy, Debug)]
struct Sender {
    burst: usize,
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
    fn compute(&self, _: &[InputFrame<'_>], _: u8, _: &mut [u8]) {}

    fn send(&self, inputs: &[InputFrame<'_>], _: u8, _: &mut [u8], send: &mut dyn FnMut(&[u8])) {
        send(&self.words(&inputs[0].bytes[..CLASSES.into()]));
    }
}

/// A model with one input and boxes as its output.
fn model(bursts: Option<u32>, change: impl Fn(&mut proto_layers::NmsInfo)) -> Model {
    let made_up = artificial::file(1, 1);
    let builder = Builder::of_version_1(&made_up).with_boundary(1, |layer| {
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
    let firmware = move |_| BoardFirmware::default().computing(Sender { burst });
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
            let counts = [number % 7, 0, 6, number / 7 % 7];
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
fn more_boxes_than_the_model_allows_are_an_error() {
    let device = emulator(1).open(0).unwrap();
    let mut network = device.configure(&model(None, |_| ()), &Options::default()).unwrap();
    let mut active = network.activate().unwrap();
    let mut input = vec![0; active.inputs()[0].frame_size()];
    input[0] = 7;
    let mut output = vec![9; active.outputs()[0].frame_size()];
    let error = active.infer(&[&input], &mut [&mut output], TIMEOUT).unwrap_err();
    assert!(matches!(error, Error::Boxes { .. }), "{error}");
}

#[test]
fn what_cannot_be_put_together_is_refused_by_name() {
    let refused = |model: Model, api: Api| {
        let refusal = model.can_run(api).unwrap_err().to_string();
        let device = Arc::new(emulator(1)).open(0).unwrap();
        let mut network = device.configure(&model, &Options { api, ..Options::default() }).unwrap();
        let error = network.activate().unwrap_err();
        assert!(matches!(&error, Error::Refused(_)) && error.to_string().contains(&refusal), "{error}");
        refusal
    };
    let output = model(None, |_| ()).outputs().next().unwrap().tensor.name.clone();
    for (model, api, what) in [
        (model(None, |_| ()), Api::Pipelined, "only the blocking interface"),
        (model(None, |info| info.input_division_factor = 2), Api::Blocking, "2 chunks"),
        (model(None, |info| info.bbox_size = 16), Api::Blocking, "boxes of 16 bytes"),
    ] {
        let description = model.hef().describe().to_string();
        let refusal = refused(model, api);
        assert!(refusal.contains(&output) && refusal.contains(what), "{refusal}");
        assert_eq!(description.contains(what), api == Api::Blocking, "{description}");
    }
}
