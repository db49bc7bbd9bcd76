//! Launching, preparing and cancelling from 5.0.0 on.

use crate::conformance::firmware::{SINK, STALL};
use crate::conformance::kernel::PAGE;
use crate::conformance::loopback::Loopback;
use crate::conformance::prose::{
    ECONNRESET, EFAULT, EINVAL, EIO, ERANGE, FIVE, LATER, Running, V5_0_0, V5_0_1, V5_1_0, V5_2_0, V5_3_0, failed, on,
};
use crate::conformance::stage::{NULL, UNMAPPED, needed, pause};
use crate::conformance::system::Release;
use crate::conformance::transfer::{Buffer, Launch, memory};

/// The releases whose lists count by themselves and say EINVAL and EIO.
const COUNTED: [Release; 4] = [V5_1_0, LATER[0], LATER[1], LATER[2]];

#[test]
fn frames_go_around() {
    for release in FIVE {
        on(release, |stage| {
            let a = stage.open()?;
            let plain =
                Loopback { size: 4096, ring: 16, page: 4096, channel: 0, frames: 40, debug: false, mapped: true };
            for what in [
                plain,
                Loopback { size: 10000, channel: 1, ..plain },
                Loopback { size: 12345, ring: 64, page: 512, channel: 2, ..plain },
                Loopback { size: 10000, channel: 3, mapped: false, ..plain },
                Loopback { size: 5000, channel: 4, debug: true, ..plain },
                Loopback { size: 1 << 20, ring: 65536, page: 512, channel: 5, frames: 3, ..plain },
            ] {
                let done = what.run(&a)?;
                assert_eq!(done.mismatches, 0, "{release}: {what:?}");
                let each = what.size.div_ceil(what.page.into()) as i64;
                assert_eq!(done.counts, [each; 2], "{release}: {what:?}");
            }
            Ok(())
        });
    }
}

#[test]
fn what_a_launch_refuses() {
    for release in COUNTED {
        on(release, |stage| {
            let running = Running::new(stage, STALL)?;
            let (a, b) = (&running.a, running.region.address);
            let page = running.pages(1);
            let of = |buffers: &[Buffer]| Launch { buffers: buffers.to_vec(), ..page.clone() };
            let good = memory(b, 4096);
            for (what, expected) in [
                (Launch { engine: 1, ..page.clone() }, EINVAL),
                (Launch { channel: 40, ..page.clone() }, EINVAL),
                (Launch { count: Some(9), ..page.clone() }, EINVAL),
                (Launch { list: 0x999_000, ..page.clone() }, EINVAL),
                (of(&[memory(NULL, 4096)]), EINVAL),
                (of(&[memory(b, 0)]), EINVAL),
                (of(&[Buffer { kind: 2, ..good }]), EINVAL),
                (of(&[Buffer { kind: 1, at: 9999, size: 4096 }]), EINVAL),
                (of(&[Buffer { kind: 1, at: 0, size: 4096 }]), EINVAL),
                (of(&[memory(UNMAPPED, 4096)]), EFAULT),
                (of(&[good, memory(b + 4196, 100)]), EINVAL),
                (of(&[memory(b + 100, 1000)]), EINVAL),
                (running.pages(17), EINVAL),
            ] {
                assert_eq!(a.launch(&what), expected, "{release}: {what:?}");
                assert_eq!(running.available()?, 0, "{release}: {what:?}");
            }
            // Nothing was queued and the list is where it was.
            assert_eq!(a.launch(&page), Ok(1), "{release}");
            let other = a.need_list(16, 4096, true)?;
            assert_eq!(a.launch(&Launch { list: other.handle, ..page.clone() }), EINVAL, "{release}: other list");
            assert_eq!(a.launch(&Launch { channel: 35, ..page }), EIO, "{release}: channel 35");
            Ok(())
        });
    }
}

#[test]
fn what_5_0_1_refuses() {
    on(V5_0_1, |stage| {
        let running = Running::new(stage, STALL)?;
        let (a, b) = (&running.a, running.region.address);
        let page = running.pages(1);
        let kind = Launch { buffers: vec![Buffer { kind: 2, ..memory(b, 4096) }], ..page.clone() };
        assert_eq!(a.launch(&Launch { list: 0x999_000, ..page.clone() }), EFAULT);
        assert_eq!(a.launch(&kind), EFAULT);
        assert_eq!(a.launch(&running.empty()), EFAULT);
        assert_eq!(a.launch(&Launch { channel: 35, ..page.clone() }), EFAULT);
        let list = a.need_list(16, 4096, true)?;
        assert_eq!(a.prepare(&Launch { list: list.handle, ..running.pages(17) }), ERANGE);
        Ok(())
    });
    // A list stays out of step after a launch that failed.
    on(V5_0_1, |stage| {
        let running = Running::new(stage, STALL)?;
        running.a.stop(0)?;
        assert_eq!(running.a.launch(&running.pages(1)), ECONNRESET);
        for _ in 0..2 {
            running.restart(STALL)?;
            assert_eq!(running.a.launch(&running.pages(1)), EFAULT);
        }
        Ok(())
    });
    on(V5_0_1, |stage| {
        let running = Running::new(stage, STALL)?;
        let b = running.region.address;
        let halfway = Launch { buffers: vec![memory(b, 4096), memory(b + 4196, 100)], ..running.pages(1) };
        assert_eq!(running.a.launch(&halfway), EINVAL);
        for _ in 0..2 {
            assert_eq!(running.a.launch(&running.pages(1)), EFAULT);
            running.restart(STALL)?;
        }
        Ok(())
    });
}

#[test]
fn a_failed_launch_leaves_its_descriptors() {
    for release in COUNTED {
        on(release, |stage| {
            let running = Running::new(stage, STALL)?;
            let (a, page) = (&running.a, running.pages(1));
            a.stop(0)?;
            assert_eq!(a.launch(&page), ECONNRESET, "{release}");
            running.start(STALL)?;
            assert_eq!((a.launch(&page), running.available()?), (Ok(2), 2), "{release}");
            // Disabled and enabled, the list begins anew.
            running.restart(STALL)?;
            assert_eq!(a.launch(&page), Ok(1), "{release}");
            a.registers(0, 1, 5, 0)?;
            assert_eq!(a.launch(&page), EIO, "{release}: the hardware is elsewhere");
            Ok(())
        });
    }
}

#[test]
fn whole_rings_and_empty_transfers() {
    for release in FIVE.into_iter().filter(|&release| release >= V5_0_1) {
        on(release, |stage| {
            let running = Running::new(stage, SINK)?;
            let (a, page) = (&running.a, running.pages(1));
            assert_eq!((a.launch(&running.pages(16)), running.available()?), (Ok(0), 0), "{release}");
            assert_eq!(a.wait_signal(1, 80).answer, failed(nix::libc::EINTR), "{release}: the device saw nothing");
            a.interrupt(0, 1, 0)?;
            assert_eq!(a.wait(1).channels, [(0, 1)], "{release}: reported by any other interrupt");
            if release == V5_0_1 {
                return Ok(());
            }
            running.restart(STALL)?;
            needed("three pages", a.launch(&running.pages(3)))?;
            assert_eq!((a.launch(&running.empty()), running.available()?), (Ok(13), 0), "{release}");
            assert_eq!((a.launch(&page), running.available()?), (Ok(4), 4), "{release}");
            running.restart(STALL)?;
            assert_eq!(a.launch(&running.pages(15)), Ok(15), "{release}");
            assert_eq!((a.launch(&running.pages(3)), running.available()?), (Ok(3), 2), "{release}: no check for room");
            Ok(())
        });
    }
}

#[test]
fn the_128th_pending_transfer() {
    for release in FIVE {
        on(release, |stage| {
            let running = Running::new(stage, STALL)?;
            let a = &running.a;
            let mut launched = 0;
            let answer = loop {
                let page = Launch { start: launched % 16, ..running.pages(1) };
                let answer = a.launch(&page);
                if answer.is_err() || launched == 200 {
                    break answer;
                }
                launched += 1;
            };
            let (expected, limit) = match release {
                V5_0_0 => (EFAULT, 127),
                V5_3_0 => (EINVAL, 127),
                _ => (Ok(1), 200),
            };
            assert_eq!((answer, launched), (expected, limit), "{release}");
            a.flags(0, SINK)?;
            pause(40);
            assert_eq!(a.wait(1).channels, [(0, 127)], "{release}");
            // Where they were forgotten, their references to the buffer are too.
            needed("unmap", a.unmap(1, running.whole()))?;
            let leaked = (V5_0_1..=V5_2_0).contains(&release);
            assert_eq!(a.sync(1, 0, 0, 16).is_ok(), leaked, "{release}");
            Ok(())
        });
    }
}

#[test]
fn which_descriptors_interrupt() {
    for release in FIVE {
        on(release, |stage| {
            let running = Running::new(stage, STALL)?;
            let (a, b) = (&running.a, running.region.address);
            let eight: Vec<Buffer> = (0..8).map(|index| memory(b + index * PAGE, 4096)).collect();
            needed("eight buffers", a.launch(&Launch { buffers: eight, ..running.pages(1) }))?;
            let controls: Vec<u32> =
                a.descriptors(running.list.bus, 0, 7)?.iter().map(|words| words[0] & 0xff).collect();
            let others = if LATER.contains(&release) { 0x2e } else { 0x02 };
            assert_eq!(controls, [others, others, others, others, others, others, others, 0x2e], "{release}");
            Ok(())
        });
    }
}

#[test]
fn prepared_transfers() {
    for release in FIVE.into_iter().filter(|&release| release >= V5_0_1) {
        on(release, |stage| {
            let running = Running::new(stage, STALL)?;
            let (a, page) = (&running.a, running.pages(1));
            assert_eq!(a.prepare(&Launch { list: 0x999_000, ..page.clone() }), EFAULT, "{release}");
            assert_eq!(a.prepare(&Launch { channel: 200, ..page.clone() }), Ok(0), "{release}");
            assert_eq!(a.prepare(&running.pages(2)), Ok(0), "{release}");
            assert_eq!(running.available()?, 0, "{release}: no register is touched");
            // A launch takes the oldest one, whatever it names; more than 8 buffers are refused all the same.
            assert_eq!(a.launch(&Launch { count: Some(9), ..page.clone() }), EINVAL, "{release}");
            assert_eq!(a.launch(&running.part(8 * PAGE, 4096)), Ok(1), "{release}");
            assert_eq!((a.launch(&page), running.available()?), (Ok(2), 3), "{release}");
            assert_eq!((a.launch(&page), running.available()?), (Ok(1), 4), "{release}: none is left");

            let list = a.need_list(16, 4096, true)?;
            let page = Launch { list: list.handle, ..page };
            let mut prepared = 0;
            let answer = loop {
                match a.prepare(&page) {
                    Ok(_) if prepared < 300 => prepared += 1,
                    answer => break answer,
                }
            };
            let expected = if release == V5_0_1 { EFAULT } else { EINVAL };
            assert_eq!((answer, prepared), (expected, 127), "{release}");
            assert_eq!(a.release_list(list.handle), Ok(0), "{release}: with prepared transfers");
            Ok(())
        });
    }
}

#[test]
fn cancelling() {
    for release in COUNTED {
        on(release, |stage| {
            let running = Running::new(stage, STALL)?;
            let (a, page, list) = (&running.a, running.pages(1), running.list.handle);
            needed("launch", a.launch(&page))?;
            needed("prepare", a.prepare(&page))?;
            assert_eq!([a.cancel(list), a.cancel(list), a.cancel(0x999_000)], [Ok(0), Ok(0), EINVAL], "{release}");
            // The list's counters are 0 now, the hardware's are not.
            assert_eq!(a.launch(&page), EIO, "{release}");
            assert_eq!(a.launch(&page), EIO, "{release}");
            needed("disable channel 0", a.disable(1))?;
            needed("cancel", a.cancel(list))?;
            needed("enable channel 0", a.enable(1))?;
            running.start(STALL)?;
            assert_eq!((a.launch(&page), running.available()?), (Ok(1), 1), "{release}");
            Ok(())
        });
    }
}

#[test]
fn buffers_that_nobody_mapped() {
    for release in FIVE {
        on(release, |stage| {
            let running = Running::new(stage, STALL)?;
            let a = &running.a;
            assert_eq!(a.launch(&running.part(20 * PAGE, 4096)), Ok(1), "{release}");
            assert_eq!(a.sync(2, 0, 0, 16), Ok(0), "{release}: a handle number of its own");
            a.flags(0, SINK)?;
            pause(30);
            a.wait_for_each(&[0])?;
            assert_eq!(a.sync(2, 0, 0, 16), EINVAL, "{release}: gone with the transfer");
            Ok(())
        });
    }
}
