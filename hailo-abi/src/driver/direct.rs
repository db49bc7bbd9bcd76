//! The way of a launch and of a wait, which are taken for every frame: from the parameters straight into an argument of
//! the right size, and on to the transport.

use crate::argument::{Argument, Inexpressible, Param};
use crate::channels::ChannelBitmaps;
use crate::command::{InterruptsWaitReply, LaunchTransfer, MAX_BUFFERS_PER_TRANSFER, Reply, TransferBuffer};
use crate::errno::Errno;
use crate::request::Request;
use crate::transport::{Frame, Transport};

/// What came of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Launched {
    /// How many descriptors the transfer took. Up to 4.20.1 the driver writes it into the argument, later it is the return
    /// value of the call. With a list's worth of descriptors, releases from 5.0.1 on say 0.
    pub descriptors: u32,
    /// What the call returned: 0 up to 4.20.1, later the same as `descriptors`.
    pub return_value: u32,
}

/// Why nothing came of it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum DirectError {
    Inexpressible(Inexpressible),
    Errno(Errno),
}

impl From<Inexpressible> for DirectError {
    fn from(parameter: Inexpressible) -> Self {
        Self::Inexpressible(parameter)
    }
}

impl From<Errno> for DirectError {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

/// Sends a launch in one release's layout.
#[doc(hidden)]
pub type LaunchFn = unsafe fn(&dyn Transport, Request, &LaunchTransfer) -> Result<Launched, DirectError>;

/// An argument of a launch.
pub(crate) trait LaunchArgument: Argument {
    /// Writes every parameter but the buffers.
    fn put_head(&mut self, params: &LaunchTransfer) -> Result<(), Inexpressible>;

    /// Writes the buffers that are counted, into a zeroed argument. Returns false if there is no room for them.
    fn put_counted_buffers(&mut self, params: &LaunchTransfer) -> bool;
}

/// Writes the first `params.buffers_count` buffers.
#[inline]
pub(crate) fn put_counted<B, const N: usize>(fields: &mut [B; N], params: &LaunchTransfer) -> bool
where
    B: Param<TransferBuffer>,
    [B; N]: Param<[TransferBuffer; MAX_BUFFERS_PER_TRANSFER]>,
{
    let count = usize::from(params.buffers_count);
    match (fields.get_mut(..count), params.buffers.get(..count)) {
        (Some(fields), Some(buffers)) => fields.iter_mut().zip(buffers).all(|(field, buffer)| field.put(buffer)),
        _ => fields.put(&params.buffers),
    }
}

/// Sends a launch whose argument is an `A`.
///
/// # Safety
/// As for [`Frame::new_unchecked`], of the parameters as they are sent.
pub(crate) unsafe fn launch_as<A: LaunchArgument>(
    transport: &dyn Transport,
    request: Request,
    params: &LaunchTransfer,
) -> Result<Launched, DirectError> {
    let mut argument = A::new_zeroed();
    argument.put_head(params)?;
    if !argument.put_counted_buffers(params) {
        return Err(Inexpressible("buffers").into());
    }
    // SAFETY: the caller promises what `new_unchecked` asks for these parameters, and this is their form.
    let frame = unsafe { Frame::exact(request, argument.as_mut_bytes()) };
    let return_value = transport.submit(frame)?;
    let Reply::LaunchTransfer(reply) = argument.decode_reply() else {
        return Ok(Launched { descriptors: return_value, return_value });
    };
    match reply.launch_transfer_status.checked_neg().and_then(Errno::from_raw) {
        Some(errno) => Err(errno.into()),
        None => Ok(Launched { descriptors: reply.descs_programed, return_value }),
    }
}

/// Sends a wait in one release's layout.
#[doc(hidden)]
pub type WaitFn =
    for<'b> fn(&dyn Transport, Request, &ChannelBitmaps, &'b mut [u8]) -> Result<InterruptsWaitReply<'b>, DirectError>;

/// An argument of a wait.
pub(crate) trait WaitArgument: Argument {
    /// Writes the channels. Returns false if there are no bits for them.
    fn put_channels(&mut self, channels: &ChannelBitmaps) -> bool;

    /// What the driver answered.
    fn interrupts(&self) -> InterruptsWaitReply<'_>;
}

/// Sends a wait whose argument is an `A`, at the start of `buffer`; what else is there stays and does not matter.
pub(crate) fn wait_as<'b, A: WaitArgument>(
    transport: &dyn Transport,
    request: Request,
    channels: &ChannelBitmaps,
    buffer: &'b mut [u8],
) -> Result<InterruptsWaitReply<'b>, DirectError> {
    let (argument, _) = A::mut_from_prefix(buffer).map_err(|_| Inexpressible::LENGTH)?;
    if !argument.put_channels(channels) {
        return Err(Inexpressible("channels").into());
    }
    // SAFETY: waiting is harmless, and its code stands for nothing else in any release (asserted where the version table
    // is).
    let frame = unsafe { Frame::exact(request, argument.as_mut_bytes()) };
    transport.submit(frame)?;
    Ok(argument.interrupts())
}

/// Implements [`Argument`] and [`LaunchArgument`] for the argument of a launch, as `argument!` does.
macro_rules! launch_argument {
    (
        $wire:ident<$w:ident>
        in { $($field:ident),+ $(,)? }
        $(in $inner:ident { $($inner_field:ident),+ $(,)? })?
        fixed { $($fixed:ident: $value:expr),+ $(,)? }
        $(ignored { $($ignored:ident: $neutral:expr),+ $(,)? })?
        buffers { $($path:ident).+ }
        $(reply $($reply:tt)+)?
    ) => {
        impl<$w: $crate::data_model::Word> $crate::driver::LaunchArgument for $wire<$w> {
            #[inline]
            fn put_head(
                &mut self,
                params: &$crate::command::LaunchTransfer,
            ) -> Result<(), $crate::argument::Inexpressible> {
                $($crate::argument::argument!(@fixed params, $fixed, $value);)+
                $($crate::argument::argument!(@put self.$field, params.$field, $field);)+
                $(
                    let inner = &mut self.$inner;
                    $($crate::argument::argument!(@put inner.$inner_field, params.$inner_field, $inner_field);)+
                )?
                Ok(())
            }

            #[inline]
            fn put_counted_buffers(&mut self, params: &$crate::command::LaunchTransfer) -> bool {
                $crate::driver::put_counted(&mut self.$($path).+, params)
            }
        }

        impl<$w: $crate::data_model::Word> $crate::argument::Argument for $wire<$w> {
            const LAUNCH: Option<$crate::driver::LaunchFn> = Some($crate::driver::launch_as::<Self>);

            fn encode(
                &mut self,
                command: &$crate::command::Command<'_>,
            ) -> Result<(), $crate::argument::Inexpressible> {
                let $crate::command::Command::LaunchTransfer(params) = command else {
                    return Err($crate::argument::Inexpressible::COMMAND);
                };
                if !$crate::argument::Param::put(&mut self.$($path).+, &params.buffers) {
                    return Err($crate::argument::Inexpressible("buffers"));
                }
                $crate::driver::LaunchArgument::put_head(self, params)
            }

            fn decode(&self) -> $crate::command::Command<'_> {
                $crate::command::Command::LaunchTransfer($crate::command::LaunchTransfer {
                    $($field: $crate::argument::Param::take(&self.$field),)+
                    $($($inner_field: $crate::argument::Param::take(&self.$inner.$inner_field),)+)?
                    $($fixed: $value,)+
                    $($($ignored: $neutral,)+)?
                    buffers: $crate::argument::Param::take(&self.$($path).+),
                })
            }

            $($crate::argument::argument!(@reply $($reply)+);)?
        }
    };
}
pub(crate) use launch_argument;
