//! [`Recorder`]: calls as JSON, one object per line.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde::Serialize;
use serde_json::Value;

use super::fields;
use super::line::{self, Line, Mark};
use super::{Call, Follower, Held, What};

/// Fills `bytes` from an address of a process (`None`: of this one); false if they cannot be read.
pub type Memory = dyn Fn(Option<u32>, u64, &mut [u8]) -> bool + Send;

/// Writes lines, with what follows from the calls.
pub(super) struct Writer<W> {
    out: W,
    follower: Follower,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, follower: Follower::new() }
    }

    /// Writes a call, the `end`-th that returned, of thread `thread`.
    pub(super) fn write(&mut self, call: &Call, end: u64, thread: u64, memory: Option<&Memory>) -> io::Result<()> {
        let file = call.file.map(line::file_name);
        let (ret, errno) = match (call.result, &call.what) {
            (Some(Ok(_)), What::Open { .. }) => (file.clone().into(), 0),
            (Some(Ok(value)), _) => (value.into(), 0),
            (Some(Err(errno)), _) => ((-1).into(), errno.raw()),
            (None, _) => (Value::Null, 0),
        };
        let mut line = Line { seq: call.sequence, end, t: thread, fd: file, ret, errno, ..Line::default() };
        if let Some(origin) = call.origin {
            line.process = Some(origin.process);
            (line.time_us, line.duration_us) = (Some(origin.began_us), Some(origin.took_us));
        }
        match &call.what {
            What::Open { path, flags } => {
                line.call = "open".into();
                line.fd = None;
                (line.path, line.flags) = (Some(path.clone()), Some(line::hexadecimal(*flags)));
            }
            What::Ioctl { request, before, after } => {
                line.call = "ioctl".into();
                line.code = Some(format!("{:#010x}", request.raw()));
                line.arg_len = Some(request.size());
                let digits = |bytes: &[u8]| (bytes.len() == request.size()).then(|| line::hex(line::trimmed(bytes)));
                (line.before, line.after) = (digits(before), digits(after));
            }
            What::Map { length, offset } => {
                line.call = "mmap".into();
                line.p = Some(fields::mapping(*length, *offset));
            }
            What::Close => {
                line.call = "close".into();
                let Held { mappings, lists } = self.follower.held(call.file.unwrap_or_default());
                (line.left_mapped, line.left_descs) = (Some(mappings), Some(lists));
            }
        }
        if let Some(known) = self.follower.follow(call) {
            line.name = Some(known.entry.name.to_owned());
            (line.p, line.fw) = fields::of(&known, call, &self.follower, memory);
        }
        self.put(&line)
    }

    fn put(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Where a recording is written. Cloning gives another reference to the same one.
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);

struct Shared {
    began: AtomicU64,
    files: AtomicU32,
    out: Mutex<Out>,
}

struct Out {
    writer: Writer<Box<dyn Write + Send>>,
    memory: Box<Memory>,
    ended: u64,
    /// Numbers of threads, in the order of their first line.
    threads: HashMap<u64, u64>,
    /// Why nothing more is written.
    failed: Option<io::Error>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("began", &self.0.began).finish_non_exhaustive()
    }
}

impl Recorder {
    /// A recording of this process, which is written to `writer`: a line for each call when it has returned.
    #[must_use]
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        let own = std::fs::File::open("/proc/self/mem").ok();
        Self::with_memory(writer, move |_, address, bytes| {
            own.as_ref().is_some_and(|own| std::os::unix::fs::FileExt::read_exact_at(own, bytes, address).is_ok())
        })
    }

    /// A recording of processes whose memory `memory` reads, for the sums of what a device is given.
    #[must_use]
    pub fn with_memory(
        writer: impl Write + Send + 'static,
        memory: impl Fn(Option<u32>, u64, &mut [u8]) -> bool + Send + 'static,
    ) -> Self {
        let writer = Writer::new(Box::new(writer) as Box<dyn Write + Send>);
        let (threads, memory) = (HashMap::new(), Box::new(memory));
        let out = Mutex::new(Out { writer, memory, ended: 0, threads, failed: None });
        Self(Arc::new(Shared { began: AtomicU64::new(0), files: AtomicU32::new(0), out }))
    }

    /// Writes a call that has returned. Its number `end` is that of the line.
    ///
    /// # Errors
    /// What the writer says, and has said before: then nothing more is written.
    pub fn write(&self, call: &Call) -> io::Result<()> {
        let mut out = self.out();
        let Out { writer, memory, ended, threads, failed } = &mut *out;
        if let Some(failed) = failed {
            return Err(again(failed));
        }
        *ended += 1;
        let thread = number(threads, call.thread);
        let written = writer.write(call, *ended, thread, Some(&**memory));
        written.inspect_err(|error| *failed = Some(again(error)))
    }

    /// Writes a line that says that another phase begins here.
    pub fn mark(&self, mark: &str) {
        let mut out = self.out();
        let Out { writer, threads, failed, .. } = &mut *out;
        if failed.is_none() {
            let after_seq = self.0.began.load(Ordering::Relaxed);
            let mark = Mark { mark: Cow::Borrowed(mark), after_seq, t: number(threads, this_thread()) };
            *failed = writer.put(&mark).err();
        }
    }

    /// Hands all lines on.
    ///
    /// # Errors
    /// What the writer says, or the first error that it has said before: lines after it are missing.
    pub fn flush(&self) -> io::Result<()> {
        let mut out = self.out();
        match &out.failed {
            Some(failed) => Err(again(failed)),
            None => out.writer.flush(),
        }
    }

    /// The number of a call that begins now.
    #[must_use]
    pub fn begin(&self) -> u64 {
        self.0.began.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The number of a file that was opened now.
    pub(super) fn open(&self) -> u32 {
        self.0.files.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.0.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same error once more.
fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

fn number(threads: &mut HashMap<u64, u64>, thread: u64) -> u64 {
    let known = threads.len() as u64;
    *threads.entry(thread).or_insert(known)
}

/// A number for the calling thread that no other thread has, but by an unlikely chance.
pub(super) fn this_thread() -> u64 {
    let mut hasher = DefaultHasher::new();
    thread::current().id().hash(&mut hasher);
    hasher.finish()
}
