//! The running program: everything put together. The only room that knows them all.
//!
//! The start reads as the numbered steps of `Start` and `hold`; the end is one path, whoever asked for it:
//! `Command::Quit`, tunnels down, engine returns, everything else is dropped.

mod desk;
pub(crate) mod holding;
mod intent;
mod lock;
pub(crate) mod logon;
pub(crate) mod narrate;
pub(crate) mod printer;
pub(crate) mod prompt;
pub(crate) mod report;
#[cfg(test)]
mod samples;
pub(crate) mod steward;
#[cfg(feature = "icon")]
pub(crate) mod tray;

pub use narrate::Output;
#[cfg(feature = "icon")]
pub use tray::run_with_icon;

use crate::config::{self, ConfigErrors, Loaded, Watcher};
use crate::engine::beat;
use crate::engine::network::SystemNetwork;
use crate::engine::offer::SessionLimits;
use crate::engine::session::KnownHostsFiles;
use crate::engine::{Engine, EngineOptions};
use crate::files;
use crate::i18n::{self, verbs};
use crate::ipc;
use crate::logging::{self, LogError, LogGuard};
use crate::model::{Command, Input, Language, Settings, Snapshot, version};
use crate::paths::Paths;
use crate::platform::{self, IpcListener};
use crate::secrets::{Keyring, Vault};
use crate::ui_messages::{UiEvent, UiHandle, Wish};
use desk::Desk;
use lock::StateLock;
use narrate::Narrator;
use printer::Printer;
use prompt::Prompter;
use report::Reporter;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use steward::Steward;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How long the last lines may take to be printed.
const LAST_LINES: Duration = Duration::from_millis(500);

/// Calls of verbs that may wait to be looked at.
const CALLS: usize = 16;

/// How to run.
#[derive(Debug)]
pub struct RunOptions {
    /// Where the files are.
    pub paths: Paths,
    /// Where passwords and passphrases are kept.
    pub secrets: SecretsIn,
    /// How to print what happens.
    pub output: Output,
}

/// Where passwords and passphrases are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretsIn {
    /// In the system's keyring, those that the user wants kept.
    Keyring,
    /// In memory alone.
    Memory,
}

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another one runs on the same state directory.
    #[error("another one runs on {}", .0.display())]
    AlreadyRunning(PathBuf),
    /// The configuration is not right.
    #[error("the configuration has errors")]
    Config(ConfigErrors),
    /// A file or directory of the state directory cannot be used.
    #[error("{}: {source}", path.display())]
    State {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A defect of ours ended it.
    #[error("it broke down: see the log")]
    BrokeDown,
    /// The system gives no thread or no event loop.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl RunError {
    /// It in words, a line for each error.
    pub(crate) fn explain(&self, language: Language) -> String {
        match self {
            Self::AlreadyRunning(state_dir) => {
                verbs::already_running(language, &state_dir.display().to_string())
            }
            Self::Config(errors) => config_errors(language, errors).join("\n"),
            Self::BrokeDown => verbs::broke_down(language),
            Self::State { .. } | Self::Log(_) | Self::System(_) => {
                verbs::cannot_run(language, &self.to_string())
            }
        }
    }
}

/// Runs in the foreground until it is told to quit.
///
/// # Errors
/// When it cannot start.
pub fn run(options: RunOptions) -> Result<(), RunError> {
    let start = Start::prepare(&options)?;
    hold(&options, start, None)
}

/// What is done before anything runs.
struct Start {
    lock: StateLock,
    _log: LogGuard,
    settings: Arc<Settings>,
    language: Language,
    printer: Printer,
}

impl Start {
    fn prepare(options: &RunOptions) -> Result<Self, RunError> {
        let paths = &options.paths;

        // 1. A directory that is ours, and ours alone.
        let state_dir = &paths.state_dir;
        let may_be_there = [paths.config_file.clone(), paths.known_hosts()];
        let lock_file = paths.lock();
        let lock = files::work(state_dir, move |state_dir| {
            lock::prepare(state_dir, &lock_file, &may_be_there)?;
            Ok(StateLock::take(&lock_file)?)
        });
        let lock = lock.map_err(|error| RunError::State {
            path: state_dir.clone(),
            source: error.into(),
        })?;
        let Some(lock) = lock else {
            return Err(RunError::AlreadyRunning(state_dir.clone()));
        };

        // 2. A log.
        let log = logging::start(&paths.log())?;
        tracing::info!(version = version(), state_dir = %state_dir.display(), "started");

        // 3. A configuration.
        let loaded = config::load(&paths.config_file).map_err(|errors| {
            tracing::error!(file = %paths.config_file.display(), "the configuration has errors");
            RunError::Config(errors)
        })?;
        Ok(Self {
            lock,
            _log: log,
            language: loaded.settings.language.unwrap_or_else(i18n::detect),
            settings: loaded.settings,
            printer: Printer::start()?,
        })
    }
}

/// What the user sees on the desktop, and what they wish there.
pub(crate) type Desktop = (UiHandle, mpsc::UnboundedReceiver<Wish>);

/// Runs the engine, and what surrounds it, on this thread until it is told to quit. Without a desktop the
/// user is met on the terminal, if there is one.
fn hold(options: &RunOptions, start: Start, desktop: Option<Desktop>) -> Result<(), RunError> {
    // 4. What a prompt may leave changed.
    let _terminal = platform::save_terminal();

    // 5. The engine, and what surrounds it.
    platform::raise_descriptor_limit();
    platform::keep_freed_memory();
    beat::begin();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(drive(options, &start, desktop));

    // 6. The next run may begin before the verbs that wait for our end hear of it.
    drop(start.lock);
    // A keyring that does not answer must not hold up the end.
    runtime.shutdown_background();
    start.printer.finish(LAST_LINES);
    tracing::info!("ended");
    result
}

async fn drive(
    options: &RunOptions,
    start: &Start,
    desktop: Option<Desktop>,
) -> Result<(), RunError> {
    let paths = &options.paths;
    let (settings, language, printer) = (&start.settings, start.language, &start.printer);
    let known_hosts = KnownHostsFiles {
        own: paths.known_hosts(),
        user: paths.user_known_hosts.clone(),
    };
    let vault = match options.secrets {
        SecretsIn::Keyring => Vault::new(Arc::new(Keyring::new(platform::keyring_store)))
            .noting_refusals_in(paths.refused()),
        SecretsIn::Memory => Vault::in_memory(),
    };
    let (engine, handle) = Engine::new(EngineOptions {
        settings: Arc::clone(settings),
        known_hosts: known_hosts.clone(),
        spool_dir: paths.spool(),
        network: Arc::new(SystemNetwork),
        limits: SessionLimits::default(),
        vault: vault.clone(),
        holding_page: holding::page(language),
        seed: fastrand::u64(..),
    });
    let reporter = Reporter::new(handle.traffic.clone());

    let listener = IpcListener::bind(paths).map_err(|source| RunError::State {
        path: paths.socket(),
        source,
    })?;
    let (calls, received) = mpsc::channel(CALLS);
    let ui = desktop.as_ref().map(|(ui, _)| ui.clone());
    let desk = Desk {
        inputs: handle.inputs.clone(),
        snapshots: handle.snapshots.clone(),
        reporter: reporter.clone(),
        known_hosts,
        vault,
        ui: ui.clone(),
    };
    tokio::spawn(desk.serve(received));

    if let Some((ui, wishes)) = desktop {
        let steward = Steward::new(language, paths.clone(), options.secrets, &handle, ui);
        tokio::spawn(steward.serve(wishes));
    } else if options.output == Output::Lines && prompt::terminal_is_there() {
        let prompter = Prompter {
            language,
            keyring: options.secrets == SecretsIn::Keyring,
            inputs: handle.inputs.clone(),
            snapshots: handle.snapshots.clone(),
        };
        tokio::spawn(prompter.run());
    }

    let _watcher = follow_configuration(paths, &handle.inputs, language, settings, ui);
    let mut narrator = Narrator::new(options.output, language, reporter);
    let companions = async {
        tokio::join!(
            ipc::serve(listener, calls),
            narrate(&mut narrator, handle.snapshots.clone(), printer),
        )
    };
    // Not in here: what this thread's own future waits for, costs the system two calls each time it comes.
    let mut running = JoinSet::new();
    running.spawn(engine.run());
    tokio::select! {
        ended = running.join_next() => {
            if let Some(Err(error)) = ended
                && let Ok(defect) = error.try_into_panic()
            {
                std::panic::resume_unwind(defect);
            }
        }
        () = told_twice_to_end(&handle.inputs) => {
            tracing::warn!("told twice to end: not waiting for the sessions");
        }
        // The narrator listens as long as the engine speaks.
        _ = companions => {}
    }
    tell(&mut narrator, &handle.snapshots.borrow(), printer);
    Ok(())
}

async fn told_twice_to_end(inputs: &mpsc::Sender<Input>) {
    platform::terminate_signal().await;
    tracing::info!("told to end");
    // A closed queue means that the engine has ended.
    let _ = inputs.send(Input::Command(Command::Quit)).await;
    platform::terminate_signal().await;
}

async fn narrate(
    narrator: &mut Narrator,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    printer: &Printer,
) {
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        tell(narrator, &snapshot, printer);
        if snapshots.changed().await.is_err() {
            return;
        }
    }
}

fn tell(narrator: &mut Narrator, snapshot: &Snapshot, printer: &Printer) {
    for line in narrator.tell(snapshot, Instant::now()) {
        printer.print(line);
    }
}

/// From now on, a change of the file since it was read becomes an input. A system that watches no files is
/// no reason not to run.
fn follow_configuration(
    paths: &Paths,
    inputs: &mpsc::Sender<Input>,
    language: Language,
    in_force: &Arc<Settings>,
    ui: Option<UiHandle>,
) -> Option<Watcher> {
    let (file, inputs) = (paths.config_file.clone(), inputs.clone());
    let watcher = config::watch(&paths.config_file, Arc::clone(in_force), move |loaded| {
        show_settings(ui.as_ref(), &loaded, &file);
        // A closed queue means that the engine has ended.
        let _ = inputs.blocking_send(as_input(loaded, language));
    });
    if let Err(error) = &watcher {
        let file = paths.config_file.display();
        tracing::warn!(%error, %file, "changes are not noticed");
    }
    watcher.ok()
}

/// Tells the user interface what of a good configuration it has to know. Reads files.
fn show_settings(ui: Option<&UiHandle>, loaded: &Result<Loaded, ConfigErrors>, file: &Path) {
    if let (Some(ui), Ok(loaded)) = (ui, loaded) {
        ui.tell(UiEvent::Notifications(loaded.settings.notifications));
        logon::announce(ui, file);
    }
}

fn as_input(loaded: Result<Loaded, ConfigErrors>, language: Language) -> Input {
    match loaded {
        Ok(loaded) => Input::Settings(loaded.settings),
        Err(errors) => Input::SettingsRejected(report::first_errors(language, &errors).into()),
    }
}

/// The errors in words, a line each.
pub(crate) fn config_errors(language: Language, errors: &ConfigErrors) -> Vec<String> {
    errors
        .0
        .iter()
        .map(|error| i18n::config_error(language, error))
        .collect()
}
