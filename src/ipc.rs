//! How the verbs reach the running program: one request for each connection, then its responses,
//! each a line of JSON, over a local socket that no other user can open.
//!
//! Secrets travel here, from the verb that read them to the program that needs them, and nowhere
//! else. Whatever held one is wiped.

mod client;
mod line;
mod secret;
mod server;

pub use client::{CallError, Replies, call};
#[cfg(test)]
pub(crate) use line::RESPONSE_LIMIT;
pub use secret::SecretText;
pub use server::{Call, serve};

use crate::model::{Language, StatusReport, TunnelReport};
use serde::{Deserialize, Serialize};

/// What a verb wants. A tunnel of `None` means the only one that it can be, and for `Up`, `Down`
/// and `Restart` all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// The status, once.
    Status {
        /// The language of its sentences.
        language: Language,
    },
    /// The status now, and again at each change until the caller hangs up.
    Watch {
        /// The language of its sentences.
        language: Language,
    },
    /// Bring it up, or try again now.
    Up {
        /// Which tunnel.
        tunnel: Option<String>,
    },
    /// Take it down.
    Down {
        /// Which tunnel.
        tunnel: Option<String>,
    },
    /// Hang up and dial again.
    Restart {
        /// Which tunnel.
        tunnel: Option<String>,
    },
    /// Wait until a forward works, and tell its address.
    Open {
        /// Which: its name, or `tunnel/name`. `None`: what a click opens.
        forward: Option<String>,
        /// How long to wait, in milliseconds.
        patience: u64,
        /// The language of what is said when it does not work.
        language: Language,
    },
    /// Trust the key that a tunnel's server shows.
    AcceptHostKey {
        /// Which tunnel.
        tunnel: Option<String>,
        /// Only if its fingerprint is this one.
        fingerprint: Option<String>,
    },
    /// What is known of a tunnel's server?
    HostKeys {
        /// Which tunnel.
        tunnel: String,
    },
    /// Forget the key that was accepted for a tunnel's server.
    ForgetHostKey {
        /// Which tunnel.
        tunnel: Option<String>,
    },
    /// Answer the question that stands.
    Answer {
        /// Whose question.
        tunnel: String,
        /// Which one.
        question: u64,
        /// The answer.
        answer: Reply,
    },
    /// Take the account's password.
    SetPassword {
        /// Which tunnel.
        tunnel: Option<String>,
        /// It.
        value: SecretText,
        /// Keep it in the system's keyring.
        remember: bool,
    },
    /// Forget a tunnel's passwords and passphrases.
    ClearSecrets {
        /// Which tunnel.
        tunnel: Option<String>,
    },
    /// Show the user that it is there.
    Show,
    /// Take everything down and end. The connection stays open until that is done.
    Quit,
}

/// An answer to a standing question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// A password or passphrase.
    Secret {
        /// It.
        value: SecretText,
        /// Keep it in the system's keyring once it has worked.
        remember: bool,
    },
    /// One for each field.
    Responses(Vec<SecretText>),
    /// No answer.
    Cancel,
}

/// A recorded host key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownKeyReport {
    /// Its type.
    pub algorithm: String,
    /// Its `SHA256:…`.
    pub fingerprint: String,
    /// Where it is recorded, `file:line`.
    pub source: String,
}

/// What the running program says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// It is done, or under way.
    Done,
    /// The status.
    Status(Box<StatusReport>),
    /// The forward works.
    Works {
        /// Its address for the browser.
        url: String,
    },
    /// The forward did not work in time, or will not without the user.
    DoesNotWork {
        /// The forward's name.
        forward: String,
        /// Its tunnel, which tells why.
        tunnel: Box<TunnelReport>,
    },
    /// This host key is accepted.
    Accepted {
        /// Its `SHA256:…`.
        fingerprint: String,
    },
    /// The keys by which a tunnel's server is recognised.
    HostKeys {
        /// The pinned `SHA256:…`; where there are any, only they count.
        pinned: Vec<String>,
        /// The recorded ones.
        known: Vec<KnownKeyReport>,
    },
    /// So many recorded keys were forgotten.
    Forgot {
        /// Their number.
        keys: usize,
    },
    /// It cannot be done.
    Refused(Refusal),
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// No tunnel has that name.
    NoSuchTunnel {
        /// The names there are.
        known: Vec<String>,
    },
    /// There are several, and the request must say which.
    WhichTunnel {
        /// The names there are.
        known: Vec<String>,
    },
    /// No forward has that name, or several have.
    NoSuchForward {
        /// The names there are, as `tunnel/name`.
        known: Vec<String>,
    },
    /// The configuration gives nothing to open there.
    NothingToOpen,
    /// It runs without a desktop.
    NothingToShow,
    /// The tunnel asks nothing of that kind.
    NothingAsked,
    /// The question has been answered, or has lapsed.
    QuestionGone,
    /// The server shows another fingerprint than the given one.
    OtherFingerprint {
        /// The one it shows.
        shown: String,
    },
    /// The file of accepted keys cannot be changed.
    KnownHosts {
        /// The file.
        path: String,
        /// What the system says.
        detail: String,
    },
    /// A file of known host keys is there and cannot be read.
    KnownHostsUnreadable {
        /// The file.
        path: String,
        /// What the system says.
        detail: String,
    },
    /// Nothing comes of a file: its disk or share is gone.
    FileSilent {
        /// The file.
        path: String,
    },
    /// The system's keyring did not do what was asked; for this run it is as asked.
    Keyring {
        /// What it says.
        detail: String,
    },
    /// The request makes no sense to this version.
    NotUnderstood {
        /// What is wrong with it.
        detail: String,
    },
    /// The response is longer than any that is sent.
    TooLong,
    /// The program is ending.
    Ending,
}
