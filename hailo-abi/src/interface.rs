//! [`Interface`]: what one span of releases understands, and the version table.

mod error;
mod releases;
pub(crate) mod table;

use core::fmt;

use crate::argument::{Argument, Inexpressible};
use crate::board::Board;
use crate::command::{Command, Operation, Reply};
use crate::data_model::DataModel;
use crate::driver::{LaunchFn, WaitFn};
use crate::release::DriverRelease;
use crate::request::Request;
use crate::wire::{Layout, WireEnum, WireStruct};

pub use error::{DecodeError, EncodeError};
pub use releases::{MAX_ARGUMENT_LENGTH, Nearest, RELEASES, VERSION_QUERIES, is_harmless, max_argument_length};
pub(crate) use table::{interface, without};

/// How one request is written in one data model.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    /// The request code.
    pub request: Request,
    /// The argument's layout; none for a request without argument.
    pub layout: Option<Layout>,
    pub(crate) encode: fn(&Command<'_>, &mut [u8]) -> Result<(), Inexpressible>,
    pub(crate) decode: fn(&[u8]) -> Option<Command<'_>>,
    pub(crate) encode_reply: fn(&Reply<'_>, &mut [u8]) -> Result<(), Inexpressible>,
    pub(crate) decode_reply: fn(&[u8]) -> Option<Reply<'_>>,
    pub(crate) launch: Option<LaunchFn>,
    pub(crate) wait: Option<WaitFn>,
}

impl Codec {
    /// The coding of a request whose argument is a `T`.
    pub(crate) const fn new<T: Argument>(request: Request) -> Self {
        Self {
            request,
            layout: Some(<T as WireStruct>::LAYOUT),
            encode: |command, bytes| T::mut_from_bytes(bytes).map_err(|_| Inexpressible::LENGTH)?.encode(command),
            decode: |bytes| T::ref_from_bytes(bytes).ok().map(T::decode),
            encode_reply: |reply, bytes| {
                T::mut_from_bytes(bytes).map_err(|_| Inexpressible::LENGTH)?.encode_reply(reply)
            },
            decode_reply: |bytes| T::ref_from_bytes(bytes).ok().map(T::decode_reply),
            launch: T::LAUNCH,
            wait: T::WAIT,
        }
    }

    /// The coding of a request without argument; `decode` gives its command for an empty argument.
    pub(crate) const fn empty(request: Request, decode: fn(&[u8]) -> Option<Command<'_>>) -> Self {
        Self {
            request,
            layout: None,
            encode: |_, _| Ok(()),
            decode,
            encode_reply: |reply, _| match reply {
                Reply::None => Ok(()),
                _ => Err(Inexpressible::REPLY),
            },
            decode_reply: |bytes| bytes.is_empty().then_some(Reply::None),
            launch: None,
            wait: None,
        }
    }
}

/// One request of an interface.
#[derive(Clone, Copy, Debug)]
pub struct RequestEntry {
    /// What it does.
    pub operation: Operation,
    /// Its name in the vendor's header.
    pub name: &'static str,
    /// The name of the enumerator that is its number there.
    pub code_name: &'static str,
    pub(crate) lp64: Codec,
    pub(crate) ilp32: Codec,
}

impl RequestEntry {
    /// The code, layout and coding in one data model.
    #[must_use]
    pub const fn codec(&self, model: DataModel) -> &Codec {
        match model {
            DataModel::Lp64 => &self.lp64,
            DataModel::Ilp32 => &self.ilp32,
        }
    }
}

/// Everything that a span of driver releases has in common: requests, layouts, enums and constants.
pub struct Interface {
    /// The first release with this interface, which names its module (`v4_21_0`).
    pub first_release: DriverRelease,
    /// Every request.
    pub requests: &'static [RequestEntry],
    /// Every struct of the header, the arguments and what they contain, by name.
    pub structs: &'static [StructEntry],
    /// Every enum of the header.
    pub enums: &'static [EnumEntry],
    /// Every integer constant of the header, but for those that state the release itself
    /// ([`DriverRelease::constants`]).
    pub constants: &'static [(&'static str, i64)],
    /// The boards that the header names, and their numbers.
    pub boards: &'static [(u32, Board)],
    /// How many channels an engine can have (`MAX_VDMA_CHANNELS_PER_ENGINE`).
    pub channels_per_engine: u8,
    /// How many buffers a transfer can have (`HAILO_MAX_BUFFERS_PER_SINGLE_TRANSFER`).
    pub buffers_per_transfer: u8,
    /// Where in `requests` an operation is.
    pub(crate) by_operation: [u8; Operation::COUNT],
    /// Where in `requests` a group's number is.
    pub(crate) by_number: table::ByNumber,
}

/// One struct of an interface, in both data models.
#[derive(Clone, Copy, Debug)]
pub struct StructEntry {
    /// The layout on 64-bit kernels.
    pub lp64: Layout,
    /// The layout on 32-bit kernels.
    pub ilp32: Layout,
}

impl StructEntry {
    /// The layout in one data model.
    #[must_use]
    pub const fn layout(&self, model: DataModel) -> &Layout {
        match model {
            DataModel::Lp64 => &self.lp64,
            DataModel::Ilp32 => &self.ilp32,
        }
    }
}

/// One enum of an interface.
#[derive(Clone, Copy, Debug)]
pub struct EnumEntry {
    /// The name in the vendor's header.
    pub c_name: &'static str,
    /// Names and values.
    pub enumerators: &'static [(&'static str, u32)],
}

impl EnumEntry {
    /// The enum that a type stands for.
    pub(crate) const fn of<E: WireEnum>() -> Self {
        Self { c_name: E::C_NAME, enumerators: E::ENUMERATORS }
    }
}

impl Interface {
    /// The interface of a release, or `None` for a release that is not in the [version table](RELEASES).
    #[must_use]
    pub fn of(release: DriverRelease) -> Option<&'static Self> {
        RELEASES.iter().find(|(known, _)| *known == release).map(|(_, interface)| *interface)
    }

    /// The request for an operation, if the interface has it.
    #[inline]
    #[must_use]
    pub fn entry(&self, operation: Operation) -> Option<&'static RequestEntry> {
        self.requests.get(usize::from(*self.by_operation.get(operation as usize)?))
    }

    /// The code of an operation's request, if the interface has it.
    #[must_use]
    pub fn request(&self, operation: Operation, model: DataModel) -> Option<Request> {
        self.entry(operation).map(|entry| entry.codec(model).request)
    }

    /// The request with a code, if the interface has it.
    #[must_use]
    pub fn find(&self, request: Request, model: DataModel) -> Option<&'static RequestEntry> {
        let index = table::index_of(&self.by_number, request)?;
        self.requests.get(index).filter(|entry| entry.codec(model).request == request)
    }

    /// The struct with a name in the vendor's header.
    #[must_use]
    pub fn struct_named(&self, c_name: &str) -> Option<&'static StructEntry> {
        self.structs.iter().find(|entry| entry.lp64.c_name == c_name)
    }

    /// The value of a constant of the vendor's header.
    #[must_use]
    pub fn constant(&self, name: &str) -> Option<i64> {
        self.constants.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The board with a number ([`DeviceProperties::board_type`](crate::command::DeviceProperties::board_type)).
    #[must_use]
    pub fn board(&self, number: u32) -> Option<Board> {
        self.boards.iter().find(|(known, _)| *known == number).map(|(_, board)| *board)
    }

    /// The number of a board, if the interface knows it.
    #[must_use]
    pub fn board_number(&self, board: Board) -> Option<u32> {
        self.boards.iter().find(|(_, known)| *known == board).map(|(number, _)| *number)
    }

    /// What a process asks with these argument bytes.
    ///
    /// # Errors
    /// [`DecodeError::UnknownRequest`], [`DecodeError::Length`].
    pub fn decode<'a>(&self, model: DataModel, request: Request, bytes: &'a [u8]) -> Result<Command<'a>, DecodeError> {
        (self.known(model, request)?.decode)(bytes).ok_or(DecodeError::Length { request, given: bytes.len() })
    }

    /// What the driver answered in these argument bytes.
    ///
    /// # Errors
    /// [`DecodeError::UnknownRequest`], [`DecodeError::Length`].
    pub fn decode_reply<'a>(
        &self,
        model: DataModel,
        request: Request,
        bytes: &'a [u8],
    ) -> Result<Reply<'a>, DecodeError> {
        (self.known(model, request)?.decode_reply)(bytes).ok_or(DecodeError::Length { request, given: bytes.len() })
    }

    /// Writes the argument of a command to the start of `buffer`, every byte of it. Returns the request and the argument's
    /// bytes.
    ///
    /// # Errors
    /// [`EncodeError`]; nothing was sent.
    pub fn encode<'b>(
        &self,
        model: DataModel,
        command: &Command<'_>,
        buffer: &'b mut [u8],
    ) -> Result<(Request, &'b mut [u8]), EncodeError> {
        let operation = command.operation();
        let codec = self.codec(operation, model)?;
        let needed = codec.request.size();
        let given = buffer.len();
        let argument = buffer.get_mut(..needed).ok_or(EncodeError::Buffer { needed, given })?;
        argument.fill(0);
        (codec.encode)(command, argument).map_err(|parameter| self.inexpressible(operation, parameter))?;
        Ok((codec.request, argument))
    }

    /// Writes the driver's answer into an argument that holds the process's bytes; all other bytes stay as they are.
    ///
    /// # Errors
    /// [`EncodeError`]; the bytes may have been written in part.
    pub fn encode_reply(
        &self,
        model: DataModel,
        operation: Operation,
        reply: &Reply<'_>,
        bytes: &mut [u8],
    ) -> Result<(), EncodeError> {
        let codec = self.codec(operation, model)?;
        if bytes.len() != codec.request.size() {
            return Err(EncodeError::Buffer { needed: codec.request.size(), given: bytes.len() });
        }
        (codec.encode_reply)(reply, bytes).map_err(|parameter| self.inexpressible(operation, parameter))
    }

    /// How an operation is written.
    #[inline]
    pub(crate) fn codec(&self, operation: Operation, model: DataModel) -> Result<&'static Codec, EncodeError> {
        match self.entry(operation) {
            Some(entry) => Ok(entry.codec(model)),
            None => Err(EncodeError::NoOperation { operation, interface: self.first_release }),
        }
    }

    #[cold]
    pub(crate) fn inexpressible(&self, operation: Operation, Inexpressible(parameter): Inexpressible) -> EncodeError {
        EncodeError::Inexpressible { operation, parameter, interface: self.first_release }
    }

    fn known(&self, model: DataModel, request: Request) -> Result<&'static Codec, DecodeError> {
        match self.find(request, model) {
            Some(entry) => Ok(entry.codec(model)),
            None => Err(DecodeError::UnknownRequest { request, interface: self.first_release }),
        }
    }
}

impl fmt::Debug for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Interface({})", self.first_release)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_and_structs_are_found_by_name() {
        for (release, interface) in RELEASES {
            for (name, value) in interface.constants {
                assert_eq!(interface.constant(name), Some(*value), "{name} of {release}");
            }
            for entry in interface.structs {
                let c_name = entry.lp64.c_name;
                assert_eq!(interface.struct_named(c_name).map(|found| found.lp64), Some(entry.lp64), "{release}");
                assert_eq!(entry.layout(DataModel::Lp64).size, entry.lp64.size, "{c_name} of {release}");
                assert_eq!(entry.layout(DataModel::Ilp32).size, entry.ilp32.size, "{c_name} of {release}");
            }
            assert_eq!((interface.constant("HAILO"), interface.struct_named("hailo").is_some()), (None, false));
        }
    }
}
