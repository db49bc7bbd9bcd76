//! Any sequence of calls on the emulated driver, by several files: it answers, never panics, numbers its handles as the
//! driver does, and keeps nothing when all files are closed.
//!
//! The first byte chooses the release; every operation takes its parameters from the bytes that follow. A call that would
//! wait returns `EINTR`, since a signal is always pending.

use std::collections::{BTreeMap, BTreeSet};

use hailo_abi::channels::ChannelBitmaps;
use hailo_abi::command::{
    BufferMap, BufferSync, BufferUnmap, CancelPreparedTransfer, Command, ContinuousBufferAlloc, ContinuousBufferFree,
    DescListCreate, DescListProgram, DescListRelease, DisableChannels, EnableChannels, FwControl,
    InterruptsReadTimestamps, InterruptsWait, LaunchTransfer, LowMemoryBufferAlloc, LowMemoryBufferFree,
    MAX_BUFFERS_PER_TRANSFER, PrepareTransfer, ReadLog, TransferBuffer,
};
use hailo_abi::enums::{BufferType, CpuId, DataDirection, InterruptsDomain, SyncType};
use hailo_abi::interface::RELEASES;
use hailo_abi::{DataModel, DriverRelease, Errno, Interface, Operation, Reply};
use hailo_mock::memory::PageKind;
use hailo_mock::{Caller, File, Interruption, Machine, Process, ProcessMemory, SimulatedMemory};

/// The address at which arguments lie.
const ARGUMENT: u64 = 0x7000_0000;
/// The address of a few pages of every kind.
const BUFFERS: u64 = 0x100_0000;
/// The most operations of one run.
const MAX_OPERATIONS: usize = 400;
/// The most files that are open at once.
const MAX_FILES: usize = 4;

/// A thread with a signal that never goes away.
struct Interrupted;

impl Interruption for Interrupted {
    fn is_pending(&self) -> bool {
        true
    }

    fn handle(&self) -> bool {
        false
    }
}

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

    fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A number that is mostly small, sometimes at an edge.
    fn number(&mut self) -> u64 {
        match self.byte() {
            0xf0 => 1 << 32,
            0xf1 => (1 << 32) - 1,
            0xf2 => u64::MAX,
            0xf3 => self.word(),
            0xf4 => 0,
            small => small.into(),
        }
    }

    /// A handle near those that were given out.
    fn handle(&mut self, last: u64, step: u64) -> u64 {
        match self.byte() {
            0xff => self.word(),
            byte => (last + step).wrapping_sub(u64::from(byte % 6) * step),
        }
    }
}

/// What a file must know of itself.
#[derive(Debug, Default)]
struct Model {
    last_mapping: u64,
    last_resource: u64,
    /// Lists, low-memory and continuous buffers that can be released.
    lists: BTreeSet<u64>,
    low: BTreeSet<u64>,
    continuous: BTreeSet<u64>,
    stale: bool,
}

struct Run<'a> {
    source: Source<'a>,
    machine: Machine,
    interface: &'static Interface,
    release: DriverRelease,
    memory: SimulatedMemory,
    /// Descriptors: the file, and which model is its.
    files: Vec<(File, usize)>,
    models: BTreeMap<usize, Model>,
    next_model: usize,
    crashes: usize,
    /// Files of a board that is there no more get other answers.
    lost: bool,
}

/// Makes the calls that `data` describes.
///
/// # Panics
/// If the emulator breaks one of its promises.
pub fn run(data: &[u8]) {
    let mut source = Source(data);
    let (release, interface) = RELEASES[usize::from(source.byte()) % RELEASES.len()];
    let machine = Machine::builder().driver(release).iommu(source.byte() == 1).build().expect("a known release");
    let memory = SimulatedMemory::new();
    memory.map(ARGUMENT, 2, PageKind::ReadWrite);
    memory.map(BUFFERS, 20, PageKind::ReadWrite);
    memory.map(BUFFERS + 20 * 4096, 1, PageKind::ReadOnly);
    memory.map(BUFFERS + 21 * 4096, 1, PageKind::SharedFileReadOnly);
    memory.map(BUFFERS + 22 * 4096, 1, PageKind::NoAccess);
    memory.export_dma_buf(7, 4);
    let mut run = Run {
        source,
        machine,
        interface,
        release,
        memory,
        files: Vec::new(),
        models: BTreeMap::new(),
        next_model: 0,
        crashes: 0,
        lost: false,
    };
    run.open();
    for _ in 0..MAX_OPERATIONS {
        if run.source.0.is_empty() {
            break;
        }
        run.step();
    }
    run.finish();
}

impl Run<'_> {
    fn open(&mut self) {
        if self.files.len() >= MAX_FILES {
            return;
        }
        if let Ok(file) = self.machine.open(0, &Process { id: 1 }) {
            self.files.push((file, self.next_model));
            self.models.insert(self.next_model, Model::default());
            self.next_model += 1;
        }
    }

    fn ioctl(&mut self, file: &File, request: u32, address: u64) -> Result<u32, Errno> {
        let process = if self.source.byte() == 0xee { 2 } else { 1 };
        let caller = Caller { memory: &self.memory, process, interruption: &Interrupted };
        let result = file.ioctl(&caller, request, address);
        let crashes = self.machine.report().crashes.len();
        if crashes > self.crashes {
            self.crashes = crashes;
            assert_eq!(result, Err(Errno::ENODEV), "a call that crashes the kernel");
            assert_eq!(self.machine.open(0, &Process { id: 1 }).unwrap_err(), Errno::ENODEV);
            self.lost = true;
        }
        result
    }

    /// Makes a call, unless this release has none of that kind or cannot express it.
    fn call<R>(
        &mut self,
        file: &File,
        command: &Command<'_>,
        look: impl FnOnce(Result<u32, Errno>, Reply<'_>) -> R,
    ) -> Option<R> {
        let mut bytes = [0; 5000];
        let (request, argument) = self.interface.encode(DataModel::Lp64, command, &mut bytes).ok()?;
        self.memory.write(ARGUMENT, argument).expect("mapped memory");
        let result = self.ioctl(file, request.raw(), ARGUMENT);
        let length = argument.len();
        self.memory.read(ARGUMENT, &mut bytes[..length]).expect("mapped memory");
        Some(look(result, self.interface.decode_reply(DataModel::Lp64, request, &bytes[..length]).ok()?))
    }

    fn step(&mut self) {
        let kind = self.source.byte();
        if kind % 32 < 2 || self.files.is_empty() {
            self.open();
            return;
        }
        let index = usize::from(self.source.byte()) % self.files.len();
        let (file, model) = self.files[index].clone();
        match kind % 32 {
            2 => drop(self.close(index)),
            3 if self.files.len() < MAX_FILES => self.files.push((file, model)),
            4..=6 => self.map(&file, model),
            7 => self.unmap(&file, model),
            8 => self.sync(&file, model),
            9..=10 => self.create(&file, model),
            11 => self.release_list(&file, model),
            12 => self.program(&file, model),
            13..=14 => self.channels(&file),
            15..=19 => self.launch(&file, model),
            20..=23 => self.control(&file, model),
            24 => self.notifications(&file),
            25..=26 => self.driver_buffers(&file, model),
            27 => self.mmap(&file, model),
            28 => self.change_memory(),
            29 => self.raw(&file),
            30 => self.events(),
            _ => self.queries(&file),
        }
    }

    fn close(&mut self, index: usize) -> usize {
        let (file, model) = self.files.swap_remove(index);
        drop(file);
        if !self.files.iter().any(|(_, other)| *other == model) {
            self.models.remove(&model);
        }
        model
    }

    /// Whether this file's calls reach the driver's tables.
    fn is_alive(&self, model: usize) -> bool {
        !self.lost && self.models.get(&model).is_some_and(|model| !model.stale)
    }

    fn address(&mut self) -> u64 {
        BUFFERS + u64::from(self.source.byte() % 24) * 4096 + self.source.pick(&[0, 0, 0, 0, 64, 100, 512, 1])
    }

    fn size(&mut self) -> u64 {
        match self.source.byte() {
            0xf0.. => self.source.number(),
            byte => u64::from(byte) * 128 + 1,
        }
    }

    fn direction(&mut self) -> DataDirection {
        DataDirection::from_raw(self.source.pick(&[0, 1, 2, 1, 2, 3, u32::MAX]))
    }

    fn buffer_type(&mut self) -> BufferType {
        BufferType::from_raw(self.source.pick(&[0, 0, 0, 0, 0, 1, 2, u32::MAX]))
    }

    fn map(&mut self, file: &File, model: usize) {
        let buffer_type = self.buffer_type();
        let last = self.models[&model].last_resource;
        let allocated = (self.source.byte() & 7 == 0).then(|| self.source.handle(last, 4096));
        let params = BufferMap {
            address_or_fd: if buffer_type == BufferType::DMABUF { 7 } else { self.address() },
            size: self.size(),
            data_direction: self.direction(),
            buffer_type,
            allocated_buffer_handle: allocated,
        };
        let handle = self.call(file, &Command::BufferMap(params), |result, reply| match (result, reply) {
            (Ok(_), Reply::BufferMap(reply)) => Some(reply.mapped_handle),
            _ => None,
        });
        let by_range = self.release >= DriverRelease::new(5, 1, 1);
        if let (Some(Some(handle)), Some(model)) = (handle, self.models.get_mut(&model)) {
            assert!(handle > 0 && (by_range || handle > model.last_mapping), "mapping {handle} again");
            model.last_mapping = model.last_mapping.max(handle);
        }
    }

    fn unmap(&mut self, file: &File, model: usize) {
        let last = self.models[&model].last_mapping;
        let params = BufferUnmap {
            mapped_handle: self.source.handle(last, 1),
            address_or_fd: self.address(),
            size: self.size(),
            data_direction: self.direction(),
            buffer_type: self.buffer_type(),
        };
        let before = self.machine.report().boards[0].mappings;
        let result = self.call(file, &Command::BufferUnmap(params), |result, _| result);
        if result == Some(Ok(0)) && self.release < DriverRelease::new(5, 0, 0) {
            assert_eq!(self.machine.report().boards[0].mappings, before - 1);
        }
    }

    fn sync(&mut self, file: &File, model: usize) {
        let last = self.models[&model].last_mapping;
        let params = BufferSync {
            handle: self.source.handle(last, 1),
            sync_type: SyncType::from_raw(self.source.pick(&[0, 1, 2])),
            offset: self.source.number(),
            count: self.source.number(),
        };
        self.call(file, &Command::BufferSync(params), |_, _| ());
    }

    /// A number that must be the next one of a file's lists and buffers, or a later one.
    fn expect_resource(&mut self, model: usize, handle: u64) {
        let model = self.models.get_mut(&model).expect("an open file");
        assert!(handle > model.last_resource && handle.is_multiple_of(4096), "handle {handle:#x} again");
        model.last_resource = handle;
    }

    fn create(&mut self, file: &File, model: usize) {
        let params = DescListCreate {
            desc_count: match self.source.byte() {
                0xf0.. => self.source.number(),
                byte => 1 << (byte % 9),
            },
            desc_page_size: self.source.pick(&[512, 4096, 64, 4096, 512, 3, 0, 8192]),
            is_circular: self.source.byte() & 3 != 0,
        };
        let created = self.call(file, &Command::DescListCreate(params), |result, reply| match (result, reply) {
            (Ok(_), Reply::DescListCreate(reply)) => Some((reply.desc_handle, reply.dma_address)),
            _ => None,
        });
        if let Some(Some((handle, address))) = created {
            assert!(address.is_multiple_of(1 << 16));
            self.expect_resource(model, handle);
            self.models.get_mut(&model).expect("an open file").lists.insert(handle);
        }
    }

    /// Releasing what there is succeeds, releasing anything else is refused.
    fn expect_release(&mut self, model: usize, known: bool, result: Option<Result<u32, Errno>>) {
        if let Some(result) = result.filter(|_| self.is_alive(model)) {
            assert_eq!(result, if known { Ok(0) } else { Err(Errno::EINVAL) });
        }
    }

    fn release_list(&mut self, file: &File, model: usize) {
        let last = self.models[&model].last_resource;
        let desc_handle = self.source.handle(last, 4096);
        let result = self.call(file, &Command::DescListRelease(DescListRelease { desc_handle }), |result, _| result);
        let alive = self.is_alive(model);
        let known = alive && self.models.get_mut(&model).expect("an open file").lists.remove(&desc_handle);
        self.expect_release(model, known, result);
    }

    fn program(&mut self, file: &File, model: usize) {
        let (mapping, resource) = (self.models[&model].last_mapping, self.models[&model].last_resource);
        let params = DescListProgram {
            buffer_handle: self.source.handle(mapping, 1),
            buffer_size: self.size(),
            buffer_offset: self.source.pick(&[0, 512, 4096, 100, 1 << 20]),
            batch_size: if self.has(Operation::PrepareTransfer) { self.source.byte().into() } else { 1 },
            desc_handle: self.source.handle(resource, 4096),
            channel_index: self.source.byte(),
            starting_desc: self.source.number() as u32,
            should_bind: true,
            last_interrupts_domain: InterruptsDomain::NONE,
            is_debug: false,
            stride: 0,
        };
        self.call(file, &Command::DescListProgram(params), |_, _| ());
    }

    fn has(&self, operation: Operation) -> bool {
        self.interface.entry(operation).is_some()
    }

    fn channels(&mut self, file: &File) {
        let bits = match self.source.byte() {
            0xf0.. => self.source.word() & 0xffff_ffff,
            byte => 1 << (byte % 4) | u64::from(byte >> 4 & 1) << 16,
        };
        let channels = ChannelBitmaps::engine0(bits);
        let command = match self.source.byte() % 8 {
            0..=3 => Command::EnableChannels(EnableChannels { channels, enable_timestamps_measure: false }),
            4 => Command::DisableChannels(DisableChannels { channels }),
            5 => Command::InterruptsReadTimestamps(InterruptsReadTimestamps {
                engine_index: 0,
                channel_index: self.source.byte(),
            }),
            _ => Command::InterruptsWait(InterruptsWait { channels }),
        };
        self.call(file, &command, |_, _| ());
    }

    fn launch(&mut self, file: &File, model: usize) {
        let (mapping, resource) = (self.models[&model].last_mapping, self.models[&model].last_resource);
        let mut buffers = [TransferBuffer::EMPTY; MAX_BUFFERS_PER_TRANSFER];
        let buffers_count = self.source.pick(&[1, 1, 1, 1, 2, 8, 0, 9]);
        let by_handle = self.release < DriverRelease::new(4, 21, 0);
        for buffer in buffers.iter_mut().take(if by_handle { 2 } else { buffers_count.into() }) {
            let size = self.size() as u32;
            *buffer = if by_handle {
                let mapped_buffer_handle = self.source.handle(mapping, 1);
                TransferBuffer { mapped_buffer_handle, size, ..TransferBuffer::EMPTY }
            } else {
                let buffer_type = self.buffer_type();
                TransferBuffer { buffer_type, address_or_fd: self.address(), size, ..TransferBuffer::EMPTY }
            };
        }
        let counted = self.has(Operation::PrepareTransfer);
        let channel_index = self.source.pick(&[0, 16, 0, 16, 1, 17, 31, 39, 200]);
        let desc_handle = self.source.handle(resource, 4096);
        let command = match self.source.byte() % 8 {
            0 if counted => Command::PrepareTransfer(PrepareTransfer {
                channel_index,
                desc_handle,
                buffers_count,
                buffers,
                first_interrupts_domain: InterruptsDomain::NONE,
                last_interrupts_domain: InterruptsDomain::HOST,
                is_debug: false,
            }),
            1 if counted => Command::CancelPreparedTransfer(CancelPreparedTransfer { desc_handle }),
            _ => Command::LaunchTransfer(LaunchTransfer {
                engine_index: 0,
                channel_index,
                desc_handle,
                starting_desc: if counted { 0 } else { self.source.pick(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 100]) },
                should_bind: true,
                should_sync: false,
                is_cyclic: counted && self.source.byte() & 15 == 0,
                buffers_count,
                buffers,
                first_interrupts_domain: InterruptsDomain::NONE,
                last_interrupts_domain: InterruptsDomain::HOST,
                is_debug: self.source.byte() & 7 == 0,
            }),
        };
        self.call(file, &command, |_, _| ());
    }

    fn control(&mut self, file: &File, model: usize) {
        let opcode: u16 =
            self.source.pick(&[0xf001, 0xf001, 0xf001, 0xf002, 0xf003, 0xf00a, 0xf00b, 0xf007, 0xf006, 0]);
        let mut request = vec![0; 14];
        request.extend_from_slice(&opcode.to_be_bytes());
        request.push(self.source.pick(&[0, 16, 0, 16, 1, 17, 255]));
        match opcode {
            0xf001 => {
                // The list's address is found out as a firmware is told it: from its creation.
                request.push(u8::from(self.source.byte() != 0));
                let number = self.source.byte();
                request.extend_from_slice(&self.list_address(model, number).to_le_bytes());
                request.push(self.source.byte() % 17);
            }
            0xf007 | 0xf002 => {
                request.extend_from_slice(&[0, self.source.byte(), 0, self.source.byte(), 0, 0, 0, 0, 0])
            }
            _ => request.extend((0..5).map(|_| self.source.byte())),
        }
        if opcode == 0xf007 || opcode == 0xf002 {
            // At once: the run does not wait for anything.
            request[16] = 0;
        }
        let params = FwControl {
            expected_md5: [0; 16],
            buffer_len: if self.source.byte() == 0xff { self.source.number() as u32 } else { request.len() as u32 },
            buffer: &request,
            timeout_ms: 0,
            cpu_id: CpuId::CPU0,
        };
        self.call(file, &Command::FwControl(params), |_, _| ());
    }

    /// Some address at which a list may be: lists lie one behind the other in the device's address space.
    fn list_address(&self, model: usize, number: u8) -> u64 {
        0x1000_0000 + (u64::from(number) + (model as u64 & 1)) * 0x2_0000
    }

    fn notifications(&mut self, file: &File) {
        let command =
            if self.source.byte() & 1 == 0 { Command::ReadNotification } else { Command::DisableNotification };
        self.call(file, &command, |_, _| ());
    }

    fn driver_buffers(&mut self, file: &File, model: usize) {
        let size = self.source.pick(&[4096, 1, 0, 4097, 1 << 20, (4 << 20) + 1, u64::MAX]);
        let last = self.models[&model].last_resource;
        let handle = self.source.handle(last, 4096);
        let alive = self.is_alive(model);
        match self.source.byte() % 4 {
            0 => {
                let command = Command::LowMemoryBufferAlloc(LowMemoryBufferAlloc { buffer_size: size });
                let made = self.call(file, &command, |result, reply| match (result, reply) {
                    (Ok(_), Reply::LowMemoryBufferAlloc(reply)) => Some(reply.buffer_handle),
                    _ => None,
                });
                if let Some(Some(handle)) = made {
                    self.expect_resource(model, handle);
                    self.models.get_mut(&model).expect("an open file").low.insert(handle);
                }
            }
            1 => {
                let command = Command::ContinuousBufferAlloc(ContinuousBufferAlloc { buffer_size: size });
                let made = self.call(file, &command, |result, reply| match (result, reply) {
                    (Ok(_), Reply::ContinuousBufferAlloc(reply)) => Some(reply.buffer_handle),
                    _ => None,
                });
                if let Some(Some(handle)) = made {
                    self.expect_resource(model, handle);
                    self.models.get_mut(&model).expect("an open file").continuous.insert(handle);
                }
            }
            2 => {
                let command = Command::LowMemoryBufferFree(LowMemoryBufferFree { buffer_handle: handle });
                let result = self.call(file, &command, |result, _| result);
                let known = alive && self.models.get_mut(&model).expect("an open file").low.remove(&handle);
                self.expect_release(model, known, result);
            }
            _ => {
                let command = Command::ContinuousBufferFree(ContinuousBufferFree { buffer_handle: handle });
                let result = self.call(file, &command, |result, _| result);
                let known = alive && self.models.get_mut(&model).expect("an open file").continuous.remove(&handle);
                self.expect_release(model, known, result);
            }
        }
    }

    fn mmap(&mut self, file: &File, model: usize) {
        let last = self.models[&model].last_resource;
        let offset = self.source.handle(last, 4096);
        let length = self.size();
        if file.mmap(offset, length).is_ok() {
            let model = &self.models[&model];
            let known = [&model.low, &model.continuous, &model.lists].iter().any(|set| set.contains(&offset));
            assert!(known, "mmap of {offset:#x}, which is not there");
        }
    }

    fn change_memory(&mut self) {
        let page = BUFFERS + u64::from(self.source.byte() % 24) * 4096;
        match self.source.byte() % 3 {
            0 => self.memory.unmap(page, 1),
            1 => self.memory.map(page, 1, PageKind::ReadWrite),
            _ => self.memory.protect(page, 1, PageKind::ReadOnly),
        }
    }

    /// Any request with any bytes.
    fn raw(&mut self, file: &File) {
        let known = &self.interface.requests[usize::from(self.source.byte()) % self.interface.requests.len()];
        let request = match self.source.byte() {
            0xf0.. => self.source.word() as u32,
            _ => known.codec(DataModel::Lp64).request.raw(),
        };
        let bytes: Vec<u8> = (0..64).map(|_| self.source.byte()).collect();
        self.memory.write(ARGUMENT, &bytes).expect("mapped memory");
        let address = self.source.pick(&[ARGUMENT, ARGUMENT, ARGUMENT, 0, 0xffff_8880_0000_1000, ARGUMENT + 8000]);
        // What it did is not in the model.
        if self.ioctl(file, request, address).is_ok() {
            self.lost = true;
        }
    }

    fn events(&mut self) {
        match self.source.byte() % 8 {
            0 => {
                self.machine.suspend_resume();
                self.models.values_mut().for_each(|model| model.stale = true);
            }
            1 => {
                self.machine.remove(0);
                self.lost = true;
            }
            2 => {
                // Files of before stay with the board of before.
                while !self.files.is_empty() {
                    self.close(0);
                }
                self.machine.rebuild(0);
                self.lost = false;
            }
            3 => {
                let open = !self.files.is_empty();
                let unloaded = self.machine.unload_driver();
                assert!(!open || self.lost || unloaded == Err(Errno::EAGAIN));
                self.machine.load_driver();
            }
            _ => {}
        }
        self.crashes = self.machine.report().crashes.len();
    }

    fn queries(&mut self, file: &File) {
        let command = match self.source.byte() % 4 {
            0 => Command::QueryDriverInfo,
            1 => Command::QueryDeviceProperties,
            2 => Command::MarkAsInUse,
            _ => Command::ReadLog(ReadLog {
                cpu_id: CpuId::from_raw(self.source.byte().into()),
                buffer_size: self.source.number(),
            }),
        };
        self.call(file, &command, |_, _| ());
    }

    /// With all files closed nothing is left.
    fn finish(mut self) {
        while !self.files.is_empty() {
            self.close(0);
        }
        let report = &self.machine.report().boards[0];
        let left = [
            report.open_files,
            report.mappings,
            report.lists,
            report.low_memory_buffers,
            report.continuous_buffers,
            report.device_ranges,
            report.prepared_transfers,
        ];
        assert_eq!(left, [0; 7], "{report:?}");
        assert!(report.crashed || report.enabled_channels == 0, "{report:?}");
        assert!(!report.in_use);
    }
}
