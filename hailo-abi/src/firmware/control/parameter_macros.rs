//! The macros that declare structures of parameters.

/// Declares structures of parameters that have one layout, and `LAYOUTS`, the list of them.
///
/// `nested` is a structure of parameters that it begins with; a literal behind a field's name is the vendor's name
/// of its length where it is not `NAME_length`; `tail` is a last parameter of varying size, with the size that C
/// declares and the largest one.
macro_rules! parameter_structs {
    ($(
        $(#[$meta:meta])*
        struct $native:ident $(<$lt:lifetime>)? => $wire:ident = $c_name:literal, $size:literal,
            $first:ident..=$last:ident
        {
            $(nested $(#[$nested_meta:meta])* $nested:ident: $nested_type:ty as $nested_wire:ty,)?
            $($(#[$field_meta:meta])* [$offset:literal] $field:ident $(($length:literal))?:
                $type:ty as $wire_type:ty,)*
            $(tail $(#[$tail_meta:meta])* [$tail_offset:literal] $tail:ident $(($tail_length:literal))?:
                [u8; $tail_size:literal] up to $largest:expr,)?
        }
    )*) => {
        $(
            $(#[$meta])*
            #[doc(alias = $c_name)]
            #[derive(Clone, Copy, Debug, Default, PartialEq)]
            pub struct $native $(<$lt>)? {
                $($(#[$nested_meta])* pub $nested: $nested_type,)?
                $($(#[$field_meta])* pub $field: $type,)*
                $($(#[$tail_meta])* pub $tail: &$lt [u8],)?
            }

            $crate::firmware::control::parameter_macros::parameter_layout! {
                #[doc = concat!("The packed form of [`", stringify!($native), "`].")]
                struct $wire for $native $(<$lt>)? = $c_name, $size, $first..=$last {
                    $(nested $nested: $nested_wire,)?
                    $([$offset] $field $(($length))?: $wire_type,)*
                    $(tail [$tail_offset] $tail $(($tail_length))?: [u8; $tail_size] up to $largest,)?
                }
                absent {}
            }

            $crate::firmware::control::parameter_macros::by_generation! { $native $(<$lt>)? { $wire } }
        )*

        /// The layouts of this module.
        pub(crate) const LAYOUTS: &[$crate::firmware::layout::LayoutInfo] =
            &[$(<$wire as $crate::firmware::layout::Layout>::INFO,)*];
    };
}

/// Declares the layout of one or several generations for a value that is declared elsewhere.
macro_rules! parameter_layout {
    (
        $(#[$meta:meta])*
        struct $wire:ident for $native:ident $(<$lt:lifetime>)? = $c_name:literal, $size:literal,
            $first:ident..=$last:ident
        {
            $(nested $nested:ident: $nested_wire:ty,)?
            $([$offset:literal] $field:ident $(($length:literal))?: $wire_type:ty,)*
            $(tail [$tail_offset:literal] $tail:ident $(($tail_length:literal))?:
                [u8; $tail_size:literal] up to $largest:expr,)?
        }
        absent { $($absent:ident: $value:expr,)* }
    ) => { pastey::paste! {
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
                /// The parameters that the structure begins with.
                pub $nested: $nested_wire,
            )?
            $(
                #[doc = concat!("The length of `", stringify!($field), "`, in bytes.")]
                pub [<$field _length>]: $crate::firmware::layout::Be32,
                #[doc = concat!("The field `", stringify!($field), "` in its byte order.")]
                pub $field: $wire_type,
            )*
            $(
                #[doc = concat!("The length of `", stringify!($tail), "`, which follows, in bytes.")]
                pub [<$tail _length>]: $crate::firmware::layout::Be32,
            )?
        }

        static_assertions::const_assert_eq!(size_of::<$wire>() $(+ $tail_size)?, $size);
        $(
            static_assertions::const_assert_eq!(core::mem::offset_of!($wire, $field), $offset);
            static_assertions::const_assert_eq!(core::mem::offset_of!($wire, [<$field _length>]), $offset - 4);
        )*
        $(static_assertions::const_assert_eq!(core::mem::offset_of!($wire, [<$tail _length>]), $tail_offset - 4);)?

        impl $wire {
            $(
                #[doc = concat!("Where `", stringify!($field), "` begins, in bytes.")]
                pub const [<$field:upper _OFFSET>]: usize = $offset;
            )*

            /// Whether firmware of this generation has this layout.
            pub(crate) fn exists_in(interface: $crate::firmware::FirmwareInterface) -> bool {
                let info = <Self as $crate::firmware::layout::Layout>::INFO;
                info.first <= interface && interface <= info.last
            }

            #[doc = concat!("Packs a [`", stringify!($native), "`] without what follows the structure.")]
            pub(crate) fn pack(
                value: &$crate::firmware::control::parameter_macros::lifetime!($native $(<$lt>)? elided),
            ) -> Result<Self, $crate::firmware::layout::Unrepresentable> {
                $(if value.$absent != $value {
                    return Err($crate::firmware::layout::Unrepresentable { field: stringify!($absent) });
                })*
                Ok(Self {
                    $($nested: $crate::firmware::layout::Field::to_wire(&value.$nested)?,)?
                    $(
                        [<$field _length>]: $crate::firmware::control::parameters::length_word(
                            size_of::<$wire_type>(),
                        ),
                        $field: $crate::firmware::layout::Field::to_wire(&value.$field)
                            .map_err(|error| error.at(stringify!($field)))?,
                    )*
                    $([<$tail _length>]: $crate::firmware::control::parameters::length_word(value.$tail.len()),)?
                })
            }

            #[doc = concat!("Unpacks a [`", stringify!($native), "`], without what follows the structure.")]
            pub(crate) fn unpack(
                #[allow(unused_variables, reason = "a structure may be all tail")] wire: &Self,
            ) -> $crate::firmware::control::parameter_macros::lifetime!($native $(<$lt>)? static) {
                $native {
                    $($nested: $crate::firmware::layout::Field::from_wire(&wire.$nested),)?
                    $($field: $crate::firmware::layout::Field::from_wire(&wire.$field),)*
                    $($absent: $value,)*
                    $($tail: &[],)?
                }
            }

            #[doc = concat!("Writes a [`", stringify!($native), "`].")]
            pub(crate) fn write(
                value: &$crate::firmware::control::parameter_macros::lifetime!($native $(<$lt>)? elided),
                writer: &mut $crate::firmware::control::parameters::ParameterWriter<'_>,
            ) -> Result<(), $crate::firmware::control::parameters::EncodeError> {
                let tail: &[u8] = $crate::firmware::control::parameter_macros::first!($(value.$tail,)? &[]);
                writer.block(&Self::pack(value)?, tail)
            }

            #[doc = concat!("Reads a [`", stringify!($native), "`].")]
            pub(crate) fn read<'m>(
                reader: &mut $crate::firmware::control::parameters::ParameterReader<'m>,
            ) -> Result<
                $crate::firmware::control::parameter_macros::lifetime!($native $(<$lt>)?),
                $crate::firmware::control::parameters::ParameterError,
            > {
                let (wire, _tail) = reader.block::<Self>(
                    |_wire| $crate::firmware::control::parameter_macros::first!($(_wire.[<$tail _length>].get(),)? 0),
                    $crate::firmware::control::parameter_macros::first!($($largest,)? 0),
                )?;
                #[allow(unused_mut, reason = "most structures have nothing behind them")]
                let mut value: $crate::firmware::control::parameter_macros::lifetime!($native $(<$lt>)?) =
                    Self::unpack(&wire);
                $(value.$tail = _tail;)?
                Ok(value)
            }
        }

        impl $crate::firmware::layout::Wire for $wire {}

        impl $crate::firmware::layout::Layout for $wire {
            const INFO: $crate::firmware::layout::LayoutInfo = $crate::firmware::layout::LayoutInfo {
                c_name: $c_name,
                size: $size,
                fields: &[
                    $($crate::firmware::layout::FieldInfo {
                        name: stringify!($nested),
                        offset: 0,
                        size: size_of::<$nested_wire>(),
                        bits: None,
                    },)?
                    $(
                        $crate::firmware::layout::FieldInfo {
                            name: $crate::firmware::control::parameter_macros::first!(
                                $($length,)? concat!(stringify!($field), "_length")
                            ),
                            offset: core::mem::offset_of!(Self, [<$field _length>]),
                            size: 4,
                            bits: None,
                        },
                        $crate::firmware::layout::FieldInfo {
                            name: stringify!($field),
                            offset: core::mem::offset_of!(Self, $field),
                            size: size_of::<$wire_type>(),
                            bits: None,
                        },
                    )*
                    $(
                        $crate::firmware::layout::FieldInfo {
                            name: $crate::firmware::control::parameter_macros::first!(
                                $($tail_length,)? concat!(stringify!($tail), "_length")
                            ),
                            offset: core::mem::offset_of!(Self, [<$tail _length>]),
                            size: 4,
                            bits: None,
                        },
                        $crate::firmware::layout::FieldInfo {
                            name: stringify!($tail),
                            offset: $tail_offset,
                            size: $tail_size,
                            bits: None,
                        },
                    )?
                ],
                first: $crate::firmware::FirmwareInterface::$first,
                last: $crate::firmware::FirmwareInterface::$last,
            };
        }

        impl $crate::firmware::control::parameters::ParameterLayout for $wire {
            const NESTED: &'static [$crate::firmware::control::parameters::ParameterInfo] =
                $crate::firmware::control::parameter_macros::first!(
                    $(<$nested_wire as $crate::firmware::control::parameters::ParameterLayout>::FIXED,)? &[]
                );
            const FIXED: &'static [$crate::firmware::control::parameters::ParameterInfo] = &[
                $($crate::firmware::control::parameters::ParameterInfo {
                    name: stringify!($field),
                    offset: $offset,
                    size: size_of::<$wire_type>(),
                },)*
            ];
            const TAIL: Option<&'static str> =
                $crate::firmware::control::parameter_macros::first!($(Some(stringify!($tail)),)? None);
        }
    } };
}

/// Lets a value with several layouts be written and read as each generation does it.
macro_rules! by_generation {
    ($native:ident $(<$lt:lifetime>)? { $($wire:ident)* }) => {
        impl<'m> $crate::firmware::control::parameters::Parameters<'m>
            for $crate::firmware::control::parameter_macros::lifetime!($native $(<$lt>)?)
        {
            const LAYOUTS: &'static [$crate::firmware::layout::LayoutInfo] =
                &[$(<$wire as $crate::firmware::layout::Layout>::INFO,)*];

            fn write(
                &self,
                interface: $crate::firmware::FirmwareInterface,
                writer: &mut $crate::firmware::control::parameters::ParameterWriter<'_>,
            ) -> Result<(), $crate::firmware::control::parameters::EncodeError> {
                $(if $wire::exists_in(interface) {
                    return $wire::write(self, writer);
                })*
                Err($crate::firmware::control::parameters::EncodeError::NotInRelease { interface })
            }
            fn read(
                interface: $crate::firmware::FirmwareInterface,
                reader: &mut $crate::firmware::control::parameters::ParameterReader<'m>,
            ) -> Result<Self, $crate::firmware::control::parameters::ParameterError> {
                $(if $wire::exists_in(interface) {
                    return $wire::read(reader);
                })*
                Err($crate::firmware::control::parameters::ParameterError::NotInRelease { interface })
            }
        }
    };
}

macro_rules! first {
    ($first:expr $(, $rest:expr)?) => {
        $first
    };
}

macro_rules! lifetime {
    ($native:ident) => { $native };
    ($native:ident <$lt:lifetime>) => { $native<'m> };
    ($native:ident elided) => { $native };
    ($native:ident <$lt:lifetime> elided) => { $native<'_> };
    ($native:ident static) => { $native };
    ($native:ident <$lt:lifetime> static) => { $native<'static> };
}

pub(crate) use {by_generation, first, lifetime, parameter_layout, parameter_structs};
