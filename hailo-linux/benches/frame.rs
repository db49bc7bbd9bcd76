//! Instructions per frame outside the driver: `cargo bench -p hailo-linux --bench frame` (needs valgrind).
//!
//! A frame is two transfers, one each way, launched and waited for, on a driver that does nothing. The same calls are also
//! made straight through `hailo_abi::Driver`; the difference is what owning buffers, keeping the ring and waking the waiter
//! costs. Each program is run under callgrind with two numbers of frames, so that start and end cancel out.

#[path = "../tests/null_driver/mod.rs"]
mod null_driver;

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hailo_abi::command::{InterruptsWait, LaunchTransfer, TransferBuffer};
use hailo_abi::driver::InterruptsWaitBuffer;
use hailo_abi::enums::{BufferType, InterruptsDomain};
use hailo_abi::{ChannelBitmaps, Driver};
use hailo_linux::Direction;
use null_driver::{Bed, NullDriver};

const TIMEOUT: Duration = Duration::from_secs(60);
const SIZE: usize = 4096;
const FEW: u64 = 500;
const MANY: u64 = 2500;

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
            let mut buffers = [TransferBuffer::EMPTY; 8];
            buffers[0].buffer_type = BufferType::USER_PTR;
            buffers[0].address_or_fd = memory.as_ptr().addr() as u64;
            buffers[0].size = SIZE as u32;
            let launch = LaunchTransfer {
                engine_index: 0,
                channel_index,
                desc_handle: 1,
                starting_desc: (frame % 64) as u32,
                should_bind: true,
                should_sync: false,
                is_cyclic: false,
                buffers_count: 1,
                buffers,
                first_interrupts_domain: InterruptsDomain::NONE,
                last_interrupts_domain: InterruptsDomain::HOST,
                is_debug: false,
            };
            // SAFETY: the null driver touches no memory.
            unsafe { driver.launch_transfer(&launch) }.unwrap();
        }
        let reply = driver.interrupts_wait(&InterruptsWait { channels }, &mut buffer).unwrap();
        assert_eq!(reply.iter().count(), 2);
    }
    drop(bed);
}

/// Instructions of one run of this program under callgrind.
fn instructions(way: &str, frames: u64) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([way, &frames.to_string()])
        .output()
        .map_err(|error| format!("valgrind cannot be run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
    collected.filter(|_| output.status.success()).ok_or_else(|| format!("valgrind failed:\n{text}"))
}

fn measure() -> Result<(), String> {
    println!("{:<44} {:>14} {:>12}", "4 KiB there and back, on a null driver", "instructions", "nanoseconds");
    let mut all = Vec::new();
    for (way, run, name) in [
        ("typed", typed as fn(u64), "hailo_abi::Driver, no ownership"),
        ("owned", owned, "hailo_linux, buffers owned, waiter thread"),
    ] {
        let per_frame = (instructions(way, MANY)? - instructions(way, FEW)?) / (MANY - FEW);
        let start = Instant::now();
        run(MANY * 10);
        println!("{name:<44} {per_frame:>14} {:>12}", start.elapsed().as_nanos() / u128::from(MANY * 10));
        all.push(per_frame);
    }
    println!("{:<44} {:>14}", "what ownership and waiting cost", all[1].saturating_sub(all[0]));
    Ok(())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let frames = || arguments.get(1).and_then(|frames| frames.parse().ok()).unwrap_or(FEW);
    match arguments.first().map(String::as_str) {
        Some("owned") => owned(frames()),
        Some("typed") => typed(frames()),
        _ if arguments.iter().any(|argument| argument == "--bench") => {
            if let Err(error) = measure() {
                eprintln!("{error}");
                std::process::exit(1);
            }
        }
        // Run as a test: whether it works.
        _ => {
            owned(10);
            typed(10);
        }
    }
}
