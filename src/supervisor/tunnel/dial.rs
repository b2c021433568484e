//! Dials, hang-ups, and what a session tells of itself.

use super::{Context, Tunnel};
use crate::model::{
    Attempt, Fault, Question, QuestionId, QuestionKind, Recovery, Secret, SessionEvent, Stage,
};
use crate::supervisor::state::{Live, State, Successor, Then, standing_question};
use crate::supervisor::{Action, Grant, Trial};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a person may take to answer a server that waits for it.
const LIVE_QUESTION: Duration = Duration::from_secs(120);

/// How long a session may take to end. The engine ends it well within; past this it is written off.
pub(super) const HANG_UP: Duration = Duration::from_secs(3);

impl Tunnel {
    /// An event of the state's own session.
    pub(super) fn session_event(&mut self, event: SessionEvent, cx: &mut Context<'_>) {
        match event {
            SessionEvent::Stage(reached) => {
                if let State::Dialing { stage, .. } = &mut self.state {
                    *stage = reached;
                }
            }
            SessionEvent::HostKeyRecorded => self.granted.recorded(),
            SessionEvent::PasswordJudged => self.granted.drop_password(),
            SessionEvent::Asks {
                name,
                instruction,
                prompts,
            } => {
                let kind = QuestionKind::Interactive {
                    name,
                    instruction,
                    prompts,
                };
                let asked = new_question(kind, Some(cx.now + LIVE_QUESTION), cx);
                if let State::Dialing {
                    question, after, ..
                } = &mut self.state
                {
                    *question = Some(asked);
                    // The server was reached and asks: what made this dial necessary is over.
                    *after = None;
                }
            }
            SessionEvent::Established(server) => {
                if let State::Dialing { attempt, .. } = self.state {
                    self.granted.drop_all();
                    self.backoff.established();
                    self.state = State::Live(Live::new(attempt, server, cx.now));
                    for forward in &mut self.forwards {
                        forward.session_up(cx.now);
                    }
                }
            }
            SessionEvent::RoundTrip(measured) => self.answered(measured, cx),
            SessionEvent::Silent { unanswered } => self.silent(unanswered, cx),
            SessionEvent::Tried { target, answers } => {
                self.tried(&target, answers, cx);
                if !answers {
                    self.hang_up_own(Then::Dial, cx);
                }
            }
            SessionEvent::Rerouted => self.rerouted(cx),
            SessionEvent::Worn { memory } => self.worn(memory, cx),
            SessionEvent::RekeyNear => self.rekey_near(cx),
            SessionEvent::Ended(fault) => self.ended(fault, cx),
        }
    }

    pub(super) fn ended(&mut self, fault: Option<Fault>, cx: &mut Context<'_>) {
        self.drop_trial(cx);
        for forward in &mut self.forwards {
            forward.session_down();
        }
        let password_given = matches!(
            self.state,
            State::Dialing {
                password_given: true,
                ..
            }
        );
        let mut earliest = cx.now;
        let lived = match std::mem::replace(&mut self.state, State::Idle) {
            State::HangingUp { then, .. } => {
                match then {
                    Then::Stop => {}
                    Then::Dial => self.dial_spaced(cx),
                    Then::Block(fault) => self.block(fault, cx),
                }
                return;
            }
            State::Live(live) => {
                let is_silent = live.is_silent();
                match live.successor {
                    Some(Successor::Waiting { .. }) if !is_silent => {
                        // The pause was for a successor that nobody waited for. Now somebody may.
                        earliest = self.backoff.earliest(cx.now);
                    }
                    Some(successor) => {
                        self.succeed_at_once(successor, fault);
                        return;
                    }
                    None => {}
                }
                Some(cx.now.saturating_duration_since(live.since))
            }
            State::Idle | State::Dialing { .. } | State::Waiting { .. } | State::Blocked { .. } => {
                None
            }
        };
        let fault = fault.unwrap_or_else(|| Fault::ConnectionLost {
            server: self.settings.server(),
            detail: "the session ended without a reason".into(),
        });
        match fault.recovery() {
            Recovery::AwaitUser if password_given && fault.a_password_may_help() => {
                self.dial_spaced(cx);
            }
            Recovery::AwaitUser => self.block(fault, cx),
            Recovery::Retry | Recovery::AwaitNetwork => {
                let next = self.backoff.next(&fault, lived, cx.now, cx.rng);
                let at = next.max(earliest);
                let fault = Some(fault);
                self.state = State::Waiting { fault, at };
            }
        }
    }

    /// Dials now, or as soon as the spacing of dials allows.
    pub(super) fn dial_spaced(&mut self, cx: &mut Context<'_>) {
        let at = self.backoff.earliest(cx.now);
        if at <= cx.now {
            self.dial(cx);
        } else {
            self.state = State::Waiting { fault: None, at };
        }
    }

    /// Dials now with the user's answer. A dial that fails before the answer is judged hands it on to
    /// the next one.
    pub(super) fn dial_granted(&mut self, grant: Grant, cx: &mut Context<'_>) {
        self.granted.give(grant, cx.now);
        self.dial(cx);
    }

    pub(super) fn dial(&mut self, cx: &mut Context<'_>) {
        let after = self.state.fault().cloned();
        let attempt = self.begin_dial(cx);
        self.state = State::Dialing {
            attempt,
            stage: Stage::Resolving,
            question: None,
            after,
            until: None,
            password_given: false,
        };
    }

    pub(super) fn begin_dial(&mut self, cx: &mut Context<'_>) -> Attempt {
        let suspect = self.suspects.take_suspicion();
        let suspect = suspect.or_else(|| self.trial_on_the_way(cx));
        let trial = suspect.map(|target| Trial { target, stay: true });
        let grant = self.granted.for_dial();
        let attempt = self.tell_to_dial(grant, trial, cx);
        self.attempt = Some(attempt);
        attempt
    }

    pub(super) fn tell_to_dial(
        &mut self,
        grant: Option<Grant>,
        trial: Option<Trial>,
        cx: &mut Context<'_>,
    ) -> Attempt {
        *cx.last_attempt += 1;
        let attempt = Attempt(*cx.last_attempt);
        self.backoff.dialed(cx.now);
        cx.actions.push_back(Action::Dial {
            settings: Arc::clone(&self.settings),
            attempt,
            grant,
            trial,
        });
        attempt
    }

    /// Dials as soon as the spacing of dials allows: [`Tunnel::tick`] does it.
    pub(super) fn dial_soon(&mut self, cx: &mut Context<'_>) {
        let at = self.backoff.earliest(cx.now);
        self.dial_by(at);
        if let State::Blocked { fault, .. } = &self.state {
            let fault = Some(fault.clone());
            self.state = State::Waiting { fault, at };
        }
    }

    /// Brings a dial that has a date forward to this one.
    pub(super) fn dial_by(&mut self, by: Instant) {
        match &mut self.state {
            State::Waiting { at, .. }
            | State::Live(Live {
                successor: Some(Successor::Waiting { at, .. }),
                ..
            }) => *at = by.min(*at),
            State::Idle
            | State::Dialing { .. }
            | State::Live(_)
            | State::HangingUp { .. }
            | State::Blocked { .. } => {}
        }
    }

    /// Ends every session.
    pub(super) fn hang_up(&mut self, after: Then, cx: &mut Context<'_>) {
        self.hasten_leaving(cx);
        self.drop_trial(cx);
        self.hang_up_own(after, cx);
    }

    /// Ends the state's own session. What is open on a retired one goes on.
    pub(super) fn hang_up_own(&mut self, after: Then, cx: &mut Context<'_>) {
        match &mut self.state {
            State::Dialing { .. } | State::Live(_) => {
                self.drop_successor(cx);
                if let Some(attempt) = self.state.session() {
                    self.tell_to_hang_up(attempt, cx);
                    self.state = State::HangingUp {
                        attempt,
                        then: after,
                        until: cx.now + HANG_UP,
                    };
                }
                for forward in &mut self.forwards {
                    forward.session_down();
                }
            }
            State::HangingUp { then, .. } => *then = after,
            State::Idle | State::Waiting { .. } | State::Blocked { .. } => {}
        }
    }

    pub(super) fn tell_to_hang_up(&self, attempt: Attempt, cx: &mut Context<'_>) {
        cx.actions.push_back(Action::HangUp {
            tunnel: self.settings.id.clone(),
            attempt,
        });
    }

    pub(super) fn block(&mut self, fault: Fault, cx: &mut Context<'_>) {
        self.granted.blocked(&fault);
        let question = standing_question(&fault).map(|kind| new_question(kind, None, cx));
        self.state = State::Blocked { fault, question };
    }

    pub(super) fn respond(&mut self, responses: Vec<Secret>, cx: &mut Context<'_>) {
        if let State::Dialing {
            attempt, question, ..
        } = &mut self.state
        {
            *question = None;
            cx.actions.push_back(Action::Respond {
                tunnel: self.settings.id.clone(),
                attempt: *attempt,
                responses,
            });
        }
    }
}

fn new_question(kind: QuestionKind, expires: Option<Instant>, cx: &mut Context<'_>) -> Question {
    *cx.last_question += 1;
    Question {
        id: QuestionId(*cx.last_question),
        kind,
        expires,
    }
}
