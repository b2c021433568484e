//! The sentences of faults, and of what to do about them.

use crate::i18n::messages;

messages! {
    keys_of_the_agent() {
        fr: "clés de l’agent SSH",
        en: "keys of the SSH agent",
    }
    key_files() {
        fr: "fichiers de clé",
        en: "key files",
    }
    password() {
        fr: "mot de passe",
        en: "password",
    }

    name_not_resolved(host: &str, detail: &str) {
        fr: "Le nom « {host} » est introuvable sur ce réseau ({detail}).",
        en: "The name \"{host}\" cannot be found on this network ({detail}).",
    }
    check_network_or_name() {
        fr: "Vérifiez que vous êtes sur le réseau de l’entreprise ou que le VPN est connecté, puis le nom du serveur dans la configuration. Passerelle réessaie dès que le réseau change.",
        en: "Check that you are on the company's network or that the VPN is connected, then the server's name in the configuration. Passerelle tries again as soon as the network changes.",
    }
    no_route(server: &str, detail: &str) {
        fr: "Aucun chemin réseau ne mène au serveur {server} ({detail}).",
        en: "No network leads to the server {server} ({detail}).",
    }
    check_network() {
        fr: "Vérifiez que ce poste est connecté au réseau ou que le VPN est actif. Passerelle réessaie dès que le réseau revient.",
        en: "Check that this computer is connected to the network or that the VPN is up. Passerelle tries again as soon as the network is back.",
    }
    connection_refused(server: &str) {
        fr: "La machine {server} répond, mais aucun service SSH n’écoute sur ce port.",
        en: "The machine {server} answers, but no SSH service listens on that port.",
    }
    check_ssh_service() {
        fr: "Le service SSH du serveur est peut-être arrêté ou en cours de redémarrage, ou le port de la configuration est faux. Passerelle réessaie tout seul ; si cela dure, prévenez le service informatique.",
        en: "The server's SSH service may be stopped or restarting, or the port in the configuration is wrong. Passerelle tries again by itself; if it lasts, tell your IT service.",
    }
    connect_timeout(server: &str) {
        fr: "Le serveur {server} ne répond pas.",
        en: "The server {server} does not answer.",
    }
    check_way() {
        fr: "Le serveur est peut-être éteint, ou un pare-feu ou un VPN coupe le chemin. Passerelle réessaie tout seul ; si cela dure, prévenez le service informatique.",
        en: "The server may be off, or a firewall or VPN cuts the way. Passerelle tries again by itself; if it lasts, tell your IT service.",
    }
    connect_failed(server: &str, detail: &str) {
        fr: "La connexion au serveur {server} a échoué ({detail}).",
        en: "The connection to the server {server} failed ({detail}).",
    }
    server_busy(server: &str, detail: &str) {
        fr: "Le serveur {server} refuse de nouvelles connexions pour l’instant ({detail}).",
        en: "The server {server} takes no new connection right now ({detail}).",
    }
    wait_a_little() {
        fr: "Trop de connexions arrivent sur le serveur en même temps, ou il a bloqué ce poste un moment. Passerelle attend puis réessaie ; inutile d’insister.",
        en: "Too many connections reach the server at once, or it has blocked this computer for a while. Passerelle waits and then tries again; insisting does not help.",
    }
    not_ssh(server: &str, detail: &str) {
        fr: "Ce qui répond à {server} n’est pas un service SSH ({detail}).",
        en: "What answers at {server} is not an SSH service ({detail}).",
    }
    check_port() {
        fr: "Vérifiez le port dans la configuration. Sur un réseau d’hôtel ou d’invité, un portail de connexion peut répondre à la place du serveur.",
        en: "Check the port in the configuration. On a hotel's or guest network, a log-in portal may answer in the server's place.",
    }
    handshake_timeout(server: &str) {
        fr: "Le serveur {server} a accepté la connexion, puis n’a plus rien dit.",
        en: "The server {server} took the connection, then said nothing more.",
    }
    handshake_failed(server: &str, detail: &str) {
        fr: "La mise en place du chiffrement avec le serveur {server} a échoué ({detail}).",
        en: "Setting up encryption with the server {server} failed ({detail}).",
    }
    tries_again() {
        fr: "Passerelle réessaie tout seul ; si cela se répète, prévenez le service informatique.",
        en: "Passerelle tries again by itself; if it keeps happening, tell your IT service.",
    }
    no_common_algorithm(server: &str, detail: &str) {
        fr: "Passerelle et le serveur {server} n’ont aucun chiffrement sûr en commun ({detail}).",
        en: "Passerelle and the server {server} have no safe encryption in common ({detail}).",
    }
    server_too_old() {
        fr: "Le serveur n’accepte que des procédés périmés ou très particuliers. Demandez au service informatique de mettre son service SSH à jour, puis : passerelle up.",
        en: "The server accepts only outdated or very unusual methods. Ask your IT service to update its SSH service, then: passerelle up.",
    }

    host_key_unknown(place: &str, fingerprint: &str, algorithm: &str) {
        fr: "Premier contact avec le serveur {place} : personne n’a encore confirmé que c’est bien lui. Il présente l’empreinte {fingerprint} ({algorithm}).",
        en: "First contact with the server {place}: nobody has confirmed yet that it is the right one. It shows the fingerprint {fingerprint} ({algorithm}).",
    }
    compare_then_accept() {
        fr: "Comparez cette empreinte avec celle que donne le service informatique. Si elles sont identiques : passerelle hostkey accept. Sinon, n’acceptez pas et prévenez-le.",
        en: "Compare this fingerprint with the one that your IT service gives. If they are the same: passerelle hostkey accept. If not, do not accept, and tell them.",
    }
    host_key_changed(place: &str, known: &str, source: &str) {
        fr: "ARRÊT : le serveur {place} ne présente pas la clé connue ({known}, dans {source}). Le serveur a peut-être été réinstallé, mais quelqu’un peut aussi se faire passer pour lui. Rien ne lui a été envoyé, ni mot de passe ni clé.",
        en: "STOP: the server {place} does not show the known key ({known}, in {source}). The server may have been reinstalled, but someone may also be posing as it. Nothing was sent to it, neither a password nor a key.",
    }
    call_it_before_anything(fingerprint: &str, source: &str) {
        fr: "Ne continuez pas et appelez le service informatique. Lisez-lui la nouvelle empreinte, {fingerprint} : lui seul peut dire si l’ancienne clé doit être retirée de {source}.",
        en: "Do not continue, and call your IT service. Read them the new fingerprint, {fingerprint}: they alone can say whether the old key is to be removed from {source}.",
    }
    host_key_revoked(place: &str, fingerprint: &str, source: &str) {
        fr: "ARRÊT : le serveur {place} présente une clé déclarée compromise ({fingerprint}, dans {source}). Rien ne lui a été envoyé.",
        en: "STOP: the server {place} shows a key that is declared compromised ({fingerprint}, in {source}). Nothing was sent to it.",
    }
    call_it_key_is_revoked() {
        fr: "Ne continuez pas et appelez le service informatique.",
        en: "Do not continue, and call your IT service.",
    }
    host_key_not_pinned(place: &str, fingerprint: &str, pinned: &str) {
        fr: "ARRÊT : le serveur {place} présente l’empreinte {fingerprint}, et la configuration n’accepte que {pinned}. Rien ne lui a été envoyé.",
        en: "STOP: the server {place} shows the fingerprint {fingerprint}, and the configuration accepts only {pinned}. Nothing was sent to it.",
    }
    call_it_pin_differs() {
        fr: "Ne continuez pas et appelez le service informatique : soit la clé du serveur a changé et host_key doit suivre dans la configuration, soit quelqu’un se fait passer pour lui.",
        en: "Do not continue, and call your IT service: either the server's key has changed and host_key in the configuration must follow, or someone is posing as it.",
    }
    host_certificate_unsupported(host: &str, source: &str) {
        fr: "Le serveur {host} n’est connu que par une autorité de certification (@cert-authority, dans {source}), ce que Passerelle ne sait pas vérifier.",
        en: "The server {host} is known only by a certificate authority (@cert-authority, in {source}), which Passerelle cannot check.",
    }
    pin_a_plain_key() {
        fr: "Demandez au service informatique l’empreinte de la clé du serveur et inscrivez-la sous host_key dans la configuration.",
        en: "Ask your IT service for the fingerprint of the server's key, and put it under host_key in the configuration.",
    }
    known_hosts_unreadable(path: &str, detail: &str) {
        fr: "La liste des serveurs connus {path} est illisible ({detail}). Sans elle, Passerelle ne peut pas reconnaître le serveur et ne se connecte pas.",
        en: "The list of known servers {path} cannot be read ({detail}). Without it Passerelle cannot recognise the server, and does not connect.",
    }
    make_readable() {
        fr: "Rendez ce fichier lisible pour votre compte, ou écartez-le s’il est abîmé ou n’est pas un fichier ordinaire, puis : passerelle up.",
        en: "Make the file readable for your account, or move it away if it is damaged or not a regular file, then: passerelle up.",
    }
    file_timeout(path: &str) {
        fr: "Le fichier {path} ne répond pas : le disque ou le partage réseau où il se trouve est injoignable.",
        en: "The file {path} does not answer: the disk or the network share that it is on cannot be reached.",
    }
    check_disk() {
        fr: "Rétablissez ce disque ou ce partage, ou placez le fichier sur ce poste. Passerelle réessaie d’elle-même.",
        en: "Bring that disk or share back, or keep the file on this machine. Passerelle tries again by itself.",
    }
    known_hosts_unwritable(path: &str, detail: &str) {
        fr: "La clé acceptée n’a pas pu être inscrite dans {path} ({detail}).",
        en: "The accepted key could not be recorded in {path} ({detail}).",
    }
    make_writable() {
        fr: "Vérifiez l’espace libre sur le disque et les droits de ce dossier, puis acceptez la clé de nouveau : passerelle hostkey accept.",
        en: "Check the free space on the disk and the rights on that folder, then accept the key again: passerelle hostkey accept.",
    }

    authentication_rejected(user: &str, server: &str, tried: &str) {
        fr: "Le serveur {server} refuse l’accès au compte {user} (essayé : {tried}). Passerelle ne réessaie pas tout seul, pour ne pas bloquer le compte.",
        en: "The server {server} refuses access to the account {user} (tried: {tried}). Passerelle does not try again by itself, so that the account does not get locked.",
    }
    check_credentials(offered: &str) {
        fr: "Vérifiez auprès du service informatique que votre clé publique est installée sur le serveur pour ce compte, ou donnez le mot de passe avec : passerelle secret set. Le serveur accepte : {offered}. Pour réessayer : passerelle up.",
        en: "Check with your IT service that your public key is installed on the server for this account, or give the password with: passerelle secret set. The server accepts: {offered}. To try again: passerelle up.",
    }
    noticed(detail: &str) {
        fr: "À noter : {detail}.",
        en: "Note: {detail}.",
    }
    no_credential(user: &str, server: &str, detail: &str) {
        fr: "Rien ne permet d’ouvrir le compte {user} sur {server} : ni clé utilisable, ni mot de passe ({detail}).",
        en: "There is nothing to open the account {user} on {server} with: no usable key, no password ({detail}).",
    }
    give_a_credential(offered: &str) {
        fr: "Indiquez un fichier de clé sous identity dans la configuration, ajoutez une clé à l’agent SSH, ou donnez un mot de passe avec : passerelle secret set. Le serveur accepte : {offered}.",
        en: "Name a key file under identity in the configuration, add a key to the SSH agent, or give a password with: passerelle secret set. The server accepts: {offered}.",
    }
    password_needed(user: &str, server: &str) {
        fr: "Le serveur {server} demande le mot de passe du compte {user}.",
        en: "The server {server} asks for the password of the account {user}.",
    }
    password_rejected(user: &str, server: &str) {
        fr: "Le serveur {server} refuse le mot de passe du compte {user}.",
        en: "The server {server} refuses the password of the account {user}.",
    }
    passphrase_needed(key: &str) {
        fr: "Le fichier de clé {key} est protégé par une phrase secrète.",
        en: "The key file {key} is protected by a passphrase.",
    }
    passphrase_rejected(key: &str) {
        fr: "La phrase secrète n’ouvre pas le fichier de clé {key}.",
        en: "The passphrase does not open the key file {key}.",
    }
    answer_it() {
        fr: "Pour la saisir : passerelle answer.",
        en: "To type it: passerelle answer.",
    }
    answer_with_care() {
        fr: "Pour le saisir de nouveau : passerelle answer. Après plusieurs erreurs, le serveur peut bloquer le compte.",
        en: "To type it again: passerelle answer. After several mistakes the server may lock the account.",
    }
    authentication_timeout(server: &str) {
        fr: "Le serveur {server} n’a pas répondu à temps à l’identification.",
        en: "The server {server} did not answer the log-in in time.",
    }
    question_timeout(server: &str) {
        fr: "Le serveur {server} attendait une réponse, et personne ne l’a donnée à temps.",
        en: "The server {server} waited for an answer, and nobody gave it in time.",
    }
    question_lost(server: &str) {
        fr: "La connexion au serveur {server} a pris fin pendant qu’il attendait une réponse.",
        en: "The connection to the server {server} ended while it waited for an answer.",
    }
    answer_was_not_used() {
        fr: "Ce qui a été saisi entre-temps n’a pas servi. Pour réessayer : passerelle up ; le serveur posera une nouvelle question.",
        en: "What was typed meanwhile was not used. To try again: passerelle up; the server then asks a new question.",
    }
    question_cancelled(server: &str) {
        fr: "La question du serveur {server} est restée sans réponse, à votre demande.",
        en: "The question of the server {server} was left unanswered, as you asked.",
    }
    come_back_with_up() {
        fr: "Pour réessayer : passerelle up.",
        en: "To try again: passerelle up.",
    }

    disconnected(server: &str, reason: u32) {
        fr: "Le serveur {server} a mis fin à la connexion (code {reason}).",
        en: "The server {server} ended the connection (code {reason}).",
    }
    disconnected_saying(server: &str, message: &str) {
        fr: "Le serveur {server} a mis fin à la connexion en disant « {message} ».",
        en: "The server {server} ended the connection, saying \"{message}\".",
    }
    connection_lost(server: &str, detail: &str) {
        fr: "La connexion au serveur {server} a été coupée ({detail}).",
        en: "The connection to the server {server} broke ({detail}).",
    }
    keepalive_timeout(server: &str) {
        fr: "Le serveur {server} ne donne plus signe de vie.",
        en: "The server {server} gives no more sign of life.",
    }

    port_taken_by(port: u16, process: &str, pid: u32) {
        fr: "Le port {port} de ce poste est occupé par {process} (processus {pid}).",
        en: "Port {port} of this computer is taken by {process} (process {pid}).",
    }
    port_taken_by_process(port: u16, pid: u32) {
        fr: "Le port {port} de ce poste est occupé par le processus {pid}.",
        en: "Port {port} of this computer is taken by process {pid}.",
    }
    port_taken(port: u16) {
        fr: "Le port {port} de ce poste est occupé par un autre programme.",
        en: "Port {port} of this computer is taken by another program.",
    }
    free_the_port() {
        fr: "Fermez ce programme, ou choisissez un autre port local dans la configuration. Passerelle réessaie tout seul.",
        en: "Close that program, or choose another local port in the configuration. Passerelle tries again by itself.",
    }
    port_reserved(port: u16) {
        fr: "Le système réserve le port {port} de ce poste.",
        en: "The system reserves port {port} of this computer.",
    }
    choose_another_port() {
        fr: "Choisissez un autre port local dans la configuration. Passerelle réessaie tout seul.",
        en: "Choose another local port in the configuration. Passerelle tries again by itself.",
    }
    bind_failed(address: &str, detail: &str) {
        fr: "Passerelle ne peut pas écouter sur {address} ({detail}).",
        en: "Passerelle cannot listen on {address} ({detail}).",
    }

    internal(detail: &str) {
        fr: "Passerelle a commis une erreur ({detail}).",
        en: "Passerelle made a mistake ({detail}).",
    }
    report_it() {
        fr: "Relancez le tunnel avec : passerelle restart. Si l’erreur revient, signalez-la avec le fichier journal.",
        en: "Start the tunnel again with: passerelle restart. If the mistake comes back, report it together with the log file.",
    }
}
