//! The demonstration with its icon.

use super::{DemoError, DemoOptions, on_this_thread};
use crate::app::tray::{self, BrokeDown};
use crate::desktop;
use crate::ui::{Manner, Ui};

impl From<BrokeDown> for DemoError {
    fn from(_: BrokeDown) -> Self {
        Self::EngineEnded
    }
}

/// Runs the demonstration as [`super::run`] does, until the icon's "Quit" as well; the icon is there where
/// there is a desktop, and it is neither `headless` nor `once`.
///
/// # Errors
/// Those of [`super::run`].
pub fn run_with_icon(options: DemoOptions) -> Result<(), DemoError> {
    let shown = !options.headless && !options.once && desktop::has_display();
    match shown.then(Ui::new) {
        Some(Ok(ui)) => {
            let manner = Manner {
                language: options.language,
                keyring: false,
                log: None,
                notifications: false,
            };
            let explain = move |error: &DemoError| error.explain(options.language);
            tray::beside(ui, manner, explain, move |ui, wishes| {
                on_this_thread(options, Some((ui, wishes)))
            })
        }
        Some(Err(_)) | None => on_this_thread(options, None),
    }
}
