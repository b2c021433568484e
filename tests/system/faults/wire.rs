//! What happens to the bytes on their way to the server and back.

use super::scene::{BOUND, Scene, within};
use crate::common::{Home, Mishap, Pattern, Proxy, Sshd, get, wait_until};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// A healthy tunnel through a proxy.
fn through_proxy() -> (Proxy, Scene) {
    let sshd = Sshd::start();
    let proxy = Proxy::to(sshd.port());
    let port = proxy.port();
    let scene = Scene::with(sshd, Home::empty(), |tunnel| tunnel.by_port(port));
    scene.passerelle.wait_phase("healthy", BOUND);
    (proxy, scene)
}

#[test]
fn a_reset_is_noticed_within_a_second() {
    let (proxy, scene) = through_proxy();
    let start = Instant::now();
    proxy.reset();
    wait_until("another session is dialled", BOUND, || proxy.taken() == 2);
    within("dialled", start, Duration::from_secs(3));
    scene.passerelle.wait_phase("healthy", BOUND);
    assert!(scene.answers());
}

#[test]
fn bytes_that_were_changed_on_the_way_never_arrive() {
    for mishap in [Mishap::Flip, Mishap::Truncate] {
        let (proxy, scene) = through_proxy();
        let length = 256_u64 << 20;
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, scene.local));
        let mut stream = stream.expect("it listens");
        stream.set_read_timeout(Some(BOUND)).expect("it is ours");
        let request = format!("GET /bytes/{length} HTTP/1.1\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it is open");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the head comes");
            head.push(byte[0]);
        }
        proxy.mishap(mishap);
        // What arrives is a part of what was sent, and then a reset.
        let mut pattern = Pattern::new();
        let (mut got, mut sent) = (vec![0; 64 << 10], vec![0; 64 << 10]);
        let mut total = 0;
        let error = loop {
            match stream.read(&mut got) {
                Ok(0) => panic!("an orderly end after {total} bytes of {length}"),
                Ok(read) => {
                    pattern.read_exact(&mut sent[..read]).expect("endless");
                    assert!(got[..read] == sent[..read], "other bytes than were sent");
                    total += read;
                }
                Err(error) => break error,
            }
        };
        println!("reset after {total} bytes: {error}");
        wait_until("another session is dialled", BOUND, || proxy.taken() == 2);
        scene.passerelle.wait_phase("healthy", BOUND);
    }
}

#[test]
fn a_way_that_takes_its_time_is_no_fault() {
    let (proxy, scene) = through_proxy();
    let first = scene.attempt();
    proxy.delay(Duration::from_millis(150));
    for _ in 0..5 {
        assert!(scene.answers());
    }
    assert_eq!(scene.attempt(), first);
    scene.passerelle.wait_phase("healthy", BOUND);
}

#[test]
fn an_upload_that_fills_the_way_is_no_silence() {
    let (proxy, scene) = through_proxy();
    let first = scene.attempt();
    proxy.delay(Duration::from_millis(100));
    let upload = TcpStream::connect((Ipv4Addr::LOCALHOST, scene.local));
    let mut upload = upload.expect("it listens");
    let uploading = thread::spawn(move || {
        let head = b"POST /upload HTTP/1.1\r\nContent-Length: 1000000000000\r\n\r\n";
        let mut sent = upload.write_all(head);
        while sent.is_ok() {
            sent = upload.write_all(&[0; 64 << 10]);
        }
    });
    // Three times as long as a silent session would be believed.
    let until = Instant::now() + Duration::from_secs(12);
    wait_until("it has lasted", BOUND, || {
        let _ = get(scene.local, "/metrics");
        Instant::now() > until
    });
    assert_eq!(scene.attempt(), first, "no other session was dialled");
    proxy.reset();
    uploading.join().expect("it does not panic");
}

#[test]
fn a_session_outlives_the_listener_that_it_came_by() {
    let scene = Scene::healthy();
    let first = scene.attempt();
    scene.sshd.stop_listening();
    assert!(scene.answers());
    scene.passerelle.wait_phase("healthy", BOUND);
    assert_eq!(scene.attempt(), first);
}
