//! `passerelle demo`: the whole way on loopback, with nothing to install.
//!
//! An SSH server of our own stands in for the production server, two stand-ins for Grafana and
//! Prometheus. In front of them is the real client, the same engine as `passerelle run`. All that
//! it writes is in a temporary directory, which is deleted at the end.

#[cfg(feature = "icon")]
mod icon;
pub mod pages;
pub mod server;
mod stage;

#[cfg(feature = "icon")]
pub use icon::run_with_icon;

use crate::app::narrate::Narrator;
use crate::app::printer::Printer;
use crate::app::report::Reporter;
use crate::app::steward::Steward;
use crate::app::{Desktop, Output, SecretsIn, holding};
use crate::desktop;
use crate::engine::network::SystemNetwork;
use crate::engine::offer::SessionLimits;
use crate::engine::session::KnownHostsFiles;
use crate::engine::{Engine, EngineHandle, EngineOptions};
use crate::i18n::{self, demo as words, units};
use crate::model::{Command, Fault, Input, Language, LocalBind, Phase, Snapshot, TunnelView};
use crate::platform;
use crate::secrets::Vault;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use pages::Service;
use stage::Stage;
use std::error::Error;
use std::io;
use std::net::Ipv4Addr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long it may take until everything works.
const HEALTHY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the page may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long hanging up may take; the engine itself gives up before.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(4);
/// How long the last lines may take to be printed.
const LAST_LINES: Duration = Duration::from_millis(500);
/// The longest page that is taken.
const PAGE_LIMIT: usize = 64 * 1024;

/// How the demonstration is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoOptions {
    /// Print the address, open no browser.
    pub headless: bool,
    /// End as soon as a page came through.
    pub once: bool,
    /// The language of what it prints, and of its pages.
    pub language: Language,
}

/// Why the demonstration failed.
#[derive(Debug)]
pub enum DemoError {
    /// Its directory, its keys or its server cannot be made, or not be deleted.
    Stage(io::Error),
    /// The server's key cannot be recorded.
    KnownHosts(Fault),
    /// Not everything worked in time, or the tunnel is blocked. What is wrong was told.
    NotHealthy,
    /// The page did not come.
    NoPage {
        /// Its address.
        url: String,
        /// What happened instead.
        detail: String,
    },
    /// Another page came.
    OtherPage {
        /// Its address.
        url: String,
    },
    /// The user ended it before its end.
    Interrupted,
    /// The engine ended before everybody else.
    EngineEnded,
}

impl From<io::Error> for DemoError {
    fn from(error: io::Error) -> Self {
        Self::Stage(error)
    }
}

impl DemoError {
    /// It in words.
    #[must_use]
    pub fn explain(&self, language: Language) -> String {
        match self {
            Self::Stage(error) => words::stage_failed(language, &error.to_string()),
            Self::KnownHosts(fault) => i18n::fault(language, fault).message,
            Self::NotHealthy => words::not_healthy(language),
            Self::NoPage { url, detail } => words::no_page(language, url, detail),
            Self::OtherPage { url } => words::other_page(language, url),
            Self::Interrupted => words::interrupted(language),
            Self::EngineEnded => words::engine_ended(language),
        }
    }
}

/// Runs the demonstration until Ctrl-C, or with `once` until a page came through.
///
/// # Errors
/// When it cannot be set up, no page comes through in time, or `once` is interrupted before.
pub fn run(options: DemoOptions) -> Result<(), DemoError> {
    on_this_thread(options, None)
}

fn on_this_thread(options: DemoOptions, desktop: Option<Desktop>) -> Result<(), DemoError> {
    let printer = Printer::start()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(perform(options, &printer, desktop));
    runtime.shutdown_background();
    printer.finish(LAST_LINES);
    outcome
}

async fn perform(
    options: DemoOptions,
    printer: &Printer,
    desktop: Option<Desktop>,
) -> Result<(), DemoError> {
    let mut interrupted = pin!(platform::terminate_signal());
    let stage = tokio::select! {
        // First, so that a signal finds its handler before there is anything to clean up.
        biased;
        () = &mut interrupted => return Err(DemoError::Interrupted),
        stage = Stage::set(options.language) => stage?,
    };
    introduce(&stage, options.language, printer);

    let (engine, handle) = Engine::new(EngineOptions {
        settings: stage.settings(),
        known_hosts: KnownHostsFiles {
            own: stage.known_hosts(),
            user: None,
        },
        spool_dir: stage.directory().join("spool"),
        network: Arc::new(SystemNetwork),
        limits: SessionLimits::default(),
        vault: Vault::in_memory(),
        holding_page: holding::page(options.language),
        seed: fastrand::u64(..),
    });
    let engine = tokio::spawn(engine.run());
    if let Some((ui, wishes)) = desktop {
        let steward = Steward::new(
            options.language,
            stage.paths(),
            SecretsIn::Memory,
            &handle,
            ui,
        );
        tokio::spawn(steward.serve(wishes));
    }
    let outcome = tokio::select! {
        biased;
        () = interrupted => if options.once { Err(DemoError::Interrupted) } else { Ok(()) },
        outcome = visit(options, &handle, printer) => outcome,
    };
    let _ = handle.inputs.send(Input::Command(Command::Quit)).await;
    if timeout(GOODBYE_TIMEOUT, engine).await.is_err() {
        tracing::warn!("the engine did not end in time");
    }
    stage.strike()?;
    if outcome.is_ok() {
        printer.print(words::ended(options.language));
    }
    outcome
}

fn introduce(stage: &Stage, language: Language, printer: &Printer) {
    let key = stage.host_key();
    let server = format!("{}:{}", key.host, key.port);
    let directory = stage.directory().display().to_string();
    printer.print(words::opening(language, &directory));
    printer.print(words::server(language, &server, &key.fingerprint));
    printer.print(words::stand_ins(language));
    printer.print(words::credentials(language));
    printer.print(words::dialling(language));
}

/// Waits until everything works, gets a page, opens the browser, and tells what happens from then on.
async fn visit(
    options: DemoOptions,
    handle: &EngineHandle,
    printer: &Printer,
) -> Result<(), DemoError> {
    let language = options.language;
    let mut news = News {
        snapshots: handle.snapshots.clone(),
        narrator: Narrator::new(
            Output::Lines,
            language,
            Reporter::new(handle.traffic.clone()),
        ),
        printer,
    };
    let tunnel = timeout(HEALTHY_TIMEOUT, news.until_healthy())
        .await
        .map_err(|_| DemoError::NotHealthy)??;
    if let Some(server) = &tunnel.server {
        let round_trip = units::milliseconds(language, server.round_trip);
        printer.print(words::session(language, &server.algorithms, &round_trip));
    }

    let forward = tunnel.primary().ok_or(DemoError::NotHealthy)?;
    let local = forward.settings.local;
    let url = format!("http://{}/", local.authority());
    let started = Instant::now();
    let page = get_page(local, &url).await?;
    if page != Service::Grafana.page(language) {
        return Err(DemoError::OtherPage { url });
    }
    let took = units::milliseconds(language, started.elapsed());
    printer.print(words::page_came(language, &url, page.len(), &took));
    if options.once {
        return Ok(());
    }

    if options.headless || !desktop::has_display() {
        printer.print(words::open_yourself(language, &url));
    } else if let Err(error) = desktop::open_in_browser(&url).await {
        printer.print(words::browser_failed(language, &error.to_string()));
        printer.print(words::open_yourself(language, &url));
    } else {
        printer.print(words::opened(language, &url));
    }
    printer.print(words::how_to_end(language));
    while !news.tell().quitting {
        news.changed().await?;
    }
    Ok(())
}

/// What the engine does, told as `passerelle run` tells it.
struct News<'p> {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    narrator: Narrator,
    printer: &'p Printer,
}

impl News<'_> {
    /// Tells each change until everything works, and gives the tunnel as it is then.
    async fn until_healthy(&mut self) -> Result<TunnelView, DemoError> {
        loop {
            let snapshot = self.tell();
            for tunnel in &snapshot.tunnels {
                match tunnel.phase {
                    Phase::Healthy => return Ok(tunnel.clone()),
                    // Nobody is there to answer.
                    Phase::Blocked => return Err(DemoError::NotHealthy),
                    Phase::Stopped
                    | Phase::Connecting
                    | Phase::Degraded
                    | Phase::Waiting
                    | Phase::Offline
                    | Phase::Stopping => {}
                }
            }
            self.changed().await?;
        }
    }

    async fn changed(&mut self) -> Result<(), DemoError> {
        let changed = self.snapshots.changed().await;
        changed.map_err(|_| DemoError::EngineEnded)
    }

    fn tell(&mut self) -> Arc<Snapshot> {
        let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
        for line in self.narrator.tell(&snapshot, Instant::now()) {
            self.printer.print(format!("   {line}"));
        }
        snapshot
    }
}

/// Gets the page at `local` as a browser does, by the address that it would have.
async fn get_page(local: LocalBind, url: &str) -> Result<String, DemoError> {
    let page = async {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, local.port())).await?;
        fetch(stream, &local.authority(), "/").await
    };
    timeout(PAGE_TIMEOUT, page)
        .await
        .unwrap_or_else(|elapsed| Err(elapsed.into()))
        .map_err(|error| DemoError::NoPage {
            url: url.to_owned(),
            detail: error.to_string(),
        })
}

/// Gets `path` over `stream`, which must lead to an HTTP/1.1 server, and gives the page.
async fn fetch<S>(stream: S, host: &str, path: &str) -> Result<String, Box<dyn Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async {
        let request = Request::get(path)
            .header(header::HOST, host)
            .body(Empty::<Bytes>::new())?;
        let response = sender.send_request(request).await?;
        if !response.status().is_success() {
            return Err(response.status().to_string().into());
        }
        let body = Limited::new(response.into_body(), PAGE_LIMIT)
            .collect()
            .await?;
        Ok(String::from_utf8(body.to_bytes().into())?)
    };
    tokio::select! {
        biased;
        page = exchange => page,
        // It ends before the page does only when it fails.
        ended = connection => Err(ended.err().map_or_else(|| "closed early".into(), Into::into)),
    }
}
