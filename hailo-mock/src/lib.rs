//! The Hailo kernel driver in memory.
