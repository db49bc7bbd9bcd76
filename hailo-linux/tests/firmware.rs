//! The typed controls, on emulated firmware that answers well, badly, late and not at all.
#![cfg(feature = "emulator")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hailo_abi::Operation;
use hailo_abi::firmware::FirmwareStatus;
use hailo_abi::firmware::control::{
    CommonHeader, ControlStatus, CpuId, Opcode, ParameterError, ResetType, Response, ResponseError,
};
use hailo_abi::firmware::notification::Event;
use hailo_abi::firmware::user_config::{UserConfigEntry, UserConfigError, UserConfigHeader};
use hailo_abi::interface::RELEASES;
use hailo_linux::emulator::Emulator;
use hailo_linux::firmware::{BOARD_CONFIG_SIZE, Processor};
use hailo_linux::{Device, ErrorKind, Firmware, Invalid, Options};
use hailo_mock::firmware::{Answer, Hardware};
use hailo_mock::{BoardFirmware, Cpu, Fault, FaultTransport, FirmwareState, Machine, MachineOptions, Strike};

/// What is done with the answer to a control.
type Change = Box<dyn FnMut(Opcode, Answer) -> Option<Answer> + Send>;

/// Firmware of a board whose answers are changed, and that remembers what it was asked.
struct Changed {
    board: BoardFirmware,
    asked: Asked,
    change: Arc<Mutex<Change>>,
}

type Asked = Arc<Mutex<Vec<(Cpu, Opcode)>>>;

impl std::fmt::Debug for Changed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changed").field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl hailo_mock::Firmware for Changed {
    fn control(&mut self, hardware: &Hardware<'_>, cpu: Cpu, request: &[u8]) -> Option<Answer> {
        let (header, _) = CommonHeader::parse(request).expect("a header");
        self.asked.lock().unwrap().push((cpu, header.opcode));
        let answer = self.board.control(hardware, cpu, request)?;
        (self.change.lock().unwrap())(header.opcode, answer)
    }
}

/// A board whose firmware's answers are changed once it was identified.
fn changed(change: impl FnMut(Opcode, Answer) -> Option<Answer> + Send + 'static) -> (Firmware, Asked) {
    let asked = Asked::default();
    let active: Arc<Mutex<Change>> = Arc::new(Mutex::new(Box::new(|_, answer| Some(answer))));
    let (seen, later) = (Arc::clone(&asked), Arc::clone(&active));
    let machine = Machine::builder().firmware(move |_| Changed {
        board: BoardFirmware::default(),
        asked: Arc::clone(&seen),
        change: Arc::clone(&later),
    });
    let emulator = Emulator::with_machine(machine.build().unwrap(), "mock");
    let firmware = emulator.open(0).unwrap().firmware().unwrap();
    *active.lock().unwrap() = Box::new(change);
    asked.lock().unwrap().clear();
    (firmware, asked)
}

/// As [`changed`], for the bytes of every answer.
fn edited(edit: impl Fn(&mut Vec<u8>) + Send + 'static) -> Firmware {
    let change = move |_, mut answer: Answer| {
        edit(&mut answer.bytes);
        Some(answer)
    };
    changed(change).0
}

#[test]
fn every_wrong_answer_is_told_apart() {
    let kind = |firmware: &Firmware| firmware.temperature().unwrap_err().kind().clone();
    // Another control's, by opcode and by sequence number.
    assert_eq!(kind(&edited(|bytes| bytes[15] = 42)), ErrorKind::ForeignAnswer);
    assert_eq!(kind(&edited(|bytes| bytes[11] ^= 1)), ErrorKind::ForeignAnswer);
    let answer = |error| ErrorKind::Response(error);
    assert_eq!(kind(&edited(|bytes| bytes[7] = 0)), answer(ResponseError::NotAcknowledged { flags: 0 }));
    assert_eq!(kind(&edited(|bytes| bytes[3] = 3)), answer(ResponseError::Version { actual: 3 }));
    assert_eq!(kind(&edited(|bytes| bytes.truncate(20))), answer(ResponseError::Header { available: 20 }));
    let parameters = |error| answer(ResponseError::Parameters { opcode: Opcode::GET_CHIP_TEMPERATURE, error });
    assert_eq!(kind(&edited(|bytes| bytes.push(0))), parameters(ParameterError::Trailing { count: 1 }));
    assert_eq!(kind(&edited(|bytes| bytes[27] = 2)), parameters(ParameterError::Count { stated: 2, expected: 1 }));
    let (stated, expected) = (11, 10);
    let length = ParameterError::Length { parameter: "info", stated, expected };
    assert_eq!(kind(&edited(|bytes| bytes[31] = 11)), parameters(length));
    let needed = ParameterError::Truncated { parameter: "info", needed: 14, available: 13 };
    assert_eq!(kind(&edited(|bytes| bytes.truncate(41))), parameters(needed));
}

#[test]
fn a_refusal_names_status_and_module() {
    let status = ControlStatus { major_status: FirmwareStatus::new(4, 1), minor_status: FirmwareStatus(0x4003_fff0) };
    let (firmware, _) = changed(move |_, answer| {
        let (header, _) = CommonHeader::parse(&answer.bytes).unwrap();
        Some(Answer::now(Response::encode_failure(&header, status).unwrap().as_slice().to_vec()))
    });
    assert_eq!(
        firmware.temperature().unwrap_err().to_string(),
        format!(
            "mock: cannot read the temperature: the firmware refused: {} (0x40040001, module POWER_MEASUREMENT), from \
             unknown status 0x4003fff0 of module CONTROL",
            status.major_status.name().unwrap()
        )
    );
}

#[test]
fn a_damaged_answer_is_not_believed() {
    let emulator = Emulator::new("mock").unwrap();
    let device = emulator
        .open_through(0, Options::default(), |transport| {
            let interface = hailo_abi::Interface::of(MachineOptions::default().driver).unwrap();
            // The MD5 is what the argument begins with.
            let damaged = Fault::Corrupt { offset: 0, bits: vec![1] };
            Arc::new(FaultTransport::new(transport, interface, vec![Strike::once(Operation::FwControl, 1, damaged)]))
        })
        .unwrap();
    let firmware = device.firmware().unwrap();
    assert_eq!(firmware.temperature().unwrap_err().kind(), &ErrorKind::DamagedAnswer);
    assert!(firmware.temperature().is_ok(), "the next one is sound");
}

#[test]
fn after_a_lost_answer_the_cpu_that_owes_it_is_asked_who_it_is() {
    type Lost = (Opcode, fn(&Firmware) -> bool, Cpu, Opcode);
    let cases: [Lost; 2] = [
        (Opcode::GET_CHIP_TEMPERATURE, |firmware| firmware.temperature().is_ok(), Cpu::Application, Opcode::IDENTIFY),
        (Opcode::GET_HW_CONSTS, |firmware| firmware.hardware_constants().is_ok(), Cpu::Core, Opcode::CORE_IDENTIFY),
    ];
    for (lost, ask, cpu, question) in cases {
        let mut first = true;
        let (firmware, asked) =
            changed(move |opcode, answer| (opcode != lost || !std::mem::take(&mut first)).then_some(answer));
        assert!(!ask(&firmware), "{lost}");
        // Whoever is asked next, first comes the one that may still answer.
        assert!(firmware.throttling().unwrap());
        assert!(ask(&firmware));
        let expected = [(cpu, lost), (cpu, question), (Cpu::Application, Opcode::GET_THROTTLING_STATE), (cpu, lost)];
        assert_eq!(*asked.lock().unwrap(), expected);
    }
    for (opcode, cpu) in [(Opcode::IDENTIFY, CpuId::APP_CPU), (Opcode::CORE_IDENTIFY, CpuId::CORE_CPU)] {
        assert_eq!(opcode.cpu(), cpu, "the vendor sends {opcode} there");
    }
}

#[test]
fn a_late_answer_of_a_typed_control_is_recognised() {
    // Both sensors say 99 °C in the answer that comes too late.
    let mut number = 0;
    let (firmware, _) = changed(move |opcode, mut answer| {
        number += 1;
        if number == 1 {
            assert_eq!(opcode, Opcode::GET_CHIP_TEMPERATURE);
            answer.bytes[32..36].copy_from_slice(&99.0_f32.to_le_bytes());
            answer.delay = Duration::from_millis(1100);
        } else if number == 2 {
            // A CPU answers in order.
            answer.delay = Duration::from_millis(150);
        }
        Some(answer)
    });
    assert!(matches!(firmware.temperature().unwrap_err().kind(), ErrorKind::NoAnswer(_)));
    for _ in 0..3 {
        assert!(firmware.temperature().unwrap().ts0_temperature < 60.0);
    }
}

#[test]
fn switches_are_read_back_on_every_release() {
    for (release, _) in RELEASES {
        let firmware = Device::open(&format!("mock:driver={release}")).unwrap().firmware().unwrap();
        for on in [false, true] {
            firmware.set_throttling(on).unwrap();
            firmware.set_overcurrent_protection(on).unwrap();
            assert_eq!((firmware.throttling().unwrap(), firmware.overcurrent_protection().unwrap()), (on, on));
            let health = firmware.health().unwrap();
            assert_eq!(health.temperature_throttling_active.get(), on, "{release}");
            assert_eq!(health.overcurrent_protection_active.get(), on);
        }
        for processor in [Processor::Application, Processor::Core] {
            assert_eq!(firmware.previous_system_state(processor).unwrap(), 0);
        }
        assert_eq!(firmware.core_version().unwrap().release(), firmware.release());
        assert!(matches!(
            firmware.reset(ResetType::CHIP).unwrap_err().kind(),
            ErrorKind::Invalid(Invalid::Value { given: 0, .. })
        ));
        firmware.reset(ResetType::NN_CORE).unwrap();
    }
}

/// A user configuration with one entry of this length.
fn user_config(length: usize) -> Vec<u8> {
    let header = UserConfigHeader { magic: 0x1234_5678, version: 3, entry_count: 1 };
    let entry = UserConfigEntry { category: 1, entry_id: 2, entry_size: length as u32 };
    let value: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
    [&header.to_bytes().unwrap()[..], &entry.to_bytes().unwrap(), &value].concat()
}

#[test]
fn configurations_are_written_and_erased() {
    for (release, _) in RELEASES {
        let firmware = Device::open(&format!("mock:driver={release}")).unwrap().firmware().unwrap();
        assert_eq!(firmware.user_config().unwrap().1, [0; 0]);
        // In one piece, in several, and shorter again, which leaves nothing behind.
        for length in [0, 992, 993, 5000, 7] {
            let config = user_config(length);
            firmware.erase_user_config().unwrap();
            firmware.write_user_config(&config).unwrap();
            let (size, stored) = firmware.user_config().unwrap();
            assert_eq!(stored, config, "{release}");
            assert_eq!((size.version, size.entry_count, size.total_size), (3, 1, config.len() as u32));
        }
        firmware.erase_user_config().unwrap();
        assert_eq!(firmware.user_config().unwrap().1, [0; 0]);
        let board: Vec<u8> = (0..BOARD_CONFIG_SIZE).map(|index| (index % 241) as u8).collect();
        firmware.write_board_config(&board).unwrap();
        assert_eq!(firmware.board_config().unwrap(), board);
    }
}

#[test]
fn nothing_is_sent_of_a_configuration_that_cannot_be() {
    let (firmware, asked) = changed(|_, answer| Some(answer));
    let sound = user_config(10);
    let invalid = |kind: &ErrorKind| match kind {
        ErrorKind::Invalid(invalid) => invalid.clone(),
        other => panic!("{other:?}"),
    };
    let write = |config: &[u8]| invalid(firmware.write_user_config(config).unwrap_err().kind());
    let truncated =
        |entry, needed, available| Invalid::UserConfig(UserConfigError::Truncated { entry, needed, available });
    assert_eq!(write(&[]), truncated(None, 12, 0));
    assert_eq!(write(&sound[..29]), truncated(Some(0), 18, 17));
    assert_eq!(write(&[&sound[..], &[0]].concat()), Invalid::UserConfig(UserConfigError::Trailing { count: 1 }));
    assert!(matches!(write(&vec![0; (1 << 20) + 1]), Invalid::ConfigLength { max: 0x10_0000, .. }));
    for length in [0, 499, 501] {
        let error = firmware.write_board_config(&vec![0; length]).unwrap_err();
        let sentence =
            format!("mock: cannot write the board configuration: the board configuration has 500 bytes, not {length}");
        assert_eq!(error.to_string(), sentence);
    }
    assert_eq!(*asked.lock().unwrap(), []);
}

/// A board whose firmware shares this state.
fn sharing(state: &Arc<Mutex<FirmwareState>>, options: &str) -> Device {
    let shared = Arc::clone(state);
    let machine = Machine::builder().options(options.parse().unwrap());
    let machine = machine.firmware(move |_| BoardFirmware::sharing(Arc::clone(&shared))).build().unwrap();
    Emulator::with_machine(machine, "mock").open(0).unwrap()
}

#[test]
fn a_board_that_cools_down_leaves_its_zone_later_than_it_entered_it() {
    let state = Arc::default();
    let firmware = sharing(&state, "").firmware().unwrap();
    let at = |temperature: f32| {
        state.lock().unwrap().values.temperatures = [temperature; 2];
        let health = firmware.health().unwrap();
        let megahertz = health.requested_temperature_clock_freq / 1_000_000;
        (health.current_temperature_zone, health.current_temperature_throttling_level, megahertz)
    };
    assert_eq!([at(50.0), at(104.0), at(100.0), at(98.0)], [(0, -1, 400), (1, 0, 300), (1, 0, 300), (0, -1, 400)]);
    assert_eq!([at(120.0), at(117.0), at(116.0)], [(2, 3, 50), (2, 3, 50), (1, 3, 50)]);
    // Nothing lowers the clock when throttling is off, however hot it is.
    firmware.set_throttling(false).unwrap();
    assert_eq!(at(121.0), (2, -1, 400));
    firmware.set_throttling(true).unwrap();
    assert_eq!(at(121.0), (2, 3, 50));
}

#[test]
fn a_temperature_alarm_agrees_with_what_is_measured() {
    let emulator = Emulator::new("mock:notify=0.7").unwrap();
    let device = emulator.open(0).unwrap();
    let firmware = device.firmware().unwrap();
    let near = |one: f32, other: f32| (one - other).abs() <= 0.25;
    assert!(near(firmware.temperature().unwrap().ts0_temperature, 48.5));
    let notifications = device.notifications().unwrap();
    let mut zones = Vec::new();
    while zones.len() < 2 {
        let notification = notifications.receive(Duration::from_secs(60)).unwrap();
        let Event::TemperatureAlarm(alarm) = notification.read(firmware.release()).unwrap().event else { continue };
        // The next one is two notifications away.
        let (measured, health) = (firmware.temperature().unwrap(), firmware.health().unwrap());
        assert!(near(measured.ts0_temperature, alarm.ts0_temperature), "{measured:?} {alarm:?}");
        assert!(near(measured.ts1_temperature, alarm.ts1_temperature), "{measured:?} {alarm:?}");
        assert_eq!(u32::from(health.current_temperature_zone), alarm.temperature_zone);
        let megahertz = health.requested_temperature_clock_freq / 1_000_000;
        assert_eq!(megahertz, if alarm.temperature_zone == 1 { 300 } else { 400 });
        zones.push(alarm.temperature_zone);
    }
    assert_eq!(zones, [1, 0]);
}

#[test]
fn only_lines_that_the_logger_lets_through_are_logged() {
    use hailo_abi::enums::CpuId;
    use hailo_abi::firmware::control::LoggerLevel;
    use hailo_abi::firmware::log::{LOGGER_INTERFACE_HOST, LOGGER_INTERFACE_UART};

    let state = Arc::default();
    let device = sharing(&state, "log=0.002");
    let firmware = device.firmware().unwrap();
    let logs = |level, interfaces| {
        firmware.set_logger(level, interfaces).unwrap();
        // What was logged before, or was about to be.
        std::thread::sleep(Duration::from_millis(50));
        device.read_whole_log(CpuId::CPU0, 1 << 16).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        !device.read_whole_log(CpuId::CPU0, 1 << 16).unwrap().is_empty()
    };
    assert!(logs(LoggerLevel::INFO, LOGGER_INTERFACE_HOST));
    assert!(!logs(LoggerLevel::WARN, LOGGER_INTERFACE_HOST));
    assert!(!logs(LoggerLevel::TRACE, LOGGER_INTERFACE_UART));
    assert!(firmware.set_logger(LoggerLevel(6), LOGGER_INTERFACE_HOST).is_err());
    assert!(firmware.set_logger(LoggerLevel::TRACE, 4).is_err());
    assert_eq!(state.lock().unwrap().settings.logger.interfaces, LOGGER_INTERFACE_UART);
}

#[test]
fn watchdogs_are_configured_while_they_do_not_watch() {
    use hailo_abi::firmware::control::WatchdogMode;

    let state = Arc::default();
    let firmware = sharing(&state, "").firmware().unwrap();
    for processor in [Processor::Application, Processor::Core] {
        firmware.configure_watchdog(processor, 5000, WatchdogMode::HW_ONLY).unwrap();
        firmware.set_watchdog(processor, true).unwrap();
        let error = firmware.configure_watchdog(processor, 1, WatchdogMode::HW_SW).unwrap_err();
        assert!(error.to_string().contains("WD_STATUS_CONFIG_WHILE_ENABLED"), "{error}");
    }
    let settings = state.lock().unwrap().settings.clone();
    for watchdog in [settings.app_watchdog, settings.core_watchdog] {
        assert_eq!((watchdog.enabled, watchdog.cycles, watchdog.mode), (true, 5000, WatchdogMode::HW_ONLY));
    }
}

#[test]
fn memory_of_the_device_is_read_in_pieces() {
    let (firmware, asked) = changed(|_, answer| Some(answer));
    assert_eq!(firmware.read_memory(0x6000_0000, 2500).unwrap(), [0; 2500]);
    assert_eq!(firmware.read_memory(0, 0).unwrap(), [0; 0]);
    assert_eq!(*asked.lock().unwrap(), [(Cpu::Application, Opcode::READ_MEMORY); 3]);
}

#[test]
fn power_is_measured_in_one_of_four_places_until_it_is_dropped() {
    use hailo_abi::firmware::control::{AveragingFactor, DvmOption, PowerMeasurementType, SamplingPeriod};

    let (firmware, asked) = changed(|_, answer| Some(answer));
    let measure = |index| {
        let (factor, period) = (AveragingFactor::default(), SamplingPeriod::PERIOD_1100US);
        firmware.measure_power_periodically(index, DvmOption::AUTO, PowerMeasurementType::AUTO, factor, period)
    };
    let refused = measure(4).unwrap_err().to_string();
    assert!(refused.contains("CONTROL_PROTOCOL_STATUS_INVALID_POWER_MEASUREMENT_INDEX"), "{refused}");
    drop(measure(3).unwrap());
    assert_eq!(asked.lock().unwrap().last().unwrap().1, Opcode::STOP_POWER_MEASUREMENT);
    let measurement = measure(0).unwrap();
    assert_eq!(measurement.read(false).unwrap().average_value, 1.875);
}
