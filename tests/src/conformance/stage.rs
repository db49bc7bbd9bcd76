//! A script's view of the driver: files, and every request as a method with plain parameters.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::conformance::kernel::{PAGE, Protection, Region};
use crate::conformance::layout::{Argument, Layout};
use crate::conformance::log::Log;
use crate::conformance::system::{Access, Answer, Descriptor, Laboratory, Release, Signal, System};
use crate::conformance::table::Outcome;

/// An address that is the kernel's.
pub(crate) const KERNEL: usize = 0xffff_8880_0000_1000;
/// An address of the process with nothing behind it.
pub(crate) const UNMAPPED: usize = 0x10;
/// No address at all.
pub(crate) const NULL: usize = 0;
/// The handle that means "none".
pub(crate) const NONE: u64 = u64::MAX;
/// What an output field holds before the call, in the tables of 5.x.
const PRESET: u64 = 0x00ab_cdef;
/// After this long a call that should have been woken is interrupted.
const PATIENCE: u64 = 4000;

/// The directions of a mapping.
pub(crate) const BIDIRECTIONAL: i64 = 0;
pub(crate) const TO_DEVICE: i64 = 1;
pub(crate) const FROM_DEVICE: i64 = 2;

/// Why a script ended before its last case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Its cases cannot be run here.
    Skip(&'static str),
    /// Its set-up failed.
    Broken(String),
}

pub(crate) type Step<T = ()> = Result<T, Stop>;

/// Sleeps that many milliseconds.
pub(crate) fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

/// Runs a call and tells how long it took.
pub(crate) fn timed<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    (call(), start.elapsed())
}

/// What one script runs on.
pub(crate) struct Stage<'a> {
    pub(crate) system: Arc<dyn System>,
    pub(crate) layout: &'a Layout,
    pub(crate) laboratory: &'a dyn Laboratory,
    log: &'a Log,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(laboratory: &'a dyn Laboratory, layout: &'a Layout, log: &'a Log) -> Self {
        Self { system: laboratory.boot(), layout, laboratory, log }
    }

    /// The same stage on a machine that was just started.
    pub(crate) fn reboot(&self) -> Stage<'a> {
        Stage::new(self.laboratory, self.layout, self.log)
    }

    /// Records what a case gave.
    pub(crate) fn case(&self, name: &str, outcome: impl Into<Outcome>) {
        self.log.record(name, outcome.into());
    }

    /// Records that a case cannot be run here.
    pub(crate) fn skip(&self, name: &str, reason: &str) {
        self.log.skip(name, reason);
    }

    /// Whether the real driver crashed or hung in that case.
    pub(crate) fn harms(&self, name: &str) -> bool {
        self.log.harms(name)
    }

    /// Whether cases may crash or hang the kernel.
    pub(crate) fn may_harm(&self) -> bool {
        self.log.may_harm()
    }

    pub(crate) fn before(&self, major: u32, minor: u32) -> bool {
        self.layout.release < Release::new(major, minor, 0)
    }

    pub(crate) fn open(&self) -> Step<File<'_>> {
        self.open_as(Access::ReadWrite)
    }

    pub(crate) fn open_as(&self, access: Access) -> Step<File<'_>> {
        match self.system.open(access) {
            Ok(descriptor) => Ok(self.file(descriptor)),
            Err(errno) => Err(Stop::Broken(format!("open: {:?}", nix::errno::Errno::from_raw(errno)))),
        }
    }

    fn file(&self, descriptor: Descriptor) -> File<'_> {
        File { stage: self, system: Arc::clone(&self.system), descriptor, own: true, mappings: Mutex::default() }
    }
}

/// An open file of the driver; closed when dropped.
pub(crate) struct File<'a> {
    pub(crate) stage: &'a Stage<'a>,
    system: Arc<dyn System>,
    pub(crate) descriptor: Descriptor,
    own: bool,
    /// What was mapped. Before 4.21 a launch names a mapping, not an address.
    mappings: Mutex<Vec<Mapped>>,
}

/// A mapping that a file made.
#[derive(Clone, Copy, Debug)]
struct Mapped {
    map: Map,
    handle: u64,
    live: bool,
}

impl Mapped {
    /// Whether the address is in its pages.
    fn holds(&self, address: usize) -> bool {
        let start = self.map.at & !(PAGE - 1);
        let length = (self.map.at - start + self.map.size as usize).next_multiple_of(PAGE);
        self.live && start <= address && address < start.saturating_add(length)
    }
}

impl Drop for File<'_> {
    fn drop(&mut self) {
        if self.own {
            let _ = self.system.close(self.descriptor);
        }
    }
}

/// A buffer to be mapped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Map {
    pub(crate) at: usize,
    pub(crate) size: u64,
    pub(crate) direction: i64,
    pub(crate) kind: i64,
    pub(crate) allocated: u64,
}

/// User memory to be mapped.
pub(crate) fn user(at: usize, size: u64, direction: i64) -> Map {
    Map { at, size, direction, kind: 0, allocated: NONE }
}

/// What a request that makes something answered: the call, and the handle and bus address in its argument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    pub(crate) answer: Answer,
    pub(crate) handle: u64,
    pub(crate) bus: u64,
}

impl Made {
    /// The handle of something that a script needs.
    pub(crate) fn needed(self, what: &str) -> Step<Self> {
        self.answer.map(|_| self).map_err(|errno| broken(what, errno))
    }

    pub(crate) fn hex(&self) -> String {
        format!("{:#x}", self.handle)
    }
}

/// A set-up call that failed.
pub(crate) fn broken(what: &str, errno: i32) -> Stop {
    Stop::Broken(format!("{what}: {:?}", nix::errno::Errno::from_raw(errno)))
}

/// A call that a script needs.
pub(crate) fn needed(what: &str, answer: Answer) -> Step<i64> {
    answer.map_err(|errno| broken(what, errno))
}

/// What a wait gave.
#[derive(Clone, Debug)]
pub(crate) struct Waited {
    pub(crate) answer: Answer,
    pub(crate) channels: Vec<(u64, u64)>,
    data: Vec<Value>,
    pub(crate) elapsed: Duration,
}

impl From<Waited> for Outcome {
    fn from(waited: Waited) -> Self {
        let outcome = Self::of(waited.answer);
        if waited.answer.is_err() {
            return outcome;
        }
        let milliseconds = waited.elapsed.as_millis();
        outcome
            .with("channels_count", waited.data.len())
            .with("irq_data", waited.data)
            .with("returned_at_once", milliseconds < 45)
            .with("at_once", u8::from(milliseconds < 45))
            .with("waited", milliseconds > 45)
            .with("waited_past_signal", milliseconds > 250)
    }
}

impl<'a> File<'a> {
    /// The same open file, as another process or descriptor sees it.
    pub(crate) fn through<'b>(&'b self, system: Arc<dyn System>, descriptor: Descriptor) -> File<'b> {
        File { stage: self.stage, system, descriptor, own: false, mappings: Mutex::default() }
    }

    /// A duplicate of the descriptor.
    pub(crate) fn dup(&self) -> Step<File<'a>> {
        self.system.dup(self.descriptor).map(|copy| self.stage.file(copy)).map_err(|errno| broken("dup", errno))
    }

    /// Closes the file and says what that gave.
    pub(crate) fn close(mut self) -> Answer {
        self.own = false;
        self.system.close(self.descriptor)
    }

    pub(crate) fn argument(&self, request: &str) -> Argument<'a> {
        self.stage.layout.argument(request)
    }

    /// One ioctl with an argument in this program's memory.
    pub(crate) fn call(&self, argument: &mut Argument<'_>) -> Answer {
        let address = argument.bytes.as_mut_ptr().expose_provenance();
        self.system.ioctl(self.descriptor, argument.code, address)
    }

    /// One ioctl with any code and any address.
    pub(crate) fn raw(&self, code: u32, address: usize) -> Answer {
        self.system.ioctl(self.descriptor, code, address)
    }

    /// A request with a bad argument pointer.
    pub(crate) fn at(&self, request: &str, address: usize) -> Answer {
        self.guarded(&mut || self.raw(self.stage.layout.code(request), address))
    }

    /// A request with its argument in memory that cannot be written.
    pub(crate) fn readonly(&self, argument: &Argument<'_>) -> Answer {
        let region = Region::new(argument.bytes.len().div_ceil(PAGE));
        region.write(0, &argument.bytes);
        region.protect(Protection::Read);
        self.guarded(&mut || self.raw(argument.code, region.address))
    }

    /// A call that is interrupted if nothing else ends it.
    fn guarded(&self, call: &mut dyn FnMut() -> Answer) -> Answer {
        self.system.signalled(Signal::interrupting(PATIENCE), call)
    }

    /// A call that blocks, with a signal on its way.
    pub(crate) fn blocking(&self, signal: Option<Signal>, argument: &mut Argument<'_>) -> Answer {
        let address = argument.bytes.as_mut_ptr().expose_provenance();
        let code = argument.code;
        let mut call = || self.system.ioctl(self.descriptor, code, address);
        match signal {
            // The guard outlives the signal, so that a restarted call ends as well.
            Some(signal) if signal.restart => {
                self.system.signalled(Signal::interrupting(PATIENCE), &mut || self.system.signalled(signal, &mut call))
            }
            Some(signal) => self.system.signalled(signal, &mut call),
            None => self.system.signalled(Signal::interrupting(PATIENCE), &mut call),
        }
    }

    pub(crate) fn map_argument(&self, map: Map) -> Argument<'a> {
        self.argument("VDMA_BUFFER_MAP")
            .set("user_address", map.at as u64)
            .set("size", map.size)
            .set("data_direction", map.direction as u64)
            .set("buffer_type", map.kind as u64)
            .set("allocated_buffer_handle", map.allocated)
            .set("mapped_handle", PRESET)
    }

    pub(crate) fn map(&self, map: Map) -> Made {
        let mut argument = self.map_argument(map);
        let answer = self.call(&mut argument);
        let handle = argument.get("mapped_handle");
        if answer.is_ok() {
            self.mappings.lock().unwrap().push(Mapped { map, handle, live: true });
        }
        Made { answer, handle, bus: 0 }
    }

    /// Maps and records: the handle is a written value; up to 5.0 only of a mapping that succeeded.
    pub(crate) fn map_case(&self, name: &str, map: Map) -> Made {
        let made = self.map(map);
        let outcome = Outcome::of(made.answer);
        let told = made.answer.is_ok() || !self.stage.before(5, 0);
        self.stage.case(name, if told { outcome.with("mapped_handle", made.handle) } else { outcome });
        made
    }

    /// Uses up mapping handles until the last one issued is `last`, each with a page of its own.
    pub(crate) fn use_up_mappings(&self, spare: &Region, last: u64) -> Step {
        let issued: Vec<u64> = self.mappings.lock().unwrap().iter().map(|mapped| mapped.handle).collect();
        if issued.iter().any(|&handle| handle >= last) {
            return Ok(());
        }
        for page in issued.len().. {
            let made = self.map(user(spare.address + page * PAGE, PAGE as u64, TO_DEVICE)).needed("spare mapping")?;
            if made.handle >= last {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Unmaps by handle, or, where the request goes by range, by what `map` says.
    pub(crate) fn unmap(&self, handle: u64, map: Map) -> Answer {
        let mut argument = self
            .argument("VDMA_BUFFER_UNMAP")
            .set("user_address", map.at as u64)
            .set("size", map.size)
            .set("data_direction", map.direction as u64)
            .set("buffer_type", map.kind as u64)
            .set("mapped_handle", handle);
        let answer = self.call(&mut argument);
        if answer.is_ok() {
            let mut mappings = self.mappings.lock().unwrap();
            mappings.iter_mut().filter(|mapped| mapped.handle == handle).for_each(|mapped| mapped.live = false);
        }
        answer
    }

    /// Unmaps by handle alone.
    pub(crate) fn unmap_handle(&self, handle: u64) -> Answer {
        self.unmap(handle, user(0, 0, 0))
    }

    pub(crate) fn sync(&self, handle: u64, kind: i64, offset: u64, count: u64) -> Answer {
        let mut argument = self
            .argument("VDMA_BUFFER_SYNC")
            .set("handle", handle)
            .set("sync_type", kind as u64)
            .set("offset", offset)
            .set("count", count);
        self.call(&mut argument)
    }

    pub(crate) fn list_argument(&self, count: u64, page_size: u16, circular: u8) -> Argument<'a> {
        self.argument("DESC_LIST_CREATE")
            .set("desc_count", count)
            .set("desc_page_size", page_size.into())
            .set("is_circular", circular.into())
            .set("desc_handle", PRESET)
            .set("dma_address", 1)
    }

    /// Creates a descriptor list.
    pub(crate) fn list(&self, count: u64, page_size: u16, circular: bool) -> Made {
        let mut argument = self.list_argument(count, page_size, circular.into());
        let answer = self.call(&mut argument);
        Made { answer, handle: argument.get("desc_handle"), bus: argument.get("dma_address") }
    }

    pub(crate) fn release_list(&self, handle: u64) -> Answer {
        self.call(&mut self.argument("DESC_LIST_RELEASE").set("desc_handle", handle))
    }

    /// Allocates with a size, and gives handle and bus address: low memory or continuous.
    pub(crate) fn allocate(&self, request: &str, size: u64) -> Made {
        let mut argument = self.argument(request).set("buffer_size", size);
        let answer = self.call(&mut argument);
        let bus = if argument.has("dma_address") { argument.get("dma_address") } else { 0 };
        Made { answer, handle: argument.get("buffer_handle"), bus }
    }

    pub(crate) fn low(&self, size: u64) -> Made {
        self.allocate("VDMA_LOW_MEMORY_BUFFER_ALLOC", size)
    }

    pub(crate) fn continuous(&self, size: u64) -> Made {
        self.allocate("VDMA_CONTINUOUS_BUFFER_ALLOC", size)
    }

    pub(crate) fn free_low(&self, handle: u64) -> Answer {
        self.call(&mut self.argument("VDMA_LOW_MEMORY_BUFFER_FREE").set("buffer_handle", handle))
    }

    pub(crate) fn free_continuous(&self, handle: u64) -> Answer {
        self.call(&mut self.argument("VDMA_CONTINUOUS_BUFFER_FREE").set("buffer_handle", handle))
    }

    /// Maps driver memory and unmaps it again: what the mapping gave.
    pub(crate) fn mmap(&self, length: usize, shared: bool, offset: u64) -> Answer {
        let address = self.system.mmap(self.descriptor, length, shared, offset)?;
        self.system.munmap(address, length);
        Ok(0)
    }

    /// The bitmaps of a request: engine 0, 1, 2.
    fn bitmaps<'b>(&self, argument: Argument<'b>, engines: [u64; 3]) -> Argument<'b> {
        let width = argument.get_bytes("channels_bitmap_per_engine").len() / 3;
        let bytes: Vec<u8> = engines.iter().flat_map(|bits| bits.to_le_bytes().into_iter().take(width)).collect();
        argument.set_bytes("channels_bitmap_per_engine", &bytes)
    }

    pub(crate) fn enable_engines(&self, engines: [u64; 3], timestamps: bool) -> Answer {
        let argument = self.bitmaps(self.argument("VDMA_ENABLE_CHANNELS"), engines);
        self.call(&mut argument.set("enable_timestamps_measure", timestamps.into()))
    }

    pub(crate) fn enable(&self, channels: u64) -> Answer {
        self.enable_engines([channels, 0, 0], false)
    }

    pub(crate) fn disable(&self, channels: u64) -> Answer {
        self.call(&mut self.bitmaps(self.argument("VDMA_DISABLE_CHANNELS"), [channels, 0, 0]))
    }

    /// Ends what is pending on any channel, enabled or not, so that nothing refers to this file's memory when it is closed.
    pub(crate) fn quiesce(&self) {
        for channel in 0..32 {
            // 4.17 disables only what is enabled, and only all of a bitmap.
            let _ = self.enable(1 << channel);
            let _ = self.disable(1 << channel);
        }
    }

    pub(crate) fn wait_argument(&self, engines: [u64; 3]) -> Argument<'a> {
        self.bitmaps(self.argument("VDMA_INTERRUPTS_WAIT"), engines)
    }

    pub(crate) fn wait_engines(&self, engines: [u64; 3], signal: Option<Signal>) -> Waited {
        let mut argument = self.wait_argument(engines);
        let (answer, elapsed) = timed(|| self.blocking(signal, &mut argument));
        let count = argument.get("channels_count") as usize;
        let element = "hailo_vdma_interrupts_channel_data";
        let field = |index: usize, name: &str| argument.get_in("irq_data", element, index, name);
        let names: &[&str] = &[
            "engine_index",
            "channel_index",
            "data",
            "is_active",
            "transfers_completed",
            "host_num_processed",
            "host_error",
            "device_error",
            "validation_success",
        ];
        // The tables of 5.x shorten the names of the two indexes.
        let short = !self.stage.before(5, 0);
        let data = (0..count)
            .map(|index| {
                let fields = names.iter().filter_map(|name| {
                    let key = if short { name.trim_end_matches("_index") } else { name };
                    Some((key.to_owned(), json!(field(index, name)?)))
                });
                Value::Object(fields.collect())
            })
            .collect();
        let completed = ["data", "transfers_completed", "host_num_processed"];
        let channels = (0..count)
            .map(|index| {
                let done = completed.iter().find_map(|name| field(index, name)).unwrap_or_default();
                (field(index, "channel_index").unwrap_or_default(), done)
            })
            .collect();
        Waited { answer, channels, data, elapsed }
    }

    pub(crate) fn wait(&self, channels: u64) -> Waited {
        self.wait_engines([channels, 0, 0], None)
    }

    pub(crate) fn wait_signal(&self, channels: u64, milliseconds: u64) -> Waited {
        self.wait_engines([channels, 0, 0], Some(Signal::interrupting(milliseconds)))
    }

    /// The timestamps of a channel: the call, then each one's descriptor count and time.
    pub(crate) fn timestamps(&self, engine: u64, channel: u64) -> (Answer, Vec<(u64, u64)>) {
        let mut argument =
            self.argument("VDMA_INTERRUPTS_READ_TIMESTAMPS").set("engine_index", engine).set("channel_index", channel);
        let answer = self.call(&mut argument);
        let element = "hailo_channel_interrupt_timestamp";
        let one = |index, name| argument.get_in("timestamps", element, index, name).unwrap_or_default();
        let count = argument.get("timestamps_count") as usize;
        (answer, (0..count).map(|index| (one(index, "desc_num_processed"), one(index, "timestamp_ns"))).collect())
    }

    /// The address and the handle of the newest mapping that holds an address, if possible one for the channel's direction.
    pub(super) fn mapping_of(&self, address: usize, channel: u8) -> Option<(usize, u64)> {
        let mappings = self.mappings.lock().unwrap();
        let wanted = if channel < 16 { TO_DEVICE } else { FROM_DEVICE };
        let fits = |mapped: &&Mapped| [wanted, BIDIRECTIONAL].contains(&mapped.map.direction);
        let holding = || mappings.iter().rev().filter(|mapped| mapped.holds(address));
        holding().find(fits).or_else(|| holding().next()).map(|mapped| (mapped.map.at, mapped.handle))
    }

    pub(crate) fn driver_info(&self) -> Answer {
        self.call(&mut self.argument("QUERY_DRIVER_INFO"))
    }

    /// Marks the device as in use: the call and the answer byte.
    pub(crate) fn mark(&self) -> (Answer, u64) {
        let mut argument = self.argument("MARK_AS_IN_USE").set("in_use", 0x7e);
        (self.call(&mut argument), argument.get("in_use"))
    }

    /// Reads one notification: the call, the length, the first byte.
    pub(crate) fn notification(&self, signal: Option<Signal>) -> (Answer, u64, u8) {
        let mut argument = self.argument("READ_NOTIFICATION");
        let answer = self.blocking(signal, &mut argument);
        (answer, argument.get("buffer_len"), argument.get_bytes("buffer")[0])
    }

    pub(crate) fn disable_notification(&self) -> Answer {
        self.raw(self.stage.layout.code("DISABLE_NOTIFICATION"), 0)
    }

    /// Reads a CPU's log into a buffer of 0xee: the call, the length read, the buffer.
    pub(crate) fn read_log(&self, cpu: i64, size: u64) -> (Answer, u64, Vec<u8>) {
        let mut argument = self.argument("READ_LOG").set("cpu_id", cpu as u64).set("buffer_size", size);
        argument = argument.set_bytes("buffer", &[0xee; 512]).set("read_bytes", u64::MAX);
        let answer = self.call(&mut argument);
        (answer, argument.get("read_bytes"), argument.get_bytes("buffer").to_vec())
    }
}
