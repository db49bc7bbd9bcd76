//! Firmware controls.

use std::time::{Duration, Instant};

use hailo_abi::Errno;
use hailo_abi::command::{FwControl, MAX_CONTROL_LENGTH, MD5_LENGTH};
use hailo_abi::enums::CpuId;
use md5::{Digest, Md5};

use super::{Board, Stop, Waited};
use crate::device::{Cpu, MAILBOX_HEADER};
use crate::file::{Caller, OpenFile};
use crate::firmware::{Answer, MAX_ANSWER};

/// The longest control that does not run out of the window in which the device's memory is mapped.
const WINDOW: usize = 0x4000 - 0x640;

/// The driver's state for controls.
#[derive(Debug, Default)]
pub(crate) struct Control {
    /// A control is under way; others queue.
    busy: bool,
    /// An answer has arrived since the last control was sent.
    answered: bool,
    /// The answer memory: the MD5, the stated length and the bytes of the last answer.
    md5: [u8; MD5_LENGTH],
    length: u32,
    bytes: Vec<u8>,
}

/// An answer as the driver hands it on.
#[derive(Debug)]
pub(super) struct ControlAnswer {
    pub(super) md5: [u8; MD5_LENGTH],
    pub(super) length: u32,
    /// The request with the answer over its start.
    pub(super) buffer: Box<[u8; MAX_CONTROL_LENGTH]>,
}

/// Ends a control, however it ends.
struct Turn<'a>(&'a Board);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.kernel().control.busy = false;
        self.0.notify();
    }
}

impl Board {
    fn post_answer(&self, answer: Answer) {
        let mut bytes = answer.bytes;
        let length = answer.stated_length.unwrap_or(bytes.len() as u32);
        bytes.truncate(MAX_ANSWER);
        let covered = bytes.get(..length as usize).unwrap_or(&bytes);
        let md5 = Md5::digest(covered).into();
        let mut kernel = self.kernel();
        kernel.control.answered = true;
        kernel.control.md5 = md5;
        kernel.control.length = length;
        kernel.control.bytes = bytes;
        self.notify();
    }

    /// `FW_CONTROL`. `rest` is what lies behind the request's 1500 bytes in the argument.
    pub(super) fn fw_control(
        &self,
        open: &OpenFile,
        caller: &Caller<'_>,
        params: &FwControl<'_>,
        rest: &[u8],
    ) -> Result<ControlAnswer, Stop> {
        let (mut kernel, waited) =
            self.wait(self.kernel(), caller, None, |kernel| !kernel.control.busy || open.is_stale());
        if waited == Waited::Interrupted {
            // Still in the queue: the call can be made again.
            return Err(Stop::Restart);
        }
        self.check_after_wait(&open.stale)?;
        kernel.control.busy = true;
        drop(kernel);
        let turn = Turn(self);
        if !self.device.is_firmware_loaded() {
            return Err(Errno::ENODEV.into());
        }
        let written = (params.buffer_len as usize).wrapping_add(MAILBOX_HEADER) as u32 as usize;
        if written > WINDOW {
            return Err(Stop::Crash(format!(
                "buffer_len {} of a firmware control runs out of the device's memory window",
                params.buffer_len
            )));
        }
        self.kernel().control.answered = false;
        let mut sent = params.buffer.to_vec();
        sent.extend_from_slice(rest);
        let request = self.device.post_request(&params.expected_md5, params.buffer_len, &sent);
        let cpu = if params.cpu_id == CpuId::CPU1 { Cpu::Core } else { Cpu::Application };
        let answer = self.with_firmware(|firmware, hardware| firmware.control(hardware, cpu, &request)).flatten();
        if let Some(answer) = answer {
            self.after(answer.delay, move |board| board.post_answer(answer));
        }
        let deadline = Instant::now() + Duration::from_millis(params.timeout_ms.into());
        let (kernel, waited) = self.wait(self.kernel(), caller, Some(deadline), |kernel| kernel.control.answered);
        match waited {
            Waited::Ready => self.check_after_wait(&open.stale)?,
            // The control may have been carried out, so that it is not made again.
            Waited::Interrupted => {
                drop(kernel);
                caller.interruption.end();
                return Err(Errno::EINTR.into());
            }
            Waited::TimedOut => return Err(Errno::ETIMEDOUT.into()),
        }
        let control = &kernel.control;
        let length = control.length as usize;
        if length > MAX_CONTROL_LENGTH {
            return Err(Errno::EINVAL.into());
        }
        let mut buffer = Box::new([0; MAX_CONTROL_LENGTH]);
        let given = params.buffer.len().min(MAX_CONTROL_LENGTH);
        buffer[..given].copy_from_slice(&params.buffer[..given]);
        // Memory behind the answer's bytes, but within its stated length, holds nothing.
        buffer[..length].fill(0);
        let count = length.min(control.bytes.len());
        buffer[..count].copy_from_slice(&control.bytes[..count]);
        let answer = ControlAnswer { md5: control.md5, length: control.length, buffer };
        drop(kernel);
        drop(turn);
        Ok(answer)
    }
}
