//! Creating and releasing descriptor lists.

use crate::conformance::stage::{File, KERNEL, Made, NULL, Stage, Step};
use crate::conformance::table::Outcome;

fn record(stage: &Stage<'_>, name: &str, made: &Made) {
    let outcome = Outcome::of(made.answer);
    let aligned =
        if made.bus.is_multiple_of(65536) { "a multiple of 65536".into() } else { format!("{:#x}", made.bus) };
    let told = made.answer.is_ok();
    stage.case(name, if told { outcome.with("desc_handle", made.hex()).with("dma_address", aligned) } else { outcome });
}

/// Creates and records; a list above 4096 descriptors is released again at once.
fn create_one(file: &File<'_>, name: &str, count: u64, page_size: u16, circular: bool) {
    let made = file.list(count, page_size, circular);
    record(file.stage, name, &made);
    if made.answer.is_ok() && count as u32 > 4096 {
        let _ = file.release_list(made.handle);
    }
}

/// Uses up handle numbers until `used` have been issued.
fn use_up(file: &File<'_>, used: u64) -> Step {
    loop {
        let made = file.need_list(64, 512, false)?;
        if made.handle >= used << 12 {
            return Ok(());
        }
    }
}

pub(super) fn create(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let one = |name: &str, count: u64, page_size: u16, circular: bool| create_one(&a, name, count, page_size, circular);
    one("desc.first_64_512", 64, 512, false);
    one("desc.second", 64, 512, true);
    one("desc.count_0_noncirc", 0, 512, false);
    one("desc.count_0_circ", 0, 512, true);
    one("desc.after_count_0", 64, 512, false);
    one("desc.count_1_noncirc", 1, 512, false);
    one("desc.count_1_circ", 1, 512, true);
    one("desc.count_2_circ", 2, 512, true);
    use_up(&a, 9)?;
    one("desc.count_3_circ", 3, 512, true);
    one("desc.count_100_noncirc", 100, 512, false);
    one("desc.count_100_circ", 100, 512, true);
    use_up(&a, 11)?;
    one("desc.count_65535_noncirc", 65535, 512, false);
    use_up(&a, 13)?;
    one("desc.count_65536_circ", 65536, 512, true);
    one("desc.count_65537_noncirc", 65537, 512, false);
    one("desc.count_65537_circ", 65537, 512, true);
    one("desc.count_131072_circ", 131_072, 512, true);
    one("desc.count_262144_4MiB", 262_144, 512, false);
    one("desc.count_262145", 262_145, 512, false);
    one("desc.count_1M", 1 << 20, 512, false);
    one("desc.count_2pow31", 1 << 31, 512, false);
    one("desc.count_2pow31_plus1", (1 << 31) + 1, 512, false);
    one("desc.count_2pow32_truncates_to_0", 1 << 32, 512, false);
    use_up(&a, 23)?;
    one("desc.count_2pow32_plus64_circ", (1 << 32) + 64, 512, true);
    use_up(&a, 25)?;
    one("desc.page_2", 64, 2, false);
    one("desc.page_3", 64, 3, false);
    one("desc.page_64", 64, 64, false);
    one("desc.page_4096", 64, 4096, false);
    one("desc.page_4095", 64, 4095, false);
    one("desc.page_8192_above_max", 64, 8192, false);
    one("desc.page_16384", 64, 16384, false);
    stage.case("desc.null_arg", a.at("DESC_LIST_CREATE", NULL));
    stage.case("desc.kernel_arg", a.at("DESC_LIST_CREATE", KERNEL));
    use_up(&a, 31)?;
    stage.case("desc.readonly_arg_struct", a.readonly(&a.list_argument(64, 512, 0)));
    one("desc.after_readonly_arg", 64, 512, false);

    let made = a.need_list(64, 512, false)?;
    let _ = a.release_list(made.handle);
    stage.case("desc.release_double", a.release_list(made.handle));
    stage.case("desc.release_0", a.release_list(0));
    stage.case("desc.release_max", a.release_list(u64::MAX));
    stage.case("desc.release_null_arg", a.at("DESC_LIST_RELEASE", NULL));
    stage.case("desc.release_handle_low_bits_set", a.release_list(0x1001));
    stage.case("desc.is_circular_byte_2", a.call(&mut a.list_argument(3, 512, 2)));
    Ok(())
}
