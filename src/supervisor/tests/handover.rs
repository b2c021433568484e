//! Changes of the network, sessions that fall silent, and one session that takes over from another.

use super::{Bench, SERVER, SILENT, asks_for_a_code, dialed, id, lost, refused};
use crate::model::{
    Attempt, Command, Fault, Health, HealthState, Input, Phase, SessionEvent, Stage,
};
use crate::supervisor::Action;
use std::time::Duration;

const SETTLE: Duration = Duration::from_millis(250);
pub(super) const FAR: Duration = Duration::from_secs(10);

fn prove(attempt: u64) -> Action {
    Action::Prove {
        tunnel: id(),
        attempt: Attempt(attempt),
    }
}

pub(super) fn retire(attempt: u64) -> Action {
    Action::Retire {
        tunnel: id(),
        attempt: Attempt(attempt),
    }
}

pub(super) fn hang_up(attempt: u64) -> Action {
    Action::HangUp {
        tunnel: id(),
        attempt: Attempt(attempt),
    }
}

fn no_route() -> Fault {
    Fault::NoRoute {
        server: SERVER.into(),
        detail: String::new(),
    }
}

pub(super) fn rejected() -> Fault {
    Fault::NoCredential {
        user: "maintenance".into(),
        server: SERVER.into(),
        offered: vec![],
        detail: String::new(),
    }
}

/// A healthy tunnel whose dial is long past.
pub(super) fn settled() -> Bench {
    let mut bench = Bench::healthy();
    bench.pass(FAR);
    bench.actions();
    bench
}

/// The same with a session that does not answer, and its successor's dial, which is the second.
fn silent() -> Bench {
    let mut bench = settled();
    bench.session(1, SILENT);
    assert_eq!(bench.dials(), [2]);
    bench
}

#[test]
fn a_burst_of_changes_makes_the_session_prove_itself_once() {
    let mut bench = settled();
    for _ in 0..5 {
        bench.tell(Input::EnvironmentChanged);
        bench.now += Duration::from_millis(10);
    }
    assert!(
        !bench.actions().contains(&prove(1)),
        "the dust settles first"
    );
    bench.pass(SETTLE);
    assert!(bench.actions().contains(&prove(1)));
    assert_eq!(bench.phase(), Phase::Healthy, "suspicion is no fault");
    bench.session(1, SessionEvent::RoundTrip(Duration::from_millis(3)));
    bench.pass(FAR);
    assert!(!bench.actions().contains(&prove(1)));
    bench.tell(Input::EnvironmentChanged);
    bench.pass(SETTLE);
    assert!(bench.actions().contains(&prove(1)), "each change anew");
}

#[test]
fn a_silent_session_is_not_given_up_while_another_is_dialed() {
    let bench = silent();
    assert_eq!(bench.phase(), Phase::Connecting, "what is shown is true");
    assert_eq!(bench.view().stage, Some(Stage::Resolving));
    assert_eq!(bench.view().forwards[0].health, Health::default());
}

#[test]
fn a_session_that_answers_after_all_goes_on_and_its_successor_goes() {
    let mut bench = silent();
    bench.session(1, SessionEvent::RoundTrip(Duration::from_secs(20)));
    let actions = bench.actions();
    assert!(actions.contains(&hang_up(2)) && !actions.contains(&hang_up(1)));
    bench.probed("Grafana", 1, Health::ok());
    bench.probed("Prometheus", 1, Health::ok());
    assert_eq!(bench.phase(), Phase::Healthy);
    let before = bench.supervisor.snapshot();
    bench.establish(2);
    bench.session(2, SessionEvent::Ended(None));
    assert_eq!(bench.supervisor.snapshot(), before, "it came too late");
}

#[test]
fn the_successor_of_a_silent_session_takes_over_and_the_old_one_may_finish() {
    let mut bench = silent();
    bench.establish(2);
    assert!(bench.actions().contains(&retire(1)));
    bench.probed("Grafana", 2, Health::ok());
    bench.probed("Prometheus", 2, Health::ok());
    assert_eq!(bench.phase(), Phase::Healthy);
    bench.end(1, lost());
    assert_eq!(bench.phase(), Phase::Healthy);
    assert_eq!(bench.next_dial(FAR), None);
}

#[test]
fn a_silent_session_that_ends_leaves_the_tunnel_to_its_successor() {
    let mut bench = silent();
    bench.end(1, lost());
    assert_eq!(bench.phase(), Phase::Connecting);
    assert_eq!(bench.next_dial(FAR), None, "one dial is under way");
    bench.establish(2);
    assert_eq!(bench.view().stage, Some(Stage::Checking));
}

#[test]
fn a_successor_that_fails_is_tried_again_as_long_as_the_old_one_is_silent() {
    let mut bench = silent();
    bench.end(2, refused());
    assert_eq!(bench.next_dial(FAR), Some(3));
    bench.end(3, refused());
    bench.session(1, SessionEvent::RoundTrip(Duration::from_secs(5)));
    assert_eq!(bench.next_dial(FAR), None);
    assert_eq!(bench.view().fault, None);
}

#[test]
fn a_new_way_is_taken_without_a_gap() {
    let mut bench = settled();
    bench.session(1, SessionEvent::Rerouted);
    assert_eq!(bench.dials(), [2]);
    assert_eq!(bench.phase(), Phase::Healthy);
    bench.establish(2);
    assert_eq!(
        bench.phase(),
        Phase::Healthy,
        "the same services are asked anew"
    );
    let actions = bench.actions();
    assert!(actions.contains(&retire(1)));
    assert!(actions.iter().any(|action| matches!(
        action,
        Action::Probe { attempt, .. } if *attempt == Attempt(2)
    )));
    let failing = Health {
        state: HealthState::Failing,
        ..Health::default()
    };
    bench.probed("Grafana", 2, failing);
    assert_eq!(bench.phase(), Phase::Degraded);
}

#[test]
fn a_new_way_that_leads_nowhere_is_left_alone_until_the_next_change() {
    let mut bench = settled();
    bench.session(1, SessionEvent::Rerouted);
    bench.actions();
    bench.end(2, refused());
    assert_eq!(bench.next_dial(Duration::from_secs(3600)), None);
    assert_eq!(bench.view().fault, None);
}

#[test]
fn nobody_is_asked_for_the_sake_of_a_session_that_is_not_needed() {
    let asks = asks_for_a_code();
    let mut bench = settled();
    bench.session(1, SessionEvent::Rerouted);
    bench.actions();
    bench.session(2, asks.clone());
    assert_eq!(bench.view().question, None);
    assert_eq!(bench.actions(), [hang_up(2)]);

    let mut bench = silent();
    bench.session(2, asks);
    assert!(bench.view().question.is_some());
    assert_eq!(bench.phase(), Phase::Blocked);
    assert!(bench.actions().contains(&hang_up(1)));
}

#[test]
fn what_only_the_user_can_lift_blocks_a_silent_session_and_leaves_a_good_one() {
    let mut bench = settled();
    bench.session(1, SessionEvent::Rerouted);
    bench.actions();
    bench.end(2, rejected());
    assert_eq!(bench.phase(), Phase::Healthy);

    let mut bench = silent();
    bench.end(2, rejected());
    assert_eq!(bench.phase(), Phase::Blocked);
    assert_eq!(bench.actions(), [hang_up(1)]);
    bench.tell(Input::EnvironmentChanged);
    assert_eq!(bench.next_dial(Duration::from_secs(86_400)), None);
}

#[test]
fn a_third_session_waits_until_the_first_has_left() {
    let mut bench = silent();
    bench.establish(2);
    bench.pass(FAR);
    bench.actions();
    bench.session(2, SILENT);
    let actions = bench.actions();
    assert!(actions.contains(&hang_up(1)));
    assert!(bench.dials().is_empty());
    bench.session(1, SessionEvent::Ended(None));
    assert_eq!(bench.dials(), [3]);
}

/// The second session serves, by a better network. The first one works, and lives on with what is open on it.
fn beside_a_retired_one() -> Bench {
    let mut bench = settled();
    bench.session(1, SessionEvent::Rerouted);
    bench.establish(2);
    bench.pass(FAR);
    bench.actions();
    bench
}

#[test]
fn a_session_that_leaves_is_not_cut_for_a_hiccup_of_the_live_one() {
    let mut bench = beside_a_retired_one();
    bench.session(2, SILENT);
    bench.pass(Duration::from_secs(7));
    bench.session(2, SessionEvent::RoundTrip(Duration::from_secs(9)));
    bench.pass(FAR);
    assert!(!bench.actions().contains(&hang_up(1)));
    bench.session(1, SessionEvent::Ended(None));
    assert_eq!(bench.next_dial(FAR), None);
}

#[test]
fn a_session_that_leaves_makes_room_when_the_live_one_stays_silent() {
    let mut bench = beside_a_retired_one();
    bench.session(2, SILENT);
    bench.pass(Duration::from_secs(8));
    assert_eq!(bench.actions(), [hang_up(1)]);
    bench.session(1, SessionEvent::Ended(None));
    assert_eq!(bench.dials(), [3]);

    let mut bench = beside_a_retired_one();
    bench.session(2, SILENT);
    bench.session(1, SILENT);
    assert_eq!(bench.actions(), [hang_up(1)], "it is silent itself");

    let mut bench = beside_a_retired_one();
    bench.session(2, SILENT);
    bench.end(2, lost());
    let actions = bench.actions();
    assert!(!actions.contains(&hang_up(1)), "there is room again");
    assert_eq!(Vec::from_iter(actions.iter().filter_map(dialed)), [3]);
}

#[test]
fn a_session_that_leaves_goes_on_when_a_dial_beside_it_begins_anew() {
    let mut bench = beside_a_retired_one();
    bench.end(2, lost());
    assert_eq!(bench.next_dial(FAR), Some(3));
    bench.tell(Input::EnvironmentChanged);
    bench.pass(Duration::from_secs(3));
    assert_eq!(bench.actions(), [hang_up(3)]);
    bench.session(3, SessionEvent::Ended(None));
    assert_eq!(bench.next_dial(FAR), Some(4));
}

#[test]
fn one_that_was_silent_when_it_retired_may_work_again() {
    let mut bench = silent();
    bench.establish(2);
    bench.session(1, SessionEvent::RoundTrip(Duration::from_secs(4)));
    bench.pass(FAR);
    bench.actions();
    bench.session(2, SILENT);
    assert_eq!(bench.actions(), []);
}

#[test]
fn a_change_of_the_network_asks_the_session_that_leaves_too() {
    let mut bench = beside_a_retired_one();
    bench.tell(Input::EnvironmentChanged);
    bench.pass(SETTLE);
    let actions = bench.actions();
    assert!(actions.contains(&prove(1)) && actions.contains(&prove(2)));
}

#[test]
fn a_better_network_waits_for_the_session_that_leaves() {
    let mut bench = beside_a_retired_one();
    bench.session(2, SessionEvent::Rerouted);
    assert_eq!(bench.actions(), []);
    bench.session(1, SessionEvent::Ended(None));
    assert_eq!(bench.dials(), [3]);

    let mut bench = beside_a_retired_one();
    bench.session(2, SessionEvent::Rerouted);
    bench.pass(Duration::from_secs(300));
    assert!(bench.actions().contains(&hang_up(1)), "not without end");
}

#[test]
fn down_takes_every_session_down() {
    let mut bench = silent();
    bench.command(Command::Quit);
    let actions = bench.actions();
    assert!(actions.contains(&hang_up(1)) && actions.contains(&hang_up(2)));
    bench.session(1, SessionEvent::Ended(None));
    assert!(!bench.supervisor.finished());
    bench.session(2, SessionEvent::Ended(None));
    assert!(bench.supervisor.finished());
}

#[test]
fn without_a_way_there_it_is_offline_and_looks_once_a_minute() {
    let mut bench = Bench::dialing();
    bench.end(1, no_route());
    assert_eq!(bench.phase(), Phase::Offline);
    for attempt in 2..5 {
        assert_eq!(bench.next_dial(Duration::from_secs(5)), Some(attempt));
        assert_eq!(bench.phase(), Phase::Offline, "a look is no hope");
        bench.end(attempt, no_route());
    }
    for attempt in 5..8 {
        assert_eq!(bench.next_dial(Duration::from_secs(59)), None);
        assert_eq!(bench.next_dial(Duration::from_secs(61)), Some(attempt));
        bench.end(attempt, no_route());
    }
    bench.tell(Input::EnvironmentChanged);
    assert_eq!(bench.next_dial(SETTLE), Some(8), "at once on a change");
    bench.session(8, SessionEvent::Stage(Stage::Handshake));
    assert_eq!(bench.phase(), Phase::Connecting, "there is a way");
}

#[test]
fn a_session_without_a_way_to_its_server_shows_as_offline_and_may_return() {
    let mut bench = silent();
    bench.end(2, no_route());
    assert_eq!(bench.phase(), Phase::Offline);
    bench.session(1, SessionEvent::RoundTrip(Duration::from_secs(3)));
    bench.probed("Grafana", 1, Health::ok());
    bench.probed("Prometheus", 1, Health::ok());
    assert_eq!(bench.phase(), Phase::Healthy);
}

#[test]
fn a_dial_that_began_before_a_change_does_not_hold_up_the_next() {
    let mut bench = Bench::dialing();
    bench.session(1, SessionEvent::Stage(Stage::Connecting));
    bench.pass(Duration::from_secs(3));
    bench.tell(Input::EnvironmentChanged);
    bench.pass(SETTLE);
    assert_eq!(bench.actions(), [hang_up(1)]);
    bench.session(1, SessionEvent::Ended(None));
    assert_eq!(bench.dials(), [2]);

    let mut bench = Bench::dialing();
    bench.tell(Input::EnvironmentChanged);
    bench.session(1, SessionEvent::Stage(Stage::Handshake));
    bench.pass(FAR);
    assert_eq!(bench.actions(), [], "it reached the server");
}

#[test]
fn a_successors_dial_that_began_before_a_change_does_not_hold_up_the_next() {
    let mut bench = silent();
    bench.session(2, SessionEvent::Stage(Stage::Connecting));
    bench.pass(Duration::from_secs(3));
    bench.actions();
    bench.tell(Input::EnvironmentChanged);
    bench.pass(SETTLE);
    assert_eq!(bench.actions(), [hang_up(2)]);
    bench.session(2, SessionEvent::Ended(None));
    assert_eq!(bench.dials(), [3]);

    let mut bench = silent();
    bench.tell(Input::EnvironmentChanged);
    bench.session(2, SessionEvent::Stage(Stage::Handshake));
    bench.pass(FAR);
    assert!(
        !bench.actions().contains(&hang_up(2)),
        "it reached the server"
    );

    let mut bench = silent();
    bench.pass(Duration::from_secs(3));
    bench.tell(Input::EnvironmentChanged);
    bench.end(1, lost());
    bench.actions();
    bench.pass(SETTLE);
    assert_eq!(
        bench.actions(),
        [hang_up(2)],
        "nor does one that is alone by then"
    );
}

#[test]
fn a_look_for_a_way_beside_a_silent_session_is_no_hope() {
    let mut bench = silent();
    bench.end(2, no_route());
    assert_eq!(bench.next_dial(FAR), Some(3));
    assert_eq!(bench.phase(), Phase::Offline);
    bench.end(1, lost());
    assert_eq!(
        bench.phase(),
        Phase::Offline,
        "nor is it without the session"
    );
    bench.session(3, SessionEvent::Stage(Stage::Handshake));
    assert_eq!(bench.phase(), Phase::Connecting, "there is a way");
}

#[test]
fn a_way_that_is_lost_is_looked_for_at_once_however_long_it_took_to_find() {
    let mut bench = Bench::dialing();
    bench.end(1, no_route());
    for attempt in 2..7 {
        bench.next_dial(Duration::from_secs(61));
        bench.end(attempt, no_route());
    }
    assert_eq!(bench.next_dial(Duration::from_secs(61)), Some(7));
    bench.establish(7);
    bench.pass(FAR);
    bench.session(7, SILENT);
    assert_eq!(bench.dials(), [8]);
    bench.end(8, no_route());
    assert_eq!(bench.next_dial(Duration::from_secs(2)), Some(9));
}
