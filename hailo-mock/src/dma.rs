//! The address space that the device sees: descriptor lists, mapped buffers, buffers of the driver.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::memory::{Fault, PAGE_SIZE, Pages, SharedRegion};

/// How many bytes of a mapping lie next to each other for the device. What a process sees as continuous memory is made of
/// such pieces, as on a machine without IOMMU. The first has half the length.
const PIECE: u64 = 16 * 4096;
/// How much of the first piece is missing.
const MISSING: u64 = PIECE / 2;
/// What lies between two pieces.
const GAP: u64 = 4096;
/// Lists start at multiples of this.
const LIST_ALIGNMENT: u64 = 1 << 16;
/// Where the memory of the driver begins on the machine of the recordings, and how far apart its pieces are.
const RECORDED: (u64, u64) = (0x1_0000_0000, 0x10_0000);
/// Where the memory of processes begins there. Programs never see these addresses.
const RECORDED_PIECES: u64 = 0x100_0000_0000;

/// The memory of a descriptor list: four words for each descriptor.
#[derive(Debug)]
pub(crate) enum ListMemory {
    Private(Box<[AtomicU32]>),
    /// Memory that a process can map (4.17).
    Shared(Arc<SharedRegion>),
}

impl ListMemory {
    pub(crate) fn private(descriptors: u32) -> Self {
        Self::Private((0..u64::from(descriptors) * 4).map(|_| AtomicU32::new(0)).collect())
    }

    pub(crate) fn words(&self) -> &[AtomicU32] {
        match self {
            Self::Private(words) => words,
            Self::Shared(region) => region.words(),
        }
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        let words = self.words();
        for (position, byte) in (offset..).zip(bytes) {
            let word = usize::try_from(position / 4).ok().and_then(|index| words.get(index)).ok_or(Fault)?;
            *byte = word.load(Ordering::Relaxed).to_le_bytes()[(position % 4) as usize];
        }
        Ok(())
    }
}

/// What is behind a range of device addresses.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    List(Arc<ListMemory>),
    /// Memory of a process, in pieces.
    Pieces(Arc<dyn Pages>),
    /// Physically continuous memory.
    Continuous(Arc<dyn Pages>),
}

impl Target {
    /// Whether this is the very same memory.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pieces(one), Self::Pieces(two)) | (Self::Continuous(one), Self::Continuous(two)) => {
                std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(two))
            }
            _ => false,
        }
    }
}

/// A range of device addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) base: u64,
    pieces: bool,
}

impl Range {
    /// The device address of a byte of the memory behind the range.
    pub(crate) fn address(&self, offset: u64) -> u64 {
        self.base + if self.pieces { spread(offset) } else { offset }
    }

    /// How many bytes from `offset` on lie next to each other.
    pub(crate) fn contiguous(&self, offset: u64) -> u64 {
        if self.pieces { PIECE - (offset + MISSING) % PIECE } else { u64::MAX }
    }

    /// How many bytes from `offset` on lie on the same page, or next to each other where there are no pieces.
    pub(crate) fn on_one_page(&self, offset: u64) -> u64 {
        if self.pieces { PAGE_SIZE - offset % PAGE_SIZE } else { u64::MAX }
    }
}

/// How far from the start of its range the device finds a byte of memory that is in pieces.
fn spread(offset: u64) -> u64 {
    offset + (offset + MISSING) / PIECE * GAP
}

/// How many device addresses memory takes.
fn span(target: &Target, length: u64) -> u64 {
    if matches!(target, Target::Pieces(_)) { spread(length.saturating_sub(1)) + 1 } else { length }
}

#[derive(Clone, Debug)]
struct Entry {
    end: u64,
    target: Target,
    /// How often it was inserted.
    users: usize,
}

/// Memory that was found behind a device address.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) target: Target,
    pub(crate) offset: u64,
    /// How many bytes can be accessed from there on.
    pub(crate) length: u64,
}

/// The device's address space.
#[derive(Debug)]
pub(crate) struct DmaSpace {
    entries: RwLock<BTreeMap<u64, Entry>>,
    next: AtomicU64,
    /// Where the next memory of the driver goes, if not among the memory of processes.
    next_of_driver: Option<AtomicU64>,
    /// Grows with every range that goes away, so that what was found earlier can be kept until then.
    generation: AtomicU64,
    /// How often the device accessed an address with nothing behind it.
    strays: AtomicU64,
}

impl DmaSpace {
    /// An empty address space; `recorded`: that of the machine of the recordings.
    pub(crate) fn new(recorded: bool) -> Self {
        let (start, distance) = RECORDED;
        Self {
            entries: RwLock::new(BTreeMap::new()),
            next: AtomicU64::new(if recorded { RECORDED_PIECES } else { 0x1000_0000 }),
            next_of_driver: recorded.then(|| AtomicU64::new(start + distance)),
            generation: AtomicU64::new(0),
            strays: AtomicU64::new(0),
        }
    }

    pub(crate) fn insert(&self, target: Target, length: u64) -> Range {
        let pieces = matches!(target, Target::Pieces(_));
        let span = span(&target, length);
        let base = match &self.next_of_driver {
            Some(next) if !pieces => {
                // No room is left between two, so that each is where its number says, unless it is larger.
                let (_, distance) = RECORDED;
                next.fetch_add(span.max(1).next_multiple_of(distance), Ordering::Relaxed)
            }
            _ => {
                let space = span.next_multiple_of(LIST_ALIGNMENT) + LIST_ALIGNMENT;
                self.next.fetch_add(space, Ordering::Relaxed)
            }
        };
        let entry = Entry { end: base + span, target, users: 1 };
        self.entries.write().unwrap_or_else(PoisonError::into_inner).insert(base, entry);
        Range { base, pieces }
    }

    /// As [`insert`](Self::insert), but memory that is there already keeps its place: it is where it is, however often it is
    /// mapped.
    pub(crate) fn insert_shared(&self, target: Target, length: u64) -> Range {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((base, entry)) = entries.iter_mut().find(|(_, entry)| entry.target.is_same(&target)) {
            entry.users += 1;
            entry.end = entry.end.max(*base + span(&target, length));
            return Range { base: *base, pieces: matches!(target, Target::Pieces(_)) };
        }
        drop(entries);
        self.insert(target, length)
    }

    pub(crate) fn remove(&self, range: Range) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(&range.base).filter(|entry| entry.users > 1) {
            entry.users -= 1;
            return;
        }
        entries.remove(&range.base);
        drop(entries);
        self.generation.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn ranges(&self) -> usize {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(crate) fn strays(&self) -> u64 {
        self.strays.load(Ordering::Relaxed)
    }

    pub(crate) fn count_stray(&self) {
        self.strays.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn find(&self, address: u64) -> Option<Found> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let (base, entry) = entries.range(..=address).next_back()?;
        if address >= entry.end {
            return None;
        }
        let distance = address - base;
        let target = entry.target.clone();
        let (offset, length) = match &target {
            Target::Pieces(pages) => {
                let place = distance + MISSING;
                let within = place % (PIECE + GAP);
                if within >= PIECE {
                    return None;
                }
                let offset = place / (PIECE + GAP) * PIECE + within - MISSING;
                (offset, (PIECE - within).min(pages.length().checked_sub(offset)?))
            }
            Target::List(_) | Target::Continuous(_) => (distance, entry.end - address),
        };
        (length > 0).then_some(Found { target, offset, length })
    }

    /// Reads as the device does: nothing behind an address reads as zeros and is counted.
    pub(crate) fn read(&self, address: u64, bytes: &mut [u8]) {
        let mut at = address;
        let mut rest = bytes;
        while !rest.is_empty() {
            let found = self.find(at);
            let count = match &found {
                Some(found) => usize::try_from(found.length).unwrap_or(usize::MAX).min(rest.len()),
                None => 1,
            };
            let (piece, others) = rest.split_at_mut(count);
            if found.is_none_or(|found| found.read(0, piece).is_err()) {
                piece.fill(0);
                self.count_stray();
            }
            rest = others;
            at = at.wrapping_add(count as u64);
        }
    }
}

impl Found {
    /// Reads from `skip` bytes behind the address that was found.
    pub(crate) fn read(&self, skip: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        let offset = self.offset + skip;
        match &self.target {
            Target::List(memory) => memory.read(offset, bytes),
            Target::Pieces(pages) | Target::Continuous(pages) => pages.read(offset, bytes),
        }
    }

    /// Writes as [`Found::read`] reads. The device does not write data into descriptor lists.
    pub(crate) fn write(&self, skip: u64, bytes: &[u8]) -> Result<(), Fault> {
        match &self.target {
            Target::List(_) => Err(Fault),
            Target::Pieces(pages) | Target::Continuous(pages) => pages.write(self.offset + skip, bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::SharedMemory;

    #[test]
    fn pieces_are_found_again() {
        let space = DmaSpace::new(false);
        let region = SharedMemory::new().allocate(3 * PIECE as usize).unwrap();
        let range = space.insert(Target::Pieces(region), 3 * PIECE);
        let mut at = 0;
        while at < 3 * PIECE {
            let found = space.find(range.address(at)).unwrap();
            assert_eq!(found.offset, at);
            let length = range.contiguous(at).min(3 * PIECE - at);
            assert_eq!(found.length, length);
            assert_eq!(space.find(range.address(at + length - 1)).unwrap().offset, at + length - 1);
            at += length;
            assert!(at == 3 * PIECE || space.find(range.address(at) - 1).is_none());
        }
        space.remove(range);
        assert!(space.find(range.base).is_none());
    }

    #[test]
    fn the_same_memory_is_in_the_same_place() {
        let space = DmaSpace::new(false);
        let region = SharedMemory::new().allocate(4096).unwrap();
        let one = space.insert_shared(Target::Pieces(region.clone()), 4096);
        let two = space.insert_shared(Target::Pieces(region), 4096);
        assert_eq!(one, two);
        space.remove(one);
        assert!(space.find(two.base).is_some());
        space.remove(two);
        assert!(space.find(two.base).is_none());
    }

    #[test]
    fn lists_are_where_the_recordings_have_them() {
        let space = DmaSpace::new(true);
        let list = || space.insert(Target::List(Arc::new(ListMemory::private(8))), 128).base;
        assert_eq!(list(), 0x1_0010_0000);
        let region = SharedMemory::new().allocate(PIECE as usize).unwrap();
        let pieces = space.insert(Target::Pieces(region.clone()), PIECE).base;
        assert_eq!(list(), 0x1_0020_0000);
        assert_eq!(space.insert(Target::Continuous(region), 0x10_0001).base, 0x1_0030_0000);
        assert_eq!(list(), 0x1_0050_0000);
        assert!(pieces > 0x1_0000_0000);
    }

    #[test]
    fn what_is_not_there_reads_as_zeros() {
        let space = DmaSpace::new(false);
        let mut bytes = [7; 4];
        space.read(u64::MAX - 1, &mut bytes);
        assert_eq!((bytes, space.strays()), ([0; 4], 4));
    }
}
