//! [`Inference`]: frames through the small network of the emulator, each result checked (feature `emulator`).
//!
//! The whole path is that of a real network: buffers are mapped, lists created, channels enabled and started, transfers
//! launched and waited for. Only the start of the channels is a bench control, since there is no configured network.

use std::collections::VecDeque;
use std::time::Duration;

use hailo_abi::ChannelId;
use hailo_mock::{FullyConnected, Machine, MachineOptions};

use crate::device::Device;
use crate::device::buffer::{Direction, DmaBuffer};
use crate::device::channel::Channel;
use crate::device::channels::Channels;
use crate::device::transfer::Transfer;
use crate::emulator::{self, Emulator};
use crate::error::{Error, ErrorKind, Result};

/// The channel that frames go to the device on.
pub const INPUT_CHANNEL: ChannelId = ChannelId::new(0);
/// The channel that results come back on.
pub const OUTPUT_CHANNEL: ChannelId = ChannelId::new(16);

/// What is run, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InferOptions {
    /// The bytes of a frame.
    pub inputs: usize,
    /// The bytes of a result.
    pub outputs: usize,
    /// What weights and frames follow from.
    pub seed: u64,
    /// How many frames are under way at once.
    pub depth: usize,
    /// The page size of the descriptor lists, in bytes, or what the device takes at most if that is less.
    pub page_size: u32,
    /// How long a frame may take.
    pub timeout: Duration,
}

impl Default for InferOptions {
    fn default() -> Self {
        Self { inputs: 1024, outputs: 64, seed: 1, depth: 4, page_size: 512, timeout: Duration::from_secs(10) }
    }
}

impl InferOptions {
    /// The network that they describe.
    #[must_use]
    pub fn network(&self) -> FullyConnected {
        let channels = (INPUT_CHANNEL.index, OUTPUT_CHANNEL.index);
        FullyConnected::new(self.inputs.max(1), self.outputs.max(1), self.seed).on_channels(channels.0, channels.1)
    }

    /// An emulated computer whose boards compute that network.
    ///
    /// # Errors
    /// [`ErrorKind::BadName`] if there is no computer with such options.
    pub fn emulator(&self, machine: MachineOptions, name: &str) -> Result<Emulator> {
        let network = self.network();
        let machine = Machine::builder().options(machine).accelerator(move |_| network.clone()).build();
        let machine = machine
            .map_err(|error| Error::new(name, "emulate the device", ErrorKind::BadName(error.to_string().into())))?;
        Emulator::with_machine(machine, name).with_faults(emulator::strikes(name)?)
    }
}

/// How far an inference has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InferReport {
    /// Frames whose result came back.
    pub frames: u64,
    /// Those whose result was not what the host computed.
    pub mismatches: u64,
    /// Bytes of frames and results together.
    pub bytes: u64,
}

struct Frame {
    receive: Transfer,
    send: Transfer,
}

/// A running inference. Dropping it stops and disables the channels.
pub struct Inference {
    // In the order in which they are dropped, after `drop` has stopped the channels.
    under_way: VecDeque<Frame>,
    idle: Vec<(DmaBuffer, DmaBuffer)>,
    channels: Channels,
    input: Channel,
    output: Channel,
    device: Device,
    network: FullyConnected,
    options: InferOptions,
    next: u64,
    report: InferReport,
}

impl Inference {
    /// Maps buffers, creates lists, enables the channels and starts them.
    ///
    /// # Errors
    /// [`ErrorKind::Firmware`] if the firmware is not that of a bench: on a real board it starts channels only for a
    /// configured network. Otherwise what failed.
    pub fn start(device: &Device, options: InferOptions) -> Result<Self> {
        let network = options.network();
        let (inputs, outputs) = (network.input_size(), network.output_size());
        let depth = options.depth.clamp(1, crate::limits::MAX_PENDING_TRANSFERS);
        let buffers = || {
            let input = device.allocate(inputs, Direction::ToDevice)?;
            Ok((input, device.allocate(outputs, Direction::FromDevice)?))
        };
        let idle = (0..depth).map(|_| buffers()).collect::<Result<Vec<_>>>()?;
        let page_size = options.page_size.min(device.properties().desc_max_page_size.into());
        let list = |length: usize| {
            let descriptors = length.div_ceil(page_size.max(1) as usize) * depth + 1;
            let count = u32::try_from(descriptors.next_power_of_two()).unwrap_or(u32::MAX);
            device.create_descriptor_list(count, page_size, true)
        };
        let (input_list, output_list) = (list(inputs)?, list(outputs)?);
        let channels = device.enable_channels([INPUT_CHANNEL, OUTPUT_CHANNEL].into_iter().collect())?;
        let input = channels.open(INPUT_CHANNEL, input_list)?;
        let output = channels.open(OUTPUT_CHANNEL, output_list)?;
        let inference = Self {
            under_way: VecDeque::with_capacity(depth),
            idle,
            channels,
            input,
            output,
            device: device.clone(),
            network,
            options,
            next: 0,
            report: InferReport::default(),
        };
        inference.device.bench().start(&inference.output)?;
        inference.device.bench().start(&inference.input)?;
        Ok(inference)
    }

    /// How far it has got.
    #[must_use]
    pub fn report(&self) -> InferReport {
        self.report
    }

    /// Launches as many of `remaining` frames as can be under way, waits for the oldest and checks its result.
    ///
    /// # Errors
    /// What failed. The inference cannot go on then.
    pub fn step(&mut self, remaining: u64) -> Result<InferReport> {
        while self.next < self.report.frames + remaining {
            let Some((mut input, output)) = self.idle.pop() else { break };
            fill(input.as_mut_slice(), self.options.seed, self.next);
            let receive = self.output.launch(output)?;
            let send = self.input.launch(input)?;
            self.under_way.push_back(Frame { receive, send });
            self.next += 1;
        }
        if let Some(Frame { receive, send }) = self.under_way.pop_front() {
            let output = receive.wait(self.options.timeout)?;
            let input = send.wait(self.options.timeout)?;
            self.report.frames += 1;
            self.report.mismatches += u64::from(self.network.infer(input.as_slice()) != output.as_slice());
            self.report.bytes += (input.len() + output.len()) as u64;
            self.idle.push((input, output));
        }
        Ok(self.report)
    }

    /// Runs so many more frames, and calls `progress` after each.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn run(&mut self, frames: u64, mut progress: impl FnMut(InferReport)) -> Result<InferReport> {
        let end = self.report.frames + frames;
        while self.report.frames < end {
            let report = self.step(end - self.report.frames)?;
            progress(report);
        }
        Ok(self.report)
    }

    /// Stops and disables the channels, and says whether that went well.
    ///
    /// # Errors
    /// What failed.
    pub fn finish(self) -> Result<InferReport> {
        let stopped = self.device.bench().stop(&self.input).and(self.device.bench().stop(&self.output));
        let report = self.report;
        stopped.map(|()| report)
    }
}

impl Drop for Inference {
    fn drop(&mut self) {
        // If a channel cannot be stopped, what it may use is kept until the device is closed.
        let bench = self.device.bench();
        let _ = bench.stop(&self.input);
        let _ = bench.stop(&self.output);
        self.channels.close();
    }
}

/// The bytes of a frame: they follow from seed and number, and differ from frame to frame.
fn fill(bytes: &mut [u8], seed: u64, number: u64) {
    let mut state = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for chunk in bytes.chunks_mut(8) {
        // xorshift64*; a state of 0 would stay 0.
        state = state.max(1);
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let word = state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes();
        chunk.copy_from_slice(&word[..chunk.len()]);
    }
}
