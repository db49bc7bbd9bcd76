//! Conversion of runs of elements, in a form that compilers turn into vector instructions.
//!
//! Everything here is exact: results equal those of the plain formula, element by element. The formula of quantising
//! is `round(clamp(x) / scale + zero_point)`, halves to the even integer; that of dequantising
//! `(q - zero_point) * scale`. How it comes to few instructions:
//!
//! * Limits are applied after the division. It grows with its argument, so that this gives the same result, and the
//!   upper limit is then one comparison of small integers.
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

/// A conversion of one element that does not depend on its neighbours.
pub(super) trait Lane: Copy {
    /// What it takes.
    type From: Copy;
    /// What it gives.
    type To: Copy;

    /// Converts one; the second value has bits 23 and up set if the result is wrong and `exact` is to be asked.
    fn quick(self, x: Self::From) -> (Self::To, u32);

    /// Converts one, whatever it is.
    fn exact(self, x: Self::From) -> Self::To;
}

/// The array that `$f` makes of the 16 elements of `$s`. Written out, since arrays of closures results (`map`) are not
/// always inlined.
macro_rules! each16 {
    ($s:expr, $f:expr) => {{
        let (s, f) = ($s, $f);
        [
            f(s[0]),
            f(s[1]),
            f(s[2]),
            f(s[3]),
            f(s[4]),
            f(s[5]),
            f(s[6]),
            f(s[7]), //
            f(s[8]),
            f(s[9]),
            f(s[10]),
            f(s[11]),
            f(s[12]),
            f(s[13]),
            f(s[14]),
            f(s[15]),
        ]
    }};
}

/// Converts 16 elements; returns the union of what `quick` reports.
#[inline(always)]
fn block<L: Lane>(lane: L, s: &[L::From; 16], d: &mut [L::To; 16]) -> u32 {
    let both = each16!(s, |x| lane.quick(x));
    *d = each16!(&both, |(y, _): (L::To, u32)| y);
    both.iter().fold(0, |all, (_, fault)| all | fault)
}

/// Converts the elements of `src` to as many elements of `dst`; the shorter one counts.
#[inline(always)]
pub(super) fn convert<L: Lane>(lane: L, src: &[L::From], dst: &mut [L::To]) {
    let n = src.len().min(dst.len());
    let (s64, src) = src[..n].as_chunks::<64>();
    let (d64, dst) = dst[..n].as_chunks_mut::<64>();
    for (d, s) in d64.iter_mut().zip(s64) {
        let mut fault = 0;
        let (s16, _) = s.as_chunks::<16>();
        let (d16, _) = d.as_chunks_mut::<16>();
        for i in 0..4 {
            fault |= block(lane, &s16[i], &mut d16[i]);
        }
        if fault >> 23 != 0 {
            exactly(lane, s, d);
        }
        // Without this, the vectoriser may prefer to take one element of each of several blocks at a time, which costs
        // three times as many instructions.
        std::hint::black_box(());
    }
    let (s16, src) = src.as_chunks::<16>();
    let (d16, dst) = dst.as_chunks_mut::<16>();
    for (d, s) in d16.iter_mut().zip(s16) {
        if block(lane, s, d) >> 23 != 0 {
            exactly(lane, s, d);
        }
        std::hint::black_box(());
    }
    exactly(lane, src, dst);
}

/// Converts without haste.
fn exactly<L: Lane>(lane: L, src: &[L::From], dst: &mut [L::To]) {
    for (d, s) in dst.iter_mut().zip(src) {
        *d = lane.exact(*s);
    }
}

/// What quantising to `u8` or `u16` needs; made by [`Quantiser::new`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Quantiser {
    scale: f32,
    zero_point: f32,
    /// The quotient of the lower limit.
    low: f32,
    /// The integer of the upper limit.
    top: u16,
}

/// How numbers are to be quantised.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quantising {
    /// Rounding only.
    Identity,
    /// Limits within the range of the integers.
    Quick(Quantiser),
    /// Limits that let integers exceed their range: their low bits are taken.
    Wide(QuantInfo),
}

impl Quantising {
    /// The way to quantise with `info` to integers of at most `highest`.
    pub(super) fn new(info: &QuantInfo, highest: u16) -> Self {
        if info.is_identity() {
            return Self::Identity;
        }
        let (low, high) = (info.quotient(info.min), info.quotient(info.max));
        let top = high.round_ties_even();
        if low.round_ties_even() >= 0.0 && top <= f32::from(highest) {
            let top = top as u16;
            Self::Quick(Quantiser { scale: info.scale, zero_point: info.zero_point, low, top })
        } else {
            Self::Wide(*info)
        }
    }
}

impl Quantiser {
    /// The integer of `x`, unless it is above the upper limit: then some integer that is no less than that limit's.
    #[inline(always)]
    fn integer(self, x: E4) -> i32 {
        let quotient = f32::from_le_bytes(x) / self.scale + self.zero_point;
        // In this form NaN becomes the lower limit, and the comparison is one instruction.
        let quotient = if quotient > self.low { quotient } else { self.low };
        (quotient + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i32
    }
}

/// Rounds to the nearest integer, halves to the even one, and takes its low 32 bits; 0 beyond the range of `i32`.
#[inline]
fn wrapping_round(x: f32) -> u32 {
    let rounded = x.round_ties_even();
    if (-2_147_483_648.0..2_147_483_648.0).contains(&rounded) { rounded as i32 as u32 } else { 0 }
}

/// As [`wrapping_round`] with the limits of `info` applied first.
#[inline]
fn wide_integer(info: &QuantInfo, x: E4) -> u32 {
    let x = f32::from_le_bytes(x);
    let x = if x > info.min { x } else { info.min };
    wrapping_round(info.quotient(if x < info.max { x } else { info.max }))
}

/// Quantises to `u8`, see [`Quantising::Quick`].
#[derive(Clone, Copy)]
pub(super) struct Quick8(pub(super) Quantiser);

impl Lane for Quick8 {
    type From = E4;
    type To = u8;

    #[inline(always)]
    fn quick(self, x: E4) -> (u8, u32) {
        ((self.0.integer(x).clamp(0, 255) as u8).min(self.0.top as u8), 0)
    }

    #[inline(always)]
    fn exact(self, x: E4) -> u8 {
        self.quick(x).0
    }
}

/// Quantises to `u16`, see [`Quantising::Quick`].
#[derive(Clone, Copy)]
pub(super) struct Quick16(pub(super) Quantiser);

impl Lane for Quick16 {
    type From = E4;
    type To = E2;

    #[inline(always)]
    fn quick(self, x: E4) -> (E2, u32) {
        // Packing to 16 bits is signed on the baseline, so the range is moved there and back.
        let signed = self.0.integer(x).wrapping_sub(0x8000).clamp(-0x8000, 0x7fff) as i16;
        let top = (self.0.top ^ 0x8000) as i16;
        ((signed.min(top) as u16 ^ 0x8000).to_le_bytes(), 0)
    }

    #[inline(always)]
    fn exact(self, x: E4) -> E2 {
        self.quick(x).0
    }
}

/// Rounds to `u8`, see [`Quantising::Identity`].
#[derive(Clone, Copy)]
pub(super) struct Round8;

impl Lane for Round8 {
    type From = E4;
    type To = u8;

    #[inline(always)]
    fn quick(self, x: E4) -> (u8, u32) {
        let bits = (f32::from_le_bytes(x) + ROUNDER).to_bits();
        (bits as u8, bits ^ ROUNDER.to_bits())
    }

    #[inline(always)]
    fn exact(self, x: E4) -> u8 {
        wrapping_round(f32::from_le_bytes(x)) as u8
    }
}

/// Rounds to `u16`, see [`Quantising::Identity`].
#[derive(Clone, Copy)]
pub(super) struct Round16;

impl Lane for Round16 {
    type From = E4;
    type To = E2;

    #[inline(always)]
    fn quick(self, x: E4) -> (E2, u32) {
        let bits = (f32::from_le_bytes(x) + ROUNDER).to_bits();
        ((bits as u16).to_le_bytes(), bits ^ ROUNDER.to_bits())
    }

    #[inline(always)]
    fn exact(self, x: E4) -> E2 {
        (wrapping_round(f32::from_le_bytes(x)) as u16).to_le_bytes()
    }
}

/// Quantises to `u8`, see [`Quantising::Wide`].
pub(super) fn wide8(info: &QuantInfo, src: &[E4], dst: &mut [u8]) {
    for (d, s) in dst.iter_mut().zip(src) {
        *d = wide_integer(info, *s) as u8;
    }
}

/// Quantises to `u16`, see [`Quantising::Wide`].
pub(super) fn wide16(info: &QuantInfo, src: &[E4], dst: &mut [E2]) {
    for (d, s) in dst.iter_mut().zip(src) {
        *d = (wide_integer(info, *s) as u16).to_le_bytes();
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
    fn quick(self, x: E) -> (E4, u32) {
        (((x.value() - self.zero_point) * self.scale).to_le_bytes(), 0)
    }

    #[inline(always)]
    fn exact(self, x: E) -> E4 {
        self.quick(x).0
    }
}

/// Makes `u16` of `u8`.
#[derive(Clone, Copy)]
pub(super) struct Widen;

impl Lane for Widen {
    type From = u8;
    type To = E2;

    #[inline(always)]
    fn quick(self, x: u8) -> (E2, u32) {
        (u16::from(x).to_le_bytes(), 0)
    }

    #[inline(always)]
    fn exact(self, x: u8) -> E2 {
        u16::from(x).to_le_bytes()
    }
}

/// Dequantising with parameters of their own for each feature.
#[derive(Clone, Debug)]
pub(super) struct PerFeature {
    /// Zero points and scales, of element after element of a user's frame if `run` is 1, else of run after run.
    /// Of the former there are whole periods, and enough of them for the vector loop to get going.
    zero_points: Vec<f32>,
    scales: Vec<f32>,
    /// How many elements of one feature follow each other in the user's frame.
    run: usize,
}

impl PerFeature {
    /// The period of a table for runs of one element is at least this.
    const PERIOD: usize = 256;

    /// Takes one set of parameters per feature.
    pub(super) fn new(infos: &[QuantInfo], run: usize) -> Self {
        let copies = if run == 1 { Self::PERIOD.div_ceil(infos.len().max(1)) } else { 1 };
        let repeated = || std::iter::repeat_n(infos, copies).flatten();
        Self {
            zero_points: repeated().map(|i| i.zero_point).collect(),
            scales: repeated().map(|i| i.scale).collect(),
            run,
        }
    }

    /// Dequantises elements of which the first is number `at` of the user's frame.
    pub(super) fn convert<E: Integer>(&self, mut at: usize, mut src: &[E], mut dst: &mut [E4]) {
        let period = self.zero_points.len();
        while !src.is_empty() && !dst.is_empty() {
            let n;
            if self.run == 1 {
                let phase = at % period;
                n = (period - phase).min(src.len()).min(dst.len());
                let parameters = self.zero_points[phase..].iter().zip(&self.scales[phase..]);
                for ((d, s), (zero_point, scale)) in dst[..n].iter_mut().zip(&src[..n]).zip(parameters) {
                    *d = ((s.value() - zero_point) * scale).to_le_bytes();
                }
            } else {
                let feature = at / self.run % period;
                n = (self.run - at % self.run).min(src.len()).min(dst.len());
                let (zero_point, scale) = (self.zero_points[feature], self.scales[feature]);
                let lane = Dequantise { zero_point, scale, element: std::marker::PhantomData };
                convert(lane, &src[..n], &mut dst[..n]);
            }
            at += n;
            src = &src[n..];
            dst = &mut dst[n..];
        }
    }
}
