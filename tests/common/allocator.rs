//! A global allocator that measures memory, for tests that bound it.
//!
//! A test binary installs it with `#[global_allocator]` and calls [`measure`]. Counting at the
//! allocator sees every buffer, also those of the codecs, which a limit inside feedmill would not.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that all threads have allocated and not freed.
static IN_USE: AtomicUsize = AtomicUsize::new(0);
/// The largest value of [`IN_USE`] since the last call of [`measure`].
static PEAK: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator with a record of what it is asked for.
pub(crate) struct Counting;

// SAFETY: every call is passed to the system's allocator unchanged, and the counters themselves
// allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let in_use = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(in_use, Ordering::Relaxed);
        // A thread that is ending has no thread-local values any more, and may still allocate.
        let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What a function allocated, in bytes.
#[expect(
    dead_code,
    reason = "each test binary that includes this file reads one of the two"
)]
pub(crate) struct Memory {
    /// The most that was in use at once by all threads, beyond what was in use before. Only tests
    /// that run one at a time can rely on it.
    pub peak: usize,
    /// The largest single allocation of the calling thread.
    pub largest: usize,
}

/// Runs a function and returns its result with the memory that it took.
pub(crate) fn measure<T>(run: impl FnOnce() -> T) -> (T, Memory) {
    let before = IN_USE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    LARGEST.set(0);
    let result = run();
    let memory = Memory {
        // Another test that measures at the same time may have set a lower start.
        peak: PEAK.load(Ordering::Relaxed).saturating_sub(before),
        largest: LARGEST.get(),
    };
    (result, memory)
}
