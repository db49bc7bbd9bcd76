//! [`BoardFirmware`]: the firmware of a board, which answers every control of its release.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hailo_abi::firmware::control::{
    BootSource, ChipTemperature, CommonHeader, ControlStatus, CoreIdentity, DeviceArchitecture, DvmOption,
    ExtendedDeviceInformation, HealthInformation, HwConstsAnswer, Identity, IdleTime, MainHeaderAnswer, MeasuredPower,
    MemoryData, Opcode, OvercurrentState, PowerMeasurementSet, PowerMeasurementType, PowerStatistics,
    PreviousSystemState, ReadMemory, Request, RequestError, ResetType, Response, SupportedFeatures, TemperatureInfo,
    Text, ThrottlingState, UserConfigSize,
};
use hailo_abi::firmware::{FirmwareInterface, FirmwareRelease, FirmwareStatus, FirmwareVersion};
use hailo_abi::wire::Bool;

use super::context_switch::ContextSwitch;
use super::network::NetworkFunction;
use super::values::{FirmwareValues, interface};
use super::{Answer, BenchFirmware, Firmware, Hardware};
use crate::device::Cpu;
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
    values: FirmwareValues,
    context_switch: ContextSwitch,
    /// When periodic measurements were started.
    measuring: Option<Instant>,
    measurements: [Measurement; 4],
    throttling_off: bool,
    overcurrent_off: bool,
    idle_since: Option<Instant>,
    /// Samples of the temperature since the start.
    samples: u16,
    noise: u64,
}

impl BoardFirmware {
    /// Firmware that answers with these values.
    #[must_use]
    pub fn new(values: FirmwareValues) -> Self {
        Self { values, ..Self::default() }
    }

    /// The same firmware, whose networks compute this.
    #[must_use]
    pub fn computing(mut self, function: impl NetworkFunction + 'static) -> Self {
        self.context_switch = ContextSwitch::new(Arc::new(function));
        self
    }

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
        hardware: &Hardware<'_>,
        interface: FirmwareInterface,
        request: &Request<'_>,
    ) -> Result<Option<Response<'a>>, FirmwareStatus> {
        let response = match *request {
            Request::Identify => Response::Identity(identity(hardware)),
            Request::CoreIdentify => {
                let fw_version = FirmwareVersion::new(release(hardware), FirmwareVersion::CORE);
                Response::CoreIdentity(CoreIdentity { fw_version })
            }
            Request::GetDeviceInformation => Response::ExtendedDeviceInformation(self.extended(hardware)),
            Request::GetChipTemperature => {
                self.samples = self.samples.wrapping_add(1);
                let sample_count = self.samples;
                let [first, second] = self.values.temperatures;
                let (ts0_temperature, ts1_temperature) = (first + self.noise() / 4.0, second + self.noise() / 4.0);
                let info = TemperatureInfo { ts0_temperature, ts1_temperature, sample_count };
                Response::ChipTemperature(ChipTemperature { info })
            }
            Request::PowerMeasurement(measurement) => Response::MeasuredPower(MeasuredPower {
                power_measurement: self.values.power + self.noise() / 16.0,
                dvm: chosen_dvm(measurement.dvm),
                measurement_type: chosen_type(measurement.measurement_type),
            }),
            Request::SetPowerMeasurement(set) => {
                let place = self.measurements.get_mut(set.index as usize).ok_or(FirmwareStatus::UNSUPPORTED_DEVICE)?;
                *place =
                    Measurement { dvm: chosen_dvm(set.dvm), kind: chosen_type(set.measurement_type), cleared: None };
                Response::PowerMeasurementSet(PowerMeasurementSet { dvm: place.dvm, measurement_type: place.kind })
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
                Response::PowerStatistics(self.statistics(get.index, get.should_clear.get())?)
            }
            Request::GetHealthInformation => Response::HealthInformation(self.health()),
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
                self.values.clock_rate = set.clock_freq;
                Response::Done
            }
            Request::GetHwConsts => Response::HwConstsAnswer(HwConstsAnswer { hw_consts: self.values.hw_consts }),
            Request::AppPreviousSystemState | Request::CorePreviousSystemState => {
                Response::PreviousSystemState(PreviousSystemState { system_state: 0 })
            }
            Request::IdleTimeSetMeasurement(set) => {
                self.idle_since = set.measurement_enable.get().then(Instant::now);
                Response::Done
            }
            Request::IdleTimeGetMeasurement => {
                let idle = self.idle_since.map(|since| since.elapsed()).unwrap_or_default();
                Response::IdleTime(IdleTime { idle_time_ns: idle.as_nanos() as u64 })
            }
            Request::ExamineUserConfig => Response::UserConfigSize(UserConfigSize {
                version: 1,
                entry_count: 0,
                total_size: self.values.user_config.len() as u32,
            }),
            Request::ReadUserConfig(read) => part(&self.values.user_config, read)?,
            Request::ReadBoardConfig(read) => part(&self.values.board_config, read)?,
            Request::WriteUserConfig(write) => overwrite(&mut self.values.user_config, write.address, write.data)?,
            Request::WriteBoardConfig(write) => overwrite(&mut self.values.board_config, write.address, write.data)?,
            Request::EraseUserConfig => {
                self.values.user_config.clear();
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
                self.context_switch.change_status(hardware, interface, &change)?;
                Response::Done
            }
            Request::ClearConfiguredApps => {
                self.context_switch.clear()?;
                Response::Done
            }
            Request::AppWatchdogEnable(_)
            | Request::AppWatchdogConfig(_)
            | Request::CoreWatchdogEnable(_)
            | Request::CoreWatchdogConfig(_)
            | Request::SetFirmwareLogger(_)
            | Request::SetHostInfo(_)
            | Request::SetSleepState(_)
            | Request::SetDataflowInterrupt(_)
            | Request::SetPauseFrames(_)
            | Request::ConfigTimestamp(_)
            | Request::SignalDriverDown
            | Request::SignalCacheUpdated
            | Request::UpdateCacheReadOffset(_) => Response::Done,
            Request::ReadMemory(read) => Response::MemoryData(MemoryData { data: zeros(read.data_count)? }),
            Request::WriteMemory(_) => Response::Done,
            // The board has no camera, no Ethernet, no flash memory and nothing to debug.
            _ => return Err(FirmwareStatus::UNSUPPORTED_DEVICE),
        };
        Ok(Some(response))
    }

    fn extended(&self, hardware: &Hardware<'_>) -> ExtendedDeviceInformation {
        let seed = hardware.seed();
        let mut soc_id = [0; 32];
        for (index, byte) in soc_id.iter_mut().enumerate() {
            *byte = 0xa0u8.wrapping_add(index as u8).wrapping_add((seed >> (8 * (index % 8))) as u8);
        }
        let features = SupportedFeatures::PCIE | SupportedFeatures::CURRENT_MONITORING;
        ExtendedDeviceInformation {
            neural_network_core_clock_rate: self.values.clock_rate,
            supported_features: [features.bits(), 0],
            boot_source: BootSource::PCIE,
            lcs: 3,
            soc_id,
            pd_info: std::array::from_fn(|index| 0x40 + index as u8),
            ..ExtendedDeviceInformation::default()
        }
    }

    fn health(&self) -> HealthInformation {
        let [orange, orange_end] = self.values.orange_threshold;
        let [red, red_end] = self.values.red_threshold;
        let hottest = self.values.temperatures.into_iter().fold(f32::MIN, f32::max);
        let level = self.values.throttling_levels.iter().rposition(|level| hottest >= level.temperature_threshold);
        let zone = if hottest >= red as f32 { 2 } else { u8::from(hottest >= orange as f32) };
        let clock = level
            .and_then(|level| self.values.throttling_levels.get(level))
            .map_or(self.values.clock_rate, |level| level.throttling_nn_clock_freq);
        HealthInformation {
            overcurrent_protection_active: Bool::new(!self.overcurrent_off),
            red_overcurrent_threshold: HealthInformation::red_overcurrent_threshold_of(self.values.red_overcurrent),
            temperature_throttling_active: Bool::new(!self.throttling_off),
            current_temperature_zone: zone,
            current_temperature_throttling_level: level.map_or(-1, |level| level as i8),
            temperature_throttling_levels: self.values.throttling_levels,
            orange_temperature_threshold: orange,
            orange_hysteresis_temperature_threshold: orange_end,
            red_temperature_threshold: red,
            red_hysteresis_temperature_threshold: red_end,
            requested_temperature_clock_freq: clock,
            ..HealthInformation::default()
        }
    }

    fn statistics(&mut self, index: u32, clear: bool) -> Result<PowerStatistics, FirmwareStatus> {
        let started = self.measuring.ok_or(FirmwareStatus::UNSUPPORTED_DEVICE)?;
        let place = self.measurements.get_mut(index as usize).ok_or(FirmwareStatus::UNSUPPORTED_DEVICE)?;
        let since = place.cleared.filter(|cleared| *cleared > started).unwrap_or(started);
        if clear {
            place.cleared = Some(Instant::now());
        }
        let average = self.values.power;
        Ok(PowerStatistics {
            total_number_of_samples: (since.elapsed().as_micros() / SAMPLE.as_micros()) as u32,
            min_value: average - 0.625,
            max_value: average + 0.625,
            average_value: average,
            average_time_value_milliseconds: SAMPLE.as_secs_f32() * 1000.0,
        })
    }
}

impl Firmware for BoardFirmware {
    fn control(&mut self, hardware: &Hardware<'_>, cpu: Cpu, message: &[u8]) -> Option<Answer> {
        if let Some(answer) = BenchFirmware::bench_control(hardware, cpu, message) {
            return answer;
        }
        let interface = interface(hardware.firmware_version());
        // A message that ends within its header has none to repeat.
        let header = CommonHeader::parse(message).map(|(header, _)| header).unwrap_or_default();
        let result = match Request::decode(interface, message) {
            Ok((_, request)) => self.answer(hardware, interface, &request),
            // Whatever is said besides, the device says who it is: even an empty mailbox reads as this request.
            Err(_) if header.opcode == Opcode::IDENTIFY => self.answer(hardware, interface, &Request::Identify),
            Err(error) => Err(refusal(&error)),
        };
        let encoded = match result {
            Ok(None) => return None,
            Ok(Some(response)) => response.encode(interface, &header),
            Err(status) => {
                let status = ControlStatus { major_status: status, minor_status: status };
                Response::encode_failure(&header, status)
            }
        };
        Some(Answer::now(encoded.map(|message| message.as_slice().to_vec()).unwrap_or_default()))
    }

    fn shutdown(&mut self, hardware: &Hardware<'_>) {
        self.forget_networks(hardware);
    }

    fn restart(&mut self, hardware: &Hardware<'_>) {
        self.forget_networks(hardware);
        *self = Self { context_switch: std::mem::take(&mut self.context_switch), ..Self::new(self.values.clone()) };
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

/// Zeros, as unused memory reads.
fn zeros(count: u32) -> Result<&'static [u8], FirmwareStatus> {
    static ZEROS: [u8; 1024] = [0; 1024];
    ZEROS.get(..count as usize).ok_or(FirmwareStatus::UNSUPPORTED_DEVICE)
}

fn part(bytes: &[u8], read: ReadMemory) -> Result<Response<'_>, FirmwareStatus> {
    let start = read.address as usize;
    let end = start.saturating_add(read.data_count as usize);
    let data = bytes.get(start..end).ok_or(FirmwareStatus::UNSUPPORTED_DEVICE)?;
    Ok(Response::MemoryData(MemoryData { data }))
}

/// The most bytes that a configuration has.
const MAX_CONFIG: usize = 0x8000;

fn overwrite(bytes: &mut Vec<u8>, address: u32, data: &[u8]) -> Result<Response<'static>, FirmwareStatus> {
    let start = address as usize;
    let end = start.saturating_add(data.len());
    if end > MAX_CONFIG {
        return Err(FirmwareStatus::UNSUPPORTED_DEVICE);
    }
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    if let Some(place) = bytes.get_mut(start..end) {
        place.copy_from_slice(data);
    }
    Ok(Response::Done)
}
