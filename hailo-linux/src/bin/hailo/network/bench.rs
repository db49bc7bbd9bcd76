//! `hailo bench`: how many frames a network does, and how long one takes.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use hailo_linux::Device;
use hailo_linux::network::Model;
use serde::Serialize;

use super::statistics::{Latencies, Summary};
use super::{Interface, progress};
use crate::Global;
use crate::failure::Failure;
use crate::output::{Output, Paper, Report};

/// Measure throughput and latency of a compiled network
///
/// Throughput is measured with as many frames under way as the network takes, latency with one at a time. Frames are
/// generated once, in the device's form, so that only driver and device are measured.
#[derive(Args)]
#[command(after_help = "Examples:\n  hailo bench arcface.hef\n  hailo bench arcface.hef --duration 2 --batch 8 --json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    network: super::NetworkArguments,
    /// How long each of the two is measured
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = crate::parse::seconds)]
    duration: Duration,
}

#[derive(Serialize)]
struct Throughput {
    frames: u64,
    seconds: f64,
    frames_per_second: f64,
    /// Frames under way at a time.
    depth: usize,
    /// Of a frame among all that were under way, in microseconds.
    latency_us: Option<Summary>,
}

#[derive(Serialize)]
struct Latency {
    frames: u64,
    seconds: f64,
    frames_per_second: f64,
    /// Of a frame that was alone, in microseconds.
    latency_us: Option<Summary>,
}

#[derive(Serialize)]
struct Bench {
    model: PathBuf,
    group: String,
    device: String,
    batch: u16,
    /// What configuring took, in milliseconds.
    configure_ms: f64,
    throughput: Throughput,
    latency: Latency,
}

impl Report for Bench {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        let Self { model, group, device, batch, configure_ms, throughput, latency } = self;
        writeln!(out, "Model        {}, group {group}", model.display())?;
        writeln!(out, "Device       {device}, batch {batch}, configured in {configure_ms:.2} ms")?;
        let Throughput { frames, seconds, frames_per_second, depth, .. } = throughput;
        writeln!(
            out,
            "Throughput   {frames_per_second:.1} frames per second ({frames} in {seconds:.2} s, {depth} at a time)"
        )?;
        if let Some(summary) = &latency.latency_us {
            writeln!(out, "Latency      {summary} ({} frames, one at a time)", latency.frames)?;
        }
        Ok(())
    }
}

/// Fills a frame with something other than zeros.
fn pattern(bytes: &mut [u8]) {
    bytes.iter_mut().enumerate().for_each(|(index, byte)| *byte = (index * 31 % 251) as u8);
}

fn throughput(arguments: &Arguments, device: &Device, model: &Model) -> Result<(f64, Throughput), Failure> {
    let begin = Instant::now();
    let mut configured = arguments.network.configure(device, model, Interface::Pipelined)?;
    let configure_ms = begin.elapsed().as_secs_f64() * 1000.0;
    let mut active = configured.activate()?;
    let depth = active.capacity();
    let bar = progress(None);
    let mut latencies = Latencies::new();
    let mut starts = std::collections::VecDeque::with_capacity(depth);
    let start = Instant::now();
    while active.in_flight() < depth {
        let mut frame = active.allocate_frame()?;
        frame.inputs.iter_mut().for_each(|buffer| pattern(buffer.as_mut_slice()));
        starts.push_back(Instant::now());
        active.submit(frame).map_err(|error| error.error)?;
    }
    let mut frames = 0;
    while active.in_flight() > 0 {
        let frame = active.receive(arguments.network.timeout)?;
        arguments.network.frame_is_through(&mut active)?;
        frames += 1;
        bar.inc(1);
        if let Some(start) = starts.pop_front() {
            latencies.add(start.elapsed());
        }
        if start.elapsed() < arguments.duration {
            starts.push_back(Instant::now());
            active.submit(frame).map_err(|error| error.error)?;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    bar.finish_and_clear();
    active.deactivate()?;
    let frames_per_second = frames as f64 / seconds;
    Ok((configure_ms, Throughput { frames, seconds, frames_per_second, depth, latency_us: latencies.summary() }))
}

fn latency(arguments: &Arguments, device: &Device, model: &Model) -> Result<Latency, Failure> {
    let mut configured = arguments.network.configure(device, model, Interface::Blocking)?;
    let mut active = configured.activate()?;
    let mut sent: Vec<Vec<u8>> = active.inputs().iter().map(|input| vec![0; input.frame_size()]).collect();
    sent.iter_mut().for_each(|frame| pattern(frame));
    let mut came: Vec<Vec<u8>> = active.outputs().iter().map(|output| vec![0; output.frame_size()]).collect();
    let bar = progress(None);
    let mut latencies = Latencies::new();
    let mut frames = 0;
    let start = Instant::now();
    while frames == 0 || start.elapsed() < arguments.duration {
        let inputs: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
        let mut outputs: Vec<&mut [u8]> = came.iter_mut().map(Vec::as_mut_slice).collect();
        let begin = Instant::now();
        active.infer(&inputs, &mut outputs, arguments.network.timeout)?;
        arguments.network.frame_is_through(&mut active)?;
        latencies.add(begin.elapsed());
        frames += 1;
        bar.inc(1);
    }
    let seconds = start.elapsed().as_secs_f64();
    bar.finish_and_clear();
    active.deactivate()?;
    Ok(Latency { frames, seconds, frames_per_second: frames as f64 / seconds, latency_us: latencies.summary() })
}

pub(crate) fn run(arguments: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let model = arguments.network.load()?;
    arguments.network.check(&model)?;
    let device = super::NetworkArguments::open(global)?;
    let (configure_ms, throughput) = throughput(arguments, &device, &model)?;
    let latency = latency(arguments, &device, &model)?;
    output.report(&Bench {
        model: arguments.network.model.clone(),
        group: model.group().name.clone(),
        device: device.name().to_owned(),
        batch: arguments.network.batch,
        configure_ms,
        throughput,
        latency,
    })?;
    Ok(ExitCode::SUCCESS)
}
