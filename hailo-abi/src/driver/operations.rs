//! Every operation once.
//!
//! In each `# Safety` section "this release" is the one that the driver was made with: the promise includes that the driver
//! which answers has its interface.

use super::{ArgumentBuffer, DirectError, Driver, DriverError, Launched, length};
use crate::command::*;
use crate::interface::EncodeError;
use crate::transport::Transport;

/// Room for [`Driver::interrupts_wait`].
pub type InterruptsWaitBuffer = ArgumentBuffer<{ length(Operation::InterruptsWait) }>;
/// Room for [`Driver::read_timestamps`].
pub type TimestampsBuffer = ArgumentBuffer<{ length(Operation::InterruptsReadTimestamps) }>;
/// Room for [`Driver::read_notification`].
pub type NotificationBuffer = ArgumentBuffer<{ length(Operation::ReadNotification) }>;
/// Room for [`Driver::read_log`].
pub type LogBuffer = ArgumentBuffer<{ length(Operation::ReadLog) }>;
/// Room for [`Driver::fw_control`].
pub type FwControlBuffer = ArgumentBuffer<{ length(Operation::FwControl) }>;
/// Room for [`Driver::memory_transfer`].
pub type MemoryTransferBuffer = ArgumentBuffer<{ length(Operation::MemoryTransfer) }>;

/// The one reply that an operation has.
macro_rules! reply {
    ($result:expr, $operation:ident => $reply:ident) => {
        match $result {
            Ok((_, Reply::$reply(reply))) => Ok(reply),
            Ok(_) => Err(DriverError::WrongReply { operation: Operation::$operation }),
            Err(error) => Err(error),
        }
    };
}

/// Sends an operation whose argument is small enough for the stack.
macro_rules! call {
    ($driver:ident.$send:ident, $operation:ident $(($params:expr))? $(=> $reply:ident)?) => {{
        const LENGTH: usize = length(Operation::$operation);
        let mut buffer = [0; LENGTH];
        let result = $driver.$send(&Command::$operation $(($params))?, &mut buffer);
        call!(@reply result, $operation $(=> $reply)?)
    }};
    (@reply $result:ident, $operation:ident => return_value) => { $result.map(|(value, _)| value) };
    (@reply $result:ident, $operation:ident => $reply:ident) => { reply!($result, $operation => $reply) };
    (@reply $result:ident, $operation:ident) => { $result.map(|_| ()) };
}

impl<T: Transport> Driver<T> {
    #[cold]
    fn no_operation(&self, operation: Operation) -> DriverError {
        EncodeError::NoOperation { operation, interface: self.interface.first_release }.into()
    }

    #[cold]
    fn direct_error(&self, operation: Operation, error: DirectError) -> DriverError {
        match error {
            DirectError::Errno(errno) => DriverError::Errno { operation, errno },
            DirectError::Inexpressible(parameter) => self.interface.inexpressible(operation, parameter).into(),
        }
    }
}

/// What can do no harm.
///
/// # Errors
/// All methods: [`DriverError::Encode`] if this release has no such operation or cannot express a parameter,
/// [`DriverError::Errno`] as the driver answers.
impl<T: Transport> Driver<T> {
    /// The driver's release, as it answers itself.
    #[doc(alias = "HAILO_QUERY_DRIVER_INFO")]
    pub fn query_driver_info(&self) -> Result<DriverInfo, DriverError> {
        call!(self.send_harmless, QueryDriverInfo => DriverInfo)
    }

    /// What the driver knows of its board.
    #[doc(alias = "HAILO_QUERY_DEVICE_PROPERTIES")]
    pub fn query_device_properties(&self) -> Result<DeviceProperties, DriverError> {
        call!(self.send_harmless, QueryDeviceProperties => DeviceProperties)
    }

    /// Waits until one of the channels was interrupted or disabled. The answer is read straight from `buffer`.
    #[doc(alias = "HAILO_VDMA_INTERRUPTS_WAIT")]
    #[inline]
    pub fn interrupts_wait<'b>(
        &self,
        params: &InterruptsWait,
        buffer: &'b mut InterruptsWaitBuffer,
    ) -> Result<InterruptsWaitReply<'b>, DriverError> {
        let operation = Operation::InterruptsWait;
        let Some((request, wait)) = self.wait else { return Err(self.no_operation(operation)) };
        wait(&self.transport, request, &params.channels, &mut buffer.0)
            .map_err(|error| self.direct_error(operation, error))
    }

    /// Reads the times of a channel's interrupts (up to 5.2.0).
    #[doc(alias = "HAILO_VDMA_INTERRUPTS_READ_TIMESTAMPS")]
    pub fn read_timestamps<'b>(
        &self,
        params: &InterruptsReadTimestamps,
        buffer: &'b mut TimestampsBuffer,
    ) -> Result<Timestamps<'b>, DriverError> {
        let result = self.send_harmless(&Command::InterruptsReadTimestamps(*params), &mut buffer.0);
        reply!(result, InterruptsReadTimestamps => Timestamps)
    }

    /// Waits for a notification of the firmware. [`Errno::ECANCELED`](crate::Errno::ECANCELED) (4.17:
    /// [`Errno::EINVAL`](crate::Errno::EINVAL)) after [`Driver::disable_notification`].
    #[doc(alias = "HAILO_READ_NOTIFICATION")]
    pub fn read_notification<'b>(&self, buffer: &'b mut NotificationBuffer) -> Result<Notification<'b>, DriverError> {
        let result = self.send_harmless(&Command::ReadNotification, &mut buffer.0);
        reply!(result, ReadNotification => Notification)
    }

    /// Cancels one wait for a notification, also one that has not begun.
    #[doc(alias = "HAILO_DISABLE_NOTIFICATION")]
    pub fn disable_notification(&self) -> Result<(), DriverError> {
        call!(self.send_harmless, DisableNotification)
    }

    /// Reads the log of a CPU.
    #[doc(alias = "HAILO_READ_LOG")]
    pub fn read_log<'b>(&self, params: &ReadLog, buffer: &'b mut LogBuffer) -> Result<Log<'b>, DriverError> {
        let result = self.send_harmless(&Command::ReadLog(*params), &mut buffer.0);
        reply!(result, ReadLog => Log)
    }

    /// Takes the device for this file, unless another open file has it.
    #[doc(alias = "HAILO_MARK_AS_IN_USE")]
    pub fn mark_as_in_use(&self) -> Result<MarkAsInUseReply, DriverError> {
        call!(self.send_harmless, MarkAsInUse => MarkAsInUse)
    }
}

/// Firmware, and memory of the device.
///
/// # Errors
/// All methods: [`DriverError::Encode`] if this release has no such operation or cannot express a parameter (nothing was
/// sent), [`DriverError::Errno`] as the driver answers.
impl<T: Transport> Driver<T> {
    /// Sends a control to the firmware and waits for its answer, which is borrowed from `buffer`. After
    /// [`Errno::EINTR`](crate::Errno::EINTR) or [`Errno::ETIMEDOUT`](crate::Errno::ETIMEDOUT) it may have been carried
    /// out.
    ///
    /// # Safety
    /// `params.buffer_len` is at most 1500: the driver does not check it and sends what is behind the argument, or crashes
    /// the kernel. The control does not make the device access host memory that is not given to it.
    #[doc(alias = "HAILO_FW_CONTROL")]
    pub unsafe fn fw_control<'b>(
        &self,
        params: &FwControl<'_>,
        buffer: &'b mut FwControlBuffer,
    ) -> Result<FwControlReply<'b>, DriverError> {
        // SAFETY: the caller promises what is asked above.
        let result = unsafe { self.submit(&Command::FwControl(params.clone()), &mut buffer.0) };
        reply!(result, FwControl => FwControl)
    }

    /// Reads or writes memory of the device (4.17.0 to 4.22.0, 5.0.0 and 5.0.1). The answer is the whole buffer.
    ///
    /// # Safety
    /// `params.count` is at most 4096 and the range belongs to the memory that is named. Writing there does not make the
    /// device access host memory that is not given to it (nor does reading a register whose reading has an effect).
    #[doc(alias = "HAILO_MEMORY_TRANSFER")]
    pub unsafe fn memory_transfer<'b>(
        &self,
        params: &MemoryTransfer<'_>,
        buffer: &'b mut MemoryTransferBuffer,
    ) -> Result<&'b [u8; MAX_MEMORY_TRANSFER_LENGTH], DriverError> {
        // SAFETY: the caller promises what is asked above.
        let result = unsafe { self.submit(&Command::MemoryTransfer(params.clone()), &mut buffer.0) };
        reply!(result, MemoryTransfer => MemoryTransfer)
    }

    /// Resets the neural network core (not on PCIe boards).
    ///
    /// # Safety
    /// No transfer is pending on any channel.
    #[doc(alias = "HAILO_RESET_NN_CORE")]
    pub unsafe fn reset_nn_core(&self) -> Result<(), DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, ResetNnCore) }
    }

    /// Hands an action list to the device (since 4.19.0, not on PCIe boards).
    ///
    /// # Safety
    /// `params.data` and `params.size` name memory of this process that may be read, and the actions in it do not make the
    /// device access host memory that is not given to it.
    #[doc(alias = "HAILO_WRITE_ACTION_LIST")]
    pub unsafe fn write_action_list(&self, params: &WriteActionList) -> Result<WriteActionListReply, DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, WriteActionList(*params) => WriteActionList) }
    }
}

/// Buffers.
///
/// # Errors
/// All methods: [`DriverError::Encode`] if this release has no such operation or cannot express a parameter (nothing was
/// sent), [`DriverError::Errno`] as the driver answers.
impl<T: Transport> Driver<T> {
    /// Maps a buffer for the device.
    ///
    /// # Safety
    /// * The range is memory of this process (or the file descriptor one of a dma-buf) which stays allocated, and is not
    ///   used by safe code in a way that conflicts with what the device does with it, until it was unmapped; releases up to
    ///   4.23.0 map whole pages from the start of the first one.
    /// * `params.size` is neither 0 nor, cut to 32 bits and rounded up to pages, 0: the kernel crashes.
    #[doc(alias = "HAILO_VDMA_BUFFER_MAP")]
    pub unsafe fn buffer_map(&self, params: &BufferMap) -> Result<BufferMapReply, DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, BufferMap(*params) => BufferMap) }
    }

    /// Unmaps a buffer.
    ///
    /// # Safety
    /// No transfer is pending on the buffer, none is prepared with it, and it is unmapped as often as it was mapped, no
    /// more: the kernel crashes later.
    #[doc(alias = "HAILO_VDMA_BUFFER_UNMAP")]
    pub unsafe fn buffer_unmap(&self, params: &BufferUnmap) -> Result<(), DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, BufferUnmap(*params)) }
    }

    /// Synchronises part of a mapped buffer for the processor or the device.
    ///
    /// # Safety
    /// The range is within the mapping, and `params.offset + params.count` does not wrap (the driver does not notice). No
    /// safe code uses the bytes in a conflicting way meanwhile.
    #[doc(alias = "HAILO_VDMA_BUFFER_SYNC")]
    pub unsafe fn buffer_sync(&self, params: &BufferSync) -> Result<(), DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, BufferSync(*params)) }
    }

    /// Allocates a buffer below 4 GiB (up to 5.0.0).
    ///
    /// # Safety
    /// `params.buffer_size` is not 0 and does not wrap when rounded up to pages.
    #[doc(alias = "HAILO_VDMA_LOW_MEMORY_BUFFER_ALLOC")]
    pub unsafe fn low_memory_buffer_alloc(
        &self,
        params: &LowMemoryBufferAlloc,
    ) -> Result<LowMemoryBufferAllocReply, DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, LowMemoryBufferAlloc(*params) => LowMemoryBufferAlloc) }
    }

    /// Frees a low-memory buffer (up to 5.0.0).
    ///
    /// # Safety
    /// The buffer is not mapped for the device, nothing is pending on it, and its mapping into the process is not used any
    /// more.
    #[doc(alias = "HAILO_VDMA_LOW_MEMORY_BUFFER_FREE")]
    pub unsafe fn low_memory_buffer_free(&self, params: &LowMemoryBufferFree) -> Result<(), DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, LowMemoryBufferFree(*params)) }
    }

    /// Allocates a physically continuous buffer.
    ///
    /// # Safety
    /// `params.buffer_size` is not 0 and does not wrap when rounded up to pages.
    #[doc(alias = "HAILO_VDMA_CONTINUOUS_BUFFER_ALLOC")]
    pub unsafe fn continuous_buffer_alloc(
        &self,
        params: &ContinuousBufferAlloc,
    ) -> Result<ContinuousBufferAllocReply, DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, ContinuousBufferAlloc(*params) => ContinuousBufferAlloc) }
    }

    /// Frees a continuous buffer.
    ///
    /// # Safety
    /// The device does not access the buffer any more, nor does the process through its mapping.
    #[doc(alias = "HAILO_VDMA_CONTINUOUS_BUFFER_FREE")]
    pub unsafe fn continuous_buffer_free(&self, params: &ContinuousBufferFree) -> Result<(), DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, ContinuousBufferFree(*params)) }
    }
}

/// Descriptor lists, channels and transfers.
///
/// # Errors
/// All methods: [`DriverError::Encode`] if this release has no such operation or cannot express a parameter (nothing was
/// sent), [`DriverError::Errno`] as the driver answers.
impl<T: Transport> Driver<T> {
    /// Creates a descriptor list.
    ///
    /// # Safety
    /// `params.desc_count` is not 0 and fits into 32 bits; `params.desc_page_size` is a power of two of at least 64 bytes
    /// and at most [`DeviceProperties::desc_max_page_size`]. The kernel crashes otherwise, sooner or later.
    #[doc(alias = "HAILO_DESC_LIST_CREATE")]
    pub unsafe fn desc_list_create(&self, params: &DescListCreate) -> Result<DescListCreateReply, DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, DescListCreate(*params) => DescListCreate) }
    }

    /// Releases a descriptor list.
    ///
    /// # Safety
    /// No transfer is pending on the list, and no enabled channel has launched from it: the kernel crashes later. The
    /// device does not read it any more.
    #[doc(alias = "HAILO_DESC_LIST_RELEASE")]
    pub unsafe fn desc_list_release(&self, params: &DescListRelease) -> Result<(), DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, DescListRelease(*params)) }
    }

    /// Programs descriptors with addresses of a mapped buffer (4.17: binds it). Returns how many were programmed.
    ///
    /// # Safety
    /// * `params.buffer_size` is not 0 and fits into 32 bits: from 5.1.1 on the kernel crashes.
    /// * The mapping outlives every use that the device makes of these descriptors.
    /// * The descriptors are not those of a pending transfer.
    #[doc(alias = "HAILO_DESC_LIST_PROGRAM")]
    #[doc(alias = "HAILO_DESC_LIST_BIND_VDMA_BUFFER")]
    pub unsafe fn desc_list_program(&self, params: &DescListProgram) -> Result<u32, DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, DescListProgram(*params) => return_value) }
    }

    /// Enables channels (4.17: their interrupts).
    ///
    /// # Safety
    /// This file owns the device ([`Driver::mark_as_in_use`]), or the channels are disabled before it is closed: else the
    /// hardware goes on with memory that the driver has freed.
    #[doc(alias = "HAILO_VDMA_ENABLE_CHANNELS")]
    #[doc(alias = "HAILO_VDMA_INTERRUPTS_ENABLE")]
    pub unsafe fn enable_channels(&self, params: &EnableChannels) -> Result<(), DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, EnableChannels(*params)) }
    }

    /// Disables channels (4.17: their interrupts), and drops what is pending on them.
    ///
    /// # Safety
    /// Every list that these channels have launched from still exists, or else the kernel crashes. The channels belong to
    /// this file.
    #[doc(alias = "HAILO_VDMA_DISABLE_CHANNELS")]
    #[doc(alias = "HAILO_VDMA_INTERRUPTS_DISABLE")]
    pub unsafe fn disable_channels(&self, params: &DisableChannels) -> Result<(), DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, DisableChannels(*params)) }
    }

    /// Programs a transfer and hands it to the channel. Buffers behind `params.buffers_count` are sent as zeros.
    ///
    /// Up to 4.20.1 a failure may also be told by the status that the driver writes back; it becomes an error all the same.
    ///
    /// # Safety
    /// * Every buffer is memory of this process that may be given to the device, and is mapped (up to 4.23.0; later the
    ///   driver maps what is not), in the direction of the channel; until the transfer is completed or the channel disabled
    ///   it stays mapped and allocated and is not used by safe code in a conflicting way.
    /// * The list exists until then, its page size is not 0, and the descriptors that the transfer takes are free.
    /// * `params.buffers_count` is not 0 (4.17: the kernel crashes), and no buffer has 0 bytes.
    /// * The channel exists on this board (32 and above do not, from 5.0.0 on).
    #[doc(alias = "HAILO_VDMA_LAUNCH_TRANSFER")]
    #[inline]
    pub unsafe fn launch_transfer(&self, params: &LaunchTransfer) -> Result<Launched, DriverError> {
        let operation = Operation::LaunchTransfer;
        let Some((request, launch)) = self.launch else { return Err(self.no_operation(operation)) };
        // SAFETY: the caller promises what is asked above, and `request` goes with `launch`.
        unsafe { launch(&self.transport, request, params) }.map_err(|error| self.direct_error(operation, error))
    }

    /// Programs a transfer to be launched later (since 5.0.1).
    ///
    /// # Safety
    /// As for [`Driver::launch_transfer`], from now on until the transfer is completed, or was cancelled.
    #[doc(alias = "HAILO_VDMA_PREPARE_TRANSFER")]
    pub unsafe fn prepare_transfer(&self, params: &PrepareTransfer) -> Result<(), DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, PrepareTransfer(*params)) }
    }

    /// Drops every transfer prepared on a list (since 5.1.0).
    ///
    /// # Safety
    /// The buffers of these transfers have not been unmapped more often than mapped. No transfer is pending on the list.
    #[doc(alias = "HAILO_VDMA_CANCEL_PREPARED_TRANSFER")]
    pub unsafe fn cancel_prepared_transfer(&self, params: &CancelPreparedTransfer) -> Result<(), DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, CancelPreparedTransfer(*params)) }
    }

    /// Maps a descriptor list into a process on another operating system than Linux (4.17).
    ///
    /// # Safety
    /// The list exists while the mapping is used.
    #[doc(alias = "HAILO_NON_LINUX_DESC_LIST_MMAP")]
    pub unsafe fn non_linux_desc_list_mmap(
        &self,
        params: &NonLinuxDescListMmap,
    ) -> Result<NonLinuxDescListMmapReply, DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, NonLinuxDescListMmap(*params) => NonLinuxDescListMmap) }
    }
}

/// Boards that are a system-on-chip, and such a board's own side.
///
/// # Errors
/// All methods: [`DriverError::Encode`] if this release has no such operation or cannot express a parameter (nothing was
/// sent), [`DriverError::Errno`] as the driver answers.
impl<T: Transport> Driver<T> {
    /// Connects to a port of the board (since 4.18.0).
    ///
    /// # Safety
    /// Both lists exist until the connection was closed, and what they were programmed with may be given to the board.
    #[doc(alias = "HAILO_SOC_CONNECT")]
    pub unsafe fn soc_connect(&self, params: &SocConnect) -> Result<ConnectionReply, DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, SocConnect(*params) => SocConnect) }
    }

    /// Closes a connection (since 4.18.0).
    ///
    /// # Safety
    /// The channels are those of a connection of this file, and nothing is pending on them.
    #[doc(alias = "HAILO_SOC_CLOSE")]
    pub unsafe fn soc_close(&self, params: &SocClose) -> Result<(), DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, SocClose(*params)) }
    }

    /// Switches the system-on-chip off (since 4.21.0).
    ///
    /// # Safety
    /// Nothing is pending on any channel.
    #[doc(alias = "HAILO_SOC_POWER_OFF")]
    pub unsafe fn soc_power_off(&self) -> Result<(), DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, SocPowerOff) }
    }

    /// Accepts a connection, on the board's side (since 4.18.0).
    ///
    /// # Safety
    /// As for [`Driver::soc_connect`].
    #[doc(alias = "HAILO_PCI_EP_ACCEPT")]
    pub unsafe fn pci_ep_accept(&self, params: &PciEpAccept) -> Result<ConnectionReply, DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, PciEpAccept(*params) => PciEpAccept) }
    }

    /// Closes a connection, on the board's side (since 4.18.0).
    ///
    /// # Safety
    /// As for [`Driver::soc_close`].
    #[doc(alias = "HAILO_PCI_EP_CLOSE")]
    pub unsafe fn pci_ep_close(&self, params: &PciEpClose) -> Result<(), DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, PciEpClose(*params)) }
    }

    /// Listens on a port, on the board's side (5.0.0 to 5.2.0).
    ///
    /// # Safety
    /// This program runs on the board, whose driver this is.
    #[doc(alias = "HAILO_PCI_EP_LISTEN")]
    pub unsafe fn pci_ep_listen(&self, params: &PciEpListen) -> Result<(), DriverError> {
        // SAFETY: the caller promises what is asked above.
        unsafe { call!(self.submit, PciEpListen(*params)) }
    }
}
