//! How fast the emulator moves frames, against `memcpy` in the same run.
//!
//! A frame goes through the loopback: launched on both channels, waited for, and collected. What is compared is the bytes
//! of a frame against one copy of as many bytes. What is compared takes turns, and the best of each counts, so that other
//! work of the computer strikes all of them or none.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hailo_abi::Driver;
use hailo_abi::channels::ChannelBitmaps;
use hailo_abi::command::{
    BufferMap, DescListCreate, EnableChannels, FwControl, InterruptsWait, LaunchTransfer, TransferBuffer,
};
use hailo_abi::driver::{FwControlBuffer, InterruptsWaitBuffer};
use hailo_abi::enums::{BufferType, CpuId, DataDirection};
use hailo_mock::{Machine, MockTransport, SharedRegion};

/// How long each measurement of frames per second runs.
const SPAN: Duration = Duration::from_millis(300);
/// How often what is compared takes turns, and how long each turn is.
const TURNS: usize = 15;
const TURN: Duration = Duration::from_millis(30);
const PAGE: u16 = 4096;
const RING: u32 = 8192;

/// Memory of a buffer: shared with the emulator, or the process's own.
enum Memory {
    Shared(Arc<SharedRegion>),
    Own(Vec<u8>),
}

impl Memory {
    fn new(machine: &Machine, length: usize, shared: bool) -> Self {
        if shared {
            Self::Shared(machine.shared_memory().allocate(length).unwrap())
        } else {
            Self::Own(vec![1; length + 4096])
        }
    }

    fn address(&self) -> u64 {
        match self {
            Self::Shared(region) => region.as_ptr() as u64,
            Self::Own(bytes) => (bytes.as_ptr() as u64).next_multiple_of(4096),
        }
    }
}

/// A channel in each direction, and where their lists are.
struct Stream {
    channel: u8,
    lists: [u64; 2],
    buffers: [Memory; 2],
    start: u32,
}

struct Bench {
    driver: Driver<MockTransport>,
    streams: Vec<Stream>,
    size: usize,
}

impl Bench {
    fn new(machine: &Machine, board: usize, channels: u8, size: usize, shared: bool) -> Self {
        let driver = Driver::detect(MockTransport::open(machine, board).unwrap()).unwrap();
        driver.mark_as_in_use().unwrap();
        let bits = (0..channels).fold(0, |bits, channel| bits | 0x1_0001 << channel);
        let params = EnableChannels { channels: ChannelBitmaps::engine0(bits), enable_timestamps_measure: false };
        // SAFETY: the file owns the board, and everything lives as long as the file.
        unsafe { driver.enable_channels(&params) }.unwrap();
        let streams = (0..channels).map(|channel| Stream::new(&driver, machine, channel, size, shared)).collect();
        Self { driver, streams, size }
    }

    /// One frame on each stream.
    fn round(&mut self) {
        for stream in &mut self.streams {
            for (direction, channel) in [(1, stream.channel + 16), (0, stream.channel)] {
                let address_or_fd = stream.buffers[direction].address();
                let buffer = TransferBuffer { address_or_fd, size: self.size as u32, ..TransferBuffer::EMPTY };
                let params = LaunchTransfer::new(channel, stream.lists[direction], [buffer]);
                let params = LaunchTransfer { starting_desc: stream.start, ..params };
                // SAFETY: the buffers are mapped, and live until all transfers have been waited for.
                unsafe { self.driver.launch_transfer(&params) }.unwrap();
            }
            stream.start = (stream.start + (self.size as u32).div_ceil(PAGE.into())) % RING;
        }
        let mut left: u64 = self.streams.iter().fold(0, |bits, stream| bits | 0x1_0001 << stream.channel);
        let mut buffer = InterruptsWaitBuffer::new();
        while left != 0 {
            let params = InterruptsWait { channels: ChannelBitmaps::engine0(left) };
            for interrupt in self.driver.interrupts_wait(&params, &mut buffer).unwrap().iter() {
                left &= !(1 << interrupt.channel_index);
            }
        }
    }

    /// Frames per second, over all streams.
    fn run(&mut self) -> f64 {
        self.round();
        per_second(SPAN, || self.round()) * self.streams.len() as f64
    }
}

impl Stream {
    fn new(driver: &Driver<MockTransport>, machine: &Machine, channel: u8, size: usize, shared: bool) -> Self {
        let buffers = [Memory::new(machine, size, shared), Memory::new(machine, size, shared)];
        let mut lists = [0; 2];
        for (direction, number) in [(0, channel), (1, channel + 16)] {
            let map = BufferMap {
                address_or_fd: buffers[direction].address(),
                size: size as u64,
                data_direction: [DataDirection::TO_DEVICE, DataDirection::FROM_DEVICE][direction],
                buffer_type: BufferType::USER_PTR,
                allocated_buffer_handle: None,
            };
            let create = DescListCreate { desc_count: RING.into(), desc_page_size: PAGE, is_circular: true };
            // SAFETY: the memory lives as long as the stream; the sizes are ordinary.
            let list = unsafe {
                driver.buffer_map(&map).unwrap();
                driver.desc_list_create(&create).unwrap()
            };
            lists[direction] = list.desc_handle;
            let mut request = vec![0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x01, number, 1];
            request.extend_from_slice(&list.dma_address.to_le_bytes());
            request.push(RING.ilog2() as u8);
            let control = FwControl {
                expected_md5: [0; 16],
                buffer_len: request.len() as u32,
                buffer: &request,
                timeout_ms: 1000,
                cpu_id: CpuId::CPU0,
            };
            let mut answer = FwControlBuffer::new();
            // SAFETY: the control starts a channel on a list that lives as long as the file.
            unsafe { driver.fw_control(&control, &mut answer) }.unwrap();
        }
        Self { channel, lists, buffers, start: 0 }
    }
}

/// How often per second something can be done.
fn per_second(span: Duration, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut rounds = 0;
    while start.elapsed() < span {
        work();
        rounds += 1;
    }
    f64::from(rounds) / start.elapsed().as_secs_f64()
}

/// Prints how fast, where the name of the table has one of the parts.
pub(crate) fn print(parts: &[&str]) {
    if !parts.is_empty() && !parts.iter().any(|part| "emulator".contains(part)) {
        return;
    }
    println!("\nemulator, one channel: bytes per second, and in percent of memcpy");
    println!("{:>10} {:>12} {:>12} {:>6} {:>12} {:>6}", "frame", "memcpy", "shared", "", "foreign", "");
    for size in [64 << 10, 1 << 20, 16 << 20] {
        let machine = Machine::builder().boards(2).build().unwrap();
        let mut benches = [(0, true), (1, false)].map(|(board, shared)| Bench::new(&machine, board, 1, size, shared));
        let (from, mut to) = (vec![1u8; size], vec![0u8; size]);
        let mut best = [0.0f64; 3];
        for _ in 0..TURNS {
            let copies = per_second(TURN, || {
                to.copy_from_slice(black_box(&from));
                black_box(&mut to);
            });
            let [shared, foreign] = benches.each_mut().map(|bench| per_second(TURN, || bench.round()));
            for (best, new) in best.iter_mut().zip([copies, shared, foreign]) {
                *best = best.max(new);
            }
        }
        let [copy, shared, foreign] = best.map(|rounds| rounds * size as f64);
        println!(
            "{size:>10} {:>9.2} GB {:>9.2} GB {:>5.0}% {:>9.2} GB {:>5.0}%",
            copy / 1e9,
            shared / 1e9,
            100.0 * shared / copy,
            foreign / 1e9,
            100.0 * foreign / copy
        );
    }
    println!("\nemulator, 1 KiB frames per second, one thread per board");
    println!("{:>8} {:>12} {:>12} {:>12} {:>12}", "channels", "1 board", "2 boards", "4 boards", "8 boards");
    for channels in [1, 2, 4, 8, 16] {
        print!("{channels:>8}");
        for boards in [1, 2, 4, 8] {
            let machine = Machine::builder().boards(boards).build().unwrap();
            let frames: f64 = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..boards)
                    .map(|board| {
                        let machine = &machine;
                        scope.spawn(move || Bench::new(machine, board, channels, 1024, true).run())
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).sum()
            });
            print!(" {frames:>12.0}");
        }
        println!();
    }
}
