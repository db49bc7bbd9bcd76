//! [`Configured`]: a network that a device knows.

use std::sync::PoisonError;
use std::time::Duration;

use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::control::{Done, Request, SetContextInfo, SetNetworkGroupHeader};
use hailo_abi::firmware::notification::{Event, MAX_NOTIFICATION_SIZE, Notification, StartUpdateCacheOffset};

use super::Model;
use super::error::{Error, Result};
use super::options::{Api, DeviceFacts, Options};
use super::plan::{self, Boundary, Buffer, ListId, Plan, Step};
use super::planner::Outline;
use crate::DescriptorList;
use crate::device::Device;
use crate::device::buffer::Direction as BufferDirection;
use crate::device::list::Program;
use crate::device::shared::SharedBuffer;
use crate::error::ErrorKind;
use crate::hef::Refusal;
use crate::memory::page_size;
use crate::notifications::Notifications;
use crate::transform::Direction;

/// A stream of a configured network.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) boundary: Boundary,
    /// Its list, while no channel has it.
    pub(super) list: Option<DescriptorList>,
    /// The memory that the list points to for good, for blocking use and for boxes.
    pub(super) ring: Option<SharedBuffer>,
}

/// A network that a device knows, with everything that it needs there. See [`Device::configure`].
///
/// What cannot be run ([`Model::can_run`]) is configured all the same.
///
/// Dropping it releases its memory. The firmware's own part of it is used up until the device is closed, or until none of
/// its networks is left and another is configured.
#[derive(Debug)]
pub struct Configured {
    pub(super) streams: Vec<Stream>,
    /// Lists that the device follows on its own, before what they point to; those of the plan, but for those of streams.
    lists: Vec<Option<DescriptorList>>,
    /// Those of the plan.
    buffers: Vec<SharedBuffer>,
    /// Pages at the host's end of inputs. Frames of this library begin at a page and need none; the vendor's need not.
    _bounce: Vec<SharedBuffer>,
    pub(super) plan: Plan,
    pub(super) api: Api,
    /// Why it cannot be run, if so.
    pub(super) not_runnable: Option<Refusal>,
    /// Whether the device may be following the lists, since it was not told to stop, or could not be.
    pub(super) may_run: bool,
    /// The entry of the caches at which reading begins.
    first_cache_entry: u64,
    /// For a network with caches, since it was activated first: what the firmware says of them, among other things.
    pub(super) notifications: Option<Notifications>,
    pub(super) application: u8,
    pub(super) firmware: FirmwareInterface,
    pub(super) device: Device,
}

impl Device {
    /// Configures a network on the device: allocates its buffers, programs its descriptor lists, and gives the firmware its
    /// action lists. The first time, what others had configured is cleared.
    ///
    /// # Errors
    /// [`Error::Refused`] if the model cannot be carried out on this device with these options, [`Error::TooMany`], and what
    /// driver and firmware answered.
    #[doc(alias = "hailo_configure_vdevice")]
    #[doc(alias = "hailo_configure_device")]
    pub fn configure(&self, model: &Model, options: &Options) -> Result<Configured> {
        let inner = &self.inner;
        // Header and action lists of two networks must not mix, nor what is counted of them.
        let _one_at_a_time = inner.configuring.lock().unwrap_or_else(PoisonError::into_inner);
        let firmware = inner.identified()?;
        let interface = firmware.interface;
        let facts = DeviceFacts {
            architecture: firmware.identity.device_architecture,
            clusters: inner.clusters(interface)?,
            firmware: interface,
            desc_max_page_size: inner.properties.desc_max_page_size,
        };
        let outline = Outline::new(model.hef(), model.group(), options, &facts)?;
        self.mark_in_use()?;
        let limit = interface.max_applications();
        {
            let mut networks = inner.networks();
            if networks.alive == 0 && (networks.applications > 0 || networks.is_count_lost) {
                // Nothing refers to what the firmware still knows.
                networks.is_cleared = false;
            }
            if networks.is_count_lost && networks.is_cleared {
                return Err(Error::CountLost);
            }
            if usize::from(networks.applications) >= limit && networks.is_cleared {
                return Err(Error::TooMany { limit });
            }
        }
        if !inner.networks().is_cleared {
            inner.reset_networks(interface)?;
            inner.clear_networks(interface)?;
            let mut networks = inner.networks();
            networks.is_cleared = true;
            networks.is_count_lost = false;
            networks.applications = 0;
        }
        let mut builder = Builder { device: self, lists: Vec::new(), buffers: Vec::new() };
        builder.run(outline.steps(), outline.lists(), outline.buffers())?;
        let done = outline.steps().len();
        let plan = outline.complete(&inner.constants(interface)?)?;
        builder.run(plan.steps.get(done..).unwrap_or_default(), &plan.lists, &plan.buffers)?;
        let application = self.send(&plan, &builder)?;
        // From here on the firmware counts it, whatever becomes of it on this side.
        let Builder { mut lists, buffers, .. } = builder;
        let not_runnable = model.can_run().and_then(|()| caches_can_move(interface, &plan)).err();
        let mut configured = Configured {
            streams: plan
                .boundary
                .iter()
                .map(|boundary| Stream {
                    boundary: boundary.clone(),
                    list: lists.get_mut(boundary.list.0).and_then(Option::take),
                    ring: None,
                })
                .collect(),
            lists,
            may_run: false,
            first_cache_entry: 0,
            notifications: None,
            buffers,
            _bounce: Vec::new(),
            plan,
            api: options.api,
            not_runnable,
            application,
            firmware: interface,
            device: self.clone(),
        };
        inner.networks().alive += 1;
        configured.prepare_streams()?;
        Ok(configured)
    }

    /// Tells the firmware of the network, and returns the number by which it knows it.
    fn send(&self, plan: &Plan, builder: &Builder<'_>) -> Result<u8> {
        let inner = &self.inner;
        let header = SetNetworkGroupHeader { application_header: plan.header };
        // SAFETY: the header contains no address.
        if let Err(error) = unsafe { inner.ask::<Done>(plan.firmware, &Request::SetNetworkGroupHeader(header)) } {
            // Only who refuses it says that it was not counted.
            inner.networks().is_count_lost |=
                !matches!(error.kind(), ErrorKind::Firmware { .. } | ErrorKind::Control(_));
            return Err(error.into());
        }
        let application = {
            let mut networks = inner.networks();
            let application = networks.applications;
            networks.applications = application.saturating_add(1);
            application
        };
        for context in &plan.contexts {
            let chunks = context
                .encode(plan.firmware, |list| builder.address(list))
                .map_err(|error| crate::hef::Refusal::unsupported(error.to_string()))?;
            let last = chunks.len().saturating_sub(1);
            for (index, chunk) in chunks.iter().enumerate() {
                let request = Request::SetContextInfo(SetContextInfo {
                    is_first_chunk_per_context: (index == 0).into(),
                    is_last_chunk_per_context: (index == last).into(),
                    context_type: context.kind,
                    context_network_data: chunk,
                });
                // SAFETY: the lists that the actions name live as long as the network can be activated, and longer if the
                // device cannot be told to stop; they point only to memory that stays mapped with them. The actions come
                // from a plan, whose counts and sizes are those of the lists.
                let Done = unsafe { inner.ask(plan.firmware, &request) }?;
            }
        }
        Ok(application)
    }
}

/// Carries out the steps of a plan.
struct Builder<'a> {
    device: &'a Device,
    lists: Vec<Option<DescriptorList>>,
    buffers: Vec<SharedBuffer>,
}

impl Builder<'_> {
    fn address(&self, list: ListId) -> u64 {
        self.lists.get(list.0).and_then(Option::as_ref).map_or(0, DescriptorList::dma_address)
    }

    /// `lists` and `buffers` are those of the plan: their numbers are in the order of the steps.
    fn run(&mut self, steps: &[Step], lists: &[hailo_abi::command::DescListCreate], buffers: &[Buffer]) -> Result<()> {
        for step in steps {
            match step {
                Step::Map(id) => {
                    let Some(buffer) = buffers.get(id.0) else { continue };
                    let size = length(buffer.size)?;
                    let direction = BufferDirection::from_raw(buffer.direction);
                    self.buffers.push(self.device.allocate(size, direction)?.share());
                }
                Step::Create(id) => {
                    let Some(list) = lists.get(id.0) else { continue };
                    let count = u32::try_from(list.desc_count).unwrap_or(u32::MAX);
                    let page = list.desc_page_size.into();
                    self.lists.push(Some(self.device.create_descriptor_list(count, page, list.is_circular)?));
                }
                Step::Program(step) => program(&mut self.lists, &self.buffers, step)?,
                Step::Fill { buffer, offset, words } => {
                    let Some(buffer) = self.buffers.get(buffer.0) else { continue };
                    let start = length(*offset)?;
                    let mut end = start;
                    for words in words.iter().filter(|words| !words.is_empty()) {
                        buffer.fill(end, words.bytes())?;
                        end += words.len();
                    }
                    buffer.sync_for_device(start..end)?;
                }
                Step::Release(id) => drop(self.lists.get_mut(id.0).and_then(Option::take)),
            }
        }
        Ok(())
    }
}

/// Programs a list of a plan.
fn program(lists: &mut [Option<DescriptorList>], buffers: &[SharedBuffer], step: &plan::Program) -> Result<()> {
    let list = lists.get_mut(step.list.0).and_then(Option::as_mut);
    let (Some(list), Some(buffer)) = (list, buffers.get(step.buffer.0)) else { return Ok(()) };
    list.program(
        buffer,
        &Program {
            start: step.starting_desc,
            offset: length(step.offset)?,
            length: length(step.size)?,
            transfers: step.batch_size,
            stride: step.stride,
            channel: step.channel,
            bind: step.should_bind,
            last_interrupts: step.last_interrupts_domain,
        },
    )?;
    Ok(())
}

/// Whether firmware of this generation says when caches are to be moved on.
fn caches_can_move(firmware: FirmwareInterface, plan: &Plan) -> Result<(), Refusal> {
    let event = Event::StartUpdateCacheOffset(StartUpdateCacheOffset { cache_id_bitmask: 0 });
    let says = Notification::new(event).encode(firmware, &mut [0; MAX_NOTIFICATION_SIZE]).is_ok();
    match plan.caches.first() {
        Some(cache) if !says => Err(Refusal::unsupported(format!(
            "cache {} has to be moved on from frame to frame, and firmware of this release does not say when",
            cache.id
        ))),
        _ => Ok(()),
    }
}

/// A size of a plan on this machine.
fn length(size: u64) -> Result<usize> {
    usize::try_from(size)
        .map_err(|_| crate::hef::Refusal::buffers(format!("{size} bytes do not fit this machine's memory")).into())
}

impl Configured {
    /// Gives the streams the buffers of the interface that was asked for, in the vendor's order: by name.
    fn prepare_streams(&mut self) -> Result<()> {
        let mut order: Vec<usize> = (0..self.streams.len()).collect();
        order.sort_by(|a, b| self.name(*a).cmp(self.name(*b)));
        for index in order {
            let Some(stream) = self.streams.get_mut(index) else { continue };
            let layer = &stream.boundary.layer;
            let is_input = layer.direction == Direction::Input;
            if is_input {
                let size = page_size().min(layer.transfer_size as usize);
                for _ in 0..stream.boundary.queue_depth {
                    self._bounce.push(self.device.allocate(size, BufferDirection::ToDevice)?.share());
                }
            }
            // Boxes come in a number of transfers that nobody knows before.
            if self.api != Api::Blocking && layer.tensor.nms.is_none() {
                continue;
            }
            let Some(list) = stream.list.as_mut() else { continue };
            let size = list.count() as usize * list.page_size() as usize;
            let direction = if is_input { BufferDirection::ToDevice } else { BufferDirection::FromDevice };
            let ring = self.device.allocate(size, direction)?.share();
            list.program(&ring, &Program { channel: stream.boundary.channel, ..Program::whole(size) })?;
            stream.ring = Some(ring);
        }
        Ok(())
    }

    fn name(&self, index: usize) -> &str {
        self.streams.get(index).map_or("", |stream| &stream.boundary.layer.tensor.name)
    }

    /// For a network with caches: begins to hear what the firmware says of them, and forgets what it has said before.
    pub(super) fn listen(&mut self) -> Result<()> {
        if self.plan.caches.is_empty() {
            return Ok(());
        }
        match &self.notifications {
            Some(notifications) => while notifications.receive(Duration::ZERO).is_ok() {},
            None => self.notifications = Some(self.device.notifications()?),
        }
        Ok(())
    }

    /// Moves the caches on: by so many entries, or by as many as a frame writes.
    pub(super) fn move_caches(&mut self, entries: Option<u32>) -> Result<()> {
        let Some(cache) = self.plan.caches.first() else { return Ok(()) };
        // All have the same length.
        let by = entries.map_or(u64::from(cache.output.entries), u64::from);
        let first = (self.first_cache_entry + by) % cache.length();
        for step in self.plan.caches.iter().flat_map(|cache| cache.programs(first)) {
            program(&mut self.lists, &self.buffers, &step)?;
        }
        self.first_cache_entry = first;
        Ok(())
    }

    /// What was sent for the network.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The streams: inputs, then outputs.
    pub fn streams(&self) -> impl Iterator<Item = &Boundary> {
        self.streams.iter().map(|stream| &stream.boundary)
    }

    /// The number by which the firmware knows the network.
    #[must_use]
    pub fn application_index(&self) -> u8 {
        self.application
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }
}

impl Drop for Configured {
    fn drop(&mut self) {
        let mut networks = self.device.inner.networks();
        networks.alive = networks.alive.saturating_sub(1);
        drop(networks);
        if self.may_run {
            let streams = self.streams.iter_mut().filter_map(|stream| stream.list.take());
            self.lists.drain(..).flatten().chain(streams).for_each(DescriptorList::keep_until_closed);
        }
    }
}
