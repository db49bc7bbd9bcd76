//! Preparing transfers, launching and cancelling what was prepared.

use crate::conformance::firmware::{SINK, STALL};
use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::stage::{File, Made, NULL, Stage, Step, TO_DEVICE, UNMAPPED, needed, pause, user};
use crate::conformance::table::Outcome;
use crate::conformance::transfer::{Launch, launch, memory};

/// A file with 16 of 32 pages mapped to the device.
fn open<'a>(stage: &'a Stage<'a>, region: &Region) -> Step<File<'a>> {
    let a = stage.open()?;
    a.map(user(region.address, 65536, TO_DEVICE)).needed("mapping")?;
    Ok(a)
}

fn pages(region: &Region, list: &Made, count: usize) -> Launch {
    launch(0, list.handle, 0, &[memory(region.address, (count * PAGE) as u32)])
}

pub(super) fn prepare(stage: &Stage<'_>) -> Step {
    let region = Region::new(32);
    let a = open(stage, &region)?;
    let list = a.need_list(16, 4096, true)?;
    let page = pages(&region, &list, 1);
    let buffer = |address: usize| launch(0, list.handle, 0, &[memory(address, 4096)]);
    stage.case("prepare.null_arg", a.at("VDMA_PREPARE_TRANSFER", NULL));
    for (name, what) in [
        ("prepare.unknown_list", Launch { list: 0x999_000, ..page.clone() }),
        ("prepare.buffers_9", Launch { count: Some(9), ..page.clone() }),
        ("prepare.addr_0", buffer(NULL)),
        ("prepare.nothing_there", buffer(UNMAPPED)),
        ("prepare.17", pages(&region, &list, 17)),
    ] {
        stage.case(name, a.prepare(&what));
    }
    a.needs_bench()?;
    needed("enable channel 0", a.enable(1))?;
    a.flags(0, STALL)?;
    a.start(0, list.bus, 4)?;
    stage.case("prepare.ok_1", a.prepare(&page));
    stage.case("prepare.ok_2", a.prepare(&pages(&region, &list, 2)));
    stage.case("prepare.channel_200", a.prepare(&Launch { channel: 200, ..page.clone() }));
    stage.case("prepare.avail", Outcome::of(Ok(0)).with("hw_num_avail", a.channel(0)?.available));
    let empty = launch(0, list.handle, 0, &[]);
    a.launch_case("prepare.launch_first", &empty)?;
    a.need_launch(&buffer(region.address + 8 * PAGE))?;
    a.launch_case("prepare.launch_9_buffers", &Launch { count: Some(9), ..page.clone() })?;
    a.launch_case("prepare.launch_third", &empty)?;
    a.launch_case("prepare.launch_fourth", &page)?;
    let found = a.dump_short(list.bus, 0, 5)?;
    stage.case("prepare.dump", Outcome::of(Ok(0)).with("descs", found));

    stage.case("cancel.none_prepared", a.cancel(list.handle));
    stage.case("cancel.prepare_1", a.prepare(&page));
    stage.case("cancel.prepare_2", a.prepare(&page));
    stage.case("cancel.two", a.cancel(list.handle));
    stage.case("cancel.unknown", a.cancel(0x999_000));
    stage.case("cancel.again", a.cancel(list.handle));
    stage.case("cancel.null_arg", a.at("VDMA_CANCEL_PREPARED_TRANSFER", NULL));
    needed("disable channel 0", a.disable(1))?;
    Ok(())
}

pub(super) fn stopped(stage: &Stage<'_>) -> Step {
    let region = Region::new(32);
    let a = open(stage, &region)?;
    a.needs_bench()?;
    let restart = |list: &Made| {
        needed("disable channel 0", a.disable(1))?;
        needed("enable channel 0", a.enable(1))?;
        a.flags(0, STALL)?;
        a.start(0, list.bus, 4)
    };
    let list = a.need_list(16, 4096, true)?;
    let page = pages(&region, &list, 1);
    needed("enable channel 0", a.enable(1))?;
    a.stop(0)?;
    stage.case("prepare.then_stopped", a.prepare(&page));
    a.launch_case("prepare.launch_on_stopped", &page)?;
    a.flags(0, STALL)?;
    a.start(0, list.bus, 4)?;
    a.launch_case("prepare.launch_after_stopped", &page)?;

    let list = a.need_list(16, 4096, true)?;
    let page = pages(&region, &list, 1);
    let mut accepted = 0;
    let answer = loop {
        match a.prepare(&page) {
            Ok(_) if accepted < 400 => accepted += 1,
            answer => break answer,
        }
    };
    stage.case("prepare.limit", Outcome::of(answer).with("accepted", accepted));
    needed("cancel", a.cancel(list.handle))?;

    let list = a.need_list(16, 4096, true)?;
    let page = pages(&region, &list, 1);
    restart(&list)?;
    stage.case("prepare.disable_1", a.prepare(&page));
    restart(&list)?;
    a.launch_case("prepare.launch_after_disable", &page)?;
    // That one is pending on the channel when the next is prepared.
    needed("prepare", a.prepare(&page))?;
    restart(&list)?;
    a.launch_case("prepare.launch_after_disable_2", &page)?;

    let list = a.need_list(16, 4096, true)?;
    let never_mapped = launch(0, list.handle, 0, &[memory(region.address + 24 * PAGE, 4096)]);
    stage.case("prepare.unmapped", a.prepare(&never_mapped));
    stage.case("prepare.release_list", a.release_list(list.handle));
    stage.case("prepare.launch_released", a.launch(&never_mapped));
    a.flags(0, SINK)?;
    pause(30);
    needed("disable channel 0", a.disable(1))?;
    Ok(())
}
