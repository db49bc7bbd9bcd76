//! Notifications of the firmware.

use hailo_abi::Errno;
use hailo_abi::command::MAX_NOTIFICATION_LENGTH;

use super::{Board, Presence, Stop, Waited};
use crate::file::{Caller, OpenFile};
use crate::signal::NoSignals;

/// The notification that came last.
#[derive(Debug)]
pub(crate) struct Notifications {
    length: u32,
    cache: Box<[u8; MAX_NOTIFICATION_LENGTH]>,
    /// What was handed to processes; a shorter notification leaves the rest of a longer one behind itself.
    delivered: Box<[u8; MAX_NOTIFICATION_LENGTH]>,
}

impl Default for Notifications {
    fn default() -> Self {
        Self {
            length: 0,
            cache: Box::new([0; MAX_NOTIFICATION_LENGTH]),
            delivered: Box::new([0; MAX_NOTIFICATION_LENGTH]),
        }
    }
}

/// A file's place among those that are told of notifications.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    disabled: bool,
    /// How often it was told since it last looked.
    told: u32,
}

impl Reader {
    pub(super) fn cancel(&mut self) {
        self.disabled = true;
        self.told = self.told.saturating_add(1);
    }
}

impl Board {
    /// A notification arrives. One that says it is too long is dropped.
    pub(crate) fn notification(&self, bytes: &[u8], length: u32) {
        if length as usize > MAX_NOTIFICATION_LENGTH || self.presence() != Presence::Present {
            return;
        }
        let mut kernel = self.kernel();
        let notifications = &mut kernel.notifications;
        notifications.length = length;
        notifications.cache.fill(0);
        let count = bytes.len().min(length as usize);
        notifications.cache[..count].copy_from_slice(&bytes[..count]);
        for file in kernel.files.values_mut().filter(|file| !file.is_stale()) {
            file.reader.told = file.reader.told.saturating_add(1);
        }
        self.notify();
    }

    /// `READ_NOTIFICATION`. Returns the length and the 1500 bytes.
    pub(super) fn read_notification(
        &self,
        open: &OpenFile,
        caller: &Caller<'_>,
    ) -> Result<(u32, Box<[u8; MAX_NOTIFICATION_LENGTH]>), Stop> {
        let kernel = self.kernel();
        if kernel.file(open.id)?.process != caller.process {
            return Err(self.behaviour.foreign_reader.into());
        }
        let told = |kernel: &super::Kernel| kernel.files.get(&open.id).is_none_or(|file| file.reader.told > 0);
        let (mut kernel, mut waited) = self.wait(kernel, caller, None, |kernel| open.is_stale() || told(kernel));
        if waited == Waited::Interrupted && self.leaves_readers() {
            if self.behaviour.exit_crashes {
                return Err(Stop::Crash("a process ended that was reading a notification of a removed board".into()));
            }
            // Not even the end of the process ends this wait.
            (kernel, waited) = self.wait(kernel, &Caller { interruption: &NoSignals, ..*caller }, None, told);
        }
        if waited == Waited::Interrupted {
            return Err(Stop::Restart);
        }
        self.check_after_wait(&open.stale)?;
        let reader = &mut kernel.file_mut(open.id)?.reader;
        if reader.disabled {
            reader.told = reader.told.saturating_sub(1);
            return Err(self.behaviour.cancelled.into());
        }
        // However often it was told: there is only the last one.
        reader.told = 0;
        let notifications = &mut kernel.notifications;
        let count = notifications.length as usize;
        notifications.delivered[..count].copy_from_slice(&notifications.cache[..count]);
        Ok((notifications.length, notifications.delivered.clone()))
    }

    /// Whether the board is gone and took the readers' list with it.
    fn leaves_readers(&self) -> bool {
        self.presence() == Presence::Removed && self.behaviour.removal_wakes_waiters
    }

    /// `DISABLE_NOTIFICATION`.
    pub(super) fn disable_notification(&self, open: &OpenFile, caller: &Caller<'_>) -> Result<u32, Stop> {
        let mut kernel = self.kernel();
        let file = kernel.file_mut(open.id)?;
        // A child that inherited the file has no place of its own, and does not disturb that of its parent.
        if file.process == caller.process {
            file.reader.cancel();
            self.notify();
        }
        Ok(0)
    }

    /// The board was removed: readers are told, where the release does that.
    pub(super) fn cancel_readers(&self) {
        let mut kernel = self.kernel();
        for file in kernel.files.values_mut() {
            file.reader.cancel();
        }
        self.notify();
    }

    pub(super) fn no_such_file() -> Stop {
        Errno::EBADF.into()
    }
}
