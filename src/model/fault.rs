//! What can go wrong, as values. `i18n` turns them into words; the supervisor asks how to recover.

use super::{AuthMethod, PresentedKey};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What went wrong with a tunnel or a forward, with what the message needs.
///
/// A `detail` is a technical word for the log and the small print: never a secret, and untrusted
/// where it comes from the network, so whoever shows it strips control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each field is a word of its variant's sentence"
)]
pub enum Fault {
    /// The server's name does not resolve.
    NameNotResolved { host: String, detail: String },
    /// No route to any address of the server.
    NoRoute { server: String, detail: String },
    /// The server's machine answered that nothing listens there.
    ConnectionRefused { server: String },
    /// There is a way to the server, and none of its addresses answered in time.
    ConnectTimeout { server: String },
    /// The connection failed in another way.
    ConnectFailed { server: String, detail: String },
    /// The server closed the connection before its banner, as sshd does past `MaxStartups`.
    ServerBusy { server: String, detail: String },
    /// What answered does not speak SSH 2.
    NotSsh { server: String, detail: String },
    /// Banner and key exchange took too long.
    HandshakeTimeout { server: String },
    /// The key exchange failed.
    HandshakeFailed { server: String, detail: String },
    /// No algorithm in common.
    NoCommonAlgorithm { server: String, detail: String },

    /// Nobody has said yet that this key is the server's.
    HostKeyUnknown { key: PresentedKey },
    /// The server shows another key than the known ones.
    HostKeyChanged {
        key: PresentedKey,
        known: Vec<String>,
        source: String,
    },
    /// The server shows a key that is marked `@revoked`.
    HostKeyRevoked { key: PresentedKey, source: String },
    /// The server shows a key that is not one of the pinned ones.
    HostKeyNotPinned {
        key: PresentedKey,
        pinned: Vec<String>,
    },
    /// The host is known by `@cert-authority` only, which Passerelle does not do.
    HostCertificateUnsupported { host: String, source: String },
    /// A known_hosts file is there and cannot be read.
    KnownHostsUnreadable { path: PathBuf, detail: String },
    /// A file that the dial needs is there, and nothing comes of it: its disk or share is gone.
    FileTimeout { path: PathBuf },
    /// The accepted key could not be recorded.
    KnownHostsUnwritable {
        key: PresentedKey,
        path: PathBuf,
        detail: String,
    },

    /// The server takes none of the credentials.
    AuthenticationRejected {
        user: String,
        server: String,
        tried: Vec<AuthMethod>,
        offered: Vec<String>,
        detail: String,
    },
    /// There is no credential to try that the server would take.
    NoCredential {
        user: String,
        server: String,
        offered: Vec<String>,
        detail: String,
    },
    /// The server wants a password, and none is known (or the known one was `rejected`).
    PasswordNeeded {
        user: String,
        server: String,
        rejected: bool,
    },
    /// A key is encrypted, and its passphrase is not known (or the known one was `rejected`).
    PassphraseNeeded { key: PathBuf, rejected: bool },
    /// Authentication took too long.
    AuthenticationTimeout { server: String },
    /// The server asked, and nobody answered in time.
    QuestionTimeout { server: String },
    /// The connection ended while the server waited for an answer.
    QuestionLost { server: String },
    /// The user refused to answer.
    QuestionCancelled { server: String },

    /// The server said good-bye: SSH_MSG_DISCONNECT, RFC 4253 section 11.1.
    Disconnected {
        server: String,
        reason: u32,
        message: String,
    },
    /// The connection broke.
    ConnectionLost { server: String, detail: String },
    /// The server did not answer three keepalives.
    KeepaliveTimeout { server: String },

    /// Another program has the forward's port.
    PortTaken {
        address: SocketAddr,
        owner: Option<PortOwner>,
    },
    /// The system keeps the port for itself.
    PortReserved { address: SocketAddr },
    /// The port cannot be bound for another reason.
    BindFailed { address: SocketAddr, detail: String },

    /// A defect of ours.
    Internal { detail: String },
}

/// The process that holds a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortOwner {
    /// Its number.
    pub pid: u32,
    /// Its program's name, where the system tells.
    pub process: Option<String>,
}

/// What ends a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Trying again, by itself.
    Retry,
    /// A network that leads there.
    AwaitNetwork,
    /// The user, an administrator, or a change of configuration. Never tried again by itself.
    AwaitUser,
}

impl Fault {
    /// How it recovers.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        match self {
            Self::NameNotResolved { .. } | Self::NoRoute { .. } => Recovery::AwaitNetwork,
            Self::ConnectionRefused { .. }
            | Self::ConnectTimeout { .. }
            | Self::ConnectFailed { .. }
            | Self::ServerBusy { .. }
            | Self::NotSsh { .. }
            | Self::HandshakeTimeout { .. }
            | Self::HandshakeFailed { .. }
            | Self::FileTimeout { .. }
            | Self::AuthenticationTimeout { .. }
            | Self::Disconnected { .. }
            | Self::ConnectionLost { .. }
            | Self::KeepaliveTimeout { .. }
            | Self::PortTaken { .. }
            | Self::PortReserved { .. }
            | Self::BindFailed { .. } => Recovery::Retry,
            Self::NoCommonAlgorithm { .. }
            | Self::HostKeyUnknown { .. }
            | Self::HostKeyChanged { .. }
            | Self::HostKeyRevoked { .. }
            | Self::HostKeyNotPinned { .. }
            | Self::HostCertificateUnsupported { .. }
            | Self::KnownHostsUnreadable { .. }
            | Self::KnownHostsUnwritable { .. }
            | Self::AuthenticationRejected { .. }
            | Self::NoCredential { .. }
            | Self::PasswordNeeded { .. }
            | Self::PassphraseNeeded { .. }
            | Self::QuestionTimeout { .. }
            | Self::QuestionLost { .. }
            | Self::QuestionCancelled { .. }
            | Self::Internal { .. } => Recovery::AwaitUser,
        }
    }

    /// Whether a key that an SSH agent takes in may lift it.
    #[must_use]
    pub fn another_key_may_help(&self) -> bool {
        matches!(
            self,
            Self::AuthenticationRejected { .. }
                | Self::NoCredential { .. }
                | Self::PasswordNeeded { .. }
                | Self::PassphraseNeeded { .. }
        )
    }

    /// Whether a password for the account may lift it.
    #[must_use]
    pub fn a_password_may_help(&self) -> bool {
        matches!(
            self,
            Self::AuthenticationRejected { .. }
                | Self::NoCredential { .. }
                | Self::PasswordNeeded { .. }
        )
    }

    /// Whether a live question of the server went without an answer, and not by the user's choice.
    #[must_use]
    pub fn is_lapsed_question(&self) -> bool {
        matches!(
            self,
            Self::QuestionTimeout { .. } | Self::QuestionLost { .. }
        )
    }

    /// The least time to leave the server alone after it.
    #[must_use]
    pub fn least_delay(&self) -> Duration {
        // A server that sheds load is not helped by coming back at once.
        if matches!(
            self,
            Self::ServerBusy { .. } | Self::AuthenticationTimeout { .. }
        ) {
            Duration::from_secs(5)
        } else {
            Duration::ZERO
        }
    }

    /// A stable word for scripts: `status --json` has it as `fault.code`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NameNotResolved { .. } => "name_not_resolved",
            Self::NoRoute { .. } => "no_route",
            Self::ConnectionRefused { .. } => "connection_refused",
            Self::ConnectTimeout { .. } => "connect_timeout",
            Self::ConnectFailed { .. } => "connect_failed",
            Self::ServerBusy { .. } => "server_busy",
            Self::NotSsh { .. } => "not_ssh",
            Self::HandshakeTimeout { .. } => "handshake_timeout",
            Self::HandshakeFailed { .. } => "handshake_failed",
            Self::NoCommonAlgorithm { .. } => "no_common_algorithm",
            Self::HostKeyUnknown { .. } => "host_key_unknown",
            Self::HostKeyChanged { .. } => "host_key_changed",
            Self::HostKeyRevoked { .. } => "host_key_revoked",
            Self::HostKeyNotPinned { .. } => "host_key_not_pinned",
            Self::HostCertificateUnsupported { .. } => "host_certificate_unsupported",
            Self::KnownHostsUnreadable { .. } => "known_hosts_unreadable",
            Self::FileTimeout { .. } => "file_timeout",
            Self::KnownHostsUnwritable { .. } => "known_hosts_unwritable",
            Self::AuthenticationRejected { .. } => "authentication_rejected",
            Self::NoCredential { .. } => "no_credential",
            Self::PasswordNeeded { .. } => "password_needed",
            Self::PassphraseNeeded { .. } => "passphrase_needed",
            Self::AuthenticationTimeout { .. } => "authentication_timeout",
            Self::QuestionTimeout { .. } => "question_timeout",
            Self::QuestionLost { .. } => "question_lost",
            Self::QuestionCancelled { .. } => "question_cancelled",
            Self::Disconnected { .. } => "disconnected",
            Self::ConnectionLost { .. } => "connection_lost",
            Self::KeepaliveTimeout { .. } => "keepalive_timeout",
            Self::PortTaken { .. } => "port_taken",
            Self::PortReserved { .. } => "port_reserved",
            Self::BindFailed { .. } => "bind_failed",
            Self::Internal { .. } => "internal",
        }
    }
}
