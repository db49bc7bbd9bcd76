//! Cases beside the recorded ones, which follow from what was written down about the drivers.

mod common;

use common::{Client, program};
use hailo_abi::command::*;
use hailo_abi::enums::{BufferType, DataDirection, InterruptsDomain, SyncType};
use hailo_abi::{DataModel, Driver, DriverRelease, Errno, Operation, Transport};
use hailo_mock::{Machine, MockTransport};

const V4_17_0: DriverRelease = DriverRelease::new(4, 17, 0);
const V4_23_0: DriverRelease = DriverRelease::new(4, 23, 0);
const V5_0_0: DriverRelease = DriverRelease::new(5, 0, 0);
const V5_2_0: DriverRelease = DriverRelease::new(5, 2, 0);
const V5_3_0: DriverRelease = DriverRelease::new(5, 3, 0);

#[test]
fn a_list_has_at_most_the_largest_power_of_two() {
    for release in [V4_17_0, V4_23_0, V5_2_0, V5_3_0] {
        let (large, too_many) =
            if release == V4_17_0 { (Errno::ENOMEM, Errno::ENOMEM) } else { (Errno::ENOBUFS, Errno::EINVAL) };
        for (count, errno) in [
            (0x1000_0000, large),
            (0x1000_0001, large),
            (0x7fff_ffff, large),
            (0x8000_0000, large),
            (0x8000_0001, too_many),
            (0x9000_0000, too_many),
            (0xffff_ffff, too_many),
            (0x1_0000_0000, large),
        ] {
            let client = Client::of(release);
            assert_eq!(client.create(count, 512, false).unwrap_err(), errno, "{release}: {count:#x}");
            // The number is used up.
            assert_eq!(client.create(8, 512, false).unwrap().0, 0x2000, "{release}: {count:#x}");
        }
    }
}

#[test]
fn what_was_programmed_before_a_failure_stays() {
    let client = Client::of(V4_23_0);
    let address = client.pages(6);
    let buffer = client.map(address, 6 * 4096, DataDirection::TO_DEVICE).unwrap();
    let (list, device) = client.create(8, 4096, false).unwrap();
    let late = DescListProgram { starting_desc: 7, ..program(buffer, 2 * 4096, list) };
    assert_eq!(client.plain(&Command::DescListProgram(late)), Err(Errno::ERANGE));
    assert_eq!(client.descriptors(device, 6, 2), [(0, 0), (4096, 0x02)]);
    let (list, device) = client.create(4, 4096, true).unwrap();
    let long = program(buffer, 6 * 4096, list);
    assert_eq!(client.plain(&Command::DescListProgram(long)), Err(Errno::ERANGE));
    assert_eq!(client.descriptors(device, 0, 4), [(4096, 0x02); 4]);
}

#[test]
fn an_unbound_program_writes_size_and_control_of_the_last_descriptor() {
    let client = Client::of(V4_23_0);
    let address = client.pages(2);
    let buffer = client.map(address, 8192, DataDirection::TO_DEVICE).unwrap();
    let (list, device) = client.create(10, 4096, false).unwrap();
    let unbound = |size: u64, domain: InterruptsDomain| {
        let params = program(buffer, size, list);
        client.plain(&Command::DescListProgram(DescListProgram {
            should_bind: false,
            last_interrupts_domain: domain,
            ..params
        }))
    };
    assert_eq!(unbound(5000, InterruptsDomain::HOST), Ok(2));
    assert_eq!(client.descriptors(device, 0, 2), [(0, 0), (904, 0x2e)]);
    assert_eq!(unbound(5000, InterruptsDomain::NONE), Ok(2));
    assert_eq!(client.descriptors(device, 1, 1), [(904, 0x02)]);
    // The one before the first, in 32 bits: 2^32 - 1 is 5 modulo 10.
    assert_eq!(unbound(0, InterruptsDomain::HOST), Ok(0));
    assert_eq!(client.descriptors(device, 5, 1)[0].1, 0x2e);
}

#[test]
fn a_file_that_is_closed_disables_what_it_has_enabled_whoever_has_it_now() {
    let first = Client::of(V4_23_0);
    let (second, third) = (first.reopened(), first.reopened());
    first.enable(0b110).unwrap();
    second.disable(0b10).unwrap();
    second.enable(0b10).unwrap();
    assert_eq!(third.enable(0b10), Err(Errno::EINVAL));
    drop(first);
    assert_eq!(third.enable(0b110), Ok(0));
    // What it has disabled itself is none of its own any more.
    third.disable(0b100).unwrap();
    second.enable(0b100).unwrap();
    drop(third);
    assert_eq!(second.enable(0b100), Err(Errno::EINVAL));
    assert_eq!(second.enable(0b10), Ok(0));
}

#[test]
fn the_size_of_a_dma_buf_is_what_was_said() {
    let client = Client::of(V4_23_0);
    client.memory.export_dma_buf(7, 4);
    let buffer = BufferMap {
        address_or_fd: 7,
        size: 100,
        data_direction: DataDirection::BIDIRECTIONAL,
        buffer_type: BufferType::DMABUF,
        allocated_buffer_handle: None,
    };
    let sync = |handle: u64, count: u64| {
        client.plain(&Command::BufferSync(BufferSync { handle, sync_type: SyncType::FOR_CPU, offset: 0, count }))
    };
    for (size, most) in [(100, 100), (0, 0), (65536, 65536), ((1 << 32) + 5, 5)] {
        let handle = client.map_as(BufferMap { size, ..buffer }).unwrap();
        assert_eq!(sync(handle, most), Ok(0), "{size}");
        assert_eq!(sync(handle, most + 1), Err(Errno::EINVAL), "{size}");
    }
    // An address in it is found out before the size matters.
    let address_or_fd = client.memory.map_dma_buf(7).unwrap();
    let user = BufferMap { address_or_fd, size: 0, buffer_type: BufferType::USER_PTR, ..buffer };
    assert!(client.map_as(user).is_ok());
    assert!(client.machine.report().crashes.is_empty());
}

#[test]
fn the_kernel_refuses_some_calls_before_it_asks_the_driver() {
    const KERNEL: u64 = 0xffff_8880_0000_1000;
    for (release, errno) in [(V4_23_0, Errno::ENODEV), (V5_0_0, Errno::ENODEV), (V5_2_0, Errno::EFAULT)] {
        let client = Client::of(release);
        client.machine.remove(0);
        assert_eq!(client.file.mmap(0x1001, 4096).unwrap_err(), Errno::EINVAL);
        assert_eq!(client.file.mmap(0x1000, 0).unwrap_err(), Errno::EINVAL);
        assert_eq!(client.file.mmap(0x1000, 4096).unwrap_err(), Errno::ENODEV);
        let request = client.interface.request(Operation::BufferSync, DataModel::Lp64).unwrap();
        assert_eq!(client.raw(request.raw(), KERNEL), Err(errno), "{release}");
    }
}

#[test]
fn behind_an_iommu_continuous_memory_is_user_memory_and_low_memory_is_not() {
    for iommu in [false, true] {
        let machine = Machine::builder().driver(V4_23_0).iommu(iommu).build().unwrap();
        let device = Driver::detect(MockTransport::open(&machine, 0).unwrap()).unwrap();
        let map = |address: *mut u8| {
            let map = BufferMap {
                address_or_fd: address as u64,
                size: 4096,
                data_direction: DataDirection::TO_DEVICE,
                buffer_type: BufferType::USER_PTR,
                allocated_buffer_handle: None,
            };
            // SAFETY: the memory is mapped as long as the device is open.
            unsafe { device.buffer_map(&map) }.map(|_| ()).map_err(|error| error.errno())
        };
        // SAFETY: the sizes are ordinary.
        let (low, continuous) = unsafe {
            let low = device.low_memory_buffer_alloc(&LowMemoryBufferAlloc { buffer_size: 4096 }).unwrap();
            (low, device.continuous_buffer_alloc(&ContinuousBufferAlloc { buffer_size: 4096 }).unwrap())
        };
        let low = device.transport().map(low.buffer_handle, 4096).unwrap();
        let continuous = device.transport().map(continuous.buffer_handle, 4096).unwrap();
        assert_eq!(map(low.address().as_ptr()), Err(Some(Errno::EFAULT)), "{iommu}");
        assert_eq!(map(continuous.address().as_ptr()), if iommu { Ok(()) } else { Err(Some(Errno::EFAULT)) });
    }
}
