//! Sessions that work and are worn: another one is to take over from them.

use super::handover::{FAR, hang_up, rejected, retire, settled};
use super::{Bench, SILENT, WORN, asks_for_a_code, id, lost, refused};
use crate::model::{Command, Input, Phase, SessionEvent};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

const FULL: SessionEvent = SessionEvent::Worn { memory: 64 << 20 };

/// The second session serves, and the first one lives on with what is open on it.
fn beside_a_worn_one() -> Bench {
    let mut bench = settled();
    bench.session(1, WORN);
    bench.establish(2);
    bench.pass(FAR);
    bench.actions();
    bench
}

#[test]
fn a_worn_session_serves_until_another_one_takes_over() {
    let mut bench = settled();
    bench.session(1, WORN);
    assert_eq!(bench.dials(), [2]);
    assert_eq!(bench.phase(), Phase::Healthy);
    bench.establish(2);
    assert!(bench.actions().contains(&retire(1)));
    assert_eq!(bench.phase(), Phase::Healthy);
}

#[test]
fn a_worn_session_waits_for_the_one_before_it_but_not_without_end() {
    let mut bench = beside_a_worn_one();
    bench.session(2, WORN);
    assert_eq!(bench.actions(), []);
    bench.session(2, FULL);
    assert_eq!(bench.actions(), [hang_up(1)]);
    bench.session(1, SessionEvent::Ended(None));
    assert_eq!(bench.dials(), [3]);
}

#[test]
fn a_worn_session_is_succeeded_as_soon_as_the_one_before_it_has_ended() {
    let mut bench = beside_a_worn_one();
    bench.session(2, WORN);
    assert_eq!(bench.actions(), []);
    assert_eq!(bench.view().next_dial, None, "nobody waits for it");
    bench.session(1, SessionEvent::Ended(None));
    assert_eq!(bench.dials(), [3]);
    bench.establish(3);
    bench.session(2, SessionEvent::Ended(None));
    assert_eq!(bench.next_dial(FAR), None, "that one is not worn");
}

#[test]
fn new_keys_that_a_session_may_not_survive_do_not_wait_for_the_one_before_it() {
    let mut bench = beside_a_worn_one();
    bench.session(2, WORN);
    assert_eq!(bench.actions(), []);
    bench.session(2, SessionEvent::RekeyNear);
    assert_eq!(bench.actions(), [hang_up(1)]);
    bench.session(1, SessionEvent::Ended(None));
    assert_eq!(bench.dials(), [3]);
}

#[test]
fn a_worn_session_asks_again_when_a_dial_has_failed() {
    let mut bench = settled();
    bench.session(1, WORN);
    assert_eq!(bench.dials(), [2]);
    for attempt in 2..10 {
        bench.end(attempt, refused());
        let view = bench.view();
        assert_eq!((view.fault, view.next_dial), (None, None));
        assert_eq!(bench.phase(), Phase::Healthy);
        let next = bench.next_dial(Duration::from_secs(30));
        assert_eq!(next, Some(attempt + 1), "with the usual pauses");
    }
    bench.end(10, refused());
    bench.session(1, SILENT);
    let next = bench.next_dial(Duration::from_secs(2));
    assert_eq!(next, Some(11), "now somebody may wait for it");
    bench.session(1, SessionEvent::RoundTrip(Duration::from_secs(4)));
    bench.session(11, SessionEvent::Ended(None));
    assert_eq!(bench.next_dial(FAR), Some(12));
    bench.end(12, refused());
    bench.end(1, lost());
    let next = bench.next_dial(Duration::from_secs(2));
    assert_eq!(next, Some(13), "and now");
}

#[test]
fn a_worn_session_that_was_silent_for_a_while_is_still_worn() {
    let mut bench = settled();
    bench.session(1, WORN);
    assert_eq!(bench.dials(), [2]);
    bench.session(1, SILENT);
    bench.session(1, SessionEvent::RoundTrip(Duration::from_secs(3)));
    assert!(bench.actions().contains(&hang_up(2)));
    bench.session(2, SessionEvent::Ended(None));
    assert_eq!(bench.next_dial(Duration::from_secs(2)), Some(3));
}

#[test]
fn no_timer_repeats_a_log_in_that_awaits_the_user_beside_a_session_that_works() {
    let mut bench = settled();
    bench.session(1, WORN);
    let mut dialed = bench.dials();
    let persons = [
        Input::Demand(id()),
        Input::Command(Command::Up(None)),
        Input::Command(Command::PasswordGiven(id())),
        Input::AgentsChanged,
    ];
    for person in persons {
        bench.end(dialed[0], rejected());
        assert_eq!(bench.phase(), Phase::Healthy);
        bench.session(1, SessionEvent::Worn { memory: 2 << 20 });
        bench.tell(Input::EnvironmentChanged);
        bench.session(1, SessionEvent::Rerouted);
        assert_eq!(bench.next_dial(DAY), None);
        bench.tell(person.clone());
        dialed = Vec::from_iter(bench.next_dial(FAR));
        assert_eq!(dialed.len(), 1, "{person:?}");
    }
    bench.end(dialed[0], rejected());
    bench.end(1, lost());
    let dialed = bench.next_dial(FAR).unwrap();
    bench.end(dialed, rejected());
    assert_eq!(bench.phase(), Phase::Blocked);
    assert_eq!(bench.next_dial(DAY), None);
}

#[test]
fn a_server_that_asks_is_not_dialed_at_each_step_of_wear_nor_at_each_click() {
    let mut bench = settled();
    bench.session(1, WORN);
    assert_eq!(bench.dials(), [2]);
    bench.session(2, asks_for_a_code());
    bench.session(2, SessionEvent::Ended(None));
    bench.session(1, SessionEvent::Worn { memory: 2 << 20 });
    bench.tell(Input::Demand(id()));
    bench.command(Command::Up(None));
    assert_eq!(bench.next_dial(DAY), None);
    assert_eq!(bench.phase(), Phase::Healthy);
    bench.end(1, lost());
    assert_eq!(bench.next_dial(FAR), Some(3));
    bench.session(3, asks_for_a_code());
    assert!(bench.view().question.is_some());
}

#[test]
fn a_full_session_goes_even_if_only_a_person_can_log_in_after_it() {
    let mut bench = settled();
    bench.session(1, FULL);
    assert_eq!(bench.dials(), [2]);
    bench.session(2, asks_for_a_code());
    assert!(bench.view().question.is_some());
    assert_eq!(bench.phase(), Phase::Blocked);
    let actions = bench.actions();
    assert_eq!(actions, [retire(1)], "what is open on it may end there");
    bench.session(1, SessionEvent::Worn { memory: 65 << 20 });
    bench.session(1, SessionEvent::Ended(None));
    bench.establish(2);
    assert_eq!(bench.next_dial(DAY), None);

    let mut bench = settled();
    bench.session(1, FULL);
    assert_eq!(bench.dials(), [2]);
    bench.session(2, asks_for_a_code());
    bench.pass(Duration::from_secs(120));
    let actions = bench.actions();
    assert_eq!(actions, [retire(1), hang_up(2)], "nobody has answered");

    let mut bench = settled();
    bench.session(1, FULL);
    assert_eq!(bench.dials(), [2]);
    bench.end(2, rejected());
    assert_eq!(bench.phase(), Phase::Blocked);
    assert_eq!(bench.view().fault, Some(rejected()));
    assert_eq!(bench.actions(), [retire(1)]);
    bench.session(1, SessionEvent::Ended(None));
    assert_eq!(bench.next_dial(DAY), None);
}

#[test]
fn a_worn_session_that_cannot_be_succeeded_is_kept_until_it_is_full() {
    let mut bench = settled();
    bench.session(1, WORN);
    assert_eq!(bench.dials(), [2]);
    bench.session(2, asks_for_a_code());
    bench.session(2, SessionEvent::Ended(None));
    for mebibyte in 2..64 {
        let memory = mebibyte << 20;
        bench.session(1, SessionEvent::Worn { memory });
        assert_eq!(bench.next_dial(FAR), None);
        assert_eq!(bench.phase(), Phase::Healthy);
    }
    bench.session(1, FULL);
    assert_eq!(bench.next_dial(FAR), Some(3));
    assert_eq!(bench.phase(), Phase::Healthy, "it serves until then");
    bench.end(3, refused());
    assert_eq!(bench.next_dial(FAR), Some(4), "other failures pass");
    bench.session(4, asks_for_a_code());
    assert!(bench.view().question.is_some());
    assert_eq!(bench.actions(), [retire(1)]);
}
