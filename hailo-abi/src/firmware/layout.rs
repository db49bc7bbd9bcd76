//! How the firmware's packed structures are declared: a plain Rust value and, per generation, a layout.
//!
//! A *value* has native fields and is what people write and read. A *layout* is the packed structure of one
//! or several generations, with little- or big-endian fields, its size and every offset asserted at compile
//! time. [`Field`] converts between the two; a value that a generation's layout cannot hold is an
//! [`Unrepresentable`] error, never cut silently.

use core::fmt;

use zerocopy::{BigEndian, F32, I32, LittleEndian, U16, U32, U64};

use super::FirmwareInterface;
pub use crate::wire::Bool;

/// A little-endian 16-bit word at any address.
pub type Le16 = U16<LittleEndian>;
/// A little-endian 32-bit word at any address.
pub type Le32 = U32<LittleEndian>;
/// A little-endian 64-bit word at any address.
pub type Le64 = U64<LittleEndian>;
/// A little-endian single precision float at any address.
pub type LeF32 = F32<LittleEndian>;
/// A little-endian signed 32-bit word at any address.
pub type LeI32 = I32<LittleEndian>;
/// A big-endian 16-bit word at any address.
pub type Be16 = U16<BigEndian>;
/// A big-endian 32-bit word at any address.
pub type Be32 = U32<BigEndian>;
/// A big-endian 64-bit word at any address.
pub type Be64 = U64<BigEndian>;
/// A big-endian signed 32-bit word at any address.
pub type BeI32 = I32<BigEndian>;

/// A field's value does not fit where this generation of the protocol puts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrepresentable {
    /// The name of the field.
    pub field: &'static str,
}

impl Unrepresentable {
    pub(crate) const fn at(self, field: &'static str) -> Self {
        // The innermost name says more than the structure around it.
        if self.field.is_empty() { Self { field } } else { self }
    }
}

impl fmt::Display for Unrepresentable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value of `{}` has no place in this firmware's layout", self.field)
    }
}

impl core::error::Error for Unrepresentable {}

/// A native value that travels as `W`.
pub trait Field<W>: Sized {
    /// The bytes' form of the value.
    fn to_wire(&self) -> Result<W, Unrepresentable>;
    /// The value of the bytes' form.
    fn from_wire(wire: &W) -> Self;
}

macro_rules! plain_fields {
    ($($native:ty as $wire:ty),* $(,)?) => {$(
        impl Field<$wire> for $native {
            fn to_wire(&self) -> Result<$wire, Unrepresentable> {
                Ok(<$wire>::from(*self))
            }
            fn from_wire(wire: &$wire) -> Self {
                Self::from(*wire)
            }
        }
    )*};
}

plain_fields! {
    u8 as u8, i8 as i8, u16 as Le16, u16 as Be16, u32 as Le32, u32 as Be32, u64 as Le64, u64 as Be64,
    i32 as LeI32, i32 as BeI32, f32 as LeF32,
}

macro_rules! narrowed_fields {
    ($($native:ty as $wire:ty),* $(,)?) => {$(
        impl Field<$wire> for $native {
            fn to_wire(&self) -> Result<$wire, Unrepresentable> {
                u16::try_from(*self).map(<$wire>::from).map_err(|_| Unrepresentable { field: "" })
            }
            fn from_wire(wire: &$wire) -> Self {
                Self::from(wire.get())
            }
        }
    )*};
}

narrowed_fields! { u32 as Le16, u32 as Be16 }

impl Field<Bool> for Bool {
    fn to_wire(&self) -> Result<Bool, Unrepresentable> {
        Ok(*self)
    }
    fn from_wire(wire: &Bool) -> Self {
        *wire
    }
}

/// A type that stands in a packed structure.
pub trait Wire: Copy {
    /// Bytes of the value, without padding behind it.
    const SIZE: usize = size_of::<Self>();
}

macro_rules! wires {
    ($($wire:ty)*) => {$(impl Wire for $wire {})*};
}

wires! { u8 i8 Bool Le16 Le32 Le64 LeF32 LeI32 Be16 Be32 Be64 BeI32 }

impl<W: Wire, const N: usize> Wire for [W; N] {}

/// A value with `N` bytes of padding behind it, in the few structures that the vendor has not packed.
#[derive(
    Clone,
    Copy,
    Debug,
    zerocopy::FromBytes,
    zerocopy::IntoBytes,
    zerocopy::KnownLayout,
    zerocopy::Immutable,
    zerocopy::Unaligned,
)]
#[repr(C)]
pub struct Padded<W, const N: usize> {
    /// The value.
    pub value: W,
    padding: [u8; N],
}

impl<W: Wire, const N: usize> Wire for Padded<W, N> {
    const SIZE: usize = W::SIZE;
}

impl<T: Field<W>, W, const N: usize> Field<Padded<W, N>> for T {
    fn to_wire(&self) -> Result<Padded<W, N>, Unrepresentable> {
        Ok(Padded { value: self.to_wire()?, padding: [0; N] })
    }
    fn from_wire(wire: &Padded<W, N>) -> Self {
        T::from_wire(&wire.value)
    }
}

impl<T: Field<W> + Copy + Default, W: zerocopy::FromZeros, const N: usize> Field<[W; N]> for [T; N] {
    fn to_wire(&self) -> Result<[W; N], Unrepresentable> {
        let mut wire = <[W; N] as zerocopy::FromZeros>::new_zeroed();
        for (place, value) in wire.iter_mut().zip(self) {
            *place = value.to_wire()?;
        }
        Ok(wire)
    }
    fn from_wire(wire: &[W; N]) -> Self {
        let mut values = [T::default(); N];
        for (value, place) in values.iter_mut().zip(wire) {
            *value = T::from_wire(place);
        }
        values
    }
}

/// One field of a layout, for tools and tests that compare layouts with tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// The vendor's name of the field.
    pub name: &'static str,
    /// Bytes from the start of the structure.
    pub offset: usize,
    /// Bytes of the field; 0 for data of variable length at the end.
    pub size: usize,
    /// Lowest bit and number of bits, for a bit field within the bytes given.
    pub bits: Option<(u32, u32)>,
}

/// One packed structure of the firmware, with the generations that have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutInfo {
    /// The vendor's name of the structure.
    pub c_name: &'static str,
    /// Bytes of the whole structure as C declares it.
    pub size: usize,
    /// All fields in order.
    pub fields: &'static [FieldInfo],
    /// The first generation with this layout.
    pub first: FirmwareInterface,
    /// The last generation with this layout.
    pub last: FirmwareInterface,
}

/// A packed structure of the firmware that can describe itself.
pub trait Layout {
    /// The vendor's names, sizes and offsets.
    const INFO: LayoutInfo;
}

/// Declares layouts for values that are declared elsewhere, and `LAYOUTS`, the list of them.
///
/// `absent` names the value's fields that this layout lacks, with the only value they may have.
macro_rules! layouts {
    ($(
        $(#[$meta:meta])*
        struct $wire:ident for $native:ty = $c_name:literal, $size:expr, $first:ident..=$last:ident {
            $([$offset:expr] $field:ident: $wire_type:ty,)*
        }
        $(absent { $($absent:ident: $value:expr,)* })?
    )*) => {
        $($crate::firmware::layout::layout_of! {
            $(#[$meta])*
            struct $wire for $native = $c_name, $size, $first..=$last {
                $([$offset] $field: $wire_type,)*
            }
            absent { $($($absent: $value,)*)? }
        })*

        /// The layouts of this module.
        pub(crate) const LAYOUTS: &[$crate::firmware::layout::LayoutInfo] =
            &[$(<$wire as $crate::firmware::layout::Layout>::INFO,)*];
    };
}

/// Declares values together with their only layout, and `LAYOUTS`, the list of the layouts.
macro_rules! wire_structs {
    ($(
        $(#[$meta:meta])*
        struct $native:ident => $wire:ident = $c_name:literal, $size:expr, $first:ident..=$last:ident {
            $($(#[$field_meta:meta])* [$offset:expr] $field:ident: $type:ty as $wire_type:ty,)*
        }
    )*) => {
        $(
            $(#[$meta])*
            #[doc(alias = $c_name)]
            #[derive(Clone, Copy, Debug, PartialEq)]
            pub struct $native {
                $($(#[$field_meta])* pub $field: $type,)*
            }

            $crate::firmware::layout::layout_of! {
                #[doc = concat!("The packed form of [`", stringify!($native), "`].")]
                struct $wire for $native = $c_name, $size, $first..=$last {
                    $([$offset] $field: $wire_type,)*
                }
                absent {}
            }
        )*

        /// The layouts of this module.
        pub(crate) const LAYOUTS: &[$crate::firmware::layout::LayoutInfo] =
            &[$(<$wire as $crate::firmware::layout::Layout>::INFO,)*];
    };
}

/// Declares packed structures without a value of their own: what only other structures are made of.
macro_rules! described {
    (
        $(#[$meta:meta])*
        struct $wire:ident = $c_name:literal, $size:expr, $first:ident..=$last:ident {
            $([$offset:expr] $field:ident: $wire_type:ty,)*
        }
    ) => {
        $(#[$meta])*
        #[doc(alias = $c_name)]
        #[derive(
            Clone,
            Copy,
            Debug,
            zerocopy::FromBytes,
            zerocopy::IntoBytes,
            zerocopy::KnownLayout,
            zerocopy::Immutable,
            zerocopy::Unaligned,
        )]
        #[repr(C)]
        pub struct $wire {
            $(
                #[doc = concat!("The field `", stringify!($field), "` in its byte order.")]
                pub $field: $wire_type,
            )*
        }

        static_assertions::const_assert_eq!(size_of::<$wire>(), $size);
        $(static_assertions::const_assert_eq!(core::mem::offset_of!($wire, $field), $offset);)*

        pastey::paste! {
            impl $wire {
                $(
                    #[doc = concat!("Where `", stringify!($field), "` begins, in bytes.")]
                    pub const [<$field:upper _OFFSET>]: usize = $offset;
                )*
            }
        }

        impl $crate::firmware::layout::Wire for $wire {}

        impl $crate::firmware::layout::Layout for $wire {
            const INFO: $crate::firmware::layout::LayoutInfo = $crate::firmware::layout::LayoutInfo {
                c_name: $c_name,
                size: size_of::<Self>(),
                fields: &[$($crate::firmware::layout::FieldInfo {
                    name: stringify!($field),
                    offset: core::mem::offset_of!(Self, $field),
                    size: <$wire_type as $crate::firmware::layout::Wire>::SIZE,
                    bits: None,
                },)*],
                first: $crate::firmware::FirmwareInterface::$first,
                last: $crate::firmware::FirmwareInterface::$last,
            };
        }
    };
}

macro_rules! layout_of {
    (
        $(#[$meta:meta])*
        struct $wire:ident for $native:ty = $c_name:literal, $size:expr, $first:ident..=$last:ident {
            $([$offset:expr] $field:ident: $wire_type:ty,)*
        }
        absent { $($absent:ident: $value:expr,)* }
    ) => {
        $crate::firmware::layout::described! {
            $(#[$meta])*
            struct $wire = $c_name, $size, $first..=$last {
                $([$offset] $field: $wire_type,)*
            }
        }

        impl $crate::firmware::layout::Field<$wire> for $native {
            fn to_wire(&self) -> Result<$wire, $crate::firmware::layout::Unrepresentable> {
                $(if self.$absent != $value {
                    return Err($crate::firmware::layout::Unrepresentable {
                        field: stringify!($absent),
                    });
                })*
                Ok($wire {
                    $($field: $crate::firmware::layout::Field::to_wire(&self.$field)
                        .map_err(|error| error.at(stringify!($field)))?,)*
                })
            }
            fn from_wire(wire: &$wire) -> Self {
                Self {
                    $($field: $crate::firmware::layout::Field::from_wire(&wire.$field),)*
                    $($absent: $value,)*
                }
            }
        }
    };
}

pub(crate) use {described, layout_of, layouts, wire_structs};
