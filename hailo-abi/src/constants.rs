//! The integer constants of the driver's header, by span of releases.
//!
//! Those that a program uses are constants of the module that they belong to; here they get the vendor's names.

use crate::channels::{MAX_VDMA_ENGINES, VDMA_DEST_CHANNELS_START};
use crate::command::{
    MAX_CONTROL_LENGTH, MAX_FW_LOG_BUFFER_LENGTH, MAX_MEMORY_TRANSFER_LENGTH, MAX_NOTIFICATION_LENGTH, MD5_LENGTH,
};
use crate::descriptor::Descriptor;
use crate::doorbell::Doorbell;
use crate::release::DriverRelease;
use crate::v4_17_0::CHANNEL_IRQ_TIMESTAMPS_SIZE;
use crate::{v4_21_0, wire::WireStruct};

/// The most transfers that can be ongoing on a channel plus one: the size of the driver's ring of them
/// (`HAILO_VDMA_MAX_ONGOING_TRANSFERS`). It keeps one place free.
pub const MAX_ONGOING_TRANSFERS: usize = 128;
/// The channel that is none (`INVALID_VDMA_CHANNEL`).
pub const INVALID_VDMA_CHANNEL: u8 = 0xff;
/// How many channels of an engine go each way (`VDMA_CHANNELS_PER_ENGINE_PER_DIRECTION`, since 4.19.0).
pub const VDMA_CHANNELS_PER_ENGINE_PER_DIRECTION: usize = 16;
/// The most descriptors of a list (`MAX_SG_DESCS_COUNT`, since 4.20.0). The driver does not enforce it.
pub const MAX_SG_DESCS_COUNT: usize = 1 << 16;

/// Descriptors of 64 bytes are the smallest of a list, since 5.0.1 (`MIN_SG_PAGE_SIZE`).
pub const MIN_SG_PAGE_SIZE: usize = 64;
/// What the vendor's library takes if it is free to choose, since 5.0.1 (`DEFAULT_SG_PAGE_SIZE`).
pub const DEFAULT_SG_PAGE_SIZE: usize = 512;
/// The fewest descriptors of a list, since 5.0.1 (`MIN_SG_DESCS_COUNT`).
pub const MIN_SG_DESCS_COUNT: usize = 2;

/// Names with values, as in the vendor's header.
pub(crate) type Constants = &'static [(&'static str, i64)];

pub(crate) const COMMON: Constants = &[
    ("HAILO_GENERAL_IOCTL_MAGIC", b'g' as i64),
    ("HAILO_VDMA_IOCTL_MAGIC", b'v' as i64),
    ("HAILO_VDMA_MAX_ONGOING_TRANSFERS", MAX_ONGOING_TRANSFERS as i64),
    ("HAILO_VDMA_MAX_ONGOING_TRANSFERS_MASK", MAX_ONGOING_TRANSFERS as i64 - 1),
    // All ones in the width of a word: `DataModel::max_word`.
    ("INVALID_DRIVER_HANDLE_VALUE", -1),
    ("INVALID_VDMA_CHANNEL", INVALID_VDMA_CHANNEL as i64),
    ("MAX_CONTROL_LENGTH", MAX_CONTROL_LENGTH as i64),
    ("MAX_FW_LOG_BUFFER_LENGTH", MAX_FW_LOG_BUFFER_LENGTH as i64),
    ("MAX_NOTIFICATION_LENGTH", MAX_NOTIFICATION_LENGTH as i64),
    ("MAX_VDMA_ENGINES", MAX_VDMA_ENGINES as i64),
    ("PCIE_EXPECTED_MD5_LENGTH", MD5_LENGTH as i64),
    ("SIZE_OF_VDMA_DESCRIPTOR", <Descriptor as WireStruct>::LAYOUT.size as i64),
    ("VDMA_DEST_CHANNELS_START", VDMA_DEST_CHANNELS_START as i64),
];

/// 4.17.
pub(crate) const NON_LINUX: Constants = &[("HAILO_NON_LINUX_IOCTL_MAGIC", b'w' as i64)];

/// Since 4.18.0.
pub(crate) const ACCELERATOR_GROUPS: Constants = &[
    ("HAILO_NNC_IOCTL_MAGIC", b'n' as i64),
    ("HAILO_SOC_IOCTL_MAGIC", b's' as i64),
    ("HAILO_PCI_EP_IOCTL_MAGIC", b'p' as i64),
];

/// Since 4.19.0.
pub(crate) const CHANNELS_PER_DIRECTION: Constants =
    &[("VDMA_CHANNELS_PER_ENGINE_PER_DIRECTION", VDMA_CHANNELS_PER_ENGINE_PER_DIRECTION as i64)];

/// Since 4.20.0.
pub(crate) const DESCRIPTOR_LISTS: Constants = &[("MAX_SG_DESCS_COUNT", MAX_SG_DESCS_COUNT as i64)];

/// Since 4.21.0.
pub(crate) const INTERRUPT_DATA: Constants = &[
    ("HAILO_VDMA_TRANSFER_DATA_CHANNEL_NOT_ACTIVE", v4_21_0::CHANNEL_NOT_ACTIVE as i64),
    ("HAILO_VDMA_TRANSFER_DATA_CHANNEL_WITH_ERROR", v4_21_0::CHANNEL_WITH_ERROR as i64),
];

/// Since 5.0.1: descriptor lists, and continuous buffers used as a ring ("CCB").
pub(crate) const RINGS: Constants = &[
    ("MIN_SG_PAGE_SIZE", MIN_SG_PAGE_SIZE as i64),
    ("DEFAULT_SG_PAGE_SIZE", DEFAULT_SG_PAGE_SIZE as i64),
    ("MIN_SG_DESCS_COUNT", MIN_SG_DESCS_COUNT as i64),
    ("MIN_CCB_PAGE_SIZE", 512),
    ("DEFAULT_CCB_PAGE_SIZE", 512),
    ("MAX_CCB_PAGE_SIZE", 4096),
    ("MIN_CCB_DESCS_COUNT", 16),
    ("MIN_EXTENDED_CCB_DESCS_COUNT", 32),
    ("MAX_CCB_DESCS_COUNT", 1 << 18),
];

/// Since 5.3.0: buffers in the device's static memory.
pub(crate) const STATIC_MEMORY: Constants =
    &[("SRAM_BUFFER_PAGE_SIZE", 512), ("SRAM_BUFFER_MIN_DESCRIPTORS", 2), ("SRAM_BUFFER_MAX_DESCRIPTORS", 1 << 20)];

/// Where there is [`MemoryTransfer`](crate::command::Operation::MemoryTransfer).
pub(crate) const MEMORY_TRANSFER: Constants = &[("MAX_MEMORY_TRANSFER_LENGTH", MAX_MEMORY_TRANSFER_LENGTH as i64)];

/// Up to 5.2.0.
pub(crate) const TIMESTAMPS: Constants = &[
    ("CHANNEL_IRQ_TIMESTAMPS_SIZE", CHANNEL_IRQ_TIMESTAMPS_SIZE as i64),
    ("CHANNEL_IRQ_TIMESTAMPS_SIZE_MASK", CHANNEL_IRQ_TIMESTAMPS_SIZE as i64 - 1),
];

/// Bits of the doorbell, up to 4.20.1 one constant for the mask and one for the shift of each.
macro_rules! doorbell {
    ($($shift_name:literal, $mask_name:literal: $bit:ident;)+) => {
        &[$(
            ($shift_name, Doorbell::$bit.bits().trailing_zeros() as i64),
            ($mask_name, Doorbell::$bit.bits() as i64),
        )+]
    };
}

/// Up to 4.20.1.
pub(crate) const DOORBELL: Constants = doorbell! {
    "FW_ACCESS_CONTROL_INTERRUPT_SHIFT", "FW_ACCESS_APP_CPU_CONTROL_MASK": APP_CPU_CONTROL;
    "FW_ACCESS_CORE_CPU_CONTROL_SHIFT", "FW_ACCESS_CORE_CPU_CONTROL_MASK": CORE_CPU_CONTROL;
    "FW_ACCESS_DRIVER_SHUTDOWN_SHIFT", "FW_ACCESS_DRIVER_SHUTDOWN_MASK": DRIVER_SHUTDOWN;
};

/// 4.18.
pub(crate) const DOORBELL_SOC_CONNECT: Constants = doorbell! {
    "FW_ACCESS_SOC_CONNECT_SHIFT", "FW_ACCESS_SOC_CONNECT_MASK": SOC_CONTROL;
};

/// 4.19.0 to 4.20.1.
pub(crate) const DOORBELL_SOC_CONTROL: Constants = doorbell! {
    "FW_ACCESS_SOC_CONTROL_SHIFT", "FW_ACCESS_SOC_CONTROL_MASK": SOC_CONTROL;
};

/// 4.20.
pub(crate) const DOORBELL_SOFT_RESET: Constants = doorbell! {
    "FW_ACCESS_SOFT_RESET_SHIFT", "FW_ACCESS_SOFT_RESET_MASK": SOFT_RESET;
};

impl DriverRelease {
    /// The constants of the vendor's header that state the release (`HAILO_DRV_VER_MAJOR`, …); 4.17 has none.
    pub fn constants(self) -> impl Iterator<Item = (&'static str, i64)> {
        let names = ["HAILO_DRV_VER_MAJOR", "HAILO_DRV_VER_MINOR", "HAILO_DRV_VER_REVISION"];
        let stated = self >= Self::new(4, 18, 0);
        let numbers = [self.major, self.minor, self.revision];
        names.into_iter().zip(numbers).filter(move |_| stated).map(|(name, number)| (name, number.into()))
    }
}
