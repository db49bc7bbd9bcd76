//! [`Summary`]: what a program did, counted.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use hailo_abi::Errno;
use hailo_abi::channels::VDMA_DEST_CHANNELS_START;
use hailo_linux::recording::Call;

use super::decode::Decoded;
use super::errno_name;

#[derive(Default)]
struct Calls {
    count: u64,
    time: Duration,
    /// The longest one and its number.
    slowest: (Duration, u64),
    errors: BTreeMap<i32, (Errno, u64)>,
}

#[derive(Default)]
struct Channel {
    transfers: u64,
    bytes: u64,
    completed: u64,
}

/// Counts calls, bytes and frames.
#[derive(Default)]
pub(crate) struct Summary {
    calls: BTreeMap<String, Calls>,
    channels: BTreeMap<u8, Channel>,
}

impl Summary {
    pub(crate) fn add(&mut self, call: &Call, decoded: &Decoded) {
        let calls = self.calls.entry(decoded.name.clone()).or_default();
        calls.count += 1;
        let took = Duration::from_micros(call.origin.map_or(0, |origin| origin.took_us));
        calls.time += took;
        calls.slowest = calls.slowest.max((took, call.sequence));
        if let Some(Err(errno)) = call.result {
            calls.errors.entry(errno.raw()).or_insert((errno, 0)).1 += 1;
        }
        if let (Some((channel, bytes)), true) = (decoded.launched, call.succeeded()) {
            let channel = self.channels.entry(channel).or_default();
            channel.transfers += 1;
            channel.bytes += bytes;
        }
        for (channel, count) in &decoded.completed {
            self.channels.entry(*channel).or_default().completed += count;
        }
    }

    /// Prints a table of calls and one of channels.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.calls.is_empty() {
            return writeln!(out, "no call to an accelerator");
        }
        writeln!(
            out,
            "{:>7} {:>7} {:>12} {:>12} {:>8}  request",
            "calls", "errors", "time µs", "slowest µs", "its seq"
        )?;
        let mut rows: Vec<_> = self.calls.iter().collect();
        rows.sort_by_key(|(_, calls)| std::cmp::Reverse(calls.time));
        for (name, calls) in rows {
            let errors: u64 = calls.errors.values().map(|(_, count)| count).sum();
            let kinds: Vec<_> =
                calls.errors.values().map(|(errno, count)| format!("{count}× {}", errno_name(*errno))).collect();
            let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
            let (slowest, sequence) = calls.slowest;
            let (time, slowest) = (calls.time.as_micros(), slowest.as_micros());
            writeln!(out, "{:>7} {errors:>7} {time:>12} {slowest:>12} {sequence:>8}  {name}{kinds}", calls.count)?;
        }
        for (index, channel) in &self.channels {
            let Channel { transfers, bytes, completed } = channel;
            writeln!(out, "channel {index}: {transfers} transfers, {bytes} bytes, {completed} reported as done")?;
        }
        let frames = self.channels.range(..VDMA_DEST_CHANNELS_START).map(|(_, channel)| channel.transfers).max();
        let sum = |to_device: bool| -> u64 {
            let of = |(index, _): &(&u8, &Channel)| (**index < VDMA_DEST_CHANNELS_START) == to_device;
            self.channels.iter().filter(of).map(|(_, channel)| channel.bytes).sum()
        };
        if let Some(frames) = frames {
            writeln!(out, "{frames} frames: {} bytes to the device, {} bytes asked from it", sum(true), sum(false))?;
        }
        Ok(())
    }
}
