//! Safe access to Hailo accelerators on Linux.

pub mod transform;
