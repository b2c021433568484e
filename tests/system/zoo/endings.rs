//! Ends of connections. OpenSSH, Dropbear, AsyncSSH and Paramiko say that no more data comes, then close the
//! channel. Go closes it alone (RFC 4254 section 5.3), and what came before has to arrive all the same.

use crate::common::{Make, Pattern, Scene, SshServer, Sshd, ZooServer, begin_download};
use std::io::{ErrorKind, Read};

const DOWNLOADS: usize = 30;
const LENGTH: u64 = 1 << 20;
const ANSWERS: usize = 100;

/// Nobody waits for the end of it.
const ENDLESS: u64 = 1 << 40;

/// What is known to be whole by its length also ends in order.
fn all_are_whole(server: impl SshServer) {
    let scene = Scene::asked_for_a_page(server);
    let pieces = [(DOWNLOADS, LENGTH), (ANSWERS, 3)];
    for (count, length) in pieces {
        let expected = Pattern::summary(&mut Pattern::new().take(length)).expect("it never ends");
        let mut failed = Vec::new();
        for _ in 0..count {
            let got = begin_download(scene.local, &format!("/bytes/{length}"))
                .and_then(|mut stream| Pattern::summary(&mut stream));
            if got.as_ref().ok() != Some(&expected) {
                failed.push(got);
            }
        }
        let failures = failed.len();
        assert_eq!(failures, 0, "of {count} of {length} bytes: {:?}", failed[0]);
    }
    assert_eq!(scene.attempt(), 1, "another session was dialed");
}

/// A server that dies in mid-download leaves a reset, and never an end that looks like one.
fn what_is_cut_short_is_reset(server: impl SshServer) {
    let mut scene = Scene::asked_for_a_page(server);
    let path = format!("/bytes/{ENDLESS}");
    let mut stream = begin_download(scene.local, &path).expect("it begins");
    stream
        .read_exact(&mut [0; LENGTH as usize])
        .expect("it goes on");
    scene.sshd.stop();
    let error = Pattern::summary(&mut stream).expect_err("a short read is an error");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
}

#[test]
fn openssh_10_delivers_all_and_ends_in_order() {
    all_are_whole(Sshd::ten_with(""));
}

#[test]
fn asyncssh_delivers_all_and_ends_in_order() {
    all_are_whole(ZooServer::start(Make::AsyncSsh));
}

#[test]
fn dropbear_delivers_all_and_ends_in_order() {
    all_are_whole(ZooServer::start(Make::Dropbear));
}

#[test]
fn go_delivers_all_and_ends_in_order() {
    all_are_whole(ZooServer::start(Make::Go));
}

#[test]
fn paramiko_delivers_all_and_ends_in_order() {
    all_are_whole(ZooServer::start(Make::Paramiko));
}

#[test]
fn go_that_dies_in_mid_download_leaves_a_reset() {
    what_is_cut_short_is_reset(ZooServer::start(Make::Go));
}
