//! Host keys: the verdict on what a server shows, by OpenSSH's rules, and Passerelle's own known_hosts.

use crate::model::{Fault, PresentedKey};
use russh::keys::{Algorithm, HashAlg, PublicKey};
use std::io;
use std::path::{Path, PathBuf};

/// What the known_hosts files say.
#[derive(Debug, Clone, Default)]
pub struct KnownHosts;

/// What to make of the key that a server shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the server's.
    Trusted,
    /// Nothing is known of the server.
    Unknown,
    /// The server is known by other keys.
    Changed {
        /// Their fingerprints.
        known: Vec<String>,
        /// Where the first of them stands, `file:line`.
        source: String,
    },
    /// The key is marked `@revoked`.
    Revoked {
        /// Where, `file:line`.
        source: String,
    },
    /// Keys are pinned, and it is none of them.
    NotPinned,
    /// The server is known by a certificate authority only.
    CertificateAuthority {
        /// Where, `file:line`.
        source: String,
    },
}

impl KnownHosts {
    /// Reads these files; a missing one says nothing.
    ///
    /// # Errors
    /// [`Fault::KnownHostsUnreadable`] when one is there and cannot be read.
    pub fn read(_paths: &[PathBuf]) -> Result<Self, Fault> {
        Ok(Self)
    }

    /// The verdict on `key`, shown by the server that the configuration calls `host`.
    #[must_use]
    pub fn verdict(&self, _host: &str, _port: u16, _key: &PublicKey, _pins: &[String]) -> Verdict {
        Verdict::Unknown
    }

    /// The algorithms to ask the server for first: those of the keys known for it.
    #[must_use]
    pub fn algorithms(&self, _host: &str, _port: u16) -> Vec<Algorithm> {
        Vec::new()
    }
}

/// What a verdict means for the connection; `None`: go on.
#[must_use]
pub fn verdict_fault(verdict: Verdict, presented: PresentedKey, pins: &[String]) -> Option<Fault> {
    match verdict {
        Verdict::Trusted => None,
        Verdict::Unknown => Some(Fault::HostKeyUnknown { key: presented }),
        Verdict::Changed { known, source } => Some(Fault::HostKeyChanged {
            key: presented,
            known,
            source,
        }),
        Verdict::Revoked { source } => Some(Fault::HostKeyRevoked {
            key: presented,
            source,
        }),
        Verdict::NotPinned => Some(Fault::HostKeyNotPinned {
            key: presented,
            pinned: pins.to_vec(),
        }),
        Verdict::CertificateAuthority { source } => Some(Fault::HostCertificateUnsupported {
            host: presented.host,
            source,
        }),
    }
}

/// The key as a question shows it and as known_hosts records it.
#[must_use]
pub fn present(host: &str, port: u16, key: &PublicKey) -> PresentedKey {
    let mut bare = key.clone();
    bare.set_comment("");
    PresentedKey {
        host: host.to_owned(),
        port,
        algorithm: key.algorithm().to_string(),
        fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        line: bare.to_openssh().unwrap_or_default(),
    }
}

/// Appends the key to `path`, Passerelle's own known_hosts, and waits until it is on the disk.
///
/// # Errors
/// [`Fault::KnownHostsUnwritable`].
pub fn record(path: &Path, key: &PresentedKey) -> Result<(), Fault> {
    Err(Fault::KnownHostsUnwritable {
        path: path.to_owned(),
        detail: format!("{} is not recorded yet", key.fingerprint),
    })
}

/// Removes the lines of that server from `path`; returns how many there were.
///
/// # Errors
/// When the file cannot be read or replaced; it is then as before.
pub fn forget(_path: &Path, _host: &str, _port: u16) -> io::Result<usize> {
    Ok(0)
}
