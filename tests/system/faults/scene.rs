//! What most faults befall: a healthy tunnel with something to open.

use crate::common::{Backend, Forward, Home, Passerelle, Sshd, Tunnel, free_port, get};
use std::time::{Duration, Instant};

/// Longer than anything may take.
pub(super) const BOUND: Duration = Duration::from_secs(60);

/// A tunnel to a backend. Dropped in this order.
pub(super) struct Scene {
    pub(super) passerelle: Passerelle,
    pub(super) sshd: Sshd,
    _backend: Backend,
    pub(super) local: u16,
}

impl Scene {
    /// Straight to the server, and healthy.
    pub(super) fn healthy() -> Self {
        let scene = Self::with(Sshd::start(), Home::empty(), |tunnel| tunnel);
        scene.passerelle.wait_phase("healthy", BOUND);
        scene
    }

    /// By a way of its own.
    pub(super) fn with(sshd: Sshd, home: Home, way: impl FnOnce(Tunnel) -> Tunnel) -> Self {
        let (backend, local) = (Backend::start(), free_port());
        let forward = Forward::tcp("Backend", local, backend.port()).line("open = \"/metrics\"");
        let tunnel = way(Tunnel::to(&sshd, "lab"));
        let passerelle = Passerelle::on(home, &sshd, tunnel, [forward]);
        Self {
            passerelle,
            sshd,
            _backend: backend,
            local,
        }
    }

    /// Whether somebody who asks is answered.
    pub(super) fn answers(&self) -> bool {
        get(self.local, "/metrics").is_ok_and(|reply| reply.status == 200)
    }

    /// The number of the last dial.
    pub(super) fn attempt(&self) -> u64 {
        let attempt = self.passerelle.tunnel()["attempt"].as_u64();
        attempt.expect("it is a number")
    }
}

/// Asserts that no more than `bound` has passed, of which a busy machine may take a part.
#[track_caller]
pub(super) fn within(what: &str, start: Instant, bound: Duration) {
    let took = start.elapsed();
    println!("{what}: {took:?}");
    assert!(took <= bound, "{what} took {took:?}, more than {bound:?}");
}
