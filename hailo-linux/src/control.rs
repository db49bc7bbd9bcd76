//! Firmware controls as bytes: [`Device::control`], the MD5 on both ways, and answers that belong to another control.
//!
//! The driver hands whatever the firmware answers to whoever waits. So the answer to a control that timed out completes the
//! next control, of whatever process, with bytes that belong to the first. The header of an answer repeats sequence number
//! and opcode of its request: by them such an answer is told apart here. After a control that got no answer of its own, the
//! next one is not sent before the same CPU has answered a harmless question: it answers in order, so nothing older can
//! follow then.

use std::sync::PoisonError;
use std::time::Duration;

use hailo_abi::Errno;
use hailo_abi::command::{FwControl, FwControlReply, MAX_CONTROL_LENGTH, MD5_LENGTH};
use hailo_abi::driver::FwControlBuffer;
use hailo_abi::enums::CpuId;
use hailo_abi::firmware::control::{CommonHeader, CommonHeaderLayout, REQUEST_HEADER_SIZE, Request};
use md5::{Digest, Md5};

use crate::device::{Device, Inner};
use crate::error::{ErrorKind, Invalid, Result};

/// The length in bytes of the header of a control: version, flags, sequence number, opcode, each a big-endian word.
pub const CONTROL_HEADER_LENGTH: usize = REQUEST_HEADER_SIZE;
/// How long to wait for the answer to a control, unless something else is asked for.
pub const CONTROL_TIMEOUT: Duration = Duration::from_secs(1);

const SEQUENCE: std::ops::Range<usize> = CommonHeaderLayout::SEQUENCE_OFFSET..CommonHeaderLayout::OPCODE_OFFSET;
/// How often to ask, after a control without answer, until the answer is that to the question.
const DRAIN_ATTEMPTS: u32 = 8;
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

const SEND: &str = "send a control to the firmware";

/// Room for the answer to a control.
pub type ControlBuffer = [u8; MAX_CONTROL_LENGTH];

/// What is known of the controls of an opened device.
#[derive(Debug)]
pub(crate) struct Controls {
    sequence: u32,
    /// The CPU from which the answer to an earlier control may still come.
    outstanding: Option<CpuId>,
    /// Whether this firmware repeats sequence numbers in its answers; unknown before the first.
    repeats_sequence: Option<bool>,
}

impl Controls {
    pub(crate) fn new() -> Self {
        // Other processes count too; the vendor's library always sends 0.
        Self { sequence: std::process::id() << 12 | 1, outstanding: None, repeats_sequence: None }
    }

    fn next(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        self.sequence
    }
}

impl Device {
    /// Sends a control to the firmware on a CPU and waits for the answer, whose bytes are returned.
    ///
    /// The request is sent as it is, but for its sequence number, which is replaced: an answer is recognised by it. It is not
    /// repeated if a signal interrupts it.
    ///
    /// # Errors
    /// [`Invalid::ControlLength`]; [`ErrorKind::NoAnswer`], [`ErrorKind::Interrupted`]: it may have been carried out;
    /// [`ErrorKind::NoFirmware`], [`ErrorKind::DamagedAnswer`], [`ErrorKind::ForeignAnswer`], what the driver answered.
    /// What the firmware itself says of its success is in the answer, and not looked at here.
    ///
    /// # Safety
    /// The control does not make the device write to memory of the host, or read what it must not, other than memory that
    /// stays allocated for as long as the device uses it and is not looked at meanwhile.
    #[doc(alias = "HAILO_FW_CONTROL")]
    pub unsafe fn control<'a>(
        &self,
        cpu: CpuId,
        request: &[u8],
        timeout: Duration,
        answer: &'a mut ControlBuffer,
    ) -> Result<&'a [u8]> {
        // SAFETY: passed on.
        unsafe { self.inner.control(cpu, request, timeout, answer) }
    }
}

impl Inner {
    /// As [`Device::control`].
    ///
    /// # Safety
    /// As there.
    pub(crate) unsafe fn control<'a>(
        &self,
        cpu: CpuId,
        request: &[u8],
        timeout: Duration,
        answer: &'a mut ControlBuffer,
    ) -> Result<&'a [u8]> {
        let given = request.len();
        if !(CONTROL_HEADER_LENGTH..=MAX_CONTROL_LENGTH).contains(&given) {
            let invalid = Invalid::ControlLength { given, min: CONTROL_HEADER_LENGTH, max: MAX_CONTROL_LENGTH };
            return Err(self.invalid(SEND, invalid));
        }
        if cpu != CpuId::CPU0 && cpu != CpuId::CPU1 {
            let invalid = Invalid::Value { what: "the CPU of a control", given: cpu.raw().into() };
            return Err(self.invalid(SEND, invalid));
        }
        // The driver sends one control at a time anyway.
        let mut controls = self.controls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(late) = controls.outstanding {
            self.drain(&mut controls, late, answer)?;
        }
        let sequence = controls.next();
        // SAFETY: promised by the caller.
        let length = unsafe { self.exchange(&mut controls, sequence, cpu, request, timeout, answer) }?;
        Ok(&answer[..length])
    }

    /// As [`control`](Self::control), with sequence number 0 as the vendor's library sends it, so that whole conversations
    /// can be compared. An answer to an earlier control is still told apart where this process knows of one.
    ///
    /// # Safety
    /// As there.
    pub(crate) unsafe fn control_unnumbered<'a>(
        &self,
        cpu: CpuId,
        request: &[u8],
        timeout: Duration,
        answer: &'a mut ControlBuffer,
    ) -> Result<&'a [u8]> {
        let mut controls = self.controls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(late) = controls.outstanding {
            self.drain(&mut controls, late, answer)?;
        }
        // SAFETY: promised by the caller; the length was checked by whoever encoded the request.
        let length = unsafe { self.exchange(&mut controls, 0, cpu, request, timeout, answer) }?;
        Ok(&answer[..length])
    }

    /// Asks a CPU who its firmware is, which changes nothing and every firmware knows, until it answers that.
    fn drain(&self, controls: &mut Controls, cpu: CpuId, answer: &mut ControlBuffer) -> Result<()> {
        let question = if cpu == CpuId::CPU1 { Request::CoreIdentify } else { Request::Identify };
        let request =
            question.encode_release_independent(0).map_err(|error| self.failed(SEND, ErrorKind::Control(error)))?;
        let mut last = None;
        for _ in 0..DRAIN_ATTEMPTS {
            let sequence = controls.next();
            // SAFETY: asking who the firmware is makes it answer, and nothing else.
            match unsafe { self.exchange(controls, sequence, cpu, request.as_slice(), DRAIN_TIMEOUT, answer) } {
                Ok(_) => {
                    controls.outstanding = None;
                    return Ok(());
                }
                Err(error) => match error.kind() {
                    ErrorKind::ForeignAnswer | ErrorKind::DamagedAnswer | ErrorKind::NoAnswer(_) => last = Some(error),
                    _ => return Err(error),
                },
            }
        }
        Err(last.unwrap_or_else(|| self.failed(SEND, ErrorKind::ForeignAnswer)))
    }

    /// Sends one control. Returns the length of its answer.
    ///
    /// # Safety
    /// As for [`Device::control`]. The request has at least a header and at most 1500 bytes.
    unsafe fn exchange(
        &self,
        controls: &mut Controls,
        sequence: u32,
        cpu: CpuId,
        request: &[u8],
        timeout: Duration,
        answer: &mut ControlBuffer,
    ) -> Result<usize> {
        let mut buffer = [0; MAX_CONTROL_LENGTH];
        let buffer = &mut buffer[..request.len()];
        buffer.copy_from_slice(request);
        buffer[SEQUENCE].copy_from_slice(&sequence.to_be_bytes());
        let control = FwControl {
            expected_md5: Md5::digest(&*buffer).into(),
            buffer_len: buffer.len() as u32,
            buffer,
            timeout_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX).max(1),
            cpu_id: cpu,
        };
        let mut argument = FwControlBuffer::new();
        // SAFETY: the length is that of the bytes, at most 1500; what the firmware does with them is promised by the caller.
        let received = match unsafe { self.driver.fw_control(&control, &mut argument) } {
            Ok(reply) => receive(&reply, answer),
            Err(error) => match error.errno() {
                Some(Errno::ETIMEDOUT) => Err(ErrorKind::NoAnswer(timeout)),
                Some(Errno::EINTR) => Err(ErrorKind::Interrupted),
                // The firmware does answer, only not with what the driver takes.
                Some(Errno::EINVAL) => Err(ErrorKind::BadAnswer("it is longer than 1500 bytes")),
                Some(Errno::ENODEV) if !self.has_firmware() => Err(ErrorKind::NoFirmware),
                _ => return Err(self.call_failed(SEND, error)),
            },
        };
        let length = received.map_err(|kind| {
            controls.outstanding = (kind != ErrorKind::NoFirmware).then_some(cpu);
            self.failed(SEND, kind)
        })?;
        let opcode = CommonHeader::parse(buffer).map(|(header, _)| header.opcode);
        let answered = CommonHeader::parse(&answer[..length]).map(|(header, _)| header);
        let Some(answered) = answered.filter(|answered| Some(answered.opcode) == opcode) else {
            controls.outstanding = Some(cpu);
            return Err(self.failed(SEND, ErrorKind::ForeignAnswer));
        };
        if sequence == 0 {
            // Nothing is compared, and nothing learned.
        } else if answered.sequence == sequence {
            controls.repeats_sequence = Some(true);
        } else if answered.sequence == 0 && controls.repeats_sequence != Some(true) {
            // Only the opcode can be compared then.
            controls.repeats_sequence = Some(false);
        } else {
            controls.outstanding = Some(cpu);
            return Err(self.failed(SEND, ErrorKind::ForeignAnswer));
        }
        Ok(length)
    }

    fn has_firmware(&self) -> bool {
        self.driver.query_device_properties().is_ok_and(|properties| properties.is_fw_loaded)
    }
}

/// Takes an answer over if its MD5 fits. Returns its length.
fn receive(reply: &FwControlReply<'_>, answer: &mut ControlBuffer) -> Result<usize, ErrorKind> {
    let message = reply.message().ok_or(ErrorKind::BadAnswer("it is longer than 1500 bytes"))?;
    if <[u8; MD5_LENGTH]>::from(Md5::digest(message)) != reply.expected_md5 {
        return Err(ErrorKind::DamagedAnswer);
    }
    answer[..message.len()].copy_from_slice(message);
    Ok(message.len())
}
