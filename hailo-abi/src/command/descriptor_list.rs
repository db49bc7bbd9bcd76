//! Parameters of descriptor lists.

use crate::enums::InterruptsDomain;

/// Creates a descriptor list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DescListCreate {
    /// How many descriptors. A circular list needs a power of two.
    pub desc_count: u64,
    /// The most bytes that one descriptor moves: a power of two. 0 is accepted and crashes the kernel later.
    pub desc_page_size: u16,
    /// Whether the list starts again at its end.
    pub is_circular: bool,
}

/// The list's handle and where the device finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DescListCreateReply {
    /// 0x1000, 0x2000, … for each open file, from the same counter as the driver's buffers.
    pub desc_handle: u64,
    /// The address of the first descriptor for the device.
    pub dma_address: u64,
}

/// Releases a descriptor list. With a transfer pending on it the kernel crashes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DescListRelease {
    /// The list's handle.
    pub desc_handle: u64,
}

/// Programs descriptors with addresses of a mapped buffer. The call returns how many it programmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DescListProgram {
    /// The mapping's handle.
    pub buffer_handle: u64,
    /// The bytes of one transfer (from 5.1.1 on named `transfer_size`; 0 then crashes the kernel).
    pub buffer_size: u64,
    /// Where the first transfer starts in the mapping, in bytes.
    pub buffer_offset: u64,
    /// How many transfers (since 4.21.0, from 5.1.1 on named `transfers_count`; before, only 1).
    pub batch_size: u32,
    /// The list's handle.
    pub desc_handle: u64,
    /// The channel, for the data id in the descriptors.
    pub channel_index: u8,
    /// The first descriptor.
    pub starting_desc: u32,
    /// Whether to write addresses, or only sizes and control bits (4.18.0 to 5.1.0; elsewhere only true).
    pub should_bind: bool,
    /// Whom the last descriptor interrupts (4.18.0 to 5.2.0; elsewhere only [`InterruptsDomain::NONE`]).
    pub last_interrupts_domain: InterruptsDomain,
    /// Whether descriptors ask for their status to be written back (since 4.18.0).
    pub is_debug: bool,
    /// The bytes from the start of one page to the next (4.21.0 to 5.1.0); 0 is the page size.
    pub stride: u32,
}

/// Maps a descriptor list into a process on another operating system (4.17; Linux refuses it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NonLinuxDescListMmap {
    /// The list's handle.
    pub desc_handle: u64,
    /// The size in bytes.
    pub size: u64,
}

/// Where it was mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NonLinuxDescListMmapReply {
    /// The address in the process.
    pub user_address: u64,
}
