//! [`Accelerator`]: what the emulated board computes.

use std::fmt;

use crate::device::Outputs;

mod fully_connected;

pub use fully_connected::FullyConnected;

/// A function from the bytes of the channels that come from the host to those of the channels that go there.
///
/// The bytes of a channel arrive in order, in pieces that say nothing about frames. What is pushed to an output waits until
/// the host has launched a transfer for it.
pub trait Accelerator: Send + fmt::Debug {
    /// Bytes of channel `channel` have arrived.
    fn input(&mut self, channel: u8, bytes: &[u8], outputs: &mut Outputs);

    /// The channel that gets the bytes of `channel` just as they are. They are then not shown to
    /// [`input`](Accelerator::input), which saves a copy.
    fn forwards(&self, channel: u8) -> Option<u8> {
        let _ = channel;
        None
    }

    /// Whether bytes of a channel have to wait, as for an output to which the host gives no room.
    fn is_full(&self, channel: u8) -> bool {
        let _ = channel;
        false
    }

    /// Something other than bytes that it waited for has happened ([`Hardware::resume`](crate::firmware::Hardware::resume)).
    fn resume(&mut self, outputs: &mut Outputs) {
        let _ = outputs;
    }

    /// A channel was reset: what has arrived on it is to be forgotten. What waits on it for the host was dropped already.
    fn reset(&mut self, channel: u8, outputs: &mut Outputs) {
        let _ = (channel, outputs);
    }
}

/// The first channel towards the host.
const TO_HOST: u8 = 16;

/// Sends the bytes of each channel N back on channel 16 + N.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loopback;

impl Accelerator for Loopback {
    fn input(&mut self, channel: u8, bytes: &[u8], outputs: &mut Outputs) {
        outputs.push(TO_HOST + channel % TO_HOST, bytes);
    }

    fn forwards(&self, channel: u8) -> Option<u8> {
        Some(TO_HOST + channel % TO_HOST)
    }

    fn reset(&mut self, channel: u8, outputs: &mut Outputs) {
        outputs.clear(TO_HOST + channel % TO_HOST);
    }
}
