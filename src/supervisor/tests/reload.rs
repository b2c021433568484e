//! Another configuration while it runs: only the difference is touched.

use super::{Bench, forward, id, production, settings};
use crate::model::{
    Attempt, ForwardId, ForwardSettings, Health, HealthCheck, Input, Phase, RemoteTarget,
    SessionEvent, TunnelId,
};
use crate::supervisor::Action;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_reload_touches_only_what_differs() {
    let mut bench = Bench::healthy();
    bench.actions();
    let mut changed = production();
    changed.forwards[1] = forward("Prometheus", 9091, HealthCheck::Prometheus);
    bench.tell(Input::Settings(Arc::new(settings([changed.clone()]))));
    assert_eq!(
        bench.actions(),
        [
            Action::Unlisten(ForwardId::new(&id(), "Prometheus")),
            Action::Listen(Arc::clone(&changed.forwards[1])),
            Action::Probe {
                forward: Arc::clone(&changed.forwards[1]),
                attempt: Attempt(1)
            },
        ]
    );
    assert!(bench.view().forwards[0].works());

    let mut elsewhere = changed;
    elsewhere.host = "secours".into();
    bench.tell(Input::Settings(Arc::new(settings([elsewhere]))));
    bench.session(1, SessionEvent::Ended(None));
    assert_eq!(bench.next_dial(Duration::from_secs(2)), Some(2));
}

#[test]
fn the_answer_of_the_former_service_does_not_count() {
    let mut bench = Bench::healthy();
    bench.pass(Duration::from_secs(10));
    let former = bench.forward("Grafana");
    let mut changed = production();
    changed.forwards[0] = Arc::new(ForwardSettings {
        remote: RemoteTarget {
            host: "localhost".into(),
            port: 3333,
        },
        ..(*former).clone()
    });
    bench.tell(Input::Settings(Arc::new(settings([changed]))));
    bench.tell(Input::Probed {
        forward: former,
        attempt: Attempt(1),
        health: Health::ok(),
    });
    assert_eq!(bench.phase(), Phase::Connecting);
    bench.probed("Grafana", 1, Health::ok());
    assert_eq!(bench.phase(), Phase::Healthy);
}

#[test]
fn a_port_passes_from_one_tunnel_to_another() {
    let mut other = production();
    other.id = TunnelId::new("Secours");
    other.forwards = vec![];
    let mut bench = Bench::new(&settings([other.clone(), production()]));
    bench.actions();
    let mut shorter = production();
    let moved = shorter.forwards.remove(0);
    other.forwards.push(Arc::new(ForwardSettings {
        id: ForwardId::new(&other.id, "Grafana"),
        ..(*moved).clone()
    }));
    let listen = Action::Listen(Arc::clone(&other.forwards[0]));
    bench.tell(Input::Settings(Arc::new(settings([other, shorter]))));
    assert_eq!(
        bench.actions(),
        [Action::Unlisten(ForwardId::new(&id(), "Grafana")), listen]
    );
}

#[test]
fn a_reload_without_difference_does_nothing() {
    let mut bench = Bench::healthy();
    bench.actions();
    let before = bench.supervisor.snapshot();
    bench.tell(Input::SettingsRejected(Arc::from(["line 1".to_owned()])));
    assert_eq!(bench.supervisor.snapshot().settings_errors.len(), 1);
    bench.tell(Input::Settings(Arc::new(settings([production()]))));
    assert_eq!(bench.actions(), []);
    assert_eq!(bench.supervisor.snapshot(), before);
}

#[test]
fn a_removed_tunnel_goes_when_it_is_down_and_may_come_back() {
    let mut bench = Bench::healthy();
    bench.actions();
    bench.tell(Input::Settings(Arc::new(settings([]))));
    assert_eq!(bench.supervisor.snapshot().tunnels, []);
    assert_eq!(bench.actions().len(), 3);
    bench.tell(Input::Settings(Arc::new(settings([production()]))));
    assert!(
        bench.dials().is_empty(),
        "the old session has not ended yet"
    );
    bench.session(1, SessionEvent::Ended(None));
    assert_eq!(bench.next_dial(Duration::from_secs(2)), Some(2));
}
