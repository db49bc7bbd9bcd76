//! Which firmware speaks which protocol.
//!
//! A firmware is known by what it says when it is identified: a major, a minor and a revision number.
//! Major and minor choose the protocol, as the vendor does it; revisions of one minor release share it
//! but for one or two notifications.

use core::fmt;

use super::layout::Le32;
use super::layout::layouts;

/// The version of a firmware as it names itself, without the flag bits of the revision.
///
/// ```
/// use hailo_abi::firmware::{FirmwareInterface, FirmwareRelease};
///
/// let release = FirmwareRelease::new(4, 23, 0);
/// assert_eq!(release.interface(), Some(FirmwareInterface::V4_21));
/// assert_eq!(FirmwareRelease::new(4, 24, 0).interface(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FirmwareRelease {
    /// The major number.
    pub major: u32,
    /// The minor number.
    pub minor: u32,
    /// The revision (patch) number, 0 to 2²⁷ − 1.
    pub revision: u32,
}

impl FirmwareRelease {
    /// The release with these three numbers.
    pub const fn new(major: u32, minor: u32, revision: u32) -> Self {
        Self { major, minor, revision }
    }

    /// The protocol that this firmware speaks, or `None` for a release that is not in [`RELEASES`] by its
    /// major and minor number: such a firmware is only given the controls that all known releases have in common
    /// ([`Opcode::is_release_independent`](super::control::Opcode::is_release_independent)).
    pub fn interface(self) -> Option<FirmwareInterface> {
        let mut newest_first = RELEASES.iter().rev();
        newest_first.find_map(|&(release, interface)| {
            (release.matches(self) && release.revision <= self.revision).then_some(interface)
        })
    }

    /// Whether both have the same major and minor number, which is all that the vendor compares.
    pub const fn matches(self, other: Self) -> bool {
        self.major == other.major && self.minor == other.minor
    }
}

impl fmt::Display for FirmwareRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.revision)
    }
}

/// A distinct generation of the firmware protocol, named by its first release; later ones compare greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FirmwareInterface {
    /// 4.17.0 and 4.17.1: the oldest one; contexts of at most 3072 bytes, no caches.
    V4_17,
    /// 4.18.0: caches, contexts of at most 4096 bytes, packed notification messages.
    V4_18,
    /// 4.19.0: the actions that sleep and halt, idle time beside the action list that is read back.
    V4_19,
    /// 4.20.0 and 4.20.1: the cache controls lose their parameters.
    V4_20,
    /// 4.21.0 to 4.23.0: one batch size and the configuration channels in the network group header.
    V4_21,
    /// 5.0.0: 40 channels an engine, 24 configuration channels, wider batch indices.
    V5_0,
    /// 5.0.1: no cache notification, another header magic of one chip.
    V5_0_1,
    /// 5.1.0: wider buffer counts of a stream, one more feature flag, no power mode.
    V5_1,
    /// 5.1.1: a notification for a check sum error of the core.
    V5_1_1,
    /// 5.2.0: a notification for changes of throttling.
    V5_2,
}

impl FirmwareInterface {
    /// The oldest generation.
    pub const OLDEST: Self = Self::V4_17;
    /// The newest generation.
    pub const NEWEST: Self = Self::V5_2;
    /// The generation by which controls are written and read that are the same in all
    /// ([`Opcode::is_release_independent`](super::control::Opcode::is_release_independent)), when the firmware's own is not
    /// known.
    pub const RELEASE_INDEPENDENT: Self = Self::NEWEST;

    /// All generations, oldest first.
    pub const ALL: [Self; 10] = [
        Self::V4_17,
        Self::V4_18,
        Self::V4_19,
        Self::V4_20,
        Self::V4_21,
        Self::V5_0,
        Self::V5_0_1,
        Self::V5_1,
        Self::V5_1_1,
        Self::V5_2,
    ];

    /// The first release that speaks this protocol.
    pub fn first_release(self) -> FirmwareRelease {
        RELEASES
            .iter()
            .find_map(|&(release, interface)| (interface == self).then_some(release))
            .unwrap_or(FirmwareRelease::new(0, 0, 0))
    }

    /// The largest context that this firmware stores, in bytes of its action list
    /// (`CONTROL_PROTOCOL__MAX_CONTEXT_SIZE`).
    pub const fn max_context_size(self) -> usize {
        if matches!(self, Self::V4_17) { 3072 } else { 4096 }
    }

    /// How many configuration channels a network group may have (`CONTROL_PROTOCOL__MAX_CFG_CHANNELS`).
    pub const fn max_config_channels(self) -> usize {
        if self.is_five() { 24 } else { 4 }
    }

    /// How many network groups the firmware keeps at a time
    /// (`CONTROL_PROTOCOL__MAX_CONTEXT_SWITCH_APPLICATIONS`).
    pub const fn max_applications(self) -> usize {
        if self.is_five() { 26 } else { 32 }
    }

    /// How many vDMA channels an engine has as the firmware counts them
    /// (`CONTROL_PROTOCOL__MAX_VDMA_CHANNELS_PER_ENGINE`).
    pub const fn max_channels_per_engine(self) -> u8 {
        if self.is_five() { 40 } else { 32 }
    }

    /// Channels of all three engines together
    /// (`CONTROL_PROTOCOL__MAX_TOTAL_CHANNEL_COUNT`).
    pub const fn max_total_channels(self) -> usize {
        if self.is_five() { 120 } else { 96 }
    }

    /// The most bytes of an action list that one answer carries when it is read back
    /// (`CONTROL_PROTOCOL__ACTION_LIST_RESPONSE_MAX_SIZE`).
    pub const fn max_action_list_response(self) -> usize {
        if matches!(self, Self::V4_17 | Self::V4_18) { 1447 } else { 1439 }
    }

    pub(crate) const fn is_five(self) -> bool {
        !matches!(self, Self::V4_17 | Self::V4_18 | Self::V4_19 | Self::V4_20 | Self::V4_21)
    }
}

impl fmt::Display for FirmwareInterface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first_release().fmt(f)
    }
}

/// Every known release and its protocol, oldest first.
pub const RELEASES: &[(FirmwareRelease, FirmwareInterface)] = &[
    (FirmwareRelease::new(4, 17, 0), FirmwareInterface::V4_17),
    (FirmwareRelease::new(4, 17, 1), FirmwareInterface::V4_17),
    (FirmwareRelease::new(4, 18, 0), FirmwareInterface::V4_18),
    (FirmwareRelease::new(4, 19, 0), FirmwareInterface::V4_19),
    (FirmwareRelease::new(4, 20, 0), FirmwareInterface::V4_20),
    (FirmwareRelease::new(4, 20, 1), FirmwareInterface::V4_20),
    (FirmwareRelease::new(4, 21, 0), FirmwareInterface::V4_21),
    (FirmwareRelease::new(4, 22, 0), FirmwareInterface::V4_21),
    (FirmwareRelease::new(4, 23, 0), FirmwareInterface::V4_21),
    (FirmwareRelease::new(5, 0, 0), FirmwareInterface::V5_0),
    (FirmwareRelease::new(5, 0, 1), FirmwareInterface::V5_0_1),
    (FirmwareRelease::new(5, 1, 0), FirmwareInterface::V5_1),
    (FirmwareRelease::new(5, 1, 1), FirmwareInterface::V5_1_1),
    (FirmwareRelease::new(5, 2, 0), FirmwareInterface::V5_2),
];

/// The known releases in words, by what the protocol follows.
///
/// ```
/// assert_eq!(hailo_abi::firmware::KnownReleases.to_string(), "4.17 to 4.23, 5.0 to 5.2");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownReleases;

impl fmt::Display for KnownReleases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let releases = || RELEASES.iter().map(|&(release, _)| release);
        let is_known = |major, minor| releases().any(|release| (release.major, release.minor) == (major, minor));
        let mut separator = "";
        // Each first minor release of a row without gaps, and the last of that row.
        for FirmwareRelease { major, minor, .. } in releases().filter(|release| release.revision == 0) {
            if minor.checked_sub(1).is_some_and(|before| is_known(major, before)) {
                continue;
            }
            let last = (minor..).take_while(|&minor| is_known(major, minor)).last().unwrap_or(minor);
            write!(f, "{separator}{major}.{minor}")?;
            if last > minor {
                write!(f, " to {major}.{last}")?;
            }
            separator = ", ";
        }
        Ok(())
    }
}

/// The version words of a firmware, with the flags that share the revision's word.
///
/// The core processor's firmware has the flag [`Self::CORE`], the application processor's has not; an answer
/// that says otherwise is not to be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "firmware_version_t")]
pub struct FirmwareVersion {
    /// The major number.
    pub firmware_major: u32,
    /// The minor number.
    pub firmware_minor: u32,
    /// The revision in bits 0–26, flags above.
    pub firmware_revision: u32,
}

impl FirmwareVersion {
    /// Bits of the revision word that hold the revision number.
    pub const REVISION_NUMBER_MASK: u32 = (1 << 27) - 1;
    /// Flag: this firmware is the core processor's.
    #[doc(alias = "REVISION_APP_CORE_FLAG_BIT_MASK")]
    pub const CORE: u32 = 1 << 27;
    /// Flag: the firmware has extended checks (from 5.0.1; reserved before).
    #[doc(alias = "REVISION_EXTENDED_FW_CHECK_FLAG_BIT_MASK")]
    #[doc(alias = "REVISION_RESERVED_0_FLAG_BIT_MASK")]
    pub const EXTENDED_FW_CHECK: u32 = 1 << 28;
    /// Flag: the firmware has an extended context switch buffer.
    #[doc(alias = "REVISION_EXTENDED_CONTEXT_SWITCH_BUFFER_FLAG_BIT_MASK")]
    pub const EXTENDED_CONTEXT_SWITCH_BUFFER: u32 = 1 << 29;
    /// Flag: a development build, not a release.
    #[doc(alias = "REVISION_DEV_FLAG_BIT_MASK")]
    pub const DEVELOPMENT: u32 = 1 << 30;
    /// Flag: a second stage boot loader, not a firmware.
    #[doc(alias = "REVISION_SECOND_STAGE_FLAG_BIT_MASK")]
    pub const SECOND_STAGE: u32 = 1 << 31;

    /// The version words of a release with the given flags (of the constants of this type).
    pub const fn new(release: FirmwareRelease, flags: u32) -> Self {
        Self {
            firmware_major: release.major,
            firmware_minor: release.minor,
            firmware_revision: (release.revision & Self::REVISION_NUMBER_MASK) | (flags & !Self::REVISION_NUMBER_MASK),
        }
    }

    /// The three numbers without flags.
    pub const fn release(self) -> FirmwareRelease {
        FirmwareRelease::new(
            self.firmware_major,
            self.firmware_minor,
            self.firmware_revision & Self::REVISION_NUMBER_MASK,
        )
    }

    /// Whether all of the given flags are set.
    pub const fn has(self, flags: u32) -> bool {
        self.firmware_revision & flags == flags
    }
}

layouts! {
    /// The version words in little-endian order, as IDENTIFY and CORE_IDENTIFY answer them.
    struct FirmwareVersionLayout for FirmwareVersion = "firmware_version_t", 12, V4_17..=V5_2 {
        [0] firmware_major: Le32,
        [4] firmware_minor: Le32,
        [8] firmware_revision: Le32,
    }
}
