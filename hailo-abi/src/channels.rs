//! Channels and the bitmaps in which the driver takes them.

use core::fmt;

/// The most engines that a board can have (`MAX_VDMA_ENGINES`).
pub const MAX_VDMA_ENGINES: usize = 3;
/// The first channel from the device to the host on PCIe boards (`VDMA_DEST_CHANNELS_START`).
pub const VDMA_DEST_CHANNELS_START: u8 = 16;

/// A channel of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId {
    /// The engine, 0 to 2; 0 on PCIe boards.
    pub engine: u8,
    /// The channel within the engine: 0 to 15 towards the device, 16 to 31 towards the host on PCIe boards.
    pub index: u8,
}

impl ChannelId {
    /// Channel `index` of engine 0.
    #[must_use]
    pub const fn new(index: u8) -> Self {
        Self { engine: 0, index }
    }

    /// Whether bytes go from the host to the device, by the numbering of PCIe boards.
    #[must_use]
    pub const fn is_to_device(self) -> bool {
        self.index < VDMA_DEST_CHANNELS_START
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "channel {} of engine {}", self.index, self.engine)
    }
}

/// A set of channels: one bitmap per engine. 32 channels per engine can be named up to 4.23.0, 64 later (of which 40
/// exist).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ChannelBitmaps(pub [u64; MAX_VDMA_ENGINES]);

impl ChannelBitmaps {
    /// No channel.
    pub const EMPTY: Self = Self([0; MAX_VDMA_ENGINES]);

    /// These channels of engine 0.
    #[must_use]
    pub const fn engine0(bitmap: u64) -> Self {
        Self([bitmap, 0, 0])
    }

    /// Whether the channel is in the set.
    #[must_use]
    pub fn contains(&self, channel: ChannelId) -> bool {
        self.0
            .get(usize::from(channel.engine))
            .is_some_and(|bitmap| bitmap.checked_shr(channel.index.into()).is_some_and(|bits| bits & 1 != 0))
    }

    /// Adds a channel. Returns false, and changes nothing, if there is no bit for it.
    pub fn insert(&mut self, channel: ChannelId) -> bool {
        match (self.0.get_mut(usize::from(channel.engine)), 1u64.checked_shl(channel.index.into())) {
            (Some(bitmap), Some(bit)) => {
                *bitmap |= bit;
                true
            }
            _ => false,
        }
    }

    /// Whether the set has no channel.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0[0] == 0 && self.0[1] == 0 && self.0[2] == 0
    }

    /// The channels in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self([self.0[0] & other.0[0], self.0[1] & other.0[1], self.0[2] & other.0[2]])
    }

    /// The channels in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self([self.0[0] | other.0[0], self.0[1] | other.0[1], self.0[2] | other.0[2]])
    }

    /// The channels of this set that are not in `other`.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self([self.0[0] & !other.0[0], self.0[1] & !other.0[1], self.0[2] & !other.0[2]])
    }

    /// The channels in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = ChannelId> + use<> {
        let bitmaps = self.0;
        (0u8..).zip(bitmaps).flat_map(|(engine, bitmap)| {
            (0u8..64).filter(move |index| bitmap >> index & 1 != 0).map(move |index| ChannelId { engine, index })
        })
    }
}

impl FromIterator<ChannelId> for ChannelBitmaps {
    /// The set of these channels; those without a bit are left out.
    fn from_iter<I: IntoIterator<Item = ChannelId>>(channels: I) -> Self {
        let mut bitmaps = Self::EMPTY;
        for channel in channels {
            bitmaps.insert(channel);
        }
        bitmaps
    }
}
