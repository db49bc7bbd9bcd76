//! Which vDMA channel is whose.

use crate::hef::Refusal;
use crate::transform::Direction;

/// What a channel is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Configuration,
    Boundary,
    InterContext,
    Ddr,
    Cache,
}

/// Whose a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner<'a> {
    pub(super) purpose: Use,
    pub(super) direction: Direction,
    pub(super) name: &'a str,
    pub(super) stream: u8,
}

/// Channels of each direction; those that carry into the device come first.
const PER_DIRECTION: u8 = 16;

/// The channels of a model. Every model begins with an empty table, since only one is active at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Channels<'a> {
    held: Vec<(u8, Owner<'a>)>,
    /// Channels that were ever used for something else than a stream of the user.
    internal: u32,
}

impl<'a> Channels<'a> {
    /// The channel of `owner`: the one it holds, or the lowest that is free.
    pub(super) fn request(&mut self, owner: Owner<'a>) -> Result<u8, Refusal> {
        if let Some((channel, _)) = self.held.iter().find(|(_, holder)| *holder == owner) {
            return Ok(*channel);
        }
        let first = match owner.direction {
            Direction::Input => 0,
            Direction::Output => PER_DIRECTION,
        };
        let channel = (first..first + PER_DIRECTION)
            .find(|channel| {
                let is_held = self.held.iter().any(|(held, _)| held == channel);
                let is_internal = self.internal & 1 << channel != 0;
                !(is_held || is_internal && owner.purpose == Use::Boundary)
            })
            .ok_or_else(|| {
                Refusal::internal(format!(
                    "no channel is left for `{}`: there are {PER_DIRECTION} of each direction",
                    owner.name
                ))
            })?;
        if owner.purpose != Use::Boundary {
            self.internal |= 1 << channel;
        }
        self.held.push((channel, owner));
        Ok(channel)
    }

    /// Ends what a context used between layers: the next one may use the same channels.
    pub(super) fn release_intermediate(&mut self) {
        self.held.retain(|(_, owner)| matches!(owner.purpose, Use::Configuration | Use::Boundary));
    }
}
