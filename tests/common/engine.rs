//! The whole engine in a thread of the test: for limits that no configuration sets.

use super::config::{Config, Forward, Tunnel};
use super::passerelle::Home;
use super::server::SshServer;
use super::wait::wait_until;
use passerelle::config;
use passerelle::engine::network::SystemNetwork;
use passerelle::engine::offer::SessionLimits;
use passerelle::engine::session::KnownHostsFiles;
use passerelle::engine::{Engine, EngineHandle, EngineOptions};
use passerelle::model::{Attempt, Command, Input, Phase, TunnelView};
use passerelle::secrets::Vault;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tracing::Level;
use tracing_subscriber::util::SubscriberInitExt;

const BOUND: Duration = Duration::from_secs(60);

/// An engine with one tunnel. Dropped, it is told to quit, and waited for.
pub(crate) struct EngineThread {
    handle: EngineHandle,
    key_exchanges: KeyExchanges,
    thread: Option<JoinHandle<()>>,
    home: Home,
}

impl EngineThread {
    /// A tunnel to this server by a key, its sessions within these limits; healthy.
    pub(crate) fn healthy(
        server: &impl SshServer,
        forwards: impl IntoIterator<Item = Forward>,
        limits: SessionLimits,
    ) -> Self {
        let home = Home::empty();
        let tunnel = Tunnel::to(server, "lab");
        let public = server.host_key().public();
        home.know(&format!("{} {public}\n", tunnel.known_as()));
        let tunnel = tunnel.key(home.key_for(server).path());
        let tunnel = forwards.into_iter().fold(tunnel, Tunnel::forward);
        home.configure(&Config::of(tunnel).text());
        let loaded = config::load(&home.config_file()).expect("it is right");
        let (engine, handle) = Engine::new(EngineOptions {
            settings: loaded.settings,
            known_hosts: KnownHostsFiles {
                own: home.state("known_hosts"),
                user: None,
            },
            spool_dir: home.state("spool"),
            network: Arc::new(SystemNetwork),
            limits,
            vault: Vault::in_memory(),
            holding_page: Arc::new(|_, _, _| String::new()),
            seed: 1,
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let key_exchanges = KeyExchanges::default();
        let counting = key_exchanges.clone();
        let thread = thread::spawn(move || {
            let log = tracing_subscriber::fmt()
                .with_max_level(Level::DEBUG)
                .with_writer(move || counting.clone());
            let _log = log.finish().set_default();
            runtime.block_on(engine.run());
        });
        let engine = Self {
            handle,
            key_exchanges,
            thread: Some(thread),
            home,
        };
        wait_until("the tunnel is healthy", BOUND, || {
            engine.tunnel().phase == Phase::Healthy
        });
        engine
    }

    /// Its tunnel.
    pub(crate) fn tunnel(&self) -> TunnelView {
        self.handle.snapshots.borrow().tunnels[0].clone()
    }

    /// How many key exchanges it has finished so far, the first of each session included.
    pub(crate) fn key_exchanges(&self) -> usize {
        self.key_exchanges.0.load(Ordering::SeqCst)
    }

    /// Fails unless the first session still stands, and all is well.
    #[track_caller]
    pub(crate) fn assert_undisturbed(&self) {
        let tunnel = self.tunnel();
        assert_eq!(tunnel.attempt, Some(Attempt(1)), "{tunnel:#?}");
        assert_eq!(tunnel.phase, Phase::Healthy, "{tunnel:#?}");
    }
}

impl Drop for EngineThread {
    fn drop(&mut self) {
        let quit = Input::Command(Command::Quit);
        let _ = self.handle.inputs.blocking_send(quit);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !thread::panicking() {
                ended.expect("the engine does not panic");
            }
        }
        let left = std::fs::read_dir(self.home.state("spool")).map_or(0, Iterator::count);
        if !thread::panicking() {
            assert_eq!(left, 0, "something is left in the spool");
        }
    }
}

/// Counts them in russh's log: nobody else sees those that a server begins.
#[derive(Clone, Default)]
struct KeyExchanges(Arc<AtomicUsize>);

impl io::Write for KeyExchanges {
    /// Called with one line each time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let done = String::from_utf8_lossy(line).contains("kex done");
        self.0.fetch_add(usize::from(done), Ordering::SeqCst);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
