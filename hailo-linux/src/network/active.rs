//! [`Active`]: a network that runs.

use std::collections::VecDeque;
use std::time::Duration;

use hailo_abi::firmware::control::{ChangeContextSwitchStatus, ContextSwitchStatus, Done, Request};
use hailo_abi::{ChannelBitmaps, ChannelId};

use super::configure::{Configured, Stream};
use super::error::{Error, Result};
use super::options::Api;
use super::plan::Boundary;
use crate::device::buffer::Direction as BufferDirection;
use crate::device::shared::SharedBuffer;
use crate::device::transfer::InPlace;
use crate::limits::MAX_PENDING_TRANSFERS;
use crate::transform::Direction;
use crate::{Channel, Channels, Device, DmaBuffer, LaunchError, Transfer};

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
}

/// The memory that a list points to for good, and what is under way in it.
#[derive(Debug)]
struct Ring {
    buffer: SharedBuffer,
    /// Descriptors of the list, and of one transfer.
    descriptors: usize,
    per_transfer: usize,
    /// The descriptor with which the oldest transfer begins.
    oldest: usize,
    pending: VecDeque<Transfer<InPlace>>,
}

/// One frame of every stream, in buffers that a device can use. See [`Active::allocate_frame`].
#[derive(Debug)]
pub struct Frame {
    /// What goes in: a buffer for every input, in their order.
    pub inputs: Vec<DmaBuffer>,
    /// What comes out: a buffer for every output, in their order.
    pub outputs: Vec<DmaBuffer>,
    /// Empty but while the frame is under way: its transfers, outputs first.
    transfers: Vec<Transfer>,
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
    /// [`Error::AlreadyActive`] if another network of the device runs, [`Error::Lost`], what driver and firmware answered.
    #[doc(alias = "hailo_activate_network_group")]
    pub fn activate(&mut self) -> Result<Active<'_>> {
        if self.may_run || self.streams.iter().any(|stream| stream.list.is_none()) {
            return Err(Error::Lost);
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
        for (stream, frame) in self.inputs.iter_mut().zip(inputs) {
            stream.write(frame, timeout)?;
        }
        for (stream, frame) in self.outputs.iter_mut().zip(outputs) {
            stream.read(frame, timeout)?;
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
        Ok(Frame { inputs, outputs, transfers })
    }

    /// Gives a frame to a network for pipelined use. It comes back from [`receive`](Self::receive), in order.
    ///
    /// # Errors
    /// [`Error::QueueFull`] when [`capacity`](Self::capacity) frames are under way; the frame comes back.
    /// [`Error::FrameCount`], [`Error::FrameLength`], [`Error::OtherApi`]; and what the driver answered, after which the
    /// network has to be activated again.
    #[expect(clippy::result_large_err, reason = "the frame goes back the way it came, which no box makes cheaper")]
    pub fn submit(&mut self, mut frame: Frame) -> Result<(), SubmitError> {
        let refused = |error, frame| Err(SubmitError { error, frame: Some(frame) });
        if self.in_flight.len() >= self.capacity {
            return refused(Error::QueueFull(self.capacity), frame);
        }
        for (expected, given) in [(self.inputs.len(), frame.inputs.len()), (self.outputs.len(), frame.outputs.len())] {
            if expected != given {
                return refused(Error::FrameCount { expected, given }, frame);
            }
        }
        // Room for the results first, so that the device always finds it.
        let outputs = self.outputs.iter().map(|stream| &stream.0).zip(frame.outputs.drain(..));
        let inputs = self.inputs.iter().map(|stream| &stream.0).zip(frame.inputs.drain(..));
        for (end, buffer) in outputs.chain(inputs) {
            match end.launch(buffer) {
                Ok(transfer) => frame.transfers.push(transfer),
                Err((error, _)) => return Err(SubmitError { error, frame: None }),
            }
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
        let oldest = self.in_flight.front().ok_or(Error::QueueEmpty)?;
        for transfer in &oldest.transfers {
            transfer.wait_until_finished(timeout)?;
        }
        let Some(mut frame) = self.in_flight.pop_front() else { return Err(Error::QueueEmpty) };
        let Frame { inputs, outputs, transfers } = &mut frame;
        for (index, transfer) in transfers.drain(..).enumerate() {
            let buffer = transfer.wait(Duration::ZERO)?;
            if index < self.outputs.len() { outputs.push(buffer) } else { inputs.push(buffer) }
        }
        Ok(frame)
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
            pending: VecDeque::with_capacity(depth),
        }),
        _ => None,
    };
    Ok(StreamEnd { boundary, channel, depth, device: device.clone(), ring })
}

impl Ring {
    /// The oldest transfer, when it is done.
    fn finished(&mut self, timeout: Duration) -> Result<()> {
        let Some(oldest) = self.pending.front() else { return Err(Error::QueueEmpty) };
        oldest.wait_until_finished(timeout)?;
        match self.pending.pop_front() {
            Some(oldest) => oldest.wait(Duration::ZERO).map(drop).map_err(Error::from),
            None => Err(Error::QueueEmpty),
        }
    }

    /// Copies the transfer that has begun with the descriptor `oldest` out.
    fn copy_out(&mut self, frame: &mut [u8]) -> Result<()> {
        let page = self.buffer.len() / self.descriptors;
        let start = self.oldest * page;
        let (first, rest) = frame.split_at_mut(frame.len().min(self.buffer.len() - start));
        self.buffer.copy_out(start, first)?;
        if !rest.is_empty() {
            self.buffer.copy_out(0, rest)?;
        }
        self.oldest = (self.oldest + self.per_transfer) % self.descriptors;
        Ok(())
    }
}

impl StreamEnd {
    fn size(&self) -> usize {
        self.boundary.layer.transfer_size as usize
    }

    fn allocate(&self) -> Result<DmaBuffer> {
        let direction = match self.boundary.layer.direction {
            Direction::Input => BufferDirection::ToDevice,
            Direction::Output => BufferDirection::FromDevice,
        };
        Ok(self.device.allocate(self.size(), direction)?)
    }

    fn check_length(&self, given: usize) -> Result<()> {
        let expected = self.size();
        if given == expected {
            return Ok(());
        }
        Err(Error::FrameLength { stream: self.boundary.layer.tensor.name.clone(), expected, given })
    }

    fn ring(&mut self) -> Result<&mut Ring> {
        self.ring.as_mut().ok_or(Error::OtherApi { configured: Api::Pipelined })
    }

    /// Launches as many transfers as the ring takes, for blocking use.
    fn fetch_ahead(&mut self) -> Result<()> {
        let size = self.size();
        let depth = self.depth;
        let Some(ring) = &mut self.ring else { return Ok(()) };
        while ring.pending.len() < depth {
            ring.pending.push_back(self.channel.launch_in_place(&ring.buffer, size)?);
        }
        Ok(())
    }

    /// Launches a buffer of the caller's.
    fn launch(&self, buffer: DmaBuffer) -> Result<Transfer, (Error, Option<DmaBuffer>)> {
        if self.ring.is_some() {
            return Err((Error::OtherApi { configured: Api::Blocking }, Some(buffer)));
        }
        if let Err(error) = self.check_length(buffer.len()) {
            return Err((error, Some(buffer)));
        }
        self.channel.launch(buffer).map_err(|LaunchError { error, load }| (error.into(), load))
    }

    fn write(&mut self, frame: &[u8], timeout: Duration) -> Result<()> {
        self.check_length(frame.len())?;
        let depth = self.depth;
        let ring = self.ring.as_mut().ok_or(Error::OtherApi { configured: Api::Pipelined })?;
        while ring.pending.front().is_some_and(Transfer::is_finished) {
            ring.finished(Duration::ZERO)?;
        }
        if ring.pending.len() >= depth {
            ring.finished(timeout)?;
        }
        // Nothing is under way in the part that comes next: `depth` transfers fit the ring beside each other.
        let (first, rest) = self.channel.next_in_place(frame.len());
        let (head, tail) = frame.split_at(first.len());
        ring.buffer.fill(first.start, head)?;
        if rest > 0 {
            ring.buffer.fill(0, tail)?;
        }
        ring.pending.push_back(self.channel.launch_in_place(&ring.buffer, frame.len())?);
        Ok(())
    }

    fn read(&mut self, frame: &mut [u8], timeout: Duration) -> Result<()> {
        self.check_length(frame.len())?;
        let ring = self.ring()?;
        ring.finished(timeout)?;
        ring.copy_out(frame)?;
        self.fetch_ahead()
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

            /// Bytes of a transfer on the device's side: of a frame, but for non-maximum suppression.
            #[must_use]
            pub fn frame_size(&self) -> usize {
                self.0.size()
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
        self.0.write(frame, timeout)
    }
}

impl OutputStream {
    /// Waits for a frame and copies it out of the ring. It is as the device has it.
    ///
    /// # Errors
    /// [`Error::FrameLength`], [`Error::OtherApi`]; [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if none came in time, which changes nothing; what
    /// driver and hardware reported.
    pub fn read(&mut self, frame: &mut [u8], timeout: Duration) -> Result<()> {
        self.0.read(frame, timeout)
    }
}
