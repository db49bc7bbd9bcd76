//! [`Outstanding`]: calls that are being answered, and those that a signal has ended before they were.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hailo_mock::Waker;

/// How long to wait for a call that a signal has ended: it wakes at once, unless it hangs as it would in the kernel.
const PATIENCE: Duration = Duration::from_secs(1);

/// Calls by their number, with their thread and, if they wait, what wakes them.
#[derive(Default)]
pub(super) struct Outstanding {
    calls: Mutex<HashMap<u64, (u32, Option<Waker>)>>,
    ended: Condvar,
}

impl Outstanding {
    fn calls(&self) -> MutexGuard<'_, HashMap<u64, (u32, Option<Waker>)>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, call: u64, thread: u32) {
        self.calls().insert(call, (thread, None));
    }

    /// The call begins to wait.
    pub(super) fn waits(&self, call: u64, waker: Waker) {
        if let Some((_, known)) = self.calls().get_mut(&call) {
            *known = Some(waker);
        }
    }

    pub(super) fn end(&self, call: u64) {
        self.calls().remove(&call);
        self.ended.notify_all();
    }

    /// Wakes the calls of a thread that are not answered yet, for them to see that nobody waits. Returns them.
    pub(super) fn end_earlier(&self, thread: u32) -> Vec<u64> {
        self.wake(|_, of| of == thread)
    }

    /// Wakes the calls that nobody waits for. Returns them.
    pub(super) fn end_left(&self, is_waiting: impl Fn(u64) -> bool) -> Vec<u64> {
        self.wake(|call, _| !is_waiting(call))
    }

    fn wake(&self, chosen: impl Fn(u64, u32) -> bool) -> Vec<u64> {
        let calls = self.calls();
        let chosen = calls.iter().filter(|(call, (thread, _))| chosen(**call, *thread));
        let (chosen, wakers): (Vec<u64>, Vec<_>) = chosen.map(|(call, (_, waker))| (*call, waker.clone())).unzip();
        drop(calls);
        wakers.iter().flatten().for_each(Waker::wake);
        chosen
    }

    /// Waits until calls have ended.
    pub(super) fn wait_for(&self, earlier: &[u64]) {
        let outstanding = |calls: &mut HashMap<u64, _>| earlier.iter().any(|call| calls.contains_key(call));
        // If it takes too long, the next call need not wait for it.
        let _ = self.ended.wait_timeout_while(self.calls(), PATIENCE, outstanding);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::Outstanding;

    #[test]
    fn a_call_waits_for_earlier_ones_of_its_thread() {
        let outstanding = Arc::new(Outstanding::default());
        outstanding.begin(1, 10);
        outstanding.begin(2, 11);
        assert_eq!(outstanding.end_earlier(10), [1]);
        let other = outstanding.clone();
        let waiter = thread::spawn(move || other.wait_for(&[1]));
        outstanding.end(1);
        waiter.join().expect("no panic");
        assert!(outstanding.end_earlier(10).is_empty());
        assert_eq!(outstanding.end_earlier(11), [2]);
        assert!(outstanding.end_left(|call| call == 2).is_empty());
        assert_eq!(outstanding.end_left(|_| false), [2]);
    }
}
