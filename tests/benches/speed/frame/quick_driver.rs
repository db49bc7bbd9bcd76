//! A driver on which configuring goes as in the recordings, and frames complete at once at hardly any cost.

use std::sync::{Condvar, Mutex};

use hailo_abi::command::{ChannelInterrupt, Command, InterruptsWaitReply, Operation, Progress, Reply};
use hailo_abi::{DataModel, DriverRelease, Errno, Frame, Interface, Transport};
use hailo_tests::models::canned::Canned;
use hailo_tests::models::recording::Recording;

const CHANNELS: usize = 32;
/// The release of the recordings.
const RELEASE: DriverRelease = DriverRelease::new(4, 23, 0);

#[derive(Default)]
struct State {
    enabled: u32,
    /// Transfers that wait for those of the other channels, by channel.
    pending: [u8; CHANNELS],
    /// Transfers that have completed and were not reported, by channel.
    done: [u8; CHANNELS],
    /// The page sizes of lists, in the order of their creation.
    pages: Vec<u16>,
}

impl State {
    fn channels(&self) -> impl Iterator<Item = usize> + use<> {
        let enabled = self.enabled;
        (0..CHANNELS).filter(move |channel| enabled >> channel & 1 != 0)
    }

    /// A frame is done when there is a transfer on every channel.
    fn work(&mut self) {
        while self.channels().all(|channel| self.pending[channel] > 0) {
            for channel in self.channels() {
                self.pending[channel] -= 1;
                self.done[channel] += 1;
            }
        }
    }
}

/// See the module.
pub(crate) struct QuickDriver {
    interface: &'static Interface,
    configuring: Canned,
    state: Mutex<State>,
    changed: Condvar,
}

impl QuickDriver {
    pub(crate) fn new(desc_max_page_size: u16) -> Self {
        Self {
            interface: Interface::of(RELEASE).unwrap(),
            configuring: Canned::new(&Recording::read("arcface-v1")).with_page(desc_max_page_size),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn wait(&self, channels: u32, frame: &mut Frame<'_>) -> Result<u32, Errno> {
        let nothing = ChannelInterrupt {
            engine_index: 0,
            channel_index: 0,
            is_active: true,
            progress: Progress::Transfers(0),
            host_error: 0,
            device_error: 0,
            validation_success: true,
        };
        let (mut interrupts, mut count) = ([nothing; CHANNELS], 0);
        let state = self.state.lock().unwrap();
        let nothing_new = |state: &mut State| state.done == [0; CHANNELS] && channels & !state.enabled == 0;
        let mut state = self.changed.wait_while(state, nothing_new).unwrap();
        for (channel_index, done) in (0..).zip(&mut state.done).filter(|(_, done)| **done > 0) {
            interrupts[count] =
                ChannelInterrupt { channel_index, progress: Progress::Transfers(std::mem::take(done)), ..nothing };
            count += 1;
        }
        drop(state);
        let reply = Reply::InterruptsWait(InterruptsWaitReply::new(&interrupts[..count]));
        let argument = frame.argument_mut();
        self.interface.encode_reply(DataModel::Lp64, Operation::InterruptsWait, &reply, argument).unwrap();
        Ok(0)
    }
}

impl Transport for QuickDriver {
    fn submit(&self, mut frame: Frame<'_>) -> Result<u32, Errno> {
        match self.interface.decode(DataModel::Lp64, frame.request(), frame.argument()) {
            Ok(Command::LaunchTransfer(launch)) => {
                let mut state = self.state.lock().unwrap();
                // Handles are 0x1000, 0x2000, …
                let page = u32::from(state.pages[(launch.desc_handle / 0x1000) as usize - 1]);
                state.pending[usize::from(launch.channel_index)] += 1;
                state.work();
                drop(state);
                self.changed.notify_all();
                let buffers = &launch.buffers[..usize::from(launch.buffers_count)];
                return Ok(buffers.iter().map(|buffer| buffer.size.div_ceil(page)).sum());
            }
            Ok(Command::InterruptsWait(wait)) => return self.wait(wait.channels.0[0] as u32, &mut frame),
            Ok(Command::DescListCreate(create)) => self.state.lock().unwrap().pages.push(create.desc_page_size),
            Ok(Command::EnableChannels(enable)) => {
                let mut state = self.state.lock().unwrap();
                let pages = std::mem::take(&mut state.pages);
                *state = State { enabled: enable.channels.0[0] as u32, pages, ..State::default() };
            }
            Ok(Command::DisableChannels(disable)) => {
                self.state.lock().unwrap().enabled &= !(disable.channels.0[0] as u32);
                self.changed.notify_all();
            }
            _ => {}
        }
        self.configuring.submit(frame)
    }
}
