//! Phases and stages, in a word or two.

use super::messages;
use crate::model::{Language, Phase, Stage};

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
}
