//! The bytes between the accelerator and the host.

/// How many bytes may wait for the host before the channels that feed the accelerator stall.
pub(super) const QUEUE_LIMIT: usize = 64 << 20;

/// A queue of bytes whose front is one slice.
///
/// What was popped stays where it is until something else is written there, so that room for bytes that are about to be
/// read need not be filled with zeros first.
#[derive(Debug, Default)]
pub(super) struct ByteQueue {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl ByteQueue {
    pub(super) fn front(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(super) fn pop(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            self.clear();
        } else if self.start > self.end / 2 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }

    pub(super) fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    fn append(&mut self, append: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.truncate(self.end);
        append(&mut self.bytes);
        self.end = self.bytes.len();
        self.start = self.start.min(self.end);
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
            queue.append(append);
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

    /// Takes the bytes of a queue out, for more to be written behind their end, which is given too.
    pub(super) fn take(&mut self, channel: u8) -> (Vec<u8>, usize) {
        let queue = self.queues.get_mut(usize::from(channel));
        queue.map(|queue| (std::mem::take(&mut queue.bytes), queue.end)).unwrap_or_default()
    }

    /// Puts the bytes of a queue back, with so many more behind their end.
    pub(super) fn put_back(&mut self, channel: u8, bytes: Vec<u8>, more: usize) {
        if let Some(queue) = self.queues.get_mut(usize::from(channel)) {
            queue.end = (queue.end + more).min(bytes.len());
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

#[cfg(test)]
mod tests {
    use super::Outputs;

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let mut outputs = Outputs::new(2);
        outputs.push(1, b"first");
        outputs.queue(1).unwrap().pop(5);
        // Written over what was popped, and behind it.
        let (mut bytes, end) = outputs.take(1);
        assert_eq!((bytes.len(), end), (5, 0));
        bytes[..3].copy_from_slice(b"abc");
        outputs.put_back(1, bytes, 3);
        assert_eq!(outputs.waiting(1), 3);
        outputs.push(1, b"defg");
        assert_eq!(outputs.queue(1).unwrap().front(), b"abcdefg");
        outputs.queue(1).unwrap().pop(2);
        assert_eq!(outputs.queue(1).unwrap().front(), b"cdefg");
        outputs.queue(1).unwrap().pop(3);
        outputs.push(1, b"h");
        assert_eq!(outputs.queue(1).unwrap().front(), b"fgh", "moved to the front");
        outputs.clear(1);
        outputs.push(1, b"x");
        assert_eq!(outputs.queue(1).unwrap().front(), b"x");
        assert_eq!(outputs.waiting(0), 0);
    }
}
