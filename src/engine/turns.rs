//! Fair turns for what is sent: a few bytes do not wait behind everything that a bulk upload has ready.
//!
//! Whatever a connection gives to the session stands in one queue before the socket. So a bulk sender
//! waits for its turn, gives one message, and gives nothing while the socket takes nothing. A small
//! message needs no turn.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// A message of so many bytes is bulk: more than a request or the head of a response has.
const BULK: usize = 8 << 10;

/// Bulk senders that may have a message in the queue: one is encrypted while the other one waits.
const AT_ONCE: usize = 2;

/// After a small message, more of them are to be expected for so long.
const MORE_TO_COME: Duration = Duration::from_millis(250);

/// The turns of one session. Shared by its connections and its transport.
#[derive(Debug)]
pub struct Turns {
    bulk: Semaphore,
    blocked: AtomicBool,
    unblocked: Notify,
    window: AtomicU32,
    round_trip: AtomicU64,
    start: Instant,
    /// When the last small message was sent, in nanoseconds since `start`.
    last_small: AtomicU64,
    last_small_of: AtomicU64,
    senders: AtomicU64,
}

/// Who sends: one direction of a channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender(u64);

impl Default for Turns {
    fn default() -> Self {
        Self {
            bulk: Semaphore::new(AT_ONCE),
            blocked: AtomicBool::new(false),
            unblocked: Notify::new(),
            window: AtomicU32::new(0),
            round_trip: AtomicU64::new(u64::MAX),
            start: Instant::now(),
            last_small: AtomicU64::new(u64::MAX),
            last_small_of: AtomicU64::new(0),
            senders: AtomicU64::new(0),
        }
    }
}

impl Turns {
    /// Waits until a message of that length may be given to the session. The turn ends when what is returned
    /// is dropped; a small message needs none. `sender` is who gives it.
    pub(super) async fn turn(&self, sender: Sender, length: usize) -> Option<SemaphorePermit<'_>> {
        if length < BULK {
            let now = nanoseconds(self.start.elapsed());
            self.last_small.store(now, Ordering::Relaxed);
            self.last_small_of.store(sender.0, Ordering::Relaxed);
            return None;
        }
        // Never closed.
        let turn = self.bulk.acquire().await.ok();
        loop {
            let unblocked = self.unblocked.notified();
            if !self.blocked.load(Ordering::Relaxed) {
                return turn;
            }
            unblocked.await;
        }
    }

    /// One more sender.
    pub(super) fn sender(&self) -> Sender {
        Sender(self.senders.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether somebody else sent a small message just now.
    pub(super) fn others_send_little(&self, sender: Sender) -> bool {
        let last = Duration::from_nanos(self.last_small.load(Ordering::Relaxed));
        let since = self.start.elapsed().checked_sub(last);
        self.last_small_of.load(Ordering::Relaxed) != sender.0
            && since.is_some_and(|since| since < MORE_TO_COME)
    }

    /// The window with which the server opened the last channel, in bytes. It has one for all.
    pub(super) fn window(&self) -> u32 {
        self.window.load(Ordering::Relaxed)
    }

    /// The server opened a channel with that window.
    pub(super) fn opened_with(&self, window: u32) {
        self.window.store(window, Ordering::Relaxed);
    }

    /// The shortest answer of the server so far. Of the first one a part is its start.
    pub(super) fn round_trip(&self) -> Duration {
        Duration::from_nanos(self.round_trip.load(Ordering::Relaxed))
    }

    /// The server took that long to answer.
    pub(super) fn answered_after(&self, time: Duration) {
        self.round_trip
            .fetch_min(nanoseconds(time), Ordering::Relaxed);
    }

    /// Whether the socket took what it was given last.
    pub(super) fn socket_takes(&self, takes: bool) {
        let was_blocked = self.blocked.swap(!takes, Ordering::Relaxed);
        if takes && was_blocked {
            self.unblocked.notify_waiters();
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn bulk_senders_take_turns_and_small_messages_need_none() {
        let turns = Turns::default();
        let sender = turns.sender();
        let first = turns.turn(sender, BULK).now_or_never().unwrap();
        let _second = turns.turn(sender, BULK).now_or_never().unwrap();
        assert!(turns.turn(sender, BULK).now_or_never().is_none());
        let small = turns.turn(sender, BULK - 1).now_or_never();
        assert!(small.unwrap().is_none());
        drop(first);
        assert!(turns.turn(sender, BULK).now_or_never().is_some());
    }

    #[test]
    fn nobody_has_a_turn_while_the_socket_takes_nothing() {
        let turns = Turns::default();
        turns.socket_takes(false);
        let mut waiting = Box::pin(turns.turn(turns.sender(), BULK));
        assert!(waiting.as_mut().now_or_never().is_none());
        turns.socket_takes(true);
        assert!(waiting.as_mut().now_or_never().is_some());
    }
}
