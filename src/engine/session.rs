//! One session, from the host name to its end.
//!
//! Resolve, connect, exchange keys, authenticate, stand: each step under a bound, all of them under
//! one hang-up. Whatever way it ends, its socket is closed and its task is gone when
//! [`Session::run`] returns.

use super::ask::Asker;
use super::auth::Line;
use super::beat::beat;
use super::client::{Client, End};
use super::connect::{self, Connected, Route, Way};
use super::link::{Link, Links};
use super::network::Network;
use super::offer::SessionLimits;
use super::transport::{ConnectionControl, Heard, Transport};
use super::trial::answers_while_connecting;
use super::{auth, identification, offer};
use crate::hostkey::{self, KnownHosts};
use crate::model::{
    Attempt, Fault, Input, Secret, ServerInfo, SessionEvent, Stage, TunnelSettings,
};
use crate::secrets::Vault;
use crate::supervisor::{Grant, Trial};
use russh::client::Handle;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Banner, key exchange and the verdict on the host key.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(15);

/// How long the good-bye may take, and how long russh's task may take to notice that it is cut.
const GOODBYE_DEADLINE: Duration = Duration::from_millis(500);

/// At each beat the server is asked for one round trip. It is given up when it does not answer for so long,
/// and nothing else is heard of it: in all within 33 s. A link that stalls for 20 s loses nothing.
const SILENCE_DEADLINE: Duration = Duration::from_millis(20_500);

/// A session that is doubted has this long to answer. A link that takes longer is of no use to
/// whoever waits, and if it recovers, the session is still there.
pub(super) const PROOF_DEADLINE: Duration = Duration::from_secs(2);

/// How long the connections of a session that another one has replaced may take to end.
const DRAIN: Duration = Duration::from_secs(300);

/// Where host keys are recorded and looked up.
#[derive(Debug, Clone)]
pub struct KnownHostsFiles {
    /// Passerelle's own: read and written.
    pub own: PathBuf,
    /// The user's, as OpenSSH keeps it: read only.
    pub user: Option<PathBuf>,
}

impl KnownHostsFiles {
    /// All of them, in the order of reading.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        std::iter::once(&self.own)
            .chain(&self.user)
            .cloned()
            .collect()
    }
}

/// What a session is made of.
pub struct Session {
    /// Where, and as whom.
    pub settings: Arc<TunnelSettings>,
    /// The number of this dial.
    pub attempt: Attempt,
    /// What the user just answered.
    pub grant: Option<Grant>,
    /// Where host keys are.
    pub known_hosts: KnownHostsFiles,
    /// Where secrets are.
    pub vault: Arc<Vault>,
    /// Where its events go.
    pub inputs: mpsc::Sender<Input>,
    /// Where the user's answers come from.
    pub answers: mpsc::Receiver<Vec<Secret>>,
    /// How it gets to the server.
    pub network: Arc<dyn Network>,
    /// When it begins new keys.
    pub limits: SessionLimits,
    /// Where it shows its link while it stands.
    pub links: Links,
    /// What it is told.
    pub orders: Orders,
}

/// What a session is told while it runs. Cheap to clone; clones tell the same session.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    /// Do this trial before connections may use the session.
    pub trial: Option<Trial>,
    /// End now.
    pub hang_up: CancellationToken,
    /// Take no more connections, and end when the last is over, or after five minutes.
    pub retire: CancellationToken,
    /// Show that you still work.
    pub prove: Arc<Notify>,
}

impl Session {
    /// Lives the session to its end. Returns why it ended; `None` for a hang-up.
    pub async fn run(mut self) -> Option<Fault> {
        let hang_up = self.orders.hang_up.clone();
        let control = ConnectionControl::default();
        // Whatever drops this future cuts the connection, a panic included.
        let _cut = control.cut.clone().drop_guard();
        let established = tokio::select! {
            () = hang_up.cancelled() => None,
            outcome = self.establish(&control) => Some(outcome),
        };
        let fault = match established {
            None => None,
            Some(Err(fault)) => Some(fault),
            Some(Ok((link, server, way))) => self.stand(link, server, way, &control).await,
        };
        control.cut.cancel();
        // Cancelled at once if the connection was never handed to russh.
        let _ = timeout(GOODBYE_DEADLINE, control.gone.cancelled()).await;
        fault
    }

    async fn establish(
        &mut self,
        control: &ConnectionControl,
    ) -> Result<(Link, ServerInfo, Way), Fault> {
        // Until the connection exists, there is nothing that could outlive us.
        let unconnected = control.gone.clone().drop_guard();
        self.record_accepted_key().await?;
        let known = self.known_hosts().await?;
        self.tell(SessionEvent::Stage(Stage::Resolving)).await;
        let addresses =
            connect::resolve(&*self.network, &self.settings.host, self.settings.port).await?;
        self.tell(SessionEvent::Stage(Stage::Connecting)).await;
        let connected =
            connect::connect(&*self.network, &self.settings.server(), &addresses).await?;
        self.tell(SessionEvent::Stage(Stage::Handshake)).await;
        let mut server = ServerInfo {
            address: connected.address,
            round_trip: connected.round_trip,
            algorithms: String::new(),
        };
        let way = connected.way;
        let hung_up = connected.socket.hung_up();
        unconnected.disarm();
        let (mut handle, round_trip) = self.handshake(connected, known, control).await?;
        server.round_trip = round_trip;
        server.algorithms = control.farewell.algorithms();
        self.tell(SessionEvent::Stage(Stage::Authenticating)).await;
        let line = Line::new(&control.farewell, hung_up);
        self.authenticate(&mut handle, &line).await?;
        drop(line);
        let doubted = Arc::clone(&self.orders.prove);
        let link = Link::new(handle, self.attempt, doubted, control.clone());
        Ok((link, server, way))
    }

    /// Records the key that the user just accepted, and reports that at once: whatever comes after it
    /// may fail, and the next dial must not record the key once more.
    async fn record_accepted_key(&self) -> Result<(), Fault> {
        let Some(Grant::HostKey(key)) = self.grant.clone() else {
            return Ok(());
        };
        let own = self.known_hosts.own.clone();
        blocking(move || hostkey::record(&own, &key)).await?;
        self.tell(SessionEvent::HostKeyRecorded).await;
        Ok(())
    }

    /// Reads what is known of the server.
    async fn known_hosts(&self) -> Result<KnownHosts, Fault> {
        let paths = self.known_hosts.paths();
        let (host, port) = (self.settings.host.clone(), self.settings.port);
        blocking(move || KnownHosts::read(&paths).map(|known| known.about(&host, port))).await
    }

    async fn handshake(
        &self,
        connected: Connected,
        known: KnownHosts,
        control: &ConnectionControl,
    ) -> Result<(Handle<Client>, Duration), Fault> {
        let Connected {
            mut socket,
            round_trip,
            ..
        } = connected;
        let algorithms = known.algorithms(&self.settings.host, self.settings.port);
        let exchange = async {
            let identified = identification::exchange(&mut *socket, &control.opening).await?;
            control.wear.identified(&control.opening.text());
            let round_trip = round_trip.max(identified.round_trip);
            let config = Arc::new(offer::config(&algorithms, round_trip, self.limits));
            let transport = Transport::new(socket, identified, control.clone());
            let client = Client::new(Arc::clone(&self.settings), known, control.clone());
            let handle = russh::client::connect_stream(config, transport, client).await?;
            Ok((handle, round_trip))
        };
        let server = self.settings.server();
        match timeout(HANDSHAKE_DEADLINE, exchange).await {
            Ok(Ok(shaken)) => Ok(shaken),
            Ok(Err(error)) => Err(control
                .farewell
                .refusal()
                .unwrap_or_else(|| handshake_fault(server, &error, &control.opening.text()))),
            Err(_) => Err(Fault::HandshakeTimeout { server }),
        }
    }

    async fn authenticate(
        &mut self,
        handle: &mut Handle<Client>,
        line: &Line<'_>,
    ) -> Result<(), Fault> {
        // A channel that nobody sends on stands in: the session asks at most here.
        let answers = std::mem::replace(&mut self.answers, mpsc::channel(1).1);
        let mut asker = Asker::new(
            self.settings.id.clone(),
            self.attempt,
            self.settings.server(),
            self.inputs.clone(),
            answers,
        );
        let method = auth::authenticate(
            handle,
            line,
            &self.settings,
            self.grant.as_ref(),
            &self.vault,
            &mut asker,
        )
        .await?;
        // The vault keeps what is needed again.
        self.grant = None;
        tracing::info!(tunnel = %self.settings.id, attempt = %self.attempt, ?method, "authenticated");
        Ok(())
    }

    /// Shows the link until the session ends, or until it is to.
    async fn stand(
        &self,
        link: Link,
        server: ServerInfo,
        way: Way,
        control: &ConnectionControl,
    ) -> Option<Fault> {
        let link = Arc::new(link);
        let worn = AtomicBool::new(false);
        let wanted = tokio::select! {
            biased;
            () = self.orders.hang_up.cancelled() => false,
            () = control.gone.cancelled() => {
                return Some(end_fault(self.settings.server(), control.farewell.end()));
            }
            wanted = self.is_wanted(&link) => wanted,
        };
        if !wanted {
            goodbye(&link, control).await;
            return None;
        }
        self.links.show(&link);
        self.tell(SessionEvent::Established(server)).await;
        let end = tokio::select! {
            () = control.gone.cancelled() => Some(control.farewell.end()),
            () = self.measure(&link, &control.heard) => Some(Some(End::Silence)),
            never = self.prove(&link, way, &control.heard) => match never {},
            never = self.wear_out(control, &worn) => match never {},
            () = self.orders.hang_up.cancelled() => None,
            () = self.retired(&link, control, &worn) => None,
        };
        self.links.withdraw(self.attempt);
        if let Some(end) = end {
            return Some(end_fault(self.settings.server(), end));
        }
        goodbye(&link, control).await;
        None
    }

    /// Does the trial for which the session was dialed, if any. Returns whether the session goes on.
    async fn is_wanted(&self, link: &Link) -> bool {
        let Some(Trial { target, stay }) = &self.orders.trial else {
            return true;
        };
        let answers = answers_while_connecting(link, target).await;
        tracing::info!(tunnel = %self.settings.id, attempt = %self.attempt, %target, answers, "tried");
        let target = target.clone();
        self.tell(SessionEvent::Tried { target, answers }).await;
        answers && *stay
    }

    /// Resolves when the session was told to retire and may. One that is merely worn works: it ends with
    /// its last connection, however long that takes.
    async fn retired(&self, link: &Link, control: &ConnectionControl, worn: &AtomicBool) {
        self.orders.retire.cancelled().await;
        control.congestion.close();
        self.links.withdraw(self.attempt);
        if worn.load(Ordering::Relaxed) {
            link.vacated().await;
        } else {
            let _ = timeout(DRAIN, link.vacated()).await;
        }
    }

    /// Tells at each step that the session is worn, and notes it. So it is by a program that does not
    /// read, too: others are better off on another one.
    async fn wear_out(&self, control: &ConnectionControl, worn: &AtomicBool) -> Infallible {
        loop {
            tokio::select! {
                () = control.wear.worn() => {}
                () = control.congestion.began() => {}
            }
            worn.store(true, Ordering::Relaxed);
            let memory = control.wear.memory();
            self.tell(SessionEvent::Worn { memory }).await;
            if control.wear.is_rekey_near() {
                self.tell(SessionEvent::RekeyNear).await;
            }
        }
    }

    /// Whenever the session is doubted, finds out whether it still works, and whether a new one would
    /// take another way. While it does not answer, connections do not take it.
    async fn prove(&self, link: &Arc<Link>, way: Way, heard: &Heard) -> Infallible {
        loop {
            self.orders.prove.notified().await;
            let patience = match way.now(&*self.network) {
                Route::Same => PROOF_DEADLINE,
                Route::Other => {
                    self.tell(SessionEvent::Rerouted).await;
                    PROOF_DEADLINE
                }
                // Nothing would arrive.
                Route::None => Duration::ZERO,
            };
            let answer = link.round_trip();
            tokio::pin!(answer);
            let mut answered = unless_silent(patience, heard, &mut answer).await;
            if answered.is_err() {
                self.links.withdraw(self.attempt);
                let unanswered = link.unanswered().filter(|_| !patience.is_zero());
                self.tell(SessionEvent::Silent { unanswered }).await;
                answered = Ok(answer.await);
                if matches!(answered, Ok(Some(_))) && !self.orders.retire.is_cancelled() {
                    self.links.show(link);
                }
            }
            match answered {
                Ok(Some(round_trip)) => self.tell(SessionEvent::RoundTrip(round_trip)).await,
                // It has ended, which is noticed elsewhere.
                Ok(None) | Err(Silence) => std::future::pending().await,
            }
        }
    }

    /// Asks the server for a round trip at each beat, and ends when it has fallen silent. russh has
    /// keepalives of its own; these measure too, wake the program with everything else, and find the
    /// task stuck that serves the session.
    async fn measure(&self, link: &Link, heard: &Heard) {
        loop {
            match unless_silent(SILENCE_DEADLINE, heard, link.round_trip()).await {
                Ok(Some(round_trip)) => self.tell(SessionEvent::RoundTrip(round_trip)).await,
                Ok(None) => std::future::pending().await,
                Err(Silence) => return,
            }
            beat().await;
        }
    }

    async fn tell(&self, event: SessionEvent) {
        let input = Input::Session {
            tunnel: self.settings.id.clone(),
            attempt: self.attempt,
            event,
        };
        // A closed queue means that the engine is going, and the session with it.
        let _ = self.inputs.send(input).await;
    }
}

/// Does what blocks on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let working = tokio::task::spawn_blocking(work);
    working.await.unwrap_or_else(|error| {
        Err(Fault::Internal {
            detail: error.to_string(),
        })
    })
}

/// Says good-bye to the server, and waits until the connection has ended, for a while.
async fn goodbye(link: &Link, control: &ConnectionControl) {
    let goodbye = async {
        link.disconnect().await;
        control.gone.cancelled().await;
    };
    let _ = timeout(GOODBYE_DEADLINE, goodbye).await;
}

/// Nothing was heard of the server while its answer was due.
#[derive(Debug, PartialEq, Eq)]
struct Silence;

/// Waits for the server's answer until `patience` passes in which nothing is heard of it. Where an
/// upload fills the way, the question waits its turn in it, however long that takes.
async fn unless_silent<F: Future>(
    patience: Duration,
    heard: &Heard,
    answer: F,
) -> Result<F::Output, Silence> {
    tokio::pin!(answer);
    loop {
        let before = heard.times();
        match timeout(patience, &mut answer).await {
            Ok(answer) => return Ok(answer),
            Err(_) if heard.times() == before => return Err(Silence),
            Err(_) => {}
        }
    }
}

/// What a failed key exchange means; `opening` is what the server said first.
fn handshake_fault(server: String, error: &russh::Error, opening: &str) -> Fault {
    if let russh::Error::NoCommonAlgo { .. } = error {
        return Fault::NoCommonAlgorithm {
            server,
            detail: error.to_string(),
        };
    }
    let detail = opening.lines().next().unwrap_or_default().to_owned();
    // sshd past MaxStartups, and under PerSourcePenalties; older ones, and proxies whose server is
    // down, close without a word.
    let turned_away = ["Exceeded MaxStartups", "Not allowed at this time"];
    if opening.is_empty() || turned_away.iter().any(|words| opening.starts_with(words)) {
        Fault::ServerBusy { server, detail }
    } else if opening.lines().any(|line| line.starts_with("SSH-")) {
        Fault::HandshakeFailed {
            server,
            detail: error.to_string(),
        }
    } else {
        Fault::NotSsh { server, detail }
    }
}

fn end_fault(server: String, end: Option<End>) -> Fault {
    match end {
        Some(End::Disconnect { reason, message }) => Fault::Disconnected {
            server,
            reason,
            message,
        },
        Some(End::Silence) => Fault::KeepaliveTimeout { server },
        Some(End::Broken(detail)) => Fault::ConnectionLost { server, detail },
        // The methods of authentication do not matter to a session that stands.
        Some(End::NoMethodLeft) | None => Fault::ConnectionLost {
            server,
            detail: "the connection was closed".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Instant, sleep};

    fn code(error: &russh::Error, opening: &str) -> &'static str {
        handshake_fault("m@s:722".into(), error, opening).code()
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_heard_may_take_its_time_to_answer() {
        let heard = Heard::default();
        let uploading = async {
            for _ in 0..4 {
                sleep(SILENCE_DEADLINE * 3 / 4).await;
                heard.note();
            }
            std::future::pending::<Infallible>().await
        };
        let answer = sleep(SILENCE_DEADLINE * 3);
        let answered = tokio::select! {
            answered = unless_silent(SILENCE_DEADLINE, &heard, answer) => answered,
            never = uploading => match never {},
        };
        assert_eq!(answered, Ok(()));

        let never = std::future::pending::<()>();
        let start = Instant::now();
        let silent = unless_silent(SILENCE_DEADLINE, &heard, never).await;
        assert_eq!(silent, Err(Silence));
        assert_eq!(start.elapsed(), SILENCE_DEADLINE);
    }

    #[test]
    fn what_the_server_said_first_tells_a_busy_one_from_a_wrong_one() {
        let closed = russh::Error::Disconnect;
        assert_eq!(code(&closed, ""), "server_busy");
        assert_eq!(code(&closed, "Exceeded MaxStartups\r\n"), "server_busy");
        assert_eq!(code(&closed, "Not allowed at this time\r\n"), "server_busy");
        assert_eq!(code(&closed, "HTTP/1.1 400 Bad Request\r\n"), "not_ssh");
        assert_eq!(code(&closed, "SSH-2.0-OpenSSH_9.2\r\n"), "handshake_failed");
        assert_eq!(code(&closed, "Hello\r\nSSH-2.0-x\r\n"), "handshake_failed");
    }

    #[test]
    fn no_common_algorithm_is_for_an_administrator() {
        let error = russh::Error::NoCommonAlgo {
            kind: russh::AlgorithmKind::Cipher,
            ours: vec!["aes128-gcm@openssh.com".into()],
            theirs: vec!["3des-cbc".into()],
        };
        assert_eq!(code(&error, "SSH-2.0-old\r\n"), "no_common_algorithm");
    }

    #[test]
    fn an_end_keeps_the_servers_words() {
        let end = End::Disconnect {
            reason: 11,
            message: "rebooting".into(),
        };
        assert_eq!(
            end_fault("m@s:722".into(), Some(end)),
            Fault::Disconnected {
                server: "m@s:722".into(),
                reason: 11,
                message: "rebooting".into()
            }
        );
    }
}
