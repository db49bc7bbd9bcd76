//! Context-switch action lists: what the firmware does to run a context of a network.
//!
//! A list is a sequence of *pieces*: an action (header and body), the header of a repetition, or one body of
//! a repetition. [`Action`] is the action whatever the generation; [`FirmwareInterface`] chooses its layout.
//! Lists are written with [`ChunkEncoder`], which also groups and cuts them as the firmware wants it, and read
//! with [`ActionReader`], which trusts no byte.
//!
//! ```
//! use hailo_abi::firmware::FirmwareInterface;
//! use hailo_abi::firmware::actions::{Action, ActionReader, ChangeBoundaryInputBatch, Piece};
//!
//! let release = FirmwareInterface::V4_21;
//! let action = Action::ChangeBoundaryInputBatch(ChangeBoundaryInputBatch {
//!     packed_vdma_channel_id: 2.into(),
//! });
//! let mut bytes = [0; 6];
//! assert_eq!(action.encode(release, &mut bytes), Ok(6));
//! assert_eq!(bytes, [37, 0xff, 0xff, 0xff, 0xff, 2]);
//!
//! let mut list = ActionReader::new(release, &bytes);
//! assert!(matches!(list.next(), Some(Ok(Piece::Action { action: read, .. })) if read == action));
//! assert!(list.next().is_none());
//! ```

mod activation;
mod bodies;
mod channels;
mod ids;
mod list;

use core::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub use activation::{
    ActivateBoundaryInput, ActivateBoundaryOutput, ActivateCacheInput, ActivateCacheOutput, ActivateDdrBufferInput,
    ActivateDdrBufferOutput, ActivateInterContextInput, ActivateInterContextOutput, StreamRegisters, v4_17, v4_21,
    v5_1,
};
pub use bodies::*;
pub use channels::*;
pub use ids::*;
pub use list::*;

use super::FirmwareInterface;
use super::enums::EnumInfo;
use super::layout::{Field, LayoutInfo, Unrepresentable};

pub(crate) const LAYOUTS: &[&[LayoutInfo]] =
    &[bodies::LAYOUTS, channels::LAYOUTS, v4_17::LAYOUTS, v4_21::LAYOUTS, v5_1::LAYOUTS];
pub(crate) const ENUMS: &[EnumInfo] = ids::ENUMS;

/// The most bytes that one piece of a list needs in any generation: the header and the longest body.
pub const MAX_PIECE_SIZE: usize = 56;

/// Why an action cannot be written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionError {
    /// A number that firmware of this generation does not know. A list with such an action cannot be read on:
    /// the length of an unknown action is unknown.
    Unknown {
        /// The action's number.
        action: ActionType,
        /// Where its piece begins, in bytes; 0 when writing.
        offset: usize,
    },
    /// The list ends within an action.
    Truncated {
        /// The action's number, or [`ActionType::REPEATED_ACTION`] for the header of a repetition.
        action: ActionType,
        /// Where its piece begins, in bytes.
        offset: usize,
        /// Bytes that the piece needs.
        needed: usize,
        /// Bytes that are left of the list.
        available: usize,
    },
    /// A repetition of nothing, or of repetitions.
    BadRepetition {
        /// The number of bodies that was stated.
        count: u8,
        /// What was to be repeated.
        action: ActionType,
        /// Where the repetition begins, in bytes.
        offset: usize,
    },
    /// The list ends before all bodies of a repetition have come.
    IncompleteRepetition {
        /// What is repeated.
        action: ActionType,
        /// Bodies that are missing.
        missing: u8,
    },
    /// A value has no place in this generation's layout.
    Unrepresentable(Unrepresentable),
    /// The place to write to is too small.
    NoRoom {
        /// Bytes that the piece needs.
        needed: usize,
        /// Bytes that were offered.
        available: usize,
    },
}

impl From<Unrepresentable> for ActionError {
    fn from(error: Unrepresentable) -> Self {
        Self::Unrepresentable(error)
    }
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unknown { action, offset } => {
                write!(f, "action {} ({action}) at byte {offset} does not exist in this firmware release", action.0)
            }
            Self::Truncated { action, offset, needed, available } => {
                write!(f, "action {action} at byte {offset} needs {needed} bytes, the list has {available} left")
            }
            Self::BadRepetition { count, action, offset } => {
                write!(f, "bad repetition at byte {offset}: {count} times {action}")
            }
            Self::IncompleteRepetition { action, missing } => {
                write!(f, "the list ends where {missing} repeated {action} should follow")
            }
            Self::Unrepresentable(error) => error.fmt(f),
            Self::NoRoom { needed, available } => {
                write!(f, "an action of {needed} bytes does not fit into {available}")
            }
        }
    }
}

impl core::error::Error for ActionError {}

fn write_body<T, W>(body: &T, out: &mut [u8]) -> Result<usize, ActionError>
where
    T: Field<W>,
    W: IntoBytes + Immutable,
{
    let wire = body.to_wire()?;
    put(wire.as_bytes(), out)
}

pub(super) fn put(bytes: &[u8], out: &mut [u8]) -> Result<usize, ActionError> {
    let available = out.len();
    match out.get_mut(..bytes.len()) {
        Some(place) => {
            place.copy_from_slice(bytes);
            Ok(bytes.len())
        }
        None => Err(ActionError::NoRoom { needed: bytes.len(), available }),
    }
}

/// Reads a body from the front of `bytes`; `Err` is the number of bytes that it needs.
fn read_body<T, W>(bytes: &[u8]) -> Result<(T, usize), usize>
where
    T: Field<W>,
    W: FromBytes + KnownLayout + Immutable,
{
    match W::read_from_prefix(bytes) {
        Ok((wire, _)) => Ok((T::from_wire(&wire), size_of::<W>())),
        Err(_) => Err(size_of::<W>()),
    }
}

macro_rules! actions {
    (
        empty { $($(#[$empty_meta:meta])* $empty:ident = $empty_type:ident;)* }
        fixed { $($(#[$fixed_meta:meta])* $fixed:ident($fixed_body:ident, $fixed_layout:ty) = $fixed_type:ident;)* }
        varying { $($(#[$var_meta:meta])* $var:ident($var_body:ident, $var_layout:ident) = $var_type:ident;)* }
    ) => {
        /// One action, whatever the generation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$empty_meta])* $empty,)*
            $($(#[$fixed_meta])* $fixed($fixed_body),)*
            $($(#[$var_meta])* $var($var_body),)*
        }

        impl Action {
            /// The number of the action.
            pub const fn action_type(&self) -> ActionType {
                match self {
                    $(Self::$empty => ActionType::$empty_type,)*
                    $(Self::$fixed(_) => ActionType::$fixed_type,)*
                    $(Self::$var(_) => ActionType::$var_type,)*
                }
            }

            /// Writes the body, without a header, to the front of `out` and returns its length in bytes.
            ///
            /// # Errors
            ///
            /// [`ActionError::Unknown`] if this generation has no such action,
            /// [`ActionError::Unrepresentable`] if a value does not fit its layout, [`ActionError::NoRoom`].
            pub fn encode_body(
                &self,
                interface: FirmwareInterface,
                out: &mut [u8],
            ) -> Result<usize, ActionError> {
                let action = self.action_type();
                if !action.exists_in(interface) {
                    return Err(ActionError::Unknown { action, offset: 0 });
                }
                match self {
                    $(Self::$empty => Ok(0),)*
                    $(Self::$fixed(body) => write_body::<_, $fixed_layout>(body, out),)*
                    $(Self::$var(body) => {
                        if interface >= FirmwareInterface::V5_1 {
                            write_body::<_, v5_1::$var_layout>(body, out)
                        } else if interface >= FirmwareInterface::V4_21 {
                            write_body::<_, v4_21::$var_layout>(body, out)
                        } else {
                            write_body::<_, v4_17::$var_layout>(body, out)
                        }
                    })*
                }
            }

            /// Reads the body of an action of the given number from the front of `bytes`, and says how long it is.
            ///
            /// # Errors
            ///
            /// [`ActionError::Unknown`] and [`ActionError::Truncated`], both with offset 0.
            pub fn decode_body(
                interface: FirmwareInterface,
                action: ActionType,
                bytes: &[u8],
            ) -> Result<(Self, usize), ActionError> {
                if !action.exists_in(interface) {
                    return Err(ActionError::Unknown { action, offset: 0 });
                }
                let read = match action {
                    $(ActionType::$empty_type => Ok((Self::$empty, 0)),)*
                    $(ActionType::$fixed_type => read_body::<$fixed_body, $fixed_layout>(bytes)
                        .map(|(body, length)| (Self::$fixed(body), length)),)*
                    $(ActionType::$var_type => {
                        if interface >= FirmwareInterface::V5_1 {
                            read_body::<$var_body, v5_1::$var_layout>(bytes)
                        } else if interface >= FirmwareInterface::V4_21 {
                            read_body::<$var_body, v4_21::$var_layout>(bytes)
                        } else {
                            read_body::<$var_body, v4_17::$var_layout>(bytes)
                        }
                        .map(|(body, length)| (Self::$var(body), length))
                    })*
                    // A repetition has no body of its own.
                    _ => return Err(ActionError::Unknown { action, offset: 0 }),
                };
                read.map_err(|needed| ActionError::Truncated {
                    action,
                    offset: 0,
                    needed,
                    available: bytes.len(),
                })
            }
        }
    };
}

actions! {
    empty {
        /// Starts the buffering of rows.
        DdrBufferingStart = DDR_BUFFERING_START;
        /// Resets the buffering of rows.
        DdrBufferingReset = DDR_BUFFERING_RESET;
        /// Waits for the change to another network group or the end of the batch.
        ApplicationChangeInterrupt = APPLICATION_CHANGE_INTERRUPT;
        /// Starts the task that gives out credits.
        BurstCreditsTaskStart = BURST_CREDITS_TASK_START;
        /// Resets the task that gives out credits.
        BurstCreditsTaskReset = BURST_CREDITS_TASK_RESET;
        /// Waits until the host has moved the caches on. From 4.18.0.
        WaitForCacheUpdated = WAIT_FOR_CACHE_UPDATED;
        /// Stops for good. From 4.19.0.
        Halt = HALT;
    }
    fixed {
        /// Fetches configuration descriptors.
        FetchCfgChannelDescriptors(FetchCfgChannelDescriptors, FetchCfgChannelDescriptorsLayout) = FETCH_CFG_CHANNEL_DESCRIPTORS;
        /// Starts a cluster's sequencer.
        TriggerSequencer(TriggerSequencer, TriggerSequencerLayout) = TRIGGER_SEQUENCER;
        /// Lets data flow in.
        FetchData(FetchData, FetchDataLayout) = FETCH_DATA_FROM_VDMA_CHANNEL;
        /// Enables an LCU with the usual values.
        EnableLcuDefault(EnableLcuDefault, EnableLcuDefaultLayout) = ENABLE_LCU_DEFAULT;
        /// Enables an LCU with values of its own.
        EnableLcuNonDefault(EnableLcuNonDefault, EnableLcuNonDefaultLayout) = ENABLE_LCU_NON_DEFAULT;
        /// Disables an LCU.
        DisableLcu(DisableLcu, DisableLcuLayout) = DISABLE_LCU;
        /// Stops a channel.
        DeactivateVdmaChannel(DeactivateVdmaChannel, DeactivateVdmaChannelLayout) = DEACTIVATE_VDMA_CHANNEL;
        /// Connects a channel with a stream.
        ChangeVdmaToStreamMapping(ChangeVdmaToStreamMapping, ChangeVdmaToStreamMappingLayout) = CHANGE_VDMA_TO_STREAM_MAPPING;
        /// Names the two channels of a buffer of rows.
        AddDdrPairInfo(AddDdrPairInfo, AddDdrPairInfoLayout) = ADD_DDR_PAIR_INFO;
        /// Waits for an LCU.
        LcuInterrupt(LcuInterrupt, LcuInterruptLayout) = LCU_INTERRUPT;
        /// Waits for a sequencer.
        SequencerDoneInterrupt(SequencerInterrupt, SequencerInterruptLayout) = SEQUENCER_DONE_INTERRUPT;
        /// Waits for an input's transfer.
        InputChannelTransferDoneInterrupt(VdmaDataflowInterrupt, VdmaDataflowInterruptLayout) = INPUT_CHANNEL_TRANSFER_DONE_INTERRUPT;
        /// Waits for an output's transfer.
        OutputChannelTransferDoneInterrupt(VdmaDataflowInterrupt, VdmaDataflowInterruptLayout) = OUTPUT_CHANNEL_TRANSFER_DONE_INTERRUPT;
        /// Waits until a module is configured.
        ModuleConfigDoneInterrupt(ModuleConfigDoneInterrupt, ModuleConfigDoneInterruptLayout) = MODULE_CONFIG_DONE_INTERRUPT;
        /// Starts a configuration channel.
        ActivateCfgChannel(ActivateCfgChannel, ActivateCfgChannelLayout) = ACTIVATE_CFG_CHANNEL;
        /// Stops a configuration channel.
        DeactivateCfgChannel(DeactivateCfgChannel, DeactivateCfgChannelLayout) = DEACTIVATE_CFG_CHANNEL;
        /// Waits until a channel moves nothing.
        WaitForDmaIdle(WaitDmaIdle, WaitDmaIdleLayout) = WAIT_FOR_DMA_IDLE_ACTION;
        /// Waits for the on-chip non-maximum suppression.
        WaitForNms(WaitNms, WaitNmsLayout) = WAIT_FOR_NMS;
        /// Fetches configuration words in bursts.
        FetchCcwBursts(FetchCcwBursts, FetchCcwBurstsLayout) = FETCH_CCW_BURSTS;
        /// Checks a channel.
        ValidateVdmaChannel(ValidateVdmaChannel, ValidateVdmaChannelLayout) = VALIDATE_VDMA_CHANNEL;
        /// Opens the channel of an input.
        OpenBoundaryInputChannel(OpenBoundaryInputChannel, OpenBoundaryInputChannelLayout) = OPEN_BOUNDARY_INPUT_CHANNEL;
        /// Opens the channel of an output.
        OpenBoundaryOutputChannel(OpenBoundaryOutputChannel, OpenBoundaryOutputChannelLayout) = OPEN_BOUNDARY_OUTPUT_CHANNEL;
        /// Starts an on-chip non-maximum suppression unit.
        EnableNms(EnableNms, EnableNmsLayout) = ENABLE_NMS;
        /// Writes a register.
        WriteDataByType(WriteDataByType, WriteDataByTypeLayout) = WRITE_DATA_BY_TYPE;
        /// Gives an LCU the batch size.
        SwitchLcuBatch(SwitchLcuBatch, SwitchLcuBatchLayout) = SWITCH_LCU_BATCH;
        /// Gives the channel of an input the batch size.
        ChangeBoundaryInputBatch(ChangeBoundaryInputBatch, ChangeBoundaryInputBatchLayout) = CHANGE_BOUNDARY_INPUT_BATCH;
        /// Pauses a channel.
        PauseVdmaChannel(PauseVdmaChannel, PauseVdmaChannelLayout) = PAUSE_VDMA_CHANNEL;
        /// Resumes a channel.
        ResumeVdmaChannel(ResumeVdmaChannel, ResumeVdmaChannelLayout) = RESUME_VDMA_CHANNEL;
        /// Sleeps. From 4.19.0.
        Sleep(Sleep, SleepLayout) = SLEEP;
    }
    varying {
        /// Activates an input of the network.
        ActivateBoundaryInput(ActivateBoundaryInput, ActivateBoundaryInputLayout) = ACTIVATE_BOUNDARY_INPUT;
        /// Activates an output of the network.
        ActivateBoundaryOutput(ActivateBoundaryOutput, ActivateBoundaryOutputLayout) = ACTIVATE_BOUNDARY_OUTPUT;
        /// Activates a layer that comes from another context.
        ActivateInterContextInput(ActivateInterContextInput, ActivateInterContextInputLayout) = ACTIVATE_INTER_CONTEXT_INPUT;
        /// Activates a layer that goes to another context.
        ActivateInterContextOutput(ActivateInterContextOutput, ActivateInterContextOutputLayout) = ACTIVATE_INTER_CONTEXT_OUTPUT;
        /// Activates the reading side of buffered rows.
        ActivateDdrBufferInput(ActivateDdrBufferInput, ActivateDdrBufferInputLayout) = ACTIVATE_DDR_BUFFER_INPUT;
        /// Activates the writing side of buffered rows.
        ActivateDdrBufferOutput(ActivateDdrBufferOutput, ActivateDdrBufferOutputLayout) = ACTIVATE_DDR_BUFFER_OUTPUT;
        /// Activates the reading side of a cache. From 4.18.0.
        ActivateCacheInput(ActivateCacheInput, ActivateCacheInputLayout) = ACTIVATE_CACHE_INPUT;
        /// Activates the writing side of a cache. From 4.18.0.
        ActivateCacheOutput(ActivateCacheOutput, ActivateCacheOutputLayout) = ACTIVATE_CACHE_OUTPUT;
    }
}

impl Action {
    /// Writes the action with its header, not carried out yet, to the front of `out` and returns the length
    /// in bytes.
    ///
    /// # Errors
    ///
    /// As [`Action::encode_body`].
    pub fn encode(&self, interface: FirmwareInterface, out: &mut [u8]) -> Result<usize, ActionError> {
        Piece::Action { time_stamp: TIMESTAMP_INIT_VALUE, action: *self }.encode(interface, out)
    }
}
