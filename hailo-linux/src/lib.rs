//! Safe access to Hailo accelerators on Linux.

pub mod doctor;
pub mod hef;
pub mod network;
pub mod transform;
