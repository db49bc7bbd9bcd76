//! Numbers of the firmware's protocols that belong to no single message.

/// Engines of vDMA that the firmware counts.
#[doc(alias = "CONTROL_PROTOCOL__MAX_VDMA_ENGINES_COUNT")]
pub const MAX_VDMA_ENGINES_COUNT: usize = 3;
/// Contexts of a network group, the three that are not dynamic included.
#[doc(alias = "CONTROL_PROTOCOL__MAX_CONTEXTS_PER_NETWORK_GROUP")]
pub const MAX_CONTEXTS_PER_NETWORK_GROUP: usize = 1024;
/// Clusters of a core.
#[doc(alias = "CONTROL_PROTOCOL__MAX_NUMBER_OF_CLUSTERS")]
pub const MAX_NUMBER_OF_CLUSTERS: usize = 8;
/// A batch size that leaves the configured one, in
/// [`ChangeContextSwitchStatus`](super::control::ChangeContextSwitchStatus).
#[doc(alias = "CONTROL_PROTOCOL__IGNORE_DYNAMIC_BATCH_SIZE")]
pub const IGNORE_DYNAMIC_BATCH_SIZE: u16 = 0;
/// A number of batches without end, in
/// [`ChangeContextSwitchStatus`](super::control::ChangeContextSwitchStatus).
#[doc(alias = "CONTROL_PROTOCOL__INIFINITE_BATCH_COUNT")]
pub const INFINITE_BATCH_COUNT: u16 = 0;
/// Bytes of parameters that the device takes from a request at most.
#[doc(alias = "CONTROL_PROTOCOL__MAX_REQUEST_PAYLOAD_SIZE")]
pub const MAX_REQUEST_PAYLOAD_SIZE: usize = 1024;
/// Steps of the built-in test of a cluster's memories.
#[doc(alias = "CONTROL_PROTOCOL_NUM_BIST_CLUSTER_STEPS")]
pub const NUM_BIST_CLUSTER_STEPS: usize = 8;
/// All memories of the top level left out of the built-in test.
#[doc(alias = "CONTROL_PROTOCOL__BIST_TOP_BYPASS_ALL_MASK")]
pub const BIST_TOP_BYPASS_ALL_MASK: u32 = 0x7ffff;
/// Memories of the top level that the built-in test may touch.
#[doc(alias = "CONTROL_PROTOCOL__BIST_TOP_WHITELIST")]
pub const BIST_TOP_WHITELIST: u32 = 0x1e;
/// Bytes of an Ethernet address.
#[doc(alias = "MAC_ADDR_BYTES_LEN")]
pub const MAC_ADDRESS_LENGTH: usize = 6;
/// Bytes of a lot's identity.
#[doc(alias = "LOT_ID_BYTES_LEN")]
pub const LOT_ID_LENGTH: usize = 8;
/// The bits of an address that the device's own memory window keeps.
#[doc(alias = "CONTEXT_SWITCH_DEFS__DDR_ADDRESS_MASK")]
pub const DDR_ADDRESS_MASK: u32 = 0x0fff_ffff;
/// Where the core processor sees the memory window begin.
#[doc(alias = "CONTEXT_SWITCH_DEFS__START_M4_MAPPED_DDR_ADDRESS")]
pub const START_M4_MAPPED_DDR_ADDRESS: u32 = 0x8000_0000;
/// Where the core processor sees the memory window end.
#[doc(alias = "CONTEXT_SWITCH_DEFS__END_M4_MAPPED_DDR_ADDRESS")]
pub const END_M4_MAPPED_DDR_ADDRESS: u32 = 0x9000_0000;
/// Where the memory window begins behind the lookup table.
#[doc(alias = "CONTEXT_SWITCH_DEFS__START_M4_MAPPED_DDR_ADDRESS_AFTER_LUT")]
pub const START_M4_MAPPED_DDR_ADDRESS_AFTER_LUT: u32 = 0x5000_0000;
/// An address that stands for contexts kept in the device.
#[doc(alias = "CONTEXT_SWITCH_DEFS__INVALID_DDR_CONTEXTS_BUFFER_ADDRESS")]
pub const INVALID_DDR_CONTEXTS_BUFFER_ADDRESS: u32 = 0;
/// The kernel-done address of [`EnableLcuDefault`](super::actions::EnableLcuDefault).
#[doc(alias = "CONTEXT_SWITCH_DEFS__ENABLE_LCU_DEFAULT_KERNEL_ADDRESS")]
pub const ENABLE_LCU_DEFAULT_KERNEL_ADDRESS: u16 = 1;
/// The kernel-done count of [`EnableLcuDefault`](super::actions::EnableLcuDefault).
#[doc(alias = "CONTEXT_SWITCH_DEFS__ENABLE_LCU_DEFAULT_KERNEL_COUNT")]
pub const ENABLE_LCU_DEFAULT_KERNEL_COUNT: u32 = 2;
