//! Short connections one after the other, beside probes: what a page of graphs is made of.

use crate::common::{Make, Scene, SshServer, Sshd, ZooServer, get};

const REQUESTS: usize = 100;

/// All are answered, and by the session that was there from the beginning.
fn all_are_answered(server: impl SshServer) {
    let scene = Scene::asked_for_a_page(server);
    let mut failed = Vec::new();
    for number in 0..REQUESTS {
        match get(scene.local, "/metrics") {
            Ok(reply) if reply.status == 200 => {}
            other => failed.push((number, other)),
        }
    }
    let count = failed.len();
    assert!(failed.is_empty(), "{count} failed, first {:?}", failed[0]);
    assert_eq!(scene.attempt(), 1, "another session was dialed");
    assert_eq!(scene.passerelle.tunnel()["phase"], "healthy");
}

#[test]
fn openssh_answers_all_in_one_session() {
    all_are_answered(Sshd::start());
}

#[test]
fn openssh_10_answers_all_in_one_session() {
    all_are_answered(Sshd::ten_with(""));
}

#[test]
fn asyncssh_answers_all_in_one_session() {
    all_are_answered(ZooServer::start(Make::AsyncSsh));
}

#[test]
fn dropbear_answers_all_in_one_session() {
    all_are_answered(ZooServer::start(Make::Dropbear));
}

#[test]
fn go_answers_all_in_one_session() {
    all_are_answered(ZooServer::start(Make::Go));
}

#[test]
fn paramiko_answers_all_in_one_session() {
    all_are_answered(ZooServer::start(Make::Paramiko));
}
