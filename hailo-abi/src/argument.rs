//! How arguments turn into commands and back: [`Argument`], and the `argument!` macro, in which most of them are tables.

use zerocopy::little_endian::{U16, U32, U64};

use crate::channels::{ChannelBitmaps, MAX_VDMA_ENGINES};
use crate::command::{Command, Reply};
use crate::data_model::Word;
use crate::wire::{Bool, WireEnum, WireStruct};

/// The argument of one request in one data model: a wire struct that knows its plain form.
pub trait Argument: WireStruct {
    /// How a launch is sent without a detour, for the arguments of launches.
    #[doc(hidden)]
    const LAUNCH: Option<crate::driver::LaunchFn> = None;

    /// How a wait is sent without a detour, for the arguments of waits.
    #[doc(hidden)]
    const WAIT: Option<crate::driver::WaitFn> = None;

    /// Writes the command's parameters into every field that the driver reads, whatever the argument held before. Fields
    /// that only the driver writes stay as they are.
    ///
    /// # Errors
    /// The name of a parameter that this layout cannot express.
    fn encode(&mut self, command: &Command<'_>) -> Result<(), Inexpressible>;

    /// The command that these bytes are.
    fn decode(&self) -> Command<'_>;

    /// Writes what the driver answers, and nothing else.
    ///
    /// # Errors
    /// The name of a value that this layout cannot express.
    fn encode_reply(&mut self, reply: &Reply<'_>) -> Result<(), Inexpressible> {
        match reply {
            Reply::None => Ok(()),
            _ => Err(Inexpressible::REPLY),
        }
    }

    /// What the driver answered.
    fn decode_reply(&self) -> Reply<'_> {
        Reply::None
    }
}

/// A parameter that a layout cannot express, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inexpressible(pub &'static str);

impl Inexpressible {
    /// The argument belongs to another command.
    pub(crate) const COMMAND: Self = Self("command");
    /// The argument belongs to another reply.
    pub(crate) const REPLY: Self = Self("reply");
    /// The argument has another length.
    pub(crate) const LENGTH: Self = Self("argument length");
}

/// A field that stands for a parameter of type `P`.
pub(crate) trait Param<P> {
    /// Writes the parameter. Returns false if the field cannot express it.
    #[must_use]
    fn put(&mut self, parameter: &P) -> bool;

    /// The parameter.
    fn take(&self) -> P;
}

macro_rules! params {
    ($($field:ty: $param:ty, |$get:ident| $read:expr, |$set:ident| $write:expr;)*) => {$(
        impl Param<$param> for $field {
            fn put(&mut self, $set: &$param) -> bool {
                *self = $write;
                true
            }

            fn take(&self) -> $param {
                let $get = self;
                $read
            }
        }
    )*};
}

params! {
    u8: u8, |field| *field, |value| *value;
    U16: u16, |field| field.get(), |value| Self::new(*value);
    U32: u32, |field| field.get(), |value| Self::new(*value);
    U32: i32, |field| field.get().cast_signed(), |value| Self::new(value.cast_unsigned());
    U64: u64, |field| field.get(), |value| Self::new(*value);
    Bool: bool, |field| field.get(), |value| Self::new(*value);
    [U64; MAX_VDMA_ENGINES]: ChannelBitmaps, |field| ChannelBitmaps(field.map(U64::get)), |value| value.0.map(U64::new);
}

impl<E: WireEnum> Param<E> for E {
    fn put(&mut self, parameter: &E) -> bool {
        *self = *parameter;
        true
    }

    fn take(&self) -> E {
        *self
    }
}

impl<W: Word> Param<u64> for W {
    fn put(&mut self, parameter: &u64) -> bool {
        match W::new(*parameter) {
            Some(word) => *self = word,
            None => return false,
        }
        true
    }

    fn take(&self) -> u64 {
        self.get()
    }
}

/// A handle that may be missing: all ones stand for none, so that this number is no handle.
impl<W: Word> Param<Option<u64>> for W {
    fn put(&mut self, parameter: &Option<u64>) -> bool {
        let none = W::MODEL.max_word();
        *parameter != Some(none) && Param::<u64>::put(self, &parameter.unwrap_or(none))
    }

    fn take(&self) -> Option<u64> {
        Some(self.get()).filter(|handle| *handle != W::MODEL.max_word())
    }
}

impl Param<ChannelBitmaps> for [U32; MAX_VDMA_ENGINES] {
    fn put(&mut self, parameter: &ChannelBitmaps) -> bool {
        let mut fits = true;
        for (field, bitmap) in self.iter_mut().zip(parameter.0) {
            *field = U32::new(bitmap as u32);
            fits &= bitmap >> u32::BITS == 0;
        }
        fits
    }

    fn take(&self) -> ChannelBitmaps {
        ChannelBitmaps(self.map(|bitmap| bitmap.get().into()))
    }
}

/// Implements [`Argument`] from a table:
///
/// * `in`: fields that are the parameter of the same name,
/// * `renamed`: fields that are a parameter of another name, `field = parameter`,
/// * `fixed`: parameters without a field: only this value can be expressed, and it is what decoding gives,
/// * `ignored`: parameters without a field that repeat what the driver knows anyway: decoding gives this value,
/// * `reply`: what the driver writes back.
macro_rules! argument {
    (
        $wire:ident $(<$w:ident>)?: $variant:ident
        $(in { $($field:ident),+ $(,)? })?
        $(renamed { $($renamed:ident = $param:ident),+ $(,)? })?
        $(fixed { $($fixed:ident: $value:expr),+ $(,)? })?
        $(ignored { $($ignored:ident: $neutral:expr),+ $(,)? })?
        $(reply $reply:ident: $reply_ty:ident {
            $($out:ident),+ $(,)?
        } $(fixed { $($reply_fixed:ident: $reply_value:expr),+ })?)?
    ) => {
        impl$(<$w: $crate::data_model::Word>)? $crate::argument::Argument for $wire$(<$w>)? {
            fn encode(&mut self, command: &$crate::command::Command<'_>) -> Result<(), $crate::argument::Inexpressible> {
                let $crate::command::Command::$variant(params) = command else {
                    return Err($crate::argument::Inexpressible::COMMAND);
                };
                $($($crate::argument::argument!(@fixed params, $fixed, $value);)+)?
                $($($crate::argument::argument!(@put self.$field, params.$field, $field);)+)?
                $($($crate::argument::argument!(@put self.$renamed, params.$param, $param);)+)?
                Ok(())
            }

            fn decode(&self) -> $crate::command::Command<'_> {
                $crate::command::Command::$variant($crate::command::$variant {
                    $($($field: $crate::argument::Param::take(&self.$field),)+)?
                    $($($param: $crate::argument::Param::take(&self.$renamed),)+)?
                    $($($fixed: $value,)+)?
                    $($($ignored: $neutral,)+)?
                })
            }

            $($crate::argument::argument!(@reply $reply: $reply_ty { $($out),+ } $(fixed { $($reply_fixed: $reply_value),+ })?);)?
        }
    };

    (@fixed $params:ident, $fixed:ident, $value:expr) => {
        if $params.$fixed != $value {
            return Err($crate::argument::Inexpressible(stringify!($fixed)));
        }
    };

    (@put $self:ident.$field:ident, $params:ident.$param:ident, $name:ident) => {
        if !$crate::argument::Param::put(&mut $self.$field, &$params.$param) {
            return Err($crate::argument::Inexpressible(stringify!($name)));
        }
    };

    (@reply $reply:ident: $reply_ty:ident { $($out:ident),+ } $(fixed { $($fixed:ident: $value:expr),+ })?) => {
        fn encode_reply(&mut self, reply: &$crate::command::Reply<'_>) -> Result<(), $crate::argument::Inexpressible> {
            let $crate::command::Reply::$reply(reply) = reply else {
                return Err($crate::argument::Inexpressible::REPLY);
            };
            $($($crate::argument::argument!(@fixed reply, $fixed, $value);)+)?
            $($crate::argument::argument!(@put self.$out, reply.$out, $out);)+
            Ok(())
        }

        fn decode_reply(&self) -> $crate::command::Reply<'_> {
            $crate::command::Reply::$reply($crate::command::$reply_ty {
                $($out: $crate::argument::Param::take(&self.$out),)+
                $($($fixed: $value,)+)?
            })
        }
    };
}
pub(crate) use argument;
