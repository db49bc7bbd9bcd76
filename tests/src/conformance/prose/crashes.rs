//! The table of crashes: each case in its own boot, over the releases.

use crate::conformance::firmware::{SINK, STALL, bare};
use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::prose::{COLUMNS, Running, on};
use crate::conformance::stage::{Stage, Step, TO_DEVICE, needed, pause, user};
use crate::conformance::system::{Answer, Fate};
use crate::conformance::table::Ret;
use crate::conformance::transfer::{Launch, Program, launch, memory, program};

/// What a column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    /// Not observed.
    Blank,
    Oops,
    /// It went well, whatever it returned.
    Fine,
    /// It returned an error.
    Refused(i32),
}

use Cell::{Blank, Fine, Oops, Refused};
use nix::libc::{EFAULT, EINVAL};

/// Holds one row of the table against the emulator.
fn row(name: &str, cells: [Cell; 7], case: impl Fn(&Stage<'_>) -> Step<Fate>) {
    for (release, cell) in COLUMNS.into_iter().zip(cells) {
        if cell == Blank {
            continue;
        }
        on(release, |stage| {
            let fate = case(stage)?;
            let fits = match (cell, fate) {
                (Oops, Fate::Oops) | (Fine, Fate::Answered(Ok(_))) => true,
                (Refused(errno), Fate::Answered(Err(found))) => errno == found,
                _ => false,
            };
            assert!(fits, "{release}: {name}: expected {cell:?}, got {:?}", Ret::from(fate));
            Ok(())
        });
    }
}

/// Makes a call that may crash.
fn risk(stage: &Stage<'_>, call: impl Fn() -> Answer) -> Step<Fate> {
    Ok(stage.system.survive(&call))
}

fn map_size(size: u64, offset: usize) -> impl Fn(&Stage<'_>) -> Step<Fate> {
    move |stage| {
        let a = stage.open()?;
        let region = Region::new(2);
        risk(stage, || a.map(user(region.address + offset, size, TO_DEVICE)).answer)
    }
}

#[test]
fn sizes_of_mappings() {
    row("MAP size 0 at a page start", [Oops; 7], map_size(0, 0));
    row("MAP size 2^32", [Oops; 7], map_size(1 << 32, 0));
    let largest = [Refused(EINVAL), Oops, Oops, Oops, Oops, Oops, Oops];
    row("MAP size 2^32-1", largest, map_size(0xffff_ffff, 0));
    row("MAP size 0 at page offset 64", [Blank, Blank, Fine, Fine, Fine, Fine, Fine], map_size(0, 64));
}

#[test]
fn page_size_zero() {
    let with = |launched: bool| {
        move |stage: &Stage<'_>| {
            let running = Running::new(stage, STALL)?;
            let list = running.a.need_list(64, 0, false)?;
            let page = Launch { list: list.handle, ..running.pages(1) };
            needed("disable", running.a.disable(1))?;
            needed("enable", running.a.enable(1))?;
            running.a.start(0, list.bus, 6)?;
            risk(stage, || {
                if launched { running.a.launch(&page) } else { running.a.program(program(1, 4096, list.handle)) }
            })
        }
    };
    row("PROGRAM on a list of page size 0", [Oops; 7], with(false));
    row("LAUNCH on a list of page size 0", [Blank, Blank, Oops, Oops, Oops, Oops, Oops], with(true));
}

#[test]
fn sizes_of_programmed_transfers() {
    let with = |size: u64| {
        move |stage: &Stage<'_>| {
            let running = Running::new(stage, STALL)?;
            let what = Program { size, ..program(1, 0, running.list.handle) };
            risk(stage, || running.a.program(what))
        }
    };
    row("PROGRAM transfer size 0", [Fine, Fine, Fine, Fine, Oops, Oops, Oops], with(0));
    let large = [Blank, Blank, Refused(EFAULT), Refused(EINVAL), Oops, Oops, Oops];
    row("PROGRAM transfer size 2^32", large, with(1 << 32));
}

#[test]
fn a_control_of_20000_bytes() {
    row("FW_CONTROL buffer_len 20000", [Oops; 7], |stage| {
        let a = stage.open()?;
        risk(stage, || a.send(&bare(0, 20000).timeout(300)).answer)
    });
}

/// Unmaps so often while a transfer is pending, lets it finish, and waits for it.
fn unmapped(times: u32) -> impl Fn(&Stage<'_>) -> Step<Fate> {
    move |stage| {
        let running = Running::new(stage, STALL)?;
        running.a.need_launch(&running.pages(1))?;
        for _ in 0..times {
            needed("unmap", running.a.unmap(1, running.whole()))?;
        }
        running.a.flags(0, SINK)?;
        pause(30);
        risk(stage, || running.a.wait(1).answer)
    }
}

#[test]
fn buffers_of_pending_transfers() {
    row("unmap once with a pending transfer, then wait", [Oops, Fine, Fine, Fine, Fine, Fine, Fine], unmapped(1));
    row("unmap twice with a pending transfer, then wait", [Blank, Blank, Oops, Oops, Oops, Oops, Oops], unmapped(2));
    row(
        "unmap an on-the-fly mapping of a pending transfer, then wait",
        [Blank, Blank, Oops, Oops, Oops, Oops, Oops],
        |stage| {
            let running = Running::new(stage, STALL)?;
            let offset = 20 * PAGE;
            running.a.need_launch(&running.part(offset, 4096))?;
            let page = user(running.region.address + offset, 4096, TO_DEVICE);
            needed("unmap", running.a.unmap(2, page))?;
            running.a.flags(0, SINK)?;
            pause(30);
            risk(stage, || running.a.wait(1).answer)
        },
    );
    row(
        "unmap twice the buffer of a prepared transfer, then cancel",
        [Blank, Blank, Blank, Oops, Oops, Oops, Oops],
        |stage| {
            let running = Running::new(stage, STALL)?;
            needed("prepare", running.a.prepare(&running.pages(1)))?;
            needed("unmap", running.a.unmap(1, running.whole()))?;
            needed("unmap", running.a.unmap(1, running.whole()))?;
            risk(stage, || running.a.cancel(running.list.handle))
        },
    );
}

#[test]
fn lists_of_pending_transfers() {
    let with = |waits: bool| {
        move |stage: &Stage<'_>| {
            let running = Running::new(stage, STALL)?;
            running.a.need_launch(&running.pages(1))?;
            needed("release", running.a.release_list(running.list.handle))?;
            if waits {
                running.a.interrupt(0, 1, 0)?;
                pause(30);
            }
            risk(stage, || if waits { running.a.wait(1).answer } else { running.a.disable(1) })
        }
    };
    row("release the list of a pending transfer, then disable", [Oops; 7], with(false));
    row("release the list of a pending transfer, then wait", [Blank, Blank, Oops, Oops, Oops, Oops, Oops], with(true));
}

#[test]
fn lists_of_idle_channels() {
    let with = |closes: bool| {
        move |stage: &Stage<'_>| {
            let running = Running::new(stage, SINK)?;
            running.a.need_launch(&running.pages(1))?;
            running.a.wait_for_each(&[0])?;
            needed("release", running.a.release_list(running.list.handle))?;
            if !closes {
                return risk(stage, || running.a.disable(1));
            }
            let Running { a, .. } = running;
            let file = std::sync::Mutex::new(Some(a));
            risk(stage, || file.lock().unwrap().take().map_or(Ok(0), |a| a.close()))
        }
    };
    let cells = [Blank, Blank, Fine, Fine, Fine, Fine, Fine];
    row("release the list of an idle enabled channel, then disable", cells, with(false));
    row("release the list of an idle enabled channel, then close", cells, with(true));
}

#[test]
fn closing_with_pending_and_prepared_transfers() {
    row("close with pending or prepared transfers", [Fine; 7], |stage| {
        let running = Running::new(stage, STALL)?;
        running.a.need_launch(&running.pages(1))?;
        if stage.layout.find("VDMA_PREPARE_TRANSFER").is_some() {
            needed("prepare", running.a.prepare(&running.pages(1)))?;
        }
        let Running { a, .. } = running;
        let file = std::sync::Mutex::new(Some(a));
        risk(stage, || file.lock().unwrap().take().map_or(Ok(0), |a| a.close()))
    });
}

#[test]
fn a_transfer_of_no_buffers() {
    let cells = [Fine, Fine, Refused(EFAULT), Fine, Fine, Fine, Fine];
    row("zero buffers behind a pending transfer, wait, disable", cells, |stage| {
        let running = Running::new(stage, STALL)?;
        let placed = stage.before(5, 0) || stage.layout.find("VDMA_PREPARE_TRANSFER").is_none();
        running.a.need_launch(&running.pages(1))?;
        let empty = launch(0, running.list.handle, u32::from(placed), &[]);
        risk(stage, || {
            running.a.launch(&empty)?;
            running.a.flags(0, SINK).map_err(|_| EINVAL)?;
            running.a.interrupt(0, 1, 0).map_err(|_| EINVAL)?;
            pause(30);
            running.a.wait(1).answer?;
            running.a.disable(1)
        })
    });
}

#[test]
fn a_resume_while_the_firmware_runs() {
    row("resume while a firmware already runs", [Fine, Fine, Fine, Oops, Fine, Fine, Fine], |stage| {
        let events = stage.system.events();
        risk(stage, || {
            if let Some(events) = events {
                events.suspend_and_resume();
            }
            Ok(0)
        })
    });
}

#[test]
fn memory_behind_a_launch_is_looked_at() {
    // Nothing crashes here: the emulator must not follow an address that has gone away either.
    row("the pages of a pending transfer are unmapped from the process", [Fine; 7], |stage| {
        let running = Running::new(stage, STALL)?;
        running.a.need_launch(&launch(0, running.list.handle, 0, &[memory(running.region.address, 4096)]))?;
        let Running { a, region, .. } = running;
        drop(region);
        a.flags(0, SINK)?;
        pause(30);
        risk(stage, || a.disable(1))
    });
}
