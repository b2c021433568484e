//! More of everything than there is room for.

use super::bound::{BOUND, within};
use crate::common::{
    Backend, Config, Forward, Home, Key, Passerelle, Scene, Sshd, Tunnel, answers, descriptors,
    free_port, memory_mib, raise_descriptor_limit, wait_until,
};
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Begins to connect, and does not wait for it.
fn knock(port: u16) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_nonblocking(true).expect("it is ours");
    let _ = socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into());
    socket
}

#[test]
fn sixty_four_descriptors_are_enough_to_go_on() {
    let limit = ["prlimit", "--nofile=64:64", "--"].map(str::to_owned);
    let home = Home::empty().started_by(limit);
    let scene = Scene::by(Sshd::start(), home, |tunnel| tunnel).once_healthy();
    let first = scene.attempt();
    let crowd: Vec<_> = (0..100).map(|_| scene.connect()).collect();
    wait_until("every descriptor is used", BOUND, || {
        descriptors(scene.passerelle.pid()) >= 63
    });
    drop(crowd);
    let start = Instant::now();
    wait_until("it serves again", BOUND, || scene.answers());
    within("serving again", start, Duration::from_secs(15));
    assert_eq!(scene.attempt(), first, "the session lives");
}

#[test]
fn ten_thousand_who_say_nothing_do_not_stop_it() {
    raise_descriptor_limit();
    let scene = Scene::healthy(Sshd::start());
    let (pid, first) = (scene.passerelle.pid(), scene.attempt());
    let before = (descriptors(pid), memory_mib(pid));
    let crowd: Vec<_> = (0..10_000).map(|_| knock(scene.local)).collect();
    scene.passerelle.wait_tunnel("it is full", BOUND, |tunnel| {
        tunnel["forwards"][0]["connections"] == 256
    });
    let during = memory_mib(pid);
    println!("{} MiB before, {during} MiB during", before.1);
    assert!(during < before.1 + 100.0);
    drop(crowd);
    let start = Instant::now();
    wait_until("it serves again", BOUND, || scene.answers());
    within("serving again", start, Duration::from_secs(20));
    wait_until("they are closed", BOUND, || {
        descriptors(pid) <= before.0 + 2
    });
    assert_eq!(scene.attempt(), first, "the session lives");
}

#[test]
fn a_thousand_connections_at_once_are_all_served() {
    raise_descriptor_limit();
    let (sshd, backend) = (Sshd::start(), Backend::start());
    let locals: Vec<u16> = (0..4).map(|_| free_port()).collect();
    let forwards = locals
        .iter()
        .enumerate()
        .map(|(index, local)| Forward::tcp(&format!("Backend {index}"), *local, backend.port()));
    let tunnel = Tunnel::to(&sshd, "lab");
    let passerelle = Passerelle::on(Home::empty(), &sshd, tunnel, forwards);
    passerelle.wait_phase("healthy", BOUND);
    for local in &locals {
        assert!(answers(*local, "/metrics"));
    }
    let pid = passerelle.pid();
    let before = (descriptors(pid), memory_mib(pid));
    let connect = |index: usize| {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, locals[index % 4]));
        let stream = stream.expect("it listens");
        stream.set_read_timeout(Some(BOUND)).expect("it is ours");
        stream
    };
    let mut crowd: Vec<_> = (0..1000).map(connect).collect();
    let open = || {
        let tunnel = passerelle.tunnel();
        let forwards = tunnel["forwards"].as_array().cloned().unwrap_or_default();
        let counts = forwards.iter().filter_map(|it| it["connections"].as_u64());
        counts.sum::<u64>()
    };
    wait_until("all are open", BOUND, || open() == 1000);
    let during = memory_mib(pid);
    println!("{} MiB before, {during} MiB during", before.1);
    assert!(during < before.1 + 100.0);
    for stream in &mut crowd {
        let asked = stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n");
        asked.expect("it is open");
    }
    for mut stream in crowd {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it is answered");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    wait_until("all are closed", BOUND, || open() == 0);
    wait_until("nothing is left of them", BOUND, || {
        descriptors(pid) <= before.0 + 2 && memory_mib(pid) < before.1 + 30.0
    });
    println!("{} MiB after", memory_mib(pid));
    assert!(answers(locals[0], "/metrics"));
}

fn fifty_clients(home: Home, sshd: &Sshd, key: &Key) -> Passerelle {
    let tunnel = |number: u32| Tunnel::to(sshd, &format!("client {number}")).key(key.path());
    let config = (1..50).fold(Config::of(tunnel(0)), |config, number| {
        config.and(tunnel(number))
    });
    home.configure(&config.text());
    home.run()
}

#[test]
fn a_hundred_clients_share_a_server_that_takes_ten_at_a_time() {
    let mut sshd = Sshd::with("MaxStartups 10:30:100");
    // A configuration may have 64.
    let homes = [(); 2].map(|()| Home::empty().trusting(&sshd));
    let key = homes[0].key_for(&sshd);
    let programs = homes.map(|home| fifty_clients(home, &sshd, &key));
    let all_up = || {
        programs.iter().all(|passerelle| {
            let status = passerelle.status();
            let tunnels = status["tunnels"].as_array().cloned().unwrap_or_default();
            tunnels.len() == 50 && tunnels.iter().all(|tunnel| tunnel["phase"] == "healthy")
        })
    };
    let bound = Duration::from_secs(180);
    let start = Instant::now();
    wait_until("all are up", bound, all_up);
    within("all up", start, bound);
    sshd.restart();
    let start = Instant::now();
    wait_until("all are up again", bound, || {
        sshd.sessions() >= 100 && all_up()
    });
    within("all up after a restart", start, bound);
}
