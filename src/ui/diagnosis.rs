//! How the whole way fares, from this computer to each service: what to tell whoever helps. Pure.

use super::status::{Times, state};
use crate::i18n::{self, dialog as words, tray};
use crate::model::{ForwardView, Language, Snapshot, TunnelView};

/// A paragraph for each step of each tunnel's way that is known, in the order of the way.
#[must_use]
pub(super) fn diagnosis(language: Language, snapshot: &Snapshot, times: &Times) -> Vec<String> {
    let tunnels = snapshot.tunnels.iter();
    tunnels
        .flat_map(|view| of_tunnel(language, view, times))
        .collect()
}

fn of_tunnel(l: Language, view: &TunnelView, times: &Times) -> Vec<String> {
    let mut told = vec![tray::about(l, view.id().as_str(), &state(l, view, times))];
    if let Some(fault) = &view.fault {
        told.push(i18n::fault(l, fault).to_string());
    }
    let server = view.settings.server();
    told.push(match view.server.as_ref().zip(view.round_trip) {
        Some((known, round_trip)) => words::session(
            l,
            &server,
            &known.address.to_string(),
            round_trip.as_millis(),
            &known.algorithms,
        ),
        None => words::no_session(l, &server),
    });
    told.extend(view.forwards.iter().map(|forward| {
        let name = &*forward.id().name;
        let remote = &forward.settings.remote.to_string();
        let found = of_forward(l, view, forward);
        words::service(l, name, &forward.settings.local.to_string(), remote, &found)
    }));
    told
}

fn of_forward(l: Language, view: &TunnelView, forward: &ForwardView) -> String {
    if let Some(fault) = &forward.fault {
        return i18n::fault(l, fault).to_string();
    }
    if view.server.is_none() {
        return words::not_asked(l);
    }
    let sentence = i18n::health(l, &forward.settings, &forward.health);
    if sentence.is_empty() {
        let state = i18n::health_of_code(l, forward.health.state.code());
        return words::sentence(l, &state);
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Health, HealthReason, HealthState, Phase, ServerInfo};
    use crate::ui::samples;
    use std::time::Duration;

    #[test]
    fn it_goes_from_the_tunnel_to_each_service() {
        let times = samples::times();
        let mut snapshot = samples::healthy(times.now);
        let tunnel = &mut snapshot.tunnels[0];
        tunnel.round_trip = Some(Duration::from_millis(12));
        tunnel.server = Some(ServerInfo {
            address: ([10, 0, 0, 5], 722).into(),
            round_trip: Duration::from_millis(9),
            algorithms: "curve25519-sha256, ssh-ed25519, aes128-gcm@openssh.com".into(),
        });
        tunnel.forwards[1].health =
            Health::because(HealthState::Failing, HealthReason::GrafanaDatabase);
        let told: Vec<String> = diagnosis(Language::Fr, &snapshot, &times)
            .iter()
            .map(|paragraph| paragraph.replace('\u{a0}', " "))
            .collect();
        assert_eq!(told.len(), 4, "{told:#?}");
        assert_eq!(told[0], "Production : tout fonctionne depuis 14:02");
        assert_eq!(
            told[1],
            "Session avec maintenance@serveurproduction:722, à l’adresse 10.0.0.5:722 : aller-retour en 12 ms, \
             curve25519-sha256, ssh-ed25519, aes128-gcm@openssh.com."
        );
        assert_eq!(
            told[2],
            "Prometheus, localhost:9090 ici, localhost:9090 sur le serveur : fonctionne."
        );
        let grafana = "Grafana, localhost:3000 ici, localhost:3000 sur le serveur : ";
        assert!(told[3].starts_with(grafana), "{}", told[3]);
        assert!(told[3].contains("base de données"), "{}", told[3]);
    }

    #[test]
    fn without_a_session_no_service_is_judged() {
        let snapshot = samples::in_phases([Phase::Offline]);
        let told = diagnosis(Language::En, &snapshot, &samples::times());
        assert_eq!(
            told[1..],
            [
                "No session with maintenance@serveurproduction:722.",
                "Prometheus, localhost:9090 here, localhost:9090 on the server: not asked without a session.",
                "Grafana, localhost:3000 here, localhost:3000 on the server: not asked without a session.",
            ]
        );
    }
}
