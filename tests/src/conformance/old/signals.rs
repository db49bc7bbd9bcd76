//! Controls that queue behind another one, and signals meanwhile.

use crate::conformance::firmware::{ECHO, LATE, control};
use crate::conformance::stage::{Stage, Step, pause, timed};
use crate::conformance::system::Signal;
use crate::conformance::table::Outcome;

pub(super) fn queued(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    let slow = control(LATE, &500_u16.to_le_bytes()).timeout(3000);
    let echo = control(ECHO, b"x").timeout(3000);
    std::thread::scope(|scope| {
        scope.spawn(|| a.send(&slow));
        pause(50);
        let (interrupted, elapsed) = timed(|| a.send_signal(&echo, Some(Signal::interrupting(80))));
        let took = elapsed.as_millis();
        let text = if took < 200 { "less than 200 ms".to_owned() } else { format!("{took} ms") };
        stage.case(
            "sig.fw_control_queued_behind_slow_one_no_restart",
            Outcome::of(interrupted.answer).with("elapsed", text),
        );
        let (answered, elapsed) = timed(|| a.send_signal(&echo, Some(Signal::restarting(80))));
        let took = elapsed.as_millis();
        let text =
            if took > 150 { "more than 150 ms (waited for the first control)".into() } else { format!("{took} ms") };
        stage.case("sig.fw_control_queued_SA_RESTART", Outcome::of(answered.answer).with("elapsed", text));
    });

    let b = stage.open()?;
    std::thread::scope(|scope| {
        scope.spawn(|| a.send(&slow));
        pause(50);
        let (answer, elapsed) = timed(|| b.close());
        let took = elapsed.as_millis();
        let text = if took < 100 { "less than 100 ms".to_owned() } else { format!("{took} ms") };
        stage.case("sig.close_other_fd_during_slow_control", Outcome::of(answer).with("elapsed", text));
    });
    Ok(())
}
