//! A tunnel is healthy when its services are, and says what is wrong when they are not.

use crate::common::{Backend, Forward, Grafana, Passerelle, Prometheus, Sshd, Stranger, free_port};
use serde_json::Value;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

#[track_caller]
fn wait_health(passerelle: &Passerelle, forward: usize, health: &str) -> Value {
    let what = format!("forward {forward} is {health}");
    let tunnel = passerelle.wait_tunnel(&what, BOUND, |tunnel| {
        tunnel["forwards"][forward]["health"] == health
    });
    tunnel["forwards"][forward].clone()
}

#[test]
fn a_stopped_container_degrades_the_tunnel_until_it_runs_again() {
    let mut grafana = Grafana::start();
    let mut backend = Backend::start();
    let mut prometheus = Prometheus::scraping(backend.port());
    let sshd = Sshd::start();
    let forwards = [
        Forward::grafana(free_port(), grafana.port()),
        Forward::prometheus(free_port(), prometheus.port()),
        Forward::tcp("Backend", free_port(), backend.port()),
    ];
    let passerelle = Passerelle::ready(&sshd, forwards);
    passerelle.wait_phase("healthy", BOUND);
    let attempt = passerelle.tunnel()["attempt"].clone();

    grafana.stop();
    let forward = wait_health(&passerelle, 0, "unreachable");
    let detail = forward["detail"].as_str().unwrap_or_default();
    assert!(!detail.is_empty(), "{forward}");
    assert_eq!(passerelle.tunnel()["phase"], "degraded");
    assert_eq!(passerelle.tunnel()["forwards"][1]["health"], "ok");
    grafana.restart();
    passerelle.wait_phase("healthy", BOUND);

    prometheus.stop();
    wait_health(&passerelle, 1, "unreachable");
    prometheus.restart();
    passerelle.wait_phase("healthy", BOUND);

    // Nothing to open there: the tunnel is as good without it, and still tells.
    backend.stop();
    wait_health(&passerelle, 2, "unreachable");
    assert_eq!(passerelle.tunnel()["phase"], "healthy");
    backend.restart();
    wait_health(&passerelle, 2, "ok");
    assert_eq!(
        passerelle.tunnel()["attempt"],
        attempt,
        "the session was never at fault"
    );
}

#[test]
fn a_grafana_without_its_database_is_failing() {
    let grafana = Grafana::start();
    grafana.set(|state| state.database_ok = false);
    let sshd = Sshd::start();
    let passerelle = Passerelle::ready(&sshd, [Forward::grafana(free_port(), grafana.port())]);
    wait_health(&passerelle, 0, "failing");
    assert_eq!(passerelle.tunnel()["phase"], "degraded");
    grafana.set(|state| {
        state.database_ok = true;
        state.version = None;
    });
    passerelle.wait_phase("healthy", BOUND);
}

#[test]
fn a_grafana_that_redirects_elsewhere_would_break_the_browser() {
    let grafana = Grafana::start();
    grafana.set(|state| state.root_url = Some("https://monitoring.example".into()));
    let sshd = Sshd::start();
    let passerelle = Passerelle::ready(&sshd, [Forward::grafana(free_port(), grafana.port())]);
    let forward = wait_health(&passerelle, 0, "failing");
    let detail = forward["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("monitoring.example"), "{forward}");
    assert_eq!(passerelle.tunnel()["phase"], "degraded");
    grafana.set(|state| state.root_url = None);
    passerelle.wait_phase("healthy", BOUND);
}

#[test]
fn a_grafana_below_a_path_is_asked_there() {
    let grafana = Grafana::start();
    grafana.set(|state| state.sub_path = "/grafana".into());
    let sshd = Sshd::start();
    let local = free_port();
    let forward = Forward::new("Grafana", local, grafana.port())
        .line("health = \"grafana\"\nopen = \"/grafana/\"\nprimary = true");
    let passerelle = Passerelle::ready(&sshd, [forward]);
    let tunnel = passerelle.wait_phase("healthy", BOUND);
    assert_eq!(
        tunnel["forwards"][0]["url"],
        format!("http://localhost:{local}/grafana/")
    );
}

#[test]
fn what_the_server_forbids_is_prohibited() {
    let grafana = Grafana::start();
    let sshd = Sshd::with("AllowTcpForwarding no");
    let passerelle = Passerelle::ready(&sshd, [Forward::grafana(free_port(), grafana.port())]);
    wait_health(&passerelle, 0, "prohibited");
    assert_eq!(passerelle.tunnel()["phase"], "degraded");
}

#[test]
fn a_path_and_its_codes_are_what_the_user_says() {
    let backend = Backend::start();
    let sshd = Sshd::start();
    let check = |path: &str| {
        Forward::new(path, free_port(), backend.port()).line(&format!(
            "health = {{ path = \"/{path}\", status = [200] }}"
        ))
    };
    let passerelle = Passerelle::ready(&sshd, [check("metrics"), check("absent")]);
    wait_health(&passerelle, 0, "ok");
    wait_health(&passerelle, 1, "failing");
}

#[test]
fn a_service_that_fails_redirects_or_says_nothing_is_told_from_one_that_works() {
    let says: [(&[u8], &str); 4] = [
        (
            b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
            "failing",
        ),
        (
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            "failing",
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
            "failing",
        ),
        (b"", "unreachable"),
    ];
    let strangers = says.map(|(words, _)| Stranger::saying(words));
    let forwards = strangers.iter().enumerate().map(|(index, stranger)| {
        let forward = Forward::new(&format!("Service {index}"), free_port(), stranger.port());
        forward.line("health = { path = \"/\", status = [200] }")
    });
    let sshd = Sshd::start();
    let passerelle = Passerelle::ready(&sshd, forwards);
    for (index, (_, health)) in says.into_iter().enumerate() {
        wait_health(&passerelle, index, health);
    }
    assert_eq!(
        passerelle.tunnel()["attempt"],
        1,
        "the session was never at fault"
    );
}
