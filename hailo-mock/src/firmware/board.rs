//! [`BoardFirmware`]: the firmware of a board, which answers every control of its release.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hailo_abi::firmware::control::{
    BootSource, ChipTemperature, CommonHeader, CoreIdentity, DeviceArchitecture, DvmOption, ExtendedDeviceInformation,
    HealthInformation, HwConstsAnswer, Identity, IdleTime, MAX_READ_MEMORY_DATA_SIZE, MainHeaderAnswer, MeasuredPower,
    MemoryData, Opcode, OvercurrentState, PowerMeasurementSet, PowerMeasurementType, PowerStatistics,
    PreviousSystemState, ReadMemory, Request, RequestError, ResetType, Response, SupportedFeatures, TemperatureInfo,
    Text, ThrottlingState, UserConfigSize, WriteMemory,
};
use hailo_abi::firmware::user_config::{NnClock, UserConfigHeader, UserConfigReader};
use hailo_abi::firmware::{FirmwareInterface, FirmwareRelease, FirmwareStatus, FirmwareVersion};
use hailo_abi::wire::Bool;

use super::context_switch::{ContextSwitch, Stop};
use super::network::NetworkFunction;
use super::settings::{Logger, Refusal, Settings};
use super::thermal::Thermal;
use super::values::{FirmwareState, FirmwareValues, interface};
use super::{Answer, BenchFirmware, Firmware, Hardware};
use crate::device::{Cpu, lock};
use crate::options::BoardKind;

/// How long one sample of a periodic measurement takes: 256 conversions of 1.1 ms would be longer than people wait, so
/// that it is what the vendor's defaults give.
const SAMPLE: Duration = Duration::from_micros(2640);

/// The state of one place for periodic measurements.
#[derive(Clone, Copy, Debug, Default)]
struct Measurement {
    dvm: DvmOption,
    kind: PowerMeasurementType,
    cleared: Option<Instant>,
}

/// Firmware that answers every control of its release with believable values, and runs networks.
///
/// The controls of a test bench ([`BenchFirmware`]) are understood too.
#[derive(Debug, Default)]
pub struct BoardFirmware {
    state: Arc<Mutex<FirmwareState>>,
    running: Running,
}

/// What a firmware forgets when it is started anew.
#[derive(Debug, Default)]
struct Running {
    context_switch: ContextSwitch,
    /// Answers nothing until the board is reset.
    crashed: bool,
    /// When periodic measurements were started.
    measuring: Option<Instant>,
    measurements: [Measurement; 4],
    throttling_off: bool,
    overcurrent_off: bool,
    idle_since: Option<Instant>,
    thermal: Thermal,
    /// Samples of the temperature since the start.
    samples: u16,
    noise: u64,
    /// The memory that was read last.
    memory: Memory,
}

/// As much memory as one control reads.
#[derive(Debug)]
struct Memory([u8; MAX_READ_MEMORY_DATA_SIZE]);

impl Default for Memory {
    fn default() -> Self {
        Self([0; MAX_READ_MEMORY_DATA_SIZE])
    }
}

impl BoardFirmware {
    /// Firmware that answers with these values.
    #[must_use]
    pub fn new(values: FirmwareValues) -> Self {
        Self::sharing(Arc::new(Mutex::new(FirmwareState { values, settings: Settings::default() })))
    }

    /// Firmware whose values and settings somebody else changes and looks at, too.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// use hailo_mock::{BoardFirmware, FirmwareState, Machine};
    ///
    /// let state = Arc::new(Mutex::new(FirmwareState::default()));
    /// let shared = Arc::clone(&state);
    /// let machine = Machine::builder().firmware(move |_| BoardFirmware::sharing(Arc::clone(&shared))).build()?;
    /// // From now on the board is hot.
    /// state.lock().unwrap().values.temperatures = [106.0, 105.0];
    /// # drop(machine);
    /// # Ok::<(), hailo_mock::OptionsError>(())
    /// ```
    #[must_use]
    pub fn sharing(state: Arc<Mutex<FirmwareState>>) -> Self {
        Self { state, running: Running::default() }
    }

    /// The same firmware, whose networks compute this.
    #[must_use]
    pub fn computing(mut self, function: impl NetworkFunction + 'static) -> Self {
        self.running.context_switch = ContextSwitch::new(Arc::new(function));
        self
    }
}

impl Running {
    /// Stops everything, and starts with no network group again.
    fn forget_networks(&mut self, hardware: &Hardware<'_>) {
        self.context_switch.stop(hardware);
        hardware.stop_all_channels();
        self.context_switch = ContextSwitch::new(self.context_switch.function());
    }

    /// A number between -1 and 1 that differs from call to call.
    fn noise(&mut self) -> f32 {
        self.noise = self.noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.noise >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    }

    fn answer<'a>(
        &'a mut self,
        state: &'a mut FirmwareState,
        hardware: &Hardware<'_>,
        interface: FirmwareInterface,
        request: &Request<'_>,
    ) -> Result<Option<Response<'a>>, Refusal> {
        let FirmwareState { values, settings } = state;
        self.thermal.update(values, !self.throttling_off);
        let response = match *request {
            Request::Identify => Response::Identity(identity(hardware)),
            Request::CoreIdentify => {
                let fw_version = FirmwareVersion::new(release(hardware), FirmwareVersion::CORE);
                Response::CoreIdentity(CoreIdentity { fw_version })
            }
            Request::GetDeviceInformation => Response::ExtendedDeviceInformation(extended(values, settings, hardware)),
            Request::GetChipTemperature => {
                self.samples = self.samples.wrapping_add(1);
                let sample_count = self.samples;
                let [first, second] = values.temperatures;
                let (ts0_temperature, ts1_temperature) = (first + self.noise() / 4.0, second + self.noise() / 4.0);
                let info = TemperatureInfo { ts0_temperature, ts1_temperature, sample_count };
                Response::ChipTemperature(ChipTemperature { info })
            }
            Request::PowerMeasurement(measurement) => Response::MeasuredPower(MeasuredPower {
                power_measurement: values.power + self.noise() / 16.0,
                dvm: chosen_dvm(measurement.dvm),
                measurement_type: chosen_type(measurement.measurement_type),
            }),
            Request::SetPowerMeasurement(set) => {
                let place = self.measurements.get_mut(set.index as usize).ok_or_else(wrong_index)?;
                *place =
                    Measurement { dvm: chosen_dvm(set.dvm), kind: chosen_type(set.measurement_type), cleared: None };
                Response::PowerMeasurementSet(PowerMeasurementSet { dvm: place.dvm, measurement_type: place.kind })
            }
            Request::StartPowerMeasurement(_) if self.measuring.is_some() => {
                let failed = "CONTROL_PROTOCOL_STATUS_FAILED_START_POWER_MEASUREMENT";
                return Err(Refusal::named(failed, "HAILO_POWER_MEASUREMENT_STATUS_ALREADY_STARTED"));
            }
            Request::StartPowerMeasurement(_) => {
                self.measuring = Some(Instant::now());
                Response::Done
            }
            Request::StopPowerMeasurement => {
                self.measuring = None;
                Response::Done
            }
            Request::GetPowerMeasurement(get) => {
                Response::PowerStatistics(self.statistics(values, get.index, get.should_clear.get())?)
            }
            Request::GetHealthInformation => Response::HealthInformation(self.health(values, settings)),
            Request::GetThrottlingState => {
                Response::ThrottlingState(ThrottlingState { is_active: Bool::new(!self.throttling_off) })
            }
            Request::SetThrottlingState(state) => {
                self.throttling_off = !state.should_activate.get();
                Response::Done
            }
            Request::GetOvercurrentState => {
                Response::OvercurrentState(OvercurrentState { is_required: Bool::new(!self.overcurrent_off) })
            }
            Request::SetOvercurrentState(state) => {
                self.overcurrent_off = !state.should_activate.get();
                Response::Done
            }
            Request::SetClockFrequency(set) => {
                if NnClock(set.clock_freq).name().is_none() {
                    return Err(Refusal::of("SOC_INVALID_CLOCK_RATE"));
                }
                settings.clock_rate = Some(set.clock_freq);
                Response::Done
            }
            Request::GetHwConsts => Response::HwConstsAnswer(HwConstsAnswer { hw_consts: values.hw_consts }),
            Request::AppPreviousSystemState | Request::CorePreviousSystemState => {
                Response::PreviousSystemState(PreviousSystemState { system_state: 0 })
            }
            Request::IdleTimeSetMeasurement(set) if set.measurement_enable.get() == self.idle_since.is_some() => {
                return Err(Refusal::of("CONTROL_PROTOCOL_STATUS_IDLE_TIME_MEASUREMENT_ALREADY_SET"));
            }
            Request::IdleTimeSetMeasurement(set) => {
                self.idle_since = set.measurement_enable.get().then(Instant::now);
                Response::Done
            }
            Request::IdleTimeGetMeasurement => {
                let idle = self.idle_since.map(|since| since.elapsed()).unwrap_or_default();
                Response::IdleTime(IdleTime { idle_time_ns: idle.as_nanos() as u64 })
            }
            Request::ExamineUserConfig => Response::UserConfigSize(examine(&values.user_config)),
            Request::ReadUserConfig(read) => part(&values.user_config, read, USER_CONFIG_OVERRUN)?,
            Request::ReadBoardConfig(read) => part(&values.board_config, read, BOARD_CONFIG_OVERRUN)?,
            Request::WriteUserConfig(write) => overwrite(&mut values.user_config, write, USER_CONFIG_OVERRUN)?,
            Request::WriteBoardConfig(write) => overwrite(&mut values.board_config, write, BOARD_CONFIG_OVERRUN)?,
            Request::EraseUserConfig => {
                values.user_config.clear();
                Response::Done
            }
            Request::Reset(reset) => {
                self.forget_networks(hardware);
                if matches!(reset.reset_type, ResetType::SOFT | ResetType::FORCED_SOFT | ResetType::CHIP) {
                    // The firmware that was asked is gone before it can answer.
                    return Ok(None);
                }
                Response::Done
            }
            Request::SetNetworkGroupHeader(header) => {
                self.context_switch.set_header(interface, &header.application_header)?;
                Response::Done
            }
            Request::GetContextSwitchMainHeader => {
                Response::MainHeaderAnswer(MainHeaderAnswer { main_header: self.context_switch.main_header() })
            }
            Request::SetContextInfo(info) => {
                self.context_switch.add_context(interface, &info)?;
                Response::Done
            }
            Request::ChangeContextSwitchStatus(change) => {
                match self.context_switch.change_status(hardware, interface, &change) {
                    Ok(()) => Response::Done,
                    Err(Stop::Refused(status)) => return Err(status.into()),
                    Err(Stop::Crashed) => {
                        self.crashed = true;
                        return Ok(None);
                    }
                }
            }
            Request::ClearConfiguredApps => {
                self.context_switch.clear()?;
                Response::Done
            }
            Request::AppWatchdogEnable(set) | Request::CoreWatchdogEnable(set) => {
                settings.watchdog(request.opcode().cpu()).enable(set.should_enable.get())?;
                Response::Done
            }
            Request::AppWatchdogConfig(config) | Request::CoreWatchdogConfig(config) => {
                settings.watchdog(request.opcode().cpu()).configure(config)?;
                Response::Done
            }
            Request::SetFirmwareLogger(set) => {
                settings.set_logger(set)?;
                hardware.set_logger(settings.logger);
                Response::Done
            }
            Request::SetPauseFrames(set) => {
                settings.rx_pause_frames = set.rx_pause_frames_enable.get();
                Response::Done
            }
            Request::SetSleepState(set) => {
                settings.set_sleep(set.sleep_state)?;
                Response::Done
            }
            Request::ReadMemory(read) => {
                Response::MemoryData(settings.read_memory(read.address, read.data_count, &mut self.memory.0)?)
            }
            Request::WriteMemory(write) => {
                settings.write_memory(write.address, write.data)?;
                Response::Done
            }
            Request::SignalCacheUpdated => {
                self.context_switch.caches_updated(hardware);
                Response::Done
            }
            Request::SetHostInfo(_)
            | Request::SetDataflowInterrupt(_)
            | Request::ConfigTimestamp(_)
            | Request::SignalDriverDown
            | Request::UpdateCacheReadOffset(_) => Response::Done,
            // The board has no camera, no Ethernet, no flash memory and nothing to debug.
            _ => return Err(FirmwareStatus::UNSUPPORTED_DEVICE.into()),
        };
        Ok(Some(response))
    }

    fn health(&self, values: &FirmwareValues, settings: &Settings) -> HealthInformation {
        let [orange, orange_end] = values.orange_threshold;
        let [red, red_end] = values.red_threshold;
        let Thermal { zone, level } = self.thermal;
        HealthInformation {
            overcurrent_protection_active: Bool::new(!self.overcurrent_off),
            red_overcurrent_threshold: HealthInformation::red_overcurrent_threshold_of(values.red_overcurrent),
            temperature_throttling_active: Bool::new(!self.throttling_off),
            current_temperature_zone: zone,
            current_temperature_throttling_level: level.map_or(-1, |level| level as i8),
            temperature_throttling_levels: values.throttling_levels,
            orange_temperature_threshold: orange,
            orange_hysteresis_temperature_threshold: orange_end,
            red_temperature_threshold: red,
            red_hysteresis_temperature_threshold: red_end,
            requested_temperature_clock_freq: self.thermal.clock(values).unwrap_or(clock_rate(values, settings)),
            ..HealthInformation::default()
        }
    }

    fn statistics(&mut self, values: &FirmwareValues, index: u32, clear: bool) -> Result<PowerStatistics, Refusal> {
        let place = self.measurements.get_mut(index as usize).ok_or_else(wrong_index)?;
        let failed = "CONTROL_PROTOCOL_STATUS_FAILED_GET_POWER_MEASUREMENT";
        let stopped = || Refusal::named(failed, "HAILO_POWER_MEASUREMENT_TASK_NOT_RUNNING");
        let started = self.measuring.ok_or_else(stopped)?;
        let since = place.cleared.filter(|cleared| *cleared > started).unwrap_or(started);
        if clear {
            place.cleared = Some(Instant::now());
        }
        let average = values.power;
        Ok(PowerStatistics {
            total_number_of_samples: (since.elapsed().as_micros() / SAMPLE.as_micros()) as u32,
            min_value: average - 0.625,
            max_value: average + 0.625,
            average_value: average,
            average_time_value_milliseconds: SAMPLE.as_secs_f32() * 1000.0,
        })
    }
}

/// The core's clock as long as it is not lowered, in hertz.
fn clock_rate(values: &FirmwareValues, settings: &Settings) -> u32 {
    settings.clock_rate.unwrap_or(values.clock_rate)
}

fn extended(values: &FirmwareValues, settings: &Settings, hardware: &Hardware<'_>) -> ExtendedDeviceInformation {
    let seed = hardware.seed();
    let mut soc_id = [0; 32];
    for (index, byte) in soc_id.iter_mut().enumerate() {
        *byte = 0xa0u8.wrapping_add(index as u8).wrapping_add((seed >> (8 * (index % 8))) as u8);
    }
    let features = SupportedFeatures::PCIE | SupportedFeatures::CURRENT_MONITORING;
    ExtendedDeviceInformation {
        neural_network_core_clock_rate: clock_rate(values, settings),
        supported_features: [features.bits(), 0],
        boot_source: BootSource::PCIE,
        lcs: 3,
        soc_id,
        pd_info: std::array::from_fn(|index| 0x40 + index as u8),
        ..ExtendedDeviceInformation::default()
    }
}

impl Firmware for BoardFirmware {
    fn control(&mut self, hardware: &Hardware<'_>, cpu: Cpu, message: &[u8]) -> Option<Answer> {
        if let Some(answer) = BenchFirmware::bench_control(hardware, cpu, message) {
            return answer;
        }
        if self.running.crashed {
            return None;
        }
        let interface = interface(hardware.firmware_version());
        // A message that ends within its header has none to repeat.
        let header = CommonHeader::parse(message).map(|(header, _)| header).unwrap_or_default();
        let state = &mut *lock(&self.state);
        let result = match Request::decode(interface, message) {
            Ok((_, request)) => self.running.answer(state, hardware, interface, &request),
            // Whatever is said besides, the device says who it is: even an empty mailbox reads as this request.
            Err(_) if header.opcode == Opcode::IDENTIFY => Ok(Some(Response::Identity(identity(hardware)))),
            Err(error) => Err(refusal(&error).into()),
        };
        let encoded = match result {
            Ok(None) => return None,
            Ok(Some(response)) => response.encode(interface, &header),
            Err(Refusal(status)) => Response::encode_failure(&header, status),
        };
        Some(Answer::now(encoded.map(|message| message.as_slice().to_vec()).unwrap_or_default()))
    }

    fn warm_to(&mut self, temperatures: [f32; 2]) {
        let FirmwareState { values, .. } = &mut *lock(&self.state);
        values.temperatures = temperatures;
        // Zones are entered and left when it happens, not when somebody asks.
        self.running.thermal.update(values, !self.running.throttling_off);
    }

    fn shutdown(&mut self, hardware: &Hardware<'_>) {
        self.running.forget_networks(hardware);
    }

    fn restart(&mut self, hardware: &Hardware<'_>) {
        self.running.forget_networks(hardware);
        let context_switch = std::mem::take(&mut self.running.context_switch);
        self.running = Running { context_switch, ..Running::default() };
        lock(&self.state).settings = Settings::default();
        hardware.set_logger(Logger::default());
    }
}

/// Why a message is refused.
fn refusal(error: &RequestError) -> FirmwareStatus {
    match error {
        RequestError::NotInRelease { .. } => FirmwareStatus::UNSUPPORTED_OPCODE,
        RequestError::Parameters { opcode, .. } if *opcode == Opcode::CONTEXT_SWITCH_SET_NETWORK_GROUP_HEADER => {
            FirmwareStatus::INVALID_NETWORK_GROUP_HEADER_LENGTH
        }
        _ => FirmwareStatus::UNSUPPORTED_OPCODE,
    }
}

fn release(hardware: &Hardware<'_>) -> FirmwareRelease {
    let [major, minor, revision] = hardware.firmware_version();
    FirmwareRelease::new(major, minor, revision)
}

fn text<const N: usize>(text: &str) -> Text<N> {
    Text::new(text).unwrap_or_default()
}

fn identity(hardware: &Hardware<'_>) -> Identity {
    let (name, architecture, part, product) = match hardware.kind() {
        BoardKind::Hailo8 => {
            ("Hailo-8", DeviceArchitecture::HAILO8, "HM218B1C2FAE", "HAILO-8 AI ACC M.2 M KEY MODULE EXT TEMP")
        }
        BoardKind::Hailo15H => {
            ("Hailo-15H", DeviceArchitecture::HAILO15H, "HM15HB1C2FAE", "HAILO-15H AI ACC M.2 MODULE")
        }
        BoardKind::Hailo15L => ("Hailo-15L", DeviceArchitecture::PLUTO, "HM15LB1C2FAE", "HAILO-15L AI ACC M.2 MODULE"),
    };
    Identity {
        protocol_version: hailo_abi::firmware::control::PROTOCOL_VERSION,
        fw_version: FirmwareVersion::new(release(hardware), 0),
        logger_version: 0,
        board_name: text(name),
        device_architecture: architecture,
        serial_number: text(&format!("HLLWM2B{:09}", hardware.seed() % 1_000_000_000)),
        part_number: text(part),
        product_name: text(product),
    }
}

/// Where `AUTO` measures.
fn chosen_dvm(dvm: DvmOption) -> DvmOption {
    if dvm == DvmOption::AUTO { DvmOption::VDD_CORE } else { dvm }
}

/// What `AUTO` measures.
fn chosen_type(kind: PowerMeasurementType) -> PowerMeasurementType {
    if kind == PowerMeasurementType::AUTO { PowerMeasurementType::POWER } else { kind }
}

fn wrong_index() -> Refusal {
    Refusal::of("CONTROL_PROTOCOL_STATUS_INVALID_POWER_MEASUREMENT_INDEX")
}

const USER_CONFIG_OVERRUN: &str = "FIRMWARE_CONFIGS_STATUS_USER_CONFIG_OVERRUN";
const BOARD_CONFIG_OVERRUN: &str = "FIRMWARE_CONFIGS_STATUS_BOARD_CONFIG_OVERRUN";

/// What is stored as user configuration: as much of it as its header says.
fn examine(config: &[u8]) -> UserConfigSize {
    let Ok(mut entries) = UserConfigReader::new(config) else { return UserConfigSize::default() };
    let UserConfigHeader { version, entry_count, .. } = entries.header();
    let sound = entries.by_ref().all(|entry| entry.is_ok());
    let total_size = if sound { config.len() - entries.rest().len() } else { config.len() };
    UserConfigSize { version, entry_count, total_size: total_size as u32 }
}

fn part<'a>(bytes: &'a [u8], read: ReadMemory, overrun: &'static str) -> Result<Response<'a>, Refusal> {
    let start = read.address as usize;
    let end = start.saturating_add(read.data_count as usize);
    let data = bytes.get(start..end).ok_or_else(|| Refusal::of(overrun))?;
    Ok(Response::MemoryData(MemoryData { data }))
}

/// The most bytes that a configuration has.
const MAX_CONFIG: usize = 0x8000;

fn overwrite(bytes: &mut Vec<u8>, write: WriteMemory<'_>, overrun: &'static str) -> Result<Response<'static>, Refusal> {
    let start = write.address as usize;
    let end = start.saturating_add(write.data.len());
    if end > MAX_CONFIG {
        return Err(Refusal::of(overrun));
    }
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    if let Some(place) = bytes.get_mut(start..end) {
        place.copy_from_slice(write.data);
    }
    Ok(Response::Done)
}
