//! One Passerelle on a state directory, and nobody else's files in it.

use crate::platform::{create_private_dir, private_file_options};
use std::fs::{DirEntry, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Makes the state directory, private to this user. `may_be_there` are files that someone may have put
/// there for us before the first run; from then on the `lock` file tells that the directory is ours.
///
/// # Errors
/// When it cannot be made, and when it is there and holds other files: taking the rights of others
/// away from somebody's documents, or from a home directory, is not ours to do.
pub(crate) fn prepare(state_dir: &Path, lock: &Path, may_be_there: &[PathBuf]) -> io::Result<()> {
    let is_foreign = |entry: io::Result<DirEntry>| {
        entry.is_ok_and(|entry| !may_be_there.contains(&entry.path()))
    };
    let foreign = match std::fs::read_dir(state_dir) {
        Ok(mut entries) => !lock.exists() && entries.any(is_foreign),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    if foreign {
        return Err(io::Error::new(
            io::ErrorKind::DirectoryNotEmpty,
            "the directory holds files that are not Passerelle's; name an empty one, or a new one",
        ));
    }
    create_private_dir(state_dir)
}

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
    fn a_directory_with_other_files_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let (state, documents) = (root.path().join("state"), root.path().join("documents"));
        let (lock, known_hosts) = (state.join("lock"), state.join("known_hosts"));
        std::fs::create_dir(&state).unwrap();
        std::fs::write(&known_hosts, "").unwrap();
        prepare(&state, &lock, std::slice::from_ref(&known_hosts)).unwrap();
        StateLock::take(&lock).unwrap();
        std::fs::write(state.join("log"), "").unwrap();
        prepare(&state, &lock, std::slice::from_ref(&known_hosts)).unwrap();

        std::fs::create_dir(&documents).unwrap();
        std::fs::write(documents.join("letter"), "").unwrap();
        let before = documents.metadata().unwrap().permissions();
        let error = prepare(&documents, &documents.join("lock"), &[]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::DirectoryNotEmpty);
        assert_eq!(documents.metadata().unwrap().permissions(), before);
    }

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
