//! Host keys: the verdict on what a server shows, by OpenSSH's rules, and Passerelle's own known_hosts.
//!
//! Two files are read: Passerelle's own, and the user's `~/.ssh/known_hosts`, which is never written.
//! The verdict follows what `ssh` does with `StrictHostKeyChecking=yes`. Where the two differ,
//! Passerelle is the one that refuses; it trusts nothing that `ssh` would not:
//!
//! - A server on another port than 22 is `[host]:port`. Where no line makes a key known for that
//!   name, `ssh` looks for `host` too: the same key there is trusted, another one there says
//!   nothing. So does Passerelle.
//! - `@revoked` for `host` refuses the key on every port; for `ssh` it does not when `[host]:port`
//!   has the key.
//! - A server that is known by `@cert-authority` alone is refused and not asked about, since the
//!   user would be asked to accept what the certificate is there to prove.
//! - A file that is there and cannot be read refuses everything; `ssh` goes on without it. So does a
//!   file that does not answer, until it does.

mod line;
mod names;
mod store;

pub use store::{forget, record};

use crate::files::{self, FileError};
use crate::model::{Fault, PresentedKey};
use line::{Line, Marker};
use names::ServerName;
use russh::keys::{Algorithm, HashAlg, PublicKey};
use std::path::PathBuf;
use std::sync::Arc;

/// The largest known_hosts file to read, in bytes: some 100,000 hosts.
const LARGEST_FILE: u64 = 16 << 20;

/// What the known_hosts files say.
#[derive(Debug, Clone, Default)]
pub struct KnownHosts {
    entries: Vec<Entry>,
}

/// A line, and where it stands.
#[derive(Debug, Clone)]
struct Entry {
    line: Line,
    file: Arc<str>,
    number: usize,
}

/// A key that a server is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// Its type, such as `ssh-ed25519`.
    pub algorithm: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// Where it stands, `file:line`.
    pub source: String,
}

/// What to make of the key that a server shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the server's.
    Trusted,
    /// Nothing is known of the server.
    Unknown,
    /// The server is known by other keys, of this type or another.
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
    /// Reads these files; a missing one says nothing. Blocks.
    ///
    /// # Errors
    /// [`Fault::KnownHostsUnreadable`] when one is there and cannot be read, [`Fault::FileTimeout`]
    /// when one does not answer.
    pub fn read(paths: &[PathBuf]) -> Result<Self, Fault> {
        let mut known = Self::default();
        for path in paths {
            match files::read(path, LARGEST_FILE) {
                Ok(text) => known.add(&path.display().to_string(), &text),
                Err(FileError::Missing) => {}
                Err(FileError::Silent) => return Err(Fault::FileTimeout { path: path.clone() }),
                Err(
                    error @ (FileError::NotAFile | FileError::TooBig { .. } | FileError::Io(_)),
                ) => {
                    return Err(Fault::KnownHostsUnreadable {
                        path: path.clone(),
                        detail: error.to_string(),
                    });
                }
            }
        }
        Ok(known)
    }

    /// Takes files as their names and contents. What is no line of known_hosts is passed over.
    #[must_use]
    pub fn parse(files: &[(&str, &[u8])]) -> Self {
        let mut known = Self::default();
        for (file, text) in files {
            known.add(file, text);
        }
        known
    }

    /// What they say of that server alone: all that whoever speaks to it has to keep.
    #[must_use]
    pub fn about(mut self, host: &str, port: u16) -> Self {
        let server = ServerName::new(host, port);
        self.entries
            .retain(|entry| server.all().any(|name| entry.line.names.mean(name)));
        self.entries.shrink_to_fit();
        self
    }

    /// The verdict on `key`, shown by the server that the configuration calls `host`.
    ///
    /// With `pins`, only they make a key trusted; `@revoked` still refuses it.
    #[must_use]
    pub fn verdict(&self, host: &str, port: u16, key: &PublicKey, pins: &[String]) -> Verdict {
        let server = ServerName::new(host, port);
        if let Some(entry) = server
            .all()
            .flat_map(|name| self.marked(Marker::Revoked, name))
            .find(|entry| entry.is(key))
        {
            return Verdict::Revoked {
                source: entry.source(),
            };
        }
        if !pins.is_empty() {
            return if pins.contains(&fingerprint(key)) {
                Verdict::Trusted
            } else {
                Verdict::NotPinned
            };
        }

        let known: Vec<&Entry> = self.marked(Marker::Known, &server.exact).collect();
        if known.iter().any(|entry| entry.is(key)) {
            return Verdict::Trusted;
        }
        if let Some(first) = known.first() {
            return Verdict::Changed {
                known: fingerprints(&known),
                source: first.source(),
            };
        }
        if let Some(name) = &server.portless
            && self.marked(Marker::Known, name).any(|entry| entry.is(key))
        {
            return Verdict::Trusted;
        }
        match server
            .all()
            .flat_map(|name| self.marked(Marker::CertAuthority, name))
            .next()
        {
            Some(entry) => Verdict::CertificateAuthority {
                source: entry.source(),
            },
            None => Verdict::Unknown,
        }
    }

    /// The signature algorithms of the keys known for the server, to be asked for first, so that it
    /// shows a key that can be recognised. Empty when nothing is known.
    #[must_use]
    pub fn algorithms(&self, host: &str, port: u16) -> Vec<Algorithm> {
        let server = ServerName::new(host, port);
        let of = |name| {
            let mut algorithms = Vec::new();
            for entry in self.marked(Marker::Known, name) {
                for algorithm in signature_algorithms(&entry.line.key) {
                    if !algorithms.contains(&algorithm) {
                        algorithms.push(algorithm);
                    }
                }
            }
            algorithms
        };
        server
            .all()
            .map(of)
            .find(|algorithms| !algorithms.is_empty())
            .unwrap_or_default()
    }

    /// The keys that the server is known by, in the files' order.
    #[must_use]
    pub fn keys(&self, host: &str, port: u16) -> Vec<KnownKey> {
        let server = ServerName::new(host, port);
        self.marked(Marker::Known, &server.exact)
            .map(|entry| KnownKey {
                algorithm: entry.line.key.algorithm().to_string(),
                fingerprint: fingerprint(&entry.line.key),
                source: entry.source(),
            })
            .collect()
    }

    fn add(&mut self, file: &str, text: &[u8]) {
        let file: Arc<str> = file.into();
        let lines = text.split(|byte| *byte == b'\n').zip(1..);
        self.entries.extend(lines.filter_map(|(text, number)| {
            Some(Entry {
                line: Line::parse(text)?,
                file: Arc::clone(&file),
                number,
            })
        }));
    }

    /// The entries with that marker whose names mean `name`.
    fn marked<'a>(&'a self, marker: Marker, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.line.marker == marker && entry.line.names.mean(name))
    }
}

impl Entry {
    fn is(&self, key: &PublicKey) -> bool {
        self.line.key.key_data() == key.key_data()
    }

    fn source(&self) -> String {
        format!("{}:{}", self.file, self.number)
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
    let bare = PublicKey::from(key.key_data().clone());
    PresentedKey {
        host: host.to_owned(),
        port,
        algorithm: key.algorithm().to_string(),
        fingerprint: fingerprint(key),
        // A key that came over the wire can be written; `record` refuses an empty line.
        line: bare.to_openssh().unwrap_or_default(),
    }
}

/// `SHA256:…` without padding, as `ssh-keygen -l` prints it.
fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// Each once, in the files' order.
fn fingerprints(entries: &[&Entry]) -> Vec<String> {
    let mut all = Vec::new();
    for entry in entries {
        let fingerprint = fingerprint(&entry.line.key);
        if !all.contains(&fingerprint) {
            all.push(fingerprint);
        }
    }
    all
}

/// How a server can sign with that key, the best first. None with SHA-1, and none for kinds of key
/// that no server signs with.
fn signature_algorithms(key: &PublicKey) -> Vec<Algorithm> {
    if key.key_data().is_rsa() {
        [HashAlg::Sha512, HashAlg::Sha256]
            .map(|hash| Algorithm::Rsa { hash: Some(hash) })
            .into()
    } else if key.key_data().is_ed25519() || key.key_data().is_ecdsa() {
        vec![key.algorithm()]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
