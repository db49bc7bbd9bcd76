//! A driver of release 4.23.0 that does nothing but count: every transfer completes at once, nothing is copied.
//!
//! What a frame costs outside the driver is measured with it, and what a device is sent is watched. Another driver behind it
//! takes everything but the transfers, so that networks can be configured.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
#[cfg(not(shuttle))]
use std::sync::{Condvar, Mutex};

use hailo_abi::command::{
    BufferMapReply, ChannelInterrupt, Command, DescListCreateReply, DeviceProperties, DriverInfo, InterruptsWaitReply,
    MarkAsInUseReply, Progress, Reply,
};
use hailo_abi::enums::{AllocationMode, DmaType};
use hailo_abi::{ChannelBitmaps, ChannelId, DataModel, DriverRelease, Errno, Frame, Interface, Transport};

#[cfg(shuttle)]
use shuttle::sync::{Condvar, Mutex};

pub(crate) const RELEASE: DriverRelease = DriverRelease::new(4, 23, 0);
const CHANNELS: usize = 32;
const TO_HOST: usize = 16;

#[derive(Debug, Default)]
struct State {
    enabled: u64,
    /// Launched on channels of a network to the host, and not completed.
    waiting: [u8; CHANNELS],
    completed: [u8; CHANNELS],
    num_avail: [u32; CHANNELS],
    /// Handle, count and page size of the lists of the driver behind.
    lists: Vec<(u64, u32, u32)>,
    is_lost: bool,
}

/// See the module.
pub(crate) struct NullDriver {
    interface: &'static Interface,
    state: Mutex<State>,
    changed: Condvar,
    handles: AtomicU64,
    pub(crate) held: Arc<AtomicU64>,
    /// Whether transfers stay under way.
    pub(crate) hold: AtomicBool,
    /// Launches and waits.
    pub(crate) calls: AtomicU64,
    /// Transfers of an output in a frame of a network. If they are several, every fourth of them ends a class of boxes.
    pub(crate) transfers_per_frame: AtomicU8,
    behind: Option<Box<dyn Transport>>,
}

impl Default for NullDriver {
    fn default() -> Self {
        Self {
            interface: Interface::of(RELEASE).unwrap(),
            state: Mutex::default(),
            changed: Condvar::new(),
            handles: AtomicU64::new(1),
            held: Arc::default(),
            hold: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            transfers_per_frame: AtomicU8::new(1),
            behind: None,
        }
    }
}

impl NullDriver {
    /// A driver that does nothing for transfers, and leaves the rest to another one of the same release.
    pub(crate) fn before(behind: Box<dyn Transport>) -> Self {
        Self { behind: Some(behind), ..Self::default() }
    }

    /// Waits for interrupts fail from now on.
    pub(crate) fn lose(&self) {
        self.state.lock().unwrap().is_lost = true;
        self.changed.notify_all();
    }

    /// What the driver behind answers, if there is one that is to be asked.
    fn passed_on(&self, frame: &mut Frame<'_>) -> Option<Result<u32, Errno>> {
        let behind = self.behind.as_ref()?;
        let request = frame.request();
        let command = self.interface.decode(DataModel::NATIVE, request, frame.argument()).ok()?;
        let created = match command {
            Command::EnableChannels(_)
            | Command::DisableChannels(_)
            | Command::InterruptsWait(_)
            | Command::LaunchTransfer(_) => return None,
            Command::DescListCreate(create) => Some((create.desc_count as u32, create.desc_page_size.into())),
            _ => None,
        };
        let answer = behind.submit(frame.reborrow());
        if let (Ok(_), Some((count, page))) = (&answer, created)
            && let Ok(Reply::DescListCreate(reply)) =
                self.interface.decode_reply(DataModel::NATIVE, request, frame.argument())
        {
            self.state.lock().unwrap().lists.push((reply.desc_handle, count, page));
        }
        Some(answer)
    }

    fn handle(&self) -> u64 {
        self.held.fetch_add(1, Ordering::Relaxed);
        self.handles.fetch_add(1, Ordering::Relaxed)
    }

    fn wait(&self, channels: ChannelBitmaps, frame: &mut Frame<'_>) -> Result<u32, Errno> {
        let mut interrupts = [None; CHANNELS];
        let mut count = 0;
        let mut state = self.state.lock().unwrap();
        loop {
            if state.is_lost {
                return Err(Errno::ENODEV);
            }
            for index in (0..CHANNELS).filter(|index| channels.0[0] >> index & 1 != 0) {
                // Networks do one frame after the other.
                let most = if self.behind.is_some() { 1 } else { u8::MAX };
                let completed = state.completed[index].min(most);
                state.completed[index] -= completed;
                if completed != 0 {
                    interrupts[count] = Some(ChannelInterrupt {
                        engine_index: 0,
                        channel_index: index as u8,
                        is_active: true,
                        progress: Progress::Transfers(completed),
                        host_error: 0,
                        device_error: 0,
                        validation_success: true,
                    });
                    count += 1;
                }
            }
            if count > 0 || channels.0[0] & !state.enabled != 0 {
                break;
            }
            state = self.changed.wait(state).unwrap();
        }
        drop(state);
        let none = ChannelInterrupt {
            engine_index: 0,
            channel_index: 0,
            is_active: true,
            progress: Progress::Transfers(0),
            host_error: 0,
            device_error: 0,
            validation_success: true,
        };
        let interrupts = interrupts.map(|interrupt| interrupt.unwrap_or(none));
        self.reply(frame, &Reply::InterruptsWait(InterruptsWaitReply::new(&interrupts[..count])))
    }

    fn reply(&self, frame: &mut Frame<'_>, reply: &Reply<'_>) -> Result<u32, Errno> {
        let entry = self.interface.find(frame.request(), DataModel::NATIVE).ok_or(Errno::ENOTTY)?;
        self.interface
            .encode_reply(DataModel::NATIVE, entry.operation, reply, frame.argument_mut())
            .map_err(|_| Errno::EFAULT)?;
        Ok(0)
    }
}

impl Transport for NullDriver {
    fn submit(&self, mut frame: Frame<'_>) -> Result<u32, Errno> {
        if let Some(answer) = self.passed_on(&mut frame) {
            return answer;
        }
        let command = self.interface.decode(DataModel::NATIVE, frame.request(), frame.argument());
        match command.map_err(|_| Errno::ENOTTY)? {
            Command::QueryDriverInfo => self.reply(&mut frame, &Reply::DriverInfo(DriverInfo { release: RELEASE })),
            Command::QueryDeviceProperties => {
                let properties = DeviceProperties {
                    desc_max_page_size: 4096,
                    board_type: 0,
                    allocation_mode: AllocationMode::USERSPACE,
                    dma_type: DmaType::PCIE,
                    dma_engines_count: 1,
                    is_fw_loaded: true,
                };
                self.reply(&mut frame, &Reply::DeviceProperties(properties))
            }
            Command::MarkAsInUse => self.reply(&mut frame, &Reply::MarkAsInUse(MarkAsInUseReply { in_use: false })),
            Command::BufferMap(_) => {
                let mapped_handle = self.handle();
                self.reply(&mut frame, &Reply::BufferMap(BufferMapReply { mapped_handle }))
            }
            Command::DescListCreate(_) => {
                let desc_handle = self.handle();
                let reply = DescListCreateReply { desc_handle, dma_address: desc_handle << 12 };
                self.reply(&mut frame, &Reply::DescListCreate(reply))
            }
            Command::BufferUnmap(_) | Command::DescListRelease(_) => {
                self.held.fetch_sub(1, Ordering::Relaxed);
                Ok(0)
            }
            Command::EnableChannels(enable) => {
                self.state.lock().unwrap().enabled |= enable.channels.0[0];
                Ok(0)
            }
            Command::DisableChannels(disable) => {
                let mut state = self.state.lock().unwrap();
                state.enabled &= !disable.channels.0[0];
                state.num_avail = [0; CHANNELS];
                state.waiting = [0; CHANNELS];
                state.completed = [0; CHANNELS];
                drop(state);
                self.changed.notify_all();
                Ok(0)
            }
            Command::InterruptsWait(wait) => {
                self.calls.fetch_add(1, Ordering::Relaxed);
                self.wait(wait.channels, &mut frame)
            }
            Command::LaunchTransfer(launch) => {
                let index = usize::from(launch.channel_index);
                let buffers = &launch.buffers[..usize::from(launch.buffers_count)];
                let mut state = self.state.lock().unwrap();
                let list = state.lists.iter().find(|(handle, ..)| *handle == launch.desc_handle);
                let (_, count, page) = *list.unwrap_or(&(0, 64, 4096));
                let descriptors = buffers.iter().map(|buffer| buffer.size.div_ceil(page)).sum::<u32>();
                if state.num_avail[index] != launch.starting_desc {
                    return Err(Errno::EFAULT);
                }
                state.num_avail[index] = (launch.starting_desc + descriptors) % count;
                self.calls.fetch_add(1, Ordering::Relaxed);
                if self.behind.is_none() {
                    state.completed[index] += u8::from(!self.hold.load(Ordering::Relaxed));
                } else if index < TO_HOST {
                    // What goes into a network comes out at once.
                    state.completed[index] += 1;
                    let per_frame = self.transfers_per_frame.load(Ordering::Relaxed);
                    for output in TO_HOST..CHANNELS {
                        let done = state.waiting[output].min(per_frame);
                        state.waiting[output] -= done;
                        state.completed[output] += done;
                    }
                } else {
                    state.waiting[index] += 1;
                    if self.transfers_per_frame.load(Ordering::Relaxed) > 1 {
                        let word = if launch.starting_desc % 4 == 3 { [0xff; 8] } else { [1; 8] };
                        let place = buffers[0].address_or_fd as *mut [u8; 8];
                        // SAFETY: the memory is the program's own, which it has given to the device until the transfer is done.
                        unsafe { place.write(word) };
                    }
                }
                drop(state);
                self.changed.notify_all();
                Ok(descriptors)
            }
            _ => Err(Errno::ENOTTY),
        }
    }
}

/// A device on a null driver, with channels 0 and 16 enabled and "started" on rings of 64 descriptors of 4096 bytes.
pub(crate) struct Bed {
    pub(crate) device: hailo_linux::Device,
    pub(crate) channels: hailo_linux::Channels,
    pub(crate) input: hailo_linux::Channel,
    pub(crate) output: hailo_linux::Channel,
}

impl Bed {
    pub(crate) fn new(driver: Arc<NullDriver>) -> Self {
        let device = hailo_linux::Device::with_transport(driver, hailo_linux::Options::default()).unwrap();
        let (input, output) = (ChannelId::new(0), ChannelId::new(16));
        let channels = device.enable_channels([input, output].into_iter().collect()).unwrap();
        let open = |channel| {
            let list = device.create_descriptor_list(64, 4096, true).unwrap();
            let channel = channels.open(channel, list).unwrap();
            // SAFETY: there is no hardware.
            unsafe { channel.assume_started() };
            channel
        };
        let (input, output) = (open(input), open(output));
        Self { device, channels, input, output }
    }
}
