//! [`Source`]: the parameters of operations, from the bytes of a fuzzer.

/// Takes parameters from bytes; at their end everything is zero.
pub(super) struct Source<'a>(pub(super) &'a [u8]);

impl Source<'_> {
    pub(super) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    /// One of so many things, if there are any.
    pub(super) fn index(&mut self, count: usize) -> Option<usize> {
        let byte = usize::from(self.byte());
        (count > 0).then(|| byte % count)
    }

    pub(super) fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A number that is mostly small, sometimes at an edge.
    pub(super) fn number(&mut self) -> u64 {
        match self.byte() {
            0xf0 => 1 << 32,
            0xf1 => (1 << 32) - 1,
            0xf2 => u64::MAX,
            0xf3 => self.word(),
            0xf4 => 0,
            small => small.into(),
        }
    }

    /// A handle near those that were given out.
    pub(super) fn handle(&mut self, last: u64, step: u64) -> u64 {
        match self.byte() {
            0xff => self.word(),
            byte => (last + step).wrapping_sub(u64::from(byte % 6) * step),
        }
    }
}
