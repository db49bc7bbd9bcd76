//! How much work the host-side transforms are.
//!
//! Besides the compiler, the instruction set that it may use counts (`RUSTFLAGS="-C target-cpu=x86-64-v3"`).

use std::hint::black_box;

use hailo_linux::transform::{ElementType, Format, FormatOrder, InputTransform, OutputTransform, QuantInfo, Shape};

use crate::Case;

use ElementType::{F32, U8, U16};
use FormatOrder::{F8cr, Fcr, I420, Nc, Nchw, Nhcw, Nhwc, Nv12, Rgb4, Yyuv, Yyyyuv};

/// Bytes that no branch can predict.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// A frame of the format: any integers, or numbers from -1 to 1.
fn frame(format: Format, size: usize) -> Vec<u8> {
    let bytes = noise(size);
    if format.kind != F32 {
        return bytes;
    }
    bytes.chunks(4).flat_map(|b| ((f32::from(b[0]) - 128.0) / 128.0).to_le_bytes()).collect()
}

const QUANT: QuantInfo = QuantInfo { zero_point: 127.0, scale: 1.0 / 127.0, min: -1.0, max: 1.0 };

fn name(direction: &str, from: Format, to: Format, note: &str) -> String {
    let orders = format!("{} to {}", from.order, to.order);
    let types = format!("{} to {}", from.kind, to.kind).to_lowercase();
    format!("{direction} {orders} {types} {} {note}", from.shape).trim_end().to_owned()
}

fn input(user: Format, device: Format, quant: QuantInfo, note: &str) -> Case {
    let transform = InputTransform::new(user, device, &[quant]).expect("a supported transform");
    let units = transform.user_size() / user.kind.size();
    let run = move |count| {
        let src = frame(user, transform.user_size());
        let mut dst = vec![0; transform.device_size()];
        for _ in 0..count {
            transform.apply(black_box(&src), black_box(&mut dst)).expect("buffers of the right size");
        }
    };
    Case { units, ..Case::new(name("input", user, device, note), "element", (1, 3), Box::new(run)) }
}

fn output(device: Format, user: Format, quant: &[QuantInfo], note: &str) -> Case {
    let transform = OutputTransform::new(user, device, quant).expect("a supported transform");
    let units = transform.user_size() / user.kind.size();
    let run = move |count| {
        let src = noise(transform.device_size());
        let mut dst = vec![0; transform.user_size()];
        for _ in 0..count {
            transform.apply(black_box(&src), black_box(&mut dst)).expect("buffers of the right size");
        }
    };
    Case { units, ..Case::new(name("output", device, user, note), "element", (1, 3), Box::new(run)) }
}

pub(crate) fn cases() -> Vec<Case> {
    let image = Shape::new(224, 224, 3);
    let narrow = Shape::new(224, 222, 3);
    let deep = Shape::new(56, 56, 64);
    let ragged = Shape::new(56, 56, 60);
    let yuv = Shape::new(112, 224, 3);
    let wide = QuantInfo { max: 65408.0 / 127.0, ..QUANT };
    let each: Vec<_> =
        (0..64_u8).map(|i| QuantInfo { scale: f32::from(i + 1) / 127.0, ..QuantInfo::IDENTITY }).collect();
    let f = Format::new;
    vec![
        input(f(Nhwc, F32, image), f(Nhwc, U8, image), QUANT, "quantise"),
        input(f(Nhwc, F32, image), f(Nhwc, U16, image), wide, "quantise"),
        input(f(Nhwc, F32, image), f(Nhwc, U16, image), QUANT, "quantise, limits"),
        input(f(Nhwc, F32, image), f(Nhwc, U8, image), QuantInfo::IDENTITY, "round"),
        input(f(Nhwc, F32, image), f(Nhwc, U16, image), QuantInfo::IDENTITY, "round"),
        output(f(Nhwc, U8, image), f(Nhwc, F32, image), &[QUANT], "dequantise"),
        output(f(Nhwc, U16, image), f(Nhwc, F32, image), &[QUANT], "dequantise"),
        output(f(Nhwc, U8, deep), f(Nhwc, F32, deep), &each, "per feature"),
        output(f(Nhwc, U8, image), f(Nhwc, F32, image), &each[..3], "per feature"),
        output(f(Nchw, U16, deep), f(Nchw, F32, deep), &each, "per feature"),
        output(f(Nc, U8, Shape::new(1, 1, 512)), f(Nc, F32, Shape::new(1, 1, 512)), &[QUANT], "dequantise"),
        output(f(Nhwc, U8, image), f(Nhwc, U16, image), &[], "widen"),
        input(f(Nhwc, U8, image), f(Nhwc, U8, image), QUANT, "as it is"),
        input(f(Nhwc, U8, narrow), f(Nhwc, U8, image), QUANT, "padded"),
        input(f(Rgb4, U8, narrow), f(Nhwc, U8, image), QUANT, "padded"),
        input(f(Nhwc, U8, image), f(Nhcw, U8, image), QUANT, ""),
        input(f(Nhwc, F32, image), f(Nhcw, U8, image), QUANT, "quantise"),
        input(f(Nhwc, U8, deep), f(Nhcw, U8, deep), QUANT, ""),
        input(f(Nhwc, F32, deep), f(Nhcw, U8, deep), QUANT, "quantise"),
        input(f(Nchw, U8, image), f(Nhcw, U8, image), QUANT, ""),
        input(f(Nhwc, U8, image), f(Fcr, U8, Shape::new(224, 224, 8)), QUANT, "padded"),
        input(f(Nhwc, F32, image), f(Fcr, U8, Shape::new(224, 224, 8)), QUANT, "padded, quantise"),
        input(f(Nhwc, U8, deep), f(F8cr, U8, deep), QUANT, ""),
        input(f(Nhwc, U8, ragged), f(F8cr, U8, deep), QUANT, "padded"),
        input(f(Nv12, U8, yuv), f(Yyuv, U8, yuv), QUANT, ""),
        input(f(I420, U8, yuv), f(Yyyyuv, U8, yuv), QUANT, ""),
        output(f(Nhcw, U8, deep), f(Nhwc, U8, deep), &[QUANT], ""),
        output(f(Nhcw, U8, deep), f(Nhwc, F32, deep), &[QUANT], "dequantise"),
        output(f(Nhcw, U8, image), f(Nhwc, U8, image), &[QUANT], ""),
        output(f(Nhcw, U8, image), f(Nhwc, F32, image), &[QUANT], "dequantise"),
        output(f(Fcr, U8, Shape::new(224, 224, 8)), f(Nhwc, F32, image), &[QUANT], "padded, dequantise"),
        output(f(F8cr, U8, deep), f(Nhwc, U8, deep), &[QUANT], ""),
        output(f(F8cr, U8, deep), f(Nhwc, F32, deep), &[QUANT], "dequantise"),
        output(f(Nhcw, U8, deep), f(Nchw, F32, deep), &[QUANT], "dequantise"),
    ]
}
