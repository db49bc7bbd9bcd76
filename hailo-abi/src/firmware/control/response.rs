//! Responses: what a control has brought, read from untrusted bytes and written.

use core::fmt;

use super::buffer::MessageBuffer;
use super::context_switch::{BreakpointStatusAnswer, CacheInfoAnswer, DownloadedActionList, MainHeaderAnswer};
use super::header::{ACK_FLAG, CommonHeader, ControlStatus, PROTOCOL_VERSION, RESPONSE_HEADER_SIZE, ResponseHeader};
use super::identify::{
    ChipTemperature, CoreIdentity, ExtendedDeviceInformation, HealthInformation, HwConstsAnswer, Identity,
};
use super::memory::{MemoryData, UserConfigSize};
use super::opcode::Opcode;
use super::parameters::{EncodeError, ParameterError, ParameterReader, ParameterWriter, Parameters};
use super::power::{MeasuredPower, PowerMeasurementSet, PowerStatistics};
use super::sensor::{I2cData, SensorConfigData, SensorSections};
use super::stream::{ConfiguredStream, HwInferAnswer, Latency};
use super::system::{IdleTime, OvercurrentState, PreviousSystemState, ThrottlingState};
use crate::firmware::layout::LayoutInfo;
use crate::firmware::{FirmwareInterface, FirmwareStatus};

/// Which answer is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The number of the control.
    pub opcode: Opcode,
    /// The sequence number of the request, if it is to be compared. The answer to a control that has timed out is
    /// handed to the next one; a number of its own tells it apart even if both are of one kind.
    pub sequence: Option<u32>,
}

/// Why bytes are not the answer that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseError {
    /// They end within the header and the status.
    Header {
        /// Bytes that there are.
        available: usize,
    },
    /// The acknowledge flag is not set.
    NotAcknowledged {
        /// The flags.
        flags: u32,
    },
    /// They are of another version of the protocol.
    Version {
        /// That version.
        actual: u32,
    },
    /// They answer another control.
    Opcode {
        /// The control that was asked.
        expected: Opcode,
        /// The control that is answered.
        actual: Opcode,
    },
    /// They answer another request for the same control.
    Sequence {
        /// The number of the request.
        expected: u32,
        /// The number that is answered.
        actual: u32,
    },
    /// The firmware has refused the control.
    Status {
        /// The control.
        opcode: Opcode,
        /// Why.
        major: FirmwareStatus,
        /// Where the failure came from.
        minor: FirmwareStatus,
    },
    /// A length is wrong.
    Parameters {
        /// The control.
        opcode: Opcode,
        /// Which length.
        error: ParameterError,
    },
}

impl ResponseError {
    /// Whether the bytes answer something else, as a late answer to a control that has timed out does.
    pub const fn is_stale(&self) -> bool {
        matches!(self, Self::Opcode { .. } | Self::Sequence { .. })
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { available } => {
                write!(f, "a response of {available} bytes ends within its first {RESPONSE_HEADER_SIZE}")
            }
            Self::NotAcknowledged { flags } => write!(f, "a response without acknowledge flag (flags {flags:#x})"),
            Self::Version { actual } => {
                write!(f, "a response of version {actual} of the control protocol instead of {PROTOCOL_VERSION}")
            }
            Self::Opcode { expected, actual } => {
                write!(f, "the answer to control {actual} ({}) came for {expected}", actual.0)
            }
            Self::Sequence { expected, actual } => {
                write!(f, "the answer to request {actual} came for request {expected}")
            }
            Self::Status { opcode, major, minor } => {
                write!(f, "the firmware has refused {opcode}: {major}")?;
                if minor.is_success() { Ok(()) } else { write!(f, ", from {minor}") }
            }
            Self::Parameters { opcode, error } => write!(f, "response to {opcode}: {error}"),
        }
    }
}

impl core::error::Error for ResponseError {}

impl Expected {
    /// The answer to this control, whatever its sequence number.
    pub const fn opcode(opcode: Opcode) -> Self {
        Self { opcode, sequence: None }
    }

    /// The answer to this request.
    pub const fn request(opcode: Opcode, sequence: u32) -> Self {
        Self { opcode, sequence: Some(sequence) }
    }

    /// Checks everything before the parameters, in this order: length, acknowledge flag, version, control,
    /// sequence number, status. Returns the header and the bytes from the count of parameters on.
    ///
    /// # Errors
    ///
    /// All but [`ResponseError::Parameters`].
    pub fn check(self, message: &[u8]) -> Result<(ResponseHeader, &[u8]), ResponseError> {
        let (header, payload) =
            ResponseHeader::parse(message).ok_or(ResponseError::Header { available: message.len() })?;
        let common = header.common;
        if !common.is_response() {
            return Err(ResponseError::NotAcknowledged { flags: common.flags });
        }
        if common.version != PROTOCOL_VERSION {
            return Err(ResponseError::Version { actual: common.version });
        }
        if common.opcode != self.opcode {
            return Err(ResponseError::Opcode { expected: self.opcode, actual: common.opcode });
        }
        if let Some(expected) = self.sequence.filter(|&expected| expected != common.sequence) {
            return Err(ResponseError::Sequence { expected, actual: common.sequence });
        }
        if !header.status.major_status.is_success() {
            return Err(ResponseError::Status {
                opcode: self.opcode,
                major: header.status.major_status,
                minor: header.status.minor_status,
            });
        }
        Ok((header, payload))
    }

    /// Reads the answer.
    ///
    /// # Errors
    ///
    /// If the bytes are not that answer, the firmware has refused the control, or a length is wrong.
    pub fn read<'m, T: Parameters<'m>>(
        self,
        interface: FirmwareInterface,
        message: &'m [u8],
    ) -> Result<T, ResponseError> {
        let (_, payload) = self.check(message)?;
        read_payload(interface, payload).map_err(|error| ResponseError::Parameters { opcode: self.opcode, error })
    }
}

fn read_payload<'m, T: Parameters<'m>>(interface: FirmwareInterface, payload: &'m [u8]) -> Result<T, ParameterError> {
    let mut reader = ParameterReader::new(payload)?;
    let parameters = T::read(interface, &mut reader)?;
    reader.finish()?;
    Ok(parameters)
}

/// No parameters: the control was carried out, and that is all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Done;

impl<'m> Parameters<'m> for Done {
    const LAYOUTS: &'static [LayoutInfo] = &[];

    fn write(&self, _: FirmwareInterface, _: &mut ParameterWriter<'_>) -> Result<(), EncodeError> {
        Ok(())
    }
    fn read(_: FirmwareInterface, _: &mut ParameterReader<'m>) -> Result<Self, ParameterError> {
        Ok(Self)
    }
}

macro_rules! responses {
    ($($(#[$meta:meta])* $name:ident $(<$lt:lifetime>)? = $($opcode:ident)|+;)*) => {
        /// What a successful control has brought.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant, reason = "there is no allocator, and messages are short-lived")]
        pub enum Response<'m> {
            $($(#[$meta])* $name($name $(<$lt>)?),)*
            /// Nothing.
            Done,
            /// The answer to a control without a description here.
            Other(&'m [u8]),
        }

        impl<'m> Response<'m> {
            /// The layouts of the answer to a control; `None` for an answer without a description here.
            pub(super) const fn layouts(opcode: Opcode) -> Option<&'static [LayoutInfo]> {
                match opcode {
                    $($(Opcode::$opcode)|+ => Some(<$name $(<$lt>)? as Parameters<'m>>::LAYOUTS),)*
                    Opcode::GET_SOC_ID | Opcode::SWITCH_APPLICATION => None,
                    _ => Some(Done::LAYOUTS),
                }
            }

            fn read_payload(
                interface: FirmwareInterface,
                opcode: Opcode,
                payload: &'m [u8],
            ) -> Result<Self, ParameterError> {
                match opcode {
                    $($(Opcode::$opcode)|+ => read_payload(interface, payload).map(Self::$name),)*
                    Opcode::GET_SOC_ID | Opcode::SWITCH_APPLICATION => Ok(Self::Other(payload)),
                    opcode if opcode.name().is_none() => Ok(Self::Other(payload)),
                    _ => read_payload(interface, payload).map(|Done| Self::Done),
                }
            }

            fn write_payload(
                &self,
                interface: FirmwareInterface,
                buffer: &mut MessageBuffer,
            ) -> Result<(), EncodeError> {
                match self {
                    $(Self::$name(parameters) => parameters.write(interface, &mut ParameterWriter::new(buffer)?),)*
                    Self::Done => ParameterWriter::new(buffer).map(|_| ()),
                    Self::Other(payload) => buffer.append(payload),
                }
            }
        }
    };
}

responses! {
    /// The identity.
    Identity = IDENTIFY;
    /// The version of the core processor's firmware.
    CoreIdentity = CORE_IDENTIFY;
    /// Memory or a configuration.
    MemoryData<'m> = READ_MEMORY | READ_USER_CONFIG | READ_BOARD_CONFIG;
    /// One measurement.
    MeasuredPower = POWER_MEASUREMENT;
    /// What will be measured.
    PowerMeasurementSet = SET_POWER_MEASUREMENT;
    /// The results of a periodic measurement.
    PowerStatistics = GET_POWER_MEASUREMENT;
    /// How large the user configuration is.
    UserConfigSize = EXAMINE_USER_CONFIG;
    /// What was read from an I²C device.
    I2cData<'m> = I2C_READ;
    /// The core's latency.
    Latency = NN_CORE_LATENCY_MEASUREMENT_READ;
    /// A part of a sensor's configuration.
    SensorConfigData<'m> = SENSOR_GET_CONFIG;
    /// What is stored for sensors.
    SensorSections<'m> = SENSOR_GET_SECTIONS_INFO;
    /// The idle time.
    IdleTime = IDLE_TIME_GET_MEASUREMENT;
    /// A part of a context.
    DownloadedActionList<'m> = DOWNLOAD_CONTEXT_ACTION_LIST;
    /// Why a processor was reset.
    PreviousSystemState = APP_PREVIOUS_SYSTEM_STATE | CORE_PREVIOUS_SYSTEM_STATE;
    /// The temperatures.
    ChipTemperature = GET_CHIP_TEMPERATURE;
    /// Extended information.
    ExtendedDeviceInformation = GET_DEVICE_INFORMATION;
    /// A breakpoint's state.
    BreakpointStatusAnswer = GET_CONTEXT_SWITCH_BREAKPOINT_STATUS;
    /// The headers of all network groups.
    MainHeaderAnswer<'m> = GET_CONTEXT_SWITCH_MAIN_HEADER;
    /// Which stream was configured.
    ConfiguredStream = CONFIG_STREAM;
    /// Thresholds and throttling.
    HealthInformation = GET_HEALTH_INFORMATION;
    /// Whether throttling by temperature is on.
    ThrottlingState = GET_THROTTLING_STATE;
    /// Whether the protection against too much current is on.
    OvercurrentState = GET_OVERCURRENT_STATE;
    /// The constants.
    HwConstsAnswer = GET_HW_CONSTS;
    /// What came of inference without the host's data.
    HwInferAnswer = CHANGE_HW_INFER_STATUS;
    /// The state of caches.
    CacheInfoAnswer = CONTEXT_SWITCH_GET_CACHE_INFO;
}

impl<'m> Response<'m> {
    /// Reads the answer to a control.
    ///
    /// # Errors
    ///
    /// As [`Expected::read`].
    pub fn decode(
        interface: FirmwareInterface,
        expected: Expected,
        message: &'m [u8],
    ) -> Result<(ResponseHeader, Self), ResponseError> {
        let (header, payload) = expected.check(message)?;
        let opcode = expected.opcode;
        match Self::read_payload(interface, opcode, payload) {
            Ok(response) => Ok((header, response)),
            Err(error) => Err(ResponseError::Parameters { opcode, error }),
        }
    }

    /// The answer to the request with this header, as firmware of this generation gives it.
    ///
    /// # Errors
    ///
    /// If this generation has no such answer, a value has no place in it, or the message gets too long.
    pub fn encode(&self, interface: FirmwareInterface, request: &CommonHeader) -> Result<MessageBuffer, EncodeError> {
        let mut buffer = MessageBuffer::new();
        answer(request, ControlStatus::default()).append_to(&mut buffer)?;
        self.write_payload(interface, &mut buffer)?;
        Ok(buffer)
    }

    /// The answer with which the firmware refuses a request.
    ///
    /// # Errors
    ///
    /// None in practice: the message is always short enough.
    pub fn encode_failure(request: &CommonHeader, status: ControlStatus) -> Result<MessageBuffer, EncodeError> {
        let mut buffer = MessageBuffer::new();
        answer(request, status).append_to(&mut buffer)?;
        ParameterWriter::new(&mut buffer)?;
        Ok(buffer)
    }
}

fn answer(request: &CommonHeader, status: ControlStatus) -> ResponseHeader {
    let common = CommonHeader { version: PROTOCOL_VERSION, flags: request.flags | ACK_FLAG, ..*request };
    ResponseHeader { common, status }
}
