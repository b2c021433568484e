//! The words of the demonstration: what the terminal tells, and the stand-ins' page.

use super::messages;

messages! {
    opening(directory: &str) {
        fr: "Démonstration de Passerelle. Tout reste sur cette machine : la boucle locale, et {directory}, supprimé à la fin.",
        en: "Passerelle demonstration. All of it stays on this machine: loopback, and {directory}, deleted at the end.",
    }
    server(address: &str, fingerprint: &str) {
        fr: "1. Un serveur SSH écoute sur {address} ; sa clé est neuve : {fingerprint}.",
        en: "1. An SSH server listens on {address}; its key is new: {fingerprint}.",
    }
    stand_ins() {
        fr: "2. Derrière lui, une doublure de Grafana et une de Prometheus. Elles n’ont pas de port : le tunnel est le seul chemin.",
        en: "2. Behind it, a stand-in for Grafana and one for Prometheus. They have no port: the tunnel is the only way.",
    }
    credentials() {
        fr: "3. Le client connaît la clé de ce serveur et n’en acceptera pas d’autre ; il présente une clé neuve, la seule admise.",
        en: "3. The client knows this server’s key and takes no other; it shows a new key, the only one let in.",
    }
    dialling() {
        fr: "4. Le moteur de « passerelle run » démarre. Voici ce qu’il dit :",
        en: "4. The engine of “passerelle run” starts. This is what it says:",
    }
    session(algorithms: &str, milliseconds: &str) {
        fr: "   Un aller-retour prend {milliseconds} ms ; {algorithms}.",
        en: "   A round trip takes {milliseconds} ms; {algorithms}.",
    }
    page_came(url: &str, bytes: usize, milliseconds: &str) {
        fr: "5. Une page est venue par {url} : {bytes} octets en {milliseconds} ms, identiques à ceux de la doublure.",
        en: "5. A page came through {url}: {bytes} bytes in {milliseconds} ms, the same as the stand-in’s.",
    }
    opened(url: &str) {
        fr: "6. Le navigateur ouvre {url}",
        en: "6. The browser opens {url}",
    }
    open_yourself(url: &str) {
        fr: "6. Ouvrez {url}",
        en: "6. Open {url}",
    }
    browser_failed(detail: &str) {
        fr: "   Le navigateur ne s’ouvre pas ({detail}).",
        en: "   The browser does not open ({detail}).",
    }
    how_to_end() {
        fr: "   Ctrl-C pour finir.",
        en: "   Ctrl-C to end.",
    }
    ended() {
        fr: "Terminé : session raccrochée, dossier supprimé.",
        en: "Done: session hung up, directory deleted.",
    }
}

messages! {
    stage_failed(detail: &str) {
        fr: "La démonstration ne peut pas s’installer : {detail}.",
        en: "The demonstration cannot be set up: {detail}.",
    }
    not_healthy() {
        fr: "La démonstration n’aboutit pas. Les lignes au-dessus disent pourquoi.",
        en: "The demonstration does not come through. The lines above say why.",
    }
    no_page(url: &str, detail: &str) {
        fr: "Aucune page n’est venue par {url} : {detail}.",
        en: "No page came through {url}: {detail}.",
    }
    other_page(url: &str) {
        fr: "La page venue par {url} n’est pas celle de la doublure.",
        en: "The page that came through {url} is not the stand-in’s.",
    }
    engine_ended() {
        fr: "Le moteur s’est arrêté de lui-même.",
        en: "The engine ended by itself.",
    }
    interrupted() {
        fr: "Interrompue avant la fin.",
        en: "Interrupted before its end.",
    }
}

messages! {
    html_language() {
        fr: "fr",
        en: "en",
    }
    page_stand_in() {
        fr: "doublure de démonstration",
        en: "demonstration stand-in",
    }
    page_headline() {
        fr: "Vous avez atteint cette page par le tunnel.",
        en: "You reached this page through the tunnel.",
    }
    page_lead() {
        fr: "Elle n’a pas de port réseau à elle : chaque octet est venu par la session SSH que tient Passerelle.",
        en: "It has no network port of its own: every byte came through the SSH session that Passerelle holds.",
    }
    page_way() {
        fr: "Le chemin de cette page",
        en: "The way of this page",
    }
    page_browser() {
        fr: "Votre navigateur",
        en: "Your browser",
    }
    page_local() {
        fr: "demande à un port de cette machine",
        en: "asks a port of this machine",
    }
    page_client() {
        fr: "y écoute, en boucle locale seulement",
        en: "listens there, on loopback only",
    }
    page_tunnel() {
        fr: "chiffré, clé du serveur vérifiée, accès par clé",
        en: "encrypted, server’s key checked, access by key",
    }
    page_server() {
        fr: "Serveur SSH",
        en: "SSH server",
    }
    page_server_note() {
        fr: "laisse passer une clé, vers deux services",
        en: "lets one key through, to two services",
    }
    page_real_title() {
        fr: "Vrai",
        en: "Real",
    }
    page_real() {
        fr: "le client SSH, la redirection de port, et la sonde qui a demandé des nouvelles du service avant que cette page s’ouvre",
        en: "the SSH client, the port forward, and the probe that asked the service how it was before this page opened",
    }
    page_pretend_title() {
        fr: "Doublures",
        en: "Stand-ins",
    }
    page_pretend() {
        fr: "le serveur et le service derrière lui, dans le programme même que vous avez lancé",
        en: "the server and the service behind it, inside the program that you started",
    }
    page_end_title() {
        fr: "Pour finir",
        en: "To end",
    }
    page_end() {
        fr: "Ctrl-C dans le terminal ; rien ne reste sur le disque",
        en: "Ctrl-C in the terminal; nothing stays on the disk",
    }
}
