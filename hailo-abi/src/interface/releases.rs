//! The version table and what follows from it.

use core::fmt;

use super::Interface;
use crate::command::Operation;
use crate::data_model::DataModel;
use crate::release::DriverRelease;
use crate::request::Request;

/// Declares the version table: for each module, the releases that have its interface.
macro_rules! releases {
    ($($module:ident: $(($major:literal, $minor:literal, $revision:literal)),+;)+) => {
        /// Every known release and its interface, oldest first.
        pub const RELEASES: &[(DriverRelease, &Interface)] =
            &[$($((DriverRelease::new($major, $minor, $revision), &crate::$module::INTERFACE)),+),+];
    };
}

releases! {
    v4_17_0: (4, 17, 0), (4, 17, 1);
    v4_18_0: (4, 18, 0), (4, 18, 1);
    v4_19_0: (4, 19, 0);
    v4_20_0: (4, 20, 0), (4, 20, 1);
    v4_21_0: (4, 21, 0), (4, 21, 1), (4, 22, 0);
    v4_23_0: (4, 23, 0);
    v5_0_0: (5, 0, 0);
    v5_0_1: (5, 0, 1);
    v5_1_0: (5, 1, 0);
    v5_1_1: (5, 1, 1), (5, 2, 0);
    v5_3_0: (5, 3, 0);
}

/// The codes of the version query, those of the newest releases first. A driver knows one of them, and answers the others
/// with `ENOTTY`.
pub const VERSION_QUERIES: &[Request] = {
    const QUERIES: ([Request; RELEASES.len()], usize) = {
        let mut queries = [Request::from_raw(0); RELEASES.len()];
        let mut length = 0;
        let mut release = RELEASES.len();
        while release > 0 {
            release -= 1;
            let interface = RELEASES[release].1;
            let index = interface.by_operation[Operation::QueryDriverInfo as usize];
            let request = interface.requests[index as usize].lp64.request;
            if length == 0 || queries[length - 1].raw() != request.raw() {
                queries[length] = request;
                length += 1;
            }
        }
        (queries, length)
    };
    QUERIES.0.split_at(QUERIES.1).0
};

/// The size in bytes of the largest argument over all releases and both data models (`MEMORY_TRANSFER`).
pub const MAX_ARGUMENT_LENGTH: usize = {
    let mut max = 0;
    let mut index = 0;
    while index < Operation::ALL.len() {
        let length = max_argument_length(Operation::ALL[index], DataModel::Lp64);
        if length > max {
            max = length;
        }
        index += 1;
    }
    max
};

/// The size in bytes of an operation's largest argument over all releases, 0 if it has none.
#[must_use]
pub const fn max_argument_length(operation: Operation, model: DataModel) -> usize {
    let mut max = 0;
    let mut release = 0;
    while release < RELEASES.len() {
        let interface = RELEASES[release].1;
        let index = interface.by_operation[operation as usize] as usize;
        if index < interface.requests.len() {
            let length = interface.requests[index].codec(model).request.size();
            if length > max {
                max = length;
            }
        }
        release += 1;
    }
    max
}

/// More harmless codes than there are.
const MAX_HARMLESS: usize = 64;

/// The known releases around one that is not known.
///
/// ```
/// use hailo_abi::DriverRelease;
/// use hailo_abi::interface::Nearest;
///
/// assert_eq!(Nearest::to(DriverRelease::new(4, 22, 5)).to_string(), "4.22.0 and 4.23.0");
/// assert_eq!(Nearest::to(DriverRelease::new(9, 9, 9)).to_string(), "5.3.0");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// The newest known release before it.
    pub before: Option<DriverRelease>,
    /// The oldest known release after it.
    pub after: Option<DriverRelease>,
}

impl Nearest {
    /// Those around this one.
    #[must_use]
    pub fn to(release: DriverRelease) -> Self {
        let known = || RELEASES.iter().map(|(release, _)| *release);
        Self {
            before: known().filter(|known| *known < release).max(),
            after: known().filter(|known| *known > release).min(),
        }
    }
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.before, self.after) {
            (Some(before), Some(after)) => write!(f, "{before} and {after}"),
            (Some(only), None) | (None, Some(only)) => write!(f, "{only}"),
            (None, None) => f.write_str("none"),
        }
    }
}

/// The codes that stand for harmless operations only, in ascending order, and how many they are.
const HARMLESS: ([u32; MAX_HARMLESS], usize) = {
    let mut codes = [u32::MAX; MAX_HARMLESS];
    let mut length = 0;
    let mut release = 0;
    while release < RELEASES.len() {
        let requests = RELEASES[release].1.requests;
        let mut index = 0;
        while index < requests.len() {
            if requests[index].operation.is_harmless() {
                length = insert(&mut codes, length, requests[index].lp64.request);
                length = insert(&mut codes, length, requests[index].ilp32.request);
            }
            index += 1;
        }
        release += 1;
    }
    (codes, length)
};

/// Inserts a code where it belongs, unless it is there. Returns the new length.
const fn insert(codes: &mut [u32; MAX_HARMLESS], length: usize, request: Request) -> usize {
    let code = request.raw();
    let mut at = 0;
    while at < length && codes[at] < code {
        at += 1;
    }
    if at < length && codes[at] == code {
        return length;
    }
    let mut index = length;
    while index > at {
        codes[index] = codes[index - 1];
        index -= 1;
    }
    codes[at] = code;
    length + 1
}

// A harmless operation's code stands for no other in any release and data model: `Frame`s of harmless operations rest on
// this.
const _: () = {
    let mut release = 0;
    while release < RELEASES.len() {
        let requests = RELEASES[release].1.requests;
        let mut index = 0;
        while index < requests.len() {
            if !requests[index].operation.is_harmless() {
                let mut code = 0;
                while code < HARMLESS.1 {
                    assert!(HARMLESS.0[code] != requests[index].lp64.request.raw());
                    assert!(HARMLESS.0[code] != requests[index].ilp32.request.raw());
                    code += 1;
                }
            }
            index += 1;
        }
        release += 1;
    }
};

/// Whether a code stands for a [harmless](Operation::is_harmless) operation in some interface, and for no other in any.
#[must_use]
pub fn is_harmless(request: Request) -> bool {
    const CODES: &[u32] = HARMLESS.0.split_at(HARMLESS.1).0;
    CODES.binary_search(&request.raw()).is_ok()
}
