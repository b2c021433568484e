//! One tunnel: what the user wants of it, what is true, and what follows.

mod dial;
mod granted;
mod handover;
mod leaving;
mod trial;
mod view;

use super::backoff::Backoff;
use super::forward::Forward;
use super::state::{Leaving, Live, State, Then, Trust, is_at_the_server};
use super::suspects::Suspects;
use super::{Action, Grant};
use crate::model::{
    Answer, Attempt, AuthMethod, Fault, ForwardId, ForwardSettings, Health, Phase, QuestionId,
    QuestionKind, Secret, SessionEvent, Target, TunnelSettings,
};
use granted::Granted;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

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
    /// What the user answered, until it is judged.
    granted: Granted,
    /// Beside the state's own: a session that ends, while the state goes on without it.
    leaving: Option<Leaving>,
    suspects: Suspects,
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
            granted: Granted::default(),
            leaving: None,
            suspects: Suspects::default(),
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
        matches!(self.state, State::Idle) && self.leaving.is_none()
    }

    /// The user wants it, now.
    pub(super) fn up(&mut self, cx: &mut Context<'_>) {
        self.target = Target::Up;
        self.leave_rejection(cx);
        for forward in &mut self.forwards {
            forward.open(cx.actions);
            forward.hurry(cx.now);
        }
        self.suspects.hurry(false, cx.now);
        match &mut self.state {
            State::Idle => self.dial_spaced(cx),
            State::Waiting { .. } | State::Blocked { .. } | State::Live(_) => self.dial_soon(cx),
            State::HangingUp { then, .. } => *then = Then::Dial,
            State::Dialing { .. } => {}
        }
        self.lift(|fault| !fault.is_lapsed_question(), cx);
    }

    pub(super) fn down(&mut self, cx: &mut Context<'_>) {
        self.target = Target::Down;
        self.leave_rejection(cx);
        self.granted.drop_all();
        for forward in &mut self.forwards {
            forward.close(cx.actions);
        }
        self.hang_up(Then::Stop, cx);
        self.forget_suspects(cx);
        if matches!(self.state, State::Waiting { .. } | State::Blocked { .. }) {
            self.state = State::Idle;
        }
    }

    pub(super) fn restart(&mut self, cx: &mut Context<'_>) {
        self.hang_up(Then::Dial, cx);
        self.forget_suspects(cx);
        self.up(cx);
    }

    /// Somebody waits for the session, or for a service behind it: cut the wait short, but never past
    /// what only the user can lift.
    pub(super) fn demand(&mut self, cx: &mut Context<'_>) {
        for forward in &mut self.forwards {
            forward.hurry(cx.now);
        }
        self.suspects.hurry(false, cx.now);
        let at = self.backoff.on_demand(cx.now);
        self.dial_by(at);
        // Local connections ask for a session where none works. Otherwise it was a person. To one whom the
        // server asks something, each click would send another code.
        if self.state.live().is_some_and(|live| !live.is_silent()) {
            self.lift(|fault| !fault.is_lapsed_question(), cx);
        }
    }

    /// The SSH agents hold other keys: worth one dial where a key was missing.
    pub(super) fn agents_changed(&mut self, cx: &mut Context<'_>) {
        if self.view().awaits_a_key() {
            self.dial_soon(cx);
        }
        if self.settings.auth.contains(&AuthMethod::Agent) {
            self.lift(Fault::another_key_may_help, cx);
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
                    self.hang_up_own(Then::Block(fault), cx);
                }
            }
            (QuestionKind::HostKey(key), Answer::AcceptHostKey) => {
                self.dial_granted(Grant::HostKey(key), cx);
            }
            (QuestionKind::Password { .. }, Answer::Secret { value, remember }) => {
                self.try_password_again(Some(value.clone()), cx);
                self.dial_granted(Grant::Password { value, remember }, cx);
            }
            (QuestionKind::Passphrase { key, .. }, Answer::Secret { value, remember }) => {
                let grant = Grant::Passphrase {
                    key,
                    value,
                    remember,
                };
                self.dial_granted(grant, cx);
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

    /// The user goes on where the server took none of the credentials. Among them may be a password
    /// whose verdict was lost twice: it is worth another try, since the user wants one.
    fn leave_rejection(&self, cx: &mut Context<'_>) {
        if let State::Blocked {
            fault: Fault::AuthenticationRejected { .. },
            ..
        } = &self.state
        {
            self.try_password_again(None, cx);
        }
    }

    fn try_password_again(&self, typed: Option<Secret>, cx: &mut Context<'_>) {
        cx.actions.push_back(Action::TryPasswordAgain {
            settings: Arc::clone(&self.settings),
            typed,
        });
    }

    /// The vault has a password now; where one is missing, it is the answer.
    pub(super) fn password_given(&mut self, cx: &mut Context<'_>) {
        // It is newer than one that was typed for a dial.
        self.granted.drop_password();
        self.lift(Fault::a_password_may_help, cx);
        match &mut self.state {
            State::Blocked { fault, .. } if fault.a_password_may_help() => self.dial(cx),
            State::Dialing { password_given, .. } => *password_given = true,
            State::Idle
            | State::Live(_)
            | State::HangingUp { .. }
            | State::Waiting { .. }
            | State::Blocked { .. } => {}
        }
    }

    /// The keys of this server are being forgotten, also one that was accepted and is not recorded yet.
    pub(super) fn forget_host_keys(&mut self, host: &str, port: u16) {
        self.granted.drop_host_key(host, port);
    }

    /// An event of the session that `attempt` made. This is the one place where stale ones go.
    pub(super) fn session(&mut self, attempt: Attempt, event: SessionEvent, cx: &mut Context<'_>) {
        if self.state.session() == Some(attempt) {
            self.session_event(event, cx);
        } else if self.state.live().and_then(Live::successor) == Some(attempt) {
            self.successor_event(attempt, event, cx);
        } else if self.suspects.trial == Some(attempt) {
            self.trial_event(event, cx);
        } else if self.leaving.as_ref().map(|leaving| leaving.attempt) == Some(attempt) {
            self.leaving_event(&event);
        }
    }

    pub(super) fn probed(
        &mut self,
        asked: &ForwardSettings,
        attempt: Attempt,
        health: Health,
        cx: &mut Context<'_>,
    ) {
        if self.live_attempt() != Some(attempt) {
            return;
        }
        if let Some(forward) = self.forward(&asked.id) {
            forward.probed(asked, health, cx.now, cx.rng);
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
        let live = self.state.live().is_some_and(|live| !live.is_silent());
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
        if same_session {
            self.forget_lost_suspects(cx);
        } else {
            self.granted.drop_all();
            self.forget_suspects(cx);
        }
        if same_session || self.target == Target::Down {
            return;
        }
        self.backoff.reset();
        self.leave_rejection(cx);
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
        let now = cx.now;
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.leaving.as_ref().and_then(Leaving::until)) {
            self.leaving = None;
        }
        if due(self.room_due()) {
            self.hasten_leaving(cx);
        }
        let succeed = due(self.successor_due());
        self.granted.tick(cx.now);
        match &mut self.state {
            State::Waiting { at, .. } if *at <= cx.now => self.dial(cx),
            State::Dialing {
                question: Some(question),
                ..
            } if due(question.expires) => {
                let server = self.settings.server();
                self.hang_up_own(Then::Block(Fault::QuestionTimeout { server }), cx);
            }
            State::Dialing { until, stage, .. } if due(*until) => {
                *until = None;
                if !is_at_the_server(*stage) {
                    self.hang_up_own(Then::Dial, cx);
                }
            }
            State::HangingUp { until, .. } if *until <= cx.now => self.ended(None, cx),
            State::Live(live) => {
                let prove = matches!(live.trust, Trust::ProveAt(at) if at <= cx.now);
                let renew = due(live.dial_until());
                if prove {
                    self.prove(cx);
                }
                if renew {
                    self.renew_successor(cx);
                }
                if succeed {
                    self.dial_successor(cx);
                }
            }
            State::Idle
            | State::Dialing { .. }
            | State::HangingUp { .. }
            | State::Waiting { .. }
            | State::Blocked { .. } => {}
        }
        if self.trial_due().is_some_and(|at| at <= cx.now) {
            self.begin_trial(cx);
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
            .chain(self.leaving_due())
            .chain(self.successor_due())
            .chain(self.granted.due())
            .chain(self.trial_due())
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

    fn forward(&mut self, id: &ForwardId) -> Option<&mut Forward> {
        self.forwards
            .iter_mut()
            .find(|forward| forward.settings.id == *id)
    }

    fn live_attempt(&self) -> Option<Attempt> {
        self.state.live().map(|live| live.attempt)
    }
}
