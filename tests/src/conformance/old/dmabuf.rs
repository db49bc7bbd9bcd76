//! Buffers shared by descriptor, where something exports one.

use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::stage::{BIDIRECTIONAL, Map, Stage, Step, Stop, TO_DEVICE, broken, needed, user};
use crate::conformance::table::Outcome;
use crate::conformance::transfer::{Buffer, launch, memory, program};

const SIZE: usize = 16384;

pub(super) fn dmabuf(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    if stage.before(4, 18) {
        return Err(Stop::Skip("4.17 knows no dmabufs"));
    }
    let Some(df) = stage.system.dmabuf(SIZE) else {
        return Err(Stop::Skip("nothing here exports a dmabuf"));
    };
    a.needs_bench()?;
    stage.case("dmabuf.vgem_export", Outcome::of(Ok(0)).with("size", SIZE).with("exported", true));
    let region = Region::new(16);
    let b = region.address;
    a.map(user(b, 65536, BIDIRECTIONAL)).needed("mapping 1")?;
    a.need_list(16, 4096, true)?;
    let (q, p) = (a.need_list(16, 4096, true)?, a.need_list(16, 4096, true)?);
    let whole = Map { kind: 1, ..user(df as usize, SIZE as u64, BIDIRECTIONAL) };
    a.map_case("dmabuf.map", whole);
    a.map_case("dmabuf.map_twice", whole);
    a.map_case("dmabuf.map_size_larger_than_dmabuf", Map { size: 65536, ..whole });
    a.map_case("dmabuf.map_size_0", Map { size: 0, ..whole });
    a.map_case("dmabuf.map_size_100", Map { size: 100, direction: TO_DEVICE, ..whole });
    stage.case("dmabuf.program", a.program(program(2, SIZE as u64, p.handle)));
    stage.case("dmabuf.sync_past_end", a.sync(2, 0, 0, SIZE as u64 + 1));
    let system = &stage.system;
    let dm = system.mmap(df, SIZE, true, 0);
    stage.case("dmabuf.mmap_fd", dm.map(|_| 0));
    let dm = dm.map_err(|errno| broken("mmap of the dmabuf", errno))?;
    system.poke(dm, &(0..SIZE).map(|index| (index / 5) as u8).collect::<Vec<_>>());

    needed("enable channels 0 and 16", a.enable(0x1_0001))?;
    a.flags(0, 0)?;
    a.start(0, p.bus, 4)?;
    a.start(16, q.bus, 4)?;
    if !stage.before(4, 21) {
        let by_descriptor = Buffer { at: df as u64, size: 5000, kind: 1 };
        a.need_launch(&launch(16, q.handle, 0, &[memory(b, 5000)]))?;
        let sent = a.launch(&launch(0, p.handle, 0, &[by_descriptor]));
        a.wait_for_each(&[0, 16])?;
        let equal = region.read(0, 5000) == system.peek(dm, 5000);
        stage.case("dmabuf.launch_h2d_by_fd", Outcome::of(sent).with("data_equal", equal));
    }
    a.map_case("dmabuf.map_user_pointer_of_dmabuf_mmap", user(dm, SIZE as u64, BIDIRECTIONAL));
    if !stage.before(4, 21) {
        a.need_launch(&launch(16, q.handle, 2, &[memory(b, 5000)]))?;
        let sent = a.launch(&launch(0, p.handle, 2, &[memory(dm + PAGE, 5000)]));
        a.wait_for_each(&[0, 16])?;
        let equal = region.read(0, 5000) == system.peek(dm + PAGE, 5000);
        stage.case("dmabuf.launch_by_user_pointer_offset_4096", Outcome::of(sent).with("data_equal", equal));
    }
    a.map(user(dm + PAGE, PAGE as u64, BIDIRECTIONAL)).needed("mapping inside the dmabuf")?;
    let first_descriptor = |buffer: u64| {
        needed("program", a.program(program(buffer, 4096, p.handle)))?;
        a.descriptors(p.bus, 0, 0)
    };
    let identical = first_descriptor(8)? == first_descriptor(7)?;
    stage.case(
        "dmabuf.inner_pointer_mapping_starts_at_dmabuf_offset_0",
        Outcome::of(Ok(0)).with("descriptor_0_identical", identical),
    );
    needed("disable channels 0 and 16", a.disable(0x1_0001))?;
    system.munmap(dm, SIZE);
    let _ = system.close(df);
    stage.case("dmabuf.unmap", a.unmap_handle(2));
    Ok(())
}
