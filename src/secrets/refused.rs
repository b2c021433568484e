//! Which stored passwords were refused by their servers, written down where the next run finds it.
//!
//! A refused password is deleted from the keyring. A keyring may be locked, read-only or gone just
//! then, and the next run would send the same password again: that locks accounts. So the account's
//! name goes into a file before the keyring is asked, and out of it once the keyring holds the refused
//! password no more. Meanwhile the keyring's password for that account is not used. A keyring that was
//! locked all the time may hold any password, so the name of an account whose password was typed goes
//! into the file, too.
//!
//! The file has names and nothing that was made from a password: a hash of one, however slow, would let
//! whoever gets the file try passwords against it. The price: while a name is in the file, another
//! password in the keyring is not used either, such as a right one behind a mistyped one.

use super::SecretKey;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The file of the refused accounts: a JSON string on each line.
#[derive(Debug)]
pub(super) struct Refused {
    path: PathBuf,
    // Each change reads, and then replaces the file.
    changes: Mutex<()>,
}

impl Refused {
    /// The file at this path, which may be missing.
    pub(super) fn at(path: PathBuf) -> Self {
        let changes = Mutex::new(());
        Self { path, changes }
    }

    /// Whether the account's password was refused, and the keyring may still hold it. Blocks.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub(super) fn holds(&self, key: &SecretKey) -> io::Result<bool> {
        Ok(read(&self.path)?.contains(&key.account()))
    }

    /// Adds the account, and returns once that is on the disk: whether it was not there before. Blocks.
    ///
    /// # Errors
    /// The file is as before.
    pub(super) fn add(&self, key: &SecretKey) -> io::Result<bool> {
        self.change(|accounts| accounts.insert(key.account()))
    }

    /// Removes the account. Returns whether it was there. Blocks.
    ///
    /// # Errors
    /// The file is as before.
    pub(super) fn remove(&self, key: &SecretKey) -> io::Result<bool> {
        self.change(|accounts| accounts.remove(&key.account()))
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<String>) -> bool) -> io::Result<bool> {
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut accounts = read(&self.path)?;
        if !change(&mut accounts) {
            return Ok(false);
        }
        if accounts.is_empty() {
            fs::remove_file(&self.path)?;
        } else {
            replace(&self.path, &accounts)?;
        }
        Ok(true)
    }
}

/// The accounts in the file. A line that is none is passed over: nobody but us writes there.
fn read(path: &Path) -> io::Result<BTreeSet<String>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let accounts = text.lines().filter_map(|line| {
        let account = serde_json::from_str(line);
        account
            .inspect_err(|error| tracing::warn!(%error, path = %path.display(), "no account"))
            .ok()
    });
    Ok(accounts.collect())
}

fn replace(path: &Path, accounts: &BTreeSet<String>) -> io::Result<()> {
    let directory = path.parent().ok_or(ErrorKind::InvalidInput)?;
    let mut file = tempfile::Builder::new()
        .prefix("refused.")
        .tempfile_in(directory)?;
    for account in accounts {
        writeln!(file, "{}", serde_json::to_string(account)?)?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    // A new name lasts through a power cut only when its directory is written, too.
    if let Ok(directory) = File::open(directory) {
        drop(directory.sync_all());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(server: &str) -> SecretKey {
        let server = server.into();
        SecretKey::Password { server }
    }

    #[test]
    fn accounts_come_and_go_one_by_one_and_the_file_goes_with_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("refused");
        let (one, two) = (key("m@a:722"), key("m\n\"é@b:22"));
        let refused = Refused::at(path.clone());
        assert!(!refused.holds(&one).unwrap());
        refused.remove(&one).unwrap();
        refused.add(&one).unwrap();
        refused.add(&two).unwrap();
        refused.add(&two).unwrap();

        let next_run = Refused::at(path.clone());
        assert!(next_run.holds(&one).unwrap() && next_run.holds(&two).unwrap());
        next_run.remove(&one).unwrap();
        assert!(!refused.holds(&one).unwrap() && refused.holds(&two).unwrap());
        refused.remove(&two).unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_line_of_rubbish_hides_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("refused");
        fs::write(&path, "rubbish\n\"m@a:722\"\n").unwrap();
        let refused = Refused::at(path);
        assert!(refused.holds(&key("m@a:722")).unwrap());
        assert!(!refused.holds(&key("m@b:722")).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_this_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("refused");
        Refused::at(path.clone()).add(&key("m@a:722")).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
