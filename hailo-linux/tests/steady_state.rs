//! A frame in the steady state allocates nothing.

mod null_driver;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hailo_linux::{Direction, DmaBuffer};
use null_driver::{Bed, NullDriver};

static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

fn count() {
    if COUNTING.load(Ordering::Relaxed) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: promised by the caller.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: promised by the caller.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const TIMEOUT: Duration = Duration::from_secs(10);

fn frame(bed: &Bed, (input, output): (DmaBuffer, DmaBuffer)) -> (DmaBuffer, DmaBuffer) {
    let receive = bed.output.launch(output).unwrap();
    let send = bed.input.launch(input).unwrap();
    (send.wait(TIMEOUT).unwrap(), receive.wait(TIMEOUT).unwrap())
}

// The allocations of all threads are counted, so this is the only test of the program.
#[test]
fn a_frame_allocates_nothing() {
    let driver = Arc::new(NullDriver::default());
    // The device is the last that has the driver, so that dropping it closes the file.
    let held = Arc::clone(&driver.held);
    let bed = Bed::new(driver);
    assert_eq!(bed.channels.bitmaps().0, [1 << 16 | 1, 0, 0]);
    let input = bed.device.allocate(10_000, Direction::ToDevice).unwrap();
    let output = bed.device.allocate(100, Direction::FromDevice).unwrap();
    let mut buffers = (0..10).fold((input, output), |buffers, _| frame(&bed, buffers));
    COUNTING.store(true, Ordering::Relaxed);
    buffers = (0..1000).fold(buffers, |buffers, _| frame(&bed, buffers));
    COUNTING.store(false, Ordering::Relaxed);
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), 0, "allocations in 1000 frames");

    // The counter does count.
    COUNTING.store(true, Ordering::Relaxed);
    drop(std::hint::black_box(Box::new(1)));
    COUNTING.store(false, Ordering::Relaxed);
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), 1);

    assert_eq!(held.load(Ordering::Relaxed), 4, "two buffers and two lists");
    drop((buffers, bed));
    // Nobody has stopped the hardware, so the lists stay until the file is closed.
    assert_eq!(held.load(Ordering::Relaxed), 2, "the buffers were unmapped");
}
