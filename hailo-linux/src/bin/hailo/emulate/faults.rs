//! Calls that faults may strike.

use std::thread;
use std::time::{Duration, Instant};

use hailo_abi::Errno;
use hailo_mock::{Caller, File, Struck};

/// How often a call that is held up looks whether its thread was interrupted by a signal.
const INTERVAL: Duration = Duration::from_millis(5);

/// A call of a supervised thread.
pub(super) struct Asked<'a> {
    pub(super) file: &'a File,
    pub(super) caller: Caller<'a>,
    pub(super) request: u32,
    /// Where its argument is in the process's memory.
    pub(super) argument: u64,
    /// How many bytes it has.
    pub(super) size: usize,
}

impl Struck for Asked<'_> {
    fn submit(&mut self) -> Result<u32, Errno> {
        self.file.ioctl(&self.caller, self.request, self.argument)
    }

    fn argument(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; self.size];
        if self.caller.memory.read(self.argument, &mut bytes).is_err() {
            bytes.clear();
        }
        bytes
    }

    fn set_argument(&mut self, bytes: &[u8]) {
        // A process that cannot be written to would not have got the driver's answer either.
        let _ = self.caller.memory.write(self.argument, bytes);
    }

    fn sleep(&mut self, time: Duration) -> Result<(), Errno> {
        let begin = Instant::now();
        while let Some(left) = time.checked_sub(begin.elapsed()).filter(|left| !left.is_zero()) {
            if self.caller.interruption.is_pending() {
                // The call may be made again.
                self.caller.interruption.handle();
                return Err(Errno::EINTR);
            }
            thread::sleep(left.min(INTERVAL));
        }
        Ok(())
    }
}
