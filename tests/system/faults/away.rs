//! What local programs see while the server is away.

use super::bound::{BOUND, within};
use crate::common::{
    Config, Forward, Grafana, Home, Passerelle, Scene, Sshd, Tunnel, free_port, get, visit,
    wait_until,
};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const HOLD: Duration = Duration::from_secs(1);

/// A tunnel to a Grafana, and its port. Its server is away.
fn without_server() -> (Sshd, Grafana, Passerelle, u16) {
    let (mut sshd, grafana, local) = (Sshd::start(), Grafana::start(), free_port());
    let forward =
        Forward::grafana(local, grafana.port()).line(&format!("hold = \"{}s\"", HOLD.as_secs()));
    let passerelle = Passerelle::ready(&sshd, [forward]);
    passerelle.wait_phase("healthy", BOUND);
    sshd.stop();
    passerelle.wait_phase("waiting", BOUND);
    (sshd, grafana, passerelle, local)
}

#[test]
fn a_server_that_is_down_at_the_start_is_found_when_it_comes() {
    let mut sshd = Sshd::start();
    sshd.stop();
    let (grafana, local) = (Grafana::start(), free_port());
    let passerelle = Passerelle::ready(&sshd, [Forward::grafana(local, grafana.port())]);
    passerelle.wait_tunnel("it is refused", BOUND, |tunnel| {
        tunnel["fault"]["code"] == "connection_refused"
    });
    sshd.restart();
    passerelle.wait_phase("healthy", BOUND);
}

#[test]
fn nobody_is_refused_while_a_server_restarts() {
    let mut scene = Scene::healthy(Sshd::start());
    let local = scene.local;
    scene.sshd.stop();
    let start = Instant::now();
    let asking: Vec<_> = (0..20)
        .map(|_| thread::spawn(move || get(local, "/metrics").map(|reply| reply.status)))
        .collect();
    scene
        .passerelle
        .wait_tunnel("they are held", BOUND, |tunnel| {
            tunnel["forwards"][0]["connections"].as_u64() >= Some(20)
        });
    scene.sshd.restart();
    for asked in asking {
        let status = asked.join().expect("it does not panic");
        assert_eq!(status.expect("it is served"), 200);
    }
    within("all are served", start, Duration::from_secs(10));
}

#[test]
fn a_browser_that_has_waited_gets_a_page_that_says_so() {
    let (mut sshd, _grafana, passerelle, local) = without_server();
    let start = Instant::now();
    let page = visit(local, "/").expect("it is answered");
    assert!(start.elapsed() >= HOLD);
    assert_eq!(page.status, 503);
    assert!(page.header("retry-after").is_some());
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(page.body.contains("Grafana") && page.body.contains("http-equiv=\"refresh\""));
    sshd.restart();
    passerelle.wait_phase("healthy", BOUND);
    // Grafana sends to its login.
    assert_eq!(visit(local, "/").expect("it leads there").status, 302);
}

#[test]
fn a_browser_learns_at_once_that_the_user_is_asked() {
    let (sshd, local) = (Sshd::start(), free_port());
    let tunnel = Tunnel::to(&sshd, "lab").password();
    let home = Home::empty().trusting(&sshd);
    home.configure(&Config::of(tunnel.forward(Forward::grafana(local, 1))).text());
    let passerelle = home.run();
    passerelle.wait_phase("blocked", BOUND);
    let start = Instant::now();
    let page = visit(local, "/").expect("it is answered");
    assert_eq!(page.status, 503);
    within("told", start, Duration::from_secs(5));
}

#[test]
fn other_programs_are_reset_after_they_have_waited() {
    let (_sshd, _grafana, passerelle, local) = without_server();
    let start = Instant::now();
    let error = get(local, "/api/health").expect_err("it is not for a page");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    assert!(start.elapsed() >= HOLD);
    let mut talker = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).expect("it listens");
    talker.write_all(b"SSH-2.0-x\r\n\r\n").expect("it is open");
    let error = talker.read(&mut [0; 1]).expect_err("it is reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    wait_until("nothing is held", BOUND, || {
        passerelle.tunnel()["forwards"][0]["connections"] == 0
    });
}
