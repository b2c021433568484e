//! OpenSSH's own sshd, with keys, configuration and log of its own.

use super::account::Account;
use super::keys::Key;
use super::process::{Process, tool};
use super::scratch::{Scratch, free_port};
use super::server::SshServer;
use super::wait::wait_until;
use super::zoo::of_next_debian;
use rustix::process::Signal;
use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A server on 127.0.0.1. It takes root: sshd logs in others than itself only then.
pub(crate) struct Sshd {
    process: Option<Process>,
    dir: Scratch,
    port: u16,
    user: String,
    host_key: Key,
    lines: String,
    release: Release,
}

/// Whose sshd it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Release {
    /// This system's own.
    Own,
    /// That of the next Debian: OpenSSH 10.
    Next,
}

impl Sshd {
    /// One that lets in root by the keys that [`Sshd::authorize`] names.
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// The same, with lines for `sshd_config`, which win over the lab's own.
    pub(crate) fn with(lines: &str) -> Self {
        Self::new(Release::Own, "root", lines)
    }

    /// The same of OpenSSH 10.
    pub(crate) fn ten_with(lines: &str) -> Self {
        Self::new(Release::Next, "root", lines)
    }

    /// One that lets in this account by its password, by the method of sshd's own.
    pub(crate) fn with_password(account: &Account, lines: &str) -> Self {
        let lines = format!("{lines}\nPasswordAuthentication yes\n");
        Self::new(Release::Own, account.name(), &lines)
    }

    /// One that lets in this account by its password, asked by PAM: keyboard-interactive, RFC 4256.
    pub(crate) fn with_keyboard_interactive(account: &Account, lines: &str) -> Self {
        let lines = format!("{lines}\nUsePAM yes\nKbdInteractiveAuthentication yes\n");
        Self::new(Release::Own, account.name(), &lines)
    }

    fn new(release: Release, user: &str, lines: &str) -> Self {
        let dir = Scratch::new();
        // sshd reads the account's files as that account.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o711)).expect("it is ours");
        let mut sshd = Self {
            process: None,
            host_key: Key::ed25519(dir.join("host_key")),
            port: free_port(),
            user: user.to_owned(),
            lines: lines.to_owned(),
            release,
            dir,
        };
        sshd.dir.write("authorized_keys", "");
        sshd.restart();
        sshd
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The account to log in as.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// The key that it proves to hold.
    pub(crate) fn host_key(&self) -> &Key {
        &self.host_key
    }

    /// The line that makes it known.
    pub(crate) fn known_hosts_line(&self) -> String {
        format!("[127.0.0.1]:{} {}\n", self.port, self.host_key.public())
    }

    /// Completes a command of OpenSSH's client: it knows this server, carries these local ports to ports
    /// of the server's machine, and does nothing else.
    pub(crate) fn forwarding(&self, mut client: Command, pairs: &[(u16, u16)]) -> Command {
        let known_hosts = self.dir.write("known_hosts", &self.known_hosts_line());
        client.args(["-F", "none", "-N", "-o", "ExitOnForwardFailure=yes"]);
        client.args(["-o", "StrictHostKeyChecking=yes", "-o"]);
        client.arg(format!("UserKnownHostsFile={}", known_hosts.display()));
        for (local, remote) in pairs {
            client.arg(format!("-L127.0.0.1:{local}:127.0.0.1:{remote}"));
        }
        client.args(["-p", &self.port.to_string(), "-l", &self.user, "127.0.0.1"]);
        client
    }

    /// A path in its own directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Lets in who holds this key.
    pub(crate) fn authorize(&self, key: &Key) {
        self.dir
            .write("authorized_keys", &format!("{}\n", key.public()));
    }

    /// Gives it another host key, of the kind that these options of ssh-keygen name, at its next start.
    pub(crate) fn replace_host_key(&mut self, kind: &[&str]) {
        let path = self.dir.join(&format!("host_key_{}", fastrand::u32(..)));
        self.host_key = Key::generate(path, kind, "");
    }

    /// Its configuration's extra lines from the next start on.
    pub(crate) fn configure(&mut self, lines: &str) {
        self.lines = lines.to_owned();
    }

    /// Everything that it has logged so far, at `LogLevel DEBUG1` unless a line says otherwise.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.dir.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// How many lines of the log hold this text.
    pub(crate) fn logged(&self, text: &str) -> usize {
        self.log()
            .lines()
            .filter(|line| line.contains(text))
            .count()
    }

    /// How many connections it has taken so far.
    pub(crate) fn connections(&self) -> usize {
        self.logged("Connection from 127.0.0.1 port ")
    }

    /// How many requests to authenticate it has got so far, `none` (RFC 4252 section 5.2) included.
    pub(crate) fn authentication_requests(&self) -> usize {
        self.logged("userauth-request for user ")
    }

    /// How many connections are open now.
    pub(crate) fn sessions(&self) -> usize {
        sockets(self.port, ESTABLISHED)
    }

    /// How many connections to it are open now where the process of this number runs, as that side
    /// sees them: a server that is frozen, or out of reach, does not know which of its own are dead.
    pub(crate) fn sessions_from(&self, pid: u32) -> usize {
        sessions_from(pid, self.port)
    }

    /// The client's port of the connection that it took last.
    pub(crate) fn peer_port(&self) -> u16 {
        let log = self.log();
        let (_, last) = log
            .rsplit_once("Connection from 127.0.0.1 port ")
            .expect("it has taken one");
        let port = last
            .split_whitespace()
            .next()
            .and_then(|port| port.parse().ok());
        port.expect("a port")
    }

    /// Forgets what it has logged.
    pub(crate) fn clear_log(&self) {
        self.dir.write("log", "");
    }

    /// Kills it, and every session with it.
    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    /// Kills the listener alone: the sessions go on.
    pub(crate) fn stop_listening(&self) {
        self.running().signal(Signal::KILL);
    }

    /// Kills the sessions alone: who comes back is let in again.
    pub(crate) fn kill_sessions(&self) {
        self.running().signal_descendants(Signal::KILL);
    }

    /// Stops the sessions in their tracks: their peers hear nothing more, not even an end.
    pub(crate) fn freeze_sessions(&self) {
        self.running().signal_descendants(Signal::STOP);
    }

    /// Lets frozen sessions go on.
    pub(crate) fn thaw_sessions(&self) {
        self.running().signal_descendants(Signal::CONT);
    }

    /// Starts it again on the same port, and waits until it listens.
    pub(crate) fn restart(&mut self) {
        self.stop();
        let _ = fs::create_dir_all("/run/sshd");
        self.dir.write("sshd_config", &self.config());
        let mut command = match self.release {
            Release::Own => Process::command(tool("sshd", "openssh-server")),
            Release::Next => of_next_debian("/usr/sbin/sshd"),
        };
        command
            .arg("-D")
            .arg("-f")
            .arg(self.dir.join("sshd_config"));
        command.arg("-E").arg(self.dir.join("log"));
        let mut process = Process::start("sshd", &mut command);
        wait_until("sshd listens", Duration::from_secs(20), || {
            assert!(process.ended().is_none(), "sshd ended:\n{}", self.log());
            listens(self.port)
        });
        self.process = Some(process);
    }

    fn running(&self) -> &Process {
        self.process.as_ref().expect("sshd runs")
    }

    fn config(&self) -> String {
        // sshd takes the first value of each keyword.
        let mut config = format!("{}\n", self.lines);
        let dir = self.dir.path().display();
        let (port, key) = (self.port, self.host_key.path().display());
        config += &format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {key}\n\
             AuthorizedKeysFile {dir}/authorized_keys\nPermitRootLogin prohibit-password\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n\
             StrictModes no\nPidFile none\nUseDNS no\nLogLevel DEBUG1\n"
        );
        // Of this one alone it takes the last.
        if !self.lines.contains("MaxStartups") {
            config += "MaxStartups 200\n";
        }
        if self.release == Release::Next || openssh_version() >= (9, 8) {
            // Meant against strangers who guess; here it would punish the next test.
            config += "PerSourcePenalties no\n";
        }
        config
    }
}

impl SshServer for Sshd {
    fn port(&self) -> u16 {
        Self::port(self)
    }

    fn user(&self) -> &str {
        Self::user(self)
    }

    fn host_key(&self) -> &Key {
        Self::host_key(self)
    }

    fn authorize(&self, key: &Key) {
        Self::authorize(self, key);
    }

    fn stop(&mut self) {
        Self::stop(self);
    }

    fn sessions_from(&self, pid: u32) -> usize {
        Self::sessions_from(self, pid)
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("--- sshd's log ---\n{}", self.log());
        }
    }
}

/// Whether somebody listens on this port.
pub(super) fn listens(port: u16) -> bool {
    sockets(port, LISTENING) > 0
}

/// How many connections to this port the process of that number sees.
pub(super) fn sessions_from(pid: u32, port: u16) -> usize {
    let table = format!("/proc/{pid}/net/tcp");
    count(&table, Side::Remote, port, ESTABLISHED)
}

/// States of a socket in `/proc/net/tcp`.
const ESTABLISHED: &str = "01";
const LISTENING: &str = "0A";

/// How many sockets have this local port and are in this state: counted without touching them.
fn sockets(port: u16, state: &str) -> usize {
    count("/proc/net/tcp", Side::Local, port, state)
}

/// An end of a connection.
#[derive(Clone, Copy)]
enum Side {
    Local,
    Remote,
}

/// How many sockets are in that state with that port at this end. The table is not read at once: while
/// thousands of others come and go, one may stand in it several times.
fn count(table: &str, side: Side, port: u16, state: &str) -> usize {
    let port = format!(":{port:04X}");
    let table = fs::read_to_string(table).expect("/proc is mounted");
    let ends = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().take(4).collect();
        let [_, local, remote, now] = fields.try_into().ok()?;
        let end = match side {
            Side::Local => local,
            Side::Remote => remote,
        };
        (now == state && end.ends_with(&port)).then(|| (local.to_owned(), remote.to_owned()))
    };
    let found: HashSet<_> = table.lines().filter_map(ends).collect();
    found.len()
}

/// Major and minor version of the installed OpenSSH.
fn openssh_version() -> (u32, u32) {
    let output = Command::new(tool("ssh", "openssh-client"))
        .arg("-V")
        .stdin(Stdio::null())
        .output();
    let text = output.expect("ssh runs").stderr;
    let text = String::from_utf8_lossy(&text);
    let number = |text: &str| text.parse().expect("OpenSSH_MAJOR.MINORpN");
    let rest = text.strip_prefix("OpenSSH_").expect("OpenSSH's version");
    let (major, rest) = rest.split_once('.').expect("a minor version");
    let end = rest.find(|c: char| !c.is_ascii_digit());
    (number(major), number(&rest[..end.unwrap_or(rest.len())]))
}
