//! Host-side transforms: what happens to a frame between the program and the device.
//!
//! A model file says in which order, type and shape its streams are, and how the device's integers stand for real
//! numbers ([`Tensor`](crate::hef::Tensor)). A program prefers packed NHWC frames, often of `f32`. An
//! [`InputTransform`] makes the device's frames of the program's, an [`OutputTransform`] the reverse. Both check
//! everything once, when they are made; applying them neither allocates nor fails but for a buffer of the wrong size.
//!
//! ```
//! use hailo_linux::transform::{ElementType, Format, FormatOrder, InputTransform, QuantInfo, Shape};
//!
//! // A device that wants rows of 8 pixels, feature by feature; a program with 6 pixels per row and real numbers.
//! let user = Format::new(FormatOrder::Nhwc, ElementType::F32, Shape::new(1, 6, 3));
//! let device = Format::new(FormatOrder::Nhcw, ElementType::U8, Shape::new(1, 8, 3));
//! let quant = QuantInfo::covering(ElementType::U8, 128.0, 1.0 / 64.0);
//! let transform = InputTransform::new(user, device, &[quant])?;
//! assert_eq!((transform.user_size(), transform.device_size()), (72, 24));
//!
//! let frame: Vec<u8> = (0..18).flat_map(|i| (i as f32 / 64.0).to_le_bytes()).collect();
//! let mut sent = vec![0; transform.device_size()];
//! transform.apply(&frame, &mut sent)?;
//! assert_eq!(sent[..8], [128, 131, 134, 137, 140, 143, 0, 0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What equals the vendor's library
//!
//! The results were compared with those of the vendor's library 4.23.0, byte for byte and bit for bit, for every pair
//! of orders that is supported here, with and without padding, for all combinations of types. Its peculiarities are
//! kept where they show in bytes that it writes:
//!
//! * Rounding is to the nearest integer, halves to the even one. With zero point 0 and scale 1, limits are not applied
//!   and the low bits are taken (-1 gives 255).
//! * On NHWC inputs the whole row is padded, not each pixel.
//! * [`FormatOrder::Nhw`] outputs are indices and are not dequantised.
//! * Of [`FormatOrder::Rgb4`] inputs of `f32`, only as many elements are quantised as there would be without the
//!   padding of rows; those at the end arrive as zero. Make the row a multiple of four elements to avoid it.
//!
//! Bytes that the vendor's library leaves as they were are set to zero. Not compared for want of a recording, and
//! written from the rules alone: [`transposed`](Format::transposed) frames, parameters per feature, and the value of
//! numbers that C++ leaves undefined (NaN becomes the lower limit, or 0 without limits; without limits, 2^22 and
//! beyond gives 0).
//!
//! Boxes of non-maximum suppression (`HAILO_NMS`) are not frames of a fixed shape and no subject of this module.

mod convert;
mod error;
mod format;
mod layout;
mod plan;
mod quant;
mod run;
mod transpose;

pub use error::{Direction, FrameSizeError, Side, TransformError};
pub use format::{ElementType, Format, FormatOrder, Shape};
pub use quant::QuantInfo;

use convert::{
    Dequantise, E2, E4, Integer, Lane, PerFeature, Quantise8, Quantise16, Quantising, Round8, Round16, Wide8, Wide16,
    Widen,
};
use plan::Plan;
use transpose::Element;

/// Whether there is a transform between two orders; [`InputTransform::new`] and [`OutputTransform::new`] refuse all
/// other pairs with [`TransformError::Orders`].
#[must_use]
pub fn supports_orders(direction: Direction, user: FormatOrder, device: FormatOrder) -> bool {
    plan::orders_supported(direction, user, device)
}

/// Whether there is a conversion between two element types; [`InputTransform::new`] and [`OutputTransform::new`] refuse
/// all other pairs with [`TransformError::Types`].
#[must_use]
pub fn supports_types(direction: Direction, user: ElementType, device: ElementType) -> bool {
    plan::types_supported(direction, user, device)
}

/// Makes frames for the device of frames of the user.
#[doc(alias = "hailo_input_transform_context")]
#[doc(alias = "InputTransformContext")]
#[derive(Clone, Debug)]
pub struct InputTransform {
    user: Format,
    device: Format,
    plan: Plan,
    conversion: InputConversion,
}

/// What happens to elements on their way to the device.
#[derive(Clone, Debug)]
enum InputConversion {
    Copy8,
    Copy16,
    Quantise8(Quantising),
    Quantise16(Quantising),
}

impl InputTransform {
    /// Checks the formats and lays out the work.
    ///
    /// `quant` is one set of parameters for all elements; one set per feature is accepted if all are equal, as a model
    /// file states them for inputs. They count only if the user's type is [`ElementType::F32`].
    ///
    /// # Errors
    ///
    /// Whatever of the formats, their combination or the parameters is not supported, see [`TransformError`].
    pub fn new(user: Format, device: Format, quant: &[QuantInfo]) -> Result<Self, TransformError> {
        let plan = Plan::new(Direction::Input, user, device)?;
        let conversion = match (user.kind, device.kind) {
            (ElementType::F32, kind) => {
                let info = uniform(quant, user.shape.features, QuantInfo::input_fault)?
                    .ok_or(TransformError::PerFeature { direction: Direction::Input, order: user.order })?;
                match kind {
                    ElementType::U8 => InputConversion::Quantise8(Quantising::new(&info, u8::MAX.into())),
                    _ => InputConversion::Quantise16(Quantising::new(&info, u16::MAX)),
                }
            }
            (ElementType::U16, _) => InputConversion::Copy16,
            (ElementType::U8, _) => InputConversion::Copy8,
        };
        Ok(Self { user, device, plan, conversion })
    }

    /// The format of frames given.
    #[must_use]
    pub const fn user_format(&self) -> Format {
        self.user
    }

    /// The format of frames made.
    #[must_use]
    pub const fn device_format(&self) -> Format {
        self.device
    }

    /// Bytes of a frame given.
    #[must_use]
    pub const fn user_size(&self) -> usize {
        self.plan.user_len * self.user.kind.size()
    }

    /// Bytes of a frame made: those of the device's shape, rounded up to a multiple of eight as transfers are.
    #[must_use]
    pub const fn device_size(&self) -> usize {
        self.plan.device_size
    }

    /// Makes a device's frame, all of it: what has no counterpart in `user` is zero.
    ///
    /// # Errors
    ///
    /// If `user` is not of [`user_size`](Self::user_size) or `device` not of [`device_size`](Self::device_size) bytes;
    /// `device` is then unchanged.
    pub fn apply(&self, user: &[u8], device: &mut [u8]) -> Result<(), FrameSizeError> {
        check_size(Side::User, self.user_size(), user.len())?;
        check_size(Side::Device, self.device_size(), device.len())?;
        let (device, padding) = device.split_at_mut(self.plan.device_len * self.device.kind.size());
        padding.fill(0);
        match &self.conversion {
            InputConversion::Copy8 => self.copy(user, device),
            InputConversion::Copy16 => self.copy::<E2>(elements(user), elements_mut(device)),
            InputConversion::Quantise8(how) => match *how {
                Quantising::Identity(q) => self.convert(user, device, Round8(q)),
                Quantising::Full(q) => self.convert(user, device, Quantise8::<false>(q)),
                Quantising::Limited(q) => self.convert(user, device, Quantise8::<true>(q)),
                Quantising::Wide(q) => self.convert(user, device, Wide8(q)),
            },
            InputConversion::Quantise16(how) => match *how {
                Quantising::Identity(q) => self.convert(user, elements_mut(device), Round16(q)),
                Quantising::Full(q) | Quantising::Limited(q) => {
                    self.convert(user, elements_mut(device), Quantise16::new(q));
                }
                Quantising::Wide(q) => self.convert(user, elements_mut(device), Wide16(q)),
            },
        }
        Ok(())
    }

    fn copy<E: Element>(&self, user: &[E], device: &mut [E]) {
        self.plan.gaps.iter().for_each(|gap| gap.clear(device));
        run::copy_in(&self.plan.pieces, user, device);
    }

    fn convert<L>(&self, user: &[u8], device: &mut [L::To], lane: L)
    where
        L: Lane<From = E4>,
        L::To: Element,
    {
        self.plan.gaps.iter().for_each(|gap| gap.clear(device));
        let limit = self.plan.quantised_len;
        run::convert_in(&self.plan.pieces, elements(user), device, |at, src, dst| {
            let (dst, zeros) = dst.split_at_mut(limit.saturating_sub(at).min(src.len()));
            convert::convert(lane, src, dst);
            zeros.fill(L::To::default());
        });
    }
}

/// Makes frames for the user of frames of the device.
#[doc(alias = "hailo_output_transform_context")]
#[doc(alias = "OutputTransformContext")]
#[derive(Clone, Debug)]
pub struct OutputTransform {
    user: Format,
    device: Format,
    plan: Plan,
    conversion: OutputConversion,
}

/// What happens to elements on their way to the user.
#[derive(Clone, Debug)]
enum OutputConversion {
    Copy8,
    Copy16,
    Widen,
    Dequantise8(QuantInfo),
    Dequantise16(QuantInfo),
    PerFeature8(PerFeature),
    PerFeature16(PerFeature),
}

impl OutputTransform {
    /// Checks the formats and lays out the work.
    ///
    /// `quant` is one set of parameters for all elements or one per feature of the user's shape. They count only if the
    /// user's type is [`ElementType::F32`].
    ///
    /// # Errors
    ///
    /// Whatever of the formats, their combination or the parameters is not supported, see [`TransformError`].
    pub fn new(user: Format, device: Format, quant: &[QuantInfo]) -> Result<Self, TransformError> {
        let plan = Plan::new(Direction::Output, user, device)?;
        let conversion = match (user.kind, device.kind) {
            (ElementType::F32, kind) => {
                let uniform = uniform(quant, user.shape.features, QuantInfo::output_fault)?;
                let uniform = if plan.indices { Some(QuantInfo::IDENTITY) } else { uniform };
                match (uniform, kind) {
                    (Some(info), ElementType::U8) => OutputConversion::Dequantise8(info),
                    (Some(info), _) => OutputConversion::Dequantise16(info),
                    (None, _) if plan.feature_run == 0 => {
                        return Err(TransformError::PerFeature { direction: Direction::Output, order: user.order });
                    }
                    (None, ElementType::U8) => OutputConversion::PerFeature8(PerFeature::new(quant, plan.feature_run)),
                    (None, _) => OutputConversion::PerFeature16(PerFeature::new(quant, plan.feature_run)),
                }
            }
            (ElementType::U16, ElementType::U8) => OutputConversion::Widen,
            (ElementType::U16, _) => OutputConversion::Copy16,
            (ElementType::U8, _) => OutputConversion::Copy8,
        };
        Ok(Self { user, device, plan, conversion })
    }

    /// The format of frames made.
    #[must_use]
    pub const fn user_format(&self) -> Format {
        self.user
    }

    /// The format of frames given.
    #[must_use]
    pub const fn device_format(&self) -> Format {
        self.device
    }

    /// Bytes of a frame made.
    #[must_use]
    pub const fn user_size(&self) -> usize {
        self.plan.user_len * self.user.kind.size()
    }

    /// Bytes of a frame given: those of the device's shape, rounded up to a multiple of eight as transfers are.
    #[must_use]
    pub const fn device_size(&self) -> usize {
        self.plan.device_size
    }

    /// Makes a user's frame, all of it: what has no counterpart in `device` is zero.
    ///
    /// # Errors
    ///
    /// If `device` is not of [`device_size`](Self::device_size) or `user` not of [`user_size`](Self::user_size) bytes;
    /// `user` is then unchanged.
    pub fn apply(&self, device: &[u8], user: &mut [u8]) -> Result<(), FrameSizeError> {
        check_size(Side::Device, self.device_size(), device.len())?;
        check_size(Side::User, self.user_size(), user.len())?;
        let device = &device[..self.plan.device_len * self.device.kind.size()];
        match &self.conversion {
            OutputConversion::Copy8 => self.copy(device, user),
            OutputConversion::Copy16 => self.copy::<E2>(elements(device), elements_mut(user)),
            OutputConversion::Widen => {
                self.convert::<u8, E2>(device, elements_mut(user), |_, s, d| convert::convert(Widen, s, d));
            }
            OutputConversion::Dequantise8(info) => self.dequantise::<u8>(device, user, info),
            OutputConversion::Dequantise16(info) => self.dequantise::<E2>(elements(device), user, info),
            OutputConversion::PerFeature8(table) => {
                self.convert::<u8, E4>(device, elements_mut(user), |at, s, d| table.convert(at, s, d));
            }
            OutputConversion::PerFeature16(table) => {
                self.convert::<E2, E4>(elements(device), elements_mut(user), |at, s, d| table.convert(at, s, d));
            }
        }
        Ok(())
    }

    fn copy<E: Element>(&self, device: &[E], user: &mut [E]) {
        self.plan.gaps.iter().for_each(|gap| gap.clear(user));
        run::copy_out(&self.plan.pieces, device, user);
    }

    fn dequantise<E: Integer + Element>(&self, device: &[E], user: &mut [u8], info: &QuantInfo) {
        let lane = Dequantise::new(info);
        self.convert(device, elements_mut(user), |_, s, d| convert::convert(lane, s, d));
    }

    #[inline(always)]
    fn convert<D, U>(&self, device: &[D], user: &mut [U], convert: impl Fn(usize, &[D], &mut [U]))
    where
        D: Element,
        U: Copy + Default,
    {
        self.plan.gaps.iter().for_each(|gap| gap.clear(user));
        run::convert_out(&self.plan.pieces, device, user, convert);
    }
}

/// Checks the number and the values of quantisation parameters; gives the one set if all elements have the same.
fn uniform(
    quant: &[QuantInfo],
    features: usize,
    fault: impl Fn(&QuantInfo) -> Option<&'static str>,
) -> Result<Option<QuantInfo>, TransformError> {
    let (Some(first), true) = (quant.first(), quant.len() == 1 || quant.len() == features) else {
        return Err(TransformError::QuantCount { given: quant.len(), features });
    };
    for (index, info) in quant.iter().enumerate() {
        if let Some(why) = fault(info) {
            return Err(TransformError::Quant { index, info: *info, why });
        }
    }
    Ok((quant.len() == 1 || quant.iter().all(|info| info == first)).then_some(*first))
}

fn check_size(side: Side, expected: usize, actual: usize) -> Result<(), FrameSizeError> {
    if expected == actual { Ok(()) } else { Err(FrameSizeError { side, expected, actual }) }
}

/// The bytes as elements of `N` bytes.
fn elements<const N: usize>(bytes: &[u8]) -> &[[u8; N]] {
    bytes.as_chunks().0
}

/// The bytes as elements of `N` bytes, to be written.
fn elements_mut<const N: usize>(bytes: &mut [u8]) -> &mut [[u8; N]] {
    bytes.as_chunks_mut().0
}
