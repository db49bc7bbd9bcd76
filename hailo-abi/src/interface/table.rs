//! How the tables of an [`Interface`](super::Interface) are computed at compile time from the list of its requests.

use super::{EnumEntry, RequestEntry, StructEntry};
use crate::command::Operation;
use crate::request::Request;
use crate::wire::Layout;

/// The groups of requests: the character in the code, the enum of their numbers, its last enumerator.
pub(crate) const GROUPS: [(u8, &str, &str); 6] = [
    (b'g', "hailo_general_ioctl_code", "HAILO_GENERAL_IOCTL_MAX_NR"),
    (b'v', "hailo_vdma_ioctl_code", "HAILO_VDMA_IOCTL_MAX_NR"),
    (b'n', "hailo_nnc_ioctl_code", "HAILO_NNC_IOCTL_MAX_NR"),
    (b's', "hailo_soc_ioctl_code", "HAILO_SOC_IOCTL_MAX_NR"),
    (b'p', "hailo_pci_ep_ioctl_code", "HAILO_PCI_EP_IOCTL_MAX_NR"),
    (b'w', "hailo_non_linux_ioctl_code", "HAILO_NON_LINUX_IOCTL_MAX_NR"),
];

/// More numbers than any group has.
const NUMBERS: usize = 16;

/// No entry.
const NONE: u8 = u8::MAX;

/// The index of the request with a number, for each group.
pub(crate) type ByNumber = [[u8; NUMBERS]; GROUPS.len()];

const fn group_index(group: u8) -> Option<usize> {
    let mut index = 0;
    while index < GROUPS.len() {
        if GROUPS[index].0 == group {
            return Some(index);
        }
        index += 1;
    }
    None
}

pub(crate) const fn by_operation(requests: &[RequestEntry]) -> [u8; Operation::COUNT] {
    let mut table = [NONE; Operation::COUNT];
    let mut index = 0;
    while index < requests.len() {
        let operation = requests[index].operation as usize;
        assert!(table[operation] == NONE, "an operation has one request");
        table[operation] = index as u8;
        index += 1;
    }
    table
}

pub(crate) const fn by_number(requests: &[RequestEntry]) -> ByNumber {
    let mut table = [[NONE; NUMBERS]; GROUPS.len()];
    let mut index = 0;
    while index < requests.len() {
        let request = requests[index].lp64.request;
        let Some(group) = group_index(request.group()) else { panic!("an unknown group") };
        let number = request.number() as usize;
        assert!(table[group][number] == NONE, "a number has one request");
        table[group][number] = index as u8;
        index += 1;
    }
    table
}

pub(crate) fn index_of(table: &ByNumber, request: Request) -> Option<usize> {
    let numbers = table.get(group_index(request.group())?)?;
    numbers.get(usize::from(request.number())).map(|index| usize::from(*index))
}

/// The parts one after the other; `N` is the sum of their lengths, `fill` anything.
pub(crate) const fn concat<T: Copy, const N: usize>(parts: &[&[T]], fill: T) -> [T; N] {
    let mut all = [fill; N];
    let mut length = 0;
    let mut part = 0;
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].len() {
            all[length] = parts[part][index];
            length += 1;
            index += 1;
        }
        part += 1;
    }
    assert!(length == N);
    all
}

/// The sum of the parts' lengths.
pub(crate) const fn length<T>(parts: &[&[T]]) -> usize {
    let mut length = 0;
    let mut part = 0;
    while part < parts.len() {
        length += parts[part].len();
        part += 1;
    }
    length
}

/// The enumerators but for the one that this interface does not have.
pub(crate) const fn without<const N: usize>(
    enumerators: &[(&'static str, u32)],
    missing: &[&str],
) -> [(&'static str, u32); N] {
    let mut rest = [("", 0); N];
    let mut length = 0;
    let mut index = 0;
    while index < enumerators.len() {
        let mut keep = true;
        let mut name = 0;
        while name < missing.len() {
            keep &= !matches!(compare(enumerators[index].0, missing[name]), Order::Equal);
            name += 1;
        }
        if keep {
            rest[length] = enumerators[index];
            length += 1;
        }
        index += 1;
    }
    assert!(length == N, "each missing enumerator is one of the enum");
    rest
}

enum Order {
    Less,
    Equal,
    Greater,
}

const fn compare(a: &str, b: &str) -> Order {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut index = 0;
    while index < a.len() && index < b.len() {
        if a[index] != b[index] {
            return if a[index] < b[index] { Order::Less } else { Order::Greater };
        }
        index += 1;
    }
    if a.len() == b.len() {
        Order::Equal
    } else if a.len() < b.len() {
        Order::Less
    } else {
        Order::Greater
    }
}

/// How many enumerators the enum of a group's numbers has: one for each request and the last.
pub(crate) const fn codes_length(requests: &[RequestEntry], group: u8) -> usize {
    let mut count = 0;
    let mut index = 0;
    while index < requests.len() {
        count += (requests[index].lp64.request.group() == group) as usize;
        index += 1;
    }
    if count == 0 { 0 } else { count + 1 }
}

/// The enumerators of a group's numbers.
pub(crate) const fn codes<const N: usize>(
    requests: &[RequestEntry],
    group: u8,
    max_name: &'static str,
) -> [(&'static str, u32); N] {
    let mut codes = [("", 0); N];
    let mut length = 0;
    let mut max = 0;
    let mut index = 0;
    while index < requests.len() {
        let request = requests[index].lp64.request;
        if request.group() == group {
            let number = request.number() as u32;
            codes[length] = (requests[index].code_name, number);
            length += 1;
            if number >= max {
                max = number + 1;
            }
        }
        index += 1;
    }
    if N > 0 {
        codes[length] = (max_name, max);
    }
    codes
}

const NO_LAYOUT: Layout = Layout { c_name: "", size: 0, fields: &[] };
const NO_STRUCT: StructEntry = StructEntry { lp64: NO_LAYOUT, ilp32: NO_LAYOUT };

/// More structs than any interface has.
const MAX_STRUCTS: usize = 64;

/// The structs of an interface in the order of their names, and how many they are.
pub(crate) const fn structs(
    requests: &[RequestEntry],
    contained: &[StructEntry],
) -> ([StructEntry; MAX_STRUCTS], usize) {
    let mut table = [NO_STRUCT; MAX_STRUCTS];
    let mut length = 0;
    let mut index = 0;
    while index < requests.len() {
        let entry = &requests[index];
        if let (Some(lp64), Some(ilp32)) = (entry.lp64.layout, entry.ilp32.layout) {
            length = insert(&mut table, length, StructEntry { lp64, ilp32 });
        }
        index += 1;
    }
    index = 0;
    while index < contained.len() {
        length = insert(&mut table, length, contained[index]);
        index += 1;
    }
    (table, length)
}

/// Inserts a struct where its name belongs, unless it is there. Returns the new length.
const fn insert(table: &mut [StructEntry; MAX_STRUCTS], length: usize, entry: StructEntry) -> usize {
    let mut at = 0;
    while at < length {
        match compare(entry.lp64.c_name, table[at].lp64.c_name) {
            Order::Equal => return length,
            Order::Less => break,
            Order::Greater => at += 1,
        }
    }
    let mut index = length;
    while index > at {
        table[index] = table[index - 1];
        index -= 1;
    }
    table[at] = entry;
    length + 1
}

/// The first `N` structs.
pub(crate) const fn first<const N: usize>(table: &[StructEntry; MAX_STRUCTS]) -> [StructEntry; N] {
    let mut first = [NO_STRUCT; N];
    let mut index = 0;
    while index < N {
        first[index] = table[index];
        index += 1;
    }
    first
}

/// No enum.
pub(crate) const NO_ENUM: EnumEntry = EnumEntry { c_name: "", enumerators: &[] };

/// Declares the `INTERFACE` of a module from its requests.
///
/// `requests` has a row for each: the operation, the vendor's name (with the enumerator's name where that is not the same
/// with `_CODE` behind it), the vendor's macro, group and number, and the argument's type, in which `W` is the word.
macro_rules! interface {
    (
        $(#[$meta:meta])*
        ($major:literal, $minor:literal, $revision:literal)
        channels_per_engine: $channels:expr,
        buffers_per_transfer: $buffers:expr,
        requests {$(
            $operation:ident: $name:literal $(($code_name:literal))?, $direction:ident $group:literal $number:literal
            $(, $argument:ty)?;
        )+}
        contained { $($contained:ty),+ $(,)? }
        enums { $($enum:expr),+ $(,)? }
        constants { $($constants:expr),+ $(,)? }
        boards { $board_type:ty: $($board_name:ident => $board:ident),+ $(,)? }
    ) => {
        $(#[$meta])*
        pub static INTERFACE: $crate::interface::Interface = {
            use $crate::interface::table;


            const REQUESTS: &[$crate::interface::RequestEntry] = &[$($crate::interface::RequestEntry {
                operation: $crate::command::Operation::$operation,
                name: $name,
                code_name: table::interface!(@code_name $name $(, $code_name)?),
                lp64: {
                    #[allow(dead_code, reason = "not every argument has words")]
                    type W = $crate::data_model::Lp64;
                    table::interface!(@codec $operation, $direction $group $number $(, $argument)?)
                },
                ilp32: {
                    #[allow(dead_code, reason = "not every argument has words")]
                    type W = $crate::data_model::Ilp32;
                    table::interface!(@codec $operation, $direction $group $number $(, $argument)?)
                },
            }),+];
            const CONTAINED: &[$crate::interface::StructEntry] = &[$($crate::interface::StructEntry {
                lp64: {
                    #[allow(dead_code, reason = "not every struct has words")]
                    type W = $crate::data_model::Lp64;
                    <$contained as $crate::wire::WireStruct>::LAYOUT
                },
                ilp32: {
                    #[allow(dead_code, reason = "not every struct has words")]
                    type W = $crate::data_model::Ilp32;
                    <$contained as $crate::wire::WireStruct>::LAYOUT
                },
            }),+];
            const STRUCTS: &[$crate::interface::StructEntry] =
                &table::first::<{ table::structs(REQUESTS, CONTAINED).1 }>(&table::structs(REQUESTS, CONTAINED).0);
            const ENUMS: &[&[$crate::interface::EnumEntry]] = &[
                &[$($enum),+],
                table::interface!(@codes 0),
                table::interface!(@codes 1),
                table::interface!(@codes 2),
                table::interface!(@codes 3),
                table::interface!(@codes 4),
                table::interface!(@codes 5),
            ];
            const CONSTANTS: &[&[(&str, i64)]] = &[
                &[
                    ("MAX_VDMA_CHANNELS_PER_ENGINE", $channels as i64),
                    ("HAILO_MAX_BUFFERS_PER_SINGLE_TRANSFER", $buffers as i64),
                ],
                $($constants),+
            ];

            $crate::interface::Interface {
                first_release: $crate::release::DriverRelease::new($major, $minor, $revision),
                requests: REQUESTS,
                structs: STRUCTS,
                enums: &table::concat::<_, { table::length(ENUMS) }>(ENUMS, table::NO_ENUM),
                constants: &table::concat::<_, { table::length(CONSTANTS) }>(CONSTANTS, ("", 0)),
                boards: &[$((<$board_type>::$board_name.raw(), $crate::board::Board::$board)),+],
                channels_per_engine: $channels as u8,
                buffers_per_transfer: $buffers as u8,
                by_operation: table::by_operation(REQUESTS),
                by_number: table::by_number(REQUESTS),
            }
        };
    };

    (@code_name $name:literal) => { concat!($name, "_CODE") };
    (@code_name $name:literal, $code_name:literal) => { $code_name };

    (@codec $operation:ident, $direction:ident $group:literal $number:literal, $argument:ty) => {
        $crate::interface::Codec::new::<$argument>($crate::request::Request::$direction(
            $group, $number, size_of::<$argument>(),
        ))
    };
    (@codec $operation:ident, $direction:ident $group:literal $number:literal) => {
        $crate::interface::Codec::empty($crate::request::Request::$direction($group, $number), |bytes| {
            bytes.is_empty().then_some($crate::command::Command::$operation)
        })
    };

    (@codes $index:literal) => {{
        const N: usize = table::codes_length(REQUESTS, table::GROUPS[$index].0);
        const CODES: &[(&str, u32)] = &table::codes::<N>(REQUESTS, table::GROUPS[$index].0, table::GROUPS[$index].2);
        const ENTRY: &[$crate::interface::EnumEntry] =
            &[$crate::interface::EnumEntry { c_name: table::GROUPS[$index].1, enumerators: CODES }];
        const NO_ENTRY: &[$crate::interface::EnumEntry] = &[];
        if N == 0 { NO_ENTRY } else { ENTRY }
    }};
}
pub(crate) use interface;
