//! Enabling and disabling channels, and their timestamps.

use crate::conformance::stage::{NULL, Stage, Step, needed};
use crate::conformance::table::Outcome;

pub(super) fn enable(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let b = stage.open()?;
    stage.case("enable.ch0", a.enable(1));
    stage.case("enable.ch0_again", a.enable(1));
    stage.case("enable.0_and_1", a.enable(3));
    stage.case("enable.1_after", a.enable(2));
    stage.case("enable.ch0_other_fd", b.enable(1));
    stage.case("enable.empty", a.enable(0));
    stage.case("enable.engine1", a.enable_engines([0, 1, 0], false));
    stage.case("enable.engine1_again", a.enable_engines([0, 1, 0], false));
    stage.case("enable.ch31", a.enable(1 << 31));
    stage.case("enable.ch35", a.enable(1 << 35));
    stage.case("enable.ch35_again", a.enable(1 << 35));
    stage.case("disable.null_arg", a.at("VDMA_DISABLE_CHANNELS", NULL));
    stage.case("disable.not_enabled", a.disable(1 << 9));
    stage.case("disable.ch0", a.disable(1));
    stage.case("disable.other_fds", b.disable(2));
    stage.case("enable.ch1_after_foreign_disable", b.enable(2));
    stage.case("disable.all", a.disable(u64::MAX));
    stage.case("enable.all40", a.enable((1 << 40) - 1));
    needed("disable all", a.disable(u64::MAX))?;

    needed("enable channel 12", b.enable(1 << 12))?;
    needed("close", b.close())?;
    stage.case("enable.after_owner_closed", a.enable(1 << 12));
    a.disable(1 << 12).ok();
    Ok(())
}

pub(super) fn timestamps(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    for (name, engine, channel) in [("timestamps.ch2", 0, 2), ("timestamps.engine1", 1, 0), ("timestamps.ch39", 0, 39)]
    {
        let (answer, found) = a.timestamps(engine, channel);
        stage.case(name, Outcome::of(answer).with("count", found.len()));
    }
    stage.case("timestamps.null_arg", a.at("VDMA_INTERRUPTS_READ_TIMESTAMPS", NULL));
    Ok(())
}
