//! Transfers that move data.

use crate::conformance::firmware::{ERROR_STATUS, NO_INTERRUPT, NO_STATUS, SINK, STALL};
use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::loopback::Loopback;
use crate::conformance::stage::{FROM_DEVICE, File, Made, Stage, Step, TO_DEVICE, needed, pause, user};
use crate::conformance::table::Outcome;
use crate::conformance::transfer::{Launch, Program, launch, memory, program};

pub(super) fn loopback(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    let plain = Loopback { size: 4096, ring: 16, page: 4096, channel: 0, frames: 20, debug: false, mapped: true };
    let cases = [
        ("dma.1page_ring16", plain),
        ("dma.1B", Loopback { size: 1, channel: 2, ..plain }),
        ("dma.4097B", Loopback { size: 4097, channel: 2, ..plain }),
        ("dma.page64_1000B_ring32", Loopback { size: 1000, ring: 32, page: 64, channel: 4, frames: 50, ..plain }),
        ("dma.page8192_ring64_20000B", Loopback { size: 20000, ring: 64, page: 8192, channel: 5, frames: 10, ..plain }),
        ("dma.1000frames_5000B_ring64", Loopback { size: 5000, ring: 64, channel: 15, frames: 1000, ..plain }),
        ("dma.debug_mode", Loopback { size: 5000, ring: 64, channel: 6, debug: true, ..plain }),
        ("dma.ring65536_page512", Loopback { size: 100_000, ring: 65536, page: 512, channel: 7, ..plain }),
        ("dma.frame_fills_ring_15_of_16", Loopback { size: 61440, channel: 8, ..plain }),
    ];
    for (name, what) in cases {
        let done = what.run(&a)?;
        let count = if done.counts[0] == done.counts[1] { done.counts[0] } else { -1 };
        stage.case(
            name,
            Outcome::of(Ok(0))
                .with("frames", what.frames)
                .with("mismatches", done.mismatches)
                .with("ret_of_each_launch", count)
                .with("final_starting_desc", done.final_start)
                .with(&format!("num_proc register of channel {} (0xF00A)", what.returning()), done.state.processed),
        );
    }
    let (answer, found) = a.timestamps(0, 15);
    let first: Vec<u64> = found.iter().take(3).map(|&(processed, _)| processed).collect();
    stage.case(
        "dma.timestamps_after_1000_frames_and_disable",
        Outcome::of(answer).with("timestamps_count", found.len()).with("timestamps[0..2].desc_num_processed", first),
    );
    Ok(())
}

/// Mapping H of 16 pages to the device, D of the 16 behind it from the device, rings P and Q of 64.
struct Pair<'a> {
    a: &'a File<'a>,
    region: Region,
    h: Made,
    d: Made,
    p: Made,
    q: Made,
}

impl<'a> Pair<'a> {
    fn new(a: &'a File<'a>) -> Step<Self> {
        let region = Region::new(32);
        let h = a.map(user(region.address, 65536, TO_DEVICE)).needed("mapping H")?;
        let d = a.map(user(region.address + 65536, 65536, FROM_DEVICE)).needed("mapping D")?;
        let (p, q) = (a.need_list(64, 4096, true)?, a.need_list(64, 4096, true)?);
        needed("enable channels 0 and 16", a.enable_engines([0x1_0001, 0, 0], true))?;
        Ok(Self { a, region, h, d, p, q })
    }

    /// Disables, enables and starts both channels; channel 0 with bench flags.
    fn restart(&self, flags: u8) -> Step {
        needed("disable channels 0 and 16", self.a.disable(0x1_0001))?;
        needed("enable channels 0 and 16", self.a.enable_engines([0x1_0001, 0, 0], true))?;
        self.a.flags(0, flags)?;
        self.a.flags(16, 0)?;
        self.a.start(0, self.p.bus, 6)?;
        self.a.start(16, self.q.bus, 6)
    }

    /// Fills the source with a pattern and the destination with zeroes.
    fn fill(&self) {
        self.region.write(0, &(0..65536).map(|index: u32| (index * 31 + index / 253) as u8).collect::<Vec<_>>());
        self.region.write(65536, &vec![0; 65536]);
    }

    fn sent(&self, offset: usize, size: u32, start: u32) -> Launch {
        launch(0, self.p.handle, start, &[memory(self.region.address + offset, size)])
    }

    fn returned(&self, offset: usize, size: u32, start: u32) -> Launch {
        launch(16, self.q.handle, start, &[memory(self.region.address + 65536 + offset, size)])
    }

    /// Whether what came back is what was sent.
    fn equal(&self, offset: usize, size: usize) -> bool {
        self.region.read(offset, size) == self.region.read(65536 + offset, size)
    }
}

pub(super) fn single(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    a.needs_bench()?;
    let pair = Pair::new(&a)?;
    pair.restart(0)?;
    pair.fill();
    // Before 4.21 the observed launches named the mapping and offset 0 each time.
    let step = if stage.before(4, 21) { 0 } else { PAGE };
    for index in 0..5 {
        a.need_launch(&pair.returned(index * step, 4096, index as u32))?;
    }
    for index in 0..5 {
        a.need_launch(&pair.sent(index * step, 4096, index as u32))?;
    }
    pause(100);
    let equal = |waited: Outcome| waited.with("data_equal", pair.equal(0, 5 * PAGE));
    stage.case("dma.5_transfers_one_wait_coalesced", equal(a.wait(0x1_0001).into()));

    several_buffers(stage, &pair)?;
    unaligned(stage, &pair)?;

    pair.restart(0)?;
    pair.fill();
    needed("program P", a.program(program(pair.h.handle, 5000, pair.p.handle)))?;
    needed("program Q", a.program(Program { channel: 16, ..program(pair.d.handle, 5000, pair.q.handle) }))?;
    let returned = a.launch(&Launch { bind: false, ..pair.returned(0, 5000, 0) });
    let sent = a.launch(&Launch { bind: false, ..pair.sent(0, 5000, 0) });
    a.wait_for_each(&[0, 16])?;
    stage.case(
        "dma.prebound_should_bind_false",
        Outcome::of(sent)
            .with("ret_of_launch_on_channel_16", returned.unwrap_or(-1))
            .with("data_equal", pair.equal(0, 5000)),
    );
    reported(stage, &pair)?;
    rings(stage, &pair)?;
    needed("disable channels 0 and 16", a.disable(0x1_0001))?;
    drop(pair);
    other_file(stage)
}

fn several_buffers(stage: &Stage<'_>, pair: &Pair<'_>) -> Step {
    if stage.before(4, 21) {
        stage.skip("dma.multi_buffer_3", "before 4.21 a launch has room for two buffers");
        return Ok(());
    }
    let a = pair.a;
    pair.restart(0)?;
    pair.fill();
    let parts = [(0, 4096), (16384, 8192), (32768, 777)];
    let buffers = |base: usize| parts.map(|(offset, size)| memory(base + offset, size));
    let base = pair.region.address;
    let returned = a.launch(&launch(16, pair.q.handle, 0, &buffers(base + 65536)));
    let sent = a.launch(&launch(0, pair.p.handle, 0, &buffers(base)));
    a.wait_for_each(&[0, 16])?;
    let gap = |from: usize, to: usize| pair.region.read(65536 + from, to - from).iter().all(|&byte| byte == 0);
    stage.case(
        "dma.multi_buffer_3",
        Outcome::of(sent)
            .with("ret_of_launch_on_channel_16", returned.unwrap_or(-1))
            .with("data_equal_in_all_3_buffers", parts.iter().all(|&(offset, size)| pair.equal(offset, size as usize)))
            .with("bytes_between_buffers_untouched", gap(4096, 16384) && gap(24576, 32768) && gap(33545, 65536)),
    );
    Ok(())
}

fn unaligned(stage: &Stage<'_>, pair: &Pair<'_>) -> Step {
    let a = pair.a;
    pair.restart(0)?;
    pair.fill();
    let u = Region::new(1);
    u.write(0, &[0x11; PAGE]);
    u.write(64, &[0x22; 100]);
    let mapped = a.map(user(u.address + 64, 100, TO_DEVICE)).needed("unaligned mapping")?;
    a.need_launch(&pair.returned(0, 100, 0))?;
    let sent = a.launch(&launch(0, pair.p.handle, 0, &[memory(u.address + 64, 100)]));
    a.wait_for_each(&[0, 16])?;
    let byte = |offset: usize| format!("{:#04x}", pair.region.read(65536 + offset, 1)[0]);
    stage.case(
        "dma.h2d_from_unaligned_mapping_sends_page_start",
        Outcome::of(sent).with("received byte 0", byte(0)).with("received byte 64", byte(64)),
    );
    a.unmap_handle(mapped.handle).ok();
    Ok(())
}

/// What a wait says about transfers that ended in different ways.
fn reported(stage: &Stage<'_>, pair: &Pair<'_>) -> Step {
    let a = pair.a;
    let debugged = |debug: bool| Launch { debug, ..pair.sent(0, 4096, 0) };
    for (name, flags, debug) in [
        ("dma.debug_no_status_writeback", NO_STATUS, true),
        ("dma.debug_status_error", ERROR_STATUS, true),
        ("dma.nondebug_status_error_ignored", ERROR_STATUS, false),
        ("dma.channel_aborted_before_wait", 0, false),
    ] {
        pair.restart(flags)?;
        a.need_launch(&pair.returned(0, 4096, 0))?;
        a.need_launch(&debugged(debug))?;
        pause(60);
        if name.ends_with("aborted_before_wait") {
            a.registers(0, 0, 1, 0)?;
        }
        stage.case(name, a.wait(0x1));
    }
    pair.restart(STALL)?;
    a.need_launch(&pair.sent(0, 4096, 0))?;
    a.interrupt(30, 0x1, 0)?;
    stage.case("dma.irq_with_nothing_done", a.wait(0x1));

    pair.restart(STALL)?;
    a.need_launch(&pair.sent(0, 4096, 0))?;
    let waited = std::thread::scope(|scope| {
        scope.spawn(|| {
            pause(60);
            a.disable(0x1)
        });
        a.wait(0x1)
    });
    stage.case("dma.disable_with_ongoing", waited);
    needed("enable channel 0", a.enable_engines([0x1, 0, 0], true))?;

    pair.restart(NO_INTERRUPT)?;
    a.need_launch(&Launch { last_domain: 0, ..pair.sent(0, 4096, 0) })?;
    pause(30);
    stage.case("dma.no_irq_requested_wait_blocks", a.wait_signal(0x1, 200));
    a.flags(0, 0)?;
    a.need_launch(&pair.sent(0, 4096, 1))?;
    stage.case("dma.next_irq_reports_both", a.wait(0x1));
    Ok(())
}

/// Rings that are nearly and quite full.
fn rings(stage: &Stage<'_>, pair: &Pair<'_>) -> Step {
    let a = pair.a;
    pair.restart(STALL)?;
    for start in 0..63 {
        a.need_launch(&pair.sent(0, 4096, start))?;
    }
    a.flags(0, SINK)?;
    pause(50);
    stage.case("dma.63_x_1_desc_in_ring_64", a.wait(0x1));
    pair.restart(STALL)?;
    let before = a.channel(0)?.descriptors;
    for start in 0..64 {
        a.launch(&pair.sent(0, 4096, start)).ok();
    }
    a.flags(0, SINK)?;
    pause(50);
    let state = a.channel(0)?;
    stage.case(
        "dma.64_x_1_desc_in_ring_64_hw_sees_empty",
        Outcome::of(Ok(0))
            .with("descriptors_processed_by_device", state.descriptors - before)
            .with("hw_num_avail", state.available),
    );
    Ok(())
}

/// A file waits for its own transfer on a channel that another one enabled.
fn other_file(stage: &Stage<'_>) -> Step {
    let a = stage.open()?;
    let b = stage.open()?;
    let region = Region::new(4);
    needed("enable channel 0", a.enable(0x1))?;
    a.flags(0, SINK)?;
    b.map(user(region.address, 16384, TO_DEVICE)).needed("mapping")?;
    let list = b.need_list(64, 4096, true)?;
    a.start(0, list.bus, 6)?;
    b.need_launch(&launch(0, list.handle, 0, &[memory(region.address, 4096)]))?;
    pause(40);
    stage.case("iso.wait_from_fd2", b.wait(0x1));
    needed("disable channel 0", a.disable(0x1))?;
    Ok(())
}
