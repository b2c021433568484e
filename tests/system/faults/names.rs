//! The server's name, and what the resolver makes of it.

use super::bound::{BOUND, within};
use crate::common::network::{Machine, in_own_network, ip, replace_file};
use crate::common::{Home, Scene, Scratch, Sshd, lasts, wait_until};
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

const NAME: &str = "server.lab";

fn by_name() -> Scene {
    Scene::by(Sshd::start(), Home::empty(), |tunnel| tunnel.by_host(NAME))
}

#[test]
fn a_name_that_does_not_resolve_is_offline_until_it_does() {
    let test = "faults::names::a_name_that_does_not_resolve_is_offline_until_it_does";
    in_own_network(test, || {
        let scratch = Scratch::new();
        replace_file(&scratch, "/etc/resolv.conf", "nameserver 127.0.0.1\n");
        let hosts = replace_file(&scratch, "/etc/hosts", "127.0.0.1 localhost\n");
        let scene = by_name();
        let tunnel = scene.passerelle.wait_phase("offline", BOUND);
        assert_eq!(tunnel["fault"]["code"], "name_not_resolved");
        fs::write(hosts, format!("127.0.0.1 localhost {NAME}\n")).expect("it is ours");
        let start = Instant::now();
        // Who wants something does not wait for the next look.
        wait_until("it is answered", BOUND, || scene.answers());
        within("answered", start, Duration::from_secs(20));
        scene.passerelle.wait_phase("healthy", BOUND);
    });
}

#[test]
fn a_resolver_that_says_nothing_holds_nobody_up() {
    let test = "faults::names::a_resolver_that_says_nothing_holds_nobody_up";
    in_own_network(test, || {
        let scratch = Scratch::new();
        let _machine = silent_networks();
        replace_file(&scratch, "/etc/resolv.conf", "nameserver 192.0.2.1\n");
        replace_file(&scratch, "/etc/hosts", "127.0.0.1 localhost\n");
        let start = Instant::now();
        let mut scene = by_name();
        scene.passerelle.wait_phase("offline", BOUND);
        within("offline", start, Duration::from_secs(15));
        let start = Instant::now();
        scene.passerelle.verb(&["quit"]);
        scene.passerelle.wait_end(BOUND);
        within("ended", start, Duration::from_secs(5));
    });
}

#[test]
fn an_address_that_answers_nothing_costs_a_quarter_of_a_second() {
    let test = "faults::names::an_address_that_answers_nothing_costs_a_quarter_of_a_second";
    in_own_network(test, || {
        let scratch = Scratch::new();
        let _machine = silent_networks();
        let hosts = format!("192.0.2.1 {NAME}\n127.0.0.1 localhost {NAME}\n2001:db8:2::1 {NAME}\n");
        replace_file(&scratch, "/etc/hosts", &hosts);
        let start = Instant::now();
        let scene = by_name();
        scene.passerelle.wait_phase("healthy", BOUND);
        within("healthy", start, Duration::from_secs(5));
    });
}

#[test]
fn a_resolver_that_takes_its_time_is_waited_for() {
    let test = "faults::names::a_resolver_that_takes_its_time_is_waited_for";
    in_own_network(test, || {
        let scratch = Scratch::new();
        replace_file(&scratch, "/etc/resolv.conf", "nameserver 127.0.0.1\n");
        replace_file(&scratch, "/etc/hosts", "127.0.0.1 localhost\n");
        resolve_slowly(Duration::from_secs(3));
        let start = Instant::now();
        let scene = by_name();
        scene.passerelle.wait_phase("healthy", BOUND);
        within("healthy", start, Duration::from_secs(10));
        assert_eq!(scene.attempt(), 1, "at the first try");
    });
}

/// A name server, which takes so long to say that every name is this machine's: RFC 1035 section 4.
fn resolve_slowly(pause: Duration) {
    /// A pointer to the name asked for; an address, of the Internet, for a minute: 127.0.0.1.
    const ADDRESS: [u8; 16] = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1];
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)).expect("the network is ours");
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, asker)) = socket.recv_from(&mut query) {
            let question = &query[12..length];
            let name = question.iter().position(|byte| *byte == 0).expect("a name");
            let question = &question[..name + 5];
            let is_ipv4 = question[name + 2] == 1;
            // Its number; an answer, without error; one question, one answer or none.
            let mut answer =
                [&query[..2], &[0x81, 0x80, 0, 1, 0, is_ipv4.into()], &[0; 4]].concat();
            answer.extend(question);
            answer.extend(ADDRESS.iter().filter(|_| is_ipv4));
            let socket = socket.try_clone().expect("a descriptor");
            thread::spawn(move || {
                lasts(pause);
                let _ = socket.send_to(&answer, asker);
            });
        }
    });
}

/// A machine behind which there are networks in which nobody answers.
fn silent_networks() -> Machine {
    let machine = Machine::at("10.99.0.2");
    machine.ip(&["addr", "add", "2001:db8:1::2/64", "dev", "eth0", "nodad"]);
    ip(&["addr", "add", "2001:db8:1::1/64", "dev", "cable", "nodad"]);
    // It forwards nothing, and says so to nobody.
    ip(&["route", "add", "192.0.2.0/24", "via", "10.99.0.2"]);
    ip(&["route", "add", "2001:db8:2::/64", "via", "2001:db8:1::2"]);
    machine
}
