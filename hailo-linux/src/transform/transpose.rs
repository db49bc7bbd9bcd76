//! Exchanging rows and columns.

use super::convert::E2;

/// Rows and columns of a block.
const SIDE: usize = 8;

/// An element of the device's.
pub(super) trait Element: Copy + Default {
    /// Exchanges rows and columns: `row` gives the rows of a block, `column` takes the columns.
    fn transpose(row: impl Fn(usize) -> [Self; SIDE], column: impl FnMut(usize, [Self; SIDE]));
}

impl Element for u8 {
    /// Rows are taken as words, and squares of 4, 2 and 1 elements exchanged across the diagonal of those twice as large.
    #[inline(always)]
    fn transpose(row: impl Fn(usize) -> [Self; SIDE], mut column: impl FnMut(usize, [Self; SIDE])) {
        #[inline(always)]
        fn exchange<const BITS: u32>(a: &mut u64, b: &mut u64, low: u64) {
            let difference = ((*a >> BITS) ^ *b) & low;
            *b ^= difference;
            *a ^= difference << BITS;
        }
        let word = |i| u64::from_le_bytes(row(i));
        let (mut a, mut b, mut c, mut d) = (word(0), word(1), word(2), word(3));
        let (mut e, mut f, mut g, mut h) = (word(4), word(5), word(6), word(7));
        let low = 0x0000_0000_ffff_ffff;
        exchange::<32>(&mut a, &mut e, low);
        exchange::<32>(&mut b, &mut f, low);
        exchange::<32>(&mut c, &mut g, low);
        exchange::<32>(&mut d, &mut h, low);
        let low = 0x0000_ffff_0000_ffff;
        exchange::<16>(&mut a, &mut c, low);
        exchange::<16>(&mut b, &mut d, low);
        exchange::<16>(&mut e, &mut g, low);
        exchange::<16>(&mut f, &mut h, low);
        let low = 0x00ff_00ff_00ff_00ff;
        exchange::<8>(&mut a, &mut b, low);
        exchange::<8>(&mut c, &mut d, low);
        exchange::<8>(&mut e, &mut f, low);
        exchange::<8>(&mut g, &mut h, low);
        for (i, word) in [a, b, c, d, e, f, g, h].into_iter().enumerate() {
            column(i, word.to_le_bytes());
        }
    }
}

impl Element for E2 {
    #[inline(always)]
    fn transpose(row: impl Fn(usize) -> [Self; SIDE], mut column: impl FnMut(usize, [Self; SIDE])) {
        let rows: [_; SIDE] = std::array::from_fn(row);
        (0..SIDE).for_each(|i| column(i, std::array::from_fn(|j| rows[j][i])));
    }
}

/// `dst[j * d + i] = src[i * s + j]` for all `i` below `rows` and `j` below `columns`.
pub(super) fn transpose<E: Element>(src: &[E], s: usize, dst: &mut [E], d: usize, rows: usize, columns: usize) {
    match (rows, columns) {
        (_, 2) if s == 2 => split::<E, 2>(src, dst, d, rows),
        (_, 3) if s == 3 => split::<E, 3>(src, dst, d, rows),
        (_, 4) if s == 4 => split::<E, 4>(src, dst, d, rows),
        (2, _) if d == 2 => join::<E, 2>(src, s, dst, columns),
        (3, _) if d == 3 => join::<E, 3>(src, s, dst, columns),
        (4, _) if d == 4 => join::<E, 4>(src, s, dst, columns),
        _ => blocks(src, s, dst, d, rows, columns),
    }
}

/// Groups of `N` elements to rows of one of them each, `d` apart.
fn split<E: Copy, const N: usize>(src: &[E], dst: &mut [E], d: usize, rows: usize) {
    let groups = &src.as_chunks::<N>().0[..rows];
    let mut lines = dst.chunks_mut(d.max(1));
    let mut lines: [_; N] = std::array::from_fn(|_| lines.next().map_or(&mut [][..], |line| &mut line[..rows]));
    let (blocks, rest) = groups.as_chunks::<SIDE>();
    for (b, block) in blocks.iter().enumerate() {
        for (i, line) in lines.iter_mut().enumerate() {
            line.as_chunks_mut().0[b] = std::array::from_fn::<_, SIDE, _>(|k| block[k][i]);
        }
    }
    for (k, group) in rest.iter().enumerate() {
        for (line, element) in lines.iter_mut().zip(group) {
            line[blocks.len() * SIDE + k] = *element;
        }
    }
}

/// Rows, `s` apart, to groups of one element of each of `N` of them.
fn join<E: Copy, const N: usize>(src: &[E], s: usize, dst: &mut [E], columns: usize) {
    let groups = &mut dst.as_chunks_mut::<N>().0[..columns];
    let mut lines = src.chunks(s.max(1));
    let lines: [_; N] = std::array::from_fn(|_| lines.next().map_or(&[][..], |line| &line[..columns]));
    let (blocks, rest) = groups.as_chunks_mut::<SIDE>();
    let done = blocks.len();
    for (b, block) in blocks.iter_mut().enumerate() {
        let parts: [[E; SIDE]; N] = std::array::from_fn(|i| lines[i].as_chunks().0[b]);
        for (k, group) in block.iter_mut().enumerate() {
            *group = std::array::from_fn(|i| parts[i][k]);
        }
    }
    for (k, group) in rest.iter_mut().enumerate() {
        *group = std::array::from_fn(|i| lines[i][done * SIDE + k]);
    }
}

/// Block by block, what is left over one by one.
fn blocks<E: Element>(src: &[E], s: usize, dst: &mut [E], d: usize, rows: usize, columns: usize) {
    let (whole_rows, whole_columns) = (rows - rows % SIDE, columns - columns % SIDE);
    for i in (0..whole_rows).step_by(SIDE) {
        let count = whole_columns / SIDE;
        let lines: [_; SIDE] =
            std::array::from_fn(|k| &src[(i + k) * s..][..whole_columns].as_chunks::<SIDE>().0[..count]);
        for j in 0..count {
            E::transpose(|k| lines[k][j], |k, column| dst[(j * SIDE + k) * d + i..][..SIDE].copy_from_slice(&column));
        }
    }
    for i in 0..rows {
        for j in if i < whole_rows { whole_columns } else { 0 }..columns {
            dst[j * d + i] = src[i * s + j];
        }
    }
}
