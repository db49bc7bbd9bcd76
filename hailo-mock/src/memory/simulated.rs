//! [`SimulatedMemory`]: an address space made of whatever a test needs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Fault, PAGE_SIZE, Pages, PinError, Pinned, ProcessMemory};

const PAGE: usize = PAGE_SIZE as usize;

/// What the process may do with a page, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// Private memory, readable and writable.
    ReadWrite,
    /// Private memory that the process may only read. A driver may pin it all the same.
    ReadOnly,
    /// Private memory that the process may not access. A driver may pin it all the same.
    NoAccess,
    /// A shared mapping of a file, readable and writable.
    SharedFile,
    /// A shared mapping of a file that may only be read.
    SharedFileReadOnly,
    /// Behind the end of a mapped file.
    BeyondEndOfFile,
    /// Memory of the emulated driver that the process has mapped, but no low memory.
    Driver,
}

impl PageKind {
    fn is_readable(self) -> bool {
        !matches!(self, Self::NoAccess | Self::BeyondEndOfFile)
    }

    fn is_writable(self) -> bool {
        matches!(self, Self::ReadWrite | Self::SharedFile | Self::Driver)
    }

    fn can_be_pinned(self, driver_pages: bool) -> bool {
        match self {
            Self::ReadWrite | Self::ReadOnly | Self::NoAccess | Self::SharedFile => true,
            Self::SharedFileReadOnly | Self::BeyondEndOfFile => false,
            Self::Driver => driver_pages,
        }
    }
}

type Block = Mutex<Box<[u8; PAGE]>>;

fn block() -> Arc<Block> {
    Arc::new(Mutex::new(Box::new([0; PAGE])))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone, Debug)]
struct Page {
    kind: PageKind,
    block: Arc<Block>,
    /// The dma-buf that this page shows.
    dma_buf: Option<Arc<DmaBuf>>,
}

/// A buffer that another driver of the simulated system has exported.
#[derive(Debug)]
pub struct DmaBuf {
    pages: PinnedBlocks,
}

#[derive(Debug)]
struct PinnedBlocks {
    blocks: Vec<Arc<Block>>,
}

impl PinnedBlocks {
    /// Calls `copy` with each piece of a range: the page, where it starts in the page, and the piece of the caller.
    fn pieces(
        &self,
        offset: u64,
        length: usize,
        mut copy: impl FnMut(&mut [u8; PAGE], usize, std::ops::Range<usize>),
    ) -> Result<(), Fault> {
        let end = offset.checked_add(length as u64).ok_or(Fault)?;
        if end > self.blocks.len() as u64 * PAGE_SIZE {
            return Err(Fault);
        }
        let mut done = 0;
        while done < length {
            let at = offset as usize + done;
            let within = at % PAGE;
            let count = (PAGE - within).min(length - done);
            let block = self.blocks.get(at / PAGE).ok_or(Fault)?;
            copy(&mut lock(block), within, done..done + count);
            done += count;
        }
        Ok(())
    }
}

impl Pages for PinnedBlocks {
    fn length(&self) -> u64 {
        self.blocks.len() as u64 * PAGE_SIZE
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        self.pieces(offset, bytes.len(), |page, at, piece| {
            let count = piece.len();
            bytes[piece].copy_from_slice(&page[at..at + count]);
        })
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.pieces(offset, bytes.len(), |page, at, piece| {
            let count = piece.len();
            page[at..at + count].copy_from_slice(&bytes[piece]);
        })
    }
}

impl Pages for DmaBuf {
    fn length(&self) -> u64 {
        self.pages.length()
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        self.pages.read(offset, bytes)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.pages.write(offset, bytes)
    }
}

#[derive(Debug, Default)]
struct Space {
    pages: BTreeMap<u64, Page>,
    dma_bufs: BTreeMap<u64, Arc<DmaBuf>>,
    next: u64,
}

/// A simulated address space. Cloning gives another reference to the same one.
#[derive(Clone, Debug, Default)]
pub struct SimulatedMemory {
    space: Arc<Mutex<Space>>,
}

impl SimulatedMemory {
    /// An empty address space.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Maps zeroed pages somewhere, with an unmapped page behind them, and returns their address.
    pub fn allocate(&self, pages: u64, kind: PageKind) -> u64 {
        let mut space = lock(&self.space);
        let address = 0x10_0000 + space.next;
        space.next += (pages + 1) * PAGE_SIZE;
        drop(space);
        self.map(address, pages, kind);
        address
    }

    /// Maps zeroed pages at an address, over whatever is there.
    pub fn map(&self, address: u64, pages: u64, kind: PageKind) {
        let mut space = lock(&self.space);
        for page in 0..pages {
            let page_address = address / PAGE_SIZE + page;
            space.pages.insert(page_address, Page { kind, block: block(), dma_buf: None });
        }
    }

    /// Gives pages another kind; their bytes stay.
    pub fn protect(&self, address: u64, pages: u64, kind: PageKind) {
        let mut space = lock(&self.space);
        for (_, page) in space.pages.range_mut(address / PAGE_SIZE..address / PAGE_SIZE + pages) {
            page.kind = kind;
        }
    }

    /// Unmaps pages. The device keeps those that are pinned.
    pub fn unmap(&self, address: u64, pages: u64) {
        let mut space = lock(&self.space);
        for page in 0..pages {
            space.pages.remove(&(address / PAGE_SIZE + page));
        }
    }

    /// Puts a dma-buf of so many pages behind a file descriptor.
    pub fn export_dma_buf(&self, descriptor: u64, pages: u64) {
        let blocks = (0..pages).map(|_| block()).collect();
        let buffer = Arc::new(DmaBuf { pages: PinnedBlocks { blocks } });
        lock(&self.space).dma_bufs.insert(descriptor, buffer);
    }

    /// Puts the same dma-buf behind another descriptor (`dup`). Returns false if there is none.
    pub fn duplicate_dma_buf(&self, descriptor: u64, duplicate: u64) -> bool {
        let mut space = lock(&self.space);
        let Some(buffer) = space.dma_bufs.get(&descriptor).cloned() else { return false };
        space.dma_bufs.insert(duplicate, buffer);
        true
    }

    /// Closes the descriptor of a dma-buf.
    pub fn close_dma_buf(&self, descriptor: u64) {
        lock(&self.space).dma_bufs.remove(&descriptor);
    }

    /// Maps a dma-buf into the address space and returns its address, or `None` if there is none.
    pub fn map_dma_buf(&self, descriptor: u64) -> Option<u64> {
        let buffer = lock(&self.space).dma_bufs.get(&descriptor).cloned()?;
        let pages = buffer.pages.blocks.len() as u64;
        let address = self.allocate(pages, PageKind::SharedFile);
        let mut space = lock(&self.space);
        for (page, block) in (0..pages).zip(&buffer.pages.blocks) {
            let page = space.pages.get_mut(&(address / PAGE_SIZE + page))?;
            page.block = block.clone();
            page.dma_buf = Some(buffer.clone());
        }
        Some(address)
    }

    fn blocks(&self, address: u64, length: usize, allowed: fn(PageKind) -> bool) -> Result<PinnedBlocks, Fault> {
        let end = address.checked_add(length as u64).ok_or(Fault)?;
        let space = lock(&self.space);
        let blocks = (address / PAGE_SIZE..end.div_ceil(PAGE_SIZE))
            .map(|page| space.pages.get(&page).filter(|page| allowed(page.kind)).map(|page| page.block.clone()))
            .collect::<Option<_>>();
        Ok(PinnedBlocks { blocks: blocks.ok_or(Fault)? })
    }
}

impl ProcessMemory for SimulatedMemory {
    fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        self.blocks(address, bytes.len(), PageKind::is_readable)?.read(address % PAGE_SIZE, bytes)
    }

    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.blocks(address, bytes.len(), PageKind::is_writable)?.write(address % PAGE_SIZE, bytes)
    }

    fn pin(&self, address: u64, pages: u64, driver_pages: bool) -> Result<Pinned, PinError> {
        let space = lock(&self.space);
        let first = address / PAGE_SIZE;
        if let Some(buffer) = space.pages.get(&first).and_then(|page| page.dma_buf.clone()) {
            return Ok(Pinned::DmaBuf(buffer));
        }
        let mut blocks = Vec::new();
        for page in first..first.saturating_add(pages) {
            match space.pages.get(&page).filter(|page| page.kind.can_be_pinned(driver_pages)) {
                Some(page) => blocks.push(page.block.clone()),
                None if page == first => return Err(PinError::First),
                None => return Err(PinError::Later),
            }
        }
        Ok(Pinned::Pages(Arc::new(PinnedBlocks { blocks })))
    }

    fn dma_buf(&self, descriptor: u64) -> Option<Arc<dyn Pages>> {
        let buffer = lock(&self.space).dma_bufs.get(&descriptor).cloned()?;
        Some(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::{PAGE_SIZE, PageKind, Pinned, ProcessMemory, SimulatedMemory};

    #[test]
    fn a_process_reads_and_writes_what_it_may() {
        let memory = SimulatedMemory::new();
        for (kind, readable, writable) in [
            (PageKind::ReadWrite, true, true),
            (PageKind::ReadOnly, true, false),
            (PageKind::NoAccess, false, false),
            (PageKind::SharedFile, true, true),
            (PageKind::SharedFileReadOnly, true, false),
            (PageKind::BeyondEndOfFile, false, false),
            (PageKind::Driver, true, true),
        ] {
            let address = memory.allocate(1, kind);
            assert_eq!(memory.read(address, &mut [0]).is_ok(), readable, "{kind:?}");
            assert_eq!(memory.write(address, &[0]).is_ok(), writable, "{kind:?}");
        }
    }

    #[test]
    fn dma_bufs_are_found_by_descriptor_and_by_address() {
        let memory = SimulatedMemory::new();
        assert!(memory.dma_buf(7).is_none() && !memory.duplicate_dma_buf(7, 8) && memory.map_dma_buf(7).is_none());
        memory.export_dma_buf(7, 2);
        assert!(memory.duplicate_dma_buf(7, 8));
        memory.close_dma_buf(7);
        assert!(memory.dma_buf(7).is_none() && memory.map_dma_buf(7).is_none());
        let address = memory.map_dma_buf(8).expect("the other descriptor");
        memory.write(address + PAGE_SIZE, b"second").expect("mapped");
        let buffer = memory.dma_buf(8).expect("exported");
        let mut bytes = [0; 6];
        buffer.read(PAGE_SIZE, &mut bytes).expect("two pages");
        assert_eq!((buffer.length(), &bytes), (2 * PAGE_SIZE, b"second"));
        assert!(
            matches!(memory.pin(address + PAGE_SIZE, 1, false), Ok(Pinned::DmaBuf(found)) if found.length() == 2 * PAGE_SIZE)
        );
        // Without any descriptor, as long as it is mapped.
        memory.close_dma_buf(8);
        assert!(matches!(memory.pin(address, 2, false), Ok(Pinned::DmaBuf(_))));
    }
}
