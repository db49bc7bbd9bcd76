//! Safe access to Hailo accelerators on Linux.

pub mod doctor;
pub mod transform;
