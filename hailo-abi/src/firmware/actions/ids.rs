//! The packed numbers inside actions: vDMA channels, LCUs, and small enumerations.

use core::fmt;

use crate::firmware::FirmwareInterface;
use crate::firmware::enums::open_enums;
use crate::firmware::layout::{Field, Unrepresentable};

/// A vDMA channel and its engine in one byte; how many bits each has depends on the generation.
///
/// ```
/// use hailo_abi::firmware::FirmwareInterface;
/// use hailo_abi::firmware::actions::PackedVdmaChannelId;
///
/// let output = PackedVdmaChannelId::new(FirmwareInterface::V4_21, 0, 16).unwrap();
/// assert_eq!(output.0, 16);
/// assert_eq!(output.channel(FirmwareInterface::V4_21), 16);
/// assert!(PackedVdmaChannelId::new(FirmwareInterface::V4_21, 0, 32).is_none());
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "packed_vdma_channel_id")]
pub struct PackedVdmaChannelId(pub u8);

impl PackedVdmaChannelId {
    /// How far the engine's index is shifted: by 5 up to 4.23, by 6 from 5.0.0.
    #[doc(alias = "CONTEXT_SWITCH_DEFS__PACKED_VDMA_CHANNEL_ID__ENGINE_INDEX_SHIFT")]
    pub const fn engine_shift(interface: FirmwareInterface) -> u32 {
        if interface.is_five() { 6 } else { 5 }
    }

    /// The bits of the channel's index.
    #[doc(alias = "CONTEXT_SWITCH_DEFS__PACKED_VDMA_CHANNEL_ID__VDMA_CHANNEL_INDEX_MASK")]
    pub const fn channel_mask(interface: FirmwareInterface) -> u8 {
        (1 << Self::engine_shift(interface)) - 1
    }

    /// The bits of the engine's index.
    #[doc(alias = "CONTEXT_SWITCH_DEFS__PACKED_VDMA_CHANNEL_ID__ENGINE_INDEX_MASK")]
    pub const fn engine_mask(interface: FirmwareInterface) -> u8 {
        0b11 << Self::engine_shift(interface)
    }

    /// Packs an engine (0 on a PCIe board) and a channel. `None` if one of them does not fit its bits.
    pub const fn new(interface: FirmwareInterface, engine: u8, channel: u8) -> Option<Self> {
        if engine > 3 || channel > Self::channel_mask(interface) {
            return None;
        }
        let engine_bits = (engine << Self::engine_shift(interface)) & Self::engine_mask(interface);
        // Four engines do not fit two bits above six, so the shift may have lost one.
        if engine_bits >> Self::engine_shift(interface) != engine {
            return None;
        }
        Some(Self(engine_bits | channel))
    }

    /// The engine's index.
    pub const fn engine(self, interface: FirmwareInterface) -> u8 {
        (self.0 & Self::engine_mask(interface)) >> Self::engine_shift(interface)
    }

    /// The channel's index within its engine.
    pub const fn channel(self, interface: FirmwareInterface) -> u8 {
        self.0 & Self::channel_mask(interface)
    }
}

/// An LCU (a compute unit of a cluster) in one byte: `cluster << 4 | lcu`.
///
/// ```
/// use hailo_abi::firmware::actions::PackedLcuId;
///
/// let lcu = PackedLcuId::new(3, 12).unwrap();
/// assert_eq!((lcu.0, lcu.cluster(), lcu.lcu()), (0x3c, 3, 12));
/// assert!(PackedLcuId::new(8, 0).is_none());
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "packed_lcu_id")]
pub struct PackedLcuId(pub u8);

impl PackedLcuId {
    /// How far the cluster's index is shifted.
    #[doc(alias = "CONTEXT_SWITCH_DEFS__PACKED_LCU_ID_CLUSTER_INDEX_SHIFT")]
    pub const CLUSTER_SHIFT: u32 = 4;
    /// The bits of the cluster's index.
    #[doc(alias = "CONTEXT_SWITCH_DEFS__PACKED_LCU_ID_CLUSTER_INDEX_MASK")]
    pub const CLUSTER_MASK: u8 = 0x70;
    /// The bits of the LCU's index within the cluster.
    #[doc(alias = "CONTEXT_SWITCH_DEFS__PACKED_LCU_ID_LCU_INDEX_MASK")]
    pub const LCU_MASK: u8 = 0x0f;

    /// Packs a cluster (0–7) and an LCU (0–15). `None` if one of them does not fit.
    pub const fn new(cluster: u8, lcu: u8) -> Option<Self> {
        if cluster > Self::CLUSTER_MASK >> Self::CLUSTER_SHIFT || lcu > Self::LCU_MASK {
            return None;
        }
        Some(Self(cluster << Self::CLUSTER_SHIFT | lcu))
    }

    /// The cluster's index.
    pub const fn cluster(self) -> u8 {
        (self.0 & Self::CLUSTER_MASK) >> Self::CLUSTER_SHIFT
    }

    /// The LCU's index within the cluster.
    pub const fn lcu(self) -> u8 {
        self.0 & Self::LCU_MASK
    }
}

macro_rules! byte_newtypes {
    ($($name:ident)*) => {$(
        impl From<u8> for $name {
            fn from(value: u8) -> Self {
                Self(value)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Field<u8> for $name {
            fn to_wire(&self) -> Result<u8, Unrepresentable> {
                Ok(self.0)
            }
            fn from_wire(wire: &u8) -> Self {
                Self(*wire)
            }
        }
    )*};
}

byte_newtypes! { PackedVdmaChannelId PackedLcuId }

open_enums! {
    /// What an action does. The numbers have never changed; new ones were added at the end.
    enum ActionType(u8) = "CONTEXT_SWITCH_DEFS__ACTION_TYPE_t"
        count "CONTEXT_SWITCH_DEFS__ACTION_TYPE_COUNT"
    {
        /// Fetches configuration descriptors of a configuration channel.
        FETCH_CFG_CHANNEL_DESCRIPTORS = 0, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_FETCH_CFG_CHANNEL_DESCRIPTORS";
        /// Starts a cluster's sequencer.
        TRIGGER_SEQUENCER = 1, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_TRIGGER_SEQUENCER";
        /// Lets data flow in on a host-to-device channel.
        FETCH_DATA_FROM_VDMA_CHANNEL = 2, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_FETCH_DATA_FROM_VDMA_CHANNEL";
        /// Enables an LCU whose kernel-done values are the usual ones.
        ENABLE_LCU_DEFAULT = 3, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_ENABLE_LCU_DEFAULT";
        /// Enables an LCU with its own kernel-done values.
        ENABLE_LCU_NON_DEFAULT = 4, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_ENABLE_LCU_NON_DEFAULT";
        /// Disables an LCU.
        DISABLE_LCU = 5, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_DISABLE_LCU";
        /// Activates the channel of an input of the network.
        ACTIVATE_BOUNDARY_INPUT = 6, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_ACTIVATE_BOUNDARY_INPUT";
        /// Activates the channel of an output of the network.
        ACTIVATE_BOUNDARY_OUTPUT = 7, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_ACTIVATE_BOUNDARY_OUTPUT";
        /// Activates the channel of a layer that comes from another context.
        ACTIVATE_INTER_CONTEXT_INPUT = 8, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_ACTIVATE_INTER_CONTEXT_INPUT";
        /// Activates the channel of a layer that goes to another context.
        ACTIVATE_INTER_CONTEXT_OUTPUT = 9, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_ACTIVATE_INTER_CONTEXT_OUTPUT";
        /// Activates the reading side of rows that are buffered in the host's memory.
        ACTIVATE_DDR_BUFFER_INPUT = 10, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_ACTIVATE_DDR_BUFFER_INPUT";
        /// Activates the writing side of rows that are buffered in the host's memory.
        ACTIVATE_DDR_BUFFER_OUTPUT = 11, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_ACTIVATE_DDR_BUFFER_OUTPUT";
        /// Stops a channel that is not a boundary one.
        DEACTIVATE_VDMA_CHANNEL = 12, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_DEACTIVATE_VDMA_CHANNEL";
        /// Connects a channel with a stream of the core.
        CHANGE_VDMA_TO_STREAM_MAPPING = 13, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_CHANGE_VDMA_TO_STREAM_MAPPING";
        /// Names the two channels of one buffer of rows.
        ADD_DDR_PAIR_INFO = 14, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_ADD_DDR_PAIR_INFO";
        /// Starts the buffering of rows.
        DDR_BUFFERING_START = 15, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_DDR_BUFFERING_START";
        /// Waits for an LCU.
        LCU_INTERRUPT = 16, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_LCU_INTERRUPT";
        /// Waits for a sequencer.
        SEQUENCER_DONE_INTERRUPT = 17, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_SEQUENCER_DONE_INTERRUPT";
        /// Waits for an input's transfer.
        INPUT_CHANNEL_TRANSFER_DONE_INTERRUPT = 18, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_INPUT_CHANNEL_TRANSFER_DONE_INTERRUPT";
        /// Waits for an output's transfer.
        OUTPUT_CHANNEL_TRANSFER_DONE_INTERRUPT = 19, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_OUTPUT_CHANNEL_TRANSFER_DONE_INTERRUPT";
        /// Waits until a module is configured.
        MODULE_CONFIG_DONE_INTERRUPT = 20, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_MODULE_CONFIG_DONE_INTERRUPT";
        /// Waits for the change to another network group or the end of the batch.
        APPLICATION_CHANGE_INTERRUPT = 21, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_APPLICATION_CHANGE_INTERRUPT";
        /// Starts a configuration channel.
        ACTIVATE_CFG_CHANNEL = 22, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_ACTIVATE_CFG_CHANNEL";
        /// Stops a configuration channel.
        DEACTIVATE_CFG_CHANNEL = 23, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_DEACTIVATE_CFG_CHANNEL";
        /// Several actions of one type behind one header.
        REPEATED_ACTION = 24, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_REPEATED_ACTION";
        /// Waits until a channel moves nothing.
        WAIT_FOR_DMA_IDLE_ACTION = 25, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_WAIT_FOR_DMA_IDLE_ACTION";
        /// Waits for the on-chip non-maximum suppression.
        WAIT_FOR_NMS = 26, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_WAIT_FOR_NMS";
        /// Fetches configuration words in bursts.
        FETCH_CCW_BURSTS = 27, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_FETCH_CCW_BURSTS";
        /// Checks a channel before it is stopped; debug builds only.
        VALIDATE_VDMA_CHANNEL = 28, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_VALIDATE_VDMA_CHANNEL";
        /// Starts the task that gives out credits.
        BURST_CREDITS_TASK_START = 29, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_BURST_CREDITS_TASK_START";
        /// Resets the task that gives out credits.
        BURST_CREDITS_TASK_RESET = 30, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_BURST_CREDITS_TASK_RESET";
        /// Resets the buffering of rows.
        DDR_BUFFERING_RESET = 31, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_DDR_BUFFERING_RESET";
        /// Opens the channel of an input of the network.
        OPEN_BOUNDARY_INPUT_CHANNEL = 32, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_OPEN_BOUNDARY_INPUT_CHANNEL";
        /// Opens the channel of an output of the network.
        OPEN_BOUNDARY_OUTPUT_CHANNEL = 33, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_OPEN_BOUNDARY_OUTPUT_CHANNEL";
        /// Starts an on-chip non-maximum suppression unit.
        ENABLE_NMS = 34, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_ENABLE_NMS";
        /// Writes a register with a value of a given kind.
        WRITE_DATA_BY_TYPE = 35, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_WRITE_DATA_BY_TYPE";
        /// Gives an LCU the batch size.
        SWITCH_LCU_BATCH = 36, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_SWITCH_LCU_BATCH";
        /// Gives the channel of an input the batch size.
        CHANGE_BOUNDARY_INPUT_BATCH = 37, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_CHANGE_BOUNDARY_INPUT_BATCH";
        /// Pauses a channel.
        PAUSE_VDMA_CHANNEL = 38, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_PAUSE_VDMA_CHANNEL";
        /// Resumes a channel.
        RESUME_VDMA_CHANNEL = 39, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_RESUME_VDMA_CHANNEL";
        /// Activates the reading side of a cache. From 4.18.0.
        ACTIVATE_CACHE_INPUT = 40, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_ACTIVATE_CACHE_INPUT", V4_18..=V5_2;
        /// Activates the writing side of a cache. From 4.18.0.
        ACTIVATE_CACHE_OUTPUT = 41, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_ACTIVATE_CACHE_OUTPUT", V4_18..=V5_2;
        /// Waits until the host has moved the caches on. From 4.18.0.
        WAIT_FOR_CACHE_UPDATED = 42, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_WAIT_FOR_CACHE_UPDATED", V4_18..=V5_2;
        /// Sleeps. From 4.19.0.
        SLEEP = 43, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_SLEEP", V4_19..=V5_2;
        /// Stops for good; for debugging. From 4.19.0.
        HALT = 44, "CONTEXT_SWITCH_DEFS__ACTION_TYPE_HALT", V4_19..=V5_2;
    }

    /// How the credits of a channel are counted.
    enum CreditType(u8) = "CONTEXT_SWITCH_DEFS__CREDIT_TYPE_t" {
        /// Not set.
        UNINITIALIZED = 0, "CONTEXT_SWITCH_DEFS__CREDIT_TYPE_UNINITIALIZED";
        /// In bytes.
        IN_BYTES = 1, "CONTEXT_SWITCH_DEFS__CREDIT_IN_BYTES";
        /// In descriptors.
        IN_DESCRIPTORS = 2, "CONTEXT_SWITCH_DEFS__CREDIT_IN_DESCRIPTORS";
    }

    /// Which way a channel carries.
    enum EdgeLayerDirection(u8) = "CONTEXT_SWITCH_DEFS__EDGE_LAYER_DIRECTION_t" {
        /// Not set.
        UNINITIALIZED = 0, "CONTEXT_SWITCH_DEFS__EDGE_LAYER_DIRECTION_UNINITIALIZED";
        /// Host to device.
        HOST_TO_DEVICE = 1, "CONTEXT_SWITCH_DEFS__EDGE_LAYER_DIRECTION_HOST_TO_DEVICE";
        /// Device to host.
        DEVICE_TO_HOST = 2, "CONTEXT_SWITCH_DEFS__EDGE_LAYER_DIRECTION_DEVICE_TO_HOST";
    }

    /// What a value that is written stands for.
    enum WriteActionType(u8) = "CONTEXT_SWITCH_DEFS__WRITE_ACTION_TYPE_t"
        count "WRITE_ACTION_BY_TYPE_COUNT"
    {
        /// The bytes as they are given.
        GENERAL = 0, "WRITE_ACTION_TYPE_GENERAL";
        /// The batch size, which the firmware fills in.
        WRITE_BATCH = 1, "WRITE_ACTION_TYPE_WRITE_BATCH";
    }

    /// How the host's memory behind a channel is described.
    enum HostBufferType(u8) = "CONTROL_PROTOCOL__HOST_BUFFER_TYPE_t"
        count "CONTROL_PROTOCOL__HOST_BUFFER_TYPE_COUNT"
    {
        /// A descriptor list that the device fetches; the only kind on Hailo-8.
        EXTERNAL_DESC = 0, "CONTROL_PROTOCOL__HOST_BUFFER_TYPE_EXTERNAL_DESC";
        /// A contiguous buffer without descriptors.
        CCB = 1, "CONTROL_PROTOCOL__HOST_BUFFER_TYPE_CCB";
        /// A descriptor list that the host moves on.
        HOST_MANAGED_EXTERNAL_DESC = 2, "CONTROL_PROTOCOL__HOST_BUFFER_TYPE_HOST_MANAGED_EXTERNAL_DESC";
    }
}

impl ActionType {
    /// Whether firmware of this generation knows the action.
    pub fn exists_in(self, interface: FirmwareInterface) -> bool {
        Self::ENUMERATION.find(u64::from(self.0), interface).is_some()
    }

    /// Whether adjacent actions of this type are written behind one [`Self::REPEATED_ACTION`] header.
    pub const fn is_groupable(self) -> bool {
        matches!(
            self,
            Self::FETCH_CFG_CHANNEL_DESCRIPTORS
                | Self::TRIGGER_SEQUENCER
                | Self::FETCH_DATA_FROM_VDMA_CHANNEL
                | Self::ENABLE_LCU_DEFAULT
                | Self::ENABLE_LCU_NON_DEFAULT
                | Self::DISABLE_LCU
                | Self::CHANGE_VDMA_TO_STREAM_MAPPING
                | Self::ADD_DDR_PAIR_INFO
                | Self::ENABLE_NMS
                | Self::SWITCH_LCU_BATCH
        )
    }
}
