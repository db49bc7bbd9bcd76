//! [`Firmware`]: typed controls of the firmware that runs on a device.
//!
//! Everything here is safe: no control of this module makes the device write to memory of the host. For anything else there
//! is [`Device::control`], which takes bytes.

use hailo_abi::command::MAX_CONTROL_LENGTH;
use hailo_abi::enums::CpuId;
use hailo_abi::firmware::constants::MAX_REQUEST_PAYLOAD_SIZE;
use hailo_abi::firmware::control::{
    AveragingFactor, ChipTemperature, CoreIdentity, Done, DvmOption, EncodeError, Expected, ExtendedDeviceInformation,
    GetPowerMeasurement, HealthInformation, HwConsts, HwConstsAnswer, Identity, LoggerLevel, MAX_READ_MEMORY_DATA_SIZE,
    MainHeaderAnswer, MeasuredPower, MemoryData, OvercurrentState, Parameters, PowerMeasurement, PowerMeasurementSet,
    PowerMeasurementType, PowerStatistics, PreviousSystemState, ReadMemory, Request, Reset, ResetType, ResponseError,
    SamplingPeriod, SetFirmwareLogger, SetOvercurrentState, SetPowerMeasurement, SetThrottlingState,
    StartPowerMeasurement, TemperatureInfo, ThrottlingState, UserConfigSize, WatchdogConfig, WatchdogEnable,
    WatchdogMode, WriteMemory,
};
use hailo_abi::firmware::user_config::UserConfigReader;
use hailo_abi::firmware::{FirmwareInterface, FirmwareRelease, FirmwareVersion, NetworkGroupHeader};

use crate::control::CONTROL_TIMEOUT;
use crate::device::Device;
use crate::error::{Error, ErrorKind, Invalid, Result};

/// Bytes of the board configuration, as many as the vendor's library reads.
pub const BOARD_CONFIG_SIZE: u32 = 500;
/// The most bytes of a user configuration that are believed, and written.
pub const MAX_USER_CONFIG_SIZE: u32 = 1 << 20;
/// How many bytes are written at a time: the device takes 1024 bytes of parameters, which begin with the address and both
/// lengths.
const WRITE_SIZE: usize = MAX_REQUEST_PAYLOAD_SIZE - 12;

const IDENTIFY: &str = "identify the firmware";
const RESET: &str = "reset";

/// The firmware of a device, which was identified: its release decides which controls there are and how they are laid out.
///
/// Firmware of a release that is not known here is only sent the controls that are the same in all known releases
/// ([`Opcode::is_release_independent`]): among others those for temperature, power, health, throttling, the log, watchdogs,
/// memory, both configurations and resets. All other functions fail with [`ErrorKind::UnknownFirmware`] then.
///
/// [`Opcode::is_release_independent`]: hailo_abi::firmware::control::Opcode::is_release_independent
///
/// ```no_run
/// # fn main() -> hailo_linux::Result<()> {
/// let device = hailo_linux::Device::open("/dev/hailo0")?;
/// let firmware = device.firmware()?;
/// println!("{}: {:?}", firmware.release(), firmware.temperature()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Firmware {
    device: Device,
    identity: Identity,
}

/// A processor of the device that runs firmware of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Processor {
    /// The application processor.
    Application,
    /// The processor of the neural network core.
    Core,
}

/// A periodic measurement of power, which runs until this value is dropped. See [`Firmware::measure_power_periodically`].
#[derive(Debug)]
pub struct PeriodicPower<'a> {
    firmware: &'a Firmware,
    index: u32,
}

impl Device {
    /// Asks the firmware who it is, and offers its controls.
    ///
    /// # Errors
    /// [`ErrorKind::NoFirmware`], [`ErrorKind::NoAnswer`] and what else came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_IDENTIFY")]
    pub fn firmware(&self) -> Result<Firmware> {
        let identity: Identity = ask(self, None, IDENTIFY, &Request::Identify)?;
        if identity.fw_version.has(FirmwareVersion::CORE) {
            let kind = ErrorKind::BadAnswer("the application processor answered as the core's does");
            return Err(self.inner.failed(IDENTIFY, kind));
        }
        Ok(Firmware { device: self.clone(), identity })
    }
}

/// Sends a control to firmware of this release, or of one that is still to be asked for, and reads its answer.
fn ask<T: for<'m> Parameters<'m>>(
    device: &Device,
    release: Option<FirmwareRelease>,
    operation: &'static str,
    request: &Request<'_>,
) -> Result<T> {
    exchange(device, release, operation, request, |interface, expected, answer| expected.read(interface, answer))
}

fn exchange<R>(
    device: &Device,
    release: Option<FirmwareRelease>,
    operation: &'static str,
    request: &Request<'_>,
    read: impl FnOnce(FirmwareInterface, Expected, &[u8]) -> Result<R, ResponseError>,
) -> Result<R> {
    let inner = &device.inner;
    let interface = release.and_then(FirmwareRelease::interface);
    // The sequence number is set, and compared, by `control`.
    let message = match interface {
        Some(interface) => request.encode(interface, 0),
        None => request.encode_release_independent(0),
    };
    let message = message.map_err(|error| {
        let kind = match (error, release) {
            (EncodeError::ReleaseDependent { opcode }, Some(release)) => ErrorKind::UnknownFirmware { release, opcode },
            (error, _) => ErrorKind::Control(error),
        };
        inner.failed(operation, kind)
    })?;
    let opcode = request.opcode();
    let mut answer = [0; MAX_CONTROL_LENGTH];
    let cpu = CpuId::from_raw(opcode.cpu().0.into());
    // SAFETY: only this module makes requests that come here, and none of them names memory of the host.
    let answer = unsafe { inner.control(cpu, message.as_slice(), CONTROL_TIMEOUT, &mut answer) };
    let answer = answer.map_err(|error| Error::new(inner.name(), operation, error.kind().clone()))?;
    let interface = interface.unwrap_or(FirmwareInterface::RELEASE_INDEPENDENT);
    read(interface, Expected::opcode(opcode), answer).map_err(|error| inner.failed(operation, refused(error)))
}

/// Why an answer is not the one that was asked for.
pub(crate) fn refused(error: ResponseError) -> ErrorKind {
    match error {
        ResponseError::Status { major, minor, .. } => ErrorKind::Firmware { major, minor },
        error => ErrorKind::Response(error),
    }
}

impl Firmware {
    /// What it answered when it was identified.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its release.
    #[must_use]
    pub fn release(&self) -> FirmwareRelease {
        self.identity.fw_version.release()
    }

    /// The generation of the control protocol that it speaks, or `None` if its release is not known here.
    #[must_use]
    pub fn interface(&self) -> Option<FirmwareInterface> {
        self.release().interface()
    }

    fn ask<T: for<'m> Parameters<'m>>(&self, operation: &'static str, request: &Request<'_>) -> Result<T> {
        ask(&self.device, Some(self.release()), operation, request)
    }

    fn tell(&self, operation: &'static str, request: &Request<'_>) -> Result<()> {
        self.ask::<Done>(operation, request).map(|Done| ())
    }

    /// The version of the core processor's firmware.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_CORE_IDENTIFY")]
    pub fn core_version(&self) -> Result<FirmwareVersion> {
        let operation = "identify the core's firmware";
        let CoreIdentity { fw_version } = self.ask(operation, &Request::CoreIdentify)?;
        if !fw_version.has(FirmwareVersion::CORE) {
            let kind = ErrorKind::BadAnswer("the core's processor answered as the application processor does");
            return Err(self.device.inner.failed(operation, kind));
        }
        Ok(fw_version)
    }

    /// Clock, features, boot source and identity of the chip.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_GET_DEVICE_INFORMATION")]
    pub fn extended_information(&self) -> Result<ExtendedDeviceInformation> {
        self.ask("read extended information", &Request::GetDeviceInformation)
    }

    /// The temperatures of the two sensors.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_GET_CHIP_TEMPERATURE")]
    pub fn temperature(&self) -> Result<TemperatureInfo> {
        self.ask("read the temperature", &Request::GetChipTemperature).map(|ChipTemperature { info }| info)
    }

    /// Zones, thresholds and throttling by temperature and current.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_GET_HEALTH_INFORMATION")]
    pub fn health(&self) -> Result<HealthInformation> {
        self.ask("read the health", &Request::GetHealthInformation)
    }

    /// Whether throttling by temperature is on.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_GET_THROTTLING_STATE")]
    pub fn throttling(&self) -> Result<bool> {
        let ThrottlingState { is_active } = self.ask("read whether throttling is on", &Request::GetThrottlingState)?;
        Ok(is_active.get())
    }

    /// Switches throttling by temperature.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_SET_THROTTLING_STATE")]
    pub fn set_throttling(&self, on: bool) -> Result<()> {
        let state = SetThrottlingState { should_activate: on.into() };
        self.tell("switch throttling", &Request::SetThrottlingState(state))
    }

    /// Whether the protection against too much current is on.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_GET_OVERCURRENT_STATE")]
    pub fn overcurrent_protection(&self) -> Result<bool> {
        let OvercurrentState { is_required } =
            self.ask("read whether the protection against too much current is on", &Request::GetOvercurrentState)?;
        Ok(is_required.get())
    }

    /// Switches the protection against too much current.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_SET_OVERCURRENT_STATE")]
    pub fn set_overcurrent_protection(&self, on: bool) -> Result<()> {
        let state = SetOvercurrentState { should_activate: on.into() };
        self.tell("switch the protection against too much current", &Request::SetOvercurrentState(state))
    }

    /// Measures once. [`DvmOption::AUTO`] and [`PowerMeasurementType::AUTO`] are whatever the board has, power where it can.
    ///
    /// # Errors
    /// What came of the control; a board without sensor refuses.
    #[doc(alias = "HAILO_CONTROL_OPCODE_POWER_MEASUREMENT")]
    pub fn measure_power(&self, dvm: DvmOption, measurement_type: PowerMeasurementType) -> Result<MeasuredPower> {
        let measure = PowerMeasurement { dvm, measurement_type };
        self.ask("measure power", &Request::PowerMeasurement(measure))
    }

    /// Measures periodically in one of four places (`index` 0 to 3), until the value that is returned is dropped.
    ///
    /// # Errors
    /// What came of the controls.
    #[doc(alias = "HAILO_CONTROL_OPCODE_SET_POWER_MEASUREMENT")]
    #[doc(alias = "HAILO_CONTROL_OPCODE_START_POWER_MEASUREMENT")]
    pub fn measure_power_periodically(
        &self,
        index: u32,
        dvm: DvmOption,
        measurement_type: PowerMeasurementType,
        averaging_factor: AveragingFactor,
        sampling_period: SamplingPeriod,
    ) -> Result<PeriodicPower<'_>> {
        let operation = "measure power periodically";
        // What may still run from before.
        self.tell(operation, &Request::StopPowerMeasurement)?;
        let set = SetPowerMeasurement { index, dvm, measurement_type };
        let _: PowerMeasurementSet = self.ask(operation, &Request::SetPowerMeasurement(set))?;
        // The vendor's library computes a delay, too, but from numbers that are too small, so that it is always this.
        let start = StartPowerMeasurement { delay_milliseconds: 1, averaging_factor, sampling_period };
        self.tell(operation, &Request::StartPowerMeasurement(start))?;
        Ok(PeriodicPower { firmware: self, index })
    }

    /// Resets the core or the firmware. The chip as a whole cannot be reset over PCI Express.
    ///
    /// After a reset of the firmware, the device has to be opened again once it runs.
    ///
    /// # Errors
    /// [`Invalid::Value`] for [`ResetType::CHIP`]; what came of the control. A firmware that resets itself does not answer,
    /// which is no error.
    #[doc(alias = "HAILO_CONTROL_OPCODE_RESET")]
    pub fn reset(&self, reset_type: ResetType) -> Result<()> {
        if reset_type == ResetType::CHIP {
            let invalid =
                Invalid::Value { what: "the part that is reset over PCI Express", given: reset_type.0.into() };
            return Err(self.device.inner.invalid(RESET, invalid));
        }
        let outcome = self.tell(RESET, &Request::Reset(Reset { reset_type }));
        match (reset_type, outcome) {
            (ResetType::SOFT | ResetType::FORCED_SOFT, Ok(())) => {
                let kind = ErrorKind::BadAnswer("a firmware that resets itself does not answer");
                Err(self.device.inner.failed(RESET, kind))
            }
            (ResetType::SOFT | ResetType::FORCED_SOFT, Err(error))
                if matches!(error.kind(), ErrorKind::NoAnswer(_)) =>
            {
                Ok(())
            }
            (_, outcome) => outcome,
        }
    }

    /// The user configuration as it is stored, with its version and number of entries.
    ///
    /// # Errors
    /// What came of the controls; [`ErrorKind::BadAnswer`] if it is said to be larger than can be.
    #[doc(alias = "HAILO_CONTROL_OPCODE_READ_USER_CONFIG")]
    pub fn user_config(&self) -> Result<(UserConfigSize, Vec<u8>)> {
        let operation = "read the user configuration";
        let size: UserConfigSize = self.ask(operation, &Request::ExamineUserConfig)?;
        if size.total_size > MAX_USER_CONFIG_SIZE {
            let kind = ErrorKind::BadAnswer("the user configuration is said to be larger than 1 MiB");
            return Err(self.device.inner.failed(operation, kind));
        }
        let config = self.read(operation, Request::ReadUserConfig, 0, size.total_size)?;
        Ok((size, config))
    }

    /// The board configuration as it is stored.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_READ_BOARD_CONFIG")]
    pub fn board_config(&self) -> Result<Vec<u8>> {
        self.read("read the board configuration", Request::ReadBoardConfig, 0, BOARD_CONFIG_SIZE)
    }

    /// Replaces the user configuration, which takes effect when the firmware starts again. What is behind a shorter
    /// configuration stays, but nothing refers to it; [`erase_user_config`](Self::erase_user_config) first where that matters.
    ///
    /// If it fails in the middle, the stored configuration is damaged, and is to be written again.
    ///
    /// # Errors
    /// [`Invalid::UserConfig`] before anything is written: it is not well formed; [`Invalid::ConfigLength`]; what came of the
    /// controls.
    #[doc(alias = "HAILO_CONTROL_OPCODE_WRITE_USER_CONFIG")]
    pub fn write_user_config(&self, config: &[u8]) -> Result<()> {
        let operation = "write the user configuration";
        let invalid = |invalid| Err(self.device.inner.invalid(operation, invalid));
        let max = MAX_USER_CONFIG_SIZE as usize;
        if config.len() > max {
            return invalid(Invalid::ConfigLength { what: "user", given: config.len(), min: 0, max });
        }
        if let Err(error) = UserConfigReader::check(config) {
            return invalid(Invalid::UserConfig(error));
        }
        self.write(operation, Request::WriteUserConfig, config)
    }

    /// Erases the user configuration: the firmware uses values of its own when it starts again.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_ERASE_USER_CONFIG")]
    pub fn erase_user_config(&self) -> Result<()> {
        self.tell("erase the user configuration", &Request::EraseUserConfig)
    }

    /// Replaces the board configuration, which belongs to the board as its vendor built it: a wrong one can keep the board
    /// from starting. Its form is not published, so that only its length is checked.
    ///
    /// # Errors
    /// [`Invalid::ConfigLength`] for any other length than [`BOARD_CONFIG_SIZE`]; what came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_WRITE_BOARD_CONFIG")]
    pub fn write_board_config(&self, config: &[u8]) -> Result<()> {
        let operation = "write the board configuration";
        let size = BOARD_CONFIG_SIZE as usize;
        if config.len() != size {
            let invalid = Invalid::ConfigLength { what: "board", given: config.len(), min: size, max: size };
            return Err(self.device.inner.invalid(operation, invalid));
        }
        self.write(operation, Request::WriteBoardConfig, config)
    }

    fn write<'m>(
        &self,
        operation: &'static str,
        request: fn(WriteMemory<'m>) -> Request<'m>,
        bytes: &'m [u8],
    ) -> Result<()> {
        // The length was checked to be far below 4 GiB.
        for (address, data) in (0..).step_by(WRITE_SIZE).zip(bytes.chunks(WRITE_SIZE)) {
            self.tell(operation, &request(WriteMemory { address, data }))?;
        }
        Ok(())
    }

    /// Reads `length` bytes of the device's memory. Some addresses are registers, which reading can change.
    ///
    /// # Errors
    /// What came of the controls.
    #[doc(alias = "HAILO_CONTROL_OPCODE_READ_MEMORY")]
    pub fn read_memory(&self, address: u32, length: u32) -> Result<Vec<u8>> {
        self.read("read memory of the device", Request::ReadMemory, address, length)
    }

    fn read(
        &self,
        operation: &'static str,
        request: fn(ReadMemory) -> Request<'static>,
        address: u32,
        length: u32,
    ) -> Result<Vec<u8>> {
        let mut memory = Vec::new();
        while memory.len() < length as usize {
            let done = memory.len() as u32;
            let data_count = (length - done).min(MAX_READ_MEMORY_DATA_SIZE as u32);
            let request = request(ReadMemory { address: address.wrapping_add(done), data_count });
            exchange(&self.device, Some(self.release()), operation, &request, |interface, expected, answer| {
                let MemoryData { data } = expected.read(interface, answer)?;
                // As many as were asked for, or the rest would be out of place.
                memory.extend_from_slice(data.get(..data_count as usize).unwrap_or_default());
                Ok(())
            })?;
            if memory.len() as u32 != done + data_count {
                let kind = ErrorKind::BadAnswer("it has fewer bytes than were asked for");
                return Err(self.device.inner.failed(operation, kind));
            }
        }
        Ok(memory)
    }

    /// Why a processor was reset before it started, by the vendor's number.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_APP_PREVIOUS_SYSTEM_STATE")]
    #[doc(alias = "HAILO_CONTROL_OPCODE_CORE_PREVIOUS_SYSTEM_STATE")]
    pub fn previous_system_state(&self, processor: Processor) -> Result<u32> {
        let request = match processor {
            Processor::Application => Request::AppPreviousSystemState,
            Processor::Core => Request::CorePreviousSystemState,
        };
        let PreviousSystemState { system_state } = self.ask("read why a processor was reset", &request)?;
        Ok(system_state)
    }

    /// Sets the lowest level that is logged, and where to: bit 0 the host, bit 1 the serial port.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_SET_FW_LOGGER")]
    pub fn set_logger(&self, level: LoggerLevel, interfaces: u8) -> Result<()> {
        let logger = SetFirmwareLogger { level, logger_interface_bit_mask: interfaces };
        self.tell("set the level of the log", &Request::SetFirmwareLogger(logger))
    }

    /// Switches the watchdog of a processor.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_APP_WD_ENABLE")]
    #[doc(alias = "HAILO_CONTROL_OPCODE_CORE_WD_ENABLE")]
    pub fn set_watchdog(&self, processor: Processor, on: bool) -> Result<()> {
        let enable = WatchdogEnable { should_enable: on.into() };
        let request = match processor {
            Processor::Application => Request::AppWatchdogEnable(enable),
            Processor::Core => Request::CoreWatchdogEnable(enable),
        };
        self.tell("switch a watchdog", &request)
    }

    /// Sets after how many cycles of the clock the watchdog of a processor bites, and what it watches.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_APP_WD_CONFIG")]
    #[doc(alias = "HAILO_CONTROL_OPCODE_CORE_WD_CONFIG")]
    pub fn configure_watchdog(&self, processor: Processor, wd_cycles: u32, wd_mode: WatchdogMode) -> Result<()> {
        let config = WatchdogConfig { wd_cycles, wd_mode };
        let request = match processor {
            Processor::Application => Request::AppWatchdogConfig(config),
            Processor::Core => Request::CoreWatchdogConfig(config),
        };
        self.tell("configure a watchdog", &request)
    }

    /// The constants of the hardware that the sizes of buffers depend on.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_GET_HW_CONSTS")]
    pub fn hardware_constants(&self) -> Result<HwConsts> {
        let answer: HwConstsAnswer = self.ask("read the constants of the hardware", &Request::GetHwConsts)?;
        Ok(answer.hw_consts)
    }
}

impl Firmware {
    /// The headers of the network groups that are configured.
    ///
    /// # Errors
    /// What came of the control; [`ErrorKind::BadAnswer`] if it has fewer headers than it says.
    #[doc(alias = "HAILO_CONTROL_OPCODE_GET_CONTEXT_SWITCH_MAIN_HEADER")]
    pub fn network_groups(&self) -> Result<Vec<NetworkGroupHeader>> {
        let operation = "read which network groups are configured";
        let request = Request::GetContextSwitchMainHeader;
        let headers =
            exchange(&self.device, Some(self.release()), operation, &request, |interface, expected, answer| {
                let answer: MainHeaderAnswer<'_> = expected.read(interface, answer)?;
                let count = usize::from(answer.application_count());
                Ok((0..count).map(|index| answer.header(interface, index)).collect::<Result<Vec<_>, _>>())
            })?;
        headers.map_err(|_| {
            let kind = ErrorKind::BadAnswer("it has fewer network groups than it says");
            self.device.inner.failed(operation, kind)
        })
    }
}

impl PeriodicPower<'_> {
    /// What was measured since it was started, or since it was last cleared.
    ///
    /// # Errors
    /// What came of the control.
    #[doc(alias = "HAILO_CONTROL_OPCODE_GET_POWER_MEASUREMENT")]
    pub fn read(&self, clear: bool) -> Result<PowerStatistics> {
        let get = GetPowerMeasurement { index: self.index, should_clear: clear.into() };
        self.firmware.ask("read what was measured", &Request::GetPowerMeasurement(get))
    }
}

impl Drop for PeriodicPower<'_> {
    fn drop(&mut self) {
        // Nothing can be done about a firmware that goes on measuring.
        let _ = self.firmware.tell("stop measuring power", &Request::StopPowerMeasurement);
    }
}
