//! [`Descriptor`]: what the vDMA engine reads from a descriptor list, and where it writes its status.
//!
//! ```
//! use hailo_abi::descriptor::{Control, Descriptor, Status};
//! use hailo_abi::enums::{DmaType, InterruptsDomain};
//!
//! let mut descriptor = Descriptor::new(4096, 0x1_2345_6000, 0);
//! let host = Control::interrupts(InterruptsDomain::HOST, DmaType::PCIE);
//! descriptor.set_control(Control::STATUS_ON_ERROR | host);
//! assert_eq!((descriptor.page_size(), descriptor.address()), (4096, 0x1_2345_6000));
//! assert_eq!(descriptor.control().bits(), 0x2e);
//! assert_eq!(descriptor.status(), Status::empty()); // the engine has not processed it
//! ```

use zerocopy::little_endian::U32;

use crate::enums::{DmaType, InterruptsDomain};
use crate::wire::wire;

bitflags::bitflags! {
    /// What a descriptor asks of the engine. Bits without a name are kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Control: u8 {
        /// Write the status back when processed (the driver's `is_debug`).
        const STATUS_WHEN_PROCESSED = 1 << 0;
        /// Write the status back on an error; the driver always asks for it.
        const STATUS_ON_ERROR = 1 << 1;
        /// Interrupt when processed.
        const INTERRUPT_WHEN_PROCESSED = 1 << 2;
        /// Interrupt on an error.
        const INTERRUPT_ON_ERROR = 1 << 3;
        /// The interrupt goes to the device on PCIe boards, to the host where the core sits on the system bus.
        const INTERRUPT_DOMAIN_0 = 1 << 4;
        /// The interrupt goes to the host on PCIe boards, to the device where the core sits on the system bus.
        const INTERRUPT_DOMAIN_1 = 1 << 5;

        const _ = !0;
    }
}

impl Control {
    /// The bits with which a descriptor interrupts `domain`, on a board that reaches memory by `dma_type`.
    #[must_use]
    pub const fn interrupts(domain: InterruptsDomain, dma_type: DmaType) -> Self {
        let (to_device, to_host) = if dma_type.raw() == DmaType::PCIE.raw() {
            (Self::INTERRUPT_DOMAIN_0, Self::INTERRUPT_DOMAIN_1)
        } else {
            (Self::INTERRUPT_DOMAIN_1, Self::INTERRUPT_DOMAIN_0)
        };
        let mut control = Self::empty();
        if domain.raw() & InterruptsDomain::DEVICE.raw() != 0 {
            control = control.union(to_device);
        }
        if domain.raw() & InterruptsDomain::HOST.raw() != 0 {
            control = control.union(to_host);
        }
        if control.is_empty() {
            control
        } else {
            control.union(Self::INTERRUPT_WHEN_PROCESSED).union(Self::INTERRUPT_ON_ERROR)
        }
    }
}

bitflags::bitflags! {
    /// What the engine says of a descriptor that asked for its status. Bits without a name are kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Status: u8 {
        /// It was processed.
        const DONE = 1 << 0;
        /// It failed.
        const ERROR = 1 << 1;

        const _ = !0;
    }
}

wire! {
    /// A vDMA descriptor: four little-endian words. The accessors below take them apart.
    "hailo_vdma_descriptor", 16;
    pub struct Descriptor {
        /// The page size in the upper 24 bits, [`Control`] in the lower 8.
        0 => page_size_desc_control: U32,
        /// Bits 31 to 6 of the address, the data id in the lower 6.
        4 => addr_l_rsvd_data_id: U32,
        /// Bits 63 to 32 of the address.
        8 => addr_h: U32,
        /// The bytes of the page that were not moved in the upper 24 bits, [`Status`] in the lower 8.
        12 => remaining_page_size_status: U32,
    }
}

/// The alignment of the address in a descriptor, in bytes.
pub const ADDRESS_ALIGNMENT: u64 = 64;
/// The largest page size that a descriptor can state, in bytes.
pub const MAX_PAGE_SIZE: u32 = (1 << 24) - 1;
/// The data id of PCIe boards. A board whose core sits on the system bus takes that of the channel.
pub const DATA_ID_PCIE: u8 = 0;

impl Descriptor {
    /// A descriptor that moves `page_size` bytes at `address`, and asks for nothing else. The lower 6 bits of the address
    /// and the upper bits of page size and data id are cut off.
    #[must_use]
    pub const fn new(page_size: u32, address: u64, data_id: u8) -> Self {
        Self {
            page_size_desc_control: U32::new(page_size << 8),
            addr_l_rsvd_data_id: U32::new(low_word(address, data_id)),
            addr_h: U32::new((address >> 32) as u32),
            remaining_page_size_status: U32::new(0),
        }
    }

    /// How many bytes the descriptor moves.
    #[must_use]
    pub const fn page_size(&self) -> u32 {
        self.page_size_desc_control.get() >> 8
    }

    /// Sets how many bytes the descriptor moves; bits above the 24th are cut off.
    pub const fn set_page_size(&mut self, page_size: u32) {
        self.page_size_desc_control = U32::new(page_size << 8 | self.page_size_desc_control.get() & 0xff);
    }

    /// What the descriptor asks of the engine.
    #[must_use]
    pub const fn control(&self) -> Control {
        Control::from_bits_retain(self.page_size_desc_control.get() as u8)
    }

    /// Sets what the descriptor asks of the engine.
    pub const fn set_control(&mut self, control: Control) {
        self.page_size_desc_control = U32::new(self.page_size_desc_control.get() & !0xff | control.bits() as u32);
    }

    /// The address for the device, a multiple of [`ADDRESS_ALIGNMENT`].
    #[must_use]
    pub const fn address(&self) -> u64 {
        (self.addr_h.get() as u64) << 32 | (self.addr_l_rsvd_data_id.get() as u64 & !(ADDRESS_ALIGNMENT - 1))
    }

    /// Sets the address; its lower 6 bits are cut off.
    pub const fn set_address(&mut self, address: u64) {
        self.addr_l_rsvd_data_id = U32::new(low_word(address, self.data_id()));
        self.addr_h = U32::new((address >> 32) as u32);
    }

    /// Where the engine takes or puts the bytes inside the device.
    #[must_use]
    pub const fn data_id(&self) -> u8 {
        (self.addr_l_rsvd_data_id.get() as u64 & (ADDRESS_ALIGNMENT - 1)) as u8
    }

    /// How many bytes of the page the engine did not move.
    #[must_use]
    pub const fn remaining_page_size(&self) -> u32 {
        self.remaining_page_size_status.get() >> 8
    }

    /// What the engine says.
    #[must_use]
    pub const fn status(&self) -> Status {
        Status::from_bits_retain(self.remaining_page_size_status.get() as u8)
    }

    /// Writes what the engine says: bytes that were not moved, and status.
    pub const fn set_result(&mut self, remaining_page_size: u32, status: Status) {
        self.remaining_page_size_status = U32::new(remaining_page_size << 8 | status.bits() as u32);
    }
}

const fn low_word(address: u64, data_id: u8) -> u32 {
    let mask = ADDRESS_ALIGNMENT - 1;
    (address & !mask | data_id as u64 & mask) as u32
}
