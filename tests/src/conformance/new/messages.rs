//! Firmware controls, notifications, logs and ownership.

use crate::conformance::firmware::{COUNTERS, Control, ECHO, LENGTH, SILENT, UNPLUG, bare, control};
use crate::conformance::stage::{File, KERNEL, NULL, Stage, Step, needed, pause, timed};
use crate::conformance::system::{Answer, Signal};
use crate::conformance::table::Outcome;

pub(super) fn firmware(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    let identified = a.send(&control(0, &[]));
    stage.case("fw.identify", Outcome::of(identified.answer).with("len", identified.length));
    let echoed = a.send(&control(ECHO, b"hello"));
    stage.case("fw.echo", Outcome::of(echoed.answer).with("same", u8::from(echoed.buffer[16..21] == *b"hello")));
    let (silent, elapsed) = timed(|| a.send(&control(SILENT, &[]).timeout(100)));
    let waited = u8::from(elapsed.as_millis() >= 90);
    stage.case("fw.timeout_100", Outcome::of(silent.answer).with("elapsed_ge_90", waited));
    for (name, length) in [("fw.answer_1501", 1501_u32), ("fw.answer_1500", 1500)] {
        stage.case(name, a.send(&control(LENGTH, &length.to_le_bytes())).answer);
    }
    for (name, sent) in [("fw.len_0", bare(0, 0)), ("fw.len_1501", bare(ECHO, 1501)), ("fw.len_4000", bare(ECHO, 4000))]
    {
        let answered = a.send(&sent);
        stage.case(name, Outcome::of(answered.answer).with("len_out", answered.length));
    }
    stage.case("fw.kernel_arg", a.at("FW_CONTROL", KERNEL));
    stage.case("fw.readonly_arg", a.readonly(&bare(ECHO, 16).timeout(500).argument(&a)));
    for (name, cpu) in [("fw.cpu_0", 0), ("fw.cpu_1", 1)] {
        let answered = a.send(&Control { cpu, ..bare(COUNTERS, 16) });
        stage.case(name, Outcome::of(answered.answer).with("delivered_to_core", answered.buffer[48]));
    }
    a.bench_number(UNPLUG, 300)?;
    pause(120);
    stage.case("fw.disconnected", a.send(&control(ECHO, b"x").timeout(50)).answer);
    pause(350);
    Ok(())
}

fn outcome((answer, length, first): (Answer, u64, u8)) -> Outcome {
    Outcome::of(answer).with("len", length).with("b0", first)
}

fn read(file: &File<'_>, milliseconds: u64) -> Outcome {
    outcome(file.notification(Some(Signal::interrupting(milliseconds))))
}

pub(super) fn notifications(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    let put = |length: u16, value: u8| {
        a.notify(length, value)?;
        pause(30);
        Ok(())
    };
    put(16, 17)?;
    stage.case("notif.pending", outcome(a.notification(None)));
    put(8, 49)?;
    put(9, 50)?;
    stage.case("notif.two", outcome(a.notification(None)));
    stage.case("notif.two_second", read(&a, 150));
    put(8, 65)?;
    stage.case("notif.null_arg", a.at("READ_NOTIFICATION", NULL));
    let b = stage.open()?;
    put(8, 81)?;
    stage.case("notif.fd1", outcome(a.notification(None)));
    stage.case("notif.fd2", outcome(b.notification(None)));
    let woken = std::thread::scope(|scope| {
        scope.spawn(|| {
            pause(100);
            b.disable_notification()
        });
        b.notification(None)
    });
    stage.case("notif.disable_wakes", outcome(woken));
    stage.case("notif.after_disable", read(&b, 150));
    put(8, 97)?;
    stage.case("notif.enabled_new", outcome(a.notification(None)));
    let _ = read(&b, 150);
    stage.case("notif.disable_twice", b.disable_notification());
    stage.case("notif.after_second_disable", read(&b, 150));
    drop(b);

    put(8, 83)?;
    let answers = stage.system.in_child(&|system| {
        let mut argument = a.argument("READ_NOTIFICATION");
        let address = argument.bytes.as_mut_ptr().expose_provenance();
        let read = system.ioctl(a.descriptor, argument.code, address);
        vec![read, system.ioctl(a.descriptor, stage.layout.code("DISABLE_NOTIFICATION"), 0)]
    });
    if let [read, disabled] = answers[..] {
        stage.case("notif.forked_child", read);
        stage.case("notif.forked_child_disable", disabled);
    }
    stage.case("notif.parent_after_child", outcome(a.notification(None)));
    Ok(())
}

pub(super) fn logs(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    for cpu in [0, 1] {
        while a.read_log(cpu, 512).1 != 0 {}
    }
    let record = |name: &str, cpu: i64, size: u64| {
        let (answer, length, buffer) = a.read_log(cpu, size);
        stage.case(name, Outcome::of(answer).with("read_bytes", length as i64).with("b0", buffer[0]));
    };
    record("log.empty", 0, 512);
    record("log.size_513", 0, 513);
    record("log.cpu_2", 2, 512);
    record("log.cpu_2_size_0", 2, 0);
    a.put_log(0, 1, 100)?;
    a.put_log(1, 200, 50)?;
    record("log.40_of_100", 0, 40);
    record("log.rest", 0, 512);
    record("log.core", 1, 512);
    stage.case("log.readonly_arg", a.readonly(&a.argument("READ_LOG").set("buffer_size", 10)));
    Ok(())
}

pub(super) fn ownership(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let b = stage.open()?;
    let record = |name: &str, file: &File<'_>| {
        let (answer, in_use) = file.mark();
        stage.case(name, Outcome::of(answer).with("in_use", in_use));
    };
    record("inuse.first", &a);
    record("inuse.same", &a);
    record("inuse.other", &b);
    stage.case("inuse.null_other", b.at("MARK_AS_IN_USE", NULL));
    needed("close", a.close())?;
    record("inuse.after_owner_closed", &b);
    needed("close", b.close())?;
    // A pointer that faults takes ownership all the same.
    let (a, b) = (stage.open()?, stage.open()?);
    stage.case("inuse.null_free", a.at("MARK_AS_IN_USE", NULL));
    record("inuse.other_after_null", &b);
    Ok(())
}
