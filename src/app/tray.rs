//! The running program with an icon: the user interface has the main thread, the engine one of its
//! own. Whichever ends takes the other with it.

use super::{RunError, RunOptions, SecretsIn, Start, hold};
use crate::i18n::{self, tray as words, verbs};
use crate::model::Language;
use crate::ui::{Manner, Ui};
use crate::ui_messages::{UiEvent, UiHandle, Wish};
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
            return hold(&options, start, None);
        }
    };
    let manner = manner(&options, language, start.settings.notifications);
    let explain = move |error: &RunError| error.explain(language);
    beside(ui, manner, explain, move |ui, wishes| {
        hold(&options, start, Some((ui, wishes)))
    })
}

/// The work of the other thread broke down by a defect of ours.
pub(crate) struct BrokeDown;

impl From<BrokeDown> for RunError {
    fn from(BrokeDown: BrokeDown) -> Self {
        Self::BrokeDown
    }
}

/// Runs the user interface on this thread, which must be the main one, and the work beside it, until
/// the work ends. The work is to end when nobody can wish anything any more.
///
/// # Errors
/// Those of the work.
pub(crate) fn beside<E>(
    ui: Ui,
    manner: Manner,
    explain: impl Fn(&E) -> String + Send + 'static,
    work: impl FnOnce(UiHandle, mpsc::UnboundedReceiver<Wish>) -> Result<(), E> + Send + 'static,
) -> Result<(), E>
where
    E: From<io::Error> + From<BrokeDown> + Send + 'static,
{
    let (wish, wishes) = mpsc::unbounded_channel();
    let handle = ui.handle();
    let ended = Ended {
        ui: ui.handle(),
        failure: Some(verbs::broke_down(manner.language)),
    };
    let engine = thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || {
            let mut ended = ended;
            let result = work(handle, wishes);
            ended.failure = result.as_ref().err().map(explain);
            result
        })?;
    if let Err(error) = ui.run(manner, wish) {
        tracing::error!(%error, "the display is lost");
    }
    engine.join().unwrap_or_else(|_| Err(BrokeDown.into()))
}

/// Tells what keeps it from starting, in a box.
fn show(error: &RunError, options: &RunOptions) {
    let language = i18n::detect();
    let manner = manner(options, language, false);
    // Without a display there is nobody to tell.
    if let Ok(ui) = Ui::new() {
        tell_the_end(&ui.handle(), Some(error.explain(language)));
        let (wish, _) = mpsc::unbounded_channel();
        if let Err(error) = ui.run(manner, wish) {
            tracing::error!(%error, "the display is lost");
        }
    }
}

fn manner(options: &RunOptions, language: Language, notifications: bool) -> Manner {
    Manner {
        language,
        keyring: options.secrets == SecretsIn::Keyring,
        log: Some(options.paths.log()),
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
        tell_the_end(&self.ui, self.failure.take());
    }
}

/// A failure is for a box, unless a terminal is told of it.
fn tell_the_end(ui: &UiHandle, failure: Option<String>) {
    let failure = failure.filter(|_| !io::stderr().is_terminal());
    ui.tell(UiEvent::Ended(failure));
}
