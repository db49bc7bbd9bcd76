//! Firmware logs: [`Device::read_log`].

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
    /// As [`read_log`](Self::read_log).
    pub fn read_whole_log(&self, cpu: CpuId, limit: usize) -> Result<Vec<u8>> {
        let mut log = Vec::new();
        let mut buffer = [0; MAX_FW_LOG_BUFFER_LENGTH];
        while log.len() < limit {
            let wanted = buffer.len().min(limit - log.len());
            match self.read_log(cpu, &mut buffer[..wanted])? {
                0 => break,
                length => log.extend_from_slice(&buffer[..length]),
            }
        }
        Ok(log)
    }
}
