//! [`play`]: the calls of a recording once more, against any transport.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use hailo_abi::command::{
    Command, DescListCreateReply, InterruptsWaitReply, Operation, Progress, Reply, TransferBuffer,
};
use hailo_abi::driver::query_release;
use hailo_abi::enums::BufferType;
use hailo_abi::{DataModel, Errno, Frame, Interface, Request, Transport};
use md5::{Digest, Md5};

use super::{Call, Recording, What};
use crate::memory::{Memory, PageMemory, Pages, page_size};

/// The most memory that is allocated for the buffers of a recording, in bytes.
const MAX_MEMORY: u64 = 1 << 30;
/// How long a call that returned in the recording may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a wait may take of which it is not sure that it returned before the next call.
const GRACE: Duration = Duration::from_millis(200);
/// Where a firmware control has its opcode and the major status of its answer.
const OPCODE_AND_STATUS: std::ops::Range<usize> = 12..20;

/// What is compared beside what the driver alone determines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayOptions {
    /// The DMA addresses of lists and buffers of the driver. They differ from machine to machine.
    pub dma_addresses: bool,
}

/// What was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Calls that were made.
    pub calls: u64,
    /// Those of them that transferred a frame or a part of one.
    pub launches: u64,
    /// Firmware controls.
    pub controls: u64,
}

/// The first answer that is not the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The call's number in the recording.
    pub sequence: u64,
    /// The request.
    pub name: String,
    /// What was recorded.
    pub recorded: String,
    /// What was answered now.
    pub played: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, name, recorded, played } = self;
        write!(f, "call {sequence}, {name}: {recorded} was recorded, but the answer is {played}")
    }
}

/// Why a recording was not played to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlayError {
    /// An answer differs.
    #[error("{0}")]
    Difference(Difference),
    /// The device cannot be opened.
    #[error("the device cannot be opened: {0}")]
    Open(Errno),
    /// The driver does not say of which release it is, or of one that is not known.
    #[error("the release of the driver is not known: {0}")]
    Release(String),
    /// A call cannot be made once more.
    #[error("call {sequence}, {name}, cannot be played: {reason}")]
    Call {
        /// The call's number in the recording.
        sequence: u64,
        /// The request.
        name: String,
        /// Why.
        reason: &'static str,
    },
}

/// Plays a recording on an emulated board. What the firmware answers is its own, but for whether it did what it was told.
///
/// # Errors
/// [`PlayError::Difference`] for the first difference.
#[cfg(feature = "emulator")]
pub fn play_emulated(
    recording: &Recording,
    emulator: &crate::emulator::Emulator,
    options: PlayOptions,
) -> Result<Played, PlayError> {
    let machine = emulator.machine();
    let open = || Ok(Arc::new(hailo_mock::MockTransport::open(machine, 0)?) as Arc<dyn Transport>);
    // SAFETY: the emulator survives any request. It accesses the memory of this process at the addresses in arguments only,
    // and the player puts its own buffers there, which it keeps for as long as the transport.
    unsafe { play(recording, open, options) }
}

/// Plays a recording: makes its calls in the order in which they were made, with addresses, handles and DMA addresses
/// replaced by those of now, and compares the answers. `open` opens the device.
///
/// Buffers hold zeros: a recording has no data.
///
/// # Errors
/// [`PlayError::Difference`] for the first difference.
///
/// # Safety
/// The driver that answers must survive the calls of the recording in this order, as for [`Frame::new_unchecked`]; addresses
/// in them are those of buffers of the player, which it frees when the files are closed.
pub unsafe fn play(
    recording: &Recording,
    open: impl Fn() -> Result<Arc<dyn Transport>, Errno>,
    options: PlayOptions,
) -> Result<Played, PlayError> {
    let mut player = Player { files: HashMap::new(), waits: Vec::new(), played: Played::default(), options, memory: 0 };
    for call in recording.calls() {
        player.step(call, &open)?;
    }
    player.join(u64::MAX - 1, PATIENCE, |_| true)?;
    Ok(player.played)
}

/// Memory in the place of a buffer of the recorded program.
struct Buffer {
    recorded: u64,
    size: u64,
    /// Where in `pages` it begins.
    offset: u64,
    pages: Arc<Pages>,
}

/// An open file.
struct File {
    /// Closed before the buffers are freed.
    transport: Arc<dyn Transport>,
    interface: &'static Interface,
    buffers: Vec<Buffer>,
    /// Handles of now by recorded ones.
    mapped: HashMap<u64, u64>,
    lists: HashMap<u64, u64>,
    allocated: HashMap<u64, u64>,
    dma: Vec<(u64, u64)>,
    /// Transfers that were reported before the recording has them, by engine and channel.
    ahead: BTreeMap<(u8, u8), u64>,
}

type Answer = (Result<u32, Errno>, Vec<u8>);

/// A call that may not return before another is made.
struct Wait<'a> {
    call: &'a Call,
    argument: Vec<u8>,
    answer: Receiver<Answer>,
}

struct Player<'a> {
    files: HashMap<String, File>,
    waits: Vec<Wait<'a>>,
    played: Played,
    options: PlayOptions,
    memory: u64,
}

fn words(result: Result<u32, Errno>) -> String {
    result.map_or_else(|errno| errno.to_string(), |value| value.to_string())
}

fn differs(call: &Call, recorded: String, played: String) -> PlayError {
    PlayError::Difference(Difference { sequence: call.sequence, name: name(call), recorded, played })
}

fn cannot(call: &Call, reason: &'static str) -> PlayError {
    PlayError::Call { sequence: call.sequence, name: name(call), reason }
}

fn name(call: &Call) -> String {
    match &call.what {
        What::Close => "close".to_owned(),
        What::Ioctl { name, .. } => name.clone(),
    }
}

/// Makes one call on a thread of its own. The thread keeps file and buffers for as long as the call lasts.
fn start(file: &File, request: Request, mut argument: Vec<u8>) -> Receiver<Answer> {
    let (sender, answer) = mpsc::channel();
    let transport = file.transport.clone();
    thread::spawn(move || {
        let result = match Frame::harmless(request, &mut argument) {
            Ok(frame) => transport.submit(frame),
            Err(_) => Err(Errno::EINVAL),
        };
        // Whoever has the answer may expect the file to be closed with the player.
        drop(transport);
        // Whoever does not want to know any more does not matter.
        let _ = sender.send((result, argument));
    });
    answer
}

impl File {
    fn new(transport: Arc<dyn Transport>) -> Result<Self, PlayError> {
        let release = query_release(&transport).map_err(|error| PlayError::Release(error.to_string()))?;
        let interface = Interface::of(release).ok_or_else(|| PlayError::Release(release.to_string()))?;
        let (mapped, lists, allocated) = (HashMap::new(), HashMap::new(), HashMap::new());
        let (buffers, dma, ahead) = (Vec::new(), Vec::new(), BTreeMap::new());
        Ok(Self { transport, interface, buffers, mapped, lists, allocated, dma, ahead })
    }

    /// Where a recorded address is now; `None` if nothing is known of so many bytes there.
    fn address(&self, recorded: u64, size: u64) -> Option<u64> {
        let within = |buffer: &&Buffer| {
            recorded
                .checked_sub(buffer.recorded)
                .is_some_and(|start| start <= buffer.size && size <= buffer.size - start)
        };
        let buffer = self.buffers.iter().rev().find(within)?;
        Some(buffer.pages.address() + buffer.offset + (recorded - buffer.recorded))
    }

    fn replace_buffers(&self, buffers: &mut [TransferBuffer]) -> Result<(), &'static str> {
        for buffer in buffers {
            buffer.mapped_buffer_handle = handle(&self.mapped, buffer.mapped_buffer_handle);
            if buffer.address_or_fd != 0 {
                if buffer.buffer_type != BufferType::USER_PTR {
                    return Err("it names a DMA buffer of another device");
                }
                let address = self.address(buffer.address_or_fd, buffer.size.into());
                buffer.address_or_fd = address.ok_or("it transfers memory that is not mapped")?;
            }
        }
        Ok(())
    }

    /// The firmware control with the DMA addresses of now.
    fn control(&self, message: &mut [u8]) {
        for (recorded, now) in self.dma.iter().filter(|(recorded, now)| recorded != now) {
            let (recorded, now) = (recorded.to_le_bytes(), now.to_le_bytes());
            for start in 0..message.len().saturating_sub(7) {
                if let Some(place) = message.get_mut(start..start + 8).filter(|place| **place == recorded) {
                    place.copy_from_slice(&now);
                }
            }
        }
    }
}

/// The handle of now; one that the driver never gave stays as it is.
fn handle(handles: &HashMap<u64, u64>, recorded: u64) -> u64 {
    handles.get(&recorded).copied().unwrap_or(recorded)
}

impl<'a> Player<'a> {
    fn step(&mut self, call: &'a Call, open: &impl Fn() -> Result<Arc<dyn Transport>, Errno>) -> Result<(), PlayError> {
        let What::Ioctl { request, before, after, result, .. } = &call.what else {
            self.join(call.end, PATIENCE, |_| true)?;
            self.files.remove(&call.file);
            return Ok(());
        };
        if !self.files.contains_key(&call.file) {
            self.files.insert(call.file.clone(), File::new(open().map_err(PlayError::Open)?)?);
        }
        self.join(call.end, GRACE, |wait| waits_for_transfers(wait.call))?;
        let thread = call.thread;
        self.join(u64::MAX - 1, PATIENCE, |wait| wait.call.thread == thread)?;
        self.played.calls += 1;
        let mut argument = before.clone();
        let operation = self.prepare(call, *request, &mut argument)?;
        let Some(file) = self.files.get_mut(&call.file) else { return Ok(()) };
        match operation {
            Some(Operation::ReadNotification | Operation::InterruptsWait) => {
                if !file.reported(*request, after, *result) {
                    let answer = start(file, *request, argument.clone());
                    self.waits.push(Wait { call, argument, answer });
                }
            }
            _ => {
                // SAFETY: promised by the caller of `play`; the addresses were replaced by `prepare`, and a request that the
                // driver's interface does not have is refused by it.
                let frame = unsafe { Frame::new_unchecked(*request, &mut argument) };
                let frame = frame.map_err(|_| cannot(call, "its argument has another length"))?;
                let answer = file.transport.submit(frame);
                self.compare(call, operation, answer, &argument)?;
            }
        }
        self.join(call.end, PATIENCE, |_| true)
    }

    /// Puts addresses and handles of now into an argument.
    fn prepare(&mut self, call: &Call, request: Request, argument: &mut [u8]) -> Result<Option<Operation>, PlayError> {
        let Some(file) = self.files.get_mut(&call.file) else { return Ok(None) };
        let before = argument.to_vec();
        let Ok(mut command) = file.interface.decode(DataModel::NATIVE, request, &before) else { return Ok(None) };
        let operation = command.operation();
        let mut message = [0; hailo_abi::command::MAX_CONTROL_LENGTH];
        match &mut command {
            Command::BufferMap(map) => {
                if map.buffer_type != BufferType::USER_PTR {
                    return Err(cannot(call, "it names a DMA buffer of another device"));
                }
                let offset = map.address_or_fd % page_size() as u64;
                let length =
                    map.size.checked_add(offset).and_then(|length| length.checked_next_multiple_of(page_size() as u64));
                let length = length.filter(|length| self.memory + *length <= MAX_MEMORY);
                let length = length.ok_or_else(|| cannot(call, "it maps too much memory"))?;
                self.memory += length;
                let length = usize::try_from(length).ok().and_then(NonZeroUsize::new);
                let length = length.ok_or_else(|| cannot(call, "it maps nothing"))?;
                let pages = PageMemory.allocate(length).and_then(|block| Pages::new(block, length));
                let pages = Arc::new(pages.map_err(|_| cannot(call, "there is not enough memory"))?);
                let recorded = map.address_or_fd;
                map.address_or_fd = pages.address() + offset;
                file.buffers.push(Buffer { recorded, size: map.size, offset, pages });
                let known = &file.allocated;
                map.allocated_buffer_handle = map.allocated_buffer_handle.map(|recorded| handle(known, recorded));
            }
            Command::BufferUnmap(unmap) => {
                unmap.mapped_handle = handle(&file.mapped, unmap.mapped_handle);
                unmap.address_or_fd = file.address(unmap.address_or_fd, unmap.size).unwrap_or_default();
            }
            Command::BufferSync(sync) => sync.handle = handle(&file.mapped, sync.handle),
            Command::DescListProgram(program) => {
                program.buffer_handle = handle(&file.mapped, program.buffer_handle);
                program.desc_handle = handle(&file.lists, program.desc_handle);
            }
            Command::DescListRelease(release) => release.desc_handle = handle(&file.lists, release.desc_handle),
            Command::CancelPreparedTransfer(cancel) => cancel.desc_handle = handle(&file.lists, cancel.desc_handle),
            Command::LaunchTransfer(launch) => {
                launch.desc_handle = handle(&file.lists, launch.desc_handle);
                let count = usize::from(launch.buffers_count).min(launch.buffers.len());
                let (buffers, _) = launch.buffers.split_at_mut(count);
                file.replace_buffers(buffers).map_err(|reason| cannot(call, reason))?;
                self.played.launches += 1;
            }
            Command::PrepareTransfer(prepare) => {
                prepare.desc_handle = handle(&file.lists, prepare.desc_handle);
                let count = usize::from(prepare.buffers_count).min(prepare.buffers.len());
                let (buffers, _) = prepare.buffers.split_at_mut(count);
                file.replace_buffers(buffers).map_err(|reason| cannot(call, reason))?;
            }
            Command::ContinuousBufferFree(free) => free.buffer_handle = handle(&file.allocated, free.buffer_handle),
            Command::LowMemoryBufferFree(free) => free.buffer_handle = handle(&file.allocated, free.buffer_handle),
            Command::FwControl(control) => {
                self.played.controls += 1;
                let length = usize::try_from(control.buffer_len).unwrap_or(usize::MAX);
                let (Some(place), Some(given)) = (message.get_mut(..length), control.buffer.get(..length)) else {
                    return Err(cannot(call, "the message is longer than a message can be"));
                };
                place.copy_from_slice(given);
                if control.expected_md5 == <[u8; 16]>::from(Md5::digest(given)) {
                    file.control(place);
                    control.expected_md5 = Md5::digest(&*place).into();
                }
                control.buffer = &message;
            }
            Command::WriteActionList(_) | Command::NonLinuxDescListMmap(_) => {
                return Err(cannot(call, "it has an address whose memory is not in the recording"));
            }
            _ => return Ok(Some(operation)),
        }
        let encoded = file.interface.encode(DataModel::NATIVE, &command, argument);
        encoded.map_err(|_| cannot(call, "the driver has no such parameters"))?;
        Ok(Some(operation))
    }

    /// Compares an answer with the recorded one, and keeps the handles in it.
    fn compare(
        &mut self,
        call: &Call,
        operation: Option<Operation>,
        result: Result<u32, Errno>,
        bytes: &[u8],
    ) -> Result<(), PlayError> {
        let What::Ioctl { request, after, result: Some(recorded), .. } = &call.what else { return Ok(()) };
        let Some(file) = self.files.get_mut(&call.file) else { return Ok(()) };
        let same = match (recorded, &result) {
            // No driver programs no descriptor: the recorded side did not count them.
            (Ok(0), Ok(_)) if matches!(operation, Some(Operation::DescListProgram | Operation::LaunchTransfer)) => true,
            (recorded, result) => recorded == result,
        };
        if !same {
            return Err(differs(call, words(*recorded), words(result)));
        }
        let decode = |bytes| file.interface.decode_reply(DataModel::NATIVE, *request, bytes);
        let (Ok(_), Ok(expected), Ok(reply)) = (result, decode(after), decode(bytes)) else { return Ok(()) };
        match (&expected, &reply) {
            (Reply::BufferMap(expected), Reply::BufferMap(reply)) => {
                file.mapped.insert(expected.mapped_handle, reply.mapped_handle);
            }
            (Reply::DescListCreate(expected), Reply::DescListCreate(reply)) => {
                file.lists.insert(expected.desc_handle, reply.desc_handle);
                let address = |reply: &DescListCreateReply| reply.dma_address;
                file.dma.push((address(expected), address(reply)));
                if self.options.dma_addresses && address(expected) != address(reply) {
                    let words = |reply| format!("DMA address {:#x}", address(reply));
                    return Err(differs(call, words(expected), words(reply)));
                }
            }
            (Reply::ContinuousBufferAlloc(expected), Reply::ContinuousBufferAlloc(reply)) => {
                file.allocated.insert(expected.buffer_handle, reply.buffer_handle);
                file.dma.push((expected.dma_address, reply.dma_address));
            }
            (Reply::LowMemoryBufferAlloc(expected), Reply::LowMemoryBufferAlloc(reply)) => {
                file.allocated.insert(expected.buffer_handle, reply.buffer_handle);
            }
            (Reply::FwControl(expected), Reply::FwControl(reply)) => {
                let header =
                    |message: Option<&[u8]>| message.and_then(|message| message.get(OPCODE_AND_STATUS)).map(super::hex);
                let (expected, reply) = (header(expected.message()), header(reply.message()));
                if expected != reply {
                    return Err(differs(call, format!("opcode and status {expected:?}"), format!("{reply:?}")));
                }
            }
            // The firmware's own.
            (Reply::Log(_), Reply::Log(_)) | (Reply::Timestamps(_), Reply::Timestamps(_)) => {}
            (Reply::MemoryTransfer(_), Reply::MemoryTransfer(_)) => {}
            (expected, reply) if expected == reply => {}
            (expected, reply) => return Err(differs(call, format!("{expected:?}"), format!("{reply:?}"))),
        }
        if operation == Some(Operation::EnableChannels) {
            file.ahead.clear();
        }
        Ok(())
    }

    /// Waits for the calls that had returned before place `end`, and for which `which` holds. Without an answer in time, those
    /// that must have returned differ; of the others, nothing is said yet.
    fn join(&mut self, end: u64, time: Duration, which: impl Fn(&Wait<'a>) -> bool) -> Result<(), PlayError> {
        let mut index = 0;
        while let Some(wait) = self.waits.get_mut(index) {
            let call = wait.call;
            let What::Ioctl { request, after, result, .. } = &call.what else { return Ok(()) };
            if call.end >= end || !which(wait) {
                index += 1;
                continue;
            }
            let (answered, bytes) = match wait.answer.recv_timeout(time) {
                Ok(answer) => answer,
                Err(RecvTimeoutError::Timeout) if time < PATIENCE => {
                    index += 1;
                    continue;
                }
                Err(_) => {
                    let recorded = result.map_or_else(String::new, words);
                    return Err(differs(call, recorded, format!("missing after {} seconds", time.as_secs())));
                }
            };
            let Some(file) = self.files.get_mut(&call.file) else { return Ok(()) };
            if *result != Some(answered) {
                return Err(differs(call, result.map_or_else(String::new, words), words(answered)));
            }
            let reply = file.interface.decode_reply(DataModel::NATIVE, *request, &bytes);
            let ended = match reply {
                Ok(Reply::InterruptsWait(reply)) => {
                    file.note(&reply);
                    reply.channels_count() == 0
                }
                _ => true,
            };
            let expected = file.interface.decode_reply(DataModel::NATIVE, *request, after);
            let transfers = matches!((*result, expected), (Some(Ok(_)), Ok(Reply::InterruptsWait(reply))) if reply.channels_count() > 0);
            if transfers && !file.reported(*request, after, *result) {
                if ended {
                    let recorded = file.interface.decode_reply(DataModel::NATIVE, *request, after);
                    return Err(differs(call, format!("{recorded:?}"), "that the channels are disabled".to_owned()));
                }
                wait.answer = start(file, *request, wait.argument.clone());
                continue;
            }
            self.waits.remove(index);
        }
        Ok(())
    }
}

/// Whether a call returned because transfers had completed.
fn waits_for_transfers(call: &Call) -> bool {
    // The count of channels is never 0 then, and stands within the bytes that changed.
    matches!(&call.what, What::Ioctl { before, after, result: Some(Ok(_)), .. } if before != after)
}

impl File {
    /// Notes the transfers of an answer.
    fn note(&mut self, reply: &InterruptsWaitReply<'_>) {
        for interrupt in reply.iter() {
            let Progress::Transfers(count) = interrupt.progress else { continue };
            *self.ahead.entry((interrupt.engine_index, interrupt.channel_index)).or_default() += u64::from(count);
        }
    }

    /// Whether all transfers that were recorded as completed in a wait have been reported; then they are taken off. When each
    /// report comes is a matter of time, how many there are is not.
    fn reported(&mut self, request: Request, after: &[u8], result: Option<Result<u32, Errno>>) -> bool {
        let reply = self.interface.decode_reply(DataModel::NATIVE, request, after);
        let (Some(Ok(_)), Ok(Reply::InterruptsWait(reply))) = (result, reply) else { return false };
        if reply.channels_count() == 0 {
            return false;
        }
        let mut ahead = self.ahead.clone();
        for interrupt in reply.iter() {
            let Progress::Transfers(count) = interrupt.progress else { continue };
            let known = ahead.entry((interrupt.engine_index, interrupt.channel_index)).or_default();
            let Some(rest) = known.checked_sub(count.into()) else { return false };
            *known = rest;
        }
        self.ahead = ahead;
        true
    }
}
