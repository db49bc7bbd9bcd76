//! Mapping, unmapping, synchronising and programming.

use crate::conformance::firmware::STALL;
use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::prose::{
    EFAULT, EINVAL, ERANGE, FIVE, LATER, Running, V5_0_0, V5_0_1, V5_1_0, V5_1_1, V5_3_0, on,
};
use crate::conformance::stage::{BIDIRECTIONAL, FROM_DEVICE, Map, TO_DEVICE, needed, user};
use crate::conformance::transfer::{Program, launch, memory, program};

#[test]
fn buffers_are_widened_to_pages() {
    for release in FIVE {
        on(release, |stage| {
            let a = stage.open()?;
            let region = Region::new(4);
            let page = PAGE as u64;
            let handle = a.map(user(region.address + 64, page, BIDIRECTIONAL)).needed("mapping")?.handle;
            // From the start of the first page to the end of the second.
            assert_eq!(a.sync(handle, 0, 0, 2 * page), Ok(0), "{release}");
            assert_eq!(a.sync(handle, 0, 0, 2 * page + 1), EINVAL, "{release}");
            assert_eq!(a.sync(handle, 0, u64::MAX - 10, 20), Ok(0), "{release}: wraps");
            let list = a.need_list(8, 4096, false)?.handle;
            assert_eq!(a.program(program(handle, 2 * page, list)), Ok(2), "{release}");
            let past = a.program(program(handle, 2 * page + 1, list));
            assert_eq!(past, if release < V5_1_0 { EFAULT } else { EINVAL }, "{release}");
            let one = a.map(user(region.address, 4096 + (1 << 32), TO_DEVICE)).needed("mapping")?.handle;
            assert_eq!(a.sync(one, 0, 0, page), Ok(0), "{release}: 2^32 + 4096");
            assert_eq!(a.sync(one, 0, 0, page + 1), EINVAL, "{release}: 2^32 + 4096");
            Ok(())
        });
    }
}

#[test]
fn each_map_has_its_handle_up_to_5_1_0() {
    for release in [V5_0_1, V5_1_0] {
        on(release, |stage| {
            let a = stage.open()?;
            let region = Region::new(1);
            let page = user(region.address, PAGE as u64, TO_DEVICE);
            let handles = [a.map(page).handle, a.map(page).handle];
            assert_eq!(handles, [1, 2], "{release}");
            assert_eq!(a.unmap(1, user(0, 0, 0)), Ok(0), "{release}: by handle");
            assert_eq!(a.unmap(1, page), EINVAL, "{release}: gone");
            assert_eq!(a.sync(2, 0, 0, 16), Ok(0), "{release}: the other is still there");
            for kind in [2, i64::from(i32::MAX), -1] {
                assert_eq!(a.map(Map { kind, ..page }).answer, Ok(0), "{release}: type {kind}");
            }
            Ok(())
        });
    }
}

#[test]
fn mappings_are_found_by_range() {
    for release in LATER {
        on(release, |stage| {
            let a = stage.open()?;
            let region = Region::new(8);
            let at = |page: usize, pages: u64, direction: i64| {
                user(region.address + page * PAGE, pages * PAGE as u64, direction)
            };
            let one = at(0, 1, TO_DEVICE);
            assert_eq!(a.map(one).handle, 1);
            assert_eq!(a.map(one).handle, 1, "{release}: the same");
            assert_eq!(a.map(user(one.at + 64, 100, TO_DEVICE)).handle, 1, "{release}: within the page");
            assert_eq!(a.map(at(0, 2, TO_DEVICE)).handle, 2, "{release}: longer");
            assert_eq!(a.map(at(0, 1, BIDIRECTIONAL)).handle, 3, "{release}: bidirectional over to-device");
            assert_eq!(a.map(one).handle, 3, "{release}: the newest is looked at first");
            assert_eq!(a.map(at(0, 1, FROM_DEVICE)).handle, 3, "{release}: bidirectional will do");

            // Every unmap takes one reference, by range; the handle is not looked at.
            let page = at(4, 1, TO_DEVICE);
            let handle = a.map(page).handle;
            a.map(page);
            assert_eq!(a.unmap(handle, Map { direction: BIDIRECTIONAL, ..page }), EINVAL, "{release}: not found");
            assert_eq!(a.unmap(999, page), Ok(0), "{release}: any handle");
            assert_eq!(a.sync(handle, 0, 0, 16), Ok(0), "{release}: one reference left");
            assert_eq!(a.unmap(handle, page), Ok(0), "{release}");
            assert_eq!(a.sync(handle, 0, 0, 16), EINVAL, "{release}: dead");
            assert_eq!(a.unmap(handle, page), EINVAL, "{release}: one more");

            // A buffer of another type maps, and stays for ever.
            let other = Map { kind: 2, ..at(5, 1, TO_DEVICE) };
            let (first, second) = (a.map(other), a.map(other));
            assert_eq!(second.handle, first.handle + 1, "{release}: never the same");
            assert_eq!([a.unmap(first.handle, other), a.unmap(first.handle, at(5, 1, TO_DEVICE))], [EINVAL; 2]);
            for kind in [i64::from(i32::MAX), -1] {
                assert_eq!(a.map(Map { kind, ..other }).answer, EINVAL, "{release}: type {kind}");
            }
            let nothing = user(region.address + 6 * PAGE + 64, 0, TO_DEVICE);
            assert_eq!(a.map(nothing).answer, Ok(0), "{release}: size 0 within a page");
            assert_eq!(a.unmap(0, nothing), Ok(0), "{release}");
            Ok(())
        });
    }
}

#[test]
fn a_mapping_within_a_page_is_launched_from_page_multiples() {
    for release in FIVE {
        on(release, |stage| {
            let running = Running::new(stage, STALL)?;
            let (a, b) = (&running.a, running.region.address + 20 * PAGE);
            a.map(user(b + 64, PAGE as u64, TO_DEVICE)).needed("mapping")?;
            let unaligned = launch(0, running.list.handle, 0, &[memory(b + 64, 100)]);
            assert_eq!(a.launch(&unaligned), EINVAL, "{release}");
            Ok(())
        });
    }
}

#[test]
fn programming_up_to_5_1_0() {
    for release in [V5_0_0, V5_0_1, V5_1_0] {
        on(release, |stage| {
            let a = stage.open()?;
            let region = Region::new(16);
            let buffer = a.map(user(region.address, 65536, BIDIRECTIONAL)).needed("mapping")?.handle;
            let straight = a.need_list(8, 4096, false)?.handle;
            let circular = a.need_list(8, 4096, true)?.handle;
            let (past_list, unknown) = if release < V5_1_0 { (ERANGE, EFAULT) } else { (EINVAL, EINVAL) };
            for (what, expected) in [
                (program(buffer, 9 * 4096, straight), past_list),
                (program(buffer, 9 * 4096, circular), past_list),
                (Program { start: 8, ..program(buffer, 4096, straight) }, EINVAL),
                (Program { offset: 100, ..program(buffer, 4096, straight) }, EINVAL),
                (Program { offset: 15 * 4096, ..program(buffer, 8192, straight) }, unknown),
                (program(9999, 4096, straight), unknown),
                (program(buffer, 4096, 0x999_000), unknown),
                (program(buffer, 0, straight), Ok(0)),
                (Program { batch: 0, start: 1000, ..program(buffer, 4096, straight) }, Ok(0)),
                (Program { batch: 5, ..program(buffer, 5000, circular) }, Ok(10)),
            ] {
                assert_eq!(a.program(what), expected, "{release}: {what:?}");
            }
            Ok(())
        });
    }
}

#[test]
fn programming_from_5_1_1_on() {
    for release in LATER {
        on(release, |stage| {
            let a = stage.open()?;
            let region = Region::new(16);
            let buffer = a.map(user(region.address, 65536, BIDIRECTIONAL)).needed("mapping")?.handle;
            let fine = a.need_list(8, 512, false)?;
            let two = Program { batch: 2, domain: 2, ..program(buffer, 1000, fine.handle) };
            assert_eq!(a.program(two), Ok(4), "{release}");
            let found = a.descriptors(fine.bus, 0, 4)?;
            let sizes: Vec<u32> = found.iter().map(|words| words[0] >> 8).collect();
            assert_eq!(sizes, [512, 488, 512, 488, 0], "{release}");
            let controls: Vec<u32> = found.iter().map(|words| words[0] & 0xff).collect();
            let last = if release >= V5_3_0 { 0x02 } else { 0x2e };
            assert_eq!(controls, [0x02, 0x02, 0x02, last, 0], "{release}");

            // What does not fit leaves no trace.
            let list = a.need_list(8, 4096, true)?;
            for what in [
                program(buffer, 9 * 4096, list.handle),
                Program { batch: 5, ..program(buffer, 5000, list.handle) },
                Program { offset: 15 * 4096, ..program(buffer, 8192, list.handle) },
            ] {
                assert_eq!(a.program(what), EINVAL, "{release}: {what:?}");
            }
            assert!(a.descriptors(list.bus, 0, 7)?.iter().all(|words| words[0] == 0), "{release}");
            assert_eq!(a.program(Program { batch: 2, ..program(buffer, 1 << 31, list.handle) }), Ok(0), "{release}");
            Ok(())
        });
    }
}

#[test]
fn lists_have_the_limits_of_before() {
    for release in FIVE {
        on(release, |stage| {
            let a = stage.open()?;
            let enobufs = Err(nix::libc::ENOBUFS);
            for (count, page, circular, expected, used) in [
                (0, 512, false, enobufs, 1),
                (65537, 512, false, Ok(0), 2),
                (262_144, 512, false, Ok(0), 3),
                (262_145, 512, false, enobufs, 4),
                ((1 << 31) + 1, 512, false, EINVAL, 5),
                ((1 << 32) + 64, 512, false, Ok(0), 6),
                ((1 << 32) + 64, 512, true, EINVAL, 6),
                (100, 512, true, EINVAL, 6),
                (64, 0, false, Ok(0), 7),
                (64, 1, false, Ok(0), 8),
                (64, 8192, false, Ok(0), 9),
                (64, 32768, false, Ok(0), 10),
                (64, 100, false, EINVAL, 10),
            ] {
                let made = a.list(count, page, circular);
                assert_eq!(made.answer, expected, "{release}: {count} of {page}, circular {circular}");
                if made.answer.is_ok() {
                    assert_eq!(made.handle, used << 12, "{release}: {count} of {page}");
                }
            }
            let buffer = a.continuous(4096);
            assert_eq!((buffer.answer, buffer.handle), (Ok(0), 0xb000), "{release}: they share the numbers");
            needed("free", a.free_continuous(buffer.handle))?;
            let low = stage.layout.find("VDMA_LOW_MEMORY_BUFFER_ALLOC").is_some();
            assert_eq!(low, release < V5_0_1, "{release}: low memory");
            assert_eq!(release >= V5_1_1, LATER.contains(&release));
            Ok(())
        });
    }
}
