//! What a frame looks like: its order, its element type, its shape.

use std::fmt;

macro_rules! orders {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $alias:literal;)*) => {
        /// The order in which the elements of a frame follow each other.
        ///
        /// *H* is the height, *W* the width and *F* the number of features (channels). The documentation of each order
        /// says how frames of it are laid out; "user" frames are packed, "device" frames are padded to the shape that
        /// the model file states for the hardware.
        ///
        /// The numbers by which model files name orders are those of two enumerations; see
        /// [`from_hef`](Self::from_hef) and [`from_edge_layer`](Self::from_edge_layer).
        #[doc(alias = "hailo_format_order_t")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum FormatOrder {
            $($(#[$doc])* #[doc(alias = $alias)] $variant,)*
        }

        impl FormatOrder {
            /// Every order, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The vendor's name without its prefix, such as `NHWC` or `HAILO_YYUV`.
            ///
            /// ```
            /// use hailo_linux::transform::FormatOrder;
            ///
            /// assert_eq!(FormatOrder::BayerRgb12Bit.name(), "12_BIT_BAYER_RGB");
            /// assert_eq!(FormatOrder::from_name("F8CR"), Some(FormatOrder::F8cr));
            /// ```
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

orders! {
    /// `HAILO_FORMAT_ORDER_NHWC`: row by row, pixel by pixel, the features of a pixel together.
    ///
    /// On the device a row is the packed row of the user followed by padding to the padded width. On outputs each
    /// pixel is padded to the padded number of features.
    Nhwc = "NHWC", "HAILO_FORMAT_ORDER_NHWC";
    /// `HAILO_FORMAT_ORDER_NHCW`: row by row, within a row feature by feature, *W* elements each.
    Nhcw = "NHCW", "HAILO_FORMAT_ORDER_NHCW";
    /// `HAILO_FORMAT_ORDER_FCR`: like NHWC with each pixel padded to the padded number of features.
    Fcr = "FCR", "HAILO_FORMAT_ORDER_FCR";
    /// `HAILO_FORMAT_ORDER_F8CR`: row by row, within a row groups of eight features, within a group pixel by pixel.
    ///
    /// A user who asks for this order with a shape that differs from the device's gets and gives NHWC, as with the
    /// vendor; with equal shapes the frame passes unchanged.
    F8cr = "F8CR", "HAILO_FORMAT_ORDER_F8CR";
    /// `HAILO_FORMAT_ORDER_NHW`: one element per pixel, such as the index that an arg-max layer gives.
    ///
    /// Read as `f32` it is not dequantised: an index has no scale.
    Nhw = "NHW", "HAILO_FORMAT_ORDER_NHW";
    /// `HAILO_FORMAT_ORDER_NC`: one vector of *F* elements.
    Nc = "NC", "HAILO_FORMAT_ORDER_NC";
    /// `HAILO_FORMAT_ORDER_BAYER_RGB`: raw pixels of an image sensor.
    BayerRgb = "BAYER_RGB", "HAILO_FORMAT_ORDER_BAYER_RGB";
    /// `HAILO_FORMAT_ORDER_12_BIT_BAYER_RGB`: raw pixels of an image sensor, 12 bits each in 16.
    BayerRgb12Bit = "12_BIT_BAYER_RGB", "HAILO_FORMAT_ORDER_12_BIT_BAYER_RGB";
    /// `HAILO_FORMAT_ORDER_HAILO_NMS`: boxes, per class a count and then the boxes. Not a transform of this module.
    Nms = "HAILO_NMS", "HAILO_FORMAT_ORDER_HAILO_NMS";
    /// `HAILO_FORMAT_ORDER_HAILO_NMS_ON_CHIP`: boxes as the device sends them. Not a transform of this module.
    NmsOnChip = "HAILO_NMS_ON_CHIP", "HAILO_FORMAT_ORDER_HAILO_NMS_ON_CHIP";
    /// `HAILO_FORMAT_ORDER_RGB888`: three features per pixel, as NHWC.
    Rgb888 = "RGB888", "HAILO_FORMAT_ORDER_RGB888";
    /// `HAILO_FORMAT_ORDER_NCHW`: feature by feature, each an image of *H* rows.
    Nchw = "NCHW", "HAILO_FORMAT_ORDER_NCHW";
    /// `HAILO_FORMAT_ORDER_YUY2`: Y0 U0 Y1 V0, two features per pixel.
    Yuy2 = "YUY2", "HAILO_FORMAT_ORDER_YUY2";
    /// `HAILO_FORMAT_ORDER_NV12`: the Y plane, then a plane of interleaved U and V at half the height.
    ///
    /// The shape is that of the device's rows: an image of *h* × *w* pixels is given as *H* = *h*/2, *W* = *w*, *F* = 3.
    Nv12 = "NV12", "HAILO_FORMAT_ORDER_NV12";
    /// `HAILO_FORMAT_ORDER_NV21`: as NV12 with V before U.
    Nv21 = "NV21", "HAILO_FORMAT_ORDER_NV21";
    /// `HAILO_FORMAT_ORDER_HAILO_YYUV`: two rows of Y, then the row of U and V that belongs to them, and so on.
    Yyuv = "HAILO_YYUV", "HAILO_FORMAT_ORDER_HAILO_YYUV";
    /// `HAILO_FORMAT_ORDER_HAILO_YYVU`: as YYUV with V before U.
    Yyvu = "HAILO_YYVU", "HAILO_FORMAT_ORDER_HAILO_YYVU";
    /// `HAILO_FORMAT_ORDER_RGB4`: like NHWC with each row padded to a multiple of four elements.
    Rgb4 = "RGB4", "HAILO_FORMAT_ORDER_RGB4";
    /// `HAILO_FORMAT_ORDER_I420`: the Y plane, then the U plane, then the V plane, these at half height and width.
    ///
    /// The shape is given as for [`Nv12`](Self::Nv12).
    I420 = "I420", "HAILO_FORMAT_ORDER_I420";
    /// `HAILO_FORMAT_ORDER_HAILO_YYYYUV`: two rows of Y, then the half rows of U and of V that belong to them, and so on.
    Yyyyuv = "HAILO_YYYYUV", "HAILO_FORMAT_ORDER_HAILO_YYYYUV";
}

impl FormatOrder {
    /// The order of that name, as [`name`](Self::name) gives it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|o| o.name() == name)
    }

    /// The order that the number of a `ProtoHEFFormatOrder` stands for; `None` for the automatic one and unknown ones.
    #[doc(alias = "ProtoHEFFormatOrder")]
    #[must_use]
    pub const fn from_hef(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Nhwc,
            2 => Self::Nhcw,
            3 => Self::Fcr,
            4 => Self::F8cr,
            5 => Self::Nhw,
            6 => Self::Nc,
            7 => Self::BayerRgb,
            8 => Self::BayerRgb12Bit,
            9 => Self::Nms,
            10 => Self::Rgb888,
            11 => Self::Nchw,
            12 => Self::Yuy2,
            13 => Self::Nv12,
            14 => Self::Nv21,
            15 => Self::Yyuv,
            16 => Self::Yyvu,
            _ => return None,
        })
    }

    /// The order that the field `format` of an edge layer (`ProtoHEFEdgeLayerBase`) stands for; `None` if unknown.
    ///
    /// This is another numbering than [`from_hef`](Self::from_hef).
    #[doc(alias = "ProtoHEFEdgeLayerBase")]
    #[must_use]
    pub const fn from_edge_layer(number: u32) -> Option<Self> {
        Some(match number {
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
            _ => return None,
        })
    }
}

impl fmt::Display for FormatOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The type of the elements of a frame. Elements of more than one byte are little-endian.
#[doc(alias = "hailo_format_type_t")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// `HAILO_FORMAT_TYPE_UINT8`: one byte.
    #[doc(alias = "HAILO_FORMAT_TYPE_UINT8")]
    U8,
    /// `HAILO_FORMAT_TYPE_UINT16`: two bytes.
    #[doc(alias = "HAILO_FORMAT_TYPE_UINT16")]
    U16,
    /// `HAILO_FORMAT_TYPE_FLOAT32`: four bytes. Only users have it; the device never does.
    #[doc(alias = "HAILO_FORMAT_TYPE_FLOAT32")]
    F32,
}

impl ElementType {
    /// Bytes of one element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::F32 => 4,
        }
    }

    /// The vendor's name without its prefix: `UINT8`, `UINT16`, `FLOAT32`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "UINT8",
            Self::U16 => "UINT16",
            Self::F32 => "FLOAT32",
        }
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The dimensions of a frame, in elements.
#[doc(alias = "hailo_3d_image_shape_t")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Pixels of a row.
    pub width: usize,
    /// Elements of a pixel (channels).
    pub features: usize,
}

impl Shape {
    /// A shape of `height` × `width` × `features` elements.
    #[must_use]
    pub const fn new(height: usize, width: usize, features: usize) -> Self {
        Self { height, width, features }
    }

    /// The product of the three, if it fits a `usize`.
    #[must_use]
    pub const fn elements(self) -> Option<usize> {
        match self.height.checked_mul(self.width) {
            Some(pixels) => pixels.checked_mul(self.features),
            None => None,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.height, self.width, self.features)
    }
}

/// One side of a transform: the order, type and shape of the frames there.
#[doc(alias = "hailo_format_t")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    /// How elements follow each other.
    pub order: FormatOrder,
    /// What an element is.
    pub kind: ElementType,
    /// How many there are.
    pub shape: Shape,
    /// The user's rows are the device's columns (`HAILO_FORMAT_FLAGS_TRANSPOSED`). Only on the user's side.
    ///
    /// A model says so with `transposed` or `transposed_net`; the user's shape then has height and width exchanged
    /// against the device's.
    #[doc(alias = "HAILO_FORMAT_FLAGS_TRANSPOSED")]
    pub transposed: bool,
}

impl Format {
    /// A format that is not transposed.
    #[must_use]
    pub const fn new(order: FormatOrder, kind: ElementType, shape: Shape) -> Self {
        Self { order, kind, shape, transposed: false }
    }

    /// The same format with [`transposed`](Self::transposed) set as given.
    #[must_use]
    pub const fn with_transposed(self, transposed: bool) -> Self {
        Self { transposed, ..self }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.order, self.kind, self.shape)?;
        if self.transposed { f.write_str(" transposed") } else { Ok(()) }
    }
}
