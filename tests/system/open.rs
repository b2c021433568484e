//! `open`: the browser comes when the page does, once, and never for a page that is not there.

use crate::common::{
    Config, Forward, Grafana, Home, Passerelle, Sshd, Tunnel, free_port, wait_until,
};
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(30);

/// Opens by a browser that notes what it is given, a moment later; gives the exit code and the
/// complaint.
fn open(home: &Home, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = home.command(&[&["open"], arguments].concat());
    let output = command.env("BROWSER", home.noting("browser")).output();
    let output = output.expect("the program starts");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn opened(home: &Home) -> Vec<String> {
    home.noted("browser")
}

#[track_caller]
fn wait_opened(home: &Home) {
    wait_until("the browser is there", BOUND, || !opened(home).is_empty());
}

#[test]
fn the_browser_is_given_the_address_once() {
    let grafana = Grafana::start();
    let sshd = Sshd::start();
    let local = free_port();
    let passerelle = Passerelle::ready(&sshd, [Forward::grafana(local, grafana.port())]);
    let (code, complaint) = open(&passerelle, &[]);
    assert_eq!(code, Some(0), "{complaint}");
    wait_opened(&passerelle);
    let (code, complaint) = open(&passerelle, &["Nowhere"]);
    assert_eq!(code, Some(2), "{complaint}");
    assert_eq!(opened(&passerelle), [format!("http://localhost:{local}/")]);
}

#[test]
fn a_stopped_tunnel_is_brought_up_for_it() {
    let grafana = Grafana::start();
    let sshd = Sshd::start();
    let forward = Forward::grafana(free_port(), grafana.port());
    let passerelle = Passerelle::ready(&sshd, [forward]);
    passerelle.succeed(&["down"]);
    let (code, complaint) = open(&passerelle, &["grafana"]);
    assert_eq!(code, Some(0), "{complaint}");
    assert_eq!(passerelle.tunnel()["phase"], "healthy");
}

#[test]
fn a_service_that_is_not_there_is_explained_in_its_place() {
    let mut grafana = Grafana::start();
    let sshd = Sshd::start();
    let forward = Forward::grafana(free_port(), grafana.port());
    grafana.stop();
    let passerelle = Passerelle::ready(&sshd, [forward]);
    let (code, complaint) = open(&passerelle, &["--timeout", "3s"]);
    assert_eq!(code, Some(5), "{complaint}");
    assert!(opened(&passerelle).is_empty());
    assert!(
        complaint.contains("Grafana container is probably stopped"),
        "{complaint}"
    );
}

#[test]
fn a_tunnel_that_waits_for_the_user_says_so_at_once() {
    let sshd = Sshd::start();
    let tunnel = Tunnel::to(&sshd, "lab").forward(Forward::grafana(free_port(), 1));
    // Nobody has accepted this server's key.
    let passerelle = Home::new(&Config::of(tunnel)).run();
    let start = Instant::now();
    let (code, complaint) = open(&passerelle, &["--timeout", "60s"]);
    assert_eq!(code, Some(7), "{complaint}");
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(opened(&passerelle).is_empty());
    let fingerprint = sshd.host_key().fingerprint();
    assert!(complaint.contains(&fingerprint), "{complaint}");
    assert!(complaint.contains("hostkey accept"), "{complaint}");
}
