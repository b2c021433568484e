//! Snapshots for the tests of this room.

use crate::clock::WallClock;
use crate::model::{
    Attempt, AuthMethod, ForwardId, ForwardSettings, ForwardView, Health, HealthCheck, Hold,
    LocalBind, Phase, PresentedKey, Question, QuestionId, QuestionKind, RemoteTarget, Snapshot,
    Stage, Target, TunnelId, TunnelSettings, TunnelView,
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

/// A question about the key `SHA256:abc`.
pub(super) fn host_key_question() -> Question {
    Question {
        id: QuestionId(7),
        kind: QuestionKind::HostKey(PresentedKey {
            host: "serveurproduction".into(),
            port: 722,
            algorithm: "ssh-ed25519".into(),
            fingerprint: "SHA256:abc".into(),
            line: "ssh-ed25519 AAAA".into(),
        }),
        expires: None,
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
    let lives = matches!(phase, Phase::Healthy | Phase::Degraded);
    TunnelView {
        settings: Arc::new(TunnelSettings {
            id,
            host: "serveurproduction".into(),
            port: 722,
            user: "maintenance".into(),
            autostart: true,
            auth: vec![AuthMethod::Key],
            identity: Vec::new(),
            host_key: Vec::new(),
            forwards: forwards.clone(),
        }),
        target: if matches!(phase, Phase::Stopped | Phase::Stopping) {
            Target::Down
        } else {
            Target::Up
        },
        phase,
        since,
        stage: (phase == Phase::Connecting).then_some(Stage::Authenticating),
        attempt: Some(Attempt(1)),
        server: None,
        round_trip: None,
        fault: None,
        next_dial: None,
        question: None,
        forwards: forwards
            .into_iter()
            .map(|settings| ForwardView {
                settings,
                listening: true,
                fault: None,
                health: if lives {
                    Health::ok()
                } else {
                    Health::default()
                },
                confirmed: None,
            })
            .collect(),
    }
}
