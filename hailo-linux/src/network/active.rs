//! [`Active`]: a network that runs.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::control::{ChangeContextSwitchStatus, ContextSwitchStatus, Done, Request};
use hailo_abi::firmware::notification::{Event, Notification};
use hailo_abi::{ChannelBitmaps, ChannelId};

use super::configure::Configured;
use super::error::{Error, Result};
use super::stream::{InputStream, OutputStream, StreamEnd, open};
use crate::device::transfer::Patience;
use crate::notifications::RawNotification;
use crate::transform::Direction;
use crate::{Channels, DmaBuffer};

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
    /// Which outputs give boxes, one bit for each.
    boxes: u64,
    /// Whether the device has a part of a frame that failed, so that what comes next belongs to another frame than expected.
    is_unfinished: bool,
    channels: Option<Channels>,
    configured: &'a mut Configured,
}

/// One frame of every stream, in buffers that a device can use. See [`Active::allocate_frame`].
#[derive(Debug)]
pub struct Frame(Box<Buffers>);

/// The buffers of a [`Frame`].
#[derive(Debug)]
pub struct Buffers {
    /// What goes in: a buffer for every input, in their order.
    pub inputs: Vec<DmaBuffer>,
    /// What comes out: a buffer for every output, in their order. Boxes of non-maximum suppression are put together in theirs
    /// by [`Active::receive`]; the device writes them elsewhere.
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
            boxes: 0,
            is_unfinished: false,
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
        self.configured.listen()?;
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
            if !end.has_boxes() {
                depths.push(end.depth);
            }
            match end.boundary.layer.direction {
                Direction::Input => self.inputs.push(InputStream(end)),
                Direction::Output => self.outputs.push(OutputStream(end)),
            }
        }
        self.capacity = depths.into_iter().min().unwrap_or(0);
        self.in_flight.reserve(self.capacity);
        for (index, output) in self.outputs.iter_mut().enumerate() {
            // Each has a channel of its own, of which there are far fewer than bits.
            self.boxes |= u64::from(output.0.reserve_boxes(self.capacity)) << index;
        }
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
    /// [`Error::FrameCount`], and as [`InputStream::write`] and [`OutputStream::read`]. If one of these
    /// fails, as by a timeout, the device may have a part of the frame: every further one is refused with [`Error::Unfinished`]
    /// until the network is activated again. A frame of which number or length is wrong changes nothing.
    pub fn infer(&mut self, inputs: &[&[u8]], outputs: &mut [&mut [u8]], timeout: Duration) -> Result<()> {
        let count = |expected: usize, given: usize| {
            if expected == given { Ok(()) } else { Err(Error::FrameCount { expected, given }) }
        };
        count(self.inputs.len(), inputs.len())?;
        count(self.outputs.len(), outputs.len())?;
        self.inputs.iter().zip(inputs).try_for_each(|(stream, frame)| stream.0.check_blocking(frame.len()))?;
        self.outputs.iter().zip(&*outputs).try_for_each(|(stream, frame)| stream.0.check_blocking(frame.len()))?;
        if std::mem::replace(&mut self.is_unfinished, true) {
            return Err(Error::Unfinished);
        }
        self.run_frame(inputs, outputs, &mut Patience::new(timeout))?;
        self.is_unfinished = false;
        Ok(())
    }

    /// Runs a frame of which the number of streams and their lengths were checked.
    fn run_frame(&mut self, inputs: &[&[u8]], outputs: &mut [&mut [u8]], patience: &mut Patience) -> Result<()> {
        for (stream, frame) in self.inputs.iter_mut().zip(inputs) {
            stream.0.write(frame, patience)?;
        }
        // Of other outputs whole frames are fetched ahead; where there is no room for boxes, everything waits.
        each_of(self.boxes, patience, |index, patience| match (self.outputs.get_mut(index), outputs.get_mut(index)) {
            (Some(stream), Some(frame)) => stream.0.read(frame, patience),
            _ => Ok(()),
        })?;
        for (stream, frame) in self.outputs.iter_mut().zip(outputs).filter(|(stream, _)| !stream.0.has_boxes()) {
            stream.0.read(frame, patience)?;
        }
        Ok(())
    }

    /// Moves the caches of the network on, as it has to be done after each frame of a network with caches: the next one does
    /// not begin before. Reading and writing begin `entries` entries later then; as many as a frame writes, if nothing else
    /// is said. Waits until the firmware says that the frame is through (the notification `START_UPDATE_CACHE_OFFSET`), tells
    /// the lists of the caches where the entries are, and lets the firmware go on. Does nothing for a network without caches.
    ///
    /// The vendor's library does this where the environment says so, or when it is called for (`update_cache_offset`).
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if no frame is through in time, which changes nothing; what driver and
    /// firmware answered.
    #[doc(alias = "update_cache_offset")]
    #[doc(alias = "CONTEXT_SWITCH_SIGNAL_CACHE_UPDATED")]
    pub fn move_caches(&mut self, entries: Option<u32>, timeout: Duration) -> Result<()> {
        let configured = &mut *self.configured;
        let Some(notifications) = &configured.notifications else { return Ok(()) };
        let mut patience = Patience::new(timeout);
        while !is_about_caches(&notifications.receive(patience.remaining())?, configured.firmware) {}
        configured.move_caches(entries)?;
        // SAFETY: the network goes on with lists that were programmed as before, with the memory that is mapped for them.
        let Done = unsafe { configured.device.inner.ask(configured.firmware, &Request::SignalCacheUpdated) }?;
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
    /// [`Error::FrameCount`], [`Error::FrameLength`], [`Error::OtherApi`]; and what the driver answered. If the device has a part
    /// of the frame then, it does not come back, and every further one is refused with [`Error::Unfinished`] until the network is
    /// activated again.
    pub fn submit(&mut self, mut frame: Frame) -> Result<(), SubmitError> {
        let refused = |error, frame| Err(SubmitError { error, frame: Some(frame) });
        if self.in_flight.len() >= self.capacity {
            return refused(Error::QueueFull(self.capacity), frame);
        }
        if self.is_unfinished {
            return refused(Error::Unfinished, frame);
        }
        if let Err(error) = self.check(&frame) {
            return refused(error, frame);
        }
        let Buffers { inputs, outputs, transfers } = &mut *frame.0;
        // Room for the results first, so that the device always finds it.
        let launched = (self.outputs.iter_mut().rev())
            .try_for_each(|output| output.0.launch_last(outputs, transfers))
            .and_then(|()| (self.inputs.iter_mut().rev()).try_for_each(|input| input.0.launch_last(inputs, transfers)));
        if let Err(error) = launched {
            // Of boxes the device has nothing yet.
            while let Some(buffer) = self
                .outputs
                .len()
                .checked_sub(transfers.len())
                .and_then(|index| self.outputs.get_mut(index).and_then(|output| output.0.taken_back()))
            {
                outputs.push(buffer);
                transfers.pop();
            }
            // What the device has of it comes back with the channels.
            let whole = transfers.is_empty() && outputs.len() == self.outputs.len();
            self.is_unfinished = !whole;
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
        if let Err(error) = self.complete(&mut Patience::new(timeout)) {
            if !error.is_timeout() {
                self.give_up();
            }
            return Err(error);
        }
        match self.in_flight.pop_front() {
            Some(frame) => Ok(frame),
            None => Err(Error::QueueEmpty),
        }
    }

    /// Takes the buffers of the oldest frame back.
    fn complete(&mut self, patience: &mut Patience) -> Result<()> {
        let Some(frame) = self.in_flight.front_mut() else { return Err(Error::QueueEmpty) };
        // Of other outputs whole frames are launched; where there is no room for boxes, everything waits.
        each_of(self.boxes, patience, |index, patience| {
            self.outputs.get_mut(index).map_or(Ok(()), |output| output.0.assemble(patience))
        })?;
        let Buffers { inputs, outputs, transfers } = &mut *frame.0;
        // Those that are done give their buffers back at once, also if others are not.
        while let Some(transfer) = transfers.last() {
            let left = transfers.len();
            match left.checked_sub(self.outputs.len() + 1) {
                Some(others) => {
                    let Some(input) = self.inputs.get(self.inputs.len() - 1 - others) else { break };
                    inputs.push(input.0.channel.claim(*transfer, patience)?);
                }
                None => {
                    let count = self.outputs.len();
                    let Some(output) = self.outputs.get_mut(count - left) else { break };
                    outputs.push(match output.0.assembled() {
                        Some(boxes) => boxes,
                        None => output.0.channel.claim(*transfer, patience)?,
                    });
                }
            }
            transfers.pop();
        }
        Ok(())
    }

    /// Forgets the oldest frame, of which something failed.
    #[cold]
    fn give_up(&mut self) {
        let Some(frame) = self.in_flight.pop_front() else { return };
        let taken = self.outputs.len().saturating_sub(frame.transfers.len());
        self.outputs.iter_mut().skip(taken).for_each(|output| drop(output.0.assembled()));
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

/// Whether the firmware says that caches are to be moved on.
fn is_about_caches(notification: &RawNotification, firmware: FirmwareInterface) -> bool {
    let read = Notification::decode(firmware, notification.bytes());
    read.is_ok_and(|read| matches!(read.event, Event::StartUpdateCacheOffset(_)))
}

/// Calls `wait` for each of the outputs that the bits stand for. While it waits for one of several, the others have their turns:
/// the device may have to get rid of something there before it goes on.
fn each_of(
    mut outputs: u64,
    patience: &mut Patience,
    mut wait: impl FnMut(usize, &mut Patience) -> Result<()>,
) -> Result<()> {
    const TURN: Duration = Duration::from_millis(1);
    while outputs != 0 {
        let mut rest = outputs;
        while rest != 0 {
            let index = rest.trailing_zeros();
            rest &= rest - 1;
            let to_the_end = outputs.is_power_of_two() || patience.is_over();
            let outcome = match to_the_end {
                true => wait(index as usize, patience),
                false => wait(index as usize, &mut patience.at_most(TURN)),
            };
            match outcome {
                Ok(()) => outputs &= !(1 << index),
                Err(error) if error.is_timeout() && !to_the_end => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn timeout() -> Error {
        crate::Error::new("a device", "wait", ErrorKind::Timeout(Duration::ZERO)).into()
    }

    #[test]
    fn each_gets_its_turn_while_others_are_waited_for() {
        let mut asked = [0; 4];
        let wait = |index: usize, _: &mut Patience| {
            asked[index] += 1;
            if index == 3 { Ok(()) } else { Err(timeout()) }
        };
        let error = each_of(0b1001, &mut Patience::new(Duration::from_millis(20)), wait).unwrap_err();
        assert!(error.is_timeout(), "{error}");
        // The one that was done is not asked again, and the other may then use all the time there is.
        assert_eq!((asked[3], asked[0]), (1, 2));
        // Neither gets ahead without the other.
        let mut asked = [0; 4];
        let wait = |index: usize, _: &mut Patience| {
            asked[index] += 1;
            if asked[0] + asked[3] >= 6 { Ok(()) } else { Err(timeout()) }
        };
        each_of(0b1001, &mut Patience::new(Duration::from_secs(100)), wait).unwrap();
        assert_eq!((asked[0], asked[3]), (4, 3));
        assert!(each_of(0, &mut Patience::new(Duration::ZERO), |_, _| Err(timeout())).is_ok());
    }
}
