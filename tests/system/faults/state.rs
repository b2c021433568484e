//! What becomes of its files, whatever happens to it and to them.

use super::bound::BOUND;
use crate::common::network::in_own_network;
use crate::common::{
    Forward, Grafana, Home, Passerelle, Scene, Sshd, free_port, lasts, tool, wait_until,
};
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Kills it so often, each time at another moment of its start; it comes up in the end.
fn killed(times: u64) {
    let (sshd, grafana) = (Sshd::start(), Grafana::start());
    let forward = Forward::grafana(free_port(), grafana.port());
    let passerelle = Passerelle::ready(&sshd, [forward]);
    passerelle.wait_phase("healthy", BOUND);
    let home = passerelle.end();
    let known_hosts = || fs::read(home.state("known_hosts")).expect("it is there");
    let before = known_hosts();
    for turn in 0..times {
        let mut started = home.spawn_run(&[]);
        lasts(Duration::from_millis(turn * 7 % 400));
        started.kill();
    }
    assert_eq!(known_hosts(), before);
    home.run().wait_phase("healthy", BOUND);
}

#[test]
fn killed_ten_times_it_comes_up_as_ever() {
    killed(10);
}

#[test]
#[ignore = "takes a minute: scripts/test --long"]
fn killed_a_hundred_times_it_comes_up_as_ever() {
    killed(100);
}

#[test]
fn a_full_disk_does_not_cost_the_tunnel() {
    let test = "faults::state::a_full_disk_does_not_cost_the_tunnel";
    in_own_network(test, || {
        let home = Home::empty();
        let state = home.state("");
        mount(
            &["-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs"],
            &state,
        );
        let scene = Scene::by(Sshd::start(), home, |tunnel| tunnel).once_healthy();
        let error = fs::write(state.join("filler"), vec![0; 1 << 20]).expect_err("it is small");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let first = scene.attempt();
        scene.sshd.kill_sessions();
        wait_until("another session", BOUND, || scene.attempt() > first);
        scene.passerelle.wait_phase("healthy", BOUND);
        assert!(scene.answers());
    });
}

fn mount(arguments: &[&str], directory: &Path) {
    let mut command = Command::new(tool("mount", "mount"));
    let status = command.args(arguments).arg(directory).status();
    assert!(status.is_ok_and(|status| status.success()), "{arguments:?}");
}
