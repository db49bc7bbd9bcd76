//! Parameters of channels and their interrupts.

use zerocopy::little_endian::U32;

use crate::argument::Inexpressible;
use crate::channels::ChannelBitmaps;
use crate::{v4_17_0, v4_18_0, v4_21_0};

/// Enables channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnableChannels {
    /// Which.
    pub channels: ChannelBitmaps,
    /// Whether to keep the times of their interrupts (up to 5.2.0).
    pub enable_timestamps_measure: bool,
}

/// Disables channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DisableChannels {
    /// Which.
    pub channels: ChannelBitmaps,
}

/// Waits until one of the channels was interrupted or disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InterruptsWait {
    /// Which.
    pub channels: ChannelBitmaps,
}

/// What happened on one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelInterrupt {
    /// The engine, 0 to 2.
    pub engine_index: u8,
    /// The channel within the engine.
    pub channel_index: u8,
    /// Whether the channel runs. Since 4.21.0, `data` 0xff says that it does not.
    pub is_active: bool,
    /// How far it got.
    pub progress: Progress,
    /// The error bits of the host's side (up to 4.20.1).
    pub host_error: u8,
    /// The error bits of the device's side (up to 4.20.1).
    pub device_error: u8,
    /// Whether the descriptors looked as they should. Since 4.21.0, `data` 0xfe says that they did not.
    pub validation_success: bool,
}

/// How far a channel got since the last wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// So many transfers were completed (since 4.18.0).
    Transfers(u8),
    /// The hardware's counter of processed descriptors, modulo the list's count (4.17).
    Descriptors(u16),
}

/// One entry of a wait's answer, as some release writes it.
pub(crate) trait InterruptEntry: Sized {
    /// What happened, whatever the release.
    fn interrupt(&self) -> ChannelInterrupt;

    /// The entry that says this.
    fn from_interrupt(interrupt: &ChannelInterrupt) -> Result<Self, Inexpressible>;
}

/// The interrupts of the channels that were waited for.
#[derive(Clone, Copy, Debug)]
pub struct InterruptsWaitReply<'a> {
    pub(crate) channels_count: u8,
    pub(crate) entries: InterruptEntries<'a>,
}

/// Where the entries of an [`InterruptsWaitReply`] come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum InterruptEntries<'a> {
    Plain(&'a [ChannelInterrupt]),
    /// Argument of 4.17.
    Descriptors(&'a [v4_17_0::InterruptsChannelData]),
    /// Argument of 4.18.0 to 4.20.1.
    Transfers(&'a [v4_18_0::InterruptsChannelData]),
    /// Argument since 4.21.0.
    Data(&'a [v4_21_0::InterruptsChannelData]),
}

impl InterruptEntries<'_> {
    #[inline]
    fn get(&self, index: usize) -> Option<ChannelInterrupt> {
        match self {
            Self::Plain(entries) => entries.get(index).copied(),
            Self::Descriptors(entries) => entries.get(index).map(InterruptEntry::interrupt),
            Self::Transfers(entries) => entries.get(index).map(InterruptEntry::interrupt),
            Self::Data(entries) => entries.get(index).map(InterruptEntry::interrupt),
        }
    }
}

impl PartialEq for InterruptsWaitReply<'_> {
    /// Whether both report the same; what stands behind the reported entries does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.channels_count == other.channels_count && self.iter().eq(other.iter())
    }
}

impl Eq for InterruptsWaitReply<'_> {}

impl<'a> InterruptsWaitReply<'a> {
    /// A reply with these interrupts (at most 255 are counted; encoding refuses more than the interface has room for).
    #[must_use]
    pub fn new(interrupts: &'a [ChannelInterrupt]) -> Self {
        let channels_count = u8::try_from(interrupts.len()).unwrap_or(u8::MAX);
        Self { channels_count, entries: InterruptEntries::Plain(interrupts) }
    }

    /// How many channels the driver says it reports; not to be trusted: [`iter`](Self::iter) stops at what is there.
    #[must_use]
    pub fn channels_count(&self) -> u8 {
        self.channels_count
    }

    /// The interrupts.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = ChannelInterrupt> + use<'a> {
        let entries = self.entries;
        (0..usize::from(self.channels_count)).map_while(move |index| entries.get(index))
    }

    /// Writes count and entries; entries behind them stay as they are.
    pub(crate) fn write<E: InterruptEntry>(&self, count: &mut u8, entries: &mut [E]) -> Result<(), Inexpressible> {
        // An answer may claim more entries than it has; in the room of another release they would be taken for real ones.
        let last = usize::from(self.channels_count).checked_sub(1);
        if last.is_some_and(|last| last >= entries.len() || self.entries.get(last).is_none()) {
            return Err(Inexpressible("channels_count"));
        }
        for (entry, interrupt) in entries.iter_mut().zip(self.iter()) {
            *entry = E::from_interrupt(&interrupt)?;
        }
        *count = self.channels_count;
        Ok(())
    }
}

/// Reads the times of a channel's interrupts (up to 5.2.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InterruptsReadTimestamps {
    /// The engine; only 0 has any.
    pub engine_index: u8,
    /// The channel within the engine.
    pub channel_index: u8,
}

/// When an interrupt came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct InterruptTimestamp {
    /// Nanoseconds of the kernel's monotonic clock.
    pub timestamp_ns: u64,
    /// The hardware's counter of processed descriptors at that time.
    pub desc_num_processed: u16,
}

/// The times of a channel's interrupts, at most 255.
#[derive(Clone, Copy, Debug)]
pub struct Timestamps<'a> {
    timestamps_count: u32,
    entries: TimestampEntries<'a>,
}

#[derive(Clone, Copy, Debug)]
enum TimestampEntries<'a> {
    Plain(&'a [InterruptTimestamp]),
    Wire(&'a [v4_17_0::ChannelInterruptTimestamp]),
}

impl TimestampEntries<'_> {
    fn get(&self, index: usize) -> Option<InterruptTimestamp> {
        match self {
            Self::Plain(entries) => entries.get(index).copied(),
            Self::Wire(entries) => entries.get(index).copied().map(Into::into),
        }
    }
}

impl PartialEq for Timestamps<'_> {
    /// Whether both report the same; what stands behind the reported entries does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.timestamps_count == other.timestamps_count && self.iter().eq(other.iter())
    }
}

impl Eq for Timestamps<'_> {}

impl<'a> Timestamps<'a> {
    /// A reply with these timestamps (encoding refuses more than 256).
    #[must_use]
    pub fn new(timestamps: &'a [InterruptTimestamp]) -> Self {
        let timestamps_count = u32::try_from(timestamps.len()).unwrap_or(u32::MAX);
        Self { timestamps_count, entries: TimestampEntries::Plain(timestamps) }
    }

    pub(crate) fn from_wire(timestamps_count: u32, timestamps: &'a [v4_17_0::ChannelInterruptTimestamp]) -> Self {
        Self { timestamps_count, entries: TimestampEntries::Wire(timestamps) }
    }

    /// How many there are, as the driver says; not to be trusted.
    #[must_use]
    pub fn timestamps_count(&self) -> u32 {
        self.timestamps_count
    }

    /// The timestamps.
    pub fn iter(&self) -> impl Iterator<Item = InterruptTimestamp> + use<'a> {
        let entries = self.entries;
        let count = usize::try_from(self.timestamps_count).unwrap_or(usize::MAX);
        (0..count).map_while(move |index| entries.get(index))
    }

    /// Writes count and timestamps; those behind them stay as they are.
    pub(crate) fn write(
        &self,
        count: &mut U32,
        timestamps: &mut [v4_17_0::ChannelInterruptTimestamp],
    ) -> Result<(), Inexpressible> {
        if usize::try_from(self.timestamps_count).is_ok_and(|count| count <= timestamps.len()) {
            for (field, timestamp) in timestamps.iter_mut().zip(self.iter()) {
                *field = timestamp.into();
            }
            count.set(self.timestamps_count);
            Ok(())
        } else {
            Err(Inexpressible("timestamps_count"))
        }
    }
}
