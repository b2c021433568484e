//! Every key of the configuration, in one table: what it takes, its default, what it is for.
//!
//! Reading, the list of unknown keys, `config show` and what administrators get to see are all
//! driven by it.

use super::error::{Allowed, Problem};
use super::report::{Report, closest};
use super::shape::{self, Node, Shape};
use super::source::Source;
use crate::model::{AuthMethod, HealthCheck, Language, LocalBind, RemoteTarget};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;
use toml::de::{DeTable, DeValue};

/// A table of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The top of the file.
    Root,
    /// `[[tunnel]]`.
    Tunnel,
    /// `[[tunnel.forward]]`.
    Forward,
    /// The table that `health` may be.
    Health,
    /// The top of a policy.
    Policy,
}

/// What there is to know about a key.
#[derive(Debug)]
pub struct About {
    /// The table that it stands in.
    pub section: Section,
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub allowed: Allowed,
    /// What happens without it.
    pub absent: Absent,
    /// What it is for, in English: one sentence.
    pub en: &'static str,
    /// The same in French.
    pub fr: &'static str,
}

/// What a key that is not there means. Values are in TOML's notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// This value.
    Is(&'static str),
    /// This value in the first tunnel; every other tunnel must say it.
    InFirstTunnel(&'static str),
    /// The tables that are built in.
    BuiltIn,
    /// Nothing: the feature is not used.
    Nothing,
    /// An error.
    Missing,
}

/// All keys, table by table, in the order in which one writes them.
pub static KEYS: &[&About] = &[
    &LANGUAGE.about,
    &START_AT_LOGON.about,
    &NOTIFICATIONS.about,
    &TUNNELS,
    &TUNNEL_NAME.about,
    &HOST.about,
    &PORT.about,
    &USER.about,
    &AUTOSTART.about,
    &AUTH.about,
    &IDENTITY.about,
    &HOST_KEY.about,
    &FORWARDS,
    &FORWARD_NAME.about,
    &LOCAL.about,
    &REMOTE.about,
    &HEALTH.about,
    &OPEN.about,
    &PRIMARY.about,
    &HOLD.about,
    &HOLDING_PAGE.about,
    &HEALTH_PATH.about,
    &HEALTH_STATUS.about,
];

/// The two halves of a policy. Each holds the keys of [`KEYS`], see `config/policy.rs`.
static POLICY_KEYS: &[&About] = &[&LOCKED, &PRESET];

/// A key whose value is a `T`.
pub(super) struct Key<T: 'static> {
    pub(super) about: About,
    pub(super) shape: &'static Shape<T>,
}

pub(super) static LANGUAGE: Key<Option<Language>> = Key::new(
    (Section::Root, "language"),
    &shape::LANGUAGE,
    Absent::Is("\"auto\""),
    "The language of Passerelle; \"auto\" is the system's.",
    "La langue de Passerelle ; « auto » suit le système.",
);

pub(super) static START_AT_LOGON: Key<bool> = Key::new(
    (Section::Root, "start_at_logon"),
    &shape::FLAG,
    Absent::Is("true"),
    "Whether to start when the user logs on, where Passerelle is installed to do so.",
    "Démarrer à l’ouverture de session, là où Passerelle est installé pour cela.",
);

pub(super) static NOTIFICATIONS: Key<bool> = Key::new(
    (Section::Root, "notifications"),
    &shape::FLAG,
    Absent::Is("true"),
    "Whether to tell unasked that a connection is lost, or back, or waits for the user.",
    "Annoncer de soi-même qu’une connexion est perdue, rétablie, ou attend l’utilisateur.",
);

pub(super) static TUNNELS: About = About {
    section: Section::Root,
    name: "tunnel",
    allowed: Allowed::Tunnels,
    absent: Absent::BuiltIn,
    en: "The tunnels; without any, the one to the production server.",
    fr: "Les tunnels ; sans aucun, celui du serveur de production.",
};

pub(super) static TUNNEL_NAME: Key<String> = Key::new(
    (Section::Tunnel, "name"),
    &shape::NAME,
    Absent::InFirstTunnel("\"Production\""),
    "What the tunnel is called. A tunnel that keeps its name keeps its connection on a reload.",
    "Le nom du tunnel. Un tunnel qui garde son nom garde sa connexion au rechargement.",
);

pub(super) static HOST: Key<String> = Key::new(
    (Section::Tunnel, "host"),
    &shape::HOST,
    Absent::InFirstTunnel("\"serveurproduction\""),
    "The SSH server's name or address.",
    "Le nom ou l’adresse du serveur SSH.",
);

pub(super) static PORT: Key<u16> = Key::new(
    (Section::Tunnel, "port"),
    &shape::PORT,
    Absent::Is("722"),
    "The SSH server's port.",
    "Le port du serveur SSH.",
);

pub(super) static USER: Key<String> = Key::new(
    (Section::Tunnel, "user"),
    &shape::USER,
    Absent::Is("\"maintenance\""),
    "The account on the server.",
    "Le compte sur le serveur.",
);

pub(super) static AUTOSTART: Key<bool> = Key::new(
    (Section::Tunnel, "autostart"),
    &shape::FLAG,
    Absent::Is("true"),
    "Whether to bring the tunnel up when Passerelle starts.",
    "Ouvrir le tunnel au démarrage de Passerelle.",
);

pub(super) static AUTH: Key<Vec<AuthMethod>> = Key::new(
    (Section::Tunnel, "auth"),
    &shape::AUTH,
    Absent::Is("[\"agent\", \"key\", \"password\"]"),
    "The credentials to try, in this order; \"password\" includes keyboard-interactive.",
    "Les moyens d’authentification, dans cet ordre ; « password » comprend keyboard-interactive.",
);

pub(super) static IDENTITY: Key<Vec<PathBuf>> = Key::new(
    (Section::Tunnel, "identity"),
    &shape::FILES,
    Absent::Is("[\"~/.ssh/id_ed25519\", \"~/.ssh/id_ecdsa\", \"~/.ssh/id_rsa\"]"),
    "The private key files to try, in this order; one that does not exist is passed over.",
    "Les fichiers de clé privée à essayer, dans cet ordre ; un fichier absent est ignoré.",
);

pub(super) static HOST_KEY: Key<Vec<String>> = Key::new(
    (Section::Tunnel, "host_key"),
    &shape::FINGERPRINTS,
    Absent::Is("[]"),
    "The fingerprints of the server's keys; when there is one, no other key is accepted.",
    "Les empreintes des clés du serveur ; dès qu’il y en a une, aucune autre clé n’est acceptée.",
);

pub(super) static FORWARDS: About = About {
    section: Section::Tunnel,
    name: "forward",
    allowed: Allowed::Forwards,
    absent: Absent::BuiltIn,
    en: "The forwards; without any, the first tunnel has Grafana and Prometheus.",
    fr: "Les redirections ; sans aucune, le premier tunnel a Grafana et Prometheus.",
};

pub(super) static FORWARD_NAME: Key<String> = Key::new(
    (Section::Forward, "name"),
    &shape::NAME,
    Absent::Missing,
    "What the forward is called.",
    "Le nom de la redirection.",
);

pub(super) static LOCAL: Key<LocalBind> = Key::new(
    (Section::Forward, "local"),
    &shape::LOCAL_BIND,
    Absent::Missing,
    "Where to listen on this machine: a port, on 127.0.0.1 and ::1, or one loopback address.",
    "Où écouter sur ce poste : un port, sur 127.0.0.1 et ::1, ou une seule adresse de bouclage.",
);

pub(super) static REMOTE: Key<RemoteTarget> = Key::new(
    (Section::Forward, "remote"),
    &shape::REMOTE_TARGET,
    Absent::Missing,
    "Where the server connects to; \"localhost\" is the server itself.",
    "Où le serveur se connecte ; « localhost » est le serveur lui-même.",
);

pub(super) static HEALTH: Key<HealthCheck> = Key::new(
    (Section::Forward, "health"),
    &shape::HEALTH_CHECK,
    Absent::Is("\"tcp\""),
    "How to tell whether the service works.",
    "Comment savoir si le service fonctionne.",
);

pub(super) static OPEN: Key<String> = Key::new(
    (Section::Forward, "open"),
    &shape::URL_PATH,
    Absent::Nothing,
    "The path to open in the browser; without it there is nothing to open.",
    "Le chemin à ouvrir dans le navigateur ; sans lui, il n’y a rien à ouvrir.",
);

pub(super) static PRIMARY: Key<bool> = Key::new(
    (Section::Forward, "primary"),
    &shape::FLAG,
    Absent::Nothing,
    "What a click opens; when no forward says so, the first one with `open` is it.",
    "Ce qu’un clic ouvre ; si rien ne l’indique, la première redirection avec `open`.",
);

pub(super) static HOLD: Key<Duration> = Key::new(
    (Section::Forward, "hold"),
    &shape::SHORT_TIME,
    Absent::Is("\"15s\""),
    "How long a connection that comes in during an outage waits for the tunnel; \"0s\": not at all.",
    "Combien de temps une connexion arrivée pendant une coupure attend le tunnel ; « 0s » : pas du tout.",
);

pub(super) static HOLDING_PAGE: Key<bool> = Key::new(
    (Section::Forward, "holding_page"),
    &shape::FLAG,
    Absent::Nothing,
    "Whether a browser that has waited gets a page that says so; if nothing is said, where `health` asks by HTTP.",
    "Afficher une page d’attente au navigateur qui a attendu ; si rien ne l’indique, là où `health` passe par HTTP.",
);

pub(super) static HEALTH_PATH: Key<String> = Key::new(
    (Section::Health, "path"),
    &shape::URL_PATH,
    Absent::Missing,
    "The path to ask for.",
    "Le chemin à demander.",
);

pub(super) static HEALTH_STATUS: Key<Vec<u16>> = Key::new(
    (Section::Health, "status"),
    &shape::STATUS_CODES,
    Absent::Is("[200]"),
    "The status codes of a working service.",
    "Les codes d’état d’un service qui fonctionne.",
);

pub(super) static LOCKED: About = About {
    section: Section::Policy,
    name: "locked",
    allowed: Allowed::Table,
    absent: Absent::Nothing,
    en: "What the user's file cannot change.",
    fr: "Ce que le fichier de l’utilisateur ne peut pas changer.",
};

pub(super) static PRESET: About = About {
    section: Section::Policy,
    name: "preset",
    allowed: Allowed::Table,
    absent: Absent::Nothing,
    en: "What the user's file may change.",
    fr: "Ce que le fichier de l’utilisateur peut changer.",
};

impl<T> Key<T> {
    const fn new(
        (section, name): (Section, &'static str),
        shape: &'static Shape<T>,
        absent: Absent,
        en: &'static str,
        fr: &'static str,
    ) -> Self {
        Self {
            about: About {
                section,
                name,
                allowed: shape.allowed,
                absent,
                en,
                fr,
            },
            shape,
        }
    }

    /// Reads a node that is this key's value.
    pub(super) fn read(&self, node: &Node<'_>, table: &mut Report<'_>) -> Option<T> {
        (self.shape.read)(node, &mut self.report(table))
    }

    /// Reads the key in the one table that can hold it: the value, or its default. `header` is
    /// where to point when it must be there and is not.
    pub(super) fn read_in(
        &self,
        table: &DeTable<'_>,
        header: Range<usize>,
        report: &mut Report<'_>,
    ) -> Option<T> {
        match table.get(self.about.name) {
            Some(node) => self.read(node, report),
            None => self.default().or_else(|| {
                self.report(report).add(header, Problem::Missing);
                None
            }),
        }
    }

    /// The value that the key's absence means, whichever table it is absent from.
    pub(super) fn default(&self) -> Option<T> {
        match self.about.absent {
            Absent::Is(notation) => self.parse(notation),
            Absent::InFirstTunnel(_) | Absent::BuiltIn | Absent::Nothing | Absent::Missing => None,
        }
    }

    fn parse(&self, notation: &'static str) -> Option<T> {
        let source = Source::built_in();
        let node = DeValue::parse(notation).ok()?;
        self.read(&node, &mut Report::on(&source, &mut Vec::new()))
    }

    fn report<'r>(&self, table: &'r mut Report<'_>) -> Report<'r> {
        table.inside(
            dotted(&table.key, self.about.name),
            Some(self.about.allowed),
        )
    }
}

/// The name of a key within a table.
pub(super) fn dotted(table: &str, name: &str) -> String {
    if table.is_empty() {
        name.to_owned()
    } else {
        format!("{table}.{name}")
    }
}

/// The keys of a table.
pub fn keys_of(section: Section) -> impl Iterator<Item = &'static About> {
    let all = match section {
        Section::Policy => POLICY_KEYS,
        Section::Root | Section::Tunnel | Section::Forward | Section::Health => KEYS,
    };
    all.iter()
        .copied()
        .filter(move |key| key.section == section)
}

/// Reports every key of the table that its section does not have.
pub(super) fn report_unknown(table: &DeTable<'_>, section: Section, report: &mut Report<'_>) {
    for written in table.keys() {
        let name = written.get_ref().as_ref();
        let mut names = keys_of(section).map(|key| key.name);
        if names.any(|known| known == name) {
            continue;
        }
        let elsewhere = KEYS.iter().find(|key| key.name == name);
        let problem = Problem::UnknownKey {
            suggestion: closest(name, keys_of(section).map(|key| key.name)),
            belongs_in: elsewhere.map(|key| key.section),
        };
        report
            .inside(dotted(&report.key, name), Some(Allowed::Keys(section)))
            .add(written.span(), problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::mission;

    #[test]
    fn defaults_are_readable_and_the_missions() {
        let tunnel = mission::tunnel();
        assert_eq!(LANGUAGE.default(), Some(None));
        assert_eq!(NOTIFICATIONS.default(), Some(true));
        assert_eq!(PORT.default(), Some(tunnel.port));
        assert_eq!(USER.default(), Some(tunnel.user));
        assert_eq!(AUTOSTART.default(), Some(tunnel.autostart));
        assert_eq!(AUTH.default(), Some(tunnel.auth));
        assert_eq!(IDENTITY.default(), Some(tunnel.identity));
        assert_eq!(HOST_KEY.default(), Some(tunnel.host_key));
        assert_eq!(HEALTH.default(), Some(HealthCheck::Tcp));
        assert_eq!(HEALTH_STATUS.default(), Some(vec![200]));
        let hold = tunnel.forwards[0].hold;
        assert_eq!(HOLD.default(), Some(hold.time));

        let in_first = |key: &Key<String>| match key.about.absent {
            Absent::InFirstTunnel(notation) => key.parse(notation),
            Absent::Is(_) | Absent::BuiltIn | Absent::Nothing | Absent::Missing => None,
        };
        assert_eq!(in_first(&HOST), Some(tunnel.host));
        assert_eq!(in_first(&TUNNEL_NAME).as_deref(), Some(tunnel.id.as_str()));
    }

    #[test]
    fn no_key_stands_twice() {
        for (i, key) in KEYS.iter().enumerate() {
            let same = |other: &&&About| (other.section, other.name) == (key.section, key.name);
            assert_eq!(KEYS[i + 1..].iter().find(same).map(|key| key.name), None);
        }
    }
}
