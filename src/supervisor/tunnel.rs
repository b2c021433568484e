//! One tunnel: what the user wants of it, what is true, and what follows.

use super::backoff::Backoff;
use super::forward::Forward;
use super::state::{Live, State, Then, standing_question};
use super::{Action, Grant};
use crate::model::{
    Answer, Attempt, Fault, ForwardId, ForwardSettings, Health, HealthState, Phase, Question,
    QuestionId, QuestionKind, Recovery, Secret, SessionEvent, Stage, Target, TunnelSettings,
    TunnelView,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a person may take to answer a server that waits for it.
const LIVE_QUESTION: Duration = Duration::from_secs(120);

/// How long a session may take to end. The engine ends it well within; past this it is written off.
const HANG_UP: Duration = Duration::from_secs(3);

/// What the supervisor lends its tunnels while they handle something.
pub(super) struct Context<'a> {
    pub(super) now: Instant,
    pub(super) actions: &'a mut VecDeque<Action>,
    pub(super) last_attempt: &'a mut u64,
    pub(super) last_question: &'a mut u64,
    pub(super) rng: &'a mut fastrand::Rng,
}

#[derive(Debug)]
pub(super) struct Tunnel {
    settings: Arc<TunnelSettings>,
    target: Target,
    state: State,
    backoff: Backoff,
    forwards: Vec<Forward>,
    attempt: Option<Attempt>,
    phase: Phase,
    since: Instant,
    /// The configuration has it no more: it goes when it is down.
    pub(super) removed: bool,
}

impl Tunnel {
    pub(super) fn new(settings: Arc<TunnelSettings>, now: Instant) -> Self {
        Self {
            forwards: settings
                .forwards
                .iter()
                .map(|forward| Forward::new(Arc::clone(forward)))
                .collect(),
            settings,
            target: Target::Down,
            state: State::Idle,
            backoff: Backoff::default(),
            attempt: None,
            phase: Phase::Stopped,
            since: now,
            removed: false,
        }
    }

    pub(super) fn settings(&self) -> &Arc<TunnelSettings> {
        &self.settings
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// The user wants it, now.
    pub(super) fn up(&mut self, cx: &mut Context<'_>) {
        self.target = Target::Up;
        for forward in &mut self.forwards {
            forward.open(cx.actions);
            forward.hurry(cx.now);
        }
        match &mut self.state {
            State::Idle => self.dial_spaced(cx),
            State::Waiting { .. } | State::Blocked { .. } => self.dial_soon(cx),
            State::HangingUp { then, .. } => *then = Then::Dial,
            State::Dialing { .. } | State::Live(_) => {}
        }
    }

    pub(super) fn down(&mut self, cx: &mut Context<'_>) {
        self.target = Target::Down;
        for forward in &mut self.forwards {
            forward.close(cx.actions);
        }
        match &mut self.state {
            State::Waiting { .. } | State::Blocked { .. } => self.state = State::Idle,
            State::Idle | State::Dialing { .. } | State::Live(_) | State::HangingUp { .. } => {
                self.hang_up(Then::Stop, cx)
            }
        }
    }

    pub(super) fn restart(&mut self, cx: &mut Context<'_>) {
        self.hang_up(Then::Dial, cx);
        self.up(cx);
    }

    /// Somebody waits for the session: cut the wait short, but never past what only the user can
    /// lift.
    pub(super) fn demand(&mut self, cx: &mut Context<'_>) {
        if matches!(self.state, State::Waiting { .. }) {
            self.dial_soon(cx);
        }
    }

    /// Whatever was wrong with the network may be over.
    pub(super) fn environment_changed(&mut self, cx: &mut Context<'_>) {
        self.backoff.reset();
        self.demand(cx);
        for forward in &mut self.forwards {
            forward.hurry(cx.now);
        }
    }

    /// The SSH agents hold other keys: worth one dial where a key was missing.
    pub(super) fn agents_changed(&mut self, cx: &mut Context<'_>) {
        if self.view().awaits_a_key() {
            self.dial_soon(cx);
        }
    }

    pub(super) fn answer(&mut self, id: QuestionId, answer: Answer, cx: &mut Context<'_>) {
        let Some(question) = self.state.question().filter(|question| question.id == id) else {
            return;
        };
        match (question.kind.clone(), answer) {
            (_, Answer::Cancel) => {
                let fault = Fault::QuestionCancelled {
                    server: self.settings.server(),
                };
                if matches!(self.state, State::Blocked { .. }) {
                    self.block(fault, cx);
                } else {
                    self.hang_up(Then::Block(fault), cx);
                }
            }
            (QuestionKind::HostKey(key), Answer::AcceptHostKey) => {
                self.dial(Some(Grant::HostKey(key)), cx);
            }
            (QuestionKind::Password { .. }, Answer::Secret { value, remember }) => {
                self.dial(Some(Grant::Password { value, remember }), cx);
            }
            (QuestionKind::Passphrase { key, .. }, Answer::Secret { value, remember }) => {
                let grant = Grant::Passphrase {
                    key,
                    value,
                    remember,
                };
                self.dial(Some(grant), cx);
            }
            (QuestionKind::Interactive { prompts, .. }, Answer::Responses(responses))
                if prompts.len() == responses.len() =>
            {
                self.respond(responses, cx);
            }
            // An answer of another kind than the question answers nothing.
            (
                QuestionKind::HostKey(_)
                | QuestionKind::Password { .. }
                | QuestionKind::Passphrase { .. }
                | QuestionKind::Interactive { .. },
                Answer::AcceptHostKey | Answer::Secret { .. } | Answer::Responses(_),
            ) => {}
        }
    }

    /// The vault has a password now; where one is missing, it is the answer.
    pub(super) fn password_given(&mut self, cx: &mut Context<'_>) {
        let asked = self
            .state
            .question()
            .is_some_and(|question| matches!(question.kind, QuestionKind::Password { .. }));
        let rejected = matches!(
            self.state,
            State::Blocked {
                fault: Fault::NoCredential { .. } | Fault::AuthenticationRejected { .. },
                ..
            }
        );
        if asked || rejected {
            self.dial(None, cx);
        }
    }

    /// An event of the session that `attempt` made. This is the one place where stale ones go.
    pub(super) fn session(&mut self, attempt: Attempt, event: SessionEvent, cx: &mut Context<'_>) {
        if self.state.session() != Some(attempt) {
            return;
        }
        match event {
            SessionEvent::Stage(reached) => {
                if let State::Dialing { stage, .. } = &mut self.state {
                    *stage = reached;
                }
            }
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
                if let State::Dialing { question, .. } = &mut self.state {
                    *question = Some(asked);
                }
            }
            SessionEvent::Established(server) => {
                if matches!(self.state, State::Dialing { .. }) {
                    self.state = State::Live(Live {
                        attempt,
                        round_trip: server.round_trip,
                        server,
                        since: cx.now,
                    });
                    for forward in &mut self.forwards {
                        forward.session_up(cx.now);
                    }
                }
            }
            SessionEvent::RoundTrip(measured) => {
                if let State::Live(live) = &mut self.state {
                    live.round_trip = measured;
                }
            }
            SessionEvent::Ended(fault) => self.ended(fault, cx),
        }
    }

    pub(super) fn probed(
        &mut self,
        asked: &ForwardSettings,
        attempt: Attempt,
        health: Health,
        now: Instant,
    ) {
        if self.live_attempt() != Some(attempt) {
            return;
        }
        if let Some(forward) = self.forward(&asked.id) {
            forward.probed(asked, health, now);
        }
    }

    pub(super) fn listening(&mut self, id: &ForwardId, result: Result<(), Fault>, now: Instant) {
        if let Some(forward) = self.forward(id) {
            forward.listening(result, now);
        }
    }

    /// Other settings for the same tunnel: what the difference does not touch goes on. Listeners
    /// that go are closed; [`Tunnel::listen`] opens those that come.
    pub(super) fn reconfigure(&mut self, settings: Arc<TunnelSettings>, cx: &mut Context<'_>) {
        let same_session = self.settings.same_session(&settings);
        let live = self.live_attempt().is_some();
        let mut old = std::mem::take(&mut self.forwards);
        for wanted in &settings.forwards {
            let kept = old.iter().position(|known| known.settings.id == wanted.id);
            let mut forward = match kept {
                Some(index) => old.swap_remove(index),
                None => Forward::new(Arc::clone(wanted)),
            };
            forward.change(Arc::clone(wanted), cx.now, cx.actions);
            if kept.is_none() && live {
                forward.session_up(cx.now);
            }
            self.forwards.push(forward);
        }
        for mut gone in old {
            gone.close(cx.actions);
        }
        self.settings = settings;
        if same_session || self.target == Target::Down {
            return;
        }
        self.backoff.reset();
        self.hang_up(Then::Dial, cx);
        if matches!(self.state, State::Waiting { .. } | State::Blocked { .. }) {
            self.dial_soon(cx);
        }
    }

    /// Listens wherever it is wanted and does not yet.
    pub(super) fn listen(&mut self, cx: &mut Context<'_>) {
        if self.target == Target::Up {
            for forward in &mut self.forwards {
                forward.open(cx.actions);
            }
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, cx: &mut Context<'_>) {
        match &self.state {
            State::Waiting { at, .. } if *at <= cx.now => self.dial(None, cx),
            State::Dialing {
                question: Some(question),
                ..
            } if question.expires.is_some_and(|at| at <= cx.now) => {
                let server = self.settings.server();
                self.hang_up(Then::Block(Fault::QuestionTimeout { server }), cx);
            }
            State::HangingUp { until, .. } if *until <= cx.now => self.ended(None, cx),
            State::Idle
            | State::Dialing { .. }
            | State::Live(_)
            | State::HangingUp { .. }
            | State::Waiting { .. }
            | State::Blocked { .. } => {}
        }
        let session = self.live_attempt();
        for forward in &mut self.forwards {
            forward.tick(session, cx.now, cx.actions);
        }
    }

    /// When [`Tunnel::tick`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        self.forwards
            .iter()
            .filter_map(Forward::due)
            .chain(self.state.due())
            .min()
    }

    /// Notes the moment at which the phase changed.
    pub(super) fn settle(&mut self, now: Instant) {
        let phase = self.current_phase();
        if phase != self.phase {
            self.phase = phase;
            self.since = now;
        }
    }

    pub(super) fn view(&self) -> TunnelView {
        let live = self.state.live();
        TunnelView {
            settings: Arc::clone(&self.settings),
            target: self.target,
            phase: self.phase,
            since: self.since,
            stage: self.stage(),
            attempt: self.attempt,
            server: live.map(|live| live.server.clone()),
            round_trip: live.map(|live| live.round_trip),
            fault: self.state.fault().cloned(),
            next_dial: self.state.next_dial(),
            question: self.state.question().cloned(),
            forwards: self.forwards.iter().map(Forward::view).collect(),
        }
    }

    fn ended(&mut self, fault: Option<Fault>, cx: &mut Context<'_>) {
        for forward in &mut self.forwards {
            forward.session_down();
        }
        let lived = match std::mem::replace(&mut self.state, State::Idle) {
            State::HangingUp { then, .. } => {
                match then {
                    Then::Stop => {}
                    Then::Dial => self.dial_spaced(cx),
                    Then::Block(fault) => self.block(fault, cx),
                }
                return;
            }
            State::Live(live) => Some(cx.now.saturating_duration_since(live.since)),
            State::Idle | State::Dialing { .. } | State::Waiting { .. } | State::Blocked { .. } => {
                None
            }
        };
        let fault = fault.unwrap_or_else(|| Fault::ConnectionLost {
            server: self.settings.server(),
            detail: "the session ended without a reason".into(),
        });
        match fault.recovery() {
            Recovery::AwaitUser => self.block(fault, cx),
            Recovery::Retry | Recovery::AwaitNetwork => {
                let at = self.backoff.next(&fault, lived, cx.now, cx.rng);
                let fault = Some(fault);
                self.state = State::Waiting { fault, at };
            }
        }
    }

    /// Dials now, or as soon as the spacing of dials allows.
    fn dial_spaced(&mut self, cx: &mut Context<'_>) {
        let at = self.backoff.earliest(cx.now);
        if at <= cx.now {
            self.dial(None, cx);
        } else {
            self.state = State::Waiting { fault: None, at };
        }
    }

    fn dial(&mut self, grant: Option<Grant>, cx: &mut Context<'_>) {
        *cx.last_attempt += 1;
        let attempt = Attempt(*cx.last_attempt);
        self.attempt = Some(attempt);
        self.backoff.dialed(cx.now);
        let after = self.state.fault().cloned();
        self.state = State::Dialing {
            attempt,
            stage: Stage::Resolving,
            question: None,
            after,
        };
        cx.actions.push_back(Action::Dial {
            settings: Arc::clone(&self.settings),
            attempt,
            grant,
        });
    }

    /// Dials as soon as the spacing of dials allows: [`Tunnel::tick`] does it.
    fn dial_soon(&mut self, cx: &mut Context<'_>) {
        let earliest = self.backoff.earliest(cx.now);
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Waiting { fault, at } => {
                let at = at.min(earliest);
                self.state = State::Waiting { fault, at };
            }
            State::Blocked { fault, .. } => {
                self.state = State::Waiting {
                    fault: Some(fault),
                    at: earliest,
                };
            }
            other @ (State::Idle
            | State::Dialing { .. }
            | State::Live(_)
            | State::HangingUp { .. }) => self.state = other,
        }
    }

    fn hang_up(&mut self, after: Then, cx: &mut Context<'_>) {
        match &mut self.state {
            State::Dialing { attempt, .. } | State::Live(Live { attempt, .. }) => {
                let attempt = *attempt;
                cx.actions.push_back(Action::HangUp {
                    tunnel: self.settings.id.clone(),
                    attempt,
                });
                for forward in &mut self.forwards {
                    forward.session_down();
                }
                self.state = State::HangingUp {
                    attempt,
                    then: after,
                    until: cx.now + HANG_UP,
                };
            }
            State::HangingUp { then, .. } => *then = after,
            State::Idle | State::Waiting { .. } | State::Blocked { .. } => {}
        }
    }

    fn block(&mut self, fault: Fault, cx: &mut Context<'_>) {
        let question = standing_question(&fault).map(|kind| new_question(kind, None, cx));
        self.state = State::Blocked { fault, question };
    }

    fn respond(&mut self, responses: Vec<Secret>, cx: &mut Context<'_>) {
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

    fn forward(&mut self, id: &ForwardId) -> Option<&mut Forward> {
        self.forwards
            .iter_mut()
            .find(|forward| forward.settings.id == *id)
    }

    fn live_attempt(&self) -> Option<Attempt> {
        self.state.live().map(|live| live.attempt)
    }

    fn stage(&self) -> Option<Stage> {
        match &self.state {
            State::Dialing { stage, .. } => Some(*stage),
            State::Live(_) if self.checking() => Some(Stage::Checking),
            State::Idle
            | State::Live(_)
            | State::HangingUp { .. }
            | State::Waiting { .. }
            | State::Blocked { .. } => None,
        }
    }

    fn current_phase(&self) -> Phase {
        match &self.state {
            State::Idle => Phase::Stopped,
            State::Dialing { question: None, .. } => Phase::Connecting,
            State::Dialing { .. } | State::Blocked { .. } => Phase::Blocked,
            State::Live(_) if self.checking() => Phase::Connecting,
            State::Live(_) if self.all_work() => Phase::Healthy,
            State::Live(_) => Phase::Degraded,
            State::HangingUp { then, .. } => match then {
                Then::Stop => Phase::Stopping,
                Then::Dial => Phase::Connecting,
                Then::Block(_) => Phase::Blocked,
            },
            State::Waiting { fault, .. } => match fault.as_ref().map(Fault::recovery) {
                Some(Recovery::AwaitNetwork) => Phase::Offline,
                Some(Recovery::Retry | Recovery::AwaitUser) | None => Phase::Waiting,
            },
        }
    }

    /// A service that a user opens has not answered yet in this session.
    fn checking(&self) -> bool {
        self.forwards.iter().any(|forward| {
            let view = forward.view();
            view.settings.open.is_some() && view.health.state == HealthState::Unknown
        })
    }

    fn all_work(&self) -> bool {
        self.forwards
            .iter()
            .map(Forward::view)
            .all(|view| view.settings.open.is_none() || view.works())
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
