//! Transfers, and what they bring.

use std::time::Duration;

use hailo_abi::ChannelId;
use hailo_linux::{DmaBuffer, ErrorKind, Part, Parts};

use super::{Flight, Launched, SOON, TO_HOST, Things};
use crate::fuzzing::source::Source;

impl Things {
    pub(super) fn launch(&mut self, source: &mut Source<'_>) {
        let Some(channel) = self.channel(source) else { return };
        let id = self.channels[channel].id();
        let mut parts = Parts::new();
        for _ in 0..source.pick(&[1, 1, 1, 1, 1, 1, 2, 2, 3, 8, 0]) {
            let Some(mut index) = source.index(self.buffers.len()) else { break };
            if source.byte() & 7 != 0 {
                // One that fits, mostly.
                let fits = |buffer: &DmaBuffer| buffer.direction().allows(id.is_to_device()) && buffer.len() < 3000;
                index = (index..)
                    .take(self.buffers.len())
                    .map(|index| index % self.buffers.len())
                    .find(|index| fits(&self.buffers[*index]))
                    .unwrap_or(index);
            }
            let buffer = self.buffers.swap_remove(index);
            let part = if source.byte() & 7 == 0 {
                let start = usize::from(source.byte()) * 64;
                let end = start + source.length();
                Part::new(buffer, start..end)
            } else {
                buffer.into()
            };
            if let Err(part) = parts.push(part) {
                self.buffers.push(part.into_buffer());
            }
        }
        let ranges: Vec<_> = parts.iter().map(Part::range).collect();
        let length: usize = ranges.iter().map(ExactSizeIterator::len).sum();
        let mut bytes = Vec::new();
        for part in &parts {
            bytes.extend_from_slice(part.buffer().as_slice().get(part.range()).unwrap_or_default());
        }
        let one = parts.len() == 1 && ranges[0] == (0..parts[0].buffer().len());
        // Asked before: what is pending may complete at any time, also right after a launch was refused for it.
        let pending = self.channels[channel].pending();
        let launched = if one {
            let buffer = parts.pop().expect("one").into_buffer();
            self.channels[channel].launch(buffer).map(Flight::One).map_err(|error| {
                let parts = error.load.map(|buffer| vec![Part::from(buffer)]);
                (error.error, parts)
            })
        } else {
            self.channels[channel]
                .launch(parts)
                .map(Flight::Many)
                .map_err(|error| (error.error, error.load.map(|parts| parts.into_iter().collect())))
        };
        let pair = id.index % TO_HOST;
        match launched {
            Ok(flight) => {
                let Some((model, epoch)) = self.pair(id) else { return };
                let epoch = *epoch;
                let expected = if id.is_to_device() {
                    model.sent.extend_from_slice(&bytes);
                    None
                } else {
                    model.taken += length;
                    Some(model.taken - length..model.taken)
                };
                self.flights.push(Launched { flight, pair, expected, epoch });
            }
            Err((error, parts)) => {
                let parts = parts.unwrap_or_default();
                match error.kind() {
                    ErrorKind::RingFull { .. } | ErrorKind::TooManyPending { .. } => {
                        assert!(pending > 0, "{error}");
                    }
                    ErrorKind::Invalid(_)
                    | ErrorKind::NotStarted { .. }
                    | ErrorKind::Disabled { .. }
                    | ErrorKind::Stopped { .. }
                    | ErrorKind::OutOfStep { .. } => {}
                    _ => assert!(self.stale, "{error}"),
                }
                self.buffers.extend(parts.into_iter().map(Part::into_buffer));
            }
        }
    }

    pub(super) fn wait(&mut self, source: &mut Source<'_>) {
        let Some(index) = source.index(self.flights.len()) else { return };
        let Launched { flight, pair, expected, epoch } = self.flights.swap_remove(index);
        let pair_index = usize::from(pair);
        let model = &self.pairs[pair_index];
        let known = model.predictable && epoch == self.epochs[pair_index] && !self.stale;
        let known =
            known && self.enabled.iter().any(|enabled| enabled.channels.contains(ChannelId::new(pair + TO_HOST)));
        match expected {
            Some(range) if known => {
                let Some(bytes) = model.sent.get(range.clone()) else {
                    assert!(!flight.is_finished(), "bytes {range:?} of {} were never sent", model.sent.len());
                    // It is given up half of the time.
                    if source.byte() & 1 == 0 {
                        self.flights.push(Launched { flight, pair, expected: Some(range), epoch });
                    } else {
                        assert!(matches!(flight.wait(Duration::ZERO).unwrap_err().kind(), ErrorKind::Timeout(_)));
                    }
                    return;
                };
                let parts = flight.wait(SOON).expect("what was sent arrives");
                let mut arrived = Vec::new();
                for part in &parts {
                    arrived.extend_from_slice(&part.buffer().as_slice()[part.range()]);
                }
                assert!(arrived == bytes, "other bytes arrived than were sent");
                self.buffers.extend(parts.into_iter().map(Part::into_buffer));
            }
            _ => {
                let timeout = if flight.is_finished() { SOON } else { Duration::from_millis(1) };
                if let Ok(parts) = flight.wait(timeout) {
                    self.buffers.extend(parts.into_iter().map(Part::into_buffer));
                }
            }
        }
    }
}
