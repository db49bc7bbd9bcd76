//! [`play`]: the calls of a recording once more, against any transport.

mod file;
mod wait;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hailo_abi::command::{DescListCreateReply, Operation, Reply};
use hailo_abi::firmware::control::Opcode;
use hailo_abi::{DataModel, Errno, Frame, Request, Transport};

use super::line::hex;
use super::{Call, Recording, What};
use file::{File, OpenError};
use wait::{GRACE, MAX_WAITS, Wait};

/// Where a firmware control has its opcode and the major status of its answer.
const OPCODE_AND_STATUS: std::ops::Range<usize> = 12..20;
/// Controls that read what is stored on a board: whether there is anything is not for the driver to say.
const STORED: [Opcode; 3] = [Opcode::READ_USER_CONFIG, Opcode::READ_BOARD_CONFIG, Opcode::READ_MEMORY];
/// What the kernel itself calls the error of a call that a signal has ended.
const ERESTARTSYS: i32 = 512;

/// How a recording is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayOptions {
    /// Whether the DMA addresses of lists and buffers of the driver are compared. They differ from machine to machine.
    pub dma_addresses: bool,
    /// The most memory for the buffers of the recording, in bytes. Default: 1 GiB.
    pub memory: u64,
    /// How long a call may take that returned in the recording. Default: 10 seconds.
    pub patience: Duration,
}

impl Default for PlayOptions {
    fn default() -> Self {
        Self { dma_addresses: false, memory: 1 << 30, patience: Duration::from_secs(10) }
    }
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
    /// Calls that were not made, because they depend on what a recording does not have: those that a signal ended, those
    /// whose argument was no memory, and notifications, which the firmware sends when it likes.
    pub skipped: u64,
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
    /// What was played without a difference before.
    pub before: Played,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, name, recorded, played, .. } = self;
        write!(f, "call {sequence}, {name}: {recorded} was recorded, but the answer is {played}")
    }
}

/// Why a recording was not played to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlayError {
    /// An answer differs.
    #[error("{0}")]
    Difference(Box<Difference>),
    /// The device cannot be opened.
    #[error("call {sequence}: {path} cannot be opened: {errno}")]
    Open {
        /// The call's number in the recording.
        sequence: u64,
        /// The device node.
        path: String,
        /// What the system said.
        errno: Errno,
    },
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

/// An emulated computer for a recording: the one that `name` describes, with an accelerator that sends back as much as the
/// recorded one did.
///
/// # Errors
/// As [`Emulator::new`](crate::emulator::Emulator::new).
#[cfg(feature = "emulator")]
pub fn emulator(recording: &Recording, name: &str) -> crate::error::Result<crate::emulator::Emulator> {
    use crate::emulator::{Emulator, machine_options};
    use crate::error::{Error, ErrorKind};

    let traffic = file::Traffic::of(recording);
    let machine = hailo_mock::Machine::builder()
        .options(machine_options(name)?)
        .accelerator(move |_| traffic.clone())
        .build()
        .map_err(|error| Error::new(name, "emulate the device", ErrorKind::BadName(error.to_string().into())))?;
    Ok(Emulator::with_machine(machine, name))
}

/// Plays a recording on emulated boards: `/dev/hailoN` is the N-th. What the firmware answers is its own, but for whether it
/// did what it was told; not even that where it was to read what is stored on the board.
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
    let open = |path: &str| {
        let digits = path.len() - path.bytes().rev().take_while(u8::is_ascii_digit).count();
        let board = path.get(digits..).and_then(|number| number.parse().ok()).unwrap_or(0);
        Ok(Arc::new(hailo_mock::MockTransport::open(machine, board)?) as Arc<dyn Transport>)
    };
    // SAFETY: the emulator survives any request. It accesses the memory of this process at the addresses in arguments only,
    // and the player puts its own buffers there, which it keeps for as long as the transport, or addresses of a page that is
    // never mapped.
    unsafe { play(recording, open, options) }
}

/// Plays a recording: makes its calls in the order in which they were made, with addresses, handles and DMA addresses
/// replaced by those of now, and compares the answers. `open` opens a device by its path.
///
/// Buffers hold zeros: a recording has no data. Afterwards everything that was opened is closed, and the calls that waited
/// are ended.
///
/// # Errors
/// [`PlayError::Difference`] for the first difference.
///
/// # Safety
/// The driver that answers must survive the calls of the recording in this order, as for [`Frame::new_unchecked`]; addresses
/// in them are those of buffers of the player, which it frees when the files are closed.
pub unsafe fn play(
    recording: &Recording,
    open: impl Fn(&str) -> Result<Arc<dyn Transport>, Errno>,
    options: PlayOptions,
) -> Result<Played, PlayError> {
    let mut player =
        Player { files: HashMap::new(), waits: Vec::new(), played: Played::default(), options, memory: options.memory };
    let steps = || {
        for call in recording.calls() {
            player.step(call, &open)?;
        }
        player.join(u64::MAX, options.patience, |_| true)
    };
    let result = { steps }();
    player.end();
    result.map(|()| player.played)
}

struct Player<'a> {
    files: HashMap<u32, File>,
    waits: Vec<Wait<'a>>,
    played: Played,
    options: PlayOptions,
    /// How much memory is left for buffers.
    memory: u64,
}

fn words(result: Result<u32, Errno>) -> String {
    result.map_or_else(|errno| errno.to_string(), |value| value.to_string())
}

/// The error or the return value as a driver gives it.
fn recorded(call: &Call) -> Option<Result<u32, Errno>> {
    call.result.map(|result| result.map(|value| u32::try_from(value).unwrap_or(u32::MAX)))
}

fn cannot(call: &Call, reason: &'static str) -> PlayError {
    PlayError::Call { sequence: call.sequence, name: name(call), reason }
}

/// The name of a call in the newest release that has it.
fn name(call: &Call) -> String {
    match &call.what {
        What::Open { .. } => "open".to_owned(),
        What::Close => "close".to_owned(),
        What::Map { .. } => "mmap".to_owned(),
        What::Ioctl { request, .. } => {
            let find = |(_, interface): &(_, &hailo_abi::Interface)| interface.find(*request, DataModel::NATIVE);
            let entry = hailo_abi::interface::RELEASES.iter().rev().find_map(find);
            entry.map_or_else(|| request.to_string(), |entry| entry.name.to_owned())
        }
    }
}

/// Whether these digits are the opcode and the status of a message with an opcode.
fn is_about(digits: Option<&str>, opcode: Opcode) -> bool {
    digits.is_some_and(|digits| digits.starts_with(&format!("{:08x}", opcode.0)))
}

/// Whether a call depends on what a recording does not have.
fn is_skipped(call: &Call, operation: Option<Operation>) -> bool {
    if matches!(&call.what, What::Ioctl { request, before, .. } if before.len() < request.size()) {
        return true;
    }
    match call.result {
        Some(Err(Errno::EINTR | Errno::EFAULT)) => true,
        Some(Err(errno)) => errno.raw() == ERESTARTSYS,
        Some(Ok(_)) => operation == Some(Operation::ReadNotification),
        None => false,
    }
}

impl<'a> Player<'a> {
    fn step(
        &mut self,
        call: &'a Call,
        open: &impl Fn(&str) -> Result<Arc<dyn Transport>, Errno>,
    ) -> Result<(), PlayError> {
        let Some(number) = call.file else { return Ok(()) };
        if matches!(call.what, What::Close) {
            self.join(call.returned(), self.options.patience, |_| true)?;
            self.files.remove(&number);
            return Ok(());
        }
        let path = match &call.what {
            What::Open { path, .. } => path,
            _ => "",
        };
        if let Entry::Vacant(place) = self.files.entry(number) {
            let file = open(path).map_err(OpenError::Errno).and_then(File::new);
            let file = file.map_err(|error| match error {
                OpenError::Errno(errno) => PlayError::Open { sequence: call.sequence, path: path.to_owned(), errno },
                OpenError::Release(problem) => PlayError::Release(problem),
            })?;
            place.insert(file);
        }
        match &call.what {
            What::Open { .. } | What::Close => Ok(()),
            What::Map { length, offset } => self.map(call, number, *length, *offset),
            What::Ioctl { request, before, after } => self.request(call, number, *request, before, after),
        }
    }

    fn map(&mut self, call: &Call, number: u32, length: u64, offset: u64) -> Result<(), PlayError> {
        let Some(file) = self.files.get_mut(&number) else { return Ok(()) };
        let Some(left) = self.memory.checked_sub(length) else { return Err(cannot(call, "it maps too much memory")) };
        let mapped = file.map(offset, length, call.result.and_then(Result::ok));
        match (call.result, mapped) {
            (Some(Ok(_)) | None, Ok(())) => self.memory = left,
            (Some(Err(recorded)), Err(errno)) if recorded == errno => {}
            (Some(recorded), mapped) => {
                let mapping = |result: Result<(), Errno>| match result {
                    Ok(()) => "a mapping".to_owned(),
                    Err(errno) => errno.to_string(),
                };
                return Err(self.differs(call, mapping(recorded.map(drop)), mapping(mapped)));
            }
            (None, Err(_)) => {}
        }
        Ok(())
    }

    fn request(
        &mut self,
        call: &'a Call,
        number: u32,
        request: Request,
        before: &[u8],
        after: &[u8],
    ) -> Result<(), PlayError> {
        let patience = self.options.patience;
        let Some(file) = self.files.get(&number) else { return Ok(()) };
        let operation = file.interface.find(request, DataModel::NATIVE).map(|entry| entry.operation);
        if is_skipped(call, operation) {
            self.played.skipped += 1;
            return Ok(());
        }
        // What stops channels must not do so before the answers that were there.
        if operation != Some(Operation::LaunchTransfer) {
            self.join(call.returned(), GRACE.min(patience), |wait| wait.saw_transfers())?;
        }
        self.join(u64::MAX, patience, |wait| wait.call.thread == call.thread)?;
        self.played.calls += 1;
        self.played.controls += u64::from(operation == Some(Operation::FwControl));
        self.played.launches += u64::from(operation == Some(Operation::LaunchTransfer));
        let mut argument = before.to_vec();
        let Some(file) = self.files.get_mut(&number) else { return Ok(()) };
        file.prepare(call.succeeded(), request, &mut argument, &mut self.memory, patience)
            .map_err(|reason| cannot(call, reason))?;
        match operation {
            Some(Operation::ReadNotification | Operation::InterruptsWait) => {
                if !file.reported(request, after, recorded(call)) {
                    if self.waits.len() >= MAX_WAITS {
                        return Err(cannot(call, "too many calls wait at the same time"));
                    }
                    self.waits.push(Wait::start(call, number, file, request, argument)?);
                }
            }
            _ => {
                // SAFETY: promised by the caller of `play`; the addresses were replaced by `prepare`, and a request that the
                // driver's interface does not have is refused by it.
                let frame = unsafe { Frame::new_unchecked(request, &mut argument) };
                let frame = frame.map_err(|_| cannot(call, "its argument has another length"))?;
                let answer = file.transport.submit(frame);
                self.compare(call, number, operation, answer, &argument)?;
            }
        }
        self.join(call.returned(), patience, |_| true)
    }

    fn differs(&self, call: &Call, recorded: String, played: String) -> PlayError {
        // The call itself is none of those before.
        let mut before = self.played;
        before.calls = before.calls.saturating_sub(1);
        let Call { sequence, .. } = *call;
        PlayError::Difference(Box::new(Difference { sequence, name: name(call), recorded, played, before }))
    }

    /// Compares an answer with the recorded one, and keeps the handles in it.
    fn compare(
        &mut self,
        call: &Call,
        number: u32,
        operation: Option<Operation>,
        result: Result<u32, Errno>,
        bytes: &[u8],
    ) -> Result<(), PlayError> {
        let (What::Ioctl { request, after, .. }, Some(recorded)) = (&call.what, recorded(call)) else { return Ok(()) };
        let same = match (recorded, result) {
            // No driver programs no descriptor: the recorded side did not count them.
            (Ok(0), Ok(_)) if matches!(operation, Some(Operation::DescListProgram | Operation::LaunchTransfer)) => true,
            (recorded, result) => recorded == result,
        };
        if !same {
            return Err(self.differs(call, words(recorded), words(result)));
        }
        let Some(file) = self.files.get_mut(&number) else { return Ok(()) };
        let interface = file.interface;
        let decode = |bytes| interface.decode_reply(DataModel::NATIVE, *request, bytes);
        let (Ok(_), Ok(expected), Ok(reply)) = (result, decode(after.as_slice()), decode(bytes)) else { return Ok(()) };
        match (&expected, &reply) {
            (Reply::BufferMap(expected), Reply::BufferMap(reply)) => {
                file.mapped.insert(expected.mapped_handle, reply.mapped_handle);
            }
            (Reply::DescListCreate(expected), Reply::DescListCreate(reply)) => {
                file.lists.insert(expected.desc_handle, reply.desc_handle);
                let address = |reply: &DescListCreateReply| reply.dma_address;
                file.dma.insert(address(expected), address(reply));
                if self.options.dma_addresses && address(expected) != address(reply) {
                    let words = |reply| format!("DMA address {:#x}", address(reply));
                    return Err(self.differs(call, words(expected), words(reply)));
                }
            }
            (Reply::ContinuousBufferAlloc(expected), Reply::ContinuousBufferAlloc(reply)) => {
                file.allocated.insert(expected.buffer_handle, reply.buffer_handle);
                file.dma.insert(expected.dma_address, reply.dma_address);
            }
            (Reply::LowMemoryBufferAlloc(expected), Reply::LowMemoryBufferAlloc(reply)) => {
                file.allocated.insert(expected.buffer_handle, reply.buffer_handle);
            }
            (Reply::FwControl(expected), Reply::FwControl(reply)) => {
                let header =
                    |message: Option<&[u8]>| message.and_then(|message| message.get(OPCODE_AND_STATUS)).map(hex);
                let (expected, reply) = (header(expected.message()), header(reply.message()));
                if expected != reply && !STORED.iter().any(|opcode| is_about(expected.as_deref(), *opcode)) {
                    let words = |header: Option<String>| {
                        header.map_or_else(|| "no message".into(), |header| format!("opcode and status {header}"))
                    };
                    return Err(self.differs(call, words(expected), words(reply)));
                }
            }
            // The firmware's own.
            (Reply::Log(_), Reply::Log(_)) | (Reply::Timestamps(_), Reply::Timestamps(_)) => {}
            (Reply::MemoryTransfer(_), Reply::MemoryTransfer(_)) => {}
            (expected, reply) if expected == reply => {}
            (expected, reply) => return Err(self.differs(call, format!("{expected:?}"), format!("{reply:?}"))),
        }
        if operation == Some(Operation::EnableChannels) {
            file.ahead.clear();
        }
        Ok(())
    }
}
