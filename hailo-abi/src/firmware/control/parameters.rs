//! Length-prefixed parameters: how they are declared, written into a message and read from untrusted bytes.
//!
//! Every parameter is a big-endian length and as many bytes. Each structure of parameters is declared as a value
//! with native fields and a packed layout, lengths included, whose size and offsets are asserted.

use core::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::buffer::MessageBuffer;
use super::opcode::Opcode;
use crate::firmware::FirmwareInterface;
use crate::firmware::layout::{Be32, Layout, LayoutInfo, Unrepresentable};

/// One parameter of a packed structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterInfo {
    /// The vendor's name.
    pub name: &'static str,
    /// Where the value begins; its length is in the four bytes before.
    pub offset: usize,
    /// Bytes of the value.
    pub size: usize,
}

/// A packed structure of parameters.
pub trait ParameterLayout: Layout + FromBytes + IntoBytes + KnownLayout + Immutable {
    /// The parameters of the structure that it begins with, if there is one.
    const NESTED: &'static [ParameterInfo];
    /// The parameters of fixed size.
    const FIXED: &'static [ParameterInfo];
    /// The name of the last parameter if its size varies; the layout ends with its length.
    const TAIL: Option<&'static str>;
}

/// What the parameters of a message say.
pub trait Parameters<'m>: Sized {
    /// The layouts, those of older generations first; none where there are no parameters.
    const LAYOUTS: &'static [LayoutInfo];

    /// Writes the parameters as this generation lays them out.
    ///
    /// # Errors
    ///
    /// If this generation has no such message, a value has no place in it, or the message gets too long.
    fn write(&self, interface: FirmwareInterface, writer: &mut ParameterWriter<'_>) -> Result<(), EncodeError>;

    /// Reads the parameters as this generation lays them out.
    ///
    /// # Errors
    ///
    /// If a length is wrong or this generation has no such message.
    fn read(interface: FirmwareInterface, reader: &mut ParameterReader<'m>) -> Result<Self, ParameterError>;
}

/// Why a message cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// Firmware of this generation does not know the message.
    NotInRelease {
        /// The generation.
        interface: FirmwareInterface,
    },
    /// The firmware's release is not known, and the control is not the same in all releases
    /// ([`Opcode::is_release_independent`]).
    ReleaseDependent {
        /// The control.
        opcode: Opcode,
    },
    /// A value has no place in this generation's layout.
    Unrepresentable(Unrepresentable),
    /// The message would be longer than a control can be.
    TooLong {
        /// Bytes that it would have at least.
        needed: usize,
        /// Bytes that it may have.
        maximum: usize,
    },
}

impl From<Unrepresentable> for EncodeError {
    fn from(error: Unrepresentable) -> Self {
        Self::Unrepresentable(error)
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInRelease { interface } => write!(f, "firmware {interface} does not know this message"),
            Self::ReleaseDependent { opcode } => {
                write!(f, "control {opcode} differs between releases, and that of the firmware is not known")
            }
            Self::Unrepresentable(error) => error.fmt(f),
            Self::TooLong { needed, maximum } => {
                write!(f, "a message of {needed} bytes or more is longer than the {maximum} of a control")
            }
        }
    }
}

impl core::error::Error for EncodeError {}

/// Which length of a message's parameters is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterError {
    /// The message ends within the word that says how many parameters follow.
    NoCount {
        /// Bytes that there are of it.
        available: usize,
    },
    /// The stated number of parameters is not the number that the message has.
    Count {
        /// The number that is stated.
        stated: u32,
        /// The number that the message has at least.
        expected: u32,
    },
    /// The message ends within a parameter or its length.
    Truncated {
        /// The vendor's name of the parameter.
        parameter: &'static str,
        /// Bytes that it needs with its length.
        needed: usize,
        /// Bytes that are left.
        available: usize,
    },
    /// A parameter's stated length is not the size of its value.
    Length {
        /// The vendor's name of the parameter.
        parameter: &'static str,
        /// The length that is stated, in bytes.
        stated: u32,
        /// The size of the value, or the largest one where it varies, in bytes.
        expected: usize,
    },
    /// There are bytes behind the last parameter.
    Trailing {
        /// How many bytes.
        count: usize,
    },
    /// Firmware of this generation does not know the message.
    NotInRelease {
        /// The generation.
        interface: FirmwareInterface,
    },
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCount { available } => {
                write!(f, "the message ends within the number of parameters: {available} bytes instead of 4")
            }
            Self::Count { stated, expected } => {
                write!(f, "the message states {stated} parameters and should have {expected}")
            }
            Self::Truncated { parameter, needed, available } => {
                write!(f, "parameter `{parameter}` needs {needed} bytes, {available} are left")
            }
            Self::Length { parameter, stated, expected } => {
                write!(f, "parameter `{parameter}` is stated to have {stated} bytes and should have {expected}")
            }
            Self::Trailing { count } => write!(f, "{count} bytes follow the last parameter"),
            Self::NotInRelease { interface } => write!(f, "firmware {interface} does not know this message"),
        }
    }
}

impl core::error::Error for ParameterError {}

/// Writes parameters behind a message's header and counts them.
#[derive(Debug)]
pub struct ParameterWriter<'b> {
    buffer: &'b mut MessageBuffer,
    count_at: usize,
    count: u32,
}

impl<'b> ParameterWriter<'b> {
    pub(super) fn new(buffer: &'b mut MessageBuffer) -> Result<Self, EncodeError> {
        let count_at = buffer.as_slice().len();
        buffer.append(&[0; 4])?;
        Ok(Self { buffer, count_at, count: 0 })
    }

    /// Writes a structure of parameters and, where it has one, the last parameter of varying size.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooLong`].
    pub fn block<W: ParameterLayout>(&mut self, wire: &W, tail: &[u8]) -> Result<(), EncodeError> {
        self.buffer.append(wire.as_bytes())?;
        self.buffer.append(tail)?;
        let parameters = W::NESTED.len() + W::FIXED.len() + usize::from(W::TAIL.is_some());
        // A structure has a handful of parameters.
        self.count = self.count.saturating_add(u32::try_from(parameters).unwrap_or(u32::MAX));
        self.buffer.set_word(self.count_at, self.count);
        Ok(())
    }
}

/// Reads parameters from untrusted bytes.
#[derive(Clone, Debug)]
pub struct ParameterReader<'m> {
    rest: &'m [u8],
    stated: u32,
    read: u32,
}

impl<'m> ParameterReader<'m> {
    /// Begins with the word that says how many parameters follow.
    ///
    /// # Errors
    ///
    /// [`ParameterError::NoCount`] if it is cut off.
    pub fn new(bytes: &'m [u8]) -> Result<Self, ParameterError> {
        match Be32::read_from_prefix(bytes) {
            Ok((stated, rest)) => Ok(Self { rest, stated: stated.get(), read: 0 }),
            Err(_) => Err(ParameterError::NoCount { available: bytes.len() }),
        }
    }

    fn parameter(&mut self, info: &ParameterInfo, block: &'m [u8]) -> Result<(), ParameterError> {
        let before = info.offset - size_of::<Be32>();
        let bytes = block.get(before..).unwrap_or(&[]);
        let truncated = ParameterError::Truncated {
            parameter: info.name,
            needed: size_of::<Be32>() + info.size,
            available: bytes.len(),
        };
        self.read = self.read.saturating_add(1);
        if self.read > self.stated {
            return Err(ParameterError::Count { stated: self.stated, expected: self.read });
        }
        let (stated, value) = Be32::read_from_prefix(bytes).map_err(|_| truncated)?;
        if usize::try_from(stated.get()) != Ok(info.size) {
            return Err(ParameterError::Length { parameter: info.name, stated: stated.get(), expected: info.size });
        }
        if value.len() < info.size {
            return Err(truncated);
        }
        Ok(())
    }

    /// Reads a structure of parameters and, where it has one, the last parameter of varying size, whose length
    /// in the structure is `length_of_tail` and which may have `largest` bytes at most.
    ///
    /// # Errors
    ///
    /// All but [`ParameterError::NoCount`] and [`ParameterError::Trailing`].
    pub fn block<W: ParameterLayout>(
        &mut self,
        length_of_tail: fn(&W) -> u32,
        largest: usize,
    ) -> Result<(W, &'m [u8]), ParameterError> {
        let block = self.rest;
        for info in W::NESTED.iter().chain(W::FIXED) {
            self.parameter(info, block)?;
        }
        let available = match W::TAIL {
            Some(_) => block.len().saturating_sub(size_of::<W>() - size_of::<Be32>()),
            None => 0,
        };
        if W::TAIL.is_some() {
            self.read = self.read.saturating_add(1);
            if self.read > self.stated {
                return Err(ParameterError::Count { stated: self.stated, expected: self.read });
            }
        }
        let parameter = W::TAIL.unwrap_or_default();
        let truncated = |needed| ParameterError::Truncated { parameter, needed, available };
        // Only the length of the last parameter can be missing here.
        let (wire, rest) = W::read_from_prefix(block).map_err(|_| truncated(size_of::<Be32>()))?;
        if W::TAIL.is_none() {
            self.rest = rest;
            return Ok((wire, &[]));
        }
        let stated = length_of_tail(&wire);
        let length = usize::try_from(stated).unwrap_or(usize::MAX);
        if length > largest {
            return Err(ParameterError::Length { parameter, stated, expected: largest });
        }
        let (tail, rest) = rest.split_at_checked(length).ok_or(truncated(size_of::<Be32>() + length))?;
        self.rest = rest;
        Ok((wire, tail))
    }

    /// Checks that all parameters were read and nothing follows.
    ///
    /// # Errors
    ///
    /// [`ParameterError::Count`] and [`ParameterError::Trailing`].
    pub fn finish(self) -> Result<(), ParameterError> {
        if self.read != self.stated {
            return Err(ParameterError::Count { stated: self.stated, expected: self.read });
        }
        match self.rest.len() {
            0 => Ok(()),
            count => Err(ParameterError::Trailing { count }),
        }
    }
}

/// The bytes of a length; the caller has checked that they are few.
pub(super) fn length_word(length: usize) -> Be32 {
    Be32::new(u32::try_from(length).unwrap_or(u32::MAX))
}
