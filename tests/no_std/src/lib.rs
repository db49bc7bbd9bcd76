//! `hailo-abi` in a program without the standard library: one launch, encoded and submitted, for a release that is known
//! when the program is built and for one that is found when it runs.
#![no_std]

use core::ffi::c_void;
use core::panic::PanicInfo;

use hailo_abi::command::{LaunchTransfer, TransferBuffer};
use hailo_abi::enums::InterruptsDomain;
use hailo_abi::{Driver, Errno, Frame, Request, Transport, v4_23_0};

unsafe extern "C" {
    /// Provided by the program that links this library, and by nothing else: if a panic can be reached, it is called.
    fn hailo_panicked() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: it takes nothing and does not return.
    unsafe { hailo_panicked() }
}

/// Carries a request: a non-negative value, or a negative error number.
type Submit = unsafe extern "C" fn(device: *mut c_void, request: u32, argument: *mut u8, length: usize) -> i32;

struct Callback {
    submit: Submit,
    device: *mut c_void,
}

// SAFETY: the program that links this library has one thread.
unsafe impl Send for Callback {}
// SAFETY: as above.
unsafe impl Sync for Callback {}

impl Transport for Callback {
    fn submit(&self, mut frame: Frame<'_>) -> Result<u32, Errno> {
        let (request, argument) = (frame.request().raw(), frame.argument_mut());
        // SAFETY: the callback takes any request, and an argument of the length that it is told.
        let value = unsafe { (self.submit)(self.device, request, argument.as_mut_ptr(), argument.len()) };
        u32::try_from(value).map_err(|_| Errno::from_raw(value.saturating_neg()).unwrap_or(Errno::EINVAL))
    }
}

fn value(result: Option<u32>) -> i32 {
    result.and_then(|value| i32::try_from(value).ok()).unwrap_or(-1)
}

/// Launches a transfer of one buffer with the structs of release 4.23.0.
///
/// # Safety
/// As for [`Driver::launch_transfer`]; `submit` bears its argument.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_launch_4_23(
    submit: Submit,
    device: *mut c_void,
    channel: u8,
    list: usize,
    address: usize,
    size: u32,
) -> i32 {
    use hailo_abi::Word;
    use zerocopy::{FromZeros, IntoBytes};

    const REQUEST: Request = Request::ior(b'v', 15, size_of::<v4_23_0::LaunchTransfer>());
    let mut argument = v4_23_0::LaunchTransfer::<hailo_abi::data_model::Native>::new_zeroed();
    argument.set_channel_index(channel);
    argument.set_should_bind(true);
    argument.set_buffers_count(1);
    argument.set_last_interrupts_domain(InterruptsDomain::HOST);
    let (Some(list), Some(address)) = (Word::new(list as u64), Word::new(address as u64)) else { return -1 };
    argument.desc_handle = list;
    argument.buffers[0].addr_or_fd = address;
    argument.buffers[0].set_size(size);
    // SAFETY: the caller promises it.
    let Ok(frame) = (unsafe { Frame::new_unchecked(REQUEST, argument.as_mut_bytes()) }) else { return -1 };
    value(Callback { submit, device }.submit(frame).ok())
}

/// The same with the release that the driver is found to be.
///
/// # Safety
/// As for [`Driver::launch_transfer`]; `submit` bears its argument.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_launch_any(
    submit: Submit,
    device: *mut c_void,
    channel: u8,
    list: usize,
    address: usize,
    size: u32,
) -> i32 {
    let Ok(driver) = Driver::detect(Callback { submit, device }) else { return -1 };
    let buffer = TransferBuffer { address_or_fd: address as u64, size, ..TransferBuffer::EMPTY };
    let params = LaunchTransfer::new(channel, list as u64, [buffer]);
    // SAFETY: the caller promises it.
    value(unsafe { driver.launch_transfer(&params) }.ok().map(|launched| launched.descriptors))
}
