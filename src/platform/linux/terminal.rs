//! The terminal, which a prompt that hides what is typed leaves changed when the process ends
//! in the middle of it.

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::File;

/// The terminal's settings as they were; they are so again when this is dropped.
#[must_use]
#[derive(Debug)]
pub struct SavedTerminal(Option<(File, Termios)>);

/// Notes the settings of the process's terminal, if it has one.
pub fn save_terminal() -> SavedTerminal {
    let saved = File::open("/dev/tty").ok().and_then(|terminal| {
        let settings = tcgetattr(&terminal).ok()?;
        Some((terminal, settings))
    });
    SavedTerminal(saved)
}

/// From now on nothing that is typed is shown, until this is dropped. What was typed ahead is
/// dropped: it was shown, so it is no secret.
pub fn hide_typing() -> SavedTerminal {
    let saved = save_terminal();
    if let Some((terminal, settings)) = &saved.0 {
        let mut hidden = settings.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        if let Err(error) = tcsetattr(terminal, OptionalActions::Flush, &hidden) {
            tracing::debug!(%error, "the terminal shows what is typed");
        }
    }
    saved
}

impl Drop for SavedTerminal {
    fn drop(&mut self) {
        if let Some((terminal, settings)) = &self.0
            && let Err(error) = tcsetattr(terminal, OptionalActions::Now, settings)
        {
            tracing::debug!(%error, "the terminal stays as it is");
        }
    }
}
