//! [`Command`] and [`Reply`]: what a request asks and what the driver writes back, whatever the release.
//!
//! Every operation has one plain struct here with the union of its parameters over all releases. An
//! [`Interface`](crate::Interface) turns it into the bytes of one release and back. A parameter that an interface does not
//! have is left out if it only repeats what the driver knows anyway; otherwise encoding fails and names it. Decoding gives such a parameter its
//! neutral value (zero, false, `None`).

mod accelerator;
mod buffer;
mod channel;
mod descriptor_list;
mod device;
mod transfer;

pub use accelerator::*;
pub use buffer::*;
pub use channel::*;
pub(crate) use channel::{InterruptEntries, InterruptEntry};
pub use descriptor_list::*;
pub use device::*;
pub use transfer::*;

/// Declares [`Operation`], [`Command`] and the list of all operations from one table.
macro_rules! operations {
    ($($(#[$meta:meta])* $name:ident $(($params:ty))?;)+) => {
        /// An operation of the driver, by whatever name and code a release offers it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Operation {
            $($(#[$meta])* $name,)+
        }

        impl Operation {
            /// Every operation that some release has.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// How many there are.
            pub(crate) const COUNT: usize = Self::ALL.len();

            /// The name of the variant.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }
        }

        /// A request with its parameters. Large byte arrays are borrowed from the argument.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Command<'a> {
            $($(#[$meta])* $name $(($params))?,)+
        }

        impl Command<'_> {
            /// The operation.
            #[must_use]
            pub fn operation(&self) -> Operation {
                match self {
                    $(operations!(@pattern $name $(($params))?) => Operation::$name,)+
                }
            }
        }
    };
    (@pattern $name:ident ($params:ty)) => { Self::$name(_) };
    (@pattern $name:ident) => { Self::$name };
}

operations! {
    /// Which release is this driver?
    QueryDriverInfo;
    /// What board is this?
    QueryDeviceProperties;
    /// Reads or writes memory of the device (4.17.0 to 4.22.0, 5.0.0 and 5.0.1).
    MemoryTransfer(MemoryTransfer<'a>);
    /// Sends a control to the firmware and waits for its answer.
    FwControl(FwControl<'a>);
    /// Waits for a notification of the firmware.
    ReadNotification;
    /// Cancels one wait for a notification.
    DisableNotification;
    /// Reads the log of a CPU.
    ReadLog(ReadLog);
    /// Resets the neural network core (not on PCIe boards).
    ResetNnCore;
    /// Hands an action list to the device (since 4.19.0, not on PCIe boards).
    WriteActionList(WriteActionList);
    /// Enables channels (4.17: enables their interrupts).
    EnableChannels(EnableChannels);
    /// Disables channels (4.17: disables their interrupts).
    DisableChannels(DisableChannels);
    /// Waits for interrupts of channels.
    InterruptsWait(InterruptsWait);
    /// Reads when a channel's interrupts came (up to 5.2.0).
    InterruptsReadTimestamps(InterruptsReadTimestamps);
    /// Maps a buffer for the device.
    BufferMap(BufferMap);
    /// Unmaps it.
    BufferUnmap(BufferUnmap);
    /// Synchronises a mapped buffer for the processor or the device.
    BufferSync(BufferSync);
    /// Creates a descriptor list.
    DescListCreate(DescListCreate);
    /// Releases it.
    DescListRelease(DescListRelease);
    /// Programs descriptors with a mapped buffer (4.17: binds it).
    DescListProgram(DescListProgram);
    /// Allocates a buffer below 4 GiB (up to 5.0.0).
    LowMemoryBufferAlloc(LowMemoryBufferAlloc);
    /// Frees it.
    LowMemoryBufferFree(LowMemoryBufferFree);
    /// Takes the device for this file.
    MarkAsInUse;
    /// Allocates a physically continuous buffer.
    ContinuousBufferAlloc(ContinuousBufferAlloc);
    /// Frees it.
    ContinuousBufferFree(ContinuousBufferFree);
    /// Programs a transfer and hands it to the channel.
    LaunchTransfer(LaunchTransfer);
    /// Programs a transfer to be launched later (since 5.0.1).
    PrepareTransfer(PrepareTransfer);
    /// Drops what was prepared on a list (since 5.1.0).
    CancelPreparedTransfer(CancelPreparedTransfer);
    /// Connects to a port of a system-on-chip board (since 4.18.0).
    SocConnect(SocConnect);
    /// Closes the connection (since 4.18.0).
    SocClose(SocClose);
    /// Switches the system-on-chip off (since 4.21.0).
    SocPowerOff;
    /// Accepts a connection, on the board's side (since 4.18.0).
    PciEpAccept(PciEpAccept);
    /// Closes it (since 4.18.0).
    PciEpClose(PciEpClose);
    /// Listens on a port, on the board's side (5.0.0 to 5.2.0).
    PciEpListen(PciEpListen);
    /// Maps a descriptor list into a process on another operating system than Linux (4.17).
    NonLinuxDescListMmap(NonLinuxDescListMmap);
}

impl Operation {
    /// Whether the operation can do no damage whatever its argument says, so that sending it is safe.
    #[must_use]
    pub const fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::QueryDriverInfo
                | Self::QueryDeviceProperties
                | Self::ReadNotification
                | Self::DisableNotification
                | Self::ReadLog
                | Self::InterruptsWait
                | Self::InterruptsReadTimestamps
                | Self::MarkAsInUse
        )
    }
}

/// What the driver writes into the argument of a request that succeeded. Beside it there is the return value of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// Nothing is written.
    None,
    /// Answer to [`Command::QueryDriverInfo`].
    DriverInfo(DriverInfo),
    /// Answer to [`Command::QueryDeviceProperties`].
    DeviceProperties(DeviceProperties),
    /// Answer to [`Command::MemoryTransfer`]: the whole 4096 bytes of the buffer.
    MemoryTransfer(&'a [u8; MAX_MEMORY_TRANSFER_LENGTH]),
    /// Answer to [`Command::FwControl`].
    FwControl(FwControlReply<'a>),
    /// Answer to [`Command::ReadNotification`].
    Notification(Notification<'a>),
    /// Answer to [`Command::ReadLog`].
    Log(Log<'a>),
    /// Answer to [`Command::WriteActionList`].
    WriteActionList(WriteActionListReply),
    /// Answer to [`Command::InterruptsWait`].
    InterruptsWait(InterruptsWaitReply<'a>),
    /// Answer to [`Command::InterruptsReadTimestamps`].
    Timestamps(Timestamps<'a>),
    /// Answer to [`Command::BufferMap`].
    BufferMap(BufferMapReply),
    /// Answer to [`Command::DescListCreate`].
    DescListCreate(DescListCreateReply),
    /// Answer to [`Command::LowMemoryBufferAlloc`].
    LowMemoryBufferAlloc(LowMemoryBufferAllocReply),
    /// Answer to [`Command::MarkAsInUse`].
    MarkAsInUse(MarkAsInUseReply),
    /// Answer to [`Command::ContinuousBufferAlloc`].
    ContinuousBufferAlloc(ContinuousBufferAllocReply),
    /// Answer to [`Command::LaunchTransfer`] up to 4.20.1; later releases write nothing back.
    LaunchTransfer(LaunchTransferReply),
    /// Answer to [`Command::SocConnect`].
    SocConnect(ConnectionReply),
    /// Answer to [`Command::PciEpAccept`].
    PciEpAccept(ConnectionReply),
    /// Answer to [`Command::NonLinuxDescListMmap`].
    NonLinuxDescListMmap(NonLinuxDescListMmapReply),
}
