//! Snapshots for the tests of this room.

use crate::config::default_settings;
use crate::model::{
    Attempt, ForwardView, Health, Phase, PresentedKey, Question, QuestionId, QuestionKind,
    Snapshot, Target, TunnelId, TunnelSettings, TunnelView,
};
use std::sync::Arc;
use std::time::Instant;

/// The default configuration, with everything as it should be.
pub(super) fn healthy() -> Snapshot {
    let settings = default_settings();
    Snapshot {
        tunnels: settings.tunnels.iter().map(healthy_tunnel).collect(),
        ..Snapshot::default()
    }
}

/// The default configuration's tunnel twice, under these names.
pub(super) fn two(names: [&str; 2]) -> Snapshot {
    let settings = default_settings();
    let tunnels = names.map(|name| {
        let mut named = TunnelSettings::clone(&settings.tunnels[0]);
        named.id = TunnelId::new(name);
        for forward in &mut named.forwards {
            let id = crate::model::ForwardId::new(&named.id, &forward.id.name);
            Arc::make_mut(forward).id = id;
        }
        healthy_tunnel(&Arc::new(named))
    });
    Snapshot {
        tunnels: tunnels.into(),
        ..Snapshot::default()
    }
}

/// A question about the key `SHA256:abc`.
pub(super) fn host_key_question(id: u64) -> Question {
    Question {
        id: QuestionId(id),
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

/// A question for the account's password.
pub(super) fn password_question(id: u64) -> Question {
    Question {
        id: QuestionId(id),
        kind: QuestionKind::Password {
            user: "maintenance".into(),
            server: "maintenance@serveurproduction:722".into(),
            rejected: false,
        },
        expires: None,
    }
}

fn healthy_tunnel(settings: &Arc<TunnelSettings>) -> TunnelView {
    TunnelView {
        settings: Arc::clone(settings),
        target: Target::Up,
        phase: Phase::Healthy,
        since: Instant::now(),
        stage: None,
        attempt: Some(Attempt(1)),
        server: None,
        round_trip: None,
        fault: None,
        next_dial: None,
        question: None,
        forwards: settings
            .forwards
            .iter()
            .map(|forward| ForwardView {
                settings: Arc::clone(forward),
                listening: true,
                fault: None,
                health: Health::ok(),
                confirmed: None,
            })
            .collect(),
    }
}
