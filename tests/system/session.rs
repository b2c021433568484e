//! From start to end: up, healthy, down, gone.

use crate::common::{
    Backend, Forward, Grafana, Passerelle, Prometheus, Sshd, free_port, get, wait_until,
};
use rustix::process::Signal;
use serde_json::Value;
use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(60);

#[test]
fn grafana_and_prometheus_are_there_and_healthy() {
    let backend = Backend::start();
    let (grafana, prometheus) = (Grafana::start(), Prometheus::scraping(backend.port()));
    let sshd = Sshd::start();
    let (first, second) = (free_port(), free_port());
    let forwards = [
        Forward::grafana(first, grafana.port()),
        Forward::prometheus(second, prometheus.port()),
    ];
    let passerelle = Passerelle::ready(&sshd, forwards);
    let tunnel = passerelle.wait_phase("healthy", BOUND);
    assert_eq!(tunnel["forwards"][0]["health"], "ok");
    assert_eq!(tunnel["forwards"][1]["health"], "ok");
    assert_eq!(
        tunnel["forwards"][0]["url"],
        format!("http://localhost:{first}/")
    );
    assert!(tunnel["fault"].is_null(), "{tunnel}");
    assert!(tunnel["question"].is_null(), "{tunnel}");
    let page = get(first, "/login").expect("Grafana answers");
    assert!(page.body.contains("Welcome to Grafana"), "{page:?}");
    let ready = get(second, "/-/ready").expect("Prometheus answers");
    assert_eq!(ready.status, 200);
    assert_eq!(sshd.connections(), 1);
}

#[test]
fn ctrl_c_hangs_up_within_three_seconds() {
    ends_within_three_seconds(Signal::INT);
}

#[test]
fn sigterm_hangs_up_within_three_seconds() {
    ends_within_three_seconds(Signal::TERM);
}

/// With a connection open, so that there is something to hang up.
fn ends_within_three_seconds(signal: Signal) {
    let (grafana, backend) = (Grafana::start(), Backend::start());
    let sshd = Sshd::start();
    let (local, other) = (free_port(), free_port());
    let forwards = [
        Forward::grafana(local, grafana.port()),
        Forward::tcp("Backend", other, backend.port()),
    ];
    let mut passerelle = Passerelle::ready(&sshd, forwards);
    passerelle.wait_phase("healthy", BOUND);
    let mut open = TcpStream::connect((Ipv4Addr::LOCALHOST, other)).expect("it listens");
    passerelle.wait_tunnel("the connection is counted", BOUND, |tunnel| {
        tunnel["forwards"][1]["connections"] == 1
    });
    let start = Instant::now();
    passerelle.signal(signal);
    let status = passerelle.wait_end(BOUND);
    let took = start.elapsed();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(3), "it took {took:?}");
    // An end or a reset, but nothing that stays open.
    open.set_read_timeout(Some(BOUND)).expect("it is ours");
    assert_eq!(open.read(&mut [0]).unwrap_or(0), 0);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, local)).is_err());
    wait_until("sshd has no session left", BOUND, || sshd.sessions() == 0);
}

#[test]
fn down_and_up_again() {
    let grafana = Grafana::start();
    let sshd = Sshd::start();
    let local = free_port();
    let passerelle = Passerelle::ready(&sshd, [Forward::grafana(local, grafana.port())]);
    passerelle.wait_phase("healthy", BOUND);
    passerelle.succeed(&["down"]);
    passerelle.wait_phase("stopped", BOUND);
    wait_until("sshd has no session left", BOUND, || sshd.sessions() == 0);
    passerelle.succeed(&["up"]);
    passerelle.wait_phase("healthy", BOUND);
    let before = passerelle.tunnel()["attempt"].clone();
    passerelle.succeed(&["restart"]);
    passerelle.wait_tunnel("a new session", BOUND, |tunnel| {
        tunnel["phase"] == "healthy" && tunnel["attempt"] != before
    });
    assert_eq!(sshd.connections(), 3);
}

#[test]
fn open_prints_an_address_that_works() {
    let grafana = Grafana::start();
    let sshd = Sshd::start();
    let local = free_port();
    let passerelle = Passerelle::ready(&sshd, [Forward::grafana(local, grafana.port())]);
    // It waits for health itself.
    let printed = passerelle.succeed(&["open", "--print"]).stdout;
    assert_eq!(printed.trim(), format!("http://localhost:{local}/"));
    let reply = get(local, "/").expect("Grafana answers");
    assert_eq!(
        (reply.status, reply.header("location")),
        (302, Some("/login"))
    );
}

#[test]
fn every_change_is_a_line_of_json() {
    let sshd = Sshd::start();
    let passerelle = Passerelle::ready(&sshd, []);
    passerelle.wait_phase("healthy", BOUND);
    passerelle.succeed(&["down"]);
    passerelle.wait_phase("stopped", BOUND);
    let lines = passerelle.end().printed();
    let phases: Vec<_> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line is an object"))
        .map(|report| report["tunnels"][0]["phase"].clone())
        .collect();
    let healthy = phases.iter().position(|phase| phase == "healthy");
    let stopped = phases.iter().rposition(|phase| phase == "stopped");
    assert!(healthy.is_some() && healthy < stopped, "{phases:?}");
}

#[test]
fn quit_ends_it() {
    let sshd = Sshd::start();
    let mut passerelle = Passerelle::ready(&sshd, []);
    passerelle.wait_phase("healthy", BOUND);
    passerelle.succeed(&["quit"]);
    assert_eq!(passerelle.wait_end(BOUND).code(), Some(0));
    let after = passerelle.verb(&["status", "--json"]);
    assert_eq!(after.code, Some(4), "not running: {after:?}");
}
