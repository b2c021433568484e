//! Phases and stages, in a word or two.

use super::{clean, messages};
use crate::model::{HealthState, Language, Phase, Stage};

/// The phase of a tunnel in a word or two.
#[must_use]
pub fn phase(language: Language, phase: Phase) -> String {
    match phase {
        Phase::Stopped => stopped(language),
        Phase::Connecting => connecting(language),
        Phase::Healthy => healthy(language),
        Phase::Degraded => degraded(language),
        Phase::Waiting => waiting(language),
        Phase::Offline => offline(language),
        Phase::Blocked => blocked(language),
        Phase::Stopping => stopping(language),
    }
}

/// The phase that a report calls `code`, in a word or two.
#[must_use]
pub fn phase_of_code(language: Language, code: &str) -> String {
    let known = Phase::ALL.into_iter().find(|phase| phase.code() == code);
    known.map_or_else(|| clean(code), |known| phase(language, known))
}

/// The health that a report calls `code`, in a word or two.
#[must_use]
pub fn health_of_code(language: Language, code: &str) -> String {
    let known = HealthState::ALL
        .into_iter()
        .find(|state| state.code() == code);
    match known {
        Some(HealthState::Unknown) => not_asked_yet(language),
        Some(HealthState::Ok) => works(language),
        Some(HealthState::Starting) => starts(language),
        Some(HealthState::Failing) => fails(language),
        Some(HealthState::Unreachable) => unreachable(language),
        Some(HealthState::Prohibited) => prohibited(language),
        None if code == "not_listening" => not_listening(language),
        None => clean(code),
    }
}

/// The step that a dial has reached, in a few words.
#[must_use]
pub fn stage(language: Language, stage: Stage) -> String {
    match stage {
        Stage::Resolving => resolving(language),
        Stage::Connecting => reaching(language),
        Stage::Handshake => handshake(language),
        Stage::Authenticating => authenticating(language),
        Stage::Checking => checking(language),
    }
}

messages! {
    stopped() {
        fr: "arrêté",
        en: "stopped",
    }
    connecting() {
        fr: "connexion en cours",
        en: "connecting",
    }
    healthy() {
        fr: "tout fonctionne",
        en: "everything works",
    }
    degraded() {
        fr: "connecté, mais un service ne répond pas comme il faut",
        en: "connected, but a service does not answer as it should",
    }
    waiting() {
        fr: "nouvel essai bientôt",
        en: "will try again soon",
    }
    offline() {
        fr: "pas de réseau vers le serveur",
        en: "no network to the server",
    }
    blocked() {
        fr: "vous attend",
        en: "waits for you",
    }
    stopping() {
        fr: "arrêt en cours",
        en: "stopping",
    }
    resolving() {
        fr: "recherche du serveur",
        en: "looking the server up",
    }
    reaching() {
        fr: "ouverture de la connexion",
        en: "opening the connection",
    }
    handshake() {
        fr: "mise en place du chiffrement",
        en: "setting up encryption",
    }
    authenticating() {
        fr: "identification",
        en: "logging in",
    }
    checking() {
        fr: "vérification des services",
        en: "checking the services",
    }
    not_asked_yet() {
        fr: "pas encore vérifié",
        en: "not asked yet",
    }
    works() {
        fr: "fonctionne",
        en: "works",
    }
    starts() {
        fr: "démarre",
        en: "is starting",
    }
    fails() {
        fr: "ne fonctionne pas",
        en: "does not work",
    }
    unreachable() {
        fr: "ne répond pas",
        en: "does not answer",
    }
    prohibited() {
        fr: "interdit par le serveur",
        en: "forbidden by the server",
    }
    not_listening() {
        fr: "port local fermé",
        en: "local port closed",
    }
}
