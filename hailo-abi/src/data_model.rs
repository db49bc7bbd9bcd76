//! [`DataModel`] and [`Word`]: what `size_t` and `uintptr_t` are, as types.

use core::fmt::Debug;
use core::hash::Hash;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::wire::WireKind;

/// The C data model of the kernel and the process that talk to each other. (The driver offers no compatibility layer, so
/// a 32-bit process works on a 32-bit kernel only.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataModel {
    /// 64-bit: `size_t` and pointers have 8 bytes.
    Lp64,
    /// 32-bit: `size_t` and pointers have 4 bytes.
    Ilp32,
}

impl DataModel {
    /// The data model of the program that this crate is compiled into.
    pub const NATIVE: Self = if size_of::<usize>() == 4 { Self::Ilp32 } else { Self::Lp64 };

    /// Both.
    pub const ALL: [Self; 2] = [Self::Lp64, Self::Ilp32];

    /// `lp64` or `ilp32`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lp64 => "lp64",
            Self::Ilp32 => "ilp32",
        }
    }

    /// The largest `size_t`, which is also the handle that stands for "none" (`INVALID_DRIVER_HANDLE_VALUE`).
    #[must_use]
    pub const fn max_word(self) -> u64 {
        match self {
            Self::Lp64 => u64::MAX,
            Self::Ilp32 => u32::MAX as u64,
        }
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Lp64 {}
    impl Sealed for super::Ilp32 {}
}

/// A `size_t` or `uintptr_t` of one of the two data models, little-endian and unaligned: [`Lp64`] or [`Ilp32`].
pub trait Word:
    sealed::Sealed
    + FromBytes
    + IntoBytes
    + KnownLayout
    + Immutable
    + Unaligned
    + Copy
    + Debug
    + Default
    + Eq
    + Hash
    + Send
    + Sync
    + WireKind
    + 'static
{
    /// The data model.
    const MODEL: DataModel;

    /// The value.
    fn get(self) -> u64;

    /// The word with this value, or `None` if it does not fit.
    fn new(value: u64) -> Option<Self>;
}

/// A word of the 64-bit data model.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Lp64(pub U64);

/// A word of the 32-bit data model.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Ilp32(pub U32);

/// A word of the program that this crate is compiled into.
#[cfg(target_pointer_width = "32")]
pub type Native = Ilp32;
/// A word of the program that this crate is compiled into.
#[cfg(not(target_pointer_width = "32"))]
pub type Native = Lp64;

impl Word for Lp64 {
    const MODEL: DataModel = DataModel::Lp64;

    fn get(self) -> u64 {
        self.0.get()
    }

    fn new(value: u64) -> Option<Self> {
        Some(Self(U64::new(value)))
    }
}

impl Word for Ilp32 {
    const MODEL: DataModel = DataModel::Ilp32;

    fn get(self) -> u64 {
        self.0.get().into()
    }

    fn new(value: u64) -> Option<Self> {
        u32::try_from(value).ok().map(|value| Self(U32::new(value)))
    }
}
