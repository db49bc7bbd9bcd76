//! Memory that the driver allocates: low memory and continuous buffers, mapped and freed.

use crate::conformance::kernel::PAGE;
use crate::conformance::stage::{File, Made, Map, NULL, Stage, Step, TO_DEVICE, user};
use crate::conformance::table::Outcome;

const MIB: u64 = 1 << 20;

fn record(stage: &Stage<'_>, name: &str, made: &Made, continuous: bool) {
    let mut outcome = Outcome::of(made.answer);
    if made.answer.is_ok() {
        outcome = outcome.with("buffer_handle", made.hex());
    }
    if made.answer.is_ok() && continuous {
        // The table tells the alignment of large buffers; it is at least that of a page for all.
        let expected = if made.bus.is_multiple_of(65536) && large(name) { 65536 } else { 4096 };
        let aligned = made.bus.is_multiple_of(expected);
        outcome = outcome.with(
            "dma_address",
            if aligned { format!("a multiple of {expected}") } else { format!("{:#x}", made.bus) },
        );
    }
    stage.case(name, outcome);
}

/// The buffers of 64 KiB and more.
fn large(name: &str) -> bool {
    matches!(name, "cont.size_64K" | "cont.size_4MiB")
}

fn low(a: &File<'_>, name: &str, size: u64) {
    record(a.stage, name, &a.low(size), false);
}

fn continuous(a: &File<'_>, name: &str, size: u64) {
    record(a.stage, name, &a.continuous(size), true);
}

pub(super) fn buffers(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    low(&a, "low.first_4096", 4096);
    low(&a, "low.second_4097", 4097);
    continuous(&a, "cont.third_4096", 4096);
    a.need_list(64, 512, false)?;
    low(&a, "low.size_1", 1);
    low(&a, "low.size_0", 0);
    low(&a, "low.size_max_wraps", u64::MAX);
    low(&a, "low.size_4GiB", 1 << 32);
    low(&a, "low.size_1MiB", MIB);
    continuous(&a, "cont.size_1", 1);
    continuous(&a, "cont.size_0", 0);
    continuous(&a, "cont.size_4MiB", 4 * MIB);
    continuous(&a, "cont.size_4MiB_plus1", 4 * MIB + 1);
    continuous(&a, "cont.size_1GiB", 1 << 30);
    continuous(&a, "cont.size_max_wraps", u64::MAX);
    continuous(&a, "cont.size_64K", 65536);
    stage.case("cont.null_arg", a.at("VDMA_CONTINUOUS_BUFFER_ALLOC", NULL));
    let held = mapped(&a)?;
    freed(&a)?;
    stage.system.munmap(held, MIB as usize);
    Ok(())
}

/// A mapping of driver memory that a script needs, at an address.
fn need_mmap(a: &File<'_>, length: usize, offset: u64) -> Step<usize> {
    let address = a.stage.system.mmap(a.descriptor, length, true, offset);
    address.map_err(|errno| crate::conformance::stage::broken("mmap", errno))
}

/// Gives the address at which the buffer of 1 MiB stays mapped.
fn mapped(a: &File<'_>) -> Step<usize> {
    let stage = a.stage;
    let system = &stage.system;
    stage.case("mmap.low_4096", a.mmap(PAGE, true, 0x1000));
    let address = need_mmap(a, PAGE, 0x1000)?;
    let zero = system.peek(address, PAGE).iter().all(|&byte| byte == 0);
    system.poke(address, &[0x5a]);
    system.poke(address + 4095, &[0xa5]);
    stage.case("mmap.low_rw_zeroed", Outcome::of(Ok(0)).with("all_zero_at_start", zero));
    system.munmap(address, PAGE);
    stage.case("mmap.low_again", a.mmap(PAGE, true, 0x1000));
    stage.case("mmap.low_len_too_small", a.mmap(PAGE, true, 0x2000));
    stage.case("mmap.low_len_too_big", a.mmap(3 * PAGE, true, 0x2000));
    stage.case("mmap.low_len_4097_rounds", a.mmap(4097, true, 0x2000));
    stage.case("mmap.low_2_pages_shared", a.mmap(2 * PAGE, true, 0x2000));
    let address = need_mmap(a, 2 * PAGE, 0x2000)?;
    system.poke(address, &[1]);
    system.poke(address + PAGE, &[2]);
    let kept = system.peek(address, 1) == [1] && system.peek(address + PAGE, 1) == [2];
    stage.case("mmap.low_2_pages_rw", Outcome::of(Ok(0)).with("ok", kept));
    system.munmap(address, 2 * PAGE);
    stage.case("mmap.low_2_pages_private", a.mmap(2 * PAGE, false, 0x2000));
    stage.case("mmap.low_1_page_private", a.mmap(PAGE, false, 0x1000));
    stage.case("mmap.low_size_0_handle_len_4096", a.mmap(PAGE, true, 0x6000));
    stage.case("mmap.low_1MiB", a.mmap(MIB as usize, true, 0x8000));

    let m = need_mmap(a, MIB as usize, 0x8000)?;
    let whole = user(m, MIB, TO_DEVICE);
    let owned = Map { allocated: 0x8000, ..whole };
    a.map_case("map.low_mmap_addr_without_handle", whole);
    a.map(owned).needed("mapping of the low-memory buffer")?;
    a.map_case("map.low_handle_wrong_size", Map { size: 4096, ..owned });
    // The address is not looked at.
    a.map(Map { at: NULL, ..owned }).needed("mapping of the low-memory buffer")?;
    a.map_case("map.low_handle_same_pages_smaller_size", Map { size: 1_044_481, ..owned });

    stage.case("mmap.cont_4096", a.mmap(PAGE, true, 0x3000));
    let n = need_mmap(a, PAGE, 0x3000)?;
    a.map_case("map.cont_mmap_addr", user(n, 4096, TO_DEVICE));
    system.munmap(n, PAGE);
    stage.case("mmap.cont_64K_len_4096_smaller", a.mmap(PAGE, true, 0xb000));
    stage.case("mmap.cont_private", a.mmap(PAGE, false, 0xb000));
    stage.case("mmap.cont_4MiB", a.mmap(4 * MIB as usize, true, 0xa000));
    stage.case("mmap.desc_handle", a.mmap(PAGE, true, 0x4000));
    stage.case("mmap.handle_0", a.mmap(PAGE, true, 0));
    stage.case("mmap.unknown_handle", a.mmap(PAGE, true, 0x777_000));
    stage.case("mmap.unaligned_offset", a.mmap(PAGE, true, 0x1001));
    Ok(m)
}

fn freed(a: &File<'_>) -> Step {
    let stage = a.stage;
    stage.case("low.free_ok", a.free_low(0x2000));
    stage.case("low.free_double", a.free_low(0x2000));
    let held = need_mmap(a, PAGE, 0x1000)?;
    stage.case("low.free_while_mapped_by_user", a.free_low(0x1000));
    stage.case("low.free_while_vdma_mapped", a.free_low(0x8000));
    stage.system.munmap(held, PAGE);
    stage.case("low.free_cont_handle", a.free_low(0x3000));
    stage.case("low.free_desc_handle", a.free_low(0x4000));
    stage.case("low.free_0", a.free_low(0));
    a.free_continuous(0x3000).ok();
    stage.case("cont.free_double", a.free_continuous(0x3000));
    stage.case("cont.free_unknown", a.free_continuous(0x777_000));
    stage.case("mmap.after_free", a.mmap(PAGE, true, 0x3000));
    a.free_low(0x6000).ok();
    stage.case("desc.release_low_handle", a.release_list(0x6000));
    low(a, "low.after_frees_no_reuse", 4096);
    Ok(())
}
