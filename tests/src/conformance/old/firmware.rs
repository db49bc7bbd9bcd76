//! Firmware controls: their arguments, their answers, and a board that is away.

use crate::conformance::firmware::{
    Answered, COUNTERS, Control, ECHO, LATE, LENGTH, SILENT, UNLOAD, UNPLUG, bare, control,
};
use crate::conformance::kernel::{PAGE, Protection, Region};
use crate::conformance::stage::{KERNEL, NULL, Stage, Step, pause, timed};
use crate::conformance::system::Signal;
use crate::conformance::table::Outcome;

fn zeroed(length: u32) -> Control {
    bare(0, length)
}

pub(super) fn arguments(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    let echoed = a.send(&control(ECHO, b"hello"));
    // The bench copies the whole request; an answer's own header may take its place up to the payload.
    let same = echoed.buffer[16..21] == *b"hello";
    stage.case("fw.echo", echoed.outcome().with("payload_echoed", same));
    stage.case("fw.len_1500_max", a.send(&control(ECHO, &[7; 1484])).outcome());
    stage.case("fw.len_0", a.send(&zeroed(0)).outcome());
    let odd = control(ECHO, b"abc");
    let mut argument = odd.argument(&a);
    a.call(&mut argument).ok();
    stage.case("fw.len_19_not_multiple_of_4", a.call(&mut argument));
    for (name, sent) in [
        ("fw.len_1501", bare(ECHO, 1501)),
        ("fw.len_1508", bare(ECHO, 1508)),
        // These two carry nothing: the bench's memory still holds the request before.
        ("fw.len_0xffffffff_wraps", zeroed(0xffff_ffff)),
        ("fw.len_0xfffffff0_wraps", zeroed(0xffff_fff0)),
    ] {
        stage.case(name, a.send(&sent).outcome());
    }
    for (name, cpu) in [("fw.cpu_id_1", 1), ("fw.cpu_id_2", 2), ("fw.cpu_id_77", 77), ("fw.cpu_id_-1", -1)] {
        let answered = a.send(&Control { cpu, ..bare(COUNTERS, 16) });
        let core = answered.buffer[48] != 0;
        stage.case(name, answered.outcome().with("delivered_to", if core { "core CPU" } else { "application CPU" }));
    }
    stage.case("fw.null_arg", a.at("FW_CONTROL", NULL));
    stage.case("fw.kernel_arg", a.at("FW_CONTROL", KERNEL));
    let argument = bare(ECHO, 16).timeout(500).argument(&a);
    let memory = Region::new(argument.bytes.len().div_ceil(PAGE));
    memory.write(0, &argument.bytes);
    memory.protect(Protection::Read);
    stage.case("fw.readonly_arg", a.raw(argument.code, memory.address));
    Ok(())
}

pub(super) fn answers(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    let silent = control(SILENT, &[]);
    let echo = control(ECHO, b"x");
    let length = |length: u32| control(LENGTH, &length.to_le_bytes()).timeout(500);
    let late = |delay: u16| control(LATE, &delay.to_le_bytes());
    stage.case("fw.timeout_0_no_response", a.send(&silent.clone().timeout(0)).answer);
    let answers: Vec<Answered> = (0..20).map(|_| a.send(&echo.clone().timeout(0))).collect();
    let succeeded = answers.iter().filter(|answered| answered.answer.is_ok()).count();
    stage.case("fw.timeout_0_with_response", Outcome::of(answers[19].answer).with("succeeded_of_20", succeeded));
    stage.case("fw.timeout_0xffffffff", a.send(&echo.clone().timeout(u32::MAX)).answer);
    stage.case("fw.response_len_1501", a.send(&length(1501)).outcome());
    stage.case("fw.response_len_max", a.send(&length(u32::MAX)).outcome());
    stage.case("fw.response_len_1500", a.send(&length(1500)).outcome());
    let none = a.send(&length(0));
    let kept = match none.buffer[14] {
        0xf0 => "0xf0 (the request bytes are left in place)".to_owned(),
        other => format!("{other:#04x}"),
    };
    stage.case("fw.response_len_0", none.outcome().with("buffer[14]", kept));
    let interrupted = a.send_signal(&silent.clone().timeout(3000), Some(Signal::interrupting(100)));
    stage.case("fw.signal_no_restart", interrupted.answer);
    let restarting = Some(Signal::restarting(100));
    let (interrupted, elapsed) = timed(|| a.send_signal(&silent.clone().timeout(500), restarting));
    stage.case("fw.signal_SA_RESTART", Outcome::of(interrupted.answer).with("elapsed", below(elapsed, 300)));

    stage.case("fw.late_response_times_out", a.send(&late(150).timeout(30)).answer);
    let (stale, elapsed) = timed(|| a.send(&silent.clone().timeout(2000)));
    let opcode = u32::from_be_bytes([stale.buffer[12], stale.buffer[13], stale.buffer[14], stale.buffer[15]]);
    stage.case(
        "fw.next_control_gets_stale_response",
        Outcome::of(stale.answer)
            .with("elapsed", below(elapsed, 1000))
            .with("opcode_in_answer", format!("{opcode:#x}")),
    );

    let slow = Control { header: false, length: Some(18), ..late(100).timeout(2000) };
    let ((first, second, query), elapsed) = timed(|| {
        std::thread::scope(|scope| {
            let one = scope.spawn(|| a.send(&slow).answer);
            let other = scope.spawn(|| a.send(&slow).answer);
            pause(20);
            let (_, query) = timed(|| a.driver_info());
            (one.join().unwrap(), other.join().unwrap(), query)
        })
    });
    let value = |answer: Result<i64, i32>| answer.unwrap_or_else(|errno| -i64::from(errno));
    let total = elapsed.as_millis();
    stage.case(
        "fw.two_threads_serialised",
        Outcome::of(Ok(0))
            .with("ret_of_first_thread", value(first))
            .with("ret_of_second_thread", value(second))
            .with("elapsed_for_both", if total >= 180 { "at least 180 ms".into() } else { format!("{total} ms") })
            .with(
                "QUERY_DRIVER_INFO",
                if query.as_millis() < 50 { "took less than 50 ms (not blocked)" } else { "was blocked" },
            ),
    );
    let b = stage.open()?;
    stage.case("fw.second_fd", b.send(&echo.timeout(500)).answer);
    Ok(())
}

fn below(elapsed: std::time::Duration, milliseconds: u128) -> String {
    let found = elapsed.as_millis();
    if found < milliseconds { format!("less than {milliseconds} ms") } else { format!("{found} ms") }
}

pub(super) fn absence(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    let before = a.counts()?;
    let echo = control(ECHO, b"x");
    let loaded = || {
        let mut properties = a.argument("QUERY_DEVICE_PROPERTIES");
        (a.call(&mut properties), properties.get("is_fw_loaded") != 0)
    };
    a.bench_number(UNLOAD, 200)?;
    pause(100);
    let refused = a.send(&echo.clone().timeout(500)).answer;
    stage.case(
        "fw.firmware_not_loaded",
        Outcome::of(refused).with("is_fw_loaded (QUERY_DEVICE_PROPERTIES)", loaded().1),
    );
    pause(300);
    a.bench_number(UNPLUG, 300)?;
    pause(120);
    let (answer, found) = loaded();
    stage.case("query.device_disconnected", Outcome::of(answer).with("is_fw_loaded", found));
    stage.case("fw.device_disconnected", a.send(&echo.clone().timeout(50)).answer);
    pause(400);
    // On the bench 56 controls had come by then; the two that were refused never reach the device.
    while a.counts()?.controls - before.controls < 55 {}
    let after = a.send(&control(COUNTERS, &[]).timeout(2000));
    let count = |at: usize| crate::conformance::layout::little_endian(&after.buffer[at..at + 8]);
    stage.case(
        "fw.device_counters",
        Outcome::of(after.answer)
            .with("controls", count(24) - before.controls)
            .with("shutdowns", count(32) - before.shutdowns)
            .with("soft_resets", count(40) - before.resets),
    );
    Ok(())
}
