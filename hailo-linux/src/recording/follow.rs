//! [`Follower`]: what is known of a driver from the calls that were made to it.
//!
//! The release of the driver is found from the calls themselves: from the answer to the version query, and before there is
//! one, from the codes that are used.

use std::collections::{BTreeMap, HashMap, HashSet};

use hailo_abi::command::{Command, Reply};
use hailo_abi::enums::DataDirection;
use hailo_abi::firmware::control::{CommonHeader, Expected, Opcode, Response};
use hailo_abi::firmware::{FirmwareInterface, FirmwareRelease};
use hailo_abi::interface::{RELEASES, RequestEntry};
use hailo_abi::{DataModel, DriverRelease, Interface, Request};

use super::{Call, What};

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
        let frame = file.track(call.succeeded(), command.as_ref(), reply.as_ref());
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
    /// Follows what the file holds. Of a launch, its number on the channel.
    fn track(&mut self, done: bool, command: Option<&Command<'_>>, reply: Option<&Reply<'_>>) -> Option<u64> {
        match (command, reply) {
            (Some(Command::BufferMap(map)), Some(Reply::BufferMap(reply))) => {
                let buffer = Buffer { address: map.address_or_fd, size: map.size, direction: map.data_direction };
                self.buffers.insert(reply.mapped_handle, buffer);
            }
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
}
