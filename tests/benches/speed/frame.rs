//! What a frame costs outside the driver.
//!
//! A frame is two transfers, one each way, launched and waited for, on a driver that does nothing. The same calls are also
//! made straight through `hailo_abi::Driver`; the difference is what owning buffers, keeping the ring and waking the waiter
//! costs. A frame of a network is that of a made-up model, in both interfaces, on a driver that completes it at once.

#[path = "../../../hailo-linux/tests/null_driver/mod.rs"]
mod null_driver;

use std::sync::Arc;
use std::time::Duration;

use hailo_abi::command::{InterruptsWait, LaunchTransfer, TransferBuffer};
use hailo_abi::driver::InterruptsWaitBuffer;
use hailo_abi::{ChannelBitmaps, Driver};
use hailo_linux::network::{Api, Model};
use hailo_linux::{Device, Direction};
use hailo_tests::models::artificial::{self, Artificial, Outcome};
use hailo_tests::models::canned::Canned;
use hailo_tests::models::recording::Recording;
use null_driver::{Bed, NullDriver};

use crate::Case;

const TIMEOUT: Duration = Duration::from_secs(60);
const SIZE: usize = 4096;

pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, steady: bool, run: fn(u64)| Case {
        runs: 3,
        steady,
        ..Case::new(format!("frame {name}"), "frame", (500, 2500), Box::new(run))
    };
    vec![
        case("4 KiB, hailo_abi::Driver alone", true, typed),
        case("4 KiB, buffers owned, waiter thread", false, owned),
        case("of a network, blocking", true, blocking),
        case("of a network, pipelined, 1 at a time", false, |frames| pipelined(frames, 1)),
        case("of a network, pipelined, 4 at a time", false, |frames| pipelined(frames, 4)),
    ]
}

/// Through the owning types.
fn owned(frames: u64) {
    let bed = Bed::new(Arc::new(NullDriver::default()));
    assert_eq!(bed.channels.bitmaps().0[0], 1 << 16 | 1);
    let mut input = bed.device.allocate(SIZE, Direction::ToDevice).unwrap();
    let mut output = bed.device.allocate(SIZE, Direction::FromDevice).unwrap();
    for _ in 0..frames {
        let receive = bed.output.launch(output).unwrap();
        let send = bed.input.launch(input).unwrap();
        input = send.wait(TIMEOUT).unwrap();
        output = receive.wait(TIMEOUT).unwrap();
    }
}

/// The same calls, typed but not owned.
fn typed(frames: u64) {
    let bed = Bed::new(Arc::new(NullDriver::default()));
    let driver = Driver::with_release(NullDriver::default(), null_driver::RELEASE).unwrap();
    let memory = vec![0u8; SIZE];
    let mut buffer = InterruptsWaitBuffer::new();
    let channels = ChannelBitmaps::engine0(1 << 16 | 1);
    // SAFETY: the null driver touches no memory.
    unsafe {
        driver.enable_channels(&hailo_abi::command::EnableChannels { channels, enable_timestamps_measure: false })
    }
    .unwrap();
    for frame in 0..frames {
        for channel_index in [16, 0] {
            let address_or_fd = memory.as_ptr().addr() as u64;
            let buffer = TransferBuffer { address_or_fd, size: SIZE as u32, ..TransferBuffer::EMPTY };
            let starting_desc = (frame % 64) as u32;
            let launch = LaunchTransfer { starting_desc, ..LaunchTransfer::new(channel_index, 1, [buffer]) };
            // SAFETY: the null driver touches no memory.
            unsafe { driver.launch_transfer(&launch) }.unwrap();
        }
        let reply = driver.interrupts_wait(&InterruptsWait { channels }, &mut buffer).unwrap();
        assert_eq!(reply.iter().count(), 2);
    }
    drop(bed);
}

/// The made-up model with one stream each way that has the smallest frames.
fn model() -> (Artificial, Model) {
    let fits = |file: Artificial| {
        let hef = hailo_linux::hef::Hef::from_bytes(file.hef.clone()).ok()?;
        let model = Model::new(hef, None).ok()?;
        let plain = model.outputs().all(|layer| layer.mux.is_none() && layer.transfers_per_frame() == 1);
        let fits = plain && model.inputs().count() == 1 && model.outputs().count() == 1;
        (fits && matches!(file.outcome, Outcome::Sent(..))).then_some((file, model))
    };
    let size = |model: &Model| model.inputs().chain(model.outputs()).map(|layer| layer.transfer_size).sum::<u32>();
    artificial::all().into_iter().filter_map(fits).min_by_key(|(_, model)| size(model)).expect("a model")
}

/// A driver on which configuring goes as in the recordings.
fn driver(file: &Artificial) -> Arc<NullDriver> {
    let configuring = Canned::new(&Recording::read("arcface-v1")).with_page(file.desc_max_page_size);
    Arc::new(NullDriver::before(Box::new(configuring)))
}

fn options(file: &Artificial, api: Api) -> hailo_linux::network::Options {
    hailo_linux::network::Options { batch_size: file.batch, api, ..Default::default() }
}

fn blocking(frames: u64) {
    let (file, model) = model();
    let driver = driver(&file);
    let device = Device::with_transport(driver, hailo_linux::Options::default()).unwrap();
    let mut network = device.configure(&model, &options(&file, Api::Blocking)).unwrap();
    let mut active = network.activate().unwrap();
    let input = vec![7; active.inputs()[0].frame_size()];
    let mut output = vec![0; active.outputs()[0].frame_size()];
    for _ in 0..frames {
        active.infer(&[&input], &mut [&mut output], TIMEOUT).unwrap();
    }
    active.deactivate().unwrap();
}

fn pipelined(frames: u64, depth: usize) {
    let (file, model) = model();
    let driver = driver(&file);
    let device = Device::with_transport(driver, hailo_linux::Options::default()).unwrap();
    let mut network = device.configure(&model, &options(&file, Api::Pipelined)).unwrap();
    let mut active = network.activate().unwrap();
    for _ in 0..depth.min(active.capacity()) {
        let frame = active.allocate_frame().unwrap();
        active.submit(frame).unwrap();
    }
    for _ in 0..frames {
        let frame = active.receive(TIMEOUT).unwrap();
        active.submit(frame).unwrap();
    }
    while active.in_flight() > 0 {
        active.receive(TIMEOUT).unwrap();
    }
    active.deactivate().unwrap();
}
