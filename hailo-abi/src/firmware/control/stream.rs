//! Streams: how they reach the device, latency, and inference without the host's data.

use super::buffer::MAX_CONTROL_LENGTH;
use super::enums::{CommunicationType, PowerMode};
use super::parameter_macros::{by_generation, parameter_layout, parameter_structs};
use crate::firmware::actions::StreamRegisters;
use crate::firmware::enums::open_enums;
use crate::firmware::layout::{
    Be16, Be32, Bool, Field, Layout, LayoutInfo, Le16, Le32, Unrepresentable, layouts, wire_structs,
};

/// Stands for all streams in [`OpenStream`] and [`CloseStream`].
#[doc(alias = "CONTROL_PROTOCOL__ALL_DATAFLOW_MANAGERS")]
pub const ALL_DATAFLOW_MANAGERS: u8 = 255;

parameter_structs! {
    /// Opens a stream.
    struct OpenStream => OpenStreamRequest = "CONTROL_PROTOCOL__open_stream_request_t", 10, V4_17..=V5_2 {
        /// The stream.
        [4] dataflow_manager_id: u8 as u8,
        /// Whether it carries into the device.
        [9] is_input: Bool as Bool,
    }

    /// Closes a stream.
    struct CloseStream => CloseStreamRequest = "CONTROL_PROTOCOL__close_stream_request_t", 10, V4_17..=V5_2 {
        /// The stream.
        [4] dataflow_manager_id: u8 as u8,
        /// Whether it carries into the device.
        [9] is_input: Bool as Bool,
    }

    /// Which stream was configured.
    struct ConfiguredStream => ConfigStreamResponse = "CONTROL_PROTOCOL__config_stream_response_t", 5, V4_17..=V5_2 {
        /// The stream.
        [4] dataflow_manager_id: u8 as u8,
    }

    /// Configures the measurement of the core's latency.
    struct LatencyConfig => LatencyConfigRequest = "CONTROL_PROTOCOL__latency_config_request_t", 37, V4_17..=V5_2 {
        /// Whether it is measured.
        [4] latency_measurement_en: Bool as Bool,
        /// The buffer of the input with which it begins.
        [9] inbound_start_buffer_number: u32 as Be32,
        /// The buffer of the output with which it ends.
        [17] outbound_stop_buffer_number: u32 as Be32,
        /// The input.
        [25] inbound_stream_index: u32 as Be32,
        /// The output.
        [33] outbound_stream_index: u32 as Be32,
    }

    /// The core's latency.
    struct Latency => LatencyReadResponse = "CONTROL_PROTOCOL__latency_read_response_t", 8, V4_17..=V5_2 {
        /// Nanoseconds from input to output.
        [4] inbound_to_outbound_latency_nsec: u32 as Be32,
    }

    /// What came of inference without the host's data.
    struct HwInferAnswer => ChangeHwInferStatusResponse =
        "CONTROL_PROTOCOL__change_hw_infer_status_response_t", 9, V4_17..=V5_2
    {
        /// The results.
        [4] results: HwInferResults as HwInferResultsLayout,
    }
}

mod parts {
    use super::*;

    wire_structs! {
        /// The results of inference without the host's data; the byte order is not confirmed by any recording.
        #[derive(Default, Eq, Hash)]
        struct HwInferResults => HwInferResultsLayout = "CONTROL_PROTOCOL__hw_only_infer_results_t", 5, V4_17..=V5_2 {
            /// Whether it has ended.
            [0] infer_done: Bool as Bool,
            /// Clock cycles.
            [1] infer_cycles: u32 as Le32,
        }

        /// A channel of inference without the host's data.
        #[derive(Default, Eq, Hash)]
        struct HwInferChannelInfo => HwInferChannelInfoLayout =
            "CONTROL_PROTOCOL__hw_infer_channel_info_t", 4, V4_17..=V5_2
        {
            /// The channel within its engine.
            [0] channel_index: u8 as u8,
            /// The engine.
            [1] engine_index: u8 as u8,
            /// Descriptors that are programmed.
            [2] desc_programed: u16 as Le16,
        }
    }
}

pub use parts::*;

open_enums! {
    /// Whether inference without the host's data runs.
    enum HwInferState(u8) = "CONTROL_PROTOCOL__hw_infer_state_t" count "CONTROL_PROTOCOL__HW_INFER_STATE_COUNT" {
        /// It begins.
        START = 0, "CONTROL_PROTOCOL__HW_INFER_STATE_START";
        /// It ends.
        STOP = 1, "CONTROL_PROTOCOL__HW_INFER_STATE_STOP";
    }

    /// How boundary channels are described to inference without the host's data. From 4.21.0.
    enum BoundaryChannelMode(u8) = "CONTROL_PROTOCOL__boundary_channel_mode_t"
        count "CONTROL_PROTOCOL__BOUNDARY_CHANNEL_MODE_COUNT"
    {
        /// By descriptors.
        DESC = 0, "CONTROL_PROTOCOL__DESC_BOUNDARY_CHANNEL", V4_21..=V5_2;
        /// By a contiguous buffer.
        CCB = 1, "CONTROL_PROTOCOL__CCB_BOUNDARY_CHANNEL", V4_21..=V5_2;
    }
}

mod nn_stream {
    use super::*;

    layouts! {
        /// The sizes of a stream's buffers up to 4.20.1, big-endian.
        struct NnStreamConfigV4_17 for StreamRegisters = "CONTROL_PROTOCOL__nn_stream_config_t", 18, V4_17..=V4_20 {
            [0] core_bytes_per_buffer: Be16,
            [2] core_buffers_per_frame: Be16,
            [4] periph_bytes_per_buffer: Be16,
            [6] periph_buffers_per_frame: Be16,
            [8] feature_padding_payload: Be16,
            [10] buffer_padding_payload: Be32,
            [14] buffer_padding: Be16,
            [16] is_periph_calculated_in_hailort: Bool,
            [17] is_core_hw_padding_config_in_dfc: Bool,
        }
        /// The sizes of a stream's buffers from 4.21.0 to 5.0.1, big-endian.
        struct NnStreamConfigV4_21 for StreamRegisters = "CONTROL_PROTOCOL__nn_stream_config_t", 17, V4_21..=V5_0_1 {
            [0] core_bytes_per_buffer: Be16,
            [2] core_buffers_per_frame: Be16,
            [4] periph_bytes_per_buffer: Be16,
            [6] periph_buffers_per_frame: Be16,
            [8] feature_padding_payload: Be16,
            [10] buffer_padding_payload: Be32,
            [14] buffer_padding: Be16,
            [16] is_core_hw_padding_config_in_dfc: Bool,
        }
        absent { is_periph_calculated_in_hailort: Bool::new(true), }
        /// The sizes of a stream's buffers from 5.1.0 on, big-endian.
        struct NnStreamConfigV5_1 for StreamRegisters = "CONTROL_PROTOCOL__nn_stream_config_t", 19, V5_1..=V5_2 {
            [0] core_bytes_per_buffer: Be16,
            [2] core_buffers_per_frame: Be16,
            [4] periph_bytes_per_buffer: Be16,
            [6] periph_buffers_per_frame: Be32,
            [10] feature_padding_payload: Be16,
            [12] buffer_padding_payload: Be32,
            [16] buffer_padding: Be16,
            [18] is_core_hw_padding_config_in_dfc: Bool,
        }
        absent { is_periph_calculated_in_hailort: Bool::new(true), }
        /// The channels of inference without the host's data up to 4.23.0.
        struct HwInferChannelsLayoutV4_17 for HwInferChannels =
            "CONTROL_PROTOCOL__hw_infer_channels_info_t", 385, V4_17..=V4_21
        {
            [0] channel_info: [HwInferChannelInfoLayout; 96],
            [384] channel_count: u8,
        }
        /// The channels of inference without the host's data from 5.0.0 on.
        struct HwInferChannelsLayoutV5_0 for HwInferChannels =
            "CONTROL_PROTOCOL__hw_infer_channels_info_t", 481, V5_0..=V5_2
        {
            [0] channel_info: [HwInferChannelInfoLayout; 120],
            [480] channel_count: u8,
        }
    }
}

pub use nn_stream::{
    HwInferChannelsLayoutV4_17, HwInferChannelsLayoutV5_0, NnStreamConfigV4_17, NnStreamConfigV4_21, NnStreamConfigV5_1,
};

/// Configures a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "CONTROL_PROTOCOL__config_stream_request_t")]
pub struct ConfigStream<'m> {
    /// The stream.
    pub stream_index: u8,
    /// Whether it carries into the device.
    pub is_input: Bool,
    /// How it reaches the device.
    pub communication_type: CommunicationType,
    /// Whether the sizes of its buffers are left as they are.
    pub skip_nn_stream_config: Bool,
    /// How it trades power for speed. Not said from 5.1.0 on.
    pub power_mode: PowerMode,
    /// The sizes of its buffers.
    pub nn_stream_config: StreamRegisters,
    /// The packed parameters of the way that it takes, such as
    /// [`PcieInputParametersLayout`](super::PcieInputParametersLayout).
    pub communication_params: &'m [u8],
}

/// Places for the channels of inference without the host's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HwInferChannelList(pub [HwInferChannelInfo; 120]);

impl Default for HwInferChannelList {
    fn default() -> Self {
        Self([HwInferChannelInfo::default(); 120])
    }
}

impl<const N: usize> Field<[HwInferChannelInfoLayout; N]> for HwInferChannelList {
    fn to_wire(&self) -> Result<[HwInferChannelInfoLayout; N], Unrepresentable> {
        let mut wire = [HwInferChannelInfo::default().to_wire()?; N];
        for (index, channel) in self.0.iter().enumerate() {
            match wire.get_mut(index) {
                Some(place) => *place = channel.to_wire()?,
                None if *channel == HwInferChannelInfo::default() => {}
                None => return Err(Unrepresentable { field: "" }),
            }
        }
        Ok(wire)
    }
    fn from_wire(wire: &[HwInferChannelInfoLayout; N]) -> Self {
        let mut channels = Self::default();
        for (channel, place) in channels.0.iter_mut().zip(wire) {
            *channel = HwInferChannelInfo::from_wire(place);
        }
        channels
    }
}

/// The channels of inference without the host's data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "CONTROL_PROTOCOL__hw_infer_channels_info_t")]
pub struct HwInferChannels {
    /// The channels; 96 up to 4.23.0.
    pub channel_info: HwInferChannelList,
    /// How many of them are used.
    pub channel_count: u8,
}

/// Starts or stops inference without the host's data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "CONTROL_PROTOCOL__change_hw_infer_status_request_t")]
pub struct ChangeHwInferStatus {
    /// Whether it begins or ends.
    pub hw_infer_state: HwInferState,
    /// The application index.
    pub application_index: u8,
    /// Frames of a batch.
    pub dynamic_batch_size: u16,
    /// Batches.
    pub batch_count: u16,
    /// The channels.
    pub channels_info: HwInferChannels,
    /// How they are described. From 4.21.0; descriptors before.
    pub boundary_channel_mode: BoundaryChannelMode,
}

macro_rules! generations {
    ($(
        struct $wire:ident for $native:ident $(<$lt:lifetime>)? = $c_name:literal, $size:literal,
            $first:ident..=$last:ident { $($fields:tt)* } absent { $($absent:tt)* }
    )*) => {
        $(parameter_layout! {
            #[doc = concat!("The packed form of [`", stringify!($native), "`] of some generations.")]
            struct $wire for $native $(<$lt>)? = $c_name, $size, $first..=$last { $($fields)* } absent { $($absent)* }
        })*

        const VARYING: &[LayoutInfo] = &[$(<$wire as Layout>::INFO,)*];
    };
}

generations! {
    struct ConfigStreamRequestV4_17 for ConfigStream<'m> =
        "CONTROL_PROTOCOL__config_stream_request_t", 89, V4_17..=V4_20
    {
        [4] stream_index: u8,
        [9] is_input: Bool,
        [14] communication_type: Be32,
        [22] skip_nn_stream_config: Bool,
        [27] power_mode: u8,
        [32] nn_stream_config: NnStreamConfigV4_17,
        tail [54] communication_params: [u8; 35] up to MAX_CONTROL_LENGTH,
    } absent {}
    struct ConfigStreamRequestV4_21 for ConfigStream<'m> =
        "CONTROL_PROTOCOL__config_stream_request_t", 88, V4_21..=V5_0_1
    {
        [4] stream_index: u8,
        [9] is_input: Bool,
        [14] communication_type: Be32,
        [22] skip_nn_stream_config: Bool,
        [27] power_mode: u8,
        [32] nn_stream_config: NnStreamConfigV4_21,
        tail [53] communication_params: [u8; 35] up to MAX_CONTROL_LENGTH,
    } absent {}
    struct ConfigStreamRequestV5_1 for ConfigStream<'m> =
        "CONTROL_PROTOCOL__config_stream_request_t", 85, V5_1..=V5_2
    {
        [4] stream_index: u8,
        [9] is_input: Bool,
        [14] communication_type: Be32,
        [22] skip_nn_stream_config: Bool,
        [27] nn_stream_config: NnStreamConfigV5_1,
        tail [50] communication_params: [u8; 35] up to MAX_CONTROL_LENGTH,
    } absent { power_mode: PowerMode::PERFORMANCE, }

    struct ChangeHwInferStatusRequestV4_17 for ChangeHwInferStatus =
        "CONTROL_PROTOCOL__change_hw_infer_status_request_t", 411, V4_17..=V4_20
    {
        [4] hw_infer_state: u8,
        [9] application_index: u8,
        [14] dynamic_batch_size: Le16,
        [20] batch_count: Le16,
        [26] channels_info: HwInferChannelsLayoutV4_17,
    } absent { boundary_channel_mode: BoundaryChannelMode::DESC, }
    struct ChangeHwInferStatusRequestV4_21 for ChangeHwInferStatus =
        "CONTROL_PROTOCOL__change_hw_infer_status_request_t", 416, V4_21..=V4_21
    {
        [4] hw_infer_state: u8,
        [9] application_index: u8,
        [14] dynamic_batch_size: Le16,
        [20] batch_count: Le16,
        [26] channels_info: HwInferChannelsLayoutV4_17,
        [415] boundary_channel_mode: u8,
    } absent {}
    struct ChangeHwInferStatusRequestV5_0 for ChangeHwInferStatus =
        "CONTROL_PROTOCOL__change_hw_infer_status_request_t", 512, V5_0..=V5_2
    {
        [4] hw_infer_state: u8,
        [9] application_index: u8,
        [14] dynamic_batch_size: Le16,
        [20] batch_count: Le16,
        [26] channels_info: HwInferChannelsLayoutV5_0,
        [511] boundary_channel_mode: u8,
    } absent {}
}

by_generation! { ConfigStream<'m> { ConfigStreamRequestV4_17 ConfigStreamRequestV4_21 ConfigStreamRequestV5_1 } }
by_generation! { ChangeHwInferStatus {
    ChangeHwInferStatusRequestV4_17 ChangeHwInferStatusRequestV4_21 ChangeHwInferStatusRequestV5_0
} }

pub(crate) const ALL_LAYOUTS: &[&[LayoutInfo]] = &[LAYOUTS, VARYING, parts::LAYOUTS, nn_stream::LAYOUTS];
