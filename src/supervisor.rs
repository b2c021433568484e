//! Decides, for all tunnels, what to do next. Pure: no clock, no socket, no await.
//!
//! [`Supervisor::handle`] takes one [`Input`]; [`Supervisor::poll_action`] gives what is to be done;
//! [`Supervisor::poll_timeout`] says when [`Supervisor::handle_timeout`] wants to be called.

use crate::model::{
    Attempt, ForwardId, ForwardSettings, PresentedKey, Secret, TunnelId, TunnelSettings,
};
use std::sync::Arc;

/// What the engine is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Bind the forward's listener, or try again to; answered by `Input::Listening`.
    /// For a forward that listens already: take the new settings over.
    Listen(Arc<ForwardSettings>),
    /// Close the forward's listener and the connections that came in by it.
    Unlisten(ForwardId),
    /// Start a session; it answers with `Input::Session` events, the last one `Ended`.
    Dial {
        /// Where, and as whom.
        settings: Arc<TunnelSettings>,
        /// The number of this dial.
        attempt: Attempt,
        /// What the user just answered.
        grant: Option<Grant>,
    },
    /// End that session; it still answers `Ended`.
    HangUp {
        /// Whose.
        tunnel: TunnelId,
        /// Which.
        attempt: Attempt,
    },
    /// Give the session the answer that it waits for; `None`: the user gave up, or time ran out.
    Respond {
        /// Whose.
        tunnel: TunnelId,
        /// Which.
        attempt: Attempt,
        /// One for each field.
        responses: Option<Vec<Secret>>,
    },
    /// Ask the service behind a forward how it is; answered by `Input::Probed`.
    Probe {
        /// Which.
        forward: Arc<ForwardSettings>,
        /// Through which session.
        attempt: Attempt,
    },
    /// Keep a password for the tunnel's next dial.
    StorePassword {
        /// For whom.
        settings: Arc<TunnelSettings>,
        /// It.
        value: Secret,
        /// In the system's keyring, not only until Passerelle ends.
        remember: bool,
    },
    /// Forget the tunnel's secrets.
    ClearSecrets(Arc<TunnelSettings>),
}

/// An answer that the next dial starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// This key is the server's: record it, then trust it.
    HostKey(PresentedKey),
    /// The account's password.
    Password {
        /// It.
        value: Secret,
        /// Keep it in the keyring once it has worked.
        remember: bool,
    },
    /// A key file's passphrase.
    Passphrase {
        /// The file.
        key: std::path::PathBuf,
        /// It.
        value: Secret,
        /// Keep it in the keyring once it has worked.
        remember: bool,
    },
}
