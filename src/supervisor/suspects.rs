//! Targets that stop the whole server while it connects to them. Pure.
//!
//! Some servers connect to a target within the task that serves the session (Erlang's). A target that
//! never answers its SYN then blocks that session: the server answers nothing on it any more. So when a
//! session falls silent, the target of the first unanswered request is the suspect; later requests only
//! queue behind it. A dead network looks the same, so a suspicion alone proves nothing.
//!
//! The proof is a trial. The next session opens a channel to the suspect first, alone, before connections
//! may use that session. If the server answers anything at all, the suspicion is over, after one round
//! trip. If it answers nothing, the target is avoided: no session opens a channel to it any more. Further
//! trials are rare, and each has a session of its own, so that no other forward is disturbed.

use crate::model::{Attempt, RemoteTarget};
use std::time::{Duration, Instant};

/// The longest pauses before the trials of an avoided target. The first one is short: the network may have
/// died during the trial that failed.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(25),
    Duration::from_secs(60),
    Duration::from_secs(120),
    Duration::from_secs(300),
    Duration::from_secs(600),
];

/// Jitter: the share of a pause that may be missing.
const JITTER: f64 = 0.25;

/// Least time between two trials of one target, whoever asks for them.
const SPACING: Duration = Duration::from_secs(10);

/// A target that is suspected this often, each time within [`RELAPSE`] of the last time, is avoided without
/// a trial: it passes its trials, and stops the server all the same.
const SUSPICIONS: u32 = 3;
const RELAPSE: Duration = Duration::from_secs(60);

/// The targets of one tunnel that are suspected or avoided.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// The last suspicion, and how often in a row it came up.
    last: Option<Suspicion>,
    /// The suspect that the next session has to try.
    to_try: Option<RemoteTarget>,
    avoided: Vec<Avoided>,
    /// Dials for a trial that failed in a row: that is the server's doing, not a target's.
    failed_dials: usize,
    /// The session that was dialed for a trial beside the live one.
    pub(super) trial: Option<Attempt>,
}

#[derive(Debug)]
struct Suspicion {
    target: RemoteTarget,
    times: u32,
    at: Instant,
}

#[derive(Debug)]
struct Avoided {
    target: RemoteTarget,
    /// Trials that it has failed in a row.
    failures: usize,
    tried: Instant,
    next: Instant,
}

impl Suspects {
    /// A session fell silent, and the first unanswered request was a channel open to this target.
    pub(super) fn suspect(&mut self, target: RemoteTarget, now: Instant, rng: &mut fastrand::Rng) {
        if self.avoids(&target) {
            return;
        }
        let known = self.last.take().filter(|known| {
            known.target == target && now.saturating_duration_since(known.at) <= RELAPSE
        });
        let times = known.map_or(0, |known| known.times) + 1;
        if times >= SUSPICIONS {
            self.to_try = None;
            self.tried(&target, false, now, rng);
            return;
        }
        self.to_try = Some(target.clone());
        self.last = Some(Suspicion {
            target,
            times,
            at: now,
        });
    }

    /// The session that was silent works again, or another one has taken over: there is nothing to try.
    pub(super) fn clear_suspicion(&mut self) {
        self.to_try = None;
    }

    /// Returns the target that the session which is dialed now has to try first.
    pub(super) fn take_suspicion(&mut self) -> Option<RemoteTarget> {
        self.to_try.take()
    }

    /// A trial is over. `answers`: the server answered while it connected to the target.
    pub(super) fn tried(
        &mut self,
        target: &RemoteTarget,
        answers: bool,
        now: Instant,
        rng: &mut fastrand::Rng,
    ) {
        self.failed_dials = 0;
        let known = self
            .avoided
            .iter()
            .position(|known| known.target == *target);
        let failures = known.map_or(0, |index| self.avoided.swap_remove(index).failures);
        if answers {
            return;
        }
        self.avoided.push(Avoided {
            target: target.clone(),
            failures: failures + 1,
            tried: now,
            next: now + pause(failures, rng),
        });
    }

    /// Whether no session may open a channel to this target.
    pub(super) fn avoids(&self, target: &RemoteTarget) -> bool {
        self.avoided.iter().any(|known| known.target == *target)
    }

    /// When the next trial is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.avoided.iter().map(|known| known.next).min()
    }

    /// Returns the target whose trial is due, and which begins now. Without an outcome, the next trial
    /// follows after the same pause.
    pub(super) fn begin_trial(
        &mut self,
        now: Instant,
        rng: &mut fastrand::Rng,
    ) -> Option<RemoteTarget> {
        let due = self.avoided.iter_mut().filter(|known| known.next <= now);
        let known = due.min_by_key(|known| known.next)?;
        known.tried = now;
        known.next = now + pause(known.failures.saturating_sub(1), rng);
        Some(known.target.clone())
    }

    /// The session that was dialed for a trial has ended before the trial: all trials wait, the longer the
    /// more often this happens.
    pub(super) fn trial_failed(&mut self, now: Instant, rng: &mut fastrand::Rng) {
        self.trial = None;
        self.failed_dials += 1;
        let next = now + pause(self.failed_dials, rng);
        for known in &mut self.avoided {
            known.next = known.next.max(next);
        }
    }

    /// Brings the trials forward. `anew`: the pauses start over, too.
    pub(super) fn hurry(&mut self, anew: bool, now: Instant) {
        if anew {
            self.failed_dials = 0;
        }
        for known in &mut self.avoided {
            if anew {
                known.failures = 1;
            }
            known.next = known.next.min(now.max(known.tried + SPACING));
        }
    }

    /// Forgets all targets but these.
    pub(super) fn retain(&mut self, is_known: impl Fn(&RemoteTarget) -> bool) {
        self.avoided.retain(|known| is_known(&known.target));
        self.to_try = self.to_try.take().filter(|target| is_known(target));
    }

    /// Forgets all targets. A trial that is under way goes on.
    pub(super) fn forget(&mut self) {
        let trial = self.trial;
        *self = Self {
            trial,
            ..Self::default()
        };
    }
}

fn pause(failures: usize, rng: &mut fastrand::Rng) -> Duration {
    let index = failures.min(PAUSES.len() - 1);
    PAUSES
        .get(index)
        .map_or(SPACING, |pause| pause.mul_f64(1.0 - JITTER * rng.f64()))
}
