//! One session and one forward on an engine of their own, without the program around them.

use crate::common::{Key, Scratch, Sshd, free_port, wait_for};
use passerelle::engine::forward::{Forward, Means};
use passerelle::engine::holding::Holding;
use passerelle::engine::link::Links;
use passerelle::engine::network::SystemNetwork;
use passerelle::engine::offer::SessionLimits;
use passerelle::engine::session::{KnownHostsFiles, Orders, Session};
use passerelle::engine::spool::{Limits, Spool};
use passerelle::model::{
    Attempt, AuthMethod, ForwardId, ForwardSettings, HealthCheck, Hold, Input, LocalBind,
    RemoteTarget, TrafficCounters, TunnelId, TunnelSettings,
};
use passerelle::secrets::Vault;
use std::future::Future;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub(super) const BOUND: Duration = Duration::from_secs(60);

/// A thread that drives the engine's parts, as the program has one.
pub(super) struct Rig {
    pub(super) sshd: Sshd,
    pub(super) spool: Arc<Spool>,
    pub(super) counters: Arc<TrafficCounters>,
    pub(super) settings: Arc<ForwardSettings>,
    key: Key,
    forward: Option<Forward>,
    links: Links,
    inputs: mpsc::Sender<Input>,
    received: Arc<Mutex<Vec<Input>>>,
    attempts: AtomicU64,
    engine: Engine,
    _scratch: Scratch,
}

impl Rig {
    /// A forward that leads to `remote` of the server's machine, and a session.
    pub(super) fn to(remote: u16) -> Self {
        Self::with(Sshd::start(), remote, Limits::default())
    }

    /// The same, with a server and limits of its own.
    pub(super) fn with(sshd: Sshd, remote: u16, limits: Limits) -> Self {
        let mut rig = Self::without_session(sshd, remote, limits);
        rig.dial();
        rig.listen();
        rig
    }

    /// Neither listens nor dials.
    pub(super) fn without_session(sshd: Sshd, remote: u16, limits: Limits) -> Self {
        let scratch = Scratch::new();
        let key = Key::ed25519(scratch.join("id"));
        sshd.authorize(&key);
        let received = Arc::new(Mutex::new(Vec::new()));
        let (inputs, mut queue) = mpsc::channel(64);
        let engine = Engine::start();
        engine.handle.spawn({
            let received = Arc::clone(&received);
            async move {
                while let Some(input) = queue.recv().await {
                    locked(&received).push(input);
                }
            }
        });
        Self {
            spool: Arc::new(Spool::with_limits(scratch.join("spool"), limits)),
            counters: Arc::default(),
            settings: Arc::new(ForwardSettings {
                id: ForwardId::new(&TunnelId::new("Lab"), "Backend"),
                local: LocalBind::Port(free_port()),
                remote: RemoteTarget {
                    host: "127.0.0.1".into(),
                    port: remote,
                },
                health: HealthCheck::Tcp,
                hold: Hold::usual(&HealthCheck::Tcp),
                open: None,
                primary: false,
            }),
            sshd,
            key,
            forward: None,
            links: Links::default(),
            inputs,
            received,
            attempts: AtomicU64::new(0),
            engine,
            _scratch: scratch,
        }
    }

    /// Makes a session and waits for it.
    pub(super) fn dial(&self) {
        let attempt = Attempt(self.attempts.fetch_add(1, Ordering::Relaxed) + 1);
        let session = Session {
            settings: Arc::new(TunnelSettings {
                id: TunnelId::new("Lab"),
                host: "127.0.0.1".into(),
                port: self.sshd.port(),
                user: self.sshd.user().into(),
                autostart: true,
                auth: vec![AuthMethod::Key],
                identity: vec![self.key.path().to_owned()],
                host_key: vec![self.sshd.host_key().fingerprint()],
                forwards: Vec::new(),
            }),
            attempt,
            grant: None,
            known_hosts: KnownHostsFiles {
                own: "/nonexistent".into(),
                user: None,
            },
            vault: Arc::new(Vault::in_memory()),
            inputs: self.inputs.clone(),
            answers: mpsc::channel(1).1,
            network: Arc::new(SystemNetwork),
            limits: SessionLimits::default(),
            links: self.links.clone(),
            orders: Orders::default(),
        };
        self.engine.handle.spawn(session.run());
        wait_for("a session", BOUND, || self.links.of(attempt).map(drop));
    }

    /// Starts the forward and waits for its word.
    pub(super) fn listen(&mut self) {
        let (settings, links) = (Arc::clone(&self.settings), self.links());
        let (spool, counters) = (Arc::clone(&self.spool), Arc::clone(&self.counters));
        let inputs = self.inputs.clone();
        let means = Means {
            network: Arc::new(SystemNetwork),
            links,
            spool,
            counters,
            inputs,
            holding: Holding {
                page: Arc::new(|_, _, _| String::new()),
                snapshots: watch::Sender::new(Arc::default()).subscribe(),
            },
        };
        let started = self.run(async move { Forward::start(settings, means) });
        self.forward = Some(started);
        wait_for("the forward's word", BOUND, || {
            self.inputs()
                .iter()
                .any(|input| matches!(input, Input::Listening { .. }))
                .then_some(())
        });
    }

    pub(super) fn forward(&self) -> &Forward {
        self.forward.as_ref().expect("it was started")
    }

    /// Drops the forward.
    pub(super) fn close_forward(&mut self) {
        self.forward = None;
    }

    pub(super) fn links(&self) -> Links {
        self.links.clone()
    }

    /// Everything that was told so far.
    pub(super) fn inputs(&self) -> Vec<Input> {
        locked(&self.received).clone()
    }

    /// A connection of a local program.
    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.settings.local.port()));
        let stream = stream.expect("the forward listens");
        stream.set_read_timeout(Some(BOUND)).expect("it is ours");
        stream.set_write_timeout(Some(BOUND)).expect("it is ours");
        stream
    }

    /// Runs this in the engine's thread, to its end.
    pub(super) fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let (done, result) = std::sync::mpsc::channel();
        self.engine.handle.spawn(async move {
            let _ = done.send(future.await);
        });
        result.recv_timeout(BOUND).expect("it ends in time")
    }
}

/// A current-thread runtime in a thread of its own, ended with this value.
struct Engine {
    handle: Handle,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let (handle, stop) = (runtime.handle().clone(), CancellationToken::new());
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || runtime.block_on(stopped.cancelled()));
        Self {
            handle,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.expect("the engine does not panic");
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
