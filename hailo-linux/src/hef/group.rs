//! Network groups: what a device is configured with at a time.

use std::collections::HashSet;

use prost::bytes::Bytes;

use super::action::{Operation, Surroundings};
use super::error::{Refusal, Within, decode};
use super::features::{Architecture, Features};
use super::layer::{Connection, Layer, Planes};
use super::layer_reader::LayerReader;
use super::proto;
use super::proto_layers::EdgeLayer;
use crate::transform::Direction;

/// A part of a network that the device runs through in one go.
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "ProtoHEFContext")]
pub struct Context {
    /// Where data enters and leaves, in the order of the file.
    pub layers: Vec<Layer>,
    /// What is done, in order.
    pub operations: Vec<Operation>,
}

impl Context {
    /// The layers of one direction and kind of connection, in the order of the file.
    pub(crate) fn select(&self, direction: Direction, kind: fn(&Connection) -> bool) -> impl Iterator<Item = &Layer> {
        self.layers.iter().filter(move |layer| layer.direction == direction && kind(&layer.connection))
    }
}

/// A compiled network, for one set of clusters.
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "ProtoHEFCoreOp")]
pub struct CoreOp {
    /// The set of clusters as a bitmap, for a Hailo-8L.
    pub layout: Option<u32>,
    /// Number of configuration streams.
    pub config_streams: u8,
    /// What is done once, before the first frame.
    pub preliminary: Vec<Operation>,
    /// What is done for every frame (or batch).
    pub contexts: Vec<Context>,
    /// Inputs that a user gives as one image and that enter as several streams.
    pub planes: Vec<Planes>,
    /// The names of the outputs, in the order in which a user expects them.
    pub sorted_outputs: Vec<String>,
    /// Frames per second that the compiler expects, 0 if it does not say.
    pub bottleneck_fps: f64,
}

impl CoreOp {
    /// The streams of the user in one direction: context after context, in the order of the file.
    pub fn boundary(&self, direction: Direction) -> impl Iterator<Item = &Layer> {
        self.contexts
            .iter()
            .flat_map(move |context| context.select(direction, |connection| *connection == Connection::Boundary))
    }

    /// Bytes of configuration words of the whole network.
    #[must_use]
    pub fn configuration_bytes(&self) -> u64 {
        std::iter::once(&self.preliminary)
            .chain(self.contexts.iter().map(|context| &context.operations))
            .flatten()
            .flat_map(|operation| &operation.actions)
            .map(|action| match action {
                super::Action::WriteWords { words, .. } => words.len() as u64,
                _ => 0,
            })
            .sum()
    }
}

/// A network group: one or several networks that are configured and run together.
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "ProtoHEFNetworkGroup")]
pub struct Group {
    /// The name, unique in the file.
    pub name: String,
    /// The names of its networks, at least one.
    pub networks: Vec<String>,
    /// The compiled network, once for every set of clusters that it can run on; at least one.
    pub core_ops: Vec<CoreOp>,
    /// Post-processing that the file leaves to the host and that is not done here, in words.
    pub post_processing: Vec<String>,
}

impl Group {
    /// The compiled network for a device that has the set of clusters `layout` (a Hailo-8L), or all of them (`None`):
    /// that one takes the smallest.
    #[must_use]
    pub fn core_op(&self, layout: Option<u32>) -> Option<&CoreOp> {
        match layout {
            Some(_) => self.core_ops.iter().find(|core_op| core_op.layout == layout),
            None => self.core_ops.iter().min_by_key(|core_op| core_op.layout),
        }
    }
}

/// The fields that a network group and a core op have in common.
struct Fields {
    metadata: Option<proto::NetworkGroupMetadata>,
    preliminary: Option<proto::PreliminaryConfig>,
    contexts: Vec<Bytes>,
    sorted_outputs: Vec<String>,
    fused: Option<proto::FusedLayersMetadata>,
    networks: Vec<String>,
}

impl From<proto::NetworkGroup> for Fields {
    fn from(group: proto::NetworkGroup) -> Self {
        Self {
            metadata: group.network_group_metadata,
            preliminary: group.preliminary_config,
            contexts: group.contexts,
            sorted_outputs: group.sorted_outputs_order,
            fused: group.fused_layers_metadata,
            networks: group.networks_names,
        }
    }
}

impl From<proto::CoreOp> for Fields {
    fn from(core_op: proto::CoreOp) -> Self {
        Self {
            metadata: core_op.network_group_metadata,
            preliminary: core_op.preliminary_config,
            contexts: core_op.contexts,
            sorted_outputs: core_op.sorted_outputs_order,
            fused: core_op.fused_layers_metadata,
            networks: core_op.networks_names,
        }
    }
}

/// Reads the groups of a file.
pub(super) struct GroupReader<'a> {
    pub(super) features: &'a Features,
    pub(super) architecture: Architecture,
    pub(super) around: Surroundings<'a>,
}

/// The most contexts that the firmware has room for, the three that are not dynamic included.
const MAX_CONTEXTS: usize = 1024;
/// Channels of each direction: no context can have more layers than that.
const MAX_CHANNELS: usize = 16;
/// Contexts that are not dynamic: activation, batch switching, preliminary.
const FIXED_CONTEXTS: usize = 3;

impl GroupReader<'_> {
    pub(super) fn groups(&self, file: &proto::Hef) -> Result<Vec<Group>, Refusal> {
        if file.network_groups.is_empty() {
            return Err(Refusal::invalid("the file contains no network group"));
        }
        let mut names = HashSet::new();
        file.network_groups
            .iter()
            .map(|message| {
                let message: proto::NetworkGroup = decode(message)?;
                let name = name_of(&message)?;
                if !names.insert(name.clone()) {
                    return Err(Refusal::invalid(format!("two network groups are called `{name}`")));
                }
                self.group(message, &name).within(|| format!("group `{name}`"))
            })
            .collect()
    }

    fn group(&self, mut message: proto::NetworkGroup, name: &str) -> Result<Group, Refusal> {
        let mut post_processing = Vec::new();
        let mut core_op = None;
        for op in std::mem::take(&mut message.ops) {
            let op: proto::Op = decode(&op)?;
            match op.op {
                Some(proto::OpKind::CoreOp(_)) if core_op.is_some() => {
                    return Err(Refusal::invalid("more than one network among its operations"));
                }
                Some(proto::OpKind::CoreOp(found)) => core_op = Some(found),
                Some(proto::OpKind::NmsOp(nms)) => post_processing.push(describe_nms(&op.name, &nms)),
                Some(proto::OpKind::LogitsOp(logits)) => post_processing.push(format!(
                    "{} `{}`",
                    if logits.logits_type == 0 { "argmax" } else { "softmax" },
                    op.name
                )),
                None => return Err(Refusal::invalid(format!("operation `{}` is of unknown kind", op.name))),
            }
        }
        // A network among operations may leave the names to its group.
        let of_group = message.networks_names.clone();
        let (own, partial): (Fields, Vec<Bytes>) = if self.features.net_flow {
            let mut core_op = core_op.ok_or_else(|| Refusal::invalid("no network among its operations"))?;
            let partial = std::mem::take(&mut core_op.partial_core_ops);
            (core_op.into(), partial)
        } else {
            let partial = std::mem::take(&mut message.partial_network_groups);
            (message.into(), partial)
        };
        let first = partial.first().map(|first| self.partial(first)).transpose()?;
        if self.architecture.has_layouts() && first.is_none() {
            return Err(Refusal::invalid(format!(
                "the file is for a {}, but contains no network for any set of its clusters",
                self.architecture
            )));
        }
        let networks = self.networks(name, &own, &of_group, first.as_ref().map(|(_, fields)| fields))?;
        let core_ops = if self.architecture.has_layouts() {
            let mut layouts = HashSet::new();
            partial
                .iter()
                .map(|partial| {
                    let (layout, fields) = self.partial(partial)?;
                    if !layouts.insert(layout) {
                        return Err(Refusal::invalid(format!("two networks for the set of clusters {layout:#x}")));
                    }
                    let outputs = self.sorted_outputs(&own, first.as_ref().map(|(_, first)| first), &fields)?;
                    self.core_op(fields, Some(layout), networks.len(), outputs)
                        .within(|| format!("clusters {layout:#x}"))
                })
                .collect::<Result<_, _>>()?
        } else {
            let outputs = self.sorted_outputs(&own, first.as_ref().map(|(_, first)| first), &own)?;
            vec![self.core_op(own, None, networks.len(), outputs)?]
        };
        Ok(Group { name: name.to_owned(), networks, core_ops, post_processing })
    }

    /// The network for one set of clusters.
    fn partial(&self, message: &Bytes) -> Result<(u32, Fields), Refusal> {
        let (layout, fields) = if self.features.net_flow {
            let partial: proto::PartialCoreOp = decode(message)?;
            (partial.layout, partial.core_op.map(Fields::from))
        } else {
            let partial: proto::PartialNetworkGroup = decode(message)?;
            (partial.layout, partial.network_group.map(Fields::from))
        };
        let layout = layout.map_or(0, |layout| layout.partial_clusters_layout_bitmap);
        let fields = fields.ok_or_else(|| Refusal::invalid(format!("no network for the clusters {layout:#x}")))?;
        Ok((layout, fields))
    }

    /// The order of the outputs of a network: the first that is stated. `first` is the network for the first set of
    /// clusters, which stands for all where the group itself does not say.
    fn sorted_outputs(&self, own: &Fields, first: Option<&Fields>, fields: &Fields) -> Result<Vec<String>, Refusal> {
        let fused = own.fused.as_ref().filter(|fused| fused.network_has_fused_layers);
        let stated = [
            fused.map(|fused| &fused.updated_sorted_output_names),
            first.filter(|_| !self.features.net_flow).map(|first| &first.sorted_outputs),
            Some(&own.sorted_outputs),
        ];
        if let Some(names) = stated.into_iter().flatten().find(|names| !names.is_empty()) {
            return Ok(names.clone());
        }
        let last: Option<proto::Context> = fields.contexts.last().map(decode).transpose()?;
        last.and_then(|context| context.metadata)
            .map(|metadata| metadata.sorted_outputs_order)
            .filter(|names| !names.is_empty())
            .ok_or_else(|| Refusal::invalid("no order of the outputs"))
    }

    fn networks(
        &self,
        name: &str,
        own: &Fields,
        of_group: &Vec<String>,
        first: Option<&Fields>,
    ) -> Result<Vec<String>, Refusal> {
        if !self.features.multi_network {
            return Ok(vec![name.to_owned()]);
        }
        let stated = [Some(&own.networks), Some(of_group), first.map(|first| &first.networks)];
        let names = stated.into_iter().flatten().find(|names| !names.is_empty()).unwrap_or(&own.networks);
        // Every layer's network index is compared with their number, so that none at all fails with a layer's name.
        if names.len() > usize::from(u8::MAX) {
            return Err(Refusal::invalid(format!("{} networks in one group", names.len())));
        }
        Ok(names.clone())
    }

    fn core_op(
        &self,
        fields: Fields,
        layout: Option<u32>,
        networks: usize,
        sorted_outputs: Vec<String>,
    ) -> Result<CoreOp, Refusal> {
        let metadata = fields.metadata.ok_or_else(|| Refusal::invalid("a network without metadata"))?;
        let config_streams = u8::try_from(metadata.cfg_channels_count.max(1))
            .map_err(|_| Refusal::invalid(format!("{} configuration streams", metadata.cfg_channels_count)))?;
        if fields.contexts.is_empty() || fields.contexts.len() + FIXED_CONTEXTS > MAX_CONTEXTS {
            return Err(Refusal::invalid(format!(
                "{} contexts; a network has 1 to {}",
                fields.contexts.len(),
                MAX_CONTEXTS - FIXED_CONTEXTS
            )));
        }
        let reader = LayerReader { features: self.features, transposed: metadata.transposed_net, networks };
        let preliminary = fields.preliminary.unwrap_or_default();
        let preliminary = self.around.operations(&preliminary.operation).within(|| "preliminary context")?;
        let mut planes = Vec::new();
        let contexts = fields
            .contexts
            .iter()
            .enumerate()
            .map(|(index, context)| {
                decode(context)
                    .and_then(|context| self.context(&context, index, &reader, &mut planes))
                    .within(|| format!("context {index}"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let core_op = CoreOp {
            layout,
            config_streams,
            preliminary,
            contexts,
            planes,
            sorted_outputs,
            bottleneck_fps: metadata.bottleneck_fps,
        };
        let mut names = HashSet::new();
        for layer in core_op.boundary(Direction::Input).chain(core_op.boundary(Direction::Output)) {
            if !names.insert(&layer.tensor.name) {
                return Err(Refusal::invalid(format!("two streams are called `{}`", layer.tensor.name)));
            }
        }
        Ok(core_op)
    }

    fn context(
        &self,
        message: &proto::Context,
        index: usize,
        reader: &LayerReader<'_>,
        planes: &mut Vec<Planes>,
    ) -> Result<Context, Refusal> {
        let mut layers = Vec::new();
        let edge_layers = message.metadata.as_ref().map_or(&[][..], |metadata| &metadata.edge_layers);
        if edge_layers.len() > 2 * MAX_CHANNELS {
            return Err(Refusal::internal(format!("{} layers in one context", edge_layers.len())));
        }
        for edge_layer in edge_layers {
            let edge_layer: EdgeLayer = decode(edge_layer)?;
            let decoded = reader.decode(&edge_layer)?;
            layers.extend(decoded.layers);
            planes.extend(decoded.planes);
            let connected = edge_layer.context_switch_info.as_ref().map(|info| &info.connected_contexts);
            if let (Some(Connection::Ddr { .. }), Some([other])) =
                (layers.last().map(|layer| layer.connection), connected.map(Vec::as_slice))
                && other.index as usize != index
            {
                return Err(Refusal::invalid(format!(
                    "a layer buffered in the host's memory leads to context {}, out of its own",
                    other.index
                )));
            }
        }
        for direction in [Direction::Input, Direction::Output] {
            let count = layers.iter().filter(|layer| layer.direction == direction).count();
            if count > MAX_CHANNELS {
                return Err(Refusal::internal(format!(
                    "{count} layers of direction {direction:?}, a device has {MAX_CHANNELS} channels for them"
                )));
            }
        }
        let context = Context { layers, operations: self.around.operations(&message.operations)? };
        self.check_ddr_pairs(&context)?;
        Ok(context)
    }

    /// Every output that is buffered in the host's memory has its input in the same context, and the reverse.
    fn check_ddr_pairs(&self, context: &Context) -> Result<(), Refusal> {
        fn is_ddr(connection: &Connection) -> bool {
            matches!(connection, Connection::Ddr { .. })
        }
        let outputs: Vec<&Layer> = context.select(Direction::Output, is_ddr).collect();
        let inputs: Vec<&Layer> = context.select(Direction::Input, is_ddr).collect();
        if !outputs.is_empty() && !self.features.padded_ddr_buffers {
            return Err(Refusal::unsupported(
                "a layer buffered in the host's memory without extension 3, rows of padded size; compile it again",
            ));
        }
        for output in &outputs {
            let pair: Vec<&&Layer> = inputs.iter().filter(|input| is_pair(output, input)).collect();
            let name = &output.tensor.name;
            let [input] = pair.as_slice() else {
                return Err(Refusal::invalid(format!(
                    "layer `{name}`, buffered in the host's memory, has {} inputs instead of one",
                    pair.len()
                )));
            };
            let rows = |layer: &Layer| (layer.core_bytes_per_buffer, layer.core_buffers_per_frame);
            if rows(output) != rows(input) {
                return Err(Refusal::invalid(format!(
                    "the two ends of `{name}` differ: rows of {} bytes, {} of them, and rows of {} bytes, {} of them",
                    output.core_bytes_per_buffer,
                    output.core_buffers_per_frame,
                    input.core_bytes_per_buffer,
                    input.core_buffers_per_frame
                )));
            }
        }
        if inputs.len() != outputs.len() {
            return Err(Refusal::invalid(format!(
                "{} outputs and {} inputs are buffered in the host's memory",
                outputs.len(),
                inputs.len()
            )));
        }
        Ok(())
    }
}

/// Whether an output and an input that are buffered in the host's memory are the ends of one buffer.
pub(crate) fn is_pair(output: &Layer, input: &Layer) -> bool {
    matches!(output.connection, Connection::Ddr { stream, .. } if stream == input.stream_index)
        && matches!(input.connection, Connection::Ddr { stream, .. } if stream == output.stream_index)
}

/// The name of a group, which is that of its first set of clusters where there are several.
fn name_of(group: &proto::NetworkGroup) -> Result<String, Refusal> {
    let metadata = match group.partial_network_groups.first() {
        Some(partial) => {
            let partial: proto::PartialNetworkGroup = decode(partial)?;
            partial.network_group.and_then(|group| group.network_group_metadata)
        }
        None => group.network_group_metadata.clone(),
    };
    Ok(metadata.unwrap_or_default().network_group_name)
}

fn describe_nms(name: &str, nms: &proto::NmsOp) -> String {
    let kind = match nms.nms_op {
        Some(proto::NmsKind::YoloNmsOp(_)) => "YOLOv5 ",
        Some(proto::NmsKind::YoloxNmsOp(_)) => "YOLOX ",
        Some(proto::NmsKind::SsdNmsOp(_)) => "SSD ",
        Some(proto::NmsKind::IouOp(_)) => "",
        Some(proto::NmsKind::YoloSegOp(_)) => "YOLOv5 segmentation ",
        Some(proto::NmsKind::Yolov8NmsOp(_)) => "YOLOv8 ",
        None => "unknown ",
    };
    format!("{kind}non-maximum suppression `{name}`")
}
