//! A server, or the way to it, that says nothing for a while, or for ever.

use super::bound::{BOUND, within};
use crate::common::{Scene, Sshd, lasts, wait_until};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

#[test]
fn a_connection_over_a_silent_session_is_answered_within_five_seconds() {
    let scene = Scene::healthy(Sshd::start());
    scene.sshd.freeze_sessions();
    let start = Instant::now();
    assert!(scene.answers(), "it is carried by another session");
    within("answered", start, Duration::from_secs(6));
}

#[test]
fn a_silent_session_is_found_by_its_probes() {
    let scene = Scene::healthy(Sshd::start());
    let first = scene.attempt();
    scene.sshd.freeze_sessions();
    let start = Instant::now();
    wait_until("another is dialled", BOUND, || scene.attempt() > first);
    within("dialled", start, Duration::from_secs(18));
    scene.passerelle.wait_phase("healthy", BOUND);
}

#[test]
fn a_stall_of_twenty_seconds_drops_nothing() {
    let scene = Scene::healthy(Sshd::start());
    let mut open = scene.connect();
    open.write_all(b"GET /metr").expect("it is open");
    // It has reached the backend, so it is on the session that stalls.
    let what = "it is carried";
    scene.passerelle.wait_tunnel(what, BOUND, |tunnel| {
        tunnel["forwards"][0]["bytes_out"].as_u64() >= Some(9)
    });
    scene.sshd.freeze_sessions();
    lasts(Duration::from_secs(20));
    scene.sshd.thaw_sessions();
    let start = Instant::now();
    open.write_all(b"ics HTTP/1.1\r\n\r\n").expect("it is open");
    let mut answer = String::new();
    open.read_to_string(&mut answer).expect("it is not reset");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    within("answered", start, Duration::from_secs(10));
    drop(open);
    scene.passerelle.wait_phase("healthy", BOUND);
    wait_until("one session is left", BOUND, || scene.sshd.sessions() == 1);
}
