//! Files and directories for this user's eyes only.

#![expect(
    unsafe_code,
    reason = "CreateDirectoryW takes a security descriptor, std does not; GetFileType is not in std"
)]

use super::identity::{ADMINISTRATORS, Permissions, SYSTEM, owner_of, user_sid};
use super::wide;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{AsHandle, AsRawHandle};
use std::path::Path;
use windows_sys::Win32::Security::Authorization::SE_FILE_OBJECT;
use windows_sys::Win32::Storage::FileSystem::{
    CreateDirectoryW, FILE_FLAG_BACKUP_SEMANTICS, FILE_TYPE_DISK, GetFileType, READ_CONTROL,
    WRITE_DAC,
};

/// Makes the directory, and those above it that are missing; gives every right in it to this user,
/// the system and the administrators, and none to anyone else, also where it exists.
///
/// # Errors
/// When it cannot be made, is not a directory, or belongs to another user, who could replace what we
/// put there.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).create(parent)?;
    }
    let user = user_sid()?;
    let permissions = Permissions::parse(&format!(
        "O:{user}D:P(A;OICI;FA;;;{user})(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
    ))?;
    match create(path, &permissions) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            take_over(path, &user, &permissions)
        }
        result => result,
    }
}

/// Options that make new files with the directory's access rights.
#[must_use]
pub fn private_file_options() -> OpenOptions {
    OpenOptions::new()
}

/// Opens the file, without waiting for what may be behind the name; `None`: it is not a regular file.
///
/// # Errors
/// When it cannot be opened. [`io::ErrorKind::WouldBlock`]: another program holds a lease on it.
pub fn open_regular(path: &Path, options: &OpenOptions) -> io::Result<Option<File>> {
    // Asked first: a directory is not opened, and not told apart from a file that is forbidden.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Ok(None);
    }
    let file = options.open(path)?;
    // SAFETY: the handle is open as long as the file is.
    let kind = unsafe { GetFileType(file.as_raw_handle()) };
    Ok((kind == FILE_TYPE_DISK && file.metadata()?.is_file()).then_some(file))
}

fn create(path: &Path, permissions: &Permissions) -> io::Result<()> {
    let name = wide(path.as_os_str());
    let attributes = permissions.attributes();
    // SAFETY: the name ends with a zero; the attributes and what they point to outlive the call.
    if unsafe { CreateDirectoryW(name.as_ptr(), &raw const attributes) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn take_over(path: &Path, user: &str, permissions: &Permissions) -> io::Result<()> {
    // Through one handle, so that what was checked is what is changed.
    let directory = OpenOptions::new()
        .access_mode(READ_CONTROL | WRITE_DAC)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)?;
    if !directory.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let owner = owner_of(directory.as_handle(), SE_FILE_OBJECT)?;
    if ![user, ADMINISTRATORS, SYSTEM].contains(&owner.as_str()) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("{} belongs to another user", path.display()),
        ));
    }
    permissions.apply(directory.as_handle(), SE_FILE_OBJECT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_with_those_above_it_and_taken_over_later() {
        let root = tempfile::tempdir().unwrap();
        let nested = root.path().join("a").join("b");
        create_private_dir(&nested).unwrap();
        std::fs::write(nested.join("file"), "kept").unwrap();
        create_private_dir(&nested).unwrap();
        assert_eq!(std::fs::read(nested.join("file")).unwrap(), b"kept");
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(create_private_dir(&file).is_err());
    }
}
