//! Status codes of the firmware, by name and module.
//!
//! A code is a component (always 4), a module and a value. Codes have never been renumbered: later releases only
//! added some at the end of a module, so a name is a name whatever the release.

mod common;
mod context_switch;
mod control;
mod dataflow;
mod devices;
mod system;

use core::fmt;

pub use common::CommonStatus;

use super::FirmwareInterface;
use super::enums::EnumInfo;

pub(crate) const ENUMS: &[EnumInfo] = common::ENUMS;

/// A status code of the firmware, kept whether known or not.
///
/// ```
/// use hailo_abi::firmware::FirmwareStatus;
///
/// let status = FirmwareStatus(0x4003_000f);
/// assert_eq!(status.name(), Some("HAILO_CONTROL_STATUS_UNSUPPORTED_OPCODE"));
/// assert_eq!(status.module_name(), Some("CONTROL"));
/// assert_eq!(FirmwareStatus(0x4003_ffff).to_string(), "unknown status 0x4003ffff of module CONTROL");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "FIRMWARE_STATUS_t")]
pub struct FirmwareStatus(pub u32);

/// A module of the firmware and the names of its codes, one line each.
pub(super) struct Module {
    name: &'static str,
    first: FirmwareInterface,
    /// From which value on a later generation has added codes.
    later: &'static [(u16, FirmwareInterface)],
    names: &'static str,
}

impl FirmwareStatus {
    /// Everything went well.
    #[doc(alias = "HAILO_STATUS_SUCCESS")]
    pub const SUCCESS: Self = Self(0);
    /// The firmware does not know the control.
    #[doc(alias = "HAILO_CONTROL_STATUS_UNSUPPORTED_OPCODE")]
    pub const UNSUPPORTED_OPCODE: Self = Self(0x4003_000f);
    /// The device cannot carry the control out.
    #[doc(alias = "CONTROL_PROTOCOL_STATUS_UNSUPPORTED_DEVICE")]
    pub const UNSUPPORTED_DEVICE: Self = Self(0x4003_00b4);
    /// A network group header of another length than this firmware's.
    #[doc(alias = "CONTROL_PROTOCOL_STATUS_INVALID_CONTEXT_SWITCH_APP_HEADER_LENGTH")]
    pub const INVALID_NETWORK_GROUP_HEADER_LENGTH: Self = Self(0x4003_0060);
    /// The contexts do not come in the order that the firmware wants.
    #[doc(alias = "CONTEXT_SWITCH_STATUS_UNEXPECTED_CONTEXT_ORDER")]
    pub const UNEXPECTED_CONTEXT_ORDER: Self = Self(0x4013_006e);
    /// The firmware has no memory left for contexts.
    #[doc(alias = "CONTEXT_SWITCH_STATUS_SRAM_MEMORY_FULL")]
    pub const SRAM_MEMORY_FULL: Self = Self(0x4013_007a);
    /// A channel that does not exist, or carries the other way.
    #[doc(alias = "VDMA_SERVICE_STATUS_INVALID_ENGINE_INDEX")]
    pub const INVALID_ENGINE_INDEX: Self = Self(0x402d_001b);

    /// The component of all codes but success (`FIRMWARE_STATUS__COMPONENT_ID`).
    #[doc(alias = "FIRMWARE_STATUS__COMPONENT_ID")]
    pub const COMPONENT_ID: u32 = 4;
    /// How far the component is shifted.
    #[doc(alias = "FIRMWARE_STATUS__COMPONENT_OFFSET_BITS")]
    pub const COMPONENT_SHIFT: u32 = 28;
    /// How far the module is shifted.
    #[doc(alias = "FIRMWARE_STATUS__MODULE_INDEX_OFFSET_BITS")]
    pub const MODULE_SHIFT: u32 = 16;
    /// The bits of the module.
    #[doc(alias = "FIRMWARE_STATUS__MODULE_INDEX_MASK")]
    pub const MODULE_MASK: u32 = 0x00ff_0000;
    /// The bits of the value.
    #[doc(alias = "FIRMWARE_STATUS__VALUE_MASK")]
    pub const VALUE_MASK: u32 = 0xffff;

    /// The code of a module's value.
    pub const fn new(module: u8, value: u16) -> Self {
        Self(Self::COMPONENT_ID << Self::COMPONENT_SHIFT | (module as u32) << Self::MODULE_SHIFT | value as u32)
    }

    /// Whether everything went well.
    pub const fn is_success(self) -> bool {
        self.0 == 0
    }

    /// The component, 4 in all known codes but success.
    pub const fn component(self) -> u32 {
        self.0 >> Self::COMPONENT_SHIFT
    }

    /// The module's number.
    pub const fn module(self) -> u8 {
        ((self.0 & Self::MODULE_MASK) >> Self::MODULE_SHIFT) as u8
    }

    /// The value within the module; 0 only marks the module's beginning.
    pub const fn value(self) -> u16 {
        (self.0 & Self::VALUE_MASK) as u16
    }

    fn table(self) -> Option<&'static Module> {
        if self.component() != Self::COMPONENT_ID {
            return None;
        }
        MODULES.get(usize::from(self.module()))
    }

    /// The vendor's name of the code, if any release gave it one.
    pub fn name(self) -> Option<&'static str> {
        if self.is_success() {
            return Some(SUCCESS_NAME);
        }
        if Self::new(self.module(), self.value()) != self {
            return None;
        }
        self.table()?.names.lines().nth(usize::from(self.value()))
    }

    /// The code that the vendor gave this name, in any release.
    ///
    /// ```
    /// use hailo_abi::firmware::FirmwareStatus;
    ///
    /// assert_eq!(FirmwareStatus::named("WD_STATUS_CONFIG_WHILE_ENABLED"), Some(FirmwareStatus(0x4015_0002)));
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        Self::all(FirmwareInterface::NEWEST).find_map(|(status, known)| (known == name).then_some(status))
    }

    /// The vendor's name of the code in a generation.
    pub fn name_in(self, interface: FirmwareInterface) -> Option<&'static str> {
        (self.is_success() || self.since()? <= interface).then(|| self.name()).flatten()
    }

    /// The first generation that has the code, if any has it.
    pub fn since(self) -> Option<FirmwareInterface> {
        self.name()?;
        if self.is_success() {
            return Some(FirmwareInterface::V4_17);
        }
        let module = self.table()?;
        let later = module.later.iter().rev().find(|(from, _)| *from <= self.value());
        Some(later.map_or(module.first, |&(_, since)| since))
    }

    /// The module's name, without the vendor's prefix, if it is known.
    pub fn module_name(self) -> Option<&'static str> {
        self.table().map(|module| module.name)
    }

    /// The names of all modules that a generation has, in the order of their numbers.
    pub fn modules(interface: FirmwareInterface) -> impl Iterator<Item = &'static str> {
        MODULES.iter().filter(move |module| module.first <= interface).map(|module| module.name)
    }

    /// All codes with a name in a generation, success first.
    pub fn all(interface: FirmwareInterface) -> impl Iterator<Item = (Self, &'static str)> {
        let codes = (0_u8..).zip(MODULES).flat_map(|(module, table)| {
            (0_u16..).zip(table.names.lines()).map(move |(value, name)| (Self::new(module, value), name))
        });
        core::iter::once((Self::SUCCESS, SUCCESS_NAME))
            .chain(codes)
            .filter(move |(status, _)| status.since().is_some_and(|since| since <= interface))
    }
}

const SUCCESS_NAME: &str = "HAILO_STATUS_SUCCESS";

impl fmt::Display for FirmwareStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.module_name()) {
            (Some(name), Some(module)) => write!(f, "{name} ({:#010x}, module {module})", self.0),
            (Some(name), None) => f.write_str(name),
            (None, Some(module)) => write!(f, "unknown status {:#010x} of module {module}", self.0),
            (None, None) => write!(f, "unknown status {:#010x}", self.0),
        }
    }
}

static MODULES: &[Module] = &[
    system::GENERAL,
    dataflow::DATAFLOW,
    dataflow::ETHERNET_SERVICE,
    control::CONTROL,
    devices::POWER_MEASUREMENT,
    dataflow::MIPI,
    devices::USER_CONFIG,
    devices::I2C,
    dataflow::LWIP,
    dataflow::PARALLEL_CAMERA,
    devices::QSPI,
    dataflow::PCIE_SERVICE,
    devices::FIRMWARE_UPDATE,
    devices::SENSOR_CONFIG,
    system::DEBUG,
    system::MAILBOX,
    system::SEMAPHORE,
    system::INTER_CPU_CONTROL,
    system::INTER_CPU_EVENT_MANAGER,
    context_switch::CONTEXT_SWITCH_TASK,
    system::D2H_EVENT_MANAGER,
    system::WD,
    system::HEALTH_MONITOR,
    system::PVT_DRIVER,
    devices::ISP,
    devices::BOARD_CONFIG,
    devices::FIRMWARE_CONFIGS,
    devices::GPIO,
    system::OVERCURRENT_PROTECTION,
    system::POWER,
    system::SECURE_DEBUG,
    system::POWER_STATE,
    system::SOC,
    devices::SECOND_STAGE_UPDATE,
    dataflow::DATAFLOW_COMMON,
    system::RESET_HANDLER,
    system::TEMPERATURE_PROTECTION,
    dataflow::DDR_BUFFER,
    dataflow::PL320,
    system::PROCESS_MONITOR,
    system::MBIST,
    context_switch::NN_CONFIG_SERVICE,
    context_switch::CONFIG_MANAGER_WRAPPER,
    context_switch::CSM_CONFIG_MANAGER,
    context_switch::PCIE_CONFIG_MANAGER,
    dataflow::VDMA_SERVICE,
    system::MEMORY_LOGGER,
    system::UART_LOGGER,
    dataflow::DRAM_DMA_SERVICE,
    context_switch::NN_CORE_SERVICE,
    context_switch::DATA_STREAM_MANAGER_WRAPPER,
    context_switch::BURST_CREDITS_TASK,
    context_switch::TASK_SYNC_EVENTS,
    context_switch::NMS_MANAGER,
    context_switch::CLUSTER_MANAGER,
    context_switch::HW_INFER_MANAGER,
    context_switch::INFINITE_CONTEXT_LOADER,
    dataflow::AHB_DMA,
];
