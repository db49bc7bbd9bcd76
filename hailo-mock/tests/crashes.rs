//! What crashes the kernel in which release, as it was observed. The columns are the releases, a row is a way to do it.

mod common;

use common::Client;
use hailo_abi::command::*;
use hailo_abi::enums::{BufferType, CpuId, DataDirection, InterruptsDomain};
use hailo_abi::{DriverRelease, Errno};

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The kernel crashed.
    Oops,
    /// Everything succeeded; the last call returned this.
    Value(u32),
    Errno(Errno),
    /// Not observed.
    Unknown,
}

use Outcome::{Oops, Unknown};
const OK: Outcome = Outcome::Value(0);
const EINVAL: Outcome = Outcome::Errno(Errno::EINVAL);
const EFAULT: Outcome = Outcome::Errno(Errno::EFAULT);

const RELEASES: [DriverRelease; 7] = [
    DriverRelease::new(4, 23, 0),
    DriverRelease::new(5, 0, 0),
    DriverRelease::new(5, 0, 1),
    DriverRelease::new(5, 1, 0),
    DriverRelease::new(5, 1, 1),
    DriverRelease::new(5, 2, 0),
    DriverRelease::new(5, 3, 0),
];

type Way = fn(&Client) -> Result<u32, Errno>;

const TABLE: &[(&str, Way, [Outcome; 7])] = &[
    ("map size 0 at a page start", map_nothing, [Oops; 7]),
    ("map size 2^32", |client| map(client, 0, 1 << 32), [Oops; 7]),
    ("map size 2^32 - 1", |client| map(client, 0, (1 << 32) - 1), [EINVAL, Oops, Oops, Oops, Oops, Oops, Oops]),
    ("map size 0 at page offset 64", |client| map(client, 64, 0), [Unknown, Unknown, OK, OK, OK, OK, OK]),
    ("program on a list of page size 0", program_page_0, [Oops; 7]),
    ("launch on a list of page size 0", launch_page_0, [Unknown, Unknown, Oops, Oops, Oops, Oops, Oops]),
    ("program transfer size 0", |client| program(client, 0), [OK, OK, OK, OK, Oops, Oops, Oops]),
    (
        "program transfer size 2^32",
        |client| program(client, 1 << 32),
        [Unknown, Unknown, EFAULT, EINVAL, Oops, Oops, Oops],
    ),
    ("control of 20000 bytes", control_20000, [Oops; 7]),
    ("unmap once with a pending transfer, then wait", unmap_once, [Oops, OK, OK, OK, OK, OK, OK]),
    // Nothing is done to the buffers of what is thrown away.
    ("unmap once with a pending transfer, then disable", unmap_disable, [OK; 7]),
    ("unmap twice with a pending transfer, then wait", unmap_twice, [Unknown, Unknown, Oops, Oops, Oops, Oops, Oops]),
    (
        "unmap what a pending launch mapped, then wait",
        unmap_on_the_fly,
        [Unknown, Unknown, Oops, Oops, Oops, Oops, Oops],
    ),
    (
        "unmap the buffer of a prepared transfer twice, then cancel",
        unmap_prepared,
        [Unknown, Unknown, Unknown, Oops, Oops, Oops, Oops],
    ),
    (
        "unmap the buffer of a prepared transfer twice, then launch it on a stopped channel",
        launch_unmapped,
        [Unknown, Unknown, Unknown, Unknown, Oops, Oops, Oops],
    ),
    (
        "map a low-memory buffer of no pages",
        map_no_low_memory,
        [Oops, Unknown, Unknown, Unknown, Unknown, Unknown, Unknown],
    ),
    ("release the list of a pending transfer, then disable", release_pending, [Oops; 7]),
    (
        "release the list of a pending transfer, then wait",
        release_pending_wait,
        [Unknown, Unknown, Oops, Oops, Oops, Oops, Oops],
    ),
    ("release the list of an idle channel, then disable", release_idle, [OK; 7]),
    ("close with a pending transfer", close_pending, [OK; 7]),
    ("close with a prepared transfer", close_prepared, [Unknown, Unknown, OK, OK, OK, OK, OK]),
    ("no buffers behind a pending transfer, then wait and disable", no_buffers, [OK, OK, EFAULT, OK, OK, OK, OK]),
    ("resume", resume, [OK, OK, OK, Oops, OK, OK, OK]),
];

#[test]
fn each_release_crashes_where_it_did() {
    let mut compared = 0;
    for (name, way, outcomes) in TABLE {
        for (release, expected) in RELEASES.into_iter().zip(outcomes) {
            if *expected == Unknown {
                continue;
            }
            let client = Client::of(release);
            let machine = client.machine.clone();
            let result = way(&client);
            drop(client);
            let crashes = machine.report().crashes;
            let outcome = match result {
                _ if !crashes.is_empty() => Oops,
                Ok(value) => Outcome::Value(value),
                Err(errno) => Outcome::Errno(errno),
            };
            assert_eq!(outcome, *expected, "{name}, {release}: {crashes:?}");
            if outcome == Oops {
                assert!(!crashes[0].cause.is_empty());
                machine.rebuild(0);
                Client::new(&machine).control(0, &[]).unwrap();
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 134);
}

#[test]
fn a_dead_board_answers_nothing() {
    let client = Client::of(RELEASES[0]);
    let other = client.reopened();
    assert_eq!(map(&client, 0, 0), Err(Errno::ENODEV));
    assert_eq!(other.enable(1), Err(Errno::ENODEV));
    assert_eq!(other.file.mmap(4096, 4096).unwrap_err(), Errno::ENODEV);
    assert_eq!(client.machine.open(0, &hailo_mock::Process { id: 1 }).unwrap_err(), Errno::ENODEV);
    let report = client.machine.report();
    assert!(report.boards[0].crashed && report.crashes[0].cause.contains("size 0x0"), "{report:?}");
    assert_eq!(report.crashes[0].operation, "HAILO_VDMA_BUFFER_MAP");
}

fn map(client: &Client, offset: u64, size: u64) -> Result<u32, Errno> {
    let page = client.pages(1);
    client.map(page + offset, size, DataDirection::TO_DEVICE).map(|_| 0)
}

fn map_nothing(client: &Client) -> Result<u32, Errno> {
    map(client, 0, 0)
}

fn program_with(client: &Client, page: u16, size: u64) -> Result<u32, Errno> {
    let address = client.pages(1);
    let buffer_handle = client.map(address, 4096, DataDirection::TO_DEVICE)?;
    let (desc_handle, _) = client.create(64, page, false)?;
    client.plain(&Command::DescListProgram(common::program(buffer_handle, size, desc_handle)))
}

fn program_page_0(client: &Client) -> Result<u32, Errno> {
    program_with(client, 0, 4096)
}

fn program(client: &Client, size: u64) -> Result<u32, Errno> {
    program_with(client, 4096, size)
}

fn launch_page_0(client: &Client) -> Result<u32, Errno> {
    let address = client.pages(1);
    let (list, device_address) = client.create(64, 0, true)?;
    client.start(0, device_address, 6);
    client.launch(0, list, 0, 0, address, 4096)
}

fn control_20000(client: &Client) -> Result<u32, Errno> {
    control(client, 20000)
}

fn control(client: &Client, buffer_len: u32) -> Result<u32, Errno> {
    client.plain(&Command::FwControl(FwControl {
        expected_md5: [0; 16],
        buffer_len,
        buffer: &[0; 16],
        timeout_ms: 300,
        cpu_id: CpuId::CPU0,
    }))
}

/// A launch of one page that the hardware does not process yet.
struct Pending<'a> {
    client: &'a Client,
    address: u64,
    handle: u64,
    list: u64,
}

fn pending(client: &Client, mapped: bool) -> Result<Pending<'_>, Errno> {
    let address = client.pages(1);
    let handle = if mapped { client.map(address, 4096, DataDirection::TO_DEVICE)? } else { 1 };
    let (list, device_address) = client.create(64, 4096, true)?;
    client.enable(1)?;
    client.flags(0, 1);
    client.start(0, device_address, 6);
    assert_eq!(client.launch(0, list, 0, handle, address, 4096), Ok(1));
    Ok(Pending { client, address, handle, list })
}

impl Pending<'_> {
    fn unmap(&self) -> Result<u32, Errno> {
        self.client.plain(&Command::BufferUnmap(BufferUnmap {
            mapped_handle: self.handle,
            address_or_fd: self.address,
            size: 4096,
            data_direction: DataDirection::TO_DEVICE,
            buffer_type: BufferType::USER_PTR,
        }))
    }

    fn release(&self) -> Result<u32, Errno> {
        self.client.plain(&Command::DescListRelease(DescListRelease { desc_handle: self.list }))
    }

    /// Lets the hardware go on, throwing the data away, and waits.
    fn wait(&self) -> Result<u32, Errno> {
        self.client.flags(0, 0x10);
        let done = self.client.wait(1)?;
        assert_eq!(done.len(), 1);
        Ok(0)
    }
}

fn unmap_once(client: &Client) -> Result<u32, Errno> {
    let pending = pending(client, true)?;
    pending.unmap()?;
    pending.wait()
}

fn unmap_disable(client: &Client) -> Result<u32, Errno> {
    pending(client, true)?.unmap()?;
    client.disable(1)
}

fn unmap_twice(client: &Client) -> Result<u32, Errno> {
    let pending = pending(client, true)?;
    pending.unmap()?;
    pending.unmap()?;
    pending.wait()
}

fn unmap_on_the_fly(client: &Client) -> Result<u32, Errno> {
    let pending = pending(client, false)?;
    pending.unmap()?;
    pending.wait()
}

fn prepare(client: &Client) -> Result<(u64, u64, u64), Errno> {
    let address = client.pages(1);
    let handle = client.map(address, 4096, DataDirection::TO_DEVICE)?;
    let (list, _) = client.create(64, 4096, true)?;
    let mut buffers = [TransferBuffer::EMPTY; MAX_BUFFERS_PER_TRANSFER];
    buffers[0] = TransferBuffer { address_or_fd: address, size: 4096, ..TransferBuffer::EMPTY };
    client.plain(&Command::PrepareTransfer(PrepareTransfer {
        channel_index: 0,
        desc_handle: list,
        buffers_count: 1,
        buffers,
        first_interrupts_domain: InterruptsDomain::NONE,
        last_interrupts_domain: InterruptsDomain::HOST,
        is_debug: false,
    }))?;
    Ok((address, handle, list))
}

fn unmap_prepared(client: &Client) -> Result<u32, Errno> {
    let (address, handle, list) = prepare(client)?;
    let pending = Pending { client, address, handle, list };
    pending.unmap()?;
    pending.unmap()?;
    client.plain(&Command::CancelPreparedTransfer(CancelPreparedTransfer { desc_handle: list }))
}

fn launch_unmapped(client: &Client) -> Result<u32, Errno> {
    let (address, handle, list) = prepare(client)?;
    let pending = Pending { client, address, handle, list };
    pending.unmap()?;
    pending.unmap()?;
    client.launch(0, list, 0, handle, address, 4096)
}

fn map_no_low_memory(client: &Client) -> Result<u32, Errno> {
    let command = Command::LowMemoryBufferAlloc(LowMemoryBufferAlloc { buffer_size: 0 });
    let allocated = client.call(&command, |result, reply| match reply {
        Reply::LowMemoryBufferAlloc(reply) => result.map(|_| reply.buffer_handle),
        _ => panic!("another reply"),
    })?;
    let user = BufferMap {
        address_or_fd: 0,
        size: 4096,
        data_direction: DataDirection::TO_DEVICE,
        buffer_type: BufferType::USER_PTR,
        allocated_buffer_handle: Some(allocated),
    };
    assert_eq!(client.map_as(user), Err(Errno::EINVAL), "another number of pages");
    client.map_as(BufferMap { size: 0, ..user }).map(|_| 0)
}

fn close_prepared(client: &Client) -> Result<u32, Errno> {
    prepare(client).map(|_| 0)
}

fn release_pending(client: &Client) -> Result<u32, Errno> {
    pending(client, true)?.release()?;
    client.disable(1)
}

fn release_pending_wait(client: &Client) -> Result<u32, Errno> {
    let pending = pending(client, true)?;
    pending.release()?;
    client.control(0xF007, &[0, 0, 1, 0, 0, 0, 0, 0, 0, 0])?;
    client.wait(1).map(|_| 0)
}

fn release_idle(client: &Client) -> Result<u32, Errno> {
    let pending = pending(client, true)?;
    pending.wait()?;
    pending.release()?;
    client.disable(1)
}

fn close_pending(client: &Client) -> Result<u32, Errno> {
    pending(client, true).map(|_| 0)
}

fn no_buffers(client: &Client) -> Result<u32, Errno> {
    let pending = pending(client, true)?;
    client.launch_as(&LaunchTransfer { starting_desc: 1, ..LaunchTransfer::new(0, pending.list, []) })?;
    client.control(0xF007, &[0, 0, 1, 0, 0, 0, 0, 0, 0, 0])?;
    client.wait(1)?;
    client.disable(1)
}

fn resume(client: &Client) -> Result<u32, Errno> {
    client.machine.suspend_resume();
    Ok(0)
}

#[test]
fn controls_crash_behind_the_window_of_the_device() {
    // The window has 16 KiB, and the header of 20 bytes lies at 0x640 in it.
    let longest = 0x4000 - 0x640 - 20;
    for (length, crashes) in [(1501, 0), (longest, 0), (longest + 1, 1)] {
        let client = Client::of(DriverRelease::new(4, 23, 0));
        let answer = control(&client, length);
        assert_eq!(client.machine.report().crashes.len(), crashes, "{length} bytes: {answer:?}");
        assert_eq!(answer == Err(Errno::ENODEV), crashes > 0, "{length} bytes: {answer:?}");
    }
}
