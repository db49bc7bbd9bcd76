//! Quantisation: how the device's integers stand for real numbers.

use std::fmt;

use super::format::ElementType;

/// What relates an integer `q` of the device to a real number `x`: `x = (q - zero_point) * scale`.
///
/// All arithmetic is in `f32`, in the order written, so that results equal the vendor's bit for bit.
#[doc(alias = "hailo_quant_info_t")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantInfo {
    /// The integer that stands for zero; it need not be a whole number.
    #[doc(alias = "qp_zp")]
    pub zero_point: f32,
    /// The difference between two numbers whose integers differ by one.
    #[doc(alias = "qp_scale")]
    pub scale: f32,
    /// Smaller numbers are taken as this one when quantised. Not used when dequantising.
    #[doc(alias = "limvals_min")]
    pub min: f32,
    /// Larger numbers are taken as this one when quantised. Not used when dequantising.
    #[doc(alias = "limvals_max")]
    pub max: f32,
}

impl QuantInfo {
    /// Integers that stand for themselves: zero point 0 and scale 1.
    ///
    /// With these two values the limits are not applied, as with the vendor: a number is rounded to the nearest whole
    /// one (halves to the even one) and its low bits are taken, so that -1 becomes 255.
    pub const IDENTITY: Self = Self { zero_point: 0.0, scale: 1.0, min: 0.0, max: 255.0 };

    /// These parameters, with the limits that the integers of `kind` can express.
    ///
    /// ```
    /// use hailo_linux::transform::{ElementType, QuantInfo};
    ///
    /// let info = QuantInfo::covering(ElementType::U8, 55.0, 0.5);
    /// assert_eq!((info.min, info.max), (-27.5, 100.0));
    /// ```
    #[must_use]
    pub fn covering(kind: ElementType, zero_point: f32, scale: f32) -> Self {
        let highest = match kind {
            ElementType::U8 => 255.0,
            ElementType::U16 | ElementType::F32 => 65535.0,
        };
        Self { zero_point, scale, min: (0.0 - zero_point) * scale, max: (highest - zero_point) * scale }
    }

    /// Whether these are the values for which the vendor converts without arithmetic, see [`IDENTITY`](Self::IDENTITY).
    #[doc(alias = "is_identity_qp")]
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.zero_point == 0.0 && self.scale == 1.0
    }

    /// What makes quantising with these impossible, if anything.
    pub(super) fn input_fault(&self) -> Option<&'static str> {
        if let Some(why) = self.output_fault() {
            return Some(why);
        }
        if self.is_identity() {
            return None;
        }
        if self.scale <= 0.0 {
            return Some("the scale must be above zero");
        }
        if self.min.is_nan() || self.max.is_nan() || self.min > self.max {
            return Some("the lower limit must not be above the upper one");
        }
        None
    }

    /// What makes dequantising with these impossible, if anything.
    pub(super) fn output_fault(&self) -> Option<&'static str> {
        if !self.zero_point.is_finite() {
            return Some("the zero point must be finite");
        }
        if !self.scale.is_finite() {
            return Some("the scale must be finite");
        }
        None
    }

    /// The real-valued quotient that is rounded to give the integer of `x`.
    pub(super) fn quotient(&self, x: f32) -> f32 {
        x / self.scale + self.zero_point
    }
}

impl fmt::Display for QuantInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { zero_point, scale, min, max } = self;
        write!(f, "zero point {zero_point}, scale {scale}, limits {min} to {max}")
    }
}
