//! What follows the header of the actions that activate a channel, whose layout three generations changed.

use super::bodies::{HostBufferInfo, HostBufferInfoLayout};
use super::ids::PackedVdmaChannelId;
use crate::firmware::layout::{Bool, Le16, Le32};

/// How a stream of the core is fed: the sizes of its buffers on the core's and on the host's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(alias = "CONTEXT_SWITCH_DEFS__stream_reg_info_t")]
#[doc(alias = "CONTROL_PROTOCOL__nn_stream_config_t")]
pub struct StreamRegisters {
    /// Bytes of one buffer on the core's side.
    pub core_bytes_per_buffer: u16,
    /// Buffers of one frame on the core's side.
    pub core_buffers_per_frame: u16,
    /// Bytes of one buffer on the host's side.
    pub periph_bytes_per_buffer: u16,
    /// Buffers of one frame on the host's side; at most 65535 before 5.1.0.
    pub periph_buffers_per_frame: u32,
    /// Bytes of a row without padding, where the core pads; 0 otherwise.
    pub feature_padding_payload: u16,
    /// Bytes of a frame without padding, where the end of it is padded; 0 otherwise.
    pub buffer_padding_payload: u32,
    /// Bytes of padding at the end of a frame.
    pub buffer_padding: u16,
    /// Whether the host has calculated the sizes of its side. A field up to 4.20.1, later always so: encoding
    /// anything but true for a later generation is an error.
    pub is_periph_calculated_in_hailort: Bool,
    /// Whether the model file already contains the configuration of the core's padding.
    pub is_core_hw_padding_config_in_dfc: Bool,
}

impl Default for StreamRegisters {
    /// Everything 0 but the flag that is always set since 4.21.0.
    fn default() -> Self {
        Self {
            core_bytes_per_buffer: 0,
            core_buffers_per_frame: 0,
            periph_bytes_per_buffer: 0,
            periph_buffers_per_frame: 0,
            feature_padding_payload: 0,
            buffer_padding_payload: 0,
            buffer_padding: 0,
            is_periph_calculated_in_hailort: Bool::new(true),
            is_core_hw_padding_config_in_dfc: Bool::new(false),
        }
    }
}

macro_rules! activations {
    ($($(#[$meta:meta])* $name:ident $c_name:literal {
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
    })*) => {$(
        $(#[$meta])*
        #[doc(alias = $c_name)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }
    )*};
}

activations! {
    /// Activates the channel of an input of the network.
    ActivateBoundaryInput "CONTEXT_SWITCH_DEFS__activate_boundary_input_data_t" {
        /// The channel.
        packed_vdma_channel_id: PackedVdmaChannelId,
        /// The core's stream.
        stream_index: u8,
        /// The sizes of its buffers.
        stream_reg_info: StreamRegisters,
        /// Its descriptor list.
        host_buffer_info: HostBufferInfo,
        /// Credits at first, in bytes.
        initial_credit_size: u32,
    }
    /// Activates the channel of an output of the network.
    ActivateBoundaryOutput "CONTEXT_SWITCH_DEFS__activate_boundary_output_data_t" {
        /// The channel.
        packed_vdma_channel_id: PackedVdmaChannelId,
        /// The core's stream.
        stream_index: u8,
        /// The network within its group.
        network_index: u8,
        /// The sizes of its buffers.
        stream_reg_info: StreamRegisters,
        /// Its descriptor list.
        host_buffer_info: HostBufferInfo,
    }
    /// Activates the channel of a layer that comes from another context.
    ActivateInterContextInput "CONTEXT_SWITCH_DEFS__activate_inter_context_input_data_t" {
        /// The channel.
        packed_vdma_channel_id: PackedVdmaChannelId,
        /// The core's stream.
        stream_index: u8,
        /// The network within its group; the vendor always sends 0.
        network_index: u8,
        /// The sizes of its buffers.
        stream_reg_info: StreamRegisters,
        /// Its descriptor list.
        host_buffer_info: HostBufferInfo,
        /// Credits at first, in bytes.
        initial_credit_size: u32,
    }
    /// Activates the channel of a layer that goes to another context.
    ActivateInterContextOutput "CONTEXT_SWITCH_DEFS__activate_inter_context_output_data_t" {
        /// The channel.
        packed_vdma_channel_id: PackedVdmaChannelId,
        /// The core's stream.
        stream_index: u8,
        /// The network within its group.
        network_index: u8,
        /// The sizes of its buffers.
        stream_reg_info: StreamRegisters,
        /// Its descriptor list.
        host_buffer_info: HostBufferInfo,
    }
    /// Activates the reading side of rows that are buffered in the host's memory.
    ActivateDdrBufferInput "CONTEXT_SWITCH_DEFS__activate_ddr_buffer_input_data_t" {
        /// The channel.
        packed_vdma_channel_id: PackedVdmaChannelId,
        /// The core's stream.
        stream_index: u8,
        /// The sizes of its buffers.
        stream_reg_info: StreamRegisters,
        /// The descriptor list of the writing side.
        host_buffer_info: HostBufferInfo,
        /// Credits at first, in bytes.
        initial_credit_size: u32,
        /// The channel of the writing side.
        connected_d2h_packed_vdma_channel_id: PackedVdmaChannelId,
    }
    /// Activates the writing side of rows that are buffered in the host's memory.
    ActivateDdrBufferOutput "CONTEXT_SWITCH_DEFS__activate_ddr_buffer_output_data_t" {
        /// The channel.
        packed_vdma_channel_id: PackedVdmaChannelId,
        /// The core's stream.
        stream_index: u8,
        /// The sizes of its buffers.
        stream_reg_info: StreamRegisters,
        /// Its descriptor list.
        host_buffer_info: HostBufferInfo,
        /// Rows that are kept.
        buffered_rows_count: u32,
    }
    /// Activates the reading side of a cache. From 4.18.0.
    ActivateCacheInput "CONTEXT_SWITCH_DEFS__activate_cache_input_data_t" {
        /// The channel.
        packed_vdma_channel_id: PackedVdmaChannelId,
        /// The core's stream.
        stream_index: u8,
        /// The network within its group; the vendor always sends 0.
        network_index: u8,
        /// The sizes of its buffers.
        stream_reg_info: StreamRegisters,
        /// Its descriptor list.
        host_buffer_info: HostBufferInfo,
        /// Credits at first, in bytes.
        initial_credit_size: u32,
    }
    /// Activates the writing side of a cache. From 4.18.0.
    ActivateCacheOutput "CONTEXT_SWITCH_DEFS__activate_cache_output_data_t" {
        /// The channel.
        packed_vdma_channel_id: PackedVdmaChannelId,
        /// The core's stream.
        stream_index: u8,
        /// The network within its group.
        network_index: u8,
        /// The sizes of its buffers.
        stream_reg_info: StreamRegisters,
        /// Its descriptor list.
        host_buffer_info: HostBufferInfo,
        /// The length of the output; from 4.21.0, 0 before.
        batch_size: u16,
    }
}

/// The layouts of one generation, whose stream registers are `$regs` bytes long.
macro_rules! generation {
    (
        $(#[$meta:meta])*
        $module:ident $first:ident..=$last:ident, caches from $cache:ident, registers of $regs:literal bytes,
        $($others:tt)*
    ) => {
        $(#[$meta])*
        pub mod $module {
            use super::*;

            crate::firmware::layout::layouts! {
                /// Activates an input of the network.
                struct ActivateBoundaryInputLayout for ActivateBoundaryInput =
                    "CONTEXT_SWITCH_DEFS__activate_boundary_input_data_t", 25 + $regs, $first..=$last
                {
                    [0] packed_vdma_channel_id: u8,
                    [1] stream_index: u8,
                    [2] stream_reg_info: StreamRegistersLayout,
                    [2 + $regs] host_buffer_info: HostBufferInfoLayout,
                    [21 + $regs] initial_credit_size: Le32,
                }
                /// Activates an output of the network.
                struct ActivateBoundaryOutputLayout for ActivateBoundaryOutput =
                    "CONTEXT_SWITCH_DEFS__activate_boundary_output_data_t", 22 + $regs, $first..=$last
                {
                    [0] packed_vdma_channel_id: u8,
                    [1] stream_index: u8,
                    [2] network_index: u8,
                    [3] stream_reg_info: StreamRegistersLayout,
                    [3 + $regs] host_buffer_info: HostBufferInfoLayout,
                }
                /// Activates a layer that comes from another context.
                struct ActivateInterContextInputLayout for ActivateInterContextInput =
                    "CONTEXT_SWITCH_DEFS__activate_inter_context_input_data_t", 26 + $regs, $first..=$last
                {
                    [0] packed_vdma_channel_id: u8,
                    [1] stream_index: u8,
                    [2] network_index: u8,
                    [3] stream_reg_info: StreamRegistersLayout,
                    [3 + $regs] host_buffer_info: HostBufferInfoLayout,
                    [22 + $regs] initial_credit_size: Le32,
                }
                /// Activates a layer that goes to another context.
                struct ActivateInterContextOutputLayout for ActivateInterContextOutput =
                    "CONTEXT_SWITCH_DEFS__activate_inter_context_output_data_t", 22 + $regs, $first..=$last
                {
                    [0] packed_vdma_channel_id: u8,
                    [1] stream_index: u8,
                    [2] network_index: u8,
                    [3] stream_reg_info: StreamRegistersLayout,
                    [3 + $regs] host_buffer_info: HostBufferInfoLayout,
                }
                /// Activates the reading side of buffered rows.
                struct ActivateDdrBufferInputLayout for ActivateDdrBufferInput =
                    "CONTEXT_SWITCH_DEFS__activate_ddr_buffer_input_data_t", 26 + $regs, $first..=$last
                {
                    [0] packed_vdma_channel_id: u8,
                    [1] stream_index: u8,
                    [2] stream_reg_info: StreamRegistersLayout,
                    [2 + $regs] host_buffer_info: HostBufferInfoLayout,
                    [21 + $regs] initial_credit_size: Le32,
                    [25 + $regs] connected_d2h_packed_vdma_channel_id: u8,
                }
                /// Activates the writing side of buffered rows.
                struct ActivateDdrBufferOutputLayout for ActivateDdrBufferOutput =
                    "CONTEXT_SWITCH_DEFS__activate_ddr_buffer_output_data_t", 25 + $regs, $first..=$last
                {
                    [0] packed_vdma_channel_id: u8,
                    [1] stream_index: u8,
                    [2] stream_reg_info: StreamRegistersLayout,
                    [2 + $regs] host_buffer_info: HostBufferInfoLayout,
                    [21 + $regs] buffered_rows_count: Le32,
                }
                /// Activates the reading side of a cache.
                struct ActivateCacheInputLayout for ActivateCacheInput =
                    "CONTEXT_SWITCH_DEFS__activate_cache_input_data_t", 26 + $regs, $cache..=$last
                {
                    [0] packed_vdma_channel_id: u8,
                    [1] stream_index: u8,
                    [2] network_index: u8,
                    [3] stream_reg_info: StreamRegistersLayout,
                    [3 + $regs] host_buffer_info: HostBufferInfoLayout,
                    [22 + $regs] initial_credit_size: Le32,
                }
                $($others)*
            }
        }
    };
}

generation! {
    /// The layouts of 4.17.0 to 4.20.1 (those of the caches from 4.18.0).
    v4_17 V4_17..=V4_20, caches from V4_18, registers of 18 bytes,

    /// The sizes of a stream's buffers.
    struct StreamRegistersLayout for StreamRegisters =
        "CONTEXT_SWITCH_DEFS__stream_reg_info_t", 18, V4_17..=V4_20
    {
        [0] core_bytes_per_buffer: Le16,
        [2] core_buffers_per_frame: Le16,
        [4] periph_bytes_per_buffer: Le16,
        [6] periph_buffers_per_frame: Le16,
        [8] feature_padding_payload: Le16,
        [10] buffer_padding_payload: Le32,
        [14] buffer_padding: Le16,
        [16] is_periph_calculated_in_hailort: Bool,
        [17] is_core_hw_padding_config_in_dfc: Bool,
    }

    /// Activates the writing side of a cache.
    struct ActivateCacheOutputLayout for ActivateCacheOutput =
        "CONTEXT_SWITCH_DEFS__activate_cache_output_data_t", 40, V4_18..=V4_20
    {
        [0] packed_vdma_channel_id: u8,
        [1] stream_index: u8,
        [2] network_index: u8,
        [3] stream_reg_info: StreamRegistersLayout,
        [21] host_buffer_info: HostBufferInfoLayout,
    }
    absent { batch_size: 0, }
}

generation! {
    /// The layouts of 4.21.0 to 5.0.1.
    v4_21 V4_21..=V5_0_1, caches from V4_21, registers of 17 bytes,

    /// The sizes of a stream's buffers.
    struct StreamRegistersLayout for StreamRegisters =
        "CONTEXT_SWITCH_DEFS__stream_reg_info_t", 17, V4_21..=V5_0_1
    {
        [0] core_bytes_per_buffer: Le16,
        [2] core_buffers_per_frame: Le16,
        [4] periph_bytes_per_buffer: Le16,
        [6] periph_buffers_per_frame: Le16,
        [8] feature_padding_payload: Le16,
        [10] buffer_padding_payload: Le32,
        [14] buffer_padding: Le16,
        [16] is_core_hw_padding_config_in_dfc: Bool,
    }
    absent { is_periph_calculated_in_hailort: Bool::new(true), }

    /// Activates the writing side of a cache.
    struct ActivateCacheOutputLayout for ActivateCacheOutput =
        "CONTEXT_SWITCH_DEFS__activate_cache_output_data_t", 41, V4_21..=V5_0_1
    {
        [0] stream_reg_info: StreamRegistersLayout,
        [17] host_buffer_info: HostBufferInfoLayout,
        [36] batch_size: Le16,
        [38] packed_vdma_channel_id: u8,
        [39] stream_index: u8,
        [40] network_index: u8,
    }
}

generation! {
    /// The layouts from 5.1.0 on.
    v5_1 V5_1..=V5_2, caches from V5_1, registers of 19 bytes,

    /// The sizes of a stream's buffers.
    struct StreamRegistersLayout for StreamRegisters =
        "CONTEXT_SWITCH_DEFS__stream_reg_info_t", 19, V5_1..=V5_2
    {
        [0] core_bytes_per_buffer: Le16,
        [2] core_buffers_per_frame: Le16,
        [4] periph_bytes_per_buffer: Le16,
        [6] periph_buffers_per_frame: Le32,
        [10] feature_padding_payload: Le16,
        [12] buffer_padding_payload: Le32,
        [16] buffer_padding: Le16,
        [18] is_core_hw_padding_config_in_dfc: Bool,
    }
    absent { is_periph_calculated_in_hailort: Bool::new(true), }

    /// Activates the writing side of a cache.
    struct ActivateCacheOutputLayout for ActivateCacheOutput =
        "CONTEXT_SWITCH_DEFS__activate_cache_output_data_t", 43, V5_1..=V5_2
    {
        [0] stream_reg_info: StreamRegistersLayout,
        [19] host_buffer_info: HostBufferInfoLayout,
        [38] batch_size: Le16,
        [40] packed_vdma_channel_id: u8,
        [41] stream_index: u8,
        [42] network_index: u8,
    }
}
