//! The status as scripts and verbs see it, made of the snapshot and the counters.

use crate::clock::WallClock;
use crate::i18n;
use crate::model::{
    FaultReport, ForwardReport, ForwardView, Language, Question, QuestionKind, QuestionReport,
    Snapshot, StatusReport, Target, Traffic, TunnelReport, TunnelView, version,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Makes reports. Clones tell the same time.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    traffic: Traffic,
    clock: Arc<Mutex<WallClock>>,
}

impl Reporter {
    pub(crate) fn new(traffic: Traffic) -> Self {
        Self {
            traffic,
            clock: Arc::new(Mutex::new(WallClock::now())),
        }
    }

    /// Everything, with sentences in that language.
    pub(crate) fn status(&self, snapshot: &Snapshot, language: Language) -> StatusReport {
        StatusReport {
            version: version().to_owned(),
            tunnels: snapshot
                .tunnels
                .iter()
                .map(|tunnel| self.tunnel(tunnel, language))
                .collect(),
            config_errors: snapshot.settings_errors.to_vec(),
        }
    }

    /// One tunnel.
    pub(crate) fn tunnel(&self, view: &TunnelView, language: Language) -> TunnelReport {
        let clock = self.clock();
        TunnelReport {
            name: view.id().to_string(),
            target: match view.target {
                Target::Up => "up",
                Target::Down => "down",
            }
            .to_owned(),
            phase: view.phase.code().to_owned(),
            since: clock.rfc3339(view.since),
            server: view.settings.server(),
            attempt: view.attempt.map_or(0, |attempt| attempt.0),
            rtt_ms: view.round_trip.map(milliseconds),
            next_dial: view.next_dial.map(|at| clock.rfc3339(at)),
            fault: view.fault.as_ref().map(|fault| {
                let explained = i18n::fault(language, fault);
                FaultReport {
                    code: fault.code().to_owned(),
                    message: explained.message,
                    hint: explained.hint,
                }
            }),
            question: view
                .question
                .as_ref()
                .map(|question| question_report(question, language)),
            forwards: view
                .forwards
                .iter()
                .map(|forward| self.forward(forward, language))
                .collect(),
        }
    }

    fn forward(&self, view: &ForwardView, language: Language) -> ForwardReport {
        let traffic = self.traffic.of(view.id());
        ForwardReport {
            name: view.id().name.to_string(),
            local: view.settings.local.to_string(),
            remote: view.settings.remote.to_string(),
            url: view.settings.url(),
            health: if view.listening {
                view.health.state.code()
            } else {
                "not_listening"
            }
            .to_owned(),
            detail: detail(view, language),
            connections: traffic.connections(),
            bytes_in: traffic.bytes_in(),
            bytes_out: traffic.bytes_out(),
        }
    }

    fn clock(&self) -> WallClock {
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        clock.keep_right(WallClock::now());
        *clock
    }
}

/// One sentence about the forward; empty when there is nothing to say.
pub(crate) fn detail(view: &ForwardView, language: Language) -> String {
    match &view.fault {
        Some(fault) => i18n::fault(language, fault).to_string(),
        None if view.listening => i18n::health(language, &view.settings, &view.health),
        None => String::new(),
    }
}

fn question_report(question: &Question, language: Language) -> QuestionReport {
    let mut report = QuestionReport {
        id: question.id.0,
        kind: String::new(),
        message: i18n::question(language, &question.kind),
        fingerprint: None,
        algorithm: None,
        prompts: Vec::new(),
    };
    report.kind = match &question.kind {
        QuestionKind::HostKey(key) => {
            report.fingerprint = Some(key.fingerprint.clone());
            report.algorithm = Some(key.algorithm.clone());
            "host_key"
        }
        QuestionKind::Password { .. } => "password",
        QuestionKind::Passphrase { .. } => "passphrase",
        QuestionKind::Interactive { prompts, .. } => {
            report.prompts = prompts
                .iter()
                .map(|prompt| (i18n::clean(&prompt.text), prompt.echo))
                .collect();
            "interactive"
        }
    }
    .to_owned();
    report
}

/// In milliseconds, to the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::samples;
    use crate::model::{Fault, Health, HealthReason, HealthState, QuestionId};

    #[test]
    fn a_report_says_what_the_snapshot_and_the_counters_say() {
        let traffic = Traffic::default();
        let mut snapshot = samples::healthy();
        let view = &mut snapshot.tunnels[0];
        view.round_trip = Some(Duration::from_nanos(12_345_678));
        let counters = traffic.of(view.forwards[0].id());
        counters.opened();
        counters.received(1000);
        counters.sent(10);

        let reporter = Reporter::new(traffic);
        let report = reporter.status(&snapshot, Language::En);
        let tunnel = &report.tunnels[0];
        assert_eq!(tunnel.name, "Production");
        assert_eq!((&*tunnel.target, &*tunnel.phase), ("up", "healthy"));
        assert_eq!(tunnel.server, "maintenance@serveurproduction:722");
        assert_eq!(tunnel.attempt, 1);
        assert_eq!(tunnel.rtt_ms, Some(12.346));
        assert!(tunnel.fault.is_none() && tunnel.question.is_none());
        assert_eq!(
            tunnel.forwards[0],
            ForwardReport {
                name: "Grafana".into(),
                local: "localhost:3000".into(),
                remote: "localhost:3000".into(),
                url: Some("http://localhost:3000/".into()),
                health: "ok".into(),
                detail: String::new(),
                connections: 1,
                bytes_in: 1000,
                bytes_out: 10,
            }
        );
        assert_eq!(report, reporter.status(&snapshot, Language::En));
    }

    #[test]
    fn a_question_is_told_with_what_is_to_be_compared() {
        let report = question_report(&samples::host_key_question(7), Language::En);
        assert_eq!((report.id, &*report.kind), (7, "host_key"));
        assert_eq!(report.fingerprint.as_deref(), Some("SHA256:abc"));
        assert!(report.message.contains("SHA256:abc"));
    }

    #[test]
    fn the_fields_of_an_interactive_question_are_harmless() {
        let question = Question {
            id: QuestionId(1),
            kind: QuestionKind::Interactive {
                name: String::new(),
                instruction: String::new(),
                prompts: vec![crate::model::InteractivePrompt {
                    text: "Code\u{1b}[2J: ".into(),
                    echo: true,
                }],
            },
            expires: None,
        };
        let report = question_report(&question, Language::En);
        assert_eq!(report.prompts, [("Code[2J:".to_owned(), true)]);
    }

    #[test]
    fn a_forward_without_its_port_says_who_has_it() {
        let mut snapshot = samples::healthy();
        let forward = &mut snapshot.tunnels[0].forwards[0];
        forward.listening = false;
        forward.fault = Some(Fault::PortTaken {
            address: "127.0.0.1:3000".parse().unwrap(),
            owner: None,
        });
        // What the last probe found says nothing while nobody can come in.
        forward.health = Health::because(HealthState::Failing, HealthReason::GrafanaDatabase);
        let report = Reporter::new(Traffic::default()).status(&snapshot, Language::En);
        let forward = &report.tunnels[0].forwards[0];
        assert_eq!(forward.health, "not_listening");
        assert!(forward.detail.contains("Port 3000"));
    }
}
