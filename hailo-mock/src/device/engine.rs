//! The vDMA engine: walks descriptors and moves bytes between the host and the accelerator.
//!
//! Whoever gives the engine work (a thread that launches a transfer, a firmware control that lets a channel run) does that
//! work, unless another thread is at it already; then that one does it too. So a board works in one thread at a time, and
//! nothing waits for a thread to be scheduled. No lock is held while bytes are copied; a channel that is reset meanwhile
//! waits for the piece that is being copied.

use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::queue::Outputs;
use super::registers::{ChannelRegisters, DescriptorView, control_bits, flags, status_bits};
use super::{Device, HARDWARE_CHANNELS, lock};
use crate::accelerator::Accelerator;
use crate::dma::{DmaSpace, Found, ListMemory, Target};

/// How many bytes are moved before the engine looks at the other channels. Fits into a processor's cache.
const PIECE: usize = 32 << 10;
/// The most bytes that one descriptor can name.
const MAX_DESCRIPTOR: usize = 1 << 24;

/// The vDMA engine of a board.
#[derive(Debug)]
pub(crate) struct Engine {
    state: Mutex<State>,
    /// Signalled when a piece was copied and somebody waits for that.
    copied: Condvar,
    datapath: Mutex<Datapath>,
}

#[derive(Debug, Default)]
struct State {
    /// A thread is at work.
    running: bool,
    /// Channels to look at.
    pending: u64,
    /// Channels that were reset, of which the data path does not know yet.
    reset: u64,
    /// The channel that is being copied.
    busy: Option<u8>,
    waiting: usize,
    replacement: Option<Box<dyn Accelerator>>,
    /// The accelerator may go on.
    resume: bool,
}

/// What the thread at work uses.
#[derive(Debug)]
struct Datapath {
    accelerator: Box<dyn Accelerator>,
    outputs: Outputs,
    scratch: Vec<u8>,
    targets: Vec<Option<CachedTarget>>,
    counters: Vec<u8>,
    /// Channels from the host for whose bytes there was no room.
    stalled: u64,
}

/// Memory that a channel found last, as long as nothing was unmapped.
#[derive(Debug)]
struct CachedTarget {
    generation: u64,
    address: u64,
    found: Found,
}

/// Gives the work back even if an accelerator panics.
struct AtWork<'a>(&'a Engine);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.running = false;
        state.busy = None;
        self.0.copied.notify_all();
    }
}

impl Engine {
    pub(super) fn new(accelerator: Box<dyn Accelerator>) -> Self {
        Self {
            state: Mutex::default(),
            copied: Condvar::new(),
            datapath: Mutex::new(Datapath {
                accelerator,
                outputs: Outputs::new(HARDWARE_CHANNELS),
                scratch: Vec::new(),
                targets: (0..HARDWARE_CHANNELS).map(|_| None).collect(),
                counters: vec![0; usize::from(HARDWARE_CHANNELS)],
                stalled: 0,
            }),
        }
    }

    /// Replaces the accelerator, before the next piece is moved.
    pub(crate) fn set_accelerator(&self, accelerator: Box<dyn Accelerator>) {
        lock(&self.state).replacement = Some(accelerator);
    }

    /// Lets the accelerator go on, before the next piece is moved.
    pub(crate) fn resume(&self) {
        lock(&self.state).resume = true;
    }

    /// Waits until no bytes of a channel are moved, and calls `change` before any are moved again. What has arrived on the
    /// channel, or waits on it for the host, is forgotten.
    pub(crate) fn reset_channel(&self, channel: u8, change: impl FnOnce()) {
        let mut state = self.pause(channel);
        change();
        state.reset |= 1 << channel;
    }

    /// As [`reset_channel`](Self::reset_channel), but nothing is forgotten.
    pub(crate) fn reset_channel_registers(&self, channel: u8, change: impl FnOnce()) {
        let _state = self.pause(channel);
        change();
    }

    fn pause(&self, channel: u8) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        while state.busy == Some(channel) {
            state.waiting += 1;
            state = self.copied.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        state
    }

    /// Does what there is to do on some channels, and all that follows from it. `interrupt` is called with the channels that
    /// interrupt the host.
    pub(crate) fn run(&self, device: &Device, channels: u64, interrupt: &dyn Fn(u64)) {
        {
            let mut state = lock(&self.state);
            state.pending |= channels;
            if state.running {
                return;
            }
            state.running = true;
        }
        let at_work = AtWork(self);
        let mut datapath = lock(&self.datapath);
        loop {
            let channel = {
                let mut state = lock(&self.state);
                state.busy = None;
                if state.waiting > 0 {
                    self.copied.notify_all();
                }
                datapath.follow(&mut state);
                let Some(channel) = next(state.pending) else {
                    state.running = false;
                    break;
                };
                state.pending &= !(1 << channel);
                state.busy = Some(channel);
                channel
            };
            let Some(registers) = device.channel(channel) else { continue };
            let step = datapath.step(&device.dma, channel, registers);
            if step.progress {
                // Channels that waited for room may go on too.
                lock(&self.state).pending |= 1 << channel | datapath.unstalled();
            }
            if step.interrupt {
                registers.interrupts.fetch_add(1, Ordering::Relaxed);
                interrupt(1 << channel);
            }
        }
        drop(datapath);
        std::mem::forget(at_work);
    }
}

/// The channel to look at next: those towards the host first, so that little waits for them.
fn next(pending: u64) -> Option<u8> {
    (pending != 0).then(|| 63 - pending.leading_zeros() as u8)
}

#[derive(Default)]
struct Step {
    progress: bool,
    interrupt: bool,
}

/// Descriptors that are processed together.
struct Walk<'a> {
    registers: &'a ChannelRegisters,
    memory: &'a ListMemory,
    mask: u32,
    first: u32,
    count: u32,
    bytes: usize,
    flags: u8,
    ended: bool,
}

impl<'a> Walk<'a> {
    fn new(registers: &'a ChannelRegisters, memory: &'a ListMemory) -> Self {
        let mask = registers.mask();
        let first = u32::from(registers.num_proc.load(Ordering::Acquire)) & mask;
        Self { registers, memory, mask, first, count: 0, bytes: 0, flags: registers.flags(), ended: false }
    }

    /// The next descriptor, if there is one and the piece is not full yet.
    fn peek(&self) -> Option<(u64, usize)> {
        let index = (self.first + self.count) & self.mask;
        let avail = u32::from(self.registers.num_avail.load(Ordering::Acquire)) & self.mask;
        if index == avail || self.ended || self.bytes >= PIECE || self.count > self.mask {
            return None;
        }
        // Behind the end of a short list the memory is zero.
        let descriptor = DescriptorView::new(self.memory, index);
        Some(descriptor.map_or((0, 0), |descriptor| (descriptor.address(), descriptor.size() as usize)))
    }

    /// Takes the descriptor that was looked at.
    fn take(&mut self, size: usize) {
        let index = (self.first + self.count) & self.mask;
        self.ended = DescriptorView::new(self.memory, index).is_some_and(|descriptor| self.interrupts(descriptor));
        self.count += 1;
        self.bytes += size;
    }

    fn interrupts(&self, descriptor: DescriptorView<'_>) -> bool {
        let control = descriptor.control();
        let failed = self.flags & flags::ERROR_STATUS != 0;
        let wanted = control & control_bits::REQUEST_INTERRUPT != 0
            || failed && control & control_bits::REQUEST_INTERRUPT_ON_ERROR != 0;
        wanted && control & control_bits::INTERRUPT_HOST != 0 && self.flags & flags::NO_INTERRUPT == 0
    }

    /// Writes statuses back and publishes how far the channel got.
    fn finish(self) -> Step {
        if self.count == 0 {
            return Step::default();
        }
        let failed = self.flags & flags::ERROR_STATUS != 0;
        if self.flags & flags::NO_STATUS == 0 {
            for step in 0..self.count {
                let Some(descriptor) = DescriptorView::new(self.memory, (self.first + step) & self.mask) else { break };
                let control = descriptor.control();
                if control & control_bits::REQUEST_STATUS != 0
                    || failed && control & control_bits::REQUEST_STATUS_ON_ERROR != 0
                {
                    descriptor.set_status(if failed { status_bits::ERROR } else { status_bits::DONE });
                }
            }
        }
        if failed {
            self.registers.error.store(1, Ordering::Release);
        }
        self.registers.descriptors.fetch_add(self.count.into(), Ordering::Relaxed);
        self.registers.bytes.fetch_add(self.bytes as u64, Ordering::Relaxed);
        // The counter goes from 1 to the number of descriptors; 65536 does not fit and reads as 0.
        let index = (self.first + self.count - 1) & self.mask;
        self.registers.num_proc.store((index + 1) as u16, Ordering::Release);
        Step { progress: true, interrupt: self.ended }
    }
}

/// Descriptors next to each other in memory.
#[derive(Default)]
struct Run {
    address: u64,
    start: usize,
    length: usize,
}

impl Run {
    /// Whether the run goes on with `size` bytes at `address`. If not, it is to be moved first.
    fn extend(&mut self, address: u64, size: usize) -> bool {
        if self.length == 0 || self.address + self.length as u64 == address {
            if self.length == 0 {
                self.address = address;
            }
            self.length += size;
            return true;
        }
        false
    }
}

impl Datapath {
    /// Takes note of what happened since the last piece.
    fn follow(&mut self, state: &mut State) {
        if let Some(accelerator) = state.replacement.take() {
            self.accelerator = accelerator;
        }
        let mut reset = std::mem::take(&mut state.reset);
        while let Some(channel) = next(reset) {
            reset &= !(1 << channel);
            self.outputs.clear(channel);
            self.accelerator.reset(channel, &mut self.outputs);
            self.targets[usize::from(channel)] = None;
            self.counters[usize::from(channel)] = 0;
        }
        if std::mem::take(&mut state.resume) {
            self.accelerator.resume(&mut self.outputs);
            state.pending |= self.unstalled();
        }
        state.pending |= std::mem::take(&mut self.outputs.fed);
    }

    /// The channels that waited for room that there is now.
    fn unstalled(&mut self) -> u64 {
        if self.stalled == 0 || self.outputs.is_full() { 0 } else { std::mem::take(&mut self.stalled) }
    }

    fn step(&mut self, dma: &DmaSpace, channel: u8, registers: &ChannelRegisters) -> Step {
        if !registers.is_active() || registers.is_idle() {
            return Step::default();
        }
        let Some(Found { target: Target::List(list), offset, .. }) = dma.find(registers.list.load(Ordering::Acquire))
        else {
            dma.count_stray();
            return Step::default();
        };
        if offset != 0 {
            dma.count_stray();
            return Step::default();
        }
        let walk = Walk::new(registers, &list);
        if channel < HARDWARE_CHANNELS / 2 {
            self.fetch_from_host(dma, channel, walk)
        } else {
            self.deliver_to_host(dma, channel, walk)
        }
    }

    fn fetch_from_host(&mut self, dma: &DmaSpace, channel: u8, mut walk: Walk<'_>) -> Step {
        let sink = walk.flags & flags::SINK != 0;
        if !sink && (self.outputs.is_full() || self.accelerator.is_full(channel)) {
            self.stalled |= 1 << channel;
            return Step::default();
        }
        let forward = self.accelerator.forwards(channel).filter(|_| !sink);
        // Bytes that go on as they are, are read straight to where they wait for the host.
        let (mut buffer, start) = match forward {
            Some(output) => self.outputs.take(output),
            None => (std::mem::take(&mut self.scratch), 0),
        };
        let mut run = Run { start, ..Run::default() };
        while let Some((address, size)) = walk.peek() {
            if !run.extend(address, size) {
                self.fetch(dma, channel, &run, &mut buffer);
                run = Run { address, start: run.start + run.length, length: size };
            }
            walk.take(size);
        }
        self.fetch(dma, channel, &run, &mut buffer);
        match forward {
            Some(output) => self.outputs.put_back(output, buffer, walk.bytes),
            None => {
                let bytes = buffer.get(..walk.bytes).filter(|bytes| !sink && !bytes.is_empty());
                if let Some(bytes) = bytes {
                    self.accelerator.input(channel, bytes, &mut self.outputs);
                }
                self.scratch = buffer;
            }
        }
        walk.finish()
    }

    /// Reads a run from memory into a buffer.
    fn fetch(&mut self, dma: &DmaSpace, channel: u8, run: &Run, buffer: &mut Vec<u8>) {
        let end = run.start + run.length;
        if buffer.len() < end {
            buffer.resize(end, 0);
        }
        let mut done = 0;
        while done < run.length {
            let address = run.address + done as u64;
            let (skip, length) = self.seek(dma, channel, address);
            let count = length.min(run.length - done);
            let bytes = &mut buffer[run.start + done..run.start + done + count];
            let read = match &self.targets[usize::from(channel)] {
                Some(target) => target.found.read(skip, bytes).is_ok(),
                None => false,
            };
            if !read {
                bytes.fill(0);
                dma.count_stray();
            }
            done += count;
        }
    }

    fn deliver_to_host(&mut self, dma: &DmaSpace, channel: u8, mut walk: Walk<'_>) -> Step {
        if walk.flags & flags::COUNTER != 0 {
            self.count_up(channel);
        }
        let available = self.outputs.waiting(channel);
        let mut run = Run::default();
        while let Some((address, size)) = walk.peek() {
            if walk.bytes + size > available || size > MAX_DESCRIPTOR {
                break;
            }
            if !run.extend(address, size) {
                self.deliver(dma, channel, &run);
                run = Run { address, start: run.start + run.length, length: size };
            }
            walk.take(size);
        }
        self.deliver(dma, channel, &run);
        if let Some(queue) = self.outputs.queue(channel) {
            queue.pop(walk.bytes);
        }
        walk.finish()
    }

    /// Writes a run of the bytes that wait for the host to memory.
    fn deliver(&mut self, dma: &DmaSpace, channel: u8, run: &Run) {
        let mut done = 0;
        while done < run.length {
            let address = run.address + done as u64;
            let (skip, length) = self.seek(dma, channel, address);
            let count = length.min(run.length - done);
            let bytes = self
                .outputs
                .queue(channel)
                .and_then(|queue| queue.front().get(run.start + done..run.start + done + count));
            let written = match (&self.targets[usize::from(channel)], bytes) {
                (Some(target), Some(bytes)) => target.found.write(skip, bytes).is_ok(),
                _ => false,
            };
            if !written {
                dma.count_stray();
            }
            done += count;
        }
    }

    /// Makes the channel's target the memory at an address. Returns where in it the address is, and how many bytes follow.
    fn seek(&mut self, dma: &DmaSpace, channel: u8, address: u64) -> (u64, usize) {
        let target = &mut self.targets[usize::from(channel)];
        let generation = dma.generation();
        let known = target.as_ref().is_some_and(|target| {
            target.generation == generation
                && target.address <= address
                && address - target.address < target.found.length
        });
        if !known {
            *target = dma.find(address).map(|found| CachedTarget { generation, address, found });
        }
        match target {
            Some(target) => {
                let skip = address - target.address;
                (skip, usize::try_from(target.found.length - skip).unwrap_or(usize::MAX))
            }
            // Nothing there; the next page may be another matter.
            None => (0, 4096 - (address % 4096) as usize),
        }
    }

    /// Puts as many bytes of a counter into the queue of a channel as one piece can take.
    fn count_up(&mut self, channel: u8) {
        let missing = (2 * PIECE).saturating_sub(self.outputs.waiting(channel));
        let counter = &mut self.counters[usize::from(channel)];
        self.outputs.extend(channel, |queue| {
            queue.extend((0..missing).map(|_| {
                let value = *counter;
                *counter = counter.wrapping_add(1);
                value
            }));
        });
        self.outputs.fed &= !(1 << channel);
    }
}
