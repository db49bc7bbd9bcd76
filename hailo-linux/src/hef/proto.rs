//! The protobuf messages of a model file, as they lie in it.
//!
//! Names and numbers are the file format's own (`ProtoHEF…` without the prefix); what they mean stands with the
//! plain types of [the reader](super) that are made from them. Fields that have no effect on a device are left
//! out, and protobuf skips them.
//!
//! Whatever there may be many of stays undecoded [`Bytes`] until the reader takes it, one by one: a message of two bytes
//! becomes a structure of hundreds, so a small file could ask for a lot of memory before anything of it is refused. And
//! an action of an unknown kind, which protobuf would skip silently, can be told by its bytes.
#![allow(missing_docs)]

use prost::Message;
use prost::bytes::Bytes;

#[cfg(doc)]
use super::proto_layers::EdgeLayer;

/// `ProtoHEFHef`: the whole file.
#[derive(Clone, PartialEq, Message)]
pub struct Hef {
    #[prost(message, optional, tag = "1")]
    pub header: Option<Header>,
    /// [`NetworkGroup`] each.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub network_groups: Vec<Bytes>,
    #[prost(message, repeated, tag = "5")]
    pub extensions: Vec<Extension>,
    #[prost(message, repeated, tag = "6")]
    pub optional_extensions: Vec<Extension>,
}

/// `ProtoHEFHeader`.
#[derive(Clone, PartialEq, Message)]
pub struct Header {
    #[prost(int32, tag = "1")]
    pub hw_arch: i32,
    #[prost(uint64, tag = "2")]
    pub timestamp: u64,
    #[prost(string, tag = "3")]
    pub sdk_version: String,
    #[prost(uint64, tag = "4")]
    pub version: u64,
}

/// `ProtoHEFExtension` and `ProtoHEFOptionalExtension`.
#[derive(Clone, PartialEq, Message)]
pub struct Extension {
    #[prost(uint32, tag = "1")]
    pub type_index: u32,
    #[prost(string, tag = "2")]
    pub name: String,
}

/// `ProtoHEFNetworkGroup`.
#[derive(Clone, PartialEq, Message)]
pub struct NetworkGroup {
    #[prost(message, optional, tag = "1")]
    pub network_group_metadata: Option<NetworkGroupMetadata>,
    #[prost(message, optional, tag = "2")]
    pub preliminary_config: Option<PreliminaryConfig>,
    /// [`Context`] each.
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub contexts: Vec<Bytes>,
    #[prost(string, repeated, tag = "4")]
    pub sorted_outputs_order: Vec<String>,
    #[prost(message, optional, tag = "5")]
    pub fused_layers_metadata: Option<FusedLayersMetadata>,
    #[prost(string, repeated, tag = "6")]
    pub networks_names: Vec<String>,
    /// [`PartialNetworkGroup`] each.
    #[prost(bytes = "bytes", repeated, tag = "7")]
    pub partial_network_groups: Vec<Bytes>,
    /// [`Op`] each.
    #[prost(bytes = "bytes", repeated, tag = "8")]
    pub ops: Vec<Bytes>,
}

/// `ProtoHEFCoreOp`.
#[derive(Clone, PartialEq, Message)]
pub struct CoreOp {
    #[prost(message, optional, tag = "1")]
    pub network_group_metadata: Option<NetworkGroupMetadata>,
    #[prost(message, optional, tag = "2")]
    pub preliminary_config: Option<PreliminaryConfig>,
    /// [`Context`] each.
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub contexts: Vec<Bytes>,
    #[prost(string, repeated, tag = "4")]
    pub sorted_outputs_order: Vec<String>,
    #[prost(message, optional, tag = "5")]
    pub fused_layers_metadata: Option<FusedLayersMetadata>,
    #[prost(string, repeated, tag = "6")]
    pub networks_names: Vec<String>,
    /// [`PartialCoreOp`] each.
    #[prost(bytes = "bytes", repeated, tag = "7")]
    pub partial_core_ops: Vec<Bytes>,
}

/// `ProtoHEFPartialNetworkGroup`.
#[derive(Clone, PartialEq, Message)]
pub struct PartialNetworkGroup {
    #[prost(message, optional, tag = "1")]
    pub network_group: Option<NetworkGroup>,
    #[prost(message, optional, tag = "2")]
    pub layout: Option<PhysicalLayout>,
}

/// `ProtoHEFPartialCoreOp`.
#[derive(Clone, PartialEq, Message)]
pub struct PartialCoreOp {
    #[prost(message, optional, tag = "1")]
    pub core_op: Option<CoreOp>,
    #[prost(message, optional, tag = "2")]
    pub layout: Option<PhysicalLayout>,
}

/// `ProtoHEFPhysicalLayout`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct PhysicalLayout {
    #[prost(uint32, tag = "1")]
    pub partial_clusters_layout_bitmap: u32,
}

/// `ProtoHEFNetworkGroupMetadata`.
#[derive(Clone, PartialEq, Message)]
pub struct NetworkGroupMetadata {
    #[prost(string, tag = "1")]
    pub network_group_name: String,
    #[prost(bool, tag = "3")]
    pub transposed_net: bool,
    #[prost(double, tag = "4")]
    pub bottleneck_fps: f64,
    #[prost(uint32, tag = "5")]
    pub cfg_channels_count: u32,
    #[prost(double, tag = "6")]
    pub latency: f64,
}

/// `ProtoHEFFusedLayersMetadata`.
#[derive(Clone, PartialEq, Message)]
pub struct FusedLayersMetadata {
    #[prost(bool, tag = "1")]
    pub network_has_fused_layers: bool,
    #[prost(string, repeated, tag = "2")]
    pub updated_sorted_output_names: Vec<String>,
}

/// `ProtoHEFOp`.
#[derive(Clone, PartialEq, Message)]
pub struct Op {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(oneof = "OpKind", tags = "4, 5, 6")]
    pub op: Option<OpKind>,
}

/// The oneof `op` of `ProtoHEFOp`.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum OpKind {
    #[prost(message, tag = "4")]
    CoreOp(CoreOp),
    #[prost(message, tag = "5")]
    NmsOp(NmsOp),
    #[prost(message, tag = "6")]
    LogitsOp(LogitsOp),
}

/// `ProtoHEFNmsOp`: post-processing on the host.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct NmsOp {
    #[prost(oneof = "NmsKind", tags = "7, 8, 9, 10, 11, 12")]
    pub nms_op: Option<NmsKind>,
}

/// The oneof `nms_op` of `ProtoHEFNmsOp`; the parameters do not matter here.
#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub enum NmsKind {
    #[prost(message, tag = "7")]
    YoloNmsOp(Empty),
    #[prost(message, tag = "8")]
    YoloxNmsOp(Empty),
    #[prost(message, tag = "9")]
    SsdNmsOp(Empty),
    #[prost(message, tag = "10")]
    IouOp(Empty),
    #[prost(message, tag = "11")]
    YoloSegOp(Empty),
    #[prost(message, tag = "12")]
    Yolov8NmsOp(Empty),
}

/// Any message of which only the presence counts.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Empty {}

/// `ProtoHEFLogitsOp`: post-processing on the host.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct LogitsOp {
    #[prost(int32, tag = "1")]
    pub logits_type: i32,
}

/// `ProtoHEFPreliminaryConfig`.
#[derive(Clone, PartialEq, Message)]
pub struct PreliminaryConfig {
    /// [`Operation`] each.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub operation: Vec<Bytes>,
}

/// `ProtoHEFContext`.
#[derive(Clone, PartialEq, Message)]
pub struct Context {
    /// [`Operation`] each.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub operations: Vec<Bytes>,
    #[prost(message, optional, tag = "3")]
    pub metadata: Option<ContextMetadata>,
}

/// `ProtoHEFContextMetadata`.
#[derive(Clone, PartialEq, Message)]
pub struct ContextMetadata {
    #[prost(string, tag = "1")]
    pub name: String,
    /// [`EdgeLayer`] each.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub edge_layers: Vec<Bytes>,
    #[prost(string, repeated, tag = "5")]
    pub sorted_outputs_order: Vec<String>,
}

/// `ProtoHEFOperation`, its trigger ([`Trigger`]) and actions ([`Action`]) undecoded.
#[derive(Clone, PartialEq, Message)]
pub struct Operation {
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub trigger: Option<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub actions: Vec<Bytes>,
}

/// `ProtoHEFTrigger`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Trigger {
    #[prost(oneof = "TriggerKind", tags = "2, 3, 4, 5, 6, 7")]
    pub trigger: Option<TriggerKind>,
}

/// The oneof `trigger` of `ProtoHEFTrigger`.
#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub enum TriggerKind {
    #[prost(message, tag = "2")]
    TriggerLcu(TriggerLcu),
    #[prost(message, tag = "3")]
    TriggerNone(Empty),
    #[prost(message, tag = "4")]
    TriggerAllDataWasSent(ShmifoIndex),
    #[prost(message, tag = "5")]
    TriggerAllDataWasReceived(ShmifoIndex),
    #[prost(message, tag = "6")]
    TriggerNms(TriggerNms),
    #[prost(message, tag = "7")]
    TriggerDmaIdle(ShmifoIndex),
}

/// `ProtoHEFTriggerLcu`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct TriggerLcu {
    #[prost(uint32, tag = "1")]
    pub cluster_index: u32,
    #[prost(uint32, tag = "2")]
    pub lcu_index: u32,
}

/// `ProtoHEFTriggerAllDataWasSentToHostPCIe`, `ProtoHEFTriggerAllDataWasReceivedFromHostPCIe` and
/// `ProtoHEFWaitDmaIdleTrigger`, which are alike.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct ShmifoIndex {
    #[prost(uint32, tag = "1")]
    pub shmifo_index: u32,
}

/// `ProtoHEFTriggerNms`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct TriggerNms {
    #[prost(uint32, tag = "1")]
    pub aggregator_index: u32,
    #[prost(uint32, tag = "2")]
    pub pred_cluster_ob_index: u32,
    #[prost(uint32, tag = "3")]
    pub pred_cluster_ob_cluster_index: u32,
    #[prost(uint32, tag = "4")]
    pub pred_cluster_ob_interface: u32,
    #[prost(uint32, tag = "5")]
    pub succ_prepost_ob_index: u32,
    #[prost(uint32, tag = "6")]
    pub succ_prepost_ob_interface: u32,
}

/// `ProtoHEFAction`.
#[derive(Clone, PartialEq, Message)]
pub struct Action {
    #[prost(oneof = "ActionKind", tags = "2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18")]
    pub action: Option<ActionKind>,
}

/// The oneof `action` of `ProtoHEFAction`.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum ActionKind {
    #[prost(message, tag = "2")]
    WriteData(Empty),
    #[prost(message, tag = "3")]
    WriteDataCcw(WriteDataCcw),
    #[prost(message, tag = "4")]
    WriteCompressedData(Empty),
    #[prost(message, tag = "5")]
    EnableSequencer(EnableSequencer),
    #[prost(message, tag = "6")]
    WaitForSeqeuncer(WaitForSequencer),
    #[prost(message, tag = "7")]
    DisableLcu(DisableLcu),
    #[prost(message, tag = "8")]
    EnableLcu(EnableLcu),
    #[prost(message, tag = "9")]
    None(Empty),
    #[prost(message, tag = "10")]
    AllowInputDataflow(AllowInputDataflow),
    #[prost(message, tag = "11")]
    WaitForModuleConfigDone(WaitForModuleConfigDone),
    #[prost(message, tag = "12")]
    Debug(Debug),
    #[prost(message, tag = "13")]
    EnableNms(EnableNms),
    #[prost(message, tag = "14")]
    WriteDataByType(WriteDataByType),
    #[prost(message, tag = "15")]
    SwitchLcuBatch(SwitchLcuBatch),
    #[prost(message, tag = "16")]
    WriteDataCcwPtr(WriteDataCcwPtr),
    #[prost(message, tag = "17")]
    AllowConfigChannels(Empty),
    #[prost(message, tag = "18")]
    DisableDataChannels(Empty),
}

/// `ProtoHEFActionWriteDataCcw`.
#[derive(Clone, PartialEq, Message)]
pub struct WriteDataCcw {
    #[prost(bytes = "bytes", tag = "1")]
    pub data: Bytes,
    #[prost(uint32, tag = "2")]
    pub cfg_channel_index: u32,
}

/// `ProtoHEFActionWriteDataCcwPtr`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct WriteDataCcwPtr {
    #[prost(uint64, tag = "1")]
    pub offset: u64,
    #[prost(uint32, tag = "2")]
    pub size: u32,
    #[prost(uint32, tag = "3")]
    pub cfg_channel_index: u32,
}

/// `ProtoHEFActionEnableSequencer`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct EnableSequencer {
    #[prost(uint32, tag = "1")]
    pub cluster_index: u32,
    #[prost(uint32, tag = "2")]
    pub initial_l3_legacy: u32,
    #[prost(uint32, tag = "3")]
    pub active_apu_bitmap: u32,
    #[prost(uint64, tag = "4")]
    pub active_sc_bitmap: u64,
    #[prost(uint64, tag = "5")]
    pub active_l2_bitmap: u64,
    #[prost(uint32, tag = "6")]
    pub active_ia_bitmap: u32,
    #[prost(uint32, tag = "7")]
    pub l2_write_0: u32,
    #[prost(uint32, tag = "8")]
    pub l2_write_1: u32,
    #[prost(uint32, tag = "9")]
    pub l2_write_2: u32,
    #[prost(uint32, tag = "10")]
    pub l2_write_3: u32,
    #[prost(message, optional, tag = "11")]
    pub initial_l3_info: Option<InitialL3>,
}

/// `InitialL3`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct InitialL3 {
    #[prost(uint32, tag = "1")]
    pub initial_l3_index: u32,
    #[prost(uint32, tag = "2")]
    pub initial_l3_offset: u32,
    #[prost(bool, tag = "3")]
    pub includes_initial_l3_info: bool,
}

/// `ProtoHEFActionWaitForSequencer`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct WaitForSequencer {
    #[prost(uint32, tag = "1")]
    pub cluster_index: u32,
}

/// `ProtoHEFActionDisableLcu`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct DisableLcu {
    #[prost(uint32, tag = "1")]
    pub lcu_index: u32,
    #[prost(uint32, tag = "2")]
    pub cluster_index: u32,
}

/// `ProtoHEFActionEnableLcu`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct EnableLcu {
    #[prost(uint32, tag = "1")]
    pub lcu_index: u32,
    #[prost(uint32, tag = "2")]
    pub cluster_index: u32,
    #[prost(uint32, tag = "3")]
    pub lcu_kernel_done_address: u32,
    #[prost(uint32, tag = "4")]
    pub lcu_kernel_done_count: u32,
    #[prost(uint32, tag = "6")]
    pub network_index: u32,
}

/// `ProtoHEFActionSwitchLcuBatch`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct SwitchLcuBatch {
    #[prost(uint32, tag = "1")]
    pub lcu_index: u32,
    #[prost(uint32, tag = "2")]
    pub cluster_index: u32,
    #[prost(uint32, tag = "6")]
    pub network_index: u32,
}

/// `ProtoHEFActionAllowInputDataflow`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct AllowInputDataflow {
    #[prost(uint32, tag = "1")]
    pub sys_index: u32,
}

/// `ProtoHEFActionWaitForModuleConfigDone`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct WaitForModuleConfigDone {
    #[prost(uint32, tag = "1")]
    pub index: u32,
}

/// `ProtoHEFActionDebug`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Debug {
    #[prost(oneof = "DebugKind", tags = "2, 3")]
    pub action: Option<DebugKind>,
}

/// The oneof `action` of `ProtoHEFActionDebug`.
#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub enum DebugKind {
    #[prost(message, tag = "2")]
    Sleep(DebugSleep),
    #[prost(message, tag = "3")]
    Halt(Empty),
}

/// `ProtoHEFActionDebugSleep`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct DebugSleep {
    #[prost(uint64, tag = "1")]
    pub duration_in_usec: u64,
}

/// `ProtoHEFActionEnableNMS`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct EnableNms {
    #[prost(uint32, tag = "1")]
    pub nms_unit_index: u32,
    #[prost(uint32, tag = "2")]
    pub network_index: u32,
    #[prost(uint32, tag = "3")]
    pub number_of_classes: u32,
    #[prost(uint32, tag = "4")]
    pub burst_size: u32,
    #[prost(uint32, tag = "5")]
    pub division_factor: u32,
}

/// `ProtoHEFActionWriteDataByType`.
#[derive(Clone, PartialEq, Message)]
pub struct WriteDataByType {
    #[prost(uint64, tag = "1")]
    pub address: u64,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(bytes = "bytes", tag = "3")]
    pub data: Bytes,
    #[prost(uint32, tag = "4")]
    pub mask: u32,
    #[prost(uint32, tag = "5")]
    pub network_index: u32,
    #[prost(uint32, tag = "6")]
    pub shift: u32,
}
