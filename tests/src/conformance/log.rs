//! What was seen so far: each outcome held against its row, one line printed for each.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;

use crate::conformance::table::{Outcome, Row};

/// How many cases went which way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Answered as observed.
    pub passed: usize,
    /// Answered otherwise.
    pub failed: usize,
    /// Not run, or said nothing about.
    pub skipped: usize,
    /// Cases that failed, and how.
    pub failures: Vec<String>,
    /// Cases of the table that no script runs.
    pub missing: Vec<String>,
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

struct State {
    done: Vec<bool>,
    summary: Summary,
    /// Where the lines go; nothing once all are told.
    lines: Option<Sender<String>>,
}

/// The record of one run.
pub(crate) struct Log {
    rows: Vec<Row>,
    filter: Option<String>,
    dangerous: bool,
    state: Mutex<State>,
    /// Counts what was recorded, so that a watchdog sees whether anything still happens.
    pub(crate) progress: AtomicU64,
}

impl Log {
    pub(crate) fn new(rows: Vec<Row>, filter: Option<String>, dangerous: bool, lines: Sender<String>) -> Self {
        let state = State { done: vec![false; rows.len()], summary: Summary::default(), lines: Some(lines) };
        Self { rows, filter, dangerous, state: Mutex::new(state), progress: AtomicU64::new(0) }
    }

    fn matches(&self, case: &str) -> bool {
        self.filter.as_deref().is_none_or(|filter| case.contains(filter))
    }

    /// Whether a family of cases has one that is wanted.
    pub(crate) fn wants_family(&self, family: &str) -> bool {
        self.rows.iter().any(|row| self.matches(&row.case) && belongs(&row.case, family))
    }

    pub(crate) fn may_harm(&self) -> bool {
        self.dangerous
    }

    pub(crate) fn harms(&self, case: &str) -> bool {
        self.rows.iter().any(|row| row.case == case && row.harms())
    }

    /// Records an outcome for the first row of that name that has none yet.
    pub(crate) fn record(&self, case: &str, outcome: Outcome) {
        self.progress.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state.lock().unwrap();
        let open = (0..self.rows.len()).find(|&index| self.rows[index].case == case && !state.done[index]);
        let Some(index) = open else { return };
        state.done[index] = true;
        if !self.matches(case) {
            return;
        }
        let row = &self.rows[index];
        let difference = row.difference(&outcome);
        let verdict = match (difference, row.unobserved) {
            (_, Some(reason)) => state.skip(reason),
            (None, None) => state.pass(),
            (Some(difference), None) if row.machine_dependent => {
                state.skip(&format!("machine dependent, {difference}"))
            }
            (Some(difference), None) => state.fail(format!("{case}: {difference}, got {outcome}")),
        };
        let (ret, errno) = outcome.columns();
        state.line(&format!("{case}\t{ret}\t{errno}\t{}\t{verdict}", outcome.json()));
    }

    /// Records why one case was not run.
    pub(crate) fn skip(&self, case: &str, reason: &str) {
        self.rest(|row| row.case == case, |_, state| state.skip(reason));
    }

    /// Records why the rest of a family's cases was not run.
    pub(crate) fn skip_family(&self, family: &str, reason: &str) {
        self.rest(|row| belongs(&row.case, family), |_, state| state.skip(reason));
    }

    /// Records that the rest of a family's cases could not be set up.
    pub(crate) fn break_family(&self, family: &str, reason: &str) {
        self.rest(
            |row| belongs(&row.case, family) && row.unobserved.is_none() && !row.machine_dependent,
            |row, state| state.fail(format!("{}: not run, {reason}", row.case)),
        );
    }

    /// Records the cases that may do harm where that is not allowed.
    pub(crate) fn skip_dangerous(&self) {
        if !self.dangerous {
            self.rest(Row::dangerous, |_, state| state.skip("dangerous, only with --dangerous"));
        }
    }

    /// Records what is left, and gives the summary.
    pub(crate) fn finish(&self) -> Summary {
        self.rest(|row| row.unobserved.is_some(), |row, state| state.skip(row.unobserved.unwrap_or_default()));
        self.rest(|row| row.machine_dependent, |_, state| state.skip("machine dependent"));
        self.rest(
            |_| true,
            |row, state| {
                state.summary.missing.push(row.case.clone());
                state.skip("no script of this program runs it")
            },
        );
        let mut state = self.state.lock().unwrap();
        let text = state.summary.to_string();
        state.line(&text);
        state.lines = None;
        state.summary.clone()
    }

    /// Records one verdict for all open rows of a kind.
    fn rest(&self, kind: impl Fn(&Row) -> bool, verdict: impl Fn(&Row, &mut State) -> String) {
        let mut state = self.state.lock().unwrap();
        for (index, row) in self.rows.iter().enumerate() {
            if state.done[index] || !kind(row) || !self.matches(&row.case) {
                continue;
            }
            state.done[index] = true;
            let verdict = verdict(row, &mut state);
            state.line(&format!("{}\t\t\t{{}}\t{verdict}", row.case));
        }
    }
}

/// Whether a case is of a family: `danger` holds `danger.suspend`.
fn belongs(case: &str, family: &str) -> bool {
    case.strip_prefix(family).is_some_and(|rest| rest.starts_with('.'))
}

impl State {
    fn pass(&mut self) -> String {
        self.summary.passed += 1;
        "ok".into()
    }

    fn fail(&mut self, what: String) -> String {
        self.summary.failed += 1;
        self.summary.failures.push(what);
        "FAIL".into()
    }

    fn skip(&mut self, reason: &str) -> String {
        self.summary.skipped += 1;
        format!("skip: {reason}")
    }

    fn line(&mut self, text: &str) {
        if let Some(lines) = &self.lines {
            // Somebody who closed the pipe has seen enough; the summary still decides the exit status.
            let _ = lines.send(text.to_owned());
        }
    }
}
