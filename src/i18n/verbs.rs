//! What the verbs of the command line say.

use super::messages;

messages! {
    not_running(state_dir: &str) {
        fr: "Passerelle n’est pas lancé (dossier d’état : {state_dir}). Pour le lancer : passerelle run.",
        en: "Passerelle is not running (state directory: {state_dir}). To start it: passerelle run.",
    }
    already_running(state_dir: &str) {
        fr: "Passerelle est déjà lancé (dossier d’état : {state_dir}). Pour voir comment il va : passerelle status.",
        en: "Passerelle is already running (state directory: {state_dir}). To see how it fares: passerelle status.",
    }
    no_answer() {
        fr: "Le Passerelle lancé ne répond pas. S’il ne se reprend pas, mettez fin à son processus et relancez-le : passerelle run.",
        en: "The running Passerelle does not answer. If it does not recover, end its process and start it again: passerelle run.",
    }
    call_broke(detail: &str) {
        fr: "La liaison avec le Passerelle lancé est rompue ({detail}).",
        en: "The connection to the running Passerelle broke ({detail}).",
    }
    other_version(detail: &str) {
        fr: "Le Passerelle lancé et cette commande ne se comprennent pas : ils sont de versions différentes ({detail}). Relancez-le : passerelle quit, puis passerelle run.",
        en: "The running Passerelle and this command do not understand each other: they are of different versions ({detail}). Start it again: passerelle quit, then passerelle run.",
    }
    answer_too_long() {
        fr: "Passerelle fonctionne, mais sa réponse est trop longue pour être transmise. Signalez-le avec le fichier journal.",
        en: "Passerelle is running, but its answer is too long to be sent. Report it together with the log file.",
    }
    broke_down() {
        fr: "Passerelle s’est arrêté sur une erreur interne ; son journal dit laquelle.",
        en: "Passerelle ended by a defect of its own; its log says which.",
    }
    cannot_run(detail: &str) {
        fr: "Passerelle ne peut pas démarrer ({detail}). Vérifiez que ce dossier est à vous, que l’on peut y écrire et que le disque n’est pas plein, ou choisissez-en un autre avec --state-dir.",
        en: "Passerelle cannot start ({detail}). Check that the directory is yours and can be written to, and that the disk is not full, or choose another one with --state-dir.",
    }

    no_such_tunnel(known: &str) {
        fr: "Aucun tunnel ne porte ce nom. Il y a : {known}.",
        en: "No tunnel has that name. There are: {known}.",
    }
    which_tunnel(known: &str) {
        fr: "Lequel ? Ajoutez le nom du tunnel. Il y a : {known}.",
        en: "Which one? Add the tunnel's name. There are: {known}.",
    }
    no_such_forward(known: &str) {
        fr: "Aucune redirection ne porte ce nom à elle seule. Il y a : {known}.",
        en: "No forward alone has that name. There are: {known}.",
    }
    nothing_to_open() {
        fr: "Il n’y a rien à ouvrir ici : la clé « open » de la redirection manque dans la configuration.",
        en: "There is nothing to open here: the forward has no \"open\" key in the configuration.",
    }
    nothing_asked() {
        fr: "Aucune question de ce genre n’attend de réponse. Pour voir l’état : passerelle status.",
        en: "No question of that kind waits for an answer. To see the state: passerelle status.",
    }
    question_gone() {
        fr: "La question a déjà reçu une réponse, ou n’est plus posée. Pour voir l’état : passerelle status.",
        en: "The question was answered already, or stands no more. To see the state: passerelle status.",
    }
    other_fingerprint(shown: &str) {
        fr: "Le serveur présente une autre empreinte que la vôtre : {shown}. La clé n’est pas acceptée. Ne continuez pas et appelez le service informatique.",
        en: "The server shows another fingerprint than yours: {shown}. The key is not accepted. Do not continue, and call your IT service.",
    }
    keyring_failed(detail: &str) {
        fr: "Le trousseau du système n’a pas pu être modifié ({detail}). Passerelle en tient compte, mais seulement jusqu’à sa fermeture.",
        en: "The system's keyring could not be changed ({detail}). Passerelle heeds it all the same, but only until it ends.",
    }
    known_hosts_failed(path: &str, detail: &str) {
        fr: "La liste des serveurs connus {path} n’a pas pu être modifiée ({detail}). Vérifiez l’espace libre sur le disque et les droits sur ce fichier et son dossier, puis recommencez.",
        en: "The list of known servers {path} could not be changed ({detail}). Check the free space on the disk and the rights on that file and its folder, then try again.",
    }

    tunnel(name: &str, server: &str, state: &str) {
        fr: "{name} ({server}) : {state}",
        en: "{name} ({server}): {state}",
    }
    since(phase: &str, time: &str) {
        fr: "{phase}, depuis {time}",
        en: "{phase}, for {time}",
    }
    round_trip(milliseconds: &str) {
        fr: "aller-retour : {milliseconds} ms",
        en: "round trip: {milliseconds} ms",
    }
    next_dial(time: &str) {
        fr: "nouvel essai dans {time}",
        en: "next try in {time}",
    }
    traffic(connections: u64, received: &str, sent: &str) {
        fr: "connexions : {connections}, reçu : {received}, envoyé : {sent}",
        en: "connections: {connections}, received: {received}, sent: {sent}",
    }
    no_tunnel() {
        fr: "La configuration n’a aucun tunnel.",
        en: "The configuration has no tunnel.",
    }
    file_not_in_force() {
        fr: "Le fichier de configuration contient des erreurs ; la configuration précédente reste en vigueur :",
        en: "The configuration file has errors; the configuration before it stays in force:",
    }

    key_accepted(fingerprint: &str) {
        fr: "La clé {fingerprint} est acceptée.",
        en: "The key {fingerprint} is accepted.",
    }
    known_key(fingerprint: &str, algorithm: &str, source: &str) {
        fr: "Clé connue : {fingerprint} ({algorithm}), {source}",
        en: "Known key: {fingerprint} ({algorithm}), {source}",
    }
    pinned_key(fingerprint: &str) {
        fr: "Clé imposée par la configuration : {fingerprint}",
        en: "Key pinned by the configuration: {fingerprint}",
    }
    no_known_key() {
        fr: "Aucune clé de ce serveur n’est connue.",
        en: "No key of this server is known.",
    }
    keys_forgotten(keys: usize) {
        fr: "Clés oubliées : {keys}. La prochaine que présente le serveur devra être acceptée.",
        en: "Keys forgotten: {keys}. The next one that the server shows must be accepted.",
    }
    no_key_to_forget() {
        fr: "Passerelle n’a accepté aucune clé pour ce serveur. Une clé de ~/.ssh/known_hosts se retire avec ssh-keygen -R.",
        en: "Passerelle has accepted no key for this server. A key in ~/.ssh/known_hosts is removed with ssh-keygen -R.",
    }
    fingerprint(algorithm: &str, fingerprint: &str) {
        fr: "Empreinte : {fingerprint} ({algorithm})",
        en: "Fingerprint: {fingerprint} ({algorithm})",
    }

    password_label() {
        fr: "Mot de passe : ",
        en: "Password: ",
    }
    empty_secret() {
        fr: "Rien n’a été saisi.",
        en: "Nothing was given.",
    }
    cannot_read(detail: &str) {
        fr: "La saisie est illisible ({detail}).",
        en: "What was given cannot be read ({detail}).",
    }
    too_few_lines() {
        fr: "L’entrée standard s’arrête avant la dernière réponse attendue : une ligne pour chacune.",
        en: "Standard input ends before the last answer: it takes a line for each.",
    }
    accept_or_forget() {
        fr: "C’est une clé à comparer, puis à accepter avec : passerelle hostkey accept.",
        en: "It is a key to compare, then to accept with: passerelle hostkey accept.",
    }

    browser_failed(url: &str, detail: &str) {
        fr: "Le navigateur ne s’ouvre pas ({detail}). L’adresse : {url}",
        en: "The browser does not open ({detail}). The address: {url}",
    }
    not_yet(forward: &str) {
        fr: "{forward} ne peut pas encore être ouvert.",
        en: "{forward} cannot be opened yet.",
    }
    still_ending() {
        fr: "Passerelle met plus de temps que prévu à se fermer.",
        en: "Passerelle takes longer than expected to end.",
    }

    config_is_right(file: &str) {
        fr: "{file} : la configuration est bonne.",
        en: "{file}: the configuration is right.",
    }
    config_is_default(file: &str) {
        fr: "{file} : ce fichier n’existe pas ; la configuration d’origine est en vigueur.",
        en: "{file}: this file does not exist; the built-in configuration is in force.",
    }
    file_silent(path: &str) {
        fr: "{path} ne répond pas : le disque ou le partage réseau où il se trouve est injoignable. Rétablissez-le, ou placez ce fichier sur ce poste, puis recommencez.",
        en: "{path} does not answer: the disk or the network share that it is on cannot be reached. Bring it back, or keep that file on this machine, then try again.",
    }
    config_missing(file: &str) {
        fr: "{file} : ce fichier n’existe pas. Pour l’écrire, avec chaque clé expliquée : passerelle config init --config FICHIER.",
        en: "{file}: this file does not exist. To write it, with every key explained: passerelle config init --config FILE.",
    }
    config_written(file: &str) {
        fr: "{file} : écrit.",
        en: "{file}: written.",
    }
    config_exists(file: &str) {
        fr: "{file} : ce fichier existe déjà, et n’est pas remplacé.",
        en: "{file}: this file exists already, and is not replaced.",
    }
    config_not_written(file: &str, detail: &str) {
        fr: "{file} : ce fichier ne peut pas être écrit ({detail}).",
        en: "{file}: this file cannot be written ({detail}).",
    }
}
