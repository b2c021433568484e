//! Questions in words, one line each.

use super::fault::place;
use super::messages;
use crate::model::{Language, QuestionKind};

/// The question in words. The fields of an interactive one are asked after it.
#[must_use]
pub fn question(language: Language, kind: &QuestionKind) -> String {
    let l = language;
    match kind {
        QuestionKind::HostKey(key) => {
            is_this_the_server(l, &place(key), &key.fingerprint, &key.algorithm)
        }
        QuestionKind::Password {
            user,
            server,
            rejected: false,
        } => password(l, user, server),
        QuestionKind::Password {
            user,
            server,
            rejected: true,
        } => password_again(l, user, server),
        QuestionKind::Passphrase {
            key,
            rejected: false,
        } => passphrase(l, &key.display().to_string()),
        QuestionKind::Passphrase {
            key,
            rejected: true,
        } => passphrase_again(l, &key.display().to_string()),
        QuestionKind::Interactive {
            name, instruction, ..
        } => {
            let said = format!("{name} {instruction}");
            if said.trim().is_empty() {
                server_asks(l)
            } else {
                server_asks_saying(l, &said)
            }
        }
    }
}

messages! {
    is_this_the_server(place: &str, fingerprint: &str, algorithm: &str) {
        fr: "Est-ce bien le serveur {place} ? Il présente l’empreinte {fingerprint} ({algorithm}).",
        en: "Is this the server {place}? It shows the fingerprint {fingerprint} ({algorithm}).",
    }
    password(user: &str, server: &str) {
        fr: "Mot de passe du compte {user} sur {server} ?",
        en: "Password of the account {user} on {server}?",
    }
    password_again(user: &str, server: &str) {
        fr: "Ce mot de passe a été refusé. Mot de passe du compte {user} sur {server} ?",
        en: "That password was refused. Password of the account {user} on {server}?",
    }
    passphrase(key: &str) {
        fr: "Phrase secrète du fichier de clé {key} ?",
        en: "Passphrase of the key file {key}?",
    }
    passphrase_again(key: &str) {
        fr: "Cette phrase n’ouvre pas la clé. Phrase secrète du fichier de clé {key} ?",
        en: "That passphrase does not open the key. Passphrase of the key file {key}?",
    }
    server_asks() {
        fr: "Le serveur pose une question.",
        en: "The server asks a question.",
    }
    server_asks_saying(said: &str) {
        fr: "Le serveur demande : {said}",
        en: "The server asks: {said}",
    }
}
