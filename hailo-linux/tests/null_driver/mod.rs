//! A driver of release 4.23.0 that does nothing but count: every transfer completes at once, nothing is copied.
//!
//! What a frame costs outside the driver is measured with it, and what a device is sent is watched.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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

#[derive(Debug, Default)]
struct State {
    enabled: u64,
    completed: [u8; CHANNELS],
    num_avail: [u32; CHANNELS],
}

/// See the module.
#[derive(Debug)]
pub(crate) struct NullDriver {
    interface: &'static Interface,
    state: Mutex<State>,
    changed: Condvar,
    handles: AtomicU64,
    pub(crate) held: Arc<AtomicU64>,
    /// Whether transfers stay under way.
    pub(crate) hold: AtomicBool,
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
        }
    }
}

impl NullDriver {
    fn handle(&self) -> u64 {
        self.held.fetch_add(1, Ordering::Relaxed);
        self.handles.fetch_add(1, Ordering::Relaxed)
    }

    fn wait(&self, channels: ChannelBitmaps, frame: &mut Frame<'_>) -> Result<u32, Errno> {
        let mut interrupts = [None; CHANNELS];
        let mut count = 0;
        let mut state = self.state.lock().unwrap();
        loop {
            for index in (0..CHANNELS).filter(|index| channels.0[0] >> index & 1 != 0) {
                let completed = std::mem::take(&mut state.completed[index]);
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
                self.state.lock().unwrap().enabled &= !disable.channels.0[0];
                self.changed.notify_all();
                Ok(0)
            }
            Command::InterruptsWait(wait) => self.wait(wait.channels, &mut frame),
            Command::LaunchTransfer(launch) => {
                let index = usize::from(launch.channel_index);
                let buffers = &launch.buffers[..usize::from(launch.buffers_count)];
                let descriptors = buffers.iter().map(|buffer| buffer.size.div_ceil(4096)).sum::<u32>();
                let mut state = self.state.lock().unwrap();
                if state.num_avail[index] != launch.starting_desc {
                    return Err(Errno::EFAULT);
                }
                state.num_avail[index] = (launch.starting_desc + descriptors) % 64;
                state.completed[index] += u8::from(!self.hold.load(Ordering::Relaxed));
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
