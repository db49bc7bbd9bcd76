//! [`Driver`]: how it finds the release, what each operation sends and returns, and what it refuses to send.

use std::cell::Cell;
use std::sync::Mutex;

use hailo_abi::command::*;
use hailo_abi::driver::*;
use hailo_abi::enums::*;
use hailo_abi::interface::{Nearest, RELEASES, VERSION_QUERIES};
use hailo_abi::{
    ChannelBitmaps, DataModel, Driver, DriverError, DriverRelease, EncodeError, Errno, Frame, Interface, Request,
    Transport,
};

const MODEL: DataModel = DataModel::NATIVE;

type Answer = Box<dyn Fn(&Command<'_>, &Interface, &mut [u8]) -> Result<u32, Errno> + Send + Sync>;

/// A driver of a release that answers as it is told, and remembers the operations that it was asked for.
struct Scripted {
    release: DriverRelease,
    interface: &'static Interface,
    answer: Answer,
    asked: Mutex<Vec<Request>>,
}

impl Scripted {
    fn new(
        release: DriverRelease,
        answer: impl Fn(&Command<'_>, &Interface, &mut [u8]) -> Result<u32, Errno> + Send + Sync + 'static,
    ) -> Self {
        let interface = Interface::of(release).expect("a known release");
        Self { release, interface, answer: Box::new(answer), asked: Mutex::default() }
    }

    /// One that writes this reply and returns this value.
    fn replying(release: DriverRelease, reply: Reply<'static>, value: u32) -> Self {
        Self::new(release, move |command, interface, bytes| {
            interface.encode_reply(MODEL, command.operation(), &reply, bytes).expect("a reply of this operation");
            Ok(value)
        })
    }
}

impl Transport for Scripted {
    fn submit(&self, mut frame: Frame<'_>) -> Result<u32, Errno> {
        self.asked.lock().expect("no panic").push(frame.request());
        let request = frame.request();
        let bytes = frame.argument().to_vec();
        let Ok(command) = self.interface.decode(MODEL, request, &bytes) else { return Err(Errno::ENOTTY) };
        if command == Command::QueryDriverInfo {
            let reply = Reply::DriverInfo(DriverInfo { release: self.release });
            self.interface.encode_reply(MODEL, command.operation(), &reply, frame.argument_mut()).expect("its reply");
            return Ok(0);
        }
        (self.answer)(&command, self.interface, frame.argument_mut())
    }
}

fn release(text: &str) -> DriverRelease {
    text.parse().expect("a release")
}

fn releases() -> impl Iterator<Item = DriverRelease> {
    RELEASES.iter().map(|(release, _)| *release)
}

#[test]
fn every_release_is_detected() {
    for release in releases() {
        let driver = Driver::detect(Scripted::new(release, |_, _, _| Err(Errno::EINVAL))).expect("a known release");
        assert_eq!(driver.release(), release);
        assert!(std::ptr::eq(driver.interface(), Interface::of(release).expect("known")));
        let asked = driver.into_transport().asked.into_inner().expect("no panic");
        assert_eq!(asked, &VERSION_QUERIES[..asked.len()], "the newest first, none twice");
        assert_eq!(
            asked.last().copied(),
            Interface::of(release).and_then(|known| known.request(Operation::QueryDriverInfo, MODEL))
        );
    }
    assert_eq!(VERSION_QUERIES.len(), 3);
}

/// Answers the version query with a code and a release.
struct Version(Request, DriverRelease);

impl Transport for Version {
    fn submit(&self, mut frame: Frame<'_>) -> Result<u32, Errno> {
        if frame.request() != self.0 {
            return Err(Errno::ENOTTY);
        }
        let numbers = [self.1.major, self.1.minor, self.1.revision];
        frame.argument_mut().copy_from_slice(&numbers.map(u32::to_le_bytes).concat());
        Ok(0)
    }
}

#[test]
fn an_unknown_release_is_named_with_the_nearest_known_ones() {
    let older = |text| Driver::detect(Version(VERSION_QUERIES[1], release(text))).map(|driver| driver.release());
    let error = |found, older, newer| {
        Err(DriverError::UnknownRelease {
            found: release(found),
            nearest: Nearest { before: Option::map(older, release), after: Option::map(newer, release) },
        })
    };
    assert_eq!(older("4.22.1"), error("4.22.1", Some("4.22.0"), Some("4.23.0")));
    assert_eq!(older("4.16.0"), error("4.16.0", None, Some("4.17.0")));
    assert_eq!(older("5.4.0"), error("5.4.0", Some("5.3.0"), None));
    assert_eq!(
        older("4.22.1").expect_err("unknown").to_string(),
        "the driver's release 4.22.1 is not known (the nearest known: 4.22.0 and 4.23.0)"
    );
    let assumed = Driver::with_release(Version(VERSION_QUERIES[1], release("4.22.1")), release("4.22.0"));
    assert_eq!(assumed.expect("a known release").release(), release("4.22.0"));
    assert!(matches!(
        Driver::with_release(Version(VERSION_QUERIES[1], release("4.22.1")), release("4.22.1")),
        Err(DriverError::UnknownRelease { .. })
    ));
}

#[test]
fn a_release_that_answers_under_a_foreign_code_is_refused() {
    let found = release("4.17.0");
    let error = Driver::detect(Version(VERSION_QUERIES[0], found)).map(|_| ()).expect_err("another code");
    assert_eq!(error, DriverError::WrongVersionQuery { found });
}

#[test]
fn what_understands_no_version_query_is_no_driver() {
    struct Answering(Errno, Mutex<usize>);
    impl Transport for Answering {
        fn submit(&self, _: Frame<'_>) -> Result<u32, Errno> {
            *self.1.lock().expect("no panic") += 1;
            Err(self.0)
        }
    }
    let other = Answering(Errno::ENOTTY, Mutex::new(0));
    assert_eq!(Driver::detect(&other).map(|_| ()), Err(DriverError::NoVersionQuery));
    assert_eq!(*other.1.lock().expect("no panic"), 3);
    let gone = Answering(Errno::ENODEV, Mutex::new(0));
    let error = DriverError::Errno { operation: Operation::QueryDriverInfo, errno: Errno::ENODEV };
    assert_eq!(Driver::detect(&gone).map(|_| ()), Err(error));
    assert_eq!(*gone.1.lock().expect("no panic"), 1, "only ENOTTY means another code");
}

fn launch() -> LaunchTransfer {
    let buffer = TransferBuffer { mapped_buffer_handle: 3, address_or_fd: 0x7000, size: 4096, ..TransferBuffer::EMPTY };
    LaunchTransfer::new(16, 0x1000, [buffer])
}

#[test]
fn a_launch_says_how_many_descriptors_it_took_in_every_release() {
    for release in releases() {
        let writes_back = release < DriverRelease::new(4, 21, 0);
        let scripted = Scripted::new(release, move |command, interface, bytes| {
            let Command::LaunchTransfer(params) = command else { panic!("{command:?}") };
            assert_eq!((params.channel_index, params.buffers_count, params.desc_handle), (16, 1, 0x1000));
            assert_eq!(params.buffers[0].size, 4096);
            assert_eq!(params.buffers[0].mapped_buffer_handle, if writes_back { 3 } else { 0 });
            assert_eq!(params.buffers[0].address_or_fd, if writes_back { 0 } else { 0x7000 });
            assert_eq!(params.buffers[1..], [TransferBuffer::EMPTY; 7]);
            if writes_back {
                let reply = LaunchTransferReply { descs_programed: 8, launch_transfer_status: 0 };
                interface
                    .encode_reply(MODEL, command.operation(), &Reply::LaunchTransfer(reply), bytes)
                    .expect("its reply");
                return Ok(0);
            }
            Ok(8)
        });
        let driver = Driver::detect(scripted).expect("a known release");
        // SAFETY: nothing is behind this transport.
        let launched = unsafe { driver.launch_transfer(&launch()) }.expect("it answers");
        let return_value = if writes_back { 0 } else { 8 };
        assert_eq!(launched, Launched { descriptors: 8, return_value }, "{release}");
    }
}

#[test]
fn a_launch_sends_what_encoding_gives() {
    for release in releases() {
        for buffers_count in [0, 1, 2, 3, 8, 9, 255] {
            let mut params = launch();
            params.buffers_count = buffers_count;
            for index in 1..usize::from(buffers_count).min(8) {
                params.buffers[index] = TransferBuffer { size: 100 + index as u32, ..params.buffers[0] };
            }
            let interface = Interface::of(release).expect("known");
            let mut buffer = [0; 4120];
            let encoded = interface.encode(MODEL, &Command::LaunchTransfer(params), &mut buffer);
            let expected = encoded.as_ref().ok().map(|(request, bytes)| (*request, bytes.to_vec()));
            let error = encoded.err();
            let scripted = Sent(Mutex::default());
            let driver = Driver::with_release(&scripted, release).expect("known");
            // SAFETY: nothing is behind this transport.
            let launched = unsafe { driver.launch_transfer(&params) };
            let mut sent = scripted.0.lock().expect("no panic").take();
            if buffers_count == 0 {
                // The first buffer is not counted, so it is not sent.
                let sent = sent.as_mut().expect("sent");
                assert!(sent.1.len() == expected.as_ref().expect("encoded").1.len());
                continue;
            }
            assert_eq!(sent, expected, "{release}, {buffers_count} buffers");
            assert_eq!(launched.err(), error.map(DriverError::Encode));
        }
    }
}

/// Remembers what was sent last.
struct Sent(Mutex<Option<(Request, Vec<u8>)>>);

impl Transport for Sent {
    fn submit(&self, frame: Frame<'_>) -> Result<u32, Errno> {
        *self.0.lock().expect("no panic") = Some((frame.request(), frame.argument().to_vec()));
        Ok(0)
    }
}

#[test]
fn a_status_that_a_launch_writes_back_is_an_error() {
    let reply = LaunchTransferReply { descs_programed: 0, launch_transfer_status: -Errno::ECONNRESET.raw() };
    let driver = Driver::detect(Scripted::replying(release("4.20.0"), Reply::LaunchTransfer(reply), 0)).expect("known");
    // SAFETY: nothing is behind this transport.
    let error = unsafe { driver.launch_transfer(&launch()) }.expect_err("a status");
    assert_eq!(error, DriverError::Errno { operation: Operation::LaunchTransfer, errno: Errno::ECONNRESET });
    assert_eq!(error.to_string(), "the driver answered LaunchTransfer with ECONNRESET");
}

#[test]
fn interrupts_say_the_same_in_every_generation() {
    let entry = |channel_index, is_active, validation_success, progress| ChannelInterrupt {
        engine_index: 0,
        channel_index,
        is_active,
        progress,
        host_error: 0,
        device_error: 0,
        validation_success,
    };
    for release in releases() {
        let count = |count| match release < DriverRelease::new(4, 18, 0) {
            true => Progress::Descriptors(u16::from(count)),
            false => Progress::Transfers(count),
        };
        let said = [entry(1, true, true, count(7)), entry(16, false, true, count(0)), entry(17, true, false, count(0))];
        let scripted = Scripted::new(release, move |command, interface, bytes| {
            let Command::InterruptsWait(params) = command else { panic!("{command:?}") };
            assert_eq!(params.channels, ChannelBitmaps::engine0(0x3_0002));
            let reply = Reply::InterruptsWait(InterruptsWaitReply::new(&said));
            interface.encode_reply(MODEL, command.operation(), &reply, bytes).expect("its reply");
            Ok(0)
        });
        let driver = Driver::detect(scripted).expect("known");
        let params = InterruptsWait { channels: ChannelBitmaps::engine0(0x3_0002) };
        let mut buffer = InterruptsWaitBuffer::new();
        for _ in 0..2 {
            let reply = driver.interrupts_wait(&params, &mut buffer).expect("it answers");
            assert_eq!(reply.channels_count(), 3);
            assert!(reply.iter().eq(said), "{release}");
        }
    }
}

#[test]
fn error_bits_are_a_failed_validation_since_4_21() {
    let interrupt = ChannelInterrupt {
        engine_index: 0,
        channel_index: 3,
        is_active: true,
        progress: Progress::Transfers(1),
        host_error: 2,
        device_error: 0,
        validation_success: false,
    };
    for (name, data) in [("4.20.1", None), ("4.21.0", Some(0xfe))] {
        let interface = Interface::of(release(name)).expect("known");
        let mut bytes = vec![0; interface.request(Operation::InterruptsWait, MODEL).expect("has it").size()];
        let interrupts = [interrupt];
        let reply = Reply::InterruptsWait(InterruptsWaitReply::new(&interrupts));
        interface.encode_reply(MODEL, Operation::InterruptsWait, &reply, &mut bytes).expect("its reply");
        let expected: &[u8] = if data.is_some() { &[0, 3, 0xfe] } else { &[0, 3, 1, 1, 2, 0, 0] };
        assert_eq!(&bytes[13..13 + expected.len()], expected, "{name}");
    }
}

/// Sends every operation once, with parameters that this release can express. Returns the ones that it knows.
fn every_operation(driver: &Driver<&Scripted>) -> Vec<Operation> {
    let is_new = driver.release() >= DriverRelease::new(5, 3, 0);
    let has_types = driver.release() >= DriverRelease::new(4, 18, 0);
    let known = Cell::new(Vec::new());
    let seen = |operation: Operation, result: Result<(), DriverError>| match result {
        Ok(()) => known.set([known.take(), vec![operation]].concat()),
        Err(DriverError::Encode(EncodeError::NoOperation { operation: refused, .. })) => assert_eq!(refused, operation),
        Err(error) => panic!("{}: {operation:?}: {error}", driver.release()),
    };
    macro_rules! call {
        ($($operation:ident: $call:expr;)+) => {
            // SAFETY: nothing is behind this transport.
            unsafe { $(seen(Operation::$operation, $call.map(|_| ()));)+ }
        };
    }
    let (direction, type_) = (DataDirection::TO_DEVICE, BufferType::USER_PTR);
    let channels = ChannelBitmaps::engine0(1);
    let last = if is_new || !has_types { InterruptsDomain::NONE } else { InterruptsDomain::HOST };
    call! {
        QueryDriverInfo: driver.query_driver_info();
        QueryDeviceProperties: driver.query_device_properties();
        MemoryTransfer: driver.memory_transfer(
            &MemoryTransfer {
                transfer_direction: TransferDirection::READ, memory_type: 0, address: 0, count: 4, buffer: &[0; 4096],
            },
            &mut MemoryTransferBuffer::new(),
        );
        FwControl: driver.fw_control(
            &FwControl { expected_md5: [1; 16], buffer_len: 3, buffer: b"abc", timeout_ms: 1000, cpu_id: CpuId::CPU1 },
            &mut FwControlBuffer::new(),
        );
        ReadNotification: driver.read_notification(&mut NotificationBuffer::new());
        DisableNotification: driver.disable_notification();
        ReadLog: driver.read_log(&ReadLog { cpu_id: CpuId::CPU0, buffer_size: 512 }, &mut LogBuffer::new());
        ResetNnCore: driver.reset_nn_core();
        WriteActionList: driver.write_action_list(&WriteActionList { data: 0x1000, size: 4 });
        EnableChannels: driver.enable_channels(&EnableChannels { channels, enable_timestamps_measure: false });
        DisableChannels: driver.disable_channels(&DisableChannels { channels });
        InterruptsWait: driver.interrupts_wait(&InterruptsWait { channels }, &mut InterruptsWaitBuffer::new());
        InterruptsReadTimestamps: driver.read_timestamps(
            &InterruptsReadTimestamps { engine_index: 0, channel_index: 1 },
            &mut TimestampsBuffer::new(),
        );
        BufferMap: driver.buffer_map(&BufferMap {
            address_or_fd: 0x1000, size: 4096, data_direction: direction, buffer_type: type_,
            allocated_buffer_handle: None,
        });
        BufferUnmap: driver.buffer_unmap(&BufferUnmap {
            mapped_handle: 1, address_or_fd: 0x1000, size: 4096, data_direction: direction, buffer_type: type_,
        });
        BufferSync: driver.buffer_sync(&BufferSync { handle: 1, sync_type: SyncType::FOR_CPU, offset: 0, count: 1 });
        DescListCreate: driver.desc_list_create(&DescListCreate { desc_count: 8, desc_page_size: 512, is_circular: true });
        DescListRelease: driver.desc_list_release(&DescListRelease { desc_handle: 0x1000 });
        DescListProgram: driver.desc_list_program(&DescListProgram {
            buffer_handle: 1, buffer_size: 512, buffer_offset: 0, batch_size: 1, desc_handle: 0x1000, channel_index: 0,
            starting_desc: 0, should_bind: true, last_interrupts_domain: last, is_debug: false, stride: 0,
        });
        LowMemoryBufferAlloc: driver.low_memory_buffer_alloc(&LowMemoryBufferAlloc { buffer_size: 4096 });
        LowMemoryBufferFree: driver.low_memory_buffer_free(&LowMemoryBufferFree { buffer_handle: 0x1000 });
        MarkAsInUse: driver.mark_as_in_use();
        ContinuousBufferAlloc: driver.continuous_buffer_alloc(&ContinuousBufferAlloc { buffer_size: 4096 });
        ContinuousBufferFree: driver.continuous_buffer_free(&ContinuousBufferFree { buffer_handle: 0x1000 });
        LaunchTransfer: driver.launch_transfer(&launch());
        PrepareTransfer: driver.prepare_transfer(&PrepareTransfer {
            channel_index: 0, desc_handle: 0x1000, buffers_count: 1, buffers: launch().buffers,
            first_interrupts_domain: InterruptsDomain::NONE, last_interrupts_domain: InterruptsDomain::HOST,
            is_debug: false,
        });
        CancelPreparedTransfer: driver.cancel_prepared_transfer(&CancelPreparedTransfer { desc_handle: 0x1000 });
        SocConnect: driver.soc_connect(&SocConnect { port_number: 0, input_desc_handle: 1, output_desc_handle: 2 });
        SocClose: driver.soc_close(&SocClose { input_channel_index: 0, output_channel_index: 16 });
        SocPowerOff: driver.soc_power_off();
        PciEpAccept: driver.pci_ep_accept(&PciEpAccept { port_number: 0, input_desc_handle: 1, output_desc_handle: 2 });
        PciEpClose: driver.pci_ep_close(&PciEpClose { input_channel_index: 0, output_channel_index: 16 });
        PciEpListen: driver.pci_ep_listen(&PciEpListen { port_number: 1, backlog_size: 2 });
        NonLinuxDescListMmap: driver.non_linux_desc_list_mmap(&NonLinuxDescListMmap { desc_handle: 0x1000, size: 4096 });
    }
    known.into_inner()
}

#[test]
fn every_operation_is_sent_where_it_exists_and_refused_elsewhere() {
    for release in releases() {
        let scripted = Scripted::new(release, |_, _, _| Ok(0));
        let driver = Driver::detect(&scripted).expect("known");
        scripted.asked.lock().expect("no panic").clear();
        let operations = every_operation(&driver);
        let interface = driver.interface();
        let expected: Vec<_> =
            Operation::ALL.iter().copied().filter(|operation| interface.entry(*operation).is_some()).collect();
        assert_eq!(operations, expected, "{release}");
        let asked: Vec<_> = expected.iter().filter_map(|operation| interface.request(*operation, MODEL)).collect();
        assert_eq!(*scripted.asked.lock().expect("no panic"), asked, "{release}: nothing else was sent");
    }
}

#[test]
fn program_returns_what_the_call_returns() {
    for release in releases() {
        let driver = Driver::detect(Scripted::new(release, |_, _, _| Ok(5))).expect("known");
        let params = DescListProgram {
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
        // SAFETY: nothing is behind this transport.
        assert_eq!(unsafe { driver.desc_list_program(&params) }, Ok(5));
    }
}

#[test]
fn frames_of_harmless_requests_are_safe_and_no_others() {
    for (_, interface) in RELEASES {
        for entry in interface.requests {
            for model in DataModel::ALL {
                let request = entry.codec(model).request;
                let mut bytes = vec![0; request.size()];
                let frame = Frame::harmless(request, &mut bytes);
                assert_eq!(frame.is_ok(), entry.operation.is_harmless(), "{}", entry.name);
            }
        }
    }
    let mut long = [0; 13];
    assert!(Frame::harmless(VERSION_QUERIES[0], &mut long).is_err());
    assert!(Frame::harmless(Request::io(b'x', 0), &mut []).is_err());
}
