//! [`BenchFirmware`]: the controls of a test bench, with which a program starts channels and provokes faults.

use std::time::Duration;

use super::{Answer, Firmware, Hardware, MAX_ANSWER};
use crate::device::Cpu;
use crate::options::BoardKind;

/// The header of a control: version, flags, sequence number and opcode, all big-endian.
const HEADER: usize = 16;
/// The version of the control protocol.
const PROTOCOL_VERSION: u32 = 2;
/// The bit in the flags that makes an answer.
const ACKNOWLEDGE: u32 = 1;

/// A firmware that knows identify and the controls of the test bench.
#[derive(Clone, Copy, Debug, Default)]
pub struct BenchFirmware;

/// Reads a payload piece by piece; what is missing is zero.
struct Payload<'a>(&'a [u8]);

impl<'a> Payload<'a> {
    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut value = [0; N];
        let count = self.0.len().min(N);
        let (piece, rest) = self.0.split_at(count);
        value[..count].copy_from_slice(piece);
        self.0 = rest;
        value
    }

    fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    fn milliseconds(&mut self) -> Duration {
        Duration::from_millis(self.u16().into())
    }

    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (piece, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        piece
    }
}

/// The header of an answer: that of the request with the acknowledge flag, and a status of two zero words.
fn acknowledged(request: &[u8]) -> Vec<u8> {
    let mut answer = Payload(request).array::<HEADER>().to_vec();
    if let Some(flags) = answer.get_mut(7) {
        *flags |= ACKNOWLEDGE as u8;
    }
    answer.extend_from_slice(&[0; 8]);
    answer
}

impl BenchFirmware {
    /// Carries out a control of the bench. `None`: it is not one of them; `Some(None)`: there is no answer.
    pub fn bench_control(hardware: &Hardware<'_>, cpu: Cpu, request: &[u8]) -> Option<Option<Answer>> {
        let opcode = request.get(12..16).map_or(0, |word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
        let mut payload = Payload(request.get(HEADER..).unwrap_or_default());
        let mut answer = Answer::now(acknowledged(request));
        match opcode {
            0xF001 => {
                let (channel, start, list, depth) = (payload.u8(), payload.u8(), payload.u64(), payload.u8());
                if start == 0 {
                    hardware.reset_channel(channel);
                } else {
                    hardware.start_channel(channel, list, if depth == 0 { 16 } else { depth });
                }
            }
            0xF002 => {
                let (delay, length) = (payload.milliseconds(), payload.u16());
                hardware.notify(delay, payload.bytes(length.into()), length.into());
            }
            0xF003 => hardware.set_flags(payload.u8(), payload.u8()),
            0xF004 => {
                let (log, length) = (payload.u8(), payload.u16());
                let log = if log == 1 { Cpu::Core } else { Cpu::Application };
                hardware.append_log(log, payload.bytes(length.into()));
            }
            0xF005 => return Some(None),
            0xF006 => answer.stated_length = Some(payload.u32()),
            0xF007 => {
                let (delay, from_host, to_host) = (payload.milliseconds(), payload.u32(), payload.u32());
                hardware.interrupt(delay, from_host | to_host);
            }
            0xF008 => hardware.unplug(Duration::from_millis(50), payload.milliseconds()),
            0xF009 => hardware.unload(Duration::from_millis(50), payload.milliseconds()),
            0xF00A => {
                let state = hardware.channel(payload.u8()).unwrap_or_default();
                answer.bytes.extend_from_slice(&state.registers);
                for count in [state.descriptors, state.bytes, state.interrupts] {
                    answer.bytes.extend_from_slice(&count.to_le_bytes());
                }
                answer.bytes.extend_from_slice(&u32::from(state.flags).to_le_bytes());
            }
            0xF00B => hardware.poke(payload.u8(), payload.u8(), payload.u16(), payload.u8()),
            0xF00C => answer.bytes = request[..request.len().min(MAX_ANSWER)].to_vec(),
            0xF00D => {
                let statistics = hardware.statistics();
                for count in [statistics.controls, statistics.shutdowns, statistics.soft_resets] {
                    answer.bytes.extend_from_slice(&count.to_le_bytes());
                }
                answer.bytes.extend_from_slice(&u32::from(cpu == Cpu::Core).to_le_bytes());
            }
            0xF00E => answer.delay = payload.milliseconds(),
            0xF00F => {
                let (address, length) = (payload.u64(), usize::from(payload.u16()));
                let start = answer.bytes.len();
                answer.bytes.resize(start + length.min(MAX_ANSWER - start), 0);
                hardware.read_memory(address, &mut answer.bytes[start..]);
            }
            _ => return None,
        }
        Some(Some(answer))
    }
}

impl Firmware for BenchFirmware {
    fn control(&mut self, hardware: &Hardware<'_>, cpu: Cpu, request: &[u8]) -> Option<Answer> {
        if let Some(answer) = Self::bench_control(hardware, cpu, request) {
            return answer;
        }
        let opcode = request.get(12..16).unwrap_or(&[0; 4]);
        if opcode == [0; 4] {
            return Some(Answer::now(identify(hardware, request)));
        }
        // Not known: an answer with a status that says so.
        let mut bytes = acknowledged(request);
        bytes[HEADER..].fill(0xff);
        Some(Answer::now(bytes))
    }
}

/// Appends one parameter with its length in front.
fn parameter(answer: &mut Vec<u8>, bytes: &[u8]) {
    answer.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    answer.extend_from_slice(bytes);
}

fn identify(hardware: &Hardware<'_>, request: &[u8]) -> Vec<u8> {
    let (name, architecture, part) = match hardware.kind() {
        BoardKind::Hailo8 => ("Hailo-8", 1u32, "HM218B1C2FAE"),
        BoardKind::Hailo15H => ("Hailo-15H", 3, "HM15HB1C2FAE"),
        BoardKind::Hailo15L => ("Hailo-15L", 4, "HM15LB1C2FAE"),
    };
    let mut answer = acknowledged(request);
    answer.extend_from_slice(&8u32.to_be_bytes());
    let padded = |text: &str, length: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(length, 0);
        bytes
    };
    let version: Vec<u8> = hardware.firmware_version().iter().flat_map(|part| part.to_le_bytes()).collect();
    parameter(&mut answer, &PROTOCOL_VERSION.to_be_bytes());
    parameter(&mut answer, &version);
    parameter(&mut answer, &0u32.to_be_bytes());
    parameter(&mut answer, &padded(name, 32));
    parameter(&mut answer, &architecture.to_be_bytes());
    parameter(&mut answer, &padded(&format!("HLLWM2B{:09}", hardware.seed() % 1_000_000_000), 16));
    parameter(&mut answer, &padded(part, 16));
    parameter(&mut answer, &padded(&format!("{} AI ACC M.2 MODULE", name.to_uppercase()), 42));
    answer
}
