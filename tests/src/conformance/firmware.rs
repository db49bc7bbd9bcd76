//! Firmware controls, and the extra ones of a test bench.

use serde_json::{Value, json};

use crate::conformance::layout::{Argument, little_endian};
use crate::conformance::stage::{File, Step, Stop, broken};
use crate::conformance::system::{Answer, Signal};
use crate::conformance::table::Outcome;

/// Where a request's and a response's own bytes begin.
const PAYLOAD: usize = 16;
const RESPONSE: usize = 24;

/// The bench's opcodes.
pub(crate) const START: u32 = 0xf001;
pub(crate) const NOTIFY: u32 = 0xf002;
pub(crate) const FLAGS: u32 = 0xf003;
pub(crate) const LOG: u32 = 0xf004;
pub(crate) const SILENT: u32 = 0xf005;
pub(crate) const LENGTH: u32 = 0xf006;
pub(crate) const INTERRUPT: u32 = 0xf007;
pub(crate) const UNPLUG: u32 = 0xf008;
pub(crate) const UNLOAD: u32 = 0xf009;
pub(crate) const CHANNEL: u32 = 0xf00a;
pub(crate) const REGISTERS: u32 = 0xf00b;
pub(crate) const ECHO: u32 = 0xf00c;
pub(crate) const COUNTERS: u32 = 0xf00d;
pub(crate) const LATE: u32 = 0xf00e;
pub(crate) const MEMORY: u32 = 0xf00f;

/// What [`FLAGS`] sets on a channel.
pub(crate) const STALL: u8 = 1;
pub(crate) const NO_STATUS: u8 = 2;
pub(crate) const ERROR_STATUS: u8 = 4;
pub(crate) const NO_INTERRUPT: u8 = 8;
pub(crate) const SINK: u8 = 0x10;

/// A control as a case sends it.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub(crate) opcode: u32,
    pub(crate) payload: Vec<u8>,
    /// `buffer_len`; the request's own length if nothing else is said.
    pub(crate) length: Option<u32>,
    pub(crate) timeout: u32,
    pub(crate) cpu: i64,
    /// Whether the header has a version and a sequence number.
    pub(crate) header: bool,
}

/// A control with a full header.
pub(crate) fn control(opcode: u32, payload: &[u8]) -> Control {
    Control { opcode, payload: payload.to_vec(), length: None, timeout: 1000, cpu: 0, header: true }
}

/// A control of zeroes but for the opcode and `buffer_len`.
pub(crate) fn bare(opcode: u32, length: u32) -> Control {
    Control { length: Some(length), header: false, ..control(opcode, &[]) }
}

impl Control {
    pub(crate) fn timeout(mut self, milliseconds: u32) -> Self {
        self.timeout = milliseconds;
        self
    }

    pub(crate) fn argument<'a>(&self, file: &File<'a>) -> Argument<'a> {
        let mut request = vec![0; PAYLOAD];
        if self.header {
            request[..4].copy_from_slice(&2_u32.to_be_bytes());
            request[8..12].copy_from_slice(&9_u32.to_be_bytes());
        }
        request[12..].copy_from_slice(&self.opcode.to_be_bytes());
        request.extend(&self.payload);
        let length = self.length.unwrap_or(request.len() as u32);
        file.argument("FW_CONTROL")
            .set_bytes("buffer", &request)
            .set("buffer_len", length.into())
            .set("timeout_ms", self.timeout.into())
            .set("cpu_id", self.cpu as u64)
    }
}

/// What a control gave.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    pub(crate) length: u64,
    pub(crate) buffer: Vec<u8>,
}

impl Answered {
    pub(crate) fn of(answer: Answer, argument: &Argument<'_>) -> Self {
        let buffer = argument.get_bytes("buffer").to_vec();
        Self { answer, length: argument.get("buffer_len"), buffer }
    }

    /// The response's own bytes.
    fn data(&self) -> &[u8] {
        &self.buffer[RESPONSE..]
    }

    /// The call, and the length of the answer if there is one.
    pub(crate) fn outcome(&self) -> Outcome {
        let outcome = Outcome::of(self.answer);
        if self.answer.is_ok() { outcome.with("buffer_len", self.length) } else { outcome }
    }
}

/// A channel as the device sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChannelState {
    pub(crate) control: u8,
    pub(crate) available: u64,
    pub(crate) processed: u64,
    pub(crate) descriptors: u64,
}

/// The counts that a bench's device keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub(crate) controls: u64,
    pub(crate) shutdowns: u64,
    pub(crate) resets: u64,
}

impl File<'_> {
    pub(crate) fn send(&self, control: &Control) -> Answered {
        self.send_signal(control, None)
    }

    pub(crate) fn send_signal(&self, control: &Control, signal: Option<Signal>) -> Answered {
        let mut argument = control.argument(self);
        let answer = match signal {
            Some(_) => self.blocking(signal, &mut argument),
            None => self.call(&mut argument),
        };
        Answered::of(answer, &argument)
    }

    /// A bench control that a script needs: the response's own bytes.
    fn bench(&self, opcode: u32, payload: &[u8]) -> Step<Vec<u8>> {
        let answered = self.send(&control(opcode, payload));
        match answered.answer {
            Ok(_) => Ok(answered.data().to_vec()),
            Err(errno) => Err(broken(&format!("bench control {opcode:#x}"), errno)),
        }
    }

    /// Ends the script where the firmware does not understand the bench's controls.
    pub(crate) fn needs_bench(&self) -> Step {
        let answered = self.send(&control(ECHO, b"bench"));
        let echoed = answered.buffer[PAYLOAD..].starts_with(b"bench") || answered.data().starts_with(b"bench");
        if answered.answer.is_ok() && echoed {
            Ok(())
        } else {
            Err(Stop::Skip("the firmware does not know the bench controls"))
        }
    }

    /// Resets a channel and starts it on a list of 2^`log2` descriptors.
    pub(crate) fn start(&self, channel: u8, list: u64, log2: u8) -> Step {
        let mut payload = vec![channel, 1];
        payload.extend(list.to_le_bytes());
        payload.push(log2);
        self.bench(START, &payload).map(drop)
    }

    /// Resets a channel and leaves it stopped.
    pub(crate) fn stop(&self, channel: u8) -> Step {
        self.bench(START, &[channel, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4]).map(drop)
    }

    pub(crate) fn flags(&self, channel: u8, flags: u8) -> Step {
        self.bench(FLAGS, &[channel, flags]).map(drop)
    }

    /// Raises interrupts with no DMA, after a delay.
    pub(crate) fn interrupt(&self, delay: u16, source: u32, destination: u32) -> Step {
        let mut payload = delay.to_le_bytes().to_vec();
        payload.extend(source.to_le_bytes());
        payload.extend(destination.to_le_bytes());
        self.bench(INTERRUPT, &payload).map(drop)
    }

    /// Puts a notification of `length` bytes of one value.
    pub(crate) fn notify(&self, length: u16, value: u8) -> Step {
        let mut payload = vec![0, 0];
        payload.extend(length.to_le_bytes());
        payload.extend(vec![value; usize::from(length).min(1400)]);
        self.bench(NOTIFY, &payload).map(drop)
    }

    /// Appends to a CPU's log: `length` bytes that count up from `first`.
    pub(crate) fn put_log(&self, cpu: u8, first: u8, length: u16) -> Step {
        let mut payload = vec![cpu];
        payload.extend(length.to_le_bytes());
        payload.extend((0..length).map(|index| first.wrapping_add(index as u8)));
        self.bench(LOG, &payload).map(drop)
    }

    pub(crate) fn registers(&self, channel: u8, control: u8, available: u16, error: u8) -> Step {
        let [low, high] = available.to_le_bytes();
        self.bench(REGISTERS, &[channel, control, low, high, error]).map(drop)
    }

    pub(crate) fn channel(&self, channel: u8) -> Step<ChannelState> {
        let data = self.bench(CHANNEL, &[channel])?;
        Ok(ChannelState {
            control: data[0],
            available: little_endian(&data[2..4]),
            processed: little_endian(&data[4..6]),
            descriptors: little_endian(&data[16..24]),
        })
    }

    pub(crate) fn counts(&self) -> Step<Counts> {
        let data = self.bench(COUNTERS, &[])?;
        let count = |index: usize| little_endian(&data[index * 8..index * 8 + 8]);
        Ok(Counts { controls: count(0), shutdowns: count(1), resets: count(2) })
    }

    /// A 16-bit bench control with one number: a delay, a duration.
    pub(crate) fn bench_number(&self, opcode: u32, number: u16) -> Step {
        self.bench(opcode, &number.to_le_bytes()).map(drop)
    }

    /// Descriptors `first..=last` of a list, as its device sees them: the words of each.
    pub(crate) fn descriptors(&self, list: u64, first: u64, last: u64) -> Step<Vec<[u32; 4]>> {
        let length = ((last - first + 1) * 16) as u16;
        let mut payload = (list + first * 16).to_le_bytes().to_vec();
        payload.extend(length.to_le_bytes());
        let data = self.bench(MEMORY, &payload)?;
        let word = |bytes: &[u8], index: usize| little_endian(&bytes[index * 4..index * 4 + 4]) as u32;
        let each = data[..usize::from(length)].chunks_exact(16);
        Ok(each.map(|bytes| [0, 1, 2, 3].map(|index| word(bytes, index))).collect())
    }

    /// Descriptors as the table of 4.23.0 writes them.
    pub(crate) fn dump(&self, list: u64, first: u64, last: u64) -> Step<Value> {
        let found = self.descriptors(list, first, last)?;
        let each = found.iter().zip(first..).map(|(words, index)| {
            json!({
                "index": index,
                "size": words[0] >> 8,
                "control": format!("{:#04x}", words[0] & 0xff),
                "address_low12": format!("{:#05x}", words[1] & 0xfc0),
                "status": words[3] & 0xff,
            })
        });
        Ok(each.collect())
    }

    /// Descriptors as the tables of 5.x write them.
    pub(crate) fn dump_short(&self, list: u64, first: u64, last: u64) -> Step<Value> {
        let found = self.descriptors(list, first, last)?;
        let each = found.iter().zip(first..).map(|(words, index)| {
            json!({
                "i": index,
                "size": words[0] >> 8,
                "ctl": format!("{:#04x}", words[0] & 0xff),
                "addr_lo12": format!("{:#05x}", words[1] & 0xfc0),
            })
        });
        Ok(each.collect())
    }
}
