//! [`InputStream`] and [`OutputStream`]: the streams of a network that runs.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use hailo_abi::ChannelId;

use super::boxes::Assembly;
use super::configure::Stream;
use super::error::{Error, Result};
use super::options::Api;
use super::plan::Boundary;
use crate::device::buffer::Direction as BufferDirection;
use crate::device::shared::SharedBuffer;
use crate::device::transfer::{InPlace, Patience};
use crate::limits::MAX_PENDING_TRANSFERS;
use crate::transform::Direction;
use crate::{Channel, Channels, Device, DmaBuffer, LaunchError, Transfer};

/// A stream into the network.
#[derive(Debug)]
pub struct InputStream(pub(super) StreamEnd);

/// A stream out of the network.
#[derive(Debug)]
pub struct OutputStream(pub(super) StreamEnd);

/// What both have.
#[derive(Debug)]
pub(super) struct StreamEnd {
    pub(super) boundary: Boundary,
    pub(super) channel: Channel,
    /// How many transfers are under way at most.
    pub(super) depth: usize,
    device: Device,
    api: Api,
    /// For blocking use, and for boxes.
    ring: Option<Ring>,
    /// For boxes of non-maximum suppression.
    boxes: Option<Assembly>,
}

/// The memory that a list points to for good, and what is under way in it.
#[derive(Debug)]
struct Ring {
    buffer: SharedBuffer,
    /// Descriptors of the list, and of one transfer.
    descriptors: usize,
    per_transfer: usize,
    /// The descriptor with which the oldest transfer begins, and that with which the next one will.
    oldest: usize,
    next: usize,
    /// The transfers that are under way, by their numbers on the channel.
    pending: VecDeque<u32>,
}

/// Opens the channel of a stream.
pub(super) fn open(device: &Device, channels: &Channels, stream: &mut Stream, api: Api) -> Result<StreamEnd> {
    let boundary = stream.boundary.clone();
    let list = stream.list.take().ok_or(Error::Lost)?;
    let descriptors = list.count() as usize;
    let per_transfer = (boundary.layer.transfer_size as usize).div_ceil(list.page_size() as usize);
    let channel = channels.open(ChannelId::new(boundary.channel), list)?;
    // The firmware has opened it: that is what the activation context is for.
    channel.mark_started();
    let depth = (descriptors - 1) / per_transfer.max(1);
    let depth = depth.min(boundary.queue_depth.into()).min(MAX_PENDING_TRANSFERS);
    let ring = stream.ring.as_ref().map(|buffer| Ring {
        buffer: buffer.clone(),
        descriptors,
        per_transfer,
        oldest: 0,
        next: 0,
        pending: VecDeque::with_capacity(depth),
    });
    let size = boundary.layer.transfer_size as usize;
    let boxes = boundary.layer.tensor.nms.as_ref().map(|nms| Assembly::new(nms, size));
    Ok(StreamEnd { boundary, channel, depth, device: device.clone(), api, ring, boxes })
}

impl Ring {
    /// Waits for the oldest transfer.
    fn finish(&mut self, channel: &Channel, patience: &mut Patience) -> Result<()> {
        let Some(oldest) = self.pending.front() else { return Err(Error::QueueEmpty) };
        let outcome = channel.claim(*oldest, patience);
        self.retire(outcome)
    }

    /// Takes leave of the oldest transfer if it is done.
    fn finish_if_done(&mut self, channel: &Channel) -> Result<bool> {
        match self.pending.front().and_then(|oldest| channel.claim_if_finished(*oldest)) {
            Some(outcome) => self.retire(outcome).map(|()| true),
            None => Ok(false),
        }
    }

    /// Forgets the oldest transfer, of which this is the outcome, unless it is still under way.
    fn retire(&mut self, outcome: crate::Result<InPlace>) -> Result<()> {
        match outcome {
            Ok(InPlace) => {
                self.pending.pop_front();
                Ok(())
            }
            Err(error) => {
                let error = Error::from(error);
                if !error.is_timeout() {
                    self.pending.pop_front();
                }
                Err(error)
            }
        }
    }

    /// The bytes of a transfer that begins with descriptor `start`: where they are up to the end of the ring; what is
    /// missing follows at its start.
    fn place(&self, start: usize, length: usize) -> Range<usize> {
        let start = start * (self.buffer.len() / self.descriptors);
        start..self.buffer.len().min(start + length)
    }

    /// Copies the next transfer in.
    fn copy_in(&self, frame: &[u8]) -> Result<()> {
        let place = self.place(self.next, frame.len());
        let (first, rest) = frame.split_at(place.len());
        self.buffer.fill(place.start, first)?;
        if !rest.is_empty() {
            self.buffer.fill(0, rest)?;
        }
        Ok(())
    }

    /// Copies the oldest transfer out, which is done.
    fn copy_out(&mut self, frame: &mut [u8]) -> Result<()> {
        let place = self.place(self.oldest, frame.len());
        let (first, rest) = frame.split_at_mut(place.len());
        self.buffer.copy_out(place.start, first)?;
        if !rest.is_empty() {
            self.buffer.copy_out(0, rest)?;
        }
        self.oldest = self.behind(self.oldest);
        Ok(())
    }

    /// Launches the next transfer.
    fn launch(&mut self, channel: &Channel, length: usize) -> Result<()> {
        self.pending.push_back(channel.launch_in_place(&self.buffer, length)?);
        self.next = self.behind(self.next);
        Ok(())
    }

    /// The descriptor behind a transfer that begins with descriptor `start`.
    fn behind(&self, start: usize) -> usize {
        let behind = start + self.per_transfer;
        if behind < self.descriptors { behind } else { behind - self.descriptors }
    }
}

impl StreamEnd {
    /// Bytes of a transfer.
    fn size(&self) -> usize {
        self.boundary.layer.transfer_size as usize
    }

    /// Bytes of a frame.
    fn frame_size(&self) -> usize {
        self.boxes.as_ref().map_or_else(|| self.size(), |assembly| assembly.boxes.frame_size())
    }

    pub(super) fn allocate(&self) -> Result<DmaBuffer> {
        let direction = match self.boundary.layer.direction {
            Direction::Input => BufferDirection::ToDevice,
            Direction::Output => BufferDirection::FromDevice,
        };
        Ok(self.device.allocate(self.frame_size(), direction)?)
    }

    fn check_length(&self, given: usize) -> Result<()> {
        let expected = self.frame_size();
        if given == expected {
            return Ok(());
        }
        Err(Error::FrameLength { stream: self.boundary.layer.tensor.name.clone(), expected, given })
    }

    /// Launches as many transfers as the ring takes, for blocking use.
    pub(super) fn fetch_ahead(&mut self) -> Result<()> {
        let (size, depth) = (self.size(), self.depth);
        let Some(ring) = &mut self.ring else { return Ok(()) };
        while ring.pending.len() < depth {
            ring.launch(&self.channel, size)?;
        }
        Ok(())
    }

    /// Launches transfers if none is under way: it could not be done when the last one ended, and now the caller learns why.
    fn go_on(&mut self) -> Result<()> {
        match &self.ring {
            Some(ring) if ring.pending.is_empty() => self.fetch_ahead(),
            _ => Ok(()),
        }
    }

    /// Whether a buffer of the caller's can be given to the network.
    pub(super) fn check(&self, buffer: &DmaBuffer) -> Result<()> {
        if self.api != Api::Pipelined {
            return Err(Error::OtherApi { configured: self.api });
        }
        self.check_length(buffer.len())
    }

    /// Whether so many bytes can be a frame in blocking use.
    pub(super) fn check_blocking(&self, given: usize) -> Result<()> {
        match self.ring {
            Some(_) => self.check_length(given),
            None => Err(Error::OtherApi { configured: self.api }),
        }
    }

    /// Launches a buffer of the caller's.
    fn launch(&self, buffer: DmaBuffer) -> Result<Transfer, (Error, Option<DmaBuffer>)> {
        let checked = match &self.boxes {
            None => self.check(&buffer),
            Some(_) => Err(Error::ManyTransfers { stream: self.boundary.layer.tensor.name.clone() }),
        };
        match checked {
            Ok(()) => self.channel.launch(buffer).map_err(|LaunchError { error, load }| (error.into(), load)),
            Err(error) => Err((error, Some(buffer))),
        }
    }

    /// Launches the last of the buffers, which was checked, and notes its transfer. It stays where it is if the device has
    /// nothing of it. One for boxes waits here until they are put together.
    pub(super) fn launch_last(&mut self, buffers: &mut Vec<DmaBuffer>, transfers: &mut Vec<u32>) -> Result<()> {
        let Some(buffer) = buffers.pop() else { return Err(Error::QueueEmpty) };
        if let Some(assembly) = &mut self.boxes {
            assembly.waiting.push_back(buffer);
            transfers.push(Assembly::NO_TRANSFER);
            return Ok(());
        }
        match self.channel.launch_unguarded(buffer) {
            Ok(transfer) => {
                transfers.push(transfer);
                Ok(())
            }
            Err(LaunchError { error, load }) => {
                buffers.extend(load);
                Err(error.into())
            }
        }
    }

    pub(super) fn write(&mut self, frame: &[u8], patience: &mut Patience) -> Result<()> {
        self.check_blocking(frame.len())?;
        let depth = self.depth;
        let Some(ring) = &mut self.ring else { return Err(Error::OtherApi { configured: Api::Pipelined }) };
        while ring.finish_if_done(&self.channel)? {}
        if ring.pending.len() >= depth {
            ring.finish(&self.channel, patience)?;
        }
        // Nothing is under way in the part that comes next: `depth` transfers fit the ring beside each other.
        ring.copy_in(frame)?;
        ring.launch(&self.channel, frame.len())
    }

    pub(super) fn read(&mut self, frame: &mut [u8], patience: &mut Patience) -> Result<()> {
        self.check_length(frame.len())?;
        if self.boxes.is_some() {
            return self.read_boxes(frame, patience);
        }
        self.go_on()?;
        let Some(ring) = &mut self.ring else { return Err(Error::OtherApi { configured: Api::Pipelined }) };
        ring.finish(&self.channel, patience)?;
        ring.copy_out(frame)?;
        // The frame is the caller's, and so are others that came already: failing to go on is no error of theirs.
        let _ = self.fetch_ahead();
        Ok(())
    }

    fn read_boxes(&mut self, frame: &mut [u8], patience: &mut Patience) -> Result<()> {
        if self.boxes.as_ref().is_some_and(|assembly| !assembly.waiting.is_empty()) {
            // They belong to frames that were submitted.
            return Err(Error::OtherApi { configured: Api::Pipelined });
        }
        while self.take_boxes(Some(patience))? != Some(true) {}
        if let Some(assembly) = &mut self.boxes {
            assembly.boxes.finish(frame);
        }
        Ok(())
    }

    /// Makes room for so many frames of boxes. Returns whether boxes come out of the stream.
    pub(super) fn reserve_boxes(&mut self, frames: usize) -> bool {
        self.boxes.as_mut().map(|assembly| assembly.waiting.reserve(frames)).is_some()
    }

    /// Whether boxes come out of it.
    pub(super) fn has_boxes(&self) -> bool {
        self.boxes.is_some()
    }

    /// Takes the boxes of the oldest transfer and launches it anew; without patience, only if it is done. Says whether they
    /// make a frame complete, if there were any.
    fn take_boxes(&mut self, patience: Option<&mut Patience>) -> Result<Option<bool>> {
        self.go_on()?;
        let (Some(ring), Some(Assembly { boxes, portion, .. })) = (&mut self.ring, &mut self.boxes) else {
            return Err(Error::OtherApi { configured: self.api });
        };
        match patience {
            Some(patience) => ring.finish(&self.channel, patience)?,
            None if ring.finish_if_done(&self.channel)? => {}
            None => return Ok(None),
        }
        ring.copy_out(portion)?;
        let is_complete = boxes.take(portion)?;
        // As in `read`.
        let _ = self.fetch_ahead();
        Ok(Some(is_complete))
    }

    /// Waits until the boxes of the oldest frame that was submitted are put together, and goes on with what has come of others,
    /// so that the device is not held up.
    pub(super) fn assemble(&mut self, patience: &mut Patience) -> Result<()> {
        while let Some(assembly) = self.boxes.as_ref().filter(|assembly| assembly.ready < assembly.waiting.len()) {
            let must_wait = assembly.ready == 0;
            match (self.take_boxes(must_wait.then_some(&mut *patience))?, &mut self.boxes) {
                (Some(true), Some(assembly)) => assembly.finish(),
                (Some(_), _) => {}
                (None, _) => break,
            }
        }
        Ok(())
    }

    /// The buffer of the frame that was submitted first, with its boxes if they are complete.
    pub(super) fn assembled(&mut self) -> Option<DmaBuffer> {
        self.boxes.as_mut().and_then(Assembly::oldest)
    }

    /// The buffer of the frame that was submitted last.
    pub(super) fn taken_back(&mut self) -> Option<DmaBuffer> {
        self.boxes.as_mut().and_then(|assembly| assembly.waiting.pop_back())
    }
}

macro_rules! stream_ends {
    ($($name:ident)*) => {$(
        impl $name {
            /// What flows, and through which channel.
            #[must_use]
            pub fn boundary(&self) -> &Boundary {
                &self.0.boundary
            }

            /// The name of the stream.
            #[must_use]
            pub fn name(&self) -> &str {
                &self.0.boundary.layer.tensor.name
            }

            /// Bytes of a frame on the device's side. One of boxes of non-maximum suppression is put together of many
            /// transfers: for each class the number of its boxes in two bytes (little-endian), then the boxes, 8 bytes each,
            /// as they came; zeros behind the last.
            #[must_use]
            pub fn frame_size(&self) -> usize {
                self.0.frame_size()
            }

            /// How many transfers can be under way.
            #[must_use]
            pub fn depth(&self) -> usize {
                self.0.depth
            }

            /// Allocates a buffer for a frame.
            ///
            /// # Errors
            /// What the driver answered.
            pub fn allocate(&self) -> Result<DmaBuffer> {
                self.0.allocate()
            }

            /// Launches a buffer of the caller's, for pipelined use of this stream alone; it comes back from the transfer.
            /// [`Active::submit`](super::Active::submit) does this for all streams.
            ///
            /// # Errors
            /// [`Error::FrameLength`], [`Error::OtherApi`], [`Error::ManyTransfers`], what the driver answered; with the buffer,
            /// unless the device may have it.
            pub fn launch(&self, buffer: DmaBuffer) -> Result<Transfer, (Error, Option<DmaBuffer>)> {
                self.0.launch(buffer)
            }
        }
    )*};
}

stream_ends! { InputStream OutputStream }

impl InputStream {
    /// Copies a frame into the ring and launches it; waits only if the ring is full. The frame is as the device has it.
    ///
    /// # Errors
    /// [`Error::FrameLength`], [`Error::OtherApi`]; [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if there was no room in time; what driver and
    /// hardware reported.
    pub fn write(&mut self, frame: &[u8], timeout: Duration) -> Result<()> {
        self.0.write(frame, &mut Patience::new(timeout))
    }
}

impl OutputStream {
    /// Waits for a frame and copies it out of the ring. It is as the device has it. In pipelined use only for boxes, while
    /// no frame is submitted.
    ///
    /// # Errors
    /// [`Error::FrameLength`], [`Error::OtherApi`], [`Error::Boxes`]; [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if none
    /// came in time, which changes nothing; what driver and hardware reported.
    pub fn read(&mut self, frame: &mut [u8], timeout: Duration) -> Result<()> {
        self.0.read(frame, &mut Patience::new(timeout))
    }
}
