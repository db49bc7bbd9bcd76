//! [`Ring`]: which descriptors of a channel's circular list are in use, and by which transfers. It makes no calls.

/// The most transfers that the driver keeps per channel. Some releases forget the next ones, others refuse them.
pub const MAX_PENDING_TRANSFERS: usize = 127;

/// The descriptors of a circular list, in the order in which the hardware takes them.
#[derive(Debug)]
pub(crate) struct Ring {
    count: u32,
    page_size: u32,
    /// The descriptor at which the next transfer starts: what the driver calls `num_avail`.
    next: u32,
    /// How many descriptors the pending transfers have together.
    in_use: u32,
    /// The transfers that are pending, in a ring of their own: where the oldest is, and how many there are.
    pending: Box<[Pending; SLOTS]>,
    oldest: usize,
    len: usize,
}

/// A power of two with room for all pending transfers.
const SLOTS: usize = (MAX_PENDING_TRANSFERS + 1).next_power_of_two();

/// A transfer that was launched and has not completed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pending {
    /// Where the channel keeps it.
    pub(crate) slot: u32,
    /// How many descriptors it has.
    descriptors: u32,
}

/// Why a transfer has to wait, or can never be launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// It needs more descriptors than the list can ever offer.
    Never { needed: u64, room: u32 },
    /// Other transfers hold the descriptors.
    Full,
    /// The driver has as many transfers as it keeps.
    TooMany,
}

impl Ring {
    /// A ring of `count` descriptors (a power of two) of `page_size` bytes, of which none is in use.
    pub(crate) fn new(count: u32, page_size: u32) -> Self {
        debug_assert!(count.is_power_of_two() && page_size.is_power_of_two());
        Self { count, page_size, next: 0, in_use: 0, pending: Box::new([Pending::default(); SLOTS]), oldest: 0, len: 0 }
    }

    pub(crate) fn page_size(&self) -> u32 {
        self.page_size
    }

    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    pub(crate) fn pending(&self) -> usize {
        self.len
    }

    pub(crate) fn in_use(&self) -> u32 {
        self.in_use
    }

    /// The most descriptors that may be in use: a full ring looks like an empty one to the hardware.
    pub(crate) fn room(&self) -> u32 {
        self.count - 1
    }

    /// The most descriptors that buffers of these lengths can take: each begins with a new one, and pages of memory need
    /// not be contiguous, so that a descriptor never reaches further than one of them.
    pub(crate) fn needed(&self, lengths: impl Iterator<Item = usize>, memory_page: usize) -> u64 {
        let page = (self.page_size as usize).min(memory_page);
        lengths.map(|length| length.div_ceil(page) as u64).sum()
    }

    /// Whether a transfer of `needed` descriptors can be launched now.
    pub(crate) fn check(&self, needed: u64) -> Result<(), NoRoom> {
        if needed > u64::from(self.room()) {
            return Err(NoRoom::Never { needed, room: self.room() });
        }
        if self.len >= MAX_PENDING_TRANSFERS {
            return Err(NoRoom::TooMany);
        }
        if u64::from(self.in_use) + needed > u64::from(self.room()) {
            return Err(NoRoom::Full);
        }
        Ok(())
    }

    /// Notes that the transfer in `slot` was launched and took so many descriptors.
    pub(crate) fn launched(&mut self, slot: u32, descriptors: u32) {
        self.next = (self.next + descriptors) & (self.count - 1);
        self.in_use += descriptors;
        // `check` came first, so that there is room.
        self.pending[(self.oldest + self.len) % SLOTS] = Pending { slot, descriptors };
        self.len += 1;
    }

    /// Takes the oldest pending transfer, which completed.
    pub(crate) fn complete(&mut self) -> Option<Pending> {
        self.len = self.len.checked_sub(1)?;
        let oldest = self.pending[self.oldest % SLOTS];
        self.oldest = (self.oldest + 1) % SLOTS;
        self.in_use -= oldest.descriptors;
        Some(oldest)
    }

    /// How many of the oldest transfers are complete when the hardware's counter of processed descriptors reads
    /// `processed` (4.17, where interrupts count descriptors). `None` if it cannot read that.
    pub(crate) fn completed_at(&self, processed: u16) -> Option<usize> {
        let oldest = self.next.wrapping_sub(self.in_use);
        let mut done = u32::from(processed).wrapping_sub(oldest) & (self.count - 1);
        if done > self.in_use {
            return None;
        }
        let pending = (0..self.len).map(|index| self.pending[(self.oldest + index) % SLOTS]);
        let complete = pending.take_while(|transfer| match done.checked_sub(transfer.descriptors) {
            Some(rest) => {
                done = rest;
                true
            }
            None => false,
        });
        Some(complete.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_that_would_fill_the_ring_waits_or_is_refused() {
        let mut ring = Ring::new(16, 512);
        assert_eq!(ring.needed([512, 513, 1].into_iter(), 4096), 4);
        assert_eq!(ring.check(16), Err(NoRoom::Never { needed: 16, room: 15 }));
        ring.check(15).unwrap();
        ring.launched(0, 10);
        ring.check(5).unwrap();
        assert_eq!(ring.check(6), Err(NoRoom::Full));
        ring.launched(1, 5);
        assert_eq!((ring.next(), ring.in_use()), (15, 15));
        assert_eq!(ring.complete().unwrap().slot, 0);
        ring.launched(2, 3);
        assert_eq!(ring.next(), 2);
    }

    #[test]
    fn memory_pages_limit_what_one_descriptor_reaches() {
        let ring = Ring::new(16, 16384);
        assert_eq!(ring.needed([16384].into_iter(), 4096), 4);
    }

    #[test]
    fn at_most_127_transfers_are_pending() {
        let mut ring = Ring::new(1024, 4096);
        for slot in 0..127 {
            ring.check(1).unwrap();
            ring.launched(slot, 1);
        }
        assert_eq!(ring.check(1), Err(NoRoom::TooMany));
    }

    #[test]
    fn a_counter_of_descriptors_is_turned_into_transfers() {
        let mut ring = Ring::new(8, 4096);
        ring.launched(0, 3);
        ring.launched(1, 2);
        assert_eq!(ring.completed_at(0), Some(0));
        assert_eq!(ring.completed_at(2), Some(0));
        assert_eq!(ring.completed_at(3), Some(1));
        assert_eq!(ring.completed_at(5), Some(2));
        assert_eq!(ring.completed_at(6), None);
        ring.complete();
        assert_eq!(ring.completed_at(3), Some(0));
        ring.launched(2, 4);
        // The counter of the hardware passes the end of the ring; 65536 descriptors would read 0 as well.
        assert_eq!(ring.completed_at(1), Some(2));
        assert_eq!(ring.completed_at(5), Some(1));
    }
}
