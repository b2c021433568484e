//! Slowness that is the matter itself.

use std::io::{self, Read};
use std::thread;
use std::time::Duration;

/// A reader that takes so much a second, and no more.
pub(crate) struct Slow<R> {
    inner: R,
    bytes_per_second: u64,
}

impl<R: Read> Slow<R> {
    /// Slows this one down.
    pub(crate) fn new(inner: R, bytes_per_second: u64) -> Self {
        Self {
            inner,
            bytes_per_second,
        }
    }
}

impl<R: Read> Read for Slow<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let seconds = read as f64 / self.bytes_per_second as f64;
        thread::sleep(Duration::from_secs_f64(seconds));
        Ok(read)
    }
}

/// Lets so much time pass: for a fault that is nothing but its length.
pub(crate) fn lasts(time: Duration) {
    thread::sleep(time);
}
