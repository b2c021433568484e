//! The machine sleeps: to its programs, that is time in which they do not run.

use super::bound::{BOUND, within};
use crate::common::network::{cut, in_own_network};
use crate::common::{Scene, Sshd, gets_nothing, lasts};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// Sleeps for so long, while this befalls the server, and asserts that it is usable soon after.
fn sleeps_through(time: Duration, fault: impl FnOnce(&Scene)) -> Scene {
    let scene = Scene::healthy(Sshd::start());
    scene.passerelle.signal(Signal::STOP);
    fault(&scene);
    lasts(time);
    scene.passerelle.signal(Signal::CONT);
    let start = Instant::now();
    assert!(scene.answers(), "it is held until it can be served");
    within("usable after sleep", start, Duration::from_secs(6));
    scene.passerelle.wait_phase("healthy", BOUND);
    scene
}

const NAP: Duration = Duration::from_secs(15);
const SLEEP: Duration = Duration::from_secs(90);

#[test]
fn a_nap_with_a_server_that_waits_costs_nothing() {
    let scene = sleeps_through(NAP, |_| {});
    assert_eq!(scene.attempt(), 1, "the session lives");
}

#[test]
fn a_nap_in_which_the_session_was_ended() {
    sleeps_through(NAP, |scene| scene.sshd.kill_sessions());
}

#[test]
fn a_nap_in_which_the_session_died_in_silence() {
    sleeps_through(NAP, |scene| scene.sshd.freeze_sessions());
}

#[test]
fn a_nap_in_which_the_session_was_ended_and_the_word_of_it_lost() {
    let test = "faults::sleep::a_nap_in_which_the_session_was_ended_and_the_word_of_it_lost";
    in_own_network(test, || {
        sleeps_through(NAP, |scene| {
            // The way of this one connection is gone for good; others find theirs.
            cut(scene.sshd.peer_port());
            scene.sshd.kill_sessions();
        });
    });
}

#[test]
fn a_nap_in_which_the_host_key_was_changed_is_a_hard_stop() {
    let mut scene = Scene::healthy(Sshd::start());
    scene.passerelle.signal(Signal::STOP);
    scene.sshd.stop();
    scene.sshd.clear_log();
    scene.sshd.replace_host_key(&["-t", "ed25519"]);
    scene.sshd.restart();
    lasts(Duration::from_secs(7));
    scene.passerelle.signal(Signal::CONT);
    let tunnel = scene.passerelle.wait_phase("blocked", BOUND);
    assert_eq!(tunnel["fault"]["code"], "host_key_changed", "{tunnel}");
    assert!(gets_nothing(scene.local));
    let tunnel = scene.passerelle.tunnel();
    assert_eq!(tunnel["phase"], "blocked", "{tunnel}");
    assert_eq!(scene.sshd.connections(), 1);
    assert_eq!(scene.sshd.authentication_requests(), 0, "nothing is sent");
}

#[test]
#[ignore = "takes minutes: scripts/test --long"]
fn a_long_sleep_with_a_server_that_waits() {
    let scene = sleeps_through(SLEEP, |_| {});
    assert_eq!(scene.attempt(), 1, "the session lives");
}

#[test]
#[ignore = "takes minutes: scripts/test --long"]
fn a_long_sleep_in_which_the_session_was_ended() {
    sleeps_through(SLEEP, |scene| scene.sshd.kill_sessions());
}

#[test]
#[ignore = "takes minutes: scripts/test --long"]
fn a_long_sleep_in_which_the_session_died_in_silence() {
    sleeps_through(SLEEP, |scene| scene.sshd.freeze_sessions());
}
