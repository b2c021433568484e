//! `status`: how the running program fares.

use super::exit::{Exit, Failure};
use super::{AT_ONCE, Context, print};
use crate::i18n::{clean, health_of_code, phase_of_code, units, verbs as words};
use crate::ipc::{Refusal, Request, Response};
use crate::model::{ForwardReport, Language, Phase, StatusReport, TunnelReport};
use crate::platform;
use std::pin::pin;
use std::time::{Duration, SystemTime};

/// Prints the status; with `watch` again at each change, until the running program ends.
pub(super) async fn status(cx: &Context, json: bool, watch: bool) -> Result<(), Failure> {
    if !watch {
        let status = current(cx).await?;
        return print::line(form(cx, &status, json, Traffic::Shown)?);
    }
    let request = Request::Watch {
        language: cx.language,
    };
    let mut replies = cx.call(&request).await?;
    // Whoever watches does not want to see bytes being counted.
    let mut told = String::new();
    let mut bound = Some(AT_ONCE);
    let mut interrupted = pin!(platform::terminate_signal());
    loop {
        let response = tokio::select! {
            response = cx.next(&mut replies, bound) => response?,
            () = &mut interrupted => return Ok(()),
        };
        let Some(response) = response else {
            return Ok(());
        };
        let Response::Status(status) = response else {
            return Err(cx.unexpected());
        };
        bound = None;
        let text = form(cx, &status, json, Traffic::Hidden)?;
        if text != told {
            print::line(&text)?;
            told = text;
        }
    }
}

/// The status as it is now.
pub(super) async fn current(cx: &Context) -> Result<StatusReport, Failure> {
    let request = Request::Status {
        language: cx.language,
    };
    let Response::Status(status) = cx.ask(&request).await? else {
        return Err(cx.unexpected());
    };
    Ok(*status)
}

/// The tunnel of that name; if none is spelled so, one that is but for upper and lower case.
pub(super) fn named<'a>(
    tunnels: &'a [TunnelReport],
    name: &str,
) -> Result<&'a TunnelReport, Refusal> {
    let lower = name.to_lowercase();
    let exact = tunnels.iter().find(|tunnel| tunnel.name == name);
    let like = || {
        tunnels
            .iter()
            .find(|tunnel| tunnel.name.to_lowercase() == lower)
    };
    exact.or_else(like).ok_or_else(|| Refusal::NoSuchTunnel {
        known: tunnels.iter().map(|tunnel| tunnel.name.clone()).collect(),
    })
}

fn form(
    cx: &Context,
    status: &StatusReport,
    json: bool,
    traffic: Traffic,
) -> Result<String, Failure> {
    if json {
        return serde_json::to_string(status).map_err(|error| Failure::new(Exit::Failed, error));
    }
    Ok(text(status, cx.language, SystemTime::now(), traffic))
}

/// Whether to tell what is counted and measured all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Traffic {
    Shown,
    Hidden,
}

fn text(status: &StatusReport, language: Language, now: SystemTime, traffic: Traffic) -> String {
    let mut lines = Vec::new();
    if status.tunnels.is_empty() {
        lines.push(words::no_tunnel(language));
    }
    for tunnel in &status.tunnels {
        tunnel_lines(tunnel, language, now, traffic, &mut lines);
    }
    if !status.config_errors.is_empty() {
        lines.push(words::file_not_in_force(language));
        lines.extend(status.config_errors.iter().map(|error| clean(error)));
    }
    lines.join("\n")
}

fn tunnel_lines(
    tunnel: &TunnelReport,
    l: Language,
    now: SystemTime,
    traffic: Traffic,
    lines: &mut Vec<String>,
) {
    let moment = |text: &str| humantime::parse_rfc3339(text).ok();
    let mut state = phase_of_code(l, &tunnel.phase);
    if traffic == Traffic::Shown {
        if let Some(passed) = moment(&tunnel.since).and_then(|at| now.duration_since(at).ok()) {
            state = words::since(l, &state, &units::duration(l, passed));
        }
        if let Some(at) = tunnel.next_dial.as_deref().and_then(moment) {
            let left = at.duration_since(now).unwrap_or_default();
            let next = words::next_dial(l, &units::duration(l, left));
            // Of a tunnel that waits for its next try, that is the state.
            state = if tunnel.phase == Phase::Waiting.code() {
                next
            } else {
                format!("{state}, {next}")
            };
        }
        if let Some(measured) = tunnel.rtt_ms {
            let measured = Duration::try_from_secs_f64(measured / 1e3).unwrap_or_default();
            let measured = units::milliseconds(l, measured);
            state = format!("{state}, {}", words::round_trip(l, &measured));
        }
    }
    let (name, server) = (clean(&tunnel.name), clean(&tunnel.server));
    lines.push(words::tunnel(l, &name, &server, &state));
    if let Some(fault) = &tunnel.fault {
        lines.push(format!("  {}", fault.message));
        lines.push(format!("  {}", fault.hint));
    }
    if let Some(question) = &tunnel.question
        && tunnel.fault.is_none()
    {
        lines.push(format!("  {}", question.message));
    }
    for forward in &tunnel.forwards {
        lines.push(forward_line(forward, l, traffic));
        if !forward.detail.is_empty() {
            lines.push(format!("    {}", forward.detail));
        }
    }
}

fn forward_line(forward: &ForwardReport, l: Language, traffic: Traffic) -> String {
    let place = forward.url.as_deref().unwrap_or(&forward.local);
    let mut line = format!(
        "  {}  {}  {}",
        clean(&forward.name),
        clean(place),
        health_of_code(l, &forward.health)
    );
    if traffic == Traffic::Shown {
        let (received, sent) = (forward.bytes_in, forward.bytes_out);
        let counts = words::traffic(
            l,
            forward.connections,
            &units::size(l, received),
            &units::size(l, sent),
        );
        line = format!("{line}  ({counts})");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FaultReport;
    use std::time::Duration;

    fn report() -> StatusReport {
        StatusReport {
            version: "1.0.0".into(),
            tunnels: vec![TunnelReport {
                name: "Production".into(),
                target: "up".into(),
                phase: "healthy".into(),
                since: "1970-01-01T00:00:00Z".into(),
                server: "maintenance@serveurproduction:722".into(),
                attempt: 1,
                rtt_ms: Some(23.04),
                next_dial: None,
                fault: None,
                question: None,
                forwards: vec![ForwardReport {
                    name: "Grafana".into(),
                    local: "localhost:3000".into(),
                    remote: "localhost:3000".into(),
                    url: Some("http://localhost:3000/".into()),
                    health: "ok".into(),
                    detail: "Grafana 12.1.0 works.".into(),
                    connections: 2,
                    bytes_in: 2048,
                    bytes_out: 10,
                }],
            }],
            config_errors: Vec::new(),
        }
    }

    fn shown(report: &StatusReport, traffic: Traffic) -> String {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(720);
        text(report, Language::En, now, traffic)
    }

    #[test]
    fn everything_is_said_in_a_few_lines() {
        assert_eq!(
            shown(&report(), Traffic::Shown),
            "Production (maintenance@serveurproduction:722): \
             everything works, for 12 min, round trip: 23.0 ms\n  \
             Grafana  http://localhost:3000/  works  \
             (connections: 2, received: 2.0 KiB, sent: 10 B)\n    \
             Grafana 12.1.0 works."
        );
    }

    #[test]
    fn what_changes_all_the_time_is_left_out_where_changes_are_watched() {
        let mut later = report();
        later.tunnels[0].rtt_ms = Some(99.0);
        later.tunnels[0].forwards[0].bytes_in = 1 << 30;
        assert_eq!(
            shown(&report(), Traffic::Hidden),
            shown(&later, Traffic::Hidden)
        );
    }

    #[test]
    fn what_is_wrong_comes_with_what_to_do() {
        let mut report = report();
        report.tunnels[0].phase = "blocked".into();
        report.tunnels[0].fault = Some(FaultReport {
            code: "password_needed".into(),
            message: "The server asks.".into(),
            hint: "To type it: passerelle answer.".into(),
        });
        report.config_errors = vec!["config.toml:1:1: broken\u{1b}[2J".into()];
        let text = shown(&report, Traffic::Hidden);
        assert!(text.contains("waits for you\n  The server asks.\n  To type it"));
        assert!(text.ends_with("stays in force:\nconfig.toml:1:1: broken[2J"));
    }

    #[test]
    fn words_of_another_version_are_shown_as_they_are() {
        let mut report = report();
        report.tunnels[0].phase = "dreaming\u{1b}".into();
        report.tunnels[0].forwards[0].health = "glowing".into();
        let text = shown(&report, Traffic::Hidden);
        assert!(text.contains(": dreaming\n") && text.contains("  glowing"));
    }
}
