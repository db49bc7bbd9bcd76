//! Writing and reading a control allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::control::{ChipTemperature, Expected, MessageBuffer, Opcode, Request, SetContextInfo};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is left to the system's allocator, which keeps the contract; the counter is a plain cell of the
// thread that needs no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise on `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise that `pointer` came from `alloc` with `layout` is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn a_control_allocates_nothing() {
    assert_eq!(allocations(|| drop(black_box(vec![1_u8]))), 1, "the counter counts");
    let release = FirmwareInterface::V4_21;
    let mut answer = vec![0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 46, 0, 0, 0, 0, 0, 0, 0, 0];
    answer.extend([0, 0, 0, 1, 0, 0, 0, 10, 0, 0, 0x26, 0x42, 0, 0, 0x29, 0x42, 0, 7]);
    let context = [0; 1461];
    let counted = allocations(|| {
        let mut buffer = MessageBuffer::new();
        for sequence in 0..1000 {
            let chunk = SetContextInfo { context_network_data: &context, ..Default::default() };
            Request::SetContextInfo(chunk).encode_into(release, sequence, &mut buffer).unwrap();
            black_box(&buffer);
            let (_, request) = Request::decode(release, buffer.as_slice()).unwrap();
            black_box(request);
            let expected = Expected::opcode(Opcode::GET_CHIP_TEMPERATURE);
            black_box(expected.read::<ChipTemperature>(release, &answer).unwrap());
        }
    });
    assert_eq!(counted, 0);
}
