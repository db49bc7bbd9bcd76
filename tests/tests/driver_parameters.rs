//! What a release cannot express is refused by name before anything is sent, and only there.

use hailo_abi::command::*;
use hailo_abi::enums::*;
use hailo_abi::interface::{MAX_ARGUMENT_LENGTH, RELEASES};
use hailo_abi::{ChannelBitmaps, Command, DataModel, DriverRelease, EncodeError, Operation};

const LAUNCH: LaunchTransfer = LaunchTransfer::new(0, 0x1000, [TransferBuffer::EMPTY]);

const PREPARE: PrepareTransfer = PrepareTransfer {
    channel_index: 0,
    desc_handle: 0x1000,
    buffers_count: 1,
    buffers: [TransferBuffer::EMPTY; MAX_BUFFERS_PER_TRANSFER],
    first_interrupts_domain: InterruptsDomain::NONE,
    last_interrupts_domain: InterruptsDomain::HOST,
    is_debug: false,
};

const PROGRAM: DescListProgram = DescListProgram {
    buffer_handle: 1,
    buffer_size: 4096,
    buffer_offset: 0,
    batch_size: 1,
    desc_handle: 0x1000,
    channel_index: 0,
    starting_desc: 0,
    should_bind: true,
    last_interrupts_domain: InterruptsDomain::NONE,
    is_debug: false,
    stride: 0,
};

const MAP: BufferMap = BufferMap {
    address_or_fd: 0x1000,
    size: 4096,
    data_direction: DataDirection::TO_DEVICE,
    buffer_type: BufferType::USER_PTR,
    allocated_buffer_handle: None,
};

const WIDE: ChannelBitmaps = ChannelBitmaps([0, 1 << 39, 0]);

fn third_buffer() -> [TransferBuffer; MAX_BUFFERS_PER_TRANSFER] {
    let mut buffers = [TransferBuffer::EMPTY; MAX_BUFFERS_PER_TRANSFER];
    buffers[2].size = 1;
    buffers
}

/// The releases from `first` to `last` can express the command; all others that know the operation name `parameter`.
fn check(command: Command<'_>, parameter: &'static str, first: &str, last: &str) {
    let [first, last]: [DriverRelease; 2] = [first, last].map(|text| text.parse().expect("a release"));
    for (release, interface) in RELEASES {
        let operation = command.operation();
        for model in DataModel::ALL {
            let mut buffer = [0; MAX_ARGUMENT_LENGTH];
            let error = interface.encode(model, &command, &mut buffer).err();
            let interface_of = interface.first_release;
            let expected = match interface.entry(operation) {
                None => Some(EncodeError::NoOperation { operation, interface: interface_of }),
                Some(_) if (first..=last).contains(release) => None,
                Some(_) => Some(EncodeError::Inexpressible { operation, parameter, interface: interface_of }),
            };
            assert_eq!(error, expected, "{release}, {}", model.name());
        }
    }
}

#[test]
fn parameters_are_expressed_where_they_exist() {
    let all = ("4.17.0", "5.3.0");
    let launch = |change: fn(&mut LaunchTransfer)| {
        let mut params = LAUNCH;
        change(&mut params);
        Command::LaunchTransfer(params)
    };
    check(launch(|_| ()), "", all.0, all.1);
    check(launch(|params| params.starting_desc = 7), "", all.0, all.1);
    check(launch(|params| params.should_sync = true), "should_sync", "5.0.0", "5.0.0");
    check(launch(|params| params.is_cyclic = true), "is_cyclic", "5.0.1", all.1);
    check(launch(|params| params.should_bind = false), "should_bind", all.0, "5.0.0");
    check(launch(|params| params.buffers = third_buffer()), "buffers", "4.21.0", all.1);
    check(
        launch(|params| params.first_interrupts_domain = InterruptsDomain::HOST),
        "first_interrupts_domain",
        all.0,
        "5.2.0",
    );
    check(
        launch(|params| params.last_interrupts_domain = InterruptsDomain::NONE),
        "last_interrupts_domain",
        all.0,
        "5.2.0",
    );

    let prepare = |change: fn(&mut PrepareTransfer)| {
        let mut params = PREPARE;
        change(&mut params);
        Command::PrepareTransfer(params)
    };
    check(prepare(|params| params.buffers = third_buffer()), "", all.0, all.1);
    check(
        prepare(|params| params.last_interrupts_domain = InterruptsDomain::NONE),
        "last_interrupts_domain",
        "5.0.1",
        "5.2.0",
    );

    let program = |change: fn(&mut DescListProgram)| {
        let mut params = PROGRAM;
        change(&mut params);
        Command::DescListProgram(params)
    };
    check(program(|_| ()), "", all.0, all.1);
    check(program(|params| params.batch_size = 2), "batch_size", "4.21.0", all.1);
    check(program(|params| params.stride = 512), "stride", "4.21.0", "5.1.0");
    check(program(|params| params.should_bind = false), "should_bind", "4.18.0", "5.1.0");
    check(program(|params| params.is_debug = true), "is_debug", "4.18.0", all.1);
    check(
        program(|params| params.last_interrupts_domain = InterruptsDomain::HOST),
        "last_interrupts_domain",
        "4.18.0",
        "5.2.0",
    );

    check(Command::BufferMap(MAP), "", all.0, all.1);
    check(Command::BufferMap(BufferMap { buffer_type: BufferType::DMABUF, ..MAP }), "buffer_type", "4.18.0", all.1);
    check(
        Command::BufferMap(BufferMap { allocated_buffer_handle: Some(0x1000), ..MAP }),
        "allocated_buffer_handle",
        all.0,
        "5.0.0",
    );

    let enable = |channels, enable_timestamps_measure| {
        Command::EnableChannels(EnableChannels { channels, enable_timestamps_measure })
    };
    check(enable(ChannelBitmaps::engine0(1), true), "enable_timestamps_measure", all.0, "5.2.0");
    check(enable(WIDE, false), "channels", "5.0.0", all.1);
    check(Command::DisableChannels(DisableChannels { channels: WIDE }), "channels", "5.0.0", all.1);
    check(Command::InterruptsWait(InterruptsWait { channels: WIDE }), "channels", "5.0.0", all.1);

    let connect = SocConnect { port_number: 1, input_desc_handle: 1, output_desc_handle: 2 };
    check(Command::SocConnect(connect), "port_number", "4.19.0", all.1);
    let accept = PciEpAccept { port_number: 1, input_desc_handle: 1, output_desc_handle: 2 };
    check(Command::PciEpAccept(accept), "port_number", "4.19.0", all.1);
    let long =
        FwControl { expected_md5: [0; 16], buffer_len: 0, buffer: &[0; 1501], timeout_ms: 0, cpu_id: CpuId::CPU0 };
    check(Command::FwControl(long), "buffer", "9.0.0", "9.0.0");
}

#[test]
fn words_of_a_32_bit_process_have_32_bits() {
    let wide = 1 << 32;
    let commands = [
        (Command::BufferMap(BufferMap { size: wide, ..MAP }), "size"),
        (Command::BufferSync(BufferSync { handle: 1, sync_type: SyncType::FOR_CPU, offset: wide, count: 1 }), "offset"),
        (Command::DescListRelease(DescListRelease { desc_handle: wide }), "desc_handle"),
        (Command::LaunchTransfer(LaunchTransfer { desc_handle: wide, ..LAUNCH }), "desc_handle"),
        (Command::ContinuousBufferFree(ContinuousBufferFree { buffer_handle: u64::MAX }), "buffer_handle"),
    ];
    for (_, interface) in RELEASES {
        for (command, parameter) in &commands {
            let mut buffer = [0; MAX_ARGUMENT_LENGTH];
            interface.encode(DataModel::Lp64, command, &mut buffer).expect("64 bits are enough");
            let error = interface.encode(DataModel::Ilp32, command, &mut buffer).map(|_| ()).expect_err("32 are not");
            let (operation, interface) = (command.operation(), interface.first_release);
            assert_eq!(error, EncodeError::Inexpressible { operation, parameter, interface });
        }
    }
}

#[test]
fn answers_that_do_not_fit_are_refused() {
    let interface = hailo_abi::Interface::of(DriverRelease::new(4, 23, 0)).expect("known");
    let model = DataModel::Lp64;
    let encode = |operation, reply: Reply<'_>| {
        let size = interface.request(operation, model).expect("it has it").size();
        interface.encode_reply(model, operation, &reply, &mut vec![0; size])
    };
    let interrupt = |progress| ChannelInterrupt {
        engine_index: 0,
        channel_index: 0,
        is_active: true,
        progress,
        host_error: 0,
        device_error: 0,
        validation_success: true,
    };
    let refused = |operation, parameter| {
        Err(EncodeError::Inexpressible { operation, parameter, interface: interface.first_release })
    };
    let wait = Operation::InterruptsWait;
    let many = [interrupt(Progress::Transfers(1)); 97];
    assert_eq!(encode(wait, Reply::InterruptsWait(InterruptsWaitReply::new(&many[..96]))), Ok(()));
    assert_eq!(encode(wait, Reply::InterruptsWait(InterruptsWaitReply::new(&many))), refused(wait, "channels_count"));
    for progress in [Progress::Transfers(0xfe), Progress::Transfers(0xff), Progress::Descriptors(1)] {
        let one = [interrupt(progress)];
        assert_eq!(encode(wait, Reply::InterruptsWait(InterruptsWaitReply::new(&one))), refused(wait, "progress"));
    }
    let timestamps = [InterruptTimestamp::default(); 257];
    let read = Operation::InterruptsReadTimestamps;
    assert_eq!(encode(read, Reply::Timestamps(Timestamps::new(&timestamps[..256]))), Ok(()));
    assert_eq!(encode(read, Reply::Timestamps(Timestamps::new(&timestamps))), refused(read, "timestamps_count"));
    assert_eq!(encode(read, Reply::None), refused(read, "reply"));
    let launch = Operation::LaunchTransfer;
    let written = LaunchTransferReply { descs_programed: 1, launch_transfer_status: 0 };
    assert_eq!(encode(launch, Reply::LaunchTransfer(written)), refused(launch, "reply"));
    assert_eq!(encode(launch, Reply::None), Ok(()));
}
