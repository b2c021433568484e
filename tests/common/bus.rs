//! A session bus of its own.

use super::process::{Process, tool};
use super::scratch::Scratch;
use super::wait::wait_until;
use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tokio::runtime::Handle;
use zbus::Connection;
use zbus::object_server::Interface;

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
        wait_until("the bus is there", BOUND, || {
            // The socket is there a moment before it is listened to.
            UnixStream::connect(dir.join("bus")).is_ok()
        });
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

    /// Owns this name, and serves this object there, until the test's process ends.
    pub(crate) fn serve(
        &self,
        name: &'static str,
        path: &'static str,
        object: impl Interface,
    ) -> (Connection, Handle) {
        let address = self.address();
        let (ready, started) = mpsc::channel();
        // The connection needs somebody who drives it.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let connection = zbus::connection::Builder::address(&*address)
                    .and_then(|builder| builder.serve_at(path, object))
                    .and_then(|builder| builder.name(name))
                    .expect("the address and the names are right")
                    .build()
                    .await
                    .expect("the bus is there");
                ready
                    .send((connection, Handle::current()))
                    .expect("the test waits");
                std::future::pending::<()>().await;
            });
        });
        started.recv_timeout(BOUND).expect("it is served")
    }

    /// A directory that lives as long as the bus.
    pub(crate) fn dir(&self) -> &Scratch {
        &self.dir
    }
}
