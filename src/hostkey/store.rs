//! Passerelle's own known_hosts: one line more, or some less. What it does not understand, it keeps.

use super::LARGEST_FILE;
use super::line::{Line, Marker};
use super::names::ServerName;
use crate::files::{self, FileError};
use crate::model::{Fault, PresentedKey};
use crate::platform;
use russh::keys::{HashAlg, PublicKey};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Appends the key to `path`, Passerelle's own known_hosts, and returns once it is on the disk. A line
/// that is there already is not written again.
///
/// One write, so that a crash leaves the line or a part of it, and a part is read as nothing. Blocks.
///
/// # Errors
/// [`Fault::KnownHostsUnwritable`]; the file is then as before, unless it did not answer in time.
pub fn record(path: &Path, key: &PresentedKey) -> Result<(), Fault> {
    let recorded = match line_of(key) {
        Some(line) => files::work(path, move |path| append(path, &line)),
        None => Err(FileError::Io(ErrorKind::InvalidInput.into())),
    };
    recorded.map_err(|error| Fault::KnownHostsUnwritable {
        key: key.clone(),
        path: path.to_owned(),
        detail: error.to_string(),
    })
}

/// Removes from `path` the lines that make a key known for that server under its name with the
/// port, and returns how many there were. `@revoked` and `@cert-authority` lines stay, as do those
/// that are not understood, to the byte; a line for several servers goes as a whole. All of it is
/// as `ssh-keygen -R` does. Blocks.
///
/// # Errors
/// When the file cannot be read or replaced; it is then as before, unless it did not answer in time.
pub fn forget(path: &Path, host: &str, port: u16) -> Result<usize, FileError> {
    let server = ServerName::new(host, port);
    files::work(path, move |path| remove(path, &server))
}

fn remove(path: &Path, server: &ServerName) -> Result<usize, FileError> {
    let text = match files::read_now(path, LARGEST_FILE) {
        Err(FileError::Missing) => return Ok(0),
        text => text?,
    };
    let makes_known = |line: &&[u8]| {
        Line::parse(line)
            .is_some_and(|line| line.marker == Marker::Known && line.names.mean(&server.exact))
    };
    let (removed, kept): (Vec<&[u8]>, Vec<&[u8]>) = text
        .split_inclusive(|byte| *byte == b'\n')
        .partition(makes_known);
    if !removed.is_empty() {
        replace(path, &kept.concat())?;
    }
    Ok(removed.len())
}

/// The line to record; `None` for a host that cannot stand in one, or a key that is not whole.
fn line_of(key: &PresentedKey) -> Option<String> {
    let server = ServerName::new(&key.host, key.port);
    let name = server.recordable()?;
    let mut public = PublicKey::from_openssh(&key.line).ok()?;
    public.set_comment("");
    // What was shown to the user is what gets recorded.
    if public.fingerprint(HashAlg::Sha256).to_string() != key.fingerprint {
        return None;
    }
    Some(format!("{name} {}\n", public.to_openssh().ok()?))
}

fn append(path: &Path, line: &str) -> Result<(), FileError> {
    let mut options = platform::private_file_options();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = files::open(path, &options)?;
    let has_line = |text: &[u8]| {
        let mut lines = text.split(|byte| *byte == b'\n');
        lines.any(|known| known == line.trim_end().as_bytes())
    };
    if has_line(&files::read_now(path, LARGEST_FILE)?) {
        // An append that did not answer in time may have written it, and may not have finished.
        file.sync_all()?;
        return Ok(());
    }
    let end = file.seek(SeekFrom::End(0))?;
    let addition = if end == 0 || ends_with_newline(&mut file)? {
        line.to_owned()
    } else {
        format!("\n{line}")
    };
    let written = file
        .write_all(addition.as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        // Best effort: what stays is read as nothing.
        drop(file.set_len(end));
    }
    written?;
    sync_directory_of(path);
    Ok(())
}

/// Leaves the position at the end of the file, which must not be empty.
fn ends_with_newline(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let directory = path.parent().ok_or(ErrorKind::InvalidInput)?;
    let mut file = tempfile::Builder::new()
        .prefix("known_hosts.")
        .tempfile_in(directory)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_directory_of(path);
    Ok(())
}

/// Makes a new name of the directory last through a power cut, where the system lets one ask.
fn sync_directory_of(path: &Path) {
    if let Some(directory) = path.parent()
        && let Ok(directory) = File::open(directory)
    {
        drop(directory.sync_all());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostkey::{KnownHosts, Verdict, present};
    use std::fs;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAZmJYWb5P94FBpY1IwJZi33w3pepMEtckdT5kAW5zrj";

    fn key() -> PublicKey {
        PublicKey::from_openssh(KEY).unwrap()
    }

    fn presented() -> PresentedKey {
        present("ServeurProduction", 722, &key())
    }

    /// What `record` leaves of a file that held `before`.
    fn recorded(before: &[u8]) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        fs::write(&path, before).unwrap();
        record(&path, &presented()).unwrap();
        fs::read(&path).unwrap()
    }

    #[test]
    fn what_is_recorded_is_trusted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        record(&path, &presented()).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            format!("[serveurproduction]:722 {KEY}\n")
        );
        let known = KnownHosts::read(&[path]).unwrap();
        assert_eq!(
            known.verdict("serveurproduction", 722, &key(), &[]),
            Verdict::Trusted
        );
    }

    #[test]
    fn a_line_that_is_there_is_not_written_again() {
        let line = format!("[serveurproduction]:722 {KEY}");
        for before in [format!("{line}\n"), line.clone(), format!("a\n{line}\nb\n")] {
            assert_eq!(recorded(before.as_bytes()), before.as_bytes());
        }
        // Each of these says something else.
        for before in [
            format!("# {line}\n"),
            format!("@revoked {line}\n"),
            format!("[other]:722,{line}\n"),
        ] {
            let after = format!("{before}{line}\n");
            assert_eq!(recorded(before.as_bytes()), after.as_bytes());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_for_its_owner_alone() {
        use std::os::unix::fs::MetadataExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        record(&path, &presented()).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        forget(&path, "serveurproduction", 722).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn every_byte_that_was_there_stays() {
        let line = format!("[serveurproduction]:722 {KEY}\n").into_bytes();
        for before in [&b""[..], b"\n", b"# \xff\xfe\n\n", b"a\r\nb\r\n"] {
            assert_eq!(recorded(before), [before, &line].concat());
        }
        for torn in [&b"# no end"[..], b"host ssh-ed25519 AAAAC3Nz"] {
            assert_eq!(recorded(torn), [torn, b"\n", &line].concat());
        }
    }

    #[test]
    fn what_is_no_whole_key_of_a_plain_host_is_not_recorded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        for key in [
            PresentedKey {
                host: "*".to_owned(),
                port: 22,
                ..presented()
            },
            PresentedKey {
                line: "ssh-ed25519 AAAA".to_owned(),
                ..presented()
            },
            PresentedKey {
                fingerprint: "SHA256:another".to_owned(),
                ..presented()
            },
        ] {
            assert!(matches!(
                record(&path, &key),
                Err(Fault::KnownHostsUnwritable { .. })
            ));
        }
        assert!(!path.exists());
    }

    #[test]
    fn a_directory_that_is_missing_is_reported() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gone").join("known_hosts");
        assert!(matches!(
            record(&path, &presented()),
            Err(Fault::KnownHostsUnwritable { path: told, .. }) if told == path
        ));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn nothing_is_recorded_in_what_is_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        // What is written to the null device is gone, and no error says so.
        for path in [&fifo, Path::new("/dev/null"), directory.path()] {
            let Err(Fault::KnownHostsUnwritable { detail, .. }) = record(path, &presented()) else {
                panic!("recorded in {}", path.display());
            };
            assert_eq!(detail, "this is not a regular file");
            assert!(matches!(
                forget(path, "serveurproduction", 722),
                Err(FileError::NotAFile)
            ));
        }
    }

    #[test]
    fn forgetting_takes_the_servers_lines_and_no_others() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        let theirs = format!("[serveurproduction]:722 {KEY}");
        // `ssh-keygen -H` made it of `[serveurproduction]:722`.
        let hashed = format!("|1|RFenExD4jQqdRs1GSxL697Z1vAA=|nM27tcElOAjwHLV7lYDar3hLlrc= {KEY}");
        let others = [
            "# [serveurproduction]:722".to_owned(),
            String::new(),
            "not a line \u{fffd}\r".to_owned(),
            format!("serveurproduction {KEY}"),
            format!("[serveurproduction]:723 {KEY}"),
            format!("@revoked {theirs}"),
            format!("@cert-authority {theirs}"),
            "[serveurproduction]:722 ssh-ed25519 AAAA".to_owned(),
        ]
        .join("\n");
        fs::write(
            &path,
            format!("{theirs}\n{hashed}\n{others}\nother,{theirs}"),
        )
        .unwrap();
        assert_eq!(forget(&path, "ServeurProduction", 722).unwrap(), 3);
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{others}\n"));
        assert_eq!(forget(&path, "serveurproduction", 722).unwrap(), 0);
        let names: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["known_hosts"]);
    }

    #[test]
    fn forgetting_without_a_file_forgets_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        assert_eq!(forget(&path, "serveurproduction", 722).unwrap(), 0);
        assert!(!path.exists());
        assert!(forget(directory.path(), "serveurproduction", 722).is_err());
    }
}
