//! The running program with an icon: the user interface has the main thread, the engine one of its
//! own. Whichever ends takes the other with it.

use super::{Face, RunError, RunOptions, SecretsIn, Start, hold};
use crate::i18n::{self, tray as words};
use crate::model::Language;
use crate::ui::{Manner, Ui, UiEvent, UiHandle};
use std::io::{self, IsTerminal, Write};
use std::thread;
use tokio::sync::mpsc;

/// Runs in the background until it is told to quit; without an icon where there is no display.
///
/// # Errors
/// When it cannot start, and when it breaks down.
pub fn run_with_icon(options: RunOptions) -> Result<(), RunError> {
    let start = match Start::prepare(&options) {
        Ok(start) => start,
        // Not for the user to read: the running one shows itself instead.
        Err(error @ RunError::AlreadyRunning(_)) => return Err(error),
        Err(error) => {
            show(&error, &options);
            return Err(error);
        }
    };
    let language = start.language;
    let ui = match Ui::new() {
        Ok(ui) => ui,
        Err(error) => {
            tracing::warn!(%error, "no display");
            let complaint = words::no_display(language);
            // Where nobody reads, the log has it.
            let _ = writeln!(io::stderr(), "{complaint}");
            return hold(&options, start, Face::Terminal);
        }
    };

    let manner = manner(&options, language, start.settings.notifications);
    let (wish, wishes) = mpsc::unbounded_channel();
    let face = Face::Desktop {
        ui: ui.handle(),
        wishes,
    };
    let ended = Ended {
        ui: ui.handle(),
        failure: Some(RunError::BrokeDown.explain(language)),
    };
    let engine = thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || {
            let mut ended = ended;
            let result = hold(&options, start, face);
            let failure = result.as_ref().err();
            ended.failure = failure.map(|error| error.explain(language));
            result
        })?;
    if let Err(error) = ui.run(manner, wish) {
        tracing::error!(%error, "the display is lost");
    }
    // Nobody wishes anything any more, which ends the engine if it has not ended: 3 s at most.
    engine.join().unwrap_or(Err(RunError::BrokeDown))
}

/// Tells what keeps it from starting, in a box of its own; a terminal is told by the verb already.
fn show(error: &RunError, options: &RunOptions) {
    if io::stderr().is_terminal() {
        return;
    }
    let language = i18n::detect();
    // Without a display there is nobody to tell.
    if let Ok(ui) = Ui::new() {
        ui.handle()
            .tell(UiEvent::Ended(Some(error.explain(language))));
        let (wish, _) = mpsc::unbounded_channel();
        if let Err(error) = ui.run(manner(options, language, false), wish) {
            tracing::error!(%error, "the display is lost");
        }
    }
}

fn manner(options: &RunOptions, language: Language, notifications: bool) -> Manner {
    Manner {
        language,
        keyring: options.secrets == SecretsIn::Keyring,
        log: options.paths.log(),
        notifications,
    }
}

/// Takes the icon away with it, also when it is dropped by a panic.
struct Ended {
    ui: UiHandle,
    /// What ended it, unless somebody wanted it to end.
    failure: Option<String>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.ui.tell(UiEvent::Ended(self.failure.take()));
    }
}
