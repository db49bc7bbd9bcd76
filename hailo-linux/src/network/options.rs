//! What a plan depends on besides the model: the user's wishes and the device.

use hailo_abi::firmware::FirmwareInterface;

use crate::hef::{Architecture, LibraryStatus, Refusal};

/// How much is done to save power.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "hailo_power_mode_t")]
pub enum PowerMode {
    /// Streams are fed in large buffers.
    #[default]
    Performance,
    /// Streams are fed in the core's own portions, as early as possible.
    UltraPerformance,
}

/// What a user may choose when a model is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "hailo_configure_network_group_params_t")]
pub struct Options {
    /// Frames that the device takes in one go, 0 to 63; 0 is the same as 1.
    pub batch_size: u16,
    /// How streams are fed.
    pub power_mode: PowerMode,
    /// The greatest page of a descriptor list, where it should be less than what the device can do: a power of two
    /// from 64 to 4096 bytes.
    #[doc(alias = "desc_max_page_size")]
    pub page_size: Option<u16>,
}

/// What a plan has to know of the device before it is asked for its [`HardwareConstants`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceFacts {
    /// `device_architecture` of IDENTIFY: 1 for a Hailo-8, 2 for a Hailo-8L.
    pub architecture: u32,
    /// `partial_clusters_layout_bitmap` of GET_DEVICE_INFORMATION: the clusters that a Hailo-8L has.
    pub clusters: u32,
    /// The protocol of its firmware.
    pub firmware: FirmwareInterface,
    /// `desc_max_page_size` of HAILO_QUERY_DEVICE_PROPERTIES, in bytes.
    pub desc_max_page_size: u16,
}

/// The answer to GET_HW_CONSTS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "CONTROL_PROTOCOL__hw_consts_t")]
pub struct HardwareConstants {
    /// Bytes of a word of a stream's memory.
    pub fifo_word_granularity_bytes: u32,
    /// Buffers per frame on the host's side, at most.
    pub max_periph_buffers_per_frame: u16,
    /// Bytes per buffer on the host's side, at most.
    pub max_periph_bytes_per_buffer: u16,
    /// Bytes per buffer that the core accepts, at most.
    pub max_acceptable_bytes_per_buffer: u16,
    /// Bytes of the memory of an outgoing stream.
    pub outbound_data_stream_size: u32,
    /// Whether larger buffers are better.
    pub should_optimize_credits: bool,
    /// Credits of a stream of which the model does not say otherwise, in bytes.
    pub default_initial_credit_size: u32,
}

/// The most frames in one go.
const MAX_BATCH: u16 = 63;
/// The page of a descriptor list, where nothing demands another.
const DEFAULT_PAGE: u32 = 512;
/// Pages that the hardware can do, in bytes.
const PAGES: std::ops::RangeInclusive<u32> = 64..=4096;

/// `device_architecture` of the devices that a model of this family runs on.
const HAILO8: u32 = 1;
const HAILO8L: u32 = 2;

/// Wishes and device together, checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) batch: u32,
    pub(super) firmware: FirmwareInterface,
    /// The greatest page.
    pub(super) max_page: u32,
    /// The ordinary page.
    pub(super) page: u32,
    pub(super) power_mode: PowerMode,
    /// Which compiled network of a model with several fits the device.
    pub(super) layout: Option<u32>,
}

impl Setting {
    pub(super) fn new(architecture: Architecture, options: &Options, facts: &DeviceFacts) -> Result<Self, Refusal> {
        let accepted: &[Architecture] = match facts.architecture {
            HAILO8 => &[Architecture::HAILO8P, Architecture::HAILO8R, Architecture::HAILO8L],
            HAILO8L => &[Architecture::HAILO8L],
            _ => &[],
        };
        if !accepted.contains(&architecture) {
            let device = match facts.architecture {
                HAILO8 => "Hailo-8".to_owned(),
                HAILO8L => "Hailo-8L".to_owned(),
                other => format!("device of architecture {other}"),
            };
            return Err(Refusal::new(
                LibraryStatus::HefNotCompatibleWithDevice,
                format!(
                    "the model was compiled for a {architecture} (architecture {} in the file), this is a {device}; \
                     compile it for this device",
                    architecture.code()
                ),
            ));
        }
        let batch = options.batch_size.max(1);
        if batch > MAX_BATCH {
            return Err(Refusal::argument(format!("a batch of {batch} frames, the greatest is {MAX_BATCH}")));
        }
        let max_page = options.page_size.map_or(facts.desc_max_page_size, |page| page.min(facts.desc_max_page_size));
        let max_page = u32::from(max_page).min(*PAGES.end());
        if !max_page.is_power_of_two() || !PAGES.contains(&max_page) {
            return Err(Refusal::argument(format!(
                "pages of {max_page} bytes; a descriptor list has pages of a power of two from {} to {} bytes",
                PAGES.start(),
                PAGES.end()
            )));
        }
        Ok(Self {
            batch: batch.into(),
            firmware: facts.firmware,
            max_page,
            page: max_page.min(DEFAULT_PAGE),
            power_mode: options.power_mode,
            layout: (architecture == Architecture::HAILO8L && facts.architecture == HAILO8L).then_some(facts.clusters),
        })
    }
}
