//! How much work the host-side transforms are: nanoseconds and, where valgrind is installed, instructions per element.
//!
//!     cargo bench -p hailo-linux --bench transforms [-- PART-OF-A-NAME…]
//!
//! Instructions are counted by callgrind, in a process of its own for each case, from the beginning to the end of one
//! call of `apply`. They do not depend on what else the machine does, but on the compiler and on the instruction set
//! that it may use (`RUSTFLAGS="-C target-cpu=x86-64-v3"`).

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use hailo_linux::transform::{ElementType, Format, FormatOrder, InputTransform, OutputTransform, QuantInfo, Shape};

use ElementType::{F32, U8, U16};
use FormatOrder::{F8cr, Fcr, I420, Nc, Nchw, Nhcw, Nhwc, Nv12, Rgb4, Yyuv, Yyyyuv};

/// A transform with the buffers that it works on.
enum Work {
    Input(InputTransform, Vec<u8>, Vec<u8>),
    Output(OutputTransform, Vec<u8>, Vec<u8>),
}

struct Case {
    name: String,
    elements: usize,
    work: Work,
}

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
    format!("{direction:6} {orders:20} {types:18} {:>11} {note}", from.shape.to_string())
}

fn input(user: Format, device: Format, quant: QuantInfo, note: &str) -> Case {
    let transform = InputTransform::new(user, device, &[quant]).expect("a supported transform");
    let src = frame(user, transform.user_size());
    let dst = vec![0; transform.device_size()];
    Case {
        name: name("input", user, device, note),
        elements: transform.user_size() / user.kind.size(),
        work: Work::Input(transform, src, dst),
    }
}

fn output(device: Format, user: Format, quant: &[QuantInfo], note: &str) -> Case {
    let transform = OutputTransform::new(user, device, quant).expect("a supported transform");
    let src = noise(transform.device_size());
    let dst = vec![0; transform.user_size()];
    Case {
        name: name("output", device, user, note),
        elements: transform.user_size() / user.kind.size(),
        work: Work::Output(transform, src, dst),
    }
}

fn cases() -> Vec<Case> {
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

/// What is measured. It has a name that callgrind can be told to count from and to.
#[inline(never)]
fn measured_frame(work: &mut Work) {
    let done = match work {
        Work::Input(transform, src, dst) => transform.apply(black_box(src), black_box(dst)),
        Work::Output(transform, src, dst) => transform.apply(black_box(src), black_box(dst)),
    };
    done.expect("buffers of the right size");
}

/// The shortest of many runs.
fn time(work: &mut Work) -> Duration {
    let mut best = Duration::MAX;
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(60) {
        let start = Instant::now();
        measured_frame(work);
        best = best.min(start.elapsed());
    }
    best
}

/// Instructions of one frame, counted by callgrind; `None` without valgrind.
fn instructions(case: usize) -> Option<u64> {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*measured_frame*"])
        .arg(std::env::current_exe().ok()?)
        .args(["--measure", &case.to_string()])
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&run.stderr);
    let (_, count) = report.lines().find_map(|line| line.split_once("Collected :"))?;
    count.trim().parse().ok()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let mut cases = cases();
    if let [flag, case] = arguments.as_slice()
        && flag == "--measure"
    {
        let case: usize = case.parse().expect("the number of a case");
        measured_frame(&mut cases[case].work);
        return;
    }
    println!("{:80} {:>10} {:>13}", "transform", "ns/element", "instr/element");
    for (i, case) in cases.iter_mut().enumerate() {
        if !arguments.is_empty() && !arguments.iter().any(|part| case.name.contains(part)) {
            continue;
        }
        let per_element = |total: f64| total / case.elements as f64;
        let nanoseconds = per_element(time(&mut case.work).as_secs_f64() * 1e9);
        let counted = instructions(i).map_or("-".to_owned(), |n| format!("{:.2}", per_element(n as f64)));
        println!("{:80} {nanoseconds:10.3} {counted:>13}", case.name);
    }
}
