//! Pages of a process that are reached by system calls.
//!
//! A kernel pins a buffer: its pages stay what they are for the device, whatever the process does. Here nobody can hold
//! another's pages, so that what the process does has to be made up for. Pages that it unmaps are copied before they go,
//! and the device then works on the copy, which nobody else could see either. A process that runs another program has
//! other memory at the same addresses: the old memory is reached through a descriptor of it, as long as it is there.

use std::fs::{File, OpenOptions};
use std::io::{IoSlice, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;

use super::{Fault, Pages};

fn pid(process: u32) -> Pid {
    Pid::from_raw(process.cast_signed())
}

fn place(address: u64, length: usize) -> Result<RemoteIoVec, Fault> {
    Ok(RemoteIoVec { base: usize::try_from(address).map_err(|_| Fault)?, len: length })
}

/// Reads what a process can read itself.
pub(super) fn read(process: u32, address: u64, bytes: &mut [u8]) -> Result<(), Fault> {
    let length = bytes.len();
    let done = length == 0
        || process_vm_readv(pid(process), &mut [IoSliceMut::new(bytes)], &[place(address, length)?]) == Ok(length);
    if done { Ok(()) } else { Err(Fault) }
}

/// Writes what a process can write itself.
pub(super) fn write(process: u32, address: u64, bytes: &[u8]) -> Result<(), Fault> {
    let length = bytes.len();
    let done = length == 0
        || process_vm_writev(pid(process), &[IoSlice::new(bytes)], &[place(address, length)?]) == Ok(length);
    if done { Ok(()) } else { Err(Fault) }
}

/// The memory that a process had when its first buffer was pinned.
#[derive(Debug)]
pub(super) struct AddressSpace {
    process: u32,
    /// This very memory, also where the process may not access it: the kernel lets a tracer do what a driver does when it
    /// pins private memory.
    memory: OnceLock<Option<File>>,
    /// The process has other memory now, or is gone.
    left: AtomicBool,
    pinned: Mutex<Vec<Weak<ForeignPages>>>,
}

impl AddressSpace {
    pub(super) fn new(process: u32) -> Self {
        Self { process, memory: OnceLock::new(), left: AtomicBool::new(false), pinned: Mutex::default() }
    }

    pub(super) fn process(&self) -> u32 {
        self.process
    }

    /// A descriptor of the memory, from now on.
    fn memory(&self) -> Result<&File, Fault> {
        let open = || {
            let path = format!("/proc/{}/mem", self.process);
            OpenOptions::new().read(true).write(true).open(path).ok()
        };
        self.memory.get_or_init(open).as_ref().ok_or(Fault)
    }

    /// The process may have other memory from now on.
    pub(super) fn leave(&self) {
        self.left.store(true, Ordering::Release);
    }

    pub(super) fn is_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    pub(super) fn pin(self: &Arc<Self>, address: u64, length: u64) -> Arc<ForeignPages> {
        if self.process != std::process::id() {
            // While the process surely has it.
            let _ = self.memory();
        }
        let pages = Arc::new(ForeignPages { space: self.clone(), address, length, kept: RwLock::default() });
        let mut pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        pinned.retain(|pages| pages.strong_count() > 0);
        pinned.push(Arc::downgrade(&pages));
        pages
    }

    /// The process is about to give up a range of its memory.
    pub(super) fn give_up(&self, start: u64, end: u64) {
        let pinned: Vec<_> =
            self.pinned.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect();
        pinned.iter().for_each(|pages| pages.keep(start, end));
    }

    /// Whether a call has moved all bytes.
    fn is_done(&self, moved: nix::Result<usize>, length: usize) -> bool {
        if moved == Err(Errno::ESRCH) {
            // Its number may be that of another process soon.
            self.leave();
        }
        moved == Ok(length)
    }

    fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        let length = bytes.len();
        let remote = [place(address, length)?];
        if !self.is_left()
            && self.is_done(process_vm_readv(pid(self.process), &mut [IoSliceMut::new(bytes)], &remote), length)
        {
            return Ok(());
        }
        let read = self.memory().and_then(|memory| memory.read_exact_at(bytes, address).map_err(|_| Fault));
        // The pages that nobody else has any more are lost here, but are no fault of the device.
        if read.is_err() && self.is_left() {
            bytes.fill(0);
            return Ok(());
        }
        read
    }

    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Fault> {
        let remote = [place(address, bytes.len())?];
        if !self.is_left()
            && self.is_done(process_vm_writev(pid(self.process), &[IoSlice::new(bytes)], &remote), bytes.len())
        {
            return Ok(());
        }
        let written = self.memory().and_then(|memory| memory.write_all_at(bytes, address).map_err(|_| Fault));
        if self.is_left() { Ok(()) } else { written }
    }
}

/// Pages of a process, by address.
#[derive(Debug)]
pub(super) struct ForeignPages {
    space: Arc<AddressSpace>,
    address: u64,
    length: u64,
    /// What the process has given up, not overlapping. Locked while bytes are moved: only whoever gives up more waits.
    kept: RwLock<Vec<Kept>>,
}

/// Bytes that the process has given up.
#[derive(Debug)]
struct Kept {
    offset: u64,
    bytes: Mutex<Vec<u8>>,
    length: u64,
}

impl ForeignPages {
    /// Copies what lies in a range of addresses, unless it was copied before. What the process cannot read is left.
    fn keep(&self, start: u64, end: u64) {
        let start = start.max(self.address) - self.address;
        let end = end.min(self.address + self.length).saturating_sub(self.address);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let mut at = start;
        while at < end {
            let (known, length) = piece(&kept, at, end - at);
            if known.is_none() {
                let mut bytes = vec![0; length as usize];
                if self.space.read(self.address + at, &mut bytes).is_ok() {
                    kept.push(Kept { offset: at, bytes: Mutex::new(bytes), length });
                }
            }
            at += length;
        }
    }

    /// Does something to each piece of a range: to bytes that were kept, or to an address of the process.
    fn each(
        &self,
        offset: u64,
        length: usize,
        mut work: impl FnMut(std::ops::Range<usize>, Result<&mut [u8], u64>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.length).ok_or(Fault)?;
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let mut at = offset;
        while at < end {
            let (known, count) = piece(&kept, at, end - at);
            let range = (at - offset) as usize..(at - offset + count) as usize;
            match known {
                Some(known) => {
                    let mut bytes = known.bytes.lock().unwrap_or_else(PoisonError::into_inner);
                    let start = (at - known.offset) as usize;
                    work(range, Ok(bytes.get_mut(start..start + count as usize).ok_or(Fault)?))?;
                }
                None => work(range, Err(self.address + at))?,
            }
            at += count;
        }
        Ok(())
    }
}

/// The kept bytes that hold an offset, if some do, and how far from there on that is so, up to `most` bytes.
fn piece(kept: &[Kept], at: u64, most: u64) -> (Option<&Kept>, u64) {
    match kept.iter().find(|kept| kept.offset <= at && at - kept.offset < kept.length) {
        Some(known) => (Some(known), most.min(known.offset + known.length - at)),
        None => {
            let next = kept.iter().map(|kept| kept.offset).filter(|offset| *offset > at).min();
            (None, next.map_or(most, |next| most.min(next - at)))
        }
    }
}

impl Pages for ForeignPages {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        self.each(offset, bytes.len(), |range, from| {
            let to = bytes.get_mut(range).ok_or(Fault)?;
            match from {
                Ok(kept) => to.copy_from_slice(kept),
                Err(address) => self.space.read(address, to)?,
            }
            Ok(())
        })
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.each(offset, bytes.len(), |range, to| {
            let from = bytes.get(range).ok_or(Fault)?;
            match to {
                Ok(kept) => kept.copy_from_slice(from),
                Err(address) => self.space.write(address, from)?,
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(pages: &ForeignPages, offset: u64, length: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = vec![0; length];
        pages.read(offset, &mut bytes).map(|()| bytes)
    }

    #[test]
    fn what_is_given_up_stays_for_the_device_alone() {
        let mut memory = vec![1u8; 4 * 4096];
        let address = (memory.as_ptr() as u64).next_multiple_of(4096);
        let skip = (address - memory.as_ptr() as u64) as usize;
        let space = Arc::new(AddressSpace::new(std::process::id()));
        let pages = space.pin(address, 3 * 4096);
        space.give_up(address + 4096, address + 2 * 4096);
        memory[skip..].fill(2);
        assert_eq!(bytes(&pages, 4095, 2), Ok(vec![2, 1]), "one page is a copy from before");
        assert_eq!(bytes(&pages, 8191, 2), Ok(vec![1, 2]));
        pages.write(4000, &[3; 4200]).expect("all three pages");
        assert_eq!(
            memory[skip + 4000..][..97],
            [[3; 96].as_slice(), &[2]].concat(),
            "the copy was written to, not the page"
        );
        assert_eq!(memory[skip + 8191..][..2], [2, 3]);
        // Around what was given up before.
        space.give_up(0, u64::MAX);
        memory[skip..].fill(4);
        assert_eq!(bytes(&pages, 0, 4001), Ok([[2; 4000].as_slice(), &[3]].concat()));
        assert_eq!(bytes(&pages, 4096, 4096).map(|bytes| bytes[4095]), Ok(3));
        assert_eq!(bytes(&pages, 3 * 4096, 1), Err(Fault));
    }

    #[test]
    fn memory_is_reached_by_its_descriptor_when_it_is_left() {
        let memory = [7u8; 64];
        let space = Arc::new(AddressSpace::new(std::process::id()));
        let pages = space.pin(memory.as_ptr() as u64, 64);
        space.leave();
        assert_eq!(bytes(&pages, 60, 4), Ok(vec![7; 4]));
    }

    #[test]
    fn memory_of_a_process_that_is_gone_is_empty() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().expect("sleep");
        let space = Arc::new(AddressSpace::new(child.id()));
        let pages = space.pin(0x1000, 4096);
        child.kill().expect("the child");
        child.wait().expect("the child");
        assert_eq!(bytes(&pages, 0, 1), Ok(vec![0]));
        assert_eq!(pages.write(0, &[1]), Ok(()));
        assert!(space.is_left());
    }
}
