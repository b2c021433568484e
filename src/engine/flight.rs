//! How much of an upload may be under way: what the server has not confirmed stands before everything that is
//! sent after it.
//!
//! A channel's window is as large as the server likes, 2 MiB with OpenSSH. On a short way that is a queue before
//! the server's door and no faster for it, and a small request waits in it. So an upload has as much under way
//! as the way takes, and more only when it waits in vain: some servers confirm in large steps. Beside small
//! requests it has less, and is slower for it, so that they are not.

use super::turns::{Sender, Turns};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// The least that may be under way, in bytes: five times what OpenSSH confirms at once (96 KiB).
const LEAST: u32 = 512 << 10;

/// The same while small requests go the same way: twice what OpenSSH confirms at once. On one machine they then
/// take half as long, and the upload carries three quarters.
const LEAST_BESIDE_REQUESTS: u32 = 192 << 10;

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
    /// What the way takes.
    way: u32,
    /// How often all of it was under way in vain: as often, what may be is doubled.
    doublings: AtomicU32,
    confirmed: Notify,
}

impl Flight {
    /// Of a channel that was opened with that window, in bytes, over a way of that round trip.
    pub(super) fn new(window: u32, round_trip: Duration) -> Self {
        Self {
            window,
            unconfirmed: AtomicU32::new(0),
            way: (round_trip.as_secs_f64() * 1e3 * PER_MS) as u32,
            doublings: AtomicU32::new(0),
            confirmed: Notify::new(),
        }
    }

    /// Waits until that sender may send more.
    pub(super) async fn room(&self, turns: &Turns, sender: Sender) {
        while self.unconfirmed.load(Ordering::Relaxed) > self.allowance(turns, sender) {
            if timeout(IN_VAIN, self.confirmed.notified()).await.is_err() {
                self.doublings.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// What may be under way now, in bytes.
    fn allowance(&self, turns: &Turns, sender: Sender) -> u32 {
        let least = if turns.others_send_little(sender) {
            LEAST_BESIDE_REQUESTS
        } else {
            LEAST
        };
        let doubled = 2_u32.saturating_pow(self.doublings.load(Ordering::Relaxed));
        self.way.max(least).saturating_mul(doubled)
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
    use tokio::time::{Instant, advance};

    const WINDOW: u32 = 2 << 20;

    #[tokio::test(start_paused = true)]
    async fn what_is_confirmed_makes_room() {
        let (flight, turns) = (Flight::new(WINDOW, Duration::ZERO), Turns::default());
        let sender = turns.sender();
        flight.sent(LEAST as usize + 1);
        assert!(flight.room(&turns, sender).now_or_never().is_none());
        flight.window_is(WINDOW - LEAST);
        assert!(flight.room(&turns, sender).now_or_never().is_some());
        assert_eq!(flight.allowance(&turns, sender), LEAST);
    }

    #[tokio::test(start_paused = true)]
    async fn beside_small_requests_less_is_under_way() {
        let (flight, turns) = (Flight::new(WINDOW, Duration::ZERO), Turns::default());
        let sender = turns.sender();
        turns.turn(turns.sender(), 100).await;
        flight.sent(LEAST_BESIDE_REQUESTS as usize + 1);
        assert!(flight.room(&turns, sender).now_or_never().is_none());
        advance(Duration::from_secs(1)).await;
        assert!(flight.room(&turns, sender).now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_confirms_late_or_never_is_sent_more() {
        let (flight, turns) = (Flight::new(WINDOW, Duration::ZERO), Turns::default());
        let sender = turns.sender();
        let start = Instant::now();
        for _ in 0..64 {
            flight.room(&turns, sender).await;
            flight.sent(32 << 10);
        }
        assert!(start.elapsed() <= 2 * IN_VAIN + Duration::from_millis(2));
    }

    #[test]
    fn a_long_way_takes_more() {
        let flight = Flight::new(32 << 20, Duration::from_millis(50));
        flight.sent(12_000_000);
        let turns = Turns::default();
        let room = flight.room(&turns, turns.sender());
        assert!(room.now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn where_the_window_is_unknown_every_confirmation_makes_room() {
        let flight = Flight::new(0, Duration::ZERO);
        flight.sent(LEAST as usize + 1);
        flight.window_is(WINDOW);
        let turns = Turns::default();
        let room = flight.room(&turns, turns.sender());
        assert!(room.now_or_never().is_some());
    }
}
