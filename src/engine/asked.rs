//! The requests that a session has not answered: which one may block it?
//!
//! A server that serves a session in one task answers in the order of the requests. So the first unanswered
//! request is the one that blocks it. If a later request was answered, an earlier one blocks nothing.

use crate::model::RemoteTarget;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The unanswered requests of one session. Cheap to clone; clones show the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked(Arc<Mutex<Requests>>);

#[derive(Debug, Default)]
struct Requests {
    last: u64,
    /// In the order in which they were sent; a ping has no target.
    waiting: BTreeMap<u64, Option<RemoteTarget>>,
}

/// An unanswered request. Dropped, it no longer counts, as nobody will see the answer.
#[must_use]
pub(super) struct Waiting {
    asked: Asked,
    number: u64,
}

impl Asked {
    /// A channel open to this target is sent now.
    pub(super) fn open(&self, target: &RemoteTarget) -> Waiting {
        self.note(Some(target.clone()))
    }

    /// A ping is sent now.
    pub(super) fn ping(&self) -> Waiting {
        self.note(None)
    }

    /// The target of the first unanswered request, if that is a channel open.
    pub(super) fn unanswered(&self) -> Option<RemoteTarget> {
        let requests = self.lock();
        requests.waiting.values().next().cloned().flatten()
    }

    fn note(&self, target: Option<RemoteTarget>) -> Waiting {
        let mut requests = self.lock();
        requests.last += 1;
        let number = requests.last;
        requests.waiting.insert(number, target);
        Waiting {
            asked: self.clone(),
            number,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// The server has answered, so no earlier request blocks it.
    pub(super) fn answered(self) {
        let mut requests = self.asked.lock();
        requests.waiting = requests.waiting.split_off(&self.number);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.asked.lock().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(port: u16) -> RemoteTarget {
        let host = "localhost".into();
        RemoteTarget { host, port }
    }

    #[test]
    fn the_first_unanswered_request_blocks_the_others() {
        let asked = Asked::default();
        assert_eq!(asked.unanswered(), None);
        asked.open(&target(1)).answered();
        let _first = asked.open(&target(2));
        let _second = asked.open(&target(3));
        let _ping = asked.ping();
        assert_eq!(asked.unanswered(), Some(target(2)));
    }

    #[test]
    fn a_request_blocks_nothing_once_a_later_one_is_answered() {
        let asked = Asked::default();
        let first = asked.open(&target(1));
        asked.ping().answered();
        let _second = asked.open(&target(2));
        assert_eq!(asked.unanswered(), Some(target(2)));
        first.answered();
        assert_eq!(asked.unanswered(), Some(target(2)));
    }

    #[test]
    fn a_session_that_answered_no_ping_was_silent_before_it_was_asked_for_a_channel() {
        let asked = Asked::default();
        let ping = asked.ping();
        let _open = asked.open(&target(1));
        assert_eq!(asked.unanswered(), None);
        drop(ping);
        assert_eq!(
            asked.unanswered(),
            Some(target(1)),
            "nobody waits for that answer"
        );
    }
}
