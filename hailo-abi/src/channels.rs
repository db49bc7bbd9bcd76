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

#[cfg(test)]
mod tests {
    extern crate std;

    use std::collections::BTreeSet;
    use std::string::ToString;

    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;

    fn sets() -> impl Strategy<Value = BTreeSet<ChannelId>> {
        // Few channels, so that two sets have some in common; some of them have no bit.
        let channel = (0u8..4, prop_oneof![0u8..4, 62u8..66]).prop_map(|(engine, index)| ChannelId { engine, index });
        btree_set(channel, 0..16)
    }

    fn has_bit(channel: &ChannelId) -> bool {
        usize::from(channel.engine) < MAX_VDMA_ENGINES && channel.index < 64
    }

    proptest! {
        #[test]
        fn bitmaps_are_sets(a in sets(), b in sets(), any in (0u8..5, 0u8..70)) {
            let (left, right): (ChannelBitmaps, ChannelBitmaps) = (a.iter().copied().collect(), b.iter().copied().collect());
            let (a, b): (BTreeSet<_>, BTreeSet<_>) =
                (a.into_iter().filter(has_bit).collect(), b.into_iter().filter(has_bit).collect());
            let any = ChannelId { engine: any.0, index: any.1 };
            prop_assert_eq!(left.contains(any), a.contains(&any));
            prop_assert_eq!(left.is_empty(), a.is_empty());
            prop_assert_eq!(left.iter().collect::<BTreeSet<_>>(), a.clone());
            prop_assert!(left.iter().is_sorted());
            prop_assert_eq!(left.intersection(right).iter().collect::<BTreeSet<_>>(), &a & &b);
            prop_assert_eq!(left.union(right).iter().collect::<BTreeSet<_>>(), &a | &b);
            prop_assert_eq!(left.difference(right).iter().collect::<BTreeSet<_>>(), &a - &b);
            let mut more = left;
            prop_assert_eq!(more.insert(any), has_bit(&any));
            prop_assert_eq!(more.contains(any), has_bit(&any));
            prop_assert_eq!(more.union(left), more);
        }
    }

    #[test]
    fn channels_are_numbered_as_pcie_boards_do() {
        assert!(ChannelId::new(15).is_to_device());
        assert!(!ChannelId::new(VDMA_DEST_CHANNELS_START).is_to_device());
        assert_eq!(
            ChannelBitmaps::engine0(0b101)
                .iter()
                .map(|channel| (channel.engine, channel.index))
                .collect::<std::vec::Vec<_>>(),
            [(0, 0), (0, 2)]
        );
        assert_eq!(ChannelId { engine: 1, index: 17 }.to_string(), "channel 17 of engine 1");
    }
}
