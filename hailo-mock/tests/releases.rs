//! How the releases of 5.x differ from each other where no table of cases says so, only the notes of the measurements.

mod common;

use common::{Client, releases};
use hailo_abi::channels::ChannelBitmaps;
use hailo_abi::command::*;
use hailo_abi::enums::{BufferType, DataDirection, InterruptsDomain};
use hailo_abi::{DataModel, DriverRelease, Errno, Operation};

const V4_23_0: DriverRelease = DriverRelease::new(4, 23, 0);
const V5_0_0: DriverRelease = DriverRelease::new(5, 0, 0);
const V5_0_1: DriverRelease = DriverRelease::new(5, 0, 1);
const V5_1_0: DriverRelease = DriverRelease::new(5, 1, 0);
const V5_1_1: DriverRelease = DriverRelease::new(5, 1, 1);
const V5_3_0: DriverRelease = DriverRelease::new(5, 3, 0);

const PAGE: u64 = 4096;

#[test]
fn a_bad_pointer_gets_the_errno_of_the_release() {
    use Operation as O;
    let early = [
        O::QueryDriverInfo,
        O::QueryDeviceProperties,
        O::EnableChannels,
        O::DisableChannels,
        O::InterruptsWait,
        O::InterruptsReadTimestamps,
        O::ReadLog,
    ];
    let late = [
        O::BufferMap,
        O::BufferUnmap,
        O::BufferSync,
        O::DescListCreate,
        O::DescListRelease,
        O::DescListProgram,
        O::ContinuousBufferAlloc,
        O::ContinuousBufferFree,
        O::LaunchTransfer,
        O::PrepareTransfer,
        O::MarkAsInUse,
    ];
    for (release, of_early) in [
        (V4_23_0, Errno::ENOMEM),
        (V5_0_0, Errno::ENOMEM),
        (V5_0_1, Errno::ENOMEM),
        (V5_1_0, Errno::EFAULT),
        (V5_1_1, Errno::EFAULT),
        (V5_3_0, Errno::EFAULT),
    ] {
        let client = Client::of(release);
        // One is there, so that its reader does not wait.
        client.control(0xF002, &[0, 0, 1, 0, 7]).unwrap();
        let operations = early
            .iter()
            .map(|operation| (*operation, of_early))
            .chain(late.iter().map(|operation| (*operation, Errno::EFAULT)))
            .chain(
                [O::FwControl, O::ReadNotification, O::CancelPreparedTransfer]
                    .map(|operation| (operation, Errno::ENOMEM)),
            );
        for (operation, expected) in operations {
            let Some(request) = client.interface.request(operation, DataModel::Lp64) else { continue };
            assert_eq!(client.raw(request.raw(), 0), Err(expected), "{release} {operation:?}");
            assert_eq!(client.raw(request.raw(), 0xffff_8880_0000_1000), Err(Errno::EFAULT), "{release} {operation:?}");
        }
    }
}

#[test]
fn files_outlive_their_board_as_the_release_has_it() {
    for (release, stale, removed) in [
        (V4_23_0, Errno::EINVAL, Errno::ENODEV),
        (V5_0_0, Errno::EINVAL, Errno::ENODEV),
        (V5_0_1, Errno::ENXIO, Errno::ENXIO),
        (V5_3_0, Errno::ENXIO, Errno::ENXIO),
    ] {
        let client = Client::of(release);
        client.plain(&Command::MarkAsInUse).unwrap();
        client.enable(1).unwrap();
        client.machine.suspend_resume();
        assert_eq!(client.plain(&Command::QueryDriverInfo), Err(stale));
        assert_eq!(client.raw(0x1234_5678, 0), Err(stale));
        assert_eq!(client.file.mmap(PAGE, PAGE).unwrap_err(), stale);
        let new = client.reopened();
        let frees = release >= V5_0_1;
        new.call(&Command::MarkAsInUse, |_, reply| {
            assert!(matches!(reply, hailo_abi::Reply::MarkAsInUse(reply) if reply.in_use != frees));
        });
        assert_eq!(new.enable(1).is_ok(), frees, "{release}");
        new.machine.remove(0);
        assert_eq!(new.plain(&Command::QueryDriverInfo), Err(removed));
        assert_eq!(new.file.mmap(PAGE, PAGE).unwrap_err(), Errno::ENODEV);
        assert_eq!(new.machine.open(0, &hailo_mock::Process { id: 1 }).unwrap_err(), Errno::ENOENT);
    }
}

#[test]
fn in_5_0_0_a_launch_maps_what_is_not_mapped() {
    let client = Client::of(V5_0_0);
    let address = client.pages(4);
    let (list, device) = client.create(16, 4096, true).unwrap();
    client.enable(1).unwrap();
    client.flags(0, 0x10);
    client.start(0, device, 4);
    assert_eq!(client.launch(0, list, 0, 0, address, 5000), Ok(2));
    assert_eq!(client.wait(1).unwrap().len(), 1);
    assert_eq!(client.machine.report().boards[0].mappings, 0);
    // The buffer is widened to whole pages, so that a launch from where it starts is not from a page.
    client.map(address + 64, 4096, DataDirection::TO_DEVICE).unwrap();
    assert_eq!(client.launch(0, list, 2, 0, address + 64, 100), Err(Errno::EINVAL));
    let client = Client::of(V4_23_0);
    let (list, device) = client.create(16, 4096, true).unwrap();
    client.start(0, device, 4);
    assert_eq!(client.launch(0, list, 0, 0, client.pages(4), 5000), Err(Errno::EFAULT));
}

#[test]
fn in_5_0_1_a_list_never_gets_back_into_step() {
    let client = Client::of(V5_0_1);
    let address = client.pages(1);
    let (list, device) = client.create(16, 4096, true).unwrap();
    client.enable(1).unwrap();
    client.flags(0, 0x10);
    assert_eq!(client.launch(0, list, 0, 0, address, 4096), Err(Errno::ECONNRESET));
    client.start(0, device, 4);
    for attempt in 0..15 {
        assert_eq!(client.launch(0, list, 0, 0, address, 4096), Err(Errno::EFAULT), "attempt {attempt}");
        client.disable(1).unwrap();
        client.enable(1).unwrap();
        client.start(0, device, 4);
    }
    // Sixteen failed, and the counters meet again.
    assert_eq!(client.launch(0, list, 0, 0, address, 4096), Ok(1));
    assert_eq!(client.wait(1).unwrap().len(), 1);
    let (new, device) = client.create(16, 4096, true).unwrap();
    client.disable(1).unwrap();
    client.start(0, device, 4);
    assert_eq!(client.launch(0, new, 0, 0, address, 4096), Ok(1));
}

fn buffers(address: u64, size: u32) -> [TransferBuffer; MAX_BUFFERS_PER_TRANSFER] {
    let mut buffers = [TransferBuffer::EMPTY; MAX_BUFFERS_PER_TRANSFER];
    buffers[0] = TransferBuffer { address_or_fd: address, size, ..TransferBuffer::EMPTY };
    buffers
}

fn prepare(client: &Client, list: u64, address: u64, size: u32) -> Result<u32, Errno> {
    client.plain(&Command::PrepareTransfer(PrepareTransfer {
        channel_index: 0,
        desc_handle: list,
        buffers_count: 1,
        buffers: buffers(address, size),
        first_interrupts_domain: InterruptsDomain::NONE,
        last_interrupts_domain: InterruptsDomain::HOST,
        is_debug: false,
    }))
}

#[test]
fn in_5_0_1_a_failed_preparation_shifts_the_next_one() {
    for (release, errno, count) in [(V5_0_1, Errno::ERANGE, 9), (V5_1_0, Errno::EINVAL, 1), (V5_3_0, Errno::EINVAL, 1)]
    {
        let client = Client::of(release);
        let address = client.pages(17);
        let (list, device) = client.create(16, 4096, true).unwrap();
        client.enable(1).unwrap();
        client.start(0, device, 4);
        assert_eq!(prepare(&client, list, address, 17 * 4096), Err(errno));
        assert_eq!(prepare(&client, list, address, 4096), Ok(0));
        assert_eq!(client.launch(0, list, 0, 0, address, 4096), Ok(count), "{release}");
    }
}

#[test]
fn prepared_transfers_are_limited() {
    for (release, errno) in [(V5_0_1, Errno::EFAULT), (V5_1_0, Errno::EINVAL), (V5_3_0, Errno::EINVAL)] {
        let client = Client::of(release);
        let address = client.pages(1);
        let (list, _) = client.create(16, 4096, true).unwrap();
        let accepted = (0..).take_while(|_| prepare(&client, list, address, 4096).is_ok()).count();
        assert_eq!(accepted, 127);
        assert_eq!(prepare(&client, list, address, 4096), Err(errno), "{release}");
    }
}

#[test]
fn buffers_interrupt_as_the_release_has_it() {
    for (release, controls) in [
        (V4_23_0, [0x02, 0x02, 0x2e]),
        (V5_0_0, [0x02, 0x02, 0x2e]),
        (V5_0_1, [0x02, 0x02, 0x2e]),
        (V5_1_0, [0x02, 0x02, 0x2e]),
        (V5_1_1, [0x2e, 0x2e, 0x2e]),
        (V5_3_0, [0x2e, 0x2e, 0x2e]),
    ] {
        let client = Client::of(release);
        let address = client.pages(3);
        client.map(address, 3 * PAGE, DataDirection::TO_DEVICE).unwrap();
        let (list, device) = client.create(16, 4096, true).unwrap();
        client.enable(1).unwrap();
        client.flags(0, 1);
        client.start(0, device, 4);
        let buffers = [0, 1, 2].map(|index| {
            let address_or_fd = address + index * PAGE;
            TransferBuffer { address_or_fd, size: 4096, ..TransferBuffer::EMPTY }
        });
        let launched = client.launch_as(&LaunchTransfer::new(0, list, buffers));
        assert_eq!(launched, Ok(3));
        let descriptors = client.descriptors(device, 0, 3);
        assert_eq!(descriptors, controls.map(|control| (4096, control)), "{release}");
        // Disabling takes the interrupts back.
        client.disable(1).unwrap();
        assert_eq!(client.descriptors(device, 0, 3), [(4096, 2); 3]);
    }
}

#[test]
fn other_engines_count_from_5_0_1_on() {
    for (release, at_once) in [(V4_23_0, false), (V5_0_0, false), (V5_0_1, true), (V5_3_0, true)] {
        let client = Client::of(release);
        client.enable(1).unwrap();
        client.signals.raise(false);
        let channels = ChannelBitmaps([1, 1, 0]);
        let result = client.plain(&Command::InterruptsWait(InterruptsWait { channels }));
        assert_eq!(result, if at_once { Ok(0) } else { Err(Errno::EINTR) }, "{release}");
        let channels = ChannelBitmaps([0, 1, 0]);
        assert_eq!(client.plain(&Command::InterruptsWait(InterruptsWait { channels })), Err(Errno::EINVAL));
    }
}

#[test]
fn mappings_are_shared_from_5_1_1_on() {
    for (release, shared) in [(V5_0_1, false), (V5_1_0, false), (V5_1_1, true), (V5_3_0, true)] {
        let client = Client::of(release);
        let address = client.pages(1);
        assert_eq!(client.map(address, PAGE, DataDirection::TO_DEVICE), Ok(1));
        let again = client.map(address + 64, 100, DataDirection::TO_DEVICE);
        assert_eq!(again, Ok(if shared { 1 } else { 2 }), "{release}");
        // Other kinds of buffers than there are.
        let odd = |kind| {
            client.map_as(BufferMap {
                address_or_fd: address,
                size: PAGE,
                data_direction: DataDirection::TO_DEVICE,
                buffer_type: BufferType::from_raw(kind),
                allocated_buffer_handle: None,
            })
        };
        assert!(odd(2).is_ok());
        assert_eq!(odd(u32::MAX).is_ok(), !shared);
        assert_eq!(odd(0x7fff_ffff).is_ok(), !shared);
    }
}

#[test]
fn memory_of_the_device_can_be_reached_in_some_releases() {
    let has = |release: &str| Client::of(release.parse().unwrap()).has(Operation::MemoryTransfer);
    assert!(has("4.17.0") && has("4.22.0") && has("5.0.0") && has("5.0.1"));
    assert!(!has("4.23.0") && !has("5.1.0"));
    let client = Client::of(V5_0_1);
    let transfer = |write, memory_type, address, count, buffer: &[u8; 4096]| {
        let transfer_direction = hailo_abi::enums::TransferDirection::from_raw(write);
        let params = MemoryTransfer { transfer_direction, memory_type, address, count, buffer };
        client.call(&Command::MemoryTransfer(params), |result, reply| match reply {
            hailo_abi::Reply::MemoryTransfer(bytes) => result.map(|_| *bytes),
            _ => panic!("another reply"),
        })
    };
    let mut bytes = [0; 4096];
    bytes[..3].copy_from_slice(b"abc");
    transfer(1, 0x200, 0x98, 3, &bytes).unwrap();
    assert_eq!(&transfer(0, 0x200, 0x97, 4, &[9; 4096]).unwrap()[..5], b"\0abc\x09");
    assert_eq!(transfer(0, 0x200, 0x98, 4096, &[9; 4096]).unwrap()[..4], *b"abc\0");
    assert_eq!(transfer(0, 0x200, 0, 4097, &bytes), Err(Errno::EINVAL));
    assert_eq!(transfer(0, 0x999, 0, 4, &bytes), Err(Errno::EINVAL));
}

#[test]
fn a_32_bit_kernel_answers_32_bit_processes() {
    let machine = hailo_mock::Machine::builder().data_model(DataModel::Ilp32).build().unwrap();
    let client = Client::new(&machine);
    let request = client.interface.request(Operation::DescListCreate, DataModel::Ilp32).unwrap();
    let address = client.pages(1);
    client.write(address, &[64, 0, 0, 0, 0, 2, 1]);
    assert_eq!(client.raw(request.raw(), address), Ok(0));
    assert_eq!(client.read(address + 7, 4), [0, 0x10, 0, 0]);
    let wide = client.interface.request(Operation::DescListCreate, DataModel::Lp64).unwrap();
    assert_eq!(client.raw(wide.raw(), address), Err(Errno::ENOTTY));
}

#[test]
fn an_iommu_gives_more_and_crashes_more() {
    let of = |iommu| Client::new(&hailo_mock::Machine::builder().iommu(iommu).build().unwrap());
    for iommu in [false, true] {
        let client = of(iommu);
        assert_eq!(client.create(262_145, 512, false).is_ok(), iommu);
        let large = ContinuousBufferAlloc { buffer_size: 5 << 20 };
        assert_eq!(client.plain(&Command::ContinuousBufferAlloc(large)).is_ok(), iommu);
        let nothing = client.create(0, 512, false);
        assert_eq!(nothing, Err(if iommu { Errno::ENODEV } else { Errno::ENOBUFS }));
        assert_eq!(client.machine.report().crashes.len(), usize::from(iommu));
    }
}

#[test]
fn lists_are_mapped_up_to_their_ends() {
    let mut mapped = 0;
    for release in releases() {
        let client = Client::of(release);
        let (list, _) = client.create(16, 512, true).unwrap();
        let length = |length| client.file.mmap(list, length).map(|memory| memory.length());
        // Some releases keep lists to themselves.
        if length(4096) == Ok(4096) {
            assert_eq!(length(1 << 20), Err(Errno::EINVAL), "{release}");
            mapped += 1;
        }
    }
    assert!(mapped > 0);
}

#[test]
fn continuous_memory_is_mapped_up_to_its_end() {
    let mut allocated = 0;
    for release in releases() {
        let client = Client::of(release);
        let request = Command::ContinuousBufferAlloc(ContinuousBufferAlloc { buffer_size: 8192 });
        let handle = client.call(&request, |result, reply| match reply {
            Reply::ContinuousBufferAlloc(reply) => result.map(|_| reply.buffer_handle),
            _ => panic!("another reply"),
        });
        // Some releases hand memory out by other means.
        let Ok(handle) = handle else { continue };
        allocated += 1;
        let mapped = |length| client.file.mmap(handle, length).map(|memory| memory.length());
        assert_eq!((mapped(1), mapped(8192)), (Ok(4096), Ok(8192)), "{release}");
        assert_eq!((mapped(8193), mapped(0)), (Err(Errno::EINVAL), Err(Errno::EINVAL)), "{release}");
    }
    assert!(allocated > 0);
}
