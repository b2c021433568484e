//! What `passerelle run` tells while it runs, and asks on the terminal.

use super::messages;

messages! {
    connecting(tunnel: &str, server: &str) {
        fr: "{tunnel} : connexion à {server}…",
        en: "{tunnel}: connecting to {server}…",
    }
    all_works(tunnel: &str, addresses: &str) {
        fr: "{tunnel} : tout fonctionne. {addresses}",
        en: "{tunnel}: everything works. {addresses}",
    }
    in_state(tunnel: &str, state: &str) {
        fr: "{tunnel} : {state}.",
        en: "{tunnel}: {state}.",
    }
    tries_again_in(tunnel: &str, seconds: u64) {
        fr: "{tunnel} : nouvel essai dans {seconds} s.",
        en: "{tunnel}: will try again in {seconds} s.",
    }
    forward_works(tunnel: &str, forward: &str) {
        fr: "{tunnel}, {forward} : fonctionne.",
        en: "{tunnel}, {forward}: works.",
    }
    /// What the sentence after it is about.
    about(tunnel: &str, forward: &str) {
        fr: "{tunnel}, {forward} :",
        en: "{tunnel}, {forward}:",
    }
    settings_refused() {
        fr: "La configuration sur le disque est refusée ; la précédente reste en vigueur.",
        en: "The configuration on disk is refused; the one before stays in force.",
    }
    settings_taken_over() {
        fr: "La configuration est de nouveau bonne, et en vigueur.",
        en: "The configuration is good again, and in force.",
    }
    quitting() {
        fr: "Fermeture…",
        en: "Closing…",
    }

    trust_it() {
        fr: "Pour faire confiance à ce serveur, tapez oui ou collez l’empreinte attendue : ",
        en: "To trust this server, type yes or paste the fingerprint that you expect: ",
    }
    settled_elsewhere() {
        fr: "Cette question n’attend plus de réponse.",
        en: "This question needs no answer any more.",
    }
    keep_it() {
        fr: "La garder dans le trousseau du système ? [o/N] ",
        en: "Keep it in the system's keyring? [y/N] ",
    }
}
