//! The example of a configuration file: every key, explained, with its default.

use crate::files::{self, FileError};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

const EXAMPLE: &str = include_str!("../../config.example.toml");

/// Writes it there, with the directories above it. Blocks.
///
/// # Errors
/// When it cannot be written; [`FileError::is_taken`]: there is a file.
pub fn write_example(file: &Path) -> Result<(), FileError> {
    files::work(file, |file| Ok(write(file)?))
}

fn write(file: &Path) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut new = OpenOptions::new().write(true).create_new(true).open(file)?;
    new.write_all(EXAMPLE.as_bytes())?;
    new.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn a_new_file_is_the_example_and_an_old_one_stays() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("not/there/yet/config.toml");
        write_example(&file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), EXAMPLE);
        assert!(config::load(&file).is_ok());
        fs::write(&file, "mine").unwrap();
        let refused = write_example(&file).unwrap_err();
        assert!(refused.is_taken(), "{refused}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }
}
