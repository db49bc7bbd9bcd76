//! Requests: every control with its parameters, written and read.

use core::fmt;

use super::buffer::MessageBuffer;
use super::context_switch::{
    ChangeContextSwitchStatus, ConfigBreakpoint, ConfigTimestamp, DownloadContextActionList, GetBreakpointStatus,
    InitCacheInfo, SetContextInfo, SetDataflowInterrupt, SetNetworkGroupHeader, UpdateCacheReadOffset,
};
use super::header::{CommonHeader, PROTOCOL_VERSION};
use super::memory::{CopySecondStageToFlash, ReadMemory, ValidateFirmwareUpdate, WriteFirmwareUpdate, WriteMemory};
use super::opcode::Opcode;
use super::parameters::{EncodeError, ParameterError, ParameterReader, ParameterWriter, Parameters};
use super::power::{GetPowerMeasurement, PowerMeasurement, SetPowerMeasurement, StartPowerMeasurement};
use super::sensor::{
    I2cRead, I2cWrite, SensorGetConfig, SensorLoadConfig, SensorReset, SensorSetGenericI2cSlave, SensorSetI2cBusIndex,
    SensorStoreConfig,
};
use super::stream::{ChangeHwInferStatus, CloseStream, ConfigStream, LatencyConfig, OpenStream};
use super::system::{
    ConfigCoreTop, EnableDebugging, IdleTimeSetMeasurement, PhyOperate, Reset, RunBistTest, SendHostInfoEvent,
    SetClockFrequency, SetFirmwareLogger, SetHostInfo, SetOvercurrentState, SetPauseFrames, SetSleepState,
    SetThrottlingState, WatchdogConfig, WatchdogEnable,
};
use crate::firmware::FirmwareInterface;
use crate::firmware::layout::LayoutInfo;

/// Why bytes are no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// They end within the header.
    Header {
        /// Bytes that there are.
        available: usize,
    },
    /// They are of another version of the protocol.
    Version {
        /// That version.
        actual: u32,
    },
    /// The acknowledge flag is set: they are a response.
    Acknowledged,
    /// Firmware of this generation does not know the control.
    NotInRelease {
        /// The control.
        opcode: Opcode,
        /// The generation.
        interface: FirmwareInterface,
    },
    /// A length is wrong.
    Parameters {
        /// The control.
        opcode: Opcode,
        /// Which length.
        error: ParameterError,
    },
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { available } => write!(f, "a request of {available} bytes ends within its header"),
            Self::Version { actual } => {
                write!(f, "a request of version {actual} of the control protocol instead of {PROTOCOL_VERSION}")
            }
            Self::Acknowledged => f.write_str("a response where a request was expected"),
            Self::NotInRelease { opcode, interface } => {
                write!(f, "firmware {interface} does not know control {opcode}")
            }
            Self::Parameters { opcode, error } => write!(f, "request {opcode}: {error}"),
        }
    }
}

impl core::error::Error for RequestError {}

macro_rules! requests {
    (
        without { $($(#[$plain_meta:meta])* $plain:ident = $plain_opcode:ident;)* }
        with { $($(#[$meta:meta])* $name:ident($parameters:ident $(<$lt:lifetime>)?) = $opcode:ident;)* }
    ) => {
        /// One control.
        ///
        /// ```
        /// use hailo_abi::firmware::FirmwareInterface;
        /// use hailo_abi::firmware::control::{ReadMemory, Request};
        ///
        /// let request = Request::ReadMemory(ReadMemory { address: 0x6000_0000, data_count: 64 });
        /// let message = request.encode(FirmwareInterface::V4_21, 2).unwrap();
        /// assert_eq!(message.len(), 36);
        /// let (header, read) = Request::decode(FirmwareInterface::V4_21, message.as_slice()).unwrap();
        /// assert_eq!((header.sequence, read), (2, request));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant, reason = "there is no allocator, and messages are short-lived")]
        pub enum Request<'m> {
            $($(#[$plain_meta])* $plain,)*
            $($(#[$meta])* $name($parameters $(<$lt>)?),)*
            /// A control without a description here: one of unknown number, or whose parameters the vendor's headers
            /// do not say.
            Other {
                /// Its number.
                opcode: Opcode,
                /// Everything behind the header, the count of parameters included if there is one.
                payload: &'m [u8],
            },
        }

        impl<'m> Request<'m> {
            /// The number of the control.
            pub const fn opcode(&self) -> Opcode {
                match self {
                    $(Self::$plain => Opcode::$plain_opcode,)*
                    $(Self::$name(_) => Opcode::$opcode,)*
                    Self::Other { opcode, .. } => *opcode,
                }
            }

            /// The layouts of a control's parameters; `None` for a control without a description here.
            pub(super) const fn layouts(opcode: Opcode) -> Option<&'static [LayoutInfo]> {
                match opcode {
                    $(Opcode::$plain_opcode => Some(&[]),)*
                    $(Opcode::$opcode => Some(<$parameters $(<$lt>)? as Parameters<'m>>::LAYOUTS),)*
                    _ => None,
                }
            }

            fn write_parameters(
                &self,
                interface: FirmwareInterface,
                buffer: &mut MessageBuffer,
            ) -> Result<(), EncodeError> {
                match self {
                    $(Self::$plain => ParameterWriter::new(buffer).map(|_| ()),)*
                    $(Self::$name(parameters) => parameters.write(interface, &mut ParameterWriter::new(buffer)?),)*
                    Self::Other { payload, .. } => buffer.append(payload),
                }
            }

            fn read_parameters(
                interface: FirmwareInterface,
                opcode: Opcode,
                payload: &'m [u8],
            ) -> Result<Self, ParameterError> {
                match opcode {
                    $(Opcode::$plain_opcode => {
                        ParameterReader::new(payload)?.finish()?;
                        Ok(Self::$plain)
                    })*
                    $(Opcode::$opcode => {
                        let mut reader = ParameterReader::new(payload)?;
                        let parameters = $parameters::read(interface, &mut reader)?;
                        reader.finish()?;
                        Ok(Self::$name(parameters))
                    })*
                    opcode => Ok(Self::Other { opcode, payload }),
                }
            }
        }
    };
}

requests! {
    without {
        /// Asks for the identity.
        Identify = IDENTIFY;
        /// Stops the periodic measurements.
        StopPowerMeasurement = STOP_POWER_MEASUREMENT;
        /// Begins an update of the firmware.
        StartFirmwareUpdate = START_FIRMWARE_UPDATE;
        /// Ends the update.
        FinishFirmwareUpdate = FINISH_FIRMWARE_UPDATE;
        /// Asks how large the user configuration is.
        ExamineUserConfig = EXAMINE_USER_CONFIG;
        /// Erases the user configuration.
        EraseUserConfig = ERASE_USER_CONFIG;
        /// Reads the core's latency.
        LatencyRead = NN_CORE_LATENCY_MEASUREMENT_READ;
        /// Reads what is stored for sensors.
        SensorGetSectionsInfo = SENSOR_GET_SECTIONS_INFO;
        /// Reads the idle time.
        IdleTimeGetMeasurement = IDLE_TIME_GET_MEASUREMENT;
        /// Asks why the application processor was reset.
        AppPreviousSystemState = APP_PREVIOUS_SYSTEM_STATE;
        /// Asks for the version of the core processor's firmware.
        CoreIdentify = CORE_IDENTIFY;
        /// Reads the two temperature sensors.
        GetChipTemperature = GET_CHIP_TEMPERATURE;
        /// Asks for extended information.
        GetDeviceInformation = GET_DEVICE_INFORMATION;
        /// Reads back the headers of all network groups.
        GetContextSwitchMainHeader = GET_CONTEXT_SWITCH_MAIN_HEADER;
        /// Asks for thresholds and throttling.
        GetHealthInformation = GET_HEALTH_INFORMATION;
        /// Asks whether throttling by temperature is on.
        GetThrottlingState = GET_THROTTLING_STATE;
        /// Asks whether the protection against too much current is on.
        GetOvercurrentState = GET_OVERCURRENT_STATE;
        /// Asks why the core processor was reset.
        CorePreviousSystemState = CORE_PREVIOUS_SYSTEM_STATE;
        /// Forgets all network groups.
        ClearConfiguredApps = CONTEXT_SWITCH_CLEAR_CONFIGURED_APPS;
        /// Asks for the constants that buffer sizes depend on.
        GetHwConsts = GET_HW_CONSTS;
        /// Says that the driver goes away.
        SignalDriverDown = SIGNAL_DRIVER_DOWN;
        /// Asks for the state of caches.
        GetCacheInfo = CONTEXT_SWITCH_GET_CACHE_INFO;
        /// Says that the host has moved the caches on.
        SignalCacheUpdated = CONTEXT_SWITCH_SIGNAL_CACHE_UPDATED;
    }
    with {
        /// Writes the device's memory.
        WriteMemory(WriteMemory<'m>) = WRITE_MEMORY;
        /// Reads the device's memory.
        ReadMemory(ReadMemory) = READ_MEMORY;
        /// Configures a stream.
        ConfigStream(ConfigStream<'m>) = CONFIG_STREAM;
        /// Opens a stream.
        OpenStream(OpenStream) = OPEN_STREAM;
        /// Closes a stream.
        CloseStream(CloseStream) = CLOSE_STREAM;
        /// Operates the Ethernet PHY.
        PhyOperation(PhyOperate) = PHY_OPERATION;
        /// Resets the device or a part of it.
        Reset(Reset) = RESET;
        /// Configures the core's top level.
        ConfigCoreTop(ConfigCoreTop) = CONFIG_CORE_TOP;
        /// Measures once.
        PowerMeasurement(PowerMeasurement) = POWER_MEASUREMENT;
        /// Prepares a periodic measurement.
        SetPowerMeasurement(SetPowerMeasurement) = SET_POWER_MEASUREMENT;
        /// Asks for the results of a periodic measurement.
        GetPowerMeasurement(GetPowerMeasurement) = GET_POWER_MEASUREMENT;
        /// Starts the periodic measurements.
        StartPowerMeasurement(StartPowerMeasurement) = START_POWER_MEASUREMENT;
        /// Sends a part of the firmware.
        WriteFirmwareUpdate(WriteFirmwareUpdate<'m>) = WRITE_FIRMWARE_UPDATE;
        /// Has the sent firmware checked.
        ValidateFirmwareUpdate(ValidateFirmwareUpdate) = VALIDATE_FIRMWARE_UPDATE;
        /// Reads the user configuration.
        ReadUserConfig(ReadMemory) = READ_USER_CONFIG;
        /// Writes the user configuration.
        WriteUserConfig(WriteMemory<'m>) = WRITE_USER_CONFIG;
        /// Writes to an I²C device.
        I2cWrite(I2cWrite<'m>) = I2C_WRITE;
        /// Reads from an I²C device.
        I2cRead(I2cRead) = I2C_READ;
        /// Configures the measurement of the core's latency.
        LatencyConfig(LatencyConfig) = NN_CORE_LATENCY_MEASUREMENT_CONFIG;
        /// Stores a part of a sensor's configuration.
        SensorStoreConfig(SensorStoreConfig<'m>) = SENSOR_STORE_CONFIG;
        /// Reads a part of a sensor's configuration.
        SensorGetConfig(SensorGetConfig) = SENSOR_GET_CONFIG;
        /// Says which I²C device a sensor is.
        SensorSetGenericI2cSlave(SensorSetGenericI2cSlave) = SENSOR_SET_GENERIC_I2C_SLAVE;
        /// Loads a sensor's configuration and starts it.
        SensorLoadAndStart(SensorLoadConfig) = SENSOR_LOAD_AND_START;
        /// Resets a sensor.
        SensorReset(SensorReset) = SENSOR_RESET;
        /// Begins the configuration of a network group.
        SetNetworkGroupHeader(SetNetworkGroupHeader) = CONTEXT_SWITCH_SET_NETWORK_GROUP_HEADER;
        /// Sends a part of a context.
        SetContextInfo(SetContextInfo<'m>) = CONTEXT_SWITCH_SET_CONTEXT_INFO;
        /// Switches the measurement of idle time.
        IdleTimeSetMeasurement(IdleTimeSetMeasurement) = IDLE_TIME_SET_MEASUREMENT;
        /// Reads back a part of a context.
        DownloadContextActionList(DownloadContextActionList) = DOWNLOAD_CONTEXT_ACTION_LIST;
        /// Starts or stops a network group.
        ChangeContextSwitchStatus(ChangeContextSwitchStatus) = CHANGE_CONTEXT_SWITCH_STATUS;
        /// Switches the application processor's watchdog.
        AppWatchdogEnable(WatchdogEnable) = APP_WD_ENABLE;
        /// Configures the application processor's watchdog.
        AppWatchdogConfig(WatchdogConfig) = APP_WD_CONFIG;
        /// Raises an interrupt of the data flow.
        SetDataflowInterrupt(SetDataflowInterrupt) = SET_DATAFLOW_INTERRUPT;
        /// Says where notifications go.
        SetHostInfo(SetHostInfo) = D2H_EVENT_MANAGER_SET_HOST_INFO;
        /// Has a notification about the host sent.
        SendHostInfoEvent(SendHostInfoEvent) = D2H_EVENT_MANAGER_SEND_EVENT_HOST_INFO;
        /// Reads the board configuration.
        ReadBoardConfig(ReadMemory) = READ_BOARD_CONFIG;
        /// Writes the board configuration.
        WriteBoardConfig(WriteMemory<'m>) = WRITE_BOARD_CONFIG;
        /// Opens the debugging interface.
        EnableDebugging(EnableDebugging) = ENABLE_DEBUGGING;
        /// Sets, passes or clears a breakpoint.
        ConfigBreakpoint(ConfigBreakpoint) = CONFIG_CONTEXT_SWITCH_BREAKPOINT;
        /// Asks for a breakpoint's state.
        GetBreakpointStatus(GetBreakpointStatus) = GET_CONTEXT_SWITCH_BREAKPOINT_STATUS;
        /// Sets the level and the interfaces of the log.
        SetFirmwareLogger(SetFirmwareLogger) = SET_FW_LOGGER;
        /// Sends a part of the second stage boot loader.
        WriteSecondStage(WriteFirmwareUpdate<'m>) = WRITE_SECOND_STAGE_TO_INTERNAL_MEMORY;
        /// Writes the sent second stage boot loader to flash memory.
        CopySecondStageToFlash(CopySecondStageToFlash) = COPY_SECOND_STAGE_TO_FLASH;
        /// Switches Ethernet pause frames.
        SetPauseFrames(SetPauseFrames) = SET_PAUSE_FRAMES;
        /// Says of which batch time stamps are kept.
        ConfigTimestamp(ConfigTimestamp) = CONFIG_CONTEXT_SWITCH_TIMESTAMP;
        /// Runs the built-in test of memories.
        RunBistTest(RunBistTest) = RUN_BIST_TEST;
        /// Sets the core's clock.
        SetClockFrequency(SetClockFrequency) = SET_CLOCK_FREQ;
        /// Switches throttling by temperature.
        SetThrottlingState(SetThrottlingState) = SET_THROTTLING_STATE;
        /// Says on which I²C bus a sensor is.
        SensorSetI2cBusIndex(SensorSetI2cBusIndex) = SENSOR_SET_I2C_BUS_INDEX;
        /// Switches the protection against too much current.
        SetOvercurrentState(SetOvercurrentState) = SET_OVERCURRENT_STATE;
        /// Switches the core processor's watchdog.
        CoreWatchdogEnable(WatchdogEnable) = CORE_WD_ENABLE;
        /// Configures the core processor's watchdog.
        CoreWatchdogConfig(WatchdogConfig) = CORE_WD_CONFIG;
        /// Puts the device to sleep or wakes it.
        SetSleepState(SetSleepState) = SET_SLEEP_STATE;
        /// Starts or stops inference without the host's data.
        ChangeHwInferStatus(ChangeHwInferStatus) = CHANGE_HW_INFER_STATUS;
        /// Tells the sizes of caches.
        InitCacheInfo(InitCacheInfo) = CONTEXT_SWITCH_INIT_CACHE_INFO;
        /// Moves the reading side of caches.
        UpdateCacheReadOffset(UpdateCacheReadOffset) = CONTEXT_SWITCH_UPDATE_CACHE_READ_OFFSET;
    }
}

impl<'m> Request<'m> {
    /// The message for firmware of this generation.
    ///
    /// # Errors
    ///
    /// If firmware of this generation does not know the control, a value has no place in it, or the message is
    /// longer than a control can be.
    pub fn encode(&self, interface: FirmwareInterface, sequence: u32) -> Result<MessageBuffer, EncodeError> {
        let mut buffer = MessageBuffer::new();
        self.encode_into(interface, sequence, &mut buffer)?;
        Ok(buffer)
    }

    /// As [`Request::encode`], into a buffer that is used again and again.
    ///
    /// # Errors
    ///
    /// As [`Request::encode`].
    pub fn encode_into(
        &self,
        interface: FirmwareInterface,
        sequence: u32,
        buffer: &mut MessageBuffer,
    ) -> Result<(), EncodeError> {
        let opcode = self.opcode();
        // Unknown numbers are sent as they are; they are the caller's business.
        if opcode.name().is_some() && !opcode.exists_in(interface) {
            return Err(EncodeError::NotInRelease { interface });
        }
        buffer.clear();
        CommonHeader { version: PROTOCOL_VERSION, flags: 0, sequence, opcode }.append_to(buffer)?;
        self.write_parameters(interface, buffer)
    }

    /// The message for a firmware of unknown release: only the controls that all releases have in common can be
    /// sent to it ([`Opcode::is_release_independent`]).
    ///
    /// # Errors
    ///
    /// [`EncodeError::ReleaseDependent`] for the other controls, and as [`Request::encode`].
    pub fn encode_release_independent(&self, sequence: u32) -> Result<MessageBuffer, EncodeError> {
        let opcode = self.opcode();
        if !opcode.is_release_independent() {
            return Err(EncodeError::ReleaseDependent { opcode });
        }
        self.encode(FirmwareInterface::RELEASE_INDEPENDENT, sequence)
    }

    /// Reads a request as firmware of this generation would.
    ///
    /// # Errors
    ///
    /// If a length is wrong, or the bytes are not a request of this generation.
    pub fn decode(interface: FirmwareInterface, message: &'m [u8]) -> Result<(CommonHeader, Self), RequestError> {
        let (header, payload) =
            CommonHeader::parse(message).ok_or(RequestError::Header { available: message.len() })?;
        if header.version != PROTOCOL_VERSION {
            return Err(RequestError::Version { actual: header.version });
        }
        if header.is_response() {
            return Err(RequestError::Acknowledged);
        }
        let opcode = header.opcode;
        if opcode.name().is_some() && !opcode.exists_in(interface) {
            return Err(RequestError::NotInRelease { opcode, interface });
        }
        match Self::read_parameters(interface, opcode, payload) {
            Ok(request) => Ok((header, request)),
            Err(error) => Err(RequestError::Parameters { opcode, error }),
        }
    }
}
