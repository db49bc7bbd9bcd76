//! Things that happen later.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::device::lock;

type Event = Box<dyn FnOnce() + Send>;

/// A thread that is started with the first event and ends with the timer.
#[derive(Default)]
pub(crate) struct Timer {
    running: OnceLock<Running>,
}

struct Running {
    events: Mutex<Sender<(Instant, Event)>>,
    thread: JoinHandle<()>,
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Timer")
    }
}

impl Timer {
    pub(crate) fn after(&self, delay: Duration, event: impl FnOnce() + Send + 'static) {
        let running = self.running.get_or_init(|| {
            let (sender, receiver) = channel();
            Running { events: Mutex::new(sender), thread: thread::spawn(move || run(&receiver)) }
        });
        // The thread only ends with the sender.
        let _ = lock(&running.events).send((Instant::now() + delay, Box::new(event)));
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let Some(Running { events, thread }) = self.running.take() else { return };
        drop(events);
        // An event may have held the last reference to the timer.
        if thread.thread().id() != thread::current().id() {
            // A panic in an event was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn run(events: &Receiver<(Instant, Event)>) {
    let mut waiting: BTreeMap<(Instant, u64), Event> = BTreeMap::new();
    let mut count = 0;
    loop {
        let now = Instant::now();
        let timeout = match waiting.first_entry() {
            Some(entry) if entry.key().0 <= now => {
                entry.remove()();
                continue;
            }
            Some(entry) => entry.key().0 - now,
            None => Duration::from_secs(3600),
        };
        match events.recv_timeout(timeout) {
            Ok((at, event)) => {
                waiting.insert((at, count), event);
                count += 1;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
