//! What follows the header of an action: channels and their data.

use super::bodies::{HostBufferInfo, HostBufferInfoLayout};
use super::ids::{CreditType, EdgeLayerDirection, HostBufferType, PackedVdmaChannelId};
use crate::firmware::layout::{Bool, Le16, Le32, wire_structs};

wire_structs! {
    /// Fetches the next descriptors of a configuration channel.
    #[derive(Default, Eq, Hash)]
    struct FetchCfgChannelDescriptors => FetchCfgChannelDescriptorsLayout = "CONTEXT_SWITCH_DEFS__fetch_cfg_channel_descriptors_action_data_t", 3, V4_17..=V5_2 {
        /// How many descriptors.
        [0] descriptors_count: u16 as Le16,
        /// The configuration channel.
        [2] packed_vdma_channel_id: PackedVdmaChannelId as u8,
    }

    /// Lets data flow in on a host-to-device channel.
    #[derive(Default, Eq, Hash)]
    struct FetchData => FetchDataLayout = "CONTEXT_SWITCH_DEFS__fetch_data_action_data_t", 9, V4_17..=V5_2 {
        /// The channel.
        [0] packed_vdma_channel_id: PackedVdmaChannelId as u8,
        /// The core's stream.
        [1] stream_index: u8 as u8,
        /// The network within its group.
        [2] network_index: u8 as u8,
        /// One frame, in bytes or descriptors as `credit_type` says.
        [3] frame_periph_size: u32 as Le32,
        /// How credits are counted.
        [7] credit_type: CreditType as u8,
        /// What lies behind the channel.
        [8] host_buffer_type: HostBufferType as u8,
    }

    /// Stops a channel that is not a boundary one.
    #[derive(Default, Eq, Hash)]
    struct DeactivateVdmaChannel => DeactivateVdmaChannelLayout = "CONTEXT_SWITCH_DEFS__deactivate_vdma_channel_action_data_t", 8, V4_17..=V5_2 {
        /// The channel.
        [0] packed_vdma_channel_id: PackedVdmaChannelId as u8,
        /// Which way it carries.
        [1] edge_layer_direction: EdgeLayerDirection as u8,
        /// Whether everything available must have been carried.
        [2] check_host_empty_num_available: Bool as Bool,
        /// What lies behind the channel.
        [3] host_buffer_type: HostBufferType as u8,
        /// The credits that it had at first, in bytes.
        [4] initial_credit_size: u32 as Le32,
    }

    /// Checks a channel before it is stopped.
    #[derive(Default, Eq, Hash)]
    struct ValidateVdmaChannel => ValidateVdmaChannelLayout = "CONTEXT_SWITCH_DEFS__validate_vdma_channel_action_data_t", 8, V4_17..=V5_2 {
        /// The channel.
        [0] packed_vdma_channel_id: PackedVdmaChannelId as u8,
        /// Which way it carries.
        [1] edge_layer_direction: EdgeLayerDirection as u8,
        /// Whether everything available must have been carried.
        [2] check_host_empty_num_available: Bool as Bool,
        /// What lies behind the channel.
        [3] host_buffer_type: HostBufferType as u8,
        /// The credits that it had at first, in bytes.
        [4] initial_credit_size: u32 as Le32,
    }

    /// Connects a channel with a stream of the core.
    #[derive(Default, Eq, Hash)]
    struct ChangeVdmaToStreamMapping => ChangeVdmaToStreamMappingLayout = "CONTEXT_SWITCH_DEFS__change_vdma_to_stream_mapping_data_t", 3, V4_17..=V5_2 {
        /// The channel.
        [0] packed_vdma_channel_id: PackedVdmaChannelId as u8,
        /// The stream.
        [1] stream_index: u8 as u8,
        /// Whether the stream only stands in for one of another context.
        [2] is_dummy_stream: Bool as Bool,
    }

    /// Names the two channels of one buffer of rows.
    #[derive(Default, Eq, Hash)]
    struct AddDdrPairInfo => AddDdrPairInfoLayout = "CONTEXT_SWITCH_DEFS__add_ddr_pair_info_action_data_t", 9, V4_17..=V5_2 {
        /// The reading channel.
        [0] h2d_packed_vdma_channel_id: PackedVdmaChannelId as u8,
        /// The writing channel.
        [1] d2h_packed_vdma_channel_id: PackedVdmaChannelId as u8,
        /// The network within its group.
        [2] network_index: u8 as u8,
        /// Descriptors of one frame.
        [3] descriptors_per_frame: u32 as Le32,
        /// Descriptors of the list.
        [7] programmed_descriptors_count: u16 as Le16,
    }

    /// Waits for a channel's transfer.
    #[derive(Default, Eq, Hash)]
    struct VdmaDataflowInterrupt => VdmaDataflowInterruptLayout = "CONTEXT_SWITCH_DEFS__vdma_dataflow_interrupt_data_t", 5, V4_17..=V5_2 {
        /// The channel.
        [0] packed_vdma_channel_id: PackedVdmaChannelId as u8,
        /// The core's stream.
        [1] stream_index: u8 as u8,
        /// The network within its group.
        [2] network_index: u8 as u8,
        /// Whether the layer goes to another context.
        [3] is_inter_context: Bool as Bool,
        /// What lies behind the channel.
        [4] host_buffer_type: HostBufferType as u8,
    }

    /// Starts a configuration channel.
    #[derive(Default, Eq, Hash)]
    struct ActivateCfgChannel => ActivateCfgChannelLayout = "CONTEXT_SWITCH_DEFS__activate_cfg_channel_t", 21, V4_17..=V5_2 {
        /// The channel.
        [0] packed_vdma_channel_id: PackedVdmaChannelId as u8,
        /// The configuration stream.
        [1] config_stream_index: u8 as u8,
        /// Its descriptor list.
        [2] host_buffer_info: HostBufferInfo as HostBufferInfoLayout,
    }

    /// Stops a configuration channel.
    #[derive(Default, Eq, Hash)]
    struct DeactivateCfgChannel => DeactivateCfgChannelLayout = "CONTEXT_SWITCH_DEFS__deactivate_cfg_channel_t", 2, V4_17..=V5_2 {
        /// The channel.
        [0] packed_vdma_channel_id: PackedVdmaChannelId as u8,
        /// The configuration stream.
        [1] config_stream_index: u8 as u8,
    }

    /// Waits until a channel moves nothing.
    #[derive(Default, Eq, Hash)]
    struct WaitDmaIdle => WaitDmaIdleLayout = "CONTEXT_SWITCH_DEFS__wait_dma_idle_data_t", 4, V4_17..=V5_2 {
        /// The channel.
        [0] packed_vdma_channel_id: PackedVdmaChannelId as u8,
        /// The core's stream.
        [1] stream_index: u8 as u8,
        /// Whether the layer goes to another context.
        [2] is_inter_context: Bool as Bool,
        /// What lies behind the channel.
        [3] host_buffer_type: HostBufferType as u8,
    }

    /// Fetches configuration words in bursts.
    #[derive(Default, Eq, Hash)]
    struct FetchCcwBursts => FetchCcwBurstsLayout = "CONTEXT_SWITCH_DEFS__fetch_ccw_bursts_action_data_t", 3, V4_17..=V5_2 {
        /// How many bursts.
        [0] ccw_bursts: u16 as Le16,
        /// The configuration stream.
        [2] config_stream_index: u8 as u8,
    }

    /// Opens the channel of an input of the network.
    #[derive(Default, Eq, Hash)]
    struct OpenBoundaryInputChannel => OpenBoundaryInputChannelLayout = "CONTEXT_SWITCH_DEFS__open_boundary_input_channel_data_t", 28, V4_17..=V5_2 {
        /// The channel.
        [0] packed_vdma_channel_id: PackedVdmaChannelId as u8,
        /// Its descriptor list.
        [1] host_buffer_info: HostBufferInfo as HostBufferInfoLayout,
        /// The core's stream.
        [20] stream_index: u8 as u8,
        /// The network within its group.
        [21] network_index: u8 as u8,
        /// Bytes of one buffer.
        [22] periph_bytes_per_buffer: u16 as Le16,
        /// Bytes of one frame.
        [24] frame_periph_size: u32 as Le32,
    }

    /// Opens the channel of an output of the network.
    #[derive(Default, Eq, Hash)]
    struct OpenBoundaryOutputChannel => OpenBoundaryOutputChannelLayout = "CONTEXT_SWITCH_DEFS__open_boundary_output_channel_data_t", 20, V4_17..=V5_2 {
        /// The channel.
        [0] packed_vdma_channel_id: PackedVdmaChannelId as u8,
        /// Its descriptor list.
        [1] host_buffer_info: HostBufferInfo as HostBufferInfoLayout,
    }

    /// Gives the channel of an input the batch size.
    #[derive(Default, Eq, Hash)]
    struct ChangeBoundaryInputBatch => ChangeBoundaryInputBatchLayout = "CONTEXT_SWITCH_DEFS__change_boundary_input_batch_t", 1, V4_17..=V5_2 {
        /// The channel.
        [0] packed_vdma_channel_id: PackedVdmaChannelId as u8,
    }

    /// Pauses a channel.
    #[derive(Default, Eq, Hash)]
    struct PauseVdmaChannel => PauseVdmaChannelLayout = "CONTEXT_SWITCH_DEFS__pause_vdma_channel_action_data_t", 2, V4_17..=V5_2 {
        /// The channel.
        [0] packed_vdma_channel_id: PackedVdmaChannelId as u8,
        /// Which way it carries.
        [1] edge_layer_direction: EdgeLayerDirection as u8,
    }

    /// Resumes a channel.
    #[derive(Default, Eq, Hash)]
    struct ResumeVdmaChannel => ResumeVdmaChannelLayout = "CONTEXT_SWITCH_DEFS__resume_vdma_channel_action_data_t", 2, V4_17..=V5_2 {
        /// The channel.
        [0] packed_vdma_channel_id: PackedVdmaChannelId as u8,
        /// Which way it carries.
        [1] edge_layer_direction: EdgeLayerDirection as u8,
    }
}
