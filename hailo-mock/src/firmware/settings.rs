//! [`Settings`]: what the host has set, and what can be set; [`Refusal`]: why something cannot.

use std::collections::BTreeMap;

use hailo_abi::firmware::FirmwareStatus;
use hailo_abi::firmware::control::{
    ControlStatus, CpuId, LoggerLevel, MAX_READ_MEMORY_DATA_SIZE, MemoryData, SetFirmwareLogger, SleepState,
    WatchdogConfig, WatchdogMode,
};
use hailo_abi::firmware::log::MAX_LOGGER_INTERFACE;

/// Why a control is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) ControlStatus);

impl Refusal {
    /// By the vendor's names, of what failed and of where.
    pub(super) fn named(major: &'static str, minor: &'static str) -> Self {
        let status = |name| FirmwareStatus::named(name).unwrap_or(FirmwareStatus::UNSUPPORTED_DEVICE);
        Self(ControlStatus { major_status: status(major), minor_status: status(minor) })
    }

    /// By the vendor's name of what failed.
    pub(super) fn of(name: &'static str) -> Self {
        Self::named(name, name)
    }
}

impl From<FirmwareStatus> for Refusal {
    fn from(status: FirmwareStatus) -> Self {
        Self(ControlStatus { major_status: status, minor_status: status })
    }
}

/// The watchdog of a processor. It never bites, since emulated firmware does not hang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watchdog {
    /// Whether it watches; it does not from the start on.
    pub enabled: bool,
    /// Clock cycles until it would bite.
    pub cycles: u32,
    /// What it watches.
    pub mode: WatchdogMode,
}

impl Default for Watchdog {
    fn default() -> Self {
        Self { enabled: false, cycles: 200_000_000, mode: WatchdogMode::HW_SW }
    }
}

impl Watchdog {
    pub(super) fn enable(&mut self, on: bool) -> Result<(), Refusal> {
        let failed = |minor| Err(Refusal::named("CONTROL_PROTOCOL_STATUS_WD_ENABLE_FAILED", minor));
        match (self.enabled, on) {
            (true, true) => failed("WD_STATUS_ENABLE_WHILE_ENABLED"),
            (false, false) => failed("WD_STATUS_DISABLE_WHILE_DISABLED"),
            _ => {
                self.enabled = on;
                Ok(())
            }
        }
    }

    pub(super) fn configure(&mut self, config: WatchdogConfig) -> Result<(), Refusal> {
        let failed = |minor| Err(Refusal::named("CONTROL_PROTOCOL_STATUS_WD_CONFIG_FAILED", minor));
        if self.enabled {
            return failed("WD_STATUS_CONFIG_WHILE_ENABLED");
        }
        if config.wd_mode.name().is_none() {
            return failed("WD_STATUS_INVALID_PARAMETERS");
        }
        if config.wd_cycles == 0 {
            return failed("WD_STATUS_INVALID_WD_CYCLES");
        }
        (self.cycles, self.mode) = (config.wd_cycles, config.wd_mode);
        Ok(())
    }
}

/// What is logged, and where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logger {
    /// The lowest level that is logged.
    pub level: LoggerLevel,
    /// Bits of the interfaces: 0 the host, 1 the serial port.
    pub interfaces: u8,
}

impl Default for Logger {
    fn default() -> Self {
        Self { level: LoggerLevel::TRACE, interfaces: MAX_LOGGER_INTERFACE }
    }
}

impl Logger {
    fn set(&mut self, set: SetFirmwareLogger) -> Result<(), Refusal> {
        if set.level.name().is_none() {
            return Err(Refusal::of("CONTROL_PROTOCOL_STATUS_INVALID_LOGGER_LEVEL"));
        }
        if set.logger_interface_bit_mask & !MAX_LOGGER_INTERFACE != 0 {
            return Err(Refusal::of("CONTROL_PROTOCOL_STATUS_INVALID_LOGGER_INTERFACE"));
        }
        *self = Self { level: set.level, interfaces: set.logger_interface_bit_mask };
        Ok(())
    }
}

/// What the host has set since the firmware started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The watchdog of the application processor.
    pub app_watchdog: Watchdog,
    /// The watchdog of the core processor.
    pub core_watchdog: Watchdog,
    /// The log.
    pub logger: Logger,
    /// Whether received Ethernet pause frames would be obeyed.
    pub rx_pause_frames: bool,
    /// Whether the device sleeps.
    pub sleep: SleepState,
    /// The core's clock in hertz; `None`: that of the board.
    pub clock_rate: Option<u32>,
    memory: BTreeMap<u32, Box<[u8; PAGE]>>,
}

/// Memory is kept in pages of so many bytes.
const PAGE: usize = 4096;
/// As many pages can be written as the device has memory of its own for: 4 MiB.
const MAX_PAGES: usize = 1024;

impl Settings {
    pub(super) fn watchdog(&mut self, cpu: CpuId) -> &mut Watchdog {
        if cpu == CpuId::CORE_CPU { &mut self.core_watchdog } else { &mut self.app_watchdog }
    }

    pub(super) fn set_logger(&mut self, set: SetFirmwareLogger) -> Result<(), Refusal> {
        self.logger.set(set)
    }

    pub(super) fn set_sleep(&mut self, state: SleepState) -> Result<(), Refusal> {
        if state.name().is_none() {
            return Err(Refusal::of("CONTROL_PROTOCOL_STATUS_INVALID_SLEEP_STATE"));
        }
        self.sleep = state;
        Ok(())
    }

    /// Reads memory into `out`; what was never written is zero.
    pub(super) fn read_memory<'a>(
        &self,
        address: u32,
        count: u32,
        out: &'a mut [u8; MAX_READ_MEMORY_DATA_SIZE],
    ) -> Result<MemoryData<'a>, Refusal> {
        let wrong = Refusal::of("CONTROL_PROTOCOL_STATUS_INVALID_DATA_COUNT_SIZE");
        let data = out.get_mut(..count as usize).ok_or(wrong)?;
        for (position, byte) in (0..).zip(&mut *data) {
            let at = address.wrapping_add(position);
            *byte = self.memory.get(&(at / PAGE as u32)).map_or(0, |page| page[at as usize % PAGE]);
        }
        Ok(MemoryData { data })
    }

    /// Writes memory. Nothing is written where it cannot be written as a whole.
    pub(super) fn write_memory(&mut self, address: u32, data: &[u8]) -> Result<(), Refusal> {
        let place = |position: u32| address.wrapping_add(position);
        let new = (0..data.len() as u32).map(|position| place(position) / PAGE as u32);
        let mut new: Vec<_> = new.filter(|page| !self.memory.contains_key(page)).collect();
        new.dedup();
        if self.memory.len() + new.len() > MAX_PAGES {
            return Err(Refusal::of("CONTROL_PROTOCOL_STATUS_ACCESS_RESTRICTED_MEMORY_AREA"));
        }
        for (position, byte) in (0..).zip(data) {
            let at = place(position);
            self.memory.entry(at / PAGE as u32).or_insert_with(|| Box::new([0; PAGE]))[at as usize % PAGE] = *byte;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_keeps_what_is_written_within_bounds() {
        let mut settings = Settings::default();
        let mut out = [0xff; 1024];
        settings.write_memory(0x6000_0ffe, &[1, 2, 3, 4]).unwrap();
        assert_eq!(settings.read_memory(0x6000_0ffd, 6, &mut out).unwrap().data, [0, 1, 2, 3, 4, 0]);
        settings.write_memory(u32::MAX, &[5, 6]).unwrap();
        assert_eq!(settings.read_memory(u32::MAX, 2, &mut out).unwrap().data, [5, 6], "addresses wrap");
        assert_eq!(
            settings.read_memory(0, 1025, &mut out).unwrap_err(),
            Refusal::of("CONTROL_PROTOCOL_STATUS_INVALID_DATA_COUNT_SIZE")
        );
        for page in 0..2000 {
            let written = settings.write_memory(page * PAGE as u32, &[7]);
            assert_eq!(written.is_ok(), settings.read_memory(page * PAGE as u32, 1, &mut out).unwrap().data == [7]);
        }
        assert_eq!(settings.memory.len(), MAX_PAGES);
    }
}
