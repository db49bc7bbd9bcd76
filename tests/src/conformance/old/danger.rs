//! What crashes the kernel, and what comes close: each on a machine of its own where one can be had.

use crate::conformance::firmware::{SINK, STALL, bare};
use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::stage::{File, Made, NULL, Stage, Step, TO_DEVICE, needed, pause, user};
use crate::conformance::table::Outcome;
use crate::conformance::transfer::{Launch, launch, memory, program};

/// A list of `count` and a mapping of `pages`; channel 0 enabled, with bench flags, started on the list.
struct Running<'a> {
    a: File<'a>,
    region: Region,
    list: Made,
}

impl<'a> Running<'a> {
    fn new(stage: &'a Stage<'a>, pages: usize, count: u64, flags: u8) -> Step<Self> {
        let a = stage.open()?;
        a.needs_bench()?;
        let region = Region::new(pages);
        a.map(user(region.address, (pages * PAGE) as u64, TO_DEVICE)).needed("mapping 1")?;
        let list = a.need_list(count, 4096, true)?;
        needed("enable channel 0", a.enable(0x1))?;
        a.flags(0, flags)?;
        a.start(0, list.bus, count.ilog2() as u8)?;
        Ok(Self { a, region, list })
    }

    fn page(&self, start: u32) -> Launch {
        launch(0, self.list.handle, start, &[memory(self.region.address, 4096)])
    }
}

pub(super) fn pending(stage: &Stage<'_>) -> Step {
    let ten =
        |running: &Running<'_>| (0..10).try_for_each(|start| running.a.need_launch(&running.page(start)).map(drop));
    {
        let machine = stage.reboot();
        let running = Running::new(&machine, 4, 64, STALL)?;
        needed("mark as in use", running.a.mark().0)?;
        ten(&running)?;
        stage.case("danger.close_with_ongoing_in_use", running.a.close());
        let a = machine.open()?;
        let state = a.channel(0)?;
        stage.case(
            "danger.channel_after_close_in_use",
            Outcome::of(Ok(0)).with("control register of channel 0", state.control),
        );
        drop(a);
        let running = Running::new(&machine, 4, 64, STALL)?;
        ten(&running)?;
        needed("close", running.a.close())?;
        let a = machine.open()?;
        let state = a.channel(0)?;
        stage.case(
            "danger.channel_after_close_not_in_use",
            Outcome::of(Ok(0))
                .with("control register of channel 0", state.control)
                .with("num_avail register of channel 0", state.available),
        );
        a.stop(0)?;
    }
    {
        let machine = stage.reboot();
        let Running { a, region, list } = Running::new(&machine, 4, 64, STALL)?;
        a.need_launch(&launch(0, list.handle, 0, &[memory(region.address, 4096)]))?;
        stage.case("danger.release_desc_list_with_ongoing_transfer", a.release_list(list.handle));
        stage.case("danger.disable_after_release", machine.system.survive(&|| a.disable(0x1)));
    }
    let machine = stage.reboot();
    let Running { a, region, list } = Running::new(&machine, 4, 64, STALL)?;
    a.need_launch(&launch(0, list.handle, 0, &[memory(region.address, 4096)]))?;
    stage.case("danger.unmap_buffer_with_ongoing_transfer", a.unmap_handle(1));
    a.flags(0, SINK)?;
    pause(50);
    stage.case("danger.wait_after_unmap_ongoing", machine.system.survive(&|| a.wait(0x1).answer));
    Ok(())
}

pub(super) fn crashes(stage: &Stage<'_>) -> Step {
    let region = Region::new(1);
    for (name, length) in
        [("danger.fw_len_20000", 20000), ("danger.fw_len_4000", 4000), ("danger.fw_len_2G", 0x7fff_ffff)]
    {
        let machine = stage.reboot();
        let a = machine.open()?;
        stage.case(name, machine.system.survive(&|| a.send(&bare(0, length).timeout(300)).answer));
    }
    for (name, at, size) in [
        ("danger.map_size_0", region.address, 0),
        ("danger.map_size_0_addr_null", NULL, 0),
        ("danger.map_size_2pow32_truncates_to_0", region.address, 1 << 32),
    ] {
        let machine = stage.reboot();
        let a = machine.open()?;
        stage.case(name, machine.system.survive(&|| a.map(user(at, size, TO_DEVICE)).answer));
    }
    let page = user(region.address, PAGE as u64, TO_DEVICE);
    {
        let machine = stage.reboot();
        let a = machine.open()?;
        a.map(page).needed("mapping 1")?;
        stage.case("danger.count0_create", a.list(0, 512, false).answer);
        stage.case("danger.count0_program", a.program(program(1, 4096, 0xab_cdef)));
    }
    {
        let machine = stage.reboot();
        let a = machine.open()?;
        a.map(page).needed("mapping 1")?;
        stage.case("danger.page0_create", a.list(64, 0, false).answer);
        stage.case("danger.page0_program", machine.system.survive(&|| a.program(program(1, 4096, 0x1000))));
    }
    let machine = stage.reboot();
    let a = machine.open()?;
    stage.case("danger.desc_2pow31", a.list(1 << 31, 4096, false).answer);
    let half = a.low(512 << 20);
    stage.case("danger.low_512MiB_of_2GiB", half.answer);
    stage.case("danger.low_free_512MiB", a.free_low(half.handle));
    stage.case("danger.low_1800MiB_of_2GiB", a.low(1800 << 20).answer);
    Ok(())
}

pub(super) fn rings(stage: &Stage<'_>) -> Step {
    {
        let machine = stage.reboot();
        let running = Running::new(&machine, 8, 4, STALL)?;
        let (a, list) = (&running.a, running.list);
        let unprogrammable = launch(0, list.handle, 0, &[memory(running.region.address + 100, 1000)]);
        a.launch_case("danger.launch_unprogrammable", &unprogrammable)?;
        stage.case("danger.disable_after_unprogrammable", a.disable(0x1));
        let empty = launch(0, list.handle, 0, &[]);
        if !stage.before(4, 18) {
            a.start(0, list.bus, 2)?;
            a.launch_case("danger.launch_0_buffers", &empty)?;
            stage.case("danger.disable_after_0_buffers", a.disable(0x1));
            needed("enable channel 0", a.enable(0x1))?;
            a.flags(0, SINK)?;
            a.start(0, list.bus, 2)?;
            a.launch_case("danger.launch_0_buffers_b", &empty)?;
            a.interrupt(0, 0x1, 0)?;
            pause(30);
            stage.case("danger.wait_0_buffers", a.wait_signal(0x1, 300));
        }
        needed("disable channel 0", a.disable(0x1).or(Ok(0)))?;
    }
    let machine = stage.reboot();
    let running = Running::new(&machine, 8, 8, SINK)?;
    let a = &running.a;
    let whole = launch(0, running.list.handle, 0, &[memory(running.region.address, 32768)]);
    stage.case("danger.full_ring_transfer", a.launch(&whole));
    stage.case("danger.full_ring_wait", a.wait_signal(0x1, 400));
    a.interrupt(0, 0x1, 0)?;
    pause(30);
    stage.case("danger.full_ring_wait_after_spurious_irq", a.wait_signal(0x1, 400));
    needed("disable channel 0", a.disable(0x1))?;
    Ok(())
}
