//! Mapping memory for DMA, unmapping it and synchronising it.

use crate::conformance::kernel::{PAGE, Protection, Region, code_page};
use crate::conformance::stage::{BIDIRECTIONAL, FROM_DEVICE, KERNEL, Map, NULL, Stage, Step, TO_DEVICE, user};

const GIB: u64 = 1 << 30;

pub(super) fn map(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let region = Region::new(64);
    let spare = Region::new(64);
    let b = region.address;
    let page = PAGE as u64;
    let one = user(b, page, TO_DEVICE);
    let record = |name: &str, map: Map| _ = a.map_case(name, map);

    record("map.first", one);
    record("map.second", user(b + PAGE, page, TO_DEVICE));
    record("map.same_range_again", user(b, page, FROM_DEVICE));
    record("map.size_4097", user(b, 4097, TO_DEVICE));
    a.use_up_mappings(&spare, 5)?;
    record("map.unaligned_addr_plus64", user(b + 64, page, TO_DEVICE));
    record("map.unaligned_addr_plus1", user(b + 1, 100, TO_DEVICE));
    a.use_up_mappings(&spare, 8)?;
    record("map.dir_bidir", user(b, page, BIDIRECTIONAL));
    record("map.dir_to_device", one);
    record("map.dir_from_device", user(b, page, FROM_DEVICE));
    record("map.dir_none3", user(b, page, 3));
    record("map.dir_4", user(b, page, 4));
    record("map.dir_max", user(b, page, i32::MAX.into()));
    record("map.dir_minus1", user(b, page, -1));
    record("map.next_after_failures", one);
    a.use_up_mappings(&spare, 13)?;
    record("map.type_max", Map { kind: i32::MAX.into(), ..one });
    record("map.type_minus1", Map { kind: -1, ..one });
    let dmabuf = |descriptor: i64| Map { at: descriptor as usize, kind: 1, ..one };
    record("map.dmabuf_fd_minus1", dmabuf(-1));
    record("map.dmabuf_fd_9999", dmabuf(9999));
    record("map.dmabuf_fd_is_hailo", dmabuf(a.descriptor.into()));
    let null = std::fs::File::open("/dev/null");
    if let Ok(null) = &null {
        record("map.dmabuf_fd_is_devnull", dmabuf(std::os::fd::AsRawFd::as_raw_fd(null).into()));
    }
    record("map.alloc_handle_0", Map { allocated: 0, ..one });
    record("map.alloc_handle_unknown", Map { allocated: 0x1234_5000, ..one });
    record("map.addr_null", user(NULL, page, TO_DEVICE));
    record("map.addr_0x1000", user(0x1000, page, TO_DEVICE));
    record("map.addr_kernel", user(KERNEL, page, TO_DEVICE));

    let holed = Region::holed(4, 2);
    record("map.hole_in_middle", user(holed.address, 4 * page, TO_DEVICE));
    record("map.hole_at_start", user(holed.address + 2 * PAGE, page, TO_DEVICE));
    let barred = Region::untouched(1, Protection::None);
    record("map.prot_none", user(barred.address, page, TO_DEVICE));
    let readable = [Region::new(1), Region::new(1)];
    readable.iter().for_each(|region| region.protect(Protection::Read));
    record("map.prot_read_private_to_device", user(readable[0].address, page, TO_DEVICE));
    record("map.prot_read_private_from_device", user(readable[1].address, page, FROM_DEVICE));
    let file = Region::of_file(2, 2, Protection::ReadWrite);
    record("map.shared_file_rw", user(file.address, 2 * page, TO_DEVICE));
    let beyond = Region::of_file(2, 4, Protection::ReadWrite);
    record("map.shared_file_beyond_eof", user(beyond.address, 4 * page, TO_DEVICE));
    record("map.text_segment", user(code_page(), page, TO_DEVICE));
    let array = [0_u8; 256];
    record("map.stack", user(array.as_ptr().expose_provenance(), 256, TO_DEVICE));
    a.use_up_mappings(&spare, 23)?;
    record("map.size_4G_plus_4096_truncates", user(b, 4 * GIB + page, TO_DEVICE));
    record("map.size_0xffffffff", user(b, 0xffff_ffff, TO_DEVICE));
    record("map.size_1GiB_over_end", user(b, GIB, TO_DEVICE));
    let untouched = Region::untouched(4, Protection::ReadWrite);
    record("map.untouched_anon", user(untouched.address, 4 * page, FROM_DEVICE));
    stage.case("map.null_arg", a.at("VDMA_BUFFER_MAP", NULL));
    stage.case("map.kernel_arg", a.at("VDMA_BUFFER_MAP", KERNEL));
    stage.case("map.readonly_arg_struct", a.readonly(&a.map_argument(one).set("mapped_handle", 0)));
    record("map.after_readonly_arg", one);

    let made = a.map(one).needed("mapping")?;
    stage.case("unmap.ok", a.unmap_handle(made.handle));
    stage.case("unmap.handle_0", a.unmap_handle(0));
    stage.case("unmap.handle_max", a.unmap_handle(u64::MAX));
    stage.case("unmap.null_arg", a.at("VDMA_BUFFER_UNMAP", NULL));
    record("map.after_unmap_no_handle_reuse", one);
    Ok(())
}

pub(super) fn sync(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let region = Region::new(4);
    let size = 3 * PAGE as u64 + 100;
    let handle = a.map(user(region.address, size, BIDIRECTIONAL)).needed("mapping")?.handle;
    let (cpu, device) = (0, 1);
    for (name, kind, offset, count) in [
        ("sync.device_full", device, 0, size),
        ("sync.count_0", cpu, 0, 0),
        ("sync.offset_eq_size_count_0", cpu, size, 0),
        ("sync.one_past_end", cpu, 1, size),
        ("sync.page_tail_beyond_size", cpu, 0, 4 * PAGE as u64),
        ("sync.offset_plus_count_overflow_wraps_small", cpu, u64::MAX - 10, 20),
        ("sync.offset_max_count_0", cpu, u64::MAX, 0),
        ("sync.type_2", 2, 0, 16),
        ("sync.type_minus1", -1, 0, 16),
    ] {
        stage.case(name, a.sync(handle, kind, offset, count));
    }
    stage.case("sync.unknown_handle", a.sync(99999, cpu, 0, 16));
    stage.case("sync.null_arg", a.at("VDMA_BUFFER_SYNC", NULL));

    let gone = Region::new(1);
    let handle = a.map(user(gone.address, PAGE as u64, BIDIRECTIONAL)).needed("mapping")?.handle;
    drop(gone);
    stage.case("sync.after_user_munmap", a.sync(handle, cpu, 0, PAGE as u64));
    stage.case("unmap.after_user_munmap", a.unmap_handle(handle));
    Ok(())
}
