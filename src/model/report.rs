//! The status as scripts see it: what `passerelle status --json` prints. Field names and codes are
//! a promise; texts are in the user's language and are not.

use serde::{Deserialize, Serialize};

/// The whole status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Passerelle's version.
    pub version: String,
    /// The tunnels, in the configuration's order.
    pub tunnels: Vec<TunnelReport>,
    /// Why the configuration on disk is not the one in force: the first errors, and how many more
    /// there are. Empty when it is in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config_errors: Vec<String>,
}

/// One tunnel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TunnelReport {
    /// Its name.
    pub name: String,
    /// `up` or `down`: what the user wants.
    pub target: String,
    /// What is true: [`super::Phase::code`].
    pub phase: String,
    /// Since when, RFC 3339, UTC.
    pub since: String,
    /// `user@host:port`.
    pub server: String,
    /// The number of the current or last dial; 0 before the first.
    pub attempt: u64,
    /// The last round trip in milliseconds, while a session lives.
    pub rtt_ms: Option<f64>,
    /// When the next dial is due, RFC 3339, UTC.
    pub next_dial: Option<String>,
    /// Why it is not healthy.
    pub fault: Option<FaultReport>,
    /// What the user is asked.
    pub question: Option<QuestionReport>,
    /// Its forwards.
    pub forwards: Vec<ForwardReport>,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultReport {
    /// [`super::Fault::code`].
    pub code: String,
    /// What failed, on what.
    pub message: String,
    /// What to do now.
    pub hint: String,
}

/// What the user is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuestionReport {
    /// Its number, to answer it by.
    pub id: u64,
    /// `host_key`, `password`, `passphrase` or `interactive`.
    pub kind: String,
    /// The question in words.
    pub message: String,
    /// For `host_key`: the `SHA256:…` to compare.
    pub fingerprint: Option<String>,
    /// For `host_key`: the key's type.
    pub algorithm: Option<String>,
    /// For `interactive`: the fields' labels, and whether what is typed may be shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<(String, bool)>,
}

/// One forward.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForwardReport {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub local: String,
    /// Where it leads.
    pub remote: String,
    /// What to open in the browser.
    pub url: Option<String>,
    /// [`super::HealthState::code`], or `not_listening`.
    pub health: String,
    /// One sentence about it, empty when there is nothing to say.
    pub detail: String,
    /// Local connections now open.
    pub connections: u64,
    /// Bytes received from the server since Passerelle started.
    pub bytes_in: u64,
    /// Bytes sent to the server since Passerelle started.
    pub bytes_out: u64,
}
