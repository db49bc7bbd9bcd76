//! [`Pool`]: threads for calls that may wait.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

type Work = Box<dyn FnOnce() + Send>;

/// Runs each piece of work at once: in a thread that is free, or else in a new one. A call that waits for ever keeps only
/// its own thread.
#[derive(Default)]
pub(super) struct Pool {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Work>,
    /// Threads that wait for work, less the work that waits for them.
    free: usize,
    finished: bool,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does: one piece of work after the other.
    fn serve(&self) {
        let mut state = self.state();
        loop {
            if let Some(work) = state.waiting.pop_front() {
                drop(state);
                work();
                state = self.state();
                state.free += 1;
            } else if state.finished {
                return;
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl Pool {
    /// Runs `work` in another thread, without waiting for one. Fails if there is no free thread and the system starts no more.
    pub(super) fn run(&mut self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut state = self.queue.state();
        match state.free.checked_sub(1) {
            Some(free) => state.free = free,
            None => {
                let queue = self.queue.clone();
                self.threads.push(thread::Builder::new().spawn(move || queue.serve())?);
            }
        }
        state.waiting.push_back(Box::new(work));
        drop(state);
        self.queue.changed.notify_one();
        Ok(())
    }

    /// Waits until all work is done, but not for ever. Whether it is.
    pub(super) fn finish(self, patience: Duration) -> bool {
        self.queue.state().finished = true;
        self.queue.changed.notify_all();
        let end = Instant::now() + patience;
        while !self.threads.iter().all(JoinHandle::is_finished) {
            if Instant::now() >= end {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::{Duration, Pool};

    #[test]
    fn work_that_waits_keeps_nobody_else_waiting() {
        let mut pool = Pool::default();
        let (release, released) = channel::<()>();
        let (done, finished) = channel();
        let first = done.clone();
        pool.run(move || {
            released.recv().expect("a sender");
            first.send(1).expect("a receiver");
        })
        .expect("a thread");
        pool.run(move || done.send(2).expect("a receiver")).expect("a thread");
        assert_eq!(finished.recv(), Ok(2));
        release.send(()).expect("a receiver");
        assert_eq!(finished.recv(), Ok(1));
        assert!(pool.finish(Duration::from_secs(10)));
        let mut pool = Pool::default();
        pool.run(|| {
            loop {
                std::thread::park();
            }
        })
        .expect("a thread");
        assert!(!pool.finish(Duration::from_millis(20)), "work without end is not waited for");
    }
}
