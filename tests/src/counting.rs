//! An allocator that counts, to show that something allocates nothing.
//!
//! A test makes it its own with `#[global_allocator] static ALLOCATOR: Counting = Counting;`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting each thread's allocations.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting;

// SAFETY: everything is left to the system's allocator, which keeps the contract; the counters are plain cells of
// the thread that need no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size());
        // SAFETY: the caller's promise on `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise that `pointer` came from `alloc` with `layout` is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How often this thread allocates in the course of `work`.
///
/// # Panics
/// If the allocator in use is another one, which would count nothing.
pub fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(Box::new(1_u8)));
    assert_eq!(ALLOCATIONS.get() - before, 1, "this program does not use the counting allocator");
    work();
    ALLOCATIONS.get() - before - 1
}

/// How many bytes this thread allocates in the course of `work`, and what comes of it.
///
/// # Panics
/// If the allocator in use is another one, which would count nothing.
pub fn bytes_allocated<R>(work: impl FnOnce() -> R) -> (usize, R) {
    let before = BYTES.get();
    drop(std::hint::black_box(Box::new(1_u8)));
    assert_eq!(BYTES.get() - before, 1, "this program does not use the counting allocator");
    let result = work();
    (BYTES.get() - before - 1, result)
}
