//! What waits for slow local programs: in memory first, then in private temporary files.

use std::path::PathBuf;

/// The memory and disk that all connections share.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
}

impl Spool {
    /// A spool whose files are made in `dir`, when one is needed.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Where its files are made.
    #[must_use]
    pub fn dir(&self) -> &std::path::Path {
        &self.dir
    }
}
