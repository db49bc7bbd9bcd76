//! A board that is removed, a driver that is unloaded, a machine that is suspended.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::conformance::firmware::{ECHO, control};
use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::stage::{File, Stage, Step, Stop, TO_DEVICE, needed, pause, user};
use crate::conformance::system::{Access, Answer, Events, Signal};
use crate::conformance::table::{Outcome, Ret};

const NO_EVENTS: Stop = Stop::Skip("nothing here suspends, removes or unloads");

/// What can happen to the machine, if anything can.
pub(crate) fn events<'a>(stage: &'a Stage<'_>) -> Step<&'a dyn Events> {
    stage.system.events().ok_or(NO_EVENTS)
}

/// When a call that was left behind is told that its process ends.
const END: Signal = Signal { after: Duration::from_millis(2000), restart: false };

/// Makes a call in a thread of its own, which is left behind if it never returns. Where the kernel is the script's own, a
/// signal comes after two seconds; elsewhere it would crash 5.3.0 before the program is done.
pub(crate) fn blocked(file: &File<'_>, code: u32, mut bytes: Vec<u8>) -> Receiver<Answer> {
    let (sender, receiver) = channel();
    let system = file.stage.system.share();
    let descriptor = file.descriptor;
    let fresh = file.stage.laboratory.fresh();
    std::thread::spawn(move || {
        let address = bytes.as_mut_ptr().expose_provenance();
        let mut call = || system.ioctl(descriptor, code, address);
        let answer = if fresh { system.signalled(END, &mut call) } else { call() };
        // Nobody may be waiting for it any more.
        let _ = sender.send(answer);
    });
    receiver
}

/// What became of a blocked call.
pub(crate) fn fate(call: &Receiver<Answer>) -> Outcome {
    match call.recv_timeout(Duration::from_millis(300)) {
        Ok(answer) => Outcome::of(answer).with("returned", true),
        Err(_) => Outcome::of(Ret::Hang).with("returned", false),
    }
}

/// How `open` went, as a call.
pub(crate) fn opened(stage: &Stage<'_>) -> Answer {
    let file = stage.system.open(Access::ReadWrite)?;
    stage.system.close(file)
}

pub(super) fn removed(stage: &Stage<'_>) -> Step {
    let events = events(stage)?;
    let a = stage.open()?;
    needed("enable channel 0", a.enable(0x1))?;
    let notification = a.argument("READ_NOTIFICATION");
    let reader = blocked(&a, notification.code, notification.bytes);
    let wait = a.wait_argument([0x1, 0, 0]);
    let waiter = blocked(&a, wait.code, wait.bytes);
    pause(100);
    events.remove();
    stage.case("danger.sysfs_remove_with_open_fd", Outcome::of(Ok(1)));
    stage.case("danger.remove_blocked_reader", fate(&reader));
    stage.case("danger.remove_blocked_waiter", fate(&waiter));
    stage.case("danger.ioctl_after_remove", a.driver_info());
    stage.case("danger.mmap_after_remove", a.mmap(PAGE, true, 0x1000));
    stage.case("danger.open_after_remove", opened(stage));
    events.restore();
    Ok(())
}

pub(super) fn unloaded(stage: &Stage<'_>) -> Step {
    let events = events(stage)?;
    let a = stage.open()?;
    stage.case("danger.rmmod_with_open_fd", events.unload_driver());
    needed("close", a.close())?;
    stage.case("danger.rmmod_after_close", events.unload_driver());
    stage.case("danger.open_after_rmmod", opened(stage));
    events.restore();
    Ok(())
}

pub(super) fn suspended(stage: &Stage<'_>) -> Step {
    let events = events(stage)?;
    let a = stage.open()?;
    let region = Region::new(1);
    needed("mark as in use", a.mark().0)?;
    needed("enable channel 0", a.enable(0x1))?;
    a.map(user(region.address, PAGE as u64, TO_DEVICE)).needed("mapping 1")?;
    // The two writes to the kernel's power attributes: "devices", then "mem".
    stage.case("danger.pm_test_devices", Outcome::of(Ok(7)));
    events.suspend_and_resume();
    stage.case("danger.suspend", Outcome::of(Ok(3)));
    stage.case("danger.ioctl_old_fd_after_resume", a.driver_info());
    stage.case("danger.unmap_old_fd_after_resume", a.unmap_handle(1));
    stage.case("danger.mmap_old_fd_after_resume", a.mmap(PAGE, true, 0x1000));
    stage.case("danger.unknown_ioctl_old_fd_after_resume", a.raw(0x1234_5678, 0));
    let b = stage.open();
    let answer = b.as_ref().map_or(Err(nix::libc::EIO), |_| Ok(0));
    stage.case("danger.open_new_fd_after_resume", answer);
    let b = b?;
    let marked = |file: &File<'_>, name: &str| {
        let (answer, in_use) = file.mark();
        stage.case(name, Outcome::of(answer).with("in_use", in_use != 0));
    };
    let echo = control(ECHO, b"x").timeout(500);
    stage.case("danger.ioctl_new_fd_after_resume", b.driver_info());
    marked(&b, "danger.inuse_new_fd_while_stale_owner_open");
    stage.case("danger.fw_control_new_fd_after_resume", b.send(&echo).answer);
    stage.case("danger.enable_ch0_new_fd_stale_owner_open", b.enable(0x1));
    stage.case("danger.close_stale_fd", a.close());
    let _another = stage.open()?;
    stage.case("danger.enable_ch0_after_stale_close", b.enable(0x1));
    marked(&b, "danger.inuse_after_stale_close");
    stage.case("danger.fw_control_after_stale_close", b.send(&echo).answer);
    Ok(())
}
