//! A target that never answers its SYN, behind servers that go on meanwhile and behind one that does not.

use super::bound::{BOUND, within};
use crate::common::{
    Backend, Erlang, Forward, Hanging, Home, Passerelle, Scene, Sshd, Tunnel, answers, free_port,
    visit,
};
use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

/// For as long as the fault is looked at.
const WHILE: Duration = Duration::from_secs(25);

/// Reads what a local program gets that connects there.
fn reads(local: u16) -> Result<String, ErrorKind> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, local));
    let mut stream = stream.map_err(|error| error.kind())?;
    stream.set_read_timeout(Some(BOUND)).expect("it is ours");
    let mut text = String::new();
    let read = stream.read_to_string(&mut text);
    read.map(|_| text).map_err(|error| error.kind())
}

#[test]
fn a_target_that_stops_the_server_is_avoided_and_found_when_it_answers() {
    let (sshd, backend, hanging) = (Sshd::start(), Backend::start(), Hanging::start());
    let erlang = Erlang::like(&sshd);
    let [first, local, paged] = [(); 3].map(|()| free_port());
    let forwards = [
        Forward::tcp("Hanging", first, hanging.port()),
        Forward::tcp("Backend", local, backend.port()).line("open = \"/metrics\""),
        Forward::tcp("Paged", paged, hanging.port()).line("holding_page = true"),
    ];
    let tunnel = Tunnel::to(&sshd, "lab").by_port(erlang.port());
    let passerelle = Passerelle::on(Home::empty(), &sshd, tunnel, forwards);
    // What is under way on a session that is stopped waits until it goes on: so the first request comes
    // when the target has been asked.
    passerelle.wait_tunnel("a session stands", BOUND, |tunnel| {
        !tunnel["rtt_ms"].is_null()
    });
    let start = Instant::now();
    let mut slowest = Duration::ZERO;
    let mut avoided = None;
    while start.elapsed() < WHILE {
        let asked = Instant::now();
        let reply = visit(local, "/metrics").map(|reply| reply.status);
        assert_eq!(reply.ok(), Some(200), "after {:?}", start.elapsed());
        slowest = slowest.max(asked.elapsed());
        if avoided.is_none() && passerelle.tunnel()["forwards"][0]["health"] == "unreachable" {
            avoided = Some(start.elapsed());
        }
        if avoided.is_some() {
            // Somebody asks for it again and again.
            let refused = Instant::now();
            assert_eq!(reads(first), Err(ErrorKind::ConnectionReset));
            within("refused", refused, Duration::from_secs(1));
        }
    }
    let sessions = erlang.connections();
    println!(
        "avoided after {avoided:?}; the slowest request took {slowest:?}; {sessions} sessions"
    );
    assert!(avoided.is_some());
    assert!(
        sessions <= 3,
        "{sessions}: one that it stopped, its trial, one that lives"
    );
    let tunnel = passerelle.tunnel();
    assert_eq!(tunnel["phase"], "healthy", "{tunnel}");
    let attempt = tunnel["attempt"].clone();
    for forward in [0, 2] {
        let detail = tunnel["forwards"][forward]["detail"].as_str();
        let detail = detail.unwrap_or_default();
        assert!(detail.contains("answers nothing else"), "{tunnel}");
    }
    let page = visit(paged, "/").expect("a page");
    assert_eq!(page.status, 503);
    assert!(page.body.contains("answers nothing else"), "{}", page.body);

    hanging.answer(b"here");
    let what = "it is found without a restart";
    passerelle.wait_tunnel(what, BOUND, |tunnel| {
        tunnel["forwards"][0]["health"] == "ok" && tunnel["forwards"][2]["health"] == "ok"
    });
    assert_eq!(reads(first), Ok("here".to_owned()));
    assert!(answers(local, "/metrics"));
    let tunnel = passerelle.tunnel();
    assert_eq!(
        tunnel["attempt"], attempt,
        "by a session of the trial's own"
    );
}

#[test]
fn a_target_that_hangs_behind_a_server_that_goes_on_is_only_told() {
    let (hanging, first) = (Hanging::start(), free_port());
    let forward = Forward::tcp("Hanging", first, hanging.port());
    let scene = Scene::beside(Sshd::start(), Home::empty(), |tunnel| tunnel, forward);
    let scene = scene.once_healthy();
    let what = "it is told";
    let tunnel = scene.passerelle.wait_tunnel(what, BOUND, |tunnel| {
        tunnel["forwards"][1]["health"] == "unreachable"
    });
    let detail = tunnel["forwards"][1]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("may be overloaded"), "{tunnel}");
    let waiting = TcpStream::connect((Ipv4Addr::LOCALHOST, first)).expect("it listens");
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(8) {
        assert!(scene.answers(), "after {:?}", start.elapsed());
    }
    drop(waiting);
    let connections = scene.sshd.connections();
    assert_eq!(connections, 1, "the session was never at fault");
    hanging.answer(b"here");
    scene
        .passerelle
        .wait_tunnel("it is found", BOUND, |tunnel| {
            tunnel["forwards"][1]["health"] == "ok"
        });
    assert_eq!(scene.attempt(), 1);
}
