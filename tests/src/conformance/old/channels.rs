//! Enabling and disabling channels.

use crate::conformance::stage::{KERNEL, NULL, Stage, Step, needed};

pub(super) fn enable(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let b = stage.open()?;
    stage.case("enable.ch0", a.enable(0x1));
    stage.case("enable.ch0_again", a.enable(0x1));
    stage.case("enable.ch0_and_1_partially_enabled", a.enable(0x3));
    stage.case("enable.ch1_after_partial_failure", a.enable(0x2));
    stage.case("enable.ch0_from_other_fd", b.enable(0x1));
    stage.case("enable.engine1_only", a.enable_engines([0, 1, 0], false));
    stage.case("enable.engine1_again", a.enable_engines([0, 1, 1], false));
    stage.case("enable.ch31", a.enable(0x8000_0000));
    stage.case("enable.null_arg", a.at("VDMA_ENABLE_CHANNELS", NULL));
    stage.case("disable.null_arg", a.at("VDMA_DISABLE_CHANNELS", NULL));
    stage.case("enable.kernel_arg", a.at("VDMA_ENABLE_CHANNELS", KERNEL));
    stage.case("disable.not_enabled", a.disable(0x200));
    stage.case("disable.ch0", a.disable(0x1));
    stage.case("disable.ch0_again", a.disable(0x1));
    stage.case("disable.empty", a.disable(0));
    stage.case("disable.other_fds_channel", b.disable(0x2));
    stage.case("enable.ch1_after_other_fd_disabled_it", b.enable(0x2));
    // Before 4.23 a bitmap with a disabled channel in it disables nothing.
    stage.case("disable.all_bits", a.disable(0xffff_ffff));
    b.disable(0x2).ok();
    a.disable(0x8000_0000).ok();
    stage.case("enable.all_32", a.enable(0xffff_ffff));
    needed("disable all", a.disable(0xffff_ffff))?;

    needed("enable channel 12", b.enable(0x1000))?;
    needed("close", b.close())?;
    stage.case("enable.after_owner_closed", a.enable(0x1000));
    a.disable(0x1000).ok();
    Ok(())
}
