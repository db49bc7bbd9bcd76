//! Reading lists piece by piece, and writing them grouped and cut into chunks.

use super::{
    Action, ActionError, ActionHeader, ActionHeaderLayout, ActionType, RepeatedActionHeader,
    RepeatedActionHeaderLayout, TIMESTAMP_INIT_VALUE, put, read_body, write_body,
};
use crate::firmware::FirmwareInterface;

/// The most bytes of a list that one SET_CONTEXT_INFO carries
/// (`CONTROL_PROTOCOL__CONTEXT_NETWORK_DATA_SINGLE_CONTROL_MAX_SIZE`).
pub const MAX_CHUNK_SIZE: usize = 1461;

/// One piece of a list: what is never cut in two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// An action with its header.
    Action {
        /// When it was carried out, or [`TIMESTAMP_INIT_VALUE`].
        time_stamp: u32,
        /// The action.
        action: Action,
    },
    /// The header of a repetition; its bodies follow.
    Repetition {
        /// When it was carried out, or [`TIMESTAMP_INIT_VALUE`].
        time_stamp: u32,
        /// What follows, and how often.
        header: RepeatedActionHeader,
    },
    /// One body of a repetition.
    Repeated(Action),
}

impl Piece {
    /// Writes the piece to the front of `out` and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// As [`Action::encode_body`].
    pub fn encode(&self, interface: FirmwareInterface, out: &mut [u8]) -> Result<usize, ActionError> {
        let header = |action_type, time_stamp, out: &mut [u8]| {
            write_body::<_, ActionHeaderLayout>(&ActionHeader { action_type, time_stamp }, out)
        };
        match self {
            Self::Action { time_stamp, action } => {
                let start = header(action.action_type(), *time_stamp, out)?;
                let body = action.encode_body(interface, out.get_mut(start..).unwrap_or(&mut []))?;
                Ok(start + body)
            }
            Self::Repetition { time_stamp, header: repeated } => {
                let start = header(ActionType::REPEATED_ACTION, *time_stamp, out)?;
                let body =
                    write_body::<_, RepeatedActionHeaderLayout>(repeated, out.get_mut(start..).unwrap_or(&mut []))?;
                Ok(start + body)
            }
            Self::Repeated(action) => action.encode_body(interface, out),
        }
    }

    /// The action in the piece, if it is not only a header.
    pub const fn action(&self) -> Option<&Action> {
        match self {
            Self::Action { action, .. } | Self::Repeated(action) => Some(action),
            Self::Repetition { .. } => None,
        }
    }
}

/// Reads the pieces of a list from untrusted bytes.
///
/// It takes a whole context: the chunks of a context are to be put together first, because a repetition may go
/// on in the next chunk. After an error it ends.
#[derive(Clone, Debug)]
pub struct ActionReader<'a> {
    interface: FirmwareInterface,
    rest: &'a [u8],
    offset: usize,
    repetition: Option<(ActionType, u8)>,
}

impl<'a> ActionReader<'a> {
    /// Reads `bytes` as firmware of this generation would.
    pub const fn new(interface: FirmwareInterface, bytes: &'a [u8]) -> Self {
        Self { interface, rest: bytes, offset: 0, repetition: None }
    }

    /// Where the next piece begins, in bytes from the start of the list.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    fn truncated(&self, action: ActionType, needed: usize) -> ActionError {
        ActionError::Truncated { action, offset: self.offset, needed, available: self.rest.len() }
    }

    /// Takes `length` bytes, which are known to be there.
    fn advance(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or(&[]);
        self.offset += length;
    }

    fn body(&self, action: ActionType, start: usize) -> Result<(Action, usize), ActionError> {
        let bytes = self.rest.get(start..).unwrap_or(&[]);
        Action::decode_body(self.interface, action, bytes).map_err(|error| match error {
            ActionError::Unknown { action, .. } => ActionError::Unknown { action, offset: self.offset },
            ActionError::Truncated { action, needed, .. } => self.truncated(action, start + needed),
            other => other,
        })
    }

    fn piece(&mut self) -> Result<Piece, ActionError> {
        if let Some((action, left)) = self.repetition {
            let (action, length) = self.body(action, 0)?;
            self.advance(length);
            self.repetition = (left > 1).then_some((action.action_type(), left - 1));
            return Ok(Piece::Repeated(action));
        }
        let (header, start) = read_body::<ActionHeader, ActionHeaderLayout>(self.rest).map_err(|needed| {
            let action = ActionType(self.rest.first().copied().unwrap_or_default());
            self.truncated(action, needed)
        })?;
        if header.action_type != ActionType::REPEATED_ACTION {
            let (action, length) = self.body(header.action_type, start)?;
            self.advance(start + length);
            return Ok(Piece::Action { time_stamp: header.time_stamp, action });
        }
        let bytes = self.rest.get(start..).unwrap_or(&[]);
        let (repeated, length) = read_body::<RepeatedActionHeader, RepeatedActionHeaderLayout>(bytes)
            .map_err(|needed| self.truncated(ActionType::REPEATED_ACTION, start + needed))?;
        if repeated.count == 0 || repeated.sub_action_type == ActionType::REPEATED_ACTION {
            return Err(ActionError::BadRepetition {
                count: repeated.count,
                action: repeated.sub_action_type,
                offset: self.offset,
            });
        }
        self.advance(start + length);
        self.repetition = Some((repeated.sub_action_type, repeated.count));
        Ok(Piece::Repetition { time_stamp: header.time_stamp, header: repeated })
    }
}

impl Iterator for ActionReader<'_> {
    type Item = Result<Piece, ActionError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            // Bodies may be empty, so a repetition of them is complete without any bytes left.
            let (action, missing) = self.repetition?;
            let empty = Action::decode_body(self.interface, action, &[]);
            if !matches!(empty, Ok((_, 0))) {
                self.repetition = None;
                return Some(Err(ActionError::IncompleteRepetition { action, missing }));
            }
        }
        let piece = self.piece();
        if piece.is_err() {
            self.rest = &[];
            self.repetition = None;
        }
        Some(piece)
    }
}

impl core::iter::FusedIterator for ActionReader<'_> {}

/// Groups the actions of a context: adjacent ones of one groupable type become a repetition of at most 255.
///
/// `None` among the actions stands for one that does nothing: it writes nothing and parts what it stands between.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    actions: &'a [Option<Action>],
    repeated: u8,
}

impl<'a> Pieces<'a> {
    /// The pieces of these actions in their order.
    pub const fn new(actions: &'a [Option<Action>]) -> Self {
        Self { actions, repeated: 0 }
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            let (first, rest) = self.actions.split_first()?;
            let Some(action) = *first else {
                self.actions = rest;
                continue;
            };
            if self.repeated > 0 {
                self.repeated -= 1;
                self.actions = rest;
                return Some(Piece::Repeated(action));
            }
            let action_type = action.action_type();
            let run = if action_type.is_groupable() {
                let same = |next: &&Option<Action>| next.is_some_and(|next| next.action_type() == action_type);
                let run = self.actions.iter().take(usize::from(u8::MAX)).take_while(same);
                // At most 255 were taken.
                u8::try_from(run.count()).unwrap_or(u8::MAX)
            } else {
                1
            };
            if run > 1 {
                self.repeated = run;
                return Some(Piece::Repetition {
                    time_stamp: TIMESTAMP_INIT_VALUE,
                    header: RepeatedActionHeader { count: run, last_executed: 0, sub_action_type: action_type },
                });
            }
            self.actions = rest;
            return Some(Piece::Action { time_stamp: TIMESTAMP_INIT_VALUE, action });
        }
    }
}

/// Writes a context as the chunks that SET_CONTEXT_INFO carries: pieces are packed greedily and never cut.
///
/// ```
/// use hailo_abi::firmware::FirmwareInterface;
/// use hailo_abi::firmware::actions::{Action, ChunkEncoder, DisableLcu, MAX_CHUNK_SIZE, PackedLcuId};
///
/// let actions: Vec<_> = (0..86)
///     .map(|lcu| Some(Action::DisableLcu(DisableLcu { packed_lcu_id: PackedLcuId(lcu) })))
///     .collect();
/// let mut chunks = ChunkEncoder::new(FirmwareInterface::V4_21, &actions);
/// let mut buffer = [0; MAX_CHUNK_SIZE];
/// assert_eq!(chunks.next_chunk(&mut buffer).unwrap(), Some(8 + 86));
/// assert!(chunks.is_finished());
/// assert_eq!(chunks.next_chunk(&mut buffer).unwrap(), None);
/// ```
#[derive(Clone, Debug)]
pub struct ChunkEncoder<'a> {
    interface: FirmwareInterface,
    pieces: core::iter::Peekable<Pieces<'a>>,
    is_finished: bool,
}

impl<'a> ChunkEncoder<'a> {
    /// The chunks of these actions; an empty list has none.
    pub fn new(interface: FirmwareInterface, actions: &'a [Option<Action>]) -> Self {
        let mut pieces = Pieces::new(actions).peekable();
        let is_finished = pieces.peek().is_none();
        Self { interface, pieces, is_finished }
    }

    /// Whether everything was written: the chunk before was the last.
    pub const fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Writes the next chunk to the front of `out`, as many pieces as fit into [`MAX_CHUNK_SIZE`] and `out`,
    /// and returns its length in bytes; `None` when everything was written.
    ///
    /// # Errors
    ///
    /// As [`Action::encode_body`]; [`ActionError::NoRoom`] if `out` cannot hold a single piece.
    pub fn next_chunk(&mut self, out: &mut [u8]) -> Result<Option<usize>, ActionError> {
        let room = out.len().min(MAX_CHUNK_SIZE);
        let mut length = 0;
        let mut scratch = [0; super::MAX_PIECE_SIZE];
        while let Some(piece) = self.pieces.peek() {
            let size = piece.encode(self.interface, &mut scratch)?;
            let bytes = scratch.get(..size).unwrap_or(&[]);
            match put(bytes, out.get_mut(length..room).unwrap_or(&mut [])) {
                Ok(written) => length += written,
                Err(_) if length > 0 => return Ok(Some(length)),
                Err(error) => return Err(error),
            }
            self.pieces.next();
        }
        self.is_finished = true;
        Ok((length > 0).then_some(length))
    }
}
