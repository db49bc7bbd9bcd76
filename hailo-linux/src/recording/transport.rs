//! [`RecordingTransport`]: a layer around a transport that writes down what passes.

use hailo_abi::{Errno, Frame, Mapping, Transport};

use super::write::this_thread;
use super::{Call, Recorder, What};

/// `O_RDWR | O_CLOEXEC`, as this library and the vendor's open device nodes.
const OPEN_FLAGS: u64 = 0x8_0002;

/// A transport that writes down every call to another before it hands the answer back. What cannot be written is told by
/// [`Recorder::flush`]; the calls go on.
#[derive(Debug)]
pub struct RecordingTransport<T> {
    inner: T,
    recorder: Recorder,
    file: u32,
}

impl<T> RecordingTransport<T> {
    /// A layer around `inner`, which is a file that was just opened by the name `path`.
    pub fn new(inner: T, path: &str, recorder: Recorder) -> Self {
        let layer = Self { inner, file: recorder.open(), recorder };
        let what = What::Open { path: path.to_owned(), flags: OPEN_FLAGS };
        layer.record(layer.recorder.begin(), what, Ok(0));
        layer
    }

    fn record(&self, sequence: u64, what: What, result: Result<i64, Errno>) {
        let file = Some(self.file);
        let call = Call { sequence, end: 0, thread: this_thread(), file, what, result: Some(result), origin: None };
        // The recorder keeps the error.
        let _ = self.recorder.write(&call);
    }
}

impl<T: Transport> Transport for RecordingTransport<T> {
    fn submit(&self, mut frame: Frame<'_>) -> Result<u32, Errno> {
        let request = frame.request();
        let before = frame.argument().to_vec();
        let sequence = self.recorder.begin();
        let result = self.inner.submit(frame.reborrow());
        let what = What::Ioctl { request, before, after: frame.argument().to_vec() };
        self.record(sequence, what, result.map(i64::from));
        result
    }

    fn map(&self, offset: u64, length: usize) -> Result<Mapping, Errno> {
        let sequence = self.recorder.begin();
        let result = self.inner.map(offset, length);
        let address = |mapping: &Mapping| mapping.address().as_ptr().addr() as i64;
        let what = What::Map { length: length as u64, offset };
        self.record(sequence, what, result.as_ref().map(address).map_err(|errno| *errno));
        result
    }
}

impl<T> Drop for RecordingTransport<T> {
    fn drop(&mut self) {
        // What the file held is released with it.
        self.record(self.recorder.begin(), What::Close, Ok(0));
    }
}
