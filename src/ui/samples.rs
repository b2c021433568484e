//! Snapshots for the tests of this room.

use crate::clock::WallClock;
use crate::model::{
    AuthMethod, ForwardId, ForwardSettings, Health, HealthCheck, Hold, LocalBind, Phase,
    RemoteTarget, Snapshot, Stage, Target, TunnelId, TunnelSettings, TunnelView, samples,
};
use crate::ui::status::Times;
use chrono::{Local, TimeZone};
use std::sync::Arc;
use std::time::Instant;

/// One tunnel, "Production", with everything as it should be since `since`.
pub(super) fn healthy(since: Instant) -> Snapshot {
    Snapshot {
        tunnels: vec![tunnel("Production", Phase::Healthy, since)],
        ..Snapshot::default()
    }
}

/// A tunnel in each of these phases.
pub(super) fn in_phases<const N: usize>(phases: [Phase; N]) -> Snapshot {
    let names = ["One", "Two", "Three", "Four"];
    let now = Instant::now();
    let tunnels = names.into_iter().zip(phases);
    Snapshot {
        tunnels: tunnels
            .map(|(name, phase)| tunnel(name, phase, now))
            .collect(),
        ..Snapshot::default()
    }
}

/// It is 14:02:05 on the 22nd of November 2026, where the user is.
pub(super) fn times() -> Times {
    let now = Instant::now();
    let time = Local.with_ymd_and_hms(2026, 11, 22, 14, 2, 5);
    Times {
        clock: WallClock::showing(time.unwrap().into(), now),
        now,
    }
}

fn tunnel(name: &str, phase: Phase, since: Instant) -> TunnelView {
    let id = TunnelId::new(name);
    let forward = |name: &str, port, health, primary| {
        Arc::new(ForwardSettings {
            id: ForwardId::new(&id, name),
            local: LocalBind::Port(port),
            remote: RemoteTarget {
                host: "localhost".into(),
                port,
            },
            hold: Hold::usual(&health),
            health,
            open: Some("/".into()),
            primary,
        })
    };
    // The primary one is not the first one.
    let forwards = vec![
        forward("Prometheus", 9090, HealthCheck::Prometheus, false),
        forward("Grafana", 3000, HealthCheck::Grafana, true),
    ];
    let settings = TunnelSettings {
        id,
        host: "serveurproduction".into(),
        port: 722,
        user: "maintenance".into(),
        autostart: true,
        auth: vec![AuthMethod::Key],
        identity: Vec::new(),
        host_key: Vec::new(),
        forwards,
    };
    let mut view = samples::healthy(Arc::new(settings), since);
    view.phase = phase;
    view.stage = (phase == Phase::Connecting).then_some(Stage::Authenticating);
    if matches!(phase, Phase::Stopped | Phase::Stopping) {
        view.target = Target::Down;
    }
    if !matches!(phase, Phase::Healthy | Phase::Degraded) {
        for forward in &mut view.forwards {
            forward.health = Health::default();
        }
    }
    view
}
