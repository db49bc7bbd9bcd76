//! Notifications: what the device says of its own accord.
//!
//! All words are little-endian. (No recording of the vendor's confirms their order; the headers use the words as they
//! are, unlike the control protocol's.)

mod messages;

use core::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub(crate) use messages::ALL_LAYOUTS;
pub use messages::varying::*;
pub use messages::*;

use super::enums::open_enums;
use super::layout::{Field, Le32, Unrepresentable};
use super::{FirmwareInterface, FirmwareStatus};

open_enums! {
    /// What a notification is about. The number 13 means two things, depending on the generation.
    enum EventId(u32) = "D2H_EVENT_ID_t" count "D2H_EVENT_ID_COUNT" {
        /// Packets were received badly.
        RX_ERROR = 0, "ETHERNET_SERVICE_RX_ERROR_EVENT_ID";
        /// Where notifications go has changed.
        HOST_INFO = 1, "D2H_HOST_INFO_EVENT_ID";
        /// The temperature has entered another zone.
        TEMPERATURE_ALARM = 2, "HEALTH_MONITOR_TEMPERATURE_ALARM_D2H_EVENT_ID";
        /// Streams were closed because of the temperature.
        CLOSED_STREAMS = 3, "HEALTH_MONITOR_CLOSED_STREAMS_D2H_EVENT_ID";
        /// The current has entered another zone.
        OVERCURRENT_ALERT = 4, "HEALTH_MONITOR_OVERCURRENT_PROTECTION_ALERT_EVENT_ID";
        /// Memory of the core has corrected a bit.
        LCU_ECC_CORRECTABLE = 5, "HEALTH_MONITOR_LCU_ECC_CORRECTABLE_EVENT_ID";
        /// Memory of the core has lost bits.
        LCU_ECC_UNCORRECTABLE = 6, "HEALTH_MONITOR_LCU_ECC_UNCORRECTABLE_EVENT_ID";
        /// Memory of a processor has corrected a bit.
        CPU_ECC_ERROR = 7, "HEALTH_MONITOR_CPU_ECC_ERROR_EVENT_ID";
        /// Memory of a processor has lost bits.
        CPU_ECC_FATAL = 8, "HEALTH_MONITOR_CPU_ECC_FATAL_EVENT_ID";
        /// A breakpoint was reached.
        BREAKPOINT_REACHED = 9, "CONTEXT_SWITCH_BREAKPOINT_REACHED";
        /// The core's clock was changed.
        CLOCK_CHANGED = 10, "HEALTH_MONITOR_CLOCK_CHANGED_EVENT_ID";
        /// Inference without the host's data has ended.
        INFER_DONE = 11, "HW_INFER_MANAGER_INFER_DONE";
        /// A network group has failed.
        RUN_TIME_ERROR = 12, "CONTEXT_SWITCH_RUN_TIME_ERROR";
        /// The host is to move caches on. 4.18.0 to 5.0.0.
        START_UPDATE_CACHE_OFFSET = 13, "START_UPDATE_CACHE_OFFSET_ID", V4_18..=V5_0;
        /// The core has found a wrong check sum. From 5.1.1.
        NN_CORE_CRC_ERROR = 13, "NN_CORE_CRC_ERROR_EVENT_ID", V5_1_1..=V5_2;
        /// Throttling has changed. From 5.2.0.
        THROTTLING_STATE_CHANGE = 14, "THROTTLING_STATE_CHANGE_EVENT_ID", V5_2..=V5_2;
    }

    /// How much a notification matters.
    enum EventPriority(u32) = "D2H_EVENT_PRIORITY_t" count "D2H_EVENT_PRIORITY_COUNT" {
        /// For information.
        INFO = 0, "D2H_EVENT_PRIORITY_INFO";
        /// It must be acted upon.
        CRITICAL = 1, "D2H_EVENT_PRIORITY_CRITICAL";
    }
}

/// Why a notification cannot be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationError {
    /// The bytes end within the header.
    Header {
        /// Bytes that there are.
        available: usize,
    },
    /// The stated length of the message is not what follows the header.
    PayloadLength {
        /// The length that is stated.
        stated: u32,
        /// Bytes behind the header.
        available: usize,
    },
    /// The stated number of parameters is not that of the message.
    ParameterCount {
        /// What it is about.
        event: EventId,
        /// The number that is stated.
        stated: u32,
        /// The number that the message has.
        expected: u32,
    },
    /// The message has not the length that this generation gives it.
    MessageLength {
        /// What it is about.
        event: EventId,
        /// Bytes of the message.
        actual: usize,
        /// Bytes that it has in this generation.
        expected: usize,
    },
    /// Firmware of this generation has no such notification.
    NotInRelease {
        /// What it is about.
        event: EventId,
    },
    /// A value has no place in this generation's message.
    Unrepresentable(Unrepresentable),
    /// The place to write to is too small.
    NoRoom {
        /// Bytes that the notification needs.
        needed: usize,
        /// Bytes that were offered.
        available: usize,
    },
}

/// Every name that a number has had.
struct Names(EventId);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = u64::from(self.0.0);
        let mut names = EventId::ENUMERATION.enumerators.iter().filter(|name| name.value == value);
        match names.next() {
            Some(first) => f.write_str(first.name)?,
            None => return self.0.fmt(f),
        }
        names.try_for_each(|other| write!(f, " or {}", other.name))
    }
}

impl fmt::Display for NotificationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { available } => write!(f, "a notification of {available} bytes ends within its header"),
            Self::PayloadLength { stated, available } => {
                write!(f, "the notification states a message of {stated} bytes, {available} follow")
            }
            Self::ParameterCount { event, stated, expected } => {
                write!(f, "notification {} states {stated} parameters and should have {expected}", Names(*event))
            }
            Self::MessageLength { event, actual, expected } => {
                write!(f, "the message of notification {} has {actual} bytes and should have {expected}", Names(*event))
            }
            Self::NotInRelease { event } => write!(f, "this firmware release has no notification {}", Names(*event)),
            Self::Unrepresentable(error) => error.fmt(f),
            Self::NoRoom { needed, available } => {
                write!(f, "a notification of {needed} bytes does not fit into {available}")
            }
        }
    }
}

impl core::error::Error for NotificationError {}

/// One notification.
///
/// ```
/// use hailo_abi::firmware::FirmwareInterface;
/// use hailo_abi::firmware::notification::{ClockChanged, Event, MAX_NOTIFICATION_SIZE, Notification};
///
/// let event = Event::ClockChanged(ClockChanged { previous_clock: 400_000_000, current_clock: 200_000_000 });
/// let mut bytes = [0; MAX_NOTIFICATION_SIZE];
/// let length = Notification::new(event).encode(FirmwareInterface::V4_21, &mut bytes)?;
/// let read = Notification::decode(FirmwareInterface::V4_21, &bytes[..length])?;
/// assert_eq!(read.event, event);
/// assert_eq!(read.event.to_string(), "the core's clock was changed from 400 MHz to 200 MHz");
/// # Ok::<(), hailo_abi::firmware::notification::NotificationError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Notification<'m> {
    /// The version of the notifications' protocol.
    pub version: u32,
    /// A number that counts up.
    pub sequence: u32,
    /// How much it matters.
    pub priority: EventPriority,
    /// The firmware's module that sends it.
    pub module_id: u32,
    /// What it says.
    pub event: Event<'m>,
}

fn read<T, W>(event: EventId, payload: &[u8]) -> Result<T, NotificationError>
where
    T: Field<W>,
    W: FromBytes + KnownLayout + Immutable,
{
    match W::read_from_bytes(payload) {
        Ok(wire) => Ok(T::from_wire(&wire)),
        Err(_) => Err(NotificationError::MessageLength { event, actual: payload.len(), expected: size_of::<W>() }),
    }
}

fn write<T, W>(message: &T, out: &mut [u8; MAX_MESSAGE_SIZE]) -> Result<usize, NotificationError>
where
    T: Field<W>,
    W: IntoBytes + Immutable,
{
    let wire = message.to_wire().map_err(NotificationError::Unrepresentable)?;
    for (place, &byte) in out.iter_mut().zip(wire.as_bytes()) {
        *place = byte;
    }
    Ok(size_of::<W>())
}

/// The generation from which a layout holds comes first; the last one that holds is taken.
macro_rules! events {
    ($($(#[$meta:meta])* $name:ident($message:ident) = $id:ident, $($from:ident: $count:literal $layout:ident),+;)*) => {
        /// What a notification says.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Event<'m> {
            $($(#[$meta])* $name($message),)*
            /// The core has found a wrong check sum; the vendor's headers describe no message. From 5.1.1.
            NnCoreCrcError(&'m [u8]),
            /// A notification of unknown number.
            Unknown {
                /// The number.
                event: EventId,
                /// How many parameters it states.
                parameter_count: u32,
                /// Its message.
                payload: &'m [u8],
            },
        }

        impl<'m> Event<'m> {
            /// What it is about.
            pub const fn id(&self) -> EventId {
                match self {
                    $(Self::$name(_) => EventId::$id,)*
                    Self::NnCoreCrcError(_) => EventId::NN_CORE_CRC_ERROR,
                    Self::Unknown { event, .. } => *event,
                }
            }

            /// The name of what it is about, `None` for an unknown number. A number may have had several names, of which this
            /// is the right one.
            pub const fn name(&self) -> Option<&'static str> {
                match self {
                    $(Self::$name(_) => Some(stringify!($id)),)*
                    Self::NnCoreCrcError(_) => Some("NN_CORE_CRC_ERROR"),
                    Self::Unknown { .. } => None,
                }
            }

            /// How many parameters the message of an event has in a generation; `None` for those without a
            /// description.
            pub fn parameter_count(interface: FirmwareInterface, event: EventId) -> Option<u32> {
                let kind = EventId::ENUMERATION.find(u64::from(event.0), interface)?;
                $(if kind.name == stringify!($id) {
                    let mut count = None;
                    $(if interface >= FirmwareInterface::$from {
                        count = Some($count);
                    })+
                    return count;
                })*
                None
            }

            /// Whether the message of an event is the same in all known generations, so that it can be read whatever the
            /// firmware's release.
            ///
            /// ```
            /// use hailo_abi::firmware::notification::{Event, EventId};
            ///
            /// assert!(Event::is_release_independent(EventId::TEMPERATURE_ALARM));
            /// assert!(!Event::is_release_independent(EventId::OVERCURRENT_ALERT)); // packed from 4.18.0 on
            /// ```
            pub fn is_release_independent(event: EventId) -> bool {
                let in_all = |name| FirmwareInterface::ALL.into_iter().all(|interface| event_is(interface, event, name));
                $(if in_all(stringify!($id)) {
                    return [$(stringify!($layout)),+].len() == 1;
                })*
                false
            }

            fn read(
                interface: FirmwareInterface,
                event: EventId,
                parameter_count: u32,
                payload: &'m [u8],
            ) -> Result<Self, NotificationError> {
                let kind = EventId::ENUMERATION.find(u64::from(event.0), interface).map(|kind| kind.name);
                if kind == Some("NN_CORE_CRC_ERROR") {
                    return Ok(Self::NnCoreCrcError(payload));
                }
                let Some(expected) = Self::parameter_count(interface, event) else {
                    return Ok(Self::Unknown { event, parameter_count, payload });
                };
                if parameter_count != expected {
                    return Err(NotificationError::ParameterCount { event, stated: parameter_count, expected });
                }
                $(if kind == Some(stringify!($id)) {
                    let mut message = None;
                    $(if interface >= FirmwareInterface::$from {
                        message = Some(read::<$message, $layout>(event, payload));
                    })+
                    if let Some(message) = message {
                        return message.map(Self::$name);
                    }
                })*
                Ok(Self::Unknown { event, parameter_count, payload })
            }

            fn write(
                &self,
                interface: FirmwareInterface,
                out: &mut [u8; MAX_MESSAGE_SIZE],
            ) -> Result<usize, NotificationError> {
                match self {
                    $(Self::$name(message) => {
                        let mut written = Err(NotificationError::NotInRelease { event: self.id() });
                        $(if interface >= FirmwareInterface::$from {
                            written = write::<$message, $layout>(message, out);
                        })+
                        written
                    })*
                    Self::NnCoreCrcError(_) | Self::Unknown { .. } => Ok(0),
                }
            }
        }
    };
}

events! {
    /// Packets were received badly.
    RxError(RxError) = RX_ERROR, V4_17: 3 RxErrorLayout;
    /// Where notifications go has changed.
    HostInfo(HostInfo) = HOST_INFO, V4_17: 5 HostInfoLayout;
    /// The temperature has entered another zone.
    TemperatureAlarm(TemperatureAlarm) = TEMPERATURE_ALARM, V4_17: 4 TemperatureAlarmLayout;
    /// Streams were closed because of the temperature.
    ClosedStreams(ClosedStreams) = CLOSED_STREAMS,
        V4_17: 4 ClosedStreamsLayoutV4_17, V4_21: 2 ClosedStreamsLayoutV4_21;
    /// The current has entered another zone. Four parameters are stated, three are described.
    OvercurrentAlert(OvercurrentAlert) = OVERCURRENT_ALERT,
        V4_17: 4 OvercurrentAlertLayoutV4_17, V4_18: 4 OvercurrentAlertLayoutV4_18;
    /// Memory of the core has corrected a bit.
    LcuEccCorrectable(LcuEcc) = LCU_ECC_CORRECTABLE, V4_17: 1 LcuEccLayout;
    /// Memory of the core has lost bits.
    LcuEccUncorrectable(LcuEcc) = LCU_ECC_UNCORRECTABLE, V4_17: 1 LcuEccLayout;
    /// Memory of a processor has corrected a bit.
    CpuEccError(CpuEcc) = CPU_ECC_ERROR, V4_17: 1 CpuEccLayout;
    /// Memory of a processor has lost bits.
    CpuEccFatal(CpuEcc) = CPU_ECC_FATAL, V4_17: 1 CpuEccLayout;
    /// A breakpoint was reached.
    BreakpointReached(BreakpointReached) = BREAKPOINT_REACHED,
        V4_17: 4 BreakpointReachedLayoutV4_17, V4_18: 4 BreakpointReachedLayoutV4_18,
        V5_0: 4 BreakpointReachedLayoutV5_0;
    /// The core's clock was changed.
    ClockChanged(ClockChanged) = CLOCK_CHANGED, V4_17: 2 ClockChangedLayout;
    /// Inference without the host's data has ended.
    InferDone(InferDone) = INFER_DONE, V4_17: 1 InferDoneLayout;
    /// A network group has failed.
    RunTimeError(RunTimeError) = RUN_TIME_ERROR,
        V4_17: 5 RunTimeErrorLayoutV4_17, V4_18: 5 RunTimeErrorLayoutV4_18, V5_0: 5 RunTimeErrorLayoutV5_0;
    /// The host is to move caches on. 4.18.0 to 5.0.0.
    StartUpdateCacheOffset(StartUpdateCacheOffset) = START_UPDATE_CACHE_OFFSET,
        V4_18: 1 StartUpdateCacheOffsetLayout;
    /// Throttling has changed. From 5.2.0.
    ThrottlingStateChange(ThrottlingStateChange) = THROTTLING_STATE_CHANGE,
        V5_2: 1 ThrottlingStateChangeLayout;
}

impl<'m> Notification<'m> {
    /// A notification of ordinary priority, with everything but the event 0.
    pub const fn new(event: Event<'m>) -> Self {
        Self { version: 0, sequence: 0, priority: EventPriority::INFO, module_id: 0, event }
    }

    /// Reads a notification as firmware of this generation sends it.
    ///
    /// # Errors
    ///
    /// If a length or the number of parameters is wrong.
    pub fn decode(interface: FirmwareInterface, bytes: &'m [u8]) -> Result<Self, NotificationError> {
        Self::decode_with(bytes, |event, count, payload| Event::read(interface, event, count, payload))
    }

    /// Reads a notification of firmware of unknown release. What is the same in all known releases
    /// ([`Event::is_release_independent`]) is read, everything else kept as [`Event::Unknown`].
    ///
    /// # Errors
    ///
    /// As [`Notification::decode`].
    pub fn decode_release_independent(bytes: &'m [u8]) -> Result<Self, NotificationError> {
        Self::decode_with(bytes, |event, parameter_count, payload| match Event::is_release_independent(event) {
            true => Event::read(FirmwareInterface::RELEASE_INDEPENDENT, event, parameter_count, payload),
            false => Ok(Event::Unknown { event, parameter_count, payload }),
        })
    }

    fn decode_with(
        bytes: &'m [u8],
        read: impl FnOnce(EventId, u32, &'m [u8]) -> Result<Event<'m>, NotificationError>,
    ) -> Result<Self, NotificationError> {
        let (header, payload) = NotificationHeaderLayout::ref_from_prefix(bytes)
            .map_err(|_| NotificationError::Header { available: bytes.len() })?;
        let stated = header.payload_length.get();
        if usize::try_from(stated) != Ok(payload.len()) {
            return Err(NotificationError::PayloadLength { stated, available: payload.len() });
        }
        let event = read(EventId(header.event_id.get()), header.parameter_count.get(), payload)?;
        Ok(Self {
            version: header.version.get(),
            sequence: header.sequence.get(),
            priority: EventPriority(header.priority.get()),
            module_id: header.module_id.get(),
            event,
        })
    }

    /// Writes the notification as firmware of this generation sends it to the front of `out` and returns its length
    /// in bytes.
    ///
    /// # Errors
    ///
    /// If this generation has no such notification, a value has no place in it, or `out` is too short.
    pub fn encode(&self, interface: FirmwareInterface, out: &mut [u8]) -> Result<usize, NotificationError> {
        let event = self.event.id();
        let mut message = [0; MAX_MESSAGE_SIZE];
        let written = self.event.write(interface, &mut message)?;
        let (payload, parameter_count) = match self.event {
            Event::Unknown { parameter_count, payload, .. } => (payload, parameter_count),
            Event::NnCoreCrcError(payload) if event_is(interface, event, "NN_CORE_CRC_ERROR") => (payload, 0),
            _ => {
                let count = Event::parameter_count(interface, event)
                    .filter(|_| !matches!(self.event, Event::NnCoreCrcError(_)))
                    .ok_or(NotificationError::NotInRelease { event })?;
                (message.get(..written).unwrap_or(&message), count)
            }
        };
        let header = NotificationHeaderLayout {
            version: self.version.into(),
            sequence: self.sequence.into(),
            priority: self.priority.0.into(),
            module_id: self.module_id.into(),
            event_id: event.0.into(),
            parameter_count: parameter_count.into(),
            payload_length: Le32::new(u32::try_from(payload.len()).unwrap_or(u32::MAX)),
        };
        let header = header.as_bytes();
        let needed = header.len() + payload.len();
        let available = out.len();
        let place = out.get_mut(..needed).ok_or(NotificationError::NoRoom { needed, available })?;
        for (place, &byte) in place.iter_mut().zip(header.iter().chain(payload)) {
            *place = byte;
        }
        Ok(needed)
    }
}

fn event_is(interface: FirmwareInterface, event: EventId, name: &str) -> bool {
    EventId::ENUMERATION.find(u64::from(event.0), interface).is_some_and(|kind| kind.name == name)
}

struct Megahertz(u32);

impl fmt::Display for Megahertz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MHz", f64::from(self.0) / 1e6)
    }
}

fn zone(number: u32, names: &'static [&'static str]) -> &'static str {
    usize::try_from(number).ok().and_then(|number| names.get(number)).copied().unwrap_or("unknown")
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RxError(m) => {
                write!(
                    f,
                    "{} packets of queue {} were received badly (error {})",
                    m.rx_errors_count, m.queue_number, m.error
                )
            }
            Self::HostInfo(m) => write!(
                f,
                "notifications go to connection type {} (status {}, driver {}, address {:#010x}, port {})",
                m.connection_type, m.connection_status, m.vdma_is_active, m.host_ip_addr, m.host_port
            ),
            Self::TemperatureAlarm(m) => write!(
                f,
                "the temperature has entered the {} zone, says sensor {} ({:.1} °C and {:.1} °C)",
                zone(m.temperature_zone, &["green", "orange", "red"]),
                m.alarm_ts_id,
                m.ts0_temperature,
                m.ts1_temperature
            ),
            Self::ClosedStreams(m) => write!(
                f,
                "streams were closed because of the temperature ({:.1} °C and {:.1} °C)",
                m.ts0_temperature, m.ts1_temperature
            ),
            Self::OvercurrentAlert(m) => write!(
                f,
                "the current has entered the {} zone, threshold {:.0} mA{}",
                zone(m.overcurrent_zone, &["green", "red"]),
                m.exceeded_alert_threshold,
                if m.is_last_overcurrent_violation_reached.get() { ", for the last time" } else { "" }
            ),
            Self::LcuEccCorrectable(m) => {
                write!(f, "memory of the core has corrected a bit (clusters {:#06x})", m.cluster_bitmap)
            }
            Self::LcuEccUncorrectable(m) => {
                write!(f, "memory of the core has lost bits (clusters {:#06x})", m.cluster_bitmap)
            }
            Self::CpuEccError(m) => {
                write!(f, "memory of a processor has corrected a bit (memories {:#010x})", m.memory_bitmap)
            }
            Self::CpuEccFatal(m) => {
                write!(f, "memory of a processor has lost bits (memories {:#010x})", m.memory_bitmap)
            }
            Self::BreakpointReached(m) => write!(
                f,
                "network group {} has reached a breakpoint at batch {}, context {}, action {}",
                m.application_index, m.batch_index, m.context_index, m.action_index
            ),
            Self::ClockChanged(m) => write!(
                f,
                "the core's clock was changed from {} to {}",
                Megahertz(m.previous_clock),
                Megahertz(m.current_clock)
            ),
            Self::InferDone(m) => {
                write!(f, "inference without the host's data has ended after {} cycles", m.infer_cycles)
            }
            Self::RunTimeError(m) => write!(
                f,
                "network group {} has failed at batch {}, context {}, action {}: {}",
                m.application_index,
                m.batch_index,
                m.context_index,
                m.action_index,
                FirmwareStatus(m.exit_status)
            ),
            Self::StartUpdateCacheOffset(m) => write!(f, "caches are to be moved on ({:#x})", m.cache_id_bitmask),
            Self::ThrottlingStateChange(m) => write!(f, "throttling has changed to state {}", m.throttling_state),
            Self::NnCoreCrcError(_) => f.write_str("the core has found a wrong check sum"),
            Self::Unknown { event, payload, .. } => {
                write!(f, "unknown notification {} with {} bytes", event.0, payload.len())
            }
        }
    }
}
