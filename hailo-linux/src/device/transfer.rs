//! [`Load`]: the buffers of a transfer; [`Transfer`]: one that was launched, which gives them back.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

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
pub trait Load: sealed::Sealed + Sized {
    /// As parts.
    fn into_parts(self) -> Parts;

    /// What `into_parts` was made from.
    fn from_parts(parts: Parts) -> Option<Self>;
}

/// A transfer of memory that the descriptor list points to for good: nothing is moved in, nothing is given back. Only
/// the crate launches one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InPlace;

impl Load for InPlace {
    fn into_parts(self) -> Parts {
        Parts::new()
    }

    fn from_parts(_: Parts) -> Option<Self> {
        Some(Self)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::InPlace {}
    impl Sealed for super::DmaBuffer {}
    impl Sealed for super::Part {}
    impl Sealed for super::Parts {}
}

impl Load for Parts {
    fn into_parts(self) -> Parts {
        self
    }

    fn from_parts(parts: Parts) -> Option<Self> {
        Some(parts)
    }
}

impl Load for Part {
    fn into_parts(self) -> Parts {
        let mut parts = Parts::new();
        // There is room for one.
        let _ = parts.push(self);
        parts
    }

    fn from_parts(mut parts: Parts) -> Option<Self> {
        parts.pop()
    }
}

impl Load for DmaBuffer {
    fn into_parts(self) -> Parts {
        Part::from(self).into_parts()
    }

    fn from_parts(parts: Parts) -> Option<Self> {
        Part::from_parts(parts).map(Part::into_buffer)
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
        self.channel.wait_until_finished(self.slot, timeout)
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
        self.channel.wait_until_finished(self.slot, timeout)?;
        let parts = self.channel.claim(self.slot);
        self.claimed = true;
        B::from_parts(parts?).ok_or_else(|| self.channel.lost("wait for a transfer"))
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
