//! Does what the user wishes of the icon and its menu, and tells the user interface what is true.

use super::logon;
use crate::desktop;
use crate::model::{Command, Input, Snapshot};
use crate::paths::Paths;
use crate::ui::{UiEvent, UiHandle, Wish};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Stands between the user interface and the engine.
pub(super) struct Steward {
    pub(super) paths: Paths,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(super) ui: UiHandle,
}

impl Steward {
    /// Serves until the engine ends. When the user interface ends first, everything does.
    pub(super) async fn serve(mut self, mut wishes: mpsc::UnboundedReceiver<Wish>) {
        self.tell_autostart();
        self.tell_snapshot();
        loop {
            tokio::select! {
                wish = wishes.recv() => match wish {
                    Some(wish) => self.grant(wish).await,
                    None => {
                        self.command(Command::Quit).await;
                        return;
                    }
                },
                changed = self.snapshots.changed() => match changed {
                    Ok(()) => self.tell_snapshot(),
                    Err(_) => return,
                },
            }
        }
    }

    fn tell_snapshot(&mut self) {
        let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
        self.ui.tell(UiEvent::Snapshot(snapshot));
    }

    async fn grant(&mut self, wish: Wish) {
        match wish {
            Wish::Command(command) => self.command(command).await,
            Wish::Open(forward) => tracing::info!(%forward, "is to be opened"),
            Wish::OpenLog => show(self.paths.log()),
            Wish::EditConfiguration => show(self.paths.config_file.clone()),
            Wish::SetAutostart(on) => {
                if let Err(error) = logon::set(on) {
                    tracing::warn!(%error, "start at log-on stays as it was");
                }
                self.tell_autostart();
            }
        }
    }

    fn tell_autostart(&self) {
        match logon::state(&self.paths.config_file) {
            Ok(autostart) => self.ui.tell(UiEvent::Autostart(autostart)),
            Err(error) => tracing::warn!(%error, "no start at log-on"),
        }
    }

    async fn command(&self, command: Command) {
        // A closed queue means that the engine has ended.
        let _ = self.inputs.send(Input::Command(command)).await;
    }
}

fn show(file: std::path::PathBuf) {
    tokio::spawn(async move {
        if let Err(error) = desktop::open_in_editor(&file).await {
            tracing::warn!(%error, file = %file.display(), "cannot be shown");
        }
    });
}
