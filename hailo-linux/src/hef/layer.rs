//! Edge layers: where data enters and leaves a context.

use super::nms::Nms;
use crate::transform::{Direction, ElementType, Format, FormatOrder, QuantInfo, Shape};

/// One tensor of the network: its name, form and meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The name, unique among the streams of a model.
    pub name: String,
    /// What the network's author called it.
    pub original_names: Vec<String>,
    /// The order of the values on the device's side.
    pub order: FormatOrder,
    /// What a value is on the device's side; never [`ElementType::F32`].
    pub kind: ElementType,
    /// The form that a user sees.
    pub shape: Shape,
    /// The form that the device sees, padding included.
    pub hw_shape: Shape,
    /// Whether height and width are exchanged between the two.
    pub transposed: bool,
    /// One for all features, or one for each; none for a muxed whole, whose parts have their own.
    pub quantization: Vec<QuantInfo>,
    /// What comes out of non-maximum suppression.
    pub nms: Option<Nms>,
}

impl Tensor {
    /// The format of a frame on the device's side.
    #[must_use]
    pub const fn device_format(&self) -> Format {
        Format::new(self.order, self.kind, self.hw_shape)
    }

    /// A format that programs like: values of type `kind`, in the plain order that there is a transform for.
    #[must_use]
    pub const fn user_format(&self, kind: ElementType) -> Format {
        let order = match self.order {
            FormatOrder::Nhcw | FormatOrder::Fcr | FormatOrder::F8cr => FormatOrder::Nhwc,
            FormatOrder::Yyuv => FormatOrder::Nv12,
            FormatOrder::Yyvu => FormatOrder::Nv21,
            FormatOrder::Yyyyuv => FormatOrder::I420,
            other => other,
        };
        Format::new(order, kind, self.shape).with_transposed(self.transposed)
    }
}

/// Several outputs that leave the device as one frame.
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "ProtoHEFEdgeLayerMux")]
pub struct Mux {
    /// How many rows of the parts make one round.
    pub height_gcd: u32,
    /// How many rows of each part are in one round.
    pub height_ratios: Vec<u32>,
    /// The parts.
    pub parts: Vec<MuxPart>,
}

/// A part of a muxed output.
#[derive(Clone, Debug, PartialEq)]
pub enum MuxPart {
    /// A tensor.
    Tensor(Tensor),
    /// Again several outputs, under a name.
    Mux(String, Mux),
}

/// What is at the other end of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "ProtoHEFEdgeConnectionType")]
pub enum Connection {
    /// The user.
    Boundary,
    /// A later or earlier context, through the host's memory.
    InterContext {
        /// The context.
        context: u16,
        /// The stream index of the layer there.
        stream: u8,
    },
    /// The same context, through the host's memory.
    Ddr {
        /// The stream index of the layer at the other end.
        stream: u8,
        /// How many rows are buffered.
        rows: u16,
    },
    /// The same network in the next frame, through the host's memory.
    Cache {
        /// Which cache.
        id: u32,
    },
}

/// A place where data enters or leaves a context.
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "ProtoHEFEdgeLayer")]
pub struct Layer {
    /// What flows.
    pub tensor: Tensor,
    /// Which way.
    pub direction: Direction,
    /// From or to where.
    pub connection: Connection,
    /// The network that the layer belongs to, counted from 0.
    pub network: u8,
    /// The device's number for the stream.
    #[doc(alias = "sys_index")]
    pub stream_index: u8,
    /// Bytes per buffer in the core.
    pub core_bytes_per_buffer: u16,
    /// Buffers per frame in the core.
    pub core_buffers_per_frame: u16,
    /// Bytes of each row before padding, where the host tells the core to pad; else 0.
    pub feature_padding_payload: u16,
    /// The size of the stream's memory in the device in bytes, 0 where the device's default holds.
    pub max_shmifo_size: u32,
    /// How many bytes go over the channel at a time: a frame, but for non-maximum suppression.
    pub transfer_size: u32,
    /// The parts of a muxed output.
    pub mux: Option<Mux>,
}

impl Layer {
    /// How many transfers make a frame, at most.
    #[must_use]
    pub fn transfers_per_frame(&self) -> u32 {
        self.tensor.nms.as_ref().map_or(1, |nms| nms.transfers_per_frame)
    }

    /// Whether the layer is a stream of the user.
    #[must_use]
    pub fn is_boundary(&self) -> bool {
        self.connection == Connection::Boundary
    }
}

/// How many bytes the planes of an image have each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "ProtoHEFEPlanesFormat")]
#[allow(missing_docs)]
pub enum PlanesFormat {
    Nv12,
    Nv21,
    I420,
}

/// An input that a user gives as one image and that enters the device as several streams.
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "ProtoHEFEdgeLayerPlanes")]
pub struct Planes {
    /// The name of the whole.
    pub name: String,
    /// How the planes make an image.
    pub format: PlanesFormat,
    /// The form of the whole.
    pub shape: Shape,
    /// The names of the streams, in order.
    pub streams: Vec<String>,
}
