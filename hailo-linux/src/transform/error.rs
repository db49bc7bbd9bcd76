//! Why a transform cannot be made or applied.

use std::fmt;

use super::format::{ElementType, Format, FormatOrder, Shape};
use super::quant::QuantInfo;

/// Which way frames go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the user to the device.
    Input,
    /// From the device to the user.
    Output,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}

/// Whose frame is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The frame of the program that uses the library.
    User,
    /// The frame that the device reads or writes.
    Device,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Device => "device",
        })
    }
}

/// A transform that cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransformError {
    /// There is no transform between these two orders in this direction.
    #[error(
        "{direction} transform between user order {user} and device order {device} is not supported; \
         NHWC, or the device's own order, is the usual choice"
    )]
    Orders {
        /// Which way.
        direction: Direction,
        /// The order asked for.
        user: FormatOrder,
        /// The order of the device.
        device: FormatOrder,
    },
    /// There is no conversion between these two element types in this direction.
    #[error(
        "{direction} transform from {device} on the device and {user} for the user is not supported: \
         inputs take the device's type or FLOAT32, outputs give the device's type, a wider integer or FLOAT32"
    )]
    Types {
        /// Which way.
        direction: Direction,
        /// The type asked for.
        user: ElementType,
        /// The type of the device.
        device: ElementType,
    },
    /// A dimension is zero.
    #[error("the {side} shape {shape} is empty: height, width and features must all be at least 1")]
    Empty {
        /// Whose.
        side: Side,
        /// The shape.
        shape: Shape,
    },
    /// A frame of this format has more bytes than can be addressed.
    #[error("a {side} frame of {format} is too large for this machine")]
    TooLarge {
        /// Whose.
        side: Side,
        /// The format.
        format: Format,
    },
    /// The two shapes do not go together.
    #[error("{direction} transform between user {user} and device {device} is not supported: {why}")]
    Shapes {
        /// Which way.
        direction: Direction,
        /// The user's format.
        user: Format,
        /// The device's format.
        device: Format,
        /// What does not fit, a clause.
        why: &'static str,
    },
    /// Frames of this order cannot be transposed, or the device's side was said to be.
    #[error("{side} frames of order {order} cannot be transposed")]
    Transposed {
        /// Whose.
        side: Side,
        /// The order.
        order: FormatOrder,
    },
    /// The number of quantisation parameters is neither one nor one per feature.
    #[error(
        "{given} sets of quantisation parameters given for {features} features: one for all or one per feature is needed"
    )]
    QuantCount {
        /// How many were given.
        given: usize,
        /// How many features the user's shape has.
        features: usize,
    },
    /// Quantisation parameters that cannot be used.
    #[error("quantisation parameters {index} ({info}) cannot be used: {why}")]
    Quant {
        /// Which of those given.
        index: usize,
        /// What they are.
        info: QuantInfo,
        /// What is wrong, a clause.
        why: &'static str,
    },
    /// Parameters differ between features where only one set can be applied.
    #[error("{direction} frames of user order {order} cannot be converted with other parameters for each feature")]
    PerFeature {
        /// Which way.
        direction: Direction,
        /// The user's order.
        order: FormatOrder,
    },
}

/// A buffer given to a transform has another size than its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {side} buffer has {actual} bytes, a frame has {expected}")]
pub struct FrameSizeError {
    /// Whose buffer.
    pub side: Side,
    /// Bytes that a frame has.
    pub expected: usize,
    /// Bytes that were given.
    pub actual: usize,
}
