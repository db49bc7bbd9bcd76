//! What has to be sent to a driver and to a firmware for a model.

use hailo_abi::command::DescListCreate;
use hailo_abi::enums::{DataDirection, InterruptsDomain};
use hailo_abi::firmware::actions::{Action, ActionError, ChunkEncoder, HostBufferInfo, MAX_CHUNK_SIZE};
use hailo_abi::firmware::control::ContextType;
use hailo_abi::firmware::{FirmwareInterface, NetworkGroupHeader};

use super::cache::CachePlan;
use crate::hef::{Layer, Words};

/// A descriptor list of a plan: an index into [`Plan::lists`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListId(pub usize);

/// A mapped buffer of a plan: an index into [`Plan::buffers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub usize);

/// A buffer that stays mapped as long as the model is configured, full of zeros at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Its length in bytes.
    pub size: u64,
    /// Who writes it and who reads it.
    pub direction: DataDirection,
}

/// A call that tells a descriptor list where a buffer is, or only where it interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// The list.
    pub list: ListId,
    /// The buffer.
    pub buffer: BufferId,
    /// The channel that will use the list.
    pub channel: u8,
    /// How many bytes are described.
    pub size: u64,
    /// Where they begin in the buffer, in bytes.
    pub offset: u64,
    /// The first descriptor.
    pub starting_desc: u32,
    /// How many transfers of `size` bytes are described, one after the other.
    pub batch_size: u32,
    /// Whether addresses are written; otherwise only the last descriptor changes.
    pub should_bind: bool,
    /// Whom the last descriptor interrupts.
    pub last_interrupts_domain: InterruptsDomain,
    /// How many bytes of each page of the buffer are moved, where it is not the whole page; else 0.
    pub stride: u32,
}

/// One call to the driver, or one copy of configuration words.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Allocate and map a buffer.
    Map(BufferId),
    /// Create a descriptor list.
    Create(ListId),
    /// Program a list.
    Program(Program),
    /// Copy words into a buffer, one after the other, and synchronise what was written to the device.
    Fill {
        /// The buffer.
        buffer: BufferId,
        /// Where the first word goes, in bytes.
        offset: u64,
        /// The words.
        words: Vec<Words>,
    },
    /// Release a list again: the vendor's library creates the list of a layer of the first context anew each time it
    /// meets the layer, and keeps the first.
    Release(ListId),
}

/// A stream of the user.
#[derive(Clone, Debug)]
pub struct Boundary {
    /// What flows, and which way.
    pub layer: Layer,
    /// Its channel.
    pub channel: u8,
    /// Its descriptor list.
    pub list: ListId,
    /// How many transfers are under way at most.
    pub queue_depth: u16,
}

/// An action, and whose address belongs in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The action; its `dma_address` is 0 where `list` says whose it will be.
    pub action: Action,
    /// The list whose address it carries, once that is known.
    pub list: Option<ListId>,
}

impl From<Action> for Planned {
    fn from(action: Action) -> Self {
        Self { action, list: None }
    }
}

/// An action list of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextPlan {
    /// What the context is for; the firmware takes activation, batch switching, preliminary and dynamic ones in this
    /// order.
    pub kind: ContextType,
    /// The actions; `None` does nothing, but what stands on its two sides is not adjacent.
    pub actions: Vec<Option<Planned>>,
}

/// Where an action says which descriptor list it is about.
fn host_buffer_info(action: &mut Action) -> Option<&mut HostBufferInfo> {
    Some(match action {
        Action::ActivateCfgChannel(body) => &mut body.host_buffer_info,
        Action::OpenBoundaryInputChannel(body) => &mut body.host_buffer_info,
        Action::OpenBoundaryOutputChannel(body) => &mut body.host_buffer_info,
        Action::ActivateBoundaryInput(body) => &mut body.host_buffer_info,
        Action::ActivateBoundaryOutput(body) => &mut body.host_buffer_info,
        Action::ActivateInterContextInput(body) => &mut body.host_buffer_info,
        Action::ActivateInterContextOutput(body) => &mut body.host_buffer_info,
        Action::ActivateDdrBufferInput(body) => &mut body.host_buffer_info,
        Action::ActivateDdrBufferOutput(body) => &mut body.host_buffer_info,
        Action::ActivateCacheInput(body) => &mut body.host_buffer_info,
        Action::ActivateCacheOutput(body) => &mut body.host_buffer_info,
        _ => return None,
    })
}

impl ContextPlan {
    /// The chunks of the list as SET_CONTEXT_INFO carries them, at most [`MAX_CHUNK_SIZE`] bytes each; none for an
    /// empty list. `address` tells the DMA address of a list.
    ///
    /// # Errors
    ///
    /// When firmware of this generation has no such action, or no room for one of its values.
    pub fn encode(
        &self,
        firmware: FirmwareInterface,
        mut address: impl FnMut(ListId) -> u64,
    ) -> Result<Vec<Vec<u8>>, ActionError> {
        let actions: Vec<Option<Action>> = self
            .actions
            .iter()
            .map(|planned| {
                planned.map(|Planned { mut action, list }| {
                    if let (Some(list), Some(info)) = (list, host_buffer_info(&mut action)) {
                        info.dma_address = address(list);
                    }
                    action
                })
            })
            .collect();
        let mut encoder = ChunkEncoder::new(firmware, &actions);
        let mut chunks = Vec::new();
        let mut chunk = [0; MAX_CHUNK_SIZE];
        while let Some(length) = encoder.next_chunk(&mut chunk)? {
            chunks.push(chunk.get(..length).unwrap_or_default().to_vec());
        }
        Ok(chunks)
    }
}

/// Everything that has to be sent for a model, apart from what belongs to running it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The descriptor lists, in the order of their creation.
    pub lists: Vec<DescListCreate>,
    /// The buffers, in the order in which they are mapped.
    pub buffers: Vec<Buffer>,
    /// What to do before the firmware is told anything, in order.
    pub steps: Vec<Step>,
    /// The streams of the user: inputs, then outputs.
    pub boundary: Vec<Boundary>,
    /// The caches, which have to be moved on from frame to frame.
    pub caches: Vec<CachePlan>,
    /// What the firmware is told first.
    pub header: NetworkGroupHeader,
    /// What it is told then, in this order.
    pub contexts: Vec<ContextPlan>,
    /// The protocol that all of it is for.
    pub firmware: FirmwareInterface,
}
