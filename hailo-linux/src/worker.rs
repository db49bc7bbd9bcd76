//! [`Worker`]: a thread that may have to be left behind.

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::sync::{Condvar, Mutex, thread};

/// A thread of this crate's own. Unlike a join handle, it can be waited for with a limit: in the driver of a board that
/// was removed, a thread may sit for ever.
#[derive(Debug)]
pub(crate) struct Worker {
    end: Arc<End>,
    /// `None` once the thread is gone for good.
    handle: Mutex<Option<thread::JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct End {
    reached: Mutex<bool>,
    changed: Condvar,
}

/// Reports the end when dropped, also if the thread panics.
struct Report(Arc<End>);

impl Drop for Report {
    fn drop(&mut self) {
        *self.0.reached.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }
}

impl Worker {
    /// Starts a thread. What `work` owns is dropped before the thread counts as ended.
    pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let end = Arc::new(End::default());
        let report = Report(Arc::clone(&end));
        let handle = thread::Builder::new().name(name.into()).spawn(move || {
            // Locals are dropped in the reverse order of their declaration: this one last.
            let _report = report;
            work();
        })?;
        Ok(Self { end, handle: Mutex::new(Some(handle)) })
    }

    /// Waits until the thread has ended, for so long at most. Returns whether it has.
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        let reached = self.end.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.end.changed.wait_timeout_while(reached, patience, |reached| !*reached);
        let ended = *waited.unwrap_or_else(PoisonError::into_inner).0;
        if ended && let Some(handle) = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Nothing of `work` is left: what remains is the end of the thread itself. It has reported a panic if there was
            // one.
            let _ = handle.join();
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn what_a_thread_owns_is_gone_when_it_has_ended() {
        let owned = Arc::new(());
        let theirs = Arc::clone(&owned);
        let (go, wait) = mpsc::channel::<()>();
        let worker = Worker::spawn("test", move || {
            let _ = wait.recv();
            drop(theirs);
        })
        .unwrap();
        assert!(!worker.wait(Duration::from_millis(10)));
        drop(go);
        assert!(worker.wait(Duration::from_secs(10)));
        assert_eq!(Arc::strong_count(&owned), 1);
    }
}
