//! Host-side transforms against a model that knows only formulas: where an element comes from, and what its value is.

use hailo_linux::transform::{
    Direction, ElementType, Format, FormatOrder, InputTransform, OutputTransform, QuantInfo, Shape, TransformError,
};

/// A transform to be made.
#[derive(Clone, Debug)]
pub struct Case {
    /// Which way.
    pub direction: Direction,
    /// The user's format.
    pub user: Format,
    /// The device's format.
    pub device: Format,
    /// The parameters.
    pub quant: Vec<QuantInfo>,
}

/// Bytes as the choices of a case, zeros after their end.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    fn byte(&mut self) -> usize {
        self.0.next().copied().unwrap_or(0).into()
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.byte() % all.len()]
    }

    fn number(&mut self) -> f32 {
        f32::from_le_bytes(std::array::from_fn(|_| self.byte() as u8))
    }

    /// Mostly small, sometimes anything.
    fn dimension(&mut self) -> usize {
        match self.byte() {
            0xff => usize::from_le_bytes(std::array::from_fn(|_| self.byte() as u8)),
            0xf0..0xff => 1000 + 8 * self.byte(),
            small => small % 41,
        }
    }

    fn shape(&mut self) -> Shape {
        Shape::new(self.byte() % 6, self.dimension(), self.dimension())
    }
}

/// Makes a transform as the first bytes say and applies it to a frame of the others.
///
/// # Panics
/// If a result differs from the model's, or a buffer of a wrong size is taken.
pub fn run(data: &[u8]) {
    let mut choices = Choices(data.iter());
    let direction = choices.of(&[Direction::Input, Direction::Output]);
    let types = [ElementType::U8, ElementType::U16, ElementType::F32];
    let (user_order, device_order) = (choices.of(FormatOrder::ALL), choices.of(FormatOrder::ALL));
    let (user_kind, device_kind) = (choices.of(&types), choices.of(&types));
    let user_shape = choices.shape();
    let device_shape = match choices.byte() % 4 {
        0 => user_shape,
        1 => Shape::new(user_shape.width, user_shape.height, user_shape.features),
        2 => choices.shape(),
        _ => Shape {
            width: user_shape.width.saturating_add(choices.byte() % 9),
            features: user_shape.features.saturating_add(choices.byte() % 9),
            ..user_shape
        },
    };
    let transposed = choices.byte() & 1 == 1;
    let quant = match choices.byte() % 4 {
        0 => vec![QuantInfo::IDENTITY],
        1 => vec![QuantInfo {
            zero_point: choices.number(),
            scale: choices.number(),
            min: choices.number(),
            max: choices.number(),
        }],
        2 => vec![QuantInfo::covering(device_kind, choices.byte() as f32 / 2.0, choices.byte() as f32 / 64.0)],
        _ => (0..user_shape.features.min(4000))
            .map(|i| QuantInfo { scale: 0.25 * (i + 1) as f32, ..QuantInfo::IDENTITY })
            .collect(),
    };
    let user = Format::new(user_order, user_kind, user_shape).with_transposed(transposed);
    let device = Format::new(device_order, device_kind, device_shape);
    // What has been read has chosen the transform; all of it is the frame.
    let _ = check(&Case { direction, user, device, quant }, data);
}

/// Frames larger than this are not made.
const MOST: usize = 1 << 17;

/// Makes the transform, applies it to a frame of the bytes (repeated), and compares with the model.
///
/// # Errors
/// If the transform is refused.
///
/// # Panics
/// If the result differs from the model's, or a buffer of a wrong size is taken.
pub fn check(case: &Case, bytes: &[u8]) -> Result<(), TransformError> {
    let Case { direction, user, device, quant } = case;
    match direction {
        Direction::Input => {
            let transform = InputTransform::new(*user, *device, quant)?;
            compare(case, bytes, transform.user_size(), transform.device_size(), |src, dst| transform.apply(src, dst));
        }
        Direction::Output => {
            let transform = OutputTransform::new(*user, *device, quant)?;
            compare(case, bytes, transform.device_size(), transform.user_size(), |src, dst| transform.apply(src, dst));
        }
    }
    Ok(())
}

fn compare<E: std::fmt::Debug>(
    case: &Case,
    bytes: &[u8],
    from: usize,
    to: usize,
    apply: impl Fn(&[u8], &mut [u8]) -> Result<(), E>,
) {
    if from > MOST || to > MOST {
        return;
    }
    let src: Vec<u8> = bytes.iter().chain(&[0x3f]).copied().cycle().take(from).collect();
    let mut dst = vec![0xa5; to];
    apply(&src[..from - 1], &mut dst).expect_err("a source that is too short");
    apply(&src, &mut dst[1..]).expect_err("a destination that is too short");
    apply(&src, &mut vec![0; to + 1]).expect_err("a destination that is too long");
    assert!(dst.iter().all(|byte| *byte == 0xa5), "a refused frame leaves the destination alone");
    apply(&src, &mut dst).expect("buffers of the sizes stated");
    let expected = expected(case, &src, to);
    let differing = dst.iter().zip(&expected).position(|(a, e)| a != e);
    assert_eq!(differing, None, "{case:?}: {dst:?} instead of {expected:?}");
}

/// The frame that the formulas give for an accepted case.
fn expected(case: &Case, src: &[u8], length: usize) -> Vec<u8> {
    let (from, to) = match case.direction {
        Direction::Input => (case.user.kind, case.device.kind),
        Direction::Output => (case.device.kind, case.user.kind),
    };
    let mut out = Vec::with_capacity(length);
    for (i, source) in origins(case).into_iter().enumerate() {
        match source {
            None => out.extend(std::iter::repeat_n(0, to.size())),
            Some(at) => {
                let element = &src[at * from.size()..][..from.size()];
                out.extend(value(case, i, element, from, to));
            }
        }
    }
    assert!(out.len() <= length && length - out.len() < 8);
    out.resize(length, 0);
    out
}

/// An element converted; `at` is its number in the destination.
fn value(case: &Case, at: usize, element: &[u8], from: ElementType, to: ElementType) -> Vec<u8> {
    let integer = match *element {
        [a] => u32::from(a),
        [a, b] => u32::from(u16::from_le_bytes([a, b])),
        _ => 0,
    };
    match (from, to) {
        (ElementType::F32, _) => {
            let number = f32::from_le_bytes(element.try_into().expect("four bytes"));
            quantised(&case.quant[0], number).to_le_bytes()[..to.size()].to_vec()
        }
        (_, ElementType::F32) => {
            let info = if case.user.order == FormatOrder::Nhw {
                QuantInfo::IDENTITY
            } else if case.quant.len() == 1 {
                case.quant[0]
            } else {
                case.quant[feature(case, at)]
            };
            ((integer as f32 - info.zero_point) * info.scale).to_le_bytes().to_vec()
        }
        _ => integer.to_le_bytes()[..to.size()].to_vec(),
    }
}

/// The low bits of the integer that stands for a number.
fn quantised(info: &QuantInfo, number: f32) -> u32 {
    let quotient = if info.is_identity() {
        number
    } else {
        let number = if number.is_nan() { info.min } else { number.clamp(info.min, info.max) };
        number / info.scale + info.zero_point
    };
    let integer = quotient.round_ties_even();
    if integer.abs() < 4_194_304.0 { integer as i32 as u32 } else { 0 }
}

/// To which feature element `at` of the user's frame belongs.
fn feature(case: &Case, at: usize) -> usize {
    let Shape { height, width, features } = case.user.shape;
    match case.user.order {
        FormatOrder::Nchw => at / (height * width),
        FormatOrder::Nhcw => at / width % features,
        _ => at % features,
    }
}

/// For each element of the destination the number of the source's element that it comes from.
fn origins(case: &Case) -> Vec<Option<usize>> {
    use FormatOrder as O;
    let Case { direction, user, device, quant: _ } = case;
    let input = *direction == Direction::Input;
    let (u, d) = (user.shape, device.shape);
    let pitch = (u.width * u.features).next_multiple_of(if user.order == O::Rgb4 { 4 } else { 1 });
    let user_len = u.height * pitch;
    let device_pitch = (d.width * d.features).next_multiple_of(if device.order == O::Rgb4 { 4 } else { 1 });
    let mut out = vec![None; if input { d.height * device_pitch } else { user_len }];
    let mut put = |user_at: usize, device_at: usize| {
        if input {
            // Numbers are quantised only as far as a frame without padded rows would reach.
            if user.kind != ElementType::F32 || user_at < u.height * u.width * u.features {
                out[device_at] = Some(user_at);
            }
        } else {
            out[user_at] = Some(device_at);
        }
    };
    if user.order == device.order && u == d && !user.transposed {
        (0..user_len).for_each(|i| put(i, i));
        return out;
    }
    // In the device's orientation.
    let (height, width) = if user.transposed { (u.width, u.height) } else { (u.height, u.width) };
    match (user.order, device.order) {
        (O::Nhwc | O::Rgb4, O::Nhwc) | (O::BayerRgb, O::BayerRgb) | (O::BayerRgb12Bit, O::BayerRgb12Bit) if input => {
            for y in 0..height {
                if user.transposed {
                    for (x, c) in (0..width).flat_map(|x| (0..u.features).map(move |c| (x, c))) {
                        put((x * u.width + y) * u.features + c, y * d.width * d.features + x * u.features + c);
                    }
                } else {
                    for i in 0..pitch.min(d.width * d.features) {
                        put(y * pitch + i, y * d.width * d.features + i);
                    }
                }
            }
        }
        (O::Nc, O::Nc) => (0..u.features).for_each(|i| put(i, i)),
        (O::Yuy2, O::Yuy2) => (0..user_len).for_each(|i| put(i, i)),
        (O::Nhw | O::Nchw, O::Nhw) => {
            (0..height).for_each(|y| (0..width).for_each(|x| put(y * width + x, y * d.width + x)));
        }
        (O::Nv12 | O::Nv21 | O::I420, _) => {
            let groups = height * u.features / 3;
            let halves = if user.order == O::I420 { 2 } else { 1 };
            let (part, full_part) = (width / halves, d.width / halves);
            let group = 2 * d.width + halves * full_part;
            for (g, x) in (0..groups).flat_map(|g| (0..width).map(move |x| (g, x))) {
                put(2 * g * width + x, g * group + x);
                put((2 * g + 1) * width + x, g * group + d.width + x);
                for half in (0..halves).filter(|_| x < part) {
                    let plane = 2 * groups * width + half * groups * part;
                    put(plane + g * part + x, g * group + 2 * d.width + half * full_part + x);
                }
            }
        }
        _ => {
            for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                for c in 0..u.features {
                    let (row, column) = if user.transposed { (x, y) } else { (y, x) };
                    let user_at = match user.order {
                        O::Nhcw => (row * u.features + c) * u.width + column,
                        O::Nchw => (c * u.height + row) * u.width + column,
                        _ => row * pitch + column * u.features + c,
                    };
                    let device_at = match device.order {
                        O::Nhcw => (y * d.features + c) * d.width + x,
                        O::F8cr => y * d.width * d.features + (c / 8 * d.width + x) * 8 + c % 8,
                        _ => (y * d.width + x) * d.features + c,
                    };
                    put(user_at, device_at);
                }
            }
        }
    }
    out
}
