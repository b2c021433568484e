//! The C library's allocator, tuned for a stream of buffers.

#![cfg_attr(
    target_env = "gnu",
    expect(unsafe_code, reason = "mallopt(3) has no safe wrapper")
)]

/// Keeps a little freed memory for the next buffer. By default glibc gives each end of a burst back
/// to the system, which then hands out, and clears, the same pages again: on a fast download, up to
/// a quarter of all the processor's time.
#[cfg(target_env = "gnu")]
pub fn keep_freed_memory() {
    use std::ffi::c_int;

    unsafe extern "C" {
        fn mallopt(parameter: c_int, value: c_int) -> c_int;
    }
    const M_TRIM_THRESHOLD: c_int = -1;
    const M_MMAP_THRESHOLD: c_int = -3;

    // SAFETY: it takes two integers, locks what it changes, and refuses what it does not know.
    unsafe {
        mallopt(M_TRIM_THRESHOLD, 16 << 20);
        mallopt(M_MMAP_THRESHOLD, 4 << 20);
    }
}

/// Other allocators are as they are.
#[cfg(not(target_env = "gnu"))]
pub fn keep_freed_memory() {}
