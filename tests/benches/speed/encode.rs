//! The calls of one frame, from the parameters to the transport and back, and the bytes alone, against the same in C.
//!
//! The transport does nothing, in both languages behind a pointer.

use std::hint::black_box;
use std::path::PathBuf;

use hailo_abi::command::{
    BufferMap, BufferSync, ChannelInterrupt, DescListProgram, InterruptsWait, InterruptsWaitReply, LaunchTransfer,
    MAX_BUFFERS_PER_TRANSFER, Operation, Progress, Reply, TransferBuffer,
};
use hailo_abi::descriptor::{Control, Descriptor};
use hailo_abi::driver::InterruptsWaitBuffer;
use hailo_abi::enums::{BufferType, DataDirection, DmaType, InterruptsDomain, SyncType};
use hailo_abi::{ChannelBitmaps, Command, DataModel, Driver, DriverRelease, Errno, Frame, Interface, Transport};

use crate::Case;

/// The release whose structs `encode.c` has.
const RELEASE: DriverRelease = DriverRelease::new(4, 23, 0);

/// What is done.
type Run = fn(u64);

const CASES: &[(&str, Run)] = &[
    ("call launch, 1 buffer", |count| launch(1, count)),
    ("call launch, 2 buffers", |count| launch(2, count)),
    ("call launch, 8 buffers", |count| launch(8, count)),
    ("call wait, 2 channels", wait),
    ("call sync", sync),
    ("call map", map),
    ("call program", program),
    ("encode launch, 1 buffer", |count| encode(&Command::LaunchTransfer(launch_params(1)), count)),
    ("encode wait", |count| encode(&Command::InterruptsWait(wait_params()), count)),
    ("encode sync", |count| encode(&Command::BufferSync(sync_params()), count)),
    ("decode launch, 1 buffer", |count| decode(&Command::LaunchTransfer(launch_params(1)), count)),
    ("decode wait", |count| decode(&Command::InterruptsWait(wait_params()), count)),
    ("decode sync", |count| decode(&Command::BufferSync(sync_params()), count)),
    ("encode answer of a wait, 2 channels", encode_answer),
    ("decode answer of a wait, 2 channels", decode_answer),
    ("encode descriptor", descriptor),
    ("decode descriptor", read_descriptor),
];

pub(crate) fn cases() -> Vec<Case> {
    let case = |(name, run): &(&str, Run)| {
        let unit = if name.starts_with("call") { "call" } else { "struct" };
        Case { in_c: true, ..Case::new(*name, unit, (1_000, 11_000), Box::new(*run)) }
    };
    CASES.iter().map(case).collect()
}

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
    LaunchTransfer { starting_desc: 3, buffers_count, ..LaunchTransfer::new(16, 0x1000, buffers) }
}

fn wait_params() -> InterruptsWait {
    InterruptsWait { channels: ChannelBitmaps::engine0(0x1_0001) }
}

fn sync_params() -> BufferSync {
    BufferSync { handle: 7, sync_type: SyncType::FOR_DEVICE, offset: 4096, count: 8192 }
}

fn launch(buffers_count: u8, count: u64) {
    let driver = black_box(Driver::with_release(Nothing, RELEASE).expect("known"));
    let params = launch_params(buffers_count);
    for _ in 0..count {
        // SAFETY: nothing is behind this transport.
        let launched = unsafe { black_box(&driver).launch_transfer(black_box(&params)) };
        assert!(launched.is_ok());
    }
}

fn wait(count: u64) {
    let driver = black_box(Driver::with_release(Interrupts, RELEASE).expect("known"));
    let params = wait_params();
    let mut buffer = InterruptsWaitBuffer::new();
    for _ in 0..count {
        let reply = black_box(&driver).interrupts_wait(black_box(&params), &mut buffer).expect("it answers");
        assert_eq!(black_box(transfers(&reply)), 2);
    }
}

/// All transfers of an answer.
fn transfers(reply: &InterruptsWaitReply<'_>) -> u32 {
    let of = |interrupt: ChannelInterrupt| match interrupt.progress {
        Progress::Transfers(transfers) if interrupt.is_active => transfers.into(),
        _ => 0,
    };
    reply.iter().map(of).sum()
}

fn sync(count: u64) {
    let driver = black_box(Driver::with_release(Nothing, RELEASE).expect("known"));
    let params = sync_params();
    for _ in 0..count {
        // SAFETY: nothing is behind this transport.
        let synchronised = unsafe { black_box(&driver).buffer_sync(black_box(&params)) };
        assert!(synchronised.is_ok());
    }
}

fn map(count: u64) {
    let driver = black_box(Driver::with_release(Nothing, RELEASE).expect("known"));
    let params = BufferMap {
        address_or_fd: 0x7f00_0000_1000,
        size: 4096,
        data_direction: DataDirection::TO_DEVICE,
        buffer_type: BufferType::USER_PTR,
        allocated_buffer_handle: None,
    };
    for _ in 0..count {
        // SAFETY: nothing is behind this transport.
        let mapped = unsafe { black_box(&driver).buffer_map(black_box(&params)) };
        black_box(mapped.expect("it answers").mapped_handle);
    }
}

fn program(count: u64) {
    let driver = black_box(Driver::with_release(Nothing, RELEASE).expect("known"));
    let params = DescListProgram {
        buffer_handle: 7,
        buffer_size: 4096,
        buffer_offset: 0,
        batch_size: 1,
        desc_handle: 0x1000,
        channel_index: 16,
        starting_desc: 3,
        should_bind: true,
        last_interrupts_domain: InterruptsDomain::HOST,
        is_debug: false,
        stride: 0,
    };
    for _ in 0..count {
        // SAFETY: nothing is behind this transport.
        let programmed = unsafe { black_box(&driver).desc_list_program(black_box(&params)) };
        assert!(programmed.is_ok());
    }
}

fn encode(command: &Command<'_>, count: u64) {
    let interface = Interface::of(RELEASE).expect("known");
    let mut buffer = [0; 512];
    for _ in 0..count {
        let encoded = interface.encode(DataModel::Lp64, black_box(command), black_box(&mut buffer));
        black_box(encoded.expect("it fits"));
    }
}

fn decode(command: &Command<'_>, count: u64) {
    let interface = Interface::of(RELEASE).expect("known");
    let mut buffer = [0; 512];
    let (request, argument) = interface.encode(DataModel::Lp64, command, &mut buffer).expect("it fits");
    for _ in 0..count {
        let decoded = interface.decode(DataModel::Lp64, black_box(request), black_box(&*argument));
        black_box(decoded.expect("its own bytes"));
    }
}

fn interrupts() -> [ChannelInterrupt; 2] {
    [0, 16].map(|channel_index| ChannelInterrupt {
        engine_index: 0,
        channel_index,
        is_active: true,
        progress: Progress::Transfers(1),
        host_error: 0,
        device_error: 0,
        validation_success: true,
    })
}

fn encode_answer(count: u64) {
    let interface = Interface::of(RELEASE).expect("known");
    let interrupts = interrupts();
    let mut buffer = [0; 301];
    for _ in 0..count {
        let reply = Reply::InterruptsWait(InterruptsWaitReply::new(black_box(&interrupts)));
        let operation = Operation::InterruptsWait;
        interface.encode_reply(DataModel::Lp64, operation, &reply, black_box(&mut buffer)).expect("it fits");
    }
}

fn decode_answer(count: u64) {
    let interface = Interface::of(RELEASE).expect("known");
    let request = interface.request(Operation::InterruptsWait, DataModel::Lp64).expect("it has it");
    let mut buffer = [0; 301];
    buffer[12..19].copy_from_slice(&[2, 0, 0, 1, 0, 16, 1]);
    for _ in 0..count {
        let reply = interface.decode_reply(DataModel::Lp64, black_box(request), black_box(&buffer));
        let Ok(Reply::InterruptsWait(reply)) = reply else { panic!("another reply") };
        assert_eq!(black_box(transfers(&reply)), 2);
    }
}

fn descriptor(count: u64) {
    for index in 0..count {
        let mut descriptor = Descriptor::new(4096, black_box(0x1_2345_6000 + 4096 * index), 0);
        let host = Control::interrupts(black_box(InterruptsDomain::HOST), DmaType::PCIE);
        descriptor.set_control(Control::STATUS_ON_ERROR | host);
        black_box(&descriptor);
    }
}

fn read_descriptor(count: u64) {
    let descriptor = Descriptor::new(4096, 0x1_2345_6000, 0);
    for _ in 0..count {
        let descriptor = black_box(&descriptor);
        let read = (descriptor.page_size(), descriptor.address(), descriptor.control(), descriptor.status());
        black_box(read);
    }
}

/// Compiles `encode.c`.
pub(crate) fn c_program() -> PathBuf {
    let program = std::env::current_exe().expect("a program").with_file_name("encode-c");
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let compiler = cc::Build::new().host(&host).target(&host).opt_level(3).cargo_metadata(false).get_compiler();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/speed/encode.c");
    let status = compiler.to_command().args(["-Wall", source, "-o"]).arg(&program).status().expect("a C compiler");
    assert!(status.success());
    program
}
