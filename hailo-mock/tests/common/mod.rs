//! A process of an emulated machine: it encodes commands into simulated memory and calls the kernel entry.
#![allow(dead_code, unreachable_pub, reason = "each test uses what it needs")]

use hailo_abi::channels::ChannelBitmaps;
use hailo_abi::command::*;
use hailo_abi::enums::{BufferType, CpuId, DataDirection, InterruptsDomain};
use hailo_abi::interface::RELEASES;
use hailo_abi::{DataModel, DriverRelease, Errno, Interface, Operation, Reply};
use hailo_mock::memory::PageKind;
use hailo_mock::{Caller, File, Machine, Process, Signals, SimulatedMemory};

/// All releases of the driver.
pub fn releases() -> impl Iterator<Item = DriverRelease> {
    RELEASES.iter().map(|(release, _)| *release)
}

pub struct Client {
    pub machine: Machine,
    pub file: File,
    pub memory: SimulatedMemory,
    pub signals: Signals,
    pub process: u32,
    pub interface: &'static Interface,
    argument: u64,
}

impl Client {
    pub fn new(machine: &Machine) -> Self {
        let memory = SimulatedMemory::new();
        Self {
            machine: machine.clone(),
            file: machine.open(0, &Process { id: 1 }).unwrap(),
            argument: memory.allocate(2, PageKind::ReadWrite),
            memory,
            signals: Signals::new(),
            process: 1,
            interface: Interface::of(machine.driver()).unwrap(),
        }
    }

    pub fn of(release: DriverRelease) -> Self {
        Self::new(&Machine::builder().driver(release).build().unwrap())
    }

    /// Another thread of the same process with the same file.
    pub fn thread(&self) -> Self {
        Self {
            machine: self.machine.clone(),
            file: self.file.clone(),
            argument: self.memory.allocate(2, PageKind::ReadWrite),
            memory: self.memory.clone(),
            signals: Signals::new(),
            process: self.process,
            interface: self.interface,
        }
    }

    /// The same process with another file.
    pub fn reopened(&self) -> Self {
        Self { file: self.machine.open(0, &Process { id: self.process }).unwrap(), ..self.thread() }
    }

    pub fn pages(&self, pages: u64) -> u64 {
        self.memory.allocate(pages, PageKind::ReadWrite)
    }

    pub fn write(&self, address: u64, bytes: &[u8]) {
        hailo_mock::ProcessMemory::write(&self.memory, address, bytes).unwrap();
    }

    pub fn read(&self, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        hailo_mock::ProcessMemory::read(&self.memory, address, &mut bytes).unwrap();
        bytes
    }

    pub fn raw(&self, request: u32, address: u64) -> Result<u32, Errno> {
        let caller = Caller { memory: &self.memory, process: self.process, interruption: &self.signals };
        self.file.ioctl(&caller, request, address)
    }

    /// Makes a call and hands the argument to `look` after it.
    pub fn call<R>(&self, command: &Command<'_>, look: impl FnOnce(Result<u32, Errno>, Reply<'_>) -> R) -> R {
        let mut bytes = [0; 5000];
        let (request, argument) = self.interface.encode(DataModel::Lp64, command, &mut bytes).unwrap();
        self.write(self.argument, argument);
        let result = self.raw(request.raw(), self.argument);
        let argument = self.read(self.argument, argument.len());
        look(result, self.interface.decode_reply(DataModel::Lp64, request, &argument).unwrap())
    }

    pub fn plain(&self, command: &Command<'_>) -> Result<u32, Errno> {
        self.call(command, |result, _| result)
    }

    pub fn has(&self, operation: Operation) -> bool {
        self.interface.entry(operation).is_some()
    }

    pub fn map(&self, address: u64, size: u64, data_direction: DataDirection) -> Result<u64, Errno> {
        self.map_as(BufferMap {
            address_or_fd: address,
            size,
            data_direction,
            buffer_type: BufferType::USER_PTR,
            allocated_buffer_handle: None,
        })
    }

    pub fn map_as(&self, params: BufferMap) -> Result<u64, Errno> {
        self.call(&Command::BufferMap(params), |result, reply| match reply {
            Reply::BufferMap(reply) => result.map(|_| reply.mapped_handle),
            _ => panic!("another reply"),
        })
    }

    pub fn create(&self, count: u64, page: u16, circular: bool) -> Result<(u64, u64), Errno> {
        let params = DescListCreate { desc_count: count, desc_page_size: page, is_circular: circular };
        self.call(&Command::DescListCreate(params), |result, reply| match reply {
            Reply::DescListCreate(reply) => result.map(|_| (reply.desc_handle, reply.dma_address)),
            _ => panic!("another reply"),
        })
    }

    pub fn enable(&self, bits: u64) -> Result<u32, Errno> {
        let channels = ChannelBitmaps::engine0(bits);
        self.plain(&Command::EnableChannels(EnableChannels { channels, enable_timestamps_measure: false }))
    }

    pub fn disable(&self, bits: u64) -> Result<u32, Errno> {
        self.plain(&Command::DisableChannels(DisableChannels { channels: ChannelBitmaps::engine0(bits) }))
    }

    pub fn wait(&self, bits: u64) -> Result<Vec<ChannelInterrupt>, Errno> {
        let channels = ChannelBitmaps::engine0(bits);
        self.call(&Command::InterruptsWait(InterruptsWait { channels }), |result, reply| match reply {
            Reply::InterruptsWait(reply) => result.map(|_| reply.iter().collect()),
            _ => panic!("another reply"),
        })
    }

    /// A launch of one buffer in the way of any release.
    pub fn launch(
        &self,
        channel: u8,
        list: u64,
        start: u32,
        handle: u64,
        address: u64,
        size: u32,
    ) -> Result<u32, Errno> {
        let buffer = if self.machine.driver() < DriverRelease::new(4, 21, 0) {
            TransferBuffer { mapped_buffer_handle: handle, size, ..TransferBuffer::EMPTY }
        } else {
            TransferBuffer { address_or_fd: address, size, ..TransferBuffer::EMPTY }
        };
        self.launch_as(&LaunchTransfer { starting_desc: start, ..LaunchTransfer::new(channel, list, [buffer]) })
    }

    pub fn launch_as(&self, params: &LaunchTransfer) -> Result<u32, Errno> {
        let params = if self.machine.driver() >= DriverRelease::new(5, 0, 1) {
            LaunchTransfer { starting_desc: 0, ..*params }
        } else {
            *params
        };
        self.call(&Command::LaunchTransfer(params), |result, reply| match reply {
            Reply::LaunchTransfer(reply) => result.map(|_| reply.descs_programed),
            _ => result,
        })
    }

    /// A firmware control with an opcode of the test bench; the bytes of its answer.
    pub fn control(&self, opcode: u32, payload: &[u8]) -> Result<Vec<u8>, Errno> {
        let mut request = vec![0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9];
        request.extend_from_slice(&opcode.to_be_bytes());
        request.extend_from_slice(payload);
        let params = FwControl {
            expected_md5: [0; 16],
            buffer_len: request.len() as u32,
            buffer: &request,
            timeout_ms: 2000,
            cpu_id: CpuId::CPU0,
        };
        self.call(&Command::FwControl(params), |result, reply| match reply {
            Reply::FwControl(reply) => result.map(|_| reply.message().unwrap().to_vec()),
            _ => panic!("another reply"),
        })
    }

    pub fn start(&self, channel: u8, list: u64, depth: u8) {
        let mut payload = vec![channel, 1];
        payload.extend_from_slice(&list.to_le_bytes());
        payload.push(depth);
        self.control(0xF001, &payload).unwrap();
    }

    pub fn flags(&self, channel: u8, flags: u8) {
        self.control(0xF003, &[channel, flags]).unwrap();
    }

    /// The `num_avail` and `num_proc` registers of a channel.
    pub fn counters(&self, channel: u8) -> (u16, u16) {
        let answer = self.control(0xF00A, &[channel]).unwrap();
        let number = |at: usize| u16::from_le_bytes([answer[24 + at], answer[25 + at]]);
        (number(2), number(4))
    }

    /// Size and control of some descriptors of a list, as the device sees them.
    pub fn descriptors(&self, list: u64, first: u64, count: u64) -> Vec<(u32, u32)> {
        let mut payload = (list + first * 16).to_le_bytes().to_vec();
        payload.extend_from_slice(&((count * 16) as u16).to_le_bytes());
        let answer = self.control(0xF00F, &payload).unwrap();
        answer[24..]
            .chunks_exact(16)
            .map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .map(|word| (word >> 8, word & 0xff))
            .collect()
    }
}

/// One transfer from the begin of a buffer to the begin of a list, without interrupts.
pub fn program(buffer_handle: u64, buffer_size: u64, desc_handle: u64) -> DescListProgram {
    DescListProgram {
        buffer_handle,
        buffer_size,
        buffer_offset: 0,
        batch_size: 1,
        desc_handle,
        channel_index: 0,
        starting_desc: 0,
        should_bind: true,
        last_interrupts_domain: InterruptsDomain::NONE,
        is_debug: false,
        stride: 0,
    }
}
