//! What was observed of 5.x and is told in prose only, held against the emulator: the releases between those with a
//! table of their own, and the calls that the tables do not list.

mod crashes;
mod errors;
mod launches;
mod mappings;
mod ordinary;
mod waits;

use std::sync::mpsc::channel;

use nix::libc;

use crate::conformance::emulated::Emulator;
use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::layout::Layout;
use crate::conformance::log::Log;
use crate::conformance::stage::{File, Made, Map, Stage, Step, TO_DEVICE, needed, user};
use crate::conformance::system::{Answer, Release};
use crate::conformance::transfer::{Launch, launch, memory};

const V4_23_0: Release = Release::new(4, 23, 0);
const V5_0_0: Release = Release::new(5, 0, 0);
const V5_0_1: Release = Release::new(5, 0, 1);
const V5_1_0: Release = Release::new(5, 1, 0);
const V5_1_1: Release = Release::new(5, 1, 1);
const V5_2_0: Release = Release::new(5, 2, 0);
const V5_3_0: Release = Release::new(5, 3, 0);

/// The columns of the observer's table of crashes.
const COLUMNS: [Release; 7] = [V4_23_0, V5_0_0, V5_0_1, V5_1_0, V5_1_1, V5_2_0, V5_3_0];
/// All 5.x.
const FIVE: [Release; 6] = [V5_0_0, V5_0_1, V5_1_0, V5_1_1, V5_2_0, V5_3_0];
/// Those whose mappings go by range and whose programming says EINVAL for everything.
const LATER: [Release; 3] = [V5_1_1, V5_2_0, V5_3_0];

/// Runs something on an emulated machine of a release.
fn on(release: Release, run: impl FnOnce(&Stage<'_>) -> Step) {
    let (lines, _told) = channel();
    let log = Log::new(Vec::new(), None, true, lines);
    let (emulator, layout) = (Emulator::new(release), Layout::of(release));
    let stage = Stage::new(&emulator, &layout, &log);
    if let Err(stop) = run(&stage) {
        panic!("{release}: {stop:?}");
    }
}

fn failed(errno: i32) -> Answer {
    Err(errno)
}

const EINVAL: Answer = Err(libc::EINVAL);
const EFAULT: Answer = Err(libc::EFAULT);
const ENOMEM: Answer = Err(libc::ENOMEM);
const EIO: Answer = Err(libc::EIO);
const ENXIO: Answer = Err(libc::ENXIO);
const ENODEV: Answer = Err(libc::ENODEV);
const ENOTTY: Answer = Err(libc::ENOTTY);
const ERANGE: Answer = Err(libc::ERANGE);
const ECONNRESET: Answer = Err(libc::ECONNRESET);

/// A file with 16 of 32 pages mapped to the device as handle 1, a ring of 16, channel 0 enabled and started on it.
struct Running<'a> {
    a: File<'a>,
    region: Region,
    list: Made,
}

impl<'a> Running<'a> {
    fn new(stage: &'a Stage<'a>, flags: u8) -> Step<Self> {
        let a = stage.open()?;
        let region = Region::new(32);
        a.map(user(region.address, 65536, TO_DEVICE)).needed("mapping 1")?;
        let list = a.need_list(16, 4096, true)?;
        needed("enable channel 0", a.enable(1))?;
        let running = Self { a, region, list };
        running.start(flags)?;
        Ok(running)
    }

    fn start(&self, flags: u8) -> Step {
        self.a.flags(0, flags)?;
        self.a.start(0, self.list.bus, 4)
    }

    /// Disables, enables and starts the channel.
    fn restart(&self, flags: u8) -> Step {
        needed("disable channel 0", self.a.disable(1))?;
        needed("enable channel 0", self.a.enable(1))?;
        self.start(flags)
    }

    fn whole(&self) -> Map {
        user(self.region.address, 65536, TO_DEVICE)
    }

    /// A transfer of so many bytes from somewhere in the pages.
    fn part(&self, offset: usize, size: u32) -> Launch {
        launch(0, self.list.handle, 0, &[memory(self.region.address + offset, size)])
    }

    fn pages(&self, count: u32) -> Launch {
        self.part(0, count * PAGE as u32)
    }

    /// A transfer of no buffers.
    fn empty(&self) -> Launch {
        launch(0, self.list.handle, 0, &[])
    }

    fn available(&self) -> Step<u64> {
        Ok(self.a.channel(0)?.available)
    }
}
