//! What a frame of a network costs outside driver and copying: `cargo bench -p hailo-tests --bench network` (needs valgrind).
//!
//! The network is the one in the file that `HAILO_BENCH_MODEL` names, or a made-up one with one input and one output. It is
//! configured on the emulator; its frames go to a driver that does nothing, and reports one transfer after the other. In
//! blocking use one frame is under way at a time, in pipelined use as many as the network takes.
//!
//! Also how long loading and configuring it takes, on the emulated driver.

#[path = "../../../hailo-linux/tests/null_driver/allocations.rs"]
mod allocations;
mod callgrind;
#[path = "../../../hailo-linux/tests/null_driver/mod.rs"]
mod null_driver;

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use allocations::during;
use callgrind::Profile;
use hailo_linux::Device;
use hailo_linux::emulator::Emulator;
use hailo_linux::hef::Hef;
use hailo_linux::memory::EmulatorMemory;
use hailo_linux::network::{Active, Api, Model, Options};
use hailo_mock::MockTransport;
use hailo_tests::models::artificial;
use null_driver::NullDriver;

const TIMEOUT: Duration = Duration::from_secs(60);
const FRAMES: u64 = 2000;
const WAYS: [(&str, Api); 2] = [("blocking", Api::Blocking), ("pipelined", Api::Pipelined)];

fn path() -> Option<PathBuf> {
    std::env::var_os("HAILO_BENCH_MODEL").map(PathBuf::from)
}

fn hef() -> Hef {
    path().map_or_else(|| artificial::running(1, 1), |path| Hef::open(path).expect("a model"))
}

/// Calls `run` with the network that is active, and the driver below it.
fn with_network<R>(api: Api, run: impl FnOnce(&mut Active<'_>, &NullDriver) -> R) -> R {
    let emulator = Emulator::new("mock").unwrap();
    let transport = MockTransport::open(emulator.machine(), 0).unwrap();
    let driver = Arc::new(NullDriver::before(Box::new(transport)));
    let memory = Arc::new(EmulatorMemory::new(emulator.machine().shared_memory()));
    let options = hailo_linux::Options { memory, ..hailo_linux::Options::default() };
    let device = Device::with_transport(Arc::<NullDriver>::clone(&driver), options).unwrap();
    let model = Model::new(hef(), None).unwrap();
    let mut network = device.configure(&model, &Options { api, ..Options::default() }).unwrap();
    run(&mut network.activate().unwrap(), &driver)
}

/// One frame after the other, through memory of the library's.
fn blocking(active: &mut Active<'_>) -> impl FnMut(&mut Active<'_>, u64) + use<> {
    let input: Vec<_> = active.inputs().iter().map(|input| vec![1; input.frame_size()]).collect();
    let mut output: Vec<_> = active.outputs().iter().map(|output| vec![0; output.frame_size()]).collect();
    move |active, frames| {
        let inputs: Vec<&[u8]> = input.iter().map(Vec::as_slice).collect();
        let mut outputs: Vec<&mut [u8]> = output.iter_mut().map(Vec::as_mut_slice).collect();
        for _ in 0..frames {
            active.infer(&inputs, &mut outputs, TIMEOUT).unwrap();
        }
    }
}

/// A queue that is kept full.
fn pipelined(active: &mut Active<'_>) -> impl FnMut(&mut Active<'_>, u64) + use<> {
    while active.in_flight() < active.capacity() {
        let frame = active.allocate_frame().unwrap();
        active.submit(frame).unwrap();
    }
    |active, frames| {
        for _ in 0..frames {
            let frame = active.receive(TIMEOUT).unwrap();
            active.submit(frame).unwrap();
        }
    }
}

/// Runs so many frames.
type Run = Box<dyn FnMut(&mut Active<'_>, u64)>;

/// Calls `measure` with something that runs frames, after some have been run.
fn with_frames<R>(api: Api, measure: impl FnOnce(&mut dyn FnMut(u64), &NullDriver) -> R) -> R {
    with_network(api, |active, driver| {
        let mut run: Run = match api {
            Api::Blocking => Box::new(blocking(active)),
            Api::Pipelined => Box::new(pipelined(active)),
        };
        run(active, 200);
        measure(&mut |frames| run(active, frames), driver)
    })
}

fn per_frame(count: u64) -> f64 {
    count as f64 / FRAMES as f64
}

fn measure() -> Result<(), String> {
    let what = path().map_or_else(|| "a made-up network".to_owned(), |path| path.display().to_string());
    println!("A frame of {what}, outside driver and copying:");
    println!(
        "{:<12} {:>13} {:>12} {:>13} {:>16} {:>12}",
        "", "instructions", "allocations", "driver calls", "lock operations", "nanoseconds"
    );
    for (name, api) in WAYS {
        let profile = Profile::of(name, FRAMES)?;
        let (_, driver) = profile.function(&["NullDriver", "Transport>::submit"]);
        let (_, copies) = profile.function(&["memory::Pages", "copy_"]);
        let (locks, _) = profile.function(&["hailo_linux", "::lock"]);
        let (allocations, calls, time) = with_frames(api, |run, driver| {
            let before = driver.calls.load(Ordering::Relaxed);
            let start = Instant::now();
            let (allocations, ()) = during(|| run(FRAMES));
            (allocations, driver.calls.load(Ordering::Relaxed) - before, start.elapsed())
        });
        println!(
            "{name:<12} {:>13.0} {:>12.2} {:>13.2} {:>16.2} {:>12.0}",
            per_frame(profile.total - driver - copies),
            per_frame(allocations),
            per_frame(calls),
            per_frame(locks),
            time.as_nanos() as f64 / FRAMES as f64,
        );
    }
    if let Some(path) = path() {
        println!("Loading        {:>8.3} ms", shortest(|| drop(black_box(Hef::open(&path).unwrap()))));
    }
    let model = Model::new(hef(), None).unwrap();
    let emulator = Emulator::new("mock").unwrap();
    for (name, api) in WAYS {
        let options = Options { api, ..Options::default() };
        let device = emulator.open(0).unwrap();
        let time = shortest(|| drop(black_box(device.configure(&model, &options).unwrap())));
        println!("Configuring    {time:>8.3} ms, {name}, released again");
    }
    Ok(())
}

/// The shortest of many runs, in milliseconds.
fn shortest(mut run: impl FnMut()) -> f64 {
    let times = (0..50).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    times.min().unwrap_or_default().as_secs_f64() * 1000.0
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let count = arguments.get(1).and_then(|frames| frames.parse().ok());
    let way = WAYS.iter().find(|(name, _)| Some(*name) == arguments.first().map(String::as_str));
    match way {
        Some((_, api)) => with_frames(*api, |run, _| run(count.unwrap_or(FRAMES))),
        None if arguments.iter().any(|argument| argument == "--bench") => {
            if let Err(error) = measure() {
                eprintln!("{error}");
                std::process::exit(1);
            }
        }
        // Run as a test: whether it works.
        None => WAYS.iter().for_each(|(_, api)| with_frames(*api, |run, _| run(10))),
    }
}
