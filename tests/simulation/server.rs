//! The SSH server: russh's own server side, with the manners in which servers of the field differ.

use crate::ledger::Ledger;
use crate::script::Manners;
use crate::service;
use crate::way::Loss;
use crate::wire::{End, Wire};
use russh::keys::{Algorithm, HashAlg, PrivateKey};
use russh::server::{Auth, Config, Handler, Msg, Session};
use russh::{Channel, ChannelId, ChannelOpenFailure, Limits, server};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The account that may log in.
pub(crate) const USER: &str = "maintenance";
pub(crate) const PASSWORD: &str = "simulated";

/// The port of the service behind the first forward; the others follow it.
pub(crate) const FIRST_SERVICE: u16 = 9_000;

/// What a system allows a connection that nobody answers.
const CONNECT_DEADLINE: Duration = Duration::from_secs(127);

/// More than the client has under way at a rekey: a larger sum would end the session by russh's own rule.
const WINDOW: u32 = 16 << 20;

/// What the server does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Serves it.
    Open,
    /// It is not there.
    Closed,
    /// Says nothing.
    Mute,
    /// Turns it away without a word.
    Busy,
}

/// What a service does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Works,
    Refuses,
    /// Does not answer.
    Hangs,
}

/// The server. Clones are the same server.
#[derive(Clone)]
pub(crate) struct Sshd(Arc<Shared>);

struct Shared {
    manners: Manners,
    config: Arc<Config>,
    fingerprint: String,
    ledger: Ledger,
    changed: Notify,
    state: Mutex<State>,
}

struct State {
    door: Door,
    targets: Vec<Target>,
    wires: BTreeMap<u64, Arc<Wire>>,
    last_session: u64,
}

impl Sshd {
    pub(crate) fn new(manners: Manners, services: usize, ledger: Ledger) -> Self {
        let key = host_key();
        let print = key.public_key().fingerprint(HashAlg::Sha256);
        let state = State {
            door: Door::Open,
            targets: vec![Target::Works; services],
            wires: BTreeMap::new(),
            last_session: 0,
        };
        Self(Arc::new(Shared {
            manners,
            config: Arc::new(config(manners, key)),
            fingerprint: print.to_string(),
            ledger,
            changed: Notify::new(),
            state: Mutex::new(state),
        }))
    }

    /// The host key's, as a configuration pins it.
    pub(crate) fn fingerprint(&self) -> String {
        self.0.fingerprint.clone()
    }

    pub(crate) fn door(&self) -> Door {
        self.state().door
    }

    pub(crate) fn set_door(&self, door: Door) {
        self.state().door = door;
    }

    pub(crate) fn set_target(&self, service: usize, target: Target) {
        self.state().targets[service] = target;
        self.0.changed.notify_waiters();
    }

    /// Every connection goes; `told` says what the client learns of it.
    pub(crate) fn lose_all(&self, told: Loss) {
        for wire in self.wires() {
            wire.lose(told);
        }
    }

    /// Every connection is reset on its way.
    pub(crate) fn cut_all(&self) {
        for wire in self.wires() {
            wire.cut();
        }
    }

    fn wires(&self) -> Vec<Arc<Wire>> {
        self.state().wires.values().cloned().collect()
    }

    /// Takes a connection.
    pub(crate) fn accept(&self, end: End) {
        let (number, door) = {
            let mut state = self.state();
            state.last_session += 1;
            let number = state.last_session;
            state.wires.insert(number, Arc::clone(end.wire()));
            (number, state.door)
        };
        let sshd = self.clone();
        tokio::spawn(async move {
            match door {
                Door::Open => sshd.serve(number, end).await,
                Door::Mute => ignore(end).await,
                Door::Busy | Door::Closed => drop(end),
            }
            sshd.state().wires.remove(&number);
        });
    }

    async fn serve(&self, number: u64, end: End) {
        let wire = Arc::clone(end.wire());
        let over = CancellationToken::new();
        let _over = over.clone().drop_guard();
        let visitor = Visitor {
            sshd: self.clone(),
            number,
            wire,
            over,
            ended: BTreeSet::new(),
        };
        if let Ok(running) = server::run_stream(Arc::clone(&self.0.config), end, visitor).await {
            let error = running.await.err().map(|error| error.to_string());
            tracing::debug!(number, ?error, "the server's session is over");
            self.0.ledger.session_over(number, error);
        }
    }

    fn target(&self, port: u32) -> Target {
        let service = port.checked_sub(u32::from(FIRST_SERVICE));
        let state = self.state();
        service
            .and_then(|service| state.targets.get(service as usize).copied())
            .unwrap_or(Target::Refuses)
    }

    /// Waits until the target answers, for as long as a system does.
    async fn connect(&self, port: u32) -> Target {
        let answered = async {
            loop {
                let changed = self.0.changed.notified();
                match self.target(port) {
                    Target::Hangs => changed.await,
                    answer @ (Target::Works | Target::Refuses) => return answer,
                }
            }
        };
        timeout(CONNECT_DEADLINE, answered)
            .await
            .unwrap_or(Target::Hangs)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn host_key() -> PrivateKey {
    PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519)
        .expect("an Ed25519 key can always be made")
}

fn config(manners: Manners, key: PrivateKey) -> Config {
    let rekey = match manners.rekey {
        0 => usize::MAX,
        bytes => bytes as usize,
    };
    Config {
        keys: vec![key],
        auth_rejection_time: Duration::ZERO,
        window_size: WINDOW,
        inactivity_timeout: None,
        keepalive_interval: match manners.keepalive {
            0 => None,
            seconds => Some(Duration::from_secs(u64::from(seconds))),
        },
        limits: Limits {
            rekey_write_limit: rekey,
            rekey_read_limit: rekey,
            rekey_time_limit: match manners.rekey_seconds {
                0 => Duration::MAX,
                seconds => Duration::from_secs(u64::from(seconds)),
            },
        },
        ..Config::default()
    }
}

/// Reads until the client goes.
async fn ignore(mut end: End) {
    let mut piece = [0; 1_024];
    while matches!(end.read(&mut piece).await, Ok(count) if count > 0) {}
}

/// The server's side of one session.
struct Visitor {
    sshd: Sshd,
    number: u64,
    wire: Arc<Wire>,
    /// The session is over: who waits for a window of it would wait for ever, as russh does not say so.
    over: CancellationToken,
    /// The channels that the client has ended.
    ended: BTreeSet<u32>,
}

impl Handler for Visitor {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        if (user, password) == (USER, PASSWORD) {
            Ok(Auth::Accept)
        } else {
            Ok(Auth::reject())
        }
    }

    async fn auth_succeeded(&mut self, _: &mut Session) -> Result<(), Self::Error> {
        let wire = Arc::clone(&self.wire);
        self.sshd.0.ledger.session_stands(self.number, wire);
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        _host: &str,
        port: u32,
        _originator: &str,
        originator_port: u32,
        reply: server::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        // A number is given again once its channel is gone.
        self.ended.remove(&u32::from(channel.id()));
        let (sshd, number, over) = (self.sshd.clone(), self.number, self.over.clone());
        // Probes have no originator.
        if originator_port != 0 {
            sshd.0.ledger.taken(number);
        }
        let opening = async move {
            match sshd.connect(port).await {
                Target::Works => {
                    reply.accept().await;
                    let manners = sshd.0.manners;
                    tokio::spawn(async move {
                        let _open = sshd.0.ledger.channel(number);
                        over.run_until_cancelled(service::serve(channel, manners))
                            .await;
                    });
                }
                Target::Refuses | Target::Hangs => {
                    sshd.0.ledger.refused(number);
                    reply.reject(ChannelOpenFailure::ConnectFailed).await;
                }
            }
        };
        if self.sshd.0.manners.in_line {
            if self.sshd.target(port) == Target::Hangs {
                let target = port.saturating_sub(u32::from(FIRST_SERVICE));
                self.sshd.0.ledger.stopped_by(target as usize);
            }
            opening.await;
        } else {
            tokio::spawn(opening);
        }
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        let again = !self.ended.insert(u32::from(channel));
        if again && self.sshd.0.manners.strict {
            let ledger = &self.sshd.0.ledger;
            ledger.wrong("CHANNEL_EOF was sent twice, and the strict server ended the session");
            return Err(russh::Error::Inconsistent);
        }
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.ended.remove(&u32::from(channel));
        Ok(())
    }
}
