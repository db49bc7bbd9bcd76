//! Conversion of runs of elements, in a form that compilers turn into vector instructions.
//!
//! Everything here is exact: results equal those of the plain formula, element by element. The formula of quantising
//! is `round(clamp(x) / scale + zero_point)`, halves to the even integer; that of dequantising
//! `(q - zero_point) * scale`. How it comes to few instructions:
//!
//! * Limits are applied after the division. It grows with its argument, so that this gives the same result, and the
//!   upper limit is then a comparison of small integers.
//! * A number below 2^22 is rounded by adding 1.5 * 2^23: what is left of its fraction is rounded by the adder as the
//!   standard says, and the low bits of the sum are the integer. No rounding instruction is needed, which the baseline
//!   of x86-64 does not have.
//! * Narrowing is written as a clamp to the target's range, which is what packing instructions do.

use super::quant::QuantInfo;

/// 1.5 * 2^23: added to a number of less than 2^22, it leaves the number, rounded, in the low bits of the sum.
const ROUNDER: f32 = 12_582_912.0;

/// An element of two bytes.
pub(super) type E2 = [u8; 2];
/// An element of four bytes.
pub(super) type E4 = [u8; 4];

/// Numbers of this size and beyond are not rounded right by [`ROUNDER`].
const ROUNDED: f32 = 4_194_304.0;

/// A conversion of one element that does not depend on its neighbours.
pub(super) trait Lane: Copy {
    /// What it takes.
    type From: Copy;
    /// What it gives.
    type To: Copy;

    /// Converts one.
    fn one(self, x: Self::From) -> Self::To;
}

/// The array of what `$f` gives for 0 to 15. Written out, since arrays made by closures are not always inlined.
macro_rules! each16 {
    ($f:expr) => {{
        let f = $f;
        [
            f(0),
            f(1),
            f(2),
            f(3),
            f(4),
            f(5),
            f(6),
            f(7), //
            f(8),
            f(9),
            f(10),
            f(11),
            f(12),
            f(13),
            f(14),
            f(15),
        ]
    }};
}

/// Converts 16 elements.
#[inline(always)]
fn block<L: Lane>(lane: L, s: &[L::From; 16], d: &mut [L::To; 16]) {
    *d = each16!(|i: usize| lane.one(s[i]));
}

/// Converts the elements of `src` to as many elements of `dst`; the shorter one counts.
#[inline(never)]
pub(super) fn convert<L: Lane>(lane: L, src: &[L::From], dst: &mut [L::To]) {
    let n = src.len().min(dst.len());
    let (src, dst) = (&src[..n], &mut dst[..n]);
    let (s64, s_rest) = src.as_chunks::<64>();
    let (d64, d_rest) = dst.as_chunks_mut::<64>();
    for (d, s) in d64.iter_mut().zip(s64) {
        let ([s0, s1, s2, s3], [d0, d1, d2, d3]) = (s.as_chunks().0, d.as_chunks_mut().0) else { continue };
        block(lane, s0, d0);
        block(lane, s1, d1);
        block(lane, s2, d2);
        block(lane, s3, d3);
        // Without this, the vectoriser prefers to take one element of each of several blocks at a time, which costs
        // three times as many instructions.
        std::hint::black_box(());
    }
    let (s16, s_rest) = s_rest.as_chunks::<16>();
    let (d16, d_rest) = d_rest.as_chunks_mut::<16>();
    for (d, s) in d16.iter_mut().zip(s16) {
        block(lane, s, d);
        std::hint::black_box(());
    }
    if s_rest.is_empty() {
        return;
    }
    if let (Some(s), true) = (src.last_chunk(), n >= 16) {
        // Some of these are converted a second time, to the same result.
        if let Some(d) = dst.last_chunk_mut() {
            block(lane, s, d);
        }
        return;
    }
    for (d, s) in d_rest.iter_mut().zip(s_rest) {
        *d = lane.one(*s);
    }
}

/// What quantising needs; made by [`Quantising::new`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Quantiser {
    scale: f32,
    zero_point: f32,
    /// The quotients of the limits, within the numbers that can be rounded.
    low: f32,
    high: f32,
    /// The integer of the upper limit, if it fits.
    top: u16,
}

/// How numbers are to be quantised.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quantising {
    /// Rounding only; low bits are taken.
    Identity(Quantiser),
    /// Limits that are those of the integers' type.
    Full(Quantiser),
    /// Limits within the range of integers' type.
    Limited(Quantiser),
    /// Limits that let integers exceed their range: their low bits are taken.
    Wide(Quantiser),
}

impl Quantising {
    /// The way to quantise with `info` to integers of at most `highest`.
    pub(super) fn new(info: &QuantInfo, highest: u16) -> Self {
        let (low, high) = (info.quotient(info.min), info.quotient(info.max));
        let top = high.round_ties_even();
        let quantiser = Quantiser {
            scale: info.scale,
            zero_point: info.zero_point,
            low: low.clamp(-ROUNDED, ROUNDED),
            high: high.clamp(-ROUNDED, ROUNDED),
            top: top as u16,
        };
        if info.is_identity() {
            Self::Identity(Quantiser { low: -ROUNDED, high: ROUNDED, ..quantiser })
        } else if low.round_ties_even() < 0.0 || top > f32::from(highest) {
            Self::Wide(quantiser)
        } else if quantiser.top == highest {
            Self::Full(quantiser)
        } else {
            Self::Limited(quantiser)
        }
    }
}

/// The larger one; `least` if `x` is not a number. In this form it is one instruction.
#[inline(always)]
fn at_least(x: f32, least: f32) -> f32 {
    if x > least { x } else { least }
}

/// The smaller one, see [`at_least`].
#[inline(always)]
fn at_most(x: f32, most: f32) -> f32 {
    if x < most { x } else { most }
}

/// The integer nearest to a number that is not below `-ROUNDED`; if it is above `ROUNDED`, some large integer.
#[inline(always)]
fn rounded(x: f32) -> i32 {
    (x + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i32
}

impl Quantiser {
    #[inline(always)]
    fn quotient(self, x: E4) -> f32 {
        f32::from_le_bytes(x) / self.scale + self.zero_point
    }

    /// The integer of `x`, unless that is above the upper limit: then one that is no less than that limit's.
    #[inline(always)]
    fn integer(self, x: E4) -> i32 {
        rounded(at_least(self.quotient(x), self.low))
    }

    /// The integer of `x`, of which 16 low bits count.
    #[inline(always)]
    fn wide(self, x: E4) -> u32 {
        self.low_bits(self.quotient(x))
    }

    /// The integer nearest to `x` itself, of which 16 low bits count; they are zero beyond what can be rounded.
    #[inline(always)]
    fn identity(self, x: E4) -> u32 {
        self.low_bits(f32::from_le_bytes(x))
    }

    #[inline(always)]
    fn low_bits(self, x: f32) -> u32 {
        // These bits of ROUNDER are zero.
        (at_most(at_least(x, self.low), self.high) + ROUNDER).to_bits()
    }
}

/// Quantises to `u8`; `LIMITED` as in [`Quantising`].
#[derive(Clone, Copy)]
pub(super) struct Quantise8<const LIMITED: bool>(pub(super) Quantiser);

impl<const LIMITED: bool> Lane for Quantise8<LIMITED> {
    type From = E4;
    type To = u8;

    #[inline(always)]
    fn one(self, x: E4) -> u8 {
        let integer = self.0.integer(x).clamp(0, 255) as u8;
        if LIMITED { integer.min(self.0.top as u8) } else { integer }
    }
}

/// Quantises to `u16`, up to any limit.
///
/// Packing to 16 bits is signed on the baseline, and saturates. So the integers are moved to where the upper limit is the
/// highest signed number, packed, and moved back.
#[derive(Clone, Copy)]
pub(super) struct Quantise16 {
    quantiser: Quantiser,
    /// What is added to the bits of a rounded number.
    there: u32,
    back: u16,
}

impl Quantise16 {
    pub(super) fn new(quantiser: Quantiser) -> Self {
        const HIGHEST: u16 = i16::MAX as u16;
        let back = quantiser.top.wrapping_sub(HIGHEST);
        let there = u32::from(HIGHEST).wrapping_sub(quantiser.top.into()).wrapping_sub(ROUNDER.to_bits());
        Self { quantiser, there, back }
    }
}

impl Lane for Quantise16 {
    type From = E4;
    type To = E2;

    #[inline(always)]
    fn one(self, x: E4) -> E2 {
        let x = at_least(self.quantiser.quotient(x), self.quantiser.low);
        let moved = (x + ROUNDER).to_bits().wrapping_add(self.there) as i32;
        let packed = moved.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        (packed as u16).wrapping_add(self.back).to_le_bytes()
    }
}

/// Quantises to `u8` and takes the low bits, see [`Quantising::Wide`].
#[derive(Clone, Copy)]
pub(super) struct Wide8(pub(super) Quantiser);

impl Lane for Wide8 {
    type From = E4;
    type To = u8;

    #[inline(always)]
    fn one(self, x: E4) -> u8 {
        self.0.wide(x) as u8
    }
}

/// Quantises to `u16` and takes the low bits, see [`Quantising::Wide`].
#[derive(Clone, Copy)]
pub(super) struct Wide16(pub(super) Quantiser);

impl Lane for Wide16 {
    type From = E4;
    type To = E2;

    #[inline(always)]
    fn one(self, x: E4) -> E2 {
        (self.0.wide(x) as u16).to_le_bytes()
    }
}

/// Rounds to `u8`, see [`Quantising::Identity`].
#[derive(Clone, Copy)]
pub(super) struct Round8(pub(super) Quantiser);

impl Lane for Round8 {
    type From = E4;
    type To = u8;

    #[inline(always)]
    fn one(self, x: E4) -> u8 {
        self.0.identity(x) as u8
    }
}

/// Rounds to `u16`, see [`Quantising::Identity`].
#[derive(Clone, Copy)]
pub(super) struct Round16(pub(super) Quantiser);

impl Lane for Round16 {
    type From = E4;
    type To = E2;

    #[inline(always)]
    fn one(self, x: E4) -> E2 {
        (self.0.identity(x) as u16).to_le_bytes()
    }
}

/// An integer of the device as `f32`.
pub(super) trait Integer: Copy + Default {
    /// Its value.
    fn value(self) -> f32;
}

impl Integer for u8 {
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from(self)
    }
}

impl Integer for E2 {
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from(u16::from_le_bytes(self))
    }
}

/// Dequantises with the same parameters for all elements.
#[derive(Clone, Copy)]
pub(super) struct Dequantise<E> {
    zero_point: f32,
    scale: f32,
    element: std::marker::PhantomData<E>,
}

impl<E> Dequantise<E> {
    pub(super) fn new(info: &QuantInfo) -> Self {
        Self { zero_point: info.zero_point, scale: info.scale, element: std::marker::PhantomData }
    }
}

impl<E: Integer> Lane for Dequantise<E> {
    type From = E;
    type To = E4;

    #[inline(always)]
    fn one(self, x: E) -> E4 {
        ((x.value() - self.zero_point) * self.scale).to_le_bytes()
    }
}

/// Makes `u16` of `u8`.
#[derive(Clone, Copy)]
pub(super) struct Widen;

impl Lane for Widen {
    type From = u8;
    type To = E2;

    #[inline(always)]
    fn one(self, x: u8) -> E2 {
        u16::from(x).to_le_bytes()
    }
}

/// Dequantising with parameters of their own for each feature.
#[derive(Clone, Debug)]
pub(super) struct PerFeature {
    /// Parameters of each of `period` elements if `run` is 1, else of each feature.
    table: Vec<Parameters>,
    period: usize,
    /// How many elements of one feature follow each other in the user's frame.
    run: usize,
}

/// Parameters of 16 elements. Being aligned, they are operands of vector instructions.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Parameters {
    zero_points: [f32; 16],
    scales: [f32; 16],
}

impl PerFeature {
    /// With fewer features than this, the table has several copies of them.
    const FEW: usize = 256;
    /// Then it is of at least this many elements.
    const PERIOD: usize = 1024;

    /// Takes one set of parameters per feature.
    pub(super) fn new(infos: &[QuantInfo], run: usize) -> Self {
        // Sixteen copies, or a multiple, make whole sixteens of any number.
        let copies = Self::PERIOD.div_ceil(infos.len().max(1)).next_multiple_of(16);
        let copies = if run == 1 && infos.len() < Self::FEW { copies } else { 1 };
        let all: Vec<_> = std::iter::repeat_n(infos, copies).flatten().collect();
        let parameters = |chunk: &[&QuantInfo]| Parameters {
            zero_points: std::array::from_fn(|i| chunk.get(i).map_or(0.0, |info| info.zero_point)),
            scales: std::array::from_fn(|i| chunk.get(i).map_or(0.0, |info| info.scale)),
        };
        Self { table: all.chunks(16).map(parameters).collect(), period: all.len(), run }
    }

    /// Dequantises elements of which the first is number `at` of the user's frame.
    pub(super) fn convert<E: Integer>(&self, mut at: usize, mut src: &[E], mut dst: &mut [E4]) {
        while !src.is_empty() && !dst.is_empty() {
            let place = at / self.run % self.period;
            let left = if self.run == 1 { self.period - place } else { self.run - at % self.run };
            let n = left.min(src.len()).min(dst.len());
            let (s, d) = (&src[..n], &mut dst[..n]);
            if self.run == 1 {
                self.alternating(place, s, d);
            } else {
                let Parameters { zero_points, scales } = self.table[place / 16];
                let (zero_point, scale) = (zero_points[place % 16], scales[place % 16]);
                convert(Dequantise { zero_point, scale, element: std::marker::PhantomData }, s, d);
            }
            at += n;
            src = &src[n..];
            dst = &mut dst[n..];
        }
    }

    /// Dequantises elements of which the first is number `place` of the table, the last no more than its last.
    fn alternating<E: Integer>(&self, place: usize, src: &[E], dst: &mut [E4]) {
        let head = (place.next_multiple_of(16) - place).min(src.len());
        let (s0, src) = src.split_at(head);
        let (d0, dst) = dst.split_at_mut(head);
        if head > 0 {
            one_by_one(&self.table[place / 16], place % 16, s0, d0);
        }
        let table = &self.table[place.div_ceil(16)..];
        let (s16, src) = src.as_chunks::<16>();
        let (d16, dst) = dst.as_chunks_mut::<16>();
        let (d64, d_rest) = d16.as_chunks_mut::<4>();
        let (s64, s_rest) = s16.as_chunks::<4>();
        for ((d, s), p) in d64.iter_mut().zip(s64).zip(table.as_chunks::<4>().0) {
            p[0].block(&s[0], &mut d[0]);
            p[1].block(&s[1], &mut d[1]);
            p[2].block(&s[2], &mut d[2]);
            p[3].block(&s[3], &mut d[3]);
            std::hint::black_box(());
        }
        for ((d, s), p) in d_rest.iter_mut().zip(s_rest).zip(&table[s64.len() * 4..]) {
            p.block(s, d);
            std::hint::black_box(());
        }
        if let Some(p) = table.get(s16.len()) {
            one_by_one(p, 0, src, dst);
        }
    }
}

impl Parameters {
    /// Dequantises 16 elements.
    #[inline(always)]
    fn block<E: Integer>(&self, s: &[E; 16], d: &mut [E4; 16]) {
        *d = each16!(|i: usize| ((s[i].value() - self.zero_points[i]) * self.scales[i]).to_le_bytes());
    }
}

/// Dequantises less than 16 elements with parameters from number `first` on.
fn one_by_one<E: Integer>(parameters: &Parameters, first: usize, src: &[E], dst: &mut [E4]) {
    let pairs = parameters.zero_points[first..].iter().zip(&parameters.scales[first..]);
    for ((d, s), (zero_point, scale)) in dst.iter_mut().zip(src).zip(pairs) {
        *d = ((s.value() - zero_point) * scale).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::{E4, PerFeature, QuantInfo};

    #[test]
    fn features_are_dequantised_from_anywhere() {
        let info = |number: u8| QuantInfo {
            zero_point: f32::from(number),
            scale: 0.5 + f32::from(number),
            min: -1000.0,
            max: 1000.0,
        };
        let infos: Vec<_> = (0..3).map(info).collect();
        let source: Vec<u8> = (0..100).collect();
        for run in [1, 5] {
            let table = PerFeature::new(&infos, run);
            let from = |start: usize| {
                let mut result: Vec<E4> = vec![[0; 4]; source.len() - start];
                table.convert(start, &source[start..], &mut result);
                result
            };
            for (at, value) in from(0).iter().enumerate() {
                let QuantInfo { zero_point, scale, .. } = infos[at / run % 3];
                assert_eq!(f32::from_ne_bytes(*value), (at as f32 - zero_point) * scale);
            }
            for start in 1..source.len() {
                assert_eq!(from(start), from(0)[start..], "{run} of a feature, from {start}");
            }
        }
    }
}
