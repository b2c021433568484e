//! What follows when the world around a session changes: it is to prove itself, and if it cannot, or
//! if there is a better way by now, another session takes over from it.
//!
//! Make before break: the successor is dialed beside the live session, and only when it stands does
//! the old one retire; connections that are on it may end there. A session is never given up on mere
//! suspicion: one that is silent for a while and then answers goes on as if nothing had been.
//!
//! No timer repeats a log-in that awaits the user. So a dial beside a session that works, whatever it was
//! for, withholds all others when it ends in such a fault or in a question: until a person has done
//! something about it, or until the session is past use: it is silent, or full. Then the tunnel blocks.

use super::{Context, Tunnel};
use crate::model::{Attempt, Fault, Recovery, RemoteTarget, SessionEvent, Stage};
use crate::supervisor::Action;
use crate::supervisor::state::{Live, State, Successor, Trust, Wear, is_at_the_server};
use std::time::{Duration, Instant};

/// One change of the network comes in several steps: address, routes, then the next family.
const SETTLE: Duration = Duration::from_millis(250);

/// Whether a round trip has changed so much that it is worth to be shown: each new one would wake
/// whoever shows the state.
fn differs(shown: Duration, measured: Duration) -> bool {
    let by = shown.abs_diff(measured);
    by >= Duration::from_millis(1) && by > shown / 4
}

/// A session that holds so much memory in vain is full. The one before it has to make room, and where only a
/// person can log in, its own end comes first.
const FULL: u64 = 64 << 20;

/// A live session may be silent for so long before a retired one that works is cut for the sake of another.
/// Local connections wait for 15 s: that leaves 3 s to hang up, and the time for a dial.
const HICCUP: Duration = Duration::from_secs(8);

/// For so long a better network waits for the end of a retired session, as any such session is given to end.
const DRAIN: Duration = Duration::from_secs(300);

impl Tunnel {
    /// Whatever was wrong with the network may be over, and whatever was right may not be any more.
    pub(in crate::supervisor) fn environment_changed(&mut self, cx: &mut Context<'_>) {
        let settled = cx.now + SETTLE;
        let hurry = self.backoff.fresh_start(cx.now);
        let earliest = self.backoff.earliest(settled);
        if let State::Dialing { stage, until, .. }
        | State::Live(Live {
            successor: Some(Successor::Dialing { stage, until, .. }),
            ..
        }) = &mut self.state
            && !is_at_the_server(*stage)
        {
            until.get_or_insert(earliest);
        }
        match &mut self.state {
            State::Live(live) if live.trust == Trust::Good => {
                live.trust = Trust::ProveAt(settled);
            }
            State::Live(_) | State::Waiting { .. } => {
                if hurry {
                    self.dial_by(earliest);
                }
            }
            State::Idle
            | State::Dialing { .. }
            | State::HangingUp { .. }
            | State::Blocked { .. } => {}
        }
        if hurry {
            for forward in &mut self.forwards {
                forward.listen_at(settled);
                forward.renew(cx.now);
            }
            self.suspects.hurry(true, cx.now);
        }
    }

    /// The live session is to prove itself: it tells if it cannot. So does a retired one, which is to be known
    /// as silent when its place is needed.
    pub(super) fn prove(&mut self, cx: &mut Context<'_>) {
        let State::Live(live) = &mut self.state else {
            return;
        };
        live.trust = Trust::Good;
        let leaving = self.leaving.as_ref();
        let retired = leaving.filter(|leaving| leaving.until().is_none());
        let retired = retired.map(|leaving| leaving.attempt);
        for attempt in retired.into_iter().chain([live.attempt]) {
            cx.actions.push_back(Action::Prove {
                tunnel: self.settings.id.clone(),
                attempt,
            });
        }
    }

    /// The live session answered.
    pub(super) fn answered(&mut self, measured: Duration, cx: &mut Context<'_>) {
        let State::Live(live) = &mut self.state else {
            return;
        };
        if differs(live.round_trip, measured) {
            live.round_trip = measured;
        }
        if live.is_silent() {
            live.trust = Trust::Good;
            self.suspects.clear_suspicion();
            self.drop_successor(cx);
            for forward in &mut self.forwards {
                forward.session_up(cx.now);
            }
            self.relieve(cx);
        }
    }

    /// The live session did not answer in time. `unanswered`: the target of the first unanswered request.
    pub(super) fn silent(&mut self, unanswered: Option<RemoteTarget>, cx: &mut Context<'_>) {
        let State::Live(live) = &mut self.state else {
            return;
        };
        let was_silent = live.is_silent();
        live.trust = Trust::Silent;
        for forward in &mut self.forwards {
            forward.session_down();
        }
        if let Some(target) = unanswered {
            self.suspect(target, cx);
        }
        self.want_successor(Some(cx.now + HICCUP), cx);
        if !was_silent {
            // A successor may have been wanted before, with a pause that was meant for nobody who waits.
            let at = self.backoff.earliest(cx.now);
            self.dial_by(at);
        }
    }

    /// A new session would take a better way than the live one.
    pub(super) fn rerouted(&mut self, cx: &mut Context<'_>) {
        self.want_successor(Some(cx.now + DRAIN), cx);
    }

    /// The live session works, and holds so much memory that only its end gives back, or its key has
    /// encrypted much, or a program does not read.
    pub(super) fn worn(&mut self, memory: u64, cx: &mut Context<'_>) {
        let wear = if memory >= FULL {
            Wear::Full
        } else {
            Wear::Worn
        };
        self.wear(wear, cx);
    }

    /// The live session works, and may not survive the new keys that the server begins soon.
    pub(super) fn rekey_near(&mut self, cx: &mut Context<'_>) {
        self.wear(Wear::RekeyNear, cx);
    }

    /// Nobody may say it again, so it is remembered until another session has taken over.
    fn wear(&mut self, wear: Wear, cx: &mut Context<'_>) {
        if let State::Live(live) = &mut self.state {
            live.wear = live.wear.max(wear);
        }
        self.relieve(cx);
    }

    /// A live session that is worn wants a successor.
    fn relieve(&mut self, cx: &mut Context<'_>) {
        match self.state.live().map(|live| live.wear) {
            Some(Wear::Worn) => self.want_successor(None, cx),
            Some(Wear::RekeyNear | Wear::Full) => self.want_successor(Some(cx.now), cx),
            Some(Wear::Fresh) | None => {}
        }
    }

    /// A dial beside the live session ended in `fault`, which awaits the user.
    pub(super) fn withhold(&mut self, fault: Fault) {
        if let State::Live(live) = &mut self.state {
            live.withheld = Some(fault);
        }
    }

    /// A dial beside the live session met a question of the server. Nobody is asked for the sake of a
    /// session that is not needed.
    pub(super) fn withhold_question(&mut self) {
        self.withhold(Fault::QuestionLost {
            server: self.settings.server(),
        });
    }

    /// A person has done something. `helps` says whether it may lift the fault that withholds dials.
    pub(super) fn lift(&mut self, helps: impl FnOnce(&Fault) -> bool, cx: &mut Context<'_>) {
        if let State::Live(live) = &mut self.state
            && live.withheld.as_ref().is_some_and(helps)
        {
            live.withheld = None;
            self.relieve(cx);
        }
    }

    /// An event of the successor to the live session.
    pub(super) fn successor_event(
        &mut self,
        attempt: Attempt,
        event: SessionEvent,
        cx: &mut Context<'_>,
    ) {
        match event {
            SessionEvent::Stage(reached) => {
                if let State::Live(Live {
                    successor: Some(Successor::Dialing { stage, .. }),
                    ..
                }) = &mut self.state
                {
                    *stage = reached;
                }
            }
            SessionEvent::Established(server) => {
                self.backoff.established();
                self.take_over(Live::new(attempt, server, cx.now), cx);
            }
            SessionEvent::Ended(fault) => self.successor_ended(fault, cx),
            event @ SessionEvent::Asks { .. } => {
                if self.give_up_if_past_use(cx) {
                    self.session_event(event, cx);
                } else {
                    self.drop_successor(cx);
                    self.withhold_question();
                }
            }
            SessionEvent::Tried { target, answers } => {
                self.tried(&target, answers, cx);
                if !answers {
                    self.drop_successor(cx);
                    self.want_successor(None, cx);
                }
            }
            SessionEvent::HostKeyRecorded => self.granted.recorded(),
            SessionEvent::PasswordJudged
            | SessionEvent::RoundTrip(_)
            | SessionEvent::Silent { .. }
            | SessionEvent::Rerouted
            | SessionEvent::Worn { .. }
            | SessionEvent::RekeyNear => {}
        }
    }

    /// The live session is over, and what was to take over from it is the tunnel's session now.
    pub(super) fn succeed_at_once(&mut self, successor: Successor, fault: Option<Fault>) {
        self.state = match successor {
            Successor::Dialing {
                attempt,
                stage,
                after,
                until,
            } => State::Dialing {
                attempt,
                stage,
                question: None,
                after: after.or(fault),
                until,
                password_given: false,
            },
            Successor::Waiting { fault: why, at, .. } => State::Waiting {
                fault: why.or(fault),
                at,
            },
        };
    }

    pub(super) fn dial_successor(&mut self, cx: &mut Context<'_>) {
        let after = self.state.fault().cloned();
        let attempt = self.begin_dial(cx);
        if let State::Live(live) = &mut self.state {
            live.successor = Some(Successor::Dialing {
                attempt,
                stage: Stage::Resolving,
                after,
                until: None,
            });
        }
    }

    /// The network changed under the successor's dial: one that has not reached the server begins anew.
    pub(super) fn renew_successor(&mut self, cx: &mut Context<'_>) {
        let State::Live(Live {
            successor: Some(Successor::Dialing { stage, until, .. }),
            ..
        }) = &mut self.state
        else {
            return;
        };
        *until = None;
        if !is_at_the_server(*stage) {
            self.drop_successor(cx);
            self.want_successor(None, cx);
        }
    }

    /// A successor that is not established is of no more use.
    pub(super) fn drop_successor(&mut self, cx: &mut Context<'_>) {
        let State::Live(live) = &mut self.state else {
            return;
        };
        if let Some(Successor::Dialing { attempt, .. }) = live.successor.take() {
            self.leave(attempt, cx);
        }
    }

    /// There is one session to leave at most: a successor waits until the last one has left, which has to
    /// make `room` by that moment.
    fn want_successor(&mut self, room: Option<Instant>, cx: &mut Context<'_>) {
        let is_withheld = |live: &Live| live.withheld.is_some() && !live.is_past_use();
        if self.state.live().is_none_or(is_withheld) {
            return;
        }
        self.drop_trial(cx);
        let at = self.backoff.earliest(cx.now);
        let State::Live(live) = &mut self.state else {
            return;
        };
        let fault = None;
        let fresh = Successor::Waiting { fault, at, room };
        if let Successor::Waiting { room: known, .. } = live.successor.get_or_insert(fresh) {
            *known = known.iter().copied().chain(room).min();
        }
    }

    fn take_over(&mut self, new: Live, cx: &mut Context<'_>) {
        let State::Live(old) = std::mem::replace(&mut self.state, State::Live(new)) else {
            return;
        };
        self.suspects.clear_suspicion();
        self.retire(old.attempt, old.is_silent(), cx);
        for forward in &mut self.forwards {
            forward.session_up(cx.now);
        }
    }

    fn successor_ended(&mut self, fault: Option<Fault>, cx: &mut Context<'_>) {
        let fault = fault.unwrap_or_else(|| Fault::ConnectionLost {
            server: self.settings.server(),
            detail: "the session ended without a reason".into(),
        });
        let State::Live(live) = &mut self.state else {
            return;
        };
        live.successor = None;
        match fault.recovery() {
            Recovery::AwaitUser if live.is_past_use() => {
                self.give_up(cx);
                self.block(fault, cx);
            }
            Recovery::Retry | Recovery::AwaitNetwork
                if live.is_silent() || live.wear > Wear::Fresh =>
            {
                let at = self.backoff.next(&fault, None, cx.now, cx.rng);
                live.successor = Some(Successor::Waiting {
                    fault: Some(fault),
                    at,
                    room: None,
                });
            }
            Recovery::AwaitUser => live.withheld = Some(fault),
            // The live session works; the next change of the network brings the next try.
            Recovery::Retry | Recovery::AwaitNetwork => {}
        }
    }

    /// Gives up a live session that is past use for the one that is being dialed. Returns whether it did.
    fn give_up_if_past_use(&mut self, cx: &mut Context<'_>) -> bool {
        let State::Live(live) = &mut self.state else {
            return false;
        };
        if !live.is_past_use() {
            return false;
        }
        let Some(successor) = live.successor.take() else {
            return false;
        };
        self.give_up(cx);
        self.succeed_at_once(successor, None);
        true
    }

    /// The live session goes before another one stands. What is open on it may end there, if it works.
    fn give_up(&mut self, cx: &mut Context<'_>) {
        let Some(live) = self.state.live() else {
            return;
        };
        let attempt = live.attempt;
        if live.is_silent() {
            self.leave(attempt, cx);
        } else {
            self.retire(attempt, false, cx);
        }
        for forward in &mut self.forwards {
            forward.session_down();
        }
    }
}
