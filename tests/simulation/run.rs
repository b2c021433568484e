//! Plays a script: the engine, the server and the programs on one clock, and what happens to them.

use crate::audit;
use crate::ledger::{Figures, Ledger, SETTLE, Scope};
use crate::local::Loopback;
use crate::network::{HOST, Resolver, Simulated};
use crate::programs::{Ending, Errand};
use crate::script::{Event, ForwardPlan, Script};
use crate::server::{Door, FIRST_SERVICE, PASSWORD, Sshd, Target, USER};
use crate::system;
use crate::way::{Direction, Loss, Way};
use passerelle::engine::offer::SessionLimits;
use passerelle::engine::session::KnownHostsFiles;
use passerelle::engine::{Engine, EngineHandle, EngineOptions};
use passerelle::model::{
    AuthMethod, Command, ForwardId, ForwardSettings, HealthCheck, Hold, Input, LocalBind,
    RemoteTarget, Secret, Settings, TunnelId, TunnelSettings,
};
use passerelle::secrets::{SecretKey, Vault};
use std::env;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// The local port of the first forward; the others follow it.
const FIRST_PORT: u16 = 3_000;

/// How often the clocks of the machine are looked at: so late is a sleep noticed of which nobody tells.
const BEAT: Duration = Duration::from_secs(5);

/// How long everything may take to come down.
const QUIT: Duration = Duration::from_millis(3_500);

/// How long the last words of the sessions may be on their way.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// How long a target that stopped the server may be avoided after it works again: the longest pause between
/// two trials, in milliseconds.
const AVOIDED: u32 = 600_000;

/// How often to look whether no channel is open.
const PROBES: u32 = 20;

/// When the memory is looked at first.
const WARM: Duration = Duration::from_secs(60);

/// Plays the script. The files that the engine writes are in `dir`.
pub(crate) fn play(script: &Script, dir: &Path) -> Result<Figures, String> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        system::follow_virtual_clock();
        let stage = Stage::set(script, dir).await;
        stage.play(script).await
    })
}

/// Everything that takes part.
struct Stage {
    ledger: Ledger,
    way: Way,
    sshd: Sshd,
    network: Simulated,
    loopback: Loopback,
    engine: EngineHandle,
    running: JoinSet<()>,
    audit: JoinSet<()>,
    programs: JoinSet<()>,
    start: Instant,
    seeds: fastrand::Rng,
}

impl Stage {
    async fn set(script: &Script, dir: &Path) -> Self {
        let ledger = Ledger::new();
        let way = Way::new(script.quality);
        let sshd = Sshd::new(script.manners, script.forwards.len(), ledger.clone());
        let loopback = Loopback::default();
        let network = Simulated::new(way.clone(), sshd.clone(), loopback.clone(), ledger.clone());
        let tunnel = tunnel(script, sshd.fingerprint());
        let (engine, handle) = Engine::new(EngineOptions {
            settings: Arc::new(Settings {
                language: None,
                start_at_logon: false,
                notifications: false,
                tunnels: vec![Arc::new(tunnel)],
            }),
            known_hosts: KnownHostsFiles {
                own: dir.join("known_hosts"),
                user: None,
            },
            spool_dir: dir.join("spool"),
            vault: vault().await,
            holding_page: Arc::new(|_, _, _| String::new()),
            limits: limits(),
            seed: script.seed,
            network: Arc::new(network.clone()),
        });
        let mut running = JoinSet::new();
        running.spawn(engine.run());
        let mut audit = JoinSet::new();
        let keepalive = Duration::from_secs(u64::from(script.manners.keepalive));
        audit.spawn(audit::watch(
            handle.snapshots.clone(),
            ledger.clone(),
            keepalive,
        ));
        Self {
            ledger,
            way,
            sshd,
            network,
            loopback,
            engine: handle,
            running,
            audit,
            programs: JoinSet::new(),
            start: Instant::now(),
            seeds: fastrand::Rng::with_seed(script.seed),
        }
    }

    async fn play(mut self, script: &Script) -> Result<Figures, String> {
        let mut warm = None;
        for (at, event) in &script.events {
            let at = self.start + Duration::from_millis(u64::from(*at));
            if at >= self.start + WARM && warm.is_none() {
                sleep_until(self.start + WARM).await;
                warm = Some(self.memory());
            }
            sleep_until(at).await;
            self.happen(*event, script).await;
            self.check()?;
        }
        let end = self.start + Duration::from_secs(u64::from(script.seconds));
        let calm = self.ledger.last_disturbance().map(|at| at + 2 * SETTLE);
        sleep_until(calm.map_or(end, |calm| calm.max(end))).await;
        self.check()?;
        self.programs_are_done().await;
        if let Some(before) = warm {
            self.memory_is_bounded(before);
        }
        self.check()?;
        self.quit().await;
        self.check()?;
        Ok(self.ledger.figures())
    }

    fn check(&self) -> Result<(), String> {
        self.ledger.first_wrong().map_or(Ok(()), Err)
    }

    /// Makes it happen.
    async fn happen(&mut self, event: Event, script: &Script) {
        let ledger = self.ledger.clone();
        let disturb = |millis| ledger.disturb(Scope::All, millis);
        tracing::info!(?event, "now");
        match event {
            Event::Program { forward, errand } => self.program(forward, errand),
            Event::Crowd {
                forward,
                programs,
                errand,
            } => {
                for _ in 0..programs {
                    self.program(forward, errand);
                }
            }
            Event::Knocks {
                forward,
                millis,
                pause_ms,
            } => self.knock(forward, millis, pause_ms),
            Event::Cut => {
                disturb(0);
                self.sshd.cut_all();
            }
            Event::Silence { direction, millis } => {
                disturb(millis);
                let directions = direction.map_or(Direction::BOTH.to_vec(), |one| vec![one]);
                for direction in directions {
                    self.silence(direction, millis);
                }
            }
            Event::HalfOpen { told } => {
                disturb(0);
                self.sshd.lose_all(told);
            }
            Event::Restart { told, millis } => {
                disturb(millis);
                self.sshd.lose_all(told);
                self.door(Door::Closed, millis);
            }
            Event::Mute { millis } => {
                disturb(millis);
                self.sshd.lose_all(Loss::Reset);
                self.door(Door::Mute, millis);
            }
            Event::Busy { millis } => {
                disturb(millis);
                self.sshd.lose_all(Loss::Ended);
                self.door(Door::Busy, millis);
            }
            Event::Sleep { millis, told, lost } => {
                disturb(millis);
                if let Some(lost) = lost {
                    self.sshd.lose_all(lost);
                }
                tokio::time::advance(Duration::from_millis(u64::from(millis))).await;
                if !told {
                    sleep(BEAT).await;
                }
                self.network.tell();
            }
            Event::NoRoute { millis } => {
                disturb(millis);
                for direction in Direction::BOTH {
                    self.silence(direction, millis);
                }
                self.network.set_routed(false);
                let network = self.network.clone();
                after(millis, move || network.set_routed(true));
            }
            Event::OtherAddress { lost } => {
                disturb(0);
                if lost {
                    self.sshd.lose_all(Loss::Never);
                }
                self.network.move_on();
            }
            Event::NoName { millis, hangs } => {
                disturb(millis);
                let resolver = if hangs {
                    Resolver::Hangs
                } else {
                    Resolver::Fails
                };
                self.network.set_resolver(resolver);
                self.sshd.cut_all();
                let network = self.network.clone();
                after(millis, move || network.set_resolver(Resolver::Works));
            }
            Event::Slow { quality, millis } => {
                disturb(millis);
                self.way.set_quality(quality);
                let (way, usual) = (self.way.clone(), script.quality);
                after(millis, move || way.set_quality(usual));
            }
            Event::Refuses { forward, millis } => self.target(forward, Target::Refuses, millis),
            Event::Hangs { forward, millis } => {
                if script.manners.in_line {
                    ledger.disturb(Scope::Beside, millis);
                    ledger.disturb(Scope::Forward(forward), millis + AVOIDED);
                }
                self.target(forward, Target::Hangs, millis);
            }
            Event::Down { millis } => {
                disturb(millis);
                self.command(Command::Down(None)).await;
                let inputs = self.engine.inputs.clone();
                let at = Instant::now() + Duration::from_millis(u64::from(millis));
                tokio::spawn(async move {
                    sleep_until(at).await;
                    // The engine may have ended on a broken promise.
                    let _ = inputs.send(Input::Command(Command::Up(None))).await;
                });
            }
            Event::Again => {
                disturb(0);
                self.command(Command::Restart(None)).await;
            }
        }
    }

    fn silence(&self, direction: Direction, millis: u32) {
        let until = Instant::now() + Duration::from_millis(u64::from(millis));
        self.way.silence(direction, until);
    }

    fn door(&self, door: Door, millis: u32) {
        self.sshd.set_door(door);
        let sshd = self.sshd.clone();
        // Who is kept waiting by a mute server is still waiting then.
        after(millis, move || {
            sshd.set_door(Door::Open);
            if door == Door::Mute {
                sshd.cut_all();
            }
        });
    }

    fn target(&self, forward: usize, target: Target, millis: u32) {
        self.ledger.disturb(Scope::Forward(forward), millis);
        self.sshd.set_target(forward, target);
        let sshd = self.sshd.clone();
        after(millis, move || sshd.set_target(forward, Target::Works));
    }

    async fn command(&self, command: Command) {
        // The engine may have ended on a broken promise.
        let _ = self.engine.inputs.send(Input::Command(command)).await;
    }

    /// A program comes in by the forward.
    fn program(&mut self, forward: usize, errand: Errand) {
        let visit = Visit {
            loopback: self.loopback.clone(),
            ledger: self.ledger.clone(),
            forward,
            seed: self.seeds.u64(..),
        };
        self.programs.spawn(async move { visit.make(errand).await });
    }

    /// A program that comes again and again.
    fn knock(&mut self, forward: usize, millis: u32, pause_ms: u32) {
        let visit = Visit {
            loopback: self.loopback.clone(),
            ledger: self.ledger.clone(),
            forward,
            seed: self.seeds.u64(..),
        };
        self.programs.spawn(async move {
            let errand = Errand::Download {
                bytes: 3,
                pace: 0,
                late_ms: 0,
            };
            let until = Instant::now() + Duration::from_millis(u64::from(millis));
            while Instant::now() < until {
                visit.make(errand).await;
                sleep(Duration::from_millis(u64::from(pause_ms))).await;
            }
        });
    }

    async fn programs_are_done(&mut self) {
        while self.programs.try_join_next().is_some() {}
        if !self.programs.is_empty() {
            let many = self.programs.len();
            self.ledger.wrong(format!(
                "{many} programs wait without an end, long after everything is well"
            ));
        }
        // A probe may just have one.
        for _ in 0..PROBES {
            if self.ledger.channels().1 == 0 {
                return;
            }
            sleep(Duration::from_millis(500)).await;
        }
        self.ledger.wrong("a channel stays open, and nobody has it");
    }

    /// Bytes allocated, without what russh's server side keeps of each channel that it has closed first.
    fn memory(&self) -> usize {
        let (had, _) = self.ledger.channels();
        system::allocated().saturating_sub(had as usize * KEPT_BY_SERVER)
    }

    fn memory_is_bounded(&self, before: usize) {
        let grown = self.memory().saturating_sub(before);
        tracing::info!(before, grown, channels = ?self.ledger.channels(), "memory");
        if grown > GROWTH {
            self.ledger.wrong(format!(
                "{} KiB more are allocated than at the start",
                grown >> 10
            ));
        }
    }

    async fn quit(&mut self) {
        self.audit.shutdown().await;
        self.command(Command::Quit).await;
        if timeout(QUIT, self.running.join_next()).await.is_err() {
            self.ledger
                .wrong(format!("the engine has not ended within {QUIT:?}"));
            return;
        }
        sleep(LAST_WORDS).await;
        let left = Handle::current().metrics().num_alive_tasks();
        if left > 0 {
            self.ledger.wrong(format!("{left} tasks are left"));
        }
    }
}

/// What russh's server side keeps of a channel that it has closed first, until the session ends.
const KEPT_BY_SERVER: usize = 3_950;

/// How much memory may grow in a run, once everything has ended that came in: both sides of a session keep
/// the buffers that a crowd has made large.
const GROWTH: usize = 4 << 20;

/// One program's way in.
struct Visit {
    loopback: Loopback,
    ledger: Ledger,
    forward: usize,
    seed: u64,
}

impl Visit {
    async fn make(&self, errand: Errand) {
        let opened = Instant::now();
        let ending = match self.loopback.connect(port(self.forward)) {
            Some(program) => errand.run(program, self.seed).await,
            None => Ending::Reset,
        };
        tracing::debug!(forward = self.forward, ?errand, ?ending, "program");
        self.ledger.connection(self.forward, opened, &ending);
    }
}

fn after(millis: u32, change: impl FnOnce() + Send + 'static) {
    // Now, and not when the task runs first: the machine may sleep before that.
    let at = Instant::now() + Duration::from_millis(u64::from(millis));
    tokio::spawn(async move {
        sleep_until(at).await;
        change();
    });
}

fn port(forward: usize) -> u16 {
    FIRST_PORT + forward as u16
}

fn tunnel(script: &Script, fingerprint: String) -> TunnelSettings {
    let id = TunnelId::new("simulated");
    let forward = |(index, plan): (usize, &ForwardPlan)| {
        let health = match plan {
            ForwardPlan::Unasked => HealthCheck::None,
            ForwardPlan::Tcp => HealthCheck::Tcp,
            ForwardPlan::Http => HealthCheck::Http {
                path: "/".into(),
                status: vec![200],
            },
        };
        Arc::new(ForwardSettings {
            id: ForwardId {
                tunnel: id.clone(),
                name: format!("forward-{index}").into(),
            },
            local: LocalBind::Port(port(index)),
            remote: RemoteTarget {
                host: "service".into(),
                port: FIRST_SERVICE + index as u16,
            },
            hold: Hold {
                page: false,
                ..Hold::usual(&health)
            },
            health,
            open: None,
            primary: index == 0,
        })
    };
    TunnelSettings {
        forwards: script.forwards.iter().enumerate().map(forward).collect(),
        id: id.clone(),
        host: HOST.into(),
        port: 22,
        user: USER.into(),
        autostart: true,
        auth: vec![AuthMethod::Password],
        identity: Vec::new(),
        host_key: vec![fingerprint],
    }
}

/// As they are shipped, or with rekeys of ours each `SIMULATION_REKEY` bytes: to see what that costs.
fn limits() -> SessionLimits {
    let mut limits = SessionLimits::default();
    if let Ok(bytes) = env::var("SIMULATION_REKEY") {
        limits.rekey_bytes = bytes.parse().expect("it is a number");
    }
    limits
}

async fn vault() -> Vault {
    let vault = Vault::in_memory();
    let key = SecretKey::Password {
        server: format!("{USER}@{HOST}:22"),
    };
    // Kept in memory, which takes everything.
    let _ = vault.keep(&key, &Secret::new(PASSWORD.into()), false).await;
    vault
}
