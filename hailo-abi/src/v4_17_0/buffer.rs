//! Mapped and driver-allocated buffers.

use zerocopy::little_endian::U64;

use crate::argument::argument;
use crate::enums::{BufferType, DataDirection, SyncType};
use crate::wire::wire;

wire! {
    /// Maps a buffer for the device.
    "hailo_vdma_buffer_map_params", 36 / 20;
    pub struct BufferMap<W> {
        /// *in*: the address of the first byte.
        0 / 0 => user_address: W,
        /// *in*: the length in bytes.
        8 / 4 => size: W,
        /// *in*: which way the buffer is used.
        16 / 8 => data_direction: DataDirection,
        /// *in*: the driver's buffer behind this range, or all ones.
        20 / 12 => allocated_buffer_handle: W,
        /// *out*: the mapping's handle.
        28 / 16 => mapped_handle: W,
    }
}

argument! {
    BufferMap<W>: BufferMap
    in { size, data_direction, allocated_buffer_handle }
    renamed { user_address = address_or_fd }
    fixed { buffer_type: BufferType::USER_PTR }
    reply BufferMap: BufferMapReply { mapped_handle }
}

wire! {
    /// Unmaps a buffer.
    "hailo_vdma_buffer_unmap_params", 8 / 4;
    pub struct BufferUnmap<W> {
        /// *in*: the mapping's handle.
        0 / 0 => mapped_handle: W,
    }
}

argument! {
    BufferUnmap<W>: BufferUnmap
    in { mapped_handle }
    ignored {
        address_or_fd: 0, size: 0, data_direction: DataDirection::BIDIRECTIONAL, buffer_type: BufferType::USER_PTR,
    }
}

wire! {
    /// Synchronises part of a mapped buffer.
    "hailo_vdma_buffer_sync_params", 28 / 16;
    pub struct BufferSync<W> {
        /// *in*: the mapping's handle.
        0 / 0 => handle: W,
        /// *in*: for whom.
        8 / 4 => sync_type: SyncType,
        /// *in*: where it starts, in bytes from the start of the mapping.
        12 / 8 => offset: W,
        /// *in*: how many bytes.
        20 / 12 => count: W,
    }
}

argument! {
    BufferSync<W>: BufferSync
    in { handle, sync_type, offset, count }
}

wire! {
    /// Allocates a buffer below 4 GiB.
    "hailo_allocate_low_memory_buffer_params", 16 / 8;
    pub struct AllocateLowMemoryBuffer<W> {
        /// *in*: the size in bytes.
        0 / 0 => buffer_size: W,
        /// *out*: the buffer's handle, which is also the offset to map it at.
        8 / 4 => buffer_handle: W,
    }
}

argument! {
    AllocateLowMemoryBuffer<W>: LowMemoryBufferAlloc
    in { buffer_size }
    reply LowMemoryBufferAlloc: LowMemoryBufferAllocReply { buffer_handle }
}

wire! {
    /// Frees a low-memory buffer.
    "hailo_free_low_memory_buffer_params", 8 / 4;
    pub struct FreeLowMemoryBuffer<W> {
        /// *in*: the buffer's handle.
        0 / 0 => buffer_handle: W,
    }
}

argument! {
    FreeLowMemoryBuffer<W>: LowMemoryBufferFree
    in { buffer_handle }
}

wire! {
    /// Allocates a physically continuous buffer.
    "hailo_allocate_continuous_buffer_params", 24 / 16;
    pub struct AllocateContinuousBuffer<W> {
        /// *in*: the size in bytes.
        0 / 0 => buffer_size: W,
        /// *out*: the buffer's handle, which is also the offset to map it at.
        8 / 4 => buffer_handle: W,
        /// *out*: the address for the device.
        16 / 8 => dma_address: U64,
    }
}

argument! {
    AllocateContinuousBuffer<W>: ContinuousBufferAlloc
    in { buffer_size }
    reply ContinuousBufferAlloc: ContinuousBufferAllocReply { buffer_handle, dma_address }
}

wire! {
    /// Frees a continuous buffer.
    "hailo_free_continuous_buffer_params", 8 / 4;
    pub struct FreeContinuousBuffer<W> {
        /// *in*: the buffer's handle.
        0 / 0 => buffer_handle: W,
    }
}

argument! {
    FreeContinuousBuffer<W>: ContinuousBufferFree
    in { buffer_handle }
}
