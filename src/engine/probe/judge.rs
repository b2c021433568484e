//! What a service's answer says about it. Pure.

use super::http::Answer;
use crate::model::{Health, HealthReason, HealthState, LocalBind};
use hyper::{StatusCode, Uri};
use serde::Deserialize;

/// A version longer than this is none.
const VERSION_LONGEST: usize = 64;

/// Where Grafana's health is, when its page is at `open`: below the same sub-path, if that is one.
pub(super) fn grafana_path(open: Option<&str>) -> String {
    let sub_path = open.filter(|path| path.ends_with('/')).unwrap_or("/");
    format!("{sub_path}api/health")
}

/// `/api/health`: 200 or 503, and JSON that names the state of the database.
pub(super) fn grafana(answer: &Answer) -> Health {
    #[derive(Deserialize)]
    struct Said {
        database: String,
        version: Option<String>,
    }
    if let Some(protected) = protected(answer.status) {
        return protected;
    }
    let said = serde_json::from_slice::<Said>(&answer.body).ok();
    let health = match (answer.status, &said) {
        (StatusCode::OK, Some(said)) if said.database == "ok" => Health::ok(),
        (StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE, Some(_))
        | (StatusCode::SERVICE_UNAVAILABLE, None) => {
            Health::because(HealthState::Failing, HealthReason::GrafanaDatabase)
        }
        (StatusCode::OK, None) => {
            Health::because(HealthState::Failing, HealthReason::NotTheService)
        }
        (status, _) => failing(status),
    };
    let version = said.and_then(|said| said.version);
    Health {
        version: version.filter(|version| !version.is_empty() && version.len() <= VERSION_LONGEST),
        ..health
    }
}

/// `/-/ready`: 503 as long as it reads its write-ahead log.
pub(super) fn prometheus(status: StatusCode) -> Health {
    if let Some(protected) = protected(status) {
        return protected;
    }
    match status {
        StatusCode::OK => Health::ok(),
        StatusCode::SERVICE_UNAVAILABLE => {
            Health::because(HealthState::Starting, HealthReason::PrometheusNotReady)
        }
        other => failing(other),
    }
}

/// A path of the user's, with the codes that the user accepts.
pub(super) fn custom(status: StatusCode, accepted: &[u16]) -> Health {
    if accepted.contains(&status.as_u16()) {
        Health::ok()
    } else {
        failing(status)
    }
}

/// The page that the browser will open at `local`: what is wrong with it, if something is.
pub(super) fn page(answer: &Answer, local: LocalBind) -> Option<Health> {
    if answer.status.is_server_error() {
        return Some(failing(answer.status));
    }
    let location = answer.location.as_deref()?;
    if !answer.status.is_redirection() || stays(location, local) {
        return None;
    }
    let location = location.to_owned();
    Some(Health::because(
        HealthState::Failing,
        HealthReason::RedirectsElsewhere { location },
    ))
}

/// Whether a browser that follows `location` from a page at `local` is still there: RFC 9110
/// section 10.2.2.
fn stays(location: &str, local: LocalBind) -> bool {
    let absolute = match location.strip_prefix("//") {
        Some(rest) => format!("http://{rest}"),
        None => location.to_owned(),
    };
    let scheme_ends = absolute.find([':', '/', '?', '#']);
    if scheme_ends.is_none_or(|end| absolute.as_bytes().get(end) != Some(&b':')) {
        return true;
    }
    let Ok(uri) = absolute.parse::<Uri>() else {
        return false;
    };
    let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return false;
    };
    let host_is_local = match local {
        LocalBind::Port(_) => ["localhost", "127.0.0.1", "[::1]"]
            .iter()
            .any(|name| host.eq_ignore_ascii_case(name)),
        LocalBind::Address(address) => host.trim_matches(['[', ']']) == address.ip().to_string(),
    };
    host_is_local && uri.port_u16().unwrap_or(80) == local.port()
}

/// It is there, and wants a login first.
fn protected(status: StatusCode) -> Option<Health> {
    let asks = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    asks.then(|| Health::because(HealthState::Ok, HealthReason::Protected))
}

fn failing(status: StatusCode) -> Health {
    let reason = HealthReason::HttpStatus(status.as_u16());
    Health::because(HealthState::Failing, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            location: None,
            body: body.to_owned().into(),
        }
    }

    fn because(state: HealthState, reason: HealthReason) -> (HealthState, Option<HealthReason>) {
        (state, Some(reason))
    }

    #[test]
    fn grafana_by_its_answer() {
        use HealthReason::{GrafanaDatabase, HttpStatus, NotTheService, Protected};
        use HealthState::{Failing, Ok};
        let fine = r#"{"commit":"abc","database":"ok","version":"12.1.0"}"#;
        for (status, body, expected, version) in [
            (200, fine, (Ok, None), Some("12.1.0")),
            (200, r#"{"database":"ok"}"#, (Ok, None), None),
            (200, r#"{"database":"ok","version":""}"#, (Ok, None), None),
            (
                503,
                r#"{"database":"failing","version":"12.1.0"}"#,
                because(Failing, GrafanaDatabase),
                Some("12.1.0"),
            ),
            (503, "", because(Failing, GrafanaDatabase), None),
            (503, fine, because(Failing, GrafanaDatabase), Some("12.1.0")),
            (
                200,
                r#"{"database":"failing"}"#,
                because(Failing, GrafanaDatabase),
                None,
            ),
            (200, "<html>", because(Failing, NotTheService), None),
            (200, "{}", because(Failing, NotTheService), None),
            (200, "", because(Failing, NotTheService), None),
            (301, "", because(Failing, HttpStatus(301)), None),
            (404, "", because(Failing, HttpStatus(404)), None),
            (502, "", because(Failing, HttpStatus(502)), None),
            (401, "", because(Ok, Protected), None),
            (403, "", because(Ok, Protected), None),
        ] {
            let health = grafana(&answer(status, body));
            assert_eq!((health.state, health.reason), expected, "{status} {body}");
            assert_eq!(health.version.as_deref(), version, "{status} {body}");
        }
    }

    #[test]
    fn prometheus_by_its_status() {
        use HealthReason::{HttpStatus, PrometheusNotReady, Protected};
        use HealthState::{Failing, Ok, Starting};
        for (status, expected) in [
            (200, (Ok, None)),
            (503, because(Starting, PrometheusNotReady)),
            (401, because(Ok, Protected)),
            (403, because(Ok, Protected)),
            (404, because(Failing, HttpStatus(404))),
            (302, because(Failing, HttpStatus(302))),
        ] {
            let health = prometheus(StatusCode::from_u16(status).unwrap());
            assert_eq!((health.state, health.reason), expected, "{status}");
        }
    }

    #[test]
    fn custom_by_what_the_user_accepts() {
        assert_eq!(custom(StatusCode::NO_CONTENT, &[200, 204]), Health::ok());
        assert_eq!(
            custom(StatusCode::UNAUTHORIZED, &[200]),
            failing(StatusCode::UNAUTHORIZED)
        );
    }

    #[test]
    fn grafanas_health_is_below_its_sub_path() {
        for (open, path) in [
            (None, "/api/health"),
            (Some("/"), "/api/health"),
            (Some("/grafana/"), "/grafana/api/health"),
            (Some("/d/uid/board"), "/api/health"),
        ] {
            assert_eq!(grafana_path(open), path);
        }
    }

    #[test]
    fn a_redirect_stays_or_leaves() {
        let both = LocalBind::Port(3000);
        let one = LocalBind::Address(([127, 0, 0, 2], 80).into());
        for (location, local, expected) in [
            ("/login", both, true),
            ("login?next=http://elsewhere/", both, true),
            ("", both, true),
            ("?a:b", both, true),
            ("http://localhost:3000/login", both, true),
            ("http://LOCALHOST:3000", both, true),
            ("http://127.0.0.1:3000/", both, true),
            ("http://[::1]:3000/", both, true),
            ("//localhost:3000/", both, true),
            ("http://127.0.0.2/", one, true),
            ("http://localhost/login", both, false),
            ("http://localhost:3001/", both, false),
            ("https://localhost:3000/", both, false),
            ("https://grafana.example.com/login", both, false),
            ("//grafana.example.com/login", both, false),
            ("http://localhost:3000@elsewhere/", both, false),
            ("javascript:alert(1)", both, false),
            ("http://[::1/", both, false),
            ("http://localhost/", one, false),
        ] {
            assert_eq!(stays(location, local), expected, "{location}");
        }
    }

    #[test]
    fn only_a_redirect_redirects() {
        let local = LocalBind::Port(3000);
        let mut found = answer(201, "");
        found.location = Some("http://elsewhere/".into());
        assert_eq!(page(&found, local), None);
        found.status = StatusCode::FOUND;
        let reason = HealthReason::RedirectsElsewhere {
            location: "http://elsewhere/".into(),
        };
        let expected = Health::because(HealthState::Failing, reason);
        assert_eq!(page(&found, local), Some(expected));
        found.location = None;
        assert_eq!(page(&found, local), None);
        assert_eq!(page(&answer(404, ""), local), None);
        assert_eq!(
            page(&answer(502, ""), local),
            Some(failing(StatusCode::BAD_GATEWAY))
        );
    }
}
