//! Emulated devices: what the command needs of them beyond opening one.

#[cfg(not(feature = "emulator"))]
use crate::failure::Failure;

/// Why an emulated device is not to be had.
#[cfg(not(feature = "emulator"))]
pub(crate) fn missing(what: &str) -> Failure {
    Failure::new(format_args!(
        "{what} needs the emulator, which this build has not; build it with the feature `emulator`"
    ))
}

#[cfg(feature = "emulator")]
mod boards {
    use hailo_linux::emulator::Emulator;

    use crate::failure::Failure;
    use crate::scan::{Board, Boards};

    /// The boards of an emulated computer.
    pub(crate) fn boards(name: &str) -> Result<Boards, Failure> {
        let emulator = Emulator::new(name)?;
        let machine = emulator.machine();
        let board = |board| Board {
            device: format!("/dev/{}", machine.node_name(board)),
            address: Some(machine.board_location(board)),
            pci_id: Some(format!("1e60:{:04x}", machine.board_kind().pci_device())),
            class: None,
        };
        Ok(Boards { devices: (0..machine.boards()).map(board).collect(), without_driver: Vec::new() })
    }
}

#[cfg(feature = "emulator")]
pub(crate) use boards::boards;

#[cfg(not(feature = "emulator"))]
pub(crate) fn boards(name: &str) -> Result<crate::scan::Boards, Failure> {
    Err(missing(name))
}
