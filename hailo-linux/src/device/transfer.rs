//! [`Load`]: the buffers of a transfer; [`Transfer`]: one that was launched, which gives them back.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hailo_abi::command::MAX_BUFFERS_PER_TRANSFER;

use super::buffer::DmaBuffer;
use super::channel::ChannelState;
use crate::error::{Error, Result};

/// A buffer and the part of it that a transfer moves.
#[derive(Debug)]
pub struct Part {
    pub(crate) buffer: DmaBuffer,
    pub(crate) range: Range<usize>,
}

impl Part {
    /// These bytes of a buffer. The first must be at a multiple of the descriptor list's page size; what cannot be
    /// transferred is refused by [`Channel::launch`](crate::Channel::launch).
    #[must_use]
    pub fn new(buffer: DmaBuffer, range: Range<usize>) -> Self {
        Self { buffer, range }
    }

    /// The buffer.
    #[must_use]
    pub fn buffer(&self) -> &DmaBuffer {
        &self.buffer
    }

    /// The buffer, whose other bytes were not touched.
    #[must_use]
    pub fn into_buffer(self) -> DmaBuffer {
        self.buffer
    }

    /// Which bytes of it.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }
}

impl From<DmaBuffer> for Part {
    /// The whole buffer.
    fn from(buffer: DmaBuffer) -> Self {
        let range = 0..buffer.len();
        Self { buffer, range }
    }
}

/// The parts of a transfer: at most 8, up to 4.20.1 at most 2.
pub type Parts = heapless::Vec<Part, MAX_BUFFERS_PER_TRANSFER>;

/// What a transfer moves, and what it gives back: one [`DmaBuffer`], one [`Part`] of it, or several [`Parts`].
pub trait Load: sealed::Sealed {}

impl Load for DmaBuffer {}
impl Load for Part {}
impl Load for Parts {}

/// A transfer of memory that the descriptor list points to for good: nothing is moved in, nothing is given back. Only
/// the crate launches one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InPlace;

impl Load for InPlace {}

/// What a channel keeps of a transfer until it has completed. One part, which is what nearly all have, is kept without
/// moving room for the others about.
#[derive(Debug, Default)]
pub struct Held {
    first: Option<Part>,
    rest: Vec<Part>,
}

impl Held {
    /// All buffers.
    pub(super) fn into_buffers(self) -> impl Iterator<Item = DmaBuffer> {
        self.first.into_iter().chain(self.rest).map(Part::into_buffer)
    }
}

mod sealed {
    use super::{DmaBuffer, Held, Range};

    pub trait Sealed: Sized {
        /// What is to be moved, in order.
        fn pieces(&self) -> impl ExactSizeIterator<Item = (&DmaBuffer, Range<usize>)>;

        /// Puts it into an empty place.
        fn hold(self, place: &mut Held);

        /// Takes out what [`hold`](Self::hold) has put in.
        fn release(place: &mut Held) -> Option<Self>;
    }
}

impl sealed::Sealed for InPlace {
    fn pieces(&self) -> impl ExactSizeIterator<Item = (&DmaBuffer, Range<usize>)> {
        std::iter::empty()
    }

    fn hold(self, _: &mut Held) {}

    fn release(_: &mut Held) -> Option<Self> {
        Some(Self)
    }
}

impl sealed::Sealed for DmaBuffer {
    fn pieces(&self) -> impl ExactSizeIterator<Item = (&DmaBuffer, Range<usize>)> {
        std::iter::once((self, 0..self.len()))
    }

    fn hold(self, place: &mut Held) {
        place.first = Some(self.into());
    }

    fn release(place: &mut Held) -> Option<Self> {
        place.first.take().map(Part::into_buffer)
    }
}

impl sealed::Sealed for Part {
    fn pieces(&self) -> impl ExactSizeIterator<Item = (&DmaBuffer, Range<usize>)> {
        std::iter::once((&self.buffer, self.range.clone()))
    }

    fn hold(self, place: &mut Held) {
        place.first = Some(self);
    }

    fn release(place: &mut Held) -> Option<Self> {
        place.first.take()
    }
}

impl sealed::Sealed for Parts {
    fn pieces(&self) -> impl ExactSizeIterator<Item = (&DmaBuffer, Range<usize>)> {
        self.iter().map(|part| (&part.buffer, part.range.clone()))
    }

    fn hold(self, place: &mut Held) {
        place.rest.extend(self);
    }

    fn release(place: &mut Held) -> Option<Self> {
        Some(place.rest.drain(..).collect())
    }
}

/// How long to wait: the clock is read when there is something to wait for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(super) timeout: Duration,
    /// When it ends; nothing if that is later than the clock reaches.
    end: Option<Option<Instant>>,
}

impl Patience {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { timeout, end: None }
    }

    /// How long is left.
    pub(crate) fn remaining(&mut self) -> Duration {
        self.left().unwrap_or(self.timeout)
    }

    /// As much of it as is left, but no more than this.
    pub(crate) fn at_most(&mut self, timeout: Duration) -> Self {
        Self::new(self.left().map_or(timeout, |left| left.min(timeout)))
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&mut self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// How much of it is left, if it ends at all. The first call begins it.
    pub(super) fn left(&mut self) -> Option<Duration> {
        match self.end {
            Some(end) => end.map(|end| end.saturating_duration_since(Instant::now())),
            None => {
                let end = Instant::now().checked_add(self.timeout);
                self.end = Some(end);
                end.map(|_| self.timeout)
            }
        }
    }
}

/// A transfer that was launched.
///
/// Its buffers belong to the channel until it has completed; [`wait`](Self::wait) gives them back. A transfer that is
/// dropped or forgotten goes on, and its buffers are released when it completes, or with the channel.
#[derive(Debug)]
#[must_use = "the buffers come back from `wait`"]
pub struct Transfer<B: Load = DmaBuffer> {
    channel: Arc<ChannelState>,
    slot: u32,
    claimed: bool,
    load: PhantomData<fn() -> B>,
}

impl<B: Load> Transfer<B> {
    pub(super) fn new(channel: Arc<ChannelState>, slot: u32) -> Self {
        Self { channel, slot, claimed: false, load: PhantomData }
    }

    /// Whether the transfer has completed or failed, so that [`wait`](Self::wait) would not block.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.channel.is_finished(self.slot)
    }

    /// Blocks until the transfer has completed or failed.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if it did neither in time; it goes on. Whether it failed is for
    /// [`wait`](Self::wait) to say.
    pub fn wait_until_finished(&self, timeout: Duration) -> Result<()> {
        self.channel.wait_until_finished(self.slot, &mut Patience::new(timeout)).map(drop)
    }

    /// Blocks until the transfer has completed, and gives the buffers back.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if it has not in time: it goes on, but its buffers will be
    /// released when it completes. (To try again, use [`wait_until_finished`](Self::wait_until_finished) first.)
    ///
    /// What the hardware or the driver reported, if the transfer failed. Its buffers are released when it is certain that
    /// the device does not use them any more.
    pub fn wait(mut self, timeout: Duration) -> Result<B> {
        let queue = self.channel.wait_until_finished(self.slot, &mut Patience::new(timeout))?;
        self.claimed = true;
        self.channel.claim(queue, self.slot)
    }
}

impl<B: Load> Drop for Transfer<B> {
    fn drop(&mut self) {
        if !self.claimed {
            self.channel.abandon(self.slot);
        }
    }
}

/// Why a transfer was not launched, with its buffers.
#[derive(Debug)]
pub struct LaunchError<B> {
    /// What went wrong.
    pub error: Error,
    /// The buffers, unless the driver may have handed them to the device in spite of the error; then the channel keeps
    /// them, and has to be disabled.
    pub load: Option<B>,
}

impl<B> From<LaunchError<B>> for Error {
    fn from(error: LaunchError<B>) -> Self {
        error.error
    }
}

impl<B> std::fmt::Display for LaunchError<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl<B: std::fmt::Debug> std::error::Error for LaunchError<B> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}
