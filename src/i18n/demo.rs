//! The words of the demonstration: what the terminal tells, and the stand-ins' page.

use crate::model::Language;

macro_rules! temporary {
    ($($(#[$m:meta])* $name:ident: $en:expr, $fr:expr;)*) => {$(
        #[doc = "Words."]
        pub(crate) fn $name(language: Language) -> &'static str {
            match language { Language::En => $en, Language::Fr => $fr }
        }
    )*};
}

temporary! {
    html_language: "en", "fr";
    page_stand_in: "stand-in of the demonstration", "doublure de la démonstration";
    page_headline: "You reached this page through the tunnel.",
        "Vous avez atteint cette page par le tunnel.";
    page_lead: "It has no network port of its own: every byte of it came through the SSH session that Passerelle holds.",
        "Elle n’a aucun port réseau à elle : chacun de ses octets est venu par la session SSH que Passerelle tient.";
    page_way: "The way that this page took", "Le chemin que cette page a pris";
    page_browser: "Your browser", "Votre navigateur";
    page_local: "a port of this machine, on loopback only", "un port de cette machine, en boucle locale seulement";
    page_client: "the real one", "le vrai";
    page_tunnel: "encrypted, host key checked, key authentication", "chiffré, clé d’hôte vérifiée, authentification par clé";
    page_server: "SSH server", "Serveur SSH";
    page_server_note: "lets one key through, to two services", "laisse passer une clé, vers deux services";
    page_real_title: "Real", "Vrai";
    page_real: "the SSH client, the forward, the health probe that came before this page",
        "le client SSH, la redirection, la sonde de santé qui a précédé cette page";
    page_pretend_title: "Stand-in", "Doublure";
    page_pretend: "the server and the service behind it, both inside the program that you started",
        "le serveur et le service derrière lui, tous deux dans le programme que vous avez lancé";
    page_end_title: "To end", "Pour finir";
    page_end: "Ctrl-C in the terminal; nothing stays on the disk",
        "Ctrl-C dans le terminal ; rien ne reste sur le disque";
}
