//! [`Board`]: what an accelerator is, whatever number its release gives it.

use core::fmt;

use crate::enums::AcceleratorType;

/// A kind of accelerator board. Drivers number them anew with almost every release;
/// [`Interface::board`](crate::Interface::board) translates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Board {
    /// Hailo-8 and Hailo-8L, on PCI Express (up to 5.0.0).
    #[doc(alias = "HAILO_BOARD_TYPE_HAILO8")]
    Hailo8,
    /// Hailo-15, the core of a system-on-chip.
    #[doc(alias = "HAILO_BOARD_TYPE_HAILO15")]
    Hailo15,
    /// Hailo-15L (up to 4.19.0 named Pluto).
    #[doc(alias = "HAILO_BOARD_TYPE_HAILO15L")]
    #[doc(alias = "HAILO_BOARD_TYPE_PLUTO")]
    Hailo15L,
    /// Hailo-10H, a system-on-chip on PCI Express (since 4.18.0).
    #[doc(alias = "HAILO_BOARD_TYPE_HAILO10H")]
    Hailo10H,
    /// The same chip used as a mere accelerator (4.18.0 to 4.23.0: "Hailo-10H legacy"; since 5.0.0 "accelerator mode").
    #[doc(alias = "HAILO_BOARD_TYPE_HAILO10H_LEGACY")]
    #[doc(alias = "HAILO_BOARD_TYPE_HAILO15H_ACCELERATOR_MODE")]
    Hailo15HAcceleratorMode,
    /// Hailo-10H that boots in the way of former releases (5.0.0 alone).
    #[doc(alias = "HAILO_BOARD_TYPE_HAILO10H_LEGACY_BOOT")]
    Hailo10HLegacyBoot,
    /// Mars, a system-on-chip on PCI Express (since 4.21.0).
    #[doc(alias = "HAILO_BOARD_TYPE_MARS")]
    Mars,
    /// Mars that boots in the way of former releases (5.0.0 alone).
    #[doc(alias = "HAILO_BOARD_TYPE_MARS_LEGACY_BOOT")]
    MarsLegacyBoot,
}

/// The PCI vendor id of all boards.
pub const PCI_VENDOR_ID: u16 = 0x1e60;

impl Board {
    /// Every board that some release knows.
    pub const ALL: &'static [Self] = &[
        Self::Hailo8,
        Self::Hailo15,
        Self::Hailo15L,
        Self::Hailo10H,
        Self::Hailo15HAcceleratorMode,
        Self::Hailo10HLegacyBoot,
        Self::Mars,
        Self::MarsLegacyBoot,
    ];

    /// The name, in the vendor's capital letters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hailo8 => "HAILO8",
            Self::Hailo15 => "HAILO15",
            Self::Hailo15L => "HAILO15L",
            Self::Hailo10H => "HAILO10H",
            Self::Hailo15HAcceleratorMode => "HAILO15H_ACCELERATOR_MODE",
            Self::Hailo10HLegacyBoot => "HAILO10H_LEGACY_BOOT",
            Self::Mars => "MARS",
            Self::MarsLegacyBoot => "MARS_LEGACY_BOOT",
        }
    }

    /// What the board is to the host: a neural network core, or a system-on-chip with an operating system of its own.
    #[must_use]
    pub const fn accelerator_type(self) -> AcceleratorType {
        match self {
            Self::Hailo8 | Self::Hailo15 | Self::Hailo15L | Self::Hailo15HAcceleratorMode => AcceleratorType::NNC,
            Self::Hailo10H | Self::Hailo10HLegacyBoot | Self::Mars | Self::MarsLegacyBoot => AcceleratorType::SOC,
        }
    }

    /// The PCI device id. The vendor id is [`PCI_VENDOR_ID`].
    #[must_use]
    pub const fn pci_device_id(self) -> u16 {
        match self {
            Self::Hailo8 => 0x2864,
            Self::Hailo15 | Self::Hailo10H | Self::Hailo15HAcceleratorMode | Self::Hailo10HLegacyBoot => 0x45c4,
            Self::Hailo15L => 0x43a2,
            Self::Mars | Self::MarsLegacyBoot => 0x26a2,
        }
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
