//! SSH servers beside the system's own sshd: `tests/zoo/prepare` gets them.

use super::keys::Key;
use super::process::{Process, tool};
use super::scratch::{Scratch, free_port};
use super::server::SshServer;
use super::sshd::{listens, sessions_from};
use super::wait::wait_until;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Who made a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    /// AsyncSSH, in Python.
    AsyncSsh,
    /// Twisted Conch, in Python.
    Conch,
    /// Dropbear, of the next Debian.
    Dropbear,
    /// gliderlabs/ssh on Go's x/crypto.
    Go,
    /// Paramiko, in Python.
    Paramiko,
}

/// When a server asks for new keys by itself; 0: as its makers chose. AsyncSSH knows both, Go counts bytes alone, the
/// others cannot be told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rekey {
    /// After so many bytes.
    pub(crate) bytes: u64,
    /// After so many seconds, idle or not.
    pub(crate) seconds: u64,
}

/// A server that runs as root, lets in by key, and forwards to everywhere.
pub(crate) struct ZooServer {
    process: Option<Process>,
    make: Make,
    dir: Scratch,
    port: u16,
    host_key: Key,
}

impl ZooServer {
    /// A running one.
    pub(crate) fn start(make: Make) -> Self {
        Self::rekeying(make, Rekey::default())
    }

    /// One that asks for new keys at these limits.
    pub(crate) fn rekeying(make: Make, rekey: Rekey) -> Self {
        let dir = Scratch::new();
        let mut server = Self {
            process: None,
            make,
            port: free_port(),
            host_key: Key::ed25519(dir.join("host_key")),
            dir,
        };
        server.dir.write("authorized_keys", "");
        let log = fs::File::create(server.dir.join("log")).expect("a log can be made");
        let mut command = server.command(rekey);
        command.stdout(Stdio::null()).stderr(log);
        let mut process = Process::start(&format!("{make:?}"), &mut command);
        wait_until(
            &format!("{make:?} listens"),
            Duration::from_secs(30),
            || {
                assert!(process.ended().is_none(), "{make:?}:\n{}", server.log());
                listens(server.port)
            },
        );
        server.process = Some(process);
        server
    }

    /// Everything that it has logged so far.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.dir.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn command(&self, rekey: Rekey) -> Command {
        let mut command = match self.make {
            Make::AsyncSsh => python("asyncssh_server.py"),
            Make::Conch => python("conch_server.py"),
            Make::Paramiko => python("paramiko_server.py"),
            Make::Go => Process::command(prepared("go_server")),
            Make::Dropbear => return self.dropbear(),
        };
        command.arg(self.port.to_string()).arg(self.dir.path());
        command.args([rekey.bytes, rekey.seconds].map(|limit| limit.to_string()));
        command
    }

    fn dropbear(&self) -> Command {
        let host_key = self.dir.join("dropbear_host_key");
        let mut convert = of_next_debian("/usr/bin/dropbearconvert");
        convert
            .args(["openssh", "dropbear"])
            .arg(self.host_key.path());
        let converted = convert.arg(&host_key).output().expect("it starts");
        assert!(converted.status.success(), "{converted:?}");
        // It trusts no directory below one that others may write to, as /tmp is.
        let mounts = [
            (self.dir.path().to_owned(), "/mnt"),
            (prepared("next/usr"), "/usr"),
        ];
        let mut command = with_mounts(&mounts, "/usr/sbin/dropbear");
        // In the foreground, with its log on standard error, and without passwords.
        command.args(["-F", "-E", "-s", "-r"]).arg(host_key);
        command.args(["-D", "/mnt", "-p", &format!("127.0.0.1:{}", self.port)]);
        command.arg("-P").arg(self.dir.join("pid"));
        command
    }
}

impl SshServer for ZooServer {
    fn port(&self) -> u16 {
        self.port
    }

    fn user(&self) -> &str {
        "root"
    }

    fn host_key(&self) -> &Key {
        &self.host_key
    }

    fn authorize(&self, key: &Key) {
        self.dir
            .write("authorized_keys", &format!("{}\n", key.public()));
    }

    fn stop(&mut self) {
        self.process = None;
    }

    fn sessions_from(&self, pid: u32) -> usize {
        sessions_from(pid, self.port)
    }
}

impl Drop for ZooServer {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("--- the log of {:?} ---\n{}", self.make, self.log());
        }
    }
}

/// A command of a program of the next Debian: it sees that one's `/usr` in the place of this system's.
pub(super) fn of_next_debian(program: &str) -> Command {
    with_mounts(&[(prepared("next/usr"), "/usr")], program)
}

/// A command of a program that sees these directories elsewhere, too.
fn with_mounts(mounts: &[(PathBuf, &str)], program: &str) -> Command {
    let mut script = String::new();
    for (from, to) in mounts {
        script += &format!("mount --bind '{}' {to} && ", from.display());
    }
    script += "exec \"$@\"";
    let mut command = Process::command(tool("unshare", "util-linux"));
    command.args(["--mount", "--", "sh", "-c", &script, "sh", program]);
    command
}

fn python(script: &str) -> Command {
    let mut command = Process::command(prepared("python/bin/python"));
    // Its log is read while it runs.
    command
        .arg("-u")
        .arg(sources().join("tests/zoo").join(script));
    command
}

fn prepared(name: &str) -> PathBuf {
    let zoo = sources().join("target/zoo");
    let complete = zoo.join("stamp").is_file();
    assert!(
        complete,
        "no SSH servers in {}: tests/zoo/prepare",
        zoo.display()
    );
    zoo.join(name)
}

fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
