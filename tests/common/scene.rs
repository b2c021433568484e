//! What most tests of sessions and bytes begin with: a tunnel to a backend.

use super::backend::Backend;
use super::config::{Forward, Tunnel};
use super::http::answers;
use super::passerelle::{Home, Passerelle};
use super::process::descriptors;
use super::scratch::free_port;
use super::server::SshServer;
use super::sshd::Sshd;
use super::wait::wait_until;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

/// The usual forward's health check, and what it opens.
const LINES: &str = "health = \"tcp\"\nopen = \"/metrics\"";

/// How long what is over may take to be gone.
const SETTLING: Duration = Duration::from_secs(10);

/// The tunnel, its server, and what it leads to. Dropped in this order.
pub(crate) struct Scene<S: SshServer = Sshd> {
    pub(crate) passerelle: Passerelle,
    pub(crate) sshd: S,
    _backend: Backend,
    /// The local port that leads to the backend.
    pub(crate) local: u16,
    /// How many descriptors it had once it was healthy.
    descriptors: Option<usize>,
}

/// Whatever befell it: at the end one session is left at most, what is shown is so, and no descriptor is
/// left of what went on.
impl<S: SshServer> Drop for Scene<S> {
    fn drop(&mut self) {
        if thread::panicking() || !self.passerelle.runs() {
            return;
        }
        let pid = self.passerelle.pid();
        wait_until("a session is there if it is shown", SETTLING, || {
            let phase = self.passerelle.tunnel()["phase"].clone();
            let is_shown = phase == "healthy" || phase == "degraded";
            let sessions = self.sshd.sessions_from(pid);
            sessions == 1 || (sessions == 0 && !is_shown)
        });
        if let Some(before) = self.descriptors {
            wait_until("no descriptor is left", SETTLING, || {
                descriptors(pid) <= before + 2
            });
        }
    }
}

impl<S: SshServer> Scene<S> {
    /// Straight to this server, and healthy.
    pub(crate) fn healthy(sshd: S) -> Self {
        Self::by(sshd, Home::empty(), |tunnel| tunnel).once_healthy()
    }

    /// The same without a probe, so that nothing moves but what a test moves.
    pub(crate) fn unprobed(sshd: S) -> Self {
        let health = "health = \"none\"";
        Self::start(sshd, Home::empty(), |tunnel| tunnel, health, None).once_healthy()
    }

    /// The same, asked for a page by each probe.
    pub(crate) fn asked_for_a_page(sshd: S) -> Self {
        let health = "health = { path = \"/metrics\", status = [200] }";
        Self::start(sshd, Home::empty(), |tunnel| tunnel, health, None).once_healthy()
    }

    /// In this home, by a way of its own to the server.
    pub(crate) fn by(sshd: S, home: Home, way: impl FnOnce(Tunnel) -> Tunnel) -> Self {
        Self::start(sshd, home, way, LINES, None)
    }

    /// The same with one more forward.
    pub(crate) fn beside(
        sshd: S,
        home: Home,
        way: impl FnOnce(Tunnel) -> Tunnel,
        other: Forward,
    ) -> Self {
        Self::start(sshd, home, way, LINES, Some(other))
    }

    fn start(
        sshd: S,
        home: Home,
        way: impl FnOnce(Tunnel) -> Tunnel,
        lines: &str,
        other: Option<Forward>,
    ) -> Self {
        let (backend, local) = (Backend::start(), free_port());
        let forward = Forward::new("Backend", local, backend.port()).line(lines);
        let tunnel = way(Tunnel::to(&sshd, "lab"));
        let forwards = std::iter::once(forward).chain(other);
        let passerelle = Passerelle::on(home, &sshd, tunnel, forwards);
        Self {
            passerelle,
            sshd,
            _backend: backend,
            local,
            descriptors: None,
        }
    }

    /// Waits until it is healthy.
    #[track_caller]
    pub(crate) fn once_healthy(mut self) -> Self {
        self.passerelle.wait_phase("healthy", BOUND);
        self.descriptors = Some(descriptors(self.passerelle.pid()));
        self
    }

    /// Whether somebody who asks is answered.
    pub(crate) fn answers(&self) -> bool {
        let answered = answers(self.local, "/metrics");
        self.assert_sessions();
        answered
    }

    /// The number of the last dial.
    pub(crate) fn attempt(&self) -> u64 {
        let attempt = self.passerelle.tunnel()["attempt"].as_u64();
        self.assert_sessions();
        attempt.expect("it is a number")
    }

    /// Whatever goes on: there are two sessions at most, while one takes over from the other.
    #[track_caller]
    fn assert_sessions(&self) {
        let sessions = self.sshd.sessions_from(self.passerelle.pid());
        assert!(sessions <= 2, "{sessions} sessions");
    }

    /// A connection of a local program.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.local));
        let stream = stream.expect("the forward listens");
        stream.set_read_timeout(Some(BOUND)).expect("it is ours");
        stream.set_write_timeout(Some(BOUND)).expect("it is ours");
        stream
    }

    /// An upload that only an error ends.
    pub(crate) fn upload(&self) -> JoinHandle<io::Result<()>> {
        let mut upload = self.connect();
        thread::spawn(move || {
            upload.write_all(b"POST /upload HTTP/1.1\r\nContent-Length: 1000000000000\r\n\r\n")?;
            loop {
                upload.write_all(&[0; 64 << 10])?;
            }
        })
    }
}
