//! Files and directories for this user's eyes only: below `%LOCALAPPDATA%` they inherit that.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::Path;

/// Makes the directory, and those above it that are missing.
///
/// # Errors
/// When it cannot be made, or is not a directory.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(path)
}

/// Options that make new files with the directory's access rights.
#[must_use]
pub fn private_file_options() -> OpenOptions {
    OpenOptions::new()
}
