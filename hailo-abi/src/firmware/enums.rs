//! How the firmware's enumerations are declared: open newtypes that keep unknown values.

use super::FirmwareInterface;

/// One enumerator, for names and for tests that compare with tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumeratorInfo {
    /// The vendor's name.
    pub c_name: &'static str,
    /// The name in this crate.
    pub name: &'static str,
    /// The number.
    pub value: u64,
    /// The first generation that has it.
    pub first: FirmwareInterface,
    /// The last generation that has it.
    pub last: FirmwareInterface,
}

impl EnumeratorInfo {
    /// Whether firmware of this generation knows the enumerator.
    pub fn exists_in(&self, interface: FirmwareInterface) -> bool {
        self.first <= interface && interface <= self.last
    }
}

/// An enumeration of the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumInfo {
    /// The vendor's name.
    pub c_name: &'static str,
    /// The vendor's name of the enumerator that counts the others, if there is one.
    pub count_name: Option<&'static str>,
    /// All enumerators but the counting one.
    pub enumerators: &'static [EnumeratorInfo],
}

impl EnumInfo {
    /// The number of ordinary values in a generation: one more than the highest. Values from 2³⁰ on are
    /// special ones and do not count.
    pub fn count(&self, interface: FirmwareInterface) -> u64 {
        self.enumerators
            .iter()
            .filter(|e| e.exists_in(interface) && e.value < 1 << 30)
            .map(|e| e.value + 1)
            .max()
            .unwrap_or(0)
    }

    /// The enumerator with this number in a generation.
    pub fn find(&self, value: u64, interface: FirmwareInterface) -> Option<&'static EnumeratorInfo> {
        self.enumerators.iter().find(|e| e.value == value && e.exists_in(interface))
    }
}

macro_rules! enumerator_range {
    ($bound:ident) => {
        ($crate::firmware::FirmwareInterface::V4_17, $crate::firmware::FirmwareInterface::V5_2)
    };
    ($bound:ident $first:ident $last:ident) => {
        ($crate::firmware::FirmwareInterface::$first, $crate::firmware::FirmwareInterface::$last)
    };
}

/// Declares open enumerations, and `ENUMS`, the list of them.
macro_rules! open_enums {
    ($(
        $(#[$meta:meta])*
        enum $name:ident($raw:ident) = $c_name:literal $(count $count:literal)? {
            $($(#[$variant_meta:meta])* $variant:ident = $value:literal, $variant_c:literal
                $(, $first:ident..=$last:ident)?;)*
        }
    )*) => {
        $(
            $(#[$meta])*
            #[doc(alias = $c_name)]
            #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(pub $raw);

            impl $name {
                $(
                    $(#[$variant_meta])*
                    #[doc(alias = $variant_c)]
                    pub const $variant: Self = Self($value);
                )*

                /// The vendor's names and the generations that have them.
                pub const ENUMERATION: $crate::firmware::enums::EnumInfo = $crate::firmware::enums::EnumInfo {
                    c_name: $c_name,
                    count_name: $crate::firmware::enums::optional!($($count)?),
                    enumerators: &[$($crate::firmware::enums::EnumeratorInfo {
                        c_name: $variant_c,
                        name: stringify!($variant),
                        value: $value,
                        first: $crate::firmware::enums::enumerator_range!(bound $($first $last)?).0,
                        last: $crate::firmware::enums::enumerator_range!(bound $($first $last)?).1,
                    },)*],
                };

                /// The name, if any generation gave the number one; the newest name where there are several.
                pub fn name(self) -> Option<&'static str> {
                    Self::ENUMERATION
                        .enumerators
                        .iter()
                        .rev()
                        .find(|e| e.value == u64::from(self.0))
                        .map(|e| e.name)
                }
            }

            impl core::fmt::Debug for $name {
                fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    match self.name() {
                        Some(name) => f.write_str(name),
                        None => write!(f, concat!(stringify!($name), "({})"), self.0),
                    }
                }
            }

            impl core::fmt::Display for $name {
                fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    match self.name() {
                        Some(name) => f.pad(name),
                        None => write!(f, "unknown ({})", self.0),
                    }
                }
            }

            $crate::firmware::enums::enum_fields!($name $raw);
        )*

        /// The enumerations of this module.
        pub(crate) const ENUMS: &[$crate::firmware::enums::EnumInfo] = &[$($name::ENUMERATION,)*];
    };
}

macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

macro_rules! enum_fields {
    ($name:ident u8) => {
        impl $crate::firmware::layout::Field<u8> for $name {
            fn to_wire(&self) -> Result<u8, $crate::firmware::layout::Unrepresentable> {
                Ok(self.0)
            }
            fn from_wire(wire: &u8) -> Self {
                Self(*wire)
            }
        }
    };
    ($name:ident u16) => {
        $crate::firmware::enums::enum_fields!(@word $name Le16 Be16);
    };
    ($name:ident u32) => {
        $crate::firmware::enums::enum_fields!(@word $name Le32 Be32);
    };
    (@word $name:ident $($wire:ident)*) => {$(
        impl $crate::firmware::layout::Field<$crate::firmware::layout::$wire> for $name {
            fn to_wire(
                &self,
            ) -> Result<$crate::firmware::layout::$wire, $crate::firmware::layout::Unrepresentable> {
                Ok($crate::firmware::layout::$wire::new(self.0))
            }
            fn from_wire(wire: &$crate::firmware::layout::$wire) -> Self {
                Self(wire.get())
            }
        }
    )*};
}

pub(crate) use {enum_fields, enumerator_range, open_enums, optional};
