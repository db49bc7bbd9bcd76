//! What a program can do to the machine through `/sys`: take a board out, look for boards again, suspend.
//!
//! Such a file is opened as the end of a pipe, since what is written to files is not looked at. What was written happens
//! before the next call that concerns a board is answered, or by itself at once if nobody makes one.

use std::io::{self, PipeReader, PipeWriter, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use hailo_mock::Machine;
use rustix::event::{PollFd, PollFlags, poll};

/// What writing to a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// This board is taken out.
    Remove(usize),
    /// The bus is looked at again: boards that were taken out are back, and their driver is loaded.
    Rescan,
    /// All devices are suspended and resumed.
    Suspend,
    /// How far a suspension is to go, which always is as far as the devices.
    SuspendTest,
}

impl Event {
    /// Lets it happen, if what was written means that. Whether the files of the boards may be others now.
    fn happen(self, machine: &Machine, written: &[u8]) -> bool {
        let word = written.trim_ascii();
        match self {
            Self::Remove(board) if word == b"1" => machine.remove(board),
            Self::Rescan if word == b"1" => machine.load_driver(),
            Self::Suspend if [&b"mem"[..], b"standby", b"freeze", b"disk"].contains(&word) => {
                machine.suspend_resume();
                return false;
            }
            _ => return false,
        }
        true
    }
}

/// The files that are open.
#[derive(Default)]
pub(super) struct Events {
    open: Mutex<Vec<(Arc<PipeReader>, Event)>>,
}

impl Events {
    /// Opens a file for writing. `arrived` is called by a thread of its own whenever something was written.
    ///
    /// # Errors
    /// The system has no pipe left.
    pub(super) fn open(&self, event: Event, arrived: impl Fn() + Send + 'static) -> io::Result<PipeWriter> {
        let (reader, writer) = io::pipe()?;
        let reader = Arc::new(reader);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push((reader.clone(), event));
        thread::spawn(move || {
            loop {
                match poll(&mut [PollFd::new(&*reader, PollFlags::IN)], None) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => arrived(),
                    Err(_) => return,
                }
                // Nobody else has it: whoever reads has seen the end.
                if Arc::strong_count(&reader) == 1 {
                    return;
                }
            }
        });
        Ok(writer)
    }

    /// Lets everything happen that was written. Whether the files of the boards may be others now.
    pub(super) fn happen(&self, machine: &Machine) -> bool {
        let mut changed = false;
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|(reader, event)| {
            while is_readable(reader) {
                let mut bytes = [0; 64];
                match (&**reader).read(&mut bytes) {
                    Ok(length) if length > 0 => changed |= event.happen(machine, &bytes[..length]),
                    _ => return false,
                }
            }
            true
        });
        changed
    }
}

/// Whether there are bytes, or the end.
fn is_readable(reader: &PipeReader) -> bool {
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut [PollFd::new(reader, PollFlags::IN)], Some(&now)), Ok(ready) if ready > 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Event, Events, Machine};

    #[test]
    fn a_board_goes_and_comes_back() {
        let machine = Machine::builder().boards(2).build().expect("a machine");
        let events = Events::default();
        let mut remove = events.open(Event::Remove(1), || {}).expect("a pipe");
        assert!(!events.happen(&machine));
        remove.write_all(b"0\n").expect("a reader");
        assert!(!events.happen(&machine) && machine.has_node(1), "nothing happens");
        remove.write_all(b"1\n").expect("a reader");
        drop(remove);
        assert!(events.happen(&machine));
        assert!(machine.has_node(0) && !machine.has_node(1));
        let mut rescan = events.open(Event::Rescan, || {}).expect("a pipe");
        rescan.write_all(b"1").expect("a reader");
        assert!(events.happen(&machine) && machine.has_node(1));
        drop(rescan);
        assert!(!events.happen(&machine));
        assert!(events.open.lock().expect("no panic").is_empty(), "nothing is open any more");
    }
}
