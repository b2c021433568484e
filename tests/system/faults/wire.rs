//! What happens to the bytes on their way to the server and back.

use super::bound::{BOUND, within};
use crate::common::{Home, Mishap, Pattern, Proxy, Scene, Sshd, begin_download, get, wait_until};
use std::io::Read;
use std::time::{Duration, Instant};

/// A healthy tunnel through a proxy.
fn through_proxy() -> (Proxy, Scene) {
    let sshd = Sshd::start();
    let proxy = Proxy::to(sshd.port());
    let port = proxy.port();
    let scene = Scene::by(sshd, Home::empty(), |tunnel| tunnel.by_port(port));
    (proxy, scene.once_healthy())
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
        let stream = begin_download(scene.local, &format!("/bytes/{length}"));
        let mut stream = stream.expect("it begins");
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
    let uploading = scene.upload();
    // Three times as long as a silent session would be believed.
    let until = Instant::now() + Duration::from_secs(12);
    wait_until("it has lasted", BOUND, || {
        let _ = get(scene.local, "/metrics");
        Instant::now() > until
    });
    assert_eq!(scene.attempt(), first, "no other session was dialled");
    proxy.reset();
    let ended = uploading.join().expect("it does not panic");
    ended.expect_err("it is reset");
}

#[test]
fn a_session_outlives_the_listener_that_it_came_by() {
    let scene = Scene::healthy(Sshd::start());
    let first = scene.attempt();
    scene.sshd.stop_listening();
    assert!(scene.answers());
    scene.passerelle.wait_phase("healthy", BOUND);
    assert_eq!(scene.attempt(), first);
}
