//! A server that says what sshd does not say.

use super::bound::{BOUND, within};
use crate::common::{
    Forward, Home, Passerelle, Rogue, Sshd, Tunnel, descriptors, free_port, memory_mib,
};
use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

/// A tunnel to a server that does as it is told.
fn facing_rogue() -> (Sshd, Rogue, Passerelle, u16) {
    // Its key is the one that is known.
    let sshd = Sshd::start();
    let rogue = Rogue::with(sshd.host_key());
    let tunnel = Tunnel::to(&sshd, "lab").by_port(rogue.port());
    let local = free_port();
    let forward = Forward::new("Nothing", local, 1).line("health = \"none\"");
    let passerelle = Passerelle::on(Home::empty(), &sshd, tunnel, [forward]);
    passerelle.wait_phase("healthy", BOUND);
    (sshd, rogue, passerelle, local)
}

#[test]
fn a_good_bye_is_told_in_the_servers_words_and_another_session_follows() {
    let (_sshd, rogue, passerelle, _) = facing_rogue();
    rogue.disconnect("rebooting now");
    let what = "another session is healthy";
    passerelle.wait_tunnel(what, BOUND, |tunnel| {
        tunnel["attempt"].as_u64() > Some(1) && tunnel["phase"] == "healthy"
    });
    let told = passerelle.printed();
    assert!(told.contains("\"disconnected\"") && told.contains("rebooting now"));
}

#[test]
fn ten_thousand_channels_of_the_server_are_refused_one_by_one() {
    let (_sshd, rogue, passerelle, _) = facing_rogue();
    let pid = passerelle.pid();
    let before = (descriptors(pid), memory_mib(pid));
    assert_eq!(rogue.open_channels(10_000), 0);
    let during = memory_mib(pid);
    println!("{} MiB before, {during} MiB after", before.1);
    assert!(during < before.1 + 20.0);
    assert_eq!(descriptors(pid), before.0);
    let tunnel = passerelle.wait_phase("healthy", BOUND);
    assert_eq!(tunnel["attempt"], 1, "the session lives");
}

#[test]
fn a_channel_that_is_never_answered_for_is_reset_and_the_session_lives() {
    let (_sshd, rogue, passerelle, local) = facing_rogue();
    let start = Instant::now();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).expect("it listens");
    stream.set_read_timeout(Some(BOUND)).expect("it is ours");
    let error = stream.read(&mut [0]).expect_err("no orderly end");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    within("reset", start, Duration::from_secs(13));
    assert_eq!(rogue.ignored(), 1);
    let tunnel = passerelle.tunnel();
    assert_eq!(tunnel["phase"], "healthy", "{tunnel}");
    assert_eq!(tunnel["attempt"], 1, "the session has answered for itself");
}
