//! How much of an upload may be under way: what the server has not confirmed stands before everything that is
//! sent after it.
//!
//! A channel's window is as large as the server likes, 2 MiB with OpenSSH. On a short way that is a queue before
//! the server's door and no faster for it, and a small request waits in it. So an upload has as much under way
//! as the way takes, and more only when it waits in vain: some servers confirm in large steps.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// The least that may be under way, in bytes: five times what OpenSSH confirms at once (96 KiB).
const LEAST: u32 = 512 << 10;

/// What may be under way for each millisecond of the round trip, in bytes: 2 Gbit/s.
const PER_MS: f64 = 250e3;

/// How long to wait for a confirmation before more is sent.
const IN_VAIN: Duration = Duration::from_millis(25);

/// The bytes of one channel that are under way to the server.
#[derive(Debug)]
pub(super) struct Flight {
    /// The window before anything was sent; 0 if that is unknown.
    window: u32,
    unconfirmed: AtomicU32,
    allowance: AtomicU32,
    confirmed: Notify,
}

impl Flight {
    /// Of a channel that was opened with that window, in bytes, over a way of that round trip.
    pub(super) fn new(window: u32, round_trip: Duration) -> Self {
        let way = round_trip.as_secs_f64() * 1e3 * PER_MS;
        Self {
            window,
            unconfirmed: AtomicU32::new(0),
            allowance: AtomicU32::new((way as u32).max(LEAST)),
            confirmed: Notify::new(),
        }
    }

    /// Waits until more may be sent.
    pub(super) async fn room(&self) {
        while self.unconfirmed.load(Ordering::Relaxed) > self.allowance.load(Ordering::Relaxed) {
            if timeout(IN_VAIN, self.confirmed.notified()).await.is_err() {
                let allowance = self.allowance.load(Ordering::Relaxed).saturating_mul(2);
                self.allowance.store(allowance, Ordering::Relaxed);
            }
        }
    }

    /// So many bytes are under way from now on.
    pub(super) fn sent(&self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let before = self.unconfirmed.load(Ordering::Relaxed);
        self.unconfirmed
            .store(before.saturating_add(bytes), Ordering::Relaxed);
    }

    /// The server has confirmed some: there is that much of its window now.
    pub(super) fn window_is(&self, window: u32) {
        let unconfirmed = self.window.saturating_sub(window);
        self.unconfirmed.store(unconfirmed, Ordering::Relaxed);
        self.confirmed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use tokio::time::Instant;

    const WINDOW: u32 = 2 << 20;

    #[tokio::test(start_paused = true)]
    async fn what_is_confirmed_makes_room() {
        let flight = Flight::new(WINDOW, Duration::ZERO);
        flight.sent(LEAST as usize + 1);
        assert!(flight.room().now_or_never().is_none());
        flight.window_is(WINDOW - LEAST);
        assert!(flight.room().now_or_never().is_some());
        assert_eq!(flight.allowance.load(Ordering::Relaxed), LEAST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_confirms_late_or_never_is_sent_more() {
        let flight = Flight::new(WINDOW, Duration::ZERO);
        let start = Instant::now();
        for _ in 0..64 {
            flight.room().await;
            flight.sent(32 << 10);
        }
        assert!(start.elapsed() <= 2 * IN_VAIN + Duration::from_millis(2));
    }

    #[test]
    fn a_long_way_takes_more() {
        let flight = Flight::new(32 << 20, Duration::from_millis(50));
        flight.sent(12_000_000);
        assert!(flight.room().now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn where_the_window_is_unknown_every_confirmation_makes_room() {
        let flight = Flight::new(0, Duration::ZERO);
        flight.sent(LEAST as usize + 1);
        flight.window_is(WINDOW);
        assert!(flight.room().now_or_never().is_some());
    }
}
