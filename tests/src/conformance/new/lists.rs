//! Descriptor lists and continuous buffers.

use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::stage::{BIDIRECTIONAL, File, Made, NULL, Stage, Step, needed, user};
use crate::conformance::table::Outcome;
use crate::conformance::transfer::{Program, program};

fn record(stage: &Stage<'_>, name: &str, made: &Made) {
    let aligned = u8::from(made.bus.is_multiple_of(65536));
    stage.case(name, Outcome::of(made.answer).with("desc_handle", made.hex()).with("dma_align64k", aligned));
}

/// Uses up handle numbers until `used` have been issued.
fn use_up(file: &File<'_>, used: u64) -> Step {
    while file.need_list(64, 512, false)?.handle < used << 12 {}
    Ok(())
}

pub(super) fn create(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let one = |name: &str, count: u64, page_size: u16, circular: bool| {
        record(stage, name, &a.list(count, page_size, circular));
    };
    one("desc.first", 64, 512, false);
    one("desc.count_0", 0, 512, false);
    one("desc.count_0_circ", 0, 512, true);
    use_up(&a, 5)?;
    one("desc.count_1", 1, 512, false);
    one("desc.count_1_circ", 1, 512, true);
    one("desc.count_3", 3, 512, false);
    one("desc.count_3_circ", 3, 512, true);
    one("desc.after_3_circ", 64, 512, false);
    one("desc.count_65536_circ", 65536, 512, true);
    use_up(&a, 11)?;
    one("desc.count_131072_circ", 131_072, 512, true);
    one("desc.count_262144", 262_144, 512, false);
    one("desc.count_2pow31_plus1", (1 << 31) + 1, 512, false);
    use_up(&a, 0x12)?;
    one("desc.page_0", 64, 0, false);
    one("desc.page_1", 64, 1, false);
    one("desc.page_100", 64, 100, false);
    one("desc.page_8192", 64, 8192, false);
    one("desc.page_32768", 64, 32768, false);
    stage.case("desc.null_arg", a.at("DESC_LIST_CREATE", NULL));
    stage.case("desc.readonly_arg", a.readonly(&a.list_argument(64, 512, 0)));
    let made = a.list(64, 512, false);
    record(stage, "desc.after_readonly_arg", &made);
    stage.case("desc.release", a.release_list(made.handle));
    stage.case("desc.release_double", a.release_list(made.handle));
    stage.case("desc.release_0", a.release_list(0));
    stage.case("desc.release_null_arg", a.at("DESC_LIST_RELEASE", NULL));
    one("desc.after_release", 64, 512, false);

    let buffer = a.continuous(4096);
    stage.case("cont.4096", Outcome::of(buffer.answer).with("buffer_handle", buffer.hex()));
    stage.case("cont.mmap", a.mmap(PAGE, true, buffer.handle));
    stage.case("cont.mmap_larger", a.mmap(2 * PAGE, true, buffer.handle));
    stage.case("cont.free", a.free_continuous(buffer.handle));
    stage.case("cont.size_0", a.continuous(0).answer);
    stage.case("cont.5MiB", a.continuous(5 << 20).answer);
    stage.case("cont.null_arg", a.at("VDMA_CONTINUOUS_BUFFER_ALLOC", NULL));
    Ok(())
}

pub(super) fn program_lists(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let region = Region::new(17);
    let buffer = a.map(user(region.address, 65536, BIDIRECTIONAL)).needed("mapping")?.handle;
    let straight = a.need_list(8, 4096, false)?.handle;
    let circular = a.need_list(8, 4096, true)?.handle;
    let page = 4096;
    let plain = program(buffer, page, straight);
    for (name, what) in [
        ("prog.1_page", plain),
        ("prog.5000", program(buffer, 5000, straight)),
        ("prog.8_pages_full", program(buffer, 8 * page, straight)),
        ("prog.9_pages_circ", program(buffer, 9 * page, circular)),
        ("prog.circ_wrap", Program { start: 5, ..program(buffer, 8 * page, circular) }),
        ("prog.noncirc_past_end", Program { start: 5, ..program(buffer, 4 * page, straight) }),
        ("prog.noncirc_to_end", Program { start: 5, ..program(buffer, 3 * page, straight) }),
        ("prog.start_8", Program { start: 8, ..plain }),
        ("prog.offset_100", Program { offset: 100, ..plain }),
        ("prog.offset_beyond_buffer", Program { offset: 65536, ..plain }),
        ("prog.count_0", Program { batch: 0, ..plain }),
        ("prog.count_5_of_5000", Program { batch: 5, ..program(buffer, 5000, straight) }),
        ("prog.size_4097M_wraps", Program { batch: 2, ..program(buffer, 1 << 31, straight) }),
        ("prog.unknown_buffer", program(9999, page, straight)),
        ("prog.unknown_list", program(buffer, page, 0x999_000)),
    ] {
        stage.case(name, a.program(what));
    }
    stage.case("prog.null_arg", a.at("DESC_LIST_PROGRAM", NULL));

    a.needs_bench()?;
    let inside = a.map(user(region.address + 16 * PAGE + 64, 1000, BIDIRECTIONAL)).needed("mapping")?.handle;
    let fine = a.need_list(64, 512, false)?;
    let answer = a.program(Program { domain: 2, ..program(inside, 1000, fine.handle) });
    let found = a.dump_short(fine.bus, 0, 1)?;
    needed("program", answer)?;
    stage.case("prog.dump_mapping_at_offset_64", Outcome::of(answer).with("descs", found));
    Ok(())
}
