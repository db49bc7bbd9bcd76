//! How wire structs are declared: [`Layout`], [`Field`], [`Bool`], the value traits, and the `wire!` macro.
//!
//! A struct is declared once, with the size and the offset of every field beside it. The macro turns these numbers into
//! compile-time assertions, into public constants ([`Field`]) with which bytes can be read without the struct, and into
//! the table ([`WireStruct::LAYOUT`]) that tests compare with what was measured from the vendor's headers.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::data_model::{Ilp32, Lp64};

/// One field of a wire struct: its name in C, its offset and its size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name in the vendor's header.
    pub name: &'static str,
    /// The offset from the start of the struct, in bytes.
    pub offset: usize,
    /// The size in bytes.
    pub size: usize,
    /// What it holds.
    pub kind: Kind,
    /// Who writes it, where the struct is the argument of an ioctl.
    pub access: Option<Access>,
}

/// What a field holds, for tools that print arguments whose type they do not know when they are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A little-endian number.
    Number,
    /// A C `_Bool`.
    Bool,
    /// A C enum.
    Enum {
        /// The enum's name in the vendor's header.
        c_name: &'static str,
        /// Names and values.
        enumerators: &'static [(&'static str, u32)],
    },
    /// Another struct.
    Struct(&'static Layout),
    /// Several of the same, one after the other.
    Array {
        /// Each of them.
        element: &'static Kind,
        /// How many.
        count: usize,
    },
}

/// A type of fields, which says what it holds.
pub trait WireKind {
    /// What it holds.
    const KIND: Kind;
}

impl<T: WireKind, const N: usize> WireKind for [T; N] {
    const KIND: Kind = Kind::Array { element: &T::KIND, count: N };
}

macro_rules! kinds {
    ($($wire:ty => $kind:ident;)*) => {$(
        impl WireKind for $wire {
            const KIND: Kind = Kind::$kind;
        }
    )*};
}

kinds! {
    u8 => Number;
    U16 => Number;
    U32 => Number;
    U64 => Number;
    Lp64 => Number;
    Ilp32 => Number;
    Bool => Bool;
}

/// Who writes a field of an ioctl argument: what its documentation starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// *in*: the process writes it, the driver reads it.
    In,
    /// *out*: the driver writes it; what the process put there does not matter.
    Out,
    /// *in/out*: the driver reads it and writes it.
    InOut,
}

impl Access {
    /// The word in front of a field's documentation, so that what is documented is what is known.
    #[doc(hidden)]
    #[must_use]
    pub const fn of_doc(doc: &str) -> Option<Self> {
        match doc.trim_ascii_start().as_bytes() {
            [b'*', b'i', b'n', b'*', b':', ..] => Some(Self::In),
            [b'*', b'o', b'u', b't', b'*', b':', ..] => Some(Self::Out),
            [b'*', b'i', b'n', b'/', b'o', b'u', b't', b'*', b':', ..] => Some(Self::InOut),
            _ => None,
        }
    }
}

impl Field {
    /// This field's bytes within the bytes of the struct, or `None` if they end before it does.
    #[must_use]
    pub fn of<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        bytes.get(self.offset..)?.get(..self.size)
    }

    /// As [`Field::of`], to write.
    #[must_use]
    pub fn of_mut<'a>(&self, bytes: &'a mut [u8]) -> Option<&'a mut [u8]> {
        bytes.get_mut(self.offset..)?.get_mut(..self.size)
    }

    /// The little-endian number in this field, if it has at most 8 bytes and `bytes` reach that far.
    #[must_use]
    pub fn number(&self, bytes: &[u8]) -> Option<u64> {
        let mut number = [0; 8];
        let value = self.of(bytes)?;
        number.get_mut(..value.len())?.copy_from_slice(value);
        Some(u64::from_le_bytes(number))
    }
}

/// The layout of a wire struct in one data model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The struct's name in the vendor's header.
    pub c_name: &'static str,
    /// The size in bytes.
    pub size: usize,
    /// The fields in the order of their offsets.
    pub fields: &'static [Field],
}

/// A struct whose memory is what goes through the kernel interface: no padding, any bytes valid, any alignment.
pub trait WireStruct:
    FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned + Copy + core::fmt::Debug + Send + Sync + 'static
{
    /// Name, size and fields.
    const LAYOUT: Layout;
}

/// How a wire type is read and written as the number it stands for.
pub trait WireValue: Copy {
    /// What a getter returns and a setter takes.
    type Value;

    /// The value.
    fn value(self) -> Self::Value;

    /// The wire form of a value.
    fn from_value(value: Self::Value) -> Self;
}

macro_rules! numbers {
    ($($wire:ty => $value:ty, |$get:ident| $read:expr, |$set:ident| $write:expr;)*) => {$(
        impl WireValue for $wire {
            type Value = $value;

            fn value(self) -> $value {
                let $get = self;
                $read
            }

            fn from_value($set: $value) -> Self {
                $write
            }
        }
    )*};
}

numbers! {
    u8 => u8, |wire| wire, |value| value;
    U16 => u16, |wire| wire.get(), |value| U16::new(value);
    U32 => u32, |wire| wire.get(), |value| U32::new(value);
    U64 => u64, |wire| wire.get(), |value| U64::new(value);
    Lp64 => u64, |wire| wire.0.get(), |value| Lp64(U64::new(value));
    Ilp32 => u32, |wire| wire.0.get(), |value| Ilp32(U32::new(value));
    Bool => bool, |wire| wire.get(), |value| Bool::new(value);
}

impl<T: Copy, const N: usize> WireValue for [T; N] {
    type Value = Self;

    fn value(self) -> Self {
        self
    }

    fn from_value(value: Self) -> Self {
        value
    }
}

/// A C `_Bool`: one byte. Every bit pattern is kept; everything but zero is true.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Bool(u8);

impl Bool {
    /// The byte 0 or 1.
    #[must_use]
    pub const fn new(value: bool) -> Self {
        Self(value as u8)
    }

    /// Whether the byte is not zero.
    #[must_use]
    pub const fn get(self) -> bool {
        self.0 != 0
    }

    /// The byte as it is.
    #[must_use]
    pub const fn raw(self) -> u8 {
        self.0
    }
}

impl From<bool> for Bool {
    fn from(value: bool) -> Self {
        Self::new(value)
    }
}

/// The C name of a field that is a keyword in Rust: without the underscore that was put behind it.
#[doc(hidden)]
#[must_use]
pub const fn c_field_name(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [.., b'_'] => name.split_at(name.len() - 1).0,
        _ => name,
    }
}

/// Declares a wire struct. Without `<W>` every field has one offset; with it, offsets and size are given for the 64-bit
/// and the 32-bit data model, and fields of type `W` are words.
macro_rules! wire {
    ($(#[$meta:meta])* $c:literal, $size64:literal / $size32:literal;
     pub struct $name:ident<W> { $($(#[doc = $doc:literal])* $at64:literal / $at32:literal => $field:ident: $ty:ty,)+ }) => {
        $(#[$meta])*
        #[doc(alias = $c)]
        #[derive(
            ::zerocopy::FromBytes, ::zerocopy::IntoBytes, ::zerocopy::KnownLayout, ::zerocopy::Immutable,
            ::zerocopy::Unaligned, Clone, Copy, Debug, PartialEq, Eq,
        )]
        #[repr(C)]
        pub struct $name<W: $crate::data_model::Word = $crate::data_model::Native> {
            $($(#[doc = $doc])* pub $field: $ty,)+
        }

        impl<W: $crate::data_model::Word> $crate::wire::WireStruct for $name<W> {
            const LAYOUT: $crate::wire::Layout = $crate::wire::Layout {
                c_name: $c,
                size: size_of::<Self>(),
                fields: ::pastey::paste!(&[$(Self::[<$field:upper>]),+]),
            };
        }

        $crate::wire::wire!(@fields [W: $crate::data_model::Word] $name<W> { $(concat!($($doc),*) => $field: $ty,)+ });

        $crate::wire::wire!(@test $name, [$name<$crate::data_model::Lp64>, $name<$crate::data_model::Ilp32>], [$($field)+]);

        const _: () = {
            type W = $crate::data_model::Lp64;
            ::static_assertions::const_assert_eq!(size_of::<$name<W>>(), $size64);
            $(::static_assertions::const_assert_eq!(::core::mem::offset_of!($name<W>, $field), $at64);)+
        };
        const _: () = {
            type W = $crate::data_model::Ilp32;
            ::static_assertions::const_assert_eq!(size_of::<$name<W>>(), $size32);
            $(::static_assertions::const_assert_eq!(::core::mem::offset_of!($name<W>, $field), $at32);)+
        };
    };

    ($(#[$meta:meta])* $c:literal, $size:literal;
     pub struct $name:ident { $($(#[doc = $doc:literal])* $at:literal => $field:ident: $ty:ty,)+ }) => {
        $(#[$meta])*
        #[doc(alias = $c)]
        #[derive(
            ::zerocopy::FromBytes, ::zerocopy::IntoBytes, ::zerocopy::KnownLayout, ::zerocopy::Immutable,
            ::zerocopy::Unaligned, Clone, Copy, Debug, PartialEq, Eq,
        )]
        #[repr(C)]
        pub struct $name {
            $($(#[doc = $doc])* pub $field: $ty,)+
        }

        impl $crate::wire::WireStruct for $name {
            const LAYOUT: $crate::wire::Layout = $crate::wire::Layout {
                c_name: $c,
                size: size_of::<Self>(),
                fields: ::pastey::paste!(&[$(Self::[<$field:upper>]),+]),
            };
        }

        $crate::wire::wire!(@fields [] $name { $(concat!($($doc),*) => $field: $ty,)+ });

        $crate::wire::wire!(@test $name, [$name], [$($field)+]);

        ::static_assertions::const_assert_eq!(size_of::<$name>(), $size);
        $(::static_assertions::const_assert_eq!(::core::mem::offset_of!($name, $field), $at);)+
    };

    (@test $name:ident, [$($ty:ty),+], $fields:tt) => {
        ::pastey::paste! {
            #[cfg(test)]
            #[test]
            fn [<$name:snake _accessors_agree_with_its_layout>]() {
                $($crate::wire::wire!(@check $ty, $fields);)+
            }
        }
    };

    (@check $ty:ty, [$($field:ident)+]) => {
        ::pastey::paste! {
            $crate::wire::testing::check::<$ty>(&[$(|to, from| to.[<set_ $field>](from.$field())),+]);
        }
    };

    (@fields [$($generics:tt)*] $name:ty { $($doc:expr => $field:ident: $ty:ty,)+ }) => {
        impl<$($generics)*> $crate::wire::WireKind for $name {
            const KIND: $crate::wire::Kind = $crate::wire::Kind::Struct(&<Self as $crate::wire::WireStruct>::LAYOUT);
        }

        impl<$($generics)*> $crate::wire::WireValue for $name {
            type Value = Self;

            fn value(self) -> Self {
                self
            }

            fn from_value(value: Self) -> Self {
                value
            }
        }

        ::pastey::paste! {
            impl<$($generics)*> $name {
                $(
                    #[doc = concat!("Where `", stringify!($field), "` is.")]
                    pub const [<$field:upper>]: $crate::wire::Field = $crate::wire::Field {
                        name: $crate::wire::c_field_name(stringify!($field)),
                        offset: ::core::mem::offset_of!(Self, $field),
                        size: size_of::<$ty>(),
                        kind: <$ty as $crate::wire::WireKind>::KIND,
                        access: $crate::wire::Access::of_doc($doc),
                    };

                    #[doc = concat!("The value of [`", stringify!($field), "`](Self#structfield.", stringify!($field), ").")]
                    #[must_use]
                    pub fn $field(&self) -> <$ty as $crate::wire::WireValue>::Value
                    where
                        $ty: $crate::wire::WireValue,
                    {
                        $crate::wire::WireValue::value(self.$field)
                    }

                    #[doc = concat!("Sets [`", stringify!($field), "`](Self#structfield.", stringify!($field), ").")]
                    pub fn [<set_ $field>](&mut self, value: <$ty as $crate::wire::WireValue>::Value)
                    where
                        $ty: $crate::wire::WireValue,
                    {
                        self.$field = $crate::wire::WireValue::from_value(value);
                    }
                )+
            }
        }
    };
}
pub(crate) use wire;

/// An enumeration that has the values of one C enum and keeps every other.
pub trait WireEnum: Copy {
    /// The enum's name in the vendor's header.
    const C_NAME: &'static str;
    /// Every enumerator: its name in the vendor's header and its value.
    const ENUMERATORS: &'static [(&'static str, u32)];

    /// The number.
    fn raw(self) -> u32;

    /// The vendor's name of the value, if it has one.
    #[must_use]
    fn c_name(self) -> Option<&'static str> {
        Self::ENUMERATORS.iter().find(|(_, value)| *value == self.raw()).map(|(name, _)| *name)
    }
}

/// Declares a 32-bit C enum as an open newtype: known values are constants, all others are kept.
macro_rules! wire_enum {
    ($(#[$meta:meta])* $c:literal; pub struct $name:ident { $($(#[$vmeta:meta])* $variant:ident = $value:literal, $cv:literal;)+ }) => {
        $(#[$meta])*
        #[doc(alias = $c)]
        #[derive(
            ::zerocopy::FromBytes, ::zerocopy::IntoBytes, ::zerocopy::KnownLayout, ::zerocopy::Immutable,
            ::zerocopy::Unaligned, Clone, Copy, PartialEq, Eq, Hash,
        )]
        #[repr(transparent)]
        pub struct $name(::zerocopy::little_endian::U32);

        impl $name {
            $($(#[$vmeta])* #[doc(alias = $cv)] pub const $variant: Self = Self::from_raw($value);)+

            /// The enumerator with this number, known or not.
            #[must_use]
            pub const fn from_raw(value: u32) -> Self {
                Self(::zerocopy::little_endian::U32::new(value))
            }

            /// The number.
            #[must_use]
            pub const fn raw(self) -> u32 {
                self.0.get()
            }

            /// The name of the constant here, or `None` for an unknown number.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.raw() {
                    $($value => Some(stringify!($variant)),)+
                    _ => None,
                }
            }
        }

        impl $crate::wire::WireEnum for $name {
            const C_NAME: &'static str = $c;
            const ENUMERATORS: &'static [(&'static str, u32)] = &[$(($cv, $value)),+];

            fn raw(self) -> u32 {
                $name::raw(self)
            }
        }

        impl $crate::wire::WireKind for $name {
            const KIND: $crate::wire::Kind = $crate::wire::Kind::Enum {
                c_name: $c,
                enumerators: <Self as $crate::wire::WireEnum>::ENUMERATORS,
            };
        }

        impl $crate::wire::WireValue for $name {
            type Value = Self;

            fn value(self) -> Self {
                self
            }

            fn from_value(value: Self) -> Self {
                value
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(self, f)
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => write!(f, "{}", self.raw()),
                }
            }
        }
    };
}
pub(crate) use wire_enum;

/// What every wire struct is tested for, by a test that `wire!` declares beside it.
#[cfg(test)]
pub(crate) mod testing {
    extern crate std;

    use std::vec::Vec;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use zerocopy::FromBytes;

    use super::{Bool, Field, Kind, WireStruct, c_field_name};

    #[test]
    fn a_bool_keeps_its_byte() {
        for byte in 0..=u8::MAX {
            let wire = Bool::read_from_bytes(&[byte]).expect("one byte");
            assert_eq!((wire.raw(), wire.get()), (byte, byte != 0));
        }
        assert_eq!([Bool::new(false).raw(), Bool::from(true).raw()], [0, 1]);
    }

    #[test]
    fn keywords_lose_their_underscore() {
        assert_eq!([c_field_name("type_"), c_field_name("size"), c_field_name("")], ["type", "size", ""]);
    }

    /// Checks a struct: each of `copies` copies one field from one value to another by its accessors.
    pub(crate) fn check<T: WireStruct>(copies: &[fn(&mut T, &T)]) {
        let layout = <T as WireStruct>::LAYOUT;
        assert_eq!(layout.fields.len(), copies.len());
        assert_eq!(layout.fields.iter().map(|field| field.size).sum::<usize>(), layout.size, "there is no padding");
        let bytes = || vec(any::<u8>(), layout.size);
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(16));
        let arbitrary = vec(any::<u8>(), 0..layout.size + 16);
        let result = runner.run(&(bytes(), bytes(), arbitrary), |(to, from, arbitrary)| {
            for (field, copy) in layout.fields.iter().zip(copies) {
                copies_one_field(field, *copy, &to, &from);
            }
            any_length(&arbitrary);
            assert_eq!(T::ref_from_bytes(&arbitrary).is_ok(), arbitrary.len() == layout.size);
            for field in layout.fields {
                let end = field.offset + field.size;
                assert_eq!(field.of(&arbitrary).is_some(), arbitrary.len() >= end);
                let number = field.of(&arbitrary).filter(|bytes| bytes.len() <= 8);
                let number =
                    number.map(|bytes| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)));
                assert_eq!(field.number(&arbitrary), number);
            }
            Ok(())
        });
        if let Err(error) = result {
            panic!("{}: {error}", layout.c_name);
        }

        fn any_length(bytes: &[u8]) {
            let field = Field { name: "", offset: usize::MAX, size: usize::MAX, kind: Kind::Number, access: None };
            assert_eq!(field.of(bytes), None);
        }
    }

    /// A getter reads the field's bytes and no others, a setter writes them and no others.
    fn copies_one_field<T: WireStruct>(field: &Field, copy: fn(&mut T, &T), to: &[u8], from: &[u8]) {
        let mut value = T::read_from_bytes(to).expect("the right length");
        copy(&mut value, &T::read_from_bytes(from).expect("the right length"));
        let copied = field.offset..field.offset + field.size;
        let expected: Vec<u8> = (0..to.len())
            .map(|index| match from[index] {
                _ if !copied.contains(&index) => to[index],
                byte if field.kind == Kind::Bool => u8::from(byte != 0),
                byte => byte,
            })
            .collect();
        assert_eq!(value.as_bytes(), expected, "{}", field.name);
    }
}
