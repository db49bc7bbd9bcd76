//! Where the elements of a frame lie on both sides, as nested loops with strides.

/// A loop: how often, and how far each step goes on either side, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) n: usize,
    pub(super) user: usize,
    pub(super) device: usize,
}

impl Axis {
    pub(super) const fn new(n: usize, user: usize, device: usize) -> Self {
        Self { n, user, device }
    }
}

/// Part of what one step of a piece's innermost loop moves: `groups` times `lanes` elements that follow each other
/// on the user's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    /// Where it begins on the user's side, counted from the step's beginning.
    pub(super) user: usize,
    /// Where it begins on the device's side, counted likewise.
    pub(super) device: usize,
    pub(super) groups: usize,
    /// From group to group on the device's side.
    pub(super) group_stride: usize,
    pub(super) lanes: usize,
    /// From lane to lane on the device's side.
    pub(super) lane_stride: usize,
}

impl Leaf {
    /// One element.
    const UNIT: Self = Self::run(1, 1);

    /// `lanes` elements, `lane_stride` apart on the device.
    const fn run(lanes: usize, lane_stride: usize) -> Self {
        Self { user: 0, device: 0, groups: 1, group_stride: 0, lanes, lane_stride }
    }
}

/// Elements that go from one side to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where it begins on the user's side.
    pub(super) user: usize,
    /// Where it begins on the device's side.
    pub(super) device: usize,
    /// The outer loops.
    pub(super) outer: Vec<Axis>,
    /// The innermost loop.
    pub(super) steps: Axis,
    /// What a step moves.
    pub(super) leaves: Vec<Leaf>,
    /// Elements of the user that a step covers.
    pub(super) step_len: usize,
}

/// Steps of more elements than this become loops.
pub(super) const TILE: usize = 1024;

/// Runs of at least this length are worth a call of their own.
const LONG_RUN: usize = 48;

impl Piece {
    /// A piece of the given loops, outermost first on the user's side.
    pub(super) fn new(user: usize, device: usize, axes: &[Axis]) -> Self {
        let mut outer = merged(axes);
        let last = outer.pop().unwrap_or(Axis::new(1, 1, 1));
        let direct = last.device == 1 && (last.n >= LONG_RUN || outer.is_empty());
        let (steps, leaf) = match outer.pop() {
            Some(steps) if last.user == 1 && last.n <= TILE && !direct => (steps, Leaf::run(last.n, last.device)),
            back => {
                outer.extend(back);
                (last, Leaf::UNIT)
            }
        };
        Self { user, device, outer, steps, leaves: vec![leaf], step_len: leaf.lanes }
    }

    /// A piece with features in groups of eight on the device: `axes` loop over pixels, `features` follow each other on
    /// the user's side, groups are `group_stride` apart on the device's.
    pub(super) fn grouped(axes: &[Axis], features: usize, group_stride: usize) -> Vec<Self> {
        let (full, rest) = (features / 8, features % 8);
        let mut groups = Leaf { groups: full, group_stride, ..Leaf::run(8, 1) };
        let mut ragged = Leaf { user: full * 8, device: full * group_stride, ..Leaf::run(rest, 1) };
        if features <= TILE {
            let mut outer = merged(axes);
            let steps = outer.pop().unwrap_or(Axis::new(1, features, 8));
            let leaves = [groups, ragged].into_iter().filter(|l| l.groups * l.lanes > 0).collect();
            return vec![Self { user: 0, device: 0, outer, steps, leaves, step_len: features }];
        }
        let (user, device) = (ragged.user, ragged.device);
        (groups.groups, ragged.user, ragged.device) = (1, 0, 0);
        let outer = merged(axes);
        let steps = Axis::new(full, 8, group_stride);
        let mut pieces =
            vec![Self { user: 0, device: 0, outer: outer.clone(), steps, leaves: vec![groups], step_len: 8 }];
        if rest > 0 {
            let steps = Axis::new(1, rest, 8);
            pieces.push(Self { user, device, outer, steps, leaves: vec![ragged], step_len: rest });
        }
        pieces
    }

    /// Whether the innermost loop moves single elements that follow each other on both sides.
    pub(super) fn is_run(&self) -> bool {
        self.leaves == [Leaf::UNIT] && self.steps.user == 1 && self.steps.device == 1
    }

    /// Whether what the innermost loop moves follows each other on the user's side.
    pub(super) fn is_dense(&self) -> bool {
        self.steps.user == self.step_len
    }
}

/// The same loops with those of one step dropped and those that continue each other made one.
fn merged(axes: &[Axis]) -> Vec<Axis> {
    let mut out: Vec<Axis> = Vec::with_capacity(axes.len());
    for inner in axes.iter().filter(|a| a.n != 1) {
        match out.last_mut() {
            Some(outer) if outer.user == inner.n * inner.user && outer.device == inner.n * inner.device => {
                *outer = Axis { n: outer.n * inner.n, ..*inner };
            }
            _ => out.push(*inner),
        }
    }
    out
}

/// Elements of the destination that nothing is moved to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// Where the first one begins.
    at: usize,
    /// How long each is.
    run: usize,
    /// How often, and how far apart, outermost first.
    repeats: Vec<(usize, usize)>,
}

impl Gap {
    /// Sets them to zero in `dst`.
    pub(super) fn clear<E: Copy + Default>(&self, dst: &mut [E]) {
        fn each<E: Copy + Default>(repeats: &[(usize, usize)], at: usize, run: usize, dst: &mut [E]) {
            match repeats {
                [] => dst[at..at + run].fill(E::default()),
                [(n, stride), inner @ ..] => (0..*n).for_each(|i| each(inner, at + i * stride, run, dst)),
            }
        }
        each(&self.repeats, self.at, self.run, dst);
    }
}

/// The same gaps, or one over all `len` elements of the destination if filling that is less work.
pub(super) fn economical(gaps: Vec<Gap>, len: usize) -> Vec<Gap> {
    /// What a call costs, in the time that it takes to clear so many elements.
    const CALL: usize = 256;
    let work = |gap: &Gap| gap.repeats.iter().map(|(n, _)| n).product::<usize>().saturating_mul(CALL + gap.run);
    if gaps.iter().map(work).fold(0, usize::saturating_add) > len {
        return vec![Gap { at: 0, run: len, repeats: Vec::new() }];
    }
    gaps
}

/// A dimension of the destination: how many there are, how many are filled from the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) all: usize,
    pub(super) used: usize,
}

impl Extent {
    pub(super) const fn new(all: usize, used: usize) -> Self {
        Self { all, used }
    }
}

/// What is not filled of a box of the given dimensions, outermost first, that begins at `at`; the innermost dimension
/// is of elements that follow each other, every other one of boxes that do. `repeats` says where there are more of it.
pub(super) fn gaps(at: usize, dimensions: &[Extent], repeats: &[(usize, usize)], out: &mut Vec<Gap>) {
    let mut repeats = repeats.to_vec();
    for (i, extent) in dimensions.iter().enumerate() {
        let stride: usize = dimensions[i + 1..].iter().map(|d| d.all).product();
        if extent.all > extent.used {
            let run = (extent.all - extent.used) * stride;
            out.push(Gap { at: at + extent.used * stride, run, repeats: repeats.clone() });
        }
        repeats.push((extent.used, stride));
    }
    out.retain(|gap| gap.run > 0 && gap.repeats.iter().all(|(n, _)| *n > 0));
    for gap in out {
        gap.repeats.retain(|(n, _)| *n > 1);
    }
}
