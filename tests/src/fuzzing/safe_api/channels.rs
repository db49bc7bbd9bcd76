//! Channels: enabled, opened, started, stopped.

use hailo_abi::{ChannelBitmaps, ChannelId};
use hailo_linux::Device;

use super::{Enabled, PAIRS, Pair, TO_HOST, Things};
use crate::fuzzing::source::Source;

impl Things {
    pub(super) fn enable(&mut self, source: &mut Source<'_>) {
        let Some(device) = self.device(source) else { return };
        let channels: ChannelBitmaps = (0..source.byte() % 6).map(|_| source.channel()).collect();
        self.enable_channels(&device, channels);
    }

    pub(super) fn enable_channels(&mut self, device: &Device, channels: ChannelBitmaps) {
        if let Ok(guard) = device.enable_channels(channels) {
            for enabled in &self.enabled {
                // From 5.0.1 on a file that a suspend made stale loses its channels.
                let taken = !enabled.channels.intersection(channels).is_empty();
                assert!(!taken || self.stale, "a channel is enabled twice");
            }
            self.enabled.push(Enabled { guard, channels });
        }
    }

    pub(super) fn open_channel(&mut self, source: &mut Source<'_>) {
        let Some(enabled) = source.index(self.enabled.len()) else { return };
        let Some(list) = source.index(self.lists.len()) else { return };
        let list = self.lists.swap_remove(list);
        let wanted = self.enabled[enabled].channels.iter().nth(usize::from(source.byte() % 3));
        let channel = wanted.unwrap_or_else(|| source.channel());
        if let Ok(channel) = self.enabled[enabled].guard.open(channel, list) {
            self.channels.push(channel);
        }
    }

    pub(super) fn pair(&mut self, channel: ChannelId) -> Option<(&mut Pair, &mut u64)> {
        let index = usize::from(channel.index % TO_HOST);
        Some((self.pairs.get_mut(index)?, self.epochs.get_mut(index)?))
    }

    pub(super) fn start(&mut self, source: &mut Source<'_>) {
        let Some(device) = self.device(source) else { return };
        let Some(index) = self.channel(source) else { return };
        if device.bench().start(&self.channels[index]).is_ok() {
            self.was_reset(self.channels[index].id(), true);
        }
    }

    pub(super) fn was_reset(&mut self, id: ChannelId, started: bool) {
        let Some((pair, epoch)) = self.pair(id) else { return };
        pair.reset();
        if !id.is_to_device() && started {
            pair.predictable = true;
            *epoch += 1;
        } else if !id.is_to_device() {
            pair.predictable = false;
        }
    }

    pub(super) fn stop(&mut self, source: &mut Source<'_>) {
        let Some(device) = self.device(source) else { return };
        let Some(index) = self.channel(source) else { return };
        if device.bench().stop(&self.channels[index]).is_ok() {
            self.was_reset(self.channels[index].id(), false);
        }
    }

    pub(super) fn disable(&mut self, source: &mut Source<'_>) {
        let Some(index) = source.index(self.enabled.len()) else { return };
        let Enabled { guard, channels } = self.enabled.swap_remove(index);
        for channel in channels.iter() {
            if let Some((pair, _)) = self.pair(channel) {
                pair.predictable = false;
            }
        }
        if source.byte() & 1 == 0 {
            let disabled = guard.disable();
            assert!(disabled.is_ok() || self.stale, "{disabled:?}");
        }
    }

    /// Makes a pair of channels ready for launches, which a sequence of arbitrary operations seldom does.
    pub(super) fn ready_pair(&mut self, source: &mut Source<'_>) {
        let Some(device) = self.device(source) else { return };
        let input = ChannelId::new(source.byte() % PAIRS);
        let output = ChannelId::new(input.index + TO_HOST);
        let (count, page_size) = source.pick(&[(16, 512), (64, 4096), (8, 256), (256, 64)]);
        let before = self.enabled.len();
        self.enable_channels(&device, [input, output].into_iter().collect());
        let Some(enabled) = self.enabled.get(before) else { return };
        let open = |channel| {
            let list = device.create_descriptor_list(count, page_size, true)?;
            let channel = enabled.guard.open(channel, list)?;
            device.bench().start(&channel).map(|()| channel)
        };
        let opened = (open(output), open(input));
        let (output, input) = match opened {
            (Ok(output), Ok(input)) => (output, input),
            failed => return assert!(self.stale, "{failed:?}"),
        };
        self.was_reset(output.id(), true);
        self.was_reset(input.id(), true);
        self.channels.extend([output, input]);
    }
}
