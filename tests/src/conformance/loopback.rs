//! Frames through the bench's loopback: what host-to-device channel N takes, channel N + 16 gives back.

use crate::conformance::firmware::ChannelState;
use crate::conformance::kernel::{PAGE, Region};
use crate::conformance::stage::{FROM_DEVICE, File, Step, Stop, TO_DEVICE, needed, user};
use crate::conformance::transfer::{Launch, launch, memory};

/// How frames are sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loopback {
    pub(crate) size: usize,
    /// Descriptors in each ring, and bytes in each of them.
    pub(crate) ring: u64,
    pub(crate) page: u16,
    pub(crate) channel: u8,
    pub(crate) frames: u32,
    pub(crate) debug: bool,
    /// Whether the buffers are mapped before.
    pub(crate) mapped: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loops {
    pub(crate) mismatches: u32,
    /// Descriptors of each launch, to the device and from it; -1 if they were not always the same.
    pub(crate) counts: [i64; 2],
    pub(crate) final_start: u64,
    /// The channel from the device, at the end; its descriptors are those of these frames.
    pub(crate) state: ChannelState,
}

impl Loopback {
    /// The channel from the device.
    pub(crate) fn returning(&self) -> u8 {
        self.channel + 16
    }

    fn bits(&self) -> u64 {
        1 << self.channel | 1 << self.returning()
    }

    pub(crate) fn run(&self, a: &File<'_>) -> Step<Loops> {
        let pages = self.size.div_ceil(PAGE);
        let (sent, received) = (Region::new(pages), Region::new(pages));
        let size = self.size as u64;
        let buffers = [user(sent.address, size, TO_DEVICE), user(received.address, size, FROM_DEVICE)];
        let mut mapped = Vec::new();
        for buffer in buffers.into_iter().filter(|_| self.mapped) {
            mapped.push((buffer, a.map(buffer).needed("mapping of a frame")?.handle));
        }
        let there = a.need_list(self.ring, self.page, true)?;
        let back = a.need_list(self.ring, self.page, true)?;
        needed("enable both channels", a.enable_engines([self.bits(), 0, 0], true))?;
        // The bench writes 65536 as 0.
        let log2 = if self.ring == 65536 { 0 } else { self.ring.ilog2() as u8 };
        a.flags(self.channel, 0)?;
        a.flags(self.returning(), 0)?;
        a.start(self.channel, there.bus, log2)?;
        a.start(self.returning(), back.bus, log2)?;
        let idle = a.channel(self.returning())?.descriptors;
        let mut start = 0;
        let mut mismatches = 0;
        let mut counts: Option<[i64; 2]> = None;
        for frame in 0..self.frames {
            let bytes: Vec<u8> =
                (0..self.size).map(|index| (index as u32 * 7 + frame * 13 + index as u32 / 251) as u8).collect();
            sent.write(0, &bytes);
            received.write(0, &vec![0; self.size]);
            let with = |channel: u8, list: u64, region: &Region| {
                let buffers = [memory(region.address, self.size as u32)];
                a.need_launch(&Launch { debug: self.debug, ..launch(channel, list, start as u32, &buffers) })
            };
            let returning = with(self.returning(), back.handle, &received)?;
            let sending = with(self.channel, there.handle, &sent)?;
            a.wait_for_each(&[self.channel, self.returning()])?;
            mismatches += u32::from(received.read(0, self.size) != bytes);
            let these = [sending, returning];
            let before = counts.get_or_insert(these);
            for (one, other) in before.iter_mut().zip(these) {
                *one = if *one == other { other } else { -1 };
            }
            start = (start + sending as u64) % self.ring;
        }
        let mut state = a.channel(self.returning())?;
        state.descriptors -= idle;
        needed("disable both channels", a.disable(self.bits()))?;
        // The next frames may get the same addresses, with other pages behind them.
        for (buffer, handle) in mapped {
            needed("unmap", a.unmap(handle, buffer))?;
        }
        let counts = counts.ok_or(Stop::Broken("no frame was sent".into()))?;
        Ok(Loops { mismatches, counts, final_start: start, state })
    }
}
