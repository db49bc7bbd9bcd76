//! What the notifications say, and how each generation packs it.

use crate::firmware::layout::{
    Bool, Layout, LayoutInfo, Le16, Le32, Le64, LeF32, Padded, described, layouts, wire_structs,
};

wire_structs! {
    /// Packets were received badly.
    #[derive(Default, Eq, Hash)]
    struct RxError => RxErrorLayout = "D2H_EVENT_rx_error_event_message_t", 12, V4_17..=V5_2 {
        /// The vendor's number of the fault.
        [0] error: u32 as Le32,
        /// The queue.
        [4] queue_number: u32 as Le32,
        /// How many.
        [8] rx_errors_count: u32 as Le32,
    }

    /// Where notifications go has changed.
    #[derive(Default, Eq, Hash)]
    struct HostInfo => HostInfoLayout = "D2H_EVENT_host_info_event_message_t", 20, V4_17..=V5_2 {
        /// Whether there is a host.
        [0] connection_status: u32 as Le32,
        /// Over what: 0 Ethernet, 1 the driver.
        [4] connection_type: u32 as Le32,
        /// Whether the driver takes them.
        [8] vdma_is_active: u32 as Le32,
        /// The host's UDP port.
        [12] host_port: u32 as Le32,
        /// The host's IPv4 address.
        [16] host_ip_addr: u32 as Le32,
    }

    /// The temperature has entered another zone.
    #[derive(Default)]
    struct TemperatureAlarm => TemperatureAlarmLayout =
        "D2H_EVENT_health_monitor_temperature_alarm_event_message_t", 16, V4_17..=V5_2
    {
        /// The zone: 0 green, 1 orange, 2 red.
        [0] temperature_zone: u32 as Le32,
        /// The sensor that has said so.
        [4] alarm_ts_id: u32 as Le32,
        /// The first sensor, in degrees Celsius.
        [8] ts0_temperature: f32 as LeF32,
        /// The second sensor, in degrees Celsius.
        [12] ts1_temperature: f32 as LeF32,
    }

    /// Memory of the core has corrected or lost bits.
    #[derive(Default, Eq, Hash)]
    struct LcuEcc => LcuEccLayout = "D2H_EVENT_health_monitor_lcu_ecc_error_event_message_t", 2, V4_17..=V5_2 {
        /// The clusters, one bit for each.
        [0] cluster_bitmap: u16 as Le16,
    }

    /// Memory of a processor has corrected or lost bits.
    #[derive(Default, Eq, Hash)]
    struct CpuEcc => CpuEccLayout = "D2H_EVENT_health_monitor_cpu_ecc_event_message_t", 4, V4_17..=V5_2 {
        /// The memories, one bit for each.
        [0] memory_bitmap: u32 as Le32,
    }

    /// The core's clock was changed.
    #[derive(Default, Eq, Hash)]
    struct ClockChanged => ClockChangedLayout =
        "D2H_EVENT_health_monitor_clock_changed_event_message_t", 8, V4_17..=V5_2
    {
        /// The clock before, in hertz.
        [0] previous_clock: u32 as Le32,
        /// The clock now, in hertz.
        [4] current_clock: u32 as Le32,
    }

    /// Inference without the host's data has ended.
    #[derive(Default, Eq, Hash)]
    struct InferDone => InferDoneLayout = "D2H_EVENT_hw_infer_mamager_infer_done_message_t", 4, V4_17..=V5_2 {
        /// Clock cycles that it took.
        [0] infer_cycles: u32 as Le32,
    }

    /// The host is to move caches on. 4.18.0 to 5.0.0.
    #[derive(Default, Eq, Hash)]
    struct StartUpdateCacheOffset => StartUpdateCacheOffsetLayout =
        "D2H_EVENT_start_update_cache_offset_message_t", 8, V4_18..=V5_0
    {
        /// The caches, one bit for each.
        [0] cache_id_bitmask: u64 as Le64,
    }

    /// Throttling has changed. From 5.2.0.
    #[derive(Default, Eq, Hash)]
    struct ThrottlingStateChange => ThrottlingStateChangeLayout =
        "D2H_EVENT_throttling_state_change_message_t", 2, V5_2..=V5_2
    {
        /// The vendor's number of the state.
        [0] throttling_state: u16 as Le16,
    }
}

/// Streams were closed because of the temperature.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[doc(alias = "D2H_EVENT_health_monitor_closed_streams_event_message_t")]
pub struct ClosedStreams {
    /// The inputs, one bit for each; up to 4.20.1, 0 later.
    pub closed_input_streams: u32,
    /// The outputs, one bit for each; up to 4.20.1, 0 later.
    pub closed_output_streams: u32,
    /// The first sensor, in degrees Celsius.
    pub ts0_temperature: f32,
    /// The second sensor, in degrees Celsius.
    pub ts1_temperature: f32,
}

/// The current has entered another zone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[doc(alias = "D2H_EVENT_health_monitor_overcurrent_alert_event_message_t")]
pub struct OvercurrentAlert {
    /// The zone: 0 green, 1 red.
    pub overcurrent_zone: u32,
    /// The threshold that was exceeded, in milliamperes.
    pub exceeded_alert_threshold: f32,
    /// Whether the device will not do more against it.
    pub is_last_overcurrent_violation_reached: Bool,
}

/// A breakpoint was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "D2H_EVENT_context_switch_breakpoint_reached_event_message_t")]
pub struct BreakpointReached {
    /// The network group.
    pub application_index: u8,
    /// The batch; at most 65535 up to 4.23.0.
    pub batch_index: u32,
    /// The context.
    pub context_index: u16,
    /// The action.
    pub action_index: u16,
}

/// A network group has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "D2H_EVENT_context_switch_run_time_error_event_message_t")]
pub struct RunTimeError {
    /// Why: a [`FirmwareStatus`](crate::firmware::FirmwareStatus).
    pub exit_status: u32,
    /// The network group.
    pub application_index: u8,
    /// The batch; at most 65535 up to 4.23.0.
    pub batch_index: u32,
    /// The context.
    pub context_index: u16,
    /// The action.
    pub action_index: u16,
}

pub(super) mod varying {
    use super::*;

    layouts! {
        /// Up to 4.20.1.
        struct ClosedStreamsLayoutV4_17 for ClosedStreams =
            "D2H_EVENT_health_monitor_closed_streams_event_message_t", 16, V4_17..=V4_20
        {
            [0] closed_input_streams: Le32,
            [4] closed_output_streams: Le32,
            [8] ts0_temperature: LeF32,
            [12] ts1_temperature: LeF32,
        }
        /// From 4.21.0 on.
        struct ClosedStreamsLayoutV4_21 for ClosedStreams =
            "D2H_EVENT_health_monitor_closed_streams_event_message_t", 8, V4_21..=V5_2
        {
            [0] ts0_temperature: LeF32,
            [4] ts1_temperature: LeF32,
        }
        absent { closed_input_streams: 0, closed_output_streams: 0, }
        /// 4.17.0 and 4.17.1, not packed.
        struct OvercurrentAlertLayoutV4_17 for OvercurrentAlert =
            "D2H_EVENT_health_monitor_overcurrent_alert_event_message_t", 12, V4_17..=V4_17
        {
            [0] overcurrent_zone: Le32,
            [4] exceeded_alert_threshold: LeF32,
            [8] is_last_overcurrent_violation_reached: Padded<Bool, 3>,
        }
        /// From 4.18.0 on.
        struct OvercurrentAlertLayoutV4_18 for OvercurrentAlert =
            "D2H_EVENT_health_monitor_overcurrent_alert_event_message_t", 9, V4_18..=V5_2
        {
            [0] overcurrent_zone: Le32,
            [4] exceeded_alert_threshold: LeF32,
            [8] is_last_overcurrent_violation_reached: Bool,
        }
        /// 4.17.0 and 4.17.1, not packed.
        struct BreakpointReachedLayoutV4_17 for BreakpointReached =
            "D2H_EVENT_context_switch_breakpoint_reached_event_message_t", 8, V4_17..=V4_17
        {
            [0] application_index: Padded<u8, 1>,
            [2] batch_index: Le16,
            [4] context_index: Le16,
            [6] action_index: Le16,
        }
        /// 4.18.0 to 4.23.0.
        struct BreakpointReachedLayoutV4_18 for BreakpointReached =
            "D2H_EVENT_context_switch_breakpoint_reached_event_message_t", 7, V4_18..=V4_21
        {
            [0] application_index: u8,
            [1] batch_index: Le16,
            [3] context_index: Le16,
            [5] action_index: Le16,
        }
        /// From 5.0.0 on.
        struct BreakpointReachedLayoutV5_0 for BreakpointReached =
            "D2H_EVENT_context_switch_breakpoint_reached_event_message_t", 9, V5_0..=V5_2
        {
            [0] application_index: u8,
            [1] batch_index: Le32,
            [5] context_index: Le16,
            [7] action_index: Le16,
        }
        /// 4.17.0 and 4.17.1, not packed.
        struct RunTimeErrorLayoutV4_17 for RunTimeError =
            "D2H_EVENT_context_switch_run_time_error_event_message_t", 12, V4_17..=V4_17
        {
            [0] exit_status: Le32,
            [4] application_index: Padded<u8, 1>,
            [6] batch_index: Le16,
            [8] context_index: Le16,
            [10] action_index: Le16,
        }
        /// 4.18.0 to 4.23.0.
        struct RunTimeErrorLayoutV4_18 for RunTimeError =
            "D2H_EVENT_context_switch_run_time_error_event_message_t", 11, V4_18..=V4_21
        {
            [0] exit_status: Le32,
            [4] application_index: u8,
            [5] batch_index: Le16,
            [7] context_index: Le16,
            [9] action_index: Le16,
        }
        /// From 5.0.0 on.
        struct RunTimeErrorLayoutV5_0 for RunTimeError =
            "D2H_EVENT_context_switch_run_time_error_event_message_t", 13, V5_0..=V5_2
        {
            [0] exit_status: Le32,
            [4] batch_index: Le32,
            [8] context_index: Le16,
            [10] action_index: Le16,
            [12] application_index: u8,
        }
    }
}

/// The most bytes that a notification's message has in any generation.
pub const MAX_MESSAGE_SIZE: usize = size_of::<HostInfoLayout>();

/// The most bytes that the device keeps of a notification.
#[doc(alias = "D2H_EVENT_MAX_SIZE")]
pub const MAX_NOTIFICATION_SIZE: usize = 880;

/// [`NotificationBufferLayout::is_buffer_in_use`] while the driver has not fetched the notification.
#[doc(alias = "D2H_EVENT_BUFFER_IN_USE")]
pub const BUFFER_IN_USE: u16 = 1;
/// [`NotificationBufferLayout::is_buffer_in_use`] otherwise.
#[doc(alias = "D2H_EVENT_BUFFER_NOT_IN_USE")]
pub const BUFFER_NOT_IN_USE: u16 = 0;

described! {
    /// What precedes a notification's message.
    struct NotificationHeaderLayout = "D2H_EVENT_HEADER_t", 28, V4_17..=V5_2 {
        [0] version: Le32,
        [4] sequence: Le32,
        [8] priority: Le32,
        [12] module_id: Le32,
        [16] event_id: Le32,
        [20] parameter_count: Le32,
        [24] payload_length: Le32,
    }
}
described! {
    /// A notification with the longest message.
    struct NotificationLayout = "D2H_EVENT_MESSAGE_t", 48, V4_17..=V5_2 {
        [0] header: NotificationHeaderLayout,
        [28] message_parameters: [u8; MAX_MESSAGE_SIZE],
    }
}
described! {
    /// Where the device keeps a notification until the driver has fetched it.
    struct NotificationBufferLayout = "D2H_event_buffer_t", 884, V4_17..=V5_2 {
        [0] is_buffer_in_use: Le16,
        [2] buffer_len: Le16,
        [4] buffer: [u8; MAX_NOTIFICATION_SIZE],
    }
}

pub(crate) const ALL_LAYOUTS: &[&[LayoutInfo]] = &[
    LAYOUTS,
    varying::LAYOUTS,
    &[
        <NotificationHeaderLayout as Layout>::INFO,
        <NotificationLayout as Layout>::INFO,
        <NotificationBufferLayout as Layout>::INFO,
    ],
];
