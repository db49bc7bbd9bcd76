//! The firmware controls that configure and run networks.

use std::sync::PoisonError;

use hailo_abi::command::MAX_CONTROL_LENGTH;
use hailo_abi::enums::CpuId;
use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::control::{
    ChangeContextSwitchStatus, ContextSwitchStatus, Done, Expected, ExtendedDeviceInformation, HwConsts,
    HwConstsAnswer, Identity, NO_APPLICATION, Opcode, Parameters, Request,
};

use crate::control::CONTROL_TIMEOUT;
use crate::device::Inner;
use crate::error::{Error, ErrorKind, Result};
use crate::firmware::refused;
use crate::sync::MutexGuard;

/// How often a network is stopped if signals end the call.
const RESET_ATTEMPTS: u32 = 3;

/// What the firmware of a device was given, and what it said of itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Networks {
    pub(super) identity: Option<Firmware>,
    pub(super) constants: Option<HwConsts>,
    /// Whether what others had configured was cleared.
    pub(super) is_cleared: bool,
    /// Headers that the firmware was sent since then.
    pub(super) applications: u8,
    /// The firmware may have counted one more, whose answer was lost.
    pub(super) is_count_lost: bool,
    /// Networks that exist on this side.
    pub(super) alive: usize,
    /// Whether one of them runs.
    pub(super) is_active: bool,
}

/// Who the firmware is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Firmware {
    pub(super) interface: FirmwareInterface,
    pub(super) identity: Identity,
}

impl Inner {
    pub(super) fn networks(&self) -> MutexGuard<'_, Networks> {
        self.networks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a control, and reads its answer.
    ///
    /// # Safety
    /// As for [`Device::control`](crate::Device::control).
    pub(super) unsafe fn ask<T>(&self, interface: FirmwareInterface, request: &Request<'_>) -> Result<T>
    where
        T: for<'m> Parameters<'m>,
    {
        let opcode = request.opcode();
        let operation = operation(opcode);
        let message =
            request.encode(interface, 0).map_err(|error| self.failed(operation, ErrorKind::Control(error)))?;
        let mut answer = [0; MAX_CONTROL_LENGTH];
        let cpu = CpuId::from_raw(opcode.cpu().0.into());
        // SAFETY: promised by the caller. An encoded request has a header and fits a control.
        let answer = unsafe { self.control_unnumbered(cpu, message.as_slice(), CONTROL_TIMEOUT, &mut answer) };
        let answer = answer.map_err(|error| Error::new(self.name(), operation, error.kind().clone()))?;
        Expected::opcode(opcode).read(interface, answer).map_err(|error| self.failed(operation, refused(error)))
    }

    /// Asks once who the firmware is.
    pub(super) fn identified(&self) -> Result<Firmware> {
        if let Some(known) = self.networks().identity {
            return Ok(known);
        }
        // SAFETY: a question, of which the firmware only writes the answer.
        let identity: Identity = unsafe { self.ask(FirmwareInterface::RELEASE_INDEPENDENT, &Request::Identify) }?;
        let release = identity.fw_version.release();
        let interface = release.interface().ok_or_else(|| {
            let opcode = Opcode::CONTEXT_SWITCH_SET_NETWORK_GROUP_HEADER;
            self.failed(operation(opcode), ErrorKind::UnknownFirmware { release, opcode })
        })?;
        let firmware = Firmware { interface, identity };
        self.networks().identity = Some(firmware);
        Ok(firmware)
    }

    /// The clusters that a Hailo-8L has.
    pub(super) fn clusters(&self, interface: FirmwareInterface) -> Result<u32> {
        // SAFETY: a question.
        let information: ExtendedDeviceInformation = unsafe { self.ask(interface, &Request::GetDeviceInformation) }?;
        Ok(information.partial_clusters_layout_bitmap)
    }

    /// Asks once for the constants that sizes depend on.
    pub(super) fn constants(&self, interface: FirmwareInterface) -> Result<HwConsts> {
        if let Some(known) = self.networks().constants {
            return Ok(known);
        }
        // SAFETY: a question.
        let answer: HwConstsAnswer = unsafe { self.ask(interface, &Request::GetHwConsts) }?;
        self.networks().constants = Some(answer.hw_consts);
        Ok(answer.hw_consts)
    }

    /// Stops whatever network runs. Once more if a signal has ended the call: stopping twice does no harm.
    pub(super) fn reset_networks(&self, interface: FirmwareInterface) -> Result<()> {
        let request = Request::ChangeContextSwitchStatus(ChangeContextSwitchStatus {
            state_machine_status: ContextSwitchStatus::RESET,
            application_index: NO_APPLICATION,
            dynamic_batch_size: 0,
            batch_count: 0,
        });
        let mut attempts = 0;
        loop {
            attempts += 1;
            // SAFETY: the device stops using memory.
            match unsafe { self.ask::<Done>(interface, &request) } {
                Ok(Done) => return Ok(()),
                Err(error) if *error.kind() == ErrorKind::Interrupted && attempts < RESET_ATTEMPTS => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes the firmware forget all networks.
    pub(super) fn clear_networks(&self, interface: FirmwareInterface) -> Result<()> {
        // SAFETY: the device forgets where memory is.
        let Done = unsafe { self.ask(interface, &Request::ClearConfiguredApps) }?;
        Ok(())
    }
}

/// Leaves the firmware without networks, as it was found, before a device is closed.
pub(crate) fn forget_networks(device: &mut Inner) {
    let networks = *device.networks();
    if let (Some(firmware), true) = (networks.identity, networks.is_cleared) {
        // Closing the file makes the driver reset the hardware; this is only a courtesy to who comes next.
        let _ = device.reset_networks(firmware.interface);
        let _ = device.clear_networks(firmware.interface);
    }
}

fn operation(opcode: Opcode) -> &'static str {
    match opcode {
        Opcode::IDENTIFY => "ask the firmware who it is",
        Opcode::GET_DEVICE_INFORMATION => "ask the firmware for the clusters of the device",
        Opcode::GET_HW_CONSTS => "ask the firmware for its constants",
        Opcode::CONTEXT_SWITCH_SET_NETWORK_GROUP_HEADER => "give the firmware a network group header",
        Opcode::CONTEXT_SWITCH_SET_CONTEXT_INFO => "give the firmware an action list",
        Opcode::CHANGE_CONTEXT_SWITCH_STATUS => "start or stop a network",
        Opcode::CONTEXT_SWITCH_CLEAR_CONFIGURED_APPS => "make the firmware forget its networks",
        _ => "send a control to the firmware",
    }
}
