//! How often services are asked.

use super::{Bench, id};
use crate::model::{Health, HealthReason, HealthState, Input, SessionEvent, Settings};
use crate::supervisor::Action;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

fn stopped() -> Health {
    let remote = "localhost:3000".into();
    Health::because(HealthState::Unreachable, HealthReason::Refused { remote })
}

/// The moments at which Grafana is asked within this time, each answered at once.
fn asked(bench: &mut Bench, time: Duration, answer: &Health) -> Vec<Instant> {
    let end = bench.now + time;
    let mut moments = Vec::new();
    loop {
        for action in bench.actions() {
            let Action::Probe { forward, attempt } = action else {
                continue;
            };
            let is_grafana = *forward.id.name == *"Grafana";
            if is_grafana {
                moments.push(bench.now);
            }
            let health = if is_grafana {
                answer.clone()
            } else {
                Health::ok()
            };
            bench.tell(Input::Probed {
                forward,
                attempt,
                health,
            });
        }
        let due = bench.supervisor.poll_timeout();
        let Some(due) = due.filter(|due| *due <= end) else {
            bench.now = end;
            return moments;
        };
        bench.now = bench.now.max(due);
        bench.supervisor.handle_timeout(bench.now);
    }
}

/// The longest pause between two of these moments.
fn longest(moments: &[Instant]) -> Duration {
    let pauses = moments.windows(2).map(|pair| pair[1] - pair[0]);
    pauses.max().unwrap_or_default()
}

fn with_grafana_stopped_for(time: Duration) -> Bench {
    let mut bench = Bench::live();
    bench.probed("Grafana", 1, stopped());
    bench.probed("Prometheus", 1, Health::ok());
    asked(&mut bench, time, &stopped());
    bench
}

#[test]
fn a_service_is_asked_less_often_the_longer_it_does_not_work() {
    let mut bench = with_grafana_stopped_for(Duration::ZERO);
    let first = asked(&mut bench, 16 * SECOND, &stopped());
    assert!(first.len() >= 8, "each 2 s: {}", first.len());
    assert!(longest(&first) <= 2 * SECOND);
    asked(&mut bench, 600 * SECOND, &stopped());
    let later = asked(&mut bench, 3600 * SECOND, &stopped());
    assert!((120..=162).contains(&later.len()), "{}", later.len());
    assert!(longest(&later) <= 30 * SECOND);
    assert!(longest(&later) > 25 * SECOND);
}

#[test]
fn a_service_that_works_is_asked_each_ten_seconds_however_long() {
    let mut bench = Bench::healthy();
    let moments = asked(&mut bench, 3600 * SECOND, &Health::ok());
    assert!((360..=400).contains(&moments.len()), "{}", moments.len());
    assert!(longest(&moments) <= 10 * SECOND);
}

#[test]
fn one_answer_starts_the_time_anew() {
    let mut bench = with_grafana_stopped_for(3600 * SECOND);
    asked(&mut bench, 31 * SECOND, &Health::ok());
    let moments = asked(&mut bench, 30 * SECOND, &stopped());
    assert!(longest(&moments[1..]) < 4 * SECOND, "{moments:?}");
}

#[test]
fn whatever_makes_an_answer_likely_has_it_asked_often_again() {
    let rare = || with_grafana_stopped_for(3600 * SECOND);
    let is_often_again = |mut bench: Bench, what: &str| {
        let moments = asked(&mut bench, 16 * SECOND, &stopped());
        assert!(moments.len() >= 7, "{what}: {moments:?}");
    };
    assert!(asked(&mut rare(), 16 * SECOND, &stopped()).len() <= 1);

    let mut bench = rare();
    bench.tell(Input::Demand(id()));
    is_often_again(bench, "somebody asks");

    let mut bench = rare();
    bench.tell(Input::EnvironmentChanged);
    is_often_again(bench, "the network changes");

    let mut bench = rare();
    bench.session(1, SessionEvent::Rerouted);
    bench.next_dial(SECOND).unwrap();
    bench.establish(2);
    is_often_again(bench, "a new session");

    let mut bench = rare();
    let mut tunnel = super::production();
    let mut forward = (*tunnel.forwards[0]).clone();
    forward.remote.port = 3001;
    tunnel.forwards[0] = Arc::new(forward);
    let changed: Settings = super::settings([tunnel]);
    bench.tell(Input::Settings(Arc::new(changed)));
    is_often_again(bench, "it is another service");
}

#[test]
fn machines_that_lost_a_service_together_do_not_ask_in_step() {
    let moments = |seed: u64| {
        let mut bench = Bench::live_by(seed);
        let start = bench.now;
        bench.probed("Grafana", 1, stopped());
        let moments = asked(&mut bench, 120 * SECOND, &stopped());
        moments.last().map(|last| *last - start)
    };
    let all: std::collections::BTreeSet<_> = (0..20).map(moments).collect();
    assert!(all.len() >= 19, "{all:?}");
}
