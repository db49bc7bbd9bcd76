//! The user configuration: a list of entries that the firmware reads when it starts.
//!
//! The words are taken as little-endian; no recording of the vendor's confirms their order.

use core::fmt;

use zerocopy::FromBytes;

use super::enums::open_enums;
use super::layout::{Field, Le16, Le32, Unrepresentable, wire_structs};

wire_structs! {
    /// What the configuration begins with.
    #[derive(Default, Eq, Hash)]
    struct UserConfigHeader => UserConfigHeaderLayout = "USER_CONFIG_header_t", 12, V4_17..=V5_2 {
        /// A magic number.
        [0] magic: u32 as Le32,
        /// The version of the configuration.
        [4] version: u32 as Le32,
        /// Entries that follow.
        [8] entry_count: u32 as Le32,
    }

    /// What an entry begins with.
    #[derive(Default, Eq, Hash)]
    struct UserConfigEntry => UserConfigEntryLayout = "USER_CONFIG_ENTRY_t", 8, V4_17..=V5_2 {
        /// The group that it belongs to.
        [0] category: u16 as Le16,
        /// Which of the group.
        [2] entry_id: u16 as Le16,
        /// Bytes of the value that follows.
        [4] entry_size: u32 as Le32,
    }
}

open_enums! {
    /// How long a sample of the current takes, in microseconds.
    enum OvercurrentConversionTime(u32) = "OVERCURRENT_conversion_time_us_t" {
        /// 140 µs.
        PERIOD_140US = 140, "OVERCURRENT_CONVERSION_PERIOD_140US";
        /// 204 µs.
        PERIOD_204US = 204, "OVERCURRENT_CONVERSION_PERIOD_204US";
        /// 332 µs.
        PERIOD_332US = 332, "OVERCURRENT_CONVERSION_PERIOD_332US";
        /// 588 µs.
        PERIOD_588US = 588, "OVERCURRENT_CONVERSION_PERIOD_588US";
        /// 1100 µs.
        PERIOD_1100US = 1100, "OVERCURRENT_CONVERSION_PERIOD_1100US";
        /// 2116 µs.
        PERIOD_2116US = 2116, "OVERCURRENT_CONVERSION_PERIOD_2116US";
        /// 4156 µs.
        PERIOD_4156US = 4156, "OVERCURRENT_CONVERSION_PERIOD_4156US";
        /// 8244 µs.
        PERIOD_8244US = 8244, "OVERCURRENT_CONVERSION_PERIOD_8244US";
    }

    /// From where the protection against too much current has its parameters.
    enum OvercurrentParametersSource(u8) = "OVERCURRENT_parameters_source_t" {
        /// The firmware's own.
        FW_VALUES = 0, "OVERCURRENT_PARAMETERS_SOURCE_FW_VALUES";
        /// The user configuration.
        USER_CONFIG_VALUES = 1, "OVERCURRENT_PARAMETERS_SOURCE_USER_CONFIG_VALUES";
        /// The board configuration.
        BOARD_CONFIG_VALUES = 2, "OVERCURRENT_PARAMETERS_SOURCE_BOARD_CONFIG_VALUES";
        /// It is off.
        OVERCURRENT_DISABLED = 3, "OVERCURRENT_PARAMETERS_SOURCE_OVERCURRENT_DISABLED";
    }

    /// From where the protection against heat has its parameters.
    enum TemperatureParametersSource(u8) = "TEMPERATURE_PROTECTION_parameters_source_t" {
        /// The firmware's own.
        FW_VALUES = 0, "TEMPERATURE_PROTECTION_PARAMETERS_SOURCE_FW_VALUES";
        /// The user configuration.
        USER_CONFIG_VALUES = 1, "TEMPERATURE_PROTECTION_PARAMETERS_SOURCE_USER_CONFIG_VALUES";
    }

    /// Which power states of PCIe are allowed.
    enum AspmStates(u8) = "PCIE_CONFIG_SUPPOPRTED_ASPM_STATES_t" {
        /// None.
        DISABLED = 0, "ASPM_DISABLED";
        /// L1.
        L1_ONLY = 1, "ASPM_L1_ONLY";
        /// L0s and L1.
        L0S_L1 = 2, "ASPM_L0S_L1";
    }

    /// Which substates of L1 are allowed.
    enum L1AspmSubstates(u8) = "PCIE_CONFIG_SUPPOPRTED_L1_ASPM_SUBSTATES_t" {
        /// None.
        DISABLED = 0, "ASPM_L1_SUBSTATES_DISABLED";
        /// L1.1.
        L11_ONLY = 1, "ASPM_L1_SUBSTATES_L11_ONLY";
        /// L1.1 and L1.2.
        L11_L12 = 2, "ASPM_L1_SUBSTATES_L11_L12";
    }

    /// What the watchdog watches.
    enum WatchdogServiceMode(u8) = "WD_SERVICE_wd_mode_t" count "WD_SERVICE_NUM_MODES" {
        /// Hardware and software.
        HW_SW = 0, "WD_SERVICE_MODE_HW_SW";
        /// Hardware only.
        HW_ONLY = 1, "WD_SERVICE_MODE_HW_ONLY";
    }

    /// The clock of the processors, in hertz.
    enum CpuClock(u32) = "SOC__CPU_CLOCK_HZ_t" {
        /// 200 MHz.
        MHZ_200 = 200000000, "SOC__CPU_CLOCK_200MHz";
        /// 187.5 MHz.
        MHZ_187 = 187500000, "SOC__CPU_CLOCK_187MHz";
        /// 175 MHz.
        MHZ_175 = 175000000, "SOC__CPU_CLOCK_175MHz";
        /// 162.5 MHz.
        MHZ_162 = 162500000, "SOC__CPU_CLOCK_162MHz";
        /// 150 MHz.
        MHZ_150 = 150000000, "SOC__CPU_CLOCK_150MHz";
        /// 137.5 MHz.
        MHZ_137 = 137500000, "SOC__CPU_CLOCK_137MHz";
        /// 125 MHz.
        MHZ_125 = 125000000, "SOC__CPU_CLOCK_125MHz";
        /// 112.5 MHz.
        MHZ_112 = 112500000, "SOC__CPU_CLOCK_112MHz";
        /// 100 MHz.
        MHZ_100 = 100000000, "SOC__CPU_CLOCK_100MHz";
        /// 50 MHz.
        MHZ_50 = 50000000, "SOC__CPU_CLOCK_50MHz";
        /// 12.5 MHz.
        MHZ_12 = 12500000, "SOC__CPU_CLOCK_12MHz";
    }

    /// The clock of the neural network core, in hertz.
    enum NnClock(u32) = "SOC__NN_CLOCK_HZ_t" {
        /// 400 MHz.
        MHZ_400 = 400000000, "SOC__NN_CLOCK_400MHz";
        /// 375 MHz.
        MHZ_375 = 375000000, "SOC__NN_CLOCK_375MHz";
        /// 350 MHz.
        MHZ_350 = 350000000, "SOC__NN_CLOCK_350MHz";
        /// 325 MHz.
        MHZ_325 = 325000000, "SOC__NN_CLOCK_325MHz";
        /// 300 MHz.
        MHZ_300 = 300000000, "SOC__NN_CLOCK_300MHz";
        /// 275 MHz.
        MHZ_275 = 275000000, "SOC__NN_CLOCK_275MHz";
        /// 250 MHz.
        MHZ_250 = 250000000, "SOC__NN_CLOCK_250MHz";
        /// 225 MHz.
        MHZ_225 = 225000000, "SOC__NN_CLOCK_225MHz";
        /// 200 MHz.
        MHZ_200 = 200000000, "SOC__NN_CLOCK_200MHz";
        /// 100 MHz.
        MHZ_100 = 100000000, "SOC__NN_CLOCK_100MHz";
        /// 25 MHz.
        MHZ_25 = 25000000, "SOC__NN_CLOCK_25MHz";
    }
}

/// Levels of throttling by current.
#[doc(alias = "MAX_OVERCURRENT_THROTTLING_LEVELS_NUMBER")]
pub const MAX_OVERCURRENT_THROTTLING_LEVELS: usize = 8;
/// A threshold of current that is not set.
#[doc(alias = "USER_CONFIG_OVERCURRENT_UNINITIALIZED_VALUE")]
pub const OVERCURRENT_UNINITIALIZED: u32 = 0;
/// Where the orange zone begins unless configured, in degrees Celsius.
#[doc(alias = "USER_CONFIG_TEMPERATURE_DEFAULT_ORANGE_ALARM_THRESHOLD")]
pub const DEFAULT_ORANGE_ALARM_THRESHOLD: i32 = 104;
/// Where the orange zone ends again unless configured, in degrees Celsius.
#[doc(alias = "USER_CONFIG_TEMPERATURE_DEFAULT_ORANGE_HYSTERESIS_ALARM_THRESHOLD")]
pub const DEFAULT_ORANGE_HYSTERESIS_ALARM_THRESHOLD: i32 = 99;
/// Where the red zone begins unless configured, in degrees Celsius.
#[doc(alias = "USER_CONFIG_TEMPERATURE_DEFAULT_RED_ALARM_THRESHOLD")]
pub const DEFAULT_RED_ALARM_THRESHOLD: i32 = 120;
/// Where the red zone ends again unless configured, in degrees Celsius.
#[doc(alias = "USER_CONFIG_TEMPERATURE_DEFAULT_RED_HYSTERESIS_ALARM_THRESHOLD")]
pub const DEFAULT_RED_HYSTERESIS_ALARM_THRESHOLD: i32 = 116;

/// Why bytes are no user configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserConfigError {
    /// They end within the header or an entry.
    Truncated {
        /// Which entry, counted from 0; the header for `None`.
        entry: Option<u32>,
        /// Bytes that it needs.
        needed: usize,
        /// Bytes that are left.
        available: usize,
    },
    /// There are bytes behind the last entry.
    Trailing {
        /// How many.
        count: usize,
    },
}

impl fmt::Display for UserConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { entry: Some(entry), needed, available } => {
                write!(f, "entry {entry} of the user configuration needs {needed} bytes, {available} are left")
            }
            Self::Truncated { entry: None, needed, available } => {
                write!(f, "the user configuration's header needs {needed} bytes, {available} are left")
            }
            Self::Trailing { count } => write!(f, "{count} bytes follow the last entry of the user configuration"),
        }
    }
}

impl core::error::Error for UserConfigError {}

impl UserConfigHeader {
    /// The bytes of the header.
    ///
    /// # Errors
    ///
    /// None in practice: every value has its place.
    pub fn to_bytes(&self) -> Result<[u8; size_of::<UserConfigHeaderLayout>()], Unrepresentable> {
        let wire: UserConfigHeaderLayout = self.to_wire()?;
        Ok(zerocopy::transmute!(wire))
    }
}

impl UserConfigEntry {
    /// The bytes of what an entry begins with; its value follows.
    ///
    /// # Errors
    ///
    /// None in practice: every value has its place.
    pub fn to_bytes(&self) -> Result<[u8; size_of::<UserConfigEntryLayout>()], Unrepresentable> {
        let wire: UserConfigEntryLayout = self.to_wire()?;
        Ok(zerocopy::transmute!(wire))
    }
}

/// A user configuration as it is stored, read from untrusted bytes.
///
/// ```
/// use hailo_abi::firmware::user_config::{UserConfigEntry, UserConfigHeader, UserConfigReader};
///
/// let header = UserConfigHeader { magic: 1, version: 2, entry_count: 1 };
/// let entry = UserConfigEntry { category: 3, entry_id: 4, entry_size: 2 };
/// let config = [&header.to_bytes()?[..], &entry.to_bytes()?, &[5, 6]].concat();
/// let mut entries = UserConfigReader::new(&config)?;
/// assert_eq!(entries.next(), Some(Ok((entry, &[5, 6][..]))));
/// assert_eq!(UserConfigReader::check(&config), Ok(header));
/// assert_eq!(
///     UserConfigReader::check(&config[..21]).unwrap_err().to_string(),
///     "entry 0 of the user configuration needs 10 bytes, 9 are left"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct UserConfigReader<'c> {
    header: UserConfigHeader,
    rest: &'c [u8],
    next: u32,
}

impl<'c> UserConfigReader<'c> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// If the bytes end within it.
    pub fn new(bytes: &'c [u8]) -> Result<Self, UserConfigError> {
        let needed = size_of::<UserConfigHeaderLayout>();
        let (wire, rest) = UserConfigHeaderLayout::ref_from_prefix(bytes).map_err(|_| UserConfigError::Truncated {
            entry: None,
            needed,
            available: bytes.len(),
        })?;
        Ok(Self { header: UserConfigHeader::from_wire(wire), rest, next: 0 })
    }

    /// Reads a whole configuration: its header, all of its entries, and nothing behind them.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check(bytes: &'c [u8]) -> Result<UserConfigHeader, UserConfigError> {
        let mut reader = Self::new(bytes)?;
        reader.by_ref().try_for_each(|entry| entry.map(|_| ()))?;
        match reader.rest.len() {
            0 => Ok(reader.header),
            count => Err(UserConfigError::Trailing { count }),
        }
    }

    /// What is behind the entries that were read.
    pub const fn rest(&self) -> &'c [u8] {
        self.rest
    }

    /// The header.
    pub const fn header(&self) -> UserConfigHeader {
        self.header
    }
}

impl<'c> Iterator for UserConfigReader<'c> {
    type Item = Result<(UserConfigEntry, &'c [u8]), UserConfigError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.header.entry_count {
            return None;
        }
        let available = self.rest.len();
        let error = |needed| UserConfigError::Truncated { entry: Some(self.next), needed, available };
        let read = || {
            let size = size_of::<UserConfigEntryLayout>();
            let (wire, rest) = UserConfigEntryLayout::ref_from_prefix(self.rest).map_err(|_| error(size))?;
            let entry = UserConfigEntry::from_wire(wire);
            let length = usize::try_from(entry.entry_size).unwrap_or(usize::MAX);
            let (value, rest) = rest.split_at_checked(length).ok_or(error(size.saturating_add(length)))?;
            Ok((entry, value, rest))
        };
        match read() {
            Ok((entry, value, rest)) => {
                self.rest = rest;
                self.next += 1;
                Some(Ok((entry, value)))
            }
            Err(error) => {
                // Nothing can be found behind it.
                self.next = self.header.entry_count;
                Some(Err(error))
            }
        }
    }
}
