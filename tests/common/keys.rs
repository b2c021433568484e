//! Keys, certificates and agents, made by OpenSSH's own tools.

use super::process::{Process, tool};
use super::wait::wait_until;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A key pair in files.
pub(crate) struct Key {
    path: PathBuf,
}

impl Key {
    /// A new Ed25519 key without a passphrase.
    pub(crate) fn ed25519(path: PathBuf) -> Self {
        Self::generate(path, &["-t", "ed25519"], "")
    }

    /// A new key, of the kind that these options of ssh-keygen name.
    pub(crate) fn generate(path: PathBuf, kind: &[&str], passphrase: &str) -> Self {
        let mut command = Command::new(tool("ssh-keygen", "openssh-client"));
        command
            .args(["-q", "-C", "lab", "-N", passphrase])
            .args(kind);
        run(command.arg("-f").arg(&path));
        Self { path }
    }

    /// Puts this passphrase on it.
    pub(crate) fn lock(&self, passphrase: &str) {
        let mut command = Command::new(tool("ssh-keygen", "openssh-client"));
        command.args(["-q", "-p", "-P", "", "-N", passphrase]);
        run(command.arg("-f").arg(&self.path));
    }

    /// The private key's file; the public one is beside it, with `.pub`.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// `type base64`, as known_hosts and authorized_keys have it.
    pub(crate) fn public(&self) -> String {
        let path = self.path.with_extension("pub");
        let text = fs::read_to_string(path).expect("ssh-keygen wrote it");
        let words: Vec<&str> = text.split_whitespace().take(2).collect();
        words.join(" ")
    }

    /// `SHA256:…`, as ssh-keygen says it.
    pub(crate) fn fingerprint(&self) -> String {
        let mut command = Command::new(tool("ssh-keygen", "openssh-client"));
        let line = run(command.arg("-lf").arg(self.path.with_extension("pub")));
        let fingerprint = line.split_whitespace().nth(1);
        fingerprint.expect("bits, then fingerprint").to_owned()
    }
}

/// A key that signs user keys.
pub(crate) struct CertificateAuthority(Key);

impl CertificateAuthority {
    /// A new one.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(Key::ed25519(path))
    }

    /// Its public key, for sshd's `TrustedUserCAKeys`.
    pub(crate) fn public_path(&self) -> PathBuf {
        self.0.path.with_extension("pub")
    }

    /// Writes a certificate for `user` beside the key, as `KEY-cert.pub`.
    pub(crate) fn sign(&self, key: &Key, user: &str) {
        let mut command = Command::new(tool("ssh-keygen", "openssh-client"));
        command.args(["-q", "-I", "lab", "-n", user, "-V", "+1h", "-s"]);
        run(command
            .arg(&self.0.path)
            .arg(key.path.with_extension("pub")));
    }
}

/// A running ssh-agent.
pub(crate) struct Agent {
    _process: Process,
    socket: PathBuf,
}

impl Agent {
    /// An empty one, on this socket.
    pub(crate) fn start(socket: PathBuf) -> Self {
        let mut command = Process::command(tool("ssh-agent", "openssh-client"));
        command
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::null());
        let process = Process::start("ssh-agent", &mut command);
        wait_until("ssh-agent listens", Duration::from_secs(10), || {
            socket.exists()
        });
        Self {
            _process: process,
            socket,
        }
    }

    /// For `SSH_AUTH_SOCK`.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Adds a key without a passphrase, and its certificate if there is one.
    pub(crate) fn add(&self, key: &Key) {
        let mut command = Command::new(tool("ssh-add", "openssh-client"));
        command.env("SSH_AUTH_SOCK", &self.socket);
        run(command.arg("-q").arg(&key.path));
    }
}

/// Runs a tool to its end and gives what it printed.
fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
