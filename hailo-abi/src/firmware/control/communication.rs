//! The ways that a stream takes to the device, which [`ConfigStream`](super::ConfigStream) ends with.

use super::enums::{MipiDeskew, PcieDataflowType};
use crate::firmware::layout::{Be16, Be32, Bool, Le16, wire_structs};

wire_structs! {
    /// Sends an output over Ethernet.
    #[derive(Default, Eq, Hash)]
    struct UdpOutputParameters => UdpOutputParametersLayout =
        "CONTROL_PROTOCOL__udp_output_config_params_t", 12, V4_17..=V5_2
    {
        /// The host's port.
        [0] host_udp_port: u16 as Be16,
        /// The device's port.
        [2] chip_udp_port: u16 as Be16,
        /// The most bytes of a packet.
        [4] max_udp_payload_size: u16 as Be16,
        /// Whether frames are marked by packets.
        [6] should_send_sync_packets: Bool as Bool,
        /// How full the buffers may get.
        [7] buffers_threshold: u32 as Be32,
        /// Whether RTP is used.
        [11] use_rtp: Bool as Bool,
    }

    /// How the frames of an input are told apart.
    #[derive(Default, Eq, Hash)]
    struct UdpInputSync => UdpInputSyncLayout = "CONTROL_PROTOCOL__udp_input_config_sync_t", 11, V4_17..=V5_2 {
        /// Whether they are.
        [0] should_sync: Bool as Bool,
        /// Frames between two marks.
        [1] frames_per_sync: u32 as Be32,
        /// Packets of a frame.
        [5] packets_per_frame: u32 as Be32,
        /// Bytes of a mark.
        [9] sync_size: u16 as Be16,
    }

    /// Receives an input over Ethernet.
    #[derive(Default, Eq, Hash)]
    struct UdpInputParameters => UdpInputParametersLayout =
        "CONTROL_PROTOCOL__udp_input_config_params_t", 18, V4_17..=V5_2
    {
        /// The device's port.
        [0] listening_port: u16 as Be16,
        /// How frames are told apart.
        [2] sync: UdpInputSync as UdpInputSyncLayout,
        /// How full the buffers may get.
        [13] buffers_threshold: u32 as Be32,
        /// Whether RTP is used.
        [17] use_rtp: Bool as Bool,
    }

    /// What MIPI in and out have in common.
    #[derive(Default, Eq, Hash)]
    struct MipiCommonParameters => MipiCommonParametersLayout =
        "CONTROL_PROTOCOL__mipi_common_config_params_t", 13, V4_17..=V5_2
    {
        /// The vendor's number of the format.
        [0] data_type: u8 as u8,
        /// Width, in pixels.
        [1] img_width_pixels: u16 as Le16,
        /// Height, in pixels.
        [3] img_height_pixels: u16 as Le16,
        /// Pixels of a clock cycle.
        [5] pixels_per_clock: u8 as u8,
        /// Lanes.
        [6] number_of_lanes: u8 as u8,
        /// The vendor's number of the clock.
        [7] clock_selection: u8 as u8,
        /// The virtual channel.
        [8] virtual_channel_index: u8 as u8,
        /// Bits per second of a lane; the byte order is not confirmed by any recording.
        [9] data_rate: u32 as Be32,
    }

    /// What the image processor does.
    #[derive(Default, Eq, Hash)]
    struct IspParameters => IspParametersLayout = "CONTROL_PROTOCOL__isp_config_params_t", 21, V4_17..=V5_2 {
        /// Whether it is used.
        [0] isp_enable: Bool as Bool,
        /// The vendor's number of the order of colours.
        [1] isp_img_in_order: u8 as u8,
        /// The vendor's number of the format that comes out.
        [2] isp_img_out_data_type: u8 as u8,
        /// Whether it cuts.
        [3] isp_crop_enable: Bool as Bool,
        /// Width of what is left, in pixels.
        [4] isp_crop_output_width_pixels: u16 as Le16,
        /// Height of what is left, in pixels.
        [6] isp_crop_output_height_pixels: u16 as Le16,
        /// Where it begins, from the left, in pixels.
        [8] isp_crop_output_width_start_offset_pixels: u16 as Le16,
        /// Where it begins, from above, in pixels.
        [10] isp_crop_output_height_start_offset_pixels: u16 as Le16,
        /// Whether a test image is made.
        [12] isp_test_pattern_enable: Bool as Bool,
        /// Whether the configuration is left as it is.
        [13] isp_configuration_bypass: Bool as Bool,
        /// Whether exposure is automatic.
        [14] isp_run_time_ae_enable: Bool as Bool,
        /// Whether white balance is automatic.
        [15] isp_run_time_awb_enable: Bool as Bool,
        /// Whether what the vendor calls ADT is automatic.
        [16] isp_run_time_adt_enable: Bool as Bool,
        /// Whether focus is automatic.
        [17] isp_run_time_af_enable: Bool as Bool,
        /// Milliseconds between two calculations.
        [18] isp_run_time_calculations_interval_ms: u16 as Le16,
        /// The vendor's number of the mains' frequency.
        [20] isp_light_frequency: u8 as u8,
    }

    /// Receives an input from a camera.
    #[derive(Default, Eq, Hash)]
    struct MipiInputParameters => MipiInputParametersLayout =
        "CONTROL_PROTOCOL__mipi_input_config_params_t", 35, V4_17..=V5_2
    {
        /// What both directions have.
        [0] common_params: MipiCommonParameters as MipiCommonParametersLayout,
        /// The receiver.
        [13] mipi_rx_id: u8 as u8,
        /// What the image processor does.
        [14] isp_params: IspParameters as IspParametersLayout,
    }

    /// Sends an output over MIPI.
    #[derive(Default, Eq, Hash)]
    struct MipiOutputParameters => MipiOutputParametersLayout =
        "CONTROL_PROTOCOL__mipi_output_config_params_t", 16, V4_17..=V5_2
    {
        /// What both directions have.
        [0] common_params: MipiCommonParameters as MipiCommonParametersLayout,
        /// The transmitter.
        [13] mipi_tx_id: u8 as u8,
        /// How full the queue may get, in percent.
        [14] fifo_threshold_percent: u8 as u8,
        /// How skew is corrected.
        [15] deskew_enable: MipiDeskew as u8,
    }

    /// Receives an input over PCIe.
    #[derive(Default, Eq, Hash)]
    struct PcieInputParameters => PcieInputParametersLayout =
        "CONTROL_PROTOCOL__pcie_input_config_params_t", 2, V4_17..=V5_2
    {
        /// The channel.
        [0] pcie_channel_index: u8 as u8,
        /// Which words it is made of.
        [1] pcie_dataflow_type: PcieDataflowType as u8,
    }

    /// Sends an output over PCIe.
    #[derive(Default, Eq, Hash)]
    struct PcieOutputParameters => PcieOutputParametersLayout =
        "CONTROL_PROTOCOL__pcie_output_config_params_t", 3, V4_17..=V5_2
    {
        /// The channel.
        [0] pcie_channel_index: u8 as u8,
        /// Bytes of a descriptor's page.
        [1] desc_page_size: u16 as Le16,
    }

    /// Configures the bridge between the core's buses.
    #[derive(Default, Eq, Hash)]
    struct AhbToAxiParameters => AhbToAxiParametersLayout =
        "CONTROL_PROTOCOL__config_ahb_to_axi_params_t", 1, V4_17..=V5_2
    {
        /// Whether only 64-bit data is used.
        [0] enable_use_64bit_data_only: Bool as Bool,
    }
}
