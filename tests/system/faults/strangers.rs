//! Something else than an SSH server at the server's address.

use super::bound::{BOUND, within};
use crate::common::network::in_own_network;
use crate::common::{Home, Scene, Sshd, Stranger, descriptors, wait_until};
use passerelle::config::default_settings;
use passerelle::engine::link::Links;
use passerelle::engine::network::SystemNetwork;
use passerelle::engine::offer::SessionLimits;
use passerelle::engine::session::{KnownHostsFiles, Orders, Session};
use passerelle::model::{Attempt, TunnelSettings};
use passerelle::secrets::Vault;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// A tunnel to a stranger.
fn facing(stranger: &Stranger) -> Scene {
    let port = stranger.port();
    Scene::by(Sshd::start(), Home::empty(), |tunnel| tunnel.by_port(port))
}

#[track_caller]
fn finds(stranger: &Stranger, code: &str, bound: Duration) {
    let start = Instant::now();
    let scene = facing(stranger);
    let what = format!("{code} is the fault");
    scene.passerelle.wait_tunnel(&what, BOUND, |tunnel| {
        tunnel["phase"] == "waiting" && tunnel["fault"]["code"] == code
    });
    within(&what, start, bound);
}

#[test]
fn garbage_is_not_ssh() {
    let garbage = Stranger::saying(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    finds(&garbage, "not_ssh", Duration::from_secs(10));
}

#[test]
fn a_banner_without_an_end_is_given_up() {
    let endless = Stranger::repeating(b"AAAAAAAAAAAAAAAA");
    finds(&endless, "not_ssh", Duration::from_secs(25));
}

#[test]
fn a_banner_that_never_comes_is_given_up_in_time() {
    let silent = Stranger::saying(b"");
    finds(&silent, "handshake_timeout", Duration::from_secs(25));
}

#[test]
fn a_hundred_strangers_leave_nothing_behind() {
    let test = "faults::strangers::a_hundred_strangers_leave_nothing_behind";
    // Alone in a process, so that every descriptor is one of theirs.
    in_own_network(test, || {
        let stranger = Stranger::saying(b"SSH-1.5-old\r\n");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let dial = || {
            let fault = runtime.block_on(session(stranger.port()).run());
            assert!(fault.is_some());
        };
        dial();
        let before = descriptors(std::process::id());
        for _ in 0..100 {
            dial();
        }
        wait_until("they are closed", BOUND, || {
            descriptors(std::process::id()) <= before + 2
        });
    });
}

fn session(port: u16) -> Session {
    Session {
        settings: Arc::new(TunnelSettings {
            port,
            host: "127.0.0.1".into(),
            ..(*default_settings().tunnels[0]).clone()
        }),
        attempt: Attempt(1),
        grant: None,
        known_hosts: KnownHostsFiles {
            own: "/nonexistent".into(),
            user: None,
        },
        vault: Arc::new(Vault::in_memory()),
        // Nobody listens.
        inputs: mpsc::channel(1).0,
        answers: mpsc::channel(1).1,
        network: Arc::new(SystemNetwork),
        limits: SessionLimits::default(),
        links: Links::default(),
        orders: Orders::default(),
    }
}
