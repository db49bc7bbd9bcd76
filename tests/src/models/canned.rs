//! A driver that answers as the emulated side of the recordings did, and writes down what it was asked.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Condvar, Mutex, MutexGuard};

use hailo_abi::command::{
    BufferMapReply, ChannelInterrupt, Command, DescListCreateReply, DeviceProperties, DriverInfo, FwControlReply,
    InterruptsWaitReply, LaunchTransfer, MAX_CONTROL_LENGTH, MarkAsInUseReply, Progress, Reply,
};
use hailo_abi::enums::{AllocationMode, DmaType};
use hailo_abi::{Board, DataModel, DriverRelease, Errno, Frame, Interface, Transport};
use md5::{Digest, Md5};
use serde_json::Value;

use super::recording::Recording;
use super::simulation::dma_address;

/// The release of the driver in the recordings.
const RELEASE: DriverRelease = DriverRelease::new(4, 23, 0);

/// The driver.
pub struct Canned {
    interface: &'static Interface,
    /// The recorded answer to each firmware control.
    answers: HashMap<u32, Vec<u8>>,
    desc_max_page_size: u16,
    state: Mutex<State>,
    progress: Condvar,
}

#[derive(Default)]
struct State {
    calls: Calls,
    lists: HashMap<u64, (u64, u16)>,
    buffers: u64,
    enabled: u64,
    /// Transfers that were launched and have not completed, by channel.
    pending: BTreeMap<u8, usize>,
    /// Transfers that have completed and were not reported, by channel.
    done: BTreeMap<u8, u8>,
}

/// Calls, in words that do not depend on addresses.
#[derive(Default)]
pub struct Calls {
    /// Each call; waits and synchronisations are left out.
    pub words: Vec<String>,
    /// Mapped buffers: where, how long, and the handle.
    mapped: Vec<(u64, u64, u64)>,
    /// Lists and buffers that exist.
    pub held: i64,
}

impl Calls {
    fn place(&self, address: u64) -> String {
        let found = self.mapped.iter().rev().find(|(start, size, _)| (*start..start + size).contains(&address));
        found.map_or_else(|| "nowhere".to_owned(), |(start, _, handle)| format!("buf#{handle}+{}", address - start))
    }

    fn launch(&self, launch: &LaunchTransfer) -> String {
        let buffers: Vec<String> = launch
            .buffers
            .iter()
            .take(launch.buffers_count.into())
            .map(|buffer| {
                format!("{} ({} bytes, {:?})", self.place(buffer.address_or_fd), buffer.size, buffer.buffer_type)
            })
            .collect();
        format!(
            "launch: channel {}/{}, list {:#x} from {}, bind {}, {buffers:?}, interrupts {:?} {:?}",
            launch.engine_index,
            launch.channel_index,
            launch.desc_handle,
            launch.starting_desc,
            launch.should_bind,
            launch.first_interrupts_domain,
            launch.last_interrupts_domain
        )
    }

    /// Notes a call; `mapped` is the handle that it was answered with.
    fn note(&mut self, command: &Command<'_>, mapped: Option<u64>) {
        let words = match command {
            Command::BufferSync(_) | Command::InterruptsWait(_) | Command::ReadNotification => return,
            // Whether a program wants notifications is its own business.
            Command::DisableNotification => return,
            Command::BufferMap(map) => {
                let handle = mapped.unwrap_or_default();
                self.mapped.push((map.address_or_fd, map.size, handle));
                self.held += 1;
                let kind = (map.data_direction, map.buffer_type, map.allocated_buffer_handle);
                format!("map {} bytes as {handle}: {kind:?}", map.size)
            }
            Command::BufferUnmap(unmap) => {
                self.held -= 1;
                format!("unmap {}", unmap.mapped_handle)
            }
            Command::DescListCreate(create) => {
                self.held += 1;
                format!("{create:?}")
            }
            Command::DescListProgram(program) => format!(
                "program {} bytes at {}, {} times from {} as {program:?}",
                program.buffer_size, program.buffer_offset, program.batch_size, program.starting_desc
            ),
            Command::DescListRelease(release) => {
                self.held -= 1;
                format!("release {:#x}", release.desc_handle)
            }
            Command::LaunchTransfer(launch) => self.launch(launch),
            Command::FwControl(control) => {
                let message = control.buffer.get(..control.buffer_len as usize).expect("a length within the buffer");
                assert_eq!(<[u8; 16]>::from(Md5::digest(message)), control.expected_md5);
                format!("control {} ({} ms): {}", control.cpu_id.raw(), control.timeout_ms, super::hex(message))
            }
            other => format!("{other:?}"),
        };
        self.words.push(words);
    }

    /// The calls of a recording, from its opening of the device up to the mark `until`, or all.
    #[must_use]
    pub fn recorded(recording: &Recording, until: &str) -> Self {
        let interface = Interface::of(RELEASE).expect("a known release");
        let number = |value: &Value| {
            let digits = value.as_str().and_then(|text| text.strip_prefix("0x")).expect("hexadecimal digits");
            u32::from_str_radix(digits, 16).expect("hexadecimal digits")
        };
        let mut calls = Self::default();
        for line in recording.lines().take_while(|line| line["mark"] != until).filter(|line| line["call"] == "ioctl") {
            let mut bytes = super::unhex(line["before"].as_str().expect("bytes"));
            bytes.resize(line["arg_len"].as_u64().expect("a length") as usize, 0);
            let request = hailo_abi::Request::from_raw(number(&line["code"]));
            let command = interface.decode(DataModel::Lp64, request, &bytes).expect("a command");
            calls.note(&command, line["p"]["mapped_handle"].as_u64());
        }
        calls
    }
}

impl Canned {
    /// A driver that answers controls as `recording` does.
    ///
    /// # Panics
    /// If the release is not known.
    #[must_use]
    pub fn new(recording: &Recording) -> Self {
        let mut answers = HashMap::new();
        for line in recording.lines().filter(|line| line["fw"].is_object()) {
            let opcode = line["fw"]["opcode"].as_u64().expect("a number") as u32;
            let mut answer = super::unhex(line["fw"]["resp"].as_str().expect("bytes"));
            answer.resize(line["fw"]["resp_len"].as_u64().expect("a length") as usize, 0);
            answers.entry(opcode).or_insert(answer);
        }
        Self {
            interface: Interface::of(RELEASE).expect("a known release"),
            answers,
            desc_max_page_size: 4096,
            state: Mutex::default(),
            progress: Condvar::new(),
        }
    }

    /// The same on a board with another greatest page.
    #[must_use]
    pub fn with_page(self, desc_max_page_size: u16) -> Self {
        Self { desc_max_page_size, ..self }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic before")
    }

    /// Forgets the calls so far and returns them.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().calls.words)
    }

    /// How many lists and buffers exist.
    #[must_use]
    pub fn held(&self) -> i64 {
        self.lock().calls.held
    }

    fn control(&self, request: &[u8]) -> FwControlAnswer {
        let opcode = u32::from_be_bytes(request[12..16].try_into().expect("four bytes"));
        let answer = self.answers.get(&opcode).unwrap_or_else(|| panic!("no answer to control {opcode} was recorded"));
        let mut buffer = [0; MAX_CONTROL_LENGTH];
        buffer[..answer.len()].copy_from_slice(answer);
        FwControlAnswer { md5: Md5::digest(answer).into(), length: answer.len() as u32, buffer }
    }

    /// A frame is done when there is a transfer on every channel.
    fn work(&self, state: &mut State) {
        let channels: Vec<u8> = (0..64).filter(|channel| state.enabled >> channel & 1 != 0).collect();
        while channels.iter().all(|channel| state.pending.get(channel).is_some_and(|pending| *pending > 0)) {
            for channel in &channels {
                *state.pending.entry(*channel).or_default() -= 1;
                *state.done.entry(*channel).or_default() += 1;
            }
        }
        self.progress.notify_all();
    }

    fn wait(&self, channels: u64) -> Vec<ChannelInterrupt> {
        let state = self.lock();
        let mut state = self
            .progress
            .wait_while(state, |state| state.done.is_empty() && state.enabled & channels != 0)
            .expect("no panic before");
        std::mem::take(&mut state.done)
            .into_iter()
            .map(|(channel, count)| ChannelInterrupt {
                engine_index: 0,
                channel_index: channel,
                is_active: true,
                progress: Progress::Transfers(count),
                host_error: 0,
                device_error: 0,
                validation_success: true,
            })
            .collect()
    }
}

struct FwControlAnswer {
    md5: [u8; 16],
    length: u32,
    buffer: [u8; MAX_CONTROL_LENGTH],
}

impl Transport for Canned {
    fn submit(&self, mut frame: Frame<'_>) -> Result<u32, Errno> {
        let request = frame.request();
        let argument = frame.argument().to_vec();
        let Ok(command) = self.interface.decode(DataModel::Lp64, request, &argument) else {
            return Err(Errno::ENOTTY);
        };
        let mut returned = 0;
        let mut mapped = None;
        let interrupts;
        let answer;
        let reply = match &command {
            Command::QueryDriverInfo => Reply::DriverInfo(DriverInfo { release: RELEASE }),
            Command::QueryDeviceProperties => Reply::DeviceProperties(DeviceProperties {
                desc_max_page_size: self.desc_max_page_size,
                board_type: self.interface.board_number(Board::Hailo8).expect("a board"),
                allocation_mode: AllocationMode::USERSPACE,
                dma_type: DmaType::PCIE,
                dma_engines_count: 1,
                is_fw_loaded: true,
            }),
            Command::MarkAsInUse => Reply::MarkAsInUse(MarkAsInUseReply { in_use: false }),
            Command::FwControl(control) => {
                answer = self.control(control.buffer);
                Reply::FwControl(FwControlReply {
                    expected_md5: answer.md5,
                    buffer_len: answer.length,
                    buffer: &answer.buffer,
                })
            }
            Command::BufferMap(_) => {
                let mut state = self.lock();
                state.buffers += 1;
                mapped = Some(state.buffers);
                Reply::BufferMap(BufferMapReply { mapped_handle: state.buffers })
            }
            Command::DescListCreate(create) => {
                let mut state = self.lock();
                let n = state.lists.len() as u64 + 1;
                state.lists.insert(n * 0x1000, (create.desc_count, create.desc_page_size));
                Reply::DescListCreate(DescListCreateReply { desc_handle: n * 0x1000, dma_address: dma_address(n) })
            }
            Command::DescListProgram(program) => {
                let (_, page) = self.lock().lists[&program.desc_handle];
                returned = program.batch_size * program.buffer_size.div_ceil(page.into()) as u32;
                Reply::None
            }
            Command::EnableChannels(enable) => {
                let mut state = self.lock();
                state.enabled |= enable.channels.0[0];
                state.pending.clear();
                state.done.clear();
                Reply::None
            }
            Command::DisableChannels(disable) => {
                let mut state = self.lock();
                state.enabled &= !disable.channels.0[0];
                self.progress.notify_all();
                Reply::None
            }
            Command::LaunchTransfer(launch) => {
                let mut state = self.lock();
                let (_, page) = state.lists[&launch.desc_handle];
                let buffers = launch.buffers.iter().take(launch.buffers_count.into());
                returned = buffers.map(|buffer| buffer.size.div_ceil(page.into())).sum();
                *state.pending.entry(launch.channel_index).or_default() += 1;
                state.calls.note(&command, None);
                self.work(&mut state);
                return Ok(returned);
            }
            Command::InterruptsWait(wait) => {
                interrupts = self.wait(wait.channels.0[0]);
                Reply::InterruptsWait(InterruptsWaitReply::new(&interrupts))
            }
            _ => Reply::None,
        };
        self.lock().calls.note(&command, mapped);
        self.interface
            .encode_reply(DataModel::Lp64, command.operation(), &reply, frame.argument_mut())
            .expect("a reply that this release has");
        Ok(returned)
    }
}
