//! What becomes of a session whose programs read too slowly.
//!
//! russh grants the server a new window when data arrives, not when a program has read it. So a program that does
//! not read has its bytes brought at full speed, and all others wait behind them. A session with
//! such a connection is succeeded by another one, which serves the others. When nobody is left on it
//! but those who do not read, it is read slowly: the server waits, as it would for a
//! window. Not at all would not do: the server asks now and then whether we are there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// How long to wait between two reads of the socket of a jammed session: so a proof of life, which may
/// take 2 s, sees it alive. 256 KiB a second at most fill the disk that a connection may have in two hours.
pub(super) const PACE: Duration = Duration::from_secs(1);

/// The connections of one session, and those of them that do not read. Shared by them and the transport.
#[derive(Debug, Default)]
pub struct Congestion {
    open: AtomicUsize,
    stalled: AtomicUsize,
    /// Nobody comes any more.
    closed: AtomicBool,
    began: Notify,
}

/// A connection that is open. Dropping it says that it is not.
#[derive(Debug)]
pub(super) struct Place(Arc<Congestion>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether one connection is stalled. Dropping it says that it is not.
#[derive(Debug)]
pub(super) struct Stall {
    congestion: Arc<Congestion>,
    is_stalled: bool,
}

impl Stall {
    /// Notes whether it is now.
    pub(super) fn set(&mut self, is_stalled: bool) {
        if std::mem::replace(&mut self.is_stalled, is_stalled) == is_stalled {
            return;
        }
        if is_stalled {
            self.congestion.stalled.fetch_add(1, Ordering::Relaxed);
            self.congestion.began.notify_one();
        } else {
            self.congestion.stalled.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        self.set(false);
    }
}

impl Congestion {
    /// One more connection.
    pub(super) fn place(self: &Arc<Self>) -> Place {
        self.open.fetch_add(1, Ordering::Relaxed);
        Place(Arc::clone(self))
    }

    /// The state of a connection, which is not stalled at first.
    pub(super) fn stall(self: &Arc<Self>) -> Stall {
        Stall {
            congestion: Arc::clone(self),
            is_stalled: false,
        }
    }

    /// Resolves when one more connection is stalled.
    pub(super) async fn began(&self) {
        self.began.notified().await;
    }

    /// The session takes no more connections.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Whether nobody is left, nor comes, but those who do not read.
    pub(super) fn is_jammed(&self) -> bool {
        let stalled = self.stalled.load(Ordering::Relaxed);
        stalled > 0
            && self.closed.load(Ordering::Relaxed)
            && self.open.load(Ordering::Relaxed) == stalled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn a_session_is_jammed_when_only_those_are_left_who_do_not_read() {
        let congestion = Arc::new(Congestion::default());
        let (_slow_place, mut slow) = (congestion.place(), congestion.stall());
        let other = congestion.place();
        assert!(congestion.began().now_or_never().is_none());
        slow.set(true);
        slow.set(true);
        assert!(congestion.began().now_or_never().is_some());
        congestion.close();
        assert!(!congestion.is_jammed(), "the other one reads");
        drop(other);
        assert!(congestion.is_jammed());
        slow.set(false);
        assert!(!congestion.is_jammed());
        slow.set(true);
        drop(slow);
        assert!(!congestion.is_jammed());
    }

    #[test]
    fn a_session_that_takes_connections_is_never_jammed() {
        let congestion = Arc::new(Congestion::default());
        let (_place, mut stall) = (congestion.place(), congestion.stall());
        stall.set(true);
        assert!(!congestion.is_jammed());
    }
}
