//! What the icon, its tooltip and its menu say: short, since it is read in passing.

use super::messages;
use crate::model::{
    Fault, ForwardView, HealthCheck, HealthReason, HealthState, Language, PortOwner, QuestionKind,
};
use chrono::{NaiveDate, NaiveDateTime};

/// The program's name: the same in every language.
pub(crate) fn passerelle() -> &'static str {
    "Passerelle"
}

/// A moment as people tell it on that day: to the minute, with the date if it is another one.
pub(crate) fn moment(language: Language, at: NaiveDateTime, today: NaiveDate) -> String {
    let format = match (at.date() == today, language) {
        (true, _) => "%H:%M",
        (false, Language::Fr) => "%d/%m %H:%M",
        (false, Language::En) => "%b %-d, %H:%M",
    };
    at.format(format).to_string()
}

/// A moment that is near, to the second.
pub(crate) fn near_moment(at: NaiveDateTime) -> String {
    at.format("%H:%M:%S").to_string()
}

/// What is to be done about a question, as an entry of the menu.
pub(crate) fn answer(l: Language, kind: &QuestionKind) -> String {
    match kind {
        QuestionKind::HostKey(key) => confirm_key(l, &key.host),
        QuestionKind::Password { server, .. } => give_password(l, server),
        QuestionKind::Passphrase { key, .. } => {
            let name = key.file_name().unwrap_or(key.as_os_str());
            give_passphrase(l, &name.to_string_lossy())
        }
        QuestionKind::Interactive { .. } => answer_server(l),
    }
}

/// What is wrong with a forward of a session that lives; `None`: nothing, or nothing is known yet.
pub(crate) fn trouble(l: Language, view: &ForwardView) -> Option<String> {
    let name = &*view.settings.id.name;
    if let Some(fault) = &view.fault {
        return Some(local_trouble(l, name, fault, view.settings.local.port()));
    }
    let by_reason = view.health.reason.as_ref().map(|reason| match reason {
        HealthReason::GrafanaDatabase => database_fails(l, name),
        HealthReason::PrometheusNotReady => reads_its_log(l, name),
        HealthReason::HttpStatus(status) => http_status(l, name, *status),
        HealthReason::Protected => fails(l, name),
        HealthReason::RedirectsElsewhere { .. } => match view.settings.health {
            HealthCheck::Grafana => root_url_is_wrong(l, name),
            HealthCheck::Prometheus
            | HealthCheck::Tcp
            | HealthCheck::Http { .. }
            | HealthCheck::None => leads_elsewhere(l, name),
        },
        HealthReason::NotTheService => another_service(l, name),
        HealthReason::NotHttp { .. } => not_web(l, name),
        HealthReason::Refused { .. } => stopped(l, name),
        HealthReason::ConnectFailed { .. }
        | HealthReason::NoAnswer { .. }
        | HealthReason::StopsTheServer { .. } => no_answer(l, name),
        HealthReason::AdministrativelyProhibited { .. } => forbidden(l, name),
    });
    match view.health.state {
        HealthState::Unknown | HealthState::Ok => None,
        HealthState::Starting => by_reason.or_else(|| Some(starts(l, name))),
        HealthState::Failing => by_reason.or_else(|| Some(fails(l, name))),
        HealthState::Unreachable => by_reason.or_else(|| Some(no_answer(l, name))),
        HealthState::Prohibited => by_reason.or_else(|| Some(forbidden(l, name))),
    }
}

fn local_trouble(l: Language, name: &str, fault: &Fault, port: u16) -> String {
    let Fault::PortTaken { owner, .. } = fault else {
        return port_unusable(l, name, port);
    };
    match owner {
        Some(PortOwner {
            process: Some(process),
            ..
        }) => port_taken_by(l, name, port, process),
        Some(PortOwner { process: None, .. }) | None => port_taken(l, name, port),
    }
}

messages! {
    /// A tunnel, and what is true of it.
    about(tunnel: &str, state: &str) {
        fr: "{tunnel} : {state}",
        en: "{tunnel}: {state}",
    }
    well_since(time: &str) {
        fr: "tout fonctionne depuis {time}",
        en: "everything works since {time}",
    }
    partly_since(time: &str) {
        fr: "un service est en panne depuis {time}",
        en: "a service is down since {time}",
    }
    stopped_since(time: &str) {
        fr: "déconnecté depuis {time}",
        en: "disconnected since {time}",
    }
    dialing(stage: &str) {
        fr: "{stage}…",
        en: "{stage}…",
    }
    next_try(time: &str) {
        fr: "nouvelle tentative à {time}",
        en: "next try at {time}",
    }
    offline_next_try(time: &str) {
        fr: "pas de réseau vers le serveur, nouvelle tentative à {time}",
        en: "no network to the server, next try at {time}",
    }

    open(forward: &str) {
        fr: "Ouvrir {forward}",
        en: "Open {forward}",
    }
    connect() {
        fr: "Connecter",
        en: "Connect",
    }
    disconnect() {
        fr: "Déconnecter",
        en: "Disconnect",
    }
    reconnect() {
        fr: "Reconnecter maintenant",
        en: "Reconnect now",
    }
    copy_address() {
        fr: "Copier l’adresse",
        en: "Copy the address",
    }
    open_log() {
        fr: "Ouvrir le journal",
        en: "Open the log",
    }
    edit_configuration() {
        fr: "Modifier la configuration",
        en: "Edit the configuration",
    }
    start_at_logon() {
        fr: "Démarrer à l’ouverture de session",
        en: "Start at log-on",
    }
    diagnosis() {
        fr: "Diagnostic…",
        en: "Diagnosis…",
    }
    about_passerelle() {
        fr: "À propos de Passerelle",
        en: "About Passerelle",
    }
    quit() {
        fr: "Quitter",
        en: "Quit",
    }
    settings_refused() {
        fr: "La configuration a une erreur et n’est pas appliquée…",
        en: "The configuration has an error and is not in force…",
    }

    not_open_yet(forward: &str, reason: &str) {
        fr: "{forward} s’ouvrira dès que possible. {reason}",
        en: "{forward} will open as soon as possible. {reason}",
    }
    needs_you(what: &str) {
        fr: "À voir : {what}",
        en: "Look: {what}",
    }
    settings_have_errors() {
        fr: "La configuration a des erreurs",
        en: "The configuration has errors",
    }
    is_running() {
        fr: "Passerelle fonctionne",
        en: "Passerelle is running",
    }
    look_for_the_icon() {
        fr: "Son icône est dans la barre des tâches ; un clic droit ouvre son menu.",
        en: "Its icon is in the taskbar; a right click opens its menu.",
    }
    autostart_stays(detail: &str) {
        fr: "Le démarrage à l’ouverture de session reste comme il était ({detail}).",
        en: "Start at log-on stays as it was ({detail}).",
    }
    no_editor(file: &str, detail: &str) {
        fr: "Aucun éditeur n’ouvre {file} ({detail}).",
        en: "No editor opens {file} ({detail}).",
    }
    no_icon(detail: &str) {
        fr: "Pas d’icône : le bureau n’en accepte pas ({detail}). Passerelle fonctionne sans elle ; passerelle status dit où elle en est.",
        en: "No icon: the desktop takes none ({detail}). Passerelle runs without it; passerelle status says how it fares.",
    }
    no_display() {
        fr: "Pas d’écran : Passerelle fonctionne sans icône. Dans un terminal, préférez passerelle run.",
        en: "No display: Passerelle runs without its icon. In a terminal, use passerelle run instead.",
    }

    confirm_key(host: &str) {
        fr: "Confirmer la clé du serveur {host}…",
        en: "Confirm the key of the server {host}…",
    }
    give_password(server: &str) {
        fr: "Donner le mot de passe de {server}…",
        en: "Give the password of {server}…",
    }
    give_passphrase(key: &str) {
        fr: "Donner la phrase secrète de la clé {key}…",
        en: "Give the passphrase of the key {key}…",
    }
    answer_server() {
        fr: "Répondre au serveur…",
        en: "Answer the server…",
    }

    database_fails(name: &str) {
        fr: "{name} : base de données en panne",
        en: "{name}: its database is down",
    }
    reads_its_log(name: &str) {
        fr: "{name} relit son journal",
        en: "{name} is replaying its log",
    }
    http_status(name: &str, status: u16) {
        fr: "{name} : répond par une erreur ({status})",
        en: "{name}: answers with an error ({status})",
    }
    root_url_is_wrong(name: &str) {
        fr: "{name} : son adresse root_url mène hors du tunnel",
        en: "{name}: its root_url leads out of the tunnel",
    }
    leads_elsewhere(name: &str) {
        fr: "{name} : mène hors du tunnel",
        en: "{name}: leads out of the tunnel",
    }
    another_service(name: &str) {
        fr: "{name} : un autre service répond à sa place",
        en: "{name}: another service answers in its place",
    }
    not_web(name: &str) {
        fr: "{name} : ce qui répond n’est pas un service web",
        en: "{name}: what answers is no web service",
    }
    stopped(name: &str) {
        fr: "{name} : arrêté sur le serveur",
        en: "{name}: stopped on the server",
    }
    no_answer(name: &str) {
        fr: "{name} : ne répond pas",
        en: "{name}: does not answer",
    }
    forbidden(name: &str) {
        fr: "{name} : interdit par le serveur",
        en: "{name}: forbidden by the server",
    }
    starts(name: &str) {
        fr: "{name} : démarre",
        en: "{name}: is starting",
    }
    fails(name: &str) {
        fr: "{name} : en panne",
        en: "{name}: does not work",
    }
    port_taken_by(name: &str, port: u16, process: &str) {
        fr: "{name} : port {port} occupé par {process}",
        en: "{name}: port {port} is taken by {process}",
    }
    port_taken(name: &str, port: u16) {
        fr: "{name} : port {port} occupé par un autre programme",
        en: "{name}: port {port} is taken by another program",
    }
    port_unusable(name: &str, port: u16) {
        fr: "{name} : port {port} inutilisable",
        en: "{name}: port {port} cannot be used",
    }
}
