//! [`NetworkFunction`]: what an emulated network computes, and the accelerator that computes it frame by frame.

use std::fmt;
use std::sync::Arc;

use super::caches::CacheGate;
use crate::accelerator::Accelerator;
use crate::device::Outputs;

/// One frame of an input, as it came over its channel: in the device's format, padded.
#[derive(Clone, Copy, Debug)]
pub struct InputFrame<'a> {
    /// The channel.
    pub channel: u8,
    /// The frame.
    pub bytes: &'a [u8],
}

/// What a network computes. The weights of a compiled network mean nothing to the emulator; this stands in for them.
pub trait NetworkFunction: Send + Sync + fmt::Debug {
    /// Writes the frame of the output on `channel` for one frame of every input, in ascending order of the channels.
    fn compute(&self, inputs: &[InputFrame<'_>], channel: u8, output: &mut [u8]);

    /// Sends what the output on `channel` has for one frame of every input: what [`compute`](Self::compute) writes. Another
    /// function may send as much as it likes, as non-maximum suppression does; it fills the transfers that the host has
    /// launched. `output` is room for a frame by the registers of the stream.
    fn send(&self, inputs: &[InputFrame<'_>], channel: u8, output: &mut [u8], send: &mut dyn FnMut(&[u8])) {
        self.compute(inputs, channel, output);
        send(output);
    }
}

/// The function of networks if nothing else is said: byte `i` of the output on channel `c` is the low byte of the sum of
/// all bytes of all inputs, of `c` and of `i`. So an output shows which frame it belongs to, and anybody can recompute it.
///
/// ```
/// use hailo_mock::{InputFrame, NetworkFunction, Pattern};
/// let mut output = [0; 3];
/// Pattern.compute(&[InputFrame { channel: 2, bytes: &[1, 2, 3] }], 16, &mut output);
/// assert_eq!(output, [22, 23, 24]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Pattern;

impl NetworkFunction for Pattern {
    fn compute(&self, inputs: &[InputFrame<'_>], channel: u8, output: &mut [u8]) {
        let sum = inputs.iter().flat_map(|input| input.bytes).fold(channel, |sum, byte| sum.wrapping_add(*byte));
        for (index, byte) in output.iter_mut().enumerate() {
            *byte = sum.wrapping_add(index as u8);
        }
    }
}

/// A boundary stream of a network: its channel and what has come of the frame.
#[derive(Debug)]
pub(super) struct Stream {
    channel: u8,
    frame_size: usize,
    bytes: Vec<u8>,
}

impl Stream {
    /// Adds the stream of a channel, which several contexts may name, keeping the order of channels.
    pub(super) fn add(streams: &mut Vec<Self>, channel: u8, frame_size: usize) {
        if let Err(place) = streams.binary_search_by_key(&channel, |stream| stream.channel) {
            streams.insert(place, Self { channel, frame_size, bytes: Vec::new() });
        }
    }
}

/// Collects frames of all inputs and computes those of all outputs.
#[derive(Debug)]
pub(super) struct NetworkAccelerator {
    inputs: Vec<Stream>,
    outputs: Vec<Stream>,
    function: Arc<dyn NetworkFunction>,
    /// For a network with caches.
    gate: Option<Arc<CacheGate>>,
}

/// So many frames of an input wait at a gate; then the host does.
const FRAMES_AT_GATE: usize = 4;

impl NetworkAccelerator {
    pub(super) fn new(
        inputs: Vec<Stream>,
        outputs: Vec<Stream>,
        function: Arc<dyn NetworkFunction>,
        gate: Option<Arc<CacheGate>>,
    ) -> Self {
        Self { inputs, outputs, function, gate }
    }

    fn is_stopped(&self) -> bool {
        self.gate.as_ref().is_some_and(|gate| gate.is_closed())
    }

    /// Computes as many frames as have come on every input.
    fn compute(&mut self, outputs: &mut Outputs) {
        let complete = |stream: &Stream| stream.frame_size > 0 && stream.bytes.len() >= stream.frame_size;
        while !self.is_stopped() && !self.inputs.is_empty() && self.inputs.iter().all(complete) {
            {
                let frames: Vec<InputFrame<'_>> = self
                    .inputs
                    .iter()
                    .map(|input| InputFrame { channel: input.channel, bytes: &input.bytes[..input.frame_size] })
                    .collect();
                for output in &mut self.outputs {
                    output.bytes.resize(output.frame_size, 0);
                    let channel = output.channel;
                    self.function.send(&frames, channel, &mut output.bytes, &mut |bytes| outputs.push(channel, bytes));
                }
            }
            for input in &mut self.inputs {
                input.bytes.drain(..input.frame_size);
            }
            if let Some(gate) = &self.gate {
                gate.close();
            }
        }
    }
}

impl Accelerator for NetworkAccelerator {
    fn input(&mut self, channel: u8, bytes: &[u8], outputs: &mut Outputs) {
        if let Some(stream) = self.inputs.iter_mut().find(|stream| stream.channel == channel) {
            stream.bytes.extend_from_slice(bytes);
            self.compute(outputs);
        }
    }

    fn is_full(&self, channel: u8) -> bool {
        let many = |stream: &Stream| stream.bytes.len() >= FRAMES_AT_GATE * stream.frame_size;
        self.is_stopped() && self.inputs.iter().any(|stream| stream.channel == channel && many(stream))
    }

    fn resume(&mut self, outputs: &mut Outputs) {
        self.compute(outputs);
    }

    fn reset(&mut self, channel: u8, outputs: &mut Outputs) {
        for stream in &mut self.inputs {
            stream.bytes.clear();
        }
        outputs.clear(channel);
    }
}
