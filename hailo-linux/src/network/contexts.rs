//! Action lists: what the firmware is told to do, from what the compiler wants done.

use hailo_abi::firmware::actions as wire;
use hailo_abi::firmware::actions::{Action, EdgeLayerDirection, PackedLcuId, StreamRegisters};

use super::configuration::{Configuration, Run};
use super::plan::{ListId, Planned};
use super::work::Work;
use crate::hef::{self, Connection, Layer, Operation, Refusal, Trigger, Within, WriteDataType};
use crate::transform::Direction;

/// An action list in the making; `None` does nothing, but what stands on its two sides is not adjacent.
pub(super) type Actions = Vec<Option<Planned>>;

/// A layer with everything that an action may say of it.
#[derive(Clone, Debug)]
pub(super) struct Resolved<'a> {
    pub(super) layer: &'a Layer,
    pub(super) channel: u8,
    pub(super) list: ListId,
    /// Page, descriptors and bytes of its list, still without an address.
    pub(super) host: wire::HostBufferInfo,
    pub(super) registers: StreamRegisters,
    /// The size of its stream's memory in the device.
    pub(super) credits: u32,
    /// The channel of the output, for an input that is buffered in the host's memory.
    pub(super) ddr_output: Option<u8>,
    /// The number of entries, for a cache.
    pub(super) cache_entries: u16,
}

/// A place in the order of a context's layers.
pub(super) fn rank(layer: &Layer) -> u8 {
    let direction = match layer.direction {
        Direction::Output => 0,
        Direction::Input => 4,
    };
    direction
        + match layer.connection {
            Connection::Ddr { .. } => 0,
            Connection::Boundary => 1,
            Connection::InterContext { .. } => 2,
            Connection::Cache { .. } => 3,
        }
}

impl Resolved<'_> {
    fn is_inter_context(&self) -> bool {
        matches!(self.layer.connection, Connection::InterContext { .. })
    }

    fn direction(&self) -> EdgeLayerDirection {
        match self.layer.direction {
            Direction::Input => EdgeLayerDirection::HOST_TO_DEVICE,
            Direction::Output => EdgeLayerDirection::DEVICE_TO_HOST,
        }
    }

    /// Bytes of a frame on the host's side.
    fn frame_periph_size(&self) -> u32 {
        u32::from(self.registers.periph_bytes_per_buffer) * self.registers.periph_buffers_per_frame
    }

    fn with_list(&self, action: Action) -> Option<Planned> {
        Some(Planned { action, list: Some(self.list) })
    }

    /// Opens the channel of a stream of the user.
    pub(super) fn open(&self) -> Option<Planned> {
        let packed_vdma_channel_id = self.channel.into();
        self.with_list(match self.layer.direction {
            Direction::Output => Action::OpenBoundaryOutputChannel(wire::OpenBoundaryOutputChannel {
                packed_vdma_channel_id,
                host_buffer_info: self.host,
            }),
            Direction::Input => Action::OpenBoundaryInputChannel(wire::OpenBoundaryInputChannel {
                packed_vdma_channel_id,
                host_buffer_info: self.host,
                stream_index: self.layer.stream_index,
                network_index: self.layer.network,
                periph_bytes_per_buffer: self.registers.periph_bytes_per_buffer,
                frame_periph_size: self.frame_periph_size(),
            }),
        })
    }

    fn activate(&self) -> Option<Planned> {
        let packed_vdma_channel_id = self.channel.into();
        let stream_index = self.layer.stream_index;
        let network_index = self.layer.network;
        let stream_reg_info = self.registers;
        let host_buffer_info = self.host;
        let initial_credit_size = self.credits;
        self.with_list(match (self.layer.direction, self.layer.connection) {
            (Direction::Output, Connection::Ddr { rows, .. }) => {
                Action::ActivateDdrBufferOutput(wire::ActivateDdrBufferOutput {
                    packed_vdma_channel_id,
                    stream_index,
                    stream_reg_info,
                    host_buffer_info,
                    buffered_rows_count: rows.into(),
                })
            }
            (Direction::Output, Connection::Boundary) => Action::ActivateBoundaryOutput(wire::ActivateBoundaryOutput {
                packed_vdma_channel_id,
                stream_index,
                network_index,
                stream_reg_info,
                host_buffer_info,
            }),
            (Direction::Output, Connection::InterContext { .. }) => {
                Action::ActivateInterContextOutput(wire::ActivateInterContextOutput {
                    packed_vdma_channel_id,
                    stream_index,
                    network_index,
                    stream_reg_info,
                    host_buffer_info,
                })
            }
            (Direction::Output, Connection::Cache { .. }) => Action::ActivateCacheOutput(wire::ActivateCacheOutput {
                packed_vdma_channel_id,
                stream_index,
                network_index,
                stream_reg_info,
                host_buffer_info,
                batch_size: self.cache_entries,
            }),
            (Direction::Input, Connection::Ddr { .. }) => {
                Action::ActivateDdrBufferInput(wire::ActivateDdrBufferInput {
                    packed_vdma_channel_id,
                    stream_index,
                    stream_reg_info,
                    host_buffer_info,
                    initial_credit_size,
                    connected_d2h_packed_vdma_channel_id: self.ddr_output.unwrap_or_default().into(),
                })
            }
            (Direction::Input, Connection::Boundary) => Action::ActivateBoundaryInput(wire::ActivateBoundaryInput {
                packed_vdma_channel_id,
                stream_index,
                stream_reg_info,
                host_buffer_info,
                initial_credit_size,
            }),
            // The vendor's library says network 0 in the two that follow, whatever the network is.
            (Direction::Input, Connection::InterContext { .. }) => {
                Action::ActivateInterContextInput(wire::ActivateInterContextInput {
                    packed_vdma_channel_id,
                    stream_index,
                    network_index: 0,
                    stream_reg_info,
                    host_buffer_info,
                    initial_credit_size,
                })
            }
            (Direction::Input, Connection::Cache { .. }) => Action::ActivateCacheInput(wire::ActivateCacheInput {
                packed_vdma_channel_id,
                stream_index,
                network_index: 0,
                stream_reg_info,
                host_buffer_info,
                initial_credit_size,
            }),
        })
    }

    /// Stops the channel; in a dynamic context only once the host's side of data between contexts is empty.
    pub(super) fn deactivate(&self, in_dynamic_context: bool) -> Option<Planned> {
        let action = Action::DeactivateVdmaChannel(wire::DeactivateVdmaChannel {
            packed_vdma_channel_id: self.channel.into(),
            edge_layer_direction: self.direction(),
            check_host_empty_num_available: (in_dynamic_context && self.is_inter_context()).into(),
            initial_credit_size: self.credits,
            ..wire::DeactivateVdmaChannel::default()
        });
        Some(action.into())
    }

    fn fetch_data(&self) -> Result<Option<Planned>, Refusal> {
        let (credit_type, frame_periph_size) = match self.layer.connection {
            Connection::Boundary => (wire::CreditType::IN_BYTES, self.frame_periph_size()),
            Connection::InterContext { .. } => (
                wire::CreditType::IN_DESCRIPTORS,
                self.host.bytes_in_pattern.div_ceil(u32::from(self.host.desc_page_size)),
            ),
            Connection::Cache { .. } => {
                (wire::CreditType::IN_DESCRIPTORS, self.host.total_desc_count.saturating_sub(1))
            }
            Connection::Ddr { .. } => {
                return Err(Refusal::invalid(format!(
                    "data flow is to be allowed into `{}`, which is buffered in the host's memory",
                    self.layer.tensor.name
                )));
            }
        };
        let action = Action::FetchData(wire::FetchData {
            packed_vdma_channel_id: self.channel.into(),
            stream_index: self.layer.stream_index,
            network_index: self.layer.network,
            frame_periph_size,
            credit_type,
            ..wire::FetchData::default()
        });
        Ok(Some(action.into()))
    }
}

/// The layers of one context, in the order in which actions are written.
#[derive(Clone, Debug)]
pub(super) struct ContextLayers<'a>(Vec<Resolved<'a>>);

impl<'a> ContextLayers<'a> {
    /// Puts layers that are in the order of the file in that of actions.
    pub(super) fn new(mut layers: Vec<Resolved<'a>>, shared_stream_index: bool) -> Result<Self, Refusal> {
        layers.sort_by_key(|layer| rank(layer.layer));
        for (index, one) in layers.iter().enumerate() {
            let twice = layers.iter().take(index).find(|other| {
                let same_direction = other.layer.direction == one.layer.direction;
                other.channel == one.channel
                    || (other.layer.stream_index == one.layer.stream_index && (same_direction || !shared_stream_index))
            });
            if let Some(other) = twice {
                return Err(Refusal::internal(format!(
                    "layers `{}` and `{}` share stream index {} or channel {}",
                    other.layer.tensor.name, one.layer.tensor.name, one.layer.stream_index, one.channel
                )));
            }
        }
        Ok(Self(layers))
    }

    fn all(&self) -> impl Iterator<Item = &Resolved<'a>> {
        self.0.iter()
    }

    fn find(&self, direction: Direction, stream: u8) -> Result<&Resolved<'a>, Refusal> {
        self.all()
            .find(|layer| layer.layer.direction == direction && layer.layer.stream_index == stream)
            .ok_or_else(|| Refusal::invalid(format!("the context has no {direction:?} with stream index {stream}")))
    }

    /// The layers that are no streams of the user.
    pub(super) fn internal(&self) -> impl Iterator<Item = &Resolved<'a>> {
        self.all().filter(|layer| !layer.layer.is_boundary())
    }

    fn boundary_inputs(&self) -> impl Iterator<Item = &Resolved<'a>> {
        self.all().filter(|layer| layer.layer.is_boundary() && layer.layer.direction == Direction::Input)
    }

    /// Activates all layers in order.
    pub(super) fn activate(&self) -> impl Iterator<Item = Option<Planned>> {
        self.all().map(Resolved::activate)
    }

    /// Introduces the two ends of every buffer within the context to each other.
    pub(super) fn ddr_pairs(&self) -> Result<Actions, Refusal> {
        let mut actions = Vec::new();
        for output in self.all().filter(|layer| layer.layer.direction == Direction::Output) {
            let Connection::Ddr { stream, .. } = output.layer.connection else {
                continue;
            };
            let input = self.find(Direction::Input, stream)?;
            let rows = u32::from(output.layer.core_buffers_per_frame);
            let page = u32::from(output.host.desc_page_size);
            let per_row = u32::from(output.layer.core_bytes_per_buffer) / page;
            let programmed_descriptors_count = u16::try_from(output.host.total_desc_count).map_err(|_| {
                Refusal::buffers(format!(
                    "{} descriptors for `{}`, which is buffered in the host's memory",
                    output.host.total_desc_count, output.layer.tensor.name
                ))
            })?;
            let action = Action::AddDdrPairInfo(wire::AddDdrPairInfo {
                h2d_packed_vdma_channel_id: input.channel.into(),
                d2h_packed_vdma_channel_id: output.channel.into(),
                network_index: output.layer.network,
                descriptors_per_frame: per_row * rows,
                programmed_descriptors_count,
            });
            actions.push(Some(action.into()));
        }
        if !actions.is_empty() {
            actions.push(Some(Action::DdrBufferingStart.into()));
        }
        Ok(actions)
    }

    /// Which stream each of the user's channels carries in this context. A stream of another context stands on a
    /// stream of this one that runs the other way, and that is marked as a dummy.
    fn mapping(&self, boundary: &[Resolved<'_>]) -> Result<Actions, Refusal> {
        boundary
            .iter()
            .map(|stream| {
                let own = self.all().any(|layer| layer.channel == stream.channel);
                let stream_index = if own {
                    stream.layer.stream_index
                } else {
                    self.all()
                        .find(|layer| layer.layer.direction != stream.layer.direction)
                        .map(|layer| layer.layer.stream_index)
                        .ok_or_else(|| {
                            Refusal::internal(format!(
                                "nothing in the context can stand for stream `{}` of another context",
                                stream.layer.tensor.name
                            ))
                        })?
                };
                let action = Action::ChangeVdmaToStreamMapping(wire::ChangeVdmaToStreamMapping {
                    packed_vdma_channel_id: stream.channel.into(),
                    stream_index,
                    is_dummy_stream: (!own).into(),
                });
                Ok(Some(action.into()))
            })
            .collect()
    }

    /// Puts the opening of the channels around the actions that let data in; these have to stand together.
    pub(super) fn open_around_fetches(
        &self,
        actions: &mut Actions,
        boundary: &[Resolved<'_>],
        is_multi_context: bool,
    ) -> Result<(), Refusal> {
        let is_fetch = |planned: &Option<Planned>| matches!(planned, Some(planned) if matches!(planned.action, Action::FetchData(_)));
        let refused = |groups: &str| {
            Refusal::internal(format!("{groups} of actions that let data in, there has to be one in each context"))
        };
        let start = actions.iter().position(is_fetch).ok_or_else(|| refused("no group"))?;
        let length = actions.iter().skip(start).take_while(|action| is_fetch(action)).count();
        let end = start + length;
        if actions.iter().skip(end).any(is_fetch) {
            return Err(refused("several groups"));
        }
        if self.boundary_inputs().next().is_some() {
            actions.insert(end, Some(Action::BurstCreditsTaskStart.into()));
        }
        let mut opening: Actions = self.activate().collect();
        if is_multi_context {
            opening.extend(self.mapping(boundary)?);
        }
        opening.extend(self.ddr_pairs()?);
        opening.extend(self.boundary_inputs().map(|input| {
            let action = Action::ResumeVdmaChannel(wire::ResumeVdmaChannel {
                packed_vdma_channel_id: input.channel.into(),
                edge_layer_direction: input.direction(),
            });
            Some(action.into())
        }));
        actions.splice(start..start, opening);
        Ok(())
    }

    /// What a dynamic context ends with, when there are several.
    pub(super) fn close(&self, actions: &mut Actions) {
        actions.extend(self.internal().map(|layer| layer.deactivate(true)));
        actions.extend(self.boundary_inputs().map(|input| {
            let action = Action::PauseVdmaChannel(wire::PauseVdmaChannel {
                packed_vdma_channel_id: input.channel.into(),
                edge_layer_direction: input.direction(),
            });
            Some(action.into())
        }));
    }

    /// Translates what the compiler wants done in a context with these layers.
    pub(super) fn translate(
        &self,
        operations: &[Operation],
        configuration: &mut Configuration,
        work: &mut Work,
    ) -> Result<Actions, Refusal> {
        let mut actions = Vec::new();
        for (index, operation) in operations.iter().enumerate() {
            self.operation(operation, configuration, work, &mut actions).within(|| format!("operation {index}"))?;
        }
        Ok(actions)
    }

    fn operation(
        &self,
        operation: &Operation,
        configuration: &mut Configuration,
        work: &mut Work,
        actions: &mut Actions,
    ) -> Result<(), Refusal> {
        actions.push(self.trigger(operation.trigger)?);
        let mut run = Run::default();
        for action in &operation.actions {
            if let hef::Action::WriteWords { channel, words } = action {
                run.push(*channel, words);
                continue;
            }
            configuration.finish(&mut run, actions, work)?;
            actions.push(self.action(action)?);
        }
        configuration.finish(&mut run, actions, work)
    }

    fn trigger(&self, trigger: Trigger) -> Result<Option<Planned>, Refusal> {
        Ok(Some(Planned::from(match trigger {
            Trigger::None => return Ok(None),
            Trigger::Lcu(lcu) => Action::LcuInterrupt(wire::LcuInterrupt { packed_lcu_id: PackedLcuId(lcu.packed()) }),
            Trigger::AllDataWasSent { stream } => {
                let output = self.find(Direction::Output, stream)?;
                Action::OutputChannelTransferDoneInterrupt(wire::VdmaDataflowInterrupt {
                    packed_vdma_channel_id: output.channel.into(),
                    stream_index: stream,
                    network_index: output.layer.network,
                    is_inter_context: output.is_inter_context().into(),
                    ..wire::VdmaDataflowInterrupt::default()
                })
            }
            Trigger::DmaIdle { stream } => {
                let output = self.find(Direction::Output, stream)?;
                Action::WaitForDmaIdle(wire::WaitDmaIdle {
                    packed_vdma_channel_id: output.channel.into(),
                    stream_index: stream,
                    is_inter_context: output.is_inter_context().into(),
                    ..wire::WaitDmaIdle::default()
                })
            }
            Trigger::Nms(
                [
                    aggregator_index,
                    pred_cluster_ob_index,
                    pred_cluster_ob_cluster_index,
                    pred_cluster_ob_interface,
                    succ_prepost_ob_index,
                    succ_prepost_ob_interface,
                ],
            ) => Action::WaitForNms(wire::WaitNms {
                aggregator_index,
                pred_cluster_ob_index,
                pred_cluster_ob_cluster_index,
                pred_cluster_ob_interface,
                succ_prepost_ob_index,
                succ_prepost_ob_interface,
            }),
        })))
    }

    fn action(&self, action: &hef::Action) -> Result<Option<Planned>, Refusal> {
        Ok(Some(Planned::from(match *action {
            // Words are fetched at the end of their run.
            hef::Action::None | hef::Action::WriteWords { .. } => return Ok(None),
            hef::Action::AllowInputDataflow { stream } => return self.find(Direction::Input, stream)?.fetch_data(),
            hef::Action::DisableLcu(lcu) => {
                Action::DisableLcu(wire::DisableLcu { packed_lcu_id: PackedLcuId(lcu.packed()) })
            }
            hef::Action::EnableLcu { lcu, network, kernel_done_address, kernel_done_count } => {
                let packed_lcu_id = PackedLcuId(lcu.packed());
                if (kernel_done_address, kernel_done_count) == (DEFAULT_KERNEL_DONE_ADDRESS, DEFAULT_KERNEL_DONE_COUNT)
                {
                    Action::EnableLcuDefault(wire::EnableLcuDefault { packed_lcu_id, network_index: network })
                } else {
                    Action::EnableLcuNonDefault(wire::EnableLcuNonDefault {
                        packed_lcu_id,
                        network_index: network,
                        kernel_done_address,
                        kernel_done_count,
                    })
                }
            }
            hef::Action::SwitchLcuBatch { lcu, network } => Action::SwitchLcuBatch(wire::SwitchLcuBatch {
                packed_lcu_id: PackedLcuId(lcu.packed()),
                network_index: network,
                kernel_done_count: 0,
            }),
            hef::Action::EnableSequencer(sequencer) => Action::TriggerSequencer(wire::TriggerSequencer {
                cluster_index: sequencer.cluster,
                sequencer_config: wire::SequencerConfig {
                    initial_l3_cut: sequencer.initial_l3_cut,
                    initial_l3_offset: sequencer.initial_l3_offset,
                    active_apu: sequencer.active_apu,
                    active_ia: sequencer.active_ia,
                    active_sc: sequencer.active_sc,
                    active_l2: sequencer.active_l2,
                    l2_offset_0: sequencer.l2_offset_0,
                    l2_offset_1: sequencer.l2_offset_1,
                },
            }),
            hef::Action::WaitForSequencer { cluster } => {
                Action::SequencerDoneInterrupt(wire::SequencerInterrupt { sequencer_index: cluster })
            }
            hef::Action::WaitForModuleConfigDone { index } => {
                Action::ModuleConfigDoneInterrupt(wire::ModuleConfigDoneInterrupt { module_index: index })
            }
            hef::Action::EnableNms { unit, network, classes, burst_size, division_factor } => {
                Action::EnableNms(wire::EnableNms {
                    nms_unit_index: unit,
                    network_index: network,
                    number_of_classes: classes,
                    burst_size,
                    division_factor,
                })
            }
            hef::Action::WriteDataByType { address, data_type, data, shift, mask, network } => {
                Action::WriteDataByType(wire::WriteDataByType {
                    address,
                    data_type: match data_type {
                        WriteDataType::FromAction => wire::WriteActionType::GENERAL,
                        WriteDataType::BatchSize => wire::WriteActionType::WRITE_BATCH,
                    },
                    data,
                    shift,
                    mask,
                    network_index: network,
                })
            }
            hef::Action::Sleep { microseconds } => Action::Sleep(wire::Sleep { sleep_time: microseconds }),
            hef::Action::Halt => Action::Halt,
        })))
    }
}

/// What a control unit counts where the compiler does not want anything else.
const DEFAULT_KERNEL_DONE_ADDRESS: u16 = 1;
const DEFAULT_KERNEL_DONE_COUNT: u32 = 2;

/// Gives every control unit of the preliminary context the batch size again.
pub(super) fn switch_lcu_batches(preliminary: &[Operation]) -> impl Iterator<Item = Option<Planned>> {
    preliminary
        .iter()
        .flat_map(|operation| &operation.actions)
        .filter_map(|action| match *action {
            hef::Action::EnableLcu { lcu, network, kernel_done_count, .. } => Some((lcu, network, kernel_done_count)),
            hef::Action::SwitchLcuBatch { lcu, network } => Some((lcu, network, 0)),
            _ => None,
        })
        .map(|(lcu, network_index, kernel_done_count)| {
            let action = Action::SwitchLcuBatch(wire::SwitchLcuBatch {
                packed_lcu_id: PackedLcuId(lcu.packed()),
                network_index,
                kernel_done_count,
            });
            Some(action.into())
        })
}
