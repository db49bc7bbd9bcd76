//! Mapping memory for DMA, unmapping it by range and synchronising it.

use crate::conformance::kernel::{PAGE, Protection, Region};
use crate::conformance::stage::{
    BIDIRECTIONAL, FROM_DEVICE, KERNEL, Map, Stage, Step, TO_DEVICE, UNMAPPED, needed, user,
};
use crate::conformance::table::Outcome;

pub(super) fn map(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let region = Region::new(64);
    let spare = Region::new(64);
    let fresh = Region::new(8);
    let b = region.address;
    let page = PAGE as u64;
    let one = user(b, page, TO_DEVICE);
    let record = |name: &str, map: Map| _ = a.map_case(name, map);
    let fresh_page = |index: usize| user(fresh.address + index * PAGE, page, TO_DEVICE);

    record("map.first", one);
    record("map.second_other_page", user(b + PAGE, page, TO_DEVICE));
    record("map.same_again", one);
    record("map.same_third", one);
    record("map.same_range_other_direction", user(b, page, FROM_DEVICE));
    record("map.same_range_bidir", user(b, page, BIDIRECTIONAL));
    record("map.after_bidir_to_device", one);
    record("map.same_page_shorter", user(b, 100, TO_DEVICE));
    record("map.same_page_offset64", user(b + 64, 100, TO_DEVICE));
    a.use_up_mappings(&spare, 5)?;
    record("map.unaligned_plus1_1byte", user(fresh.address + 1, 1, TO_DEVICE));
    record("map.64pages", user(b, 64 * page, TO_DEVICE));
    record("map.dir_minus1", user(b, page, -1));
    a.use_up_mappings(&spare, 8)?;
    let typed = Map { kind: 2, ..fresh_page(1) };
    record("map.type_2", typed);
    record("map.type_2_again", typed);
    record("map.type_max", Map { kind: i32::MAX.into(), ..fresh_page(2) });
    record("map.type_minus1", Map { kind: -1, ..fresh_page(2) });
    let dmabuf = |descriptor: i64| Map { at: descriptor as usize, kind: 1, ..one };
    record("map.dmabuf_fd_minus1", dmabuf(-1));
    record("map.dmabuf_fd_9999", dmabuf(9999));
    record("map.dmabuf_fd_not_dmabuf", dmabuf(a.descriptor.into()));
    record("map.addr_0x1000", user(0x1000, page, TO_DEVICE));
    record("map.kernel_addr", user(KERNEL, page, TO_DEVICE));
    let holed = Region::holed(4, 2);
    record("map.hole_in_middle", user(holed.address, 4 * page, TO_DEVICE));
    record("map.hole_at_start", user(holed.address + 2 * PAGE, page, TO_DEVICE));
    let barred = Region::untouched(1, Protection::None);
    record("map.prot_none", user(barred.address, page, TO_DEVICE));
    let readable = Region::of_file(1, 1, Protection::Read);
    record("map.readonly_shared_file", user(readable.address, page, TO_DEVICE));
    let beyond = Region::of_file(2, 4, Protection::ReadWrite);
    record("map.beyond_eof", user(beyond.address, 4 * page, TO_DEVICE));
    stage.case("map.unmapped_arg", a.at("VDMA_BUFFER_MAP", UNMAPPED));
    a.use_up_mappings(&spare, 12)?;
    stage.case("map.readonly_arg", a.readonly(&a.map_argument(fresh_page(3))));
    record("map.after_readonly_arg", fresh_page(3));
    record("map.after_readonly_arg_fresh", fresh_page(4));

    let twice = fresh_page(5);
    let (first, second) = (a.map(twice), a.map(twice));
    let outcome = Outcome::of(second.answer).with("first", first.handle).with("second", second.handle);
    stage.case("unmap.setup", outcome);
    let handle = first.handle;
    stage.case("unmap.size_0_of_struct_only_handle", a.unmap(handle, user(0, 0, TO_DEVICE)));
    stage.case("unmap.wrong_size", a.unmap(handle, Map { size: 2 * page, ..twice }));
    stage.case("unmap.direction_3", a.unmap(handle, Map { direction: 3, ..twice }));
    stage.case("unmap.type_dmabuf", a.unmap(handle, Map { kind: 1, ..twice }));
    stage.case("unmap.type_2", a.unmap(handle, Map { kind: 2, ..twice }));
    needed("first unmap", a.unmap(handle, twice))?;
    let bytes = user(twice.at + 64, 100, TO_DEVICE);
    stage.case("unmap.same_page_other_bytes", a.unmap(handle, bytes));
    stage.case("unmap.sync_after", a.sync(handle, 0, 0, 16));
    let both = user(fresh.address + 6 * PAGE, page, BIDIRECTIONAL);
    let handle = a.map(both).needed("bidirectional mapping")?.handle;
    stage.case("unmap.bidir_as_to_device", a.unmap(handle, Map { direction: TO_DEVICE, ..both }));
    let typed = Map { kind: 2, ..fresh_page(7) };
    let handle = a.map(typed).needed("mapping of type 2")?.handle;
    stage.case("unmap.typed_2_mapping", a.unmap(handle, Map { kind: 0, ..typed }));
    stage.case("unmap.typed_2_mapping_as_2", a.unmap(handle, typed));
    Ok(())
}

pub(super) fn sync(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let region = Region::new(4);
    let size = 3 * PAGE as u64 + 100;
    let whole = 4 * PAGE as u64;
    let handle = a.map(user(region.address, size, BIDIRECTIONAL)).needed("mapping")?.handle;
    for (name, kind, offset, count) in [
        ("sync.full_device", 1, 0, size),
        ("sync.up_to_page_end", 0, 0, whole),
        ("sync.one_past_page_end", 0, 0, whole + 1),
        ("sync.count_0", 0, 0, 0),
        ("sync.wrap", 0, u64::MAX - 10, 20),
        ("sync.type_2", 2, 0, 16),
    ] {
        stage.case(name, a.sync(handle, kind, offset, count));
    }
    Ok(())
}
