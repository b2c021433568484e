//! One Passerelle a state directory.

use crate::common::{Config, Home, Sshd, Tunnel, wait_until};
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(90);

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
