//! [`RecordingTransport`]: a layer around a transport that writes down what passes.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use hailo_abi::interface::RELEASES;
use hailo_abi::{DataModel, Errno, Frame, Mapping, Request, Transport};

use super::{Line, hex};

/// Where a recording is written. Cloning gives another reference to the same one.
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);

struct Shared {
    started: AtomicU64,
    files: AtomicU64,
    out: Mutex<Out>,
}

struct Out {
    writer: Box<dyn Write + Send>,
    ended: u64,
    threads: HashMap<ThreadId, u64>,
    failed: Option<io::Error>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("started", &self.0.started).finish_non_exhaustive()
    }
}

impl Recorder {
    /// A recording that is written to `writer`, a line for each call when it has returned.
    #[must_use]
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        let out = Out { writer: Box::new(writer), ended: 0, threads: HashMap::new(), failed: None };
        Self(Arc::new(Shared { started: AtomicU64::new(0), files: AtomicU64::new(0), out: Mutex::new(out) }))
    }

    /// Hands all lines on.
    ///
    /// # Errors
    /// The first error since the last time: lines after it are missing.
    pub fn finish(&self) -> io::Result<()> {
        let mut out = self.out();
        match out.failed.take() {
            Some(error) => Err(error),
            None => out.writer.flush(),
        }
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.0.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> u64 {
        self.0.started.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn end(&self, mut line: Line) {
        let mut out = self.out();
        out.ended += 1;
        line.end = out.ended;
        let known = out.threads.len() as u64;
        line.t = *out.threads.entry(thread::current().id()).or_insert(known);
        if out.failed.is_none() {
            let written = serde_json::to_string(&line).map_err(io::Error::from);
            out.failed = written.and_then(|text| writeln!(out.writer, "{text}")).err();
        }
    }
}

/// A transport that writes down every call to another before it hands the answer back.
#[derive(Debug)]
pub struct RecordingTransport<T> {
    inner: T,
    recorder: Recorder,
    file: String,
}

impl<T> RecordingTransport<T> {
    /// A layer around `inner`, which is a newly opened file.
    pub fn new(inner: T, recorder: Recorder) -> Self {
        let seq = recorder.begin();
        let file = format!("fd#{}", recorder.0.files.fetch_add(1, Ordering::Relaxed) + 1);
        recorder.end(Line { seq, call: "open".into(), ret: file.clone().into(), ..Line::default() });
        Self { inner, recorder, file }
    }
}

/// The name of a request in the newest release that has it.
fn name(request: Request) -> Option<String> {
    let find = |(_, interface): &(_, &hailo_abi::Interface)| interface.find(request, DataModel::NATIVE);
    RELEASES.iter().rev().find_map(find).map(|entry| entry.name.to_owned())
}

impl<T: Transport> Transport for RecordingTransport<T> {
    fn submit(&self, mut frame: Frame<'_>) -> Result<u32, Errno> {
        let request = frame.request();
        let before = hex(frame.argument());
        let seq = self.recorder.begin();
        let result = self.inner.submit(frame.reborrow());
        let (ret, errno) = result.map_or_else(|errno| ((-1).into(), errno.raw()), |value| (value.into(), 0));
        self.recorder.end(Line {
            seq,
            call: "ioctl".into(),
            fd: Some(self.file.clone()),
            name: name(request),
            code: Some(format!("{:#010x}", request.raw())),
            arg_len: Some(request.size()),
            before: Some(before),
            after: Some(hex(frame.argument())),
            ret,
            errno,
            ..Line::default()
        });
        result
    }

    fn map(&self, offset: u64, length: usize) -> Result<Mapping, Errno> {
        let seq = self.recorder.begin();
        let result = self.inner.map(offset, length);
        let (ret, errno) = result.as_ref().map_or_else(|errno| (-1, errno.raw()), |_| (0, 0));
        let fd = Some(self.file.clone());
        self.recorder.end(Line { seq, call: "mmap".into(), fd, ret: ret.into(), errno, ..Line::default() });
        result
    }
}

impl<T> Drop for RecordingTransport<T> {
    fn drop(&mut self) {
        let fd = Some(self.file.clone());
        self.recorder.end(Line {
            seq: self.recorder.begin(),
            call: "close".into(),
            fd,
            ret: 0.into(),
            ..Line::default()
        });
    }
}
