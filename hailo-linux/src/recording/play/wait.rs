//! Calls that may not return before others are made.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hailo_abi::command::{Command, DisableChannels, Reply};
use hailo_abi::{DataModel, Errno, Frame, Interface, Request, Transport};

use super::file::File;
use super::{PlayError, Player, cannot, recorded, words};
use crate::recording::{Call, What};

/// How long a wait may take of which it is not sure that it returned before the next call.
pub(super) const GRACE: Duration = Duration::from_millis(200);

/// The most calls that wait at the same time: each has a thread.
pub(super) const MAX_WAITS: usize = 256;

type Answer = (Result<u32, Errno>, Vec<u8>);

/// A wait that was begun.
pub(super) struct Wait<'a> {
    pub(super) call: &'a Call,
    file: u32,
    request: Request,
    argument: Vec<u8>,
    answer: Receiver<Answer>,
    thread: JoinHandle<()>,
    /// The driver, to end it.
    transport: Arc<dyn Transport>,
    interface: &'static Interface,
}

/// Makes a call on a thread of its own. The thread keeps the file for as long as the call lasts.
fn spawn(
    call: &Call,
    transport: Arc<dyn Transport>,
    request: Request,
    mut argument: Vec<u8>,
) -> Result<(Receiver<Answer>, JoinHandle<()>), PlayError> {
    let (sender, answer) = mpsc::channel();
    let thread = thread::Builder::new().spawn(move || {
        let result = match Frame::harmless(request, &mut argument) {
            Ok(frame) => transport.submit(frame),
            Err(_) => Err(Errno::EINVAL),
        };
        // Whoever has the answer may expect the file to be closed with the player.
        drop(transport);
        // Whoever does not want to know any more does not matter.
        let _ = sender.send((result, argument));
    });
    Ok((answer, thread.map_err(|_| cannot(call, "the system starts no more threads"))?))
}

impl<'a> Wait<'a> {
    pub(super) fn start(
        call: &'a Call,
        number: u32,
        file: &File,
        request: Request,
        argument: Vec<u8>,
    ) -> Result<Self, PlayError> {
        let (answer, thread) = spawn(call, file.transport.clone(), request, argument.clone())?;
        let (transport, interface) = (file.transport.clone(), file.interface);
        Ok(Self { call, file: number, request, argument, answer, thread, transport, interface })
    }

    /// Whether the call returned because transfers had completed.
    pub(super) fn saw_transfers(&self) -> bool {
        let What::Ioctl { after, .. } = &self.call.what else { return false };
        let reply = self.interface.decode_reply(DataModel::NATIVE, self.request, after);
        self.call.succeeded() && matches!(reply, Ok(Reply::InterruptsWait(reply)) if reply.channels_count() > 0)
    }

    /// Makes the same call once more.
    fn again(&mut self) -> Result<(), PlayError> {
        (self.answer, self.thread) = spawn(self.call, self.transport.clone(), self.request, self.argument.clone())?;
        Ok(())
    }

    /// Makes the driver answer now.
    fn end(&self) {
        let command = match self.interface.decode(DataModel::NATIVE, self.request, &self.argument) {
            Ok(Command::InterruptsWait(wait)) => Command::DisableChannels(DisableChannels { channels: wait.channels }),
            _ => Command::DisableNotification,
        };
        let mut argument = [0; hailo_abi::interface::MAX_ARGUMENT_LENGTH];
        if let Ok((request, bytes)) = self.interface.encode(DataModel::NATIVE, &command, &mut argument) {
            // SAFETY: both requests have no address. The channels are the file's own, or the driver refuses them, and no
            // buffer is freed before the file is closed.
            if let Ok(frame) = unsafe { Frame::new_unchecked(request, bytes) } {
                // It may have been answered meanwhile.
                let _ = self.transport.submit(frame);
            }
        }
    }

    /// Waits up to a moment for the answer. A driver that does not let go of a call keeps its thread.
    fn leave(self, deadline: Instant) {
        drop(self.transport);
        if self.answer.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok() {
            let _ = self.thread.join();
        }
    }
}

impl Player<'_> {
    /// Ends the calls that still wait, then closes the files.
    pub(super) fn end(&mut self) {
        self.waits.iter().for_each(Wait::end);
        let deadline = Instant::now() + GRACE;
        self.waits.drain(..).for_each(|wait| wait.leave(deadline));
        self.files.clear();
    }

    /// Waits for the calls that had returned before place `end`, and for which `which` holds. Without an answer in time, those
    /// that must have returned differ; of the others, nothing is said yet.
    pub(super) fn join(
        &mut self,
        end: u64,
        time: Duration,
        which: impl Fn(&Wait<'_>) -> bool,
    ) -> Result<(), PlayError> {
        let mut index = 0;
        let deadline = Instant::now() + time;
        while let Some(wait) = self.waits.get_mut(index) {
            let call = wait.call;
            let Some(expected) = recorded(call) else {
                index += 1;
                continue;
            };
            if call.end >= end || !which(wait) {
                index += 1;
                continue;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let (answered, bytes) = match wait.answer.recv_timeout(left) {
                Ok(answer) => answer,
                Err(RecvTimeoutError::Timeout) if time < self.options.patience => {
                    index += 1;
                    continue;
                }
                Err(_) => {
                    let missing = format!("missing after {:.1} seconds", time.as_secs_f64());
                    return Err(self.differs(call, words(expected), missing));
                }
            };
            let What::Ioctl { request, after, .. } = &call.what else { return Ok(()) };
            let decode = |bytes| wait.interface.decode_reply(DataModel::NATIVE, *request, bytes);
            let reply = decode(bytes.as_slice());
            let is_notification = matches!(reply, Ok(Reply::Notification(_)));
            if is_notification && answered.is_ok() && left > Duration::ZERO {
                // Firmware notifies when it likes; what was recorded is how the wait ended.
                wait.again()?;
                continue;
            }
            if expected != answered {
                return Err(self.differs(call, words(expected), words(answered)));
            }
            if let (Ok(Reply::InterruptsWait(reply)), Some(file)) = (&reply, self.files.get_mut(&wait.file)) {
                file.note(reply);
                let ended = reply.channels_count() == 0;
                if wait.saw_transfers() && !file.reported(*request, after, Some(expected)) {
                    if !ended {
                        wait.again()?;
                        continue;
                    }
                    let was = format!("{:?}", decode(after.as_slice()));
                    return Err(self.differs(call, was, "that the channels are disabled".to_owned()));
                }
            }
            self.waits.remove(index);
        }
        Ok(())
    }
}
