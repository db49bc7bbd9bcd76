//! Request codes, bad pointers, files that outlive their board.

use std::collections::BTreeSet;

use crate::conformance::kernel::{PAGE, Protection, Region};
use crate::conformance::layout::Layout;
use crate::conformance::prose::{
    EFAULT, EINVAL, ENODEV, ENOMEM, ENOTTY, ENXIO, FIVE, V4_23_0, V5_0_0, V5_0_1, V5_1_0, V5_1_1, V5_2_0, V5_3_0, on,
};
use crate::conformance::stage::{NULL, UNMAPPED, needed};
use crate::conformance::system::{Access, Answer, Release};

#[test]
fn codes_of_other_releases_are_unknown() {
    let releases = [Release::new(4, 17, 0), Release::new(4, 20, 0), V4_23_0].into_iter().chain(FIVE);
    let all: BTreeSet<u32> =
        releases.flat_map(|release| Layout::of(release).codes().map(|(_, code)| code).collect::<Vec<_>>()).collect();
    for release in FIVE {
        on(release, |stage| {
            let a = stage.open()?;
            let zeroes = Region::untouched(4, Protection::ReadWrite);
            let foreign: Vec<u32> = all.iter().copied().filter(|&code| stage.layout.named(code).is_none()).collect();
            assert!(foreign.len() >= 20, "{release}: {} foreign codes", foreign.len());
            for code in foreign {
                let expected = if code >> 8 & 0xff == u32::from(b's') { EINVAL } else { ENOTTY };
                assert_eq!(a.raw(code, zeroes.address), expected, "{release}: {code:#x}");
            }
            Ok(())
        });
    }
}

/// The memory type of the first BAR.
const BAR0: u64 = 512;

#[test]
fn memory_transfer_is_back_in_two_releases() {
    for release in [V5_0_0, V5_0_1] {
        on(release, |stage| {
            let a = stage.open()?;
            let transfer = |kind: u64, count: u64| {
                let argument = a.argument("MEMORY_TRANSFER").set("memory_type", kind).set("count", count);
                a.call(&mut argument.set("address", 0x98))
            };
            assert_eq!(transfer(99, 4), EINVAL, "{release}: memory type 99");
            assert_eq!(transfer(BAR0, 4), Ok(0), "{release}: four bytes");
            assert_eq!(transfer(BAR0, 4097), EINVAL, "{release}: 4097 bytes");
            Ok(())
        });
    }
    for release in [V5_1_0, V5_1_1, V5_2_0, V5_3_0] {
        assert!(Layout::of(release).find("MEMORY_TRANSFER").is_none());
    }
}

#[test]
fn pointers_that_fault() {
    let always_efault = [
        "VDMA_BUFFER_MAP",
        "VDMA_BUFFER_UNMAP",
        "VDMA_BUFFER_SYNC",
        "DESC_LIST_CREATE",
        "DESC_LIST_RELEASE",
        "DESC_LIST_PROGRAM",
        "VDMA_CONTINUOUS_BUFFER_ALLOC",
        "VDMA_CONTINUOUS_BUFFER_FREE",
        "VDMA_LAUNCH_TRANSFER",
        "VDMA_PREPARE_TRANSFER",
        "MARK_AS_IN_USE",
    ];
    let changed = [
        "QUERY_DRIVER_INFO",
        "QUERY_DEVICE_PROPERTIES",
        "VDMA_ENABLE_CHANNELS",
        "VDMA_DISABLE_CHANNELS",
        "VDMA_INTERRUPTS_WAIT",
        "VDMA_INTERRUPTS_READ_TIMESTAMPS",
        "READ_LOG",
    ];
    for release in FIVE.into_iter().chain([V4_23_0]) {
        on(release, |stage| {
            let a = stage.open()?;
            let older = release <= V5_0_1;
            let check = |requests: &[&str], expected: Answer| {
                for request in requests.iter().filter(|request| stage.layout.find(request).is_some()) {
                    for address in [NULL, UNMAPPED] {
                        assert_eq!(a.at(request, address), expected, "{release}: {request} at {address:#x}");
                    }
                }
            };
            check(&always_efault, EFAULT);
            check(&changed, if older { ENOMEM } else { EFAULT });
            check(&["FW_CONTROL", "CANCEL_PREPARED_TRANSFER"], ENOMEM);
            Ok(())
        });
    }
}

#[test]
fn files_of_before_a_suspend() {
    for release in FIVE.into_iter().filter(|&release| release != V5_1_0) {
        on(release, |stage| {
            let Some(events) = stage.system.events() else { return Ok(()) };
            let a = stage.open()?;
            needed("mark as in use", a.mark().0)?;
            needed("enable channel 0", a.enable(1))?;
            events.suspend_and_resume();
            let stale = if release == V5_0_0 { EINVAL } else { ENXIO };
            assert_eq!(a.driver_info(), stale, "{release}: query");
            assert_eq!(a.raw(0x1234_5678, 0), stale, "{release}: unknown request");
            assert_eq!(a.mmap(PAGE, true, 0x1000), stale, "{release}: mmap");
            let b = stage.open()?;
            let freed = release != V5_0_0;
            assert_eq!(b.mark(), (Ok(0), u64::from(!freed)), "{release}: in use");
            assert_eq!(b.enable(1).is_ok(), freed, "{release}: enable");
            needed("close", a.close())?;
            assert_eq!(b.mark(), (Ok(0), 0), "{release}: in use after the old file is closed");
            Ok(())
        });
    }
}

#[test]
fn files_of_a_removed_board() {
    for release in FIVE {
        on(release, |stage| {
            let Some(events) = stage.system.events() else { return Ok(()) };
            let a = stage.open()?;
            events.remove();
            assert_eq!(a.driver_info(), if release == V5_0_0 { ENODEV } else { ENXIO }, "{release}: query");
            assert_eq!(a.mmap(PAGE, true, 0x1000), ENODEV, "{release}: mmap");
            assert_eq!(stage.system.open(Access::ReadWrite), Err(nix::libc::ENOENT), "{release}: open");
            Ok(())
        });
    }
}

#[test]
fn a_child_that_reads_its_parents_notifications() {
    for release in FIVE {
        on(release, |stage| {
            let a = stage.open()?;
            a.notify(8, 1)?;
            crate::conformance::stage::pause(20);
            let answers = stage.system.in_child(&|system| {
                let mut argument = a.argument("READ_NOTIFICATION");
                let address = argument.bytes.as_mut_ptr().expose_provenance();
                vec![system.ioctl(a.descriptor, argument.code, address)]
            });
            assert_eq!(answers, [if release < V5_1_0 { EFAULT } else { EINVAL }], "{release}");
            Ok(())
        });
    }
}
