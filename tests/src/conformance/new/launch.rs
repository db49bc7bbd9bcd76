//! Launching transfers.

use crate::conformance::firmware::{SINK, STALL};
use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::loopback::Loopback;
use crate::conformance::stage::{FROM_DEVICE, File, Made, NULL, Stage, Step, TO_DEVICE, UNMAPPED, needed, pause, user};
use crate::conformance::table::Outcome;
use crate::conformance::transfer::{Buffer, Launch, launch, memory};

/// A file with 16 pages mapped to the device as handle 1 and 16 from the device as handle 2, out of 40 pages.
struct Set<'a> {
    a: File<'a>,
    region: Region,
}

impl<'a> Set<'a> {
    fn new(stage: &'a Stage<'a>) -> Step<Self> {
        let a = stage.open()?;
        let region = Region::new(64);
        a.map(user(region.address, 65536, TO_DEVICE)).needed("mapping 1")?;
        a.map(user(region.address + 131_072, 65536, FROM_DEVICE)).needed("mapping 2")?;
        Ok(Self { a, region })
    }

    /// So many pages from the start of what is mapped to the device.
    fn pages(&self, list: &Made, count: u32) -> Launch {
        launch(0, list.handle, 0, &[memory(self.region.address, count * PAGE as u32)])
    }

    /// Disables and enables channel 0 and starts it, with bench flags, on a list of 16 with nothing counted.
    fn restart(&self, list: &Made, flags: u8) -> Step {
        needed("disable channel 0", self.a.disable(1))?;
        needed("cancel", self.a.cancel(list.handle))?;
        needed("enable channel 0", self.a.enable(1))?;
        self.a.flags(0, flags)?;
        self.a.start(0, list.bus, 4)
    }
}

pub(super) fn refused(stage: &Stage<'_>) -> Step {
    let set = Set::new(stage)?;
    let (a, b) = (&set.a, set.region.address);
    let list = a.need_list(16, 4096, true)?;
    let page = memory(b, 4096);
    let of = |buffers: &[Buffer]| launch(0, list.handle, 0, buffers);
    for (name, what) in [
        ("launch.channel_40", launch(40, list.handle, 0, &[page])),
        ("launch.buffers_9", Launch { count: Some(9), ..of(&[page]) }),
        ("launch.unknown_list", launch(0, 0x999_000, 0, &[page])),
        ("launch.addr_0", of(&[memory(NULL, 4096)])),
        ("launch.type_2", of(&[Buffer { kind: 2, ..page }])),
        ("launch.dmabuf_bad_fd", of(&[Buffer { at: 9999, size: 4096, kind: 1 }])),
        ("launch.dmabuf_fd_0", of(&[Buffer { at: 0, size: 4096, kind: 1 }])),
        ("launch.second_buffer_bad", of(&[page, memory(UNMAPPED, 4096)])),
    ] {
        stage.case(name, a.launch(&what));
    }
    a.needs_bench()?;
    needed("enable channel 0", a.enable(1))?;
    a.stop(0)?;
    stage.case("launch.stopped_channel", a.launch(&of(&[page])));
    // The refused launch has left its descriptor in the list.
    a.flags(0, STALL)?;
    a.start(0, list.bus, 4)?;
    a.launch_case("launch.after_failed_one", &of(&[page]))?;
    a.launch_case("launch.and_next", &of(&[page]))?;

    needed("disable channel 0", a.disable(1))?;
    needed("enable channel 0", a.enable(1))?;
    a.start(0, list.bus, 4)?;
    a.launch_case("launch.ok_1", &of(&[page]))?;
    a.need_launch(&set.pages(&list, 2))?;
    a.launch(&of(&[])).ok();
    a.launch_case("launch.after_buffers_0", &of(&[page]))?;
    set.restart(&list, SINK)?;
    a.launch_case("launch.buffers_0_first", &of(&[]))?;
    a.interrupt(0, 1, 0)?;
    pause(30);
    stage.case("launch.buffers_0_wait", a.wait(1));
    a.launch_case("launch.after_buffers_0_wait", &of(&[page]))?;
    set.restart(&list, STALL)?;
    a.registers(0, 1, 5, 0)?;
    a.launch_case("launch.out_of_sync", &of(&[page]))?;
    needed("disable channel 0", a.disable(1))?;
    Ok(())
}

pub(super) fn rings(stage: &Stage<'_>) -> Step {
    let set = Set::new(stage)?;
    let (a, b) = (&set.a, set.region.address);
    a.needs_bench()?;
    let list = a.need_list(16, 4096, true)?;
    let page = memory(b, 4096);
    needed("enable channel 0", a.enable(1))?;
    set.restart(&list, SINK)?;
    // As many pages as the ring has: the device sees none.
    a.launch(&set.pages(&list, 16)).ok();
    stage.case("launch.ring_full_wait", a.wait_signal(1, 300));
    set.restart(&list, STALL)?;
    a.launch_case("launch.15", &set.pages(&list, 15))?;
    a.launch_case("launch.over_unfinished", &set.pages(&list, 3))?;
    set.restart(&list, STALL)?;
    a.launch_case("launch.17", &set.pages(&list, 17))?;
    a.launch_case("launch.after_17", &set.pages(&list, 1))?;
    set.restart(&list, STALL)?;
    a.launch(&launch(0, list.handle, 0, &[memory(b + 100, 1000)])).ok();
    a.launch_case("launch.after_offset_100", &set.pages(&list, 1))?;
    a.launch_case("launch.second_unaligned", &launch(0, list.handle, 0, &[page, memory(b + 4196, 100)]))?;
    set.restart(&list, STALL)?;
    let mut eight: Vec<Buffer> = (0..7).map(|index| memory(b + index * PAGE, 4096)).collect();
    eight.push(memory(b + 7 * PAGE, 100));
    a.launch_case("launch.8_buffers", &launch(0, list.handle, 0, &eight))?;
    let found = a.dump_short(list.bus, 0, 8)?;
    stage.case("launch.8_buffers_dump", Outcome::of(Ok(0)).with("descs", found));
    needed("disable channel 0", a.disable(1))?;
    Ok(())
}

pub(super) fn mappings(stage: &Stage<'_>) -> Step {
    let set = Set::new(stage)?;
    let (a, b) = (&set.a, set.region.address);
    a.needs_bench()?;
    let list = a.need_list(16, 4096, true)?;
    let at = |address: usize, size: u32| launch(0, list.handle, 0, &[memory(address, size)]);
    needed("enable channel 0", a.enable(1))?;
    set.restart(&list, STALL)?;
    // Two buffers that nobody mapped, each of which takes a handle number.
    let spare = b + 48 * PAGE;
    a.need_launch(&at(spare, 4096))?;
    a.need_launch(&at(spare + 2 * PAGE, 4096))?;
    let made = a.map(user(spare + 4 * PAGE, 4096, TO_DEVICE));
    stage.case(
        "launch.handle_used_by_it",
        Outcome::of(made.answer).with("mapped_handle", made.handle).with("last_before", 2),
    );
    stage.case("launch.sync_onthefly", a.sync(made.handle - 1, 0, 0, 16));
    set.restart(&list, STALL)?;
    a.launch_case("launch.wrong_direction", &at(b + 131_072, 4096))?;
    set.restart(&list, STALL)?;
    a.launch_case("launch.straddles", &at(b + 15 * PAGE, 8192))?;
    needed("disable channel 0", a.disable(1))?;
    Ok(())
}

pub(super) fn limits(stage: &Stage<'_>) -> Step {
    let set = Set::new(stage)?;
    let (a, b) = (&set.a, set.region.address);
    a.needs_bench()?;
    let list = a.need_list(16, 4096, true)?;
    let page = set.pages(&list, 1);
    needed("enable channel 0", a.enable(1))?;
    set.restart(&list, STALL)?;
    let mut accepted = 0;
    let answer = loop {
        let answer = a.launch(&page);
        if answer.is_err() || accepted == 301 {
            break answer;
        }
        accepted += 1;
    };
    let outcome = a.with_available(Outcome::of(answer).with("accepted", accepted), 0)?;
    stage.case("launch.ongoing_limit", outcome);
    a.flags(0, SINK)?;
    pause(60);
    stage.case("launch.ongoing_limit_wait", a.wait(1));

    needed("disable channel 0", a.disable(1))?;
    needed("cancel", a.cancel(list.handle))?;
    a.flags(0, STALL)?;
    a.start(0, list.bus, 4)?;
    a.launch_case("launch.not_enabled", &page)?;
    needed("disable channel 0", a.disable(1))?;
    let other = stage.open()?;
    // Its number is one that only the other file has issued.
    other.need_list(16, 4096, true)?;
    let foreign = other.need_list(16, 4096, true)?;
    stage.case("launch.other_fd_list", a.launch(&set.pages(&foreign, 1)));

    set.restart(&list, STALL)?;
    let cyclic = |address: usize| Launch { cyclic: true, ..launch(0, list.handle, 0, &[memory(address, 5000)]) };
    a.launch_case("launch.cyclic", &cyclic(b))?;
    a.launch_case("launch.cyclic_unmapped", &cyclic(b + 48 * PAGE))?;
    set.restart(&list, STALL)?;
    a.launch_case("launch.debug", &Launch { debug: true, ..page })?;
    let found = a.dump_short(list.bus, 0, 0)?;
    stage.case("launch.debug_dump", Outcome::of(Ok(0)).with("descs", found));
    needed("disable channel 0", a.disable(1))?;
    let straight = a.need_list(10, 4096, false)?;
    set.restart(&straight, STALL)?;
    a.launch_case("launch.noncirc_10", &set.pages(&straight, 1))?;
    a.launch_case("launch.noncirc_10_10_pages", &set.pages(&straight, 10))?;
    needed("disable channel 0", a.disable(1))?;
    Ok(())
}

pub(super) fn loopback(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    let plain = Loopback { size: 4096, ring: 16, page: 4096, channel: 0, frames: 200, debug: false, mapped: true };
    for (name, what) in [
        ("dma.1page", plain),
        ("dma.10000B", Loopback { size: 10000, channel: 1, ..plain }),
        ("dma.512", Loopback { size: 12345, ring: 64, page: 512, frames: 100, channel: 2, ..plain }),
        ("dma.onthefly", Loopback { size: 10000, frames: 100, channel: 3, mapped: false, ..plain }),
    ] {
        let done = what.run(&a)?;
        stage.case(
            name,
            Outcome::of(Ok(0))
                .with("frames", what.frames)
                .with("mismatches", done.mismatches)
                .with("launch_ret", done.counts.to_vec())
                .with("device_descs", done.state.descriptors),
        );
    }

    // A mapping from page offset 100, and a launch from page offset 512 within it.
    let (sent, received) = (Region::new(2), Region::new(2));
    sent.write(0, &(0..2 * PAGE).map(|index| (index % 251) as u8).collect::<Vec<_>>());
    a.map(user(sent.address + 100, 4000, TO_DEVICE)).needed("mapping")?;
    let (there, back) = (a.need_list(64, 512, true)?, a.need_list(64, 512, true)?);
    needed("enable channels 4 and 20", a.enable(0x10_0010))?;
    a.start(4, there.bus, 6)?;
    a.start(20, back.bus, 6)?;
    a.need_launch(&launch(20, back.handle, 0, &[memory(received.address, 1000)]))?;
    let answer = a.launch(&launch(4, there.handle, 0, &[memory(sent.address + 512, 1000)]));
    a.wait_for_each(&[4, 20])?;
    let exact = received.read(0, 1000) == sent.read(512, 1000);
    stage.case(
        "dma.offset_512_inside_mapping_at_100",
        Outcome::of(answer).with("wait", 0).with("exact_bytes", u8::from(exact)),
    );
    let start = launch(4, there.handle, 0, &[memory(sent.address + 100, 1000)]);
    stage.case("dma.from_start_of_mapping_at_100", a.launch(&start));
    needed("disable channels 4 and 20", a.disable(0x10_0010))?;
    Ok(())
}
