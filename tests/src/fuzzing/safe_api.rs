//! Any sequence of operations of hailo-linux's safe interface, on the emulator of any release: the kernel does not crash,
//! the device touches no memory that was given up, bytes arrive as they were sent, and nothing is left when everything was
//! dropped, in whatever order.
//!
//! The first byte chooses the release; every operation takes its parameters from the bytes that follow. What is
//! "forgotten" is only dropped when everything else is gone.

use std::any::Any;
use std::time::Duration;

use hailo_abi::enums::{CpuId, InterruptsDomain};
use hailo_abi::interface::RELEASES;
use hailo_abi::{ChannelBitmaps, ChannelId, DriverRelease};
use hailo_linux::emulator::Emulator;
use hailo_linux::{
    Channel, Channels, DescriptorList, Device, Direction, DmaBuffer, ErrorKind, Notifications, Part, Parts, Program,
    SharedBuffer, Transfer,
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

/// Takes parameters from bytes; at their end everything is zero.
struct Source<'a>(&'a [u8]);

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    /// One of so many things, if there are any.
    fn index(&mut self, count: usize) -> Option<usize> {
        let byte = usize::from(self.byte());
        (count > 0).then(|| byte % count)
    }

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

    fn allocate(&mut self, source: &mut Source<'_>) {
        let Some(device) = self.device(source) else { return };
        let direction = source.pick(&[Direction::ToDevice, Direction::FromDevice, Direction::Both]);
        let length = source.length();
        if self.buffers.len() >= MAX_THINGS {
            self.buffers.remove(0);
        }
        let allocated = if source.byte() == 0xff {
            device.allocate_low_memory(length, direction)
        } else {
            device.allocate(length, direction)
        };
        match allocated {
            Ok(buffer) => {
                assert_eq!((buffer.len(), buffer.direction()), (length, direction));
                assert!(buffer.as_slice().iter().all(|byte| *byte == 0));
                self.buffers.push(buffer);
            }
            Err(error) => match error.kind() {
                ErrorKind::Invalid(_) => assert_eq!(length, 0, "{error}"),
                ErrorKind::Inexpressible(_) => {}
                _ => assert!(self.stale, "{error}"),
            },
        }
        if source.byte() == 0xfe
            && let Ok(mut buffer) = device.allocate_continuous(length)
        {
            buffer.as_mut_slice().fill(1);
            assert_ne!(buffer.dma_address(), 0);
        }
    }

    fn write(&mut self, source: &mut Source<'_>) {
        let Some(index) = source.index(self.buffers.len()) else { return };
        let (seed, range) = (source.byte(), source.length());
        let buffer = &mut self.buffers[index];
        for (position, byte) in buffer.as_mut_slice().iter_mut().enumerate() {
            *byte = seed.wrapping_add((position % 251) as u8);
        }
        let length = buffer.len();
        let for_device = buffer.sync_for_device(0..range);
        let possible = (1..=length).contains(&range);
        assert!(for_device.is_ok() == possible || (self.stale && possible), "{for_device:?}");
        let _ = buffer.sync_for_cpu(0..length);
    }

    fn create_list(&mut self, source: &mut Source<'_>) {
        let Some(device) = self.device(source) else { return };
        let count = source.pick(&[16u32, 64, 2, 8, 128, 256, 0, 1, 3, 100, 65536, 65537]);
        let page_size = source.pick(&[512u32, 4096, 64, 1024, 0, 1, 32, 100, 8192, 65536]);
        let circular = source.byte() & 3 != 0;
        if self.lists.len() >= MAX_THINGS {
            return;
        }
        let good = (64..=4096).contains(&page_size) && page_size.is_power_of_two() && count >= 2;
        let good = good && (!circular || count.is_power_of_two() && count <= 65536);
        match device.create_descriptor_list(count, page_size, circular) {
            Ok(list) => {
                assert!(good, "{list:?}");
                self.lists.push(list);
            }
            Err(error) => assert!(!good || self.stale, "{error}"),
        }
    }

    fn program(&mut self, source: &mut Source<'_>) {
        if source.byte() & 1 == 0
            && let Some(index) = source.index(self.buffers.len())
        {
            self.shared.push(self.buffers.swap_remove(index).share());
        }
        let Some(buffer) = source.index(self.shared.len()).map(|index| self.shared[index].clone()) else { return };
        let _ = buffer.write(source.length(), &[source.byte(); 3]);
        let mut bytes = [0; 5];
        let _ = buffer.read(source.length(), &mut bytes);
        let Some(list) = source.index(self.lists.len()) else { return };
        let program = Program {
            start: source.byte().into(),
            offset: source.length(),
            length: source.length(),
            transfers: source.pick(&[1, 1, 2, 0, 3]),
            stride: source.pick(&[0, 0, 64, 100, 8192]),
            channel: source.pick(&[0, 16, 31, 32, 255]),
            bind: source.byte() != 0,
            last_interrupts: source.pick(&[InterruptsDomain::NONE, InterruptsDomain::HOST, InterruptsDomain::MAX_ENUM]),
        };
        // Whether it is possible depends on the release; that it does no harm does not.
        let _ = self.lists[list].program(&buffer, &program);
    }

    fn enable(&mut self, source: &mut Source<'_>) {
        let Some(device) = self.device(source) else { return };
        let channels: ChannelBitmaps = (0..source.byte() % 6).map(|_| source.channel()).collect();
        self.enable_channels(&device, channels);
    }

    fn enable_channels(&mut self, device: &Device, channels: ChannelBitmaps) {
        if let Ok(guard) = device.enable_channels(channels) {
            for enabled in &self.enabled {
                // From 5.0.1 on a file that a suspend made stale loses its channels.
                let taken = !enabled.channels.intersection(channels).is_empty();
                assert!(!taken || self.stale, "a channel is enabled twice");
            }
            self.enabled.push(Enabled { guard, channels });
        }
    }

    fn open_channel(&mut self, source: &mut Source<'_>) {
        let Some(enabled) = source.index(self.enabled.len()) else { return };
        let Some(list) = source.index(self.lists.len()) else { return };
        let list = self.lists.swap_remove(list);
        let wanted = self.enabled[enabled].channels.iter().nth(usize::from(source.byte() % 3));
        let channel = wanted.unwrap_or_else(|| source.channel());
        if let Ok(channel) = self.enabled[enabled].guard.open(channel, list) {
            self.channels.push(channel);
        }
    }

    fn pair(&mut self, channel: ChannelId) -> Option<(&mut Pair, &mut u64)> {
        let index = usize::from(channel.index % TO_HOST);
        Some((self.pairs.get_mut(index)?, self.epochs.get_mut(index)?))
    }

    fn start(&mut self, source: &mut Source<'_>) {
        let Some(device) = self.device(source) else { return };
        let Some(index) = self.channel(source) else { return };
        if device.bench().start(&self.channels[index]).is_ok() {
            self.was_reset(self.channels[index].id(), true);
        }
    }

    fn was_reset(&mut self, id: ChannelId, started: bool) {
        let Some((pair, epoch)) = self.pair(id) else { return };
        pair.reset();
        if !id.is_to_device() && started {
            pair.predictable = true;
            *epoch += 1;
        } else if !id.is_to_device() {
            pair.predictable = false;
        }
    }

    fn stop(&mut self, source: &mut Source<'_>) {
        let Some(device) = self.device(source) else { return };
        let Some(index) = self.channel(source) else { return };
        if device.bench().stop(&self.channels[index]).is_ok() {
            self.was_reset(self.channels[index].id(), false);
        }
    }

    fn launch(&mut self, source: &mut Source<'_>) {
        let Some(channel) = self.channel(source) else { return };
        let id = self.channels[channel].id();
        let mut parts = Parts::new();
        for _ in 0..source.pick(&[1, 1, 1, 1, 1, 1, 2, 2, 3, 8, 0]) {
            let Some(mut index) = source.index(self.buffers.len()) else { break };
            if source.byte() & 7 != 0 {
                // One that fits, mostly.
                let fits = |buffer: &DmaBuffer| buffer.direction().allows(id.is_to_device()) && buffer.len() < 3000;
                index = (index..)
                    .take(self.buffers.len())
                    .map(|index| index % self.buffers.len())
                    .find(|index| fits(&self.buffers[*index]))
                    .unwrap_or(index);
            }
            let buffer = self.buffers.swap_remove(index);
            let part = if source.byte() & 7 == 0 {
                let start = usize::from(source.byte()) * 64;
                let end = start + source.length();
                Part::new(buffer, start..end)
            } else {
                buffer.into()
            };
            if let Err(part) = parts.push(part) {
                self.buffers.push(part.into_buffer());
            }
        }
        let ranges: Vec<_> = parts.iter().map(Part::range).collect();
        let length: usize = ranges.iter().map(ExactSizeIterator::len).sum();
        let mut bytes = Vec::new();
        for part in &parts {
            bytes.extend_from_slice(part.buffer().as_slice().get(part.range()).unwrap_or_default());
        }
        let one = parts.len() == 1 && ranges[0] == (0..parts[0].buffer().len());
        let launched = if one {
            let buffer = parts.pop().expect("one").into_buffer();
            self.channels[channel].launch(buffer).map(Flight::One).map_err(|error| {
                let parts = error.load.map(|buffer| vec![Part::from(buffer)]);
                (error.error, parts)
            })
        } else {
            self.channels[channel]
                .launch(parts)
                .map(Flight::Many)
                .map_err(|error| (error.error, error.load.map(|parts| parts.into_iter().collect())))
        };
        let pair = id.index % TO_HOST;
        match launched {
            Ok(flight) => {
                let Some((model, epoch)) = self.pair(id) else { return };
                let epoch = *epoch;
                let expected = if id.is_to_device() {
                    model.sent.extend_from_slice(&bytes);
                    None
                } else {
                    model.taken += length;
                    Some(model.taken - length..model.taken)
                };
                self.flights.push(Launched { flight, pair, expected, epoch });
            }
            Err((error, parts)) => {
                let parts = parts.unwrap_or_default();
                match error.kind() {
                    ErrorKind::RingFull { .. } | ErrorKind::TooManyPending { .. } => {
                        assert!(self.channels[channel].pending() > 0, "{error}");
                    }
                    ErrorKind::Invalid(_)
                    | ErrorKind::NotStarted { .. }
                    | ErrorKind::Disabled { .. }
                    | ErrorKind::Stopped { .. }
                    | ErrorKind::OutOfStep { .. } => {}
                    _ => assert!(self.stale, "{error}"),
                }
                self.buffers.extend(parts.into_iter().map(Part::into_buffer));
            }
        }
    }

    fn wait(&mut self, source: &mut Source<'_>) {
        let Some(index) = source.index(self.flights.len()) else { return };
        let Launched { flight, pair, expected, epoch } = self.flights.swap_remove(index);
        let pair_index = usize::from(pair);
        let model = &self.pairs[pair_index];
        let known = model.predictable && epoch == self.epochs[pair_index] && !self.stale;
        let known =
            known && self.enabled.iter().any(|enabled| enabled.channels.contains(ChannelId::new(pair + TO_HOST)));
        match expected {
            Some(range) if known => {
                let Some(bytes) = model.sent.get(range.clone()) else {
                    assert!(!flight.is_finished(), "bytes {range:?} of {} were never sent", model.sent.len());
                    // It is given up half of the time.
                    if source.byte() & 1 == 0 {
                        self.flights.push(Launched { flight, pair, expected: Some(range), epoch });
                    } else {
                        assert!(matches!(flight.wait(Duration::ZERO).unwrap_err().kind(), ErrorKind::Timeout(_)));
                    }
                    return;
                };
                let parts = flight.wait(SOON).expect("what was sent arrives");
                let mut arrived = Vec::new();
                for part in &parts {
                    arrived.extend_from_slice(&part.buffer().as_slice()[part.range()]);
                }
                assert!(arrived == bytes, "other bytes arrived than were sent");
                self.buffers.extend(parts.into_iter().map(Part::into_buffer));
            }
            _ => {
                let timeout = if flight.is_finished() { SOON } else { Duration::from_millis(1) };
                if let Ok(parts) = flight.wait(timeout) {
                    self.buffers.extend(parts.into_iter().map(Part::into_buffer));
                }
            }
        }
    }

    fn disable(&mut self, source: &mut Source<'_>) {
        let Some(index) = source.index(self.enabled.len()) else { return };
        let Enabled { guard, channels } = self.enabled.swap_remove(index);
        for channel in channels.iter() {
            if let Some((pair, _)) = self.pair(channel) {
                pair.predictable = false;
            }
        }
        if source.byte() & 1 == 0 {
            let disabled = guard.disable();
            assert!(disabled.is_ok() || self.stale, "{disabled:?}");
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

    /// Makes a pair of channels ready for launches, which a sequence of arbitrary operations seldom does.
    fn ready_pair(&mut self, source: &mut Source<'_>) {
        let Some(device) = self.device(source) else { return };
        let input = ChannelId::new(source.byte() % PAIRS);
        let output = ChannelId::new(input.index + TO_HOST);
        let (count, page_size) = source.pick(&[(16, 512), (64, 4096), (8, 256), (256, 64)]);
        let before = self.enabled.len();
        self.enable_channels(&device, [input, output].into_iter().collect());
        let Some(enabled) = self.enabled.get(before) else { return };
        let open = |channel| {
            let list = device.create_descriptor_list(count, page_size, true)?;
            let channel = enabled.guard.open(channel, list)?;
            device.bench().start(&channel).map(|()| channel)
        };
        let opened = (open(output), open(input));
        let (output, input) = match opened {
            (Ok(output), Ok(input)) => (output, input),
            failed => return assert!(self.stale, "{failed:?}"),
        };
        self.was_reset(output.id(), true);
        self.was_reset(input.id(), true);
        self.channels.extend([output, input]);
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
