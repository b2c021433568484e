//! What `passerelle run` prints: a line, or a JSON object, for each change of state. Pure.

use super::report::{Reporter, detail};
use crate::i18n::{self, clean, run as words};
use crate::model::{
    Fault, ForwardView, Language, Phase, Snapshot, StatusReport, TunnelId, TunnelView,
};
use std::collections::HashMap;
use std::time::Instant;

/// How `run` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A line for people.
    Lines,
    /// The status as a JSON object, on a line of its own.
    Json,
}

/// Tells each change once.
#[derive(Debug)]
pub(crate) struct Narrator {
    output: Output,
    language: Language,
    reporter: Reporter,
    told: Snapshot,
    /// The report that was last printed, without what is measured all the time.
    reported: Option<StatusReport>,
    /// The fault that each tunnel's reader knows: retries that fail alike are not explained again.
    explained: HashMap<TunnelId, Fault>,
}

impl Narrator {
    pub(crate) fn new(output: Output, language: Language, reporter: Reporter) -> Self {
        Self {
            output,
            language,
            reporter,
            told: Snapshot::default(),
            reported: None,
            explained: HashMap::new(),
        }
    }

    /// What is to be printed now, a line each.
    pub(crate) fn tell(&mut self, snapshot: &Snapshot, now: Instant) -> Vec<String> {
        match self.output {
            Output::Json => self.report(snapshot).into_iter().collect(),
            Output::Lines => {
                let before = std::mem::replace(&mut self.told, snapshot.clone());
                self.lines(&before, snapshot, now)
            }
        }
    }

    fn report(&mut self, snapshot: &Snapshot) -> Option<String> {
        let status = self.reporter.status(snapshot, self.language);
        let state = without_measurements(status.clone());
        if self.reported.as_ref() == Some(&state) {
            return None;
        }
        self.reported = Some(state);
        serde_json::to_string(&status).ok()
    }

    fn lines(&mut self, before: &Snapshot, after: &Snapshot, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        if before.settings_errors != after.settings_errors {
            if after.settings_errors.is_empty() {
                lines.push(words::settings_taken_over(self.language));
            } else {
                lines.push(words::settings_refused(self.language));
                lines.extend(after.settings_errors.iter().map(|error| clean(error)));
            }
        }
        if after.quitting && !before.quitting {
            lines.push(words::quitting(self.language));
        }
        for tunnel in &after.tunnels {
            let former = before.tunnel(tunnel.id());
            lines.extend(self.tunnel(former, tunnel, now));
            for forward in &tunnel.forwards {
                let former = former.and_then(|former| {
                    let mut forwards = former.forwards.iter();
                    forwards.find(|known| known.id() == forward.id())
                });
                lines.extend(self.forward(former, forward));
            }
        }
        lines
    }

    fn tunnel(
        &mut self,
        before: Option<&TunnelView>,
        after: &TunnelView,
        now: Instant,
    ) -> Option<String> {
        let state = |view: &TunnelView| (view.phase, view.next_dial, view.fault.clone());
        if before.map(state) == Some(state(after)) {
            return None;
        }
        let l = self.language;
        let name = after.id().as_str();
        let was = before.map(|view| view.phase);
        let mut line = match after.phase {
            // That a retry has begun changes nothing for the reader.
            Phase::Connecting if was == Some(Phase::Connecting) => return None,
            Phase::Connecting => return Some(words::connecting(l, name, &after.settings.server())),
            Phase::Healthy => {
                self.explained.remove(after.id());
                return Some(words::all_works(l, name, &addresses(after)));
            }
            // That a look finds no way either is no news.
            Phase::Offline if was == Some(Phase::Offline) && self.is_explained(after) => {
                return None;
            }
            Phase::Offline => words::in_state(l, name, &i18n::phase(l, after.phase)),
            Phase::Waiting => match after.next_dial {
                Some(at) => {
                    let wait = at.saturating_duration_since(now);
                    words::tries_again_in(l, name, wait.as_millis().div_ceil(1000) as u64)
                }
                None => words::in_state(l, name, &i18n::phase(l, after.phase)),
            },
            Phase::Stopped if was.is_none() => return None,
            Phase::Stopped | Phase::Degraded | Phase::Blocked | Phase::Stopping => {
                words::in_state(l, name, &i18n::phase(l, after.phase))
            }
        };
        match &after.fault {
            Some(fault) if !self.is_explained(after) => {
                let explained = i18n::fault(l, fault);
                line = format!("{line} {} {}", explained.message, explained.hint);
                self.explained.insert(after.id().clone(), fault.clone());
            }
            Some(_) => {}
            None => {
                self.explained.remove(after.id());
            }
        }
        Some(line)
    }

    /// Whether the reader knows the tunnel's fault.
    fn is_explained(&self, view: &TunnelView) -> bool {
        view.fault.as_ref() == self.explained.get(view.id())
    }

    fn forward(&self, before: Option<&ForwardView>, after: &ForwardView) -> Option<String> {
        let said = |view: &ForwardView| detail(view, self.language);
        let (former, current) = (before.map(said).unwrap_or_default(), said(after));
        if former == current {
            return None;
        }
        let id = after.id();
        if !current.is_empty() {
            let about = words::about(self.language, id.tunnel.as_str(), &id.name);
            return Some(format!("{about} {current}"));
        }
        after
            .works()
            .then(|| words::forward_works(self.language, id.tunnel.as_str(), &id.name))
    }
}

/// What is measured all the time is no change of state.
fn without_measurements(mut status: StatusReport) -> StatusReport {
    for tunnel in &mut status.tunnels {
        tunnel.rtt_ms = None;
        for forward in &mut tunnel.forwards {
            forward.connections = 0;
            forward.bytes_in = 0;
            forward.bytes_out = 0;
        }
    }
    status
}

fn addresses(tunnel: &TunnelView) -> String {
    let addresses: Vec<String> = tunnel
        .forwards
        .iter()
        .filter_map(|forward| {
            let url = forward.settings.url()?;
            Some(format!("{} {url}", forward.id().name))
        })
        .collect();
    addresses.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::samples;
    use crate::model::{Health, HealthReason, HealthState, Traffic};
    use std::sync::Arc;
    use std::time::Duration;

    fn narrator(output: Output) -> Narrator {
        Narrator::new(output, Language::En, Reporter::new(Traffic::default()))
    }

    fn timeout_fault() -> Fault {
        Fault::ConnectTimeout {
            server: "maintenance@serveurproduction:722".into(),
        }
    }

    #[test]
    fn a_start_is_told_step_by_step_and_each_step_once() {
        let mut narrator = narrator(Output::Lines);
        let now = Instant::now();
        let mut snapshot = samples::healthy();
        snapshot.tunnels[0].phase = Phase::Connecting;
        for forward in &mut snapshot.tunnels[0].forwards {
            forward.health = Health::default();
        }
        assert_eq!(
            narrator.tell(&snapshot, now),
            ["Production: connecting to maintenance@serveurproduction:722…"]
        );
        assert!(narrator.tell(&snapshot, now).is_empty());
        let mut works = samples::healthy();
        works.tunnels[0].forwards[0].health.version = Some("12.1.0".into());
        assert_eq!(
            narrator.tell(&works, now),
            [
                "Production: everything works. \
                 Grafana http://localhost:3000/ Prometheus http://localhost:9090/",
                "Production, Grafana: Grafana 12.1.0 works.",
            ]
        );
        works.tunnels[0].round_trip = Some(Duration::from_millis(20));
        assert!(narrator.tell(&works, now).is_empty());
    }

    #[test]
    fn retries_that_fail_alike_are_explained_once() {
        let mut narrator = narrator(Output::Lines);
        let now = Instant::now();
        let mut snapshot = samples::healthy();
        let mut waiting = |seconds| {
            snapshot.tunnels[0].phase = Phase::Waiting;
            snapshot.tunnels[0].fault = Some(timeout_fault());
            snapshot.tunnels[0].next_dial = Some(now + Duration::from_secs_f64(seconds));
            narrator.tell(&snapshot, now)
        };
        let first = waiting(1.2);
        assert!(first[0].starts_with("Production: will try again in 2 s. The server"));
        assert_eq!(waiting(4.0), ["Production: will try again in 4 s."]);
    }

    #[test]
    fn a_tunnel_without_a_network_is_told_of_once() {
        let mut narrator = narrator(Output::Lines);
        let now = Instant::now();
        let mut snapshot = samples::healthy();
        let mut offline = |next_dial| {
            snapshot.tunnels[0].phase = Phase::Offline;
            snapshot.tunnels[0].fault = Some(Fault::NoRoute {
                server: "m@s:722".into(),
                detail: String::new(),
            });
            snapshot.tunnels[0].next_dial = next_dial;
            narrator.tell(&snapshot, now).len()
        };
        assert_eq!(offline(Some(now)), 1);
        assert_eq!(offline(None), 0, "it looks for a way");
        assert_eq!(offline(Some(now + Duration::from_secs(60))), 0);
    }

    #[test]
    fn a_service_that_fails_is_named() {
        let mut narrator = narrator(Output::Lines);
        let now = Instant::now();
        narrator.tell(&samples::healthy(), now);
        let mut snapshot = samples::healthy();
        snapshot.tunnels[0].phase = Phase::Degraded;
        snapshot.tunnels[0].forwards[0].health =
            Health::because(HealthState::Failing, HealthReason::GrafanaDatabase);
        let lines = narrator.tell(&snapshot, now);
        assert!(lines[0].starts_with("Production: connected, but"));
        assert!(lines[1].starts_with("Production, Grafana: Grafana answers, but its database"));
        snapshot.tunnels[0].forwards[0].health = Health::ok();
        let lines = narrator.tell(&snapshot, now);
        assert_eq!(lines, ["Production, Grafana: works."]);
    }

    #[test]
    fn a_refused_configuration_is_told_with_its_errors_and_its_repair() {
        let mut narrator = narrator(Output::Lines);
        let now = Instant::now();
        let mut snapshot = samples::healthy();
        narrator.tell(&snapshot, now);
        snapshot.settings_errors = Arc::new(["config.toml:3:1: broken".into()]);
        let lines = narrator.tell(&snapshot, now);
        assert_eq!(lines[1..], ["config.toml:3:1: broken"]);
        snapshot.settings_errors = Arc::default();
        assert_eq!(narrator.tell(&snapshot, now).len(), 1);
    }

    #[test]
    fn json_is_an_object_a_line_and_only_when_something_changed() {
        let mut narrator = narrator(Output::Json);
        let now = Instant::now();
        let mut snapshot = samples::healthy();
        let lines = narrator.tell(&snapshot, now);
        let status: StatusReport = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(status.tunnels[0].phase, "healthy");
        assert!(!lines[0].contains('\n'));
        snapshot.tunnels[0].round_trip = Some(Duration::from_millis(20));
        assert!(narrator.tell(&snapshot, now).is_empty());
        snapshot.tunnels[0].phase = Phase::Degraded;
        assert_eq!(narrator.tell(&snapshot, now).len(), 1);
    }
}
