//! The terminal, which a prompt that hides what is typed leaves changed when the process ends
//! in the middle of it.

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
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

impl Drop for SavedTerminal {
    fn drop(&mut self) {
        if let Some((terminal, settings)) = &self.0
            && let Err(error) = tcsetattr(terminal, OptionalActions::Now, settings)
        {
            tracing::debug!(%error, "the terminal stays as it is");
        }
    }
}
