//! The example of a configuration file: every key, explained, with its default.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

const EXAMPLE: &str = include_str!("../../config.example.toml");

/// Writes it there, with the directories above it.
///
/// # Errors
/// When it cannot be written; [`io::ErrorKind::AlreadyExists`] when there is a file.
pub fn write_example(file: &Path) -> io::Result<()> {
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
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }
}
