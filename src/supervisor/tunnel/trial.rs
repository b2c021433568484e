//! Trials of targets that stop the server while it connects to them; see [`super::super::suspects`].
//!
//! The first trial is the first step of the successor to a silent session. Later ones have a session of
//! their own beside the live one, and only while no other session is beside it: there are two sessions at
//! most, and a successor comes first. The successor to a worn session takes a trial along that is due.

use super::{Context, Tunnel};
use crate::model::{Recovery, RemoteTarget, SessionEvent};
use crate::supervisor::Trial;
use crate::supervisor::state::{State, Trust, Wear};
use std::time::Instant;

impl Tunnel {
    /// The live session fell silent, and the first unanswered request was a channel open to this target.
    pub(super) fn suspect(&mut self, target: RemoteTarget, cx: &mut Context<'_>) {
        self.suspects.suspect(target, cx.now, cx.rng);
        self.avoid_suspects(cx);
    }

    /// A session has tried this target.
    pub(super) fn tried(&mut self, target: &RemoteTarget, answers: bool, cx: &mut Context<'_>) {
        self.suspects.tried(target, answers, cx.now, cx.rng);
        self.avoid_suspects(cx);
    }

    /// The user starts the tunnel anew, or the server is another one.
    pub(super) fn forget_suspects(&mut self, cx: &mut Context<'_>) {
        self.suspects.forget();
        self.avoid_suspects(cx);
    }

    /// Forgets the targets that no forward leads to any more.
    pub(super) fn forget_lost_suspects(&mut self, cx: &mut Context<'_>) {
        let forwards = &self.forwards;
        self.suspects.retain(|target| {
            let mut remotes = forwards.iter().map(|forward| &forward.settings.remote);
            remotes.any(|remote| remote == target)
        });
        self.avoid_suspects(cx);
    }

    /// When a trial beside the live session is to begin. `None` as long as there is no room for one.
    pub(super) fn trial_due(&self) -> Option<Instant> {
        let at = self.trial_wanted()?;
        let is_alone = self.leaving.is_none() && self.state.live()?.successor.is_none();
        is_alone.then(|| self.backoff.earliest(at))
    }

    /// When a trial is to begin if there is room for it.
    pub(super) fn trial_wanted(&self) -> Option<Instant> {
        let live = self.state.live()?;
        let is_good = live.trust == Trust::Good && live.withheld.is_none();
        if !is_good || self.suspects.trial.is_some() {
            return None;
        }
        self.suspects.due()
    }

    /// The target whose trial is due, and which the successor to a worn session is to try first: while the
    /// worn one works, nobody waits for its successor.
    pub(super) fn trial_on_the_way(&mut self, cx: &mut Context<'_>) -> Option<RemoteTarget> {
        let live = self.state.live()?;
        if live.wear == Wear::Worn && live.trust == Trust::Good {
            self.suspects.begin_trial(cx.now, cx.rng)
        } else {
            None
        }
    }

    pub(super) fn begin_trial(&mut self, cx: &mut Context<'_>) {
        if let Some(target) = self.suspects.begin_trial(cx.now, cx.rng) {
            let stay = false;
            let attempt = self.tell_to_dial(None, Some(Trial { target, stay }), cx);
            self.suspects.trial = Some(attempt);
        }
    }

    /// An event of the session that was dialed for a trial.
    pub(super) fn trial_event(&mut self, event: SessionEvent, cx: &mut Context<'_>) {
        match event {
            SessionEvent::Tried { target, answers } => {
                self.drop_trial(cx);
                self.tried(&target, answers, cx);
            }
            SessionEvent::Asks { .. } => {
                self.drop_trial(cx);
                self.withhold_question();
            }
            SessionEvent::Ended(Some(fault)) if fault.recovery() == Recovery::AwaitUser => {
                self.suspects.trial = None;
                self.withhold(fault);
            }
            SessionEvent::Ended(_) => self.suspects.trial_failed(cx.now, cx.rng),
            SessionEvent::Stage(_)
            | SessionEvent::Established(_)
            | SessionEvent::RoundTrip(_)
            | SessionEvent::Silent { .. }
            | SessionEvent::Rerouted
            | SessionEvent::HostKeyRecorded
            | SessionEvent::PasswordJudged
            | SessionEvent::Worn { .. }
            | SessionEvent::RekeyNear => {}
        }
    }

    /// Ends the session that was dialed for a trial.
    pub(super) fn drop_trial(&mut self, cx: &mut Context<'_>) {
        if let Some(attempt) = self.suspects.trial.take() {
            self.leave(attempt, cx);
        }
    }

    /// Passes on to each forward whether its target is avoided.
    fn avoid_suspects(&mut self, cx: &mut Context<'_>) {
        let live = matches!(&self.state, State::Live(live) if !live.is_silent());
        for forward in &mut self.forwards {
            let avoided = self.suspects.avoids(&forward.settings.remote);
            forward.avoid(avoided, live, cx.now);
        }
    }
}
