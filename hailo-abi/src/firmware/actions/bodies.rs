//! What follows the header of an action: compute units, sequencers, registers and waits.

use super::ids::{ActionType, HostBufferType, PackedLcuId, WriteActionType};
use crate::firmware::layout::{Le16, Le32, Le64, wire_structs};

/// The time stamp of an action that was not carried out yet.
#[doc(alias = "CONTEXT_SWITCH_DEFS__TIMESTAMP_INIT_VALUE")]
pub const TIMESTAMP_INIT_VALUE: u32 = u32::MAX;

wire_structs! {
    /// The host's memory behind a channel.
    #[derive(Default, Eq, Hash)]
    struct HostBufferInfo => HostBufferInfoLayout = "CONTROL_PROTOCOL__host_buffer_info_t", 19, V4_17..=V5_2 {
        /// How it is described.
        [0] buffer_type: HostBufferType as u8,
        /// Bus address of the descriptor list.
        [1] dma_address: u64 as Le64,
        /// Bytes of one descriptor's page.
        [9] desc_page_size: u16 as Le16,
        /// Descriptors of the list.
        [11] total_desc_count: u32 as Le32,
        /// Bytes after which the use of the list repeats.
        [15] bytes_in_pattern: u32 as Le32,
    }

    /// What precedes every action.
    #[derive(Default, Eq, Hash)]
    struct ActionHeader => ActionHeaderLayout = "CONTEXT_SWITCH_DEFS__common_action_header_t", 5, V4_17..=V5_2 {
        /// What the action does.
        [0] action_type: ActionType as u8,
        /// Filled in by the firmware when it carries the action out; [`TIMESTAMP_INIT_VALUE`] before.
        [1] time_stamp: u32 as Le32,
    }

    /// What follows the header of a repeated action; then come the bodies alone.
    #[derive(Default, Eq, Hash)]
    struct RepeatedActionHeader => RepeatedActionHeaderLayout = "CONTEXT_SWITCH_DEFS__repeated_action_header_t", 3, V4_17..=V5_2 {
        /// How many bodies follow.
        [0] count: u8 as u8,
        /// How many were carried out; 0 before.
        [1] last_executed: u8 as u8,
        /// What each of them does.
        [2] sub_action_type: ActionType as u8,
    }

    /// What a cluster's sequencer is started with.
    #[derive(Default, Eq, Hash)]
    struct SequencerConfig => SequencerConfigLayout = "CONTEXT_SWITCH_DEFS__sequencer_config_t", 43, V4_17..=V5_2 {
        /// Where the L3 memory is cut at first.
        [0] initial_l3_cut: u8 as u8,
        /// Where it begins at first, in its own units.
        [1] initial_l3_offset: u16 as Le16,
        /// Bit map of active APUs.
        [3] active_apu: u32 as Le32,
        /// Bit map of active input aligners.
        [7] active_ia: u32 as Le32,
        /// Bit map of active subclusters.
        [11] active_sc: u64 as Le64,
        /// Bit map of active L2 memories.
        [19] active_l2: u64 as Le64,
        /// L2 write offsets 0 (low word) and 1.
        [27] l2_offset_0: u64 as Le64,
        /// L2 write offsets 2 (low word) and 3.
        [35] l2_offset_1: u64 as Le64,
    }

    /// Starts a cluster's sequencer.
    #[derive(Default, Eq, Hash)]
    struct TriggerSequencer => TriggerSequencerLayout = "CONTEXT_SWITCH_DEFS__trigger_sequencer_action_data_t", 44, V4_17..=V5_2 {
        /// The cluster, 0–7.
        [0] cluster_index: u8 as u8,
        /// What it is started with.
        [1] sequencer_config: SequencerConfig as SequencerConfigLayout,
    }

    /// Enables an LCU whose kernel-done address is 1 and count is 2.
    #[derive(Default, Eq, Hash)]
    struct EnableLcuDefault => EnableLcuDefaultLayout = "CONTEXT_SWITCH_DEFS__enable_lcu_action_default_data_t", 2, V4_17..=V5_2 {
        /// The LCU.
        [0] packed_lcu_id: PackedLcuId as u8,
        /// The network within its group.
        [1] network_index: u8 as u8,
    }

    /// Enables an LCU with kernel-done values of its own.
    #[derive(Default, Eq, Hash)]
    struct EnableLcuNonDefault => EnableLcuNonDefaultLayout = "CONTEXT_SWITCH_DEFS__enable_lcu_action_non_default_data_t", 8, V4_17..=V5_2 {
        /// The LCU.
        [0] packed_lcu_id: PackedLcuId as u8,
        /// The network within its group.
        [1] network_index: u8 as u8,
        /// Kernel-done address.
        [2] kernel_done_address: u16 as Le16,
        /// Kernel-done count.
        [4] kernel_done_count: u32 as Le32,
    }

    /// Disables an LCU.
    #[derive(Default, Eq, Hash)]
    struct DisableLcu => DisableLcuLayout = "CONTEXT_SWITCH_DEFS__disable_lcu_action_data_t", 1, V4_17..=V5_2 {
        /// The LCU.
        [0] packed_lcu_id: PackedLcuId as u8,
    }

    /// Waits for an LCU.
    #[derive(Default, Eq, Hash)]
    struct LcuInterrupt => LcuInterruptLayout = "CONTEXT_SWITCH_DEFS__lcu_interrupt_data_t", 1, V4_17..=V5_2 {
        /// The LCU.
        [0] packed_lcu_id: PackedLcuId as u8,
    }

    /// Waits for a sequencer.
    #[derive(Default, Eq, Hash)]
    struct SequencerInterrupt => SequencerInterruptLayout = "CONTEXT_SWITCH_DEFS__sequencer_interrupt_data_t", 1, V4_17..=V5_2 {
        /// The sequencer, which is its cluster's index.
        [0] sequencer_index: u8 as u8,
    }

    /// Waits until a module is configured.
    #[derive(Default, Eq, Hash)]
    struct ModuleConfigDoneInterrupt => ModuleConfigDoneInterruptLayout = "CONTEXT_SWITCH_DEFS__module_config_done_interrupt_data_t", 1, V4_17..=V5_2 {
        /// The module.
        [0] module_index: u8 as u8,
    }

    /// Waits for the on-chip non-maximum suppression.
    #[derive(Default, Eq, Hash)]
    struct WaitNms => WaitNmsLayout = "CONTEXT_SWITCH_DEFS__wait_nms_data_t", 6, V4_17..=V5_2 {
        /// The aggregator.
        [0] aggregator_index: u8 as u8,
        /// Output buffer of the cluster before.
        [1] pred_cluster_ob_index: u8 as u8,
        /// That cluster.
        [2] pred_cluster_ob_cluster_index: u8 as u8,
        /// Its interface.
        [3] pred_cluster_ob_interface: u8 as u8,
        /// Output buffer of the unit behind.
        [4] succ_prepost_ob_index: u8 as u8,
        /// Its interface.
        [5] succ_prepost_ob_interface: u8 as u8,
    }

    /// Starts an on-chip non-maximum suppression unit.
    #[derive(Default, Eq, Hash)]
    struct EnableNms => EnableNmsLayout = "CONTEXT_SWITCH_DEFS__enable_nms_action_t", 7, V4_17..=V5_2 {
        /// The unit.
        [0] nms_unit_index: u8 as u8,
        /// The network within its group.
        [1] network_index: u8 as u8,
        /// Classes.
        [2] number_of_classes: u16 as Le16,
        /// Boxes of one burst.
        [4] burst_size: u16 as Le16,
        /// Into how many parts the input is divided.
        [6] division_factor: u8 as u8,
    }

    /// Writes a register of the core.
    #[derive(Default, Eq, Hash)]
    struct WriteDataByType => WriteDataByTypeLayout = "CONTEXT_SWITCH_DEFS__write_data_by_type_action_t", 15, V4_17..=V5_2 {
        /// The register's address, a multiple of 4.
        [0] address: u32 as Le32,
        /// What is written.
        [4] data_type: WriteActionType as u8,
        /// The value, for [`WriteActionType::GENERAL`].
        [5] data: u32 as Le32,
        /// How far the value is shifted, in bits.
        [9] shift: u8 as u8,
        /// The bits of the register that are written.
        [10] mask: u32 as Le32,
        /// The network whose batch size is meant.
        [14] network_index: u8 as u8,
    }

    /// Gives an LCU the batch size.
    #[derive(Default, Eq, Hash)]
    struct SwitchLcuBatch => SwitchLcuBatchLayout = "CONTEXT_SWITCH_DEFS__switch_lcu_batch_action_data_t", 6, V4_17..=V5_2 {
        /// The LCU.
        [0] packed_lcu_id: PackedLcuId as u8,
        /// The network whose batch size is meant.
        [1] network_index: u8 as u8,
        /// Kernel-done count; the vendor sends 0.
        [2] kernel_done_count: u32 as Le32,
    }

    /// Sleeps. From 4.19.0.
    #[derive(Default, Eq, Hash)]
    struct Sleep => SleepLayout = "CONTEXT_SWITCH_DEFS__sleep_action_data_t", 4, V4_19..=V5_2 {
        /// How long, in microseconds; at least 1000.
        [0] sleep_time: u32 as Le32,
    }
}
