//! Network groups: what a device is configured with at a time.

use std::collections::HashSet;

use super::action::{Operation, Surroundings};
use super::error::{Refusal, Within};
use super::features::{Architecture, Features};
use super::layer::{Connection, Direction, Layer, Planes};
use super::layer_reader::LayerReader;
use super::proto;

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
struct Fields<'a> {
    metadata: Option<&'a proto::NetworkGroupMetadata>,
    preliminary: Option<&'a proto::PreliminaryConfig>,
    contexts: &'a [proto::Context],
    sorted_outputs: &'a [String],
    fused: Option<&'a proto::FusedLayersMetadata>,
    networks: &'a [String],
}

impl<'a> From<&'a proto::NetworkGroup> for Fields<'a> {
    fn from(group: &'a proto::NetworkGroup) -> Self {
        Self {
            metadata: group.network_group_metadata.as_ref(),
            preliminary: group.preliminary_config.as_ref(),
            contexts: &group.contexts,
            sorted_outputs: &group.sorted_outputs_order,
            fused: group.fused_layers_metadata.as_ref(),
            networks: &group.networks_names,
        }
    }
}

impl<'a> From<&'a proto::CoreOp> for Fields<'a> {
    fn from(core_op: &'a proto::CoreOp) -> Self {
        Self {
            metadata: core_op.network_group_metadata.as_ref(),
            preliminary: core_op.preliminary_config.as_ref(),
            contexts: &core_op.contexts,
            sorted_outputs: &core_op.sorted_outputs_order,
            fused: core_op.fused_layers_metadata.as_ref(),
            networks: &core_op.networks_names,
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
                let name = name_of(message);
                if !names.insert(name) {
                    return Err(Refusal::invalid(format!("two network groups are called `{name}`")));
                }
                self.group(message, name).within(|| format!("group `{name}`"))
            })
            .collect()
    }

    fn group(&self, message: &proto::NetworkGroup, name: &str) -> Result<Group, Refusal> {
        let mut post_processing = Vec::new();
        let mut core_ops = Vec::new();
        for op in &message.ops {
            match &op.op {
                Some(proto::OpKind::CoreOp(core_op)) => core_ops.push(core_op),
                Some(proto::OpKind::NmsOp(nms)) => post_processing.push(describe_nms(&op.name, nms)),
                Some(proto::OpKind::LogitsOp(logits)) => post_processing.push(format!(
                    "{} `{}`",
                    if logits.logits_type == 0 { "argmax" } else { "softmax" },
                    op.name
                )),
                None => return Err(Refusal::invalid(format!("operation `{}` is of unknown kind", op.name))),
            }
        }
        let (own, partial): (Fields<'_>, Vec<(u32, Fields<'_>)>) = if self.features.net_flow {
            let [core_op] = core_ops.as_slice() else {
                return Err(Refusal::invalid(format!(
                    "{} networks among its operations instead of one",
                    core_ops.len()
                )));
            };
            let partial = core_op.partial_core_ops.iter().filter_map(|partial| {
                let core_op = partial.core_op.as_deref()?;
                Some((layout_of(partial.layout), Fields::from(core_op)))
            });
            (Fields::from(*core_op), partial.collect())
        } else {
            let partial = message.partial_network_groups.iter().filter_map(|partial| {
                let group = partial.network_group.as_ref()?;
                Some((layout_of(partial.layout), Fields::from(group)))
            });
            (Fields::from(message), partial.collect())
        };
        if self.architecture.has_layouts() && partial.is_empty() {
            return Err(Refusal::invalid(format!(
                "the file is for a {}, but contains no network for any set of its clusters",
                self.architecture
            )));
        }
        let networks = self.networks(name, &own, partial.first().map(|(_, fields)| fields))?;
        // The outputs of the first set of clusters stand for all, where the group itself does not say.
        let first = partial.first().filter(|_| !self.features.net_flow);
        let order = |fields: &Fields<'_>| {
            let fused = own
                .fused
                .filter(|fused| fused.network_has_fused_layers)
                .map_or(&[][..], |fused| &fused.updated_sorted_output_names);
            [
                fused,
                first.map_or(&[][..], |(_, first)| first.sorted_outputs),
                own.sorted_outputs,
                fields
                    .contexts
                    .last()
                    .and_then(|context| context.metadata.as_ref())
                    .map_or(&[][..], |metadata| &metadata.sorted_outputs_order),
            ]
            .into_iter()
            .find(|names| !names.is_empty())
            .map(<[String]>::to_vec)
            .ok_or_else(|| Refusal::invalid("no order of the outputs"))
        };
        let core_ops = if self.architecture.has_layouts() {
            let mut layouts = HashSet::new();
            partial
                .iter()
                .map(|(layout, fields)| {
                    if !layouts.insert(layout) {
                        return Err(Refusal::invalid(format!("two networks for the set of clusters {layout:#x}")));
                    }
                    self.core_op(fields, Some(*layout), networks.len(), order(fields)?)
                        .within(|| format!("clusters {layout:#x}"))
                })
                .collect::<Result<_, _>>()?
        } else {
            vec![self.core_op(&own, None, networks.len(), order(&own)?)?]
        };
        Ok(Group { name: name.to_owned(), networks, core_ops, post_processing })
    }

    fn networks(&self, name: &str, own: &Fields<'_>, first: Option<&Fields<'_>>) -> Result<Vec<String>, Refusal> {
        if !self.features.multi_network {
            return Ok(vec![name.to_owned()]);
        }
        let names = match (own.networks, first) {
            ([], Some(first)) => first.networks,
            (names, _) => names,
        };
        // Every layer's network index is compared with their number, so that none at all fails with a layer's name.
        if names.len() > usize::from(u8::MAX) {
            return Err(Refusal::invalid(format!("{} networks in one group", names.len())));
        }
        Ok(names.to_vec())
    }

    fn core_op(
        &self,
        fields: &Fields<'_>,
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
        let preliminary = fields.preliminary.map_or(&[][..], |preliminary| &preliminary.operation);
        let preliminary = self.around.operations(preliminary).within(|| "preliminary context")?;
        let mut planes = Vec::new();
        let contexts = fields
            .contexts
            .iter()
            .enumerate()
            .map(|(index, context)| {
                self.context(context, index, &reader, &mut planes).within(|| format!("context {index}"))
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
        for edge_layer in edge_layers {
            let decoded = reader.decode(edge_layer)?;
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

fn name_of(group: &proto::NetworkGroup) -> &str {
    let metadata = match group.partial_network_groups.first() {
        Some(partial) => partial.network_group.as_ref().and_then(|group| group.network_group_metadata.as_ref()),
        None => group.network_group_metadata.as_ref(),
    };
    metadata.map_or("", |metadata| &metadata.network_group_name)
}

fn layout_of(layout: Option<proto::PhysicalLayout>) -> u32 {
    layout.map_or(0, |layout| layout.partial_clusters_layout_bitmap)
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
