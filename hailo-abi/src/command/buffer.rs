//! Parameters of mapped and of driver-allocated buffers.

use crate::enums::{BufferType, DataDirection, SyncType};

/// Maps a buffer for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BufferMap {
    /// The address of the first byte, or the file descriptor of a dma-buf.
    pub address_or_fd: u64,
    /// The length in bytes. 0 and multiples of 4 GiB crash the kernel.
    pub size: u64,
    /// Which way the buffer is used.
    pub data_direction: DataDirection,
    /// What the address is (since 4.18.0; before, only [`BufferType::USER_PTR`]).
    pub buffer_type: BufferType,
    /// The handle of a low-memory buffer of the driver that backs this range (up to 5.0.0).
    pub allocated_buffer_handle: Option<u64>,
}

/// The mapping's handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BufferMapReply {
    /// 1, 2, 3, … for each open file.
    pub mapped_handle: u64,
}

/// Unmaps a buffer. Up to 5.1.0 only the handle counts, from 5.1.1 on only the range, direction and type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BufferUnmap {
    /// The mapping's handle.
    pub mapped_handle: u64,
    /// As it was mapped (since 5.1.1).
    pub address_or_fd: u64,
    /// As it was mapped, in bytes (since 5.1.1).
    pub size: u64,
    /// As it was mapped (since 5.1.1).
    pub data_direction: DataDirection,
    /// As it was mapped (since 5.1.1).
    pub buffer_type: BufferType,
}

/// Synchronises part of a mapped buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BufferSync {
    /// The mapping's handle.
    pub handle: u64,
    /// For whom.
    pub sync_type: SyncType,
    /// Where it starts, in bytes from the start of the mapping.
    pub offset: u64,
    /// How many bytes.
    pub count: u64,
}

/// Allocates a buffer below 4 GiB (up to 5.0.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LowMemoryBufferAlloc {
    /// The size in bytes.
    pub buffer_size: u64,
}

/// The buffer's handle, which is also the offset to map it at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LowMemoryBufferAllocReply {
    /// A page number times the page size: 0x1000, 0x2000, … for each open file.
    pub buffer_handle: u64,
}

/// Frees a low-memory buffer (up to 5.0.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LowMemoryBufferFree {
    /// The buffer's handle.
    pub buffer_handle: u64,
}

/// Allocates a physically continuous buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContinuousBufferAlloc {
    /// The size in bytes.
    pub buffer_size: u64,
}

/// The buffer's handle and where the device finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContinuousBufferAllocReply {
    /// As [`LowMemoryBufferAllocReply::buffer_handle`].
    pub buffer_handle: u64,
    /// The address for the device.
    pub dma_address: u64,
}

/// Frees a continuous buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContinuousBufferFree {
    /// The buffer's handle.
    pub buffer_handle: u64,
}
