//! Any sequence of operations of hailo-linux's safe interface, on the emulator of any release: the kernel does not crash,
//! the device touches no memory that was given up, bytes arrive as they were sent, and nothing is left when everything was
//! dropped, in whatever order.
//!
//! The first byte chooses the release; every operation takes its parameters from the bytes that follow. What is
//! "forgotten" is only dropped when everything else is gone.

mod channels;
mod memory;
mod transfers;

use std::any::Any;
use std::time::Duration;

use super::source::Source;
use hailo_abi::enums::CpuId;
use hailo_abi::interface::RELEASES;
use hailo_abi::{ChannelBitmaps, ChannelId, DriverRelease};
use hailo_linux::emulator::Emulator;
use hailo_linux::{
    Channel, Channels, DescriptorList, Device, DmaBuffer, ErrorKind, Notifications, Part, Parts, SharedBuffer, Transfer,
};
use hailo_mock::{Machine, MachineOptions};

/// The most operations of one run.
const MAX_OPERATIONS: usize = 200;
/// The most things of a kind.
const MAX_THINGS: usize = 12;
/// What must happen, happens in this time.
const SOON: Duration = Duration::from_secs(20);
/// Channels 0 to 3 loop back to 16 to 19.
const PAIRS: u8 = 4;
/// The first channel towards the host.
const TO_HOST: u8 = 16;

impl Source<'_> {
    fn length(&mut self) -> usize {
        let small = usize::from(self.byte());
        match self.byte() % 8 {
            4.. => 64 + small,
            0 => small,
            1 => small * 64,
            2 => small * 64 + usize::from(self.byte()),
            _ => 4096 * (small % 5) + usize::from(self.byte() % 3),
        }
    }

    fn channel(&mut self) -> ChannelId {
        let byte = self.byte();
        match byte {
            0xff => ChannelId { engine: 1, index: 0 },
            0xfe => ChannelId::new(40),
            _ => ChannelId::new(byte % PAIRS + if byte & 0x80 == 0 { 0 } else { TO_HOST }),
        }
    }
}

/// What the loopback of a pair of channels should do.
#[derive(Debug, Default)]
struct Pair {
    /// Bytes sent and not forgotten by the accelerator.
    sent: Vec<u8>,
    /// How many of them have been asked for by launches towards the host.
    taken: usize,
    /// Whether the output was started, and nothing happened since that the model does not know the effect of.
    predictable: bool,
}

impl Pair {
    /// One of the channels was reset.
    fn reset(&mut self) {
        self.predictable &= self.taken == 0;
        self.sent.clear();
        self.taken = 0;
    }
}

enum Flight {
    One(Transfer),
    Many(Transfer<Parts>),
}

impl Flight {
    fn is_finished(&self) -> bool {
        match self {
            Self::One(transfer) => transfer.is_finished(),
            Self::Many(transfer) => transfer.is_finished(),
        }
    }

    fn wait(self, timeout: Duration) -> Result<Vec<Part>, hailo_linux::Error> {
        match self {
            Self::One(transfer) => transfer.wait(timeout).map(|buffer| vec![buffer.into()]),
            Self::Many(transfer) => transfer.wait(timeout).map(|parts| parts.into_iter().collect()),
        }
    }
}

struct Launched {
    flight: Flight,
    pair: u8,
    /// What a transfer towards the host should bring: the range of the bytes sent. `None` for one to the device.
    expected: Option<std::ops::Range<usize>>,
    /// Counts the restarts of the pair, so that an old transfer is not compared with new bytes.
    epoch: u64,
}

struct Enabled {
    guard: Channels,
    channels: ChannelBitmaps,
}

#[derive(Default)]
struct Things {
    devices: Vec<Device>,
    buffers: Vec<DmaBuffer>,
    shared: Vec<SharedBuffer>,
    lists: Vec<DescriptorList>,
    enabled: Vec<Enabled>,
    channels: Vec<Channel>,
    flights: Vec<Launched>,
    notifications: Vec<Notifications>,
    forgotten: Vec<Box<dyn Any>>,
    pairs: [Pair; PAIRS as usize],
    epochs: [u64; PAIRS as usize],
    /// Whether files went stale, so that calls may fail for no fault of their own.
    stale: bool,
}

/// Runs one input. Panics on a violation.
///
/// # Panics
/// If a property does not hold.
pub fn run(data: &[u8]) {
    let mut source = Source(data);
    let (driver, _) = RELEASES[usize::from(source.byte()) % RELEASES.len()];
    let iommu = source.byte() & 1 != 0;
    let machine = Machine::new(MachineOptions { driver, iommu, ..MachineOptions::default() });
    let emulator = Emulator::with_machine(machine.expect("a known release"), "mock");
    let mut things = Things::default();
    things.devices.push(emulator.open(0).expect("an idle device can be opened"));
    for _ in 0..MAX_OPERATIONS {
        if source.0.is_empty() {
            break;
        }
        things.operate(&mut source, &emulator);
        things.check(&emulator);
    }
    things.drop_in_some_order(&mut source, &emulator);
    let report = emulator.machine().report();
    assert!(report.is_clean(), "driver {driver}: {report}");
}

impl Things {
    fn check(&self, emulator: &Emulator) {
        let report = emulator.machine().report();
        assert!(report.crashes.is_empty(), "{report}");
        let board = &report.boards[0];
        assert_eq!((board.stray_accesses, board.runaway_channels), (0, 0), "{report}");
    }

    fn operate(&mut self, source: &mut Source<'_>, emulator: &Emulator) {
        match source.byte() % 32 {
            0 => self.open(source, emulator),
            1..=4 => self.allocate(source),
            5 => self.write(source),
            6 => self.create_list(source),
            7 => self.program(source),
            8 => self.enable(source),
            9 => self.open_channel(source),
            10 => self.start(source),
            11 => self.stop(source),
            12..=20 => self.launch(source),
            21..=24 => self.wait(source),
            25 => self.disable(source),
            26 => self.ask(source),
            27 => self.forget(source),
            28 => self.drop_one(source),
            29 | 30 => self.ready_pair(source),
            _ => self.rare(source, emulator),
        }
    }

    /// Mostly the first: things of different files do not go together.
    fn device(&self, source: &mut Source<'_>) -> Option<Device> {
        let byte = usize::from(source.byte());
        let index = if byte < 0xf0 { 0 } else { byte & 0x0f };
        self.devices.get(index.min(self.devices.len().checked_sub(1)?)).cloned()
    }

    /// Mostly one of the last: earlier ones were disabled.
    fn channel(&mut self, source: &mut Source<'_>) -> Option<usize> {
        let byte = source.byte();
        let back = if byte < 0xf0 { usize::from(byte & 3) } else { usize::from(byte & 0x0f) };
        self.channels.len().checked_sub(1 + back % self.channels.len().max(1))
    }

    fn open(&mut self, source: &mut Source<'_>, emulator: &Emulator) {
        if source.byte() & 7 != 0 && self.devices.len() < MAX_THINGS {
            self.devices.push(emulator.open(0).expect("the device can be opened"));
        } else if let Some(index) = source.index(self.devices.len()) {
            self.devices.swap_remove(index);
        }
    }

    fn ask(&mut self, source: &mut Source<'_>) {
        let Some(device) = self.device(source) else { return };
        let answers = match source.byte() % 4 {
            0 => device.query_properties().map(drop),
            1 => device.read_log(source.pick(&[CpuId::CPU0, CpuId::CPU1]), &mut [0; 100]).map(drop),
            2 => match self.enabled.first() {
                Some(enabled) => return drop(enabled.guard.timestamps(source.channel())),
                None => Ok(()),
            },
            _ => {
                if self.notifications.len() < 2
                    && let Ok(notifications) = device.notifications()
                {
                    assert!(matches!(
                        notifications.receive(Duration::ZERO).unwrap_err().kind(),
                        ErrorKind::Timeout(_) | ErrorKind::Refused(_) | ErrorKind::Gone(_)
                    ));
                    self.notifications.push(notifications);
                }
                Ok(())
            }
        };
        assert!(answers.is_ok() || self.stale, "{answers:?}");
    }

    fn forget(&mut self, source: &mut Source<'_>) {
        let forgotten: Option<Box<dyn Any>> = match source.byte() % 7 {
            0 => self.buffers.pop().map(|thing| Box::new(thing) as _),
            1 => self.lists.pop().map(|thing| Box::new(thing) as _),
            2 => self.enabled.pop().map(|thing| Box::new(thing.guard) as _),
            3 => self.channels.pop().map(|thing| Box::new(thing) as _),
            4 => self.shared.pop().map(|thing| Box::new(thing) as _),
            5 => self.devices.pop().map(|thing| Box::new(thing) as _),
            _ => self.flights.pop().map(|launched| match launched.flight {
                Flight::One(transfer) => Box::new(transfer) as Box<dyn Any>,
                Flight::Many(transfer) => Box::new(transfer) as Box<dyn Any>,
            }),
        };
        self.forgotten.extend(forgotten);
    }

    fn drop_one(&mut self, source: &mut Source<'_>) {
        match source.byte() % 6 {
            0 => drop(self.buffers.pop()),
            1 => drop(self.lists.pop()),
            2 => drop(self.channels.pop()),
            3 => drop(self.flights.pop()),
            4 => drop(self.shared.pop()),
            _ => drop(self.notifications.pop()),
        }
    }

    fn rare(&mut self, source: &mut Source<'_>, emulator: &Emulator) {
        // That driver crashes at every resume, whoever uses it.
        let survives = emulator.machine().driver() != DriverRelease::new(5, 1, 0);
        if source.byte() == 0x5a && survives {
            emulator.machine().suspend_resume();
            self.stale = true;
        }
    }

    fn drop_in_some_order(self, source: &mut Source<'_>, emulator: &Emulator) {
        let Self { devices, buffers, shared, lists, enabled, channels, flights, notifications, forgotten, .. } = self;
        let mut groups: Vec<Box<dyn Any>> = vec![
            Box::new(devices),
            Box::new(buffers),
            Box::new(shared),
            Box::new(lists),
            Box::new(enabled),
            Box::new(channels),
            Box::new(flights),
            Box::new(notifications),
        ];
        while let Some(index) = source.index(groups.len()) {
            drop(groups.swap_remove(index));
            assert_eq!(emulator.machine().report().crashes, []);
        }
        drop(forgotten);
    }
}
