//! Network groups: their headers, contexts, status, breakpoints, time stamps and caches.

use super::buffer::MAX_CONTROL_LENGTH;
use super::parameter_macros::{by_generation, parameter_layout, parameter_structs};
use crate::firmware::actions::MAX_CHUNK_SIZE;
use crate::firmware::enums::open_enums;
use crate::firmware::layout::{
    Be16, Be32, Bool, Layout, LayoutInfo, Le16, Le32, LeI32, Padded, described, layouts, wire_structs,
};
use crate::firmware::network_group::{self, NetworkGroupHeaderError};
use crate::firmware::{FirmwareInterface, NetworkGroupHeader};

open_enums! {
    /// Whether a network group runs.
    enum ContextSwitchStatus(u8) = "CONTROL_PROTOCOL__CONTEXT_SWITCH_STATUS_t"
        count "CONTROL_PROTOCOL__CONTEXT_SWITCH_STATUS_COUNT"
    {
        /// None runs.
        RESET = 0, "CONTROL_PROTOCOL__CONTEXT_SWITCH_STATUS_RESET";
        /// One runs.
        ENABLED = 1, "CONTROL_PROTOCOL__CONTEXT_SWITCH_STATUS_ENABLED";
        /// One is paused. Up to 4.23.0.
        PAUSED = 2, "CONTROL_PROTOCOL__CONTEXT_SWITCH_STATUS_PAUSED", V4_17..=V4_21;
    }

    /// What a context is for.
    enum ContextType(u8) = "CONTROL_PROTOCOL__context_switch_context_type_t"
        count "CONTROL_PROTOCOL__CONTEXT_SWITCH_CONTEXT_TYPE_COUNT"
    {
        /// What is done once, before the others.
        PRELIMINARY = 0, "CONTROL_PROTOCOL__CONTEXT_SWITCH_CONTEXT_TYPE_PRELIMINARY";
        /// What is done for every batch.
        DYNAMIC = 1, "CONTROL_PROTOCOL__CONTEXT_SWITCH_CONTEXT_TYPE_DYNAMIC";
        /// What changes the batch size.
        BATCH_SWITCHING = 2, "CONTROL_PROTOCOL__CONTEXT_SWITCH_CONTEXT_TYPE_BATCH_SWITCHING";
        /// What opens the boundary channels.
        ACTIVATION = 3, "CONTROL_PROTOCOL__CONTEXT_SWITCH_CONTEXT_TYPE_ACTIVATION";
    }

    /// The firmware's own numbers of contexts; dynamic ones are counted on from the last.
    enum ContextIndex(u16) = "CONTROL_PROTOCOL__context_switch_context_index_t"
        count "CONTROL_PROTOCOL__CONTEXT_SWITCH_INDEX_COUNT"
    {
        /// The activation context.
        ACTIVATION_CONTEXT = 0, "CONTROL_PROTOCOL__CONTEXT_SWITCH_INDEX_ACTIVATION_CONTEXT";
        /// The batch switching context.
        BATCH_SWITCHING_CONTEXT = 1, "CONTROL_PROTOCOL__CONTEXT_SWITCH_INDEX_BATCH_SWITCHING_CONTEXT";
        /// The preliminary context.
        PRELIMINARY_CONTEXT = 2, "CONTROL_PROTOCOL__CONTEXT_SWITCH_INDEX_PRELIMINARY_CONTEXT";
        /// How many there are before the dynamic ones.
        NUMBER_OF_NON_DYNAMIC_CONTEXTS = 3, "CONTROL_PROTOCOL__CONTEXT_SWITCH_NUMBER_OF_NON_DYNAMIC_CONTEXTS";
        /// The first dynamic context.
        FIRST_DYNAMIC_CONTEXT = 3, "CONTROL_PROTOCOL__CONTEXT_SWITCH_INDEX_FIRST_DYNAMIC_CONTEXT";
    }

    /// What is done with a breakpoint.
    enum BreakpointControl(u8) = "CONTROL_PROTOCOL__context_switch_breakpoint_control_t"
        count "CONTROL_PROTOCOL__CONTEXT_SWITCH_BREAKPOINT_CONTROL_COUNT"
    {
        /// It is set.
        SET = 0, "CONTROL_PROTOCOL__CONTEXT_SWITCH_BREAKPOINT_CONTROL_SET";
        /// It is passed.
        CONTINUE = 1, "CONTROL_PROTOCOL__CONTEXT_SWITCH_BREAKPOINT_CONTROL_CONTINUE";
        /// It is cleared.
        CLEAR = 2, "CONTROL_PROTOCOL__CONTEXT_SWITCH_BREAKPOINT_CONTROL_CLEAR";
    }

    /// The state of a breakpoint.
    enum BreakpointStatus(u8) = "CONTROL_PROTOCOL__context_switch_debug_sys_status_t"
        count "CONTROL_PROTOCOL__CONTEXT_SWITCH_DEBUG_SYS_STATUS_COUNT"
    {
        /// It is not set.
        CLEARED = 0, "CONTROL_PROTOCOL__CONTEXT_SWITCH_DEBUG_SYS_STATUS_CLEARED";
        /// It is set and was not reached.
        WAITING = 1, "CONTROL_PROTOCOL__CONTEXT_SWITCH_DEBUG_SYS_STATUS_WAITING_FOR_BREAKPOINT";
        /// It was reached.
        REACHED = 2, "CONTROL_PROTOCOL__CONTEXT_SWITCH_DEBUG_SYS_STATUS_REACHED_BREAKPOINT";
    }
}

/// The application index that stands for none, with [`ContextSwitchStatus::RESET`].
pub const NO_APPLICATION: u8 = 0xff;

parameter_structs! {
    /// Sends a part of a context.
    struct SetContextInfo<'m> => SetContextInfoRequest =
        "CONTROL_PROTOCOL__context_switch_set_context_info_request_t", 19, V4_17..=V5_2
    {
        /// Whether the context begins with this part.
        [4] is_first_chunk_per_context: Bool as Bool,
        /// Whether the context ends with this part.
        [9] is_last_chunk_per_context: Bool as Bool,
        /// What the context is for.
        [14] context_type: ContextType as u8,
        tail /// Pieces of the action list, see [`ChunkEncoder`](crate::firmware::actions::ChunkEncoder).
        [19] context_network_data: [u8; 0] up to MAX_CHUNK_SIZE,
    }

    /// Starts or stops a network group.
    struct ChangeContextSwitchStatus => ChangeContextSwitchStatusRequest =
        "CONTROL_PROTOCOL__change_context_switch_status_request_t", 22, V4_17..=V5_2
    {
        /// Whether it is to run.
        [4] state_machine_status: ContextSwitchStatus as u8,
        /// Which: the number of headers that were sent before its own, or [`NO_APPLICATION`].
        [9] application_index: u8 as u8,
        /// Frames of a batch; 0 as the header says.
        [14] dynamic_batch_size: u16 as Le16,
        /// Batches; 0 without end.
        [20] batch_count: u16 as Le16,
    }

    /// Reads back a part of a context.
    struct DownloadContextActionList => DownloadContextActionListRequest =
        "CONTROL_PROTOCOL__download_context_action_list_request_t", 25, V4_17..=V5_2
    {
        /// The application index.
        [4] network_group_id: u32 as Be32,
        /// What the context is for.
        [12] context_type: ContextType as u8,
        /// Which dynamic context.
        [17] context_index: u16 as Le16,
        /// Where the part begins, in bytes.
        [23] action_list_offset: u16 as Be16,
    }

    /// Asks for a breakpoint's state.
    struct GetBreakpointStatus => GetBreakpointStatusRequest =
        "CONTROL_PROTOCOL__get_context_switch_breakpoint_status_request_t", 8, V4_17..=V5_2
    {
        /// The breakpoint.
        [4] breakpoint_id: u32 as Le32,
    }

    /// A breakpoint's state.
    struct BreakpointStatusAnswer => GetBreakpointStatusResponse =
        "CONTROL_PROTOCOL__get_context_switch_breakpoint_status_response_t", 5, V4_17..=V5_2
    {
        /// The state.
        [4] breakpoint_status: BreakpointStatus as u8,
    }

    /// Raises an interrupt of the data flow.
    struct SetDataflowInterrupt => SetDataflowInterruptRequest =
        "CONTROL_PROTOCOL__set_dataflow_interrupt_request_t", 15, V4_17..=V5_2
    {
        /// The vendor's number of the kind.
        [4] interrupt_type: u8 as u8,
        /// Which of the kind.
        [9] interrupt_index: u8 as u8,
        /// Which within that one.
        [14] interrupt_sub_index: u8 as u8,
    }

    /// Tells the sizes of caches. 4.18.0 and 4.19.0 only; the byte order is not confirmed by any recording.
    struct InitCacheInfo => InitCacheInfoRequest =
        "CONTROL_PROTOCOL__context_switch_init_cache_info_request_t", 16, V4_18..=V4_19
    {
        /// The sizes.
        [4] cache_info: CacheInfo as CacheInfoLayout,
    }

    /// The state of caches. 4.18.0 and 4.19.0 only; the byte order is not confirmed by any recording.
    struct CacheInfoAnswer => GetCacheInfoResponse =
        "CONTROL_PROTOCOL__context_switch_get_cache_info_response_t", 16, V4_18..=V4_19
    {
        /// The state.
        [4] cache_info: CacheInfo as CacheInfoLayout,
    }

    /// Moves the reading side of caches. 4.18.0 and 4.19.0 only; the byte order is not confirmed by any recording.
    struct UpdateCacheReadOffset => UpdateCacheReadOffsetRequest =
        "CONTROL_PROTOCOL__context_switch_update_cache_read_offset_request_t", 8, V4_18..=V4_19
    {
        /// How far, in entries.
        [4] read_offset_delta: i32 as LeI32,
    }
}

described! {
    /// A part of a context as the host's encoder is told of it, 4.17.0 and 4.17.1; it does not travel in this form.
    struct ContextInfoChunkLayoutV4_17 =
        "CONTROL_PROTOCOL__context_switch_context_info_chunk_t", 3080, V4_17..=V4_17
    {
        [0] is_first_chunk_per_context: Bool,
        [1] is_last_chunk_per_context: Bool,
        [2] context_type: Padded<u8, 1>,
        [4] context_network_data_length: Le32,
        [8] context_network_data: [u8; 3072],
    }
}
described! {
    /// A part of a context as the host's encoder is told of it, from 4.18.0 on; it does not travel in this form.
    struct ContextInfoChunkLayoutV4_18 =
        "CONTROL_PROTOCOL__context_switch_context_info_chunk_t", 4104, V4_18..=V5_2
    {
        [0] is_first_chunk_per_context: Bool,
        [1] is_last_chunk_per_context: Bool,
        [2] context_type: Padded<u8, 1>,
        [4] context_network_data_length: Le32,
        [8] context_network_data: [u8; 4096],
    }
}

mod cache {
    use super::*;

    wire_structs! {
        /// The sizes and offsets of caches.
        #[derive(Default, Eq, Hash)]
        struct CacheInfo => CacheInfoLayout = "CONTROL_PROTOCOL__context_switch_cache_info_t", 12, V4_18..=V4_19 {
            /// Entries.
            [0] cache_size: u32 as Le32,
            /// Where reading begins.
            [4] current_read_offset: u32 as Le32,
            /// How far before or behind that writing begins.
            [8] write_offset_delta: i32 as LeI32,
        }
    }
}

pub use cache::{CacheInfo, CacheInfoLayout};

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

/// Begins the configuration of a network group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "CONTROL_PROTOCOL__context_switch_set_network_group_header_request_t")]
pub struct SetNetworkGroupHeader {
    /// The header.
    pub application_header: NetworkGroupHeader,
}

/// A part of a context that was read back.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[doc(alias = "CONTROL_PROTOCOL__download_context_action_list_response_t")]
pub struct DownloadedActionList<'m> {
    /// Where the device keeps the context.
    pub base_address: u32,
    /// Whether the context ends with this part.
    pub is_action_list_end: Bool,
    /// Batches that were run.
    pub batch_counter: u32,
    /// Idle time, from 4.19.0; 0 before.
    pub idle_time: u32,
    /// The part.
    pub action_list: &'m [u8],
}

/// The headers of all network groups.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[doc(alias = "CONTROL_PROTOCOL__get_context_switch_main_header_response_t")]
pub struct MainHeaderAnswer<'m> {
    /// The number of network groups and their headers, see [`MainHeaderAnswer::header`].
    pub main_header: &'m [u8],
}

impl MainHeaderAnswer<'_> {
    /// The number of network groups.
    pub fn application_count(&self) -> u8 {
        self.main_header.first().copied().unwrap_or(0)
    }

    /// The header of a network group as this generation has it.
    ///
    /// # Errors
    ///
    /// If the answer is too short for it.
    pub fn header(
        &self,
        interface: FirmwareInterface,
        index: usize,
    ) -> Result<NetworkGroupHeader, NetworkGroupHeaderError> {
        let size = NetworkGroupHeader::size(interface);
        let bytes = index.checked_mul(size).and_then(|start| self.main_header.get(1..)?.get(start..)).unwrap_or(&[]);
        NetworkGroupHeader::decode(interface, bytes.get(..size).unwrap_or(bytes))
    }
}

/// Where the firmware is to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "CONTROL_PROTOCOL__context_switch_breakpoint_data_t")]
pub struct BreakpointData {
    /// Whether in any network group.
    pub break_at_any_application_index: Bool,
    /// Or in which.
    pub application_index: u8,
    /// Whether in any batch.
    pub break_at_any_batch_index: Bool,
    /// Or in which; at most 65535 up to 4.23.0.
    pub batch_index: u32,
    /// Whether in any context.
    pub break_at_any_context_index: Bool,
    /// Or in which.
    pub context_index: u16,
    /// Whether at any action.
    pub break_at_any_action_index: Bool,
    /// Or at which.
    pub action_index: u16,
}

/// Sets, passes or clears a breakpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "CONTROL_PROTOCOL__config_context_switch_breakpoint_request_t")]
pub struct ConfigBreakpoint {
    /// The breakpoint.
    pub breakpoint_id: u32,
    /// What is done with it.
    pub breakpoint_control: BreakpointControl,
    /// Where it is.
    pub breakpoint_data: BreakpointData,
}

/// Says of which batch time stamps are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "CONTROL_PROTOCOL__config_context_switch_timestamp_request_t")]
pub struct ConfigTimestamp {
    /// The batch; at most 65535 up to 4.23.0.
    pub batch_index: u32,
    /// Whether that batch, or else the firmware's choice.
    pub enable_user_configuration: Bool,
}

mod breakpoint {
    use super::*;

    layouts! {
        /// Where the firmware is to stop, up to 4.23.0.
        struct BreakpointDataLayoutV4_17 for BreakpointData =
            "CONTROL_PROTOCOL__context_switch_breakpoint_data_t", 11, V4_17..=V4_21
        {
            [0] break_at_any_application_index: Bool,
            [1] application_index: u8,
            [2] break_at_any_batch_index: Bool,
            [3] batch_index: Le16,
            [5] break_at_any_context_index: Bool,
            [6] context_index: Le16,
            [8] break_at_any_action_index: Bool,
            [9] action_index: Le16,
        }
        /// Where the firmware is to stop, from 5.0.0 on.
        struct BreakpointDataLayoutV5_0 for BreakpointData =
            "CONTROL_PROTOCOL__context_switch_breakpoint_data_t", 13, V5_0..=V5_2
        {
            [0] break_at_any_application_index: Bool,
            [1] application_index: u8,
            [2] break_at_any_batch_index: Bool,
            [3] batch_index: Le32,
            [7] break_at_any_context_index: Bool,
            [8] context_index: Le16,
            [10] break_at_any_action_index: Bool,
            [11] action_index: Le16,
        }
    }
}

pub use breakpoint::{BreakpointDataLayoutV4_17, BreakpointDataLayoutV5_0};

generations! {
    struct SetNetworkGroupHeaderRequestV4_17 for SetNetworkGroupHeader =
        "CONTROL_PROTOCOL__context_switch_set_network_group_header_request_t", 45, V4_17..=V4_20
    { [4] application_header: network_group::v4_17::NetworkGroupHeaderLayout, } absent {}
    struct SetNetworkGroupHeaderRequestV4_21 for SetNetworkGroupHeader =
        "CONTROL_PROTOCOL__context_switch_set_network_group_header_request_t", 36, V4_21..=V4_21
    { [4] application_header: network_group::v4_21::NetworkGroupHeaderLayout, } absent {}
    struct SetNetworkGroupHeaderRequestV5_0 for SetNetworkGroupHeader =
        "CONTROL_PROTOCOL__context_switch_set_network_group_header_request_t", 56, V5_0..=V5_0_1
    { [4] application_header: network_group::v5_0::NetworkGroupHeaderLayout, } absent {}
    struct SetNetworkGroupHeaderRequestV5_1 for SetNetworkGroupHeader =
        "CONTROL_PROTOCOL__context_switch_set_network_group_header_request_t", 57, V5_1..=V5_2
    { [4] application_header: network_group::v5_1::NetworkGroupHeaderLayout, } absent {}

    struct MainHeaderResponseV4_17 for MainHeaderAnswer<'m> =
        "CONTROL_PROTOCOL__get_context_switch_main_header_response_t", 1317, V4_17..=V4_20
    { tail [4] main_header: [u8; 1313] up to 1313, } absent {}
    struct MainHeaderResponseV4_21 for MainHeaderAnswer<'m> =
        "CONTROL_PROTOCOL__get_context_switch_main_header_response_t", 1029, V4_21..=V4_21
    { tail [4] main_header: [u8; 1025] up to 1025, } absent {}
    struct MainHeaderResponseV5_0 for MainHeaderAnswer<'m> =
        "CONTROL_PROTOCOL__get_context_switch_main_header_response_t", 1357, V5_0..=V5_0_1
    { tail [4] main_header: [u8; 1353] up to 1353, } absent {}
    struct MainHeaderResponseV5_1 for MainHeaderAnswer<'m> =
        "CONTROL_PROTOCOL__get_context_switch_main_header_response_t", 1383, V5_1..=V5_2
    { tail [4] main_header: [u8; 1379] up to 1379, } absent {}

    struct DownloadContextActionListResponseV4_17 for DownloadedActionList<'m> =
        "CONTROL_PROTOCOL__download_context_action_list_response_t", 25, V4_17..=V4_18
    {
        [4] base_address: Be32,
        [12] is_action_list_end: Bool,
        [17] batch_counter: Be32,
        tail [25] action_list: [u8; 0] up to MAX_CONTROL_LENGTH,
    } absent { idle_time: 0, }
    struct DownloadContextActionListResponseV4_19 for DownloadedActionList<'m> =
        "CONTROL_PROTOCOL__download_context_action_list_response_t", 33, V4_19..=V5_2
    {
        [4] base_address: Be32,
        [12] is_action_list_end: Bool,
        [17] batch_counter: Be32,
        [25] idle_time: Be32,
        tail [33] action_list: [u8; 0] up to MAX_CONTROL_LENGTH,
    } absent {}

    struct ConfigBreakpointRequestV4_17 for ConfigBreakpoint =
        "CONTROL_PROTOCOL__config_context_switch_breakpoint_request_t", 28, V4_17..=V4_21
    {
        [4] breakpoint_id: Le32,
        [12] breakpoint_control: u8,
        [17] breakpoint_data: BreakpointDataLayoutV4_17,
    } absent {}
    struct ConfigBreakpointRequestV5_0 for ConfigBreakpoint =
        "CONTROL_PROTOCOL__config_context_switch_breakpoint_request_t", 30, V5_0..=V5_2
    {
        [4] breakpoint_id: Le32,
        [12] breakpoint_control: u8,
        [17] breakpoint_data: BreakpointDataLayoutV5_0,
    } absent {}

    struct ConfigTimestampRequestV4_17 for ConfigTimestamp =
        "CONTROL_PROTOCOL__config_context_switch_timestamp_request_t", 11, V4_17..=V4_21
    { [4] batch_index: Be16, [10] enable_user_configuration: Bool, } absent {}
    struct ConfigTimestampRequestV5_0 for ConfigTimestamp =
        "CONTROL_PROTOCOL__config_context_switch_timestamp_request_t", 13, V5_0..=V5_2
    { [4] batch_index: Be32, [12] enable_user_configuration: Bool, } absent {}
}

by_generation! { SetNetworkGroupHeader {
    SetNetworkGroupHeaderRequestV4_17 SetNetworkGroupHeaderRequestV4_21
    SetNetworkGroupHeaderRequestV5_0 SetNetworkGroupHeaderRequestV5_1
} }
by_generation! { MainHeaderAnswer<'m> {
    MainHeaderResponseV4_17 MainHeaderResponseV4_21 MainHeaderResponseV5_0 MainHeaderResponseV5_1
} }
by_generation! { DownloadedActionList<'m> {
    DownloadContextActionListResponseV4_17 DownloadContextActionListResponseV4_19
} }
by_generation! { ConfigBreakpoint { ConfigBreakpointRequestV4_17 ConfigBreakpointRequestV5_0 } }
by_generation! { ConfigTimestamp { ConfigTimestampRequestV4_17 ConfigTimestampRequestV5_0 } }

pub(crate) const ALL_LAYOUTS: &[&[LayoutInfo]] = &[
    LAYOUTS,
    VARYING,
    cache::LAYOUTS,
    breakpoint::LAYOUTS,
    &[<ContextInfoChunkLayoutV4_17 as Layout>::INFO, <ContextInfoChunkLayoutV4_18 as Layout>::INFO],
];
