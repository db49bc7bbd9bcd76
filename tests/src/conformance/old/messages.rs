//! What the firmware says on its own: notifications and logs.

use crate::conformance::firmware::{NOTIFY, control};
use crate::conformance::stage::{File, KERNEL, NULL, Stage, Step, needed, pause, timed};
use crate::conformance::system::{Answer, Signal};
use crate::conformance::table::Outcome;

fn outcome((answer, length, first): (Answer, u64, u8)) -> Outcome {
    let outcome = Outcome::of(answer);
    if answer.is_ok() { outcome.with("buffer_len", length).with("buffer[0]", first) } else { outcome }
}

/// Reads with a signal on its way.
fn read(file: &File<'_>, milliseconds: u64) -> Outcome {
    outcome(file.notification(Some(Signal::interrupting(milliseconds))))
}

pub(super) fn notifications(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    let put = |value: u8, length: u16, wait: u64| {
        a.notify(length, value)?;
        pause(wait);
        Ok(())
    };
    put(0x11, 16, 50)?;
    stage.case("notif.pending_then_read", outcome(a.notification(None)));
    stage.case("notif.none_pending_signal", read(&a, 150));
    stage.case("notif.fd_usable_after_signal", a.driver_info());
    put(0x31, 8, 30)?;
    put(0x32, 8, 30)?;
    stage.case("notif.two_before_read_last_wins", outcome(a.notification(None)));
    // The length field says 1501, of which 1400 bytes are sent.
    let mut payload = vec![0, 0];
    payload.extend(1501_u16.to_le_bytes());
    payload.extend([0x34; 1400]);
    needed("put a notification", a.send(&control(NOTIFY, &payload)).answer)?;
    pause(30);
    stage.case("notif.len_1501_dropped", read(&a, 150));
    put(0, 0, 30)?;
    stage.case("notif.len_0", read(&a, 150));
    put(0x41, 8, 30)?;
    stage.case("notif.null_arg_with_pending", a.at("READ_NOTIFICATION", NULL));
    stage.case("notif.bad_ptr_consumed_it", read(&a, 150));

    let b = stage.open()?;
    put(0x51, 8, 30)?;
    let (on_a, on_b) = (a.notification(None), b.notification(None));
    stage.case(
        "notif.broadcast_to_two_fds",
        Outcome::of(on_a.0)
            .with("buffer[0] on A", on_a.2)
            .with("ret on B", on_b.0.unwrap_or(-1))
            .with("buffer[0] on B", on_b.2),
    );
    drop(b);

    put(0x53, 8, 30)?;
    let answers = stage.system.in_child(&|system| {
        let mut argument = a.argument("READ_NOTIFICATION");
        let address = argument.bytes.as_mut_ptr().expose_provenance();
        let read = system.ioctl(a.descriptor, argument.code, address);
        vec![read, system.ioctl(a.descriptor, stage.layout.code("DISABLE_NOTIFICATION"), 0)]
    });
    if let [read, disabled] = answers[..] {
        stage.case("notif.read_from_forked_child", read);
        stage.case("notif.disable_from_forked_child", disabled);
    }
    stage.case("notif.parent_still_enabled_after_child", outcome(a.notification(None)));
    stage.case("notif.disable_garbage_arg", a.at("DISABLE_NOTIFICATION", KERNEL));
    Ok(())
}

pub(super) fn disabled_notifications(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    let b = stage.open()?;
    let (found, elapsed) = std::thread::scope(|scope| {
        scope.spawn(|| {
            pause(150);
            b.disable_notification()
        });
        timed(|| b.notification(None))
    });
    let waited = if elapsed.as_millis() > 100 { "more than 100 ms" } else { "no" };
    stage.case("notif.disable_wakes_blocked_reader", outcome(found).with("waited", waited));
    stage.case("notif.second_read_after_disable", read(&b, 200));
    a.notify(8, 0x61)?;
    pause(40);
    stage.case("notif.after_disable_new_notification", read(&b, 200));
    stage.case("notif.disable_again", b.disable_notification());
    stage.case("notif.disable_third", b.disable_notification());
    for name in
        ["notif.read_1_after_two_disables", "notif.read_2_after_two_disables", "notif.read_3_after_two_disables"]
    {
        stage.case(name, read(&b, 150));
    }
    needed("close", b.close())?;

    let b = stage.open()?;
    stage.case("notif.disable_then_read", b.disable_notification());
    stage.case("notif.read_after_disable", read(&b, 150));
    needed("close", b.close())?;

    let b = stage.open()?;
    a.notify(8, 0x62)?;
    pause(30);
    needed("disable notifications", b.disable_notification())?;
    stage.case("notif.disable_with_pending_notification", read(&b, 150));
    stage.case("notif.disable_with_pending_second_read", read(&b, 150));
    needed("close", b.close())?;

    let b = stage.open()?;
    a.notify(8, 0x63)?;
    pause(30);
    stage.case("notif.reopen_reenables", outcome(b.notification(None)));
    Ok(())
}

/// Reads a log and records its length, its first bytes and its last one.
fn log_case(file: &File<'_>, name: &str, cpu: i64, size: u64) {
    let (answer, length, buffer) = file.read_log(cpu, size);
    let mut outcome = Outcome::of(answer);
    if answer.is_ok() {
        outcome = outcome.with("read_bytes", length);
        if buffer.iter().all(|&byte| byte == 0xee) {
            outcome = outcome.with("buffer", "untouched");
        } else if let Some(last) = (length as usize).checked_sub(1).filter(|&last| last < buffer.len()) {
            outcome = outcome.with("buffer[0]", buffer[0]).with("buffer[1]", buffer[1]);
            outcome = outcome.with(&format!("buffer[{last}]"), buffer[last]);
        }
    }
    file.stage.case(name, outcome);
}

pub(super) fn logs(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    for cpu in [0, 1] {
        while a.read_log(cpu, 512).1 != 0 {}
    }
    log_case(&a, "log.empty_cpu0", 0, 512);
    log_case(&a, "log.empty_cpu1", 1, 512);
    log_case(&a, "log.size_513", 0, 513);
    log_case(&a, "log.cpu_2", 2, 512);
    log_case(&a, "log.cpu_2_size_0", 2, 0);
    log_case(&a, "log.cpu_minus1", -1, 16);
    log_case(&a, "log.cpu0_size_513_again", 1, 513);
    a.put_log(0, 1, 100)?;
    a.put_log(1, 200, 50)?;
    log_case(&a, "log.cpu0_100_read_40", 0, 40);
    log_case(&a, "log.cpu0_read_0_keeps", 0, 0);
    log_case(&a, "log.cpu0_rest", 0, 512);
    log_case(&a, "log.cpu0_drained", 0, 512);
    a.read_log(1, 512).0.ok();
    // Three times 1300 bytes after the 100: the ring has then passed 4000 bytes on.
    for first in 0..3 {
        a.put_log(0, first, 1300)?;
        for _ in 0..3 {
            log_case(&a, "log.cpu0_stream", 0, 512);
        }
    }
    a.put_log(0, 9, 400)?;
    log_case(&a, "log.cpu0_across_ring_end", 0, 512);
    log_case(&a, "log.cpu0_after_ring_end", 0, 512);
    stage.case("log.null_arg", a.at("READ_LOG", NULL));
    stage.case("log.kernel_arg", a.at("READ_LOG", KERNEL));
    stage.case("log.readonly_arg", a.readonly(&a.argument("READ_LOG").set("buffer_size", 10)));
    Ok(())
}
