//! Targets that stop the server while it connects to them, and networks that only look like it.

use super::questions::password_needed;
use super::{Bench, WORN, asks_for_a_code, id, lost, refused};
use crate::model::{
    Attempt, Command, Health, HealthReason, HealthState, Input, Phase, RemoteTarget, SessionEvent,
    Settings,
};
use crate::supervisor::{Action, Trial};
use std::sync::Arc;
use std::time::Duration;

const FAR: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

fn grafana() -> RemoteTarget {
    super::production().forwards[0].remote.clone()
}

fn prometheus() -> RemoteTarget {
    super::production().forwards[1].remote.clone()
}

fn silent(unanswered: RemoteTarget) -> SessionEvent {
    let unanswered = Some(unanswered);
    SessionEvent::Silent { unanswered }
}

fn tried(target: RemoteTarget, answers: bool) -> SessionEvent {
    SessionEvent::Tried { target, answers }
}

/// The next dial within this time, and what it is to try.
fn next_dial(bench: &mut Bench, bound: Duration) -> Option<(u64, Option<Trial>)> {
    let end = bench.now + bound;
    loop {
        for action in bench.actions() {
            if let Action::Dial { attempt, trial, .. } = action {
                return Some((attempt.0, trial));
            }
        }
        let due = bench.supervisor.poll_timeout()?;
        if due > end {
            return None;
        }
        bench.now = bench.now.max(due);
        bench.supervisor.handle_timeout(bench.now);
    }
}

fn first_trial(target: RemoteTarget) -> Option<Trial> {
    let stay = true;
    Some(Trial { target, stay })
}

fn later_trial(target: RemoteTarget) -> Option<Trial> {
    let stay = false;
    Some(Trial { target, stay })
}

fn hang_up(attempt: u64) -> Action {
    Action::HangUp {
        tunnel: id(),
        attempt: Attempt(attempt),
    }
}

/// The targets that are asked through the session of this dial now.
fn probed_through(bench: &mut Bench, session: u64) -> Vec<RemoteTarget> {
    let probes = bench.actions().into_iter().filter_map(|action| {
        if let Action::Probe { forward, attempt } = action {
            (attempt == Attempt(session)).then(|| forward.remote.clone())
        } else {
            None
        }
    });
    probes.collect()
}

/// A session that fell silent over Grafana, and the successor that tries it, which is the second.
fn suspected() -> Bench {
    let mut bench = Bench::healthy();
    bench.pass(FAR);
    bench.actions();
    bench.session(1, silent(grafana()));
    let dial = next_dial(&mut bench, Duration::ZERO);
    assert_eq!(dial, Some((2, first_trial(grafana()))));
    bench
}

/// The same, with the third session, and Grafana avoided.
fn avoided() -> Bench {
    let mut bench = suspected();
    bench.session(2, tried(grafana(), false));
    assert!(bench.actions().contains(&hang_up(2)));
    bench.session(2, SessionEvent::Ended(None));
    assert_eq!(
        next_dial(&mut bench, Duration::from_secs(2)),
        Some((3, None)),
        "the next one has nothing to try"
    );
    bench.establish(3);
    assert_eq!(probed_through(&mut bench, 3), [prometheus()]);
    bench.session(1, SessionEvent::Ended(None));
    bench.probed("Prometheus", 3, Health::ok());
    bench
}

#[test]
fn a_dead_network_makes_nobody_a_suspect_for_longer_than_a_round_trip() {
    let mut bench = suspected();
    assert!(!bench.view().forwards[0].avoided);
    bench.session(2, tried(grafana(), true));
    assert!(!bench.view().forwards[0].avoided);
    bench.establish(2);
    let probed = probed_through(&mut bench, 2);
    assert_eq!(probed, [grafana(), prometheus()]);
    bench.probed("Grafana", 2, Health::ok());
    bench.probed("Prometheus", 2, Health::ok());
    assert_eq!(bench.phase(), Phase::Healthy);
    bench.end(1, lost());
    bench.pass(FAR);
    assert!(bench.dials().is_empty());
}

#[test]
fn a_target_that_stops_a_session_that_was_asked_for_nothing_else_is_avoided() {
    let bench = avoided();
    let view = bench.view();
    assert!(view.forwards[0].avoided && !view.forwards[1].avoided);
    let remote = grafana().to_string();
    let told = Health::because(
        HealthState::Unreachable,
        HealthReason::StopsTheServer { remote },
    );
    assert_eq!(view.forwards[0].health, told);
    assert_eq!(view.forwards[1].health, Health::ok());
    assert_eq!(view.phase, Phase::Degraded);
}

#[test]
fn it_is_tried_again_rarely_and_alone() {
    let mut bench = avoided();
    let mut pauses = Vec::new();
    for attempt in 4..11 {
        let before = bench.now;
        let dial = next_dial(&mut bench, 11 * MINUTE);
        assert_eq!(dial, Some((attempt, later_trial(grafana()))));
        assert_eq!(probed_through(&mut bench, 3), []);
        pauses.push((bench.now - before).as_secs());
        assert_eq!(bench.view().attempt, Some(Attempt(3)), "it is not shown");
        bench.session(attempt, tried(grafana(), false));
        bench.session(attempt, SessionEvent::Ended(None));
        assert!(bench.view().forwards[0].avoided);
        // Others are asked as ever, so that nothing else is due.
        bench.probed("Prometheus", 3, Health::ok());
    }
    let most = [25, 60, 120, 300, 600, 600, 600];
    for (pause, most) in pauses.iter().zip(most) {
        assert!((most * 3 / 4 - 1..=most).contains(pause), "{pauses:?}");
    }
    assert_eq!(bench.view().forwards[1].health, Health::ok());
}

#[test]
fn it_is_found_when_it_answers_again() {
    let mut bench = avoided();
    let dial = next_dial(&mut bench, MINUTE);
    assert_eq!(dial, Some((4, later_trial(grafana()))));
    bench.session(4, tried(grafana(), true));
    assert!(!bench.view().forwards[0].avoided);
    let actions = bench.actions();
    assert!(actions.contains(&hang_up(4)));
    let probe = |action: &Action| matches!(action, Action::Probe { forward, attempt } if forward.remote == grafana() && *attempt == Attempt(3));
    assert!(actions.iter().any(probe));
    bench.session(4, SessionEvent::Ended(None));
    bench.probed("Grafana", 3, Health::ok());
    assert_eq!(bench.phase(), Phase::Healthy);
}

#[test]
fn a_trial_gives_way_to_a_session_that_is_wanted() {
    let mut bench = avoided();
    next_dial(&mut bench, MINUTE).unwrap();
    bench.session(3, super::SILENT);
    assert!(bench.actions().contains(&hang_up(4)));
    bench.session(4, tried(grafana(), true));
    assert!(bench.view().forwards[0].avoided, "the trial is void");
    assert_eq!(
        next_dial(&mut bench, Duration::from_secs(2)),
        None,
        "two at most"
    );
    bench.session(4, SessionEvent::Ended(None));
    assert_eq!(
        next_dial(&mut bench, Duration::from_secs(2)),
        Some((5, None))
    );
    bench.establish(5);
    assert_eq!(probed_through(&mut bench, 5), [prometheus()]);

    let mut bench = avoided();
    next_dial(&mut bench, MINUTE).unwrap();
    bench.end(3, lost());
    assert!(bench.actions().contains(&hang_up(4)));
    assert_eq!(next_dial(&mut bench, FAR), Some((5, None)));
}

/// Grafana is avoided, the fourth session serves, and the third one lives on with what is open on it.
fn avoided_beside_a_worn_one() -> Bench {
    let mut bench = avoided();
    bench.session(3, WORN);
    let dial = next_dial(&mut bench, Duration::from_secs(2));
    assert_eq!(dial, Some((4, None)), "no trial is due yet");
    bench.establish(4);
    bench.probed("Prometheus", 4, Health::ok());
    bench
}

#[test]
fn a_trial_waits_for_a_session_that_leaves_but_not_for_hours() {
    let mut bench = avoided_beside_a_worn_one();
    bench.pass(29 * MINUTE);
    bench.tell(Input::Demand(id()));
    let actions = bench.actions();
    assert!(!actions.contains(&hang_up(3)), "it may be a download");
    bench.pass(MINUTE);
    assert!(bench.actions().contains(&hang_up(3)));
    bench.session(3, SessionEvent::Ended(None));
    let dial = next_dial(&mut bench, Duration::ZERO);
    assert_eq!(dial, Some((5, later_trial(grafana()))));

    let mut bench = avoided_beside_a_worn_one();
    bench.pass(5 * MINUTE);
    bench.session(3, SessionEvent::Ended(None));
    let dial = next_dial(&mut bench, Duration::ZERO);
    assert_eq!(dial, Some((5, later_trial(grafana()))), "or by itself");
}

#[test]
fn the_successor_to_a_worn_session_does_a_trial_that_is_due() {
    for answers in [false, true] {
        let mut bench = avoided_beside_a_worn_one();
        bench.session(4, WORN);
        bench.pass(30 * MINUTE);
        assert!(bench.actions().contains(&hang_up(3)), "it takes no turns");
        bench.session(3, SessionEvent::Ended(None));
        let dial = next_dial(&mut bench, Duration::ZERO);
        assert_eq!(dial, Some((5, first_trial(grafana()))));
        bench.session(5, tried(grafana(), answers));
        assert_eq!(bench.view().forwards[0].avoided, !answers);
        if !answers {
            assert_eq!(bench.actions(), [hang_up(5)]);
            bench.session(5, SessionEvent::Ended(None));
            let dial = next_dial(&mut bench, Duration::from_secs(2));
            assert_eq!(dial, Some((6, None)));
        }
    }
}

#[test]
fn a_trial_without_an_outcome_changes_nothing_but_its_date() {
    let ends = [
        SessionEvent::Ended(Some(refused())),
        SessionEvent::Ended(None),
    ];
    for end in ends {
        let mut bench = avoided();
        next_dial(&mut bench, MINUTE).unwrap();
        bench.session(4, end);
        bench.session(4, SessionEvent::Ended(None));
        let view = bench.view();
        assert_eq!((view.fault, view.question), (None, None));
        assert!(view.forwards[0].avoided);
        assert_eq!(next_dial(&mut bench, Duration::from_secs(15)), None);
        let dial = next_dial(&mut bench, MINUTE);
        assert_eq!(dial, Some((5, later_trial(grafana()))));
    }
}

#[test]
fn trials_whose_dials_fail_are_ever_more_rare() {
    let mut bench = avoided();
    next_dial(&mut bench, MINUTE).unwrap();
    let mut pauses = Vec::new();
    for attempt in 4..9 {
        let before = bench.now;
        bench.end(attempt, refused());
        let dial = next_dial(&mut bench, 11 * MINUTE);
        assert_eq!(dial, Some((attempt + 1, later_trial(grafana()))));
        pauses.push((bench.now - before).as_secs());
    }
    for (pause, most) in pauses.iter().zip([60, 120, 300, 600, 600]) {
        assert!((most * 3 / 4 - 1..=most).contains(pause), "{pauses:?}");
    }
}

#[test]
fn a_trial_that_awaits_the_user_is_the_last_one_until_a_person_acts() {
    let ends = [
        (SessionEvent::Ended(Some(password_needed())), true),
        (asks_for_a_code(), false),
    ];
    for (end, may_a_click_help) in ends {
        let mut bench = avoided();
        next_dial(&mut bench, MINUTE).unwrap();
        bench.session(4, end);
        bench.session(4, SessionEvent::Ended(None));
        let view = bench.view();
        assert_eq!((view.fault, view.question), (None, None));
        assert_eq!(next_dial(&mut bench, DAY), None);
        bench.session(3, WORN);
        assert_eq!(next_dial(&mut bench, DAY), None, "nor for a successor");
        bench.tell(Input::Demand(id()));
        let dial = next_dial(&mut bench, DAY);
        assert_eq!(dial.is_some(), may_a_click_help);
    }
}

#[test]
fn who_wants_it_brings_the_trial_forward_but_not_each_second() {
    let mut bench = avoided();
    for attempt in 4..8 {
        let dial = next_dial(&mut bench, MINUTE);
        assert_eq!(dial, Some((attempt, later_trial(grafana()))));
        bench.session(attempt, tried(grafana(), false));
        bench.session(attempt, SessionEvent::Ended(None));
        bench.probed("Prometheus", 3, Health::ok());
        bench.pass(Duration::from_secs(1));
        bench.tell(Input::Demand(id()));
        let dial = next_dial(&mut bench, Duration::from_secs(8));
        assert_eq!(dial, None, "10 s apart, whoever asks");
    }
}

#[test]
fn a_target_that_passes_its_trials_and_stops_the_server_all_the_same_is_avoided() {
    let mut bench = suspected();
    for attempt in 2..4 {
        bench.session(attempt, tried(grafana(), true));
        bench.establish(attempt);
        bench.session(attempt - 1, SessionEvent::Ended(None));
        bench.pass(Duration::from_secs(4));
        bench.session(attempt, silent(grafana()));
        let dial = next_dial(&mut bench, Duration::from_secs(2)).unwrap();
        let first = first_trial(grafana());
        assert_eq!(dial, (attempt + 1, first.filter(|_| attempt == 2)));
    }
    assert!(bench.view().forwards[0].avoided);
}

#[test]
fn sessions_that_die_now_and_then_make_nobody_avoided() {
    let mut bench = suspected();
    for attempt in 2..12 {
        bench.session(attempt, tried(grafana(), true));
        bench.establish(attempt);
        bench.session(attempt - 1, SessionEvent::Ended(None));
        bench.pass(2 * MINUTE);
        bench.session(attempt, silent(grafana()));
        let dial = next_dial(&mut bench, Duration::from_secs(2));
        assert_eq!(dial, Some((attempt + 1, first_trial(grafana()))));
    }
    assert!(!bench.view().forwards[0].avoided);
}

#[test]
fn a_session_that_answers_after_all_ends_the_suspicion() {
    let mut bench = suspected();
    bench.session(1, SessionEvent::RoundTrip(Duration::from_secs(5)));
    assert!(bench.actions().contains(&hang_up(2)));
    bench.session(2, tried(grafana(), false));
    assert!(!bench.view().forwards[0].avoided, "it comes too late");
}

#[test]
fn the_trial_goes_on_when_the_silent_session_ends() {
    let mut bench = suspected();
    bench.end(1, lost());
    bench.session(2, tried(grafana(), false));
    assert!(bench.actions().contains(&hang_up(2)));
    bench.session(2, SessionEvent::Ended(None));
    assert_eq!(
        next_dial(&mut bench, Duration::from_secs(2)),
        Some((3, None))
    );
    bench.establish(3);
    assert_eq!(probed_through(&mut bench, 3), [prometheus()]);
}

#[test]
fn two_that_stop_the_server_are_both_found() {
    let mut bench = avoided();
    bench.pass(Duration::from_secs(4));
    bench.session(3, silent(prometheus()));
    let dial = next_dial(&mut bench, Duration::from_secs(2));
    assert_eq!(dial, Some((4, first_trial(prometheus()))));
    bench.session(4, tried(prometheus(), false));
    bench.session(4, SessionEvent::Ended(None));
    assert_eq!(
        next_dial(&mut bench, Duration::from_secs(2)),
        Some((5, None))
    );
    bench.establish(5);
    assert_eq!(probed_through(&mut bench, 5), []);
    let view = bench.view();
    assert!(view.forwards.iter().all(|forward| forward.avoided));
}

#[test]
fn another_target_another_server_or_a_user_begins_anew() {
    let is_asked = |mut bench: Bench, session: u64, what: &str| {
        assert!(!bench.view().forwards[0].avoided, "{what}");
        let probed = probed_through(&mut bench, session);
        assert_eq!(probed.len(), if session == 3 { 1 } else { 2 }, "{what}");
    };
    let mut tunnel = super::production();
    let mut forward = (*tunnel.forwards[0]).clone();
    forward.remote.port = 3001;
    tunnel.forwards[0] = Arc::new(forward);
    let moved: Settings = super::settings([tunnel]);
    let mut bench = avoided();
    bench.actions();
    bench.tell(Input::Settings(Arc::new(moved)));
    is_asked(bench, 3, "another target");

    let mut tunnel = super::production();
    tunnel.port = 723;
    let moved: Settings = super::settings([tunnel]);
    let mut bench = avoided();
    bench.tell(Input::Settings(Arc::new(moved)));
    bench.session(3, SessionEvent::Ended(None));
    next_dial(&mut bench, Duration::from_secs(2)).unwrap();
    bench.establish(4);
    is_asked(bench, 4, "another server");

    let mut bench = avoided();
    bench.command(Command::Restart(None));
    bench.session(3, SessionEvent::Ended(None));
    next_dial(&mut bench, Duration::from_secs(2)).unwrap();
    bench.establish(4);
    is_asked(bench, 4, "a user");
}
