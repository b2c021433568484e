//! One Passerelle a state directory.

use crate::common::{Config, Home, Sshd, Tunnel, wait_for, wait_until};
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(90);

#[test]
fn of_twenty_starts_at_once_one_wins() {
    let sshd = Sshd::start();
    let home = Home::new(&Config::of(Tunnel::to(&sshd, "lab").password())).trusting(&sshd);
    let mut starts: Vec<_> = (0..20).map(|_| home.spawn_run(&[])).collect();
    wait_until("nineteen give up", BOUND, || {
        starts.iter_mut().filter_map(|start| start.ended()).count() >= 19
    });
    let codes: Vec<_> = starts
        .iter_mut()
        .filter_map(|start| start.ended())
        .collect();
    let codes: Vec<_> = codes.iter().map(|status| status.code()).collect();
    assert_eq!(codes, vec![Some(3); 19]);
    wait_until("the one answers", BOUND, || {
        home.verb(&["status", "--json"]).code == Some(0)
    });
    assert_eq!(home.verb(&["quit"]).code, Some(0));
    let winner = wait_for("the one ends", BOUND, || {
        let codes = starts.iter_mut().map(|start| start.ended()?.code());
        codes.collect::<Option<Vec<_>>>()
    });
    assert_eq!(winner.iter().filter(|code| **code == 0).count(), 1);
}

#[test]
fn a_second_one_beside_it_has_its_own_state() {
    let sshd = Sshd::start();
    let config = Config::of(Tunnel::to(&sshd, "lab").password());
    let first = Home::new(&config).trusting(&sshd).run();
    let second = Home::new(&config).trusting(&sshd).run();
    first.wait_phase("blocked", BOUND);
    second.wait_phase("blocked", BOUND);
    first.end();
    assert_eq!(second.tunnel()["phase"], "blocked");
}

#[test]
fn a_killed_one_leaves_nothing_in_the_way() {
    let sshd = Sshd::start();
    let config = Config::of(Tunnel::to(&sshd, "lab").password());
    let home = Home::new(&config).trusting(&sshd);
    let mut killed = home.spawn_run(&[]);
    wait_until("it answers", BOUND, || {
        home.verb(&["status", "--json"]).code == Some(0)
    });
    killed.kill();
    assert_eq!(home.verb(&["status", "--json"]).code, Some(4));
    home.run().wait_phase("blocked", BOUND);
}
