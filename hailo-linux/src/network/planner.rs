//! From a model, a user's wishes and a device to a [`Plan`].

use std::collections::BTreeMap;

use hailo_abi::command::DescListCreate;
use hailo_abi::enums::{DataDirection, InterruptsDomain};
use hailo_abi::firmware::actions::{Action, ChangeBoundaryInputBatch};
use hailo_abi::firmware::control::{ContextType, HwConsts};
use hailo_abi::firmware::{BatchSizes, ConfigChannels, FirmwareInterface, InferFeatures, NetworkGroupHeader};

use super::buffers::{self, Item, Producer};
use super::cache::Caches;
use super::channels::{Channels, Owner, Use};
use super::configuration::{Configuration, host_buffer_info};
use super::contexts::{Actions, ContextLayers, Resolved, rank, switch_lcu_batches};
use super::lists;
use super::options::{DeviceFacts, Options, Setting};
use super::plan::{Boundary, Buffer, BufferId, ContextPlan, ListId, Plan, Program, Step};
use super::registers::Streams;
use super::work::Work;
use crate::hef::{
    self, Connection, CoreOp, Features, Group, Hef, Layer, LibraryStatus, Operation, Refusal, Within, WriteDataType,
    is_pair,
};
use crate::transform::Direction;

/// A stream of the user, with its place in the model.
#[derive(Clone, Debug)]
struct Stream<'a> {
    context: usize,
    layer: &'a Layer,
    channel: u8,
    list: ListId,
    shape: DescListCreate,
    queue_depth: u16,
}

/// The part of a plan that does not depend on the device's constants: the vendor's library carries it out before it
/// asks for them.
#[derive(Clone, Debug)]
pub struct Outline<'a> {
    features: &'a Features,
    inline_words: bool,
    group: &'a Group,
    core_op: &'a CoreOp,
    setting: Setting,
    channels: Channels<'a>,
    config_channels: Vec<u8>,
    streams: Vec<Stream<'a>>,
    items: BTreeMap<Producer, Item>,
    intermediate: Option<BufferId>,
    caches: Caches,
    work: Work,
}

impl<'a> Outline<'a> {
    /// Begins the plan of one group of a model file.
    ///
    /// # Errors
    ///
    /// When the model is for another device, or cannot be carried out with these options on this one.
    pub fn new(hef: &'a Hef, group: &'a Group, options: &Options, facts: &DeviceFacts) -> Result<Self, Refusal> {
        Self::begin(hef, group, options, facts).within(|| format!("group `{}`", group.name))
    }

    fn begin(hef: &'a Hef, group: &'a Group, options: &Options, facts: &DeviceFacts) -> Result<Self, Refusal> {
        let setting = Setting::new(hef.architecture(), options, facts)?;
        let core_op = group.core_op(setting.layout).ok_or_else(|| {
            Refusal::invalid(format!(
                "the file contains no network for the clusters {:#x} that this device has",
                facts.clusters
            ))
        })?;
        let most = setting.firmware.max_config_channels();
        if setting.firmware >= FirmwareInterface::V4_21 && usize::from(core_op.config_streams) > most {
            return Err(Refusal::invalid(format!(
                "{} configuration streams, the firmware takes {most}",
                core_op.config_streams
            )));
        }
        let mut channels = Channels::default();
        let config_channels = (0..core_op.config_streams)
            .map(|stream| {
                channels.request(Owner {
                    purpose: Use::Configuration,
                    direction: Direction::Input,
                    name: "configuration",
                    stream,
                })
            })
            .collect::<Result<_, _>>()?;
        let mut work = Work::default();
        let caches = Caches::new(core_op, &setting, &mut work)?;
        let mut outline = Self {
            features: hef.features(),
            inline_words: hef.container().version == 0,
            group,
            core_op,
            setting,
            channels,
            config_channels,
            streams: Vec::new(),
            items: BTreeMap::new(),
            intermediate: None,
            caches,
            work,
        };
        outline.open_streams(Direction::Input)?;
        outline.open_streams(Direction::Output)?;
        let (items, size) = buffers::plan(core_op, &setting)?;
        outline.items = items;
        outline.intermediate = (size > 0).then(|| outline.work.map(size, DataDirection::BIDIRECTIONAL));
        Ok(outline)
    }

    fn open_streams(&mut self, direction: Direction) -> Result<(), Refusal> {
        let wanted =
            buffers::layers(self.core_op).filter(|(_, layer)| layer.is_boundary() && layer.direction == direction);
        for (context, layer) in wanted {
            let channel = self.channels.request(owner(Use::Boundary, layer, layer.stream_index))?;
            let queue_depth = lists::queue_depth(layer, &self.setting)?;
            let shape = lists::boundary(layer, queue_depth, &self.setting)?;
            let list = self.work.create(shape);
            self.streams.push(Stream { context, layer, channel, list, shape, queue_depth });
        }
        Ok(())
    }

    /// What can be done so far, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.work.steps
    }

    /// The descriptor lists so far.
    #[must_use]
    pub fn lists(&self) -> &[DescListCreate] {
        &self.work.lists
    }

    /// The buffers so far.
    #[must_use]
    pub fn buffers(&self) -> &[Buffer] {
        &self.work.buffers
    }

    /// The whole plan, which begins with the same steps.
    ///
    /// # Errors
    ///
    /// When the model cannot be carried out on a device with these constants.
    pub fn complete(self, constants: &HwConsts) -> Result<Plan, Refusal> {
        let name = &self.group.name;
        Planner {
            streams: Streams { features: self.features, constants, power_mode: self.setting.power_mode },
            boundary: Vec::new(),
            outline: self,
        }
        .plan()
        .within(|| format!("group `{name}`"))
    }
}

fn owner(purpose: Use, layer: &Layer, stream: u8) -> Owner<'_> {
    Owner { purpose, direction: layer.direction, name: &layer.tensor.name, stream }
}

/// A channel between layers and the list behind it.
#[derive(Clone, Copy)]
struct Link {
    channel: u8,
    list: ListId,
    shape: DescListCreate,
    /// Bytes that repeat.
    pattern: u64,
    entries: u16,
}

/// Which layers of a context are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    /// Those that have to begin anew with another batch size: what the first context writes, and the rows it keeps.
    BatchSwitching,
}

struct Planner<'a, 'c> {
    outline: Outline<'a>,
    streams: Streams<'c>,
    /// The streams of the user: inputs, then outputs.
    boundary: Vec<Resolved<'a>>,
}

impl<'a> Planner<'a, '_> {
    fn plan(mut self) -> Result<Plan, Refusal> {
        self.boundary =
            self.outline.streams.iter().map(|stream| self.resolve_stream(stream)).collect::<Result<_, _>>()?;
        let core_op = self.outline.core_op;
        let mut contexts = vec![
            ContextPlan { kind: ContextType::ACTIVATION, actions: self.activation() },
            ContextPlan {
                kind: ContextType::BATCH_SWITCHING,
                actions: self.batch_switching().within(|| "batch switching context")?,
            },
            ContextPlan {
                kind: ContextType::PRELIMINARY,
                actions: self.preliminary().within(|| "preliminary context")?,
            },
        ];
        for (index, context) in core_op.contexts.iter().enumerate() {
            contexts.push(ContextPlan {
                kind: ContextType::DYNAMIC,
                actions: self.dynamic(index, &context.operations).within(|| format!("context {index}"))?,
            });
        }
        let header = self.header()?;
        let caches = self.outline.caches.plan()?;
        let Outline { setting, streams, work, .. } = self.outline;
        // What this firmware cannot be told is better known before anything is sent.
        for context in &contexts {
            context.encode(setting.firmware, |_| 0).map_err(|error| {
                Refusal::new(LibraryStatus::HefNotSupported, error.to_string())
                    .within(format_args!("context of type {}", context.kind))
            })?;
        }
        let mut bytes = [0; NetworkGroupHeader::MAX_SIZE];
        header
            .encode(setting.firmware, &mut bytes)
            .map_err(|error| Refusal::unsupported(format!("network group header: {error}")))?;
        Ok(Plan {
            lists: work.lists,
            buffers: work.buffers,
            steps: work.steps,
            boundary: streams
                .into_iter()
                .map(|stream| Boundary {
                    layer: stream.layer.clone(),
                    channel: stream.channel,
                    list: stream.list,
                    queue_depth: stream.queue_depth,
                })
                .collect(),
            caches,
            header,
            contexts,
            firmware: setting.firmware,
        })
    }

    fn header(&self) -> Result<NetworkGroupHeader, Refusal> {
        let Outline { features, group, core_op, setting, config_channels, .. } = &self.outline;
        let networks_count = u8::try_from(group.networks.len())
            .map_err(|_| Refusal::invalid(format!("{} networks in one group", group.networks.len())))?;
        let writes_batch_size = |operations: &[Operation]| {
            operations.iter().flat_map(|operation| &operation.actions).any(|action| {
                matches!(action, hef::Action::WriteDataByType { data_type: WriteDataType::BatchSize, .. })
            })
        };
        let in_registers = writes_batch_size(&core_op.preliminary)
            || core_op.contexts.first().is_some_and(|context| writes_batch_size(&context.operations));
        let batch = setting.batch as u16;
        let mut batch_size = BatchSizes::all(batch);
        let mut config = ConfigChannels::default();
        if setting.firmware >= FirmwareInterface::V4_21 {
            let packed: Vec<_> = config_channels.iter().map(|channel| (*channel).into()).collect();
            config = ConfigChannels::new(&packed)
                .ok_or_else(|| Refusal::invalid(format!("{} configuration streams", packed.len())))?;
        } else {
            // Each network has its own in these generations.
            batch_size.0.iter_mut().take(group.networks.len()).for_each(|size| *size = batch);
        }
        Ok(NetworkGroupHeader {
            dynamic_contexts_count: u16::try_from(core_op.contexts.len())
                .map_err(|_| Refusal::invalid(format!("{} contexts", core_op.contexts.len())))?,
            infer_features: InferFeatures {
                preliminary_run_asap: features.preliminary_run_asap.into(),
                batch_register_config: features.batch_register_config.into(),
                can_fast_batch_switch: (!in_registers).into(),
                ..InferFeatures::default()
            },
            networks_count,
            csm_buffer_size: setting.page as u16,
            batch_size,
            config_channels: config,
            ..NetworkGroupHeader::default()
        })
    }

    /// Opens the channels of the streams: outputs first.
    fn activation(&self) -> Actions {
        let of = |direction| self.boundary.iter().filter(move |stream| stream.layer.direction == direction);
        std::iter::once(Some(Action::BurstCreditsTaskReset.into()))
            .chain(of(Direction::Output).chain(of(Direction::Input)).map(Resolved::open))
            .collect()
    }

    fn batch_switching(&mut self) -> Result<Actions, Refusal> {
        let core_op = self.outline.core_op;
        let layers = self.resolve(0, Part::BatchSwitching)?;
        let mut actions: Actions = switch_lcu_batches(&core_op.preliminary).collect();
        actions.extend(layers.internal().map(|layer| layer.deactivate(false)));
        actions.push(Some(Action::DdrBufferingReset.into()));
        actions.extend(layers.activate());
        actions.extend(layers.ddr_pairs()?);
        let inputs = self.boundary.iter().filter(|stream| stream.layer.direction == Direction::Input);
        actions.extend(inputs.map(|input| {
            let action = Action::ChangeBoundaryInputBatch(ChangeBoundaryInputBatch {
                packed_vdma_channel_id: input.channel.into(),
            });
            Some(action.into())
        }));
        actions.push(Some(Action::BurstCreditsTaskStart.into()));
        Ok(actions)
    }

    fn preliminary(&mut self) -> Result<Actions, Refusal> {
        let core_op = self.outline.core_op;
        let mut configuration = self.configuration(&core_op.preliminary)?;
        let opens = self.outline.features.preliminary_run_asap;
        let layers = if opens { self.resolve(0, Part::All)? } else { ContextLayers::new(Vec::new(), true)? };
        let mut actions = layers.translate(&core_op.preliminary, &mut configuration, &mut self.outline.work)?;
        if opens {
            layers.open_around_fetches(&mut actions, &self.boundary, self.is_multi_context())?;
        }
        configuration.enclose(&mut actions)?;
        Ok(actions)
    }

    fn dynamic(&mut self, index: usize, operations: &'a [Operation]) -> Result<Actions, Refusal> {
        let mut configuration = self.configuration(operations)?;
        let layers = self.resolve(index, Part::All)?;
        let mut actions = layers.translate(operations, &mut configuration, &mut self.outline.work)?;
        layers.open_around_fetches(&mut actions, &self.boundary, self.is_multi_context())?;
        configuration.enclose(&mut actions)?;
        if self.is_multi_context() {
            layers.close(&mut actions);
            let is_last = index + 1 == self.outline.core_op.contexts.len();
            if is_last && !self.outline.caches.is_empty() {
                actions.push(Some(Action::WaitForCacheUpdated.into()));
            }
        } else {
            actions.push(Some(Action::ApplicationChangeInterrupt.into()));
        }
        self.outline.channels.release_intermediate();
        Ok(actions)
    }

    fn is_multi_context(&self) -> bool {
        self.outline.core_op.contexts.len() > 1
    }

    fn configuration(&mut self, operations: &[Operation]) -> Result<Configuration, Refusal> {
        let outline = &mut self.outline;
        Configuration::new(
            operations,
            outline.inline_words,
            &outline.config_channels,
            &outline.setting,
            &mut outline.work,
        )
    }

    fn resolve_stream(&self, stream: &Stream<'a>) -> Result<Resolved<'a>, Refusal> {
        let link = Link {
            channel: stream.channel,
            list: stream.list,
            shape: stream.shape,
            pattern: stream.layer.transfer_size.into(),
            entries: 0,
        };
        self.resolved(stream.layer, link, None)
    }

    fn resolved(&self, layer: &'a Layer, link: Link, ddr_output: Option<u8>) -> Result<Resolved<'a>, Refusal> {
        Ok(Resolved {
            layer,
            channel: link.channel,
            list: link.list,
            host: host_buffer_info(&link.shape, link.pattern)?,
            registers: self.streams.registers(layer, link.shape.desc_page_size)?,
            credits: self.streams.stream_size(layer),
            ddr_output,
            cache_entries: link.entries,
        })
    }

    /// Gives the layers of a context their channels and lists, in the vendor's order: what is written before what is
    /// read.
    fn resolve(&mut self, index: usize, part: Part) -> Result<ContextLayers<'a>, Refusal> {
        let core_op = self.outline.core_op;
        let Some(context) = core_op.contexts.get(index) else {
            return Err(Refusal::invalid(format!("there is no context {index}")));
        };
        let mut resolved: Vec<Option<Resolved<'a>>> = vec![None; context.layers.len()];
        let mut order: Vec<(usize, &'a Layer)> = context.layers.iter().enumerate().collect();
        order.sort_by_key(|(_, layer)| rank(layer));
        // The input of a pair within the context comes with its output.
        for (place, layer) in order {
            let link = match (layer.direction, layer.connection) {
                (_, Connection::Boundary) => {
                    if let (Part::All, Some(slot)) = (part, resolved.get_mut(place)) {
                        *slot = self.boundary_of(index, layer).cloned();
                    }
                    continue;
                }
                (Direction::Output, Connection::Ddr { .. }) => {
                    let input = context
                        .layers
                        .iter()
                        .position(|input| input.direction == Direction::Input && is_pair(layer, input));
                    let Some((input_place, input)) = input.and_then(|place| Some((place, context.layers.get(place)?)))
                    else {
                        return Err(Refusal::invalid(format!("`{}` has no input", layer.tensor.name)));
                    };
                    let input_channel = self
                        .outline
                        .channels
                        .request(Owner { direction: Direction::Input, ..owner(Use::Ddr, layer, input.stream_index) })?;
                    let link = self.item((index, layer.stream_index), Use::Ddr, layer)?;
                    let input_link = Link { channel: input_channel, ..link };
                    let input = self.resolved(input, input_link, Some(link.channel))?;
                    if let Some(slot) = resolved.get_mut(input_place) {
                        *slot = Some(input);
                    }
                    link
                }
                (Direction::Input, Connection::Ddr { .. }) => continue,
                (Direction::Output, Connection::InterContext { .. }) => {
                    self.item((index, layer.stream_index), Use::InterContext, layer)?
                }
                (Direction::Input, Connection::InterContext { .. }) | (_, Connection::Cache { .. })
                    if part == Part::BatchSwitching =>
                {
                    continue;
                }
                (Direction::Input, Connection::InterContext { context, stream }) => {
                    self.consumed((context.into(), stream), layer)?
                }
                (_, Connection::Cache { id }) => self.cache(id, layer)?,
            };
            let layer = self.resolved(layer, link, None)?;
            if let Some(slot) = resolved.get_mut(place) {
                *slot = Some(layer);
            }
        }
        ContextLayers::new(resolved.into_iter().flatten().collect(), self.outline.features.dual_direction_stream_index)
    }

    fn boundary_of(&self, context: usize, layer: &Layer) -> Option<&Resolved<'a>> {
        let position = self
            .outline
            .streams
            .iter()
            .position(|stream| stream.context == context && std::ptr::eq(stream.layer, layer))?;
        self.boundary.get(position)
    }

    /// The channel of a layer that writes a part of the buffer between layers, and a list for it.
    fn item(&mut self, producer: Producer, purpose: Use, layer: &'a Layer) -> Result<Link, Refusal> {
        let outline = &mut self.outline;
        let channel = outline.channels.request(owner(purpose, layer, layer.stream_index))?;
        let (Some(item), Some(buffer)) = (outline.items.get_mut(&producer), outline.intermediate) else {
            return Err(Refusal::invalid(format!("no layer reads what `{}` writes", layer.tensor.name)));
        };
        let list = outline.work.create(item.list);
        let whole = Program {
            list,
            buffer,
            channel,
            size: item.size(),
            offset: item.offset,
            starting_desc: 0,
            batch_size: 1,
            should_bind: true,
            last_interrupts_domain: InterruptsDomain::NONE,
            stride: 0,
        };
        outline.work.steps.push(Step::Program(whole));
        let interrupts = Program { offset: 0, should_bind: false, ..whole };
        outline.work.steps.push(Step::Program(if item.is_ddr {
            interrupts
        } else {
            Program {
                size: item.transfer,
                batch_size: u32::try_from(item.transfers).unwrap_or(u32::MAX),
                last_interrupts_domain: InterruptsDomain::DEVICE,
                ..interrupts
            }
        }));
        if item.id.is_some() {
            outline.work.steps.push(Step::Release(list));
        }
        let pattern = if item.is_ddr { item.transfer } else { layer.transfer_size.into() };
        Ok(Link { channel, list: *item.id.get_or_insert(list), shape: item.list, pattern, entries: 0 })
    }

    /// The channel of a layer that reads what another context wrote.
    fn consumed(&mut self, producer: Producer, layer: &'a Layer) -> Result<Link, Refusal> {
        let outline = &mut self.outline;
        let channel = outline.channels.request(owner(Use::InterContext, layer, layer.stream_index))?;
        let item = outline.items.get(&producer);
        let Some((item, list)) = item.and_then(|item| Some((item, item.id?))) else {
            return Err(Refusal::invalid(format!("nothing writes what `{}` reads", layer.tensor.name)));
        };
        Ok(Link { channel, list, shape: item.list, pattern: layer.transfer_size.into(), entries: 0 })
    }

    fn cache(&mut self, id: u32, layer: &'a Layer) -> Result<Link, Refusal> {
        let outline = &mut self.outline;
        let channel = outline.channels.request(owner(Use::Cache, layer, layer.stream_index))?;
        let (list, shape, entries, pattern) = outline.caches.side(id, layer.direction, channel, &mut outline.work)?;
        Ok(Link { channel, list, shape, pattern, entries })
    }
}

impl Plan {
    /// Plans one group of a model file for a device of which everything is known.
    ///
    /// # Errors
    ///
    /// When the model is for another device, or cannot be carried out with these options on this one.
    pub fn new(
        hef: &Hef,
        group: &Group,
        options: &Options,
        facts: &DeviceFacts,
        constants: &HwConsts,
    ) -> Result<Self, Refusal> {
        Outline::new(hef, group, options, facts)?.complete(constants)
    }
}
