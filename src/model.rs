//! The nouns of Passerelle, as plain values: no I/O, no clock, no task.
//!
//! Four of them carry the design, one meaning each:
//!
//! | noun | is |
//! |---|---|
//! | Tunnel | what the user switches on or off: one server, its credentials, its forwards |
//! | Session | one live SSH connection of a tunnel, numbered by its [`Attempt`] |
//! | Forward | one local listener and where it leads |
//! | Probe | one answer to "does the service behind this forward work?" |
//!
//! What the user wants ([`Target`]) is kept apart from what is true ([`Phase`]).

mod fault;
mod health;
mod input;
mod question;
mod report;
#[cfg(test)]
pub(crate) mod samples;
mod settings;
mod snapshot;
mod traffic;

pub use fault::{Fault, PortOwner, Recovery};
pub use health::{Health, HealthReason, HealthState};
pub use input::{Command, Input, ServerInfo, SessionEvent, Stage};
pub use question::{
    Answer, InteractivePrompt, PresentedKey, Question, QuestionId, QuestionKind, Secret,
};
pub use report::{FaultReport, ForwardReport, QuestionReport, StatusReport, TunnelReport};
pub use settings::{
    AuthMethod, ForwardSettings, HealthCheck, Hold, Language, LocalBind, RemoteTarget, Settings,
    TunnelSettings,
};
pub use snapshot::{ForwardView, Phase, Snapshot, Target, TunnelView};
pub use traffic::{Traffic, TrafficCounters};

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

/// This program's version.
///
/// It is one text in the program, never folded into the code: who makes the next version's package for
/// a test changes that text, instead of building everything anew.
#[must_use]
pub fn version() -> &'static str {
    black_box(env!("CARGO_PKG_VERSION"))
}

/// A tunnel's identity: its name in the configuration, unique within it.
///
/// A reload that keeps the name keeps the tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TunnelId(Arc<str>);

impl TunnelId {
    /// The identity of the tunnel that the configuration calls `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as the configuration has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TunnelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A forward's identity: its tunnel, and its name, unique within the tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ForwardId {
    /// The tunnel that carries it.
    pub tunnel: TunnelId,
    /// Its name in the configuration.
    pub name: Arc<str>,
}

impl ForwardId {
    /// The identity of the forward `name` of `tunnel`.
    #[must_use]
    pub fn new(tunnel: &TunnelId, name: &str) -> Self {
        Self {
            tunnel: tunnel.clone(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ForwardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tunnel, self.name)
    }
}

/// The number of a dial. It only grows, over all tunnels, so an event that
/// carries an older number is recognised as stale wherever it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attempt(pub u64);

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}
