//! [`Rules`]: what differs between releases beyond the layout of arguments.

use hailo_abi::{DriverRelease, Errno, Interface};

/// How a driver of one interface behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// The most buffers of one transfer.
    pub(crate) max_buffers: usize,
    /// Whether a launch says that the driver shall synchronise the buffers (5.0.0; the others always do).
    pub(crate) should_sync: bool,
    /// Whether a launch that fails leaves its descriptors programmed and counted, so that the list cannot be used any more
    /// (since 5.0.1, where the list counts by itself).
    pub(crate) failed_launch_spoils_list: bool,
}

impl Rules {
    pub(crate) fn of(interface: &Interface) -> Self {
        let release = interface.first_release;
        Self {
            max_buffers: if release < DriverRelease::new(4, 21, 0) { 2 } else { 8 },
            should_sync: release == DriverRelease::new(5, 0, 0),
            failed_launch_spoils_list: release > DriverRelease::new(5, 0, 0),
        }
    }

    /// Whether a launch that failed like this certainly handed nothing to the device.
    ///
    /// Up to 5.0.0 a transfer whose buffers cannot be programmed is launched all the same; only the check of the channel's
    /// state comes before that. Later releases launch nothing when they report one of their errors.
    pub(crate) fn failed_launch_is_harmless(self, errno: Errno) -> bool {
        match errno {
            Errno::ECONNRESET | Errno::ENODEV | Errno::ENXIO | Errno::ENOTTY => true,
            Errno::EINVAL | Errno::EFAULT | Errno::EIO | Errno::ERANGE => self.failed_launch_spoils_list,
            _ => false,
        }
    }
}
