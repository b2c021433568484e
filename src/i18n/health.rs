//! What probes found, in words: one sentence each.

use super::messages;
use crate::model::{ForwardSettings, Health, HealthCheck, HealthReason, HealthState, Language};

/// The health of the service behind a forward in one sentence; empty when there is nothing to say.
#[must_use]
pub fn health(language: Language, forward: &ForwardSettings, health: &Health) -> String {
    let l = language;
    let name = &*forward.id.name;
    match (&health.reason, health.state) {
        (Some(reason), _) => because(l, forward, reason),
        (None, HealthState::Ok) => health
            .version
            .as_deref()
            .map_or_else(String::new, |version| works(l, name, version)),
        (None, HealthState::Unknown) => String::new(),
        (None, HealthState::Starting) => starting(l, name),
        (None, HealthState::Failing) => failing(l, name),
        (None, HealthState::Unreachable) => no_answer(l, &forward.remote.to_string(), name),
        (None, HealthState::Prohibited) => prohibited(l, &forward.remote.to_string()),
    }
}

fn because(l: Language, forward: &ForwardSettings, reason: &HealthReason) -> String {
    let name = &*forward.id.name;
    match reason {
        HealthReason::GrafanaDatabase => grafana_database(l, name),
        HealthReason::PrometheusNotReady => prometheus_not_ready(l, name),
        HealthReason::HttpStatus(status) => http_status(l, name, *status),
        HealthReason::Protected => protected(l, name),
        HealthReason::RedirectsElsewhere { location } => match forward.health {
            HealthCheck::Grafana => {
                grafana_redirects(l, name, location, &forward.local.authority())
            }
            HealthCheck::Prometheus
            | HealthCheck::Tcp
            | HealthCheck::Http { .. }
            | HealthCheck::None => redirects(l, name, location, &forward.local.authority()),
        },
        HealthReason::NotTheService => not_the_service(l, &forward.remote.to_string(), name),
        HealthReason::NotHttp { detail } => not_http(l, &forward.remote.to_string(), detail),
        HealthReason::Refused { remote } => refused(l, remote, name),
        HealthReason::ConnectFailed { remote, detail } => connect_failed(l, remote, detail),
        HealthReason::NoAnswer { remote } => no_answer(l, remote, name),
        HealthReason::StopsTheServer { remote } => stops_the_server(l, name, remote),
        HealthReason::AdministrativelyProhibited { remote } => prohibited(l, remote),
    }
}

messages! {
    works(name: &str, version: &str) {
        fr: "{name} {version} fonctionne.",
        en: "{name} {version} works.",
    }
    starting(name: &str) {
        fr: "{name} démarre.",
        en: "{name} is starting.",
    }
    failing(name: &str) {
        fr: "{name} répond qu’il ne fonctionne pas.",
        en: "{name} answers that it does not work.",
    }
    grafana_database(name: &str) {
        fr: "{name} répond, mais sa base de données ne fonctionne pas : voyez le journal de son conteneur sur le serveur.",
        en: "{name} answers, but its database does not work: see its container's log on the server.",
    }
    prometheus_not_ready(name: &str) {
        fr: "{name} relit ses données et sera prêt dans un instant.",
        en: "{name} is reading its data back in and will be ready in a moment.",
    }
    http_status(name: &str, status: u16) {
        fr: "{name} répond avec le code HTTP {status}.",
        en: "{name} answers with HTTP status {status}.",
    }
    protected(name: &str) {
        fr: "{name} est là et demande une identification.",
        en: "{name} is there and asks for a log-in.",
    }
    grafana_redirects(name: &str, location: &str, local: &str) {
        fr: "{name} renverrait le navigateur vers {location}, hors du tunnel : sur le serveur, son réglage root_url doit mener à http://{local}/.",
        en: "{name} would send the browser to {location}, outside the tunnel: on the server, its root_url setting must lead to http://{local}/.",
    }
    redirects(name: &str, location: &str, local: &str) {
        fr: "{name} renverrait le navigateur vers {location}, hors du tunnel : sur le serveur, son adresse publique doit mener à http://{local}/.",
        en: "{name} would send the browser to {location}, outside the tunnel: on the server, its public address must lead to http://{local}/.",
    }
    not_the_service(remote: &str, name: &str) {
        fr: "Ce qui répond sur {remote} du serveur n’est pas {name}.",
        en: "What answers on the server's {remote} is not {name}.",
    }
    not_http(remote: &str, detail: &str) {
        fr: "Ce qui répond sur {remote} du serveur n’est pas un service web ({detail}).",
        en: "What answers on the server's {remote} is not a web service ({detail}).",
    }
    refused(remote: &str, name: &str) {
        fr: "Le serveur répond, mais rien n’y écoute sur {remote} : le conteneur {name} est sans doute arrêté.",
        en: "The server answers, but nothing listens on {remote} there: the {name} container is probably stopped.",
    }
    connect_failed(remote: &str, detail: &str) {
        fr: "Le serveur répond, mais n’arrive pas à joindre {remote} ({detail}).",
        en: "The server answers, but cannot reach {remote} ({detail}).",
    }
    no_answer(remote: &str, name: &str) {
        fr: "Le serveur répond, mais {name} ne répond pas sur {remote} : il est peut-être surchargé ou bloqué.",
        en: "The server answers, but {name} does not answer on {remote}: it may be overloaded or stuck.",
    }
    stops_the_server(name: &str, remote: &str) {
        fr: "{name} ne répond pas sur {remote}, et le serveur ne répond plus à rien pendant qu’il s’y connecte : Passerelle refuse les connexions vers {name} et réessaie de temps en temps.",
        en: "{name} does not answer on {remote}, and the server answers nothing else while it connects there: Passerelle refuses connections to {name} and tries again now and then.",
    }
    prohibited(remote: &str) {
        fr: "Le serveur interdit à ce compte l’accès à {remote} : le service informatique peut l’autoriser (sshd, PermitOpen).",
        en: "The server forbids this account to reach {remote}: your IT service can allow it (sshd, PermitOpen).",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ForwardId, Hold, LocalBind, RemoteTarget, TunnelId};

    fn grafana() -> ForwardSettings {
        ForwardSettings {
            id: ForwardId::new(&TunnelId::new("Production"), "Grafana"),
            local: LocalBind::Port(3000),
            remote: RemoteTarget {
                host: "localhost".into(),
                port: 3000,
            },
            health: HealthCheck::Grafana,
            hold: Hold::usual(&HealthCheck::Grafana),
            open: Some("/".into()),
            primary: true,
        }
    }

    #[test]
    fn every_reason_has_a_sentence_in_both_languages() {
        let evil = || "evil\u{1b}\u{202e}\ntext".to_owned();
        for reason in [
            HealthReason::GrafanaDatabase,
            HealthReason::PrometheusNotReady,
            HealthReason::HttpStatus(500),
            HealthReason::Protected,
            HealthReason::RedirectsElsewhere { location: evil() },
            HealthReason::NotTheService,
            HealthReason::NotHttp { detail: evil() },
            HealthReason::Refused { remote: evil() },
            HealthReason::ConnectFailed {
                remote: evil(),
                detail: evil(),
            },
            HealthReason::NoAnswer { remote: evil() },
            HealthReason::StopsTheServer { remote: evil() },
            HealthReason::AdministrativelyProhibited { remote: evil() },
        ] {
            let found = Health::because(HealthState::Failing, reason);
            let [fr, en] = [Language::Fr, Language::En].map(|l| health(l, &grafana(), &found));
            for text in [&fr, &en] {
                assert!(text.ends_with('.'), "{text}");
                assert!(!text.contains(['{', '\u{1b}', '\u{202e}', '\n']), "{text}");
            }
            assert_ne!(fr, en);
        }
    }

    #[test]
    fn a_state_without_a_reason_is_explained_unless_it_is_plain() {
        let plain = |state, version: Option<&str>| {
            let found = Health {
                state,
                reason: None,
                version: version.map(str::to_owned),
            };
            health(Language::En, &grafana(), &found)
        };
        assert_eq!(plain(HealthState::Unknown, None), "");
        assert_eq!(plain(HealthState::Ok, None), "");
        assert_eq!(
            plain(HealthState::Ok, Some("12.1.0")),
            "Grafana 12.1.0 works."
        );
        for state in [
            HealthState::Starting,
            HealthState::Failing,
            HealthState::Unreachable,
            HealthState::Prohibited,
        ] {
            assert!(plain(state, None).ends_with('.'));
        }
    }

    #[test]
    fn a_stopped_container_is_called_that() {
        let refused = Health::because(
            HealthState::Unreachable,
            HealthReason::Refused {
                remote: "localhost:3000".into(),
            },
        );
        assert_eq!(
            health(Language::En, &grafana(), &refused),
            "The server answers, but nothing listens on localhost:3000 there: \
             the Grafana container is probably stopped."
        );
        assert_eq!(
            health(Language::Fr, &grafana(), &refused),
            "Le serveur répond, mais rien n’y écoute sur localhost:3000\u{a0}: \
             le conteneur Grafana est sans doute arrêté."
        );
    }
}
