//! [`Behaviour`]: what differs between the releases of the driver, beyond the layout of the arguments.
//!
//! Observed were 4.17.0, 4.20.0, 4.23.0 and all of 5.x. A release between them behaves as the nearest earlier one, but where
//! its own interface says otherwise.

use hailo_abi::{DriverRelease, Errno};

const fn release(major: u32, minor: u32, revision: u32) -> DriverRelease {
    DriverRelease::new(major, minor, revision)
}

/// How a launch names its buffers and finds its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaunchStyle {
    /// By mapping handles; the caller says where in the list (up to 4.20.1).
    ByHandle,
    /// By address; the caller says where in the list. With `maps`, what is not mapped is mapped for the transfer (5.0.0).
    ByAddress { maps: bool },
    /// By address; the list counts by itself and buffers are mapped for the transfer (from 5.0.1 on).
    Counted,
}

/// What the driver of one release does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Behaviour {
    pub(crate) release: DriverRelease,
    /// An argument of the older requests that faults.
    pub(crate) fault: Errno,
    /// Any call on a file that a suspend has made stale.
    pub(crate) stale: Errno,
    /// A request on a file whose board was removed.
    pub(crate) removed: Errno,
    /// That is found out before an argument at a kernel address.
    pub(crate) removal_comes_first: bool,
    /// A suspend frees what the files of that time have.
    pub(crate) suspend_frees: bool,
    /// A resume crashes, since the firmware runs already.
    pub(crate) resume_crashes: bool,
    /// A removal wakes those who wait for interrupts; otherwise those who read notifications.
    pub(crate) removal_wakes_waiters: bool,
    /// A reader of notifications that a removal left behind crashes when its process ends; otherwise that never ends.
    pub(crate) exit_crashes: bool,
    /// The group of the system-on-chip boards exists.
    pub(crate) soc_group: bool,
    /// How many channels can be named.
    pub(crate) channels: u8,
    /// What a file has enabled is its own affair.
    pub(crate) file_channels: bool,
    /// Bits of engines that do not exist count as disabled channels.
    pub(crate) other_engines_disabled: bool,
    /// Disabling what is not enabled fails.
    pub(crate) disable_checks: bool,
    /// An allocation that is too large.
    pub(crate) no_buffers: Errno,
    /// A list of more descriptors than the largest power of two in 32 bits.
    pub(crate) too_many_descriptors: Errno,
    /// A descriptor list can be mapped into a process.
    pub(crate) lists_can_be_mapped: bool,
    /// Buffers are widened to whole pages on both sides.
    pub(crate) whole_pages: bool,
    /// Mappings count their users, so that one unmap with a transfer pending does no harm.
    pub(crate) counted_mappings: bool,
    /// Mapping a range again gives the same handle, and unmapping goes by range.
    pub(crate) mappings_by_range: bool,
    /// A place in a list or buffer that cannot be.
    pub(crate) misplaced: Errno,
    /// Past the end of a list.
    pub(crate) past_list: Errno,
    /// Past the end of a buffer.
    pub(crate) past_buffer: Errno,
    /// A list or buffer that is not known, to programming.
    pub(crate) program_unknown: Errno,
    /// No two pages of a buffer lie next to each other: so it was on the machine of the recorded cases of 4.x, but not on that
    /// of 5.x.
    pub(crate) scattered_pages: bool,
    /// Programming takes the number of bytes of a transfer as 64 bits.
    pub(crate) program_wide_size: bool,
    /// Programming checks the whole before it writes anything, and divides by the size of a transfer.
    pub(crate) program_whole: bool,
    /// Programming never asks for interrupts.
    pub(crate) program_silent: bool,
    pub(crate) launch: LaunchStyle,
    /// A list that is not known, to a launch.
    pub(crate) launch_unknown: Errno,
    /// A launch whose place is not where the hardware is.
    pub(crate) out_of_step: Errno,
    /// A launch on a channel that does not run is refused.
    pub(crate) checks_running: bool,
    /// A transfer without buffers crashes.
    pub(crate) no_buffers_crashes: bool,
    /// A transfer without buffers is refused.
    pub(crate) no_buffers_refused: bool,
    /// A buffer type that there is not, to a launch.
    pub(crate) launch_type: Errno,
    /// A failed launch leaves the list where it was.
    pub(crate) programs_atomically: bool,
    /// Every buffer of a transfer interrupts at its end.
    pub(crate) every_buffer_interrupts: bool,
    /// The end of a transfer interrupts the host, whatever the request says.
    pub(crate) host_interrupts: bool,
    /// What the 128th pending transfer gets; `None`: it is launched and forgotten.
    pub(crate) too_many: Option<Errno>,
    /// What the 128th prepared transfer gets.
    pub(crate) too_many_prepared: Errno,
    /// Disabling a channel whose list was released under a pending transfer crashes.
    pub(crate) released_list_crashes: bool,
    /// The driver counts transfers; otherwise descriptors.
    pub(crate) counts_transfers: bool,
    /// A wait reports a stopped or failed channel by its count of transfers.
    pub(crate) status_in_count: bool,
    /// A read of a notification that was cancelled.
    pub(crate) cancelled: Errno,
    /// A read of a notification from a process that did not open the file.
    pub(crate) foreign_reader: Errno,
}

impl Behaviour {
    /// The behaviour of a release.
    pub(crate) fn of(this: DriverRelease) -> Self {
        let from = |major, minor, revision| this >= release(major, minor, revision);
        let pick = |new: bool, new_errno, old_errno| if new { new_errno } else { old_errno };
        let observed_4_20 = from(4, 20, 0);
        let whole = from(5, 1, 1);
        let all_invalid = from(5, 1, 0);
        Self {
            release: this,
            fault: pick(from(5, 1, 0), Errno::EFAULT, Errno::ENOMEM),
            stale: pick(from(5, 0, 1), Errno::ENXIO, Errno::EINVAL),
            removed: pick(from(5, 0, 1), Errno::ENXIO, Errno::ENODEV),
            removal_comes_first: !from(5, 0, 1),
            suspend_frees: from(5, 0, 1),
            resume_crashes: this == release(5, 1, 0),
            removal_wakes_waiters: from(5, 0, 1),
            exit_crashes: from(5, 3, 0),
            soc_group: from(4, 18, 0),
            channels: if from(5, 0, 0) { 40 } else { 32 },
            file_channels: from(5, 0, 0),
            other_engines_disabled: from(5, 0, 1),
            disable_checks: !observed_4_20,
            no_buffers: pick(observed_4_20, Errno::ENOBUFS, Errno::ENOMEM),
            too_many_descriptors: pick(observed_4_20, Errno::EINVAL, Errno::ENOMEM),
            lists_can_be_mapped: !observed_4_20,
            whole_pages: from(5, 0, 0),
            counted_mappings: from(5, 0, 0),
            mappings_by_range: whole,
            misplaced: pick(from(4, 23, 0), Errno::EINVAL, Errno::EFAULT),
            past_list: pick(all_invalid, Errno::EINVAL, Errno::ERANGE),
            past_buffer: pick(all_invalid, Errno::EINVAL, Errno::EFAULT),
            program_unknown: pick(all_invalid, Errno::EINVAL, Errno::EFAULT),
            scattered_pages: !from(5, 0, 0),
            program_wide_size: from(5, 0, 1) && !whole,
            program_whole: whole,
            program_silent: from(5, 3, 0),
            launch: if from(5, 0, 1) {
                LaunchStyle::Counted
            } else if from(4, 21, 0) {
                LaunchStyle::ByAddress { maps: from(5, 0, 0) }
            } else {
                LaunchStyle::ByHandle
            },
            launch_unknown: pick(all_invalid, Errno::EINVAL, Errno::EFAULT),
            out_of_step: pick(all_invalid, Errno::EIO, Errno::EFAULT),
            checks_running: from(4, 18, 0),
            no_buffers_crashes: !observed_4_20,
            no_buffers_refused: this == release(5, 0, 1),
            launch_type: pick(all_invalid, Errno::EINVAL, Errno::EFAULT),
            programs_atomically: all_invalid,
            every_buffer_interrupts: whole,
            host_interrupts: from(5, 3, 0),
            too_many: if from(5, 3, 0) {
                Some(Errno::EINVAL)
            } else if from(5, 0, 1) {
                None
            } else {
                Some(Errno::EFAULT)
            },
            too_many_prepared: pick(all_invalid, Errno::EINVAL, Errno::EFAULT),
            released_list_crashes: observed_4_20,
            counts_transfers: from(4, 18, 0),
            status_in_count: from(4, 21, 0),
            cancelled: pick(observed_4_20, Errno::ECANCELED, Errno::EINVAL),
            foreign_reader: pick(from(5, 1, 0), Errno::EINVAL, Errno::EFAULT),
        }
    }
}
