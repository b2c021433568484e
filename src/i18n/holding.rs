//! The page that a browser gets which has waited for the tunnel in vain.

use super::messages;

messages! {
    title(forward: &str) {
        fr: "{forward} n’est pas joignable pour l’instant",
        en: "{forward} cannot be reached right now",
    }
    state(tunnel: &str, state: &str) {
        fr: "Tunnel « {tunnel} » : {state}.",
        en: "Tunnel \"{tunnel}\": {state}.",
    }
    next_look(time: &str) {
        fr: "Prochaine vérification dans {time}.",
        en: "The next look is in {time}.",
    }
    reloads() {
        fr: "Cette page se recharge d’elle-même ; dès que le tunnel est là, elle mène à destination.",
        en: "This page reloads itself; as soon as the tunnel is there, it leads to where you wanted to go.",
    }
}
