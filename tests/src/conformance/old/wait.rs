//! Waiting for interrupts, and their timestamps.

use serde_json::json;

use crate::conformance::stage::{File, NULL, Stage, Step, Waited, needed, pause};
use crate::conformance::system::Signal;
use crate::conformance::table::Outcome;

/// Waits while another thread does something after a delay.
fn wait_while(file: &File<'_>, channels: u64, milliseconds: u64, meanwhile: impl FnOnce() + Send) -> Waited {
    std::thread::scope(|scope| {
        scope.spawn(move || {
            pause(milliseconds);
            meanwhile();
        });
        file.wait(channels)
    })
}

pub(super) fn wait(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let b = stage.open()?;
    stage.case("wait.engine1_only", a.wait_engines([0, 1, 1], None));
    let mut filled = a.wait_argument([0; 3]);
    filled.bytes.fill(0xee);
    let width = filled.get_bytes("channels_bitmap_per_engine").len();
    filled = filled.set_bytes("channels_bitmap_per_engine", &vec![0; width]);
    filled = filled.set_bytes("channels_bitmap_per_engine", &[1]);
    let answer = a.blocking(None, &mut filled);
    let byte = filled.get_bytes("irq_data")[0];
    let engine = if byte == 0xee { json!("0xee (untouched)") } else { json!(byte) };
    stage.case(
        "wait.disabled_channel_rest_of_struct",
        Outcome::of(answer)
            .with("channels_bitmap_per_engine[0]", filled.get("channels_bitmap_per_engine") as u32)
            .with("irq_data[0].engine_index", engine),
    );
    a.needs_bench()?;
    needed("enable channels 0 and 1", a.enable(0x3))?;
    stage.case("wait.some_disabled", a.wait(0x7));
    stage.case("wait.woken_by_disable_other_thread", wait_while(&a, 0x1, 100, || _ = a.disable(0x1)));
    needed("enable channel 0", a.enable(0x1))?;
    stage.case("wait.woken_by_disable_via_other_fd", wait_while(&a, 0x1, 100, || _ = b.disable(0x1)));
    needed("enable channel 0", a.enable(0x1))?;
    a.interrupt(100, 0x1, 0)?;
    stage.case("wait.spurious_irq_no_transfer", a.wait(0x1));
    a.interrupt(10, 0x1, 0)?;
    pause(80);
    stage.case("wait.irq_pending_before_wait", a.wait(0x1));
    a.interrupt(100, 0, 0x2_0000)?;
    needed("enable channel 17", a.enable(0x2_0000))?;
    stage.case("wait.d2h_channel_17", a.wait(0x2_0001));
    a.interrupt(20, 0x2, 0)?;
    let _ = a.wait_signal(0x1, 150);
    stage.case("wait.irq_kept_for_other_channel", a.wait(0x2));
    stage.case("wait.signal_no_restart", a.wait_signal(0x1, 150));
    stage.case("wait.fd_usable_after_signal", a.enable(0));
    let restarted = std::thread::scope(|scope| {
        scope.spawn(|| {
            pause(300);
            a.disable(0x1)
        });
        a.wait_engines([0x1, 0, 0], Some(Signal::restarting(100)))
    });
    stage.case("wait.signal_SA_RESTART_restarts", restarted);

    needed("enable channel 8", a.enable(0x100))?;
    a.interrupt(5, 0x100, 0)?;
    pause(60);
    needed("disable channel 8", a.disable(0x100))?;
    needed("enable channel 8", a.enable(0x100))?;
    stage.case("wait.disable_clears_pending_irq", a.wait_signal(0x100, 200));
    stage.case("wait.readonly_arg", a.readonly(&a.wait_argument([0x10_0000, 0, 0])));
    a.interrupt(50, 0x2, 0)?;
    stage.case("wait.other_fd_can_wait_on_not_own_channel", b.wait(0x2));
    a.disable(0x2_0102).ok();
    Ok(())
}

pub(super) fn timestamps(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let record = |name: &str| {
        let (answer, found) = a.timestamps(0, 2);
        let mut outcome = Outcome::of(answer).with("timestamps_count", found.len());
        if let Some(&(processed, time)) = found.first() {
            let time = if time == 0 { "zero" } else { "non-zero" };
            outcome = outcome.with("timestamps[0].desc_num_processed", processed);
            outcome = outcome.with("timestamps[0].timestamp_ns", time);
        }
        stage.case(name, outcome);
    };
    record("timestamps.not_measured");
    stage.case("timestamps.engine_1", a.timestamps(1, 0).0);
    stage.case("timestamps.channel_32", a.timestamps(0, 32).0);
    a.needs_bench()?;
    // An interrupt that has come has its timestamp, which a wait leaves alone.
    let interrupted = || {
        a.interrupt(1, 0x4, 0)?;
        needed("wait for an interrupt", a.wait(0x4).answer)
    };
    needed("enable channel 2", a.enable_engines([0x4, 0, 0], true))?;
    record("timestamps.enabled_empty");
    for _ in 0..3 {
        interrupted()?;
    }
    record("timestamps.after_3_irqs");
    record("timestamps.read_again_drained");
    stage.case("timestamps.null_arg", a.at("VDMA_INTERRUPTS_READ_TIMESTAMPS", NULL));
    for _ in 0..260 {
        a.interrupt(0, 0x4, 0)?;
        pause(2);
    }
    record("timestamps.after_260_irqs");
    // Nothing of the 260 is left when the next one comes.
    needed("wait for the last interrupts", a.wait(0x4).answer)?;
    a.timestamps(0, 2).0.ok();
    interrupted()?;
    needed("disable channel 2", a.disable(0x4))?;
    record("timestamps.after_disable");
    needed("enable channel 2", a.enable_engines([0x4, 0, 0], true))?;
    record("timestamps.after_reenable");
    a.disable(0x4).ok();
    Ok(())
}
