//! The emulated firmware answers every control that it is sent, in the form of its release.

use std::sync::{Arc, Mutex};

use hailo_abi::DriverRelease;
use hailo_abi::command::FwControl;
use hailo_abi::driver::{Driver, FwControlBuffer};
use hailo_abi::firmware::control::{
    CommonHeader, Expected, GetPowerMeasurement, IdleTimeSetMeasurement, LoggerLevel, Opcode, ReadMemory, Request,
    Response, ResponseError, SetClockFrequency, SetFirmwareLogger, SetNetworkGroupHeader, SetPauseFrames,
    SetPowerMeasurement, SetSleepState, SleepState, StartPowerMeasurement, WatchdogConfig, WatchdogEnable,
    WatchdogMode, WriteMemory,
};
use hailo_abi::firmware::{FirmwareInterface, FirmwareRelease, NetworkGroupHeader};
use hailo_mock::firmware::{Logger, Settings, Watchdog};
use hailo_mock::{BoardFirmware, FirmwareState, Machine, MockTransport};
use md5::{Digest, Md5};

/// Sends a control to emulated firmware of a version and returns its answer.
fn ask(driver: &Driver<MockTransport>, request: &[u8], opcode: Opcode) -> Vec<u8> {
    let params = FwControl {
        expected_md5: Md5::digest(request).into(),
        buffer_len: request.len() as u32,
        buffer: request,
        timeout_ms: 1000,
        cpu_id: hailo_abi::enums::CpuId::from_raw(opcode.cpu().0.into()),
    };
    let mut buffer = FwControlBuffer::default();
    // SAFETY: the control is shorter than 1500 bytes, and the emulator's firmware reaches no memory of this process.
    let reply = unsafe { driver.fw_control(&params, &mut buffer) }.expect("an answer");
    let message = reply.message().expect("a length that fits");
    assert_eq!(<[u8; 16]>::from(Md5::digest(message)), reply.expected_md5, "the MD5 is that of the answer");
    message.to_vec()
}

fn driver(release: DriverRelease, firmware: DriverRelease) -> Driver<MockTransport> {
    let machine = Machine::builder().driver(release).firmware_version(firmware).build().expect("a machine");
    let transport = MockTransport::open(&machine, 0).expect("a board");
    Driver::with_release(transport, release).expect("a known release")
}

#[test]
fn every_recorded_request_is_answered_in_its_form() {
    let driver = driver(DriverRelease::new(4, 23, 0), DriverRelease::new(4, 23, 0));
    let interface = FirmwareInterface::V4_21;
    let text = hailo_tests::golden::text("firmware/control-requests-v4.23.0.jsonl");
    let (mut answered, mut refused, mut silent) = (0, 0, 0);
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let Some(hex) = row["bytes"].as_str().filter(|hex| !hex.is_empty()) else { continue };
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect();
        let (header, _) = CommonHeader::parse(&bytes).expect("a header");
        if header.opcode == Opcode::RESET {
            // A soft reset has no answer.
            silent += 1;
            continue;
        }
        let message = ask(&driver, &bytes, header.opcode);
        let expected = Expected::request(header.opcode, header.sequence);
        match Response::decode(interface, expected, &message) {
            Ok((answer, _)) => {
                assert_eq!(answer.common.sequence, header.sequence, "{line}");
                answered += 1;
            }
            Err(ResponseError::Status { .. }) => refused += 1,
            Err(error) => panic!("{line}: {error}"),
        }
    }
    println!("{answered} answered, {refused} refused with a status, {silent} without answer");
    // The recorded header of a network group is bytes that count up, which no firmware takes.
    assert!(answered >= 40, "{answered} answered, {refused} refused");
}

#[test]
fn every_release_identifies_itself() {
    let mut releases = 0;
    for (release, _) in hailo_abi::interface::RELEASES {
        let firmware = FirmwareRelease::new(release.major, release.minor, release.revision);
        let driver = driver(*release, *release);
        let interface = firmware.interface().unwrap_or(FirmwareInterface::RELEASE_INDEPENDENT);
        let request = Request::Identify.encode(interface, 1).expect("a request");
        let message = ask(&driver, request.as_slice(), Opcode::IDENTIFY);
        match Response::decode(interface, Expected::request(Opcode::IDENTIFY, 1), &message) {
            Ok((_, Response::Identity(identity))) => assert_eq!(identity.fw_version.release(), firmware),
            other => panic!("{release}: {other:?}"),
        }
        releases += 1;
    }
    assert_eq!(releases, hailo_abi::interface::RELEASES.len());
}

/// What the firmware answers: nothing, or the vendor's names of the two status codes.
type Told = Result<(), (&'static str, &'static str)>;

#[test]
fn what_is_set_is_kept_until_the_firmware_starts_again() {
    let release = DriverRelease::new(4, 23, 0);
    let state = Arc::new(Mutex::new(FirmwareState::default()));
    let shared = Arc::clone(&state);
    let machine = Machine::builder().firmware(move |_| BoardFirmware::sharing(Arc::clone(&shared))).build().unwrap();
    let driver = Driver::with_release(MockTransport::open(&machine, 0).unwrap(), release).unwrap();
    let interface = FirmwareInterface::V4_21;
    let tell = |request: Request<'_>| -> Told {
        let message = ask(&driver, request.encode(interface, 1).unwrap().as_slice(), request.opcode());
        match Response::decode(interface, Expected::request(request.opcode(), 1), &message) {
            Ok((_, Response::Done)) => Ok(()),
            Err(ResponseError::Status { major, minor, .. }) => Err((major.name().unwrap(), minor.name().unwrap())),
            other => panic!("{other:?}"),
        }
    };
    let settings = || state.lock().unwrap().settings.clone();
    let twice = |name| Err((name, name));

    let enable = |on: bool| WatchdogEnable { should_enable: on.into() };
    let config = |wd_cycles, wd_mode| WatchdogConfig { wd_cycles, wd_mode };
    let failed = |minor| Err(("CONTROL_PROTOCOL_STATUS_WD_ENABLE_FAILED", minor));
    assert_eq!(tell(Request::AppWatchdogEnable(enable(false))), failed("WD_STATUS_DISABLE_WHILE_DISABLED"));
    assert_eq!(tell(Request::AppWatchdogConfig(config(1000, WatchdogMode::HW_ONLY))), Ok(()));
    let failed_config = |minor| Err(("CONTROL_PROTOCOL_STATUS_WD_CONFIG_FAILED", minor));
    assert_eq!(
        tell(Request::AppWatchdogConfig(config(0, WatchdogMode::HW_SW))),
        failed_config("WD_STATUS_INVALID_WD_CYCLES")
    );
    assert_eq!(
        tell(Request::AppWatchdogConfig(config(1, WatchdogMode(2)))),
        failed_config("WD_STATUS_INVALID_PARAMETERS")
    );
    assert_eq!(tell(Request::AppWatchdogEnable(enable(true))), Ok(()));
    assert_eq!(tell(Request::AppWatchdogEnable(enable(true))), failed("WD_STATUS_ENABLE_WHILE_ENABLED"));
    assert_eq!(
        tell(Request::AppWatchdogConfig(config(2000, WatchdogMode::HW_SW))),
        failed_config("WD_STATUS_CONFIG_WHILE_ENABLED")
    );
    let watched = Watchdog { enabled: true, cycles: 1000, mode: WatchdogMode::HW_ONLY };
    assert_eq!((settings().app_watchdog, settings().core_watchdog), (watched, Watchdog::default()));
    assert_eq!(tell(Request::CoreWatchdogEnable(enable(true))), Ok(()));
    assert!(settings().core_watchdog.enabled);

    let logger = |level, interfaces| {
        Request::SetFirmwareLogger(SetFirmwareLogger { level, logger_interface_bit_mask: interfaces })
    };
    assert_eq!(tell(logger(LoggerLevel(6), 1)), twice("CONTROL_PROTOCOL_STATUS_INVALID_LOGGER_LEVEL"));
    assert_eq!(tell(logger(LoggerLevel::WARN, 4)), twice("CONTROL_PROTOCOL_STATUS_INVALID_LOGGER_INTERFACE"));
    assert_eq!(settings().logger, Logger::default());
    assert_eq!(tell(logger(LoggerLevel::WARN, 2)), Ok(()));
    assert_eq!(settings().logger, Logger { level: LoggerLevel::WARN, interfaces: 2 });

    let pause = |on: bool| Request::SetPauseFrames(SetPauseFrames { rx_pause_frames_enable: on.into() });
    assert_eq!((tell(pause(true)), settings().rx_pause_frames), (Ok(()), true));
    let sleep = |sleep_state| Request::SetSleepState(SetSleepState { sleep_state });
    assert_eq!(tell(sleep(SleepState(9))), twice("CONTROL_PROTOCOL_STATUS_INVALID_SLEEP_STATE"));
    assert_eq!((tell(sleep(SleepState(1))), settings().sleep), (Ok(()), SleepState(1)));
    let clock = |clock_freq| Request::SetClockFrequency(SetClockFrequency { clock_freq });
    assert_eq!(tell(clock(123)), twice("SOC_INVALID_CLOCK_RATE"));
    assert_eq!((tell(clock(200_000_000)), settings().clock_rate), (Ok(()), Some(200_000_000)));

    let idle = |on: bool| Request::IdleTimeSetMeasurement(IdleTimeSetMeasurement { measurement_enable: on.into() });
    let already = "CONTROL_PROTOCOL_STATUS_IDLE_TIME_MEASUREMENT_ALREADY_SET";
    assert_eq!([tell(idle(false)), tell(idle(true)), tell(idle(true))], [twice(already), Ok(()), twice(already)]);

    let start = StartPowerMeasurement { delay_milliseconds: 1, ..StartPowerMeasurement::default() };
    let get = |index| Request::GetPowerMeasurement(GetPowerMeasurement { index, should_clear: false.into() });
    let wrong_index = twice("CONTROL_PROTOCOL_STATUS_INVALID_POWER_MEASUREMENT_INDEX");
    let not_running =
        Err(("CONTROL_PROTOCOL_STATUS_FAILED_GET_POWER_MEASUREMENT", "HAILO_POWER_MEASUREMENT_TASK_NOT_RUNNING"));
    assert_eq!((tell(get(4)), tell(get(0))), (wrong_index, not_running));
    let set = SetPowerMeasurement { index: 4, ..SetPowerMeasurement::default() };
    assert_eq!(tell(Request::SetPowerMeasurement(set)), wrong_index);
    assert_eq!(tell(Request::StartPowerMeasurement(start)), Ok(()));
    let running =
        ("CONTROL_PROTOCOL_STATUS_FAILED_START_POWER_MEASUREMENT", "HAILO_POWER_MEASUREMENT_STATUS_ALREADY_STARTED");
    assert_eq!(tell(Request::StartPowerMeasurement(start)), Err(running));
    assert_eq!(tell(Request::StopPowerMeasurement), Ok(()));

    let overrun = twice("FIRMWARE_CONFIGS_STATUS_BOARD_CONFIG_OVERRUN");
    assert_eq!(tell(Request::ReadBoardConfig(ReadMemory { address: 500, data_count: 1 })), overrun);
    let write = WriteMemory { address: 0x8000, data: &[1] };
    assert_eq!(tell(Request::WriteBoardConfig(write)), overrun);
    assert_eq!(tell(Request::WriteUserConfig(write)), twice("FIRMWARE_CONFIGS_STATUS_USER_CONFIG_OVERRUN"));

    assert_eq!(tell(Request::WriteMemory(WriteMemory { address: 0x6000_0000, data: &[1, 2, 3] })), Ok(()));
    assert_ne!(settings(), Settings::default());
    machine.suspend_resume();
    assert_eq!(settings(), Settings::default());
}

#[test]
fn memory_reads_as_it_was_written() {
    let driver = driver(DriverRelease::new(4, 23, 0), DriverRelease::new(4, 23, 0));
    let interface = FirmwareInterface::V4_21;
    let read = |address, data_count| {
        let request = Request::ReadMemory(ReadMemory { address, data_count });
        let message = ask(&driver, request.encode(interface, 1).unwrap().as_slice(), request.opcode());
        match Response::decode(interface, Expected::request(request.opcode(), 1), &message) {
            Ok((_, Response::MemoryData(data))) => data.data.to_vec(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read(0x6000_0000, 4), [0; 4]);
    let request = Request::WriteMemory(WriteMemory { address: 0x6000_0ffe, data: &[1, 2, 3, 4] });
    ask(&driver, request.encode(interface, 1).unwrap().as_slice(), request.opcode());
    assert_eq!(read(0x6000_0ffd, 6), [0, 1, 2, 3, 4, 0]);
    assert_eq!(read(0, 1024).len(), 1024);
}

#[test]
fn configured_network_groups_are_listed_until_they_are_cleared() {
    let opcode = Opcode::GET_CONTEXT_SWITCH_MAIN_HEADER;
    let mut releases = 0;
    for (release, _) in hailo_abi::interface::RELEASES {
        let firmware = FirmwareRelease::new(release.major, release.minor, release.revision);
        let Some(interface) = firmware.interface() else { continue };
        let driver = driver(*release, *release);
        let tell = |request: Request<'_>| {
            let message = ask(&driver, request.encode(interface, 1).expect("a request").as_slice(), request.opcode());
            let answer = Response::decode(interface, Expected::request(request.opcode(), 1), &message);
            assert!(matches!(answer, Ok((_, Response::Done))), "{release}: {answer:?}");
        };
        let listed = || {
            let request = Request::GetContextSwitchMainHeader.encode(interface, 1).expect("a request");
            let message = ask(&driver, request.as_slice(), opcode);
            match Response::decode(interface, Expected::request(opcode, 1), &message) {
                Ok((_, Response::MainHeaderAnswer(answer))) => (0..usize::from(answer.application_count()))
                    .map(|index| answer.header(interface, index).expect("a header").dynamic_contexts_count)
                    .collect::<Vec<_>>(),
                other => panic!("{release}: {other:?}"),
            }
        };
        assert_eq!(listed(), [0; 0], "{release}");
        for dynamic_contexts_count in [1, 3] {
            let application_header = NetworkGroupHeader { dynamic_contexts_count, ..NetworkGroupHeader::default() };
            tell(Request::SetNetworkGroupHeader(SetNetworkGroupHeader { application_header }));
        }
        assert_eq!(listed(), [1, 3], "{release}");
        tell(Request::ClearConfiguredApps);
        assert_eq!(listed(), [0; 0], "{release}");
        releases += 1;
    }
    assert_eq!(releases, 16, "all but 5.3.0, whose firmware is not known");
}

#[test]
fn the_health_of_the_board_is_what_was_set() {
    let state = Arc::new(Mutex::new(FirmwareState::default()));
    {
        let values = &mut state.lock().unwrap().values;
        values.orange_threshold = [91, 85];
        values.red_threshold = [113, 107];
    }
    let machine = Machine::builder().firmware(move |_| BoardFirmware::sharing(Arc::clone(&state))).build().unwrap();
    let release = DriverRelease::new(4, 23, 0);
    let driver = Driver::with_release(MockTransport::open(&machine, 0).unwrap(), release).unwrap();
    let interface = FirmwareInterface::V4_21;
    let request = Request::GetHealthInformation;
    let message = ask(&driver, request.encode(interface, 1).unwrap().as_slice(), request.opcode());
    let response = Response::decode(interface, Expected::request(request.opcode(), 1), &message);
    let Ok((_, Response::HealthInformation(health))) = response else { panic!("{response:?}") };
    assert_eq!((health.orange_temperature_threshold, health.orange_hysteresis_temperature_threshold), (91, 85));
    assert_eq!((health.red_temperature_threshold, health.red_hysteresis_temperature_threshold), (113, 107));
    assert_eq!((health.current_temperature_zone, health.current_temperature_throttling_level), (0, -1));
}

#[test]
fn cleared_measurements_begin_anew() {
    const PERIOD_US: u128 = 2640;
    let release = DriverRelease::new(4, 23, 0);
    let driver = driver(release, release);
    let interface = FirmwareInterface::V4_21;
    let tell = |request: Request<'_>| {
        let message = ask(&driver, request.encode(interface, 1).unwrap().as_slice(), request.opcode());
        let expected = Expected::request(request.opcode(), 1);
        match Response::decode(interface, expected, &message).map(|(_, response)| response) {
            Ok(Response::PowerStatistics(statistics)) => Some(statistics.total_number_of_samples),
            Ok(Response::Done) => None,
            other => panic!("{other:?}"),
        }
    };
    let samples = |clear: bool| {
        let get = GetPowerMeasurement { index: 0, should_clear: clear.into() };
        tell(Request::GetPowerMeasurement(get)).unwrap()
    };
    let start = StartPowerMeasurement { delay_milliseconds: 1, ..StartPowerMeasurement::default() };
    assert_eq!(tell(Request::StartPowerMeasurement(start)), None);
    let time = std::time::Duration::from_millis(100);
    std::thread::sleep(time);
    let before = samples(true);
    assert!(u128::from(before) >= time.as_micros() / PERIOD_US, "{before} samples in {time:?}");
    let cleared = std::time::Instant::now();
    let after = samples(false);
    // Nothing of before is counted, however long it took to ask.
    assert!(
        u128::from(after) <= cleared.elapsed().as_micros() / PERIOD_US + u128::from(before) / 2,
        "{before}, then {after}"
    );
}
