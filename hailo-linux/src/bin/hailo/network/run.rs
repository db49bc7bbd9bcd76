//! `hailo run`: frames from files, or generated ones, through a network.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use clap::{Args, ValueEnum};
use hailo_linux::network::{Active, Model};
use indicatif::ProgressBar;
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::statistics::{Latencies, Summary};
use super::streams::{Input, Kind, Output as OutputStream, kind_name};
use super::{Interface, progress};
use crate::failure::{Failure, SIGNALLED};
use crate::output::{Output, Paper, Report};
use crate::record::{Record, RecordArguments};
use crate::{Global, device};

/// Run a compiled network
///
/// Inputs are raw bytes or .npy files with one frame or several, which are repeated as needed; without --input frames are
/// generated. Values are those of the model, or, as float32, quantised and dequantised here. Frames of an order that has no
/// transform are taken as the device has them.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    hailo run arcface.hef --frames 100 --device mock\n  \
    hailo run arcface.hef --input face.npy --output results --type float32\n  \
    hailo run two-inputs.hef --input left=left.raw --input right=right.raw --api pipelined")]
pub(crate) struct Arguments {
    #[command(flatten)]
    network: super::NetworkArguments,
    /// Frames of an input: FILE, or STREAM=FILE for a network with several
    #[arg(long, value_name = "FILE")]
    input: Vec<String>,
    /// Write the results into this directory
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// What results are written as
    #[arg(long, value_enum, default_value_t = FileFormat::Npy)]
    format: FileFormat,
    /// What values are on this side; .npy files say it themselves
    #[arg(long = "type", value_enum, default_value_t = Kind::Auto)]
    kind: Kind,
    /// How many frames [default: those of the files, or 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,
    /// How frames are given to the network
    #[arg(long, value_enum, default_value_t = Interface::Blocking)]
    api: Interface,
    #[command(flatten)]
    record: RecordArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    /// NumPy's
    Npy,
    /// Bytes as they are
    Raw,
}

/// How many frames are run if nobody says.
const FRAMES: u64 = 100;

#[derive(Serialize)]
struct Stream {
    name: String,
    direction: &'static str,
    r#type: &'static str,
    shape: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Ran {
    model: PathBuf,
    group: String,
    device: String,
    api: &'static str,
    batch: u16,
    /// What configuring took, in milliseconds.
    configure_ms: f64,
    frames: u64,
    seconds: f64,
    frames_per_second: f64,
    /// In microseconds.
    latency_us: Option<Summary>,
    bytes_to_device: u64,
    bytes_from_device: u64,
    outputs: Vec<Stream>,
}

impl Report for Ran {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        let Self { model, group, device, api, batch, .. } = self;
        writeln!(out, "Model        {}, group {group}", model.display())?;
        writeln!(out, "Device       {device}, {api}, batch {batch}, configured in {:.2} ms", self.configure_ms)?;
        let Self { frames, seconds, frames_per_second, .. } = self;
        writeln!(out, "Frames       {frames} in {seconds:.3} s, {frames_per_second:.1} per second")?;
        if let Some(latency) = &self.latency_us {
            writeln!(out, "Latency      {latency}")?;
        }
        writeln!(out, "Bytes        {} to the device, {} from it", self.bytes_to_device, self.bytes_from_device)?;
        for Stream { name, r#type, shape, file, .. } in &self.outputs {
            let file = file.as_ref().map_or_else(String::new, |file| format!(", written to {}", file.display()));
            writeln!(
                out,
                "Output       {name}: {} {type}{file}",
                shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
            )?;
        }
        Ok(())
    }
}

/// Which file belongs to which input.
fn assign<'a>(given: &'a [String], names: &[String]) -> Result<Vec<Option<&'a Path>>, Failure> {
    let mut files = vec![None; names.len()];
    for text in given {
        // A name has no equals sign, but a path may.
        let named =
            text.split_once('=').and_then(|(name, file)| Some((names.iter().position(|known| known == name)?, file)));
        let (place, file) = match named {
            Some(found) => found,
            None if names.len() == 1 && (!text.contains('=') || Path::new(text).exists()) => (0, text.as_str()),
            None => {
                let known = names.join(", ");
                return Err(Failure::new(format_args!(
                    "--input {text} names no input; give STREAM=FILE, the streams are {known}"
                )));
            }
        };
        if files[place].replace(Path::new(file)).is_some() {
            return Err(Failure::new(format_args!("the input {} has two files; give it one", names[place])));
        }
    }
    Ok(files)
}

/// Everything that frames come from and go to.
struct Traffic<'a> {
    record: &'a Record,
    inputs: Vec<Input>,
    outputs: Vec<OutputStream>,
    latencies: Latencies,
    bar: ProgressBar,
    interrupted: Arc<AtomicUsize>,
}

impl Traffic<'_> {
    fn landed(&mut self, start: Instant) {
        self.latencies.add(start.elapsed());
        self.bar.inc(1);
        if self.bar.position().is_multiple_of(16) {
            self.bar.set_message(format!(", {:.0} µs each", self.latencies.mean()));
        }
    }

    /// Fails if somebody wants this to end.
    fn go_on(&self) -> Result<(), Failure> {
        match self.interrupted.load(Ordering::Relaxed) {
            0 => Ok(()),
            signal => {
                self.bar.finish_and_clear();
                Err(Failure::Interrupted { frames: self.bar.position(), signal: signal as u8 })
            }
        }
    }

    /// One frame after the other.
    fn blocking(&mut self, active: &mut Active<'_>, frames: u64, arguments: &Arguments) -> Result<(), Failure> {
        let mut sent: Vec<Vec<u8>> = self.inputs.iter().map(|input| vec![0; input.device_size]).collect();
        let mut came: Vec<Vec<u8>> = active.outputs().iter().map(|output| vec![0; output.frame_size()]).collect();
        for number in 0..frames {
            self.go_on()?;
            for (input, frame) in self.inputs.iter().zip(&mut sent) {
                input.fill(number, frame)?;
            }
            self.record.mark_frame(number);
            let start = Instant::now();
            let inputs: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
            let mut outputs: Vec<&mut [u8]> = came.iter_mut().map(Vec::as_mut_slice).collect();
            active.infer(&inputs, &mut outputs, arguments.network.timeout)?;
            arguments.network.frame_is_through(active)?;
            self.landed(start);
            for (output, frame) in self.outputs.iter_mut().zip(&came) {
                output.take(frame)?;
            }
        }
        Ok(())
    }

    /// As many frames at a time as the network takes.
    fn pipelined(&mut self, active: &mut Active<'_>, frames: u64, arguments: &Arguments) -> Result<(), Failure> {
        let mut starts = VecDeque::with_capacity(active.capacity());
        let mut spare = Vec::new();
        let mut submitted = 0;
        for _ in 0..frames {
            self.go_on()?;
            while submitted < frames && active.in_flight() < active.capacity() {
                let mut frame = match spare.pop() {
                    Some(frame) => frame,
                    None => active.allocate_frame()?,
                };
                for (input, buffer) in self.inputs.iter().zip(&mut frame.inputs) {
                    input.fill(submitted, buffer.as_mut_slice())?;
                }
                self.record.mark_frame(submitted);
                starts.push_back(Instant::now());
                active.submit(frame).map_err(|error| error.error)?;
                submitted += 1;
            }
            let frame = active.receive(arguments.network.timeout)?;
            arguments.network.frame_is_through(active)?;
            self.landed(starts.pop_front().unwrap_or_else(Instant::now));
            for (output, buffer) in self.outputs.iter_mut().zip(&frame.outputs) {
                output.take(buffer.as_slice())?;
            }
            spare.push(frame);
        }
        Ok(())
    }
}

/// The signal by which somebody wants this to end, or 0. The second one ends the process at once.
fn interruption() -> io::Result<Arc<AtomicUsize>> {
    let interrupted = Arc::new(AtomicUsize::new(0));
    let twice = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let status = i32::from(SIGNALLED) + signal;
        signal_hook::flag::register_conditional_shutdown(signal, status, Arc::clone(&twice))?;
        signal_hook::flag::register(signal, Arc::clone(&twice))?;
        signal_hook::flag::register_usize(signal, Arc::clone(&interrupted), signal as usize)?;
    }
    Ok(interrupted)
}

fn inputs(arguments: &Arguments, model: &Model) -> Result<Vec<Input>, Failure> {
    let names: Vec<_> = model.inputs().map(|layer| layer.tensor.name.clone()).collect();
    let files = assign(&arguments.input, &names)?;
    model.inputs().zip(files).map(|(layer, file)| Input::new(layer, arguments.kind, file)).collect()
}

pub(crate) fn run(arguments: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let model = arguments.network.load()?;
    arguments.network.check(&model)?;
    let inputs = inputs(arguments, &model)?;
    if let Some(directory) = &arguments.output {
        std::fs::create_dir_all(directory).map_err(|error| Failure::file("create the directory", directory, &error))?;
    }
    let record = arguments.record.begin()?;
    record.mark("create");
    let device = device::open_recorded(global, &record)?;
    record.mark("configure");
    let begin = Instant::now();
    let mut configured = arguments.network.configure(&device, &model, arguments.api)?;
    let configure_ms = begin.elapsed().as_secs_f64() * 1000.0;
    record.mark("activate");
    let mut active = configured.activate()?;
    let outputs = model.outputs().zip(active.outputs().iter()).map(|(layer, stream)| {
        OutputStream::new(layer, arguments.kind, stream.frame_size(), arguments.output.is_some())
    });
    let outputs = outputs.collect::<Result<Vec<_>, _>>()?;
    let from_files = inputs.iter().filter(|input| input.source.is_some()).map(Input::count).max();
    let frames = arguments.frames.or(from_files).unwrap_or(FRAMES);
    let to_device: usize = inputs.iter().map(|input| input.device_size).sum();
    let from_device: usize = active.outputs().iter().map(|output| output.frame_size()).sum();
    let mut traffic = Traffic {
        record: &record,
        inputs,
        outputs,
        latencies: Latencies::new(),
        bar: progress(Some(frames)),
        interrupted: interruption()?,
    };
    let start = Instant::now();
    match arguments.api {
        Interface::Blocking => traffic.blocking(&mut active, frames, arguments)?,
        Interface::Pipelined => traffic.pipelined(&mut active, frames, arguments)?,
    }
    let seconds = start.elapsed().as_secs_f64();
    traffic.bar.finish_and_clear();
    record.mark("deactivate");
    active.deactivate()?;
    record.mark("release_network_group");
    drop(configured);
    let device_name = device.name().to_owned();
    record.mark("destroy_device");
    drop(device);
    record.mark("end");
    record.finish()?;
    let mut written = Vec::new();
    for stream in &mut traffic.outputs {
        let file = match &arguments.output {
            Some(directory) => stream.write(directory, arguments.format == FileFormat::Raw)?,
            None => None,
        };
        written.push(Stream {
            name: stream.name.clone(),
            direction: "output",
            r#type: kind_name(stream.kind()),
            shape: stream.shape().to_vec(),
            file,
        });
    }
    output.report(&Ran {
        model: arguments.network.model.clone(),
        group: model.group().name.clone(),
        device: device_name,
        api: arguments.api.name(),
        batch: arguments.network.batch,
        configure_ms,
        frames,
        seconds,
        frames_per_second: frames as f64 / seconds,
        latency_us: traffic.latencies.summary(),
        bytes_to_device: frames * to_device as u64,
        bytes_from_device: frames * from_device as u64,
        outputs: written,
    })?;
    Ok(ExitCode::SUCCESS)
}
