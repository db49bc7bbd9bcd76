//! Moving the elements of a frame as a plan says, converting them on the way.

use super::layout::{Axis, Leaf, Piece, TILE};
use super::transpose::{Element, transpose};

/// Elements are moved in blocks of about this many, so that what is read in another order stays in the cache.
const BLOCK: usize = 8192;

/// Calls `f` with the beginnings on both sides for each round of the outer loops.
fn each_round(outer: &[Axis], user: usize, device: usize, f: &mut impl FnMut(usize, usize)) {
    match outer {
        [] => f(user, device),
        [axis, inner @ ..] => {
            for i in 0..axis.n {
                each_round(inner, user + i * axis.user, device + i * axis.device, f);
            }
        }
    }
}

/// Calls `f` with the beginnings on both sides and the number of steps for blocks of at most `most` steps.
fn each_block(piece: &Piece, most: usize, mut f: impl FnMut(usize, usize, usize)) {
    let Axis { n, user, device } = piece.steps;
    each_round(&piece.outer, piece.user, piece.device, &mut |u, d| {
        let mut done = 0;
        while done < n {
            let count = most.min(n - done);
            f(u + done * user, d + done * device, count);
            done += count;
        }
    });
}

/// How many steps of a piece to move at once.
fn block_steps(piece: &Piece) -> usize {
    (BLOCK / piece.step_len).max(1)
}

/// How many steps of a piece to convert at once: those of a tile, if they follow each other on the user's side.
fn tile_steps(piece: &Piece) -> usize {
    if piece.is_dense() { (TILE / piece.step_len).max(1) } else { 1 }
}

/// Strides of two nested loops over the elements of a slice, the outer first.
type Strides = (usize, usize);

/// `dst[i * d.0 + j * d.1] = src[i * s.0 + j * s.1]` for all `i` below `n.0` and `j` below `n.1`.
#[inline(always)]
fn copy2<E: Element>(src: &[E], s: Strides, dst: &mut [E], d: Strides, n: (usize, usize)) {
    if s.1 == 1 && d.1 == 1 {
        match n.1 {
            1 => copy_rows::<E, 1>(src, s.0, dst, d.0, n.0),
            2 => copy_rows::<E, 2>(src, s.0, dst, d.0, n.0),
            3 => copy_rows::<E, 3>(src, s.0, dst, d.0, n.0),
            4 => copy_rows::<E, 4>(src, s.0, dst, d.0, n.0),
            8 => copy_rows::<E, 8>(src, s.0, dst, d.0, n.0),
            length => {
                for i in 0..n.0 {
                    dst[i * d.0..][..length].copy_from_slice(&src[i * s.0..][..length]);
                }
            }
        }
    } else if s.1 == 1 && d.0 == 1 {
        transpose(src, s.0, dst, d.1, n.0, n.1);
    } else if s.0 == 1 && d.1 == 1 {
        transpose(src, s.1, dst, d.0, n.1, n.0);
    } else {
        for i in 0..n.0 {
            for j in 0..n.1 {
                dst[i * d.0 + j * d.1] = src[i * s.0 + j * s.1];
            }
        }
    }
}

/// Copies `n` rows of `N` elements, `s` apart in `src` and `d` apart in `dst`.
#[inline(always)]
fn copy_rows<E: Copy, const N: usize>(src: &[E], s: usize, dst: &mut [E], d: usize, n: usize) {
    let Some(last) = n.checked_sub(1) else { return };
    let (s, d) = (s.max(1), d.max(1));
    let (s_end, d_end) = (last * s, last * d);
    for (d, s) in dst[..d_end].chunks_exact_mut(d).zip(src[..s_end].chunks_exact(s)) {
        if let (Some(d), Some(s)) = (d.first_chunk_mut::<N>(), s.first_chunk::<N>()) {
            *d = *s;
        }
    }
    dst[d_end..][..N].copy_from_slice(&src[s_end..][..N]);
}

/// Moves `count` steps of a piece, `steps` apart, from the user's side to the device's.
#[inline(always)]
fn to_device<E: Element>(piece: &Piece, steps: Axis, count: usize, user: &[E], device: &mut [E]) {
    for leaf in &piece.leaves {
        for (u, d, strides) in groups(leaf, steps) {
            copy2(&user[u..], strides.0, &mut device[d..], strides.1, (count, leaf.lanes));
        }
    }
}

/// Moves `count` steps of a piece, `steps` apart, from the device's side to the user's.
#[inline(always)]
fn to_user<E: Element>(piece: &Piece, steps: Axis, count: usize, device: &[E], user: &mut [E]) {
    for leaf in &piece.leaves {
        for (u, d, strides) in groups(leaf, steps) {
            copy2(&device[d..], strides.1, &mut user[u..], strides.0, (count, leaf.lanes));
        }
    }
}

/// Where each group of a leaf begins on both sides, and the strides of steps and lanes on both sides.
#[inline(always)]
fn groups(leaf: &Leaf, steps: Axis) -> impl Iterator<Item = (usize, usize, (Strides, Strides))> {
    let Leaf { user, device, groups, group_stride, lanes, lane_stride } = *leaf;
    let strides = ((steps.user, 1), (steps.device, lane_stride));
    (0..groups).map(move |g| (user + g * lanes, device + g * group_stride, strides))
}

/// Moves what the pieces say from the user's frame to the device's.
pub(super) fn copy_in<E: Element>(pieces: &[Piece], user: &[E], device: &mut [E]) {
    for piece in pieces {
        if piece.is_run() {
            let n = piece.steps.n;
            each_round(&piece.outer, piece.user, piece.device, &mut |u, d| {
                device[d..d + n].copy_from_slice(&user[u..u + n]);
            });
        } else {
            let (steps, most) = (piece.steps, block_steps(piece));
            each_block(piece, most, |u, d, count| to_device(piece, steps, count, &user[u..], &mut device[d..]));
        }
    }
}

/// Moves what the pieces say from the device's frame to the user's.
pub(super) fn copy_out<E: Element>(pieces: &[Piece], device: &[E], user: &mut [E]) {
    for piece in pieces {
        if piece.is_run() {
            let n = piece.steps.n;
            each_round(&piece.outer, piece.user, piece.device, &mut |u, d| {
                user[u..u + n].copy_from_slice(&device[d..d + n]);
            });
        } else {
            let (steps, most) = (piece.steps, block_steps(piece));
            each_block(piece, most, |u, d, count| to_user(piece, steps, count, &device[d..], &mut user[u..]));
        }
    }
}

/// Converts what the pieces say from the user's frame to the device's. `convert` is given the number of the first of
/// its elements in the user's frame.
pub(super) fn convert_in<U: Copy, D: Element>(
    pieces: &[Piece],
    user: &[U],
    device: &mut [D],
    convert: impl Fn(usize, &[U], &mut [D]),
) {
    for piece in pieces {
        if piece.is_run() {
            let n = piece.steps.n;
            each_round(&piece.outer, piece.user, piece.device, &mut |u, d| {
                convert(u, &user[u..u + n], &mut device[d..d + n]);
            });
        } else {
            let mut tile = [D::default(); TILE];
            let packed = Axis { user: piece.step_len, ..piece.steps };
            each_block(piece, tile_steps(piece), |u, d, count| {
                let tile = &mut tile[..count * piece.step_len];
                convert(u, &user[u..u + tile.len()], tile);
                to_device(piece, packed, count, tile, &mut device[d..]);
            });
        }
    }
}

/// Converts what the pieces say from the device's frame to the user's. `convert` is given the number of the first of
/// its elements in the user's frame.
pub(super) fn convert_out<U: Copy, D: Element>(
    pieces: &[Piece],
    device: &[D],
    user: &mut [U],
    convert: impl Fn(usize, &[D], &mut [U]),
) {
    for piece in pieces {
        if piece.is_run() {
            let n = piece.steps.n;
            each_round(&piece.outer, piece.user, piece.device, &mut |u, d| {
                convert(u, &device[d..d + n], &mut user[u..u + n]);
            });
        } else {
            let mut tile = [D::default(); TILE];
            let packed = Axis { user: piece.step_len, ..piece.steps };
            each_block(piece, tile_steps(piece), |u, d, count| {
                let tile = &mut tile[..count * piece.step_len];
                to_user(piece, packed, count, &device[d..], tile);
                convert(u, tile, &mut user[u..u + tile.len()]);
            });
        }
    }
}
