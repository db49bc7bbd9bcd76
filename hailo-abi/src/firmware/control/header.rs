//! The words before a message's parameters.

use zerocopy::{FromBytes, IntoBytes};

use super::buffer::MessageBuffer;
use super::enums::ProtocolVersion;
use super::opcode::Opcode;
use super::parameters::EncodeError;
use crate::firmware::FirmwareStatus;
use crate::firmware::layout::{
    Be32, Field, FieldInfo, Layout, LayoutInfo, Unrepresentable, Wire, described, wire_structs,
};

/// The version of the control protocol in all releases.
#[doc(alias = "CONTROL_PROTOCOL__PROTOCOL_VERSION")]
pub const PROTOCOL_VERSION: u32 = ProtocolVersion::VERSION_2.0;

/// The bit of the flags that says that a message is a response.
pub const ACK_FLAG: u32 = 1;

wire_structs! {
    /// What every message begins with. All words are big-endian.
    #[derive(Default, Eq, Hash)]
    struct CommonHeader => CommonHeaderLayout = "CONTROL_PROTOCOL__common_header_t", 16, V4_17..=V5_2 {
        /// The version of the protocol, [`PROTOCOL_VERSION`].
        [0] version: u32 as Be32,
        /// [`ACK_FLAG`], and 31 reserved bits.
        [4] flags: u32 as Be32,
        /// A number that the answer repeats; the vendor sends 0.
        [8] sequence: u32 as Be32,
        /// What is asked for.
        [12] opcode: Opcode as Be32,
    }

    /// How a control went.
    #[derive(Default, Eq, Hash)]
    struct ControlStatus => ControlStatusLayout = "CONTROL_PROTOCOL__status_t", 8, V4_17..=V5_2 {
        /// Why it failed, or success.
        [0] major_status: FirmwareStatus as Be32,
        /// Where the failure came from; without meaning beside success.
        [4] minor_status: FirmwareStatus as Be32,
    }
}

impl Field<Be32> for FirmwareStatus {
    fn to_wire(&self) -> Result<Be32, Unrepresentable> {
        Ok(Be32::new(self.0))
    }
    fn from_wire(wire: &Be32) -> Self {
        Self(wire.get())
    }
}

/// What a response begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "CONTROL_PROTOCOL__response_header_t")]
pub struct ResponseHeader {
    /// As in the request, with the acknowledge flag set.
    pub common: CommonHeader,
    /// How the control went.
    pub status: ControlStatus,
}

/// Bytes before a request's count of parameters.
pub const REQUEST_HEADER_SIZE: usize = size_of::<RequestHeaderLayout>();
/// Bytes before a response's count of parameters.
pub const RESPONSE_HEADER_SIZE: usize = size_of::<ResponseHeaderLayout>();
/// Bytes of a request without parameters.
#[doc(alias = "CONTROL_PROTOCOL__REQUEST_BASE_SIZE")]
pub const REQUEST_BASE_SIZE: usize = REQUEST_HEADER_SIZE + size_of::<Be32>();

impl CommonHeader {
    /// Reads the words that a message begins with; `None` if the message is shorter than they are.
    pub fn parse(message: &[u8]) -> Option<(Self, &[u8])> {
        let (wire, rest) = CommonHeaderLayout::ref_from_prefix(message).ok()?;
        Some((Self::from_wire(wire), rest))
    }

    /// Whether the message is a response.
    pub const fn is_response(&self) -> bool {
        self.flags & ACK_FLAG != 0
    }

    pub(super) fn append_to(&self, buffer: &mut MessageBuffer) -> Result<(), EncodeError> {
        let wire: CommonHeaderLayout = self.to_wire()?;
        buffer.append(wire.as_bytes())
    }
}

impl ResponseHeader {
    /// Reads the words that a response begins with; `None` if the message is shorter than they are.
    pub fn parse(message: &[u8]) -> Option<(Self, &[u8])> {
        let (wire, rest) = ResponseHeaderLayout::ref_from_prefix(message).ok()?;
        let header = Self {
            common: CommonHeader::from_wire(&wire.common_header),
            status: ControlStatus::from_wire(&wire.status),
        };
        Some((header, rest))
    }

    pub(super) fn append_to(&self, buffer: &mut MessageBuffer) -> Result<(), EncodeError> {
        let wire = ResponseHeaderLayout { common_header: self.common.to_wire()?, status: self.status.to_wire()? };
        buffer.append(wire.as_bytes())
    }
}

described! {
    /// What a request begins with.
    struct RequestHeaderLayout = "CONTROL_PROTOCOL__request_header_t", 16, V4_17..=V5_2 {
        [0] common_header: CommonHeaderLayout,
    }
}
described! {
    /// What a response begins with.
    struct ResponseHeaderLayout = "CONTROL_PROTOCOL__response_header_t", 24, V4_17..=V5_2 {
        [0] common_header: CommonHeaderLayout,
        [16] status: ControlStatusLayout,
    }
}
described! {
    /// A request as long as it can be: the vendor counts the 1500 bytes without the header, the driver with it.
    struct RequestLayout = "CONTROL_PROTOCOL__request_t", 1520, V4_17..=V5_2 {
        [0] header: RequestHeaderLayout,
        [16] parameter_count: Be32,
        [20] parameters: [u8; 1500],
    }
}

const fn info(c_name: &'static str, size: usize, fields: &'static [FieldInfo]) -> LayoutInfo {
    LayoutInfo { fields, size, c_name, ..<RequestHeaderLayout as Layout>::INFO }
}

const fn field(name: &'static str, offset: usize, size: usize) -> FieldInfo {
    FieldInfo { name, offset, size, bits: None }
}

/// Structures that exist only as a view of others: unions of headers, and what precedes data of varying size.
const VIEWS: &[LayoutInfo] = &[
    <RequestHeaderLayout as Layout>::INFO,
    <ResponseHeaderLayout as Layout>::INFO,
    <RequestLayout as Layout>::INFO,
    info(
        "CONTROL_PROTOCOL__response_t",
        size_of::<ResponseHeaderLayout>() + size_of::<Be32>() + 1500,
        &[
            field("header", 0, size_of::<ResponseHeaderLayout>()),
            field("parameter_count", size_of::<ResponseHeaderLayout>(), size_of::<Be32>()),
            field("parameters", size_of::<ResponseHeaderLayout>() + size_of::<Be32>(), 1500),
        ],
    ),
    info(
        "CONTROL_PROTOCOL__message_header_t",
        size_of::<ResponseHeaderLayout>(),
        &[
            field("common", 0, size_of::<CommonHeaderLayout>()),
            field("request", 0, size_of::<RequestHeaderLayout>()),
            field("response", 0, size_of::<ResponseHeaderLayout>()),
        ],
    ),
    info(
        "CONTROL_PROTOCOL__flags_struct_t",
        size_of::<Be32>(),
        &[
            FieldInfo { bits: Some((0, ACK_FLAG.count_ones())), ..field("ack", 0, size_of::<Be32>()) },
            FieldInfo { bits: Some((1, (!ACK_FLAG).count_ones())), ..field("reserved", 0, size_of::<Be32>()) },
        ],
    ),
    info(
        "CONTROL_PROTOCOL_flags_t",
        <Be32 as Wire>::SIZE,
        &[field("bitstruct", 0, size_of::<Be32>()), field("integer", 0, size_of::<Be32>())],
    ),
    info(
        "CONTROL_PROTOCOL__parameter_t",
        size_of::<Be32>(),
        &[field("length", 0, size_of::<Be32>()), field("data", size_of::<Be32>(), 0)],
    ),
    info(
        "CONTROL_PROTOCOL__payload_t",
        size_of::<Be32>(),
        &[field("parameter_count", 0, size_of::<Be32>()), field("parameters", size_of::<Be32>(), 0)],
    ),
];

pub(crate) const ALL_LAYOUTS: &[&[LayoutInfo]] = &[LAYOUTS, VIEWS];
