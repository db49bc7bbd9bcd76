//! [`Channels`]: channels that are enabled as long as it lives, and the thread that waits for their interrupts.

use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use hailo_abi::command::{
    DisableChannels, EnableChannels, InterruptTimestamp, InterruptsReadTimestamps, InterruptsWait,
};
use hailo_abi::driver::{InterruptsWaitBuffer, TimestampsBuffer};
use hailo_abi::{ChannelBitmaps, ChannelId, Errno};

use super::Inner;
use super::channel::{Channel, ChannelState};
use super::list::DescriptorList;
use crate::error::{Error, ErrorKind, Invalid, Result};
use crate::sync::atomic::{AtomicBool, Ordering, fence};
use crate::sync::thread;
use crate::worker::Worker;

/// How many channels of an engine have registers in every release.
pub const MAX_CHANNELS_PER_ENGINE: u8 = 32;
/// The most engines of a board.
const MAX_ENGINES: usize = hailo_abi::channels::MAX_VDMA_ENGINES;

/// How often the driver may be asked again to disable channels before they are left to the closing of the file.
const DISABLE_ATTEMPTS: usize = 3;
/// How long the thread may take to see that the channels were disabled.
const THREAD_END: Duration = Duration::from_secs(5);
/// As long as the driver did not disable the channels, the thread may sit in the driver for ever.
const THREAD_END_IF_NOT_DISABLED: Duration = Duration::from_millis(50);
/// After so many waits in a row that returned at once with nothing, somebody else must have disabled a channel.
const EMPTY_WAITS: u32 = 1000;
/// From so many on, the thread sleeps in between.
const EMPTY_WAITS_AT_ONCE: u32 = 16;

const ENABLE: &str = "enable channels";

/// Channels of a device that are enabled as long as this value lives. See
/// [`Device::enable_channels`](crate::Device::enable_channels).
///
/// Dropping it disables them: first the driver, then buffers and lists of unfinished transfers are released, unless the
/// hardware may still use them; those stay until the device is closed. Forgetting it (`mem::forget`) leaves the channels
/// enabled and the device open.
pub struct Channels {
    shared: Arc<Shared>,
    /// Waits for interrupts; none if it could not be started.
    worker: Option<Worker>,
    disabled: bool,
}

struct Shared {
    device: Arc<Inner>,
    bitmaps: ChannelBitmaps,
    /// By engine and index; filled when a channel is opened.
    states: [[OnceLock<Arc<ChannelState>>; MAX_CHANNELS_PER_ENGINE as usize]; MAX_ENGINES],
    stopping: AtomicBool,
    /// Why nobody waits for interrupts any more; nothing: the driver says that the channels are disabled.
    ended: OnceLock<Option<ErrorKind>>,
}

impl Inner {
    pub(super) fn enable_channels(
        self: &Arc<Self>,
        channels: ChannelBitmaps,
        enable_timestamps_measure: bool,
    ) -> Result<Channels> {
        if channels.is_empty() {
            return Err(self.invalid(ENABLE, Invalid::NoChannels));
        }
        let engines = self.properties.dma_engines_count;
        let exists = |channel: &ChannelId| {
            channel.index < MAX_CHANNELS_PER_ENGINE
                && u64::from(channel.engine) < engines
                && usize::from(channel.engine) < MAX_ENGINES
        };
        if let Some(channel) = channels.iter().find(|channel| !exists(channel)) {
            return Err(self.invalid(ENABLE, Invalid::NoChannel(channel)));
        }
        // Closing a file that does not own the device leaves the hardware running on memory that was freed.
        self.mark_in_use()?;
        self.take_channels(channels)?;
        let enable = EnableChannels { channels, enable_timestamps_measure };
        // SAFETY: enabling channels that exist does nothing to memory.
        if let Err(error) = unsafe { self.driver.enable_channels(&enable) } {
            self.return_channels(channels);
            return Err(match error.errno() {
                Some(Errno::EINVAL) => self.failed(ENABLE, ErrorKind::InUse),
                _ => self.call_failed(ENABLE, error),
            });
        }
        let shared = Arc::new(Shared {
            device: Arc::clone(self),
            bitmaps: channels,
            states: Default::default(),
            stopping: AtomicBool::new(false),
            ended: OnceLock::new(),
        });
        let waiting = Arc::clone(&shared);
        let mut guard = Channels { shared, worker: None, disabled: false };
        let worker = Worker::spawn("hailo-interrupts", move || waiting.run());
        // If there is no thread, dropping the guard disables the channels again.
        let worker = worker.map_err(|error| ErrorKind::NoThread(error.raw_os_error().unwrap_or(0)));
        guard.worker = Some(worker.map_err(|kind| self.failed(ENABLE, kind))?);
        Ok(guard)
    }

    /// Notes that the channels are used by this opened device; the driver would refuse a second enabling with the same
    /// error as those of another process.
    fn take_channels(&self, channels: ChannelBitmaps) -> Result<()> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = taken.intersection(channels).iter().next() {
            return Err(self.invalid(ENABLE, Invalid::ChannelTaken(channel)));
        }
        *taken = taken.union(channels);
        Ok(())
    }

    /// Whether this file has enabled the channel.
    pub(super) fn is_taken(&self, channel: ChannelId) -> bool {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).contains(channel)
    }

    fn return_channels(&self, channels: ChannelBitmaps) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = taken.difference(channels);
    }
}

impl Channels {
    /// Which channels are enabled.
    #[must_use]
    pub fn bitmaps(&self) -> ChannelBitmaps {
        self.shared.bitmaps
    }

    /// Gives a channel the list that its transfers go through. A channel has one list until it is disabled.
    ///
    /// # Errors
    /// [`Invalid::NotEnabled`], [`Invalid::NotCircular`], [`Invalid::OtherDevice`], and [`Invalid::ChannelTaken`] if it has
    /// a list already.
    pub fn open(&self, channel: ChannelId, list: DescriptorList) -> Result<Channel> {
        let operation = "open a channel";
        let device = &self.shared.device;
        let invalid = |invalid| device.invalid(operation, invalid);
        let place = self.shared.place(channel).filter(|_| self.shared.bitmaps.contains(channel));
        let place = place.ok_or_else(|| invalid(Invalid::NotEnabled(channel)))?;
        if !list.belongs_to(device) {
            return Err(invalid(Invalid::OtherDevice));
        }
        if !list.is_circular() {
            return Err(invalid(Invalid::NotCircular));
        }
        let state = Arc::new(ChannelState::new(channel, Arc::clone(device), list));
        match place.set(Arc::clone(&state)) {
            Ok(()) => {
                // The thread says first that it ends and then looks for channels; here it is the other way round.
                fence(Ordering::SeqCst);
                if let Some(why) = self.shared.ended.get() {
                    state.fail(&reason(why, channel));
                }
                Ok(Channel { state })
            }
            Err(refused) => {
                // The list goes with it: nothing was launched through it.
                drop(refused);
                Err(invalid(Invalid::ChannelTaken(channel)))
            }
        }
    }

    /// When the interrupts of a channel came since the last call, at most 255 of them, if the channels were enabled with
    /// timestamps (up to 5.2.0).
    ///
    /// # Errors
    /// What the interface cannot express, what the driver answered.
    #[doc(alias = "HAILO_VDMA_INTERRUPTS_READ_TIMESTAMPS")]
    pub fn timestamps(&self, channel: ChannelId) -> Result<Vec<InterruptTimestamp>> {
        let read = InterruptsReadTimestamps { engine_index: channel.engine, channel_index: channel.index };
        let device = &self.shared.device;
        let mut buffer = TimestampsBuffer::new();
        let timestamps = device.driver.read_timestamps(&read, &mut buffer);
        let timestamps = timestamps.map_err(|error| device.call_failed("read the times of interrupts", error))?;
        Ok(timestamps.iter().collect())
    }

    /// Disables the channels, as dropping does, and says whether the driver did it.
    ///
    /// # Errors
    /// What the driver answered. Whatever belongs to the channels is kept until the device is closed then.
    #[doc(alias = "HAILO_VDMA_DISABLE_CHANNELS")]
    pub fn disable(mut self) -> Result<()> {
        self.release(|| false).0.map_or(Ok(()), Err)
    }

    /// Disables the channels now; later calls do nothing.
    #[cfg(feature = "emulator")]
    pub(crate) fn close(&mut self) {
        self.release(|| false);
    }

    /// As [`disable`](Self::disable), and then lets `stop` tell the firmware to stop the hardware. If it says that it did,
    /// nothing is kept, and the lists come back.
    pub(crate) fn disable_and_stop(
        mut self,
        stop: impl FnOnce() -> bool,
    ) -> (Result<()>, Vec<(ChannelId, DescriptorList)>) {
        let (outcome, lists) = self.release(stop);
        (outcome.map_or(Ok(()), Err), lists)
    }

    /// Disables the channels once, in the order that no driver minds: disable, unmap, release. `stop` says whether the
    /// hardware was stopped as well.
    fn release(&mut self, stop: impl FnOnce() -> bool) -> (Option<Error>, Vec<(ChannelId, DescriptorList)>) {
        if std::mem::replace(&mut self.disabled, true) {
            return (None, Vec::new());
        }
        let shared = &*self.shared;
        let device = &shared.device;
        shared.stopping.store(true, Ordering::Release);
        // The driver would accept a launch on a channel that it has just disabled, and remember its memory.
        shared.states().for_each(|state| state.close());
        let mut outcome = Ok(());
        for _ in 0..DISABLE_ATTEMPTS {
            let disable = DisableChannels { channels: shared.bitmaps };
            // SAFETY: disabling channels that this file enabled makes the driver forget their transfers; what the hardware
            // may still do with the memory is taken care of below.
            outcome = unsafe { device.driver.disable_channels(&disable) };
            if outcome.is_ok() {
                break;
            }
        }
        let by_driver = outcome.is_ok();
        let stopped = stop();
        if let Some(worker) = &self.worker {
            // Whether it has ended makes no difference: what it still does finds channels that were disabled.
            worker.wait(if by_driver { THREAD_END } else { THREAD_END_IF_NOT_DISABLED });
        }
        let lists = shared
            .states()
            .filter_map(|state| state.disabled(by_driver, stopped).map(|list| (state.id(), list)))
            .collect();
        if by_driver {
            device.return_channels(shared.bitmaps);
        }
        (outcome.err().map(|error| device.call_failed("disable channels", error)), lists)
    }
}

impl Drop for Channels {
    fn drop(&mut self) {
        self.release(|| false);
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels")
            .field("device", &self.shared.device.name())
            .field("bitmaps", &self.shared.bitmaps)
            .finish_non_exhaustive()
    }
}

/// What a channel's transfers fail with when nobody waits for interrupts any more.
fn reason(why: &Option<ErrorKind>, channel: ChannelId) -> ErrorKind {
    why.clone().unwrap_or(ErrorKind::Disabled { channel })
}

impl Shared {
    fn place(&self, channel: ChannelId) -> Option<&OnceLock<Arc<ChannelState>>> {
        self.states.get(usize::from(channel.engine))?.get(usize::from(channel.index))
    }

    fn states(&self) -> impl Iterator<Item = &Arc<ChannelState>> {
        self.states.iter().flatten().filter_map(OnceLock::get)
    }

    /// Nobody waits for interrupts from now on: what is pending fails.
    fn end(&self, why: Option<ErrorKind>) {
        let why = self.ended.get_or_init(|| why);
        fence(Ordering::SeqCst);
        self.states().for_each(|state| state.fail(&reason(why, state.id())));
    }

    /// The thread: waits for interrupts and hands them to the channels until they are disabled.
    fn run(&self) {
        let wait = InterruptsWait { channels: self.bitmaps };
        let mut buffer = InterruptsWaitBuffer::new();
        let mut empty_waits = 0;
        while !self.stopping.load(Ordering::Acquire) {
            match self.device.driver.interrupts_wait(&wait, &mut buffer) {
                Ok(reply) => {
                    empty_waits += 1;
                    for interrupt in reply.iter() {
                        empty_waits = 0;
                        let channel = ChannelId { engine: interrupt.engine_index, index: interrupt.channel_index };
                        if let Some(state) = self.place(channel).and_then(OnceLock::get) {
                            state.interrupted(&interrupt);
                        }
                    }
                }
                // A wait changes nothing, so it is simply repeated.
                Err(error) if error.errno() == Some(Errno::EINTR) => {}
                Err(error) => {
                    let kind = error.errno().map_or(ErrorKind::Refused(Errno::EINVAL), ErrorKind::of);
                    self.end(Some(kind));
                    break;
                }
            }
            if empty_waits > EMPTY_WAITS {
                self.end(None);
                break;
            }
            if empty_waits > EMPTY_WAITS_AT_ONCE {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}
