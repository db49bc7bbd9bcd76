//! [`FullyConnected`]: a small quantised network whose result anyone can recompute.

use super::Accelerator;
use crate::device::Outputs;

/// One fully connected layer in integers: `output = clamp((Σ weight · input + bias) >> shift)`, bytes in, bytes out.
///
/// Every output is a byte; inputs are bytes, weights signed bytes, sums 32 bits wide. The shift rounds towards minus
/// infinity; the result is cut to 0 to 255.
#[derive(Clone, Debug)]
pub struct FullyConnected {
    inputs: usize,
    input_channel: u8,
    output_channel: u8,
    /// Row by row: all weights of the first output, then those of the second, and so on.
    weights: Vec<i8>,
    biases: Vec<i32>,
    shift: u32,
    frame: Vec<u8>,
    result: Vec<u8>,
}

impl FullyConnected {
    /// A network with weights and biases that follow from a seed, on channels 0 and 16.
    #[must_use]
    pub fn new(inputs: usize, outputs: usize, seed: u64) -> Self {
        let mut state = seed;
        let mut next = || {
            // splitmix64: every seed, zero too, gives well mixed numbers.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ mixed >> 31
        };
        let weights = (0..inputs * outputs).map(|_| (next() as u8).cast_signed()).collect();
        let biases = (0..outputs).map(|_| i32::from(next() as u16)).collect();
        // Sums grow with the square root of the number of inputs.
        let shift = 6 + inputs.max(1).ilog2() / 2;
        Self::with_weights(inputs, weights, biases, shift)
    }

    /// A network with these weights, row by row, and one bias per output, on channels 0 and 16. Missing weights are 0.
    #[must_use]
    pub fn with_weights(inputs: usize, mut weights: Vec<i8>, biases: Vec<i32>, shift: u32) -> Self {
        weights.resize(inputs * biases.len(), 0);
        Self {
            inputs,
            input_channel: 0,
            output_channel: 16,
            weights,
            biases,
            shift: shift.min(31),
            frame: Vec::with_capacity(inputs),
            result: Vec::new(),
        }
    }

    /// The same network on other channels.
    #[must_use]
    pub fn on_channels(mut self, input: u8, output: u8) -> Self {
        self.input_channel = input;
        self.output_channel = output;
        self
    }

    /// The bytes of a frame.
    #[must_use]
    pub fn input_size(&self) -> usize {
        self.inputs
    }

    /// The bytes of a result.
    #[must_use]
    pub fn output_size(&self) -> usize {
        self.biases.len()
    }

    /// The result for one frame. Missing inputs count as 0, surplus ones are ignored.
    #[must_use]
    pub fn infer(&self, frame: &[u8]) -> Vec<u8> {
        let mut result = Vec::with_capacity(self.output_size());
        self.infer_into(frame, &mut result);
        result
    }

    fn infer_into(&self, frame: &[u8], result: &mut Vec<u8>) {
        for (output, bias) in self.biases.iter().enumerate() {
            let row = &self.weights[output * self.inputs..][..self.inputs];
            let sum = row
                .iter()
                .zip(frame)
                .fold(*bias, |sum, (weight, input)| sum.wrapping_add(i32::from(*weight) * i32::from(*input)));
            result.push((sum >> self.shift).clamp(0, 255) as u8);
        }
    }
}

impl Accelerator for FullyConnected {
    fn input(&mut self, channel: u8, mut bytes: &[u8], outputs: &mut Outputs) {
        if channel != self.input_channel || self.inputs == 0 {
            return;
        }
        while !bytes.is_empty() {
            let count = bytes.len().min(self.inputs - self.frame.len());
            let (piece, rest) = bytes.split_at(count);
            self.frame.extend_from_slice(piece);
            bytes = rest;
            if self.frame.len() == self.inputs {
                let mut result = std::mem::take(&mut self.result);
                result.clear();
                self.infer_into(&self.frame, &mut result);
                outputs.push(self.output_channel, &result);
                self.result = result;
                self.frame.clear();
            }
        }
    }

    fn reset(&mut self, channel: u8, outputs: &mut Outputs) {
        if channel == self.input_channel || channel == self.output_channel {
            self.frame.clear();
            outputs.clear(self.output_channel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_is_what_the_formula_says() {
        let network = FullyConnected::with_weights(3, vec![1, 2, 3, -1, 0, 100], vec![8, 0], 2);
        assert_eq!(network.infer(&[1, 1, 1]), [3, 24]);
        assert_eq!(network.infer(&[255, 0, 0]), [65, 0]);
        assert_eq!(network.infer(&[0, 0, 255]), [193, 255]);
    }

    #[test]
    fn outputs_vary() {
        let network = FullyConnected::new(256, 64, 1);
        let results: Vec<_> = (0..=255u8).map(|value| network.infer(&[value; 256])).collect();
        assert!(results.iter().flatten().any(|byte| *byte != 0 && *byte != 255));
        assert_ne!(results[1], results[200]);
    }
}
