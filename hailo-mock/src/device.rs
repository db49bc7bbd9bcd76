//! The emulated board: channel registers, the vDMA engine, the mailbox of the firmware, its logs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hailo_abi::firmware::control::LoggerLevel;
use hailo_abi::firmware::log::LOGGER_INTERFACE_HOST;

use crate::accelerator::Accelerator;
use crate::dma::DmaSpace;
use crate::firmware::{Firmware, Logger};

mod engine;
mod queue;
mod registers;

pub(crate) use engine::Engine;
pub use queue::Outputs;
pub(crate) use registers::{ChannelRegisters, DescriptorView, control_bits};

/// How many channels the hardware has. Releases from 5.0.0 on accept numbers up to 39 for some boards' sake.
pub(crate) const HARDWARE_CHANNELS: u8 = 32;
/// How many bytes of log each CPU keeps.
const LOG_CAPACITY: usize = 4088;
/// How many bytes of a control the request memory holds: the window of the control register block behind its start.
const REQUEST_MEMORY: usize = 4096;
/// The MD5 and the length in front of a control.
pub(crate) const MAILBOX_HEADER: usize = 20;

/// A processor of the accelerator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cpu {
    /// The application CPU.
    Application,
    /// The core CPU.
    Core,
}

/// What the device has counted since it was powered on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirmwareStatistics {
    /// Controls that reached it.
    pub controls: u64,
    /// Shutdowns that the driver announced when the owning file was closed.
    pub shutdowns: u64,
    /// Soft resets.
    pub soft_resets: u64,
}

/// A span of time in which something is as it usually is not.
#[derive(Debug, Default)]
struct Window(Mutex<Option<(Instant, Instant)>>);

impl Window {
    fn set(&self, delay: Duration, length: Duration) {
        let start = Instant::now() + delay;
        *lock(&self.0) = Some((start, start + length));
    }

    fn is_now(&self) -> bool {
        let now = Instant::now();
        lock(&self.0).is_some_and(|(start, end)| start <= now && now < end)
    }
}

pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A byte stream of bounded length; what does not fit pushes out the oldest.
#[derive(Debug, Default)]
struct Log(VecDeque<u8>);

/// Memory of the device behind its windows, by window and page.
type Windows = BTreeMap<(u32, u64), Box<[u8; 4096]>>;

/// The board as the driver and the firmware see it.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) dma: DmaSpace,
    pub(crate) channels: Box<[ChannelRegisters]>,
    pub(crate) engine: Engine,
    pub(crate) firmware: Mutex<Box<dyn Firmware>>,
    request: Mutex<Box<[u8; MAILBOX_HEADER + REQUEST_MEMORY]>>,
    logs: [Mutex<Log>; 2],
    logger: Mutex<Logger>,
    controls: AtomicU64,
    shutdowns: AtomicU64,
    soft_resets: AtomicU64,
    unplugged: Window,
    unloaded: Window,
    /// Set if something may be unusual now or later, so that the usual case needs no lock.
    unusual: AtomicU32,
    memory: Mutex<Windows>,
}

impl Device {
    pub(crate) fn new(firmware: Box<dyn Firmware>, accelerator: Box<dyn Accelerator>, recorded_dma: bool) -> Self {
        Self {
            dma: DmaSpace::new(recorded_dma),
            channels: (0..HARDWARE_CHANNELS).map(|_| ChannelRegisters::default()).collect(),
            engine: Engine::new(accelerator),
            firmware: Mutex::new(firmware),
            request: Mutex::new(Box::new([0; MAILBOX_HEADER + REQUEST_MEMORY])),
            logs: Default::default(),
            logger: Mutex::default(),
            controls: AtomicU64::new(0),
            shutdowns: AtomicU64::new(0),
            soft_resets: AtomicU64::new(0),
            unplugged: Window::default(),
            unloaded: Window::default(),
            unusual: AtomicU32::new(0),
            memory: Mutex::default(),
        }
    }

    /// The registers of a channel, or `None` if the hardware has no such channel.
    pub(crate) fn channel(&self, index: u8) -> Option<&ChannelRegisters> {
        self.channels.get(usize::from(index))
    }

    /// The first BAR reads all ones in a while, for some time.
    pub(crate) fn unplug(&self, delay: Duration, length: Duration) {
        self.unplugged.set(delay, length);
        self.unusual.store(1, Ordering::Release);
    }

    /// The device looks in a while, for some time, as if no firmware were loaded.
    pub(crate) fn unload(&self, delay: Duration, length: Duration) {
        self.unloaded.set(delay, length);
        self.unusual.store(1, Ordering::Release);
    }

    pub(crate) fn is_unplugged(&self) -> bool {
        self.unusual.load(Ordering::Acquire) != 0 && self.unplugged.is_now()
    }

    pub(crate) fn is_firmware_loaded(&self) -> bool {
        self.unusual.load(Ordering::Acquire) == 0 || !(self.unplugged.is_now() || self.unloaded.is_now())
    }

    /// Puts a control into the request memory and returns what the firmware finds there: the bytes that the length in
    /// that memory names, as far as they reach.
    pub(crate) fn post_request(&self, md5: &[u8; 16], length: u32, bytes: &[u8]) -> Vec<u8> {
        let mut memory = lock(&self.request);
        // The driver computes the length to write in 32 bits. With a length near the end of them hardly more than the
        // header is written, and the request before stays in place.
        let total = (length as usize).wrapping_add(MAILBOX_HEADER) as u32 as usize;
        let mut block = Vec::with_capacity(MAILBOX_HEADER + bytes.len());
        block.extend_from_slice(md5);
        block.extend_from_slice(&length.to_le_bytes());
        block.extend_from_slice(bytes);
        let count = total.min(memory.len());
        block.resize(count, 0);
        memory[..count].copy_from_slice(&block);
        let stated = u32::from_le_bytes([memory[16], memory[17], memory[18], memory[19]]) as usize;
        let request = memory[MAILBOX_HEADER..].get(..stated.min(REQUEST_MEMORY)).unwrap_or_default().to_vec();
        self.controls.fetch_add(1, Ordering::Relaxed);
        request
    }

    pub(crate) fn count_shutdown(&self) {
        self.shutdowns.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_soft_reset(&self) {
        self.soft_resets.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn statistics(&self) -> FirmwareStatistics {
        FirmwareStatistics {
            controls: self.controls.load(Ordering::Relaxed),
            shutdowns: self.shutdowns.load(Ordering::Relaxed),
            soft_resets: self.soft_resets.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn append_log(&self, cpu: Cpu, bytes: &[u8]) {
        let log = &mut lock(&self.logs[cpu as usize]).0;
        log.extend(bytes);
        let surplus = log.len().saturating_sub(LOG_CAPACITY);
        log.drain(..surplus);
    }

    pub(crate) fn set_logger(&self, logger: Logger) {
        *lock(&self.logger) = logger;
    }

    /// Whether lines of this level go to the log that the host reads.
    pub(crate) fn logs(&self, level: LoggerLevel) -> bool {
        let logger = lock(&self.logger);
        logger.interfaces & LOGGER_INTERFACE_HOST != 0 && logger.level <= level
    }

    /// Takes at most as many bytes of log as fit.
    pub(crate) fn read_log(&self, cpu: Cpu, bytes: &mut [u8]) -> usize {
        let log = &mut lock(&self.logs[cpu as usize]).0;
        let count = log.len().min(bytes.len());
        for (byte, logged) in bytes.iter_mut().zip(log.drain(..count)) {
            *byte = logged;
        }
        count
    }

    /// Reads or writes memory of the device through one of its windows.
    pub(crate) fn access_memory(&self, window: u32, address: u64, bytes: &mut [u8], write: bool) {
        let mut memory = lock(&self.memory);
        for (position, byte) in (0u64..).zip(bytes) {
            let at = address.wrapping_add(position);
            let place = (at % 4096) as usize;
            if write {
                memory.entry((window, at / 4096)).or_insert_with(|| Box::new([0; 4096]))[place] = *byte;
            } else {
                *byte = memory.get(&(window, at / 4096)).map_or(0, |page| page[place]);
            }
        }
    }
}
