//! Waiting for interrupts.

use crate::conformance::firmware::{SINK, STALL};
use crate::conformance::kernel::Region;
use crate::conformance::stage::{Stage, Step, TO_DEVICE, needed, pause, user};
use crate::conformance::transfer::{launch, memory};

pub(super) fn wait(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let b = stage.open()?;
    stage.case("wait.empty", a.wait(0));
    stage.case("wait.engine1_only", a.wait_engines([0, 1, 0], None));
    stage.case("wait.disabled", a.wait(1));
    needed("enable channel 0", a.enable(1))?;
    stage.case("wait.engine0_and_1", a.wait_engines([1, 1, 0], None));
    stage.case("wait.none_pending_signal", a.wait_signal(1, 200));
    let woken = std::thread::scope(|scope| {
        scope.spawn(|| {
            pause(100);
            a.disable(1)
        });
        a.wait(1)
    });
    stage.case("wait.woken_by_disable", woken);
    // Disabled through the other file, the channel stays enabled for its owner.
    needed("enable channel 0", a.enable(1))?;
    needed("disable channel 0", b.disable(1))?;
    stage.case("wait.after_foreign_disable", a.wait_signal(1, 200));
    needed("disable channel 0", a.disable(1))?;

    a.needs_bench()?;
    needed("enable channel 0", a.enable(1))?;
    a.interrupt(60, 1, 0)?;
    stage.case("wait.irq_no_transfer", a.wait(1));
    stage.case("wait.again_after", a.wait_signal(1, 200));

    let region = Region::new(1);
    a.map(user(region.address, 4096, TO_DEVICE)).needed("mapping")?;
    let list = a.need_list(16, 4096, true)?;
    let page = launch(0, list.handle, 0, &[memory(region.address, 4096)]);
    a.flags(0, SINK)?;
    a.start(0, list.bus, 4)?;
    let finish_one = || {
        a.need_launch(&page)?;
        pause(40);
        Ok(())
    };
    finish_one()?;
    stage.case("wait.pending_plus_disabled", a.wait(0x21));
    stage.case("wait.pending_after_that", a.wait_signal(1, 200));
    finish_one()?;
    stage.case("wait.pending_plus_engine1", a.wait_engines([1, 1, 0], None));
    needed("enable channel 1", a.enable(2))?;
    finish_one()?;
    stage.case("wait.pending_other_only", a.wait_signal(2, 200));
    stage.case("wait.pending_kept", a.wait(1));
    a.flags(0, STALL)?;
    a.need_launch(&page)?;
    stage.case("wait.unfinished_plus_disabled", a.wait(0x21));
    a.flags(0, SINK)?;
    needed("the unfinished one", a.wait(1).answer)?;
    finish_one()?;
    needed("disable channel 0", a.disable(1))?;
    needed("enable channel 0", a.enable(1))?;
    stage.case("wait.disable_drops_pending", a.wait_signal(1, 200));
    needed("disable channel 0", a.disable(1))?;
    a.interrupt(0, 1, 0)?;
    pause(30);
    needed("enable channel 0", a.enable(1))?;
    stage.case("wait.irq_while_disabled", a.wait_signal(1, 200));
    needed("enable channels 4 and 5", a.enable(0x30))?;
    a.interrupt(60, 0x10, 0)?;
    stage.case("wait.two_channels_one_irq", a.wait(0x30));
    needed("enable channel 35", a.enable(1 << 35))?;
    stage.case("wait.ch35_signal", a.wait_signal(1 << 35, 200));
    stage.case("wait.readonly_arg", a.readonly(&a.wait_argument([1 << 20, 0, 0])));
    a.interrupt(50, 1, 0)?;
    stage.case("wait.other_fd", b.wait(1));
    pause(60);
    needed("disable all", a.disable(u64::MAX))?;
    Ok(())
}
