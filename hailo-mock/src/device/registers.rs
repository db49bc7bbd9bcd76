//! The registers of a channel and the descriptors that it walks.

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use crate::dma::ListMemory;

/// The bits of a descriptor's control byte.
pub(crate) mod control_bits {
    /// Write the status back.
    pub(crate) const REQUEST_STATUS: u32 = 1 << 0;
    /// Write the status back if there was an error.
    pub(crate) const REQUEST_STATUS_ON_ERROR: u32 = 1 << 1;
    /// Interrupt when processed.
    pub(crate) const REQUEST_INTERRUPT: u32 = 1 << 2;
    /// Interrupt on an error.
    pub(crate) const REQUEST_INTERRUPT_ON_ERROR: u32 = 1 << 3;
    /// The interrupt goes to the device.
    pub(crate) const INTERRUPT_DEVICE: u32 = 1 << 4;
    /// The interrupt goes to the host.
    pub(crate) const INTERRUPT_HOST: u32 = 1 << 5;
}

/// The bits of a descriptor's status byte.
pub(crate) mod status_bits {
    /// It was processed.
    pub(crate) const DONE: u32 = 1 << 0;
    /// It failed.
    pub(crate) const ERROR: u32 = 1 << 1;
}

/// The control register of a running channel.
pub(crate) const CONTROL_START: u8 = 1;
/// The bit that pauses a running channel.
pub(crate) const CONTROL_PAUSE: u8 = 2;

/// Flags of the bench control 0xF003.
pub(crate) mod flags {
    /// Do nothing.
    pub(crate) const STALL: u8 = 0x01;
    /// Never write the status back.
    pub(crate) const NO_STATUS: u8 = 0x02;
    /// Fail every descriptor.
    pub(crate) const ERROR_STATUS: u8 = 0x04;
    /// Never interrupt.
    pub(crate) const NO_INTERRUPT: u8 = 0x08;
    /// Throw away what comes from the host.
    pub(crate) const SINK: u8 = 0x10;
    /// Send a counter to the host.
    pub(crate) const COUNTER: u8 = 0x20;
}

/// The host's side of a channel, as registers that driver and device share.
#[derive(Debug, Default)]
pub(crate) struct ChannelRegisters {
    pub(crate) control: AtomicU8,
    pub(crate) depth: AtomicU8,
    pub(crate) num_avail: AtomicU16,
    pub(crate) num_proc: AtomicU16,
    pub(crate) error: AtomicU8,
    pub(crate) list: AtomicU64,
    pub(crate) flags: AtomicU8,
    /// Counts resets: what was read before one is not valid after it.
    pub(crate) epoch: AtomicU32,
    pub(crate) descriptors: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) interrupts: AtomicU64,
}

impl ChannelRegisters {
    /// Whether the channel runs, paused or not.
    pub(crate) fn is_started(&self) -> bool {
        self.control.load(Ordering::Acquire) & CONTROL_START != 0
    }

    /// Whether it processes descriptors.
    pub(crate) fn is_active(&self) -> bool {
        self.control.load(Ordering::Acquire) & (CONTROL_START | CONTROL_PAUSE) == CONTROL_START
            && self.flags() & flags::STALL == 0
    }

    /// Whether there is no descriptor to process.
    pub(crate) fn is_idle(&self) -> bool {
        let difference = self.num_avail.load(Ordering::Acquire) ^ self.num_proc.load(Ordering::Acquire);
        u32::from(difference) & self.mask() == 0
    }

    pub(crate) fn flags(&self) -> u8 {
        self.flags.load(Ordering::Acquire)
    }

    /// The bits of a descriptor's index.
    pub(crate) fn mask(&self) -> u32 {
        (1u32 << self.depth.load(Ordering::Relaxed).min(16)) - 1
    }

    /// Stops the channel and forgets what it did; then starts it on a list of `1 << depth` descriptors.
    pub(crate) fn reset(&self, start: bool, list: u64, depth: u8) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.control.store(0, Ordering::Release);
        self.num_avail.store(0, Ordering::Release);
        self.num_proc.store(0, Ordering::Release);
        self.error.store(0, Ordering::Release);
        self.list.store(list, Ordering::Release);
        self.depth.store(depth, Ordering::Release);
        self.descriptors.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        self.interrupts.store(0, Ordering::Relaxed);
        if start {
            self.control.store(CONTROL_START, Ordering::Release);
        }
    }

    /// The host's register block: control, depth and data id, the two counters, error, list address.
    pub(crate) fn block(&self) -> [u8; 16] {
        let mut block = [0; 16];
        let list = self.list.load(Ordering::Acquire);
        block[0] = self.control.load(Ordering::Acquire);
        block[1] = self.depth.load(Ordering::Acquire) << 3;
        block[2..4].copy_from_slice(&self.num_avail.load(Ordering::Acquire).to_le_bytes());
        block[4..6].copy_from_slice(&self.num_proc.load(Ordering::Acquire).to_le_bytes());
        block[8] = self.error.load(Ordering::Acquire);
        block[10..12].copy_from_slice(&((list >> 16) as u16).to_le_bytes());
        block[12..16].copy_from_slice(&((list >> 32) as u32).to_le_bytes());
        block
    }
}

/// One descriptor of a list.
#[derive(Clone, Copy)]
pub(crate) struct DescriptorView<'a> {
    words: &'a [AtomicU32; 4],
}

impl<'a> DescriptorView<'a> {
    /// The descriptor with this index, or `None` behind the end of the list's memory.
    pub(crate) fn new(memory: &'a ListMemory, index: u32) -> Option<Self> {
        let start = usize::try_from(index).ok()?.checked_mul(4)?;
        let words = memory.words().get(start..)?.first_chunk::<4>()?;
        Some(Self { words })
    }

    pub(crate) fn control(&self) -> u32 {
        self.words[0].load(Ordering::Acquire) & 0xff
    }

    pub(crate) fn size(&self) -> u32 {
        self.words[0].load(Ordering::Acquire) >> 8
    }

    pub(crate) fn address(&self) -> u64 {
        let low = u64::from(self.words[1].load(Ordering::Acquire) & !0x3f);
        low | u64::from(self.words[2].load(Ordering::Acquire)) << 32
    }

    /// The low bits of the address word.
    pub(crate) fn status(&self) -> u32 {
        self.words[3].load(Ordering::Acquire) & 0xff
    }

    /// Writes everything, as programming does.
    pub(crate) fn program(&self, size: u32, control: u32, address: u64, data_id: u32) {
        self.words[0].store(size << 8 | control, Ordering::Release);
        self.words[1].store(address as u32 & !0x3f | data_id, Ordering::Release);
        self.words[2].store((address >> 32) as u32, Ordering::Release);
        self.words[3].store(0, Ordering::Release);
    }

    pub(crate) fn set_size_and_control(&self, size: u32, control: u32) {
        self.words[0].store(size << 8 | control, Ordering::Release);
    }

    pub(crate) fn add_control(&self, bits: u32) {
        self.words[0].fetch_or(bits, Ordering::AcqRel);
    }

    pub(crate) fn clear_status(&self) {
        self.words[3].fetch_and(!0xff, Ordering::AcqRel);
    }

    pub(crate) fn set_status(&self, status: u32) {
        self.words[3].fetch_or(status & 0xff, Ordering::AcqRel);
    }
}
