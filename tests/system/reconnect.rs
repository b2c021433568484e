//! What breaks comes back by itself, and only as often as it may.

use crate::common::network::{cut, in_own_network, mend};
use crate::common::{Forward, Grafana, Passerelle, Scene, Sshd, free_port, moment, wait_until};
use chrono::{TimeDelta, Utc};
use serde_json::Value;
use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(60);

/// Lets the sessions fall silent, and says how long it takes until another one is dialled.
fn freeze(scene: &Scene) -> Duration {
    scene.sshd.freeze_sessions();
    let found = until_another_dial(scene);
    scene.passerelle.wait_phase("healthy", BOUND);
    assert!(scene.answers());
    found
}

/// Cuts the cable to the server, and says how long it takes until another session is dialled.
fn cut_and_mend(scene: &Scene) -> Duration {
    cut(scene.sshd.port());
    let found = until_another_dial(scene);
    mend();
    wait_until("somebody is answered again", BOUND, || scene.answers());
    scene.passerelle.wait_phase("healthy", BOUND);
    found
}

/// An upload that is well under way.
fn upload(scene: &Scene) -> JoinHandle<io::Result<()>> {
    let uploading = scene.upload();
    let what = "the upload is under way";
    scene.passerelle.wait_tunnel(what, BOUND, |tunnel| {
        tunnel["forwards"][0]["bytes_out"].as_u64() > Some(8 << 20)
    });
    uploading
}

fn until_another_dial(scene: &Scene) -> Duration {
    let (first, start) = (scene.attempt(), Instant::now());
    wait_until("another session is dialled", BOUND, || {
        scene.attempt() > first
    });
    let found = start.elapsed();
    println!("found after {found:?}");
    found
}

#[test]
fn a_killed_session_is_replaced_at_once() {
    let scene = Scene::unprobed(Sshd::start());
    let start = Instant::now();
    scene.sshd.kill_sessions();
    // Nobody asks for anything: it comes back by itself.
    wait_until("a second session", BOUND, || scene.sshd.connections() == 2);
    let back = start.elapsed();
    scene.passerelle.wait_phase("healthy", BOUND);
    assert!(scene.answers());
    println!("dialled again after {back:?}");
    assert!(
        back < Duration::from_secs(3),
        "the promise is 250 ms: {back:?}"
    );
}

#[test]
fn a_server_that_was_away_is_found_again_by_who_wants_something() {
    let mut scene = Scene::unprobed(Sshd::start());
    scene.sshd.stop();
    let rests = |tunnel: &Value| {
        let next = moment(&tunnel["next_dial"]);
        next.is_some_and(|next| next > Utc::now() + TimeDelta::seconds(4))
    };
    let tunnel = scene.passerelle.wait_tunnel("it rests", BOUND, rests);
    assert_eq!(tunnel["fault"]["code"], "connection_refused");
    scene.sshd.restart();
    assert!(
        scene.answers(),
        "the connection waits for the session that it demands"
    );
    let next = moment(&tunnel["next_dial"]).expect("just seen");
    assert!(Utc::now() < next, "it would have come by itself");
    scene.passerelle.wait_phase("healthy", BOUND);
}

#[test]
fn the_listener_stays_while_the_server_is_away() {
    let mut scene = Scene::unprobed(Sshd::start());
    scene.sshd.stop();
    scene.passerelle.wait_phase("waiting", BOUND);
    scene.connect();
}

#[test]
fn a_busy_server_is_left_alone_for_five_seconds() {
    let mut sshd = Sshd::start();
    let local = free_port();
    let grafana = Grafana::start();
    sshd.configure("MaxStartups 1:100:1");
    sshd.restart();
    // One stranger who never logs in: the server takes nobody else.
    let stranger = TcpStream::connect((Ipv4Addr::LOCALHOST, sshd.port())).expect("it listens");
    wait_until("the stranger is in", BOUND, || sshd.connections() == 1);
    let passerelle = Passerelle::ready(&sshd, [Forward::grafana(local, grafana.port())]);
    let tunnel = passerelle.wait_phase("waiting", BOUND);
    let start = Instant::now();
    assert_eq!(tunnel["fault"]["code"], "server_busy", "{tunnel}");
    drop(stranger);
    wait_until("it comes back", BOUND, || {
        sshd.logged("Accepted publickey") == 1
    });
    let back = start.elapsed();
    println!("back after {back:?}");
    assert!(back > Duration::from_secs(4), "too soon: {back:?}");
    passerelle.wait_phase("healthy", BOUND);
}

#[test]
fn a_dead_link_is_found_while_nothing_moves() {
    let scene = Scene::unprobed(Sshd::start());
    let found = freeze(&scene);
    assert!(
        found < Duration::from_secs(36),
        "the promise is 31 s: {found:?}"
    );
}

#[test]
fn a_dead_link_is_found_in_the_middle_of_an_upload() {
    let scene = Scene::unprobed(Sshd::start());
    let uploading = upload(&scene);
    let start = Instant::now();
    let found = freeze(&scene);
    assert!(
        found < Duration::from_secs(51),
        "the promise is 46 s: {found:?}"
    );
    let ended = uploading.join().expect("it does not panic");
    assert!(ended.is_err(), "the upload is told");
    let told = start.elapsed();
    assert!(
        told < Duration::from_secs(56),
        "the promise is 46 s: {told:?}"
    );
}

#[test]
#[ignore = "takes a minute: scripts/test --long"]
fn a_cut_cable_is_found_while_nothing_moves() {
    let test = "reconnect::a_cut_cable_is_found_while_nothing_moves";
    in_own_network(test, || {
        let scene = Scene::unprobed(Sshd::start());
        let found = cut_and_mend(&scene);
        assert!(
            found < Duration::from_secs(36),
            "the promise is 31 s: {found:?}"
        );
    });
}

#[test]
#[ignore = "takes a minute: scripts/test --long"]
fn a_cut_cable_is_found_in_the_middle_of_an_upload() {
    let test = "reconnect::a_cut_cable_is_found_in_the_middle_of_an_upload";
    in_own_network(test, || {
        let scene = Scene::unprobed(Sshd::start());
        let uploading = upload(&scene);
        let found = cut_and_mend(&scene);
        assert!(
            found < Duration::from_secs(51),
            "the promise is 46 s: {found:?}"
        );
        let ended = uploading.join().expect("it does not panic");
        assert!(ended.is_err(), "the upload is told");
    });
}
