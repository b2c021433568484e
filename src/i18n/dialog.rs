//! What the dialogs say: questions in full, and boxes of a sentence.

use super::messages;

messages! {
    window_title(tunnel: &str) {
        fr: "Passerelle : {tunnel}",
        en: "Passerelle: {tunnel}",
    }
    trust_title() {
        fr: "Faire confiance à ce serveur ?",
        en: "Trust this server?",
    }
    trust_why() {
        fr: "Passerelle ne connaît pas encore ce serveur. Avant d’y entrer, comparez l’empreinte de sa clé à celle que donne son administrateur. Si elles diffèrent, quelqu’un se fait passer pour lui.",
        en: "Passerelle does not know this server yet. Before you enter, compare its key’s fingerprint with the one that its administrator gives you. If they differ, someone pretends to be this server.",
    }
    server() {
        fr: "Serveur",
        en: "Server",
    }
    fingerprint(algorithm: &str) {
        fr: "Empreinte de sa clé {algorithm}",
        en: "Fingerprint of its {algorithm} key",
    }
    where_to_compare() {
        fr: "Où la trouver, sur le serveur lui-même",
        en: "Where to find it, on the server itself",
    }
    compared() {
        fr: "J’ai comparé les deux empreintes : elles sont identiques.",
        en: "I have compared both fingerprints: they are the same.",
    }
    trust() {
        fr: "Faire confiance",
        en: "Trust",
    }
    do_not_trust() {
        fr: "Ne pas faire confiance",
        en: "Do not trust",
    }
    password_title() {
        fr: "Mot de passe",
        en: "Password",
    }
    password_of(user: &str, server: &str) {
        fr: "Pour le compte {user} sur {server}",
        en: "For the account {user} on {server}",
    }
    password_refused() {
        fr: "Le serveur a refusé ce mot de passe.",
        en: "The server refused that password.",
    }
    log_in() {
        fr: "Se connecter",
        en: "Log in",
    }
    passphrase_title() {
        fr: "Phrase secrète",
        en: "Passphrase",
    }
    passphrase_of() {
        fr: "Cette clé est protégée. Sa phrase secrète l’ouvre, et ne quitte pas ce poste.",
        en: "This key is protected. Its passphrase opens it, and does not leave this machine.",
    }
    key_file() {
        fr: "Fichier de clé",
        en: "Key file",
    }
    passphrase_refused() {
        fr: "Cette phrase n’ouvre pas la clé.",
        en: "That passphrase does not open the key.",
    }
    unlock() {
        fr: "Déverrouiller",
        en: "Unlock",
    }
    show_typing() {
        fr: "Afficher ce qui est tapé",
        en: "Show what is typed",
    }
    remember_in_credential_manager() {
        fr: "Mémoriser dans le Gestionnaire d’identification de Windows",
        en: "Remember in the Windows Credential Manager",
    }
    remember_in_keyring() {
        fr: "Mémoriser dans le trousseau de clés",
        en: "Remember in the keyring",
    }
    server_asks_title() {
        fr: "Le serveur pose une question",
        en: "The server asks a question",
    }
    server_says(server: &str) {
        fr: "{server} écrit :",
        en: "{server} writes:",
    }
    answer() {
        fr: "Répondre",
        en: "Answer",
    }
    answer_until(time: &str) {
        fr: "Le serveur attend la réponse jusqu’à {time}.",
        en: "The server waits for the answer until {time}.",
    }
    cancel() {
        fr: "Annuler",
        en: "Cancel",
    }
    close() {
        fr: "Fermer",
        en: "Close",
    }
    nth_of(number: usize, count: usize) {
        fr: "Question {number} sur {count}",
        en: "Question {number} of {count}",
    }
    about_title() {
        fr: "À propos de Passerelle",
        en: "About Passerelle",
    }
    about(version: &str) {
        fr: "Passerelle {version} garde un tunnel SSH ouvert vers le serveur de production, et ouvre Grafana quand tout le chemin fonctionne.",
        en: "Passerelle {version} keeps an SSH tunnel to the production server open, and opens Grafana when the whole way works.",
    }
    licence() {
        fr: "Logiciel libre, sous licence MIT ou Apache 2.0, au choix.",
        en: "Free software, under the MIT or the Apache 2.0 licence, as you like.",
    }
    log_file() {
        fr: "Journal",
        en: "Log",
    }

    diagnosis_title() {
        fr: "Diagnostic",
        en: "Diagnosis",
    }
    session(server: &str, address: &str, milliseconds: u128, algorithms: &str) {
        fr: "Session avec {server}, à l’adresse {address} : aller-retour en {milliseconds} ms, {algorithms}.",
        en: "Session with {server}, at the address {address}: round trip in {milliseconds} ms, {algorithms}.",
    }
    no_session(server: &str) {
        fr: "Pas de session avec {server}.",
        en: "No session with {server}.",
    }
    service(name: &str, local: &str, remote: &str, found: &str) {
        fr: "{name}, {local} ici, {remote} sur le serveur : {found}",
        en: "{name}, {local} here, {remote} on the server: {found}",
    }
    not_asked() {
        fr: "pas interrogé sans session.",
        en: "not asked without a session.",
    }
    sentence(words: &str) {
        fr: "{words}.",
        en: "{words}.",
    }
}
