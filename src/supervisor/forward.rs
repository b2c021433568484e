//! One forward, as the supervisor sees it: is its listener bound, is its service well, and when to
//! ask again.
//!
//! A service that works is asked each 10 s. One that does not is asked each 2 s at first, so that a
//! container that starts again is found within seconds, and then more rarely the longer it has been
//! away. Whatever makes an answer likely starts that time anew: somebody who asks, a new session, other
//! settings, another network.

use super::Action;
use crate::model::{
    Attempt, Fault, ForwardSettings, ForwardView, Health, HealthCheck, HealthReason, HealthState,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a port that could not be bound is left alone.
const LISTEN_RETRY: Duration = Duration::from_secs(3);

/// The longest pause between two probes of a service that works.
const PROBE_WELL: Duration = Duration::from_secs(10);

/// The longest pause between two probes of a service that does not work: an eighth of the time for which
/// it has not worked, within these bounds.
const PROBE_UNWELL_LEAST: Duration = Duration::from_secs(2);
const PROBE_UNWELL_MOST: Duration = Duration::from_secs(30);
const PROBE_UNWELL_SHARE: u32 = 8;

/// Jitter: the share of a pause that may be missing. Many machines that lost a service at the same moment
/// do not ask for it in step.
const JITTER_WELL: f64 = 0.1;
const JITTER_UNWELL: f64 = 0.25;

#[derive(Debug)]
pub(super) struct Forward {
    pub(super) settings: Arc<ForwardSettings>,
    listener: Listener,
    health: Health,
    /// Since when the service is known not to work, or since something made an answer likely.
    unwell_since: Option<Instant>,
    probe: Probe,
    /// The server answers nothing else while it connects to the target: it must not be probed.
    avoided: bool,
    /// Somebody waits for the next answer.
    awaited: bool,
    confirmed: Option<Instant>,
}

#[derive(Debug)]
enum Listener {
    Closed,
    Binding,
    Bound,
    Failed { fault: Fault, retry: Instant },
}

#[derive(Debug)]
enum Probe {
    /// There is no session to ask through, or nothing to ask.
    Off,
    Due(Instant),
    UnderWay,
}

impl Forward {
    pub(super) fn new(settings: Arc<ForwardSettings>) -> Self {
        Self {
            settings,
            listener: Listener::Closed,
            health: Health::default(),
            unwell_since: None,
            probe: Probe::Off,
            avoided: false,
            awaited: false,
            confirmed: None,
        }
    }

    /// Its tunnel is wanted: listen, if it does not.
    pub(super) fn open(&mut self, actions: &mut VecDeque<Action>) {
        if matches!(self.listener, Listener::Closed) {
            self.listener = Listener::Binding;
            self.listen(actions);
        }
    }

    /// Its tunnel is not wanted any more, or it itself is not.
    pub(super) fn close(&mut self, actions: &mut VecDeque<Action>) {
        if !matches!(self.listener, Listener::Closed) {
            self.listener = Listener::Closed;
            actions.push_back(Action::Unlisten(self.settings.id.clone()));
        }
    }

    /// Other settings for the same forward. What the difference does not touch goes on; a listener
    /// whose address changed is closed, and [`Forward::open`] opens it anew.
    pub(super) fn change(
        &mut self,
        settings: Arc<ForwardSettings>,
        now: Instant,
        actions: &mut VecDeque<Action>,
    ) {
        let old = std::mem::replace(&mut self.settings, settings);
        if old == self.settings {
            return;
        }
        let session_lives =
            !matches!(self.probe, Probe::Off) || self.health.state == HealthState::Ok;
        if old.health != self.settings.health || old.remote != self.settings.remote {
            self.session_down();
        }
        if session_lives {
            self.session_up(now);
        }
        if matches!(self.listener, Listener::Closed) {
            return;
        }
        if old.local == self.settings.local {
            self.listen(actions);
        } else {
            self.close(actions);
        }
    }

    pub(super) fn listening(&mut self, result: Result<(), Fault>, now: Instant) {
        if matches!(self.listener, Listener::Closed) {
            return;
        }
        self.listener = match result {
            Ok(()) => Listener::Bound,
            Err(fault) => Listener::Failed {
                fault,
                retry: now + LISTEN_RETRY,
            },
        };
    }

    /// A session stands: ask now. What another one found stays shown until there is an answer.
    pub(super) fn session_up(&mut self, now: Instant) {
        self.unwell_since = None;
        if self.avoided {
            self.probe = Probe::Off;
        } else if self.settings.health == HealthCheck::None {
            self.health = Health::ok();
            self.probe = Probe::Off;
        } else {
            self.probe = Probe::Due(now);
        }
    }

    /// The session is over: what was known through it is void.
    pub(super) fn session_down(&mut self) {
        self.health = Health::default();
        self.unwell_since = None;
        self.probe = Probe::Off;
        self.confirmed = None;
    }

    /// Sets whether the target is avoided. `live`: there is a session that works.
    pub(super) fn avoid(&mut self, avoided: bool, live: bool, now: Instant) {
        if avoided == self.avoided {
            return;
        }
        self.avoided = avoided;
        self.session_down();
        if live {
            self.session_up(now);
        }
    }

    /// Somebody wants to know now, or to have the port now.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.awaited = true;
        self.ask_by(now, now);
        if let Listener::Failed { retry, .. } = &mut self.listener {
            *retry = now;
        }
    }

    /// Something makes an answer likely: a service that does not work is asked often again.
    pub(super) fn renew(&mut self, now: Instant) {
        if self.unwell_since.is_some() {
            self.ask_by(now + PROBE_UNWELL_LEAST, now);
        }
    }

    /// Brings the next probe forward, and starts the time anew for which the service has not worked.
    fn ask_by(&mut self, by: Instant, now: Instant) {
        self.unwell_since = self.unwell_since.map(|_| now);
        if let Probe::Due(at) = &mut self.probe {
            *at = by.min(*at);
        }
    }

    /// A port that could not be bound may be free by then.
    pub(super) fn listen_at(&mut self, at: Instant) {
        if let Listener::Failed { retry, .. } = &mut self.listener {
            *retry = at.min(*retry);
        }
    }

    /// A probe came back; `asked` is what the forward was when it was asked.
    pub(super) fn probed(
        &mut self,
        asked: &ForwardSettings,
        health: Health,
        now: Instant,
        rng: &mut fastrand::Rng,
    ) {
        // The answer of another service than the present one says nothing.
        if !matches!(self.probe, Probe::UnderWay) || *asked != *self.settings {
            return;
        }
        let (most, jitter) = if health.state == HealthState::Ok {
            self.unwell_since = None;
            (PROBE_WELL, JITTER_WELL)
        } else {
            let since = *self.unwell_since.get_or_insert(now);
            let share = now.saturating_duration_since(since) / PROBE_UNWELL_SHARE;
            let most = share.clamp(PROBE_UNWELL_LEAST, PROBE_UNWELL_MOST);
            (most, JITTER_UNWELL)
        };
        if self.awaited && health.state == HealthState::Ok {
            self.awaited = false;
            self.confirmed = Some(now);
        }
        self.health = health;
        self.probe = Probe::Due(now + most.mul_f64(1.0 - jitter * rng.f64()));
    }

    /// Does what is due; `session` is the one to probe through.
    pub(super) fn tick(
        &mut self,
        session: Option<Attempt>,
        now: Instant,
        actions: &mut VecDeque<Action>,
    ) {
        if let Listener::Failed { retry, .. } = &mut self.listener
            && *retry <= now
        {
            // It stays shown as failed until the new try has an outcome: no flicker.
            *retry = now + LISTEN_RETRY;
            self.listen(actions);
        }
        if let (Probe::Due(at), Some(attempt)) = (&self.probe, session)
            && *at <= now
        {
            self.probe = Probe::UnderWay;
            actions.push_back(Action::Probe {
                forward: Arc::clone(&self.settings),
                attempt,
            });
        }
    }

    /// When [`Forward::tick`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        let listen = match self.listener {
            Listener::Failed { retry, .. } => Some(retry),
            Listener::Closed | Listener::Binding | Listener::Bound => None,
        };
        let probe = match self.probe {
            Probe::Due(at) => Some(at),
            Probe::Off | Probe::UnderWay => None,
        };
        listen.into_iter().chain(probe).min()
    }

    pub(super) fn view(&self) -> ForwardView {
        ForwardView {
            settings: Arc::clone(&self.settings),
            listening: matches!(self.listener, Listener::Bound),
            fault: match &self.listener {
                Listener::Failed { fault, .. } => Some(fault.clone()),
                Listener::Closed | Listener::Binding | Listener::Bound => None,
            },
            health: if self.avoided {
                let remote = self.settings.remote.to_string();
                let reason = HealthReason::StopsTheServer { remote };
                Health::because(HealthState::Unreachable, reason)
            } else {
                self.health.clone()
            },
            avoided: self.avoided,
            confirmed: self.confirmed,
        }
    }

    fn listen(&self, actions: &mut VecDeque<Action>) {
        actions.push_back(Action::Listen(Arc::clone(&self.settings)));
    }
}
