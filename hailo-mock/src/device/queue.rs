//! The bytes between the accelerator and the host.

/// How many bytes may wait for the host before the channels that feed the accelerator stall.
pub(super) const QUEUE_LIMIT: usize = 64 << 20;

/// A queue of bytes whose front is one slice.
#[derive(Debug, Default)]
pub(super) struct ByteQueue {
    bytes: Vec<u8>,
    start: usize,
}

impl ByteQueue {
    pub(super) fn front(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    pub(super) fn pop(&mut self, count: usize) {
        self.start = (self.start + count).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.clear();
        } else if self.start > self.bytes.len() / 2 {
            self.bytes.copy_within(self.start.., 0);
            self.bytes.truncate(self.bytes.len() - self.start);
            self.start = 0;
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }
}

/// Where an [`Accelerator`](crate::Accelerator) puts the bytes for the host.
#[derive(Debug)]
pub struct Outputs {
    queues: Vec<ByteQueue>,
    /// The channels that got bytes since this was last looked at.
    pub(super) fed: u64,
}

impl Outputs {
    pub(super) fn new(channels: u8) -> Self {
        Self { queues: (0..channels).map(|_| ByteQueue::default()).collect(), fed: 0 }
    }

    /// Appends bytes to the queue of a channel towards the host. There is no such channel: they are lost.
    pub fn push(&mut self, channel: u8, bytes: &[u8]) {
        self.extend(channel, |queue| queue.extend_from_slice(bytes));
    }

    /// Lets a function append bytes to the queue of a channel.
    pub fn extend(&mut self, channel: u8, append: impl FnOnce(&mut Vec<u8>)) {
        if let Some(queue) = self.queues.get_mut(usize::from(channel)) {
            append(&mut queue.bytes);
            self.fed |= 1 << channel;
        }
    }

    /// How many bytes wait for the host on a channel.
    #[must_use]
    pub fn waiting(&self, channel: u8) -> usize {
        self.queues.get(usize::from(channel)).map_or(0, ByteQueue::len)
    }

    /// Drops what waits for the host on a channel.
    pub fn clear(&mut self, channel: u8) {
        if let Some(queue) = self.queues.get_mut(usize::from(channel)) {
            queue.clear();
        }
    }

    /// Takes the bytes of a queue out, for more to be appended.
    pub(super) fn take(&mut self, channel: u8) -> Vec<u8> {
        self.queues.get_mut(usize::from(channel)).map(|queue| std::mem::take(&mut queue.bytes)).unwrap_or_default()
    }

    /// Puts the bytes of a queue back.
    pub(super) fn put_back(&mut self, channel: u8, bytes: Vec<u8>) {
        if let Some(queue) = self.queues.get_mut(usize::from(channel)) {
            queue.bytes = bytes;
            self.fed |= 1 << channel;
        }
    }

    pub(super) fn queue(&mut self, channel: u8) -> Option<&mut ByteQueue> {
        self.queues.get_mut(usize::from(channel))
    }

    /// Whether so much waits that nothing more should come in.
    pub(super) fn is_full(&self) -> bool {
        self.queues.iter().any(|queue| queue.len() > QUEUE_LIMIT)
    }
}
