//! The way to open channels on an authenticated session, shared by forwards and probes.

use super::asked::Asked;
use super::channel::OpenChannel;
use super::client::Client;
use super::network::now;
use super::refusals::Refusals;
use super::transport::ConnectionControl;
use super::wear::Wear;
use crate::model::{Attempt, RemoteTarget};
use russh::ChannelOpenFailure;
use russh::client::Handle;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::timeout;

/// How long the server may take to answer a channel open. russh has no bound of its own.
const OPEN_DEADLINE: Duration = Duration::from_secs(10);

/// A channel open that is not answered for this long makes one wonder whether the session still works.
pub(super) const DOUBT: Duration = Duration::from_millis(1500);

/// The links of a tunnel that connections may take: none while there is no session that works, two
/// while one takes over from another. Cheap to clone; clones show the same.
#[derive(Clone, Default)]
pub struct Links(watch::Sender<Vec<Arc<Link>>>);

impl Links {
    /// The link to take now: the newest.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Link>> {
        self.0.borrow().last().cloned()
    }

    /// The link of that dial, if connections may take it.
    #[must_use]
    pub fn of(&self, attempt: Attempt) -> Option<Arc<Link>> {
        let links = self.0.borrow();
        links.iter().find(|link| link.attempt == attempt).cloned()
    }

    /// Connections may take it from now on.
    pub fn show(&self, link: &Arc<Link>) {
        self.0.send_modify(|links| {
            links.retain(|shown| shown.attempt != link.attempt);
            links.push(Arc::clone(link));
            links.sort_by_key(|link| link.attempt);
        });
    }

    /// Connections take the link of that dial no more; those that have stay on it.
    pub fn withdraw(&self, attempt: Attempt) {
        self.0.send_if_modified(|links| {
            let before = links.len();
            links.retain(|link| link.attempt != attempt);
            links.len() != before
        });
    }

    /// Waits until there is a link to take that is not of the `lost` dial.
    pub async fn other_than(&self, lost: Option<Attempt>) {
        self.wait_for(|current| current.is_some() && current != lost)
            .await;
    }

    /// Waits until the link of that dial is not the one to take any more.
    pub async fn changed_from(&self, attempt: Attempt) {
        self.wait_for(|current| current != Some(attempt)).await;
    }

    async fn wait_for(&self, mut wanted: impl FnMut(Option<Attempt>) -> bool) {
        let mut links = self.0.subscribe();
        // The sender is ours, so it is not closed.
        let _ = links
            .wait_for(|links| wanted(links.last().map(|link| link.attempt)))
            .await;
    }
}

/// An authenticated session, as those see it who open channels on it.
pub struct Link {
    handle: Arc<Handle<Client>>,
    attempt: Attempt,
    doubted: Arc<Notify>,
    control: ConnectionControl,
    asked: Asked,
    refusals: Refusals,
    guests: watch::Sender<usize>,
}

/// Someone for whom a session that is to end waits.
pub struct Guest(Arc<Link>);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.guests.send_modify(|guests| *guests -= 1);
    }
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
    /// A link over an authenticated `handle`, whose connection `control` controls; `doubted` is notified
    /// when it may not work any more.
    #[must_use]
    pub fn new(
        handle: Handle<Client>,
        attempt: Attempt,
        doubted: Arc<Notify>,
        control: ConnectionControl,
    ) -> Self {
        Self {
            handle: Arc::new(handle),
            attempt,
            doubted,
            control,
            asked: Asked::default(),
            refusals: Refusals::default(),
            guests: watch::Sender::new(0),
        }
    }

    /// From now on the session, when it is to end, waits for this guest; see [`Link::vacated`].
    #[must_use]
    pub fn guest(self: &Arc<Self>) -> Guest {
        self.guests.send_modify(|guests| *guests += 1);
        Guest(Arc::clone(self))
    }

    /// Resolves when there is no guest.
    pub async fn vacated(&self) {
        // The sender is ours, so it is not closed.
        let _ = self
            .guests
            .subscribe()
            .wait_for(|guests| *guests == 0)
            .await;
    }

    /// The dial that made the session.
    #[must_use]
    pub fn attempt(&self) -> Attempt {
        self.attempt
    }

    /// Resolves when the session has ended.
    pub async fn closed(&self) {
        self.control.gone.cancelled().await;
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
    ) -> Result<OpenChannel, OpenError> {
        let memory = self.control.wear.memory();
        if let Some(refusal) = self.refusals.known(target, memory, now()) {
            return Err(refusal);
        }
        let (answer, answered) = oneshot::channel();
        let handle = Arc::clone(&self.handle);
        let control = self.control.clone();
        let target = target.clone();
        let (asked, refusals) = (self.asked.clone(), self.refusals.clone());
        // In a task of its own: a confirmation that comes after the caller has left would
        // otherwise leave a channel open that nobody owns.
        tokio::spawn(async move {
            // Here and not above: requests are sent in the order in which their tasks begin.
            let waiting = asked.open(&target);
            let began = now();
            let opening = handle.channel_open_direct_tcpip(
                target.host.clone(),
                u32::from(target.port),
                originator.ip().to_string(),
                u32::from(originator.port()),
            );
            let outcome = tokio::select! {
                outcome = opening => {
                    control.turns.answered_after(now() - began);
                    match outcome {
                        Ok(channel) => Ok(OpenChannel::new(channel, &control)),
                        Err(error) => Err(open_error(error, &control.wear)),
                    }
                }
                () = control.gone.cancelled() => Err(OpenError::SessionGone),
            };
            waiting.answered();
            if let Err(refusal) = &outcome
                && *refusal != OpenError::SessionGone
            {
                refusals.refused(target, refusal.clone(), now());
            }
            drop(answer.send(outcome));
        });
        tokio::pin!(answered);
        let mut answer = timeout(DOUBT, &mut answered).await;
        if answer.is_err() {
            self.doubted.notify_one();
            answer = timeout(OPEN_DEADLINE - DOUBT, answered).await;
        }
        match answer {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(OpenError::SessionGone),
            Err(_) => Err(OpenError::Timeout),
        }
    }

    /// Measures one round trip to the server. `None` when the session ends first.
    pub async fn round_trip(&self) -> Option<Duration> {
        let asked = now();
        let waiting = self.asked.ping();
        tokio::select! {
            // russh takes the end of the session for an answer, too.
            biased;
            () = self.control.gone.cancelled() => None,
            pong = self.handle.send_ping() => {
                waiting.answered();
                pong.ok()?;
                let round_trip = now() - asked;
                self.control.turns.answered_after(round_trip);
                Some(round_trip)
            }
        }
    }

    /// The target of the first unanswered request, if that is a channel open.
    #[must_use]
    pub fn unanswered(&self) -> Option<RemoteTarget> {
        self.asked.unanswered()
    }

    /// Says good-bye to the server, as far as it still listens.
    pub async fn disconnect(&self) {
        let _ = self
            .handle
            .disconnect(russh::Disconnect::ByApplication, "", "")
            .await;
    }
}

fn open_error(error: russh::Error, wear: &Wear) -> OpenError {
    let russh::Error::ChannelOpenFailure(refusal) = error else {
        return OpenError::SessionGone;
    };
    wear.channel_refused();
    match refusal {
        ChannelOpenFailure::ConnectFailed => OpenError::Refused,
        ChannelOpenFailure::AdministrativelyProhibited => OpenError::Prohibited,
        ChannelOpenFailure::UnknownChannelType
        | ChannelOpenFailure::ResourceShortage
        | ChannelOpenFailure::Other { .. } => OpenError::Unavailable(format!("{refusal:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::refusals::MUCH;
    use crate::engine::test_server::{self, REFUSED, Server};
    use futures_util::future::join_all;
    use russh::server;
    use tokio::net::TcpStream;
    use tokio_util::sync::CancellationToken;

    /// Serves on the socket until it is to fall silent, and has been asked something after that.
    async fn serve(
        mut socket: TcpStream,
        config: Arc<server::Config>,
        silent: CancellationToken,
    ) -> TcpStream {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        let served = server::run_stream(config, near, Server::new());
        let relayed = tokio::io::copy_bidirectional(&mut socket, &mut far);
        let talk = async { tokio::join!(async { served.await.unwrap().await }, relayed) };
        silent.run_until_cancelled(talk).await;
        socket.readable().await.unwrap();
        socket
    }

    #[tokio::test]
    async fn a_target_that_refuses_is_asked_for_rarely_once_that_costs_too_much() {
        let control = ConnectionControl::default();
        let serve = |socket, config| async move {
            server::run_stream(config, socket, Server::new())
                .await?
                .await
        };
        let (link, _serving) = test_server::link(&control, serve).await;
        let target = RemoteTarget {
            host: "localhost".into(),
            port: REFUSED,
        };
        let open = async || {
            let originator = SocketAddr::from(([127, 0, 0, 1], 5000));
            let refused = link.open(&target, originator).await.err();
            (refused, control.wear.memory())
        };
        let (first, cheap) = open().await;
        assert!(open().await.1 > cheap, "the server was asked again");
        while control.wear.memory() < MUCH {
            control.wear.channel_refused();
        }
        let much = control.wear.memory();
        assert_eq!(open().await, (first, much), "the server was not asked");
    }

    #[tokio::test]
    async fn the_end_of_a_session_is_no_answer() {
        let (control, silent) = (ConnectionControl::default(), CancellationToken::new());
        let till = silent.clone();
        let serve = |socket, config| serve(socket, config, till);
        let (link, serving) = test_server::link(&control, serve).await;
        assert!(link.round_trip().await.is_some());

        silent.cancel();
        // Many, as it is by chance that one takes it for an answer.
        let asking = join_all([(); 32].map(|()| link.round_trip()));
        let ending = async {
            let socket = serving.await;
            control.cut.cancel();
            socket
        };
        let (answers, _socket) = tokio::join!(asking, ending);
        assert_eq!(answers, [None; 32]);
    }
}
