//! Launching transfers: what is refused, what is done all the same, and what the hardware's `num_avail` says after it.

use crate::conformance::firmware::STALL;
use crate::conformance::kernel::Region;
use crate::conformance::stage::{FROM_DEVICE, File, Made, NULL, Stage, Step, TO_DEVICE, needed, user};
use crate::conformance::table::Outcome;
use crate::conformance::transfer::{Buffer, INEXPRESSIBLE, Launch, launch, memory, program};

/// The lists of the set-up: both 16 descriptors of 4096, circular.
const FIRST: u64 = 0x1000;
const SECOND: u64 = 0x2000;
const NEVER: u64 = 0x999_000;

/// Mapping 1 of 16 pages to the device, mapping 2 of the 16 behind it from the device, two lists.
fn set_up(a: &File<'_>, region: &Region) -> Step<[Made; 2]> {
    a.map(user(region.address, 65536, TO_DEVICE)).needed("mapping 1")?;
    a.map(user(region.address + 65536, 65536, FROM_DEVICE)).needed("mapping 2")?;
    Ok([a.need_list(16, 4096, true)?, a.need_list(16, 4096, true)?])
}

pub(super) fn refused(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let region = Region::new(32);
    set_up(&a, &region)?;
    let b = region.address;
    let page = memory(b, 4096);
    let plain = launch(0, FIRST, 0, &[page]);
    let record = |name: &str, what: Launch| {
        if a.can_launch(&what) {
            stage.case(name, a.launch(&what));
        } else {
            stage.skip(name, INEXPRESSIBLE);
        }
    };

    stage.case("launch.null_arg", a.at("VDMA_LAUNCH_TRANSFER", NULL));
    record("launch.engine_1", Launch { engine: 1, ..plain.clone() });
    record("launch.channel_32", launch(32, FIRST, 0, &[page]));
    record("launch.channel_255", launch(255, FIRST, 0, &[page]));
    record("launch.buffers_9", Launch { count: Some(9), ..plain.clone() });
    record("launch.buffers_255", Launch { count: Some(255), ..plain.clone() });
    record("launch.unknown_desc", launch(0, NEVER, 0, &[page]));
    record("launch.desc_handle_0", launch(0, 0, 0, &[page]));
    record("launch.straddles_end_of_mapping", launch(0, FIRST, 0, &[memory(b + 61440, 8192)]));
    record("launch.address_null", launch(0, FIRST, 0, &[memory(NULL, 4096)]));
    record("launch.wrong_direction_h2d_from_device_buf", launch(0, FIRST, 0, &[memory(b + 65536, 4096)]));
    record("launch.wrong_direction_d2h_to_device_buf", launch(16, FIRST, 0, &[page]));
    record("launch.buffer_type_2", launch(0, FIRST, 0, &[Buffer { kind: 2, ..page }]));
    record("launch.buffer_type_dmabuf_unknown_fd", launch(0, FIRST, 0, &[Buffer { kind: 1, ..page }]));
    record("launch.channel_hw_inactive_not_enabled", plain.clone());
    needed("enable all channels", a.enable(0xffff_ffff))?;
    record("launch.channel_hw_inactive_enabled", plain.clone());
    record("launch.inactive_then_other_list_is_inconsistent", launch(0, SECOND, 0, &[page]));
    needed("disable channel 0", a.disable(0x1))?;
    record("launch.other_list_after_disable", launch(0, SECOND, 0, &[page]));
    record("launch.inactive_d2h", launch(16, FIRST, 0, &[memory(b + 65536, 4096)]));
    a.quiesce();
    Ok(())
}

/// Disables and enables channel 0, and starts it again, stalled, on a list of 16.
fn restart(a: &File<'_>, list: &Made) -> Step {
    needed("disable channel 0", a.disable(0x1).or(Ok(0)))?;
    needed("enable channel 0", a.enable(0x1))?;
    a.flags(0, STALL)?;
    a.start(0, list.bus, 4)
}

pub(super) fn started(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    let region = Region::new(32);
    let [first, _] = set_up(&a, &region)?;
    let b = region.address;
    let at = |start: u32| launch(0, FIRST, start, &[memory(b, 4096)]);
    // A board that was used before may still tie the channel to a list that is gone.
    a.disable(0x1).ok();
    needed("enable all channels", a.enable(0xffff_ffff))?;
    a.flags(0, STALL)?;
    a.start(0, first.bus, 4)?;
    a.launch_case("launch.start_mismatch_3", &at(3))?;
    a.launch(&at(7)).ok();
    a.launch_case("launch.start_65536_truncates", &at(65536))?;

    restart(&a, &first)?;
    a.launch_case("launch.ok_1", &at(0))?;
    a.launch_case("launch.ok_3_pages", &launch(0, FIRST, 1, &[memory(b, 12288)]))?;
    a.launch_case("launch.ok_5000_bytes", &launch(0, FIRST, 4, &[memory(b, 5000)]))?;
    a.launch_case("launch.repeat_same_start", &at(4))?;
    let crashes = stage.harms("launch.buffers_0");
    if !crashes {
        a.launch_case("launch.buffers_0", &launch(0, FIRST, 6, &[]))?;
    }

    restart(&a, &first)?;
    a.launch_case("launch.16_descs_full_ring", &launch(0, FIRST, 0, &[memory(b, 65536)]))?;
    restart(&a, &first)?;
    a.launch_case("launch.size_0", &launch(0, FIRST, 0, &[memory(b, 0)]))?;
    restart(&a, &first)?;
    let mut accepted: u32 = 0;
    let answer = loop {
        match a.launch(&at(accepted % 16)) {
            Ok(_) if accepted < 400 => accepted += 1,
            answer => break answer,
        }
    };
    let outcome = a.with_available(Outcome::of(answer).with("accepted_launches", accepted), 0)?;
    stage.case("launch.ongoing_limit", outcome);
    restart(&a, &first)?;
    a.registers(0, 3, 0, 0)?;
    a.launch_case("launch.channel_paused_control3", &at(0))?;
    needed("disable all channels", a.disable(0xffff_ffff))?;
    if crashes && stage.may_harm() {
        needed("close", a.close())?;
        crash_of_empty_launch(&stage.reboot())?;
    }
    Ok(())
}

/// On a machine of its own: a launch of no buffers crashes 4.17.
fn crash_of_empty_launch(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let region = Region::new(32);
    let [first, _] = set_up(&a, &region)?;
    restart(&a, &first)?;
    stage.case("launch.buffers_0", stage.system.survive(&|| a.launch(&launch(0, FIRST, 0, &[]))));
    Ok(())
}

pub(super) fn shapes(stage: &Stage<'_>) -> Step {
    if stage.before(4, 18) {
        // The observer's 4.17 had crashed by then.
        return Ok(());
    }
    let a = stage.open()?;
    a.needs_bench()?;
    let region = Region::new(32);
    let [first, _] = set_up(&a, &region)?;
    let b = region.address;
    let page = memory(b, 4096);
    needed("enable channels 1 to 31", a.enable(0xffff_fffe))?;
    // Every descriptor of the first list has been written once, as by the launches before.
    needed("program the list", a.program(program(1, 65536, FIRST)))?;
    // Channel 0 is not enabled in the driver in any of these, only started in the hardware.
    let start = |list: &Made, log2: u8| {
        needed("disable channel 0", a.disable(0x1).or(Ok(0)))?;
        a.flags(0, STALL)?;
        a.start(0, list.bus, log2)
    };
    start(&first, 4)?;
    a.launch_case("launch.hw_started_but_not_enabled_in_driver", &launch(0, FIRST, 0, &[page]))?;
    let ring = a.need_list(4, 4096, true)?;
    start(&ring, 2)?;
    a.launch_case("launch.buffer_longer_than_ring_circ4", &launch(0, ring.handle, 0, &[memory(b, 24576)]))?;
    let straight = a.need_list(4, 4096, false)?;
    start(&straight, 2)?;
    a.launch_case("launch.noncirc4_3_then", &launch(0, straight.handle, 0, &[memory(b, 12288)]))?;
    a.launch_case("launch.noncirc4_wrap_2", &launch(0, straight.handle, 3, &[memory(b, 8192)]))?;
    start(&first, 4)?;
    a.launch(&launch(0, FIRST, 0, &[memory(b + 100, 1000)])).ok();
    a.launch_case("launch.after_that_start_0", &launch(0, FIRST, 0, &[page]))?;
    start(&first, 4)?;
    let second_unaligned = launch(0, FIRST, 0, &[page, memory(b + 100, 100)]);
    a.launch_case("launch.2_buffers_second_unaligned", &second_unaligned)?;
    start(&first, 4)?;
    let mut eight: Vec<Buffer> = (0..7).map(|index| memory(b + index * 4096, 4096)).collect();
    eight.push(memory(b + 28672, 100));
    a.launch_case("launch.8_buffers", &Launch { first_domain: 2, ..launch(0, FIRST, 0, &eight) })?;
    let answer = a.disable(0x1);
    let found = a.dump(first.bus, 0, 8)?;
    stage.case(
        "launch.8_buffers_dump_after_disable_dirty_cleared",
        Outcome::of(answer).with("descriptors_after", found),
    );
    start(&first, 4)?;
    let short_first = launch(0, FIRST, 0, &[memory(b, 1000), memory(b + 4096, 4096)]);
    a.launch_case("launch.2_buffers_first_not_page_multiple", &short_first)?;
    start(&first, 4)?;
    a.launch_case("launch.unbound", &Launch { bind: false, ..launch(0, FIRST, 0, &[memory(b, 8192)]) })?;
    start(&first, 4)?;
    let debug = Launch { first_domain: 1, last_domain: 3, debug: true, ..launch(0, FIRST, 0, &[page]) };
    a.launch_case("launch.debug_irq_both", &debug)?;
    let found = a.dump(first.bus, 0, 0)?;
    stage.case("launch.debug_dump", Outcome::of(Ok(0)).with("descriptors_after", found));
    let ten = a.need_list(10, 4096, false)?;
    start(&ten, 4)?;
    a.launch_case("launch.noncirc_count10_not_pow2", &launch(0, ten.handle, 0, &[page]))?;
    start(&first, 4)?;
    a.launch_case("launch.ok_before_release", &launch(0, FIRST, 0, &[page]))?;
    stage.case("launch.release_desc_list_with_ongoing", a.release_list(SECOND));
    a.quiesce();
    Ok(())
}
