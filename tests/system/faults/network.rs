//! The network changes under a live session.

use super::bound::{BOUND, within};
use crate::common::network::{Machine, in_own_network};
use crate::common::{Home, Scene, Sshd, moment};
use chrono::TimeDelta;
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
