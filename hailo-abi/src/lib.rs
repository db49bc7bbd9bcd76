//! The binary interface of the Hailo accelerators.
#![no_std]
