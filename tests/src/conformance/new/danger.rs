//! What crashes the kernel, and what comes close: each on a machine of its own where one can be had.

use crate::conformance::firmware::{SINK, STALL, bare};
use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::stage::{File, Made, Map, Stage, Step, TO_DEVICE, needed, pause, user};
use crate::conformance::transfer::{Launch, Program, launch, memory, program};

/// A page mapped to the device and a list of 64; channel 0 enabled, stalled, started on it.
struct Stalled<'a> {
    a: File<'a>,
    list: Made,
    page: Map,
}

impl<'a> Stalled<'a> {
    fn new(stage: &'a Stage<'a>, region: &Region) -> Step<Self> {
        let a = stage.open()?;
        a.needs_bench()?;
        let page = user(region.address, PAGE as u64, TO_DEVICE);
        a.map(page).needed("mapping 1")?;
        let list = a.need_list(64, 4096, true)?;
        needed("enable channel 0", a.enable(1))?;
        a.flags(0, STALL)?;
        a.start(0, list.bus, 6)?;
        Ok(Self { a, list, page })
    }

    /// The same with one page launched and pending.
    fn pending(stage: &'a Stage<'a>, region: &Region) -> Step<Self> {
        let set = Self::new(stage, region)?;
        stage.case("danger.pending_launch", set.a.launch(&set.launch()));
        Ok(set)
    }

    fn launch(&self) -> Launch {
        launch(0, self.list.handle, 0, &[memory(self.page.at, PAGE as u32)])
    }

    fn unmap(&self) -> crate::conformance::system::Answer {
        self.a.unmap(1, self.page)
    }

    /// Lets what is pending finish.
    fn finish(&self) -> Step {
        self.a.flags(0, SINK)?;
        pause(50);
        Ok(())
    }
}

pub(super) fn harmless(stage: &Stage<'_>) -> Step {
    let region = Region::new(1);
    {
        let machine = stage.reboot();
        let set = Stalled::pending(&machine, &region)?;
        let empty = launch(0, set.list.handle, 0, &[]);
        set.a.launch_case("danger.buffers_0", &empty)?;
        set.a.flags(0, SINK)?;
        set.a.interrupt(0, 1, 0)?;
        pause(30);
        stage.case("danger.buffers_0_wait", set.a.wait(1));
        stage.case("danger.buffers_0_disable", set.a.disable(1));
    }
    {
        let machine = stage.reboot();
        let set = Stalled::new(&machine, &region)?;
        set.a.launch(&launch(0, set.list.handle, 0, &[])).ok();
        stage.case("danger.buffers_0_only_disable", set.a.disable(1));
        stage.case("danger.enable_35", set.a.enable(1 << 35));
        let high = Launch { channel: 39, ..set.launch() };
        stage.case("danger.launch_39", set.a.launch(&high));
    }
    {
        let machine = stage.reboot();
        let set = Stalled::pending(&machine, &region)?;
        stage.case("danger.close_pending", set.a.close());
        stage.case("danger.enable_after", machine.open()?.enable(1));
    }
    {
        let machine = stage.reboot();
        let a = machine.open()?;
        a.map(user(region.address, PAGE as u64, TO_DEVICE)).needed("mapping 1")?;
        let none = a.list(0, 4096, false);
        stage.case("danger.count0_create", none.answer);
        stage.case("danger.count0_program", a.program(program(1, 4096, none.handle)));
    }
    {
        let machine = stage.reboot();
        let set = Stalled::new(&machine, &region)?;
        needed("disable channel 0", set.a.disable(1))?;
        let small = set.a.need_list(4, 4096, true)?;
        needed("enable channel 0", set.a.enable(1))?;
        set.a.start(0, small.bus, 2)?;
        // Behind its first page there is nothing.
        let holed = Region::holed(6, 1);
        let six = launch(0, small.handle, 0, &[memory(holed.address, 6 * PAGE as u32)]);
        set.a.launch_case("danger.cyclic_longer_than_ring", &Launch { cyclic: true, ..six })?;
    }
    let machine = stage.reboot();
    let set = Stalled::pending(&machine, &region)?;
    for _ in 1..200 {
        set.a.launch(&set.launch()).ok();
    }
    set.finish()?;
    needed("wait", set.a.wait(1).answer)?;
    needed("unmap", set.unmap())?;
    stage.case("danger.200_sync_after_unmap", set.a.sync(1, 0, 0, 16));
    Ok(())
}

pub(super) fn crashes(stage: &Stage<'_>) -> Step {
    let region = Region::new(2);
    let b = region.address;
    {
        let machine = stage.reboot();
        let a = machine.open()?;
        stage.case("danger.fw_len_20000", machine.system.survive(&|| a.send(&bare(0, 20000).timeout(300)).answer));
    }
    for (name, size) in
        [("danger.map_size_0_aligned", 0), ("danger.map_2pow32", 1 << 32), ("danger.map_0xffffffff", 0xffff_ffff)]
    {
        let machine = stage.reboot();
        let a = machine.open()?;
        stage.case(name, machine.system.survive(&|| a.map(user(b, size, TO_DEVICE)).answer));
    }
    {
        let machine = stage.reboot();
        let a = machine.open()?;
        let nothing = user(b + 64, 0, TO_DEVICE);
        a.map_case("danger.map_size_0_offset64", nothing);
        stage.case("danger.unmap_size_0", a.unmap(1, nothing));
    }
    {
        let machine = stage.reboot();
        machine.open()?.map_case("danger.map_2pow32_plus_4096", user(b, (1 << 32) + 4096, TO_DEVICE));
    }
    for launched in [false, true] {
        let machine = stage.reboot();
        let set = Stalled::new(&machine, &region)?;
        let made = set.a.list(64, 0, true);
        if launched {
            needed("disable channel 0", set.a.disable(1))?;
            needed("enable channel 0", set.a.enable(1))?;
            set.a.start(0, made.bus, 6)?;
            let page = Launch { list: made.handle, ..set.launch() };
            stage.case("danger.page0_launch", machine.system.survive(&|| set.a.launch(&page)));
        } else {
            stage.case("danger.page0_create", made.answer);
            let page = program(1, 4096, made.handle);
            stage.case("danger.page0_program", machine.system.survive(&|| set.a.program(page)));
        }
    }
    for (name, size) in [("danger.program_size_0", 0), ("danger.program_size_2pow32", 1 << 32)] {
        let machine = stage.reboot();
        let set = Stalled::new(&machine, &region)?;
        let what = Program { size, ..program(1, 4096, set.list.handle) };
        stage.case(name, machine.system.survive(&|| set.a.program(what)));
    }
    Ok(())
}

pub(super) fn prepared(stage: &Stage<'_>) -> Step {
    let region = Region::new(4);
    let at = |set: &Stalled<'_>, page: usize| {
        launch(0, set.list.handle, 0, &[memory(region.address + page * PAGE, PAGE as u32)])
    };
    {
        let machine = stage.reboot();
        let set = Stalled::new(&machine, &region)?;
        stage.case("danger.prepare", set.a.prepare(&at(&set, 2)));
        stage.case("danger.prepare2", set.a.prepare(&set.launch()));
        stage.case("danger.close_with_prepared", set.a.close());
    }
    {
        let machine = stage.reboot();
        let set = Stalled::new(&machine, &region)?;
        stage.case("danger.prepare", set.a.prepare(&set.launch()));
        needed("unmap", set.unmap())?;
        stage.case("danger.cancel_after_unmap", set.a.cancel(set.list.handle));
        needed("prepare", set.a.prepare(&set.launch()))?;
        stage.case("danger.release_prepared", set.a.release_list(set.list.handle));
    }
    let machine = stage.reboot();
    let set = Stalled::new(&machine, &region)?;
    stage.case("danger.prepare", set.a.prepare(&set.launch()));
    needed("first unmap", set.unmap())?;
    stage.case("danger.unmap_prepared_2", set.unmap());
    let list = set.list.handle;
    stage.case("danger.cancel_after_unmap2", machine.system.survive(&|| set.a.cancel(list)));
    Ok(())
}

pub(super) fn pending(stage: &Stage<'_>) -> Step {
    let region = Region::new(4);
    {
        let machine = stage.reboot();
        let set = Stalled::pending(&machine, &region)?;
        stage.case("danger.release_pending", set.a.release_list(set.list.handle));
        stage.case("danger.disable_after_release", machine.system.survive(&|| set.a.disable(1)));
    }
    for closed in [false, true] {
        let machine = stage.reboot();
        let set = Stalled::pending(&machine, &region)?;
        set.finish()?;
        needed("wait", set.a.wait(1).answer)?;
        stage.case("danger.release_idle_enabled", set.a.release_list(set.list.handle));
        if closed {
            stage.case("danger.close_after_release_idle", set.a.close());
        } else {
            stage.case("danger.disable_after_release_idle", set.a.disable(1));
        }
    }
    {
        let machine = stage.reboot();
        let set = Stalled::pending(&machine, &region)?;
        stage.case("danger.release_pending", set.a.release_list(set.list.handle));
        set.finish()?;
        // The device may not have read the list that is gone: an interrupt comes all the same.
        set.a.interrupt(0, 1, 0)?;
        stage.case("danger.wait_after_release", machine.system.survive(&|| set.a.wait(1).answer));
    }
    {
        let machine = stage.reboot();
        let set = Stalled::pending(&machine, &region)?;
        stage.case("danger.unmap_pending", set.unmap());
        stage.case("danger.sync_after_unmap_pending", set.a.sync(1, 0, 0, 16));
        set.finish()?;
        stage.case("danger.wait_after_unmap", set.a.wait(1));
        stage.case("danger.sync_after_wait", set.a.sync(1, 0, 0, 16));
    }
    {
        let machine = stage.reboot();
        let set = Stalled::pending(&machine, &region)?;
        stage.case("danger.unmap_pending_1", set.unmap());
        stage.case("danger.unmap_pending_2", set.unmap());
        set.finish()?;
        stage.case("danger.wait_after_unmap2", machine.system.survive(&|| set.a.wait(1).answer));
    }
    let machine = stage.reboot();
    let set = Stalled::new(&machine, &region)?;
    let page = user(region.address + 2 * PAGE, PAGE as u64, TO_DEVICE);
    let never_mapped = launch(0, set.list.handle, 0, &[memory(page.at, PAGE as u32)]);
    stage.case("danger.launch_never_mapped", set.a.launch(&never_mapped));
    stage.case("danger.unmap_same_range", set.a.unmap(0, page));
    set.finish()?;
    stage.case("danger.wait_after_unmap_onthefly", machine.system.survive(&|| set.a.wait(1).answer));
    Ok(())
}
