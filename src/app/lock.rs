//! One Passerelle on a state directory.

use crate::platform::private_file_options;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// The state directory is ours until this is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub(crate) struct StateLock(#[expect(dead_code, reason = "it is held, not used")] File);

impl StateLock {
    /// Takes the lock; `None`: another one has it.
    pub(crate) fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = private_file_options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_has_it_and_the_next_one_gets_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        let first = StateLock::take(&path).unwrap();
        assert!(first.is_some());
        assert!(StateLock::take(&path).unwrap().is_none());
        drop(first);
        assert!(StateLock::take(&path).unwrap().is_some());
    }
}
