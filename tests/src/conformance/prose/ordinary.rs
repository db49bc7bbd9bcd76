//! A board whose firmware is that of no bench, on a machine that is not started anew for each script: what the program
//! finds on a user's desk.

use std::sync::Arc;
use std::sync::mpsc::channel;

use hailo_mock::firmware::{Answer, Firmware, Hardware};
use hailo_mock::{Cpu, Machine};

use crate::conformance::emulated::Emulated;
use crate::conformance::layout::Layout;
use crate::conformance::log::Log;
use crate::conformance::perform;
use crate::conformance::system::{Laboratory, Release, System};
use crate::conformance::table::{OBSERVED, rows};

/// Refuses every control.
#[derive(Debug)]
struct Refusing;

impl Firmware for Refusing {
    fn control(&mut self, _: &Hardware<'_>, _: Cpu, request: &[u8]) -> Option<Answer> {
        // The header back, as an acknowledgement, and two status words that are not zero.
        let mut answer = request.get(..16).unwrap_or_default().to_vec();
        answer.resize(16, 0);
        answer[7] = 1;
        answer.extend([0, 0, 0, 5, 0, 0, 0, 5]);
        Some(Answer::now(answer))
    }
}

struct Desk {
    machine: Machine,
}

impl Laboratory for Desk {
    fn boot(&self) -> Arc<dyn System> {
        Arc::new(Emulated::on(self.machine.clone()))
    }

    fn harmless(&self) -> bool {
        false
    }

    fn fresh(&self) -> bool {
        false
    }
}

/// Runs everything that is not dangerous.
fn run_on(release: Release, machine: Machine) -> (Vec<String>, crate::conformance::Summary) {
    let desk = Desk { machine };
    let (sender, lines) = channel();
    let log = Log::new(rows(release), None, false, sender);
    log.skip_dangerous();
    perform(&log, &Layout::of(release), &desk, false);
    let summary = log.finish();
    assert!(desk.machine.report().is_clean(), "{release}: something is left: {:?}", desk.machine.report());
    (lines.iter().collect(), summary)
}

#[test]
fn what_needs_a_bench_is_skipped_without_one() {
    for release in OBSERVED {
        let machine = Machine::builder().driver(release).firmware(|_| Refusing).build().unwrap();
        let (lines, summary) = run_on(release, machine);
        assert_eq!(summary.failures, Vec::<String>::new(), "{release}");
        assert_eq!(summary.missing, Vec::<String>::new(), "{release}");
        assert!(summary.passed >= 150, "{release}: {summary}");
        let reason = "skip: the firmware does not know the bench controls";
        assert!(lines.iter().filter(|line| line.ends_with(reason)).count() >= 80, "{release}");
    }
}

#[test]
fn one_machine_serves_all_scripts() {
    // Most of the time the cases wait, so that the releases may do so side by side.
    std::thread::scope(|scope| {
        for release in OBSERVED {
            scope.spawn(move || {
                let machine = Machine::builder().driver(release).build().unwrap();
                let (lines, summary) = run_on(release, machine);
                assert_eq!(summary.failures, Vec::<String>::new(), "{release}");
                let dangerous = lines.iter().filter(|line| line.contains("skip: dangerous")).count();
                assert!(summary.passed + dangerous + 90 >= lines.len(), "{release}: {summary}");
            });
        }
    });
}
