//! Parameters of channels and their interrupts.

use crate::channels::ChannelBitmaps;

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

/// The interrupts of the channels that were waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterruptsWaitReply<'a> {
    pub(crate) channels_count: u8,
    pub(crate) entries: InterruptEntries<'a>,
}

/// Where the entries of an [`InterruptsWaitReply`] come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum InterruptEntries<'a> {
    Plain(&'a [ChannelInterrupt]),
    Wire { bytes: &'a [u8], size: usize, read: fn(&[u8]) -> Option<ChannelInterrupt> },
}

impl PartialEq for InterruptEntries<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && (0..self.len()).all(|index| self.get(index) == other.get(index))
    }
}

impl Eq for InterruptEntries<'_> {}

impl InterruptEntries<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Plain(entries) => entries.len(),
            Self::Wire { bytes, size, .. } => bytes.len() / size,
        }
    }

    fn get(&self, index: usize) -> Option<ChannelInterrupt> {
        match self {
            Self::Plain(entries) => entries.get(index).copied(),
            Self::Wire { bytes, size, read } => read(bytes.get(index * size..)?.get(..*size)?),
        }
    }
}

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
    pub fn iter(&self) -> impl Iterator<Item = ChannelInterrupt> + use<'a> {
        let entries = self.entries;
        (0..usize::from(self.channels_count)).map_while(move |index| entries.get(index))
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamps<'a> {
    pub(crate) timestamps_count: u32,
    pub(crate) entries: TimestampEntries<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum TimestampEntries<'a> {
    Plain(&'a [InterruptTimestamp]),
    Wire(&'a [u8]),
}

/// The size of one timestamp on the wire, in bytes.
pub(crate) const TIMESTAMP_SIZE: usize = 10;

impl TimestampEntries<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Plain(entries) => entries.len(),
            Self::Wire(bytes) => bytes.len() / TIMESTAMP_SIZE,
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<InterruptTimestamp> {
        match self {
            Self::Plain(entries) => entries.get(index).copied(),
            Self::Wire(bytes) => {
                let entry = bytes.get(index * TIMESTAMP_SIZE..)?.first_chunk::<TIMESTAMP_SIZE>()?;
                let (time, count) = entry.split_first_chunk::<8>()?;
                Some(InterruptTimestamp {
                    timestamp_ns: u64::from_le_bytes(*time),
                    desc_num_processed: u16::from_le_bytes(*count.first_chunk()?),
                })
            }
        }
    }
}

impl PartialEq for TimestampEntries<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && (0..self.len()).all(|index| self.get(index) == other.get(index))
    }
}

impl Eq for TimestampEntries<'_> {}

impl<'a> Timestamps<'a> {
    /// A reply with these timestamps.
    #[must_use]
    pub fn new(timestamps: &'a [InterruptTimestamp]) -> Self {
        let timestamps_count = u32::try_from(timestamps.len()).unwrap_or(u32::MAX);
        Self { timestamps_count, entries: TimestampEntries::Plain(timestamps) }
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
}
