//! Which transforms there are, and what each moves where.

use super::error::{Direction, Side, TransformError};
use super::format::{ElementType, Format, FormatOrder, Shape};
use super::layout::{Axis, Extent, Gap, Piece, economical, gaps};

/// Transfers are of whole words of this many bytes.
const TRANSFER_ALIGNMENT: usize = 8;

/// Rows of [`FormatOrder::Rgb4`] are of a multiple of this many elements.
const RGB4_ALIGNMENT: usize = 4;

/// How many features a group of [`FormatOrder::F8cr`] has.
const F8CR_GROUP: usize = 8;

/// What a transform moves. Both sides are counted in elements of their own types.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Elements of a user's frame.
    pub(super) user_len: usize,
    /// Elements of a device's frame, without the padding to whole words.
    pub(super) device_len: usize,
    /// Bytes of a device's frame, with it.
    pub(super) device_size: usize,
    /// What is moved.
    pub(super) pieces: Vec<Piece>,
    /// What is cleared in the destination.
    pub(super) gaps: Vec<Gap>,
    /// Whether `f32` stands for integers as they are (see [`FormatOrder::Nhw`]).
    pub(super) indices: bool,
    /// User's elements of one feature that follow each other; 1 if features alternate, 0 if they have no fixed place.
    pub(super) feature_run: usize,
    /// User's elements from this number on count as zero when quantised.
    pub(super) quantised_len: usize,
}

/// How a user's frame is laid out.
struct UserLayout {
    /// From row to row, pixel to pixel, feature to feature, in the device's orientation.
    row: usize,
    pixel: usize,
    feature: usize,
}

/// The pair of orders of a transform that is not a plain copy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Rows are copied whole and padded at their end.
    Rows,
    /// Pixels are moved one by one to a device's order with a place for each feature.
    Pixels,
    /// One row of one pixel counts.
    Vector,
    /// One element per pixel.
    Indices,
    /// Everything is copied to the beginning.
    Stream,
    /// Two rows of Y, one of U and V.
    SemiPlanar,
    /// Two rows of Y, half a row of U, half a row of V.
    Planar,
}

/// How frames of these two orders are moved when their shapes differ; `None` if they are not.
fn kind(direction: Direction, user: FormatOrder, device: FormatOrder) -> Option<Kind> {
    use FormatOrder as O;
    Some(match (direction, user, device) {
        (Direction::Input, O::Nhwc | O::Rgb4, O::Nhwc)
        | (Direction::Input, O::BayerRgb, O::BayerRgb)
        | (Direction::Input, O::BayerRgb12Bit, O::BayerRgb12Bit) => Kind::Rows,
        (Direction::Output, O::Nhwc, O::Nhwc)
        | (Direction::Output, O::BayerRgb, O::BayerRgb)
        | (_, O::Nhwc, O::Nhcw | O::Fcr | O::F8cr)
        | (_, O::Fcr, O::Fcr)
        | (_, O::F8cr, O::F8cr)
        | (_, O::Nchw, O::Nhcw)
        | (Direction::Input, O::Rgb4 | O::Nhcw, O::Nhcw) => Kind::Pixels,
        (_, O::Nc, O::Nc) => Kind::Vector,
        (Direction::Output, O::Nhw | O::Nchw, O::Nhw) => Kind::Indices,
        (Direction::Input, O::Yuy2, O::Yuy2) => Kind::Stream,
        (Direction::Input, O::Nv12, O::Yyuv) | (Direction::Input, O::Nv21, O::Yyvu) => Kind::SemiPlanar,
        (Direction::Input, O::I420, O::Yyyyuv) => Kind::Planar,
        _ => return None,
    })
}

/// Whether frames of an order that both sides share pass unchanged when their shapes are equal.
fn can_pass(order: FormatOrder) -> bool {
    !matches!(order, FormatOrder::Nms | FormatOrder::NmsOnChip)
}

/// Whether there is a transform between these orders.
pub(super) fn orders_supported(direction: Direction, user: FormatOrder, device: FormatOrder) -> bool {
    (user == device && can_pass(user)) || kind(direction, user, device).is_some()
}

/// Whether there is a conversion between these types.
pub(super) fn types_supported(direction: Direction, user: ElementType, device: ElementType) -> bool {
    use ElementType::{F32, U8, U16};
    match (user, device) {
        (U8, U8) | (U16, U16) | (F32, U8 | U16) => true,
        (U16, U8) => direction == Direction::Output,
        _ => false,
    }
}

/// Elements of a frame: rows of [`FormatOrder::Rgb4`] are padded.
fn frame_len(order: FormatOrder, shape: Shape) -> Option<usize> {
    if order != FormatOrder::Rgb4 {
        return shape.elements();
    }
    let row = shape.width.checked_mul(shape.features)?.checked_next_multiple_of(RGB4_ALIGNMENT)?;
    shape.height.checked_mul(row)
}

/// Elements and bytes of a frame; the device's is of whole words.
fn frame_size(side: Side, format: Format) -> Result<(usize, usize), TransformError> {
    let alignment = match side {
        Side::User => 1,
        Side::Device => TRANSFER_ALIGNMENT,
    };
    frame_len(format.order, format.shape)
        .and_then(|len| Some((len, len.checked_mul(format.kind.size())?.checked_next_multiple_of(alignment)?)))
        .filter(|(_, size)| isize::try_from(*size).is_ok())
        .ok_or(TransformError::TooLarge { side, format })
}

impl Plan {
    /// Checks the two formats against each other and lays out what is to be moved.
    pub(super) fn new(direction: Direction, user: Format, device: Format) -> Result<Self, TransformError> {
        if !orders_supported(direction, user.order, device.order) {
            return Err(TransformError::Orders { direction, user: user.order, device: device.order });
        }
        if !types_supported(direction, user.kind, device.kind) {
            return Err(TransformError::Types { direction, user: user.kind, device: device.kind });
        }
        for (side, shape) in [(Side::User, user.shape), (Side::Device, device.shape)] {
            if shape.height == 0 || shape.width == 0 || shape.features == 0 {
                return Err(TransformError::Empty { side, shape });
            }
        }
        if device.transposed {
            return Err(TransformError::Transposed { side: Side::Device, order: device.order });
        }
        let (user_len, _) = frame_size(Side::User, user)?;
        let (device_len, device_size) = frame_size(Side::Device, device)?;
        let mut plan = Self {
            user_len,
            device_len,
            device_size,
            pieces: Vec::new(),
            gaps: Vec::new(),
            indices: direction == Direction::Output && user.order == FormatOrder::Nhw,
            feature_run: feature_run(user, device),
            quantised_len: user.shape.elements().unwrap_or(user_len),
        };
        if user.order == device.order && user.shape == device.shape && !user.transposed {
            plan.pieces.push(Piece::new(0, 0, &[Axis::new(user_len, 1, 1)]));
            return Ok(plan);
        }
        let refuse = |why| Err(TransformError::Shapes { direction, user, device, why });
        let kind = kind(direction, user.order, device.order);
        let transposable = match kind {
            Some(Kind::Rows) => user.order == FormatOrder::Nhwc,
            Some(Kind::Pixels) => user.order != FormatOrder::Rgb4,
            _ => false,
        };
        if user.transposed && !transposable {
            return Err(TransformError::Transposed { side: Side::User, order: user.order });
        }
        let Some(kind) = kind else {
            return refuse("frames of this order pass only unchanged, with equal shapes");
        };
        let shape = if user.transposed {
            Shape { height: user.shape.width, width: user.shape.height, ..user.shape }
        } else {
            user.shape
        };
        if shape.height > device.shape.height
            || shape.width > device.shape.width
            || shape.features > device.shape.features
        {
            return refuse("the user's shape exceeds the device's");
        }
        if device.order == FormatOrder::F8cr && !device.shape.features.is_multiple_of(F8CR_GROUP) {
            return refuse("the device's features must be a multiple of eight for this order");
        }
        match kind {
            Kind::Rows if user.transposed => plan.transposed_rows(user, shape, device.shape),
            Kind::Rows => plan.rows(user, device.shape),
            Kind::Pixels => plan.pixels(direction, user, shape, device),
            Kind::Vector => plan.vector(direction, shape.features, device.shape.features),
            Kind::Indices if user.order == FormatOrder::Nchw && shape.features > 1 => {
                return refuse("one element per pixel cannot become several features");
            }
            Kind::Indices => plan.index_rows(shape, device.shape),
            Kind::Stream => plan.stream(),
            Kind::SemiPlanar => plan.semi_planar(shape, device.shape),
            Kind::Planar => plan.planar(shape, device.shape),
        }
        let len = match direction {
            Direction::Input => plan.device_len,
            Direction::Output => plan.user_len,
        };
        plan.gaps = economical(plan.gaps, len);
        Ok(plan)
    }

    /// The user's row with whatever padding it has, then zeros.
    fn rows(&mut self, user: Format, device: Shape) {
        let pitch = self.user_len / user.shape.height;
        let all = device.width * device.features;
        let used = pitch.min(all);
        self.pieces.push(Piece::new(0, 0, &[Axis::new(user.shape.height, pitch, all), Axis::new(used, 1, 1)]));
        gaps(0, &[Extent::new(device.height, user.shape.height), Extent::new(all, used)], &[], &mut self.gaps);
    }

    /// As [`rows`](Self::rows), each row gathered from a column of the user's.
    fn transposed_rows(&mut self, user: Format, shape: Shape, device: Shape) {
        let layout = user_layout(user);
        let all = device.width * device.features;
        let axes = [
            Axis::new(shape.width, layout.pixel, shape.features),
            Axis::new(shape.height, layout.row, all),
            Axis::new(shape.features, 1, 1),
        ];
        self.pieces.push(Piece::new(0, 0, &axes));
        let used = shape.width * shape.features;
        gaps(0, &[Extent::new(device.height, shape.height), Extent::new(all, used)], &[], &mut self.gaps);
    }

    /// Pixel by pixel, feature by feature.
    fn pixels(&mut self, direction: Direction, user: Format, shape: Shape, device: Format) {
        let layout = user_layout(user);
        let Shape { height, width, features } = shape;
        let full = device.shape;
        let row = full.width * full.features;
        let rows = Extent::new(full.height, height);
        let columns = Extent::new(full.width, width);
        let channels = Extent::new(full.features, features);
        match device.order {
            FormatOrder::F8cr => {
                let group = full.width * F8CR_GROUP;
                let axes = [Axis::new(height, layout.row, row), Axis::new(width, layout.pixel, F8CR_GROUP)];
                self.pieces = Piece::grouped(&user_major(axes), features, group);
                let groups = features / F8CR_GROUP;
                let lanes = |used| [columns, Extent::new(F8CR_GROUP, used)];
                let per_row = [(height, row), (groups, group)];
                gaps(0, &[rows, Extent::new(row, row)], &[], &mut self.gaps);
                gaps(0, &lanes(F8CR_GROUP), &per_row, &mut self.gaps);
                let rest = features % F8CR_GROUP;
                if rest > 0 {
                    gaps(groups * group, &lanes(rest), &per_row[..1], &mut self.gaps);
                }
                let begun = features.div_ceil(F8CR_GROUP) * group;
                gaps(0, &[Extent::new(row, begun)], &per_row[..1], &mut self.gaps);
            }
            FormatOrder::Nhcw => {
                let axes = [
                    Axis::new(height, layout.row, row),
                    Axis::new(width, layout.pixel, 1),
                    Axis::new(features, layout.feature, full.width),
                ];
                self.pieces.push(Piece::new(0, 0, &user_major(axes)));
                gaps(0, &[rows, channels, columns], &[], &mut self.gaps);
            }
            _ => {
                let axes = [
                    Axis::new(height, layout.row, row),
                    Axis::new(width, layout.pixel, full.features),
                    Axis::new(features, layout.feature, 1),
                ];
                self.pieces.push(Piece::new(0, 0, &user_major(axes)));
                gaps(0, &[rows, columns, channels], &[], &mut self.gaps);
            }
        }
        if direction == Direction::Output {
            self.gaps.clear();
        }
    }

    /// The features of the first pixel.
    fn vector(&mut self, direction: Direction, user: usize, device: usize) {
        self.pieces.push(Piece::new(0, 0, &[Axis::new(user.min(device), 1, 1)]));
        self.clear_from(direction, user.min(device));
    }

    /// One element per pixel, rows of the device's width.
    fn index_rows(&mut self, shape: Shape, device: Shape) {
        let axes = [Axis::new(shape.height, shape.width, device.width), Axis::new(shape.width, 1, 1)];
        self.pieces.push(Piece::new(0, 0, &axes));
        self.clear_from(Direction::Output, shape.height * shape.width);
    }

    /// Everything, to the beginning.
    fn stream(&mut self) {
        self.pieces.push(Piece::new(0, 0, &[Axis::new(self.user_len, 1, 1)]));
        self.clear_from(Direction::Input, self.user_len);
    }

    /// Two rows of Y and one of U and V alternate on the device.
    fn semi_planar(&mut self, user: Shape, device: Shape) {
        let groups = user.height * user.features / 3;
        let (width, full) = (user.width, device.width);
        let luma = [Axis::new(groups, 2 * width, 3 * full), Axis::new(2, width, full), Axis::new(width, 1, 1)];
        let chroma = [Axis::new(groups, width, 3 * full), Axis::new(width, 1, 1)];
        if groups > 0 {
            self.pieces.push(Piece::new(0, 0, &luma));
            self.pieces.push(Piece::new(groups * 2 * width, 2 * full, &chroma));
            gaps(0, &[Extent::new(full, width)], &[(3 * groups, full)], &mut self.gaps);
        }
        self.clear_from(Direction::Input, groups * 3 * full);
    }

    /// Two rows of Y, half a row of U and half a row of V alternate on the device.
    fn planar(&mut self, user: Shape, device: Shape) {
        let groups = user.height * user.features / 3;
        let (width, full) = (user.width, device.width);
        let (half, full_half) = (width / 2, full / 2);
        let pitch = 2 * full + 2 * full_half;
        let luma = [Axis::new(groups, 2 * width, pitch), Axis::new(2, width, full), Axis::new(width, 1, 1)];
        let chroma = [Axis::new(groups, half, pitch), Axis::new(half, 1, 1)];
        if groups > 0 {
            self.pieces.push(Piece::new(0, 0, &luma));
            gaps(0, &[Extent::new(full, width)], &[(groups, pitch), (2, full)], &mut self.gaps);
        }
        if groups > 0 && half > 0 {
            let u = groups * 2 * width;
            self.pieces.push(Piece::new(u, 2 * full, &chroma));
            self.pieces.push(Piece::new(u + groups * half, 2 * full + full_half, &chroma));
        }
        if groups > 0 {
            let repeats = [(groups, pitch), (2, full_half)];
            gaps(2 * full, &[Extent::new(full_half, half)], &repeats, &mut self.gaps);
        }
        self.clear_from(Direction::Input, groups * pitch);
    }

    /// Clears the destination from an element on.
    fn clear_from(&mut self, direction: Direction, used: usize) {
        let all = match direction {
            Direction::Input => self.device_len,
            Direction::Output => self.user_len,
        };
        gaps(0, &[Extent::new(all, used.min(all))], &[], &mut self.gaps);
    }
}

/// How a user's frame is laid out, in the device's orientation.
fn user_layout(user: Format) -> UserLayout {
    let Shape { height, width, features } = user.shape;
    let (row, pixel, feature) = match user.order {
        FormatOrder::Nhcw => (width * features, 1, width),
        FormatOrder::Nchw => (width, 1, height * width),
        FormatOrder::Rgb4 => ((width * features).next_multiple_of(RGB4_ALIGNMENT), features, 1),
        _ => (width * features, features, 1),
    };
    let (row, pixel) = if user.transposed { (pixel, row) } else { (row, pixel) };
    UserLayout { row, pixel, feature }
}

/// The same loops, those of longer steps on the user's side first.
fn user_major<const N: usize>(mut axes: [Axis; N]) -> [Axis; N] {
    axes.sort_by_key(|axis| std::cmp::Reverse(axis.user));
    axes
}

/// See [`Plan::feature_run`].
fn feature_run(user: Format, device: Format) -> usize {
    use FormatOrder as O;
    let Shape { height, width, features } = user.shape;
    match user.order {
        O::Nhwc | O::Fcr | O::Nc | O::Rgb888 | O::BayerRgb | O::BayerRgb12Bit => 1,
        // Unchanged, it is grouped; else it is NHWC.
        O::F8cr if user.shape != device.shape || features <= F8CR_GROUP => 1,
        O::Nhcw => width,
        O::Nchw => height * width,
        _ => 0,
    }
}
