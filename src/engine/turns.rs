//! Fair turns for what is sent: a few bytes do not wait behind everything that a bulk upload has ready.
//!
//! Whatever a connection gives to the session stands in one queue before the socket. So a bulk sender
//! waits for its turn, gives one message, and gives nothing while the socket takes nothing. A small
//! message needs no turn.

use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

/// A message of so many bytes is bulk: more than a request or the head of a response has.
const BULK: usize = 8 << 10;

/// Bulk senders that may have a message in the queue: one is encrypted while the other one waits.
const AT_ONCE: usize = 2;

/// The turns of one session. Shared by its connections and its transport.
#[derive(Debug)]
pub struct Turns {
    bulk: Semaphore,
    blocked: AtomicBool,
    unblocked: Notify,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            bulk: Semaphore::new(AT_ONCE),
            blocked: AtomicBool::new(false),
            unblocked: Notify::new(),
        }
    }
}

impl Turns {
    /// Waits until a message of that length may be given to the session. The turn ends when what is returned
    /// is dropped; a small message needs none.
    pub(super) async fn turn(&self, length: usize) -> Option<SemaphorePermit<'_>> {
        if length < BULK {
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

    /// Whether the socket took what it was given last.
    pub(super) fn socket_takes(&self, takes: bool) {
        let was_blocked = self.blocked.swap(!takes, Ordering::Relaxed);
        if takes && was_blocked {
            self.unblocked.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn bulk_senders_take_turns_and_small_messages_need_none() {
        let turns = Turns::default();
        let first = turns.turn(BULK).now_or_never().unwrap();
        let _second = turns.turn(BULK).now_or_never().unwrap();
        assert!(turns.turn(BULK).now_or_never().is_none());
        assert!(turns.turn(BULK - 1).now_or_never().unwrap().is_none());
        drop(first);
        assert!(turns.turn(BULK).now_or_never().is_some());
    }

    #[test]
    fn nobody_has_a_turn_while_the_socket_takes_nothing() {
        let turns = Turns::default();
        turns.socket_takes(false);
        let mut waiting = Box::pin(turns.turn(BULK));
        assert!(waiting.as_mut().now_or_never().is_none());
        turns.socket_takes(true);
        assert!(waiting.as_mut().now_or_never().is_some());
    }
}
