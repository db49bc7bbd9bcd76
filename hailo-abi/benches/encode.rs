//! Instructions of the calls of one frame, from the parameters to the transport and back, against the same in C.
//!
//! `cargo bench -p hailo-abi --bench encode` needs valgrind and a C compiler. Each case runs under callgrind with two
//! numbers of repetitions; the difference is what one repetition costs. The transport does nothing, in both languages
//! behind a pointer.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, ExitCode};

use hailo_abi::command::{InterruptsWait, LaunchTransfer, MAX_BUFFERS_PER_TRANSFER, Progress, TransferBuffer};
use hailo_abi::driver::InterruptsWaitBuffer;
use hailo_abi::enums::{BufferType, InterruptsDomain};
use hailo_abi::{ChannelBitmaps, Command, DataModel, Driver, DriverRelease, Errno, Frame, Interface, Transport};

/// The release whose structs `encode.c` has.
const RELEASE: DriverRelease = DriverRelease::new(4, 23, 0);

/// The cases, and whether there is the same in C.
const CASES: &[(&str, bool)] = &[
    ("launch-1", true),
    ("launch-2", true),
    ("launch-8", true),
    ("wait-2", true),
    ("encode-1", false),
    ("decode-1", false),
];

struct Nothing;

impl Transport for Nothing {
    #[inline(never)]
    fn submit(&self, mut frame: Frame<'_>) -> Result<u32, Errno> {
        black_box(frame.argument_mut());
        Ok(1)
    }
}

/// Answers a wait: one transfer completed on channels 0 and 16.
struct Interrupts;

impl Transport for Interrupts {
    #[inline(never)]
    fn submit(&self, mut frame: Frame<'_>) -> Result<u32, Errno> {
        if let Some(answer) = black_box(frame.argument_mut()).get_mut(12..19) {
            answer.copy_from_slice(&[2, 0, 0, 1, 0, 16, 1]);
        }
        Ok(0)
    }
}

fn launch_params(buffers_count: u8) -> LaunchTransfer {
    let mut buffers = [TransferBuffer::EMPTY; MAX_BUFFERS_PER_TRANSFER];
    for (index, buffer) in (0..).zip(&mut buffers) {
        let address_or_fd = 0x7f00_0000_1000 + 0x1000 * index;
        *buffer = TransferBuffer { buffer_type: BufferType::USER_PTR, address_or_fd, size: 4096, ..*buffer };
    }
    LaunchTransfer {
        engine_index: 0,
        channel_index: 16,
        desc_handle: 0x1000,
        starting_desc: 3,
        should_bind: true,
        should_sync: false,
        is_cyclic: false,
        buffers_count,
        buffers,
        first_interrupts_domain: InterruptsDomain::NONE,
        last_interrupts_domain: InterruptsDomain::HOST,
        is_debug: false,
    }
}

/// Runs a case so many times.
fn run(case: &str, count: u64) {
    match case.split_once('-').expect("a case") {
        ("launch", buffers) => {
            let driver = black_box(Driver::with_release(Nothing, RELEASE).expect("known"));
            let params = launch_params(buffers.parse().expect("a number"));
            for _ in 0..count {
                // SAFETY: nothing is behind this transport.
                let launched = unsafe { black_box(&driver).launch_transfer(black_box(&params)) };
                assert!(launched.is_ok());
            }
        }
        ("wait", _) => {
            let driver = black_box(Driver::with_release(Interrupts, RELEASE).expect("known"));
            let params = InterruptsWait { channels: ChannelBitmaps::engine0(0x1_0001) };
            let mut buffer = InterruptsWaitBuffer::new();
            for _ in 0..count {
                let reply = black_box(&driver).interrupts_wait(black_box(&params), &mut buffer).expect("it answers");
                let sum: u32 = reply
                    .iter()
                    .map(|interrupt| match interrupt.progress {
                        Progress::Transfers(transfers) if interrupt.is_active => transfers.into(),
                        _ => 0,
                    })
                    .sum();
                assert_eq!(black_box(sum), 2);
            }
        }
        (direction, _) => {
            let interface = Interface::of(RELEASE).expect("known");
            let command = Command::LaunchTransfer(launch_params(1));
            let mut buffer = [0; 153];
            let (request, _) = interface.encode(DataModel::Lp64, &command, &mut buffer).expect("it fits");
            for _ in 0..count {
                if direction == "encode" {
                    let encoded = interface.encode(DataModel::Lp64, black_box(&command), &mut buffer);
                    black_box(encoded.expect("it fits"));
                } else {
                    black_box(interface.decode(DataModel::Lp64, request, black_box(&buffer)).expect("its own bytes"));
                }
            }
        }
    }
}

/// The instructions of one repetition of a case of a program.
fn instructions(program: &Path, arguments: &[&str]) -> u64 {
    let total = |count: u64| {
        let output = Process::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(program)
            .args(arguments)
            .arg(count.to_string())
            .output()
            .expect("valgrind is installed");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}");
        let line = text.lines().find_map(|line| line.split_once("Collected :")).expect("a number of instructions");
        line.1.trim().parse::<u64>().expect("a number")
    };
    (total(11_000) - total(1_000)) / 10_000
}

/// Compiles `encode.c`.
fn c_program() -> PathBuf {
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/../target");
    let program = Path::new(target).join("encode-c");
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let compiler = cc::Build::new().host(&host).target(&host).opt_level(3).cargo_metadata(false).get_compiler();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/encode.c");
    let status = compiler.to_command().args(["-Wall", source, "-o"]).arg(&program).status().expect("a C compiler");
    assert!(status.success());
    program
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    if let [_, "--case", case, count] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        run(case, count.parse().expect("a number"));
        return ExitCode::SUCCESS;
    }
    let (rust, c) = (std::env::current_exe().expect("a program"), c_program());
    println!("{:10} {:>6} {:>6}   instructions for one call, release {RELEASE}", "case", "Rust", "C");
    for (case, in_c) in CASES {
        let ours = instructions(&rust, &["--case", case]);
        let theirs = if *in_c { instructions(&c, &[case]).to_string() } else { "-".to_owned() };
        println!("{case:10} {ours:>6} {theirs:>6}");
    }
    ExitCode::SUCCESS
}
