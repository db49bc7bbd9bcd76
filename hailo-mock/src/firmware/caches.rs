//! [`CacheGate`]: what stops a network with caches after each frame, until the host has moved them on.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::notification::{Event, MAX_NOTIFICATION_SIZE, Notification, StartUpdateCacheOffset};

use super::Hardware;

/// At the end of the last context the firmware says that caches are to be moved on, and waits until it is told that they
/// were.
pub(super) struct CacheGate {
    waiting: AtomicBool,
    notify: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for CacheGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheGate").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

impl CacheGate {
    /// A gate for so many caches, or `None` if firmware of this generation has no such notification.
    pub(super) fn new(hardware: &Hardware<'_>, interface: FirmwareInterface, caches: u32) -> Option<Self> {
        let cache_id_bitmask = 1u64.checked_shl(caches).map_or(u64::MAX, |bit| bit - 1);
        let event = Event::StartUpdateCacheOffset(StartUpdateCacheOffset { cache_id_bitmask });
        let mut bytes = [0; MAX_NOTIFICATION_SIZE];
        let length = Notification::new(event).encode(interface, &mut bytes).ok()?;
        let notify = hardware.notifier(bytes[..length].to_vec());
        Some(Self { waiting: AtomicBool::new(false), notify: Box::new(notify) })
    }

    /// A frame is through: nothing goes on until the gate is opened.
    pub(super) fn close(&self) {
        self.waiting.store(true, Ordering::Release);
        (self.notify)();
    }

    /// Whether the host is waited for.
    pub(super) fn is_closed(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    /// The host has moved the caches on. Returns whether it was waited for.
    pub(super) fn open(&self) -> bool {
        self.waiting.swap(false, Ordering::AcqRel)
    }
}
