//! The network changes under a live session.

use super::bound::{BOUND, within};
use crate::common::network::{Machine, in_own_network, lose};
use crate::common::{Home, Pattern, Proxy, Scene, Sshd, begin_download, moment, wait_until};
use chrono::TimeDelta;
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

const HERE: &str = "10.99.0.2";
const THERE: &str = "10.99.0.3";

/// A neighbour's address that no machine has.
const NOBODY: &str = "10.99.0.99";

/// Passerelle on a machine of its own, the server on this one.
fn roaming(machine: &Machine) -> Scene {
    let sshd = Sshd::with(&format!("ListenAddress {}", Machine::GATEWAY));
    let home = Home::empty().started_by(machine.enter());
    Scene::by(sshd, home, |tunnel| tunnel.by_host(Machine::GATEWAY)).once_healthy()
}

#[test]
fn an_address_that_changes_costs_less_than_two_seconds() {
    let test = "faults::network::an_address_that_changes_costs_less_than_two_seconds";
    in_own_network(test, || {
        let machine = Machine::at(HERE);
        let scene = roaming(&machine);
        let first = scene.attempt();
        machine.move_to(HERE, THERE);
        let start = Instant::now();
        let what = "another session is healthy";
        scene.passerelle.wait_tunnel(what, BOUND, |tunnel| {
            tunnel["attempt"].as_u64() > Some(first) && tunnel["phase"] == "healthy"
        });
        within(what, start, Duration::from_secs(3));
    });
}

#[test]
fn a_cable_that_is_pulled_shows_at_once_and_its_return_ends_a_long_rest() {
    let test =
        "faults::network::a_cable_that_is_pulled_shows_at_once_and_its_return_ends_a_long_rest";
    in_own_network(test, || {
        let machine = Machine::at(HERE);
        let scene = roaming(&machine);
        machine.unplug();
        let start = Instant::now();
        scene.passerelle.wait_phase("offline", BOUND);
        within("it is shown", start, Duration::from_secs(3));
        let what = "it rests for longer than it does between two dials";
        scene.passerelle.wait_tunnel(what, BOUND, |tunnel| {
            let (next, since) = (moment(&tunnel["next_dial"]), moment(&tunnel["since"]));
            let pause = next.zip(since).map(|(next, since)| next - since);
            tunnel["phase"] == "offline" && pause > Some(TimeDelta::seconds(50))
        });
        let connections = scene.sshd.logged("Connection from");
        machine.plug_in();
        let start = Instant::now();
        scene.passerelle.wait_phase("healthy", BOUND);
        within("it is healthy again", start, Duration::from_secs(3));
        assert_eq!(scene.sshd.logged("Connection from"), connections + 1);
    });
}

#[test]
fn a_server_that_is_off_is_no_missing_network() {
    let test = "faults::network::a_server_that_is_off_is_no_missing_network";
    in_own_network(test, || {
        let machine = Machine::at(HERE);
        let home = Home::empty().started_by(machine.enter());
        let scene = Scene::by(Sshd::start(), home, |tunnel| tunnel.by_host(NOBODY));
        let tunnel = scene.passerelle.wait_phase("waiting", BOUND);
        assert_eq!(tunnel["fault"]["code"], "connect_timeout");
    });
}

/// Downloads so much while segments get lost, and asserts that nothing comes of it.
fn survives_loss(delay: Duration, of_hundred: u8, length: u64) {
    let sshd = Sshd::start();
    let (proxy, server) = (Proxy::to(sshd.port()), sshd.port());
    let port = proxy.port();
    let scene = Scene::by(sshd, Home::empty(), |tunnel| tunnel.by_port(port)).once_healthy();
    proxy.delay(delay);
    let first = scene.attempt();
    let loss = lose(server, of_hundred);
    let stream = begin_download(scene.local, &format!("/bytes/{length}"));
    let mut stream = stream.expect("it begins");
    let download = thread::spawn(move || Pattern::summary(&mut stream));
    wait_until("the download is over", BOUND, || {
        let tunnel = scene.passerelle.tunnel();
        assert_eq!(tunnel["phase"], "healthy", "{tunnel}");
        download.is_finished()
    });
    let got = download.join().expect("it does not panic");
    let sent = Pattern::summary(&mut Pattern::new().take(length));
    assert_eq!(got.expect("it comes whole"), sent.expect("it never ends"));
    let lost = loss.segments();
    println!("{lost} segments lost");
    assert!(lost > 0);
    assert_eq!(scene.attempt(), first, "the session lives");
    assert_eq!(proxy.taken(), 1);
    assert!(scene.answers());
}

#[test]
fn segments_that_get_lost_are_no_fault() {
    let test = "faults::network::segments_that_get_lost_are_no_fault";
    in_own_network(test, || survives_loss(Duration::ZERO, 3, 8 << 20));
}

#[test]
fn segments_that_get_lost_on_a_long_way_are_no_fault() {
    let test = "faults::network::segments_that_get_lost_on_a_long_way_are_no_fault";
    in_own_network(test, || {
        survives_loss(Duration::from_millis(150), 3, 2 << 20);
    });
}
