//! Rekeys in mid-download behind a hop that buffers: what was sent before a KEXINIT is still on its way for most
//! of a second, from all streams together, and every byte of it has to arrive.

use crate::common::{Home, Hop, Pattern, Scene, Sshd, begin_download};
use std::io::{self, Read};
use std::thread;
use std::time::{Duration, Instant};

const MEBIBYTE: u64 = 1 << 20;
const STREAMS: usize = 16;

/// A VPN gateway, a jump host, a full Wi-Fi.
const QUEUE: usize = 64 << 20;
const RATE: u32 = 85_000_000;

/// A round trip for which the window is the smallest, and the largest.
const NEAR: Duration = Duration::ZERO;
const FAR: Duration = Duration::from_millis(150);

/// In all streams together.
const SHORT: u64 = 320 * MEBIBYTE;
const LONG: u64 = 3072 * MEBIBYTE;

/// Sixteen downloads, and an upload beside them; all whole.
fn comes_whole(sshd: Sshd, delay: Duration, total: u64) -> Scene {
    let hop = Hop::to(sshd.port(), QUEUE, RATE, delay);
    let port = hop.port();
    let scene = Scene::by(sshd, Home::empty(), |tunnel| tunnel.by_port(port)).once_healthy();
    let round_trip = scene.passerelle.tunnel()["rtt_ms"].as_f64();
    assert!(
        round_trip >= Some(delay.as_secs_f64() * 1e3),
        "{round_trip:?}"
    );
    let length = total / STREAMS as u64;
    let expected = Pattern::summary(&mut Pattern::new().take(length)).expect("it never ends");
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..STREAMS {
            scope.spawn(|| {
                let stream = begin_download(scene.local, &format!("/bytes/{length}"));
                let got = Pattern::summary(&mut stream.expect("it begins"));
                assert_eq!(got.expect("it comes whole"), expected);
            });
        }
        scope.spawn(|| {
            let answer = upload(&scene, length).expect("it goes up whole");
            assert!(answer.ends_with(&expected), "{answer}");
        });
    });
    let rate = total as f64 / MEBIBYTE as f64 / start.elapsed().as_secs_f64();
    println!("{rate:.0} MiB/s down");
    assert_eq!(scene.passerelle.tunnel()["phase"], "healthy");
    scene
}

fn upload(scene: &Scene, length: u64) -> io::Result<String> {
    let mut stream = scene.connect();
    let head = format!("POST /upload HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
    io::copy(
        &mut head.as_bytes().chain(Pattern::new().take(length)),
        &mut stream,
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[track_caller]
fn assert_rekeyed(scene: &Scene, times: u64) {
    let rekeys = scene.sshd.logged("SSH2_MSG_NEWKEYS received");
    println!("{rekeys} key exchanges");
    assert!(rekeys as u64 > times, "only {rekeys} key exchanges");
}

#[test]
fn rekeys_of_openssh_cost_nothing_next_door() {
    let sshd = Sshd::with("RekeyLimit 32M");
    assert_rekeyed(&comes_whole(sshd, NEAR, SHORT), 6);
}

#[test]
fn rekeys_of_openssh_10_cost_nothing_far_away() {
    let sshd = Sshd::ten_with("RekeyLimit 32M");
    assert_rekeyed(&comes_whole(sshd, FAR, SHORT), 6);
}

#[test]
#[ignore = "takes minutes: scripts/test --long"]
fn three_gibibytes_come_whole_when_openssh_rekeys() {
    for delay in [NEAR, FAR] {
        let sshd = Sshd::with("RekeyLimit 64M");
        assert_rekeyed(&comes_whole(sshd, delay, LONG), 30);
    }
}

#[test]
#[ignore = "takes minutes: scripts/test --long"]
fn three_gibibytes_come_whole_when_rekeys_are_left_to_us() {
    for delay in [NEAR, FAR] {
        comes_whole(Sshd::start(), delay, LONG);
    }
}
