//! The protobuf messages that describe edge layers, as they lie in a model file; see [`super::proto`].
#![allow(missing_docs)]

use prost::Message;
use prost::bytes::Bytes;

/// `ProtoHEFEdgeLayer`.
#[derive(Clone, PartialEq, Message)]
pub struct EdgeLayer {
    #[prost(int32, tag = "1")]
    pub direction: i32,
    #[prost(int32, tag = "2")]
    pub edge_layer_type: i32,
    #[prost(oneof = "EdgeKind", tags = "3, 4, 8")]
    pub edge: Option<EdgeKind>,
    #[prost(message, optional, tag = "5")]
    pub context_switch_info: Option<ContextSwitchInformation>,
    #[prost(uint32, tag = "6")]
    pub network_index: u32,
}

/// The oneof `edge` of `ProtoHEFEdgeLayer`.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum EdgeKind {
    #[prost(message, tag = "3")]
    LayerInfo(EdgeLayerInfo),
    #[prost(message, tag = "4")]
    LayerMux(EdgeLayerMux),
    #[prost(message, tag = "8")]
    LayerPlanes(EdgeLayerPlanes),
}

/// `ProtoHEFContextSwitchInformation`.
#[derive(Clone, PartialEq, Message)]
pub struct ContextSwitchInformation {
    #[prost(int32, tag = "3")]
    pub edge_connection_type: i32,
    #[prost(uint32, tag = "6")]
    pub buffers: u32,
    #[prost(message, repeated, tag = "8")]
    pub connected_contexts: Vec<ConnectedContextInfo>,
    #[prost(int32, tag = "9")]
    pub cache_id: i32,
}

/// `ProtoHEFConnectedContextInfo`.
#[derive(Clone, PartialEq, Message)]
pub struct ConnectedContextInfo {
    #[prost(uint32, tag = "1")]
    pub index: u32,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(uint32, tag = "3")]
    pub sys_index: u32,
    #[prost(uint32, tag = "4")]
    pub engine_id: u32,
}

/// `ProtoHEFEdgeLayerInfo`.
#[derive(Clone, PartialEq, Message)]
pub struct EdgeLayerInfo {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub edge_layer_base: Option<EdgeLayerBase>,
    #[prost(message, optional, tag = "3")]
    pub numeric_info: Option<EdgeLayerNumericInfo>,
    #[prost(string, repeated, tag = "5")]
    pub original_names: Vec<String>,
    #[prost(bool, tag = "6")]
    pub transposed: bool,
}

/// `ProtoHEFEdgeLayerMux`.
#[derive(Clone, PartialEq, Message)]
pub struct EdgeLayerMux {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub edge_layer_base: Option<EdgeLayerBase>,
    #[prost(message, optional, tag = "3")]
    pub mux_data: Option<EdgeLayerMuxData>,
    /// [`Edge`] each.
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub predecessors: Vec<Bytes>,
    #[prost(string, repeated, tag = "6")]
    pub original_names: Vec<String>,
}

/// `ProtoHEFEdgeLayerMuxData`.
#[derive(Clone, PartialEq, Message)]
pub struct EdgeLayerMuxData {
    #[prost(uint32, tag = "1")]
    pub number_of_predecessors: u32,
    #[prost(uint32, tag = "2")]
    pub height_gcd: u32,
    #[prost(uint32, repeated, tag = "4")]
    pub height_ratios_list: Vec<u32>,
}

/// `ProtoHEFEdgeLayerPlanes`.
#[derive(Clone, PartialEq, Message)]
pub struct EdgeLayerPlanes {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int32, tag = "2")]
    pub planes_format: i32,
    /// [`Edge`] each.
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub planes: Vec<Bytes>,
    #[prost(uint32, tag = "4")]
    pub height: u32,
    #[prost(uint32, tag = "5")]
    pub width: u32,
    #[prost(uint32, tag = "6")]
    pub features: u32,
}

/// `ProtoHefEdge`.
#[derive(Clone, PartialEq, Message)]
pub struct Edge {
    #[prost(oneof = "PredecessorKind", tags = "1, 2, 3")]
    pub edge: Option<PredecessorKind>,
}

/// The oneof `edge` of `ProtoHefEdge`, which numbers the same kinds otherwise than [`EdgeKind`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum PredecessorKind {
    #[prost(message, tag = "1")]
    LayerInfo(EdgeLayerInfo),
    #[prost(message, tag = "2")]
    LayerMux(EdgeLayerMux),
    #[prost(message, tag = "3")]
    LayerPlanes(EdgeLayerPlanes),
}

/// `ProtoHEFEdgeLayerBase`.
#[derive(Clone, PartialEq, Message)]
pub struct EdgeLayerBase {
    #[prost(uint32, tag = "1")]
    pub height: u32,
    #[prost(uint32, tag = "2")]
    pub padded_height: u32,
    #[prost(uint32, tag = "3")]
    pub width: u32,
    #[prost(uint32, tag = "4")]
    pub padded_width: u32,
    #[prost(uint32, tag = "5")]
    pub features: u32,
    #[prost(uint32, tag = "6")]
    pub padded_features: u32,
    #[prost(uint32, tag = "7")]
    pub format: u32,
    #[prost(uint32, tag = "8")]
    pub sys_index: u32,
    #[prost(uint32, tag = "9")]
    pub core_bytes_per_buffer: u32,
    #[prost(uint32, tag = "10")]
    pub core_buffers_per_frame: u32,
    #[prost(message, optional, tag = "11")]
    pub additional_info: Option<AdditionalInfo>,
    #[prost(uint32, tag = "12")]
    pub data_bytes: u32,
    #[prost(message, repeated, tag = "13")]
    pub buffer_indices: Vec<ResourceIndices>,
    #[prost(bool, tag = "14")]
    pub host_argmax: bool,
    #[prost(uint32, tag = "15")]
    pub max_shmifo_size: u32,
    #[prost(uint32, tag = "16")]
    pub engine_id: u32,
}

/// `ProtoHEFResourceIndices`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct ResourceIndices {
    #[prost(uint32, tag = "1")]
    pub index: u32,
    #[prost(uint32, tag = "2")]
    pub cluster_index: u32,
}

/// `ProtoHEFAdditionalInfo`.
#[derive(Clone, PartialEq, Message)]
pub struct AdditionalInfo {
    #[prost(message, optional, tag = "1")]
    pub nms_info: Option<NmsInfo>,
}

/// `ProtoHEFNmsInfo`.
#[derive(Clone, PartialEq, Message)]
pub struct NmsInfo {
    #[prost(uint32, tag = "1")]
    pub type_index: u32,
    #[prost(uint64, tag = "2")]
    pub number_of_classes: u64,
    #[prost(uint64, tag = "3")]
    pub max_output_size: u64,
    #[prost(uint64, tag = "4")]
    pub bbox_size: u64,
    #[prost(bool, tag = "5")]
    pub is_defused: bool,
    #[prost(message, optional, tag = "6")]
    pub defuse_info: Option<NmsDefuseInfo>,
    #[prost(uint64, tag = "7")]
    pub input_division_factor: u64,
    #[prost(uint32, tag = "8")]
    pub burst_size: u32,
    #[prost(int32, tag = "9")]
    pub burst_type: i32,
}

/// `ProtoHEFNmsDefuseInfo`.
#[derive(Clone, PartialEq, Message)]
pub struct NmsDefuseInfo {
    #[prost(uint64, tag = "1")]
    pub class_group_index: u64,
    #[prost(string, tag = "3")]
    pub original_name: String,
}

/// `ProtoHEFEdgeLayerNumericInfo`.
#[derive(Clone, PartialEq, Message)]
pub struct EdgeLayerNumericInfo {
    #[prost(float, tag = "1")]
    pub qp_zp: f32,
    #[prost(float, tag = "2")]
    pub qp_scale: f32,
    #[prost(float, tag = "3")]
    pub limvals_min: f32,
    #[prost(float, tag = "4")]
    pub limvals_max: f32,
    #[prost(double, repeated, tag = "5")]
    pub qp_zps: Vec<f64>,
    #[prost(double, repeated, tag = "6")]
    pub qp_scales: Vec<f64>,
}
