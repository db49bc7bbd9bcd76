//! [`Follower`]: what is known of a driver from the calls that were made to it.
//!
//! The release of the driver is found from the calls themselves: from the answer to the version query, and before there is
//! one, from the codes that are used.

use std::collections::{BTreeMap, HashMap, HashSet};

use hailo_abi::command::{BufferMap, BufferUnmap, Command, Reply};
use hailo_abi::enums::{BufferType, DataDirection};
use hailo_abi::firmware::control::{CommonHeader, Expected, Opcode, Response};
use hailo_abi::firmware::{FirmwareInterface, FirmwareRelease};
use hailo_abi::interface::{RELEASES, RequestEntry};
use hailo_abi::{DataModel, DriverRelease, Interface, Request};

use super::{Call, What};
use crate::memory::page_size;

/// The first release that unmaps by range and does not look at the handle; mapping a range again gives the same handle.
const UNMAPS_BY_RANGE: DriverRelease = DriverRelease::new(5, 1, 1);

/// Follows the calls of a recording, or of programs that are being watched, in the order in which they returned.
#[derive(Debug)]
pub struct Follower {
    /// The interfaces that the driver can have.
    candidates: Vec<(DriverRelease, &'static Interface)>,
    /// What the driver said.
    release: Option<DriverRelease>,
    firmware: FirmwareInterface,
    /// Whether the firmware itself said what it is.
    identified: bool,
    files: HashMap<u32, File>,
}

/// A mapped buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffer {
    pub(super) address: u64,
    pub(super) size: u64,
    pub(super) direction: DataDirection,
    buffer_type: BufferType,
    /// How often it was mapped and not unmapped.
    references: u64,
}

impl Buffer {
    fn new(map: &BufferMap) -> Self {
        let BufferMap { address_or_fd: address, size, data_direction: direction, buffer_type, .. } = *map;
        Self { address, size, direction, buffer_type, references: 1 }
    }

    /// Whether a driver that unmaps by range takes this buffer for it: what lies in the same pages is the same.
    fn is_meant(&self, unmap: &BufferUnmap) -> bool {
        let page = page_size() as u64;
        let pages = |address: u64, size: u64| (address / page, address.saturating_add(size).div_ceil(page));
        let is_there = match self.buffer_type {
            BufferType::DMABUF => self.address == unmap.address_or_fd,
            _ => pages(self.address, self.size) == pages(unmap.address_or_fd, unmap.size),
        };
        let allows = self.direction == DataDirection::BIDIRECTIONAL || self.direction == unmap.data_direction;
        is_there && allows && self.buffer_type == unmap.buffer_type
    }
}

/// What is known of an open file.
#[derive(Debug, Default)]
struct File {
    buffers: BTreeMap<u64, Buffer>,
    lists: HashSet<u64>,
    /// Transfers since the channels were enabled, by engine and channel.
    launches: HashMap<(u8, u8), u64>,
}

/// How many resources an open file holds, as far as its calls tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Mapped buffers.
    pub mappings: usize,
    /// Descriptor lists.
    pub lists: usize,
}

/// What a call means.
#[derive(Debug)]
pub struct Known<'a> {
    /// The driver's interface, or the newest that it can be.
    pub interface: &'static Interface,
    /// The request.
    pub entry: &'static RequestEntry,
    /// What was asked, if the argument is whole.
    pub command: Option<Command<'a>>,
    /// What was answered, if the call succeeded.
    pub reply: Option<Reply<'a>>,
    /// A launch: how many the channel had before it, since channels were enabled.
    pub frame: Option<u64>,
}

impl Default for Follower {
    fn default() -> Self {
        Self {
            candidates: RELEASES.to_vec(),
            release: None,
            firmware: FirmwareInterface::ALL[FirmwareInterface::ALL.len() - 1],
            identified: false,
            files: HashMap::new(),
        }
    }
}

impl Follower {
    /// One that has seen no call.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The release that the driver named.
    #[must_use]
    pub fn release(&self) -> Option<DriverRelease> {
        self.release
    }

    /// The protocol of the firmware: as it said itself, or that of the driver's release.
    #[must_use]
    pub fn firmware(&self) -> FirmwareInterface {
        self.firmware
    }

    /// What an open file holds.
    #[must_use]
    pub fn held(&self, file: u32) -> Held {
        let file = self.files.get(&file);
        file.map_or_else(Held::default, |file| Held { mappings: file.buffers.len(), lists: file.lists.len() })
    }

    /// An address as a place in a mapped buffer, the newest one if there are several: `buf#HANDLE+OFFSET`.
    #[must_use]
    pub fn place(&self, file: u32, address: u64) -> Option<String> {
        let holds = |(_, buffer): &(&u64, &Buffer)| address >= buffer.address && address - buffer.address < buffer.size;
        let (handle, buffer) = self.files.get(&file)?.buffers.iter().rev().find(holds)?;
        Some(format!("buf#{handle}+{}", address - buffer.address))
    }

    /// A mapped buffer by its handle.
    pub(super) fn buffer(&self, file: u32, handle: u64) -> Option<Buffer> {
        self.files.get(&file)?.buffers.get(&handle).copied()
    }

    /// Takes the next call. `None` if it is no request of any driver.
    pub fn follow<'a>(&mut self, call: &'a Call) -> Option<Known<'a>> {
        let number = call.file.unwrap_or_default();
        let What::Ioctl { request, before, after } = &call.what else {
            if matches!(call.what, What::Close) {
                self.files.remove(&number);
            }
            return None;
        };
        let (interface, entry) = self.find(*request)?;
        let command = interface.decode(DataModel::NATIVE, *request, before).ok();
        let reply = interface.decode_reply(DataModel::NATIVE, *request, after).ok().filter(|_| call.succeeded());
        self.learn(*request, call.succeeded(), reply.as_ref());
        if let (Some(Command::FwControl(_)), Some(Reply::FwControl(answer))) = (&command, &reply) {
            self.hear(answer.message().unwrap_or_default());
        }
        let file = self.files.entry(number).or_default();
        let by_range = interface.first_release >= UNMAPS_BY_RANGE;
        let frame = file.track(by_range, call.succeeded(), command.as_ref(), reply.as_ref());
        Some(Known { interface, entry, command, reply, frame })
    }

    /// The request with a code: of the driver's release, or of the newest one that it can be.
    fn find(&self, request: Request) -> Option<(&'static Interface, &'static RequestEntry)> {
        let entry =
            |interface: &'static Interface| interface.find(request, DataModel::NATIVE).map(|entry| (interface, entry));
        let likely = self.candidates.iter().rev().find_map(|(_, interface)| entry(interface));
        // Whoever looks for the release asks with codes of others too.
        likely.or_else(|| RELEASES.iter().rev().find_map(|(_, interface)| entry(interface)))
    }

    /// Learns from a call which releases the driver can be of.
    fn learn(&mut self, request: Request, succeeded: bool, reply: Option<&Reply<'_>>) {
        if let Some(Reply::DriverInfo(info)) = reply {
            self.release = Some(info.release);
            let release = FirmwareRelease::new(info.release.major, info.release.minor, info.release.revision);
            // Firmware is of the driver's release as long as it has not said otherwise.
            if let (false, Some(interface)) = (self.identified, release.interface()) {
                self.firmware = interface;
            }
            if let Some(interface) = Interface::of(info.release) {
                self.candidates = vec![(info.release, interface)];
            }
        } else if self.release.is_none() && succeeded {
            let has = |interface: &Interface| interface.find(request, DataModel::NATIVE).is_some();
            if self.candidates.iter().any(|(_, interface)| has(interface)) {
                self.candidates.retain(|(_, interface)| has(interface));
            }
        }
    }

    /// Learns from an answer of the firmware which release it is of.
    fn hear(&mut self, message: &[u8]) {
        let Some((header, _)) = CommonHeader::parse(message) else { return };
        if header.opcode != Opcode::IDENTIFY {
            return;
        }
        let response = Response::decode(self.firmware, Expected::opcode(Opcode::IDENTIFY), message);
        if let Ok((_, Response::Identity(identity))) = response
            && let Some(interface) = identity.fw_version.release().interface()
        {
            (self.firmware, self.identified) = (interface, true);
        }
    }
}

impl File {
    /// Follows what the file holds, of a driver that finds buffers by their range or not. Of a launch, its number on the
    /// channel.
    fn track(
        &mut self,
        by_range: bool,
        done: bool,
        command: Option<&Command<'_>>,
        reply: Option<&Reply<'_>>,
    ) -> Option<u64> {
        match (command, reply) {
            (Some(Command::BufferMap(map)), Some(Reply::BufferMap(reply))) => {
                match self.buffers.get_mut(&reply.mapped_handle).filter(|_| by_range) {
                    Some(known) => known.references += 1,
                    None => _ = self.buffers.insert(reply.mapped_handle, Buffer::new(map)),
                }
            }
            (Some(Command::BufferUnmap(unmap)), _) if done && by_range => self.unmap(unmap),
            (Some(Command::BufferUnmap(unmap)), _) if done => {
                self.buffers.remove(&unmap.mapped_handle);
            }
            (_, Some(Reply::DescListCreate(reply))) => {
                self.lists.insert(reply.desc_handle);
            }
            (Some(Command::DescListRelease(release)), _) if done => {
                self.lists.remove(&release.desc_handle);
            }
            (Some(Command::EnableChannels(_)), _) if done => self.launches.clear(),
            (Some(Command::LaunchTransfer(launch)), _) => {
                let count = self.launches.entry((launch.engine_index, launch.channel_index)).or_default();
                let number = *count;
                *count += u64::from(done);
                return Some(number);
            }
            _ => {}
        }
        None
    }

    /// Takes a reference from the newest buffer with a range; without any, it is unmapped.
    fn unmap(&mut self, unmap: &BufferUnmap) {
        let meant = self.buffers.iter_mut().rev().find(|(_, buffer)| buffer.is_meant(unmap));
        let Some((handle, buffer)) = meant.map(|(handle, buffer)| (*handle, buffer)) else { return };
        buffer.references -= 1;
        if buffer.references == 0 {
            self.buffers.remove(&handle);
        }
    }
}

#[cfg(test)]
mod tests {
    use hailo_abi::command::{BufferMap, BufferMapReply, BufferUnmap, Command, Reply};
    use hailo_abi::enums::{BufferType, DataDirection};
    use hailo_abi::{DataModel, DriverRelease, Interface};

    use super::{Call, Follower, Held, What};

    /// Follows calls of a driver of a release on one file.
    struct Followed {
        interface: &'static Interface,
        follower: Follower,
    }

    impl Followed {
        fn new(release: DriverRelease) -> Self {
            let interface = Interface::of(release).unwrap();
            let mut follower = Follower::new();
            follower.candidates = vec![(release, interface)];
            Self { interface, follower }
        }

        fn call(&mut self, command: &Command<'_>, reply: Option<&Reply<'_>>) {
            let mut buffer = [0; hailo_abi::interface::MAX_ARGUMENT_LENGTH];
            let (request, before) = self.interface.encode(DataModel::NATIVE, command, &mut buffer).unwrap();
            let before = before.to_vec();
            let mut after = before.clone();
            if let Some(reply) = reply {
                self.interface.encode_reply(DataModel::NATIVE, command.operation(), reply, &mut after).unwrap();
            }
            let what = What::Ioctl { request, before, after };
            let call = Call { sequence: 1, end: 1, thread: 0, file: Some(1), what, result: Some(Ok(0)), origin: None };
            assert!(self.follower.follow(&call).is_some_and(|known| known.command.is_some()));
        }

        fn map(&mut self, handle: u64, address: u64, size: u64, direction: DataDirection) {
            let command = Command::BufferMap(BufferMap {
                address_or_fd: address,
                size,
                data_direction: direction,
                buffer_type: BufferType::USER_PTR,
                allocated_buffer_handle: None,
            });
            self.call(&command, Some(&Reply::BufferMap(BufferMapReply { mapped_handle: handle })));
        }

        /// How many buffers are mapped after another is not.
        fn unmap(&mut self, handle: u64, address: u64, size: u64, direction: DataDirection) -> usize {
            let command = Command::BufferUnmap(BufferUnmap {
                mapped_handle: handle,
                address_or_fd: address,
                size,
                data_direction: direction,
                buffer_type: BufferType::USER_PTR,
            });
            self.call(&command, None);
            let Held { mappings, .. } = self.follower.held(1);
            mappings
        }
    }

    #[test]
    fn buffers_are_unmapped_by_what_the_release_looks_at() {
        use DataDirection as To;
        for (release, by_range) in [((4, 23, 0), false), ((5, 1, 0), false), ((5, 1, 1), true), ((5, 3, 0), true)] {
            let mut followed = Followed::new(DriverRelease::new(release.0, release.1, release.2));
            followed.map(1, 0x10_0000, 100, To::TO_DEVICE);
            followed.map(2, 0x20_0000, 100, To::FROM_DEVICE);
            if by_range {
                assert_eq!(followed.unmap(0, 0x10_0000, 100, To::TO_DEVICE), 1, "{release:?}");
                assert_eq!(followed.follower.place(1, 0x20_0001).as_deref(), Some("buf#2+1"));
                assert_eq!(followed.unmap(0, 0x20_0000, 100, To::FROM_DEVICE), 0, "{release:?}");
            } else {
                assert_eq!(followed.unmap(1, 0, 0, To::BIDIRECTIONAL), 1, "{release:?}");
                assert_eq!(followed.follower.place(1, 0x20_0001).as_deref(), Some("buf#2+1"));
                assert_eq!(followed.unmap(2, 0, 0, To::BIDIRECTIONAL), 0, "{release:?}");
            }
        }
    }

    #[test]
    fn a_range_that_is_mapped_twice_is_unmapped_twice() {
        use DataDirection as To;
        let mut followed = Followed::new(DriverRelease::new(5, 2, 0));
        followed.map(1, 0x10_0000, 100, To::BIDIRECTIONAL);
        // Within the same page.
        followed.map(1, 0x10_0100, 200, To::TO_DEVICE);
        // A longer range.
        followed.map(2, 0x10_0000, 0x10_0000, To::TO_DEVICE);
        assert_eq!(followed.unmap(7, 0x10_0000, 0x10_0000, To::TO_DEVICE), 1);
        assert_eq!(followed.unmap(7, 0x10_0100, 200, To::TO_DEVICE), 1, "one reference is left");
        assert_eq!(followed.unmap(7, 0x10_0000, 100, To::BIDIRECTIONAL), 0);
    }
}
