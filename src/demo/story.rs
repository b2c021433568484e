//! What the demonstration tells while it runs: pure, from snapshots to lines.

use crate::i18n::{self, demo as words};
use crate::model::{
    Attempt, Fault, ForwardId, ForwardView, HealthState, Language, Snapshot, TunnelView,
};
use std::collections::HashMap;

/// Remembers what was told, so that only what is new is told.
#[derive(Debug)]
pub(super) struct Story {
    language: Language,
    told: HashMap<Topic, String>,
}

/// What a line is about. A line about the same topic replaces the one before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Topic {
    Session(Attempt),
    Forward(ForwardId),
    Phase,
    Fault,
}

impl Story {
    /// A story of which nothing is told yet.
    pub(super) fn new(language: Language) -> Self {
        Self {
            language,
            told: HashMap::new(),
        }
    }

    /// The lines that this snapshot adds.
    pub(super) fn news(&mut self, snapshot: &Snapshot) -> Vec<String> {
        let facts: Vec<_> = snapshot
            .tunnels
            .iter()
            .flat_map(|tunnel| facts(self.language, tunnel))
            .collect();
        let news = facts
            .iter()
            .filter(|(topic, line)| self.told.get(topic) != Some(line))
            .map(|(_, line)| line.clone())
            .collect();
        // What is over may come again, and is news then.
        self.told = facts.into_iter().collect();
        news
    }
}

/// What is true of the tunnel, in the order to tell it.
fn facts(language: Language, tunnel: &TunnelView) -> Vec<(Topic, String)> {
    let session = tunnel.attempt.zip(tunnel.server.as_ref());
    let session = session.map(|(attempt, server)| {
        let round_trip = words::milliseconds(language, server.round_trip);
        (
            Topic::Session(attempt),
            words::session(language, &server.algorithms, &round_trip),
        )
    });
    let forwards = tunnel.forwards.iter().filter_map(|forward| {
        let line = forward_line(language, forward)?;
        Some((Topic::Forward(forward.id().clone()), line))
    });
    let phase = words::phase(language, &i18n::phase(language, tunnel.phase));
    let fault = tunnel.fault.as_ref().map(|fault| problem(language, fault));
    session
        .into_iter()
        .chain(forwards)
        .chain([(Topic::Phase, phase)])
        .chain(fault.map(|line| (Topic::Fault, line)))
        .collect()
}

fn forward_line(language: Language, forward: &ForwardView) -> Option<String> {
    if let Some(fault) = &forward.fault {
        return Some(problem(language, fault));
    }
    if forward.health.state == HealthState::Unknown {
        return None;
    }
    let local = forward.settings.local.to_string();
    let remote = forward.settings.remote.to_string();
    Some(if forward.works() {
        words::forward_works(language, &local, &remote, &forward.id().name)
    } else {
        let why = i18n::health(language, &forward.settings, &forward.health);
        words::forward_fails(language, &local, &remote, &why)
    })
}

fn problem(language: Language, fault: &Fault) -> String {
    let explained = i18n::fault(language, fault);
    words::problem(language, &explained.message, &explained.hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::default_settings;
    use crate::model::{Health, HealthReason, Phase, ServerInfo, Target};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    fn snapshot(phase: Phase, attempt: u64, health: &Health) -> Snapshot {
        let settings = Arc::clone(&default_settings().tunnels[0]);
        let forwards = settings.forwards.iter().map(|forward| ForwardView {
            settings: Arc::clone(forward),
            listening: true,
            fault: None,
            health: health.clone(),
        });
        Snapshot {
            tunnels: vec![TunnelView {
                forwards: forwards.collect(),
                settings,
                target: Target::Up,
                phase,
                since: Instant::now(),
                stage: None,
                attempt: Some(Attempt(attempt)),
                server: (phase != Phase::Connecting).then(|| ServerInfo {
                    address: ([127, 0, 0, 1], 22).into(),
                    round_trip: Duration::from_micros(1500),
                    algorithms: "kex, cipher".to_owned(),
                }),
                round_trip: None,
                fault: None,
                next_dial: None,
                question: None,
            }],
            ..Snapshot::default()
        }
    }

    #[test]
    fn each_thing_is_told_once_and_again_when_it_comes_again() {
        let mut story = Story::new(Language::En);
        let connecting = snapshot(Phase::Connecting, 1, &Health::default());
        assert_eq!(story.news(&connecting), ["   State: connecting."]);
        assert!(story.news(&connecting).is_empty());

        let healthy = snapshot(Phase::Healthy, 1, &Health::ok());
        assert_eq!(
            story.news(&healthy),
            [
                "   Session established, round trip 1.5 ms (kex, cipher).",
                "   localhost:3000 → localhost:3000: Grafana answers through the tunnel.",
                "   localhost:9090 → localhost:9090: Prometheus answers through the tunnel.",
                "   State: everything works.",
            ]
        );
        assert!(story.news(&healthy).is_empty());

        // The next session is news, even when it is like the last one.
        story.news(&connecting);
        let again = story.news(&snapshot(Phase::Healthy, 2, &Health::ok()));
        assert_eq!(again.len(), 4);
    }

    #[test]
    fn a_service_that_fails_is_told_with_its_reason() {
        let mut story = Story::new(Language::Fr);
        let failing = Health::because(HealthState::Failing, HealthReason::HttpStatus(500));
        let news = story.news(&snapshot(Phase::Degraded, 1, &failing));
        assert!(news[0].contains("1,5 ms"), "{news:?}");
        assert!(news[1].contains("500"), "{news:?}");
    }
}
