//! How often a target that refuses is asked for, on a session that holds much memory.
//!
//! russh keeps a part of each refused channel until the session ends; see [`super::wear`]. Usually another
//! session takes over in time. Where only a person can log in, none does. A program that asks for a dead port
//! fifty times a second then costs 2.4 GB a day. So from [`MUCH`] on, a target that has refused is asked for once in
//! [`PAUSE`], and whoever comes meanwhile gets the same refusal at once. That is 1.6 MB a day.

use super::link::OpenError;
use crate::model::RemoteTarget;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So much memory is much, in bytes: other sessions are succeeded at a mebibyte.
pub(super) const MUCH: u64 = 16 << 20;

/// As long as a target that has been away for long is left alone by the probes.
const PAUSE: Duration = Duration::from_secs(30);

/// The last refusals of one session. Cheap to clone; clones show the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals(Arc<Mutex<HashMap<RemoteTarget, (Instant, OpenError)>>>);

impl Refusals {
    /// Returns the refusal that a channel open to `target` gets without asking the server. `memory`: what the
    /// session holds until its end, in bytes.
    pub(super) fn known(
        &self,
        target: &RemoteTarget,
        memory: u64,
        now: Instant,
    ) -> Option<OpenError> {
        if memory < MUCH {
            return None;
        }
        let refusals = self.lock();
        let (at, refusal) = refusals.get(target)?;
        let is_fresh = now.saturating_duration_since(*at) < PAUSE;
        is_fresh.then(|| refusal.clone())
    }

    /// The server has refused a channel to `target`.
    pub(super) fn refused(&self, target: RemoteTarget, refusal: OpenError, now: Instant) {
        let mut refusals = self.lock();
        refusals.retain(|_, (at, _)| now.saturating_duration_since(*at) < PAUSE);
        refusals.insert(target, (now, refusal));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RemoteTarget, (Instant, OpenError)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn a_target_that_refuses_is_asked_for_rarely_once_that_costs_too_much() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        assert_eq!(refusals.known(&target(1), MUCH, now), None);
        refusals.refused(target(1), OpenError::Refused, now);
        let known = |target, memory, after| refusals.known(&target, memory, now + after);
        let shortly = PAUSE - Duration::from_millis(1);
        assert_eq!(known(target(1), MUCH, shortly), Some(OpenError::Refused));
        assert_eq!(known(target(1), MUCH, PAUSE), None);
        assert_eq!(known(target(2), MUCH, shortly), None, "another target");
        assert_eq!(known(target(1), MUCH - 1, shortly), None, "it is cheap yet");
    }

    #[test]
    fn refusals_of_long_ago_are_forgotten() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        for port in 1..1000 {
            let at = now + PAUSE * u32::from(port);
            refusals.refused(target(port), OpenError::Refused, at);
        }
        assert_eq!(refusals.lock().len(), 1);
    }
}
