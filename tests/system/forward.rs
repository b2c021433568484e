//! What runs through a forward: every byte of it, whatever happens beside it.

use crate::common::{
    Backend, Forward, Grafana, Passerelle, Pattern, Scene, Slow, Sshd, begin_download, free_port,
    get, program, wait_for, wait_until,
};
use std::fs;
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(120);
const GIBIBYTE: u64 = 1 << 30;

/// `LENGTH SHA256` of what was sent.
fn expected(length: u64) -> String {
    Pattern::summary(&mut Pattern::new().take(length)).expect("it never ends")
}

fn download(scene: &Scene, length: u64) -> TcpStream {
    begin_download(scene.local, &format!("/bytes/{length}")).expect("it begins")
}

fn bytes(scene: &Scene, way: &str) -> u64 {
    let bytes = scene.passerelle.tunnel()["forwards"][0][way].as_u64();
    bytes.expect("it is a number")
}

fn rate(length: u64, start: Instant) -> f64 {
    length as f64 / f64::from(1 << 20) / start.elapsed().as_secs_f64()
}

#[test]
fn a_gibibyte_comes_down_whole_during_rekeys() {
    let scene = Scene::healthy(Sshd::with("RekeyLimit 16M"));
    let start = Instant::now();
    let mut stream = download(&scene, GIBIBYTE);
    let got = Pattern::summary(&mut stream).expect("it comes whole");
    println!("{:.0} MiB/s down", rate(GIBIBYTE, start));
    assert_eq!(got, expected(GIBIBYTE));
    assert_rekeyed(&scene);
    assert!(bytes(&scene, "bytes_in") > GIBIBYTE);
}

#[test]
fn a_gibibyte_goes_up_whole_during_rekeys() {
    let scene = Scene::healthy(Sshd::with("RekeyLimit 16M"));
    let start = Instant::now();
    let mut stream = scene.connect();
    let head = format!("POST /upload HTTP/1.1\r\nContent-Length: {GIBIBYTE}\r\n\r\n");
    let body = Pattern::new().take(GIBIBYTE);
    io::copy(&mut head.as_bytes().chain(body), &mut stream).expect("it goes up whole");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    println!("{:.0} MiB/s up", rate(GIBIBYTE, start));
    assert!(answer.ends_with(&expected(GIBIBYTE)), "{answer}");
    assert_rekeyed(&scene);
    assert!(bytes(&scene, "bytes_out") > GIBIBYTE);
}

/// The server asks for new keys every quarter of a mebibyte, in the middle of both ways at once.
#[test]
fn a_storm_of_rekeys_under_both_ways_leaves_every_byte_whole() {
    const LENGTH: u64 = 24 << 20;
    let scene = Scene::healthy(Sshd::with("RekeyLimit 256K"));
    let mut up = scene.connect();
    let uploading = thread::spawn(move || {
        let head = format!("POST /upload HTTP/1.1\r\nContent-Length: {LENGTH}\r\n\r\n");
        let body = Pattern::new().take(LENGTH);
        io::copy(&mut head.as_bytes().chain(body), &mut up)?;
        let mut answer = String::new();
        up.read_to_string(&mut answer).map(|_| answer)
    });
    let got = Pattern::summary(&mut download(&scene, LENGTH)).expect("it comes whole");
    assert_eq!(got, expected(LENGTH));
    let answer = uploading.join().expect("it does not panic");
    assert!(answer.expect("it goes up whole").ends_with(&got));
    assert_rekeyed(&scene);
}

/// With AES-GCM a key is good for 64 GiB: neither OpenSSH nor Passerelle changes it before. A rekey of ours
/// would end the session where much is under way.
#[test]
fn more_than_a_gibibyte_needs_no_rekey() {
    let scene = Scene::healthy(Sshd::start());
    let length = GIBIBYTE + GIBIBYTE / 4;
    let got = Pattern::summary(&mut download(&scene, length)).expect("it comes whole");
    assert_eq!(got, expected(length));
    let exchanges = scene.sshd.logged("SSH2_MSG_NEWKEYS received");
    assert_eq!(exchanges, 1);
    assert_eq!(scene.sshd.connections(), 1);
}

#[track_caller]
fn assert_rekeyed(scene: &Scene) {
    let rekeys = scene.sshd.logged("SSH2_MSG_NEWKEYS received");
    assert!(rekeys > 30, "only {rekeys} key exchanges");
    assert_eq!(scene.sshd.connections(), 1);
}

#[test]
fn a_reader_that_stalls_disturbs_nobody_and_loses_nothing() {
    const LENGTH: u64 = 48 << 20;
    let scene = Scene::healthy(Sshd::with("RekeyLimit 16M"));
    let mut stalled = download(&scene, LENGTH);
    for _ in 0..200 {
        let start = Instant::now();
        let reply = get(scene.local, "/metrics").expect("the others go on");
        assert_eq!(reply.status, 200);
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    let got = Pattern::summary(&mut stalled).expect("all of it waits");
    assert_eq!(got, expected(LENGTH));
    assert_eq!(scene.sshd.connections(), 1);
}

/// What it would have waits at the server, as with a client that grants windows when they are read: all others
/// have another session.
#[test]
fn a_program_that_does_not_read_is_left_alone_and_is_there_when_it_reads_again() {
    const LENGTH: u64 = 160 << 20;
    let scene = Scene::healthy(Sshd::start());
    let mut stalled = download(&scene, GIBIBYTE);
    wait_until("others have a session of their own", BOUND, || {
        scene.passerelle.tunnel()["attempt"] == 2
    });
    let (mut looked, mut came) = (Instant::now(), 0);
    wait_until("the server waits", BOUND, || {
        if looked.elapsed() < Duration::from_secs(1) {
            return false;
        }
        let before = std::mem::replace(&mut came, bytes(&scene, "bytes_in"));
        looked = Instant::now();
        came - before < 2 << 20
    });
    assert!(came < GIBIBYTE / 2, "{came} bytes came");
    let reply = get(scene.local, "/metrics").expect("the others go on");
    assert_eq!(reply.status, 200);
    assert_eq!(scene.sshd.sessions_from(scene.passerelle.pid()), 2);
    let got = Pattern::summary(&mut stalled.by_ref().take(LENGTH)).expect("it goes on");
    assert_eq!(got, expected(LENGTH));
}

#[test]
#[ignore = "takes a minute: scripts/test --long"]
fn a_slow_reader_gets_all_of_a_gibibyte() {
    let scene = Scene::healthy(Sshd::with("RekeyLimit 16M"));
    let mut stream = download(&scene, GIBIBYTE);
    let slow = &mut Slow::new(&mut stream, 24 << 20);
    let got = Pattern::summary(slow).expect("it comes whole");
    assert_eq!(got, expected(GIBIBYTE));
    assert_rekeyed(&scene);
    let peak = scene.passerelle.peak_memory_mib();
    println!("{peak} MiB of memory at most");
    assert!(peak < 96.0, "{peak} MiB");
    let left = fs::read_dir(scene.passerelle.state("spool")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "what waited on disk is gone");
}

#[test]
fn a_session_that_breaks_never_passes_for_an_end() {
    let scene = Scene::healthy(Sshd::start());
    let mut stream = download(&scene, GIBIBYTE);
    scene.sshd.kill_sessions();
    let error = Pattern::summary(&mut stream).expect_err("a short read is an error");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
}

#[test]
fn a_taken_port_names_its_owner_and_is_taken_over_when_free() {
    let (backend, grafana) = (Backend::start(), Grafana::start());
    let sshd = Sshd::start();
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let port = holder.local_addr().expect("it is bound").port();
    let forwards = [
        Forward::tcp("Backend", port, backend.port()),
        Forward::grafana(free_port(), grafana.port()),
    ];
    let passerelle = Passerelle::ready(&sshd, forwards);
    // It is that forward's trouble alone.
    let tunnel = passerelle.wait_phase("healthy", BOUND);
    let forward = &tunnel["forwards"][0];
    assert_eq!(forward["health"], "not_listening", "{forward}");
    let detail = forward["detail"].as_str().unwrap_or_default();
    let me = std::process::id().to_string();
    // Wine knows of the listener, and not whose it is.
    let named = detail.contains(&me) || program::is_windows();
    assert!(named, "{detail:?} does not name {me}");
    drop(holder);
    wait_for("the port is taken over", BOUND, || {
        get(port, "/metrics").ok()
    });
}
