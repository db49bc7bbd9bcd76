//! Which device a model is for, and which features of the file format it uses.

use std::fmt;

use super::error::Refusal;
use super::proto;

/// The kind of device that a model was compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(alias = "ProtoHEFHwArch")]
pub struct Architecture(i32);

impl Architecture {
    /// An early Hailo-8; no device accepts its files any more.
    pub const HAILO8: Self = Self(0);
    /// What files for a Hailo-8 carry.
    pub const HAILO8P: Self = Self(1);
    /// A Hailo-8 at another clock.
    pub const HAILO8R: Self = Self(2);
    /// Hailo-8L.
    pub const HAILO8L: Self = Self(3);
    /// Hailo-15M.
    pub const HAILO15M: Self = Self(4);
    /// Hailo-10H.
    pub const HAILO10H: Self = Self(5);
    /// Hailo-15L.
    pub const HAILO15L: Self = Self(6);
    /// Hailo-15H; since 5.1.0 Hailo-10H files carry it as well.
    pub const HAILO15H: Self = Self(103);

    /// The number in the file.
    #[must_use]
    pub const fn code(self) -> i32 {
        self.0
    }

    /// Whether the compiled network is laid out for several sets of clusters, one of which a device picks.
    #[must_use]
    pub const fn has_layouts(self) -> bool {
        self.0 == Self::HAILO8L.0
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::HAILO8 => "Hailo-8 (early)",
            Self::HAILO8P => "Hailo-8",
            Self::HAILO8R => "Hailo-8R",
            Self::HAILO8L => "Hailo-8L",
            Self::HAILO15M => "Hailo-15M",
            Self::HAILO10H => "Hailo-10H",
            Self::HAILO15L => "Hailo-15L",
            Self::HAILO15H => "Hailo-15H",
            Self(other) => return write!(f, "unknown architecture {other}"),
        })
    }
}

/// The features that a model file declares and that make a difference to a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "ProtoHEFExtensionType")]
pub struct Features {
    /// Extension 3: buffers in the host's memory between two layers of one context.
    pub padded_ddr_buffers: bool,
    /// Extension 4: compiled as several contexts.
    pub multi_context: bool,
    /// Optional extension 8: the networks of a group have batch sizes of their own, and layers say which is theirs.
    pub multi_network: bool,
    /// Optional extension 11: padding in the core is set up in the file.
    pub core_padding_in_file: bool,
    /// Extension 12: the preliminary context opens the data channels too.
    pub preliminary_run_asap: bool,
    /// Extension 13: the network is one operation among others.
    pub net_flow: bool,
    /// Extension 19: boxes of non-maximum suppression come in bursts.
    pub nms_output_burst: bool,
    /// Extension 20: an input and an output of one context may share a stream index.
    pub dual_direction_stream_index: bool,
    /// Extension 25: quantisation per feature.
    pub output_scale_per_feature: bool,
    /// Extension 28.
    pub batch_register_config: bool,
    /// Extension 32: the words may be mapped as they lie (here they are copied all the same).
    pub shared_config: bool,
}

/// The extensions that are known, from the first to the last of each range.
const KNOWN_EXTENSIONS: [std::ops::RangeInclusive<u32>; 2] = [0..=6, 9..=32];
/// Without it the sizes of stream buffers would have to be in the file.
const PERIPH_CALCULATION_IN_HAILORT: u32 = 26;
/// The first version of the container that may have [`Features::shared_config`].
const SHARED_CONFIG_SINCE: u32 = 3;

impl Features {
    /// Takes the declarations of a file whose container has version `container`, and refuses what is not known.
    pub(super) fn of(file: &proto::Hef, container: u32) -> Result<Self, Refusal> {
        let Some(header) = &file.header else {
            return Err(Refusal::invalid("the description has no header"));
        };
        if header.version == 0 {
            return Err(Refusal::unsupported(
                "it comes from a compiler that did not yet declare extensions (format version 0), \
                 so sizes that are computed at load time today are missing; compile it again",
            ));
        }
        let unknown: Vec<String> = file
            .extensions
            .iter()
            .filter(|extension| !KNOWN_EXTENSIONS.iter().any(|known| known.contains(&extension.type_index)))
            .map(|extension| format!("{} (`{}`)", extension.type_index, extension.name))
            .collect();
        if !unknown.is_empty() {
            return Err(Refusal::unsupported(format!(
                "it needs extensions that are not supported: {}",
                unknown.join(", ")
            )));
        }
        let has = |index| file.extensions.iter().any(|extension| extension.type_index == index);
        let may = |index| file.optional_extensions.iter().any(|extension| extension.type_index == index);
        if !has(PERIPH_CALCULATION_IN_HAILORT) {
            return Err(Refusal::unsupported(format!(
                "it lacks extension {PERIPH_CALCULATION_IN_HAILORT}, sizes of stream buffers computed at load time; \
                 compile it again with a newer compiler"
            )));
        }
        let shared_config = has(32);
        if shared_config && container < SHARED_CONFIG_SINCE {
            return Err(Refusal::unsupported(format!(
                "extension 32, shared configuration words, needs a container of version {SHARED_CONFIG_SINCE}, \
                 this one has version {container}"
            )));
        }
        Ok(Self {
            padded_ddr_buffers: has(3),
            multi_context: has(4),
            multi_network: may(8),
            core_padding_in_file: may(11),
            preliminary_run_asap: has(12),
            net_flow: has(13),
            nms_output_burst: has(19),
            dual_direction_stream_index: has(20),
            output_scale_per_feature: has(25),
            batch_register_config: has(28),
            shared_config,
        })
    }
}

/// `hw_arch` of the file.
pub(super) fn architecture(file: &proto::Hef) -> Architecture {
    Architecture(file.header.as_ref().map_or(0, |header| header.hw_arch))
}
