//! A session bus of its own.

use super::process::{Process, tool};
use super::scratch::Scratch;
use super::wait::wait_until;
use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(30);

/// A running `dbus-daemon`.
pub(crate) struct Bus {
    _daemon: Process,
    dir: Scratch,
}

impl Bus {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let dir = Scratch::new();
        let mut command = Process::command(tool("dbus-daemon", "dbus-daemon"));
        command.args(["--session", "--nofork", "--nopidfile"]);
        command.arg(format!("--address=unix:path={}", dir.join("bus").display()));
        let daemon = Process::start("dbus-daemon", command.stderr(Stdio::null()));
        wait_until("the bus is there", BOUND, || dir.join("bus").exists());
        Self {
            _daemon: daemon,
            dir,
        }
    }

    /// Where it listens, as D-Bus writes it.
    pub(crate) fn address(&self) -> String {
        format!("unix:path={}", self.dir.join("bus").display())
    }

    /// What a program needs to find it.
    pub(crate) fn environment(&self) -> [(String, OsString); 2] {
        [
            ("DBUS_SESSION_BUS_ADDRESS".into(), self.address().into()),
            ("XDG_RUNTIME_DIR".into(), self.dir.path().into()),
        ]
    }

    /// A directory that lives as long as the bus.
    pub(crate) fn dir(&self) -> &Scratch {
        &self.dir
    }
}
