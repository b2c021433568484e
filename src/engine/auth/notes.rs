//! What was noticed on the way: for the log, and for the fault at the end.

use std::fmt;

/// Technical remarks, never a secret.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<String>);

impl Notes {
    /// Notes something that kept a credential from being used, and logs it.
    pub(super) fn add(&mut self, note: String) {
        tracing::warn!("{note}");
        self.0.push(note);
    }

    /// Takes over what another noted, and logged.
    pub(super) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

impl fmt::Display for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}
