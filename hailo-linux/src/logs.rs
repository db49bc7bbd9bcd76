//! Firmware logs: [`Device::read_log`], and [`Device::follow_log`] as they grow.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use hailo_abi::command::{MAX_FW_LOG_BUFFER_LENGTH, ReadLog};
use hailo_abi::driver::LogBuffer;
use hailo_abi::enums::CpuId;

use crate::device::Device;
use crate::error::{ErrorKind, Invalid, Result};

const READ: &str = "read the log of the firmware";

impl Device {
    /// Reads what a CPU has logged since the last read, into `buffer`, and returns how many bytes that is. One read gives at
    /// most 512 bytes; 0 means that there is no more for now. It never blocks.
    ///
    /// The bytes are log entries in the firmware's own form, whose texts are not in them.
    ///
    /// # Errors
    /// [`Invalid::Value`] for another CPU than 0 and 1; what the driver answered.
    #[doc(alias = "HAILO_READ_LOG")]
    pub fn read_log(&self, cpu: CpuId, buffer: &mut [u8]) -> Result<usize> {
        if cpu != CpuId::CPU0 && cpu != CpuId::CPU1 {
            let invalid = Invalid::Value { what: "the CPU of a log", given: cpu.raw().into() };
            return Err(self.inner.invalid(READ, invalid));
        }
        let wanted = buffer.len().min(MAX_FW_LOG_BUFFER_LENGTH);
        let read = ReadLog { cpu_id: cpu, buffer_size: wanted as u64 };
        let mut argument = LogBuffer::new();
        let log = self.inner.driver.read_log(&read, &mut argument);
        let log = log.map_err(|error| self.inner.call_failed(READ, error))?;
        let bytes = log
            .bytes()
            .filter(|bytes| bytes.len() <= wanted)
            .ok_or_else(|| self.inner.failed(READ, ErrorKind::BadAnswer("it is longer than was asked for")))?;
        buffer[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Reads everything that a CPU has logged since the last read, at most `limit` bytes.
    ///
    /// # Errors
    /// As [`read_log`](Self::read_log), if nothing was read before: the driver gives what was read only once.
    pub fn read_whole_log(&self, cpu: CpuId, limit: usize) -> Result<Vec<u8>> {
        let mut log = Vec::new();
        let mut buffer = [0; MAX_FW_LOG_BUFFER_LENGTH];
        while log.len() < limit {
            let wanted = buffer.len().min(limit - log.len());
            match self.read_log(cpu, &mut buffer[..wanted]) {
                Ok(0) => break,
                Ok(length) => log.extend_from_slice(&buffer[..length]),
                Err(error) if log.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(log)
    }

    /// Follows the log of a CPU: an iterator over what is logged from now on, with what was not read yet in front. The driver
    /// tells nobody that there is more, so it looks every `interval`.
    ///
    /// ```no_run
    /// # fn main() -> hailo_linux::Result<()> {
    /// use std::time::Duration;
    ///
    /// let device = hailo_linux::Device::open("/dev/hailo0")?;
    /// let log = device.follow_log(hailo_abi::enums::CpuId::CPU0, Duration::from_millis(100));
    /// let stopper = log.stopper();
    /// std::thread::spawn(move || {
    ///     std::thread::sleep(Duration::from_secs(10));
    ///     stopper.stop();
    /// });
    /// for bytes in log {
    ///     println!("{}", bytes?.escape_ascii());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn follow_log(&self, cpu: CpuId, interval: Duration) -> FollowedLog {
        FollowedLog { device: self.clone(), cpu, interval, stopper: LogStopper::default(), failed: false }
    }
}

/// A log that is followed. See [`Device::follow_log`].
///
/// It ends when it is stopped, or after an error.
#[derive(Debug)]
pub struct FollowedLog {
    device: Device,
    cpu: CpuId,
    interval: Duration,
    stopper: LogStopper,
    failed: bool,
}

/// Ends a [`FollowedLog`], from any thread.
#[derive(Clone, Debug, Default)]
pub struct LogStopper(Arc<(Mutex<bool>, Condvar)>);

impl FollowedLog {
    /// What ends it from another thread.
    #[must_use]
    pub fn stopper(&self) -> LogStopper {
        self.stopper.clone()
    }
}

impl LogStopper {
    /// Ends it, also while it waits for more.
    pub fn stop(&self) {
        let (stopped, told) = &*self.0;
        *stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        told.notify_all();
    }

    /// Waits for so long; returns whether it was stopped.
    fn wait(&self, interval: Duration) -> bool {
        let (stopped, told) = &*self.0;
        let stopped = stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = told.wait_timeout_while(stopped, interval, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Iterator for FollowedLog {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut buffer = [0; MAX_FW_LOG_BUFFER_LENGTH];
        let mut interval = Duration::ZERO;
        while !self.failed && !self.stopper.wait(interval) {
            match self.device.read_log(self.cpu, &mut buffer) {
                Ok(0) => interval = self.interval,
                Ok(length) => return Some(Ok(buffer[..length].to_vec())),
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}
