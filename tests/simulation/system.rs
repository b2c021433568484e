//! What this process takes from its system, made the same in each run: chance, the clock, and memory.
//!
//! A program may define a function of the C library itself: what is linked into it then calls that one. With
//! its own `getrandom`, hash maps have the same order and tokio's `select!` takes the same branch in each run
//! of one seed. With its own `clock_gettime`, whoever reads the standard library's clock reads the virtual
//! one: russh rekeys by that. No other build is touched. Keys are no secrets here.

#![expect(
    unsafe_code,
    reason = "two functions of the C library in its place, and an allocator that counts"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::{c_char, c_int, c_long, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::Instant;

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

/// What the C library calls a moment, on 64-bit Linux.
#[derive(Clone, Copy)]
#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: c_long,
}

/// The clock that [`Instant`](std::time::Instant) reads.
const CLOCK_MONOTONIC: c_int = 1;

/// Says `dlsym` to take the next definition: the C library's.
const RTLD_NEXT: *mut c_void = std::ptr::without_provenance_mut(usize::MAX);

type ReadClock = unsafe extern "C" fn(c_int, *mut Timespec) -> c_int;

thread_local! {
    /// When this thread began to go by the virtual clock, and what the system's clock said then.
    static VIRTUAL: Cell<Option<(Instant, Timespec)>> = const { Cell::new(None) };
}

unsafe extern "C" {
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// From now on the standard library's clock goes as tokio's does, on this thread.
pub(crate) fn follow_virtual_clock() {
    let mut now = Timespec {
        seconds: 0,
        nanoseconds: 0,
    };
    // SAFETY: `now` is a moment to write to.
    unsafe { clock_gettime(CLOCK_MONOTONIC, &raw mut now) };
    VIRTUAL.set(Some((Instant::now(), now)));
}

/// The virtual clock on a thread that follows it, the system's everywhere else.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: c_int, moment: *mut Timespec) -> c_int {
    // Taken out meanwhile: tokio's clock may ask for the system's.
    let since = (clock == CLOCK_MONOTONIC).then(|| VIRTUAL.take()).flatten();
    if let Some((start, began)) = since {
        let passed = start.elapsed();
        VIRTUAL.set(since);
        let nanoseconds = began.nanoseconds + c_long::from(passed.subsec_nanos());
        let now = Timespec {
            seconds: began.seconds + passed.as_secs().cast_signed() + nanoseconds / 1_000_000_000,
            nanoseconds: nanoseconds % 1_000_000_000,
        };
        // SAFETY: the caller owns a moment there, as clock_gettime(2) asks.
        unsafe { moment.write(now) };
        return 0;
    }
    static NEXT: OnceLock<ReadClock> = OnceLock::new();
    let next = NEXT.get_or_init(|| {
        // SAFETY: the name ends with a zero, and the C library's function has that type.
        unsafe {
            let found = dlsym(RTLD_NEXT, c"clock_gettime".as_ptr());
            std::mem::transmute::<*mut c_void, ReadClock>(found)
        }
    });
    // SAFETY: handed on as it came.
    unsafe { next(clock, moment) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn the_standard_library_reads_the_virtual_clock() {
        follow_virtual_clock();
        let before = std::time::Instant::now();
        tokio::time::sleep(Duration::from_secs(7_200)).await;
        assert_eq!(before.elapsed().as_secs(), 7_200);
    }
}
