//! Errors of the configuration in words: where, what is wrong, what is allowed instead.

use super::{clean, messages};
use crate::config::{Allowed, ConfigError, Counted, Origin, Problem, Section, keys_of};
use crate::model::Language;

/// One line: `file:line:column: key: what is wrong. What is allowed.`
#[must_use]
pub fn config_error(language: Language, error: &ConfigError) -> String {
    let l = language;
    let mut text = error.file.display().to_string();
    if let Some(at) = error.position {
        text += &format!(":{}:{}", at.line, at.column);
    }
    text = clean(&text) + colon(l);
    if !error.key.is_empty() {
        text += &clean(&error.key);
        text += colon(l);
    }
    text += &problem(l, &error.problem);
    if let Some(rule) = &error.allowed {
        text.push(' ');
        text += &allowed(l, rule);
    }
    text
}

/// Who gave a value, for a list of values.
#[must_use]
pub fn origin(language: Language, origin: &Origin) -> String {
    match origin {
        Origin::Default => by_default(language),
        Origin::File { line } => by_file(language, *line),
        Origin::Policy { locked: true } => by_locked_policy(language),
        Origin::Policy { locked: false } => by_preset_policy(language),
    }
}

fn colon(language: Language) -> &'static str {
    match language {
        Language::Fr => "\u{a0}: ",
        Language::En => ": ",
    }
}

fn problem(l: Language, problem: &Problem) -> String {
    match problem {
        Problem::Unreadable { detail } => unreadable(l, detail),
        Problem::NotAFile => not_a_file(l),
        Problem::TooBig { limit } => too_big(l, limit / 1024),
        Problem::Silent => silent(l),
        Problem::NotUtf8 => not_utf8(l),
        Problem::Syntax { detail } => syntax(l, detail),
        Problem::Backslash => backslash(l, r"'C:\Keys\id'"),
        Problem::UnknownKey {
            suggestion,
            belongs_in,
        } => match (belongs_in, suggestion) {
            (Some(section), _) => misplaced_key(l, &section_name(l, *section)),
            (None, Some(key)) => unknown_key_like(l, key),
            (None, None) => unknown_key(l),
        },
        Problem::WrongType { found } => wrong_type(l, &type_name(l, found)),
        Problem::Missing => missing(l),
        Problem::Empty => empty(l),
        Problem::UnknownWord { found, suggestion } => match suggestion {
            Some(word) => unknown_word_like(l, found, word),
            None => unknown_word(l, found),
        },
        Problem::Malformed { found } => malformed(l, found),
        Problem::NotLoopback { address } => not_loopback(l, &address.to_string()),
        Problem::TooMany { what, limit } => match what {
            Counted::Tunnels => too_many_tunnels(l, *limit),
            Counted::Forwards => too_many_forwards(l, *limit),
            Counted::Items | Counted::KeyFiles => too_many_items(l, *limit),
        },
        Problem::Repeated { found } => repeated(l, found),
        Problem::NameTaken { name, by, line } => name_taken(l, name, &place(l, by, *line)),
        Problem::PortTaken { port, by, line } => port_taken(l, *port, &place(l, by, *line)),
        Problem::SecondPrimary { first, line } => second_primary(l, &place(l, first, *line)),
        Problem::PrimaryOpensNothing => primary_opens_nothing(l),
    }
}

/// Says what a key takes: one sentence.
#[must_use]
pub fn allowed(l: Language, allowed: &Allowed) -> String {
    match allowed {
        Allowed::Word(words) => allowed_word(l, &quoted(words)),
        Allowed::Words(words) => allowed_words(l, &quoted(words)),
        Allowed::Flag => allowed_flag(l),
        Allowed::Name => allowed_name(l),
        Allowed::Host => allowed_host(l),
        Allowed::User => allowed_user(l),
        Allowed::Port => allowed_port(l),
        Allowed::ShortTime => allowed_short_time(l),
        Allowed::Files => allowed_files(l),
        Allowed::Fingerprints => allowed_fingerprints(l),
        Allowed::LocalBind => allowed_local_bind(l),
        Allowed::RemoteTarget => allowed_remote_target(l),
        Allowed::HealthCheck(words) => allowed_health_check(l, &quoted(words)),
        Allowed::UrlPath => allowed_url_path(l),
        Allowed::StatusCodes => allowed_status_codes(l),
        Allowed::Tunnels => allowed_tunnels(l),
        Allowed::Forwards => allowed_forwards(l),
        Allowed::Table => allowed_table(l),
        Allowed::Keys(section) => {
            let names: Vec<_> = keys_of(*section).map(|key| key.name).collect();
            allowed_keys(l, &section_name(l, *section), &names.join(", "))
        }
    }
}

/// A table as one writes its header.
fn section_name(l: Language, section: Section) -> String {
    match section {
        Section::Root | Section::Policy => top_of_file(l),
        Section::Tunnel => "[[tunnel]]".to_owned(),
        Section::Forward => "[[tunnel.forward]]".to_owned(),
        Section::Health => "health = { … }".to_owned(),
    }
}

fn place(l: Language, key: &str, line: Option<usize>) -> String {
    match line {
        Some(line) => at_line(l, key, line),
        None => built_in(l, key),
    }
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    words.join(", ")
}

/// TOML's types, as the parser names them.
fn type_name(language: Language, name: &str) -> String {
    let french = match name {
        "string" => "un texte",
        "integer" => "un nombre entier",
        "float" => "un nombre à virgule",
        "boolean" => "un booléen",
        "datetime" => "une date",
        "array" => "une liste",
        "table" => "une table",
        other => other,
    };
    match language {
        Language::Fr => french.to_owned(),
        Language::En => format!("a value of type {name}"),
    }
}

messages! {
    more_errors(count: usize) {
        fr: "Autres erreurs : {count}. Elles s’affichent une fois celles-ci corrigées.",
        en: "More errors: {count}. They are shown once these are corrected.",
    }

    unreadable(detail: &str) {
        fr: "impossible de lire la configuration ({detail}).",
        en: "cannot read the configuration ({detail}).",
    }
    not_a_file() {
        fr: "ce n’est pas un fichier.",
        en: "this is not a file.",
    }
    too_big(limit: u64) {
        fr: "le fichier dépasse {limit} Kio.",
        en: "the file is larger than {limit} KiB.",
    }
    silent() {
        fr: "le fichier ne répond pas : le disque ou le partage réseau où il se trouve est injoignable. Rétablissez-le, ou placez le fichier sur ce poste.",
        en: "the file does not answer: the disk or the network share that it is on cannot be reached. Bring it back, or keep the file on this machine.",
    }
    not_utf8() {
        fr: "le fichier n’est pas en UTF-8. Enregistrez-le avec l’encodage UTF-8.",
        en: "the file is not UTF-8. Save it with the encoding UTF-8.",
    }
    syntax(detail: &str) {
        fr: "ce n’est pas du TOML correct ({detail}).",
        en: "this is not valid TOML ({detail}).",
    }
    backslash(example: &str) {
        fr: "entre guillemets doubles, TOML donne un sens à « \\ ». Écrivez le chemin entre guillemets simples, comme {example}, ou doublez chaque « \\ ».",
        en: "between double quotes, TOML gives \\ a meaning. Write the path between single quotes, like {example}, or double each \\.",
    }
    unknown_key() {
        fr: "cette clé n’existe pas.",
        en: "there is no such key.",
    }
    unknown_key_like(key: &str) {
        fr: "cette clé n’existe pas ; vouliez-vous dire « {key} » ?",
        en: "there is no such key; did you mean \"{key}\"?",
    }
    misplaced_key(table: &str) {
        fr: "cette clé n’existe pas ici ; sa place : {table}.",
        en: "there is no such key here; its place: {table}.",
    }
    wrong_type(found: &str) {
        fr: "{found} ne convient pas ici.",
        en: "{found} does not fit here.",
    }
    missing() {
        fr: "cette clé manque.",
        en: "this key is missing.",
    }
    empty() {
        fr: "la valeur est vide.",
        en: "the value is empty.",
    }
    unknown_word(found: &str) {
        fr: "« {found} » est inconnu.",
        en: "\"{found}\" is unknown.",
    }
    unknown_word_like(found: &str, word: &str) {
        fr: "« {found} » est inconnu ; vouliez-vous dire « {word} » ?",
        en: "\"{found}\" is unknown; did you mean \"{word}\"?",
    }
    malformed(found: &str) {
        fr: "« {found} » ne convient pas.",
        en: "\"{found}\" is not right.",
    }
    not_loopback(address: &str) {
        fr: "{address} est joignable depuis d’autres machines ; Passerelle n’écoute que sur ce poste.",
        en: "{address} can be reached from other machines; Passerelle listens on this one only.",
    }
    too_many_tunnels(limit: usize) {
        fr: "trop de tunnels : Passerelle en accepte {limit} au plus. Retirez les autres.",
        en: "too many tunnels: Passerelle takes {limit} at most. Remove the others.",
    }
    too_many_forwards(limit: usize) {
        fr: "trop de redirections : Passerelle en accepte {limit} au plus, tous tunnels réunis. Retirez les autres.",
        en: "too many forwards: Passerelle takes {limit} at most, those of all tunnels together. Remove the others.",
    }
    too_many_items(limit: usize) {
        fr: "trop de valeurs : cette liste en accepte {limit} au plus. Retirez les autres.",
        en: "too many values: this list takes {limit} at most. Remove the others.",
    }
    repeated(found: &str) {
        fr: "« {found} » figure deux fois dans la liste.",
        en: "\"{found}\" is in the list twice.",
    }
    name_taken(name: &str, place: &str) {
        fr: "le nom « {name} » est déjà pris par {place}.",
        en: "the name \"{name}\" is already taken by {place}.",
    }
    port_taken(port: u16, place: &str) {
        fr: "le port local {port} est déjà pris par {place}.",
        en: "the local port {port} is already taken by {place}.",
    }
    second_primary(place: &str) {
        fr: "une seule redirection d’un tunnel peut être la principale, et c’est déjà {place}.",
        en: "only one forward of a tunnel can be the primary one, and {place} already is.",
    }
    primary_opens_nothing() {
        fr: "la redirection principale est ce qu’un clic ouvre ; il lui faut un chemin « open ».",
        en: "the primary forward is what a click opens; it needs an \"open\" path.",
    }

    allowed_word(words: &str) {
        fr: "Valeurs possibles : {words}.",
        en: "Allowed: {words}.",
    }
    allowed_words(words: &str) {
        fr: "Attendu : une liste de {words}, chacun une fois au plus.",
        en: "Allowed: a list of {words}, each at most once.",
    }
    allowed_flag() {
        fr: "Valeurs possibles : true, false.",
        en: "Allowed: true, false.",
    }
    allowed_name() {
        fr: "Attendu : un nom d’une ligne, de 64 caractères au plus, sans espace au bord.",
        en: "Allowed: a name on one line, of at most 64 characters, with no space around it.",
    }
    allowed_host() {
        fr: "Attendu : un nom de machine ou une adresse IP, sans utilisateur ni port.",
        en: "Allowed: a host name or an IP address, without a user or a port.",
    }
    allowed_user() {
        fr: "Attendu : un nom d’utilisateur de 256 caractères au plus, sans espace au bord.",
        en: "Allowed: a user name of at most 256 characters, with no space around it.",
    }
    allowed_port() {
        fr: "Attendu : un port, de 1 à 65535, sans guillemets.",
        en: "Allowed: a port from 1 to 65535, without quotes.",
    }
    allowed_short_time() {
        fr: "Attendu : une durée entre guillemets, de \"0s\" à \"1m\", comme \"15s\" ou \"500ms\".",
        en: "Allowed: a time between quotes, from \"0s\" to \"1m\", such as \"15s\" or \"500ms\".",
    }
    allowed_files() {
        fr: "Attendu : une liste de fichiers, en chemins absolus ou depuis ~/.",
        en: "Allowed: a list of files, by absolute paths or from ~/.",
    }
    allowed_fingerprints() {
        fr: "Attendu : une liste d’empreintes, « SHA256: » puis 43 caractères, comme « ssh-keygen -lf » les affiche.",
        en: "Allowed: a list of fingerprints, \"SHA256:\" and 43 characters, as \"ssh-keygen -lf\" prints them.",
    }
    allowed_local_bind() {
        fr: "Attendu : un port comme 3000, ou une adresse de bouclage comme \"127.0.0.1:3000\".",
        en: "Allowed: a port such as 3000, or a loopback address such as \"127.0.0.1:3000\".",
    }
    allowed_remote_target() {
        fr: "Attendu : machine:port, vu du serveur, comme \"localhost:3000\".",
        en: "Allowed: host:port, as the server sees it, such as \"localhost:3000\".",
    }
    allowed_health_check(words: &str) {
        fr: "Attendu : {words} ou {{ path = \"/x\", status = [200] }}.",
        en: "Allowed: {words} or {{ path = \"/x\", status = [200] }}.",
    }
    allowed_url_path() {
        fr: "Attendu : un chemin d’URL de 2048 caractères au plus, qui commence par « / », avec %20 pour un espace et ainsi de suite.",
        en: "Allowed: a URL path of at most 2048 characters that begins with \"/\", with %20 for a space and so on.",
    }
    allowed_status_codes() {
        fr: "Attendu : une liste de codes d’état HTTP, de 100 à 599.",
        en: "Allowed: a list of HTTP status codes, from 100 to 599.",
    }
    allowed_tunnels() {
        fr: "Attendu : une table [[tunnel]] par tunnel.",
        en: "Allowed: a table [[tunnel]] for each tunnel.",
    }
    allowed_forwards() {
        fr: "Attendu : une table [[tunnel.forward]] par redirection, ou forward = [].",
        en: "Allowed: a table [[tunnel.forward]] for each forward, or forward = [].",
    }
    allowed_table() {
        fr: "Attendu : une table.",
        en: "Allowed: a table.",
    }
    allowed_keys(table: &str, keys: &str) {
        fr: "Clés possibles ({table}) : {keys}.",
        en: "Allowed keys ({table}): {keys}.",
    }

    by_default() {
        fr: "par défaut",
        en: "default",
    }
    by_file(line: usize) {
        fr: "fichier, ligne {line}",
        en: "file, line {line}",
    }
    by_locked_policy() {
        fr: "imposé par l’administrateur",
        en: "set by the administrator",
    }
    by_preset_policy() {
        fr: "proposé par l’administrateur",
        en: "suggested by the administrator",
    }
    top_of_file() {
        fr: "la partie avant la première table",
        en: "the part before the first table",
    }
    at_line(key: &str, line: usize) {
        fr: "{key} (ligne {line})",
        en: "{key} (line {line})",
    }
    built_in(key: &str) {
        fr: "{key}, d’origine",
        en: "{key}, which is built in",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{KEYS, Position};

    fn error(key: &str, problem: Problem, allowed: Option<Allowed>) -> ConfigError {
        ConfigError {
            file: "config.toml".into(),
            position: Some(Position {
                line: 12,
                column: 8,
            }),
            key: key.to_owned(),
            problem,
            allowed,
        }
    }

    #[test]
    fn an_error_says_where_what_and_what_instead() {
        let unknown = error(
            "tunnel[0].forward[1].locla",
            Problem::UnknownKey {
                suggestion: Some("local"),
                belongs_in: None,
            },
            Some(Allowed::Keys(Section::Forward)),
        );
        assert_eq!(
            config_error(Language::En, &unknown),
            "config.toml:12:8: tunnel[0].forward[1].locla: there is no such key; did you mean \
             \"local\"? Allowed keys ([[tunnel.forward]]): name, local, remote, health, open, primary, hold, holding_page."
        );
        let taken = error(
            "tunnel[0].forward[1].local",
            Problem::PortTaken {
                port: 3000,
                by: "tunnel[0].forward[0]".into(),
                line: Some(7),
            },
            None,
        );
        assert_eq!(
            config_error(Language::Fr, &taken),
            "config.toml:12:8\u{a0}: tunnel[0].forward[1].local\u{a0}: le port local 3000 est déjà \
             pris par tunnel[0].forward[0] (ligne 7)."
        );
    }

    #[test]
    fn a_source_as_a_whole_has_neither_line_nor_key() {
        let error = ConfigError {
            position: None,
            ..error("", Problem::NotAFile, None)
        };
        assert_eq!(
            config_error(Language::En, &error),
            "config.toml: this is not a file."
        );
    }

    #[test]
    fn what_every_key_allows_has_words() {
        for key in KEYS {
            for language in [Language::Fr, Language::En] {
                let words = allowed(language, &key.allowed);
                assert!(
                    words.ends_with('.') && !words.contains("{words}"),
                    "{words}"
                );
            }
        }
        assert_eq!(
            allowed(Language::En, &KEYS[0].allowed),
            "Allowed: \"auto\", \"fr\", \"en\"."
        );
    }
}
