//! [`Doorbell`]: how the driver calls the firmware's attention.

use crate::interface::EnumEntry;

bitflags::bitflags! {
    /// The bits of the doorbell register, with which the driver interrupts the firmware.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Doorbell: u32 {
        /// A control for the application CPU is waiting.
        #[doc(alias = "FW_ACCESS_APP_CPU_CONTROL_MASK")]
        const APP_CPU_CONTROL = 1 << 0;
        /// A control for the core CPU is waiting.
        #[doc(alias = "FW_ACCESS_CORE_CPU_CONTROL_MASK")]
        const CORE_CPU_CONTROL = 1 << 1;
        /// The driver goes away.
        #[doc(alias = "FW_ACCESS_DRIVER_SHUTDOWN_MASK")]
        const DRIVER_SHUTDOWN = 1 << 2;
        /// Reset (since 4.20.0, on boards that are a neural network core).
        #[doc(alias = "FW_ACCESS_SOFT_RESET_MASK")]
        const SOFT_RESET = 1 << 3;
        /// A control for the system-on-chip is waiting (since 4.18.0, on boards that are one).
        #[doc(alias = "FW_ACCESS_SOC_CONTROL_MASK")]
        #[doc(alias = "FW_ACCESS_SOC_CONNECT_MASK")]
        const SOC_CONTROL = 1 << 3;
    }
}

/// The bits as enums, since 4.21.0.
pub(crate) const NNC_INTERRUPT_MASKS: EnumEntry = EnumEntry {
    c_name: "hailo_pcie_nnc_interrupt_masks",
    enumerators: &[
        ("FW_ACCESS_APP_CPU_CONTROL_MASK", Doorbell::APP_CPU_CONTROL.bits()),
        ("FW_ACCESS_CORE_CPU_CONTROL_MASK", Doorbell::CORE_CPU_CONTROL.bits()),
        ("FW_ACCESS_DRIVER_SHUTDOWN_MASK", Doorbell::DRIVER_SHUTDOWN.bits()),
        ("FW_ACCESS_SOFT_RESET_MASK", Doorbell::SOFT_RESET.bits()),
    ],
};

/// The bits as enums, since 4.21.0.
pub(crate) const SOC_INTERRUPT_MASKS: EnumEntry = EnumEntry {
    c_name: "hailo_pcie_soc_interrupt_masks",
    enumerators: &[("FW_ACCESS_SOC_CONTROL_MASK", Doorbell::SOC_CONTROL.bits())],
};
