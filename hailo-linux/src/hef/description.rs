//! A model file in words, for people and for programs.

use std::fmt;

use super::layer::{Layer, Mux, MuxPart};
use super::{Architecture, Connection, CoreOp, Group, Hef};
use crate::transform::{Direction, Shape};

/// What a person wants to know of a model file.
///
/// With the feature `cli` it can be serialised; [`Display`](fmt::Display) writes it as text.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "cli", derive(serde::Serialize))]
pub struct Description {
    /// The kind of device that the model was compiled for.
    pub architecture: String,
    /// Its number in the file (`hw_arch`).
    pub architecture_code: i32,
    /// The compiler's release, in its own words.
    pub compiler: String,
    /// When it was compiled, in milliseconds since 1970; 0 if the file does not say.
    pub compiled_at_ms: u64,
    /// The version of the container.
    pub version: u32,
    /// The length of the file, in bytes.
    pub file_bytes: u64,
    /// The kind of its checksum.
    pub checksum_kind: String,
    /// Its checksum, which was verified.
    pub checksum: String,
    /// Its network groups, in the order of the file; the last one is the default.
    pub groups: Vec<GroupDescription>,
    /// What it asks for and does not get here, a sentence each.
    pub not_supported: Vec<String>,
}

/// A network group.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "cli", derive(serde::Serialize))]
pub struct GroupDescription {
    /// Its name.
    pub name: String,
    /// Its networks.
    pub networks: Vec<String>,
    /// The sets of clusters that it was compiled for, as bitmaps; empty for a device that has all.
    pub cluster_layouts: Vec<u32>,
    /// The parts that the device runs through one after the other for each batch.
    pub contexts: usize,
    /// Number of configuration streams.
    pub config_streams: u8,
    /// Bytes of configuration words.
    pub configuration_bytes: u64,
    /// Frames per second that the compiler expects, 0 if it does not say.
    pub expected_fps: f64,
    /// Layers whose data goes from context to context through the host's memory.
    pub inter_context_layers: usize,
    /// Layers of which rows are kept in the host's memory.
    pub ddr_layers: usize,
    /// Layers whose data is kept from one frame to the next.
    pub cache_layers: usize,
    /// The streams: inputs, then outputs.
    pub streams: Vec<StreamDescription>,
}

/// A stream of the user.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "cli", derive(serde::Serialize))]
pub struct StreamDescription {
    /// Its name.
    pub name: String,
    /// What the network's author called it.
    pub original_names: Vec<String>,
    /// `input` or `output`.
    pub direction: &'static str,
    /// The form that a user sees: height, width, features; for non-maximum suppression classes, numbers of a box, boxes.
    pub shape: [usize; 3],
    /// The form that the device sees.
    pub hw_shape: [usize; 3],
    /// The type of a value.
    #[cfg_attr(feature = "cli", serde(rename = "type"))]
    pub data_type: &'static str,
    /// The order of the values on the device's side.
    pub order: &'static str,
    /// Whether height and width are exchanged on the way.
    pub transposed: bool,
    /// Bytes of a frame on the device's side.
    pub hw_frame_bytes: u64,
    /// The same for all features; nothing on an output that has one for each, and on a muxed whole.
    pub quantization: Option<QuantizationDescription>,
    /// Number of features with a quantisation of their own, or 0.
    pub per_feature_quantizations: usize,
    /// The names of the parts of a muxed output.
    pub parts: Vec<String>,
}

/// `real = (integer − zero_point) × scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "cli", derive(serde::Serialize))]
pub struct QuantizationDescription {
    /// The integer that stands for 0.
    pub zero_point: f32,
    /// The step from one integer to the next.
    pub scale: f32,
    /// The smallest value that the compiler saw.
    pub min: f32,
    /// The greatest.
    pub max: f32,
}

impl Hef {
    /// Describes the file.
    #[must_use]
    pub fn describe(&self) -> Description {
        let container = self.container();
        let mut not_supported = Vec::new();
        if !self.architecture().runs_here() {
            not_supported.push(format!(
                "it was compiled for a {}; this library configures the Hailo-8 family only",
                self.architecture()
            ));
        }
        for group in self.groups() {
            not_supported.extend(
                group.post_processing.iter().map(|op| format!("{op} of group `{}` is left to the caller", group.name)),
            );
            let outputs = group.core_op(None).into_iter().flat_map(|core_op| core_op.boundary(Direction::Output));
            not_supported.extend(outputs.filter_map(|layer| {
                let what = layer.tensor.nms.as_ref()?.not_readable()?;
                Some(format!("output `{}` can be configured, not run: {what}", layer.tensor.name))
            }));
            let planes = group.core_ops.first().map_or(&[][..], |core_op| &core_op.planes);
            not_supported.extend(planes.iter().map(|planes| {
                format!("image `{}` has to be given plane by plane: {}", planes.name, planes.streams.join(", "))
            }));
        }
        Description {
            architecture: self.architecture().to_string(),
            architecture_code: self.architecture().code(),
            compiler: self.compiler().to_owned(),
            compiled_at_ms: self.compiled_at(),
            version: container.version,
            file_bytes: container.length,
            checksum_kind: container.checksum.kind().to_owned(),
            checksum: container.checksum.to_string(),
            groups: self.groups().iter().filter_map(GroupDescription::new).collect(),
            not_supported,
        }
    }
}

impl Architecture {
    /// Whether some device of the Hailo-8 family takes its files.
    #[must_use]
    pub const fn runs_here(self) -> bool {
        matches!(self, Self::HAILO8P | Self::HAILO8R | Self::HAILO8L)
    }
}

impl GroupDescription {
    fn new(group: &Group) -> Option<Self> {
        let core_op = group.core_op(None)?;
        let count = |wanted: fn(&Connection) -> bool| {
            core_op
                .contexts
                .iter()
                .flat_map(|context| &context.layers)
                .filter(|layer| wanted(&layer.connection))
                .count()
        };
        Some(Self {
            name: group.name.clone(),
            networks: group.networks.clone(),
            cluster_layouts: group.core_ops.iter().filter_map(|core_op| core_op.layout).collect(),
            contexts: core_op.contexts.len(),
            config_streams: core_op.config_streams,
            configuration_bytes: core_op.configuration_bytes(),
            expected_fps: core_op.bottleneck_fps,
            inter_context_layers: count(|connection| matches!(connection, Connection::InterContext { .. })),
            ddr_layers: count(|connection| matches!(connection, Connection::Ddr { .. })),
            cache_layers: count(|connection| matches!(connection, Connection::Cache { .. })),
            streams: streams(core_op),
        })
    }
}

fn streams(core_op: &CoreOp) -> Vec<StreamDescription> {
    let inputs = core_op.boundary(Direction::Input);
    inputs.chain(core_op.boundary(Direction::Output)).map(StreamDescription::new).collect()
}

fn names(mux: &Mux) -> Vec<String> {
    mux.parts
        .iter()
        .flat_map(|part| match part {
            MuxPart::Tensor(tensor) => vec![tensor.name.clone()],
            MuxPart::Mux(_, inner) => names(inner),
        })
        .collect()
}

impl StreamDescription {
    fn new(layer: &Layer) -> Self {
        let tensor = &layer.tensor;
        let array = |shape: Shape| [shape.height, shape.width, shape.features];
        Self {
            name: tensor.name.clone(),
            original_names: tensor.original_names.clone(),
            direction: match layer.direction {
                Direction::Input => "input",
                Direction::Output => "output",
            },
            shape: array(tensor.shape),
            hw_shape: array(tensor.hw_shape),
            data_type: tensor.kind.name(),
            order: tensor.order.name(),
            transposed: tensor.transposed,
            hw_frame_bytes: tensor.nms.as_ref().map_or(layer.transfer_size.into(), super::Nms::hw_frame_size),
            quantization: match tensor.quantization.as_slice() {
                [one] => Some(QuantizationDescription {
                    zero_point: one.zero_point,
                    scale: one.scale,
                    min: one.min,
                    max: one.max,
                }),
                _ => None,
            },
            per_feature_quantizations: match tensor.quantization.len() {
                1 => 0,
                features => features,
            },
            parts: layer.mux.as_ref().map_or_else(Vec::new, names),
        }
    }
}

/// A number with its thousands set apart.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (index, digit) in digits.char_indices() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// One or several of something.
fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "model for {}", self.architecture)?;
        writeln!(
            f,
            "file      HEF version {}, {} bytes, {} {} (verified)",
            self.version,
            Grouped(self.file_bytes),
            self.checksum_kind,
            self.checksum
        )?;
        writeln!(f, "compiler  {}", if self.compiler.is_empty() { "unknown" } else { &self.compiler })?;
        for group in &self.groups {
            write!(f, "\n{group}")?;
        }
        if !self.not_supported.is_empty() {
            writeln!(f, "\nnot supported")?;
            for sentence in &self.not_supported {
                writeln!(f, "  {sentence}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for GroupDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "group     {}", self.name)?;
        if self.networks.iter().any(|network| *network != self.name) {
            writeln!(f, "networks  {}", self.networks.join(", "))?;
        }
        if !self.cluster_layouts.is_empty() {
            let layouts: Vec<String> = self.cluster_layouts.iter().map(|layout| format!("{layout:#x}")).collect();
            writeln!(f, "clusters  {}", layouts.join(", "))?;
        }
        write!(f, "contexts  {}", self.contexts)?;
        for (count, what) in [
            (self.inter_context_layers, "layer between contexts"),
            (self.ddr_layers, "layer with rows in the host's memory"),
            (self.cache_layers, "layer of a cache"),
        ] {
            if count > 0 {
                write!(f, ", {}", counted(count, what))?;
            }
        }
        writeln!(
            f,
            "\nwords     {} bytes of configuration in {}",
            Grouped(self.configuration_bytes),
            counted(self.config_streams.into(), "stream")
        )?;
        if self.expected_fps > 0.0 {
            writeln!(f, "expected  {:.1} frames per second", self.expected_fps)?;
        }
        self.streams.iter().try_for_each(|stream| stream.fmt(f))
    }
}

impl fmt::Display for StreamDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [height, width, features] = self.shape;
        write!(
            f,
            "{:<9} {}  {height}x{width}x{features} {} {}, {} bytes a frame",
            self.direction,
            self.name,
            self.data_type,
            self.order,
            Grouped(self.hw_frame_bytes)
        )?;
        if self.hw_shape != self.shape {
            let [height, width, features] = self.hw_shape;
            write!(f, ", {height}x{width}x{features} in the device")?;
        }
        if self.transposed {
            write!(f, ", transposed")?;
        }
        match (self.quantization, self.per_feature_quantizations) {
            (Some(quantization), _) => {
                write!(f, ", real = (value - {}) x {}", quantization.zero_point, quantization.scale)?;
            }
            (None, 0) => {}
            (None, features) => write!(f, ", quantised for each of {features} features")?,
        }
        if !self.parts.is_empty() {
            write!(f, ", made up of {}", self.parts.join(", "))?;
        }
        writeln!(f)
    }
}
