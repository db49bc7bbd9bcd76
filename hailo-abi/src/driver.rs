//! [`Driver`]: a transport together with the release of the driver behind it, and every operation as a method.
#![allow(unsafe_code, reason = "most operations are unsafe to send; each says what must hold")]

mod direct;
mod error;
mod operations;

use crate::command::{Command, DriverInfo, Operation, Reply};
use crate::data_model::DataModel;
use crate::errno::Errno;
use crate::interface::{Codec, EncodeError, Interface, VERSION_QUERIES, max_argument_length};
use crate::release::DriverRelease;
use crate::request::Request;
use crate::transport::{Frame, Transport};

#[doc(hidden)]
pub use direct::DirectError;
pub(crate) use direct::{LaunchArgument, WaitArgument, launch_argument, launch_as, put_counted, wait_as};
pub use direct::{LaunchFn, Launched, WaitFn};
pub use error::DriverError;
pub use operations::{
    FwControlBuffer, InterruptsWaitBuffer, LogBuffer, MemoryTransferBuffer, NotificationBuffer, TimestampsBuffer,
};

/// A driver: what carries requests to it, its release, and so its interface.
///
/// It is in the data model of this program. Operations that can do no harm are safe; for the others each says what must
/// hold. None is repeated when a signal interrupts it.
///
/// ```
/// use hailo_abi::{Driver, DriverRelease, Errno, Frame, Request, Transport};
///
/// /// A driver of release 4.23.0 that only knows its version.
/// struct OnlyVersion;
///
/// impl Transport for OnlyVersion {
///     fn submit(&self, mut frame: Frame<'_>) -> Result<u32, Errno> {
///         if frame.request() != Request::iow(b'g', 2, 12) {
///             return Err(Errno::ENOTTY);
///         }
///         frame.argument_mut().copy_from_slice(&[4, 0, 0, 0, 23, 0, 0, 0, 0, 0, 0, 0]);
///         Ok(0)
///     }
/// }
///
/// let driver = Driver::detect(OnlyVersion)?;
/// assert_eq!(driver.release(), DriverRelease::new(4, 23, 0));
/// assert_eq!(driver.query_device_properties().unwrap_err().errno(), Some(Errno::ENOTTY));
/// # Ok::<(), hailo_abi::DriverError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Driver<T> {
    transport: T,
    release: DriverRelease,
    interface: &'static Interface,
    launch: Option<(Request, LaunchFn)>,
    wait: Option<(Request, WaitFn)>,
}

/// Room for the argument of an operation in every release, so that an answer can be borrowed from it. It may be used again
/// for the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgumentBuffer<const N: usize>([u8; N]);

impl<const N: usize> ArgumentBuffer<N> {
    /// A buffer of zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Default for ArgumentBuffer<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// The size of an operation's argument in this program's data model, the largest of all releases.
const fn length(operation: Operation) -> usize {
    max_argument_length(operation, DataModel::NATIVE)
}

/// Asks a driver for its release by every code that the version query has, the newest releases' first.
///
/// # Errors
/// [`DriverError::NoVersionQuery`] if the answer to each is `ENOTTY`, [`DriverError::Errno`] for any other error,
/// [`DriverError::WrongVersionQuery`] if the release that it names is known and has another code.
pub fn query_release(transport: &dyn Transport) -> Result<DriverRelease, DriverError> {
    const LENGTH: usize = length(Operation::QueryDriverInfo);
    let operation = Operation::QueryDriverInfo;
    for request in VERSION_QUERIES {
        let mut argument = [0; LENGTH];
        // SAFETY: the version query is harmless.
        let frame = unsafe { Frame::exact(*request, &mut argument) };
        match transport.submit(frame) {
            Ok(_) => {
                let reply = crate::v4_17_0::DriverInfo::decode_bytes(&argument);
                let found = reply.ok_or(DriverError::WrongReply { operation })?.release;
                let expected = Interface::of(found).and_then(|known| known.request(operation, DataModel::NATIVE));
                return match expected {
                    Some(expected) if expected != *request => Err(DriverError::WrongVersionQuery { found }),
                    _ => Ok(found),
                };
            }
            Err(Errno::ENOTTY) => {}
            Err(errno) => return Err(DriverError::Errno { operation, errno }),
        }
    }
    Err(DriverError::NoVersionQuery)
}

impl<T: Transport> Driver<T> {
    /// Asks the driver for its release and takes its interface from the version table.
    ///
    /// # Errors
    /// As [`query_release`]; [`DriverError::UnknownRelease`] if the release is not in the
    /// [version table](crate::interface::RELEASES).
    pub fn detect(transport: T) -> Result<Self, DriverError> {
        let release = query_release(&transport)?;
        Self::with_release(transport, release)
    }

    /// Takes a release for granted, whatever the driver says of itself.
    ///
    /// This is not unsafe: what can do no harm does none in any release, and for every other operation the caller promises
    /// that it is right for the driver that will answer.
    ///
    /// # Errors
    /// [`DriverError::UnknownRelease`] if the release is not in the [version table](crate::interface::RELEASES).
    pub fn with_release(transport: T, release: DriverRelease) -> Result<Self, DriverError> {
        let interface = Interface::of(release).ok_or_else(|| DriverError::unknown_release(release))?;
        let codec = |operation| interface.codec(operation, DataModel::NATIVE).ok();
        let launch = codec(Operation::LaunchTransfer).and_then(|codec| Some((codec.request, codec.launch?)));
        let wait = codec(Operation::InterruptsWait).and_then(|codec| Some((codec.request, codec.wait?)));
        Ok(Self { transport, release, interface, launch, wait })
    }

    /// The driver's release.
    #[must_use]
    pub fn release(&self) -> DriverRelease {
        self.release
    }

    /// The interface of that release.
    #[must_use]
    pub fn interface(&self) -> &'static Interface {
        self.interface
    }

    /// What carries the requests.
    #[must_use]
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// Gives back what carries the requests.
    #[must_use]
    pub fn into_transport(self) -> T {
        self.transport
    }

    /// Sends any command. Returns what the call returned and what the driver wrote, which is borrowed from `buffer`
    /// ([`MAX_ARGUMENT_LENGTH`](crate::interface::MAX_ARGUMENT_LENGTH) bytes are always enough).
    ///
    /// # Errors
    /// [`DriverError::Encode`], [`DriverError::Errno`].
    ///
    /// # Safety
    /// As for [`Frame::new_unchecked`]; the method of each operation says which of it concerns that operation.
    pub unsafe fn submit<'b>(
        &self,
        command: &Command<'_>,
        buffer: &'b mut [u8],
    ) -> Result<(u32, Reply<'b>), DriverError> {
        let operation = command.operation();
        let codec = self.interface.codec(operation, DataModel::NATIVE)?;
        // SAFETY: the caller promises it.
        unsafe { self.send(codec, command, buffer) }
    }

    /// Sends a command whose codec is known.
    ///
    /// # Safety
    /// As for [`Frame::new_unchecked`].
    #[inline]
    unsafe fn send<'b>(
        &self,
        codec: &'static Codec,
        command: &Command<'_>,
        buffer: &'b mut [u8],
    ) -> Result<(u32, Reply<'b>), DriverError> {
        let needed = codec.request.size();
        let given = buffer.len();
        let argument = buffer.get_mut(..needed).ok_or(EncodeError::Buffer { needed, given })?;
        (codec.encode)(command, argument)
            .map_err(|parameter| self.interface.inexpressible(command.operation(), parameter))?;
        // SAFETY: the caller promises what `new_unchecked` asks for this command, and this is its form.
        let frame = unsafe { Frame::exact(codec.request, argument) };
        let operation = command.operation();
        let value = self.transport.submit(frame).map_err(|errno| DriverError::Errno { operation, errno })?;
        let reply = (codec.decode_reply)(argument).ok_or(DriverError::WrongReply { operation })?;
        Ok((value, reply))
    }

    /// Sends a harmless command.
    #[inline]
    fn send_harmless<'b>(&self, command: &Command<'_>, buffer: &'b mut [u8]) -> Result<(u32, Reply<'b>), DriverError> {
        let operation = command.operation();
        debug_assert!(operation.is_harmless());
        let codec = self.interface.codec(operation, DataModel::NATIVE)?;
        // SAFETY: the operation is harmless, and its code stands for no other in any release (asserted where the version
        // table is).
        unsafe { self.send(codec, command, buffer) }
    }
}

impl crate::v4_17_0::DriverInfo {
    /// The answer in these bytes.
    fn decode_bytes(bytes: &[u8]) -> Option<DriverInfo> {
        use crate::argument::Argument;
        use zerocopy::FromBytes;
        match Self::ref_from_bytes(bytes).ok()?.decode_reply() {
            Reply::DriverInfo(info) => Some(info),
            _ => None,
        }
    }
}
