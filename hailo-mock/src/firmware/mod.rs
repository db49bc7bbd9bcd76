//! [`Firmware`]: what answers the controls, and the [`Hardware`] that it runs on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::accelerator::Accelerator;
use crate::device::{Cpu, FirmwareStatistics};
use crate::kernel::Board;
use crate::options::BoardKind;

mod bench;
mod board;
mod caches;
mod context_switch;
mod network;
mod settings;
pub(crate) mod spontaneous;
mod thermal;
mod values;

pub use bench::BenchFirmware;
pub use board::BoardFirmware;
pub use network::{InputFrame, NetworkFunction, Pattern};
pub use settings::{Logger, Settings, Watchdog};
pub use values::{FirmwareState, FirmwareValues};

/// A moment later, in another thread.
const SOON: Duration = Duration::from_micros(1);

/// The most bytes of an answer.
pub const MAX_ANSWER: usize = 1500;

/// The answer to a control.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The length to state, where it is not that of the bytes.
    pub stated_length: Option<u32>,
    /// How long to let the driver wait for it.
    pub delay: Duration,
}

impl Answer {
    /// These bytes, at once.
    #[must_use]
    pub fn now(bytes: Vec<u8>) -> Self {
        Self { bytes, stated_length: None, delay: Duration::ZERO }
    }
}

/// What runs on the two CPUs of the board.
pub trait Firmware: Send + fmt::Debug {
    /// Carries out a control for a CPU. `request` is what the driver has put into the mailbox, as long as its length says,
    /// though at most about 4000 bytes. `None`: there is no answer.
    fn control(&mut self, hardware: &Hardware<'_>, cpu: Cpu, request: &[u8]) -> Option<Answer>;

    /// The driver announces that the owner of the device has gone. All channels are to stop.
    fn shutdown(&mut self, hardware: &Hardware<'_>) {
        hardware.stop_all_channels();
    }

    /// The two sensors have these temperatures from now on, in degrees Celsius: the notifications of
    /// [`MachineOptions::notify`](crate::MachineOptions::notify) say so. Nothing happens if the firmware has no sensors.
    fn warm_to(&mut self, temperatures: [f32; 2]) {
        let _ = temperatures;
    }

    /// The firmware was loaded anew, after a reset of the board.
    fn restart(&mut self, hardware: &Hardware<'_>) {
        hardware.stop_all_channels();
    }
}

/// What the firmware reaches: the channels, the host's memory by its device addresses, notifications and logs.
pub struct Hardware<'a> {
    board: &'a Arc<Board>,
}

impl fmt::Debug for Hardware<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hardware").field("board", &self.board.index).finish()
    }
}

/// The state of a channel, as the device sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelState {
    /// The host's register block.
    pub registers: [u8; 16],
    /// Descriptors processed since the channel was started.
    pub descriptors: u64,
    /// Bytes moved since then.
    pub bytes: u64,
    /// Interrupts raised since then.
    pub interrupts: u64,
    /// The flags set with [`Hardware::set_flags`].
    pub flags: u8,
}

impl<'a> Hardware<'a> {
    pub(crate) fn new(board: &'a Arc<Board>) -> Self {
        Self { board }
    }

    /// What kind of board this is.
    #[must_use]
    pub fn kind(&self) -> BoardKind {
        self.board.kind
    }

    /// The number that makes this board different from others.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.board.seed
    }

    /// The version of the firmware that is loaded: major, minor, revision.
    #[must_use]
    pub fn firmware_version(&self) -> [u32; 3] {
        let version = self.board.firmware_version;
        [version.major, version.minor, version.revision]
    }

    /// Stops a channel and lets it forget everything but its flags. There is no such channel: nothing happens.
    pub fn reset_channel(&self, channel: u8) {
        self.board.reset_channel(channel, false, 0, 0);
    }

    /// Resets a channel and starts it on the descriptor list at `list`, which has `1 << depth` descriptors.
    pub fn start_channel(&self, channel: u8, list: u64, depth: u8) {
        self.board.reset_channel(channel, true, list, depth);
    }

    /// Resets all channels.
    pub fn stop_all_channels(&self) {
        for channel in 0..crate::device::HARDWARE_CHANNELS {
            self.reset_channel(channel);
        }
    }

    /// Sets the flags of a channel as the bench control 0xF003 does. They survive a reset.
    pub fn set_flags(&self, channel: u8, flags: u8) {
        self.board.set_flags(channel, flags);
    }

    /// Writes the control, `num_avail` and error registers of a channel.
    pub fn poke(&self, channel: u8, control: u8, num_avail: u16, error: u8) {
        self.board.poke(channel, control, num_avail, error);
    }

    /// The state of a channel, or `None` if there is no such channel.
    #[must_use]
    pub fn channel(&self, channel: u8) -> Option<ChannelState> {
        self.board.channel_state(channel)
    }

    /// Reads the host's memory. What is not there reads as zeros.
    pub fn read_memory(&self, address: u64, bytes: &mut [u8]) {
        self.board.device.dma.read(address, bytes);
    }

    /// Replaces what the board computes.
    pub fn set_accelerator(&self, accelerator: Box<dyn Accelerator>) {
        self.board.device.engine.set_accelerator(accelerator);
    }

    /// Lets the accelerator go on with what it has ([`Accelerator::resume`]), after a delay.
    pub fn resume(&self, delay: Duration) {
        self.board.after(delay, |board| {
            board.device.engine.resume();
            board.run(0);
        });
    }

    /// What puts a notification and raises its interrupt, from any thread, as long as there is the board.
    pub(crate) fn notifier(&self, bytes: Vec<u8>) -> impl Fn() + Send + Sync + 'static {
        let board = Arc::downgrade(self.board);
        move || {
            if let Some(board) = board.upgrade() {
                let bytes = bytes.clone();
                // Not at once: whoever calls may hold what the notification needs.
                board.after(SOON, move |board| board.notification(&bytes, bytes.len() as u32));
            }
        }
    }

    /// Puts a notification and raises its interrupt, after a delay. `length` is what its header says.
    pub fn notify(&self, delay: Duration, bytes: &[u8], length: u32) {
        let bytes = bytes.to_vec();
        self.board.after(delay, move |board| board.notification(&bytes, length));
    }

    /// Raises interrupts of channels with no transfer behind them, after a delay.
    pub fn interrupt(&self, delay: Duration, channels: u32) {
        self.board.after(delay, move |board| board.interrupt(channels.into()));
    }

    /// Appends to the log of a CPU.
    pub fn append_log(&self, cpu: Cpu, bytes: &[u8]) {
        self.board.device.append_log(cpu, bytes);
    }

    /// Says which lines the board writes into its logs of its own accord ([`MachineOptions::log`](crate::MachineOptions)).
    pub fn set_logger(&self, logger: Logger) {
        self.board.device.set_logger(logger);
    }

    /// Makes the board look unplugged, in a while, for some time.
    pub fn unplug(&self, delay: Duration, length: Duration) {
        self.board.device.unplug(delay, length);
    }

    /// Makes the board look as if no firmware were loaded, in a while, for some time.
    pub fn unload(&self, delay: Duration, length: Duration) {
        self.board.device.unload(delay, length);
    }

    /// What the device has counted.
    #[must_use]
    pub fn statistics(&self) -> FirmwareStatistics {
        self.board.device.statistics()
    }
}
