//! [`Notifications`]: what the firmware reports on its own.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use hailo_abi::driver::{Driver, NotificationBuffer};
use hailo_abi::firmware::FirmwareRelease;
use hailo_abi::firmware::notification::{Notification, NotificationError};
use hailo_abi::{Errno, Transport};

use crate::device::{Device, Inner};
use crate::error::{Error, ErrorKind, Result};
use crate::worker::Worker;

/// How many notifications wait to be taken; more are dropped and counted.
const QUEUE: usize = 64;
/// How long the reading thread may take to end.
const THREAD_END: Duration = Duration::from_secs(2);
/// In the driver of a board that was removed it may sit for ever.
const THREAD_END_IF_NOT_CANCELLED: Duration = Duration::from_millis(50);

const READ: &str = "read notifications";

/// A notification as the firmware sent it: a header and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawNotification {
    bytes: Box<[u8]>,
}

impl RawNotification {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it says, as firmware of this release sends it. Of firmware of unknown release, what is the same in all known
    /// releases is read, and the rest kept by its number.
    ///
    /// # Errors
    /// Which length is wrong.
    pub fn read(&self, release: FirmwareRelease) -> Result<Notification<'_>, NotificationError> {
        match release.interface() {
            Some(interface) => Notification::decode(interface, &self.bytes),
            None => Notification::decode_release_independent(&self.bytes),
        }
    }
}

/// The notifications of a device, from the time on when this value was made. See [`Device::notifications`].
///
/// The driver keeps one notification at a time, so a thread of this value's own reads them. It ends when the value is
/// dropped. As an iterator it blocks for the next one.
pub struct Notifications {
    shared: Arc<Shared>,
    worker: Worker,
    received: Receiver<Result<RawNotification, ErrorKind>>,
}

struct Shared {
    device: Arc<Inner>,
    /// A file of its own, since disabling notifications cannot be undone; or that of the device.
    driver: Option<Driver<Arc<dyn Transport>>>,
    stopping: AtomicBool,
    lost: AtomicU64,
}

impl Device {
    /// Begins to read notifications of the firmware.
    ///
    /// They are read through a second open file of the same device, if the device was opened by name; otherwise through the
    /// device's own, where that is possible once only.
    ///
    /// # Errors
    /// [`ErrorKind::NotificationsStopped`] on the second time through the same file; why the device cannot be opened again.
    #[doc(alias = "HAILO_READ_NOTIFICATION")]
    pub fn notifications(&self) -> Result<Notifications> {
        let device = Arc::clone(&self.inner);
        let driver = match device.reopen() {
            Some(transport) => {
                let driver = Driver::with_release(transport?, device.driver.release());
                Some(driver.map_err(|error| device.call_failed(READ, error))?)
            }
            None => {
                let mut used = device.notifications.lock().unwrap_or_else(PoisonError::into_inner);
                if std::mem::replace(&mut used, true) {
                    return Err(device.failed(READ, ErrorKind::NotificationsStopped));
                }
                None
            }
        };
        let (sender, received) = sync_channel(QUEUE);
        let shared = Arc::new(Shared { device, driver, stopping: AtomicBool::new(false), lost: AtomicU64::new(0) });
        let reader = Arc::clone(&shared);
        match Worker::spawn("hailo-notifications", move || reader.run(&sender)) {
            Ok(worker) => Ok(Notifications { shared, worker, received }),
            Err(error) => {
                let kind = ErrorKind::NoThread(error.raw_os_error().unwrap_or(0));
                Err(shared.device.failed(READ, kind))
            }
        }
    }
}

impl Notifications {
    /// The next notification.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] if none comes in time; what the driver answered, after which there will be no more.
    pub fn receive(&self, timeout: Duration) -> Result<RawNotification> {
        match self.received.recv_timeout(timeout) {
            Ok(Ok(notification)) => Ok(notification),
            Ok(Err(kind)) => Err(self.failed(kind)),
            Err(RecvTimeoutError::Timeout) => Err(self.failed(ErrorKind::Timeout(timeout))),
            Err(RecvTimeoutError::Disconnected) => Err(self.failed(ErrorKind::NotificationsStopped)),
        }
    }

    /// How many notifications were dropped because nobody took them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    fn failed(&self, kind: ErrorKind) -> Error {
        self.shared.device.failed(READ, kind)
    }
}

impl Iterator for Notifications {
    type Item = Result<RawNotification>;

    fn next(&mut self) -> Option<Self::Item> {
        self.received.recv().ok().map(|received| received.map_err(|kind| self.failed(kind)))
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        let shared = &*self.shared;
        shared.stopping.store(true, Ordering::Release);
        // Each lets one read return, also one that has not begun yet.
        let cancelled = shared.driver().disable_notification().is_ok();
        self.worker.wait(if cancelled { THREAD_END } else { THREAD_END_IF_NOT_CANCELLED });
    }
}

impl fmt::Debug for Notifications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifications").field("device", &self.shared.device.name()).finish_non_exhaustive()
    }
}

impl Shared {
    fn driver(&self) -> &Driver<Arc<dyn Transport>> {
        self.driver.as_ref().unwrap_or(&self.device.driver)
    }

    /// The thread.
    fn run(&self, sender: &SyncSender<Result<RawNotification, ErrorKind>>) {
        let mut buffer = NotificationBuffer::new();
        while !self.stopping.load(Ordering::Acquire) {
            let received = match self.driver().read_notification(&mut buffer) {
                Ok(notification) => notification
                    .message()
                    .map(|message| RawNotification { bytes: message.into() })
                    .ok_or(ErrorKind::BadAnswer("it is longer than 1500 bytes")),
                // A wait changes nothing, so it is simply repeated.
                Err(error) if error.errno() == Some(Errno::EINTR) => continue,
                Err(_) if self.stopping.load(Ordering::Acquire) => break,
                Err(error) => {
                    let kind = error.errno().map_or(ErrorKind::Refused(Errno::EINVAL), ErrorKind::of);
                    // If nobody listens any more, nobody needs to know.
                    let _ = sender.try_send(Err(kind));
                    break;
                }
            };
            match sender.try_send(received) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => drop(self.lost.fetch_add(1, Ordering::Relaxed)),
                Err(TrySendError::Disconnected(_)) => break,
            }
        }
    }
}
