//! What notifications say.

use super::messages;

messages! {
    lost(tunnel: &str) {
        fr: "{tunnel} : connexion perdue",
        en: "{tunnel}: connection lost",
    }
    tries_on() {
        fr: "Passerelle essaie de la rétablir.",
        en: "Passerelle tries to restore it.",
    }
    back(tunnel: &str) {
        fr: "{tunnel} : connexion rétablie",
        en: "{tunnel}: connection restored",
    }
    needs_you(tunnel: &str) {
        fr: "{tunnel} vous attend",
        en: "{tunnel} waits for you",
    }
    not_yet() {
        fr: "Passerelle y travaille encore",
        en: "Passerelle is still at it",
    }
    not_done() {
        fr: "Passerelle n’a pas pu le faire",
        en: "Passerelle could not do it",
    }
}
