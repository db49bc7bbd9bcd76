//! Waiters side by side, and lists through disabling, restarting and releasing.

use crate::conformance::firmware::{SINK, STALL};
use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::stage::{BIDIRECTIONAL, File, Made, Stage, Step, needed, pause, user};
use crate::conformance::system::{Access, Signal};
use crate::conformance::table::Outcome;
use crate::conformance::transfer::{launch, memory};

/// A mapping of 16 pages for both directions.
fn map_all(a: &File<'_>, region: &Region) -> Step<Made> {
    a.map(user(region.address, 65536, BIDIRECTIONAL)).needed("mapping")
}

pub(super) fn waiting(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    needed("enable channels 0 and 1", a.enable(0x3))?;
    let outcome = std::thread::scope(|scope| {
        let waiters = [0x1, 0x1, 0x2].map(|bits| {
            scope.spawn({
                let a = &a;
                move || a.wait(bits)
            })
        });
        pause(100);
        a.interrupt(0, 0x1, 0)?;
        pause(100);
        let woken = [0, 1, 2].map(|index: usize| waiters[index].is_finished());
        needed("disable both channels", a.disable(0x3))?;
        let [_, second, _] = waiters.map(|waiter| waiter.join().unwrap());
        Ok(Outcome::of(second.answer)
            .with("both_waiters_on_channel_0_woken_by_the_interrupt", woken[0] && woken[1])
            .with("waiter_on_channel_1_woken", woken[2])
            .with("final ret of the second waiter", second.answer.unwrap_or(-1)))
    })?;
    stage.case("extra.two_waiters_same_channel_one_irq", outcome);

    let b = stage.open_as(Access::NonBlocking)?;
    needed("enable channel 0", a.enable(0x1))?;
    stage.case("extra.O_NONBLOCK_ignored_by_wait", b.wait_signal(0x1, 200));
    let (answer, ..) = b.notification(Some(Signal::interrupting(200)));
    stage.case("extra.O_NONBLOCK_ignored_by_read_notification", answer);
    needed("disable channel 0", a.disable(0x1))?;
    Ok(())
}

pub(super) fn lists(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    let region = Region::new(16);
    let b = region.address;
    map_all(&a, &region)?;
    let (first, second) = (a.need_list(16, 4096, true)?, a.need_list(16, 4096, true)?);
    let page = |list: &Made, start: u32| launch(0, list.handle, start, &[memory(b, 4096)]);
    needed("enable channel 0", a.enable(0x1))?;
    a.flags(0, SINK)?;
    a.start(0, first.bus, 4)?;
    for start in 0..5 {
        a.need_launch(&page(&first, start))?;
    }
    pause(50);
    needed("disable channel 0", a.disable(0x1))?;
    needed("enable channel 0", a.enable(0x1))?;
    stage.case("extra.launch_0_after_disable_enable_without_hw_restart", a.launch(&page(&first, 0)));
    a.start(0, first.bus, 4)?;
    stage.case("extra.launch_0_after_hw_restart", a.launch(&page(&first, 0)));
    stage.case("extra.wait_after_hw_restart", a.wait(0x1));

    needed("disable channel 0", a.disable(0x1))?;
    needed("enable channel 0", a.enable(0x1))?;
    a.start(0, first.bus, 4)?;
    a.need_launch(&page(&first, 0))?;
    a.wait_for_each(&[0])?;
    stage.case("extra.other_desc_list_same_session", a.launch(&page(&second, 1)));
    stage.case("extra.first_desc_list_still_ok", a.launch(&page(&first, 1)));
    a.wait_for_each(&[0])?;
    stage.case("extra.release_desc_list_idle_channel_enabled", a.release_list(first.handle));
    stage.case("extra.launch_released_desc_list", a.launch(&page(&first, 2)));

    needed("disable channel 0", a.disable(0x1))?;
    needed("enable channels 0 and 16", a.enable(0x1_0001))?;
    let third = a.need_list(16, 4096, true)?;
    a.flags(0, 0)?;
    a.start(0, third.bus, 4)?;
    a.start(16, second.bus, 4)?;
    region.write(0, &(0..PAGE).map(|index| (index / 3) as u8).collect::<Vec<_>>());
    region.write(PAGE, &[0; PAGE]);
    let (returned, _) = a.launch_counted(&launch(16, second.handle, 0, &[memory(b + PAGE, 3000)]));
    let sent = a.launch(&launch(0, third.handle, 0, &[memory(b, 3000)]));
    a.wait_for_each(&[0, 16])?;
    stage.case(
        "extra.bidirectional_mapping_both_ways",
        Outcome::of(sent)
            .with("ret_of_launch_on_channel_16", returned.unwrap_or(-1))
            .with("data_equal", region.read(0, 3000) == region.read(PAGE, 3000)),
    );

    needed("disable channels 0 and 16", a.disable(0x1_0001))?;
    needed("enable channel 0", a.enable(0x1))?;
    a.flags(0, SINK)?;
    a.start(0, third.bus, 4)?;
    let (launched, waited) = std::thread::scope(|scope| {
        let waiter = scope.spawn(|| a.wait(0x1));
        pause(60);
        (a.launch(&page(&third, 0)), waiter.join().unwrap())
    });
    stage.case(
        "extra.launch_while_other_thread_waits",
        Outcome::of(launched)
            .with("ret of the waiting thread", waited.answer.unwrap_or(-1))
            .with("channels_count of the waiting thread", waited.channels.len()),
    );

    needed("disable channel 0", a.disable(0x1))?;
    needed("enable channel 0", a.enable(0x1))?;
    a.flags(0, STALL)?;
    a.start(0, third.bus, 4)?;
    for start in 0..3 {
        a.need_launch(&page(&third, start))?;
    }
    a.flags(0, SINK)?;
    pause(50);
    needed("first wait", a.wait(0x1).answer)?;
    stage.case("extra.3_irqs_one_wait_drains_all", a.wait_signal(0x1, 200));
    needed("disable channel 0", a.disable(0x1))?;
    Ok(())
}
