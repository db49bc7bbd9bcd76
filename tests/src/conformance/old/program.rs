//! Programming descriptor lists: what it returns, and what it writes.

use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::stage::{BIDIRECTIONAL, File, NULL, Stage, Step, user};
use crate::conformance::table::Outcome;
use crate::conformance::transfer::{Program, program};

/// The lists of the set-up: 8 descriptors of 4096, the same circular, 64 of 512.
const STRAIGHT: u64 = 0x1000;
const CIRCULAR: u64 = 0x2000;
const FINE: u64 = 0x3000;
/// Handles that were never issued.
const NEVER: u64 = 0x999000;
const UNKNOWN: u64 = 9999;

const INEXPRESSIBLE: &str = "this release's request has no field for it";

/// Mapping 1 of 16 pages, mapping 2 of their first 5000 bytes, the three lists; their bus addresses.
fn set_up(a: &File<'_>, region: &Region) -> Step<[u64; 3]> {
    a.map(user(region.address, 65536, BIDIRECTIONAL)).needed("mapping 1")?;
    a.map(user(region.address, 5000, BIDIRECTIONAL)).needed("mapping 2")?;
    Ok([a.need_list(8, 4096, false)?.bus, a.need_list(8, 4096, true)?.bus, a.need_list(64, 512, false)?.bus])
}

fn record(a: &File<'_>, name: &str, what: Program) {
    if a.can_program(what) {
        a.stage.case(name, a.program(what));
    } else {
        a.stage.skip(name, INEXPRESSIBLE);
    }
}

pub(super) fn results(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let region = Region::new(16);
    set_up(&a, &region)?;
    let cases = [
        ("prog.4_pages", program(1, 16384, STRAIGHT)),
        ("prog.5000_bytes", program(1, 5000, STRAIGHT)),
        ("prog.8_pages_full_list", program(1, 32768, STRAIGHT)),
        ("prog.9_pages_over_list", program(1, 36864, STRAIGHT)),
        ("prog.start_7_1_page", Program { start: 7, ..program(1, 4096, STRAIGHT) }),
        ("prog.start_7_2_pages_noncirc", Program { start: 7, ..program(1, 8192, STRAIGHT) }),
        ("prog.start_8_eq_count", Program { start: 8, ..program(1, 4096, STRAIGHT) }),
        ("prog.start_max", Program { start: 4_294_967_295, ..program(1, 4096, STRAIGHT) }),
        ("prog.circ_start_7_2_pages_wraps", Program { start: 7, ..program(1, 8192, CIRCULAR) }),
        ("prog.circ_8_from_3", Program { start: 3, ..program(1, 32768, CIRCULAR) }),
        ("prog.circ_9_pages", program(1, 36864, CIRCULAR)),
        ("prog.circ_start_8", Program { start: 8, ..program(1, 4096, CIRCULAR) }),
        ("prog.size_0", program(1, 0, STRAIGHT)),
        ("prog.small_mapping_5000", program(2, 5000, STRAIGHT)),
        ("prog.offset_100", Program { offset: 100, ..program(1, 4096, STRAIGHT) }),
        ("prog.offset_512_in_4096_list", Program { offset: 512, ..program(1, 4096, STRAIGHT) }),
        ("prog.offset_last_page", Program { offset: 61440, ..program(1, 4096, STRAIGHT) }),
        ("prog.offset_plus_size_beyond", Program { offset: 61440, ..program(1, 8192, STRAIGHT) }),
        ("prog.offset_way_beyond", Program { offset: 1_073_741_824, ..program(1, 4096, STRAIGHT) }),
        ("prog.offset_2pow32_truncates", Program { offset: 4_294_967_296, ..program(1, 4096, STRAIGHT) }),
        (
            "prog.small_mapping_offset_4096_size_4096_beyond_5000",
            Program { offset: 4096, ..program(2, 4096, STRAIGHT) },
        ),
        ("prog.batch_0_bad_start", Program { batch: 0, start: 1000, ..program(1, 4096, STRAIGHT) }),
        ("prog.batch_2", Program { batch: 2, ..program(1, 4096, STRAIGHT) }),
        ("prog.batch_4_of_5000", Program { batch: 4, ..program(1, 5000, STRAIGHT) }),
        ("prog.batch_9_over_list", Program { batch: 9, ..program(1, 4096, STRAIGHT) }),
        ("prog.batch_over_buffer", Program { batch: 3, ..program(1, 32768, CIRCULAR) }),
        ("prog.circ_batch_16_wraps_twice", Program { batch: 16, ..program(1, 4096, CIRCULAR) }),
        ("prog.size_0_batch_3", Program { batch: 3, ..program(1, 0, STRAIGHT) }),
        ("prog.unbound_batch_9", Program { batch: 9, bind: false, ..program(1, 4096, STRAIGHT) }),
        ("prog.stride_4096_eq_page", Program { stride: 4096, ..program(1, 8192, STRAIGHT) }),
        ("prog.stride_8192_multiple", Program { stride: 8192, ..program(1, 8192, STRAIGHT) }),
        ("prog.stride_108_aligned_size", Program { stride: 108, ..program(1, 8192, STRAIGHT) }),
        ("prog.stride_108_unaligned_size", Program { stride: 108, ..program(1, 5000, STRAIGHT) }),
        ("prog.stride_5000_gt_page_aligned_size", Program { stride: 5000, ..program(1, 8192, STRAIGHT) }),
        ("prog.stride_5000_unaligned_size", Program { stride: 5000, ..program(1, 5000, STRAIGHT) }),
        ("prog.stride_unbound_ignored", Program { bind: false, stride: 108, ..program(1, 5000, STRAIGHT) }),
        ("prog.channel_31", Program { channel: 31, ..program(1, 4096, STRAIGHT) }),
        ("prog.channel_32", Program { channel: 32, ..program(1, 4096, STRAIGHT) }),
        ("prog.channel_255", Program { channel: 255, ..program(1, 4096, STRAIGHT) }),
        ("prog.irq_domain_4", Program { domain: 4, ..program(1, 4096, STRAIGHT) }),
        ("prog.unbound_start_8", Program { start: 8, bind: false, ..program(1, 4096, STRAIGHT) }),
        ("prog.unbound_start_1000", Program { start: 1000, bind: false, ..program(1, 4096, STRAIGHT) }),
        ("prog.unbound_16_pages_in_8_list", Program { bind: false, ..program(1, 65536, STRAIGHT) }),
        ("prog.unbound_offset_100", Program { offset: 100, bind: false, ..program(1, 4096, STRAIGHT) }),
        ("prog.unbound_size_0", Program { bind: false, ..program(1, 0, STRAIGHT) }),
        ("prog.unknown_buffer", program(UNKNOWN, 4096, STRAIGHT)),
        ("prog.unknown_desc", program(1, 4096, NEVER)),
        ("prog.both_unknown", program(UNKNOWN, 4096, NEVER)),
    ];
    for (name, what) in cases {
        record(&a, name, what);
    }
    stage.case("prog.null_arg", a.at("DESC_LIST_PROGRAM", NULL));

    let large = a.need_list(64, 8192, false)?.handle;
    record(&a, "prog.page8192_16_pages", program(1, 65536, large));
    a.need_list(64, 16384, false)?;
    let small = a.need_list(64, 64, false)?.handle;
    record(&a, "prog.page64_1000", program(1, 1000, small));
    let single = a.need_list(1, 4096, false)?.handle;
    record(&a, "prog.count1_2_pages", program(1, 8192, single));

    a.map(user(region.address + 64, PAGE as u64, BIDIRECTIONAL)).needed("mapping 3")?;
    a.program(program(3, 4096, STRAIGHT)).ok();
    stage.case("prog.release_desc_while_programmed", a.release_list(STRAIGHT));
    stage.case("prog.unmap_while_programmed", a.unmap_handle(1));
    Ok(())
}

pub(super) fn contents(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    let region = Region::new(16);
    let [straight, circular, fine] = set_up(&a, &region)?;
    let bus = |list: u64| [straight, circular, fine][(list >> 12) as usize - 1];
    let dump = |name: &str, what: Program, first: u64, last: u64| {
        if !a.can_program(what) {
            a.stage.skip(name, INEXPRESSIBLE);
            return Ok(());
        }
        let answer = a.program(what);
        let found = a.dump(bus(what.list), first, last)?;
        stage.case(name, Outcome::of(answer).with("descriptors_after", found));
        Ok(())
    };
    // What earlier calls left: whole pages everywhere, and whole 512-byte pages from offset 512.
    for what in [program(1, 32768, STRAIGHT), program(1, 32768, CIRCULAR)] {
        a.program(what).ok();
    }
    a.program(Program { offset: 512, ..program(1, 4096, FINE) }).ok();
    let cases = [
        ("prog.dump_plain_3_of_10000", program(1, 10000, STRAIGHT), 0, 3),
        ("prog.dump_irq_host", Program { domain: 2, ..program(1, 10000, STRAIGHT) }, 0, 2),
        ("prog.dump_irq_device", Program { domain: 1, ..program(1, 10000, STRAIGHT) }, 0, 2),
        ("prog.dump_irq_both_debug", Program { domain: 3, debug: true, ..program(1, 10000, STRAIGHT) }, 0, 2),
        ("prog.dump_debug_no_irq", Program { debug: true, ..program(1, 10000, STRAIGHT) }, 0, 2),
        ("prog.dump_irq_domain_4", Program { domain: 4, ..program(1, 4096, STRAIGHT) }, 0, 0),
        ("prog.dump_irq_domain_max", Program { domain: 2_147_483_647, ..program(1, 4096, STRAIGHT) }, 0, 0),
        ("prog.dump_unbound_only_last", Program { bind: false, domain: 2, ..program(1, 5000, STRAIGHT) }, 0, 2),
        ("prog.dump_512_list_1300_at_512", Program { offset: 512, ..program(1, 1300, FINE) }, 0, 3),
        ("prog.dump_circ_wrap", Program { start: 7, domain: 2, ..program(1, 8232, CIRCULAR) }, 0, 7),
        ("prog.dump_size0_sets_irq_on_last_desc", Program { domain: 2, ..program(1, 0, FINE) }, 62, 63),
    ];
    for (name, what, first, last) in cases {
        dump(name, what, first, last)?;
    }
    a.program(Program { batch: 2, ..program(1, 1000, FINE) }).ok();
    dump("prog.dump_stride_108", Program { domain: 2, stride: 108, ..program(1, 1024, FINE) }, 0, 2)?;
    a.map(user(region.address + 64, PAGE as u64, BIDIRECTIONAL)).needed("mapping 3")?;
    dump("prog.dump_unaligned_mapping_addr", program(3, 4096, STRAIGHT), 0, 0)?;
    Ok(())
}
