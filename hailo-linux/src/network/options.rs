//! What a plan depends on besides the model: the user's wishes and the device.

use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::control::DeviceArchitecture;

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

/// How frames are given to a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Api {
    /// Frames are copied into and out of rings of the library's, which stay programmed; results are fetched ahead. (The
    /// vendor's synchronous streams.)
    #[default]
    Blocking,
    /// Frames are in buffers of the caller's, which are launched as they are and come back; only boxes of non-maximum
    /// suppression take the way of the other form before they get there. (The vendor's asynchronous streams.)
    Pipelined,
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
    /// How frames will be given to the network.
    pub api: Api,
}

/// What a plan has to know of the device before it is asked for its constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceFacts {
    /// What IDENTIFY says that it is.
    pub architecture: DeviceArchitecture,
    /// `partial_clusters_layout_bitmap` of GET_DEVICE_INFORMATION: the clusters that a Hailo-8L has.
    pub clusters: u32,
    /// The protocol of its firmware.
    pub firmware: FirmwareInterface,
    /// `desc_max_page_size` of HAILO_QUERY_DEVICE_PROPERTIES, in bytes.
    pub desc_max_page_size: u16,
}

/// The most frames in one go.
const MAX_BATCH: u16 = 63;
/// The page of a descriptor list, where nothing demands another.
const DEFAULT_PAGE: u32 = 512;
/// Pages that the hardware can do, in bytes.
const PAGES: std::ops::RangeInclusive<u32> = 64..=4096;

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
            DeviceArchitecture::HAILO8 => &[Architecture::HAILO8P, Architecture::HAILO8R, Architecture::HAILO8L],
            DeviceArchitecture::HAILO8L => &[Architecture::HAILO8L],
            _ => &[],
        };
        if !accepted.contains(&architecture) {
            let device = match facts.architecture {
                DeviceArchitecture::HAILO8 => "Hailo-8".to_owned(),
                DeviceArchitecture::HAILO8L => "Hailo-8L".to_owned(),
                other => format!("device of architecture {}", other.0),
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
            layout: (architecture == Architecture::HAILO8L && facts.architecture == DeviceArchitecture::HAILO8L)
                .then_some(facts.clusters),
        })
    }
}
