//! Channels, their interrupts and the times of these.

use zerocopy::little_endian::{U16, U32, U64};

use crate::argument::{Argument, Inexpressible, argument};
use crate::channels::MAX_VDMA_ENGINES;
use crate::command::{
    self, ChannelInterrupt, Command, InterruptEntry, InterruptTimestamp, Progress, Reply, Timestamps,
};
use crate::wire::{Bool, wire};

/// The most channels of an engine up to 4.23.0 (`MAX_VDMA_CHANNELS_PER_ENGINE`).
pub const MAX_VDMA_CHANNELS_PER_ENGINE: usize = 32;
/// How many interrupt times of a channel the driver has room for (`CHANNEL_IRQ_TIMESTAMPS_SIZE`, up to 5.2.0).
pub const CHANNEL_IRQ_TIMESTAMPS_SIZE: usize = 256;

wire! {
    /// Enables the interrupts of channels. Later releases name the same bytes [`EnableChannels`](crate::v4_18_0::EnableChannels).
    "hailo_vdma_interrupts_enable_params", 13;
    pub struct InterruptsEnable {
        /// *in*: one bit for each channel, one word for each engine.
        0 => channels_bitmap_per_engine: [U32; MAX_VDMA_ENGINES],
        /// *in*: whether to keep the times of their interrupts.
        12 => enable_timestamps_measure: Bool,
    }
}

argument! {
    InterruptsEnable: EnableChannels
    in { enable_timestamps_measure }
    renamed { channels_bitmap_per_engine = channels }
}

wire! {
    /// Disables the interrupts of channels. Later releases name the same bytes
    /// [`DisableChannels`](crate::v4_18_0::DisableChannels).
    "hailo_vdma_interrupts_disable_params", 12;
    pub struct InterruptsDisable {
        /// *in*: one bit for each channel, one word for each engine.
        0 => channels_bitmap_per_engine: [U32; MAX_VDMA_ENGINES],
    }
}

argument! {
    InterruptsDisable: DisableChannels
    renamed { channels_bitmap_per_engine = channels }
}

wire! {
    /// What happened on one channel. The driver counts descriptors, not transfers.
    "hailo_vdma_interrupts_channel_data", 8;
    pub struct InterruptsChannelData {
        /// *out*: the engine.
        0 => engine_index: u8,
        /// *out*: the channel.
        1 => channel_index: u8,
        /// *out*: whether the channel runs.
        2 => is_active: Bool,
        /// *out*: the hardware's counter of processed descriptors, modulo the list's count.
        3 => host_num_processed: U16,
        /// *out*: the error bits of the host's side.
        5 => host_error: u8,
        /// *out*: the error bits of the device's side.
        6 => device_error: u8,
        /// *out*: whether the descriptors looked as they should; only checked with `is_debug`.
        7 => validation_success: Bool,
    }
}

impl InterruptEntry for InterruptsChannelData {
    fn interrupt(&self) -> ChannelInterrupt {
        ChannelInterrupt {
            engine_index: self.engine_index,
            channel_index: self.channel_index,
            is_active: self.is_active(),
            progress: Progress::Descriptors(self.host_num_processed()),
            host_error: self.host_error,
            device_error: self.device_error,
            validation_success: self.validation_success(),
        }
    }

    fn from_interrupt(interrupt: &ChannelInterrupt) -> Result<Self, Inexpressible> {
        let Progress::Descriptors(processed) = interrupt.progress else { return Err(Inexpressible("progress")) };
        Ok(Self {
            engine_index: interrupt.engine_index,
            channel_index: interrupt.channel_index,
            is_active: Bool::new(interrupt.is_active),
            host_num_processed: U16::new(processed),
            host_error: interrupt.host_error,
            device_error: interrupt.device_error,
            validation_success: Bool::new(interrupt.validation_success),
        })
    }
}

wire! {
    /// Waits for interrupts of channels.
    "hailo_vdma_interrupts_wait_params", 781;
    pub struct InterruptsWait {
        /// *in*: one bit for each channel, one word for each engine.
        0 => channels_bitmap_per_engine: [U32; MAX_VDMA_ENGINES],
        /// *out*: how many entries of `irq_data` were written.
        12 => channels_count: u8,
        /// *out*: what happened.
        13 => irq_data: [InterruptsChannelData; MAX_VDMA_ENGINES * MAX_VDMA_CHANNELS_PER_ENGINE],
    }
}

/// Implements [`Argument`] for the argument of a wait, whose entries have the given variant of `InterruptEntries`.
macro_rules! interrupts_wait {
    ($wire:ident, $entries:ident) => {
        impl $crate::driver::WaitArgument for $wire {
            #[inline]
            fn put_channels(&mut self, channels: &$crate::channels::ChannelBitmaps) -> bool {
                $crate::argument::Param::put(&mut self.channels_bitmap_per_engine, channels)
            }

            #[inline]
            fn interrupts(&self) -> $crate::command::InterruptsWaitReply<'_> {
                $crate::command::InterruptsWaitReply {
                    channels_count: self.channels_count,
                    entries: $crate::command::InterruptEntries::$entries(&self.irq_data),
                }
            }
        }

        impl $crate::argument::Argument for $wire {
            const WAIT: Option<$crate::driver::WaitFn> = Some($crate::driver::wait_as::<Self>);

            fn encode(&mut self, command: &$crate::command::Command<'_>) -> Result<(), $crate::argument::Inexpressible> {
                let $crate::command::Command::InterruptsWait(params) = command else {
                    return Err($crate::argument::Inexpressible::COMMAND);
                };
                $crate::argument::argument!(@put self.channels_bitmap_per_engine, params.channels, channels);
                Ok(())
            }

            fn decode(&self) -> $crate::command::Command<'_> {
                $crate::command::Command::InterruptsWait($crate::command::InterruptsWait {
                    channels: $crate::argument::Param::take(&self.channels_bitmap_per_engine),
                })
            }

            fn encode_reply(
                &mut self,
                reply: &$crate::command::Reply<'_>,
            ) -> Result<(), $crate::argument::Inexpressible> {
                let $crate::command::Reply::InterruptsWait(reply) = reply else {
                    return Err($crate::argument::Inexpressible::REPLY);
                };
                reply.write(&mut self.channels_count, &mut self.irq_data)
            }

            fn decode_reply(&self) -> $crate::command::Reply<'_> {
                $crate::command::Reply::InterruptsWait($crate::driver::WaitArgument::interrupts(self))
            }
        }
    };
}
pub(crate) use interrupts_wait;

interrupts_wait!(InterruptsWait, Descriptors);

wire! {
    /// When an interrupt came.
    "hailo_channel_interrupt_timestamp", 10;
    pub struct ChannelInterruptTimestamp {
        /// *out*: nanoseconds of the kernel's monotonic clock.
        0 => timestamp_ns: U64,
        /// *out*: the hardware's counter of processed descriptors at that time.
        8 => desc_num_processed: U16,
    }
}

impl From<InterruptTimestamp> for ChannelInterruptTimestamp {
    fn from(timestamp: InterruptTimestamp) -> Self {
        Self {
            timestamp_ns: U64::new(timestamp.timestamp_ns),
            desc_num_processed: U16::new(timestamp.desc_num_processed),
        }
    }
}

impl From<ChannelInterruptTimestamp> for InterruptTimestamp {
    fn from(timestamp: ChannelInterruptTimestamp) -> Self {
        Self { timestamp_ns: timestamp.timestamp_ns(), desc_num_processed: timestamp.desc_num_processed() }
    }
}

wire! {
    /// Reads the times of a channel's interrupts.
    "hailo_vdma_interrupts_read_timestamp_params", 2566;
    pub struct InterruptsReadTimestamp {
        /// *in*: the engine.
        0 => engine_index: u8,
        /// *in*: the channel.
        1 => channel_index: u8,
        /// *out*: how many entries of `timestamps` were written.
        2 => timestamps_count: U32,
        /// *out*: the times, oldest first.
        6 => timestamps: [ChannelInterruptTimestamp; CHANNEL_IRQ_TIMESTAMPS_SIZE],
    }
}

impl Argument for InterruptsReadTimestamp {
    fn encode(&mut self, command: &Command<'_>) -> Result<(), Inexpressible> {
        let Command::InterruptsReadTimestamps(params) = command else { return Err(Inexpressible::COMMAND) };
        self.engine_index = params.engine_index;
        self.channel_index = params.channel_index;
        Ok(())
    }

    fn decode(&self) -> Command<'_> {
        Command::InterruptsReadTimestamps(command::InterruptsReadTimestamps {
            engine_index: self.engine_index,
            channel_index: self.channel_index,
        })
    }

    fn encode_reply(&mut self, reply: &Reply<'_>) -> Result<(), Inexpressible> {
        let Reply::Timestamps(reply) = reply else { return Err(Inexpressible::REPLY) };
        reply.write(&mut self.timestamps_count, &mut self.timestamps)
    }

    fn decode_reply(&self) -> Reply<'_> {
        Reply::Timestamps(Timestamps::from_wire(self.timestamps_count(), &self.timestamps))
    }
}
