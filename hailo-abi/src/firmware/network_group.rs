//! The header of a network group, which the firmware is given before its contexts.

use core::fmt;

use zerocopy::{FromBytes, IntoBytes};

use super::FirmwareInterface;
use super::actions::PackedVdmaChannelId;
use super::layout::{Bool, Field, Layout, LayoutInfo, Unrepresentable};
use super::layout::{Le16, Le32, described, layouts, wire_structs};

/// The most configuration channels of any generation (`CONTROL_PROTOCOL__MAX_CFG_CHANNELS`).
pub const MAX_CONFIG_CHANNELS: usize = 24;

/// The most networks of a group (`CONTROL_PROTOCOL__MAX_NETWORKS_PER_NETWORK_GROUP`).
pub const MAX_NETWORKS: usize = 8;

/// What is common to all contexts of a network group.
///
/// ```
/// use hailo_abi::firmware::{BatchSizes, ConfigChannels, FirmwareInterface, InferFeatures, NetworkGroupHeader};
///
/// let header = NetworkGroupHeader {
///     dynamic_contexts_count: 1,
///     infer_features: InferFeatures { can_fast_batch_switch: true.into(), ..Default::default() },
///     networks_count: 1,
///     csm_buffer_size: 512,
///     batch_size: BatchSizes::all(1),
///     config_channels: ConfigChannels::new(&[0.into(), 1.into()]).unwrap(),
///     ..Default::default()
/// };
/// let mut bytes = [0; NetworkGroupHeader::MAX_SIZE];
/// assert_eq!(header.encode(FirmwareInterface::V4_21, &mut bytes), Ok(32));
/// assert_eq!(NetworkGroupHeader::decode(FirmwareInterface::V4_21, &bytes[..32]), Ok(header));
/// assert!(NetworkGroupHeader::decode(FirmwareInterface::V5_0, &bytes[..32]).is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "CONTROL_PROTOCOL__application_header_t")]
pub struct NetworkGroupHeader {
    /// Contexts of kind DYNAMIC; with the three others at most 1024.
    pub dynamic_contexts_count: u16,
    /// What running it may make use of.
    pub infer_features: InferFeatures,
    /// What it must be checked for.
    pub validation_features: ValidationFeatures,
    /// Networks of the group, at most [`MAX_NETWORKS`].
    pub networks_count: u8,
    /// The page size of the configuration channels' descriptor lists, in bytes.
    pub csm_buffer_size: u16,
    /// Frames of a batch.
    pub batch_size: BatchSizes,
    /// Where the action list is if it is not sent, or 0.
    pub external_action_list_address: u32,
    /// The boundary channels of each engine; the vendor always sends 0.
    pub boundary_channels_bitmap: [u32; 3],
    /// The configuration channels; from 4.21.0, none before.
    pub config_channels: ConfigChannels,
}

/// What running a network group may make use of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "CONTROL_PROTOCOL__INFER_FEATURE_LIST_t")]
pub struct InferFeatures {
    /// The preliminary context also opens the data channels.
    pub preliminary_run_asap: Bool,
    /// The batch size is written to registers.
    pub batch_register_config: Bool,
    /// The batch size may be changed without running the preliminary context again.
    pub can_fast_batch_switch: Bool,
    /// The action that lets input in is split. From 5.1.0.
    pub split_allow_input_action: Bool,
}

/// Frames of a batch, per network up to 4.20.1 and for the whole group from 4.21.0.
///
/// For the later generations only the first number counts, and the others must equal it or be 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BatchSizes(pub [u16; MAX_NETWORKS]);

impl BatchSizes {
    /// The same number for the group, or for its first network where each has its own.
    pub const fn all(batch_size: u16) -> Self {
        Self([batch_size, 0, 0, 0, 0, 0, 0, 0])
    }
}

impl Field<[Le16; MAX_NETWORKS]> for BatchSizes {
    fn to_wire(&self) -> Result<[Le16; MAX_NETWORKS], Unrepresentable> {
        self.0.to_wire()
    }
    fn from_wire(wire: &[Le16; MAX_NETWORKS]) -> Self {
        Self(Field::from_wire(wire))
    }
}

impl Field<Le16> for BatchSizes {
    fn to_wire(&self) -> Result<Le16, Unrepresentable> {
        let [first, others @ ..] = self.0;
        if others.iter().any(|&other| other != 0 && other != first) {
            return Err(Unrepresentable { field: "" });
        }
        Ok(Le16::new(first))
    }
    fn from_wire(wire: &Le16) -> Self {
        Self::all(wire.get())
    }
}

/// The configuration channels of a network group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConfigChannels {
    count: u8,
    channels: [PackedVdmaChannelId; MAX_CONFIG_CHANNELS],
}

impl ConfigChannels {
    /// These channels; `None` if they are more than [`MAX_CONFIG_CHANNELS`].
    pub fn new(channels: &[PackedVdmaChannelId]) -> Option<Self> {
        let mut all = Self::default();
        all.channels.get_mut(..channels.len())?.copy_from_slice(channels);
        all.count = u8::try_from(channels.len()).ok()?;
        Some(all)
    }

    /// The channels.
    ///
    /// A header may state more than it has places for; the places that it lacks then read 0. The number to hold
    /// against is [`FirmwareInterface::max_config_channels`].
    pub fn as_slice(&self) -> &[PackedVdmaChannelId] {
        let count = usize::from(self.count).min(MAX_CONFIG_CHANNELS);
        self.channels.get(..count).unwrap_or(&self.channels)
    }

    /// The number of channels as it is stated in the header.
    pub const fn stated_count(&self) -> u8 {
        self.count
    }
}

wire_structs! {
    /// What a network group must be checked for.
    #[derive(Default, Eq, Hash)]
    struct ValidationFeatures => ValidationFeaturesLayout =
        "CONTROL_PROTOCOL__VALIDATION_FEATURE_LIST_t", 1, V4_17..=V5_2
    {
        /// An interface of the core that Hailo-8 has not; the vendor always sends 0.
        [0] is_abbale_supported: Bool as Bool,
    }

    /// A configuration channel.
    #[derive(Default, Eq, Hash)]
    struct ConfigChannelInfo => ConfigChannelInfoLayout =
        "CONTROL_PROTOCOL__config_channel_info_t", 1, V4_21..=V5_2
    {
        /// The channel; 0 where there is none.
        [0] packed_vdma_channel_id: PackedVdmaChannelId as u8,
    }
}

/// The header as it lies in the packed structures, with the number of channels beside them.
#[derive(Clone, Copy, PartialEq)]
struct Flat<const N: usize> {
    dynamic_contexts_count: u16,
    infer_features: InferFeatures,
    validation_features: ValidationFeatures,
    networks_count: u8,
    csm_buffer_size: u16,
    batch_size: BatchSizes,
    external_action_list_address: u32,
    boundary_channels_bitmap: [u32; 3],
    config_channels_count: u8,
    config_channel_info: [ConfigChannelInfo; N],
}

impl<const N: usize> TryFrom<&NetworkGroupHeader> for Flat<N> {
    type Error = Unrepresentable;

    fn try_from(header: &NetworkGroupHeader) -> Result<Self, Unrepresentable> {
        let ConfigChannels { count, channels } = header.config_channels;
        let mut config_channel_info = [ConfigChannelInfo::default(); N];
        for (index, &packed_vdma_channel_id) in channels.iter().enumerate() {
            match config_channel_info.get_mut(index) {
                Some(info) => info.packed_vdma_channel_id = packed_vdma_channel_id,
                None if packed_vdma_channel_id == PackedVdmaChannelId(0) => {}
                None => return Err(Unrepresentable { field: "config_channel_info" }),
            }
        }
        Ok(Self {
            dynamic_contexts_count: header.dynamic_contexts_count,
            infer_features: header.infer_features,
            validation_features: header.validation_features,
            networks_count: header.networks_count,
            csm_buffer_size: header.csm_buffer_size,
            batch_size: header.batch_size,
            external_action_list_address: header.external_action_list_address,
            boundary_channels_bitmap: header.boundary_channels_bitmap,
            config_channels_count: count,
            config_channel_info,
        })
    }
}

impl<const N: usize> From<Flat<N>> for NetworkGroupHeader {
    fn from(flat: Flat<N>) -> Self {
        let mut channels = [PackedVdmaChannelId(0); MAX_CONFIG_CHANNELS];
        for (channel, info) in channels.iter_mut().zip(&flat.config_channel_info) {
            *channel = info.packed_vdma_channel_id;
        }
        Self {
            dynamic_contexts_count: flat.dynamic_contexts_count,
            infer_features: flat.infer_features,
            validation_features: flat.validation_features,
            networks_count: flat.networks_count,
            csm_buffer_size: flat.csm_buffer_size,
            batch_size: flat.batch_size,
            external_action_list_address: flat.external_action_list_address,
            boundary_channels_bitmap: flat.boundary_channels_bitmap,
            config_channels: ConfigChannels { count: flat.config_channels_count, channels },
        }
    }
}

macro_rules! header_layouts {
    (
        $(#[$meta:meta])* $module:ident $first:ident..=$last:ident, $size:literal bytes, $flat:ty, $applications:literal applications,
        more { $($more:tt)* }
        { $([$offset:expr] $field:ident: $type:ty,)* } absent { $($absent:tt)* }
    ) => {
        $(#[$meta])*
        pub mod $module {
            use super::*;

            layouts! {
                $($more)*
                /// What is common to all contexts of a network group.
                struct NetworkGroupHeaderLayout for $flat =
                    "CONTROL_PROTOCOL__application_header_t", $size, $first..=$last
                {
                    $([$offset] $field: $type,)*
                } absent { $($absent)* }
            }

            described! {
                /// The headers of all network groups, as they are read back.
                struct MainHeaderLayout =
                    "CONTROL_PROTOCOL__context_switch_main_header_t", 1 + $applications * $size, $first..=$last
                {
                    [0] application_count: u8,
                    [1] application_header: [NetworkGroupHeaderLayout; $applications],
                }
            }

            pub(crate) const MAIN_HEADER: LayoutInfo = <MainHeaderLayout as Layout>::INFO;

            impl Field<NetworkGroupHeaderLayout> for NetworkGroupHeader {
                fn to_wire(&self) -> Result<NetworkGroupHeaderLayout, Unrepresentable> {
                    <$flat>::try_from(self)?.to_wire()
                }
                fn from_wire(wire: &NetworkGroupHeaderLayout) -> Self {
                    <$flat>::from_wire(wire).into()
                }
            }
        }
    };
}

header_layouts! {
    /// The layout of 4.17.0 to 4.20.1.
    v4_17 V4_17..=V4_20, 41 bytes, Flat<0>, 32 applications,
    more {}
    {
        [0] dynamic_contexts_count: Le16,
        [2] infer_features: features::InferFeaturesLayout,
        [5] validation_features: ValidationFeaturesLayout,
        [6] networks_count: u8,
        [7] csm_buffer_size: Le16,
        [9] batch_size: [Le16; MAX_NETWORKS],
        [25] external_action_list_address: Le32,
        [29] boundary_channels_bitmap: [Le32; 3],
    }
    absent { config_channels_count: 0, config_channel_info: [], }
}

header_layouts! {
    /// The layout of 4.21.0 to 4.23.0.
    v4_21 V4_21..=V4_21, 32 bytes, Flat<4>, 32 applications,
    more {}
    {
        [0] dynamic_contexts_count: Le16,
        [2] infer_features: features::InferFeaturesLayout,
        [5] validation_features: ValidationFeaturesLayout,
        [6] networks_count: u8,
        [7] csm_buffer_size: Le16,
        [9] batch_size: Le16,
        [11] external_action_list_address: Le32,
        [15] boundary_channels_bitmap: [Le32; 3],
        [27] config_channels_count: u8,
        [28] config_channel_info: [ConfigChannelInfoLayout; 4],
    }
    absent {}
}

header_layouts! {
    /// The layout of 5.0.0 and 5.0.1.
    v5_0 V5_0..=V5_0_1, 52 bytes, Flat<24>, 26 applications,
    more {}
    {
        [0] dynamic_contexts_count: Le16,
        [2] infer_features: features::InferFeaturesLayout,
        [5] validation_features: ValidationFeaturesLayout,
        [6] networks_count: u8,
        [7] csm_buffer_size: Le16,
        [9] batch_size: Le16,
        [11] external_action_list_address: Le32,
        [15] boundary_channels_bitmap: [Le32; 3],
        [27] config_channels_count: u8,
        [28] config_channel_info: [ConfigChannelInfoLayout; 24],
    }
    absent {}
}

header_layouts! {
    /// The layout from 5.1.0 on.
    v5_1 V5_1..=V5_2, 53 bytes, Flat<24>, 26 applications,
    more {
        /// What running a network group may make use of.
        struct InferFeaturesLayout for InferFeatures =
            "CONTROL_PROTOCOL__INFER_FEATURE_LIST_t", 4, V5_1..=V5_2
        {
            [0] preliminary_run_asap: Bool,
            [1] batch_register_config: Bool,
            [2] can_fast_batch_switch: Bool,
            [3] split_allow_input_action: Bool,
        }
    }
    {
        [0] dynamic_contexts_count: Le16,
        [2] infer_features: InferFeaturesLayout,
        [6] validation_features: ValidationFeaturesLayout,
        [7] networks_count: u8,
        [8] csm_buffer_size: Le16,
        [10] batch_size: Le16,
        [12] external_action_list_address: Le32,
        [16] boundary_channels_bitmap: [Le32; 3],
        [28] config_channels_count: u8,
        [29] config_channel_info: [ConfigChannelInfoLayout; 24],
    }
    absent {}
}

/// The list of features up to 5.0.1.
pub mod features {
    use super::*;

    layouts! {
        /// What running a network group may make use of.
        struct InferFeaturesLayout for InferFeatures =
            "CONTROL_PROTOCOL__INFER_FEATURE_LIST_t", 3, V4_17..=V5_0_1
        {
            [0] preliminary_run_asap: Bool,
            [1] batch_register_config: Bool,
            [2] can_fast_batch_switch: Bool,
        }
        absent { split_allow_input_action: Bool::new(false), }
    }
}

pub(crate) const ALL_LAYOUTS: &[&[LayoutInfo]] = &[
    LAYOUTS,
    features::LAYOUTS,
    v4_17::LAYOUTS,
    v4_21::LAYOUTS,
    v5_0::LAYOUTS,
    v5_1::LAYOUTS,
    &[v4_17::MAIN_HEADER, v4_21::MAIN_HEADER, v5_0::MAIN_HEADER, v5_1::MAIN_HEADER],
];

/// Why a network group header cannot be written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkGroupHeaderError {
    /// The bytes are those of another generation, or none.
    Length {
        /// Bytes of the header in this generation.
        expected: usize,
        /// Bytes that there are.
        actual: usize,
    },
    /// A value has no place in this generation's header.
    Unrepresentable(Unrepresentable),
}

impl fmt::Display for NetworkGroupHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { expected, actual } => {
                write!(f, "the network group header of this firmware has {expected} bytes, not {actual}")
            }
            Self::Unrepresentable(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for NetworkGroupHeaderError {}

impl NetworkGroupHeader {
    /// Bytes of the longest header of any generation.
    pub const MAX_SIZE: usize = size_of::<v5_1::NetworkGroupHeaderLayout>();

    /// Bytes of the header in a generation.
    pub const fn size(interface: FirmwareInterface) -> usize {
        match interface {
            FirmwareInterface::V4_17
            | FirmwareInterface::V4_18
            | FirmwareInterface::V4_19
            | FirmwareInterface::V4_20 => size_of::<v4_17::NetworkGroupHeaderLayout>(),
            FirmwareInterface::V4_21 => size_of::<v4_21::NetworkGroupHeaderLayout>(),
            FirmwareInterface::V5_0 | FirmwareInterface::V5_0_1 => size_of::<v5_0::NetworkGroupHeaderLayout>(),
            FirmwareInterface::V5_1 | FirmwareInterface::V5_1_1 | FirmwareInterface::V5_2 => {
                size_of::<v5_1::NetworkGroupHeaderLayout>()
            }
        }
    }

    /// Writes the header to the front of `out` and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// If a value has no place in this generation's header, or `out` is too short.
    pub fn encode(&self, interface: FirmwareInterface, out: &mut [u8]) -> Result<usize, NetworkGroupHeaderError> {
        match Self::size(interface) {
            size if size == size_of::<v4_17::NetworkGroupHeaderLayout>() => {
                self.write::<v4_17::NetworkGroupHeaderLayout>(out)
            }
            size if size == size_of::<v4_21::NetworkGroupHeaderLayout>() => {
                self.write::<v4_21::NetworkGroupHeaderLayout>(out)
            }
            size if size == size_of::<v5_0::NetworkGroupHeaderLayout>() => {
                self.write::<v5_0::NetworkGroupHeaderLayout>(out)
            }
            _ => self.write::<v5_1::NetworkGroupHeaderLayout>(out),
        }
    }

    fn write<W>(&self, out: &mut [u8]) -> Result<usize, NetworkGroupHeaderError>
    where
        Self: Field<W>,
        W: IntoBytes + zerocopy::Immutable,
    {
        let wire: W = self.to_wire().map_err(NetworkGroupHeaderError::Unrepresentable)?;
        let expected = size_of::<W>();
        let actual = out.len();
        let place = out.get_mut(..expected).ok_or(NetworkGroupHeaderError::Length { expected, actual })?;
        place.copy_from_slice(wire.as_bytes());
        Ok(expected)
    }

    /// Reads a header.
    ///
    /// # Errors
    ///
    /// If `bytes` are not exactly as many as this generation's header has.
    pub fn decode(interface: FirmwareInterface, bytes: &[u8]) -> Result<Self, NetworkGroupHeaderError> {
        match Self::size(interface) {
            size if size == size_of::<v4_17::NetworkGroupHeaderLayout>() => {
                Self::read::<v4_17::NetworkGroupHeaderLayout>(bytes)
            }
            size if size == size_of::<v4_21::NetworkGroupHeaderLayout>() => {
                Self::read::<v4_21::NetworkGroupHeaderLayout>(bytes)
            }
            size if size == size_of::<v5_0::NetworkGroupHeaderLayout>() => {
                Self::read::<v5_0::NetworkGroupHeaderLayout>(bytes)
            }
            _ => Self::read::<v5_1::NetworkGroupHeaderLayout>(bytes),
        }
    }

    fn read<W>(bytes: &[u8]) -> Result<Self, NetworkGroupHeaderError>
    where
        Self: Field<W>,
        W: FromBytes + zerocopy::KnownLayout + zerocopy::Immutable,
    {
        let wire = W::read_from_bytes(bytes)
            .map_err(|_| NetworkGroupHeaderError::Length { expected: size_of::<W>(), actual: bytes.len() })?;
        Ok(Self::from_wire(&wire))
    }
}
