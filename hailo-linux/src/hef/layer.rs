//! Edge layers: where data enters and leaves a context.

use std::fmt;

use super::error::Refusal;
use super::nms::Nms;

/// Which way data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// Into the device.
    Input,
    /// Out of it.
    Output,
}

/// Height, width and features of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[doc(alias = "hailo_3d_image_shape_t")]
pub struct Shape {
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
    /// Values at each place.
    pub features: u32,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.height, self.width, self.features)
    }
}

/// In which order a tensor's values lie in the memory that the device reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(alias = "hailo_format_order_t")]
#[allow(missing_docs)]
pub enum Order {
    /// Row by row, within it place by place.
    Nhwc,
    /// Row by row, within it feature by feature.
    Nhcw,
    /// One value after the other; there is one place only.
    Nc,
    /// Row by row, features in groups as the core has them.
    Fcr,
    /// Row by row, eight features at a time.
    F8cr,
    BayerRgb,
    /// Row by row; there is one feature only.
    Nhw,
    /// The result of non-maximum suppression in the device.
    NmsOnChip,
    Rgb888,
    Yuy2,
    Yyuv,
    Yyvu,
    Yyyyuv,
}

impl Order {
    pub(super) fn new(code: u32) -> Result<Self, Refusal> {
        Ok(match code {
            0 | 13 => Self::Nhwc,
            1 => Self::Nhcw,
            2 => Self::Nc,
            3 => Self::Fcr,
            4 => Self::BayerRgb,
            5 => Self::Nhw,
            6 => Self::NmsOnChip,
            7 => Self::F8cr,
            8 => Self::Rgb888,
            11 => Self::Yuy2,
            14 => Self::Yyuv,
            15 => Self::Yyvu,
            16 => Self::Yyyyuv,
            other => return Err(Refusal::internal(format!("data in unknown order {other}"))),
        })
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nhwc => "NHWC",
            Self::Nhcw => "NHCW",
            Self::Nc => "NC",
            Self::Fcr => "FCR",
            Self::F8cr => "F8CR",
            Self::BayerRgb => "BAYER RGB",
            Self::Nhw => "NHW",
            Self::NmsOnChip => "NMS ON CHIP",
            Self::Rgb888 => "RGB888",
            Self::Yuy2 => "YUY2",
            Self::Yyuv => "YYUV",
            Self::Yyvu => "YYVU",
            Self::Yyyyuv => "YYYYUV",
        })
    }
}

/// How the device's integers stand for real numbers: `real = (integer − zero_point) × scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "hailo_quant_info_t")]
pub struct Quantization {
    /// The integer that stands for 0.
    pub zero_point: f32,
    /// The step from one integer to the next.
    pub scale: f32,
    /// The smallest value that the compiler saw.
    pub limit_min: f32,
    /// The greatest.
    pub limit_max: f32,
}

/// One tensor of the network: its name, form and meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The name, unique among the streams of a model.
    pub name: String,
    /// What the network's author called it.
    pub original_names: Vec<String>,
    /// The order of the values on the device's side.
    pub order: Order,
    /// 1 or 2 bytes per value.
    pub data_bytes: u8,
    /// The form that a user sees.
    pub shape: Shape,
    /// The form that the device sees, padding included.
    pub hw_shape: Shape,
    /// Whether height and width are exchanged between the two.
    pub transposed: bool,
    /// The same for all features; `None` on an output that has one for each.
    pub quantization: Option<Quantization>,
    /// Zero point and scale for each feature; empty where they do not differ.
    pub per_feature: Vec<(f32, f32)>,
    /// What comes out of non-maximum suppression.
    pub nms: Option<Nms>,
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
