//! The way to open channels on an authenticated session, shared by forwards and probes.

use super::client::Client;
use super::parting::Parcel;
use crate::model::{Attempt, RemoteTarget};
use russh::ChannelOpenFailure;
use russh::client::{Handle, Msg};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

/// The tunnel's link now: `None` while there is no authenticated session.
pub type Links = watch::Receiver<Option<Arc<Link>>>;

/// How long the server may take to answer a channel open. russh has no bound of its own.
const OPEN_DEADLINE: Duration = Duration::from_secs(10);

/// An authenticated session, as those see it who open channels on it.
pub struct Link {
    handle: Arc<Handle<Client>>,
    attempt: Attempt,
    gone: CancellationToken,
}

/// Why a channel could not be opened: RFC 4254 section 5.1, and what lies before an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// `SSH_OPEN_CONNECT_FAILED`: the server could not connect to the target.
    #[error("the server could not connect to the target")]
    Refused,
    /// `SSH_OPEN_ADMINISTRATIVELY_PROHIBITED`: the server's policy forbids the target.
    #[error("the server's policy forbids the target")]
    Prohibited,
    /// The server cannot open channels now, or not of this type.
    #[error("the server refuses the channel: {0}")]
    Unavailable(String),
    /// The server did not answer in time.
    #[error("the server did not answer the channel open in time")]
    Timeout,
    /// The session ended before an answer.
    #[error("the session has ended")]
    SessionGone,
}

impl Link {
    /// A link over an authenticated `handle`; `gone` is cancelled when its session has ended.
    #[must_use]
    pub fn new(handle: Handle<Client>, attempt: Attempt, gone: CancellationToken) -> Self {
        Self {
            handle: Arc::new(handle),
            attempt,
            gone,
        }
    }

    /// The dial that made the session.
    #[must_use]
    pub fn attempt(&self) -> Attempt {
        self.attempt
    }

    /// Resolves when the session has ended.
    pub async fn closed(&self) {
        self.gone.cancelled().await;
    }

    /// Opens a `direct-tcpip` channel (RFC 4254 section 7.2) to `target`, on behalf of the local
    /// `originator`.
    ///
    /// Dropping the future gives the channel up; one that is confirmed afterwards is closed at once.
    ///
    /// # Errors
    /// The server refuses, does not answer within 10 s, or the session ends.
    pub async fn open(
        &self,
        target: &RemoteTarget,
        originator: SocketAddr,
    ) -> Result<russh::Channel<Msg>, OpenError> {
        let (answer, answered) = oneshot::channel();
        let handle = Arc::clone(&self.handle);
        let gone = self.gone.clone();
        let target = target.clone();
        // In a task of its own: a confirmation that comes after the caller has left would
        // otherwise leave a channel open that nobody owns.
        tokio::spawn(async move {
            let opening = handle.channel_open_direct_tcpip(
                target.host,
                u32::from(target.port),
                originator.ip().to_string(),
                u32::from(originator.port()),
            );
            let outcome = tokio::select! {
                outcome = opening => outcome.map(Parcel::new).map_err(open_error),
                () = gone.cancelled() => Err(OpenError::SessionGone),
            };
            drop(answer.send(outcome));
        });
        match tokio::time::timeout(OPEN_DEADLINE, answered).await {
            Ok(Ok(outcome)) => outcome?.open().ok_or(OpenError::SessionGone),
            Ok(Err(_)) => Err(OpenError::SessionGone),
            Err(_) => Err(OpenError::Timeout),
        }
    }

    /// Measures one round trip to the server. `None` when the session ends first.
    pub async fn round_trip(&self) -> Option<Duration> {
        let asked = Instant::now();
        tokio::select! {
            pong = self.handle.send_ping() => pong.ok().map(|()| asked.elapsed()),
            () = self.gone.cancelled() => None,
        }
    }

    /// Says good-bye to the server, as far as it still listens.
    pub async fn disconnect(&self) {
        let _ = self
            .handle
            .disconnect(russh::Disconnect::ByApplication, "", "")
            .await;
    }
}

fn open_error(error: russh::Error) -> OpenError {
    let russh::Error::ChannelOpenFailure(refusal) = error else {
        return OpenError::SessionGone;
    };
    match refusal {
        ChannelOpenFailure::ConnectFailed => OpenError::Refused,
        ChannelOpenFailure::AdministrativelyProhibited => OpenError::Prohibited,
        ChannelOpenFailure::UnknownChannelType
        | ChannelOpenFailure::ResourceShortage
        | ChannelOpenFailure::Other { .. } => OpenError::Unavailable(format!("{refusal:?}")),
    }
}
