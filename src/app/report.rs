//! The status as scripts and verbs see it, made of the snapshot and the counters.

use crate::clock::WallClock;
use crate::config::ConfigErrors;
use crate::i18n;
use crate::model::{
    FaultReport, ForwardReport, ForwardView, Language, Question, QuestionKind, QuestionReport,
    Snapshot, StatusReport, Target, Traffic, TunnelReport, TunnelView, version,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many errors of the configuration a status carries.
const ERRORS: usize = 20;

/// How long each of them may be, in characters.
const LONGEST_ERROR: usize = 500;

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

/// The first errors in words, a line each, and how many more there are: every status carries them.
pub(crate) fn first_errors(language: Language, errors: &ConfigErrors) -> Vec<String> {
    let ConfigErrors(errors) = errors;
    let first = errors.iter().take(ERRORS);
    let mut lines: Vec<_> = first
        .map(|error| cut(i18n::config_error(language, error)))
        .collect();
    if let Some(more) = errors.len().checked_sub(ERRORS + 1) {
        lines.push(i18n::more_errors(language, more + 1));
    }
    lines
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_ERROR) {
        text.truncate(end);
        text.push('…');
    }
    text
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
    use crate::config::{self, Loaded};
    use crate::ipc::{RESPONSE_LIMIT, Response};
    use crate::model::{
        Fault, Health, HealthReason, HealthState, InteractivePrompt, PresentedKey, QuestionId,
    };
    use crate::platform::PolicySource;
    use std::fmt::Write;

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
                prompts: vec![InteractivePrompt {
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

    /// What the file of this text says, where no policy says anything.
    fn load(text: &str) -> Result<Loaded, ConfigErrors> {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("config.toml");
        std::fs::write(&file, text).unwrap();
        config::load_under(&PolicySource::File(root.path().join("none")), &file)
    }

    #[test]
    fn the_first_errors_are_told_and_how_many_more_there_are() {
        let told = |count: usize| {
            let lines: Vec<_> = (0..count).map(|line| format!("x{line} = 1\n")).collect();
            first_errors(Language::En, &load(&lines.concat()).unwrap_err())
        };
        for count in [1, ERRORS] {
            assert_eq!(told(count).len(), count);
        }
        for count in [ERRORS + 1, 3_000] {
            let told = told(count);
            assert_eq!(told.len(), ERRORS + 1);
            assert!(told[0].contains("x0"), "{}", told[0]);
            let more = i18n::more_errors(Language::En, count - ERRORS);
            assert_eq!(told[ERRORS], more);
        }
    }

    #[test]
    fn an_error_is_cut_where_it_is_long() {
        let long = "x".repeat(i18n::LONGEST);
        let text = format!("[[tunnel]]\nhealth_{long} = 1\nauth = [\"{long}\"]\n");
        for error in first_errors(Language::Fr, &load(&text).unwrap_err()) {
            assert!(error.chars().count() <= LONGEST_ERROR + 1, "{error}");
        }
        assert_eq!(
            cut("é".repeat(LONGEST_ERROR)).chars().count(),
            LONGEST_ERROR
        );
        assert!(cut("é".repeat(LONGEST_ERROR + 1)).ends_with("é…"));
    }

    /// Takes the most bytes that a text of servers and of the system can, once it is cut.
    fn long() -> String {
        "\u{1f511}".repeat(i18n::LONGEST + 1)
    }

    /// As many tunnels and forwards as there may be, with all that is in a status as long as it may be.
    fn largest_settings() -> Arc<crate::model::Settings> {
        const TUNNELS: usize = 64;
        const FORWARDS: usize = 256 / TUNNELS;
        let (name, user) = ("\u{1f511}".repeat(61), "\u{1f511}".repeat(256));
        let (host, path) = ("h".repeat(255), "x".repeat(2047));
        let mut text = String::new();
        for tunnel in 100..100 + TUNNELS {
            let _ = writeln!(
                text,
                "[[tunnel]]\nname = \"{name}{tunnel}\"\nhost = \"{host}\"\nport = 65535\nuser = \"{user}\""
            );
            for forward in 0..FORWARDS {
                let port = 10_000 + tunnel * FORWARDS + forward;
                let _ = writeln!(
                    text,
                    "[[tunnel.forward]]\nname = \"{name}{}\"\nlocal = \"127.100.100.100:{port}\"\n\
                     remote = \"{host}:65535\"\nopen = \"/{path}\"",
                    100 + forward
                );
            }
        }
        load(&text).unwrap().settings
    }

    /// Those that say the most of what a server sends or a system says.
    fn longest_fault(language: Language) -> Fault {
        let key = PresentedKey {
            host: long(),
            port: 65_535,
            algorithm: long(),
            fingerprint: long(),
            line: long(),
        };
        let faults = [
            Fault::HostKeyChanged {
                key: key.clone(),
                known: vec![long(); 9],
                source: long(),
            },
            Fault::HostKeyNotPinned {
                key,
                pinned: vec![long(); 9],
            },
            Fault::AuthenticationRejected {
                user: long(),
                server: long(),
                tried: Vec::new(),
                offered: vec![long(); 9],
                detail: long(),
            },
            Fault::NoCredential {
                user: long(),
                server: long(),
                offered: vec![long(); 9],
                detail: long(),
            },
        ];
        let length = |fault: &Fault| i18n::fault(language, fault).to_string().len();
        faults.into_iter().max_by_key(length).unwrap()
    }

    #[test]
    fn the_largest_status_can_be_sent() {
        let settings = largest_settings();
        let mistakes: Vec<_> = (0..99)
            .map(|number| format!("\"{number}{}\" = 1\n", long()))
            .collect();
        let errors = load(&mistakes.concat()).unwrap_err();
        for language in [Language::Fr, Language::En] {
            let tunnels = settings.tunnels.iter().map(|tunnel| {
                let mut view = samples::now_healthy(tunnel);
                view.fault = Some(longest_fault(language));
                view.question = Some(Question {
                    id: QuestionId(u64::MAX),
                    kind: QuestionKind::Interactive {
                        name: long(),
                        instruction: long(),
                        prompts: vec![
                            InteractivePrompt {
                                text: long(),
                                echo: false,
                            };
                            32
                        ],
                    },
                    expires: None,
                });
                for forward in &mut view.forwards {
                    let remote = forward.settings.remote.to_string();
                    let reason = HealthReason::ConnectFailed {
                        remote,
                        detail: long(),
                    };
                    forward.health = Health::because(HealthState::Unreachable, reason);
                }
                view
            });
            let snapshot = Snapshot {
                tunnels: tunnels.collect(),
                settings_errors: first_errors(language, &errors).into(),
                quitting: false,
            };
            let status = Reporter::new(Traffic::default()).status(&snapshot, language);
            let response = Response::Status(Box::new(status));
            let length = serde_json::to_vec(&response).unwrap().len();
            // Half of the room is for what no version says yet.
            let room = RESPONSE_LIMIT / 4..=RESPONSE_LIMIT * 3 / 4;
            assert!(room.contains(&length), "{length} bytes");
        }
    }
}
