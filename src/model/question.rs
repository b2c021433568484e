//! What only a person can answer. A question is state: it stands in the snapshot until a command
//! answers it, so tray, window and command line all see the same one.

use std::fmt;
use std::time::Instant;
use zeroize::Zeroizing;

/// The number of a question. It only grows, so a late answer never meets another question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuestionId(pub u64);

/// A question that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Which one.
    pub id: QuestionId,
    /// What is asked.
    pub kind: QuestionKind,
    /// When it lapses, for one that a live connection waits for; the others wait as long as it takes.
    pub expires: Option<Instant>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuestionKind {
    /// Is this key the server's?
    HostKey(PresentedKey),
    /// The account's password.
    Password {
        /// The account.
        user: String,
        /// `user@host:port`.
        server: String,
        /// The last one was wrong.
        rejected: bool,
    },
    /// A key file's passphrase.
    Passphrase {
        /// The file.
        key: std::path::PathBuf,
        /// The last one was wrong.
        rejected: bool,
    },
    /// What the server asks by keyboard-interactive, RFC 4256. Untrusted text.
    Interactive {
        /// Title, may be empty.
        name: String,
        /// Text above the fields, may be empty.
        instruction: String,
        /// The fields.
        prompts: Vec<InteractivePrompt>,
    },
}

/// A field of a keyboard-interactive round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InteractivePrompt {
    /// Its label, as the server sent it.
    pub text: String,
    /// Whether what is typed may be shown.
    pub echo: bool,
}

/// The key that a server proved to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedKey {
    /// The server as the configuration names it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The key's type, such as `ssh-ed25519`.
    pub algorithm: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// The key in OpenSSH's form, `type base64`, as known_hosts has it.
    pub line: String,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Yes, this key is the server's.
    AcceptHostKey,
    /// The password or passphrase.
    Secret {
        /// It.
        value: Secret,
        /// Keep it in the system's keyring once it has worked.
        remember: bool,
    },
    /// One response for each field of a keyboard-interactive round.
    Responses(Vec<Secret>),
    /// No answer: give up.
    Cancel,
}

/// A secret of the user's: wiped from memory when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the secret over.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The secret itself: for the one call that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
