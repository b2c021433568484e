//! Private key files, and the certificates beside them.

use super::notes::Notes;
use crate::files::{self, Bytes, FileError};
use crate::model::Secret;
use russh::keys::signature::Signer;
use russh::keys::ssh_encoding::Encode;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::ssh_key::{self, Signature};
use russh::keys::{Certificate, HashAlg, PrivateKey, PublicKey, decode_secret_key};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// No key or certificate that OpenSSH makes comes near it.
const LARGEST: u64 = 64 * 1024;

/// A private key file, with the certificate beside it. Its public half is there without the
/// passphrase.
pub(super) struct KeyFile {
    path: PathBuf,
    key: PrivateKey,
    certificate: Option<Certificate>,
}

/// What the disk holds of a key: the file, and the certificate beside it.
pub(super) struct OnDisk {
    path: PathBuf,
    key: Result<Bytes, FileError>,
    certificate: Result<Bytes, FileError>,
}

/// The passphrase does not open the key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrongPassphrase;

impl OnDisk {
    /// Reads all of them, within the time that one file may take. Blocks.
    pub(super) fn read_all(paths: Vec<PathBuf>) -> Vec<Self> {
        let both = |path: &PathBuf| [path.clone(), certificate_path(path)];
        let both: Vec<_> = paths.iter().flat_map(both).collect();
        let mut read = files::read_keys(&both, LARGEST).into_iter();
        let paths = paths.into_iter();
        paths
            .filter_map(|path| {
                Some(Self {
                    path,
                    key: read.next()?,
                    certificate: read.next()?,
                })
            })
            .collect()
    }

    /// The file that did not answer.
    pub(super) fn silent(&self) -> Option<PathBuf> {
        match (&self.key, &self.certificate) {
            (Err(FileError::Silent), _) => Some(self.path.clone()),
            (_, Err(FileError::Silent)) => Some(certificate_path(&self.path)),
            _ => None,
        }
    }
}

impl KeyFile {
    /// The key in it; `None` when there is none, or none that can be used, which is then noted.
    pub(super) fn decode(disk: OnDisk, notes: &mut Notes) -> Option<Self> {
        let OnDisk {
            path,
            key,
            certificate,
        } = disk;
        let key = match key {
            Ok(bytes) => decode(&bytes),
            Err(FileError::Missing) => return None,
            Err(error) => Err(error.to_string()),
        };
        match key {
            Ok(key) => Some(Self {
                certificate: certificate_for(&key, &path, certificate, notes),
                path,
                key,
            }),
            Err(problem) => {
                notes.add(format!("{}: {problem}", path.display()));
                None
            }
        }
    }

    /// Reads the key at `path`. Blocks.
    #[cfg(test)]
    pub(super) fn read(path: &Path, notes: &mut Notes) -> Option<Self> {
        let disk = OnDisk {
            path: path.to_owned(),
            key: files::read(path, LARGEST),
            certificate: files::read(&certificate_path(path), LARGEST),
        };
        Self::decode(disk, notes)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its public half.
    pub(super) fn public(&self) -> &PublicKey {
        self.key.public_key()
    }

    /// The certificate for it, from the file beside it.
    pub(super) fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// Whether its private half takes a passphrase.
    pub(super) fn is_encrypted(&self) -> bool {
        self.key.is_encrypted()
    }

    /// Signs with a key that is not encrypted. Blocks: RSA takes its time.
    pub(super) fn sign(&self, hash: Option<HashAlg>, message: &[u8]) -> ssh_key::Result<Vec<u8>> {
        sign(&self.key, hash, message)
    }

    /// Opens an encrypted key. Blocks: the key derivation is slow on purpose.
    pub(super) fn unlock(&self, passphrase: &Secret) -> Result<PrivateKey, WrongPassphrase> {
        // Whatever fails here, fails by what the passphrase made of the bytes.
        self.key
            .decrypt(passphrase.expose())
            .map_err(|_| WrongPassphrase)
    }
}

/// The signature of `message` as RFC 4252 section 7 wants it: algorithm and blob. Blocks.
pub(super) fn sign(
    key: &PrivateKey,
    hash: Option<HashAlg>,
    message: &[u8],
) -> ssh_key::Result<Vec<u8>> {
    let signature: Signature = if let KeypairData::Rsa(pair) = key.key_data() {
        (pair, hash).try_sign(message)?
    } else {
        key.try_sign(message)?
    };
    let mut encoded = Vec::new();
    signature.encode(&mut encoded)?;
    Ok(encoded)
}

fn decode(bytes: &[u8]) -> Result<PrivateKey, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not a private key".to_owned())?;
    if text.contains("-----BEGIN OPENSSH PRIVATE KEY-----") {
        return PrivateKey::from_openssh(text).map_err(|error| error.to_string());
    }
    // PEM as OpenSSH wrote it before 7.8, and PuTTY's own: russh decodes them, through copies that
    // it does not wipe. Without the passphrase not even the public half of an encrypted one is known.
    decode_secret_key(text, None).map_err(|error| {
        let encrypted = text.contains("ENCRYPTED")
            || (text.contains("Encryption: ") && !text.contains("Encryption: none"));
        if encrypted {
            "encrypted, but not in OpenSSH's format: ssh-keygen -p -f converts it".to_owned()
        } else {
            error.to_string()
        }
    })
}

/// Where the certificate of the key at `path` is: `KEY-cert.pub`, as `ssh-keygen -s` writes it.
fn certificate_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push("-cert.pub");
    PathBuf::from(name)
}

/// The certificate for the key at `path`, if what was read beside it is one.
fn certificate_for(
    key: &PrivateKey,
    path: &Path,
    read: Result<Bytes, FileError>,
    notes: &mut Notes,
) -> Option<Certificate> {
    let path = certificate_path(path);
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(FileError::Missing) => return None,
        Err(error) => {
            notes.add(format!("{}: {error}", path.display()));
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes);
    let problem = match Certificate::from_openssh(&text) {
        Ok(certificate) if !certificate.cert_type().is_user() => {
            "a certificate for hosts, not for users".to_owned()
        }
        Ok(certificate) if certificate.public_key() != key.public_key().key_data() => {
            "a certificate for another key".to_owned()
        }
        Ok(certificate) => return Some(certificate),
        Err(error) => error.to_string(),
    };
    notes.add(format!("{}: {problem}", path.display()));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use russh::keys::Algorithm;
    use russh::keys::key::safe_rng;
    use russh::keys::ssh_key::LineEnding;
    use russh::keys::ssh_key::certificate::{Builder, CertType};
    use std::fs;

    fn new_key() -> PrivateKey {
        PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap()
    }

    fn write(path: &Path, key: &PrivateKey, ending: LineEnding) {
        fs::write(path, key.to_openssh(ending).unwrap().as_bytes()).unwrap();
    }

    fn certify(key: &PrivateKey, kind: CertType) -> String {
        let mut builder =
            Builder::new_with_random_nonce(&mut safe_rng(), key.public_key(), 0, u64::MAX).unwrap();
        builder.key_id("test").unwrap();
        builder.cert_type(kind).unwrap();
        builder.valid_principal("maintenance").unwrap();
        builder.sign(&new_key()).unwrap().to_openssh().unwrap()
    }

    #[test]
    fn a_missing_file_is_passed_over_in_silence() {
        let dir = tempfile::tempdir().unwrap();
        let mut notes = Notes::default();
        assert!(KeyFile::read(&dir.path().join("id"), &mut notes).is_none());
        assert_eq!(notes.to_string(), "");
    }

    #[test]
    fn garbage_is_noted_without_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("id");
        for garbage in [
            "canary",
            "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary\n-----END OPENSSH PRIVATE KEY-----\n",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\ncanary\n-----END ENCRYPTED PRIVATE KEY-----\n",
        ] {
            fs::write(&path, garbage).unwrap();
            let mut notes = Notes::default();
            assert!(KeyFile::read(&path, &mut notes).is_none());
            let noted = notes.to_string();
            assert!(noted.contains(&format!("{}: ", path.display())), "{noted}");
            assert!(!noted.contains("canary"), "{noted}");
        }
    }

    #[test]
    fn what_is_no_file_is_noted() {
        let dir = tempfile::tempdir().unwrap();
        let noted = |path: &Path| {
            let mut notes = Notes::default();
            assert!(KeyFile::read(path, &mut notes).is_none());
            assert_eq!(
                notes.to_string(),
                format!("{}: this is not a regular file", path.display())
            );
        };
        noted(dir.path());
        #[cfg(unix)]
        {
            let fifo = dir.path().join("fifo");
            let made = std::process::Command::new("mkfifo").arg(&fifo).status();
            assert!(made.unwrap().success());
            noted(&fifo);
            noted(Path::new("/dev/zero"));
        }
    }

    #[test]
    fn either_line_ending_will_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("id");
        for ending in [LineEnding::LF, LineEnding::CRLF] {
            let key = new_key();
            write(&path, &key, ending);
            let file = KeyFile::read(&path, &mut Notes::default()).unwrap();
            assert_eq!(file.public().key_data(), key.public_key().key_data());
            assert!(!file.is_encrypted());
        }
    }

    #[test]
    fn an_encrypted_key_shows_its_public_half_and_opens_by_its_passphrase_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("id");
        let key = new_key();
        let encrypted = key.encrypt(&mut safe_rng(), "open sesame").unwrap();
        write(&path, &encrypted, LineEnding::LF);
        let file = KeyFile::read(&path, &mut Notes::default()).unwrap();
        assert!(file.is_encrypted());
        assert_eq!(file.public().key_data(), key.public_key().key_data());
        let unlock = |text: &str| file.unlock(&Secret::new(text.into()));
        assert_eq!(unlock("open barley"), Err(WrongPassphrase));
        assert_eq!(
            unlock("open sesame").map(|key| key.is_encrypted()),
            Ok(false)
        );
    }

    #[test]
    fn a_certificate_beside_the_key_is_taken_if_it_fits() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("id");
        let key = new_key();
        write(&path, &key, LineEnding::LF);
        let read = |certificate: &str| {
            fs::write(dir.path().join("id-cert.pub"), certificate).unwrap();
            let mut notes = Notes::default();
            let file = KeyFile::read(&path, &mut notes).unwrap();
            (file.certificate().is_some(), notes.to_string())
        };
        let (found, noted) = read(&certify(&key, CertType::User));
        assert!(found && noted.is_empty(), "{noted}");
        let (found, noted) = read(&certify(&key, CertType::Host));
        assert!(!found && noted.ends_with("not for users"), "{noted}");
        let (found, noted) = read(&certify(&new_key(), CertType::User));
        assert!(!found && noted.ends_with("another key"), "{noted}");
        let (found, noted) = read("canary");
        assert!(!found && !noted.is_empty(), "{noted}");
    }
}
