//! The running program with an icon: the user interface has the main thread, the engine one of its
//! own. Whichever ends takes the other with it.

use super::{Face, RunError, RunOptions, SecretsIn, Start, hold};
use crate::i18n::tray as words;
use crate::ui::{Manner, Ui, UiEvent, UiHandle};
use std::io::Write;
use std::thread;
use tokio::sync::mpsc;

/// Runs in the background until it is told to quit; without an icon where there is no display.
///
/// # Errors
/// When it cannot start, and when it breaks down.
pub fn run_with_icon(options: RunOptions) -> Result<(), RunError> {
    let start = Start::prepare(&options)?;
    let language = start.language;
    let ui = match Ui::new() {
        Ok(ui) => ui,
        Err(error) => {
            tracing::warn!(%error, "no display");
            let complaint = words::no_display(language);
            // Where nobody reads, the log has it.
            let _ = writeln!(std::io::stderr(), "{complaint}");
            return hold(&options, start, Face::Terminal);
        }
    };

    let manner = Manner {
        language,
        keyring: options.secrets == SecretsIn::Keyring,
        log: options.paths.log(),
        notifications: start.settings.notifications,
    };
    let (wish, wishes) = mpsc::unbounded_channel();
    let face = Face::Desktop {
        ui: ui.handle(),
        wishes,
    };
    let ended = Ended(ui.handle());
    let engine = thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || {
            let _ended = ended;
            hold(&options, start, face)
        })?;
    if let Err(error) = ui.run(manner, wish) {
        tracing::error!(%error, "the display is lost");
    }
    // Nobody wishes anything any more, which ends the engine if it has not ended: 3 s at most.
    engine.join().unwrap_or(Err(RunError::BrokeDown))
}

/// Takes the icon away with it, also when it is dropped by a panic.
struct Ended(UiHandle);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.tell(UiEvent::Ended);
    }
}
