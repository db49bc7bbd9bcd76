//! The enums of the driver's header whose values are the same in every release.
//!
//! `HAILO_…_MAX_ENUM` only forces the C type to 32 bits, but it is a value that a process can send, so it is here too.

use zerocopy::little_endian::U32;

use crate::argument::Param;
use crate::wire::{Kind, WireKind, WireValue, wire_enum};

wire_enum! {
    /// Which way a buffer is used, seen from the host.
    "hailo_dma_data_direction";
    pub struct DataDirection {
        /// Both.
        BIDIRECTIONAL = 0, "HAILO_DMA_BIDIRECTIONAL";
        /// The host writes, the device reads.
        TO_DEVICE = 1, "HAILO_DMA_TO_DEVICE";
        /// The device writes, the host reads.
        FROM_DEVICE = 2, "HAILO_DMA_FROM_DEVICE";
        /// Neither; the driver refuses it.
        NONE = 3, "HAILO_DMA_NONE";
        /// Not a direction.
        MAX_ENUM = 0x7fff_ffff, "HAILO_DMA_MAX_ENUM";
    }
}

wire_enum! {
    /// What kind of memory a buffer is (since 4.18.0).
    "hailo_dma_buffer_type";
    pub struct BufferType {
        /// Memory of the process, by address.
        USER_PTR = 0, "HAILO_DMA_USER_PTR_BUFFER";
        /// A dma-buf, by file descriptor.
        DMABUF = 1, "HAILO_DMA_DMABUF_BUFFER";
        /// Not a kind.
        MAX_ENUM = 0x7fff_ffff, "HAILO_DMA_BUFFER_MAX_ENUM";
    }
}

wire_enum! {
    /// For whom a buffer is synchronised.
    "hailo_vdma_buffer_sync_type";
    pub struct SyncType {
        /// Before the processor reads what the device wrote.
        FOR_CPU = 0, "HAILO_SYNC_FOR_CPU";
        /// Before the device reads what the processor wrote.
        FOR_DEVICE = 1, "HAILO_SYNC_FOR_DEVICE";
        /// Not a side.
        MAX_ENUM = 0x7fff_ffff, "HAILO_SYNC_MAX_ENUM";
    }
}

wire_enum! {
    /// Which side is interrupted when a descriptor was processed. The driver uses the number as two bits.
    "hailo_vdma_interrupts_domain";
    pub struct InterruptsDomain {
        /// Nobody.
        NONE = 0, "HAILO_VDMA_INTERRUPTS_DOMAIN_NONE";
        /// The device (up to 5.2.0).
        DEVICE = 1, "HAILO_VDMA_INTERRUPTS_DOMAIN_DEVICE";
        /// The host.
        HOST = 2, "HAILO_VDMA_INTERRUPTS_DOMAIN_HOST";
        /// Not a domain.
        MAX_ENUM = 0x7fff_ffff, "HAILO_VDMA_INTERRUPTS_DOMAIN_MAX_ENUM";
    }
}

wire_enum! {
    /// A processor of the accelerator.
    "hailo_cpu_id";
    pub struct CpuId {
        /// The application CPU.
        CPU0 = 0, "HAILO_CPU_ID_CPU0";
        /// The core CPU.
        CPU1 = 1, "HAILO_CPU_ID_CPU1";
        /// None of them.
        NONE = 2, "HAILO_CPU_ID_NONE";
        /// Not a CPU.
        MAX_ENUM = 0x7fff_ffff, "HAILO_CPU_MAX_ENUM";
    }
}

wire_enum! {
    /// How the accelerator reaches memory.
    "hailo_dma_type";
    pub struct DmaType {
        /// Over PCI Express.
        PCIE = 0, "HAILO_DMA_TYPE_PCIE";
        /// The core sits on the system bus.
        DRAM = 1, "HAILO_DMA_TYPE_DRAM";
        /// As a PCI Express endpoint (since 4.18.0).
        PCI_EP = 2, "HAILO_DMA_TYPE_PCI_EP";
        /// Not a type.
        MAX_ENUM = 0x7fff_ffff, "HAILO_DMA_TYPE_MAX_ENUM";
    }
}

wire_enum! {
    /// Who allocates buffers (up to 5.0.0).
    "hailo_allocation_mode";
    pub struct AllocationMode {
        /// The process.
        USERSPACE = 0, "HAILO_ALLOCATION_MODE_USERSPACE";
        /// The driver, since the platform cannot use other memory.
        DRIVER = 1, "HAILO_ALLOCATION_MODE_DRIVER";
        /// Not a mode.
        MAX_ENUM = 0x7fff_ffff, "HAILO_ALLOCATION_MODE_MAX_ENUM";
    }
}

wire_enum! {
    /// The direction of a memory transfer, seen from the host (up to 4.22.0, and in 5.0.0 and 5.0.1).
    "hailo_transfer_direction";
    pub struct TransferDirection {
        /// From the device.
        READ = 0, "TRANSFER_READ";
        /// To the device.
        WRITE = 1, "TRANSFER_WRITE";
        /// Not a direction.
        MAX_ENUM = 0x7fff_ffff, "TRANSFER_MAX_ENUM";
    }
}

wire_enum! {
    /// Which memory of the device a memory transfer means (up to 4.22.0, and in 5.0.0 and 5.0.1).
    "hailo_transfer_memory_type";
    pub struct TransferMemoryType {
        /// The device's own address space.
        DEVICE_DIRECT_MEMORY = 0, "HAILO_TRANSFER_DEVICE_DIRECT_MEMORY";
        /// The registers of vDMA engine 0.
        VDMA0 = 0x100, "HAILO_TRANSFER_MEMORY_VDMA0";
        /// The registers of vDMA engine 1.
        VDMA1 = 0x101, "HAILO_TRANSFER_MEMORY_VDMA1";
        /// The registers of vDMA engine 2.
        VDMA2 = 0x102, "HAILO_TRANSFER_MEMORY_VDMA2";
        /// PCI base address register 0.
        PCIE_BAR0 = 0x200, "HAILO_TRANSFER_MEMORY_PCIE_BAR0";
        /// PCI base address register 2.
        PCIE_BAR2 = 0x202, "HAILO_TRANSFER_MEMORY_PCIE_BAR2";
        /// PCI base address register 4.
        PCIE_BAR4 = 0x204, "HAILO_TRANSFER_MEMORY_PCIE_BAR4";
        /// DMA engine 0.
        DMA_ENGINE0 = 0x300, "HAILO_TRANSFER_MEMORY_DMA_ENGINE0";
        /// DMA engine 1.
        DMA_ENGINE1 = 0x301, "HAILO_TRANSFER_MEMORY_DMA_ENGINE1";
        /// DMA engine 2.
        DMA_ENGINE2 = 0x302, "HAILO_TRANSFER_MEMORY_DMA_ENGINE2";
        /// The configuration of the PCI endpoint (since 4.18.0).
        PCIE_EP_CONFIG = 0x400, "HAILO_TRANSFER_MEMORY_PCIE_EP_CONFIG";
        /// The bridge of the PCI endpoint (since 4.18.0).
        PCIE_EP_BRIDGE = 0x401, "HAILO_TRANSFER_MEMORY_PCIE_EP_BRIDGE";
        /// Not a memory.
        MAX_ENUM = 0x7fff_ffff, "HAILO_TRANSFER_MEMORY_MAX_ENUM";
    }
}

wire_enum! {
    /// What an accelerator is to the host (4.18.0 to 5.2.0; 5.3.0 names the same numbers
    /// [`DevType`](crate::v5_3_0::DevType)).
    "hailo_accelerator_type";
    pub struct AcceleratorType {
        /// A neural network core whose firmware the host controls.
        NNC = 0, "HAILO_ACCELERATOR_TYPE_NNC";
        /// A system-on-chip with an operating system of its own.
        SOC = 1, "HAILO_ACCELERATOR_TYPE_SOC";
        /// Not a type.
        MAX_ENUM = 0x7fff_ffff, "HAILO_ACCELERATOR_TYPE_MAX_ENUM";
    }
}

/// The number of a board on the wire. Its meaning changed from release to release: every interface has its own
/// `BoardType`, and [`Interface::board`](crate::Interface::board) translates.
#[doc(alias = "hailo_board_type")]
#[derive(
    zerocopy::FromBytes,
    zerocopy::IntoBytes,
    zerocopy::KnownLayout,
    zerocopy::Immutable,
    zerocopy::Unaligned,
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
)]
#[repr(transparent)]
pub struct BoardNumber(U32);

impl WireKind for BoardNumber {
    const KIND: Kind = Kind::Enum { c_name: "hailo_board_type", enumerators: &[] };
}

impl WireValue for BoardNumber {
    type Value = u32;

    fn value(self) -> u32 {
        self.0.get()
    }

    fn from_value(value: u32) -> Self {
        Self(U32::new(value))
    }
}

impl Param<u32> for BoardNumber {
    fn put(&mut self, parameter: &u32) -> bool {
        self.0.put(parameter)
    }

    fn take(&self) -> u32 {
        self.0.get()
    }
}
