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

/// What the system says of a directory that may only be read.
const READ_ONLY: &str = "Read-only file system";

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

#[test]
fn a_state_directory_that_may_only_be_read_is_named_at_the_start() {
    let test = "faults::state::a_state_directory_that_may_only_be_read_is_named_at_the_start";
    in_own_network(test, || {
        let passerelle = Passerelle::ready(&Sshd::start(), []);
        let (fresh, used) = (Home::empty(), passerelle.end());
        fresh.configure("");
        for home in [fresh, used] {
            let state = home.config_file().with_file_name("state");
            let protection = Protection::of(&state);
            let outcome = home.verb(&["run"]);
            assert_eq!(outcome.code, Some(1), "{outcome:?}");
            let told = outcome.stderr.trim_end();
            assert!(told.contains(READ_ONLY), "{told}");
            assert!(told.contains(&state.display().to_string()), "{told}");
            assert_eq!(told.lines().count(), 1, "{told}");
            drop(protection);
        }
    });
}

#[test]
fn a_state_directory_that_becomes_read_only_costs_no_tunnel_and_trusts_no_key() {
    let test =
        "faults::state::a_state_directory_that_becomes_read_only_costs_no_tunnel_and_trusts_no_key";
    in_own_network(test, || {
        let mut scene = Scene::healthy(Sshd::start());
        let state = scene.passerelle.state("");
        let protection = Protection::of(&state);
        let first = scene.attempt();
        scene.sshd.kill_sessions();
        wait_until("another session", BOUND, || scene.attempt() > first);
        scene.passerelle.wait_phase("healthy", BOUND);
        assert!(scene.answers());
        drop(protection);

        scene.passerelle.succeed(&["hostkey", "forget"]);
        let protection = Protection::of(&state);
        scene.sshd.stop();
        scene.sshd.clear_log();
        scene.sshd.restart();
        scene.passerelle.wait_phase("blocked", BOUND);
        let fingerprint = scene.sshd.host_key().fingerprint();
        let accept = ["hostkey", "accept", "--fingerprint", &fingerprint];
        let refused = scene.passerelle.verb(&accept);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(READ_ONLY), "{refused:?}");
        let file = scene.passerelle.state("known_hosts");
        assert!(refused.stderr.contains(&file.display().to_string()));
        let known = fs::read_to_string(file).expect("it is there");
        assert!(!known.contains(&scene.sshd.host_key().public()), "{known}");
        assert_eq!(scene.passerelle.tunnel()["phase"], "blocked");
        assert_eq!(scene.sshd.authentication_requests(), 0);

        drop(protection);
        scene.passerelle.succeed(&accept);
        scene.passerelle.wait_phase("healthy", BOUND);
    });
}

/// Lets nobody who looks from now on write to this directory; whoever has files open goes on.
struct Protection<'a>(&'a Path);

impl<'a> Protection<'a> {
    fn of(directory: &'a Path) -> Self {
        let source = directory.to_string_lossy();
        mount(&["-o", "bind,ro", &source], directory);
        Self(directory)
    }
}

impl Drop for Protection<'_> {
    fn drop(&mut self) {
        // Lazily, as somebody may just look.
        let mut command = Command::new(tool("umount", "mount"));
        let status = command.arg("--lazy").arg(self.0).status();
        assert!(status.is_ok_and(|status| status.success()), "{:?}", self.0);
    }
}
