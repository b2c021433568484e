//! Wishes, from the click to the browser.

use super::*;
use crate::app::samples;
use crate::model::{Health, HealthCheck};
use std::sync::Arc;

const URL: &str = "http://localhost:3000/";

fn grafana(snapshot: &Snapshot) -> ForwardId {
    snapshot.tunnels[0].forwards[0].id().clone()
}

fn demand() -> Step {
    Step::Input(Input::Demand(TunnelId::new("Production")))
}

fn open() -> Step {
    Step::Open(URL.to_owned())
}

fn confirm(snapshot: &mut Snapshot, at: Instant) {
    let tunnel = &mut snapshot.tunnels[0];
    tunnel.phase = Phase::Healthy;
    tunnel.target = Target::Up;
    tunnel.forwards[0].listening = true;
    tunnel.forwards[0].health = Health::ok();
    tunnel.forwards[0].confirmed = Some(at);
}

fn stopped() -> Snapshot {
    let mut snapshot = samples::healthy();
    let tunnel = &mut snapshot.tunnels[0];
    tunnel.phase = Phase::Stopped;
    tunnel.target = Target::Down;
    tunnel.forwards[0].health = Health::default();
    snapshot
}

#[test]
fn a_wish_settles_when_it_works_or_cannot() {
    let asked = Instant::now();
    let mut snapshot = samples::healthy();
    let id = grafana(&snapshot);
    assert_eq!(settled(&snapshot, &id, asked), None);
    confirm(&mut snapshot, asked);
    let works = Settled::Works(URL.to_owned());
    assert_eq!(settled(&snapshot, &id, asked), Some(works));
    // An answer from before does not count.
    let later = asked + Duration::from_secs(1);
    assert_eq!(settled(&snapshot, &id, later), None);
    snapshot.tunnels[0].forwards[0].listening = false;
    assert_eq!(settled(&snapshot, &id, asked), None);
    snapshot.tunnels[0].phase = Phase::Waiting;
    assert_eq!(settled(&snapshot, &id, asked), None);
    snapshot.tunnels[0].phase = Phase::Blocked;
    assert_eq!(settled(&snapshot, &id, asked), Some(Settled::Blocked));
    snapshot.tunnels[0].forwards.remove(0);
    assert_eq!(settled(&snapshot, &id, asked), Some(Settled::Gone));
    snapshot.tunnels.clear();
    assert_eq!(settled(&snapshot, &id, asked), Some(Settled::Gone));
}

#[test]
fn a_service_that_is_never_asked_counts_as_working() {
    let mut snapshot = samples::healthy();
    let id = grafana(&snapshot);
    let forward = &mut snapshot.tunnels[0].forwards[0];
    Arc::make_mut(&mut forward.settings).health = HealthCheck::None;
    let works = Settled::Works(URL.to_owned());
    assert_eq!(settled(&snapshot, &id, Instant::now()), Some(works));
}

#[test]
fn a_click_never_dials_past_what_only_the_user_can_lift() {
    let mut tunnel = samples::healthy().tunnels.remove(0);
    let id = tunnel.id().clone();
    tunnel.phase = Phase::Blocked;
    assert_eq!(wish_to_open(&tunnel), Input::Demand(id.clone()));
    tunnel.target = Target::Down;
    tunnel.phase = Phase::Stopped;
    assert_eq!(wish_to_open(&tunnel), Input::Command(Command::Up(Some(id))));
}

#[test]
fn what_works_is_asked_again_before_it_is_opened_and_opened_once() {
    let start = Instant::now() + FRESH;
    let mut snapshot = samples::healthy();
    confirm(&mut snapshot, start - FRESH / 2);
    let id = grafana(&snapshot);
    let mut intents = Intents::default();
    assert_eq!(intents.wish(id.clone(), &snapshot, start), [demand()]);
    assert_eq!(intents.follow(&snapshot, start), []);
    confirm(&mut snapshot, start);
    assert_eq!(intents.follow(&snapshot, start), [open()]);
    assert_eq!(intents.follow(&snapshot, start), []);
    assert_eq!(intents.due(), None);

    // The second click of a double click, and one that is meant.
    let soon = start + SAME_CLICK / 2;
    assert_eq!(intents.wish(id.clone(), &snapshot, soon), []);
    let later = start + SAME_CLICK;
    assert_eq!(intents.wish(id, &snapshot, later), [demand()]);
}

#[test]
fn a_wish_outlives_the_way_there_and_a_second_click_joins_it() {
    let start = Instant::now();
    let mut snapshot = stopped();
    let id = grafana(&snapshot);
    let mut intents = Intents::default();
    let up = || Step::Input(Input::Command(Command::Up(Some(id.tunnel.clone()))));
    assert_eq!(intents.wish(id.clone(), &snapshot, start), [up()]);
    assert_eq!(intents.wish(id.clone(), &snapshot, start), [up()]);
    for phase in [Phase::Connecting, Phase::Waiting, Phase::Offline] {
        snapshot.tunnels[0].target = Target::Up;
        snapshot.tunnels[0].phase = phase;
        assert_eq!(intents.follow(&snapshot, start), []);
    }
    confirm(&mut snapshot, start);
    assert_eq!(intents.follow(&snapshot, start), [open()]);
}

#[test]
fn what_stands_in_the_way_is_told_once() {
    let start = Instant::now();
    let mut snapshot = samples::healthy();
    snapshot.tunnels[0].phase = Phase::Waiting;
    let id = grafana(&snapshot);
    let mut intents = Intents::default();
    intents.wish(id.clone(), &snapshot, start);
    let due = intents.due().unwrap();
    assert_eq!(due, start + PATIENCE);
    assert_eq!(intents.follow(&snapshot, due), [Step::Explain(id)]);
    assert_eq!(intents.due(), None);
    assert_eq!(intents.follow(&snapshot, due + PATIENCE), []);
    confirm(&mut snapshot, due + PATIENCE);
    assert_eq!(intents.follow(&snapshot, due + PATIENCE), [open()]);
}

#[test]
fn what_only_the_user_can_lift_is_told_at_once_and_waited_for() {
    let start = Instant::now();
    let mut snapshot = samples::healthy();
    snapshot.tunnels[0].phase = Phase::Blocked;
    let id = grafana(&snapshot);
    let mut intents = Intents::default();
    let steps = intents.wish(id.clone(), &snapshot, start);
    assert_eq!(steps, [demand(), Step::Explain(id)]);
    let later = start + Duration::from_secs(1);
    assert_eq!(intents.follow(&snapshot, later), []);
    confirm(&mut snapshot, later);
    assert_eq!(intents.follow(&snapshot, later), [open()]);
}

#[test]
fn a_disconnect_takes_the_wish_back_however_it_comes() {
    let start = Instant::now();
    let mut snapshot = samples::healthy();
    snapshot.tunnels[0].phase = Phase::Connecting;
    let id = grafana(&snapshot);
    // Seen in what is true, as after `passerelle down`.
    let mut intents = Intents::default();
    intents.wish(id.clone(), &snapshot, start);
    assert_eq!(intents.follow(&stopped(), start), []);
    confirm(&mut snapshot, start);
    assert_eq!(intents.follow(&snapshot, start), []);
    // Told, before anything was seen of it.
    let off = stopped();
    intents.wish(id.clone(), &off, start);
    intents.withdraw(Some(&id.tunnel));
    assert_eq!(intents.follow(&snapshot, start), []);
    // Another tunnel's end is none of ours.
    intents.wish(id, &off, start);
    intents.withdraw(Some(&TunnelId::new("Other")));
    assert_eq!(intents.follow(&snapshot, start), [open()]);
}

#[test]
fn an_answer_that_has_grown_old_is_asked_for_again() {
    let start = Instant::now();
    let mut snapshot = samples::healthy();
    confirm(&mut snapshot, start);
    // The port was taken while the service worked.
    snapshot.tunnels[0].forwards[0].listening = false;
    let id = grafana(&snapshot);
    let mut intents = Intents::default();
    intents.wish(id, &snapshot, start);
    let later = start + FRESH + SAME_CLICK;
    snapshot.tunnels[0].forwards[0].listening = true;
    assert_eq!(intents.follow(&snapshot, later), [demand()]);
    confirm(&mut snapshot, later);
    assert_eq!(intents.follow(&snapshot, later), [open()]);
}

#[test]
fn nothing_is_opened_while_everything_ends() {
    let start = Instant::now();
    let mut snapshot = stopped();
    let id = grafana(&snapshot);
    let mut intents = Intents::default();
    intents.wish(id, &snapshot, start);
    confirm(&mut snapshot, start);
    snapshot.quitting = true;
    assert_eq!(intents.follow(&snapshot, start), []);
}
