//! Descriptor lists.

use zerocopy::little_endian::{U16, U32, U64};

use crate::argument::argument;
use crate::enums::InterruptsDomain;
use crate::wire::{Bool, wire};

wire! {
    /// Creates a descriptor list.
    "hailo_desc_list_create_params", 27 / 19;
    pub struct DescListCreate<W> {
        /// *in*: how many descriptors.
        0 / 0 => desc_count: W,
        /// *in*: the most bytes that one descriptor moves.
        8 / 4 => desc_page_size: U16,
        /// *in*: whether the list starts again at its end.
        10 / 6 => is_circular: Bool,
        /// *out*: the list's handle.
        11 / 7 => desc_handle: W,
        /// *out*: the address of the first descriptor for the device.
        19 / 11 => dma_address: U64,
    }
}

argument! {
    DescListCreate<W>: DescListCreate
    in { desc_count, desc_page_size, is_circular }
    reply DescListCreate: DescListCreateReply { desc_handle, dma_address }
}

wire! {
    /// Releases a descriptor list.
    "hailo_desc_list_release_params", 8 / 4;
    pub struct DescListRelease<W> {
        /// *in*: the list's handle.
        0 / 0 => desc_handle: W,
    }
}

argument! {
    DescListRelease<W>: DescListRelease
    in { desc_handle }
}

wire! {
    /// Binds a mapped buffer to descriptors: what later releases call programming.
    "hailo_desc_list_bind_vdma_buffer_params", 37 / 21;
    pub struct DescListBindVdmaBuffer<W> {
        /// *in*: the mapping's handle.
        0 / 0 => buffer_handle: W,
        /// *in*: how many bytes.
        8 / 4 => buffer_size: W,
        /// *in*: where they start in the mapping, in bytes.
        16 / 8 => buffer_offset: W,
        /// *in*: the list's handle.
        24 / 12 => desc_handle: W,
        /// *in*: the channel.
        32 / 16 => channel_index: u8,
        /// *in*: the first descriptor.
        33 / 17 => starting_desc: U32,
    }
}

argument! {
    DescListBindVdmaBuffer<W>: DescListProgram
    in { buffer_handle, buffer_size, buffer_offset, desc_handle, channel_index, starting_desc }
    fixed {
        batch_size: 1, should_bind: true, last_interrupts_domain: InterruptsDomain::NONE, is_debug: false, stride: 0,
    }
}

wire! {
    /// Maps a descriptor list into a process, on other operating systems than Linux.
    "hailo_non_linux_desc_list_mmap_params", 24 / 12;
    pub struct NonLinuxDescListMmap<W> {
        /// *in*: the list's handle.
        0 / 0 => desc_handle: W,
        /// *in*: the size in bytes.
        8 / 4 => size: W,
        /// *out*: the address in the process.
        16 / 8 => user_address: W,
    }
}

argument! {
    NonLinuxDescListMmap<W>: NonLinuxDescListMmap
    in { desc_handle, size }
    reply NonLinuxDescListMmap: NonLinuxDescListMmapReply { user_address }
}
