//! Who owns the device, and what one file can do with the handles of another.

use serde_json::{Value, json};

use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::stage::{File, Made, NULL, Stage, Step, TO_DEVICE, needed, user};
use crate::conformance::system::Access;
use crate::conformance::table::Outcome;
use crate::conformance::transfer::program;

fn mark_case(file: &File<'_>, name: &str) {
    let (answer, in_use) = file.mark();
    file.stage.case(name, Outcome::of(answer).with("in_use", in_use != 0));
}

/// Closes a file; the driver shutdowns that the device saw meanwhile, counted through another one.
fn shutdowns_on_close(closed: File<'_>, witness: &File<'_>) -> Step<Outcome> {
    let before = witness.counts()?.shutdowns;
    let answer = closed.close();
    let after = witness.counts()?.shutdowns;
    Ok(Outcome::of(answer).with("driver_shutdowns_seen_by_device", after - before))
}

pub(super) fn ownership(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let b = stage.open()?;
    a.needs_bench()?;
    needed("mark as in use", a.mark().0)?;
    mark_case(&b, "inuse.second_fd");
    mark_case(&a, "inuse.first_after_second_asked");
    stage.case("inuse.null_arg_other_fd", b.at("MARK_AS_IN_USE", NULL));
    let copy = a.dup()?;
    mark_case(&copy, "inuse.dup_of_first");
    needed("close", copy.close())?;
    stage.case("inuse.close_of_owner_sends_shutdown", shutdowns_on_close(a, &b)?);
    mark_case(&b, "inuse.second_after_first_closed");
    let a = stage.open()?;
    let c = stage.open()?;
    stage.case("inuse.close_of_non_owner_no_shutdown", shutdowns_on_close(c, &b)?);
    needed("close", b.close())?;
    mark_case(&a, "inuse.after_second_closed");
    stage.case("inuse.owner_null_arg", a.at("MARK_AS_IN_USE", NULL));
    Ok(())
}

fn handles_of(made: &[Made]) -> Value {
    made.iter().map(|one| json!(one.handle)).collect()
}

fn lists_of(made: &[Made]) -> Value {
    made.iter().map(|one| json!(one.hex())).collect()
}

pub(super) fn handles(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let b = stage.open()?;
    let memory = Region::new(1);
    let page = user(memory.address, PAGE as u64, TO_DEVICE);
    let (on_a, on_b) = ([a.map(page), a.map(page)], [b.map(page)]);
    stage.case(
        "iso.map_counter_per_fd",
        Outcome::of(Ok(0)).with("mapped_handle on A", handles_of(&on_a)).with("mapped_handle on B", handles_of(&on_b)),
    );
    stage.case("iso.unmap_fd1_handle2_via_fd2", b.unmap_handle(2));
    let list = |file: &File<'_>| file.list(64, 512, false);
    let (on_a, on_b) = ([list(&a), list(&a)], [list(&b)]);
    stage.case(
        "iso.desc_counter_per_fd",
        Outcome::of(Ok(0)).with("desc_handle on A", lists_of(&on_a)).with("desc_handle on B", lists_of(&on_b)),
    );
    stage.case("iso.release_fd1_handle2_via_fd2", b.release_list(0x2000));
    let low = a.low(4096);
    stage.case("iso.low_handle_fd1", Outcome::of(low.answer).with("buffer_handle", low.hex()));
    stage.case("iso.mmap_fd1_low_handle_via_fd2", b.mmap(PAGE, true, low.handle));
    stage.case("iso.low_free_fd1_handle_via_fd2", b.free_low(low.handle));
    stage.case("iso.low_handle_still_valid_on_fd1", a.free_low(low.handle));
    stage.case("iso.program_fd1_desc_via_fd2", b.program(program(1, 512, 0x2000)));
    let copy = a.dup()?;
    stage.case("iso.dup_shares_handles", copy.unmap_handle(2));
    drop(copy);

    let answers = stage.system.in_child(&|system| {
        let child = system.share();
        let inherited = a.through(child, a.descriptor);
        vec![inherited.sync(1, 0, 0, 16), inherited.unmap_handle(1)]
    });
    if let [synced, unmapped] = answers[..] {
        stage.case("iso.forked_child_sync", synced);
        stage.case("iso.forked_child_unmap", unmapped);
    }
    stage.case("iso.parent_unmap_after_child", a.unmap_handle(1));
    needed("close", b.close())?;
    let b = stage.open()?;
    let (mapped, listed) = (b.map(page), list(&b));
    stage.case(
        "iso.counters_restart_on_new_open",
        Outcome::of(listed.answer).with("mapped_handle", mapped.handle).with("desc_handle", listed.hex()),
    );
    drop(b);

    let opened: Vec<_> = (0..200).map_while(|_| stage.open_as(Access::ReadWrite).ok()).collect();
    stage.case("open.many", Outcome::of(Ok(opened.len() as i64)));
    Ok(())
}
