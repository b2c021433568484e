//! What is true now, for everyone who shows it. It holds moments, not countdowns: equal snapshots
//! mean that there is nothing to redraw.

use super::{
    Attempt, AuthMethod, Fault, ForwardId, ForwardSettings, Health, HealthCheck, HealthState,
    Question, ServerInfo, Stage, TunnelId, TunnelSettings,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The whole state, as of the last change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The tunnels, in the configuration's order.
    pub tunnels: Vec<TunnelView>,
    /// Why the configuration on disk is not the one in force: the first errors, and how many more
    /// there are. Empty when it is in force.
    pub settings_errors: Arc<[String]>,
    /// Everything is being taken down.
    pub quitting: bool,
}

impl Snapshot {
    /// The tunnel of that identity.
    #[must_use]
    pub fn tunnel(&self, id: &TunnelId) -> Option<&TunnelView> {
        self.tunnels.iter().find(|tunnel| tunnel.id() == id)
    }
}

/// What the user wants of a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Up, and kept up.
    Up,
    /// Down.
    Down,
}

/// What is true of a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Down, as wanted.
    Stopped,
    /// A dial is under way.
    Connecting,
    /// The session lives, and every forward with something to open works.
    Healthy,
    /// The session lives, and a forward does not work, or is not known to.
    Degraded,
    /// The last dial failed; the next has a date.
    Waiting,
    /// There is no network that leads there.
    Offline,
    /// Only the user, or a change of configuration, can help.
    Blocked,
    /// Being taken down.
    Stopping,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Stopped,
        Self::Connecting,
        Self::Healthy,
        Self::Degraded,
        Self::Waiting,
        Self::Offline,
        Self::Blocked,
        Self::Stopping,
    ];

    /// A stable word for scripts: `status --json` has it as `phase`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Connecting => "connecting",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Waiting => "waiting",
            Self::Offline => "offline",
            Self::Blocked => "blocked",
            Self::Stopping => "stopping",
        }
    }
}

/// One tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelView {
    /// Its configuration in force.
    pub settings: Arc<TunnelSettings>,
    /// What the user wants.
    pub target: Target,
    /// What is true.
    pub phase: Phase,
    /// Since when the phase has been so.
    pub since: Instant,
    /// How far the dial is, while connecting.
    pub stage: Option<Stage>,
    /// The current or last dial.
    pub attempt: Option<Attempt>,
    /// The server at the other end, while a session lives.
    pub server: Option<ServerInfo>,
    /// The last round trip measured, while a session lives.
    pub round_trip: Option<Duration>,
    /// Why it is not healthy.
    pub fault: Option<Fault>,
    /// When the next dial is due, while waiting or offline.
    pub next_dial: Option<Instant>,
    /// What the user is asked.
    pub question: Option<Question>,
    /// Its forwards, in the configuration's order.
    pub forwards: Vec<ForwardView>,
}

impl TunnelView {
    /// Who it is.
    #[must_use]
    pub fn id(&self) -> &TunnelId {
        &self.settings.id
    }

    /// Whether a key that an SSH agent takes in may bring it up.
    #[must_use]
    pub fn awaits_a_key(&self) -> bool {
        self.phase == Phase::Blocked
            && self.settings.auth.contains(&AuthMethod::Agent)
            && self.fault.as_ref().is_some_and(Fault::another_key_may_help)
    }

    /// The forward that a click opens: the primary one, else the first with something to open.
    #[must_use]
    pub fn primary(&self) -> Option<&ForwardView> {
        let mut openable = self
            .forwards
            .iter()
            .filter(|forward| forward.settings.open.is_some());
        openable
            .clone()
            .find(|forward| forward.settings.primary)
            .or_else(|| openable.next())
    }
}

/// One forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardView {
    /// Its configuration in force.
    pub settings: Arc<ForwardSettings>,
    /// Its listener is bound.
    pub listening: bool,
    /// Why its listener is not bound.
    pub fault: Option<Fault>,
    /// What the last probe through the live SSH session found.
    pub health: Health,
    /// The server answers nothing else while it connects to the target, so connections are refused.
    pub avoided: bool,
    /// When it was last found to work for someone who had just asked. Probes that nobody waits for
    /// do not change it.
    pub confirmed: Option<Instant>,
}

impl ForwardView {
    /// Who it is.
    #[must_use]
    pub fn id(&self) -> &ForwardId {
        &self.settings.id
    }

    /// Whether a browser would reach the service through it.
    #[must_use]
    pub fn works(&self) -> bool {
        self.listening && self.health.state == HealthState::Ok
    }

    /// Whether that is known from an answer that came after `asked`. A service that is never asked
    /// counts as found to work.
    #[must_use]
    pub fn works_since(&self, asked: Instant) -> bool {
        let never_asked = self.settings.health == HealthCheck::None;
        self.works() && (never_asked || self.confirmed.is_some_and(|at| at >= asked))
    }
}
