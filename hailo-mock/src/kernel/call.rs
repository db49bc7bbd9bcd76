//! One ioctl: its checks in the driver's order, the copies of its argument, its handler.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hailo_abi::command::{
    Command, ContinuousBufferAllocReply, DescListCreateReply, FwControlReply, InterruptsWaitReply, LaunchTransfer,
    LaunchTransferReply, Log, LowMemoryBufferAllocReply, MAX_FW_LOG_BUFFER_LENGTH, MarkAsInUseReply, Notification,
    Operation, Reply, Timestamps,
};
use hailo_abi::interface::MAX_ARGUMENT_LENGTH;
use hailo_abi::request::Direction;
use hailo_abi::{DataModel, Errno, Interface, Request};

use super::{Board, Presence, Stop};
use crate::file::{Caller, OpenFile};

/// Where the bytes of a firmware control end in its argument.
const CONTROL_BYTES_END: usize = 16 + 4 + 1500;

/// The length up to which an argument counts as short, in bytes.
const SHORT_ARGUMENT: usize = 400;

/// The argument of a call, in the kernel's memory.
struct Argument<'a> {
    interface: &'static Interface,
    model: DataModel,
    operation: Operation,
    bytes: &'a mut [u8],
    address: u64,
    fault: Errno,
    caller: &'a Caller<'a>,
}

impl Argument<'_> {
    /// Copies the argument from the process.
    fn read(&mut self) -> Result<(), Stop> {
        self.caller.memory.read(self.address, self.bytes).map_err(|_| self.fault.into())
    }

    /// Writes the answer over the argument and copies it to the process.
    fn write(&mut self, reply: &Reply<'_>) -> Result<(), Stop> {
        // Only values that the interface can express are answered with.
        let encoded = self.interface.encode_reply(self.model, self.operation, reply, self.bytes);
        encoded.map_err(|_| Errno::EINVAL)?;
        self.caller.memory.write(self.address, self.bytes).map_err(|_| self.fault.into())
    }
}

impl Board {
    /// What a request answers whose argument faults. Requests that came later, and those on buffers, always said `EFAULT`.
    fn fault_of(&self, operation: Operation) -> Errno {
        match operation {
            Operation::FwControl | Operation::ReadNotification | Operation::CancelPreparedTransfer => Errno::ENOMEM,
            Operation::QueryDriverInfo
            | Operation::QueryDeviceProperties
            | Operation::MemoryTransfer
            | Operation::EnableChannels
            | Operation::DisableChannels
            | Operation::InterruptsWait
            | Operation::InterruptsReadTimestamps
            | Operation::ReadLog => self.behaviour.fault,
            _ => Errno::EFAULT,
        }
    }

    pub(crate) fn ioctl(
        self: &Arc<Self>,
        open: &OpenFile,
        caller: &Caller<'_>,
        request: Request,
        address: u64,
    ) -> Result<u32, Errno> {
        loop {
            match self.try_ioctl(open, caller, request, address) {
                Ok(value) => return Ok(value),
                Err(Stop::Errno(errno)) => return Err(errno),
                Err(Stop::Restart) => {
                    if !caller.interruption.handle() {
                        return Err(Errno::EINTR);
                    }
                }
                Err(Stop::Crash(cause)) => {
                    let entry = self.interface.find(request, self.model);
                    self.crash(entry.map_or("ioctl", |entry| entry.name), cause);
                    return Err(Errno::ENODEV);
                }
            }
        }
    }

    fn try_ioctl(
        self: &Arc<Self>,
        open: &OpenFile,
        caller: &Caller<'_>,
        request: Request,
        address: u64,
    ) -> Result<u32, Stop> {
        let presence = self.presence();
        if presence == Presence::Crashed {
            return Err(Errno::ENODEV.into());
        }
        if presence == Presence::Removed && self.behaviour.removal_comes_first {
            return Err(self.behaviour.removed.into());
        }
        if request.direction() != Direction::None && caller.memory.is_kernel_address(address, request.size() as u64) {
            return Err(Errno::EFAULT.into());
        }
        if presence == Presence::Removed {
            return Err(self.behaviour.removed.into());
        }
        if open.stale.load(Ordering::Acquire) {
            return Err(self.behaviour.stale.into());
        }
        if request.group() == b's' && self.behaviour.soc_group {
            return Err(Errno::EINVAL.into());
        }
        let entry = self.interface.find(request, self.model).ok_or(Errno::ENOTTY)?;
        // Most arguments are short, and clearing room for the long ones takes as long as all the rest.
        let (mut short, mut long);
        let memory: &mut [u8] = if request.size() <= SHORT_ARGUMENT {
            short = [0; SHORT_ARGUMENT];
            &mut short
        } else {
            long = [0; MAX_ARGUMENT_LENGTH];
            &mut long
        };
        let bytes = memory.get_mut(..request.size()).ok_or(Errno::ENOTTY)?;
        let argument = Argument {
            interface: self.interface,
            model: self.model,
            operation: entry.operation,
            bytes,
            address,
            fault: self.fault_of(entry.operation),
            caller,
        };
        self.dispatch(open, caller, request, argument)
    }

    /// Requests without parameters, and those that blocks wait in.
    fn dispatch(
        &self,
        open: &OpenFile,
        caller: &Caller<'_>,
        request: Request,
        mut argument: Argument<'_>,
    ) -> Result<u32, Stop> {
        match argument.operation {
            Operation::QueryDriverInfo => argument.write(&Reply::DriverInfo(self.driver_info()))?,
            Operation::QueryDeviceProperties => {
                argument.write(&Reply::DeviceProperties(self.device_properties()))?;
            }
            Operation::ReadNotification => {
                let (length, buffer) = self.read_notification(open, caller)?;
                let notification = Notification { buffer_len: length.into(), buffer: &buffer };
                argument.write(&Reply::Notification(notification))?;
            }
            Operation::DisableNotification => return self.disable_notification(open, caller),
            Operation::MarkAsInUse => {
                // The device is taken even if the answer cannot be delivered.
                let in_use = self.kernel().mark_as_in_use(open.id);
                argument.write(&Reply::MarkAsInUse(MarkAsInUseReply { in_use }))?;
            }
            Operation::ResetNnCore
            | Operation::WriteActionList
            | Operation::PciEpAccept
            | Operation::PciEpClose
            | Operation::PciEpListen
            | Operation::NonLinuxDescListMmap => return Err(Errno::ENOTTY.into()),
            Operation::SocConnect | Operation::SocClose | Operation::SocPowerOff => {
                return Err(Errno::EINVAL.into());
            }
            Operation::ReadLog => {
                argument.read()?;
                return self.dispatch_log(request, argument);
            }
            Operation::FwControl | Operation::MemoryTransfer => {
                argument.read()?;
                return self.dispatch_long(open, caller, request, argument);
            }
            _ => {
                argument.read()?;
                return self.dispatch_short(open, caller, request, argument);
            }
        }
        Ok(0)
    }

    /// Requests with large byte arrays, which the answer is written over.
    fn dispatch_long(
        &self,
        open: &OpenFile,
        caller: &Caller<'_>,
        request: Request,
        mut argument: Argument<'_>,
    ) -> Result<u32, Stop> {
        match argument.interface.decode(argument.model, request, argument.bytes) {
            Ok(Command::FwControl(params)) => {
                let rest = argument.bytes.get(CONTROL_BYTES_END..).unwrap_or_default();
                let answer = self.fw_control(open, caller, &params, rest)?;
                argument.write(&Reply::FwControl(FwControlReply {
                    expected_md5: answer.md5,
                    buffer_len: answer.length,
                    buffer: &answer.buffer,
                }))?;
            }
            Ok(Command::MemoryTransfer(params)) => {
                let buffer = self.memory_transfer(&params)?;
                argument.write(&Reply::MemoryTransfer(&buffer))?;
            }
            _ => return Err(Errno::ENOTTY.into()),
        }
        Ok(0)
    }

    fn dispatch_log(&self, request: Request, mut argument: Argument<'_>) -> Result<u32, Stop> {
        let Ok(Command::ReadLog(params)) = argument.interface.decode(argument.model, request, argument.bytes) else {
            return Err(Errno::ENOTTY.into());
        };
        // Bytes behind those that are read stay as the process sent them.
        let mut buffer = match argument.interface.decode_reply(argument.model, request, argument.bytes) {
            Ok(Reply::Log(log)) => *log.buffer,
            _ => [0; MAX_FW_LOG_BUFFER_LENGTH],
        };
        let read_bytes = self.read_log(&params, &mut buffer)?;
        argument.write(&Reply::Log(Log { read_bytes, buffer: &buffer }))?;
        Ok(0)
    }

    fn dispatch_short(
        &self,
        open: &OpenFile,
        caller: &Caller<'_>,
        request: Request,
        mut argument: Argument<'_>,
    ) -> Result<u32, Stop> {
        let file = open.id;
        let command = argument.interface.decode(argument.model, request, argument.bytes);
        match command.map_err(|_| Errno::ENOTTY)? {
            Command::EnableChannels(params) => self.kernel().enable_channels(self, file, &params),
            Command::DisableChannels(params) => self.kernel().disable_channels(self, file, &params.channels),
            Command::InterruptsWait(params) => {
                let interrupts = self.interrupts_wait(open, caller, &params.channels)?;
                argument.write(&Reply::InterruptsWait(InterruptsWaitReply::new(&interrupts)))?;
                Ok(0)
            }
            Command::InterruptsReadTimestamps(params) => {
                let timestamps = self.kernel().read_timestamps(self, &params)?;
                argument.write(&Reply::Timestamps(Timestamps::new(&timestamps)))?;
                Ok(0)
            }
            Command::BufferMap(params) => {
                let mapping = self.buffer_map(&mut self.kernel(), file, caller, &params)?;
                let reply = hailo_abi::command::BufferMapReply { mapped_handle: mapping.handle };
                argument.write(&Reply::BufferMap(reply)).inspect_err(|_| {
                    // The process does not know the handle, so that nobody could ever unmap it.
                    self.kernel().put_mapping(self, &mapping);
                })?;
                Ok(0)
            }
            Command::BufferUnmap(params) => self.buffer_unmap(&mut self.kernel(), file, &params),
            Command::BufferSync(params) => Self::buffer_sync(&self.kernel(), file, &params),
            Command::DescListCreate(params) => {
                let (desc_handle, dma_address) = self.desc_list_create(&mut self.kernel(), file, &params)?;
                let reply = Reply::DescListCreate(DescListCreateReply { desc_handle, dma_address });
                argument.write(&reply).inspect_err(|_| {
                    let _ = self.desc_list_release(&mut self.kernel(), file, desc_handle);
                })?;
                Ok(0)
            }
            Command::DescListRelease(params) => self.desc_list_release(&mut self.kernel(), file, params.desc_handle),
            Command::DescListProgram(params) => self.desc_list_program(&self.kernel(), file, &params),
            Command::LowMemoryBufferAlloc(params) => {
                let buffer_handle = self.low_memory_alloc(&mut self.kernel(), file, params.buffer_size)?;
                let reply = Reply::LowMemoryBufferAlloc(LowMemoryBufferAllocReply { buffer_handle });
                argument.write(&reply).inspect_err(|_| {
                    let _ = Self::low_memory_free(&mut self.kernel(), file, buffer_handle);
                })?;
                Ok(0)
            }
            Command::LowMemoryBufferFree(params) => {
                Self::low_memory_free(&mut self.kernel(), file, params.buffer_handle)
            }
            Command::ContinuousBufferAlloc(params) => {
                let (buffer_handle, dma_address) =
                    self.continuous_alloc(&mut self.kernel(), file, params.buffer_size)?;
                let reply = ContinuousBufferAllocReply { buffer_handle, dma_address };
                argument.write(&Reply::ContinuousBufferAlloc(reply)).inspect_err(|_| {
                    let _ = self.continuous_free(&mut self.kernel(), file, buffer_handle);
                })?;
                Ok(0)
            }
            Command::ContinuousBufferFree(params) => {
                self.continuous_free(&mut self.kernel(), file, params.buffer_handle)
            }
            Command::LaunchTransfer(params) => self.dispatch_launch(open, caller, &params, &mut argument),
            Command::PrepareTransfer(params) => self.prepare_transfer(&mut self.kernel(), file, caller, &params),
            Command::CancelPreparedTransfer(params) => {
                self.cancel_prepared(&mut self.kernel(), file, params.desc_handle)
            }
            _ => Err(Errno::ENOTTY.into()),
        }
    }

    fn dispatch_launch(
        &self,
        open: &OpenFile,
        caller: &Caller<'_>,
        params: &LaunchTransfer,
        argument: &mut Argument<'_>,
    ) -> Result<u32, Stop> {
        let launched = self.launch_transfer(&mut self.kernel(), open.id, caller, params)?;
        if launched.kick {
            self.run(1 << params.channel_index);
        }
        if self.behaviour.launch != crate::behaviour::LaunchStyle::ByHandle {
            return launched.result;
        }
        // The older request returns 0 and says in its argument what was done.
        let reply = match &launched.result {
            Ok(count) => LaunchTransferReply { descs_programed: *count, launch_transfer_status: 0 },
            Err(Stop::Errno(errno)) => LaunchTransferReply { descs_programed: 0, launch_transfer_status: -errno.raw() },
            Err(_) => return launched.result,
        };
        argument.write(&Reply::LaunchTransfer(self.expressible(reply)))?;
        launched.result.map(|_| 0)
    }

    /// What the interface has a field for.
    fn expressible(&self, reply: LaunchTransferReply) -> LaunchTransferReply {
        if self.behaviour.checks_running { reply } else { LaunchTransferReply { launch_transfer_status: 0, ..reply } }
    }
}
