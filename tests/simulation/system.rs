//! What this process takes from its system, made the same in each run: chance and memory.
//!
//! The standard library links `getrandom` weakly, so that a program can put its own in its place. With this
//! one, hash maps have the same order and tokio's `select!` takes the same branch in each run of one seed,
//! without a compiler flag that would touch every other build. Keys are no secrets here.

#![expect(
    unsafe_code,
    reason = "a C function that fills a buffer, and an allocator that counts"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    /// Each thread draws from a stream of its own: which thread runs first then changes nothing.
    static STREAM: Cell<u64> = const { Cell::new(0x9E37_79B9_7F4A_7C15) };
}

/// The bytes of a splitmix64 stream, for everyone who asks the system for random ones.
#[unsafe(no_mangle)]
extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    for index in 0..length {
        // SAFETY: the caller owns `length` bytes at `buffer`, as getrandom(2) asks.
        unsafe { buffer.add(index).write(next_byte()) };
    }
    isize::try_from(length).unwrap_or(isize::MAX)
}

fn next_byte() -> u8 {
    STREAM.with(|stream| {
        let state = stream.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        stream.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed >> 56) as u8
    })
}

/// Counts the bytes that are allocated.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that are allocated now.
pub(crate) fn allocated() -> usize {
    LIVE.load(Ordering::Relaxed)
}

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.fetch_add(size, Ordering::Relaxed);
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
