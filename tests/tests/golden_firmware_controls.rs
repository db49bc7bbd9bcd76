//! Requests as the vendor library 4.23.0 wrote them, and controls as it exchanged them with an emulated device.

use hailo_abi::firmware::control::*;
use hailo_abi::firmware::layout::Field;
use hailo_abi::firmware::network_group::v4_21::NetworkGroupHeaderLayout;
use hailo_abi::firmware::{FirmwareInterface, NetworkGroupHeader};
use hailo_tests::firmware::tables::{rows, text, unhex};
use serde_json::Value;
use zerocopy::FromBytes;

const RELEASE: FirmwareInterface = FirmwareInterface::V4_21;

/// The arguments of one call of the vendor's encoder; each must be asked for.
struct Arguments<'a> {
    values: &'a serde_json::Map<String, Value>,
    asked: std::cell::RefCell<Vec<String>>,
    data: Vec<u8>,
}

impl Arguments<'_> {
    fn value(&self, name: &str) -> &Value {
        self.asked.borrow_mut().push(name.to_owned());
        self.values.get(name).unwrap_or_else(|| panic!("no argument {name} among {:?}", self.values))
    }

    /// A number or truth value, in whatever type is wanted.
    fn n<T: TryFrom<u64>>(&self, name: &str) -> T {
        let value = self.value(name);
        let number = value.as_u64().or(value.as_bool().map(u64::from)).expect("a number");
        T::try_from(number).ok().expect("a number that fits")
    }

    fn b(&self, name: &str) -> hailo_abi::firmware::layout::Bool {
        (self.n::<u8>(name) != 0).into()
    }

    fn md5(&self) -> [u8; 16] {
        unhex(self.value("expected_md5").as_str().unwrap()).try_into().unwrap()
    }

    fn data(&self) -> &[u8] {
        &self.data
    }
}

fn request<'a>(name: &str, a: &'a Arguments<'a>) -> Request<'a> {
    let read = || ReadMemory { address: a.n("address"), data_count: a.n("data_length") };
    let write = || WriteMemory { address: a.n("address"), data: a.data() };
    let update = || WriteFirmwareUpdate { offset: a.n("offset"), data: a.data() };
    let slave = || I2cSlaveConfig {
        endianness: I2cEndianness(a.n("endianness")),
        slave_address: a.n("slave_address"),
        register_address_size: a.n("register_address_size"),
        bus_index: a.n("bus_index"),
        should_hold_bus: false.into(),
    };
    match name {
        "pack_identify_request" => Request::Identify,
        "pack_core_identify_request" => Request::CoreIdentify,
        "pack_read_memory_request" => Request::ReadMemory(read()),
        "pack_write_memory_request" => Request::WriteMemory(write()),
        "pack_set_fw_logger_request" => Request::SetFirmwareLogger(SetFirmwareLogger {
            level: LoggerLevel(a.n("level")),
            logger_interface_bit_mask: a.n("interface_mask"),
        }),
        "pack_open_stream_request" => Request::OpenStream(OpenStream {
            dataflow_manager_id: a.n("dataflow_manager_id"),
            is_input: a.b("is_input"),
        }),
        "pack_close_stream_request" => Request::CloseStream(CloseStream {
            dataflow_manager_id: a.n("dataflow_manager_id"),
            is_input: a.b("is_input"),
        }),
        "pack_reset_request" => Request::Reset(Reset { reset_type: ResetType(a.n("reset_type")) }),
        "pack_power_measurement_request" => Request::PowerMeasurement(PowerMeasurement {
            dvm: DvmOption(a.n("dvm")),
            measurement_type: PowerMeasurementType(a.n("measurement_type")),
        }),
        "pack_set_power_measurement_request" => Request::SetPowerMeasurement(SetPowerMeasurement {
            index: a.n("index"),
            dvm: DvmOption(a.n("dvm")),
            measurement_type: PowerMeasurementType(a.n("measurement_type")),
        }),
        "pack_get_power_measurement_request" => {
            Request::GetPowerMeasurement(GetPowerMeasurement { index: a.n("index"), should_clear: a.b("should_clear") })
        }
        "pack_start_power_measurement_request" => Request::StartPowerMeasurement(StartPowerMeasurement {
            delay_milliseconds: a.n("delay_milliseconds"),
            averaging_factor: AveragingFactor(a.n("averaging_factor")),
            sampling_period: SamplingPeriod(a.n("sampling_period")),
        }),
        "pack_stop_power_measurement_request" => Request::StopPowerMeasurement,
        "pack_start_firmware_update_request" => Request::StartFirmwareUpdate,
        "pack_finish_firmware_update_request" => Request::FinishFirmwareUpdate,
        "write_firmware_update_request" => Request::WriteFirmwareUpdate(update()),
        "pack_validate_firmware_update_request" => Request::ValidateFirmwareUpdate(ValidateFirmwareUpdate {
            expected_md5: a.md5(),
            firmware_size: a.n("firmware_size"),
        }),
        "pack_examine_user_config" => Request::ExamineUserConfig,
        "pack_read_user_config" => Request::ReadUserConfig(read()),
        "pack_write_user_config_request" => Request::WriteUserConfig(write()),
        "pack_erase_user_config_request" => Request::EraseUserConfig,
        "pack_phy_operation_request" => {
            Request::PhyOperation(PhyOperate { operation_type: PhyOperation(a.n("operation_type")) })
        }
        // The vendor's encoder takes no argument for the bus here and does not hold it.
        "pack_i2c_write_request" => Request::I2cWrite(I2cWrite {
            slave_config: I2cSlaveConfig { should_hold_bus: false.into(), ..slave() },
            register_address: a.n("offset"),
            data: a.data(),
        }),
        "pack_i2c_read_request" => Request::I2cRead(I2cRead {
            slave_config: I2cSlaveConfig { should_hold_bus: a.b("should_hold_bus"), ..slave() },
            register_address: a.n("offset"),
            data_length: a.n("data_length"),
        }),
        "pack_latency_measurement_read_request" => Request::LatencyRead,
        "pack_latency_measurement_config_request" => Request::LatencyConfig(LatencyConfig {
            latency_measurement_en: a.b("latency_measurement_en"),
            inbound_start_buffer_number: a.n("inbound_start_buffer_number"),
            outbound_stop_buffer_number: a.n("outbound_stop_buffer_number"),
            inbound_stream_index: a.n("inbound_stream_index"),
            outbound_stream_index: a.n("outbound_stream_index"),
        }),
        "pack_sensor_get_config_request" => Request::SensorGetConfig(SensorGetConfig {
            section_index: a.n("section_index"),
            offset: a.n("offset"),
            data_size: a.n("data_length"),
        }),
        "pack_sensor_load_and_start_config_request" => {
            Request::SensorLoadAndStart(SensorLoadConfig { section_index: a.n("section_index") })
        }
        "pack_sensor_reset_request" => Request::SensorReset(SensorReset { section_index: a.n("section_index") }),
        "pack_sensor_set_generic_i2c_slave_request" => Request::SensorSetGenericI2cSlave(SensorSetGenericI2cSlave {
            slave_address: a.n("slave_address"),
            register_address_size: a.n("register_address_size"),
            bus_index: a.n("bus_index"),
            should_hold_bus: a.b("should_hold_bus"),
            endianness: I2cEndianness(a.n("endianness")),
        }),
        "pack_sensor_get_sections_info_request" => Request::SensorGetSectionsInfo,
        "pack_context_switch_set_network_group_header_request" => {
            let bytes = unhex(a.value("network_group_header_bytes").as_str().unwrap());
            let application_header = NetworkGroupHeader::decode(RELEASE, &bytes).unwrap();
            let layout = NetworkGroupHeaderLayout::read_from_bytes(&bytes).unwrap();
            assert_eq!(application_header, Field::from_wire(&layout));
            Request::SetNetworkGroupHeader(SetNetworkGroupHeader { application_header })
        }
        "pack_context_switch_set_context_info_request" => Request::SetContextInfo(SetContextInfo {
            is_first_chunk_per_context: a.b("is_first_chunk_per_context"),
            is_last_chunk_per_context: a.b("is_last_chunk_per_context"),
            context_type: ContextType(a.n("context_type")),
            context_network_data: a.data(),
        }),
        "pack_context_switch_signal_cache_updated_request" => Request::SignalCacheUpdated,
        "pack_idle_time_set_measuremment_request" => {
            Request::IdleTimeSetMeasurement(IdleTimeSetMeasurement { measurement_enable: a.b("measurement_enable") })
        }
        "pack_idle_time_get_measuremment_request" => Request::IdleTimeGetMeasurement,
        "pack_download_context_action_list_request" => Request::DownloadContextActionList(DownloadContextActionList {
            network_group_id: a.n("network_group_id"),
            context_type: ContextType(a.n("context_type")),
            context_index: a.n("context_index"),
            action_list_offset: a.n("action_list_offset"),
        }),
        "pack_change_context_switch_status_request" => Request::ChangeContextSwitchStatus(ChangeContextSwitchStatus {
            state_machine_status: ContextSwitchStatus(a.n("state_machine_status")),
            application_index: a.n("application_index"),
            dynamic_batch_size: a.n("dynamic_batch_size"),
            batch_count: a.n("batch_count"),
        }),
        "pack_wd_enable" => {
            let parameters = WatchdogEnable { should_enable: a.b("should_enable") };
            match CpuId(a.n("cpu_id")) {
                CpuId::APP_CPU => Request::AppWatchdogEnable(parameters),
                _ => Request::CoreWatchdogEnable(parameters),
            }
        }
        "pack_wd_config" => {
            let parameters = WatchdogConfig { wd_cycles: a.n("wd_cycles"), wd_mode: WatchdogMode(a.n("wd_mode")) };
            match CpuId(a.n("cpu_id")) {
                CpuId::APP_CPU => Request::AppWatchdogConfig(parameters),
                _ => Request::CoreWatchdogConfig(parameters),
            }
        }
        "pack_context_switch_clear_configured_apps_request" => Request::ClearConfiguredApps,
        "pack_previous_system_state" => match CpuId(a.n("cpu_id")) {
            CpuId::APP_CPU => Request::AppPreviousSystemState,
            _ => Request::CorePreviousSystemState,
        },
        "pack_set_dataflow_interrupt_request" => Request::SetDataflowInterrupt(SetDataflowInterrupt {
            interrupt_type: a.n("interrupt_type"),
            interrupt_index: a.n("interrupt_index"),
            interrupt_sub_index: a.n("interrupt_sub_index"),
        }),
        "pack_d2h_event_manager_set_host_info_request" => Request::SetHostInfo(SetHostInfo {
            connection_type: EventCommunicationType(a.n("connection_type")),
            host_ip_address: a.n("host_ip_address"),
            host_port: a.n("host_port"),
        }),
        "pack_d2h_event_manager_send_host_info_event_request" => {
            Request::SendHostInfoEvent(SendHostInfoEvent { priority: a.n("event_priority") })
        }
        "pack_get_chip_temperature_request" => Request::GetChipTemperature,
        "pack_read_board_config" => Request::ReadBoardConfig(read()),
        "pack_write_board_config_request" => Request::WriteBoardConfig(write()),
        "pack_enable_debugging_request" => Request::EnableDebugging(EnableDebugging { is_rma: a.b("is_rma") }),
        "pack_get_extended_device_information_request" => Request::GetDeviceInformation,
        "pack_config_context_switch_breakpoint_request" => Request::ConfigBreakpoint(ConfigBreakpoint {
            breakpoint_id: a.n("breakpoint_id"),
            breakpoint_control: BreakpointControl(a.n("breakpoint_control")),
            breakpoint_data: BreakpointData {
                break_at_any_application_index: a.b("break_at_any_application_index"),
                application_index: a.n("application_index"),
                break_at_any_batch_index: a.b("break_at_any_batch_index"),
                batch_index: a.n("batch_index"),
                break_at_any_context_index: a.b("break_at_any_context_index"),
                context_index: a.n("context_index"),
                break_at_any_action_index: a.b("break_at_any_action_index"),
                action_index: a.n("action_index"),
            },
        }),
        "pack_get_context_switch_breakpoint_status_request" => {
            Request::GetBreakpointStatus(GetBreakpointStatus { breakpoint_id: a.n("breakpoint_id") })
        }
        "pack_get_context_switch_main_header_request" => Request::GetContextSwitchMainHeader,
        "write_second_stage_to_internal_memory_request" => Request::WriteSecondStage(update()),
        "copy_second_stage_to_flash_request" => Request::CopySecondStageToFlash(CopySecondStageToFlash {
            expected_md5: a.md5(),
            second_stage_size: a.n("second_stage_size"),
        }),
        "pack_set_pause_frames_request" => {
            Request::SetPauseFrames(SetPauseFrames { rx_pause_frames_enable: a.b("rx_pause_frames_enable") })
        }
        "pack_config_context_switch_timestamp_request" => Request::ConfigTimestamp(ConfigTimestamp {
            batch_index: a.n("batch_index"),
            enable_user_configuration: a.b("enable_user_configuration"),
        }),
        "pack_run_bist_test_request" => Request::RunBistTest(RunBistTest {
            is_top_test: a.b("is_top_test"),
            top_bypass_bitmap: a.n("top_bypass_bitmap"),
            cluster_index: a.n("cluster_index"),
            cluster_bypass_bitmap_0: a.n("cluster_bypass_bitmap_0"),
            cluster_bypass_bitmap_1: a.n("cluster_bypass_bitmap_1"),
        }),
        "pack_set_clock_freq_request" => {
            Request::SetClockFrequency(SetClockFrequency { clock_freq: a.n("clock_freq") })
        }
        "pack_get_health_information_request" => Request::GetHealthInformation,
        "pack_set_throttling_state_request" => {
            Request::SetThrottlingState(SetThrottlingState { should_activate: a.b("should_activate") })
        }
        "pack_get_throttling_state_request" => Request::GetThrottlingState,
        "pack_set_overcurrent_state_request" => {
            Request::SetOvercurrentState(SetOvercurrentState { should_activate: a.b("should_activate") })
        }
        "pack_get_overcurrent_state_request" => Request::GetOvercurrentState,
        "pack_get_hw_consts_request" => Request::GetHwConsts,
        "pack_set_sleep_state_request" => {
            Request::SetSleepState(SetSleepState { sleep_state: SleepState(a.n("sleep_state")) })
        }
        "pack_change_hw_infer_status_request" => {
            let bytes = unhex(a.value("channels_info_bytes").as_str().unwrap());
            let channels = HwInferChannelsLayoutV4_17::read_from_bytes(&bytes).unwrap();
            Request::ChangeHwInferStatus(ChangeHwInferStatus {
                hw_infer_state: HwInferState(a.n("hw_infer_state")),
                application_index: a.n("network_group_index"),
                dynamic_batch_size: a.n("dynamic_batch_size"),
                batch_count: a.n("batch_count"),
                channels_info: Field::from_wire(&channels),
                boundary_channel_mode: BoundaryChannelMode(a.n("boundary_channel_mode")),
            })
        }
        other => panic!("{other}"),
    }
}

#[test]
fn every_request_is_written_as_the_vendor_writes_it() {
    let mut opcodes = std::collections::BTreeSet::new();
    let mut compared = 0;
    for line in text("control-requests-v4.23.0.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = case["request"].as_str().unwrap();
        assert_eq!(case["status"], 0, "{name}");
        let values = case["arguments"].as_object().unwrap();
        let data = values.get("data").or_else(|| values.get("context_network_data"));
        let data = data.map(|data| unhex(data.as_str().unwrap())).unwrap_or_default();
        let arguments = Arguments { values, asked: Default::default(), data };
        let request = request(name, &arguments);
        let sequence = arguments.n("sequence");
        let message = request.encode(RELEASE, sequence).unwrap();
        let bytes = unhex(case["bytes"].as_str().unwrap());
        assert_eq!(message.as_slice(), bytes, "{name}");
        assert_eq!(u64::from(request.opcode().0), case["opcode"].as_u64().unwrap());

        let (header, read) = Request::decode(RELEASE, &bytes).unwrap();
        assert_eq!((header.sequence, read), (sequence, request));
        for cut in 0..bytes.len() {
            Request::decode(RELEASE, &bytes[..cut]).expect_err("a cut request");
        }
        let longer = [&bytes[..], &[0]].concat();
        Request::decode(RELEASE, &longer).expect_err("an overlong request");

        let mut asked = arguments.asked.take();
        asked.extend(["data", "context_network_data"].map(String::from));
        let forgotten: Vec<_> = values.keys().filter(|key| !asked.contains(key)).collect();
        assert!(forgotten.is_empty(), "{name}: {forgotten:?}");
        opcodes.insert(request.opcode());
        compared += 1;
    }
    assert_eq!((compared, opcodes.len()), (76, 69));
}

#[test]
fn every_recorded_control_is_read_and_written_again() {
    let (mut requests, mut responses, mut unanswered) = (0, 0, 0);
    for [trace, seq, cpu_id, request, response] in
        rows("trace-controls.tsv", ["trace", "seq", "cpu_id", "request", "response"])
    {
        let place = format!("{trace} {seq}");
        let request = unhex(&request);
        let (header, read) = Request::decode(RELEASE, &request).unwrap_or_else(|e| panic!("{place}: {e}"));
        assert!(!matches!(read, Request::Other { .. }), "{place}");
        assert_eq!(read.encode(RELEASE, header.sequence).unwrap().as_slice(), request, "{place}");
        assert_eq!(read.opcode().cpu().0.to_string(), cpu_id, "{place}");
        requests += 1;
        if response.is_empty() {
            assert_eq!(read.opcode(), Opcode::RESET, "{place}");
            unanswered += 1;
            continue;
        }
        let response = unhex(&response);
        let expected = Expected::request(header.opcode, header.sequence);
        let (_, read) = Response::decode(RELEASE, expected, &response).unwrap_or_else(|e| panic!("{place}: {e}"));
        assert!(!matches!(read, Response::Other(_)), "{place}");
        assert_eq!(read.encode(RELEASE, &header).unwrap().as_slice(), response, "{place}");
        for cut in 0..response.len() {
            Response::decode(RELEASE, expected, &response[..cut]).expect_err("a cut response");
        }
        let longer = [&response[..], &[0]].concat();
        assert!(matches!(
            Response::decode(RELEASE, expected, &longer),
            Err(ResponseError::Parameters { error: ParameterError::Trailing { count: 1 }, .. })
        ));
        responses += 1;
    }
    assert_eq!((requests, responses, unanswered), (108, 106, 2));
}

#[test]
fn the_recorded_values_are_what_the_vendor_prints() {
    let controls = rows("trace-controls.tsv", ["trace", "seq", "cpu_id", "request", "response"]);
    let answer = |opcode: Opcode| {
        let code = format!("{:08x}", opcode.0);
        let row = controls.iter().find(|row| row[3][24..32] == code && !row[4].is_empty()).expect("a recording");
        unhex(&row[4])
    };
    fn read<'m, T: Parameters<'m>>(opcode: Opcode, bytes: &'m [u8]) -> T {
        Expected::opcode(opcode).read(RELEASE, bytes).unwrap()
    }
    let bytes = answer(Opcode::IDENTIFY);
    let identity: Identity = read(Opcode::IDENTIFY, &bytes);
    assert_eq!(identity.fw_version.release().to_string(), "4.23.0");
    assert_eq!(identity.device_architecture.to_string(), "HAILO8");
    assert_eq!(identity.serial_number.as_str(), "HLLWM2B000000000");
    assert_eq!(identity.part_number.as_str(), "HM218B1C2FAE");
    assert_eq!(identity.product_name.as_str(), "HAILO-8 AI ACC M.2 M KEY MODULE EXT TEMP");
    let bytes = answer(Opcode::CORE_IDENTIFY);
    let core: CoreIdentity = read(Opcode::CORE_IDENTIFY, &bytes);
    assert!(core.fw_version.has(hailo_abi::firmware::FirmwareVersion::CORE));
    let bytes = answer(Opcode::GET_DEVICE_INFORMATION);
    let information: ExtendedDeviceInformation = read(Opcode::GET_DEVICE_INFORMATION, &bytes);
    assert_eq!(information.neural_network_core_clock_rate, 400_000_000);
    assert_eq!(information.features(), SupportedFeatures::PCIE | SupportedFeatures::CURRENT_MONITORING);
    assert_eq!(information.boot_source, BootSource::PCIE);
    let bytes = answer(Opcode::GET_HEALTH_INFORMATION);
    let health: HealthInformation = read(Opcode::GET_HEALTH_INFORMATION, &bytes);
    assert_eq!(health.red_overcurrent_milliamperes(), 4000);
    assert_eq!(health.current_temperature_throttling_level, -1);
    assert_eq!(health.temperature_throttling_levels[0].temperature_threshold, 104.0);
    assert_eq!(health.temperature_throttling_levels[0].throttling_nn_clock_freq, 375_000_000);
    assert_eq!((health.orange_temperature_threshold, health.red_temperature_threshold), (105, 120));
    let bytes = answer(Opcode::GET_POWER_MEASUREMENT);
    let power: PowerStatistics = read(Opcode::GET_POWER_MEASUREMENT, &bytes);
    assert_eq!(power.total_number_of_samples, 123);
    assert_eq!((power.max_value, power.min_value, power.average_value), (2.5, 1.25, 1.875));
    let bytes = answer(Opcode::GET_HW_CONSTS);
    let consts: HwConstsAnswer = read(Opcode::GET_HW_CONSTS, &bytes);
    assert_eq!(consts.hw_consts.max_acceptable_bytes_per_buffer, 2048);
    assert_eq!(consts.hw_consts.default_initial_credit_size, 32768);
}
