//! [`ContextSwitch`]: network groups as the firmware keeps them, and what it does when one is enabled.

use std::sync::Arc;

use hailo_abi::descriptor::Descriptor;
use hailo_abi::firmware::actions::{Action, ActionError, ActionReader, HostBufferInfo, PackedVdmaChannelId};
use hailo_abi::firmware::constants::MAX_CONTEXTS_PER_NETWORK_GROUP;
use hailo_abi::firmware::control::{ChangeContextSwitchStatus, ContextSwitchStatus, ContextType, SetContextInfo};
use hailo_abi::firmware::{FirmwareInterface, FirmwareStatus, NetworkGroupHeader};

use zerocopy::IntoBytes;

use super::caches::CacheGate;
use super::network::{NetworkAccelerator, NetworkFunction, Pattern, Stream};
use super::{Hardware, SOON};
use crate::accelerator::Loopback;

/// The firmware's module of context switching, which its status codes name.
const MODULE: u8 = 0x13;

/// Status codes with which the firmware refuses a network, by the vendor's names.
mod refusal {
    use super::{FirmwareStatus, MODULE};

    /// `CONTEXT_SWITCH_TASK_STATUS_USER_SENT_CONTEXT_CONTROL_BEFORE_MAIN_HEADER_CONTROL`
    pub(super) const NO_HEADER: FirmwareStatus = FirmwareStatus::new(MODULE, 0x06);
    /// `CONTEXT_SWITCH_TASK_STATUS_CONTEXT_INFO_RECEIVED_TOO_MANY_CONTEXTS`
    pub(super) const TOO_MANY_CONTEXTS: FirmwareStatus = FirmwareStatus::new(MODULE, 0x07);
    /// `CONTEXT_SWITCH_TASK_STATUS_ADD_CONTEXT_INFO_FUNCTION_REACHED_FORBIDDEN_MEMORY_SPACE`
    pub(super) const CONTEXT_TOO_LARGE: FirmwareStatus = FirmwareStatus::new(MODULE, 0x10);
    /// `CONTEXT_SWTICH_STATUS_MISALIGNMENT_ERROR_WHILE_READING_ACTIONS`
    pub(super) const TRUNCATED_ACTION: FirmwareStatus = FirmwareStatus::new(MODULE, 0x16);
    /// `CONTEXT_SWITCH_STATUS_READ_INVALID_ACTION_TYPE`
    pub(super) const UNKNOWN_ACTION: FirmwareStatus = FirmwareStatus::new(MODULE, 0x18);
    /// `CONTEXT_SWITCH_STATUS_INVALID_STATE_MACHINE_STATUS`
    pub(super) const UNKNOWN_STATUS: FirmwareStatus = FirmwareStatus::new(MODULE, 0x19);
    /// `CONTEXT_SWITCH_STATUS_INVALID_CHANNEL_INDEX`
    pub(super) const CHANNEL_NOT_OPEN: FirmwareStatus = FirmwareStatus::new(MODULE, 0x1e);
    /// `CONTEXT_SWITCH_STATUS_REQUESTED_DESCRIPTORS_EXCEEDED_MAX_ALLOWED`
    pub(super) const TOO_MANY_DESCRIPTORS: FirmwareStatus = FirmwareStatus::new(MODULE, 0x34);
    /// `CONTEXT_SWITCH_STATUS_INVALID_APPLICATION_INDEX`
    pub(super) const UNKNOWN_APPLICATION: FirmwareStatus = FirmwareStatus::new(MODULE, 0x37);
    /// `CONTEXT_SWITCH_STATUS_CHANGING_APP_IS_NOT_ALLOWED`
    pub(super) const ANOTHER_RUNS: FirmwareStatus = FirmwareStatus::new(MODULE, 0x3e);
    /// `CONTEXT_SWITCH_STATUS_INVALID_BATCH_SIZE`
    pub(super) const BATCH_SIZE: FirmwareStatus = FirmwareStatus::new(MODULE, 0x3f);
    /// `CONTEXT_SWITCH_STATUS_INVALID_DESC_PAGE_SIZE`
    pub(super) const PAGE_SIZE: FirmwareStatus = FirmwareStatus::new(MODULE, 0x54);
    /// `CONTEXT_SWITCH_STATUS_INVALID_VDMA_CHANNEL_DEPTH`
    pub(super) const DEPTH: FirmwareStatus = FirmwareStatus::new(MODULE, 0x55);
    /// `CONTEXT_SWITCH_STATUS_CANT_CONFIGURE_HEF_WHILE_ACTIVATED`
    pub(super) const CONFIGURED_WHILE_RUNNING: FirmwareStatus = FirmwareStatus::new(MODULE, 0x56);
    /// `CONTEXT_SWITCH_STATUS_REPEATED_ACTION_INVALID_ACTION_COUNT`
    pub(super) const BAD_REPETITION: FirmwareStatus = FirmwareStatus::new(MODULE, 0x5e);
    /// `CONTEXT_SWITCH_STATUS_INVALID_CFG_CHANNELS_COUNT`
    pub(super) const CONFIG_CHANNELS: FirmwareStatus = FirmwareStatus::new(MODULE, 0x65);
    /// `CONTEXT_SWITCH_STATUS_INVALID_CONFIG_STREAM_INDEX`
    pub(super) const CONFIG_STREAM: FirmwareStatus = FirmwareStatus::new(MODULE, 0x69);
    /// `CONTEXT_SWITCH_STATUS_CANT_CLEAR_CONFIGURED_APPS_WHILE_ACTIVATED`
    pub(super) const CLEARED_WHILE_RUNNING: FirmwareStatus = FirmwareStatus::new(MODULE, 0x6c);
    /// `CONTEXT_SWITCH_STATUS_INVALID_CONTEXT_TYPE`
    pub(super) const CONTEXT_TYPE: FirmwareStatus = FirmwareStatus::new(MODULE, 0x6d);
    /// `CONTEXT_SWITCH_STATUS_INVALID_DYNAMIC_CONTEXT_COUNT`
    pub(super) const DYNAMIC_CONTEXTS: FirmwareStatus = FirmwareStatus::new(MODULE, 0x6f);
}

/// The first channel towards the host on PCIe boards.
const TO_HOST: u8 = hailo_abi::channels::VDMA_DEST_CHANNELS_START;
/// The channels of the engine of a PCIe board.
const CHANNELS: u8 = 2 * TO_HOST;
/// The most descriptors of a channel's list.
const MAX_DESCRIPTORS: u32 = 1 << 16;

/// The contexts of a network group come in this order; the last kind as often as the header says.
const ORDER: [ContextType; 4] =
    [ContextType::ACTIVATION, ContextType::BATCH_SWITCHING, ContextType::PRELIMINARY, ContextType::DYNAMIC];

/// What becomes of a control that starts a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is refused.
    Refused(FirmwareStatus),
    /// The firmware crashes: bursts are counted for an input of which it was not told how large its batch is.
    Crashed,
}

impl From<FirmwareStatus> for Stop {
    fn from(status: FirmwareStatus) -> Self {
        Self::Refused(status)
    }
}

/// A network group: its header and the contexts that have come so far.
#[derive(Debug)]
struct Application {
    header: NetworkGroupHeader,
    contexts: Vec<(ContextType, Vec<u8>)>,
    /// The context of which some chunks have come.
    partial: Option<(ContextType, Vec<u8>)>,
}

impl Application {
    /// The kind of the context that is to come next.
    fn expected(&self) -> Option<ContextType> {
        let complete = ORDER.len() - 1 + usize::from(self.header.dynamic_contexts_count);
        (self.contexts.len() < complete).then(|| ORDER[self.contexts.len().min(ORDER.len() - 1)])
    }
}

/// What the firmware knows of network groups.
#[derive(Debug)]
pub(super) struct ContextSwitch {
    applications: Vec<Application>,
    /// The number of network groups and their headers, as they came.
    main_header: Vec<u8>,
    running: Option<u8>,
    /// The channels that the running network has opened.
    opened: Vec<u8>,
    function: Arc<dyn NetworkFunction>,
    /// What the running network waits at for its caches, if it has any.
    gate: Option<Arc<CacheGate>>,
}

impl Default for ContextSwitch {
    fn default() -> Self {
        Self::new(Arc::new(Pattern))
    }
}

impl ContextSwitch {
    /// No network group yet; networks compute `function`.
    pub(super) fn new(function: Arc<dyn NetworkFunction>) -> Self {
        Self { applications: Vec::new(), main_header: vec![0], running: None, opened: Vec::new(), function, gate: None }
    }

    /// What networks compute.
    pub(super) fn function(&self) -> Arc<dyn NetworkFunction> {
        self.function.clone()
    }

    /// `CONTEXT_SWITCH_SET_NETWORK_GROUP_HEADER`.
    pub(super) fn set_header(
        &mut self,
        interface: FirmwareInterface,
        header: &NetworkGroupHeader,
    ) -> Result<(), FirmwareStatus> {
        if self.running.is_some() {
            return Err(refusal::CONFIGURED_WHILE_RUNNING);
        }
        if self.applications.len() >= interface.max_applications() {
            return Err(FirmwareStatus::SRAM_MEMORY_FULL);
        }
        let contexts = usize::from(header.dynamic_contexts_count) + ORDER.len() - 1;
        if header.dynamic_contexts_count == 0 || contexts > MAX_CONTEXTS_PER_NETWORK_GROUP {
            return Err(refusal::DYNAMIC_CONTEXTS);
        }
        if usize::from(header.config_channels.stated_count()) > interface.max_config_channels() {
            return Err(refusal::CONFIG_CHANNELS);
        }
        let mut bytes = [0; NetworkGroupHeader::MAX_SIZE];
        let length =
            header.encode(interface, &mut bytes).map_err(|_| FirmwareStatus::INVALID_NETWORK_GROUP_HEADER_LENGTH)?;
        self.applications.push(Application { header: *header, contexts: Vec::new(), partial: None });
        self.main_header.extend_from_slice(&bytes[..length]);
        // The limit above fits into a byte.
        self.main_header[0] = self.applications.len() as u8;
        Ok(())
    }

    /// `GET_CONTEXT_SWITCH_MAIN_HEADER`: the number of network groups and their headers.
    pub(super) fn main_header(&self) -> &[u8] {
        &self.main_header
    }

    /// `CONTEXT_SWITCH_SET_CONTEXT_INFO`.
    pub(super) fn add_context(
        &mut self,
        interface: FirmwareInterface,
        info: &SetContextInfo<'_>,
    ) -> Result<(), FirmwareStatus> {
        if self.running.is_some() {
            return Err(refusal::CONFIGURED_WHILE_RUNNING);
        }
        let application = self.applications.last_mut().ok_or(refusal::NO_HEADER)?;
        if !ORDER.contains(&info.context_type) {
            return Err(refusal::CONTEXT_TYPE);
        }
        let first = info.is_first_chunk_per_context.get();
        if first != application.partial.is_none() {
            return Err(FirmwareStatus::UNEXPECTED_CONTEXT_ORDER);
        }
        let expected = application.expected().ok_or(refusal::TOO_MANY_CONTEXTS)?;
        let (kind, mut bytes) = application.partial.take().unwrap_or((info.context_type, Vec::new()));
        if kind != info.context_type || expected != kind {
            return Err(FirmwareStatus::UNEXPECTED_CONTEXT_ORDER);
        }
        if bytes.len() + info.context_network_data.len() > interface.max_context_size() {
            return Err(refusal::CONTEXT_TOO_LARGE);
        }
        bytes.extend_from_slice(info.context_network_data);
        if info.is_last_chunk_per_context.get() {
            check(interface, &bytes)?;
            application.contexts.push((kind, bytes));
        } else {
            application.partial = Some((kind, bytes));
        }
        Ok(())
    }

    /// `CHANGE_CONTEXT_SWITCH_STATUS`.
    pub(super) fn change_status(
        &mut self,
        hardware: &Hardware<'_>,
        interface: FirmwareInterface,
        change: &ChangeContextSwitchStatus,
    ) -> Result<(), Stop> {
        match change.state_machine_status {
            ContextSwitchStatus::RESET => {
                self.stop(hardware);
                Ok(())
            }
            ContextSwitchStatus::ENABLED => {
                if self.running.is_some_and(|running| running != change.application_index) {
                    return Err(refusal::ANOTHER_RUNS.into());
                }
                self.stop(hardware);
                let started = self.start(hardware, interface, change);
                if started.is_err() {
                    self.stop(hardware);
                }
                started
            }
            ContextSwitchStatus::PAUSED => Ok(()),
            _ => Err(refusal::UNKNOWN_STATUS.into()),
        }
    }

    /// `CONTEXT_SWITCH_CLEAR_CONFIGURED_APPS`.
    pub(super) fn clear(&mut self) -> Result<(), FirmwareStatus> {
        if self.running.is_some() {
            return Err(refusal::CLEARED_WHILE_RUNNING);
        }
        self.applications.clear();
        self.main_header = vec![0];
        Ok(())
    }

    /// `CONTEXT_SWITCH_SIGNAL_CACHE_UPDATED`: the network goes on if it has waited for that.
    pub(super) fn caches_updated(&self, hardware: &Hardware<'_>) {
        if self.gate.as_ref().is_some_and(|gate| gate.open()) {
            hardware.resume(SOON);
        }
    }

    /// Stops the network that runs.
    pub(super) fn stop(&mut self, hardware: &Hardware<'_>) {
        self.gate = None;
        for channel in self.opened.drain(..) {
            hardware.reset_channel(channel);
        }
        if self.running.take().is_some() {
            hardware.set_accelerator(Box::new(Loopback));
        }
    }

    fn start(
        &mut self,
        hardware: &Hardware<'_>,
        interface: FirmwareInterface,
        change: &ChangeContextSwitchStatus,
    ) -> Result<(), Stop> {
        let index = change.application_index;
        let application = self.applications.get(usize::from(index)).ok_or(refusal::UNKNOWN_APPLICATION)?;
        if application.expected().is_some() {
            return Err(FirmwareStatus::UNEXPECTED_CONTEXT_ORDER.into());
        }
        if change.dynamic_batch_size > application.header.batch_size.0.into_iter().max().unwrap_or(0) {
            return Err(refusal::BATCH_SIZE.into());
        }
        let mut run = Run {
            hardware,
            interface,
            // Older headers have none.
            config_channels: if interface < FirmwareInterface::V4_21 {
                usize::MAX
            } else {
                application.header.config_channels.stated_count().into()
            },
            opened: Vec::new(),
            batched: Vec::new(),
            config: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            caches: 0,
            waits_for_caches: false,
        };
        let carried_out = application.contexts.iter().try_for_each(|(_, bytes)| run.context(bytes));
        let Run { opened, inputs, outputs, caches, waits_for_caches, .. } = run;
        self.opened = opened.iter().map(|(channel, _)| *channel).collect();
        self.running = Some(index);
        carried_out?;
        self.gate = match waits_for_caches {
            true => CacheGate::new(hardware, interface, caches).map(Arc::new),
            false => None,
        };
        let network = NetworkAccelerator::new(inputs, outputs, self.function.clone(), self.gate.clone());
        hardware.set_accelerator(Box::new(network));
        for (channel, buffer) in opened {
            hardware.start_channel(channel, buffer.dma_address, depth(&buffer)?);
        }
        Ok(())
    }
}

/// Reads a context from its first to its last action.
fn check(interface: FirmwareInterface, bytes: &[u8]) -> Result<(), FirmwareStatus> {
    ActionReader::new(interface, bytes).try_for_each(|piece| piece.map(drop).map_err(|error| status(&error)))
}

/// How the firmware refuses a list that cannot be read.
fn status(error: &ActionError) -> FirmwareStatus {
    match error {
        ActionError::Unknown { .. } => refusal::UNKNOWN_ACTION,
        ActionError::BadRepetition { .. } | ActionError::IncompleteRepetition { .. } => refusal::BAD_REPETITION,
        _ => refusal::TRUNCATED_ACTION,
    }
}

/// The number of bits that count a channel's descriptors.
fn depth(buffer: &HostBufferInfo) -> Result<u8, FirmwareStatus> {
    if !(2..=MAX_DESCRIPTORS).contains(&buffer.total_desc_count) {
        return Err(refusal::DEPTH);
    }
    Ok(buffer.total_desc_count.next_power_of_two().ilog2() as u8)
}

/// A configuration channel that is active.
struct ConfigChannel {
    channel: u8,
    buffer: HostBufferInfo,
    /// Descriptors that were fetched.
    fetched: u32,
}

/// What becomes of a network group's action lists when they are carried out.
struct Run<'h, 'b> {
    hardware: &'h Hardware<'b>,
    interface: FirmwareInterface,
    /// How many configuration channels the header names.
    config_channels: usize,
    opened: Vec<(u8, HostBufferInfo)>,
    /// Inputs that were told how large a batch is.
    batched: Vec<u8>,
    config: Vec<ConfigChannel>,
    inputs: Vec<Stream>,
    outputs: Vec<Stream>,
    /// How many caches are read.
    caches: u32,
    /// Whether the last context waits until caches were moved on.
    waits_for_caches: bool,
}

impl Run<'_, '_> {
    fn context(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        for piece in ActionReader::new(self.interface, bytes) {
            match piece.map_err(|error| status(&error))?.action() {
                Some(Action::BurstCreditsTaskStart) if !self.all_batched() => return Err(Stop::Crashed),
                Some(action) => self.action(action)?,
                None => {}
            }
        }
        Ok(())
    }

    /// The channel with this packed number, if it is one of those that carry that way.
    fn channel(&self, packed: PackedVdmaChannelId, to_host: bool) -> Result<u8, FirmwareStatus> {
        let channel = packed.channel(self.interface);
        let fits = channel < CHANNELS && (channel >= TO_HOST) == to_host;
        if fits && packed.engine(self.interface) == 0 { Ok(channel) } else { Err(FirmwareStatus::INVALID_ENGINE_INDEX) }
    }

    fn open(&mut self, channel: u8, buffer: HostBufferInfo) -> Result<(), FirmwareStatus> {
        if buffer.desc_page_size == 0 || !buffer.desc_page_size.is_power_of_two() {
            return Err(refusal::PAGE_SIZE);
        }
        depth(&buffer)?;
        self.opened.push((channel, buffer));
        Ok(())
    }

    /// Whether every input that is open was told how large a batch is.
    fn all_batched(&self) -> bool {
        let inputs = self.opened.iter().map(|(channel, _)| channel).filter(|channel| **channel < TO_HOST);
        inputs.into_iter().all(|channel| self.batched.contains(channel))
    }

    /// Whether a boundary channel was opened before it is used.
    fn opened(&self, channel: u8) -> Result<(), FirmwareStatus> {
        let open = self.opened.iter().any(|(opened, _)| *opened == channel);
        if open { Ok(()) } else { Err(refusal::CHANNEL_NOT_OPEN) }
    }

    fn action(&mut self, action: &Action) -> Result<(), FirmwareStatus> {
        match action {
            Action::OpenBoundaryInputChannel(open) => {
                let channel = self.channel(open.packed_vdma_channel_id, false)?;
                self.open(channel, open.host_buffer_info)
            }
            Action::OpenBoundaryOutputChannel(open) => {
                let channel = self.channel(open.packed_vdma_channel_id, true)?;
                self.open(channel, open.host_buffer_info)
            }
            Action::ActivateBoundaryInput(input) => {
                let channel = self.channel(input.packed_vdma_channel_id, false)?;
                self.opened(channel)?;
                Stream::add(&mut self.inputs, channel, frame_size(&input.stream_reg_info));
                Ok(())
            }
            Action::ActivateBoundaryOutput(output) => {
                let channel = self.channel(output.packed_vdma_channel_id, true)?;
                self.opened(channel)?;
                Stream::add(&mut self.outputs, channel, frame_size(&output.stream_reg_info));
                Ok(())
            }
            Action::ChangeBoundaryInputBatch(change) => {
                let channel = self.channel(change.packed_vdma_channel_id, false)?;
                self.opened(channel)?;
                self.batched.push(channel);
                Ok(())
            }
            Action::ActivateCfgChannel(activate) => {
                let channel = self.channel(activate.packed_vdma_channel_id, false)?;
                if usize::from(activate.config_stream_index) >= self.config_channels {
                    return Err(refusal::CONFIG_STREAM);
                }
                self.config.retain(|config| config.channel != channel);
                self.config.push(ConfigChannel { channel, buffer: activate.host_buffer_info, fetched: 0 });
                Ok(())
            }
            Action::DeactivateCfgChannel(deactivate) => {
                let channel = self.channel(deactivate.packed_vdma_channel_id, false)?;
                self.config.retain(|config| config.channel != channel);
                Ok(())
            }
            Action::FetchCfgChannelDescriptors(fetch) => {
                let channel = self.channel(fetch.packed_vdma_channel_id, false)?;
                self.fetch(channel, fetch.descriptors_count.into())
            }
            Action::ActivateCacheInput(_) => {
                self.caches += 1;
                Ok(())
            }
            Action::WaitForCacheUpdated => {
                self.waits_for_caches = true;
                Ok(())
            }
            // The rest configures the core, which is not emulated.
            _ => Ok(()),
        }
    }

    /// Fetches configuration words through the next descriptors of a channel, as the hardware does.
    fn fetch(&mut self, channel: u8, count: u32) -> Result<(), FirmwareStatus> {
        let config = self.config.iter_mut().find(|config| config.channel == channel);
        let config = config.ok_or(refusal::CHANNEL_NOT_OPEN)?;
        let end = config.fetched + count;
        if end > config.buffer.total_desc_count {
            return Err(refusal::TOO_MANY_DESCRIPTORS);
        }
        let mut page = vec![0; usize::from(config.buffer.desc_page_size)];
        for index in config.fetched..end {
            let mut descriptor = Descriptor::new(0, 0, 0);
            let address = config.buffer.dma_address.wrapping_add(u64::from(index) * size_of::<Descriptor>() as u64);
            self.hardware.read_memory(address, descriptor.as_mut_bytes());
            let length = usize::try_from(descriptor.page_size()).map_err(|_| refusal::PAGE_SIZE)?;
            let words = page.get_mut(..length).ok_or(refusal::PAGE_SIZE)?;
            self.hardware.read_memory(descriptor.address(), words);
        }
        config.fetched = end;
        Ok(())
    }
}

/// The bytes of a frame on the host's side.
fn frame_size(registers: &hailo_abi::firmware::actions::StreamRegisters) -> usize {
    usize::from(registers.periph_bytes_per_buffer) * registers.periph_buffers_per_frame as usize
}
