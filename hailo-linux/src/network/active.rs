//! [`Active`]: a network that runs.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut, Range};
use std::time::Duration;

use hailo_abi::firmware::control::{ChangeContextSwitchStatus, ContextSwitchStatus, Done, Request};
use hailo_abi::{ChannelBitmaps, ChannelId};

use super::boxes::Boxes;
use super::configure::{Configured, Stream};
use super::error::{Error, Result};
use super::options::Api;
use super::plan::Boundary;
use crate::device::buffer::Direction as BufferDirection;
use crate::device::shared::SharedBuffer;
use crate::device::transfer::{InPlace, Patience};
use crate::limits::MAX_PENDING_TRANSFERS;
use crate::transform::Direction;
use crate::{Channel, Channels, Device, DmaBuffer, ErrorKind, LaunchError, Transfer};

/// A network that the device runs, as long as this value lives. See [`Configured::activate`].
///
/// Dropping it stops the network: channels first, then the firmware, then what was under way fails and its buffers are
/// released.
#[derive(Debug)]
pub struct Active<'a> {
    inputs: Vec<InputStream>,
    outputs: Vec<OutputStream>,
    in_flight: VecDeque<Frame>,
    capacity: usize,
    channels: Option<Channels>,
    configured: &'a mut Configured,
}

/// A stream into the network.
#[derive(Debug)]
pub struct InputStream(StreamEnd);

/// A stream out of the network.
#[derive(Debug)]
pub struct OutputStream(StreamEnd);

#[derive(Debug)]
struct StreamEnd {
    boundary: Boundary,
    channel: Channel,
    /// How many transfers are under way at most.
    depth: usize,
    device: Device,
    /// For blocking use.
    ring: Option<Ring>,
    /// For boxes of non-maximum suppression.
    boxes: Option<Boxes>,
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
    /// Room for a transfer that is no whole frame.
    portion: Vec<u8>,
}

/// One frame of every stream, in buffers that a device can use. See [`Active::allocate_frame`].
#[derive(Debug)]
pub struct Frame(Box<Buffers>);

/// The buffers of a [`Frame`].
#[derive(Debug)]
pub struct Buffers {
    /// What goes in: a buffer for every input, in their order.
    pub inputs: Vec<DmaBuffer>,
    /// What comes out: a buffer for every output, in their order.
    pub outputs: Vec<DmaBuffer>,
    /// Empty but while the frame is under way: its transfers, by their numbers on the channels; those of the outputs, then those
    /// of the inputs, both from the last to the first.
    transfers: Vec<u32>,
}

impl Deref for Frame {
    type Target = Buffers;

    fn deref(&self) -> &Buffers {
        &self.0
    }
}

impl DerefMut for Frame {
    fn deref_mut(&mut self) -> &mut Buffers {
        &mut self.0
    }
}

/// Why a frame was not taken, with the frame where the device has none of it.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct SubmitError {
    /// What went wrong.
    #[source]
    pub error: Error,
    /// The frame.
    pub frame: Option<Frame>,
}

impl From<SubmitError> for Error {
    fn from(error: SubmitError) -> Self {
        error.error
    }
}

impl Configured {
    /// Starts the network, with the batch size that it was configured with.
    ///
    /// # Errors
    /// [`Error::Refused`] if it [cannot be run](super::Model::can_run), [`Error::AlreadyActive`] if another network of the device runs, [`Error::Lost`], what driver and firmware answered.
    #[doc(alias = "hailo_activate_network_group")]
    pub fn activate(&mut self) -> Result<Active<'_>> {
        if self.may_run || self.streams.iter().any(|stream| stream.list.is_none()) {
            return Err(Error::Lost);
        }
        if let Some(refusal) = &self.not_runnable {
            return Err(refusal.clone().into());
        }
        let inner = &self.device.inner;
        if std::mem::replace(&mut inner.networks().is_active, true) {
            return Err(Error::AlreadyActive);
        }
        self.may_run = true;
        let mut active = Active {
            inputs: Vec::new(),
            outputs: Vec::new(),
            in_flight: VecDeque::new(),
            capacity: 0,
            channels: None,
            configured: self,
        };
        // From here on, dropping `active` undoes whatever was done.
        active.start()?;
        Ok(active)
    }
}

impl Active<'_> {
    fn start(&mut self) -> Result<()> {
        let Configured { streams, device, api, application, firmware, .. } = &mut *self.configured;
        let request = Request::ChangeContextSwitchStatus(ChangeContextSwitchStatus {
            state_machine_status: ContextSwitchStatus::ENABLED,
            application_index: *application,
            dynamic_batch_size: 0,
            batch_count: 0,
        });
        // SAFETY: the lists that the network's actions name exist, and point to memory that is mapped for the device and to
        // which nobody has references. They stay until the device was told to stop, or else until it is closed.
        let Done = unsafe { device.inner.ask(*firmware, &request) }?;
        let mut bitmaps = ChannelBitmaps::EMPTY;
        for stream in streams.iter() {
            bitmaps.insert(ChannelId::new(stream.boundary.channel));
        }
        let channels = self.channels.insert(device.enable_channels(bitmaps)?);
        let mut depths = Vec::new();
        for stream in streams.iter_mut() {
            let end = open(device, channels, stream, *api)?;
            depths.push(end.depth);
            match end.boundary.layer.direction {
                Direction::Input => self.inputs.push(InputStream(end)),
                Direction::Output => self.outputs.push(OutputStream(end)),
            }
        }
        self.capacity = depths.into_iter().min().unwrap_or(0);
        self.in_flight.reserve(self.capacity);
        // Results are fetched ahead, so that the device always finds room.
        for output in &mut self.outputs {
            output.0.fetch_ahead()?;
        }
        Ok(())
    }

    /// The streams into the network.
    pub fn inputs(&mut self) -> &mut [InputStream] {
        &mut self.inputs
    }

    /// The streams out of the network.
    pub fn outputs(&mut self) -> &mut [OutputStream] {
        &mut self.outputs
    }

    /// Both, for a thread each.
    pub fn split(&mut self) -> (&mut [InputStream], &mut [OutputStream]) {
        (&mut self.inputs, &mut self.outputs)
    }

    /// Runs one frame through a network for blocking use: writes every input, then reads every output. Frames are as the
    /// device has them, in the order of the streams.
    ///
    /// # Errors
    /// [`Error::FrameCount`], and as [`InputStream::write`] and [`OutputStream::read`].
    pub fn infer(&mut self, inputs: &[&[u8]], outputs: &mut [&mut [u8]], timeout: Duration) -> Result<()> {
        let count = |expected: usize, given: usize| {
            if expected == given { Ok(()) } else { Err(Error::FrameCount { expected, given }) }
        };
        count(self.inputs.len(), inputs.len())?;
        count(self.outputs.len(), outputs.len())?;
        let mut patience = Patience::new(timeout);
        for (stream, frame) in self.inputs.iter_mut().zip(inputs) {
            stream.0.write(frame, &mut patience)?;
        }
        for (stream, frame) in self.outputs.iter_mut().zip(outputs) {
            stream.0.read(frame, &mut patience)?;
        }
        Ok(())
    }

    /// How many frames can be under way at a time in pipelined use.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many frames are under way in pipelined use.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Allocates a buffer for every stream. A frame outlives the network: it can be used again after another activation.
    ///
    /// # Errors
    /// What the driver answered.
    pub fn allocate_frame(&self) -> Result<Frame> {
        let inputs = self.inputs.iter().map(|stream| stream.0.allocate()).collect::<Result<Vec<_>>>()?;
        let outputs = self.outputs.iter().map(|stream| stream.0.allocate()).collect::<Result<Vec<_>>>()?;
        let transfers = Vec::with_capacity(inputs.len() + outputs.len());
        Ok(Frame(Box::new(Buffers { inputs, outputs, transfers })))
    }

    /// Gives a frame to a network for pipelined use. It comes back from [`receive`](Self::receive), in order.
    ///
    /// # Errors
    /// [`Error::QueueFull`] when [`capacity`](Self::capacity) frames are under way; the frame comes back.
    /// [`Error::FrameCount`], [`Error::FrameLength`], [`Error::OtherApi`]; and what the driver answered, after which the
    /// network has to be activated again.
    pub fn submit(&mut self, mut frame: Frame) -> Result<(), SubmitError> {
        let refused = |error, frame| Err(SubmitError { error, frame: Some(frame) });
        if self.in_flight.len() >= self.capacity {
            return refused(Error::QueueFull(self.capacity), frame);
        }
        if let Err(error) = self.check(&frame) {
            return refused(error, frame);
        }
        let Buffers { inputs, outputs, transfers } = &mut *frame.0;
        // Room for the results first, so that the device always finds it.
        let launched = (self.outputs.iter().rev())
            .try_for_each(|output| output.0.launch_last(outputs, transfers))
            .and_then(|()| (self.inputs.iter().rev()).try_for_each(|input| input.0.launch_last(inputs, transfers)));
        if let Err(error) = launched {
            // What the device has of it comes back with the channels.
            let whole = transfers.is_empty() && outputs.len() == self.outputs.len();
            return Err(SubmitError { error, frame: whole.then_some(frame) });
        }
        self.in_flight.push_back(frame);
        Ok(())
    }

    /// Takes the oldest frame back when it is done.
    ///
    /// # Errors
    /// [`Error::QueueEmpty`]; [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if it is not done in time, which changes nothing; what driver and
    /// hardware reported, upon which the frame is lost.
    pub fn receive(&mut self, timeout: Duration) -> Result<Frame> {
        let Some(frame) = self.in_flight.front_mut() else { return Err(Error::QueueEmpty) };
        let Buffers { inputs, outputs, transfers } = &mut *frame.0;
        let mut patience = Patience::new(timeout);
        // Those that are done give their buffers back at once, also if others are not.
        while let Some(transfer) = transfers.last() {
            let left = transfers.len();
            let (end, buffers) = match left.checked_sub(self.outputs.len() + 1) {
                Some(others) => (self.inputs.get(self.inputs.len() - 1 - others).map(|stream| &stream.0), &mut *inputs),
                None => (self.outputs.get(self.outputs.len() - left).map(|stream| &stream.0), &mut *outputs),
            };
            let Some(end) = end else { break };
            match end.channel.claim(*transfer, &mut patience) {
                Ok(buffer) => buffers.push(buffer),
                Err(error) => {
                    if !is_timeout(&error) {
                        self.in_flight.pop_front();
                    }
                    return Err(error.into());
                }
            }
            transfers.pop();
        }
        match self.in_flight.pop_front() {
            Some(frame) => Ok(frame),
            None => Err(Error::QueueEmpty),
        }
    }

    /// Whether the frame is one of this network's.
    fn check(&self, frame: &Frame) -> Result<()> {
        fn check<'a>(ends: impl ExactSizeIterator<Item = &'a StreamEnd>, buffers: &[DmaBuffer]) -> Result<()> {
            let (expected, given) = (ends.len(), buffers.len());
            if expected != given {
                return Err(Error::FrameCount { expected, given });
            }
            ends.zip(buffers).try_for_each(|(end, buffer)| end.check(buffer))
        }
        check(self.inputs.iter().map(|stream| &stream.0), &frame.inputs)?;
        check(self.outputs.iter().map(|stream| &stream.0), &frame.outputs)
    }

    /// Stops the network, as dropping it does, and says whether driver and firmware did it.
    ///
    /// # Errors
    /// What they answered.
    pub fn deactivate(mut self) -> Result<()> {
        self.stop()
    }

    /// Disables the channels, stops the firmware, takes the lists back. Once.
    fn stop(&mut self) -> Result<()> {
        let configured = &mut *self.configured;
        if !configured.may_run {
            return Ok(());
        }
        let inner = &configured.device.inner;
        let mut reset = Ok(());
        let mut disabled = Ok(());
        match self.channels.take() {
            Some(channels) => {
                let (outcome, lists) = channels.disable_and_stop(|| {
                    reset = inner.reset_networks(configured.firmware);
                    reset.is_ok()
                });
                disabled = outcome;
                for (channel, list) in lists {
                    let stream = configured.streams.iter_mut().find(|stream| stream.boundary.channel == channel.index);
                    if let Some(stream) = stream {
                        stream.list = Some(list);
                    }
                }
            }
            None => reset = inner.reset_networks(configured.firmware),
        }
        inner.networks().is_active = false;
        configured.may_run = reset.is_err();
        disabled.and(reset).map_err(Error::from)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        // Whoever wants to know calls `deactivate`.
        let _ = self.stop();
    }
}

/// Opens the channel of a stream.
fn open(device: &Device, channels: &Channels, stream: &mut Stream, api: Api) -> Result<StreamEnd> {
    let boundary = stream.boundary.clone();
    let list = stream.list.take().ok_or(Error::Lost)?;
    let descriptors = list.count() as usize;
    let per_transfer = (boundary.layer.transfer_size as usize).div_ceil(list.page_size() as usize);
    let channel = channels.open(ChannelId::new(boundary.channel), list)?;
    // The firmware has opened it: that is what the activation context is for.
    channel.mark_started();
    let depth = (descriptors - 1) / per_transfer.max(1);
    let depth = depth.min(boundary.queue_depth.into()).min(MAX_PENDING_TRANSFERS);
    let ring = match (api, &stream.ring) {
        (Api::Blocking, Some(buffer)) => Some(Ring {
            buffer: buffer.clone(),
            descriptors,
            per_transfer,
            oldest: 0,
            next: 0,
            pending: VecDeque::with_capacity(depth),
            portion: Vec::new(),
        }),
        _ => None,
    };
    let boxes = boundary.layer.tensor.nms.as_ref().map(Boxes::new);
    Ok(StreamEnd { boundary, channel, depth, device: device.clone(), ring, boxes })
}

impl Ring {
    /// Waits for the oldest transfer.
    fn finish(&mut self, channel: &Channel, patience: &mut Patience) -> Result<()> {
        let Some(oldest) = self.pending.front() else { return Err(Error::QueueEmpty) };
        let outcome = channel.claim(*oldest, patience);
        self.retire(outcome)
    }

    /// Takes leave of the transfers that are done.
    fn finish_those_done(&mut self, channel: &Channel) -> Result<()> {
        while let Some(outcome) = self.pending.front().and_then(|oldest| channel.claim_if_finished(*oldest)) {
            self.retire(outcome)?;
        }
        Ok(())
    }

    /// Forgets the oldest transfer, of which this is the outcome, unless it is still under way.
    fn retire(&mut self, outcome: crate::Result<InPlace>) -> Result<()> {
        match outcome {
            Ok(InPlace) => {
                self.pending.pop_front();
                Ok(())
            }
            Err(error) => {
                if !is_timeout(&error) {
                    self.pending.pop_front();
                }
                Err(error.into())
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

fn is_timeout(error: &crate::Error) -> bool {
    matches!(error.kind(), ErrorKind::Timeout(_))
}

impl StreamEnd {
    /// Bytes of a transfer.
    fn size(&self) -> usize {
        self.boundary.layer.transfer_size as usize
    }

    /// Bytes of a frame.
    fn frame_size(&self) -> usize {
        self.boxes.as_ref().map_or_else(|| self.size(), Boxes::frame_size)
    }

    fn allocate(&self) -> Result<DmaBuffer> {
        let direction = match self.boundary.layer.direction {
            Direction::Input => BufferDirection::ToDevice,
            Direction::Output => BufferDirection::FromDevice,
        };
        Ok(self.device.allocate(self.size(), direction)?)
    }

    fn check_length(&self, given: usize) -> Result<()> {
        let expected = self.frame_size();
        if given == expected {
            return Ok(());
        }
        Err(Error::FrameLength { stream: self.boundary.layer.tensor.name.clone(), expected, given })
    }

    /// Launches as many transfers as the ring takes, for blocking use.
    fn fetch_ahead(&mut self) -> Result<()> {
        let (size, depth) = (self.size(), self.depth);
        let Some(ring) = &mut self.ring else { return Ok(()) };
        while ring.pending.len() < depth {
            ring.launch(&self.channel, size)?;
        }
        Ok(())
    }

    /// Whether a buffer of the caller's can be launched.
    fn check(&self, buffer: &DmaBuffer) -> Result<()> {
        if self.ring.is_some() {
            return Err(Error::OtherApi { configured: Api::Blocking });
        }
        self.check_length(buffer.len())
    }

    /// Launches a buffer of the caller's.
    fn launch(&self, buffer: DmaBuffer) -> Result<Transfer, (Error, Option<DmaBuffer>)> {
        match self.check(&buffer) {
            Ok(()) => self.channel.launch(buffer).map_err(|LaunchError { error, load }| (error.into(), load)),
            Err(error) => Err((error, Some(buffer))),
        }
    }

    /// Launches the last of the buffers, which was checked, and notes its transfer. It stays where it is if the device has
    /// nothing of it.
    fn launch_last(&self, buffers: &mut Vec<DmaBuffer>, transfers: &mut Vec<u32>) -> Result<()> {
        let Some(buffer) = buffers.pop() else { return Err(Error::QueueEmpty) };
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

    fn write(&mut self, frame: &[u8], patience: &mut Patience) -> Result<()> {
        self.check_length(frame.len())?;
        let depth = self.depth;
        let Some(ring) = &mut self.ring else { return Err(Error::OtherApi { configured: Api::Pipelined }) };
        ring.finish_those_done(&self.channel)?;
        if ring.pending.len() >= depth {
            ring.finish(&self.channel, patience)?;
        }
        // Nothing is under way in the part that comes next: `depth` transfers fit the ring beside each other.
        ring.copy_in(frame)?;
        ring.launch(&self.channel, frame.len())
    }

    fn read(&mut self, frame: &mut [u8], patience: &mut Patience) -> Result<()> {
        self.check_length(frame.len())?;
        loop {
            let Some(ring) = &mut self.ring else { return Err(Error::OtherApi { configured: Api::Pipelined }) };
            ring.finish(&self.channel, patience)?;
            let is_complete = match &mut self.boxes {
                None => {
                    ring.copy_out(frame)?;
                    true
                }
                Some(boxes) => {
                    let mut portion = std::mem::take(&mut ring.portion);
                    portion.resize(self.boundary.layer.transfer_size as usize, 0);
                    ring.copy_out(&mut portion)?;
                    let is_complete = boxes.take(&portion)?;
                    ring.portion = portion;
                    if is_complete {
                        boxes.finish(frame);
                    }
                    is_complete
                }
            };
            self.fetch_ahead()?;
            if is_complete {
                return Ok(());
            }
        }
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
            /// [`Active::submit`] does this for all streams.
            ///
            /// # Errors
            /// [`Error::FrameLength`], [`Error::OtherApi`], what the driver answered; with the buffer, unless the device may
            /// have it.
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
    /// Waits for a frame and copies it out of the ring. It is as the device has it.
    ///
    /// # Errors
    /// [`Error::FrameLength`], [`Error::OtherApi`], [`Error::Boxes`]; [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if none
    /// came in time, which changes nothing; what driver and hardware reported.
    pub fn read(&mut self, frame: &mut [u8], timeout: Duration) -> Result<()> {
        self.0.read(frame, &mut Patience::new(timeout))
    }
}
