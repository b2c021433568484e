//! Drives the supervisor: feeds it inputs, runs its actions, publishes its snapshots.
//!
//! One loop, one queue. Sessions, probes and forwards are tasks; what they learn comes back as
//! [`Input`], and the bytes that they carry never pass here.

mod admit;
mod agents;
pub mod ask;
mod asked;
pub mod auth;
pub mod beat;
pub mod channel;
pub mod client;
pub mod congestion;
pub mod connect;
mod environment;
mod flight;
pub mod forward;
pub mod holding;
mod identification;
mod journal;
pub mod link;
mod listen;
pub mod network;
pub mod offer;
pub mod probe;
pub mod pump;
mod refusals;
pub mod session;
pub mod spool;
#[cfg(test)]
mod test_server;
pub mod transport;
mod trial;
pub mod turns;
pub mod wear;

use crate::model::{
    Attempt, Fault, ForwardId, ForwardSettings, Health, Input, Secret, SessionEvent, Settings,
    Snapshot, Traffic, TunnelId, TunnelSettings,
};
use crate::secrets::{SecretKey, Vault};
use crate::supervisor::{Action, Grant, Supervisor, Trial};
use forward::{Forward, Means};
use holding::{Holding, HoldingPage};
use link::Links;
use network::{Network, now};
use offer::SessionLimits;
use session::{KnownHostsFiles, Orders, Session};
use spool::Spool;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

/// Inputs that may wait for the supervisor. Whoever finds the queue full waits.
const QUEUE: usize = 256;

/// What an engine is made of.
pub struct EngineOptions {
    /// The configuration to begin with.
    pub settings: Arc<Settings>,
    /// Where host keys are recorded and looked up.
    pub known_hosts: KnownHostsFiles,
    /// The directory for what slow local programs have not taken yet.
    pub spool_dir: PathBuf,
    /// Where secrets are.
    pub vault: Vault,
    /// The network, and the ports of this machine.
    pub network: Arc<dyn Network>,
    /// When sessions begin new keys.
    pub limits: SessionLimits,
    /// What a browser gets that has waited for a session in vain.
    pub holding_page: HoldingPage,
    /// Where the jitter of retries begins.
    pub seed: u64,
}

/// The way to an engine that runs.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    /// The way in.
    pub inputs: mpsc::Sender<Input>,
    /// The way out.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What runs through the forwards.
    pub traffic: Traffic,
}

/// Everything that acts.
pub struct Engine {
    supervisor: Supervisor,
    inputs: mpsc::Sender<Input>,
    queue: mpsc::Receiver<Input>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    traffic: Traffic,
    known_hosts: KnownHostsFiles,
    vault: Arc<Vault>,
    network: Arc<dyn Network>,
    limits: SessionLimits,
    spool: Arc<Spool>,
    holding: Holding,
    links: HashMap<TunnelId, Links>,
    sessions: HashMap<Attempt, Running>,
    forwards: HashMap<ForwardId, Forward>,
}

/// The strings of a session that runs.
struct Running {
    orders: Orders,
    answers: mpsc::Sender<Vec<Secret>>,
    task: AbortHandle,
}

impl Engine {
    /// An engine that has not begun, and the way to it.
    #[must_use]
    pub fn new(options: EngineOptions) -> (Self, EngineHandle) {
        let (inputs, queue) = mpsc::channel(QUEUE);
        let supervisor = Supervisor::new(&options.settings, options.seed, now());
        let snapshots = watch::Sender::new(Arc::new(supervisor.snapshot()));
        let handle = EngineHandle {
            inputs: inputs.clone(),
            snapshots: snapshots.subscribe(),
            traffic: Traffic::default(),
        };
        let engine = Self {
            supervisor,
            inputs,
            queue,
            snapshots,
            traffic: handle.traffic.clone(),
            known_hosts: options.known_hosts,
            vault: Arc::new(options.vault),
            network: options.network,
            limits: options.limits,
            spool: Arc::new(Spool::new(options.spool_dir)),
            holding: Holding {
                page: options.holding_page,
                snapshots: handle.snapshots.clone(),
            },
            links: HashMap::new(),
            sessions: HashMap::new(),
            forwards: HashMap::new(),
        };
        (engine, handle)
    }

    /// Runs until `Command::Quit` has taken everything down, at most 3 s after it.
    pub async fn run(mut self) {
        // Aborted when it is dropped.
        let mut watches = JoinSet::new();
        watches.spawn(agents::watch(
            self.snapshots.subscribe(),
            self.inputs.clone(),
        ));
        watches.spawn(environment::watch(
            Arc::clone(&self.network),
            self.inputs.clone(),
        ));
        loop {
            while let Some(action) = self.supervisor.poll_action() {
                self.act(action);
            }
            self.publish();
            if self.supervisor.finished() {
                return;
            }
            let due = self.supervisor.poll_timeout();
            tokio::select! {
                // Never closed: the engine holds a sender itself.
                Some(input) = self.queue.recv() => self.supervisor.handle(input, now()),
                () = sleep_until(due) => self.supervisor.handle_timeout(now()),
            }
        }
    }

    fn publish(&self) {
        let snapshot = self.supervisor.snapshot();
        self.snapshots.send_if_modified(|current| {
            let changed = **current != snapshot;
            if changed {
                journal::record(current, &snapshot);
                *current = Arc::new(snapshot);
            }
            changed
        });
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Listen(settings) => self.listen(settings),
            Action::Unlisten(forward) => {
                self.forwards.remove(&forward);
            }
            Action::Dial {
                settings,
                attempt,
                grant,
                trial,
            } => self.dial(settings, attempt, grant, trial),
            Action::HangUp { attempt, .. } => {
                if let Some(running) = self.sessions.get(&attempt) {
                    running.orders.hang_up.cancel();
                }
            }
            Action::Prove { attempt, .. } => {
                if let Some(running) = self.sessions.get(&attempt) {
                    running.orders.prove.notify_one();
                }
            }
            Action::Retire { attempt, .. } => {
                if let Some(running) = self.sessions.get(&attempt) {
                    running.orders.retire.cancel();
                }
            }
            Action::Respond {
                attempt, responses, ..
            } => {
                if let Some(running) = self.sessions.get(&attempt) {
                    // Full or closed: the session does not wait for this answer any more.
                    let _ = running.answers.try_send(responses);
                }
            }
            Action::TryPasswordAgain { settings, typed } => {
                let server = settings.server();
                let account = SecretKey::Password { server };
                self.vault.try_again(&account, typed.as_ref());
            }
            Action::Probe { forward, attempt } => self.probe(forward, attempt),
        }
    }

    fn listen(&mut self, settings: Arc<ForwardSettings>) {
        if let Some(forward) = self.forwards.get(&settings.id) {
            forward.update(settings);
            return;
        }
        let id = settings.id.clone();
        let means = Means {
            network: Arc::clone(&self.network),
            links: self.links(&id.tunnel),
            spool: Arc::clone(&self.spool),
            counters: self.traffic.of(&id),
            inputs: self.inputs.clone(),
            holding: self.holding.clone(),
        };
        let forward = Forward::start(settings, means);
        self.forwards.insert(id, forward);
    }

    fn dial(
        &mut self,
        settings: Arc<TunnelSettings>,
        attempt: Attempt,
        grant: Option<Grant>,
        trial: Option<Trial>,
    ) {
        let tunnel = settings.id.clone();
        let orders = Orders {
            trial,
            ..Orders::default()
        };
        let (answers, answered) = mpsc::channel(1);
        let links = self.links(&tunnel);
        let session = Session {
            settings,
            attempt,
            grant,
            known_hosts: self.known_hosts.clone(),
            vault: Arc::clone(&self.vault),
            inputs: self.inputs.clone(),
            answers: answered,
            network: Arc::clone(&self.network),
            limits: self.limits,
            links: links.clone(),
            orders: orders.clone(),
        };
        // In a task of its own, so that a defect in it ends the session and not the engine.
        let session = tokio::spawn(session.run());
        let running = Running {
            orders,
            answers,
            task: session.abort_handle(),
        };
        self.sessions.retain(|_, old| !old.task.is_finished());
        self.sessions.insert(attempt, running);
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            let fault = session.await.unwrap_or_else(|error| {
                links.withdraw(attempt);
                Some(Fault::Internal {
                    detail: error.to_string(),
                })
            });
            let over = Input::Session {
                tunnel,
                attempt,
                event: SessionEvent::Ended(fault),
            };
            let _ = inputs.send(over).await;
        });
    }

    fn probe(&self, forward: Arc<ForwardSettings>, attempt: Attempt) {
        let link = self
            .links
            .get(&forward.id.tunnel)
            .and_then(|links| links.of(attempt));
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            let asked = Arc::clone(&forward);
            let health = match link {
                Some(link) => tokio::spawn(async move { probe::probe(&link, &forward).await })
                    .await
                    .unwrap_or_default(),
                // The session ended meanwhile; its end is on the way.
                None => Health::default(),
            };
            let _ = inputs
                .send(Input::Probed {
                    forward: asked,
                    attempt,
                    health,
                })
                .await;
        });
    }

    fn links(&mut self, tunnel: &TunnelId) -> Links {
        self.links.entry(tunnel.clone()).or_default().clone()
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
