//! The keyring of a desktop: on Linux a session bus with GNOME's, unlocked and empty.

use super::bus::Bus;
use super::process::{Process, tool};
use super::program;
use super::wait::wait_until;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(30);

/// What a desktop offers to keep secrets in.
pub(crate) struct Keyring(Option<SecretService>);

impl Keyring {
    /// On a bus of its own. Windows always has one, its Credential Manager.
    pub(crate) fn start() -> Self {
        Self((!program::is_windows()).then(SecretService::start))
    }

    /// What a program needs to find it.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (String, OsString)> {
        let service = self.0.as_ref();
        service
            .into_iter()
            .flat_map(|service| service.bus.environment())
    }
}

/// A running Secret Service.
struct SecretService {
    _daemon: Process,
    bus: Bus,
}

impl SecretService {
    fn start() -> Self {
        let bus = Bus::start();
        let dir = bus.dir();
        let mut command = Process::command(tool("gnome-keyring-daemon", "gnome-keyring"));
        command.args(["--foreground", "--components=secrets", "--unlock"]);
        command
            .env_clear()
            .envs(bus.environment())
            .env("HOME", dir.path());
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let log = fs::File::create(dir.join("log")).expect("it is ours");
        let mut daemon = Process::start("gnome-keyring-daemon", command.stderr(log));
        let mut stdin = daemon.child().stdin.take().expect("it is piped");
        stdin.write_all(b"unlocked").expect("it reads");
        drop(stdin);
        let keyring = Self {
            _daemon: daemon,
            bus,
        };
        wait_until("the keyring is on the bus", BOUND, || keyring.is_there());
        keyring
    }

    fn is_there(&self) -> bool {
        let mut command = Command::new(tool("dbus-send", "dbus-bin"));
        command.env_clear().envs(self.bus.environment());
        command.args([
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.DBus",
            "/",
        ]);
        command.args([
            "org.freedesktop.DBus.NameHasOwner",
            "string:org.freedesktop.secrets",
        ]);
        let output = command.output().expect("dbus-send runs");
        String::from_utf8_lossy(&output.stdout).contains("boolean true")
    }
}
