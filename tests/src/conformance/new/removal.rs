//! A board that is removed, a driver that is unloaded, a machine that is suspended.

use std::sync::Mutex;
use std::time::Duration;

use crate::conformance::firmware::{ECHO, control};
use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::old::{blocked, events, fate, opened};
use crate::conformance::stage::{Stage, Step, TO_DEVICE, needed, pause, user};
use crate::conformance::system::Fate;
use crate::conformance::table::{Outcome, Ret};

pub(super) fn removed(stage: &Stage<'_>) -> Step {
    let events = events(stage)?;
    let a = stage.open()?;
    needed("enable channel 0", a.enable(1))?;
    let notification = a.argument("READ_NOTIFICATION");
    let reader = blocked(&a, notification.code, notification.bytes);
    let wait = a.wait_argument([1, 0, 0]);
    let waiter = blocked(&a, wait.code, wait.bytes);
    pause(100);
    events.remove();
    let told = |outcome: Outcome| {
        let returned = u8::from(outcome.out.get("returned") == Some(&true.into()));
        outcome.with("returned", returned)
    };
    stage.case("danger.sysfs_remove", Outcome::of(Ok(1)));
    stage.case("danger.waiter_after_remove", told(fate(&waiter)));
    stage.case("danger.reader_after_remove", told(fate(&reader)));
    stage.case("danger.query_after_remove", a.driver_info());
    stage.case("danger.open_after_remove", opened(stage));
    if stage.laboratory.fresh() {
        // The process ends: its blocked thread is told.
        let told = Mutex::new(None);
        let fate = stage.system.survive(&|| {
            let answer = reader.recv_timeout(Duration::from_secs(4));
            *told.lock().unwrap() = answer.ok();
            Ok(0)
        });
        let returned = told.into_inner().unwrap().is_some();
        let ret = if returned || fate == Fate::Oops { fate.into() } else { Ret::Hang };
        stage.case("danger.exit_after_remove", Outcome::of(ret));
    } else {
        stage.skip("danger.exit_after_remove", "a program cannot watch its own end");
    }
    events.restore();
    Ok(())
}

pub(super) fn unloaded(stage: &Stage<'_>) -> Step {
    let events = events(stage)?;
    let a = stage.open()?;
    stage.case("danger.rmmod_open", events.unload_driver());
    needed("close", a.close())?;
    stage.case("danger.rmmod_closed", events.unload_driver());
    events.restore();
    Ok(())
}

pub(super) fn suspended(stage: &Stage<'_>) -> Step {
    let events = events(stage)?;
    let a = stage.open()?;
    let region = Region::new(1);
    let page = user(region.address, PAGE as u64, TO_DEVICE);
    needed("mark as in use", a.mark().0)?;
    needed("enable channel 0", a.enable(1))?;
    a.map(page).needed("mapping 1")?;
    events.suspend_and_resume();
    stage.case("danger.query_old", a.driver_info());
    stage.case("danger.unmap_old", a.unmap(1, page));
    stage.case("danger.unknown_old", a.raw(0x1234_5678, 0));
    stage.case("danger.mmap_old", a.mmap(PAGE, true, 0x1000));
    let b = stage.open()?;
    stage.case("danger.query_new", b.driver_info());
    let (answer, in_use) = b.mark();
    stage.case("danger.inuse_new", Outcome::of(answer).with("in_use", in_use));
    stage.case("danger.enable_new", b.enable(1));
    stage.case("danger.fw_new", b.send(&control(ECHO, b"x").timeout(500)).answer);
    needed("close", a.close())?;
    stage.case("danger.query_after_close", b.driver_info());
    Ok(())
}
