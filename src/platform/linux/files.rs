//! Files and directories for this user's eyes only.

use rustix::fs::OFlags;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Makes the directory, and those above it that are missing, with mode 0700; takes every right of
/// others away from one that exists.
///
/// # Errors
/// When it cannot be made, is not a directory, or belongs to another user, who could replace what we
/// put there.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    // Through one handle, so that what was checked is what is changed.
    let directory = File::open(path)?;
    let metadata = directory.metadata()?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("{} belongs to another user", path.display()),
        ));
    }
    if metadata.mode() & 0o077 != 0 {
        directory.set_permissions(Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Options that make new files with mode 0600.
#[must_use]
pub fn private_file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Opens the file, without waiting for what may be behind the name; `None`: it is not a regular file.
///
/// # Errors
/// When it cannot be opened. [`io::ErrorKind::WouldBlock`]: another program holds a lease on it.
pub fn open_regular(path: &Path, options: &OpenOptions) -> io::Result<Option<File>> {
    // Asked first: to open a device may already do something to it.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Ok(None);
    }
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = options.clone();
    let file = options
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    // Asked again: it may have been replaced meanwhile.
    Ok(file.metadata()?.is_file().then_some(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o777
    }

    #[test]
    fn directories_are_private_from_the_first_moment_and_made_so_later() {
        let root = tempfile::tempdir().unwrap();
        let nested = root.path().join("a/b");
        create_private_dir(&nested).unwrap();
        assert_eq!(mode(&nested), 0o700);
        assert_eq!(mode(&root.path().join("a")), 0o700);

        std::fs::set_permissions(&nested, Permissions::from_mode(0o755)).unwrap();
        create_private_dir(&nested).unwrap();
        assert_eq!(mode(&nested), 0o700);
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(create_private_dir(&file).is_err());
    }

    #[test]
    fn files_are_private() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("secret");
        private_file_options()
            .write(true)
            .create_new(true)
            .open(&path)
            .unwrap();
        assert_eq!(mode(&path), 0o600);
    }
}
