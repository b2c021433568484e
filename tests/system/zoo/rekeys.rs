//! New keys for a session that is idle but for keepalives and probes, again and again: the server asks for
//! them, or we do, or both at once.
//!
//! Paramiko 5.0 is only asked. When it asks, and is sent a request before the answer to its KEXINIT, its one thread waits
//! for the new keys that the same thread would have to make; after 30 s it gives the session up, whoever is the client.

use crate::common::{
    Backend, EngineThread, Forward, Make, Rekey, SshServer, Sshd, ZooServer, answers, free_port,
    wait_until,
};
use passerelle::engine::offer::SessionLimits;
use std::thread;
use std::time::{Duration, Instant};

/// Enough for several keepalives, a probe in each of them, and a rekey in each probe.
const FEW: usize = 12;
const MANY: usize = 200;
const REQUESTS: usize = 40;

/// Probes are 10 s apart; so many of them are not in step.
const FORWARDS: usize = 4;

/// sshd looks at the clock when something wakes it: its own keepalive does.
const EACH_SECOND: &str = "RekeyLimit default 1s\nClientAliveInterval 1";

/// Who asks for new keys.
#[derive(Clone, Copy)]
enum Asks {
    Server,
    Passerelle,
}

impl Asks {
    fn limits(self) -> SessionLimits {
        let usual = SessionLimits::default();
        match self {
            Self::Server => usual,
            Self::Passerelle => SessionLimits {
                rekey_time: Duration::from_secs(1),
                ..usual
            },
        }
    }
}

fn each_second(make: Make) -> ZooServer {
    let rekey = Rekey {
        seconds: 1,
        ..Rekey::default()
    };
    ZooServer::rekeying(make, rekey)
}

/// The first session lives through so many key exchanges, and nobody sees any of them.
fn an_idle_session_lives(server: impl SshServer, asks: Asks, rekeys: usize) {
    let backend = Backend::start();
    let locals = [(); FORWARDS].map(|()| free_port());
    let forwards = locals.iter().enumerate().map(|(number, local)| {
        Forward::new(&format!("Backend {number}"), *local, backend.port())
            .line("health = { path = \"/metrics\", status = [200] }")
    });
    let engine = EngineThread::healthy(&server, forwards, asks.limits());
    let start = Instant::now();
    let bound = Duration::from_secs(60) + 5 * Duration::from_secs(rekeys as u64);
    wait_until(&format!("{rekeys} rekeys"), bound, || {
        engine.assert_undisturbed();
        engine.key_exchanges() > rekeys
    });
    let name = thread::current().name().unwrap_or_default().to_owned();
    println!("{name}: {rekeys} rekeys in {:.1?}", start.elapsed());
    for local in locals {
        assert!(answers(local, "/metrics"));
    }
    engine.assert_undisturbed();
}

/// A server, and who asks it; then a session with it that lives through so many rekeys.
type Run = (&'static str, fn(usize));

const RUNS: [Run; 12] = [
    ("openssh asks", |rekeys| {
        an_idle_session_lives(Sshd::with(EACH_SECOND), Asks::Server, rekeys);
    }),
    ("openssh is asked", |rekeys| {
        an_idle_session_lives(Sshd::start(), Asks::Passerelle, rekeys);
    }),
    ("openssh and we ask", |rekeys| {
        an_idle_session_lives(Sshd::with(EACH_SECOND), Asks::Passerelle, rekeys);
    }),
    ("openssh 10 asks", |rekeys| {
        an_idle_session_lives(Sshd::ten_with(EACH_SECOND), Asks::Server, rekeys);
    }),
    ("openssh 10 is asked", |rekeys| {
        an_idle_session_lives(Sshd::ten_with(""), Asks::Passerelle, rekeys);
    }),
    ("openssh 10 and we ask", |rekeys| {
        an_idle_session_lives(Sshd::ten_with(EACH_SECOND), Asks::Passerelle, rekeys);
    }),
    ("asyncssh asks", |rekeys| {
        an_idle_session_lives(each_second(Make::AsyncSsh), Asks::Server, rekeys);
    }),
    ("asyncssh is asked", |rekeys| {
        an_idle_session_lives(ZooServer::start(Make::AsyncSsh), Asks::Passerelle, rekeys);
    }),
    ("asyncssh and we ask", |rekeys| {
        an_idle_session_lives(each_second(Make::AsyncSsh), Asks::Passerelle, rekeys);
    }),
    ("paramiko is asked", |rekeys| {
        an_idle_session_lives(ZooServer::start(Make::Paramiko), Asks::Passerelle, rekeys);
    }),
    ("dropbear is asked", |rekeys| {
        an_idle_session_lives(ZooServer::start(Make::Dropbear), Asks::Passerelle, rekeys);
    }),
    ("go is asked", |rekeys| {
        an_idle_session_lives(ZooServer::start(Make::Go), Asks::Passerelle, rekeys);
    }),
];

/// All at once, since they do nothing but wait.
fn all_live(rekeys: usize) {
    thread::scope(|scope| {
        for (name, run) in RUNS {
            let thread = thread::Builder::new().name(name.to_owned());
            let started = thread.spawn_scoped(scope, move || run(rekeys));
            started.expect("a thread can be made");
        }
    });
}

#[test]
fn new_keys_each_second_cost_no_idle_session() {
    all_live(FEW);
}

#[test]
#[ignore = "takes four minutes: scripts/test --long"]
fn two_hundred_new_keys_cost_no_idle_session() {
    all_live(MANY);
}

/// As often as its makers let it: what a request takes is more than this.
fn requests_are_answered(make: Make, bytes: u64) {
    let rekey = Rekey {
        bytes,
        ..Rekey::default()
    };
    let (server, backend, local) = (
        ZooServer::rekeying(make, rekey),
        Backend::start(),
        free_port(),
    );
    let forward = Forward::tcp("Backend", local, backend.port());
    let engine = EngineThread::healthy(&server, [forward], Asks::Server.limits());
    for _ in 0..REQUESTS {
        assert!(answers(local, "/metrics"));
    }
    engine.assert_undisturbed();
    let rekeys = engine.key_exchanges() - 1;
    println!("{rekeys} rekeys");
    assert!(rekeys >= FEW, "only {rekeys}");
}

#[test]
fn asyncssh_may_ask_for_new_keys_at_each_request() {
    requests_are_answered(Make::AsyncSsh, 512);
}

#[test]
fn go_may_ask_for_new_keys_at_each_request() {
    requests_are_answered(Make::Go, 512);
}
