//! [`SharedBuffer`]: memory that descriptor lists give to the device for as long as they exist.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError};

use super::Inner;
use super::buffer::{Direction, DmaBuffer};
use crate::error::{Invalid, Result};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// A buffer that several owners share with the device: configuration that the device fetches on its own, or data that it
/// passes from one part of a network to the next. Cloning gives another reference.
///
/// Since the device may use the memory at any time, bytes are only copied in and out. The buffer is unmapped when the last
/// reference and the last list that was programmed with it are gone.
#[derive(Clone)]
pub struct SharedBuffer(Arc<Shared>);

struct Shared {
    /// `None` only while being dropped.
    buffer: Mutex<Option<DmaBuffer>>,
    device: Arc<Inner>,
    handle: u64,
    address: u64,
    length: usize,
    direction: Direction,
    /// Whether the device may go on using the memory, so that it must not be unmapped.
    keep: AtomicBool,
}

impl DmaBuffer {
    /// Makes the buffer one that descriptor lists can be programmed with.
    #[must_use]
    pub fn share(self) -> SharedBuffer {
        SharedBuffer(Arc::new(Shared {
            device: self.device(),
            handle: self.handle(),
            address: self.address(),
            length: self.len(),
            direction: self.direction(),
            buffer: Mutex::new(Some(self)),
            keep: AtomicBool::new(false),
        }))
    }
}

impl SharedBuffer {
    /// The length in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a buffer is never empty")]
    pub fn len(&self) -> usize {
        self.0.length
    }

    /// The driver's handle of the mapping.
    #[must_use]
    pub fn handle(&self) -> u64 {
        self.0.handle
    }

    /// Which way it is used.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.0.direction
    }

    /// Copies bytes into the buffer and makes them visible to the device.
    ///
    /// # Errors
    /// [`Invalid::Range`] if they do not fit; what the driver answered.
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result<()> {
        self.fill(offset, bytes)?;
        self.sync_for_device(offset..offset + bytes.len())
    }

    /// Copies bytes into the buffer, to be made visible to the device later.
    ///
    /// # Errors
    /// [`Invalid::Range`] if they do not fit.
    pub fn fill(&self, offset: usize, bytes: &[u8]) -> Result<()> {
        let range = self.range("write to a buffer", offset, bytes.len())?;
        if let Some(buffer) = self.lock().as_mut() {
            buffer.copy_in(range, bytes);
        }
        Ok(())
    }

    /// Makes bytes that were written visible to the device.
    ///
    /// # Errors
    /// [`Invalid::Range`]; what the driver answered.
    pub fn sync_for_device(&self, range: Range<usize>) -> Result<()> {
        self.lock().as_ref().map_or(Ok(()), |buffer| buffer.sync_for_device(range))
    }

    /// Copies bytes out of the buffer, as the device has left them.
    ///
    /// # Errors
    /// [`Invalid::Range`] if there are not so many; what the driver answered.
    pub fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<()> {
        let range = self.range("read from a buffer", offset, bytes.len())?;
        let mut buffer = self.lock();
        if let Some(buffer) = buffer.as_mut() {
            buffer.sync_for_cpu(range.clone())?;
            buffer.copy_out(range, bytes);
        }
        Ok(())
    }

    /// Copies bytes out of the buffer, of which a completed transfer has made them visible already.
    ///
    /// # Errors
    /// [`Invalid::Range`] if there are not so many.
    pub(crate) fn copy_out(&self, offset: usize, bytes: &mut [u8]) -> Result<()> {
        let range = self.range("read from a buffer", offset, bytes.len())?;
        if let Some(buffer) = self.lock().as_ref() {
            buffer.copy_out(range, bytes);
        }
        Ok(())
    }

    /// The address of the first byte, by which the driver knows the buffer.
    pub(crate) fn address(&self) -> u64 {
        self.0.address
    }

    fn range(&self, operation: &'static str, start: usize, length: usize) -> Result<Range<usize>> {
        match start.checked_add(length) {
            Some(end) if length > 0 && end <= self.len() => Ok(start..end),
            _ => {
                let end = start.saturating_add(length);
                let invalid = Invalid::Range { start, end, length: self.len(), page_size: 1 };
                Err(self.0.device.invalid(operation, invalid))
            }
        }
    }

    // Not inlined, so that a profile counts the calls.
    #[inline(never)]
    fn lock(&self) -> MutexGuard<'_, Option<DmaBuffer>> {
        self.0.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn belongs_to(&self, device: &Arc<Inner>) -> bool {
        Arc::ptr_eq(&self.0.device, device)
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Lets the memory stay when everybody has given it up, until the device is closed.
    pub(crate) fn keep(&self) {
        self.0.keep.store(true, Ordering::Release);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let buffer = self.buffer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if *self.keep.get_mut()
            && let Some(mapped) = buffer.and_then(DmaBuffer::into_mapped)
        {
            self.device.keep_mapped(mapped);
        }
    }
}

impl fmt::Debug for SharedBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedBuffer").field("handle", &self.0.handle).field("length", &self.0.length).finish()
    }
}
