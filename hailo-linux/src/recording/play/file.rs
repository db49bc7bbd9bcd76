//! An open file of a recording that is being played: what stands now for the addresses and handles in it.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use hailo_abi::command::{Command, InterruptsWaitReply, Progress, Reply, TransferBuffer};
use hailo_abi::driver::query_release;
use hailo_abi::enums::BufferType;
use hailo_abi::{DataModel, Errno, Interface, Mapping, Request, Transport};
use md5::{Digest, Md5};

use crate::memory::{Memory, PageMemory, Pages, page_size};

/// Memory in the place of a buffer of the recorded program.
struct Buffer {
    recorded: u64,
    size: u64,
    /// Where it is now.
    address: u64,
    /// Kept until the file is closed; none of memory of the driver.
    pages: Option<Pages>,
}

impl Buffer {
    /// Where so many recorded bytes are now, if they are in this buffer.
    fn address_of(&self, recorded: u64, size: u64) -> Option<u64> {
        let start = recorded.checked_sub(self.recorded)?;
        let end = start.checked_add(size)?;
        (end <= self.size).then_some(self.address.checked_add(start)?)
    }
}

/// An open file.
pub(super) struct File {
    /// Closed before the buffers are freed.
    pub(super) transport: Arc<dyn Transport>,
    pub(super) interface: &'static Interface,
    buffers: Vec<Buffer>,
    mappings: Vec<Mapping>,
    /// Handles of now by recorded ones.
    pub(super) mapped: HashMap<u64, u64>,
    pub(super) lists: HashMap<u64, u64>,
    pub(super) allocated: HashMap<u64, u64>,
    /// DMA addresses of now by recorded ones: the driver gives the address of what was released to something else.
    pub(super) dma: HashMap<u64, u64>,
    /// Transfers that were reported before the recording has them, by engine and channel.
    pub(super) ahead: BTreeMap<(u8, u8), u64>,
}

/// Why a file cannot be used.
pub(super) enum OpenError {
    Errno(Errno),
    Release(String),
}

/// The handle of now; one that the driver never gave stays as it is.
fn handle(handles: &HashMap<u64, u64>, recorded: u64) -> u64 {
    handles.get(&recorded).copied().unwrap_or(recorded)
}

impl File {
    pub(super) fn new(transport: Arc<dyn Transport>) -> Result<Self, OpenError> {
        let release = query_release(&transport).map_err(|error| OpenError::Release(error.to_string()))?;
        let interface = Interface::of(release).ok_or_else(|| OpenError::Release(release.to_string()))?;
        let (mapped, lists, allocated, dma) = (HashMap::new(), HashMap::new(), HashMap::new(), HashMap::new());
        let (buffers, mappings, ahead) = (Vec::new(), Vec::new(), BTreeMap::new());
        Ok(Self { transport, interface, buffers, mappings, mapped, lists, allocated, dma, ahead })
    }

    /// Where a recorded address is now; `None` if nothing is known of so many bytes there.
    fn address(&self, recorded: u64, size: u64) -> Option<u64> {
        self.buffers.iter().rev().find_map(|buffer| buffer.address_of(recorded, size))
    }

    /// As [`address`](Self::address), in memory of the player's own.
    fn own_address(&self, recorded: u64, size: u64) -> Option<u64> {
        let own = self.buffers.iter().rev().filter(|buffer| buffer.pages.is_some());
        own.into_iter().find_map(|buffer| buffer.address_of(recorded, size))
    }

    /// Maps memory of the driver, which was at address `recorded` then.
    pub(super) fn map(&mut self, offset: u64, length: u64, recorded: Option<i64>) -> Result<(), Errno> {
        let bytes = usize::try_from(length).map_err(|_| Errno::EINVAL)?;
        let mapping = self.transport.map(handle(&self.allocated, offset), bytes)?;
        let address = mapping.address().as_ptr().expose_provenance() as u64;
        let recorded = recorded.and_then(|address| u64::try_from(address).ok()).unwrap_or_default();
        self.buffers.push(Buffer { recorded, size: length, address, pages: None });
        self.mappings.push(mapping);
        Ok(())
    }

    /// Memory in the place of what a call maps: the same for the same, since drivers of some releases know a buffer by its
    /// address.
    fn allocate(&mut self, recorded: u64, size: u64, memory: &mut u64) -> Result<u64, &'static str> {
        if let Some(address) = self.own_address(recorded, size) {
            return Ok(address);
        }
        let page = page_size() as u64;
        let offset = recorded % page;
        let length = size.checked_add(offset).and_then(|length| length.checked_next_multiple_of(page));
        let length = length.filter(|length| *length <= *memory).ok_or("it maps too much memory")?;
        let bytes = usize::try_from(length).ok().and_then(NonZeroUsize::new).ok_or("it maps nothing")?;
        let pages = PageMemory.allocate(bytes).and_then(|block| Pages::new(block, bytes));
        let pages = pages.map_err(|_| "there is not enough memory")?;
        *memory -= length;
        let address = pages.address() + offset;
        self.buffers.push(Buffer { recorded, size, address, pages: Some(pages) });
        Ok(address)
    }

    fn replace_buffers(&self, succeeded: bool, buffers: &mut [TransferBuffer]) -> Result<(), &'static str> {
        for buffer in buffers {
            buffer.mapped_buffer_handle = handle(&self.mapped, buffer.mapped_buffer_handle);
            if buffer.address_or_fd != 0 {
                if buffer.buffer_type != BufferType::USER_PTR {
                    return Err("it names a DMA buffer of another device");
                }
                buffer.address_or_fd = match self.address(buffer.address_or_fd, buffer.size.into()) {
                    Some(address) => address,
                    None if succeeded => return Err("it transfers memory that is not mapped"),
                    None => unmapped(buffer.address_or_fd),
                };
            }
        }
        Ok(())
    }

    /// The firmware control with the DMA addresses of now.
    fn control(&self, message: &mut [u8]) {
        let mut rest = message;
        while let Some(word) = rest.first_chunk_mut::<8>() {
            // What was put in the place of an address is not looked at again: it may be a recorded address too.
            let recorded = u64::from_le_bytes(*word);
            let used = match self.dma.get(&recorded).filter(|_| recorded != 0) {
                Some(now) => {
                    *word = now.to_le_bytes();
                    word.len()
                }
                None => 1,
            };
            rest = rest.get_mut(used..).unwrap_or_default();
        }
    }

    /// Puts addresses and handles of now into an argument. `succeeded`: whether the recorded call did; `memory`: how much may
    /// be allocated; `patience`: how long a call may take.
    pub(super) fn prepare(
        &mut self,
        succeeded: bool,
        request: Request,
        argument: &mut [u8],
        memory: &mut u64,
        patience: Duration,
    ) -> Result<(), &'static str> {
        let before = argument.to_vec();
        let Ok(mut command) = self.interface.decode(DataModel::NATIVE, request, &before) else { return Ok(()) };
        let mut message = [0; hailo_abi::command::MAX_CONTROL_LENGTH];
        match &mut command {
            Command::BufferMap(map) => {
                if map.buffer_type != BufferType::USER_PTR {
                    return Err("it names a DMA buffer of another device");
                }
                let allocated = map.allocated_buffer_handle.map(|recorded| handle(&self.allocated, recorded));
                map.address_or_fd = match self.address(map.address_or_fd, map.size) {
                    // Memory of the driver is where it was mapped, if the driver is told an address at all.
                    _ if map.address_or_fd == 0 => 0,
                    Some(address) if allocated.is_some() => address,
                    _ if succeeded => self.allocate(map.address_or_fd, map.size, memory)?,
                    // There may have been no memory, or nothing was asked for.
                    _ => unmapped(map.address_or_fd),
                };
                map.allocated_buffer_handle = allocated;
            }
            Command::BufferUnmap(unmap) => {
                unmap.mapped_handle = handle(&self.mapped, unmap.mapped_handle);
                unmap.address_or_fd = self.address(unmap.address_or_fd, unmap.size).unwrap_or_default();
            }
            Command::BufferSync(sync) => sync.handle = handle(&self.mapped, sync.handle),
            Command::DescListProgram(program) => {
                program.buffer_handle = handle(&self.mapped, program.buffer_handle);
                program.desc_handle = handle(&self.lists, program.desc_handle);
            }
            Command::DescListRelease(release) => release.desc_handle = handle(&self.lists, release.desc_handle),
            Command::CancelPreparedTransfer(cancel) => cancel.desc_handle = handle(&self.lists, cancel.desc_handle),
            Command::LaunchTransfer(launch) => {
                launch.desc_handle = handle(&self.lists, launch.desc_handle);
                let count = usize::from(launch.buffers_count).min(launch.buffers.len());
                self.replace_buffers(succeeded, launch.buffers.split_at_mut(count).0)?;
            }
            Command::PrepareTransfer(prepare) => {
                prepare.desc_handle = handle(&self.lists, prepare.desc_handle);
                let count = usize::from(prepare.buffers_count).min(prepare.buffers.len());
                self.replace_buffers(succeeded, prepare.buffers.split_at_mut(count).0)?;
            }
            Command::ContinuousBufferFree(free) => free.buffer_handle = handle(&self.allocated, free.buffer_handle),
            Command::LowMemoryBufferFree(free) => free.buffer_handle = handle(&self.allocated, free.buffer_handle),
            Command::FwControl(control) => {
                control.timeout_ms = control.timeout_ms.min(u32::try_from(patience.as_millis()).unwrap_or(u32::MAX));
                let length = usize::try_from(control.buffer_len).unwrap_or(usize::MAX);
                // Such a message is refused; the driver is to say so.
                if let (Some(place), Some(given)) = (message.get_mut(..length), control.buffer.get(..length)) {
                    place.copy_from_slice(given);
                    if control.expected_md5 == <[u8; 16]>::from(Md5::digest(given)) {
                        self.control(place);
                        control.expected_md5 = Md5::digest(&*place).into();
                    }
                    control.buffer = &message;
                }
            }
            Command::WriteActionList(_) | Command::NonLinuxDescListMmap(_) => {
                return Err("it has an address whose memory is not in the recording");
            }
            _ => return Ok(()),
        }
        let encoded = self.interface.encode(DataModel::NATIVE, &command, argument);
        encoded.map(drop).map_err(|_| "the driver has no such parameters")
    }

    /// Notes the transfers of an answer.
    pub(super) fn note(&mut self, reply: &InterruptsWaitReply<'_>) {
        for (channel, count) in transfers(reply) {
            *self.ahead.entry(channel).or_default() += count;
        }
    }

    /// Whether all transfers that were recorded as completed in a wait have been reported; then they are taken off. When each
    /// report comes is a matter of time, how many there are is not.
    pub(super) fn reported(&mut self, request: Request, after: &[u8], result: Option<Result<u32, Errno>>) -> bool {
        let reply = self.interface.decode_reply(DataModel::NATIVE, request, after);
        let (Some(Ok(_)), Ok(Reply::InterruptsWait(reply))) = (result, reply) else { return false };
        if reply.channels_count() == 0 {
            return false;
        }
        let mut ahead = self.ahead.clone();
        for (channel, count) in transfers(&reply) {
            let known = ahead.entry(channel).or_default();
            let Some(rest) = known.checked_sub(count) else { return false };
            *known = rest;
        }
        self.ahead = ahead;
        true
    }
}

/// An address of a page that is never mapped, as far into it as the recorded one was.
fn unmapped(recorded: u64) -> u64 {
    recorded % page_size() as u64
}

/// The transfers that a wait reported, by engine and channel.
fn transfers(reply: &InterruptsWaitReply<'_>) -> impl Iterator<Item = ((u8, u8), u64)> {
    reply.iter().filter_map(|interrupt| match interrupt.progress {
        Progress::Transfers(count) if interrupt.is_active && interrupt.validation_success => {
            Some(((interrupt.engine_index, interrupt.channel_index), count.into()))
        }
        _ => None,
    })
}

#[cfg(feature = "emulator")]
pub(super) use traffic::Traffic;

#[cfg(feature = "emulator")]
mod traffic {
    use hailo_abi::ChannelId;
    use hailo_abi::command::Command;
    use hailo_mock::{Accelerator, Outputs};

    use super::super::super::{Follower, Recording};

    /// The most bytes that wait for the host on a channel.
    const MOST_WAITING: usize = 64 << 20;

    /// Sends back as many bytes as the recorded accelerator did, all of them as soon as something has come: it may have
    /// answered a frame before the host had written all of it. They are zeros.
    #[derive(Clone, Debug, Default)]
    pub(in super::super) struct Traffic {
        /// The bytes that were asked from it, by channel.
        asked: Vec<(u8, u64)>,
        /// Those that were sent since the channels were reset.
        sent: Vec<u64>,
    }

    impl Traffic {
        pub(in super::super) fn of(recording: &Recording) -> Self {
            let mut traffic = Self::default();
            let mut follower = Follower::new();
            for call in recording.calls() {
                let Some(known) = follower.follow(call).filter(|_| call.succeeded()) else { continue };
                let Some(Command::LaunchTransfer(launch)) = known.command else { continue };
                let buffers = launch.buffers.iter().take(launch.buffers_count.into());
                let bytes: u64 = buffers.map(|buffer| u64::from(buffer.size)).sum();
                let there_is = launch.channel_index < known.interface.channels_per_engine;
                if !there_is || ChannelId::new(launch.channel_index).is_to_device() {
                    continue;
                }
                match traffic.asked.iter_mut().find(|(channel, _)| *channel == launch.channel_index) {
                    Some((_, sum)) => *sum = sum.saturating_add(bytes),
                    None => traffic.asked.push((launch.channel_index, bytes)),
                }
            }
            traffic.sent = vec![0; traffic.asked.len()];
            traffic
        }
    }

    impl Accelerator for Traffic {
        fn input(&mut self, _: u8, _: &[u8], outputs: &mut Outputs) {
            for ((channel, asked), sent) in self.asked.iter().zip(&mut self.sent) {
                let room = MOST_WAITING.saturating_sub(outputs.waiting(*channel));
                let more = usize::try_from(*asked - *sent).unwrap_or(usize::MAX).min(room);
                outputs.extend(*channel, |queue| queue.resize(queue.len() + more, 0));
                *sent += more as u64;
            }
        }

        fn reset(&mut self, _: u8, outputs: &mut Outputs) {
            for ((channel, _), sent) in self.asked.iter().zip(&mut self.sent) {
                *sent = 0;
                outputs.clear(*channel);
            }
        }
    }
}

#[cfg(all(test, feature = "emulator"))]
mod tests {
    use std::sync::Arc;

    use hailo_mock::{Machine, MockTransport};

    use super::File;

    #[test]
    fn addresses_in_controls_are_replaced_once() {
        let machine = Machine::builder().build().expect("a machine");
        let transport = MockTransport::open(&machine, 0).expect("a board");
        let Ok(mut file) = File::new(Arc::new(transport)) else { panic!("the release of the emulator is known") };
        // The address of one list now is that of the next one then; nothing is known of the address 0.
        file.dma.extend([(0x1000, 0x2000), (0x2000, 0x3000), (0, 0x4000)]);
        let message = |addresses: [u64; 4]| {
            // Addresses are not aligned.
            let addresses = addresses.iter().flat_map(|address| address.to_le_bytes());
            [7].into_iter().chain(addresses).chain([9; 3]).collect::<Vec<u8>>()
        };
        let mut sent = message([0x1000, 0x2000, 0, 0x1000]);
        file.control(&mut sent);
        assert_eq!(sent, message([0x2000, 0x3000, 0, 0x2000]));
        // The first list was released, and its address then is that of another.
        file.dma.insert(0x1000, 0x5000);
        let mut sent = message([0x1000, 1, 2, 3]);
        file.control(&mut sent);
        assert_eq!(sent, message([0x5000, 1, 2, 3]));
        file.control(&mut [1, 2, 3]);
    }
}
