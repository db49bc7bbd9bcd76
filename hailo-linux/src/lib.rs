//! Safe access to Hailo accelerators on Linux.
