//! Does what the user wishes of the icon and its menu, and tells the user interface what is true.

use super::intent::{Intents, Step};
use super::logon;
use super::{SecretsIn, report};
use crate::config;
use crate::desktop;
use crate::engine::EngineHandle;
use crate::files::FileError;
use crate::i18n::{self, run, tray as words};
use crate::model::{Command, ForwardId, Input, Language, Snapshot, TunnelView};
use crate::paths::Paths;
use crate::ui_messages::{Setback, UiEvent, UiHandle, Wish};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;

/// Stands between the user interface and the engine.
pub(crate) struct Steward {
    language: Language,
    paths: Paths,
    secrets: SecretsIn,
    inputs: mpsc::Sender<Input>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    ui: UiHandle,
    intents: Intents,
}

impl Steward {
    /// One between that engine and that user interface.
    pub(crate) fn new(
        language: Language,
        paths: Paths,
        secrets: SecretsIn,
        engine: &EngineHandle,
        ui: UiHandle,
    ) -> Self {
        Self {
            language,
            paths,
            secrets,
            inputs: engine.inputs.clone(),
            snapshots: engine.snapshots.clone(),
            ui,
            intents: Intents::default(),
        }
    }

    /// Serves until the engine ends. When the user interface ends first, everything does.
    pub(crate) async fn serve(mut self, mut wishes: mpsc::UnboundedReceiver<Wish>) {
        self.tell_snapshot();
        let (ui, file) = (self.ui.clone(), self.paths.config_file.clone());
        spawn_blocking(move || logon::announce(&ui, &file));
        loop {
            let due = self.intents.due();
            tokio::select! {
                wish = wishes.recv() => match wish {
                    Some(wish) => self.grant(wish).await,
                    None => return self.input(Input::Command(Command::Quit)).await,
                },
                changed = self.snapshots.changed() => match changed {
                    Ok(()) => self.tell_snapshot(),
                    Err(_) => return,
                },
                () = sleep_until(due) => {}
            }
            let snapshot = self.now();
            let steps = self.intents.follow(&snapshot, Instant::now());
            self.take(steps).await;
        }
    }

    async fn grant(&mut self, wish: Wish) {
        match wish {
            Wish::Command(command) => {
                if let Command::Down(tunnel) = &command {
                    self.intents.withdraw(tunnel.as_ref());
                }
                self.input(Input::Command(command)).await;
            }
            Wish::Open(forward) => {
                tracing::info!(%forward, "is to be opened");
                let snapshot = self.now();
                let steps = self.intents.wish(forward, &snapshot, Instant::now());
                self.take(steps).await;
            }
            Wish::OpenLog => self.open_log(),
            Wish::EditConfiguration => self.edit_configuration(),
            Wish::SetAutostart(on) => self.set_autostart(on),
        }
    }

    async fn take(&self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Input(input) => self.input(input).await,
                Step::Open(url) => self.browse(url),
                Step::Explain(forward) => self.explain(&forward),
            }
        }
    }

    fn browse(&self, url: String) {
        tracing::info!(url, "opened");
        let (ui, language) = (self.ui.clone(), self.language);
        tokio::spawn(async move {
            if let Err(error) = desktop::open_in_browser(&url).await {
                tracing::warn!(%error, url, "the browser does not open");
                let text = i18n::verbs::browser_failed(language, &url, &error.to_string());
                ui.tell(UiEvent::Setback(Setback::Failed(text)));
            }
        });
    }

    fn explain(&self, forward: &ForwardId) {
        let snapshot = self.now();
        let Some(tunnel) = snapshot.tunnel(&forward.tunnel) else {
            return;
        };
        if tunnel.question.is_some() {
            // The question says it all.
            return;
        }
        let reason = why_not(self.language, tunnel, forward);
        let text = words::not_open_yet(self.language, &forward.name, &reason);
        tracing::info!(%forward, text, "not open yet");
        self.ui.tell(UiEvent::Setback(Setback::NotYet(text)));
    }

    /// One that is not there yet begins as the example.
    fn edit_configuration(&self) {
        let (ui, language) = (self.ui.clone(), self.language);
        let file = self.paths.config_file.clone();
        tokio::spawn(async move {
            let example = file.clone();
            let written = spawn_blocking(move || config::write_example(&example)).await;
            let written = written.unwrap_or_else(|error| Err(FileError::Io(error.into())));
            let name = file.display().to_string();
            let failed = |text| ui.tell(UiEvent::Setback(Setback::Failed(text)));
            match written {
                Ok(()) => edit(&file, &ui, language).await,
                Err(error) if error.is_taken() => edit(&file, &ui, language).await,
                Err(FileError::Silent) => failed(i18n::verbs::file_silent(language, &name)),
                Err(error) => {
                    let detail = error.to_string();
                    failed(i18n::verbs::config_not_written(language, &name, &detail));
                }
            }
        });
    }

    fn set_autostart(&self, on: bool) {
        let (ui, language) = (self.ui.clone(), self.language);
        let (paths, secrets) = (self.paths.clone(), self.secrets);
        spawn_blocking(move || {
            if let Err(error) = logon::set(on, &paths, secrets) {
                tracing::warn!(%error, "start at log-on stays as it was");
                let text = words::autostart_stays(language, &error.to_string());
                ui.tell(UiEvent::Setback(Setback::Failed(text)));
            }
            logon::announce(&ui, &paths.config_file);
        });
    }

    fn open_log(&self) {
        let (ui, language, log) = (self.ui.clone(), self.language, self.paths.log());
        tokio::spawn(async move { edit(&log, &ui, language).await });
    }

    fn tell_snapshot(&mut self) {
        let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
        self.ui.tell(UiEvent::Snapshot(snapshot));
    }

    fn now(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    async fn input(&self, input: Input) {
        // A closed queue means that the engine has ended.
        let _ = self.inputs.send(input).await;
    }
}

async fn edit(file: &Path, ui: &UiHandle, language: Language) {
    if let Err(error) = desktop::open_in_editor(file).await {
        let (file, detail) = (file.display().to_string(), error.to_string());
        let text = words::no_editor(language, &file, &detail);
        ui.tell(UiEvent::Setback(Setback::Failed(text)));
    }
}

/// What stands between the user and the service: a fault of the tunnel, or of the service, or time.
fn why_not(l: Language, tunnel: &TunnelView, forward: &ForwardId) -> String {
    if let Some(fault) = &tunnel.fault {
        return i18n::fault(l, fault).message;
    }
    let view = tunnel.forwards.iter().find(|view| view.id() == forward);
    let detail = view.map(|view| report::detail(view, l));
    let detail = detail.filter(|detail| !detail.is_empty());
    detail.unwrap_or_else(|| run::in_state(l, tunnel.id().as_str(), &i18n::phase(l, tunnel.phase)))
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
