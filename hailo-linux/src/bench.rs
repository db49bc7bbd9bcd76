//! [`Bench`]: the extra controls of a test bench, which the emulator understands too.
//!
//! On a real board the firmware starts channels for a configured network only. A bench, where something else plays the
//! board, starts them by a control.

use std::time::Duration;

use hailo_abi::enums::CpuId;
use hailo_abi::firmware::FirmwareStatus;

use crate::control::CONTROL_HEADER_LENGTH;
use crate::device::Device;
use crate::device::channel::{Channel, List};
use crate::error::{Error, ErrorKind, Invalid, Result};

/// Resets a channel and starts it if asked to: channel, start, list address, binary logarithm of the count.
pub const START_CHANNEL: u32 = 0xf001;
const PROTOCOL_VERSION: u32 = 2;
const TIMEOUT: Duration = Duration::from_secs(2);

const START: &str = "start a channel by a bench control";
const STOP: &str = "stop a channel by a bench control";

/// The bench controls of a device. See [`Device::bench`].
#[derive(Clone, Copy, Debug)]
pub struct Bench<'a> {
    device: &'a Device,
}

impl Device {
    /// The controls of a test bench. Firmware of a real board refuses them.
    #[must_use]
    pub fn bench(&self) -> Bench<'_> {
        Bench { device: self }
    }
}

impl Bench<'_> {
    /// Starts the hardware of a channel from the first descriptor of its list.
    ///
    /// # Errors
    /// [`ErrorKind::Firmware`] from firmware that is not a bench's; [`ErrorKind::Disabled`]; [`Invalid::OtherDevice`]; what
    /// came of the control.
    pub fn start(&self, channel: &Channel) -> Result<()> {
        self.check(START, channel)?;
        channel.change_hardware(|list, count| {
            let List::Own(address) = list else { return Err(self.disabled(START, channel)) };
            self.start_channel(START, channel, true, address, count)?;
            channel.mark_started();
            Ok(())
        })
    }

    /// Stops the hardware of a channel; what is pending on it will not complete. A channel that was disabled can be stopped
    /// too, unless it was enabled again since.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn stop(&self, channel: &Channel) -> Result<()> {
        self.check(STOP, channel)?;
        channel.change_hardware(|list, count| {
            if list == List::OfAnother {
                return Err(self.disabled(STOP, channel));
            }
            self.start_channel(STOP, channel, false, 0, count)?;
            channel.mark_stopped();
            Ok(())
        })
    }

    /// Refuses a channel of another device: its list lies in that one's memory.
    fn check(&self, operation: &'static str, channel: &Channel) -> Result<()> {
        let device = &self.device.inner;
        let own = channel.belongs_to(device);
        if own { Ok(()) } else { Err(device.invalid(operation, Invalid::OtherDevice)) }
    }

    fn disabled(&self, operation: &'static str, channel: &Channel) -> Error {
        self.device.inner.failed(operation, ErrorKind::Disabled { channel: channel.id() })
    }

    fn start_channel(
        &self,
        operation: &'static str,
        channel: &Channel,
        start: bool,
        address: u64,
        count: u32,
    ) -> Result<()> {
        let mut payload = [0; 11];
        payload[0] = channel.id().index;
        payload[1] = start.into();
        payload[2..10].copy_from_slice(&address.to_le_bytes());
        payload[10] = count.trailing_zeros() as u8;
        // SAFETY: the device will read the list of an enabled channel, which stays allocated until the channel was disabled,
        // and nothing is pending on it then or it is kept until the device is closed; what it finds in the list is what
        // `launch` put there. Stopping touches no memory at all.
        unsafe { self.control(operation, START_CHANNEL, &payload) }
    }

    /// Sends a bench control.
    ///
    /// # Safety
    /// As for [`Device::control`].
    unsafe fn control(&self, operation: &'static str, opcode: u32, payload: &[u8]) -> Result<()> {
        let mut request = [0; CONTROL_HEADER_LENGTH + 64];
        request[..4].copy_from_slice(&PROTOCOL_VERSION.to_be_bytes());
        request[12..CONTROL_HEADER_LENGTH].copy_from_slice(&opcode.to_be_bytes());
        let length = CONTROL_HEADER_LENGTH + payload.len();
        request[CONTROL_HEADER_LENGTH..length].copy_from_slice(payload);
        let mut buffer = [0; hailo_abi::command::MAX_CONTROL_LENGTH];
        // SAFETY: passed on.
        let answer = unsafe { self.device.control(CpuId::CPU0, &request[..length], TIMEOUT, &mut buffer) }?;
        let status = |at: usize| answer.get(at..at + 4).and_then(<[u8]>::first_chunk).copied().map(u32::from_be_bytes);
        let (major, minor) = (status(CONTROL_HEADER_LENGTH), status(CONTROL_HEADER_LENGTH + 4));
        let (Some(major), Some(minor)) = (major, minor) else {
            return Err(self.device.inner.failed(operation, ErrorKind::BadAnswer("it has no status")));
        };
        if major != 0 {
            let kind = ErrorKind::Firmware { major: FirmwareStatus(major), minor: FirmwareStatus(minor) };
            return Err(self.device.inner.failed(operation, kind));
        }
        Ok(())
    }
}
