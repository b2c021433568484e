//! Values for the tests of every room.

use super::{
    Attempt, ForwardView, Health, Phase, PresentedKey, Question, QuestionId, QuestionKind, Target,
    TunnelId, TunnelSettings, TunnelView,
};
use std::sync::Arc;
use std::time::Instant;

/// A tunnel without forwards to `maintenance@lab:722`, whose host key has this fingerprint.
pub(crate) fn lab(host_key: &str) -> TunnelSettings {
    TunnelSettings {
        id: TunnelId::new("lab"),
        host: "lab".into(),
        port: 722,
        user: "maintenance".into(),
        autostart: true,
        auth: Vec::new(),
        identity: Vec::new(),
        host_key: vec![host_key.to_owned()],
        forwards: Vec::new(),
    }
}

/// A question about the key `SHA256:abc`.
pub(crate) fn host_key_question(id: u64) -> Question {
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
pub(crate) fn password_question(id: u64) -> Question {
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

/// That tunnel with everything as it should be since `since`.
pub(crate) fn healthy(settings: Arc<TunnelSettings>, since: Instant) -> TunnelView {
    let forwards = settings.forwards.iter().map(|forward| ForwardView {
        settings: Arc::clone(forward),
        listening: true,
        fault: None,
        health: Health::ok(),
        avoided: false,
        confirmed: None,
    });
    TunnelView {
        target: Target::Up,
        phase: Phase::Healthy,
        since,
        stage: None,
        attempt: Some(Attempt(1)),
        server: None,
        round_trip: None,
        fault: None,
        next_dial: None,
        question: None,
        forwards: forwards.collect(),
        settings,
    }
}
